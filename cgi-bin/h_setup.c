/* SPDX-License-Identifier: MIT */
/*
 * h_setup.c - the set-up in the browser, which the one-time link of inboxctl setup
 * opens.  Whoever has the link has the host's account.
 *
 * The link leaves a cookie that is good for an hour; every page here asks for it,
 * and for nothing else.  What is pasted goes into the apps' file (conf.h): tried
 * first, never written when the service says that it is wrong, never shown again.
 * Steps may be done in any order and left at any time.
 */
#include "handlers.h"
#include "setup.h"

#include "../lib/base/log.h"
#include "../lib/base/str.h"

#include <string.h>

#define COOKIE		"setup"
#define VALUE_MAX	200	/* longer than any id or secret of the two services */

/* Opening --------------------------------------------------------------------------- */

const struct ib_err *
h_setup_open(struct app *app, struct req *r)
{
	const struct ib_err *err;
	char *token;

	if ((err = setup_code_use(app->db, r->a, req_segment(r, "code"), r->now, &token)) != NULL)
		return err;
	if (token == NULL)
		return resp_problem(app, r, 404, "setup.over");
	resp_cookie(app, r, COOKIE, token, SETUP_CODE_MS / 1000);
	return resp_see_other(app, r, "/setup");
}

/* *until 0: refused, and answered. */
static const struct ib_err *
admit(struct app *app, struct req *r, int64_t *until)
{
	const struct ib_err *err;

	if ((err = setup_session_get(app->db, r->a, req_cookie(r, COOKIE), r->now, until)) != NULL || *until > 0)
		return err;
	return resp_problem(app, r, 403, "setup.no_session");
}

/* Pages ----------------------------------------------------------------------------- */

static const struct {
	size_t		 tpl;
	const char	*path, *again;	/* where its form goes, and the button that asks the service once more */
} pages[SETUP_STEPS] = {
	[SETUP_HOST] = { TPL_SETUP, "/setup", NULL },
	[SETUP_PIPEDRIVE] = { TPL_SETUP_PIPEDRIVE, "/setup/pipedrive", "/setup/pipedrive/try" },
	[SETUP_FACEBOOK] = { TPL_SETUP_FACEBOOK, "/setup/facebook", "/setup/facebook/try" },
	[SETUP_CONNECT] = { TPL_SETUP_CONNECT, "/setup/connect", NULL },
	[SETUP_REVIEW] = { TPL_SETUP_REVIEW, "/setup/review", NULL }
};

/* What stands in the fields at first: never a secret. */
static void
fields(const struct conf *conf, struct view_setup *v)
{
	v->has_pipedrive = setup_has_pipedrive(conf);
	v->has_facebook = setup_has_facebook(conf);
	v->has_jwt = *conf_str(conf, CONF_PD_JWT_SECRET) != '\0';
	v->human_agent = conf_bool(conf, CONF_FB_HUMAN_AGENT);
	v->client_id = v->has_pipedrive ? conf_str(conf, CONF_PD_CLIENT_ID) : NULL;
	v->app_id = v->has_facebook ? conf_str(conf, CONF_FB_APP_ID) : NULL;
	v->config_id = conf_str(conf, CONF_FB_CONFIG_ID);
}

/* `said`: key of a sentence about what was just pasted, or NULL; it stays in the fields, but for secrets. */
static const struct ib_err *
show(struct app *app, struct req *r, enum setup_step step, int64_t until, const char *said)
{
	struct view_setup v = { .frame = view_frame_make(app, r), .until_ms = until };
	const struct ib_err *err;

	fields(app->conf, &v);
	if (said != NULL) {
		v.client_id = req_form(r, "client_id");
		v.app_id = req_form(r, "app_id");
		v.config_id = req_form(r, "config_id");
		v.error = cat_find(app->cats, r->lang, said);
	}
	v.action = req_href(app, r, "%s", pages[step].path);
	if (pages[step].again != NULL)
		v.again = req_href(app, r, "%s", pages[step].again);
	v.end = req_href(app, r, "/setup");
	v.start = req_href(app, r, "/");
	v.connect = req_href(app, r, "/connect");
	v.file = conf_apps_path(app->conf);
	if ((err = setup_steps_fill(app, r, step, &v)) != NULL || (err = setup_copies_fill(app, r, step, &v)) != NULL)
		return err;
	return resp_page(app, r, said != NULL ? 400 : 200, pages[step].tpl, &v);
}

static const struct ib_err *
page(struct app *app, struct req *r, enum setup_step step)
{
	const struct ib_err *err;
	int64_t until;

	if ((err = admit(app, r, &until)) != NULL || until == 0)
		return err;
	return show(app, r, step, until, NULL);
}

/* POST ends the session. */
const struct ib_err *
h_setup(struct app *app, struct req *r)
{
	const struct ib_err *err;
	int64_t until;

	if (r->method != M_POST)
		return page(app, r, SETUP_HOST);
	if ((err = admit(app, r, &until)) != NULL || until == 0 || (err = setup_session_end(app->db)) != NULL)
		return err;
	resp_cookie(app, r, COOKIE, "", 0);
	return resp_see_other(app, r, "/");
}

const struct ib_err *
h_setup_connect(struct app *app, struct req *r)
{
	return page(app, r, SETUP_CONNECT);
}

const struct ib_err *
h_setup_review(struct app *app, struct req *r)
{
	return page(app, r, SETUP_REVIEW);
}

/* What is pasted ---------------------------------------------------------------------- */

/* A value without what comes along when one copies it; NULL: too long, or more than one word. */
static const char *
pasted(struct req *r, const char *name)
{
	const char *s = req_form(r, name);
	size_t n;

	if (s == NULL)
		return "";
	s += strspn(s, " \t\n");
	for (n = strlen(s); n > 0 && strchr(" \t\n", s[n - 1]) != NULL; n--)
		;
	if (n > VALUE_MAX || (s = arena_dupn(r->a, s, n)) == NULL || s[strcspn(s, " \t\n")] != '\0')
		return NULL;
	return s;
}

/* An empty secret leaves the one that is there, if there is one of this app. */
static const char *
check_pair(const char *id, const char *secret, const char *known)
{
	if (id == NULL || secret == NULL)
		return "setup.bad_value";
	if (*id == '\0')
		return "setup.no_id";
	if (*secret == '\0' && (known == NULL || strcmp(known, id) != 0))
		return "setup.no_secret";
	return NULL;
}

struct form {
	struct conf_change changes[4];
	size_t		 n;
};

static void
change(struct form *f, enum conf_key key, const char *value)
{
	f->changes[f->n++] = (struct conf_change){ key, value };
}

/* The sentence about what is wrong with the form, or NULL and its changes. */
static const char *
read_pipedrive(struct app *app, struct req *r, struct form *f)
{
	const char *id = pasted(r, "client_id"), *secret = pasted(r, "client_secret"), *jwt = pasted(r, "jwt_secret"),
	    *known = setup_has_pipedrive(app->conf) ? conf_str(app->conf, CONF_PD_CLIENT_ID) : NULL,
	    *wrong = check_pair(id, secret, known);

	if (wrong != NULL || jwt == NULL)
		return wrong != NULL ? wrong : "setup.bad_value";
	change(f, CONF_PD_CLIENT_ID, id);
	if (*secret != '\0')
		change(f, CONF_PD_CLIENT_SECRET, secret);
	if (*jwt != '\0' || req_form(r, "no_jwt") != NULL)
		change(f, CONF_PD_JWT_SECRET, jwt);
	return NULL;
}

static const char *
read_facebook(struct app *app, struct req *r, struct form *f)
{
	const char *id = pasted(r, "app_id"), *secret = pasted(r, "app_secret"), *config = pasted(r, "config_id"),
	    *known = setup_has_facebook(app->conf) ? conf_str(app->conf, CONF_FB_APP_ID) : NULL,
	    *wrong = check_pair(id, secret, known);

	if (wrong != NULL || config == NULL)
		return wrong != NULL ? wrong : "setup.bad_value";
	if (id[strspn(id, "0123456789")] != '\0' || config[strspn(config, "0123456789")] != '\0')
		return "setup.bad_number";
	change(f, CONF_FB_APP_ID, id);
	if (*secret != '\0')
		change(f, CONF_FB_APP_SECRET, secret);
	change(f, CONF_FB_CONFIG_ID, config);
	change(f, CONF_FB_HUMAN_AGENT, req_form(r, "human_agent") != NULL ? "yes" : "no");
	return NULL;
}

static const struct ib_err *
ask(struct app *app, struct req *r, enum setup_step step, const struct conf *conf, bool hook, enum setup_said *said)
{
	return step == SETUP_PIPEDRIVE ? setup_try_pipedrive(app, r, conf, said) :
	    setup_try_facebook(app, r, conf, hook, said);
}

/* *wrong: the sentence why nothing was kept. */
static const struct ib_err *
keep(struct app *app, struct req *r, enum setup_step step, const struct form *f, enum setup_said *said, const char **wrong)
{
	const struct ib_err *err;
	struct conf *conf = NULL;
	enum conf_key bad;

	*wrong = NULL;
	if ((err = conf_with(app->conf, f->changes, f->n, &conf, &bad)) != NULL) {
		*wrong = "setup.bad_value";
		return err->code == IB_ECONF ? NULL : err;
	}
	if ((err = ask(app, r, step, conf, false, said)) == NULL && *said == SETUP_SAID_NO)
		*wrong = step == SETUP_PIPEDRIVE ? "setup.pd_refused" : "setup.fb_refused";
	else if (err == NULL && (err = conf_save(conf)) != NULL) {
		log_err(err, "setup_save");
		*wrong = "setup.not_written";
		err = NULL;
	}
	conf_free(conf);
	return err;
}

static const char *
notice(enum setup_said said)
{
	return said == SETUP_SAID_YES ? "setup_kept" : "setup_kept_untried";
}

static const struct ib_err *
take(struct app *app, struct req *r, enum setup_step step, const char *(*read)(struct app *, struct req *, struct form *))
{
	const struct ib_err *err;
	enum setup_said said = SETUP_SAID_NOTHING;
	struct form f = { .n = 0 };
	const char *wrong;
	int64_t until;

	if ((err = admit(app, r, &until)) != NULL || until == 0)
		return err;
	if (r->method != M_POST)
		return show(app, r, step, until, NULL);
	if ((wrong = read(app, r, &f)) == NULL && (err = keep(app, r, step, &f, &said, &wrong)) != NULL)
		return err;
	if (wrong != NULL)
		return show(app, r, step, until, wrong);
	log_event(LOG_INFO_, "setup_kept", "step", pages[step].path, NULL);
	return resp_see_other(app, r, "%s?notice=%s", pages[step].path, notice(said));
}

const struct ib_err *
h_setup_pipedrive(struct app *app, struct req *r)
{
	return take(app, r, SETUP_PIPEDRIVE, read_pipedrive);
}

const struct ib_err *
h_setup_facebook(struct app *app, struct req *r)
{
	return take(app, r, SETUP_FACEBOOK, read_facebook);
}

/* The service is asked once more about what is there. */
static const struct ib_err *
try_again(struct app *app, struct req *r, enum setup_step step, bool there, bool hook)
{
	const struct ib_err *err;
	enum setup_said said;
	int64_t until;

	if ((err = admit(app, r, &until)) != NULL || until == 0)
		return err;
	if (there && (err = ask(app, r, step, app->conf, hook, &said)) != NULL)
		return err;
	return resp_see_other(app, r, "%s", pages[step].path);
}

const struct ib_err *
h_setup_pipedrive_try(struct app *app, struct req *r)
{
	return try_again(app, r, SETUP_PIPEDRIVE, setup_has_pipedrive(app->conf), false);
}

const struct ib_err *
h_setup_facebook_try(struct app *app, struct req *r)
{
	return try_again(app, r, SETUP_FACEBOOK, setup_has_facebook(app->conf), req_form(r, "hook") != NULL);
}
