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

#include "../lib/base/str.h"
#include "../lib/sync/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const shown[] = { "image/jpeg", "image/png", "image/gif", "image/webp",
	"video/mp4", "audio/mp4", "audio/mpeg", "audio/ogg", "audio/wav" };

static const struct ib_err *
send_file(struct app *app, struct req *r, const char *name, const char *mime, const char *as)
{
	const char *path = arena_printf(r->a, "%s/%s", sync_media_dir(app->sync, r->a), name);
	struct stat sb;
	size_t i;
	int fd;

	for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		if (str_eq(mime, shown[i]))
			break;
	/* Names are made by us, of letters, digits and '-'. */
	if (path == NULL || strpbrk(name, "/.") != NULL ||
	    (fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) < 0)
		return resp_problem(app, r, 404, "problem.not_found");
	if (fstat(fd, &sb) != 0 || !S_ISREG(sb.st_mode)) {
		close(fd);
		return resp_problem(app, r, 404, "problem.not_found");
	}
	resp_header(r, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox");
	if (i < sizeof(shown) / sizeof(shown[0]))
		return resp_file(r, fd, sb.st_size, shown[i], NULL, 86400);
	return resp_file(r, fd, sb.st_size, "application/octet-stream",
	    as != NULL ? as : "file", 86400);
}

const struct ib_err *
h_media(struct app *app, struct req *r)
{
	const struct ib_err *err;
	struct attachment *t;
	int64_t thread, message, n = 0;

	if (!r->session->may_read)
		return resp_problem(app, r, 403, "problem.private");
	if (!req_id(r, "thread", &thread) || !req_id(r, "message", &message) ||
	    !(str_eq(req_segment(r, "n"), "0") || req_id(r, "n", &n)) || n > FB_ATT_PER_MESSAGE)
		return resp_problem(app, r, 404, "problem.not_found");
	if ((err = attachment_get(app->db, r->a, r->session->install_id, thread, message, n, &t)) != NULL)
		return err;
	if (t == NULL || !attachment_here(t))
		return resp_problem(app, r, 404, "problem.not_found");
	return send_file(app, r, t->file, t->mime, t->name);
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
