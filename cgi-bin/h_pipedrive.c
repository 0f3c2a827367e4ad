/* SPDX-License-Identifier: MIT */
/*
 * h_pipedrive.c - signing in and starting a connection: both are Pipedrive's
 * consent.  Contract: pipedrive.md 1.
 *
 *   /connect -> consent -> /pipedrive/callback
 *        company connected, person may read  -> signed in
 *        company connected, but private      -> admins: the settings alone;
 *                                               else a page that names the owner
 *        not connected, person is an admin   -> /connect/visibility
 *        not connected, no admin             -> a page that says who can
 *
 * A grant that leads nowhere is given back at once (revoked): nothing is left
 * half-stored here, nor the app half-installed there.
 */
#include "auth.h"
#include "flow.h"
#include "frame.h"
#include "handlers.h"

#include "../lib/base/clock.h"
#include "../lib/base/log.h"
#include "../lib/base/str.h"
#include "../lib/store/leaving.h"
#include "../lib/sync/sync.h"

#include <string.h>

const struct ib_err *
h_connect(struct app *app, struct req *r)
{
	const struct ib_err *err;
	struct flow f = { 0 };
	struct pdrive *pd;

	if ((err = sync_pdrive(app->sync, &pd)) != NULL ||
	    (err = flow_next(app, r, FLOW_PIPEDRIVE, &f)) != NULL)
		return err;
	return resp_redirect_away(r, pdrive_authorize_url(pd, r->a,
	    arena_printf(r->a, "%s/pipedrive/callback", conf_str(app->conf, CONF_BASE_URL)),
	    f.state));
}

static const struct ib_err *
again(struct app *app, struct req *r, int status, const char *key)
{
	return resp_problem_way(app, r, status, key, req_href(app, r, "/connect"), "way.again");
}

/* Store the person with the fresh tokens and start a session. */
static const struct ib_err *
sign_in(struct app *app, struct req *r, const struct install *in, const struct flow *f)
{
	const struct ib_err *err;
	struct user u = { .install_id = in->id, .pd_user_id = f->pd_user, .name = f->name,
		.email = f->email, .timezone = f->timezone, .admin = f->admin };
	int64_t id;

	(void)lang_parse(f->lang, &u.lang);
	if ((err = db_begin(app->db)) != NULL)
		return err;
	if ((err = user_put(app->db, app->keys, r->a, &u, f->access, f->refresh, f->access_until,
	    r->now, &id)) == NULL && (err = auth_sign_in(app, r, id)) == NULL &&
	    (err = leaving_person_back(app->db, r->a, f->company_id, f->pd_user)) == NULL &&
	    (err = sync_exchange_end(app->db, r->a, r->id)) == NULL &&
	    (err = audit_put(app->db, in->id, id, r->now, "signed_in", "")) == NULL)
		err = db_commit(app->db);
	db_rollback(app->db);
	return err;
}

/* The company is connected already: is this person let in? */
static const struct ib_err *
arrive(struct app *app, struct req *r, const struct install *in, const struct flow *f)
{
	const struct pd_tokens t = { .access = f->access, .refresh = f->refresh, .expires_in = (f->access_until - r->now) / MS_SECOND };
	const struct ib_err *err;
	int64_t user;
	bool found;

	err = db_get_int(app->db, ST_USER_ID, &user, &found, "ii", in->id, f->pd_user);
	if (err != NULL)
		return err;
	/* The grant stays: who comes back in a minute may have no other. */
	if (!limit_company(app, r, CONF_LIMIT_SIGN_IN_COMPANY, f->company_id))
		return found && (err = sync_tokens_store(app->sync, r->a, user, &t, r->now)) != NULL ? err : limit_refuse(app, r);
	if (in->shared || (found && user == in->owner_id)) {
		if ((err = sign_in(app, r, in, f)) != NULL)
			return err;
		flow_end(app, r);
		return resp_see_other(app, r, "/inbox");
	}
	/* An admin may see that it exists, and remove it; not what is written in it. */
	if (f->admin) {
		if ((err = sign_in(app, r, in, f)) != NULL)
			return err;
		flow_end(app, r);
		return resp_see_other(app, r, "/settings");
	}
	flow_give_back(app, r, f);
	flow_end(app, r);
	return resp_problem_text(app, r, 403, cat_fill(r->a, cat_str(app->cats, r->lang,
	    STR_PROBLEM_INSTALL_PRIVATE), "name", in->owner_name, NULL),
	    req_href(app, r, "/"), cat_str(app->cats, r->lang, STR_WAY_START));
}

/*
 * A grant that came, but not whose it is.  Where nobody is connected it is given
 * back; else it may be the grant that a connection lives from, so it stays, and
 * the exchange without an end: the next sign-in brings another.
 */
static const struct ib_err *
nobody_known(struct app *app, struct req *r, const struct flow *f)
{
	const struct ib_err *err;
	int64_t id;
	bool any;

	if ((err = db_get_int(app->db, ST_INSTALL_ACTIVE, &id, &any, "")) != NULL || any)
		return err;
	flow_give_back(app, r, f);
	return sync_exchange_end(app->db, r->a, r->id);
}

/* Who came?  Fills the flow; *ok false when Pipedrive refused (an answer was made). */
static const struct ib_err *
exchange(struct app *app, struct req *r, const char *code, struct flow *f, bool *ok)
{
	const struct ib_err *err, *bad;
	struct pd_tokens t;
	struct pd_user u;
	struct pd_res res = { 0 };
	struct pdrive *pd;

	*ok = false;
	if ((err = sync_pdrive(app->sync, &pd)) != NULL || (err = sync_exchange_begin(app->db, r->a, r->id, r->now)) != NULL)
		return err;
	err = pdrive_exchange(pd, r->a, code, arena_printf(r->a, "%s/pipedrive/callback",
	    conf_str(app->conf, CONF_BASE_URL)), &t, &res);
	if (err == NULL && !res.refused) {
		f->access = t.access;
		f->refresh = t.refresh;
		f->api_domain = t.api_domain;
		f->access_until = r->now + t.expires_in * MS_SECOND;
		err = pdrive_me(pd, r->a, t.api_domain, t.access, &u, &res);
	}
	if (err != NULL || res.refused) {
		if (err != NULL)
			log_err(err, "pipedrive_sign_in");
		else
			log_event(LOG_WARN_, "pipedrive_sign_in", "status", log_i(res.status),
			    "key", res.row->key, NULL);
		/* Without a word on the code it may have been exchanged all the same. */
		bad = f->refresh != NULL ? nobody_known(app, r, f) :
		    res.refused && res.status / 100 == 4 ? sync_exchange_end(app->db, r->a, r->id) : NULL;
		if (bad != NULL)
			log_err(bad, "pipedrive_sign_in");
		return again(app, r, 502, code_sentence(res.refused ? res.row : NULL, "problem.pd_failed"));
	}
	if (!u.active) {
		flow_give_back(app, r, f);
		if ((err = sync_exchange_end(app->db, r->a, r->id)) != NULL)
			return err;
		return again(app, r, 403, "problem.deactivated");
	}
	f->pd_user = u.id;
	f->company_id = u.company_id;
	f->name = u.name;
	f->email = u.email;
	f->lang = u.lang;
	f->timezone = u.timezone != NULL && clock_zone_ok(u.timezone) ? u.timezone : "UTC";
	f->company_name = u.company_name;
	f->company_domain = u.company_domain;
	f->admin = u.admin;
	*ok = true;
	return NULL;
}

/* Somebody came whom Pipedrive knows: in, or on to the choice of who uses the inbox, or away. */
static const struct ib_err *
known(struct app *app, struct req *r, struct flow *f)
{
	const struct ib_err *err;
	struct install *in;
	enum lang lang;

	/* The person's own language from here on, unless one was chosen by hand. */
	if (req_cookie(r, "lang") == NULL && lang_parse(f->lang, &lang))
		r->lang = lang;
	if ((err = install_by_company(app->db, r->a, f->company_id, &in)) != NULL)
		return err;
	if (in != NULL && in->active)
		return arrive(app, r, in, f);
	if (!f->admin) {
		flow_give_back(app, r, f);
		return resp_problem_way(app, r, 403, "problem.not_admin_install",
		    req_href(app, r, "/"), "way.start");
	}
	if ((err = flow_next(app, r, FLOW_VISIBILITY, f)) != NULL)
		return err;
	return resp_see_other(app, r, "/connect/visibility");
}

const struct ib_err *
h_pipedrive_callback(struct app *app, struct req *r)
{
	const char *code = req_query(r, "code"), *state = req_query(r, "state");
	const struct ib_err *err;
	struct flow *f;
	bool ok;

	/* The state first: whoever has no step of ours in the browser did not start here. */
	if (state == NULL || req_cookie(r, "flow") == NULL)
		return again(app, r, 400, state == NULL ? "problem.state_unknown" : "problem.state_expired");
	if ((err = flow_use(app, r, FLOW_PIPEDRIVE, &f)) != NULL)
		return err;
	if (f == NULL)
		return again(app, r, 400, "problem.state_expired");
	flow_end(app, r);
	if (!crypt_equal_str(f->state, state))
		return again(app, r, 400, "problem.state_unknown");
	if (req_query(r, "error") != NULL)
		return again(app, r, 200, "problem.pd_denied");
	if (code == NULL)
		return again(app, r, 400, "problem.bad_request");
	if ((err = exchange(app, r, code, f, &ok)) == NULL && ok && (err = known(app, r, f)) == NULL)
		err = sync_exchange_end(app->db, r->a, r->id);
	return err;
}

/* Private or shared ------------------------------------------------------------ */

static const struct ib_err *
visibility_page(struct app *app, struct req *r, const struct flow *f, const char *error)
{
	struct view_visibility v = { .frame = view_frame_make(app, r), .company = f->company_name,
		.error = error };

	v.action = req_href(app, r, "/connect/visibility");
	v.cancel = req_href(app, r, "/?notice=cancelled");
	return resp_page(app, r, error == NULL ? 200 : 422, TPL_CONNECT_VISIBILITY, &v);
}

const struct ib_err *
h_visibility(struct app *app, struct req *r)
{
	const struct ib_err *err;
	const char *choice;
	struct flow *f;

	if ((err = flow_look(app, r, FLOW_VISIBILITY, &f)) != NULL)
		return err;
	if (f == NULL)
		return again(app, r, 400, "problem.state_expired");
	if (r->method != M_POST)
		return visibility_page(app, r, f, NULL);
	choice = req_form(r, "visibility");
	if (!str_eq(choice, "private") && !str_eq(choice, "shared"))
		return visibility_page(app, r, f, cat_str(app->cats, r->lang, STR_VISIBILITY_CHOOSE));
	if ((err = flow_use(app, r, FLOW_VISIBILITY, &f)) != NULL)
		return err;
	if (f == NULL)			/* a second click: the first one went on */
		return resp_see_other(app, r, "/connect/facebook");
	f->shared = strcmp(choice, "shared") == 0;
	if ((err = flow_next(app, r, FLOW_FACEBOOK, f)) != NULL)
		return err;
	return resp_see_other(app, r, "/connect/facebook");
}
