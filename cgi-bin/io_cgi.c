/* SPDX-License-Identifier: MIT */
/*
 * io_cgi.c - plain CGI: one request on standard input and output.
 *
 * The fallback for servers without FastCGI.  A server waits until the
 * program's standard output and standard error are closed, some until its
 * process has ended: io_cgi_detach() gives it both.  And most send SIGTERM to
 * a process that has closed its output and is still there: it is held back, so
 * that a request in hand is finished and the work after it gets its child.
 * Apache then also keeps the connection waiting before it looks again, for 47 ms
 * with mod_cgi (apr's pools end processes so) and 10 ms with mod_cgid.  So a
 * child holds the output until the process is gone.
 */
#include "io.h"

#include "../lib/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#define GONE_TRIES	200	/* looks whether the parent is gone, */
#define GONE_MS		1	/* so far apart: no server waits for longer */

extern char **environ;

static ssize_t
cgi_read(struct io *io, void *p, size_t n)
{
	ssize_t got;

	(void)io;
	do
		got = read(STDIN_FILENO, p, n);
	while (got < 0 && errno == EINTR);
	return got;
}

static bool
cgi_write(struct io *io, struct iovec *v, int n)
{
	ssize_t put;

	(void)io;
	while (n > 0) {
		if ((put = writev(STDOUT_FILENO, v, n)) < 0) {
			if (errno == EINTR)
				continue;
			return false;
		}
		for (; n > 0 && (size_t)put >= v->iov_len; v++, n--)
			put -= (ssize_t)v->iov_len;
		if (n > 0) {
			v->iov_base = (char *)v->iov_base + put;
			v->iov_len -= (size_t)put;
		}
	}
	return true;
}

static void
to_null(int fd, int flags)
{
	int null;

	if ((null = open("/dev/null", flags | O_CLOEXEC)) < 0) {
		(void)close(fd);
		return;
	}
	if (null == fd)
		return;
	(void)dup2(null, fd);
	(void)close(null);
}

/* It is all written; the ends below say so. */
static void
cgi_finish(struct io *io)
{
	(void)io;
}

static void
hold_sigterm(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	(void)sigprocmask(how, &set, NULL);
}

bool
io_cgi_serve(const struct io_calls *calls)
{
	struct io io = { environ, cgi_read, cgi_write, cgi_finish, 0 };

	hold_sigterm(SIG_BLOCK);
	(void)signal(SIGPIPE, SIG_IGN);
	return calls->serve(calls->arg, &io);
}

/* In a child. */
static void
outlive(pid_t parent)
{
	int i;

	for (i = 0; getppid() == parent && i < GONE_TRIES; i++)
		clock_nap(GONE_MS);
}

void
io_cgi_end(void)
{
	pid_t parent = getpid();

	if (fork() == 0) {
		outlive(parent);
		_exit(0);
	}
}

bool
io_cgi_detach(void)
{
	pid_t parent = getpid(), child = fork();

	if (child > 0)
		_exit(0);
	if (child == 0)
		outlive(parent);
	to_null(STDIN_FILENO, O_RDONLY);
	to_null(STDOUT_FILENO, O_WRONLY);
	to_null(STDERR_FILENO, O_WRONLY);
	if (child < 0)
		return false;
	(void)setsid();
	hold_sigterm(SIG_UNBLOCK);
	return true;
}
