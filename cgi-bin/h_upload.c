/* SPDX-License-Identifier: MIT */
/*
 * h_upload.c - one piece of a file that somebody is about to send.
 *
 * Form: key (random, of the page), name, size of the whole, at (where the piece
 * belongs), data (the piece).  The answer is JSON: how many bytes are here, and
 * the page goes on from there, whatever it thought; or the sentence that refuses
 * the file.  With `drop` instead of data the file is taken away.  The same
 * piece twice is one piece; what is not sent within a day goes.
 */
#include "attach.h"
#include "handlers.h"
#include "inbox.h"

#include "../lib/base/json.h"
#include "../lib/base/str.h"
#include "../lib/sync/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const struct ib_err *
answer(struct req *r, int status, const char *why, int64_t got)
{
	struct json *o = json_new_object();
	const struct ib_err *err;

	if (o == NULL || !(why != NULL ? json_set_str(o, "error", why) : json_set_int(o, "got", got)))
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "upload");
	else
		err = json_dump(o, false, resp_buf(r));
	json_free(o);
	return err != NULL ? err : resp_text(r, status, "application/json", NULL, 0);
}

/* The piece into the upload's file, at its place. */
static const struct ib_err *
store(const char *path, int64_t at, const char *p, size_t n)
{
	const struct ib_err *err = NULL;
	ssize_t done;
	int fd;

	if (path == NULL || (fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0)
		return ib_fail(IB_ESYS, IB_RETRY_LATER, "upload: %s", strerror(errno));
	for (; n > 0 && err == NULL; p += done, at += done, n -= (size_t)done)
		if ((done = pwrite(fd, p, n, (off_t)at)) <= 0) {
			err = ib_fail(IB_ESYS, IB_RETRY_LATER, "upload: %s", strerror(errno));
			break;
		}
	if (close(fd) != 0 && err == NULL)
		err = ib_fail(IB_ESYS, IB_RETRY_LATER, "upload: %s", strerror(errno));
	return err;
}

/* What the form brought as `data`; *p NULL: nothing. */
static const struct ib_err *
piece(struct req *r, const char **p, size_t *n)
{
	const struct req_file *f;
	ssize_t got;
	char *out;
	int fd;

	*p = NULL;
	*n = 0;
	if (req_files(r, &f) == 0)
		return NULL;
	if (f->size > ATTACH_PIECE)
		return ib_fail(IB_ELIMIT, IB_RETRY_NEVER, "a piece of %lld bytes", (long long)f->size);
	if ((out = arena_alloc(r->a, (size_t)f->size + 1)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "upload");
	if ((fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) < 0)
		return ib_fail(IB_ESYS, IB_RETRY_LATER, "upload: %s", strerror(errno));
	got = pread(fd, out, (size_t)f->size, 0);
	(void)close(fd);
	if (got != (ssize_t)f->size)
		return ib_fail(IB_ESYS, IB_RETRY_LATER, "upload: a piece cannot be read");
	*p = out;
	*n = (size_t)got;
	return NULL;
}

/* What its first piece tells already: nobody shall wait for a refusal. */
static const char *
early(const struct app *app, const struct req *r, const char *p, size_t n, int64_t size)
{
	const struct filetype *t = filetype_of(p, n);

	if (size <= 0 || size > filetype_most(t) || n >= FILETYPE_HEAD || (int64_t)n == size)
		return attach_why(app, r, t, size);
	return NULL;
}

static const struct ib_err *
grow(struct app *app, struct req *r, int64_t thread, const char *key, int64_t size, int64_t at)
{
	const char *name = req_form(r, "name"), *p, *path, *why = NULL;
	const struct ib_err *err;
	struct upload *u;
	size_t n;

	if ((err = piece(r, &p, &n)) != NULL)
		return err;
	if (at == 0 && (why = early(app, r, p != NULL ? p : "", n, size)) == NULL && sync_media_full(app->sync, r->a))
		why = cat_str(app->cats, r->lang, STR_PROBLEM_MEDIA_FULL);
	if (why != NULL)
		return answer(r, 422, why, 0);
	if ((name = file_name_clean(r->a, name, strlen(name))) == NULL)
		name = cat_str(app->cats, r->lang, STR_ATT_FILE);
	if ((err = upload_begin(app->db, r->a, r->session->install_id, thread, r->session->user_id, key, name,
	    size, r->now, &u)) != NULL)
		return err;
	if (u == NULL)
		return answer(r, 422, cat_str(app->cats, r->lang, STR_PROBLEM_UPLOADS_OPEN), 0);
	if (u->size != size || (int64_t)n > size - at)
		return resp_problem(app, r, 400, "problem.bad_request");
	path = attach_path(app, r, u->file);
	if (n > 0 && at == u->got && ((err = store(path, at, p, n)) != NULL ||
	    (err = upload_grew(app->db, u, at + (int64_t)n)) != NULL))
		return err;
	if (u->got == u->size && u->type == 0 && ((err = attach_whole(app, r, u, path, &why)) != NULL || why != NULL))
		return err != NULL ? err : answer(r, 422, why, 0);
	return answer(r, 200, NULL, u->got);
}

static const struct ib_err *
drop(struct app *app, struct req *r, int64_t thread, const char *key)
{
	const struct ib_err *err;
	struct upload *u;

	if ((err = upload_find(app->db, r->a, thread, r->session->user_id, key, &u)) != NULL ||
	    (u != NULL && (err = attach_drop(app, r, u)) != NULL))
		return err;
	return answer(r, 200, NULL, 0);
}

const struct ib_err *
h_upload(struct app *app, struct req *r)
{
	const char *key = req_form(r, "key");
	const struct ib_err *err;
	int64_t thread, size, at;
	struct thread *t;

	if (!r->session->may_read)
		return resp_problem(app, r, 403, "problem.private");
	if (!req_id(r, "thread", &thread))
		return resp_problem(app, r, 404, "problem.not_found");
	if ((err = thread_get(app->db, r->a, r->session->install_id, thread, r->session->user_id, &t)) != NULL)
		return err;
	if (t == NULL)
		return resp_problem(app, r, 404, "problem.not_found");
	if (!key_ok(key))
		return resp_problem(app, r, 400, "problem.bad_request");
	if (req_form(r, "drop") != NULL)
		return drop(app, r, thread, key);
	if (req_form(r, "name") == NULL || req_form(r, "size") == NULL || req_form(r, "at") == NULL ||
	    !str_int_in(req_form(r, "size"), 0, INT64_MAX, &size) || !str_int_in(req_form(r, "at"), 0, size, &at))
		return resp_problem(app, r, 400, "problem.bad_request");
	return grow(app, r, thread, key, size, at);
}
