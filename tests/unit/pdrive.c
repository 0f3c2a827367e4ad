/* SPDX-License-Identifier: MIT */
/*
 * pdrive.c - sign-in, refresh, revocation and users of Pipedrive, against
 * canned answers on loopback.
 */
#include "../tap.h"

#include "../../lib/api/pdrive.h"
#include "canned.h"
#include "written.h"

#define ID	PD_ID
#define SECRET	PD_SECRET
/* base64 of ID:SECRET */
#define BASIC	"uthorization: Basic NWYzYzlhMWIyYzNkNGU1ZjpzYW5kYm94LXBpcGVkcml2ZS1zZWNyZXQ=\r\n"
#define REFRESH	"9000123:10483244:6d1f0a77c2be4f0d9b3e"

static struct arena A;
static struct httpc *http;
static struct pdrive *p;
static char dir[] = "/tmp/inbox-pdrive-XXXXXX";
static char origin[64];
static struct pd_res res;

static struct conf *
make_conf(const char *oauth)
{
	char more[128] = "";

	if (oauth != NULL)
		snprintf(more, sizeof(more), "pipedrive.oauth_url = %s\n", oauth);
	return written_conf(dir, "1", "s", more);
}

static const char *
tokens(const char *domain)
{
	static char b[1024];

	snprintf(b, sizeof(b), "{\"access_token\":\"v1u:AQIBAHj\",\"token_type\":\"bearer\",\"expires_in\":3599,"
	    "\"refresh_token\":\"" REFRESH "\",\"scope\":\"base,contacts:full\",\"api_domain\":\"%s\"}", domain);
	return b;
}

static void
sign_in(void)
{
	static const char *const bad[] = {
		"http://acme-sales.pipedrive.com", "https://acme.pipedrive.com.evil.example",
		"https://evilpipedrive.com", "https://evil.example/pipedrive.com", "https://x@acme.pipedrive.com",
		"https://acme.pipedrive.com@evil.example", "https://acme.pipedrive.com:8443",
		"https://acme.pipedrive.com/path", "https://10.0.0.1", "acme.pipedrive.com", ""
	};
	const struct ib_err *err;
	struct pd_tokens t;
	struct conf *c2;
	struct pdrive *p2 = NULL;
	char want[256];
	size_t i;

	snprintf(want, sizeof(want), "%s/oauth/authorize?client_id=" ID
	    "&redirect_uri=https%%3A%%2F%%2Finbox.example.net%%2Fpipedrive%%2Fcallback&state=Zk3%%2F", origin);
	is_str(pdrive_authorize_url(p, &A, "https://inbox.example.net/pipedrive/callback", "Zk3/"), want, "authorize address");

	canned_json(200, tokens("https://acme-sales.pipedrive.com/"));
	err = pdrive_exchange(p, &A, "10483244.9000123.5c0f/+", "https://inbox.example.net/pipedrive/callback", &t, &res);
	ok(err == NULL && !res.refused && res.row == NULL && res.fate == HTTPC_ANSWERED, "exchange");
	is_str(t.access, "v1u:AQIBAHj", "access token");
	is_str(t.refresh, REFRESH, "refresh token");
	is_str(t.api_domain, "https://acme-sales.pipedrive.com", "domain without its slash");
	is_str(t.scope, "base,contacts:full", "scope");
	is_int(t.expires_in, 3599, "lifetime");
	ok(canned_line(0, "POST /oauth/token HTTP") && canned_asked(0, BASIC) && canned_asked(0, "application/x-www-form-urlencoded"), "Basic and a form");
	ok(canned_asked(0, "\r\n\r\ngrant_type=authorization_code&code=10483244.9000123.5c0f%2F%2B"
	    "&redirect_uri=https%3A%2F%2Finbox.example.net%2Fpipedrive%2Fcallback"), "its members");
	ok(!canned_line(0, "5c0f") && !canned_line(0, SECRET), "nothing in the address");

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		canned_json(200, tokens(bad[i]));
		err = pdrive_exchange(p, &A, "c", "r", &t, &res);
		ok(err != NULL && err->code == IB_EAUTH && t.access == NULL, "api_domain \"%s\" is refused", bad[i]);
	}
	canned_json(200, tokens("https://api.pipedrive.com"));
	ok(pdrive_exchange(p, &A, "c", "r", &t, &res) == NULL, "another host of Pipedrive");
	canned_json(200, tokens(origin));
	ok(pdrive_exchange(p, &A, "c", "r", &t, &res) == NULL && strcmp(t.api_domain, origin) == 0, "loopback, when sign-in is there too");
	c2 = make_conf(NULL);
	if (c2 != NULL && pdrive_new(c2, http, &p2) == NULL) {
		struct pd_user u;

		canned_reset();
		err = pdrive_me(p2, &A, origin, "tok", &u, &res);
		ok(err != NULL && err->code == IB_EAUTH && canned->given == 0, "loopback, when sign-in is elsewhere");
	} else
		ok(false, "second configuration");
	pdrive_free(p2);
	conf_free(c2);

	canned_json(200, "{\"access_token\":\"x\"}");
	err = pdrive_exchange(p, &A, "c", "r", &t, &res);
	ok(err != NULL && err->code == IB_EUPSTREAM && t.access == NULL, "an answer without the members");
	canned_json(200, "<html>");
	err = pdrive_exchange(p, &A, "c", "r", &t, &res);
	ok(err != NULL && err->code == IB_EUPSTREAM, "an answer that is no JSON");
	canned_json(200, "{\"access_token\":\"a\",\"access_token\":\"b\",\"refresh_token\":\"r\",\"api_domain\":\"https://a.pipedrive.com\"}");
	err = pdrive_exchange(p, &A, "c", "r", &t, &res);
	ok(err != NULL, "a token told twice");
	canned_reset();
	canned_add(0, NULL, NULL);
	err = pdrive_exchange(p, &A, "thecode", "r", &t, &res);
	ok(err != NULL && res.fate == HTTPC_UNKNOWN && canned->given == 1, "no answer; never repeated");
	ok(err != NULL && strstr(err->msg, "thecode") == NULL && strstr(err->msg, SECRET) == NULL, "no secret in the error");
	is_str(res.row->key, "error.pd.away", "a sentence for it");
}

static void
refusals(void)
{
	static const struct { bool refresh; int status; const char *body; bool dead; const char *key; } table[] = {
		{ false, 400, "{\"error\":\"invalid_grant\",\"error_description\":\"Invalid grant: authorization_code is invalid\"}", true, "login_again" },
		{ false, 400, "{\"success\":false,\"message\":\"Invalid grant: `authorization_code` has expired\"}", true, "login_again" },
		{ true, 400, "{\"error\":\"Invalid grant: `refresh_token` is invalid\"}", true, "token" },
		{ true, 400, "{\"message\":\"refresh_token is invalid\"}", true, "token" },
		{ true, 400, "{\"error\":{\"message\":\"Invalid Grant: refresh_token is invalid\"}}", true, "token" },
		{ true, 400, "{\"message\":\"Invalid client: client is invalid\"}", false, "client" },
		{ true, 401, "", false, "client" },
		{ false, 400, "{\"message\":\"Invalid client: cannot retrieve client credentials\"}", false, "client" },
		{ false, 400, "{\"message\":\"Invalid request: `redirect_uri` is invalid\"}", false, "redirect" },
		{ false, 400, "{\"error\":\"Invalid redirect URL\"}", false, "redirect" },
		{ false, 400, "{\"message\":\"Missing parameter: `grant_type`\"}", false, "request" },
		{ false, 400, "{\"message\":\"Unsupported grant type: `grant_type` is invalid\"}", false, "request" },
		{ false, 400, "{\"message\":\"Invalid request: content must be `application/x-www-form-urlencoded`\"}", false, "request" },
		{ false, 400, "{\"message\":\"App cannot be installed for requested company\"}", false, "unavailable" },
		{ true, 400, "", false, "request" },
		{ true, 429, "{\"error\":\"Request over limit\"}", false, "limit" },
		{ true, 500, "{\"error\":\"Invalid grant: refresh_token is invalid\"}", false, "trouble" },
		{ true, 503, "<html>Whoops! Something broke...</html>", false, "maintenance" },
		{ true, 403, "<html>blocked</html>", false, "edge" }
	};
	const struct ib_err *err;
	struct pd_tokens t;
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		canned_json(table[i].status, table[i].body);
		err = table[i].refresh ? pdrive_refresh(p, &A, REFRESH, &t, &res) :
		    pdrive_exchange(p, &A, "c0de", "r", &t, &res);
		ok(err == NULL && res.refused && res.status == table[i].status &&
		    res.invalid_grant == table[i].dead && res.row != NULL &&
		    strncmp(res.row->key, "error.pd.", 9) == 0, "refusal %zu", i);
		is_str(res.row->key + 9, table[i].key, "its sentence");
	}
	canned_json(400, "{\"error\":\"bad\",\"error_description\":\"token " REFRESH " is\\nbad\"}");
	err = pdrive_refresh(p, &A, REFRESH, &t, &res);
	ok(err == NULL && res.refused && res.text == NULL, "words that repeat the token are dropped");
	canned_json(400, "{\"error\":\"bad\",\"error_description\":\"is\\nbad\"}");
	err = pdrive_refresh(p, &A, REFRESH, &t, &res);
	ok(err == NULL && res.refused, "others are kept");
	is_str(res.text, "bad: is bad", "on one line");
}

static void
renewing(void)
{
	const struct ib_err *err;
	struct pd_tokens t;

	canned_json(200, tokens("https://acme-sales.pipedrive.com"));
	err = pdrive_refresh(p, &A, "old:token", &t, &res);
	ok(err == NULL && !res.refused, "refresh");
	is_str(t.refresh, REFRESH, "whatever refresh token comes back");
	ok(canned_asked(0, BASIC) && canned_asked(0, "\r\n\r\ngrant_type=refresh_token&refresh_token=old%3Atoken"), "request");
	canned_json(200, "{\"access_token\":\"n\",\"expires_in\":\"3599\",\"api_domain\":\"https://a.pipedrive.com\"}");
	err = pdrive_refresh(p, &A, "old:token", &t, &res);
	ok(err == NULL && t.refresh != NULL && strcmp(t.refresh, "old:token") == 0, "none comes back: the old one stays");
	is_int(t.expires_in, 3599, "lifetime as a string");

	canned_json(200, "");
	err = pdrive_revoke(p, &A, REFRESH, &res);
	ok(err == NULL && !res.refused, "revoke; the body does not matter");
	ok(canned_line(0, "POST /oauth/revoke HTTP") && canned_asked(0, BASIC) &&
	    canned_asked(0, "\r\n\r\ntoken=9000123%3A10483244%3A6d1f0a77c2be4f0d9b3e&token_type_hint=refresh_token"), "the refresh token");
	canned_json(500, "");
	err = pdrive_revoke(p, &A, REFRESH, &res);
	ok(err == NULL && res.refused && res.row->class_ == CLASS_RETRY, "revoke refused");
}

static const char *
user(const char *members)
{
	static char b[2048];

	snprintf(b, sizeof(b), "{\"success\":true,\"data\":{\"id\":10483244,\"name\":\"Maria Tamm\",\"email\":\"maria@acme.example\","
	    "\"locale\":\"et_EE\",\"lang\":1,\"active_flag\":true,\"is_deleted\":false,\"timezone_name\":\"Europe/Tallinn\","
	    "\"company_id\":9000123,\"company_name\":\"Acme Sales\",\"company_domain\":\"acme-sales\","
	    "\"language\":{\"language_code\":\"en\",\"country_code\":\"US\"}%s%s}}", *members != '\0' ? "," : "", members);
	return b;
}

static void
users(void)
{
	static const struct { const char *members; bool admin; } admins[] = {
		{ "\"access\":[{\"app\":\"sales\",\"admin\":true}]", true },
		{ "\"access\":[{\"app\":\"campaigns\",\"admin\":true},{\"app\":\"global\",\"admin\":true}]", true },
		{ "\"access\":[{\"app\":\"sales\",\"admin\":false},{\"app\":\"account_settings\",\"admin\":true}]", false },
		{ "\"access\":[{\"app\":\"brand_new\",\"admin\":true}]", false },
		{ "\"access\":[],\"is_admin\":1", false },
		{ "\"is_admin\":1", true },
		{ "\"is_admin\":0", false },
		{ "", false }
	};
	static const struct { int status; const char *type, *body; enum code_class c; const char *key; } table[] = {
		{ 401, JSON_TYPE, "{\"success\":false,\"error\":\"unauthorized access\",\"errorCode\":401}", CLASS_TOKEN, "error.pd.token" },
		{ 402, JSON_TYPE, "{\"success\":false,\"error\":\"company not open\"}", CLASS_CONFIG, "error.pd.unpaid" },
		{ 403, JSON_TYPE, "{\"success\":false,\"error\":\"Scope and URL mismatch\",\"errorCode\":403,\"error_info\":\"x\"}", CLASS_CONFIG, "error.pd.scope" },
		{ 403, JSON_TYPE, "{\"success\":false,\"message\":\"Forbidden\"}", CLASS_CONFIG, "error.pd.permission" },
		{ 403, JSON_TYPE, "{\"success\":false,\"error\":\"x\",\"code\":\"feature_capping_deals_limit\"}", CLASS_CONFIG, "error.pd.plan" },
		{ 403, "Content-Type: text/html\r\n", "<html>blocked</html>", CLASS_THROTTLE, "error.pd.edge" },
		{ 404, JSON_TYPE, "{\"success\":false,\"error\":\"x\"}", CLASS_FINAL, "error.pd.gone" },
		{ 422, JSON_TYPE, "{\"status\":\"error\",\"success\":false,\"errors\":{\"field\":[\"text\"]}}", CLASS_FINAL, "error.pd.request" },
		{ 500, "", "", CLASS_RETRY, "error.pd.trouble" },
		{ 200, JSON_TYPE, "{\"success\":false,\"error\":\"no\"}", CLASS_FINAL, "error.pd.request" }
	};
	const struct ib_err *err;
	struct pd_user u;
	size_t i;

	canned_json(200, user(admins[0].members));
	err = pdrive_me(p, &A, origin, "v1u:tok", &u, &res);
	ok(err == NULL && !res.refused, "me");
	ok(u.id == 10483244 && u.company_id == 9000123 && u.active, "ids");
	is_str(u.name, "Maria Tamm", "name");
	is_str(u.email, "maria@acme.example", "address");
	is_str(u.lang, "en", "language of the interface, not of the dates");
	is_str(u.timezone, "Europe/Tallinn", "time zone");
	is_str(u.company_name, "Acme Sales", "company");
	is_str(u.company_domain, "acme-sales", "its domain");
	ok(canned_line(0, "GET /api/v1/users/me HTTP") && canned_asked(0, "uthorization: Bearer v1u:tok\r\n"), "request");
	for (i = 0; i < sizeof(admins) / sizeof(admins[0]); i++) {
		canned_json(200, user(admins[i].members));
		err = pdrive_me(p, &A, origin, "t", &u, &res);
		ok(err == NULL && u.admin == admins[i].admin, "admin rule %zu", i);
	}
	canned_json(200, "{\"success\":true,\"data\":{\"id\":\"7\",\"company_id\":\"8\",\"active_flag\":true,\"is_deleted\":true,\"timezone_name\":\"../etc\"}}");
	err = pdrive_me(p, &A, origin, "t", &u, &res);
	ok(err == NULL && u.id == 7 && u.company_id == 8, "ids as strings");
	ok(!u.active && u.timezone == NULL && u.lang == NULL && u.name == NULL, "deleted; nothing else told");
	canned_json(200, "{\"success\":true,\"data\":{\"id\":7}}");
	err = pdrive_me(p, &A, origin, "t", &u, &res);
	ok(err != NULL && err->code == IB_EUPSTREAM, "without a company");
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		canned_reset();
		canned_add(table[i].status, table[i].type, table[i].body);
		err = pdrive_me(p, &A, origin, "t", &u, &res);
		ok(err == NULL && res.refused && !res.invalid_grant && res.row->class_ == table[i].c, "refusal %d", table[i].status);
		is_str(res.row->key, table[i].key, "its sentence");
	}
	is_str(res.text, "no", "words of the service");
	canned_reset();
	canned_add(429, JSON_TYPE "Retry-After: 3\r\n", "{\"success\":false,\"error\":\"Request over limit\"}");
	err = pdrive_me(p, &A, origin, "t", &u, &res);
	ok(err == NULL && res.refused && res.row->class_ == CLASS_THROTTLE && res.retry_after == 3000, "429 with Retry-After");
	canned_reset();
	canned_add(429, "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n", "");
	err = pdrive_me(p, &A, origin, "t", &u, &res);
	ok(err == NULL && res.refused && res.retry_after == 0, "429 with a date");
	err = pdrive_me(p, &A, "https://evil.example", "t", &u, &res);
	ok(err != NULL && err->code == IB_EAUTH, "a token goes to no other host");
	err = pdrive_me(p, &A, NULL, "t", &u, &res);
	ok(err != NULL && err->code == IB_EAUTH, "nor to none");
}

int
main(void)
{
	struct conf *conf;
	int port;

	if (mkdtemp(dir) == NULL || (port = canned_start()) == 0) {
		ok(false, "set-up");
		return done_testing();
	}
	arena_init(&A, (size_t)16 << 20);
	snprintf(origin, sizeof(origin), "http://127.0.0.1:%d", port);
	conf = make_conf(origin);
	if (conf == NULL || httpc_new("test", true, &http) != NULL || pdrive_new(conf, http, &p) != NULL) {
		ok(false, "set-up");
		canned_stop();
		return done_testing();
	}
	sign_in();
	refusals();
	renewing();
	users();
	pdrive_free(p);
	httpc_free(http);
	conf_free(conf);
	arena_fini(&A);
	canned_stop();
	rmdir(dir);
	return done_testing();
}
