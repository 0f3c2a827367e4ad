/* SPDX-License-Identifier: MIT */
/*
 * guard.c - see guard.h.
 *
 * Versions: a library or a server is called old when no system that is still
 * looked after has one so old; numbers above say little, since systems mend
 * what is old without changing its number.  Behind the fence files are looked at
 * by their names alone (stat), which is all that is needed.
 */
#include "guard.h"

#include "../base/crypt.h"
#include "../base/fence.h"
#include "../base/home.h"
#include "../base/httpc.h"
#include "../base/json.h"
#include "../base/rate.h"
#include "../base/str.h"
#include "../db/db.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_LEAST	16	/* characters of what somebody could guess at */

#define TEXT(g, id)	cat_str((g)->cats, (g)->lang, (id))
#define FILL(g, id, ...) cat_fill((g)->a, TEXT((g), (id)), __VA_ARGS__, NULL)

static void
line(struct guard *g, enum guard_group group, enum str_id name, enum guard_result result, const char *found,
    const char *todo)
{
	if (g->n < GUARD_LINES)
		g->line[g->n++] = (struct guard_line){ group, result, TEXT(g, name), found != NULL ? found : "", todo };
}

/* A list of names that grows: "a, b". */
static void
also(struct guard *g, const char **names, const char *name)
{
	*names = *names == NULL ? name : arena_printf(g->a, "%s, %s", *names, name);
}

/* Files ---------------------------------------------------------------------------- */

/* What others must not do with it, what of that is grave, and how it is said. */
enum others { NOT_READ, NOT_ENTER, NOT_CHANGE };
static const struct manner { unsigned bits, grave; enum str_id fine, wrong; } manners[] = {
	[NOT_READ] = { 077, 007, STR_GUARD_PRIVATE, STR_GUARD_OPEN },
	[NOT_ENTER] = { 077, 002, STR_GUARD_PRIVATE, STR_GUARD_OPEN },	/* files in it are private by themselves */
	[NOT_CHANGE] = { 022, 002, STR_GUARD_FIXED, STR_GUARD_WRITABLE }
};

static void
look_file(struct guard *g, enum str_id name, const char *path, enum others others, const char *want)
{
	const struct manner *m = &manners[others];
	unsigned wrong;
	struct stat st;
	char mode[8];

	if (stat(path, &st) != 0) {
		if (errno != ENOENT)
			line(g, GUARD_FILES, name, GUARD_ATTENTION, FILL(g, STR_GUARD_UNSEEN, "why", strerror(errno)), NULL);
		return;
	}
	(void)snprintf(mode, sizeof(mode), "%03o", (unsigned)st.st_mode & 0777);
	/* What is not ours is read by way of its group. */
	wrong = st.st_mode & m->bits & (st.st_uid == geteuid() ? 077u : 037u);
	if (wrong == 0)
		line(g, GUARD_FILES, name, GUARD_OK, FILL(g, m->fine, "mode", mode), NULL);
	else
		line(g, GUARD_FILES, name, (wrong & m->grave) != 0 ? GUARD_BROKEN : GUARD_ATTENTION,
		    FILL(g, m->wrong, "mode", mode), FILL(g, STR_GUARD_CHMOD, "mode", want, "what", TEXT(g, name)));
}

static const char *
folder_of(struct guard *g, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? "." : arena_dupn(g->a, path, slash == path ? 1 : (size_t)(slash - path));
}

static const char *
media(struct guard *g)
{
	const char *dir = conf_str(g->conf, CONF_MEDIA_DIR);

	return *dir != '\0' ? dir : arena_printf(g->a, "%s/media", folder_of(g, conf_str(g->conf, CONF_DATABASE)));
}

static void
look_files(struct guard *g)
{
	const char *db = conf_str(g->conf, CONF_DATABASE), *dir = folder_of(g, db), *store = media(g);

	if (dir == NULL || store == NULL)
		return;
	look_file(g, STR_GUARD_KEYS, conf_str(g->conf, CONF_KEY_FILE), NOT_READ, "600");
	/* Without secrets of its own it may be read; nobody else may change it in any case. */
	look_file(g, STR_GUARD_CONF, conf_path(g->conf), conf_has_secrets(g->conf) ? NOT_READ : NOT_CHANGE, "600");
	look_file(g, STR_GUARD_DATABASE, db, NOT_READ, "600");
	look_file(g, STR_GUARD_FOLDER, dir, NOT_ENTER, "700");
	look_file(g, STR_GUARD_MEDIA, store, NOT_ENTER, "700");
	look_file(g, STR_GUARD_TEMPLATES, home_folder(conf_str(g->conf, CONF_TEMPLATES), HOME_TEMPLATES), NOT_CHANGE, "755");
	if (geteuid() == 0)
		line(g, GUARD_FILES, STR_GUARD_USER, GUARD_BROKEN, TEXT(g, STR_GUARD_USER_ROOT), TEXT(g, STR_GUARD_USER_TODO));
	else
		line(g, GUARD_FILES, STR_GUARD_USER, GUARD_OK, TEXT(g, STR_GUARD_USER_OK), NULL);
}

/* The web --------------------------------------------------------------------------- */

static bool
inside(const char *path, const char *folder)
{
	char a[PATH_MAX], b[PATH_MAX];
	size_t n;

	if (folder == NULL || *folder == '\0' || realpath(folder, b) == NULL || realpath(path, a) == NULL)
		return false;
	n = strlen(b);
	return n > 1 && strncmp(a, b, n) == 0 && (a[n] == '/' || a[n] == '\0');
}

/* Below a folder that hosts call so when it is a web site? */
static bool
looks_public(const char *path)
{
	static const char *const names[] = { "/public_html/", "/htdocs/", "/httpdocs/", "/wwwroot/" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strstr(path, names[i]) != NULL)
			return true;
	return false;
}

static void
look_web_root(struct guard *g)
{
	const struct { const char *path; enum str_id name; } kept[] = {
		{ conf_str(g->conf, CONF_KEY_FILE), STR_GUARD_KEYS }, { conf_path(g->conf), STR_GUARD_CONF },
		{ conf_str(g->conf, CONF_DATABASE), STR_GUARD_DATABASE }, { media(g), STR_GUARD_MEDIA }
	};
	const char *in = NULL, *maybe = NULL;
	size_t i;

	for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (kept[i].path == NULL)
			continue;
		else if (inside(kept[i].path, conf_str(g->conf, CONF_WEB_FOLDER)) || inside(kept[i].path, g->document_root))
			also(g, &in, TEXT(g, kept[i].name));
		else if (looks_public(kept[i].path))
			also(g, &maybe, TEXT(g, kept[i].name));
	if (in != NULL)
		line(g, GUARD_WEB, STR_GUARD_ROOT, GUARD_BROKEN, FILL(g, STR_GUARD_ROOT_INSIDE, "names", in),
		    TEXT(g, STR_GUARD_ROOT_TODO));
	else if (maybe != NULL)
		line(g, GUARD_WEB, STR_GUARD_ROOT, GUARD_ATTENTION, FILL(g, STR_GUARD_ROOT_MAYBE, "names", maybe),
		    TEXT(g, STR_GUARD_ROOT_TODO));
	else
		line(g, GUARD_WEB, STR_GUARD_ROOT, GUARD_OK, TEXT(g, STR_GUARD_ROOT_OK), NULL);
}

static bool
over_https(const struct guard *g)
{
	return str_starts(conf_str(g->conf, CONF_BASE_URL), "https://");
}

static void
look_address(struct guard *g)
{
	bool https = over_https(g);
	char who[48];

	/* Only loopback may do without: conf.h. */
	line(g, GUARD_WEB, STR_GUARD_HTTPS, https ? GUARD_OK : GUARD_ATTENTION,
	    TEXT(g, https ? STR_GUARD_HTTPS_OK : STR_GUARD_HTTPS_LOOPBACK), https ? NULL : TEXT(g, STR_GUARD_HTTPS_TODO));
	line(g, GUARD_WEB, STR_GUARD_COOKIES, GUARD_OK, TEXT(g, https ? STR_GUARD_COOKIES_OK : STR_GUARD_COOKIES_LOOPBACK), NULL);
	if (!g->request)
		return;
	if (!rate_address(g->address, who))
		line(g, GUARD_WEB, STR_GUARD_VISITORS, GUARD_ATTENTION, TEXT(g, STR_GUARD_VISITORS_NONE), TEXT(g, STR_GUARD_VISITORS_TODO));
	else if (g->forwarded != NULL && (strncmp(who, "127.", 4) == 0 || strcmp(g->address, "::1") == 0))
		line(g, GUARD_WEB, STR_GUARD_VISITORS, GUARD_ATTENTION, TEXT(g, STR_GUARD_VISITORS_PROXY), TEXT(g, STR_GUARD_VISITORS_TODO));
	else
		line(g, GUARD_WEB, STR_GUARD_VISITORS, GUARD_OK, TEXT(g, STR_GUARD_VISITORS_OK), NULL);
}

/* Settings that open something, by name. */
static void
look_settings(struct guard *g)
{
	static const enum conf_key limits[] = { CONF_LIMIT_SIGN_IN, CONF_LIMIT_SIGN_IN_COMPANY, CONF_LIMIT_TICK,
	    CONF_LIMIT_HOOK, CONF_LIMIT_HOOK_COMPANY, CONF_LIMIT_SEARCH, CONF_LIMIT_SEARCH_COMPANY };
	static const enum conf_key guessed[] = { CONF_TICK_SECRET, CONF_FB_VERIFY_TOKEN };
	static const enum conf_key trial[] = { CONF_TEST_CLOCK, CONF_DEMO_URL };
	const char *off = NULL, *brief = NULL, *tests = NULL;
	size_t i, n;

	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (conf_int(g->conf, limits[i]) == 0)
			also(g, &off, conf_name(limits[i]));
	line(g, GUARD_WEB, STR_GUARD_LIMITS, off == NULL ? GUARD_OK : GUARD_ATTENTION, off == NULL ?
	    TEXT(g, STR_GUARD_LIMITS_OK) : FILL(g, STR_GUARD_LIMITS_OFF, "names", off), off == NULL ? NULL :
	    TEXT(g, STR_GUARD_LIMITS_TODO));
	for (i = 0; i < sizeof(guessed) / sizeof(guessed[0]); i++)
		if ((n = strlen(conf_str(g->conf, guessed[i]))) > 0 && n < SECRET_LEAST)
			also(g, &brief, conf_name(guessed[i]));
	line(g, GUARD_WEB, STR_GUARD_WORDS, brief == NULL ? GUARD_OK : GUARD_ATTENTION, brief == NULL ?
	    TEXT(g, STR_GUARD_WORDS_OK) : FILL(g, STR_GUARD_WORDS_SHORT, "names", brief), brief == NULL ? NULL :
	    TEXT(g, STR_GUARD_WORDS_TODO));
	if (*conf_str(g->conf, CONF_FB_APP_SECRET_OLD) != '\0')
		line(g, GUARD_WEB, STR_GUARD_ROTATION, GUARD_ATTENTION, TEXT(g, STR_GUARD_ROTATION_OPEN),
		    TEXT(g, STR_GUARD_ROTATION_TODO));
	for (i = 0; i < sizeof(trial) / sizeof(trial[0]); i++)
		if (*conf_str(g->conf, trial[i]) != '\0')
			also(g, &tests, conf_name(trial[i]));
	if (tests != NULL)
		line(g, GUARD_WEB, STR_GUARD_TRIAL, GUARD_ATTENTION, FILL(g, STR_GUARD_TRIAL_SET, "names", tests),
		    TEXT(g, STR_GUARD_TRIAL_TODO));
}

/* Programs --------------------------------------------------------------------------- */

static void
look_fence(struct guard *g)
{
	const char *why;
	char version[16];
	int v = fence_kernel(&why);

	(void)snprintf(version, sizeof(version), "%d", v);
	if (!conf_bool(g->conf, CONF_FENCE))
		line(g, GUARD_PROGRAMS, STR_GUARD_FENCE, GUARD_ATTENTION, TEXT(g, STR_GUARD_FENCE_OFF), TEXT(g, STR_GUARD_FENCE_TODO));
	else if (v > 0)
		line(g, GUARD_PROGRAMS, STR_GUARD_FENCE, GUARD_OK, FILL(g, STR_GUARD_FENCE_OK, "version", version), NULL);
	else
		line(g, GUARD_PROGRAMS, STR_GUARD_FENCE, GUARD_OK, TEXT(g, STR_GUARD_FENCE_NONE), NULL);
}

/* "2.4.62 (Debian)" before "2.4.51"?  Number by number. */
static bool
older(const char *version, const char *least)
{
	long a, b;
	char *p, *q;

	for (;;) {
		a = strtol(version, &p, 10);
		b = strtol(least, &q, 10);
		if (p == version || q == least)
			return false;
		if (a != b)
			return a < b;
		if (*p != '.' || *q != '.')
			return *q == '.';
		version = p + 1;
		least = q + 1;
	}
}

static void
version_line(struct guard *g, const char *name, const char *version, const char *least)
{
	bool old = least != NULL && older(version, least);

	line(g, GUARD_PROGRAMS, STR_GUARD_VERSION, old ? GUARD_BROKEN : GUARD_OK, FILL(g, STR_GUARD_VERSION_IS, "version", version),
	    old ? FILL(g, STR_GUARD_VERSION_OLD, "least", least) : NULL);
	if (g->n > 0)
		g->line[g->n - 1].name = name;
}

/* Debian 12, Ubuntu 22.04 and RHEL 9 have these or later ones. */
static void
look_libraries(struct guard *g)
{
	const char *curl = httpc_library();

	version_line(g, "SQLite", db_library(), "3.37.2");
	version_line(g, "OpenSSL", crypt_library(), "3.0.2");
	version_line(g, "Jansson", json_library(), "2.13");
	if (curl != NULL)
		version_line(g, "libcurl", curl, "7.76.1");
}

/* Apache 2.4.49 and 2.4.50 hand out files from anywhere: https://httpd.apache.org/security/vulnerabilities_24.html */
static void
look_server(struct guard *g)
{
	static const struct { const char *name, *least; } known[] = {
		{ "Apache/", "2.4.51" }, { "nginx/", "1.18" }, { "lighttpd/", "1.4.59" }
	};
	size_t i, n;

	for (i = 0; g->server != NULL && i < sizeof(known) / sizeof(known[0]); i++)
		if (str_starts(g->server, known[i].name)) {
			n = strlen(known[i].name);
			version_line(g, arena_dupn(g->a, known[i].name, n - 1), arena_dup(g->a, g->server + n), known[i].least);
		}
}

void
guard_look(struct guard *g)
{
	look_files(g);
	look_web_root(g);
	look_address(g);
	look_settings(g);
	look_fence(g);
	version_line(g, "Messenger Inbox", PACKAGE_VERSION, NULL);
	look_libraries(g);
	look_server(g);
}

/* From outside ------------------------------------------------------------------------ */

/* The value of a header among all of them, or NULL. */
static const char *
header(struct guard *g, const char *heads, const char *name)
{
	size_t n = strlen(name), len;
	const char *p;

	for (p = heads; p != NULL && *p != '\0'; p += len + (p[len] == '\n')) {
		len = strcspn(p, "\n");
		if (len > n && strncasecmp(p, name, n) == 0 && p[n] == ':')
			return arena_dupn(g->a, p + n + 1 + strspn(p + n + 1, " "), strcspn(p + n + 1 + strspn(p + n + 1, " "), "\r\n"));
	}
	return NULL;
}

static void
look_headers(struct guard *g, const char *heads)
{
	static const struct { const char *name, *has; bool https; } wanted[] = {
		{ "Content-Security-Policy", "default-src 'none'", false }, { "X-Content-Type-Options", "nosniff", false },
		{ "Referrer-Policy", "same-origin", false }, { "Cross-Origin-Opener-Policy", "same-origin", false },
		{ "Permissions-Policy", "camera=()", false }, { "Strict-Transport-Security", "max-age=", true }
	};
	const char *missing = NULL, *v;
	size_t i;

	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if ((!wanted[i].https || over_https(g)) &&
		    ((v = header(g, heads, wanted[i].name)) == NULL || strstr(v, wanted[i].has) == NULL))
			also(g, &missing, wanted[i].name);
	line(g, GUARD_WEB, STR_GUARD_HEADERS, missing == NULL ? GUARD_OK : GUARD_BROKEN, missing == NULL ?
	    TEXT(g, STR_GUARD_HEADERS_OK) : FILL(g, STR_GUARD_HEADERS_MISSING, "names", missing), missing == NULL ? NULL :
	    TEXT(g, STR_GUARD_HEADERS_TODO));
	if ((v = header(g, heads, "Server")) != NULL && strpbrk(v, "0123456789") != NULL)
		line(g, GUARD_WEB, STR_GUARD_TELLS, GUARD_ATTENTION, FILL(g, STR_GUARD_TELLS_VERSION, "server", v),
		    TEXT(g, STR_GUARD_TELLS_TODO));
	if ((v = header(g, heads, "Set-Cookie")) != NULL && (strstr(v, "HttpOnly") == NULL || strstr(v, "SameSite=") == NULL ||
	    (over_https(g) && strstr(v, "Secure") == NULL)))
		line(g, GUARD_WEB, STR_GUARD_COOKIES, GUARD_BROKEN, TEXT(g, STR_GUARD_COOKIES_BARE), TEXT(g, STR_GUARD_HEADERS_TODO));
}

void
guard_look_outside(struct guard *g)
{
	const char *base = conf_str(g->conf, CONF_BASE_URL);
	struct httpc_req q = { .method = HTTPC_GET, .heads = true };
	const struct ib_err *err;
	struct httpc_resp resp;
	struct httpc *h;

	q.url = arena_printf(g->a, "%s/", base);
	if ((err = httpc_new("messenger-inbox/" PACKAGE_VERSION, url_is_loopback(base), &h)) == NULL)
		err = httpc_do(h, g->a, &q, &resp);
	if (err != NULL)
		line(g, GUARD_WEB, STR_GUARD_HEADERS, GUARD_ATTENTION, FILL(g, STR_GUARD_UNSEEN, "why", err->msg), NULL);
	else
		look_headers(g, resp.heads);
	httpc_free(h);
}
