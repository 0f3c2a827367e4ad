/* SPDX-License-Identifier: MIT */
/*
 * fuzz_jwt.c - tokens from strangers, and claims of any kind under a right
 * signature: the first without our secret are never taken; what is taken
 * names a user and a company, and stays taken when it is asked again.
 */
#include "jwt.h"
#include "crypt.h"
#include "str.h"

#include <stdlib.h>
#include <string.h>

#define NOW_MS	INT64_C(1795341600000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
check(const char *secret, const char *token, bool genuine)
{
	enum jwt_result first, again;
	struct jwt j, k;

	first = jwt_check(secret, token, NOW_MS, &j);
	again = jwt_check(secret, token, NOW_MS, &k);
	must(first == again && j.user_id == k.user_id && j.company_id == k.company_id);
	must((first == JWT_OK) == (j.why == NULL));
	must((first != JWT_REFUSED) == (j.user_id > 0 && j.company_id > 0));
	must(genuine || first == JWT_REFUSED);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char header[] = "eyJhbGciOiJIUzI1NiJ9.";	/* {"alg":"HS256"} */
	struct ib_buf b;
	uint8_t mac[32];
	char *s;

	if (n > 4 * JWT_MAX || (s = malloc(n + 1)) == NULL)
		return 0;
	memcpy(s, data, n);
	s[n] = '\0';
	check("a secret that no seed was signed with", s, false);
	check("sandbox-pipedrive-secret", s, true);
	buf_init(&b, 16 * JWT_MAX);
	buf_puts(&b, header);
	str_base64url(&b, s, n);
	must(crypt_hmac("k", 1, b.p, b.len, mac));
	buf_putc(&b, '.');
	str_base64url(&b, mac, sizeof(mac));
	check("k", buf_cstr(&b), true);
	buf_fini(&b);
	free(s);
	return 0;
}
