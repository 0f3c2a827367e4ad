/* SPDX-License-Identifier: MIT */
/* Tests of fault.h, and of what arena, buffer and database make of a fault. */
#include "../tap.h"

#include "../../lib/base/arena.h"
#include "../../lib/base/buf.h"
#include "../../lib/base/fault.h"
#include "../../lib/base/log.h"
#include "../../lib/db/db.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef IB_FAULT_INJECTION

static char dir[] = "/tmp/inbox-fault-XXXXXX";

static void
order(const char *text)
{
	(void)setenv("INBOX_FAULT", text, 1);
	fault_arm();
}

/* How a child ended that took the order and passed the points: its status. */
static int
child(const char *text, int commits)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		(void)freopen("/dev/null", "w", stderr);
		order(text);
		while (commits-- > 0)
			(void)fault(FAULT_COMMIT);
		_exit(0);
	}
	(void)waitpid(pid, &status, 0);
	return status;
}

static void
test_orders(void)
{
	int status;

	is_int(fault(FAULT_ALLOC), FAULT_NONE, "nothing before it is armed");
	order("db-step:2=full,db-step:4+=busy,alloc:1=fail");
	is_int(fault(FAULT_DB_STEP), FAULT_NONE, "first step");
	is_int(fault(FAULT_DB_STEP), FAULT_FULL, "second");
	is_int(fault(FAULT_DB_STEP), FAULT_NONE, "third");
	is_int(fault(FAULT_DB_STEP), FAULT_BUSY, "fourth");
	is_int(fault(FAULT_DB_STEP), FAULT_BUSY, "and all later ones");
	is_int(fault(FAULT_ALLOC), FAULT_FAIL, "points count for themselves");
	is_int(fault(FAULT_ALLOC), FAULT_NONE, "and once means once");
	status = child("commit:3=kill", 2);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "two commits: lives");
	status = child("commit:3=kill", 3);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "three: killed");
	status = child("comit:3=kill", 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 2, "an unknown point ends the program");
	status = child("commit:0=kill", 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 2, "so does a number below 1");
	status = child("commit:1=explode", 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 2, "and an unknown action");
	order("");
	is_int(fault(FAULT_DB_STEP), FAULT_NONE, "no order, no fault");
}

static void
test_count(void)
{
	char path[64], text[96], line[256] = "";
	int status, fd;
	pid_t pid;
	FILE *f;

	snprintf(path, sizeof(path), "%s/count", dir);
	snprintf(text, sizeof(text), "work:1=fail,count=%s", path);
	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		/* Its end shall print nothing of ours. */
		if ((fd = open("/dev/null", O_WRONLY)) >= 0)
			(void)dup2(fd, STDOUT_FILENO);
		order(text);
		(void)fault(FAULT_COMMIT);
		(void)fault(FAULT_COMMIT);
		(void)fault(FAULT_CALL_AFTER);
		exit(0);
	}
	(void)waitpid(pid, &status, 0);
	if ((f = fopen(path, "r")) != NULL) {
		(void)!fgets(line, sizeof(line), f);
		fclose(f);
	}
	is_str(line, "fault-points commit=2 committed=0 call-before=0 call-after=1 db-begin=0"
	    " db-step=0 alloc=0 work=0 step=0\n", "every point with its count");
	unlink(path);
}

static void
test_memory(void)
{
	struct arena a;
	struct ib_buf b;

	arena_init(&a, 1 << 20);
	buf_init(&b, 1 << 20);
	order("alloc:2=fail");
	ok(arena_alloc(&a, 10) != NULL && !arena_failed(&a), "first piece");
	ok(arena_alloc(&a, 10) == NULL && arena_failed(&a), "second: refused, and said so");
	order("alloc:1=fail");
	buf_puts(&b, "x");
	ok(b.failed && b.nomem && buf_check(&b)->code == IB_ENOMEM, "buffer: no memory");
	order("");
	arena_fini(&a);
	buf_fini(&b);
}

static void
test_db(void)
{
	static const struct { const char *text; enum ib_code code; } steps[] = {
		{ "db-step:2=full", IB_EDB }, { "db-step:2=ioerr", IB_EDB },
		{ "db-step:2=busy", IB_EBUSY }, { "db-step:2=fail", IB_ENOMEM },
		{ "db-step:3=full", IB_EDB }, { "db-step:3=ioerr", IB_EDB },
		{ "db-begin:1=busy", IB_EBUSY }, { "db-begin:1=full", IB_EDB }
	};
	const struct ib_err *err;
	char path[64], side[80];
	int64_t last;
	struct db *db;
	bool found;
	size_t i;

	snprintf(path, sizeof(path), "%s/x.db", dir);
	if ((err = db_open(path, DB_CREATE | DB_MIGRATE, &db)) != NULL) {
		ok(false, "%s", err->msg);
		return;
	}
	/* Steps: BEGIN, INSERT, COMMIT. */
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		order(steps[i].text);
		if ((err = db_begin(db)) == NULL &&
		    (err = db_run(db, ST_RUN_START, "ti", "cron", INT64_C(7))) == NULL)
			err = db_commit(db);
		db_rollback(db);
		order("");
		ok(err != NULL && err->code == steps[i].code && err->retry == IB_RETRY_LATER,
		    "%s is an error to try again", steps[i].text);
		ok(!db_in_tx(db) && db_get_int(db, ST_RUN_LAST, &last, &found, "") == NULL && last == 0,
		    "and nothing of it stays");
	}
	ok(db_begin(db) == NULL && db_run(db, ST_RUN_START, "ti", "cron", INT64_C(8)) == NULL &&
	    db_commit(db) == NULL, "the connection goes on");
	db_close(db);
	for (i = 0; i < 4; i++) {
		static const char *const ends[] = { "", "-wal", "-shm", "-lock" };

		snprintf(side, sizeof(side), "%s%s", path, ends[i]);
		unlink(side);
	}
}

int
main(void)
{
	log_init("fault", LOG_ERROR_, open("/dev/null", O_WRONLY));
	if (mkdtemp(dir) == NULL)
		return 1;
	test_orders();
	test_count();
	test_memory();
	test_db();
	rmdir(dir);
	return done_testing();
}

#else

int
main(void)
{
	(void)setenv("INBOX_FAULT", "alloc:1+=kill", 1);
	fault_arm();
	is_int(fault(FAULT_ALLOC), FAULT_NONE, "this build has no fault points");
	return done_testing();
}

#endif
