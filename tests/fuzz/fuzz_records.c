/* SPDX-License-Identifier: MIT */
/*
 * fuzz_records.c - bytes of a web server to a worker.  What they come to does not depend
 * on how they are cut, and what has passed is bounded.
 */
#include "../../cgi-bin/records.c"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool kept)
{
	if (!kept)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct records whole, bytes;
	bool passed;
	size_t i;

	records_init(&whole);
	records_init(&bytes);
	passed = records_take(&whole, data, size);
	for (i = 0; i < size && records_take(&bytes, data + i, 1); i++)
		;
	must(passed == (bytes.why == NULL) && whole.why == bytes.why && whole.phase == bytes.phase);
	must(!passed || (whole.env <= RECORDS_ENV_MAX && whole.left <= RECORDS_ENV_MAX));
	must(whole.phase < RECORDS_BODY || (whole.id != 0 && whole.lengths == 0 && whole.more == 0));
	return 0;
}
