/* SPDX-License-Identifier: MIT */
/*
 * parts.h - a long text in parts that go out as messages of their own.
 *
 * A cut is made where a reader would make it: between paragraphs, lines,
 * sentences, words, or Japanese characters; not inside a link or a word while
 * there is another way, and never inside what is one character to people (a
 * letter with its accents, an emoji of several).
 */
#ifndef IB_PARTS_H
#define IB_PARTS_H

#include "arena.h"

/*
 * The parts of valid UTF-8, each of at most `units` UTF-16 units (8 or more),
 * without the blanks around the cuts; at least one.  Only a single character
 * that is longer than `units` is cut in itself.  NULL when the arena is full.
 */
const char **text_parts(struct arena *a, const char *s, size_t units, size_t *n);

#endif
