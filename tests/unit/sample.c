/* SPDX-License-Identifier: MIT */
/*
 * Samples: views filled from JSON, and every state of the style guide with the
 * product's own views, templates and catalogues.
 */
#include "../tap.h"

#include "../../cgi-bin/views.c"
#include "../../lib/base/str.h"
#include "../../lib/tmpl/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct part { const char *name; };

struct whole {
	const char	*text, *none;
	int64_t		 number;
	bool		 yes;
	struct part	*part;
	struct part	*parts;
	size_t		 n_parts;
};

static const struct tmpl_field part_f[] = { F_STR(struct part, name), F_END };
static const struct tmpl_type part_t = { "part", sizeof(struct part), part_f };
static const struct tmpl_field whole_f[] = {
	F_STR(struct whole, text), F_STR(struct whole, none), F_INT(struct whole, number), F_BOOL(struct whole, yes),
	F_SUB(struct whole, part, &part_t), F_LIST(struct whole, parts, &part_t), F_END
};
static const struct tmpl_type whole_t = { "whole", sizeof(struct whole), whole_f };

static struct arena a;
static struct cats *cats;

static const struct ib_err *
fill(const char *text, enum lang lang, struct whole *w)
{
	const struct ib_err *err;
	struct json *j = NULL;
	struct samples s;

	if ((err = json_parse(text, strlen(text), JSON_STRICT_, &j)) != NULL)
		return err;
	s = (struct samples){ &a, cats, lang, json_get(j, "parts") };
	err = sample_fill(&s, &whole_t, w, json_get(j, "view"));
	json_free(j);
	return err;
}

static void
test_fill(void)
{
	struct part there = { "there" };
	struct whole w = { .none = "was", .part = &there };

	ok(fill("{\"view\":{\"text\":{\"en\":\"one\",\"ja\":\"\u4e00\"},\"none\":null,\"number\":7,\"yes\":true,"
	    "\"part\":{},\"parts\":[{\"name\":\"a\"},{\"name\":\"b\"}]}}", LANG_JA, &w) == NULL, "a view is filled");
	is_str(w.text, "\xe4\xb8\x80", "by language");
	ok(w.none == NULL && w.number == 7 && w.yes, "nothing, a number, a truth");
	ok(w.part == &there, "a part that was there stays");
	ok(w.n_parts == 2 && str_eq(w.parts[1].name, "b"), "a list");
	memset(&w, 0, sizeof(w));
	ok(fill("{\"parts\":{\"p\":{\"name\":\"shared\"},\"w\":{\"text\":\"x\",\"number\":1}},"
	    "\"view\":{\"@\":\"w\",\"number\":2,\"part\":{\"@\":\"p\"}}}", LANG_EN, &w) == NULL, "from parts");
	ok(str_eq(w.text, "x") && w.number == 2 && str_eq(w.part->name, "shared"), "and what stands beside them counts");
	memset(&w, 0, sizeof(w));
	ok(fill("{\"view\":{\"text\":{\"key\":\"closed.day\"}}}", LANG_EN, &w) == NULL &&
	    str_eq(w.text, cat_find(cats, LANG_EN, "closed.day")), "from the catalogue");
}

static void
test_refused(void)
{
	static const char *const wrong[] = {
		"{\"view\":{\"nobody\":1}}", "{\"view\":{\"yes\":\"perhaps\"}}", "{\"view\":{\"number\":\"x\"}}",
		"{\"view\":{\"parts\":{}}}", "{\"view\":{\"part\":[]}}", "{\"view\":{\"text\":5}}", "{\"view\":{\"text\":{\"de\":\"x\"}}}",
		"{\"view\":{\"text\":{\"key\":\"no.such\"}}}", "{\"view\":{\"@\":\"none\"}}", "{\"view\":[]}", "{}",
		"{\"parts\":{\"p\":{\"@\":\"p\"}},\"view\":{\"@\":\"p\"}}"
	};
	struct whole w;
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memset(&w, 0, sizeof(w));
		ok(fill(wrong[i], LANG_EN, &w) != NULL, "refused: %s", wrong[i]);
	}
}

static const struct tmpl_decl *
decl_of(const char *name)
{
	size_t i;

	for (i = 0; i < TPL_MAX; i++)
		if (name != NULL && strncmp(tpl_decls[i].file, name, strlen(name)) == 0 &&
		    str_eq(tpl_decls[i].file + strlen(name), ".html"))
			return &tpl_decls[i];
	return NULL;
}

/* The document itself: each state is of a page, has its texts, and fits the view. */
static void
test_states(void)
{
	char dir[4096];
	struct json *doc = NULL;
	const struct json *states;
	size_t i;
	int l;

	snprintf(dir, sizeof(dir), "%s/templates", getenv("INBOX_SRC") != NULL ? getenv("INBOX_SRC") : ".");
	if (!ok(samples_read(dir, &a, &doc) == NULL, "templates/samples.json is there"))
		return;
	states = json_get(doc, "states");
	ok(json_len(states) > 20, "and has many states");
	for (i = 0; i < json_len(states); i++) {
		const struct json *st = json_at(states, i);
		const char *id = json_get_str(st, "id");
		const struct tmpl_decl *d = decl_of(json_get_str(st, "page"));

		ok(id != NULL && d != NULL, "%s is of a page", id != NULL ? id : "-");
		for (l = 0; d != NULL && l < LANG_MAX; l++) {
			const struct samples s = { &a, cats, (enum lang)l, json_get(doc, "parts") };
			const struct ib_err *err;
			void *view;

			arena_reset(&a);
			view = arena_alloc(&a, d->type->size);
			memset(view, 0, d->type->size);
			err = sample_fill(&s, d->type, view, json_get(st, "view"));
			ok(err == NULL && sample_text(&s, json_get(st, "group")) != NULL && sample_text(&s, json_get(st, "title")) != NULL &&
			    sample_text(&s, json_get(st, "text")) != NULL, "%s, %s%s%s", id, lang_code((enum lang)l),
			    err != NULL ? ": " : "", err != NULL ? err->msg : "");
		}
	}
	json_free(doc);
}

int
main(void)
{
	char dir[4096];

	arena_init(&a, (size_t)4 << 20);
	snprintf(dir, sizeof(dir), "%s/po", getenv("INBOX_SRC") != NULL ? getenv("INBOX_SRC") : ".");
	if (!ok(cats_load(dir, &cats) == NULL, "catalogues"))
		return done_testing();
	test_fill();
	test_refused();
	test_states();
	cats_free(cats);
	arena_fini(&a);
	return done_testing();
}
