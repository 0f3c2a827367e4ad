/* SPDX-License-Identifier: MIT */
/*
 * h_shelf.c - events that could not be processed, for admins of the company
 * whose Page they concern: a list, and each as a download whose texts are
 * blanked, to show to whoever mends the program.  Nothing here changes them;
 * a new version tries them again by itself.
 */
#include "format.h"
#include "frame.h"
#include "handlers.h"

#include "../lib/base/str.h"
#include "../lib/store/shelf.h"

#define SHELF_SHOWN	100

static const char *
reason(const struct app *app, const struct req *r, const char *why)
{
	return cat_str(app->cats, r->lang, str_eq(why, "unknown") ? STR_SHELF_UNKNOWN : STR_SHELF_REFUSED);
}

const struct ib_err *
h_shelf(struct app *app, struct req *r)
{
	const struct ib_err *err;
	struct view_shelf v = { 0 };
	struct shelf_row *rows;
	struct civil c;
	struct fmt fmt;
	size_t i, n;

	if (!r->session->may_read)
		return resp_problem(app, r, 403, "problem.private");
	if ((err = shelf_count(app->db, r->session->install_id, &v.total)) != NULL ||
	    (err = shelf_list(app->db, r->a, r->session->install_id, SHELF_SHOWN, &rows, &n)) != NULL)
		return err;
	fmt_init(&fmt, app, r);
	if ((v.events = ARENA_ARRAY(r->a, n + 1, struct view_shelf_event)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "shelf");
	for (i = 0; i < n; i++) {
		struct view_shelf_event *e = &v.events[i];

		(void)clock_civil(rows[i].received_at, fmt.zone, &c);
		e->dom_id = arena_printf(r->a, "e-%lld", (long long)rows[i].id);
		e->at = fmt_moment(&fmt, rows[i].received_at);
		e->iso = fmt_iso(&fmt, &c);
		e->page = rows[i].page;
		e->why = reason(app, r, rows[i].why);
		e->size = fmt_size(&fmt, rows[i].size);
		e->tries = rows[i].tries;
		e->tried = rows[i].tries > 0;
		e->program = rows[i].program;
		e->download = req_href(app, r, "/shelf/%lld", (long long)rows[i].id);
	}
	v.n_events = n;
	v.empty = n == 0;
	v.more = v.total > (int64_t)n;
	v.inbox = req_href(app, r, "/inbox");
	v.frame = view_frame_make(app, r);
	return resp_page(app, r, 200, TPL_SHELF, &v);
}

const struct ib_err *
h_shelf_event(struct app *app, struct req *r)
{
	const struct ib_err *err;
	struct shelf_row *row;
	char iso[25];
	int64_t id;

	if (!r->session->may_read)
		return resp_problem(app, r, 403, "problem.private");
	if (!req_id(r, "event", &id))
		return resp_problem(app, r, 404, "problem.not_found");
	if ((err = shelf_get(app->db, r->a, r->session->install_id, id, &row)) != NULL)
		return err;
	if (row == NULL)
		return resp_problem_way(app, r, 404, "problem.not_found", req_href(app, r, "/shelf"), "way.shelf");
	clock_iso(row->received_at, iso);
	if ((err = shelf_export(r->a, row, iso, resp_buf(r))) != NULL)
		return err;
	resp_header(r, "Content-Disposition", arena_printf(r->a, "attachment; filename=\"event-%lld.json\"",
	    (long long)id));
	return resp_text(r, 200, "application/json", NULL, 0);
}
