/* SPDX-License-Identifier: MIT */
/*
 * graph.c - requests to Facebook's Graph API and their answers.
 *
 * State: addresses built once from the configuration, which must outlive the
 * graph.  A call is three steps: its address and body are built, perform()
 * sends it and sorts what came back, and the function decodes its document
 * into the caller's arena and frees it.
 *
 * perform() can fail for want of memory, for a missing answer (fate in res)
 * and for an answer that is no JSON.  A refusal is not a failure.  Tokens are
 * in the Authorization header or a form body; the one address with a token in
 * it is debug_token's, whose contract knows no other way.  No message of an
 * error names an address, a token or words of the service.
 */
#include "graph.h"

#include "../base/clock.h"
#include "../base/crypt.h"
#include "../base/json.h"
#include "../base/str.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FB_WEB		"https://www.facebook.com"
#define URL_BYTES	((size_t)16 << 10)
#define BODY_BYTES	((size_t)256 << 10)
#define MEDIA_MS	30000
#define REDIRECTS	2
#define FORM		"application/x-www-form-urlencoded"

#define NEEDED		4	/* of them nothing works without */
static const char *const scopes[] = {
	"pages_show_list", "pages_messaging", "pages_manage_metadata",
	"pages_read_engagement", "business_management"
};

static const char *const wanted_fields[] = {
	"messages", "message_echoes", "message_deliveries", "message_reads",
	"message_reactions", "message_edits", "messaging_postbacks", "messaging_referrals",
	"messaging_handovers", "standby", "messaging_policy_enforcement"
};

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

#define ATTACHMENT_FIELDS	"id,mime_type,name,size,image_data,video_data,file_url"
#define MORE_FIELDS		ATTACHMENT_FIELDS ",generic_template"
#define MESSAGE_FIELDS(attachment) \
	"id,created_time,from,to,message,sticker,attachments{" attachment "}," \
	"shares{id,name,description,link,template},reactions,reply_to,is_unsupported"
#define LEAN_FIELDS		"id,created_time,from,message"

struct graph {
	struct httpc	*http;
	const char	*app_id, *secret, *config_id, *version, *dialog, *hosts;
	char		*api;		/* "https://graph.facebook.com/v25.0" */
	bool		 loopback;	/* the configuration points at this machine */
	bool		 fewer_fields;	/* generic_template was refused: not asked again */
	void		(*on_refusal)(void *, const struct graph_res *);
	void		*on_refusal_arg;
};

/* One call: the address grows in `url`, the body in `body`. */
struct call {
	const char	*name;		/* for errors */
	enum httpc_method method;
	struct ib_buf	 url, body;
	bool		 query;		/* a '?' is in the address */
	const char	*token;		/* user or Page token, or NULL */
	bool		 app_token;	/* id|secret instead */
	const char	*type;		/* of the body */
	int		 json_flags;
	bool		 any_answer;	/* a 2xx that is no JSON is fine: *root NULL */
	const struct httpc_part *parts;	/* instead of body */
	size_t		 nparts;
	long		 timeout_ms;	/* 0: the usual one */
};

const struct ib_err *
graph_new(const struct conf *conf, struct httpc *http, struct graph **out)
{
	struct graph *g;
	const char *base = conf_str(conf, CONF_FB_GRAPH_URL);
	size_t n;

	*out = NULL;
	if ((g = calloc(1, sizeof(*g))) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "graph");
	g->http = http;
	g->app_id = conf_str(conf, CONF_FB_APP_ID);
	g->secret = conf_str(conf, CONF_FB_APP_SECRET);
	g->config_id = conf_str(conf, CONF_FB_CONFIG_ID);
	g->version = conf_str(conf, CONF_FB_API_VERSION);
	g->dialog = conf_str(conf, CONF_FB_DIALOG_URL);
	g->hosts = conf_str(conf, CONF_FB_MEDIA_HOSTS);
	g->loopback = url_is_loopback(base);
	n = strlen(base) + strlen(g->version) + 2;
	if ((g->api = malloc(n)) == NULL) {
		free(g);
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "graph");
	}
	snprintf(g->api, n, "%s/%s", base, g->version);
	*out = g;
	return NULL;
}

void
graph_free(struct graph *g)
{
	if (g == NULL)
		return;
	free(g->api);
	free(g);
}

/* Building ----------------------------------------------------------------- */

static void
call_init(struct call *c, const struct graph *g, const char *name, enum httpc_method method)
{
	memset(c, 0, sizeof(*c));
	c->name = name;
	c->method = method;
	c->json_flags = JSON_LENIENT_;
	buf_init(&c->url, URL_BYTES);
	buf_init(&c->body, BODY_BYTES);
	buf_puts(&c->url, g->api);
}

static void
call_fini(struct call *c)
{
	/* Addresses hold proofs, bodies hold codes and tokens. */
	if (c->url.p != NULL)
		crypt_wipe(c->url.p, c->url.len);
	if (c->body.p != NULL)
		crypt_wipe(c->body.p, c->body.len);
	buf_fini(&c->url);
	buf_fini(&c->body);
}

/* "/segment", encoded. */
static void
call_path(struct call *c, const char *segment)
{
	buf_putc(&c->url, '/');
	buf_put_url(&c->url, segment);
}

/* A parameter of the address; NULL leaves it out. */
static void
call_arg(struct call *c, const char *name, const char *value)
{
	if (value == NULL)
		return;
	buf_putc(&c->url, c->query ? '&' : '?');
	c->query = true;
	buf_puts(&c->url, name);
	buf_putc(&c->url, '=');
	buf_put_url(&c->url, value);
}

static void
call_limit(struct call *c, int limit)
{
	char n[16];

	snprintf(n, sizeof(n), "%d", limit);
	if (limit > 0)
		call_arg(c, "limit", n);
}

static void
call_form(struct call *c, const char *name, const char *value)
{
	c->type = FORM;
	if (c->body.len > 0)
		buf_putc(&c->body, '&');
	buf_puts(&c->body, name);
	buf_putc(&c->body, '=');
	buf_put_url(&c->body, value);
}

static void
join(struct ib_buf *b, const char *const *words, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (i > 0)
			buf_putc(b, ',');
		buf_puts(b, words[i]);
	}
}

static bool
word_in(const char *s, const char *const *words, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (str_eq(s, words[i]))
			return true;
	}
	return false;
}

/* Answers ------------------------------------------------------------------ */

static const char *
copy(struct arena *a, struct json *obj, const char *member)
{
	const char *s = json_get_str(obj, member);

	return s == NULL || *s == '\0' ? NULL : arena_dup(a, s);
}

static const char *
copy_id(struct arena *a, struct json *obj, const char *member)
{
	const char *s = json_id(a, json_get(obj, member));

	return s == NULL || *s == '\0' ? NULL : arena_dup(a, s);
}

static const char *
copy_line(struct arena *a, struct json *obj, const char *member, size_t max)
{
	const char *s = json_get_str(obj, member);
	char *t;

	if (str_blank(s))
		return NULL;
	t = str_line(a, s, strlen(s), max);
	return t == NULL || *t == '\0' ? NULL : t;
}

static void
usage_of(struct json *o, int64_t *pct, int64_t *regain)
{
	static const char *const names[] = { "call_count", "total_time", "total_cputime" };
	int64_t v;
	size_t i;

	for (i = 0; i < COUNT(names); i++) {
		v = json_int(json_get(o, names[i]), -1);
		if (v > *pct)
			*pct = v;
	}
	v = json_int(json_get(o, "estimated_time_to_regain_access"), 0);
	if (v > *regain)
		*regain = v;
}

/* Both forms: X-App-Usage is flat, X-Business-Use-Case-Usage has lists per Page. */
static void
usage_parse(const char *header, struct graph_res *res)
{
	struct json *j = NULL, *list;
	int64_t pct = -1, regain = 0;
	void *it;
	size_t i;

	if (header == NULL || json_parse(header, strlen(header), JSON_LENIENT_, &j) != NULL)
		return;
	usage_of(j, &pct, &regain);
	for (it = json_is_object(j) ? json_iter(j) : NULL; it != NULL; it = json_next(j, it)) {
		list = json_iter_value(it);
		for (i = 0; i < json_len(list) && json_is_array(list); i++)
			usage_of(json_at(list, i), &pct, &regain);
	}
	json_free(j);
	res->usage_pct = pct > 100000 ? 100000 : (int)pct;
	res->regain_min = regain > 100000 ? 100000 : (int)regain;
}

static int
small_int(struct json *j)
{
	int64_t v = json_int(j, 0);

	return v < INT32_MIN || v > INT32_MAX ? 0 : (int)v;
}

static bool
contains(const char *s, const char *part)
{
	return s != NULL && strcasestr(s, part) != NULL;
}

/*
 * Fill res from an error member.  Codes decide; the text is read only where
 * nothing else tells two meanings of one code apart.
 */
static void
refuse_with(struct arena *a, struct json *e, struct graph_res *res)
{
	const char *msg = json_get_str(e, "message");
	int code, subcode;

	res->refused = true;
	res->code = small_int(json_get(e, "code"));
	res->subcode = small_int(json_get(e, "error_subcode"));
	if (res->subcode == 0)
		res->subcode = small_int(json_get(e, "subcode"));
	res->transient = json_bool(json_get(e, "is_transient"), false);
	res->trace = copy_line(a, e, "fbtrace_id", 64);
	res->user_msg = copy_line(a, e, "error_user_msg", 500);
	res->less_data = res->code == 1 && contains(msg, "reduce the amount of data");
	code = res->code;
	subcode = res->subcode;
	if (code == 100 && subcode == 0 && contains(msg, "appsecret_proof"))
		code = 104;
	else if (res->less_data && subcode == 0)
		subcode = CODE_SUB_LESS;
	res->row = code_find(SVC_FACEBOOK, code, subcode, res->status);
	if (res->transient && res->row->class_ != CLASS_RETRY && res->row->class_ != CLASS_THROTTLE)
		res->row = code_find(SVC_FACEBOOK, res->status >= 500 ? 0 : CODE_TRANSIENT, 0,
		    res->status);
}

void
graph_on_refusal(struct graph *g, void (*fn)(void *arg, const struct graph_res *res), void *arg)
{
	g->on_refusal = fn;
	g->on_refusal_arg = arg;
}

/* An answer without an envelope comes from a gateway: as a 5xx, but for 429. */
static void
refuse_bare(struct graph_res *res)
{
	res->refused = true;
	res->row = code_find(SVC_FACEBOOK, 0, 0, res->status == 429 ? 429 :
	    res->status >= 500 ? res->status : 500);
}

static void
res_init(struct graph_res *res)
{
	memset(res, 0, sizeof(*res));
	res->usage_pct = -1;
	res->row = code_find(SVC_FACEBOOK, 0, 0, 0);
}

/*
 * Send the call.  NULL and *root (to be freed) when it was done; NULL and
 * res->refused when not.  *root is NULL in every other case.
 */
static const struct ib_err *
perform(struct graph *g, struct arena *a, struct call *c, struct json **root, struct graph_res *res)
{
	struct httpc_req req;
	struct httpc_resp resp;
	const struct ib_err *err;
	struct json *e;
	char proof[65];
	const char *app = NULL;

	*root = NULL;
	res_init(res);
	if (c->token != NULL) {
		if (!crypt_proof(g->secret, c->token, proof))
			return ib_fail(IB_ESYS, IB_RETRY_LATER, "graph %s: no proof", c->name);
		call_arg(c, "appsecret_proof", proof);
	}
	if (c->app_token && (app = arena_printf(a, "%s|%s", g->app_id, g->secret)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "graph %s: no memory", c->name);
	if ((err = buf_check(&c->url)) != NULL || (err = buf_check(&c->body)) != NULL)
		return err;

	memset(&req, 0, sizeof(req));
	memset(&resp, 0, sizeof(resp));
	req.method = c->method;
	req.url = buf_cstr(&c->url);
	req.bearer = c->app_token ? app : c->token;
	req.content_type = c->type;
	req.body = c->type != NULL ? buf_cstr(&c->body) : NULL;
	req.body_len = c->body.len;
	req.parts = c->parts;
	req.nparts = c->nparts;
	req.timeout_ms = c->timeout_ms;
	err = httpc_do(g->http, a, &req, &resp);
	res->fate = resp.fate;
	if (err != NULL)
		return err;
	res->status = resp.status;
	usage_parse(resp.usage, res);

	if ((err = json_parse(resp.body, resp.body_len, c->json_flags, root)) != NULL)
		*root = NULL;
	e = json_get(*root, "error");
	if (json_is_object(e))
		refuse_with(a, e, res);
	else if (resp.status < 200 || resp.status > 299)
		refuse_bare(res);
	if (res->refused) {
		json_free(*root);
		*root = NULL;
		if (res->code != 0 && g->on_refusal != NULL)
			g->on_refusal(g->on_refusal_arg, res);
		return NULL;
	}
	res->row = NULL;
	if (*root == NULL && !c->any_answer)
		return ib_fail(IB_EUPSTREAM, IB_RETRY_LATER, "graph %s: status %d without JSON",
		    c->name, resp.status);
	return NULL;
}

/* A 2xx whose members are not those of the contract. */
static const struct ib_err *
odd(const struct call *c)
{
	return ib_fail(IB_EUPSTREAM, IB_RETRY_LATER,
	    "graph %s: answer without the expected members", c->name);
}

static const struct ib_err *
full(struct arena *a, const char *name)
{
	return arena_failed(a) ?
	    ib_fail(IB_ENOMEM, IB_RETRY_LATER, "graph %s: no memory", name) : NULL;
}

/* The same for a list: its *len items, with what is no list as an empty one. */
static const struct ib_err *
perform_list(struct graph *g, struct arena *a, struct call *c, struct json **root,
    struct json **data, size_t *len, struct graph_res *res)
{
	const struct ib_err *err = perform(g, a, c, root, res);

	*data = json_get(*root, "data");
	*len = json_is_array(*data) ? json_len(*data) : 0;
	return err;
}

/* The cursor of the next slice; NULL at the end or when it does not move on. */
static const char *
next_cursor(struct arena *a, struct json *root, const char *after)
{
	struct json *paging = json_get(root, "paging");
	const char *cursor = json_get_str(json_get(paging, "cursors"), "after");

	if (str_blank(json_get_str(paging, "next")) || str_blank(cursor) || str_eq(cursor, after))
		return NULL;
	return arena_dup(a, cursor);
}

static bool
success(struct json *root)
{
	return json_bool(json_get(root, "success"), false);
}

/* {"success":false} without an error is a refusal all the same. */
static void
want_success(struct json *root, struct graph_res *res)
{
	if (res->refused || success(root))
		return;
	res->refused = true;
	res->row = code_find(SVC_FACEBOOK, 0, 0, 400);
}

/* Login -------------------------------------------------------------------- */

const char *
graph_dialog_url(const struct graph *g, struct arena *a, const char *redirect_uri,
    const char *state, bool rerequest)
{
	struct ib_buf b, words;
	const char *out = NULL;

	buf_init(&b, URL_BYTES);
	buf_init(&words, 1024);
	buf_printf(&b, "%s/%s/dialog/oauth?client_id=", g->dialog, g->version);
	buf_put_url(&b, g->app_id);
	buf_puts(&b, "&redirect_uri=");
	buf_put_url(&b, redirect_uri);
	buf_puts(&b, "&state=");
	buf_put_url(&b, state);
	buf_puts(&b, "&response_type=code");
	if (*g->config_id != '\0') {
		/* Login for Business: its configuration stands in for the scope. */
		buf_puts(&b, "&override_default_response_type=true&config_id=");
		buf_put_url(&b, g->config_id);
	} else {
		join(&words, scopes, COUNT(scopes));
		buf_puts(&b, "&scope=");
		buf_put_url(&b, buf_cstr(&words));
	}
	if (rerequest)
		buf_puts(&b, "&auth_type=rerequest");
	if (!b.failed && !words.failed)
		out = arena_dup(a, buf_cstr(&b));
	buf_fini(&b);
	buf_fini(&words);
	return out;
}

/* Both ways to a user token give the same answer. */
static const struct ib_err *
token_call(struct graph *g, struct arena *a, struct call *c, struct graph_token *out,
    struct graph_res *res)
{
	const struct ib_err *err;
	struct json *root;

	memset(out, 0, sizeof(*out));
	c->json_flags = JSON_STRICT_;
	call_form(c, "client_id", g->app_id);
	call_form(c, "client_secret", g->secret);
	if ((err = perform(g, a, c, &root, res)) == NULL && !res->refused) {
		out->token = copy(a, root, "access_token");
		out->expires_in = json_int(json_get(root, "expires_in"), 0);
		if (out->expires_in < 0)
			out->expires_in = 0;
		if (out->token == NULL)
			err = arena_failed(a) ? full(a, c->name) : odd(c);
	}
	/* Here code 1 is not trouble but "Error validating client secret". */
	if (err == NULL && res->refused && res->code == 1 && !res->transient && res->status < 500)
		res->row = code_find(SVC_FACEBOOK, 101, 0, res->status);
	json_free(root);
	call_fini(c);
	return err;
}

const struct ib_err *
graph_exchange(struct graph *g, struct arena *a, const char *code, const char *redirect_uri,
    struct graph_token *out, struct graph_res *res)
{
	struct call c;

	call_init(&c, g, "exchange", HTTPC_POST);
	buf_puts(&c.url, "/oauth/access_token");
	call_form(&c, "redirect_uri", redirect_uri);
	call_form(&c, "code", code);
	return token_call(g, a, &c, out, res);
}

const struct ib_err *
graph_long_lived(struct graph *g, struct arena *a, const char *token, struct graph_token *out,
    struct graph_res *res)
{
	struct call c;

	call_init(&c, g, "long_lived", HTTPC_POST);
	buf_puts(&c.url, "/oauth/access_token");
	call_form(&c, "grant_type", "fb_exchange_token");
	call_form(&c, "fb_exchange_token", token);
	return token_call(g, a, &c, out, res);
}

/* The strings of an array, into the arena. */
static const char *const *
string_list(struct arena *a, struct json *list, size_t *n)
{
	size_t i, len = json_is_array(list) ? json_len(list) : 0;
	const char **out = ARENA_ARRAY(a, len + 1, const char *);

	*n = 0;
	for (i = 0; out != NULL && i < len; i++) {
		if (json_str(json_at(list, i)) != NULL &&
		    (out[*n] = arena_dup(a, json_str(json_at(list, i)))) != NULL)
			(*n)++;
	}
	return out;
}

static int64_t
seconds(struct json *j)
{
	int64_t v = json_int(j, 0);

	return v > 0 ? v : 0;
}

const struct ib_err *
graph_debug_token(struct graph *g, struct arena *a, const char *token, struct graph_debug *out,
    struct graph_res *res)
{
	const struct ib_err *err;
	struct json *root, *d, *e;
	struct call c;

	memset(out, 0, sizeof(*out));
	call_init(&c, g, "debug_token", HTTPC_GET);
	buf_puts(&c.url, "/debug_token");
	call_arg(&c, "input_token", token);
	c.app_token = true;
	if ((err = perform(g, a, &c, &root, res)) != NULL || res->refused)
		goto done;
	if (!json_is_object(d = json_get(root, "data"))) {
		err = odd(&c);
		goto done;
	}
	out->valid = json_bool(json_get(d, "is_valid"), false);
	out->type = copy(a, d, "type");
	out->user_id = copy_id(a, d, "user_id");
	out->profile_id = copy_id(a, d, "profile_id");
	out->app_id = copy_id(a, d, "app_id");
	out->expires_at = seconds(json_get(d, "expires_at"));
	out->data_access_expires_at = seconds(json_get(d, "data_access_expires_at"));
	e = json_get(d, "error");
	out->code = small_int(json_get(e, "code"));
	out->subcode = small_int(json_get(e, "subcode"));
	if (out->subcode == 0)
		out->subcode = small_int(json_get(e, "error_subcode"));
	out->scopes = string_list(a, json_get(d, "scopes"), &out->nscopes);
	err = full(a, c.name);
done:
	json_free(root);
	call_fini(&c);
	return err;
}

const char *
graph_lacks(struct arena *a, const struct graph_debug *d)
{
	const char *out = "";
	size_t i, k;

	for (k = 0; out != NULL && k < NEEDED; k++) {
		for (i = 0; i < d->nscopes && strcmp(d->scopes[i], scopes[k]) != 0; i++)
			;
		if (i == d->nscopes)
			out = arena_printf(a, "%s%s%s", out, *out != '\0' ? ", " : "", scopes[k]);
	}
	return out;
}

const struct ib_err *
graph_me(struct graph *g, struct arena *a, const char *token, struct graph_me *out,
    struct graph_res *res)
{
	const struct ib_err *err;
	struct json *root;
	struct call c;

	memset(out, 0, sizeof(*out));
	call_init(&c, g, "me", HTTPC_GET);
	buf_puts(&c.url, "/me");
	call_arg(&c, "fields", "id,name");
	c.token = token;
	if ((err = perform(g, a, &c, &root, res)) == NULL && !res->refused) {
		out->id = copy_id(a, root, "id");
		out->name = copy_line(a, root, "name", 300);
		if (out->id == NULL)
			err = odd(&c);
	}
	json_free(root);
	call_fini(&c);
	return err;
}

const struct ib_err *
graph_declined(struct graph *g, struct arena *a, const char *token, const char *const **out,
    size_t *n, struct graph_res *res)
{
	const struct ib_err *err;
	struct json *root, *data, *row;
	struct call c;
	const char **list, *status;
	size_t i, k;

	*out = NULL;
	*n = 0;
	call_init(&c, g, "permissions", HTTPC_GET);
	buf_puts(&c.url, "/me/permissions");
	c.token = token;
	if ((err = perform(g, a, &c, &root, res)) != NULL || res->refused)
		goto done;
	data = json_get(root, "data");
	if ((list = ARENA_ARRAY(a, COUNT(scopes), const char *)) == NULL) {
		err = full(a, c.name);
		goto done;
	}
	for (k = 0; k < COUNT(scopes); k++) {
		for (i = 0; i < json_len(data) && json_is_array(data); i++) {
			row = json_at(data, i);
			status = json_get_str(row, "status");
			if (str_eq(json_get_str(row, "permission"), scopes[k]) && status != NULL &&
			    strcmp(status, "granted") != 0) {
				list[(*n)++] = scopes[k];
				break;
			}
		}
	}
	*out = list;
done:
	json_free(root);
	call_fini(&c);
	return err;
}

/* Pages -------------------------------------------------------------------- */

/* messenger.md 3.2; the New Pages Experience has the same names with a prefix. */
static void
tasks_parse(struct json *tasks, struct graph_page *p)
{
	static const char *const manage[] = { "MODERATE", "MANAGE", "FULL_CONTROL" };
	static const char *const other[] = {
		"CREATE_CONTENT", "ANALYZE", "ADVERTISE", "FACEBOOK_ACCESS"
	};
	static const char prefix[] = "PROFILE_PLUS_";
	size_t i, n = json_is_array(tasks) ? json_len(tasks) : 0;
	bool known = false;
	const char *t;

	for (i = 0; i < n; i++) {
		if ((t = json_str(json_at(tasks, i))) == NULL)
			continue;
		if (str_starts(t, prefix))
			t += sizeof(prefix) - 1;
		if (strcmp(t, "MESSAGING") == 0)
			p->can_message = known = true;
		else if (word_in(t, manage, COUNT(manage)))
			p->can_manage = known = true;
		else if (word_in(t, other, COUNT(other)))
			known = true;
	}
	/* Nothing told is like nothing understood. */
	p->odd_tasks = !known && (n > 0 || !json_is_array(tasks));
}

static const char *
page_picture(struct arena *a, struct json *j)
{
	const char *url = json_str(j);

	if (url == NULL)
		url = json_get_str(json_get(j, "data"), "url");
	if (url == NULL)
		url = json_get_str(j, "url");
	return url != NULL && url_is_web(url, false) ? arena_dup(a, url) : NULL;
}

const struct ib_err *
graph_pages(struct graph *g, struct arena *a, const char *token, const char *after,
    struct graph_page **out, size_t *n, const char **next, struct graph_res *res)
{
	const struct ib_err *err;
	struct json *root, *data, *j;
	struct graph_page *p;
	struct call c;
	size_t i, len;

	*out = NULL;
	*n = 0;
	*next = NULL;
	call_init(&c, g, "accounts", HTTPC_GET);
	buf_puts(&c.url, "/me/accounts");
	call_arg(&c, "fields", "id,name,access_token,tasks,category,picture{url}");
	call_limit(&c, 100);
	call_arg(&c, "after", after);
	c.token = token;
	if ((err = perform_list(g, a, &c, &root, &data, &len, res)) != NULL || res->refused)
		goto done;
	if ((*out = p = ARENA_ARRAY(a, len + 1, struct graph_page)) == NULL) {
		err = full(a, c.name);
		goto done;
	}
	for (i = 0; i < len; i++) {
		j = json_at(data, i);
		memset(p, 0, sizeof(*p));
		if ((p->id = copy_id(a, j, "id")) == NULL)
			continue;
		p->name = copy_line(a, j, "name", 300);
		p->category = copy_line(a, j, "category", 300);
		p->token = copy(a, j, "access_token");
		p->picture = page_picture(a, json_get(j, "picture"));
		tasks_parse(json_get(j, "tasks"), p);
		p++;
	}
	*n = (size_t)(p - *out);
	*next = next_cursor(a, root, after);
	err = full(a, c.name);
done:
	json_free(root);
	call_fini(&c);
	return err;
}

static void
call_subscribed_apps(struct call *c, const struct graph *g, const char *name,
    enum httpc_method method, const char *page, const char *token)
{
	call_init(c, g, name, method);
	call_path(c, page);
	buf_puts(&c->url, "/subscribed_apps");
	c->token = token;
}

const struct ib_err *
graph_subscribe(struct graph *g, struct arena *a, const char *page, const char *token,
    struct graph_res *res)
{
	const struct ib_err *err;
	struct ib_buf words;
	struct json *root;
	struct call c;

	call_subscribed_apps(&c, g, "subscribe", HTTPC_POST, page, token);
	buf_init(&words, 1024);
	join(&words, wanted_fields, COUNT(wanted_fields));
	call_form(&c, "subscribed_fields", buf_cstr(&words));
	if ((err = perform(g, a, &c, &root, res)) == NULL)
		want_success(root, res);
	json_free(root);
	buf_fini(&words);
	call_fini(&c);
	return err;
}

const struct ib_err *
graph_unsubscribe(struct graph *g, struct arena *a, const char *page, const char *token,
    struct graph_res *res)
{
	const struct ib_err *err;
	struct json *root;
	struct call c;

	call_subscribed_apps(&c, g, "unsubscribe", HTTPC_DELETE, page, token);
	c.app_token = token == NULL;
	if ((err = perform(g, a, &c, &root, res)) == NULL)
		want_success(root, res);
	json_free(root);
	call_fini(&c);
	return err;
}

/* Fields come as names, or as objects with a name. */
static bool
has_field(struct json *fields, const char *name)
{
	size_t i;
	struct json *f;

	for (i = 0; i < json_len(fields) && json_is_array(fields); i++) {
		f = json_at(fields, i);
		if (str_eq(json_is_string(f) ? json_str(f) : json_get_str(f, "name"), name))
			return true;
	}
	return false;
}

const struct ib_err *
graph_subscription(struct graph *g, struct arena *a, const char *page, const char *token,
    bool *subscribed, bool *complete, struct graph_res *res)
{
	const struct ib_err *err;
	struct json *root, *data, *app;
	struct call c;
	size_t i, k;

	*subscribed = *complete = false;
	call_subscribed_apps(&c, g, "subscription", HTTPC_GET, page, token);
	if ((err = perform(g, a, &c, &root, res)) != NULL || res->refused)
		goto done;
	data = json_get(root, "data");
	if (!json_is_array(data)) {
		err = odd(&c);		/* saying "not subscribed" here would be a guess */
		goto done;
	}
	for (i = 0; i < json_len(data); i++) {
		app = json_at(data, i);
		if (!str_eq(json_id(a, json_get(app, "id")), g->app_id))
			continue;
		*subscribed = *complete = true;
		for (k = 0; k < COUNT(wanted_fields); k++) {
			if (!has_field(json_get(app, "subscribed_fields"), wanted_fields[k]))
				*complete = false;
		}
	}
done:
	json_free(root);
	call_fini(&c);
	return err;
}

/* The app's subscription ----------------------------------------------------- */

static void
call_app_hook(struct call *c, const struct graph *g, const char *name, enum httpc_method method)
{
	call_init(c, g, name, method);
	call_path(c, g->app_id);
	buf_puts(&c->url, "/subscriptions");
	c->app_token = true;
}

const struct ib_err *
graph_app_hook(struct graph *g, struct arena *a, const char *url, enum graph_hook *out, struct graph_res *res)
{
	const struct ib_err *err;
	struct json *root, *data, *one;
	struct call c;
	size_t i, k;

	*out = GRAPH_HOOK_NONE;
	call_app_hook(&c, g, "app subscription", HTTPC_GET);
	if ((err = perform(g, a, &c, &root, res)) != NULL || res->refused)
		goto done;
	data = json_get(root, "data");
	if (!json_is_array(data)) {
		err = odd(&c);
		goto done;
	}
	for (i = 0; i < json_len(data); i++) {
		one = json_at(data, i);
		if (!str_eq(json_get_str(one, "object"), "page"))
			continue;
		*out = GRAPH_HOOK_GOOD;
		for (k = 0; k < COUNT(wanted_fields); k++)
			if (!has_field(json_get(one, "fields"), wanted_fields[k]))
				*out = GRAPH_HOOK_PARTLY;
		if (!json_bool(json_get(one, "active"), true) || !str_eq(json_get_str(one, "callback_url"), url))
			*out = GRAPH_HOOK_OTHER;
	}
done:
	json_free(root);
	call_fini(&c);
	return err;
}

const char *
graph_hook_fields(struct arena *a)
{
	const char *s = NULL;
	struct ib_buf words;

	buf_init(&words, 1024);
	join(&words, wanted_fields, COUNT(wanted_fields));
	if (buf_check(&words) == NULL)
		s = arena_dup(a, buf_cstr(&words));
	buf_fini(&words);
	return s;
}

const struct ib_err *
graph_app_hook_put(struct graph *g, struct arena *a, const char *url, const char *verify_token, struct graph_res *res)
{
	const char *fields = graph_hook_fields(a);
	const struct ib_err *err;
	struct json *root;
	struct call c;

	if (fields == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "graph app subscription: no memory");
	call_app_hook(&c, g, "app subscription", HTTPC_POST);
	call_form(&c, "object", "page");
	call_form(&c, "callback_url", url);
	call_form(&c, "verify_token", verify_token);
	call_form(&c, "fields", fields);
	if ((err = perform(g, a, &c, &root, res)) == NULL)
		want_success(root, res);
	json_free(root);
	call_fini(&c);
	return err;
}

/* History ------------------------------------------------------------------ */

static void
thread_person(struct arena *a, struct json *people, const char *page, struct graph_thread *t)
{
	struct json *data = json_get(people, "data"), *p;
	const char *id;
	size_t i;

	if (data == NULL)
		data = people;
	for (i = 0; i < json_len(data) && json_is_array(data) && t->psid == NULL; i++) {
		p = json_at(data, i);
		if ((id = copy_id(a, p, "id")) == NULL || str_eq(id, page))
			continue;
		t->psid = id;
		t->name = copy_line(a, p, "name", 300);
	}
}

static const char *
web_link(struct arena *a, const char *s)
{
	if (s != NULL && s[0] == '/' && s[1] != '/')
		s = arena_printf(a, FB_WEB "%s", s);
	return s != NULL && url_is_web(s, false) ? arena_dup(a, s) : NULL;
}

const struct ib_err *
graph_threads(struct graph *g, struct arena *a, const char *page, const char *token,
    const char *psid, const char *after, int limit, struct graph_thread **out, size_t *n,
    const char **next, struct graph_res *res)
{
	const struct ib_err *err;
	struct json *root, *data, *j;
	struct graph_thread *t;
	const char *updated;
	struct call c;
	size_t i, len;

	*out = NULL;
	*n = 0;
	*next = NULL;
	call_init(&c, g, "conversations", HTTPC_GET);
	call_path(&c, page);
	buf_puts(&c.url, "/conversations?platform=messenger");
	c.query = true;
	call_arg(&c, "fields", "id,updated_time,message_count,can_reply,link,participants");
	call_limit(&c, limit);
	call_arg(&c, "user_id", psid);
	call_arg(&c, "after", after);
	c.token = token;
	if ((err = perform_list(g, a, &c, &root, &data, &len, res)) != NULL || res->refused)
		goto done;
	if ((*out = t = ARENA_ARRAY(a, len + 1, struct graph_thread)) == NULL) {
		err = full(a, c.name);
		goto done;
	}
	for (i = 0; i < len; i++) {
		j = json_at(data, i);
		memset(t, 0, sizeof(*t));
		if ((t->id = copy_id(a, j, "id")) == NULL)
			continue;
		thread_person(a, json_get(j, "participants"), page, t);
		if (t->psid == NULL)
			thread_person(a, json_get(j, "senders"), page, t);
		updated = json_get_str(j, "updated_time");
		t->updated_at = updated != NULL ? clock_parse_iso(updated) : 0;
		if (t->updated_at < 0)
			t->updated_at = 0;
		t->message_count = json_int(json_get(j, "message_count"), -1);
		t->can_reply = json_bool(json_get(j, "can_reply"), true);
		t->link = web_link(a, json_get_str(j, "link"));
		t++;
	}
	*n = (size_t)(t - *out);
	*next = next_cursor(a, root, after);
	err = full(a, c.name);
done:
	json_free(root);
	call_fini(&c);
	return err;
}

/* Templates are not among the documented fields: once refused, never asked again. */
static bool
ask_again(struct graph *g, const struct graph_res *res)
{
	if (g->fewer_fields || !res->refused || res->code != 100 || res->subcode != 0)
		return false;
	g->fewer_fields = true;
	return true;
}

static const struct ib_err *
messages_once(struct graph *g, struct arena *a, const char *page, const char *token,
    const char *thread, const char *after, int limit, const char *fields,
    struct fb_event **out, size_t *n, const char **next, struct graph_res *res)
{
	const struct ib_err *err;
	struct json *root, *data;
	struct fb_event *ev;
	struct call c;
	size_t i, len;

	*out = NULL;
	*n = 0;
	*next = NULL;
	call_init(&c, g, "messages", HTTPC_GET);
	call_path(&c, thread);
	buf_puts(&c.url, "/messages");
	call_arg(&c, "fields", fields);
	call_limit(&c, limit);
	call_arg(&c, "after", after);
	c.token = token;
	if ((err = perform_list(g, a, &c, &root, &data, &len, res)) != NULL || res->refused)
		goto done;
	if ((*out = ev = ARENA_ARRAY(a, len + 1, struct fb_event)) == NULL) {
		err = full(a, c.name);
		goto done;
	}
	for (i = 0; i < len; i++) {
		if (!fb_event_from_api(a, json_at(data, i), page, ev))
			continue;
		ev->raw = NULL;		/* its document ends here */
		ev->fb_thread = arena_dup(a, thread);
		ev++;
	}
	*n = (size_t)(ev - *out);
	*next = next_cursor(a, root, after);
	err = full(a, c.name);
done:
	json_free(root);
	call_fini(&c);
	return err;
}

const struct ib_err *
graph_messages(struct graph *g, struct arena *a, const char *page, const char *token,
    const char *thread, const char *after, int limit, bool lean, struct fb_event **out,
    size_t *n, const char **next, struct graph_res *res)
{
	const struct ib_err *err;
	const char *fields;

	do {
		fields = lean ? LEAN_FIELDS : g->fewer_fields ?
		    MESSAGE_FIELDS(ATTACHMENT_FIELDS) : MESSAGE_FIELDS(MORE_FIELDS);
		err = messages_once(g, a, page, token, thread, after, limit, fields,
		    out, n, next, res);
	} while (err == NULL && !lean && ask_again(g, res));
	return err;
}

static const struct ib_err *
attachments_once(struct graph *g, struct arena *a, const char *token, const char *mid,
    const char *fields, struct fb_attachment **out, size_t *n, struct graph_res *res)
{
	const struct ib_err *err;
	struct json *root;
	struct call c;

	*out = NULL;
	*n = 0;
	call_init(&c, g, "attachments", HTTPC_GET);
	call_path(&c, mid);
	buf_puts(&c.url, "/attachments");
	call_arg(&c, "fields", fields);
	c.token = token;
	if ((err = perform(g, a, &c, &root, res)) == NULL && !res->refused) {
		*n = fb_attachments_from_api(a, root, out);
		err = full(a, c.name);
	}
	json_free(root);
	call_fini(&c);
	return err;
}

const struct ib_err *
graph_attachments(struct graph *g, struct arena *a, const char *token, const char *mid,
    struct fb_attachment **out, size_t *n, struct graph_res *res)
{
	const struct ib_err *err;

	do
		err = attachments_once(g, a, token, mid,
		    g->fewer_fields ? ATTACHMENT_FIELDS : MORE_FIELDS, out, n, res);
	while (err == NULL && ask_again(g, res));
	return err;
}

static const struct ib_err *
profile_once(struct graph *g, struct arena *a, const char *token, const char *psid,
    const char *fields, struct graph_profile *out, struct graph_res *res)
{
	const struct ib_err *err;
	const char *first, *last, *pic;
	struct json *root;
	struct call c;

	memset(out, 0, sizeof(*out));
	call_init(&c, g, "profile", HTTPC_GET);
	call_path(&c, psid);
	call_arg(&c, "fields", fields);
	c.token = token;
	if ((err = perform(g, a, &c, &root, res)) == NULL && !res->refused) {
		if ((out->name = copy_line(a, root, "name", 300)) == NULL) {
			first = copy_line(a, root, "first_name", 150);
			last = copy_line(a, root, "last_name", 150);
			out->name = first != NULL && last != NULL ?
			    arena_printf(a, "%s %s", first, last) : first != NULL ? first : last;
		}
		pic = json_get_str(root, "profile_pic");
		if (pic != NULL && url_is_web(pic, false))
			out->picture = arena_dup(a, pic);
		err = full(a, c.name);
	}
	json_free(root);
	call_fini(&c);
	return err;
}

const struct ib_err *
graph_profile(struct graph *g, struct arena *a, const char *token, const char *psid,
    struct graph_profile *out, struct graph_res *res)
{
	const struct ib_err *err;

	err = profile_once(g, a, token, psid, "id,first_name,last_name,name,profile_pic", out, res);
	if (err != NULL || !res->refused)
		return err;
	/* One forbidden field fails the call; no such person does not change by asking less. */
	if ((res->code != 100 && res->code != 200 && res->code != 230) ||
	    res->subcode == 33 || res->subcode == 2018218)
		return NULL;
	return profile_once(g, a, token, psid, "id,name", out, res);
}

/* Sending ------------------------------------------------------------------ */

/* The member `message`: a text, or what kind of file comes beside it. */
static struct json *
send_message(const struct graph_send *s)
{
	struct json *m = json_new_object(), *t, *load;
	bool done = m != NULL;

	if (done && s->file != NULL) {
		t = json_new_object();
		load = json_new_object();
		done = t != NULL && load != NULL && json_set_str(t, "type", s->file->kind) &&
		    json_set_bool(load, "is_reusable", false);
		/* The setters own their value from here on, also when they fail. */
		if (done) {
			done = json_set(t, "payload", load);
			load = NULL;
		}
		if (done) {
			done = json_set(m, "attachment", t);
			t = NULL;
		}
		json_free(t);
		json_free(load);
	} else if (done) {
		done = json_set_str(m, "text", s->text);
	}
	if (done && s->metadata != NULL)
		done = json_set_str(m, "metadata", s->metadata);
	if (!done) {
		json_free(m);
		return NULL;
	}
	return m;
}

/* A value of a multipart form as JSON text in the arena; takes it. */
static const char *
part_json(struct arena *a, struct json *take)
{
	struct ib_buf b;
	const char *out = NULL;

	buf_init(&b, BODY_BYTES);
	if (take != NULL && json_dump(take, false, &b) == NULL && !b.failed)
		out = arena_dup(a, buf_cstr(&b));
	buf_fini(&b);
	json_free(take);
	return out;
}

enum { SEND_PARTS = 5 };

/* messenger.md 5.3: the file travels with the message itself. */
static bool
send_parts(struct call *c, struct arena *a, const struct graph_send *s, struct httpc_part parts[SEND_PARTS])
{
	struct json *to = json_new_object();
	size_t n = 0;

	if (to == NULL || !json_set_str(to, "id", s->psid)) {
		json_free(to);
		return false;
	}
	memset(parts, 0, SEND_PARTS * sizeof(*parts));
	parts[n++] = (struct httpc_part){ .name = "recipient", .value = part_json(a, to) };
	parts[n++] = (struct httpc_part){ .name = "messaging_type",
		.value = s->human_agent ? "MESSAGE_TAG" : "RESPONSE" };
	if (s->human_agent)
		parts[n++] = (struct httpc_part){ .name = "tag", .value = "HUMAN_AGENT" };
	parts[n++] = (struct httpc_part){ .name = "message", .value = part_json(a, send_message(s)) };
	parts[n] = (struct httpc_part){ .name = "filedata", .path = s->file->path,
		.filename = s->file->name, .type = s->file->mime };
	c->parts = parts;
	c->nparts = n + 1;
	/* Half a Mbit/s, and some seconds for the answer: longer than that, nobody waits. */
	c->timeout_ms = (long)(15000 + s->file->size / 64);
	if (c->timeout_ms > GRAPH_FILE_MS)
		c->timeout_ms = GRAPH_FILE_MS;
	return parts[0].value != NULL && parts[n - 1].value != NULL;
}

static bool
send_body(struct call *c, const struct graph_send *s)
{
	struct json *o = json_new_object(), *to = json_new_object(), *m = send_message(s);
	struct json *r = NULL;
	bool done = o != NULL && to != NULL && m != NULL && json_set_str(to, "id", s->psid);

	if (done) {
		done = json_set(o, "recipient", to);
		to = NULL;
	}
	if (done)
		done = json_set_str(o, "messaging_type",
		    s->human_agent ? "MESSAGE_TAG" : "RESPONSE");
	if (done && s->human_agent)
		done = json_set_str(o, "tag", "HUMAN_AGENT");
	if (done) {
		done = json_set(o, "message", m);
		m = NULL;
	}
	if (done && s->reply_to != NULL) {
		done = (r = json_new_object()) != NULL && json_set_str(r, "mid", s->reply_to);
		if (done) {
			done = json_set(o, "reply_to", r);
			r = NULL;
		}
	}
	if (done)
		done = json_dump(o, false, &c->body) == NULL;
	json_free(o);
	json_free(to);
	json_free(m);
	json_free(r);
	c->type = "application/json";
	return done;
}

const struct ib_err *
graph_send(struct graph *g, struct arena *a, const struct graph_send *s, const char **mid,
    struct graph_res *res)
{
	const struct ib_err *err;
	struct httpc_part parts[SEND_PARTS];
	struct json *root = NULL;
	struct call c;

	*mid = NULL;
	res_init(res);
	res->fate = HTTPC_NOT_SENT;
	if (s->page == NULL || s->token == NULL || s->psid == NULL || (s->text == NULL && s->file == NULL))
		return ib_fail(IB_EPARSE, IB_RETRY_NEVER, "graph send: an argument is missing");
	call_init(&c, g, "send", HTTPC_POST);
	call_path(&c, s->page);
	buf_puts(&c.url, "/messages");
	c.token = s->token;
	c.any_answer = true;		/* a 2xx that cannot be read is "unknown" */
	if (s->file != NULL ? !send_parts(&c, a, s, parts) : !send_body(&c, s)) {
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "graph send: no memory");
		goto done;
	}
	if ((err = perform(g, a, &c, &root, res)) != NULL)
		goto done;
	if (!res->refused) {
		*mid = copy_id(a, root, "message_id");
		if (*mid == NULL && arena_failed(a))
			err = full(a, c.name);
	} else if (s->human_agent && res->code == 10 && res->subcode == 0 && !res->transient)
		res->row = code_find(SVC_FACEBOOK, 10, CODE_SUB_HUMAN_AGENT, res->status);
done:
	json_free(root);
	call_fini(&c);
	return err;
}

void
graph_mark_seen(struct graph *g, struct arena *a, const char *page, const char *token,
    const char *psid)
{
	struct json *root = NULL, *o = json_new_object(), *to = json_new_object();
	const struct ib_err *err;
	struct graph_res res;
	struct call c;
	bool done;

	call_init(&c, g, "mark_seen", HTTPC_POST);
	call_path(&c, page);
	buf_puts(&c.url, "/messages");
	c.token = token;
	c.type = "application/json";
	c.any_answer = true;
	done = o != NULL && to != NULL && json_set_str(to, "id", psid);
	if (done) {
		done = json_set(o, "recipient", to) &&
		    json_set_str(o, "sender_action", "mark_seen");
		to = NULL;
	}
	if (done && json_dump(o, false, &c.body) == NULL) {
		err = perform(g, a, &c, &root, &res);
		(void)err;
	}
	json_free(root);
	json_free(o);
	json_free(to);
	call_fini(&c);
}

/* Media -------------------------------------------------------------------- */

static bool
private_v4(uint32_t ip)
{
	static const struct { uint32_t net, mask; } nets[] = {
		{ 0x00000000, 0xff000000 }, { 0x0a000000, 0xff000000 }, { 0x64400000, 0xffc00000 },
		{ 0x7f000000, 0xff000000 }, { 0xa9fe0000, 0xffff0000 }, { 0xac100000, 0xfff00000 },
		{ 0xc0000000, 0xffffff00 }, { 0xc0a80000, 0xffff0000 }, { 0xc6120000, 0xfffe0000 },
		{ 0xe0000000, 0xe0000000 }
	};
	size_t i;

	for (i = 0; i < COUNT(nets); i++) {
		if ((ip & nets[i].mask) == nets[i].net)
			return true;
	}
	return false;
}

/* Literal addresses of networks that are not the public one. */
static bool
host_is_private(const char *host)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	struct in_addr v4;
	struct in6_addr v6;
	const uint8_t *b = v6.s6_addr;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return private_v4(ntohl(v4.s_addr));
	if (inet_pton(AF_INET6, host, &v6) == 1) {
		if (memcmp(b, mapped, sizeof(mapped)) == 0)
			return private_v4((uint32_t)b[12] << 24 | (uint32_t)b[13] << 16 |
			    (uint32_t)b[14] << 8 | b[15]);
		/* Public addresses are 2000::/3. */
		return (b[0] & 0xe0) != 0x20;
	}
	return strcmp(host, "localhost") == 0;
}

/* `host` is one of the blank-separated names of the list, or below one. */
static bool
host_listed(const char *list, const char *host)
{
	size_t n, h = strlen(host);

	for (; *list != '\0'; list += n) {
		list += strspn(list, " \t");
		n = strcspn(list, " \t");
		if (n == 0 || n > h || strncasecmp(host + h - n, list, n) != 0)
			continue;
		if (n == h || host[h - n - 1] == '.')
			return true;
	}
	return false;
}

bool
graph_media_allowed(const struct graph *g, struct arena *a, const char *url)
{
	const char *host, *authority, *at;
	bool loopback;

	if (url == NULL || !url_is_web(url, false) || (host = url_host(a, url)) == NULL)
		return false;
	/* A name before an @ is no host; nothing honest has one. */
	authority = strstr(url, "://") + 3;
	at = strchr(authority, '@');
	if (at != NULL && at < authority + strcspn(authority, "/?#"))
		return false;
	if (!host_listed(g->hosts, host))
		return false;
	loopback = url_is_loopback(url);
	if (loopback)
		return g->loopback;
	return url_is_web(url, true) && !host_is_private(host);
}

/* A relative redirect, resolved; NULL when it leads nowhere. */
static const char *
redirect_url(struct arena *a, const char *from, const char *location)
{
	const char *path;

	if (location == NULL)
		return NULL;
	if (location[0] != '/' || location[1] == '/')
		return location;
	path = strstr(from, "://") + 3;
	path += strcspn(path, "/?#");
	return arena_printf(a, "%.*s%s", (int)(path - from), from, location);
}

static const char *
bare_type(struct arena *a, const char *s)
{
	char *t, *p;

	if (s == NULL || (t = arena_dupn(a, s, strcspn(s, "; \t"))) == NULL || *t == '\0')
		return NULL;
	for (p = t; *p != '\0'; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
		else if (*p <= ' ' || *p >= 0x7f)
			return NULL;
	}
	return t;
}

const struct ib_err *
graph_media(struct graph *g, struct arena *a, const char *url, int fd, int64_t max,
    const char **mime, int64_t *size, struct graph_res *res)
{
	const struct ib_err *err;
	struct httpc_req req;
	struct httpc_resp resp;
	int hop;

	*mime = NULL;
	*size = 0;
	res_init(res);
	for (hop = 0;; hop++) {
		if (!graph_media_allowed(g, a, url))
			return ib_fail(IB_EAUTH, IB_RETRY_NEVER,
			    "media: address outside the allowed hosts%s",
			    hop > 0 ? " (redirect)" : "");
		memset(&req, 0, sizeof(req));
		memset(&resp, 0, sizeof(resp));
		req.method = HTTPC_GET;
		req.url = url;
		req.timeout_ms = MEDIA_MS;
		req.max_answer = max > 0 ? (size_t)max : 1;
		req.save_fd = fd;
		err = httpc_do(g->http, a, &req, &resp);
		res->fate = resp.fate;
		if (err != NULL)
			return err;
		res->status = resp.status;
		if (resp.status < 300 || resp.status > 399)
			break;
		if ((url = redirect_url(a, url, resp.location)) == NULL || hop == REDIRECTS)
			return ib_fail(IB_EUPSTREAM, IB_RETRY_LATER,
			    "media: redirect %d leads nowhere", hop + 1);
	}
	if (resp.status < 200 || resp.status > 299) {
		res->refused = true;
		res->row = resp.status == 403 || resp.status == 404 || resp.status == 410 ?
		    code_find(SVC_FACEBOOK, CODE_MEDIA_GONE, 0, resp.status) :
		    code_find(SVC_FACEBOOK, 0, 0, resp.status == 429 ? 429 : 500);
		return NULL;
	}
	res->row = NULL;
	if (resp.saved > max)
		return ib_fail(IB_ELIMIT, IB_RETRY_NEVER, "media: file over the limit");
	*mime = bare_type(a, resp.content_type);
	*size = resp.saved;
	return full(a, "media");
}
