/* SPDX-License-Identifier: MIT */
/*
 * form.c - parsers of what a request brings: query and form, cookies, path.
 *
 * They take bytes from anybody and refuse rather than repair; the exceptions
 * are named in req_private.h.  Results live in the arena, the input stays as
 * it is.  Nothing here fails but for want of memory.
 */
#include "req_private.h"

#include "../lib/base/str.h"

#include <string.h>

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The byte of "%XX" at s, or -1. */
static int
escaped(const char *s, const char *end)
{
	int hi, lo;

	if (end - s < 3 || (hi = hex_digit(s[1])) < 0 || (lo = hex_digit(s[2])) < 0)
		return -1;
	return hi << 4 | lo;
}

static bool
is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

/*
 * Decode [s, end) to out, which has room for it and a NUL.  Returns the byte
 * after the NUL, or NULL when it is refused.  `clean` treats controls as in
 * values; else they are refused.  `plain`: nothing in it is escaped.
 */
static char *
decode(const char *s, const char *end, char *out, bool clean, bool plain)
{
	char *from = out;
	bool cr = false;
	int c;

	for (; s < end; s++) {
		c = (unsigned char)*s;
		if (plain) {
			;
		} else if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			if ((c = escaped(s, end)) < 0)
				return NULL;
			s += 2;
		}
		if (is_control((unsigned char)c)) {
			if (c == '\0' || !clean)
				return NULL;
			if (c == '\r' || c == '\n') {
				if (c == '\r' || !cr)
					*out++ = '\n';
				cr = c == '\r';
				continue;
			}
			if (c != '\t')
				continue;
		}
		cr = false;
		*out++ = (char)c;
	}
	if (!str_utf8_ok(from, (size_t)(out - from)))
		return NULL;
	*out++ = '\0';
	return out;
}

static bool
is_repeated(const struct form *f, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->fields[i].name_len == len && memcmp(f->fields[i].name, name, len) == 0)
			return true;
	return false;
}

/* One "name=value" at [s, end); *text is where decoded text goes. */
static enum form_result
add_field(struct form *f, const char *s, const char *end, const char *repeatable, char **text)
{
	struct form_field *field;
	const char *eq, *name;
	char *value, *after;
	size_t len;

	if (f->n == FORM_FIELDS_MAX)
		return FORM_MANY;
	if ((eq = memchr(s, '=', (size_t)(end - s))) == NULL)
		eq = end;
	name = *text;
	if ((value = decode(s, eq, *text, false, false)) == NULL)
		return FORM_BAD;
	len = (size_t)(value - name) - 1;
	if (len == 0 || len > FORM_NAME_MAX)
		return FORM_BAD;
	if ((after = decode(eq < end ? eq + 1 : end, end, value, true, false)) == NULL)
		return FORM_BAD;
	if (is_repeated(f, name, len) && (repeatable == NULL || strcmp(name, repeatable) != 0))
		return FORM_BAD;
	field = &f->fields[f->n++];
	field->name = name;
	field->name_len = len;
	field->value = value;
	*text = after;
	return FORM_OK;
}

enum form_result
form_parse(struct arena *a, const char *s, size_t n, const char *repeatable, struct form *out)
{
	const char *end, *amp;
	enum form_result res;
	size_t fields = 1, i;
	char *text;

	out->fields = NULL;
	out->n = 0;
	if (n == 0)
		return FORM_OK;
	for (i = 0; i < n && fields < FORM_FIELDS_MAX; i++)
		fields += s[i] == '&';
	/* Decoded text is never longer; two NULs a field take the room of '=' and '&', if there. */
	if ((out->fields = ARENA_ARRAY(a, fields, struct form_field)) == NULL ||
	    (text = arena_alloc(a, n + fields + 2)) == NULL)
		return FORM_NOMEM;
	for (end = s + n; s < end; s = amp + 1) {
		if ((amp = memchr(s, '&', (size_t)(end - s))) == NULL)
			amp = end;
		if (amp > s && (res = add_field(out, s, amp, repeatable, &text)) != FORM_OK)
			return res;
	}
	return FORM_OK;
}

enum form_result
form_put(struct arena *a, struct form *f, const char *name, const char *s, size_t n, const char *repeatable)
{
	struct form_field *field;
	size_t len = strlen(name);
	char *value;

	if (f->fields == NULL && (f->fields = ARENA_ARRAY(a, FORM_FIELDS_MAX, struct form_field)) == NULL)
		return FORM_NOMEM;
	if (f->n == FORM_FIELDS_MAX)
		return FORM_MANY;
	if (len == 0 || len > FORM_NAME_MAX || !str_utf8_ok(name, len) ||
	    (is_repeated(f, name, len) && (repeatable == NULL || strcmp(name, repeatable) != 0)))
		return FORM_BAD;
	if ((value = arena_alloc(a, n + 1)) == NULL)
		return FORM_NOMEM;
	if (decode(s, s + n, value, true, true) == NULL)
		return FORM_BAD;
	field = &f->fields[f->n++];
	field->name = arena_dup(a, name);
	field->name_len = len;
	field->value = value;
	return field->name == NULL ? FORM_NOMEM : FORM_OK;
}

const char *
form_get(const struct form *f, const char *name)
{
	size_t i, len = strlen(name);

	for (i = 0; i < f->n; i++)
		if (f->fields[i].name_len == len && memcmp(f->fields[i].name, name, len) == 0)
			return f->fields[i].value;
	return NULL;
}

size_t
form_all(const struct form *f, struct arena *a, const char *name, const char ***out)
{
	const char **all;
	size_t i, n = 0;

	*out = NULL;
	for (i = 0; i < f->n; i++)
		n += strcmp(f->fields[i].name, name) == 0;
	if (n == 0 || (all = ARENA_ARRAY(a, n, const char *)) == NULL)
		return 0;
	for (i = n = 0; i < f->n; i++)
		if (strcmp(f->fields[i].name, name) == 0)
			all[n++] = f->fields[i].value;
	*out = all;
	return n;
}

/* cookie-octet of RFC 6265. */
static bool
cookie_byte(char c)
{
	return c > 0x20 && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\';
}

bool
cookie_value_ok(const char *s)
{
	for (; *s != '\0'; s++)
		if (!cookie_byte(*s))
			return false;
	return true;
}

const char *
cookie_find(struct arena *a, const char *header, const char *name)
{
	const char *s = header, *end, *found = NULL;
	size_t len = strlen(name), value_len = 0, i;

	if (header == NULL || len == 0)
		return NULL;
	for (;;) {
		while (*s == ' ' || *s == '\t' || *s == ';')
			s++;
		if (*s == '\0')
			break;
		end = strchrnul(s, ';');
		if ((size_t)(end - s) > len && s[len] == '=' && memcmp(s, name, len) == 0) {
			if (found != NULL)
				return NULL;
			found = s + len + 1;
			value_len = (size_t)(end - found);
		}
		s = end;
	}
	if (found == NULL)
		return NULL;
	while (value_len > 0 && (found[value_len - 1] == ' ' || found[value_len - 1] == '\t'))
		value_len--;
	for (i = 0; i < value_len; i++)
		if (!cookie_byte(found[i]))
			return NULL;
	return arena_dupn(a, found, value_len);
}

/* "", "." or ".." between s and end, which begin and end a segment. */
static bool
odd_segment(const char *s, const char *end)
{
	return end == s || (end - s == 1 && s[0] == '.') ||
	    (end - s == 2 && s[0] == '.' && s[1] == '.');
}

enum path_result
path_decode(struct arena *a, const char *s, size_t n, char **out)
{
	const char *end = s + n, *seg, *next;
	char *path, *p;
	int c;

	*out = NULL;
	if (n == 0 || *s != '/')
		return PATH_BAD;
	if ((path = p = arena_alloc(a, n + 1)) == NULL)
		return PATH_NOMEM;
	for (; s < end; s++) {
		c = (unsigned char)*s;
		if (c == '%') {
			if ((c = escaped(s, end)) < 0)
				return PATH_BAD;
			if (c == '/')
				return PATH_NONE;
			s += 2;
		}
		if (is_control((unsigned char)c))
			return PATH_BAD;
		*p++ = (char)c;
	}
	*p = '\0';
	if (!str_utf8_ok(path, (size_t)(p - path)))
		return PATH_BAD;
	/* A slash at the very end leaves an empty segment behind it, which is none. */
	for (seg = path + 1; seg < p; seg = next + 1) {
		next = strchrnul(seg, '/');
		if (odd_segment(seg, next))
			return PATH_BAD;
	}
	*out = path;
	return PATH_OK;
}
