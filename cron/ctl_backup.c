/* SPDX-License-Identifier: MIT */
/*
 * ctl_backup.c - inboxctl backup and restore.
 *
 *   backup [--encrypt | --passphrase-file FILE] FILE     everything but keys and configuration
 *   backup --database-only FILE                          a copy of the database alone
 *   backup --drill [--passphrase-file FILE] [FILE]       is it good?  Without FILE: one is made for it
 *   restore [--passphrase-file FILE] [--replace] FILE    any of these
 *
 * A drill restores into a folder of its own beside the media, counts and compares,
 * and takes it away again.  Restoring unpacks there first, checks, and then lets the
 * database appear, and the media folder after it.  What was there is kept under
 * another name, and only when --replace or the person at the terminal says so.
 */
#include "ctl.h"

#include "../lib/base/clock.h"
#include "../lib/base/crypt.h"
#include "../lib/base/file.h"
#include "../lib/base/str.h"
#include "../lib/store/backup.h"
#include "../lib/store/install.h"
#include "../lib/sync/sync.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct wish {
	const char	*file, *passphrase_file;
	bool		 encrypt, database_only, drill, replace;
	char		 passphrase[PASSPHRASE_MAX];
};

static bool
read_wish(char *const *args, bool restore, struct wish *w)
{
	memset(w, 0, sizeof(*w));
	for (; *args != NULL; args++) {
		if (strcmp(*args, "--passphrase-file") == 0 && args[1] != NULL)
			w->passphrase_file = *++args;
		else if (restore && strcmp(*args, "--replace") == 0)
			w->replace = true;
		else if (!restore && strcmp(*args, "--encrypt") == 0)
			w->encrypt = true;
		else if (!restore && strcmp(*args, "--database-only") == 0)
			w->database_only = true;
		else if (!restore && strcmp(*args, "--drill") == 0)
			w->drill = true;
		else if (**args == '-' || w->file != NULL)
			return false;
		else
			w->file = *args;
	}
	if (!w->drill && w->passphrase_file != NULL)
		w->encrypt = true;
	return (w->file != NULL || w->drill) && !(w->database_only && (w->encrypt || w->drill));
}

static int
usage(bool restore)
{
	fputs(restore ? "usage: inboxctl [-c FILE] restore [--passphrase-file FILE] [--replace] FILE\n" :
	    "usage: inboxctl [-c FILE] backup [--encrypt | --passphrase-file FILE] [--database-only] FILE\n"
	    "       inboxctl [-c FILE] backup --drill [--passphrase-file FILE] [FILE]\n", stderr);
	return 2;
}

static unsigned
disk_flag(const struct conf *conf)
{
	return conf_bool(conf, CONF_ANY_DISK) ? DB_ANY_DISK : 0;
}

/* Writing -------------------------------------------------------------------------- */

static const struct ib_err *
write_backup(const struct conf *conf, struct talk *t, const char *to, const char *passphrase, struct backup *b)
{
	const char *media = sync_media_path(conf, &t->a);
	const struct ib_err *err;
	struct db *db = NULL;

	if (media == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "backup");
	if ((err = ctl_open_db(conf, 0, &db)) == NULL)
		err = backup_write(db, media, to, passphrase, clock_now(), b);
	db_close(db);
	return err;
}

static const struct ib_err *
make(const struct conf *conf, struct talk *t, struct wish *w)
{
	const struct ib_err *err;
	struct db *db = NULL;
	struct backup b;
	struct stat sb;

	if (w->database_only) {
		if ((err = ctl_open_db(conf, 0, &db)) == NULL)
			err = db_backup(db, w->file);
		db_close(db);
	} else if (!w->encrypt || (err = talk_passphrase(t, w->passphrase_file, true, w->passphrase)) == NULL) {
		err = write_backup(conf, t, w->file, w->encrypt ? w->passphrase : NULL, &b);
	}
	if (err != NULL || stat(w->file, &sb) != 0)
		return err;
	TALK(t, STR_SETUP_MARK_MADE, STR_BACKUP_WROTE, "path", w->file, "bytes", talk_int(t, sb.st_size), NULL);
	if (!w->database_only)
		TALK(t, STR_SETUP_MARK_OK, STR_BACKUP_HOLDS, "files", talk_int(t, b.files), NULL);
	TALK(t, STR_SETUP_MARK_NOTE, w->database_only ? STR_BACKUP_WITHOUT_FILES : STR_BACKUP_WITHOUT_KEYS, NULL);
	if (!w->database_only && !w->encrypt)
		TALK(t, STR_SETUP_MARK_NOTE, STR_BACKUP_OPEN, NULL);
	return NULL;
}

/* Looking at a copy ---------------------------------------------------------------- */

/* The keys at hand must fit: one sealed token of the copy is opened. */
struct probe {
	const struct keyring *keys;
	const char	*media;			/* NULL: nothing about files */
	bool		 any;			/* tokens */
	int64_t		 named, there;		/* files */
	char		 rows[BACKUP_ABOUT_MAX];
};

static const struct ib_err *
look_at_copy(struct db *copy, void *arg)
{
	const struct ib_err *err;
	struct probe *p = arg;
	struct arena a;
	bool opened;

	arena_init(&a, 1 << 20);
	err = install_probe_tokens(copy, p->keys, &a, &p->any, &opened);
	if (err == NULL && p->any && !opened)
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER,
		    "the key file does not fit this backup: put back the one that was in use with it");
	if (err == NULL)
		err = backup_rows(copy, p->rows);
	if (err == NULL && p->media != NULL)
		err = backup_files(copy, p->media, &p->named, &p->there);
	arena_fini(&a);
	return err;
}

static void
tell_copy(struct talk *t, const struct probe *p)
{
	TALK(t, STR_SETUP_MARK_OK, STR_BACKUP_WHOLE, "schema", talk_int(t, db_schema_version()), NULL);
	TALK(t, STR_SETUP_MARK_OK, p->any ? STR_BACKUP_KEYS_FIT : STR_BACKUP_NO_TOKENS, NULL);
	if (p->media == NULL)
		return;
	TALK(t, STR_SETUP_MARK_OK, STR_BACKUP_FILES, "there", talk_int(t, p->there), "named", talk_int(t, p->named), NULL);
	if (p->there < p->named)
		TALK(t, STR_SETUP_MARK_NOTE, STR_BACKUP_FILES_MISSING, "n", talk_int(t, p->named - p->there), NULL);
}

const char *
ctl_stage(struct talk *t, const char *media, const char *what)
{
	const char *prefix = arena_printf(&t->a, "%s.%s-", media, what);

	if (prefix == NULL)
		return NULL;
	file_sweep_dead(prefix);
	return arena_printf(&t->a, "%s%ld", prefix, (long)getpid());
}

/* What is in the file, unpacked into `stage`; a copy of the database alone stays where it is: *db. */
static const struct ib_err *
unpack(struct talk *t, struct wish *w, const char *stage, const char **db, const char **media, struct backup *b)
{
	const struct ib_err *err;
	enum backup_kind kind;

	*media = NULL;
	*db = w->file;
	memset(b, 0, sizeof(*b));
	if ((err = backup_look(w->file, &kind)) != NULL || kind == BACKUP_DATABASE)
		return err;
	if (kind == BACKUP_NONE)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "%.150s is no backup of this program", w->file);
	if (kind == BACKUP_SEALED && *w->passphrase == '\0' &&
	    (err = talk_passphrase(t, w->passphrase_file, false, w->passphrase)) != NULL)
		return err;
	*db = arena_printf(&t->a, "%s/inbox.db", stage);
	*media = arena_printf(&t->a, "%s/media", stage);
	if (*db == NULL || *media == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "backup");
	return backup_read(w->file, kind == BACKUP_SEALED ? w->passphrase : NULL, stage, NULL, b);
}

/* The drill ------------------------------------------------------------------------- */

/* The number that a list of rows has for the table of this line; -1: none. */
static int64_t
rows_of(const char *rows, const char *line, size_t name)
{
	int64_t v = 0;

	for (; *rows != '\0'; rows += *rows == '\n') {
		if (strncmp(rows, line, name + 1) == 0) {
			for (rows += name + 1; *rows >= '0' && *rows <= '9'; rows++)
				v = 10 * v + (*rows - '0');
			return v;
		}
		rows += strcspn(rows, "\n");
	}
	return -1;
}

/* Table by table: as it was written, as it came back, as the inbox has it now.  False: something is missing. */
static bool
compare(struct talk *t, const char *written, const char *back, const char *now)
{
	const char *line;
	bool same = true;
	size_t n;

	for (line = *written != '\0' ? written : back; *line != '\0'; line += strcspn(line, "\n") + 1) {
		int64_t was, is;

		n = strcspn(line, " \n");
		if (line[n] != ' ')
			break;
		was = rows_of(line, line, n);
		is = rows_of(back, line, n);
		same &= was == is;
		TALK(t, was == is ? STR_SETUP_MARK_OK : STR_SETUP_MARK_WRONG, STR_BACKUP_ROWS, "table", arena_dupn(&t->a, line, n),
		    "was", talk_int(t, was), "is", talk_int(t, is), "now", talk_int(t, rows_of(now, line, n)), NULL);
	}
	return same;
}

static const struct ib_err *
drill(const struct conf *conf, struct talk *t, struct wish *w)
{
	const char *media = sync_media_path(conf, &t->a), *stage, *db = NULL, *to, *files = NULL;
	struct probe probe = { .any = false };
	struct keyring *keys = NULL;
	const struct ib_err *err;
	struct db *live = NULL;
	struct backup b;
	char now[BACKUP_ABOUT_MAX] = "";
	bool same;

	if (media == NULL || (stage = ctl_stage(t, media, "restore")) == NULL ||
	    (to = arena_printf(&t->a, "%s/back.db", stage)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "drill");
	if ((err = keyring_load(conf_str(conf, CONF_KEY_FILE), &keys)) != NULL)
		return err;
	if (w->file == NULL) {
		if ((w->file = ctl_stage(t, media, "drill")) == NULL)
			err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "drill");
		else if ((err = write_backup(conf, t, w->file, NULL, &b)) == NULL)
			err = unpack(t, w, stage, &db, &files, &b);
		if (w->file != NULL)
			(void)unlink(w->file);
	} else {
		err = unpack(t, w, stage, &db, &files, &b);
	}
	if (err == NULL && files == NULL && mkdir(stage, 0700) != 0)
		err = ib_fail(IB_ESYS, IB_RETRY_LATER, "%.150s: %s", stage, strerror(errno));
	probe.keys = keys;
	probe.media = files;
	if (err == NULL)
		err = db_restore(db, to, disk_flag(conf), NULL, look_at_copy, &probe);
	if (err == NULL && (err = ctl_open_db(conf, DB_READONLY, &live)) == NULL)
		err = backup_rows(live, now);
	db_close(live);
	keyring_free(keys);
	if (err == NULL) {
		if (files != NULL)
			TALK(t, STR_SETUP_MARK_OK, STR_BACKUP_ABOUT, "at", b.made, "program", b.program, "schema", talk_int(t, b.schema),
			    NULL);
		tell_copy(t, &probe);
		same = compare(t, b.rows, probe.rows, now);
		puts(TALK_SAY(t, same ? STR_BACKUP_GOOD : STR_BACKUP_BAD, NULL));
		if (!same)
			err = ib_fail(IB_EPARSE, IB_RETRY_NEVER, "the rows that came back are not those that were written");
	}
	if (err == NULL)
		err = file_remove(stage);
	else if (file_remove(stage) != NULL)
		fprintf(stderr, "inboxctl: %s could not be removed\n", stage);
	return err;
}

/* The way back ---------------------------------------------------------------------- */

static bool
holds_something(const char *folder)
{
	struct dirent *e;
	bool any = false;
	DIR *d;

	if ((d = opendir(folder)) == NULL)
		return errno != ENOENT;
	while (!any && (e = readdir(d)) != NULL)
		any = strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	(void)closedir(d);
	return any;
}

/* The unpacked files take the place of the folder, which is kept as `aside` when there is something in it. */
static const struct ib_err *
put_media(const char *from, const char *media, const char *aside)
{
	if ((aside != NULL && holds_something(media) ? rename(media, aside) : rmdir(media)) != 0 && errno != ENOENT)
		return ib_fail(IB_ESYS, IB_RETRY_NEVER, "%.150s: %s", media, strerror(errno));
	return file_replace(from, media);
}

/* Refused before much is unpacked: the inbox runs, or there is something that was not given up. */
static const struct ib_err *
may_restore(const struct conf *conf, struct talk *t, struct wish *w, const char *media, enum backup_kind kind)
{
	const char *path = conf_str(conf, CONF_DATABASE);
	const struct ib_err *err;
	bool there = access(path, F_OK) == 0 || (kind != BACKUP_DATABASE && holds_something(media));

	if (there && !w->replace)
		w->replace = talk_yes(t, TALK_SAY(t, STR_BACKUP_ASK_REPLACE, "path", path, NULL));
	if ((err = db_restore_may(path, disk_flag(conf), w->replace)) != NULL)
		return err;
	if (kind != BACKUP_DATABASE && !w->replace && holds_something(media))
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "%.150s holds files; they are not overwritten: move the folder away "
		    "first, or say --replace", media);
	return NULL;
}

static const struct ib_err *
restore(const struct conf *conf, struct talk *t, struct wish *w)
{
	const char *path = conf_str(conf, CONF_DATABASE), *media = sync_media_path(conf, &t->a), *db, *files = NULL, *stage;
	const char *aside = NULL, *media_aside = NULL;
	struct probe probe = { .any = false };
	struct keyring *keys = NULL;
	const struct ib_err *err;
	enum backup_kind kind;
	struct backup b;

	if (media == NULL || (stage = ctl_stage(t, media, "restore")) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "restore");
	if ((err = keyring_load(conf_str(conf, CONF_KEY_FILE), &keys)) != NULL)
		return err;
	if ((err = backup_look(w->file, &kind)) != NULL || (err = may_restore(conf, t, w, media, kind)) != NULL ||
	    (err = unpack(t, w, stage, &db, &files, &b)) != NULL)
		goto done;
	if (w->replace) {
		aside = arena_printf(&t->a, "%s.before-%lld", path, (long long)clock_now());
		media_aside = arena_printf(&t->a, "%s.before-%lld", media, (long long)clock_now());
		if (aside == NULL || media_aside == NULL) {
			err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "restore");
			goto done;
		}
	}
	probe.keys = keys;
	probe.media = files;
	if ((err = db_restore(db, path, disk_flag(conf), aside, look_at_copy, &probe)) != NULL ||
	    (files != NULL && (err = put_media(files, media, media_aside)) != NULL))
		goto done;
	TALK(t, STR_SETUP_MARK_MADE, STR_BACKUP_RESTORED, "path", path, "from", w->file, NULL);
	tell_copy(t, &probe);
	if (aside != NULL && access(aside, F_OK) == 0)
		TALK(t, STR_SETUP_MARK_NOTE, STR_BACKUP_ASIDE, "path", aside, NULL);
	if (media_aside != NULL && access(media_aside, F_OK) == 0)
		TALK(t, STR_SETUP_MARK_NOTE, STR_BACKUP_ASIDE, "path", media_aside, NULL);
	TALK(t, STR_SETUP_MARK_NOTE, files != NULL ? STR_BACKUP_NEXT : STR_BACKUP_NEXT_DATABASE, NULL);
done:
	keyring_free(keys);
	if (file_remove(stage) != NULL)
		fprintf(stderr, "inboxctl: %s could not be removed\n", stage);
	return err;
}

/* ----------------------------------------------------------------------------------- */

static int
run(const struct conf *conf, struct wish *w, const struct ib_err *(*fn)(const struct conf *, struct talk *, struct wish *))
{
	const struct ib_err *err;
	struct talk t;
	int rc = 0;

	(void)umask(077);
	if ((err = talk_open(&t, conf)) == NULL)
		err = fn(conf, &t, w);
	if (err != NULL)
		rc = ctl_fail(err);
	talk_close(&t);
	crypt_wipe(w->passphrase, sizeof(w->passphrase));
	return rc;
}

int
ctl_backup(const struct conf *conf, char *const *args)
{
	struct wish w;

	return read_wish(args, false, &w) ? run(conf, &w, w.drill ? drill : make) : usage(false);
}

int
ctl_restore(const struct conf *conf, char *const *args)
{
	struct wish w;

	return read_wish(args, true, &w) ? run(conf, &w, restore) : usage(true);
}
