/* SPDX-License-Identifier: MIT */
/*
 * h_follow.c - Pipedrive's webhooks.  Contract: pipedrive.md 7.2.
 *
 * The address is random, and the password with it is compared in constant time
 * before anything of the body is read.  What it tells is on the disk before
 * 200; the work comes after the answer.  An address or a record that nobody
 * knows is answered 200 as well: a refusal would only be repeated, and ten of
 * them silence the good ones too.
 */
#include "handlers.h"

#include "../lib/base/clock.h"
#include "../lib/base/json.h"
#include "../lib/base/log.h"
#include "../lib/base/str.h"
#include "../lib/store/follow.h"

#include <string.h>

/* *ok false: nothing that is followed. */
static const struct ib_err *
read_event(struct req *r, int64_t company_id, struct pd_event *e, bool *ok)
{
	struct json *root, *meta;
	const struct ib_err *err;
	const char *at;

	*ok = false;
	if ((err = json_parse(r->body, r->body_len, JSON_LENIENT_, &root)) != NULL)
		return err->code == IB_ENOMEM ? err : NULL;
	meta = json_get(root, "meta");
	e->id = json_id(r->a, json_get(meta, "entity_id"));
	e->merged_to = json_id(r->a, json_get(meta, "merged_to_id"));
	at = json_get_str(meta, "timestamp");
	e->at = at != NULL ? clock_parse_iso(at) : -1;
	*ok = json_int(json_get(meta, "company_id"), 0) == company_id &&
	    crm_kind_parse(json_get_str(meta, "entity"), &e->kind) && e->id != NULL && crm_id_ok(e->kind, e->id) &&
	    (e->merged_to == NULL || crm_id_ok(e->kind, e->merged_to));
	/* Only what was deleted was merged into another. */
	if (!str_eq(json_get_str(meta, "action"), "delete"))
		e->merged_to = NULL;
	if (e->at < 0)
		e->at = r->now;
	json_free(root);
	return NULL;
}

const struct ib_err *
h_pipedrive_hook(struct app *app, struct req *r)
{
	struct pd_event e = { 0 };
	const struct ib_err *err;
	struct pd_hook *h;
	bool ok, known = false;

	if ((err = pd_hook_by_key(app->db, app->keys, r->a, req_segment(r, "key"), &h)) != NULL)
		goto failed;
	if (h == NULL) {
		log_event(LOG_INFO_, "pipedrive_hook", "known", "no", NULL);
		return resp_text(r, 200, "text/plain", "", 0);
	}
	if (!req_basic_ok(r, PD_HOOK_USER, h->password)) {
		if (!limit_address(app, r, CONF_LIMIT_HOOK))
			return resp_text(r, 429, "text/plain", "", 0);
		log_event(LOG_WARN_, "pipedrive_hook_refused", NULL);
		resp_header(r, "WWW-Authenticate", "Basic realm=\"inbox\"");
		return resp_text(r, 401, "text/plain", "", 0);
	}
	if (!limit_company(app, r, CONF_LIMIT_HOOK_COMPANY, h->company_id))
		return resp_text(r, 429, "text/plain", "", 0);
	if ((err = read_event(r, h->company_id, &e, &ok)) != NULL)
		goto failed;
	if (!ok)
		return resp_text(r, 200, "text/plain", "", 0);
	if ((err = db_begin(app->db)) != NULL)
		goto failed;
	if ((err = pd_event_put(app->db, r->a, h->install_id, &e, r->now, &known)) == NULL)
		err = db_commit(app->db);
	db_rollback(app->db);
	if (err != NULL)
		goto failed;
	log_event(LOG_INFO_, "pipedrive_hook", "kind", crm_kind_name(e.kind), "known", known ? "yes" : "no", NULL);
	if (known)
		resp_then_work(r);
	return resp_text(r, 200, "text/plain", "", 0);
failed:
	log_err(err, "pipedrive_hook");
	return resp_text(r, 503, "text/plain", "", 0);
}
