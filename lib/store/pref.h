/* SPDX-License-Identifier: MIT */
/*
 * pref.h - what a person has chosen for themselves (prefs.def).
 *
 * Kept in user.prefs as "name=word name=word", those alone that are not as at
 * first, so that most people have "" and reading costs nothing.  Names and
 * words that this program does not know are skipped.
 */
#ifndef IB_PREF_H
#define IB_PREF_H

#include "../db/db.h"

enum pref {
#define P(id, name, ...) id,
#include "prefs.def"
#undef P
	PREF_MAX
};

struct prefs { uint8_t at[PREF_MAX]; };		/* number of the chosen word */

const char *pref_name(enum pref p);
/* The n-th word that may be chosen, NULL past the last. */
const char *pref_choice(enum pref p, size_t n);
const char *pref_word(const struct prefs *v, enum pref p);
/* False when there is no such word; nothing is changed then. */
bool pref_set(struct prefs *v, enum pref p, const char *word);

/* The text of user.prefs, and back.  NULL of prefs_text: out of memory. */
void prefs_read(const char *text, struct prefs *out);
const char *prefs_text(struct arena *a, const struct prefs *v);

IB_MUST const struct ib_err *prefs_put(struct db *db, struct arena *a, int64_t user_id, const struct prefs *v);

#endif
