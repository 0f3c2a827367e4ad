/* SPDX-License-Identifier: MIT */
/*
 * h_settings.c - the settings: what is connected and by whom, who may read it,
 * how long messages are kept, one's own language and zone.
 *
 * Everybody signed in sees the page.  What is changed for all is the business
 * of the installer and of company admins (session.keeper); who may read, of the
 * installer alone.  Inside Pipedrive the page only shows; changes are made here.
 * An admin of a private connection sees that it is there, by
 * whom and for which Pages, and may remove it; nothing that was written in it.
 */
#include "format.h"
#include "frame.h"
#include "handlers.h"
#include "inbox.h"

#include "../lib/base/str.h"
#include "../lib/store/install.h"
#include "../lib/store/leaving.h"
#include "../lib/store/page.h"
#include "../lib/store/transcript.h"

#include <string.h>

#define READERS_MAX	500u	/* shown */

static const char *
say(const struct app *app, const struct req *r, enum str_id id)
{
	return cat_str(app->cats, r->lang, id);
}

static const struct ib_err *
fill_page(struct app *app, struct req *r, const struct fmt *f, const struct page *p, struct view_own_page *v)
{
	const struct ib_err *err;
	const char *why = *p->why != '\0' ? cat_find(app->cats, r->lang, p->why) : NULL;
	const char *by;

	if ((err = user_name(app->db, r->a, p->user_id, &by)) != NULL)
		return err;
	v->dom_id = arena_printf(r->a, "page-%lld", (long long)p->id);
	v->name = p->name;
	v->ok = p->state == PAGE_ACTIVE;
	v->state = v->ok ? say(app, r, STR_HEALTH_WORKS) : why != NULL ? why : say(app, r, STR_CLOSED_PAGE);
	v->by = cat_fill(r->a, say(app, r, STR_SETTINGS_BY), "name", by != NULL ? by : say(app, r, STR_SETTINGS_SOMEBODY),
	    "time", fmt_moment(f, p->connected_at), NULL);
	v->last = p->last_event_at > 0 ? cat_fill(r->a, say(app, r, STR_SETTINGS_LAST), "time",
	    fmt_since(f, p->last_event_at), NULL) : say(app, r, STR_SETTINGS_NO_MESSAGE);
	if (r->session->keeper)
		v->leave = req_href(app, r, "/settings/page/%lld", (long long)p->id);
	return NULL;
}

static const char *
days_text(const struct app *app, const struct req *r, int64_t days)
{
	return days == 0 ? say(app, r, STR_RETENTION_NEVER) :
	    cat_fill(r->a, say(app, r, STR_RETENTION_DAYS), "n", arena_printf(r->a, "%lld", (long long)days), NULL);
}

/* What only the installer and admins are shown, and of it what reads messages. */
static void
fill_ways(struct app *app, struct req *r, struct view_settings *v)
{
	if (!v->keeper)
		return;
	v->audit = req_href(app, r, "/settings/audit");
	v->remove = req_href(app, r, "/settings/remove");
	if (!v->reads)
		return;
	v->retention = req_href(app, r, "/settings/retention");
	v->export = req_href(app, r, "/settings/export");
	v->customers = req_href(app, r, "/settings/customers");
	if (r->session->admin) {
		v->more = req_href(app, r, "/connect/more");
		v->health = req_href(app, r, "/health");
	}
}

/* The table of choices as fields of a form. */
static const struct ib_err *
fill_prefs(struct app *app, struct req *r, struct view_settings *v)
{
	const char *word;
	size_t i, n;

	if ((v->prefs = ARENA_ARRAY(r->a, PREF_MAX, struct view_pref)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "prefs");
	for (i = 0; i < PREF_MAX; i++) {
		struct view_pref *p = &v->prefs[v->n_prefs++];

		for (n = 0; pref_choice((enum pref)i, n) != NULL; n++)
			;
		p->name = pref_name((enum pref)i);
		p->label = cat_find(app->cats, r->lang, arena_printf(r->a, "pref.%s", p->name));
		if ((p->words = ARENA_ARRAY(r->a, n, struct view_pref_word)) == NULL)
			return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "prefs");
		for (; (word = pref_choice((enum pref)i, p->n_words)) != NULL; p->n_words++)
			p->words[p->n_words] = (struct view_pref_word){ .word = word,
			    .chosen = strcmp(word, pref_word(&r->session->prefs, (enum pref)i)) == 0,
			    .label = cat_find(app->cats, r->lang, arena_printf(r->a, "pref.%s_%s", p->name, word)) };
	}
	return NULL;
}

/* Of a shared connection: whom the installer and admins can hold to reading. */
static const struct ib_err *
fill_readers(struct app *app, struct req *r, struct view_settings *v)
{
	const struct ib_err *err;
	struct reader *list;
	size_t i, n;

	if (!v->keeper || !v->shared || r->pass != NULL)
		return NULL;
	if ((err = readers_of(app->db, r->a, r->session->install_id, READERS_MAX, &list, &n)) != NULL)
		return err;
	if ((v->readers = ARENA_ARRAY(r->a, n + 1, struct view_reader)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "readers");
	for (i = 0; i < n; i++)
		v->readers[v->n_readers++] = (struct view_reader){ .id = list[i].id, .name = list[i].name,
		    .email = str_blank(list[i].email) ? NULL : list[i].email, .reads_only = list[i].reads_only,
		    .dom_id = arena_printf(r->a, "reader-%lld", (long long)list[i].id) };
	v->reader = req_href(app, r, "/settings/reader");
	return NULL;
}

const struct ib_err *
h_settings(struct app *app, struct req *r)
{
	struct view_settings v = { .frame = view_frame_make(app, r) };
	const struct session *s = r->session;
	const struct ib_err *err;
	struct install *in;
	struct civil c;
	struct page *p;
	struct fmt f;
	int64_t days;
	const char *own;
	size_t i, n;

	fmt_init(&f, app, r);
	if ((err = install_get(app->db, r->a, s->install_id, &in)) != NULL || in == NULL ||
	    (err = pages_of(app->db, r->a, s->install_id, &p, &n)) != NULL ||
	    (err = retention_get(app->db, s->install_id, &days)) != NULL ||
	    (err = transcripts_get(app->db, s->install_id, &v.logs)) != NULL ||
	    (err = user_zone(app->db, r->a, s->user_id, &own)) != NULL ||
	    (err = fill_prefs(app, r, &v)) != NULL)
		return err;
	v.company = in->company_name;
	v.owner = in->owner_name;
	v.shared = in->shared;
	v.is_private = !in->shared;
	v.reads = s->may_read;
	v.keeper = s->keeper;
	if (v.reads)
		v.inbox = req_href(app, r, "/inbox");
	v.logs_not = !v.logs;
	if (s->keeper && in->shared)
		v.transcripts = req_href(app, r, "/settings/transcripts");
	if (s->owner && r->pass == NULL)
		v.visibility = req_href(app, r, "/settings/visibility");
	if ((v.pages = ARENA_ARRAY(r->a, n + 1, struct view_own_page)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "settings");
	/* Who is not in charge of a private connection does not learn of its Pages. */
	for (i = 0; (v.reads || v.keeper) && i < n; i++)
		if ((err = fill_page(app, r, &f, &p[i], &v.pages[v.n_pages++])) != NULL)
			return err;
	v.no_pages = v.n_pages == 0;
	fill_ways(app, r, &v);
	if ((err = fill_readers(app, r, &v)) != NULL)
		return err;
	v.retention_is = days_text(app, r, days);
	v.settings = req_href(app, r, "/settings");
	v.person = req_href(app, r, "/settings/person");
	v.is_en = r->lang == LANG_EN;
	v.is_ja = r->lang == LANG_JA;
	v.zone = own;
	(void)clock_civil(r->now, s->timezone, &c);
	v.zone_now = cat_fill(r->a, say(app, r, STR_SETTINGS_ZONE_NOW), "zone", s->timezone, "time", fmt_clock(&f, &c),
	    NULL);
	return resp_page(app, r, 200, r->pass != NULL ? TPL_EMBED_SETTINGS : TPL_SETTINGS, &v);
}

const struct ib_err *
h_person(struct app *app, struct req *r)
{
	struct prefs chosen = r->session->prefs;
	const char *zone = req_form(r, "zone"), *word;
	const struct ib_err *err;
	enum lang lang;
	int i;

	if (!lang_parse(req_form(r, "lang"), &lang) || zone == NULL)
		return resp_problem(app, r, 400, "problem.bad_request");
	/* What the form does not name stays. */
	for (i = 0; i < PREF_MAX; i++)
		if ((word = req_form(r, pref_name((enum pref)i))) != NULL && !pref_set(&chosen, (enum pref)i, word))
			return resp_problem(app, r, 400, "problem.bad_request");
	if (*zone != '\0' && (strlen(zone) > 64 || !clock_zone_ok(zone)))
		return resp_see_other(app, r, "/settings?notice=no_zone#person");
	if ((err = user_set_lang(app->db, r->session->user_id, lang)) != NULL ||
	    (err = user_set_zone(app->db, r->session->user_id, zone)) != NULL ||
	    (err = prefs_put(app->db, r->a, r->session->user_id, &chosen)) != NULL)
		return err;
	resp_cookie(app, r, "lang", lang_code(lang), 365 * 86400);
	resp_cookie(app, r, "theme", pref_word(&chosen, PREF_THEME), 365 * 86400);
	return resp_see_other(app, r, "/settings?notice=saved");
}

/* Counts at once: each request reads it anew, and the polls' tags move with the revision. */
const struct ib_err *
h_settings_visibility(struct app *app, struct req *r)
{
	const char *choice = req_form(r, "visibility");
	const struct session *s = r->session;
	const struct ib_err *err;

	if (!s->owner)
		return resp_problem(app, r, 403, "problem.not_owner");
	if (!str_eq(choice, "private") && !str_eq(choice, "shared"))
		return resp_problem(app, r, 400, "problem.bad_request");
	if (s->shared == (strcmp(choice, "shared") == 0))
		return resp_see_other(app, r, "/settings");
	if ((err = db_begin(app->db)) != NULL)
		return err;
	if ((err = install_set_visibility(app->db, s->install_id, strcmp(choice, "shared") == 0)) == NULL &&
	    (err = audit_put(app->db, s->install_id, s->user_id, r->now, "visibility", choice)) == NULL)
		err = db_commit(app->db);
	db_rollback(app->db);
	return err != NULL ? err : resp_see_other(app, r, "/settings?notice=saved");
}

/* Counts at once, as above; open pages of that person hear of it with their next poll. */
const struct ib_err *
h_reader(struct app *app, struct req *r)
{
	const char *reads = req_form(r, "reads"), *user = req_form(r, "user"), *name;
	const struct session *s = r->session;
	const struct ib_err *err;
	bool only = str_eq(reads, "only");
	int64_t id;

	if (user == NULL || !str_int(user, &id) || (!only && !str_eq(reads, "writes")))
		return resp_problem(app, r, 400, "problem.bad_request");
	if (!s->shared)
		return resp_problem(app, r, 403, "problem.private");
	if ((err = db_begin(app->db)) != NULL)
		return err;
	if ((err = reader_set(app->db, r->a, s->install_id, id, only, &name)) == NULL &&
	    (name == NULL || (err = audit_put(app->db, s->install_id, s->user_id, r->now,
	    only ? "reader_on" : "reader_off", name)) == NULL))
		err = db_commit(app->db);
	db_rollback(app->db);
	return err != NULL ? err : resp_see_other(app, r, "/settings?notice=saved#people");
}

const struct ib_err *
h_transcripts(struct app *app, struct req *r)
{
	const char *choice = req_form(r, "transcripts");
	const struct session *s = r->session;
	const struct ib_err *err;

	if (!str_eq(choice, "on") && !str_eq(choice, "off"))
		return resp_problem(app, r, 400, "problem.bad_request");
	if ((err = db_begin(app->db)) != NULL)
		return err;
	if ((err = transcripts_set(app->db, s->install_id, strcmp(choice, "on") == 0)) == NULL &&
	    (err = audit_put(app->db, s->install_id, s->user_id, r->now, "transcripts", choice)) == NULL)
		err = db_commit(app->db);
	db_rollback(app->db);
	return err != NULL ? err : resp_see_other(app, r, "/settings?notice=saved");
}

/* Retention ------------------------------------------------------------------------ */

static const struct ib_err *
retention_page(struct app *app, struct req *r, const char *text, const char *error, int64_t ask)
{
	struct view_retention v = { .frame = view_frame_make(app, r), .days = text, .error = error };
	int64_t days, threads, messages;
	const struct ib_err *err;
	struct fmt f;

	fmt_init(&f, app, r);
	if ((err = retention_get(app->db, r->session->install_id, &days)) != NULL)
		return err;
	v.action = req_href(app, r, "/settings/retention");
	v.back = req_href(app, r, "/settings");
	v.now = days_text(app, r, days);
	if (v.days == NULL && days > 0)
		v.days = arena_printf(r->a, "%lld", (long long)days);
	if (ask >= 0) {
		v.preview_days = arena_printf(r->a, "%lld", (long long)ask);
		v.preview = say(app, r, STR_RETENTION_KEEPS_ALL);
	}
	if (ask > 0) {
		if ((err = retention_count(app->db, r->session->install_id, r->now - ask * MS_DAY, &threads,
		    &messages)) != NULL)
			return err;
		v.preview = cat_fill(r->a, say(app, r, STR_RETENTION_PREVIEW), "before",
		    fmt_moment(&f, r->now - ask * MS_DAY), "n", fmt_number(&f, messages), "threads",
		    fmt_number(&f, threads), NULL);
	}
	return resp_page(app, r, error == NULL ? 200 : 422, TPL_RETENTION, &v);
}

const struct ib_err *
h_retention(struct app *app, struct req *r)
{
	const char *text = r->method == M_POST ? req_form(r, "days") : req_query(r, "days");
	const struct session *s = r->session;
	const struct ib_err *err;
	int64_t days;

	if (!s->may_read)
		return resp_problem(app, r, 403, "problem.private");
	if (text == NULL)
		return retention_page(app, r, NULL, NULL, -1);
	if (*text == '\0')
		text = "0";
	if (!str_int_in(text, 0, RETENTION_MOST, &days) || (days > 0 && days < RETENTION_LEAST))
		return retention_page(app, r, text, say(app, r, STR_RETENTION_RANGE), -1);
	if (r->method != M_POST)
		return retention_page(app, r, text, NULL, days);
	if ((err = db_begin(app->db)) != NULL)
		return err;
	if ((err = retention_set(app->db, s->install_id, days)) == NULL &&
	    (err = audit_put(app->db, s->install_id, s->user_id, r->now, "retention", text)) == NULL)
		err = db_commit(app->db);
	db_rollback(app->db);
	if (err != NULL)
		return err;
	resp_then_work(r);
	return resp_see_other(app, r, "/settings?notice=saved");
}
