/* SPDX-License-Identifier: MIT */
/*
 * io_fcgi.c - a FastCGI worker on the socket at descriptor 0.
 *
 * One request at a time.  SIGTERM and SIGUSR1 are blocked but for the moment
 * of waiting, so that a request in hand is always finished and none is taken
 * that would not be.  Several workers may wait on the same socket: each
 * connection wakes one of them (EPOLLEXCLUSIVE), and who comes too late all
 * the same goes on waiting, since the socket does not block.
 */
#include "fcgi.h"
#include "io.h"

#include "../lib/base/clock.h"
#include "../lib/base/home.h"
#include "../lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BINARY_CHECK_MS	(5 * MS_SECOND)
#define FAILURES_MAX	10	/* of accept in a row */
#define LEAVE_MS	(30 * MS_SECOND)	/* to find a moment for leaving without being asked */

struct fcgi_io {
	struct io	 io;
	struct fcgi	 conn;
};

static volatile sig_atomic_t stop;

/* Transport -------------------------------------------------------------------- */

static ssize_t
fcgi_read(struct io *io, void *p, size_t n)
{
	return fcgi_body(&((struct fcgi_io *)io)->conn, p, n);
}

static bool
fcgi_put(struct io *io, struct iovec *v, int n)
{
	return fcgi_write(&((struct fcgi_io *)io)->conn, v, (size_t)n);
}

static void
fcgi_finish(struct io *io)
{
	fcgi_close(&((struct fcgi_io *)io)->conn);
}

/* Signals ---------------------------------------------------------------------- */

static void
on_stop(int sig)
{
	(void)sig;
	stop = 1;
}

/* Blocks what ends us; *waiting is the mask while there is nothing to do. */
static void
block_signals(sigset_t *waiting)
{
	struct sigaction sa;
	sigset_t set;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_stop;
	sigemptyset(&sa.sa_mask);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &set, waiting);
	sigdelset(waiting, SIGTERM);
	sigdelset(waiting, SIGUSR1);
	(void)sigaction(SIGTERM, &sa, NULL);
	(void)sigaction(SIGUSR1, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &sa, NULL);
}

/* Were we told to end, even if the signal is still held back? */
static bool
must_stop(void)
{
	sigset_t set;

	return stop || (sigpending(&set) == 0 &&
	    (sigismember(&set, SIGTERM) == 1 || sigismember(&set, SIGUSR1) == 1));
}

/* A new program at our path ------------------------------------------------------ */

struct binary {
	char		 path[PATH_MAX];
	struct stat	 now, seen;
	bool		 known, differs;
	int64_t		 next_ms;
};

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void
binary_init(struct binary *b, int64_t now)
{
	const char *said = home_program();
	bool known;

	memset(b, 0, sizeof(*b));
	if (said != NULL)
		known = snprintf(b->path, sizeof(b->path), "%s", said) < (int)sizeof(b->path);
	else
		known = readlink("/proc/self/exe", b->path, sizeof(b->path) - 1) > 0;
	b->known = known && stat(b->path, &b->now) == 0;
	b->next_ms = now + BINARY_CHECK_MS;
}

/* Another one, and the same other one as last time: whoever writes it is done. */
static bool
binary_replaced(struct binary *b, int64_t now)
{
	struct stat st;
	bool again;

	if (!b->known || now < b->next_ms)
		return false;
	b->next_ms = now + BINARY_CHECK_MS;
	if (stat(b->path, &st) != 0 || same_file(&st, &b->now)) {
		b->differs = false;
		return false;
	}
	again = b->differs && same_file(&st, &b->seen);
	b->differs = true;
	b->seen = st;
	return again;
}

/* The loop --------------------------------------------------------------------- */

bool
io_fcgi_here(void)
{
	struct sockaddr_storage peer;
	socklen_t n = sizeof(peer);

	/* It listens: a socket, and nobody at its other end. */
	return getpeername(0, (struct sockaddr *)&peer, &n) != 0 && errno == ENOTCONN;
}

struct loop {
	const struct io_calls *calls;
	struct fcgi_io	 f;
	struct binary	 binary;
	sigset_t	 waiting;
	int64_t		 end_ms, idle_at_ms;
	int64_t		 leave_ms;		/* latest time of leaving, once decided */
	unsigned	 served, failures;
	int		 epoll, exit_code;
};

/* Has the time come for work that no answer asked for? */
static bool
work_is_due(const struct loop *l)
{
	int64_t at = l->calls->due != NULL ? l->calls->due(l->calls->arg) : 0;

	return at != 0 && clock_mono() >= at;
}

/* Accepting failed for a reason that is nobody else's: is there hope? */
static bool
accept_failed(struct loop *l)
{
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return true;
	log_event(LOG_ERROR_, "accept_failed", "errno", log_i(errno), NULL);
	if (++l->failures >= FAILURES_MAX) {
		l->exit_code = 1;
		return false;
	}
	(void)poll(NULL, 0, 100);
	return true;
}

/* A request is there, taken and answered; or another worker was faster.  False ends the loop. */
static bool
take(struct loop *l)
{
	const char *why;
	int fd;

	if ((fd = accept4(0, NULL, NULL, SOCK_CLOEXEC)) < 0)
		return accept_failed(l);
	l->failures = 0;
	if ((why = fcgi_open(&l->f.conn, fd)) != NULL) {
		log_event(LOG_INFO_, "server_refused", "why", why, NULL);
		return true;
	}
	l->f.io.envp = l->f.conn.env;
	l->f.io.refuse = l->f.conn.refuse;
	if ((l->calls->serve(l->calls->arg, &l->f.io) || work_is_due(l)) && l->calls->work != NULL && !must_stop())
		l->calls->work(l->calls->arg);
	l->idle_at_ms = clock_mono() + l->calls->idle_ms;
	l->served++;
	return true;
}

/* A limit was reached, or there is another program to make room for. */
static bool
wants_to_leave(struct loop *l, int64_t now)
{
	if (l->leave_ms == 0 && ((l->end_ms != 0 && now >= l->end_ms) ||
	    (l->calls->max_requests != 0 && l->served >= l->calls->max_requests) ||
	    binary_replaced(&l->binary, now)))
		l->leave_ms = now + LEAVE_MS;
	return l->leave_ms != 0;
}

/* How long nothing need be looked at. */
static int64_t
next_look(const struct loop *l, int64_t now)
{
	int64_t at = now + MS_MINUTE, work = l->calls->due != NULL ? l->calls->due(l->calls->arg) : 0;

	if (work != 0 && work < at)
		at = work;
	if (l->calls->idle != NULL && l->idle_at_ms < at)
		at = l->idle_at_ms;
	if (l->binary.known && l->binary.next_ms < at)
		at = l->binary.next_ms;
	if (l->end_ms != 0 && l->end_ms < at)
		at = l->end_ms;
	return at > now ? at - now : 0;
}

static bool
step(struct loop *l)
{
	int64_t now = clock_mono(), wait;
	struct epoll_event ev;
	int n;

	if (stop || (wants_to_leave(l, now) && now >= l->leave_ms))
		return false;
	/*
	 * When the socket is ours alone, whoever waits on it would be lost
	 * with it: who leaves of his own accord does so when nobody waits.
	 */
	wait = l->leave_ms != 0 ? 0 : next_look(l, now);
	if ((n = epoll_pwait(l->epoll, &ev, 1, (int)wait, &l->waiting)) < 0) {
		if (errno == EINTR)
			return true;
		log_event(LOG_ERROR_, "poll_failed", "errno", log_i(errno), NULL);
		l->exit_code = 1;
		return false;
	}
	if (n > 0 && (ev.events & EPOLLIN) != 0)
		return take(l);
	if (n > 0) {
		/* The supervisor closed the socket: nothing will ever come. */
		log_event(LOG_INFO_, "socket_closed", NULL);
		return false;
	}
	if (l->leave_ms != 0)
		return false;
	if (work_is_due(l))
		l->calls->work(l->calls->arg);
	if (l->calls->idle != NULL && clock_mono() >= l->idle_at_ms) {
		l->calls->idle(l->calls->arg);
		l->idle_at_ms = clock_mono() + l->calls->idle_ms;
	}
	return true;
}

static bool
is_local(int fd)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof(sa);

	return getsockname(fd, (struct sockaddr *)&sa, &n) == 0 && sa.ss_family == AF_UNIX;
}

/* Wait on the socket as one of several: false, with the reason in errno. */
static bool
watch_socket(struct loop *l)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	int flags;

	return (flags = fcntl(0, F_GETFL)) >= 0 && fcntl(0, F_SETFL, flags | O_NONBLOCK) >= 0 &&
	    (l->epoll = epoll_create1(EPOLL_CLOEXEC)) >= 0 &&
	    epoll_ctl(l->epoll, EPOLL_CTL_ADD, 0, &ev) == 0;
}

/* A connection that has woken nobody but us goes with nobody else: it is served first. */
static void
take_last(struct loop *l)
{
	struct pollfd p = { .fd = 0, .events = POLLIN };

	if (l->exit_code == 0 && poll(&p, 1, 0) > 0 && (p.revents & POLLIN) != 0)
		(void)take(l);
}

int
io_fcgi_loop(const struct io_calls *calls)
{
	static struct loop l;
	int64_t now = clock_mono();

	memset(&l, 0, sizeof(l));
	l.calls = calls;
	l.f.io.read = fcgi_read;
	l.f.io.write = fcgi_put;
	l.f.io.finish = fcgi_finish;
	fcgi_init(&l.f.conn, is_local(0));
	l.idle_at_ms = now + calls->idle_ms;
	l.end_ms = calls->for_ms > 0 ? now + calls->for_ms : 0;
	block_signals(&l.waiting);
	if (!watch_socket(&l)) {
		log_event(LOG_ERROR_, "socket_failed", "errno", log_i(errno), NULL);
		return 1;
	}
	if (calls->watch_binary)
		binary_init(&l.binary, now);
	while (step(&l))
		;
	take_last(&l);
	/* At once: whoever connects from now on is refused, and the server asks another. */
	(void)close(0);
	fcgi_fini(&l.f.conn);
	return l.exit_code;
}
