/* SPDX-License-Identifier: MIT */
/*
 * Tests of fence.h: what is reached behind it and what is not, limits, the
 * setting, and kernels without Landlock, which a filter of system calls plays.
 * Each case is a child, since nobody comes back out.  On a machine whose kernel
 * has none, the cases of places see that the program works all the same.
 */
#include "fence.h"
#include "clock.h"
#include "home.h"
#include "log.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/ib-fence-XXXXXX";
static bool kernel_has, shut;		/* shut: and what is there may not even be read */

static const char *
at(const char *name)
{
	static char path[4][128];
	static int i;

	i = (i + 1) % 4;
	(void)snprintf(path[i], sizeof(path[i]), "%s/%s", dir, name);
	return path[i];
}

static void
put(const char *name, const char *text)
{
	FILE *f = fopen(at(name), "w");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		ok(false, "cannot write %s", name);
}

static struct conf *
settings(const char *more)
{
	const struct ib_err *err;
	struct conf *c = NULL;
	char text[1024];

	(void)snprintf(text, sizeof(text), "base_url = https://x.example\ndatabase = data/inbox.db\nkey_file = secret/keys\n"
	    "media_dir = files/new\napps_file = apps/apps.conf\ntemplates = html\ncatalogues = po\nfacebook.app_id = 1\nfacebook.app_secret = s\n"
	    "facebook.verify_token = v\npipedrive.client_id = c\npipedrive.client_secret = s\n%s", more);
	put("inbox.conf", text);
	if ((err = conf_load(at("inbox.conf"), &c)) != NULL)
		ok(false, "%s", err->msg);
	return c;
}

/* A child's checks go on in the count of its parent. */
static void
in_child(void (*fn)(const struct conf *), const char *more)
{
	int p[2], got[2] = { 0, 0 }, status;
	struct conf *c = settings(more);
	pid_t child;

	fflush(stdout);
	if (pipe(p) != 0 || (child = fork()) < 0) {
		ok(false, "fork");
		return;
	}
	if (child == 0) {
		fn(c);
		got[0] = tap_count;
		got[1] = tap_failed;
		fflush(stdout);
		_exit(write(p[1], got, sizeof(got)) == (ssize_t)sizeof(got) ? 0 : 1);
	}
	close(p[1]);
	if (read(p[0], got, sizeof(got)) == (ssize_t)sizeof(got)) {
		tap_count = got[0];
		tap_failed = got[1];
	}
	close(p[0]);
	ok(waitpid(child, &status, 0) == child && status == 0, "the child came to its end");
	conf_free(c);
}

static int
try_open(const char *path, int flags)
{
	int fd = open(path, flags, 0600), e = errno;

	if (fd < 0)
		return e;
	close(fd);
	return 0;
}

static int
result(int rc)
{
	return rc == 0 ? 0 : errno;
}

/* What is forbidden where the kernel can. */
#define FORBIDDEN(rc, what)	is_int((rc), kernel_has ? EACCES : 0, what)
#define UNREADABLE(rc, what)	is_int((rc), shut ? EACCES : 0, what)

static int
bind_a_port(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), rc;

	rc = result(bind(fd, (struct sockaddr *)&sin, sizeof(sin)));
	close(fd);
	return rc;
}

static void
case_places(const struct conf *c)
{
	struct civil when;
	char *const args[] = { (char[]){ "true" }, NULL };

	fence_up(c, true, 0, true);
	is_int(fence_state()->landlock > 0, kernel_has, "up where the kernel has it");
	ok(fence_state()->wanted && (fence_state()->landlock > 0 || fence_state()->why != NULL), "and why not, elsewhere");

	/* To work in. */
	is_int(try_open(at("data/inbox.db"), O_RDWR), 0, "the database");
	is_int(try_open(at("data/inbox.db-wal"), O_RDWR | O_CREAT), 0, "a file beside it");
	is_int(try_open(at("data/inbox.db-wal"), O_WRONLY | O_TRUNC), 0, "emptied");
	is_int(result(rename(at("data/inbox.db-wal"), at("data/moved"))), 0, "renamed");
	is_int(result(unlink(at("data/moved"))), 0, "removed");
	is_int(result(mkdir(at("data/exports"), 0700)), 0, "a folder in it");
	is_int(try_open(at("data/exports/a"), O_WRONLY | O_CREAT), 0, "and a file in that");
	is_int(try_open(at("elsewhere/real.db-wal"), O_RDWR | O_CREAT), 0, "beside what the database's name points at");
	is_int(try_open(at("files/new/a.jpg"), O_RDWR | O_CREAT), 0, "media_dir, which was not there");
	is_int(try_open("/dev/null", O_RDWR), 0, "/dev/null");
	is_int(try_open(at("apps/apps.conf.new"), O_WRONLY | O_CREAT), 0, "the apps' file, under another name");
	is_int(result(rename(at("apps/apps.conf.new"), at("apps/apps.conf"))), 0, "and under its own");

	/* To read. */
	is_int(try_open(at("html/a.html"), O_RDONLY), 0, "templates");
	is_int(try_open(at("po/en.po"), O_RDONLY), 0, "catalogues");
	is_int(try_open("/etc/passwd", O_RDONLY), 0, "what names are looked up with");
	is_int(try_open("/dev/urandom", O_RDONLY), 0, "random bytes");
	ok(clock_civil(1790000000000, "Asia/Tokyo", &when) && when.hour == 23, "time zones");
	FORBIDDEN(try_open(at("html/a.html"), O_RDWR), "templates are not written");
	FORBIDDEN(try_open(at("html/b.html"), O_WRONLY | O_CREAT), "nor made");

	/* Not at all. */
	UNREADABLE(try_open(at("other/wp-config.php"), O_RDONLY), "another site of the account");
	FORBIDDEN(try_open(at("other/new"), O_WRONLY | O_CREAT), "nothing is left there");
	UNREADABLE(try_open(at("secret/keys"), O_RDONLY), "the keys, once they are loaded");
	FORBIDDEN(result(unlink(at("other/victim"))), "nothing is taken away");
	FORBIDDEN(result(symlink("/etc/passwd", at("data/link"))), "no link");
	FORBIDDEN(result(rename(at("data/inbox.db"), at("html/inbox.db"))) != 0 ? EACCES : 0, "nothing leaves");
	if (kernel_has && fence_state()->landlock >= 4)
		is_int(bind_a_port(), EACCES, "no port is opened");
	if (shut)
		ok(execv("/bin/true", args) != 0 && errno == EACCES, "no program is started");
}

static void
case_sync(const struct conf *c)
{
	fence_up(c, false, 0, true);
	is_int(try_open(at("apps/apps.conf"), O_RDONLY), 0, "a run reads the apps' file");
	FORBIDDEN(try_open(at("apps/apps.conf"), O_WRONLY), "and writes none");
}

static void
case_limits(const struct conf *c)
{
	struct rlimit r = { 0, 0 };
	int i, fd = -1;

	fence_up(c, true, 1000, true);
	ok(getrlimit(RLIMIT_CORE, &r) == 0 && r.rlim_max == 0, "no core file");
	ok(getrlimit(RLIMIT_CPU, &r) == 0 && r.rlim_cur == 1000, "seconds of computing");
	ok(prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) == 1, "no new privileges");
	for (i = 0; i < 300 && (fd = open("/dev/null", O_RDONLY)) >= 0; i++)
		continue;
	ok(fd < 0 && errno == EMFILE && i > 200, "%d files", i);
#ifndef IB_INSTRUMENTED
	ok(prctl(PR_GET_DUMPABLE, 0L, 0L, 0L, 0L) == 0, "others of the account see no memory of it");
	ok(malloc((size_t)1 << 30) == NULL, "memory has an end");
#endif
}

static void
case_lower(const struct conf *c)
{
	struct rlimit r = { 100, 120 };

	ok(setrlimit(RLIMIT_NOFILE, &r) == 0, "the host allows less");
	fence_up(c, true, 0, true);
	ok(getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur == 100 && r.rlim_max == 120, "which stays so");
	ok(getrlimit(RLIMIT_CPU, &r) == 0 && r.rlim_cur == RLIM_INFINITY, "0 is no limit");
}

static void
case_off(const struct conf *c)
{
	struct rlimit r, before;

	(void)getrlimit(RLIMIT_NOFILE, &before);
	fence_up(c, true, 1000, true);
	ok(!fence_state()->wanted && fence_state()->landlock == 0, "fence = no");
	is_int(try_open(at("other/wp-config.php"), O_RDONLY), 0, "nothing is shut");
	ok(getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur == before.rlim_cur &&
	    prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) == 0, "nor limited");
}

/* From here on that call answers so; the kernel's own is never asked. */
static void
play(int call, int answer)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)answer),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	ok(prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0 && prctl(PR_SET_SECCOMP, 2L, &prog) == 0, "a kernel is played");
}

static void
without(const struct conf *c, int call, int answer, const char *why)
{
	struct rlimit r = { 0, 0 };

	play(call, answer);
	fence_up(c, true, 0, true);
	is_int(fence_state()->landlock, 0, "none");
	is_str(fence_state()->why, why, "and why");
	is_int(try_open(at("other/wp-config.php"), O_RDONLY), 0, "the program goes on as it could before");
	ok(getrlimit(RLIMIT_CORE, &r) == 0 && r.rlim_max == 0, "the rest holds");
}

static void
case_old_kernel(const struct conf *c)
{
	without(c, 444, ENOSYS, "not in this kernel");
}

static void
case_switched_off(const struct conf *c)
{
	without(c, 444, EOPNOTSUPP, "switched off in this kernel");
}

static void
case_refused(const struct conf *c)
{
	without(c, 444, EPERM, "not allowed here");
}

static void
case_refused_late(const struct conf *c)
{
	without(c, 446, EPERM, "refused");
}

static void
case_rule_refused(const struct conf *c)
{
	without(c, 445, EINVAL, "a rule was refused");
}

static int
take_away(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

int
main(void)
{
	static const char *const folders[] = { "data", "elsewhere", "files", "html", "po", "apps", "other", "secret" };
	size_t i;

	if (mkdtemp(dir) == NULL)
		return 1;
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		(void)mkdir(at(folders[i]), 0700);
	put("elsewhere/real.db", "db");
	ok(symlink(at("elsewhere/real.db"), at("data/inbox.db")) == 0, "a database behind a link");
	put("html/a.html", "x");
	put("po/en.po", "x");
	put("other/wp-config.php", "x");
	put("other/victim", "x");
	put("secret/keys", "x");
	log_init("fence", LOG_ERROR_, 2);
	kernel_has = syscall(444, NULL, 0, 1) > 0;
	shut = kernel_has;
#ifdef IB_INSTRUMENTED
	shut = false;			/* reports read what they need */
#endif
	in_child(case_places, "");
	in_child(case_sync, "");
	in_child(case_limits, "");
	in_child(case_lower, "");
	in_child(case_off, "fence = no\n");
	in_child(case_old_kernel, "");
	in_child(case_switched_off, "");
	in_child(case_refused, "");
	if (kernel_has) {
		in_child(case_refused_late, "");
		in_child(case_rule_refused, "");
	}
	(void)nftw(dir, take_away, 8, FTW_DEPTH | FTW_PHYS);
	return done_testing();
}
