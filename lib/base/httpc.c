/* SPDX-License-Identifier: MIT */
/*
 * httpc.c - the HTTP client, the only door to libcurl.
 *
 * libcurl is loaded at the first call and never unloaded (it and the TLS
 * library keep state that does not survive that).  struct httpc owns one easy
 * handle: curl_easy_reset() between calls keeps its connections, TLS sessions
 * and DNS answers.  Everything in a response is in the caller's arena.
 *
 * How far a call came is not guessed from error codes: libcurl calls
 * before_request() when the connection (with TLS) is up and the next thing is
 * to send the request.  Never called means never sent.
 *
 * At most one request.  When a kept connection turns out dead before the first
 * byte of an answer, libcurl (7.88 as well as 8.x, Curl_retry_request) silently
 * sends the request again on another connection, up to 5 times and whatever
 * the method: a POST that the server worked on before the line was cut would
 * be worked on twice.  Two fences: other methods than GET start on a fresh
 * connection (libcurl does not repeat there), and before_request() refuses
 * when it is called a second time.  Expect: 100-continue, whose refusal also
 * makes libcurl repeat, is switched off, and HTTP/2, which has repeats of its
 * own, is not used.
 */
#include "clock.h"
#include "crypt.h"
#include "fault.h"
#include "httpc.h"
#include "log.h"
#include "str.h"

/* The checks of argument types do not work through pointers. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_MS	3000L
#define TOTAL_MS	10000L
#define ANSWER_MAX	((size_t)4 << 20)
#define HEADER_MAX	((size_t)4 << 10)	/* of one header that we keep */
#define HEADS_MAX	((size_t)32 << 10)	/* of all of them, when asked for */
#define KEEP_MAX	((size_t)256 << 10)	/* buffer kept between calls */

/* ---- libcurl ---- */

#define CURL_FUNCTIONS(X) \
	X(global_init) X(easy_init) X(easy_setopt) X(easy_perform) X(easy_getinfo) \
	X(easy_reset) X(easy_cleanup) X(easy_strerror) X(slist_append) X(slist_free_all) \
	X(mime_init) X(mime_free) X(mime_addpart) X(mime_name) X(mime_data) X(mime_filedata) \
	X(mime_filename) X(mime_type) X(version_info) X(getdate)

#undef curl_easy_setopt
#undef curl_easy_getinfo

static struct {
#define X(f) __typeof__(curl_##f) *f;
	CURL_FUNCTIONS(X)
#undef X
} curl;

static const struct ib_err *
curl_load(void)
{
	static bool loaded;
	void *lib, *sym;

	if (loaded)
		return NULL;
	if ((lib = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL)) == NULL)
		return ib_fail(IB_ESYS, IB_RETRY_LATER, "http: cannot load libcurl.so.4");
#define X(f) \
	if ((sym = dlsym(lib, "curl_" #f)) == NULL) \
		return ib_fail(IB_ESYS, IB_RETRY_LATER, "http: libcurl has no curl_" #f); \
	memcpy(&curl.f, &sym, sizeof(curl.f));
	CURL_FUNCTIONS(X)
#undef X
	if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return ib_fail(IB_ESYS, IB_RETRY_LATER, "http: libcurl does not start");
	loaded = true;
	return NULL;
}

const char *
httpc_library(void)
{
	return curl_load() == NULL ? curl.version_info(CURLVERSION_NOW)->version : NULL;
}

/*
 * Where systems keep the certificates of authorities, unless the environment names
 * another file, as curl and OpenSSL have it.  libcurl was told one place when it was
 * built; a copy that came from another system looks in vain there.  NULL: as libcurl
 * thinks.
 */
static const char *
authorities(void)
{
	static const char *const places[] = {
		"/etc/ssl/certs/ca-certificates.crt",		/* Debian, Alpine, Arch */
		"/etc/pki/tls/certs/ca-bundle.crt",		/* Red Hat */
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
		"/etc/ssl/ca-bundle.pem",			/* SUSE */
		"/etc/ssl/cert.pem",
	};
	static const char *found;
	size_t i;

	if (found == NULL && (found = getenv("CURL_CA_BUNDLE")) == NULL)
		found = getenv("SSL_CERT_FILE");
	for (i = 0; found == NULL && i < sizeof(places) / sizeof(places[0]); i++)
		if (access(places[i], R_OK) == 0)
			found = places[i];
	return found;
}

/* ---- one call ---- */

struct httpc {
	CURL		*easy;
	char		*agent;
	bool		 loopback_http;
	struct ib_buf	 answer;
};

/* What the callbacks of one call share. */
struct call {
	const struct httpc_req	*req;
	struct httpc		*h;
	unsigned		 started;	/* times the request was about to be sent */
	int			 status;	/* of the header block being read */
	char			*type, *retry, *location, *usage, *reset, *budget, *date, *heads;	/* malloc; of that block */
	size_t			 max, got;
	bool			 over, nomem;
	int			 write_errno;
	int64_t			 saved;
};

static int
before_request(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct call *c = arg;

	(void)ip;
	(void)local_ip;
	(void)port;
	(void)local_port;
	if (c->started++ > 0 && c->req->method != HTTPC_GET)
		return CURL_PREREQFUNC_ABORT;
	return CURL_PREREQFUNC_OK;
}

/* Value of header `name` (lower case) in the line p, or NULL; not terminated. */
static const char *
header_value(const char *p, size_t n, const char *name, size_t *len)
{
	size_t m = strlen(name), i;

	if (n <= m || p[m] != ':')
		return NULL;
	for (i = 0; i < m; i++)
		if ((p[i] >= 'A' && p[i] <= 'Z' ? p[i] - 'A' + 'a' : p[i]) != name[i])
			return NULL;
	p += m + 1;
	n -= m + 1;
	while (n > 0 && (*p == ' ' || *p == '\t')) {
		p++;
		n--;
	}
	while (n > 0 && strchr(" \t\r\n", p[n - 1]) != NULL)
		n--;
	*len = n;
	return p;
}

static void
keep(struct call *c, char **slot, const char *value, size_t n)
{
	if (n > HEADER_MAX || memchr(value, '\0', n) != NULL)
		return;
	free(*slot);
	if ((*slot = strndup(value, n)) == NULL)
		c->nomem = true;
}

static void
forget(struct call *c)
{
	free(c->type);
	free(c->retry);
	free(c->location);
	free(c->usage);
	free(c->reset);
	free(c->budget);
	free(c->date);
	free(c->heads);
	c->type = c->retry = c->location = c->usage = c->reset = c->budget = c->date = c->heads = NULL;
}

/* One more line of all of them; what is beyond HEADS_MAX is left out. */
static void
keep_line(struct call *c, const char *p, size_t n)
{
	size_t had = c->heads == NULL ? 0 : strlen(c->heads);
	char *more;

	if (had + n > HEADS_MAX || memchr(p, '\0', n) != NULL)
		return;
	if ((more = realloc(c->heads, had + n + 1)) == NULL) {
		c->nomem = true;
		return;
	}
	memcpy(more + had, p, n);
	more[had + n] = '\0';
	c->heads = more;
}

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct call *c = arg;
	const char *v;
	size_t len;

	n *= size;
	if (n >= 12 && strncmp(p, "HTTP/", 5) == 0) {
		/* A new block: interim answers (1xx) count for nothing. */
		forget(c);
		v = memchr(p, ' ', n);
		c->status = v != NULL && n - (size_t)(v - p) > 3 ?
		    (v[1] - '0') * 100 + (v[2] - '0') * 10 + (v[3] - '0') : 0;
	} else if ((v = header_value(p, n, "content-type", &len)) != NULL)
		keep(c, &c->type, v, len);
	else if ((v = header_value(p, n, "retry-after", &len)) != NULL)
		keep(c, &c->retry, v, len);
	else if ((v = header_value(p, n, "location", &len)) != NULL)
		keep(c, &c->location, v, len);
	else if ((v = header_value(p, n, "x-business-use-case-usage", &len)) != NULL)
		keep(c, &c->usage, v, len);
	else if (c->usage == NULL && (v = header_value(p, n, "x-app-usage", &len)) != NULL)
		keep(c, &c->usage, v, len);
	else if ((v = header_value(p, n, "x-ratelimit-reset", &len)) != NULL)
		keep(c, &c->reset, v, len);
	else if ((v = header_value(p, n, "x-daily-ratelimit-token-remaining", &len)) != NULL)
		keep(c, &c->budget, v, len);
	else if ((v = header_value(p, n, "date", &len)) != NULL)
		keep(c, &c->date, v, len);
	if (c->req->heads)
		keep_line(c, p, n);
	return c->nomem ? 0 : n;
}

/* Returning another number than n (which is not 0 there) ends the transfer. */
static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct call *c = arg;
	size_t left;

	n *= size;
	if (n > c->max - c->got) {
		c->over = true;
		return 0;
	}
	c->got += n;
	if (c->req->save_fd > 0 && c->status >= 200 && c->status <= 299) {
		for (left = n; left > 0; ) {
			ssize_t done = write(c->req->save_fd, p, left);

			if (done < 0 && errno == EINTR)
				continue;
			if (done <= 0) {
				c->write_errno = done < 0 ? errno : EIO;
				return 0;
			}
			p += done;
			left -= (size_t)done;
			c->saved += done;
		}
		return n;
	}
	buf_append(&c->h->answer, p, n);
	if (c->h->answer.failed) {
		c->nomem = true;
		return 0;
	}
	return n;
}

/* Text that goes into a header or the URL: one line without control bytes. */
static bool
one_line(const char *s)
{
	if (s != NULL)
		for (; *s != '\0'; s++)
			if ((unsigned char)*s < ' ' || *s == 0x7f)
				return false;
	return true;
}

static bool
url_ok(const struct httpc *h, const char *url, const char *host)
{
	bool https = host != NULL && str_starts(url, "https:");

	return host != NULL && one_line(url) && strchr(url, ' ') == NULL &&
	    (https || (h->loopback_http && url_is_loopback(url)));
}

/* Errors of ours before anything was sent. */
static const struct ib_err *
refuse(const char *why)
{
	return ib_fail(IB_EPARSE, IB_RETRY_NEVER, "http: %s", why);
}

static bool
add_header(struct curl_slist **list, struct arena *a, const char *name, const char *value)
{
	char *line = arena_printf(a, "%s%s", name, value);
	struct curl_slist *more = line == NULL ? NULL : curl.slist_append(*list, line);

	if (line != NULL)
		crypt_wipe(line, strlen(line));
	if (more == NULL)
		return false;
	*list = more;
	return true;
}

static const struct ib_err *
add_parts(CURL *e, const struct httpc_req *req, curl_mime **mime)
{
	size_t i;

	if ((*mime = curl.mime_init(e)) == NULL)
		goto nomem;
	for (i = 0; i < req->nparts; i++) {
		const struct httpc_part *p = &req->parts[i];
		curl_mimepart *m = curl.mime_addpart(*mime);
		CURLcode rc;

		if (!one_line(p->name) || !one_line(p->filename) || !one_line(p->type))
			return refuse("control bytes in a part");
		if (m == NULL || curl.mime_name(m, p->name) != CURLE_OK)
			goto nomem;
		if (p->path != NULL)
			rc = curl.mime_filedata(m, p->path);
		else
			rc = curl.mime_data(m, p->value == NULL ? "" : p->value,
			    CURL_ZERO_TERMINATED);
		if (rc == CURLE_READ_ERROR)
			return ib_fail(IB_ESYS, IB_RETRY_NEVER,
			    "http: cannot read the file of a part");
		if (rc != CURLE_OK ||
		    (p->filename != NULL && curl.mime_filename(m, p->filename) != CURLE_OK) ||
		    (p->type != NULL && curl.mime_type(m, p->type) != CURLE_OK))
			goto nomem;
	}
	return NULL;
nomem:
	return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "http: no memory for the form");
}

static const char *const method_name[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };

/* All options of one call.  The first that is refused ends it: some are fences. */
static CURLcode
set_options(struct call *c, struct curl_slist *headers, curl_mime *mime)
{
	const struct httpc_req *req = c->req;
	CURL *e = c->h->easy;
	bool local = url_is_loopback(req->url), get = req->method == HTTPC_GET;
	long total = req->timeout_ms > 0 ? req->timeout_ms : TOTAL_MS;
	CURLcode rc;

#define SET(option, value) \
	do { \
		if ((rc = curl.easy_setopt(e, (option), (value))) != CURLE_OK) \
			return rc; \
	} while (0)
	SET(CURLOPT_URL, req->url);
	SET(CURLOPT_PROTOCOLS_STR, local && c->h->loopback_http ? "http,https" : "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	if (authorities() != NULL)
		SET(CURLOPT_CAINFO, authorities());
	SET(CURLOPT_CERTINFO, req->certificate ? 1L : 0L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, total < CONNECT_MS ? total : CONNECT_MS);
	SET(CURLOPT_TIMEOUT_MS, total);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_USERAGENT, c->h->agent);
	SET(CURLOPT_PREREQFUNCTION, before_request);
	SET(CURLOPT_PREREQDATA, c);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, c);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, c);
	SET(CURLOPT_FRESH_CONNECT, get ? 0L : 1L);
	if (local)
		SET(CURLOPT_NOPROXY, "*");
	/* Saved files are taken as they are; for JSON gzip is a third of the time. */
	if (req->save_fd <= 0)
		(void)curl.easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "gzip");
	SET(CURLOPT_HTTPHEADER, headers);
	if (req->basic_user != NULL) {
		SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		SET(CURLOPT_USERNAME, req->basic_user);
		SET(CURLOPT_PASSWORD, req->basic_pass == NULL ? "" : req->basic_pass);
	}
	if (mime != NULL)
		SET(CURLOPT_MIMEPOST, mime);
	else if (!get && (req->body != NULL || req->method != HTTPC_DELETE)) {
		SET(CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)(req->body == NULL ? 0 : req->body_len));
		SET(CURLOPT_POSTFIELDS, req->body == NULL ? "" : req->body);
	}
	if (!get && req->method != HTTPC_POST)
		SET(CURLOPT_CUSTOMREQUEST, method_name[req->method]);
#undef SET
	return CURLE_OK;
}

/* Perform with SIGPIPE ignored: NOSIGNAL leaves that to us. */
static CURLcode
perform(CURL *e)
{
	struct sigaction ignore, old;
	CURLcode rc;

	memset(&ignore, 0, sizeof(ignore));
	ignore.sa_handler = SIG_IGN;
	(void)sigemptyset(&ignore.sa_mask);
	(void)sigaction(SIGPIPE, &ignore, &old);
	rc = curl.easy_perform(e);
	(void)sigaction(SIGPIPE, &old, NULL);
	return rc;
}

/* The error of a call that brought no whole answer. */
static const struct ib_err *
failed(const struct call *c, CURLcode rc, const char *host)
{
	if (c->over)
		return ib_fail(IB_ELIMIT, IB_RETRY_NEVER, "http: answer of %.80s over %zu bytes",
		    host, c->max);
	if (c->write_errno != 0)
		return ib_fail(IB_ESYS, IB_RETRY_LATER, "http: cannot save an answer: %s",
		    strerror(c->write_errno));
	if (c->nomem || rc == CURLE_OUT_OF_MEMORY)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "http: no memory");
	if (rc == CURLE_URL_MALFORMAT || rc == CURLE_UNSUPPORTED_PROTOCOL)
		return refuse("not a URL for us");
	return ib_fail(
	    rc == CURLE_OPERATION_TIMEDOUT || c->started > 0 ? IB_ETIMEOUT : IB_EUPSTREAM,
	    IB_RETRY_LATER, "http: %.80s: %s", host, curl.easy_strerror(rc));
}

static void
report(const struct call *c, const char *host, const struct httpc_resp *resp, CURLcode rc,
    int64_t us)
{
	static const char *const fate[] = { "not_sent", "unknown", "answered" };
	curl_off_t connect = 0, first = 0;
	long fresh = 0;

	(void)curl.easy_getinfo(c->h->easy, CURLINFO_PRETRANSFER_TIME_T, &connect);
	(void)curl.easy_getinfo(c->h->easy, CURLINFO_STARTTRANSFER_TIME_T, &first);
	(void)curl.easy_getinfo(c->h->easy, CURLINFO_NUM_CONNECTS, &fresh);
	log_event(LOG_DEBUG_, "http", "method", method_name[c->req->method], "host", host,
	    "status", log_i(resp->status), "fate", fate[resp->fate], "curl", log_i((int64_t)rc),
	    "connects", log_i(fresh), "connect_ms", log_i(connect / 1000),
	    "first_ms", log_i(first / 1000), "ms", log_i(us / 1000),
	    "bytes", log_i((int64_t)c->got), NULL);
}

/* When the server's certificate ends, in ms; 0: it cannot be told. */
static int64_t
certificate_end(CURL *e)
{
	static const char key[] = "Expire date:";
	struct curl_certinfo *chain = NULL;
	struct curl_slist *line;
	time_t end;

	if (curl.easy_getinfo(e, CURLINFO_CERTINFO, &chain) != CURLE_OK || chain == NULL || chain->num_of_certs < 1)
		return 0;
	for (line = chain->certinfo[0]; line != NULL; line = line->next)
		if (strncmp(line->data, key, sizeof(key) - 1) == 0 &&
		    (end = curl.getdate(line->data + sizeof(key) - 1, NULL)) > 0)
			return (int64_t)end * MS_SECOND;
	return 0;
}

/* The answer into the caller's memory. */
static bool
deliver(struct call *c, struct arena *a, struct httpc_resp *resp)
{
	resp->content_type = arena_dup(a, c->type);
	resp->retry_after = arena_dup(a, c->retry);
	resp->location = arena_dup(a, c->location);
	resp->usage = arena_dup(a, c->usage);
	resp->limit_reset = arena_dup(a, c->reset);
	resp->budget_left = arena_dup(a, c->budget);
	resp->date = arena_dup(a, c->date);
	resp->heads = arena_dup(a, c->heads);
	resp->body_len = c->h->answer.len;
	resp->body = arena_dupn(a, buf_cstr(&c->h->answer), resp->body_len);
	return resp->body != NULL && (c->type == NULL || resp->content_type != NULL) &&
	    (c->retry == NULL || resp->retry_after != NULL) &&
	    (c->location == NULL || resp->location != NULL) &&
	    (c->usage == NULL || resp->usage != NULL) &&
	    (c->reset == NULL || resp->limit_reset != NULL) &&
	    (c->budget == NULL || resp->budget_left != NULL) && (c->date == NULL || resp->date != NULL) &&
	    (c->heads == NULL || resp->heads != NULL);
}

/* Answers hold tokens: nothing of one stays behind. */
static void
clear_answer(struct httpc *h)
{
	size_t max = h->answer.max;

	crypt_wipe(h->answer.p, h->answer.len);
	if (h->answer.cap > KEEP_MAX) {
		buf_fini(&h->answer);
		buf_init(&h->answer, max);
	} else
		buf_clear(&h->answer);
}

const struct ib_err *
httpc_do(struct httpc *h, struct arena *a, const struct httpc_req *req, struct httpc_resp *resp)
{
	const struct ib_err *err;
	struct call c = { .req = req, .h = h };
	struct curl_slist *headers = NULL;
	curl_mime *mime = NULL;
	const char *host;
	CURLcode rc = CURLE_FAILED_INIT;
	int64_t start;
	long status = 0;

	memset(resp, 0, sizeof(*resp));
	resp->fate = HTTPC_NOT_SENT;
	resp->body = "";
	host = url_host(a, req->url);
	if (arena_failed(a))
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "http: no memory");
	if (!url_ok(h, req->url, host))
		return refuse("not an https URL");
	if (!one_line(req->bearer) || !one_line(req->content_type) || !one_line(req->basic_user) ||
	    !one_line(req->basic_pass) || !one_line(req->signature))
		return refuse("control bytes in a header");
	if ((err = curl_load()) != NULL)
		return err;
	if (h->easy == NULL && (h->easy = curl.easy_init()) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "http: no memory for a handle");
	start = clock_mono_us();
	c.max = req->max_answer > 0 ? req->max_answer : ANSWER_MAX;
	h->answer.max = c.max;

	if (!add_header(&headers, a, "Expect:", "") ||
	    (req->bearer != NULL &&
	    !add_header(&headers, a, "Authorization: Bearer ", req->bearer)) ||
	    (req->signature != NULL &&
	    !add_header(&headers, a, "X-Hub-Signature-256: ", req->signature)) ||
	    (req->content_type != NULL && req->parts == NULL &&
	    !add_header(&headers, a, "Content-Type: ", req->content_type))) {
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "http: no memory for headers");
		goto done;
	}
	if (req->parts != NULL && (err = add_parts(h->easy, req, &mime)) != NULL)
		goto done;
	if ((rc = set_options(&c, headers, mime)) != CURLE_OK) {
		err = ib_fail(IB_ESYS, IB_RETRY_LATER, "http: libcurl refuses an option: %s",
		    curl.easy_strerror(rc));
		goto done;
	}
	(void)fault(FAULT_CALL_BEFORE);
	rc = perform(h->easy);
	(void)fault(FAULT_CALL_AFTER);
	if (c.started > 0)
		resp->fate = HTTPC_UNKNOWN;
	resp->saved = c.saved;
	resp->untrusted = rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_CONNECT_ERROR;
	if (req->certificate)
		resp->certificate_end = certificate_end(h->easy);
	if (rc != CURLE_OK) {
		err = failed(&c, rc, host);
		goto done;
	}
	(void)curl.easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	if (!deliver(&c, a, resp)) {
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "http: no memory for the answer");
		goto done;
	}
	resp->fate = HTTPC_ANSWERED;
	resp->status = (int)status;
done:
	report(&c, host, resp, rc, clock_mono_us() - start);
	/* The handle must not point to what is freed now. */
	curl.easy_reset(h->easy);
	curl.mime_free(mime);
	curl.slist_free_all(headers);
	forget(&c);
	clear_answer(h);
	return err;
}

const struct ib_err *
httpc_new(const char *user_agent, bool allow_loopback_http, struct httpc **out)
{
	struct httpc *h;

	*out = NULL;
	if (!one_line(user_agent))
		return refuse("control bytes in the user agent");
	if ((h = calloc(1, sizeof(*h))) == NULL || (h->agent = strdup(user_agent)) == NULL) {
		free(h);
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "http: no memory");
	}
	h->loopback_http = allow_loopback_http;
	buf_init(&h->answer, ANSWER_MAX);
	*out = h;
	return NULL;
}

void
httpc_free(struct httpc *h)
{
	if (h == NULL)
		return;
	if (h->easy != NULL)
		curl.easy_cleanup(h->easy);
	buf_fini(&h->answer);
	free(h->agent);
	free(h);
}
