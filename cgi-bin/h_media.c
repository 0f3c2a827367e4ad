/* SPDX-License-Identifier: MIT */
/*
 * h_media.c - files of messages and pictures of customers, from media_dir.
 *
 * Whoever may read the conversation may see its files; nobody else learns
 * whether they exist.  The type was decided by the file's own bytes when it
 * was fetched: pictures, audio and video are shown, everything else is a
 * download of type application/octet-stream.  Nothing is ever active content.
 */
#include "handlers.h"
#include "inbox.h"

#include "../lib/base/filetype.h"
#include "../lib/base/str.h"
#include "../lib/store/install.h"
#include "../lib/sync/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct ib_err *
send_file(struct app *app, struct req *r, const char *name, const char *mime, const char *as)
{
	const char *path = arena_printf(r->a, "%s/%s", sync_media_dir(app->sync, r->a), name);
	const char *shown = filetype_shown(mime);
	struct stat sb;
	int fd;

	/* Names are made by us, of letters, digits and '-'. */
	if (path == NULL || strpbrk(name, "/.") != NULL ||
	    (fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) < 0)
		return resp_problem(app, r, 404, "problem.not_found");
	if (fstat(fd, &sb) != 0 || !S_ISREG(sb.st_mode)) {
		close(fd);
		return resp_problem(app, r, 404, "problem.not_found");
	}
	resp_header(r, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox");
	resp_header(r, "Cross-Origin-Resource-Policy", "same-origin");
	if (shown != NULL)
		return resp_file(r, fd, sb.st_size, shown, NULL, 86400);
	return resp_file(r, fd, sb.st_size, "application/octet-stream",
	    as != NULL ? as : "file", 86400);
}

/* The attachment that the path names; *t NULL: the refusal was answered. */
static const struct ib_err *
attachment_of_path(struct app *app, struct req *r, struct attachment **t)
{
	const struct ib_err *err;
	int64_t thread, message, n = 0;

	*t = NULL;
	if (!r->session->may_read)
		return resp_problem(app, r, 403, "problem.private");
	if (!req_id(r, "thread", &thread) || !req_id(r, "message", &message) ||
	    !(str_eq(req_segment(r, "n"), "0") || req_id(r, "n", &n)) || n > FB_ATT_PER_MESSAGE)
		return resp_problem(app, r, 404, "problem.not_found");
	if ((err = attachment_get(app->db, r->a, r->session->install_id, thread, message, n, t)) != NULL || *t != NULL)
		return err;
	return resp_problem(app, r, 404, "problem.not_found");
}

const struct ib_err *
h_media(struct app *app, struct req *r)
{
	const struct ib_err *err;
	struct attachment *t;

	if ((err = attachment_of_path(app, r, &t)) != NULL || t == NULL)
		return err;
	if (!attachment_here(t))
		return resp_problem(app, r, 404, "problem.not_found");
	return send_file(app, r, t->file, t->mime, t->name);
}

/* A file that is not here, or was not to be had: fetched now, from where it lies at Facebook now. */
const struct ib_err *
h_media_want(struct app *app, struct req *r)
{
	const struct ib_err *err;
	struct attachment *t;
	bool wanted;

	if ((err = attachment_of_path(app, r, &t)) != NULL || t == NULL)
		return err;
	if ((err = db_begin(app->db)) != NULL)
		return err;
	if ((err = attachment_want(app->db, t, r->now, &wanted)) == NULL && wanted &&
	    (err = install_touch(app->db, r->session->install_id)) == NULL)
		err = db_commit(app->db);
	db_rollback(app->db);
	if (err != NULL)
		return err;
	/* Not so any more: somebody was faster, the page shows the truth. */
	resp_then_work(r);
	return resp_see_other(app, r, "%s/inbox/%lld#m-%lld", r->session->root, (long long)t->thread_id,
	    (long long)t->msg_id);
}

const struct ib_err *
h_avatar(struct app *app, struct req *r)
{
	const struct ib_err *err;
	struct thread *t;
	int64_t thread;
	char *space;

	if (!r->session->may_read)
		return resp_problem(app, r, 403, "problem.private");
	if (!req_id(r, "thread", &thread))
		return resp_problem(app, r, 404, "problem.not_found");
	if ((err = thread_get(app->db, r->a, r->session->install_id, thread,
	    r->session->user_id, &t)) != NULL)
		return err;
	/* "file mime", as fetch.c wrote it. */
	if (t == NULL || t->picture == NULL || (space = strchr(t->picture, ' ')) == NULL)
		return resp_problem(app, r, 404, "problem.not_found");
	return send_file(app, r, arena_dupn(r->a, t->picture, (size_t)(space - t->picture)),
	    space + 1, NULL);
}
