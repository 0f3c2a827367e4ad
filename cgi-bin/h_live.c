/* SPDX-License-Identifier: MIT */
/*
 * h_live.c - what the open inbox asks for besides polls: what is new since
 * somebody last looked, in the words of a notification, and the list of keys.
 */
#include "format.h"
#include "frame.h"
#include "handlers.h"

#include "../lib/base/str.h"
#include "../lib/store/news.h"

/* "5", or "100+" where counting stopped. */
static const char *
number(const struct fmt *f, int64_t n, bool more)
{
	return arena_printf(f->a, "%s%s", fmt_number(f, n), more ? "+" : "");
}

/* "{n} new messages" in the form for n; with threads > 1 in how many conversations. */
static const char *
news_text(const struct app *app, const struct fmt *f, const struct news *n)
{
	if (n->threads > 1)
		return cat_fill(f->a, cat_str(app->cats, f->lang, STR_NEWS_MANY), "n", number(f, n->messages, n->more),
		    "threads", number(f, n->threads, n->threads == NEWS_LOOK), NULL);
	return cat_fill(f->a, cat_find_n(app->cats, f->lang, "news.messages", n->messages), "n",
	    number(f, n->messages, n->more), NULL);
}

const struct ib_err *
h_news(struct app *app, struct req *r)
{
	const struct session *s = r->session;
	const char *notify = pref_word(&s->prefs, PREF_NOTIFY);
	struct view_news v = { 0 };
	const struct ib_err *err;
	struct news n;
	struct fmt f;
	int64_t rev, at;

	if (!s->may_read)
		return resp_problem(app, r, 403, "problem.private");
	if (!str_int_in(req_query(r, "rev"), 0, INT64_MAX, &rev) || !str_int_in(req_query(r, "at"), 0, INT64_MAX, &at))
		return resp_problem(app, r, 400, "problem.bad_request");
	fmt_init(&f, app, r);
	if (str_eq(notify, "off"))
		return resp_page(app, r, 200, TPL_NEWS, &v);
	if ((err = news_since(app->db, r->a, s->install_id, s->user_id, rev, at, str_eq(notify, "mine"), &n)) != NULL)
		return err;
	if (n.threads > 0) {
		v.rev = n.rev;
		v.text = news_text(app, &f, &n);
		v.title = fmt_customer(&f, n.name, n.psid);
		v.href = req_href(app, r, "/inbox/%lld", (long long)n.thread_id);
		if (n.threads > 1) {
			v.title = NULL;
			v.href = req_below(app, r, "/inbox");
		} else if (n.messages == 1 && !str_blank(n.snippet) && str_eq(pref_word(&s->prefs, PREF_PREVIEW), "on")) {
			v.text = n.snippet;
		}
	}
	return resp_page(app, r, 200, TPL_NEWS, &v);
}

const struct ib_err *
h_keyboard(struct app *app, struct req *r)
{
	struct view_keyboard v = { .frame = view_frame_make(app, r) };

	if (!r->session->may_read)
		return resp_problem(app, r, 403, "problem.private");
	v.inbox = req_below(app, r, "/inbox");
	v.settings = req_below(app, r, "/settings");
	return resp_page(app, r, 200, TPL_KEYBOARD, &v);
}
