/* SPDX-License-Identifier: MIT */
/*
 * token.c - life and death of tokens.
 *
 * Pipedrive: a refresh token dies after 60 days without use (pipedrive.md
 * 1.5); each is used every few days.  A lease on the row keeps web and cron
 * from refreshing the same one at once.  One that is refused for good means
 * that the person's grant is gone: the tokens are erased and the person is
 * signed out.
 *
 * Facebook: Page tokens die without notice.  Only the codes of class TOKEN
 * make a Page suspect, and only an inspection that says so makes it broken
 * (messenger.md 8, 11).
 */
#include "sync.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "../store/install.h"
#include "../store/page.h"

#define IDLE_MS		(3 * MS_DAY)
#define LEASE_MS	(30 * MS_SECOND)

static const struct ib_err *
store_tokens(struct sync *s, int64_t user, const struct pd_tokens *t, int64_t now)
{
	const struct ib_err *err;
	struct arena *a = &s->arena;
	char *access, *refresh;

	if ((err = keyring_seal(s->keys, a, arena_printf(a, "user.access.%lld", (long long)user),
	    t->access, &access)) != NULL ||
	    (err = keyring_seal(s->keys, a, arena_printf(a, "user.refresh.%lld", (long long)user),
	    t->refresh, &refresh)) != NULL)
		return err;
	if ((err = db_begin(s->db)) != NULL)
		return err;
	if ((err = db_run(s->db, ST_USER_TOKENS, "itti", user, access, refresh,
	    now + t->expires_in * MS_SECOND)) == NULL)
		err = db_commit(s->db);
	db_rollback(s->db);
	return err;
}

static const struct ib_err *
grant_gone(struct sync *s, int64_t user, int64_t install, int64_t now)
{
	const struct ib_err *err;

	if ((err = db_begin(s->db)) != NULL)
		return err;
	if ((err = db_run(s->db, ST_USER_GONE, "i", user)) == NULL &&
	    (err = db_run(s->db, ST_USER_SESSIONS_END, "i", user)) == NULL &&
	    (err = audit_put(s->db, install, user, now, "grant_gone", "")) == NULL)
		err = db_commit(s->db);
	db_rollback(s->db);
	return err;
}

/* Take the lease in a transaction of its own; *sealed NULL when nothing is due. */
static const struct ib_err *
lease_user(struct sync *s, int64_t now, int64_t *user, int64_t *install, char **sealed)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row = false;

	*sealed = NULL;
	if ((err = db_begin(s->db)) != NULL)
		return err;
	if ((err = db_query(s->db, ST_USER_REFRESH_LEASE, &st, "iii", now, now + LEASE_MS,
	    now - IDLE_MS)) == NULL) {
		if ((err = db_step(st, &row)) == NULL && row) {
			*user = db_col_int(st, 0);
			*install = db_col_int(st, 1);
			*sealed = db_col_dup(st, 2, &s->arena);
		}
		db_release(st);
	}
	if (err == NULL && row)
		err = db_commit(s->db);
	db_rollback(s->db);
	return err;
}

const struct ib_err *
sync_token_one(struct sync *s, int64_t now, bool *did)
{
	const struct ib_err *err;
	struct pd_tokens tokens;
	struct pd_res res = { 0 };
	struct pdrive *pd;
	int64_t user = 0, install = 0;
	char *sealed, *refresh;

	*did = false;
	arena_reset(&s->arena);
	if ((err = lease_user(s, now, &user, &install, &sealed)) != NULL || sealed == NULL)
		return err;
	*did = true;
	if ((err = keyring_open(s->keys, &s->arena, arena_printf(&s->arena, "user.refresh.%lld",
	    (long long)user), sealed, &refresh)) != NULL || (err = sync_pdrive(s, &pd)) != NULL)
		return err;
	s->stats.calls++;
	if ((err = pdrive_refresh(pd, &s->arena, refresh, &tokens, &res)) != NULL)
		return err;
	if (!res.refused)
		return store_tokens(s, user, &tokens, now);
	log_event(LOG_WARN_, "token_refused", "user", log_i(user), "status", log_i(res.status), NULL);
	return res.invalid_grant ? grant_gone(s, user, install, now) : NULL;
}

/* A Page's token is suspect: ask Facebook about it. */
static const struct ib_err *
inspect(struct sync *s, int64_t install_id, int64_t page_id, const char *why, int64_t now)
{
	const struct ib_err *err;
	struct graph_debug dbg;
	struct graph_res res = { 0 };
	struct graph *g;
	struct page *p;

	if ((err = page_with_token(s->db, s->keys, &s->arena, page_id, &p)) != NULL || p == NULL ||
	    (err = sync_graph(s, &g)) != NULL)
		return err;
	if (p->token != NULL) {
		s->stats.calls++;
		if ((err = graph_debug_token(g, &s->arena, p->token, &dbg, &res)) != NULL)
			return err;
		if (res.refused || dbg.valid)
			return NULL;	/* not confirmed: the next refusal asks again */
	}
	log_event(LOG_ERROR_, "page_broken", "page", log_i(page_id), "why", why, NULL);
	if ((err = db_begin(s->db)) != NULL)
		return err;
	if ((err = page_set_broken(s->db, page_id, why)) == NULL &&
	    (err = audit_put(s->db, install_id, 0, now, "page_broken", why)) == NULL &&
	    (err = install_touch(s->db, install_id)) == NULL)
		err = db_commit(s->db);
	db_rollback(s->db);
	return err;
}

const struct ib_err *
page_refused(struct sync *s, int64_t install_id, int64_t page_id, const struct graph_res *res, int64_t now)
{
	int64_t minutes = res->regain_min > 0 ? res->regain_min : 1;

	log_event(LOG_WARN_, "refused", "page", log_i(page_id), "code", log_i(res->code),
	    "subcode", log_i(res->subcode), "status", log_i(res->status), "trace", res->trace, NULL);
	switch (res->row->class_) {
	case CLASS_TOKEN:
		return inspect(s, install_id, page_id, res->row->key, now);
	case CLASS_THROTTLE:
		return page_pause(s->db, page_id, now + minutes * MS_MINUTE);
	case CLASS_RETRY:
	case CLASS_CONFIG:
	case CLASS_FINAL:
		break;
	}
	return NULL;
}
