/* SPDX-License-Identifier: MIT */
/* upload.c - see upload.h. */
#include "upload.h"
#include "message.h"

#include "../base/crypt.h"

static const char *
file_of(struct arena *a, int64_t thread_id, int64_t id)
{
	return arena_printf(a, "u%lld-%lld", (long long)thread_id, (long long)id);
}

const struct ib_err *
upload_find(struct db *db, struct arena *a, int64_t thread_id, int64_t user_id, const char *key,
    struct upload **out)
{
	const struct ib_err *err;
	struct db_stmt *st;
	struct upload *u;
	bool row;

	*out = NULL;
	if ((err = db_query(db, ST_UPLOAD_FIND, &st, "iit", thread_id, user_id, key)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row && (u = ARENA_NEW(a, struct upload)) != NULL) {
		u->id = db_col_int(st, 0);
		u->thread_id = thread_id;
		u->size = db_col_int(st, 1);
		u->got = db_col_int(st, 2);
		u->width = db_col_int(st, 3);
		u->height = db_col_int(st, 4);
		u->type = (enum fb_att)db_col_int(st, 5);
		u->name = db_col_dup(st, 6, a);
		u->mime = db_col_dup(st, 7, a);
		u->key = key;
		u->file = file_of(a, thread_id, u->id);
		*out = u;
	}
	return db_done(st, a, err);
}

const struct ib_err *
upload_begin(struct db *db, struct arena *a, int64_t install_id, int64_t thread_id, int64_t user_id,
    const char *key, const char *name, int64_t size, int64_t now, struct upload **out)
{
	const struct ib_err *err;
	int64_t open;
	uint64_t rnd;
	bool found;

	/* Mostly it goes on: no writer has to wait for that. */
	if ((err = upload_find(db, a, thread_id, user_id, key, out)) != NULL || *out != NULL)
		return err;
	if ((err = crypt_random(&rnd, sizeof(rnd))) != NULL || (err = db_begin(db)) != NULL)
		return err;
	if ((err = upload_find(db, a, thread_id, user_id, key, out)) == NULL && *out == NULL &&
	    (err = db_get_int(db, ST_UPLOAD_OPEN, &open, &found, "i", user_id)) == NULL && open < UPLOADS_MAX &&
	    (err = db_run(db, ST_UPLOAD_ADD, "iiiittii", (int64_t)(rnd >> 11) | 1, install_id, thread_id,
	    user_id, key, name, size, now)) == NULL)
		err = upload_find(db, a, thread_id, user_id, key, out);
	if (err == NULL)
		err = db_commit(db);
	db_rollback(db);
	return err;
}

const struct ib_err *
upload_grew(struct db *db, struct upload *u, int64_t to)
{
	const struct ib_err *err = db_run(db, ST_UPLOAD_GREW, "ii", u->id, to);

	if (err == NULL && to > u->got)
		u->got = to;
	return err;
}

const struct ib_err *
upload_whole(struct db *db, struct upload *u)
{
	return db_run(db, ST_UPLOAD_WHOLE, "iitii", u->id, (int64_t)u->type, u->mime, u->width, u->height);
}

const struct ib_err *
upload_drop(struct db *db, int64_t id)
{
	return db_run(db, ST_UPLOAD_DROP, "i", id);
}

const struct ib_err *
upload_take(struct db *db, const struct upload *u)
{
	const struct attachment t = { .thread_id = u->thread_id, .msg_id = u->id, .type = u->type,
		.width = u->width, .height = u->height, .size = u->size, .name = u->name, .mime = u->mime };
	const struct ib_err *err;

	if ((err = attachment_add(db, &t)) != NULL ||
	    (err = attachment_done(db, &t, u->file, NULL, 0, 0)) != NULL)
		return err;
	return upload_drop(db, u->id);
}

const struct ib_err *
upload_stale(struct db *db, struct arena *a, int64_t before, int64_t *id, const char **file)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*file = NULL;
	if ((err = db_query(db, ST_UPLOAD_STALE, &st, "i", before)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row) {
		*id = db_col_int(st, 0);
		*file = file_of(a, db_col_int(st, 1), *id);
	}
	return db_done(st, a, err);
}
