/* SPDX-License-Identifier: MIT */
/*
 * err.c - the ring of error slots.
 *
 * Static memory, no allocation, never fails.  The programs have one thread
 * each, so that the ring needs no lock.
 */
#include "err.h"

#include <stdarg.h>
#include <stdio.h>

#define RING 16u

static struct ib_err	ring[RING];
static unsigned		ring_next;

const struct ib_err *
ib_fail_at(const char *file, int line, enum ib_code code, enum ib_retry retry,
    const char *fmt, ...)
{
	/*
	 * The text is made before a slot is touched: an argument may be the
	 * msg of an older error, even of the slot that is next in turn.
	 */
	char msg[sizeof(ring[0].msg)];
	struct ib_err *e;
	va_list ap;
	size_t i;

	va_start(ap, fmt);
	if (vsnprintf(msg, sizeof(msg), fmt, ap) < 0)
		msg[0] = '\0';
	va_end(ap);

	e = &ring[ring_next];
	ring_next = (ring_next + 1) % RING;
	e->code = code;
	e->retry = retry;
	e->file = file;
	e->line = line;
	for (i = 0; msg[i] != '\0'; i++)
		e->msg[i] = msg[i];
	e->msg[i] = '\0';
	return e;
}

const char *
ib_code_name(enum ib_code code)
{
	switch (code) {
	case IB_ESYS:		return "sys";
	case IB_ENOMEM:		return "nomem";
	case IB_EPARSE:		return "parse";
	case IB_ENOENT:		return "noent";
	case IB_EDB:		return "db";
	case IB_EBUSY:		return "busy";
	case IB_EAUTH:		return "auth";
	case IB_EUPSTREAM:	return "upstream";
	case IB_ETIMEOUT:	return "timeout";
	case IB_ELIMIT:		return "limit";
	case IB_ECONF:		return "conf";
	}
	return "unknown";
}
