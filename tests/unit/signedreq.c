/* SPDX-License-Identifier: MIT */
/* signed_request of Facebook: the vector of the contract, and everything beside it. */
#include "../tap.h"

#include "../../lib/api/signedreq.h"
#include "../../lib/base/clock.h"
#include "../../lib/base/crypt.h"
#include "../../lib/base/str.h"

#include <stdio.h>
#include <string.h>

#define SECRET	"3f1c9a7d5be24860a1d2c3b4e5f60718"
#define ISSUED	INT64_C(1795341600)
/* messenger.md 10.2 */
#define VECTOR "4lb0fye331zFVpwZtpt0o-1mlgbWqj8BvaXO264UFYs." \
	"eyJ1c2VyX2lkIjoiMTAyMjk0ODExMjM0NTY3ODkiLCJhbGdvcml0aG0iOiJITUFDLVNIQTI1NiIsImlzc3VlZF9hdCI6MTc5NTM0MTYwMH0"

static struct arena a;

static struct signed_request *
take(const char *secret, const char *text, int64_t now_s)
{
	struct signed_request *s = NULL;

	if (signed_request_read(&a, secret, text, now_s * MS_SECOND, &s) != NULL)
		diag("an error of our own");
	return s;
}

/* As Facebook signs it. */
static const char *
sign(const char *json)
{
	struct ib_buf p, s;
	const char *text;
	uint8_t mac[32];

	buf_init(&p, 8192);
	buf_init(&s, 8192);
	str_base64url(&p, json, strlen(json));
	(void)crypt_hmac(SECRET, strlen(SECRET), buf_cstr(&p), p.len, mac);
	str_base64url(&s, mac, sizeof(mac));
	text = arena_printf(&a, "%s.%s", buf_cstr(&s), buf_cstr(&p));
	buf_fini(&p);
	buf_fini(&s);
	return text;
}

int
main(void)
{
	static const char *const bad[] = {
		"{\"user_id\":\"1\",\"issued_at\":1795341600}",
		"{\"user_id\":\"1\",\"algorithm\":\"HMAC-SHA1\",\"issued_at\":1795341600}",
		"{\"user_id\":\"1\",\"algorithm\":\"HMAC-SHA256\"}",
		"{\"user_id\":\"1\",\"algorithm\":\"HMAC-SHA256\",\"issued_at\":-5}",
		"{\"user_id\":\"1\",\"algorithm\":\"HMAC-SHA256\",\"issued_at\":1795341600,\"expires\":1795341601}",
		"{\"user_id\":[],\"algorithm\":\"HMAC-SHA256\",\"issued_at\":1795341600}",
		"{\"algorithm\":\"HMAC-SHA256\",\"issued_at\":1795341600}",
		"[]", "7", "", "{"
	};
	struct signed_request *s;
	char text[512];
	size_t i, n = strlen(VECTOR);

	arena_init(&a, 4 << 20);
	s = take(SECRET, VECTOR, ISSUED + 60);
	ok(s != NULL && str_eq(s->user_id, "10229481123456789") && s->page_id == NULL &&
	    s->issued_at == ISSUED * MS_SECOND, "the vector of the contract");
	for (i = 0; i < n; i++) {
		memcpy(text, VECTOR, n + 1);
		text[i] = text[i] == 'A' ? 'B' : 'A';
		ok(take(SECRET, text, ISSUED + 60) == NULL, "byte %zu changed", i);
	}
	ok(take("another secret", VECTOR, ISSUED) == NULL && take("", VECTOR, ISSUED) == NULL, "another secret, none");
	ok(take(SECRET, VECTOR, ISSUED + 86399) != NULL && take(SECRET, VECTOR, ISSUED + 86401) == NULL, "a day old, and older");
	ok(take(SECRET, VECTOR, ISSUED - 3599) != NULL && take(SECRET, VECTOR, ISSUED - 3601) == NULL, "of a clock that is ahead");
	ok(take(SECRET, "", ISSUED) == NULL && take(SECRET, ".", ISSUED) == NULL && take(SECRET, "abc", ISSUED) == NULL,
	    "nothing, a dot, no dot");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(take(SECRET, sign(bad[i]), ISSUED + 5) == NULL, "signed, but: %s", bad[i]);
	s = take(SECRET, sign("{\"user_id\":0,\"profile_id\":108422330517604,\"algorithm\":\"hmac-sha256\","
	    "\"issued_at\":1795341600,\"expires\":0}"), ISSUED);
	ok(s != NULL && str_eq(s->user_id, "0") && str_eq(s->page_id, "108422330517604"), "about a Page, ids as numbers");
	arena_fini(&a);
	return done_testing();
}
