/* SPDX-License-Identifier: MIT */
/* Tests of str.h: numbers, UTF-8, cleaning, encodings, URLs. */
#include "str.h"
#include "tap.h"

static struct arena a;

static void
test_int(void)
{
	static const char *const bad[] = { "", "-", "+1", " 1", "1 ", "1x", "0x1", "1.0",
	    "--1", "9223372036854775808", "-9223372036854775809",
	    "99999999999999999999999", "\xef\xbc\x91" };
	int64_t v = 7;
	size_t i;

	ok(str_int("0", &v) && v == 0, "0");
	ok(str_int("-0", &v) && v == 0, "-0");
	ok(str_int("007", &v) && v == 7, "leading zeros");
	ok(str_int("9223372036854775807", &v) && v == INT64_MAX, "greatest");
	ok(str_int("-9223372036854775808", &v) && v == INT64_MIN, "least");
	v = 7;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!str_int(bad[i], &v), "refused: '%s'", bad[i]);
	ok(!str_int(NULL, &v), "refused: NULL");
	is_int(v, 7, "a refusal leaves the value");
	ok(str_int_in("5", 5, 9, &v) && v == 5, "lower bound");
	ok(str_int_in("9", 5, 9, &v) && v == 9, "upper bound");
	ok(!str_int_in("4", 5, 9, &v) && !str_int_in("10", 5, 9, &v) &&
	    !str_int_in("x", 5, 9, &v) && v == 9, "outside");
}

/* Against the C library's, around each power of ten and at both ends. */
static void
test_digits(void)
{
	static const int64_t ends[] = { INT64_MIN, INT64_MIN + 1, INT64_MAX, INT64_MAX - 1 };
	char d[STR_DIGITS], want[32], *from;
	int64_t v, p;
	int i, wrong = 0;

	for (p = 1; ; p *= 10) {
		for (i = -2; i <= 2; i++)
			for (int sign = -1; sign <= 1; sign += 2) {
				v = sign * (p + i);
				from = str_digits(d + sizeof(d), v);
				snprintf(want, sizeof(want), "%lld", (long long)v);
				wrong += strncmp(from, want, (size_t)(d + sizeof(d) - from)) != 0 ||
				    strlen(want) != (size_t)(d + sizeof(d) - from);
			}
		if (p > INT64_MAX / 10)
			break;
	}
	for (i = 0; i < 4; i++) {
		from = str_digits(d + sizeof(d), ends[i]);
		snprintf(want, sizeof(want), "%lld", (long long)ends[i]);
		wrong += strlen(want) != (size_t)(d + sizeof(d) - from) || memcmp(from, want, strlen(want)) != 0;
	}
	is_int(wrong, 0, "digits of numbers, as printf has them");
}

static void
test_utf8(void)
{
	static const struct { const char *s; bool good; } t[] = {
		{ "", true }, { "plain ascii of some length", true },
		{ "caf\xc3\xa9", true }, { "\xe4\xba\x88\xe7\xb4\x84", true },
		{ "\xf0\x9f\x98\x80", true }, { "\xf4\x8f\xbf\xbf", true },
		{ "\xed\x9f\xbf", true }, { "\xee\x80\x80", true }, { "\xe0\xa0\x80", true },
		{ "\x80", false }, { "\xc0\x80", false }, { "\xc1\xbf", false },
		{ "\xe0\x9f\xbf", false }, { "\xed\xa0\x80", false }, { "\xed\xbf\xbf", false },
		{ "\xf0\x8f\xbf\xbf", false }, { "\xf4\x90\x80\x80", false },
		{ "\xf5\x80\x80\x80", false }, { "\xff", false }, { "\xc3", false },
		{ "\xe4\xba", false }, { "\xf0\x9f\x98", false }, { "\xe4\xba\x41", false },
		{ "\xe4\x41\x88", false }, { "abcdefg\xc3", false }, { "12345678\xc3\xa9", true },
		{ "1234567\xe4\xba\x88" "89abcdef", true }, { "12345678\xed\xa0\x80" "9", false },
	};
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		ok(str_utf8_ok(t[i].s, strlen(t[i].s)) == t[i].good, "utf8 case %zu", i);
	ok(str_utf8_ok("a\0b", 3), "a NUL is a character");
	ok(!str_utf8_ok("\xe4\xba\x88", 2), "the length counts, not the bytes behind it");
	is_int(str_chars("a\xc3\xa9\xe4\xba\x88\xf0\x9f\x98\x80"), 4, "code points");
	is_int(str_utf16_units("a\xc3\xa9\xe4\xba\x88\xf0\x9f\x98\x80"), 5, "UTF-16 units");
	is_int(str_chars(NULL) + str_utf16_units(NULL), 0, "NULL counts nothing");
}

static void
test_clean(void)
{
	struct arena tiny;
	bool cut = true;

#define CLEAN(s, max) str_clean(&a, (s), sizeof(s) - 1, (max), &cut)
	is_str(CLEAN("caf\xc3\xa9 \xf0\x9f\x98\x80", 100), "caf\xc3\xa9 \xf0\x9f\x98\x80", "good text stays");
	ok(!cut, "not cut");
	is_str(CLEAN("a\tb\nc", 100), "a\tb\nc", "tab and newline stay");
	is_str(CLEAN("a\r\nb\rc\r", 100), "a\nb\nc\n", "line ends");
	is_str(CLEAN("\r\r\n", 100), "\n\n", "CR before CRLF");
	is_str(CLEAN("a\0\x01\x1b\x7f" "b", 100), "ab", "controls go");
	is_str(CLEAN("a\xff" "b", 100), "a\xef\xbf\xbd" "b", "bad byte");
	is_str(CLEAN("\xe4\xba" "b", 100), "\xef\xbf\xbd" "b", "start of a character: one mark");
	is_str(CLEAN("\xed\xa0\x80", 100), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "surrogate: three");
	is_str(CLEAN("\xf0\x9f\x98", 100), "\xef\xbf\xbd", "cut off at the end");
	is_str(CLEAN("abc", 3), "abc", "exactly max");
	ok(!cut, "is not cut");
	is_str(CLEAN("abc\x01", 3), "abc", "dropped bytes behind it");
	ok(!cut, "are not text");
	is_str(CLEAN("\xe4\xba\x88\xe7\xb4\x84" "x", 2), "\xe4\xba\x88\xe7\xb4\x84", "max counts code points");
	ok(cut, "cut");
	is_str(str_clean(&a, "abcd", 2, 9, NULL), "ab", "length counts; cut may be NULL");
	is_str(str_clean(&a, NULL, 5, 9, &cut), "", "NULL is empty");
	is_str(CLEAN("abc", 0), "", "max 0");
	ok(cut, "cut");
#undef CLEAN
#define LINE(s, max) str_line(&a, (s), sizeof(s) - 1, (max))
	is_str(LINE("  a \t\r\n b\x01  ", 100), "a b", "runs and ends");
	is_str(LINE("\xe5\xb1\xb1\xe3\x80\x80\xe7\x94\xb0\xe3\x80\x80", 9), "\xe5\xb1\xb1 \xe7\x94\xb0",
	    "ideographic space");
	is_str(LINE("a\xe2\x80\xa8" "b\xc2\x85" "c\x0b" "d", 100), "a b c d", "other line ends");
	is_str(LINE("ab cd", 3), "ab", "no blank at the cut");
	is_str(LINE("ab cd", 4), "ab c", "cut");
	is_str(LINE(" \n ", 100), "", "only blanks");
#undef LINE
	is_str(str_ellipsis(&a, "abc", 3), "abc", "ellipsis: fits");
	is_str(str_ellipsis(&a, "abcd", 3), "abc\xe2\x80\xa6", "ellipsis: cut");
	is_str(str_ellipsis(&a, "\xe4\xba\x88\xe7\xb4\x84", 1), "\xe4\xba\x88\xe2\x80\xa6", "ellipsis: whole characters");
	is_str(str_ellipsis(&a, "", 0), "", "ellipsis: empty");
	is_str(str_ellipsis(&a, NULL, 3), NULL, "ellipsis: NULL");
	ok(str_blank(NULL) && str_blank("") && str_blank(" \t\r\n\xe3\x80\x80 "), "blank");
	ok(!str_blank(" x") && !str_blank("\xe3\x80\x81") && !str_blank("\xe3"), "not blank");
	arena_init(&tiny, 4);
	ok(str_clean(&tiny, "abcdef", 6, 9, &cut) == NULL && str_line(&tiny, "abcdef", 6, 9) == NULL &&
	    str_ellipsis(&tiny, "abcdef", 3) == NULL, "NULL when the arena is full");
	arena_fini(&tiny);
}

static void
test_compare(void)
{
	ok(str_eq("a", "a") && !str_eq("a", "b") && str_eq(NULL, NULL) && !str_eq(NULL, "") &&
	    !str_eq("", NULL), "eq");
	ok(str_starts("abc", "ab") && str_starts("abc", "") && !str_starts("ab", "abc") &&
	    !str_starts(NULL, "a"), "starts");
	ok(str_ends_nocase("a.FBCDN.net", ".fbcdn.NET") && !str_ends_nocase("net", ".net") &&
	    str_ends_nocase("x", "") && !str_ends_nocase(NULL, "x") &&
	    !str_ends_nocase("a.fbcdn.net.x", ".net"), "ends");
}

static void
test_encodings(void)
{
	static const struct { const char *raw, *std, *url; } t[] = {
		{ "", "", "" }, { "f", "Zg==", "Zg" }, { "fo", "Zm8=", "Zm8" },
		{ "foo", "Zm9v", "Zm9v" }, { "foob", "Zm9vYg==", "Zm9vYg" },
		{ "\xfb\xff\xbf", "+/+/", "-_-_" },
	};
	static const char *const bad_url[] = { "A", "AAAAA", "Zg==", "Zm9 v", "+/+/", "Zh", "Zm9", "Z\n" };
	static const char *const bad_std[] = { "Zg", "Zg=", "Zh==", "Zm9=", "=", "====", "Z===", "-_-_",
	    "Zg==Zg==", "Zm9v\n" };
	uint8_t raw[4];
	char hex[9];
	struct ib_buf b;
	size_t i;

	str_hex(hex, "\x00\x9f\xAb\xff", 4);
	is_str(hex, "009fabff", "hex");
	ok(str_unhex(raw, 4, "009FabfF") && memcmp(raw, "\x00\x9f\xab\xff", 4) == 0, "unhex");
	ok(!str_unhex(raw, 4, "009fabf") && !str_unhex(raw, 4, "009fabff0") &&
	    !str_unhex(raw, 4, "009fabfg") && !str_unhex(raw, 4, "") && !str_unhex(raw, 4, NULL),
	    "unhex refuses");
	str_hex(hex, "", 0);
	is_str(hex, "", "hex of nothing");

	buf_init(&b, 1000);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_clear(&b);
		str_base64(&b, t[i].raw, strlen(t[i].raw));
		is_str(buf_cstr(&b), t[i].std, "base64 %zu", i);
		buf_clear(&b);
		str_base64url(&b, t[i].raw, strlen(t[i].raw));
		is_str(buf_cstr(&b), t[i].url, "base64url %zu", i);
		buf_clear(&b);
		ok(str_unbase64(&b, t[i].std, strlen(t[i].std)), "unbase64 %zu", i);
		is_str(buf_cstr(&b), t[i].raw, "its bytes");
		buf_clear(&b);
		ok(str_unbase64url(&b, t[i].url, strlen(t[i].url)), "unbase64url %zu", i);
		is_str(buf_cstr(&b), t[i].raw, "its bytes");
	}
	buf_clear(&b);
	buf_puts(&b, "keep");
	for (i = 0; i < sizeof(bad_url) / sizeof(bad_url[0]); i++)
		ok(!str_unbase64url(&b, bad_url[i], strlen(bad_url[i])), "base64url refused: %zu", i);
	for (i = 0; i < sizeof(bad_std) / sizeof(bad_std[0]); i++)
		ok(!str_unbase64(&b, bad_std[i], strlen(bad_std[i])), "base64 refused: %zu", i);
	is_str(buf_cstr(&b), "keep", "and nothing of it stays");
	buf_fini(&b);
	buf_init(&b, 3);
	str_base64(&b, "foo", 3);
	ok(b.failed, "encoding over the cap");
	buf_clear(&b);
	ok(!str_unbase64(&b, "Zm9vYg==", 8), "decoding over the cap");
	buf_fini(&b);
}

static void
test_urls(void)
{
	static const struct { const char *s; bool web, loop; const char *host; } t[] = {
		{ "https://example.net", true, false, "example.net" },
		{ "https://Example.NET:8443/a?b#c", true, false, "example.net" },
		{ "HTTPS://x.y", true, false, "x.y" },
		{ "http://example.net/", true, false, "example.net" },
		{ "https://example.net?q", true, false, "example.net" },
		{ "https://\xe4\xba\x88.jp/\xe4\xba\x88", true, false, "\xe4\xba\x88.jp" },
		{ "http://127.0.0.1:8080/x", true, true, "127.0.0.1" },
		{ "http://127.255.3.9", true, true, "127.255.3.9" },
		{ "http://LocalHost/", true, true, "localhost" },
		{ "http://[::1]:90/", true, true, "::1" },
		{ "http://[2001:db8::1]/", true, false, "2001:db8::1" },
		{ "http://127.0.0.1.evil.net/", true, false, "127.0.0.1.evil.net" },
		{ "http://127.1/", true, false, "127.1" },
		{ "http://127.0.0.01/", true, false, "127.0.0.01" },
		{ "http://127.0.0.256/", true, false, "127.0.0.256" },
		{ "http://128.0.0.1/", true, false, "128.0.0.1" },
		{ "http://localhost.evil.net/", true, false, "localhost.evil.net" },
		{ "http://localhostx/", true, false, "localhostx" },
		{ "http://[::2]/", true, false, "::2" },
		{ "http://127.0.0.1@evil.net/", false, false, NULL },
		{ "http://evil.net\\@127.0.0.1/", false, false, NULL },
		{ "http://user:pw@example.net/", false, false, NULL },
		{ "http://example.net:/", false, false, NULL },
		{ "http://example.net:0/", false, false, NULL },
		{ "http://example.net:65536/", false, false, NULL },
		{ "http://example.net:123456/", false, false, NULL },
		{ "http://example.net:8a/", false, false, NULL },
		{ "http://ex%61mple.net/", false, false, NULL },
		{ "http://[::1/", false, false, NULL },
		{ "http://[::1]x/", false, false, NULL },
		{ "http://[]/", false, false, NULL },
		{ "http:///x", false, false, NULL },
		{ "http://", false, false, NULL },
		{ "http:/x", false, false, NULL },
		{ "//example.net/", false, false, NULL },
		{ "/path", false, false, NULL },
		{ "javascript:alert(1)", false, false, NULL },
		{ "ftp://example.net/", false, false, NULL },
		{ "httpx://example.net/", false, false, NULL },
		{ " https://example.net", false, false, NULL },
		{ "", false, false, NULL },
		{ NULL, false, false, NULL },
		{ "http://.net/", false, false, NULL },
		{ "https://example.net/a b", false, false, "example.net" },
		{ "https://example.net/a\nb", false, false, "example.net" },
		{ "https://example.net/\x7f", false, false, "example.net" },
		{ "https://example.net/\xff", false, false, "example.net" },
		{ "https://example.net/\xe3\x80\x80", false, false, "example.net" },
		{ "https://example.net/\xe2\x80\xa8", false, false, "example.net" },
		{ "https://example.net/\xc2\x9f", false, false, "example.net" },
		{ "https://example.net/\\x", false, false, "example.net" },
	};
	char big[2100] = "https://example.net/";
	size_t i, n = strlen(big);

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const char *name = t[i].s == NULL ? "NULL" : t[i].s;

		ok(url_is_web(t[i].s, false) == t[i].web, "web url %zu: %s", i, name);
		ok(url_is_loopback(t[i].s) == t[i].loop, "loopback %zu", i);
		is_str(url_host(&a, t[i].s), t[i].host, "host %zu", i);
	}
	ok(url_is_web("https://example.net/", true) && !url_is_web("http://example.net/", true),
	    "https only");
	memset(big + n, 'x', 2000 - n);
	big[2000] = '\0';
	ok(url_is_web(big, true), "2,000 bytes");
	big[2000] = 'x';
	big[2001] = '\0';
	ok(!url_is_web(big, true), "2,001 bytes");
}

int
main(void)
{
	arena_init(&a, ARENA_REQUEST_MAX);
	test_int();
	test_digits();
	test_utf8();
	test_clean();
	test_compare();
	test_encodings();
	test_urls();
	arena_fini(&a);
	return done_testing();
}
