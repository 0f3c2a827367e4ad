/* SPDX-License-Identifier: MIT */
/*
 * buf.c - growable byte buffer with a cap and a sticky failure.
 *
 * The owner of the struct owns the memory; buf_fini() frees it.  Appends can
 * fail (cap, memory) and then only set a flag; nothing else fails.
 */
#include "buf.h"
#include "fault.h"
#include "str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP ((size_t)256)

void
buf_init(struct ib_buf *b, size_t max)
{
	b->p = NULL;
	b->len = b->cap = 0;
	b->max = max < SIZE_MAX / 2 ? max : SIZE_MAX / 2;
	b->failed = b->nomem = false;
}

void
buf_fini(struct ib_buf *b)
{
	free(b->p);
	b->p = NULL;
	b->len = b->cap = 0;
	b->failed = b->nomem = false;
}

void
buf_clear(struct ib_buf *b)
{
	b->len = 0;
	b->failed = b->nomem = false;
	if (b->p != NULL)
		b->p[0] = '\0';
}

/* Make room for n more bytes and the NUL; the slow path of every append. */
static bool
grow(struct ib_buf *b, size_t n)
{
	size_t need, cap;
	char *p;

	if (n > b->max || b->len > b->max - n) {
		b->failed = true;
		return false;
	}
	need = b->len + n + 1;
	cap = b->cap == 0 ? FIRST_CAP : b->cap;
	while (cap < need)
		cap *= 2;
	if (cap > b->max + 1)
		cap = b->max + 1;
	if (fault(FAULT_ALLOC) != FAULT_NONE || (p = realloc(b->p, cap)) == NULL) {
		b->failed = b->nomem = true;
		return false;
	}
	b->p = p;
	b->cap = cap;
	return true;
}

/* cap never passes max + 1, so that room in memory is room under the cap. */
static inline bool
room(struct ib_buf *b, size_t n)
{
	if (b->failed)
		return false;
	if (n < b->cap - b->len)
		return true;
	return grow(b, n);
}

void
buf_append(struct ib_buf *b, const void *p, size_t n)
{
	if (n == 0 || !room(b, n))
		return;
	memcpy(b->p + b->len, p, n);
	b->len += n;
	b->p[b->len] = '\0';
}

void
buf_puts(struct ib_buf *b, const char *s)
{
	if (s != NULL)
		buf_append(b, s, strlen(s));
}

void
buf_putc(struct ib_buf *b, char c)
{
	if (!room(b, 1))
		return;
	b->p[b->len++] = c;
	b->p[b->len] = '\0';
}

void
buf_printf(struct ib_buf *b, const char *fmt, ...)
{
	va_list ap;
	size_t rest;
	int n;

	if (b->failed)
		return;
	/* Mostly it fits into the rest; else the length is known and it is made again. */
	rest = b->cap - b->len;
	va_start(ap, fmt);
	n = vsnprintf(rest > 0 ? b->p + b->len : NULL, rest, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < rest) {
		b->len += (size_t)n;
		return;
	}
	if (rest > 0)
		b->p[b->len] = '\0';
	if (n < 0) {
		b->failed = true;
		return;
	}
	if (n == 0 || !grow(b, (size_t)n))
		return;
	va_start(ap, fmt);
	n = vsnprintf(b->p + b->len, b->cap - b->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		b->len += (size_t)n;
}

void
buf_put_int(struct ib_buf *b, int64_t v)
{
	char d[STR_DIGITS], *end = d + sizeof(d), *from = str_digits(end, v);

	buf_append(b, from, (size_t)(end - from));
}

void
buf_put_url(struct ib_buf *b, const char *s)
{
	static const char hex[] = "0123456789ABCDEF";
	char esc[3] = { '%' };
	const char *from;

	if (s == NULL)
		return;
	for (from = s; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		    (c >= '0' && c <= '9') || c == '-' || c == '.' ||
		    c == '_' || c == '~')
			continue;
		buf_append(b, from, (size_t)(s - from));
		esc[1] = hex[c >> 4];
		esc[2] = hex[c & 15];
		buf_append(b, esc, sizeof(esc));
		from = s + 1;
	}
	buf_append(b, from, (size_t)(s - from));
}

char *
buf_reserve(struct ib_buf *b, size_t n)
{
	if (!room(b, n))
		return NULL;
	b->p[b->len + n] = '\0';	/* right when the caller fills all of it */
	return b->p + b->len;
}

const char *
buf_cstr(const struct ib_buf *b)
{
	if (b->p == NULL)
		return "";
	b->p[b->len] = '\0';		/* after buf_reserve nobody did it yet */
	return b->p;
}

const struct ib_err *
buf_check(const struct ib_buf *b)
{
	if (!b->failed)
		return NULL;
	if (b->nomem)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER,
		    "buffer: no memory after %zu bytes", b->len);
	return ib_fail(IB_ENOMEM, IB_RETRY_NEVER,
	    "buffer: over the cap of %zu bytes", b->max);
}
