/* SPDX-License-Identifier: MIT */
/*
 * Conversations that are open, done or snoozed; what each person has not read;
 * lists that are narrowed, and the filters people keep.
 */
#include "../tap.h"

#include "../../lib/store/filter.h"
#include "../../lib/store/saved.h"
#include "../../lib/store/thread.h"
#include "company.h"

#include <sqlite3.h>
#include <string.h>

#define HOUR	INT64_C(3600000)
#define DAY	(24 * HOUR)

static int64_t peeter;

/* What no statement of the product asks for. */
static int64_t
ask_db(const char *sql)
{
	char path[256];
	sqlite3 *s = NULL;
	sqlite3_stmt *st = NULL;
	int64_t v = -999;

	snprintf(path, sizeof(path), "%s/s.db", dir);
	if (sqlite3_open(path, &s) == SQLITE_OK && sqlite3_prepare_v2(s, sql, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	else
		diag("%s: %s", sql, sqlite3_errmsg(s));
	sqlite3_finalize(st);
	sqlite3_close(s);
	return v;
}

static struct thread *
get(int64_t id, int64_t user)
{
	struct thread *t;

	must(thread_get(db, &a, install, id, user, &t));
	return t;
}

/* One more message of the customer's, as ingest counts it. */
static int64_t
wrote(const char *psid, int64_t at)
{
	struct thread_row t;

	must(db_begin(db));
	must(thread_find(db, &a, install, page, psid, NOW, &t));
	t.last_at = t.last_in_at = at;
	t.in_n++;
	must(thread_save(db, &t));
	must(db_commit(db));
	return t.id;
}

static void
put_state(int64_t id, enum thread_state state, int64_t until)
{
	bool changed;

	must(thread_set_state(db, &a, install, id, maria, state, until, NOW, &changed));
}

static int64_t
unread_of(int64_t user)
{
	struct signed_in *who;

	must(member_get(db, &a, install, user, &who));
	return who->unread;
}

static void
read_it(int64_t id, int64_t user)
{
	struct thread *t = get(id, user);

	must(thread_mark_seen(db, user, id, t->last_in_at, t->in_n));
}

static void
test_unread(void)
{
	int64_t id = wrote("u1", NOW - HOUR);

	(void)wrote("u1", NOW - HOUR + 1);
	is_int(get(id, maria)->unread, 2, "two messages are unread");
	is_int(unread_of(maria), 1, "in one conversation");
	read_it(id, maria);
	is_int(get(id, maria)->unread, 0, "read");
	is_int(unread_of(maria), 0, "and counted as read");
	is_int(get(id, peeter)->unread, 2, "not by a colleague");
	is_int(unread_of(peeter), 1, "who has one unread conversation");
	(void)wrote("u1", NOW - 2 * HOUR);
	is_int(get(id, maria)->unread, 1, "an older message that comes late is unread");
	read_it(id, maria);
	must(thread_mark_unread(db, install, maria, id));
	is_int(get(id, maria)->unread, 1, "marked unread: the last one");
	is_int(unread_of(maria), 1, "and the conversation counts");
	must(thread_mark_unread(db, install, maria, id));
	is_int(get(id, maria)->unread, 1, "once is enough");
	must(thread_mark_unread(db, install + 1, maria, id));
	must(thread_mark_seen(db, maria, id, NOW - HOUR, 2));
	is_int(get(id, maria)->unread, 1, "what was read before the mark does not end it");
	read_it(id, maria);
	is_int(unread_of(maria), 0, "opening it does");
	/* An imported conversation has no news; a person may mark it all the same. */
	{
		struct thread_row t;

		must(thread_find(db, &a, install, page, "u2", NOW, &t));
		t.last_at = NOW - 3 * HOUR;
		must(thread_save(db, &t));
		is_int(get(t.id, maria)->unread, 0, "what was imported is not news");
		must(thread_mark_unread(db, install, maria, t.id));
		is_int(get(t.id, maria)->unread, 1, "marked unread without news");
		is_int(unread_of(maria), 1, "it counts");
		read_it(t.id, maria);
		is_int(unread_of(maria), 0, "until it is read");
	}
}

static void
test_state(void)
{
	int64_t id = wrote("s1", NOW - HOUR), rev, rev2, next;
	struct signed_in *who;
	bool changed;

	must(install_rev(db, install, &rev));
	put_state(id, THREAD_DONE, 0);
	must(install_rev(db, install, &rev2));
	ok(rev2 > rev, "polls see it");
	ok(get(id, maria)->state == THREAD_DONE && get(id, maria)->state_by == maria && get(id, maria)->state_at == NOW,
	    "done: by whom and when");
	must(thread_set_state(db, &a, install, id, peeter, THREAD_DONE, 0, NOW + 5, &changed));
	ok(!changed && get(id, maria)->state_by == maria, "done twice is done once");
	is_int(unread_of(maria), 0, "what is done is not told of as unread");
	must(thread_set_state(db, &a, install + 1, id, maria, THREAD_OPEN, 0, NOW, &changed));
	ok(!changed && get(id, maria)->state == THREAD_DONE, "another company reopens nothing");
	put_state(id, THREAD_OPEN, 0);
	is_int(unread_of(maria), 1, "reopened, it counts again");
	is_int(ask_db("SELECT count(*) FROM audit WHERE what IN ('done','reopened')"), 2, "both are in the audit");

	put_state(id, THREAD_SNOOZED, NOW + HOUR);
	must(member_get(db, &a, install, maria, &who));
	is_int(who->wake_at, NOW + HOUR, "the company knows when the next one comes back");
	must(thread_wake_next(db, NOW + HOUR - 1, &next));
	is_int(next, 0, "not a moment before");
	must(thread_wake_next(db, NOW + HOUR, &next));
	is_int(next, install, "then it is due");
	must(thread_wake(db, install, NOW + HOUR - 1));
	is_int(get(id, maria)->state, THREAD_SNOOZED, "too early: it stays");
	must(thread_wake(db, install, NOW + HOUR));
	ok(get(id, maria)->state == THREAD_OPEN && get(id, maria)->woke_at == NOW + HOUR && get(id, maria)->until_at == 0,
	    "and is back, with the time");
	is_int(unread_of(maria), 1, "counted again");
	must(thread_wake_next(db, NOW + 30 * DAY, &next));
	is_int(next, 0, "nothing else is due");
	put_state(id, THREAD_SNOOZED, NOW + 3 * HOUR);
	put_state(id, THREAD_SNOOZED, NOW + 2 * HOUR);
	must(thread_wake_next(db, NOW + 2 * HOUR, &next));
	is_int(next, install, "an earlier time counts");
	put_state(id, THREAD_OPEN, 0);
	must(thread_wake(db, install, NOW + 2 * HOUR));
	ok(get(id, maria)->woke_at == 0, "reopened by hand it does not come back");
	must(thread_wake_next(db, NOW + 30 * DAY, &next));
	is_int(next, 0, "and nobody waits for it");
}

/* Whatever happens in whatever order: the counters are what a count would find. */
static void
test_counters(void)
{
	static const char *const by_hand = "SELECT count(*) FROM thread t LEFT JOIN seen s ON s.thread_id = t.id AND s.user_id = %lld"
	    " WHERE t.state = 0 AND t.left_psid IS NULL AND t.in_n > coalesce(s.n, 0)";
	int64_t ids[12], users[2] = { maria, peeter }, k;
	uint64_t x = 88172645463325252u;
	char psid[16], sql[512];
	int i, bad = 0;

	for (i = 0; i < 12; i++) {
		snprintf(psid, sizeof(psid), "r%d", i);
		ids[i] = wrote(psid, NOW - HOUR);
	}
	for (i = 0; i < 1500; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		k = (int64_t)(x >> 32 & 0xff) % 12;
		snprintf(psid, sizeof(psid), "r%d", (int)k);
		if (get(ids[k], maria) == NULL) {
			ids[k] = wrote(psid, NOW + i);
			continue;
		}
		switch (x % 11) {
		case 0: case 1: case 2:
			(void)wrote(psid, NOW + i);
			break;
		case 3: case 4:
			read_it(ids[k], users[x >> 20 & 1]);
			break;
		case 5:
			must(thread_mark_unread(db, install, users[x >> 20 & 1], ids[k]));
			break;
		case 6:
			put_state(ids[k], THREAD_DONE, 0);
			break;
		case 7:
			put_state(ids[k], THREAD_SNOOZED, NOW + i + 50);
			break;
		case 8:
			put_state(ids[k], THREAD_OPEN, 0);
			break;
		case 9:
			must(thread_wake(db, install, NOW + i));
			break;
		default:
			if (x >> 24 & 1)
				must(db_run(db, ST_ERASE_CUSTOMER, "i", ids[k]));
			if (x >> 25 & 1)
				must(db_run(db, ST_ERASE_THREAD, "i", ids[k]));
			break;
		}
		if (i % 10 != 0)
			continue;
		snprintf(sql, sizeof(sql), by_hand, (long long)users[x >> 20 & 1]);
		if (unread_of(users[x >> 20 & 1]) != ask_db(sql) && bad++ == 0)
			diag("step %d: %lld, by hand %lld", i, (long long)unread_of(users[x >> 20 & 1]), (long long)ask_db(sql));
		arena_reset(&a);
	}
	is_int(bad, 0, "unread conversations are what a count finds, after 1,500 steps");
}

static void
test_list(void)
{
	struct list_ask ask = { .zone = "UTC", .max = 50 };
	int64_t first, second, third;
	struct filter f = { { 0 } };
	struct list_end end;
	struct thread *t;
	size_t n;

	first = wrote("l1", NOW + 10 * DAY);
	second = wrote("l2", NOW + 11 * DAY);
	third = wrote("l3", NOW + 12 * DAY);
	put_state(second, THREAD_SNOOZED, NOW + 20 * DAY);
	put_state(third, THREAD_DONE, 0);
	must(thread_list(db, &a, install, maria, &ask, &t, &n, &end));
	is_int(t[0].id, first, "the list has open ones");
	must(thread_wake(db, install, NOW + 20 * DAY));
	must(thread_list(db, &a, install, maria, &ask, &t, &n, &end));
	ok(t[0].id == second && t[1].id == first, "one that came back is on top, whenever its last message was");
	is_int(t[0].last_at, NOW + 11 * DAY, "whose time is shown");
	ask.filter = &f;
	f.v[FILTER_VIEW] = VIEW_DONE;
	must(thread_list(db, &a, install, maria, &ask, &t, &n, &end));
	is_int(t[0].id, third, "done ones");
	f.v[FILTER_VIEW] = VIEW_ALL;
	ask.max = 2;
	must(thread_list(db, &a, install, maria, &ask, &t, &n, &end));
	ok(n == 2 && t[0].id == second && t[1].id == third && end.more, "all of them, by time");
	ask.at = end.at;
	ask.id = end.id;
	must(thread_list(db, &a, install, maria, &ask, &t, &n, &end));
	is_int(t[0].id, first, "and the next page goes on there");
	ask.at = ask.id = 0;
	ask.max = 50;
	f = (struct filter){ { 0 } };
	f.v[FILTER_FROM] = f.v[FILTER_TO] = (NOW + 10 * DAY) / DAY * DAY;
	must(thread_list(db, &a, install, maria, &ask, &t, &n, &end));
	ok(n == 1 && t[0].id == first && !end.further, "one day");
	f.v[FILTER_TO] = 0;
	must(thread_list(db, &a, install, maria, &ask, &t, &n, &end));
	is_int(n, 2, "from a day on");
	f = (struct filter){ { 0 } };
	f.v[FILTER_PAGE] = page + 1;
	must(thread_list(db, &a, install, maria, &ask, &t, &n, &end));
	is_int(n, 0, "of another Page: none");
	f = (struct filter){ { 0 } };
	f.v[FILTER_LINKED] = 1;
	must(thread_list(db, &a, install, maria, &ask, &t, &n, &end));
	is_int(n, 0, "linked: none");
	f.v[FILTER_LINKED] = 2;
	must(thread_list(db, &a, install, maria, &ask, &t, &n, &end));
	ok(n > 1, "not linked: the others");
	f = (struct filter){ { 0 } };
	f.v[FILTER_UNREAD] = 1;
	read_it(second, maria);
	must(thread_list(db, &a, install, maria, &ask, &t, &n, &end));
	is_int(t[0].id, first, "unread: not what was read");
	must(thread_list(db, &a, install, peeter, &ask, &t, &n, &end));
	is_int(t[0].id, second, "which is personal");
	must(thread_list(db, &a, install + 1, maria, &ask, &t, &n, &end));
	is_int(n, 0, "and another company's list is empty");
	f = (struct filter){ { 0 } };
	f.v[FILTER_FAILED] = 1;
	must(db_begin(db));
	must(thread_add_failed(db, first, 1));
	must(db_commit(db));
	must(thread_list(db, &a, install, maria, &ask, &t, &n, &end));
	ok(n == 1 && t[0].id == first, "with a reply that failed");
}

static void
test_soonest(void)
{
	struct list_ask ask = { .zone = "UTC", .max = 1 };
	struct filter f = { { [FILTER_VIEW] = VIEW_SNOOZED } };
	int64_t one = wrote("z1", NOW), two = wrote("z2", NOW + 5);
	struct list_end end;
	struct thread *t;
	size_t n;

	must(thread_wake(db, install, NOW + 300 * DAY));
	put_state(one, THREAD_SNOOZED, NOW + 301 * DAY);
	put_state(two, THREAD_SNOOZED, NOW + 302 * DAY);
	ask.filter = &f;
	must(thread_list(db, &a, install, maria, &ask, &t, &n, &end));
	ok(n == 1 && t[0].id == one && end.more, "snoozed: what comes back first is first");
	ask.at = end.at;
	ask.id = end.id;
	must(thread_list(db, &a, install, maria, &ask, &t, &n, &end));
	ok(n == 1 && t[0].id == two && !end.more && !end.further, "then the others");
}

/* A rare filter looks at so many and says where it stopped. */
static void
test_walk(void)
{
	struct list_ask ask = { .zone = "UTC", .max = 50 };
	struct filter f = { { [FILTER_FAILED] = 1 } };
	struct list_end end;
	struct thread_row row;
	struct thread *t;
	int64_t rare = 0;
	char psid[16];
	int i, rounds = 0;
	size_t n;

	must(db_begin(db));
	for (i = 0; i < LIST_WALK * 2; i++) {
		snprintf(psid, sizeof(psid), "w%d", i);
		must(thread_find(db, &a, install, page, psid, NOW, &row));
		row.last_at = NOW + 400 * DAY + i;
		must(thread_save(db, &row));
		if (i == 0)
			rare = row.id;
	}
	must(thread_add_failed(db, rare, 1));
	must(db_commit(db));
	ask.filter = &f;
	do {
		must(thread_list(db, &a, install, maria, &ask, &t, &n, &end));
		ask.at = end.at;
		ask.id = end.id;
		rounds++;
	} while (n == 0 && end.further && rounds < 9);
	ok(n >= 1 && t[0].id == rare, "the rare one is found");
	is_int(rounds, 2, "in the second look, each of so many rows");
}

static const char *
of_pairs(const void *arg, const char *name)
{
	const char *const *p = arg;

	for (; p[0] != NULL; p += 2)
		if (strcmp(p[0], name) == 0)
			return p[1];
	return NULL;
}

static void
test_filters(void)
{
	static const char *const good[] = { "to", "2026-02-28", "state", "done", "page", "3", "linked", "no", "unread", "", NULL, NULL };
	static const char *const bad[][4] = {
		{ "state", "gone", NULL, NULL }, { "page", "-3", NULL, NULL }, { "page", "x", NULL, NULL },
		{ "from", "2026-02-30", NULL, NULL }, { "from", "soon", NULL, NULL }, { "unread", "maybe", NULL, NULL }
	};
	struct filter f;
	size_t i;

	ok(filter_read(&f, of_pairs, good), "a filter is read");
	is_str(filter_query(&a, &f), "state=done&page=3&linked=no&to=2026-02-28", "and has one spelling");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!filter_read(&f, of_pairs, bad[i]) && !filter_any(&f), "refused: %s=%s", bad[i][0], bad[i][1]);
	f = (struct filter){ { 0 } };
	is_str(filter_query(&a, &f), "", "nothing narrowed has no address");
}

static void
test_saved(void)
{
	struct signed_in *who;
	struct saved *s;
	char name[16];
	bool full;
	size_t n;
	int i;

	must(saved_put(db, &a, maria, "Bikes", "page=1", &full));
	must(saved_put(db, &a, maria, "Late", "state=snoozed", &full));
	must(saved_put(db, &a, maria, "Bikes", "page=2", &full));
	must(member_get(db, &a, install, maria, &who));
	must(saved_parse(&a, who->saved, &s, &n));
	ok(n == 2 && strcmp(s[1].name, "Bikes") == 0 && strcmp(s[1].query, "page=2") == 0, "kept, the same name once");
	for (i = 2; i < SAVED_MOST; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		must(saved_put(db, &a, maria, name, "page=3", &full));
		ok(!full, "room for number %d", i + 1);
	}
	must(saved_put(db, &a, maria, "one more", "page=3", &full));
	ok(full, "and for no more");
	must(saved_put(db, &a, maria, "Late", "state=done", &full));
	ok(!full, "but an old name takes another filter");
	must(saved_drop(db, &a, maria, "Late"));
	must(saved_drop(db, &a, maria, "never was"));
	must(member_get(db, &a, install, maria, &who));
	must(saved_parse(&a, who->saved, &s, &n));
	is_int(n, SAVED_MOST - 1, "deleted");
	must(member_get(db, &a, install, peeter, &who));
	is_str(who->saved, "", "a colleague has none of them");
}

int
main(void)
{
	struct user u = { .pd_user_id = 10483245, .name = "Peeter", .email = "", .timezone = "UTC" };

	company_open();
	u.install_id = install;
	must(db_begin(db));
	must(user_put(db, keys, &a, &u, "x", "y", NOW, NOW, &peeter));
	must(db_commit(db));
	test_unread();
	test_state();
	test_counters();
	test_list();
	test_soonest();
	test_walk();
	test_filters();
	test_saved();
	company_close();
	return done_testing();
}
