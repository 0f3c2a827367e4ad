/* SPDX-License-Identifier: MIT */
/*
 * dispatch.c - from a request to the handler and from its error to an answer.
 *
 * Order: head, route, method, limit of the address, session, right, limit of the
 * company, origin, body, token, handler.
 * What refuses early costs little: nobody's body is read for a page that is
 * not there, no session is looked up for a route that has no use for one.
 */
#include "req_private.h"

#include "../lib/base/clock.h"
#include "../lib/base/log.h"
#include "../lib/base/str.h"
#include "../lib/db/db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEAD_MAX	((size_t)128 << 10)
#define OUT_MAX		((size_t)8 << 20)
#define KEEP_MAX	((size_t)512 << 10)	/* buffers that grew beyond are freed */
#define ALL_METHODS	((unsigned)(M_GET | M_HEAD | M_POST | M_DELETE))

/* Our own address -------------------------------------------------------------- */

static const struct ib_err *
bad_base(const char *why)
{
	return ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s: %s", conf_name(CONF_BASE_URL), why);
}

/* "" or "/one/two": nothing that would have to be escaped or could be read in two ways. */
static bool
base_path_ok(const char *p)
{
	const char *s;

	for (s = p; *s != '\0'; s++)
		if (*s == '/' && (s[1] == '/' || s[1] == '.' || s[1] == '\0'))
			return false;
	return p[strspn(p, "/ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789-._~")] == '\0';
}

const struct ib_err *
web_base(struct app *app, const char *base_url)
{
	size_t scheme, len, port;
	const char *path, *p;
	char *origin, *base;

	app->origin = app->base_path = NULL;
	app->https = strncasecmp(base_url, "https://", 8) == 0;
	if (!app->https && strncasecmp(base_url, "http://", 7) != 0)
		return bad_base("it must begin with https://");
	scheme = app->https ? 8 : 7;
	path = base_url + scheme + strcspn(base_url + scheme, "/?#");
	len = (size_t)(path - base_url);
	for (p = base_url + scheme; p < path; p++)
		if (*p <= 0x20 || *p >= 0x7f || *p == '@' || *p == '\\')
			return bad_base("the host has characters that none may have");
	if (len == scheme)
		return bad_base("the host is missing");
	/* Browsers leave the scheme's own port out. */
	port = app->https ? 4 : 3;
	if (len > scheme + port && memcmp(path - port, app->https ? ":443" : ":80", port) == 0)
		len -= port;
	if (!base_path_ok(path))
		return bad_base("the path may have letters, digits, - . _ ~ and single slashes, "
		    "none of them at the end");
	origin = strndup(base_url, len);
	base = strdup(path);
	if (origin == NULL || base == NULL) {
		free(origin);
		free(base);
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "no memory for the address");
	}
	for (len = 0; origin[len] != '\0'; len++)
		if (origin[len] >= 'A' && origin[len] <= 'Z')
			origin[len] = (char)(origin[len] - 'A' + 'a');
	app->origin = origin;
	app->base_path = base;
	return NULL;
}

static void
free_const(const char *s)
{
	union { const char *c; void *v; } u = { .c = s };

	free(u.v);
}

void
web_base_free(struct app *app)
{
	free_const(app->origin);
	free_const(app->base_path);
	app->origin = app->base_path = NULL;
}

/* Routes ----------------------------------------------------------------------- */

/* Does the pattern begin with '/' and have every {name} as a whole segment? */
static bool
pattern_ok(const char *p)
{
	size_t params = 0, len;

	if (*p != '/')
		return false;
	for (; *p != '\0'; p++) {
		if (*p == '}' || (p[0] == '/' && p[1] == '/'))
			return false;
		if (*p != '{')
			continue;
		len = strspn(p + 1, "abcdefghijklmnopqrstuvwxyz_");
		if (p[-1] != '/' || len == 0 || p[len + 1] != '}' ||
		    (p[len + 2] != '/' && p[len + 2] != '\0') || ++params > PATH_PARAMS_MAX)
			return false;
		p += len + 1;
	}
	return true;
}

/* What is wrong with a row, or NULL. */
static const char *
route_wrong(const struct route *t)
{
	if (t->pattern == NULL || !pattern_ok(t->pattern))
		return "a bad pattern";
	if (t->fn == NULL)
		return "no handler";
	if ((t->methods & (M_GET | M_POST | M_DELETE)) == 0 || (t->methods & ~ALL_METHODS) != 0 ||
	    (t->methods & (M_GET | M_HEAD)) == M_HEAD)
		return "bad methods";
	if (t->body_max > BODY_MAX)
		return "too large a body";
	if ((t->need & NEED_CSRF) != 0 && ((t->methods & M_POST) == 0 || t->body_max == 0 ||
	    (t->need & NEED_RAW) != 0))
		return "a CSRF token that has no form to be in";
	if (((t->need & NEED_PASS) != 0) != (strncmp(t->pattern, "/pd/{pass}/", 11) == 0))
		return "a pass that no path has, or nobody asks for";
	if ((t->need & TAKES_FILES) != 0 && ((t->methods & M_POST) == 0 || t->body_max == 0 ||
	    (t->need & NEED_RAW) != 0 || (t->need & (NEED_SESSION | NEED_PASS)) == 0))
		return "files that nobody is known to bring, or without a form";
	if (t->repeatable != NULL && ((t->need & NEED_RAW) != 0 || t->body_max == 0))
		return "a repeatable field without a form";
	return NULL;
}

const struct ib_err *
web_init(struct web *w, struct app *app, const struct route *table, size_t n)
{
	const struct ib_err *err;
	const char *wrong;
	size_t i, j;

	memset(w, 0, sizeof(*w));
	w->app = app;
	w->routes = table;
	w->nroutes = n;
	arena_init(&w->arena, ARENA_REQUEST_MAX);
	buf_init(&w->in, BODY_MAX + BODY_STEP);
	buf_init(&w->head, HEAD_MAX);
	buf_init(&w->out, OUT_MAX);
	if ((err = crypt_random(&w->id_seed, sizeof(w->id_seed))) != NULL)
		return err;
	for (i = 0; i < n; i++) {
		if ((wrong = route_wrong(&table[i])) != NULL)
			return ib_fail(IB_ECONF, IB_RETRY_NEVER, "route %zu (%s): %s", i + 1,
			    table[i].pattern != NULL ? table[i].pattern : "-", wrong);
		for (j = 0; j < i; j++)
			if ((table[j].methods & table[i].methods) != 0 &&
			    strcmp(table[j].pattern, table[i].pattern) == 0)
				return ib_fail(IB_ECONF, IB_RETRY_NEVER,
				    "route %zu (%s): given twice", i + 1, table[i].pattern);
	}
	return NULL;
}

void
web_fini(struct web *w)
{
	arena_fini(&w->arena);
	buf_fini(&w->in);
	buf_fini(&w->head);
	buf_fini(&w->out);
}

/* Does the path fit?  Fills the parameters as slices of pattern and path. */
static bool
route_fits(const char *pat, const char *path, struct req_private *pv)
{
	struct path_param *p;

	pv->nparams = 0;
	for (;;) {
		if (*pat == '{') {
			p = &pv->params[pv->nparams++];
			p->name = pat + 1;
			p->name_len = strcspn(p->name, "}");
			p->value = path;
			p->value_len = strcspn(path, "/");
			if (p->value_len == 0)
				return false;
			pat = p->name + p->name_len + 1;
			path += p->value_len;
		}
		if (*pat != *path)
			return false;
		if (*pat == '\0')
			return true;
		pat++;
		path++;
	}
}

/* The route of method and path; *allowed collects the methods of the path. */
static const struct route *
route_find(struct req *r, unsigned *allowed)
{
	const struct web *w = r->pv->w;
	const struct route *t;

	*allowed = 0;
	for (t = w->routes; t < w->routes + w->nroutes; t++) {
		/* The character behind the first slash settles most of them. */
		if (t->pattern[1] != r->path[1] && t->pattern[1] != '{')
			continue;
		if (!route_fits(t->pattern, r->path, r->pv))
			continue;
		*allowed |= t->methods;
		if ((t->methods & r->method) != 0)
			return t;
	}
	return NULL;
}

/* Slices of the path become strings. */
static bool
own_params(struct req *r)
{
	struct path_param *p;
	size_t i;

	for (i = 0; i < r->pv->nparams; i++) {
		p = &r->pv->params[i];
		if ((p->value = arena_dupn(r->a, p->value, p->value_len)) == NULL)
			return false;
	}
	return true;
}

/* Refusals and errors ------------------------------------------------------------ */

static const char *
problem_key(int status)
{
	switch (status) {
	case 401:
		return "problem.signed_out";
	case 403:
		return "problem.forbidden";
	case 404:
		return "problem.not_found";
	case 405:
		return "problem.method";
	case 413:
	case 414:
	case 431:
		return "problem.too_large";
	case 429:
		return "problem.often";
	case 500:
		return "problem.internal";
	case 503:
		return "problem.busy";
	default:
		return "problem.bad_request";
	}
}

static const struct ib_err *
refuse(struct app *app, struct req *r, int status)
{
	return resp_problem(app, r, status, r->pv->refusal != NULL ? r->pv->refusal : problem_key(status));
}

static const struct ib_err *
refuse_method(struct app *app, struct req *r, unsigned allowed)
{
	char list[64];

	(void)snprintf(list, sizeof(list), "%s%s%s", (allowed & (M_GET | M_HEAD)) != 0 ?
	    ", GET, HEAD" : "", (allowed & M_POST) != 0 ? ", POST" : "",
	    (allowed & M_DELETE) != 0 ? ", DELETE" : "");
	resp_header(r, "Allow", list + 2);
	return refuse(app, r, 405);
}

static const struct ib_err *
refuse_csrf(struct app *app, struct req *r, const char *why)
{
	/* The form is right, we could not tell. */
	if (arena_failed(r->a) || strcmp(why, "hmac") == 0)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "csrf: no memory (%s)", why);
	log_event(LOG_WARN_, "csrf_refused", "route", r->route->pattern, "why", why, NULL);
	return resp_problem(app, r, 403, "problem.csrf");
}

static const struct ib_err *
refuse_signed_out(struct app *app, struct req *r)
{
	const char *dest = r->pv->fetch_dest;

	/* Scripts and pictures have no use for the start page. */
	if (r->method == M_GET && (dest == NULL || strcmp(dest, "document") == 0))
		return resp_see_other(app, r, "/");
	return refuse(app, r, 401);
}

/* Status and sentence for an error that stops here. */
static int
error_status(const struct ib_err *err, const char **key)
{
	*key = NULL;
	switch (err->code) {
	case IB_EBUSY:
		*key = "problem.busy";
		return 503;
	case IB_EDB:
		if (err->retry == IB_RETRY_NEVER)
			break;
		*key = "problem.storage";
		return 503;
	case IB_ELIMIT:
		return 413;
	case IB_EPARSE:
		return 400;
	case IB_ENOENT:
		return 404;
	case IB_EAUTH:
		return 403;
	case IB_ESYS:
	case IB_ENOMEM:
	case IB_EUPSTREAM:
	case IB_ETIMEOUT:
	case IB_ECONF:
		break;
	}
	return 500;
}

/* Every error becomes an answer; a second one on the way, plain text. */
static void
answer_error(struct app *app, struct req *r, const struct ib_err *err)
{
	const char *key;
	int status = error_status(err, &key);

	log_err(err, "request_failed");
	resp_reset(r);
	r->pv->asked = true;	/* what could fail again is left alone */
	if ((err = resp_problem(app, r, status, key != NULL ? key : problem_key(status))) == NULL &&
	    (err = resp_check(r)) == NULL)
		return;
	log_err(err, "problem_failed");
	resp_constant(r, status);
}

/* One request -------------------------------------------------------------------- */

/* The session, its language, its rights. */
static const struct ib_err *
find_session(struct req *r)
{
	const struct ib_err *err;
	struct session *s;

	if ((err = req_look_up(r, &s)) != NULL || s == NULL)
		return err;
	r->session = s;
	r->lang = s->lang;
	return NULL;
}

/* Inside Pipedrive the pass of the path says who asks; a cookie says nothing. */
static const struct ib_err *
find_pass(struct app *app, struct req *r, const char **why)
{
	const struct ib_err *err;
	struct session *s;

	*why = NULL;
	r->pv->asked = true;
	if ((r->route->need & NEED_PASS) == 0)
		return NULL;
	if ((err = pass_find(app, r, &s, why)) != NULL || s == NULL)
		return err;
	r->session = s;
	r->lang = s->lang;
	return NULL;
}

static const struct ib_err *
handle(struct app *app, struct req *r)
{
	const struct ib_err *err;
	const char *why;
	unsigned allowed, need;
	int status;

	status = req_read_head(r);
	r->lang = req_guess_lang(r);
	if (status != 0)
		return refuse(app, r, status);
	if ((r->route = route_find(r, &allowed)) == NULL)
		return allowed != 0 ? refuse_method(app, r, allowed) : refuse(app, r, 404);
	if (!own_params(r))
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "the request's memory is full");
	need = r->route->need;
	if ((need & LIMITED) != 0 && !limit_route(app, r, false, &err))
		return err;
	/* Ends with whatever writes, else with the answer. */
	if ((need & NEED_MOMENT) != 0 && (err = db_read_begin(app->db)) != NULL)
		return err;
	if (req_framed(r)) {
		if ((err = find_pass(app, r, &why)) != NULL)
			return err;
		if (why != NULL)
			return resp_problem(app, r, 401, why);
	}
	if ((need & (NEED_SESSION | NEED_CSRF | NEED_ADMIN | NEED_KEEPER | NEED_MAYBE)) != 0 &&
	    (err = find_session(r)) != NULL)
		return err;
	if ((need & (NEED_SESSION | NEED_ADMIN | NEED_KEEPER)) != 0 && r->session == NULL)
		return refuse_signed_out(app, r);
	if (((need & NEED_ADMIN) != 0 && !r->session->admin) ||
	    ((need & NEED_KEEPER) != 0 && !r->session->keeper))
		return resp_problem(app, r, 403, "problem.not_admin");
	/* Who may not even read is told so by the handler. */
	if ((need & WRITES) != 0 && r->session->may_read && !r->session->may_write)
		return resp_problem(app, r, 403, "problem.reader");
	if ((need & LIMITED) != 0 && !limit_route(app, r, true, &err))
		return err;
	if ((need & (NEED_CSRF | NEED_PASS)) != 0 && r->method == M_POST &&
	    (why = csrf_bad_origin(r)) != NULL)
		return refuse_csrf(app, r, why);
	if ((status = req_brings_files(r) ? req_read_files(r) : req_read_body(r)) != 0)
		return refuse(app, r, status);
	if ((need & NEED_CSRF) != 0 && r->method == M_POST &&
	    (why = csrf_bad_token(app, r)) != NULL)
		return refuse_csrf(app, r, why);
	return r->route->fn(app, r);
}

/* Eight characters, different for every request of every process. */
static void
make_id(struct web *w, struct req *r)
{
	static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint64_t z = w->id_seed + ++w->id_count * UINT64_C(0x9e3779b97f4a7c15);
	size_t i;

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	for (i = 0; i < 8; i++, z >>= 5)
		r->id[i] = alphabet[z & 31];
	r->id[8] = '\0';
}

static const char *
method_name(const struct req *r)
{
	if (r->pv->head)
		return "HEAD";
	switch ((unsigned)r->method) {
	case M_GET:
		return "GET";
	case M_POST:
		return "POST";
	case M_DELETE:
		return "DELETE";
	default:
		return "other";
	}
}

static void
log_request(const struct req *r, int64_t began_us)
{
	/* What is turned away as too often must not fill the log either: rate.h says it once a minute. */
	enum log_level level = r->pv->status >= 500 || (r->method == M_POST && r->pv->status != 429) ?
	    LOG_INFO_ : LOG_DEBUG_;

	log_event(level, "request", "method", method_name(r),
	    "route", r->route != NULL ? r->route->pattern : NULL,
	    "status", log_i(r->pv->status), "us", log_i(clock_mono_us() - began_us), NULL);
}

static void
reuse(struct ib_buf *b)
{
	size_t max = b->max;

	if (b->cap > KEEP_MAX) {
		buf_fini(b);
		buf_init(b, max);
	}
	buf_clear(b);
}

bool
web_serve(struct web *w, struct io *io)
{
	int64_t began_us = clock_mono_us();
	const struct ib_err *err;
	struct req_private pv;
	struct req r;

	memset(&r, 0, sizeof(r));
	memset(&pv, 0, sizeof(pv));
	r.a = &w->arena;
	r.pv = &pv;
	r.now = clock_now();
	pv.w = w;
	pv.app = w->app;
	pv.io = io;
	make_id(w, &r);
	log_context(r.id);

	if ((err = handle(w->app, &r)) != NULL || (err = resp_check(&r)) != NULL)
		answer_error(w->app, &r, err);
	db_read_end(w->app->db);
	req_drop_files(&r);
	req_drain(&r);
	resp_send(&r);
	io->finish(io);
	log_request(&r, began_us);

	log_context(NULL);
	reuse(&w->in);
	reuse(&w->head);
	reuse(&w->out);
	arena_reset(&w->arena);
	return pv.work;
}
