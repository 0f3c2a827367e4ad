/* SPDX-License-Identifier: MIT */
/*
 * ctl_child.c - programs that inboxctl calls, and a new version tried before it counts.
 *
 * A trial works on a copy of the database: the new inboxctl brings it up to date and
 * checks it, and the new inbox.fcgi, without the engine (-t), answers a request over
 * a socket on the loopback interface.  The copy and its configuration go afterwards.
 */
#include "ctl.h"

#include "../lib/base/clock.h"
#include "../lib/base/file.h"
#include "../lib/base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAID_MAX	((size_t)64 << 10)
#define PAGE_MAX	((size_t)1 << 20)
#define CONF_MAX_BYTES	((size_t)1 << 20)
#define SERVE_S		20

extern char **environ;

/* in: its standard input, or -1 for nothing; out: where it speaks, or -1 for nowhere. */
static bool
begin(const char *const *argv, int in, int out, pid_t *pid)
{
	posix_spawn_file_actions_t io;
	int rc;

	(void)posix_spawn_file_actions_init(&io);
	if (in >= 0)
		(void)posix_spawn_file_actions_adddup2(&io, in, STDIN_FILENO);
	else
		(void)posix_spawn_file_actions_addopen(&io, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (out >= 0) {
		(void)posix_spawn_file_actions_adddup2(&io, out, STDOUT_FILENO);
		(void)posix_spawn_file_actions_adddup2(&io, out, STDERR_FILENO);
	} else {
		(void)posix_spawn_file_actions_addopen(&io, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
		(void)posix_spawn_file_actions_addopen(&io, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	}
	rc = posix_spawn(pid, argv[0], &io, NULL, (char *const *)(uintptr_t)argv, environ);
	(void)posix_spawn_file_actions_destroy(&io);
	errno = rc;
	return rc == 0;
}

static int
ended(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* What it says until it ends; past the time it is ended.  False: it was. */
static bool
hear(int fd, pid_t pid, int64_t until, struct ib_buf *said)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t left;
	ssize_t n;
	char *at;

	for (;;) {
		if ((left = until - clock_mono()) <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR)) {
			(void)kill(pid, SIGKILL);
			return false;
		}
		if (p.revents == 0)
			continue;
		if ((at = buf_reserve(said, 4096)) == NULL || (n = read(fd, at, 4096)) <= 0)
			return true;
		said->len += (size_t)n;
	}
}

/* The last line that says something. */
static const char *
last_line(struct arena *a, const struct ib_buf *said)
{
	const char *text = buf_cstr(said), *end = text + strlen(text), *from;

	while (end > text && end[-1] == '\n')
		end--;
	for (from = end; from > text && from[-1] != '\n'; from--)
		;
	return str_line(a, from, (size_t)(end - from), 150);
}

bool
child_find(const char *name, char path[PATH_MAX])
{
	const char *p = getenv("PATH");
	size_t n;

	for (p = p != NULL ? p : "/usr/bin:/bin"; *p != '\0'; p += n + (p[n] == ':')) {
		n = strcspn(p, ":");
		if (n > 0 && snprintf(path, PATH_MAX, "%.*s/%s", (int)n, p, name) < PATH_MAX && access(path, X_OK) == 0)
			return true;
	}
	return false;
}

const struct ib_err *
child_run(struct arena *a, const char *const *argv, int seconds)
{
	const struct ib_err *err = NULL;
	struct ib_buf said;
	bool in_time = true;
	int ends[2], rc;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return ib_fail(IB_ESYS, IB_RETRY_LATER, "pipe: %s", strerror(errno));
	buf_init(&said, SAID_MAX);
	if (!begin(argv, -1, ends[1], &pid)) {
		err = ib_fail(IB_ESYS, IB_RETRY_NEVER, "%.150s: %s", argv[0], strerror(errno));
		(void)close(ends[1]);
	} else {
		(void)close(ends[1]);
		in_time = hear(ends[0], pid, clock_mono() + seconds * MS_SECOND, &said);
		if ((rc = ended(pid)) != 0) {
			const char *why = in_time ? last_line(a, &said) : "it did not end in time";

			err = ib_fail(IB_ESYS, IB_RETRY_NEVER, "%.90s: %s", argv[0], why != NULL && *why != '\0' ? why : "it died");
		}
	}
	(void)close(ends[0]);
	buf_fini(&said);
	return err;
}

/* A request over FastCGI ------------------------------------------------------------- */

enum { FCGI_BEGIN = 1, FCGI_END = 3, FCGI_PARAMS = 4, FCGI_STDIN = 5, FCGI_STDOUT = 6 };

static void
record(struct ib_buf *b, int type, const char *p, size_t n)
{
	const char head[8] = { 1, (char)type, 0, 1, (char)(n >> 8), (char)(n & 0xff), 0, 0 };

	buf_append(b, head, sizeof(head));
	buf_append(b, p, n);
}

/* Names and values here are shorter than 128 bytes, but for the host and the path. */
static void
param(struct ib_buf *b, const char *name, const char *value)
{
	size_t n = strlen(value);

	buf_putc(b, (char)strlen(name));
	buf_putc(b, (char)(0x80 | (n >> 24)));
	buf_putc(b, (char)(n >> 16));
	buf_putc(b, (char)(n >> 8));
	buf_putc(b, (char)n);
	buf_puts(b, name);
	buf_puts(b, value);
}

/* The first page, as a visitor of the public address would ask for it. */
static const struct ib_err *
send_request(struct arena *a, const char *base_url, int fd)
{
	static const char begin_body[8] = { 0, 1, 0, 0, 0, 0, 0, 0 };	/* a responder; the connection ends with the answer */
	const char *host = strstr(base_url, "://"), *path;
	const struct ib_err *err;
	struct ib_buf params, all;

	host = host != NULL ? host + 3 : base_url;
	path = host + strcspn(host, "/");
	buf_init(&params, 16384);
	buf_init(&all, 32768);
	param(&params, "REQUEST_METHOD", "GET");
	param(&params, "SERVER_PROTOCOL", "HTTP/1.1");
	param(&params, "GATEWAY_INTERFACE", "CGI/1.1");
	param(&params, "REMOTE_ADDR", "127.0.0.1");
	param(&params, "HTTPS", str_starts(base_url, "https:") ? "on" : "off");
	param(&params, "HTTP_HOST", arena_dupn(a, host, (size_t)(path - host)));
	param(&params, "REQUEST_URI", arena_printf(a, "%s/", path));
	record(&all, FCGI_BEGIN, begin_body, sizeof(begin_body));
	record(&all, FCGI_PARAMS, buf_cstr(&params), params.len);
	record(&all, FCGI_PARAMS, "", 0);
	record(&all, FCGI_STDIN, "", 0);
	if ((err = buf_check(&params)) == NULL && (err = buf_check(&all)) == NULL)
		err = file_write(fd, buf_cstr(&all), all.len, "loopback");
	buf_fini(&params);
	buf_fini(&all);
	return err;
}

/* All that comes, and of it what the program wrote for the visitor. */
static const struct ib_err *
read_answer(int fd, struct ib_buf *page)
{
	const unsigned char *p;
	struct ib_buf all;
	ssize_t n;
	char *at;
	size_t len;

	buf_init(&all, PAGE_MAX);
	while ((at = buf_reserve(&all, 16384)) != NULL && (n = read(fd, at, 16384)) > 0)
		all.len += (size_t)n;
	for (p = (const unsigned char *)buf_cstr(&all); all.len >= 8; p += len, all.len -= len) {
		len = 8 + (size_t)p[4] * 256 + p[5] + p[6];
		if (len > all.len || p[1] == FCGI_END)
			break;
		if (p[1] == FCGI_STDOUT)
			buf_append(page, (const char *)p + 8, len - 8 - p[6]);
	}
	buf_fini(&all);
	return buf_check(page);
}

static const struct ib_err *
ask_for_page(struct arena *a, const char *base_url, const struct sockaddr_in *at)
{
	static const struct timeval patience = { SERVE_S, 0 };
	const struct ib_err *err;
	struct ib_buf page;
	int fd;

	if ((fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0 ||
	    connect(fd, (const struct sockaddr *)at, sizeof(*at)) != 0) {
		err = ib_fail(IB_ESYS, IB_RETRY_NEVER, "loopback: %s", strerror(errno));
	} else {
		buf_init(&page, PAGE_MAX);
		if ((err = send_request(a, base_url, fd)) == NULL && (err = read_answer(fd, &page)) == NULL &&
		    (!str_starts(buf_cstr(&page), "Status: 200") || strstr(buf_cstr(&page), "</html>") == NULL)) {
			const char *first = str_line(a, buf_cstr(&page), strcspn(buf_cstr(&page), "\r\n"), 80);

			err = ib_fail(IB_ESYS, IB_RETRY_NEVER, "its first page did not come over loopback: %s",
			    first != NULL && *first != '\0' ? first : "no answer");
		}
		buf_fini(&page);
	}
	if (fd >= 0)
		(void)close(fd);
	return err;
}

static const struct ib_err *
serve_once(struct arena *a, const char *program, const char *conf_path, const char *base_url)
{
	const char *argv[] = { program, "-t", "-c", conf_path, NULL };
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	const struct ib_err *err;
	socklen_t n = sizeof(at);
	pid_t pid;
	int fd;

	if ((fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
	    listen(fd, 8) != 0 || getsockname(fd, (struct sockaddr *)&at, &n) != 0) {
		err = ib_fail(IB_ESYS, IB_RETRY_LATER, "loopback: %s", strerror(errno));
	} else if (!begin(argv, fd, -1, &pid)) {
		err = ib_fail(IB_ESYS, IB_RETRY_NEVER, "%.150s: %s", program, strerror(errno));
	} else {
		err = ask_for_page(a, base_url, &at);
		(void)kill(pid, SIGTERM);
		if (err != NULL)
			(void)kill(pid, SIGKILL);
		(void)ended(pid);
	}
	if (fd >= 0)
		(void)close(fd);
	return err;
}

/* The trial --------------------------------------------------------------------------- */

const struct ib_err *
child_serves(struct arena *a, const char *parts, const struct conf *conf, const char *conf_path)
{
	const char *program = arena_printf(a, "%s/libexec/messenger-inbox/inbox.fcgi", parts);
	const char *check[] = { program, "-n", "-c", conf_path, NULL };
	const struct ib_err *err;

	if (program == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "trial");
	if ((err = child_run(a, check, SERVE_S)) != NULL)
		return err;
	return serve_once(a, program, conf_path, conf_str(conf, CONF_BASE_URL));
}

/* The configuration with another database, beside the real one, so that what is relative in it stays right. */
static const struct ib_err *
write_conf(const char *from, const char *to, const char *database)
{
	const char *name = conf_name(CONF_DATABASE);
	const struct ib_err *err = NULL;
	char line[4096], *key;
	int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *f = fopen(from, "re");
	struct ib_buf b;
	size_t n;

	buf_init(&b, CONF_MAX_BYTES);
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		key = line + strspn(line, " \t");
		n = strcspn(key, " \t=");
		if (n != strlen(name) || strncmp(key, name, n) != 0)
			buf_puts(&b, line);
	}
	buf_printf(&b, "\n%s = %s\n", name, database);
	if (fd < 0 || f == NULL)
		err = ib_fail(IB_ESYS, IB_RETRY_LATER, "%.150s: %s", fd < 0 ? to : from, strerror(errno));
	else if ((err = buf_check(&b)) == NULL)
		err = file_write(fd, buf_cstr(&b), b.len, to);
	if (f != NULL)
		(void)fclose(f);
	if (fd >= 0)
		(void)close(fd);
	buf_fini(&b);
	return err;
}

const struct ib_err *
child_trial(struct arena *a, const char *parts, const struct conf *conf, const char *conf_path, struct db *db)
{
	const char *tool = arena_printf(a, "%s/bin/inboxctl", parts), *folders = arena_printf(a, "%s.trial-", db_path(db));
	const char *confs = arena_printf(a, "%s.trial-", conf_path), *folder, *copy, *trial;
	const struct ib_err *err;

	if (tool == NULL || folders == NULL || confs == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "trial");
	file_sweep_dead(folders);
	file_sweep_dead(confs);
	folder = arena_printf(a, "%s%ld", folders, (long)getpid());
	copy = arena_printf(a, "%s%ld/inbox.db", folders, (long)getpid());
	trial = arena_printf(a, "%s%ld", confs, (long)getpid());
	if (folder == NULL || copy == NULL || trial == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "trial");
	if (mkdir(folder, 0700) != 0)
		return ib_fail(IB_ESYS, IB_RETRY_LATER, "%.150s: %s", folder, strerror(errno));
	if ((err = db_backup(db, copy)) == NULL && (err = write_conf(conf_path, trial, copy)) == NULL) {
		const char *init[] = { tool, "-c", trial, "init", NULL }, *check[] = { tool, "-c", trial, "check", NULL };

		if ((err = child_run(a, init, CHILD_LONG_S)) == NULL && (err = child_run(a, check, CHILD_LONG_S)) == NULL)
			err = child_serves(a, parts, conf, trial);
	}
	(void)unlink(trial);
	if (file_remove(folder) != NULL)
		fprintf(stderr, "inboxctl: %s could not be removed\n", folder);
	return err;
}
