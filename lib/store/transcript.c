/* SPDX-License-Identifier: MIT */
/* transcript.c - see transcript.h. */
#include "transcript.h"

#include "../base/clock.h"

#define QUARTER_MS	(15 * MS_MINUTE)
#define LEASE_MS	MS_MINUTE		/* longer than a search and a call with the token's refresh */
#define GAP_MS		(5 * MS_MINUTE)		/* between two writings of one note */
#define REFUSED_MS	(7 * MS_DAY)

const struct ib_err *
transcripts_get(struct db *db, int64_t install_id, bool *on)
{
	const struct ib_err *err;
	int64_t v = 0;
	bool found;

	err = db_get_int(db, ST_TRANSCRIPTS_GET, &v, &found, "i", install_id);
	*on = v != 0;
	return err;
}

const struct ib_err *
transcripts_set(struct db *db, int64_t install_id, bool on)
{
	return db_run(db, ST_TRANSCRIPTS_SET, "ii", install_id, (int64_t)on);
}

const struct ib_err *
transcript_touch(struct db *db, int64_t thread_id, int64_t at)
{
	return db_run(db, ST_TRANSCRIPT_TOUCH, "ii", thread_id, at);
}

/* The days before a first link are logged too, as far as log_from of the link reaches. */
const struct ib_err *
transcript_turn(struct db *db, int64_t thread_id, int64_t now)
{
	const struct ib_err *err;
	struct db_stmt *st;
	int64_t from = 0;
	bool row;

	if ((err = db_run(db, ST_TRANSCRIPT_TURN, "ii", thread_id, now)) != NULL ||
	    (err = db_query(db, ST_TRANSCRIPT_TARGET, &st, "i", thread_id)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row)
		from = db_col_int(st, 3);
	db_release(st);
	return err != NULL || from == 0 ? err : db_run(db, ST_TRANSCRIPT_TOUCH_SINCE, "ii", thread_id, from);
}

const struct ib_err *
transcript_moved(struct db *db, int64_t install_id, enum crm_kind kind, const char *pd_id, enum crm_kind to_kind,
    const char *to_id)
{
	return db_run(db, ST_TRANSCRIPT_MOVE, "itttt", install_id, crm_kind_name(kind), pd_id,
	    crm_kind_name(to_kind), to_id);
}

const struct ib_err *
touch_next(struct db *db, struct arena *a, struct touch **out)
{
	const struct ib_err *err;
	struct db_stmt *st;
	struct touch *t;
	bool row;

	*out = NULL;
	if ((err = db_query(db, ST_TRANSCRIPT_TOUCHED, &st, "")) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row && (t = *out = ARENA_NEW(a, struct touch)) != NULL) {
		t->thread_id = db_col_int(st, 0);
		t->at = db_col_int(st, 1) * QUARTER_MS;
		t->install_id = db_col_int(st, 2);
		t->owner_id = db_col_int(st, 3);
		t->on = db_col_int(st, 4) != 0;
	}
	return db_done(st, a, err);
}

/* The record it is logged on gets its row; nothing when none is linked, or only from later on. */
static const struct ib_err *
want(struct db *db, struct arena *a, const struct touch *t, int64_t day, int64_t until, int64_t now)
{
	const char *kind = NULL, *pd_id = NULL;
	int64_t user = 0, from = 0;
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	if ((err = db_query(db, ST_TRANSCRIPT_TARGET, &st, "i", t->thread_id)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row) {
		kind = db_col_dup(st, 0, a);
		pd_id = db_col_dup(st, 1, a);
		user = db_col_int(st, 2);
		from = db_col_int(st, 3);
	}
	if ((err = db_done(st, a, err)) != NULL || kind == NULL || from >= until)
		return err;
	return db_run(db, ST_TRANSCRIPT_WANT, "iiittiii", t->install_id, t->thread_id, day, kind, pd_id, user, from, now);
}

const struct ib_err *
touch_take(struct db *db, struct arena *a, const struct touch *t, int64_t day, int64_t from, int64_t until, int64_t now)
{
	const struct ib_err *err;

	if (t->on && ((err = want(db, a, t, day, until, now)) != NULL ||
	    (err = db_run(db, ST_TRANSCRIPT_CHANGED, "iiii", t->thread_id, day, now + GAP_MS, GAP_MS)) != NULL))
		return err;
	return db_run(db, ST_TRANSCRIPT_UNTOUCH, "iii", t->thread_id, from / QUARTER_MS, (until - 1) / QUARTER_MS);
}

static bool
read_transcript(struct db_stmt *st, struct arena *a, struct transcript *t)
{
	t->id = db_col_int(st, 0);
	t->install_id = db_col_int(st, 1);
	t->thread_id = db_col_int(st, 2);
	t->day = db_col_int(st, 3);
	if (!crm_kind_parse(db_col_text(st, 4), &t->kind))
		return false;
	t->pd_id = db_col_dup(st, 5, a);
	t->user_id = db_col_int(st, 6);
	t->from_at = db_col_int(st, 7);
	t->until_at = db_col_int(st, 8);
	t->note_id = db_col_dup(st, 9, a);
	t->digest = db_col_dup(st, 10, a);
	t->rev = db_col_int(st, 11);
	t->tries = db_col_int(st, 12);
	t->looks = db_col_int(st, 13);
	t->owner_id = db_col_int(st, 14);
	t->customer = db_col_dup(st, 15, a);
	t->page = db_col_dup(st, 16, a);
	return true;
}

const struct ib_err *
transcript_next(struct db *db, struct arena *a, int64_t now, struct transcript **out)
{
	struct transcript *t = ARENA_NEW(a, struct transcript);
	const struct ib_err *err;
	struct db_stmt *st;
	int64_t id;
	bool row, mine = false;

	*out = NULL;
	if (t == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "transcript");
	if ((err = db_query(db, ST_TRANSCRIPT_NEXT, &st, "i", now)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row && read_transcript(st, a, t))
		*out = t;
	if ((err = db_done(st, a, err)) != NULL || *out == NULL)
		return err;
	if ((err = db_get_int(db, ST_TRANSCRIPT_LEASE, &id, &mine, "iii", now, t->id, now + LEASE_MS)) != NULL || !mine)
		*out = NULL;
	return err;
}

const struct ib_err *
transcript_calling(struct db *db, int64_t id)
{
	return db_run(db, ST_TRANSCRIPT_CALLING, "i", id);
}

const struct ib_err *
transcript_found(struct db *db, int64_t id, const char *note_id)
{
	return db_run(db, ST_TRANSCRIPT_FOUND, "it", id, note_id);
}

const struct ib_err *
transcript_later(struct db *db, int64_t id, int64_t next_at, bool looked, const char *why)
{
	return db_run(db, ST_TRANSCRIPT_LATER, "iiit", id, next_at, (int64_t)looked, why != NULL ? why : "");
}

const struct ib_err *
transcript_settle(struct db *db, const struct transcript *t, const char *note_id, const char *digest, const char *why,
    int64_t now)
{
	return db_run(db, ST_TRANSCRIPT_SETTLE, "iittttii", t->id, t->rev, why == NULL ? "done" : "refused", note_id,
	    digest, why != NULL ? why : "", now, GAP_MS);
}

const struct ib_err *
transcript_drop(struct db *db, const struct transcript *t)
{
	return db_run(db, ST_TRANSCRIPT_DROP, "ii", t->id, t->rev);
}

const struct ib_err *
transcript_count(struct db *db, int64_t install_id, const char *why, int64_t now, int64_t *waiting, int64_t *refused)
{
	const struct ib_err *err;
	bool found;

	*waiting = *refused = 0;
	if ((err = db_get_int(db, ST_TRANSCRIPT_WAITING, waiting, &found, "it", install_id, why)) != NULL)
		return err;
	return db_get_int(db, ST_TRANSCRIPT_REFUSED, refused, &found, "ii", install_id, now - REFUSED_MS);
}
