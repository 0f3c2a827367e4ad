/* SPDX-License-Identifier: MIT */
/*
 * canned.h - a web server of a few lines for the tests of API clients.
 *
 * canned_start() forks a child that listens on a free port of 127.0.0.1.  It
 * gives the queued answers in order, one per request and connection, and keeps
 * what it was asked.  Both sides share one block of memory; since a client
 * waits for its answer, no locks are needed.  An answer of NULL closes the
 * connection without a byte.  canned_stop() ends the child.
 */
#ifndef IB_TEST_CANNED_H
#define IB_TEST_CANNED_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANNED_MAX	16
#define CANNED_BYTES	32768

struct canned {
	int	port;
	pid_t	pid;
	int	queued, given;			/* answers */
	char	answer[CANNED_MAX][CANNED_BYTES];
	char	asked[CANNED_MAX][CANNED_BYTES];	/* head and body as received */
};

static struct canned *canned;

static inline void
canned_serve(int fd)
{
	size_t n, want;
	char *req, *head;
	const char *len;
	ssize_t r;
	int s, i;

	while ((s = accept(fd, NULL, NULL)) >= 0) {
		i = canned->given;
		if (i >= canned->queued || i >= CANNED_MAX) {
			close(s);
			continue;
		}
		req = canned->asked[i];
		for (n = 0, want = CANNED_BYTES - 1; n < want;) {
			if ((r = read(s, req + n, want - n)) <= 0)
				break;
			n += (size_t)r;
			req[n] = '\0';
			if (want == CANNED_BYTES - 1 && (head = strstr(req, "\r\n\r\n")) != NULL) {
				len = strcasestr(req, "\r\ncontent-length:");
				want = (size_t)(head + 4 - req) +
				    (len != NULL ? (size_t)strtoul(len + 17, NULL, 10) : 0);
			}
		}
		canned->given++;
		for (head = canned->answer[i], n = strlen(head); n > 0; n -= (size_t)r, head += r) {
			if ((r = write(s, head, n)) <= 0)
				break;
		}
		shutdown(s, SHUT_WR);
		close(s);
	}
}

/* The port, or 0. */
static inline int
canned_start(void)
{
	struct sockaddr_in sa;
	socklen_t len = sizeof(sa);
	pid_t parent = getpid();
	int fd, tries = 0;

	canned = mmap(NULL, sizeof(*canned), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (canned == MAP_FAILED)
		return 0;
	memset(&sa, 0, sizeof(sa));
	sa.sin_family = AF_INET;
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	/* A machine under load may be out of free ports for a moment. */
	for (fd = -1; tries < 100; tries++) {
		if ((fd = socket(AF_INET, SOCK_STREAM, 0)) >= 0 &&
		    bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 && listen(fd, 16) == 0)
			break;
		if (fd >= 0)
			close(fd);
		fd = -1;
		poll(NULL, 0, 50);
	}
	if (fd < 0 || getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
		return 0;
	canned->port = ntohs(sa.sin_port);
	if ((canned->pid = fork()) == 0) {
		/* Gone with the test, also when that crashes. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		signal(SIGPIPE, SIG_IGN);
		canned_serve(fd);
		_exit(0);
	}
	close(fd);
	return canned->pid > 0 ? canned->port : 0;
}

static inline void
canned_stop(void)
{
	if (canned == NULL || canned->pid <= 0)
		return;
	kill(canned->pid, SIGKILL);
	waitpid(canned->pid, NULL, 0);
}

/* Forget everything; the next answers are for the next call. */
static inline void
canned_reset(void)
{
	canned->queued = canned->given = 0;
	memset(canned->asked, 0, sizeof(canned->asked));
}

/* Queue an answer; `headers` are whole lines with \r\n or "". */
static inline void
canned_add(int status, const char *headers, const char *body)
{
	if (canned->queued >= CANNED_MAX)
		abort();
	if (body == NULL)
		canned->answer[canned->queued++][0] = '\0';
	else
		snprintf(canned->answer[canned->queued++], CANNED_BYTES,
		    "HTTP/1.1 %d Canned\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
		    status, headers, strlen(body), body);
}

#define JSON_TYPE	"Content-Type: application/json\r\n"

/* One JSON answer, after forgetting what was. */
static inline void
canned_json(int status, const char *body)
{
	canned_reset();
	canned_add(status, JSON_TYPE, body);
}

/* Request i contains the text. */
static inline int
canned_asked(int i, const char *part)
{
	return i < canned->given && strstr(canned->asked[i], part) != NULL;
}

/* Request line and path of request i contain the text (what a log would show). */
static inline int
canned_line(int i, const char *part)
{
	const char *end, *at;

	if (i >= canned->given || (end = strstr(canned->asked[i], "\r\n")) == NULL)
		return 0;
	at = strstr(canned->asked[i], part);
	return at != NULL && at < end;
}

#endif
