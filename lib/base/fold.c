/* SPDX-License-Identifier: MIT */
/* fold.c - see fold.h. */
#include "fold.h"

#include <string.h>

/* One character; what is no UTF-8 is 0 and one byte long. */
static uint32_t
decode(const char *p, size_t left, size_t *len)
{
	const unsigned char *s = (const unsigned char *)p;
	uint32_t cp;
	size_t i, n;

	*len = 1;
	if (s[0] < 0x80)
		return s[0];
	n = s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : 0;
	if (n == 0 || n > left)
		return 0;
	cp = s[0] & (0x7fu >> n);
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (s[i] & 0x3fu);
	}
	if ((n == 3 && cp < 0x800) || (n == 4 && (cp < 0x10000 || cp > 0x10ffff)) || (cp >= 0xd800 && cp < 0xe000))
		return 0;
	*len = n;
	return cp;
}

static size_t
encode(char *out, uint32_t cp)
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

/*
 * Capitals: of a range, every `step`th character from the first on is `add`
 * below its small letter.  None of the small letters is longer in UTF-8.
 */
static const struct { uint16_t from, to; uint8_t step; int16_t add; } capitals[] = {
	{ 0x00c0, 0x00d6, 1, 32 }, { 0x00d8, 0x00de, 1, 32 }, { 0x0100, 0x012e, 2, 1 }, { 0x0132, 0x0136, 2, 1 },
	{ 0x0139, 0x0147, 2, 1 }, { 0x014a, 0x0176, 2, 1 }, { 0x0178, 0x0178, 1, -121 }, { 0x0179, 0x017d, 2, 1 },
	{ 0x018f, 0x018f, 1, 202 }, { 0x01a0, 0x01a4, 2, 1 }, { 0x01af, 0x01af, 1, 1 }, { 0x01cd, 0x01db, 2, 1 },
	{ 0x01de, 0x01ee, 2, 1 }, { 0x01f8, 0x021e, 2, 1 }, { 0x0222, 0x0232, 2, 1 }, { 0x0386, 0x0386, 1, 38 },
	{ 0x0388, 0x038a, 1, 37 }, { 0x038c, 0x038c, 1, 64 }, { 0x038e, 0x038f, 1, 63 }, { 0x0391, 0x03a1, 1, 32 },
	{ 0x03a3, 0x03ab, 1, 32 }, { 0x03c2, 0x03c2, 1, 1 }, { 0x0400, 0x040f, 1, 80 }, { 0x0410, 0x042f, 1, 32 },
	{ 0x0460, 0x0480, 2, 1 }, { 0x048a, 0x04be, 2, 1 }, { 0x04c0, 0x04c0, 1, 15 }, { 0x04c1, 0x04cd, 2, 1 },
	{ 0x04d0, 0x052e, 2, 1 }, { 0x0531, 0x0556, 1, 48 }, { 0x1e00, 0x1e94, 2, 1 }, { 0x1ea0, 0x1efe, 2, 1 }
};

static uint32_t
small_letter(uint32_t cp)
{
	size_t i;

	if (cp == 0x130)
		return 'i';
	if (cp == 0x17f)
		return 's';
	if (cp == 0x1e9e)
		return 0xdf;
	for (i = 0; i < sizeof(capitals) / sizeof(capitals[0]) && cp >= capitals[i].from; i++)
		if (cp <= capitals[i].to)
			return (cp - capitals[i].from) % capitals[i].step == 0 ?
			    (uint32_t)((int32_t)cp + capitals[i].add) : cp;
	return cp;
}

/* U+FF61 to U+FF9D: half-width signs and katakana, as the signs and hiragana they are. */
static const uint16_t half_width[] = {
	0x3002, 0x300c, 0x300d, 0x3001, 0x30fb, 0x3092, 0x3041, 0x3043, 0x3045, 0x3047, 0x3049, 0x3083, 0x3085,
	0x3087, 0x3063, 0x30fc, 0x3042, 0x3044, 0x3046, 0x3048, 0x304a, 0x304b, 0x304d, 0x304f, 0x3051, 0x3053,
	0x3055, 0x3057, 0x3059, 0x305b, 0x305d, 0x305f, 0x3061, 0x3064, 0x3066, 0x3068, 0x306a, 0x306b, 0x306c,
	0x306d, 0x306e, 0x306f, 0x3072, 0x3075, 0x3078, 0x307b, 0x307e, 0x307f, 0x3080, 0x3081, 0x3082, 0x3084,
	0x3086, 0x3088, 0x3089, 0x308a, 0x308b, 0x308c, 0x308d, 0x308f, 0x3093
};

#define DAKUTEN		0x3099u
#define HANDAKUTEN	0x309au
#define NOTHING		0u

/* Everything but what depends on the neighbour. */
static uint32_t
fold_char(uint32_t cp)
{
	if (cp < 0x80) {
		if (cp >= 'A' && cp <= 'Z')
			return cp + 32;
		return cp <= ' ' || cp == 0x7f ? ' ' : cp;
	}
	if (cp < 0x2000) {
		if (cp == 0xa0 || cp == 0x85)
			return ' ';
		return cp == 0xad ? NOTHING : small_letter(cp);
	}
	if (cp >= 0x30a1 && cp <= 0x30f6)
		return cp - 0x60;
	if (cp == 0x30fd || cp == 0x30fe)
		return cp - 0x60;
	if (cp >= 0xff01 && cp <= 0xff5e) {
		cp -= 0xfee0;
		return cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
	}
	if (cp >= 0xff61 && cp <= 0xff9d)
		return half_width[cp - 0xff61];
	if (cp < 0x3100 || cp >= 0xfe00)
		switch (cp) {
		case 0x2000: case 0x2001: case 0x2002: case 0x2003: case 0x2004: case 0x2005: case 0x2006: case 0x2007:
		case 0x2008: case 0x2009: case 0x200a: case 0x2028: case 0x2029: case 0x202f: case 0x205f: case 0x3000:
			return ' ';
		case 0x200b: case 0x200c: case 0x200d: case 0x200e: case 0x200f: case 0x2060: case 0xfeff:
			return NOTHING;
		case 0x2010: case 0x2011: case 0x2012: case 0x2013: case 0x2014: case 0x2015: case 0x2212:
			return '-';
		case 0x2018: case 0x2019:
			return '\'';
		case 0x201c: case 0x201d:
			return '"';
		case 0x301c:
			return '~';
		case 0xff9e:
			return DAKUTEN;
		case 0xff9f:
			return HANDAKUTEN;
		default:
			return cp >= 0xfe00 && cp <= 0xfe0f ? NOTHING : cp;	/* variation selectors */
		}
	return cp;
}

/* Hiragana with a voice mark as one character; 0 when there is none. */
static uint32_t
voiced(uint32_t base, uint32_t mark)
{
	if (base >= 0x306f && base <= 0x307b && (base - 0x306f) % 3 == 0)
		return base + (mark == DAKUTEN ? 1 : 2);
	if (mark == HANDAKUTEN)
		return 0;
	if ((base >= 0x304b && base <= 0x3061 && base % 2 == 1) || base == 0x3064 || base == 0x3066 || base == 0x3068 ||
	    base == 0x309d)
		return base + 1;
	return base == 0x3046 ? 0x3094 : 0;
}

size_t
fold_text(char *out, uint32_t *map, const char *s, size_t n)
{
	uint32_t cp, last = NOTHING, both;
	size_t at = 0, len, o = 0, was = 0, end = 0, k, i;
	bool space = false;

	for (; at < n; at += len) {
		cp = decode(s + at, n - at, &len);
		if ((cp = fold_char(cp)) == NOTHING)
			continue;
		if (cp == ' ') {
			space |= o > 0;
			continue;
		}
		if ((cp == DAKUTEN || cp == HANDAKUTEN) && !space && last != NOTHING &&
		    (both = voiced(last, cp)) != 0) {
			(void)encode(out + was, last = both);	/* as long as it was */
			end = at + len;
			continue;
		}
		if (space) {
			if (map != NULL)
				map[o] = (uint32_t)end;
			out[o++] = ' ';
			space = false;
		}
		was = o;
		k = encode(out + o, last = cp);
		for (i = 0; map != NULL && i < k; i++)
			map[o + i] = (uint32_t)at;
		o += k;
		end = at + len;
	}
	out[o] = '\0';
	if (map != NULL)
		map[o] = (uint32_t)end;
	return o;
}

size_t
fold_find(const char *s, size_t n, size_t from, const char *needle, size_t len)
{
	const char *p = from + len > n ? NULL : memmem(s + from, n - from, needle, len);

	return p == NULL ? n : (size_t)(p - s);
}

/* Letters of scripts that put spaces between words. */
static bool
is_letter(uint32_t cp)
{
	static const struct { uint32_t from, to; } signs[] = {
		{ 0x80, 0xa9 }, { 0xab, 0xb4 }, { 0xb6, 0xb9 }, { 0xbb, 0xbf }, { 0xd7, 0xd7 }, { 0xf7, 0xf7 },
		{ 0x0e00, 0x0fff },	/* Thai, Lao, Tibetan */
		{ 0x1000, 0x109f }, { 0x1100, 0x11ff }, { 0x1780, 0x17ff }, { 0x1950, 0x19ff },
		{ 0x2000, 0x2bff }, { 0x2e00, 0xa4cf }, { 0xa960, 0xa97f }, { 0xaa60, 0xaa7f }, { 0xac00, 0xd7ff },
		{ 0xe000, 0xfaff }, { 0xfe00, 0xfe6f }, { 0xff00, 0xffff }, { 0x1b000, 0x1b2ff }, { 0x1d000, 0x1d7ff },
		{ 0x1f000, 0x10ffff }
	};
	size_t i;

	if (cp < 0x80)
		return cp >= 'a' && cp <= 'z';
	for (i = 0; i < sizeof(signs) / sizeof(signs[0]) && cp >= signs[i].from; i++)
		if (cp <= signs[i].to)
			return false;
	return true;
}

static bool
is_digit(uint32_t cp)
{
	return cp >= '0' && cp <= '9';
}

bool
fold_next(const char **p, const char *end, struct fold_run *run)
{
	bool digits = false, letters;
	size_t len;
	uint32_t cp;

	while (*p < end && **p == ' ')
		++*p;
	if (*p >= end)
		return false;
	*run = (struct fold_run){ .s = *p };
	cp = decode(*p, (size_t)(end - *p), &len);
	letters = is_letter(cp) || is_digit(cp);
	while (*p < end && **p != ' ') {
		cp = decode(*p, (size_t)(end - *p), &len);
		if ((is_letter(cp) || is_digit(cp)) != letters)
			break;
		digits |= is_digit(cp);
		run->chars++;
		*p += len;
	}
	run->n = (size_t)(*p - run->s);
	run->letters = letters && !digits;
	run->kind = !letters ? RUN_SIGNS : digits || run->chars > FOLD_WORD_MOST ? RUN_ODD : RUN_WORD;
	return true;
}

size_t
fold_chars(const char *s, size_t n, size_t chars)
{
	size_t at = 0, len;

	while (chars-- > 0 && at < n) {
		(void)decode(s + at, n - at, &len);
		at += len;
	}
	return at;
}
