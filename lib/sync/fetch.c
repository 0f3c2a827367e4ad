/* SPDX-License-Identifier: MIT */
/*
 * fetch.c - names and pictures of customers, and the files of messages.
 *
 * Each piece of work is claimed by moving its due time before the call, so
 * that two workers do not fetch the same; a worker that dies leaves it due
 * again.  None of this may hold up or lose a message: a failure only means a
 * neutral label or a card that says the file is not there.
 *
 * Files go to media_dir under names made of our own ids; what a file is, is
 * decided by its first bytes, never by its name.
 */
#include "sync.h"

#include "../base/clock.h"
#include "../base/filetype.h"
#include "../base/log.h"
#include "../base/str.h"
#include "../store/install.h"
#include "../store/message.h"
#include "../store/page.h"
#include "../store/thread.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_MAX	(INT64_C(26) << 20)	/* messenger.md 5.3: 25 MB and a little */
#define PICTURE_MAX	(INT64_C(2) << 20)
#define AGAIN_MS	(2 * MS_MINUTE)
#define TRIES		6

const char *
sync_media_path(const struct conf *conf, struct arena *a)
{
	const char *dir = conf_str(conf, CONF_MEDIA_DIR), *db = conf_str(conf, CONF_DATABASE);
	const char *slash = strrchr(db, '/');

	return *dir != '\0' ? dir : arena_printf(a, "%.*s/media", slash == NULL ? 1 : (int)(slash - db), slash == NULL ? "." : db);
}

const char *
sync_media_dir(const struct sync *s, struct arena *a)
{
	const char *dir = sync_media_path(s->conf, a);

	if (dir != NULL && mkdir(dir, 0700) != 0 && errno != EEXIST)
		log_event(LOG_ERROR_, "media_dir", "errno", log_i(errno), NULL);
	return dir;
}

#define PIECE_KEEP_S	3600

void
sync_media_sweep(struct sync *s)
{
	const char *dir, *path;
	struct dirent *e;
	struct stat sb;
	DIR *d;

	arena_reset(&s->arena);
	if ((dir = sync_media_dir(s, &s->arena)) == NULL || (d = opendir(dir)) == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		/* ".a5-7-0.1234", as fetch_file names them, ".uID-0.1234", as forms bring them; by the disk's clock, not ours. */
		if (e->d_name[0] != '.' || strchr("apu", e->d_name[1]) == NULL || e->d_name[1] == '\0' ||
		    fstatat(dirfd(d), e->d_name, &sb, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(sb.st_mode) ||
		    time(NULL) - sb.st_mtime < PIECE_KEEP_S)
			continue;
		path = arena_printf(&s->arena, "%s/%s", dir, e->d_name);
		if (path != NULL)
			(void)unlink(path);
	}
	closedir(d);
}

/* The database will say that the file is there: its name must be on disk before. */
static bool
sync_folder(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return good;
}

/* What was fetched: its type by its bytes.  gone: expired or removed there. */
struct got {
	const char	*mime;
	int64_t		 size, width, height;
	bool		 gone;
};

/* Fetch `url` into media_dir/name by way of a temporary file. */
static const struct ib_err *
fetch_file(struct sync *s, struct arena *a, const char *url, const char *name, int64_t max, struct got *got)
{
	const struct ib_err *err;
	struct graph_res res = { 0 };
	struct graph *g;
	const char *dir = sync_media_dir(s, a), *told, *tmp, *path;
	const struct filetype *type;
	int fd;

	*got = (struct got){ 0 };
	if ((err = sync_graph(s, &g)) != NULL)
		return err;
	tmp = arena_printf(a, "%s/.%s.%ld", dir, name, (long)getpid());
	path = arena_printf(a, "%s/%s", dir, name);
	if (tmp == NULL || path == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "fetch_file");
	if ((fd = open(tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0)
		return ib_fail(IB_ESYS, IB_RETRY_LATER, "media: %s", strerror(errno));
	s->stats.calls++;
	err = graph_media(g, a, url, fd, max, &told, &got->size, &res);
	if (err == NULL && res.refused) {
		got->gone = res.status == 403 || res.status == 404 || res.status == 410;
		err = got->gone ? NULL : ib_fail(IB_EUPSTREAM, IB_RETRY_LATER, "media: status %d", res.status);
	} else if (err == NULL && fsync(fd) != 0) {
		/* A name must never lead to half a file. */
		err = ib_fail(IB_ESYS, IB_RETRY_LATER, "media: %s", strerror(errno));
	} else if (err == NULL && (type = filetype_of_file(a, fd, &got->width, &got->height)) == NULL) {
		err = ib_fail(IB_ESYS, IB_RETRY_LATER, "media: cannot be read again");
	} else if (err == NULL) {
		got->mime = type->mime;
		if (strcmp(got->mime, "video/mp4") == 0 && told != NULL && str_starts(told, "audio/"))
			got->mime = "audio/mp4";
		if (rename(tmp, path) != 0 || !sync_folder(dir))
			err = ib_fail(IB_ESYS, IB_RETRY_LATER, "media: %s", strerror(errno));
	}
	close(fd);
	if (err != NULL || got->gone)
		unlink(tmp);
	return err;
}

/* Names ------------------------------------------------------------------------ */

static const struct ib_err *
profile_store(struct sync *s, const struct profile_due *d, const char *name, const char *picture,
    int64_t next_at, int64_t now)
{
	const struct ib_err *err;

	if ((err = db_begin(s->db)) != NULL)
		return err;
	if ((err = profile_done(s->db, d->thread_id, name, picture, next_at, now)) == NULL &&
	    (err = install_touch(s->db, d->install_id)) == NULL)
		err = db_commit(s->db);
	db_rollback(s->db);
	return err;
}

const struct ib_err *
sync_profile_one(struct sync *s, int64_t now, bool *did)
{
	const struct ib_err *err;
	struct graph_profile prof = { NULL, NULL };
	struct graph_res res = { 0 };
	struct arena *a = &s->arena;
	struct profile_due *d;
	struct page *p;
	struct graph *g;
	const char *picture = NULL;
	struct got got;
	int64_t next = 0;
	bool mine;

	*did = false;
	arena_reset(a);
	if ((err = profile_next(s->db, a, now, &d)) != NULL || d == NULL)
		return err;
	if ((err = profile_claim(s->db, d, now + AGAIN_MS, &mine)) != NULL)
		return err;
	*did = true;
	if (!mine)
		return NULL;
	if ((err = page_with_token(s->db, s->keys, a, d->page_id, &p)) != NULL || p == NULL ||
	    p->token == NULL || (err = sync_graph(s, &g)) != NULL)
		return err;
	s->stats.calls++;
	if ((err = graph_profile(g, a, p->token, d->psid, &prof, &res)) != NULL)
		return d->tries < TRIES ? err : profile_store(s, d, NULL, NULL, 0, now);
	if (res.refused) {
		/* Nobody there, or not allowed: the neutral label stays (messenger.md 7). */
		if (res.subcode != 2018218 && d->tries < 3)
			next = now + MS_DAY;
		if ((err = profile_store(s, d, NULL, NULL, next, now)) != NULL)
			return err;
		return res.row->class_ == CLASS_TOKEN || res.row->class_ == CLASS_THROTTLE ?
		    page_refused(s, d->page_id, &res, now) : NULL;
	}
	if (prof.picture != NULL && graph_media_allowed(g, a, prof.picture)) {
		picture = arena_printf(a, "p%lld", (long long)d->thread_id);
		if ((err = fetch_file(s, a, prof.picture, picture, PICTURE_MAX, &got)) != NULL) {
			log_err(err, "picture");	/* initials will do */
			picture = NULL;
		} else if (got.gone || !str_starts(got.mime, "image/")) {
			picture = NULL;
		} else {
			picture = arena_printf(a, "%s %s", picture, got.mime);
		}
	}
	return profile_store(s, d, prof.name, picture, 0, now);
}

/* Files ------------------------------------------------------------------------- */

static const struct ib_err *
attachment_store(struct sync *s, int64_t install_id, const struct attachment *t,
    const char *file, const char *mime, int64_t size, int64_t next_at)
{
	const struct ib_err *err;

	if ((err = db_begin(s->db)) != NULL)
		return err;
	if ((err = attachment_done(s->db, t, file, mime, size, next_at)) == NULL &&
	    (err = install_touch(s->db, install_id)) == NULL)
		err = db_commit(s->db);
	db_rollback(s->db);
	return err;
}

const struct ib_err *
sync_fresh_url(struct sync *s, struct arena *a, const struct attachment *t, int64_t page_id,
    const char **url, bool *later)
{
	const struct ib_err *err, *free_err;
	struct fb_attachment *list;
	struct graph_res res = { 0 };
	struct graph *g;
	struct page *p;
	struct db_stmt *st;
	const char *mid = NULL;
	int64_t claimed;
	size_t n;
	bool row, mine;

	*url = NULL;
	*later = false;
	if ((err = db_query(s->db, ST_MESSAGE_MID, &st, "ii", t->thread_id, t->msg_id)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row)
		mid = db_col_dup(st, 0, a);
	db_release(st);
	if (err != NULL || mid == NULL ||
	    (err = page_with_token(s->db, s->keys, a, page_id, &p)) != NULL ||
	    p == NULL || p->token == NULL || (err = sync_graph(s, &g)) != NULL)
		return err;
	claimed = clock_now();
	if ((err = page_claim_read(s->db, p->id, claimed, &mine)) != NULL || !mine) {
		*later = true;
		return err;
	}
	s->stats.calls++;
	err = graph_attachments(g, a, p->token, mid, &list, &n, &res);
	free_err = page_release_read(s->db, p->id, claimed, clock_now());
	if (err != NULL || (err = free_err) != NULL || res.refused)
		return err;
	if ((size_t)t->n < n && list[t->n].url != NULL && graph_media_allowed(g, a, list[t->n].url))
		*url = list[t->n].url;
	return NULL;
}

const struct ib_err *
sync_media_one(struct sync *s, int64_t now, bool *did)
{
	const struct ib_err *err;
	struct arena *a = &s->arena;
	struct attachment *t;
	struct graph *g;
	struct got got;
	const char *name, *url;
	int64_t page_id, install_id, tries;
	bool mine, full, later = false;

	*did = false;
	arena_reset(a);
	if ((err = attachment_next(s->db, a, now, &t, &page_id, &install_id)) != NULL || t == NULL)
		return err;
	if ((err = attachment_claim(s->db, t, now + AGAIN_MS, &mine)) != NULL)
		return err;
	*did = true;
	if (!mine)
		return NULL;
	if ((err = sync_graph(s, &g)) != NULL)
		return err;
	if (t->url == NULL || !graph_media_allowed(g, a, t->url))
		return attachment_store(s, install_id, t, "", NULL, 0, 0);
	if (t->size > FILE_MAX)
		return attachment_store(s, install_id, t, "!", NULL, 0, 0);
	if (!conf_bool(s->conf, CONF_MEDIA_KEEP))
		return attachment_store(s, install_id, t, "?", NULL, 0, 0);
	if ((err = sync_media_room(s, a, &full)) != NULL)
		log_err(err, "media_room");
	if (full)			/* somebody may make room */
		return attachment_store(s, install_id, t, NULL, NULL, 0, now + MS_HOUR);
	name = arena_printf(a, "a%lld-%lld-%lld", (long long)t->thread_id, (long long)t->msg_id,
	    (long long)t->n);
	err = fetch_file(s, a, t->url, name, FILE_MAX, &got);
	if (err == NULL && got.gone) {
		err = sync_fresh_url(s, a, t, page_id, &url, &later);
		if (err == NULL && later) {
			/* Somebody waits for it in front of a page. */
			sync_nap(PAGE_READ_GAP_MS);
			err = sync_fresh_url(s, a, t, page_id, &url, &later);
		}
		if (err == NULL && url != NULL &&
		    !str_eq(url, t->url))
			err = fetch_file(s, a, t->url = url, name, FILE_MAX, &got);
	}
	if (err != NULL) {
		log_err(err, "media");
		if (err->code == IB_ELIMIT)
			return attachment_store(s, install_id, t, "!", NULL, 0, 0);
		/* A full disk is ours, not Facebook's: the file is still to be had. */
		tries = t->tries < TRIES ? t->tries : TRIES;
		return t->tries < TRIES || err->code == IB_ESYS ?
		    attachment_store(s, install_id, t, NULL, NULL, 0, now + AGAIN_MS * (tries + 1)) :
		    attachment_store(s, install_id, t, "", NULL, 0, 0);
	}
	if (later)
		return attachment_store(s, install_id, t, NULL, NULL, 0, now + MS_SECOND);
	if (got.gone)
		return attachment_store(s, install_id, t, "", NULL, 0, 0);
	s->stats.fetched++;
	sync_media_grew(got.size);
	if (got.width > 0 && got.height > 0) {
		t->width = got.width;
		t->height = got.height;
	}
	return attachment_store(s, install_id, t, name, got.mime, got.size, 0);
}
