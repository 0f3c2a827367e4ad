/* SPDX-License-Identifier: MIT */
/*
 * room.c - the limit of the media folder (media_max_mb), and room within it.
 *
 * When it is full the oldest files go that Facebook still has: it is asked for
 * each before it goes, and a reader can have it fetched again.  What people of
 * ours sent stays, and what Facebook does not have any more: that is here alone.
 * How old a file is, the disk says; one that has to stay counts as new again, so
 * that Facebook is not asked about it each time.
 */
#include "sync.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/str.h"
#include "../store/install.h"
#include "../store/message.h"
#include "../store/page.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OLDEST	4	/* files asked about in one piece of work */

/*
 * The folder is counted every ten minutes by each process and what it adds and
 * removes itself is reckoned meanwhile: the limit is kept to within what the
 * others do in that time.
 */
static int64_t used_bytes, counted_at = -1;

bool
sync_media_name(const char *name, int64_t v[3])
{
	char copy[96], *p, *next;
	size_t i, want = *name == 'a' ? 3 : *name == 'u' ? 2 : *name == 'p' ? 1 : 0;

	v[0] = v[1] = v[2] = 0;
	if (want == 0 || strlen(name) >= sizeof(copy))
		return false;
	(void)snprintf(copy, sizeof(copy), "%s", name + 1);
	for (i = 0, p = copy; i < want; i++, p = next) {
		next = strchr(p, '-');
		if ((next == NULL) != (i + 1 == want))
			return false;
		if (next != NULL)
			*next++ = '\0';
		if (!str_int_in(p, 0, INT64_MAX, &v[i]))
			return false;
	}
	return true;
}

struct old { char name[64]; int64_t at, size; };

/* Files that were fetched, "a5-7-0": the oldest first. */
static void
note_old(struct old *o, size_t *n, const char *name, const struct stat *sb)
{
	int64_t at = (int64_t)sb->st_mtim.tv_sec * 1000 + sb->st_mtim.tv_nsec / 1000000;
	size_t i;

	if (*name != 'a' || strlen(name) >= sizeof(o->name) || (*n == OLDEST && at >= o[*n - 1].at))
		return;
	if (*n < OLDEST)
		++*n;
	for (i = *n - 1; i > 0 && o[i - 1].at > at; i--)
		o[i] = o[i - 1];
	(void)snprintf(o[i].name, sizeof(o[i].name), "%s", name);
	o[i].at = at;
	o[i].size = sb->st_size;
}

static bool
count(const struct sync *s, struct arena *a, struct old *o, size_t *n)
{
	const char *dir = sync_media_dir(s, a);
	struct dirent *e;
	struct stat sb;
	DIR *d;

	*n = 0;
	if (dir == NULL || (d = opendir(dir)) == NULL)
		return false;
	used_bytes = 0;
	while ((e = readdir(d)) != NULL) {
		if (fstatat(dirfd(d), e->d_name, &sb, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(sb.st_mode))
			continue;
		used_bytes += sb.st_size;
		note_old(o, n, e->d_name, &sb);
	}
	closedir(d);
	counted_at = clock_mono();
	return true;
}

bool
sync_media_full(const struct sync *s, struct arena *a)
{
	int64_t most = conf_int(s->conf, CONF_MEDIA_MAX_MB) * 1024 * 1024;
	struct old o[OLDEST];
	size_t n;

	if (counted_at >= 0 && clock_mono() - counted_at < 10 * MS_MINUTE && used_bytes < most)
		return false;
	/* Full: somebody may have made room meanwhile. */
	return count(s, a, o, &n) && used_bytes >= most;
}

void
sync_media_grew(int64_t bytes)
{
	used_bytes += bytes;
}

/* It stays where it is, as if it had come now. */
static void
keep(const char *path)
{
	if (utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW) != 0)
		log_event(LOG_WARN_, "media_room", "keep", "failed", NULL);
}

static const struct ib_err *
let_go(struct sync *s, int64_t install_id, const struct attachment *t, const char *path, int64_t size)
{
	const struct ib_err *err;

	if ((err = db_begin(s->db)) != NULL)
		return err;
	if ((err = attachment_done(s->db, t, "?", NULL, 0, 0)) == NULL &&
	    (err = install_touch(s->db, install_id)) == NULL)
		err = db_commit(s->db);
	db_rollback(s->db);
	/* Died here, the file is an orphan: its row does not name it any more. */
	if (err == NULL && unlink(path) == 0)
		used_bytes -= size;
	return err;
}

/* *later: the Page's reads of this half second are used. */
static const struct ib_err *
one_file(struct sync *s, struct arena *a, const struct old *o, bool *later)
{
	const struct ib_err *err;
	struct attachment *t = NULL;
	const char *path = arena_printf(a, "%s/%s", sync_media_dir(s, a), o->name), *url;
	int64_t page_id, install_id, v[3];

	*later = false;
	if (path == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "media_room");
	if (sync_media_name(o->name, v) &&
	    (err = attachment_kept(s->db, a, v[0], v[1], v[2], &t, &page_id, &install_id)) != NULL)
		return err;
	/* Whose it is, the daily look at the folder decides. */
	if (t == NULL || !str_eq(t->file, o->name)) {
		keep(path);
		return NULL;
	}
	if ((err = sync_fresh_url(s, a, t, page_id, &url, later)) != NULL || *later)
		return err;
	if (url == NULL) {
		keep(path);
		return NULL;
	}
	t->url = url;
	return let_go(s, install_id, t, path, o->size);
}

const struct ib_err *
sync_media_room(struct sync *s, struct arena *a, bool *full)
{
	int64_t most = conf_int(s->conf, CONF_MEDIA_MAX_MB) * 1024 * 1024;
	const struct ib_err *err = NULL;
	struct old o[OLDEST];
	bool later;
	size_t n, i;

	*full = sync_media_full(s, a);
	if (!*full)
		return NULL;
	log_event(LOG_WARN_, "media_full", "bytes", log_i(used_bytes), NULL);
	if (most == 0 || !count(s, a, o, &n))
		return NULL;
	for (i = 0; err == NULL && i < n && used_bytes >= most; i++) {
		if ((err = one_file(s, a, &o[i], &later)) == NULL && later) {
			sync_nap(PAGE_READ_GAP_MS);
			err = one_file(s, a, &o[i], &later);
		}
	}
	*full = used_bytes >= most;
	return err;
}
