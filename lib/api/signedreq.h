/* SPDX-License-Identifier: MIT */
/*
 * signedreq.h - Facebook's signed_request (messenger.md 10.2): who removed the
 * app, or wants data deleted.
 *
 * The signature is compared in constant time before anything is decoded.  One
 * that was issued more than a day ago, or from a time to come, counts as
 * forged: it may have been seen by others since.
 */
#ifndef IB_SIGNEDREQ_H
#define IB_SIGNEDREQ_H

#include "../base/arena.h"

struct signed_request {
	const char	*user_id;	/* ASID of the login; "0" when it is about a Page */
	const char	*page_id;	/* profile_id, or NULL */
	int64_t		 issued_at;	/* ms */
};
/* *out NULL: forged, expired, or malformed.  An error is ours alone. */
IB_MUST const struct ib_err *signed_request_read(struct arena *a, const char *secret, const char *text,
    int64_t now, struct signed_request **out);

#endif
