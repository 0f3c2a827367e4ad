/* SPDX-License-Identifier: MIT */
/*
 * h_hook.c - Facebook's webhook.  Contract: messenger.md 4.1 to 4.3.
 *
 * GET is the verification handshake.  POST: the signature over the raw bytes
 * first, nothing of the body is believed before; then everything in it is
 * stored in one transaction; only then 200.  What cannot be stored is answered
 * 503, so that Facebook sends it again; what cannot be understood is kept and
 * answered 200, because a refusal would in the end cost every good event too.
 *
 * Limits: what is not signed counts against its address, so that a stranger
 * fills no log and guesses no word; what is signed counts for its Page alone,
 * and 429 there is as good as 503: it comes again.  Facebook's deliveries for one
 * Page are never held up by a stranger's, nor by those for another.
 */
#include "handlers.h"

#include "../lib/base/log.h"
#include "../lib/base/str.h"
#include "../lib/store/setup.h"
#include "../lib/sync/sync.h"

#include <string.h>

#define CHALLENGE_MAX	64

static const struct ib_err *
verify(struct app *app, struct req *r)
{
	const char *mode = req_query(r, "hub.mode"), *token = req_query(r, "hub.verify_token");
	const char *challenge = req_query(r, "hub.challenge");
	size_t n = challenge == NULL ? 0 : strlen(challenge);
	const struct ib_err *err;

	/* Somebody might guess. */
	if (!limit_address(app, r, CONF_LIMIT_HOOK))
		return resp_text(r, 429, "text/plain", "", 0);
	if (!str_eq(mode, "subscribe") || token == NULL ||
	    !crypt_equal_str(token, conf_str(app->conf, CONF_FB_VERIFY_TOKEN))) {
		log_event(LOG_WARN_, "hook_verify_refused", NULL);
		return resp_text(r, 403, "text/plain", "", 0);
	}
	/* It is echoed: only harmless letters. */
	if (n == 0 || n > CHALLENGE_MAX || strspn(challenge,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") != n)
		return resp_text(r, 400, "text/plain", "", 0);
	log_event(LOG_INFO_, "hook_verified", NULL);
	/* The set-up shows it; whoever asked gets his answer whether it is noted or not. */
	if ((err = setup_tried_put(app->db, r->a, SETUP_VERIFIED, conf_str(app->conf, CONF_FB_APP_ID), SETUP_SAID_YES,
	    r->now)) != NULL)
		log_err(err, "hook_verified");
	return resp_text(r, 200, "text/plain", challenge, n);
}

static bool
signed_by_facebook(const struct app *app, const struct req *r)
{
	const char *header = req_header(r, "HTTP_X_HUB_SIGNATURE_256");
	const char *old = conf_str(app->conf, CONF_FB_APP_SECRET_OLD);

	return crypt_hub_ok(conf_str(app->conf, CONF_FB_APP_SECRET), header, r->body, r->body_len) ||
	    (*old != '\0' && crypt_hub_ok(old, header, r->body, r->body_len));
}

const struct ib_err *
h_hook(struct app *app, struct req *r)
{
	const struct ib_err *err;
	enum hook_fate fate;
	bool work;

	if (r->method != M_POST)
		return verify(app, r);
	if (!signed_by_facebook(app, r)) {
		if (!limit_address(app, r, CONF_LIMIT_HOOK))
			return resp_text(r, 429, "text/plain", "", 0);
		log_event(LOG_WARN_, "hook_refused", "bytes", log_i((int64_t)r->body_len), NULL);
		return resp_text(r, 403, "text/plain", "", 0);
	}
	if ((err = sync_hook(app->sync, r->a, r->body, r->body_len, r->now, &fate, &work)) != NULL) {
		log_err(err, "hook_failed");
		return resp_text(r, 503, "text/plain", "", 0);
	}
	if (fate == HOOK_OFTEN) {
		resp_header(r, "Retry-After", "10");
		return resp_text(r, 429, "text/plain", "", 0);
	}
	if (work)
		resp_then_work(r);
	return resp_text(r, 200, "text/plain", "", 0);
}
