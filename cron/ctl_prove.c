/* SPDX-License-Identifier: MIT */
/*
 * ctl_prove.c - the inbox as it is seen from outside, for inboxctl setup and
 * inboxctl doctor.
 *
 * One row per promise: a call to the public address, and what must come back.
 * Nothing that is asked for changes anything that people see: the large webhook is
 * signed wrongly, the DELETE names no company, and the event that is signed well is
 * one of our own, which is noted and is no message.
 */
#include "ctl.h"

#include "../lib/base/clock.h"
#include "../lib/base/crypt.h"
#include "../lib/base/httpc.h"
#include "../lib/base/str.h"
#include "../lib/store/note.h"
#include "../lib/sync/sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOOK_SIZE	((size_t)900 << 10)
/* Certificates for 90 days are renewed when 30 are left: at 14 that has failed for a while. */
#define RENEW_MS	(14 * MS_DAY)
#define PAGE_TRIES	6
#define PAGE_NAP_MS	500

struct proof {
	const struct conf *conf;
	struct findings	*f;
	struct arena	*a;
	struct httpc	*h;
	const char	*base;
	char		*body;		/* of HOOK_SIZE */
	char		 nonce[17];
	int64_t		 certificate_end;	/* ms; 0: not known */
	enum str_id	 found;		/* what was found, when the answer does not tell it */
};

static const struct ib_err *
call(struct proof *p, struct httpc_req *q, const char *path, struct httpc_resp *resp)
{
	const struct ib_err *err;

	q->url = cat_fill(p->a, "{base}{path}", "base", p->base, "path", path, NULL);
	if (q->url == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "prove");
	q->certificate = true;
	err = httpc_do(p->h, p->a, q, resp);
	if (resp->certificate_end != 0)
		p->certificate_end = resp->certificate_end;
	return err;
}

static const struct ib_err *
get(struct proof *p, const char *path, struct httpc_resp *resp)
{
	struct httpc_req q = { .method = HTTPC_GET };

	return call(p, &q, path, resp);
}

/* What came back, in a line. */
static const struct said *
found(const struct proof *p, const struct ib_err *err, const struct httpc_resp *resp)
{
	if (err != NULL)
		return said_new(p->a, STR_SETUP_FOUND_TEXT, "s", "text", err->msg);
	if (p->found != STR_SETUP_FOUND_STATUS)
		return said_new(p->a, p->found, "");
	return said_new(p->a, STR_SETUP_FOUND_STATUS, "n", "status", (int64_t)resp->status);
}

/* The rows: true when the promise is kept. */

static bool
page(struct proof *p, const struct ib_err **err, struct httpc_resp *resp)
{
	int i;

	/* Workers that were asked before there was a configuration notice it within a second. */
	for (i = 0; (*err = get(p, "/", resp)) == NULL && resp->status == 503 && i < PAGE_TRIES; i++)
		clock_nap(PAGE_NAP_MS);
	return *err == NULL && resp->status == 200 && strstr(resp->body, "/static/app.css") != NULL;
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
	static const char *const paths[] = { "/.htaccess", "/messenger-inbox-1.fcgi", "/messenger-inbox.cgi",
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
	const char *token = conf_str(p->conf, CONF_FB_VERIFY_TOKEN);
	struct ib_buf b;
	bool good;

	buf_init(&b, 4096);
	buf_puts(&b, "/hook/facebook?hub.mode=subscribe&hub.verify_token=");
	buf_put_url(&b, token);
	buf_printf(&b, "&hub.challenge=%s", p->nonce);
	*err = get(p, buf_cstr(&b), resp);
	good = *err == NULL && resp->status == 200 && strcmp(resp->body, p->nonce) == 0;
	buf_fini(&b);
	return good;
}

/* Did it come into the database of this configuration? */
static const struct ib_err *
noted(const struct proof *p, bool *yes)
{
	const struct ib_err *err;
	const char *value = NULL;
	struct db *db;
	int64_t at;

	*yes = false;
	if ((err = ctl_open_db(p->conf, DB_READONLY, &db)) != NULL)
		return err;
	if ((err = note_get(db, p->a, NOTE_PROBE, &at, &value)) == NULL)
		*yes = str_eq(value, p->nonce);
	db_close(db);
	return err;
}

static bool
event(struct proof *p, const struct ib_err **err, struct httpc_resp *resp)
{
	static const char mark[] = "sha256=";
	const char *secret = conf_str(p->conf, CONF_FB_APP_SECRET);
	char body[128], signature[sizeof(mark) + 64];
	struct httpc_req q = { .method = HTTPC_POST, .content_type = "application/json", .body = body, .signature = signature };
	uint8_t hmac[32];
	bool yes;

	q.body_len = (size_t)snprintf(body, sizeof(body), "{\"object\":\"" SYNC_PROBE "\",\"entry\":[],\"nonce\":\"%s\"}", p->nonce);
	if (!crypt_hmac(secret, strlen(secret), body, q.body_len, hmac)) {
		*err = ib_fail(IB_ESYS, IB_RETRY_NEVER, "prove");
		return false;
	}
	memcpy(signature, mark, sizeof(mark));
	str_hex(signature + sizeof(mark) - 1, hmac, sizeof(hmac));
	if ((*err = call(p, &q, "/hook/facebook", resp)) != NULL || resp->status != 200 || (*err = noted(p, &yes)) != NULL)
		return false;
	p->found = yes ? STR_SETUP_EVENT_OK : STR_SETUP_EVENT_ELSEWHERE;
	return yes;
}

/* The inbox says 400 to the right credentials with no company, 401 when they did not arrive. */
static bool
credentials(struct proof *p, const struct ib_err **err, struct httpc_resp *resp)
{
	struct httpc_req q = { .method = HTTPC_DELETE, .content_type = "application/json" };
	struct ib_buf b;

	q.basic_user = conf_str(p->conf, CONF_PD_CLIENT_ID);
	q.basic_pass = conf_str(p->conf, CONF_PD_CLIENT_SECRET);
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
	enum check	 check;
} promises[] = {
	{ page,		CHECK_PAGE },
	{ static_file,	CHECK_STATIC },
	{ secrets,	CHECK_SECRETS },
	{ challenge,	CHECK_CHALLENGE },
	{ event,	CHECK_EVENT },
	{ credentials,	CHECK_CREDENTIALS },
	{ large_hook,	CHECK_BODY },
};

/* The client demands a good certificate: what was answered came over one. */
static void
tls(struct proof *p)
{
	const struct said *what;
	bool soon = p->certificate_end != 0 && p->certificate_end - clock_now() < RENEW_MS;

	if (!str_starts(p->base, "https://")) {
		(void)finding_add(p->f, CHECK_TLS, VERDICT_ATTENTION, said_new(p->a, STR_SETUP_TLS_LOOPBACK, ""));
		return;
	}
	what = p->certificate_end != 0 ? said_new(p->a, STR_SETUP_TLS_END, "d", "time", p->certificate_end)
	    : said_new(p->a, STR_SETUP_FOUND_TEXT, "s", "text", p->base);
	(void)finding_add(p->f, CHECK_TLS, soon ? VERDICT_ATTENTION : VERDICT_OK, what);
}

void
ctl_prove(const struct conf *conf, struct findings *f)
{
	struct proof p = { .conf = conf, .f = f, .a = f->a, .base = conf_str(conf, CONF_BASE_URL) };
	const struct ib_err *err;
	struct httpc_resp resp;
	uint8_t random[8];
	bool kept;
	size_t i;

	if ((err = crypt_random(random, sizeof(random))) == NULL)
		err = httpc_new("messenger-inbox inboxctl", url_is_loopback(p.base), &p.h);
	if (err == NULL && (p.body = malloc(HOOK_SIZE)) == NULL)
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "prove");
	if (err != NULL) {
		(void)finding_add(f, CHECK_PAGE, VERDICT_BROKEN, found(&p, err, NULL));
		goto done;
	}
	str_hex(p.nonce, random, sizeof(random));
	memset(p.body, ' ', HOOK_SIZE);
	for (i = 0; i < sizeof(promises) / sizeof(promises[0]); i++) {
		memset(&resp, 0, sizeof(resp));
		p.found = STR_SETUP_FOUND_STATUS;
		kept = promises[i].kept(&p, &err, &resp);
		/* No page for want of a certificate: that is what is to be mended. */
		(void)finding_add(f, i == 0 && resp.untrusted ? CHECK_TLS : promises[i].check, kept ? VERDICT_OK : VERDICT_BROKEN,
		    found(&p, err, &resp));
		/* Without a page the rest would only repeat it. */
		if (i == 0 && !kept)
			goto done;
	}
	tls(&p);
done:
	free(p.body);
	httpc_free(p.h);
}
