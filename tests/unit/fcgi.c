/* SPDX-License-Identifier: MIT */
/* Tests of fcgi.h: a request in records, whole and byte by byte; what a broken server sends. */
#include "../../cgi-bin/fcgi.c"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>

static unsigned char sent[1 << 20];
static size_t nsent;

static void
put(const void *p, size_t n)
{
	if (n > 0)
		memcpy(sent + nsent, p, n);
	nsent += n;
}

/* A record with padding, as some servers have it. */
static void
record(unsigned type, unsigned id, const void *p, size_t n, unsigned padding)
{
	unsigned char head[8];

	put_head(head, type, id, n);
	head[6] = (unsigned char)padding;
	put(head, sizeof(head));
	put(p, n);
	memset(sent + nsent, 0xee, padding);
	nsent += padding;
}

static void
begin_as(unsigned role)
{
	unsigned char body[8] = { 0, (unsigned char)role, 1 };	/* and keep the connection, please */

	nsent = 0;
	record(BEGIN, 7, body, sizeof(body), 0);
}

static void
params(const void *p, size_t n)
{
	record(PARAMS, 7, p, n, 3);
	record(PARAMS, 7, NULL, 0, 0);
}

static const char pairs[] = "\x0e\4REQUEST_METHODPOST\x0b\2REQUEST_URI/x\5\0EMPTY";
#define PAIRS	(sizeof(pairs) - 1)

/* A connection with all of `sent` on its way, one byte at a time with `bytes`; the worker's end of it. */
static int
deliver(int *server, bool bytes)
{
	int fd[2], size = 1 << 20;
	size_t i, step = bytes ? 1 : nsent;

	if (socketpair(AF_UNIX, bytes ? SOCK_SEQPACKET : SOCK_STREAM, 0, fd) != 0)
		abort();
	(void)setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	for (i = 0; i < nsent; i += step)
		if (send(fd[1], sent + i, step, MSG_DONTWAIT) != (ssize_t)step)
			abort();
	(void)shutdown(fd[1], SHUT_WR);
	*server = fd[1];
	return fd[0];
}

static const char *
opened(struct fcgi *f, int *server, bool bytes)
{
	return fcgi_open(f, deliver(server, bytes));
}

static size_t
answer(int server, unsigned char *p, size_t cap)
{
	size_t n = 0;
	ssize_t got;

	while (n < cap && (got = recv(server, p + n, cap - n, 0)) > 0)
		n += (size_t)got;
	(void)close(server);
	return n;
}

static void
test_request(struct fcgi *f, bool bytes)
{
	unsigned char out[256];
	char body[64];
	struct iovec v[2] = { { (char[]){ "Status: 200" }, 11 }, { (char[]){ "!" }, 1 } };
	size_t n = 0;
	ssize_t got;
	int server;

	begin_as(RESPONDER);
	record(PARAMS, 7, pairs, 5, 1);		/* a pair may be cut anywhere */
	record(GET_VALUES, 0, "\4\0ABCD", 6, 2);
	record(PARAMS, 7, pairs + 5, PAIRS - 5, 0);
	record(PARAMS, 7, NULL, 0, 9);
	record(STDIN, 7, "hello ", 6, 2);
	record(12, 0, "what?", 5, 0);
	record(STDIN, 9, "of another request", 18, 0);
	record(STDIN, 7, "world", 5, 0);
	record(STDIN, 7, NULL, 0, 0);
	ok(opened(f, &server, bytes) == NULL && f->refuse == 0, "a request%s", bytes ? ", byte by byte" : "");
	is_str(f->env[0], "REQUEST_METHOD=POST", "a variable");
	is_str(f->env[1], "REQUEST_URI=/x", "another one");
	is_str(f->env[2], "EMPTY=", "one without a value");
	ok(f->env[3] == NULL, "no more");
	while ((got = fcgi_body(f, body + n, 4)) > 0)
		n += (size_t)got;
	ok(got == 0 && n == 11 && memcmp(body, "hello world", 11) == 0, "its body");
	ok(fcgi_body(f, body, 4) == 0, "its end stays its end");
	ok(fcgi_write(f, v, 2), "an answer");
	fcgi_close(f);
	ok(f->fd < 0, "the connection ends");
	if (bytes)
		(void)close(server);
	else {
		n = answer(server, out, sizeof(out));
		ok(n == 8 + 16 + 8 + 12 + 8 + 16, "%zu bytes came back", n);
		ok(memcmp(out, "\1\12\0\0\0\0\0\0", 8) == 0, "nothing of ours is variable");
		ok(memcmp(out + 8, "\1\13\0\0\0\10\0\0\14\0\0\0\0\0\0\0", 16) == 0, "unknown is said to be unknown");
		ok(memcmp(out + 24, "\1\6\0\7\0\14\0\0Status: 200!", 20) == 0, "the answer");
		ok(memcmp(out + 44, "\1\6\0\7\0\0\0\0\1\3\0\7\0\10\0\0\0\0\0\0\0\0\0\0", 24) == 0, "and its end");
	}
}

static const char *
outcome(struct fcgi *f)
{
	const char *why;
	int server;

	why = opened(f, &server, false);
	(void)close(server);
	if (why == NULL)
		fcgi_close(f);
	return why != NULL ? why : "";
}

/* Cut after every byte there is: never a request before its environment is complete. */
static void
test_cut(struct fcgi *f)
{
	size_t whole, n, env_end, wrong = 0;
	char body[64];
	ssize_t got;
	int server;

	begin_as(RESPONDER);
	params(pairs, PAIRS);
	env_end = nsent;
	record(STDIN, 7, "hello", 5, 0);
	record(STDIN, 7, NULL, 0, 0);
	whole = nsent;
	for (n = 0; n < whole; n++) {
		nsent = n;
		if ((opened(f, &server, false) == NULL) != (n >= env_end))
			wrong++;
		if (f->fd >= 0) {
			do
				got = fcgi_body(f, body, sizeof(body));
			while (got > 0);
			if (got != -1)
				wrong++;
			fcgi_close(f);
		}
		(void)close(server);
	}
	ok(wrong == 0, "cut anywhere it is broken off, and known to be");
}

static void
test_bad(struct fcgi *f)
{
	static const struct { const char *bytes; size_t n; const char *what; } sums[] = {
		{ "\xff\xff\xff\xff\xff\xff\xff\xff" "AAAA", 12, "lengths whose sum is none" },
		{ "\xff\xff\xff\xff\x80\0\0\0" "AAAA", 12, "a huge name" },
		{ "\1\x7f" "A", 3, "a value that is not there" },
		{ "\1\x80\0", 3, "half a length" },
		{ "\1", 1, "a length alone" },
		{ "\0\1A", 3, "no name" },
	};
	size_t i;

	nsent = 0;
	is_str(outcome(f), "nothing was asked", "a connection and nothing else");
	nsent = 0;
	put("GET / HTTP/1.1\r\n\r\n", 18);
	is_str(outcome(f), "broken off", "another protocol");
	begin_as(3);
	is_str(outcome(f), "another role", "a filter's request");
	nsent = 0;
	record(BEGIN, 7, "\0\1", 2, 0);
	is_str(outcome(f), "a bad beginning", "a short beginning");
	nsent = 0;
	record(BEGIN, 0, "\0\1\0\0\0\0\0\0", 8, 0);
	is_str(outcome(f), "a bad beginning", "a beginning of nothing");
	begin_as(RESPONDER);
	record(STDIN, 7, "early", 5, 0);
	is_str(outcome(f), "out of order", "the body before the environment");
	begin_as(RESPONDER);
	record(ABORT, 7, NULL, 0, 0);
	is_str(outcome(f), "taken back", "a request that is taken back");
	nsent = 0;
	for (i = 0; i < 200; i++)
		record(GET_VALUES, 0, "\x0e\0FCGI_MAX_CONNS", 16, 0);
	is_str(outcome(f), "nothing but other records", "questions without end");
	for (i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		begin_as(RESPONDER);
		params(sums[i].bytes, sums[i].n);
		is_str(outcome(f), "the environment does not add up", "%s", sums[i].what);
	}
	begin_as(RESPONDER);
	params("\1\3Aa\0b", 6);
	is_str(outcome(f), "", "a NUL in a value");
	is_int(f->refuse, 400, "is refused");
}

static void
test_large(struct fcgi *f)
{
	char big[60000], one[8];
	int server;
	size_t i;

	memset(big, 'x', sizeof(big));
	memcpy(big, "\4\x80\0\xea\x57NAME", 9);	/* 59,991 bytes of value */
	begin_as(RESPONDER);
	params(big, sizeof(big));
	is_str(outcome(f), "", "a large variable");
	is_int(f->refuse, 0, "is read");
	begin_as(RESPONDER);
	for (i = 0; i < 5; i++)
		record(PARAMS, 7, big, sizeof(big), 0);
	record(PARAMS, 7, NULL, 0, 0);
	ok(opened(f, &server, false) == NULL && f->refuse == 431, "too many bytes are refused");
	ok(f->params.len <= FCGI_PARAMS_MAX && strncmp(f->env[0], "NAME=xx", 7) == 0, "and not kept");
	fcgi_close(f);
	ok(f->params.cap == 0, "nor is their memory");
	(void)close(server);
	begin_as(RESPONDER);
	for (i = 0; i <= FCGI_ENV_MAX; i++) {
		(void)snprintf(one, sizeof(one), "\3\1%03zu=", i % 1000);
		record(PARAMS, 7, one, 6, 0);
	}
	record(PARAMS, 7, NULL, 0, 0);
	is_str(outcome(f), "", "many variables");
	is_int(f->refuse, 431, "are refused");
}

int
main(void)
{
	static struct fcgi f;

	fcgi_init(&f, true);
	test_request(&f, false);
	test_request(&f, true);
	test_cut(&f);
	test_bad(&f);
	test_large(&f);
	fcgi_fini(&f);
	return done_testing();
}
