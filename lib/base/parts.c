/* SPDX-License-Identifier: MIT */
/*
 * parts.c - see parts.h.
 *
 * One pass over as much as fits: each place between two characters has a rank,
 * and the last of the best rank in the second half is the cut; when there is
 * none the last that is no makeshift, wherever it is.
 */
#include "parts.h"

#include <assert.h>
#include <string.h>

enum rank { INSIDE, IN_LINK, IN_WORD, APART, WORD, SENTENCE, LINE, PARAGRAPH, NRANKS };

static const struct { uint32_t first, last; } joined[] = {
#define R(first, last) { first, last },
#include "joined.def"
#undef R
};

/* One character of valid UTF-8; *len its bytes. */
static uint32_t
next_cp(const char *s, size_t *len)
{
	const unsigned char *p = (const unsigned char *)s;

	*len = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	switch (*len) {
	case 1:
		return p[0];
	case 2:
		return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
	case 3:
		return (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
	default:
		return (p[0] & 0x07u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
	}
}

static bool
is_joined(uint32_t cp)
{
	size_t lo = 0, hi = sizeof(joined) / sizeof(joined[0]), mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (cp > joined[mid].last)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < sizeof(joined) / sizeof(joined[0]) && cp >= joined[lo].first;
}

static bool
among(uint32_t cp, const char *set)
{
	size_t len;

	for (; *set != '\0'; set += len)
		if (next_cp(set, &len) == cp)
			return true;
	return false;
}

static bool
is_blank(uint32_t cp)
{
	return cp == ' ' || cp == '\t' || cp == '\n' || cp == 0x3000;
}

/* Half a flag. */
static bool
is_flag(uint32_t cp)
{
	return cp >= 0x1f1e6 && cp <= 0x1f1ff;
}

static bool
is_closing(uint32_t cp)
{
	return among(cp, ")]}\"'”’»」』）］｝】〉》〕");
}

/* Written without blanks: kana, ideographs, full-width forms, emoji. */
static bool
is_dense(uint32_t cp)
{
	return (cp >= 0x2e80 && cp <= 0xa4cf) || (cp >= 0xf900 && cp <= 0xfaff) || (cp >= 0xfe30 && cp <= 0xfe4f) ||
	    (cp >= 0xff00 && cp <= 0xffef) || (cp >= 0x1f000 && cp <= 0x1faff) || (cp >= 0x20000 && cp <= 0x3ffff);
}

/* What may not begin a line in Japanese, */
static bool
no_start(uint32_t cp)
{
	return is_closing(cp) ||
	    among(cp, "、。，．,.・：；:;！？!?ー〜～…‥ヽヾゝゞ々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ％%");
}

/* and what may not end one. */
static bool
no_end(uint32_t cp)
{
	return among(cp, "([{“‘«「『（［｛【〈《〔￥＄¥$＃#");
}

/* How far the reader of the text is. */
struct walk {
	uint32_t	 prev;		/* character before; 0 = none */
	size_t		 flags;		/* regional letters in a row */
	size_t		 newlines;	/* among the blanks just passed */
	bool		 ended;		/* a sentence ended, and nothing but closing marks and blanks since */
	bool		 dense_end;	/* and with a Japanese full stop: no blank need follow */
	bool		 link;		/* inside an address */
};

/* A Japanese paragraph may begin with a wide blank. */
static bool
is_indent(const struct walk *w, uint32_t cp)
{
	return cp == 0x3000 && w->newlines > 0;
}

/* The place between w->prev and cp, which s begins with. */
static enum rank
rank_of(const struct walk *w, uint32_t cp)
{
	/* The cut is behind blanks, not before them. */
	if (is_joined(cp) || (is_blank(cp) && !is_indent(w, cp)) || w->prev == 0x200d || (is_flag(cp) && w->flags % 2 == 1))
		return INSIDE;
	if (w->newlines > 1)
		return PARAGRAPH;
	if (w->newlines == 1)
		return LINE;
	if (w->ended && (is_blank(w->prev) || w->dense_end) && !no_start(cp))
		return SENTENCE;
	if (is_blank(w->prev))
		return WORD;
	if (w->link)
		return IN_LINK;
	if (no_start(cp) || no_end(w->prev))
		return IN_WORD;
	if (among(w->prev, "、，"))
		return WORD;
	return is_dense(w->prev) || is_dense(cp) ? APART : IN_WORD;
}

static void
step(struct walk *w, uint32_t cp, const char *s)
{
	bool alone = w->prev == 0 || is_blank(w->prev) || is_dense(w->prev) || no_end(w->prev);

	w->flags = is_flag(cp) ? w->flags + 1 : 0;
	w->newlines = !is_blank(cp) || is_indent(w, cp) ? 0 : w->newlines + (cp == '\n');
	if (among(cp, ".!?…。！？｡")) {
		w->ended = true;
		w->dense_end = is_dense(cp) || w->dense_end;
	} else if (!is_closing(cp) && !is_blank(cp)) {
		w->ended = w->dense_end = false;
	}
	if (cp <= ' ' || cp >= 0x7f)
		w->link = false;
	else if (alone && (strncmp(s, "https://", 8) == 0 || strncmp(s, "http://", 7) == 0))
		w->link = true;
	w->prev = cp;
}

/* Bytes of the first part: less than all of s only when s has more than `units`. */
static size_t
cut(const char *s, size_t units)
{
	size_t best[NRANKS] = { 0 }, upper[NRANKS] = { 0 }, at, len, used = 0, hard = 0;
	struct walk w = { 0 };
	enum rank r;
	uint32_t cp;

	for (at = 0; s[at] != '\0'; at += len) {
		cp = next_cp(s + at, &len);
		if (used > 0) {
			r = rank_of(&w, cp);
			best[r] = at;
			if (used > units / 2)
				upper[r] = at;
			hard = at;
		}
		/* Blanks at the end go with the cut: they need no room. */
		if (used + (len == 4 ? 2 : 1) > units && !is_blank(cp))
			break;
		used += len == 4 ? 2 : 1;
		step(&w, cp, s + at);
	}
	if (s[at] == '\0')
		return at;
	for (r = PARAGRAPH; r >= WORD; r--)
		if (upper[r] > 0)
			return upper[r];
	for (r = PARAGRAPH; r > INSIDE; r--)
		if (best[r] > 0)
			return best[r];
	return hard;
}

/* The first n bytes without blanks at their end. */
static size_t
trimmed(const char *s, size_t n)
{
	for (;;) {
		if (n > 0 && strchr(" \t\n", s[n - 1]) != NULL)
			n--;
		else if (n >= 3 && memcmp(s + n - 3, "\xe3\x80\x80", 3) == 0)
			n -= 3;
		else
			return n;
	}
}

const char **
text_parts(struct arena *a, const char *s, size_t units, size_t *n)
{
	/* What made a part shorter than half is the larger part of the next. */
	size_t most = 4 * strlen(s) / units + 4, len, bytes, k;
	const char **out = arena_alloc(a, most * sizeof(*out));

	*n = 0;
	while (out != NULL && *s != '\0') {
		assert(*n < most);
		len = cut(s, units);
		bytes = trimmed(s, len);
		for (k = 0; k < bytes && *n > 0 && strchr(" \t\n", s[k]) != NULL; k++)
			;
		if (bytes > k && (out[(*n)++] = arena_dupn(a, s + k, bytes - k)) == NULL)
			return NULL;
		s += len;
	}
	if (out != NULL && *n == 0)
		out[(*n)++] = "";
	return out;
}
