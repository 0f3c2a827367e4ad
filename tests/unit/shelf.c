/* SPDX-License-Identifier: MIT */
/* Blanking: structure stays, texts never do, whatever bytes come. */
#include "../tap.h"

#include "../../lib/base/json.h"
#include "../../lib/base/log.h"
#include "../../lib/store/shelf.h"

#include <stdlib.h>

static char *
blank(const char *p, size_t n)
{
	struct ib_buf b;
	char *s;

	buf_init(&b, 1 << 20);
	shelf_blank(p, n, &b);
	s = strdup(buf_cstr(&b));
	buf_fini(&b);
	return s;
}

static void
test_table(void)
{
	static const struct { const char *in, *out; } t[] = {
		{ "", "" },
		{ "{}", "{}" },
		{ "{\"id\":\"123\",\"text\":\"hello\"}", "{\"id\":\"123\",\"text\":\"…(8)\"}" },
		{ "{\"text\":\"\"}", "{\"text\":\"\"}" },
		{ "{\"text\":\"a\",\"name\":\"ab\",\"title\":\"abc\"}", "{\"text\":\"…(1)\",\"name\":\"…(2)\",\"title\":\"…(4)\"}" },
		{ "{\"text\":\"日本語\"}", "{\"text\":\"…(4)\"}" },
		{ "{\"text\":\"\\u65e5\\u672c\"}", "{\"text\":\"…(2)\"}" },
		{ "{\"text\":\"say \\\"id\\\": 5\"}", "{\"text\":\"…(16)\"}" },
		{ "{\"timestamp\":1795341600000,\"size\":12345}", "{\"timestamp\":1795341600000,\"size\":0}" },
		{ "{\"lat\":-59.43e1,\"time\":-5.5}", "{\"lat\":0,\"time\":0}" },
		{ "{\"mid\":\"m_AbC-1_2:3$==\"}", "{\"mid\":\"m_AbC-1_2:3$==\"}" },
		{ "{\"id\":\"two words\"}", "{\"id\":\"…(16)\"}" },
		{ "{\"id\":\"käse\"}", "{\"id\":\"…(4)\"}" },
		{ "{\"type\":\"image\",\"payload\":{\"url\":\"https://x.example/a?b=c\"}}",
		    "{\"type\":\"image\",\"payload\":{\"url\":\"…(32)\"}}" },
		{ "{\"id\":[{\"a\":\"b\"},\"secret\"]}", "{\"id\":[{\"a\":\"…(1)\"},\"…(8)\"]}" },
		{ "{\"a b\":true,\"c\":false,\"d\":null}", "{\"…(4)\":true,\"c\":false,\"d\":null}" },
		{ "{\"text\" : \"x\"}", "{\"text\" : \"…(1)\"}" },
		{ "{\"text\":\"cut", "{\"text\":\"…(4)\"" },
		{ "{\"text\":\"cut\\", "{\"text\":\"…(4)\"" },
		{ "Hello 42, wörld", "xxxxx 0, xxxxx" },
	};
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char *s = blank(t[i].in, strlen(t[i].in));

		is_str(s, t[i].out, "%s", t[i].in);
		free(s);
	}
}

/* The word is put into every place of damaged and whole bodies. */
static void
test_any(void)
{
	static const char body[] = "{\"object\":\"page\",\"entry\":[{\"id\":\"1\",\"messaging\":[{\"sender\":{\"id\":\"2\"},"
	    "\"message\":{\"mid\":\"m_1\",\"text\":\"t\",\"attachments\":[{\"type\":\"x\",\"payload\":{\"url\":\"u\"}}]}}]}]}";
	static const char word[] = "sch\xc3\xb6n Geheimnis";
	uint32_t z = 12345;
	char in[sizeof(body) + sizeof(word)];
	size_t at, n = sizeof(body) - 1, w = sizeof(word) - 1, k;
	int leaks = 0, runs = 0;
	struct json *j;
	char *s;

	for (at = 0; at <= n; at++) {
		for (k = 0; k < 20; k++, runs++) {
			memcpy(in, body, at);
			memcpy(in + at, word, w);
			memcpy(in + at + w, body + at, n - at);
			/* The first time whole, then with bytes of other kinds here and there. */
			if (k > 0) {
				z = z * 1664525 + 1013904223;
				in[(z >> 8) % (n + w)] = "\"\\{}[]:,\0 5"[(z >> 4) % 11];
			}
			s = blank(in, n + w);
			leaks += strstr(s, "Geheim") != NULL || strstr(s, "sch\xc3\xb6") != NULL;
			free(s);
		}
	}
	is_int(leaks, 0, "no text in %d bodies", runs);
	s = blank(body, n);
	ok(json_parse(s, strlen(s), JSON_STRICT_, &j) == NULL, "JSON stays JSON");
	json_free(j);
	free(s);
}

int
main(void)
{
	log_init("test", LOG_ERROR_, 2);
	test_table();
	test_any();
	return done_testing();
}
