/* SPDX-License-Identifier: MIT */
/*
 * inbox-sync - the scheduled run: sends what is due, settles what is open,
 * compares with Facebook, refreshes tokens, keeps house.
 *
 * Started by cron each minute or so; when the former run is still at work it
 * leaves at once.  Exit codes: 0 ok, 1 partly, 2 configuration, 75 try later
 * (another run, a busy database).
 */
#include "../lib/base/clock.h"
#include "../lib/base/fault.h"
#include "../lib/base/fence.h"
#include "../lib/base/home.h"
#include "../lib/base/log.h"
#include "../lib/base/str.h"
#include "../lib/sync/sync.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CPU_S		300	/* beyond twice its budget something is wrong */

#define EX_PARTLY	1
#define EX_CONF		2
#define EX_LATER	75

static int
usage(FILE *to)
{
	fputs("usage: inbox-sync [-c FILE] [--budget SECONDS] [--driver NAME] [-n] [-v]\n", to);
	return EX_CONF;
}

static int
fail(const struct ib_err *err)
{
	fprintf(stderr, "inbox-sync: %s\n", err->msg);
	return err->code == IB_ECONF ? EX_CONF : err->retry == IB_RETRY_LATER ? EX_LATER : EX_PARTLY;
}

static int
run(const char *file, const char *driver, int64_t budget, bool check, bool verbose)
{
	const struct ib_err *err;
	struct keyring *keys = NULL;
	struct conf *conf = NULL;
	struct sync *s = NULL;
	struct db *db = NULL;
	unsigned flags = DB_MIGRATE;
	bool ran = false;
	int rc = 0;

	(void)signal(SIGXFSZ, SIG_IGN);		/* no room is an error like any other */
	if ((err = conf_load(file, &conf)) != NULL)
		return fail(err);
	log_init("inbox-sync", verbose ? LOG_DEBUG_ : LOG_INFO_, 2);
	clock_set_offset_file(*conf_str(conf, CONF_TEST_CLOCK) != '\0' ? conf_str(conf, CONF_TEST_CLOCK) : NULL);
	if (conf_bool(conf, CONF_ANY_DISK))
		flags |= DB_ANY_DISK;
	if ((err = keyring_load(conf_str(conf, CONF_KEY_FILE), &keys)) != NULL ||
	    (err = db_open(conf_str(conf, CONF_DATABASE), flags, &db)) != NULL ||
	    (err = sync_new(conf, db, keys, &s)) != NULL) {
		rc = fail(err);
		goto done;
	}
	if (check)
		goto done;
	fence_up(conf, false, budget / MS_SECOND * 2 + CPU_S, true);
	fault_arm();
	if ((err = sync_run(s, driver, budget, &ran)) != NULL) {
		log_err(err, "run");
		rc = fail(err);
	} else if (!ran) {
		log_event(LOG_INFO_, "run_skipped", "reason", "another run has the lease", NULL);
		rc = EX_LATER;
	}
done:
	sync_free(s);
	db_close(db);
	keyring_free(keys);
	conf_free(conf);
	return rc;
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "conf", required_argument, NULL, 'c' }, { "budget", required_argument, NULL, 'b' },
		{ "driver", required_argument, NULL, 'd' }, { "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 }
	};
	const char *file = home_conf(), *driver = "cron";
	bool check = false, verbose = false;
	int64_t budget = 50;
	int c;

	while ((c = getopt_long(argc, argv, "c:nvh", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			file = optarg;
			break;
		case 'b':
			if (!str_int_in(optarg, 1, 3600, &budget)) {
				fputs("inbox-sync: --budget takes 1 to 3600 seconds\n", stderr);
				return EX_CONF;
			}
			break;
		case 'd':
			if (strcmp(optarg, "cron") != 0 && strcmp(optarg, "web") != 0 && strcmp(optarg, "visit") != 0)
				return usage(stderr);
			driver = optarg;
			break;
		case 'n':
			check = true;
			break;
		case 'v':
			verbose = true;
			break;
		case 'V':
			puts("inbox-sync " PACKAGE_VERSION);
			return 0;
		case 'h':
			(void)usage(stdout);
			return 0;
		default:
			return usage(stderr);
		}
	}
	if (optind != argc)
		return usage(stderr);
	return run(file, driver, budget * MS_SECOND, check, verbose);
}
