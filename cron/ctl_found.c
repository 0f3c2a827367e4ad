/* SPDX-License-Identifier: MIT */
/*
 * ctl_found.c - inboxctl setup: what kind of place this is, before anything is
 * asked.  It reads folders and makes one call to Facebook's address; nothing is
 * changed, and nothing of it decides: it helps people to answer.
 */
#include "ctl_setup.h"

#include "../lib/base/clock.h"
#include "../lib/base/httpc.h"
#include "../lib/base/str.h"
#include "../lib/db/db.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <unistd.h>

#define OUTBOUND_MS	5000
#define SKEW_MAX	(2 * MS_MINUTE)		/* tokens of Pipedrive's frames are good for five */

/* The first of the paths that is there, or NULL; NULL ends them. */
static const char *
first_of(const char *const *paths)
{
	for (; *paths != NULL; paths++)
		if (access(*paths, F_OK) == 0)
			return *paths;
	return NULL;
}

static void
web_roots(struct setup *s)
{
	static const char *const below_home[] = { "public_html", "www", "htdocs", "html", "web", "domains/*/public_html" };
	const char *home = getenv("HOME");
	char *pattern;
	bool any = false;
	glob_t found;
	size_t i, k;

	for (i = 0; home != NULL && i < sizeof(below_home) / sizeof(below_home[0]); i++) {
		pattern = cat_fill(s->a, "{home}/{name}", "home", home, "name", below_home[i], NULL);
		if (pattern == NULL || glob(pattern, GLOB_ONLYDIR, NULL, &found) != 0)
			continue;
		for (k = 0; k < found.gl_pathc; k++) {
			setup_note(s, SETUP_SAY(s, STR_SETUP_FOUND_ROOT, "path", found.gl_pathv[k], NULL));
			any = true;
		}
		globfree(&found);
	}
	if (!any)
		setup_note(s, SETUP_SAY(s, STR_SETUP_FOUND_NO_ROOT, NULL));
}

static void
servers(struct setup *s)
{
	static const struct { const char *name, *paths[4]; } known[] = {
		{ "Apache", { "/usr/sbin/apache2", "/usr/sbin/httpd", "/usr/local/apache/bin/httpd", NULL } },
		{ "LiteSpeed", { "/usr/local/lsws/bin/litespeed", "/usr/local/lsws/bin/lshttpd", NULL, NULL } },
		{ "lighttpd", { "/usr/sbin/lighttpd", NULL, NULL, NULL } },
		{ "nginx", { "/usr/sbin/nginx", NULL, NULL, NULL } },
	};
	static const char *const fcgid[] = { "/etc/apache2/mods-enabled/fcgid.load",
	    "/etc/httpd/conf.d/fcgid.conf", "/usr/lib64/httpd/modules/mod_fcgid.so", NULL };
	static const char *const cgi[] = { "/etc/apache2/mods-enabled/cgi.load",
	    "/etc/apache2/mods-enabled/cgid.load", "/usr/lib64/httpd/modules/mod_cgi.so", NULL };
	bool any = false;
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (first_of(known[i].paths) != NULL) {
			setup_note(s, SETUP_SAY(s, STR_SETUP_FOUND_SERVER, "server", known[i].name, NULL));
			any = true;
		}
	if (!any)
		setup_note(s, SETUP_SAY(s, STR_SETUP_FOUND_NO_SERVER, NULL));
	if (first_of(fcgid) != NULL)
		setup_note(s, SETUP_SAY(s, STR_SETUP_FOUND_FCGID, NULL));
	else if (first_of(cgi) != NULL)
		setup_note(s, SETUP_SAY(s, STR_SETUP_FOUND_CGI, NULL));
}

static void
disk(struct setup *s)
{
	const char *network;
	struct statfs fs;

	if (statfs(s->var, &fs) != 0 && statfs(s->prefix, &fs) != 0)
		return;
	if ((network = db_network_disk((int64_t)fs.f_type)) == NULL)
		setup_note(s, SETUP_SAY(s, STR_SETUP_FOUND_DISK, NULL));
	else
		setup_wrong(s, SETUP_SAY(s, STR_SETUP_DISK, NULL), SETUP_SAY(s, STR_SETUP_DISK_FOUND, "kind", network, NULL),
		    SETUP_SAY(s, STR_SETUP_DISK_FIX, NULL));
}

/* `theirs`: the time at `address`, or -1 when it did not tell. */
static void
clock_state(struct setup *s, const char *address, int64_t theirs)
{
	int64_t ours = clock_now();
	struct timex t = { .modes = 0 };
	char now[25], there[25];

	clock_iso(ours, now);
	if (theirs > 0 && (ours - theirs > SKEW_MAX || theirs - ours > SKEW_MAX)) {
		clock_iso(theirs, there);
		setup_wrong(s, SETUP_SAY(s, STR_SETUP_CLOCK, NULL), SETUP_SAY(s, STR_SETUP_CLOCK_FOUND, "now", now, "there", there,
		    "address", address, NULL), SETUP_SAY(s, STR_SETUP_CLOCK_FIX, NULL));
		return;
	}
	setup_note(s, SETUP_SAY(s, adjtimex(&t) == TIME_ERROR ? STR_SETUP_FOUND_CLOCK_FREE : STR_SETUP_FOUND_CLOCK,
	    "now", now, NULL));
}

/* Any answer will do: the line is what counts, and what time it is there. */
static void
outbound(struct setup *s)
{
	struct httpc_req q = { .method = HTTPC_GET, .url = conf_default(CONF_FB_GRAPH_URL), .timeout_ms = OUTBOUND_MS };
	const struct ib_err *err;
	struct httpc_resp resp;
	struct httpc *h;
	size_t i;

	for (i = 0; i < s->nextra; i++)
		if (strcmp(s->extra[i].name, conf_name(CONF_FB_GRAPH_URL)) == 0)
			q.url = s->extra[i].value;
	if (s->conf != NULL)
		q.url = conf_str(s->conf, CONF_FB_GRAPH_URL);
	if ((err = httpc_new("messenger-inbox setup", url_is_loopback(q.url), &h)) == NULL)
		err = httpc_do(h, s->a, &q, &resp);
	if (err == NULL)
		setup_note(s, SETUP_SAY(s, STR_SETUP_FOUND_OUT, "address", q.url, NULL));
	else
		setup_wrong(s, SETUP_SAY(s, STR_SETUP_OUT, "address", q.url, NULL), err->msg, SETUP_SAY(s, STR_SETUP_OUT_FIX, NULL));
	clock_state(s, q.url, err == NULL ? clock_parse_http(resp.date) : -1);
	httpc_free(h);
}

void
setup_look(struct setup *s)
{
	setup_note(s, SETUP_SAY(s, STR_SETUP_FOUND_PREFIX, "path", s->prefix, NULL));
	web_roots(s);
	servers(s);
	setup_note(s, SETUP_SAY(s, setup_cron_here() ? STR_SETUP_FOUND_CRON : STR_SETUP_FOUND_NO_CRON, NULL));
	disk(s);
	outbound(s);
}
