/* SPDX-License-Identifier: MIT */
/* signedreq.c - see signedreq.h. */
#include "signedreq.h"

#include "../base/clock.h"
#include "../base/crypt.h"
#include "../base/json.h"
#include "../base/str.h"

#include <string.h>
#include <strings.h>

#define TEXT_MAX	8192
#define OLD_MS		MS_DAY
#define AHEAD_MS	MS_HOUR		/* of their clock, or behind of ours */

/* Is `sig` (n characters) the signature of the payload text? */
static bool
is_signed(const char *secret, const char *sig, size_t n, const char *payload)
{
	uint8_t mac[32];
	struct ib_buf b;
	bool good;

	buf_init(&b, 64);
	good = str_unbase64url(&b, sig, n) && b.len == sizeof(mac) &&
	    crypt_hmac(secret, strlen(secret), payload, strlen(payload), mac) &&
	    crypt_equal(b.p, mac, sizeof(mac));
	buf_fini(&b);
	return good;
}

static bool
in_time(const struct json *j, int64_t now, int64_t *issued)
{
	int64_t expires = json_int(json_get(j, "expires"), 0);

	*issued = json_int(json_get(j, "issued_at"), 0);
	if (*issued <= 0 || *issued > INT64_MAX / MS_SECOND || expires < 0 || expires > INT64_MAX / MS_SECOND)
		return false;
	*issued *= MS_SECOND;
	return *issued >= now - OLD_MS && *issued <= now + AHEAD_MS && (expires == 0 || expires * MS_SECOND > now);
}

const struct ib_err *
signed_request_read(struct arena *a, const char *secret, const char *text, int64_t now,
    struct signed_request **out)
{
	const struct ib_err *err = NULL;
	struct signed_request *s;
	struct json *root = NULL;
	const char *dot = strchr(text, '.');
	struct ib_buf b;

	*out = NULL;
	if (dot == NULL || strlen(text) > TEXT_MAX || *secret == '\0' ||
	    !is_signed(secret, text, (size_t)(dot - text), dot + 1))
		return NULL;
	buf_init(&b, TEXT_MAX);
	if (!str_unbase64url(&b, dot + 1, strlen(dot + 1)))
		goto done;
	if ((err = json_parse(b.p, b.len, JSON_STRICT_, &root)) != NULL) {
		if (err->code != IB_ENOMEM)
			err = NULL;
		goto done;
	}
	if ((s = ARENA_NEW(a, struct signed_request)) == NULL) {
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "signed request");
		goto done;
	}
	s->user_id = json_id(a, json_get(root, "user_id"));
	s->page_id = json_id(a, json_get(root, "profile_id"));
	if (json_get_str(root, "algorithm") != NULL &&
	    strcasecmp(json_get_str(root, "algorithm"), "HMAC-SHA256") == 0 &&
	    (s->user_id != NULL || s->page_id != NULL) && in_time(root, now, &s->issued_at))
		*out = s;
	if (s->user_id == NULL)
		s->user_id = "0";
done:
	json_free(root);
	buf_fini(&b);
	return err;
}
