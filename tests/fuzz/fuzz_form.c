/* SPDX-License-Identifier: MIT */
/*
 * fuzz_form.c - bodies of forms.  What is accepted keeps its promises: few
 * fields, proper names that come once, values that are clean UTF-8.
 */
#include "../../cgi-bin/form.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool kept)
{
	if (!kept)
		abort();
}

static void
check_value(const char *s)
{
	must(str_utf8_ok(s, strlen(s)));
	for (; *s != '\0'; s++)
		must(!is_control((unsigned char)*s) || *s == '\n' || *s == '\t');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct form_field *f;
	struct arena a;
	struct form form;
	const char **all;
	size_t i, j;

	arena_init(&a, (size_t)4 << 20);
	if (form_parse(&a, (const char *)data, size, "page", &form) == FORM_OK) {
		must(form.n <= FORM_FIELDS_MAX);
		for (i = 0; i < form.n; i++) {
			f = &form.fields[i];
			must(strlen(f->name) == f->name_len && f->name_len >= 1 &&
			    f->name_len <= FORM_NAME_MAX);
			check_value(f->name);
			check_value(f->value);
			must(form_get(&form, f->name) != NULL);
			for (j = 0; j < i; j++)
				must(strcmp(form.fields[j].name, f->name) != 0 ||
				    strcmp(f->name, "page") == 0);
		}
		for (i = form_all(&form, &a, "page", &all); i > 0; i--)
			check_value(all[i - 1]);
	}
	arena_fini(&a);
	return 0;
}
