/* SPDX-License-Identifier: MIT */
/* What is new for somebody who looked away: counted, read ones left out, one's own alone, and to a limit. */
#include "../tap.h"

#include "../../lib/store/message.h"
#include "../../lib/store/news.h"
#include "../../lib/store/thread.h"
#include "company.h"

static int64_t next_id = 1;

static int64_t
rev_now(void)
{
	int64_t rev;

	must(install_rev(db, install, &rev));
	return rev;
}

/* A message as ingest leaves it: its row and the row of the list. */
static void
wrote(int64_t thread, int64_t at, int64_t user, bool in)
{
	struct message m = { .thread_id = thread, .at = at, .id = next_id++, .dir = !in, .user_id = user,
	    .text = in ? "Do you have it?" : "We do.", .detail = "" };
	struct thread_row t;
	bool added;

	must(message_add(db, &m, &added));
	must(thread_find(db, &a, install, page, arena_printf(&a, "psid%lld", (long long)thread), NOW, &t));
	must(message_show(&a, &m, FB_ATT_OTHER, &t));
	if (in && at > t.last_in_at)
		t.last_in_at = at;
	t.in_n += in;
	must(thread_save(db, &t));
	must(install_touch(db, install));
}

static int64_t
thread_new(int64_t n)
{
	struct thread_row t;

	must(thread_find(db, &a, install, page, arena_printf(&a, "psid%lld", (long long)n), NOW, &t));
	return t.id;
}

static struct news
news(int64_t user, int64_t rev, bool mine)
{
	struct news n;

	must(news_since(db, &a, install, user, rev, NOW, mine, &n));
	return n;
}

static void
test_counts(int64_t one, int64_t two)
{
	struct news n;
	int64_t rev;

	wrote(one, NOW, 0, true);
	rev = rev_now();
	is_int(news(maria, rev, false).threads, 0, "what was there is not new, though nobody has read it");
	wrote(one, NOW + 1, 0, true);
	wrote(one, NOW + 2, 0, true);
	n = news(maria, rev, false);
	ok(n.threads == 1 && n.messages == 2 && n.rev == rev_now() && n.thread_id == one && !n.more,
	    "two messages of one conversation");
	is_str(n.snippet, "Do you have it?", "with the last of them");
	is_int(news(maria, rev_now(), false).threads, 0, "once told, it is not new again");
	wrote(two, NOW - 500, 0, true);
	n = news(maria, rev, false);
	ok(n.threads == 2 && n.messages == 3 && n.thread_id == two, "what comes late counts, the last to come is named");
	wrote(two, NOW - 400, maria, false);
	n = news(maria, rev, false);
	ok(n.threads == 2 && n.messages == 3 && n.snippet == NULL, "an answer is not quoted as the customer's");
	must(thread_mark_seen(db, maria, one, NOW + 1, 2));
	is_int(news(maria, rev, false).messages, 2, "what has been read is not new");
	must(thread_mark_seen(db, maria, one, NOW + 2, 3));
	n = news(maria, rev, false);
	ok(n.threads == 1 && n.thread_id == two, "nor is its conversation");
	must(news_since(db, &a, install + 1, maria, 0, 0, false, &n));
	is_int(n.threads, 0, "another company's is nobody's business");
}

static void
test_mine(int64_t one)
{
	int64_t rev = rev_now();

	wrote(one, NOW + 4, maria, false);
	wrote(one, NOW + 5, 0, true);
	wrote(thread_new(3), NOW + 5, 0, true);
	ok(news(maria, rev, false).threads == 2 && news(maria, rev, true).threads == 1, "of one's own: where one answered");
	is_int(news(maria, rev, true).thread_id, one, "that one");
	wrote(one, NOW + 6, 77, false);
	wrote(one, NOW + 7, 0, true);
	is_int(news(maria, rev, true).threads, 0, "not when a colleague answered later");
	is_int(news(77, rev, true).threads, 1, "then it is the colleague's");
	wrote(one, NOW + 8, 0, false);
	wrote(one, NOW + 9, 0, true);
	is_int(news(77, rev, true).threads, 1, "what was written on Facebook changes nothing: nobody knows by whom");
}

static void
test_limits(int64_t one)
{
	int64_t i, rev = rev_now();
	struct news n;

	for (i = 0; i < NEWS_COUNT + 20; i++)
		wrote(one, NOW + 100 + i, 0, true);
	n = news(maria, rev, false);
	ok(n.threads == 1 && n.messages == NEWS_COUNT && n.more, "of one conversation so many are counted");
	rev = rev_now();
	for (i = 4; i < NEWS_LOOK + 10; i++)
		wrote(thread_new(i), NOW + 1000 + i, 0, true);
	n = news(maria, rev, false);
	ok(n.threads == NEWS_LOOK && n.more, "so many conversations are looked at");
}

int
main(void)
{
	int64_t one, two;

	company_open();
	one = thread_new(1);
	two = thread_new(2);
	test_counts(one, two);
	test_mine(one);
	test_limits(one);
	company_close();
	return done_testing();
}
