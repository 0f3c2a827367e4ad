/* SPDX-License-Identifier: MIT */
/*
 * fuzz_po.c - any bytes as catalogues: English up to a line "%%", Japanese
 * behind it.  What loads must keep the promises of cat.h.  The same bytes are
 * an Accept-Language header and a format.
 */
#include "../fixtures/cat/po.h"

#include "../../lib/base/str.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool held)
{
	if (!held)
		abort();
}

static void
check_text(const char *s)
{
	must(s != NULL && s[0] != '\0' && str_utf8_ok(s, strlen(s)));
}

static void
check_key(const char *key, void *arg)
{
	const struct cats *c = arg;
	const char *en = cat_find(c, LANG_EN, key), *ja = cat_find(c, LANG_JA, key);
	int64_t n;

	must((en == NULL) == (ja == NULL));
	if (en != NULL) {
		check_text(en);
		check_text(ja);
		must(cat_find_n(c, LANG_EN, key, 1) == NULL);
		return;
	}
	for (n = 0; n < 3; n++) {
		check_text(cat_find_n(c, LANG_EN, key, n));
		check_text(cat_find_n(c, LANG_JA, key, n));
	}
}

static void
check_strings(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);
	struct arena a;
	enum lang l;

	must(s != NULL);
	if (size > 0)
		memcpy(s, data, size);
	s[size] = '\0';
	l = lang_negotiate(s);
	must(l == LANG_EN || l == LANG_JA);
	lang_parse(s, &l);
	arena_init(&a, (size_t)1 << 20);
	(void)cat_fill(&a, s, "n", "{n}", "name", s, NULL);
	arena_fini(&a);
	free(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text[LANG_MAX];
	size_t len[LANG_MAX], at;
	struct ib_buf b[LANG_MAX];
	const struct ib_err *err;
	struct cats *c = NULL;
	unsigned l;

	check_strings(data, size);
	for (at = 0; at + 4 <= size; at++)
		if (memcmp(data + at, "\n%%\n", 4) == 0)
			break;
	for (l = 0; l < LANG_MAX; l++)
		buf_init(&b[l], size + PO_TEXT_MAX);
	if (at + 4 <= size) {
		buf_append(&b[LANG_EN], data, at);
		buf_append(&b[LANG_JA], data + at + 4, size - at - 4);
	} else {
		buf_append(&b[LANG_EN], data, size);
		po_header(&b[LANG_JA], LANG_JA);
	}
	for (l = 0; l < LANG_MAX; l++) {
		buf_putc(&b[l], '\n');
		po_needed(&b[l]);
		text[l] = buf_cstr(&b[l]);
		len[l] = b[l].len;
	}
	err = cats_parse(text, len, &c);
	must((err == NULL) == (c != NULL));
	if (c != NULL)
		cats_each(c, LANG_EN, check_key, c);
	cats_free(c);
	for (l = 0; l < LANG_MAX; l++)
		buf_fini(&b[l]);
	return 0;
}
