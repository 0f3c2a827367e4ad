/* SPDX-License-Identifier: MIT */
/*
 * csrf.c - was this form sent from a page of ours, by the person it was made for?
 *
 * Two fences.  The browser's word: Sec-Fetch-Site and Origin (or, from old
 * browsers, Referer) must not name another site.  And a token in the form:
 * half of an HMAC-SHA256 under a subkey of the master key, over the session's
 * hash, or for somebody not signed in over a random cookie `visitor`.  Nothing
 * is stored; tokens end with the session or the cookie.  In each answer the
 * token is written behind a pad of its own, random and added to it: web
 * servers compress pages, and a secret that stands there again and again could
 * be guessed by the length of what comes out.
 *
 * Inside Pipedrive there is no cookie that a stranger's form could use: the
 * pass in the form's own address is the token, and only the first fence is
 * asked here.
 */
#include "req_private.h"

#include "../lib/base/str.h"

#include <string.h>
#include <strings.h>

#define TOKEN_LEN	43	/* base64url of 32 bytes */
#define MAC_LEN		16	/* and as long a pad */

void
csrf_init(struct app *app)
{
	keyring_subkey(app->keys, "csrf", app->csrf_key);
}

const char *
csrf_bad_origin(const struct req *r)
{
	const struct req_private *pv = r->pv;
	const char *ours = pv->app->origin;
	size_t len = strlen(ours);

	if (pv->fetch_site != NULL && strcmp(pv->fetch_site, "same-origin") != 0 &&
	    strcmp(pv->fetch_site, "none") != 0)
		return "fetch_site";
	/* Pages in a frame send no referrer: browsers then keep the origin of their forms to themselves. */
	if (pv->origin != NULL && strcmp(pv->origin, "null") == 0 && req_framed(r))
		return NULL;
	if (pv->origin != NULL)
		return strcasecmp(pv->origin, ours) == 0 ? NULL : "origin";
	if (pv->referer != NULL && (strncasecmp(pv->referer, ours, len) != 0 ||
	    (pv->referer[len] != '/' && pv->referer[len] != '\0')))
		return "referer";
	return NULL;
}

/* The visitor's cookie if it is one that we could have made. */
static const char *
visitor(const struct req *r)
{
	const char *v = req_cookie(r, "visitor");

	return v != NULL && strlen(v) == TOKEN_LEN ? v : NULL;
}

/* What a token proves, for a session or a visitor. */
static bool
make_mac(const struct app *app, const struct session *s, const char *visitor_id, uint8_t mac[32])
{
	return s != NULL ?
	    crypt_hmac2(app->csrf_key, sizeof(app->csrf_key), "session ", 8,
		s->hash, sizeof(s->hash), mac) :
	    crypt_hmac2(app->csrf_key, sizeof(app->csrf_key), "visitor ", 8,
		visitor_id, strlen(visitor_id), mac);
}

/* The mac behind a fresh pad; NULL when that failed. */
static const char *
make_token(struct arena *a, const uint8_t mac[32])
{
	uint8_t raw[2 * MAC_LEN];
	const char *token;
	struct ib_buf b;
	size_t i;

	if (crypt_random(raw, MAC_LEN) != NULL)
		return NULL;
	for (i = 0; i < MAC_LEN; i++)
		raw[MAC_LEN + i] = raw[i] ^ mac[i];
	buf_init(&b, 2 * TOKEN_LEN);
	str_base64url(&b, raw, sizeof(raw));
	token = b.failed ? NULL : arena_dupn(a, b.p, b.len);
	buf_fini(&b);
	return token;
}

/* NULL when it is the one; else why not, of the words of csrf_bad_token(). */
static const char *
token_bad(const char *got, const uint8_t mac[32])
{
	uint8_t bare[MAC_LEN];
	struct ib_buf b;
	bool same, nomem;
	size_t i;

	buf_init(&b, 2 * TOKEN_LEN);
	same = strlen(got) == TOKEN_LEN && str_unbase64url(&b, got, TOKEN_LEN) && b.len == 2 * MAC_LEN;
	if (same) {
		for (i = 0; i < MAC_LEN; i++)
			bare[i] = (uint8_t)b.p[i] ^ (uint8_t)b.p[MAC_LEN + i];
		same = crypt_equal(bare, mac, MAC_LEN);
	}
	nomem = b.nomem;
	buf_fini(&b);
	return same ? NULL : nomem ? "hmac" : "mismatch";
}

const char *
csrf_bad_token(const struct app *app, const struct req *r)
{
	const char *got = req_form(r, "csrf"), *v = NULL;
	uint8_t mac[32];

	if (got == NULL)
		return "no_field";
	if (r->session == NULL && (v = visitor(r)) == NULL)
		return "no_cookie";
	if (!make_mac(app, r->session, v, mac))
		return "hmac";
	return token_bad(got, mac);
}

const char *
req_csrf(const struct app *app, struct req *r)
{
	struct req_private *pv = r->pv;
	struct session *s;
	uint8_t mac[32];
	const char *v = NULL;
	char *fresh = NULL;

	if (pv->csrf != NULL)
		return pv->csrf;
	/* Also where the route has no use for the session: the form's target may have one. */
	if (req_look_up(r, &s) != NULL) {
		pv->broken = "no session could be looked up for a form";
		return NULL;
	}
	if (s == NULL && (v = visitor(r)) == NULL) {
		if (crypt_token(r->a, 32, &fresh) != NULL) {
			pv->broken = "no random bytes for the visitor's cookie";
			return NULL;
		}
		resp_cookie(app, r, "visitor", fresh, -1);
		v = fresh;
	}
	if (!make_mac(app, s, v, mac) || (pv->csrf = make_token(r->a, mac)) == NULL)
		pv->broken = "no CSRF token could be made";
	return pv->csrf;
}
