/* SPDX-License-Identifier: MIT */
/*
 * req_private.h - what req.c, form.c, csrf.c, resp.c and dispatch.c share
 * about a request.  Handlers do not include it.
 *
 * Everything lives in the request's arena or in the buffers of struct web.
 */
#ifndef IB_REQ_PRIVATE_H
#define IB_REQ_PRIVATE_H

#include "dispatch.h"

#define FORM_FIELDS_MAX	100
#define FORM_NAME_MAX	64
#define QUERY_MAX	((size_t)4 << 10)
#define URI_MAX		((size_t)8 << 10)
#define HEADER_MAX	((size_t)8 << 10)
#define BODY_MAX	((size_t)8 << 20)	/* most that a route may allow */
#define BODY_STEP	((size_t)16 << 10)	/* one read */
#define FILES_MAX	10			/* files of one form */
#define FILES_BODY_MAX	((size_t)32 << 20)	/* and most bytes of a form that may bring some */
#define DRAIN_MAX	((size_t)4 << 20)	/* unread body thrown away before an answer */
#define PATH_PARAMS_MAX	4
#define EXTRAS_MAX	24

/* form.c --------------------------------------------------------------------- */

struct form_field {
	const char	*name, *value;
	size_t		 name_len;
};

struct form {
	struct form_field *fields;
	size_t		 n;
};

enum form_result {
	FORM_OK,
	FORM_BAD,	/* malformed, repeated, no UTF-8, NUL, name too long */
	FORM_MANY,	/* more than FORM_FIELDS_MAX */
	FORM_NOMEM
};

/*
 * application/x-www-form-urlencoded into the arena.  In values CRLF and CR
 * become \n and other control characters vanish; names must have none.  A
 * name that comes twice is refused unless it is `repeatable` (may be NULL).
 */
enum form_result form_parse(struct arena *a, const char *s, size_t n,
    const char *repeatable, struct form *out);
/* One more field of a form whose values are not escaped, by the same rules. */
enum form_result form_put(struct arena *a, struct form *f, const char *name, const char *s, size_t n,
    const char *repeatable);
const char *form_get(const struct form *f, const char *name);
/* All values of a name into the arena; 0 when there is none. */
size_t form_all(const struct form *f, struct arena *a, const char *name, const char ***out);

/*
 * Value of a cookie, copied into the arena.  NULL when it is absent, comes
 * more than once or has bytes no cookie of ours has.  Cookies of other
 * programs on the same host do not matter, whatever they look like.
 */
const char *cookie_find(struct arena *a, const char *header, const char *name);
/* Only bytes that a cookie's value may have, unquoted. */
bool cookie_value_ok(const char *s);

enum path_result {
	PATH_OK,
	PATH_BAD,	/* malformed escape, control byte, no UTF-8, //, dot segment */
	PATH_NONE,	/* escaped slash: nothing of ours has one */
	PATH_NOMEM
};

/* Percent-decode a path once.  It must begin with a slash. */
enum path_result path_decode(struct arena *a, const char *s, size_t n, char **out);

/* req.c ---------------------------------------------------------------------- */

struct path_param {
	const char	*name, *value;
	size_t		 name_len, value_len;
};

struct extra {				/* a header of the answer */
	const char	*name, *value;
	const char	*cookie;	/* its name, when it is Set-Cookie */
	bool		 of_answer;	/* goes when the answer is replaced */
};

struct req_private {
	struct web	*w;
	const struct app *app;
	struct io	*io;

	/* the request */
	const char	*method, *uri;
	const char	*cookies, *content_type, *content_length;
	const char	*accept_language, *origin, *referer, *fetch_site, *fetch_dest;
	bool		 head;			/* HEAD: answer without its body */
	bool		 too_big;		/* a header over HEADER_MAX */
	bool		 drained;		/* the body was read, or there is none */
	struct form	 query, form;
	struct req_file	 files[FILES_MAX];
	size_t		 nfiles;
	const char	*refusal;		/* sentence for the status that refuses; NULL: the usual one */
	struct path_param params[PATH_PARAMS_MAX];
	size_t		 nparams;
	const char	*csrf;			/* token, once asked for */
	struct session	*found;			/* what the session's cookie led to */
	bool		 asked;			/* it was looked up, or shall not be */

	/* the answer; its body is in w->out unless it is a file */
	bool		 answered, work;
	int		 status;
	const char	*type;			/* Content-Type, NULL = none */
	bool		 page;			/* HTML in the request's language */
	bool		 file;
	int		 fd;
	int64_t		 file_at, file_len;
	struct extra	 extras[EXTRAS_MAX];
	size_t		 nextras;
	const char	*broken;		/* why the answer cannot be sent as it is */
};

/* Environment, method, path and query.  0, or the status that refuses. */
IB_MUST int req_read_head(struct req *r);
/* The body and its form, for the route found.  0, or the status that refuses. */
IB_MUST int req_read_body(struct req *r);
/* Is it a form that may bring files, on a route that takes them? */
bool req_brings_files(const struct req *r);
/* Instead of req_read_body: such a body, streamed (req_files.c). */
IB_MUST int req_read_files(struct req *r);
/* Those that no handler has taken away. */
void req_drop_files(struct req *r);
/* Throw away what is left of the body, within DRAIN_MAX. */
void req_drain(struct req *r);
/* Language of somebody who is not signed in: cookie, then Accept-Language. */
enum lang req_guess_lang(const struct req *r);

/*
 * The session of the cookie, looked up once: *out is NULL when there is none.
 * It does not become r->session here.
 */
IB_MUST const struct ib_err *req_look_up(struct req *r, struct session **out);

/* csrf.c --------------------------------------------------------------------- */

/* The origin's part: Sec-Fetch-Site, Origin, Referer.  NULL, or why not (for the log). */
const char *csrf_bad_origin(const struct req *r);
/* The token's part, after the form was read. */
const char *csrf_bad_token(const struct app *app, const struct req *r);

/* resp.c --------------------------------------------------------------------- */

/* Forget the answer so far, also its headers; the wish for work stays. */
void resp_reset(struct req *r);
/* Plain text for when no page can be made. */
void resp_constant(struct req *r, int status);
/* NULL when an answer is there and whole. */
IB_MUST const struct ib_err *resp_check(struct req *r);
/* Status line and headers into w->head, then all of it out through io. */
void resp_send(struct req *r);

#endif
