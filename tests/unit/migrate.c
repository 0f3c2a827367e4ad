/* SPDX-License-Identifier: MIT */
/*
 * Numbered steps under interruption: killed at every statement and commit of
 * a migration, the next start finds the version from before, whole, and ends
 * where an undisturbed one does.  And every released version's database (see
 * tests/fixtures/db) becomes today's, to the letter.
 */
#include "../tap.h"

#include "../../lib/base/log.h"
#include "../../lib/db/db_int.h"
#include "../../lib/db/schema.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/inbox-migrate-XXXXXX";
static const char *src;
static int points, die_at;

static const char *const list[] = {
	"CREATE TABLE parent(id INTEGER PRIMARY KEY, v TEXT NOT NULL) STRICT;"
	"CREATE TABLE child(id INTEGER PRIMARY KEY,"
	"  p INTEGER NOT NULL REFERENCES parent(id) ON DELETE CASCADE) STRICT;"
	"INSERT INTO parent VALUES(1,'one'),(2,'three'); INSERT INTO child VALUES(10,1),(20,2)",

	"SELECT die(); ALTER TABLE child ADD COLUMN note TEXT NOT NULL DEFAULT '';"
	"SELECT die(); UPDATE child SET note = 'n' || id;"
	"SELECT die(); CREATE INDEX child_p ON child(p); SELECT die()",

	/* A table that others hang on is made anew: they must stay. */
	"SELECT die(); CREATE TABLE parent_new(id INTEGER PRIMARY KEY, v TEXT NOT NULL, w INTEGER NOT NULL) STRICT;"
	"SELECT die(); INSERT INTO parent_new SELECT id, v, length(v) FROM parent;"
	"SELECT die(); DROP TABLE parent; SELECT die(); ALTER TABLE parent_new RENAME TO parent; SELECT die()",
};
#define LAST 3

static const char *
in_dir(const char *name)
{
	static char path[4][512];
	static int i;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof(path[i]), "%s/%s", dir, name);
	return path[i];
}

/* die(): a point at which the process can be killed; commits are points too. */
static void
point(void)
{
	if (++points == die_at)
		(void)kill(getpid(), SIGKILL);
}

static void
die(sqlite3_context *c, int n, sqlite3_value **v)
{
	(void)n;
	(void)v;
	point();
	sqlite3_result_null(c);
}

static int
on_commit(void *arg)
{
	(void)arg;
	point();
	return 0;
}

static int
equip(sqlite3 *s, const char **msg, const void *api)
{
	(void)msg;
	(void)api;
	(void)sqlite3_commit_hook(s, on_commit, NULL);
	return sqlite3_create_function(s, "die", 0, SQLITE_UTF8, NULL, die, NULL, NULL);
}

static int
line(void *arg, int n, char **v, char **names)
{
	int i;

	(void)names;
	for (i = 0; arg != NULL && i < n; i++) {
		buf_puts(arg, v[i] != NULL ? v[i] : "NULL");
		buf_putc(arg, i + 1 < n ? '|' : '\n');
	}
	return 0;
}

static bool
query(const char *path, const char *sql, struct ib_buf *out)
{
	sqlite3 *s = NULL;
	bool good;

	good = sqlite3_open(path, &s) == SQLITE_OK && sqlite3_exec(s, sql, line, out, NULL) == SQLITE_OK;
	if (!good)
		diag("%s: %s", path, sqlite3_errmsg(s));
	sqlite3_close(s);
	return good;
}

#define SCHEMA_SQL "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name;"

/* Version, schema and rows as text; the caller frees. */
static char *
dump(const char *path, const char *sql)
{
	struct ib_buf b;
	char *text;

	buf_init(&b, 4 << 20);
	(void)query(path, sql, &b);
	text = strdup(buf_cstr(&b));
	buf_fini(&b);
	return text;
}

static char *
dump_all(const char *path)
{
	return dump(path, "PRAGMA user_version;" SCHEMA_SQL "SELECT * FROM parent ORDER BY id;"
	    "SELECT * FROM child ORDER BY id");
}

static const struct ib_err *
migrate(const char *path, int n)
{
	const struct ib_err *err;
	struct db *db = NULL;

	db_use_steps(list, n);
	err = db_open(path, DB_CREATE | DB_MIGRATE, &db);
	db_close(db);
	db_use_steps(NULL, 0);
	return err;
}

/* A child migrates and is killed at point `at`; false when it came through. */
static bool
migrate_killed(const char *path, int at)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		points = 0;
		die_at = at;
		_exit(migrate(path, LAST) == NULL ? 0 : 1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return false;
	if (WIFEXITED(status))
		ok(WEXITSTATUS(status) == 0, "undisturbed, it comes through");
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void
test_kills(void)
{
	char *want[LAST + 1] = { NULL }, name[32], *got;
	bool seen[LAST + 1] = { false };
	int i, v, at;

	for (i = 1; i <= LAST; i++) {
		snprintf(name, sizeof(name), "want%d.db", i);
		ok(migrate(in_dir(name), i) == NULL, "%d steps, undisturbed", i);
		want[i] = dump_all(in_dir(name));
	}
	ok(strstr(want[3], "20|2|n20\n") != NULL && strstr(want[3], "2|three|5\n") != NULL,
	    "a table made anew keeps what hangs on it");
	for (at = 1;; at++) {
		snprintf(name, sizeof(name), "kill%d.db", at);
		if (migrate(in_dir(name), 1) != NULL || !migrate_killed(in_dir(name), at))
			break;
		got = dump_all(in_dir(name));
		v = (int)strtol(got, NULL, 10);
		seen[v] = true;
		is_str(got, want[v], "killed at point %d: version %d, whole", at, v);
		free(got);
		ok(migrate(in_dir(name), LAST) == NULL, "and the next start goes on");
		got = dump_all(in_dir(name));
		is_str(got, want[LAST], "to the same end");
		free(got);
	}
	is_int(at - 1, 10, "every statement and the commit were points");
	ok(seen[1] && !seen[2] && !seen[3], "all steps or none");
	for (i = 1; i <= LAST; i++)
		free(want[i]);
}

static void
test_refused(void)
{
	static const char *const broken[] = { NULL, "CREATE TABLE z(a); INSERT INTO nowhere VALUES(1)" };
	static const char *const orphans[] = { NULL, "DELETE FROM parent WHERE id = 1" };
	const char *const *const bad[] = { broken, orphans };
	const struct ib_err *err;
	struct db *db = NULL;
	char *before, *after;
	size_t i;

	ok(migrate(in_dir("bad.db"), 1) == NULL, "one step");
	before = dump_all(in_dir("bad.db"));
	for (i = 0; i < 2; i++) {
		db_use_steps(bad[i], 2);
		err = db_open(in_dir("bad.db"), DB_MIGRATE, &db);
		db_use_steps(NULL, 0);
		ok(err != NULL && db == NULL, "a step that fails is refused: %s", err != NULL ? err->msg : "-");
		after = dump_all(in_dir("bad.db"));
		is_str(after, before, "and leaves nothing");
		free(after);
	}
	ok(migrate(in_dir("bad.db"), LAST) == NULL, "a better program goes on from there");
	free(before);
}

static void
test_both(void)
{
	char *a, *b;
	pid_t pid[2];
	int i, status, good = 0;

	ok(migrate(in_dir("both.db"), 1) == NULL && migrate(in_dir("one.db"), LAST) == NULL, "start");
	for (i = 0; i < 2; i++)
		if ((pid[i] = fork()) == 0) {
			die_at = 0;
			_exit(migrate(in_dir("both.db"), LAST) == NULL ? 0 : 1);
		}
	for (i = 0; i < 2; i++)
		good += waitpid(pid[i], &status, 0) == pid[i] && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	is_int(good, 2, "two programs that start at once both come up");
	a = dump_all(in_dir("both.db"));
	b = dump_all(in_dir("one.db"));
	is_str(a, b, "and each step ran once");
	free(a);
	free(b);
}

/* Released versions ---------------------------------------------------------------- */

static char *
slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	struct ib_buf b;
	size_t n;
	char *p, *text;

	if (f == NULL)
		return NULL;
	buf_init(&b, 16 << 20);
	while ((p = buf_reserve(&b, 65536)) != NULL && (n = fread(p, 1, 65536, f)) > 0)
		b.len += n;
	fclose(f);
	text = strdup(buf_cstr(&b));
	buf_fini(&b);
	return text;
}

/* Is the database that `sql` makes today's after it was opened?  What is wrong, or NULL. */
static const char *
becomes_todays(const char *sql, int no)
{
	const struct ib_err *err;
	struct db *db = NULL;
	char name[32], *mine, *fresh;
	const char *wrong = NULL;
	struct arena a;
	bool good;
	char *what;

	snprintf(name, sizeof(name), "fixture%d.db", no);
	(void)close(open(in_dir(name), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	if (!query(in_dir(name), sql, NULL))
		return "the fixture cannot be loaded";
	arena_init(&a, 1 << 20);
	if ((err = db_open(in_dir(name), DB_MIGRATE, &db)) != NULL)
		wrong = "it cannot be opened";
	else if ((err = db_check(db, &a, &good, &what)) != NULL || !good)
		wrong = "the check finds damage";
	db_close(db);
	arena_fini(&a);
	if (wrong != NULL)
		return wrong;
	if (db_open(in_dir("fresh.db"), DB_CREATE | DB_MIGRATE, &db) != NULL)
		return "no fresh one";
	db_close(db);
	mine = dump(in_dir(name), SCHEMA_SQL);
	fresh = dump(in_dir("fresh.db"), SCHEMA_SQL);
	if (strlen(fresh) < 1000 || strcmp(mine, fresh) != 0)
		wrong = "the schema differs from a fresh one";
	free(mine);
	free(fresh);
	return wrong;
}

/* The test of the test: today's own, and one that was edited after its release. */
static void
test_comparison(void)
{
	char head[128], *sql, *at;
	size_t n = strlen(schema_steps[0]) + sizeof(head) + 16;

	snprintf(head, sizeof(head), "PRAGMA application_id=%d; PRAGMA user_version=1;", SCHEMA_APPLICATION_ID);
	sql = calloc(1, n);
	snprintf(sql, n, "%s%s", head, schema_steps[0]);
	is_str(becomes_todays(sql, 900), NULL, "a database of step 1 becomes today's");
	at = strstr(sql, "company_name TEXT NOT NULL");
	memcpy(at, "company_name TEXT         ", 26);
	ok(becomes_todays(sql, 901) != NULL, "one whose step was edited afterwards is noticed");
	free(sql);
}

/* A database of the version before unread was counted: who had read what stays so. */
#define BEFORE_COUNTS	12
static void
test_counts(void)
{
	static const char *const rows =
	    "INSERT INTO install(id, company_id, company_name, company_domain, api_domain, visibility, state, created_at)"
	    " VALUES(1, 9, '', '', '', 'shared', 'active', 0);"
	    "INSERT INTO user(id, install_id, pd_user_id, name, lang, timezone, admin, created_at)"
	    " VALUES(1, 1, 1, 'Maria', 'en', 'UTC', 1, 0), (2, 1, 2, 'Peeter', 'en', 'UTC', 0, 0);"
	    "INSERT INTO page(id, install_id, fb_id, name, user_id, state, connected_at) VALUES(1, 1, '1', 'P', 1, 'active', 1000);"
	    /* read by Maria, half read by her, imported alone, deleted on request */
	    "INSERT INTO thread(id, install_id, page_id, psid, last_at, last_in_at, created_at) VALUES(1, 1, 1, 'a', 5000, 5000, 0),"
	    " (2, 1, 1, 'b', 5000, 4000, 0), (3, 1, 1, 'c', 900, 0, 0), (4, 1, 1, 'd', 0, 4000, 0);"
	    "UPDATE thread SET left_psid = 'd' WHERE id = 4;"
	    "INSERT INTO message(thread_id, at, id, dir, origin, line) VALUES(1, 500, 1, 0, 0, 0), (1, 2000, 2, 0, 0, 0),"
	    " (1, 3000, 3, 1, 1, 0), (1, 5000, 4, 0, 0, 1), (2, 2000, 5, 0, 0, 0), (2, 3000, 6, 0, 0, 0), (2, 4000, 7, 0, 0, 0),"
	    " (2, 3500, 8, 0, 0, 5), (3, 900, 9, 0, 0, 0);"
	    "INSERT INTO seen(user_id, thread_id, upto) VALUES(1, 1, 5000), (1, 2, 2000), (2, 1, 2000);";
	struct db *db = NULL;
	char *got;

	db_use_steps(schema_steps, BEFORE_COUNTS);
	ok(db_open(in_dir("counts.db"), DB_CREATE | DB_MIGRATE, &db) == NULL, "version %d", BEFORE_COUNTS);
	db_close(db);
	db_use_steps(NULL, 0);
	ok(query(in_dir("counts.db"), rows, NULL), "with rows");
	ok(db_open(in_dir("counts.db"), DB_MIGRATE, &db) == NULL, "becomes today's");
	db_close(db);
	got = dump(in_dir("counts.db"), "SELECT id, in_n, state, list_at FROM thread ORDER BY id;"
	    "SELECT user_id, thread_id, n FROM seen ORDER BY 1, 2; SELECT in_threads FROM install; SELECT id, read_threads FROM user ORDER BY id");
	is_str(got, "1|2|0|5000\n2|3|0|5000\n3|0|0|900\n4|1|0|0\n" "1|1|2\n1|2|1\n2|1|1\n" "2\n" "1|1\n2|0\n",
	    "news and what was read of it are counted");
	free(got);
}

/* "## 0.1.0 (2026-12-01)" in CHANGES.md wants v0.1.0.sql. */
static void
test_all_there(void)
{
	char path[512], version[32], *text, *p, *end;
	struct stat sb;
	int n = 0;

	snprintf(path, sizeof(path), "%s/CHANGES.md", src);
	if (!ok((text = slurp(path)) != NULL, "CHANGES.md"))
		return;
	for (p = text; (p = strstr(p, "\n## ")) != NULL; p = end) {
		p += 4;
		end = p + strcspn(p, "\n");
		n++;
		if (memmem(p, (size_t)(end - p), "unreleased", 10) != NULL)
			continue;
		snprintf(version, sizeof(version), "%.*s", (int)strspn(p, "0123456789."), p);
		snprintf(path, sizeof(path), "%s/tests/fixtures/db/v%s.sql", src, version);
		ok(stat(path, &sb) == 0, "release %s has its database", version);
	}
	ok(n > 0, "versions are named");
	free(text);
}

static void
test_fixtures(void)
{
	char path[768];
	struct dirent *e;
	int no = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/tests/fixtures/db", src);
	if (!ok((d = opendir(path)) != NULL, "tests/fixtures/db"))
		return;
	while ((e = readdir(d)) != NULL) {
		size_t n = strlen(e->d_name);
		char *sql;

		if (n < 4 || strcmp(e->d_name + n - 4, ".sql") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/tests/fixtures/db/%s", src, e->d_name);
		if (ok((sql = slurp(path)) != NULL, "%s", e->d_name))
			is_str(becomes_todays(sql, no++), NULL, "%s becomes today's", e->d_name);
		free(sql);
	}
	closedir(d);
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
	if ((src = getenv("srcdir")) == NULL)
		src = ".";
	if (mkdtemp(dir) == NULL ||
	    sqlite3_auto_extension((void (*)(void))equip) != SQLITE_OK)
		return 1;
	test_kills();
	test_refused();
	test_both();
	test_comparison();
	test_counts();
	test_all_there();
	test_fixtures();
	nftw(dir, drop, 8, FTW_DEPTH | FTW_PHYS);
	return done_testing();
}
