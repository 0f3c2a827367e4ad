/* SPDX-License-Identifier: MIT */
/*
 * ctl_sandbox.c - inboxctl sandbox: the inbox is tried before there are apps.
 *
 *   sandbox [PORT]     switch it on when it is off, and run it until Ctrl + C
 *   sandbox remove     switch it off, and erase all that came of it
 *
 * The sandbox is a program of its own that listens on this machine alone; this one
 * becomes it.  Its port stays what it was at first, because addresses with it stand
 * in rows.  What an ended sandbox knew is there again when it is started again.
 */
#include "ctl.h"

#include "../lib/base/cat.h"
#include "../lib/base/clock.h"
#include "../lib/base/home.h"
#include "../lib/base/str.h"
#include "../lib/sync/sandbox.h"
#include "../lib/sync/sync.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct box {
	const struct conf *conf;
	struct talk	 t;
	struct db	*db;
	struct keyring	*keys;
};

#define SAY(b, id, ...)	puts(TALK_SAY(&(b)->t, id, __VA_ARGS__))

/* A port of this machine that nobody uses; 0: there is none. */
static int64_t
any_port(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int64_t port = 0;

	if (fd >= 0 && bind(fd, (struct sockaddr *)&sin, len) == 0 && getsockname(fd, (struct sockaddr *)&sin, &len) == 0)
		port = ntohs(sin.sin_port);
	if (fd >= 0)
		(void)close(fd);
	return port;
}

/* In one word with its name: a random secret may begin with "-", and alone would be taken for a name itself. */
static const char *
option(struct box *b, const char *name, const struct conf *conf, enum conf_key key)
{
	return arena_printf(&b->t.a, "--%s=%s", name, conf_str(conf, key));
}

/* Comes back only when it could not be started. */
static void
become(struct box *b, const struct conf *conf, const char *program)
{
	const char *base = conf_str(conf, CONF_BASE_URL), *port = talk_int(&b->t, sandbox_port(conf));
	const char *const args[] = { "python3", program, "--port", port, "--db", sandbox_file(conf, &b->t.a), "--seed", "demo",
	    "--product-url", base, "--callback", arena_printf(&b->t.a, "%s/hook/facebook", base),
	    option(b, "verify-token", conf, CONF_FB_VERIFY_TOKEN), option(b, "fb-app-id", conf, CONF_FB_APP_ID),
	    option(b, "fb-app-secret", conf, CONF_FB_APP_SECRET), option(b, "pd-client-id", conf, CONF_PD_CLIENT_ID),
	    option(b, "pd-client-secret", conf, CONF_PD_CLIENT_SECRET), "--quiet", NULL };
	union { const char *const *c; char *const *v; } u = { .c = args };

	(void)fflush(stdout);
	(void)execvp(args[0], u.v);
	SAY(b, STR_SANDBOX_PYTHON, "why", strerror(errno), NULL);
}

/* The database is asked before the configuration is changed; then nothing of ours stays open. */
static const struct ib_err *
switch_on(struct box *b, int64_t port, struct conf **out)
{
	const struct ib_err *err;

	if ((err = ctl_open_db(b->conf, 0, &b->db)) == NULL)
		err = sandbox_begin(b->conf, b->db, &b->t.a, port != 0 ? port : any_port(), out);
	db_close(b->db);
	b->db = NULL;
	return err;
}

static int
start(struct box *b, int64_t port)
{
	const char *program = arena_printf(&b->t.a, "%s/sandbox", home_folder(NULL, HOME_SANDBOX));
	const struct conf *conf = b->conf;
	const struct ib_err *err;
	struct conf *fresh = NULL;
	char python[PATH_MAX];

	if (access(program, R_OK) != 0) {
		SAY(b, STR_SANDBOX_MISSING, "path", program, NULL);
		return 1;
	}
	/* Looked for before the configuration says that the sandbox is on. */
	if (!child_find("python3", python)) {
		SAY(b, STR_SANDBOX_PYTHON, "why", strerror(ENOENT), NULL);
		return 1;
	}
	if (!sandbox_is_on(conf)) {
		if ((err = switch_on(b, port, &fresh)) != NULL)
			return ctl_fail(err);
		if (fresh == NULL) {
			SAY(b, STR_SANDBOX_TAKEN, NULL);
			return 1;
		}
		conf = fresh;
	}
	SAY(b, STR_SANDBOX_RUNS, "url", conf_str(conf, CONF_DEMO_URL), "inbox", conf_str(conf, CONF_BASE_URL), "port",
	    talk_int(&b->t, sandbox_port(conf)), NULL);
	become(b, conf, program);
	conf_free(fresh);
	return 1;
}

static int
stop(struct box *b)
{
	const struct ib_err *err;
	struct sync *s = NULL;
	bool did = true;

	if (!sandbox_is_on(b->conf)) {
		SAY(b, STR_SANDBOX_OFF, NULL);
		return 1;
	}
	if ((err = ctl_open_db(b->conf, 0, &b->db)) != NULL ||
	    (err = keyring_load(conf_str(b->conf, CONF_KEY_FILE), &b->keys)) != NULL ||
	    (err = sandbox_end(b->conf, b->db, b->keys, &b->t.a, clock_now())) != NULL ||
	    (err = sync_new(b->conf, b->db, b->keys, &s)) != NULL)
		goto done;
	while (err == NULL && did)
		err = sync_leave_one(s, clock_now(), &did);
	if (err == NULL)
		SAY(b, STR_SANDBOX_REMOVED, NULL);
done:
	sync_free(s);
	keyring_free(b->keys);
	db_close(b->db);
	return err == NULL ? 0 : ctl_fail(err);
}

int
ctl_sandbox(const struct conf *conf, char *const *args)
{
	struct box b = { .conf = conf };
	bool remove = args[0] != NULL && strcmp(args[0], "remove") == 0;
	const struct ib_err *err;
	int64_t port = 0;
	int rc;

	if (args[0] != NULL && !remove && !str_int_in(args[0], 1024, 65535, &port)) {
		fputs("inboxctl: sandbox takes a port (1024 to 65535) or remove\n", stderr);
		return 2;
	}
	if ((err = talk_open(&b.t, conf)) != NULL) {
		talk_close(&b.t);
		return ctl_fail(err);
	}
	rc = remove ? stop(&b) : start(&b, port);
	talk_close(&b.t);
	return rc;
}
