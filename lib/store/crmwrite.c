/* SPDX-License-Identifier: MIT */
/* crmwrite.c - see crmwrite.h. */
#include "crmwrite.h"

#include "../base/clock.h"
#include "../base/str.h"

#define LEASE_MS	(45 * MS_SECOND)	/* longer than a call with its token's refresh */
#define WRITES_SHOWN	5
#define TOLD_MS		MS_DAY			/* refusals older than that are nobody's news */
#define KEEP_MS		(90 * MS_DAY)

static const char *const states[] = { "going", "unknown", "done", "refused" };

const struct ib_err *
write_put(struct db *db, int64_t install_id, int64_t thread_id, int64_t user_id, const char *key,
    enum crm_act act, const char *body, int64_t after_id, int64_t now, int64_t *id, bool *fresh)
{
	const struct ib_err *err;
	int64_t n;
	bool found;

	*fresh = false;
	if ((err = db_run_n(db, ST_WRITE_ADD, &n, "iiitttii", install_id, thread_id, user_id, key,
	    crm_act_name(act), body, after_id, now)) != NULL)
		return err;
	if (n > 0) {
		*fresh = true;
		*id = db_last_id(db);
		return NULL;
	}
	if ((err = db_get_int(db, ST_WRITE_BY_KEY, id, &found, "tii", key, thread_id, user_id)) == NULL && !found)
		err = ib_fail(IB_EAUTH, IB_RETRY_NEVER, "key of another's write");
	return err;
}

static bool
read_write(struct db_stmt *st, struct arena *a, struct crm_write *w)
{
	const char *state = db_col_text(st, 7);
	int i;

	w->id = db_col_int(st, 0);
	w->install_id = db_col_int(st, 1);
	w->thread_id = db_col_int(st, 2);
	w->user_id = db_col_int(st, 3);
	if (!crm_act_parse(db_col_text(st, 4), &w->act))
		return false;
	w->body = db_col_dup(st, 5, a);
	w->after_id = db_col_int(st, 6);
	for (i = WRITE_GOING; i <= WRITE_REFUSED; i++)
		if (str_eq(state, states[i]))
			w->state = (enum write_state)i;
	w->pd_id = db_col_dup(st, 8, a);
	w->why = db_col_dup(st, 9, a);
	w->words = db_col_dup(st, 10, a);
	w->attempts = db_col_int(st, 11);
	w->looks = db_col_int(st, 12);
	w->tried_at = db_col_int(st, 13);
	w->created_at = db_col_int(st, 14);
	w->next_at = db_col_int(st, 15);
	return true;
}

const struct ib_err *
write_get(struct db *db, struct arena *a, int64_t id, struct crm_write **out)
{
	const struct ib_err *err;
	struct crm_write *w;
	struct db_stmt *st;
	bool row;

	*out = NULL;
	if ((err = db_query(db, ST_WRITE_GET, &st, "i", id)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row && (w = ARENA_NEW(a, struct crm_write)) != NULL &&
	    read_write(st, a, w))
		*out = w;
	return db_done(st, a, err);
}

const struct ib_err *
write_by_key(struct db *db, struct arena *a, int64_t thread_id, int64_t user_id, const char *key,
    struct crm_write **out)
{
	const struct ib_err *err;
	int64_t id;
	bool found;

	*out = NULL;
	if ((err = db_get_int(db, ST_WRITE_BY_KEY, &id, &found, "tii", key, thread_id, user_id)) != NULL || !found)
		return err;
	return write_get(db, a, id, out);
}

const struct ib_err *
write_lease(struct db *db, int64_t id, int64_t now, bool *mine)
{
	int64_t got;

	return db_get_int(db, ST_WRITE_LEASE, &got, mine, "iii", id, now, now + LEASE_MS);
}

const struct ib_err *
write_next(struct db *db, int64_t now, int64_t *id)
{
	bool found;

	*id = 0;
	return db_get_int(db, ST_WRITE_NEXT, id, &found, "i", now);
}

const struct ib_err *
write_calling(struct db *db, int64_t id, const char *body, int64_t now)
{
	return db_run(db, ST_WRITE_CALLING, "iiit", id, now, now + LEASE_MS, body);
}

const struct ib_err *
write_later(struct db *db, int64_t id, enum write_state state, int64_t next_at, bool looked)
{
	return db_run(db, ST_WRITE_LATER, "itii", id, states[state], next_at, (int64_t)looked);
}

const struct ib_err *
write_settle(struct db *db, int64_t id, enum write_state state, const char *pd_id, const char *why,
    const char *words, int64_t now, bool *won)
{
	const struct ib_err *err;
	int64_t n;

	err = db_run_n(db, ST_WRITE_SETTLE, &n, "itttti", id, states[state], pd_id != NULL ? pd_id : "",
	    why != NULL ? why : "", words != NULL ? words : "", now);
	*won = err == NULL && n > 0;
	return err;
}

const struct ib_err *
write_claimed(struct db *db, int64_t install_id, enum crm_act act, const char *pd_id, int64_t except, bool *claimed)
{
	int64_t id;

	return db_get_int(db, ST_WRITE_CLAIMED, &id, claimed, "itti", install_id, crm_act_name(act), pd_id, except);
}

const struct ib_err *
writes_of(struct db *db, struct arena *a, int64_t thread_id, int64_t user_id, int64_t now,
    struct crm_write **out, size_t *n)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*n = 0;
	if ((*out = ARENA_ARRAY(a, WRITES_SHOWN, struct crm_write)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "writes");
	if ((err = db_query(db, ST_WRITES_OF, &st, "iii", thread_id, now - TOLD_MS, user_id)) != NULL)
		return err;
	while (*n < WRITES_SHOWN && (err = db_step(st, &row)) == NULL && row)
		*n += read_write(st, a, &(*out)[*n]);
	return db_done(st, a, err);
}

const struct ib_err *
writes_shown(struct db *db, int64_t thread_id, int64_t user_id)
{
	return db_run(db, ST_WRITES_SHOWN, "ii", thread_id, user_id);
}

/* Answers -------------------------------------------------------------------------- */

/* One text of one row. */
static const struct ib_err *
one_text(struct db_stmt *st, int col, struct arena *a, const char **out)
{
	const struct ib_err *err;
	bool row;

	if ((err = db_step(st, &row)) == NULL && row)
		*out = db_col_dup(st, col, a);
	return db_done(st, a, err);
}

const struct ib_err *
crm_cache_get(struct db *db, struct arena *a, int64_t user_id, const char *key, int64_t now, int64_t max_age,
    const char **value)
{
	const struct ib_err *err;
	struct db_stmt *st;

	*value = NULL;
	if ((err = db_query(db, ST_CRM_CACHE_GET, &st, "itii", user_id, key, now - max_age, now)) != NULL)
		return err;
	return one_text(st, 0, a, value);
}

const struct ib_err *
crm_cache_put(struct db *db, int64_t user_id, const char *key, int64_t now, const char *value)
{
	return db_run(db, ST_CRM_CACHE_PUT, "itit", user_id, key, now, value);
}

const struct ib_err *
crm_hints_drop(struct db *db, int64_t user_id)
{
	return db_run(db, ST_CRM_HINTS_DROP, "i", user_id);
}

const struct ib_err *
crm_pause_get(struct db *db, struct arena *a, int64_t install_id, int64_t now, const char **why)
{
	const struct ib_err *err;
	struct db_stmt *st;

	*why = NULL;
	if ((err = db_query(db, ST_CRM_PAUSE, &st, "ii", install_id, now)) != NULL)
		return err;
	return one_text(st, 1, a, why);
}

const struct ib_err *
crm_pause_put(struct db *db, int64_t install_id, int64_t until, const char *why)
{
	return db_run(db, ST_CRM_PAUSE_PUT, "iit", install_id, until, why);
}

const struct ib_err *
crm_pause_drop(struct db *db, int64_t install_id)
{
	return db_run(db, ST_CRM_PAUSE_DROP, "i", install_id);
}

const struct ib_err *
crm_sweep(struct db *db, int64_t now)
{
	const struct ib_err *err;

	if ((err = db_run(db, ST_WRITE_SWEEP, "i", now - KEEP_MS)) != NULL)
		return err;
	return db_run(db, ST_CRM_CACHE_SWEEP, "ii", now - MS_DAY, now + MS_DAY);
}
