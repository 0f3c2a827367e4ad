/* SPDX-License-Identifier: MIT */
/*
 * h_health.c - is everything as it should be?  For admins of the company.
 *
 * One table of looks; each adds lines of three parts: what was looked at, what
 * was found, what to do.  A new thing to watch is one more function.  Nothing
 * here asks the network: what the engine found is in the rows.
 *
 * Runs, unknown codes, the log and the version are those of the whole server;
 * Pages, replies and events those of the company.
 */
#include "handlers.h"
#include "inbox.h"

#include "../lib/api/codes.h"
#include "../lib/base/str.h"
#include "../lib/store/install.h"
#include "../lib/store/follow.h"
#include "../lib/store/transcript.h"

#include <string.h>

#define DRIVER_MS	(15 * MS_MINUTE)	/* a driver that ran so lately is in use */
#define SOON_MS		(14 * MS_DAY)		/* messenger.md 2.6 */
#define WAL_MUCH	((int64_t)64 << 20)
#define WAITING_MS	(10 * MS_MINUTE)
#define RUNS		10
#define CODES		50
#define CODE_MS		(7 * MS_DAY)		/* an unknown code is news for so long */
#define REASONS		4			/* of failed replies that are named */
#define PER_SECTION	8

enum result { OK, ATTENTION, BROKEN };

struct looking {
	struct app	*app;
	struct req	*r;
	struct fmt	 fmt;
	struct page	*pages;
	size_t		 npages;
	struct view_health *v;
	struct view_section *section;
	bool		 new_codes;	/* an unknown code came lately */
};

static const char *
say(const struct looking *l, enum str_id id)
{
	return cat_str(l->fmt.cats, l->fmt.lang, id);
}

static const char *
at(const struct looking *l, int64_t ms)
{
	return ms > 0 ? fmt_since(&l->fmt, ms) : say(l, STR_HEALTH_NEVER);
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

static const struct ib_err *
section(struct looking *l, const char *title)
{
	l->section = &l->v->sections[l->v->n_sections++];
	l->section->title = title;
	if ((l->section->checks = ARENA_ARRAY(l->r->a, PER_SECTION, struct view_check)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "section");
	return NULL;
}

/* One line; `todo` may be NULL. */
static struct view_check *
line(struct looking *l, enum str_id name, enum result result, const char *evidence, const char *todo)
{
	struct view_check *c = &l->section->checks[l->section->n_checks++];

	c->name = say(l, name);
	c->evidence = evidence;
	c->todo = todo;
	c->ok = result == OK;
	c->attention = result == ATTENTION;
	c->broken = result == BROKEN;
	l->v->attention |= c->attention;
	l->v->broken |= c->broken;
	return c;
}

/* Who can fix it, as the table of errors says. */
static struct view_check *
helped(const struct looking *l, const char *key, struct view_check *c)
{
	c->who = help_who(l->app, l->fmt.lang, key);
	return c;
}

static void
reconnect(struct looking *l, struct view_check *c)
{
	c->way = req_href(l->app, l->r, "/connect/more");
	c->way_label = say(l, STR_WAY_RECONNECT);
}

/* What keeps the engine running -------------------------------------------------------- */

static const struct ib_err *
look_engine(struct looking *l)
{
	static const char *const names[] = { "cron", "web", "visit" };
	const struct ib_err *err;
	int64_t last[3] = { 0 }, newest = 0, now = l->r->now;
	const char *evidence;
	bool found;
	size_t i;

	if ((err = section(l, say(l, STR_HEALTH_ENGINE))) != NULL)
		return err;
	for (i = 0; i < 3; i++) {
		if ((err = db_get_int(l->app->db, ST_RUN_LAST_OF, &last[i], &found, "t", names[i])) != NULL)
			return err;
		if (last[i] > newest)
			newest = last[i];
	}
	evidence = cat_fill(l->r->a, say(l, STR_HEALTH_DRIVERS), "cron", at(l, last[0]), "web",
	    at(l, last[1]), "visit", at(l, last[2]), NULL);
	if (last[0] > now - DRIVER_MS)
		line(l, STR_HEALTH_BY_CRON, OK, evidence, NULL);
	else if (last[1] > now - DRIVER_MS)
		line(l, STR_HEALTH_BY_WEB, OK, evidence, NULL);
	else if (last[2] > now - DRIVER_MS)
		line(l, STR_HEALTH_BY_VISIT, ATTENTION, evidence, say(l, STR_HEALTH_SET_UP_DRIVER));
	else
		line(l, STR_HEALTH_BY_NOBODY, BROKEN, evidence, say(l, STR_HEALTH_SET_UP_DRIVER));
	/* A run in the future: the clock of this machine was ahead, or is behind now. */
	evidence = cat_fill(l->r->a, say(l, STR_HEALTH_CLOCK_IS), "time", fmt_moment(&l->fmt, now),
	    "zone", l->fmt.zone, NULL);
	if (newest > now + MS_MINUTE)
		line(l, STR_HEALTH_CLOCK, ATTENTION, evidence, say(l, STR_HEALTH_SET_CLOCK));
	else
		line(l, STR_HEALTH_CLOCK, OK, evidence, NULL);
	return NULL;
}

/* Pages ------------------------------------------------------------------------------------ */

static void
look_connection(struct looking *l, const struct page *p)
{
	const char *why = cat_find(l->fmt.cats, l->fmt.lang, p->why);

	if (p->state != PAGE_ACTIVE)
		reconnect(l, helped(l, p->why, line(l, STR_HEALTH_CONNECTION, BROKEN, why != NULL ? why :
		    say(l, STR_CLOSED_PAGE), say(l, STR_ADVICE_RECONNECT))));
	else if (strcmp(p->policy, "block") == 0)
		line(l, STR_HEALTH_CONNECTION, BROKEN, say(l, STR_HEALTH_BLOCKED), say(l, STR_HEALTH_SEE_FACEBOOK));
	else if (p->send_after > l->r->now)
		line(l, STR_HEALTH_CONNECTION, ATTENTION, cat_fill(l->r->a, say(l, STR_HEALTH_SENDS_PAUSED),
		    "n", number(l, p->refusals), "time", at(l, p->send_after), NULL),
		    say(l, STR_HEALTH_BY_ITSELF));
	else if (p->pause_until > l->r->now)
		line(l, STR_HEALTH_CONNECTION, ATTENTION, cat_fill(l->r->a, say(l, STR_HEALTH_PAUSED),
		    "time", at(l, p->pause_until), NULL), say(l, STR_HEALTH_BY_ITSELF));
	else if (strcmp(p->policy, "warning") == 0)
		line(l, STR_HEALTH_CONNECTION, ATTENTION, say(l, STR_HEALTH_WARNED), say(l, STR_HEALTH_SEE_FACEBOOK));
	else
		line(l, STR_HEALTH_CONNECTION, OK, say(l, STR_HEALTH_WORKS), NULL);
}

static void
look_events(struct looking *l, const struct page *p)
{
	if (p->last_event_at > 0)
		line(l, STR_HEALTH_EVENTS, OK, cat_fill(l->r->a, say(l, STR_HEALTH_LAST_EVENT), "time",
		    at(l, p->last_event_at), NULL), NULL);
	else if (p->state == PAGE_ACTIVE)
		line(l, STR_HEALTH_EVENTS, ATTENTION, say(l, STR_HEALTH_NO_EVENT), say(l, STR_HEALTH_TRY_EVENT));
}

static const struct ib_err *
look_comparison(struct looking *l, const struct page *p)
{
	const struct ib_err *err;
	int64_t ended = 0, listed = 0, changed = 0, left;
	const char *why, *evidence;
	struct db_stmt *st;
	bool row;

	if ((err = db_query(l->app->db, ST_COMPARISON_LAST, &st, "i", p->id)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row) {
		ended = db_col_int(st, 1);
		listed = db_col_int(st, 2);
		changed = db_col_int(st, 3);
	}
	db_release(st);
	if (err != NULL || (err = fresh_page(l->app, &l->fmt, p, &why, &left)) != NULL)
		return err;
	evidence = ended == 0 ? say(l, STR_HEALTH_NOT_COMPARED) :
	    cat_fill(l->r->a, say(l, STR_HEALTH_COMPARED), "time", at(l, ended), "listed",
	    number(l, listed), "changed", number(l, changed), NULL);
	if (left > 0)
		evidence = cat_fill(l->r->a, say(l, STR_HEALTH_LEFT), "so_far", evidence, "n",
		    number(l, left), NULL);
	(void)helped(l, why != NULL ? p->read_why : NULL,
	    line(l, STR_HEALTH_COMPARISON, why != NULL ? ATTENTION : OK, evidence, why));
	return NULL;
}

static void
look_subscription(struct looking *l, const struct page *p)
{
	const char *when = at(l, p->sub_at);

	if (strcmp(p->sub_state, "lost") == 0)
		reconnect(l, line(l, STR_HEALTH_SUBSCRIPTION, BROKEN, cat_fill(l->r->a,
		    say(l, STR_HEALTH_SUB_LOST), "time", when, NULL), say(l, STR_HEALTH_SUB_TODO)));
	else if (strcmp(p->sub_state, "restored") == 0)
		line(l, STR_HEALTH_SUBSCRIPTION, OK, cat_fill(l->r->a, say(l, STR_HEALTH_SUB_RESTORED),
		    "time", when, NULL), NULL);
	else if (strcmp(p->sub_state, "ok") == 0)
		line(l, STR_HEALTH_SUBSCRIPTION, OK, cat_fill(l->r->a, say(l, STR_HEALTH_SUB_OK),
		    "time", when, NULL), NULL);
	else if (p->state == PAGE_ACTIVE)
		line(l, STR_HEALTH_SUBSCRIPTION, OK, say(l, STR_HEALTH_SUB_NEW), NULL);
}

static void
look_token(struct looking *l, const struct page *p)
{
	const char *day = p->token_until > 0 ? fmt_moment(&l->fmt, p->token_until) : "";

	if (p->state != PAGE_ACTIVE)
		line(l, STR_HEALTH_TOKEN, BROKEN, say(l, STR_HEALTH_TOKEN_DEAD), NULL);
	else if (p->token_until > 0 && p->token_until <= l->r->now)
		reconnect(l, line(l, STR_HEALTH_TOKEN, BROKEN, cat_fill(l->r->a,
		    say(l, STR_HEALTH_TOKEN_OVER), "time", day, NULL), say(l, STR_HEALTH_TOKEN_TODO)));
	else if (p->token_until > 0 && p->token_until <= l->r->now + SOON_MS)
		reconnect(l, line(l, STR_HEALTH_TOKEN, ATTENTION, cat_fill(l->r->a,
		    say(l, STR_HEALTH_TOKEN_ENDS), "time", day, NULL), say(l, STR_HEALTH_TOKEN_TODO)));
	else if (p->token_at > 0)
		line(l, STR_HEALTH_TOKEN, OK, cat_fill(l->r->a, say(l, STR_HEALTH_TOKEN_OK), "time",
		    at(l, p->token_at), NULL), NULL);
	else
		line(l, STR_HEALTH_TOKEN, OK, say(l, STR_HEALTH_TOKEN_NEW), NULL);
}

static const struct ib_err *
look_pages(struct looking *l)
{
	const struct ib_err *err;
	size_t i;

	for (i = 0; i < l->npages; i++) {
		if ((err = section(l, l->pages[i].name)) != NULL)
			return err;
		look_connection(l, &l->pages[i]);
		look_events(l, &l->pages[i]);
		if ((err = look_comparison(l, &l->pages[i])) != NULL)
			return err;
		look_subscription(l, &l->pages[i]);
		look_token(l, &l->pages[i]);
	}
	return NULL;
}

/* Messages ------------------------------------------------------------------------------------ */

/*
 * Replies that failed and that nobody has dealt with, by reason, the latest
 * first.  What its writer can settle is no matter for an admin.
 */
static const struct ib_err *
look_failures(struct looking *l)
{
	const struct ib_err *err;
	const struct code_row *row;
	const char *why, *sentence;
	enum result result;
	struct db_stmt *st;
	bool found, any = false;

	if ((err = db_query(l->app->db, ST_OUTBOX_FAILURES, &st, "ii", l->r->session->install_id,
	    (int64_t)REASONS)) != NULL)
		return err;
	while ((err = db_step(st, &found)) == NULL && found) {
		struct view_check *c;

		any = true;
		why = db_col_text(st, 0);
		row = code_by_key(why);
		sentence = cat_find(l->fmt.cats, l->fmt.lang, why);
		result = row != NULL && row->who != WHO_AGENT && row->who != WHO_NOBODY &&
		    db_col_int(st, 2) > l->r->now - CODE_MS ? ATTENTION : OK;
		c = helped(l, why, line(l, STR_HEALTH_FAILURES, result, cat_fill(l->r->a,
		    say(l, STR_HEALTH_FAILED), "n", number(l, db_col_int(st, 1)), "time",
		    at(l, db_col_int(st, 2)), "sentence", sentence != NULL ? sentence : "", NULL), NULL));
		if (row != NULL && row->help == HELP_RECONNECT)
			reconnect(l, c);
	}
	db_release(st);
	if (err == NULL && !any)
		line(l, STR_HEALTH_FAILURES, OK, say(l, STR_HEALTH_NO_FAILURES), NULL);
	return err;
}

static const struct ib_err *
look_messages(struct looking *l)
{
	const struct ib_err *err;
	int64_t waiting = 0, checking = 0, oldest = 0, shelved;
	const char *evidence;
	struct db_stmt *st;
	bool row, found;

	if ((err = section(l, say(l, STR_HEALTH_MESSAGES))) != NULL ||
	    (err = db_query(l->app->db, ST_OUTBOX_OPEN_OF, &st, "i", l->r->session->install_id)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row) {
		waiting = db_col_int(st, 0);
		checking = db_col_int(st, 1);
		oldest = db_col_int(st, 2);
	}
	db_release(st);
	if (err != NULL || (err = db_get_int(l->app->db, ST_QUARANTINE_OF, &shelved, &found, "i",
	    l->r->session->install_id)) != NULL)
		return err;
	evidence = waiting == 0 ? say(l, STR_HEALTH_NONE_WAIT) : cat_fill(l->r->a,
	    say(l, STR_HEALTH_WAITING), "n", number(l, waiting - checking), "checking",
	    number(l, checking), "time", at(l, oldest), NULL);
	if (waiting > 0 && oldest < l->r->now - WAITING_MS)
		line(l, STR_HEALTH_REPLIES, ATTENTION, evidence, say(l, STR_HEALTH_WAITING_TODO));
	else
		line(l, STR_HEALTH_REPLIES, OK, evidence, NULL);
	if ((err = look_failures(l)) != NULL)
		return err;
	if (shelved > 0)
		line(l, STR_HEALTH_SHELF, ATTENTION, cat_fill(l->r->a, say(l, STR_HEALTH_SHELVED), "n",
		    number(l, shelved), NULL), say(l, STR_HEALTH_SHELF_TODO));
	else
		line(l, STR_HEALTH_SHELF, OK, say(l, STR_HEALTH_SHELF_EMPTY), NULL);
	return NULL;
}

/* Pipedrive ----------------------------------------------------------------------------------- */

static const struct ib_err *
look_followed(struct looking *l)
{
	const struct ib_err *err;
	const char *why;
	int64_t told;

	if ((err = pd_hook_state(l->app->db, l->r->a, l->r->session->install_id, &why, &told)) != NULL)
		return err;
	if (why == NULL)
		line(l, STR_HEALTH_FOLLOW, OK, say(l, STR_HEALTH_FOLLOW_NONE), NULL);
	else if (*why != '\0')
		line(l, STR_HEALTH_FOLLOW, ATTENTION, say(l, STR_HEALTH_FOLLOW_DAILY), say(l, STR_HEALTH_FOLLOW_TODO));
	else
		line(l, STR_HEALTH_FOLLOW, OK, told == 0 ? say(l, STR_HEALTH_FOLLOW_NEW) :
		    cat_fill(l->r->a, say(l, STR_HEALTH_FOLLOW_OK), "time", at(l, told), NULL), NULL);
	return NULL;
}

static const struct ib_err *
look_pipedrive(struct looking *l)
{
	int64_t waiting, refused;
	const struct ib_err *err;

	if ((err = section(l, say(l, STR_HEALTH_PIPEDRIVE))) != NULL ||
	    (err = transcript_count(l->app->db, l->r->session->install_id, "error.pd.token", l->r->now, &waiting,
	    &refused)) != NULL)
		return err;
	if (waiting > 0)
		line(l, STR_HEALTH_LOG, ATTENTION, cat_fill(l->r->a, say(l, STR_HEALTH_LOG_WAITS), "n", number(l, waiting),
		    NULL), say(l, STR_HEALTH_LOG_WAITS_TODO));
	else if (refused > 0)
		line(l, STR_HEALTH_LOG, ATTENTION, cat_fill(l->r->a, say(l, STR_HEALTH_LOG_REFUSED), "n", number(l, refused),
		    NULL), say(l, STR_HEALTH_LOG_REFUSED_TODO));
	else
		line(l, STR_HEALTH_LOG, OK, say(l, STR_HEALTH_LOG_OK), NULL);
	return look_followed(l);
}

/* This server ----------------------------------------------------------------------------------- */

static const struct ib_err *
look_server(struct looking *l)
{
	const struct ib_err *err;
	int64_t wal = db_wal_size(l->app->db);
	const char *size = wal > 0 ? fmt_size(&l->fmt, wal) : say(l, STR_HEALTH_EMPTY);

	if ((err = section(l, say(l, STR_HEALTH_SERVER))) != NULL)
		return err;
	line(l, STR_HEALTH_WAL, wal > WAL_MUCH ? ATTENTION : OK, size,
	    wal > WAL_MUCH ? say(l, STR_HEALTH_WAL_TODO) : NULL);
	line(l, STR_HEALTH_CODES, l->new_codes ? ATTENTION : OK, l->v->some_codes ?
	    cat_fill(l->r->a, say(l, STR_HEALTH_CODES_SEEN), "n", number(l, (int64_t)l->v->n_codes), NULL) :
	    say(l, STR_HEALTH_CODES_NONE), l->v->some_codes ? say(l, STR_HEALTH_CODES_TODO) : NULL);
	line(l, STR_HEALTH_VERSION, OK, cat_fill(l->r->a, say(l, STR_HEALTH_VERSION_IS), "version",
	    PACKAGE_VERSION, "schema", number(l, db_schema_version()), NULL), NULL);
	return NULL;
}

static const struct ib_err *(*const looks[])(struct looking *) = {
	look_engine, look_pages, look_messages, look_pipedrive, look_server
};

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
			v->figures = cat_fill(l->r->a, say(l, STR_HEALTH_FIGURES), "sent",
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
		l->new_codes |= db_col_int(st, 4) > l->r->now - CODE_MS;
	}
	db_release(st);
	l->v->some_codes = l->v->n_codes > 0;
	return err;
}

static const struct ib_err *
look_all(struct looking *l)
{
	const struct ib_err *err;
	size_t i;

	if ((err = pages_of(l->app->db, l->r->a, l->r->session->install_id, &l->pages, &l->npages)) != NULL ||
	    (err = list_runs(l)) != NULL || (err = list_codes(l)) != NULL)
		return err;
	l->v->sections = ARENA_ARRAY(l->r->a, l->npages + sizeof(looks) / sizeof(looks[0]), struct view_section);
	if (l->v->sections == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "sections");
	for (i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
		if ((err = looks[i](l)) != NULL)
			return err;
	return NULL;
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
	v.inbox = req_href(app, r, "/inbox");
	v.security = req_href(app, r, "/health/security");
	v.action = req_href(app, r, "/sync");
	if ((err = db_read_begin(app->db)) != NULL)
		return err;
	err = look_all(&l);
	db_read_end(app->db);
	if (err != NULL)
		return err;
	v.attention &= !v.broken;
	v.ok = !v.attention && !v.broken;
	return resp_page(app, r, 200, TPL_HEALTH, &v);
}
