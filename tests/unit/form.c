/* SPDX-License-Identifier: MIT */
/* form.c - query and form, cookies, paths. */
#include "../../cgi-bin/form.c"
#include "../tap.h"

#include <stdlib.h>

static struct arena arena;
static struct form form;

static enum form_result
parse(const char *s, const char *repeatable)
{
	return form_parse(&arena, s, strlen(s), repeatable, &form);
}

static const char *
one(const char *s, const char *name)
{
	return parse(s, NULL) == FORM_OK ? form_get(&form, name) : "(refused)";
}

static void
test_values(void)
{
	is_int(parse("", NULL), FORM_OK, "nothing");
	is_int(form.n, 0, "no fields");
	is_str(one("a=1&b=2", "a"), "1", "first");
	is_str(one("a=1&b=2", "b"), "2", "second");
	is_str(one("a=1&b=2", "c"), NULL, "absent");
	is_str(one("a", "a"), "", "no equals sign");
	is_str(one("a=", "a"), "", "empty");
	is_str(one("a=b=c", "a"), "b=c", "second equals sign belongs to the value");
	is_str(one("&&a=1&", "a"), "1", "empty pieces");
	is_str(one("a=x+y%20z%2Bw", "a"), "x y z+w", "blanks and plus");
	is_str(one("hub.mode=subscribe&hub.challenge=9", "hub.mode"), "subscribe", "dots in names");
	is_str(one("%61%2b=1", "a+"), "1", "escaped name");
	is_str(one("t=%E4%BA%88%E7%B4%84", "t"), "予約", "escaped UTF-8");
	is_str(one("t=予約", "t"), "予約", "bare UTF-8");
	is_str(one("t=%f0%9f%98%80", "t"), "\xf0\x9f\x98\x80", "emoji");
	is_str(one("t=%253C", "t"), "%3C", "decoded once");
}

static void
test_controls(void)
{
	is_str(one("t=a%0D%0Ab%0Dc%0Ad", "t"), "a\nb\nc\nd", "CRLF, CR and LF");
	is_str(one("t=%0D%0D%0A%0A", "t"), "\n\n\n", "each CR is a line");
	is_str(one("t=%0D%09%0A", "t"), "\n\t\n", "a tab between");
	is_str(one("t=%0D%01%0A", "t"), "\n", "a dropped byte is as if it were not there");
	is_str(one("t=a%0B%01%7F%1Bb%09", "t"), "ab\t", "other controls vanish");
	is_int(parse("t=a%00b", NULL), FORM_BAD, "NUL");
	is_int(form_parse(&arena, "t=a\0b", 5, NULL, &form), FORM_BAD, "bare NUL");
	is_int(parse("t%0A=1", NULL), FORM_BAD, "a control in a name");
}

static void
test_refused(void)
{
	static const char *const bad[] = {
		"a=%", "a=%4", "a=%4g", "a=%g4", "%=1", "a=%-1", "=1", "=",
		"t=%C3", "t=%C0%80", "t=%ED%A0%80", "t=%FF", "t=\xff", "%C3=1", "t=%C3&u=%A9"
	};
	char name[80];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(parse(bad[i], NULL), FORM_BAD, "refused: %zu", i);
	memset(name, 'n', sizeof(name));
	name[64] = '\0';
	is_int(parse(name, NULL), FORM_OK, "64 bytes of name");
	name[64] = 'n';
	name[65] = '\0';
	is_int(parse(name, NULL), FORM_BAD, "65 bytes of name");
}

static void
test_repeated(void)
{
	const char **all;

	is_int(parse("a=1&b=2&a=3", NULL), FORM_BAD, "repeated");
	is_int(parse("a=1&%61=3", NULL), FORM_BAD, "repeated in another spelling");
	is_int(parse("page=1&b=2&page=3", "page"), FORM_OK, "may repeat");
	is_int(parse("page=1&b=2&b=3", "page"), FORM_BAD, "another may not");
	is_int(parse("page=1&b=2&page=3", "page"), FORM_OK, "again");
	is_str(form_get(&form, "page"), "1", "the first one");
	if (ok(form_all(&form, &arena, "page", &all) == 2, "both")) {
		is_str(all[0], "1", "in order");
		is_str(all[1], "3", "in order");
	}
	is_int(form_all(&form, &arena, "none", &all), 0, "none");
	ok(all == NULL, "none is NULL");
}

static void
test_many(void)
{
	char text[1024];
	size_t i, n = 0;
	bool whole = true;

	for (i = 0; i < 100; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "f%zu&", i);
	is_int(parse(text, NULL), FORM_OK, "100 fields");
	is_int(form.n, 100, "all there");
	for (i = 0; i < 100; i++) {
		char want[8];

		snprintf(want, sizeof(want), "f%zu", i);
		whole = whole && strcmp(form.fields[i].name, want) == 0 &&
		    *form.fields[i].value == '\0';
	}
	ok(whole, "and unharmed");
	snprintf(text + n, sizeof(text) - n, "f100");
	is_int(parse(text, NULL), FORM_MANY, "101 fields");
}

static void
test_memory(void)
{
	struct arena small;

	arena_init(&small, 16);
	is_int(form_parse(&small, "a=1&b=2", 7, NULL, &form), FORM_NOMEM, "no memory");
	arena_fini(&small);
}

static const char *
cookie(const char *header, const char *name)
{
	return cookie_find(&arena, header, name);
}

static void
test_cookies(void)
{
	is_str(cookie(NULL, "a"), NULL, "no header");
	is_str(cookie("", "a"), NULL, "empty header");
	is_str(cookie("a=1; b=2;c=3", "a"), "1", "first");
	is_str(cookie("a=1; b=2;c=3", "b"), "2", "second");
	is_str(cookie("a=1; b=2;c=3", "c"), "3", "no blank");
	is_str(cookie("a=1; b=2", "d"), NULL, "absent");
	is_str(cookie("a=", "a"), "", "empty value");
	is_str(cookie("a", "a"), NULL, "no equals sign");
	is_str(cookie("aa=1; a=2", "a"), "2", "a longer name is another");
	is_str(cookie("a=2; aa=1", "aa"), "1", "a shorter name is another");
	is_str(cookie("A=1", "a"), NULL, "case counts");
	is_str(cookie("a=x=y", "a"), "x=y", "equals sign in the value");
	is_str(cookie("  a=1 ; b=2 ", "b"), "2", "blanks around");
	is_str(cookie("a=1 ; b=2 ", "a"), "1", "blanks behind");
	is_str(cookie("a=1; a=2", "a"), NULL, "twice counts as absent");
	is_str(cookie("a=1; a=1", "a"), NULL, "twice the same, too");
	is_str(cookie("x=1; x=2; a=3", "a"), "3", "others may be twice");
	is_str(cookie("x=\"a b\xff; a=3", "a"), "3", "others may be odd");
	is_str(cookie("a=x y", "a"), NULL, "a blank inside");
	is_str(cookie("a=\"x\"", "a"), NULL, "quotes");
	is_str(cookie("a=x\\y", "a"), NULL, "backslash");
	is_str(cookie("a=x,y", "a"), NULL, "comma");
	is_str(cookie("a=\xc3\xa9", "a"), NULL, "not ASCII");
	is_str(cookie(";;;= ;a=1", "a"), "1", "empty pieces");
	is_str(cookie("a=1", ""), NULL, "no name");
}

static const char *
path(const char *s)
{
	char *out;

	switch (path_decode(&arena, s, strlen(s), &out)) {
	case PATH_OK:
		return out;
	case PATH_BAD:
		return "(bad)";
	case PATH_NONE:
		return "(none)";
	case PATH_NOMEM:
		break;
	}
	return "(memory)";
}

static void
test_paths(void)
{
	is_str(path("/"), "/", "root");
	is_str(path("/inbox/5"), "/inbox/5", "plain");
	is_str(path("/inbox/"), "/inbox/", "slash at the end");
	is_str(path("/%69nbox"), "/inbox", "escaped");
	is_str(path("/a+b"), "/a+b", "plus is a plus");
	is_str(path("/%E9%9D%92"), "/青", "UTF-8");
	is_str(path("/%2541"), "/%41", "decoded once");
	is_str(path(""), "(bad)", "empty");
	is_str(path("inbox"), "(bad)", "no slash");
	is_str(path("/%00"), "(bad)", "NUL");
	is_str(path("/a%0Ab"), "(bad)", "control");
	is_str(path("/a\tb"), "(bad)", "bare control");
	is_str(path("/%"), "(bad)", "cut escape");
	is_str(path("/%4"), "(bad)", "cut escape");
	is_str(path("/%zz"), "(bad)", "no escape");
	is_str(path("/%C3"), "(bad)", "no UTF-8");
	is_str(path("/%C0%AF"), "(bad)", "overlong slash");
	is_str(path("/a%2Fb"), "(none)", "escaped slash");
	is_str(path("/a%2fb"), "(none)", "escaped slash");
	is_str(path("//a"), "(bad)", "two slashes");
	is_str(path("/a//b"), "(bad)", "two slashes inside");
	is_str(path("/a//"), "(bad)", "two slashes at the end");
	is_str(path("/."), "(bad)", "dot");
	is_str(path("/a/./b"), "(bad)", "dot inside");
	is_str(path("/a/../b"), "(bad)", "dots inside");
	is_str(path("/.."), "(bad)", "dots at the end");
	is_str(path("/%2e%2E/x"), "(bad)", "escaped dots");
	is_str(path("/a/.b/..c"), "/a/.b/..c", "dots in names");
}

int
main(void)
{
	arena_init(&arena, (size_t)1 << 20);
	test_values();
	test_controls();
	test_refused();
	test_repeated();
	test_many();
	test_memory();
	test_cookies();
	test_paths();
	arena_fini(&arena);
	return done_testing();
}
