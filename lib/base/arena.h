/* SPDX-License-Identifier: MIT */
/*
 * arena.h - memory that lives as long as one request.
 *
 * Nothing in an arena is freed singly; arena_reset() forgets everything at
 * once and keeps the first block for the next request.  Past the hard cap
 * (given at init) or out of memory, the functions return NULL and the arena
 * remembers it: callers that check only at the end ask arena_failed().
 * Returned memory is aligned for any type.
 */
#ifndef IB_ARENA_H
#define IB_ARENA_H

#include "err.h"

#include <stdarg.h>

struct arena {
	struct arena_block	*first, *cur;
	size_t			 used, max;
	bool			 failed;
};

#define ARENA_REQUEST_MAX ((size_t)8 << 20)

void arena_init(struct arena *a, size_t max);
void arena_fini(struct arena *a);
void arena_reset(struct arena *a);
bool arena_failed(const struct arena *a);
void *arena_alloc(struct arena *a, size_t n);			/* uninitialised */
void *arena_zalloc(struct arena *a, size_t n, size_t size);	/* n * size, checked, zeroed */
char *arena_dup(struct arena *a, const char *s);		/* NULL gives NULL */
char *arena_dupn(struct arena *a, const void *s, size_t n);	/* adds a NUL */
char *arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

#define ARENA_NEW(a, type)	((type *)arena_zalloc((a), 1, sizeof(type)))
#define ARENA_ARRAY(a, n, type)	((type *)arena_zalloc((a), (n), sizeof(type)))

#endif
