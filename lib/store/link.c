/* SPDX-License-Identifier: MIT */
/* link.c - see link.h. */
#include "link.h"

#include "../base/clock.h"
#include "../base/str.h"
#include "install.h"
#include "search.h"
#include "transcript.h"

#define ELSEWHERE_MOST	10

static const char *const states[] = { "live", "archived", "gone" };

static bool
read_link(struct db_stmt *st, struct arena *a, struct link *l)
{
	const char *state = db_col_text(st, 10);
	int i;

	l->id = db_col_int(st, 0);
	l->thread_id = db_col_int(st, 1);
	if (!crm_kind_parse(db_col_text(st, 2), &l->kind))
		return false;
	l->pd_id = db_col_dup(st, 3, a);
	l->title = db_col_dup(st, 4, a);
	l->email = db_col_dup(st, 5, a);
	l->phone = db_col_dup(st, 6, a);
	l->value = db_col_dup(st, 7, a);
	l->currency = db_col_dup(st, 8, a);
	l->stage = db_col_dup(st, 9, a);
	for (i = LINK_LIVE; i <= LINK_GONE; i++)
		if (str_eq(state, states[i]))
			l->state = (enum link_state)i;
	l->user_id = db_col_int(st, 11);
	l->linked_at = db_col_int(st, 12);
	l->checked_at = db_col_int(st, 13);
	return true;
}

const struct ib_err *
links_read(struct db_stmt *st, struct arena *a, size_t most, struct link **out, size_t *n)
{
	const struct ib_err *err = NULL;
	bool row;

	*n = 0;
	if ((*out = ARENA_ARRAY(a, most, struct link)) == NULL)
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "links");
	while (err == NULL && *n < most && (err = db_step(st, &row)) == NULL && row)
		*n += read_link(st, a, &(*out)[*n]);
	return db_done(st, a, err);
}

const struct ib_err *
link_of(struct db *db, struct arena *a, int64_t thread_id, struct link **person, struct link **work)
{
	const struct ib_err *err;
	struct db_stmt *st;
	struct link *l;
	bool row;

	*person = *work = NULL;
	if ((err = db_query(db, ST_LINKS_OF, &st, "i", thread_id)) != NULL)
		return err;
	while ((err = db_step(st, &row)) == NULL && row) {
		if ((l = ARENA_NEW(a, struct link)) != NULL && read_link(st, a, l))
			*(l->kind == CRM_PERSON ? person : work) = l;
	}
	return db_done(st, a, err);
}

static const struct ib_err *
mark(struct db *db, int64_t thread_id)
{
	return db_run(db, ST_LINK_MARK, "i", thread_id);
}

/* "person 51": what ended, as the audit tells it; NULL for nothing. */
static const struct ib_err *
end_slot(struct db *db, struct arena *a, int64_t thread_id, bool person, int64_t user_id, int64_t now,
    const char **what)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*what = NULL;
	if ((err = db_query(db, ST_LINK_END, &st, "iiii", thread_id, (int64_t)person, user_id, now)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row)
		*what = db_col_dup(st, 0, a);
	return db_done(st, a, err);
}

static const char *
detail(struct arena *a, const char *what, int64_t thread_id)
{
	const char *s = arena_printf(a, "%s thread %lld", what, (long long)thread_id);

	return s != NULL ? s : what;
}

const struct ib_err *
link_put(struct db *db, struct arena *a, int64_t install_id, int64_t thread_id, int64_t user_id,
    const struct crm_rec *rec, const char *stage, int64_t now)
{
	bool is_person = rec->kind == CRM_PERSON;
	struct link *person, *work, *old;
	const struct ib_err *err;
	const char *what;

	if ((err = link_of(db, a, thread_id, &person, &work)) != NULL)
		return err;
	old = is_person ? person : work;
	if (old != NULL && old->kind == rec->kind && str_eq(old->pd_id, rec->id))
		return NULL;
	if ((err = end_slot(db, a, thread_id, is_person, user_id, now, &what)) != NULL ||
	    (what != NULL && (err = audit_put(db, install_id, user_id, now, "unlinked",
	    detail(a, what, thread_id))) != NULL) ||
	    (err = db_run(db, ST_LINK_ADD, "iitttttttttiii", install_id, thread_id, crm_kind_name(rec->kind),
	    rec->id, rec->name, rec->n_emails > 0 ? rec->emails[0] : NULL,
	    rec->n_phones > 0 ? rec->phones[0] : NULL, rec->value, rec->currency, stage,
	    states[rec->archived ? LINK_ARCHIVED : LINK_LIVE], user_id, now, rec->person_id)) != NULL ||
	    (err = mark(db, thread_id)) != NULL || (err = transcript_turn(db, thread_id, now)) != NULL ||
	    (err = search_touch(db, thread_id, 0)) != NULL ||
	    (err = audit_put(db, install_id, user_id, now, "linked", detail(a, arena_printf(a, "%s %s",
	    crm_kind_name(rec->kind), rec->id), thread_id))) != NULL)
		return err;
	return install_touch(db, install_id);
}

const struct ib_err *
link_end(struct db *db, struct arena *a, int64_t install_id, int64_t thread_id, int64_t user_id, bool person,
    int64_t now, bool *ended)
{
	const struct ib_err *err;
	const char *what;

	*ended = false;
	if ((err = end_slot(db, a, thread_id, person, user_id, now, &what)) != NULL || what == NULL)
		return err;
	*ended = true;
	if ((err = mark(db, thread_id)) != NULL || (err = transcript_turn(db, thread_id, now)) != NULL ||
	    (err = audit_put(db, install_id, user_id, now, "unlinked", detail(a, what, thread_id))) != NULL)
		return err;
	return install_touch(db, install_id);
}

static bool
same(const struct link *l, const struct crm_rec *rec, const char *stage, enum link_state state)
{
	return str_eq(l->title, rec->name) && str_eq(l->email, rec->n_emails > 0 ? rec->emails[0] : NULL) &&
	    str_eq(l->phone, rec->n_phones > 0 ? rec->phones[0] : NULL) && str_eq(l->value, rec->value) &&
	    str_eq(l->currency, rec->currency) && str_eq(l->stage, stage) && l->state == state;
}

const struct ib_err *
link_seen(struct db *db, const struct link *l, const struct crm_rec *rec, const char *stage, int64_t now)
{
	enum link_state state = rec->deleted ? LINK_GONE : rec->archived ? LINK_ARCHIVED : LINK_LIVE;
	const struct ib_err *err;

	if (stage == NULL)
		stage = l->stage;
	if (same(l, rec, stage, state) && now - l->checked_at < MS_DAY && now >= l->checked_at)
		return NULL;
	err = db_run(db, ST_LINK_SEEN, "ittttttti", l->id, rec->name, rec->n_emails > 0 ? rec->emails[0] : NULL,
	    rec->n_phones > 0 ? rec->phones[0] : NULL, rec->value, rec->currency, stage, states[state], now);
	return err != NULL || same(l, rec, stage, l->state) ? err : search_touch(db, l->thread_id, 0);
}

const struct ib_err *
link_gone(struct db *db, const struct link *l, int64_t now)
{
	if (l->state == LINK_GONE)
		return NULL;
	return db_run(db, ST_LINK_STATE, "iti", l->id, states[LINK_GONE], now);
}

const struct ib_err *
link_elsewhere(struct db *db, struct arena *a, int64_t install_id, int64_t thread_id, const char *name,
    struct link **out, size_t *n)
{
	const struct ib_err *err;
	struct db_stmt *st;
	struct link *l;
	size_t i;
	bool row;

	*n = 0;
	if ((*out = ARENA_ARRAY(a, ELSEWHERE_MOST, struct link)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "links");
	if (str_blank(name))
		return NULL;
	if ((err = db_query(db, ST_LINK_ELSEWHERE, &st, "iit", install_id, thread_id, name)) != NULL)
		return err;
	while (*n < ELSEWHERE_MOST && (err = db_step(st, &row)) == NULL && row) {
		l = &(*out)[*n];
		if (!read_link(st, a, l))
			continue;
		l->page_id = db_col_int(st, 14);
		for (i = 0; i < *n && !str_eq((*out)[i].pd_id, l->pd_id); i++)
			;
		*n += i == *n;
	}
	return db_done(st, a, err);
}

const struct ib_err *
link_threads(struct db *db, struct arena *a, int64_t install_id, enum crm_kind kind, int64_t record,
    int max, int64_t **out, size_t *n)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*n = 0;
	if ((*out = ARENA_ARRAY(a, (size_t)max, int64_t)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "linked threads");
	if ((err = db_query(db, ST_LINK_THREADS, &st, "itti", install_id, crm_kind_name(kind),
	    arena_printf(a, "%lld", (long long)record), (int64_t)max)) != NULL)
		return err;
	while (*n < (size_t)max && (err = db_step(st, &row)) == NULL && row)
		(*out)[(*n)++] = db_col_int(st, 0);
	return db_done(st, a, err);
}
