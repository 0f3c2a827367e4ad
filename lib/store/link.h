/* SPDX-License-Identifier: MIT */
/*
 * link.h - which conversation belongs to which record of Pipedrive.
 */
#ifndef IB_LINK_H
#define IB_LINK_H

#include "../db/db.h"

/*
 * Conversations of the install that are linked to a record ("person", "deal";
 * its id at Pipedrive), the latest message first.
 */
IB_MUST const struct ib_err *link_threads(struct db *db, struct arena *a, int64_t install_id,
    const char *kind, const char *pd_id, int max, int64_t **out, size_t *n);

#endif
