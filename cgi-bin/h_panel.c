/* SPDX-License-Identifier: MIT */
/*
 * h_panel.c - Pipedrive beside a conversation: the panel, linking, writing.
 *
 * Nothing is made or changed but by a form that somebody sent, with that
 * person's own authorisation.  What was entered comes back with a sentence when
 * it cannot be taken.  Every link and write leaves an audit line.
 */
#include "auth.h"
#include "frame.h"
#include "handlers.h"
#include "inbox.h"
#include "panel.h"

#include "../lib/base/contact.h"
#include "../lib/base/str.h"

#include <stdio.h>
#include <string.h>

#define WRITE_MS	(8 * MS_SECOND)
#define NAME_MOST	255
#define NOTE_MOST	20000
#define TERM_MOST	100

/* What everything here needs first.  *in.t NULL: an answer was made. */
struct place {
	struct thread	*t;
	struct page	*page;
	struct fmt	 fmt;
};

static const struct ib_err *
find_place(struct app *app, struct req *r, struct place *in)
{
	const struct ib_err *err;
	struct thread *t;

	memset(in, 0, sizeof(*in));
	if ((err = thread_of_path(app, r, "/inbox", "way.inbox", &t)) != NULL || t == NULL)
		return err;
	if ((err = page_get(app->db, r->a, t->page_id, &in->page)) != NULL)
		return err;
	fmt_init(&in->fmt, app, r);
	in->t = t;
	return NULL;
}

static const struct ib_err *
show(struct app *app, struct req *r, const struct place *in, struct panel_ask *ask, int status)
{
	struct view_panel_page v = { .frame = view_frame_make(app, r) };
	const struct ib_err *err;

	ask->t = in->t;
	ask->page = in->page != NULL ? in->page->name : NULL;
	v.name = fmt_customer(&in->fmt, in->t->name, in->t->psid);
	if ((err = panel_load(app, r, &in->fmt, ask, &v.crm)) != NULL)
		return err;
	if (v.crm->pending)
		resp_then_work(r);
	return resp_page(app, r, status, TPL_PANEL, &v);
}

/* Sentences after a redirect: ?said=word. */
static const struct { const char *word; enum str_id id; } said[] = {
	{ "linked", STR_CRM_SAID_LINKED }, { "unlinked", STR_CRM_SAID_UNLINKED },
	{ "person", STR_CRM_SAID_PERSON }, { "lead", STR_CRM_SAID_LEAD }, { "deal", STR_CRM_SAID_DEAL },
	{ "stage", STR_CRM_SAID_STAGE }, { "activity", STR_CRM_SAID_ACTIVITY }, { "note", STR_CRM_SAID_NOTE },
};

const struct ib_err *
h_panel(struct app *app, struct req *r)
{
	const char *word = req_query(r, "said"), *term = req_query(r, "q");
	struct panel_ask ask = { 0 };
	const struct ib_err *err;
	struct place in;
	size_t i;

	if ((err = find_place(app, r, &in)) != NULL || in.t == NULL)
		return err;
	for (i = 0; word != NULL && i < sizeof(said) / sizeof(said[0]); i++)
		if (strcmp(word, said[i].word) == 0)
			ask.said = cat_str(app->cats, r->lang, said[i].id);
	if (!str_blank(term))
		ask.term = str_line(r->a, term, strlen(term), TERM_MOST);
	ask.again = req_query(r, "again") != NULL;
	return show(app, r, &in, &ask, 200);
}

/* The panel again with a sentence. */
static const struct ib_err *
refuse(struct app *app, struct req *r, const struct place *in, int status, const char *sentence,
    const char *words, const struct view_crm_form *form, const struct crm_recs *doubles)
{
	struct panel_ask ask = { .error = sentence, .words = words, .form = form };

	if (doubles != NULL)
		ask.doubles = *doubles;
	return show(app, r, in, &ask, status);
}

static const struct ib_err *
refuse_key(struct app *app, struct req *r, const struct place *in, int status, const char *key)
{
	const char *sentence = key != NULL ? cat_find(app->cats, r->lang, key) : NULL;

	return refuse(app, r, in, status, sentence != NULL ? sentence : cat_str(app->cats, r->lang, STR_CRM_AWAY),
	    NULL, NULL, NULL);
}

/* Linking ----------------------------------------------------------------------------- */

const struct ib_err *
h_link(struct app *app, struct req *r)
{
	const char *id = req_form(r, "id"), *stage = NULL;
	const struct crm_stage *st;
	const struct ib_err *err;
	struct crm_setup setup;
	struct crm_rec *rec;
	enum crm_kind kind;
	struct place in;
	struct crm c;

	if ((err = find_place(app, r, &in)) != NULL || in.t == NULL)
		return err;
	if (!crm_kind_parse(req_form(r, "kind"), &kind) || id == NULL || !crm_id_ok(kind, id))
		return resp_problem(app, r, 400, "problem.bad_request");
	/* It must be there, and this person must be allowed to see it. */
	if ((err = crm_open(app->sync, r->a, r->session->install_id, r->session->user_id, WRITE_MS, true, &c)) != NULL ||
	    (err = crm_fetch(&c, kind, id, &rec)) != NULL)
		return err;
	if (rec == NULL)
		return refuse_key(app, r, &in, 409, c.why);
	if (rec->stage_id > 0) {
		if ((err = crm_setup_get(&c, r->now, &setup)) != NULL)
			return err;
		if ((st = crm_stage_of(&setup, rec->stage_id)) != NULL)
			stage = st->name;
	}
	if ((err = db_begin(app->db)) != NULL)
		return err;
	if ((err = link_put(app->db, r->a, r->session->install_id, in.t->id, r->session->user_id, rec, stage,
	    r->now)) == NULL)
		err = db_commit(app->db);
	db_rollback(app->db);
	if (err != NULL)
		return err;
	return resp_see_other(app, r, "/inbox/%lld/panel?said=linked", (long long)in.t->id);
}

const struct ib_err *
h_unlink(struct app *app, struct req *r)
{
	const char *slot = req_form(r, "slot");
	const struct ib_err *err;
	struct place in;
	bool ended;

	if ((err = find_place(app, r, &in)) != NULL || in.t == NULL)
		return err;
	if (!str_eq(slot, "person") && !str_eq(slot, "work"))
		return resp_problem(app, r, 400, "problem.bad_request");
	if ((err = db_begin(app->db)) != NULL)
		return err;
	if ((err = link_end(app->db, r->a, r->session->install_id, in.t->id, r->session->user_id,
	    str_eq(slot, "person"), r->now, &ended)) == NULL)
		err = db_commit(app->db);
	db_rollback(app->db);
	if (err != NULL)
		return err;
	return resp_see_other(app, r, "/inbox/%lld/panel?said=unlinked", (long long)in.t->id);
}

/* What was entered -------------------------------------------------------------------------- */

/* One line, NULL when blank.  `ascii`: full-width digits and signs become plain ones. */
static const char *
field(struct req *r, const char *name, bool ascii)
{
	const char *raw = req_form(r, name), *s;

	if (str_blank(raw))
		return NULL;
	s = ascii ? contact_fold(r->a, raw) : str_line(r->a, raw, strlen(raw), NAME_MOST);
	return str_blank(s) ? NULL : s;
}

static void
keep(struct req *r, struct view_crm_form *v)
{
	v->name = field(r, "name", false);
	v->email = field(r, "email", true);
	v->phone = field(r, "phone", true);
	v->title = field(r, "title", false);
	v->value = field(r, "value", true);
	v->currency = field(r, "currency", true);
	v->subject = field(r, "subject", false);
	v->date = field(r, "date", true);
	v->time = field(r, "time", true);
	v->text = req_form(r, "text");
}

/* "1,200.50" as "1200.50"; NULL when it is no amount. */
static const char *
amount(struct arena *a, const char *s)
{
	char *out = arena_alloc(a, strlen(s) + 1), *w = out;
	size_t whole, part;

	if (out == NULL)
		return NULL;
	for (; *s != '\0'; s++)
		if (*s != ',' && *s != ' ')
			*w++ = *s;
	*w = '\0';
	whole = strspn(out, "0123456789");
	if (whole == 0 || whole > 12)
		return NULL;
	if (out[whole] == '\0')
		return out;
	part = strspn(out + whole + 1, "0123456789");
	return out[whole] == '.' && part >= 1 && part <= 2 && out[whole + 1 + part] == '\0' ? out : NULL;
}

static const char *
currency(struct arena *a, const char *s)
{
	char *out = arena_dup(a, s);
	size_t i;

	for (i = 0; out != NULL && out[i] != '\0'; i++)
		if (out[i] >= 'a' && out[i] <= 'z')
			out[i] = (char)(out[i] - 'a' + 'A');
	return out != NULL && i == 3 && strspn(out, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3 ? out : NULL;
}

/* The moment that the clock in that zone shows as "2026-12-01" "09:30". */
static int64_t
moment(struct arena *a, const char *date, const char *time, const char *zone)
{
	int64_t want = clock_parse_iso(arena_printf(a, "%s %s", date, time));

	return want < 0 ? want : clock_shown(want, zone);
}

/* Each returns the sentence that refuses; that of no sentence when all is well. */
#define FINE ((enum str_id)0)

static enum str_id
read_person(const struct view_crm_form *v, struct crm_new *n)
{
	if (v->name == NULL)
		return STR_CRM_NEED_NAME;
	if (v->email != NULL && !contact_is_email(v->email))
		return STR_CRM_BAD_EMAIL;
	if (v->phone != NULL && !contact_is_phone(v->phone))
		return STR_CRM_BAD_PHONE;
	n->act = ACT_PERSON;
	n->name = v->name;
	n->email = v->email;
	n->phone = v->phone;
	return FINE;
}

static enum str_id
read_work(struct req *r, const struct view_crm_form *v, const struct crm_setup *setup, struct crm_new *n)
{
	if (v->title == NULL)
		return STR_CRM_NEED_TITLE;
	n->name = v->title;
	if (v->value != NULL) {
		if ((n->value = amount(r->a, v->value)) == NULL)
			return STR_CRM_BAD_VALUE;
		if (v->currency == NULL || (n->currency = currency(r->a, v->currency)) == NULL)
			return STR_CRM_BAD_CURRENCY;
	}
	if (n->act == ACT_DEAL && setup->n_stages > 0 &&
	    (!str_int(req_form(r, "stage"), &n->stage_id) || crm_stage_of(setup, n->stage_id) == NULL))
		return STR_CRM_BAD_STAGE;
	return FINE;
}

static enum str_id
read_activity(struct req *r, const struct view_crm_form *v, const struct crm_setup *setup, const char *zone,
    struct crm_new *n)
{
	const char *type = req_form(r, "type");
	char iso[25];
	int64_t at;
	size_t i;

	if (v->subject == NULL)
		return STR_CRM_NEED_SUBJECT;
	if (clock_parse_day(v->date) < 0)
		return STR_CRM_BAD_DATE;
	n->name = v->subject;
	n->due_date = v->date;
	if (v->time != NULL) {
		if (strlen(v->time) != 5 || (at = moment(r->a, v->date, v->time, zone)) < 0)
			return STR_CRM_BAD_DATE;
		clock_iso(at, iso);
		n->due_date = arena_printf(r->a, "%.10s", iso);
		n->due_time = arena_printf(r->a, "%.8s", iso + 11);
	}
	for (i = 0; i < setup->n_types; i++)
		if (str_eq(setup->types[i].key, type))
			n->type = setup->types[i].key;
	return FINE;
}

/* Everything of a form into *n, and into *person when one has to be made first. */
static enum str_id
read_form(struct req *r, const struct view_crm_form *v, const struct crm_view *have, const struct crm_setup *setup,
    const char *zone, struct crm_new *n, struct crm_new *person, bool *with_person)
{
	const struct link *on = have->work != NULL ? have->work : have->person;
	enum str_id bad;

	*with_person = false;
	if (n->act == ACT_PERSON)
		return read_person(v, n);
	if (n->act == ACT_LEAD || n->act == ACT_DEAL) {
		if (have->person == NULL) {
			*with_person = true;
			if ((bad = read_person(v, person)) != FINE)
				return bad;
		} else if (!str_int(have->person->pd_id, &n->person_id)) {
			return STR_CRM_NOT_LINKED;
		}
		return read_work(r, v, setup, n);
	}
	if (on == NULL || (n->act == ACT_STAGE && on->kind != CRM_DEAL))
		return STR_CRM_NOT_LINKED;
	n->on = on->kind;
	n->on_id = on->pd_id;
	if (n->act == ACT_STAGE) {
		if (!str_int(req_form(r, "stage"), &n->stage_id) || crm_stage_of(setup, n->stage_id) == NULL ||
		    !str_int(req_form(r, "from"), &n->from_stage))
			return STR_CRM_BAD_STAGE;
		/* The page may show another deal than is linked by now. */
		return str_eq(req_form(r, "id"), on->pd_id) ? FINE : STR_CRM_NOT_LINKED;
	}
	if (n->act == ACT_NOTE) {
		n->text = v->text != NULL ? str_clean(r->a, v->text, strlen(v->text), NOTE_MOST, NULL) : NULL;
		return str_blank(n->text) ? STR_CRM_NEED_TEXT : FINE;
	}
	if (have->person != NULL && !str_int(have->person->pd_id, &n->person_id))
		return STR_CRM_NOT_LINKED;
	return read_activity(r, v, setup, zone, n);
}

/* How it ended, for the person who waits. */
static const struct ib_err *
tell(struct app *app, struct req *r, const struct place *in, const struct crm_write *w,
    const struct view_crm_form *form)
{
	const struct ib_err *err;
	const char *sentence;

	resp_then_work(r);
	if (w->state == WRITE_DONE)
		return resp_see_other(app, r, "/inbox/%lld/panel?said=%s", (long long)in->t->id, form->what);
	/* The panel says by itself what is under way. */
	if (w->state != WRITE_REFUSED)
		return resp_see_other(app, r, "/inbox/%lld/panel", (long long)in->t->id);
	if ((sentence = cat_find(app->cats, r->lang, w->why)) == NULL)
		sentence = cat_str(app->cats, r->lang, STR_CRM_AWAY);
	if ((err = writes_shown(app->db, in->t->id, r->session->user_id)) != NULL)
		return err;
	return refuse(app, r, in, 409, sentence, str_blank(w->words) ? NULL : w->words, form, NULL);
}

const struct ib_err *
h_write(struct app *app, struct req *r)
{
	const char *what = req_form(r, "what"), *key = req_form(r, "key");
	struct crm_new n = { 0 }, person = { 0 };
	struct view_crm_form form = { .what = what };
	struct crm_recs doubles = { 0 };
	const struct ib_err *err;
	struct crm_setup setup;
	struct crm_view have;
	struct crm_write *w;
	struct place in;
	struct crm c;
	enum str_id bad;
	bool with;

	if ((err = find_place(app, r, &in)) != NULL || in.t == NULL)
		return err;
	if (!crm_act_parse(what, &n.act) || !key_ok(key))
		return resp_problem(app, r, 400, "problem.bad_request");
	/* The same form again: what became of the first one. */
	if ((err = write_by_key(app->db, r->a, in.t->id, r->session->user_id, key, &w)) != NULL)
		return err;
	if (w != NULL)
		return tell(app, r, &in, w, &form);
	keep(r, &form);
	memset(&have, 0, sizeof(have));
	if ((err = link_of(app->db, r->a, in.t->id, &have.person, &have.work)) != NULL ||
	    (err = crm_open(app->sync, r->a, r->session->install_id, r->session->user_id, WRITE_MS, true, &c)) != NULL ||
	    (err = crm_setup_get(&c, r->now, &setup)) != NULL)
		return err;
	if (c.stop)
		return refuse(app, r, &in, 409, cat_find(app->cats, r->lang, c.why), NULL, &form, NULL);
	if ((bad = read_form(r, &form, &have, &setup, in.fmt.zone, &n, &person, &with)) != FINE)
		return refuse(app, r, &in, 422, cat_str(app->cats, r->lang, bad), NULL, &form, NULL);
	if ((n.act == ACT_PERSON || with) && req_form(r, "anyway") == NULL) {
		const struct crm_new *p = with ? &person : &n;

		if ((err = crm_doubles(&c, p->email, p->phone, &doubles)) != NULL)
			return err;
		if (doubles.n > 0) {
			form.anyway = true;
			return refuse(app, r, &in, 409, cat_str(app->cats, r->lang, STR_CRM_DOUBLE), NULL, &form, &doubles);
		}
	}
	/* What was asked so far does not shorten the write. */
	c.who.deadline = clock_mono() + WRITE_MS;
	n.owner_id = person.owner_id = c.pd_user;
	n.stamp = r->now;
	if (n.act == ACT_LEAD)
		n.origin = arena_printf(r->a, "messenger-inbox:%s", key);
	if ((err = crm_do(&c, in.t->id, key, with ? &person : NULL, &n, r->now, &w)) != NULL)
		return err;
	return tell(app, r, &in, w, &form);
}
