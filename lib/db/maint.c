/* SPDX-License-Identifier: MIT */
/*
 * maint.c - schema versions, checkpoint, backup, restore, check.  See db.h.
 */
#include "db_int.h"
#include "schema.h"

#include "../base/file.h"
#include "../base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READER_WAIT_MS	50
#define COPY_STEP	((size_t)256 << 10)

static const char *const *steps = schema_steps;
static int nsteps;		/* 0: as in schema.c */

static int
last_step(void)
{
	return nsteps > 0 ? nsteps : schema_nsteps;
}

void
db_use_steps(const char *const *list, int n)
{
	steps = list != NULL ? list : schema_steps;
	nsteps = list != NULL ? n : 0;
}

int
db_schema_version(void)
{
	return last_step();
}

/* What a step left is checked before it counts. */
static const struct ib_err *
run_step(struct db *db, int step)
{
	const struct ib_err *err;
	int64_t orphans = 0;
	char mark[96];

	snprintf(mark, sizeof(mark), "PRAGMA application_id=%d; PRAGMA user_version=%d;",
	    SCHEMA_APPLICATION_ID, step + 1);
	if ((err = db_exec(db, steps[step])) == NULL &&
	    (err = db_pragma_int(db, "SELECT count(*) FROM pragma_foreign_key_check", &orphans)) == NULL &&
	    orphans > 0)
		err = ib_fail(IB_EDB, IB_RETRY_NEVER, "%s: schema %d leaves %lld rows that hang on nothing",
		    db->path, step + 1, (long long)orphans);
	return err != NULL ? err : db_exec(db, mark);
}

/*
 * All steps or none, so that a program of the older version can go on when one
 * fails.  Foreign keys are off meanwhile: a step that rebuilds a table must not
 * empty those that hang on it.
 */
static const struct ib_err *
run_steps(struct db *db, int last)
{
	const struct ib_err *err, *on;
	int64_t version = 0;

	/* The version is read once more: somebody else may have done it while we waited. */
	if ((err = db_exec(db, "PRAGMA foreign_keys=OFF; BEGIN IMMEDIATE")) == NULL)
		err = db_pragma_int(db, "PRAGMA user_version", &version);
	while (err == NULL && version < last)
		err = run_step(db, (int)version++);
	if (err == NULL)
		err = db_exec(db, "COMMIT");
	if (sqlite3_get_autocommit(db->s) == 0)
		sqlite3_exec(db->s, "ROLLBACK", NULL, NULL, NULL);
	if ((on = db_exec(db, "PRAGMA foreign_keys=ON")) != NULL && err == NULL)
		err = on;
	if (err == NULL)
		log_event(LOG_INFO_, "schema", "version", log_i(version), NULL);
	return err;
}

const struct ib_err *
db_migrate(struct db *db, unsigned flags)
{
	const struct ib_err *err;
	int64_t version, app, tables;
	int last = last_step();

	if ((err = db_pragma_int(db, "PRAGMA user_version", &version)) != NULL ||
	    (err = db_pragma_int(db, "PRAGMA application_id", &app)) != NULL ||
	    (err = db_pragma_int(db, "SELECT count(*) FROM sqlite_schema", &tables)) != NULL)
		return err;
	if (tables > 0 && app != SCHEMA_APPLICATION_ID)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s: not a database of this product", db->path);
	if (version > last)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER,
		    "%s: schema %lld is newer than this program (%d); upgrade the program",
		    db->path, (long long)version, last);
	if (version == last)
		return NULL;
	if ((flags & DB_MIGRATE) == 0)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER,
		    "%s: schema %lld, this program needs %d; run `inboxctl init`",
		    db->path, (long long)version, last);
	if ((err = db_lock(db, 30000)) != NULL)
		return err;
	err = run_steps(db, last);
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

int64_t
db_size(const struct db *db)
{
	struct stat sb;

	return stat(db->path, &sb) == 0 ? sb.st_size : 0;
}

int64_t
db_disk_free(const struct db *db)
{
	return file_disk_free(db->path);
}

const struct ib_err *
db_journal(struct db *db, struct arena *a, char **mode)
{
	const struct ib_err *err = NULL;
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db->s, "PRAGMA journal_mode", -1, &st, NULL);

	*mode = NULL;
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc != SQLITE_ROW)
		err = db_error(db, rc, "journal_mode");
	else if ((*mode = arena_dup(a, (const char *)sqlite3_column_text(st, 0))) == NULL)
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "journal_mode");
	sqlite3_finalize(st);
	return err;
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
	/* Writers stand in line behind us: a reader gets a moment, not their five seconds. */
	sqlite3_busy_timeout(db->s, READER_WAIT_MS);
	rc = sqlite3_wal_checkpoint_v2(db->s, NULL, SQLITE_CHECKPOINT_TRUNCATE, &log, &moved);
	sqlite3_busy_timeout(db->s, DB_WAIT_MS);
	db_unlock(db);
	if (rc == SQLITE_BUSY)
		return NULL;		/* a reader is in the way: next time */
	if (rc != SQLITE_OK)
		return db_error(db, rc, "checkpoint");
	*done = true;
	return NULL;
}

/* Copies ------------------------------------------------------------------------- */

static char *
beside(const char *path, const char *tail)
{
	size_t n = strlen(path) + strlen(tail) + 24;
	char *s = malloc(n);

	if (s != NULL)
		snprintf(s, n, "%s%s", path, tail);
	return s;
}

/* A name for the copy until it is whole: "<path>.part-<pid>". */
static char *
part_name(const char *path)
{
	size_t n = strlen(path) + 32;
	char *s = malloc(n);

	if (s != NULL)
		snprintf(s, n, "%s.part-%ld", path, (long)getpid());
	return s;
}

static bool
is_there(const char *path, const char *tail, bool even_empty)
{
	char *s = beside(path, tail);
	struct stat sb;
	bool there = s == NULL || (lstat(s, &sb) == 0 && (even_empty || sb.st_size > 0));

	free(s);
	return there;
}

/* The copy and what SQLite and we put beside it. */
static void
unlink_all(const char *path)
{
	static const char *const tails[] = { "", "-wal", "-shm", "-lock", "-journal" };
	size_t i;

	for (i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		char *s = beside(path, tails[i]);

		if (s != NULL)
			(void)unlink(s);
		free(s);
	}
}

const struct ib_err *
db_backup(struct db *db, const char *to)
{
	const struct ib_err *err = NULL;
	sqlite3_stmt *st = NULL;
	char *tmp;
	mode_t mask;
	int rc;

	if (is_there(to, "", true))
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s exists; it is not overwritten", to);
	if ((tmp = part_name(to)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "backup");
	unlink_all(tmp);
	mask = umask(077);
	rc = sqlite3_prepare_v2(db->s, "VACUUM INTO ?1", -1, &st, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(st, 1, tmp, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc != SQLITE_DONE)
		err = db_error(db, rc, "backup");
	sqlite3_finalize(st);
	umask(mask);
	if (err == NULL)
		err = file_appear(tmp, to);
	unlink_all(tmp);
	free(tmp);
	return err;
}

static const struct ib_err *
copy_file(const char *from, const char *to)
{
	const struct ib_err *err = NULL;
	int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
	ssize_t got = 0;
	char *buf = malloc(COPY_STEP);

	if (in < 0)
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s: %s", from, strerror(errno));
	else if (buf == NULL)
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "copy");
	else if ((out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
		err = ib_fail(IB_ESYS, IB_RETRY_LATER, "%s: %s", to, strerror(errno));
	while (err == NULL && (got = read(in, buf, COPY_STEP)) > 0)
		err = file_write(out, buf, (size_t)got, to);
	if (err == NULL && got < 0)
		err = ib_fail(IB_ESYS, IB_RETRY_LATER, "%s: %s", from, strerror(errno));
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	free(buf);
	return err;
}

/* db_open would take an empty file for a database that is yet to be made. */
static bool
is_ours(const char *path)
{
	struct db probe = { .lock_fd = -1 };
	const struct ib_err *err = NULL;
	int64_t app = 0;

	if (sqlite3_open_v2(path, &probe.s, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK)
		err = db_pragma_int(&probe, "PRAGMA application_id", &app);
	if (err != NULL)
		log_event(LOG_DEBUG_, "restore", "error", err->msg, NULL);
	sqlite3_close(probe.s);
	return err == NULL && app == SCHEMA_APPLICATION_ID;
}

/* The copy is looked at, and stays what it is. */
static const struct ib_err *
check_as_it_is(const char *from, const char *tmp)
{
	struct db probe = { .lock_fd = -1 };
	const struct ib_err *err;
	struct arena a;
	char *what = NULL;
	bool good = false;

	arena_init(&a, 1 << 20);
	if (!is_ours(tmp) || sqlite3_open_v2(tmp, &probe.s, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s: not a database of this product", from);
	else if ((err = db_check(&probe, &a, &good, &what)) == NULL && !good)
		err = ib_fail(IB_EDB, IB_RETRY_NEVER, "%s is damaged: %.120s", from, what != NULL ? what : "-");
	sqlite3_close(probe.s);
	arena_fini(&a);
	return err;
}

/* The copy is opened as a database is, brought up to date, and looked at. */
static const struct ib_err *
try_copy(const char *from, const char *tmp, unsigned flags, db_look *look, void *arg)
{
	const struct ib_err *err, *why;
	struct db *db = NULL;
	struct arena a;
	char *what = NULL;
	bool good = false, done = false;

	if ((flags & DB_AS_IT_IS) != 0)
		return check_as_it_is(from, tmp);
	if (!is_ours(tmp))
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s: not a database of this product", from);
	arena_init(&a, 1 << 20);
	if ((why = db_open(tmp, DB_MIGRATE | (flags & DB_ANY_DISK), &db)) != NULL)
		err = ib_fail(why->code, why->retry, "%.90s (copied to %.150s)", from, why->msg);
	else if ((err = db_check(db, &a, &good, &what)) == NULL && !good)
		err = ib_fail(IB_EDB, IB_RETRY_NEVER, "%s is damaged: %.120s", from, what != NULL ? what : "-");
	if (err == NULL && look != NULL)
		err = look(db, arg);
	if (err == NULL && (err = db_checkpoint(db, &done)) == NULL && !done)
		err = ib_fail(IB_EBUSY, IB_RETRY_LATER, "%s: somebody has it open", tmp);
	db_close(db);
	arena_fini(&a);
	return err;
}

/* A second name for what is there: nothing is moved before its successor is whole. */
static const struct ib_err *
keep_aside(const char *to, const char *aside)
{
	const struct ib_err *err = NULL;
	char *wal = beside(to, "-wal"), *aside_wal = beside(aside, "-wal"), *shm = beside(to, "-shm");
	sqlite3 *old = NULL;

	/* The WAL goes into it, if it is not damaged. */
	if (sqlite3_open_v2(to, &old, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK)
		(void)sqlite3_wal_checkpoint_v2(old, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_close(old);
	if (wal == NULL || aside_wal == NULL || shm == NULL)
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "restore");
	else if ((access(to, F_OK) == 0 && link(to, aside) != 0) || (is_there(to, "-wal", false) && link(wal, aside_wal) != 0))
		err = ib_fail(IB_ESYS, IB_RETRY_NEVER, "%s: %s; move the database away yourself", aside, strerror(errno));
	else {
		(void)unlink(wal);
		(void)unlink(shm);
	}
	free(wal);
	free(aside_wal);
	free(shm);
	return err;
}

/* Nobody opens `to`, or makes it, while *fd is open. */
static const struct ib_err *
restore_begin(const char *to, unsigned flags, bool replace, int *fd)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_TURN, .l_len = 2 };
	const struct ib_err *err;
	char *lock = beside(to, "-lock");

	*fd = -1;
	if (lock == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "restore");
	if ((err = db_place(to, flags)) != NULL)
		;
	else if ((*fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s: %s", lock, strerror(errno));
	else if (fcntl(*fd, F_OFD_SETLK, &fl) != 0)
		err = errno == EAGAIN || errno == EACCES ? ib_fail(IB_EBUSY, IB_RETRY_LATER,
		    "%s: the inbox is running; stop its workers and inbox-sync first", to) :
		    ib_fail(IB_ESYS, IB_RETRY_LATER, "%s: %s", lock, strerror(errno));
	else if (!replace && (is_there(to, "", true) || is_there(to, "-wal", false)))
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s (or its -wal) exists; it is not overwritten: "
		    "move both away first, or say --replace", to);
	free(lock);
	return err;
}

const struct ib_err *
db_gate_shut(const char *path, int *fd)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_GATE, .l_len = 1 };
	char *lock = beside(path, "-lock");
	const struct ib_err *err = NULL;

	*fd = -1;
	if (lock == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "restore");
	if ((*fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0 || fcntl(*fd, F_OFD_SETLK, &fl) != 0)
		err = ib_fail(IB_EBUSY, IB_RETRY_LATER, "%s: %s", lock, strerror(errno));
	if (err != NULL && *fd >= 0) {
		(void)close(*fd);
		*fd = -1;
	}
	free(lock);
	return err;
}

const struct ib_err *
db_restore_may(const char *to, unsigned flags, bool replace)
{
	const struct ib_err *err;
	int fd;

	err = restore_begin(to, flags, replace, &fd);
	if (fd >= 0)
		(void)close(fd);
	return err;
}

const struct ib_err *
db_restore(const char *from, const char *to, unsigned flags, const char *aside, db_look *look, void *arg)
{
	const struct ib_err *err;
	char *tmp = part_name(to);
	bool there;
	int fd;

	if ((err = restore_begin(to, flags, aside != NULL, &fd)) == NULL && tmp == NULL)
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "restore");
	if (err == NULL && (is_there(from, "-wal", false) || is_there(from, "-journal", false)))
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s is not whole: a -wal or -journal lies beside it; "
		    "use a copy made by `inboxctl backup`", from);
	if (err == NULL) {
		there = is_there(to, "", true) || is_there(to, "-wal", false);
		unlink_all(tmp);
		if ((err = copy_file(from, tmp)) == NULL && (err = try_copy(from, tmp, flags, look, arg)) == NULL &&
		    (!there || (err = keep_aside(to, aside)) == NULL))
			err = there ? file_replace(tmp, to) : file_appear(tmp, to);
		unlink_all(tmp);
	}
	if (fd >= 0)
		(void)close(fd);
	free(tmp);
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
