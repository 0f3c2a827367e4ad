/* SPDX-License-Identifier: MIT */
/*
 * fuzz_cookie.c - the Cookie header: what is found is a proper value, and a
 * cookie of ours is found whatever else stands beside it.
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char ours[] = "; __Host-x-fuzz=abc";
	static const char *const names[] = { "__Host-session", "session", "a", "lang" };
	const char *value;
	struct arena a;
	char *header;
	size_t i;

	if ((size > 0 && memchr(data, '\0', size) != NULL) ||
	    (header = malloc(size + sizeof(ours))) == NULL)
		return 0;
	if (size > 0)
		memcpy(header, data, size);
	header[size] = '\0';
	arena_init(&a, (size_t)4 << 20);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((value = cookie_find(&a, header, names[i])) != NULL)
			must(cookie_value_ok(value) && strlen(value) <= size);
	if (strstr(header, "__Host-x-fuzz") == NULL) {
		must(cookie_find(&a, header, "__Host-x-fuzz") == NULL);
		memcpy(header + size, ours, sizeof(ours));
		value = cookie_find(&a, header, "__Host-x-fuzz");
		must(value != NULL && strcmp(value, "abc") == 0);
	}
	arena_fini(&a);
	free(header);
	return 0;
}
