/* SPDX-License-Identifier: MIT */
/*
 * leave.c - the work of leaving (store/leaving.h): services are told, replies
 * cancelled, rows and files erased, in pieces of bounded size.
 *
 * A Page is unsubscribed with its own token, else as the app itself.  A grant
 * at Pipedrive: first our webhooks of that person, which needs a living access
 * token, then the refresh token is revoked (pipedrive.md 2.3); what cannot be
 * had on the way does not hold up the revoking.  A service that does not answer
 * is asked again eight times over some three days; then the token is erased
 * untold, and the receipt says so.
 *
 * Nothing here waits for anything else here: erasing goes on while a service
 * is away.
 */
#include "sync.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/str.h"
#include "../store/install.h"
#include "../store/leaving.h"
#include "../store/note.h"
#include "../store/upload.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const int64_t again_ms[] = {
	MS_MINUTE, 10 * MS_MINUTE, MS_HOUR, 4 * MS_HOUR, 12 * MS_HOUR, 24 * MS_HOUR, 24 * MS_HOUR
};
#define TRIES	((int64_t)(sizeof(again_ms) / sizeof(again_ms[0])) + 1)

/* Facebook.  *told: it knows, or there is nothing to be told. */
static const struct ib_err *
tell_facebook(struct sync *s, const struct farewell *f, bool *told)
{
	const struct ib_err *err;
	struct graph_res res = { 0 };
	struct graph *g;

	*told = false;
	if ((err = sync_graph(s, &g)) != NULL)
		return err;
	s->stats.calls++;
	if ((err = graph_unsubscribe(g, &s->arena, f->subject, f->token, &res)) != NULL)
		return err;
	if (res.refused && f->token != NULL && (res.row->class_ == CLASS_TOKEN || res.row->class_ == CLASS_CONFIG)) {
		s->stats.calls++;
		if ((err = graph_unsubscribe(g, &s->arena, f->subject, NULL, &res)) != NULL)
			return err;
	}
	/* A Page that is no more, or not to be seen, sends nothing either. */
	*told = !res.refused || res.row->class_ == CLASS_FINAL;
	if (!*told)
		log_event(LOG_WARN_, "farewell_refused", "service", "facebook", "code", log_i(res.code), "subcode",
		    log_i(res.subcode), NULL);
	return NULL;
}

/* A living access token if there is one to be had; *gone: the grant has ended already. */
static const struct ib_err *
living_access(struct sync *s, struct farewell *f, struct pdrive *pd, int64_t now, bool *gone)
{
	struct pd_res res = { 0 };
	const struct ib_err *err;
	struct pd_tokens t;

	*gone = false;
	if (f->access != NULL && f->access_until > now + MS_MINUTE)
		return NULL;
	f->access = NULL;
	s->stats.calls++;
	if ((err = pdrive_refresh(pd, &s->arena, f->token, &t, &res)) != NULL)
		return err;
	*gone = res.refused && res.invalid_grant;
	if (res.refused)
		return NULL;
	f->token = t.refresh;
	f->access = t.access;
	return farewell_tokens(s->db, s->keys, &s->arena, f, t.refresh, t.access, now + t.expires_in * MS_SECOND);
}

static const struct ib_err *
tell_pipedrive(struct sync *s, struct farewell *f, int64_t now, bool *told)
{
	struct pd_res res = { 0 };
	const struct ib_err *err;
	struct pdrive *pd;
	int64_t ended;
	bool gone;

	*told = f->token == NULL;
	if (*told || (err = sync_pdrive(s, &pd)) != NULL)
		return *told ? NULL : err;
	if ((err = living_access(s, f, pd, now, &gone)) != NULL)
		return err;
	if ((*told = gone))
		return NULL;
	if (f->access != NULL) {
		s->stats.calls++;
		if ((err = pdrive_hooks_end(pd, &s->arena, f->host, f->access, conf_str(s->conf, CONF_BASE_URL),
		    &ended, &res)) != NULL)
			log_err(err, "farewell_hooks");	/* they end with the grant */
		else if (res.refused)
			log_event(LOG_WARN_, "farewell_hooks", "status", log_i(res.status), NULL);
	}
	s->stats.calls++;
	if ((err = pdrive_revoke(pd, &s->arena, f->token, &res)) != NULL)
		return err;
	*told = !res.refused;
	if (!*told)
		log_event(LOG_WARN_, "farewell_refused", "service", "pipedrive", "status", log_i(res.status), NULL);
	return NULL;
}

static const struct ib_err *
say_farewell(struct sync *s, int64_t now, bool *did)
{
	const struct ib_err *err, *bad;
	struct farewell *f;
	bool told = false;

	arena_reset(&s->arena);
	if ((err = farewell_next(s->db, s->keys, &s->arena, now, &f)) != NULL || f == NULL)
		return err;
	*did = true;
	bad = f->grant ? tell_pipedrive(s, f, now, &told) : tell_facebook(s, f, &told);
	if (bad != NULL)
		log_err(bad, "farewell");
	if (told)
		return farewell_end(s->db, f, true, clock_now());
	if (f->tries >= TRIES) {
		log_event(LOG_WARN_, "farewell_gave_up", "farewell", log_i(f->id), NULL);
		return farewell_end(s->db, f, false, clock_now());
	}
	return farewell_again(s->db, f, now + again_ms[f->tries - 1]);
}

static const struct ib_err *
cancel_replies(struct sync *s, int64_t now, bool *did)
{
	const struct ib_err *err;
	int64_t n = 0, id;
	bool found;

	arena_reset(&s->arena);
	if ((err = db_get_int(s->db, ST_LEAVE_REPLY, &id, &found, "")) != NULL || !found)
		return err;
	if ((err = db_begin(s->db)) != NULL)
		return err;
	if ((err = leaving_cancel_slice(s->db, &s->arena, now, &n)) == NULL)
		err = db_commit(s->db);
	db_rollback(s->db);
	*did |= err == NULL && n > 0;
	return err;
}

/* Files --------------------------------------------------------------------------- */

/* The row goes in the same transaction; undone, it is erased again, and the file is not missed. */
static void
drop_file(void *arg, const char *file)
{
	const char *dir = arg;
	char path[4096];

	if (dir == NULL || file == NULL || *file == '.' || strchr(file, '/') != NULL)
		return;
	if (snprintf(path, sizeof(path), "%s/%s", dir, file) >= (int)sizeof(path))
		return;
	if (unlink(path) != 0 && errno != ENOENT)
		log_event(LOG_WARN_, "file_not_removed", "errno", log_i(errno), NULL);
}

/* Does a row know this file?  What is not named as ours are is not ours to judge. */
static bool
is_orphan(struct sync *s, const char *name)
{
	const struct ib_err *err;
	int64_t v[3], n;
	bool found;

	if (!sync_media_name(name, v))
		return false;
	err = *name == 'a' ? db_get_int(s->db, ST_ATT_THERE, &n, &found, "iii", v[0], v[1], v[2]) :
	    *name == 'u' ? db_get_int(s->db, ST_UPLOAD_THERE, &n, &found, "ii", v[0], v[1]) :
	    db_get_int(s->db, ST_THREAD_THERE, &n, &found, "i", v[0]);
	if (err != NULL)
		log_err(err, "orphans");
	return err == NULL && !found;
}

void
sync_media_orphans(struct sync *s, int64_t now)
{
	const struct ib_err *err;
	const char *dir, *last;
	struct dirent *e;
	int64_t at, n = 0;
	DIR *d;

	arena_reset(&s->arena);
	if ((err = note_get(s->db, &s->arena, NOTE_ORPHANS, &at, &last)) != NULL) {
		log_err(err, "orphans");
		return;
	}
	if (last != NULL && at <= now && now - at < MS_DAY)
		return;
	if ((dir = sync_media_dir(s, &s->arena)) == NULL || (d = opendir(dir)) == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if (!is_orphan(s, e->d_name))
			continue;
		drop_file((void *)(uintptr_t)dir, e->d_name);
		n++;
	}
	closedir(d);
	if (n > 0)
		log_event(LOG_INFO_, "orphans_removed", "files", log_i(n), NULL);
	if ((err = note_put(s->db, NOTE_ORPHANS, now, "ok")) != NULL)
		log_err(err, "orphans");
}

void
sync_upload_sweep(struct sync *s, int64_t now)
{
	const struct ib_err *err;
	const char *dir, *file;
	int64_t id;

	arena_reset(&s->arena);
	dir = sync_media_dir(s, &s->arena);
	/* The row first: a file without one is an orphan, a row without one a lie. */
	while ((err = upload_stale(s->db, &s->arena, now - UPLOAD_KEEP_MS, &id, &file)) == NULL && file != NULL) {
		if ((err = upload_drop(s->db, id)) != NULL)
			break;
		drop_file((void *)(uintptr_t)dir, file);
	}
	if (err != NULL)
		log_err(err, "uploads");
}

static const struct ib_err *
erase(struct sync *s, int64_t now, bool *did)
{
	const struct ib_err *err;
	const char *dir;
	bool one, finished, found;
	int64_t due;

	arena_reset(&s->arena);
	dir = sync_media_dir(s, &s->arena);
	if ((err = db_get_int(s->db, ST_RETENTION_DUE, &due, &found, "i", now)) != NULL)
		return err;
	if (found) {
		if ((err = retention_slice(s->db, &s->arena, now, drop_file, (void *)(uintptr_t)dir, &one)) != NULL)
			return err;
		*did |= one;
	}
	err = leaving_erase_slice(s->db, &s->arena, now, drop_file, (void *)(uintptr_t)dir, &one, &finished);
	*did |= one;
	/* A file that was on its way while its row went: the next run looks for it. */
	if (err == NULL && finished)
		err = note_put(s->db, NOTE_ORPHANS, 0, "due");
	return err;
}

const struct ib_err *
sync_leave_one(struct sync *s, int64_t now, bool *did)
{
	const struct ib_err *err;

	*did = false;
	if ((err = cancel_replies(s, now, did)) != NULL || (err = erase(s, now, did)) != NULL || *did)
		return err;
	return say_farewell(s, now, did);
}
