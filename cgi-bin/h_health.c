/* SPDX-License-Identifier: MIT */
/*
 * h_health.c - is everything as it should be?  For admins of the company: what
 * lib/sync/looks.c found, with the last runs and the codes that nobody knows.
 *
 * Nothing here asks the network: what the engine found is in the rows.
 */
#include "handlers.h"
#include "inbox.h"

#include "../lib/base/str.h"

#include <string.h>

#define RUNS		10
#define CODES		50

struct looking {
	struct app	*app;
	struct req	*r;
	struct fmt	 fmt;
	struct findings	 findings;
	struct view_health *v;
};

static const char *
at(const struct looking *l, int64_t ms)
{
	return ms > 0 ? fmt_since(&l->fmt, ms) : cat_str(l->fmt.cats, l->fmt.lang, STR_HEALTH_NEVER);
}

static const char *
iso(const struct looking *l, int64_t ms)
{
	struct civil c;

	(void)clock_civil(ms, l->fmt.zone, &c);
	return fmt_iso(&l->fmt, &c);
}

static const char *
number(const struct looking *l, int64_t n)
{
	return fmt_number(&l->fmt, n);
}

/* Findings ------------------------------------------------------------------------------- */

/* A section is a group, and of Pages one each. */
static bool
same_section(const struct finding *f, const struct finding *before)
{
	return before != NULL && check_row(f->check)->group == check_row(before->check)->group &&
	    strcmp(f->about, before->about) == 0;
}

static void
line(const struct looking *l, const struct finding *f, const struct speech *sp, struct view_check *c)
{
	c->name = cat_str(sp->cats, sp->lang, check_row(f->check)->name);
	c->ok = f->verdict == VERDICT_OK;
	c->attention = f->verdict == VERDICT_ATTENTION;
	c->broken = f->verdict == VERDICT_BROKEN;
	c->evidence = said_text(f->found, sp);
	c->todo = finding_fix(f, sp);
	c->who = help_who(l->app, sp->lang, f->help_key);
	if (f->reconnect) {
		c->way = req_href(l->app, l->r, "/connect/more");
		c->way_label = cat_str(sp->cats, sp->lang, STR_WAY_RECONNECT);
	}
}

static const struct ib_err *
list_findings(struct looking *l)
{
	const struct speech sp = fmt_speech(&l->fmt);
	const struct finding *f, *before = NULL;
	struct view_check *checks;
	struct view_section *s = NULL;
	size_t n = 0, sections = 0;

	for (f = l->findings.first; f != NULL; before = f, f = f->next) {
		n++;
		sections += !same_section(f, before);
	}
	checks = ARENA_ARRAY(l->r->a, n, struct view_check);
	l->v->sections = ARENA_ARRAY(l->r->a, sections, struct view_section);
	if (checks == NULL || l->v->sections == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "sections");
	for (f = l->findings.first, before = NULL; f != NULL; before = f, f = f->next, checks++) {
		if (!same_section(f, before)) {
			s = &l->v->sections[l->v->n_sections++];
			s->title = *f->name != '\0' ? f->name :
			    cat_str(sp.cats, sp.lang, check_group_name(check_row(f->check)->group));
			s->checks = checks;
		}
		line(l, f, &sp, checks);
		s->n_checks++;
	}
	l->v->ok = l->findings.worst == VERDICT_OK;
	l->v->attention = l->findings.worst == VERDICT_ATTENTION;
	l->v->broken = l->findings.worst == VERDICT_BROKEN;
	return NULL;
}

/* Lists --------------------------------------------------------------------------------------------- */

/* Words of the table `run`, and what people read. */
static const struct { const char *word, *key; } words[] = {
	{ "cron", "health.driver_cron" }, { "web", "health.driver_web" },
	{ "visit", "health.driver_visit" }, { "running", "health.result_running" },
	{ "ok", "health.result_ok" }, { "more", "health.result_more" },
	{ "partly", "health.result_partly" }, { "died", "health.result_died" }
};

static const char *
word(const struct looking *l, const char *w)
{
	const char *s = NULL;
	size_t i;

	for (i = 0; s == NULL && i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].word, w) == 0)
			s = cat_find(l->fmt.cats, l->fmt.lang, words[i].key);
	return s != NULL ? s : arena_dup(l->r->a, w);
}

static const struct ib_err *
list_runs(struct looking *l)
{
	const struct ib_err *err;
	struct db_stmt *st;
	const char *result;
	bool row;

	if ((l->v->runs = ARENA_ARRAY(l->r->a, RUNS, struct view_run)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "runs");
	if ((err = db_query(l->app->db, ST_RUNS_LAST, &st, "i", (int64_t)RUNS)) != NULL)
		return err;
	while (l->v->n_runs < RUNS && (err = db_step(st, &row)) == NULL && row) {
		struct view_run *v = &l->v->runs[l->v->n_runs++];

		v->driver = word(l, db_col_text(st, 0));
		v->at = at(l, db_col_int(st, 1));
		v->iso = iso(l, db_col_int(st, 1));
		result = db_col_text(st, 3);
		v->bad = strcmp(result, "died") == 0 || strcmp(result, "partly") == 0;
		v->result = word(l, result);
		if (db_col_int(st, 2) > 0)
			v->figures = cat_fill(l->r->a, cat_str(l->fmt.cats, l->fmt.lang, STR_HEALTH_FIGURES), "sent",
			    number(l, db_col_int(st, 4)), "settled", number(l, db_col_int(st, 5)), "fetched",
			    number(l, db_col_int(st, 6)), "failed", number(l, db_col_int(st, 7)), "calls",
			    number(l, db_col_int(st, 8)), NULL);
	}
	db_release(st);
	l->v->some_runs = l->v->n_runs > 0;
	return err;
}

static const struct ib_err *
list_codes(struct looking *l)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	if ((l->v->codes = ARENA_ARRAY(l->r->a, CODES, struct view_code)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "codes");
	if ((err = db_query(l->app->db, ST_ODD_CODES, &st, "")) != NULL)
		return err;
	while (l->v->n_codes < CODES && (err = db_step(st, &row)) == NULL && row) {
		struct view_code *v = &l->v->codes[l->v->n_codes++];

		v->service = strcmp(db_col_text(st, 0), "facebook") == 0 ? "Facebook" : "Pipedrive";
		v->code = db_col_int(st, 2) == 0 ? arena_printf(l->r->a, "%lld", (long long)db_col_int(st, 1)) :
		    arena_printf(l->r->a, "%lld/%lld", (long long)db_col_int(st, 1), (long long)db_col_int(st, 2));
		v->times = number(l, db_col_int(st, 3));
		v->at = at(l, db_col_int(st, 4));
		v->iso = iso(l, db_col_int(st, 4));
	}
	db_release(st);
	l->v->some_codes = l->v->n_codes > 0;
	return err;
}

const struct ib_err *
h_health(struct app *app, struct req *r)
{
	struct view_health v = { .frame = view_frame_make(app, r) };
	struct looking l = { .app = app, .r = r, .v = &v };
	const struct ib_err *err;

	if (!r->session->may_read)
		return resp_problem(app, r, 403, "problem.private");
	fmt_init(&l.fmt, app, r);
	findings_init(&l.findings, r->a);
	v.inbox = req_href(app, r, "/inbox");
	v.security = req_href(app, r, "/health/security");
	v.action = req_href(app, r, "/sync");
	if ((err = db_read_begin(app->db)) != NULL)
		return err;
	if ((err = sync_looks(&l.findings, app->db, r->session->install_id, r->now)) == NULL &&
	    (err = list_runs(&l)) == NULL)
		err = list_codes(&l);
	db_read_end(app->db);
	if (err != NULL || (err = list_findings(&l)) != NULL)
		return err;
	return resp_page(app, r, 200, TPL_HEALTH, &v);
}
