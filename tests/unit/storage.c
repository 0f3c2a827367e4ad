/* SPDX-License-Identifier: MIT */
/*
 * Storage that stays whole: where a database may be, full disks, turns of
 * writers and checkpoints, copies while others write, and the way back.
 */
#include "../tap.h"

#include "../../lib/base/clock.h"
#include "../../lib/base/log.h"
#include "../../lib/db/db_int.h"
#include "../../lib/db/schema.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/inbox-storage-XXXXXX";

/* What processes tell each other. */
static struct shared { volatile int ready, go, released; } *shared;

static const char *
in_dir(const char *name)
{
	static char path[4][256];
	static int i;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof(path[i]), "%s/%s", dir, name);
	return path[i];
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

static int64_t
count(struct db *db)
{
	int64_t n = -1;

	return db_pragma_int(db, "SELECT count(*) FROM run", &n) == NULL ? n : -1;
}

static const struct ib_err *
add_run(struct db *db, int64_t at)
{
	return db_run(db, ST_RUN_START, "ti", "cron", at);
}

static bool
wait_for(volatile int *flag)
{
	int64_t end = clock_mono() + 20000;

	while (*flag == 0 && clock_mono() < end)
		poll(NULL, 0, 1);
	return *flag != 0;
}

static bool
ended_well(pid_t pid)
{
	int status;

	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool
whole(struct db *db)
{
	struct arena a;
	bool good = false;
	char *what;

	arena_init(&a, 1 << 20);
	if (db_check(db, &a, &good, &what) != NULL)
		good = false;
	arena_fini(&a);
	return good;
}

/* Places ------------------------------------------------------------------------- */

static void
test_disks(void)
{
	static const struct { int64_t type; const char *name; bool remote; } disks[] = {
		{ 0xef53, "ext4", false }, { 0x58465342, "xfs", false }, { 0x9123683e, "btrfs", false },
		{ 0x01021994, "tmpfs", false }, { 0x2fc12fc1, "zfs", false }, { 0x794c7630, "overlay", false },
		{ 0xf2f52010, "f2fs", false }, { 0xca451a4e, "bcachefs", false }, { 0xf15f, "ecryptfs", false },
		{ 0x4d44, "vfat", false }, { 0x5346544e, "ntfs", false }, { 0, "none", false },
		{ 0x6969, "nfs", true }, { 0x517b, "smb", true }, { 0xff534d42, "cifs", true },
		{ (int32_t)0xff534d42, "cifs, where the type is a signed 32-bit number", true },
		{ 0xfe534d42, "smb3", true }, { 0x01021997, "9p", true }, { 0x65735546, "sshfs", true },
		{ 0x5346414f, "afs", true }, { 0x6b414653, "kafs", true }, { 0x00c36400, "ceph", true },
		{ 0x0bd00bd0, "lustre", true }, { 0x01161970, "gfs2", true }, { 0x7461636f, "ocfs2", true },
		{ 0x786f4256, "vboxsf", true },
	};
	const struct ib_err *err;
	size_t i;

	for (i = 0; i < sizeof(disks) / sizeof(disks[0]); i++) {
		err = db_disk_fit("/srv/inbox", disks[i].type, 0);
		ok((err != NULL) == disks[i].remote, "%s is %s", disks[i].name, disks[i].remote ? "refused" : "fine");
		ok(db_disk_fit("/srv/inbox", disks[i].type, DB_ANY_DISK) == NULL, "unless it is allowed");
	}
	err = db_disk_fit("/srv/inbox", 0x6969, 0);
	ok(err != NULL && err->code == IB_ECONF && strstr(err->msg, "/srv/inbox") != NULL &&
	    strstr(err->msg, "NFS") != NULL && strstr(err->msg, "allow_network_disk") != NULL,
	    "the sentence names folder, kind and setting");
}

static void
test_private(void)
{
	const char *path = in_dir("open/x.db");
	const struct ib_err *err;
	struct db *db = NULL;

	ok(mkdir(in_dir("open"), 0700) == 0, "folder");
	db_close(must_open(path, DB_CREATE | DB_MIGRATE));
	(void)chmod(path, 0640);
	err = db_open(path, 0, &db);
	ok(err != NULL && err->code == IB_ECONF && strstr(err->msg, "640") != NULL && strstr(err->msg, "600") != NULL,
	    "a database that others may read is refused: %s", err != NULL ? err->msg : "-");
	(void)chmod(path, 0600);
	(void)chmod(in_dir("open"), 0777);
	err = db_open(path, 0, &db);
	ok(err != NULL && err->code == IB_ECONF && strstr(err->msg, "folder") != NULL,
	    "a folder where everybody writes is refused: %s", err != NULL ? err->msg : "-");
	(void)chmod(in_dir("open"), 01777);
	ok((db = must_open(path, 0)) != NULL, "not one like /tmp");
	db_close(db);
	(void)chmod(in_dir("open"), 0700);
	err = db_open(in_dir("nowhere/x.db"), DB_CREATE | DB_MIGRATE, &db);
	ok(err != NULL && err->code == IB_ECONF && strstr(err->msg, "nowhere") != NULL, "a missing folder is named");
}

/* Disks that fail -------------------------------------------------------------------- */

static void
refused(struct db *db, const char *how)
{
	const struct ib_err *err;
	int64_t before = count(db);

	err = add_run(db, 2);
	ok(err != NULL && err->code == IB_EDB && err->retry == IB_RETRY_LATER, "%s: a write is refused: %s", how,
	    err != NULL ? err->msg : "-");
	if ((err = db_begin(db)) == NULL && (err = add_run(db, 3)) == NULL)
		err = db_commit(db);
	db_rollback(db);
	ok(err != NULL && err->code == IB_EDB && err->retry == IB_RETRY_LATER && !db_in_tx(db), "a transaction is refused as a whole");
	is_int(count(db), before, "nothing of it is there, and reading goes on");
}

static void
test_full(void)
{
	struct db *db = must_open(in_dir("full.db"), DB_CREATE | DB_MIGRATE);
	struct rlimit was, low;
	int64_t pages;
	char sql[64];

	ok(add_run(db, 1) == NULL, "a row");
	/* Files may grow no further. */
	(void)signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	low = was;
	low.rlim_cur = (rlim_t)db_wal_size(db) + 100;
	setrlimit(RLIMIT_FSIZE, &low);
	refused(db, "no room");
	setrlimit(RLIMIT_FSIZE, &was);
	ok(add_run(db, 4) == NULL && count(db) == 2, "with room again it goes on by itself");

	ok(db_pragma_int(db, "PRAGMA page_count", &pages) == NULL, "pages");
	snprintf(sql, sizeof(sql), "PRAGMA max_page_count=%lld", (long long)pages);
	ok(db_exec(db, sql) == NULL, "full");
	/* Pages that are there still take rows: use them up. */
	for (pages = 0; pages < 1000 && add_run(db, 5) == NULL; pages++)
		;
	refused(db, "SQLITE_FULL");
	ok(db_exec(db, "PRAGMA max_page_count=1000000") == NULL && add_run(db, 6) == NULL, "and again");

	ok(db_exec(db, "PRAGMA query_only=1") == NULL, "read-only");
	refused(db, "SQLITE_READONLY");
	ok(db_exec(db, "PRAGMA query_only=0") == NULL && add_run(db, 7) == NULL, "and again");
	ok(whole(db), "quick_check");
	db_close(db);
}

/* Turns ------------------------------------------------------------------------------ */

/* Holds the turn until told, without SQLite knowing of it. */
static pid_t
hold_turn(const char *path)
{
	pid_t pid;

	memset(shared, 0, sizeof(*shared));
	if ((pid = fork()) == 0) {
		struct db *db = must_open(path, 0);

		if (db == NULL || db_lock(db, 0) != NULL)
			_exit(1);
		shared->ready = 1;
		poll(NULL, 0, 40);
		shared->released = 1;
		db_unlock(db);
		_exit(0);
	}
	(void)wait_for(&shared->ready);
	return pid;
}

static void
test_turns(void)
{
	const char *path = in_dir("turns.db");
	struct db *db = must_open(path, DB_CREATE | DB_MIGRATE);
	int64_t id;
	bool done, found;
	pid_t pid;

	pid = hold_turn(path);
	ok(add_run(db, 1) == NULL && shared->released, "a write of its own waits for its turn");
	ok(ended_well(pid), "whose it was");
	pid = hold_turn(path);
	ok(db_get_int(db, ST_INSTALL_PUT, &id, &found, "itttti", INT64_C(1), "a", "b", "c", "shared", INT64_C(1)) == NULL &&
	    found && id == 1 && shared->released, "so does one that tells something");
	ok(ended_well(pid), "whose it was");
	pid = hold_turn(path);
	ok(db_checkpoint(db, &done) == NULL && done && shared->released, "so does a checkpoint");
	ok(ended_well(pid), "whose it was");
	pid = hold_turn(path);
	ok(count(db) == 1 && !shared->released, "a reader does not");
	ok(ended_well(pid), "whose it was");
	ok(db_begin(db) == NULL && add_run(db, 2) == NULL && db_commit(db) == NULL, "every turn was given back");
	db_close(db);
}

/* A reader stays in an old moment until told. */
static pid_t
hold_reader(const char *path)
{
	pid_t pid;

	memset(shared, 0, sizeof(*shared));
	if ((pid = fork()) == 0) {
		struct db *db = must_open(path, 0);

		if (db == NULL || db_read_begin(db) != NULL || count(db) < 0)
			_exit(1);
		shared->ready = 1;
		(void)wait_for(&shared->go);
		db_read_end(db);
		_exit(0);
	}
	(void)wait_for(&shared->ready);
	return pid;
}

static void
test_reader_in_the_way(void)
{
	const char *path = in_dir("reader.db");
	struct db *db = must_open(path, DB_CREATE | DB_MIGRATE), *other = must_open(path, 0);
	bool done = true, taken = false;
	int64_t began, free_turns = 0;
	pid_t pid, prober;

	ok(add_run(db, 1) == NULL, "a row");
	pid = hold_reader(path);
	ok(add_run(db, 2) == NULL, "another");
	began = clock_mono();
	ok(db_checkpoint(db, &done) == NULL && !done, "a reader in the way postpones the checkpoint");
	ok(clock_mono() - began < 2000, "at once");
	ok(add_run(other, 3) == NULL && db_wal_size(db) > 0, "and writers go on");
	/* While the checkpoint gives the reader a moment, no writer has a turn. */
	if ((prober = fork()) == 0) {
		struct db *mine = must_open(path, 0);
		int64_t end = clock_mono() + 20000;

		while (!taken && clock_mono() < end) {
			if (db_lock(mine, 0) != NULL)
				taken = true;
			else
				db_unlock(mine);
			poll(NULL, 0, 1);
		}
		shared->released = 1;
		_exit(taken ? 0 : 1);
	}
	while (!shared->released && free_turns < 1000) {
		(void)!db_checkpoint(db, &done);
		free_turns++;
	}
	ok(ended_well(prober), "a checkpoint holds the writers' turn");
	shared->go = 1;
	ok(ended_well(pid), "the reader leaves");
	ok(db_checkpoint(db, &done) == NULL && done && db_wal_size(db) == 0, "and the next one empties the WAL");
	db_close(other);
	db_close(db);
}

#define WRITES 150

static pid_t
hammer(const char *path, int no)
{
	pid_t pid;

	if ((pid = fork()) == 0) {
		struct db *db = must_open(path, 0);
		int i;

		if (db == NULL)
			_exit(1);
		for (i = 0; i < WRITES; i++) {
			/* Two rows belong together, a third is a transaction by itself. */
			if (db_begin(db) != NULL || add_run(db, no * 100000 + i) != NULL ||
			    add_run(db, no * 100000 + i) != NULL || db_commit(db) != NULL ||
			    db_run(db, ST_LEASE_TAKE, "ttii", "x", "y", INT64_C(1), (int64_t)i) != NULL)
				_exit(1);
		}
		_exit(0);
	}
	return pid;
}

static void
test_hammer(void)
{
	const char *path = in_dir("hammer.db");
	struct db *db = must_open(path, DB_CREATE | DB_MIGRATE), *copy;
	int64_t odd = -1, full = 0, last = 0, n;
	int i, left = 2, copies = 0, bad = 0, status;
	char name[32];
	bool done;
	pid_t pid[2];

	for (i = 0; i < 2; i++)
		pid[i] = hammer(path, i + 1);
	while (left > 0) {
		if (db_checkpoint(db, &done) != NULL)
			bad++;
		else
			full += done;
		if (copies < 6 && (n = count(db)) > last) {
			last = n;
			snprintf(name, sizeof(name), "copy%d.db", copies++);
			bad += db_backup(db, in_dir(name)) != NULL;
		}
		for (i = 0; i < 2; i++)
			if (pid[i] > 0 && waitpid(pid[i], &status, WNOHANG) == pid[i]) {
				bad += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
				pid[i] = 0;
				left--;
			}
	}
	is_int(bad, 0, "two writers, checkpoints and copies: no error anywhere");
	ok(full > 0, "%lld checkpoints went through", (long long)full);
	is_int(count(db), 2 * 2 * WRITES, "every row is there");
	ok(whole(db), "quick_check");
	ok(copies > 1, "%d copies were made meanwhile", copies);
	for (i = 0; i < copies; i++) {
		struct stat sb;

		snprintf(name, sizeof(name), "copy%d.db", i);
		ok(stat(in_dir(name), &sb) == 0 && (sb.st_mode & 0777) == 0600, "copy %d is private", i);
		copy = must_open(in_dir(name), 0);
		(void)!db_pragma_int(copy, "SELECT count(*) FROM (SELECT 1 FROM run GROUP BY started_at HAVING count(*) <> 2)", &odd);
		ok(copy != NULL && odd == 0 && whole(copy), "of one moment: what belongs together is there together");
		db_close(copy);
	}
	db_close(db);
}

/* Two programs make the same database at once. */
static void
test_made_twice(void)
{
	const char *path = in_dir("twice.db");
	pid_t pid[4];
	int i, good = 0;

	for (i = 0; i < 4; i++)
		if ((pid[i] = fork()) == 0) {
			struct db *db = must_open(path, DB_CREATE | DB_MIGRATE);

			_exit(db != NULL && add_run(db, i) == NULL ? 0 : 1);
		}
	for (i = 0; i < 4; i++)
		good += ended_well(pid[i]);
	is_int(good, 4, "four programs that make the database at once all have it");
}

/* The way back ------------------------------------------------------------------------- */

static int
files_like(const char *part)
{
	struct dirent *e;
	DIR *d = opendir(dir);
	int n = 0;

	while (d != NULL && (e = readdir(d)) != NULL)
		n += strstr(e->d_name, part) != NULL;
	closedir(d);
	return n;
}

static const struct ib_err *
look(struct db *copy, void *arg)
{
	*(int64_t *)arg = count(copy);
	return NULL;
}

static const struct ib_err *
look_away(struct db *copy, void *arg)
{
	(void)copy;
	(void)arg;
	return ib_fail(IB_EAUTH, IB_RETRY_NEVER, "no");
}

static void
write_file(const char *path, const char *text, size_t n, off_t at)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)!pwrite(fd, text, n, at);
	close(fd);
}

static void
exec_raw(const char *path, const char *sql)
{
	sqlite3 *s = NULL;

	if (sqlite3_open(path, &s) != SQLITE_OK || sqlite3_exec(s, sql, NULL, NULL, NULL) != SQLITE_OK)
		diag("%s: %s", path, sqlite3_errmsg(s));
	sqlite3_close(s);
}

static bool
restore_fails(const char *from, const char *to, const char *because)
{
	const struct ib_err *err = db_restore(from, to, 0, NULL, NULL, NULL);
	bool good = err != NULL && strstr(err->msg, because) != NULL && access(to, F_OK) != 0;

	diag("%s", err != NULL ? err->msg : "no error");
	return good && files_like(".part-") == 0;
}

static void
test_restore(void)
{
	struct db *db = must_open(in_dir("from.db"), DB_CREATE | DB_MIGRATE), *back;
	const struct ib_err *err;
	static char junk[8192];
	char from[256], to[256], bad[256];
	struct stat sb;
	int64_t n = 0;
	pid_t pid;
	int i;

	snprintf(from, sizeof(from), "%s", in_dir("backup.db"));
	snprintf(to, sizeof(to), "%s", in_dir("back.db"));
	snprintf(bad, sizeof(bad), "%s", in_dir("bad.db"));
	for (i = 0; i < 40; i++)
		(void)!add_run(db, i);
	ok(db_backup(db, from) == NULL, "a backup");
	ok(db_backup(db, in_dir("no/such/folder.db")) != NULL, "not where there is no folder");
	db_close(db);

	ok(db_restore(from, to, 0, NULL, look, &n) == NULL && n == 40, "comes back, looked at before");
	ok(stat(to, &sb) == 0 && (sb.st_mode & 0777) == 0600, "private");
	is_int(files_like(".part-"), 0, "nothing else is left");
	back = must_open(to, 0);
	ok(back != NULL && count(back) == 40 && whole(back) && add_run(back, 50) == NULL, "whole, and it works");
	err = db_restore(from, to, 0, NULL, NULL, NULL);
	ok(err != NULL && err->code == IB_EBUSY, "not over one that is in use: %s", err != NULL ? err->msg : "-");
	db_close(back);
	err = db_restore(from, to, 0, NULL, NULL, NULL);
	ok(err != NULL && err->code == IB_ECONF && strstr(err->msg, "exists") != NULL, "nor over any: %s",
	    err != NULL ? err->msg : "-");
	back = must_open(to, 0);
	ok(back != NULL && count(back) == 41, "which is as it was");
	db_close(back);
	/* A WAL of another database would be read into this one. */
	write_file(in_dir("stale.db-wal"), "x", 1, 0);
	ok(restore_fails(from, in_dir("stale.db"), "-wal"), "a forgotten WAL is in the way");

	ok(restore_fails(in_dir("nothing.db"), bad, "nothing.db"), "no file");
	write_file(in_dir("empty.db"), "", 0, 0);
	ok(restore_fails(in_dir("empty.db"), bad, "not a database of this product"), "an empty file");
	memset(junk, 'j', sizeof(junk));
	write_file(in_dir("junk.db"), junk, sizeof(junk), 0);
	ok(restore_fails(in_dir("junk.db"), bad, "not a database of this product"), "any file");
	exec_raw(in_dir("foreign.db"), "CREATE TABLE x(y)");
	ok(restore_fails(in_dir("foreign.db"), bad, "not a database of this product"), "another database");
	ok(db_restore(from, in_dir("newer.db"), 0, NULL, NULL, NULL) == NULL, "a copy");
	exec_raw(in_dir("newer.db"), "PRAGMA user_version=9999");
	ok(restore_fails(in_dir("newer.db"), bad, "newer"), "of a newer program");
	write_file(in_dir("backup.db-wal"), "x", 1, 0);
	ok(restore_fails(from, bad, "not whole"), "with a WAL beside it");
	(void)unlink(in_dir("backup.db-wal"));
	ok(db_restore(from, bad, 0, NULL, look_away, NULL) != NULL && access(bad, F_OK) != 0 &&
	    files_like(".part-") == 0, "refused by who looks at it");
	/* Somebody has the place open, though the file is gone. */
	back = must_open(to, 0);
	(void)unlink(to);
	snprintf(junk, sizeof(junk), "%s-wal", to);
	(void)unlink(junk);
	ok(restore_fails(from, to, "running"), "workers that still run are noticed");
	db_close(back);
	ok(db_restore(from, to, 0, NULL, NULL, NULL) == NULL, "and when they are gone it works");
	/* While it goes on nobody opens the place. */
	memset(shared, 0, sizeof(*shared));
	if ((pid = fork()) == 0) {
		struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_TURN, .l_len = 2 };
		int fd = open(in_dir("back.db-lock"), O_RDWR | O_CLOEXEC);

		if (fcntl(fd, F_OFD_SETLK, &fl) != 0)
			_exit(1);
		shared->ready = 1;
		(void)wait_for(&shared->go);
		_exit(0);
	}
	(void)wait_for(&shared->ready);
	err = db_open(to, 0, &back);
	ok(err != NULL && err->code == IB_EBUSY, "a program that starts meanwhile waits: %s", err != NULL ? err->msg : "-");
	shared->go = 1;
	ok(ended_well(pid), "it ended");
	ok((back = must_open(to, 0)) != NULL && count(back) == 40, "then it starts");
	db_close(back);

	/* Damage within: every row's page but the first ones. */
	ok(stat(from, &sb) == 0, "size");
	memset(junk, 0xee, sizeof(junk));
	for (i = 4096; i < (int)sb.st_size; i += 4096)
		write_file(from, junk, 64, i);
	ok(db_restore(from, bad, 0, NULL, NULL, NULL) != NULL && access(bad, F_OK) != 0 && files_like(".part-") == 0,
	    "a damaged copy is refused");
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
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || mkdtemp(dir) == NULL)
		return 1;
	test_disks();
	test_private();
	test_full();
	test_turns();
	test_reader_in_the_way();
	test_hammer();
	test_made_twice();
	test_restore();
	nftw(dir, drop, 8, FTW_DEPTH | FTW_PHYS);
	return done_testing();
}
