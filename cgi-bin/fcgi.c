/* SPDX-License-Identifier: MIT */
/*
 * fcgi.c - FastCGI as a worker speaks it; fcgi.h is the contract.
 *
 * A record is a head of eight bytes, content, padding.  The server sends BEGIN,
 * the environment as PARAMS, the body as STDIN, each of the two ended by an
 * empty record; we send STDOUT, ended the same way, and END.  Connections are
 * not kept: the next request would be bound to this worker, and only a read
 * could tell when it comes.
 */
#include "fcgi.h"

#include "../lib/base/clock.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define HEAD_S		5	/* for the environment: servers send it at once */
#define STALL_S		30	/* a server that stops in the middle of a body */
#define LINGER_S	2	/* a server that does not close */
#define ASIDES_MAX	100	/* records that bring the request no further */
#define RECORD_MAX	65528	/* content of a record: what 16 bits can say, in whole words */
#define KEEP_MAX	((size_t)64 << 10)

enum { PROTOCOL = 1, RESPONDER = 1 };
enum { BEGIN = 1, ABORT, END, PARAMS, STDIN, STDOUT, GET_VALUES = 9, GET_VALUES_RESULT, UNKNOWN_TYPE };
enum { COMPLETE, CANT_MULTIPLEX, OVERLOADED, UNKNOWN_ROLE };

struct head {
	unsigned	 type, id;
};

void
fcgi_init(struct fcgi *f, bool local)
{
	memset(f, 0, sizeof(*f));
	f->fd = -1;
	f->local = local;
	buf_init(&f->params, FCGI_PARAMS_MAX);
}

static void
hang_up(struct fcgi *f)
{
	if (f->fd >= 0)
		(void)close(f->fd);
	f->fd = -1;
}

void
fcgi_fini(struct fcgi *f)
{
	hang_up(f);
	buf_fini(&f->params);
}

/* No wait in that direction is longer. */
static void
limit(const struct fcgi *f, int direction, time_t seconds)
{
	struct timeval t = { seconds, 0 };

	(void)setsockopt(f->fd, SOL_SOCKET, direction, &t, sizeof(t));
}

/* Sending ------------------------------------------------------------------------ */

/* Everything in v, or false. */
static bool
send_all(int fd, struct iovec *v, size_t n)
{
	struct msghdr m = { .msg_iov = v, .msg_iovlen = n };
	ssize_t put;

	while (m.msg_iovlen > 0) {
		if ((put = sendmsg(fd, &m, MSG_NOSIGNAL)) < 0) {
			if (errno != EINTR)
				return false;
			continue;
		}
		for (; m.msg_iovlen > 0 && (size_t)put >= m.msg_iov->iov_len; m.msg_iovlen--)
			put -= (ssize_t)(m.msg_iov++)->iov_len;
		if (m.msg_iovlen > 0) {
			m.msg_iov->iov_base = (char *)m.msg_iov->iov_base + put;
			m.msg_iov->iov_len -= (size_t)put;
		}
	}
	return true;
}

static void
put_head(unsigned char *p, unsigned type, unsigned id, size_t n)
{
	const unsigned char head[8] = { PROTOCOL, (unsigned char)type, (unsigned char)(id >> 8), (unsigned char)id,
	    (unsigned char)(n >> 8), (unsigned char)n };

	memcpy(p, head, sizeof(head));
}

/* A record of eight bytes about a request or, as id 0, the connection. */
static bool
send_word(const struct fcgi *f, unsigned type, unsigned id, size_t at, unsigned char value)
{
	unsigned char record[16] = { 0 };
	struct iovec v = { record, sizeof(record) };

	put_head(record, type, id, 8);
	record[8 + at] = value;
	return send_all(f->fd, &v, 1);
}

/* One record of the answer with n bytes from the front of v, which moves on. */
static bool
send_record(const struct fcgi *f, struct iovec *v, size_t n)
{
	unsigned char head[8];
	struct iovec out[1 + FCGI_PIECES_MAX] = { { head, sizeof(head) } };
	size_t k = 1, take;

	put_head(head, STDOUT, f->id, n);
	for (; n > 0; v++) {
		if (v->iov_len == 0)
			continue;
		take = v->iov_len < n ? v->iov_len : n;
		out[k++] = (struct iovec){ v->iov_base, take };
		v->iov_base = (char *)v->iov_base + take;
		v->iov_len -= take;
		n -= take;
	}
	return send_all(f->fd, out, k);
}

/* What was put by, then whatever comes behind it. */
static bool
flush(struct fcgi *f, unsigned char *behind, size_t n)
{
	struct iovec v[2] = { { f->out, 0 }, { behind, n } };

	if (f->out_len > 0) {
		put_head(f->out, STDOUT, f->id, f->out_len);
		v[0].iov_len = 8 + f->out_len;
		f->out_len = 0;
	}
	return send_all(f->fd, v, 2);
}

/* A page goes as it lies, in records as large as they may be; what is small waits for the end. */
bool
fcgi_write(struct fcgi *f, struct iovec *v, size_t n)
{
	size_t left = 0, i;

	assert(n <= FCGI_PIECES_MAX);
	for (i = 0; i < n; i++)
		left += v[i].iov_len;
	if (!f->direct && f->out_len + left <= FCGI_SMALL) {
		for (i = 0; i < n; i++) {
			if (v[i].iov_len == 0)
				continue;
			memcpy(f->out + 8 + f->out_len, v[i].iov_base, v[i].iov_len);
			f->out_len += v[i].iov_len;
		}
		return true;
	}
	if (!f->direct) {
		f->direct = true;
		limit(f, SO_SNDTIMEO, STALL_S);
		if (f->out_len > 0 && !flush(f, NULL, 0))
			return false;
	}
	for (; left > 0; left -= left < RECORD_MAX ? left : RECORD_MAX)
		if (!send_record(f, v, left < RECORD_MAX ? left : RECORD_MAX))
			return false;
	return true;
}

/* Receiving ---------------------------------------------------------------------- */

static bool
receive(struct fcgi *f, void *p, size_t n, size_t *got)
{
	ssize_t r;

	if (f->end_ms != 0 && clock_mono() > f->end_ms)
		return false;
	if (f->waits_s != f->wait_s) {
		f->waits_s = f->wait_s;
		limit(f, SO_RCVTIMEO, f->wait_s);
	}
	do
		r = recv(f->fd, p, n, 0);
	while (r < 0 && errno == EINTR);
	if (r <= 0)
		return false;
	*got = (size_t)r;
	return true;
}

/* There is something in f->in; false: broken off. */
static bool
fill(struct fcgi *f)
{
	if (f->in_at < f->in_len)
		return true;
	f->in_at = 0;
	return receive(f, f->in, sizeof(f->in), &f->in_len);
}

static bool
skip(struct fcgi *f, size_t n)
{
	size_t take;

	for (; n > 0; n -= take) {
		if (!fill(f))
			return false;
		take = f->in_len - f->in_at < n ? f->in_len - f->in_at : n;
		f->in_at += take;
	}
	return true;
}

/* n bytes to p, a few of them. */
static bool
take(struct fcgi *f, unsigned char *p, size_t n)
{
	for (; n > 0; n--) {
		if (!fill(f))
			return false;
		*p++ = f->in[f->in_at++];
	}
	return true;
}

/* To the next record, past what nobody wanted of this one. */
static bool
next(struct fcgi *f, struct head *h)
{
	unsigned char b[8];

	if (!skip(f, (size_t)f->content + f->padding) || !take(f, b, sizeof(b)) || b[0] != PROTOCOL)
		return false;
	h->type = b[1];
	h->id = (unsigned)b[2] << 8 | b[3];
	f->content = (unsigned)b[4] << 8 | b[5];
	f->padding = b[6];
	return true;
}

/*
 * A record that is not of our request: a question about us (whose answer may leave
 * out what it does not know), or another request on the same connection.
 */
static bool
aside(struct fcgi *f, const struct head *h)
{
	unsigned char none[8];
	struct iovec v = { none, sizeof(none) };

	if (++f->asides > ASIDES_MAX)
		return false;
	if (h->id != 0)
		return h->type != BEGIN || send_word(f, END, h->id, 4, CANT_MULTIPLEX);
	if (h->type != GET_VALUES)
		return send_word(f, UNKNOWN_TYPE, 0, 0, (unsigned char)h->type);
	put_head(none, GET_VALUES_RESULT, 0, 0);
	return send_all(f->fd, &v, 1);
}

static const char *
begin(struct fcgi *f, const struct head *h)
{
	unsigned char b[3];

	if (h->id == 0 || f->content != 8)
		return "a bad beginning";
	if (!take(f, b, sizeof(b)))
		return "broken off";
	f->content -= (unsigned)sizeof(b);
	f->id = h->id;
	if ((b[0] << 8 | b[1]) == RESPONDER)
		return NULL;
	(void)send_word(f, END, h->id, 4, UNKNOWN_ROLE);
	return "another role";
}

/* The content of a record of the environment; beyond the cap it is thrown away, and the request will be refused. */
static bool
take_params(struct fcgi *f)
{
	size_t n;

	for (; f->content > 0; f->content -= (unsigned)n, f->in_at += n) {
		if (!fill(f))
			return false;
		n = f->in_len - f->in_at < f->content ? f->in_len - f->in_at : f->content;
		if (f->refuse != 0 || f->params.len + n > FCGI_PARAMS_MAX) {
			f->refuse = 431;
			if (++f->asides > ASIDES_MAX)
				return false;
		} else {
			buf_append(&f->params, f->in + f->in_at, n);
		}
	}
	return !f->params.failed;
}

/* A length of one byte or four; false: there is none at *p. */
static bool
length(const unsigned char **p, const unsigned char *end, size_t *out)
{
	const unsigned char *s = *p;

	if (s == end)
		return false;
	if (*s < 0x80) {
		*out = *s;
		*p = s + 1;
		return true;
	}
	if (end - s < 4)
		return false;
	*out = (size_t)(s[0] & 0x7f) << 24 | (size_t)s[1] << 16 | (size_t)s[2] << 8 | s[3];
	*p = s + 4;
	return true;
}

/*
 * Pairs to "NAME=value", in place: two lengths become '=' and NUL, so that what is
 * written never overtakes what is read.  False: they do not add up.
 */
static bool
make_env(struct fcgi *f)
{
	unsigned char *out = (unsigned char *)f->params.p;
	const unsigned char *s = out, *end = s != NULL ? s + f->params.len : s;
	size_t name, value, n;

	for (n = 0; s < end && n < FCGI_ENV_MAX; n++) {
		if (!length(&s, end, &name) || !length(&s, end, &value) || name == 0 || name > (size_t)(end - s) ||
		    value > (size_t)(end - s) - name) {
			f->env[n] = NULL;
			return f->refuse == 431;	/* cut by the cap */
		}
		/* No server passes a NUL on; a request is not to be understood by half. */
		if (memchr(s, '\0', name + value) != NULL && f->refuse == 0)
			f->refuse = 400;
		f->env[n] = (char *)out;
		memmove(out, s, name);
		out[name] = '=';
		memmove(out + name + 1, s + name, value);
		out[name + 1 + value] = '\0';
		out += name + value + 2;
		s += name + value;
	}
	f->env[n] = NULL;
	if (s < end)
		f->refuse = 431;
	return true;
}

/* Up to the end of the environment: NULL, or why not. */
static const char *
read_request(struct fcgi *f)
{
	struct head h = { 0, 0 };
	const char *why;

	for (;;) {
		if (!next(f, &h))
			return f->in_len == 0 ? "nothing was asked" : "broken off";
		if (h.id != f->id || h.id == 0) {
			if (f->id == 0 && h.type == BEGIN) {
				if ((why = begin(f, &h)) != NULL)
					return why;
			} else if (!aside(f, &h)) {
				return "nothing but other records";
			}
		} else if (h.type != PARAMS) {
			return h.type == ABORT ? "taken back" : "out of order";
		} else if (f->content == 0) {
			break;
		} else if (!take_params(f)) {
			return "broken off";
		}
	}
	return make_env(f) ? NULL : "the environment does not add up";
}

const char *
fcgi_open(struct fcgi *f, int fd)
{
	const int on = 1;
	const char *why;

	f->fd = fd;
	f->id = f->content = f->padding = f->asides = 0;
	f->over = f->broken = f->direct = false;
	f->refuse = 0;
	f->in_at = f->in_len = f->out_len = 0;
	f->waits_s = 0;
	buf_clear(&f->params);
	if (!f->local)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	f->wait_s = HEAD_S;
	f->end_ms = clock_mono() + HEAD_S * MS_SECOND;
	if ((why = read_request(f)) != NULL)
		hang_up(f);
	f->wait_s = STALL_S;
	f->end_ms = 0;
	return why;
}

/* The head of the next record of the body; false: broken off. */
static bool
next_of_body(struct fcgi *f)
{
	struct head h;

	do
		if (!next(f, &h))
			return false;
	while (h.id != f->id && aside(f, &h));
	return h.id == f->id && h.type == STDIN;
}

ssize_t
fcgi_body(struct fcgi *f, void *p, size_t n)
{
	if (f->content == 0 && !f->over && !f->broken) {
		f->broken = !next_of_body(f);
		f->over = !f->broken && f->content == 0;
	}
	if (f->over || f->broken)
		return f->broken ? -1 : 0;
	n = n < f->content ? n : f->content;
	if (f->in_at < f->in_len) {
		n = n < f->in_len - f->in_at ? n : f->in_len - f->in_at;
		memcpy(p, f->in + f->in_at, n);
		f->in_at += n;
	} else if (!receive(f, p, n, &n)) {
		f->broken = true;
		return -1;
	}
	f->content -= (unsigned)n;
	return (ssize_t)n;
}

/*
 * The server says all it has to say before we close: Apache's mod_proxy_fcgi writes
 * the end of a body by itself, and gives the visitor an error when nobody is there to
 * take it.  On a socket of this machine the answer has arrived then; what a network
 * has not delivered yet a close would tear down, so there the server's own is waited for.
 */
static void
hear_out(struct fcgi *f)
{
	unsigned char scrap[4096];
	size_t n;

	f->wait_s = LINGER_S;
	f->end_ms = clock_mono() + STALL_S * MS_SECOND;
	while (fcgi_body(f, scrap, sizeof(scrap)) > 0)
		;
	if (f->local)
		return;
	(void)shutdown(f->fd, SHUT_WR);
	while (receive(f, scrap, sizeof(scrap), &n))
		;
}

void
fcgi_close(struct fcgi *f)
{
	unsigned char end[24] = { 0 };

	put_head(end, STDOUT, f->id, 0);
	put_head(end + 8, END, f->id, 8);
	if (flush(f, end, sizeof(end)))
		hear_out(f);
	hang_up(f);
	if (f->params.cap > KEEP_MAX) {
		buf_fini(&f->params);
		buf_init(&f->params, FCGI_PARAMS_MAX);
	}
}
