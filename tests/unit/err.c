/* SPDX-License-Identifier: MIT */
/* Tests of err.h: the ring and the names. */
#include "err.h"
#include "tap.h"

int
main(void)
{
	const struct ib_err *e, *first, *kept[15];
	char big[600];
	size_t i;
	int line;

	e = ib_fail(IB_EDB, IB_RETRY_LATER, "disk %s at %d", "full", 7); line = __LINE__;
	is_str(e->msg, "disk full at 7", "message is formatted");
	is_int(e->code, IB_EDB, "code");
	is_int(e->retry, IB_RETRY_LATER, "retry class");
	is_str(e->file, __FILE__, "file");
	is_int(e->line, line, "line");

	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	e = ib_fail(IB_ESYS, IB_RETRY_NOW, "%s", big);
	is_int(strlen(e->msg), sizeof(e->msg) - 1, "long message is cut");

	first = ib_fail(IB_EPARSE, IB_RETRY_NEVER, "first");
	for (i = 0; i < 15; i++)
		kept[i] = ib_fail(IB_ESYS, IB_RETRY_NOW, "n%zu", i);
	is_str(first->msg, "first", "survives 15 more errors");
	is_str(kept[0]->msg, "n0", "and so do they");
	e = ib_fail(IB_ESYS, IB_RETRY_NOW, "after: %s", first->msg);
	ok(e == first, "the 16th takes its slot");
	is_str(e->msg, "after: first", "even when it quotes the slot it takes");

	is_str(ib_code_name(IB_EDB), "db", "name of a code");
	is_str(ib_code_name(IB_ETIMEOUT), "timeout", "name of another");
	for (i = IB_ESYS; i <= IB_ECONF; i++)
		ok(strcmp(ib_code_name((enum ib_code)i), "unknown") != 0, "code %zu has a name", i);
	is_str(ib_code_name((enum ib_code)99), "unknown", "no code has one, too");
	return done_testing();
}
