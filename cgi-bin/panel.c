/* SPDX-License-Identifier: MIT */
/* panel.c - see panel.h. */
#include "panel.h"

#include "../lib/base/str.h"
#include "../lib/store/page.h"

#include <string.h>

#define PANEL_MS	(5 * MS_SECOND)	/* what a page waits for Pipedrive at most */

struct panel {
	struct app	*app;
	struct req	*r;
	const struct fmt *f;
	const struct panel_ask *ask;
	struct crm_view	 data;
	const char	*domain;	/* company_domain, NULL: no links into Pipedrive */
	struct view_crm	*v;
	const char	*key;		/* random, of this page's forms */
};

static const char *
say(const struct panel *p, enum str_id id)
{
	return cat_str(p->app->cats, p->r->lang, id);
}

/* A sentence by its key; one that is not in the catalogue is nobody's business. */
static const char *
say_key(const struct panel *p, const char *key)
{
	return key != NULL ? cat_find(p->app->cats, p->r->lang, key) : NULL;
}

/* Append what is there, with a dot between. */
static const char *
join(const struct panel *p, const char *one, const char *two)
{
	if (str_blank(one) || str_blank(two))
		return str_blank(one) ? two : one;
	return arena_printf(p->r->a, "%s · %s", one, two);
}

static const char *
join_all(const struct panel *p, const char *const *list, size_t n)
{
	const char *out = NULL;
	size_t i;

	for (i = 0; i < n; i++)
		out = out == NULL ? list[i] : arena_printf(p->r->a, "%s, %s", out, list[i]);
	return out;
}

static const char *
kind_label(const struct panel *p, enum crm_kind kind)
{
	static const enum str_id labels[] = { STR_CRM_PERSON, STR_CRM_LEAD, STR_CRM_DEAL };

	return say(p, labels[kind]);
}

static const char *
stage_label(const struct panel *p, int64_t stage_id)
{
	const struct crm_stage *s = stage_id > 0 ? crm_stage_of(&p->data.setup, stage_id) : NULL;

	return s != NULL ? s->name : NULL;
}

static const char *
money(const struct panel *p, const char *value, const char *currency)
{
	return value != NULL ? fmt_money(p->f, value, currency) : NULL;
}

static void
name_rec(const struct panel *p, enum crm_kind kind, const char *id, struct view_crm_rec *v)
{
	v->label = kind_label(p, kind);
	v->kind = crm_kind_name(kind);
	v->id = id;
	v->href = pdcrm_url(p->r->a, p->domain, kind, id);
}

static const char *
status_label(const struct panel *p, const struct crm_rec *r)
{
	if (r->archived)
		return say(p, STR_CRM_ARCHIVED_SHORT);
	if (str_eq(r->status, "won"))
		return say(p, STR_CRM_WON);
	return str_eq(r->status, "lost") ? say(p, STR_CRM_LOST_DEAL) : NULL;
}

static void
show_rec(const struct panel *p, const struct crm_rec *r, const char *where, struct view_crm_rec *v)
{
	name_rec(p, r->kind, r->id, v);
	v->dom_id = arena_printf(p->r->a, "%s-%s-%s", where, v->kind, r->id);
	v->name = r->name;
	v->email = join_all(p, r->emails, r->n_emails);
	v->phone = join_all(p, r->phones, r->n_phones);
	v->facts = join(p, money(p, r->value, r->currency), stage_label(p, r->stage_id));
	v->facts = join(p, v->facts, status_label(p, r));
	v->facts = join(p, v->facts, join(p, r->person, r->org));
}

static void
show_recs(const struct panel *p, const struct crm_recs *recs, const char *where, struct view_crm_rec **list,
    size_t *n)
{
	size_t i;

	if ((*list = ARENA_ARRAY(p->r->a, recs->n + 1, struct view_crm_rec)) == NULL)
		return;
	for (i = 0; i < recs->n; i++)
		show_rec(p, &recs->v[i], where, &(*list)[(*n)++]);
}

/* A link as it is stored, or as Pipedrive has it now. */
static void
show_link(struct panel *p, const struct link *l, const struct crm_rec *now, bool gone)
{
	struct view_crm_rec *v;

	if (l == NULL)
		return;
	v = &p->v->links[p->v->n_links++];
	if (now != NULL) {
		show_rec(p, now, "linked", v);
	} else {
		name_rec(p, l->kind, l->pd_id, v);
		v->dom_id = arena_printf(p->r->a, "linked-%s-%s", v->kind, l->pd_id);
		v->name = l->title;
		v->email = l->email;
		v->phone = l->phone;
		v->facts = join(p, money(p, l->value, l->currency), l->stage);
	}
	v->slot = l->kind == CRM_PERSON ? "person" : "work";
	if (gone)
		v->state = say(p, STR_CRM_GONE);
	else if (now == NULL && l->state == LINK_ARCHIVED)
		v->state = say(p, STR_CRM_ARCHIVED);
	v->stages = p->r->session->may_write && now != NULL && l->kind == CRM_DEAL && !now->archived && !now->deleted &&
	    str_eq(now->status, "open") && p->data.setup.n_stages > 0;
}

static const struct ib_err *
begin(struct panel *p, struct app *app, struct req *r, const struct fmt *f, const struct thread *t)
{
	long long id = (long long)t->id;
	struct view_crm *v = ARENA_NEW(r->a, struct view_crm);

	memset(p, 0, sizeof(*p));
	p->app = app;
	p->r = r;
	p->f = f;
	p->v = v;
	if (v == NULL || (v->links = ARENA_ARRAY(r->a, 2, struct view_crm_rec)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "panel");
	v->href = req_href(app, r, "/inbox/%lld/panel", id);
	v->back = req_href(app, r, "/inbox/%lld", id);
	v->again = req_href(app, r, "/inbox/%lld/panel?again=1", id);
	if (!r->session->may_write)
		return NULL;
	v->link_action = req_href(app, r, "/inbox/%lld/link", id);
	v->unlink_action = req_href(app, r, "/inbox/%lld/unlink", id);
	v->write_action = req_href(app, r, "/inbox/%lld/write", id);
	return NULL;
}

const struct ib_err *
panel_stored(struct app *app, struct req *r, const struct fmt *f, const struct thread *t, struct view_crm **out)
{
	const struct ib_err *err;
	struct panel p;

	if ((err = begin(&p, app, r, f, t)) != NULL ||
	    (err = link_of(app->db, r->a, t->id, &p.data.person, &p.data.work)) != NULL)
		return err;
	show_link(&p, p.data.person, NULL, p.data.person != NULL && p.data.person->state == LINK_GONE);
	show_link(&p, p.data.work, NULL, p.data.work != NULL && p.data.work->state == LINK_GONE);
	p.v->none = p.v->n_links == 0;
	*out = p.v;
	return NULL;
}

/* Suggestions ------------------------------------------------------------------------ */

static const struct ib_err *
hint_why(const struct panel *p, const struct crm_hint *h, const char **out)
{
	const struct ib_err *err;
	const char *why = NULL;
	struct page *page;

	if (h->why & HINT_LINKED) {
		if ((err = page_get(p->app->db, p->r->a, h->page_id, &page)) != NULL)
			return err;
		why = page != NULL ? cat_fill(p->r->a, say(p, STR_CRM_WHY_LINKED), "page", page->name, NULL) :
		    say(p, STR_CRM_WHY_LINKED_ELSE);
	}
	if (h->why & HINT_WORK)
		why = join(p, why, say(p, STR_CRM_WHY_WORK));
	if (h->why & HINT_EMAIL)
		why = join(p, why, say(p, STR_CRM_WHY_EMAIL));
	if (h->why & HINT_PHONE)
		why = join(p, why, say(p, STR_CRM_WHY_PHONE));
	if (h->why & HINT_NAME)
		why = join(p, why, say(p, STR_CRM_WHY_NAME));
	*out = why;
	return NULL;
}

static const struct ib_err *
show_hints(struct panel *p)
{
	const struct ib_err *err;
	struct view_crm_rec *v;
	size_t i;

	if ((p->v->hints = ARENA_ARRAY(p->r->a, CRM_HINTS, struct view_crm_rec)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "panel");
	for (i = 0; i < p->data.n_hints; i++) {
		const struct crm_hint *h = &p->data.hints[i];

		v = &p->v->hints[p->v->n_hints++];
		name_rec(p, CRM_PERSON, h->id, v);
		v->dom_id = arena_printf(p->r->a, "hint-person-%s", h->id);
		v->name = h->name;
		v->email = h->email;
		v->phone = h->phone;
		if ((err = hint_why(p, h, &v->why)) != NULL)
			return err;
	}
	return NULL;
}

/* The person's open deals and leads, but for the linked one. */
static void
show_open(struct panel *p)
{
	const struct crm_recs *lists[] = { &p->data.deals, &p->data.leads };
	size_t i, k;

	p->v->open = ARENA_ARRAY(p->r->a, p->data.deals.n + p->data.leads.n + 1, struct view_crm_rec);
	for (i = 0; p->v->open != NULL && i < 2; i++) {
		for (k = 0; k < lists[i]->n; k++) {
			const struct crm_rec *r = &lists[i]->v[k];

			if (p->data.work == NULL || p->data.work->kind != r->kind ||
			    !str_eq(p->data.work->pd_id, r->id))
				show_rec(p, r, "open", &p->v->open[p->v->n_open++]);
		}
	}
}

/* When it is due, in the reader's zone; Pipedrive's times are UTC. */
static void
show_next(struct panel *p)
{
	const struct crm_activity *act = p->data.next;
	struct view_crm *v = p->v;
	struct civil day = { 0 };
	bool timed, today;
	int64_t at;

	v->no_next = p->data.activities && act == NULL;
	if (act == NULL)
		return;
	v->next = act->subject != NULL ? act->subject : act->type;
	timed = act->due_time != NULL && strlen(act->due_time) >= 5;
	if (act->due_date == NULL || strlen(act->due_date) < 10 || (at = clock_parse_iso(arena_printf(p->r->a,
	    "%.10s %.5s", act->due_date, timed ? act->due_time : "12:00"))) < 0)
		return;
	(void)clock_civil(at, timed ? p->f->zone : "UTC", &day);
	today = day.day_number == p->f->today.day_number;
	v->next_over = timed ? at < p->f->now : day.day_number < p->f->today.day_number;
	v->next_due = cat_fill(p->r->a, say(p, v->next_over ? STR_CRM_DUE_OVER : today ? STR_CRM_DUE_TODAY : STR_CRM_DUE),
	    "when", timed ? fmt_since(p->f, at) : today ? "" : fmt_day(p->f, &day), NULL);
}

/* Forms ---------------------------------------------------------------------------------- */

static struct view_crm_option *
stage_options(const struct panel *p, int64_t chosen, int64_t pipeline, size_t *n)
{
	const struct crm_setup *s = &p->data.setup;
	struct view_crm_option *list = ARENA_ARRAY(p->r->a, s->n_stages + 1, struct view_crm_option);
	bool many = false;
	size_t i;

	*n = 0;
	for (i = 1; i < s->n_stages; i++)
		many = many || s->stages[i].pipeline_id != s->stages[0].pipeline_id;
	for (i = 0; list != NULL && i < s->n_stages; i++) {
		if (pipeline > 0 && s->stages[i].pipeline_id != pipeline)
			continue;
		list[*n].value = arena_printf(p->r->a, "%lld", (long long)s->stages[i].id);
		list[*n].label = many && pipeline == 0 ? arena_printf(p->r->a, "%s: %s", s->stages[i].pipeline,
		    s->stages[i].name) : s->stages[i].name;
		list[(*n)++].chosen = s->stages[i].id == chosen;
	}
	return list;
}

/* The form as it is offered first, or as it was refused. */
static void
begin_form(const struct panel *p, const char *what, struct view_crm_form *v)
{
	const struct view_crm_form *kept = p->ask->form;

	if (kept != NULL && str_eq(kept->what, what)) {
		*v = *kept;
		v->open = true;
	}
	v->what = what;
	v->key = arena_printf(p->r->a, "%s-%s", p->key, what);
	v->dom_id = arena_printf(p->r->a, "crm-%s", what);
}

static struct view_crm_form *
small_form(const struct panel *p, const char *what)
{
	struct view_crm_form *v = ARENA_NEW(p->r->a, struct view_crm_form);

	if (v != NULL)
		begin_form(p, what, v);
	return v;
}

/* A new person, lead or deal, filled with what is known. */
static void
offer_new(const struct panel *p, enum crm_kind kind, const char *currency, struct view_crm_form *v)
{
	static const enum str_id headings[] = { STR_CRM_NEW_PERSON, STR_CRM_NEW_LEAD, STR_CRM_NEW_DEAL };
	const struct contacts *c = &p->data.contacts;
	const char *name = fmt_customer(p->f, p->ask->t->name, p->ask->t->psid);

	begin_form(p, crm_kind_name(kind), v);
	v->heading = say(p, headings[kind]);
	v->work = kind != CRM_PERSON;
	v->stages = kind == CRM_DEAL && p->data.setup.n_stages > 0;
	v->with_person = v->work && p->data.person == NULL;
	v->who = v->with_person || !v->work;
	if (v->open)
		return;
	v->name = p->ask->t->name;
	v->email = c->n_emails > 0 ? c->emails[0].text : NULL;
	v->phone = c->n_phones > 0 ? c->phones[0].text : NULL;
	v->title = p->ask->page == NULL ? name :
	    cat_fill(p->r->a, say(p, STR_CRM_TITLE), "name", name, "page", p->ask->page, NULL);
	v->currency = currency;
}

/* The currency the person's business is in already, else a likely one. */
static const char *
currency_of(const struct panel *p)
{
	const struct crm_view *d = &p->data;

	if (d->deals.n > 0 && d->deals.v[0].currency != NULL)
		return d->deals.v[0].currency;
	if (d->leads.n > 0 && d->leads.v[0].currency != NULL)
		return d->leads.v[0].currency;
	return p->r->lang == LANG_JA ? "JPY" : "EUR";
}

static void
offer_forms(struct panel *p)
{
	const struct crm_setup *s = &p->data.setup;
	const char *currency = currency_of(p);
	struct view_crm *v = p->v;
	size_t i;

	if ((v->forms = ARENA_ARRAY(p->r->a, 3, struct view_crm_form)) == NULL)
		return;
	for (v->n_forms = 0; v->n_forms < 3; v->n_forms++)
		offer_new(p, (enum crm_kind)v->n_forms, currency, &v->forms[v->n_forms]);
	v->new_stages = stage_options(p, s->n_stages > 0 ? s->stages[0].id : 0, 0, &v->n_new_stages);
	if (p->data.person == NULL && p->data.work == NULL)
		return;
	v->note = small_form(p, "note");
	if (s->n_types == 0 || (v->activity = small_form(p, "activity")) == NULL)
		return;
	if (!v->activity->open)
		v->activity->date = arena_printf(p->r->a, "%.10s", fmt_iso(p->f, &p->f->today));
	if ((v->types = ARENA_ARRAY(p->r->a, s->n_types, struct view_crm_option)) == NULL)
		return;
	for (i = 0; i < s->n_types; i++)
		v->types[v->n_types++] = (struct view_crm_option){ s->types[i].key, s->types[i].name, false };
}

/* What is under way, and what was refused while nobody looked. */
static const struct ib_err *
show_writes(struct panel *p)
{
	static const enum str_id names[ACT_MAX] = { STR_CRM_ACT_PERSON, STR_CRM_ACT_LEAD, STR_CRM_ACT_DEAL,
		STR_CRM_ACT_STAGE, STR_CRM_ACT_ACTIVITY, STR_CRM_ACT_NOTE };
	const struct ib_err *err;
	struct view_crm_write *v;
	struct crm_write *w;
	const char *why;
	bool some = false;
	size_t i, n;

	if ((err = writes_of(p->app->db, p->r->a, p->ask->t->id, p->r->session->user_id, p->r->now, &w, &n)) != NULL)
		return err;
	if ((p->v->writes = ARENA_ARRAY(p->r->a, n + 1, struct view_crm_write)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "panel");
	for (i = 0; i < n; i++) {
		v = &p->v->writes[p->v->n_writes++];
		v->bad = w[i].state == WRITE_REFUSED;
		if (!v->bad) {
			p->v->pending = true;
			v->text = cat_fill(p->r->a, say(p, STR_CRM_UNDER_WAY), "what", say(p, names[w[i].act]), NULL);
			continue;
		}
		some = true;
		why = say_key(p, w[i].why);
		v->text = cat_fill(p->r->a, say(p, STR_CRM_NOT_DONE), "what", say(p, names[w[i].act]), "sentence",
		    why != NULL ? why : "", NULL);
	}
	return some ? writes_shown(p->app->db, p->ask->t->id, p->r->session->user_id) : NULL;
}

static void
show_found(struct panel *p, bool asked)
{
	struct view_crm *v = p->v;

	v->term = p->ask->term;
	if (v->term == NULL)
		return;
	show_recs(p, &p->data.found, "found", &v->found, &v->n_found);
	v->nothing = asked && v->n_found == 0;
}

const struct ib_err *
panel_load(struct app *app, struct req *r, const struct fmt *f, const struct panel_ask *ask, struct view_crm **out)
{
	const struct ib_err *err;
	char *key;
	struct panel p;
	struct crm c;

	if ((err = begin(&p, app, r, f, ask->t)) != NULL)
		return err;
	p.ask = ask;
	if ((err = crypt_token(r->a, 18, &key)) != NULL ||
	    (err = crm_stored(app->db, r->a, ask->t, &p.data)) != NULL ||
	    (err = crm_open(app->sync, r->a, r->session->install_id, r->session->user_id, PANEL_MS, ask->again,
	    &c)) != NULL ||
	    (err = crm_live(&c, ask->t, ask->term, r->now, &p.data)) != NULL)
		return err;
	p.key = key;
	p.domain = c.domain;
	p.v->live = true;
	p.v->said = ask->said;
	p.v->error = ask->error;
	p.v->words = ask->words;
	p.v->away = say_key(&p, c.why);
	if (str_eq(p.v->away, ask->error))
		p.v->away = NULL;
	show_link(&p, p.data.person, p.data.person_now, p.data.person_gone);
	show_link(&p, p.data.work, p.data.work_now, p.data.work_gone);
	p.v->none = p.v->n_links == 0;
	if ((err = show_hints(&p)) != NULL || (err = show_writes(&p)) != NULL)
		return err;
	show_recs(&p, &ask->doubles, "double", &p.v->doubles, &p.v->n_doubles);
	show_open(&p);
	show_next(&p);
	show_found(&p, c.why == NULL);
	if (r->session->may_write)
		offer_forms(&p);
	if (r->session->may_write && p.data.work_now != NULL && p.data.work->kind == CRM_DEAL) {
		p.v->stages = stage_options(&p, p.data.work_now->stage_id, p.data.work_now->pipeline_id,
		    &p.v->n_stages);
		p.v->stage_now = arena_printf(r->a, "%lld", (long long)p.data.work_now->stage_id);
		p.v->stage_key = arena_printf(r->a, "%s-stage", key);
	}
	*out = p.v;
	return arena_failed(r->a) ? ib_fail(IB_ENOMEM, IB_RETRY_LATER, "panel") : NULL;
}
