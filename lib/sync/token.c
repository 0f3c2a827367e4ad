/* SPDX-License-Identifier: MIT */
/*
 * token.c - life and death of tokens.
 *
 * Pipedrive: a refresh token dies after 60 days without use (pipedrive.md
 * 1.5); each is used every few days.  A lease on the row keeps web and cron
 * from refreshing the same one at once: whoever comes second waits for what
 * the first one brings.  One that is refused for good means
 * that the person's grant is gone: the tokens are erased and the person is
 * signed out; was it the installer's, the connection has left (pipedrive.md
 * 2.1).  Not when it was refused because another took its place: somebody who
 * signs in brings a new one, and is not known before it is there.
 *
 * Once an hour Pipedrive is asked whether who is signed in still belongs to the
 * company, and as what: in a run, or after an answer to that very person, so
 * that no page waits for it.
 *
 * Facebook: Page tokens die without notice.  Only the codes of class TOKEN
 * make a Page suspect, and only an inspection that says so makes it broken
 * (messenger.md 8, 11), or a second such code in a row while the inspection
 * itself gets no answer.
 */
#include "sync.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/str.h"
#include "../store/install.h"
#include "../store/leaving.h"
#include "../store/page.h"

#include <string.h>

#define IDLE_MS		(3 * MS_DAY)
#define IDLE_DEATH_MS	(59 * MS_DAY)		/* pipedrive.md 1.5: 60 days without use */
#define LEASE_MS	(30 * MS_SECOND)	/* longer than any one call */
#define MARGIN_MS	MS_MINUTE		/* an access token that ends sooner is renewed */
#define WAIT_MS		(12 * MS_SECOND)	/* for somebody else's refresh */
#define EXCHANGE_MS	MS_MINUTE		/* longer than its two calls */
#define EXCHANGE_KEEP_MS (7 * MS_DAY)		/* each token is used within that (IDLE_MS) */
#define SUSPECT_MOST	2
#define HEALTH_GAP_MS	(10 * MS_MINUTE)
#define SENDS_REFUSED	3			/* in a row: the Page pauses (ST_PAGE_REFUSED) */

const struct ib_err *
sync_tokens_store(struct sync *s, struct arena *a, int64_t user, const struct pd_tokens *t, int64_t now)
{
	const struct ib_err *err;
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

static const char *
exchange_name(struct arena *a, const char *id)
{
	return arena_printf(a, "exchange-%s", id);
}

const struct ib_err *
sync_exchange_begin(struct db *db, struct arena *a, const char *id, int64_t now)
{
	return db_run(db, ST_LEASE_TAKE, "ttii", exchange_name(a, id), id, now, now + EXCHANGE_MS);
}

const struct ib_err *
sync_exchange_end(struct db *db, struct arena *a, const char *id)
{
	return db_run(db, ST_LEASE_DROP, "tt", exchange_name(a, id), id);
}

/* A code that is being exchanged: is one under way, and was one never ended? */
static const struct ib_err *
look_at_exchanges(struct db *db, int64_t now, bool *under_way, bool *lost)
{
	const struct ib_err *err;
	int64_t until;

	*under_way = false;
	if ((err = db_run(db, ST_EXCHANGE_SWEEP, "i", now - EXCHANGE_KEEP_MS)) == NULL &&
	    (err = db_get_int(db, ST_EXCHANGE_UNTIL, &until, lost, "")) == NULL && *lost)
		*under_way = until > now && until <= now + EXCHANGE_MS;
	return err;
}

/* The token `sealed` was refused for good.  *again: that says nothing, another one is there or on its way. */
static const struct ib_err *
grant_gone(struct sync *s, struct arena *a, int64_t user, int64_t install, const char *sealed, int64_t now, bool *again)
{
	const struct ib_err *err;
	bool found, same, under_way = false, lost;
	int64_t ours, is;

	*again = false;
	if ((err = db_begin(s->db)) != NULL)
		return err;
	if ((err = db_get_int(s->db, ST_USER_REFRESH_IS, &is, &same, "it", user, sealed)) != NULL ||
	    (err = look_at_exchanges(s->db, now, &under_way, &lost)) != NULL ||
	    (err = db_get_int(s->db, ST_USER_OUR_DOING, &ours, &found, "ii", user, now - IDLE_DEATH_MS)) != NULL)
		goto done;
	/*
	 * Nobody here used it for so long that it died of that, or the answer
	 * that brought another one was lost: no word of uninstalling.
	 */
	if ((*again = !same || !is || under_way))
		err = under_way ? db_run(s->db, ST_USER_REFRESH_ANSWERED, "i", user) : NULL;
	else if (lost || (found && ours))
		err = leaving_person_gone(s->db, install, user, LEAVE_GRANT, now);
	else
		err = leaving_grant_ended(s->db, s->keys, a, install, user, LEAVE_GRANT, now);
	if (err == NULL)
		err = db_commit(s->db);
done:
	db_rollback(s->db);
	return err;
}

/*
 * Take the lease of *user, who wants a token now, or (0) of whoever's is due, in
 * a transaction of its own; *sealed NULL when there is nothing to do.
 */
static const struct ib_err *
take_lease(struct sync *s, struct arena *a, int64_t now, int64_t *user, int64_t *install, char **sealed)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row = false;

	*sealed = NULL;
	if ((err = db_begin(s->db)) != NULL)
		return err;
	if (*user != 0)
		err = db_query(s->db, ST_USER_REFRESH_CLAIM, &st, "iiii", *user, now, now + LEASE_MS,
		    now + MARGIN_MS);
	else
		err = db_query(s->db, ST_USER_REFRESH_LEASE, &st, "iii", now, now + LEASE_MS,
		    now - IDLE_MS);
	if (err == NULL) {
		if ((err = db_step(st, &row)) == NULL && row) {
			*user = db_col_int(st, 0);
			*install = db_col_int(st, 1);
			*sealed = db_col_dup(st, 2, a);
		}
		db_release(st);
	}
	if (err == NULL && row)
		err = db_commit(s->db);
	db_rollback(s->db);
	return err;
}

/* The access token as it stands; *out NULL when there is none or it ends soon. */
static const struct ib_err *
stored_access(struct sync *s, struct arena *a, int64_t user, int64_t now, const char **out, bool *exists)
{
	const struct ib_err *err;
	struct db_stmt *st;
	char *sealed = NULL, *access;

	*out = NULL;
	if ((err = db_query(s->db, ST_USER_ACCESS, &st, "i", user)) != NULL)
		return err;
	if ((err = db_step(st, exists)) == NULL && *exists && db_col_int(st, 1) > now + MARGIN_MS)
		sealed = db_col_dup(st, 0, a);
	db_release(st);
	if (err != NULL || sealed == NULL)
		return err;
	err = keyring_open(s->keys, a, arena_printf(a, "user.access.%lld", (long long)user), sealed, &access);
	if (err == NULL)
		*out = access;
	return err;
}

/* Use the refresh token of a row whose lease is ours.  *access NULL: refused. */
static const struct ib_err *
refresh_leased(struct sync *s, struct arena *a, int64_t user, int64_t install, const char *sealed,
    int64_t now, const char **access)
{
	const struct ib_err *err;
	struct pd_tokens tokens;
	struct pd_res res = { 0 };
	struct pdrive *pd;
	bool again, exists;
	char *refresh;

	*access = NULL;
	if ((err = keyring_open(s->keys, a, arena_printf(a, "user.refresh.%lld", (long long)user),
	    sealed, &refresh)) != NULL || (err = sync_pdrive(s, &pd)) != NULL)
		return err;
	s->stats.calls++;
	if ((err = pdrive_refresh(pd, a, refresh, &tokens, &res)) != NULL)
		return err;
	if (!res.refused) {
		*access = tokens.access;
		return sync_tokens_store(s, a, user, &tokens, now);
	}
	log_event(LOG_WARN_, "token_refused", "user", log_i(user), "status", log_i(res.status), NULL);
	if (!res.invalid_grant)
		return db_run(s->db, ST_USER_REFRESH_ANSWERED, "i", user);
	if ((err = grant_gone(s, a, user, install, sealed, now, &again)) != NULL || !again ||
	    (err = stored_access(s, a, user, now, access, &exists)) != NULL || *access != NULL || !exists)
		return err;
	return ib_fail(IB_EBUSY, IB_RETRY_LATER, "a token was refused while somebody is signing in");
}

const struct ib_err *
sync_token_one(struct sync *s, int64_t now, bool *did)
{
	const struct ib_err *err;
	int64_t user = 0, install = 0;
	const char *access;
	char *sealed;

	*did = false;
	arena_reset(&s->arena);
	if ((err = take_lease(s, &s->arena, now, &user, &install, &sealed)) != NULL || sealed == NULL)
		return err;
	*did = true;
	return refresh_leased(s, &s->arena, user, install, sealed, now, &access);
}

const struct ib_err *
sync_access(struct sync *s, struct arena *a, int64_t user, int64_t now, const char **access)
{
	return sync_access_within(s, a, user, now, WAIT_MS, access);
}

const struct ib_err *
sync_access_within(struct sync *s, struct arena *a, int64_t user, int64_t now, int64_t wait_ms,
    const char **access)
{
	int64_t deadline = clock_mono() + wait_ms, install = 0;
	const struct ib_err *err;
	char *sealed;
	bool exists;

	for (;;) {
		if ((err = stored_access(s, a, user, now, access, &exists)) != NULL ||
		    *access != NULL || !exists)
			return err;
		if ((err = take_lease(s, a, now, &user, &install, &sealed)) != NULL)
			return err;
		if (sealed != NULL)
			return refresh_leased(s, a, user, install, sealed, now, access);
		if (clock_mono() >= deadline)
			return ib_fail(IB_ETIMEOUT, IB_RETRY_LATER, "another refresh takes too long");
		sync_nap(50);
		now = clock_now();
	}
}

const struct ib_err *
sync_access_dead(struct sync *s, struct arena *a, int64_t user, int64_t now, const char *dead)
{
	const struct ib_err *err;
	const char *stored;
	struct db_stmt *st;
	int64_t until = 0;
	bool row;

	/* Somebody may have brought another meanwhile: only this one counts as dead. */
	if ((err = stored_access(s, a, user, now, &stored, &row)) != NULL || !str_eq(stored, dead))
		return err;
	if ((err = db_query(s->db, ST_USER_ACCESS, &st, "i", user)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row)
		until = db_col_int(st, 1);
	db_release(st);
	if (err != NULL || !row)
		return err;
	return db_run(s->db, ST_USER_ACCESS_DEAD, "ii", user, until);
}

/* Rights ------------------------------------------------------------------------- */

#define ROLE_EVERY_MS	MS_HOUR
#define ROLE_AGAIN_MS	(5 * MS_MINUTE)

struct role_due { int64_t user, install; const char *api_domain; };

/* Somebody signed in whose hour is over; claimed for some minutes.  user 0: nobody. */
static const struct ib_err *
claim_role(struct sync *s, int64_t now, struct role_due *d)
{
	const struct ib_err *err;
	struct install *in;
	struct db_stmt *st;
	bool row = false, found;
	int64_t any;

	d->user = 0;
	if ((err = db_get_int(s->db, ST_ROLE_DUE, &any, &found, "i", now)) != NULL || !found)
		return err;
	if ((err = db_begin(s->db)) != NULL)
		return err;
	if ((err = db_query(s->db, ST_ROLE_CLAIM, &st, "ii", now, now + ROLE_AGAIN_MS)) == NULL) {
		if ((err = db_step(st, &row)) == NULL && row) {
			d->user = db_col_int(st, 0);
			d->install = db_col_int(st, 1);
		}
		db_release(st);
	}
	if (err == NULL && row)
		err = db_commit(s->db);
	db_rollback(s->db);
	if (err != NULL || !row || (err = install_get(s->db, &s->arena, d->install, &in)) != NULL)
		return err;
	d->api_domain = in != NULL ? in->api_domain : "";
	return NULL;
}

/* Signed out, and why is written down; the grant stays for whoever is let in again. */
static const struct ib_err *
sign_out(struct sync *s, const struct role_due *d, const char *why, int64_t now)
{
	const struct ib_err *err;

	if ((err = db_begin(s->db)) != NULL)
		return err;
	if ((err = db_run(s->db, ST_USER_SESSIONS_END, "i", d->user)) == NULL &&
	    (err = db_run(s->db, ST_MEMBER_PASSES_END, "i", d->user)) == NULL &&
	    (err = audit_put(s->db, d->install, d->user, now, "signed_out", why)) == NULL)
		err = db_commit(s->db);
	db_rollback(s->db);
	return err;
}

static const struct ib_err *
store_role(struct sync *s, const struct role_due *d, const struct pd_user *u, int64_t now)
{
	const struct ib_err *err;
	int64_t changed;

	if ((err = db_begin(s->db)) != NULL)
		return err;
	if ((err = db_run_n(s->db, ST_ROLE_CHANGED, &changed, "ii", d->user, (int64_t)u->admin)) == NULL &&
	    (changed == 0 || (err = audit_put(s->db, d->install, d->user, now, "role",
	    u->admin ? "admin" : "user")) == NULL) &&
	    (err = db_run(s->db, ST_ROLE_SEEN, "iittt", d->user, now + ROLE_EVERY_MS, u->name, u->email,
	    u->timezone)) == NULL &&
	    (changed == 0 || (err = install_touch(s->db, d->install)) == NULL))
		err = db_commit(s->db);
	db_rollback(s->db);
	return err;
}

/*
 * Who Pipedrive says d->user is.  *known false: the grant is gone, which signs the
 * person out by itself.
 */
static const struct ib_err *
ask_role(struct sync *s, const struct role_due *d, struct pd_user *u, struct pd_res *res, bool *known)
{
	const struct ib_err *err;
	struct pdrive *pd;
	const char *access, *dead = NULL;
	int64_t now;

	for (;;) {
		now = clock_now();
		*known = false;
		if ((err = sync_access(s, &s->arena, d->user, now, &access)) != NULL || access == NULL ||
		    (err = sync_pdrive(s, &pd)) != NULL)
			return err;
		*known = true;
		memset(res, 0, sizeof(*res));
		s->stats.calls++;
		if ((err = pdrive_me(pd, &s->arena, d->api_domain, access, u, res)) != NULL || !res->refused ||
		    res->status != 401 || dead != NULL)
			return err;
		/* An access token can die before its time: only a fresh one's word counts. */
		dead = access;
		if ((err = sync_access_dead(s, &s->arena, d->user, now, dead)) != NULL)
			return err;
	}
}

const struct ib_err *
sync_role_one(struct sync *s, int64_t now, bool *did)
{
	const struct ib_err *err;
	struct pd_res res;
	struct role_due d;
	struct pd_user u;
	bool known;

	*did = false;
	arena_reset(&s->arena);
	if ((err = claim_role(s, now, &d)) != NULL || d.user == 0)
		return err;
	*did = true;
	if ((err = ask_role(s, &d, &u, &res, &known)) != NULL || !known)
		return err;
	if (res.refused)
		return res.status == 401 || res.status == 403 ? sign_out(s, &d, "refused", now) : NULL;
	return u.active ? store_role(s, &d, &u, now) : sign_out(s, &d, "deactivated", now);
}

/* Facebook ----------------------------------------------------------------------- */

/* The sentence that fits what the inspection said, else what the refusal said. */
static const char *
why_dead(const struct graph_debug *dbg, const char *why)
{
	const struct code_row *row = code_find(SVC_FACEBOOK, dbg->code, dbg->subcode, 400);

	return dbg->code != 0 && row->class_ == CLASS_TOKEN && dbg->subcode != 0 ? row->key : why;
}

const struct ib_err *
page_break(struct sync *s, const struct page *p, const char *why, int64_t now)
{
	const struct ib_err *err;
	struct page *fresh;

	if ((err = db_begin(s->db)) != NULL)
		return err;
	/* Connected again while we asked: the new token is not the one that died. */
	if ((err = page_with_token(s->db, s->keys, &s->arena, p->id, &fresh)) == NULL &&
	    fresh != NULL && fresh->state == PAGE_ACTIVE && str_eq(fresh->token, p->token) &&
	    (err = page_set_broken(s->db, p->id, why)) == NULL &&
	    (err = audit_put(s->db, p->install_id, 0, now, "page_broken", why)) == NULL &&
	    (err = install_touch(s->db, p->install_id)) == NULL &&
	    (err = db_commit(s->db)) == NULL)
		log_event(LOG_ERROR_, "page_broken", "page", log_i(p->id), "why", why, NULL);
	db_rollback(s->db);
	return err;
}

const struct ib_err *
page_inspect(struct sync *s, const struct page *p, const char *why, bool suspect, int64_t now, bool *alive)
{
	const struct ib_err *err, *bad = NULL;
	struct graph_debug dbg = { 0 };
	struct graph_res res = { 0 };
	struct graph *g;
	int64_t times;
	bool found;

	*alive = false;
	if (p->token == NULL)
		return page_break(s, p, why, now);
	if ((err = sync_graph(s, &g)) != NULL)
		return err;
	s->stats.calls++;
	bad = graph_debug_token(g, &s->arena, p->token, &dbg, &res);
	if (bad == NULL && !res.refused) {
		if (!dbg.valid)
			return page_break(s, p, why_dead(&dbg, why), now);
		*alive = true;
		return db_run(s->db, ST_PAGE_TOKEN_OK, "iii", p->id, now,
		    dbg.data_access_expires_at * MS_SECOND);
	}
	if (bad != NULL)
		log_err(bad, "inspect");
	if (!suspect)
		return NULL;
	/* Nobody can be asked: one refusal may be a whim, two in a row are believed. */
	if ((err = db_get_int(s->db, ST_PAGE_SUSPECT, &times, &found, "i", p->id)) != NULL)
		return err;
	return found && times >= SUSPECT_MOST ? page_break(s, p, why, now) : NULL;
}

static const struct ib_err *
inspect(struct sync *s, int64_t page_id, const char *why, int64_t now)
{
	const struct ib_err *err;
	struct page *p;
	bool alive;

	if ((err = page_with_token(s->db, s->keys, &s->arena, page_id, &p)) != NULL || p == NULL ||
	    p->state != PAGE_ACTIVE)
		return err;
	return page_inspect(s, p, why, true, now, &alive);
}

const struct ib_err *
page_refused(struct sync *s, int64_t page_id, const struct graph_res *res, int64_t now)
{
	int64_t minutes = res->regain_min > 0 ? res->regain_min : 1;
	const struct ib_err *err;

	if (minutes > PAUSE_MOST_MS / MS_MINUTE)
		minutes = PAUSE_MOST_MS / MS_MINUTE;	/* then it is asked again */
	log_event(LOG_WARN_, "refused", "page", log_i(page_id), "code", log_i(res->code),
	    "subcode", log_i(res->subcode), "status", log_i(res->status), "trace", res->trace, NULL);
	switch (res->row->class_) {
	case CLASS_TOKEN:
		if ((err = inspect(s, page_id, res->row->key, now)) != NULL)
			return err;
		return db_run(s->db, ST_PAGE_HEALTH_SOON, "iii", page_id, now, HEALTH_GAP_MS);
	case CLASS_CONFIG:
		return db_run(s->db, ST_PAGE_HEALTH_SOON, "iii", page_id, now, HEALTH_GAP_MS);
	case CLASS_THROTTLE:
		return page_pause(s->db, page_id, now + minutes * MS_MINUTE);
	case CLASS_RETRY:
	case CLASS_FINAL:
		break;
	}
	return NULL;
}

const struct ib_err *
page_send_refused(struct sync *s, int64_t install_id, int64_t page_id, const struct graph_res *res,
    int64_t now)
{
	const struct ib_err *err;
	int64_t times = 0;
	bool found;

	/*
	 * What concerns one customer or one text says nothing of the Page; silence
	 * and "it may have gone out" are no refusals.
	 */
	if (res->code != 0 && !res->row->send_unknown && res->status < 500 && (res->row->class_ == CLASS_THROTTLE || res->row->class_ == CLASS_RETRY ||
	    res->row->class_ == CLASS_CONFIG)) {
		if ((err = db_begin(s->db)) != NULL)
			return err;
		if ((err = db_get_int(s->db, ST_PAGE_REFUSED, &times, &found, "ii", page_id, now)) == NULL &&
		    (times < SENDS_REFUSED || (err = install_touch(s->db, install_id)) == NULL))
			err = db_commit(s->db);
		db_rollback(s->db);
		if (err != NULL)
			return err;
		if (times >= SENDS_REFUSED)
			log_event(LOG_WARN_, "sends_paused", "page", log_i(page_id), "refusals",
			    log_i(times), NULL);
	}
	return page_refused(s, page_id, res, now);
}
