/* SPDX-License-Identifier: MIT */
/* req.c - reading requests, building answers. */
#include "web.h"

#include <fcntl.h>

static char seen[16384];
static const char *(*look)(struct req *r);	/* what the next handler reports */
static const struct ib_err *(*answer)(struct app *a, struct req *r);

static const struct ib_err *
h_look(struct app *a, struct req *r)
{
	const char *s;

	if (answer != NULL)
		return answer(a, r);
	s = look != NULL ? look(r) : r->body != NULL ? r->body : "-";
	snprintf(seen, sizeof(seen), "%s", s != NULL ? s : "(null)");
	return resp_text(r, 200, "text/plain", seen, strlen(seen));
}

static const struct route table[] = {
	{ M_GET,	"/look",	NEED_NOTHING,	0,	h_look, NULL },
	{ M_GET,	"/",		NEED_NOTHING,	0,	h_look, NULL },
	{ M_GET,	"/a/{word}",	NEED_NOTHING,	0,	h_look, NULL },
	{ M_POST,	"/form",	NEED_NOTHING,	64,	h_look, "page" },
	{ M_POST,	"/raw",		NEED_RAW,	64,	h_look, NULL },
	{ M_POST,	"/big",		NEED_RAW,	BODY_MAX, h_look, NULL },
};

/* The same worker under another address. */
static void
web_move(const char *base_url)
{
	web_base_free(&app);
	if (web_base(&app, base_url) != NULL)
		abort();
}

/* The head ----------------------------------------------------------------------- */

static const char *look_path(struct req *r) { return r->path; }
static const char *look_here(struct req *r) { return r->here; }
static const char *look_word(struct req *r) { return req_segment(r, "word"); }
static const char *look_q(struct req *r) { return req_query(r, "q"); }
static const char *look_other(struct req *r) { return req_segment(r, "none"); }

static void
test_paths(void)
{
	look = look_path;
	get("/look", NULL);
	is_str(body(), "/look", "path");
	get("/look?x=1", NULL);
	is_str(body(), "/look", "without its query");
	get("/%6Cook", NULL);
	is_str(body(), "/look", "decoded");
	get("https://inbox.example/look", NULL);
	is_str(body(), "/look", "absolute form");
	get("http://other.example:80/look?x", NULL);
	is_str(body(), "/look", "absolute form of another name");
	get("/?x", NULL);
	is_str(body(), "/", "root");
	look = look_word;
	get("/a/%E9%9D%92", NULL);
	is_str(body(), "青", "a word");
	look = look_other;
	get("/a/b", NULL);
	is_str(body(), "(null)", "no such segment");

	get("/a%2Fb", NULL);
	is_int(status(), 404, "escaped slash");
	get("/a%00", NULL);
	is_int(status(), 400, "NUL");
	get("/a/%ff", NULL);
	is_int(status(), 400, "no UTF-8");
	get("//look", NULL);
	is_int(status(), 400, "two slashes");
	get("/a/../look", NULL);
	is_int(status(), 400, "dots");
	get("/look#x", NULL);
	is_int(status(), 400, "fragment");
	get("look", NULL);
	is_int(status(), 400, "no slash");
	get("https://inbox.example", NULL);
	is_int(status(), 400, "no path at all");
	get("*", NULL);
	is_int(status(), 400, "asterisk");
	get(NULL, NULL);
	is_int(status(), 400, "no REQUEST_URI");
	ok(is_problem("problem.bad_request", LANG_EN), "with its sentence");
}

static void
test_base_path(void)
{
	web_move("https://inbox.example/sub/box");
	look = look_path;
	get("/sub/box/look", NULL);
	is_str(body(), "/look", "below the base");
	get("/sub/%62ox/look", NULL);
	is_str(body(), "/look", "in another spelling");
	get("/sub/box", NULL);
	is_str(body(), "/", "the base itself");
	get("/sub/box/", NULL);
	is_str(body(), "/", "with a slash");
	get("/sub/boxlook", NULL);
	is_int(status(), 404, "beside it");
	get("/look", NULL);
	is_int(status(), 404, "above it");
	look = look_here;
	get("/sub/box/look?q=1", NULL);
	is_str(body(), "/look?q=1", "here");
	web_move("https://inbox.example");
	get("/look?q=%E9+x", NULL);
	is_int(status(), 400, "a query without UTF-8");
	get("/look?q=a%20b", NULL);
	is_str(body(), "/look?q=a%20b", "here, as it came");
	get("/look?q=\xe9\x9d\x92", NULL);
	is_str(body(), "/", "here: not what a browser would not send");
	post("/form", "a=1", NULL);
	is_str(body(), "/", "here: only what can be followed");
}

static void
test_query(void)
{
	char uri[QUERY_MAX + 64], header_line[HEADER_MAX + 64];

	look = look_q;
	get("/look?q=a+b&x=1", NULL);
	is_str(body(), "a b", "query");
	get("/look?x=1", NULL);
	is_str(body(), "(null)", "absent");
	get("/look?", NULL);
	is_str(body(), "(null)", "empty");
	get("/look?q=1&q=2", NULL);
	is_int(status(), 400, "repeated");
	get("/look?q=%", NULL);
	is_int(status(), 400, "malformed");
	get("/look?q=what?", NULL);
	is_str(body(), "what?", "a question mark inside");

	snprintf(uri, sizeof(uri), "/look?q=%0*d", (int)QUERY_MAX - 2, 0);
	get(uri, NULL);
	is_int(status(), 200, "4 KiB of query");
	snprintf(uri, sizeof(uri), "/look?q=%0*d", (int)QUERY_MAX - 1, 0);
	get(uri, NULL);
	is_int(status(), 414, "more");
	ok(is_problem("problem.too_large", LANG_EN), "with its sentence");
	snprintf(header_line, sizeof(header_line), "/%0*d", (int)URI_MAX, 0);
	get(header_line, NULL);
	is_int(status(), 414, "a path of 8 KiB");
	snprintf(header_line, sizeof(header_line), "HTTP_COOKIE=%0*d", (int)HEADER_MAX, 0);
	get("/look", header_line, NULL);
	is_int(status(), 431, "a header of more than 8 KiB");
	snprintf(header_line, sizeof(header_line), "HTTP_X=%0*d", 8000, 0);
	get("/look", header_line, NULL);
	is_int(status(), 200, "a header of less");
}

static const char *look_cookie(struct req *r) { return req_cookie(r, "session"); }
static const char *look_header(struct req *r) { return req_header(r, "HTTP_X_HUB"); }
static const char *look_long(struct req *r)
{
	char name[200];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	return req_cookie(r, name);
}

static void
test_cookies(void)
{
	look = look_cookie;
	get("/look", "HTTP_COOKIE=__Host-session=abc; x=1", NULL);
	is_str(body(), "abc", "with the prefix");
	get("/look", "HTTP_COOKIE=session=abc", NULL);
	is_str(body(), "(null)", "without it: planted");
	get("/look", "HTTP_COOKIE=session=evil; __Host-session=abc", NULL);
	is_str(body(), "abc", "planted beside it");
	get("/look", "HTTP_COOKIE=__Host-session=abc; __Host-session=def", NULL);
	is_str(body(), "(null)", "twice");
	get("/look", NULL);
	is_str(body(), "(null)", "none");
	look = look_long;
	get("/look", "HTTP_COOKIE=a=b", NULL);
	is_str(body(), "(null)", "a name too long to be one");
	web_move("http://127.0.0.1:8080");
	look = look_cookie;
	get("/look", "HTTP_COOKIE=session=abc", NULL);
	is_str(body(), "abc", "loopback: the plain name");
	web_move("https://inbox.example");
	look = look_header;
	get("/look", "HTTP_X_HUB=sha256=x", NULL);
	is_str(body(), "sha256=x", "a header");
	get("/look", "HTTP_X_HUB_SIGNATURE=1", NULL);
	is_str(body(), "(null)", "not a longer one");
}

static const char *look_etag(struct req *r) { return req_has_etag(r, "\"r7\"") ? "same" : "other"; }

static void
test_etags(void)
{
	static const struct { const char *line, *want; } cases[] = {
		{ "HTTP_IF_NONE_MATCH=\"r7\"", "same" },
		{ "HTTP_IF_NONE_MATCH=W/\"r7\"", "same" },
		{ "HTTP_IF_NONE_MATCH=\"r6\", \"r7\"", "same" },
		{ "HTTP_IF_NONE_MATCH=\"r7-gzip\"", "same" },
		{ "HTTP_IF_NONE_MATCH=\"r7-zstd\"", "same" },
		{ "HTTP_IF_NONE_MATCH=\"r77\"", "other" },
		{ "HTTP_IF_NONE_MATCH=\"r\"", "other" },
		{ "HTTP_IF_NONE_MATCH=r7", "other" },
		{ "HTTP_IF_NONE_MATCH=\"r7", "other" },
		{ "HTTP_IF_NONE_MATCH=*", "other" },
		{ "X=1", "other" },
	};
	size_t i;

	look = look_etag;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		get("/look", cases[i].line, NULL);
		is_str(body(), cases[i].want, "%s", cases[i].line);
	}
}

/* The body ------------------------------------------------------------------------ */

static const char *look_text(struct req *r) { return req_form(r, "text"); }

static void
test_bodies(void)
{
	static const char type[] = "CONTENT_TYPE=application/x-www-form-urlencoded";
	char big[80];

	look = NULL;
	ask("POST", "/raw", "a\0b", 3, "CONTENT_LENGTH=3", NULL);
	is_int(mem.out.len > 3 && memcmp(mem.out.p + mem.out.len - 1, "a", 1) == 0, 1, "raw bytes");
	ask("POST", "/raw", "abc", 3, NULL);
	is_str(body(), "abc", "without a length");
	ask("POST", "/raw", "abc", 3, "CONTENT_LENGTH=", NULL);
	is_str(body(), "abc", "with an empty one");
	ask("POST", "/raw", NULL, 0, NULL);
	is_str(body(), "", "no body: empty, not absent");
	next_chunk = 1;
	ask("POST", "/raw", "abc", 3, "CONTENT_LENGTH=3", NULL);
	is_str(body(), "abc", "byte by byte");
	ask("POST", "/raw", "abcdef", 6, "CONTENT_LENGTH=3", NULL);
	is_str(body(), "abc", "not beyond the length");
	is_int(mem.body_at, 3, "not even read");
	ask("POST", "/raw", "abc", 3, "CONTENT_LENGTH=4", NULL);
	is_int(status(), 400, "too short");
	ask("POST", "/raw", "abc", 3, "CONTENT_LENGTH=-1", NULL);
	is_int(status(), 400, "negative length");
	ask("POST", "/raw", "abc", 3, "CONTENT_LENGTH=3x", NULL);
	is_int(status(), 400, "no number");
	next_broken = true;
	ask("POST", "/raw", "abc", 3, NULL);
	is_int(status(), 400, "broken off");

	memset(big, 'x', sizeof(big));
	ask("POST", "/raw", big, 64, "CONTENT_LENGTH=64", NULL);
	is_int(status(), 200, "the cap");
	ask("POST", "/raw", big, 64, NULL);
	is_int(status(), 200, "the cap, no length");
	ask("POST", "/raw", big, 65, "CONTENT_LENGTH=65", NULL);
	is_int(status(), 413, "over the cap");
	ok(is_problem("problem.too_large", LANG_EN), "with its sentence");
	is_int(mem.body_at, 65, "taken off the server's hands");
	ask("POST", "/raw", big, 65, NULL);
	is_int(status(), 413, "over the cap, no length");
	ask("POST", "/raw", big, 80, "CONTENT_LENGTH=99999999999999", NULL);
	is_int(status(), 413, "a lie about the length");

	look = look_text;
	post("/form", "text=a+b&page=1&page=2", NULL);
	is_str(body(), "a b", "a form");
	ask("POST", "/form", "text=x", 6,
	    "CONTENT_TYPE=Application/X-WWW-Form-Urlencoded; charset=UTF-8", NULL);
	is_str(body(), "x", "its type with a parameter");
	ask("POST", "/form", "text=x", 6, "CONTENT_TYPE=application/json", NULL);
	is_int(status(), 415, "another type");
	ask("POST", "/form", "text=x", 6, "CONTENT_TYPE=multipart/form-data; boundary=x", NULL);
	is_int(status(), 415, "multipart");
	ask("POST", "/form", "text=x", 6, "CONTENT_TYPE=application/x-www-form-urlencodedX", NULL);
	is_int(status(), 415, "nearly");
	ask("POST", "/form", "text=x", 6, NULL);
	is_int(status(), 415, "no type");
	ask("POST", "/form", NULL, 0, NULL);
	is_str(body(), "(null)", "an empty form needs none");
	post("/form", "text=1&text=2", NULL);
	is_int(status(), 400, "repeated");
	ask("POST", "/form?text=query", "a=1", 3, type, NULL);
	is_str(body(), "(null)", "query and form are apart");
	look = look_q;
	ask("POST", "/form?q=query", "q=form", 6, type, NULL);
	is_str(body(), "query", "both ways");
	look = NULL;
	get("/look", "CONTENT_LENGTH=3", NULL);
	is_int(status(), 200, "a GET with a body");
	ask("GET", "/look", "abc", 3, "CONTENT_LENGTH=3", NULL);
	is_str(body(), "-", "which is left alone");
	is_int(mem.body_at, 0, "unread");
}

static void
test_big_body(void)
{
	size_t n = BODY_MAX + 1;
	char *big = calloc(1, n);

	if (!ok(big != NULL, "memory"))
		return;
	look = NULL;
	ask("POST", "/big", big, n - 1, NULL);
	is_int(status(), 200, "the largest body of all");
	ok(web.in.cap <= KEEP_MAX, "its memory is not kept");
	ask("POST", "/big", big, n, NULL);
	is_int(status(), 413, "one byte more");
	ask("POST", "/raw", big, n, NULL);
	ok(mem.body_at <= DRAIN_MAX + 4096 + 65, "no more is thrown away than is decent");
	free(big);
}

/* Answers -------------------------------------------------------------------------- */

static const struct ib_err *
a_page(struct app *a, struct req *r)
{
	return resp_page(a, r, 200, TPL_START, "start");
}

static const struct ib_err *
a_text(struct app *a, struct req *r)
{
	(void)a;
	return resp_text(r, 200, "application/json", "{}", 2);
}

static const struct ib_err *
a_built(struct app *a, struct req *r)
{
	(void)a;
	buf_puts(resp_buf(r), "built");
	return resp_text(r, 202, "text/plain", NULL, 0);
}

static const struct ib_err *
a_etag(struct app *a, struct req *r)
{
	resp_header(r, "ETag", "\"r7\"");
	return a_text(a, r);
}

static const struct ib_err *
a_cache(struct app *a, struct req *r)
{
	resp_header(r, "cache-control", "public, max-age=60");
	resp_header(r, "Cache-Control", "public, max-age=61");
	resp_header(r, "Content-Security-Policy", "sandbox");
	return a_text(a, r);
}

static const struct ib_err *
a_304(struct app *a, struct req *r)
{
	(void)a;
	return resp_not_modified(r, "\"r7\"");
}

static void
test_headers(void)
{
	static const char *const on_all[] = {
		"X-Content-Type-Options", "Referrer-Policy", "Permissions-Policy",
		"Cross-Origin-Opener-Policy", "Strict-Transport-Security"
	};
	size_t i;

	answer = a_page;
	get("/look", NULL);
	is_str(body(), "page start", "a page");
	for (i = 0; i < sizeof(on_all) / sizeof(on_all[0]); i++)
		ok(header(on_all[i]) != NULL, "%s", on_all[i]);
	is_str(header("Content-Security-Policy"), "default-src 'none'; style-src 'self'; "
	    "script-src 'self'; img-src 'self' data:; media-src 'self'; connect-src 'self'; "
	    "font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
	    "frame-ancestors 'none'", "the policy");
	is_str(header("X-Content-Type-Options"), "nosniff", "no guessing");
	is_str(header("Referrer-Policy"), "same-origin", "nothing leaks");
	is_str(header("Cache-Control"), "no-store", "not stored");
	is_str(header("Content-Type"), "text/html; charset=utf-8", "type");
	is_str(header("Content-Language"), "en", "language");
	is_str(header("Content-Length"), "10", "length");
	ok(strncmp(mem.out.p, "Status: 200 OK\r\n", 16) == 0, "the status comes first");
	get("/none", NULL);
	for (i = 0; i < sizeof(on_all) / sizeof(on_all[0]); i++)
		ok(header(on_all[i]) != NULL, "%s on problems", on_all[i]);
	web_move("http://127.0.0.1:8080");
	get("/look", NULL);
	ok(header("Strict-Transport-Security") == NULL, "no HSTS on http");
	web_move("https://inbox.example");

	answer = a_text;
	get("/look", NULL);
	is_str(header("Content-Type"), "application/json", "text");
	ok(header("Content-Language") == NULL, "no language");
	is_str(header("Cache-Control"), "no-store", "not stored");
	answer = a_built;
	get("/look", NULL);
	is_str(body(), "built", "built in place");
	is_int(status(), 202, "status");
	answer = a_etag;
	get("/look", NULL);
	is_str(header("Cache-Control"), "private, no-cache", "asked for each time");
	is_str(header("ETag"), "\"r7\"", "the tag");
	answer = a_cache;
	get("/look", NULL);
	is_str(header("Cache-Control"), "public, max-age=61", "the handler's word, the last");
	ok(strstr(mem.out.p, "max-age=60") == NULL && strstr(mem.out.p, "no-store") == NULL, "alone");
	is_str(header("Content-Security-Policy"), "sandbox", "its policy");
	answer = a_304;
	get("/look", NULL);
	is_int(status(), 304, "not modified");
	is_str(header("ETag"), "\"r7\"", "the tag");
	ok(header("Content-Length") == NULL && header("Content-Type") == NULL, "no body to describe");
	is_str(body(), "", "no body");
	answer = NULL;
}

static const struct ib_err *
a_cookies(struct app *a, struct req *r)
{
	resp_cookie(a, r, "session", "old", 60);
	resp_cookie(a, r, "session", "abc", 1209600);
	resp_cookie(a, r, "st_x", "", 0);
	resp_cookie(a, r, "visitor", "v", -1);
	return a_text(a, r);
}

static const struct ib_err *
a_split_header(struct app *a, struct req *r)
{
	resp_header(r, "X-A", "b\r\nSet-Cookie: session=evil");
	return a_text(a, r);
}

static const struct ib_err *
a_split_name(struct app *a, struct req *r)
{
	resp_header(r, "X-A: b\r\nSet-Cookie", "session=evil");
	return a_text(a, r);
}

static const struct ib_err *
a_split_cookie(struct app *a, struct req *r)
{
	resp_cookie(a, r, "a", "b; Domain=evil", 60);
	return a_text(a, r);
}

static const struct ib_err *
a_many(struct app *a, struct req *r)
{
	int i;

	for (i = 0; i < 100; i++)
		resp_header(r, arena_printf(r->a, "X-%d", i), "1");
	return a_text(a, r);
}

static void
test_set_cookies(void)
{
	static const struct ib_err *(*const bad[])(struct app *, struct req *) = {
		a_split_header, a_split_name, a_split_cookie, a_many
	};
	size_t i;

	answer = a_cookies;
	get("/look", NULL);
	ok(strstr(mem.out.p, "\r\nSet-Cookie: __Host-session=abc; Path=/; Max-Age=1209600; "
	    "HttpOnly; SameSite=Lax; Secure\r\n") != NULL, "a cookie");
	ok(strstr(mem.out.p, "old") == NULL, "the same again replaces it");
	ok(strstr(mem.out.p, "\r\nSet-Cookie: __Host-st_x=; Path=/; Max-Age=0; ") != NULL, "deleted");
	ok(strstr(mem.out.p, "\r\nSet-Cookie: __Host-visitor=v; Path=/; HttpOnly; SameSite=Lax; "
	    "Secure\r\n") != NULL, "until the browser ends");
	web_move("http://127.0.0.1:8080/sub");
	get("/sub/look", NULL);
	ok(strstr(mem.out.p, "\r\nSet-Cookie: session=abc; Path=/; Max-Age=1209600; "
	    "HttpOnly; SameSite=Lax\r\n") != NULL, "on loopback");
	web_move("https://inbox.example");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		answer = bad[i];
		get("/look", NULL);
		is_int(status(), 500, "what no header may have: %zu", i);
		ok(strstr(mem.out.p, "evil") == NULL, "is not in the answer");
	}
	answer = NULL;
}

static const char *way;

static const struct ib_err *a_see(struct app *a, struct req *r) { return resp_see_other(a, r, "%s", way); }
static const struct ib_err *a_away(struct app *a, struct req *r) { (void)a; return resp_redirect_away(r, way); }

static const struct ib_err *
a_changed_mind(struct app *a, struct req *r)
{
	const struct ib_err *err = resp_see_other(a, r, "/inbox/%d", 5);

	return err != NULL ? err : resp_problem_way(a, r, 409, "problem.gone", "/x", "problem.csrf");
}

static const char *look_href(struct req *r) { return req_href(&app, r, "/inbox/%d", 5); }

static void
test_redirects(void)
{
	answer = a_see;
	way = "/inbox/5?x=1";
	get("/look", NULL);
	is_int(status(), 303, "see other");
	is_str(header("Location"), "https://inbox.example/inbox/5?x=1", "there");
	is_str(header("Content-Length"), "0", "empty");
	ok(header("Content-Type") == NULL, "of no type");
	way = "//evil.example/";
	get("/look", NULL);
	is_str(header("Location"), "https://inbox.example//evil.example/", "never elsewhere");
	way = ".evil.example/";
	get("/look", NULL);
	is_int(status(), 500, "no path, no redirect");
	way = "/a\r\nX: y\xc3\xa9 \"<>";
	get("/look", NULL);
	is_str(header("Location"), "https://inbox.example/a%0D%0AX:%20y%C3%A9%20%22%3C%3E", "escaped");
	web_move("https://inbox.example/sub");
	way = "/inbox";
	get("/sub/look", NULL);
	is_str(header("Location"), "https://inbox.example/sub/inbox", "below the base");
	answer = NULL;
	look = look_href;
	get("/sub/look", NULL);
	is_str(body(), "/sub/inbox/5", "an address below the base");
	web_move("https://inbox.example");
	get("/look", NULL);
	is_str(body(), "/inbox/5", "an address");

	answer = a_away;
	way = "https://oauth.example/authorize?a=b&c=%20d";
	get("/look", NULL);
	is_int(status(), 302, "away");
	is_str(header("Location"), way, "there, as it is");
	way = "javascript:alert(1)";
	get("/look", NULL);
	is_int(status(), 500, "not anywhere");
	answer = a_changed_mind;
	get("/look", NULL);
	is_int(status(), 409, "a later answer");
	ok(header("Location") == NULL, "replaces all of an earlier one");
	is_str(problem_part(1), "/x", "the way on");
	is_str(problem_part(2), cat_find(app.cats, LANG_EN, "problem.csrf"), "and its label");
	answer = NULL;
}

/* Files ----------------------------------------------------------------------------- */

static char file_name[] = "/tmp/ib-req-XXXXXX";
static int file_fd;			/* of the last answer */
static int64_t file_says;		/* size told to resp_file */
static const char *file_download;

static const struct ib_err *
a_file(struct app *a, struct req *r)
{
	(void)a;
	file_fd = open(file_name, O_RDONLY | O_CLOEXEC);
	return resp_file(r, file_fd, file_says, "image/png", file_download, 3600);
}

static const struct ib_err *
a_file_then_fail(struct app *a, struct req *r)
{
	const struct ib_err *err = a_file(a, r);

	return err != NULL ? err : ib_fail(IB_ESYS, IB_RETRY_NEVER, "after all");
}

static bool
file_closed(void)
{
	return fcntl(file_fd, F_GETFD) < 0;
}

static void
test_ranges(void)
{
	static const struct { const char *range, *says, *body; int status; } cases[] = {
		{ "bytes=0-3", "bytes 0-3/10", "0123", 206 },
		{ "bytes=4-", "bytes 4-9/10", "456789", 206 },
		{ "bytes=8-99", "bytes 8-9/10", "89", 206 },
		{ "bytes=-3", "bytes 7-9/10", "789", 206 },
		{ "bytes=-30", "bytes 0-9/10", "0123456789", 206 },
		{ "bytes=10-", "bytes */10", "", 416 },
		{ "bytes=-0", "bytes */10", "", 416 },
		{ "bytes=3-1", NULL, "0123456789", 200 },
		{ "bytes=0-1,4-5", NULL, "0123456789", 200 },
		{ "bytes=-", NULL, "0123456789", 200 },
		{ "bytes=a-b", NULL, "0123456789", 200 },
		{ "bytes=99999999999999999999-", NULL, "0123456789", 200 },
		{ "bytes=18446744073709551615-", NULL, "0123456789", 200 },
		{ "lines=0-3", NULL, "0123456789", 200 },
	};
	char line[128], length[32];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(line, sizeof(line), "HTTP_RANGE=%s", cases[i].range);
		get("/look", line, NULL);
		is_int(status(), cases[i].status, "%s", cases[i].range);
		is_str(header("Content-Range"), cases[i].says, "what it is");
		is_str(body(), cases[i].body, "its bytes");
		snprintf(length, sizeof(length), "%zu", strlen(cases[i].body));
		is_str(header("Content-Length"), length, "its length");
		ok(file_closed(), "closed");
	}
}

static void
test_files(void)
{
	const size_t big = 200000;
	char *bytes = calloc(1, big);
	int fd = mkstemp(file_name);

	if (!ok(fd >= 0 && bytes != NULL && write(fd, "0123456789", 10) == 10, "a file"))
		return;
	answer = a_file;
	file_says = 10;
	get("/look", NULL);
	is_str(body(), "0123456789", "its bytes");
	is_str(header("Content-Type"), "image/png", "its type");
	is_str(header("Content-Length"), "10", "its length");
	is_str(header("Cache-Control"), "private, max-age=3600, immutable", "may be kept");
	is_str(header("Accept-Ranges"), "bytes", "in parts, too");
	is_str(header("Content-Security-Policy"), "default-src 'none'; img-src 'self'; "
	    "media-src 'self'; frame-ancestors 'none'; sandbox", "in a box");
	ok(header("Content-Disposition") == NULL, "to be shown");
	is_int(mem.writes, 1, "a small one in one write");
	ok(file_closed(), "closed");
	ask("HEAD", "/look", NULL, 0, NULL);
	is_str(header("Content-Length"), "10", "HEAD");
	is_str(body(), "", "no bytes");
	ok(file_closed(), "closed");
	test_ranges();

	file_download = "Offer \"1\"/予約.pdf";
	get("/look", NULL);
	is_str(header("Content-Disposition"), "attachment; filename=\"Offer _1____.pdf\"; "
	    "filename*=UTF-8''Offer%20%221%22%2F%E4%BA%88%E7%B4%84.pdf", "to be kept");
	file_download = NULL;

	file_says = 12;
	get("/look", NULL);
	is_str(body(), "0123456789", "shorter than it said: what there is");
	next_gone = true;
	get("/look", NULL);
	ok(file_closed(), "closed when nobody listens");
	answer = a_file_then_fail;
	get("/look", NULL);
	is_int(status(), 500, "an error after all");
	ok(file_closed(), "closed");
	ok(strstr(mem.out.p, "image/png") == NULL, "nothing of it is left");

	memset(bytes, 'x', big);
	ok(pwrite(fd, bytes, big, 0) == (ssize_t)big, "a bigger file");
	answer = a_file;
	file_says = (int64_t)big;
	get("/look", NULL);
	is_int(strlen(body()), big, "all of it");
	is_int(strspn(body(), "x"), big, "unharmed");
	is_int(mem.writes, 4, "in steps");
	file_says = 0;
	get("/look", NULL);
	is_str(body(), "", "an empty one");
	is_str(header("Content-Length"), "0", "its length");
	answer = NULL;
	(void)close(fd);
	(void)unlink(file_name);
	free(bytes);
}

int
main(void)
{
	if (!ok(web_start("https://inbox.example", table, sizeof(table) / sizeof(table[0])), "start"))
		return done_testing();
	test_paths();
	test_base_path();
	test_query();
	test_cookies();
	test_etags();
	test_bodies();
	test_big_body();
	test_headers();
	test_set_cookies();
	test_redirects();
	test_files();
	web_end();
	return done_testing();
}
