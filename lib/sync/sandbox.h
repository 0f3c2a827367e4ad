/* SPDX-License-Identifier: MIT */
/*
 * sandbox.h - an inbox that is tried with the sandbox before it has apps.
 *
 * On: the apps' file (conf.h) names the sandbox in the place of both services,
 * with an id and secrets made for it; the address of the sandbox in it marks every
 * page.  Off again: everything that came of it leaves (leaving.h), no service is
 * told, and the values go out of the file.  Never beside values of real apps or a
 * connected company.  inboxctl runs the sandbox itself.
 */
#ifndef IB_SANDBOX_H
#define IB_SANDBOX_H

#include "../base/conf.h"
#include "../base/crypt.h"
#include "../db/db.h"

/* Did sandbox_begin() switch it on?  A demo's own configuration does not count. */
bool sandbox_is_on(const struct conf *conf);
/* Its port at 127.0.0.1; 0: it is off. */
int64_t sandbox_port(const struct conf *conf);
/* File in which the sandbox keeps what it knows. */
const char *sandbox_file(const struct conf *conf, struct arena *a);
/* *out: the configuration as it is from now on; NULL: there is something real here. */
IB_MUST const struct ib_err *sandbox_begin(const struct conf *conf, struct db *db, struct arena *a, int64_t port,
    struct conf **out);
/*
 * Off.  Repeatable: whoever dies between two steps leaves the rest to the next
 * call.  Rows and files are erased by whoever works next (sync_leave_one).
 */
IB_MUST const struct ib_err *sandbox_end(const struct conf *conf, struct db *db, const struct keyring *keys,
    struct arena *a, int64_t now);

#endif
