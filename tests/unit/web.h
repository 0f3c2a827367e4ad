/* SPDX-License-Identifier: MIT */
/*
 * web.h - the web framework under test, without a server: requests go in
 * through io_mem.c and answers are taken apart again.
 *
 * The framework's files are included, not linked, because they are part of a
 * program.  Sessions, frame and templates are stand-ins: a problem page is
 * "problem <text>|<way>|<label>|<request id>|<csrf>".
 */
#ifndef IB_UNIT_WEB_H
#define IB_UNIT_WEB_H

#include "../../cgi-bin/csrf.c"
#include "../../cgi-bin/dispatch.c"
#include "../../cgi-bin/form.c"
#include "../../cgi-bin/io.c"
#include "../../cgi-bin/io_mem.c"
#include "../../cgi-bin/limit.c"
#include "../../cgi-bin/multipart.c"
#include "../../cgi-bin/req.c"
#include "../../cgi-bin/req_files.c"
#include "../../cgi-bin/resp.c"
#include "../../cgi-bin/views.h"
#include "../tap.h"

#include <stdlib.h>
#include <unistd.h>

static struct app app;
static struct web web;

/* Stand-ins ---------------------------------------------------------------------- */

static unsigned session_finds;
static const struct ib_err *(*session_fails)(void);
static bool render_fails;

/* Cookie "agent" and "admin" are signed in; the agent reads Japanese. */
const struct ib_err *
session_find(struct app *a, struct req *r, struct session **out)
{
	const char *cookie = req_cookie(r, "session");
	struct session *s;

	(void)a;
	session_finds++;
	*out = NULL;
	if (session_fails != NULL)
		return session_fails();
	if (cookie == NULL || (strcmp(cookie, "agent") != 0 && strcmp(cookie, "admin") != 0))
		return NULL;
	if ((s = ARENA_NEW(r->a, struct session)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "session");
	s->user_name = strcmp(cookie, "admin") == 0 ? "Maria" : "Peeter";
	s->admin = strcmp(cookie, "admin") == 0;
	s->lang = s->admin ? LANG_EN : LANG_JA;
	memset(s->hash, cookie[1], sizeof(s->hash));
	*out = s;
	return NULL;
}

/* Where files of forms go: the test's folder, or nowhere. */
static const char *files_dir;

const char *
sync_media_dir(const struct sync *s, struct arena *a)
{
	(void)s;
	(void)a;
	return files_dir;
}

/* The pass "good" is an agent's. */
const struct ib_err *
pass_find(struct app *a, struct req *r, struct session **out, const char **why)
{
	struct session *s = ARENA_NEW(r->a, struct session);

	(void)a;
	*out = NULL;
	*why = "problem.pass";
	if (s == NULL || strcmp(req_segment(r, "pass"), "good") != 0)
		return NULL;
	s->user_name = "Anna";
	s->lang = LANG_JA;
	*why = NULL;
	*out = s;
	return NULL;
}

struct view_frame *
view_frame_make(struct app *a, struct req *r)
{
	struct view_frame *f = ARENA_NEW(r->a, struct view_frame);

	if (f != NULL && !req_framed(r))
		f->csrf = req_csrf(a, r);
	return f;
}

const struct ib_err *
tmpl_render(struct tmpl_set *set, size_t which, enum lang lang, const void *view,
    struct ib_buf *out)
{
	const struct view_problem *v = view;

	(void)set;
	(void)lang;
	if (which != TPL_PROBLEM && which != TPL_EMBED_NOTE) {
		buf_printf(out, "page %s", (const char *)view);
		return NULL;
	}
	buf_printf(out, "problem %s|%s|%s|%s|%s", v->text, v->way != NULL ? v->way : "-",
	    v->way_label != NULL ? v->way_label : "-", v->request_id,
	    v->frame->csrf != NULL ? v->frame->csrf : "-");
	if (render_fails)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "template");
	return NULL;
}

/* Asking ------------------------------------------------------------------------- */

static struct io_mem mem;
static bool mem_made, wants_work;
static size_t next_chunk;
static bool next_broken, next_gone;

/* Ask for `uri`; further arguments are lines of the environment, NULL ends. */
static void __attribute__((sentinel))
ask(const char *method, const char *uri, const char *body, size_t n, ...)
{
	char *envp[64], first[2][16384];
	size_t used = 0;
	va_list ap;
	char *line;

	if (mem_made)
		io_mem_fini(&mem);
	snprintf(first[0], sizeof(first[0]), "REQUEST_METHOD=%s", method);
	envp[used++] = first[0];
	if (uri != NULL) {
		snprintf(first[1], sizeof(first[1]), "REQUEST_URI=%s", uri);
		envp[used++] = first[1];
	}
	va_start(ap, n);
	while ((line = va_arg(ap, char *)) != NULL && used < 63)
		envp[used++] = line;
	va_end(ap);
	envp[used] = NULL;
	io_mem_init(&mem, envp, body, n);
	mem_made = true;
	mem.chunk = next_chunk;
	mem.broken = next_broken;
	mem.gone = next_gone;
	next_chunk = 0;
	next_broken = next_gone = false;
	wants_work = web_serve(&web, &mem.io);
}

#define get(uri, ...)	ask("GET", (uri), NULL, 0, __VA_ARGS__)
/* A form, with the headers that a browser of ours sends; environment and NULL follow. */
#define post(uri, form, ...) \
	ask("POST", (uri), (form), strlen(form), "CONTENT_TYPE=application/x-www-form-urlencoded", \
	    __VA_ARGS__)

/* Taking the answer apart ---------------------------------------------------------- */

static int
status(void)
{
	return strncmp(buf_cstr(&mem.out), "Status: ", 8) == 0 ? (int)strtol(buf_cstr(&mem.out) + 8, NULL, 10) : 0;
}

/* Value of a header of the answer; NULL when it is not there. */
static const char *
header(const char *name)
{
	static char values[4][2048];
	static size_t which;
	const char *s = buf_cstr(&mem.out), *end;
	char *out = values[which++ % 4];
	size_t len = strlen(name);

	for (; (end = strstr(s, "\r\n")) != NULL && end != s; s = end + 2) {
		if ((size_t)(end - s) <= len + 1 || strncasecmp(s, name, len) != 0 || s[len] != ':')
			continue;
		snprintf(out, sizeof(values[0]), "%.*s", (int)((size_t)(end - s) - len - 2),
		    s + len + 2);
		return out;
	}
	return NULL;
}

static const char *
body(void)
{
	const char *s = strstr(buf_cstr(&mem.out), "\r\n\r\n");

	return s != NULL ? s + 4 : "(no end of headers)";
}

/* Is the answer the problem page of that key, in that language? */
static bool
is_problem(const char *key, enum lang lang)
{
	const char *text = cat_find(app.cats, lang, key);
	size_t len = text != NULL ? strlen(text) : 0;

	return text != NULL && strncmp(body(), "problem ", 8) == 0 &&
	    strncmp(body() + 8, text, len) == 0 && body()[8 + len] == '|';
}

/* The n-th piece of a problem page: 0 text, 1 way, 2 label, 3 id, 4 token. */
static const char *
problem_part(int n)
{
	static char out[512];
	const char *s = body();

	for (; n > 0 && s != NULL; n--)
		if ((s = strchr(s, '|')) != NULL)
			s++;
	if (s == NULL)
		return NULL;
	snprintf(out, sizeof(out), "%.*s", (int)strcspn(s, "|"), s);
	return out;
}

/* Start and end -------------------------------------------------------------------- */

static bool
web_start(const char *base_url, const struct route *table, size_t n)
{
	const char *src = getenv("srcdir");
	const struct ib_err *err;
	char dir[4096];

	log_init("test", LOG_ERROR_ + 1, 2);	/* errors are expected here */
	snprintf(dir, sizeof(dir), "%s/po", src != NULL ? src : ".");
	memset(&app, 0, sizeof(app));
	memset(app.csrf_key, 7, sizeof(app.csrf_key));
	if ((err = cats_load(dir, &app.cats)) != NULL || (err = web_base(&app, base_url)) != NULL ||
	    (err = web_init(&web, &app, table, n)) != NULL) {
		diag("%s", err->msg);
		return false;
	}
	return true;
}

static void
web_end(void)
{
	if (mem_made)
		io_mem_fini(&mem);
	web_fini(&web);
	web_base_free(&app);
	cats_free(app.cats);
}

#endif
