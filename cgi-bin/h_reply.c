/* SPDX-License-Identifier: MIT */
/*
 * h_reply.c - writing to a customer.
 *
 * The reply is stored first, then the page is answered, then it is sent
 * (after the answer, by this worker).  Whatever cannot be sent is refused
 * before it is stored, with the text and the files kept in the box.
 */
#include "attach.h"
#include "handlers.h"
#include "inbox.h"

#include "../lib/base/str.h"
#include "../lib/store/outbox.h"

#include <string.h>

/* The failed reply that this form writes anew; 0 = none. */
static int64_t
replaces(struct req *r)
{
	int64_t id;

	return str_int_in(req_form(r, "replaces"), 1, INT64_MAX, &id) ? id : 0;
}

/* "I am answering personally": set by hand, for this reply. */
static bool
ticked(struct req *r)
{
	return str_eq(req_form(r, "agent"), "1");
}

/* The same page again, with the text and a sentence. */
static const struct ib_err *
refuse_with(struct app *app, struct req *r, int64_t thread, int status, const char *why, const char *text)
{
	struct inbox_ask ask = { .thread = thread, .text = text, .ticked = ticked(r), .replaces = replaces(r) };
	const struct ib_err *err;
	struct inbox in;

	ask.error = why;
	if ((err = inbox_load(app, r, &ask, &in)) != NULL)
		return err;
	if (in.missing)
		return resp_problem(app, r, 404, "problem.not_found");
	return inbox_answer(app, r, status, &in);
}

static const struct ib_err *
refuse(struct app *app, struct req *r, int64_t thread, int status, enum str_id why, const char *text)
{
	return refuse_with(app, r, thread, status, cat_str(app->cats, r->lang, why), text);
}

const struct ib_err *
h_reply(struct app *app, struct req *r)
{
	const char *raw = req_form(r, "text"), *key = req_form(r, "key"), *text, *why, **files;
	const struct ib_err *err;
	enum outbox_refusal refusal;
	struct outbox_new n;
	int64_t thread, msg, until;
	struct thread *t;
	struct page *p;
	enum window win;
	size_t nfiles;

	if (!r->session->may_read)
		return resp_problem(app, r, 403, "problem.private");
	if (!req_id(r, "thread", &thread))
		return resp_problem(app, r, 404, "problem.not_found");
	if (!key_ok(key) || raw == NULL)
		return resp_problem(app, r, 400, "problem.bad_request");
	if ((text = str_clean(r->a, raw, strlen(raw), 30000, NULL)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "reply");
	if ((err = thread_get(app->db, r->a, r->session->install_id, thread,
	    r->session->user_id, &t)) != NULL)
		return err;
	if (t == NULL)
		return resp_problem(app, r, 404, "problem.not_found");
	if ((err = attach_form(app, r, thread, &why)) != NULL)
		return err;
	if (why != NULL)
		return refuse_with(app, r, thread, 422, why, text);
	nfiles = req_form_all(r, "upload", &files);
	if (str_blank(text) && nfiles == 0)
		return refuse(app, r, thread, 422, STR_PROBLEM_REPLY_EMPTY, NULL);
	if (str_utf16_units(text) > REPLY_MAX_UNITS)
		return refuse(app, r, thread, 422, STR_PROBLEM_REPLY_TOO_LONG, text);
	if ((err = page_get(app->db, r->a, t->page_id, &p)) != NULL)
		return err;
	if (p == NULL || p->state != PAGE_ACTIVE || t->owner_app != NULL)
		return refuse(app, r, thread, 409, STR_PROBLEM_CANNOT_SEND, text);
	win = window_state(t->customer_at, t->ad_at, r->now, conf_bool(app->conf, CONF_FB_HUMAN_AGENT), &until);
	if (win == WINDOW_AGENT && !ticked(r))
		return refuse(app, r, thread, 422, STR_PROBLEM_TICK_AGENT, text);
	if (win == WINDOW_CLOSED || win == WINDOW_NEVER)
		return refuse(app, r, thread, 409, STR_PROBLEM_WINDOW_CLOSED, text);
	n = (struct outbox_new){ .install_id = r->session->install_id, .thread_id = thread, .user_id = r->session->user_id,
	    .key = key, .parts = &text, .nparts = !str_blank(text), .files = files, .nfiles = nfiles, .agent = ticked(r), .replaces = replaces(r), .now = r->now };
	if ((err = outbox_put(app->db, r->a, &n, &msg, &refusal)) != NULL)
		return err;
	if (refusal == OUTBOX_NO_FILE)
		return refuse(app, r, thread, 409, STR_PROBLEM_FILE_LOST, text);
	resp_then_work(r);
	return resp_see_other(app, r, "%s/inbox/%lld", r->session->root, (long long)thread);
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
	return resp_see_other(app, r, "%s/inbox/%lld", r->session->root, (long long)thread);
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
