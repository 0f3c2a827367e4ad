/* SPDX-License-Identifier: MIT */
/*
 * pdrive.h - Pipedrive: sign-in and users.  No SQL, no HTML.
 * Contract: pipedrive.md 1, 2.3, 3, 8.  The same result conventions as graph.h.
 */
#ifndef IB_PDRIVE_H
#define IB_PDRIVE_H

#include "../base/conf.h"
#include "../base/httpc.h"
#include "codes.h"

struct pd_res {
	bool		 refused;
	enum httpc_fate	 fate;
	int		 status;
	const struct code_row *row;	/* when refused; without an answer: that of "no answer"; else NULL */
	bool		 invalid_grant;	/* code or refresh token is dead */
	const char	*text;		/* the service's own words, cleaned; for the log, capped */
	int64_t		 retry_after;	/* ms, 0 unknown */
	bool		 spent;		/* 429, and nothing is left of the company's daily budget */
};

struct pdrive;
IB_MUST const struct ib_err *pdrive_new(const struct conf *conf, struct httpc *http, struct pdrive **out);
void pdrive_free(struct pdrive *p);
/* Be told of every refusal, before the call returns. */
void pdrive_on_refusal(struct pdrive *p, void (*fn)(void *arg, const struct pd_res *res), void *arg);

const char *pdrive_authorize_url(const struct pdrive *p, struct arena *a,
    const char *redirect_uri, const char *state);

struct pd_tokens {
	const char	*access, *refresh;
	int64_t		 expires_in;	/* s */
	const char	*scope, *api_domain;
};
/*
 * Never repeat: a code is single use.  Exchange, refresh and me fail with
 * IB_EAUTH when api_domain is not https under pipedrive.com (or loopback, when
 * pipedrive.oauth_url is loopback itself).  After that error of an exchange or
 * refresh the tokens are lost.
 */
IB_MUST const struct ib_err *pdrive_exchange(struct pdrive *p, struct arena *a,
    const char *code, const char *redirect_uri, struct pd_tokens *out, struct pd_res *res);
IB_MUST const struct ib_err *pdrive_refresh(struct pdrive *p, struct arena *a,
    const char *refresh_token, struct pd_tokens *out, struct pd_res *res);
/* Revoke the refresh token: the app is uninstalled for that user. */
IB_MUST const struct ib_err *pdrive_revoke(struct pdrive *p, struct arena *a,
    const char *refresh_token, struct pd_res *res);

struct pd_user {
	int64_t		 id, company_id;
	const char	*name, *email, *lang;		/* lang: language_code, "en"; each NULL if not told */
	const char	*timezone;			/* IANA, or NULL */
	const char	*company_name, *company_domain;
	bool		 admin;				/* pipedrive.md 3.1 */
	bool		 active;
};
IB_MUST const struct ib_err *pdrive_me(struct pdrive *p, struct arena *a,
    const char *api_domain, const char *access, struct pd_user *out, struct pd_res *res);

/*
 * Delete the app's webhooks of that person whose address begins with `prefix`:
 * before the grant is revoked (pipedrive.md 2.3).  *ended: how many.
 */
IB_MUST const struct ib_err *pdrive_hooks_end(struct pdrive *p, struct arena *a, const char *api_domain,
    const char *access, const char *prefix, int64_t *ended, struct pd_res *res);

/*
 * Any call of the API, for pdcrm.c: `path` begins with "/api/v" and has its
 * query; body NULL is none.  *root (to be freed) when done, NULL when refused.
 * An access token that is refused (401) is renewed once and the call repeated:
 * nothing was done.  A burst limit (429 for a moment) is waited for when the
 * deadline leaves time.  Past the deadline nothing is sent (IB_ETIMEOUT, fate
 * NOT_SENT).
 */
struct json;
struct pd_auth {
	const char	*api_domain, *access;	/* of the person who asks */
	int64_t		 deadline;		/* clock_mono() at which all calls are over; 0 = none */
	/* Another token than the one that is dead; NULL when there is none. May be NULL itself. */
	const char	*(*renew)(void *arg, const char *dead);
	/* Be told how each call ended. May be NULL. */
	void		(*heard)(void *arg, const struct ib_err *err, const struct pd_res *res);
	void		*arg;
};
IB_MUST const struct ib_err *pdrive_api(struct pdrive *p, struct arena *a, struct pd_auth *who,
    const char *name, enum httpc_method method, const char *path, const struct json *body,
    struct json **root, struct pd_res *res);

/*
 * The webhooks (v2) for changes and deletions of persons, deals and leads are
 * there, at that address with that password; missing ones are made (*made).
 * Refused: some may have been made before.
 */
#define PD_HOOK_USER	"inbox"
IB_MUST const struct ib_err *pdrive_hooks_keep(struct pdrive *p, struct arena *a, struct pd_auth *who,
    const char *url, const char *password, size_t *made, struct pd_res *res);

#endif
