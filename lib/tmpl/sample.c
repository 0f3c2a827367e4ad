/* SPDX-License-Identifier: MIT */
/* sample.c - see sample.h: one walk over a JSON object and the field table of a view. */
#include "sample.h"

#include "../base/str.h"
#include "tmpl_int.h"

#include <string.h>

#define SAMPLE_DEPTH	16u	/* views within views, and parts within parts */

static const struct ib_err *fill(const struct samples *s, const struct tmpl_type *type, char *view,
    const struct json *from, unsigned depth);

const struct ib_err *
samples_read(const char *dir, struct arena *a, struct json **out)
{
	const struct tmpl_source src = { .dir = dir };
	const struct ib_err *err;
	const char *text;
	size_t n;

	if ((err = tmpl_read_file(&src, a, "samples.json", &text, &n)) != NULL)
		return err;
	return json_parse(text, n, JSON_STRICT_, out);
}

const char *
sample_text(const struct samples *s, const struct json *j)
{
	const char *text = json_str(j), *key;

	if (text == NULL && (key = json_get_str(j, "key")) != NULL)
		return cat_find(s->cats, s->lang, key);
	if (text == NULL)
		text = json_get_str(j, lang_code(s->lang));
	return text != NULL ? arena_dup(s->a, text) : NULL;
}

static const struct ib_err *
fill_list(const struct samples *s, const struct tmpl_field *f, char *view, const struct json *from, unsigned depth)
{
	const struct ib_err *err;
	size_t n = json_len(from), i;
	char *items;

	if (!json_is_array(from))
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "sample: %s is no list", f->name);
	if ((items = arena_alloc(s->a, (n + 1) * f->type->size)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "sample");
	memset(items, 0, (n + 1) * f->type->size);
	for (i = 0; i < n; i++)
		if ((err = fill(s, f->type, items + i * f->type->size, json_at(from, i), depth)) != NULL)
			return err;
	memcpy(view + f->off, &items, sizeof(items));
	memcpy(view + f->count_off, &n, sizeof(n));
	return NULL;
}

static const struct ib_err *
fill_sub(const struct samples *s, const struct tmpl_field *f, char *view, const struct json *from, unsigned depth)
{
	char *sub;

	memcpy(&sub, view + f->off, sizeof(sub));
	if (sub == NULL) {
		if ((sub = arena_alloc(s->a, f->type->size)) == NULL)
			return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "sample");
		memset(sub, 0, f->type->size);
		memcpy(view + f->off, &sub, sizeof(sub));
	}
	return fill(s, f->type, sub, from, depth);
}

static const struct ib_err *
fill_field(const struct samples *s, const struct tmpl_field *f, char *view, const struct json *from, unsigned depth)
{
	const char *text = NULL;
	int64_t number;
	bool yes;

	if (json_is_null(from)) {
		if (f->kind == TMPL_STR || f->kind == TMPL_SUB)
			memcpy(view + f->off, &text, sizeof(text));
		return NULL;
	}
	switch (f->kind) {
	case TMPL_STR:
		if ((text = sample_text(s, from)) == NULL)
			break;
		memcpy(view + f->off, &text, sizeof(text));
		return NULL;
	case TMPL_INT:
		number = json_int(from, INT64_MIN);
		if (number == INT64_MIN)
			break;
		memcpy(view + f->off, &number, sizeof(number));
		return NULL;
	case TMPL_BOOL:
		yes = json_bool(from, false);
		if (yes != json_bool(from, true))
			break;
		memcpy(view + f->off, &yes, sizeof(yes));
		return NULL;
	case TMPL_LIST:
		return fill_list(s, f, view, from, depth);
	case TMPL_SUB:
		return fill_sub(s, f, view, from, depth);
	}
	return ib_fail(IB_ECONF, IB_RETRY_NEVER, "sample: %s has a value of another kind", f->name);
}

static const struct ib_err *
fill(const struct samples *s, const struct tmpl_type *type, char *view, const struct json *from, unsigned depth)
{
	const struct ib_err *err;
	const struct tmpl_field *f;
	const struct json *part;
	const char *name = json_get_str(from, "@");
	void *it;

	if (!json_is_object(from) || depth >= SAMPLE_DEPTH)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "sample: %s is no object, or too deep", type->name);
	if (name != NULL) {
		if ((part = json_get(s->parts, name)) == NULL)
			return ib_fail(IB_ECONF, IB_RETRY_NEVER, "sample: no part %s", name);
		if ((err = fill(s, type, view, part, depth + 1)) != NULL)
			return err;
	}
	for (it = json_iter(from); it != NULL; it = json_next(from, it)) {
		name = json_iter_key(it);
		if (str_eq(name, "@"))
			continue;
		for (f = type->fields; f->name != NULL && !str_eq(f->name, name); f++)
			;
		if (f->name == NULL)
			return ib_fail(IB_ECONF, IB_RETRY_NEVER, "sample: %s has no field %s", type->name, name);
		if ((err = fill_field(s, f, view, json_iter_value(it), depth + 1)) != NULL)
			return err;
	}
	return NULL;
}

const struct ib_err *
sample_fill(const struct samples *s, const struct tmpl_type *type, void *view, const struct json *from)
{
	return fill(s, type, view, from, 0);
}
