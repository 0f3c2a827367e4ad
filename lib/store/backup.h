/* SPDX-License-Identifier: MIT */
/*
 * backup.h - everything in one file: the database and the files of messages.
 *
 * A tar archive, sealed with a passphrase or not (crypt.h):
 *
 *   about         what wrote it, when, and the rows of each table that people would miss
 *   inbox.db      a consistent copy of the database
 *   media/NAME    each file of the media folder
 *   SHA256SUMS    the sums of all of these, as sha256sum(1) writes them
 *
 * The sums come last: an archive without them is torn.  The key file is not in
 * it.  It is made while everything runs: a file that came after the copy of the
 * database is in it and belongs to nothing, one that was removed meanwhile is not.
 */
#ifndef IB_BACKUP_H
#define IB_BACKUP_H

#include "../db/db.h"

#define BACKUP_ABOUT_MAX	4096

enum backup_kind { BACKUP_NONE, BACKUP_DATABASE, BACKUP_PLAIN, BACKUP_SEALED };

struct backup {
	int64_t	 files, bytes;			/* of messages */
	int	 schema;
	char	 made[25], program[32];
	char	 rows[BACKUP_ABOUT_MAX];	/* lines "<table> <rows>" */
};

/* What a file is by its first bytes.  BACKUP_DATABASE: a copy without files. */
IB_MUST const struct ib_err *backup_look(const char *path, enum backup_kind *kind);
/* Bytes that writing one needs beside each other at its height: the database is copied first. */
int64_t backup_room(struct db *db, const char *media);
/*
 * Makes `to`, mode 0600, which must not be there; the name appears when all of it is
 * on disk.  `media` need not exist.  passphrase NULL: not sealed.  IB_ELIMIT: the disk has
 * no room for it, so that nothing was begun: the inbox that runs meanwhile needs some.
 */
IB_MUST const struct ib_err *backup_write(struct db *db, const char *media, const char *to,
    const char *passphrase, int64_t now, struct backup *b);
/* What one that is not sealed says of itself; the rest is not read: no files, no bytes. */
IB_MUST const struct ib_err *backup_about(const char *from, struct backup *b);
/*
 * Its content into the new folder `folder` as inbox.db and media/, and what it says
 * of itself.  `have` (or NULL): a folder; files that lie in it are compared with their
 * sums like all, but not written.  IB_EPARSE: torn or changed; IB_EAUTH: the
 * passphrase.  What was written before an error is the caller's to remove.
 */
IB_MUST const struct ib_err *backup_read(const char *from, const char *passphrase, const char *folder,
    const char *have, struct backup *b);
/* The same lines as in `rows` of this database. */
IB_MUST const struct ib_err *backup_rows(struct db *db, char rows[BACKUP_ABOUT_MAX]);
/* How many files the rows of the database name, and how many of them lie in `media`. */
IB_MUST const struct ib_err *backup_files(struct db *db, const char *media, int64_t *named, int64_t *there);

#endif
