/* SPDX-License-Identifier: MIT */
/*
 * export.h - copies of everything a company has here: one archive each, built
 * in slices, downloadable for a week.
 *
 *   building  the cursor says how far: conversations first, then the contents
 *   ready     the file is whole
 *
 * A slice holds a lease; what it wrote counts when its row is committed
 * (tarball.h).  A row without a file, or a file without a row, is swept.
 */
#ifndef IB_EXPORT_H
#define IB_EXPORT_H

#include "../db/db.h"
#include "thread.h"

#define EXPORT_KEEP_DAYS	7

struct export {
	int64_t		 id, install_id, user_id, started_at, ended_at, size;
	const char	*file;		/* name in the folder of exports: random */
	bool		 ready;
	/* how far: conversation, its message, its part; then the part of the contents */
	int64_t		 thread, msg_at, msg_id, part, contents, after_thread;
	int64_t		 threads, messages, files;
};
/* The one that is being built, or a new one.  In a transaction. */
IB_MUST const struct ib_err *export_start(struct db *db, struct arena *a, int64_t install_id,
    int64_t user_id, int64_t now, bool *fresh);
/* Newest first, at most `max`. */
IB_MUST const struct ib_err *export_list(struct db *db, struct arena *a, int64_t install_id, size_t max,
    struct export **out, size_t *n);
IB_MUST const struct ib_err *export_get(struct db *db, struct arena *a, int64_t install_id, int64_t id,
    struct export **out);
/* The next slice of any, claimed for five minutes; *out NULL: none. */
IB_MUST const struct ib_err *export_claim(struct db *db, struct arena *a, int64_t now, struct export **out);
/* The slice is done: cursor, size and counts as they are in `x` now. */
IB_MUST const struct ib_err *export_step(struct db *db, const struct export *x, int64_t now);
/* It could not be done: others may try at once. */
IB_MUST const struct ib_err *export_release(struct db *db, int64_t id);
IB_MUST const struct ib_err *export_sweep(struct db *db, int64_t now);
IB_MUST const struct ib_err *export_known(struct db *db, const char *file, bool *known);
/* A copy holds what is being taken away: it goes as well. */
IB_MUST const struct ib_err *export_drop(struct db *db, int64_t install_id);

/* Conversations in order of their ids behind `after`; at most `max`. */
struct export_thread { int64_t id, last_at; const char *name, *psid, *page; enum thread_state state; int64_t until_at; };
IB_MUST const struct ib_err *export_threads(struct db *db, struct arena *a, int64_t install_id,
    int64_t after, size_t max, struct export_thread **out, size_t *n);

#endif
