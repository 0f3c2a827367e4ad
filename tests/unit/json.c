/* SPDX-License-Identifier: MIT */
/* Tests of json.h: strictness, repair, ids, getters, building, dumping. */
#include "json.h"
#include "tap.h"

static struct arena a;

static struct json *
parse(const char *s, int flags)
{
	struct json *j = NULL;

	if (json_parse(s, strlen(s), flags, &j) != NULL)
		return NULL;
	return j;
}

static bool
good(const char *s, int flags)
{
	struct json *j = parse(s, flags);

	json_free(j);
	return j != NULL;
}

static void
is_dump(const char *s, int flags, bool canonical, const char *want, const char *name)
{
	struct json *j = parse(s, flags);
	struct ib_buf b;

	buf_init(&b, 10000);
	ok(j != NULL && json_dump(j, canonical, &b) == NULL, "%s: parses", name);
	is_str(buf_cstr(&b), want, "%s", name);
	buf_fini(&b);
	json_free(j);
}

static void
test_parse(void)
{
	static const char *const bad[] = { "", " ", "{", "[1,]", "{} x", "\"s\"", "1", "null",
	    "{\"a\":\"\xff\"}", "{\"a\":\"\x01\"}", "{'a':1}", "[01]", "[1e999]", "[nan]",
	    "[00012345678901234567890123]", "{99999999999999999999:1}",
	    "{ 99999999999999999999 :1}", "[99999999999999999999", "[\"\\x\"]", "[\"\\u12\"]" };
	const struct ib_err *err;
	struct json *j;
	char deep[2 * 65 + 1];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ok(!good(bad[i], JSON_STRICT_), "strict refuses %zu: %s", i, bad[i]);
		ok(!good(bad[i], JSON_LENIENT_), "lenient refuses %zu", i);
	}
	ok(good("{}", JSON_STRICT_) && good("[]", JSON_STRICT_), "object and array");
	ok(!good("{\"a\":1,\"a\":2}", JSON_STRICT_), "strict refuses duplicates");
	ok(good("{\"a\":1,\"a\":2}", JSON_LENIENT_), "lenient does not");

	j = (struct json *)deep;
	err = json_parse("[\"secret\" x", 11, JSON_STRICT_, &j);
	ok(err != NULL && err->code == IB_EPARSE && j == NULL, "error class, NULL out");
	ok(err != NULL && strstr(err->msg, "secret") == NULL, "the document is not quoted");
	err = json_parse(NULL, 0, JSON_STRICT_, &j);
	ok(err != NULL && err->code == IB_EPARSE, "NULL is no document");
	err = json_parse("[1]]]", 3, JSON_STRICT_, &j);
	ok(err == NULL, "the length counts");
	json_free(j);

	memset(deep, '[', 64);
	memset(deep + 64, ']', 64);
	deep[128] = '\0';
	ok(good(deep, JSON_STRICT_), "64 levels");
	memset(deep, '[', 65);
	memset(deep + 65, ']', 65);
	deep[130] = '\0';
	ok(!good(deep, JSON_STRICT_) && !good(deep, JSON_LENIENT_), "65 levels");
	memset(deep, '[', 100);
	memcpy(deep, "[\"\\\"", 4);
	memcpy(deep + 100, "\"]", 3);
	ok(good(deep, JSON_STRICT_), "brackets in a string are no levels");
}

static void
test_repair(void)
{
	ok(!good("[\"\\ud83d\"]", JSON_STRICT_), "strict refuses a lone surrogate");
	ok(!good("[\"a\\u0000b\"]", JSON_STRICT_), "strict refuses \\u0000");
	ok(!good("[99999999999999999999,\"a\\u0000b\"]", JSON_STRICT_) &&
	    !good("[99999999999999999999,\"\\ud83d\"]", JSON_STRICT_), "also beside a big integer");
	is_dump("[\"\\ud83d\"]", JSON_LENIENT_, false, "[\"\xef\xbf\xbd\"]", "lone high");
	is_dump("[\"x\\ude00y\"]", JSON_LENIENT_, false, "[\"x\xef\xbf\xbdy\"]", "lone low");
	is_dump("[\"\\ud83d\\ud83d\\ude00\"]", JSON_LENIENT_, false,
	    "[\"\xef\xbf\xbd\xf0\x9f\x98\x80\"]", "high before a pair");
	is_dump("[\"\\ud83dA\\uD83D\\n\"]", JSON_LENIENT_, false,
	    "[\"\xef\xbf\xbd" "A\xef\xbf\xbd\\n\"]", "high before other things");
	is_dump("[\"\\ud83d\\u0000\\u00e9\"]", JSON_LENIENT_, false, "[\"\xef\xbf\xbd\xc3\xa9\"]",
	    "high before a NUL");
	is_dump("{\"a\\u0000b\":\"c\\u0000\"}", JSON_LENIENT_, false, "{\"ab\":\"c\"}", "NUL dropped");
	is_dump("[\"\\\\u0000\\\\ud83d\",\"\\u0000\"]", JSON_LENIENT_, false,
	    "[\"\\\\u0000\\\\ud83d\",\"\"]", "an escaped backslash is no escape");
	is_dump("[\"\\\"\\u0000\",{\"a\":\"99999999999999999999\"},\"\\ud83d\"]", JSON_LENIENT_, false,
	    "[\"\\\"\",{\"a\":\"99999999999999999999\"},\"\xef\xbf\xbd\"]", "strings stay strings");
}

static void
test_big(void)
{
	static const char doc[] = "{\"max\":9223372036854775807,\"min\":-9223372036854775808,"
	    "\"over\":9223372036854775808,\"under\":-9223372036854775809,"
	    "\"list\":[123456789012345678901234567890,-99999999999999999999],"
	    "\"real\":12345678901234567890.5,\"exp\":12345678901234567890e2,\"s\":\"1:99999999999999999999\"}";
	int mode;

	for (mode = JSON_STRICT_; mode <= JSON_LENIENT_; mode++) {
		struct json *j = parse(doc, mode), *list;

		ok(j != NULL, "big integers parse in mode %d", mode);
		is_str(json_id(&a, json_get(j, "max")), "9223372036854775807", "greatest int64");
		is_int(json_int(json_get(j, "max"), 0), INT64_MAX, "is a number");
		ok(!json_is_string(json_get(j, "max")), "and no string");
		is_int(json_int(json_get(j, "min"), 0), INT64_MIN, "least int64");
		ok(!json_is_string(json_get(j, "min")), "is no string");
		is_str(json_id(&a, json_get(j, "over")), "9223372036854775808", "one more keeps its digits");
		is_str(json_id(&a, json_get(j, "under")), "-9223372036854775809", "one less, too");
		is_int(json_int(json_get(j, "over"), 5), 5, "it is no int64");
		ok(json_num(json_get(j, "over"), 0) > 9.2e18, "but a double");
		list = json_get(j, "list");
		is_str(json_id(&a, json_at(list, 0)), "123456789012345678901234567890", "in a list");
		is_str(json_id(&a, json_at(list, 1)), "-99999999999999999999", "negative in a list");
		ok(!json_is_string(json_get(j, "real")) && !json_is_string(json_get(j, "exp")),
		    "reals stay reals");
		is_str(json_get_str(j, "s"), "1:99999999999999999999", "strings stay as they are");
		json_free(j);
	}
}

static void
test_getters(void)
{
	struct json *j = parse("{\"s\":\"x\",\"i\":42,\"n\":null,\"t\":true,\"f\":false,\"r\":2.5,"
	    "\"whole\":3.0,\"huge\":1e300,\"d\":\"-17\",\"list\":[1,\"b\"],\"o\":{\"k\":\"v\"},"
	    "\"one\":1,\"zero\":0,\"two\":2,\"st\":\"true\",\"sf\":\"false\",\"e\":\"\"}", JSON_STRICT_);
	struct json *borrowed, *copy;
	const char *id;
	struct ib_buf b;
	void *it;

	ok(json_is_object(j) && !json_is_array(j) && json_is_array(json_get(j, "list")), "kinds");
	ok(json_is_string(json_get(j, "s")) && !json_is_string(json_get(j, "i")) &&
	    !json_is_string(NULL) && !json_is_object(NULL) && !json_is_array(NULL), "more kinds");
	ok(json_is_null(NULL) && json_is_null(json_get(j, "n")) && !json_is_null(j), "null or missing");
	is_str(json_get_str(j, "s"), "x", "string");
	is_str(json_get_str(j, "i"), NULL, "a number is no string");
	is_str(json_get_str(j, "none"), NULL, "missing");
	is_str(json_get_str(NULL, "s"), NULL, "of NULL");
	is_str(json_get_str(json_get(j, "list"), "s"), NULL, "of an array");
	is_str(json_get_str(json_get(j, "o"), "k"), "v", "nested");
	is_str(json_str(json_at(json_get(j, "list"), 1)), "b", "element");
	ok(json_at(json_get(j, "list"), 2) == NULL && json_at(j, 0) == NULL && json_at(NULL, 0) == NULL,
	    "no such element");
	ok(json_len(json_get(j, "list")) == 2 && json_len(json_get(j, "o")) == 1 &&
	    json_len(json_get(j, "s")) == 0 && json_len(NULL) == 0, "lengths");
	is_int(json_int(json_get(j, "i"), 0), 42, "int");
	is_int(json_int(json_get(j, "d"), 0), -17, "int from digits");
	is_int(json_int(json_get(j, "whole"), 0), 3, "int from 3.0");
	is_int(json_int(json_get(j, "r"), 9), 9, "no int from 2.5");
	is_int(json_int(json_get(j, "huge"), 9), 9, "no int from 1e300");
	is_int(json_int(json_get(j, "s"), 9), 9, "no int from text");
	is_int(json_int(json_get(j, "t"), 9), 9, "no int from true");
	is_int(json_int(NULL, 9), 9, "no int from nothing");
	ok(json_num(json_get(j, "r"), 0) > 2.4 && json_num(json_get(j, "i"), 0) > 41.9 &&
	    json_num(json_get(j, "d"), 0) < -16.9, "doubles");
	ok(json_num(json_get(j, "s"), 7) > 6.9 && json_num(json_get(j, "e"), 7) > 6.9 &&
	    json_num(NULL, 7) > 6.9, "no doubles");
	ok(json_bool(json_get(j, "t"), false) && json_bool(json_get(j, "one"), false) &&
	    json_bool(json_get(j, "st"), false), "true");
	ok(!json_bool(json_get(j, "f"), true) && !json_bool(json_get(j, "zero"), true) &&
	    !json_bool(json_get(j, "sf"), true), "false");
	ok(json_bool(NULL, true) && !json_bool(NULL, false) && json_bool(json_get(j, "n"), true) &&
	    json_bool(json_get(j, "s"), true) && !json_bool(json_get(j, "two"), false) &&
	    json_bool(json_get(j, "two"), true), "neither: the default");

	is_str(json_id(&a, json_get(j, "i")), "42", "id from a number");
	is_str(json_id(&a, json_get(j, "r")), NULL, "no id from a real");
	is_str(json_id(&a, json_get(j, "t")), NULL, "no id from true");
	is_str(json_id(&a, NULL), NULL, "no id from nothing");
	borrowed = json_get(j, "s");
	id = json_id(&a, borrowed);
	ok(id != json_str(borrowed), "an id is a copy");

	buf_init(&b, 1000);
	copy = parse("{\"z\":1,\"a\":2,\"m\":3}", JSON_STRICT_);
	for (it = json_iter(copy); it != NULL; it = json_next(copy, it))
		buf_printf(&b, "%s=%d ", json_iter_key(it), (int)json_int(json_iter_value(it), 0));
	is_str(buf_cstr(&b), "z=1 a=2 m=3 ", "members in order of the document");
	ok(json_iter(NULL) == NULL && json_iter(json_get(j, "list")) == NULL, "nothing to iterate");
	buf_fini(&b);
	json_free(copy);
	json_free(j);
	json_free(NULL);
	is_str(id, "x", "an id outlives the document");
}

static void
test_build(void)
{
	struct json *j = json_new_object(), *list = json_new_array(), *o = json_new_object();
	const struct ib_err *err;
	struct ib_buf b;

	ok(json_set_str(j, "s", "caf\xc3\xa9 \"q\"\n") && json_set_int(j, "i", INT64_MIN) &&
	    json_set_bool(j, "t", true) && json_set_bool(j, "f", false) &&
	    json_set_num(j, "r", 0.1), "setters");
	ok(json_set_str(j, "none", NULL), "NULL sets nothing");
	ok(json_add_str(list, "x") && json_add(list, o) && json_set(j, "list", list), "nesting");
	ok(!json_set_str(j, "bad", "\xff"), "bad UTF-8 is refused");
	ok(!json_set(NULL, "k", json_new_object()) && !json_set(j, "k", NULL) && !json_add(NULL, json_new_array()) &&
	    !json_add(list, NULL) && !json_set_str(NULL, "k", "v") && !json_set_str(NULL, "k", NULL) &&
	    !json_set_int(NULL, "k", 1) && !json_set_num(NULL, "k", 1) && !json_set_bool(NULL, "k", true) &&
	    !json_add_str(NULL, "x") && !json_add_str(list, NULL), "NULL fails and leaks nothing");
	buf_init(&b, 1000);
	ok(json_dump(j, false, &b) == NULL, "dump");
	is_str(buf_cstr(&b), "{\"s\":\"caf\xc3\xa9 \\\"q\\\"\\n\",\"i\":-9223372036854775808,\"t\":true,"
	    "\"f\":false,\"r\":0.1,\"list\":[\"x\",{}]}", "in order");
	buf_clear(&b);
	ok(json_dump(j, true, &b) == NULL, "canonical dump");
	is_str(buf_cstr(&b), "{\"f\":false,\"i\":-9223372036854775808,\"list\":[\"x\",{}],\"r\":0.1,"
	    "\"s\":\"caf\xc3\xa9 \\\"q\\\"\\n\",\"t\":true}", "sorted");
	buf_clear(&b);
	ok(json_dump(json_get(j, "i"), false, &b) == NULL, "dump of a value");
	is_str(buf_cstr(&b), "-9223372036854775808", "alone");
	buf_fini(&b);
	buf_init(&b, 10);
	err = json_dump(j, false, &b);
	ok(err != NULL && err->code == IB_ENOMEM, "dump over the cap");
	buf_fini(&b);
	buf_init(&b, 10);
	ok(json_dump(NULL, false, &b) != NULL, "dump of NULL");
	buf_fini(&b);
	json_free(j);
}

int
main(void)
{
	arena_init(&a, ARENA_REQUEST_MAX);
	test_parse();
	test_repair();
	test_big();
	test_getters();
	test_build();
	arena_fini(&a);
	return done_testing();
}
