/* SPDX-License-Identifier: MIT */
/*
 * json.h - the only door to jansson.
 *
 * A parsed document is owned by the caller (json_free on the root); values
 * inside are borrowed and live as long as the root.  Every getter accepts
 * NULL and values of the wrong kind and then says so by its default, so that
 * a missing member is never a crash.  Parsing caps size (the caller) and depth.
 *
 * An integer beyond int64 is a string of the same digits after parsing: an id
 * stays exact (json_id), json_int gives its default, json_num the double.
 */
#ifndef IB_JSON_H
#define IB_JSON_H

#include "arena.h"
#include "buf.h"

struct json;		/* opaque: a jansson value */

#define JSON_DEPTH_MAX 64

enum json_flags {
	JSON_STRICT_ = 0,	/* duplicate members refused: token answers, forms */
	JSON_LENIENT_ = 1	/* one repair pass for signed bodies: lone surrogates
				   become U+FFFD, \u0000 is dropped, duplicates pass */
};

/* IB_EPARSE when it is no JSON document (object or array at the root). */
IB_MUST const struct ib_err *json_parse(const char *p, size_t n, int flags, struct json **out);
/* Version of jansson, "2.14". */
const char *json_library(void);

void json_free(struct json *j);			/* roots only; NULL is fine */

bool json_is_object(const struct json *j);
bool json_is_array(const struct json *j);
bool json_is_string(const struct json *j);
bool json_is_null(const struct json *j);	/* null or missing */
struct json *json_get(const struct json *obj, const char *key);
struct json *json_at(const struct json *arr, size_t i);
size_t json_len(const struct json *j);		/* elements or members; else 0 */
const char *json_str(const struct json *j);	/* NULL unless a string; borrowed */
/* Shorthand json_str(json_get()). */
const char *json_get_str(const struct json *obj, const char *key);
/*
 * Ids: a string, or an integer as decimal text (messenger.md "How to read
 * it"); else NULL.  A copy in the arena: it outlives the document.
 */
const char *json_id(struct arena *a, const struct json *j);
/* Integers: a whole number, or a string of digits; dflt otherwise. */
int64_t json_int(const struct json *j, int64_t dflt);
double json_num(const struct json *j, double dflt);
/* true, 1, "true", "1" are true, their opposites false; anything else is dflt. */
bool json_bool(const struct json *j, bool dflt);
/* Members in order of the document: for (it = json_iter(o); it; it = json_next(o, it)). */
void *json_iter(const struct json *obj);
void *json_next(const struct json *obj, void *it);
const char *json_iter_key(void *it);
struct json *json_iter_value(void *it);

/*
 * Building.  NULL from a constructor is out of memory; setters accept NULL and
 * then fail; they take the value in any case.  Text must be valid UTF-8.
 */
struct json *json_new_object(void);
struct json *json_new_array(void);
bool json_set(struct json *obj, const char *key, struct json *take_value);
bool json_set_str(struct json *obj, const char *key, const char *value);	/* NULL sets nothing */
bool json_set_int(struct json *obj, const char *key, int64_t value);
bool json_set_num(struct json *obj, const char *key, double value);
bool json_set_bool(struct json *obj, const char *key, bool value);
bool json_add(struct json *arr, struct json *take_value);
bool json_add_str(struct json *arr, const char *value);

/* Compact text; `canonical` sorts the members (for digests). */
IB_MUST const struct ib_err *json_dump(const struct json *j, bool canonical, struct ib_buf *out);

#endif
