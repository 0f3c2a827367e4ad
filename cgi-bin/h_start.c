/* SPDX-License-Identifier: MIT */
/* h_start.c - the start page, the switches of language and theme, signing out. */
#include "frame.h"
#include "handlers.h"

#include "../lib/base/str.h"
#include "../lib/store/install.h"

const struct ib_err *
h_start(struct app *app, struct req *r)
{
	struct view_start v = { view_frame_make(app, r), NULL, NULL };

	if (r->session != NULL && r->session->may_read && req_query(r, "notice") == NULL)
		return resp_see_other(app, r, "/inbox");
	/* An admin of somebody else's private connection has nothing to read, but something to decide. */
	if (r->session != NULL && r->session->keeper && req_query(r, "notice") == NULL)
		return resp_see_other(app, r, "/settings");
	v.connect = req_href(app, r, "/connect");
	if (r->session != NULL)
		v.inbox = req_href(app, r, "/inbox");
	return resp_page(app, r, 200, TPL_START, &v);
}

/* Only a path of ours: "/x", never "//host" or "/\host". */
static const char *
safe_back(const char *back)
{
	if (back == NULL || back[0] != '/' || back[1] == '/' || back[1] == '\\')
		return "/";
	return back;
}

const struct ib_err *
h_language(struct app *app, struct req *r)
{
	const struct ib_err *err;
	enum lang lang;

	if (!lang_parse(req_form(r, "lang"), &lang))
		return resp_problem(app, r, 400, "problem.bad_request");
	if (r->session != NULL &&
	    (err = user_set_lang(app->db, r->session->user_id, lang)) != NULL)
		return err;
	resp_cookie(app, r, "lang", lang_code(lang), 365 * 86400);
	return resp_see_other(app, r, "%s", safe_back(req_form(r, "back")));
}

/* For this person, and by a cookie for this browser while nobody is signed in. */
const struct ib_err *
h_theme(struct app *app, struct req *r)
{
	struct prefs chosen = { { 0 } };
	const struct ib_err *err;

	if (r->session != NULL)
		chosen = r->session->prefs;
	if (!pref_set(&chosen, PREF_THEME, req_form(r, "theme")))
		return resp_problem(app, r, 400, "problem.bad_request");
	if (r->session != NULL && (err = prefs_put(app->db, r->a, r->session->user_id, &chosen)) != NULL)
		return err;
	resp_cookie(app, r, "theme", pref_word(&chosen, PREF_THEME), 365 * 86400);
	return resp_see_other(app, r, "%s", safe_back(req_form(r, "back")));
}

const struct ib_err *
h_signout(struct app *app, struct req *r)
{
	const struct ib_err *err;

	if (r->session != NULL && (err = session_end(app->db, r->session->hash)) != NULL)
		return err;
	resp_cookie(app, r, "session", "", 0);
	return resp_see_other(app, r, "/?notice=signed_out");
}
