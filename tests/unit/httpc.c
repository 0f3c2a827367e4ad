/* SPDX-License-Identifier: MIT */
/*
 * Tests of httpc.h against a server of our own on loopback: a forked child
 * that answers by the path of the request and counts in shared memory what
 * reached it.
 */
#include "httpc.h"
#include "log.h"
#include "str.h"
#include "tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONNS 32

/* What the server saw.  Written by the child before it answers or cuts. */
struct seen {
	volatile int	connections, requests, cut, slow, expect;
};

static struct seen *seen;
static struct arena a;
static struct httpc *h;
static struct httpc_resp resp;
static int port;

/* ---- the server ---- */

struct conn {
	int	fd;
	char	in[1200000];
	size_t	len;
};

static void
say(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = send(fd, p, n, MSG_NOSIGNAL);

		if (done <= 0)
			return;
		p += done;
		n -= (size_t)done;
	}
}

#define SAY(fd, text) say((fd), text, sizeof(text) - 1)

static void
answer(int fd, const char *status, const char *headers, const char *body, size_t n)
{
	char head[1024];

	snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n", status, n, headers);
	say(fd, head, strlen(head));
	say(fd, body, n);
}

/* One whole request is in c->in.  False: close the connection. */
static bool
serve(struct conn *c, size_t total)
{
	/* "hello gzip" */
	static const char gz[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xcb\x48\xcd\xc9\xc9\x57\x48\xaf\xca"
	    "\x2c\x00\x00\x19\x6a\xd2\xdf\x0a\x00\x00\x00";
	static char big[500000];
	char *path = strchr(c->in, ' ');
	size_t n;

	seen->requests++;
	seen->expect += strstr(c->in, "\r\nExpect:") != NULL;
	if (path == NULL)
		return false;
	path++;
	n = strcspn(path, " ?");
#define IS(p) (n == sizeof(p) - 1 && memcmp(path, p, n) == 0)
	if (IS("/ok"))
		answer(c->fd, "200 OK", "Content-Type: application/json; charset=utf-8\r\n", "{\"a\":1}", 7);
	else if (IS("/echo"))
		answer(c->fd, "200 OK", "", c->in, total);
	else if (IS("/missing"))
		answer(c->fd, "404 Not Found", "", "gone", 4);
	else if (IS("/limit"))
		answer(c->fd, "429 Too Many", "retry-AFTER:  17 \r\nX-App-Usage: {\"call_count\":90}\r\n", "", 0);
	else if (IS("/usage"))
		answer(c->fd, "200 OK", "X-Business-Use-Case-Usage: {\"b\":1}\r\nX-App-Usage: {\"a\":1}\r\n", "", 0);
	else if (IS("/redirect"))
		answer(c->fd, "302 Found", "Location: /ok\r\n", "", 0);
	else if (IS("/early")) {
		SAY(c->fd, "HTTP/1.1 103 Early\r\nRetry-After: 9\r\n\r\n");
		answer(c->fd, "200 OK", "", "late", 4);
	} else if (IS("/chunked"))
		SAY(c->fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
	else if (IS("/gzip"))
		answer(c->fd, "200 OK", "Content-Encoding: gzip\r\n", gz, sizeof(gz) - 1);
	else if (IS("/nul"))
		answer(c->fd, "200 OK", "", "a\0b", 3);
	else if (IS("/big")) {
		memset(big, 'b', sizeof(big));
		answer(c->fd, "200 OK", "", big, 100000);
	} else if (IS("/huge")) {
		memset(big, 'h', sizeof(big));
		answer(c->fd, "200 OK", "", big, sizeof(big));
	} else if (IS("/part")) {
		SAY(c->fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
		return false;
	} else if (IS("/cut")) {
		seen->cut++;
		return false;
	} else if (IS("/slow")) {
		seen->slow++;		/* and no answer; the client leaves */
		return true;
	} else if (IS("/401")) {
		answer(c->fd, "401 No", "WWW-Authenticate: Digest realm=\"x\", nonce=\"y\"\r\n", "", 0);
	} else if (IS("/417")) {
		answer(c->fd, "417 No", "", "", 0);
	} else
		answer(c->fd, "404 Not Found", "", "", 0);
	return true;
}

/* Requests in the buffer are served; false closes. */
static bool
advance(struct conn *c)
{
	for (;;) {
		char *end, *cl;
		size_t head, total;

		c->in[c->len] = '\0';
		if ((end = strstr(c->in, "\r\n\r\n")) == NULL)
			return c->len < sizeof(c->in) - 1;
		head = (size_t)(end + 4 - c->in);
		total = head;
		if ((cl = strstr(c->in, "Content-Length: ")) != NULL && cl < end)
			total += (size_t)strtoul(cl + 16, NULL, 10);
		if (total >= sizeof(c->in))
			return false;
		if (c->len < total)
			return true;
		if (!serve(c, total))
			return false;
		memmove(c->in, c->in + total, c->len - total);
		c->len -= total;
	}
}

static void
server(int listener)
{
	static struct conn conn[CONNS];
	struct pollfd pfd[CONNS + 1];
	size_t i, n = 0;

	for (;;) {
		pfd[0] = (struct pollfd){ .fd = listener, .events = POLLIN };
		for (i = 0; i < n; i++)
			pfd[i + 1] = (struct pollfd){ .fd = conn[i].fd, .events = POLLIN };
		if (poll(pfd, (nfds_t)n + 1, -1) < 0 && errno != EINTR)
			_exit(1);
		for (i = n; i-- > 0; ) {
			ssize_t got;

			if (pfd[i + 1].revents == 0)
				continue;
			got = recv(conn[i].fd, conn[i].in + conn[i].len, sizeof(conn[i].in) - 1 - conn[i].len, 0);
			if (got > 0)
				conn[i].len += (size_t)got;
			if (got <= 0 || !advance(&conn[i])) {
				close(conn[i].fd);
				conn[i] = conn[--n];
			}
		}
		if ((pfd[0].revents & POLLIN) != 0 && n < CONNS) {
			conn[n].fd = accept(listener, NULL, NULL);
			conn[n].len = 0;
			if (conn[n].fd >= 0) {
				seen->connections++;
				n++;
			}
		}
	}
}

/* A socket on a free loopback port; listening if told. */
static int
bound(bool listening, int *where)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) != 0 || (listening && listen(fd, 16) != 0))
		exit(1);
	*where = ntohs(sin.sin_port);
	return fd;
}

/* ---- the tests ---- */

static const char *
url(const char *path)
{
	return arena_printf(&a, "http://127.0.0.1:%d%s", port, path);
}

static const struct ib_err *
call(enum httpc_method method, const char *path)
{
	struct httpc_req req = { .method = method, .url = url(path) };

	return httpc_do(h, &a, &req, &resp);
}

static void
test_answers(void)
{
	int before;

	ok(call(HTTPC_GET, "/ok") == NULL, "GET");
	ok(resp.fate == HTTPC_ANSWERED && resp.status == 200, "answered");
	is_str(resp.body, "{\"a\":1}", "body");
	is_int(resp.body_len, 7, "its length");
	is_str(resp.content_type, "application/json; charset=utf-8", "content type");
	ok(resp.retry_after == NULL && resp.usage == NULL, "no other headers");
	before = seen->connections;
	ok(call(HTTPC_GET, "/ok") == NULL && seen->connections == before, "GET keeps the connection");

	ok(call(HTTPC_GET, "/missing") == NULL && resp.status == 404, "404 is an answer");
	is_str(resp.body, "gone", "with a body");
	ok(resp.content_type == NULL, "nothing is left of the call before");
	ok(call(HTTPC_GET, "/limit") == NULL && resp.status == 429, "429");
	is_str(resp.retry_after, "17", "Retry-After");
	is_str(resp.usage, "{\"call_count\":90}", "X-App-Usage");
	is_str(resp.body, "", "empty body");
	ok(call(HTTPC_GET, "/usage") == NULL, "two usages");
	is_str(resp.usage, "{\"b\":1}", "the business one counts");
	before = seen->requests;
	ok(call(HTTPC_GET, "/redirect") == NULL && resp.status == 302, "a redirect is an answer");
	is_int(seen->requests - before, 1, "and not followed");
	ok(call(HTTPC_GET, "/early") == NULL && resp.status == 200 && resp.retry_after == NULL,
	    "headers of interim answers do not count");
	ok(call(HTTPC_GET, "/chunked") == NULL, "chunked");
	is_str(resp.body, "abcde", "its body");
	ok(call(HTTPC_GET, "/gzip") == NULL, "gzip");
	is_str(resp.body, "hello gzip", "its body");
	ok(call(HTTPC_GET, "/nul") == NULL && resp.body_len == 3 && memcmp(resp.body, "a\0b", 4) == 0,
	    "bytes, not text");
}

static void
test_requests(void)
{
	static const char *const name[] = { "GET ", "POST ", "PUT ", "PATCH ", "DELETE " };
	struct httpc_req req = { .method = HTTPC_POST, .url = url("/echo?x=1"), .bearer = "TOK",
	    .content_type = "application/json", .body = "{\"b\":\0002}", .body_len = 7 };
	struct httpc_part part[2] = { { .name = "message", .value = "caf\xc3\xa9" },
	    { .name = "filedata", .filename = "a b.png", .type = "image/png" } };
	static const char file[] = "name=\"filedata\"; filename=\"a b.png\"\r\n"
	    "Content-Type: image/png\r\n\r\nPNG\0bytes\r\n";
	char path[] = "/tmp/ib-httpc-XXXXXX";
	int fd = mkstemp(path), m, before;

	for (m = HTTPC_GET; m <= HTTPC_DELETE; m++) {
		ok(call((enum httpc_method)m, "/echo") == NULL && str_starts(resp.body, name[m]), "%s", name[m]);
		ok(strstr(resp.body, "Authorization") == NULL, "no token");
	}
	ok(httpc_do(h, &a, &req, &resp) == NULL, "POST with a body");
	ok(str_starts(resp.body, "POST /echo?x=1 HTTP/1.1\r\n"), "request line");
	ok(strstr(resp.body, "\r\nAuthorization: Bearer TOK\r\n") != NULL, "token");
	ok(strstr(resp.body, "\r\nContent-Type: application/json\r\n") != NULL, "type");
	ok(strstr(resp.body, "\r\nUser-Agent: inbox-test/1\r\n") != NULL, "user agent");
	ok(strstr(resp.body, "Expect:") == NULL, "no Expect");
	ok(resp.body_len > 7 && memcmp(resp.body + resp.body_len - 7, "{\"b\":\0002}", 7) == 0, "body with a NUL");
	for (m = HTTPC_PUT; m <= HTTPC_DELETE; m++) {
		req.method = (enum httpc_method)m;
		ok(httpc_do(h, &a, &req, &resp) == NULL && str_starts(resp.body, name[m]) &&
		    memcmp(resp.body + resp.body_len - 7, "{\"b\":\0002}", 7) == 0, "%swith a body", name[m]);
	}
	ok(call(HTTPC_GET, "/echo") == NULL && strstr(resp.body, "TOK") == NULL, "the token is forgotten");

	memset(&req, 0, sizeof(req));
	req.method = HTTPC_POST;
	req.url = url("/echo");
	req.basic_user = "id";
	req.basic_pass = "s3cret";
	req.body = "a=b";
	req.body_len = 3;
	ok(httpc_do(h, &a, &req, &resp) == NULL && strstr(resp.body, "\r\nAuthorization: Basic aWQ6czNjcmV0\r\n") != NULL,
	    "name and password");
	ok(strstr(resp.body, "Content-Type: application/x-www-form-urlencoded") != NULL, "a form by default");
	req.url = url("/401");
	before = seen->requests;
	ok(httpc_do(h, &a, &req, &resp) == NULL && resp.status == 401 && seen->requests == before + 1,
	    "another scheme is not tried");

	memset(&req, 0, sizeof(req));
	ok(fd >= 0 && write(fd, "PNG\0bytes", 9) == 9, "a file");
	part[1].path = path;
	req.method = HTTPC_POST;
	req.url = url("/echo");
	req.parts = part;
	req.nparts = 2;
	ok(httpc_do(h, &a, &req, &resp) == NULL && resp.status == 200, "multipart");
	ok(strstr(resp.body, "\r\nContent-Type: multipart/form-data; boundary=") != NULL, "its type");
	ok(strstr(resp.body, "Content-Disposition: form-data; name=\"message\"\r\n\r\ncaf\xc3\xa9\r\n") != NULL,
	    "text part");
	ok(memmem(resp.body, resp.body_len, file, sizeof(file) - 1) != NULL, "file part");
	close(fd);
	unlink(path);
	before = seen->requests;
	ok(httpc_do(h, &a, &req, &resp) != NULL && resp.fate == HTTPC_NOT_SENT && seen->requests == before,
	    "a missing file is not sent");
	part[1].path = NULL;
	part[1].filename = "a\r\nX: y";
	ok(httpc_do(h, &a, &req, &resp) != NULL && resp.fate == HTTPC_NOT_SENT, "control bytes in a file name");
}

static void
test_refused(void)
{
	static const char *const bad[] = { "http://example.net/", "ftp://127.0.0.1/", "file:///etc/passwd", "/x", "",
	    "http://127.0.0.1.example.net/", "http://u:p@127.0.0.1/", "https://127.0.0.1/a b",
	    "https://127.0.0.1/\r\nX: y" };
	struct httpc_req req = { .method = HTTPC_GET, .url = url("/ok") };
	const struct ib_err *err;
	struct httpc *strict = NULL, *none = (struct httpc *)(void *)&a;
	int before = seen->requests;
	struct arena tiny;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		req.url = bad[i];
		err = httpc_do(h, &a, &req, &resp);
		ok(err != NULL && err->code == IB_EPARSE && resp.fate == HTTPC_NOT_SENT && resp.status == 0,
		    "refused URL %zu", i);
	}
	req.url = url("/ok");
	req.bearer = "a\r\nX: y";
	ok(httpc_do(h, &a, &req, &resp) != NULL && resp.fate == HTTPC_NOT_SENT, "control bytes in the token");
	req.bearer = NULL;
	req.content_type = "a\nb";
	ok(httpc_do(h, &a, &req, &resp) != NULL && resp.fate == HTTPC_NOT_SENT, "in the type");
	req.content_type = NULL;
	req.basic_user = "a\nb";
	ok(httpc_do(h, &a, &req, &resp) != NULL && resp.fate == HTTPC_NOT_SENT, "in the user");
	ok(httpc_new("a\nb", true, &none) != NULL && none == NULL, "in the user agent");
	req.basic_user = NULL;
	ok(httpc_new("x", false, &strict) == NULL, "a client without loopback http");
	err = httpc_do(strict, &a, &req, &resp);
	ok(err != NULL && err->code == IB_EPARSE && resp.fate == HTTPC_NOT_SENT, "refuses it");
	httpc_free(strict);
	arena_init(&tiny, 4);
	err = httpc_do(h, &tiny, &req, &resp);
	ok(err != NULL && err->code == IB_ENOMEM && resp.fate == HTTPC_NOT_SENT, "no memory before");
	is_int(seen->requests, before, "nothing reached the server");
	arena_fini(&tiny);
	arena_init(&tiny, 60000);
	req.url = url("/big");
	err = httpc_do(h, &tiny, &req, &resp);
	ok(err != NULL && err->code == IB_ENOMEM && resp.fate == HTTPC_UNKNOWN, "no memory after");
	arena_fini(&tiny);
	httpc_free(NULL);
}

static void
test_caps(void)
{
	struct httpc_req req = { .method = HTTPC_GET, .url = url("/big"), .max_answer = 100000 };
	const struct ib_err *err;
	char path[] = "/tmp/ib-httpc-XXXXXX", byte;
	int fd = mkstemp(path), readonly = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ok(httpc_do(h, &a, &req, &resp) == NULL && resp.body_len == 100000, "exactly the cap");
	req.max_answer = 99999;
	err = httpc_do(h, &a, &req, &resp);
	ok(err != NULL && err->code == IB_ELIMIT && resp.fate == HTTPC_UNKNOWN && resp.status == 0 &&
	    strcmp(resp.body, "") == 0, "one less");
	ok(call(HTTPC_GET, "/ok") == NULL && resp.body_len == 7, "and the next call is whole");

	ok(call(HTTPC_GET, "/huge") == NULL && resp.body_len == 500000 && resp.body[499999] == 'h', "half a megabyte");
	ok(call(HTTPC_GET, "/ok") == NULL && resp.body_len == 7, "and a small one after it");

	req.max_answer = 100000;
	req.save_fd = fd;
	ok(httpc_do(h, &a, &req, &resp) == NULL && resp.saved == 100000 && resp.body_len == 0, "into a file");
	ok(lseek(fd, 0, SEEK_END) == 100000 && pread(fd, &byte, 1, 99999) == 1 && byte == 'b', "all of it");
	req.max_answer = 99999;
	err = httpc_do(h, &a, &req, &resp);
	ok(err != NULL && err->code == IB_ELIMIT, "the cap counts for files, too");
	req.max_answer = 0;
	ok(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0, "empty again");
	req.url = url("/missing");
	ok(httpc_do(h, &a, &req, &resp) == NULL && resp.saved == 0 && lseek(fd, 0, SEEK_END) == 0,
	    "an error page is not saved");
	is_str(resp.body, "gone", "but given");
	req.url = url("/gzip");
	ok(httpc_do(h, &a, &req, &resp) == NULL && resp.saved == 30, "files are not unpacked");
	req.url = url("/ok");
	req.save_fd = readonly;
	err = httpc_do(h, &a, &req, &resp);
	ok(err != NULL && err->code == IB_ESYS && resp.fate == HTTPC_UNKNOWN && resp.saved == 0, "a file that cannot be written");
	close(readonly);
	close(fd);
	unlink(path);
}

static void
test_fates(void)
{
	struct httpc_req req = { .method = HTTPC_POST, .timeout_ms = 150, .body = "x", .body_len = 1 };
	const struct ib_err *err;
	int refused, silent, before, fd = bound(false, &refused), fd2 = bound(true, &silent);

	req.url = arena_printf(&a, "http://127.0.0.1:%d/", refused);
	err = httpc_do(h, &a, &req, &resp);
	ok(err != NULL && err->code == IB_EUPSTREAM && err->retry == IB_RETRY_LATER && resp.fate == HTTPC_NOT_SENT,
	    "refused: not sent");
	req.url = arena_printf(&a, "https://127.0.0.1:%d/", silent);
	err = httpc_do(h, &a, &req, &resp);
	ok(err != NULL && err->code == IB_ETIMEOUT && resp.fate == HTTPC_NOT_SENT, "TLS without an end: not sent");
	req.url = "https://name.invalid/";
	err = httpc_do(h, &a, &req, &resp);
	ok(err != NULL && resp.fate == HTTPC_NOT_SENT, "no such host: not sent");

	req.timeout_ms = 150;
	req.url = url("/slow");
	before = seen->slow;
	err = httpc_do(h, &a, &req, &resp);
	ok(err != NULL && err->code == IB_ETIMEOUT && resp.fate == HTTPC_UNKNOWN && resp.status == 0,
	    "no answer in time: unknown");
	is_int(seen->slow - before, 1, "sent once");
	req.timeout_ms = 0;
	req.url = url("/part");
	err = httpc_do(h, &a, &req, &resp);
	ok(err != NULL && err->code == IB_ETIMEOUT && resp.fate == HTTPC_UNKNOWN && resp.status == 0 &&
	    resp.body_len == 0, "half an answer: unknown");
	close(fd);
	close(fd2);
}

/* A request that the server read and then cut the line must not come again. */
static void
test_once(void)
{
	static const char *const name[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };
	struct httpc_req req = { .url = url("/cut"), .body = "x=y", .body_len = 3 };
	const struct ib_err *err;
	int m, i, before;

	for (m = HTTPC_POST; m <= HTTPC_DELETE; m++) {
		req.method = (enum httpc_method)m;
		before = seen->cut;
		err = httpc_do(h, &a, &req, &resp);
		ok(err != NULL && err->code == IB_ETIMEOUT && resp.fate == HTTPC_UNKNOWN, "%s cut: unknown", name[m]);
		is_int(seen->cut - before, 1, "it arrived once");
		/* Several kept connections, as after some minutes of work. */
		for (i = 0; i < 3; i++)
			ok(call(i == 1 ? HTTPC_POST : HTTPC_GET, "/ok") == NULL, "a connection is kept");
		before = seen->cut;
		err = httpc_do(h, &a, &req, &resp);
		ok(err != NULL && resp.fate == HTTPC_UNKNOWN && seen->cut - before == 1,
		    "%s cut after kept connections: once", name[m]);
	}
	/* Without a body as well. */
	ok(call(HTTPC_GET, "/ok") == NULL, "kept again");
	before = seen->cut;
	ok(call(HTTPC_DELETE, "/cut") != NULL && seen->cut - before == 1, "DELETE without a body: once");
	before = seen->requests;
	req.method = HTTPC_POST;
	req.url = url("/417");
	/* libcurl asks first (Expect) when a body is over a mebibyte. */
	req.body = arena_zalloc(&a, 1, 1100000);
	req.body_len = 1100000;
	ok(httpc_do(h, &a, &req, &resp) == NULL && resp.status == 417 && seen->requests - before == 1,
	    "417 is an answer: once");
	is_int(seen->expect, 0, "no Expect");
	ok(call(HTTPC_GET, "/ok") == NULL, "kept again");
	before = seen->connections;
	ok(call(HTTPC_POST, "/ok") == NULL && seen->connections == before + 1, "POST takes a fresh connection");
	ok(call(HTTPC_GET, "/ok") == NULL && call(HTTPC_GET, "/cut") != NULL && resp.fate == HTTPC_UNKNOWN,
	    "GET cut: unknown");
}

static void
test_log(void)
{
	struct httpc_req req = { .method = HTTPC_GET, .url = url("/ok?access_token=QUERYSECRET&x=QUERYWORD"),
	    .bearer = "BEARERSECRET" };
	char line[4096];
	ssize_t n;
	int fd[2];

	if (pipe2(fd, O_CLOEXEC | O_NONBLOCK) != 0)
		return;
	log_init(NULL, LOG_DEBUG_, fd[1]);
	ok(httpc_do(h, &a, &req, &resp) == NULL, "a call with the log on");
	n = read(fd[0], line, sizeof(line) - 1);
	line[n > 0 ? n : 0] = '\0';
	ok(n > 0 && strchr(line, '\n') == line + n - 1, "one line");
	ok(strstr(line, " debug http method=GET host=127.0.0.1 status=200 fate=answered ") != NULL &&
	    strstr(line, " ms=") != NULL, "what it says");
	ok(strstr(line, "QUERY") == NULL && strstr(line, "BEARERSECRET") == NULL, "and what not");
	log_init(NULL, LOG_ERROR_, 2);
	close(fd[0]);
	close(fd[1]);
}

/* A certificate that nobody vouches for; needs the openssl program. */
static void
test_tls(void)
{
	struct httpc_req req = { .method = HTTPC_POST, .body = "x", .body_len = 1 };
	const struct ib_err *err;
	char dir[] = "/tmp/ib-tls-XXXXXX", out[4096] = "", *at = NULL;
	size_t len = 0;
	ssize_t n;
	pid_t pid;
	int fd[2], status = -1;

	if (mkdtemp(dir) == NULL || pipe2(fd, O_CLOEXEC) != 0)
		return;
	fflush(stdout);
	if ((pid = fork()) == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 1);
		dup2(null, 2);
		if (chdir(dir) != 0)
			_exit(127);
		execlp("openssl", "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
		    "-nodes", "-keyout", "k", "-out", "c", "-days", "2", "-subj", "/CN=localhost",
		    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
		ok(true, "certificate check # SKIP no openssl program");
		rmdir(dir);
		return;
	}
	fflush(stdout);
	if ((pid = fork()) == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 0);
		dup2(fd[1], 1);
		dup2(null, 2);
		if (chdir(dir) != 0)
			_exit(127);
		execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", "c", "-key", "k", "-www",
		    (char *)NULL);
		_exit(127);
	}
	close(fd[1]);
	while (len < sizeof(out) - 1 && (n = read(fd[0], out + len, sizeof(out) - 1 - len)) > 0) {
		len += (size_t)n;
		out[len] = '\0';
		if ((at = strstr(out, "ACCEPT 127.0.0.1:")) != NULL && strchr(at, '\n') != NULL)
			break;
	}
	if (at != NULL) {
		at += strlen("ACCEPT 127.0.0.1:");
		req.url = arena_printf(&a, "https://127.0.0.1:%.*s/", (int)strspn(at, "0123456789"), at);
		err = httpc_do(h, &a, &req, &resp);
		ok(err != NULL && err->code == IB_EUPSTREAM && resp.fate == HTTPC_NOT_SENT &&
		    strstr(err->msg, "certificate") != NULL, "an unknown certificate: not sent (%s)",
		    err == NULL ? "answered" : err->msg);
	} else
		ok(false, "s_server starts");
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	close(fd[0]);
	if (chdir(dir) == 0) {
		unlink("k");
		unlink("c");
	}
	rmdir(dir);
}

int
main(void)
{
	struct sigaction sa;
	int listener, status;
	pid_t child;

	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED)
		return 1;
	listener = bound(true, &port);
	if ((child = fork()) < 0)
		return 1;
	if (child == 0)
		server(listener);
	close(listener);
	/* A proxy of the environment is not for loopback. */
	setenv("http_proxy", "http://127.0.0.1:9", 1);
	setenv("https_proxy", "http://127.0.0.1:9", 1);
	setenv("no_proxy", "", 1);
	arena_init(&a, ARENA_REQUEST_MAX);
	log_init(NULL, LOG_ERROR_, 2);
	if (ok(httpc_new("inbox-test/1", true, &h) == NULL, "a client")) {
		test_answers();
		test_requests();
		test_refused();
		test_caps();
		test_fates();
		test_once();
		test_log();
		test_tls();
		sigaction(SIGPIPE, NULL, &sa);
		ok(sa.sa_handler == SIG_DFL, "SIGPIPE is as it was");
	}
	httpc_free(h);
	arena_fini(&a);
	kill(child, SIGTERM);
	waitpid(child, &status, 0);
	return done_testing();
}
