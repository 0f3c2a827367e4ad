/* SPDX-License-Identifier: MIT */
/*
 * db_sqlite.c - connection, transactions, statements.  See db.h.
 *
 * Settings of each connection: WAL with synchronous=FULL (a 200 to Facebook
 * means that the event is on disk), foreign keys on, no automatic
 * checkpoints (db.h says why), no mmap and 8 MiB of page cache
 * (docs/performance.md), secure_delete=FAST so that deleted messages do not
 * stay readable in freed space at no further I/O.
 */
#include "db_int.h"
#include "schema.h"

#include "../base/fault.h"
#include "../base/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static const char *const stmt_sql[ST_MAX] = {
#define S(id, sql) [id] = sql,
#include "stmts.def"
#undef S
};

static const char *const stmt_names[ST_MAX] = {
#define S(id, sql) [id] = #id,
#include "stmts.def"
#undef S
};

const struct ib_err *
db_error(struct db *db, int rc, const char *what)
{
	const char *msg = db->s != NULL ? sqlite3_errmsg(db->s) : sqlite3_errstr(rc);
	int ext = db->s != NULL ? sqlite3_extended_errcode(db->s) : rc;

	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ib_fail(IB_EBUSY, IB_RETRY_LATER, "%s: database busy (%d)", what, ext);
	case SQLITE_NOMEM:
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "%s: out of memory", what);
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_CORRUPT:	/* no fault of what was to be stored: it shall come again */
	case SQLITE_NOTADB:
		return ib_fail(IB_EDB, IB_RETRY_LATER, "%s: %s (%d)", what, msg, ext);
	default:
		/* Constraint texts name columns, never values. */
		return ib_fail(IB_EDB, IB_RETRY_NEVER, "%s: %s (%d)", what, msg, ext);
	}
}

const struct ib_err *
db_exec(struct db *db, const char *sql)
{
	int rc = sqlite3_exec(db->s, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? NULL : db_error(db, rc, "exec");
}

const struct ib_err *
db_pragma_int(struct db *db, const char *sql, int64_t *out)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db->s, sql, -1, &st, NULL);

	*out = 0;
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		*out = sqlite3_column_int64(st, 0);
		rc = SQLITE_OK;
	} else if (rc == SQLITE_DONE) {
		rc = SQLITE_OK;
	}
	sqlite3_finalize(st);
	return rc == SQLITE_OK ? NULL : db_error(db, rc, sql);
}

/*
 * The lock is a file beside the database.  OFD locks belong to the open file,
 * not to the process, and the kernel wakes waiters in order.  A blocking wait
 * has no time-out of its own; a timer whose handler does nothing ends it.
 */
static void
on_alarm(int sig)
{
	(void)sig;
}

const struct ib_err *
db_lock(struct db *db, int64_t wait_ms)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_TURN, .l_len = 1 };
	struct sigaction sa = { .sa_handler = on_alarm }, old;
	struct itimerval it, off = { { 0, 0 }, { 0, 0 } };
	int rc, saved;

	if (fcntl(db->lock_fd, F_OFD_SETLK, &fl) == 0)
		return NULL;
	if (errno != EAGAIN && errno != EACCES)
		return ib_fail(IB_EDB, IB_RETRY_LATER, "writers' lock: %s", strerror(errno));
	if (wait_ms <= 0)
		return ib_fail(IB_EBUSY, IB_RETRY_LATER, "writers' lock is taken");
	sigemptyset(&sa.sa_mask);
	if (sigaction(SIGALRM, &sa, &old) != 0)
		return ib_fail(IB_ESYS, IB_RETRY_LATER, "sigaction: %s", strerror(errno));
	/* Repeats every 100 ms: a signal that came before the wait began is not lost. */
	it.it_value.tv_sec = wait_ms / 1000;
	it.it_value.tv_usec = (suseconds_t)(wait_ms % 1000) * 1000;
	it.it_interval.tv_sec = 0;
	it.it_interval.tv_usec = 100000;
	setitimer(ITIMER_REAL, &it, NULL);
	rc = fcntl(db->lock_fd, F_OFD_SETLKW, &fl);
	saved = errno;
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &old, NULL);
	if (rc == 0)
		return NULL;
	if (saved == EINTR)
		return ib_fail(IB_EBUSY, IB_RETRY_LATER, "no turn to write within %lld ms",
		    (long long)wait_ms);
	return ib_fail(IB_EDB, IB_RETRY_LATER, "writers' lock: %s", strerror(saved));
}

void
db_unlock(struct db *db)
{
	struct flock fl = { .l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = LOCK_TURN, .l_len = 1 };

	(void)fcntl(db->lock_fd, F_OFD_SETLK, &fl);
}

static const struct ib_err *
setup(struct db *db, unsigned flags)
{
	static const char pragmas[] =
	    "PRAGMA synchronous=FULL;"
	    "PRAGMA foreign_keys=ON;"
	    "PRAGMA wal_autocheckpoint=0;"
	    "PRAGMA mmap_size=0;"
	    "PRAGMA cache_size=-8192;"
	    "PRAGMA temp_store=MEMORY;"
	    "PRAGMA secure_delete=FAST;"
	    "PRAGMA trusted_schema=OFF;";
	const struct ib_err *err;
	sqlite3_stmt *st = NULL;
	int rc, on;

	sqlite3_extended_result_codes(db->s, 0);
	sqlite3_busy_timeout(db->s, DB_WAIT_MS);
	sqlite3_db_config(db->s, SQLITE_DBCONFIG_DEFENSIVE, 1, &on);
	sqlite3_db_config(db->s, SQLITE_DBCONFIG_DQS_DML, 0, &on);
	sqlite3_db_config(db->s, SQLITE_DBCONFIG_DQS_DDL, 0, &on);
	sqlite3_db_config(db->s, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, &on);
	if ((flags & DB_READONLY) == 0) {
		bool wal;

		rc = sqlite3_prepare_v2(db->s, "PRAGMA journal_mode=WAL", -1, &st, NULL);
		if (rc == SQLITE_OK)
			rc = sqlite3_step(st);
		if (rc != SQLITE_ROW) {
			err = db_error(db, rc, "journal_mode");
			sqlite3_finalize(st);
			return err;
		}
		wal = strcmp((const char *)sqlite3_column_text(st, 0), "wal") == 0;
		sqlite3_finalize(st);
		if (!wal)
			return ib_fail(IB_ECONF, IB_RETRY_NEVER,
			    "%s: WAL was refused; the folder must be on a local disk and writable",
			    db->path);
	}
	return db_exec(db, pragmas);
}

/* "<file>-lock" opened, and our presence noted in it. */
static const struct ib_err *
open_lock(struct db *db, const char *lock)
{
	struct flock fl = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = LOCK_OPEN, .l_len = 1 };
	struct flock gate = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = LOCK_GATE, .l_len = 1 };

	if ((db->lock_fd = open(lock, O_RDWR | O_CLOEXEC | O_CREAT, 0600)) < 0)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s: %s", lock, strerror(errno));
	if (fcntl(db->lock_fd, F_OFD_GETLK, &gate) == 0 && gate.l_type != F_UNLCK)
		return ib_fail(IB_EBUSY, IB_RETRY_LATER, "%s: a backup is being restored", db->path);
	if (fcntl(db->lock_fd, F_OFD_SETLK, &fl) == 0)
		return NULL;
	if (errno == EAGAIN || errno == EACCES)
		return ib_fail(IB_EBUSY, IB_RETRY_LATER, "%s: a backup is being restored", db->path);
	return ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s: %s (file locks do not work here)", lock, strerror(errno));
}

const struct ib_err *
db_open(const char *path, unsigned flags, struct db **out)
{
	const struct ib_err *err = NULL;
	struct db *db = calloc(1, sizeof(*db));
	char *lock = NULL;
	size_t n = strlen(path);
	struct stat sb;
	bool fresh;
	int rc;

	*out = NULL;
	if (db == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "db_open");
	db->lock_fd = -1;
	if ((db->path = strdup(path)) == NULL || (lock = malloc(n + 6)) == NULL) {
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "db_open");
		goto done;
	}
	snprintf(lock, n + 6, "%s-lock", path);
	if ((flags & DB_CREATE) == 0 && access(path, R_OK) != 0) {
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s: %s", path, strerror(errno));
		goto done;
	}
	if ((err = db_place(path, flags)) != NULL)
		goto done;
	if ((flags & DB_READONLY) == 0 && (err = open_lock(db, lock)) != NULL)
		goto done;
	/* The file is made by us, so that nobody else may read it even for a moment. */
	if ((flags & DB_CREATE) != 0) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

		if (fd < 0) {
			err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s: %s", path, strerror(errno));
			goto done;
		}
		close(fd);
	}
	rc = sqlite3_open_v2(path, &db->s,
	    ((flags & DB_READONLY) != 0 ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
	    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
	if (rc != SQLITE_OK) {
		err = db_error(db, rc, "open");
		goto done;
	}
	/* Turning a new file into WAL writes to it: in a turn, as everything. */
	fresh = db->lock_fd >= 0 && stat(path, &sb) == 0 && sb.st_size == 0;
	if (fresh && (err = db_lock(db, DB_WAIT_MS)) != NULL)
		goto done;
	err = setup(db, flags);
	if (fresh)
		db_unlock(db);
	if (err == NULL)
		err = db_migrate(db, flags);
done:
	free(lock);
	if (err != NULL) {
		db_close(db);
		return err;
	}
	*out = db;
	return NULL;
}

void
db_close(struct db *db)
{
	size_t i;

	if (db == NULL)
		return;
	db_rollback(db);
	db_read_end(db);
	for (i = 0; i < ST_MAX; i++)
		sqlite3_finalize(db->stmts[i].st);
	sqlite3_close(db->s);
	if (db->lock_fd >= 0)
		close(db->lock_fd);
	free(db->path);
	free(db);
}

const char *
db_library(void)
{
	return sqlite3_libversion();
}

const char *
db_path(const struct db *db)
{
	return db->path;
}

/* What a test wants to fail here, as SQLite would say it. */
static int
step_fault(struct db *db, enum fault_point point)
{
	switch (fault(point)) {
	case FAULT_FULL:
		return SQLITE_FULL;
	case FAULT_IOERR:
		/* SQLite may undo the whole transaction by itself then. */
		if (db->in_tx && sqlite3_get_autocommit(db->s) == 0)
			(void)sqlite3_exec(db->s, "ROLLBACK", NULL, NULL, NULL);
		return SQLITE_IOERR;
	case FAULT_BUSY:
		return SQLITE_BUSY;
	case FAULT_FAIL:
		return SQLITE_NOMEM;
	case FAULT_NONE:
		break;
	}
	return SQLITE_OK;
}

/* Transactions -------------------------------------------------------------- */

const struct ib_err *
db_begin_at(struct db *db, const char *file, int line)
{
	const struct ib_err *err;
	int rc;

	if (db->in_tx) {
		log_event(LOG_ERROR_, "db_nested", "opener", db->tx_file,
		    "line", log_i(db->tx_line), NULL);
		assert(!db->in_tx);
	}
	db_read_end(db);
	if ((err = db_lock(db, DB_WAIT_MS)) != NULL)
		return err;
	db->in_tx = true;
	if ((rc = step_fault(db, FAULT_DB_BEGIN)) != SQLITE_OK)
		err = db_error(db, rc, "begin");
	else
		err = db_run(db, ST_BEGIN, "");
	if (err != NULL) {
		db->in_tx = false;
		db_unlock(db);
		return err;
	}
	db->tx_file = file;
	db->tx_line = line;
	return NULL;
}

const struct ib_err *
db_commit(struct db *db)
{
	const struct ib_err *err;

	assert(db->in_tx);
	(void)fault(FAULT_COMMIT);
	if ((err = db_run(db, ST_COMMIT, "")) != NULL) {
		db_rollback(db);
		return err;
	}
	(void)fault(FAULT_COMMITTED);
	db->in_tx = false;
	db_unlock(db);
	return NULL;
}

void
db_rollback(struct db *db)
{
	const struct ib_err *err;

	if (!db->in_tx)
		return;
	/* A full disk or I/O error may already have rolled back by itself. */
	if (sqlite3_get_autocommit(db->s) == 0 &&
	    (err = db_run(db, ST_ROLLBACK, "")) != NULL)
		log_err(err, "rollback");
	db->in_tx = false;
	db_unlock(db);
}

bool
db_in_tx(const struct db *db)
{
	return db->in_tx;
}

const struct ib_err *
db_save(struct db *db)
{
	assert(db->in_tx);
	return db_run(db, ST_SAVEPOINT, "");
}

const struct ib_err *
db_save_keep(struct db *db)
{
	return db_run(db, ST_SAVEPOINT_RELEASE, "");
}

void
db_save_undo(struct db *db)
{
	const struct ib_err *err;

	if (sqlite3_get_autocommit(db->s) != 0)
		return;			/* the whole transaction is gone already */
	if ((err = db_run(db, ST_SAVEPOINT_UNDO, "")) != NULL ||
	    (err = db_run(db, ST_SAVEPOINT_RELEASE, "")) != NULL)
		log_err(err, "savepoint");
}

const struct ib_err *
db_read_begin(struct db *db)
{
	const struct ib_err *err;

	if (db->in_tx || db->in_read)
		return NULL;
	if ((err = db_run(db, ST_BEGIN_READ, "")) == NULL)
		db->in_read = true;
	return err;
}

void
db_read_end(struct db *db)
{
	const struct ib_err *err;

	if (db == NULL || !db->in_read)
		return;
	db->in_read = false;
	if (sqlite3_get_autocommit(db->s) == 0 &&
	    (err = db_run(db, ST_COMMIT, "")) != NULL)
		log_err(err, "read_end");
}

/* Statements ----------------------------------------------------------------- */

const struct ib_err *
db_stmt(struct db *db, enum stmt_id id, struct db_stmt **out)
{
	struct db_stmt *st = &db->stmts[id];
	int rc;

	*out = NULL;
	assert(!st->busy);
	if (st->st == NULL) {
		rc = sqlite3_prepare_v3(db->s, stmt_sql[id], -1, SQLITE_PREPARE_PERSISTENT,
		    &st->st, NULL);
		if (rc != SQLITE_OK)
			return db_error(db, rc, stmt_names[id]);
		st->db = db;
		st->id = id;
	}
	st->busy = true;
	st->bind_rc = SQLITE_OK;
	*out = st;
	return NULL;
}

static void
bound(struct db_stmt *st, int rc)
{
	if (rc != SQLITE_OK && st->bind_rc == SQLITE_OK)
		st->bind_rc = rc;
}

void
db_bind_int(struct db_stmt *st, int n, int64_t v)
{
	bound(st, sqlite3_bind_int64(st->st, n, v));
}

void
db_bind_text(struct db_stmt *st, int n, const char *v)
{
	bound(st, v == NULL ? sqlite3_bind_null(st->st, n) :
	    sqlite3_bind_text(st->st, n, v, -1, SQLITE_STATIC));
}

void
db_bind_blob(struct db_stmt *st, int n, const void *v, size_t len)
{
	bound(st, v == NULL ? sqlite3_bind_null(st->st, n) :
	    sqlite3_bind_blob64(st->st, n, v, len, SQLITE_STATIC));
}

void
db_bind_null(struct db_stmt *st, int n)
{
	bound(st, sqlite3_bind_null(st->st, n));
}

/* Every write has its turn, also one that is a transaction by itself. */
static const struct ib_err *
take_turn(struct db_stmt *st)
{
	const struct ib_err *err;

	if (st->db->in_tx || st->turn || sqlite3_stmt_readonly(st->st) != 0)
		return NULL;
	db_read_end(st->db);
	if ((err = db_lock(st->db, DB_WAIT_MS)) == NULL)
		st->turn = true;
	return err;
}

static void
end_turn(struct db_stmt *st)
{
	if (!st->turn)
		return;
	st->turn = false;
	db_unlock(st->db);
}

const struct ib_err *
db_step(struct db_stmt *st, bool *row)
{
	const struct ib_err *err;
	int rc = st->bind_rc;
	bool ends;

	*row = false;
	if (rc == SQLITE_OK && (err = take_turn(st)) != NULL)
		return err;
	ends = st->turn;		/* a write alone: its step is its commit */
	/* What only undoes does not fail. */
	if (rc == SQLITE_OK && st->id != ST_ROLLBACK && st->id != ST_SAVEPOINT_UNDO &&
	    (st->id != ST_COMMIT || st->db->in_tx))
		rc = step_fault(st->db, FAULT_DB_STEP);
	if (ends)
		(void)fault(FAULT_COMMIT);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st->st);
	if (rc == SQLITE_ROW) {
		*row = true;
		return NULL;
	}
	if (rc == SQLITE_DONE) {
		if (ends)
			(void)fault(FAULT_COMMITTED);
		end_turn(st);
		return NULL;
	}
	err = db_error(st->db, rc, stmt_names[st->id]);
	sqlite3_reset(st->st);
	end_turn(st);
	return err;
}

void
db_release(struct db_stmt *st)
{
	if (st == NULL)
		return;
	sqlite3_reset(st->st);
	/* Every text was bound SQLITE_STATIC: forget the pointers. */
	sqlite3_clear_bindings(st->st);
	st->busy = false;
	end_turn(st);
}

const struct ib_err *
db_done(struct db_stmt *st, const struct arena *a, const struct ib_err *err)
{
	const char *what = stmt_names[st->id];

	db_release(st);
	if (err == NULL && arena_failed(a))
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "%s: no memory for a row", what);
	return err;
}

int64_t
db_col_int(struct db_stmt *st, int n)
{
	return sqlite3_column_int64(st->st, n);
}

bool
db_col_null(struct db_stmt *st, int n)
{
	return sqlite3_column_type(st->st, n) == SQLITE_NULL;
}

const char *
db_col_text(struct db_stmt *st, int n)
{
	return (const char *)sqlite3_column_text(st->st, n);
}

const void *
db_col_blob(struct db_stmt *st, int n, size_t *len)
{
	const void *p = sqlite3_column_blob(st->st, n);

	*len = (size_t)sqlite3_column_bytes(st->st, n);
	return p;
}

char *
db_col_dup(struct db_stmt *st, int n, struct arena *a)
{
	const char *s = (const char *)sqlite3_column_text(st->st, n);

	return s == NULL ? NULL :
	    arena_dupn(a, s, (size_t)sqlite3_column_bytes(st->st, n));
}

static const struct ib_err *
bind_all(struct db *db, enum stmt_id id, struct db_stmt **out, const char *types, va_list ap)
{
	const struct ib_err *err;
	struct db_stmt *st;
	const void *p;
	int n;

	if ((err = db_stmt(db, id, &st)) != NULL)
		return err;
	for (n = 1; *types != '\0'; n++, types++) {
		switch (*types) {
		case 'i':
			db_bind_int(st, n, va_arg(ap, int64_t));
			break;
		case 't':
			db_bind_text(st, n, va_arg(ap, const char *));
			break;
		case 'b':
			p = va_arg(ap, const void *);
			db_bind_blob(st, n, p, va_arg(ap, size_t));
			break;
		case 'n':
			db_bind_null(st, n);
			break;
		default:
			assert(false && "unknown letter in a bind string");
		}
	}
	*out = st;
	return NULL;
}

const struct ib_err *
db_query(struct db *db, enum stmt_id id, struct db_stmt **out, const char *types, ...)
{
	const struct ib_err *err;
	va_list ap;

	va_start(ap, types);
	err = bind_all(db, id, out, types, ap);
	va_end(ap);
	return err;
}

static const struct ib_err *
run_to_end(struct db *db, enum stmt_id id, const char *types, va_list ap)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row = true;

	if ((err = bind_all(db, id, &st, types, ap)) != NULL)
		return err;
	while (err == NULL && row)
		err = db_step(st, &row);
	db_release(st);
	return err;
}

const struct ib_err *
db_run(struct db *db, enum stmt_id id, const char *types, ...)
{
	const struct ib_err *err;
	va_list ap;

	va_start(ap, types);
	err = run_to_end(db, id, types, ap);
	va_end(ap);
	return err;
}

const struct ib_err *
db_run_n(struct db *db, enum stmt_id id, int64_t *changed, const char *types, ...)
{
	const struct ib_err *err;
	int before = sqlite3_total_changes(db->s);
	va_list ap;

	va_start(ap, types);
	err = run_to_end(db, id, types, ap);
	va_end(ap);
	*changed = sqlite3_total_changes(db->s) - before;
	return err;
}

const struct ib_err *
db_get_int(struct db *db, enum stmt_id id, int64_t *out, bool *found, const char *types, ...)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool more = true;
	va_list ap;

	*out = 0;
	*found = false;
	va_start(ap, types);
	err = bind_all(db, id, &st, types, ap);
	va_end(ap);
	if (err != NULL)
		return err;
	if ((err = db_step(st, found)) == NULL && *found)
		*out = db_col_int(st, 0);
	/* A write that tells something (RETURNING) is only done at its end. */
	while (err == NULL && st->turn && more)
		err = db_step(st, &more);
	db_release(st);
	return err;
}

int64_t
db_last_id(const struct db *db)
{
	return sqlite3_last_insert_rowid(db->s);
}

const char *
db_stmt_sql(enum stmt_id id)
{
	return stmt_sql[id];
}
