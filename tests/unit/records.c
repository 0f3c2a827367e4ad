/* SPDX-License-Identifier: MIT */
/* Tests of records.h: what servers say, whole and in pieces; what none of them would. */
#include "../../cgi-bin/records.c"
#include "tap.h"

#include <stdio.h>

enum { GET_VALUES = 9 };

static unsigned char sent[2 << 20];
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
	const unsigned char head[8] = { PROTOCOL, (unsigned char)type, (unsigned char)(id >> 8), (unsigned char)id,
	    (unsigned char)(n >> 8), (unsigned char)n, (unsigned char)padding };

	put(head, sizeof(head));
	put(p, n);
	memset(sent + nsent, 0xee, padding);
	nsent += padding;
}

static void
begin_as(unsigned role)
{
	const unsigned char body[8] = { 0, (unsigned char)role, 1 };

	nsent = 0;
	record(BEGIN, 0x107, body, sizeof(body), 0);
}

static const char pairs[] = "\x0e\4REQUEST_METHODPOST\x0b\2REQUEST_URI/x\5\0EMPTY\3\x80\0\0\4BIG" "1234";
#define PAIRS	(sizeof(pairs) - 1)

static void
params(const void *p, size_t n)
{
	record(PARAMS, 0x107, p, n, 3);
	record(PARAMS, 0x107, NULL, 0, 0);
}

/* A request as it should be; where its environment ends. */
static size_t
request(void)
{
	size_t env;

	begin_as(RESPONDER);
	record(PARAMS, 0x107, pairs, 5, 1);	/* a pair may be cut anywhere */
	record(PARAMS, 0x107, pairs + 5, PAIRS - 5, 0);
	record(PARAMS, 0x107, NULL, 0, 9);
	env = nsent - 9;
	record(STDIN, 0x107, "hello ", 6, 2);
	record(STDIN, 0x107, "world", 5, 0);
	record(STDIN, 0x107, NULL, 0, 255);
	return env;
}

static void
test_request(void)
{
	size_t env = request(), step, at, n, wrong = 0;
	struct records r;

	for (step = 1; step <= nsent; step++) {
		records_init(&r);
		for (at = 0; at < nsent; at += n) {
			n = nsent - at < step ? nsent - at : step;
			if (!records_take(&r, sent + at, n) || (r.phase >= RECORDS_BODY) != (at + n >= env))
				wrong++;
		}
		if (r.phase != RECORDS_OVER || r.why != NULL || r.nul)
			wrong++;
	}
	ok(wrong == 0, "a request in pieces of every size, known for one as soon as its environment is there");
	ok(r.env == PAIRS, "its environment has been counted");
	ok(records_take(&r, "anything", 8) && r.phase == RECORDS_OVER, "what comes behind it is nobody's");
}

static const char *
outcome(void)
{
	static struct records r;
	size_t i;
	const char *whole;

	records_init(&r);
	(void)records_take(&r, sent, nsent);
	whole = r.why != NULL ? r.why : "";
	records_init(&r);
	for (i = 0; i < nsent && records_take(&r, sent + i, 1); i++)
		;
	if (r.why != NULL && records_take(&r, "x", 1))
		return "and again";
	return strcmp(whole, r.why != NULL ? r.why : "") == 0 ? whole : "it depends";
}

static void
test_bad(void)
{
	static const struct { const char *bytes; size_t n; const char *what; } sums[] = {
		{ "\xff\xff\xff\xff\xff\xff\xff\xff" "AAAA", 12, "lengths whose sum is none" },
		{ "\xff\xff\xff\xff\x80\0\0\0" "AAAA", 12, "a huge name" },
		{ "\1\xff\xff\xff\xff" "A", 6, "a huge value" },
		{ "\1\x7f" "A", 3, "a value that is not there" },
		{ "\1\x80\0", 3, "half a length" },
		{ "\1", 1, "a length alone" },
		{ "\0\1A", 3, "no name" },
	};
	size_t i;

	nsent = 0;
	put("GET / HTTP/1.1\r\n\r\n", 18);
	is_str(outcome(), "another_protocol", "another protocol");
	begin_as(3);
	is_str(outcome(), "another_role", "a filter's request");
	nsent = 0;
	record(BEGIN, 0x107, "\0\1", 2, 0);
	is_str(outcome(), "no_beginning", "a short beginning");
	nsent = 0;
	record(BEGIN, 0, "\0\1\0\0\0\0\0\0", 8, 0);
	is_str(outcome(), "no_beginning", "a beginning of nothing");
	nsent = 0;
	record(GET_VALUES, 0, "\x0e\0FCGI_MAX_CONNS", 16, 0);
	is_str(outcome(), "no_beginning", "a question about the program");
	begin_as(RESPONDER);
	record(GET_VALUES, 0, "\x0e\0FCGI_MAX_CONNS", 16, 0);
	is_str(outcome(), "out_of_order", "one in the middle");
	begin_as(RESPONDER);
	record(STDIN, 0x107, "early", 5, 0);
	is_str(outcome(), "out_of_order", "the body before the environment");
	begin_as(RESPONDER);
	record(PARAMS, 7, pairs, PAIRS, 0);
	is_str(outcome(), "out_of_order", "another request's environment");
	begin_as(RESPONDER);
	params(pairs, PAIRS);
	record(STDIN, 0x107, "hello", 5, 0);
	record(PARAMS, 0x107, pairs, PAIRS, 0);
	is_str(outcome(), "out_of_order", "more environment in the body");
	begin_as(RESPONDER);
	params(pairs, PAIRS);
	record(ABORT, 0x107, NULL, 0, 0);
	is_str(outcome(), "taken_back", "a request that is taken back");
	begin_as(RESPONDER);
	params(pairs, PAIRS);
	nsent += 8;
	sent[nsent - 8] = 9;
	is_str(outcome(), "another_protocol", "a record of another version");
	for (i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		begin_as(RESPONDER);
		params(sums[i].bytes, sums[i].n);
		is_str(outcome(), "environment_lengths", "%s", sums[i].what);
	}
}

static void
test_nul(void)
{
	struct records r;

	begin_as(RESPONDER);
	params("\1\3Aa\0b", 6);
	records_init(&r);
	ok(records_take(&r, sent, nsent) && r.nul, "a NUL in a value is told");
	begin_as(RESPONDER);
	params("\2\1A\0b", 5);
	records_init(&r);
	ok(records_take(&r, sent, nsent) && r.nul, "and one in a name");
}

static void
test_large(void)
{
	static char big[60000];
	size_t i, n = RECORDS_ENV_MAX / sizeof(big);

	memset(big, 'x', sizeof(big));
	memcpy(big, "\4\x80\0\xea\x57NAME", 9);	/* 59,991 bytes of value */
	begin_as(RESPONDER);
	for (i = 0; i < n; i++)
		record(PARAMS, 0x107, big, sizeof(big), 0);
	record(PARAMS, 0x107, NULL, 0, 0);
	is_str(outcome(), "", "as much as no server lets through");
	begin_as(RESPONDER);
	for (i = 0; i <= n; i++)
		record(PARAMS, 0x107, big, sizeof(big), 0);
	is_str(outcome(), "environment_too_large", "more than that");
}

int
main(void)
{
	test_request();
	test_bad();
	test_nul();
	test_large();
	return done_testing();
}
