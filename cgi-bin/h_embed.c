/* SPDX-License-Identifier: MIT */
/*
 * h_embed.c - the inbox inside Pipedrive: custom panel and app settings page
 * (pipedrive.md 6).
 *
 * Pipedrive opens /pd/panel or /pd/settings in a frame, with a signed token.
 * When the token is genuine and names a person of ours, the answer leads to
 * the same place under a pass (pass.h), and the token is gone from the address;
 * conversations are then shown, polled and answered by the handlers of the
 * inbox, settings by theirs.  Whatever stands in the way is one sentence, and what helps.
 */
#include "handlers.h"
#include "inbox.h"
#include "pass.h"

#include "../lib/base/jwt.h"
#include "../lib/base/log.h"
#include "../lib/base/str.h"
#include "../lib/store/install.h"

#include <string.h>

static const char *
secret_of(const struct app *app)
{
	const char *own = conf_str(app->conf, CONF_PD_JWT_SECRET);

	return *own != '\0' ? own : conf_str(app->conf, CONF_PD_CLIENT_SECRET);
}

/* Who the token speaks of.  NULL, or the key of the sentence that refuses. */
static const char *
token_person(struct app *app, struct req *r, struct jwt *who)
{
	enum jwt_result res = jwt_check(secret_of(app), req_query(r, "token"), r->now, who);
	int64_t user, company;

	/* The address says it too; believed is only what was signed. */
	if (res != JWT_REFUSED && (!str_int_in(req_query(r, "userId"), 1, INT64_MAX, &user) ||
	    !str_int_in(req_query(r, "companyId"), 1, INT64_MAX, &company) ||
	    user != who->user_id || company != who->company_id)) {
		res = JWT_REFUSED;
		who->why = "other_person";
	}
	if (res == JWT_OK)
		return NULL;
	log_event(LOG_WARN_, "pd_token_refused", "route", r->route->pattern, "why", who->why, NULL);
	return res == JWT_EXPIRED ? "problem.pass_over" : "problem.pd_token";
}

/* The record that is shown.  Only these kinds have a panel. */
static bool
record_of(const struct req *r, struct pass *p)
{
	static const char *const kinds[] = { "person", "deal", "organization" };
	const char *kind = req_query(r, "resource");
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (str_eq(kind, kinds[i]))
			p->kind = kinds[i];
	return p->kind != NULL && str_int_in(req_query(r, "selectedIds"), 1, INT64_MAX, &p->record);
}

/* From a token to a pass, and on to the place itself. */
static const struct ib_err *
enter(struct app *app, struct req *r, struct pass *p, const char *place)
{
	const struct ib_err *err;
	struct signed_in *who;
	const char *why;
	struct jwt jwt;
	char *text;

	if ((why = token_person(app, r, &jwt)) != NULL)
		return resp_problem(app, r, 403, why);
	if ((err = member_find(app->db, r->a, jwt.company_id, jwt.user_id, &who)) != NULL)
		return err;
	if (who == NULL)
		return resp_problem_way(app, r, 403, "problem.pass_person", req_href(app, r, "/connect"),
		    "start.sign_in");
	r->lang = who->lang;
	if (p->place == PASS_PANEL && !who->shared && who->owner_id != who->user_id)
		return resp_problem(app, r, 403, "problem.private");
	p->install_id = who->install_id;
	p->user_id = who->user_id;
	p->company_id = jwt.company_id;
	p->pd_user_id = jwt.user_id;
	p->until = r->now + PASS_HOURS * MS_HOUR;
	p->sdk = pass_sdk_id(req_query(r, "id"));
	p->dark = str_eq(req_query(r, "theme"), "dark");
	if ((err = pass_make(app, r, p, &text)) != NULL ||
	    (err = member_pass(app->db, p->user_id, p->until)) != NULL)
		return err;
	return resp_see_other(app, r, "/pd/%s/%s", text, place);
}

const struct ib_err *
h_pd_panel(struct app *app, struct req *r)
{
	struct pass p = { .place = PASS_PANEL };

	if (!record_of(r, &p))
		return resp_problem(app, r, 400, "problem.bad_request");
	return enter(app, r, &p, "panel");
}

const struct ib_err *
h_pd_settings(struct app *app, struct req *r)
{
	struct pass p = { .place = PASS_SETTINGS, .kind = "" };

	return enter(app, r, &p, "settings");
}

/* Under a pass --------------------------------------------------------------------- */

/* What is linked to the record: the conversation, a choice of several, or how to link one. */
const struct ib_err *
h_embed_panel(struct app *app, struct req *r)
{
	const struct pass *p = r->pass;
	const struct ib_err *err;
	struct view_linked v = { 0 };
	struct inbox in;

	if (p->n_threads == 1)
		return resp_see_other(app, r, "%s/inbox/%lld", r->session->root, (long long)p->threads[0]);
	if ((err = inbox_begin(app, r, &in)) != NULL ||
	    (err = rows_load(&in, p->threads, p->n_threads, &v.rows, &v.n_rows)) != NULL)
		return err;
	v.frame = view_frame_make(app, r);
	v.inbox = req_href(app, r, "/inbox");
	v.none = v.n_rows == 0;
	return resp_page(app, r, 200, TPL_EMBED_CHOICE, &v);
}
