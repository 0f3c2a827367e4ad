/* SPDX-License-Identifier: MIT */
/* Connection, transactions, turns of writers, versions, and every statement's plan. */
#include "../tap.h"

#include "../../lib/db/db.h"
#include "../../lib/base/log.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/inbox-db-XXXXXX";

static const char *
in_dir(const char *name)
{
	static char path[4][256];
	static int i;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof(path[i]), "%s/%s", dir, name);
	return path[i];
}

static void
raw(const char *path, const char *sql)
{
	sqlite3 *s;

	if (sqlite3_open(path, &s) != SQLITE_OK || sqlite3_exec(s, sql, NULL, NULL, NULL) != SQLITE_OK)
		fprintf(stderr, "raw: %s\n", sqlite3_errmsg(s));
	sqlite3_close(s);
}

static struct db *
must_open(const char *path, unsigned flags)
{
	const struct ib_err *err;
	struct db *db = NULL;

	if ((err = db_open(path, flags, &db)) != NULL)
		fprintf(stderr, "open: %s\n", err->msg);
	return db;
}

static void
test_open(void)
{
	const struct ib_err *err;
	const char *path = in_dir("a.db");
	struct stat sb;
	struct db *db;

	ok(db_open(path, 0, &db) != NULL, "a missing file is refused without DB_CREATE");
	db = must_open(path, DB_CREATE | DB_MIGRATE);
	ok(db != NULL, "a new database opens");
	ok(stat(path, &sb) == 0 && (sb.st_mode & 077) == 0, "its file is private");
	db_close(db);
	db = must_open(path, 0);
	ok(db != NULL, "it opens again without migrating");
	db_close(db);
	raw(path, "PRAGMA user_version=9999");
	err = db_open(path, DB_MIGRATE, &db);
	ok(err != NULL && err->code == IB_ECONF, "a newer schema is refused");
	raw(in_dir("foreign.db"), "CREATE TABLE x(y)");
	err = db_open(in_dir("foreign.db"), DB_CREATE | DB_MIGRATE, &db);
	ok(err != NULL && err->code == IB_ECONF, "a foreign database is refused");
}

static void
test_tx(void)
{
	const struct ib_err *err;
	struct db *db = must_open(in_dir("tx.db"), DB_CREATE | DB_MIGRATE);
	int64_t v, n;
	bool found;

	ok(db_begin(db) == NULL && db_in_tx(db), "begin");
	ok(db_run(db, ST_RUN_START, "ti", "cron", INT64_C(5)) == NULL, "insert");
	ok(db_save(db) == NULL, "savepoint");
	ok(db_run(db, ST_RUN_START, "ti", "cron", INT64_C(9)) == NULL, "insert in it");
	db_save_undo(db);
	ok(db_commit(db) == NULL && !db_in_tx(db), "commit");
	ok(db_get_int(db, ST_RUN_LAST, &v, &found, "") == NULL && v == 5, "what the savepoint undid is gone, the rest stays");
	ok(db_begin(db) == NULL && db_run(db, ST_RUN_START, "ti", "cron", INT64_C(11)) == NULL, "another insert");
	db_rollback(db);
	db_rollback(db);
	ok(db_get_int(db, ST_RUN_LAST, &v, &found, "") == NULL && v == 5, "rolled back, and twice does no harm");
	err = db_run(db, ST_SESSION_ADD, "biii", "short", (size_t)5, INT64_C(1), INT64_C(1), INT64_C(1));
	ok(err != NULL && err->code == IB_EDB && err->retry == IB_RETRY_NEVER, "a broken constraint is an error for good");
	ok(db_run_n(db, ST_RUN_SWEEP, &n, "i", INT64_C(6)) == NULL && n == 1, "changed rows are counted");
	db_close(db);
}

/* A child holds the writers' turn until told otherwise. */
static pid_t
hold(const char *path, int *go, int *ready)
{
	int a[2], b[2];
	pid_t pid;
	char c = 'x';

	if (pipe(a) != 0 || pipe(b) != 0)
		return -1;
	if ((pid = fork()) == 0) {
		struct db *db = must_open(path, 0);

		if (db == NULL || db_begin(db) != NULL)
			_exit(1);
		(void)!write(b[1], &c, 1);
		(void)!read(a[0], &c, 1);
		(void)!db_run(db, ST_RUN_START, "ti", "child", INT64_C(77));
		_exit(db_commit(db) == NULL ? 0 : 1);
	}
	close(a[0]);
	close(b[1]);
	*go = a[1];
	*ready = b[0];
	(void)!read(b[0], &c, 1);
	return pid;
}

static void
test_turns(void)
{
	const char *path = in_dir("turns.db");
	struct db *db = must_open(path, DB_CREATE | DB_MIGRATE);
	int64_t v;
	int go, ready, status;
	bool found;
	pid_t pid, helper;

	pid = hold(path, &go, &ready);
	ok(db_get_int(db, ST_RUN_LAST, &v, &found, "") == NULL, "a reader is not held up by a writer");
	/* The child is let go by a helper while we wait for our turn. */
	if ((helper = fork()) == 0) {
		poll(NULL, 0, 30);
		(void)!write(go, "g", 1);
		_exit(0);
	}
	ok(db_begin(db) == NULL, "a writer waits for its turn");
	ok(db_get_int(db, ST_RUN_LAST, &v, &found, "") == NULL && v == 77, "and sees what the former wrote");
	db_rollback(db);
	waitpid(pid, &status, 0);
	waitpid(helper, NULL, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the former ended well");
	pid = hold(path, &go, &ready);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	ok(db_begin(db) == NULL, "a killed writer leaves its turn");
	db_rollback(db);
	db_close(db);
}

static void
test_house(void)
{
	struct db *db = must_open(in_dir("house.db"), DB_CREATE | DB_MIGRATE), *copy;
	const char *to = in_dir("copy.db");
	struct arena a;
	int64_t v;
	bool done, good, found;
	char *what;
	int i;

	arena_init(&a, 1 << 20);
	for (i = 0; i < 50; i++)
		(void)!db_run(db, ST_RUN_START, "ti", "cron", (int64_t)i);
	ok(db_wal_size(db) > 0, "the WAL grows");
	ok(db_checkpoint(db, &done) == NULL && done && db_wal_size(db) == 0, "a checkpoint empties it");
	ok(db_check(db, &a, &good, &what) == NULL && good, "quick_check finds nothing");
	ok(db_backup(db, to) == NULL, "backup");
	ok(db_backup(db, to) != NULL, "a backup overwrites nothing");
	copy = must_open(to, 0);
	ok(copy != NULL && db_get_int(copy, ST_RUN_LAST, &v, &found, "") == NULL && v == 49, "the copy has everything");
	db_close(copy);
	db_close(db);
	arena_fini(&a);
}

/*
 * Every statement prepares, and none scans a table that grows with messages,
 * threads or events.  Those named may: they run in the engine, over small
 * tables or partial indexes.
 */
static void
test_statements(void)
{
	static const char *const big[] = { "message", "thread", "event", "attachment", "fact", "seen",
		"outbox", "session", "audit", "link", "crm_write", "crm_cache", NULL };
	static const enum stmt_id sweeps[] = { ST_SESSION_SWEEP, ST_WRITE_SWEEP, ST_CRM_CACHE_SWEEP,
		ST_BACKUP_ROWS, ST_BACKUP_FILES };
	struct db *db = must_open(in_dir("plans.db"), DB_CREATE | DB_MIGRATE);
	struct arena a;
	size_t i, k;

	arena_init(&a, 8 << 20);
	for (i = 0; i < ST_MAX; i++) {
		const struct ib_err *err;
		char *plan = NULL, scan[64];
		bool bad = false;

		err = db_explain(db, (enum stmt_id)i, &a, &plan);
		ok(err == NULL, "statement %zu prepares%s%s", i, err != NULL ? ": " : "", err != NULL ? err->msg : "");
		for (k = 0; k < sizeof(sweeps) / sizeof(sweeps[0]); k++)
			if (sweeps[k] == (enum stmt_id)i)
				plan = NULL;
		for (k = 0; plan != NULL && big[k] != NULL; k++) {
			const char *p;

			/* "SCAN message" or "SCAN m", but not "... USING INDEX": a partial index is walked. */
			snprintf(scan, sizeof(scan), "SCAN %s\n", big[k]);
			bad |= (p = strstr(plan, scan)) != NULL;
			snprintf(scan, sizeof(scan), "SCAN %c\n", big[k][0]);
			bad |= strstr(plan, scan) != NULL;
		}
		ok(!bad, "no scan: %s", bad ? db_stmt_sql((enum stmt_id)i) : "");
		if (bad)
			diag("%s", plan);
	}
	arena_fini(&a);
	db_close(db);
}

static int
drop(const char *path, const struct stat *sb, int kind, struct FTW *at)
{
	(void)sb;
	(void)kind;
	(void)at;
	return remove(path);
}

int
main(void)
{
	log_init("test", LOG_ERROR_, 2);
	if (mkdtemp(dir) == NULL)
		return 1;
	test_open();
	test_tx();
	test_turns();
	test_house();
	test_statements();
	nftw(dir, drop, 8, FTW_DEPTH | FTW_PHYS);
	return done_testing();
}
