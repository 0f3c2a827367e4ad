/* SPDX-License-Identifier: MIT */
/*
 * str.h - checked parsing and cleaning of text.
 *
 * Every number that comes from outside goes through str_int(); every text of
 * people through str_clean().  Nothing here allocates except into the arena
 * or buffer it is given.
 */
#ifndef IB_STR_H
#define IB_STR_H

#include "arena.h"
#include "buf.h"

/* Whole-string decimal int64 (optional '-', no blanks, no '+').  False when not. */
bool str_int(const char *s, int64_t *out);
/* The same, refused outside [lo, hi]. */
bool str_int_in(const char *s, int64_t lo, int64_t hi, int64_t *out);
/* The digits of v, and its sign, are put before `end`: at most STR_DIGITS bytes.  The first of them. */
#define STR_DIGITS 20
char *str_digits(char *end, int64_t v);

/* Valid UTF-8 (no surrogates, no overlong forms, up to U+10FFFF). */
bool str_utf8_ok(const char *s, size_t n);
/* Code points / UTF-16 units of valid UTF-8 (messenger.md 5.2 counts units). */
size_t str_chars(const char *s);
size_t str_utf16_units(const char *s);
/*
 * Text from people into the arena: invalid UTF-8 becomes U+FFFD, C0 controls
 * and DEL are dropped except \n and \t, CRLF and lone CR become \n.  At most
 * max code points; *cut (may be NULL) says whether more was there.  NULL when
 * the arena is full.
 */
char *str_clean(struct arena *a, const char *s, size_t n, size_t max, bool *cut);
/* As str_clean but on one line: every run of blanks and newlines is one space; trimmed. */
char *str_line(struct arena *a, const char *s, size_t n, size_t max);
/* First max code points, never cutting inside one, with an ellipsis when cut. */
char *str_ellipsis(struct arena *a, const char *s, size_t max);
/* True when s is NULL or has only blanks (ASCII and U+3000). */
bool str_blank(const char *s);

bool str_eq(const char *a, const char *b);		/* NULL equals only NULL */
bool str_starts(const char *s, const char *prefix);
bool str_ends_nocase(const char *s, const char *suffix);

/* Encodings.  Decoders refuse anything else than exactly their alphabet. */
void str_hex(char *out, const void *p, size_t n);	/* out has 2n+1 bytes, lower case */
bool str_unhex(void *out, size_t n, const char *s);	/* exactly 2n digits */
void str_base64url(struct ib_buf *b, const void *p, size_t n);	/* no padding */
bool str_unbase64url(struct ib_buf *b, const char *s, size_t n);
void str_base64(struct ib_buf *b, const void *p, size_t n);
bool str_unbase64(struct ib_buf *b, const char *s, size_t n);

/*
 * Links that may be shown: absolute http(s) with a host, no control bytes, no
 * blanks, at most 2,000 bytes.  `https_only` refuses http.
 */
bool url_is_web(const char *s, bool https_only);
/* Host is 127.0.0.0/8, ::1 or localhost (any port). */
bool url_is_loopback(const char *s);
/* Host of an absolute URL, lower case, without port, into the arena; NULL if none. */
char *url_host(struct arena *a, const char *s);

#endif
