/* SPDX-License-Identifier: MIT */
/*
 * setup.h - the one-time link with which a set-up goes on in the browser.
 *
 * The database keeps the digest of the code alone.  A code is good for an hour
 * and opens once; a new one takes the place of the last.
 */
#ifndef IB_SETUP_H
#define IB_SETUP_H

#include "../db/db.h"

#define SETUP_CODE_MS	(60 * (int64_t)60 * 1000)
/* What stands in the configuration for what nobody has filled in yet. */
#define SETUP_UNSET	"unset"
#define SETUP_NO_APP	"0"

IB_MUST const struct ib_err *setup_code_new(struct db *db, struct arena *a, int64_t now, char **code);
/* *good: the code was the right one and its time is not over; it opens nothing any more. */
IB_MUST const struct ib_err *setup_code_use(struct db *db, struct arena *a, const char *code, int64_t now, bool *good);

#endif
