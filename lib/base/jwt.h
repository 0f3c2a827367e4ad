/* SPDX-License-Identifier: MIT */
/*
 * jwt.h - the signed token with which Pipedrive opens a panel (pipedrive.md 6.3).
 *
 * Three base64url pieces: header, claims, signature.  Only HS256 is known; a
 * token that names anything else is refused before its signature is looked
 * at.  Nothing of a token is believed, and nothing of it is parsed but its
 * header, before the signature has been compared in constant time.
 */
#ifndef IB_JWT_H
#define IB_JWT_H

#include "arena.h"

#define JWT_MAX		((size_t)2 << 10)	/* longer ones are refused unread */
#define JWT_LIFE_S	300			/* Pipedrive's are good for five minutes */
#define JWT_SKEW_S	60			/* two clocks need not agree */

enum jwt_result {
	JWT_OK,
	JWT_EXPIRED,	/* genuine, but its time is over */
	JWT_REFUSED	/* anything else */
};

struct jwt {
	int64_t		 user_id, company_id;	/* Pipedrive's, positive */
	const char	*why;			/* what was wrong, one word for the log; NULL when OK */
};

/* `secret` empty refuses everything.  Allocates nothing that stays. */
enum jwt_result jwt_check(const char *secret, const char *token, int64_t now_ms, struct jwt *out);

#endif
