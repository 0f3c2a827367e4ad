/* SPDX-License-Identifier: MIT */
/* Telephone numbers and e-mail addresses in messages, Japanese forms included. */
#include "../tap.h"

#include "../../lib/base/contact.h"

#include <string.h>

static struct arena A;

/* What is found, as "norm,norm|norm". */
static const char *
found(const char *text)
{
	static char out[1024];
	struct contacts c = { 0 };
	size_t i, n = 0;

	arena_reset(&A);
	contact_find(&A, text, &c);
	out[0] = '\0';
	for (i = 0; i < c.n_emails; i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s", i > 0 ? "," : "", c.emails[i].norm);
	n += (size_t)snprintf(out + n, sizeof(out) - n, "|");
	for (i = 0; i < c.n_phones; i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s", i > 0 ? "," : "", c.phones[i].norm);
	return out;
}

static const struct { const char *text, *want; } table[] = {
	/* addresses */
	{ "Write to Liisa.Virtanen+bike@Example.co.uk.", "liisa.virtanen+bike@example.co.uk|" },
	{ "メールはtaro@example.jpです", "taro@example.jp|" },
	{ "ｔａｒｏ＠ｅｘａｍｐｌｅ．ｊｐ", "taro@example.jp|" },
	{ "<a@b.de>, (c@d.fi); a@b.de", "a@b.de,c@d.fi|" },
	{ "no@domain, @name, a@b, x@y.1, a@-b.de, .@b.de, a..b@c.de", "|" },
	{ "a@b.de a1@b.de a2@b.de a3@b.de a4@b.de", "a@b.de,a1@b.de,a2@b.de,a3@b.de|" },
	/* numbers that begin with + or 0 */
	{ "Call +372 555 0101!", "|+3725550101" },
	{ "My number is 090-1234-5678.", "|09012345678" },
	{ "０９０－１２３４－５６７８", "|09012345678" },
	{ "０９０ー１２３４ー５６７８までお願いします", "|09012345678" },
	{ "電話：０３（１２３４）５６７８", "|0312345678" },
	{ "(03) 1234-5678", "|0312345678" },
	{ "＋８１　９０　１２３４　５６７８", "|+819012345678" },
	{ "+44 (0)20 7946 0958", "|+442079460958" },
	{ "0044 20 7946 0958", "|+442079460958" },
	{ "090−1234−5678 または 03–1234–5678", "|09012345678,0312345678" },
	{ "0501234567 and again 050 123 4567", "|0501234567" },
	/* numbers that a word names */
	{ "tel 5550101", "|5550101" },
	{ "電話番号は 555-0101 です", "|5550101" },
	{ "My mobile: 512 345 678", "|512345678" },
	{ "It costs 5550101", "|" },
	{ "call me\n5550101", "|" },
	/* no numbers */
	{ "Order 4711-0815-123456", "|" },
	{ "注文番号 1234567890", "|" },
	{ "on 22.11.2026 10:30", "|" },
	{ "2026-11-22 10:30", "|" },
	{ "01.11.2026 10", "|" },
	{ "call on 01/11/2026", "|" },
	{ "It was 0.000000001 and 1,200,000,000", "|" },
	{ "000000000000 +111111111111", "|" },
	{ "AB0901234567, 0901234567x, v0123456789", "|" },
	{ "at 09012345678:99", "|" },
	{ "user0901234567@example.com", "user0901234567@example.com|" },
	{ "https://example.com/0901234567", "|" },
	{ "+1234 +12345678901234567890", "|" },
	{ "", "|" },
};

static void
marks(void)
{
	struct contacts c = { 0 };

	arena_reset(&A);
	contact_find(&A, "０９０－１２３４－５６７８", &c);
	is_str(c.n_phones == 1 ? c.phones[0].text : NULL, "090-1234-5678", "a number as it was written, in ASCII");
	contact_find(&A, "or 090 1234 5678, +81 90 1234 5678", &c);
	is_int((int64_t)c.n_phones, 2, "what was there is not found again");
	contact_find(&A, NULL, &c);
	is_int((int64_t)c.n_phones, 2, "no text, nothing");
}

static void
forms(void)
{
	arena_reset(&A);
	is_str(contact_fold(&A, "　０９０－１２３４　"), "090-1234", "a line in ASCII");
	is_str(contact_fold(&A, " 内線 ３ "), "内線 ３", "what has no ASCII stays");
	ok(contact_is_email("a@b.de") && contact_is_email("o'hara@b-c.example.com"), "addresses");
	ok(!contact_is_email("a@b.de ") && !contact_is_email("x a@b.de") && !contact_is_email("a@b.de,c@d.de") &&
	    !contact_is_email("a") && !contact_is_email("") && !contact_is_email("@b.de"), "no addresses");
	ok(contact_is_phone("+81 (0)90-1234") && contact_is_phone("12345"), "numbers");
	ok(!contact_is_phone("1234") && !contact_is_phone("090 1234 x5") && !contact_is_phone("") &&
	    !contact_is_phone("1234567890123456"), "no numbers");
	is_str(contact_core(&A, "090-1234-5678"), "9012345678", "the core of a number");
	ok(contact_core(&A, "0001") == NULL, "a short one has none");
	ok(contact_same_phone(&A, "090-1234-5678", "+81 90 1234 5678") &&
	    contact_same_phone(&A, "+3725550101", "555 0101") && contact_same_phone(&A, "5550101", "5550101"), "the same number");
	ok(!contact_same_phone(&A, "090-1234-5678", "+81 90 1234 5679") && !contact_same_phone(&A, "01", "1"), "others");
}

int
main(void)
{
	size_t i;

	arena_init(&A, 4 << 20);
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		is_str(found(table[i].text), table[i].want, "row %zu", i);
	marks();
	forms();
	arena_fini(&A);
	return done_testing();
}
