/* SPDX-License-Identifier: MIT */
/*
 * h_audit.c - who did what to the connection: the company's audit lines, newest
 * first, by what, person and days, fifty a page.
 */
#include "format.h"
#include "frame.h"
#include "handlers.h"

#include "../lib/base/str.h"
#include "../lib/store/install.h"
#include "../lib/store/page.h"

#include <string.h>

#define LINES		50
#define PEOPLE_MOST	500

/* Words of the table `audit`: "audit." and the word is the key of what people read. */
static const char *const words[] = {
	"connected", "page_connected", "signed_in", "signed_out", "replied", "reply_undone", "done", "reopened", "snoozed", "visibility", "transcripts", "link_followed", "retention", "role",
	"exported", "page_removed", "removed", "customer_deleted", "login_deleted", "deauthorized", "expired",
	"erased", "page_broken", "resubscribed", "grant_gone"
};
#define NWORDS	(sizeof(words) / sizeof(words[0]))

static const char *
what_text(const struct app *app, const struct req *r, const char *what)
{
	const char *s = cat_find(app->cats, r->lang, arena_printf(r->a, "audit.%s", what));

	return s != NULL ? s : what;
}

/* A detail is a word, a key of the catalogues, a Page's id, or a number. */
static const char *
detail_text(const struct app *app, const struct req *r, const struct audit_line *l, const struct page *p, size_t n)
{
	static const char *const numbers[] = { "replied", "reply_undone", "done", "reopened", "snoozed" };	/* of conversations */
	const char *s = NULL;
	size_t i;

	if (*l->detail == '\0')
		return NULL;
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(numbers[i], l->what) == 0)
			return NULL;
	for (i = 0; i < n; i++)
		if (strcmp(p[i].fb_id, l->detail) == 0)
			return p[i].name;
	s = cat_find(app->cats, r->lang, arena_printf(r->a, "audit.%s_%s", l->what, l->detail));
	if (s == NULL)
		s = cat_find(app->cats, r->lang, l->detail);
	return s != NULL ? s : l->detail;
}

static const struct ib_err *
fill_choices(struct app *app, struct req *r, const struct audit_ask *ask, struct view_audit *v)
{
	const struct ib_err *err;
	struct user_brief *u;
	size_t i, n;

	if ((err = users_of(app->db, r->a, r->session->install_id, PEOPLE_MOST, &u, &n)) != NULL)
		return err;
	v->whats = ARENA_ARRAY(r->a, NWORDS, struct view_choice);
	v->people = ARENA_ARRAY(r->a, n + 1, struct view_choice);
	if (v->whats == NULL || v->people == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "audit");
	for (i = 0; i < NWORDS; i++)
		v->whats[v->n_whats++] = (struct view_choice){ words[i], what_text(app, r, words[i]),
			str_eq(ask->what, words[i]) };
	for (i = 0; i < n; i++)
		v->people[v->n_people++] = (struct view_choice){ arena_printf(r->a, "%lld", (long long)u[i].id),
			u[i].name, ask->user == u[i].id };
	return NULL;
}

/* The same question about older lines. */
static const char *
older_href(struct app *app, struct req *r, const struct audit_ask *ask, const struct view_audit *v, int64_t before)
{
	return req_href(app, r, "/settings/audit?before=%lld&what=%s&who=%lld&from=%s&to=%s", (long long)before,
	    ask->what, (long long)ask->user, v->from, v->to);
}

const struct ib_err *
h_audit(struct app *app, struct req *r)
{
	struct view_audit v = { .frame = view_frame_make(app, r) };
	struct audit_ask ask = { .what = "", .before = INT64_MAX };
	const char *what = req_query(r, "what");
	const struct ib_err *err;
	struct audit_line *l;
	struct page *p;
	struct civil c;
	struct fmt f;
	size_t i, n, np;
	bool more;

	fmt_init(&f, app, r);
	for (i = 0; i < NWORDS; i++)
		if (str_eq(what, words[i]))
			ask.what = words[i];
	(void)str_int_in(req_query(r, "who"), 1, INT64_MAX, &ask.user);
	(void)str_int_in(req_query(r, "before"), 1, INT64_MAX, &ask.before);
	v.from = fmt_date_of(r, "from");
	v.to = fmt_date_of(r, "to");
	ask.from = fmt_day_start(&f, v.from, 0);
	ask.to = fmt_day_start(&f, v.to, INT64_MAX - MS_DAY * 2) + MS_DAY;
	if ((err = audit_list(app->db, r->a, r->session->install_id, &ask, LINES, &l, &n, &more)) != NULL ||
	    (err = pages_of(app->db, r->a, r->session->install_id, &p, &np)) != NULL ||
	    (err = fill_choices(app, r, &ask, &v)) != NULL)
		return err;
	if ((v.lines = ARENA_ARRAY(r->a, n + 1, struct view_audit_line)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "audit");
	for (i = 0; i < n; i++) {
		(void)clock_civil(l[i].at, f.zone, &c);
		v.lines[v.n_lines++] = (struct view_audit_line){ fmt_moment(&f, l[i].at), fmt_iso(&f, &c),
			what_text(app, r, l[i].what), l[i].who, detail_text(app, r, &l[i], p, np) };
	}
	v.none = n == 0;
	if (more)
		v.older = older_href(app, r, &ask, &v, l[n - 1].id);
	v.action = req_href(app, r, "/settings/audit");
	v.back = req_href(app, r, "/settings");
	return resp_page(app, r, 200, TPL_AUDIT, &v);
}
