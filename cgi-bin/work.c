/* SPDX-License-Identifier: MIT */
/*
 * work.c - what a worker does between requests: replies on their way, names
 * and files that pages wait for, history being imported.  Bounded, so that the
 * worker soon serves again; cron is the safety net.
 */
#include "app.h"

#include "../lib/base/log.h"
#include "../lib/db/db.h"
#include "../lib/sync/sync.h"

/* Past this the WAL is folded in by whoever notices first; cron does it each run. */
#define WAL_MOST	((int64_t)64 << 20)

void
app_work(struct app *app, int64_t budget_ms)
{
	sync_after(app->sync, budget_ms);
}

void
app_idle(struct app *app)
{
	const struct ib_err *err;
	bool done;

	if (db_wal_size(app->db) < WAL_MOST)
		return;
	if ((err = db_checkpoint(app->db, &done)) != NULL)
		log_err(err, "checkpoint");
}
