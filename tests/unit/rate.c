/* SPDX-License-Identifier: MIT */
/* Tests of rate.h: what is let in and when again, several processes, a file that cannot be used, addresses. */
#include "rate.h"
#include "log.h"
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#define T0 INT64_C(1790000000000)

static char dir[] = "/tmp/ib-rate-XXXXXX";
static char base[64], file[80];
static struct conf *conf;
static int wait_s;

static struct conf *
settings(const char *more)
{
	const struct ib_err *err;
	struct conf *c = NULL;
	char path[64];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/inbox.conf", dir);
	if ((f = fopen(path, "w")) == NULL)
		return NULL;
	fprintf(f, "base_url = https://x.example\ndatabase = inbox.db\nkey_file = k\nfacebook.app_id = 1\n"
	    "facebook.app_secret = s\nfacebook.verify_token = v\npipedrive.client_id = c\npipedrive.client_secret = s\n%s", more);
	fclose(f);
	err = conf_load(path, &c);
	ok(err == NULL, "%s", err != NULL ? err->msg : "settings");
	return c;
}

/* How many of n are let in. */
static int
let_in(struct rate *rt, enum conf_key limit, const char *who, int64_t now, int n)
{
	int i, in = 0;

	for (i = 0; i < n; i++)
		in += rate_ok(rt, limit, who, now, &wait_s);
	return in;
}

static void
test_account(void)
{
	struct rate *rt = rate_open(conf, base);
	struct stat st;

	ok(rt != NULL, "opened");
	ok(stat(file, &st) == 0 && (st.st_mode & 0777) == 0600, "for us alone");
	is_int(let_in(rt, CONF_LIMIT_SEARCH, "a", T0, 20), 6, "a minute's worth at once");
	is_int(wait_s, 11, "and when to come again");
	is_int(let_in(rt, CONF_LIMIT_SEARCH, "b", T0, 20), 6, "somebody else has as much");
	is_int(let_in(rt, CONF_LIMIT_TICK, "a", T0, 20), 3, "and he himself, of something else");
	is_int(let_in(rt, CONF_LIMIT_SEARCH, "a", T0 - 50, 5), 0, "who came earlier and is later counted is no other");
	is_int(let_in(rt, CONF_LIMIT_SEARCH, "a", T0 + 9999, 5), 0, "not before its time");
	is_int(let_in(rt, CONF_LIMIT_SEARCH, "a", T0 + 10000, 5), 1, "then one");
	is_int(let_in(rt, CONF_LIMIT_SEARCH, "a", T0 + 40000, 5), 3, "one for each sixth of a minute");
	is_int(let_in(rt, CONF_LIMIT_SEARCH, "a", T0 + 200000, 20), 6, "after a quiet minute all of it");
	is_int(let_in(rt, CONF_LIMIT_SEARCH, "a", T0 - 500000, 20), 6, "a clock that went back holds up nobody");
	is_int(let_in(rt, CONF_LIMIT_HOOK, "a", T0, 500), 500, "0 is no limit");
	is_int(let_in(rt, CONF_LIMIT_SEARCH, NULL, T0, 50), 50, "nobody in particular is not limited");
	rate_close(rt);
	rt = rate_open(conf, base);
	is_int(let_in(rt, CONF_LIMIT_TICK, "a", T0, 20), 0, "the next process knows");
	rate_close(rt);
	rate_close(NULL);
}

static void
test_together(void)
{
	struct rate *rt;
	int i, status, in = 0;

	for (i = 0; i < 4; i++)
		if (fork() == 0) {
			rt = rate_open(conf, base);
			_exit(let_in(rt, CONF_LIMIT_SIGN_IN, "all", T0, 100));
		}
	for (i = 0; i < 4; i++)
		if (wait(&status) > 0)
			in += WEXITSTATUS(status);
	is_int(in, 100, "four processes let in as many as one would");
}

static void
test_many(void)
{
	struct rate *rt = rate_open(conf, base);
	struct stat st;
	char who[32];
	int i, in = 0;

	(void)let_in(rt, CONF_LIMIT_SEARCH, "steady", T0, 20);
	for (i = 0; i < 30000; i++) {
		(void)snprintf(who, sizeof(who), "192.0.%d.%d", i / 250, i % 250);
		in += rate_ok(rt, CONF_LIMIT_SEARCH, who, T0, &wait_s);
	}
	is_int(in, 30000, "a crowd is let in");
	ok(stat(file, &st) == 0 && st.st_size <= 1024 * 8 * 32, "and the file does not grow with it");
	is_int(let_in(rt, CONF_LIMIT_SEARCH, "steady", T0, 5), 0, "who has used up his account is not forgotten for it");
	rate_close(rt);
}

static void
test_broken(void)
{
	struct rlimit none = { 0, 0 }, before;
	struct rate *rt;
	int fd;

	ok(rate_open(conf, "/nowhere/at/all") == NULL, "no folder");
	is_int(let_in(NULL, CONF_LIMIT_SEARCH, "a", T0, 50), 50, "then nothing is limited");
	if ((fd = open(file, O_WRONLY | O_TRUNC)) >= 0) {
		while (lseek(fd, 0, SEEK_CUR) < 300000 && write(fd, "garbage!garbage", 15) == 15)
			continue;
		close(fd);
	}
	rt = rate_open(conf, base);
	is_int(let_in(rt, CONF_LIMIT_SEARCH, "a", T0, 20), 6, "garbage in the file holds up nobody");
	(void)unlink(file);
	rate_close(rt);
	ok(symlink("/dev/null", file) == 0 && rate_open(conf, base) == NULL, "no link is followed");
	(void)unlink(file);
	/* A full disk, as far as a process can have one. */
	rt = rate_open(conf, base);
	(void)signal(SIGXFSZ, SIG_IGN);
	if (getrlimit(RLIMIT_FSIZE, &before) == 0) {
		none.rlim_max = before.rlim_max;
		(void)setrlimit(RLIMIT_FSIZE, &none);
		is_int(let_in(rt, CONF_LIMIT_SEARCH, "a", T0, 50), 50, "what cannot be written limits nobody");
		(void)setrlimit(RLIMIT_FSIZE, &before);
	}
	rate_close(rt);
}

static void
test_addresses(void)
{
	static const struct { const char *in, *out; } a[] = {
		{ "192.0.2.7", "192.0.2.7" }, { "::ffff:192.0.2.7", "192.0.2.7" },
		{ "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::" }, { "2001:db8:1:2::9", "2001:db8:1:2::" }, { "::1", "::" },
		{ "", NULL }, { "unix:", NULL }, { "192.0.2", NULL }, { "192.0.2.7, 10.0.0.1", NULL }, { NULL, NULL }
	};
	char out[48];
	size_t i;

	for (i = 0; i < sizeof(a) / sizeof(a[0]); i++)
		is_str(rate_address(a[i].in, out) ? out : NULL, a[i].out, "%s", a[i].in != NULL ? a[i].in : "none");
}

int
main(void)
{
	if (mkdtemp(dir) == NULL)
		return 1;
	(void)snprintf(base, sizeof(base), "%s/inbox.db", dir);
	(void)snprintf(file, sizeof(file), "%s-rate", base);
	log_init("rate", LOG_ERROR_, 2);
	conf = settings("limit.search = 6\nlimit.tick = 3\nlimit.hook = 0\nlimit.sign_in = 100\n");
	test_account();
	test_together();
	test_many();
	test_broken();
	test_addresses();
	conf_free(conf);
	(void)unlink(file);
	(void)snprintf(file, sizeof(file), "%s/inbox.conf", dir);
	(void)unlink(file);
	(void)rmdir(dir);
	return done_testing();
}
