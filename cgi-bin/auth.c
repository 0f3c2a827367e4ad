/* SPDX-License-Identifier: MIT */
/*
 * auth.c - who is signed in.
 *
 * The cookie `session` names a row; that row, its user and its company are
 * read anew with every request, so that a change of visibility, a removal or
 * a sign-out counts at once.  `seen_at` is moved at most every ten minutes:
 * reading a page writes nothing.
 */
#include "app.h"
#include "auth.h"

#include "../lib/base/clock.h"
#include "../lib/base/log.h"
#include "../lib/store/install.h"
#include "../lib/store/thread.h"

#define SEEN_EVERY_MS	(10 * MS_MINUTE)

void
session_fill(struct req *r, struct session *s, const struct signed_in *who)
{
	s->user_id = who->user_id;
	s->install_id = who->install_id;
	s->user_name = who->name;
	s->timezone = who->timezone;
	s->company_name = who->company_name;
	s->lang = who->lang;
	s->admin = who->admin;
	s->shared = who->shared;
	s->owner = who->owner_id == who->user_id;
	s->may_read = who->shared || s->owner;
	s->keeper = who->admin || s->owner;
	s->may_write = s->may_read && (s->keeper || !who->reader);
	s->rev = who->rev;
	s->unread = who->unread > 0 ? who->unread : 0;
	s->saved = who->saved;
	s->root = "";
	s->prefs = who->prefs;
	/* Pipedrive is asked after this answer: no page waits for it. */
	if (who->check_after <= r->now)
		resp_then_work(r);
}

bool
session_wakes(struct app *app, const struct req *r, const struct signed_in *who)
{
	const struct ib_err *err;

	if (who->wake_at == 0 || who->wake_at > r->now)
		return false;
	/* A busy database must not fail the page: they come back with the next one. */
	if ((err = thread_wake(app->db, who->install_id, r->now)) != NULL)
		log_err(err, "wake");
	return err == NULL;
}

const struct ib_err *
session_find(struct app *app, struct req *r, struct session **out)
{
	const struct ib_err *err;
	struct signed_in *who;
	struct session *s = ARENA_NEW(r->a, struct session);
	const char *cookie = req_cookie(r, "session");

	*out = NULL;
	if (s == NULL || (cookie == NULL && arena_failed(r->a)))
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "session");
	if ((err = session_get(app->db, r->a, cookie, r->now, s->hash, &who)) != NULL ||
	    who == NULL)
		return err;
	if (session_wakes(app, r, who) &&
	    ((err = session_get(app->db, r->a, cookie, r->now, s->hash, &who)) != NULL || who == NULL))
		return err;
	session_fill(r, s, who);
	/* Only a convenience: a busy database must not fail the page. */
	if (r->now - who->seen_at > SEEN_EVERY_MS &&
	    (err = session_seen(app->db, s->hash, r->now)) != NULL)
		log_err(err, "session_seen");
	*out = s;
	return NULL;
}

const struct ib_err *
auth_sign_in(struct app *app, struct req *r, int64_t user_id)
{
	const struct ib_err *err;
	int64_t days = conf_int(app->conf, CONF_SESSION_DAYS);
	char *token;

	if ((err = session_start(app->db, r->a, user_id, r->now, days, &token)) != NULL)
		return err;
	resp_cookie(app, r, "session", token, days * 86400);
	return NULL;
}

const struct ib_err *
thread_of_path(struct app *app, struct req *r, const char *back, const char *way, struct thread **t)
{
	const struct ib_err *err;
	int64_t id;

	*t = NULL;
	if (!r->session->may_read)
		return resp_problem(app, r, 403, "problem.private");
	if (!req_id(r, "thread", &id))
		return resp_problem(app, r, 404, "problem.not_found");
	if ((err = thread_get(app->db, r->a, r->session->install_id, id, r->session->user_id, t)) != NULL || *t != NULL)
		return err;
	return resp_problem_way(app, r, 404, "problem.not_found", req_below(app, r, back), way);
}
