/* SPDX-License-Identifier: MIT */
/*
 * graph.h - Facebook's Graph API: typed requests in, typed answers out.
 * No SQL, no HTML.  Contract: messenger.md 2, 3, 5, 6, 7, 12.
 *
 * Every call returns NULL when Facebook answered in a way we understand,
 * also when it refused: then res->refused is set and res->row tells class and
 * sentence.  An ib_err means no usable answer; res->fate then tells whether
 * the request may have been worked on.  All memory comes from the arena.
 * Tokens go in the Authorization header, appsecret_proof with every call that
 * has a user or Page token; `paging.next` is never followed, only cursors.
 */
#ifndef IB_GRAPH_H
#define IB_GRAPH_H

#include "../base/conf.h"
#include "../base/httpc.h"
#include "codes.h"
#include "event.h"

struct graph_res {
	bool		 refused;
	enum httpc_fate	 fate;
	int		 status;	/* HTTP */
	int		 code, subcode;
	bool		 transient;
	bool		 less_data;	/* "reduce the amount of data": ask for less */
	const struct code_row *row;	/* when refused; without an answer: that of "no answer"; else NULL */
	const char	*trace;		/* fbtrace_id or NULL */
	const char	*user_msg;	/* error_user_msg, cleaned, or NULL */
	int		 usage_pct;	/* highest of the usage headers, -1 unknown */
	int		 regain_min;	/* estimated minutes to regain access, 0 unknown */
};

struct graph;
IB_MUST const struct ib_err *graph_new(const struct conf *conf, struct httpc *http, struct graph **out);
void graph_free(struct graph *g);
/* Be told of every refusal that carries a code, before the call returns. */
void graph_on_refusal(struct graph *g, void (*fn)(void *arg, const struct graph_res *res), void *arg);

/* Login ------------------------------------------------------------------ */

/* Address of the dialog (scope or config_id as configured); `rerequest` asks again for declined permissions. */
const char *graph_dialog_url(const struct graph *g, struct arena *a,
    const char *redirect_uri, const char *state, bool rerequest);

struct graph_token { const char *token; int64_t expires_in; /* s, 0 = not told */ };
/* Never repeat: a code is single use. POST with a form body. */
IB_MUST const struct ib_err *graph_exchange(struct graph *g, struct arena *a,
    const char *code, const char *redirect_uri, struct graph_token *out, struct graph_res *res);
IB_MUST const struct ib_err *graph_long_lived(struct graph *g, struct arena *a,
    const char *token, struct graph_token *out, struct graph_res *res);

/*
 * The app's own subscription to the events of Pages (messenger.md 3.4), asked and
 * made as the app itself: a refusal of the question says that id and secret are
 * not a pair.  To make it Facebook calls the address before it answers.
 */
enum graph_hook { GRAPH_HOOK_NONE, GRAPH_HOOK_OTHER, GRAPH_HOOK_PARTLY, GRAPH_HOOK_GOOD };
IB_MUST const struct ib_err *graph_app_hook(struct graph *g, struct arena *a, const char *url,
    enum graph_hook *out, struct graph_res *res);
IB_MUST const struct ib_err *graph_app_hook_put(struct graph *g, struct arena *a, const char *url,
    const char *verify_token, struct graph_res *res);
/* The fields that the subscriptions want, by commas. */
const char *graph_hook_fields(struct arena *a);

struct graph_debug {
	bool		 valid;
	const char	*type, *user_id, *profile_id, *app_id;
	int64_t		 expires_at, data_access_expires_at;	/* s, 0 = none */
	int		 code, subcode;		/* when not valid */
	const char	*const *scopes;
	size_t		 nscopes;
};
IB_MUST const struct ib_err *graph_debug_token(struct graph *g, struct arena *a,
    const char *token, struct graph_debug *out, struct graph_res *res);

/* Permissions that a Page cannot do without and that this token has not, "a, b"; "" = none. */
const char *graph_lacks(struct arena *a, const struct graph_debug *d);

struct graph_me { const char *id, *name; };	/* ASID of the login user */
IB_MUST const struct ib_err *graph_me(struct graph *g, struct arena *a,
    const char *token, struct graph_me *out, struct graph_res *res);
/* Permissions declined or expired, of those we ask for. */
IB_MUST const struct ib_err *graph_declined(struct graph *g, struct arena *a,
    const char *token, const char *const **out, size_t *n, struct graph_res *res);

/* Pages ------------------------------------------------------------------ */

struct graph_page {
	const char	*id, *name, *category, *picture;
	const char	*token;		/* NULL where the role allows none */
	bool		 can_message;	/* a messaging task */
	bool		 can_manage;	/* a moderate, manage or full-control task */
	bool		 odd_tasks;	/* tasks unknown to us only: let the subscription decide */
};
/* One slice of /me/accounts; *next is NULL at the end. */
IB_MUST const struct ib_err *graph_pages(struct graph *g, struct arena *a,
    const char *token, const char *after, struct graph_page **out, size_t *n,
    const char **next, struct graph_res *res);
IB_MUST const struct ib_err *graph_subscribe(struct graph *g, struct arena *a,
    const char *page, const char *token, struct graph_res *res);
/* Our own subscription: *subscribed and whether all wanted fields are in it. */
IB_MUST const struct ib_err *graph_subscription(struct graph *g, struct arena *a,
    const char *page, const char *token, bool *subscribed, bool *complete, struct graph_res *res);
/* token NULL: as the app itself, when the Page's token is dead (messenger.md 3.4). */
IB_MUST const struct ib_err *graph_unsubscribe(struct graph *g, struct arena *a,
    const char *page, const char *token, struct graph_res *res);

/* History ---------------------------------------------------------------- */

struct graph_thread {
	const char	*id;		/* "t_..." */
	const char	*psid, *name;	/* the participant that is not the Page; NULL unknown */
	int64_t		 updated_at;	/* ms */
	int64_t		 message_count;	/* -1 unknown */
	bool		 can_reply;
	const char	*link;		/* absolute or NULL */
};
/* Newest first.  `psid` (may be NULL) asks for that customer's thread only. */
IB_MUST const struct ib_err *graph_threads(struct graph *g, struct arena *a,
    const char *page, const char *token, const char *psid, const char *after, int limit,
    struct graph_thread **out, size_t *n, const char **next, struct graph_res *res);
/*
 * Newest first.  `lean` asks only for id, time, sender and text (messenger.md
 * 6.2, last point).  Each element is an fb_event with history = true, raw =
 * NULL and fb_thread = thread; lean ones have a psid only where the customer wrote.
 */
IB_MUST const struct ib_err *graph_messages(struct graph *g, struct arena *a,
    const char *page, const char *token, const char *thread, const char *after, int limit,
    bool lean, struct fb_event **out, size_t *n, const char **next, struct graph_res *res);
/* Fresh addresses of a message's files, in order. */
IB_MUST const struct ib_err *graph_attachments(struct graph *g, struct arena *a,
    const char *token, const char *mid, struct fb_attachment **out, size_t *n, struct graph_res *res);

struct graph_profile { const char *name, *picture; };	/* NULL where not told */
/* Retries once with fewer fields when a field is not allowed (messenger.md 7). */
IB_MUST const struct ib_err *graph_profile(struct graph *g, struct arena *a,
    const char *token, const char *psid, struct graph_profile *out, struct graph_res *res);

/* Sending ---------------------------------------------------------------- */

/* A file of a message, read while it is sent. */
struct graph_file {
	const char	*path, *kind;	/* kind: "image", "video", "audio", "file" */
	const char	*name, *mime;
	int64_t		 size;
};

struct graph_send {
	const char	*page, *token, *psid;
	const char	*text;
	const struct graph_file *file;	/* instead of text */
	const char	*metadata;	/* our id; returns in the echo */
	bool		 human_agent;	/* tag for replies past 24 h */
	const char	*reply_to;	/* mid quoted, or NULL */
};
/* The longest that a call with a file takes. */
#define GRAPH_FILE_MS	100000
/*
 * res->refused with row->send_unknown, or an ib_err with fate UNKNOWN, or a
 * 200 without message_id (*mid NULL): the outcome is unknown.
 */
IB_MUST const struct ib_err *graph_send(struct graph *g, struct arena *a,
    const struct graph_send *s, const char **mid, struct graph_res *res);
/* Best effort; the result matters to nobody. */
void graph_mark_seen(struct graph *g, struct arena *a, const char *page,
    const char *token, const char *psid);

/* Media ------------------------------------------------------------------ */

/*
 * True when the address may be fetched: https, host in facebook.media_hosts and
 * no address of a private network.  Loopback, http too, only when
 * facebook.graph_url is loopback itself, and only when listed as well.
 */
bool graph_media_allowed(const struct graph *g, struct arena *a, const char *url);
/*
 * Fetch into the open file `fd`; at most `max` bytes; at most 2 redirects
 * under the same rule.  *mime is the answer's Content-Type without
 * parameters, NULL when there is none.  res->refused with status 403, 404 or
 * 410 means expired or gone; with another status, later.  IB_EAUTH when the
 * address or a redirect is not allowed.  After an error the file may hold a part.
 */
IB_MUST const struct ib_err *graph_media(struct graph *g, struct arena *a, const char *url,
    int fd, int64_t max, const char **mime, int64_t *size, struct graph_res *res);

#endif
