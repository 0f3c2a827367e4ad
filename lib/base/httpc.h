/* SPDX-License-Identifier: MIT */
/*
 * httpc.h - the HTTP client, the only door to libcurl.
 *
 * libcurl is loaded (dlopen) at the first call: a page that needs no network
 * does not pay its start-up time and memory.  One handle per process keeps
 * connections alive.  https only (http to loopback when the configuration
 * allows it), no redirects, peer and host verified, connect 3 s, total 10 s
 * unless said otherwise, answer capped.  There is no retry here: the caller
 * decides, because only the caller knows whether a repeat is harmless.
 */
#ifndef IB_HTTPC_H
#define IB_HTTPC_H

#include "arena.h"
#include "buf.h"

enum httpc_method { HTTPC_GET, HTTPC_POST, HTTPC_PUT, HTTPC_PATCH, HTTPC_DELETE };

/*
 * How far a call came.  NOT_SENT: the request did not reach the server (DNS,
 * refused, TLS): repeating is harmless.  UNKNOWN: it may have been worked on
 * and the answer is missing.  ANSWERED: status and body are there.
 */
enum httpc_fate { HTTPC_NOT_SENT, HTTPC_UNKNOWN, HTTPC_ANSWERED };

struct httpc_part {			/* one part of a multipart form */
	const char	*name, *value;	/* value: text part */
	const char	*path;		/* or: bytes of this file */
	const char	*filename, *type;
};

struct httpc_req {
	enum httpc_method	 method;
	const char		*url;		/* complete, encoded */
	const char		*bearer;	/* token, or NULL */
	const char		*basic_user, *basic_pass;
	const char		*content_type;	/* of body */
	const char		*signature;	/* X-Hub-Signature-256, or NULL */
	const char		*body;
	size_t			 body_len;
	const struct httpc_part	*parts;		/* instead of body */
	size_t			 nparts;
	long			 timeout_ms;	/* 0 = 10,000 */
	size_t			 max_answer;	/* 0 = 4 MiB */
	bool			 heads;		/* all headers of the answer, too */
	bool			 certificate;	/* when the server's ends, too */
	int			 save_fd;	/* > 0: the body of a 2xx goes to this file, not to memory */
};

struct httpc_resp {
	enum httpc_fate	 fate;
	int		 status;		/* 0 unless ANSWERED */
	const char	*content_type;		/* arena; NULL if none */
	const char	*retry_after;		/* arena; NULL if none */
	const char	*location;		/* of a 3xx, as sent or made absolute; arena; NULL if none */
	const char	*usage;			/* X-Business-Use-Case-Usage or X-App-Usage; NULL if none */
	const char	*limit_reset;		/* X-RateLimit-Reset: seconds; NULL if none */
	const char	*budget_left;		/* X-Daily-RateLimit-Token-Remaining; NULL if none */
	const char	*heads;			/* when asked for: a line each; arena; else NULL */
	const char	*date;			/* Date, as sent; NULL if none */
	const char	*body;			/* arena, NUL-terminated; "" if none */
	size_t		 body_len;
	int64_t		 certificate_end;	/* ms; when asked for, over https and a new connection; else 0 */
	bool		 untrusted;		/* https came to nothing: no TLS, or a bad certificate */
	int64_t		 saved;			/* bytes written to save_fd */
};

/* Version of libcurl, "8.14.1"; NULL when it cannot be loaded. */
const char *httpc_library(void);

struct httpc;
/* `allow_loopback_http`: permit http:// to loopback addresses. */
IB_MUST const struct ib_err *httpc_new(const char *user_agent, bool allow_loopback_http, struct httpc **out);
void httpc_free(struct httpc *h);

/*
 * Perform.  Returns NULL when the server answered (whatever the status).
 * Otherwise an error and resp->fate tells whether the request may have been
 * worked on: IB_ETIMEOUT (no answer in time, or none after sending),
 * IB_EUPSTREAM (not reached, no TLS), IB_ELIMIT (answer over the cap), IB_EPARSE
 * (URL or header that may not be sent), IB_ESYS (libcurl cannot be loaded, a
 * file not read or written), IB_ENOMEM.  Memory comes from the arena.
 *
 * The request is sent at most once, except a GET, which libcurl may repeat when
 * a kept connection turns out dead.
 */
IB_MUST const struct ib_err *httpc_do(struct httpc *h, struct arena *a,
    const struct httpc_req *req, struct httpc_resp *resp);

#endif
