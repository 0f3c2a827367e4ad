/* SPDX-License-Identifier: MIT */
/*
 * pdrive.c - Pipedrive's sign-in service and its users.
 *
 * State: pointers into the configuration, which must outlive the pdrive.  A
 * call is built, sent by perform() and decoded into the caller's arena.
 *
 * Can fail: memory, no answer (fate in res), an answer that is no JSON, and
 * IB_EAUTH for an api_domain that is not Pipedrive's: a token is sent nowhere
 * else.  A refusal is not a failure.  The form of Pipedrive's errors is not
 * settled: the HTTP status decides, words only refine it.
 */
#include "pdrive.h"

#include "../base/clock.h"
#include "../base/crypt.h"
#include "../base/json.h"
#include "../base/str.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BYTES		((size_t)256 << 10)
#define FORM		"application/x-www-form-urlencoded"
#define DOMAIN		"pipedrive.com"
#define BURST_MS	(2 * MS_SECOND)	/* pipedrive.md 8.2: the window of the burst limits */
#define BURST_MOST_MS	(3 * MS_SECOND)	/* longer waits are the caller's business */
#define BURST_TRIES	3

struct pdrive {
	struct httpc	*http;
	const char	*id, *secret, *oauth;
	bool		 loopback;	/* the configuration points at this machine */
	void		(*on_refusal)(void *, const struct pd_res *);
	void		*on_refusal_arg;
};

/* What a refused call was about: the same words mean different things. */
enum about { ABOUT_CODE, ABOUT_REFRESH, ABOUT_REVOKE, ABOUT_API };

struct call {
	const char	*name;		/* for errors */
	enum about	 about;
	const char	*url, *bearer;	/* bearer NULL: Basic with a form */
	enum httpc_method method;	/* of a call with a bearer */
	bool		 json;		/* the body is */
	long		 timeout_ms;
	struct ib_buf	 body;
	const char	*secret;	/* must not come back in res->text */
	const char	*old;		/* refresh token that stays when no other comes */
	bool		 any_answer;	/* the body of a 2xx does not matter */
};

const struct ib_err *
pdrive_new(const struct conf *conf, struct httpc *http, struct pdrive **out)
{
	struct pdrive *p;

	if ((*out = p = calloc(1, sizeof(*p))) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "pdrive");
	p->http = http;
	p->id = conf_str(conf, CONF_PD_CLIENT_ID);
	p->secret = conf_str(conf, CONF_PD_CLIENT_SECRET);
	p->oauth = conf_str(conf, CONF_PD_OAUTH_URL);
	p->loopback = url_is_loopback(p->oauth);
	return NULL;
}

void
pdrive_free(struct pdrive *p)
{
	free(p);
}

void
pdrive_on_refusal(struct pdrive *p, void (*fn)(void *arg, const struct pd_res *res), void *arg)
{
	p->on_refusal = fn;
	p->on_refusal_arg = arg;
}

/* Building ----------------------------------------------------------------- */

static void
call_init(struct call *c, const char *name, enum about about, const char *url)
{
	memset(c, 0, sizeof(*c));
	c->name = name;
	c->about = about;
	c->url = url;
	buf_init(&c->body, BYTES);
}

static void
call_fini(struct call *c)
{
	if (c->body.p != NULL)
		crypt_wipe(c->body.p, c->body.len);
	buf_fini(&c->body);
}

static void
call_form(struct call *c, const char *name, const char *value)
{
	if (c->body.len > 0)
		buf_putc(&c->body, '&');
	buf_puts(&c->body, name);
	buf_putc(&c->body, '=');
	buf_put_url(&c->body, value);
}

const char *
pdrive_authorize_url(const struct pdrive *p, struct arena *a, const char *redirect_uri,
    const char *state)
{
	const char *out = NULL;
	struct ib_buf b;

	buf_init(&b, BYTES);
	buf_puts(&b, p->oauth);
	buf_puts(&b, "/oauth/authorize?client_id=");
	buf_put_url(&b, p->id);
	buf_puts(&b, "&redirect_uri=");
	buf_put_url(&b, redirect_uri);
	buf_puts(&b, "&state=");
	buf_put_url(&b, state);
	if (!b.failed)
		out = arena_dup(a, buf_cstr(&b));
	buf_fini(&b);
	return out;
}

/*
 * Scheme and host of the company, without a slash at the end; NULL when it is
 * not a host of Pipedrive's (or of this machine, when sign-in is there too).
 */
static const char *
checked_domain(const struct pdrive *p, struct arena *a, const char *s)
{
	const char *host, *rest;
	size_t n, h, d = sizeof(DOMAIN) - 1;

	if (s == NULL || !url_is_web(s, false))
		return NULL;
	rest = strstr(s, "://") + 3;
	n = strcspn(rest, "/?#@");
	if (rest[n] != '\0' && (rest[n] != '/' || rest[n + 1] != '\0'))
		return NULL;
	s = arena_dupn(a, s, (size_t)(rest - s) + n);
	if (s == NULL || (host = url_host(a, s)) == NULL)
		return NULL;
	if (url_is_loopback(s))
		return p->loopback ? s : NULL;
	h = strlen(host);
	if (!url_is_web(s, true) || n != h)	/* https, and no port */
		return NULL;
	if (h < d || strcmp(host + h - d, DOMAIN) != 0 || (h > d && host[h - d - 1] != '.'))
		return NULL;
	return s;
}

/* Answers ------------------------------------------------------------------ */

static bool
contains(const char *s, const char *part)
{
	return s != NULL && strcasestr(s, part) != NULL;
}

static const char *
copy(struct arena *a, struct json *obj, const char *member)
{
	const char *s = json_get_str(obj, member);

	return s == NULL || *s == '\0' ? NULL : arena_dup(a, s);
}

static const char *
copy_line(struct arena *a, struct json *obj, const char *member)
{
	const char *s = json_get_str(obj, member);
	char *t;

	if (str_blank(s))
		return NULL;
	t = str_line(a, s, strlen(s), 300);
	return t == NULL || *t == '\0' ? NULL : t;
}

/* First string below `errors`, an object of lists or strings. */
static const char *
first_error(struct json *errors)
{
	void *it = json_is_object(errors) ? json_iter(errors) : NULL;
	struct json *v;

	for (; it != NULL; it = json_next(errors, it)) {
		v = json_iter_value(it);
		if (json_is_array(v))
			v = json_at(v, 0);
		if (!str_blank(json_str(v)))
			return json_str(v);
	}
	return NULL;
}

/* All words of the service in one line: error, error_description, message, code. */
static const char *
error_text(struct arena *a, struct json *root)
{
	static const char *const names[] = {
		"error", "error_description", "message", "error_info", "code"
	};
	struct json *e = json_get(root, "error");
	const char *out = NULL, *s;
	struct ib_buf b;
	size_t i;

	buf_init(&b, 4096);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		s = json_get_str(root, names[i]);
		if (s == NULL && json_is_object(e))
			s = json_get_str(e, names[i]);
		if (str_blank(s))
			continue;
		if (b.len > 0)
			buf_puts(&b, ": ");
		buf_puts(&b, s);
	}
	if (b.len == 0)
		buf_puts(&b, first_error(json_get(root, "errors")));
	s = json_get_str(json_get(root, "additional_data"), "code");
	if (s != NULL) {
		buf_puts(&b, ": ");
		buf_puts(&b, s);
	}
	if (b.len > 0 && !b.failed)
		out = str_line(a, buf_cstr(&b), b.len, 200);
	buf_fini(&b);
	return out == NULL || *out == '\0' ? NULL : out;
}

/* A code of ours from status and words; 0 leaves it to the status. */
static int
understand(enum about about, int status, const char *text, bool html)
{
	bool token_call = about != ABOUT_API;

	if (token_call && (status == 400 || status == 401)) {
		if (contains(text, "invalid client") || contains(text, "invalid_client"))
			return PD_CODE_CLIENT;
		if (contains(text, "invalid grant") || contains(text, "invalid_grant"))
			return about == ABOUT_REFRESH ? PD_CODE_REFRESH : PD_CODE_GRANT;
		if (contains(text, "redirect"))
			return PD_CODE_REDIRECT;
		if (contains(text, "cannot be installed"))
			return PD_CODE_UNAVAILABLE;
		if (contains(text, "grant_type") || contains(text, "missing parameter") ||
		    contains(text, "grant type") || contains(text, "content must be"))
			return PD_CODE_FORM;
		if (about == ABOUT_REFRESH && contains(text, "refresh_token"))
			return PD_CODE_REFRESH;
		if (about == ABOUT_CODE && contains(text, "authorization_code"))
			return PD_CODE_GRANT;
		/* Basic authentication is all that a bare 401 can mean there. */
		return status == 401 ? PD_CODE_CLIENT : 0;
	}
	if (status == 400 && contains(text, "required"))
		return PD_CODE_REQUIRED;
	if (status == 400 && (contains(text, "ERR_SCHEMA_VALIDATION_FAILED") || contains(text, "custom field")))
		return PD_CODE_FIELDS;
	if (status == 403) {
		if (html)
			return PD_CODE_EDGE;
		if (contains(text, "scope and url mismatch"))
			return PD_CODE_SCOPE;
		if (contains(text, "feature_capping"))
			return PD_CODE_PLAN;
	}
	return 0;
}

static void
res_init(struct pd_res *res)
{
	memset(res, 0, sizeof(*res));
	res->row = code_find(SVC_PIPEDRIVE, 0, 0, 0);
}

static void
refuse(struct arena *a, const struct call *c, const struct httpc_resp *resp, struct json *root,
    struct pd_res *res)
{
	int64_t wait;
	int code;

	res->refused = true;
	res->text = error_text(a, root);
	code = understand(c->about, resp->status, res->text, root == NULL);
	res->invalid_grant = code == PD_CODE_GRANT || code == PD_CODE_REFRESH;
	res->row = code_find(SVC_PIPEDRIVE, code, 0, resp->status < 400 ? 400 : resp->status);
	if (resp->retry_after != NULL && str_int_in(resp->retry_after, 0, 7 * 86400, &wait))
		res->retry_after = wait * MS_SECOND;
	else if (resp->status == 429 && resp->limit_reset != NULL &&
	    str_int_in(resp->limit_reset, 0, 600, &wait))
		res->retry_after = wait * MS_SECOND;
	res->spent = resp->status == 429 && str_eq(resp->budget_left, "0");
	/* Words that repeat what was sent are not for the log. */
	if (res->text != NULL && ((c->secret != NULL && strstr(res->text, c->secret) != NULL) ||
	    (c->bearer != NULL && strstr(res->text, c->bearer) != NULL)))
		res->text = NULL;
}

/* NULL and *root (to be freed) when done; NULL and res->refused when not. */
static const struct ib_err *
perform(struct pdrive *p, struct arena *a, struct call *c, struct json **root, struct pd_res *res)
{
	struct httpc_req req;
	struct httpc_resp resp;
	const struct ib_err *err;
	bool done;

	*root = NULL;
	res_init(res);
	if ((err = buf_check(&c->body)) != NULL)
		return err;
	memset(&req, 0, sizeof(req));
	memset(&resp, 0, sizeof(resp));
	req.url = c->url;
	req.timeout_ms = c->timeout_ms;
	if (c->bearer != NULL) {
		req.method = c->method;
		req.bearer = c->bearer;
		if (c->json) {
			req.content_type = "application/json";
			req.body = buf_cstr(&c->body);
			req.body_len = c->body.len;
		}
	} else {
		req.method = HTTPC_POST;
		req.basic_user = p->id;
		req.basic_pass = p->secret;
		req.content_type = FORM;
		req.body = buf_cstr(&c->body);
		req.body_len = c->body.len;
	}
	err = httpc_do(p->http, a, &req, &resp);
	res->fate = resp.fate;
	if (err != NULL)
		return err;
	res->status = resp.status;
	done = resp.status >= 200 && resp.status <= 299;
	err = json_parse(resp.body, resp.body_len,
	    done && c->about != ABOUT_API ? JSON_STRICT_ : JSON_LENIENT_, root);
	if (err != NULL)
		*root = NULL;
	/* "success": false counts on a 200 too. */
	if (!done || (*root != NULL && !json_bool(json_get(*root, "success"), true))) {
		refuse(a, c, &resp, *root, res);
		if (p->on_refusal != NULL)
			p->on_refusal(p->on_refusal_arg, res);
		json_free(*root);
		*root = NULL;
		return NULL;
	}
	res->row = NULL;
	if (*root == NULL && !c->any_answer)
		return ib_fail(IB_EUPSTREAM, IB_RETRY_LATER, "pipedrive %s: status %d without JSON",
		    c->name, resp.status);
	return NULL;
}

/* Tokens ------------------------------------------------------------------- */

/* A call about a token or code, which no log may show. */
static const struct ib_err *
token_call(const struct pdrive *p, struct arena *a, struct call *c, const char *name, enum about about,
    const char *path, const char *secret, struct pd_res *res)
{
	const char *url = arena_printf(a, "%s%s", p->oauth, path);

	res_init(res);
	if (url == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "pipedrive: no memory");
	call_init(c, name, about, url);
	c->secret = secret;
	return NULL;
}

static const struct ib_err *
tokens_decode(const struct pdrive *p, struct arena *a, struct json *root, const struct call *c,
    struct pd_tokens *out)
{
	const char *domain, *name = c->name;

	out->access = copy(a, root, "access_token");
	if ((out->refresh = copy(a, root, "refresh_token")) == NULL)
		out->refresh = arena_dup(a, c->old);
	out->scope = copy(a, root, "scope");
	out->expires_in = json_int(json_get(root, "expires_in"), 0);
	if (out->expires_in < 0)
		out->expires_in = 0;
	domain = json_get_str(root, "api_domain");
	out->api_domain = checked_domain(p, a, domain);
	if (arena_failed(a))
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "pipedrive %s: no memory", name);
	if (out->access == NULL || out->refresh == NULL || domain == NULL)
		return ib_fail(IB_EUPSTREAM, IB_RETRY_LATER,
		    "pipedrive %s: answer without the expected members", name);
	if (out->api_domain == NULL)
		return ib_fail(IB_EAUTH, IB_RETRY_NEVER,
		    "pipedrive %s: api_domain is no host of " DOMAIN, name);
	return NULL;
}

static const struct ib_err *
tokens_call(struct pdrive *p, struct arena *a, struct call *c, struct pd_tokens *out,
    struct pd_res *res)
{
	const struct ib_err *err;
	struct json *root;

	memset(out, 0, sizeof(*out));
	if ((err = perform(p, a, c, &root, res)) == NULL && !res->refused)
		err = tokens_decode(p, a, root, c, out);
	if (err != NULL)
		memset(out, 0, sizeof(*out));
	json_free(root);
	call_fini(c);
	return err;
}

const struct ib_err *
pdrive_exchange(struct pdrive *p, struct arena *a, const char *code, const char *redirect_uri,
    struct pd_tokens *out, struct pd_res *res)
{
	const struct ib_err *err;
	struct call c;

	if ((err = token_call(p, a, &c, "exchange", ABOUT_CODE, "/oauth/token", code, res)) != NULL)
		return err;
	call_form(&c, "grant_type", "authorization_code");
	call_form(&c, "code", code);
	call_form(&c, "redirect_uri", redirect_uri);
	return tokens_call(p, a, &c, out, res);
}

const struct ib_err *
pdrive_refresh(struct pdrive *p, struct arena *a, const char *refresh_token,
    struct pd_tokens *out, struct pd_res *res)
{
	const struct ib_err *err;
	struct call c;

	if ((err = token_call(p, a, &c, "refresh", ABOUT_REFRESH, "/oauth/token", refresh_token, res)) != NULL)
		return err;
	call_form(&c, "grant_type", "refresh_token");
	call_form(&c, "refresh_token", refresh_token);
	c.old = refresh_token;
	return tokens_call(p, a, &c, out, res);
}

const struct ib_err *
pdrive_revoke(struct pdrive *p, struct arena *a, const char *refresh_token, struct pd_res *res)
{
	const struct ib_err *err;
	struct json *root;
	struct call c;

	if ((err = token_call(p, a, &c, "revoke", ABOUT_REVOKE, "/oauth/revoke", refresh_token, res)) != NULL)
		return err;
	c.any_answer = true;
	call_form(&c, "token", refresh_token);
	call_form(&c, "token_type_hint", "refresh_token");
	err = perform(p, a, &c, &root, res);
	json_free(root);
	call_fini(&c);
	return err;
}

/* Users -------------------------------------------------------------------- */

/* pipedrive.md 3.1: an admin of sales or of everything; is_admin only in old answers. */
static bool
is_admin(struct json *user)
{
	struct json *access = json_get(user, "access"), *e;
	const char *app;
	size_t i;

	if (!json_is_array(access))
		return json_bool(json_get(user, "is_admin"), false);
	for (i = 0; i < json_len(access); i++) {
		e = json_at(access, i);
		app = json_get_str(e, "app");
		if ((str_eq(app, "global") || str_eq(app, "sales")) &&
		    json_bool(json_get(e, "admin"), false))
			return true;
	}
	return false;
}

static void
user_decode(struct arena *a, struct json *d, struct pd_user *out)
{
	out->id = json_int(json_get(d, "id"), 0);
	out->company_id = json_int(json_get(d, "company_id"), 0);
	out->name = copy_line(a, d, "name");
	out->email = copy_line(a, d, "email");
	out->lang = copy_line(a, json_get(d, "language"), "language_code");
	out->timezone = copy_line(a, d, "timezone_name");
	if (out->timezone != NULL && !clock_zone_ok(out->timezone))
		out->timezone = NULL;
	out->company_name = copy_line(a, d, "company_name");
	out->company_domain = copy_line(a, d, "company_domain");
	out->admin = is_admin(d);
	out->active = json_bool(json_get(d, "active_flag"), true) &&
	    !json_bool(json_get(d, "is_deleted"), false);
}

/* The API -------------------------------------------------------------------- */

static const struct ib_err *
api_once(struct pdrive *p, struct arena *a, struct pd_auth *who, const char *name,
    enum httpc_method method, const char *url, const struct json *body, struct json **root,
    struct pd_res *res)
{
	const struct ib_err *err;
	struct call c;
	int64_t left;

	call_init(&c, name, ABOUT_API, url);
	c.bearer = who->access;
	c.method = method;
	c.json = body != NULL;
	c.any_answer = method == HTTPC_DELETE;
	if (who->deadline > 0) {
		if ((left = who->deadline - clock_mono()) <= 0) {
			call_fini(&c);
			return ib_fail(IB_ETIMEOUT, IB_RETRY_LATER, "pipedrive %s: no time left", name);
		}
		c.timeout_ms = (long)left;
	}
	err = body != NULL ? json_dump(body, false, &c.body) : NULL;
	if (err == NULL)
		err = perform(p, a, &c, root, res);
	call_fini(&c);
	return err;
}

/*
 * A burst limit is over in a moment: wait for it when there is time.  Nothing
 * was done, so that a write may be repeated as well.
 */
static bool
wait_burst(const struct pd_auth *who, const struct pd_res *res)
{
	int64_t wait = res->retry_after > 0 ? res->retry_after : BURST_MS;

	if (!res->refused || res->status != 429 || res->spent || wait > BURST_MOST_MS || who->deadline == 0 ||
	    clock_mono() + wait + MS_SECOND > who->deadline)
		return false;
	clock_nap(wait);
	return true;
}

const struct ib_err *
pdrive_api(struct pdrive *p, struct arena *a, struct pd_auth *who, const char *name,
    enum httpc_method method, const char *path, const struct json *body, struct json **root,
    struct pd_res *res)
{
	const struct ib_err *err;
	const char *base, *url, *fresh;
	int tries = 1;

	*root = NULL;
	res_init(res);
	if ((base = checked_domain(p, a, who->api_domain)) == NULL)
		return ib_fail(IB_EAUTH, IB_RETRY_NEVER,
		    "pipedrive %s: api_domain is no host of " DOMAIN, name);
	if ((url = arena_printf(a, "%s%s", base, path)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "pipedrive %s: no memory", name);
	err = api_once(p, a, who, name, method, url, body, root, res);
	if (err == NULL && res->refused && res->status == 401 && who->renew != NULL &&
	    (fresh = who->renew(who->arg, who->access)) != NULL) {
		who->access = fresh;
		err = api_once(p, a, who, name, method, url, body, root, res);
	}
	while (err == NULL && tries++ < BURST_TRIES && wait_burst(who, res))
		err = api_once(p, a, who, name, method, url, body, root, res);
	if (who->heard != NULL)
		who->heard(who->arg, err, res);
	return err;
}

const struct ib_err *
pdrive_me(struct pdrive *p, struct arena *a, const char *api_domain, const char *access,
    struct pd_user *out, struct pd_res *res)
{
	struct pd_auth who = { .api_domain = api_domain, .access = access };
	const struct ib_err *err;
	struct json *root;

	memset(out, 0, sizeof(*out));
	if ((err = pdrive_api(p, a, &who, "me", HTTPC_GET, "/api/v1/users/me", NULL, &root, res)) == NULL &&
	    !res->refused) {
		user_decode(a, json_get(root, "data"), out);
		if (arena_failed(a))
			err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "pipedrive me: no memory");
		else if (out->id <= 0 || out->company_id <= 0)
			err = ib_fail(IB_EUPSTREAM, IB_RETRY_LATER,
			    "pipedrive me: answer without the expected members");
	}
	json_free(root);
	return err;
}

/* Webhooks ----------------------------------------------------------------- */

#define HOOKS_MOST	100		/* Pipedrive allows 40 a user */

/* What the product follows. */
static const char *const followed[][2] = {
	{ "person", "change" }, { "person", "delete" }, { "deal", "change" }, { "deal", "delete" },
	{ "lead", "change" }, { "lead", "delete" }
};
#define FOLLOWED	(sizeof(followed) / sizeof(followed[0]))

static bool
is_hook(const struct json *h, const char *url, const char *const what[2])
{
	return str_eq(json_get_str(h, "subscription_url"), url) && str_eq(json_get_str(h, "event_object"), what[0]) &&
	    str_eq(json_get_str(h, "event_action"), what[1]) && json_bool(json_get(h, "is_active"), true);
}

static const struct ib_err *
hook_make(struct pdrive *p, struct arena *a, struct pd_auth *who, const char *url, const char *password,
    const char *const what[2], struct pd_res *res)
{
	struct json *body = json_new_object(), *root = NULL;
	const struct ib_err *err;

	if (!json_set_str(body, "name", arena_printf(a, "Messenger Inbox: %s %s", what[0], what[1])) ||
	    !json_set_str(body, "subscription_url", url) || !json_set_str(body, "event_object", what[0]) ||
	    !json_set_str(body, "event_action", what[1]) || !json_set_str(body, "version", "2.0") ||
	    !json_set_str(body, "http_auth_user", PD_HOOK_USER) || !json_set_str(body, "http_auth_password", password))
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "pipedrive webhook: no memory");
	else
		err = pdrive_api(p, a, who, "webhook", HTTPC_POST, "/api/v1/webhooks", body, &root, res);
	json_free(body);
	json_free(root);
	return err;
}

const struct ib_err *
pdrive_hooks_keep(struct pdrive *p, struct arena *a, struct pd_auth *who, const char *url, const char *password,
    size_t *made, struct pd_res *res)
{
	const struct ib_err *err;
	struct json *root, *list;
	size_t i, k;

	*made = 0;
	if ((err = pdrive_api(p, a, who, "webhooks", HTTPC_GET, "/api/v1/webhooks", NULL, &root, res)) != NULL ||
	    res->refused)
		return err;
	list = json_get(root, "data");
	for (k = 0; err == NULL && !res->refused && k < FOLLOWED; k++) {
		for (i = 0; i < json_len(list) && !is_hook(json_at(list, i), url, followed[k]); i++)
			;
		if (i < json_len(list))
			continue;
		if ((err = hook_make(p, a, who, url, password, followed[k], res)) == NULL && !res->refused)
			++*made;
	}
	json_free(root);
	return err;
}

const struct ib_err *
pdrive_hooks_end(struct pdrive *p, struct arena *a, const char *api_domain, const char *access,
    const char *prefix, int64_t *ended, struct pd_res *res)
{
	struct pd_auth who = { .api_domain = api_domain, .access = access };
	const struct ib_err *err;
	struct json *root, *list, *gone;
	const char *url, *id;
	size_t i;

	*ended = 0;
	if ((err = pdrive_api(p, a, &who, "webhooks", HTTPC_GET, "/api/v1/webhooks", NULL, &root, res)) != NULL ||
	    res->refused)
		return err;
	list = json_get(root, "data");
	for (i = 0; err == NULL && i < json_len(list) && i < HOOKS_MOST; i++) {
		url = json_get_str(json_at(list, i), "subscription_url");
		id = json_id(a, json_get(json_at(list, i), "id"));
		if (url == NULL || id == NULL || !str_starts(url, prefix) || id[strspn(id, "0123456789")] != '\0')
			continue;
		err = pdrive_api(p, a, &who, "webhooks", HTTPC_DELETE, arena_printf(a, "/api/v1/webhooks/%s", id), NULL, &gone,
		    res);
		json_free(gone);
		/* Gone already is gone, too. */
		if (err != NULL || (res->refused && res->status != 404))
			break;
		++*ended;
	}
	json_free(root);
	return err;
}
