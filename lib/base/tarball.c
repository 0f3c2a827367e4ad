/* SPDX-License-Identifier: MIT */
/* tarball.c - see tarball.h. */
#include "tarball.h"

#include <archive.h>
#include <archive_entry.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARCHIVE_FUNCTIONS(X) \
	X(write_new) X(write_set_format_pax_restricted) X(write_set_bytes_per_block) X(write_open) \
	X(write_header) X(write_data) X(write_finish_entry) X(write_close) X(write_free) \
	X(error_string) X(entry_new) X(entry_free) X(entry_set_pathname) X(entry_set_size) \
	X(entry_set_filetype) X(entry_set_perm) X(entry_set_mtime) \
	X(read_new) X(read_support_format_tar) X(read_support_filter_gzip) X(read_set_options) X(read_open) X(read_next_header) \
	X(read_data) X(read_free) X(entry_pathname) X(entry_size) X(entry_filetype) X(entry_perm) \
	X(entry_symlink) X(entry_hardlink)

static struct {
#define X(f) __typeof__(archive_##f) *f;
	ARCHIVE_FUNCTIONS(X)
#undef X
} ar;

struct tarball {
	struct archive	*a;
	int		 fd;
	int64_t		 at;		/* bytes of the file so far */
	tarball_put	*put;
	tarball_get	*get;
	void		*arg;
	struct crypt_digest *sum;
	const struct ib_err *err;	/* what put or get said */
};

static const struct ib_err *
load(void)
{
	static bool loaded;
	void *lib, *sym;

	if (loaded)
		return NULL;
	if ((lib = dlopen("libarchive.so.13", RTLD_NOW | RTLD_LOCAL)) == NULL)
		return ib_fail(IB_ESYS, IB_RETRY_LATER, "archive: cannot load libarchive.so.13");
#define X(f) \
	if ((sym = dlsym(lib, "archive_" #f)) == NULL) \
		return ib_fail(IB_ESYS, IB_RETRY_LATER, "archive: libarchive has no archive_" #f); \
	memcpy(&ar.f, &sym, sizeof(ar.f));
	ARCHIVE_FUNCTIONS(X)
#undef X
	loaded = true;
	return NULL;
}

static const struct ib_err *
failed(const struct tarball *t, const char *what)
{
	const char *why;

	if (t->err != NULL)
		return t->err;
	why = ar.error_string(t->a);
	return ib_fail(IB_ESYS, IB_RETRY_LATER, "archive: %s: %s", what, why != NULL ? why :
	    t->get != NULL ? "it is torn" : strerror(errno));
}

static la_ssize_t
on_write(struct archive *a, void *arg, const void *p, size_t n)
{
	struct tarball *t = arg;
	ssize_t got;

	(void)a;
	if (t->put != NULL)
		return (t->err = t->put(t->arg, p, n)) != NULL ? -1 : (la_ssize_t)n;
	do
		got = write(t->fd, p, n);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		t->at += got;
	return got;
}

/* ustar, but for what does not fit into it: files above 8 GiB. */
static const struct ib_err *
begin(struct tarball *t)
{
	if ((t->a = ar.write_new()) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "archive");
	if (ar.write_set_format_pax_restricted(t->a) != ARCHIVE_OK || ar.write_set_bytes_per_block(t->a, 0) != ARCHIVE_OK ||
	    ar.write_open(t->a, t, NULL, on_write, NULL) != ARCHIVE_OK)
		return failed(t, "open");
	return NULL;
}

static const struct ib_err *
tarball_new(struct tarball **out)
{
	const struct ib_err *err;

	*out = NULL;
	if ((err = load()) != NULL)
		return err;
	if ((*out = calloc(1, sizeof(**out))) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "archive");
	(*out)->fd = -1;
	return NULL;
}

const struct ib_err *
tarball_open(const char *path, int64_t size, struct tarball **out)
{
	const struct ib_err *err;
	struct tarball *t;

	*out = NULL;
	if ((err = tarball_new(&t)) != NULL)
		return err;
	t->at = size;
	if ((t->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0 ||
	    ftruncate(t->fd, size) != 0 || lseek(t->fd, size, SEEK_SET) != size)
		err = ib_fail(IB_ESYS, IB_RETRY_LATER, "archive: %s", strerror(errno));
	else
		err = begin(t);
	if (err != NULL)
		tarball_abandon(t);
	else
		*out = t;
	return err;
}

static const struct ib_err *
header(struct tarball *t, const char *name, int64_t at_ms, int64_t n)
{
	struct archive_entry *e = ar.entry_new();
	const struct ib_err *err = NULL;

	if (e == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "archive");
	ar.entry_set_pathname(e, name);
	ar.entry_set_size(e, n);
	ar.entry_set_filetype(e, AE_IFREG);
	ar.entry_set_perm(e, 0600);
	ar.entry_set_mtime(e, (time_t)(at_ms / 1000), 0);
	if (ar.write_header(t->a, e) != ARCHIVE_OK)
		err = failed(t, name);
	ar.entry_free(e);
	return err;
}

static const struct ib_err *
put(struct tarball *t, const char *name, const void *data, size_t n)
{
	const char *p = data;
	la_ssize_t got;

	for (; n > 0; p += got, n -= (size_t)got)
		if ((got = ar.write_data(t->a, p, n)) <= 0)
			return failed(t, name);
		else if (t->sum != NULL)
			crypt_digest_add(t->sum, p, (size_t)got);
	return NULL;
}

void
tarball_sum(struct tarball *t, struct crypt_digest *sum)
{
	t->sum = sum;
}

const struct ib_err *
tarball_add(struct tarball *t, const char *name, int64_t at_ms, const void *data, size_t n)
{
	const struct ib_err *err;

	if ((err = header(t, name, at_ms, (int64_t)n)) != NULL || (err = put(t, name, data, n)) != NULL)
		return err;
	return ar.write_finish_entry(t->a) != ARCHIVE_OK ? failed(t, name) : NULL;
}

const struct ib_err *
tarball_add_file(struct tarball *t, const char *name, int64_t at_ms, const char *path, bool *added)
{
	const struct ib_err *err = NULL;
	char piece[65536];
	int64_t left;
	struct stat sb;
	ssize_t got;
	int fd;

	*added = false;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) < 0)
		return errno == ENOENT ? NULL : ib_fail(IB_ESYS, IB_RETRY_LATER, "archive: %s", strerror(errno));
	if (fstat(fd, &sb) != 0 || !S_ISREG(sb.st_mode)) {
		close(fd);
		return NULL;
	}
	err = header(t, name, at_ms, left = sb.st_size);
	while (err == NULL && left > 0) {
		got = read(fd, piece, left < (int64_t)sizeof(piece) ? (size_t)left : sizeof(piece));
		if (got <= 0)		/* a file of ours never shrinks */
			err = ib_fail(IB_ESYS, IB_RETRY_LATER, "archive: a file ended early");
		else if ((err = put(t, name, piece, (size_t)got)) == NULL)
			left -= got;
	}
	close(fd);
	if (err == NULL && ar.write_finish_entry(t->a) != ARCHIVE_OK)
		err = failed(t, name);
	*added = err == NULL;
	return err;
}

const struct ib_err *
tarball_close(struct tarball *t, int64_t *size)
{
	const struct ib_err *err = NULL;

	*size = t->at;			/* before the marks of the end, which the next slice cuts off */
	if (ar.write_close(t->a) != ARCHIVE_OK)
		err = failed(t, "close");
	else if (t->put == NULL && fsync(t->fd) != 0)
		err = ib_fail(IB_ESYS, IB_RETRY_LATER, "archive: %s", strerror(errno));
	tarball_abandon(t);
	return err;
}

void
tarball_abandon(struct tarball *t)
{
	if (t == NULL)
		return;
	if (t->a != NULL)
		(void)(t->get != NULL ? ar.read_free(t->a) : ar.write_free(t->a));
	if (t->fd >= 0)
		(void)close(t->fd);
	free(t);
}

const struct ib_err *
tarball_write(tarball_put *taker, void *arg, struct tarball **out)
{
	const struct ib_err *err;
	struct tarball *t;

	*out = NULL;
	if ((err = tarball_new(&t)) != NULL)
		return err;
	t->put = taker;
	t->arg = arg;
	if ((err = begin(t)) != NULL)
		tarball_abandon(t);
	else
		*out = t;
	return err;
}

/* Reading -------------------------------------------------------------------------- */

static la_ssize_t
on_read(struct archive *a, void *arg, const void **p)
{
	struct tarball *t = arg;
	size_t n = 0;

	(void)a;
	return (t->err = t->get(t->arg, p, &n)) != NULL ? -1 : (la_ssize_t)n;
}

const struct ib_err *
tarball_read(tarball_get *giver, void *arg, struct tarball **out)
{
	const struct ib_err *err;
	struct tarball *t;

	*out = NULL;
	if ((err = tarball_new(&t)) != NULL)
		return err;
	t->get = giver;
	t->arg = arg;
	if ((t->a = ar.read_new()) == NULL)
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "archive");
	else if (ar.read_support_format_tar(t->a) != ARCHIVE_OK || ar.read_support_filter_gzip(t->a) != ARCHIVE_OK ||
	    /* Reads to the end of what is packed: otherwise its last bytes could be missing. */
	    ar.read_set_options(t->a, "tar:read_concatenated_archives") != ARCHIVE_OK ||
	    ar.read_open(t->a, t, NULL, on_read, NULL) != ARCHIVE_OK)
		err = failed(t, "open");
	if (err != NULL)
		tarball_abandon(t);
	else
		*out = t;
	return err;
}

const struct ib_err *
tarball_next(struct tarball *t, struct tarball_entry *e, bool *more)
{
	struct archive_entry *in;
	int rc = ar.read_next_header(t->a, &in);

	memset(e, 0, sizeof(*e));
	*more = rc == ARCHIVE_OK;
	if (rc == ARCHIVE_EOF)
		return NULL;
	if (rc != ARCHIVE_OK)
		return failed(t, "next");
	if ((e->name = ar.entry_pathname(in)) == NULL)
		return ib_fail(IB_EPARSE, IB_RETRY_NEVER, "archive: an entry without a name");
	e->size = ar.entry_size(in);
	e->executable = (ar.entry_perm(in) & 0100) != 0;
	if ((e->link = ar.entry_hardlink(in)) != NULL)
		e->kind = TARBALL_HARDLINK;
	else if ((e->link = ar.entry_symlink(in)) != NULL)
		e->kind = TARBALL_SYMLINK;
	else
		e->kind = ar.entry_filetype(in) == AE_IFREG ? TARBALL_FILE :
		    ar.entry_filetype(in) == AE_IFDIR ? TARBALL_FOLDER : TARBALL_OTHER;
	return NULL;
}

const struct ib_err *
tarball_bytes(struct tarball *t, void *p, size_t room, size_t *n)
{
	la_ssize_t got = ar.read_data(t->a, p, room);

	*n = got > 0 ? (size_t)got : 0;
	if (got < 0)
		return failed(t, "read");
	if (t->sum != NULL)
		crypt_digest_add(t->sum, p, *n);
	return NULL;
}
