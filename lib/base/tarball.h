/* SPDX-License-Identifier: MIT */
/*
 * tarball.h - the only door to libarchive: a tar archive that is written in
 * slices.
 *
 * A slice opens the file, which is cut to the size that was told last, adds
 * entries and closes it; in between the file is a whole archive.  A process
 * that dies in a slice leaves bytes that the next one cuts off.  So an archive
 * of any size is made in short pieces by whichever process comes by.  Names are
 * made of our own ids: ASCII.
 *
 * Or one that is written in one go into whatever takes bytes, or read from
 * whatever gives them, packed with gzip or not.
 *
 * libarchive is loaded when it is first needed: most processes never do.
 */
#ifndef IB_TARBALL_H
#define IB_TARBALL_H

#include "crypt.h"

#include <stddef.h>
#include <stdint.h>

struct tarball;
/* The file is made when absent (mode 0600). */
IB_MUST const struct ib_err *tarball_open(const char *path, int64_t size, struct tarball **out);
IB_MUST const struct ib_err *tarball_add(struct tarball *t, const char *name, int64_t at_ms,
    const void *data, size_t n);
/* The bytes of a file; one that is not there is left out (*added false). */
IB_MUST const struct ib_err *tarball_add_file(struct tarball *t, const char *name, int64_t at_ms,
    const char *path, bool *added);
/* Ends the slice, on disk; *size: where the next one begins.  Frees t also on error. */
IB_MUST const struct ib_err *tarball_close(struct tarball *t, int64_t *size);
/* Who takes the bytes of an archive, who gives them (*n 0: the end). */
typedef const struct ib_err *tarball_put(void *arg, const void *p, size_t n);
typedef const struct ib_err *tarball_get(void *arg, const void **p, size_t *n);
IB_MUST const struct ib_err *tarball_write(tarball_put *taker, void *arg, struct tarball **out);
IB_MUST const struct ib_err *tarball_read(tarball_get *giver, void *arg, struct tarball **out);

enum tarball_kind { TARBALL_FILE, TARBALL_FOLDER, TARBALL_SYMLINK, TARBALL_HARDLINK, TARBALL_OTHER };
struct tarball_entry {
	enum tarball_kind kind;
	const char	*name, *link;	/* good until the next entry; link: where it leads, or NULL */
	int64_t		 size;
	bool		 executable;
};
/* *more false: the end. */
IB_MUST const struct ib_err *tarball_next(struct tarball *t, struct tarball_entry *e, bool *more);
/* The next bytes of the entry; *n 0: its end. */
IB_MUST const struct ib_err *tarball_bytes(struct tarball *t, void *p, size_t room, size_t *n);
/* From now on what goes into entries, or comes out, is added to `sum` (NULL: no more). */
void tarball_sum(struct tarball *t, struct crypt_digest *sum);
/* After an error, and after reading: what this slice wrote does not count. */
void tarball_abandon(struct tarball *t);

#endif
