/* SPDX-License-Identifier: MIT */
/*
 * ctl_cron.c - inboxctl setup: the line of the scheduled run in this user's crontab.
 *
 * crontab(1) is the only way to it.  It is read, and written back with one line
 * more; what was in it stays as it was.  No shell is involved.
 */
#include "ctl.h"
#include "ctl_setup.h"

#include "../lib/base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CRONTAB_MAX	((size_t)1 << 20)

extern char **environ;

/* Where the search path has it; NULL: nowhere. */
static const char *
crontab(void)
{
	static char found[PATH_MAX];

	return child_find("crontab", found) ? found : NULL;
}

bool
setup_cron_here(void)
{
	return crontab() != NULL;
}

/* Runs crontab with `option`; ours is its descriptor `theirs`, the other end of a pipe comes back.  -1: errno. */
static int
start(const char *option, int theirs, pid_t *pid)
{
	char program[] = "crontab", word[3];
	char *args[] = { program, word, NULL };
	posix_spawn_file_actions_t io;
	int ends[2], rc;

	(void)strncpy(word, option, sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	(void)posix_spawn_file_actions_init(&io);
	(void)posix_spawn_file_actions_adddup2(&io, ends[theirs], theirs);
	(void)posix_spawn_file_actions_addopen(&io, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	rc = posix_spawn(pid, crontab(), &io, NULL, args, environ);
	(void)posix_spawn_file_actions_destroy(&io);
	(void)close(ends[theirs]);
	if (rc == 0)
		return ends[!theirs];
	(void)close(ends[!theirs]);
	errno = rc;
	return -1;
}

static bool
ended_well(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* A user without a crontab has an empty one. */
static bool
read_all(struct ib_buf *out)
{
	ssize_t n = 0;
	pid_t pid;
	char *p;
	int fd;

	if (crontab() == NULL || (fd = start("-l", STDOUT_FILENO, &pid)) < 0)
		return false;
	while ((p = buf_reserve(out, 4096)) != NULL && (n = read(fd, p, 4096)) > 0)
		out->len += (size_t)n;
	(void)close(fd);
	if (!ended_well(pid))
		buf_clear(out);
	return n == 0 && buf_check(out) == NULL;
}

bool
setup_cron_has(const char *line)
{
	struct ib_buf b;
	bool has;

	buf_init(&b, CRONTAB_MAX);
	has = read_all(&b) && strstr(buf_cstr(&b), line) != NULL;
	buf_fini(&b);
	return has;
}

/* What b holds becomes the crontab. */
static bool
write_all(const struct ib_buf *b)
{
	void (*was)(int);
	bool good;
	pid_t pid;
	int fd;

	if (buf_check(b) != NULL || (fd = start("-", STDIN_FILENO, &pid)) < 0)
		return false;
	/* One that may not be used ends without reading. */
	was = signal(SIGPIPE, SIG_IGN);
	good = write(fd, buf_cstr(b), b->len) == (ssize_t)b->len;
	(void)signal(SIGPIPE, was);
	(void)close(fd);
	return ended_well(pid) && good;
}

bool
setup_cron_add(const char *line)
{
	bool good = false;
	struct ib_buf b;

	buf_init(&b, CRONTAB_MAX);
	if (read_all(&b)) {
		if (b.len > 0 && b.p[b.len - 1] != '\n')
			buf_putc(&b, '\n');
		buf_puts(&b, line);
		buf_putc(&b, '\n');
		good = write_all(&b);
	}
	buf_fini(&b);
	return good;
}

bool
setup_cron_drop(const char *line)
{
	struct ib_buf was, b;
	bool good = false;
	const char *p;
	size_t n;

	buf_init(&was, CRONTAB_MAX);
	buf_init(&b, CRONTAB_MAX);
	if (read_all(&was)) {
		for (p = buf_cstr(&was); *p != '\0'; p += n) {
			n = strcspn(p, "\n");
			if (n != strlen(line) || strncmp(p, line, n) != 0)
				buf_append(&b, p, n + (p[n] == '\n'));
			n += p[n] == '\n';
		}
		good = write_all(&b);
	}
	buf_fini(&was);
	buf_fini(&b);
	return good;
}
