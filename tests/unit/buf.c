/* SPDX-License-Identifier: MIT */
/* Tests of buf.h: growth, cap, sticky failure, encoders. */
#include "buf.h"
#include "tap.h"

static void
test_append(void)
{
	struct ib_buf b;
	size_t i;

	buf_init(&b, 100000);
	ok(b.p == NULL && b.len == 0, "empty without memory");
	is_str(buf_cstr(&b), "", "text of the empty buffer");
	buf_puts(&b, NULL);
	buf_append(&b, NULL, 0);
	ok(b.p == NULL && !b.failed, "NULL and nothing append nothing");
	buf_puts(&b, "ab");
	buf_putc(&b, 'c');
	buf_append(&b, "d\0e", 3);
	is_int(b.len, 6, "length counts a NUL inside");
	ok(memcmp(b.p, "abcd\0e", 7) == 0, "bytes and the NUL after them");
	buf_clear(&b);
	is_str(b.p, "", "clear empties the text too");
	for (i = 0; i < 5000; i++)
		buf_puts(&b, "0123456789");
	is_int(b.len, 50000, "grows");
	ok(b.p[49999] == '9' && b.p[50000] == '\0' && !b.failed, "and keeps what was there");
	buf_fini(&b);
	ok(b.p == NULL && b.len == 0, "fini leaves an empty buffer");
}

static void
test_cap(void)
{
	const struct ib_err *err;
	struct ib_buf b;

	buf_init(&b, 5);
	buf_puts(&b, "12345");
	ok(!b.failed && buf_check(&b) == NULL, "exactly the cap fits");
	buf_putc(&b, '6');
	ok(b.failed, "one more does not");
	is_str(buf_cstr(&b), "12345", "what was there stays");
	buf_clear(&b);
	ok(!b.failed, "clear forgives");
	buf_puts(&b, "123");
	buf_puts(&b, "456");
	buf_puts(&b, "4");
	is_str(buf_cstr(&b), "123", "after a failure appends are no-ops");
	buf_printf(&b, "x");
	buf_put_int(&b, 1);
	buf_put_url(&b, "a");
	ok(buf_reserve(&b, 1) == NULL, "all of them");
	is_int(b.len, 3, "length stays");
	err = buf_check(&b);
	ok(err != NULL && err->code == IB_ENOMEM && err->retry == IB_RETRY_NEVER,
	    "check tells the cap");
	b.nomem = true;
	err = buf_check(&b);
	ok(err != NULL && err->retry == IB_RETRY_LATER, "check tells want of memory");
	buf_fini(&b);

	buf_init(&b, 10);
	buf_append(&b, "x", SIZE_MAX);
	ok(b.failed, "absurd length fails at once");
	buf_fini(&b);
	buf_init(&b, SIZE_MAX);
	buf_puts(&b, "x");
	is_str(buf_cstr(&b), "x", "no cap at all is possible");
	ok(buf_reserve(&b, SIZE_MAX - 1) == NULL && b.failed, "and still checked");
	buf_fini(&b);
	buf_init(&b, 0);
	buf_puts(&b, "");
	ok(!b.failed, "nothing fits into a cap of 0");
	buf_putc(&b, 'x');
	ok(b.failed, "a byte does not");
	buf_fini(&b);
}

static void
test_printf(void)
{
	struct ib_buf b;
	char big[1000];

	memset(big, 'y', sizeof(big));
	big[999] = '\0';
	buf_init(&b, 1300);
	buf_printf(&b, "%d-%s", 42, "x");
	is_str(buf_cstr(&b), "42-x", "printf into an empty buffer");
	buf_printf(&b, "%s", "");
	is_int(b.len, 4, "empty result");
	buf_printf(&b, "%s", big);
	ok(b.len == 1003 && b.p[1003] == '\0' && b.p[1002] == 'y', "printf that has to grow");
	buf_printf(&b, "%s", big);
	ok(b.failed && b.len == 1003 && b.p[1003] == '\0', "printf over the cap leaves the text");
	buf_fini(&b);
	buf_init(&b, 10);
	buf_printf(&b, "%s", "");
	ok(!b.failed, "printf of nothing into nothing");
	buf_printf(&b, "%s", "1234567890");
	is_str(buf_cstr(&b), "1234567890", "printf of exactly the cap");
	buf_fini(&b);
}

static void
test_encoders(void)
{
	struct ib_buf b;
	char *p;

	buf_init(&b, 1000);
	buf_put_int(&b, 0);
	buf_putc(&b, ' ');
	buf_put_int(&b, INT64_MAX);
	buf_putc(&b, ' ');
	buf_put_int(&b, INT64_MIN);
	is_str(buf_cstr(&b), "0 9223372036854775807 -9223372036854775808", "integers");
	buf_clear(&b);
	buf_put_url(&b, "AZaz09-._~ /?&=+%\xc3\xa9\x01");
	is_str(buf_cstr(&b), "AZaz09-._~%20%2F%3F%26%3D%2B%25%C3%A9%01", "percent-encoding");
	buf_put_url(&b, NULL);
	buf_clear(&b);
	p = buf_reserve(&b, 700);
	ok(p != NULL && b.len == 0 && b.cap > 700, "reserve gives room");
	if (p != NULL) {
		memcpy(p, "abcXXX", 6);
		b.len += 3;
	}
	is_str(buf_cstr(&b), "abc", "text after a reserve that was not filled");
	p = buf_reserve(&b, 2);
	if (p != NULL) {
		memcpy(p, "de", 2);
		b.len += 2;
	}
	ok(b.p[b.len] == '\0', "a reserve that was filled is terminated");
	buf_fini(&b);
}

int
main(void)
{
	test_append();
	test_cap();
	test_printf();
	test_encoders();
	return done_testing();
}
