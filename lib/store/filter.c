/* SPDX-License-Identifier: MIT */
/* filter.c - see filter.h. */
#include "filter.h"

#include "../base/buf.h"
#include "../base/clock.h"
#include "../base/str.h"

#include <string.h>

static const struct { const char *name; enum filter_kind kind; const char *words; } table[FILTER_MAX] = {
#define F(id, name, kind, words) [id] = { name, kind, words },
#include "filters.def"
#undef F
};

const char *
filter_name(enum filter_id id)
{
	return table[id].name;
}

enum filter_kind
filter_kind(enum filter_id id)
{
	return table[id].kind;
}

/* Where the values of a row's words begin: 0 is "does not matter", but of the view. */
static int64_t
first_word(enum filter_id id)
{
	return id == FILTER_VIEW ? 0 : 1;
}

bool
filter_word(enum filter_id id, int64_t n, char out[16])
{
	const char *p = table[id].words;
	size_t len;

	for (n -= first_word(id); *p != '\0'; p += len + (p[len] == ' ')) {
		len = strcspn(p, " ");
		if (n-- == 0 && len < 16) {
			memcpy(out, p, len);
			out[len] = '\0';
			return true;
		}
	}
	return false;
}

static bool
read_word(enum filter_id id, const char *text, int64_t *v)
{
	char word[16];

	for (*v = first_word(id); filter_word(id, *v, word); (*v)++)
		if (strcmp(word, text) == 0)
			return true;
	return false;
}

bool
filter_read(struct filter *f, const char *(*get)(const void *arg, const char *name), const void *arg)
{
	const char *text;
	bool good = true;
	size_t i;

	*f = (struct filter){ { 0 } };
	for (i = 0; i < FILTER_MAX; i++) {
		text = get(arg, table[i].name);
		if (text == NULL || *text == '\0')
			continue;
		switch (table[i].kind) {
		case FILTER_WORD:
			good &= read_word((enum filter_id)i, text, &f->v[i]);
			break;
		case FILTER_ID:
			good &= str_int_in(text, 1, INT64_MAX, &f->v[i]);
			break;
		case FILTER_DAY:
			good &= (f->v[i] = clock_parse_day(text)) > 0;
			break;
		}
	}
	if (!good)
		*f = (struct filter){ { 0 } };
	return good;
}

const char *
filter_query(struct arena *a, const struct filter *f)
{
	char word[16];
	struct ib_buf b;
	struct civil c;
	const char *out;
	size_t i;

	buf_init(&b, 512);
	for (i = 0; i < FILTER_MAX; i++) {
		if (f->v[i] == 0)
			continue;
		buf_printf(&b, "%s%s=", b.len > 0 ? "&" : "", table[i].name);
		if (table[i].kind == FILTER_WORD && filter_word((enum filter_id)i, f->v[i], word)) {
			buf_puts(&b, word);
		} else if (table[i].kind == FILTER_DAY) {
			(void)clock_civil(f->v[i], "UTC", &c);
			buf_printf(&b, "%04d-%02d-%02d", c.year, c.month, c.day);
		} else {
			buf_printf(&b, "%lld", (long long)f->v[i]);
		}
	}
	out = arena_dup(a, buf_cstr(&b));
	buf_fini(&b);
	return out;
}

bool
filter_any(const struct filter *f)
{
	size_t i;

	for (i = 0; i < FILTER_MAX; i++)
		if (f->v[i] != 0)
			return true;
	return false;
}
