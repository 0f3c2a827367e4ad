/* SPDX-License-Identifier: MIT */
/* pref.c - what a person has chosen: read, written, and what nobody knows. */
#include "tap.h"

#include "../../lib/store/pref.h"

#include <string.h>

static void
test_table(void)
{
	struct prefs v;
	int p;

	prefs_read("", &v);
	for (p = 0; p < PREF_MAX; p++) {
		is_str(pref_word(&v, (enum pref)p), pref_choice((enum pref)p, 0), "%s: the first word holds at first",
		    pref_name((enum pref)p));
		ok(pref_choice((enum pref)p, 1) != NULL, "%s: there is a choice", pref_name((enum pref)p));
		ok(pref_choice((enum pref)p, 99) == NULL, "%s: and an end", pref_name((enum pref)p));
	}
}

static void
test_text(void)
{
	struct arena arena, *a = &arena;
	struct prefs v, w;

	arena_init(a, 1 << 16);
	prefs_read("", &v);
	is_str(prefs_text(a, &v), "", "nothing chosen, nothing kept");
	ok(pref_set(&v, PREF_SEND, "enter"), "a word of the table");
	is_str(prefs_text(a, &v), "send=enter", "kept");
	prefs_read(prefs_text(a, &v), &w);
	is_str(pref_word(&w, PREF_SEND), "enter", "and read again");
	ok(!pref_set(&w, PREF_SEND, "never") && !pref_set(&w, PREF_SEND, NULL) && !pref_set(&w, PREF_SEND, "ente"),
	    "no such word");
	is_str(pref_word(&w, PREF_SEND), "enter", "changes nothing");
	prefs_read("later=yes send=never send= sending=enter =  send=enter x", &w);
	is_str(pref_word(&w, PREF_SEND), "enter", "what nobody knows is skipped");
	prefs_read(NULL, &w);
	is_str(pref_word(&w, PREF_SEND), "ctrl", "no text");
	arena_fini(a);
}

int
main(void)
{
	test_table();
	test_text();
	return done_testing();
}
