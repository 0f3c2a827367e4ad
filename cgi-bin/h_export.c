/* SPDX-License-Identifier: MIT */
/*
 * h_export.c - a copy of everything (store/export.h): asked for here, built by
 * the runs and after answers, fetched from here for a week by the installer and
 * admins who may read.
 */
#include "format.h"
#include "frame.h"
#include "handlers.h"

#include "../lib/store/export.h"
#include "../lib/store/install.h"
#include "../lib/sync/sync.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHOWN	20

static const struct ib_err *
export_page(struct app *app, struct req *r)
{
	struct view_exports v = { .frame = view_frame_make(app, r) };
	const struct ib_err *err;
	struct export *x;
	struct fmt f;
	size_t i, n;

	fmt_init(&f, app, r);
	if ((err = export_list(app->db, r->a, r->session->install_id, SHOWN, &x, &n)) != NULL)
		return err;
	if ((v.exports = ARENA_ARRAY(r->a, n + 1, struct view_export)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "exports");
	for (i = 0; i < n; i++) {
		struct view_export *e = &v.exports[i];

		e->at = fmt_moment(&f, x[i].started_at);
		e->ready = x[i].ready;
		v.building |= !x[i].ready;
		e->figures = cat_fill(r->a, cat_str(app->cats, r->lang, STR_EXPORT_FIGURES), "threads",
		    fmt_number(&f, x[i].threads), "n", fmt_number(&f, x[i].messages), "files",
		    fmt_number(&f, x[i].files), NULL);
		e->size = fmt_size(&f, x[i].size);
		e->until = fmt_moment(&f, x[i].started_at + EXPORT_KEEP_DAYS * MS_DAY);
		if (x[i].ready)
			e->href = req_href(app, r, "/settings/export/%lld", (long long)x[i].id);
	}
	v.n_exports = n;
	v.none = n == 0;
	v.action = req_href(app, r, "/settings/export");
	v.back = req_href(app, r, "/settings");
	/* It goes on while somebody looks. */
	if (v.building)
		resp_then_work(r);
	return resp_page(app, r, 200, TPL_EXPORT, &v);
}

const struct ib_err *
h_export(struct app *app, struct req *r)
{
	const struct session *s = r->session;
	const struct ib_err *err;
	bool fresh;

	if (!s->may_read)
		return resp_problem(app, r, 403, "problem.private");
	if (r->method != M_POST)
		return export_page(app, r);
	if ((err = db_begin(app->db)) != NULL)
		return err;
	if ((err = export_start(app->db, r->a, s->install_id, s->user_id, r->now, &fresh)) == NULL &&
	    (!fresh || (err = audit_put(app->db, s->install_id, s->user_id, r->now, "exported", "")) == NULL))
		err = db_commit(app->db);
	db_rollback(app->db);
	if (err != NULL)
		return err;
	resp_then_work(r);
	return resp_see_other(app, r, "/settings/export");
}

const struct ib_err *
h_export_file(struct app *app, struct req *r)
{
	const struct ib_err *err;
	struct export *x = NULL;
	const char *dir;
	struct stat sb;
	int64_t id;
	int fd;

	if (!r->session->may_read)
		return resp_problem(app, r, 403, "problem.private");
	if (req_id(r, "export", &id) &&
	    (err = export_get(app->db, r->a, r->session->install_id, id, &x)) != NULL)
		return err;
	if (x == NULL || !x->ready || (dir = sync_export_dir(app->sync, r->a)) == NULL ||
	    (fd = open(arena_printf(r->a, "%s/%s.tar", dir, x->file), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) < 0)
		return resp_problem_way(app, r, 404, "problem.not_found", req_href(app, r, "/settings/export"),
		    "way.settings");
	if (fstat(fd, &sb) != 0) {
		close(fd);
		return ib_fail(IB_ESYS, IB_RETRY_LATER, "export");
	}
	return resp_file(r, fd, sb.st_size, "application/x-tar", "messenger-inbox.tar", 0);
}
