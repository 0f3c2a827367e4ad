/* SPDX-License-Identifier: MIT */
/*
 * fuzz_tmpl.c - any bytes as a template.  What compiles is rendered with
 * hostile values in all languages, as page and fragment; no value may come
 * out as markup, the output must be UTF-8, and a second render the same.
 */
#include "../fixtures/cat/po.h"

#include "../../lib/base/str.h"
#include "../../lib/tmpl/tmpl_int.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct item {
	const char	*name, *href, *none;
	int64_t		 n;
	bool		 yes;
	struct item	*sub;
	struct item	*items;
	size_t		 n_items;
};

static const struct tmpl_type item_type;
static const struct tmpl_field item_fields[] = {
	F_STR(struct item, name), F_STR(struct item, href), F_STR(struct item, none),
	F_INT(struct item, n), F_BOOL(struct item, yes), F_SUB(struct item, sub, &item_type),
	F_LIST(struct item, items, &item_type), F_END
};
static const struct tmpl_type item_type = { "item", sizeof(struct item), item_fields };

static struct item	leaves[] = {
	{ "<evil a='b'>\"><evil>", "javascript:evil", NULL, 1, true, NULL, NULL, 0 },
	{ "", "/a\"><evil>", NULL, -5, false, NULL, NULL, 0 },
};
static struct item	page = {
	"&<evil>\x01", "https://x/?a&b", NULL, 7, true, &leaves[0], leaves, 2
};

static void
must(bool held)
{
	if (!held)
		abort();
}

static const struct ib_err *
read_data(const struct tmpl_source *src, struct arena *a, const char *file,
    const char **text, size_t *n)
{
	const struct ib_buf *b = src->arg;

	(void)a;
	if (strcmp(file, "x.html") == 0) {
		*text = buf_cstr(b);
		*n = b->len;
		return NULL;
	}
	if (strcmp(file, "part.html") == 0) {
		*text = "<p><b t:text=\"name\">x</b></p>";
		*n = strlen(*text);
		return NULL;
	}
	return ib_fail(IB_ECONF, IB_RETRY_NEVER, "no file '%s'", file);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tmpl_decl decls[] = {
		{ "x.html", &item_type, false }, { "x.html", &item_type, true },
	};
	static struct cats *cats;
	const struct ib_err *err;
	struct tmpl_source src = { read_data, "t", NULL };
	struct tmpl_set *set = NULL;
	struct ib_buf in, out, again;
	size_t which;
	unsigned l;

	if (cats == NULL)
		must((cats = po_fixture()) != NULL);
	buf_init(&in, size + 1);
	buf_append(&in, data, size);
	src.arg = &in;
	must(tmpl_load_from(&src, cats, decls, 2, false, true, &set) == NULL);
	must(tmpl_set_base(set, "/b") == NULL);
	buf_init(&out, (size_t)1 << 20);
	buf_init(&again, (size_t)1 << 20);
	for (which = 0; which < 2; which++)
		for (l = 0; l < LANG_MAX; l++) {
			buf_clear(&out);
			buf_clear(&again);
			err = tmpl_render(set, which, (enum lang)l, &page, &out);
			must(err == NULL || err->code == IB_ECONF || out.failed);
			must(strstr(buf_cstr(&out), "<evil") == NULL);
			if (err != NULL)
				continue;
			must(str_utf8_ok(buf_cstr(&out), out.len));
			must(strlen(buf_cstr(&out)) == out.len);
			err = tmpl_render(set, which, (enum lang)l, &page, &again);
			must(err == NULL && again.len == out.len &&
			    strcmp(buf_cstr(&out), buf_cstr(&again)) == 0);
		}
	tmpl_free(set);
	buf_fini(&in);
	buf_fini(&out);
	buf_fini(&again);
	return 0;
}
