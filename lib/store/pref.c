/* SPDX-License-Identifier: MIT */
/* pref.c - what a person has chosen for themselves. */
#include "pref.h"

#include <string.h>

#define WORDS_MAX	18

static const struct { const char *name, *words[WORDS_MAX]; } table[] = {
#define P(id, name, ...) [id] = { name, { __VA_ARGS__, NULL } },
#include "prefs.def"
#undef P
};

const char *
pref_name(enum pref p)
{
	return table[p].name;
}

const char *
pref_choice(enum pref p, size_t n)
{
	return n < WORDS_MAX ? table[p].words[n] : NULL;
}

const char *
pref_word(const struct prefs *v, enum pref p)
{
	return table[p].words[v->at[p]];
}

/* One word of n bytes. */
static bool
choose(struct prefs *v, enum pref p, const char *word, size_t n)
{
	const char *w;
	uint8_t i;

	for (i = 0; (w = pref_choice(p, i)) != NULL; i++) {
		if (strlen(w) == n && memcmp(w, word, n) == 0) {
			v->at[p] = i;
			return true;
		}
	}
	return false;
}

bool
pref_set(struct prefs *v, enum pref p, const char *word)
{
	return word != NULL && choose(v, p, word, strlen(word));
}

void
prefs_read(const char *text, struct prefs *out)
{
	size_t n, name;
	int p;

	memset(out, 0, sizeof(*out));
	for (; text != NULL && *text != '\0'; text += n + (text[n] == ' ')) {
		n = strcspn(text, " ");
		for (p = 0; p < PREF_MAX; p++) {
			name = strlen(table[p].name);
			if (n > name && text[name] == '=' && strncmp(text, table[p].name, name) == 0)
				(void)choose(out, (enum pref)p, text + name + 1, n - name - 1);
		}
	}
}

const char *
prefs_text(struct arena *a, const struct prefs *v)
{
	const char *text = "";
	int p;

	for (p = 0; p < PREF_MAX && text != NULL; p++)
		if (v->at[p] != 0)
			text = arena_printf(a, "%s%s%s=%s", text, *text == '\0' ? "" : " ", table[p].name,
			    pref_word(v, (enum pref)p));
	return text;
}

const struct ib_err *
prefs_put(struct db *db, struct arena *a, int64_t user_id, const struct prefs *v)
{
	const char *text = prefs_text(a, v);

	if (text == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "prefs");
	return db_run(db, ST_USER_PREFS, "it", user_id, text);
}
