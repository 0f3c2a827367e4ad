/* SPDX-License-Identifier: MIT */
/* dispatch.c - routes, needs, errors and what becomes of them. */
#include "web.h"

static const char *handled;	/* name of the handler that ran */
static char seen[512];		/* what it saw */
static const struct ib_err *(*fails)(void);

static const struct ib_err *
h_say(struct app *a, struct req *r)
{
	(void)a;
	handled = "say";
	snprintf(seen, sizeof(seen), "%s %s", r->route->pattern, r->path);
	return resp_text(r, 200, "text/plain", "said", 4);
}

static const struct ib_err *
h_ids(struct app *a, struct req *r)
{
	int64_t thread = 0, message = 0;
	bool t = req_id(r, "thread", &thread), m = req_id(r, "message", &message);

	(void)a;
	handled = "ids";
	snprintf(seen, sizeof(seen), "%s=%d:%lld %s=%d:%lld", req_segment(r, "thread"), t,
	    (long long)thread, req_segment(r, "message") != NULL ? req_segment(r, "message") : "-",
	    m, (long long)message);
	return resp_text(r, 200, "text/plain", seen, strlen(seen));
}

static const struct ib_err *
h_form(struct app *a, struct req *r)
{
	const char **all;
	size_t n = req_form_all(r, "page", &all);

	(void)a;
	handled = "form";
	snprintf(seen, sizeof(seen), "text=%s pages=%zu body=%zu", req_form(r, "text") != NULL ?
	    req_form(r, "text") : "-", n, r->body_len);
	return resp_text(r, 200, "text/plain", seen, strlen(seen));
}

static const struct ib_err *
h_raw(struct app *a, struct req *r)
{
	(void)a;
	handled = "raw";
	snprintf(seen, sizeof(seen), "%.*s", (int)r->body_len, r->body);
	return resp_text(r, 200, "text/plain", seen, strlen(seen));
}

static const struct ib_err *
h_who(struct app *a, struct req *r)
{
	(void)a;
	handled = "who";
	snprintf(seen, sizeof(seen), "%s %s", r->session != NULL ? r->session->user_name : "nobody",
	    lang_code(r->lang));
	return resp_text(r, 200, "text/plain", seen, strlen(seen));
}

/* Begins an answer, with everything that may hang on it, and then fails. */
static const struct ib_err *
h_fail(struct app *a, struct req *r)
{
	const struct ib_err *err;

	handled = "fail";
	resp_header(r, "X-Partial", "yes");
	resp_cookie(a, r, "partial", "1", 60);
	resp_then_work(r);
	if ((err = resp_text(r, 200, "text/plain", "partial", 7)) != NULL)
		return err;
	return fails();
}

static const struct ib_err *
h_silent(struct app *a, struct req *r)
{
	(void)a;
	(void)r;
	handled = "silent";
	return NULL;
}

/* Asks for more memory than a request may have, and does not look. */
static const struct ib_err *
h_greedy(struct app *a, struct req *r)
{
	handled = "greedy";
	(void)arena_alloc(r->a, ARENA_REQUEST_MAX + 1);
	return resp_page(a, r, 200, TPL_START, "greedy");
}

static const struct route table[] = {
	{ M_GET,		"/",				NEED_MAYBE,		   0,	 h_who,	   NULL },
	{ M_GET,		"/inbox",			NEED_NOTHING,		   0,	 h_say,	   NULL },
	{ M_GET,		"/inbox/new",			NEED_NOTHING,		   0,	 h_say,	   NULL },
	{ M_GET,		"/inbox/{thread}",		NEED_NOTHING,		   0,	 h_ids,	   NULL },
	{ M_POST,		"/inbox/{thread}/reply",	NEED_NOTHING,		   100,	 h_form,   NULL },
	{ M_GET,		"/inbox/{thread}/{message}",	NEED_NOTHING,		   0,	 h_ids,	   NULL },
	{ M_GET | M_POST,	"/hook",			NEED_RAW,		   100,	 h_raw,	   NULL },
	{ M_GET | M_DELETE,	"/callback",			NEED_RAW,		   100,	 h_raw,	   NULL },
	{ M_POST,		"/pages",			NEED_NOTHING,		   100,	 h_form,   "page" },
	{ M_GET,		"/private",			NEED_SESSION,		   0,	 h_who,	   NULL },
	{ M_POST,		"/private",			NEED_SESSION,		   100,	 h_form,   NULL },
	{ M_GET,		"/admin",			NEED_ADMIN,		   0,	 h_who,	   NULL },
	{ M_GET,		"/plain",			NEED_NOTHING,		   0,	 h_who,	   NULL },
	{ M_GET | M_POST,	"/safe",			NEED_CSRF,		   100,	 h_form,   NULL },
	{ M_GET,		"/fail",			NEED_NOTHING,		   0,	 h_fail,   NULL },
	{ M_POST,		"/fail",			NEED_NOTHING,		   100,	 h_fail,   NULL },
	{ M_GET,		"/pd/panel",			NEED_FRAME,		   0,	 h_who,	   NULL },
	{ M_GET,		"/pd/{pass}/panel",		NEED_PASS,		   0,	 h_who,	   NULL },
	{ M_POST,		"/pd/{pass}/reply",		NEED_PASS,		   100,	 h_form,   NULL },
	{ M_GET,		"/silent",			NEED_NOTHING,		   0,	 h_silent, NULL },
	{ M_GET,		"/greedy",			NEED_NOTHING,		   0,	 h_greedy, NULL },
};

static void
test_routes(void)
{
	get("/inbox", NULL);
	is_int(status(), 200, "a route");
	is_str(seen, "/inbox /inbox", "the right one");
	is_str(body(), "said", "its answer");
	get("/inbox/new", NULL);
	is_str(seen, "/inbox/new /inbox/new", "a word before a parameter");
	get("/inbox/5", NULL);
	is_str(body(), "5=1:5 -=0:0", "a parameter");
	get("/inbox/5/77", NULL);
	is_str(body(), "5=1:5 77=1:77", "two parameters");
	get("/inbox/x%20y", NULL);
	is_str(body(), "x y=0:0 -=0:0", "text as a parameter, decoded");
	get("/inbox/05", NULL);
	is_str(body(), "05=0:0 -=0:0", "a number in another spelling is none");
	get("/inbox/0", NULL);
	is_str(body(), "0=0:0 -=0:0", "zero is none");
	get("/inbox/-1", NULL);
	is_str(body(), "-1=0:0 -=0:0", "a negative one is none");
	get("/inbox/9223372036854775807", NULL);
	is_str(body(), "9223372036854775807=1:9223372036854775807 -=0:0", "the largest");
	get("/inbox/9223372036854775808", NULL);
	is_str(body(), "9223372036854775808=0:0 -=0:0", "larger");

	handled = NULL;
	get("/inbox/", NULL);
	is_int(status(), 404, "an empty segment is no parameter");
	get("/inbo", NULL);
	is_int(status(), 404, "shorter");
	get("/inboxes", NULL);
	is_int(status(), 404, "longer");
	get("/inbox/5/6/7", NULL);
	is_int(status(), 404, "more segments");
	ok(is_problem("problem.not_found", LANG_EN), "with its sentence");
	ok(handled == NULL, "no handler ran");
}

static void
test_methods(void)
{
	ask("POST", "/inbox", NULL, 0, NULL);
	is_int(status(), 405, "POST where there is GET");
	is_str(header("Allow"), "GET, HEAD", "says what there is");
	ok(is_problem("problem.method", LANG_EN), "with its sentence");
	get("/inbox/5/reply", NULL);
	is_int(status(), 200, "an overlapping pattern");
	ask("DELETE", "/hook", NULL, 0, NULL);
	is_str(header("Allow"), "GET, HEAD, POST", "two");
	ask("POST", "/callback", NULL, 0, NULL);
	is_str(header("Allow"), "GET, HEAD, DELETE", "DELETE");
	ask("PUT", "/private", "x", 1, NULL);
	is_int(status(), 405, "an unknown method");
	is_str(header("Allow"), "GET, HEAD, POST", "methods of two rows");
	ask("get", "/inbox", NULL, 0, NULL);
	is_int(status(), 405, "case counts");
	ask("PUT", "/none", NULL, 0, NULL);
	is_int(status(), 404, "an unknown method for nothing");
	ask("DELETE", "/callback", "{}", 2, "CONTENT_LENGTH=2", NULL);
	is_int(status(), 200, "DELETE");
	is_str(body(), "{}", "with a body");
	ask("HEAD", "/inbox", NULL, 0, NULL);
	is_int(status(), 200, "HEAD");
	is_str(header("Content-Length"), "4", "with the length");
	is_str(body(), "", "without the body");
	handled = NULL;
	ask("HEAD", "/pages", NULL, 0, NULL);
	is_int(status(), 405, "no HEAD without GET");
	is_str(body(), "", "and no body");
}

static void
test_sessions(void)
{
	session_finds = 0;
	get("/plain", "HTTP_COOKIE=__Host-session=agent", NULL);
	is_str(body(), "nobody en", "a route without need");
	is_int(session_finds, 0, "costs no look-up");
	get("/", NULL);
	is_str(body(), "nobody en", "maybe: nobody");
	is_int(session_finds, 0, "no cookie, no look-up");
	get("/", "HTTP_COOKIE=__Host-session=agent", NULL);
	is_str(body(), "Peeter ja", "maybe: somebody, in his language");
	is_int(session_finds, 1, "one look-up");
	get("/", "HTTP_COOKIE=__Host-session=forged", NULL);
	is_str(body(), "nobody en", "maybe: invalid");

	handled = NULL;
	get("/private", NULL);
	is_int(status(), 303, "signed out: on to the start page");
	is_str(header("Location"), "https://inbox.example/", "there");
	get("/private", "HTTP_SEC_FETCH_DEST=document", NULL);
	is_int(status(), 303, "a page");
	get("/private", "HTTP_SEC_FETCH_DEST=empty", NULL);
	is_int(status(), 401, "a script is told");
	ok(is_problem("problem.signed_out", LANG_EN), "with its sentence");
	get("/private", "HTTP_COOKIE=__Host-session=forged", NULL);
	is_int(status(), 303, "an invalid session");
	post("/private", "text=x", NULL);
	is_int(status(), 401, "a form is told");
	is_int(mem.body_at, 6, "its body was taken off the server's hands");
	get("/admin", NULL);
	is_int(status(), 303, "signed out: no admin page");
	get("/admin", "HTTP_COOKIE=__Host-session=agent", NULL);
	is_int(status(), 403, "no admin");
	ok(is_problem("problem.not_admin", LANG_JA), "with its sentence");
	ok(handled == NULL, "no handler ran");

	get("/private", "HTTP_COOKIE=__Host-session=agent", NULL);
	is_str(body(), "Peeter ja", "signed in");
	get("/admin", "HTTP_COOKIE=__Host-session=admin", NULL);
	is_str(body(), "Maria en", "admin");

	session_finds = 0;
	get("/none", "HTTP_COOKIE=__Host-session=agent", NULL);
	ok(is_problem("problem.not_found", LANG_JA), "problem pages know who reads them");
	is_int(session_finds, 1, "by one look-up");
}

static void
test_languages(void)
{
	get("/plain", "HTTP_ACCEPT_LANGUAGE=ja,en;q=0.5", NULL);
	is_str(body(), "nobody ja", "what the browser wants");
	get("/plain", "HTTP_ACCEPT_LANGUAGE=ja", "HTTP_COOKIE=__Host-lang=en", NULL);
	is_str(body(), "nobody en", "the cookie comes first");
	get("/plain", "HTTP_ACCEPT_LANGUAGE=ja", "HTTP_COOKIE=__Host-lang=xx", NULL);
	is_str(body(), "nobody ja", "an odd cookie is none");
	get("/", "HTTP_COOKIE=__Host-lang=en; __Host-session=agent", NULL);
	is_str(body(), "Peeter ja", "the person's own before the cookie");
	get("/none", "HTTP_ACCEPT_LANGUAGE=ja", NULL);
	ok(is_problem("problem.not_found", LANG_JA), "problems too");
	get("/%zz", "HTTP_ACCEPT_LANGUAGE=ja", NULL);
	ok(is_problem("problem.bad_request", LANG_JA), "even before there is a path");
}

/* The token and cookie of a problem page, as an "HTTP_COOKIE=" line and a form. */
static char cookie_line[256], form_text[256];

static void
take_token(const char *session)
{
	const char *set = header("Set-Cookie");

	if (session != NULL)
		snprintf(cookie_line, sizeof(cookie_line), "HTTP_COOKIE=__Host-session=%s", session);
	else
		snprintf(cookie_line, sizeof(cookie_line), "HTTP_COOKIE=%.*s",
		    set != NULL ? (int)strcspn(set, ";") : 0, set != NULL ? set : "");
	snprintf(form_text, sizeof(form_text), "text=x&csrf=%s", problem_part(4));
}

static void
test_csrf(void)
{
	const char *set;
	char stale[sizeof(form_text)], kept[sizeof(cookie_line)];

	get("/none", NULL);
	set = header("Set-Cookie");
	ok(set != NULL && strncmp(set, "__Host-visitor=", 15) == 0 && strcspn(set + 15, ";") == 43,
	    "a visitor gets a cookie");
	take_token(NULL);
	is_int(strlen(problem_part(4)), 43, "and a token");
	memcpy(stale, form_text, sizeof(stale));
	memcpy(kept, cookie_line, sizeof(kept));
	post("/safe", form_text, cookie_line, NULL);
	is_int(status(), 200, "the visitor's form is taken");
	is_str(body(), "text=x pages=0 body=55", "whole");
	get("/none", cookie_line, NULL);
	ok(header("Set-Cookie") == NULL, "the cookie is set once");
	ok(strcmp(problem_part(4), strstr(form_text, "csrf=") + 5) != 0, "no two pages have the same token");
	take_token(NULL);
	memcpy(cookie_line, kept, sizeof(kept));
	post("/safe", form_text, cookie_line, NULL);
	is_int(status(), 200, "each is taken");
	memcpy(form_text, stale, sizeof(stale));
	post("/safe", form_text, cookie_line, NULL);
	is_int(status(), 200, "the former as well");

	handled = NULL;
	post("/safe", "text=x", cookie_line, NULL);
	is_int(status(), 403, "no token");
	ok(is_problem("problem.csrf", LANG_EN), "with its sentence");
	post("/safe", form_text, NULL);
	is_int(status(), 403, "no cookie");
	post("/safe", form_text, "HTTP_COOKIE=__Host-visitor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", NULL);
	is_int(status(), 403, "another visitor's cookie");
	post("/safe", form_text, "HTTP_COOKIE=__Host-session=agent", NULL);
	is_int(status(), 403, "a visitor's token from somebody signed in");
	form_text[strlen(form_text) - 1] ^= 1;
	post("/safe", form_text, cookie_line, NULL);
	is_int(status(), 403, "a forged token");
	form_text[strlen(form_text) - 1] = '\0';
	post("/safe", form_text, cookie_line, NULL);
	is_int(status(), 403, "a cut token");
	ok(handled == NULL, "no handler ran");

	get("/none", "HTTP_COOKIE=__Host-session=agent", NULL);
	ok(header("Set-Cookie") == NULL, "no visitor's cookie for somebody signed in");
	take_token("agent");
	post("/safe", form_text, cookie_line, NULL);
	is_int(status(), 200, "the session's form is taken");
	post("/safe", form_text, "HTTP_COOKIE=__Host-session=admin", NULL);
	is_int(status(), 403, "another session's token");
	post("/safe", stale, cookie_line, NULL);
	is_int(status(), 403, "a token from before signing in");
	get("/safe", NULL);
	is_int(status(), 200, "GET needs none");
}

static void
test_origins(void)
{
	static const struct { const char *a, *b; int status; const char *what; } cases[] = {
		{ "X=1", "X=2", 200, "an old browser" },
		{ "HTTP_SEC_FETCH_SITE=same-origin", "HTTP_ORIGIN=https://inbox.example", 200, "a page of ours" },
		{ "HTTP_SEC_FETCH_SITE=none", "X=1", 200, "typed by the person" },
		{ "HTTP_ORIGIN=https://INBOX.example", "X=1", 200, "case of a host" },
		{ "HTTP_SEC_FETCH_SITE=cross-site", "X=1", 403, "another site" },
		{ "HTTP_SEC_FETCH_SITE=same-site", "HTTP_ORIGIN=https://inbox.example", 403, "a neighbour" },
		{ "HTTP_ORIGIN=https://evil.example", "X=1", 403, "another origin" },
		{ "HTTP_ORIGIN=https://inbox.example.evil.example", "X=1", 403, "a longer host" },
		{ "HTTP_ORIGIN=http://inbox.example", "X=1", 403, "another scheme" },
		{ "HTTP_ORIGIN=null", "X=1", 403, "no origin to name" },
		{ "HTTP_ORIGIN=https://evil.example", "HTTP_REFERER=https://inbox.example/", 403, "Origin counts first" },
		{ "HTTP_ORIGIN=https://inbox.example", "HTTP_REFERER=https://evil.example/", 200, "Origin counts alone" },
		{ "HTTP_REFERER=https://inbox.example/inbox/5?x=1", "X=1", 200, "Referer of ours" },
		{ "HTTP_REFERER=https://inbox.example", "X=1", 200, "Referer without a path" },
		{ "HTTP_REFERER=https://inbox.example.evil.example/", "X=1", 403, "Referer of a longer host" },
		{ "HTTP_REFERER=https://inbox.example@evil.example/", "X=1", 403, "Referer with a name" },
		{ "HTTP_REFERER=https://evil.example/https://inbox.example/", "X=1", 403, "Referer elsewhere" },
	};
	size_t i;

	get("/none", "HTTP_COOKIE=__Host-session=agent", NULL);
	take_token("agent");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		post("/safe", form_text, cookie_line, cases[i].a, cases[i].b, NULL);
		is_int(status(), cases[i].status, "origin: %s", cases[i].what);
	}
}

/* Errors ------------------------------------------------------------------------- */

static const struct ib_err *e_busy(void) { return ib_fail(IB_EBUSY, IB_RETRY_LATER, "busy"); }
static const struct ib_err *e_full(void) { return ib_fail(IB_EDB, IB_RETRY_LATER, "full"); }
static const struct ib_err *e_corrupt(void) { return ib_fail(IB_EDB, IB_RETRY_NEVER, "corrupt"); }
static const struct ib_err *e_limit(void) { return ib_fail(IB_ELIMIT, IB_RETRY_NEVER, "limit"); }
static const struct ib_err *e_parse(void) { return ib_fail(IB_EPARSE, IB_RETRY_NEVER, "parse"); }
static const struct ib_err *e_noent(void) { return ib_fail(IB_ENOENT, IB_RETRY_NEVER, "noent"); }
static const struct ib_err *e_auth(void) { return ib_fail(IB_EAUTH, IB_RETRY_NEVER, "auth"); }
static const struct ib_err *e_sys(void) { return ib_fail(IB_ESYS, IB_RETRY_NEVER, "sys"); }

/* In a frame cookies say nothing, and the pass of the path everything. */
static void
test_frames(void)
{
	static const char session[] = "HTTP_COOKIE=__Host-session=admin";
	static const struct { const char *a, *b; int status; const char *what; } cases[] = {
		{ "HTTP_ORIGIN=null", "HTTP_SEC_FETCH_SITE=same-origin", 200, "a page that sends no referrer" },
		{ "HTTP_ORIGIN=null", "X=1", 200, "the same in an old browser" },
		{ "HTTP_ORIGIN=https://inbox.example", "X=1", 200, "our origin" },
		{ "HTTP_ORIGIN=null", "HTTP_SEC_FETCH_SITE=cross-site", 403, "another site that hides" },
		{ "HTTP_ORIGIN=https://evil.example", "X=1", 403, "another site" },
	};
	const char *csp;
	size_t i;

	snprintf(app.frame_hosts, sizeof(app.frame_hosts), "https://*.example");
	get("/pd/panel", session, NULL);
	is_int(status(), 200, "a frame opens");
	ok(strstr(body(), "Maria") == NULL, "a session's cookie is not read there");
	csp = header("Content-Security-Policy");
	ok(csp != NULL && strstr(csp, "frame-ancestors https://*.example") != NULL, "it may be framed");
	is_str(header("Referrer-Policy"), "no-referrer", "and sends no referrer");
	get("/pd/good/panel", session, NULL);
	ok(status() == 200 && strstr(body(), "Anna") != NULL, "the pass says who asks");
	ok(header("Set-Cookie") == NULL, "no cookie is set");
	get("/pd/bad/panel", session, NULL);
	is_int(status(), 401, "another pass");
	ok(is_problem("problem.pass", LANG_EN), "its sentence");
	ok(header("Set-Cookie") == NULL, "nor a visitor's cookie for it");
	csp = header("Content-Security-Policy");
	ok(csp != NULL && strstr(csp, "frame-ancestors https://*.example") != NULL, "that is shown in the frame");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		post("/pd/good/reply", "text=x", cases[i].a, cases[i].b, NULL);
		is_int(status(), cases[i].status, "reply from %s", cases[i].what);
	}
	post("/pd/bad/reply", "text=x", "HTTP_ORIGIN=https://inbox.example", NULL);
	is_int(status(), 401, "a form without a pass");
	get("/inbox", NULL);
	csp = header("Content-Security-Policy");
	ok(csp != NULL && strstr(csp, "frame-ancestors 'none'") != NULL, "nothing else may be framed");
	get("/pd/good/nothing", NULL);
	csp = header("Content-Security-Policy");
	ok(csp != NULL && strstr(csp, "frame-ancestors 'none'") != NULL, "nor what is not there");
}

static void
test_errors(void)
{
	static const struct {
		const struct ib_err *(*fn)(void);
		int		 status;
		const char	*key;
	} cases[] = {
		{ e_busy, 503, "problem.busy" }, { e_full, 503, "problem.storage" },
		{ e_corrupt, 500, "problem.internal" }, { e_limit, 413, "problem.too_large" },
		{ e_parse, 400, "problem.bad_request" }, { e_noent, 404, "problem.not_found" },
		{ e_auth, 403, "problem.forbidden" }, { e_sys, 500, "problem.internal" },
	};
	char id[16];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fails = cases[i].fn;
		get("/fail", NULL);
		is_int(status(), cases[i].status, "error %s", cases[i].fn()->msg);
		ok(is_problem(cases[i].key, LANG_EN), "its sentence");
		ok(header("X-Partial") == NULL && strstr(buf_cstr(&mem.out), "partial") == NULL,
		    "nothing of the partial answer is left");
		ok((header("Retry-After") != NULL) == (cases[i].status == 503), "Retry-After on 503");
	}
	ok(wants_work, "the wish for work stays");
	snprintf(id, sizeof(id), "%s", problem_part(3));
	is_int(strlen(id), 8, "a request id");
	get("/fail", NULL);
	ok(strcmp(problem_part(3), id) != 0, "another for another request");

	get("/silent", NULL);
	is_int(status(), 500, "a handler without an answer");
	ok(is_problem("problem.internal", LANG_EN), "its sentence");
	get("/greedy", NULL);
	is_int(status(), 500, "a page that is not whole");
	ok(strstr(buf_cstr(&mem.out), "page greedy") == NULL, "is not shown");
	get("/inbox", NULL);
	is_int(status(), 200, "the next request has its memory");

	render_fails = true;
	get("/fail", NULL);
	is_int(status(), 500, "the problem page fails, too");
	is_str(header("Content-Type"), "text/plain; charset=utf-8", "plain text");
	ok(strncmp(body(), "The inbox cannot show this page; see the server's error log.\n", 61) == 0,
	    "the constant");
	get("/none", NULL);
	is_int(status(), 500, "also for a refusal");
	render_fails = false;

	session_fails = e_busy;
	session_finds = 0;
	get("/private", "HTTP_COOKIE=__Host-session=agent", NULL);
	is_int(status(), 503, "no look-up of the session");
	ok(is_problem("problem.busy", LANG_EN), "its sentence");
	is_int(session_finds, 1, "tried once");
	get("/none", "HTTP_COOKIE=__Host-session=agent", NULL);
	is_int(status(), 404, "a refusal stays one");
	session_fails = NULL;
}

static void
test_finish(void)
{
	get("/inbox", NULL);
	ok(mem.finished, "finished");
	is_int(mem.writes, 1, "one write");
	next_gone = true;
	get("/inbox", NULL);
	ok(mem.finished, "finished though nobody listens");
	fails = e_sys;
	next_gone = true;
	get("/fail", NULL);
	ok(mem.finished && mem.writes == 1, "no second answer after a failed write");
	get("/inbox", NULL);
	ok(!wants_work, "no work unasked");
}

/* Tables --------------------------------------------------------------------------- */

static void
test_tables(void)
{
	static const struct { struct route r; const char *what; } bad[] = {
		{ { M_GET, "inbox", 0, 0, h_say, NULL }, "no slash" },
		{ { M_GET, "/a//b", 0, 0, h_say, NULL }, "two slashes" },
		{ { M_GET, "/a{id}", 0, 0, h_say, NULL }, "half a segment" },
		{ { M_GET, "/{id}b", 0, 0, h_say, NULL }, "half a segment" },
		{ { M_GET, "/{id", 0, 0, h_say, NULL }, "no end" },
		{ { M_GET, "/{}", 0, 0, h_say, NULL }, "no name" },
		{ { M_GET, "/id}", 0, 0, h_say, NULL }, "no beginning" },
		{ { M_GET, "/{a}/{b}/{c}/{d}/{e}", 0, 0, h_say, NULL }, "too many parameters" },
		{ { 0, "/a", 0, 0, h_say, NULL }, "no method" },
		{ { M_HEAD, "/a", 0, 0, h_say, NULL }, "HEAD alone" },
		{ { M_POST | M_HEAD, "/a", 0, 0, h_say, NULL }, "HEAD without GET" },
		{ { 64, "/a", 0, 0, h_say, NULL }, "unknown method" },
		{ { M_GET, "/a", 0, 0, NULL, NULL }, "no handler" },
		{ { M_GET, "/a", NEED_CSRF, 0, h_say, NULL }, "token for GET alone" },
		{ { M_POST, "/a", NEED_CSRF, 0, h_say, NULL }, "token without a body" },
		{ { M_POST, "/a", NEED_CSRF | NEED_RAW, 9, h_say, NULL }, "token in a raw body" },
		{ { M_POST, "/a", NEED_RAW, 9, h_say, "page" }, "repeatable in a raw body" },
		{ { M_GET, "/pd/{pass}/a", 0, 0, h_say, NULL }, "a pass nobody asks for" },
		{ { M_GET, "/a/{pass}/a", NEED_PASS, 0, h_say, NULL }, "a pass that is elsewhere" },
		{ { M_POST, "/a", 0, (size_t)1 << 30, h_say, NULL }, "a huge body" },
	};
	static const struct route twice[] = {
		{ M_GET, "/a", 0, 0, h_say, NULL }, { M_POST | M_GET, "/a", 0, 9, h_say, NULL }
	};
	static const struct route once[] = {
		{ M_GET, "/a", 0, 0, h_say, NULL }, { M_POST, "/a", 0, 9, h_say, NULL }
	};
	const struct ib_err *err;
	struct web w;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err = web_init(&w, &app, &bad[i].r, 1);
		ok(err != NULL && err->code == IB_ECONF, "bad table: %s", bad[i].what);
		web_fini(&w);
	}
	ok(web_init(&w, &app, twice, 2) != NULL, "the same row twice");
	web_fini(&w);
	ok(web_init(&w, &app, once, 2) == NULL, "two rows of one path");
	web_fini(&w);
}

static void
test_base(void)
{
	static const struct { const char *url, *origin, *path; } good[] = {
		{ "https://inbox.example", "https://inbox.example", "" },
		{ "HTTPS://Inbox.Example/Mail", "https://inbox.example", "/Mail" },
		{ "https://inbox.example:443", "https://inbox.example", "" },
		{ "https://inbox.example:8443/a/b", "https://inbox.example:8443", "/a/b" },
		{ "http://127.0.0.1:8080", "http://127.0.0.1:8080", "" },
		{ "http://localhost:80", "http://localhost", "" },
		{ "http://[::1]:8080/x", "http://[::1]:8080", "/x" },
	};
	static const char *const bad[] = {
		"ftp://x", "inbox.example", "https://", "https:///x", "https://u@h", "https://h h",
		"https://h?x", "https://h#x", "https://h/", "https://h/a/", "https://h/a//b",
		"https://h/../x", "https://h/a%20b", "https://h/a?b", "https://h\\x"
	};
	struct app a;
	size_t i;

	memset(&a, 0, sizeof(a));
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (!ok(web_base(&a, good[i].url) == NULL, "%s", good[i].url))
			continue;
		is_str(a.origin, good[i].origin, "origin");
		is_str(a.base_path, good[i].path, "path");
		ok(a.https == (good[i].origin[4] == 's'), "scheme");
		web_base_free(&a);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(web_base(&a, bad[i]) != NULL, "refused: %s", bad[i]);
	web_base_free(&a);
}

/* Every sentence that this layer may need is in both catalogues. */
static void
test_sentences(void)
{
	static const char *const keys[] = {
		"problem.busy", "problem.storage", "problem.too_large", "problem.bad_request",
		"problem.not_found", "problem.forbidden", "problem.internal", "problem.method",
		"problem.signed_out", "problem.not_admin", "problem.csrf"
	};
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		ok(cat_find(app.cats, LANG_EN, keys[i]) != NULL &&
		    cat_find(app.cats, LANG_JA, keys[i]) != NULL, "%s", keys[i]);
}

int
main(void)
{
	if (!ok(web_start("https://inbox.example", table, sizeof(table) / sizeof(table[0])), "start"))
		return done_testing();
	test_routes();
	test_methods();
	test_sessions();
	test_languages();
	test_csrf();
	test_origins();
	test_frames();
	test_errors();
	test_finish();
	test_tables();
	test_base();
	test_sentences();
	web_end();
	return done_testing();
}
