/* SPDX-License-Identifier: MIT */
/*
 * engine.c - who runs when.
 *
 * After an answer a worker has some seconds: replies first, then whatever
 * makes the page people look at complete.  A run does everything, ends
 * within its budget, keeps house and records itself, whoever drives it: cron,
 * an address of ours that somebody calls, or people with an open page.  The
 * lease "engine" keeps two runs apart; a run that died leaves a lease that ends
 * by itself.
 */
#include "sync.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/str.h"
#include "../store/crmwrite.h"
#include "../store/follow.h"
#include "../store/install.h"
#include "../store/note.h"
#include "../store/outbox.h"
#include "../store/thread.h"
#include "../tmpl/tmpl.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EVERY_MS	(10 * MS_MINUTE)	/* between finished comparisons of a Page */
#define EVENT_KEEP_MS	(30 * MS_DAY)
#define RUN_KEEP_MS	(30 * MS_DAY)
#define CHECK_EVERY_MS	MS_DAY
#define CHECK_VISIT_MS	(3 * MS_DAY)		/* by a run that an open page started: see check_daily */
#define RECEIPT_KEEP_MS	(400 * MS_DAY)
#define SHELF_PER_RUN	200
#define LEASE_SLACK_MS	MS_MINUTE		/* the lease of a run outlives its budget by this */
#define LEASE_MOST_MS	(2 * MS_HOUR)		/* none is longer (ST_LEASE_TAKE) */

const struct ib_err *
sync_new(const struct conf *conf, struct db *db, const struct keyring *keys, struct sync **out)
{
	struct sync *s = calloc(1, sizeof(*s));

	*out = NULL;
	if (s == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "sync_new");
	s->conf = conf;
	s->db = db;
	s->keys = keys;
	arena_init(&s->arena, (size_t)16 << 20);
	*out = s;
	return NULL;
}

void
sync_renew(struct sync *s)
{
	graph_free(s->graph);
	pdrive_free(s->pdrive);
	s->graph = NULL;
	s->pdrive = NULL;
}

void
sync_free(struct sync *s)
{
	if (s == NULL)
		return;
	sync_renew(s);
	httpc_free(s->http);
	tmpl_free(s->tmpl);
	tmpl_free(s->notes);
	cats_free(s->cats);
	arena_fini(&s->arena);
	free(s);
}

static const struct ib_err *
need_http(struct sync *s)
{
	if (s->http != NULL)
		return NULL;
	return httpc_new("messenger-inbox/" PACKAGE_VERSION, true, &s->http);
}

const struct ib_err *
sync_graph(struct sync *s, struct graph **out)
{
	const struct ib_err *err = NULL;

	if (s->graph == NULL && (err = need_http(s)) == NULL &&
	    (err = graph_new(s->conf, s->http, &s->graph)) == NULL)
		graph_on_refusal(s->graph, sync_odd_facebook, s);
	*out = s->graph;
	return err;
}

const struct ib_err *
sync_pdrive(struct sync *s, struct pdrive **out)
{
	const struct ib_err *err = NULL;

	if (s->pdrive == NULL && (err = need_http(s)) == NULL &&
	    (err = pdrive_new(s->conf, s->http, &s->pdrive)) == NULL)
		pdrive_on_refusal(s->pdrive, sync_odd_pipedrive, s);
	*out = s->pdrive;
	return err;
}

/* Repeat a kind of work until there is none or the time is over. */
static bool
drain(struct sync *s, const char *what,
    const struct ib_err *(*one)(struct sync *, int64_t, bool *), int64_t deadline)
{
	const struct ib_err *err;
	bool did = true, any = false;

	while (did && clock_mono() < deadline) {
		if ((err = one(s, clock_now(), &did)) != NULL) {
			log_err(err, what);
			s->stats.troubles++;
			return any;
		}
		any |= did;
	}
	return any;
}

void
sync_nap(int64_t ms)
{
	clock_nap(ms);
}

/* Reads of the Conversations API, waiting for the Page's next half second when time allows. */
static bool
drain_reads(struct sync *s, int64_t every, int64_t deadline)
{
	const struct ib_err *err;
	bool did = true, any = false;
	int64_t wait = 0;

	while (clock_mono() < deadline) {
		if ((err = sync_read_step(s, clock_now(), every, &did, &wait)) != NULL) {
			log_err(err, "read");
			s->stats.troubles++;
			return any;
		}
		any |= did;
		if (did) {
			/* New replies go before old history. */
			(void)drain(s, "send", sync_send_one, deadline);
			continue;
		}
		if (wait <= 0 || wait > MS_SECOND || clock_mono() + wait >= deadline)
			return any;
		sync_nap(wait);
	}
	return any;
}

void
sync_sends(struct sync *s, int64_t budget_ms)
{
	(void)drain(s, "send", sync_send_one, clock_mono() + budget_ms);
}

void
sync_after(struct sync *s, int64_t budget_ms)
{
	int64_t deadline = clock_mono() + budget_ms;

	(void)drain(s, "send", sync_send_one, deadline);
	(void)drain(s, "role", sync_role_one, deadline);
	(void)drain(s, "crm", sync_crm_one, deadline);
	(void)drain(s, "follow", sync_follow_one, deadline);
	(void)drain(s, "profile", sync_profile_one, deadline);
	(void)drain(s, "media", sync_media_one, deadline);
	(void)drain(s, "leave", sync_leave_one, deadline);
	(void)drain(s, "export", sync_export_one, deadline);
	(void)drain(s, "search", sync_search_one, deadline);
	(void)drain_reads(s, INT64_MAX / 2, deadline);
}

/* House-keeping --------------------------------------------------------------------- */

static const struct ib_err *
sweep(struct sync *s, int64_t now)
{
	const struct ib_err *err;

	if ((err = db_begin(s->db)) != NULL)
		return err;
	if ((err = install_sweep(s->db, now)) == NULL && (err = crm_sweep(s->db, now)) == NULL &&
	    (err = follow_sweep(s->db, now)) == NULL &&
	    (err = db_run(s->db, ST_EVENT_SWEEP, "i", now - EVENT_KEEP_MS)) == NULL &&
	    (err = db_run(s->db, ST_RUN_SWEEP, "i", now - RUN_KEEP_MS)) == NULL &&
	    (err = db_run(s->db, ST_COMPARISON_SWEEP, "i", now - RUN_KEEP_MS)) == NULL &&
	    (err = db_run(s->db, ST_LEAVING_SWEEP, "i", now - RECEIPT_KEEP_MS)) == NULL)
		err = db_commit(s->db);
	db_rollback(s->db);
	return err;
}

/*
 * Is the database whole?  Once a day; the answer is kept for people to see.  Of
 * a large one that takes seconds, in which a worker would serve nobody: runs
 * that an open page started leave it to the others while there are any.
 */
static const struct ib_err *
check_daily(struct sync *s, const char *driver, int64_t now)
{
	const struct ib_err *err;
	const char *last;
	char *what;
	int64_t at;
	bool good;

	arena_reset(&s->arena);
	if ((err = note_get(s->db, &s->arena, NOTE_CHECK, &at, &last)) != NULL)
		return err;
	if (last != NULL && now >= at &&
	    now - at < (strcmp(driver, "visit") == 0 ? CHECK_VISIT_MS : CHECK_EVERY_MS))
		return NULL;
	if ((err = db_check(s->db, &s->arena, &good, &what)) != NULL)
		return err;
	if (!good)
		log_event(LOG_ERROR_, "database_damaged", "finding", what, NULL);
	if ((err = db_begin(s->db)) != NULL)
		return err;
	if ((err = note_put(s->db, NOTE_CHECK, now, what != NULL ? what : "-")) == NULL)
		err = db_commit(s->db);
	db_rollback(s->db);
	return err;
}

/* Is it too early after the last run?  A run in the future means that the clock was set back. */
static const struct ib_err *
too_soon(struct db *db, int64_t now, int64_t gap_ms, bool *soon)
{
	const struct ib_err *err;
	int64_t last;
	bool found;

	*soon = false;
	if (gap_ms <= 0 || (err = db_get_int(db, ST_RUN_LAST, &last, &found, "")) != NULL)
		return gap_ms <= 0 ? NULL : err;
	*soon = found && last <= now && last > now - gap_ms;
	return NULL;
}

const struct ib_err *
sync_run_look(struct db *db, int64_t now, int64_t gap_ms, enum run_fate *fate)
{
	const struct ib_err *err;
	int64_t until;
	bool found, soon;

	*fate = RUN_DONE;
	if ((err = db_get_int(db, ST_LEASE_UNTIL, &until, &found, "t", "engine")) != NULL ||
	    (err = too_soon(db, now, gap_ms, &soon)) != NULL)
		return err;
	if (found && until > now && until <= now + LEASE_MOST_MS)
		*fate = RUN_BUSY;
	else if (soon)
		*fate = RUN_SOON;
	return NULL;
}

/* Lease and first entry of the ledger, together. */
static const struct ib_err *
run_begin(struct sync *s, const char *holder, const char *driver, int64_t now, int64_t until,
    int64_t gap_ms, int64_t *run, enum run_fate *fate)
{
	const struct ib_err *err;
	int64_t n = 0;
	bool soon;

	*fate = RUN_BUSY;
	if ((err = db_begin(s->db)) != NULL)
		return err;
	if ((err = db_run_n(s->db, ST_LEASE_TAKE, &n, "ttii", "engine", holder, now, until)) != NULL || n == 0 ||
	    (err = too_soon(s->db, now, gap_ms, &soon)) != NULL)
		goto done;
	if (soon) {
		*fate = RUN_SOON;
		goto done;
	}
	/* What has no end although the lease is ours was ended by something else. */
	if ((err = db_run(s->db, ST_RUN_DIED, "i", now)) != NULL ||
	    (err = db_run(s->db, ST_RUN_START, "ti", driver, now)) != NULL)
		goto done;
	*run = db_last_id(s->db);
	if ((err = db_commit(s->db)) == NULL)
		*fate = RUN_DONE;
done:
	db_rollback(s->db);
	return err;
}

/* Some call was slow: the lease moves on, unless another took it meanwhile. */
static bool
still_mine(struct sync *s, const char *holder, int64_t *until, int64_t budget_ms)
{
	int64_t now = clock_now(), n = 0;
	const struct ib_err *err;

	if (now < *until - LEASE_SLACK_MS)
		return true;
	*until = now + budget_ms + LEASE_SLACK_MS;
	if ((err = db_run_n(s->db, ST_LEASE_TAKE, &n, "ttii", "engine", holder, now, *until)) != NULL)
		log_err(err, "lease");
	return n > 0;
}

static const struct ib_err *
record_end(struct sync *s, const char *holder, int64_t run, const char *result)
{
	const struct ib_err *err;
	const struct sync_stats *st = &s->stats;

	if ((err = db_begin(s->db)) != NULL)
		return err;
	if ((err = db_run(s->db, ST_RUN_END, "iitiiiii", run, clock_now(), result, st->sent,
	    st->settled, st->fetched, st->failed, st->calls)) == NULL &&
	    (err = db_run(s->db, ST_LEASE_DROP, "tt", "engine", holder)) == NULL)
		err = db_commit(s->db);
	db_rollback(s->db);
	return err;
}

/* A piece of work that is a step of the run like the others. */
static const struct ib_err *
overdue(struct sync *s, int64_t now, bool *did)
{
	const struct ib_err *err;
	int64_t n;

	arena_reset(&s->arena);
	err = outbox_overdue(s->db, &s->arena, conf_bool(s->conf, CONF_FB_HUMAN_AGENT), now, &n);
	s->stats.failed += n;
	*did = false;
	return err;
}

/* What was put off comes back also while nobody looks. */
static const struct ib_err *
wake(struct sync *s, int64_t now, bool *did)
{
	const struct ib_err *err;
	int64_t install;

	if ((err = thread_wake_next(s->db, now, &install)) != NULL)
		return err;
	*did = install != 0;
	return *did ? thread_wake(s->db, install, now) : NULL;
}

const struct ib_err *
sync_run_spaced(struct sync *s, const char *driver, int64_t budget_ms, int64_t gap_ms, enum run_fate *fate)
{
	const struct ib_err *err;
	int64_t deadline = clock_mono() + budget_ms, until = clock_now() + budget_ms + LEASE_SLACK_MS;
	int64_t run = 0, tried, helped;
	bool again = true, done;
	char holder[64];
	uint8_t rnd[8];

	*fate = RUN_BUSY;
	if ((err = crypt_random(rnd, sizeof(rnd))) != NULL)
		return err;
	str_hex(holder, rnd, sizeof(rnd));
	if ((err = run_begin(s, holder, driver, clock_now(), until, gap_ms, &run, fate)) != NULL ||
	    *fate != RUN_DONE)
		return err;
	memset(&s->stats, 0, sizeof(s->stats));
	if ((err = sync_shelf(s, clock_now(), false, SHELF_PER_RUN, &tried, &helped)) != NULL)
		log_err(err, "shelf");
	(void)drain(s, "overdue", overdue, deadline);
	(void)drain(s, "wake", wake, deadline);
	while (again && clock_mono() < deadline && still_mine(s, holder, &until, budget_ms)) {
		again = drain(s, "send", sync_send_one, deadline);
		again |= drain(s, "check", sync_check_one, deadline);
		again |= drain(s, "token", sync_token_one, deadline);
		again |= drain(s, "role", sync_role_one, deadline);
		again |= drain(s, "leave", sync_leave_one, deadline);
		again |= drain(s, "health", sync_health_one, deadline);
		again |= drain(s, "profile", sync_profile_one, deadline);
		again |= drain(s, "media", sync_media_one, deadline);
		again |= drain(s, "crm", sync_crm_one, deadline);
		again |= drain(s, "follow", sync_follow_one, deadline);
		again |= drain(s, "log", sync_log_one, deadline);
		again |= drain_reads(s, EVERY_MS, deadline);
		again |= drain(s, "export", sync_export_one, deadline);
		again |= drain(s, "search", sync_search_one, deadline);
	}
	if ((err = sweep(s, clock_now())) != NULL || (err = check_daily(s, driver, clock_now())) != NULL) {
		log_err(err, "sweep");
		s->stats.troubles++;
	}
	sync_media_sweep(s);
	sync_upload_sweep(s, clock_now());
	sync_media_orphans(s, clock_now());
	sync_export_sweep(s, clock_now());
	if ((err = record_end(s, holder, run, s->stats.troubles > 0 ? "partly" : again ? "more" : "ok")) != NULL)
		return err;
	if ((err = db_checkpoint(s->db, &done)) != NULL)
		log_err(err, "checkpoint");
	log_event(LOG_INFO_, "run", "driver", driver, "sent", log_i(s->stats.sent),
	    "settled", log_i(s->stats.settled), "fetched", log_i(s->stats.fetched),
	    "failed", log_i(s->stats.failed), "calls", log_i(s->stats.calls), NULL);
	return NULL;
}

const struct ib_err *
sync_run(struct sync *s, const char *driver, int64_t budget_ms, bool *ran)
{
	enum run_fate fate;
	const struct ib_err *err = sync_run_spaced(s, driver, budget_ms, 0, &fate);

	*ran = fate == RUN_DONE;
	return err;
}
