/* SPDX-License-Identifier: MIT */
/* The stores: reply window, keyset pages, outbox life, sessions and flows. */
#include "../tap.h"

#include "../../lib/store/outbox.h"
#include "../../lib/store/thread.h"
#include "company.h"

#define HOUR	INT64_C(3600000)

static int64_t
thread_with(const char *psid, int64_t last_at, int64_t customer_at)
{
	struct thread_row t;

	must(thread_find(db, &a, install, page, psid, NOW, &t));
	t.last_at = last_at;
	t.customer_at = customer_at;
	must(thread_save(db, &t));
	return t.id;
}

/* Every reason, at its borders: the last moment of one and the first of the next. */
static void
test_window(void)
{
	const int64_t day = 24 * HOUR, week = 7 * day, margin = 5 * 60000, none = -1;
	/* Since the customer's last action; since the first message after an ad. */
	static const char *const names[] = { "never", "open", "ad", "agent", "closed" };
	const struct { int64_t since, ad; bool agent; enum window want; int64_t until; } rows[] = {
		{ 0, none, false, WINDOW_OPEN, day }, { day - 1, none, false, WINDOW_OPEN, day },
		{ day, none, false, WINDOW_CLOSED, day }, { week - 1, none, false, WINDOW_CLOSED, day },
		/* The tag takes over before the day is over. */
		{ day - margin - 1, none, true, WINDOW_OPEN, day }, { day - margin, none, true, WINDOW_AGENT, week },
		{ day, none, true, WINDOW_AGENT, week }, { week - 1, none, true, WINDOW_AGENT, week },
		{ week, none, true, WINDOW_CLOSED, week },
		/* An ad: a day for certain, then up to seven since its first message. */
		{ day - 1, day - 1, false, WINDOW_OPEN, day }, { day, day, false, WINDOW_AD, week },
		{ day - 1, day - 1, true, WINDOW_OPEN, day }, { day, day, true, WINDOW_AD, week },
		{ week - 1, week - 1, false, WINDOW_AD, week }, { week, week, false, WINDOW_CLOSED, week },
		{ week, week, true, WINDOW_CLOSED, week },
		/* The customer wrote again three days after it: that day is counted, then the ad goes on. */
		{ day - 1, 4 * day - 1, false, WINDOW_OPEN, day }, { day, 4 * day, false, WINDOW_AD, 4 * day },
		{ 4 * day - 1, week - 1, false, WINDOW_AD, 4 * day }, { 4 * day, week, false, WINDOW_CLOSED, 4 * day },
		{ 4 * day - margin - 1, week - margin - 1, true, WINDOW_AD, 4 * day },
		{ 4 * day - margin, week - margin, true, WINDOW_AGENT, week }, { week, 10 * day, true, WINDOW_CLOSED, week },
		/* An ad that was long ago opens nothing. */
		{ day - 1, 9 * day, false, WINDOW_OPEN, day }, { day, 9 * day, false, WINDOW_CLOSED, day },
	};
	int64_t until;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum window win = window_state(NOW - rows[i].since, rows[i].ad < 0 ? 0 : NOW - rows[i].ad, NOW,
		    rows[i].agent, &until);

		is_str(names[win], names[rows[i].want], "window, row %zu", i);
		is_int(until, NOW - rows[i].since + rows[i].until, "and until when, row %zu", i);
	}
	is_int(window_state(0, 0, NOW, true, &until), WINDOW_NEVER, "nobody wrote");
}

/* What the engine takes, and what it may say of it. */
static void
test_personal(void)
{
	const int64_t day = 24 * HOUR;
	struct outbox o = { .customer_at = NOW - day };
	bool tag;

	is_str(outbox_barred(&o, NOW, false, &tag), "error.fb.window", "a day, and no tag here");
	is_str(outbox_barred(&o, NOW, true, &tag), "error.fb.personal", "nobody ticked it");
	ok(!tag, "so it has no tag");
	o.agent = true;
	ok(outbox_barred(&o, NOW, true, &tag) == NULL && tag, "ticked: with the tag");
	is_str(outbox_barred(&o, NOW, false, &tag), "error.fb.window", "but not where the tag was not approved");
	is_str(outbox_barred(&o, NOW + 6 * day, true, &tag), "error.fb.window", "nor after seven days");
	o.customer_at = NOW;
	ok(outbox_barred(&o, NOW, true, &tag) == NULL && !tag, "ticked, and the customer wrote: without the tag");
	o.customer_at = o.ad_at = NOW - day;
	ok(outbox_barred(&o, NOW, true, &tag) == NULL && !tag, "after an ad as well");
}

static int64_t
waiting(const char *psid, int64_t customer_at, int64_t ad_at, int last_dir)
{
	struct thread_row t;

	must(thread_find(db, &a, install, page, psid, NOW, &t));
	t.last_at = t.customer_at = customer_at;
	t.last_dir = last_dir;
	must(thread_save(db, &t));
	if (ad_at > 0)
		must(db_run(db, ST_THREAD_AD_SET, "iii", t.id, ad_at, ad_at));
	return t.id;
}

static void
test_closing(void)
{
	const int64_t day = 24 * HOUR, week = 7 * day;
	struct filter f = { { [FILTER_VIEW] = VIEW_CLOSING } };
	struct list_ask ask = { &f, "UTC", 0, 0, 2, NOW, true };
	struct list_end end = { .more = true };
	int64_t id, want[8], got[8], k = 0;
	struct thread *t;
	size_t n, i;

	want[0] = waiting("w-hour", NOW - day + HOUR, 0, 0);
	want[1] = waiting("w-ad", NOW - 2 * day, NOW - week + 2 * HOUR, 0);
	want[2] = waiting("w-two", NOW - day + 3 * HOUR, 0, 0);
	want[3] = waiting("w-two-too", NOW - day + 3 * HOUR, 0, 0);
	want[4] = waiting("w-agent", NOW - week + 12 * HOUR, 0, 0);
	(void)waiting("w-answered", NOW - day + HOUR, 0, 1);
	(void)waiting("w-over", NOW - day, 0, 0);
	(void)waiting("w-later", NOW - day + 12 * HOUR + 1, 0, 0);
	id = waiting("w-refused", NOW - 2 * day, NOW - week + 2 * HOUR, 0);
	must(thread_ad_refused(db, id));
	while (end.more && k < 8) {
		must(thread_list(db, &a, install, maria, &ask, &t, &n, &end));
		for (i = 0; i < n && k < 8; i++)
			got[k++] = t[i].id;
		ask.at = end.at;
		ask.id = end.id;
	}
	is_int(k, 5, "what closes soon, in pages of two");
	for (i = 0; i < 5; i++)
		is_int(got[i], want[i], "soonest first: %zu", i);
	ask = (struct list_ask){ &f, "UTC", 0, 0, 50, NOW, false };
	must(thread_list(db, &a, install, maria, &ask, &t, &n, &end));
	is_int(n, 4, "without the tag its seven days are none");
	ok(n == 4 && t[0].due == NOW + HOUR && t[1].due == NOW + 2 * HOUR, "until then");
	f.v[FILTER_PAGE] = page + 1;
	must(thread_list(db, &a, install, maria, &ask, &t, &n, &end));
	is_int(n, 0, "narrowed further: to another Page");
	f.v[FILTER_PAGE] = page;
	must(thread_list(db, &a, install, maria, &ask, &t, &n, &end));
	is_int(n, 4, "to this one");
	must(db_run(db, ST_THREAD_STATE, "iiiiii", install, want[0], (int64_t)THREAD_DONE, NOW, maria, (int64_t)0));
	must(thread_list(db, &a, install, maria, &ask, &t, &n, &end));
	is_int(n, 3, "what is done waits for nobody");
	must(thread_list(db, &a, install + 1, maria, &ask, &t, &n, &end));
	is_int(n, 0, "and nothing of another company's");
}

static void
test_tokens(void)
{
	struct page *p;
	struct db_stmt *st;
	bool row;

	must(page_with_token(db, keys, &a, page, &p));
	is_str(p->token, "EAAMpage", "a Page's token opens");
	must(db_query(db, ST_PAGE_GET, &st, "i", page));
	must(db_step(st, &row));
	ok(strstr(db_col_text(st, 19), "EAAM") == NULL, "and is sealed in the row");
	db_release(st);
	must(page_by_fb(db, &a, "108422330517604", &p));
	ok(p != NULL && p->token == NULL, "a lookup by Page id carries no token");
}

static void
test_list(void)
{
	struct thread *t;
	struct list_ask ask = { .zone = "UTC", .max = 50 };
	struct list_end end = { .more = true };
	int64_t last = INT64_MAX, id = 0, seen = 0, i;
	bool order = true;
	size_t n;

	for (i = 0; i < 130; i++)
		(void)thread_with(arena_printf(&a, "psid%03lld", (long long)i), NOW + i / 3, NOW);
	while (end.more) {
		must(thread_list(db, &a, install, maria, &ask, &t, &n, &end));
		for (i = 0; i < (int64_t)n; i++) {
			order &= t[i].last_at < last || (t[i].last_at == last && t[i].id < id);
			last = t[i].last_at;
			id = t[i].id;
			seen++;
		}
		ask.at = end.at;
		ask.id = end.id;
	}
	is_int(seen, 130, "pages of the list have no gaps and no repeats");
	ok(order, "newest first, ties by id");
	ask.at = 0;
	must(thread_list(db, &a, install + 1, maria, &ask, &t, &n, &end));
	is_int(n, 0, "another install sees none");
}

/* The open row of the thread, as the engine takes it. */
static struct outbox *
lease(int64_t now)
{
	struct outbox *o;

	must(outbox_lease(db, &a, now, &o));
	return o;
}

static void
settle(struct outbox *o, enum outbox_state state, int64_t next, int64_t now)
{
	struct outbox_end end = { state, next, state == OUT_FAILED ? "error.fb.window" : "", 0, 0 };

	must(db_begin(db));
	must(outbox_settle(db, o, &end, now));
	must(db_commit(db));
}

static enum msg_state
shown(int64_t thread, int64_t msg)
{
	struct message *m;
	size_t n, i;
	bool more;

	must(message_page(db, &a, thread, 0, 0, 30, &m, &n, &more));
	for (i = 0; i < n; i++)
		if (m[i].id == msg)
			return m[i].state;
	return MSG_NONE;
}

/* A reply of Maria's, of one text. */
static const struct ib_err *
reply(int64_t in, int64_t thread, const char *key, const char *text, int64_t now, int64_t *msg, enum outbox_refusal *ref)
{
	struct outbox_new n = { .install_id = in, .thread_id = thread, .user_id = maria, .key = key, .parts = &text,
	    .nparts = 1, .now = now };

	return outbox_put(db, &a, &n, msg, ref);
}

static void
test_outbox(void)
{
	int64_t t = thread_with("reply", NOW, NOW), m1, m2, m3, again;
	enum outbox_refusal ref;
	const struct ib_err *err;
	struct outbox *o, *p;
	struct thread *th;
	int64_t n;
	bool done;

	must(reply(install, t, "key-1-0123456789", "One", NOW + 1, &m1, &ref));
	is_int(ref, OUTBOX_OK, "a reply is queued");
	must(reply(install, t, "key-1-0123456789", "One", NOW + 2, &again, &ref));
	ok(ref == OUTBOX_DUPLICATE && again == m1, "the same form again is the same reply");
	must(reply(install, t, "key-2-0123456789", "Two", NOW + 1, &m2, &ref));
	err = reply(install + 1, t, "key-3-0123456789", "x", NOW, &m3, &ref);
	ok(err != NULL && err->code == IB_ENOENT, "not into another install's thread");
	is_int(shown(t, m1), MSG_QUEUED, "shown as queued");

	o = lease(NOW + 5);
	ok(o != NULL && o->msg_id == m1, "the oldest goes first");
	is_int(shown(t, m1), MSG_SENDING, "and is shown as sending");
	ok(lease(NOW + 5) == NULL, "the next waits for it");
	settle(o, OUT_DEFERRED, NOW + 1000, NOW + 6);
	ok(lease(NOW + 500) == NULL, "nothing goes before its time, also not the one behind it");
	o = lease(NOW + 1000);
	ok(o != NULL && o->msg_id == m1 && o->attempts == 2, "the deferred one goes again");

	must(outbox_expire(db, NOW + 1000 + OUTBOX_LEASE_MS - 1, &n));
	is_int(n, 0, "a lease holds");
	must(outbox_expire(db, NOW + 1000 + OUTBOX_LEASE_MS, &n));
	is_int(n, 1, "and ends");
	is_int(shown(t, m1), MSG_CHECKING, "what a dead worker left is being checked, not sent again");
	ok(lease(NOW + 24 * HOUR) == NULL, "a checking reply holds the line");
	must(outbox_by_token(db, &a, page, o->token, &p));
	ok(p != NULL && p->id == o->id, "found by our id");
	must(outbox_by_token(db, &a, page + 1, o->token, &p));
	ok(p == NULL, "not on another Page");
	settle(o, OUT_SENT, 0, NOW + 9);
	is_int(shown(t, m1), MSG_SENT, "settled as sent");
	settle(o, OUT_FAILED, 0, NOW + 10);
	is_int(shown(t, m1), MSG_SENT, "sent stays sent");
	must(outbox_dismiss(db, &a, install, t, m1, NOW + 10, &done));
	ok(!done, "and is not dismissed");

	o = lease(NOW + 2000);
	ok(o != NULL && o->msg_id == m2, "then the second");
	settle(o, OUT_FAILED, 0, NOW + 11);
	must(thread_get(db, &a, install, t, maria, &th));
	is_int(th->failed, 1, "a failure marks the row");
	must(outbox_retry(db, install, t, m2, NOW + 12, &done));
	ok(done, "it can be tried again");
	must(outbox_retry(db, install, t, m2, NOW + 12, &done));
	ok(!done, "once");
	must(thread_get(db, &a, install, t, maria, &th));
	is_int(th->failed, 0, "the mark goes");
	o = lease(NOW + 2000);
	ok(o != NULL && o->msg_id == m2, "and it is sent");
	settle(o, OUT_SENT, 0, NOW + 13);
}

static void
test_sessions(void)
{
	struct signed_in *who;
	uint8_t hash[32];
	char *token, *json, other[44];

	must(session_start(db, &a, maria, NOW, 14, &token));
	must(session_get(db, &a, token, NOW + 1, hash, &who));
	ok(who != NULL && who->user_id == maria && who->shared, "a session is found");
	memcpy(other, token, 44);
	other[0] = other[0] == 'A' ? 'B' : 'A';
	must(session_get(db, &a, other, NOW + 1, hash, &who));
	ok(who == NULL, "a forged one is not");
	must(session_get(db, &a, "", NOW + 1, hash, &who));
	ok(who == NULL, "nor an empty one");
	must(session_get(db, &a, token, NOW + 14 * 24 * HOUR, hash, &who));
	ok(who == NULL, "nor one that is over");

	must(flow_start(db, keys, &a, FLOW_VISIBILITY, "{\"a\":1}", NOW, &token));
	must(flow_peek(db, keys, &a, token, FLOW_FACEBOOK, NOW, &json));
	ok(json == NULL, "a flow is at one step only");
	must(flow_peek(db, keys, &a, token, FLOW_VISIBILITY, NOW + 31 * 60000, &json));
	ok(json == NULL, "it ends by itself");
	must(flow_take(db, keys, &a, token, FLOW_VISIBILITY, NOW, &json));
	is_str(json, "{\"a\":1}", "it opens");
	must(flow_take(db, keys, &a, token, FLOW_VISIBILITY, NOW, &json));
	ok(json == NULL, "once");
}

static void
test_claims(void)
{
	bool mine;

	must(page_claim_read(db, page, NOW, &mine));
	ok(mine, "a read may be claimed");
	must(page_claim_read(db, page, NOW + 600, &mine));
	ok(!mine, "not while somebody reads");
	must(page_release_read(db, page, NOW, NOW + 700));
	must(page_claim_read(db, page, NOW + 1200, &mine));
	ok(!mine, "nor within the gap");
	must(page_claim_read(db, page, NOW + 1220, &mine));
	ok(mine, "but after it");
	must(page_claim_read(db, page, NOW + 1220 + 15520, &mine));
	ok(mine, "and a dead reader's claim ends");
}

int
main(void)
{
	company_open();
	test_window();
	test_personal();
	test_tokens();
	test_list();
	test_closing();
	test_outbox();
	test_sessions();
	test_claims();
	company_close();
	return done_testing();
}
