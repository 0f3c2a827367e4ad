/* SPDX-License-Identifier: MIT */
/* An archive in slices: whole after each, and a slice that died leaves no trace. */
#include "../tap.h"

#include "../../lib/base/tarball.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/inbox-tarball-XXXXXX", path[64], piece[64];

/* Entries and bytes by the headers of ustar; -1 when the end is not as it should be. */
static int
entries(void)
{
	static char file[1 << 20];
	int fd = open(path, O_RDONLY), n = 0;
	ssize_t len = fd < 0 ? -1 : read(fd, file, sizeof(file));
	ssize_t at = 0;

	if (fd >= 0)
		close(fd);
	while (at + 512 <= len && file[at] != '\0') {
		long size = strtol(file + at + 124, NULL, 8);

		if (memcmp(file + at + 257, "ustar", 5) != 0)
			return -1;
		at += 512 + (size + 511) / 512 * 512;
		n++;
	}
	return len == at + 1024 ? n : -1;
}

/* An archive in memory, given back in small pieces. */
static struct { char p[400000]; size_t len, at; } kept;

static const struct ib_err *
keep(void *arg, const void *p, size_t n)
{
	if (kept.len + n > sizeof(kept.p))
		return ib_fail(IB_ELIMIT, IB_RETRY_NEVER, "%s is full", (const char *)arg);
	memcpy(kept.p + kept.len, p, n);
	kept.len += n;
	return NULL;
}

static const struct ib_err *
give(void *arg, const void **p, size_t *n)
{
	(void)arg;
	*p = kept.p + kept.at;
	*n = kept.len - kept.at < 700 ? kept.len - kept.at : 700;
	kept.at += *n;
	return NULL;
}

static void
test_reading(void)
{
	static char big[4000];
	struct crypt_digest *sum = crypt_digest_new();
	const struct ib_err *err;
	struct tarball_entry e;
	uint8_t wrote[32], came[32];
	struct tarball *t;
	int64_t size;
	char back[100];
	size_t n;
	bool more;

	ok(tarball_write(keep, "memory", &t) == NULL, "an archive for somebody who takes it");
	tarball_sum(t, sum);
	ok(tarball_add(t, "one", 0, "hello", 5) == NULL && tarball_add(t, "two", 0, "", 0) == NULL &&
	    tarball_close(t, &size) == NULL, "is written");
	crypt_digest_end(sum, wrote);
	ok(tarball_read(give, NULL, &t) == NULL, "is read");
	tarball_sum(t, sum);
	ok(tarball_next(t, &e, &more) == NULL && more && strcmp(e.name, "one") == 0 && e.kind == TARBALL_FILE && e.size == 5 &&
	    !e.executable, "the first entry");
	ok(tarball_bytes(t, back, sizeof(back), &n) == NULL && n == 5 && memcmp(back, "hello", 5) == 0 &&
	    tarball_bytes(t, back, sizeof(back), &n) == NULL && n == 0, "its bytes");
	ok(tarball_next(t, &e, &more) == NULL && more && strcmp(e.name, "two") == 0, "the second");
	ok(tarball_next(t, &e, &more) == NULL && !more, "and no more");
	tarball_abandon(t);
	crypt_digest_end(sum, came);
	ok(memcmp(wrote, came, 32) == 0, "the same bytes");

	kept.at = 0;
	kept.len = 1500;
	ok(tarball_read(give, NULL, &t) == NULL && tarball_next(t, &e, &more) == NULL && more, "one that is torn begins well");
	ok(tarball_bytes(t, back, sizeof(back), &n) == NULL, "may give its first bytes");
	ok(tarball_next(t, &e, &more) != NULL, "and does not end");
	tarball_abandon(t);

	kept.len = sizeof(kept.p) - 2000;
	ok(tarball_write(keep, "memory", &t) == NULL, "who takes it may be full");
	err = tarball_add(t, "big", 0, big, sizeof(big));
	ok(err != NULL && strcmp(err->msg, "memory is full") == 0, "and says so himself");
	tarball_abandon(t);
	crypt_digest_free(sum);
}

static void
must(const struct ib_err *err)
{
	if (err != NULL) {
		printf("Bail out! %s\n", err->msg);
		exit(1);
	}
}

static void
byte(unsigned c)
{
	kept.p[kept.len++] = (char)c;
}

/* What is kept, as gzip has it (RFC 1952) without making it smaller, with the zeros behind that tar puts there. */
static void
zip(size_t zeros)
{
	static char plain[sizeof(kept.p)];
	size_t n = kept.len + zeros, i, at, part;
	uint32_t crc = UINT32_MAX;
	int k;

	memset(plain, 0, sizeof(plain));
	memcpy(plain, kept.p, kept.len);
	for (i = 0; i < n; i++)
		for (crc ^= (unsigned char)plain[i], k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
	crc = ~crc;
	kept.len = 0;
	for (i = 0; i < 10; i++)
		byte((unsigned char)"\x1f\x8b\x08\0\0\0\0\0\0\3"[i]);
	for (at = 0; at < n; at += part) {
		part = n - at < 65535 ? n - at : 65535;
		byte(at + part == n);		/* the last block; as it is */
		for (i = 0; i < 4; i++)
			byte((unsigned)((i < 2 ? part : ~part) >> i % 2 * 8) & 255);
		memcpy(kept.p + kept.len, plain + at, part);
		kept.len += part;
	}
	for (i = 0; i < 8; i++)
		byte((i < 4 ? crc : (uint32_t)n) >> i % 4 * 8 & 255);
}

/* Torn where nothing of its entries is. */
static void
test_last_bytes(void)
{
	static const size_t cuts[] = { 0, 8, 9, 700, 6000, 200000 };
	const struct ib_err *err;
	struct tarball_entry e;
	struct tarball *t;
	int64_t size;
	size_t whole, i;
	bool more;
	int n;

	kept.len = 0;
	must(tarball_write(keep, "memory", &t));
	must(tarball_add(t, "one", 0, "hello", 5));
	must(tarball_close(t, &size));
	zip((size_t)512 * 586);
	whole = kept.len;
	for (i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		kept.at = 0;
		kept.len = whole - cuts[i];
		n = 0;
		if ((err = tarball_read(give, NULL, &t)) == NULL)
			while ((err = tarball_next(t, &e, &more)) == NULL && more)
				n++;
		ok(n <= 1 && (cuts[i] == 0 ? n == 1 && err == NULL : err != NULL), "packed, %zu bytes missing at the end: %s",
		    cuts[i], err == NULL ? "whole" : err->msg);
		tarball_abandon(t);
	}
}

int
main(void)
{
	struct tarball *t;
	struct stat sb;
	int64_t size = 0, was;
	bool added;
	int fd;

	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/a.tar", dir);
	snprintf(piece, sizeof(piece), "%s/piece", dir);
	ok(tarball_open(path, 0, &t) == NULL && tarball_add(t, "one.txt", 1795341600000, "hello", 5) == NULL &&
	    tarball_add(t, "empty", 0, "", 0) == NULL && tarball_close(t, &size) == NULL && size == 1536, "a slice of two");
	ok(entries() == 2 && stat(path, &sb) == 0 && (sb.st_mode & 077) == 0, "is a whole archive, and private");
	was = size;
	ok(tarball_open(path, size, &t) == NULL && tarball_add(t, "three", 0, "x", 1) == NULL, "another begins");
	tarball_abandon(t);
	ok(tarball_open(path, was, &t) == NULL && tarball_add(t, "three", 0, "y", 1) == NULL &&
	    tarball_close(t, &size) == NULL && entries() == 3 && size == was + 1024, "and died: the next one takes its place");
	if ((fd = open(piece, O_WRONLY | O_CREAT, 0600)) < 0 || write(fd, dir, 10) != 10)
		return 1;
	close(fd);
	ok(tarball_open(path, size, &t) == NULL && tarball_add_file(t, "files/1-2-3.jpg", 0, piece, &added) == NULL && added &&
	    tarball_add_file(t, "gone", 0, "/tmp/inbox-no-such-file", &added) == NULL && !added &&
	    tarball_add_file(t, "folder", 0, dir, &added) == NULL && !added && tarball_close(t, &size) == NULL &&
	    entries() == 4, "a file; one that is gone, and a folder, are left out");
	ok(tarball_open("/nonexistent/a.tar", 0, &t) != NULL && t == NULL, "a place that is none");
	test_reading();
	test_last_bytes();
	tarball_abandon(NULL);
	unlink(path);
	unlink(piece);
	rmdir(dir);
	return done_testing();
}
