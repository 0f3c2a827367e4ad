/* SPDX-License-Identifier: MIT */
/*
 * str.c - checked parsing and cleaning of text, encodings, URL checks.
 *
 * Pure functions: no state, nothing owned.  Only those that write into an
 * arena or buffer can fail for want of memory, and say so by NULL or by the
 * buffer's flag.
 */
#include "str.h"

#include <string.h>

#define URL_MAX ((size_t)2000)

/* ---- numbers ---- */

bool
str_int(const char *s, int64_t *out)
{
	uint64_t v = 0, max;
	bool neg = false;

	if (s == NULL)
		return false;
	if (*s == '-') {
		neg = true;
		s++;
	}
	if (*s == '\0')
		return false;
	max = (uint64_t)INT64_MAX + (neg ? 1 : 0);
	for (; *s != '\0'; s++) {
		unsigned d = (unsigned)((unsigned char)*s - '0');

		if (d > 9 || v > (max - d) / 10)
			return false;
		v = v * 10 + d;
	}
	if (!neg)
		*out = (int64_t)v;
	else
		*out = v == 0 ? 0 : -(int64_t)(v - 1) - 1;
	return true;
}

bool
str_int_in(const char *s, int64_t lo, int64_t hi, int64_t *out)
{
	int64_t v;

	if (!str_int(s, &v) || v < lo || v > hi)
		return false;
	*out = v;
	return true;
}

char *
str_digits(char *end, int64_t v)
{
	static const char pairs[] =
	    "00010203040506070809101112131415161718192021222324"
	    "25262728293031323334353637383940414243444546474849"
	    "50515253545556575859606162636465666768697071727374"
	    "75767778798081828384858687888990919293949596979899";
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	for (; u >= 10; u /= 100)
		memcpy(end -= 2, &pairs[u % 100 * 2], 2);
	if (u > 0 || v == 0)
		*--end = (char)('0' + u);
	if (v < 0)
		*--end = '-';
	return end;
}

/* ---- UTF-8 ---- */

#define BAD UINT32_MAX

/*
 * Decode one character at s (n > 0 bytes left).  *len is its length, or for
 * BAD the bytes that one replacement character stands for: the longest start
 * of a valid sequence, at least 1 (as browsers do it).
 */
static uint32_t
decode(const unsigned char *s, size_t n, size_t *len)
{
	uint32_t cp;
	unsigned char lo = 0x80, hi = 0xbf;
	size_t need, i;

	*len = 1;
	if (s[0] < 0x80)
		return s[0];
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return BAD;
	if (s[0] < 0xe0) {
		need = 1;
		cp = s[0] & 0x1fu;
	} else if (s[0] < 0xf0) {
		need = 2;
		cp = s[0] & 0x0fu;
		if (s[0] == 0xe0)
			lo = 0xa0;		/* overlong */
		else if (s[0] == 0xed)
			hi = 0x9f;		/* surrogates */
	} else {
		need = 3;
		cp = s[0] & 0x07u;
		if (s[0] == 0xf0)
			lo = 0x90;		/* overlong */
		else if (s[0] == 0xf4)
			hi = 0x8f;		/* past U+10FFFF */
	}
	for (i = 1; i <= need; i++) {
		if (i >= n || s[i] < lo || s[i] > hi)
			return BAD;
		cp = cp << 6 | (s[i] & 0x3fu);
		lo = 0x80;
		hi = 0xbf;
		*len = i + 1;
	}
	return cp;
}

bool
str_utf8_ok(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	uint64_t word;
	size_t len;

	while (n > 0) {
		/* Eight ASCII bytes at once; three-byte characters (kana, kanji) apart. */
		if (n >= sizeof(word)) {
			memcpy(&word, p, sizeof(word));
			if ((word & UINT64_C(0x8080808080808080)) == 0) {
				p += sizeof(word);
				n -= sizeof(word);
				continue;
			}
		}
		if (*p < 0x80) {
			p++;
			n--;
			continue;
		}
		if (n >= 3 && p[0] > 0xe0 && p[0] < 0xed &&
		    (p[1] & 0xc0) == 0x80 && (p[2] & 0xc0) == 0x80) {
			p += 3;
			n -= 3;
			continue;
		}
		if (decode(p, n, &len) == BAD)
			return false;
		p += len;
		n -= len;
	}
	return true;
}

size_t
str_chars(const char *s)
{
	size_t n = 0;

	if (s == NULL)
		return 0;
	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

size_t
str_utf16_units(const char *s)
{
	size_t n = 0;

	if (s == NULL)
		return 0;
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		n += (size_t)((c & 0xc0) != 0x80) + (c >= 0xf0);
	}
	return n;
}

/* ---- text from people ---- */

static bool
is_blank_cp(uint32_t cp)
{
	return cp == ' ' || (cp >= '\t' && cp <= '\r') || cp == 0x3000;
}

/* Line ends that are not among the blanks above: NEL, LS, PS. */
static bool
is_break_cp(uint32_t cp)
{
	return cp == 0x85 || cp == 0x2028 || cp == 0x2029;
}

/*
 * The one pass behind str_clean and str_line.  With out == NULL it only
 * counts.  Returns the length in bytes.
 */
static size_t
clean(const unsigned char *s, size_t n, size_t max, bool line, char *out, bool *cut)
{
	size_t at = 0, chars = 0, len, seq;
	bool gap = false;
	uint32_t cp;

	*cut = false;
	for (len = 0; at < n; at += seq) {
		const unsigned char *from = s + at;
		size_t bytes;

		cp = decode(from, n - at, &seq);
		bytes = seq;
		if (cp == BAD) {
			from = (const unsigned char *)"\xef\xbf\xbd";
			bytes = 3;
		} else if (line && (is_blank_cp(cp) || is_break_cp(cp))) {
			gap = len > 0;
			continue;
		} else if (cp == '\r') {
			if (at + 1 < n && s[at + 1] == '\n')
				continue;	/* the \n follows */
			from = (const unsigned char *)"\n";
		} else if ((cp < 0x20 && cp != '\n' && cp != '\t') || cp == 0x7f)
			continue;
		/* A gap is written only when something follows it: trims the end. */
		if (chars + (gap ? 1 : 0) >= max) {
			*cut = true;
			break;
		}
		if (gap) {
			if (out != NULL)
				out[len] = ' ';
			len++;
			chars++;
			gap = false;
		}
		if (out != NULL)
			memcpy(out + len, from, bytes);
		len += bytes;
		chars++;
	}
	if (out != NULL)
		out[len] = '\0';
	return len;
}

static char *
clean_into(struct arena *a, const char *s, size_t n, size_t max, bool line, bool *cut)
{
	const unsigned char *p = (const unsigned char *)s;
	bool ignored;
	size_t len;
	char *out;

	if (cut == NULL)
		cut = &ignored;
	if (s == NULL)
		n = 0;
	len = clean(p, n, max, line, NULL, cut);
	if ((out = arena_alloc(a, len + 1)) == NULL)
		return NULL;
	(void)clean(p, n, max, line, out, cut);
	return out;
}

char *
str_clean(struct arena *a, const char *s, size_t n, size_t max, bool *cut)
{
	return clean_into(a, s, n, max, false, cut);
}

char *
str_line(struct arena *a, const char *s, size_t n, size_t max)
{
	return clean_into(a, s, n, max, true, NULL);
}

char *
str_ellipsis(struct arena *a, const char *s, size_t max)
{
	static const char dots[] = "\xe2\x80\xa6";
	size_t n, chars = 0;
	char *out;

	if (s == NULL)
		return NULL;
	for (n = 0; s[n] != '\0'; n++)
		if (((unsigned char)s[n] & 0xc0) != 0x80 && chars++ == max)
			break;
	if (s[n] == '\0')
		return arena_dupn(a, s, n);
	if ((out = arena_alloc(a, n + sizeof(dots))) == NULL)
		return NULL;
	memcpy(out, s, n);
	memcpy(out + n, dots, sizeof(dots));
	return out;
}

bool
str_blank(const char *s)
{
	if (s == NULL)
		return true;
	while (*s != '\0') {
		if (*s == ' ' || (*s >= '\t' && *s <= '\r'))
			s++;
		else if (strncmp(s, "\xe3\x80\x80", 3) == 0)
			s += 3;
		else if (strncmp(s, "\xc2\xa0", 2) == 0)
			s += 2;
		else
			return false;
	}
	return true;
}

/* ---- comparison ---- */

bool
str_eq(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

bool
str_starts(const char *s, const char *prefix)
{
	return s != NULL && strncmp(s, prefix, strlen(prefix)) == 0;
}

/* ASCII only, whatever the locale. */
static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool
str_ends_nocase(const char *s, const char *suffix)
{
	size_t n, m, i;

	if (s == NULL)
		return false;
	n = strlen(s);
	m = strlen(suffix);
	if (m > n)
		return false;
	for (i = 0; i < m; i++)
		if (lower(s[n - m + i]) != lower(suffix[i]))
			return false;
	return true;
}

/* ---- encodings ---- */

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = lower(c);
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

void
str_hex(char *out, const void *p, size_t n)
{
	static const char digit[] = "0123456789abcdef";
	const uint8_t *b = p;
	size_t i;

	for (i = 0; i < n; i++) {
		out[2 * i] = digit[b[i] >> 4];
		out[2 * i + 1] = digit[b[i] & 15];
	}
	out[2 * n] = '\0';
}

bool
str_unhex(void *out, size_t n, const char *s)
{
	uint8_t *b = out;
	size_t i;

	if (s == NULL)
		return false;
	for (i = 0; i < n; i++) {
		int hi, lo;

		/* A NUL is no digit: the end is never passed. */
		if ((hi = hex_value(s[2 * i])) < 0 || (lo = hex_value(s[2 * i + 1])) < 0)
			return false;
		b[i] = (uint8_t)(hi << 4 | lo);
	}
	return s[2 * n] == '\0';
}

static const char b64_std[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char b64_url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void
b64_put(struct ib_buf *b, const void *p, size_t n, const char *digit, bool pad)
{
	const uint8_t *s = p;
	uint32_t v;
	char *out;

	for (; n > 0; s += 3) {
		size_t take = n < 3 ? n : 3, len = take + 1;

		v = (uint32_t)s[0] << 16;
		if (take > 1)
			v |= (uint32_t)s[1] << 8;
		if (take > 2)
			v |= s[2];
		if ((out = buf_reserve(b, 4)) == NULL)
			return;
		out[0] = digit[v >> 18];
		out[1] = digit[v >> 12 & 63];
		out[2] = take > 1 ? digit[v >> 6 & 63] : '=';
		out[3] = take > 2 ? digit[v & 63] : '=';
		b->len += pad ? 4 : len;
		n -= take;
	}
	(void)buf_cstr(b);		/* sets the NUL */
}

static int
b64_value(char c, bool url)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == (url ? '-' : '+'))
		return 62;
	if (c == (url ? '_' : '/'))
		return 63;
	return -1;
}

/*
 * Bits left over in the last digit must be zero: one text for one value.
 * Nothing stays in the buffer when the text is refused.
 */
static bool
b64_get(struct ib_buf *b, const char *s, size_t n, bool url)
{
	size_t start = b->len, i;
	uint32_t v = 0;
	unsigned bits = 0;

	if (n % 4 == 1)
		return false;
	for (i = 0; i < n; i++) {
		int d = b64_value(s[i], url);

		if (d < 0)
			goto bad;
		v = (v << 6 | (uint32_t)d) & 0xffffffu;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_putc(b, (char)(v >> bits & 0xff));
		}
	}
	if ((v & ((1u << bits) - 1)) != 0)
		goto bad;
	return !b->failed;
bad:
	if (b->len > start) {
		b->len = start;
		b->p[start] = '\0';
	}
	return false;
}

void
str_base64url(struct ib_buf *b, const void *p, size_t n)
{
	b64_put(b, p, n, b64_url, false);
}

bool
str_unbase64url(struct ib_buf *b, const char *s, size_t n)
{
	return b64_get(b, s, n, true);
}

void
str_base64(struct ib_buf *b, const void *p, size_t n)
{
	b64_put(b, p, n, b64_std, true);
}

bool
str_unbase64(struct ib_buf *b, const char *s, size_t n)
{
	if (n % 4 != 0)
		return false;
	if (n > 0 && s[n - 1] == '=')
		n -= s[n - 2] == '=' ? 2 : 1;
	return b64_get(b, s, n, false);
}

/* ---- URLs ---- */

/*
 * Host of an absolute http(s) URL: [*host, *len), without brackets and port.
 * Deliberately narrow.  What browsers and libraries read differently (user
 * names, backslashes, escapes in the host, odd ports) is no URL here.
 */
static bool
split(const char *s, bool *https, const char **host, size_t *len)
{
	static const char scheme[] = "http";
	const char *p = s, *end;
	size_t i, digits = 0;
	unsigned port = 0;

	if (s == NULL)
		return false;
	for (i = 0; i < 4; i++, p++)
		if (lower(*p) != scheme[i])
			return false;
	*https = lower(*p) == 's';
	if (*https)
		p++;
	if (strncmp(p, "://", 3) != 0)
		return false;
	p += 3;
	if (*p == '[') {
		*host = ++p;
		while (hex_value(*p) >= 0 || *p == ':' || *p == '.')
			p++;
		end = p;
		if (*p++ != ']')
			return false;
	} else {
		*host = p;
		while (hex_value(*p) >= 0 || (lower(*p) >= 'a' && lower(*p) <= 'z') ||
		    *p == '-' || *p == '.' || *p == '_' || ((unsigned char)*p & 0x80) != 0)
			p++;
		end = p;
	}
	*len = (size_t)(end - *host);
	if (*len == 0 || **host == '.')
		return false;
	if (*p == ':') {
		for (p++; *p >= '0' && *p <= '9'; p++) {
			port = port * 10 + (unsigned)(*p - '0');
			if (++digits > 5)
				return false;
		}
		if (port == 0 || port > 65535)
			return false;
	}
	return *p == '\0' || *p == '/' || *p == '?' || *p == '#';
}

bool
url_is_web(const char *s, bool https_only)
{
	const char *host, *p;
	size_t n;
	bool https;

	if (!split(s, &https, &host, &n) || (https_only && !https))
		return false;
	n = strlen(s);
	if (n > URL_MAX || !str_utf8_ok(s, n))
		return false;
	for (p = s; *p != '\0'; ) {
		size_t len;
		uint32_t cp = decode((const unsigned char *)p, n - (size_t)(p - s), &len);

		if (cp <= ' ' || (cp >= 0x7f && cp <= 0xa0) || cp == '\\' ||
		    is_blank_cp(cp) || is_break_cp(cp))
			return false;
		p += len;
	}
	return true;
}

/* Strictly four decimal numbers without leading zeros, the first 127. */
static bool
is_127(const char *h, size_t n)
{
	const char *end = h + n;
	int part;

	for (part = 0; part < 4; part++) {
		const char *from = h;
		unsigned v = 0;

		while (h < end && *h >= '0' && *h <= '9' && h - from < 3)
			v = v * 10 + (unsigned)(*h++ - '0');
		if (h == from || v > 255 || (*from == '0' && h - from > 1) ||
		    (part == 0 && v != 127))
			return false;
		if (part < 3 && (h == end || *h++ != '.'))
			return false;
	}
	return h == end;
}

bool
url_is_loopback(const char *s)
{
	static const char name[] = "localhost";
	const char *host;
	size_t n, i;
	bool https;

	if (!split(s, &https, &host, &n))
		return false;
	if (host[-1] == '[')
		return n == 3 && memcmp(host, "::1", 3) == 0;
	if (n == sizeof(name) - 1) {
		for (i = 0; i < n && lower(host[i]) == name[i]; i++)
			;
		if (i == n)
			return true;
	}
	return is_127(host, n);
}

char *
url_host(struct arena *a, const char *s)
{
	const char *host;
	size_t n, i;
	bool https;
	char *out;

	if (!split(s, &https, &host, &n) || (out = arena_dupn(a, host, n)) == NULL)
		return NULL;
	for (i = 0; i < n; i++)
		out[i] = lower(out[i]);
	return out;
}
