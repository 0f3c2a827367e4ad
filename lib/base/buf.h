/* SPDX-License-Identifier: MIT */
/*
 * buf.h - growable byte buffer with a cap and a sticky failure.
 *
 * The cap is given at init.  An append that would pass the cap, or for which
 * there is no memory, sets `failed` and turns later appends into no-ops: check
 * once at the end.  `p` is always NUL-terminated once something was appended
 * (the NUL is not counted in len nor in the cap); before that it is NULL and
 * len is 0.  What is appended must not be part of the buffer itself.
 */
#ifndef IB_BUF_H
#define IB_BUF_H

#include "err.h"

#include <stdarg.h>

struct ib_buf {
	char	*p;
	size_t	 len, cap, max;
	bool	 failed, nomem;		/* nomem: memory was the reason, not the cap */
};

void buf_init(struct ib_buf *b, size_t max);
void buf_fini(struct ib_buf *b);		/* frees; b may be re-inited */
void buf_clear(struct ib_buf *b);		/* empty, keeps the memory */
void buf_append(struct ib_buf *b, const void *p, size_t n);
void buf_puts(struct ib_buf *b, const char *s);	/* NULL appends nothing */
void buf_putc(struct ib_buf *b, char c);
void buf_printf(struct ib_buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void buf_put_int(struct ib_buf *b, int64_t v);	/* decimal, no printf */
void buf_put_url(struct ib_buf *b, const char *s);  /* percent-encodes all but A-Za-z0-9-._~ */
/*
 * Room for n more bytes at p+len (caller advances len), or NULL (failed).  The
 * NUL after them is set by the next append or by buf_cstr().
 */
char *buf_reserve(struct ib_buf *b, size_t n);
/* The text so far; "" when empty. Valid until the next append. */
const char *buf_cstr(const struct ib_buf *b);
/* NULL, or IB_ENOMEM: over the cap (never again) or no memory (later). */
IB_MUST const struct ib_err *buf_check(const struct ib_buf *b);

#endif
