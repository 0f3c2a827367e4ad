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

static void
test_window(void)
{
	static const struct { int64_t since; bool agent; enum window want; } rows[] = {
		{ 24 * HOUR - 1000, false, WINDOW_OPEN }, { 24 * HOUR + 1000, false, WINDOW_CLOSED },
		{ 23 * HOUR, true, WINDOW_OPEN }, { 24 * HOUR - 1000, true, WINDOW_AGENT },
		{ 24 * HOUR + 1000, true, WINDOW_AGENT }, { 7 * 24 * HOUR + 1000, true, WINDOW_CLOSED },
		{ 7 * 24 * HOUR - 1000, true, WINDOW_AGENT }, { 7 * 24 * HOUR - 1000, false, WINDOW_CLOSED },
	};
	int64_t until;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_int(window_state(NOW - rows[i].since, NOW, rows[i].agent, &until), rows[i].want,
		    "window, row %zu", i);
	is_int(window_state(0, NOW, true, &until), WINDOW_NEVER, "nobody wrote");
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
	int64_t at = 0, id = 0, last = INT64_MAX, seen = 0, i;
	bool more = true, order = true;
	size_t n;

	for (i = 0; i < 130; i++)
		(void)thread_with(arena_printf(&a, "psid%03lld", (long long)i), NOW + i / 3, NOW);
	while (more) {
		must(thread_list(db, &a, install, maria, at, id, 50, &t, &n, &more));
		for (i = 0; i < (int64_t)n; i++) {
			order &= t[i].last_at < last || (t[i].last_at == last && t[i].id < id);
			last = at = t[i].last_at;
			id = t[i].id;
			seen++;
		}
	}
	is_int(seen, 130, "pages of the list have no gaps and no repeats");
	ok(order, "newest first, ties by id");
	must(thread_list(db, &a, install + 1, maria, 0, 0, 50, &t, &n, &more));
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
	test_tokens();
	test_list();
	test_outbox();
	test_sessions();
	test_claims();
	company_close();
	return done_testing();
}
