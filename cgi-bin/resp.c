/* SPDX-License-Identifier: MIT */
/*
 * resp.c - building an answer and sending it.
 *
 * The body is collected in w->out, the extra headers in the request; nothing
 * is written before the handler has returned.  Headers that protect come from
 * one place (put_headers), so that no answer goes without them.
 */
#include "req_private.h"

#include "views.h"

#include "../lib/base/log.h"
#include "../lib/base/str.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define FILE_STEP	((size_t)64 << 10)

/* Status lines --------------------------------------------------------------- */

static const struct status {
	int		 code;
	const char	*line;
} statuses[] = {
	{ 200, "Status: 200 OK\r\n" },
	{ 303, "Status: 303 See Other\r\n" },
	{ 302, "Status: 302 Found\r\n" },
	{ 304, "Status: 304 Not Modified\r\n" },
	{ 404, "Status: 404 Not Found\r\n" },
	{ 403, "Status: 403 Forbidden\r\n" },
	{ 400, "Status: 400 Bad Request\r\n" },
	{ 401, "Status: 401 Unauthorized\r\n" },
	{ 405, "Status: 405 Method Not Allowed\r\n" },
	{ 409, "Status: 409 Conflict\r\n" },
	{ 410, "Status: 410 Gone\r\n" },
	{ 413, "Status: 413 Content Too Large\r\n" },
	{ 414, "Status: 414 URI Too Long\r\n" },
	{ 415, "Status: 415 Unsupported Media Type\r\n" },
	{ 416, "Status: 416 Range Not Satisfiable\r\n" },
	{ 422, "Status: 422 Unprocessable Content\r\n" },
	{ 429, "Status: 429 Too Many Requests\r\n" },
	{ 431, "Status: 431 Request Header Fields Too Large\r\n" },
	{ 500, "Status: 500 Internal Server Error\r\n" },
	{ 502, "Status: 502 Bad Gateway\r\n" },
	{ 503, "Status: 503 Service Unavailable\r\n" },
	{ 504, "Status: 504 Gateway Timeout\r\n" },
	{ 206, "Status: 206 Partial Content\r\n" },
	{ 202, "Status: 202 Accepted\r\n" },
	{ 204, "Status: 204 No Content\r\n" }
};

static void
put_status(struct ib_buf *b, int code)
{
	size_t i;

	for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (statuses[i].code == code) {
			buf_puts(b, statuses[i].line);
			return;
		}
	buf_printf(b, "Status: %d Status\r\n", code);
}

/* Headers -------------------------------------------------------------------- */

static const char headers_all[] =
    "X-Content-Type-Options: nosniff\r\n"
    "Permissions-Policy: camera=(), microphone=(), geolocation=(), payment=(), usb=()\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n";
static const char header_hsts[] =
    "Strict-Transport-Security: max-age=31536000\r\n";
static const char header_csp[] =
    "Content-Security-Policy: default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src 'self' data:; media-src 'self'; connect-src 'self'; font-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors ";
/* Files come from people: opened by themselves they may show, and nothing else. */
static const char header_csp_file[] =
    "Content-Security-Policy: default-src 'none'; img-src 'self'; media-src 'self'; "
    "frame-ancestors 'none'; sandbox\r\n";

#define PUT(b, literal)	buf_append((b), (literal), sizeof(literal) - 1)

static const struct extra *
extra_find(const struct req_private *pv, const char *name)
{
	size_t i;

	for (i = 0; i < pv->nextras; i++)
		if (pv->extras[i].cookie == NULL && strcasecmp(pv->extras[i].name, name) == 0)
			return &pv->extras[i];
	return NULL;
}

static int64_t
body_len(const struct req_private *pv)
{
	return pv->file ? pv->file_len : (int64_t)pv->w->out.len;
}

static void
put_headers(const struct req *r, struct ib_buf *b)
{
	const struct req_private *pv = r->pv;
	size_t i;

	put_status(b, pv->status);
	PUT(b, headers_all);
	/* A pass in an address must not travel on. */
	if (req_framed(r))
		PUT(b, "Referrer-Policy: no-referrer\r\n");
	else
		PUT(b, "Referrer-Policy: same-origin\r\n");
	if (pv->app->https)
		PUT(b, header_hsts);
	if (extra_find(pv, "Content-Security-Policy") == NULL) {
		if (pv->file) {
			PUT(b, header_csp_file);
		} else {
			PUT(b, header_csp);
			buf_puts(b, req_framed(r) ? pv->app->frame_hosts : "'none'");
			PUT(b, "\r\n");
		}
	}
	if (extra_find(pv, "Cache-Control") == NULL) {
		if (extra_find(pv, "ETag") != NULL)
			PUT(b, "Cache-Control: private, no-cache\r\n");
		else
			PUT(b, "Cache-Control: no-store\r\n");
	}
	if (pv->page) {
		PUT(b, "Content-Language: ");
		buf_puts(b, lang_code(r->lang));
		PUT(b, "\r\n");
	}
	for (i = 0; i < pv->nextras; i++) {
		buf_puts(b, pv->extras[i].name);
		PUT(b, ": ");
		buf_puts(b, pv->extras[i].value);
		PUT(b, "\r\n");
	}
	if (pv->type != NULL) {
		PUT(b, "Content-Type: ");
		buf_puts(b, pv->type);
		PUT(b, "\r\n");
	}
	/* 304 and 204 have no body and may not name a length of none. */
	if (pv->status != 304 && pv->status != 204) {
		PUT(b, "Content-Length: ");
		buf_put_int(b, body_len(pv));
		PUT(b, "\r\n");
	}
	PUT(b, "\r\n");
}

static bool
header_value_ok(const char *s)
{
	for (; *s != '\0'; s++)
		if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
			return false;
	return true;
}

/* A new extra, or the one of that name (and cookie) to be replaced. */
static struct extra *
extra_slot(struct req_private *pv, const char *name, const char *cookie)
{
	struct extra *e;
	size_t i;

	for (i = 0; i < pv->nextras; i++) {
		e = &pv->extras[i];
		if (strcasecmp(e->name, name) == 0 && str_eq(e->cookie, cookie))
			return e;
	}
	if (pv->nextras == EXTRAS_MAX) {
		pv->broken = "too many headers";
		return NULL;
	}
	e = &pv->extras[pv->nextras++];
	e->name = name;
	e->cookie = cookie;
	e->value = "";
	e->of_answer = false;
	return e;
}

/* `value` stays as it is and lives long enough. */
static void
extra_set(struct req_private *pv, const char *name, const char *cookie, const char *value)
{
	struct extra *e;

	if (value == NULL)
		pv->broken = "no memory for a header";
	else if (!header_value_ok(value))
		pv->broken = "a header with a control character";
	else if ((e = extra_slot(pv, name, cookie)) != NULL)
		e->value = value;
}

/* A header that belongs to the kind of answer. */
static void
answer_set(struct req_private *pv, const char *name, const char *value)
{
	struct extra *e;

	extra_set(pv, name, NULL, value);
	if ((e = extra_slot(pv, name, NULL)) != NULL)
		e->of_answer = true;
}

static void
drop_answers_extras(struct req_private *pv)
{
	size_t i, n = 0;

	for (i = 0; i < pv->nextras; i++)
		if (!pv->extras[i].of_answer)
			pv->extras[n++] = pv->extras[i];
	pv->nextras = n;
}

void
resp_header(struct req *r, const char *name, const char *value)
{
	char *own = arena_dup(r->a, name);

	if (own == NULL || *own == '\0' || own[strspn(own, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
		r->pv->broken = "a header without a proper name";
	else
		extra_set(r->pv, own, NULL, arena_dup(r->a, value));
}

void
resp_cookie(const struct app *app, struct req *r, const char *name, const char *value,
    int64_t max_age_s)
{
	const char *prefix = app->https ? "__Host-" : "";
	const char *secure = app->https ? "; Secure" : "";
	char *own = arena_dup(r->a, name), *line;

	if (own == NULL || *own == '\0' || !cookie_value_ok(name) ||
	    strchr(name, '=') != NULL || !cookie_value_ok(value)) {
		r->pv->broken = "a cookie with characters that none may have";
		return;
	}
	if (max_age_s < 0)
		line = arena_printf(r->a, "%s%s=%s; Path=/; HttpOnly; SameSite=Lax%s",
		    prefix, name, value, secure);
	else
		line = arena_printf(r->a, "%s%s=%s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Lax%s",
		    prefix, name, value, (long long)max_age_s, secure);
	extra_set(r->pv, "Set-Cookie", own, line);
}

void
resp_then_work(struct req *r)
{
	r->pv->work = true;
}

/* Kinds of answers ------------------------------------------------------------- */

static void
forget_file(struct req_private *pv)
{
	if (pv->file)
		(void)close(pv->fd);
	pv->file = false;
}

/* The start of every answer: whatever was there before is replaced. */
static void
begin(struct req *r, int status, const char *type)
{
	struct req_private *pv = r->pv;

	forget_file(pv);
	drop_answers_extras(pv);
	pv->status = status;
	pv->type = type;
	pv->page = false;
	pv->answered = true;
}

void
resp_reset(struct req *r)
{
	struct req_private *pv = r->pv;

	forget_file(pv);
	buf_clear(&pv->w->out);
	pv->answered = false;
	pv->nextras = 0;
	pv->broken = NULL;
	pv->csrf = NULL;	/* its cookie went with the headers */
}

const struct ib_err *
resp_page(struct app *app, struct req *r, int status, size_t which, const void *view)
{
	struct ib_buf *out = &r->pv->w->out;
	const struct ib_err *err;

	if (arena_failed(r->a))
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "page %zu: the request's memory is full", which);
	begin(r, status, "text/html; charset=utf-8");
	r->pv->page = true;
	buf_clear(out);
	if ((err = tmpl_render(app->tmpl, which, r->lang, view, out)) != NULL)
		return err;
	return buf_check(out);
}

struct ib_buf *
resp_buf(struct req *r)
{
	buf_clear(&r->pv->w->out);
	return &r->pv->w->out;
}

const struct ib_err *
resp_text(struct req *r, int status, const char *type, const char *body, size_t n)
{
	struct ib_buf *out = &r->pv->w->out;

	begin(r, status, type);
	if (body != NULL) {
		buf_clear(out);
		buf_append(out, body, n);
	}
	return buf_check(out);
}

/* An answer that is only a header. */
static const struct ib_err *
bare(struct req *r, int status, const char *name, const char *value)
{
	begin(r, status, NULL);
	buf_clear(&r->pv->w->out);
	if (value == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "the request's memory is full");
	answer_set(r->pv, name, value);
	return NULL;
}

/* Bytes that a URL in a header cannot have become %XX; a '%' stays. */
static const char *
location(struct req *r, const char *before, const char *path, const char *s)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t before_len = strlen(before), path_len = strlen(path);
	char *out, *p;

	if ((out = arena_alloc(r->a, before_len + path_len + 3 * strlen(s) + 1)) == NULL)
		return NULL;
	memcpy(out, before, before_len);
	memcpy(out + before_len, path, path_len);
	for (p = out + before_len + path_len; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c > 0x20 && c < 0x7f && strchr("\"<>\\^`{|}", c) == NULL) {
			*p++ = (char)c;
		} else {
			*p++ = '%';
			*p++ = hex[c >> 4];
			*p++ = hex[c & 15];
		}
	}
	*p = '\0';
	return out;
}

const struct ib_err *
resp_see_other(struct app *app, struct req *r, const char *fmt, ...)
{
	const char *path;
	va_list ap;

	va_start(ap, fmt);
	path = arena_vprintf(r->a, fmt, ap);
	va_end(ap);
	/* The slash keeps whatever follows below our own host. */
	if (path != NULL && path[0] != '/')
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "redirect to what is no path");
	return bare(r, 303, "Location", path == NULL ? NULL :
	    location(r, app->origin, app->base_path, path));
}

const struct ib_err *
resp_redirect_away(struct req *r, const char *url)
{
	if (url == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "the request's memory is full");
	if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "redirect to what is no web address");
	return bare(r, 302, "Location", location(r, "", "", url));
}

const struct ib_err *
resp_not_modified(struct req *r, const char *etag)
{
	return bare(r, 304, "ETag", arena_dup(r->a, etag));
}

/* Who is signed in sees it here too, whatever the route; in his language. */
static void
look_up_reader(struct req *r)
{
	const struct ib_err *err;
	struct session *s;

	if (r->session != NULL || req_framed(r))
		return;
	if ((err = req_look_up(r, &s)) != NULL)
		log_err(err, "problem_session");
	if (s != NULL) {
		r->session = s;
		r->lang = s->lang;
	}
}

const struct ib_err *
resp_problem_text(struct app *app, struct req *r, int status, const char *text,
    const char *href, const char *label)
{
	const struct ib_err *err;
	struct view_problem view;

	look_up_reader(r);
	memset(&view, 0, sizeof(view));
	view.request_id = r->id;
	view.text = text;
	if (href != NULL && label != NULL) {
		view.way = href;
		view.way_label = label;
	}
	if ((view.frame = view_frame_make(app, r)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "no frame for the page");
	if ((err = resp_page(app, r, status, req_framed(r) ? TPL_EMBED_NOTE : TPL_PROBLEM,
	    &view)) == NULL && status == 503 &&
	    extra_find(r->pv, "Retry-After") == NULL)
		answer_set(r->pv, "Retry-After", "5");
	return err;
}

const struct ib_err *
resp_problem_way(struct app *app, struct req *r, int status, const char *key,
    const char *href, const char *label_key)
{
	const char *text, *label = NULL;

	look_up_reader(r);
	if ((text = cat_find(app->cats, r->lang, key)) == NULL)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "no such string: %s", key);
	if (label_key != NULL && (label = cat_find(app->cats, r->lang, label_key)) == NULL)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "no such string: %s", label_key);
	return resp_problem_text(app, r, status, text, href, label);
}

const struct ib_err *
resp_problem(struct app *app, struct req *r, int status, const char *key)
{
	return resp_problem_way(app, r, status, key, NULL, NULL);
}

/* One range of "bytes=a-b", "bytes=a-" or "bytes=-n".  0: none of that, 206, or 416. */
static int
parse_range(const char *s, int64_t size, int64_t *at, int64_t *len)
{
	char first[20], last[20];
	int64_t a, b;
	size_t n;

	if (s == NULL || strncmp(s, "bytes=", 6) != 0)
		return 0;
	s += 6;
	if ((n = strspn(s, "0123456789")) >= sizeof(first) || s[n] != '-')
		return 0;
	memcpy(first, s, n);
	first[n] = '\0';
	s += n + 1;
	if ((n = strspn(s, "0123456789")) >= sizeof(last) || s[n] != '\0')
		return 0;
	memcpy(last, s, n + 1);
	if (first[0] == '\0') {
		if (!str_int(last, &b))
			return 0;
		if (b == 0 || size == 0)
			return 416;
		*at = b < size ? size - b : 0;
		*len = size - *at;
		return 206;
	}
	b = INT64_MAX;
	if (!str_int(first, &a) || (last[0] != '\0' && !str_int(last, &b)) || b < a)
		return 0;
	if (a >= size)
		return 416;
	*at = a;
	*len = (b < size - 1 ? b : size - 1) - a + 1;
	return 206;
}

static const char *
disposition(struct req *r, const char *name)
{
	struct ib_buf b;
	char *out;
	const char *s;

	buf_init(&b, 8 << 10);
	buf_puts(&b, "attachment; filename=\"");
	for (s = name; *s != '\0'; s++)
		if ((unsigned char)*s < 0x80)	/* one stand-in for each other character */
			buf_putc(&b, *s < 0x20 || *s == 0x7f || strchr("\"\\/%", *s) != NULL ?
			    '_' : *s);
		else if (((unsigned char)*s & 0xc0) != 0x80)
			buf_putc(&b, '_');
	buf_puts(&b, "\"; filename*=UTF-8''");
	buf_put_url(&b, name);
	out = b.failed ? NULL : arena_dupn(r->a, b.p, b.len);
	buf_fini(&b);
	return out;
}

const struct ib_err *
resp_file(struct req *r, int fd, int64_t size, const char *type,
    const char *download_name, int64_t max_age_s)
{
	struct req_private *pv = r->pv;
	int64_t at = 0, len = size;
	int status;

	if ((status = parse_range(req_header(r, "HTTP_RANGE"), size, &at, &len)) == 0)
		status = 200;
	begin(r, status, type);
	buf_clear(&pv->w->out);
	/* Once the head is out it is too late to say that there is no room. */
	if (buf_reserve(&pv->w->out, FILE_STEP) == NULL) {
		(void)close(fd);
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "no memory for a file");
	}
	pv->file = true;
	pv->fd = fd;
	pv->file_at = at;
	pv->file_len = len;
	if (status == 416) {
		forget_file(pv);
		pv->type = NULL;
		answer_set(pv, "Content-Range",
		    arena_printf(r->a, "bytes */%lld", (long long)size));
		return NULL;
	}
	if (status == 206)
		answer_set(pv, "Content-Range", arena_printf(r->a, "bytes %lld-%lld/%lld",
		    (long long)at, (long long)(at + len - 1), (long long)size));
	answer_set(pv, "Accept-Ranges", "bytes");
	if (download_name != NULL)
		answer_set(pv, "Content-Disposition", disposition(r, download_name));
	if (max_age_s > 0)
		answer_set(pv, "Cache-Control", arena_printf(r->a,
		    "private, max-age=%lld, immutable", (long long)max_age_s));
	return NULL;
}

void
resp_constant(struct req *r, int status)
{
	struct ib_buf *out = &r->pv->w->out;

	resp_reset(r);
	begin(r, status, "text/plain; charset=utf-8");
	PUT(out, "The inbox cannot show this page; see the server's error log.\n");
	buf_puts(out, r->id);
	PUT(out, "\n");
}

const struct ib_err *
resp_check(struct req *r)
{
	if (!r->pv->answered)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "the handler gave no answer");
	if (r->pv->broken != NULL)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s", r->pv->broken);
	return buf_check(&r->pv->w->out);
}

/* Sending ---------------------------------------------------------------------- */

static struct iovec
piece(const char *p, size_t n)
{
	union { const char *c; void *v; } u = { .c = p };	/* writev's type is not const */
	struct iovec v = { u.v, n };

	return v;
}

/* The file's bytes behind the headers in `head`; the first step goes with them. */
static bool
send_file(struct req_private *pv, const struct ib_buf *head)
{
	struct ib_buf *out = &pv->w->out;
	int64_t at = pv->file_at, left = pv->file_len;
	struct iovec v[2];
	ssize_t got;
	bool first = true;
	char *p;

	if ((p = buf_reserve(out, FILE_STEP)) == NULL)
		left = 0;
	while (left > 0 || first) {
		v[0] = piece(head->p, first ? head->len : 0);
		got = 0;
		if (left > 0 && (got = pread(pv->fd, p, left < (int64_t)FILE_STEP ?
		    (size_t)left : FILE_STEP, at)) <= 0) {
			log_event(LOG_ERROR_, "file_short", "left", log_i(left), NULL);
			got = left = 0;
		}
		v[1] = piece(p, (size_t)got);
		if (!pv->io->write(pv->io, v, 2))
			return false;
		at += got;
		left -= got;
		first = false;
	}
	return true;
}

void
resp_send(struct req *r)
{
	struct req_private *pv = r->pv;
	struct ib_buf *head = &pv->w->head, *out = &pv->w->out;
	struct iovec v[2];
	bool sent;

	buf_clear(head);
	put_headers(r, head);
	if (head->failed) {
		/* Out of memory for a kilobyte: the least that is an answer. */
		static const char least[] = "Status: 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

		pv->status = 503;
		v[0] = piece(least, sizeof(least) - 1);
		sent = pv->io->write(pv->io, v, 1);
	} else if (pv->head || pv->status == 304 || pv->status == 204) {
		v[0] = piece(head->p, head->len);
		sent = pv->io->write(pv->io, v, 1);
	} else if (pv->file) {
		sent = send_file(pv, head);
	} else {
		v[0] = piece(head->p, head->len);
		v[1] = piece(out->p, out->len);
		sent = pv->io->write(pv->io, v, 2);
	}
	if (!sent)
		log_event(LOG_DEBUG_, "client_gone", "status", log_i(pv->status), NULL);
	forget_file(pv);
}

/* Addresses -------------------------------------------------------------------- */

const char *
req_href(const struct app *app, struct req *r, const char *fmt, ...)
{
	char *path, *href;
	size_t len, n;
	va_list ap;

	va_start(ap, fmt);
	path = arena_vprintf(r->a, fmt, ap);
	va_end(ap);
	if (path == NULL || app->base_path[0] == '\0')
		return path;
	len = strlen(app->base_path);
	n = strlen(path);
	if ((href = arena_alloc(r->a, len + n + 1)) == NULL)
		return NULL;
	memcpy(href, app->base_path, len);
	memcpy(href + len, path, n + 1);
	return href;
}
