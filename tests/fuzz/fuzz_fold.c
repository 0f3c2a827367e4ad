/* SPDX-License-Identifier: MIT */
/*
 * fuzz_fold.c - any bytes through folding: never longer, folded once and for
 * all, with a map in order; and runs that cover all but the spaces.
 */
#include "fold.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool good)
{
	if (!good)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *text = (const char *)data, *p, *end;
	size_t i, len, covered = 0, spaces = 0;
	struct fold_run r;
	char *out, *again;
	uint32_t *map;

	if (n > 100000)
		return 0;
	out = malloc(n + 1);
	again = malloc(n + 1);
	map = malloc((n + 1) * sizeof(*map));
	must(out != NULL && again != NULL && map != NULL);
	len = fold_text(out, map, text, n);
	must(len <= n && out[len] == '\0' && map[len] <= n);
	must(fold_text(again, NULL, out, len) == len && memcmp(out, again, len) == 0);
	for (i = 0; i < len; i++) {
		must(map[i] <= map[i + 1]);
		spaces += out[i] == ' ';
	}
	for (p = out, end = out + len; fold_next(&p, end, &r); covered += r.n) {
		must(r.n > 0 && r.chars > 0 && r.chars <= r.n && memchr(r.s, ' ', r.n) == NULL);
		must(fold_chars(r.s, r.n, r.chars) == r.n);
		must(r.kind != RUN_WORD || (r.letters && r.chars <= FOLD_WORD_MOST));
	}
	must(covered + spaces == len);
	must(len == 0 || (fold_find(out, len, 0, out, len) == 0 && out[0] != ' ' && out[len - 1] != ' '));
	free(out);
	free(again);
	free(map);
	return 0;
}
