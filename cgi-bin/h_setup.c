/* SPDX-License-Identifier: MIT */
/*
 * h_setup.c - the page that the one-time link of inboxctl setup opens: how far
 * the set-up is, step by step.  Whoever has the link has the host's account.
 */
#include "handlers.h"
#include "inbox.h"

#include "../lib/store/setup.h"

#include <string.h>

enum { STEP_PROGRAM, STEP_PIPEDRIVE, STEP_FACEBOOK, STEP_RUN, STEPS };

static void
step(struct app *app, struct req *r, struct view_check *c, enum str_id name, bool ok, enum str_id found, enum str_id todo)
{
	c->name = cat_str(app->cats, r->lang, name);
	c->ok = ok;
	c->attention = !ok;
	c->evidence = cat_str(app->cats, r->lang, found);
	c->todo = ok ? NULL : cat_str(app->cats, r->lang, todo);
}

static void
app_step(struct app *app, struct req *r, struct view_check *c, enum str_id name, bool filled, enum str_id todo)
{
	step(app, r, c, name, filled, filled ? STR_SETUP_STEP_FILLED : STR_SETUP_STEP_EMPTY, todo);
}

static const struct ib_err *
run_step(struct app *app, struct req *r, struct view_check *c)
{
	const struct ib_err *err;
	int64_t last = 0;
	struct fmt f;
	bool found;

	if ((err = db_get_int(app->db, ST_RUN_LAST, &last, &found, "")) != NULL)
		return err;
	fmt_init(&f, app, r);
	step(app, r, c, STR_SETUP_STEP_RUN, last > 0, STR_SETUP_STEP_RUN_NEVER, STR_SETUP_STEP_RUN_TODO);
	if (last > 0)
		c->evidence = cat_fill(r->a, cat_str(app->cats, r->lang, STR_SETUP_STEP_RUN_OK), "at", fmt_moment(&f, last), NULL);
	return NULL;
}

const struct ib_err *
h_setup(struct app *app, struct req *r)
{
	struct view_setup v = { .frame = view_frame_make(app, r), .n_checks = STEPS };
	const struct ib_err *err;
	bool good;

	if ((err = setup_code_use(app->db, r->a, req_segment(r, "code"), r->now, &good)) != NULL)
		return err;
	if (!good)
		return resp_problem(app, r, 404, "setup.over");
	if ((v.checks = arena_zalloc(r->a, STEPS, sizeof(*v.checks))) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "setup");
	step(app, r, &v.checks[STEP_PROGRAM], STR_SETUP_STEP_PROGRAM, true, STR_SETUP_STEP_PROGRAM_OK, STR_SETUP_STEP_PROGRAM_OK);
	app_step(app, r, &v.checks[STEP_PIPEDRIVE], STR_SETUP_STEP_PIPEDRIVE,
	    strcmp(conf_str(app->conf, CONF_PD_CLIENT_ID), SETUP_UNSET) != 0, STR_SETUP_STEP_PIPEDRIVE_TODO);
	app_step(app, r, &v.checks[STEP_FACEBOOK], STR_SETUP_STEP_FACEBOOK,
	    strcmp(conf_str(app->conf, CONF_FB_APP_ID), SETUP_NO_APP) != 0, STR_SETUP_STEP_FACEBOOK_TODO);
	if ((err = run_step(app, r, &v.checks[STEP_RUN])) != NULL)
		return err;
	v.start = req_href(app, r, "/");
	return resp_page(app, r, 200, TPL_SETUP, &v);
}
