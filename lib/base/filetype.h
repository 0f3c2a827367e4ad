/* SPDX-License-Identifier: MIT */
/*
 * filetype.h - what a file is, and what it may be called.
 *
 * What it is, its first bytes say, never its name nor what somebody told:
 * that decides whether a page may show it (`shown`), as what Messenger takes it
 * (`as`), and up to which size (messenger.md 5.3).  Nothing here fails; what is
 * not known is a file like any other, to be downloaded.
 */
#ifndef IB_FILETYPE_H
#define IB_FILETYPE_H

#include "arena.h"

#include <stdint.h>

#define FILETYPE_HEAD	64	/* first bytes that are enough for filetype_of() */
#define PICTURE_HEAD	((size_t)128 << 10)	/* and for picture_size(), nearly always */
#define PICTURE_MAX_PX	INT64_C(60000000)	/* more are not shown: unpacked they fill a reader's memory */

enum file_as { FILE_AS_FILE, FILE_AS_IMAGE, FILE_AS_VIDEO, FILE_AS_AUDIO };

struct filetype {
	const char	*mime;
	const char	*name;	/* of its format, as people say it: "HEIC"; NULL: none */
	enum file_as	 as;
	bool		 shown;	/* a page may show or play it */
	bool		 odd;	/* a picture in a format that Messenger does not take */
};

/* Never NULL: application/octet-stream when the bytes say nothing. */
const struct filetype *filetype_of(const void *head, size_t n);
/*
 * The same of an open file, and the size of a picture as picture_size() tells
 * it.  NULL: no memory, or it cannot be read.
 */
const struct filetype *filetype_of_file(struct arena *a, int fd, int64_t *width, int64_t *height);
/* May a page of ours show or play this type?  The name as filetype_of() writes it, or NULL. */
const char *filetype_shown(const char *mime);
/* Most bytes that Messenger takes of such a file. */
int64_t filetype_most(const struct filetype *t);

/*
 * Width and height of a picture (JPEG as it is to be turned, PNG, GIF, WebP)
 * from its first bytes.  False when they do not tell.
 */
bool picture_size(const void *head, size_t n, int64_t *width, int64_t *height);

/*
 * A name that is safe in a header, a page and a folder: one line, no
 * separators, nothing that turns the direction of writing, no dots at its ends,
 * at most 120 characters with its extension.  NULL when nothing is left.
 */
const char *file_name_clean(struct arena *a, const char *s, size_t n);
/* Such a name in ASCII, as Messenger wants it: "file.pdf" when nothing but the extension is. */
const char *file_name_ascii(struct arena *a, const char *name);

#endif
