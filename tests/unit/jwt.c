/* SPDX-License-Identifier: MIT */
/* Tests of jwt.h: what Pipedrive signs is taken, and nothing else. */
#include "jwt.h"
#include "crypt.h"
#include "str.h"
#include "tap.h"

#define SECRET	"sandbox-pipedrive-secret"
#define NOW	INT64_C(1795341600)		/* seconds */
#define HS256	"{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

static struct ib_buf made;

/* A token of these pieces, signed with this secret. */
static const char *
make(const char *secret, const char *header, const char *claims)
{
	uint8_t mac[32];

	buf_clear(&made);
	str_base64url(&made, header, strlen(header));
	buf_putc(&made, '.');
	str_base64url(&made, claims, strlen(claims));
	if (!crypt_hmac(secret, strlen(secret), made.p, made.len, mac))
		memset(mac, 0, sizeof(mac));
	buf_putc(&made, '.');
	str_base64url(&made, mac, sizeof(mac));
	return buf_cstr(&made);
}

/* The usual claims, with exp and iat so many seconds from now. */
static const char *
timed(int64_t exp, int64_t iat)
{
	static char claims[200];

	snprintf(claims, sizeof(claims), "{\"userId\":10483244,\"companyId\":9000123,"
	    "\"exp\":%lld,\"iat\":%lld}", (long long)(NOW + exp), (long long)(NOW + iat));
	return claims;
}

static enum jwt_result
check(const char *token, struct jwt *j)
{
	return jwt_check(SECRET, token, NOW * 1000 + 500, j);
}

static void
refused(const char *token, const char *why, const char *what)
{
	struct jwt j;

	ok(check(token, &j) == JWT_REFUSED && j.user_id == 0 && j.company_id == 0, "refused: %s", what);
	is_str(j.why, why, "and why");
}

/* Signed rightly, with these claims. */
static void
bad_claims(const char *claims, const char *why)
{
	refused(make(SECRET, HS256, claims), why, claims);
}

static void
test_good(void)
{
	/* Made by another program: python3, hmac and base64. */
	static const char vector[] = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VySWQiOjEwNDgzMjQ0LCJjb21wYW55SWQiOj"
	    "kwMDAxMjMsImlhdCI6MTc5NTM0MTYwMCwiZXhwIjoxNzk1MzQxOTAwfQ.cPRni_Ir65lp170V3PMUe76YZR6-90i44UtsgfWMgRs";
	struct jwt j;

	ok(check(vector, &j) == JWT_OK && j.why == NULL, "a token from elsewhere");
	is_int(j.user_id, 10483244, "its user");
	is_int(j.company_id, 9000123, "its company");
	ok(check(make(SECRET, HS256, timed(300, 0)), &j) == JWT_OK, "five minutes");
	ok(check(make(SECRET, "{\"alg\":\"HS256\"}", timed(1, -299)), &j) == JWT_OK, "without typ");
	ok(check(make(SECRET, HS256, timed(360, 60)), &j) == JWT_OK, "a minute ahead of us");
	ok(check(make(SECRET, HS256, timed(-60, -360)), &j) == JWT_OK, "a minute behind us");
	ok(check(make(SECRET, HS256, "{\"user_id\":7,\"company_id\":8,\"exp\":1795341700}"), &j) == JWT_OK &&
	    j.user_id == 7 && j.company_id == 8, "other names, no iat");
	ok(check(make(SECRET, HS256, "{\"userId\":7,\"user_id\":7,\"companyId\":\"8\",\"exp\":1795341700}"), &j) == JWT_OK &&
	    j.user_id == 7 && j.company_id == 8, "both names, a number as text");
}

static void
test_times(void)
{
	struct jwt j;

	ok(check(make(SECRET, HS256, timed(-61, -361)), &j) == JWT_EXPIRED && j.user_id == 10483244, "expired");
	is_str(j.why, "expired", "and says so");
	refused(make(SECRET, HS256, timed(361, 0)), "exp", "good for too long");
	refused(make(SECRET, HS256, timed(300, 61)), "future", "issued in the future");
	bad_claims("{\"userId\":7,\"companyId\":8}", "exp");
	bad_claims("{\"userId\":7,\"companyId\":8,\"exp\":\"soon\"}", "exp");
	bad_claims("{\"userId\":7,\"companyId\":8,\"exp\":1795341700.5}", "exp");
	bad_claims("{\"userId\":7,\"companyId\":8,\"exp\":-1}", "exp");
	bad_claims("{\"userId\":7,\"companyId\":8,\"exp\":99999999999999999999}", "exp");
	bad_claims("{\"userId\":7,\"companyId\":8,\"exp\":1795341700,\"iat\":null}", "future");
	bad_claims("{\"userId\":7,\"companyId\":8,\"exp\":1795341700,\"nbf\":1795341661}", "future");
}

static void
test_claims(void)
{
	bad_claims("{\"companyId\":8,\"exp\":1795341700}", "ids");
	bad_claims("{\"userId\":7,\"exp\":1795341700}", "ids");
	bad_claims("{\"userId\":0,\"companyId\":8,\"exp\":1795341700}", "ids");
	bad_claims("{\"userId\":-7,\"companyId\":8,\"exp\":1795341700}", "ids");
	bad_claims("{\"userId\":true,\"companyId\":8,\"exp\":1795341700}", "ids");
	bad_claims("{\"userId\":7,\"user_id\":9,\"companyId\":8,\"exp\":1795341700}", "ids");
	bad_claims("{\"userId\":7,\"userId\":9,\"companyId\":8,\"exp\":1795341700}", "claims");
	bad_claims("[7,8]", "claims");
	bad_claims("7", "claims");
	bad_claims("{", "claims");
	bad_claims("", "claims");
}

static void
test_forged(void)
{
	char cut[512];
	const char *good;
	struct jwt j;
	size_t i, n, taken = 0;

	refused(NULL, "none", "no token");
	refused("", "none", "an empty one");
	refused(make("another secret", HS256, timed(300, 0)), "signature", "another secret");
	refused(make(SECRET, "{\"alg\":\"none\"}", timed(300, 0)), "header", "alg none");
	refused(make(SECRET, "{\"alg\":\"hs256\"}", timed(300, 0)), "header", "alg in small letters");
	refused(make(SECRET, "{\"alg\":\"HS512\"}", timed(300, 0)), "header", "another alg");
	refused(make(SECRET, "{\"alg\":\"RS256\"}", timed(300, 0)), "header", "a public key's alg");
	refused(make(SECRET, "{\"alg\":[\"HS256\"]}", timed(300, 0)), "header", "a list of algs");
	refused(make(SECRET, "{\"alg\":\"none\",\"alg\":\"HS256\"}", timed(300, 0)), "header", "alg twice");
	refused(make(SECRET, "{\"alg\":\"HS256\",\"crit\":[\"x\"]}", timed(300, 0)), "header", "an extension");
	refused(make(SECRET, "{}", timed(300, 0)), "header", "no alg");
	ok(jwt_check("", make("", HS256, timed(300, 0)), NOW * 1000, &j) == JWT_REFUSED, "without a secret nothing passes");
	refused("eyJhbGciOiJub25lIn0.e30.", "header", "alg none, no signature");
	refused("a.b", "pieces", "two pieces");
	refused("a.b.c.d", "pieces", "four pieces");
	refused("..", "header", "empty pieces");

	/* Cut anywhere, or with any one character changed: refused. */
	good = make(SECRET, HS256, timed(300, 0));
	n = strlen(good);
	for (i = 0; i < n; i++) {
		snprintf(cut, sizeof(cut), "%.*s", (int)i, good);
		taken += check(cut, &j) == JWT_OK;
		snprintf(cut, sizeof(cut), "%s", good);
		cut[i] = cut[i] == 'A' ? 'B' : 'A';
		taken += check(cut, &j) == JWT_OK;
	}
	is_int((int64_t)taken, 0, "cut or changed, none is taken");
	snprintf(cut, sizeof(cut), "%s=", good);
	refused(cut, "signature", "padding");
	snprintf(cut, sizeof(cut), " %s", good);
	refused(cut, "header", "a blank before it");
	snprintf(cut, sizeof(cut), "%s\n", good);
	refused(cut, "signature", "a line end behind it");
}

static void
test_long(void)
{
	static char claims[JWT_MAX * 2], token[JWT_MAX + 2];

	snprintf(claims, sizeof(claims), "{\"userId\":7,\"companyId\":8,\"exp\":1795341700,\"pad\":\"%*s\"}",
	    (int)JWT_MAX, "");
	refused(make(SECRET, HS256, claims), "too_long", "an oversized one, though signed");
	memset(token, 'a', sizeof(token) - 1);
	refused(token, "too_long", "one byte too many");
	token[JWT_MAX] = '\0';
	refused(token, "pieces", "just as long as may be");
}

int
main(void)
{
	buf_init(&made, 64 << 10);
	test_good();
	test_times();
	test_claims();
	test_forged();
	test_long();
	buf_fini(&made);
	return done_testing();
}
