/* SPDX-License-Identifier: MIT */
/* db_int.h - shared inside lib/db only. */
#ifndef IB_DB_INT_H
#define IB_DB_INT_H

#include "db.h"
#include "../base/buf.h"

#include <sqlite3.h>

#define DB_WAIT_MS	5000	/* for a turn to write */

struct db_stmt {
	sqlite3_stmt	*st;
	struct db	*db;
	enum stmt_id	 id;
	bool		 busy;		/* handed out and not yet released */
	bool		 turn;		/* holds the writers' lock by itself */
	int		 bind_rc;	/* first bind failure */
};

struct db {
	sqlite3		*s;
	char		*path;
	int		 lock_fd;	/* advisory lock of writers */
	bool		 in_tx, in_read;
	const char	*tx_file;
	int		 tx_line;
	struct db_stmt	 stmts[ST_MAX];
};

/* SQLite's answer as an error of ours. */
const struct ib_err *db_error(struct db *db, int rc, const char *what);
/* Is the folder local (flags say if it must be), and is everything private? */
IB_MUST const struct ib_err *db_place(const char *path, unsigned flags);
IB_MUST const struct ib_err *db_disk_fit(const char *folder, int64_t type, unsigned flags);
/*
 * "<file>-lock": whoever has the database open holds byte 1 shared; the turn
 * of a writer is byte 0.
 */
#define LOCK_TURN	0
#define LOCK_OPEN	1
#define LOCK_GATE	2	/* held by who lets nobody in; looked at when opening */
/* The writers' advisory lock; wait_ms 0 = only try. */
IB_MUST const struct ib_err *db_lock(struct db *db, int64_t wait_ms);
void db_unlock(struct db *db);
/* Run SQL text of ours (pragmas, migrations). */
IB_MUST const struct ib_err *db_exec(struct db *db, const char *sql);
IB_MUST const struct ib_err *db_pragma_int(struct db *db, const char *sql, int64_t *out);
IB_MUST const struct ib_err *db_migrate(struct db *db, unsigned flags);
/* Only for tests: other steps than schema.c's in this process; NULL = those again. */
void db_use_steps(const char *const *steps, int n);

#endif
