/* SPDX-License-Identifier: MIT */
/*
 * file.h - files that appear whole and are on disk when they do.
 */
#ifndef IB_FILE_H
#define IB_FILE_H

#include "arena.h"

#include <sys/types.h>

/* All n bytes, or an error; `what` names the file in it. */
IB_MUST const struct ib_err *file_write(int fd, const void *p, size_t n, const char *what);
/* What was written is on disk, and so is what a folder holds. */
IB_MUST const struct ib_err *file_sync(const char *path);
IB_MUST const struct ib_err *file_sync_folder_of(const char *path);
/* `tmp` becomes `to`, which must not be there; both on disk. */
IB_MUST const struct ib_err *file_appear(const char *tmp, const char *to);
/* `tmp` becomes `to`, whatever was there; both on disk. */
IB_MUST const struct ib_err *file_replace(const char *tmp, const char *to);
/* The folder that `path` lies in, "." without a slash; NULL: no memory. */
char *file_folder(struct arena *a, const char *path);
/* A path and all below it go, no link is followed.  What is not there is no error. */
IB_MUST const struct ib_err *file_remove(const char *path);
/* Bytes that the disk of a file or folder has left for us; a quota may leave less.  0: not known. */
int64_t file_disk_free(const char *path);
/* What is called `prefix` and the number of a process that is no more, beside each other. */
void file_sweep_dead(const char *prefix);

#endif
