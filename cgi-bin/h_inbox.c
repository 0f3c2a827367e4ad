/* SPDX-License-Identifier: MIT */
/*
 * h_inbox.c - the inbox, an open conversation, and the poll that keeps a page
 * fresh.
 *
 * Opening a conversation marks it read for this person.  That is the only
 * write of a GET; it is left out when there is nothing new, and a busy
 * database only leaves the mark for the next time.
 */
#include "handlers.h"
#include "inbox.h"

#include "../lib/base/log.h"
#include "../lib/base/str.h"
#include "../lib/store/install.h"
#include "../lib/store/outbox.h"
#include "../lib/sync/sync.h"

/* The page shows it read already (inbox_load); now remember that. */
static void
mark_seen(struct app *app, struct req *r, const struct thread *t)
{
	const struct ib_err *err;

	if (t != NULL && t->unread > 0 &&
	    (err = thread_mark_seen(app->db, r->session->user_id, t->id, t->last_in_at, t->in_n)) != NULL)
		log_err(err, "mark_seen");
}

static const struct ib_err *
show(struct app *app, struct req *r, const struct inbox_ask *ask)
{
	const struct ib_err *err;
	struct inbox in;

	if (!r->session->may_read)
		return resp_problem(app, r, 403, "problem.private");
	if ((err = inbox_load(app, r, ask, &in)) != NULL)
		return err;
	if (in.missing)
		return resp_problem_way(app, r, 404, "problem.not_found", req_href(app, r, "/inbox"), "way.inbox");
	if (ask->msg_at == 0)
		mark_seen(app, r, in.thread);
	app_visit(app, r);
	if (in.due)
		resp_then_work(r);
	if (in.want_older) {
		if ((err = sync_want_older(app->db, in.thread->page_id, in.thread->id, r->now)) != NULL)
			log_err(err, "want_older");
		resp_then_work(r);
	}
	return inbox_answer(app, r, 200, &in);
}

const struct ib_err *
h_inbox(struct app *app, struct req *r)
{
	struct inbox_ask ask = { 0 };
	const char *before = req_query(r, "before");

	if ((before != NULL && !key_parse(before, &ask.list_at, &ask.list_id)) || !inbox_filter(r, &ask.filter))
		return resp_problem(app, r, 400, "problem.bad_request");
	ask.connected = req_query(r, "connected") != NULL;
	return show(app, r, &ask);
}

/* "Edit" at a failed reply: its text goes back into the box. */
static const struct ib_err *
take_text(struct app *app, struct req *r, struct inbox_ask *ask)
{
	const struct ib_err *err;
	struct message *m;
	int64_t id;

	if (!str_int_in(req_query(r, "edit"), 1, INT64_MAX, &id))
		return NULL;
	if ((err = outbox_failed(app->db, r->a, r->session->install_id, ask->thread, id, &m)) != NULL)
		return err;
	if (m != NULL) {
		ask->text = m->text;
		ask->edit = true;
		ask->replaces = id;
	}
	return NULL;
}

const struct ib_err *
h_thread(struct app *app, struct req *r)
{
	const struct ib_err *err;
	struct inbox_ask ask = { 0 };
	const char *before = req_query(r, "before");

	if (!req_id(r, "thread", &ask.thread))
		return resp_problem(app, r, 404, "problem.not_found");
	if ((before != NULL && !key_parse(before, &ask.msg_at, &ask.msg_id)) || !inbox_filter(r, &ask.filter))
		return resp_problem(app, r, 400, "problem.bad_request");
	if (r->session->may_read && (err = take_text(app, r, &ask)) != NULL)
		return err;
	return show(app, r, &ask);
}

/*
 * A message's own address.  It leads to the page of the conversation where the
 * message stands, with some of what followed; what is among the newest is shown
 * on the newest page, which goes on by itself.
 */
const struct ib_err *
h_message(struct app *app, struct req *r)
{
	const struct ib_err *err;
	const char *root = r->session->root;
	int64_t thread, message, at, next_at, next_id;
	struct thread *t = NULL;

	if (!r->session->may_read)
		return resp_problem(app, r, 403, "problem.private");
	if (!req_id(r, "thread", &thread) || !req_id(r, "message", &message))
		return resp_problem(app, r, 404, "problem.not_found");
	if ((err = thread_get(app->db, r->a, r->session->install_id, thread,
	    r->session->user_id, &t)) != NULL)
		return err;
	if (t == NULL)
		return resp_problem_way(app, r, 404, "problem.not_found", req_href(app, r, "/inbox"), "way.inbox");
	if ((err = message_place(app->db, thread, &message, &at)) != NULL)
		return err;
	if (at == 0)
		return resp_problem_way(app, r, 404, "problem.no_message",
		    req_href(app, r, "%s/inbox/%lld", root, (long long)thread), "way.conversation");
	if ((err = message_after(app->db, thread, at, message, INBOX_AFTER + 1, &next_at, &next_id)) != NULL)
		return err;
	if (next_at == 0)
		return resp_see_other(app, r, "%s/inbox/%lld#m-%lld", root, (long long)thread, (long long)message);
	return resp_see_other(app, r, "%s/inbox/%lld?before=%s#m-%lld", root, (long long)thread,
	    key_text(r->a, next_at, next_id), (long long)message);
}

/*
 * The tag holds the company's revision (first: notify.js takes it from there) and
 * whatever else changes the page: who reads it, how much of it the person has
 * not read (in another window, perhaps), in which language, which conversation,
 * what the list is narrowed to, whether somebody looks, and the clock in steps
 * of five minutes (a reply window that closes touches no row).
 */
static const char *
poll_tag(struct req *r, const struct inbox_ask *ask, int64_t unread)
{
	int64_t narrowed = 0;
	size_t i;

	for (i = 0; i < FILTER_MAX; i++)
		narrowed = look_int(narrowed, ask->filter.v[i]);
	return arena_printf(r->a, "\"%lld-%lld-%lld-%d-%lld-%lld-%lld-%d\"", (long long)r->session->rev,
	    (long long)r->session->user_id, (long long)unread, (int)r->lang, (long long)ask->thread,
	    (long long)narrowed, (long long)(r->now / (5 * MS_MINUTE)), ask->away);
}

const struct ib_err *
h_poll(struct app *app, struct req *r)
{
	const struct ib_err *err;
	struct inbox_ask ask = { 0 };
	const char *thread = req_query(r, "thread"), *tag;
	struct view_poll v;
	struct inbox in;

	if (!r->session->may_read)
		return resp_problem(app, r, 403, "problem.private");
	/* Inside Pipedrive it stands in the path, where the pass is. */
	if (r->pass != NULL)
		thread = req_segment(r, "thread");
	if ((thread != NULL && !str_int_in(thread, 1, INT64_MAX, &ask.thread)) || !inbox_filter(r, &ask.filter))
		return resp_problem(app, r, 400, "problem.bad_request");
	app_visit(app, r);
	/* Asked for notifications alone: nobody reads it now. */
	ask.away = req_query(r, "away") != NULL;
	if ((tag = poll_tag(r, &ask, r->session->unread)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "poll");
	if (req_has_etag(r, tag))
		return resp_not_modified(r, tag);
	if ((err = inbox_load(app, r, &ask, &in)) != NULL)
		return err;
	if (in.missing)
		return resp_problem(app, r, 404, "problem.not_found");
	if (!ask.away)
		mark_seen(app, r, in.thread);
	if (in.due)
		resp_then_work(r);
	/* What has just been read is not unread the next time. */
	if (in.view.list != NULL && (tag = poll_tag(r, &ask, in.view.list->unread)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "poll");
	v = (struct view_poll){ .frame = in.view.frame, .list = in.view.list, .conv = in.view.conv };
	resp_header(r, "ETag", tag);
	return resp_page(app, r, 200, TPL_POLL, &v);
}
