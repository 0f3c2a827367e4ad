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
#include "../base/log.h"
#include "../base/str.h"
#include "../store/install.h"
#include "../store/message.h"
#include "../store/page.h"
#include "../store/thread.h"

#include <dirent.h>
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
sync_media_dir(const struct sync *s, struct arena *a)
{
	const char *dir = conf_str(s->conf, CONF_MEDIA_DIR), *slash;

	if (*dir == '\0') {
		const char *db = db_path(s->db);

		slash = strrchr(db, '/');
		dir = arena_printf(a, "%.*s/media", slash == NULL ? 1 : (int)(slash - db),
		    slash == NULL ? "." : db);
	}
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
		/* ".a5-7-0.1234", as fetch_file names them; by the disk's clock, not ours. */
		if (e->d_name[0] != '.' || (e->d_name[1] != 'a' && e->d_name[1] != 'p') ||
		    fstatat(dirfd(d), e->d_name, &sb, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(sb.st_mode) ||
		    time(NULL) - sb.st_mtime < PIECE_KEEP_S)
			continue;
		path = arena_printf(&s->arena, "%s/%s", dir, e->d_name);
		if (path != NULL)
			(void)unlink(path);
	}
	closedir(d);
}

/*
 * Is the store full (media_max_mb)?  The folder is counted every ten minutes
 * by each process and what it fetches itself is added meanwhile: the limit is
 * kept to within what the others fetch in that time.
 */
static int64_t used_bytes, counted_at = -1;

static bool
store_full(const struct sync *s, struct arena *a)
{
	int64_t most = conf_int(s->conf, CONF_MEDIA_MAX_MB) * 1024 * 1024;
	const char *dir = sync_media_dir(s, a);
	struct dirent *e;
	struct stat sb;
	DIR *d;

	if (counted_at >= 0 && clock_mono() - counted_at < 10 * MS_MINUTE)
		return used_bytes >= most;
	if (dir == NULL || (d = opendir(dir)) == NULL)
		return false;
	used_bytes = 0;
	while ((e = readdir(d)) != NULL)
		if (fstatat(dirfd(d), e->d_name, &sb, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(sb.st_mode))
			used_bytes += sb.st_size;
	closedir(d);
	counted_at = clock_mono();
	if (used_bytes >= most)
		log_event(LOG_WARN_, "media_full", "bytes", log_i(used_bytes), NULL);
	return used_bytes >= most;
}

/* What the first bytes say; NULL = nothing that may be shown in a page. */
static const char *
sniff(int fd)
{
	static const struct { size_t at; const char *magic; size_t n; const char *mime; } kinds[] = {
		{ 0, "\xff\xd8\xff", 3, "image/jpeg" },
		{ 0, "\x89PNG\r\n\x1a\n", 8, "image/png" },
		{ 0, "GIF87a", 6, "image/gif" },
		{ 0, "GIF89a", 6, "image/gif" },
		{ 8, "WEBP", 4, "image/webp" },
		{ 4, "ftyp", 4, "video/mp4" },
		{ 0, "ID3", 3, "audio/mpeg" },
		{ 0, "\xff\xfb", 2, "audio/mpeg" },
		{ 0, "\xff\xf3", 2, "audio/mpeg" },
		{ 0, "OggS", 4, "audio/ogg" },
		{ 8, "WAVE", 4, "audio/wav" },
	};
	char head[16] = { 0 };
	size_t i;

	if (pread(fd, head, sizeof(head), 0) < 4)
		return NULL;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (memcmp(head + kinds[i].at, kinds[i].magic, kinds[i].n) == 0)
			return kinds[i].mime;
	return NULL;
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

/*
 * Fetch `url` into media_dir/name by way of a temporary file.  *mime: by the
 * bytes, else application/octet-stream.  *gone: expired or removed there.
 */
static const struct ib_err *
fetch_file(struct sync *s, struct arena *a, const char *url, const char *name, int64_t max,
    const char **mime, int64_t *size, bool *gone)
{
	const struct ib_err *err;
	struct graph_res res = { 0 };
	struct graph *g;
	const char *dir = sync_media_dir(s, a), *told, *tmp, *path;
	int fd;

	*gone = false;
	if ((err = sync_graph(s, &g)) != NULL)
		return err;
	tmp = arena_printf(a, "%s/.%s.%ld", dir, name, (long)getpid());
	path = arena_printf(a, "%s/%s", dir, name);
	if (tmp == NULL || path == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "fetch_file");
	if ((fd = open(tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0)
		return ib_fail(IB_ESYS, IB_RETRY_LATER, "media: %s", strerror(errno));
	s->stats.calls++;
	err = graph_media(g, a, url, fd, max, &told, size, &res);
	if (err == NULL && res.refused) {
		*gone = res.status == 403 || res.status == 404 || res.status == 410;
		err = *gone ? NULL : ib_fail(IB_EUPSTREAM, IB_RETRY_LATER, "media: status %d", res.status);
	} else if (err == NULL && fsync(fd) != 0) {
		/* A name must never lead to half a file. */
		err = ib_fail(IB_ESYS, IB_RETRY_LATER, "media: %s", strerror(errno));
	} else if (err == NULL) {
		*mime = sniff(fd);
		if (*mime != NULL && strcmp(*mime, "video/mp4") == 0 && told != NULL &&
		    str_starts(told, "audio/"))
			*mime = "audio/mp4";
		if (*mime == NULL)
			*mime = "application/octet-stream";
		if (rename(tmp, path) != 0 || !sync_folder(dir))
			err = ib_fail(IB_ESYS, IB_RETRY_LATER, "media: %s", strerror(errno));
	}
	close(fd);
	if (err != NULL || *gone)
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
	const char *picture = NULL, *mime;
	int64_t size, next = 0;
	bool gone, mine;

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
		    page_refused(s, d->install_id, d->page_id, &res, now) : NULL;
	}
	if (prof.picture != NULL && graph_media_allowed(g, a, prof.picture)) {
		picture = arena_printf(a, "p%lld", (long long)d->thread_id);
		if ((err = fetch_file(s, a, prof.picture, picture, PICTURE_MAX, &mime, &size, &gone)) != NULL) {
			log_err(err, "picture");	/* initials will do */
			picture = NULL;
		} else if (gone || !str_starts(mime, "image/")) {
			picture = NULL;
		} else {
			picture = arena_printf(a, "%s %s", picture, mime);
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

/*
 * The address expired: ask for a fresh one (messenger.md 6.3, 12).  This is a
 * read of the Conversations API like any other; *later: not in this half
 * second.
 */
static const struct ib_err *
fresh_url(struct sync *s, struct arena *a, const struct attachment *t, int64_t page_id,
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
	if ((size_t)t->n < n && list[t->n].url != NULL && !str_eq(list[t->n].url, t->url))
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
	const char *name, *mime = NULL, *url;
	int64_t page_id, install_id, size = 0, tries;
	bool gone, mine, later = false;

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
	if (store_full(s, a))		/* somebody may make room */
		return attachment_store(s, install_id, t, NULL, NULL, 0, now + MS_HOUR);
	name = arena_printf(a, "a%lld-%lld-%lld", (long long)t->thread_id, (long long)t->msg_id,
	    (long long)t->n);
	url = t->url;
	err = fetch_file(s, a, url, name, FILE_MAX, &mime, &size, &gone);
	if (err == NULL && gone) {
		if ((err = fresh_url(s, a, t, page_id, &url, &later)) == NULL && url != NULL &&
		    graph_media_allowed(g, a, url))
			err = fetch_file(s, a, url, name, FILE_MAX, &mime, &size, &gone);
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
	if (gone)
		return attachment_store(s, install_id, t, "", NULL, 0, 0);
	s->stats.fetched++;
	used_bytes += size;
	return attachment_store(s, install_id, t, name, mime, size, 0);
}
