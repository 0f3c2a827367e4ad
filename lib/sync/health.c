/* SPDX-License-Identifier: MIT */
/*
 * health.c - is the connection of each Page whole?
 *
 * Once a day, and soon after an error that hints at the connection, a Page's
 * token is inspected, and the list of events that Facebook sends us is compared
 * with the one we want.  A list that had to be restored means that messages
 * were missed: then a comparison of the conversations is asked for as well
 * (messenger.md 11).  What was found stays in the Page's row: the health page
 * shows it.
 *
 * A Page is claimed by moving its due time an hour on: whatever fails here is
 * tried again then, and a worker that dies leaves it due.
 *
 * Error codes that codes.def does not know are counted here, never swallowed.
 */
#include "sync.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "../store/install.h"
#include "../store/page.h"

#include <string.h>

static const struct ib_err *
claim(struct db *db, int64_t now, int64_t *page)
{
	const struct ib_err *err;
	struct db_stmt *st;
	int64_t due = 0, n = 0;
	bool row;

	*page = 0;
	if ((err = db_query(db, ST_PAGE_HEALTH_NEXT, &st, "i", now)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row) {
		*page = db_col_int(st, 0);
		due = db_col_int(st, 1);
	}
	db_release(st);
	if (err != NULL || *page == 0)
		return err;
	err = db_run_n(db, ST_PAGE_HEALTH_CLAIM, &n, "iii", *page, due, now + MS_HOUR);
	if (n == 0)
		*page = 0;		/* another worker has it */
	return err;
}

static const struct ib_err *
note_subscription(struct sync *s, const struct page *p, const char *state, int64_t now)
{
	const struct ib_err *err;

	if ((err = db_begin(s->db)) != NULL)
		return err;
	if ((err = db_run(s->db, ST_PAGE_SUB, "iit", p->id, now, state)) == NULL &&
	    (strcmp(state, "restored") != 0 ||
	    ((err = audit_put(s->db, p->install_id, 0, now, "resubscribed", p->fb_id)) == NULL &&
	    (err = db_run(s->db, ST_PAGE_ASK, "ii", p->id, now)) == NULL)))
		err = db_commit(s->db);
	db_rollback(s->db);
	return err;
}

/* *whole false: it was refused, and is tried again in an hour. */
static const struct ib_err *
subscription(struct sync *s, const struct page *p, int64_t now, bool *whole)
{
	const struct ib_err *err;
	struct graph_res res = { 0 };
	bool subscribed, complete;
	struct graph *g;

	*whole = false;
	if ((err = sync_graph(s, &g)) != NULL)
		return err;
	s->stats.calls++;
	if ((err = graph_subscription(g, &s->arena, p->fb_id, p->token, &subscribed, &complete, &res)) != NULL)
		return err;
	if (!res.refused && subscribed && complete) {
		*whole = true;
		return note_subscription(s, p, "ok", now);
	}
	if (!res.refused) {
		log_event(LOG_WARN_, "subscription_lost", "page", log_i(p->id), NULL);
		s->stats.calls++;
		if ((err = graph_subscribe(g, &s->arena, p->fb_id, p->token, &res)) != NULL)
			return err;
	}
	*whole = !res.refused;
	if ((err = note_subscription(s, p, *whole ? "restored" : "lost", now)) != NULL || *whole)
		return err;
	return page_refused(s, p->id, &res, now);
}

const struct ib_err *
sync_health_one(struct sync *s, int64_t now, bool *did)
{
	const struct ib_err *err;
	struct page *p;
	int64_t id;
	bool alive, whole;

	*did = false;
	arena_reset(&s->arena);
	if ((err = claim(s->db, now, &id)) != NULL || id == 0)
		return err;
	*did = true;
	if ((err = page_with_token(s->db, s->keys, &s->arena, id, &p)) != NULL || p == NULL ||
	    (err = page_inspect(s, p, "error.fb.token", false, now, &alive)) != NULL || !alive ||
	    (err = subscription(s, p, now, &whole)) != NULL)
		return err;
	if ((err = db_begin(s->db)) != NULL)
		return err;
	if ((!whole || (err = db_run(s->db, ST_PAGE_HEALTH_AT, "ii", id, now + MS_DAY)) == NULL) &&
	    (err = install_touch(s->db, p->install_id)) == NULL)
		err = db_commit(s->db);
	db_rollback(s->db);
	return err;
}

/* Codes nobody knows ---------------------------------------------------------------- */

static void
note_odd(struct sync *s, const char *service, int code, int subcode)
{
	const struct ib_err *err;

	log_event(LOG_WARN_, "odd_code", "service", service, "code", log_i(code), "subcode",
	    log_i(subcode), NULL);
	if ((err = db_run(s->db, ST_ODD_CODE, "tiii", service, (int64_t)code, (int64_t)subcode,
	    clock_now())) != NULL)
		log_err(err, "odd_code");
}

void
sync_odd_facebook(void *arg, const struct graph_res *res)
{
	if (!code_known(SVC_FACEBOOK, res->code, res->subcode))
		note_odd(arg, "facebook", res->code, res->subcode);
}

void
sync_odd_pipedrive(void *arg, const struct pd_res *res)
{
	/* Pipedrive has no numbers: a status that only its family knows is one. */
	if (res->row->code < 0 && res->row->code != -res->status && res->status >= 400)
		note_odd(arg, "pipedrive", res->status, 0);
}
