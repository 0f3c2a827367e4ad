/* SPDX-License-Identifier: MIT */
/*
 * json.c - the only door to jansson.
 *
 * struct json is a json_t under another name.  Parsing can fail for bad input
 * and want of memory; getters never fail.  A first parse that fails may be
 * followed by one repair and one more parse:
 *
 *   any mode	 integers that no int64 holds become strings of the same digits
 *		 (jansson would refuse the document; a double would change ids)
 *   lenient	 \u0000 is dropped, a \ud8xx escape without its partner becomes
 *		 \ufffd
 *
 * Good documents pay nothing for this.
 */
#include <jansson.h>

/* Ours are functions, so that no other file sees jansson. */
#undef json_is_object
#undef json_is_array
#undef json_is_string
#undef json_is_null

#include "json.h"
#include "str.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static json_t *
in(const struct json *j)
{
	return (json_t *)(uintptr_t)j;
}

static struct json *
out_(json_t *j)
{
	return (struct json *)(void *)j;
}

/* ---- parsing ---- */

/*
 * jansson seeds its hash tables from /dev/urandom at the first object, which
 * a sandboxed process may not open; then it falls back to the time.
 */
static void
seed_once(void)
{
	static bool done;
	size_t seed = 0;

	if (done)
		return;
	done = true;
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == (ssize_t)sizeof(seed))
		json_object_seed(seed);
}

/* jansson recurses to 2048 levels; nobody sends us more than a dozen. */
static bool
too_deep(const char *p, size_t n)
{
	const char *end = p + n;
	unsigned depth = 0;

	for (; p < end; p++) {
		switch (*p) {
		case '{':
		case '[':
			if (++depth > JSON_DEPTH_MAX)
				return true;
			break;
		case '}':
		case ']':
			if (depth > 0)
				depth--;
			break;
		case '"':
			for (p++; p < end && *p != '"'; p++)
				if (*p == '\\')
					p++;
			break;
		}
	}
	return false;
}

/* Value of the escape \uXXXX at p, or -1. */
static int
unicode_escape(const char *p, const char *end)
{
	int v = 0, i;

	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (i = 2; i < 6; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			v = v << 4 | (c - 'A' + 10);
		else
			return -1;
	}
	return v;
}

/* Length of an integer at p that is well-formed and fits no int64; else 0. */
static size_t
big_integer(const char *p, const char *end)
{
	static const char most[] = "9223372036854775807", least[] = "9223372036854775808";
	const char *from = p, *digits, *after;
	size_t n;

	if (p < end && *p == '-')
		p++;
	digits = p;
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	n = (size_t)(p - digits);
	if (n < sizeof(most) - 1 || *digits == '0' ||
	    (p < end && (*p == '.' || *p == 'e' || *p == 'E')))
		return 0;
	if (n == sizeof(most) - 1 &&
	    memcmp(digits, digits == from ? most : least, n) <= 0)
		return 0;
	/* As a member's name it is a mistake and stays one. */
	for (after = p; after < end && strchr(" \t\r\n", *after) != NULL; after++)
		;
	if (after < end && *after == ':')
		return 0;
	return (size_t)(p - from);
}

/* A repaired copy of the document; NULL for want of memory.  *len is its length. */
static char *
repair(const char *p, size_t n, bool lenient, size_t *len)
{
	const char *end = p + n, *from = p;
	bool string = false;
	char *copy, *o;

	/* Only quoting makes it longer: 2 bytes for at least 19 digits. */
	if (n > SIZE_MAX / 2 || (copy = malloc(n + n / 8 + 2)) == NULL)
		return NULL;
	for (o = copy; p < end; ) {
		size_t take = 1;

		if (!string) {
			if ((*p == '-' || (*p >= '0' && *p <= '9')) &&
			    (p == from || strchr("[,: \t\r\n", p[-1]) != NULL) &&
			    (take = big_integer(p, end)) > 0) {
				*o++ = '"';
				memcpy(o, p, take);
				o += take;
				*o++ = '"';
				p += take;
				continue;
			}
			take = 1;
		}
		if (*p == '"')
			string = !string;
		else if (string && *p == '\\') {
			int cp = unicode_escape(p, end), next;

			if (cp < 0)
				take = end - p < 2 ? 1 : 2;
			else if (lenient && cp == 0) {
				p += 6;
				continue;
			} else if (cp >= 0xd800 && cp <= 0xdfff) {
				next = cp < 0xdc00 ? unicode_escape(p + 6, end) : -1;
				if (next >= 0xdc00 && next <= 0xdfff)
					take = 12;
				else if (lenient) {
					memcpy(o, "\\ufffd", 6);
					o += 6;
					p += 6;
					continue;
				} else
					take = 6;
			} else
				take = 6;
		}
		memcpy(o, p, take);
		o += take;
		p += take;
	}
	*len = (size_t)(o - copy);
	return copy;
}

const struct ib_err *
json_parse(const char *p, size_t n, int flags, struct json **out)
{
	bool lenient = (flags & JSON_LENIENT_) != 0;
	size_t how = lenient ? 0 : JSON_REJECT_DUPLICATES, len;
	json_error_t e;
	json_t *j;
	char *copy;

	*out = NULL;
	seed_once();
	if (p == NULL) {
		p = "";
		n = 0;
	}
	if (too_deep(p, n))
		return ib_fail(IB_EPARSE, IB_RETRY_NEVER,
		    "json: deeper than %d levels", JSON_DEPTH_MAX);
	if ((j = json_loadb(p, n, how, &e)) == NULL &&
	    (lenient || json_error_code(&e) == json_error_numeric_overflow)) {
		if ((copy = repair(p, n, lenient, &len)) == NULL)
			goto nomem;
		j = json_loadb(copy, len, how, &e);
		free(copy);
	}
	if (j == NULL) {
		if (json_error_code(&e) == json_error_out_of_memory)
			goto nomem;
		/* e.text quotes the document: not for the log. */
		return ib_fail(IB_EPARSE, IB_RETRY_NEVER, "json: error %d at byte %d of %zu",
		    (int)json_error_code(&e), e.position, n);
	}
	*out = out_(j);
	return NULL;
nomem:
	return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "json: no memory for %zu bytes", n);
}

const char *
json_library(void)
{
	return jansson_version_str();
}

void
json_free(struct json *j)
{
	json_decref(in(j));
}

/* ---- looking ---- */

/* json_typeof() of NULL would crash; -1 is no type. */
static int
type(const struct json *j)
{
	return j == NULL ? -1 : (int)json_typeof(in(j));
}

bool
json_is_object(const struct json *j)
{
	return type(j) == JSON_OBJECT;
}

bool
json_is_array(const struct json *j)
{
	return type(j) == JSON_ARRAY;
}

bool
json_is_string(const struct json *j)
{
	return type(j) == JSON_STRING;
}

bool
json_is_null(const struct json *j)
{
	return j == NULL || type(j) == JSON_NULL;
}

struct json *
json_get(const struct json *obj, const char *key)
{
	return out_(json_object_get(in(obj), key));
}

struct json *
json_at(const struct json *arr, size_t i)
{
	return out_(json_array_get(in(arr), i));
}

size_t
json_len(const struct json *j)
{
	return json_is_array(j) ? json_array_size(in(j)) : json_object_size(in(j));
}

const char *
json_str(const struct json *j)
{
	return json_string_value(in(j));
}

const char *
json_get_str(const struct json *obj, const char *key)
{
	return json_str(json_get(obj, key));
}

const char *
json_id(struct arena *a, const struct json *j)
{
	if (type(j) == JSON_STRING)
		return arena_dup(a, json_str(j));
	if (type(j) == JSON_INTEGER)
		return arena_printf(a, "%" JSON_INTEGER_FORMAT, json_integer_value(in(j)));
	return NULL;
}

int64_t
json_int(const struct json *j, int64_t dflt)
{
	int64_t v;
	double d;

	switch (type(j)) {
	case JSON_INTEGER:
		return json_integer_value(in(j));
	case JSON_REAL:
		/* 1795341600.0 is an integer; the bounds are exact in a double. */
		d = json_real_value(in(j));
		if (d >= -9223372036854775808.0 && d < 9223372036854775808.0 &&
		    (double)(int64_t)d >= d && (double)(int64_t)d <= d)
			return (int64_t)d;
		return dflt;
	case JSON_STRING:
		return str_int(json_str(j), &v) ? v : dflt;
	default:
		return dflt;
	}
}

/* Digits only: strtod() would also take blanks, hexadecimal and "inf". */
static bool
is_digits(const char *s)
{
	if (*s == '-')
		s++;
	if (*s == '\0')
		return false;
	return s[strspn(s, "0123456789")] == '\0';
}

double
json_num(const struct json *j, double dflt)
{
	switch (type(j)) {
	case JSON_INTEGER:
		return (double)json_integer_value(in(j));
	case JSON_REAL:
		return json_real_value(in(j));
	case JSON_STRING:
		return is_digits(json_str(j)) ? strtod(json_str(j), NULL) : dflt;
	default:
		return dflt;
	}
}

bool
json_bool(const struct json *j, bool dflt)
{
	const char *s;

	switch (type(j)) {
	case JSON_TRUE:
		return true;
	case JSON_FALSE:
		return false;
	case JSON_INTEGER:
		return json_integer_value(in(j)) == 1 ||
		    (json_integer_value(in(j)) != 0 && dflt);
	case JSON_STRING:
		s = json_str(j);
		if (strcmp(s, "true") == 0 || strcmp(s, "1") == 0)
			return true;
		if (strcmp(s, "false") == 0 || strcmp(s, "0") == 0)
			return false;
		return dflt;
	default:
		return dflt;
	}
}

void *
json_iter(const struct json *obj)
{
	return json_object_iter(in(obj));
}

void *
json_next(const struct json *obj, void *it)
{
	return json_object_iter_next(in(obj), it);
}

const char *
json_iter_key(void *it)
{
	return json_object_iter_key(it);
}

struct json *
json_iter_value(void *it)
{
	return out_(json_object_iter_value(it));
}

/* ---- building ---- */

struct json *
json_new_object(void)
{
	seed_once();
	return out_(json_object());
}

struct json *
json_new_array(void)
{
	return out_(json_array());
}

bool
json_set(struct json *obj, const char *key, struct json *take_value)
{
	return json_object_set_new(in(obj), key, in(take_value)) == 0;
}

bool
json_set_str(struct json *obj, const char *key, const char *value)
{
	if (value == NULL)
		return obj != NULL;
	return json_object_set_new(in(obj), key, json_string(value)) == 0;
}

bool
json_set_int(struct json *obj, const char *key, int64_t value)
{
	return json_object_set_new(in(obj), key, json_integer(value)) == 0;
}

bool
json_set_num(struct json *obj, const char *key, double value)
{
	return json_object_set_new(in(obj), key, json_real(value)) == 0;
}

bool
json_set_bool(struct json *obj, const char *key, bool value)
{
	return json_object_set_new(in(obj), key, json_boolean(value)) == 0;
}

bool
json_add(struct json *arr, struct json *take_value)
{
	return json_array_append_new(in(arr), in(take_value)) == 0;
}

bool
json_add_str(struct json *arr, const char *value)
{
	return json_array_append_new(in(arr), json_string(value)) == 0;
}

static int
dump_piece(const char *p, size_t n, void *arg)
{
	struct ib_buf *b = arg;

	buf_append(b, p, n);
	return b->failed ? -1 : 0;
}

const struct ib_err *
json_dump(const struct json *j, bool canonical, struct ib_buf *out)
{
	/* 15 digits: 0.1 stays 0.1, and amounts of money are exact. */
	size_t how = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15);

	if (canonical)
		how |= JSON_SORT_KEYS;
	if (j == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "json: nothing to write");
	if (json_dump_callback(in(j), dump_piece, out, how) != 0 && !out->failed)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "json: cannot write");
	return buf_check(out);
}
