/* SPDX-License-Identifier: MIT */
/*
 * arena.c - memory that lives as long as one request.
 *
 * A chain of blocks; `cur` is the one being filled.  A piece too big for an
 * ordinary block gets a block of its own behind the first, so that the rest
 * of `cur` is not lost.  `used` counts what was handed out, rounded up to the
 * alignment, and is what the cap limits.  Under AddressSanitizer the unused
 * bytes are poisoned and a gap follows each piece, so that running over the
 * end of a piece is seen there as with malloc().
 */
#include "arena.h"
#include "fault.h"
#include "str.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define GAP ((size_t)16)
#define poison(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define unpoison(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#else
#define GAP ((size_t)0)
#define poison(p, n) ((void)(p), (void)(n))
#define unpoison(p, n) ((void)(p), (void)(n))
#endif

#define ALIGN		alignof(max_align_t)
#define BLOCK_SIZE	((size_t)64 << 10)
#define BIG		(BLOCK_SIZE / 4)

struct arena_block {
	struct arena_block	*next;
	size_t			 size, used;
	alignas(max_align_t) unsigned char mem[];
};

void
arena_init(struct arena *a, size_t max)
{
	a->first = a->cur = NULL;
	a->used = 0;
	a->max = max;
	a->failed = false;
}

static void
free_chain(struct arena_block *b)
{
	struct arena_block *next;

	for (; b != NULL; b = next) {
		next = b->next;
		unpoison(b->mem, b->size);
		free(b);
	}
}

void
arena_fini(struct arena *a)
{
	free_chain(a->first);
	arena_init(a, a->max);
}

void
arena_reset(struct arena *a)
{
	if (a->first != NULL) {
		free_chain(a->first->next);
		a->first->next = NULL;
		a->first->used = 0;
		poison(a->first->mem, a->first->size);
	}
	a->cur = a->first;
	a->used = 0;
	a->failed = false;
}

bool
arena_failed(const struct arena *a)
{
	return a->failed;
}

static struct arena_block *
block_new(size_t size)
{
	struct arena_block *b;

	if ((b = malloc(sizeof(*b) + size)) == NULL)
		return NULL;
	b->next = NULL;
	b->size = size;
	b->used = 0;
	poison(b->mem, size);
	return b;
}

/* n is rounded, the cap was checked.  A block with room for n, or NULL. */
static struct arena_block *
block_for(struct arena *a, size_t n)
{
	struct arena_block *b;

	if (a->first == NULL) {
		/* The kept block is an ordinary one, whatever comes first. */
		if ((a->first = a->cur = block_new(BLOCK_SIZE)) == NULL)
			return NULL;
		if (n <= BLOCK_SIZE)
			return a->first;
	}
	if ((b = block_new(n > BIG ? n : BLOCK_SIZE)) == NULL)
		return NULL;
	if (n > BIG) {
		b->next = a->first->next;
		a->first->next = b;
	} else {
		b->next = a->cur->next;
		a->cur->next = b;
		a->cur = b;
	}
	return b;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	struct arena_block *b = a->cur;
	size_t want = n == 0 ? 1 : n;
	unsigned char *p;

	if (want > a->max || a->used > a->max - want ||
	    want > SIZE_MAX - sizeof(*b) - GAP - ALIGN || fault(FAULT_ALLOC) != FAULT_NONE) {
		a->failed = true;
		return NULL;
	}
	want = (want + GAP + ALIGN - 1) & ~(ALIGN - 1);
	if (b == NULL || want > b->size - b->used) {
		if ((b = block_for(a, want)) == NULL) {
			a->failed = true;
			return NULL;
		}
	}
	p = b->mem + b->used;
	b->used += want;
	a->used += want - GAP;
	unpoison(p, n);
	return p;
}

void *
arena_zalloc(struct arena *a, size_t n, size_t size)
{
	size_t total;
	void *p;

	if (__builtin_mul_overflow(n, size, &total)) {
		a->failed = true;
		return NULL;
	}
	if ((p = arena_alloc(a, total)) != NULL && total > 0)
		memset(p, 0, total);
	return p;
}

char *
arena_dupn(struct arena *a, const void *s, size_t n)
{
	char *p;

	if (n == SIZE_MAX) {
		a->failed = true;
		return NULL;
	}
	if ((p = arena_alloc(a, n + 1)) == NULL)
		return NULL;
	if (n > 0)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *
arena_dup(struct arena *a, const char *s)
{
	return s == NULL ? NULL : arena_dupn(a, s, strlen(s));
}

/*
 * The formats of hrefs and ids (%s, %d, %ld, %lld, %.*s) without the C
 * library's machinery: pages make some hundred of them.  False: too long for
 * `out`, or a directive that is not among them.
 */
static bool
format_small(char *out, size_t max, size_t *len, const char *fmt, va_list ap)
{
	char digits[STR_DIGITS];
	const char *s;
	long long v;
	size_t n = 0, k;

	for (; *fmt != '\0'; fmt++) {
		if (*fmt != '%') {
			if (n + 1 >= max)
				return false;
			out[n++] = *fmt;
			continue;
		}
		s = NULL;
		k = SIZE_MAX;
		v = 0;
		if (fmt[1] == 's') {
			s = va_arg(ap, const char *);
			fmt += 1;
		} else if (fmt[1] == '.' && fmt[2] == '*' && fmt[3] == 's') {
			v = va_arg(ap, int);
			s = va_arg(ap, const char *);
			if (v < 0 || s == NULL)
				return false;
			k = strnlen(s, (size_t)v);
			fmt += 3;
		} else if (fmt[1] == 'd') {
			v = va_arg(ap, int);
			fmt += 1;
		} else if (fmt[1] == 'l' && fmt[2] == 'd') {
			v = va_arg(ap, long);
			fmt += 2;
		} else if (fmt[1] == 'l' && fmt[2] == 'l' && fmt[3] == 'd') {
			v = va_arg(ap, long long);
			fmt += 3;
		} else {
			return false;
		}
		if (s == NULL) {
			if (fmt[0] == 's')
				return false;	/* a NULL string: let printf say it */
			s = str_digits(digits + sizeof(digits), v);
			k = (size_t)(digits + sizeof(digits) - s);
		} else if (k == SIZE_MAX) {
			k = strlen(s);
		}
		if (k >= max - n)
			return false;
		memcpy(out + n, s, k);
		n += k;
	}
	*len = n;
	return true;
}

char *
arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	char small[256], *p = NULL;
	va_list again;
	size_t len;
	bool done;
	int n;

	va_copy(again, ap);
	done = format_small(small, sizeof(small), &len, fmt, again);
	va_end(again);
	if (done)
		return arena_dupn(a, small, len);
	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, again);
	va_end(again);
	if (n < 0)
		a->failed = true;
	else if ((size_t)n < sizeof(small))
		p = arena_dupn(a, small, (size_t)n);
	else if ((p = arena_alloc(a, (size_t)n + 1)) != NULL)
		(void)vsnprintf(p, (size_t)n + 1, fmt, ap);
	return p;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	p = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return p;
}
