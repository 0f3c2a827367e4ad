/* SPDX-License-Identifier: MIT */
/*
 * h_leave.c - taking away, from inside: the whole connection, one Page, one
 * customer's data.  Each has a page that says what will happen, a button, and a
 * receipt under a random address, which needs no signing in and has no names.
 *
 * The button commits the intention (store/leaving.h); the work is done after
 * the answer and by the runs.
 */
#include "auth.h"
#include "format.h"
#include "frame.h"
#include "handlers.h"

#include "../lib/base/log.h"
#include "../lib/base/str.h"
#include "../lib/store/install.h"
#include "../lib/store/leaving.h"
#include "../lib/store/page.h"
#include "../lib/store/thread.h"

#include <string.h>

#define FOUND_MOST	30
#define LINES_MOST	12

static const char *
say(const struct app *app, const struct req *r, enum str_id id)
{
	return cat_str(app->cats, r->lang, id);
}

struct lines { struct view_line *l; size_t *n; };

static void
add(struct lines *to, const char *text)
{
	if (*to->n < LINES_MOST && text != NULL)
		to->l[(*to->n)++].text = text;
}

static const struct ib_err *
new_lines(struct req *r, struct view_line **l, size_t *n, struct lines *out)
{
	if ((*l = ARENA_ARRAY(r->a, LINES_MOST, struct view_line)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "leave");
	*n = 0;
	*out = (struct lines){ *l, n };
	return NULL;
}

/* Before ------------------------------------------------------------------------- */

static const struct ib_err *
leave_page(struct app *app, struct req *r, struct view_leave *v, const enum str_id *what, size_t n)
{
	const struct ib_err *err;
	struct lines lines;
	struct fmt f;
	size_t i;

	fmt_init(&f, app, r);
	v->frame = view_frame_make(app, r);
	v->keep_until = fmt_moment(&f, r->now + LEAVE_KEEP_DAYS * MS_DAY);
	if ((err = new_lines(r, &v->lines, &v->n_lines, &lines)) != NULL)
		return err;
	for (i = 0; i < n; i++)
		add(&lines, say(app, r, what[i]));
	return resp_page(app, r, 200, TPL_LEAVE, v);
}

/* "0" or "30"; -1 else. */
static int64_t
keep_days(const struct req *r)
{
	const char *keep = req_form(r, "keep");

	return str_eq(keep, "0") ? 0 : str_eq(keep, "30") ? LEAVE_KEEP_DAYS : -1;
}

static const struct ib_err *
begin(struct app *app, struct req *r, struct leave_order *o, const char **code)
{
	const struct ib_err *err;

	o->cause = LEAVE_HERE;
	o->install_id = r->session->install_id;
	o->by = r->session->user_id;
	if ((err = db_begin(app->db)) != NULL)
		return err;
	if ((err = leaving_begin(app->db, app->keys, r->a, o, r->now, code)) == NULL)
		err = db_commit(app->db);
	db_rollback(app->db);
	if (err == NULL)
		resp_then_work(r);
	return err;
}

const struct ib_err *
h_leave(struct app *app, struct req *r)
{
	static const enum str_id what[] = { STR_LEAVE_PAGES, STR_LEAVE_REPLIES, STR_LEAVE_PEOPLE, STR_LEAVE_ERASE,
		STR_LEAVE_STAYS };
	struct leave_order o = { .kind = LEAVE_INSTALL };
	const struct ib_err *err;
	const char *code;

	if (r->method != M_POST) {
		struct view_leave v = { .all = true, .name = r->session->company_name, .choice = true };

		v.action = req_href(app, r, "/settings/remove");
		if (r->session->may_read)
			v.export = req_href(app, r, "/settings/export");
		v.cancel = req_href(app, r, "/settings");
		return leave_page(app, r, &v, what, sizeof(what) / sizeof(what[0]));
	}
	if ((o.keep_days = keep_days(r)) < 0)
		return resp_problem(app, r, 400, "problem.bad_request");
	if ((err = begin(app, r, &o, &code)) != NULL)
		return err;
	resp_cookie(app, r, "session", "", 0);
	return resp_see_other(app, r, "/receipt/%s", code);
}

const struct ib_err *
h_leave_page(struct app *app, struct req *r)
{
	static const enum str_id what[] = { STR_LEAVE_PAGE, STR_LEAVE_REPLIES, STR_LEAVE_ERASE_PAGE, STR_LEAVE_STAYS };
	struct leave_order o = { .kind = LEAVE_PAGE };
	const struct ib_err *err;
	const char *code;
	struct page *p;
	int64_t id;

	if (!req_id(r, "page", &id))
		return resp_problem(app, r, 404, "problem.not_found");
	if ((err = page_get(app->db, r->a, id, &p)) != NULL)
		return err;
	if (p == NULL || p->install_id != r->session->install_id || p->state == PAGE_REMOVED)
		return resp_problem_way(app, r, 404, "problem.not_found", req_href(app, r, "/settings"), "way.settings");
	if (r->method != M_POST) {
		struct view_leave v = { .page = true, .name = p->name, .choice = true };

		v.action = req_href(app, r, "/settings/page/%lld", (long long)id);
		v.cancel = req_href(app, r, "/settings");
		return leave_page(app, r, &v, what, sizeof(what) / sizeof(what[0]));
	}
	if ((o.keep_days = keep_days(r)) < 0)
		return resp_problem(app, r, 400, "problem.bad_request");
	o.subject = id;
	if ((err = begin(app, r, &o, &code)) != NULL)
		return err;
	return resp_see_other(app, r, "/receipt/%s?notice=page_left", code);
}

/* One customer --------------------------------------------------------------------- */

static const struct ib_err *
list_found(struct app *app, struct req *r, const char *q, struct view_customers *v)
{
	const struct ib_err *err;
	struct thread *t;
	struct page *p;
	struct fmt f;
	size_t i, k, n, np;

	fmt_init(&f, app, r);
	if ((err = pages_of(app->db, r->a, r->session->install_id, &p, &np)) != NULL ||
	    (err = thread_by_name(app->db, r->a, r->session->install_id, q, FOUND_MOST, &t, &n, &v->more)) != NULL)
		return err;
	if ((v->found = ARENA_ARRAY(r->a, n + 1, struct view_found)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "customers");
	for (i = 0; i < n; i++) {
		struct view_found *c = &v->found[i];

		c->dom_id = arena_printf(r->a, "c-%lld", (long long)t[i].id);
		c->name = fmt_customer(&f, t[i].name, t[i].psid);
		for (k = 0; k < np && p[k].id != t[i].page_id; k++)
			continue;
		c->page = k < np ? p[k].name : NULL;
		c->last = fmt_since(&f, t[i].last_at);
		c->href = req_href(app, r, "/settings/customers/%lld", (long long)t[i].id);
	}
	v->n_found = n;
	v->none = n == 0;
	return NULL;
}

const struct ib_err *
h_customers(struct app *app, struct req *r)
{
	struct view_customers v = { .frame = view_frame_make(app, r), .q = req_query(r, "q") };
	const struct ib_err *err;

	if (!r->session->may_read)
		return resp_problem(app, r, 403, "problem.private");
	v.action = req_href(app, r, "/settings/customers");
	v.back = req_href(app, r, "/settings");
	v.asked = !str_blank(v.q) && strlen(v.q) <= 200;
	if (v.asked && (err = list_found(app, r, v.q, &v)) != NULL)
		return err;
	return resp_page(app, r, 200, TPL_CUSTOMERS, &v);
}

const struct ib_err *
h_customer(struct app *app, struct req *r)
{
	static const enum str_id what[] = { STR_LEAVE_CUSTOMER, STR_LEAVE_CUSTOMER_RAW, STR_LEAVE_CUSTOMER_FACEBOOK,
		STR_LEAVE_CUSTOMER_PAGES };
	struct leave_order o = { .kind = LEAVE_CUSTOMER };
	const struct ib_err *err;
	const char *code;
	struct thread *t;
	struct fmt f;

	if ((err = thread_of_path(app, r, "/settings/customers", "way.settings", &t)) != NULL || t == NULL)
		return err;
	if (r->method != M_POST) {
		struct view_leave v = { .customer = true };

		fmt_init(&f, app, r);
		v.name = fmt_customer(&f, t->name, t->psid);
		v.action = req_href(app, r, "/settings/customers/%lld", (long long)t->id);
		v.cancel = req_href(app, r, "/settings/customers");
		return leave_page(app, r, &v, what, sizeof(what) / sizeof(what[0]));
	}
	o.subject = t->id;
	if ((err = begin(app, r, &o, &code)) != NULL)
		return err;
	return resp_see_other(app, r, "/receipt/%s?notice=erasing", code);
}

/* The receipt ------------------------------------------------------------------------ */

static void
count(struct app *app, struct req *r, struct lines *to, enum str_id id, int64_t n)
{
	struct fmt f;

	fmt_init(&f, app, r);
	if (n > 0)
		add(to, cat_fill(r->a, say(app, r, id), "n", fmt_number(&f, n), NULL));
}

static void
fill_lines(struct app *app, struct req *r, const struct leaving *l, struct lines *to)
{
	if (l->kind == LEAVE_LOGIN) {
		add(to, say(app, r, l->n.pages > 0 ? STR_RECEIPT_LOGIN : STR_RECEIPT_LOGIN_NONE));
		add(to, say(app, r, STR_RECEIPT_CUSTOMERS));
		return;
	}
	count(app, r, to, STR_RECEIPT_PAGES, l->n.pages);
	count(app, r, to, STR_RECEIPT_PEOPLE, l->n.people);
	count(app, r, to, STR_RECEIPT_SESSIONS, l->n.sessions);
	count(app, r, to, STR_RECEIPT_REPLIES, l->n.replies);
	count(app, r, to, STR_RECEIPT_TOLD, l->told);
	count(app, r, to, STR_RECEIPT_UNTOLD, l->untold);
	count(app, r, to, STR_RECEIPT_GAVE_UP, l->gave_up);
	count(app, r, to, STR_RECEIPT_THREADS, l->n.threads);
	count(app, r, to, STR_RECEIPT_MESSAGES, l->n.messages);
	count(app, r, to, STR_RECEIPT_FILES, l->n.files);
	if (l->step == STEP_DONE || l->step == STEP_WAITING)
		add(to, say(app, r, STR_RECEIPT_BACKUPS));
}

const struct ib_err *
h_receipt(struct app *app, struct req *r)
{
	struct view_receipt v = { .frame = view_frame_make(app, r), .code = req_segment(r, "code") };
	const struct ib_err *err;
	struct leaving *l;
	struct lines lines;
	struct civil c;
	struct fmt f;

	if (v.code == NULL || strlen(v.code) != 32)
		return resp_problem(app, r, 404, "problem.not_found");
	if ((err = leaving_by_code(app->db, r->a, v.code, &l)) != NULL)
		return err;
	/* Facebook's address is for what Facebook asked. */
	if (l == NULL || (str_starts(r->route->pattern, "/facebook/") && l->kind != LEAVE_LOGIN))
		return resp_problem(app, r, 404, "problem.not_found");
	if ((err = new_lines(r, &v.lines, &v.n_lines, &lines)) != NULL)
		return err;
	fmt_init(&f, app, r);
	(void)clock_civil(l->started_at, f.zone, &c);
	v.started = fmt_moment(&f, l->started_at);
	v.started_iso = fmt_iso(&f, &c);
	v.all = l->kind == LEAVE_INSTALL;
	v.page = l->kind == LEAVE_PAGE;
	v.customer = l->kind == LEAVE_CUSTOMER;
	v.login = l->kind == LEAVE_LOGIN;
	v.keeping = l->step == STEP_KEEPING && l->keep_days > 0;
	v.erasing = l->step == STEP_ERASING || (l->step == STEP_KEEPING && l->keep_days == 0);
	v.waiting = l->step == STEP_WAITING;
	v.done = l->step == STEP_DONE;
	v.returned = l->step == STEP_RETURNED;
	v.keep_until = fmt_moment(&f, l->erase_at);
	v.ended = l->ended_at > 0 ? fmt_moment(&f, l->ended_at) : NULL;
	v.start = req_href(app, r, "/");
	fill_lines(app, r, l, &lines);
	/* It goes on while somebody looks. */
	if (v.erasing || v.waiting)
		resp_then_work(r);
	return resp_page(app, r, 200, TPL_RECEIPT, &v);
}
