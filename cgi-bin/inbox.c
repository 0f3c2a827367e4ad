/* SPDX-License-Identifier: MIT */
/* inbox.c - see inbox.h: one page of the inbox, from one moment of the database. */
#include "inbox.h"
#include "panel.h"
#include "pass.h"

#include "../lib/api/codes.h"
#include "../lib/base/str.h"
#include "../lib/store/shelf.h"
#include "../lib/store/upload.h"

#include <stdio.h>
#include <string.h>

const struct ib_err *
inbox_begin(struct app *app, struct req *r, struct inbox *in)
{
	memset(in, 0, sizeof(*in));
	in->app = app;
	in->r = r;
	in->query = "";
	in->human_agent = conf_bool(app->conf, CONF_FB_HUMAN_AGENT);
	fmt_init(&in->fmt, app, r);
	return pages_of(app->db, r->a, r->session->install_id, &in->pages, &in->npages);
}

const struct page *
inbox_page(const struct inbox *in, int64_t id)
{
	size_t i;

	for (i = 0; i < in->npages; i++)
		if (in->pages[i].id == id)
			return &in->pages[i];
	return NULL;
}

bool
key_ok(const char *s)
{
	size_t n = s == NULL ? 0 : strlen(s);

	return n >= 16 && n <= 64 && strspn(s,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}

/* Facebook's own inbox, as thread owner (messenger.md 4.7: documents disagree on its id). */
static bool
is_page_inbox(const char *app_id)
{
	return strcmp(app_id, "26390203743090") == 0 || strcmp(app_id, "263902037430900") == 0;
}

static const char *
say(const struct inbox *in, enum str_id id)
{
	return cat_str(in->app->cats, in->r->lang, id);
}

const char *
help_who(const struct app *app, enum lang lang, const char *key)
{
	static const enum str_id names[] = {
		[WHO_AGENT] = STR_HELP_AGENT, [WHO_PAGE_ADMIN] = STR_HELP_PAGE_ADMIN,
		[WHO_COMPANY_ADMIN] = STR_HELP_COMPANY_ADMIN, [WHO_HOST] = STR_HELP_HOST,
		[WHO_FACEBOOK] = STR_HELP_FACEBOOK, [WHO_PIPEDRIVE] = STR_HELP_PIPEDRIVE
	};
	const struct code_row *row = code_by_key(key);

	return row == NULL || row->who == WHO_NOBODY ? NULL : cat_str(app->cats, lang, names[row->who]);
}

/* Why there is no box, and what helps. */
static void
close_box(struct inbox *in, struct view_closed *c, enum str_id why, enum str_id advice)
{
	c->reason = say(in, why);
	c->advice = say(in, advice);
}

const struct draft *
inbox_draft(const struct inbox *in, int64_t thread)
{
	size_t i;

	for (i = 0; i < in->ndrafts; i++)
		if (in->drafts[i].thread_id == thread)
			return &in->drafts[i];
	return NULL;
}

static const char *
number_text(struct arena *a, int64_t n)
{
	return n == 0 ? NULL : arena_printf(a, "%lld", (long long)n);
}

/* The question that stands before sending. */
static const struct ib_err *
fill_ask(struct inbox *in, const struct inbox_ask *ask, struct view_composer *box)
{
	struct arena *a = in->r->a;
	struct view_ask *v;
	char n[24];
	size_t i;

	if (ask->why == ASK_NOTHING)
		return NULL;
	if ((v = ARENA_NEW(a, struct view_ask)) == NULL ||
	    (v->parts = ARENA_ARRAY(a, ask->nparts + 1, struct view_part)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "ask");
	box->ask = v;
	v->confirmed = number_text(a, ask->confirmed);
	v->anyway = ask->anyway ? "1" : NULL;
	if (ask->why == ASK_OUTDATED) {
		v->text = say(in, STR_ASK_OUTDATED);
		v->name = "anyway";
		v->value = "1";
		v->label = say(in, STR_ASK_ANYWAY);
		return NULL;
	}
	for (i = 0; i < ask->nparts; i++)
		v->parts[v->n_parts++].text = ask->parts[i];
	snprintf(n, sizeof(n), "%zu", ask->nparts);
	v->text = cat_fill(a, say(in, STR_ASK_PARTS), "n", n, NULL);
	v->name = "parts";
	v->value = number_text(a, (int64_t)ask->nparts);
	v->label = cat_fill(a, say(in, STR_ASK_AS_PARTS), "n", n, NULL);
	return NULL;
}

/* What the box holds: what was asked for, else the draft; never the one in place of the other. */
static void
fill_text(struct inbox *in, const struct inbox_ask *ask, struct view_composer *box)
{
	const struct draft *d = inbox_draft(in, in->thread->id);
	int64_t replaces = ask->replaces;

	box->text = ask->text;
	if (d != NULL) {
		box->base = d->form;
		if (ask->text == NULL || (ask->edit && d->replaces == replaces)) {
			box->text = d->text;
			replaces = d->replaces;
		} else if (ask->edit) {
			box->text = arena_printf(in->r->a, "%s\n%s", ask->text, d->text);
		}
	}
	box->replaces = number_text(in->r->a, replaces);
}

/* Files of the form that was refused: they are here already. */
static const struct ib_err *
fill_kept(struct inbox *in, struct view_composer *box)
{
	const char **keys;
	size_t i, n = req_form_all(in->r, "upload", &keys);
	const struct ib_err *err;
	struct upload *u;

	if (n == 0)
		return NULL;
	if ((box->files = ARENA_ARRAY(in->r->a, n, struct view_kept_file)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "composer");
	for (i = 0; i < n; i++) {
		if ((err = upload_find(in->app->db, in->r->a, in->thread->id, in->r->session->user_id, keys[i],
		    &u)) != NULL)
			return err;
		if (u != NULL && u->type != 0)
			box->files[box->n_files++] = (struct view_kept_file){ u->key, u->name, fmt_size(&in->fmt, u->size) };
	}
	return NULL;
}

struct view_left *
left_make(const struct inbox *in, int64_t until, bool brief)
{
	struct view_left *v = ARENA_NEW(in->r->a, struct view_left);
	int64_t ms = until - in->r->now;
	struct civil c;

	if (v == NULL)
		return NULL;
	(void)clock_civil(until, in->fmt.zone, &c);
	v->text = fmt_left(&in->fmt, ms, brief);
	v->iso = fmt_iso(&in->fmt, &c);
	v->ms = ms;
	v->urgent = ms < MS_HOUR;
	v->soon = !v->urgent && ms < LEFT_SOON_MS;
	return v;
}

/* The window is over: which one it was, and since when. */
static void
close_window(struct inbox *in, struct view_closed *c)
{
	const struct thread *t = in->thread;
	bool ad = t->ad_at > 0 && in->until == t->ad_at + WINDOW_LONG_MS;

	close_box(in, c, ad ? STR_CLOSED_AD : in->human_agent ? STR_CLOSED_WEEK : STR_CLOSED_DAY, STR_ADVICE_WAIT);
	c->since = cat_fill(in->r->a, say(in, STR_CLOSED_SINCE), "since", fmt_since(&in->fmt, in->until), NULL);
}

static const struct ib_err *
fill_composer(struct inbox *in, const struct inbox_ask *ask, struct view_conv *v)
{
	const struct page *p = inbox_page(in, in->thread->page_id);
	const struct thread *t = in->thread;
	struct view_closed *c = ARENA_NEW(in->r->a, struct view_closed);
	struct view_composer *box = ARENA_NEW(in->r->a, struct view_composer);
	const struct ib_err *err;
	char *key;

	if (c == NULL || box == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "composer");
	fill_text(in, ask, box);
	c->text = box->text;
	c->is_draft = ask->text == NULL;
	c->error = ask->error;
	v->closed = c;
	if (!in->r->session->may_write) {
		close_box(in, c, STR_CLOSED_READER, STR_ADVICE_READER);
	} else if (p == NULL || p->state != PAGE_ACTIVE) {
		const char *why = p != NULL ? cat_find(in->app->cats, in->r->lang, p->why) : NULL;

		close_box(in, c, STR_CLOSED_PAGE, STR_ADVICE_RECONNECT);
		if (why != NULL)
			c->reason = why;
		if (in->r->session->admin) {
			c->way = req_below(in->app, in->r, "/connect/more");
			c->way_label = say(in, STR_WAY_RECONNECT);
		}
	} else if (t->owner_app != NULL) {
		if (is_page_inbox(t->owner_app))
			close_box(in, c, STR_CLOSED_PAGE_INBOX, STR_ADVICE_PAGE_INBOX);
		else
			close_box(in, c, STR_CLOSED_OTHER_APP, STR_ADVICE_FACEBOOK);
		if (t->link != NULL) {
			c->way = t->link;
			c->way_label = say(in, STR_WAY_FACEBOOK);
		}
	} else if (in->window == WINDOW_CLOSED) {
		close_window(in, c);
	} else if (in->window == WINDOW_NEVER) {
		close_box(in, c, STR_CLOSED_NEVER, STR_ADVICE_ELSEWHERE);
	} else {
		v->closed = NULL;
		if ((err = crypt_token(in->r->a, 18, &key)) != NULL)
			return err;
		box->action = inbox_href(in, arena_printf(in->r->a, "%s/inbox/%lld/reply", in->r->session->root, (long long)t->id));
		box->draft = inbox_href(in, arena_printf(in->r->a, "%s/inbox/%lld/draft", in->r->session->root, (long long)t->id));
		box->key = key;
		box->seen = arena_printf(in->r->a, "%lld-%s", (long long)in->seen.now,
		    key_text(in->r->a, in->seen.at, in->seen.id));
		box->error = ask->error;
		box->max = REPLY_MAX_UNITS;
		box->until = fmt_until(&in->fmt, in->until);
		box->left = left_make(in, in->until, false);
		box->days = say(in, STR_LEFT_DAYS);
		box->hours = say(in, STR_LEFT_HOURS);
		box->minutes = say(in, STR_LEFT_MINUTES);
		box->plain = in->window == WINDOW_OPEN;
		box->ad = in->window == WINDOW_AD;
		box->agent = in->window == WINDOW_AGENT;
		box->ticked = ask->ticked;
		box->enter = in->r->session->prefs.at[PREF_SEND] != 0;
		if ((err = fill_kept(in, box)) != NULL)
			return err;
		v->composer = box;
		return fill_ask(in, ask, box);
	}
	return NULL;
}

/* What became of it, and what can be done with it. */
static const struct ib_err *
fill_state(struct inbox *in, const struct inbox_ask *ask, struct view_state *v)
{
	const struct thread *t = in->thread;
	const struct fmt *f = &in->fmt;
	const struct ib_err *err;
	const char *who = NULL;

	if (in->r->session->may_write)
		v->action = inbox_href(in, arena_printf(in->r->a, "%s/inbox/%lld/state", in->r->session->root, (long long)t->id));
	v->open = t->state == THREAD_OPEN;
	v->later = f->today.hour < 20;
	v->monday = f->today.wday != 0;
	v->unread = in->r->pass == NULL;
	v->error = ask->state_error;
	v->at = ask->state_at;
	if (v->open) {
		if (t->woke_at > t->last_at)
			v->text = cat_fill(in->r->a, say(in, STR_STATE_BACK), "time", fmt_since(f, t->woke_at), NULL);
		return NULL;
	}
	if ((err = user_name(in->app->db, in->r->a, t->state_by, &who)) != NULL)
		return err;
	v->text = cat_fill(in->r->a, say(in, t->state == THREAD_DONE ? STR_STATE_DONE : STR_STATE_SNOOZED),
	    "name", who != NULL ? who : say(in, STR_SETTINGS_SOMEBODY), "time",
	    t->state == THREAD_DONE ? fmt_since(f, t->state_at) : fmt_moment(f, t->until_at), NULL);
	return NULL;
}

static const struct ib_err *
fill_conv(struct inbox *in, const struct inbox_ask *ask, struct view_conv *v)
{
	const struct ib_err *err;
	const struct thread *t = in->thread;
	const struct page *p = inbox_page(in, t->page_id);
	struct view_panel *panel = ARENA_NEW(in->r->a, struct view_panel);
	struct view_state *state = ARENA_NEW(in->r->a, struct view_state);
	struct civil c;

	if (panel == NULL || state == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "panel");
	if (in->r->pass == NULL)
		v->back = inbox_href(in, "/inbox");
	else if (in->r->pass->n_threads > 1)
		v->back = req_href(in->app, in->r, "%s/panel", in->r->session->root);
	v->id = t->id;
	v->name = fmt_customer(&in->fmt, t->name, t->psid);
	v->initials = t->name == NULL ? "" : fmt_initials(&in->fmt, t->name);
	if (!str_blank(t->picture))
		v->picture = req_href(in->app, in->r, "%s/avatar/%lld", in->r->session->root, (long long)t->id);
	v->tint = t->id % 8;
	v->page = p != NULL ? p->name : NULL;
	v->fb = t->link;
	v->reads_only = !in->r->session->may_write;
	if (in->r->pass != NULL)
		v->open = req_href(in->app, in->r, "/inbox/%lld", (long long)t->id);
	else
		v->panel = panel;
	panel->name = v->name;
	panel->page = v->page;
	panel->href = req_href(in->app, in->r, "/inbox/%lld/panel", (long long)t->id);
	if (t->last_at > 0) {
		panel->last_at = fmt_moment(&in->fmt, t->last_at);
		(void)clock_civil(t->last_at, in->fmt.zone, &c);
		panel->last_iso = fmt_iso(&in->fmt, &c);
	}
	in->window = window_state(t->customer_at, t->ad_at, in->r->now, in->human_agent, &in->until);
	in->writable = in->r->session->may_write && p != NULL && p->state == PAGE_ACTIVE && t->owner_app == NULL &&
	    in->window != WINDOW_CLOSED && in->window != WINDOW_NEVER;
	if (in->r->pass == NULL && (err = panel_stored(in->app, in->r, &in->fmt, t, &in->view.crm)) != NULL)
		return err;
	/* The lead or deal comes last, and says most. */
	if (in->view.crm != NULL && in->view.crm->n_links > 0)
		panel->link = in->view.crm->links[in->view.crm->n_links - 1].name;
	v->state = state;
	if ((err = came_make(in, t->source, &in->came)) != NULL)
		return err;
	panel->came = in->came;
	if ((err = fill_state(in, ask, state)) != NULL || (err = messages_load(in, ask, v)) != NULL)
		return err;
	/* The first contact is only known when the whole conversation is here. */
	if (v->end_start && v->n_messages > 0) {
		panel->first_at = fmt_moment(&in->fmt, in->oldest_at);
		panel->first_iso = v->messages[0].datetime;
	}
	return fill_composer(in, ask, v);
}

/* Events that could not be processed: a band for admins. */
static const struct ib_err *
fill_shelf(struct inbox *in, struct view_alert *al, bool *any)
{
	const struct ib_err *err;
	char number[24];
	int64_t n;

	*any = false;
	if (!in->r->session->admin)
		return NULL;
	if ((err = shelf_count(in->app->db, in->r->session->install_id, &n)) != NULL || n == 0)
		return err;
	*any = true;
	snprintf(number, sizeof(number), "%lld", (long long)n);
	al->text = cat_fill(in->r->a, cat_find_n(in->app->cats, in->r->lang, "shelf.band", n),
	    "n", number, NULL);
	al->way = req_below(in->app, in->r, "/shelf");
	al->way_label = say(in, STR_WAY_SHELF);
	return NULL;
}

/* Bands above the panes: Pages that need somebody. */
static const struct ib_err *
fill_bands(struct inbox *in, const struct inbox_ask *ask)
{
	struct view_inbox *v = &in->view;
	const struct ib_err *err;
	struct ib_buf names;
	bool shelf;
	size_t i;

	if ((v->alerts = ARENA_ARRAY(in->r->a, 2 * in->npages + 1, struct view_alert)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "alerts");
	buf_init(&names, 4096);
	for (i = 0; i < in->npages; i++) {
		const struct page *p = &in->pages[i];
		const char *why = cat_find(in->app->cats, in->r->lang, p->why);
		struct view_alert *al;

		if (p->state == PAGE_ACTIVE) {
			buf_puts(&names, names.len > 0 ? say(in, STR_NAME_NEXT) : "");
			buf_puts(&names, p->name);
			if (strcmp(p->import_state, "done") != 0)
				v->import = req_below(in->app, in->r, "/connect/import");
			/* Everybody's replies wait: everybody is told. */
			if (p->send_after > in->r->now)
				v->alerts[v->n_alerts++].text = cat_fill(in->r->a,
				    say(in, STR_NOTICE_SENDS_PAUSED), "page", p->name, "time",
				    fmt_since(&in->fmt, p->send_after), NULL);
			else if (*p->policy != '\0')
				v->alerts[v->n_alerts++].text = cat_fill(in->r->a, say(in, strcmp(p->policy, "block") == 0 ?
				    STR_NOTICE_BLOCKED : STR_NOTICE_WARNED), "page", p->name, NULL);
			continue;
		}
		al = &v->alerts[v->n_alerts++];
		al->text = cat_fill(in->r->a, say(in, STR_NOTICE_PAGE), "page", p->name,
		    "sentence", why != NULL ? why : say(in, STR_CLOSED_PAGE), NULL);
		al->who = help_who(in->app, in->r->lang, p->why);
		if (in->r->session->admin) {
			al->way = req_below(in->app, in->r, "/connect/more");
			al->way_label = say(in, STR_WAY_RECONNECT);
		}
	}
	if ((err = fill_shelf(in, &v->alerts[v->n_alerts], &shelf)) == NULL && shelf)
		v->n_alerts++;
	if (ask->connected && names.len > 0)
		v->connected = arena_dup(in->r->a, buf_cstr(&names));
	buf_fini(&names);
	return err;
}

const struct ib_err *
inbox_answer(struct app *app, struct req *r, int status, const struct inbox *in)
{
	return resp_page(app, r, status, r->pass != NULL ? TPL_EMBED : TPL_INBOX, &in->view);
}

const struct ib_err *
inbox_load(struct app *app, struct req *r, const struct inbox_ask *ask, struct inbox *in)
{
	const struct ib_err *err;
	struct view_list *list = ARENA_NEW(r->a, struct view_list);
	struct view_conv *conv = ARENA_NEW(r->a, struct view_conv);

	if (list == NULL || conv == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "inbox");
	if ((err = db_read_begin(app->db)) != NULL || (err = inbox_begin(app, r, in)) != NULL)
		return err;
	in->reading = ask->thread != 0 && ask->msg_at == 0 && !ask->away;
	if ((in->query = filter_any(&ask->filter) ? filter_query(r->a, &ask->filter) : "") == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "inbox");
	if ((err = drafts_of(app->db, r->a, r->session->user_id, ask->thread, &in->drafts, &in->ndrafts)) != NULL)
		return err;
	if (ask->thread != 0) {
		if ((err = thread_get(app->db, r->a, r->session->install_id, ask->thread,
		    r->session->user_id, &in->thread)) != NULL)
			return err;
		if ((in->missing = in->thread == NULL))
			return NULL;
		if ((err = fill_conv(in, ask, conv)) != NULL)
			return err;
		in->view.conv = conv;
	}
	in->view.frame = view_frame_make(app, r);
	/* Inside Pipedrive there is the conversation alone. */
	if (r->pass != NULL) {
		in->view.poll = req_href(app, r, "%s/poll/%lld", r->session->root, (long long)ask->thread);
		return NULL;
	}
	if ((err = list_load(in, ask, list)) != NULL ||
	    (err = fresh_load(in, ask->thread, &list->sync)) != NULL ||
	    (err = fill_bands(in, ask)) != NULL)
		return err;
	in->view.list = list;
	in->view.poll = inbox_href(in, ask->thread == 0 ? "/poll" :
	    arena_printf(r->a, "/poll?thread=%lld", (long long)ask->thread));
	return NULL;
}
