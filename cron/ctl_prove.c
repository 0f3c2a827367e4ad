/* SPDX-License-Identifier: MIT */
/*
 * ctl_prove.c - inboxctl setup: the inbox as it is seen from outside.
 *
 * One row per promise: a call to the public address, what must come back, and
 * what helps when it does not.  Nothing that is asked for changes anything: the
 * webhook is signed wrongly, the DELETE names no company.
 */
#include "ctl_setup.h"

#include "../lib/base/crypt.h"
#include "../lib/base/httpc.h"
#include "../lib/base/str.h"

#include <stdlib.h>
#include <string.h>

#define HOOK_SIZE	((size_t)900 << 10)

struct proof {
	struct setup	*s;
	struct httpc	*h;
	const char	*base;
	char		*body;		/* of HOOK_SIZE */
	char		 challenge[17];
};

static const struct ib_err *
call(struct proof *p, struct httpc_req *q, const char *path, struct httpc_resp *resp)
{
	q->url = cat_fill(p->s->a, "{base}{path}", "base", p->base, "path", path, NULL);
	if (q->url == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "setup");
	return httpc_do(p->h, p->s->a, q, resp);
}

static const struct ib_err *
get(struct proof *p, const char *path, struct httpc_resp *resp)
{
	struct httpc_req q = { .method = HTTPC_GET };

	return call(p, &q, path, resp);
}

/* What came back, in a line. */
static const char *
found(struct proof *p, const struct ib_err *err, const struct httpc_resp *resp)
{
	char status[12];

	if (err != NULL)
		return err->msg;
	(void)str_digits(status + sizeof(status) - 1, resp->status);
	status[sizeof(status) - 1] = '\0';
	return SETUP_SAY(p->s, STR_SETUP_FOUND_STATUS, "status", str_digits(status + sizeof(status) - 1, resp->status), NULL);
}

/* The rows: true when the promise is kept. */

static bool
page(struct proof *p, const struct ib_err **err, struct httpc_resp *resp)
{
	return (*err = get(p, "/", resp)) == NULL && resp->status == 200 && strstr(resp->body, "/static/app.css") != NULL;
}

static bool
static_file(struct proof *p, const struct ib_err **err, struct httpc_resp *resp)
{
	return (*err = get(p, "/static/app.css", resp)) == NULL && resp->status == 200 &&
	    resp->content_type != NULL && str_starts(resp->content_type, "text/css");
}

/* Whatever of ours lies near the web folder must not come out of it. */
static bool
secrets(struct proof *p, const struct ib_err **err, struct httpc_resp *resp)
{
	static const char *const paths[] = { "/.htaccess", "/messenger-inbox.fcgi", "/messenger-inbox.cgi",
	    "/etc/messenger-inbox/inbox.conf", "/etc/messenger-inbox/keys", "/var/messenger-inbox/inbox.db",
	    "/../etc/messenger-inbox/keys", "/static/../.htaccess" };
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if ((*err = get(p, paths[i], resp)) != NULL)
			return false;
		if (resp->status == 200)
			return false;
	}
	return true;
}

static bool
challenge(struct proof *p, const struct ib_err **err, struct httpc_resp *resp)
{
	const char *token = conf_str(p->s->conf, CONF_FB_VERIFY_TOKEN);
	struct ib_buf b;
	bool good;

	buf_init(&b, 4096);
	buf_puts(&b, "/hook/facebook?hub.mode=subscribe&hub.verify_token=");
	buf_put_url(&b, token);
	buf_printf(&b, "&hub.challenge=%s", p->challenge);
	*err = get(p, buf_cstr(&b), resp);
	good = *err == NULL && resp->status == 200 && strcmp(resp->body, p->challenge) == 0;
	buf_fini(&b);
	return good;
}

/* The inbox says 400 to the right credentials with no company, 401 when they did not arrive. */
static bool
credentials(struct proof *p, const struct ib_err **err, struct httpc_resp *resp)
{
	struct httpc_req q = { .method = HTTPC_DELETE, .content_type = "application/json" };
	struct ib_buf b;

	q.basic_user = conf_str(p->s->conf, CONF_PD_CLIENT_ID);
	q.basic_pass = conf_str(p->s->conf, CONF_PD_CLIENT_SECRET);
	buf_init(&b, 4096);
	buf_printf(&b, "{\"client_id\":\"%s\",\"company_id\":0,\"user_id\":0}", q.basic_user);
	q.body = buf_cstr(&b);
	q.body_len = b.len;
	*err = call(p, &q, "/pipedrive/callback", resp);
	buf_fini(&b);
	return *err == NULL && resp->status == 400;
}

/* Unsigned, it is refused by the inbox, without a word: a server's own refusal has a page. */
static bool
large_hook(struct proof *p, const struct ib_err **err, struct httpc_resp *resp)
{
	struct httpc_req q = { .method = HTTPC_POST, .content_type = "application/json", .timeout_ms = 30000 };

	q.body = p->body;
	q.body_len = HOOK_SIZE;
	*err = call(p, &q, "/hook/facebook", resp);
	return *err == NULL && resp->status == 403 && resp->body_len == 0;
}

static const struct {
	bool		(*kept)(struct proof *, const struct ib_err **, struct httpc_resp *);
	enum str_id	 what, fix;
} promises[] = {
	{ page,		STR_SETUP_PAGE,		STR_SETUP_PAGE_FIX },
	{ static_file,	STR_SETUP_STATIC,	STR_SETUP_STATIC_FIX },
	{ secrets,	STR_SETUP_SECRETS,	STR_SETUP_SECRETS_FIX },
	{ challenge,	STR_SETUP_CHALLENGE,	STR_SETUP_CHALLENGE_FIX },
	{ credentials,	STR_SETUP_CREDENTIALS,	STR_SETUP_CREDENTIALS_FIX },
	{ large_hook,	STR_SETUP_LARGE,	STR_SETUP_LARGE_FIX },
};

static void
tls(struct proof *p)
{
	if (str_starts(p->base, "https://"))
		setup_fine(p->s, SETUP_SAY(p->s, STR_SETUP_TLS, NULL));
	else
		setup_note(p->s, SETUP_SAY(p->s, STR_SETUP_TLS_LOOPBACK, NULL));
}

void
setup_prove(struct setup *s)
{
	struct proof p = { .s = s, .base = conf_str(s->conf, CONF_BASE_URL) };
	const struct ib_err *err;
	struct httpc_resp resp;
	uint8_t random[8];
	size_t i;

	if ((err = crypt_random(random, sizeof(random))) == NULL)
		err = httpc_new("messenger-inbox setup", url_is_loopback(p.base), &p.h);
	if (err == NULL && (p.body = malloc(HOOK_SIZE)) == NULL)
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "setup");
	if (err != NULL) {
		setup_wrong(s, SETUP_SAY(s, STR_SETUP_PAGE, NULL), err->msg, SETUP_SAY(s, STR_SETUP_OUT_FIX, NULL));
		goto done;
	}
	str_hex(p.challenge, random, sizeof(random));
	memset(p.body, ' ', HOOK_SIZE);
	for (i = 0; i < sizeof(promises) / sizeof(promises[0]); i++) {
		memset(&resp, 0, sizeof(resp));
		if (promises[i].kept(&p, &err, &resp)) {
			setup_fine(s, SETUP_SAY(s, promises[i].what, NULL));
			continue;
		}
		setup_wrong(s, SETUP_SAY(s, promises[i].what, NULL), found(&p, err, &resp), SETUP_SAY(s, promises[i].fix, NULL));
		/* Without a page the rest would only repeat it. */
		if (i == 0)
			goto done;
	}
	tls(&p);
done:
	free(p.body);
	httpc_free(p.h);
}
