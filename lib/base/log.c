/* SPDX-License-Identifier: MIT */
/*
 * log.c - one line per event, cleaned and redacted.
 *
 * The line is made in a buffer on the stack and written with one write(2), so
 * that lines of several processes do not mix.  Never fails and never
 * allocates: what does not fit is cut, what cannot be written is lost.
 *
 *   2026-11-22T10:00:11.042Z warn hook_refused prog=inbox.fcgi pid=77 req=ab12 reason=signature
 */
#include "clock.h"
#include "log.h"
#include "str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define LINE_MAX_	4096	/* PIPE_BUF: written whole or not at all */
#define VALUE_MAX_	512

static char		log_program[32];
static char		log_prefix[64];
static enum log_level	log_least = LOG_INFO_;
static int		log_fd = STDERR_FILENO;

struct line {
	char	text[LINE_MAX_];
	size_t	len;
};

/* ---- what must not be read ---- */

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    c == '_' || c == '-';
}

/* Lower case, '-' as '_', cut to size. */
static void
fold(char *out, size_t size, const char *s, size_t n)
{
	size_t i;

	if (n > size - 1)
		n = size - 1;
	for (i = 0; i < n; i++) {
		out[i] = s[i];
		if (s[i] >= 'A' && s[i] <= 'Z')
			out[i] = (char)(s[i] - 'A' + 'a');
		else if (s[i] == '-')
			out[i] = '_';
	}
	out[n] = '\0';
}

enum sense { PLAIN, SENSITIVE, SPEECH };	/* SPEECH: text of people, with blanks */

static enum sense
sense_of(const char *s, size_t n)
{
	static const char *const part[] = { "token", "secret", "cookie", "passw", "authoriz",
	    "proof", "bearer", "signed_request", "csrf", "credential", "api_key" };
	static const char *const whole[] = { "code", "auth", "session", "sid", "key",
	    "client_key", "master_key", "hub_challenge" };
	static const char *const speech[] = { "text", "body", "message", "snippet", "subject",
	    "content" };
	char w[64];
	size_t i;

	fold(w, sizeof(w), s, n);
	for (i = 0; i < sizeof(part) / sizeof(part[0]); i++)
		if (strstr(w, part[i]) != NULL)
			return SENSITIVE;
	for (i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		if (strcmp(w, whole[i]) == 0)
			return SENSITIVE;
	for (i = 0; i < sizeof(speech) / sizeof(speech[0]); i++)
		if (strcmp(w, speech[i]) == 0)
			return SPEECH;
	return PLAIN;
}

static bool
is_scheme(const char *s, size_t n)
{
	return (n == 6 && strncasecmp(s, "Bearer", 6) == 0) ||
	    (n == 5 && strncasecmp(s, "Basic", 5) == 0);
}

/* "code" is also the number of an error: at most five digits are no secret. */
static bool
is_number_code(const char *name, size_t n, const char *value)
{
	size_t digits = strspn(value, "0123456789");

	return n == 4 && strncmp(name, "code", 4) == 0 && digits > 0 && digits <= 5 &&
	    !is_word(value[digits]);
}

/* Words that are tokens by their looks: Facebook's and our sealed ones. */
static bool
looks_secret(const char *s, size_t n)
{
	if (n >= 20 && strncmp(s, "EAA", 3) == 0)
		return true;
	/* A JWT: base64url of {"... */
	return n >= 20 && strncmp(s, "eyJ", 3) == 0;
}

/*
 * Length of a separator between a name and its value at s: = or :, also
 * percent-encoded, with quotes, backslashes and blanks around; else 0.
 */
static size_t
separator(const char *s)
{
	size_t i = strspn(s, "\"'\\ \t"), from;

	from = i;
	if (s[i] == '=' || s[i] == ':')
		i++;
	else if (s[i] == '%' && s[i + 1] == '3' &&
	    (s[i + 2] == 'D' || s[i + 2] == 'd' || s[i + 2] == 'A' || s[i + 2] == 'a'))
		i += 3;
	if (i == from)
		return 0;
	return i + strspn(s + i, "\"'\\ \t");
}

/* ---- one line ---- */

static void
put(struct line *l, const char *s, size_t n)
{
	if (n > sizeof(l->text) - 1 - l->len)	/* the newline always fits */
		n = sizeof(l->text) - 1 - l->len;
	memcpy(l->text + l->len, s, n);
	l->len += n;
}

/* A byte of a value: printable ones and valid UTF-8 stay. */
static void
put_clean(struct line *l, const char *s, size_t n)
{
	char esc[5];
	size_t i, len;

	for (i = 0; i < n; i += len) {
		unsigned char c;

		for (len = 0; i + len < n; len++) {
			c = (unsigned char)s[i + len];
			if (c < ' ' || c >= 0x7f || c == '"' || c == '\\')
				break;
		}
		if (len > 0) {
			put(l, s + i, len);
			continue;
		}
		c = (unsigned char)s[i];
		len = 1;
		if (c >= 0x80) {
			size_t want = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;

			/* C1 controls and U+2028/2029 end lines for some readers. */
			if (want <= n - i && str_utf8_ok(s + i, want) &&
			    !(c == 0xc2 && (unsigned char)s[i + 1] < 0xa0) &&
			    strncmp(s + i, "\xe2\x80\xa8", 3) != 0 &&
			    strncmp(s + i, "\xe2\x80\xa9", 3) != 0) {
				put(l, s + i, want);
				len = want;
				continue;
			}
		} else if (c == '"' || c == '\\') {
			put(l, "\\", 1);
			put(l, s + i, 1);
			continue;
		} else if (c == '\n') {
			put(l, "\\n", 2);
			continue;
		}
		(void)snprintf(esc, sizeof(esc), "\\x%02x", c);
		put(l, esc, 4);
	}
}

/* A value, with everything that must not be read replaced by "-". */
static void
put_redacted(struct line *l, const char *s)
{
	const char *end = s + strnlen(s, VALUE_MAX_);
	bool cut = *end != '\0';

	while (s < end) {
		const char *word = s;
		enum sense sense;
		size_t n, sep;

		if (!is_word(*s)) {
			/* Whole characters, so that UTF-8 is recognised. */
			while (s < end && !is_word(*s))
				s++;
			put_clean(l, word, (size_t)(s - word));
			continue;
		}
		while (*s != '\0' && is_word(*s))
			s++;
		n = (size_t)(s - word);
		if (looks_secret(word, n)) {
			put(l, "-", 1);
			continue;
		}
		put(l, word, s > end ? (size_t)(end - word) : n);
		if ((sep = separator(s)) == 0) {
			/* "Bearer EAAB..." has no separator but a blank. */
			if (*s != ' ' || !is_scheme(word, n))
				continue;
			sep = 1;
			sense = SENSITIVE;
		} else if ((sense = sense_of(word, n)) == PLAIN)
			continue;
		put_clean(l, s, sep);
		if (is_number_code(word, n, s + sep)) {
			s += sep;
			continue;
		}
		put(l, "-", 1);
		s += sep;
		if (sense == SPEECH)
			return;
		/* "Authorization: Bearer x": the scheme is not the secret. */
		n = strcspn(s, " ");
		if (s[n] == ' ' && is_scheme(s, n))
			s += n + 1;
		s += strcspn(s, " \t\r\n&\"'\\;,<>(){}[]");
	}
	if (cut)
		put(l, "...", 3);
}

/* The names are ours: up to the first byte that no name has. False when there was one. */
static bool
put_name(struct line *l, const char *s)
{
	size_t n = 0;

	while (n < 64 && (is_word(s[n]) || s[n] == '.'))
		n++;
	if (n == 0 || looks_secret(s, n))
		put(l, "-", 1);
	else
		put(l, s, n);
	return s[n] == '\0';
}

static void
put_pair(struct line *l, const char *key, const char *value)
{
	const char *end = strrchr(key, '.');	/* "message.text" is a text */
	bool quote;

	end = end == NULL ? key : end + 1;
	put(l, " ", 1);
	if (!put_name(l, key))
		value = NULL;
	put(l, "=", 1);
	if (value == NULL || (sense_of(end, strlen(end)) != PLAIN &&
	    !is_number_code(end, strlen(end), value))) {
		put(l, "-", 1);
		return;
	}
	quote = *value == '\0' || strpbrk(value, " \t\r\n\"=") != NULL;
	if (quote)
		put(l, "\"", 1);
	put_redacted(l, value);
	if (quote)
		put(l, "\"", 1);
}

static void
put_head(struct line *l, enum log_level level, const char *event)
{
	static const char *const name[] = { " debug ", " info ", " warn ", " error " };
	int64_t now = clock_now();
	char time[25], ms[8], pid[16];

	clock_iso(now, time);
	put(l, time, strlen(time) - 1);		/* the Z comes after the fraction */
	(void)snprintf(ms, sizeof(ms), ".%03uZ", (unsigned)(now % 1000 + 1000) % 1000u);
	put(l, ms, strlen(ms));
	put(l, name[level], strlen(name[level]));
	(void)put_name(l, event);
	if (log_program[0] != '\0') {
		put_pair(l, "prog", log_program);
		(void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
		put_pair(l, "pid", pid);
	}
	put(l, log_prefix, strlen(log_prefix));
}

static void
put_end(struct line *l)
{
	int saved = errno;

	l->text[l->len++] = '\n';
	while (write(log_fd, l->text, l->len) < 0 && errno == EINTR)
		;
	errno = saved;
}

/* ---- public ---- */

void
log_init(const char *program, enum log_level least, int fd)
{
	(void)snprintf(log_program, sizeof(log_program), "%s", program == NULL ? "" : program);
	log_least = least;
	log_fd = fd;
	log_prefix[0] = '\0';
}

void
log_context(const char *req_id)
{
	struct line l;
	const char *eq;

	log_prefix[0] = '\0';
	if (req_id == NULL || *req_id == '\0')
		return;
	l.len = 0;
	if ((eq = strchr(req_id, '=')) != NULL && eq > req_id && eq - req_id < 16) {
		char key[16];

		memcpy(key, req_id, (size_t)(eq - req_id));
		key[eq - req_id] = '\0';
		put_pair(&l, key, eq + 1);
	} else
		put_pair(&l, "req", req_id);
	if (l.len > sizeof(log_prefix) - 1)
		l.len = sizeof(log_prefix) - 1;
	memcpy(log_prefix, l.text, l.len);
	log_prefix[l.len] = '\0';
}

void
log_event(enum log_level level, const char *event, ...)
{
	const char *key;
	struct line l;
	va_list ap;

	if (level < log_least)
		return;
	l.len = 0;
	put_head(&l, level, event);
	va_start(ap, event);
	while ((key = va_arg(ap, const char *)) != NULL)
		put_pair(&l, key, va_arg(ap, const char *));
	va_end(ap);
	put_end(&l);
}

const char *
log_i(int64_t v)
{
	static char ring[16][24];
	static unsigned next;
	char *s = ring[next++ % 16];

	(void)snprintf(s, sizeof(ring[0]), "%lld", (long long)v);
	return s;
}

void
log_err(const struct ib_err *err, const char *event)
{
	static const char *const retry[] = { "now", "later", "never" };
	enum log_level level = LOG_ERROR_;
	const char *file;
	char at[64];

	if (err == NULL)
		return;
	/* The world outside has its moods; the rest wants somebody's attention. */
	if (err->code == IB_EUPSTREAM || err->code == IB_ETIMEOUT || err->code == IB_ELIMIT ||
	    err->code == IB_EBUSY)
		level = LOG_WARN_;
	file = strrchr(err->file, '/');
	(void)snprintf(at, sizeof(at), "%s:%d", file == NULL ? err->file : file + 1, err->line);
	log_event(level, event, "err", ib_code_name(err->code), "retry", retry[err->retry],
	    "at", at, "msg", err->msg, NULL);
}
