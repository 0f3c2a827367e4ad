/* SPDX-License-Identifier: MIT */
/*
 * io_fcgi.c - the only door to libfcgi: a worker on the socket at descriptor 0.
 *
 * One request at a time.  SIGTERM, SIGUSR1 and SIGQUIT are blocked but for the moment
 * of waiting, so that a request in hand is always finished and none is taken
 * that would not be.  Several workers may wait on the same socket: each
 * connection wakes one of them (EPOLLEXCLUSIVE), and who comes too late all
 * the same goes on waiting, since the socket does not block.
 *
 * libfcgi trusts the web server.  All that it reads it gets from OS_Read below, which
 * stands in the place of its own and hands on only what records.h lets pass.
 */
#include "io.h"
#include "records.h"

#include "../lib/base/clock.h"
#include "../lib/base/home.h"
#include "../lib/base/log.h"

#include <assert.h>
#include <errno.h>
#include <fastcgi.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define BINARY_CHECK_MS	(5 * MS_SECOND)
#define FAILURES_MAX	10	/* of accept in a row */
#define HEAD_MS		(5 * MS_SECOND)	/* for the environment: servers send it at once */
#define STALL_S		30	/* a server that stops in the middle of a body */
#define LEAVE_MS	(30 * MS_SECOND)	/* to find a moment for leaving without being asked */
#define SMALL		6000	/* an answer that fits into libfcgi's buffer with its end */
#define RECORD_MAX	65528	/* content of a record: what 16 bits can say, in whole words */
#define PIECES_MAX	2	/* of one write */

struct fcgi_io {
	struct io	 io;
	FCGX_Request	 req;
	bool		 direct;	/* records of our own are on their way */
	bool		 local;		/* the socket is of this machine, not of a network */
};

static volatile sig_atomic_t stop;

/* What libfcgi hears ------------------------------------------------------------ */

/* One connection at a time; OS_Read has no other way to it. */
static struct {
	struct records	 records;
	int64_t		 end_ms;	/* of the wait for the environment; 0: nothing has been read yet */
	bool		 over;		/* the last read was this connection's end */
} heard;

static void
hear_next(void)
{
	records_init(&heard.records);
	heard.end_ms = 0;
	heard.over = false;
}

/* There is something to read, or the other side is gone; false: neither, for too long. */
static bool
wait_for_bytes(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t wait = STALL_S * MS_SECOND;

	if (heard.records.phase < RECORDS_BODY)
		wait = heard.end_ms - clock_mono();
	return wait > 0 && (poll(&p, 1, (int)wait) > 0 || errno == EINTR);
}

static ssize_t
hear(int fd, void *p, size_t n)
{
	ssize_t got;

	while ((got = recv(fd, p, n, MSG_DONTWAIT)) < 0)
		if (errno != EINTR && (errno != EAGAIN || !wait_for_bytes(fd)))
			break;
	return got;
}

/*
 * libfcgi's own, which is nothing but read(2); exported by libfcgi, called through its
 * table of symbols, and therefore replaced by the program's.  libfcgi leaves a connection
 * whose read failed alone: what it asks for next, within one call, is of another.
 */
int OS_Read(int fd, char *p, size_t n);

int
OS_Read(int fd, char *p, size_t n)
{
	ssize_t got;

	if (heard.over)
		hear_next();
	if (heard.end_ms == 0)
		heard.end_ms = clock_mono() + HEAD_MS;
	got = hear(fd, p, n);
	if (got > 0 && !records_take(&heard.records, p, (size_t)got)) {
		log_event(LOG_WARN_, "fcgi_refused", "why", heard.records.why, NULL);
		errno = EPROTO;
		got = -1;
	}
	heard.over = got <= 0;
	/* Nobody waits, as libfcgi would, until whoever never made it to a request has closed too. */
	if (heard.over && heard.records.phase < RECORDS_BODY)
		(void)shutdown(fd, SHUT_RDWR);
	return (int)got;
}

/* Transport -------------------------------------------------------------------- */

/* No write waits longer than STALL_S. */
static void
limit_writes(const struct fcgi_io *f)
{
	static const struct timeval stall = { STALL_S, 0 };

	(void)setsockopt(f->req.ipcFd, SOL_SOCKET, SO_SNDTIMEO, &stall, sizeof(stall));
}

static ssize_t
fcgi_read(struct io *io, void *p, size_t n)
{
	struct fcgi_io *f = (struct fcgi_io *)io;
	int got;

	got = FCGX_GetStr(p, n > INT_MAX ? INT_MAX : (int)n, f->req.in);
	if (got <= 0)
		return FCGX_GetError(f->req.in) != 0 ? -1 : 0;
	return got;
}

/* Everything in v, or false: the server is gone, or takes nothing any more. */
static bool
send_all(int fd, struct iovec *v, size_t n)
{
	struct msghdr m = { .msg_iov = v, .msg_iovlen = n };
	ssize_t put;

	while (m.msg_iovlen > 0) {
		if ((put = sendmsg(fd, &m, MSG_NOSIGNAL)) < 0) {
			if (errno != EINTR)
				return false;
			continue;
		}
		for (; m.msg_iovlen > 0 && (size_t)put >= m.msg_iov->iov_len; m.msg_iovlen--)
			put -= (ssize_t)(m.msg_iov++)->iov_len;
		if (m.msg_iovlen > 0) {
			m.msg_iov->iov_base = (char *)m.msg_iov->iov_base + put;
			m.msg_iov->iov_len -= (size_t)put;
		}
	}
	return true;
}

/* One record of the answer with n bytes from the front of v, which moves on. */
static bool
send_record(const struct fcgi_io *f, struct iovec *v, size_t n)
{
	unsigned char head[8] = { FCGI_VERSION_1, FCGI_STDOUT, (unsigned char)(f->req.requestId >> 8),
	    (unsigned char)f->req.requestId, (unsigned char)(n >> 8), (unsigned char)n };
	struct iovec out[1 + PIECES_MAX] = { { head, sizeof(head) } };
	size_t k = 1, take;

	for (; n > 0; v++) {
		if (v->iov_len == 0)
			continue;
		take = v->iov_len < n ? v->iov_len : n;
		out[k++] = (struct iovec){ v->iov_base, take };
		v->iov_base = (char *)v->iov_base + take;
		v->iov_len -= take;
		n -= take;
	}
	return send_all(f->req.ipcFd, out, k);
}

/*
 * libfcgi copies everything through a buffer of 8 KB and writes that out each
 * time it is full.  A page goes as it lies instead, in records as large as
 * they may be; the end of the request is libfcgi's again.
 */
static bool
fcgi_write(struct io *io, struct iovec *v, int n)
{
	struct fcgi_io *f = (struct fcgi_io *)io;
	size_t left = 0;
	int i;

	assert(n <= PIECES_MAX);
	for (i = 0; i < n; i++)
		left += v[i].iov_len;
	if (!f->direct && left <= SMALL) {
		for (i = 0; i < n; i++)
			if (FCGX_PutStr(v[i].iov_base, (int)v[i].iov_len, f->req.out) < 0)
				return false;
		return true;
	}
	if (!f->direct) {
		limit_writes(f);
		if (FCGX_FFlush(f->req.out) != 0)
			return false;
	}
	f->direct = true;
	for (; left > 0; left -= left < RECORD_MAX ? left : RECORD_MAX)
		if (!send_record(f, v, left < RECORD_MAX ? left : RECORD_MAX))
			return false;
	return true;
}

/*
 * libfcgi waits until the server has closed too, because a close with bytes
 * unread may tear down what a network has not delivered yet.  On a socket of
 * this machine everything has arrived; without the wait the worker is free two
 * switches earlier.  But only when the server has said all it has to say: Apache's
 * mod_proxy_fcgi writes the end of the body by itself, and gives the visitor an
 * error when nobody is there to take it.
 */
static bool
may_close_at_once(struct fcgi_io *f)
{
	return f->local && FCGX_GetChar(f->req.in) == EOF && FCGX_GetError(f->req.in) == 0;
}

static void
fcgi_finish(struct io *io)
{
	struct fcgi_io *f = (struct fcgi_io *)io;

	/*
	 * A connection that the server wants to keep would bind the next
	 * request to this worker, and only a read could tell when it comes.
	 */
	f->req.keepConnection = 0;
	if (may_close_at_once(f))
		(void)FCGX_Detach(&f->req);
	FCGX_Finish_r(&f->req);
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
	sigaddset(&set, SIGQUIT);	/* what multiwatch 1.0.0 sends for -s TERM */
	(void)sigprocmask(SIG_BLOCK, &set, waiting);
	sigdelset(waiting, SIGTERM);
	sigdelset(waiting, SIGUSR1);
	sigdelset(waiting, SIGQUIT);
	(void)sigaction(SIGTERM, &sa, NULL);
	(void)sigaction(SIGUSR1, &sa, NULL);
	(void)sigaction(SIGQUIT, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &sa, NULL);
}

/* Were we told to end, even if the signal is still held back? */
static bool
must_stop(void)
{
	sigset_t set;

	return stop || (sigpending(&set) == 0 &&
	    (sigismember(&set, SIGTERM) == 1 || sigismember(&set, SIGUSR1) == 1 || sigismember(&set, SIGQUIT) == 1));
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
	bool here = !FCGX_IsCGI();

	/* While we start, libfcgi's own handler would swallow it, and refuse every connection from then on. */
	(void)signal(SIGUSR1, SIG_DFL);
	return here;
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

/* A request is there, taken and answered; or another worker was faster.  False ends the loop. */
static bool
take(struct loop *l)
{
	int rc;

	hear_next();
	if ((rc = FCGX_Accept_r(&l->f.req)) != 0) {
		if (rc == -EAGAIN || rc == -EINTR || rc == -ECONNABORTED)
			return true;
		log_event(LOG_ERROR_, "accept_failed", "errno", log_i(-rc), NULL);
		if (++l->failures >= FAILURES_MAX) {
			l->exit_code = 1;
			return false;
		}
		(void)poll(NULL, 0, 100);
		return true;
	}
	l->failures = 0;
	if (heard.end_ms == 0 && l->served == 0) {
		/* Some other build of libfcgi, which does not ask us. */
		log_event(LOG_WARN_, "fcgi_unguarded", NULL);
	} else if (heard.end_ms != 0 && heard.records.phase < RECORDS_BODY) {
		/* Cut short: libfcgi takes the end of the connection for the end of the environment. */
		FCGX_Free(&l->f.req, 1);
		return true;
	}
	l->f.direct = false;
	l->f.io.envp = l->f.req.envp;
	l->f.io.refuse = heard.records.nul ? 400 : 0;
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
	l.f.io.write = fcgi_write;
	l.f.io.finish = fcgi_finish;
	l.f.local = is_local(0);
	l.idle_at_ms = now + calls->idle_ms;
	l.end_ms = calls->for_ms > 0 ? now + calls->for_ms : 0;
	if (FCGX_Init() != 0 || FCGX_InitRequest(&l.f.req, 0, FCGI_FAIL_ACCEPT_ON_INTR) != 0) {
		log_event(LOG_ERROR_, "fcgi_init_failed", NULL);
		return 1;
	}
	block_signals(&l.waiting);	/* after FCGX_Init, which has handlers of its own */
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
	FCGX_Free(&l.f.req, 1);
	return l.exit_code;
}
