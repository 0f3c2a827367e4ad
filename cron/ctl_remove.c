/* SPDX-License-Identifier: MIT */
/*
 * ctl_remove.c - inboxctl remove: what set-up and upgrades made goes again.
 *
 *   remove [--data] [--yes]
 *
 * Shows what would go and what stays; it goes only with --yes or when the person at
 * the terminal says so.  Of the web folder only what set-up put there; of the crontab
 * the one line; of the program what an archive brought.  Configuration, keys, database
 * and files stay, unless --data is said.  Folders go when nothing is left in them.
 * Interrupted, it goes on when it is called again: the program itself goes last.
 */
#include "ctl.h"
#include "ctl_setup.h"

#include "../lib/base/fault.h"
#include "../lib/base/file.h"
#include "../lib/base/home.h"
#include "../lib/base/str.h"
#include "../lib/sync/sync.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ITEMS_MAX	512

enum what { GOES, GOES_IF_EMPTY, STAYS };

struct removal {
	struct talk	 t;
	const struct conf *conf;
	struct { const char *path; enum what what; } item[ITEMS_MAX];
	size_t		 n;
	const char	*cron;		/* the line, when it is there */
	bool		 data, full;
};

static void
add(struct removal *r, const char *path, enum what what)
{
	struct stat sb;

	if (path == NULL || r->n == ITEMS_MAX)
		r->full = true;
	else if (lstat(path, &sb) == 0) {
		r->item[r->n].path = path;
		r->item[r->n++].what = what;
	}
}

static const char *
below(struct removal *r, const char *folder, const char *name)
{
	return arena_printf(&r->t.a, "%s/%s", folder, name);
}

/* Copies that were kept aside, and what a process that was killed left of its work. */
static bool
is_tail(const char *tail)
{
	static const char *const tails[] = { ".before-", ".copy-", ".restore-", ".back-", ".drill-", ".trial-" };
	size_t i;

	for (i = 0; i < sizeof(tails) / sizeof(tails[0]); i++)
		if (str_starts(tail, tails[i]))
			return true;
	return *tail == '-' && strcmp(tail, "-lock") != 0;
}

/* What is called as `path` with something of ours behind it, too. */
static void
add_with_tails(struct removal *r, const char *path, enum what what)
{
	const char *folder = file_folder(&r->t.a, path), *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
	struct dirent *e;
	size_t n = strlen(name);
	DIR *d;

	add(r, path, what);
	if (folder == NULL || (d = opendir(folder)) == NULL)
		return;
	while ((e = readdir(d)) != NULL)
		if (strncmp(e->d_name, name, n) == 0 && is_tail(e->d_name + n))
			add(r, below(r, folder, e->d_name), what);
	(void)closedir(d);
}

/* Only what set-up put there: the names of our own static files, and files with our mark. */
static void
list_web(struct removal *r)
{
	const char *web = conf_str(r->conf, CONF_WEB_FOLDER), *ours = home_folder(NULL, HOME_STATIC), *to;
	struct dirent *e;
	size_t i;
	DIR *d;

	if (*web == '\0' || (to = below(r, web, "static")) == NULL)
		return;
	if (!setup_web_is_ours(web))
		return;
	for (i = 0; setup_entries[i] != NULL; i++)
		add(r, below(r, web, setup_entries[i]), GOES);
	if ((d = opendir(ours)) != NULL) {
		while ((e = readdir(d)) != NULL)
			if (e->d_name[0] != '.')
				add(r, below(r, to, e->d_name), GOES);
		(void)closedir(d);
	}
	add(r, to, GOES_IF_EMPTY);
	/* It has the mark by which the folder is known as ours: last. */
	add(r, below(r, web, ".htaccess"), GOES);
	add(r, web, GOES_IF_EMPTY);
}

static void
list_data(struct removal *r)
{
	const char *db = conf_str(r->conf, CONF_DATABASE), *media = sync_media_path(r->conf, &r->t.a), *folder;
	enum what what = r->data ? GOES : STAYS;

	if ((folder = file_folder(&r->t.a, db)) == NULL || media == NULL) {
		r->full = true;
		return;
	}
	add_with_tails(r, db, what);
	add_with_tails(r, media, what);
	add(r, below(r, folder, "exports"), what);
	add(r, conf_str(r->conf, CONF_KEY_FILE), what);
	/* Without keys no program starts, so nobody makes anew what the lock kept from them. */
	if (r->data)
		add(r, arena_printf(&r->t.a, "%s-lock", db), GOES);
	add(r, ctl_conf_path(), what);
	if (!r->data)
		return;
	add(r, folder, GOES_IF_EMPTY);
	add(r, home_etc(), GOES_IF_EMPTY);
}

static void
list_program(struct removal *r)
{
	static const char *const trees[] = { "versions", "previous", "share/messenger-inbox", "share/doc/messenger-inbox",
	    "share/man/man8/inbox.fcgi.8", "share/man/man8/inbox-sync.8", "share/man/man8/inboxctl.8", "share/man/man5/inbox.conf.5",
	    "try", "libexec/messenger-inbox", "lib/messenger-inbox", "current", "bin/inbox-sync", "bin/inboxctl" };
	static const char *const folders[] = { "share/doc", "share/man/man8", "share/man/man5", "share/man", "share", "libexec", "lib", "bin",
	    "etc", "var", "" };
	size_t i;

	if (home_parts() == NULL)
		return;
	for (i = 0; i < sizeof(trees) / sizeof(trees[0]); i++)
		add(r, below(r, home_prefix(), trees[i]), GOES);
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		add(r, *folders[i] != '\0' ? below(r, home_prefix(), folders[i]) : home_prefix(), GOES_IF_EMPTY);
}

static void
show(struct removal *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (r->item[i].what == GOES)
			TALK(&r->t, STR_SETUP_MARK_OPEN, STR_REMOVE_WOULD, "path", r->item[i].path, NULL);
	if (r->cron != NULL)
		TALK(&r->t, STR_SETUP_MARK_OPEN, STR_REMOVE_WOULD_CRON, "line", r->cron, NULL);
	for (i = 0; i < r->n; i++)
		if (r->item[i].what == STAYS)
			TALK(&r->t, STR_SETUP_MARK_NOTE, STR_REMOVE_STAYS, "path", r->item[i].path, NULL);
	if (!r->data)
		TALK(&r->t, STR_SETUP_MARK_NOTE, STR_REMOVE_DATA_STAYS, NULL);
	if (home_parts() == NULL)
		TALK(&r->t, STR_SETUP_MARK_NOTE, STR_REMOVE_PROGRAM_STAYS, NULL);
	TALK(&r->t, STR_SETUP_MARK_NOTE, STR_REMOVE_SERVICES, NULL);
}

static const struct ib_err *
act(struct removal *r)
{
	const struct ib_err *err = NULL;
	int gate = -1;
	size_t i;

	/* Nobody goes on writing to what is not there any more. */
	if (r->data && access(conf_str(r->conf, CONF_DATABASE), F_OK) == 0 && (err = ctl_clear(&r->t, r->conf, &gate)) != NULL) {
		if (gate >= 0)
			(void)close(gate);
		return err;
	}
	(void)fault(FAULT_STEP);
	if (r->cron != NULL) {
		if (!setup_cron_drop(r->cron))
			err = ib_fail(IB_ESYS, IB_RETRY_NEVER, "the line could not be taken out of your crontab: do it by hand (crontab -e)");
		else
			TALK(&r->t, STR_SETUP_MARK_OK, STR_REMOVE_CRON, NULL);
	}
	for (i = 0; err == NULL && i < r->n; i++) {
		(void)fault(FAULT_STEP);
		if (r->item[i].what == GOES && (err = file_remove(r->item[i].path)) == NULL)
			TALK(&r->t, STR_SETUP_MARK_OK, STR_REMOVE_GONE, "path", r->item[i].path, NULL);
		else if (r->item[i].what == GOES_IF_EMPTY)
			(void)rmdir(r->item[i].path);
	}
	if (gate >= 0)
		(void)close(gate);
	return err;
}

static const struct ib_err *
run(struct removal *r, bool yes)
{
	const struct ib_err *err;
	char *line;

	/* Paths are the arena's: a line of crontab is as set-up wrote it. */
	if ((line = arena_printf(&r->t.a, "* * * * * %s/bin/inbox-sync -c %s --budget 50", home_prefix(), ctl_conf_path())) == NULL)
		r->full = true;
	else if (setup_cron_has(line))
		r->cron = line;
	list_web(r);
	list_data(r);
	list_program(r);
	if (r->full)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "remove: there is too much to remove");
	show(r);
	if (!yes && !talk_yes(&r->t, TALK_SAY(&r->t, r->data ? STR_REMOVE_ASK_DATA : STR_REMOVE_ASK, NULL))) {
		puts(TALK_SAY(&r->t, STR_REMOVE_NOTHING, NULL));
		return NULL;
	}
	if ((err = act(r)) == NULL)
		puts(TALK_SAY(&r->t, STR_REMOVE_DONE, NULL));
	return err;
}

int
ctl_remove(const struct conf *conf, char *const *args)
{
	static struct removal r;
	const struct ib_err *err;
	bool yes = false;
	int rc = 0;

	for (; *args != NULL; args++)
		if (strcmp(*args, "--data") == 0)
			r.data = true;
		else if (strcmp(*args, "--yes") == 0)
			yes = true;
		else {
			fputs("usage: inboxctl [-c FILE] remove [--data] [--yes]\n", stderr);
			return 2;
		}
	r.conf = conf;
	if ((err = talk_open(&r.t, conf)) == NULL)
		err = run(&r, yes);
	if (err != NULL)
		rc = ctl_fail(err);
	talk_close(&r.t);
	return rc;
}
