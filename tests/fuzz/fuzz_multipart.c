/* SPDX-License-Identifier: MIT */
/*
 * fuzz_multipart.c - forms with files.  The first byte says in which pieces the
 * rest comes in: whatever they are, the same is told, and only of a part that
 * has begun.
 */
#include "../../cgi-bin/multipart.c"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	uint64_t	 digest;	/* of names and bytes, however they were cut */
	size_t		 parts, bytes;
	bool		 open;
};

static void
must(bool kept)
{
	if (!kept)
		abort();
}

static void
mix(struct seen *s, const char *p, size_t n)
{
	while (n-- > 0)
		s->digest = (s->digest ^ (unsigned char)*p++) * UINT64_C(1099511628211);
}

static bool
begin(void *arg, const char *name, const char *filename)
{
	struct seen *s = arg;

	must(!s->open && *name != '\0' && strlen(name) <= MULTIPART_NAME_MAX);
	must(strpbrk(name, "\r\n") == NULL && (filename == NULL || strpbrk(filename, "\r\n") == NULL));
	s->open = true;
	s->parts++;
	mix(s, name, strlen(name) + 1);
	mix(s, filename != NULL ? filename : "-", filename != NULL ? strlen(filename) + 1 : 2);
	return true;
}

static bool
data_(void *arg, const char *p, size_t n)
{
	struct seen *s = arg;

	must(s->open && n > 0);
	s->bytes += n;
	mix(s, p, n);
	return true;
}

static bool
end(void *arg)
{
	struct seen *s = arg;

	must(s->open);
	s->open = false;
	mix(s, ";", 1);
	return true;
}

static bool
parse(const char *p, size_t n, size_t step, struct seen *s)
{
	const struct multipart_calls calls = { s, begin, data_, end };
	struct multipart m;
	size_t i;

	memset(s, 0, sizeof(*s));
	must(multipart_init(&m, "multipart/form-data; boundary=B", &calls));
	for (i = 0; i < n; i += step)
		if (!multipart_feed(&m, p + i, n - i < step ? n - i : step))
			return false;
	must(s->bytes <= n && (!multipart_whole(&m) || !s->open));
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole, cut;
	bool good;

	if (size < 2)
		return 0;
	good = parse((const char *)data + 1, size - 1, size, &whole);
	must(parse((const char *)data + 1, size - 1, (size_t)data[0] % 64 + 1, &cut) == good);
	must(whole.digest == cut.digest && whole.parts == cut.parts && whole.bytes == cut.bytes);
	return 0;
}
