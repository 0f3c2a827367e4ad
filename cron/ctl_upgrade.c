/* SPDX-License-Identifier: MIT */
/*
 * ctl_upgrade.c - inboxctl upgrade and rollback, of what was unpacked from an archive.
 *
 *   HOME/                     the folder that was unpacked first; launchers, etc/, var/
 *   HOME/versions/NAME/       a later version, as its archive has it
 *   HOME/current              a link: "." or versions/NAME; this one counts
 *   HOME/previous             the same, of the version before
 *   DATABASE.before-NAME      a backup of all there was when NAME came (backup.h); with
 *                             --database-only a copy of the database
 *
 * Everything of an upgrade up to the link `current` changes nothing of what serves:
 * the archive is unpacked beside, the backup made, the new version tried on a copy of
 * the database (ctl_child.c).  Then one rename switches.  The database is brought up to date
 * afterwards, all steps or none (db_migrate); when that fails the link goes back.  A process that
 * dies leaves either version serving, and the same command once more ends the work.
 * Workers see by themselves that another version counts.
 *
 * The way back takes the database from there, and the files that are missing since.
 */
#include "ctl.h"

#include "../lib/base/clock.h"
#include "../lib/base/fault.h"
#include "../lib/base/file.h"
#include "../lib/base/home.h"
#include "../lib/base/str.h"
#include "../lib/base/tarball.h"
#include "../lib/store/backup.h"
#include "../lib/sync/sync.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PRODUCT		"messenger-inbox-"
#define MB		(INT64_C(1) << 20)
#define UNPACKED_MAX	(INT64_C(1) << 30)
#define ENTRIES_MAX	100000
#define SHORT_S		60
#define LEAVE_S		60	/* within that workers see that another version counts, and end */

struct upgrade {
	struct talk	 t;
	const struct conf *conf;
	const char	*home, *versions, *media;
	const char	*was;		/* what `current` says */
	char		 name[128];	/* of the new version */
	const char	*target;	/* versions/NAME */
	const char	*before;	/* DATABASE.before-NAME */
	bool		 database_only;
	int		 lock;
};

static const struct ib_err *
failed(const char *path)
{
	return ib_fail(IB_ESYS, IB_RETRY_LATER, "%.150s: %s", path, strerror(errno));
}

static const struct ib_err *
no_memory(void)
{
	return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "upgrade");
}

/* NULL: no memory, which the caller's next call says. */
static const char *
in_home(struct upgrade *u, const char *name)
{
	const char *p = arena_printf(&u->t.a, "%s/%s", u->home, name);

	return p != NULL ? p : "";
}

/* Links -------------------------------------------------------------------------------- */

/* What a link of ours says; "." when there is none. */
static const char *
link_of(struct upgrade *u, const char *name)
{
	char text[PATH_MAX];
	ssize_t n = readlink(in_home(u, name), text, sizeof(text));
	const char *p = n > 0 ? arena_dupn(&u->t.a, text, (size_t)n) : NULL;

	return p != NULL ? p : ".";
}

/* One rename: the link says the one or the other at every moment. */
static const struct ib_err *
set_link(struct upgrade *u, const char *name, const char *target)
{
	const char *link = in_home(u, name), *fresh = arena_printf(&u->t.a, "%s/.%s-%ld", u->home, name, (long)getpid());

	if (fresh == NULL)
		return no_memory();
	(void)unlink(fresh);
	if (symlink(target, fresh) != 0 || rename(fresh, link) != 0)
		return failed(link);
	return file_sync_folder_of(link);
}

/* The part of a target that names it: versions/NAME. */
static const char *
name_of(const char *target)
{
	const char *slash = strrchr(target, '/');

	return slash != NULL ? slash + 1 : target;
}

static const char *
before_name(struct upgrade *u, const char *name)
{
	return arena_printf(&u->t.a, "%s.before-%s", conf_str(u->conf, CONF_DATABASE), name);
}

/* Unpacking ---------------------------------------------------------------------------- */

struct unpack {
	struct tarball	*tar;
	int		 fd;
	char		 bytes[65536];
	int64_t		 size;
	int		 entries;
};

static const struct ib_err *
give(void *arg, const void **p, size_t *n)
{
	struct unpack *k = arg;
	ssize_t got = read(k->fd, k->bytes, sizeof(k->bytes));

	*p = k->bytes;
	*n = got > 0 ? (size_t)got : 0;
	return got < 0 ? ib_fail(IB_ESYS, IB_RETRY_LATER, "archive: %s", strerror(errno)) : NULL;
}

/* What comes after the archive's one folder, when the path stays within it.  NULL: it does not. */
static const char *
rest_of(const char *path, const char *top)
{
	size_t n = strlen(top);
	const char *p;

	if (strncmp(path, top, n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return NULL;
	for (p = path; (p = strstr(p, "..")) != NULL; p += 2)
		if ((p == path || p[-1] == '/') && (p[2] == '/' || p[2] == '\0'))
			return NULL;
	return path[n] == '/' ? path + n + 1 : path + n;
}

static const struct ib_err *
foreign(const char *what)
{
	return ib_fail(IB_EPARSE, IB_RETRY_NEVER, "this is no archive of the inbox: %.100s", what);
}

static const struct ib_err *
unpack_file(struct unpack *k, const struct tarball_entry *e, const char *to)
{
	const struct ib_err *err = NULL;
	char bytes[65536];
	size_t n = 0;
	int fd;

	if ((fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)) < 0)
		return failed(to);
	while ((err = tarball_bytes(k->tar, bytes, sizeof(bytes), &n)) == NULL && n > 0 &&
	    (k->size += (int64_t)n) <= UNPACKED_MAX && (err = file_write(fd, bytes, n, to)) == NULL)
		;
	if (err == NULL && k->size > UNPACKED_MAX)
		err = foreign("it is too large");
	if (err == NULL && fchmod(fd, e->executable ? 0755 : 0644) != 0)
		err = failed(to);
	(void)close(fd);
	return err;
}

static const struct ib_err *
unpack_entry(struct upgrade *u, struct unpack *k, const struct tarball_entry *e, const char *stage)
{
	const char *rest = rest_of(e->name, u->name), *to, *first;

	if (rest == NULL || ++k->entries > ENTRIES_MAX)
		return foreign(e->name);
	/* `current` of an archive is for whoever unpacks it by hand. */
	if (*rest == '\0' || strcmp(rest, "current") == 0)
		return NULL;
	if ((to = arena_printf(&u->t.a, "%s/%s", stage, rest)) == NULL)
		return no_memory();
	switch (e->kind) {
	case TARBALL_FOLDER:
		return mkdir(to, 0755) != 0 || chmod(to, 0755) != 0 ? failed(to) : NULL;
	case TARBALL_FILE:
		return unpack_file(k, e, to);
	case TARBALL_HARDLINK:
		if ((rest = rest_of(e->link, u->name)) == NULL)
			return foreign(e->name);
		if ((first = arena_printf(&u->t.a, "%s/%s", stage, rest)) == NULL)
			return no_memory();
		return link(first, to) != 0 ? failed(to) : NULL;
	default:
		return foreign(e->name);	/* links could lead anywhere */
	}
}

static bool
name_ok(const char *name)
{
	return str_starts(name, PRODUCT) &&
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] == '\0';
}

/* All of the archive into `stage`; its one folder gives the version its name. */
static const struct ib_err *
unpack(struct upgrade *u, const char *archive, const char *stage)
{
	const struct ib_err *err;
	struct tarball_entry e;
	struct unpack *k;
	bool more = true;

	if ((k = calloc(1, sizeof(*k))) == NULL)
		return no_memory();
	if ((k->fd = open(archive, O_RDONLY | O_CLOEXEC)) < 0)
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "%.150s: %s", archive, strerror(errno));
	else if (mkdir(stage, 0755) != 0 || chmod(stage, 0755) != 0)
		err = failed(stage);
	else if ((err = tarball_read(give, k, &k->tar)) == NULL)
		while ((err = tarball_next(k->tar, &e, &more)) == NULL && more) {
			if (*u->name == '\0') {
				(void)snprintf(u->name, sizeof(u->name), "%.*s", (int)strcspn(e.name, "/"), e.name);
				if (!name_ok(u->name))
					err = foreign(e.name);
			}
			if (err != NULL || (err = unpack_entry(u, k, &e, stage)) != NULL)
				break;
		}
	tarball_abandon(k->tar);
	if (k->fd >= 0)
		(void)close(k->fd);
	free(k);
	return err;
}

/* It has what a version has, and its program runs here. */
static const struct ib_err *
looks_whole(struct upgrade *u, const char *parts)
{
	static const char *const needed[] = { "bin/inboxctl", "bin/inbox-sync", "libexec/messenger-inbox/inbox.fcgi",
	    "share/messenger-inbox/po/en.po", "share/messenger-inbox/web/entry" };
	const char *path = NULL;
	size_t i;

	for (i = sizeof(needed) / sizeof(needed[0]); i-- > 0;)
		if ((path = arena_printf(&u->t.a, "%s/%s", parts, needed[i])) == NULL || access(path, i < 3 ? X_OK : R_OK) != 0)
			return ib_fail(IB_EPARSE, IB_RETRY_NEVER, "the archive is not whole: %s is missing in it", needed[i]);
	return child_run(&u->t.a, (const char *[]){ path, "--version", NULL }, SHORT_S);
}

/* Steps -------------------------------------------------------------------------------- */

/* One at a time, and only what an archive brought can be changed here. */
static const struct ib_err *
upgrade_begin(struct upgrade *u, const struct conf *conf)
{
	const struct ib_err *err;
	const char *path;

	memset(u, 0, sizeof(*u));
	u->lock = -1;
	u->conf = conf;
	if ((err = talk_open(&u->t, conf)) != NULL)
		return err;
	if (home_parts() == NULL)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "this inbox was not unpacked from an archive: bring it up to date the way "
		    "it was installed");
	u->home = home_prefix();
	u->versions = in_home(u, "versions");
	u->was = link_of(u, "current");
	if ((u->media = sync_media_path(conf, &u->t.a)) == NULL)
		return no_memory();
	if ((path = arena_printf(&u->t.a, "%s/.lock", u->versions)) == NULL)
		return no_memory();
	if (mkdir(u->versions, 0755) == 0 ? chmod(u->versions, 0755) != 0 : errno != EEXIST)
		return failed(u->versions);
	if ((u->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
		return failed(path);
	if (flock(u->lock, LOCK_EX | LOCK_NB) != 0)
		return ib_fail(IB_EBUSY, IB_RETRY_LATER, "another upgrade or rollback is at work");
	return NULL;
}

static void
upgrade_end(struct upgrade *u)
{
	if (u->lock >= 0)
		(void)close(u->lock);
	talk_close(&u->t);
}

/* Beside what serves: versions/NAME.  *again: it counts already. */
static const struct ib_err *
bring(struct upgrade *u, const char *archive, bool *again)
{
	const char *stages = arena_printf(&u->t.a, "%s/.new-", u->versions), *stage, *parts;
	const struct ib_err *err;
	int fd;

	*again = false;
	if (stages == NULL)
		return no_memory();
	file_sweep_dead(stages);
	if ((stage = arena_printf(&u->t.a, "%s%ld", stages, (long)getpid())) == NULL)
		return no_memory();
	(void)fault(FAULT_STEP);
	if ((err = unpack(u, archive, stage)) != NULL)
		goto done;
	u->target = arena_printf(&u->t.a, "versions/%s", u->name);
	parts = arena_printf(&u->t.a, "%s/%s", u->versions, u->name);
	u->before = before_name(u, u->name);
	if (u->target == NULL || parts == NULL || u->before == NULL) {
		err = no_memory();
		goto done;
	}
	if ((*again = strcmp(u->target, u->was) == 0))
		goto done;
	if ((err = looks_whole(u, stage)) != NULL)
		goto done;
	if ((fd = open(stage, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 || syncfs(fd) != 0)
		err = failed(stage);
	if (fd >= 0)
		(void)close(fd);
	(void)fault(FAULT_STEP);
	/* What an attempt left that did not come to its end. */
	if (err == NULL && (err = file_remove(parts)) == NULL && rename(stage, parts) != 0)
		err = failed(parts);
	if (err == NULL)
		err = file_sync_folder_of(parts);
done:
	if (file_remove(stage) != NULL)
		fprintf(stderr, "inboxctl: %s could not be removed\n", stage);
	return err;
}

/* Nothing of what serves has been changed: away with it. */
static void
undo_bring(struct upgrade *u)
{
	if (u->target == NULL || file_remove(in_home(u, u->target)) != NULL || file_remove(u->before) != NULL)
		return;
	talk_line(&u->t, STR_SETUP_MARK_NOTE, TALK_SAY(&u->t, STR_UPGRADE_KEPT, NULL));
}

/* What there is now; without it there is no upgrade. */
static const struct ib_err *
keep(struct upgrade *u, struct db *db)
{
	const struct ib_err *err;
	struct backup b;

	if ((err = file_remove(u->before)) != NULL)
		return err;
	if (u->database_only) {
		if ((err = db_backup(db, u->before)) == NULL)
			TALK(&u->t, STR_SETUP_MARK_MADE, STR_UPGRADE_COPY, "path", u->before, NULL);
		return err;
	}
	if ((err = backup_write(db, u->media, u->before, NULL, clock_now(), &b)) == NULL)
		TALK(&u->t, STR_SETUP_MARK_MADE, STR_UPGRADE_BACKUP, "path", u->before, "files", talk_int(&u->t, b.files), NULL);
	else
		TALK(&u->t, STR_SETUP_MARK_WRONG, STR_UPGRADE_NO_BACKUP, "need",
		    talk_int(&u->t, backup_room(db, u->media) / MB + 1), "left", talk_int(&u->t, db_disk_free(db) / MB), NULL);
	return err;
}

static const struct ib_err *
copy_and_try(struct upgrade *u)
{
	const char *parts = in_home(u, u->target);
	const struct ib_err *err;
	struct db *db = NULL;

	if ((err = ctl_open_db(u->conf, 0, &db)) != NULL)
		return err;
	(void)fault(FAULT_STEP);
	if ((err = keep(u, db)) == NULL) {
		(void)fault(FAULT_STEP);
		err = child_trial(&u->t.a, parts, u->conf, ctl_conf_path(), db);
	}
	db_close(db);
	if (err == NULL)
		TALK(&u->t, STR_SETUP_MARK_OK, STR_UPGRADE_TRIED, NULL);
	return err;
}

static const struct ib_err *
migrate(struct upgrade *u)
{
	const char *argv[] = { in_home(u, "bin/inboxctl"), "-c", ctl_conf_path(), "init", NULL };

	return child_run(&u->t.a, argv, CHILD_LONG_S);
}

/* The new version has its own style sheets and entries; what serves them is the web folder. */
static void
refresh_web(struct upgrade *u)
{
	const char *argv[] = { in_home(u, "bin/inboxctl"), "-c", ctl_conf_path(), "setup", "--web", NULL };
	const struct ib_err *err;

	if (*conf_str(u->conf, CONF_WEB_FOLDER) == '\0')
		return;
	if ((err = child_run(&u->t.a, argv, SHORT_S)) == NULL)
		TALK(&u->t, STR_SETUP_MARK_OK, STR_UPGRADE_WEB, NULL);
	else
		TALK(&u->t, STR_SETUP_MARK_WRONG, STR_UPGRADE_WEB_FAILED, "why", err->msg, NULL);
}

/* Versions that are neither the one nor the other, and the copies that were made for them. */
static void
prune(struct upgrade *u)
{
	const char *now = name_of(link_of(u, "current")), *other = name_of(link_of(u, "previous")), *path;
	struct dirent *e;
	DIR *d;

	if ((d = opendir(u->versions)) == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if (!name_ok(e->d_name) || strcmp(e->d_name, now) == 0 || strcmp(e->d_name, other) == 0)
			continue;
		if ((path = arena_printf(&u->t.a, "%s/%s", u->versions, e->d_name)) == NULL || file_remove(path) != NULL ||
		    (path = before_name(u, e->d_name)) == NULL || file_remove(path) != NULL)
			fprintf(stderr, "inboxctl: %s could not be removed\n", e->d_name);
	}
	(void)closedir(d);
}

static const struct ib_err *
finish(struct upgrade *u)
{
	const struct ib_err *err;

	(void)fault(FAULT_STEP);
	if ((err = migrate(u)) != NULL)
		return err;
	TALK(&u->t, STR_SETUP_MARK_OK, STR_UPGRADE_MIGRATED, NULL);
	(void)fault(FAULT_STEP);
	refresh_web(u);
	if ((err = child_serves(&u->t.a, in_home(u, u->target), u->conf, ctl_conf_path())) != NULL)
		return err;
	TALK(&u->t, STR_SETUP_MARK_OK, STR_UPGRADE_ANSWERS, NULL);
	(void)fault(FAULT_STEP);
	prune(u);
	return NULL;
}

static const struct ib_err *
switch_over(struct upgrade *u)
{
	const struct ib_err *err;

	(void)fault(FAULT_STEP);
	if ((err = set_link(u, "previous", u->was)) != NULL)
		return err;
	(void)fault(FAULT_STEP);
	if ((err = set_link(u, "current", u->target)) != NULL)
		return err;
	TALK(&u->t, STR_SETUP_MARK_OK, STR_UPGRADE_SWITCHED, "name", u->name, NULL);
	return NULL;
}

/* This program is the old version: where it can open the database, it can serve it. */
static void
go_back(struct upgrade *u)
{
	const struct ib_err *err;
	struct db *db = NULL;

	if ((err = ctl_open_db(u->conf, 0, &db)) == NULL)
		err = set_link(u, "current", u->was);
	db_close(db);
	if (err != NULL) {
		TALK(&u->t, STR_SETUP_MARK_NOTE, STR_UPGRADE_FORWARD, NULL);
		return;
	}
	refresh_web(u);
	TALK(&u->t, STR_SETUP_MARK_NOTE, STR_UPGRADE_BACK, NULL);
}

static const struct ib_err *
upgrade(struct upgrade *u, const char *archive)
{
	const struct ib_err *err;
	bool again;

	if ((err = bring(u, archive, &again)) != NULL)
		return err;
	if (!again) {
		TALK(&u->t, STR_SETUP_MARK_OK, STR_UPGRADE_UNPACKED, "name", u->name, NULL);
		if ((err = copy_and_try(u)) != NULL || (err = switch_over(u)) != NULL) {
			undo_bring(u);
			return err;
		}
	}
	if ((err = finish(u)) != NULL) {
		if (!again)
			go_back(u);
		return err;
	}
	puts(TALK_SAY(&u->t, again ? STR_UPGRADE_SAME : STR_UPGRADE_DONE, NULL));
	return NULL;
}

/* The way back -------------------------------------------------------------------------- */

/* The schema of a database file that nobody writes to: four bytes of its head.  Or what a backup says of it. */
static const struct ib_err *
schema_of(const char *path, enum backup_kind *kind, int *schema)
{
	const struct ib_err *err;
	unsigned char head[64];
	struct backup b;
	ssize_t n;
	int fd;

	if ((err = backup_look(path, kind)) != NULL)
		return err;
	if (*kind == BACKUP_PLAIN) {
		err = backup_about(path, &b);
		*schema = b.schema;
		return err;
	}
	fd = *kind == BACKUP_DATABASE ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	n = fd < 0 ? -1 : pread(fd, head, sizeof(head), 0);
	if (fd >= 0)
		(void)close(fd);
	if (n != (ssize_t)sizeof(head))
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "%.150s: this is not the backup from before the upgrade", path);
	*schema = (int)((unsigned)head[60] << 24 | (unsigned)head[61] << 16 | (unsigned)head[62] << 8 | head[63]);
	return NULL;
}

/* Workers end when the program at their path is another one, or was touched; without an archive somebody ends them. */
static void
send_workers_away(struct talk *t)
{
	const char *program = home_parts() == NULL ? NULL :
	    arena_printf(&t->a, "%s/current/lib/messenger-inbox/inbox.fcgi", home_prefix());

	if (program != NULL && utimensat(AT_FDCWD, program, NULL, 0) != 0)
		fprintf(stderr, "inboxctl: %s: %s\n", program, strerror(errno));
}

const struct ib_err *
ctl_clear(struct talk *t, const struct conf *conf, int *gate)
{
	const char *path = conf_str(conf, CONF_DATABASE);
	unsigned disk = conf_bool(conf, CONF_ANY_DISK) ? DB_ANY_DISK : 0;
	int64_t until = clock_mono() + LEAVE_S * MS_SECOND;
	const struct ib_err *err;

	if ((err = db_gate_shut(path, gate)) != NULL)
		return err;
	TALK(t, STR_SETUP_MARK_NOTE, STR_ROLLBACK_WAITING, NULL);
	send_workers_away(t);
	while ((err = db_restore_may(path, disk, true)) != NULL && err->code == IB_EBUSY && clock_mono() < until)
		clock_nap(200);
	return err;
}

/* Files that the backup has and the folder has not any more; one that is there is left alone. */
static const struct ib_err *
put_files(struct upgrade *u, const char *from)
{
	const struct ib_err *err = NULL;
	const char *path, *to;
	int64_t files = 0;
	struct dirent *e;
	DIR *d;

	if (mkdir(u->media, 0700) != 0 && errno != EEXIST)
		return failed(u->media);
	if ((d = opendir(from)) == NULL)
		return failed(from);
	while (err == NULL && (e = readdir(d)) != NULL) {
		if (*e->d_name == '.')
			continue;
		(void)fault(FAULT_STEP);
		path = arena_printf(&u->t.a, "%s/%s", from, e->d_name);
		to = arena_printf(&u->t.a, "%s/%s", u->media, e->d_name);
		if (path == NULL || to == NULL)
			err = no_memory();
		else if (access(to, F_OK) != 0 && (err = file_appear(path, to)) == NULL)
			files++;
	}
	(void)closedir(d);
	if (err == NULL && files > 0)
		TALK(&u->t, STR_SETUP_MARK_OK, STR_ROLLBACK_FILES, "n", talk_int(&u->t, files), NULL);
	return err;
}

/*
 * The database of before, as soon as the processes of this version have ended, and the
 * switch.  Nobody gets in meanwhile; if this process dies the way in is open again, and
 * this version brings up to date whatever it finds.
 */
static const struct ib_err *
restore_and_switch(struct upgrade *u, enum backup_kind kind, const char *back)
{
	const char *path = conf_str(u->conf, CONF_DATABASE);
	unsigned disk = conf_bool(u->conf, CONF_ANY_DISK) ? DB_ANY_DISK : 0;
	const char *stage = ctl_stage(&u->t, u->media, "back"), *aside, *from = u->before, *files = NULL;
	const struct ib_err *err = NULL;
	struct backup b;
	int gate = -1;

	if (stage == NULL || (aside = arena_printf(&u->t.a, "%s.before-%lld", path, (long long)clock_now())) == NULL)
		return no_memory();
	(void)fault(FAULT_STEP);
	if (kind == BACKUP_PLAIN) {
		from = arena_printf(&u->t.a, "%s/inbox.db", stage);
		files = arena_printf(&u->t.a, "%s/media", stage);
		err = from == NULL || files == NULL ? no_memory() : backup_read(u->before, NULL, stage, u->media, &b);
		(void)fault(FAULT_STEP);
	}
	if (err == NULL)
		err = ctl_clear(&u->t, u->conf, &gate);
	(void)fault(FAULT_STEP);
	if (err == NULL && files != NULL)
		err = put_files(u, files);
	if (err == NULL)
		err = db_restore(from, path, disk | DB_AS_IT_IS, aside, NULL, NULL);
	if (file_remove(stage) != NULL)
		fprintf(stderr, "inboxctl: %s could not be removed\n", stage);
	if (err == NULL) {
		TALK(&u->t, STR_SETUP_MARK_OK, STR_ROLLBACK_RESTORED, "path", u->before, "aside", aside, NULL);
		(void)fault(FAULT_STEP);
		err = set_link(u, "current", back);
	}
	if (gate >= 0)
		(void)close(gate);
	return err;
}

static const struct ib_err *
rollback(struct upgrade *u, bool told)
{
	const char *back = link_of(u, "previous");
	const struct ib_err *err;
	enum backup_kind kind;
	struct db *db = NULL;
	int schema = 0;

	(void)snprintf(u->name, sizeof(u->name), "%s", name_of(u->was));
	if (strcmp(back, u->was) == 0 || strcmp(u->was, ".") == 0)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "there is no version to go back to");
	if ((u->before = before_name(u, u->name)) == NULL)
		return no_memory();
	if ((err = schema_of(u->before, &kind, &schema)) != NULL)
		return err;
	/* The database has this program's schema when this program can open it. */
	if ((err = ctl_open_db(u->conf, 0, &db)) != NULL)
		return err;
	db_close(db);
	if (schema != db_schema_version() && !told && !talk_yes(&u->t, TALK_SAY(&u->t, STR_ROLLBACK_ASK, "path", u->before, NULL)))
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "the database is of this version: to go back to its copy from before the "
		    "upgrade say --restore; what came since is kept in a file");
	(void)fault(FAULT_STEP);
	err = schema == db_schema_version() ? set_link(u, "current", back) : restore_and_switch(u, kind, back);
	if (err != NULL) {
		TALK(&u->t, STR_SETUP_MARK_NOTE, STR_ROLLBACK_BACK, NULL);
		return err;
	}
	TALK(&u->t, STR_SETUP_MARK_OK, STR_ROLLBACK_SWITCHED, NULL);
	(void)fault(FAULT_STEP);
	refresh_web(u);
	if ((err = child_serves(&u->t.a, in_home(u, back), u->conf, ctl_conf_path())) != NULL)
		return err;
	TALK(&u->t, STR_SETUP_MARK_OK, STR_UPGRADE_ANSWERS, NULL);
	puts(TALK_SAY(&u->t, STR_ROLLBACK_DONE, NULL));
	return NULL;
}

/* ---------------------------------------------------------------------------------------- */

int
ctl_upgrade(const struct conf *conf, char *const *args)
{
	const struct ib_err *err;
	bool database_only = args[0] != NULL && strcmp(args[0], "--database-only") == 0;
	struct upgrade u;
	int rc = 0;

	args += database_only ? 1 : 0;
	if (args[0] == NULL || args[1] != NULL || *args[0] == '-') {
		fputs("usage: inboxctl [-c FILE] upgrade [--database-only] ARCHIVE\n", stderr);
		return 2;
	}
	(void)umask(077);
	if ((err = upgrade_begin(&u, conf)) == NULL) {
		u.database_only = database_only;
		err = upgrade(&u, args[0]);
	}
	if (err != NULL)
		rc = ctl_fail(err);
	upgrade_end(&u);
	return rc;
}

int
ctl_rollback(const struct conf *conf, char *const *args)
{
	bool told = args[0] != NULL && strcmp(args[0], "--restore") == 0;
	const struct ib_err *err;
	struct upgrade u;
	int rc = 0;

	if (args[told ? 1 : 0] != NULL) {
		fputs("usage: inboxctl [-c FILE] rollback [--restore]\n", stderr);
		return 2;
	}
	(void)umask(077);
	if ((err = upgrade_begin(&u, conf)) == NULL)
		err = rollback(&u, told);
	if (err != NULL)
		rc = ctl_fail(err);
	upgrade_end(&u);
	return rc;
}
