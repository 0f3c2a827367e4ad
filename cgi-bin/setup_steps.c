/* SPDX-License-Identifier: MIT */
/*
 * setup_steps.c - how far the set-up is: the steps above every page of it, and the
 * ticks of the step that is shown.
 *
 * Everything is read from the rows and the configuration at hand; a page that is
 * asked for again shows what has happened meanwhile, and nothing is kept of where
 * somebody was.
 */
#include "format.h"
#include "setup.h"

#include <string.h>

#define CHECKS_MAX	4	/* of one step */

struct looking {
	struct app	*app;
	struct req	*r;
	struct fmt	 fmt;
	struct setup_counts n;
	struct view_setup *v;
	struct view_check *checks;	/* of the step in hand */
	size_t		 n_checks;
};

/* What a tick says: its name and, done or not, what was found and what to do. */
struct words { const char *name, *found, *todo; };

static const char *
say(const struct looking *l, const char *key)
{
	const char *s = key != NULL ? cat_find(l->app->cats, l->r->lang, key) : NULL;

	return s != NULL ? s : key;
}

static const char *
at(const struct looking *l, int64_t ms)
{
	return cat_fill(l->r->a, say(l, "setup.at"), "time", fmt_moment(&l->fmt, ms), "zone", l->fmt.zone, NULL);
}

static struct view_check *
tick(struct looking *l, bool done, const struct words *w, int64_t ms)
{
	struct view_check *c = &l->checks[l->n_checks++];

	c->name = say(l, w->name);
	c->evidence = say(l, w->found);
	if (ms > 0 && w->found != NULL)
		c->evidence = cat_fill(l->r->a, c->evidence, "at", at(l, ms), NULL);
	c->todo = say(l, w->todo);
	c->ok = done;
	c->attention = !done;
	return c;
}

bool
setup_has_pipedrive(const struct conf *conf)
{
	return strcmp(conf_str(conf, CONF_PD_CLIENT_ID), SETUP_UNSET) != 0;
}

bool
setup_has_facebook(const struct conf *conf)
{
	return strcmp(conf_str(conf, CONF_FB_APP_ID), SETUP_NO_APP) != 0;
}

const char *
setup_url(const struct app *app, struct req *r, const char *path)
{
	return arena_printf(r->a, "%s%s", conf_str(app->conf, CONF_BASE_URL), path);
}

/* What was tried with the values of today. */
static const struct ib_err *
tried(struct looking *l, const char *what, enum conf_key about, enum setup_said *said, int64_t *ms)
{
	return setup_tried(l->app->db, l->r->a, what, conf_str(l->app->conf, about), said, ms);
}

/* The service's word on id and secret. */
static const struct ib_err *
tick_said(struct looking *l, const char *what, enum conf_key about, const struct words words[])
{
	const struct ib_err *err;
	enum setup_said said;
	int64_t ms;

	if ((err = tried(l, what, about, &said, &ms)) != NULL)
		return err;
	tick(l, said == SETUP_SAID_YES, &words[said], ms)->broken = said == SETUP_SAID_NO;
	return NULL;
}

static const struct ib_err *
look_host(struct looking *l)
{
	static const struct words program = { "setup.step_program", "setup.step_program_ok", NULL },
	    ran = { "setup.step_run", "setup.step_run_ok", NULL },
	    never = { "setup.step_run", "setup.step_run_never", "setup.step_run_todo" };

	tick(l, true, &program, 0);
	tick(l, l->n.last_run > 0, l->n.last_run > 0 ? &ran : &never, l->n.last_run);
	return NULL;
}

static const struct ib_err *
look_pipedrive(struct looking *l)
{
	static const struct words filled = { "setup.pd_values", "setup.step_filled", NULL },
	    empty = { "setup.pd_values", "setup.step_empty", "setup.pd_values_todo" },
	    came = { "setup.pd_person", "setup.pd_person_ok", NULL },
	    nobody = { "setup.pd_person", "setup.pd_person_none", "setup.pd_person_todo" },
	    said[] = {
		[SETUP_SAID_NOTHING] = { "setup.pd_tried", "setup.not_tried", "setup.try_todo" },
		[SETUP_SAID_YES] = { "setup.pd_tried", "setup.tried_yes", NULL },
		[SETUP_SAID_NO] = { "setup.pd_tried", "setup.tried_no", "setup.pd_tried_todo" },
		[SETUP_SAID_PARTLY] = { "setup.pd_tried", "setup.not_tried", "setup.try_todo" },
		[SETUP_SAID_NO_ANSWER] = { "setup.pd_tried", "setup.tried_away", "setup.try_todo" }
	    };
	const struct ib_err *err;
	bool has = setup_has_pipedrive(l->app->conf);

	tick(l, has, has ? &filled : &empty, 0);
	if (has && (err = tick_said(l, SETUP_TRIED_PIPEDRIVE, CONF_PD_CLIENT_ID, said)) != NULL)
		return err;
	tick(l, l->n.people > 0, l->n.people > 0 ? &came : &nobody, 0);
	return NULL;
}

static const struct ib_err *
look_facebook(struct looking *l)
{
	static const struct words filled = { "setup.fb_values", "setup.step_filled", NULL },
	    empty = { "setup.fb_values", "setup.step_empty", "setup.fb_values_todo" },
	    called = { "setup.fb_called", "setup.fb_called_ok", NULL },
	    silent = { "setup.fb_called", "setup.fb_called_not", "setup.fb_called_todo" },
	    said[] = {
		[SETUP_SAID_NOTHING] = { "setup.fb_tried", "setup.not_tried", "setup.try_todo" },
		[SETUP_SAID_YES] = { "setup.fb_tried", "setup.tried_yes", NULL },
		[SETUP_SAID_NO] = { "setup.fb_tried", "setup.tried_no", "setup.fb_tried_todo" },
		[SETUP_SAID_PARTLY] = { "setup.fb_tried", "setup.not_tried", "setup.try_todo" },
		[SETUP_SAID_NO_ANSWER] = { "setup.fb_tried", "setup.tried_away", "setup.try_todo" }
	    }, hook[] = {
		[SETUP_SAID_NOTHING] = { "setup.fb_hook", "setup.not_tried", "setup.fb_hook_todo" },
		[SETUP_SAID_YES] = { "setup.fb_hook", "setup.fb_hook_ok", NULL },
		[SETUP_SAID_NO] = { "setup.fb_hook", "setup.fb_hook_none", "setup.fb_hook_todo" },
		[SETUP_SAID_PARTLY] = { "setup.fb_hook", "setup.fb_hook_partly", "setup.fb_hook_todo" },
		[SETUP_SAID_NO_ANSWER] = { "setup.fb_hook", "setup.tried_away", "setup.try_todo" }
	    };
	bool has = setup_has_facebook(l->app->conf);
	const struct ib_err *err;
	enum setup_said verified;
	int64_t ms;

	tick(l, has, has ? &filled : &empty, 0);
	if (has && ((err = tick_said(l, SETUP_TRIED_FACEBOOK, CONF_FB_APP_ID, said)) != NULL ||
	    (err = tick_said(l, SETUP_TRIED_HOOK, CONF_FB_APP_ID, hook)) != NULL))
		return err;
	if ((err = tried(l, SETUP_VERIFIED, CONF_FB_APP_ID, &verified, &ms)) != NULL)
		return err;
	tick(l, verified == SETUP_SAID_YES, verified == SETUP_SAID_YES ? &called : &silent, ms);
	return NULL;
}

static const struct ib_err *
look_connect(struct looking *l)
{
	static const struct words company = { "setup.company", "setup.company_ok", NULL },
	    no_company = { "setup.company", "setup.company_none", "setup.company_todo" },
	    page = { "setup.fb_page", "setup.fb_page_ok", NULL },
	    no_page = { "setup.fb_page", "setup.fb_page_none", "setup.fb_page_todo" },
	    event = { "setup.event", "setup.event_ok", NULL },
	    no_event = { "setup.event", "setup.event_none", "setup.event_todo" };

	tick(l, l->n.companies > 0, l->n.companies > 0 ? &company : &no_company, 0);
	tick(l, l->n.pages > 0, l->n.pages > 0 ? &page : &no_page, 0);
	tick(l, l->n.last_event > 0, l->n.last_event > 0 ? &event : &no_event, l->n.last_event);
	return NULL;
}

static const struct {
	const char	*name, *path;
	const struct ib_err *(*look)(struct looking *);	/* NULL: nothing to tick */
} steps[SETUP_STEPS] = {
	[SETUP_HOST] = { "setup.host", "/setup", look_host },
	[SETUP_PIPEDRIVE] = { "setup.pipedrive", "/setup/pipedrive", look_pipedrive },
	[SETUP_FACEBOOK] = { "setup.facebook", "/setup/facebook", look_facebook },
	[SETUP_CONNECT] = { "setup.connect", "/setup/connect", look_connect },
	[SETUP_REVIEW] = { "setup.review", "/setup/review", NULL }
};

static const struct ib_err *
fill_step(struct looking *l, enum setup_step i, enum setup_step here)
{
	struct view_setup_step *s = &l->v->steps[i];
	const struct ib_err *err;
	size_t k;

	l->n_checks = 0;
	if ((l->checks = ARENA_ARRAY(l->r->a, CHECKS_MAX, struct view_check)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "setup");
	if (steps[i].look != NULL && (err = steps[i].look(l)) != NULL)
		return err;
	s->n = (int64_t)i + 1;
	s->name = say(l, steps[i].name);
	s->href = req_href(l->app, l->r, "%s", steps[i].path);
	s->here = i == here ? "step" : NULL;
	s->ok = l->n_checks > 0;
	for (k = 0; k < l->n_checks; k++)
		s->ok &= l->checks[k].ok;
	s->state = steps[i].look != NULL ? say(l, s->ok ? "setup.done" : "setup.open") : NULL;
	/* The way on: the first that is open after this one. */
	if (!s->ok && i > here && l->v->next == NULL) {
		l->v->next = s->href;
		l->v->next_name = s->name;
	}
	if (i == here) {
		l->v->checks = l->checks;
		l->v->n_checks = l->n_checks;
		l->v->all_ok = s->ok;
	}
	return NULL;
}

const struct ib_err *
setup_steps_fill(struct app *app, struct req *r, enum setup_step here, struct view_setup *v)
{
	struct looking l = { .app = app, .r = r, .v = v };
	const struct ib_err *err;
	int i;

	fmt_init(&l.fmt, app, r);
	if ((err = setup_counts(app->db, &l.n)) != NULL)
		return err;
	if ((v->steps = ARENA_ARRAY(r->a, SETUP_STEPS, struct view_setup_step)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "setup");
	for (i = 0; i < SETUP_STEPS; i++, v->n_steps++)
		if ((err = fill_step(&l, (enum setup_step)i, here)) != NULL)
			return err;
	if (v->until_ms > 0)
		v->until = at(&l, v->until_ms);
	return NULL;
}
