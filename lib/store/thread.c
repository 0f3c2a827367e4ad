/* SPDX-License-Identifier: MIT */
/* thread.c - see thread.h. */
#include "thread.h"
#include "install.h"
#include "search.h"

#include "../base/clock.h"

enum window
window_state(int64_t customer_at, int64_t ad_at, int64_t now, bool human_agent, int64_t *until)
{
	int64_t margin = human_agent ? WINDOW_MARGIN_MS : 0;
	int64_t day = customer_at + WINDOW_MS, ad = ad_at > 0 ? ad_at + WINDOW_LONG_MS : 0;
	int64_t agent = human_agent ? customer_at + WINDOW_LONG_MS : 0;

	*until = 0;
	if (customer_at <= 0)
		return WINDOW_NEVER;
	if (now < day - (ad > day ? 0 : margin)) {
		*until = day;
		return WINDOW_OPEN;
	}
	if (now < ad - margin) {
		*until = ad;
		return WINDOW_AD;
	}
	if (now < agent) {
		*until = agent;
		return WINDOW_AGENT;
	}
	*until = agent > 0 ? agent : ad > day ? ad : day;
	return WINDOW_CLOSED;
}

/* Of so many that came in; more than there are were never read (the mark is of another time). */
static int64_t
unread(int64_t in_n, int64_t seen)
{
	return in_n > seen ? in_n - seen : 0;
}

const struct ib_err *
thread_get(struct db *db, struct arena *a, int64_t install_id, int64_t id, int64_t user_id,
    struct thread **out)
{
	const struct ib_err *err;
	struct db_stmt *st;
	struct thread *t;
	bool row;

	*out = NULL;
	if ((err = db_query(db, ST_THREAD_GET, &st, "iii", install_id, id, user_id)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row) {
		if ((t = ARENA_NEW(a, struct thread)) == NULL) {
			err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "thread");
			goto done;
		}
		t->id = db_col_int(st, 0);
		t->install_id = db_col_int(st, 1);
		t->page_id = db_col_int(st, 2);
		t->psid = db_col_dup(st, 3, a);
		t->name = db_col_dup(st, 4, a);
		t->snippet = db_col_dup(st, 5, a);
		t->fb_id = db_col_dup(st, 6, a);
		t->owner_app = db_col_dup(st, 7, a);
		t->source = db_col_dup(st, 8, a);
		t->picture = db_col_dup(st, 9, a);
		t->history = db_col_dup(st, 10, a);
		t->history_cursor = db_col_dup(st, 11, a);
		t->last_at = db_col_int(st, 12);
		t->last_id = db_col_int(st, 13);
		t->last_in_at = db_col_int(st, 14);
		t->customer_at = db_col_int(st, 15);
		t->delivered_at = db_col_int(st, 16);
		t->seen_at = db_col_int(st, 17);
		t->created_at = db_col_int(st, 18);
		t->last_user = db_col_int(st, 19);
		t->failed = db_col_int(st, 20);
		t->last_dir = (int)db_col_int(st, 21);
		t->snippet_kind = (int)db_col_int(st, 22);
		t->upto = db_col_int(st, 23);
		t->link = db_col_dup(st, 24, a);
		t->ad_at = db_col_int(st, 25);
		t->source_at = db_col_int(st, 26);
		t->in_n = db_col_int(st, 27);
		t->unread = unread(t->in_n, db_col_int(st, 28));
		t->state = (enum thread_state)db_col_int(st, 29);
		t->state_at = db_col_int(st, 30);
		t->state_by = db_col_int(st, 31);
		t->until_at = db_col_int(st, 32);
		t->woke_at = db_col_int(st, 33);
		*out = t;
	}
done:
	return db_done(st, a, err);
}

/* Of each view: what reads it, and what finds where one request has to stop. */
static const struct { enum stmt_id rows, end; bool up; } views[VIEW_MAX] = {
	[VIEW_OPEN] = { ST_LIST_OPEN, ST_LIST_OPEN_END, false },
	[VIEW_DONE] = { ST_LIST_DONE, ST_LIST_DONE_END, false },
	[VIEW_SNOOZED] = { ST_LIST_LATER, ST_LIST_LATER_END, true },
	[VIEW_ALL] = { ST_LIST_ALL, ST_LIST_ALL_END, false },
	[VIEW_CLOSING] = { ST_LIST_CLOSING, ST_MAX, true },	/* few: see narrowed() */
};

static void
read_row(struct db_stmt *st, struct arena *a, int64_t install_id, struct thread *t)
{
	*t = (struct thread){ .install_id = install_id };
	t->id = db_col_int(st, 0);
	t->page_id = db_col_int(st, 1);
	t->psid = db_col_dup(st, 2, a);
	t->name = db_col_dup(st, 3, a);
	t->snippet = db_col_dup(st, 4, a);
	t->picture = db_col_dup(st, 5, a);
	t->last_at = db_col_int(st, 6);
	t->in_n = db_col_int(st, 7);
	t->failed = db_col_int(st, 9);
	t->last_dir = (int)db_col_int(st, 10);
	if (t->last_dir != 0) {		/* nobody of ours writes what comes in, */
		t->last_user = db_col_int(st, 8);
	} else {			/* and what we said waits for nobody here */
		t->customer_at = db_col_int(st, 14);
		t->ad_at = db_col_int(st, 15);
	}
	t->snippet_kind = (int)db_col_int(st, 11);
	t->unread = unread(t->in_n, db_col_int(st, 12));
	t->linked = db_col_int(st, 13) != 0;
	t->woke_at = db_col_int(st, 16);
}

/* A narrowed list: where this request has to stop, and the statement that reads until there. */
static const struct ib_err *
narrowed(struct db *db, int64_t install_id, int64_t user_id, const struct list_ask *ask, struct list_end *end,
    struct db_stmt **st)
{
	const struct filter *f = ask->filter;
	enum list_view view = (enum list_view)f->v[FILTER_VIEW];
	int64_t at = ask->at, id = ask->id, from = f->v[FILTER_FROM], to = f->v[FILTER_TO];
	const struct ib_err *err;
	bool row;

	if (from != 0)
		from = clock_shown(from, ask->zone);
	if (to != 0)
		to = clock_shown(to + MS_DAY, ask->zone);
	/* Straight to the first day that counts, where the order is that of time. */
	if (at == 0 && !views[view].up) {
		at = to != 0 ? to : INT64_MAX;
		id = 0;
	}
	end->at = views[view].up ? INT64_MAX : from;
	end->id = views[view].up ? INT64_MAX : 0;
	/* What waits for an answer and closes within hours is bounded by itself. */
	if (view == VIEW_CLOSING)
		return db_query(db, ST_LIST_CLOSING, st, "iiiiiiiiiiiiii", install_id, user_id,
		    (int64_t)ask->max + 1, at, id, ask->now, ask->now + CLOSING_MS, f->v[FILTER_PAGE],
		    f->v[FILTER_UNREAD], f->v[FILTER_LINKED], f->v[FILTER_FAILED], from, to, (int64_t)ask->human_agent);
	if ((err = db_query(db, views[view].end, st, "iiiii", install_id, user_id, (int64_t)LIST_WALK - 1, at, id)) != NULL)
		return err;
	if ((err = db_step(*st, &row)) == NULL && row &&
	    (views[view].up || from == 0 || db_col_int(*st, 0) >= from)) {
		end->further = true;
		end->at = db_col_int(*st, 0);
		end->id = db_col_int(*st, 1);
	}
	db_release(*st);
	return err != NULL ? err : db_query(db, views[view].rows, st, "iiiiiiiiiiiii", install_id, user_id,
	    (int64_t)ask->max + 1, at, id, end->at, end->id, f->v[FILTER_PAGE], f->v[FILTER_UNREAD],
	    f->v[FILTER_LINKED], f->v[FILTER_FAILED], from, to);
}

const struct ib_err *
thread_list(struct db *db, struct arena *a, int64_t install_id, int64_t user_id, const struct list_ask *ask,
    struct thread **out, size_t *n, struct list_end *end)
{
	bool plain = ask->filter == NULL || !filter_any(ask->filter), row;
	const struct ib_err *err;
	struct db_stmt *st;
	int64_t at = 0;

	*n = 0;
	*end = (struct list_end){ 0 };
	/* Rows are cleared as they are filled: mostly all of them. */
	if ((*out = arena_alloc(a, (size_t)ask->max * sizeof(**out))) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "thread_list");
	if (!plain)
		err = narrowed(db, install_id, user_id, ask, end, &st);
	else if (ask->at > 0)
		err = db_query(db, ST_THREAD_LIST_BEFORE, &st, "iiiii", install_id, user_id,
		    (int64_t)ask->max + 1, ask->at, ask->id);
	else
		err = db_query(db, ST_THREAD_LIST, &st, "iii", install_id, user_id, (int64_t)ask->max + 1);
	if (err != NULL)
		return err;
	while ((err = db_step(st, &row)) == NULL && row) {
		if (*n == (size_t)ask->max) {
			end->more = true;
			end->further = false;
			break;
		}
		read_row(st, a, install_id, &(*out)[(*n)++]);
		at = plain ? 0 : db_col_int(st, 17);
		if (!plain && ask->filter->v[FILTER_VIEW] == VIEW_CLOSING)
			(*out)[*n - 1].due = at;
	}
	if (end->more) {
		struct thread *last = &(*out)[*n - 1];

		end->at = !plain ? at : last->woke_at > last->last_at ? last->woke_at : last->last_at;
		end->id = last->id;
	}
	return db_done(st, a, err);
}

const struct ib_err *
thread_any(struct db *db, int64_t install_id, bool *any)
{
	int64_t one;

	return db_get_int(db, ST_THREAD_ANY, &one, any, "i", install_id);
}

/* State ------------------------------------------------------------------------ */

const struct ib_err *
thread_set_state(struct db *db, struct arena *a, int64_t install_id, int64_t id, int64_t user_id,
    enum thread_state state, int64_t until, int64_t now, bool *changed)
{
	static const char *const acts[] = {
		[THREAD_OPEN] = "reopened", [THREAD_DONE] = "done", [THREAD_SNOOZED] = "snoozed"
	};
	const struct ib_err *err;
	int64_t n = 0;

	*changed = false;
	if (state != THREAD_SNOOZED)
		until = 0;
	if ((err = db_begin(db)) != NULL)
		return err;
	if ((err = db_run_n(db, ST_THREAD_STATE, &n, "iiiiii", install_id, id, (int64_t)state, now, user_id,
	    until)) != NULL || n == 0 ||
	    (until != 0 && (err = db_run(db, ST_INSTALL_WAKE_AT, "ii", install_id, until)) != NULL) ||
	    (err = audit_put(db, install_id, user_id, now, acts[state], arena_printf(a, "%lld", (long long)id))) != NULL ||
	    (err = install_touch(db, install_id)) != NULL)
		goto done;
	if ((err = db_commit(db)) == NULL)
		*changed = true;
done:
	db_rollback(db);
	return err;
}

const struct ib_err *
thread_reopen(struct db *db, int64_t id, int64_t at)
{
	return db_run(db, ST_THREAD_REOPEN, "ii", id, at);
}

const struct ib_err *
thread_wake(struct db *db, int64_t install_id, int64_t now)
{
	enum { AT_ONCE = 500 };		/* the rest with the next page: wake_at stays in the past */
	const struct ib_err *err;

	if ((err = db_begin(db)) != NULL)
		return err;
	if ((err = db_run(db, ST_THREAD_WAKE, "iii", install_id, now, (int64_t)AT_ONCE)) == NULL &&
	    (err = db_run(db, ST_INSTALL_WOKE, "i", install_id)) == NULL)
		err = db_commit(db);
	db_rollback(db);
	return err;
}

const struct ib_err *
thread_wake_next(struct db *db, int64_t now, int64_t *install_id)
{
	bool found;

	*install_id = 0;
	return db_get_int(db, ST_INSTALL_WAKE_NEXT, install_id, &found, "i", now);
}

const struct ib_err *
thread_by_name(struct db *db, struct arena *a, int64_t install_id, const char *part, size_t max,
    struct thread **out, size_t *n, bool *more)
{
	const struct ib_err *err;
	struct db_stmt *st;
	struct thread *t;
	bool row;

	*n = 0;
	*more = false;
	if ((*out = ARENA_ARRAY(a, max, struct thread)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "thread_by_name");
	if ((err = db_query(db, ST_THREAD_BY_NAME, &st, "iti", install_id, part, (int64_t)max + 1)) != NULL)
		return err;
	while ((err = db_step(st, &row)) == NULL && row) {
		if ((*more = *n == max))
			break;
		t = &(*out)[(*n)++];
		t->id = db_col_int(st, 0);
		t->page_id = db_col_int(st, 1);
		t->psid = db_col_dup(st, 2, a);
		t->name = db_col_dup(st, 3, a);
		t->last_at = db_col_int(st, 4);
	}
	return db_done(st, a, err);
}

const struct ib_err *
thread_find(struct db *db, struct arena *a, int64_t install_id, int64_t page_id,
    const char *psid, int64_t now, struct thread_row *out)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*out = (struct thread_row){ 0 };
	if ((err = db_query(db, ST_THREAD_FIND, &st, "it", page_id, psid)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row) {
		out->id = db_col_int(st, 0);
		out->last_at = db_col_int(st, 1);
		out->last_id = db_col_int(st, 2);
		out->last_in_at = db_col_int(st, 3);
		out->customer_at = db_col_int(st, 4);
		out->delivered_at = db_col_int(st, 5);
		out->seen_at = db_col_int(st, 6);
		out->profile_at = db_col_int(st, 7);
		out->profile_got = db_col_int(st, 8);
		out->last_user = db_col_int(st, 9);
		out->last_dir = (int)db_col_int(st, 10);
		out->snippet_kind = (int)db_col_int(st, 11);
		out->owner_app = db_col_dup(st, 12, a);
		out->snippet = db_col_dup(st, 13, a);
		out->has_name = db_col_int(st, 14) != 0;
		out->control_at = db_col_int(st, 15);
		out->control_app = db_col_dup(st, 16, a);
		out->standby_at = db_col_int(st, 17);
		out->direct_at = db_col_int(st, 18);
		out->ad_click = db_col_int(st, 19);
		out->ad_at = db_col_int(st, 20);
		out->in_n = db_col_int(st, 21);
		out->state = (enum thread_state)db_col_int(st, 22);
	}
	db_release(st);
	if (err != NULL || out->id != 0)
		return err;
	if ((err = db_run(db, ST_THREAD_ADD, "iiti", install_id, page_id, psid, now)) != NULL)
		return err;
	out->id = db_last_id(db);
	out->profile_at = 1;
	out->snippet = "";
	out->created = true;
	return NULL;
}

const struct ib_err *
thread_save(struct db *db, const struct thread_row *t)
{
	return db_run(db, ST_THREAD_SAVE, "iiiiiiiiiiittitiii", t->id, t->last_at, t->last_id,
	    t->last_in_at, t->customer_at, t->delivered_at, t->seen_at,
	    t->profile_at, t->last_user, (int64_t)t->last_dir, (int64_t)t->snippet_kind,
	    t->owner_app, t->snippet, t->control_at, t->control_app, t->standby_at, t->direct_at,
	    t->in_n);
}

const struct ib_err *
thread_count_ad(struct db *db, struct thread_row *t)
{
	const struct ib_err *err;
	bool found;

	/* What is older than any window from the customer's last action opens none. */
	if (t->ad_click == 0)
		return NULL;
	if ((err = db_get_int(db, ST_THREAD_AD_FIRST, &t->ad_at, &found, "ii", t->id,
	    t->customer_at - WINDOW_LONG_MS)) != NULL)
		return err;
	return db_run(db, ST_THREAD_AD_SET, "iii", t->id, t->ad_click, t->ad_at);
}

const struct ib_err *
thread_ad_refused(struct db *db, int64_t id)
{
	return db_run(db, ST_THREAD_AD_NO, "i", id);
}

const struct ib_err *
thread_set_name(struct db *db, int64_t id, const char *name)
{
	const struct ib_err *err = db_run(db, ST_THREAD_NAME, "it", id, name);

	return err != NULL ? err : search_touch(db, id, 0);
}

const struct ib_err *
thread_set_source(struct db *db, int64_t id, const char *json, int64_t at)
{
	return db_run(db, ST_THREAD_SOURCE, "iti", id, json, at);
}

const struct ib_err *
thread_set_fb(struct db *db, int64_t id, const char *fb_id, int64_t synced_at)
{
	return db_run(db, ST_THREAD_FB, "iti", id, fb_id, synced_at);
}

const struct ib_err *
thread_set_history(struct db *db, int64_t id, const char *state, const char *cursor)
{
	return db_run(db, ST_THREAD_HISTORY, "itt", id, state, cursor);
}

const struct ib_err *
thread_mark_seen(struct db *db, int64_t user_id, int64_t id, int64_t upto, int64_t in_n)
{
	return db_run(db, ST_SEEN_PUT, "iiii", user_id, id, upto, in_n);
}

const struct ib_err *
thread_mark_unread(struct db *db, int64_t install_id, int64_t user_id, int64_t id)
{
	return db_run(db, ST_SEEN_BACK, "iii", user_id, id, install_id);
}

const struct ib_err *
thread_add_failed(struct db *db, int64_t id, int delta)
{
	return db_run(db, ST_THREAD_FAILED, "ii", id, (int64_t)delta);
}

const struct ib_err *
profile_next(struct db *db, struct arena *a, int64_t now, struct profile_due **out)
{
	const struct ib_err *err;
	struct profile_due *d;
	struct db_stmt *st;
	bool row;

	*out = NULL;
	if ((err = db_query(db, ST_PROFILE_NEXT, &st, "i", now)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row &&
	    (d = ARENA_NEW(a, struct profile_due)) != NULL) {
		d->thread_id = db_col_int(st, 0);
		d->page_id = db_col_int(st, 1);
		d->install_id = db_col_int(st, 2);
		d->tries = db_col_int(st, 3);
		d->psid = db_col_dup(st, 4, a);
		d->due = db_col_int(st, 5);
		*out = d;
	}
	return db_done(st, a, err);
}

const struct ib_err *
profile_claim(struct db *db, const struct profile_due *d, int64_t again, bool *mine)
{
	const struct ib_err *err;
	int64_t n = 0;

	*mine = false;
	if ((err = db_begin(db)) != NULL)
		return err;
	err = db_run_n(db, ST_PROFILE_CLAIM, &n, "iii", d->thread_id, again, d->due);
	if (err == NULL && n > 0)
		err = db_commit(db);
	db_rollback(db);
	*mine = err == NULL && n > 0;
	return err;
}

const struct ib_err *
profile_done(struct db *db, int64_t thread_id, const char *name, const char *picture,
    int64_t next_at, int64_t now)
{
	const struct ib_err *err = db_run(db, ST_PROFILE_DONE, "ittii", thread_id, name, picture, next_at, now);

	return err != NULL || name == NULL ? err : search_touch(db, thread_id, 0);
}
