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
 * libarchive is loaded when it is first needed: most processes never do.
 */
#ifndef IB_TARBALL_H
#define IB_TARBALL_H

#include "err.h"

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
/* After an error: what this slice wrote does not count. */
void tarball_abandon(struct tarball *t);

#endif
