/* SPDX-License-Identifier: MIT */
/*
 * saved.h - a person's own filters under names: lines "name TAB query" in
 * user.saved, so that the session brings them along.  The query is as filter.h
 * writes it, the name a line without control characters.
 */
#ifndef IB_SAVED_H
#define IB_SAVED_H

#include "../db/db.h"

#define SAVED_MOST	20
#define SAVED_NAME_MAX	40	/* characters */

struct saved { const char *name, *query; };
/* *n of them, at most SAVED_MOST; arena memory. */
IB_MUST const struct ib_err *saved_parse(struct arena *a, const char *text, struct saved **out, size_t *n);
/* The same name again takes the query's place.  *full: there are as many as may be, nothing was added. */
IB_MUST const struct ib_err *saved_put(struct db *db, struct arena *a, int64_t user_id, const char *name,
    const char *query, bool *full);
/* No such name: nothing happens. */
IB_MUST const struct ib_err *saved_drop(struct db *db, struct arena *a, int64_t user_id, const char *name);

#endif
