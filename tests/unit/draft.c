/* SPDX-License-Identifier: MIT */
/* Drafts, replies that are taken back, and replies to what was not seen. */
#include "../tap.h"

#include "../../lib/base/str.h"
#include "../../lib/store/draft.h"
#include "../../lib/store/outbox.h"
#include "company.h"

#define KEY	"form-a-0123456789"
#define OTHER	"form-b-0123456789"
#define HOLD	INT64_C(5000)

static int64_t anna;

static int64_t
thread_of(const char *psid)
{
	struct thread_row t;

	must(thread_find(db, &a, install, page, psid, NOW, &t));
	return t.id;
}

static enum draft_fate
save(int64_t user, int64_t thread, const char *form, const char *base, const char *text)
{
	struct draft d = { .thread_id = thread, .at = NOW, .form = form, .text = text };
	enum draft_fate fate;

	must(draft_save(db, user, &d, base, &fate));
	return fate;
}

/* The draft of that person there; NULL when there is none. */
static const char *
kept(int64_t user, int64_t thread)
{
	struct draft *d;
	size_t n, i;

	must(drafts_of(db, &a, user, thread, &d, &n));
	for (i = 0; i < n; i++)
		if (d[i].thread_id == thread)
			return d[i].text;
	return NULL;
}

static int64_t
number(enum stmt_id id, int64_t x)
{
	int64_t n = 0;
	bool found;

	must(db_get_int(db, id, &n, &found, "i", x));
	return n;
}

static void
test_drafts(void)
{
	int64_t t = thread_of("draft"), other = thread_of("other"), i;
	const char *text = "", *long_text;
	struct draft *d;
	size_t n;

	ok(kept(maria, t) == NULL, "nothing is there at first");
	is_int(save(maria, t, KEY, "", "Half a"), DRAFT_KEPT, "kept");
	is_int(save(maria, t, KEY, "", "Half a sentence"), DRAFT_KEPT, "and again");
	is_str(kept(maria, t), "Half a sentence", "the later one is there");
	ok(kept(anna, t) == NULL, "for nobody else");
	ok(kept(maria, other) == NULL, "and in no other conversation");
	is_int(save(maria, t, OTHER, KEY, "Half a sentence more"), DRAFT_KEPT, "the window that was opened with it goes on");
	is_int(save(maria, t, KEY, "", "Something else"), DRAFT_REPLACED, "the one that did not know is told");
	is_str(kept(maria, t), "Something else", "the last one counts");
	is_int(save(maria, t, OTHER, "", "  \n"), DRAFT_KEPT, "an empty box there");
	is_str(kept(maria, t), "Something else", "takes nothing away");
	is_int(save(maria, t, KEY, "", ""), DRAFT_KEPT, "an empty box here");
	ok(kept(maria, t) == NULL, "does");

	for (i = 0; i < 40; i++)
		text = arena_printf(&a, "%s長い文章です。", text);
	long_text = text;
	must(db_begin(db));
	for (i = 0; i < DRAFTS_MOST + 3; i++) {
		struct draft one = { .thread_id = thread_of(arena_printf(&a, "many%03d", (int)i)), .at = NOW + i, .form = "",
			.text = long_text };

		must(draft_put(db, maria, &one));
	}
	must(db_commit(db));
	must(drafts_of(db, &a, maria, 0, &d, &n));
	is_int(n, DRAFTS_MOST, "so many are kept");
	ok(str_chars(d[0].text) == 200, "of those that are not open, the beginning");
	is_str(kept(maria, d[0].thread_id), long_text, "of the open one, all");
	ok(kept(maria, thread_of("many002")) == NULL && kept(maria, thread_of("many003")) != NULL, "the oldest went");
}

/* A reply of somebody's that can be taken back; what became of it. */
static enum outbox_refusal
put(int64_t user, int64_t thread, const char *key, const char *const *parts, size_t nparts, const struct outbox_sight *seen,
    int64_t now, int64_t *msg)
{
	struct outbox_new n = { .install_id = install, .thread_id = thread, .user_id = user, .key = key, .parts = parts,
	    .nparts = nparts, .hold_ms = HOLD, .seen = seen, .now = now };
	enum outbox_refusal refusal;

	must(outbox_put(db, &a, &n, msg, &refusal));
	return refusal;
}

static bool
undone(int64_t user, int64_t thread, int64_t msg, const char *more, int64_t now)
{
	struct outbox_back b = { .install_id = install, .thread_id = thread, .user_id = user, .msg_id = msg,
		.form = "form-z-0123456789", .more = more, .now = now };
	enum outbox_undone fate;

	must(outbox_undo(db, &a, &b, &fate));
	return fate == UNDO_DONE;
}

static struct outbox *
lease(int64_t now)
{
	struct outbox *o;

	must(outbox_lease(db, &a, now, &o));
	return o;
}

static void
settle(struct outbox *o, enum outbox_state state)
{
	struct outbox_end end = { .state = state };

	must(db_begin(db));
	must(outbox_settle(db, o, &end, NOW));
	must(db_commit(db));
}

static void
test_undo(void)
{
	static const char *const one[] = { "One" }, *const three[] = { "Eins.", "Zwei.", "Drei." };
	int64_t t = thread_of("undo"), msg, next, hold, before;
	struct thread *row;
	struct outbox *o;

	(void)save(maria, t, KEY, "", "On");
	is_int(put(maria, t, KEY, one, 1, NULL, NOW, &msg), OUTBOX_OK, "accepted");
	ok(kept(maria, t) == NULL, "its draft is gone");
	is_int(save(maria, t, KEY, "", "On"), DRAFT_SENT, "a draft of it that was late is not kept");
	ok(kept(maria, t) == NULL, "not at all");
	must(outbox_next(db, t, msg, &next, &hold));
	is_int(hold, NOW + HOLD, "it waits");
	ok(lease(NOW + HOLD - 1) == NULL, "nobody sends it before its time");
	ok(!undone(anna, t, msg, NULL, NOW), "a colleague does not take it back");
	before = number(ST_INSTALL_REV, install);
	ok(undone(maria, t, msg, NULL, NOW + 10), "its writer does");
	ok(number(ST_INSTALL_REV, install) > before, "everybody's pages show it");
	is_str(kept(maria, t), "One", "and has the text again");
	ok(lease(NOW + HOLD) == NULL, "it is not sent");
	must(thread_get(db, &a, install, t, maria, &row));
	is_int(row->last_id, 0, "nor in the list");
	is_int(put(maria, t, KEY, one, 1, NULL, NOW + 20, &next), OUTBOX_DUPLICATE, "the same form again is no new reply");
	ok(!undone(maria, t, msg, "new words", NOW + 20), "nor can it be taken back twice");
	is_str(kept(maria, t), "One", "and the text that came back stays");

	is_int(put(maria, t, OTHER, one, 1, NULL, NOW, &msg), OUTBOX_OK, "another one");
	o = lease(NOW + HOLD);
	ok(o != NULL && o->msg_id == msg, "goes when its time has come");
	ok(!undone(maria, t, msg, NULL, NOW + HOLD), "then it is too late");
	settle(o, OUT_SENT);

	/* A clock that was ahead when it was accepted holds up nothing. */
	is_int(put(maria, t, "form-c-0123456789", one, 1, NULL, NOW + 3600000, &msg), OUTBOX_OK, "by a clock an hour ahead");
	o = lease(NOW);
	ok(o != NULL && o->msg_id == msg, "it goes");
	settle(o, OUT_SENT);

	is_int(put(maria, t, "form-d-0123456789", three, 3, NULL, NOW, &msg), OUTBOX_OK, "three parts");
	ok(undone(maria, t, msg, "and more", NOW + 1), "are taken back together");
	is_str(kept(maria, t), "Eins.\nZwei.\nDrei.\nand more", "before what has been written since");
	is_int(put(maria, t, "form-e-0123456789", three, 3, NULL, NOW, &msg), OUTBOX_OK, "three more");
	is_int(put(maria, t, "form-e-0123456789", three, 3, NULL, NOW, &next), OUTBOX_DUPLICATE, "once");
	o = lease(NOW + HOLD);
	is_str(o->text, "Eins.", "the first goes first");
	settle(o, OUT_SENT);
	ok(undone(maria, t, msg, NULL, NOW + HOLD), "of the rest");
	is_str(kept(maria, t), "Zwei.\nDrei.", "what has not gone comes back");
	ok(lease(NOW + 2 * HOLD) == NULL, "and stays");
}

/* A message that is not of ours. */
static void
customer(int64_t thread, int64_t at, int64_t id)
{
	struct message m = { .thread_id = thread, .at = at, .id = id, .text = "hello" };
	bool added;

	must(db_begin(db));
	must(message_add(db, &m, &added));
	must(db_commit(db));
}

static void
test_outdated(void)
{
	static const char *const text[] = { "Yes" };
	struct outbox_sight seen = { .at = NOW - 1000, .id = 7, .now = NOW };
	int64_t t = thread_of("outdated"), msg;

	customer(t, NOW - 1000, 7);
	is_int(put(maria, t, "form-1-0123456789", text, 1, &seen, NOW + 1, &msg), OUTBOX_OK, "all was seen");
	is_int(put(maria, t, "form-2-0123456789", text, 1, &seen, NOW + 2, &msg), OUTBOX_OK, "one's own reply is no news");
	is_int(put(anna, t, "form-3-0123456789", text, 1, &seen, NOW + 3, &msg), OUTBOX_OUTDATED, "to a colleague it is");
	seen.now = NOW + 3;
	is_int(put(anna, t, "form-3-0123456789", text, 1, &seen, NOW + 4, &msg), OUTBOX_OK, "until it was seen");
	customer(t, NOW - 500, 8);
	is_int(put(anna, t, "form-4-0123456789", text, 1, &seen, NOW + 5, &msg), OUTBOX_OUTDATED, "the customer wrote");
	is_int(put(anna, t, "form-3-0123456789", text, 1, &seen, NOW + 5, &msg), OUTBOX_DUPLICATE, "a reply that was accepted is");
	is_int(put(anna, t, "form-4-0123456789", text, 1, NULL, NOW + 5, &msg), OUTBOX_OK, "who was asked is not asked again");
	seen = (struct outbox_sight){ .at = NOW - 500, .id = 8, .now = NOW + 9 };
	must(message_move(db, t, NOW - 500, 8, NOW - 400));
	is_int(put(maria, t, "form-5-0123456789", text, 1, &seen, NOW + 10, &msg), OUTBOX_OK, "a time put right is no news");
}

int
main(void)
{
	struct user u = { .pd_user_id = 10483246, .name = "Anna", .email = "a@example.org", .timezone = "Europe/Tallinn" };

	company_open();
	u.install_id = install;
	must(db_begin(db));
	must(user_put(db, keys, &a, &u, "access", "refresh", NOW, NOW, &anna));
	must(db_commit(db));
	test_drafts();
	test_undo();
	test_outdated();
	company_close();
	return done_testing();
}
