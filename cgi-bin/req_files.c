/* SPDX-License-Identifier: MIT */
/*
 * req_files.c - a form that brings files: its fields into the arena, its files
 * to media_dir as they come in, so that no file is ever in memory.
 *
 * The files lie there under names that begin with a dot: nothing serves those,
 * and what a dead process left is swept up (sync_media_sweep).  Whoever asks
 * was known before the first byte was read.
 */
#include "multipart.h"
#include "req_private.h"

#include "../lib/base/filetype.h"
#include "../lib/base/log.h"
#include "../lib/base/str.h"
#include "../lib/sync/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Of one body. */
struct reading {
	struct req	*r;
	struct ib_buf	 value;		/* of the field being read */
	const char	*field;		/* its name; NULL: a file */
	size_t		 fields;	/* bytes of all of them */
	int		 fd;		/* of the file being read */
	bool		 named;		/* its name was told */
	int		 status;	/* that refuses */
};

bool
req_brings_files(const struct req *r)
{
	return r->method == M_POST && (r->route->need & TAKES_FILES) != 0 && multipart_is(r->pv->content_type);
}

static bool
stop(struct reading *g, int status, const char *why)
{
	g->status = status;
	g->r->pv->refusal = why;
	return false;
}

static bool
part_begin(void *arg, const char *name, const char *filename)
{
	struct reading *g = arg;
	struct req *r = g->r;
	struct req_private *pv = r->pv;
	struct req_file *f;
	const char *dir;

	buf_clear(&g->value);
	g->field = NULL;
	if (filename == NULL) {
		g->field = arena_dup(r->a, name);
		return g->field != NULL || stop(g, 503, NULL);
	}
	if (pv->nfiles == FILES_MAX)
		return stop(g, 413, "problem.files_many");
	dir = sync_media_dir(pv->app->sync, r->a);
	f = &pv->files[pv->nfiles];
	*f = (struct req_file){ .field = arena_dup(r->a, name),
		.name = file_name_clean(r->a, filename, strlen(filename)),
		.path = arena_printf(r->a, "%s/.u%s-%zu.%ld", dir != NULL ? dir : "", r->id, pv->nfiles, (long)getpid()) };
	g->named = *filename != '\0';
	if (dir == NULL || f->field == NULL || f->path == NULL)
		return stop(g, 503, NULL);
	if ((g->fd = open(f->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0) {
		log_event(LOG_ERROR_, "upload", "errno", log_i(errno), NULL);
		return stop(g, 503, "problem.storage");
	}
	pv->nfiles++;
	return true;
}

static bool
part_data(void *arg, const char *p, size_t n)
{
	struct reading *g = arg;
	struct req_private *pv = g->r->pv;
	ssize_t done;

	if (g->field != NULL) {
		if ((g->fields += n) > g->r->route->body_max)
			return stop(g, 413, NULL);
		buf_append(&g->value, p, n);
		return !g->value.failed || stop(g, 503, NULL);
	}
	pv->files[pv->nfiles - 1].size += (int64_t)n;
	for (; n > 0; p += done, n -= (size_t)done) {
		done = write(g->fd, p, n);
		if (done < 0 && errno == EINTR)
			done = 0;
		if (done < 0) {
			log_event(LOG_ERROR_, "upload", "errno", log_i(errno), NULL);
			return stop(g, 503, "problem.storage");
		}
	}
	return true;
}

static int
field_status(enum form_result res)
{
	return res == FORM_BAD ? 400 : res == FORM_MANY ? 413 : 503;
}

static bool
part_end(void *arg)
{
	struct reading *g = arg;
	struct req *r = g->r;
	struct req_private *pv = r->pv;
	enum form_result res;

	if (g->field != NULL) {
		res = form_put(r->a, &pv->form, g->field, buf_cstr(&g->value), g->value.len, r->route->repeatable);
		return res == FORM_OK || stop(g, field_status(res), NULL);
	}
	(void)close(g->fd);
	g->fd = -1;
	/* What browsers send when nothing was chosen. */
	if (!g->named && pv->files[pv->nfiles - 1].size == 0)
		(void)unlink(pv->files[--pv->nfiles].path);
	return true;
}

/* What came is less than what was announced: the browser's doing, or the host's. */
static int
cut(struct req *r)
{
	r->pv->refusal = "problem.upload_cut";
	return 413;
}

int
req_read_files(struct req *r)
{
	struct req_private *pv = r->pv;
	struct reading g = { .r = r, .fd = -1 };
	const struct multipart_calls calls = { &g, part_begin, part_data, part_end };
	struct ib_buf *in = &pv->w->in;
	int64_t length = -1, left;
	struct multipart m;
	ssize_t got;
	size_t want;
	char *p;

	if (pv->content_length != NULL && pv->content_length[0] != '\0' &&
	    !str_int_in(pv->content_length, 0, INT64_MAX, &length))
		return 400;
	if (length > (int64_t)FILES_BODY_MAX) {
		pv->refusal = "problem.files_large";
		return 413;
	}
	left = length >= 0 ? length : (int64_t)FILES_BODY_MAX + 1;
	if (!multipart_init(&m, pv->content_type, &calls))
		return 400;
	buf_init(&g.value, r->route->body_max + 1);
	if ((p = buf_reserve(in, BODY_STEP)) == NULL)
		g.status = 503;
	while (g.status == 0 && left > 0) {
		want = left < (int64_t)BODY_STEP ? (size_t)left : BODY_STEP;
		if ((got = pv->io->read(pv->io, p, want)) < 0)
			g.status = cut(r);
		if (got <= 0)
			break;
		left -= got;
		if (!multipart_feed(&m, p, (size_t)got) && g.status == 0)
			g.status = 400;
	}
	if (g.status == 0 && length < 0 && left == 0) {
		pv->refusal = "problem.files_large";
		g.status = 413;
	}
	if (g.status == 0 && ((length >= 0 && left > 0) || !multipart_whole(&m)))
		g.status = cut(r);
	/* So that whoever sent it reads why it was refused. */
	if (left > (int64_t)DRAIN_MAX)
		left = (int64_t)DRAIN_MAX;
	while (g.status != 0 && p != NULL && left > 0) {
		want = left < (int64_t)BODY_STEP ? (size_t)left : BODY_STEP;
		if ((got = pv->io->read(pv->io, p, want)) <= 0)
			break;
		left -= got;
	}
	pv->drained = true;
	if (g.fd >= 0)
		(void)close(g.fd);
	buf_fini(&g.value);
	return g.status;
}

size_t
req_files(const struct req *r, const struct req_file **out)
{
	*out = r->pv->files;
	return r->pv->nfiles;
}

void
req_drop_files(struct req *r)
{
	size_t i;

	for (i = 0; i < r->pv->nfiles; i++)
		if (unlink(r->pv->files[i].path) != 0 && errno != ENOENT)
			log_event(LOG_WARN_, "file_not_removed", "errno", log_i(errno), NULL);
}
