/* SPDX-License-Identifier: MIT */
/*
 * req.h - one request and its answer.
 *
 * The transport (io.h) fills the raw parts; the dispatcher matches the route,
 * reads the body up to the route's cap, checks the session, the right and the
 * CSRF token as the route demands, and calls the handler.  Everything hangs
 * on the request's arena and is gone after it.
 *
 * Query, form and cookie names are separate spaces.  A repeated name in query
 * or form is refused (400) before the handler runs; a cookie that comes twice
 * counts as absent (other programs on the same host may have caused it).
 * Values are valid UTF-8, else the request is refused; in query and form CRLF
 * and CR become \n and control characters other than \n and \t vanish, so that
 * an invisible byte in a pasted text does not cost the text.
 *
 * HEAD arrives at handlers as GET; the answer's body is left out by itself.
 */
#ifndef IB_REQ_H
#define IB_REQ_H

#include "../lib/base/arena.h"
#include "../lib/base/buf.h"
#include "../lib/base/cat.h"

enum req_method { M_GET = 1, M_HEAD = 2, M_POST = 4, M_DELETE = 8 };

struct app;
struct session;
struct route;
struct pass;

struct req {
	struct arena	*a;
	enum req_method	 method;
	const char	*path;		/* below base_url's path, decoded; begins with / */
	const char	*here;		/* path and query as they came, below base_url's path;
					   "/" unless it was a GET */
	const char	*body;		/* raw; only when the route reads one */
	size_t		 body_len;
	const struct route *route;
	char		 id[12];	/* request id, shown to people and in the log */
	enum lang	 lang;
	const struct session *session;	/* NULL when nobody is signed in */
	const struct pass *pass;	/* inside Pipedrive: of the path, ours even when it is over; else NULL */
	int64_t		 now;		/* ms */
	struct req_private *pv;		/* parser and answer state */
};

/* {id} of the path by name, checked as a positive integer; false when absent or no number. */
bool req_id(const struct req *r, const char *name, int64_t *out);
/* Is this a page that Pipedrive shows in a frame? */
bool req_framed(const struct req *r);
const char *req_segment(const struct req *r, const char *name);	/* text of {name} */
const char *req_query(const struct req *r, const char *name);	/* NULL when absent */
const char *req_form(const struct req *r, const char *name);
/* Every value of a form name that may repeat (listed in the route). */
size_t req_form_all(const struct req *r, const char *name, const char ***out);
/* One more value of such a name, for whoever reads the form after this.  False: no memory, or too many. */
bool req_form_add(struct req *r, const char *name, const char *value);
/*
 * Files that a form brought (TAKES_FILES), in its order.  They lie in
 * media_dir under names that begin with a dot, and go with the request unless
 * the handler renames them.
 */
struct req_file {
	const char	*field;		/* of the form */
	const char	*name;		/* cleaned; NULL: none was told */
	const char	*path;
	int64_t		 size;
};
size_t req_files(const struct req *r, const struct req_file **out);
const char *req_cookie(const struct req *r, const char *name);	/* name without prefix */
/* Does "Authorization: Basic" name this user and password?  Compared as digests, in constant time. */
bool req_basic_ok(const struct req *r, const char *user, const char *password);
bool req_bearer_ok(const struct req *r, const char *token);	/* the same of "Authorization: Bearer" */
const char *req_header(const struct req *r, const char *env_name);	/* "HTTP_X_HUB_SIGNATURE_256" */
/*
 * Does If-None-Match have this ETag (with its quotes)?  Weak comparison; the
 * suffixes that compressing servers add inside the quotes are ignored.
 */
bool req_has_etag(const struct req *r, const char *etag);

/* The answer: exactly one of these per request. ------------------------------------ */

/*
 * A later call replaces an earlier answer.  What was set by resp_header and
 * resp_cookie stays, unless the handler returns an error.
 */
/* A rendered page; which = number in views.h. `status` 200 mostly. */
IB_MUST const struct ib_err *resp_page(struct app *app, struct req *r, int status, size_t which, const void *view);
/* `type` must be a constant; body NULL keeps what resp_buf() got. */
IB_MUST const struct ib_err *resp_text(struct req *r, int status, const char *type, const char *body, size_t n);
/* The empty buffer of the answer's body, to build in place: then resp_text(r, 200, type, NULL, 0). */
struct ib_buf *resp_buf(struct req *r);
/* 303 to a path below base_url ("/inbox/5") or 302 to a foreign address of our own making. */
IB_MUST const struct ib_err *resp_see_other(struct app *app, struct req *r, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
IB_MUST const struct ib_err *resp_redirect_away(struct req *r, const char *url);
IB_MUST const struct ib_err *resp_not_modified(struct req *r, const char *etag);
/* The sentence page: key of the catalogues ("problem.state_expired"), way on optional. */
IB_MUST const struct ib_err *resp_problem(struct app *app, struct req *r, int status, const char *key);
/* The same with a button: where it goes and the key of its label. */
IB_MUST const struct ib_err *resp_problem_way(struct app *app, struct req *r, int status,
    const char *key, const char *href, const char *label_key);
/* The same with a sentence that is filled already. */
IB_MUST const struct ib_err *resp_problem_text(struct app *app, struct req *r, int status,
    const char *text, const char *href, const char *label);
/*
 * Send an open file (from `fd`, closed in any case); a download name sets
 * Content-Disposition.  `type` must live as long as the request.  One Range is
 * honoured (players of some browsers insist on it).
 */
IB_MUST const struct ib_err *resp_file(struct req *r, int fd, int64_t size, const char *type,
    const char *download_name, int64_t max_age_s);

/*
 * Extras before the answer.  The same name again replaces the value.  Without
 * Cache-Control an answer is no-store, with an ETag "private, no-cache".
 * Bytes that no header may have turn the answer into a 500.
 */
void resp_header(struct req *r, const char *name, const char *value);
/* `name` without prefix; __Host- and Secure are added on https. max_age 0 deletes, -1 = session. */
void resp_cookie(const struct app *app, struct req *r, const char *name, const char *value, int64_t max_age_s);
/* Do this work after the answer is on its way (once; the last call wins). */
void resp_then_work(struct req *r);

/* Absolute path below base_url for hrefs: "/sub/inbox/5". */
const char *req_href(const struct app *app, struct req *r, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same of a path as it is, which has to last; the path itself when base_url has none. */
const char *req_below(const struct app *app, struct req *r, const char *path);
/*
 * CSRF token of this session (or of the anonymous visitor's cookie, set when
 * it is not there) for hidden fields.  NULL only when the answer is lost anyway.
 */
const char *req_csrf(const struct app *app, struct req *r);

#endif
