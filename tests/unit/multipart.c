/* SPDX-License-Identifier: MIT */
/* multipart.c - forms with files, cut into pieces anywhere. */
#include "../../cgi-bin/multipart.c"
#include "../tap.h"

#include <stdio.h>
#include <stdlib.h>

static char told[8192];		/* what was told: "name|filename=bytes;" */
static size_t n_told;
static bool in_part;
static size_t stop_at;		/* calls until one ends it; 0: none */

static bool
call(void)
{
	return stop_at == 0 || --stop_at > 0;
}

static void
put(const char *p, size_t n)
{
	if (n_told + n < sizeof(told)) {
		memcpy(told + n_told, p, n);
		n_told += n;
		told[n_told] = '\0';
	}
}

static bool
on_begin(void *arg, const char *name, const char *filename)
{
	(void)arg;
	in_part = true;
	put(name, strlen(name));
	if (filename != NULL) {
		put("|", 1);
		put(filename, strlen(filename));
	}
	put("=", 1);
	return call();
}

static bool
on_data(void *arg, const char *p, size_t n)
{
	(void)arg;
	if (!in_part || n == 0)
		abort();
	put(p, n);
	return call();
}

static bool
on_end(void *arg)
{
	(void)arg;
	in_part = false;
	put(";", 1);
	return call();
}

static const struct multipart_calls calls = { NULL, on_begin, on_data, on_end };
#define TYPE "multipart/form-data; boundary=B"

/* What a body means, fed `step` bytes at once; "(refused)" or, with its rest missing, "... (cut)". */
static const char *
parse(const char *type, const char *body, size_t n, size_t step)
{
	struct multipart m;
	size_t i, left;
	char *piece;
	bool good = true;

	told[0] = '\0';
	n_told = 0;
	in_part = false;
	if (!multipart_init(&m, type, &calls))
		return "(no boundary)";
	for (i = 0; i < n && good; i += step) {
		left = n - i < step ? n - i : step;
		/* In memory of its own: reading beyond it is seen. */
		if ((piece = malloc(left)) == NULL)
			abort();
		memcpy(piece, body + i, left);
		good = multipart_feed(&m, piece, left);
		free(piece);
	}
	if (!good)
		return "(refused)";
	if (!multipart_whole(&m))
		put(" (cut)", 6);
	return told;
}

#define FIELD(name) "Content-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define FILE_(name, file) "Content-Disposition: form-data; name=\"" name "\"; filename=\"" file "\"\r\nContent-Type: text/plain\r\n\r\n"

static const struct { const char *body, *want; } table[] = {
	{ "--B\r\n" FIELD("a") "1\r\n--B--\r\n", "a=1;" },
	{ "--B\r\n" FIELD("a") "\r\n--B--", "a=;" },
	{ "--B\r\n" FIELD("a") "1\r\n--B\r\n" FILE_("f", "x.txt") "two\r\nlines\r\n\r\n--B--\r\n", "a=1;f|x.txt=two\r\nlines\r\n;" },
	{ "--B\r\n" FILE_("f", "") "\r\n--B--\r\n", "f|=;" },
	{ "before\r\n--B\r\n" FIELD("a") "1\r\n--B--\r\nbehind --B", "a=1;" },
	{ "--B--\r\n", "" },
	/* what looks like a mark */
	{ "--B\r\n" FIELD("a") "\r\n-\r\n--\r\r\n--\r\n--A\r\n--B--", "a=\r\n-\r\n--\r\r\n--\r\n--A;" },
	{ "--B\r\n" FIELD("a") "--B\n--B\r\n--B--", "a=--B\n--B;" },
	{ "--B\r\n" FIELD("a") "\r\r\r\n--B--", "a=\r\r;" },
	/* names */
	{ "--B\r\n" FILE_("f", "a%22b.txt") "x\r\n--B--", "f|a\"b.txt=x;" },
	{ "--B\r\n" FILE_("f", "a\\\"b;name=\\\"c.txt") "x\r\n--B--", "f|a\"b;name=\"c.txt=x;" },
	{ "--B\r\n" FILE_("f", "..\\..\\x") "x\r\n--B--", "f|..\\..\\x=x;" },
	{ "--B\r\ncontent-disposition:form-data;filename=\"z\";  NAME=\"f\"\r\n\r\nx\r\n--B--", "f|z=x;" },
	{ "--B\r\nContent-Type: text/html\r\n" FIELD("a") "1\r\n--B--", "a=1;" },
	/* cut */
	{ "", " (cut)" },
	{ "--B\r\n" FIELD("a") "12", "a=12 (cut)" },
	{ "--B\r\n" FIELD("a") "12\r\n--", "a=12 (cut)" },
	{ "--B\r\n" FIELD("a") "12\r\n--B", "a=12; (cut)" },
	/* refused */
	{ "--Bx\r\n" FIELD("a") "1\r\n--B--", "(refused)" },
	{ "--B\r\n" FIELD("a") "1\r\n--B-x", "(refused)" },
	{ "--B\r\n" FIELD("a") "1\r\n--B\rx", "(refused)" },
	{ "--B\r\n\r\n\r\nx\r\n--B--", "(refused)" },
	{ "--B\r\nContent-Type: text/plain\r\n\r\nx\r\n--B--", "(refused)" },
	{ "--B\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nx\r\n--B--", "(refused)" },
	{ "--B\r\nContent-Disposition: form-data\r\n\r\nx\r\n--B--", "(refused)" },
	{ "--B\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--B--", "(refused)" },
	{ "--B\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--B--", "(refused)" },
	{ "--B\r\nContent-Disposition: form-data; name=\"\"\r\n\r\nx\r\n--B--", "(refused)" },
	{ "--B\r\nContent-Disposition: form-data; name=\"a\tb\"\r\n\r\nx\r\n--B--", "(refused)" },
	{ "--B\r\nContent-Disposition: form-data; filename=\"a; name=\\\"b\\\"\"\r\n\r\nx\r\n--B--", "(refused)" },
};

static void
test_bodies(void)
{
	size_t i, step, n;
	char copy[sizeof(told)];

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		n = strlen(table[i].body);
		is_str(parse(TYPE, table[i].body, n, n + 1), table[i].want, "body %zu", i);
		/* What is told of bytes that are refused later may differ in its length only. */
		for (step = 1; step <= 7; step++) {
			snprintf(copy, sizeof(copy), "%s", parse(TYPE, table[i].body, n, step));
			if (strcmp(copy, table[i].want) != 0)
				break;
		}
		is_int(step, 8, "the same in pieces: %zu", i);
	}
	is_str(parse(TYPE, "--B\r\n" FIELD("a") "\0\xff\r\n--B--", 7 + strlen(FIELD("a")) + 7, 3), "a=", "bytes as they are");
	ok(n_told == 5 && memcmp(told, "a=\0\xff;", 5) == 0, "with a NUL among them");
}

static void
test_boundaries(void)
{
	static const struct { const char *type; bool good; } types[] = {
		{ "multipart/form-data; boundary=B", true }, { "Multipart/Form-Data;boundary=\"B\"", true },
		{ "multipart/form-data; charset=utf-8; BOUNDARY=B", true }, { "multipart/form-data; boundary=B; x=y", true },
		{ "multipart/form-data", false }, { "multipart/form-data; boundary=", false }, { "multipart/form-data; boundary=\"B", false },
		{ "multipart/form-data; boundary=\"\"", false }, { "multipart/form-data; boundary=a\rb", false },
		{ "multipart/form-data; boundary=\"B \"", false }, { "multipart/mixed; boundary=B", false }, { "multipart/form-datax; boundary=B", false },
	};
	char type[160], body[200];
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		is_str(parse(types[i].type, "--B\r\n" FIELD("a") "1\r\n--B--", strlen("--B\r\n" FIELD("a") "1\r\n--B--"), 5),
		    types[i].good ? "a=1;" : "(no boundary)", "%s", types[i].type);
	snprintf(type, sizeof(type), "multipart/form-data; boundary=%070d", 7);
	snprintf(body, sizeof(body), "--%070d--", 7);
	is_str(parse(type, body, strlen(body), 9), "", "70 bytes");
	snprintf(type, sizeof(type), "multipart/form-data; boundary=%071d", 7);
	is_str(parse(type, body, strlen(body), 9), "(no boundary)", "71 bytes");
	ok(!multipart_is(NULL) && !multipart_is("text/plain") && multipart_is("multipart/form-data"), "is it one?");
}

static void
test_limits(void)
{
	char body[MULTIPART_HEAD_MAX + 200];
	size_t i;

	snprintf(body, sizeof(body), "--B\r\nX: %0*d\r\n" FIELD("a") "1\r\n--B--", MULTIPART_HEAD_MAX - 100, 1);
	is_str(parse(TYPE, body, strlen(body), 100), "a=1;", "a long head");
	snprintf(body, sizeof(body), "--B\r\nX: %0*d\r\n" FIELD("a") "1\r\n--B--", MULTIPART_HEAD_MAX, 1);
	is_str(parse(TYPE, body, strlen(body), 100), "(refused)", "too long a head");
	snprintf(body, sizeof(body), "--B\r\nContent-Disposition: form-data; name=\"%0*d\"\r\n\r\nx\r\n--B--", MULTIPART_NAME_MAX + 1, 1);
	is_str(parse(TYPE, body, strlen(body), 100), "(refused)", "too long a name");
	snprintf(body, sizeof(body), "--B\r\n" FIELD("a") "1\r\n--B\r\n" FIELD("b") "2\r\n--B--");
	for (i = 1; i <= 6; i++) {
		stop_at = i;
		is_str(parse(TYPE, body, strlen(body), 1000), "(refused)", "call %zu ends it", i);
	}
	stop_at = 0;
}

int
main(void)
{
	test_bodies();
	test_boundaries();
	test_limits();
	return done_testing();
}
