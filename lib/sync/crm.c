/* SPDX-License-Identifier: MIT */
/*
 * crm.c - see crm.h.
 *
 * A write: its row is committed (going), a lease taken, the number of the call
 * committed, the call made, the end committed together with the link and the
 * audit line.  A process may die between any two of these.  A row with a call
 * behind it and no end is looked for in Pipedrive before it is called again;
 * twice, a minute apart, since the first call may still be on its way there.
 * What another write of ours became is never taken for this one's.
 *
 * Can fail: memory and database.  That Pipedrive says no, or nothing, is no
 * failure: c->why or the row's state tells.
 */
#include "crm.h"

#include "../base/clock.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/str.h"
#include "../store/install.h"

#include <stdio.h>
#include <string.h>

#define TOKEN_WAIT_MS	(2 * MS_SECOND)
#define AWAY_MS		(10 * MS_SECOND)	/* pages do not ask again before */
#define SPENT_MS	MS_HOUR			/* the day's budget is used up */
#define THROTTLE_MS	(2 * MS_SECOND)
#define SETUP_MS	MS_DAY
#define HINTS_MS	(10 * MS_MINUTE)
#define LOOK_FIRST_MS	(10 * MS_SECOND)
#define LOOK_AGAIN_MS	MS_MINUTE
#define LOOKS		2
#define CALLS_MOST	3
#define WRITE_OLD_MS	MS_DAY
#define WRITE_MS	(15 * MS_SECOND)	/* of the engine, for one write */
#define TERM_LEAST	2

/* One person's connection --------------------------------------------------------- */

/* A sentence of ours, not of codes.def. */
#define WHY_TOKEN	"error.pd.token"
#define WHY_AWAY	"crm.away"
#define WHY_LOST	"crm.lost"
#define WHY_MOVED	"crm.moved"

static void
pause_until(struct crm *c, int64_t ms, const char *why)
{
	const struct ib_err *err;

	if ((err = crm_pause_put(c->s->db, c->install_id, clock_now() + ms, why)) != NULL)
		log_err(err, "crm_pause");
}

static const char *
renew(void *arg, const char *dead)
{
	struct crm *c = arg;
	const struct ib_err *err;
	const char *access = NULL;

	if ((err = sync_access_dead(c->s, c->a, c->user_id, clock_now(), dead)) != NULL ||
	    (err = sync_access_within(c->s, c->a, c->user_id, clock_now(), TOKEN_WAIT_MS, &access)) != NULL)
		log_err(err, "renew");
	return access == NULL || str_eq(access, dead) ? NULL : access;
}

/* How every call ended: what it means for the next ones. */
static void
heard(void *arg, const struct ib_err *err, const struct pd_res *res)
{
	struct crm *c = arg;

	c->s->stats.calls++;
	if (err != NULL) {
		log_err(err, "pipedrive");
		c->why = WHY_AWAY;
		c->stop = true;
		pause_until(c, AWAY_MS, WHY_AWAY);
		return;
	}
	if (c->doubted && !res->refused && (err = crm_pause_drop(c->s->db, c->install_id)) != NULL)
		log_err(err, "crm_pause");
	c->doubted = false;
	if (!res->refused)
		return;
	log_event(LOG_INFO_, "pipedrive_refused", "status", log_i(res->status), "sentence", res->row->key,
	    "text", res->text != NULL ? res->text : "-", NULL);
	if (res->row->class_ == CLASS_THROTTLE || res->row->class_ == CLASS_RETRY || res->status == 401 ||
	    res->status == 402) {
		c->why = res->row->key;
		c->words = NULL;
		c->stop = true;
	}
	if (res->row->class_ == CLASS_THROTTLE)
		pause_until(c, res->spent ? SPENT_MS : res->retry_after > SPENT_MS ? SPENT_MS :
		    res->retry_after > 0 ? res->retry_after : THROTTLE_MS, res->row->key);
	else if (res->row->class_ == CLASS_RETRY)
		pause_until(c, AWAY_MS, res->row->key);
}

const struct ib_err *
crm_open(struct sync *s, struct arena *a, int64_t install_id, int64_t user_id, int64_t budget_ms, bool again,
    struct crm *out)
{
	const struct ib_err *err;
	struct install *in;
	bool found;

	memset(out, 0, sizeof(*out));
	*out = (struct crm){ .s = s, .a = a, .install_id = install_id, .user_id = user_id };
	if ((err = install_get(s->db, a, install_id, &in)) != NULL ||
	    (err = db_get_int(s->db, ST_USER_PD_ID, &out->pd_user, &found, "i", user_id)) != NULL)
		return err;
	if (in == NULL || !found)
		return ib_fail(IB_ENOENT, IB_RETRY_NEVER, "no such company or person");
	out->domain = in->company_domain;
	out->stop = true;
	if (!in->active) {
		out->why = WHY_TOKEN;
		return NULL;
	}
	if ((err = crm_pause_get(s->db, a, install_id, clock_now(), &out->why)) != NULL)
		return err;
	/* Only that it was away may be doubted. */
	if (out->why != NULL && !(again && str_eq(out->why, WHY_AWAY)))
		return NULL;
	out->who = (struct pd_auth){ .api_domain = in->api_domain, .deadline = clock_mono() + budget_ms,
		.renew = renew, .heard = heard, .arg = out };
	out->doubted = out->why != NULL;
	out->why = NULL;
	if ((err = sync_pdrive(s, &out->pd)) != NULL)
		return err;
	if ((err = sync_access_within(s, a, user_id, clock_now(), TOKEN_WAIT_MS, &out->who.access)) != NULL) {
		if (err->code != IB_ETIMEOUT && err->code != IB_EUPSTREAM)
			return err;
		log_err(err, "token");
		out->why = WHY_AWAY;
		pause_until(out, AWAY_MS, WHY_AWAY);
		return NULL;
	}
	if (out->who.access == NULL)
		out->why = WHY_TOKEN;
	out->stop = out->why != NULL;
	return NULL;
}

/*
 * After a call: did it bring something?  *err stays only when it is ours; what
 * Pipedrive refused is told once, the first counts.
 */
static bool
good(struct crm *c, const struct ib_err **err, const struct pd_res *res)
{
	if (*err != NULL) {
		if ((*err)->code != IB_ENOMEM && (*err)->code != IB_EDB)
			*err = NULL;	/* heard() has told */
		return false;
	}
	if (!res->refused)
		return true;
	if (c->why == NULL) {
		c->why = res->row->key;
		c->words = res->text;
	}
	return false;
}

/* What the company has set up ---------------------------------------------------- */

const struct ib_err *
crm_setup_get(struct crm *c, int64_t now, struct crm_setup *out)
{
	const struct ib_err *err;
	struct pd_res res = { 0 };
	const char *text;

	memset(out, 0, sizeof(*out));
	if ((err = crm_cache_get(c->s->db, c->a, c->user_id, "setup", now, SETUP_MS, &text)) != NULL)
		return err;
	if (text != NULL)
		return crm_setup_parse(c->a, text, out);
	if (c->stop)
		return NULL;
	err = pdcrm_setup(c->pd, c->a, &c->who, out, &text, &res);
	if (!good(c, &err, &res)) {
		memset(out, 0, sizeof(*out));
		return err;
	}
	return crm_cache_put(c->s->db, c->user_id, "setup", now, text);
}

const struct crm_stage *
crm_stage_of(const struct crm_setup *s, int64_t stage_id)
{
	size_t i;

	for (i = 0; i < s->n_stages; i++)
		if (s->stages[i].id == stage_id)
			return &s->stages[i];
	return NULL;
}

static const char *
stage_name(const struct crm_setup *s, int64_t stage_id)
{
	const struct crm_stage *st = stage_id > 0 ? crm_stage_of(s, stage_id) : NULL;

	return st != NULL ? st->name : NULL;
}

/* Who it may be -------------------------------------------------------------------- */

static void
add_hint(struct crm_view *v, const char *id, const char *name, const char *email, const char *phone,
    unsigned why, int64_t page_id)
{
	struct crm_hint *h;
	size_t i;

	if (v->person != NULL && str_eq(v->person->pd_id, id))
		return;
	for (i = 0; i < v->n_hints; i++)
		if (str_eq(v->hints[i].id, id)) {
			v->hints[i].why |= why;
			return;
		}
	if (v->n_hints == CRM_HINTS)
		return;
	h = &v->hints[v->n_hints++];
	*h = (struct crm_hint){ .id = id, .name = name, .email = email, .phone = phone, .why = why, .page_id = page_id };
}

static void
add_rec(struct crm_view *v, const struct crm_rec *r, unsigned why)
{
	add_hint(v, r->id, r->name, r->n_emails > 0 ? r->emails[0] : NULL,
	    r->n_phones > 0 ? r->phones[0] : NULL, why, 0);
}

const struct ib_err *
crm_stored(struct db *db, struct arena *a, const struct thread *t, struct crm_view *out)
{
	const struct ib_err *err;
	struct db_stmt *st;
	struct link *links;
	size_t i, n;
	bool row;

	memset(out, 0, sizeof(*out));
	if ((err = link_of(db, a, t->id, &out->person, &out->work)) != NULL)
		return err;
	if (out->person != NULL)
		return NULL;
	if ((err = link_elsewhere(db, a, t->install_id, t->id, t->name, &links, &n)) != NULL)
		return err;
	for (i = 0; i < n; i++)
		add_hint(out, links[i].pd_id, links[i].title, links[i].email, links[i].phone, HINT_LINKED,
		    links[i].page_id);
	if ((err = db_query(db, ST_MESSAGE_TEXTS_IN, &st, "i", t->id)) != NULL)
		return err;
	while ((err = db_step(st, &row)) == NULL && row)
		contact_find(a, db_col_text(st, 0), &out->contacts);
	db_release(st);
	return err;
}

/* {"hints":[{id,name,email,phone,why}]} */
static const char *
hints_text(struct arena *a, const struct crm_view *v)
{
	struct json *doc = json_new_object(), *arr = json_new_array(), *e;
	const char *out = NULL;
	struct ib_buf b;
	bool ok = true;
	size_t i;

	buf_init(&b, (size_t)64 << 10);
	for (i = 0; i < v->n_hints; i++) {
		e = json_new_object();
		ok = ok && json_set_str(e, "id", v->hints[i].id) && json_set_str(e, "name", v->hints[i].name) &&
		    json_set_str(e, "email", v->hints[i].email) && json_set_str(e, "phone", v->hints[i].phone) &&
		    json_set_int(e, "why", (int64_t)(v->hints[i].why & ~(unsigned)HINT_LINKED));
		ok = json_add(arr, e) && ok;
	}
	ok = json_set(doc, "hints", arr) && ok;
	if (ok && json_dump(doc, false, &b) == NULL && !b.failed)
		out = arena_dup(a, buf_cstr(&b));
	buf_fini(&b);
	json_free(doc);
	return out;
}

static void
hints_parse(struct arena *a, const char *text, struct crm_view *v)
{
	struct json *doc, *arr, *e;
	size_t i;

	if (json_parse(text, strlen(text), JSON_STRICT_, &doc) != NULL)
		return;
	arr = json_get(doc, "hints");
	for (i = 0; i < json_len(arr); i++) {
		e = json_at(arr, i);
		if (json_int(json_get(e, "why"), 0) == 0)
			continue;
		add_hint(v, arena_dup(a, json_get_str(e, "id")), arena_dup(a, json_get_str(e, "name")),
		    arena_dup(a, json_get_str(e, "email")), arena_dup(a, json_get_str(e, "phone")),
		    (unsigned)json_int(json_get(e, "why"), 0), 0);
	}
	json_free(doc);
}

/* Names the question the hints answer: the same words, the same cached answer. */
static const char *
hints_key(struct arena *a, const struct thread *t, const struct crm_view *v)
{
	uint8_t sum[32];
	struct ib_buf b;
	char hex[17];
	size_t i;

	buf_init(&b, 16384);
	buf_puts(&b, t->name);
	for (i = 0; i < v->contacts.n_emails; i++)
		buf_printf(&b, "\n%s", v->contacts.emails[i].norm);
	for (i = 0; i < v->contacts.n_phones; i++)
		buf_printf(&b, "\n%s", v->contacts.phones[i].norm);
	crypt_sha256(buf_cstr(&b), b.len, sum);
	buf_fini(&b);
	str_hex(hex, sum, 8);
	return arena_printf(a, "hints.%lld.%s", (long long)t->id, hex);
}

static bool
has_email(const struct crm_rec *r, const char *email)
{
	size_t i;

	for (i = 0; i < r->n_emails; i++)
		if (strcasecmp(r->emails[i], email) == 0)
			return true;
	return false;
}

static bool
has_phone(struct arena *a, const struct crm_rec *r, const char *phone)
{
	size_t i;

	for (i = 0; i < r->n_phones; i++)
		if (contact_same_phone(a, r->phones[i], phone))
			return true;
	return false;
}

/* Persons with this address, or this number, exactly. */
static const struct ib_err *
find_contact(struct crm *c, const char *email, const char *phone, struct crm_recs *out)
{
	const struct ib_err *err;
	struct pd_res res = { 0 };
	const char *core = NULL;
	size_t i, n = 0;

	memset(out, 0, sizeof(*out));
	if (c->stop || (email == NULL && (core = contact_core(c->a, phone)) == NULL))
		return NULL;
	/* Numbers are kept in any form: ask for what all forms share, then compare. */
	err = email != NULL ? pdcrm_find(c->pd, c->a, &c->who, "email", email, true, out, &res) :
	    pdcrm_find(c->pd, c->a, &c->who, "phone", core, false, out, &res);
	if (!good(c, &err, &res)) {
		out->n = 0;
		return err;
	}
	for (i = 0; i < out->n; i++)
		if (email != NULL ? has_email(&out->v[i], email) : has_phone(c->a, &out->v[i], phone))
			out->v[n++] = out->v[i];
	out->n = n;
	return NULL;
}

static const struct ib_err *
find_hints(struct crm *c, const struct thread *t, struct crm_view *v)
{
	const struct ib_err *err;
	struct pd_res res = { 0 };
	struct crm_recs recs;
	size_t i, k;

	for (i = 0; i < v->contacts.n_emails && i < 2; i++) {
		if ((err = find_contact(c, v->contacts.emails[i].norm, NULL, &recs)) != NULL)
			return err;
		for (k = 0; k < recs.n; k++)
			add_rec(v, &recs.v[k], HINT_EMAIL);
	}
	for (i = 0; i < v->contacts.n_phones && i < 2; i++) {
		if ((err = find_contact(c, NULL, v->contacts.phones[i].norm, &recs)) != NULL)
			return err;
		for (k = 0; k < recs.n; k++)
			add_rec(v, &recs.v[k], HINT_PHONE);
	}
	if (c->stop || str_blank(t->name))
		return NULL;
	err = pdcrm_find(c->pd, c->a, &c->who, "name", t->name, true, &recs, &res);
	if (!good(c, &err, &res))
		return err;
	for (k = 0; k < recs.n; k++)
		add_rec(v, &recs.v[k], HINT_NAME);
	return NULL;
}

static const struct ib_err *
load_hints(struct crm *c, const struct thread *t, int64_t now, struct crm_view *v)
{
	const char *key = hints_key(c->a, t, v), *text;
	const struct ib_err *err;

	if (key == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "hints");
	if ((err = crm_cache_get(c->s->db, c->a, c->user_id, key, now, HINTS_MS, &text)) != NULL)
		return err;
	if (text != NULL) {
		hints_parse(c->a, text, v);
		return NULL;
	}
	if (c->stop || (err = find_hints(c, t, v)) != NULL || c->why != NULL)
		return err;
	if ((text = hints_text(c->a, v)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "hints");
	return crm_cache_put(c->s->db, c->user_id, key, now, text);
}

const struct ib_err *
crm_doubles(struct crm *c, const char *email, const char *phone, struct crm_recs *out)
{
	const struct ib_err *err = NULL;

	memset(out, 0, sizeof(*out));
	if (email != NULL)
		err = find_contact(c, email, NULL, out);
	if (err == NULL && out->n == 0 && phone != NULL)
		err = find_contact(c, NULL, phone, out);
	/* That it could not be searched does not forbid to write. */
	if (!c->stop)
		c->why = NULL;
	return err;
}

/* The records ------------------------------------------------------------------------ */

/* Ask for a record; NULL in *r when nothing is asked any more. */
static const struct ib_err *
ask(struct crm *c, enum crm_kind kind, const char *id, struct crm_rec **r, struct pd_res *res)
{
	*r = NULL;
	if (c->stop)
		return NULL;
	if ((*r = ARENA_NEW(c->a, struct crm_rec)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "record");
	return pdcrm_get(c->pd, c->a, &c->who, kind, id, *r, res);
}

const struct ib_err *
crm_fetch(struct crm *c, enum crm_kind kind, const char *id, struct crm_rec **out)
{
	const struct ib_err *err;
	struct pd_res res = { 0 };
	struct crm_rec *r;

	*out = NULL;
	err = ask(c, kind, id, &r, &res);
	if (r == NULL || !good(c, &err, &res))
		return err;
	if (r->deleted)
		c->why = "error.pd.gone";
	else
		*out = r;
	return NULL;
}

/* A linked record as it is now; what was seen of it is kept. */
static const struct ib_err *
load_linked(struct crm *c, const struct link *l, const struct crm_setup *setup, int64_t now,
    struct crm_rec **out, bool *gone)
{
	const struct ib_err *err;
	struct pd_res res = { 0 };
	struct crm_rec *r;

	*out = NULL;
	*gone = l->state == LINK_GONE;
	err = ask(c, l->kind, l->pd_id, &r, &res);
	if (r == NULL)
		return err;
	if (err == NULL && (res.status == 404 || (!res.refused && r->deleted))) {
		*gone = true;
		/* Hidden from this person is not gone: a 404 alone says nothing of the record. */
		return res.status == 404 ? NULL : link_gone(c->s->db, l, now);
	}
	if (!good(c, &err, &res))
		return err;
	*gone = false;
	*out = r;
	return link_seen(c->s->db, l, r, stage_name(setup, r->stage_id), now);
}

static const struct ib_err *
load_lists(struct crm *c, int64_t person_id, struct crm_view *v)
{
	const struct ib_err *err;
	struct pd_res res = { 0 };

	if (c->stop)
		return NULL;
	err = pdcrm_of_person(c->pd, c->a, &c->who, CRM_DEAL, person_id, &v->deals, &res);
	if (!good(c, &err, &res) && err != NULL)
		return err;
	if (c->stop)
		return NULL;
	err = pdcrm_of_person(c->pd, c->a, &c->who, CRM_LEAD, person_id, &v->leads, &res);
	return good(c, &err, &res) ? NULL : err;
}

/* Of the lead or deal when one is linked, else of the person. */
static const struct ib_err *
load_next(struct crm *c, struct crm_view *v)
{
	const struct link *l = v->work != NULL ? v->work : v->person;
	const struct ib_err *err;
	struct pd_res res = { 0 };

	if (c->stop || l == NULL)
		return NULL;
	err = pdcrm_next_activity(c->pd, c->a, &c->who, l->kind, l->pd_id, &v->next, &res);
	/* Activities are an extra permission: without it the rest stands. */
	if (err == NULL && res.refused && res.status == 403)
		return NULL;
	v->activities = good(c, &err, &res);
	return err;
}

static const struct ib_err *
load_search(struct crm *c, const char *term, struct crm_view *v)
{
	const struct ib_err *err;
	struct pd_res res = { 0 };

	if (c->stop || term == NULL || str_chars(term) < TERM_LEAST)
		return NULL;
	err = pdcrm_search(c->pd, c->a, &c->who, term, &v->found, &res);
	return good(c, &err, &res) ? NULL : err;
}

/* The person of the linked lead or deal, when none is linked. */
static const struct ib_err *
hint_work(struct crm *c, struct crm_view *v)
{
	const struct ib_err *err;
	struct crm_rec *r;

	if (v->person != NULL || v->work_now == NULL || v->work_now->person_id <= 0)
		return NULL;
	if ((err = crm_fetch(c, CRM_PERSON, arena_printf(c->a, "%lld", (long long)v->work_now->person_id), &r)) == NULL &&
	    r != NULL)
		add_rec(v, r, HINT_WORK);
	return err;
}

const struct ib_err *
crm_live(struct crm *c, const struct thread *t, const char *term, int64_t now, struct crm_view *io)
{
	const struct ib_err *err;
	int64_t person;

	if ((err = load_search(c, term, io)) != NULL || (err = crm_setup_get(c, now, &io->setup)) != NULL)
		return err;
	if (io->work != NULL && (err = load_linked(c, io->work, &io->setup, now, &io->work_now, &io->work_gone)) != NULL)
		return err;
	if (io->person == NULL) {
		if ((err = hint_work(c, io)) != NULL)
			return err;
		if ((err = load_hints(c, t, now, io)) != NULL)
			return err;
	} else {
		if ((err = load_linked(c, io->person, &io->setup, now, &io->person_now, &io->person_gone)) != NULL)
			return err;
		if (io->person_now != NULL && str_int(io->person->pd_id, &person) &&
		    (err = load_lists(c, person, io)) != NULL)
			return err;
	}
	return load_next(c, io);
}

/* Writes -------------------------------------------------------------------------------- */

static const struct ib_err *
settle(struct crm *c, const struct crm_write *w, const struct crm_new *n, enum write_state state,
    const char *pd_id, const char *why, const char *words)
{
	struct crm_rec rec = { .id = pd_id };
	struct crm_setup setup = { 0 };
	const struct ib_err *err;
	const char *stage = NULL, *text;
	int64_t now = clock_now();
	bool won;

	if (state == WRITE_DONE && w->act == ACT_DEAL && n->stage_id > 0) {
		if ((err = crm_cache_get(c->s->db, c->a, c->user_id, "setup", now, SETUP_MS, &text)) != NULL ||
		    (text != NULL && (err = crm_setup_parse(c->a, text, &setup)) != NULL))
			return err;
		stage = stage_name(&setup, n->stage_id);
	}
	if ((err = db_begin(c->s->db)) != NULL)
		return err;
	if ((err = write_settle(c->s->db, w->id, state, pd_id, why, words, now, &won)) != NULL || !won)
		goto done;
	if (state == WRITE_DONE && w->act <= ACT_DEAL) {
		rec.kind = (enum crm_kind)w->act;
		rec.name = n->name;
		if (w->act == ACT_PERSON && n->email != NULL)
			rec.emails[rec.n_emails++] = n->email;
		if (w->act == ACT_PERSON && n->phone != NULL)
			rec.phones[rec.n_phones++] = n->phone;
		rec.value = n->value;
		rec.currency = n->currency;
		if ((err = link_put(c->s->db, c->a, w->install_id, w->thread_id, w->user_id, &rec, stage, now)) != NULL)
			goto done;
		if (w->act == ACT_PERSON && (err = crm_hints_drop(c->s->db, w->user_id)) != NULL)
			goto done;
	}
	if (state == WRITE_DONE && (err = audit_put(c->s->db, w->install_id, w->user_id, now,
	    w->act == ACT_STAGE ? "crm_changed" : "crm_created", arena_printf(c->a, "%s %s thread %lld",
	    w->act == ACT_STAGE ? "deal" : crm_act_name(w->act), pd_id, (long long)w->thread_id))) != NULL)
		goto done;
	err = db_commit(c->s->db);
done:
	db_rollback(c->s->db);
	return err;
}

/* Not now: after the time that Pipedrive names, or a while. */
static const struct ib_err *
postpone(struct crm *c, const struct crm_write *w, enum write_state state)
{
	return write_later(c->s->db, w->id, state, clock_now() + LOOK_AGAIN_MS, false);
}

/* Is one of these ours?  The first that no other write became. */
static const struct ib_err *
take_found(struct crm *c, const struct crm_write *w, const struct crm_ids *ids, const char **id)
{
	const struct ib_err *err;
	bool claimed;
	size_t i;

	*id = NULL;
	for (i = 0; i < ids->n; i++) {
		if (w->act == ACT_STAGE)
			claimed = false;
		else if ((err = write_claimed(c->s->db, w->install_id, w->act, ids->v[i], w->id, &claimed)) != NULL)
			return err;
		if (!claimed) {
			*id = ids->v[i];
			break;
		}
	}
	return NULL;
}

/* *call: it is not there and may be called again. */
static const struct ib_err *
look(struct crm *c, const struct crm_write *w, const struct crm_new *n, bool *call)
{
	const struct ib_err *err;
	struct pd_res res = { 0 };
	struct crm_ids ids;
	const char *id;
	bool moved;

	*call = false;
	err = pdcrm_look(c->pd, c->a, &c->who, n, w->tried_at, &ids, &moved, &res);
	if (!good(c, &err, &res)) {
		if (err == NULL && res.status == 404)
			return settle(c, w, n, WRITE_REFUSED, NULL, res.row->key, NULL);
		return err != NULL ? err : postpone(c, w, WRITE_UNKNOWN);
	}
	if ((err = take_found(c, w, &ids, &id)) != NULL)
		return err;
	log_event(LOG_INFO_, "crm_looked", "write", log_i(w->id), "found", id != NULL ? "yes" : "no", NULL);
	if (id != NULL)
		return settle(c, w, n, WRITE_DONE, id, NULL, NULL);
	if (moved)
		return settle(c, w, n, WRITE_REFUSED, NULL, WHY_MOVED, NULL);
	if (w->looks + 1 < LOOKS)
		return write_later(c->s->db, w->id, WRITE_UNKNOWN, clock_now() + LOOK_AGAIN_MS, true);
	if (w->attempts >= CALLS_MOST || clock_now() - w->created_at > WRITE_OLD_MS)
		return settle(c, w, n, WRITE_REFUSED, NULL, WHY_LOST, NULL);
	*call = true;
	return NULL;
}

/* The call itself.  `patient`: nobody waits for the answer, so that a "not now" can wait as well. */
static const struct ib_err *
call(struct crm *c, const struct crm_write *w, const struct crm_new *n, bool patient)
{
	bool old = clock_now() - w->created_at > WRITE_OLD_MS;
	const struct ib_err *err;
	struct pd_res res = { 0 };
	const char *body, *id;

	/* What is looked for later must be what is written now. */
	if ((err = crm_new_text(c->a, n, &body)) != NULL ||
	    (err = write_calling(c->s->db, w->id, body, clock_now())) != NULL)
		return err;
	err = pdcrm_write(c->pd, c->a, &c->who, n, &id, &res);
	if (err == NULL && !res.refused)
		return settle(c, w, n, WRITE_DONE, id, NULL, NULL);
	if (err != NULL && (err->code == IB_ENOMEM || err->code == IB_EDB))
		return err;
	if (err != NULL && res.fate == HTTPC_NOT_SENT)
		return patient && !old ? postpone(c, w, WRITE_UNKNOWN) :
		    settle(c, w, n, WRITE_REFUSED, NULL, WHY_AWAY, NULL);
	if (err != NULL || res.row->send_unknown)
		return write_later(c->s->db, w->id, WRITE_UNKNOWN, clock_now() + LOOK_FIRST_MS, false);
	if (patient && !old && res.row->class_ == CLASS_THROTTLE)
		return postpone(c, w, WRITE_UNKNOWN);
	return settle(c, w, n, WRITE_REFUSED, NULL, res.row->key, res.text);
}

/* The person it is for must be there first.  *ready false: not yet, or never (then it is settled). */
static const struct ib_err *
await_person(struct crm *c, const struct crm_write *w, struct crm_new *n, bool *ready)
{
	const struct ib_err *err;
	struct crm_write *p;

	*ready = w->after_id == 0;
	if (*ready)
		return NULL;
	if ((err = write_get(c->s->db, c->a, w->after_id, &p)) != NULL)
		return err;
	if (p == NULL || p->state == WRITE_REFUSED)
		return settle(c, w, n, WRITE_REFUSED, NULL, p != NULL ? p->why : WHY_LOST, p != NULL ? p->words : NULL);
	if (p->state != WRITE_DONE)
		return write_later(c->s->db, w->id, w->state, clock_now() + LOOK_FIRST_MS, false);
	*ready = str_int(p->pd_id, &n->person_id);
	return *ready ? NULL : settle(c, w, n, WRITE_REFUSED, NULL, WHY_LOST, NULL);
}

/* One write that is not settled, under a lease of ours. */
static const struct ib_err *
run_write(struct crm *c, int64_t id, bool patient)
{
	const struct ib_err *err;
	struct crm_write *w;
	struct crm_new n;
	bool mine, ok, go = true;

	if ((err = write_lease(c->s->db, id, clock_now(), &mine)) != NULL || !mine)
		return err;
	if ((err = write_get(c->s->db, c->a, id, &w)) != NULL)
		return err;
	if (w == NULL)
		return ib_fail(IB_ENOENT, IB_RETRY_NEVER, "crm_write %lld", (long long)id);
	if ((err = crm_new_parse(c->a, w->body, &n, &ok)) != NULL)
		return err;
	if (!ok)
		return settle(c, w, &n, WRITE_REFUSED, NULL, WHY_LOST, NULL);
	if ((err = await_person(c, w, &n, &ok)) != NULL || !ok)
		return err;
	if (c->stop) {
		if (str_eq(c->why, WHY_TOKEN) || (!patient && w->attempts == 0) ||
		    (w->attempts == 0 && clock_now() - w->created_at > WRITE_OLD_MS))
			return settle(c, w, &n, WRITE_REFUSED, NULL, w->attempts == 0 ? c->why : WHY_LOST, NULL);
		return postpone(c, w, w->attempts > 0 ? WRITE_UNKNOWN : WRITE_GOING);
	}
	if (w->attempts > 0 && ((err = look(c, w, &n, &go)) != NULL || !go))
		return err;
	return call(c, w, &n, patient);
}

const struct ib_err *
sync_crm_one(struct sync *s, int64_t now, bool *did)
{
	const struct ib_err *err;
	struct crm_write *w;
	struct crm c;
	int64_t id;

	*did = false;
	arena_reset(&s->arena);
	if ((err = write_next(s->db, now, &id)) != NULL || id == 0)
		return err;
	*did = true;
	if ((err = write_get(s->db, &s->arena, id, &w)) != NULL || w == NULL)
		return err;
	if ((err = crm_open(s, &s->arena, w->install_id, w->user_id, WRITE_MS, false, &c)) != NULL)
		return err;
	return run_write(&c, id, true);
}

/* Its row, in the transaction: the text of n under the key. */
static const struct ib_err *
put(struct crm *c, int64_t thread_id, const char *key, const struct crm_new *n, int64_t after, int64_t now,
    int64_t *id, bool *fresh)
{
	const struct ib_err *err;
	const char *body;

	if ((err = crm_new_text(c->a, n, &body)) != NULL)
		return err;
	return write_put(c->s->db, c->install_id, thread_id, c->user_id, key, n->act, body, after, now, id, fresh);
}

const struct ib_err *
crm_do(struct crm *c, int64_t thread_id, const char *key, const struct crm_new *person,
    const struct crm_new *n, int64_t now, struct crm_write **out)
{
	const struct ib_err *err;
	int64_t first = 0, id = 0;
	bool fresh = false;

	*out = NULL;
	if ((err = db_begin(c->s->db)) != NULL)
		return err;
	if ((person == NULL || (err = put(c, thread_id, arena_printf(c->a, "%s.person", key), person, 0, now,
	    &first, &fresh)) == NULL) && (err = put(c, thread_id, key, n, first, now, &id, &fresh)) == NULL)
		err = db_commit(c->s->db);
	db_rollback(c->s->db);
	/* The same form again is not another try: what became of the first one is told. */
	if (err == NULL && fresh && first > 0)
		err = run_write(c, first, false);
	if (err == NULL && fresh)
		err = run_write(c, id, false);
	if (err != NULL)
		return err;
	return write_get(c->s->db, c->a, id, out);
}
