/* SPDX-License-Identifier: MIT */
/* Days to be logged as rows, and what Pipedrive's events do to links: in any order, any number of times. */
#include "../tap.h"
#include "company.h"

#include "../../lib/base/clock.h"
#include "../../lib/store/follow.h"
#include "../../lib/store/message.h"
#include "../../lib/store/transcript.h"

#include <string.h>

static int64_t psids;

static int64_t
new_thread(void)
{
	struct thread_row t;

	must(thread_find(db, &a, install, page, arena_printf(&a, "%lld", (long long)++psids), NOW, &t));
	must(thread_save(db, &t));
	return t.id;
}

static void
link_to(int64_t thread, enum crm_kind kind, const char *id, int64_t now)
{
	struct crm_rec r = { .kind = kind, .id = id, .name = "Somebody", .person_id = kind == CRM_LEAD ? 77 : 0 };

	must(db_begin(db));
	must(link_put(db, &a, install, thread, maria, &r, NULL, now));
	must(db_commit(db));
}

static void
say(int64_t thread, int64_t at, const char *text)
{
	static int64_t ids;
	struct message m = { .thread_id = thread, .at = at, .id = ++ids, .text = text };
	bool added;

	must(db_begin(db));
	must(message_add(db, &m, &added));
	must(db_commit(db));
}

/* A run takes all touches; how many days that made. */
static int
take_all(int64_t now)
{
	struct touch *t;
	int n = 0;

	for (;; n++) {
		must(touch_next(db, &a, &t));
		if (t == NULL)
			return n;
		must(db_begin(db));
		must(touch_take(db, &a, t, t->at / MS_DAY, t->at / MS_DAY * MS_DAY, (t->at / MS_DAY + 1) * MS_DAY, now));
		must(db_commit(db));
	}
}

static struct transcript *
next(int64_t now)
{
	struct transcript *t;

	must(transcript_next(db, &a, now, &t));
	return t;
}

static void
test_days(void)
{
	int64_t thread = new_thread();
	struct transcript *t, *other;

	say(thread, NOW - 9 * MS_DAY, "too old");
	say(thread, NOW - MS_DAY, "yesterday");
	say(thread, NOW, "today");
	is_int(take_all(NOW), 0, "a conversation that is not linked leaves no touches");
	link_to(thread, CRM_PERSON, "51", NOW + 1);
	is_int(take_all(NOW + 1), 2, "the first link: the week before it");
	t = next(NOW + 1);
	ok(t != NULL && t->thread_id == thread && strcmp(t->pd_id, "51") == 0 && t->user_id == maria && *t->note_id == '\0',
	    "one of them is due");
	other = next(NOW + 1);
	ok(other != NULL && next(NOW + 1) == NULL, "the other too; under leases neither is");
	must(transcript_settle(db, other, "899", "d0", NULL, NOW + 2));
	must(transcript_settle(db, t, "900", "d1", NULL, NOW + 2));
	ok(next(NOW + 3) == NULL, "written is done");
	say(thread, t->day * MS_DAY + 5, "more");
	is_int(take_all(NOW + 4), 1, "a change is a touch");
	ok(next(NOW + 5) == NULL, "not within five minutes of the writing");
	t = next(NOW + 2 + 5 * MS_MINUTE);
	ok(t != NULL && strcmp(t->note_id, "900") == 0 && strcmp(t->digest, "d1") == 0, "then it is due, with its note");
	say(thread, t->day * MS_DAY + 6, "while it is written");
	(void)take_all(NOW + 6 * MS_MINUTE);
	must(transcript_settle(db, t, "900", "d2", NULL, NOW + 6 * MS_MINUTE));
	ok(next(NOW + 12 * MS_MINUTE) != NULL, "what changed meanwhile is still to be written");
}

static void
test_targets(void)
{
	int64_t thread = new_thread();
	struct transcript *t;

	say(thread, NOW, "hello");
	link_to(thread, CRM_PERSON, "60", NOW + 1);
	(void)take_all(NOW + 1);
	while ((t = next(NOW + MS_HOUR)) != NULL && t->thread_id != thread)
		;
	ok(t != NULL && t->until_at == 0, "the person's row is open");
	must(transcript_settle(db, t, "901", "d", NULL, NOW + 2));
	link_to(thread, CRM_PERSON, "61", NOW + 10);
	say(thread, NOW + 20, "for the other");
	(void)take_all(NOW + 20);
	t = next(NOW + 2 * MS_HOUR);
	while (t != NULL && !(t->thread_id == thread && strcmp(t->pd_id, "61") == 0))
		t = next(NOW + 2 * MS_HOUR);
	ok(t != NULL && t->from_at == NOW + 10 && *t->note_id == '\0', "the next person's begins with the link");
	must(transcript_drop(db, t));
	must(db_begin(db));
	must(transcripts_set(db, install, false));
	must(db_commit(db));
	say(thread, NOW + 30, "unlogged");
	(void)take_all(NOW + 30);
	ok(next(NOW + 3 * MS_HOUR) == NULL, "switched off, nothing is due");
	must(transcripts_set(db, install, true));
}

static const char *
where(int64_t thread)
{
	struct link *p, *w;

	must(link_of(db, &a, thread, &p, &w));
	return p != NULL ? p->pd_id : w != NULL ? arena_printf(&a, "%s %s", crm_kind_name(w->kind), w->pd_id) : "-";
}

static bool
event(const char *id, const char *to, int64_t at)
{
	struct pd_event e = { .kind = CRM_PERSON, .id = id, .merged_to = to, .at = at };
	bool known;

	must(db_begin(db));
	must(pd_event_put(db, &a, install, &e, NOW, &known));
	must(db_commit(db));
	return known;
}

static void
test_events(void)
{
	int64_t one = new_thread(), two = new_thread(), install_id, owner, person;
	struct link *l;
	size_t n;

	link_to(one, CRM_PERSON, "100", NOW);
	must(links_due(db, &a, NOW, 10, &install_id, &owner, &l, &n));
	is_int((int64_t)n, 0, "a fresh link is not due for a day");
	ok(!event("999", NULL, NOW), "a record that nobody is linked to");
	ok(event("100", NULL, NOW), "one that somebody is");
	must(links_due(db, &a, NOW, 10, &install_id, &owner, &l, &n));
	ok(n == 1 && l[0].thread_id == one && install_id == install && owner == maria, "is due");
	must(link_checked(db, l[0].id, NOW + MS_DAY, 0));
	must(links_due(db, &a, NOW, 10, &install_id, &owner, &l, &n));
	is_int((int64_t)n, 0, "until it was asked about");

	event("100", "101", NOW);
	event("101", "102", NOW + 1);
	event("100", "101", NOW);
	is_str(where(one), "102", "merged twice, told in order, and again");
	link_to(two, CRM_PERSON, "200", NOW);
	event("201", "202", NOW + 1);
	is_str(where(two), "200", "what was merged into it later says nothing of it yet");
	event("200", "201", NOW);
	is_str(where(two), "202", "merged twice, told backwards");
	event("202", "202", NOW);
	event("300", "301", NOW);
	event("301", "300", NOW);
	is_str(where(two), "202", "circles end");

	link_to(two, CRM_LEAD, "adf21080-0e10-11eb-879b-05d71fb426ec", NOW);
	must(db_begin(db));
	must(link_of(db, &a, two, &(struct link *){ 0 }, &l));
	must(link_person(db, l->id, &person));
	is_int(person, 77, "a lead's person is kept");
	must(link_follow(db, &a, install, l, CRM_DEAL, "33", NOW));
	must(db_commit(db));
	must(link_of(db, &a, two, &(struct link *){ 0 }, &l));
	ok(l->kind == CRM_DEAL && strcmp(l->pd_id, "33") == 0 && l->state == LINK_LIVE, "a lead became a deal");
}

static void
test_hooks(void)
{
	struct pd_hook *h, *again;
	int64_t told;
	const char *why;

	must(pd_hook_state(db, &a, install, &why, &told));
	ok(why == NULL, "no webhooks yet");
	must(pd_hook_due(db, keys, &a, NOW, &h));
	ok(h != NULL && h->install_id == install && h->company_id == 9000123 && strlen(h->key) == 48 && strlen(h->password) == 48,
	    "a company with links is to have some");
	must(pd_hook_due(db, keys, &a, NOW, &again));
	ok(again != NULL && strcmp(again->key, h->key) == 0 && strcmp(again->password, h->password) == 0,
	    "whoever dies before they are made comes back to the same address");
	must(pd_hook_checked(db, install, NOW + MS_DAY, NULL, true));
	must(pd_hook_due(db, keys, &a, NOW, &again));
	ok(again == NULL, "looked at: not due for a day");
	must(pd_hook_due(db, keys, &a, NOW - 10 * MS_DAY, &again));
	ok(again != NULL, "by a clock that was far ahead: due");
	must(pd_hook_by_key(db, keys, &a, h->key, &again));
	ok(again != NULL && strcmp(again->password, h->password) == 0, "found by its address");
	must(pd_hook_by_key(db, keys, &a, "0", &again));
	ok(again == NULL, "another address is nobody's");
}

int
main(void)
{
	company_open();
	test_days();
	test_targets();
	test_events();
	test_hooks();
	company_close();
	return done_testing();
}
