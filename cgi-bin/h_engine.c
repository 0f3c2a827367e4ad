/* SPDX-License-Identifier: MIT */
/*
 * h_engine.c - what starts a run of the engine from outside: the address that
 * somebody else's clock calls, and the button in the inbox.
 *
 * Both answer at once and run after the answer; the lease of the engine keeps
 * them from overlapping with any other run.  The words of /tick are for
 * machines.  Whoever does not know the secret finds nothing there.
 */
#include "handlers.h"

#include "../lib/base/clock.h"
#include "../lib/base/log.h"
#include "../lib/base/str.h"
#include "../lib/db/db.h"
#include "../lib/store/page.h"
#include "../lib/sync/sync.h"

#include <string.h>

#define TICK_GAP_MS	(30 * MS_SECOND)
#define TICK_MS		(20 * MS_SECOND)
#define SYNC_MS		(10 * MS_SECOND)

/* In constant time whatever the lengths: digests are compared. */
static bool
is_secret(const struct app *app, const char *word)
{
	const char *secret = conf_str(app->conf, CONF_TICK_SECRET);
	uint8_t ours[32], theirs[32];

	crypt_sha256(secret, strlen(secret), ours);
	crypt_sha256(word, strlen(word), theirs);
	return *secret != '\0' && crypt_equal(ours, theirs, sizeof(ours));
}

const struct ib_err *
h_tick(struct app *app, struct req *r)
{
	static const char *const words[] = {
		[RUN_DONE] = "ok\n", [RUN_BUSY] = "already running\n", [RUN_SOON] = "too soon\n"
	};
	const char *word = req_segment(r, "secret");
	const struct ib_err *err;
	enum run_fate fate;

	if (word == NULL || !is_secret(app, word))
		return resp_problem(app, r, 404, "problem.not_found");
	if ((err = sync_run_look(app->db, r->now, TICK_GAP_MS, &fate)) != NULL)
		return err;
	if (fate == RUN_DONE)
		app_run_after(app, r, "web", TICK_MS, TICK_GAP_MS);
	return resp_text(r, 200, "text/plain; charset=us-ascii", words[fate], strlen(words[fate]));
}

/* What the button can do, as the word of a notice. */
static const struct ib_err *
ask(struct app *app, struct req *r, const char **notice)
{
	const struct ib_err *err;
	enum run_fate fate;
	struct page *p;
	size_t i, n, active = 0, paused = 0;
	int64_t asked = 0;

	if ((err = pages_of(app->db, r->a, r->session->install_id, &p, &n)) != NULL ||
	    (err = sync_run_look(app->db, r->now, 0, &fate)) != NULL)
		return err;
	for (i = 0; i < n; i++) {
		active += p[i].state == PAGE_ACTIVE;
		paused += p[i].state == PAGE_ACTIVE && p[i].pause_until > r->now;
	}
	*notice = active == 0 ? "sync_page" : paused == active ? "sync_pause" : "sync_fresh";
	if (active == 0 || paused == active)
		return NULL;
	if ((err = db_begin(app->db)) != NULL)
		return err;
	if ((err = db_run_n(app->db, ST_PAGES_ASK, &asked, "ii", r->session->install_id, r->now)) == NULL)
		err = db_commit(app->db);
	db_rollback(app->db);
	if (err != NULL || asked == 0)
		return err;
	/* A run under way finds what was asked by itself. */
	*notice = fate == RUN_BUSY ? "sync_busy" : "sync";
	app_run_after(app, r, "visit", SYNC_MS, 0);
	return NULL;
}

const struct ib_err *
h_sync(struct app *app, struct req *r)
{
	const struct ib_err *err;
	const char *notice;
	int64_t thread;

	if (!r->session->may_read)
		return resp_problem(app, r, 403, "problem.private");
	if ((err = ask(app, r, &notice)) != NULL)
		return err;
	if (req_form(r, "health") != NULL)
		return resp_see_other(app, r, "/health?notice=%s", notice);
	if (str_int_in(req_form(r, "thread"), 1, INT64_MAX, &thread))
		return resp_see_other(app, r, "/inbox/%lld?notice=%s", (long long)thread, notice);
	return resp_see_other(app, r, "/inbox?notice=%s", notice);
}
