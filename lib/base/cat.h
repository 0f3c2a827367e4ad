/* SPDX-License-Identifier: MIT */
/*
 * cat.h - the catalogues: one gettext PO file per language.
 *
 * Keys are symbolic msgids ("inbox.empty"), the same in every language;
 * neither language is the original.  Plural entries use msgid_plural (same
 * key with ".n") with the languages' own forms: English two, Japanese one.
 * Placeholders are {name}; a brace that belongs to none is an error.  Standard
 * PO syntax, UTF-8; fuzzy, empty and repeated entries, contexts and other
 * escapes than \n \t \" \\ are errors.  All languages must have the same keys
 * and the same placeholders for a key.
 *
 * They are read at start, or, where a process lives for one answer in one
 * language, each when its first string is wanted.
 *
 * Strings that C code needs (names of error sentences, formats of dates) are
 * listed in strings.def, so that a misspelt key cannot compile.
 */
#ifndef IB_CAT_H
#define IB_CAT_H

#include "arena.h"

enum lang { LANG_EN, LANG_JA, LANG_MAX };

enum str_id {
#define T(id, key) id,
#include "strings.def"
#undef T
	STR_MAX
};

struct cats;

/* Read DIR/en.po and DIR/ja.po.  Any mistake is IB_ECONF with file and line or key. */
IB_MUST const struct ib_err *cats_load(const char *dir, struct cats **out);
/* The same from memory, for tests; the texts are copied. */
IB_MUST const struct ib_err *cats_parse(const char *const text[LANG_MAX],
    const size_t len[LANG_MAX], struct cats **out);
/*
 * For one thread: each file is read when its first string is wanted.  Fails
 * for want of memory only.  A mistake in a file is logged then, once; cat_str()
 * answers with keys, and the others find nothing.
 */
IB_MUST const struct ib_err *cats_open(const char *dir, struct cats **out);
/* Read what is left and compare the languages, as cats_load() does. */
IB_MUST const struct ib_err *cats_check(const struct cats *c);
void cats_free(struct cats *c);

/* "en" / "ja" (also "ja-JP", "en_US"); false and LANG_EN when it is another. */
bool lang_parse(const char *code, enum lang *out);
const char *lang_code(enum lang l);			/* "en", "ja" */
/* Best of an Accept-Language header; LANG_EN when none fits. */
enum lang lang_negotiate(const char *accept_language);

/* A string by id; never NULL. */
const char *cat_str(const struct cats *c, enum lang l, enum str_id id);
/* By key, for templates and error tables; NULL when there is none or it is a plural entry. */
const char *cat_find(const struct cats *c, enum lang l, const char *key);
/* Plural form for n; NULL when there is no such plural entry. */
const char *cat_find_n(const struct cats *c, enum lang l, const char *key, int64_t n);
/* Number of the form for n (0-based) and how many forms the language has. */
unsigned cat_plural(enum lang l, int64_t n);
unsigned cat_plurals(enum lang l);
const char *cat_find_form(const struct cats *c, enum lang l, const char *key, unsigned form);

/*
 * Fill {name} placeholders from name/value pairs, NULL ends:
 * cat_fill(a, cat_str(c, l, STR_X), "name", name, NULL).  Plain text, not
 * escaped: templates escape.  An unknown placeholder stays as it is.
 */
char *cat_fill(struct arena *a, const char *format, ...) __attribute__((sentinel));

/*
 * The next placeholder of a string of the catalogue: returns its '{' and sets
 * the text inside the braces, or NULL when there is none.  What follows it
 * starts at *name + *len + 1.
 */
const char *cat_placeholder(const char *s, const char **name, size_t *len);

/* All keys of a language in order, for the guards. */
void cats_each(const struct cats *c, enum lang l,
    void (*fn)(const char *key, void *arg), void *arg);

#endif
