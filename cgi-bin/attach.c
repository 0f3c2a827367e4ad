/* SPDX-License-Identifier: MIT */
/* attach.c - see attach.h. */
#include "attach.h"
#include "inbox.h"

#include "../lib/base/crypt.h"
#include "../lib/base/str.h"
#include "../lib/sync/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *
say(const struct app *app, const struct req *r, enum str_id id)
{
	return cat_str(app->cats, r->lang, id);
}

const char *
attach_why(const struct app *app, const struct req *r, const struct filetype *t, int64_t size)
{
	if (size <= 0)
		return say(app, r, STR_PROBLEM_FILE_EMPTY);
	if (t->odd)
		return cat_fill(r->a, say(app, r, STR_PROBLEM_FILE_FORMAT), "format", t->name, NULL);
	if (size > filetype_most(t))
		return say(app, r, t->as == FILE_AS_IMAGE ? STR_PROBLEM_PICTURE_LARGE : STR_PROBLEM_FILE_LARGE);
	return NULL;
}

const char *
attach_path(const struct app *app, struct req *r, const char *file)
{
	const char *dir = sync_media_dir(app->sync, r->a);

	return dir == NULL || file == NULL ? NULL : arena_printf(r->a, "%s/%s", dir, file);
}

const struct ib_err *
attach_drop(struct app *app, struct req *r, const struct upload *u)
{
	const char *path = attach_path(app, r, u->file);
	const struct ib_err *err;

	if ((err = upload_drop(app->db, u->id)) != NULL)
		return err;
	/* Left behind, it is an orphan that the daily look takes away. */
	if (path != NULL)
		(void)unlink(path);
	return NULL;
}

static enum fb_att
att_of(const struct filetype *t)
{
	static const enum fb_att kinds[] = { [FILE_AS_FILE] = FB_ATT_FILE, [FILE_AS_IMAGE] = FB_ATT_IMAGE,
		[FILE_AS_VIDEO] = FB_ATT_VIDEO, [FILE_AS_AUDIO] = FB_ATT_AUDIO };

	return kinds[t->as];
}

const struct ib_err *
attach_whole(struct app *app, struct req *r, struct upload *u, const char *path, const char **why)
{
	const struct ib_err *err = NULL;
	const struct filetype *t;
	int fd;

	*why = NULL;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) < 0)
		return ib_fail(IB_ESYS, IB_RETRY_LATER, "upload: %s", strerror(errno));
	if (fsync(fd) != 0 || (t = filetype_of_file(r->a, fd, &u->width, &u->height)) == NULL)
		err = ib_fail(IB_ESYS, IB_RETRY_LATER, "upload: %s", strerror(errno));
	else if ((*why = attach_why(app, r, t, u->size)) == NULL) {
		u->type = att_of(t);
		u->mime = t->mime;
		sync_media_grew(u->size);
		err = upload_whole(app->db, u);
	}
	(void)close(fd);
	return err != NULL || *why == NULL ? err : attach_drop(app, r, u);
}

/* A file of the form becomes an upload. */
static const struct ib_err *
adopt(struct app *app, struct req *r, int64_t thread, const struct req_file *f, const char **key,
    const char **why)
{
	const char *name = f->name != NULL ? f->name : say(app, r, STR_ATT_FILE), *path;
	const struct ib_err *err;
	struct upload *u;
	char *fresh;

	*why = f->size == 0 ? say(app, r, STR_PROBLEM_FILE_EMPTY) :
	    sync_media_full(app->sync, r->a) ? say(app, r, STR_PROBLEM_MEDIA_FULL) : NULL;
	if (*why == NULL) {
		if ((err = crypt_token(r->a, 18, &fresh)) != NULL ||
		    (err = upload_begin(app->db, r->a, r->session->install_id, thread, r->session->user_id, fresh,
		    name, f->size, r->now, &u)) != NULL)
			return err;
		*key = fresh;
		if (u == NULL) {
			*why = say(app, r, STR_PROBLEM_UPLOADS_OPEN);
		} else {
			if ((path = attach_path(app, r, u->file)) == NULL || rename(f->path, path) != 0)
				return ib_fail(IB_ESYS, IB_RETRY_LATER, "upload: %s", strerror(errno));
			if ((err = upload_grew(app->db, u, f->size)) != NULL ||
			    (err = attach_whole(app, r, u, path, why)) != NULL)
				return err;
		}
	}
	if (*why != NULL)
		*why = cat_fill(r->a, say(app, r, STR_PROBLEM_FILE), "name", name, "sentence", *why, NULL);
	return NULL;
}

const struct ib_err *
attach_form(struct app *app, struct req *r, int64_t thread, const char **why)
{
	const struct req_file *files;
	const struct ib_err *err;
	const char **named, *bad, *key = NULL;
	size_t i, n = req_form_all(r, "upload", &named), n_files = req_files(r, &files);

	*why = NULL;
	for (i = 0; i < n; i++)
		if (!key_ok(named[i]))
			return ib_fail(IB_EPARSE, IB_RETRY_NEVER, "an upload that no page names so");
	if (n > REPLY_FILES_MAX)
		*why = say(app, r, STR_PROBLEM_FILES_MANY);
	for (i = 0; i < n_files; i++) {
		bad = say(app, r, STR_PROBLEM_FILES_MANY);
		if (n < REPLY_FILES_MAX) {
			if ((err = adopt(app, r, thread, &files[i], &key, &bad)) != NULL)
				return err;
			if (bad == NULL && !req_form_add(r, "upload", key))
				return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "upload");
			n += bad == NULL;
		}
		if (*why == NULL)
			*why = bad;
	}
	return NULL;
}
