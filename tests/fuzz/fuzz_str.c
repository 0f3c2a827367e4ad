/* SPDX-License-Identifier: MIT */
/*
 * fuzz_str.c - text from outside through every cleaner, decoder and check.
 * Cleaned text is valid, has no controls, is within its cap and stays as it is
 * when cleaned again; what a decoder took is what the encoder writes.
 */
#include "clock.h"
#include "str.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
check_clean(struct arena *a, const char *s, size_t n, size_t max)
{
	bool cut, again;
	char *text = str_clean(a, s, n, max, &cut), *line = str_line(a, s, n, max), *p;
	size_t len;

	must(text != NULL && line != NULL);
	len = strlen(text);
	must(str_utf8_ok(text, len) && str_chars(text) <= max && (!cut || str_chars(text) == max));
	must(str_utf16_units(text) >= str_chars(text));
	must(str_eq(str_clean(a, text, len, max, &again), text) && !again);
	for (p = text; *p != '\0'; p++)
		must(((unsigned char)*p >= ' ' && *p != 0x7f) || *p == '\n' || *p == '\t');
	len = strlen(line);
	must(str_utf8_ok(line, len) && str_chars(line) <= max);
	must(str_eq(str_line(a, line, len, max), line));
	must(len == 0 || (*line != ' ' && line[len - 1] != ' '));
	must(strstr(line, "  ") == NULL && strpbrk(line, "\r\n\t") == NULL);
	must(str_chars(str_ellipsis(a, text, 5)) <= 6);
	must(!str_blank(text) || *str_line(a, text, strlen(text), 1) == '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *s, iso[25], *host, *hex;
	struct ib_buf raw, enc;
	struct arena a;
	uint8_t *bytes;
	int64_t v, ms;

	if (n > 100000)
		return 0;
	arena_init(&a, ARENA_REQUEST_MAX);
	buf_init(&raw, 200000);
	buf_init(&enc, 300000);
	s = arena_dupn(&a, data, n);
	must(s != NULL);
	(void)str_utf8_ok(s, n);
	check_clean(&a, s, n, 10);
	check_clean(&a, s, n, 100000);

	if (str_int(s, &v)) {
		must(str_int_in(s, v, v, &v));
		buf_put_int(&enc, v);
		must(str_int(buf_cstr(&enc), &ms) && ms == v);
	}
	buf_clear(&enc);
	if (str_unbase64url(&raw, s, n)) {
		str_base64url(&enc, raw.p, raw.len);
		must(enc.len == n && memcmp(buf_cstr(&enc), s, n) == 0);
	}
	buf_clear(&raw);
	buf_clear(&enc);
	if (str_unbase64(&raw, s, n)) {
		str_base64(&enc, raw.p, raw.len);
		must(enc.len == n && memcmp(buf_cstr(&enc), s, n) == 0);
	}
	bytes = arena_alloc(&a, n);
	hex = arena_alloc(&a, n + 2);
	if (n % 2 == 0 && str_unhex(bytes, n / 2, s)) {
		str_hex(hex, bytes, n / 2);
		must(strlen(hex) == n);
	}
	host = url_host(&a, s);
	must(!url_is_web(s, true) || url_is_web(s, false));
	must(!url_is_web(s, false) ||
	    (host != NULL && *host != '\0' && strpbrk(host, "@/\\ %") == NULL));
	must(!url_is_loopback(s) || (host != NULL && (str_starts(host, "127.") ||
	    str_eq(host, "::1") || str_eq(host, "localhost"))));
	if ((ms = clock_parse_iso(s)) >= 0 && ms < INT64_C(253402200000000)) {
		clock_iso(ms, iso);
		must(clock_parse_iso(iso) == ms / 1000 * 1000);
	}
	(void)clock_zone_ok(s);
	buf_clear(&enc);
	buf_put_url(&enc, s);
	must(enc.failed || buf_cstr(&enc)[strspn(buf_cstr(&enc), "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-._~%")] == '\0');
	buf_fini(&raw);
	buf_fini(&enc);
	arena_fini(&a);
	return 0;
}
