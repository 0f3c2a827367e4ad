/* SPDX-License-Identifier: MIT */
/*
 * fold.h - text as it is searched: case, width and kana do not matter.
 *
 * Folded are: capitals of the Latin, Greek, Cyrillic and Armenian scripts;
 * full-width forms; half-width katakana, with their voice marks; katakana, to
 * hiragana; the kinds of quotes, hyphens and wave dashes.  A run of blanks and
 * line ends is one space, none stands at either end, and what has no width is
 * dropped.  Folding what is folded changes nothing, and a folded text is never
 * longer than the text it comes from.
 *
 * For an index a folded text is cut into runs, which never depend on what
 * stands further away than the run's own ends:
 *
 *   RUN_WORD	letters of scripts that put spaces between words
 *   RUN_ODD	letters and digits mixed, digits alone, very long words
 *   RUN_SIGNS	all else but spaces: kanji and kana, Hangul, Thai, signs, emoji
 *
 * Nothing here allocates or fails.
 */
#ifndef IB_FOLD_H
#define IB_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * s folded into out, which has room for n bytes and a NUL; its length is
 * returned.  map, unless NULL, has room for n + 1: map[i] is where in s the
 * byte out[i] comes from, and of the end, where the last of it ends.
 */
size_t fold_text(char *out, uint32_t *map, const char *s, size_t n);

/* Where needle (not empty) begins in folded text at or after `from`; n when it is not there. */
size_t fold_find(const char *s, size_t n, size_t from, const char *needle, size_t len);

enum fold_kind { RUN_WORD, RUN_ODD, RUN_SIGNS };
#define FOLD_WORD_MOST 20		/* letters; a longer word is odd */

struct fold_run {
	enum fold_kind	 kind;
	bool		 letters;	/* RUN_ODD: no digit in it, so that elsewhere it may be part of a word */
	const char	*s;
	size_t		 n, chars;
};
/* The next run from *p on, which moves behind it; false at the end. */
bool fold_next(const char **p, const char *end, struct fold_run *run);
/* Bytes of the first `chars` characters (fewer when the text ends before). */
size_t fold_chars(const char *s, size_t n, size_t chars);

#endif
