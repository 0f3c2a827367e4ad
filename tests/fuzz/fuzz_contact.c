/* SPDX-License-Identifier: MIT */
/*
 * fuzz_contact.c - any text through the search for numbers and addresses: what
 * is found is well formed, found again in itself, and found only once.
 */
#include "contact.h"
#include "str.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool good)
{
	if (!good)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct contacts c = { 0 };
	const char *d, *text;
	struct arena a;
	size_t i, k, len;

	if (n > 100000)
		return 0;
	arena_init(&a, ARENA_REQUEST_MAX);
	text = str_clean(&a, (const char *)data, n, 100000, NULL);
	must(text != NULL);
	contact_find(&a, text, &c);
	must(c.n_emails <= CONTACT_MAX && c.n_phones <= CONTACT_MAX);
	for (i = 0; i < c.n_emails; i++) {
		must(contact_is_email(c.emails[i].text) && contact_is_email(c.emails[i].norm));
		for (k = 0; k < i; k++)
			must(strcmp(c.emails[i].norm, c.emails[k].norm) != 0);
	}
	for (i = 0; i < c.n_phones; i++) {
		d = c.phones[i].norm;
		len = strspn(d + (*d == '+'), "0123456789");
		must(len >= 7 && len <= 15 && d[len + (*d == '+')] == '\0');
		must(strspn(c.phones[i].text, "+0123456789 -./()") == strlen(c.phones[i].text));
		must(contact_same_phone(&a, d, d) || contact_core(&a, d) == NULL);
	}
	d = contact_fold(&a, text);
	must(d != NULL && str_utf8_ok(d, strlen(d)));
	(void)contact_is_phone(text);
	arena_fini(&a);
	return 0;
}
