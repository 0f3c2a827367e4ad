/* SPDX-License-Identifier: MIT */
/*
 * jwt.c - see jwt.h.
 *
 * The names of the claims are not in Pipedrive's documentation (pipedrive.md
 * 6.3): userId and companyId, with user_id and company_id as fallbacks.  A
 * token that has both and says different things is refused.
 */
#include "jwt.h"
#include "crypt.h"
#include "json.h"
#include "str.h"

#include <string.h>

/* One piece of the token as a JSON object; NULL when it is none. */
static struct json *
decode(const char *s, size_t n)
{
	const struct ib_err *err;
	struct json *j = NULL;
	struct ib_buf b;

	buf_init(&b, JWT_MAX);
	if (str_unbase64url(&b, s, n) && !b.failed && b.len > 0 &&
	    (err = json_parse(b.p, b.len, JSON_STRICT_, &j)) != NULL)
		j = NULL;
	buf_fini(&b);
	if (j != NULL && !json_is_object(j)) {
		json_free(j);
		j = NULL;
	}
	return j;
}

/* HS256 and no extension that we would have to understand (RFC 7515, "crit"). */
static bool
header_ok(const char *s, size_t n)
{
	struct json *j = decode(s, n);
	bool good = str_eq(json_get_str(j, "alg"), "HS256") && json_get(j, "crit") == NULL;

	json_free(j);
	return good;
}

static bool
signature_ok(const char *secret, const char *token, size_t signed_len, const char *sig)
{
	uint8_t want[32];
	struct ib_buf b;
	bool good;

	buf_init(&b, JWT_MAX);
	good = str_unbase64url(&b, sig, strlen(sig)) && !b.failed && b.len == sizeof(want) &&
	    crypt_hmac(secret, strlen(secret), token, signed_len, want) &&
	    crypt_equal(b.p, want, sizeof(want));
	crypt_wipe(want, sizeof(want));
	buf_fini(&b);
	return good;
}

/* A positive number under either name; 0 when absent, wrong or contradictory. */
static int64_t
id_claim(const struct json *j, const char *name, const char *other)
{
	int64_t a = json_int(json_get(j, name), 0), b = json_int(json_get(j, other), 0);

	if (json_get(j, name) == NULL)
		a = b;
	else if (json_get(j, other) != NULL && a != b)
		return 0;
	return a > 0 ? a : 0;
}

/* Times are whole seconds; an absent one is dflt, a wrong one -1. */
static int64_t
time_claim(const struct json *j, const char *name, int64_t dflt)
{
	return json_get(j, name) == NULL ? dflt : json_int(json_get(j, name), -1);
}

static enum jwt_result
check_claims(const struct json *j, int64_t now, struct jwt *out)
{
	int64_t exp = time_claim(j, "exp", -1), iat = time_claim(j, "iat", now);
	int64_t nbf = time_claim(j, "nbf", now);

	out->user_id = id_claim(j, "userId", "user_id");
	out->company_id = id_claim(j, "companyId", "company_id");
	if (out->user_id == 0 || out->company_id == 0)
		out->why = "ids";
	else if (exp < 0 || exp > now + JWT_LIFE_S + JWT_SKEW_S)
		out->why = "exp";
	else if (iat < 0 || iat > now + JWT_SKEW_S || nbf < 0 || nbf > now + JWT_SKEW_S)
		out->why = "future";
	else if (exp < now - JWT_SKEW_S)
		out->why = "expired";
	else
		return JWT_OK;
	return str_eq(out->why, "expired") ? JWT_EXPIRED : JWT_REFUSED;
}

enum jwt_result
jwt_check(const char *secret, const char *token, int64_t now_ms, struct jwt *out)
{
	const char *claims, *sig;
	enum jwt_result res = JWT_REFUSED;
	struct json *j;

	memset(out, 0, sizeof(*out));
	if (token == NULL || *token == '\0') {
		out->why = "none";
	} else if (strnlen(token, JWT_MAX + 1) > JWT_MAX) {
		out->why = "too_long";
	} else if ((claims = strchr(token, '.')) == NULL ||
	    (sig = strchr(claims + 1, '.')) == NULL || strchr(sig + 1, '.') != NULL) {
		out->why = "pieces";
	} else if (!header_ok(token, (size_t)(claims - token))) {
		out->why = "header";
	} else if (!signature_ok(secret, token, (size_t)(sig - token), sig + 1)) {
		out->why = "signature";
	} else if ((j = decode(claims + 1, (size_t)(sig - claims) - 1)) == NULL) {
		out->why = "claims";
	} else {
		res = check_claims(j, now_ms / 1000, out);
		json_free(j);
	}
	if (res == JWT_REFUSED)
		out->user_id = out->company_id = 0;
	return res;
}
