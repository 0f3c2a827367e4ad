/* SPDX-License-Identifier: MIT */
/*
 * req.c - reading a request, and what handlers ask of it.
 *
 * The environment is walked once; pointers into it are good until the answer
 * has gone out.  Refusals are status numbers, not errors: they are the
 * visitor's doing.
 */
#include "req_private.h"

#include "../lib/base/str.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* What the dispatcher wants of the environment, by first letters. */
static const struct wanted {
	const char	*name;
	size_t		 len, off;
} wanted[] = {
#define W(name, member) { name "=", sizeof(name), offsetof(struct req_private, member) }
	W("REQUEST_METHOD", method),
	W("REQUEST_URI", uri),
	W("CONTENT_TYPE", content_type),
	W("CONTENT_LENGTH", content_length),
	W("HTTP_COOKIE", cookies),
	W("HTTP_ACCEPT_LANGUAGE", accept_language),
	W("HTTP_ORIGIN", origin),
	W("HTTP_REFERER", referer),
	W("HTTP_SEC_FETCH_SITE", fetch_site),
	W("HTTP_SEC_FETCH_DEST", fetch_dest)
#undef W
};

static void
take_env(struct req_private *pv, const char *line)
{
	const struct wanted *w;
	const char *value;

	/* Half of the variables are the server's own: SERVER_, SCRIPT_, PATH_, ... */
	if (line[0] != 'H' && line[0] != 'R' && line[0] != 'C')
		return;
	if (line[0] == 'H' && strncmp(line, "HTTP_", 5) == 0 && strlen(line) > HEADER_MAX)
		pv->too_big = true;
	for (w = wanted; w < wanted + sizeof(wanted) / sizeof(wanted[0]); w++) {
		if (line[0] != w->name[0] || strncmp(line, w->name, w->len) != 0)
			continue;
		value = line + w->len;
		memcpy((char *)pv + w->off, &value, sizeof(value));
		return;
	}
}

static enum req_method
method_of(struct req_private *pv)
{
	const char *m = pv->method;

	if (m == NULL)
		return (enum req_method)0;
	if (strcmp(m, "GET") == 0)
		return M_GET;
	if (strcmp(m, "POST") == 0)
		return M_POST;
	if (strcmp(m, "HEAD") == 0) {
		pv->head = true;
		return M_GET;
	}
	if (strcmp(m, "DELETE") == 0)
		return M_DELETE;
	return (enum req_method)0;
}

/* "http://host/path" (a client may ask so) to "/path". */
static const char *
local_part(const char *uri)
{
	const char *host;

	if (*uri == '/')
		return uri;
	if (strncmp(uri, "http://", 7) == 0)
		host = uri + 7;
	else if (strncmp(uri, "https://", 8) == 0)
		host = uri + 8;
	else
		return NULL;
	host += strcspn(host, "/?#");
	return *host == '/' ? host : NULL;
}

/* The part of an absolute path below base; NULL when it is not below it. */
static const char *
below(const char *path, const char *base)
{
	size_t len = strlen(base);

	if (strncmp(path, base, len) != 0)
		return NULL;
	if (path[len] == '\0')
		return "/";
	return path[len] == '/' ? path + len : NULL;
}

static int
read_path(struct req *r, const char *uri, size_t n)
{
	const char *base = r->pv->app->base_path;
	char *path;

	switch (path_decode(r->a, uri, n, &path)) {
	case PATH_OK:
		break;
	case PATH_BAD:
		return 400;
	case PATH_NONE:
		return 404;
	case PATH_NOMEM:
		return 503;
	}
	if ((r->path = below(path, base)) == NULL)
		return 404;
	return 0;
}

static int
form_status(enum form_result res)
{
	switch (res) {
	case FORM_OK:
		return 0;
	case FORM_BAD:
		return 400;
	case FORM_MANY:
		return 413;
	case FORM_NOMEM:
		break;
	}
	return 503;
}

/* As it came, when it may be shown and followed again. */
static const char *
here(const struct req *r, const char *uri)
{
	const char *s, *local = below(uri, r->pv->app->base_path);

	if (r->method != M_GET || local == NULL)
		return "/";
	for (s = local; *s != '\0'; s++)
		if (*s <= 0x20 || *s >= 0x7f)
			return "/";
	return local;
}

int
req_read_head(struct req *r)
{
	struct req_private *pv = r->pv;
	char *const *line;
	const char *uri, *end;
	size_t query_len;
	int status;

	r->path = r->here = "/";
	for (line = pv->io->envp; *line != NULL; line++)
		take_env(pv, *line);
	r->method = method_of(pv);
	/* What a GET may bring as a body is nobody's business. */
	pv->drained = r->method == M_GET;
	if (pv->io->refuse != 0)
		return pv->io->refuse;
	if (pv->too_big)
		return 431;
	if (pv->uri == NULL || (uri = local_part(pv->uri)) == NULL)
		return 400;
	end = uri + strcspn(uri, "?#");
	if (*end == '#')
		return 400;
	if (strlen(uri) > URI_MAX)
		return 414;
	if ((status = read_path(r, uri, (size_t)(end - uri))) != 0)
		return status;
	if (*end == '?') {
		if ((query_len = strlen(end + 1)) > QUERY_MAX)
			return 414;
		status = form_status(form_parse(r->a, end + 1, query_len, NULL, &pv->query));
	}
	if (status == 0)
		r->here = here(r, uri);
	return status;
}

/* Is it "application/x-www-form-urlencoded", with or without parameters? */
static bool
is_form_type(const char *type)
{
	static const char form[] = "application/x-www-form-urlencoded";
	const size_t len = sizeof(form) - 1;

	return type != NULL && strncasecmp(type, form, len) == 0 &&
	    (type[len] == '\0' || type[len] == ';' || type[len] == ' ');
}

/* Up to `most` bytes into w->in, until the end of the body.  False: broken off. */
static bool
read_up_to(struct req *r, size_t most)
{
	struct ib_buf *in = &r->pv->w->in;
	size_t want;
	ssize_t got;
	char *p;

	while (in->len < most) {
		want = most - in->len < BODY_STEP ? most - in->len : BODY_STEP;
		if ((p = buf_reserve(in, want)) == NULL)
			return false;
		if ((got = r->pv->io->read(r->pv->io, p, want)) < 0)
			return false;
		if (got == 0)
			break;
		in->len += (size_t)got;
	}
	return true;
}

int
req_read_body(struct req *r)
{
	struct req_private *pv = r->pv;
	struct ib_buf *in = &pv->w->in;
	size_t cap = r->route->body_max;
	int64_t length = -1;

	if (r->method == M_GET)
		return 0;
	if (pv->content_length != NULL && pv->content_length[0] != '\0' &&
	    !str_int_in(pv->content_length, 0, INT64_MAX, &length))
		return 400;
	if (length > (int64_t)cap)
		return 413;
	/*
	 * A CGI program must not read beyond the length.  Without one (chunked
	 * requests of some servers) one byte more than the cap tells.
	 */
	if (!read_up_to(r, length >= 0 ? (size_t)length : cap + 1))
		return in->failed ? 503 : 400;
	if (length >= 0 && in->len < (size_t)length)
		return 400;
	if (in->len > cap)
		return 413;
	pv->drained = true;
	r->body = buf_cstr(in);
	r->body_len = in->len;
	if ((r->route->need & NEED_RAW) != 0 || in->len == 0)
		return 0;
	if (!is_form_type(pv->content_type))
		return 415;
	return form_status(form_parse(r->a, in->p, in->len, r->route->repeatable, &pv->form));
}

void
req_drain(struct req *r)
{
	struct req_private *pv = r->pv;
	size_t left = DRAIN_MAX;
	char scrap[4096];
	int64_t length;
	ssize_t got;

	if (pv->drained)
		return;
	pv->drained = true;
	if (pv->content_length != NULL &&
	    str_int_in(pv->content_length, 0, (int64_t)DRAIN_MAX, &length)) {
		left = (size_t)length;
		left -= pv->w->in.len < left ? pv->w->in.len : left;
	}
	while (left > 0) {
		got = pv->io->read(pv->io, scrap, left < sizeof(scrap) ? left : sizeof(scrap));
		if (got <= 0)
			return;
		left -= (size_t)got;
	}
}

enum lang
req_guess_lang(const struct req *r)
{
	const char *cookie;
	enum lang l;

	if ((cookie = req_cookie(r, "lang")) != NULL && lang_parse(cookie, &l))
		return l;
	return lang_negotiate(r->pv->accept_language);
}

const struct ib_err *
req_look_up(struct req *r, struct session **out)
{
	struct req_private *pv = r->pv;
	const struct ib_err *err = NULL;

	if (!pv->asked) {
		pv->asked = true;
		if (req_cookie(r, "session") != NULL)
			err = session_find(pv->w->app, r, &pv->found);
		else if (arena_failed(r->a))
			/* Without memory for the cookie nobody is sent away as a stranger. */
			err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "the request's memory is full");
		if (err != NULL)
			pv->found = NULL;
	}
	*out = pv->found;
	return err;
}

/* What handlers ask ------------------------------------------------------------ */

const char *
req_segment(const struct req *r, const char *name)
{
	size_t i, len = strlen(name);
	const struct path_param *p;

	for (i = 0; i < r->pv->nparams; i++) {
		p = &r->pv->params[i];
		if (p->name_len == len && memcmp(p->name, name, len) == 0)
			return p->value;
	}
	return NULL;
}

bool
req_id(const struct req *r, const char *name, int64_t *out)
{
	const char *s = req_segment(r, name);

	/* One spelling for each number, so that one thing has one address. */
	return s != NULL && s[0] >= '1' && s[0] <= '9' && str_int_in(s, 1, INT64_MAX, out);
}

bool
req_framed(const struct req *r)
{
	return r->route != NULL && (r->route->need & (NEED_FRAME | NEED_PASS)) != 0;
}

const char *
req_query(const struct req *r, const char *name)
{
	return form_get(&r->pv->query, name);
}

const char *
req_form(const struct req *r, const char *name)
{
	return form_get(&r->pv->form, name);
}

size_t
req_form_all(const struct req *r, const char *name, const char ***out)
{
	return form_all(&r->pv->form, r->a, name, out);
}

bool
req_form_add(struct req *r, const char *name, const char *value)
{
	struct form *f = &r->pv->form, wide = { .n = f->n };

	if (f->n == FORM_FIELDS_MAX || (wide.fields = ARENA_ARRAY(r->a, f->n + 1, struct form_field)) == NULL)
		return false;
	if (f->n > 0)
		memcpy(wide.fields, f->fields, f->n * sizeof(*f->fields));
	wide.fields[wide.n++] = (struct form_field){ name, value, strlen(name) };
	*f = wide;
	return true;
}

const char *
req_cookie(const struct req *r, const char *name)
{
	char full[128];
	size_t len;

	if (r->pv->cookies == NULL)
		return NULL;
	if (!r->pv->app->https)
		return cookie_find(r->a, r->pv->cookies, name);
	/* A cookie without the prefix may be planted from a neighbouring host. */
	if ((len = strlen(name)) >= sizeof(full) - sizeof("__Host-"))
		return NULL;
	memcpy(full, "__Host-", 7);
	memcpy(full + 7, name, len + 1);
	return cookie_find(r->a, r->pv->cookies, full);
}

const char *
req_header(const struct req *r, const char *env_name)
{
	return io_env(r->pv->io, env_name);
}

/* Length of an ETag's core between the quotes, without "-gzip" and the like. */
static size_t
etag_core(const char *s, size_t n)
{
	static const char *const ends[] = { "-gzip", "-br", "-zstd", "-deflate", "-bzip2" };
	size_t i, len;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		len = strlen(ends[i]);
		if (n > len && memcmp(s + n - len, ends[i], len) == 0)
			return n - len;
	}
	return n;
}

bool
req_has_etag(const struct req *r, const char *etag)
{
	const char *s = req_header(r, "HTTP_IF_NONE_MATCH"), *end;
	size_t len = strlen(etag);

	if (s == NULL || len < 2)
		return false;
	for (; (s = strchr(s, '"')) != NULL; s = end + 1) {
		if ((end = strchr(s + 1, '"')) == NULL)
			return false;
		if (etag_core(s + 1, (size_t)(end - s) - 1) == len - 2 &&
		    memcmp(s + 1, etag + 1, len - 2) == 0)
			return true;
	}
	return false;
}

/* Is the Authorization header this one?  Takes the buffer, which holds a secret. */
static bool
authorized(const struct req *r, struct ib_buf *want)
{
	const char *header = req_header(r, "HTTP_AUTHORIZATION");
	uint8_t ours[32], theirs[32];
	bool same;

	crypt_sha256(buf_cstr(want), want->len, ours);
	crypt_sha256(header != NULL ? header : "", header != NULL ? strlen(header) : 0, theirs);
	same = header != NULL && !want->failed && crypt_equal(ours, theirs, sizeof(ours));
	if (want->p != NULL)
		crypt_wipe(want->p, want->len);
	buf_fini(want);
	return same;
}

bool
req_basic_ok(const struct req *r, const char *user, const char *password)
{
	const char *pair = arena_printf(r->a, "%s:%s", user, password);
	struct ib_buf b;

	if (pair == NULL)
		return false;
	buf_init(&b, 4096);
	buf_puts(&b, "Basic ");
	str_base64(&b, pair, strlen(pair));
	return authorized(r, &b);
}

bool
req_bearer_ok(const struct req *r, const char *token)
{
	struct ib_buf b;

	buf_init(&b, 4096);
	buf_printf(&b, "Bearer %s", token);
	return authorized(r, &b);
}
