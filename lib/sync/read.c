/* SPDX-License-Identifier: MIT */
/*
 * read.c - the Conversations API: first import, comparison, older messages.
 *
 * One mechanism for all three.  A pass over a Page's listing (newest first)
 * puts every thread that changed into `want`; reading takes the newest wanted
 * thread first, so that new messages never wait behind old ones, and goes on
 * with the listing only when nothing is wanted.  The first pass of a Page is
 * its import: bounded in threads, 30 messages each, and quiet.  Later passes
 * end where the listing is older than what was compared before, and so does
 * the reading of each thread: a page of known messages proves nothing, lost
 * webhooks may have left holes behind them.
 *
 * Everything under way is a row (page.pass_*, want): a run may end anywhere
 * and the next goes on.  Two reads a second per Page at most (page_claim_read).
 *
 * What Facebook no longer gives is not passed over in silence: where a
 * comparison finds that something between two known parts cannot be had, a
 * line in the conversation says so (FB_LINE_GAP).
 */
#include "sync.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/str.h"
#include "../store/install.h"
#include "../store/leaving.h"
#include "../store/message.h"
#include "../store/page.h"
#include "../store/thread.h"

#include <string.h>

#define SLICE		25
#define MESSAGES	30
#define MARGIN_MS	(10 * MS_MINUTE)	/* messenger.md 6.4 */
#define FRESH_MS	(30 * MS_SECOND)	/* updated_time has whole seconds, and clocks differ */
#define USAGE_EASE	75			/* percent: stop imports (messenger.md 9) */
#define SECOND_END	999			/* listings tell whole seconds */
#define GAP_SLACK_MS	MS_MINUTE		/* a listing may be so much newer than its messages */
#define MISSED_GAP_MS	MS_HOUR			/* between inspections because webhooks were missing */

struct want {
	int64_t		 updated_at, thread_id, install_id;
	int64_t		 total, given, reached;
	bool		 deep;
	const char	*cursor, *fb_id, *psid, *history, *history_cursor;
	int64_t		 synced_at;
};

static const struct ib_err *
want_next(struct db *db, struct arena *a, int64_t page_id, struct want **out)
{
	const struct ib_err *err;
	struct db_stmt *st;
	struct want *w;
	bool row;

	*out = NULL;
	if ((err = db_query(db, ST_WANT_NEXT, &st, "i", page_id)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row && (w = ARENA_NEW(a, struct want)) != NULL) {
		w->updated_at = db_col_int(st, 0);
		w->thread_id = db_col_int(st, 1);
		w->cursor = db_col_dup(st, 2, a);
		w->deep = db_col_int(st, 3) != 0;
		w->fb_id = db_col_dup(st, 4, a);
		w->psid = db_col_dup(st, 5, a);
		w->history = db_col_dup(st, 6, a);
		w->history_cursor = db_col_dup(st, 7, a);
		w->install_id = db_col_int(st, 8);
		w->total = db_col_int(st, 9);
		w->given = db_col_int(st, 10);
		w->reached = db_col_int(st, 11);
		w->synced_at = db_col_int(st, 12);
		*out = w;
	}
	return db_done(st, a, err);
}

const struct ib_err *
sync_want_older(struct db *db, int64_t page_id, int64_t thread_id, int64_t now)
{
	const struct ib_err *err;

	if ((err = db_begin(db)) != NULL)
		return err;
	/* "now" sorts before everything the listing brings. */
	if ((err = db_run(db, ST_WANT_ADD, "iiii", page_id, now, thread_id, INT64_C(1))) == NULL)
		err = db_commit(db);
	db_rollback(db);
	return err;
}

/* Ease off when the Page's budget runs low. */
static const struct ib_err *
mind_usage(struct sync *s, const struct page *p, const struct graph_res *res, int64_t now)
{
	if (res->usage_pct <= USAGE_EASE)
		return NULL;
	return db_run(s->db, ST_PAGE_READ_LATER, "ii", p->id, now + 15 * MS_MINUTE);
}

/* Refused: not again before some time, whatever the reason. */
static const struct ib_err *
read_refused(struct sync *s, const struct page *p, const struct graph_res *res, int64_t now)
{
	const struct ib_err *err;

	if ((err = db_run(s->db, ST_PAGE_READ_LATER, "ii", p->id, now + MS_MINUTE)) != NULL ||
	    (err = db_run(s->db, ST_PAGE_READ_WHY, "it", p->id, res->row->key)) != NULL)
		return err;
	return page_refused(s, p->id, res, now);
}

/* The listing --------------------------------------------------------------------- */

static const struct ib_err *
note_thread(struct sync *s, struct arena *a, const struct page *p, const struct graph_thread *t,
    int64_t now, bool *wanted)
{
	const struct ib_err *err;
	struct thread_row row;
	int64_t synced, floor;
	bool found;

	*wanted = false;
	if (t->psid == NULL)
		return NULL;		/* nobody but the Page itself: nothing to show */
	if ((err = leaving_history_floor(s->db, p->id, p->fb_id, t->psid, now, &floor)) != NULL ||
	    t->updated_at <= floor)
		return err;
	if ((err = thread_find(s->db, a, p->install_id, p->id, t->psid, now, &row)) != NULL ||
	    (err = db_get_int(s->db, ST_THREAD_SYNCED, &synced, &found, "i", row.id)) != NULL ||
	    (err = thread_set_fb(s->db, row.id, t->id, 0)) != NULL)
		return err;
	if (t->name != NULL && !row.has_name &&
	    (err = thread_set_name(s->db, row.id, t->name)) != NULL)
		return err;
	if (t->link != NULL && (err = db_run(s->db, ST_THREAD_LINK, "it", row.id, t->link)) != NULL)
		return err;
	if (t->updated_at <= synced)
		return NULL;
	*wanted = true;
	return db_run(s->db, ST_WANT_LISTED, "iiii", p->id, t->updated_at, row.id, t->message_count);
}

/* Has this pass gone far enough? */
static bool
pass_over(const struct sync *s, const struct page *p, const struct graph_thread *t, size_t n,
    const char *next, bool importing)
{
	if (next == NULL || n == 0)
		return true;
	if (importing)
		return p->import_total + (int64_t)n >= conf_int(s->conf, CONF_IMPORT_THREADS);
	return t[n - 1].updated_at < p->synced_until - MARGIN_MS;
}

static const struct ib_err *
store_slice(struct sync *s, struct arena *a, const struct page *p, const struct graph_thread *t,
    size_t n, const char *next, int64_t now)
{
	const struct ib_err *err;
	bool importing = strcmp(p->import_state, "done") != 0, wanted;
	int64_t top = 0, count = 0;
	size_t i;

	if ((err = db_begin(s->db)) != NULL)
		return err;
	if (p->pass_started == 0)
		err = db_run(s->db, ST_PAGE_CATCH_START, "i", p->id);
	for (i = 0; err == NULL && i < n; i++) {
		if (t[i].updated_at > top)
			top = t[i].updated_at;
		err = note_thread(s, a, p, &t[i], now, &wanted);
		count += wanted;
	}
	if (err == NULL && importing)
		err = db_run(s->db, ST_PAGE_IMPORT_START, "i", p->id);
	if (err == NULL && importing)
		err = db_run(s->db, ST_PAGE_IMPORT_TOTAL, "ii", p->id, count);
	if (err == NULL)
		err = db_run(s->db, ST_PAGE_PASS, "itiiii", p->id, next, top,
		    p->pass_started > 0 ? p->pass_started : now, (int64_t)n, count);
	if (err == NULL && pass_over(s, p, t, n, next, importing) &&
	    (err = db_run(s->db, ST_COMPARISON_ADD, "ii", p->id, now)) == NULL)
		err = db_run(s->db, ST_PAGE_PASS_DONE, "ii", p->id, now);
	if (err == NULL)
		err = install_touch(s->db, p->install_id);
	if (err == NULL)
		err = db_commit(s->db);
	db_rollback(s->db);
	return err;
}

static const struct ib_err *
read_listing(struct sync *s, struct arena *a, struct page *p, int64_t now)
{
	const struct ib_err *err;
	struct graph_thread *t;
	struct graph_res res = { 0 };
	struct graph *g;
	const char *next;
	size_t n;

	if ((err = sync_graph(s, &g)) != NULL)
		return err;
	s->stats.calls++;
	if ((err = graph_threads(g, a, p->fb_id, p->token, NULL, p->pass_cursor, SLICE, &t, &n,
	    &next, &res)) != NULL)
		return err;
	if (res.refused && res.less_data) {
		sync_nap(PAGE_READ_GAP_MS);
		s->stats.calls++;
		if ((err = graph_threads(g, a, p->fb_id, p->token, NULL, p->pass_cursor,
		    SLICE / 5, &t, &n, &next, &res)) != NULL)
			return err;
	}
	if (res.refused)
		return read_refused(s, p, &res, now);
	if ((err = store_slice(s, a, p, t, n, next, now)) != NULL)
		return err;
	return mind_usage(s, p, &res, now);
}

/* One thread -------------------------------------------------------------------------- */

/* Count those we did not have. */
static const struct ib_err *
store_messages(struct sync *s, struct arena *a, const struct fb_event *ev, size_t n,
    int64_t now, size_t *fresh)
{
	const struct ib_err *err = NULL;
	struct fb_event e;
	int64_t last = 0, at;
	struct mkey k;
	size_t i = n;
	bool changed, work, known;

	*fresh = 0;
	/*
	 * Oldest first.  The API tells whole seconds; messages of one second keep
	 * their order by milliseconds of our own (they are marked not exact), also
	 * behind those of that second whose time is known.
	 */
	while (err == NULL && i-- > 0) {
		e = ev[i];
		mkey_make(e.page, e.key, &k);
		if ((err = db_get_int(s->db, ST_MESSAGE_KNOWN, &at, &known, "b",
		    (const void *)k.b, sizeof(k.b))) != NULL)
			break;
		*fresh += !known;
		if (!known && last >= e.at && last < e.at + 999)
			e.at = last + 1;
		last = known ? at : e.at;
		changed = work = false;
		err = ingest_event(s, a, &e, now, &changed, &work);
	}
	return err;
}

/* The psid is the thread's: messages of the Page name the customer only in `to`. */
static void
complete(struct fb_event *ev, size_t n, const char *psid)
{
	size_t i;

	for (i = 0; i < n; i++)
		ev[i].psid = psid;
}

/*
 * Everything newer than this is compared: what the comparison before has not
 * seen; of a thread never compared, what came since the Page was connected.
 */
static int64_t
compare_from(const struct page *p, const struct want *w)
{
	return w->synced_at > 0 ? w->synced_at - MARGIN_MS : p->connected_at;
}

/*
 * Something is missing at this time: a line says so, once.  It moves nothing
 * in the list: what is not here cannot be told from a reaction or a read mark.
 */
static const struct ib_err *
put_gap(struct sync *s, struct arena *a, const struct page *p, const struct want *w, int64_t at)
{
	struct message m = { .thread_id = w->thread_id, .at = at, .has_mkey = true, .line = FB_LINE_GAP };
	const char *key = arena_printf(a, "gap:%s:%lld", w->psid, (long long)at);
	const struct ib_err *err;
	bool added;

	if (key == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "gap");
	mkey_make(p->fb_id, key, &m.mkey);
	m.id = mkey_id(&m.mkey);
	if ((err = message_add(s->db, &m, &added)) == NULL && added)
		log_event(LOG_WARN_, "gap", "page", log_i(p->id), "thread", log_i(w->thread_id), NULL);
	return err;
}

/* Gap lines within what an answer spans, and what stood above each before it was stored. */
struct gaps { size_t n; struct { int64_t at, id, above; } g[8]; };

static const struct ib_err *
above(struct db *db, const struct want *w, int64_t at, int64_t *out)
{
	bool found;

	*out = 0;
	return db_get_int(db, ST_MESSAGE_ABOVE, out, &found, "iii", w->thread_id, at, (int64_t)FB_LINE_GAP);
}

static const struct ib_err *
gaps_find(struct db *db, const struct want *w, const struct fb_event *ev, size_t n, struct gaps *out)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;
	size_t i;

	out->n = 0;
	if (n == 0 || (err = db_query(db, ST_LINES_IN, &st, "iiii", w->thread_id, ev[n - 1].at,
	    ev[0].at + SECOND_END, (int64_t)FB_LINE_GAP)) != NULL)
		return n == 0 ? NULL : err;
	while (out->n < 8 && (err = db_step(st, &row)) == NULL && row) {
		out->g[out->n].at = db_col_int(st, 0);
		out->g[out->n++].id = db_col_int(st, 1);
	}
	db_release(st);
	for (i = 0; err == NULL && i < out->n; i++)
		err = above(db, w, out->g[i].at, &out->g[i].above);
	return err;
}

/* Facebook gives now what it withheld then: something new stands just above the line. */
static const struct ib_err *
gaps_close(struct db *db, const struct want *w, const struct gaps *gaps)
{
	const struct ib_err *err = NULL;
	int64_t now_above;
	size_t i;

	for (i = 0; err == NULL && i < gaps->n; i++)
		if ((err = above(db, w, gaps->g[i].at, &now_above)) == NULL && now_above > gaps->g[i].above)
			err = message_delete(db, w->thread_id, gaps->g[i].at, gaps->g[i].id);
	return err;
}

/*
 * Does a comparison, by this answer, leave a hole?  `known` is the newest and
 * `oldest` the oldest time we had before it; both 0 when we had nothing.
 *
 * - The listing is newer than anything that can be read: the newest is missing.
 * - Facebook's copy ends here, nothing of this answer was known, and we have
 *   older ones: what lies between is missing, unless as many messages were
 *   given as the listing counts.
 */
static const struct ib_err *
mind_gap(struct sync *s, struct arena *a, const struct page *p, const struct want *w,
    const struct fb_event *ev, size_t n, const char *next, size_t fresh, int64_t oldest, int64_t known)
{
	const struct ib_err *err;

	if (w->deep || known == 0)
		return NULL;
	if (w->cursor == NULL && known < w->updated_at - GAP_SLACK_MS &&
	    (n == 0 || ev[0].at < w->updated_at - GAP_SLACK_MS) &&
	    (err = put_gap(s, a, p, w, w->updated_at + SECOND_END)) != NULL)
		return err;
	if (n > 0 && next == NULL && fresh == n && oldest > 0 && oldest < ev[n - 1].at &&
	    (w->total < 0 || w->given + (int64_t)n < w->total))
		return put_gap(s, a, p, w, ev[n - 1].at - 1);
	return NULL;
}

/*
 * `beyond`: the page read reached further back than our copy did; what lies
 * behind is for readers to ask for.
 */
static const struct ib_err *
finish_thread(struct sync *s, const struct page *p, const struct want *w, const char *next,
    const struct fb_event *ev, size_t n, bool beyond, int64_t now)
{
	const struct ib_err *err;
	bool importing = strcmp(p->import_state, "done") != 0;
	bool first = strcmp(w->history, "unknown") == 0;
	int64_t synced = w->updated_at;

	if (first || w->deep || beyond) {
		/* Fewer than the listing counts: older ones exist, and Facebook keeps them. */
		err = thread_set_history(s->db, w->thread_id, next != NULL ? "more" :
		    !w->deep && w->total > w->given + (int64_t)n ? "end" : "start", next);
		if (err != NULL)
			return err;
	}
	if (!w->deep && next != NULL && n > 0 && ev[n - 1].at > compare_from(p, w))
		return db_run(s->db, ST_WANT_CURSOR, "iiitii", p->id, w->updated_at, w->thread_id, next,
		    (int64_t)n, ev[n - 1].at);
	/* Another message of the same second would not move updated_time: look once more. */
	if (synced > now - FRESH_MS)
		synced--;
	if (!w->deep && (err = thread_set_fb(s->db, w->thread_id, NULL, synced)) != NULL)
		return err;
	if (!w->deep && importing && (err = db_run(s->db, ST_PAGE_IMPORT_DONE, "i", p->id)) != NULL)
		return err;
	return db_run(s->db, ST_WANT_DROP, "iii", p->id, w->updated_at, w->thread_id);
}

/* Facebook gives no more of this thread: say so and let go. */
static const struct ib_err *
give_up_thread(struct sync *s, struct arena *a, const struct page *p, const struct want *w)
{
	const struct ib_err *err;
	int64_t known;
	bool have;

	if ((err = db_begin(s->db)) != NULL)
		return err;
	/* Below what was read of it, or where the listing says that something is. */
	if ((err = db_get_int(s->db, ST_MESSAGE_LATEST, &known, &have, "i", w->thread_id)) == NULL &&
	    have && !w->deep)
		err = put_gap(s, a, p, w, w->reached > 0 ? w->reached - 1 :
		    w->updated_at + SECOND_END);
	if (err == NULL && (w->deep || strcmp(w->history, "unknown") == 0))
		err = thread_set_history(s->db, w->thread_id, "end", NULL);
	if (err == NULL)
		err = thread_set_fb(s->db, w->thread_id, NULL, w->updated_at);
	if (err == NULL && strcmp(p->import_state, "done") != 0)
		err = db_run(s->db, ST_PAGE_IMPORT_DONE, "i", p->id);
	if (err == NULL)
		err = db_run(s->db, ST_WANT_DROP, "iii", p->id, w->updated_at, w->thread_id);
	if (err == NULL)
		err = install_touch(s->db, p->install_id);
	if (err == NULL)
		err = db_commit(s->db);
	db_rollback(s->db);
	return err;
}

/*
 * A comparison brought messages that no webhook had: perhaps they no longer
 * come at all (messenger.md 11).  An inspection of the connection finds out.
 */
static const struct ib_err *
note_missed(struct sync *s, const struct page *p, const struct want *w, size_t fresh,
    int64_t known, int64_t now)
{
	if (fresh == 0 || w->deep || known == 0 ||
	    strcmp(p->import_state, "done") != 0)
		return NULL;
	return db_run(s->db, ST_PAGE_HEALTH_SOON, "iii", p->id, now, MISSED_GAP_MS);
}

static const struct ib_err *
read_thread(struct sync *s, struct arena *a, struct page *p, struct want *w, int64_t now)
{
	const struct ib_err *err;
	struct graph_res res = { 0 };
	struct graph *g;
	struct fb_event *ev;
	const char *next, *after = w->deep ? w->history_cursor : w->cursor;
	int64_t oldest = 0, known = 0;
	struct gaps gaps;
	size_t n, fresh;
	bool have;

	if ((err = sync_graph(s, &g)) != NULL)
		return err;
	if (w->fb_id == NULL) {		/* asked for by a reader before any listing named it */
		struct graph_thread *t;

		s->stats.calls++;
		if ((err = graph_threads(g, a, p->fb_id, p->token, w->psid, NULL, 1, &t, &n,
		    &next, &res)) != NULL)
			return err;
		if (res.refused)
			return read_refused(s, p, &res, now);
		if (n == 0)
			return give_up_thread(s, a, p, w);
		if ((err = thread_set_fb(s->db, w->thread_id, t[0].id, 0)) != NULL)
			return err;
		w->fb_id = t[0].id;
		return NULL;		/* its messages with the next read: the rate is per call */
	}
	s->stats.calls++;
	if ((err = graph_messages(g, a, p->fb_id, p->token, w->fb_id, after, MESSAGES, false,
	    &ev, &n, &next, &res)) != NULL)
		return err;
	if (res.refused && (res.row->class_ == CLASS_FINAL || res.less_data)) {
		/* Once more with the least fields, then it is what Facebook gives. */
		sync_nap(PAGE_READ_GAP_MS);
		s->stats.calls++;
		if ((err = graph_messages(g, a, p->fb_id, p->token, w->fb_id, after, MESSAGES,
		    true, &ev, &n, &next, &res)) != NULL)
			return err;
		if (res.refused && res.row->class_ == CLASS_FINAL)
			return give_up_thread(s, a, p, w);
	}
	if (res.refused)
		return read_refused(s, p, &res, now);
	complete(ev, n, w->psid);
	if ((err = db_begin(s->db)) != NULL)
		return err;
	if ((err = db_get_int(s->db, ST_MESSAGE_LATEST, &known, &have, "i", w->thread_id)) == NULL &&
	    (err = db_get_int(s->db, ST_MESSAGE_OLDEST, &oldest, &have, "i", w->thread_id)) == NULL &&
	    (err = gaps_find(s->db, w, ev, n, &gaps)) == NULL &&
	    (err = store_messages(s, a, ev, n, now, &fresh)) == NULL &&
	    (err = gaps_close(s->db, w, &gaps)) == NULL &&
	    (err = mind_gap(s, a, p, w, ev, n, next, fresh, oldest, known)) == NULL &&
	    (err = note_missed(s, p, w, fresh, known, now)) == NULL &&
	    (err = finish_thread(s, p, w, next, ev, n, n > 0 && have && ev[n - 1].at <= oldest, now)) == NULL &&
	    (err = install_touch(s->db, p->install_id)) == NULL)
		err = db_commit(s->db);
	db_rollback(s->db);
	s->stats.fetched += err == NULL ? (int64_t)fresh : 0;
	return err != NULL ? err : mind_usage(s, p, &res, now);
}

/* The import is over when its pass is and nothing is wanted. */
static const struct ib_err *
end_import(struct sync *s, const struct page *p)
{
	const struct ib_err *err;

	if (strcmp(p->import_state, "running") != 0 || p->pass_started > 0)
		return NULL;
	if ((err = db_begin(s->db)) != NULL)
		return err;
	if ((err = db_run(s->db, ST_PAGE_IMPORT_END, "i", p->id)) == NULL &&
	    (err = install_touch(s->db, p->install_id)) == NULL)
		err = db_commit(s->db);
	db_rollback(s->db);
	return err;
}

const struct ib_err *
sync_read_step(struct sync *s, int64_t now, int64_t every, bool *did, int64_t *wait_ms)
{
	const struct ib_err *err, *free_err;
	struct arena *a = &s->arena;
	struct page *p;
	struct want *w;
	int64_t id, at;
	bool found, mine;

	*did = false;
	*wait_ms = 0;
	arena_reset(a);
	err = db_get_int(s->db, ST_PAGE_READ_NEXT, &id, &found, "ii", now, now - every);
	if (err != NULL)
		return err;
	if (!found) {
		err = db_get_int(s->db, ST_PAGE_READ_WAITING, &at, &found, "ii", now, now - every);
		if (err == NULL && found && at > now)
			*wait_ms = at - now;
		return err;
	}
	if ((err = page_with_token(s->db, s->keys, a, id, &p)) != NULL || p == NULL)
		return err;
	if (p->token == NULL)
		return page_set_broken(s->db, p->id, "error.fb.token");
	if ((err = want_next(s->db, a, p->id, &w)) != NULL)
		return err;
	if (w == NULL && strcmp(p->import_state, "running") == 0 && p->pass_started == 0) {
		*did = true;
		return end_import(s, p);
	}
	if ((err = page_claim_read(s->db, p->id, now, &mine)) != NULL || !mine) {
		*wait_ms = PAGE_READ_GAP_MS;
		return err;
	}
	*did = true;
	err = w != NULL ? read_thread(s, a, p, w, now) : read_listing(s, a, p, now);
	/* Nothing else says it: the inbox shall tell why it is not up to date. */
	if (err != NULL && (err->code == IB_EUPSTREAM || err->code == IB_ETIMEOUT) &&
	    (free_err = db_run(s->db, ST_PAGE_READ_WHY, "it", p->id, "error.fb.away")) != NULL)
		log_err(free_err, "read_why");
	free_err = page_release_read(s->db, p->id, now, clock_now());
	return err != NULL ? err : free_err;
}
