/* SPDX-License-Identifier: MIT */
/*
 * main.c - the web program: start, serve, end.
 *
 *   inbox.fcgi [-c FILE] [-n | -t]
 *
 * Started by a web server or a supervisor with a FastCGI socket as standard
 * input it serves requests one after the other; started as a CGI program it
 * serves one.  What every request needs is loaded and checked before the first;
 * when that fails the reason is one line on standard error, and visitors get a
 * short 503 for a minute, so that a supervisor that restarts at once does not
 * spin.  Texts and templates are read when they are wanted, all of them with -n
 * and -t.  With -t it answers and does no work besides: a trial, before a new
 * version takes over.
 *
 * Exit codes: 0 as told, 1 the socket failed, 2 configuration or usage.
 */
#include "dispatch.h"
#include "views.h"

#include "../lib/base/clock.h"
#include "../lib/base/fault.h"
#include "../lib/base/fence.h"
#include "../lib/base/home.h"
#include "../lib/base/log.h"
#include "../lib/base/rate.h"
#include "../lib/base/str.h"
#include "../lib/db/db.h"
#include "../lib/sync/sync.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRAM		"inbox.fcgi"
#define REQUESTS_MAX	10000
#define TIDY_EVERY	16
#define IDLE_MS		(20 * MS_SECOND)
#define WORK_MS		(3 * MS_SECOND)		/* a worker that works serves nobody */
#define CGI_WORK_MS	(20 * MS_SECOND)	/* a detached process may take its time */
#define CGI_CPU_S	300
#define SORRY_MS	(60 * MS_SECOND)
#define SORRY_LOOK_MS	(MS_SECOND / 2)		/* has somebody corrected it? */
#define RENEW_MS	(5 * MS_SECOND)		/* between looks at values that cannot be read */

/* Start and end ---------------------------------------------------------------- */

static const struct ib_err *
set_log_level(const char *word)
{
	static const char *const words[] = { "debug", "info", "warn", "error" };
	int i;

	for (i = 0; i < 4; i++)
		if (strcmp(word, words[i]) == 0) {
			log_init(PROGRAM, (enum log_level)i, STDERR_FILENO);
			return NULL;
		}
	return ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s: it must be debug, info, warn or error",
	    conf_name(CONF_LOG_LEVEL));
}

/* The database as the worker uses it; `check` changes nothing. */
static const struct ib_err *
open_db(struct app *app, bool check)
{
	const char *path = conf_str(app->conf, CONF_DATABASE);
	unsigned any = conf_bool(app->conf, CONF_ANY_DISK) ? DB_ANY_DISK : 0;
	const struct ib_err *err;
	struct stat st;

	if (!check) {
		if ((err = db_open(path, DB_CREATE | DB_MIGRATE | any, &app->db)) != NULL ||
		    (err = sync_new(app->conf, app->db, app->keys, &app->sync)) != NULL)
			return err;
		app->sync->rate = app->rate = rate_open(app->conf, path);
		return NULL;
	}
	if (stat(path, &st) != 0 && errno == ENOENT)
		return NULL;		/* made at the first start */
	return db_open(path, DB_READONLY | any, &app->db);
}

/* On this machine; and to a sandbox, which is on it. */
static bool
http_links(const struct app *app)
{
	return !app->https || *conf_str(app->conf, CONF_DEMO_URL) != '\0';
}

static const struct ib_err *
app_start(struct app *app, struct web *web, const char *conf_path, bool check, bool all)
{
	const struct ib_err *err;
	const char *clock_file, *po;

	if ((err = conf_load(conf_path, &app->conf)) != NULL ||
	    (err = set_log_level(conf_str(app->conf, CONF_LOG_LEVEL))) != NULL ||
	    (err = web_base(app, conf_str(app->conf, CONF_BASE_URL))) != NULL)
		return err;
	clock_file = conf_str(app->conf, CONF_TEST_CLOCK);
	clock_set_offset_file(*clock_file != '\0' ? clock_file : NULL);
	po = home_folder(conf_str(app->conf, CONF_CATALOGUES), HOME_PO);
	if ((err = all ? cats_load(po, &app->cats) : cats_open(po, &app->cats)) != NULL)
		return err;
	if ((err = tmpl_load(home_folder(conf_str(app->conf, CONF_TEMPLATES), HOME_TEMPLATES),
	    app->cats, tpl_decls, TPL_MAX, http_links(app), !all, &app->tmpl)) != NULL ||
	    (err = tmpl_set_base(app->tmpl, app->base_path)) != NULL)
		return err;
	if ((err = keyring_load(conf_str(app->conf, CONF_KEY_FILE), &app->keys)) != NULL)
		return err;
	csrf_init(app);
	frame_hosts_init(app);
	if ((err = web_init(web, app, routes, nroutes)) != NULL)
		return err;
	return open_db(app, check);
}

/* What must not cross a fork. */
static void
app_disconnect(struct app *app)
{
	sync_free(app->sync);
	app->sync = NULL;
	rate_close(app->rate);
	app->rate = NULL;
	db_close(app->db);
	app->db = NULL;
}

static void
app_stop(struct app *app, struct web *web)
{
	web_fini(web);
	app_disconnect(app);
	tmpl_free(app->tmpl);
	cats_free(app->cats);
	keyring_free(app->keys);
	web_base_free(app);
	crypt_wipe(app->csrf_key, sizeof(app->csrf_key));
	conf_free(app->conf);
}

/* Serving ---------------------------------------------------------------------- */

/*
 * The set-up in the browser has kept other values for the apps: whoever serves
 * the next request knows them.  When they cannot be read, the old ones hold and
 * they are looked at again a while later.
 */
static void
app_renew(struct app *app)
{
	static int64_t again;
	const struct ib_err *err;

	if (!conf_outdated(app->conf) || clock_mono() < again)
		return;
	if ((err = conf_again(app->conf)) != NULL) {
		log_err(err, "apps_file");
		again = clock_mono() + RENEW_MS;
		return;
	}
	sync_renew(app->sync);
	frame_hosts_init(app);
	tmpl_allow_http(app->tmpl, http_links(app));
}

/*
 * A worker that has just begun makes what its first answer needs, and the other texts and
 * templates when that is out: nobody waits for them, and a later upgrade finds them made.  One that
 * is never idle looks after the WAL too, now and then.
 */
static bool
serve(void *arg, struct io *io)
{
	static unsigned served;
	struct web *web = arg;
	const struct ib_err *err;
	bool work;

	app_renew(web->app);
	work = web_serve(web, io);

	if (++served == 1 && !web->app->cgi &&
	    ((err = cats_check(web->app->cats)) != NULL || (err = tmpl_complete(web->app->tmpl)) != NULL))
		log_err(err, "templates");
	if (served % TIDY_EVERY == 0)
		app_tidy(web->app);
	return work;
}

static bool
trial_serve(void *arg, struct io *io)
{
	(void)web_serve(arg, io);
	return false;
}

static void
work(void *arg)
{
	app_work(((struct web *)arg)->app, WORK_MS);
}

static void
idle(void *arg)
{
	app_quiet(((struct web *)arg)->app);
}

static int64_t
due(void *arg)
{
	return ((struct web *)arg)->app->work_at;
}

/* The configuration was there when nothing worked, and is another one now: the next worker may do better. */
static struct { const char *path; struct stat was; bool there; } blamed;

static void
look_again(void *arg)
{
	struct stat st;
	bool there = stat(blamed.path, &st) == 0;

	(void)arg;
	if (there != blamed.there || (there && (st.st_ino != blamed.was.st_ino || st.st_mtim.tv_sec != blamed.was.st_mtim.tv_sec ||
	    st.st_mtim.tv_nsec != blamed.was.st_mtim.tv_nsec)))
		(void)raise(SIGTERM);		/* held back until nobody is served */
}

/* The answer while nothing works. */
static bool
serve_sorry(void *arg, struct io *io)
{
	static char sorry[] =
	    "Status: 503 Service Unavailable\r\n"
	    "Content-Type: text/plain; charset=us-ascii\r\n"
	    "Content-Length: 53\r\n"
	    "Cache-Control: no-store\r\n"
	    "Retry-After: 60\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "\r\n"
	    "The inbox cannot start; see the server's error log.\r\n";
	struct iovec v = { sorry, sizeof(sorry) - 1 };

	(void)io->write(io, &v, 1);
	io->finish(io);
	look_again(arg);
	return false;
}

static int
run_sorry(bool cgi, const char *conf_path)
{
	static const struct io_calls calls = { .serve = serve_sorry, .idle = look_again, .idle_ms = SORRY_LOOK_MS, .for_ms = SORRY_MS };

	blamed.path = conf_path;
	blamed.there = stat(conf_path, &blamed.was) == 0;

	if (cgi) {
		(void)io_cgi_serve(&calls);
		io_cgi_end();
	} else {
		(void)io_fcgi_loop(&calls);
	}
	return 2;
}

static int
run_fcgi(struct web *web, bool trial)
{
	const struct io_calls answers = { .arg = web, .serve = trial_serve }, calls = {
		.arg = web, .serve = serve, .work = work, .idle = idle, .due = due, .idle_ms = IDLE_MS,
		.max_requests = REQUESTS_MAX, .watch_binary = true
	};

	return io_fcgi_loop(trial ? &answers : &calls);
}

static int
run_cgi(struct app *app, struct web *web)
{
	const struct io_calls calls = { .arg = web, .serve = serve };
	const struct ib_err *err;

	if (!io_cgi_serve(&calls) || fault(FAULT_WORK) != FAULT_NONE) {
		io_cgi_end();
		return 0;
	}
	app_disconnect(app);
	(void)io_cgi_detach();
	if ((err = open_db(app, false)) != NULL) {
		log_err(err, "work_failed");
		return 0;
	}
	app_work(app, CGI_WORK_MS);
	/* A reply that can be taken back waits for nobody else's visit. */
	if (app->work_at != 0) {
		clock_nap(app->work_at - clock_mono());
		app_work(app, CGI_WORK_MS);
	}
	return 0;
}

static int
usage(void)
{
	(void)fprintf(stderr, "usage: " PROGRAM " [-c FILE] [-n | -t]\n"
	    "Started by a web server, as a FastCGI worker or CGI program; "
	    "-n checks everything and exits, -t only answers.\n");
	return 2;
}

int
main(int argc, char **argv)
{
	static struct app app;
	static struct web web;
	const char *conf_path = home_conf();
	const struct ib_err *err;
	bool check = false, trial = false;
	int opt, rc;

	/* A CGI server may pass a query's words as arguments: they are not ours. */
	if (getenv("GATEWAY_INTERFACE") == NULL) {
		while ((opt = getopt(argc, argv, "c:nt")) != -1) {
			if (opt == 'c')
				conf_path = optarg;
			else if (opt == 'n')
				check = true;
			else if (opt == 't')
				trial = true;
			else
				return usage();
		}
		if (optind != argc)
			return usage();
	}
	(void)umask(077);
	(void)signal(SIGXFSZ, SIG_IGN);		/* no room is an error like any other */
	log_init(PROGRAM, LOG_INFO_, STDERR_FILENO);
	app.cgi = !check && !io_fcgi_here();
	if (app.cgi && getenv("REQUEST_METHOD") == NULL)
		return usage();

	if ((err = app_start(&app, &web, conf_path, check, check || trial)) != NULL) {
		(void)fprintf(stderr, PROGRAM ": %s\n", err->msg);
		rc = check ? 2 : run_sorry(app.cgi, conf_path);
	} else if (check) {
		(void)printf(PROGRAM ": everything is in order\n");
		rc = 0;
	} else {
		fence_up(app.conf, true, app.cgi ? CGI_CPU_S : 0, app.cgi);
		fault_arm();
		rc = app.cgi ? run_cgi(&app, &web) : run_fcgi(&web, trial);
	}
	app_stop(&app, &web);
	return rc;
}
