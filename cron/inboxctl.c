/* SPDX-License-Identifier: MIT */
/*
 * inboxctl - the administrator's hand tool.
 *
 *   setup           make an inbox of what was unpacked or installed, and prove it
 *   init            make key file, database and media folder where absent
 *   check           configuration, keys, catalogues, templates, database: one
 *                   line each
 *   doctor          is everything as it should be, from outside in
 *   backup ...      everything in one file, while everything runs; is it good?
 *   restore ...     the way back
 *   upgrade ARCHIVE another version, tried before it counts; rollback: the one before
 *   remove ...      what set-up and upgrades made, and with --data all the rest
 *   shelf ...       events that could not be processed: list, show ID, retry
 *   security        how safe it is: files, web server, versions; from outside, too
 *   status          what the engine did last and what waits
 *
 * Each verb says what it did or what is wrong, and exits 0 only when all is
 * well (2: configuration, 1: anything else).
 */
#include "../lib/base/cat.h"
#include "../lib/base/clock.h"
#include "../lib/base/conf.h"
#include "../lib/base/crypt.h"
#include "../lib/base/fault.h"
#include "../lib/base/home.h"
#include "../lib/base/log.h"
#include "../lib/base/str.h"
#include "../lib/db/db.h"
#include "../lib/store/note.h"
#include "../lib/store/shelf.h"
#include "../lib/tmpl/tmpl.h"
#include "../cgi-bin/views.h"
#include "ctl.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *conf_file;

const char *
ctl_conf_path(void)
{
	return conf_file;
}

int
ctl_fail(const struct ib_err *err)
{
	fprintf(stderr, "inboxctl: %s\n", err->msg);
	return err->code == IB_ECONF ? 2 : 1;
}

/* The database of the configuration. */
const struct ib_err *
ctl_open_db(const struct conf *conf, unsigned flags, struct db **db)
{
	if (conf_bool(conf, CONF_ANY_DISK))
		flags |= DB_ANY_DISK;
	return db_open(conf_str(conf, CONF_DATABASE), flags, db);
}

static int
verb_init(const struct conf *conf, char *const *args)
{
	const char *keys = conf_str(conf, CONF_KEY_FILE), *path = conf_str(conf, CONF_DATABASE);
	const struct ib_err *err;
	struct db *db;

	(void)args;
	if (access(keys, F_OK) != 0) {
		if ((err = keyring_create(keys)) != NULL)
			return ctl_fail(err);
		printf("made   %s (keep a copy: without it the stored tokens cannot be opened)\n", keys);
	}
	if (access(path, F_OK) != 0)
		printf("made   %s\n", path);
	if ((err = ctl_open_db(conf, DB_CREATE | DB_MIGRATE, &db)) != NULL)
		return ctl_fail(err);
	db_close(db);
	puts("ready");
	return 0;
}

static bool
tell(const char *what, const struct ib_err *err)
{
	printf("%-6s %s%s%s\n", err == NULL ? "ok" : "FAIL", what, err == NULL ? "" : ": ",
	    err == NULL ? "" : err->msg);
	return err == NULL;
}

static int
verb_check(const struct conf *conf, char *const *args)
{
	const char *dir = conf_str(conf, CONF_CATALOGUES), *html = conf_str(conf, CONF_TEMPLATES);
	const struct ib_err *err;
	struct keyring *keys = NULL;
	struct tmpl_set *set = NULL;
	struct cats *cats = NULL;
	struct arena a;
	struct db *db = NULL;
	bool ok = true, whole;
	char *what;

	(void)args;
	arena_init(&a, 1 << 20);
	ok &= tell("configuration", NULL);
	ok &= tell("keys", keyring_load(conf_str(conf, CONF_KEY_FILE), &keys));
	ok &= tell("catalogues", cats_load(home_folder(dir, HOME_PO), &cats));
	if (cats != NULL)
		ok &= tell("templates", tmpl_load(home_folder(html, HOME_TEMPLATES), cats,
		    tpl_decls, TPL_MAX, url_is_loopback(conf_str(conf, CONF_BASE_URL)), false, &set));
	err = ctl_open_db(conf, 0, &db);
	if (err == NULL && (err = db_check(db, &a, &whole, &what)) == NULL && !whole)
		err = ib_fail(IB_EDB, IB_RETRY_NEVER, "%s", what != NULL ? what : "damaged");
	ok &= tell("database", err);
	db_close(db);
	tmpl_free(set);
	cats_free(cats);
	keyring_free(keys);
	arena_fini(&a);
	return ok ? 0 : 1;
}

static int
verb_status(const struct conf *conf, char *const *args)
{
	const struct ib_err *err;
	int64_t last = 0, waiting = 0, held = 0, checked = 0;
	const char *found_by = NULL;
	struct arena a;
	struct db *db;
	char iso[25];
	bool found;

	(void)args;
	if ((err = ctl_open_db(conf, 0, &db)) != NULL)
		return ctl_fail(err);
	arena_init(&a, 1 << 20);
	if ((err = db_get_int(db, ST_RUN_LAST, &last, &found, "")) == NULL &&
	    (err = db_get_int(db, ST_OUTBOX_PENDING, &waiting, &found, "i", INT64_MAX)) == NULL)
		err = shelf_count(db, 0, &held);
	if (err == NULL)
		err = note_get(db, &a, NOTE_CHECK, &checked, &found_by);
	if (err == NULL) {
		clock_iso(last, iso);
		printf("last run          %s\n", last > 0 ? iso : "never");
		printf("replies waiting   %lld\n", (long long)waiting);
		printf("events held back  %lld\n", (long long)held);
		printf("WAL               %lld bytes\n", (long long)db_wal_size(db));
		clock_iso(checked, iso);
		printf("database check    %s%s%s\n", found_by != NULL ? found_by : "never",
		    found_by != NULL ? ", " : "", found_by != NULL ? iso : "");
	}
	arena_fini(&a);
	db_close(db);
	return err == NULL ? 0 : ctl_fail(err);
}

static const struct {
	const char	*name;
	int		(*fn)(const struct conf *, char *const *args);
	int		 most;		/* words after the verb */
} verbs[] = {
	{ "init", verb_init, 0 }, { "check", verb_check, 0 }, { "doctor", ctl_doctor, 0 }, { "backup", ctl_backup, 8 },
	{ "restore", ctl_restore, 8 }, { "upgrade", ctl_upgrade, 2 }, { "rollback", ctl_rollback, 2 },
	{ "remove", ctl_remove, 2 },
	{ "status", verb_status, 0 }, { "shelf", ctl_shelf, 2 },
	{ "security", ctl_security, 0 }, { "sandbox", ctl_sandbox, 1 },
};

static int
usage(FILE *to)
{
	fputs("usage: inboxctl [-c FILE] init | check | doctor | status | security\n"
	    "       inboxctl [-c FILE] backup [--encrypt | --passphrase-file FILE] [--database-only] FILE\n"
	    "       inboxctl [-c FILE] backup --drill [--passphrase-file FILE] [FILE]\n"
	    "       inboxctl [-c FILE] restore [--passphrase-file FILE] [--replace] FILE\n"
	    "       inboxctl [-c FILE] upgrade [--database-only] ARCHIVE\n"
	    "       inboxctl [-c FILE] rollback [--restore]\n"
	    "       inboxctl [-c FILE] remove [--data] [--yes]\n"
	    "       inboxctl [-c FILE] setup [--check] [--answers FILE] | --link | --web\n"
	    "       inboxctl [-c FILE] sandbox [PORT | remove]\n"
	    "       inboxctl [-c FILE] shelf [list | show ID | retry]\n", to);
	return 2;
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "conf", required_argument, NULL, 'c' }, { "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 }
	};
	const char *file = home_conf();
	const struct ib_err *err;
	struct conf *conf;
	size_t i;
	int c, rc;

	while ((c = getopt_long(argc, argv, "+c:h", longs, NULL)) != -1) {
		if (c == 'c') {
			file = optarg;
		} else if (c == 'V') {
			puts("inboxctl " PACKAGE_VERSION);
			return 0;
		} else if (c == 'h') {
			(void)usage(stdout);
			return 0;
		} else {
			return usage(stderr);
		}
	}
	if (optind < argc && strcmp(argv[optind], "setup") == 0) {
		log_init("inboxctl", LOG_WARN_, 2);
		return ctl_setup(file, argv + optind + 1);
	}
	for (i = 0; optind < argc && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(argv[optind], verbs[i].name) != 0)
			continue;
		if (argc - optind - 1 > verbs[i].most)
			return usage(stderr);
		log_init("inboxctl", LOG_WARN_, 2);
		(void)signal(SIGXFSZ, SIG_IGN);		/* no room is an error like any other */
		if ((err = conf_load(file, &conf)) != NULL)
			return ctl_fail(err);
		conf_file = file;
		fault_arm();
		rc = verbs[i].fn(conf, argv + optind + 1);
		conf_free(conf);
		return rc;
	}
	return usage(stderr);
}
