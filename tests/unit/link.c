/* SPDX-License-Identifier: MIT */
/* Links and writes to Pipedrive as rows: one of a slot, once by its key, ends that stay. */
#include "../tap.h"

#include "../../lib/base/clock.h"
#include "../../lib/store/crmwrite.h"
#include "../../lib/store/thread.h"
#include "company.h"

static int64_t peeter;

static int64_t
thread_of(const char *psid, const char *name)
{
	struct thread_row t;

	must(thread_find(db, &a, install, page, psid, NOW, &t));
	must(thread_save(db, &t));
	must(thread_set_name(db, t.id, name));
	return t.id;
}

static void
put(int64_t thread, enum crm_kind kind, const char *id, const char *name)
{
	struct crm_rec r = { .kind = kind, .id = id, .name = name, .value = kind == CRM_DEAL ? "5" : NULL,
		.currency = kind == CRM_DEAL ? "EUR" : NULL };

	must(db_begin(db));
	must(link_put(db, &a, install, thread, maria, &r, kind == CRM_DEAL ? "Qualified" : NULL, NOW));
	must(db_commit(db));
}

/* "person 51 Jaan, deal 33 Bike" */
static const char *
linked(int64_t thread)
{
	struct link *p, *w;

	must(link_of(db, &a, thread, &p, &w));
	return arena_printf(&a, "%s%s%s%s%s", p != NULL ? p->pd_id : "-", p != NULL ? p->title : "", w != NULL ? "," : "",
	    w != NULL ? crm_kind_name(w->kind) : "", w != NULL ? w->pd_id : "");
}

static void
test_links(void)
{
	int64_t t = thread_of("1", "Jaan"), other = thread_of("2", "Jaan"), third = thread_of("3", "Else");
	struct crm_rec seen = { .kind = CRM_PERSON, .id = "52", .name = "Renamed", .emails = { "a@b.de" }, .n_emails = 1 };
	struct link *p, *w, *list;
	int64_t rev, rev2;
	bool ended;
	size_t n;

	is_str(linked(t), "-", "nothing is linked at first");
	must(install_rev(db, install, &rev));
	put(t, CRM_PERSON, "51", "Jaan");
	must(install_rev(db, install, &rev2));
	ok(rev2 > rev, "everybody's page is news");
	put(t, CRM_LEAD, "adf21080-0e10-11eb-879b-05d71fb426ec", "Lead");
	is_str(linked(t), "51Jaan,leadadf21080-0e10-11eb-879b-05d71fb426ec", "a person and a lead");
	put(t, CRM_DEAL, "33", "Bike");
	is_str(linked(t), "51Jaan,deal33", "a deal takes the lead's place");
	put(t, CRM_PERSON, "52", "Jaan K");
	is_str(linked(t), "52Jaan K,deal33", "another person the person's");
	must(link_of(db, &a, t, &p, &w));
	ok(w->user_id == maria && w->linked_at == NOW && strcmp(w->stage, "Qualified") == 0 && strcmp(w->value, "5") == 0, "who linked it, when, and what was seen");
	must(link_seen(db, p, &seen, NULL, NOW + 5));
	must(link_of(db, &a, t, &p, &w));
	ok(strcmp(p->title, "Renamed") == 0 && strcmp(p->email, "a@b.de") == 0 && p->checked_at == NOW + 5, "what Pipedrive says of it now");
	must(link_gone(db, p, NOW + 6));
	must(link_of(db, &a, t, &p, &w));
	ok(p->state == LINK_GONE, "and that it has it no more");
	must(link_elsewhere(db, &a, install, other, "Jaan", &list, &n));
	ok(n == 0, "what is gone is suggested to nobody");
	put(t, CRM_PERSON, "53", "Jaan L");
	must(link_elsewhere(db, &a, install, other, "Jaan", &list, &n));
	ok(n == 1 && strcmp(list[0].pd_id, "53") == 0 && list[0].page_id == page, "other conversations of the name");
	must(link_elsewhere(db, &a, install, third, "Else", &list, &n));
	ok(n == 0, "not of another name");
	must(link_elsewhere(db, &a, install + 1, other, "Jaan", &list, &n));
	ok(n == 0, "not of another company");
	must(db_begin(db));
	must(link_end(db, &a, install, t, peeter, true, NOW + 9, &ended));
	ok(ended, "unlinked");
	must(link_end(db, &a, install, t, peeter, true, NOW + 9, &ended));
	ok(!ended, "once");
	must(db_commit(db));
	is_str(linked(t), "-,deal33", "the deal stays");
}

/* What the row of the list says. */
static bool
marked(int64_t thread)
{
	struct list_ask ask = { .zone = "UTC", .max = 50 };
	struct list_end end;
	struct thread *t;
	bool yes = false;
	size_t n, i;

	must(thread_list(db, &a, install, maria, &ask, &t, &n, &end));
	for (i = 0; i < n; i++)
		yes |= t[i].id == thread && t[i].linked;
	return yes;
}

static void
test_mark(void)
{
	int64_t t = thread_of("7", "Marked"), other = thread_of("8", "Marked too");
	struct thread_row row;
	bool ended;

	must(thread_find(db, &a, install, page, "7", NOW, &row));
	row.last_at = NOW;
	must(thread_save(db, &row));
	must(thread_find(db, &a, install, page, "8", NOW, &row));
	row.last_at = NOW;
	must(thread_save(db, &row));
	ok(!marked(t), "a row is not linked at first");
	put(t, CRM_PERSON, "71", "Marked");
	ok(marked(t) && !marked(other), "a linked one is, another one not");
	put(t, CRM_DEAL, "72", "Bike");
	must(db_begin(db));
	must(link_end(db, &a, install, t, maria, true, NOW, &ended));
	must(db_commit(db));
	ok(marked(t), "the deal is still there");
	must(db_begin(db));
	must(link_end(db, &a, install, t, maria, false, NOW, &ended));
	must(db_commit(db));
	ok(!marked(t), "nothing is any more");
}

static void
test_writes(void)
{
	int64_t t = thread_of("9", "Writes"), id, same, due;
	struct crm_write *w, *list;
	bool fresh, mine, won, claimed;
	size_t n;

	must(db_begin(db));
	must(write_put(db, install, t, maria, "key-1", ACT_PERSON, "{}", 0, NOW, &id, &fresh));
	ok(fresh, "an intention");
	must(write_put(db, install, t, maria, "key-1", ACT_PERSON, "{}", 0, NOW, &same, &fresh));
	ok(!fresh && same == id, "the same key is the same write");
	ok(write_put(db, install, t, peeter, "key-1", ACT_PERSON, "{}", 0, NOW, &same, &fresh) != NULL, "another's key is nobody's");
	must(db_commit(db));
	must(write_by_key(db, &a, t, peeter, "key-1", &w));
	ok(w == NULL, "nor found by it");
	must(write_next(db, NOW, &due));
	ok(due == id, "it is due at once");
	must(write_lease(db, id, NOW, &mine));
	ok(mine, "one takes it");
	must(write_lease(db, id, NOW + 1000, &mine));
	ok(!mine, "nobody else while that one has it");
	must(write_next(db, NOW + 1000, &due));
	ok(due == 0, "nor is it due");
	must(write_lease(db, id, NOW + 60000, &mine));
	ok(mine, "but when it took too long");
	must(write_calling(db, id, "{\"x\":1}", NOW + 60000));
	must(write_later(db, id, WRITE_UNKNOWN, NOW + 70000, false));
	must(write_get(db, &a, id, &w));
	ok(w->attempts == 1 && w->tried_at == NOW + 60000 && w->state == WRITE_UNKNOWN && strcmp(w->body, "{\"x\":1}") == 0, "a call whose answer is missing");
	must(write_later(db, id, WRITE_UNKNOWN, NOW + 80000, true));
	must(write_get(db, &a, id, &w));
	ok(w->looks == 1, "looked for once");
	must(write_next(db, NOW + 79999, &due));
	ok(due == 0, "not before its time");
	must(write_next(db, NOW - 100 * MS_DAY, &due));
	ok(due == id, "a time far ahead was written by a wrong clock");
	must(writes_of(db, &a, t, peeter, NOW, &list, &n));
	ok(n == 1, "everybody sees that it is under way");
	must(db_begin(db));
	must(write_settle(db, id, WRITE_DONE, "51", NULL, NULL, NOW, &won));
	ok(won, "settled");
	must(write_settle(db, id, WRITE_REFUSED, NULL, "error.pd.gone", NULL, NOW, &won));
	ok(!won, "for good");
	must(db_commit(db));
	must(write_get(db, &a, id, &w));
	ok(w->state == WRITE_DONE && strcmp(w->pd_id, "51") == 0 && *w->body == '\0', "what it became; the text is gone");
	must(write_claimed(db, install, ACT_PERSON, "51", id, &claimed));
	ok(!claimed, "its own");
	must(write_claimed(db, install, ACT_PERSON, "51", id + 1, &claimed));
	ok(claimed, "is nobody else's");
	must(write_claimed(db, install, ACT_DEAL, "51", id + 1, &claimed));
	ok(!claimed, "of its kind");
	must(write_put(db, install, t, maria, "key-2", ACT_NOTE, "{}", 0, NOW, &id, &fresh));
	must(write_settle(db, id, WRITE_REFUSED, NULL, "error.pd.gone", "words", NOW, &won));
	must(writes_of(db, &a, t, peeter, NOW, &list, &n));
	ok(n == 0, "a refusal is its own person's news");
	must(writes_of(db, &a, t, maria, NOW, &list, &n));
	ok(n == 1 && strcmp(list[0].why, "error.pd.gone") == 0 && strcmp(list[0].words, "words") == 0, "with its reason");
	must(writes_shown(db, t, maria));
	must(writes_of(db, &a, t, maria, NOW, &list, &n));
	ok(n == 0, "once");
}

static void
test_answers(void)
{
	const char *v;

	must(crm_cache_put(db, maria, "setup", NOW, "one"));
	must(crm_cache_put(db, maria, "setup", NOW + 1, "two"));
	must(crm_cache_put(db, maria, "hints.1.x", NOW, "h"));
	must(crm_cache_get(db, &a, maria, "setup", NOW + 100, 1000, &v));
	is_str(v, "two", "an answer is kept");
	must(crm_cache_get(db, &a, maria, "setup", NOW + 2000, 1000, &v));
	ok(v == NULL, "for a while");
	must(crm_cache_get(db, &a, maria, "setup", NOW - 5, 1000, &v));
	ok(v == NULL, "one from the future is none");
	must(crm_cache_get(db, &a, peeter, "setup", NOW + 100, 1000, &v));
	ok(v == NULL, "and for that person alone");
	must(crm_hints_drop(db, maria));
	must(crm_cache_get(db, &a, maria, "hints.1.x", NOW + 100, 1000, &v));
	ok(v == NULL, "suggestions are asked for anew");
	must(crm_cache_get(db, &a, maria, "setup", NOW + 100, 1000, &v));
	ok(v != NULL, "the rest stays");
	must(crm_pause_put(db, install, NOW + 1000, "error.pd.limit"));
	must(crm_pause_get(db, &a, install, NOW, &v));
	is_str(v, "error.pd.limit", "a pause");
	must(crm_pause_get(db, &a, install, NOW + 1000, &v));
	ok(v == NULL, "ends");
	must(crm_pause_get(db, &a, install, NOW - MS_DAY, &v));
	ok(v == NULL, "none is longer than an hour");
	must(crm_pause_drop(db, install));
	must(crm_pause_get(db, &a, install, NOW, &v));
	ok(v == NULL, "or is lifted");
	must(db_begin(db));
	must(crm_sweep(db, NOW + 200 * MS_DAY));
	must(db_commit(db));
	must(crm_cache_get(db, &a, maria, "setup", NOW + 100, 1000, &v));
	ok(v == NULL, "what is old is swept");
}

int
main(void)
{
	struct user u = { .pd_user_id = 10483245, .name = "Peeter", .email = "p@example.org",
		.timezone = "Europe/Tallinn", .lang = LANG_EN };

	company_open();
	u.install_id = install;
	must(user_put(db, keys, &a, &u, "access", "refresh", NOW, NOW, &peeter));
	test_links();
	test_mark();
	test_writes();
	test_answers();
	company_close();
	return done_testing();
}
