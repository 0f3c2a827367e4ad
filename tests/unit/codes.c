/* SPDX-License-Identifier: MIT */
/* codes.c - the table holds every known error once, and finds something for the rest. */
#include "../tap.h"

#include "../../lib/api/codes.h"

#include <ctype.h>

#define FB SVC_FACEBOOK
#define PD SVC_PIPEDRIVE

static const struct { int code, sub; enum code_class c; bool unknown; const char *key; } fb[] = {
	{ -1, 0, CLASS_RETRY, true, "trouble" }, { 1, 0, CLASS_RETRY, true, "trouble" },
	{ 1, 99, CLASS_RETRY, true, "trouble" }, { 1, 1357046, CLASS_RETRY, true, "trouble" },
	{ 2, 0, CLASS_RETRY, true, "trouble" }, { 2, 2018344, CLASS_CONFIG, false, "contact_terms" },
	{ 3, 0, CLASS_CONFIG, false, "app_rights" },
	{ 4, 0, CLASS_THROTTLE, false, "limit" }, { 17, 0, CLASS_THROTTLE, false, "limit" },
	{ 32, 0, CLASS_THROTTLE, false, "limit" }, { 341, 0, CLASS_THROTTLE, false, "limit" },
	{ 4, 2018022, CLASS_THROTTLE, false, "limit" },
	{ 10, 0, CLASS_CONFIG, false, "permission" },
	{ 10, CODE_SUB_HUMAN_AGENT, CLASS_CONFIG, false, "human_agent" },
	{ 10, 2018278, CLASS_FINAL, false, "window" }, { 10, 2018065, CLASS_FINAL, false, "window" },
	{ 10, 2534022, CLASS_FINAL, false, "window" },
	{ 10, 2018108, CLASS_FINAL, false, "person" },
	{ 10, 2018300, CLASS_FINAL, false, "other_app" },
	{ 10, 1893063, CLASS_CONFIG, false, "restricted" },
	{ 100, 0, CLASS_FINAL, false, "request" }, { 100, 1893061, CLASS_FINAL, false, "request" },
	{ 100, 33, CLASS_FINAL, false, "gone" }, { 100, 2018001, CLASS_FINAL, false, "no_user" },
	{ 100, 2018008, CLASS_FINAL, false, "media_fetch" }, { 100, 2018109, CLASS_FINAL, false, "media_size" },
	{ 100, 2018294, CLASS_FINAL, false, "media_fetch" }, { 100, 2018047, CLASS_FINAL, false, "media_type" },
	{ 100, 2018074, CLASS_FINAL, false, "media" }, { 100, 2018164, CLASS_FINAL, false, "media" },
	{ 100, 2018218, CLASS_FINAL, false, "profile" }, { 100, 2018247, CLASS_FINAL, false, "profile" },
	{ 100, 2534037, CLASS_FINAL, false, "other_app" },
	{ 100, 36007, CLASS_FINAL, false, "login_again" }, { 100, 36009, CLASS_FINAL, false, "login_again" },
	{ 100, 36008, CLASS_CONFIG, false, "redirect" }, { 101, 0, CLASS_CONFIG, false, "app_secret" },
	{ 102, 0, CLASS_TOKEN, false, "token" }, { 104, 0, CLASS_CONFIG, false, "app_secret" },
	{ 190, 0, CLASS_TOKEN, false, "token" }, { 190, 458, CLASS_TOKEN, false, "token_removed" },
	{ 190, 459, CLASS_TOKEN, false, "token_checkpoint" }, { 190, 490, CLASS_TOKEN, false, "token_checkpoint" },
	{ 190, 464, CLASS_TOKEN, false, "token_checkpoint" },
	{ 190, 460, CLASS_TOKEN, false, "token_password" }, { 190, 467, CLASS_TOKEN, false, "token_password" },
	{ 190, 463, CLASS_TOKEN, false, "token_expired" }, { 190, 492, CLASS_TOKEN, false, "token_role" },
	{ 200, 0, CLASS_CONFIG, false, "permission" }, { 200, 2018028, CLASS_CONFIG, false, "app_live" },
	{ 200, 1545041, CLASS_FINAL, false, "person" }, { 551, 0, CLASS_FINAL, false, "person" },
	{ 551, 1545041, CLASS_FINAL, false, "person" },
	{ 210, 0, CLASS_CONFIG, false, "permission" }, { 230, 0, CLASS_CONFIG, false, "permission" },
	{ 368, 0, CLASS_THROTTLE, false, "blocked" }, { 2022, 0, CLASS_THROTTLE, false, "blocked" },
	{ 506, 0, CLASS_FINAL, false, "duplicate" },
	{ 613, 0, CLASS_THROTTLE, false, "limit" }, { 613, 1996, CLASS_THROTTLE, false, "limit" },
	{ 613, 2018338, CLASS_THROTTLE, false, "limit_tag" }, { 613, 1893016, CLASS_THROTTLE, false, "limit" },
	{ 613, 2534040, CLASS_THROTTLE, false, "limit_thread" },
	{ 803, 0, CLASS_FINAL, false, "request" }, { 2500, 0, CLASS_FINAL, false, "request" },
	{ 1200, 0, CLASS_RETRY, false, "trouble" }, { 2018034, 0, CLASS_FINAL, false, "request" },
	{ 2018144, 0, CLASS_FINAL, false, "content" }, { 2018234, 0, CLASS_FINAL, false, "content" },
	{ 2018321, 0, CLASS_FINAL, false, "lead_flow" },
	{ 80001, 0, CLASS_THROTTLE, false, "limit" }, { 80002, 0, CLASS_THROTTLE, false, "limit" },
	{ 80006, 0, CLASS_THROTTLE, false, "limit" },
	{ 9000001, 0, CLASS_FINAL, false, "gone" }, { 36103, 0, CLASS_FINAL, false, "media_type" }
};

static void
is_row(const struct code_row *r, enum code_class c, const char *key, const char *what)
{
	bool pass = r != NULL && r->class_ == c && strcmp(r->key, key) == 0;

	ok(pass, "%s", what);
	if (!pass && r != NULL)
		diag("got class %d, %s", (int)r->class_, r->key);
}

int
main(void)
{
	const struct code_row *rows, *r;
	size_t i, k, n;
	const char *p;
	bool good;

	for (i = 0; i < sizeof(fb) / sizeof(fb[0]); i++) {
		r = code_find(FB, fb[i].code, fb[i].sub, 400);
		ok(r->code == fb[i].code && r->subcode == fb[i].sub && r->class_ == fb[i].c &&
		    r->send_unknown == fb[i].unknown && strncmp(r->key, "error.fb.", 9) == 0 &&
		    strcmp(r->key + 9, fb[i].key) == 0, "facebook %d/%d", fb[i].code, fb[i].sub);
	}
	rows = code_rows(&n);
	ok(n > 100, "%zu rows", n);
	for (i = 0; i < n; i++) {
		good = strncmp(rows[i].key, rows[i].service == FB ? "error.fb." : "error.pd.", 9) == 0;
		for (p = rows[i].key + 9; *p != '\0'; p++)
			good = good && (islower((unsigned char)*p) || *p == '_');
		for (k = 0; k < i; k++)
			good = good && !(rows[k].service == rows[i].service &&
			    rows[k].code == rows[i].code && rows[k].subcode == rows[i].subcode);
		/* Pages know the sentence only: it must say who and what. */
		r = code_by_key(rows[i].key);
		good = good && r != NULL && r->who == rows[i].who && r->help == rows[i].help;
		/* What may have gone out is never final, and only dead tokens ask to reconnect as such. */
		good = good && (!rows[i].send_unknown || rows[i].class_ == CLASS_RETRY);
		good = good && (rows[i].class_ != CLASS_TOKEN || rows[i].help == HELP_RECONNECT);
		if (!good)
			diag("row %d/%d %s", rows[i].code, rows[i].subcode, rows[i].key);
		ok(good, "row %zu is well formed, unique and consistent", i);
	}

	ok(code_by_key("error.fb.nothing") == NULL && code_by_key(NULL) == NULL, "no row says that");
	is_row(code_find(FB, 190, 4711, 400), CLASS_TOKEN, "error.fb.token", "unknown subcode: the code");
	is_row(code_find(FB, 10, 99, 403), CLASS_CONFIG, "error.fb.permission", "unknown small subcode");
	is_row(code_find(FB, 200, 2018108, 400), CLASS_FINAL, "error.fb.person", "a subcode that moved to another code");
	is_row(code_find(FB, 100, 2018300, 400), CLASS_FINAL, "error.fb.other_app", "another one");
	is_row(code_find(FB, 100, 2018144, 400), CLASS_FINAL, "error.fb.content", "a code seen as subcode");
	is_row(code_find(FB, 77777, 2018278, 400), CLASS_FINAL, "error.fb.window", "known subcode, unknown code");
	is_row(code_find(FB, 100, 1999999, 400), CLASS_FINAL, "error.fb.request", "unknown subcode of 100");
	is_row(code_find(FB, 613, 458, 400), CLASS_THROTTLE, "error.fb.limit", "small subcodes stay with their code");
	is_row(code_find(FB, 299, 0, 403), CLASS_CONFIG, "error.fb.permission", "200..299 are permissions");
	is_row(code_find(FB, 80014, 0, 400), CLASS_THROTTLE, "error.fb.limit", "all of 800xx");
	is_row(code_find(FB, 4711, 0, 400), CLASS_FINAL, "error.fb.request", "unknown code, 400");
	is_row(code_find(FB, 4711, 0, 418), CLASS_FINAL, "error.fb.request", "unknown code, 418");
	is_row(code_find(FB, 4711, 0, 503), CLASS_RETRY, "error.fb.trouble", "unknown code, 503");
	ok(code_find(FB, 4711, 0, 503)->send_unknown, "5xx: may have gone out");
	is_row(code_find(FB, 0, 0, 401), CLASS_TOKEN, "error.fb.token", "401 alone");
	is_row(code_find(FB, 0, 0, 402), CLASS_CONFIG, "error.fb.permission", "402 alone");
	is_row(code_find(FB, 0, 0, 403), CLASS_CONFIG, "error.fb.permission", "403 alone");
	is_row(code_find(FB, 0, 0, 404), CLASS_FINAL, "error.fb.gone", "404 alone");
	is_row(code_find(FB, 0, 0, 429), CLASS_THROTTLE, "error.fb.limit", "429 alone");
	is_row(code_find(FB, 0, 0, 0), CLASS_RETRY, "error.fb.away", "no answer");
	is_row(code_find(FB, 0, 0, 200), CLASS_FINAL, "error.fb.request", "an odd 200");
	is_row(code_find(FB, CODE_TRANSIENT, 0, 400), CLASS_RETRY, "error.fb.trouble", "transient");
	is_row(code_find(FB, CODE_MEDIA_GONE, 0, 403), CLASS_FINAL, "error.fb.media_gone", "a file that is gone");

	is_row(code_find(PD, PD_CODE_GRANT, 0, 400), CLASS_FINAL, "error.pd.login_again", "code used or old");
	is_row(code_find(PD, PD_CODE_REFRESH, 0, 400), CLASS_TOKEN, "error.pd.token", "refresh token dead");
	is_row(code_find(PD, PD_CODE_CLIENT, 0, 400), CLASS_CONFIG, "error.pd.client", "client refused");
	is_row(code_find(PD, PD_CODE_REDIRECT, 0, 400), CLASS_CONFIG, "error.pd.redirect", "callback address");
	is_row(code_find(PD, PD_CODE_EDGE, 0, 403), CLASS_THROTTLE, "error.pd.edge", "blocked at the edge");
	is_row(code_find(PD, PD_CODE_SCOPE, 0, 403), CLASS_CONFIG, "error.pd.scope", "scope");
	is_row(code_find(PD, 0, 0, 400), CLASS_FINAL, "error.pd.request", "400");
	is_row(code_find(PD, 0, 0, 401), CLASS_TOKEN, "error.pd.token", "401");
	is_row(code_find(PD, 0, 0, 402), CLASS_CONFIG, "error.pd.unpaid", "402");
	is_row(code_find(PD, 0, 0, 403), CLASS_CONFIG, "error.pd.permission", "403");
	is_row(code_find(PD, 0, 0, 404), CLASS_FINAL, "error.pd.gone", "404");
	is_row(code_find(PD, 0, 0, 410), CLASS_CONFIG, "error.pd.retired", "410");
	is_row(code_find(PD, 0, 0, 409), CLASS_FINAL, "error.pd.request", "any other 4xx");
	is_row(code_find(PD, 0, 0, 429), CLASS_THROTTLE, "error.pd.limit", "429");
	is_row(code_find(PD, 0, 0, 502), CLASS_RETRY, "error.pd.trouble", "5xx");
	is_row(code_find(PD, 0, 0, 503), CLASS_RETRY, "error.pd.maintenance", "503");
	is_row(code_find(PD, 0, 0, 0), CLASS_RETRY, "error.pd.away", "no answer");
	is_row(code_find(PD, 190, 460, 400), CLASS_FINAL, "error.pd.request", "the services do not mix");
	return done_testing();
}
