/* SPDX-License-Identifier: MIT */
/*
 * h_reply.c - writing to a customer.
 *
 * The reply is stored first, then the page is answered, then it is sent: after
 * the answer by this worker, or when the time to take it back is over.  Whatever
 * cannot be sent is refused before it is stored, and its text and files kept in the box,
 * the text as the draft as well.  Twice somebody is asked before: when the text is too long
 * for one message, whether it may go as several, and when others have written
 * what the page did not show.
 */
#include "attach.h"
#include "auth.h"
#include "handlers.h"
#include "inbox.h"

#include "../lib/base/parts.h"
#include "../lib/base/str.h"
#include "../lib/store/draft.h"

#include <string.h>

#define UNTIL_MARGIN_MS	(10 * MS_SECOND)	/* before the reply window closes nothing waits any more */

/* What came with the form. */
struct writing {
	const char	*text, *key, *base;
	int64_t		 thread;
	int64_t		 replaces;	/* the failed reply that it writes anew; 0 = none */
	int64_t		 confirmed;	/* it may go as so many messages; 0 = nobody was asked */
	bool		 anyway;	/* whatever others have written meanwhile */
	bool		 ticked;	/* "I am answering personally": set by hand, for this reply */
	bool		 has_seen;
	struct outbox_sight seen;
};

/* "NOW-AT.ID": what the page showed (inbox.c). */
static bool
read_sight(const char *s, struct outbox_sight *out)
{
	const char *dash = s == NULL ? NULL : strchr(s, '-');
	char now[24];
	size_t n;

	if (dash == NULL || (n = (size_t)(dash - s)) >= sizeof(now))
		return false;
	memcpy(now, s, n);
	now[n] = '\0';
	return str_int_in(now, 1, INT64_MAX, &out->now) && key_parse(dash + 1, &out->at, &out->id);
}

/* False: that is no form of ours. */
static bool
read_form(struct req *r, struct writing *w)
{
	const char *raw = req_form(r, "text");

	*w = (struct writing){ .key = req_form(r, "key"), .base = req_form(r, "base") };
	if (!key_ok(w->key) || raw == NULL)
		return false;
	if (!key_ok(w->base))
		w->base = "";
	w->text = str_clean(r->a, raw, strlen(raw), SIZE_MAX, NULL);
	if (!str_int_in(req_form(r, "replaces"), 1, INT64_MAX, &w->replaces))
		w->replaces = 0;
	if (!str_int_in(req_form(r, "parts"), 1, REPLY_PARTS_MOST, &w->confirmed))
		w->confirmed = 0;
	w->anyway = req_form(r, "anyway") != NULL;
	w->ticked = str_eq(req_form(r, "agent"), "1");
	w->has_seen = read_sight(req_form(r, "seen"), &w->seen);
	return true;
}

static bool
too_long_to_keep(const struct writing *w)
{
	return str_utf16_units(w->text) > REPLY_TEXT_UNITS;
}

static const struct ib_err *
keep(struct app *app, struct req *r, const struct writing *w, enum draft_fate *fate)
{
	struct draft d = { .thread_id = w->thread, .at = r->now, .replaces = w->replaces, .form = w->key, .text = w->text };

	return draft_save(app->db, r->session->user_id, &d, w->base, fate);
}

/* Back to the conversation and the list as they were narrowed; `more` is "", another query or "#place". */
static const struct ib_err *
see_thread(struct app *app, struct req *r, int64_t thread, const char *more)
{
	const char *narrowed = filter_suffix(r), *join = *more == '\0' || *more == '#' ? "" : *narrowed == '\0' ? "?" : "&";

	return resp_see_other(app, r, "%s/inbox/%lld%s%s%s", r->session->root, (long long)thread, narrowed, join, more);
}

/* The page again, with the text, and a sentence or a question. */
static const struct ib_err *
show_again(struct app *app, struct req *r, int status, const struct writing *w, struct inbox_ask *ask)
{
	const struct ib_err *err;
	enum draft_fate fate;
	struct inbox in;

	if (!str_blank(w->text) && !too_long_to_keep(w) && (err = keep(app, r, w, &fate)) != NULL)
		return err;
	(void)inbox_filter(r, &ask->filter);
	ask->thread = w->thread;
	ask->text = w->text;
	ask->ticked = w->ticked;
	ask->replaces = w->replaces;
	if ((err = inbox_load(app, r, ask, &in)) != NULL)
		return err;
	if (in.missing)
		return resp_problem(app, r, 404, "problem.not_found");
	return inbox_answer(app, r, status, &in);
}

static const struct ib_err *
refuse_with(struct app *app, struct req *r, int status, const struct writing *w, const char *why)
{
	struct inbox_ask ask = { .error = why };

	return show_again(app, r, status, w, &ask);
}

static const struct ib_err *
refuse(struct app *app, struct req *r, int status, const struct writing *w, enum str_id why)
{
	return refuse_with(app, r, status, w, cat_str(app->cats, r->lang, why));
}

/* Cuts where parts are needed; *answered: first somebody has to look at them. */
static const struct ib_err *
cut(struct app *app, struct req *r, const struct writing *w, struct outbox_new *n, bool *answered)
{
	struct inbox_ask ask = { .why = ASK_PARTS, .anyway = w->anyway };

	*answered = false;
	if (str_utf16_units(w->text) <= REPLY_MAX_UNITS) {
		n->parts = &w->text;
		n->nparts = !str_blank(w->text);
		return NULL;
	}
	if ((n->parts = text_parts(r->a, w->text, REPLY_PART_UNITS, &n->nparts)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "parts");
	*answered = true;
	if (n->nparts > REPLY_PARTS_MOST)
		return refuse(app, r, 422, w, STR_PROBLEM_REPLY_FAR_TOO_LONG);
	ask.parts = n->parts;
	ask.nparts = n->nparts;
	if (w->confirmed != (int64_t)n->nparts)
		return show_again(app, r, 422, w, &ask);
	*answered = false;
	return NULL;
}

/* How long this person may take a reply back; the window does not close meanwhile. */
static int64_t
hold_of(const struct app *app, const struct req *r, int64_t until)
{
	int64_t seconds = conf_int(app->conf, CONF_UNDO_SECONDS), most = until - r->now - UNTIL_MARGIN_MS;

	/* The first word of the choices leaves it to the setting. */
	(void)str_int_in(pref_word(&r->session->prefs, PREF_UNDO), 0, REPLY_HOLD_MS / MS_SECOND, &seconds);
	if (seconds > REPLY_HOLD_MS / MS_SECOND)
		seconds = REPLY_HOLD_MS / MS_SECOND;
	return most < seconds * MS_SECOND ? 0 : seconds * MS_SECOND;
}

static const struct ib_err *
accept(struct app *app, struct req *r, const struct writing *w, struct outbox_new *n, int64_t until)
{
	struct inbox_ask ask = { .why = ASK_OUTDATED, .since = &w->seen, .confirmed = w->confirmed };
	const struct ib_err *err;
	enum outbox_refusal refusal;
	int64_t msg;

	n->install_id = r->session->install_id;
	n->thread_id = w->thread;
	n->user_id = r->session->user_id;
	n->key = w->key;
	n->agent = w->ticked;
	n->replaces = w->replaces;
	n->hold_ms = hold_of(app, r, until);
	n->seen = w->has_seen && !w->anyway ? &w->seen : NULL;
	n->now = r->now;
	if ((err = outbox_put(app->db, r->a, n, &msg, &refusal)) != NULL)
		return err;
	if (refusal == OUTBOX_NO_FILE)
		return refuse(app, r, 409, w, STR_PROBLEM_FILE_LOST);
	if (refusal == OUTBOX_OUTDATED)
		return show_again(app, r, 409, w, &ask);
	if (n->hold_ms > 0)
		app_work_at(app, n->hold_ms);
	resp_then_work(r);
	return see_thread(app, r, w->thread, "");
}

const struct ib_err *
h_reply(struct app *app, struct req *r)
{
	const struct ib_err *err;
	struct outbox_new n = { 0 };
	struct writing w;
	struct thread *t;
	struct page *p;
	enum window win;
	const char *why, **files;
	int64_t until;
	bool known, answered;

	if ((err = thread_of_path(app, r, "/inbox", "way.inbox", &t)) != NULL || t == NULL)
		return err;
	if (!read_form(r, &w))
		return resp_problem(app, r, 400, "problem.bad_request");
	if (w.text == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "reply");
	w.thread = t->id;
	/* The same form once more: it was accepted, whatever has changed since. */
	if ((err = outbox_known(app->db, t->id, w.key, &known)) != NULL)
		return err;
	if (known)
		return see_thread(app, r, t->id, "");
	if ((err = attach_form(app, r, t->id, &why)) != NULL)
		return err;
	if (why != NULL)
		return refuse_with(app, r, 422, &w, why);
	n.nfiles = req_form_all(r, "upload", &files);
	n.files = files;
	if (str_blank(w.text) && n.nfiles == 0)
		return refuse(app, r, 422, &w, STR_PROBLEM_REPLY_EMPTY);
	if (too_long_to_keep(&w))
		return refuse(app, r, 422, &w, STR_PROBLEM_REPLY_FAR_TOO_LONG);
	if ((err = page_get(app->db, r->a, t->page_id, &p)) != NULL)
		return err;
	if (p == NULL || p->state != PAGE_ACTIVE || t->owner_app != NULL)
		return refuse(app, r, 409, &w, STR_PROBLEM_CANNOT_SEND);
	win = window_state(t->customer_at, t->ad_at, r->now, conf_bool(app->conf, CONF_FB_HUMAN_AGENT), &until);
	if (win == WINDOW_AGENT && !w.ticked)
		return refuse(app, r, 422, &w, STR_PROBLEM_TICK_AGENT);
	if (win == WINDOW_CLOSED || win == WINDOW_NEVER)
		return refuse(app, r, 409, &w, STR_PROBLEM_WINDOW_CLOSED);
	if ((err = cut(app, r, &w, &n, &answered)) != NULL || answered)
		return err;
	return accept(app, r, &w, &n, until);
}

/*
 * What is in the box is kept.  To a script the answer is a sentence, if there
 * is something to say; to others the page, with the text in the box.
 */
const struct ib_err *
h_draft(struct app *app, struct req *r)
{
	const struct ib_err *err;
	const char *said = "";
	enum draft_fate fate;
	struct writing w;
	struct thread *t;

	if ((err = thread_of_path(app, r, "/inbox", "way.inbox", &t)) != NULL || t == NULL)
		return err;
	if (!read_form(r, &w))
		return resp_problem(app, r, 400, "problem.bad_request");
	if (w.text == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "draft");
	w.thread = t->id;
	if (too_long_to_keep(&w))
		return refuse(app, r, 422, &w, STR_PROBLEM_REPLY_FAR_TOO_LONG);
	if ((err = keep(app, r, &w, &fate)) != NULL)
		return err;
	if (req_form(r, "js") == NULL)
		return see_thread(app, r, t->id, "notice=draft");
	if (fate == DRAFT_REPLACED)
		said = cat_str(app->cats, r->lang, STR_COMPOSER_ELSEWHERE);
	return resp_text(r, 200, "text/plain; charset=utf-8", said, strlen(said));
}

/* The reply is taken back; its text is in the box again, before what is there by now. */
const struct ib_err *
h_undo(struct app *app, struct req *r)
{
	const struct ib_err *err;
	struct outbox_back b = { .now = r->now };
	enum outbox_undone fate;
	struct writing w;
	struct thread *t;

	if ((err = thread_of_path(app, r, "/inbox", "way.inbox", &t)) != NULL || t == NULL)
		return err;
	if (!req_id(r, "message", &b.msg_id))
		return resp_problem(app, r, 404, "problem.not_found");
	if (!read_form(r, &w))
		return resp_problem(app, r, 400, "problem.bad_request");
	if (w.text == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "undo");
	w.thread = t->id;
	b.install_id = r->session->install_id;
	b.thread_id = t->id;
	b.user_id = r->session->user_id;
	b.form = w.key;
	b.more = w.text;
	if ((err = outbox_undo(app->db, r->a, &b, &fate)) != NULL)
		return err;
	if (fate == UNDO_LATE)
		return refuse(app, r, 409, &w, STR_PROBLEM_UNDO_LATE);
	return see_thread(app, r, t->id, "#reply");
}

/* What shall become of a failed reply: it goes again, or off the page. */
static const struct ib_err *
settle_failed(struct app *app, struct req *r, bool again)
{
	const struct ib_err *err;
	int64_t thread, message;
	bool ok;

	if (!r->session->may_read)
		return resp_problem(app, r, 403, "problem.private");
	if (!req_id(r, "thread", &thread) || !req_id(r, "message", &message))
		return resp_problem(app, r, 404, "problem.not_found");
	err = again ? outbox_retry(app->db, r->session->install_id, thread, message, r->now, &ok) :
	    outbox_dismiss(app->db, r->a, r->session->install_id, thread, message, r->now, &ok);
	if (err != NULL)
		return err;
	/* Not in `failed` any more: somebody was faster, the page shows the truth. */
	if (ok && again)
		resp_then_work(r);
	return see_thread(app, r, thread, "");
}

const struct ib_err *
h_retry(struct app *app, struct req *r)
{
	return settle_failed(app, r, true);
}

const struct ib_err *
h_dismiss(struct app *app, struct req *r)
{
	return settle_failed(app, r, false);
}
