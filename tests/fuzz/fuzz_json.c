/* SPDX-License-Identifier: MIT */
/*
 * fuzz_json.c - documents from outside: parse in both modes, read with every
 * getter, write and parse again.  What the strict mode takes the lenient one
 * takes too, and what was written parses to the same text.
 */
#include "json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
walk(struct arena *a, const struct json *j, unsigned depth)
{
	const char *s = json_str(j), *id = json_id(a, j);
	size_t i;
	void *it;

	must(depth <= JSON_DEPTH_MAX + 1);
	(void)json_int(j, 0);
	(void)json_num(j, 0);
	(void)json_bool(j, false);
	(void)json_is_null(j);
	(void)json_get_str(j, "id");
	must((s != NULL) == json_is_string(j));
	must(s == NULL || arena_failed(a) || (id != NULL && strcmp(s, id) == 0));
	if (json_is_array(j))
		for (i = 0; i < json_len(j); i++)
			walk(a, json_at(j, i), depth + 1);
	for (it = json_iter(j); it != NULL; it = json_next(j, it)) {
		must(json_iter_key(it) != NULL);
		walk(a, json_iter_value(it), depth + 1);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct json *strict, *lenient, *again;
	struct ib_buf one, two;
	struct arena a;

	arena_init(&a, ARENA_REQUEST_MAX);
	buf_init(&one, (size_t)16 << 20);
	buf_init(&two, (size_t)16 << 20);
	if (json_parse((const char *)data, n, JSON_STRICT_, &strict) != NULL)
		must(strict == NULL);
	if (json_parse((const char *)data, n, JSON_LENIENT_, &lenient) != NULL)
		must(lenient == NULL);
	must(strict == NULL || lenient != NULL);
	if (lenient != NULL) {
		must(json_is_object(lenient) || json_is_array(lenient));
		walk(&a, lenient, 1);
		must(json_dump(lenient, true, &one) == NULL);
		/* Members that became one in a repair are one from then on. */
		must(json_parse(buf_cstr(&one), one.len, JSON_STRICT_, &again) == NULL);
		must(json_dump(again, true, &two) == NULL);
		must(one.len == two.len && memcmp(one.p, two.p, one.len) == 0);
		json_free(again);
	}
	json_free(strict);
	json_free(lenient);
	buf_fini(&one);
	buf_fini(&two);
	arena_fini(&a);
	return 0;
}
