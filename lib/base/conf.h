/* SPDX-License-Identifier: MIT */
/*
 * conf.h - the configuration: `key = value` lines, one table of settings.
 *
 * Settings are declared in settings.def (name, kind, default, one-line
 * explanation); the sample file and the manual page are compared with it by a
 * test.  An unknown key, a repeated key, a bad value or an unreadable secret
 * file is an error with file:line.  A value `@/path` of a secret is read from
 * that file (mode checked: not readable by others).
 *
 * Beside it lies the file that the set-up in the browser writes (apps_file): the
 * values of the two apps alone, each as it was pasted.  What stands there goes
 * before what the configuration says.  It is read with it, must not be open to
 * others, and need not be there.
 */
#ifndef IB_CONF_H
#define IB_CONF_H

#include "err.h"

enum conf_key {
#define S(id, name, kind, dflt, doc) id,
#include "settings.def"
#undef S
	CONF_MAX
};

struct conf;

/* Read and check.  On error *out is NULL. */
IB_MUST const struct ib_err *conf_load(const char *path, struct conf **out);
void conf_free(struct conf *c);
/*
 * Value as text; the default where the file is silent; "" never NULL.  Final
 * forms: BOOL "yes" or "no", LIST words with one space between, URL without a
 * slash at the end.
 */
const char *conf_str(const struct conf *c, enum conf_key key);
int64_t conf_int(const struct conf *c, enum conf_key key);
bool conf_bool(const struct conf *c, enum conf_key key);
const char *conf_name(enum conf_key key);
const char *conf_default(enum conf_key key);		/* NULL: required */
const char *conf_doc(enum conf_key key);
/* The file it was read from; whether a secret stands in it, rather than in a file that it names. */
const char *conf_path(const struct conf *c);
bool conf_has_secrets(const struct conf *c);

/* A value for one of the apps' settings; NULL takes it out again. */
struct conf_change { enum conf_key key; const char *value; };
/*
 * A copy with these changes, for conf_save() or to be tried first.  *bad: the
 * value that does not fit, when IB_ECONF comes back.
 */
IB_MUST const struct ib_err *conf_with(const struct conf *c, const struct conf_change *changes, size_t n,
    struct conf **out, enum conf_key *bad);
/* Write the apps' values of such a copy, in one step; the file is ours alone (0600). */
IB_MUST const struct ib_err *conf_save(const struct conf *c);
/* Is the apps' file another one than c has read?  conf_again() reads it once more, and nothing else. */
bool conf_outdated(const struct conf *c);
IB_MUST const struct ib_err *conf_again(const struct conf *c, struct conf **out);
const char *conf_apps_path(const struct conf *c);
/* Paths in the file are relative to the file's own folder; conf_str gives them absolute. */

#endif
