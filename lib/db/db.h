/* SPDX-License-Identifier: MIT */
/*
 * db.h - the database, as the rest of the product sees it.
 *
 * lib/db is the only folder that knows SQLite.  Statements live in stmts.def
 * (one row each) and are prepared once per connection.  Write transactions
 * are taken in turn by all processes: an advisory lock on "<file>-lock" is
 * waited for first (first come, first served by the kernel), then BEGIN
 * IMMEDIATE; so nobody polls for SQLite's own lock and no reader is ever
 * turned into a writer halfway.  A single statement that writes outside a
 * transaction takes its turn by itself.
 *
 * Rule of the house: no network call while a transaction is open (db_in_tx()
 * lets the HTTP side assert it).
 *
 * Checkpoints: SQLite before 3.51.3 can, rarely, lose frames when a
 * checkpoint resets the WAL while another connection starts to write.
 * Automatic checkpoints are therefore off, and db_checkpoint() runs only
 * while holding the advisory lock that every writer of ours takes.
 */
#ifndef IB_DB_H
#define IB_DB_H

#include "../base/arena.h"

enum stmt_id {
#define S(id, sql) id,
#include "stmts.def"
#undef S
	ST_MAX
};

struct db;
struct db_stmt;

enum db_flags {
	DB_CREATE = 1,		/* make the file and its folder's lock when absent */
	DB_MIGRATE = 2,		/* bring an older schema up to date */
	DB_READONLY = 4,
	DB_AS_IT_IS = 16,	/* db_restore: the copy keeps its schema, for a program that knows it */
	DB_ANY_DISK = 8		/* a network file system too: at the administrator's risk */
};

/*
 * Open.  The file must be a database of ours (application_id) of this
 * program's schema version, or older with DB_MIGRATE; a newer one is refused
 * (IB_ECONF).  WAL is demanded, not hoped for.  So is a local disk, and that
 * the file is private (IB_ECONF says what to do).
 */
IB_MUST const struct ib_err *db_open(const char *path, unsigned flags, struct db **out);
void db_close(struct db *db);
const char *db_path(const struct db *db);
/* Version of SQLite, "3.46.1". */
const char *db_library(void);

/* Transactions.  db_begin waits at most 5 s for its turn (IB_EBUSY).  They do not nest. */
#define db_begin(db) db_begin_at((db), __FILE__, __LINE__)
IB_MUST const struct ib_err *db_begin_at(struct db *db, const char *file, int line);
IB_MUST const struct ib_err *db_commit(struct db *db);
void db_rollback(struct db *db);		/* no-op when none is open */
bool db_in_tx(const struct db *db);
/* Savepoint inside a transaction, for events that must not hold up their neighbours. */
IB_MUST const struct ib_err *db_save(struct db *db);
IB_MUST const struct ib_err *db_save_keep(struct db *db);
void db_save_undo(struct db *db);
/* A read transaction: several reads of one moment.  db_read_end is a no-op when none is open, and takes NULL. */
IB_MUST const struct ib_err *db_read_begin(struct db *db);
void db_read_end(struct db *db);

/*
 * Statements.  db_stmt gives the prepared one (never NULL on success), unbound
 * and reset; a statement in use may not be asked for again before
 * db_release.  Bind numbers count from 1.  Bind failures show at db_step.
 */
IB_MUST const struct ib_err *db_stmt(struct db *db, enum stmt_id id, struct db_stmt **out);
void db_bind_int(struct db_stmt *st, int n, int64_t v);
void db_bind_text(struct db_stmt *st, int n, const char *v);	/* NULL binds NULL; v must live until the step */
void db_bind_blob(struct db_stmt *st, int n, const void *v, size_t len);
void db_bind_null(struct db_stmt *st, int n);
/* *row true: a row is there; false: finished.  On error the statement is reset. */
IB_MUST const struct ib_err *db_step(struct db_stmt *st, bool *row);
void db_release(struct db_stmt *st);		/* NULL is fine */

/*
 * The end of a reading: releases, and tells when what was read found no place
 * in the arena (an error before that comes first).
 */
IB_MUST const struct ib_err *db_done(struct db_stmt *st, const struct arena *a, const struct ib_err *err);

int64_t db_col_int(struct db_stmt *st, int n);		/* columns count from 0; NULL reads 0 */
bool db_col_null(struct db_stmt *st, int n);
const char *db_col_text(struct db_stmt *st, int n);	/* valid until the next step; NULL for NULL */
const void *db_col_blob(struct db_stmt *st, int n, size_t *len);
char *db_col_dup(struct db_stmt *st, int n, struct arena *a);	/* text into the arena */

/*
 * Shorthand for statements that give at most one row or none at all:
 * db_run(db, ST_X, "its", i, text, s): binds by letters (i int64_t, t const
 * char *, b const void * and size_t, n nothing = NULL), steps to the end,
 * releases.  db_run_n also tells the rows changed.
 */
IB_MUST const struct ib_err *db_run(struct db *db, enum stmt_id id, const char *types, ...);
IB_MUST const struct ib_err *db_run_n(struct db *db, enum stmt_id id, int64_t *changed, const char *types, ...);
/* First column of the first row as integer; *found false when there is no row. */
IB_MUST const struct ib_err *db_get_int(struct db *db, enum stmt_id id, int64_t *out, bool *found, const char *types, ...);
/* Bind by letters and leave the statement open for stepping. */
IB_MUST const struct ib_err *db_query(struct db *db, enum stmt_id id, struct db_stmt **out, const char *types, ...);
int64_t db_last_id(const struct db *db);

/* Keeping house ---------------------------------------------------------------- */

/* Bytes in the WAL file now, and in the database file. */
int64_t db_wal_size(const struct db *db);
int64_t db_size(const struct db *db);
/* Bytes that its user may still write on the disk of the database. */
int64_t db_disk_free(const struct db *db);
/* PRAGMA journal_mode. */
IB_MUST const struct ib_err *db_journal(struct db *db, struct arena *a, char **mode);
/*
 * Move the WAL into the database and truncate it, in a writer's turn; *done
 * false when readers were in the way: nobody waits for them, next time will do.
 */
IB_MUST const struct ib_err *db_checkpoint(struct db *db, bool *done);
/*
 * A consistent copy into a new file, mode 0600, while others read and write;
 * refuses to overwrite.  The name appears when the copy is whole and on disk.
 */
IB_MUST const struct ib_err *db_backup(struct db *db, const char *to);
/*
 * The way back: `from` becomes the database `to`, which nobody has open.  The copy
 * is migrated and checked, `look` may refuse it, and only then it appears under its
 * name.  One that is there is refused, or kept as `aside`; either is whole under
 * `to` at every moment.
 */
typedef const struct ib_err *db_look(struct db *copy, void *arg);
IB_MUST const struct ib_err *db_restore(const char *from, const char *to, unsigned flags,
    const char *aside, db_look *look, void *arg);
/* The part of it that refuses: before somebody unpacks much for nothing. */
IB_MUST const struct ib_err *db_restore_may(const char *to, unsigned flags, bool replace);
/*
 * Nobody can open the database any more until *fd is closed; who has it open goes on.
 * So that a restore can wait for them to end.
 */
IB_MUST const struct ib_err *db_gate_shut(const char *path, int *fd);
/* PRAGMA quick_check; *ok false with the first finding in `what` (arena). */
IB_MUST const struct ib_err *db_check(struct db *db, struct arena *a, bool *ok, char **what);
/* Schema version of this program. */
int db_schema_version(void);
/* Name of a network file system by its type in statfs(2); NULL when it is a local one. */
const char *db_network_disk(int64_t type);
/* Text of a statement and its query plan, for the guards in the tests. */
const char *db_stmt_sql(enum stmt_id id);
IB_MUST const struct ib_err *db_explain(struct db *db, enum stmt_id id, struct arena *a, char **plan);

#endif
