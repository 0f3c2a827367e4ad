/* SPDX-License-Identifier: MIT */
/*
 * multipart.c - see multipart.h.
 *
 * The mark between parts is "\r\n--" and the boundary.  A carriage return
 * stands in it once, at its start, so that a match that breaks off can only
 * begin anew at the byte that broke it: no byte is looked at twice, however the
 * body was cut into pieces.
 */
#include "multipart.h"

#include <string.h>
#include <strings.h>

static const char form_data[] = "multipart/form-data";

bool
multipart_is(const char *content_type)
{
	const size_t n = sizeof(form_data) - 1;

	return content_type != NULL && strncasecmp(content_type, form_data, n) == 0 &&
	    (content_type[n] == ';' || content_type[n] == ' ' || content_type[n] == '\0');
}

/* bchars of RFC 2046. */
static bool
boundary_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c != '\0' && strchr("'()+_,-./:=? ", c) != NULL);
}

bool
multipart_init(struct multipart *m, const char *content_type, const struct multipart_calls *calls)
{
	const char *p = content_type, *end;
	size_t n, i;

	memset(m, 0, sizeof(*m));
	m->calls = *calls;
	if (!multipart_is(content_type))
		return false;
	for (;;) {
		if ((p = strchr(p, ';')) == NULL)
			return false;
		p += 1 + strspn(p + 1, " \t");
		if (strncasecmp(p, "boundary=", 9) == 0)
			break;
	}
	p += 9;
	if (*p == '"') {
		if ((end = strchr(++p, '"')) == NULL)
			return false;
	} else {
		end = p + strcspn(p, "; \t");
	}
	n = (size_t)(end - p);
	if (n == 0 || n > sizeof(m->mark) - 5 || end[-1] == ' ')
		return false;
	for (i = 0; i < n; i++)
		if (!boundary_byte(p[i]))
			return false;
	memcpy(m->mark, "\r\n--", 4);
	memcpy(m->mark + 4, p, n);
	m->mark_len = 4 + n;
	m->matched = 2;		/* the first mark needs no line before it */
	return true;
}

/* The value of `name` ("; name=") in a head's line, unquoted in place; NULL: it has none. */
static char *
parameter(char *line, const char *name)
{
	size_t n = strlen(name);
	char *p = line, *out, *to;

	for (;;) {
		p += strcspn(p, ";\"");
		if (*p == '"') {		/* over a quoted value */
			for (p++; *p != '\0' && *p != '"'; p++)
				if (*p == '\\' && p[1] == '"')
					p++;
			if (*p == '\0')
				return NULL;
			p++;
			continue;
		}
		if (*p == '\0')
			return NULL;
		p += 1 + strspn(p + 1, " \t");
		if (strncasecmp(p, name, n) == 0 && p[n] == '=' && p[n + 1] == '"')
			break;
	}
	out = to = p += n + 2;
	/* Browsers write a quote in a name as %22, other programs as \". */
	for (; *p != '"'; p++) {
		if (*p == '\0')
			return NULL;
		if (*p == '\\' && p[1] == '"')
			p++;
		else if (strncmp(p, "%22", 3) == 0) {
			*to++ = '"';
			p += 2;
			continue;
		}
		*to++ = *p;
	}
	*to = '\0';
	return out;
}

static bool
begin_part(struct multipart *m)
{
	static const char wanted[] = "content-disposition:";
	char *line = m->head, *next, copy[MULTIPART_HEAD_MAX], *name, *file;
	const char *s;

	m->head[m->head_len] = '\0';
	if (strlen(m->head) != m->head_len)
		return false;
	for (;; line = next + 2) {
		if ((next = strstr(line, "\r\n")) == NULL)
			return false;
		*next = '\0';
		if (strncasecmp(line, wanted, sizeof(wanted) - 1) == 0)
			break;
	}
	line += sizeof(wanted) - 1;
	line += strspn(line, " \t");
	if (strncasecmp(line, "form-data", 9) != 0)
		return false;
	memcpy(copy, line, strlen(line) + 1);
	if ((name = parameter(line, "name")) == NULL || *name == '\0' || strlen(name) > MULTIPART_NAME_MAX)
		return false;
	for (s = name; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	file = parameter(copy, "filename");
	m->head_len = 0;
	return m->calls.begin(m->calls.arg, name, file);
}

/* A byte of the head; the blank line ends it. */
static bool
head_byte(struct multipart *m, char c)
{
	if (m->head_len + 1 >= sizeof(m->head))
		return false;
	m->head[m->head_len++] = c;
	if (m->head_len < 4 || memcmp(m->head + m->head_len - 4, "\r\n\r\n", 4) != 0)
		return true;
	m->head_len -= 2;
	if (!begin_part(m))
		return false;
	m->state = MULTIPART_DATA;
	m->matched = 0;
	return true;
}

/* The two bytes behind a mark: "--" ends it all, a line break begins a head. */
static bool
mark_byte(struct multipart *m, char c)
{
	m->head[m->head_len++] = c;
	if (m->head_len < 2)
		return c == '-' || c == '\r';
	m->head_len = 0;
	if (m->head[0] != (c == '-' ? '-' : '\r') || (c != '-' && c != '\n'))
		return false;
	m->state = c == '-' ? MULTIPART_OVER : MULTIPART_HEAD;
	return true;
}

static bool
tell_data(struct multipart *m, const char *p, size_t n)
{
	return n == 0 || m->state == MULTIPART_BEFORE || m->calls.data(m->calls.arg, p, n);
}

/* Up to the next mark or the end of the bytes; how many were taken, or SIZE_MAX. */
static size_t
data_bytes(struct multipart *m, const char *p, size_t n)
{
	size_t i = 0, run;
	const char *cr;

	while (i < n) {
		if (m->matched == 0) {
			cr = memchr(p + i, '\r', n - i);
			run = cr == NULL ? n - i : (size_t)(cr - p) - i;
			if (!tell_data(m, p + i, run))
				return (size_t)-1;
			if ((i += run) == n)
				break;
			m->matched = 1;
			i++;
		} else if (p[i] == m->mark[m->matched]) {
			i++;
			if (++m->matched < m->mark_len)
				continue;
			if (m->state == MULTIPART_DATA && !m->calls.end(m->calls.arg))
				return (size_t)-1;
			m->state = MULTIPART_MARK;
			m->head_len = 0;
			return i;
		} else {
			run = m->matched;
			m->matched = 0;
			if (!tell_data(m, m->mark, run))
				return (size_t)-1;
		}
	}
	return i;
}

bool
multipart_feed(struct multipart *m, const char *p, size_t n)
{
	size_t took;

	while (n > 0) {
		took = 1;
		switch (m->state) {
		case MULTIPART_BEFORE:
		case MULTIPART_DATA:
			if ((took = data_bytes(m, p, n)) == (size_t)-1)
				return false;
			break;
		case MULTIPART_MARK:
			if (!mark_byte(m, *p))
				return false;
			break;
		case MULTIPART_HEAD:
			if (!head_byte(m, *p))
				return false;
			break;
		case MULTIPART_OVER:
			return true;	/* what stands behind it is nobody's */
		}
		p += took;
		n -= took;
	}
	return true;
}

bool
multipart_whole(const struct multipart *m)
{
	return m->state == MULTIPART_OVER;
}
