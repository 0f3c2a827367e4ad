/* SPDX-License-Identifier: MIT */
/*
 * maint.c - schema versions, checkpoint, backup, check.  See db.h.
 */
#include "db_int.h"
#include "schema.h"

#include "../base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
db_schema_version(void)
{
	return schema_nsteps;
}

static const struct ib_err *
run_step(struct db *db, int step)
{
	const struct ib_err *err;
	char mark[96];

	if ((err = db_exec(db, "BEGIN IMMEDIATE")) != NULL)
		return err;
	snprintf(mark, sizeof(mark), "PRAGMA application_id=%d; PRAGMA user_version=%d;",
	    SCHEMA_APPLICATION_ID, step + 1);
	if ((err = db_exec(db, schema_steps[step])) == NULL &&
	    (err = db_exec(db, mark)) == NULL)
		err = db_exec(db, "COMMIT");
	if (err != NULL) {
		sqlite3_exec(db->s, "ROLLBACK", NULL, NULL, NULL);
		return err;
	}
	log_event(LOG_INFO_, "schema", "version", log_i(step + 1), NULL);
	return NULL;
}

const struct ib_err *
db_migrate(struct db *db, unsigned flags)
{
	const struct ib_err *err;
	int64_t version, app, tables;

	if ((err = db_pragma_int(db, "PRAGMA user_version", &version)) != NULL ||
	    (err = db_pragma_int(db, "PRAGMA application_id", &app)) != NULL ||
	    (err = db_pragma_int(db, "SELECT count(*) FROM sqlite_schema", &tables)) != NULL)
		return err;
	if (tables > 0 && app != SCHEMA_APPLICATION_ID)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s: not a database of this product", db->path);
	if (version > schema_nsteps)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER,
		    "%s: schema %lld is newer than this program (%d); upgrade the program",
		    db->path, (long long)version, schema_nsteps);
	if (version == schema_nsteps)
		return NULL;
	if ((flags & DB_MIGRATE) == 0)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER,
		    "%s: schema %lld, this program needs %d; run `inboxctl init`",
		    db->path, (long long)version, schema_nsteps);
	if ((err = db_lock(db, 30000)) != NULL)
		return err;
	/* Somebody else may have done it while we waited. */
	err = db_pragma_int(db, "PRAGMA user_version", &version);
	while (err == NULL && version < schema_nsteps)
		err = run_step(db, (int)version++);
	db_unlock(db);
	return err;
}

int64_t
db_wal_size(const struct db *db)
{
	struct stat sb;
	size_t n = strlen(db->path);
	char *wal = malloc(n + 5);
	int64_t size = 0;

	if (wal == NULL)
		return 0;
	snprintf(wal, n + 5, "%s-wal", db->path);
	if (stat(wal, &sb) == 0)
		size = sb.st_size;
	free(wal);
	return size;
}

const struct ib_err *
db_checkpoint(struct db *db, bool *done)
{
	const struct ib_err *err;
	int log = 0, moved = 0, rc;

	*done = false;
	db_read_end(db);
	if ((err = db_lock(db, 5000)) != NULL)
		return err;
	rc = sqlite3_wal_checkpoint_v2(db->s, NULL, SQLITE_CHECKPOINT_TRUNCATE, &log, &moved);
	db_unlock(db);
	if (rc == SQLITE_BUSY)
		return NULL;		/* a reader is in the way: next time */
	if (rc != SQLITE_OK)
		return db_error(db, rc, "checkpoint");
	*done = true;
	return NULL;
}

const struct ib_err *
db_backup(struct db *db, const char *to)
{
	const struct ib_err *err = NULL;
	sqlite3_stmt *st = NULL;
	mode_t mask;
	int rc;

	if (access(to, F_OK) == 0)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s exists; it is not overwritten", to);
	mask = umask(077);
	rc = sqlite3_prepare_v2(db->s, "VACUUM INTO ?1", -1, &st, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(st, 1, to, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc != SQLITE_DONE) {
		err = db_error(db, rc, "backup");
		unlink(to);
	}
	sqlite3_finalize(st);
	umask(mask);
	return err;
}

const struct ib_err *
db_check(struct db *db, struct arena *a, bool *ok, char **what)
{
	const struct ib_err *err = NULL;
	sqlite3_stmt *st = NULL;
	int rc;

	*ok = false;
	*what = NULL;
	rc = sqlite3_prepare_v2(db->s, "PRAGMA quick_check(1)", -1, &st, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		*what = arena_dup(a, (const char *)sqlite3_column_text(st, 0));
		*ok = *what != NULL && strcmp(*what, "ok") == 0;
	} else {
		err = db_error(db, rc, "quick_check");
	}
	sqlite3_finalize(st);
	return err;
}

const struct ib_err *
db_explain(struct db *db, enum stmt_id id, struct arena *a, char **plan)
{
	const struct ib_err *err = NULL;
	sqlite3_stmt *st = NULL;
	char *sql = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", db_stmt_sql(id));
	struct ib_buf out;
	int rc;

	*plan = NULL;
	if (sql == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "explain");
	buf_init(&out, 64 << 10);
	rc = sqlite3_prepare_v2(db->s, sql, -1, &st, NULL);
	if (rc == SQLITE_OK) {
		while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
			buf_puts(&out, (const char *)sqlite3_column_text(st, 3));
			buf_putc(&out, '\n');
		}
	}
	if (rc != SQLITE_DONE && rc != SQLITE_OK)
		err = db_error(db, rc, "explain");
	else
		*plan = arena_dup(a, buf_cstr(&out));
	sqlite3_finalize(st);
	sqlite3_free(sql);
	buf_fini(&out);
	return err;
}
