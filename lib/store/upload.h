/* SPDX-License-Identifier: MIT */
/*
 * upload.h - files on their way from a person to a customer.
 *
 *   coming -> whole -> taken       its bytes are all here; a reply has it
 *
 * One row per file.  It belongs to a person and a conversation and is found by
 * the random key that the person's page gave it, so that the same piece twice
 * is one piece and an upload that broke off goes on where it stopped: `got` bytes
 * are on the disk.  The file is "u<thread>-<id>" in media_dir.  A reply that takes
 * it has the same id, so that the file keeps its name, and ends the row.  What
 * nobody sends goes after a day.
 */
#ifndef IB_UPLOAD_H
#define IB_UPLOAD_H

#include "../api/event.h"
#include "../db/db.h"

#define UPLOAD_KEEP_MS	INT64_C(86400000)
#define UPLOADS_MAX	30	/* of one person, not sent yet */
#define REPLY_FILES_MAX	10	/* of one reply */

struct upload {
	int64_t		 id, thread_id, size, got, width, height;
	enum fb_att	 type;		/* 0: not looked at yet */
	const char	*key, *name, *mime, *file;
};

/*
 * The upload of this key, made when it is new.  Opens its own transaction.
 * *out NULL: the person has too many that were not sent.
 */
IB_MUST const struct ib_err *upload_begin(struct db *db, struct arena *a, int64_t install_id,
    int64_t thread_id, int64_t user_id, const char *key, const char *name, int64_t size, int64_t now,
    struct upload **out);
/* *out NULL: there is none. */
IB_MUST const struct ib_err *upload_find(struct db *db, struct arena *a, int64_t thread_id,
    int64_t user_id, const char *key, struct upload **out);
/* The bytes up to `to` are on the disk.  Somebody else may have said so already. */
IB_MUST const struct ib_err *upload_grew(struct db *db, struct upload *u, int64_t to);
/* What it is, once all of it is here. */
IB_MUST const struct ib_err *upload_whole(struct db *db, struct upload *u);
/* Forget one; its file is the caller's. */
IB_MUST const struct ib_err *upload_drop(struct db *db, int64_t id);
/* In a transaction: the reply of the same id takes it, as its one attachment. */
IB_MUST const struct ib_err *upload_take(struct db *db, const struct upload *u);
/* One that was begun before `before`; *file NULL: none. */
IB_MUST const struct ib_err *upload_stale(struct db *db, struct arena *a, int64_t before, int64_t *id,
    const char **file);

#endif
