/* SPDX-License-Identifier: MIT */
/* Tests of arena.h: alignment, cap, reset, big pieces. */
#include "arena.h"
#include "tap.h"

#include <stdalign.h>

static bool
aligned(const void *p)
{
	return (uintptr_t)p % alignof(max_align_t) == 0;
}

static void
test_pieces(void)
{
	struct arena a;
	char *p[500], *big, *again;
	size_t i, bad = 0;

	arena_init(&a, ARENA_REQUEST_MAX);
	ok(a.first == NULL, "no memory before the first piece");
	for (i = 0; i < 500; i++) {
		size_t n = i * 7 % 900;

		p[i] = arena_alloc(&a, n);
		if (p[i] == NULL || !aligned(p[i]))
			bad++;
		else
			memset(p[i], (int)(i & 0xff), n);
	}
	is_int(bad, 0, "pieces of all sizes are there and aligned");
	for (i = 0; i < 500; i++) {
		size_t n = i * 7 % 900, k;

		for (k = 0; k < n; k++)
			bad += p[i][k] != (char)(i & 0xff);
	}
	is_int(bad, 0, "and do not overlap");
	big = arena_alloc(&a, 1 << 20);
	ok(big != NULL && aligned(big), "a big piece");
	if (big != NULL)
		memset(big, 1, 1 << 20);
	ok(!arena_failed(&a), "nothing failed");
	arena_reset(&a);
	is_int(a.used, 0, "reset forgets");
	again = arena_alloc(&a, 10);
	ok(again == p[0], "and the first block is used again");
	arena_fini(&a);
	ok(a.first == NULL && a.max == ARENA_REQUEST_MAX, "fini gives all back");
	ok(arena_alloc(&a, 1 << 20) != NULL, "big piece first");
	arena_reset(&a);
	ok(a.first != NULL && a.first != NULL && arena_alloc(&a, 1) != NULL, "then a small one");
	arena_fini(&a);
}

static void
test_cap(void)
{
	struct arena a;

	arena_init(&a, 1000);
	ok(arena_alloc(&a, 600) != NULL, "under the cap");
	ok(arena_alloc(&a, 600) == NULL, "over it");
	ok(arena_failed(&a), "is remembered");
	ok(arena_alloc(&a, 100) != NULL && arena_failed(&a), "also after a smaller one fits");
	arena_reset(&a);
	ok(!arena_failed(&a), "until reset");
	ok(arena_alloc(&a, 1000) != NULL, "exactly the cap");
	ok(arena_alloc(&a, 1) == NULL, "and no byte more");
	arena_reset(&a);
	ok(arena_alloc(&a, SIZE_MAX) == NULL, "absurd size");
	arena_reset(&a);
	ok(arena_zalloc(&a, SIZE_MAX / 2, 3) == NULL && arena_failed(&a), "product overflows");
	arena_reset(&a);
	ok(arena_dupn(&a, "x", SIZE_MAX) == NULL && arena_failed(&a), "absurd dupn");
	arena_fini(&a);
}

static void
test_text(void)
{
	struct arena a;
	char big[1000], *p;
	uint64_t *v;
	size_t i;
	bool zero = true;

	arena_init(&a, ARENA_REQUEST_MAX);
	p = arena_alloc(&a, 4096);
	if (p != NULL)
		memset(p, 0xff, 4096);
	arena_reset(&a);
	v = ARENA_ARRAY(&a, 100, uint64_t);
	for (i = 0; v != NULL && i < 100; i++)
		zero = zero && v[i] == 0;
	ok(v != NULL && zero, "zalloc is zero, also on used memory");
	ok(arena_zalloc(&a, 0, 8) != NULL, "no elements are no failure");
	is_str(arena_dup(&a, "abc"), "abc", "dup");
	is_str(arena_dup(&a, NULL), NULL, "dup of NULL");
	is_str(arena_dupn(&a, "abcdef", 3), "abc", "dupn adds the NUL");
	is_str(arena_dupn(&a, NULL, 0), "", "dupn of nothing");
	is_str(arena_printf(&a, "%d %s", 5, "x"), "5 x", "printf");
	memset(big, 'z', sizeof(big));
	big[999] = '\0';
	p = arena_printf(&a, "%s!", big);
	ok(p != NULL && strlen(p) == 1000 && p[999] == '!', "long printf");
	arena_fini(&a);
	arena_init(&a, 100);
	ok(arena_printf(&a, "%s", big) == NULL && arena_failed(&a), "printf over the cap");
	arena_fini(&a);
}

int
main(void)
{
	test_pieces();
	test_cap();
	test_text();
	return done_testing();
}
