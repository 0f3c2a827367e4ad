/* SPDX-License-Identifier: MIT */
/*
 * work.c - what a worker does between requests: replies on their way, names
 * and files that pages wait for, history being imported.  Bounded, so that the
 * worker soon serves again; a whole run (cron, or app_run_after) is the safety
 * net.
 */
#include "app.h"

#include "../lib/base/clock.h"
#include "../lib/base/log.h"
#include "../lib/db/db.h"
#include "../lib/store/outbox.h"
#include "../lib/sync/sync.h"

/* Past this the WAL is folded in by whoever notices first; cron does it each run. */
#define WAL_MOST	((int64_t)64 << 20)
#define VISIT_GAP_MS	(3 * MS_MINUTE)
#define VISIT_MS	(3 * MS_SECOND)
#define QUIET_MS	(3 * MS_SECOND)
#define WORK_SLACK_MS	20		/* two clocks: late rather than too early */

/* Replies that can still be taken back, of this worker or of one that has ended: somebody has to send them then. */
static void
next_held(struct app *app)
{
	const struct ib_err *err;
	int64_t now = clock_now(), until;

	app->work_at = 0;
	if ((err = outbox_held(app->db, now, &until)) != NULL)
		log_err(err, "held");
	else if (until > 0)
		app_work_at(app, until - now);
}

void
app_work(struct app *app, int64_t budget_ms)
{
	struct app_run run = app->run;
	enum run_fate fate = RUN_BUSY;
	const struct ib_err *err;

	bool timed = app->work_at != 0 && app->work_at <= clock_mono();

	app->run.driver = NULL;
	if (run.driver != NULL && (err = sync_run_spaced(app->sync, run.driver, run.budget_ms,
	    run.gap_ms, &fate)) != NULL)
		log_err(err, "run");
	if (fate != RUN_DONE)
		sync_after(app->sync, budget_ms);
	if (timed)
		next_held(app);
}

void
app_work_at(struct app *app, int64_t ms)
{
	int64_t at = clock_mono() + ms + WORK_SLACK_MS;

	/* After the earlier one's the later one is looked up. */
	if (app->work_at == 0 || at < app->work_at)
		app->work_at = at;
}

void
app_run_after(struct app *app, struct req *r, const char *driver, int64_t budget_ms, int64_t gap_ms)
{
	app->run = (struct app_run){ driver, budget_ms, gap_ms };
	resp_then_work(r);
}

void
app_visit(struct app *app, struct req *r)
{
	const struct ib_err *err;
	enum run_fate fate;

	if ((err = sync_run_look(app->db, r->now, VISIT_GAP_MS, &fate)) != NULL)
		log_err(err, "visit");
	else if (fate == RUN_DONE)
		app_run_after(app, r, "visit", VISIT_MS, VISIT_GAP_MS);
}

void
app_quiet(struct app *app)
{
	app_tidy(app);
	if (app->work_at == 0) {
		sync_sends(app->sync, QUIET_MS);
		next_held(app);
	}
}

void
app_tidy(struct app *app)
{
	const struct ib_err *err;
	bool done;

	if (db_wal_size(app->db) < WAL_MOST)
		return;
	if ((err = db_checkpoint(app->db, &done)) != NULL)
		log_err(err, "checkpoint");
}
