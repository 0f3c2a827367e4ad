/* SPDX-License-Identifier: MIT */
/* export.c - see export.h. */
#include "export.h"

#include "../base/clock.h"
#include "../base/crypt.h"
#include "../base/str.h"

#define LEASE_MS	(5 * MS_MINUTE)

static void
read_export(struct db_stmt *st, struct arena *a, struct export *x)
{
	x->id = db_col_int(st, 0);
	x->install_id = db_col_int(st, 1);
	x->user_id = db_col_int(st, 2);
	x->file = db_col_dup(st, 3, a);
	x->ready = db_col_int(st, 4) != 0;
	x->started_at = db_col_int(st, 5);
	x->ended_at = db_col_int(st, 6);
	x->size = db_col_int(st, 7);
	x->thread = db_col_int(st, 8);
	x->msg_at = db_col_int(st, 9);
	x->msg_id = db_col_int(st, 10);
	x->part = db_col_int(st, 11);
	x->contents = db_col_int(st, 12);
	x->after_thread = db_col_int(st, 13);
	x->threads = db_col_int(st, 14);
	x->messages = db_col_int(st, 15);
	x->files = db_col_int(st, 16);
}

static const struct ib_err *
one_export(struct db_stmt *st, struct arena *a, struct export **out)
{
	const struct ib_err *err;
	bool row;

	*out = NULL;
	if ((err = db_step(st, &row)) == NULL && row) {
		if ((*out = ARENA_NEW(a, struct export)) == NULL)
			err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "export");
		else
			read_export(st, a, *out);
	}
	return db_done(st, a, err);
}

const struct ib_err *
export_start(struct db *db, struct arena *a, int64_t install_id, int64_t user_id, int64_t now, bool *fresh)
{
	const struct ib_err *err;
	uint8_t rnd[16];
	char hex[33];
	int64_t id;
	bool found;

	(void)a;
	*fresh = false;
	if ((err = db_get_int(db, ST_EXPORT_BUILDING, &id, &found, "i", install_id)) != NULL || found ||
	    (err = crypt_random(rnd, sizeof(rnd))) != NULL)
		return err;
	str_hex(hex, rnd, sizeof(rnd));
	*fresh = true;
	return db_run(db, ST_EXPORT_ADD, "iiti", install_id, user_id, hex, now);
}

const struct ib_err *
export_list(struct db *db, struct arena *a, int64_t install_id, size_t max, struct export **out, size_t *n)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*n = 0;
	if ((*out = ARENA_ARRAY(a, max, struct export)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "exports");
	if ((err = db_query(db, ST_EXPORTS_OF, &st, "ii", install_id, (int64_t)max)) != NULL)
		return err;
	while (*n < max && (err = db_step(st, &row)) == NULL && row)
		read_export(st, a, &(*out)[(*n)++]);
	return db_done(st, a, err);
}

const struct ib_err *
export_get(struct db *db, struct arena *a, int64_t install_id, int64_t id, struct export **out)
{
	const struct ib_err *err;
	struct db_stmt *st;

	*out = NULL;
	if ((err = db_query(db, ST_EXPORT_GET, &st, "ii", id, install_id)) != NULL)
		return err;
	return one_export(st, a, out);
}

const struct ib_err *
export_claim(struct db *db, struct arena *a, int64_t now, struct export **out)
{
	const struct ib_err *err;
	struct db_stmt *st;
	int64_t id, install;
	bool found;

	*out = NULL;
	if ((err = db_get_int(db, ST_EXPORT_DUE, &id, &found, "i", now)) != NULL || !found ||
	    (err = db_begin(db)) != NULL)
		return err;
	if ((err = db_get_int(db, ST_EXPORT_CLAIM, &id, &found, "ii", now, now + LEASE_MS)) == NULL)
		err = db_commit(db);
	db_rollback(db);
	if (err != NULL || !found ||
	    (err = db_get_int(db, ST_EXPORT_INSTALL, &install, &found, "i", id)) != NULL || !found ||
	    (err = db_query(db, ST_EXPORT_GET, &st, "ii", id, install)) != NULL)
		return err;
	return one_export(st, a, out);
}

const struct ib_err *
export_step(struct db *db, const struct export *x, int64_t now)
{
	return db_run(db, ST_EXPORT_STEP, "itiiiiiiiiiii", x->id, x->ready ? "ready" : "building", x->ready ? now : 0,
	    x->size, x->thread, x->msg_at, x->msg_id, x->part, x->contents, x->after_thread, x->threads, x->messages,
	    x->files);
}

const struct ib_err *
export_release(struct db *db, int64_t id)
{
	return db_run(db, ST_EXPORT_RELEASE, "i", id);
}

const struct ib_err *
export_sweep(struct db *db, int64_t now)
{
	return db_run(db, ST_EXPORT_SWEEP, "i", now - EXPORT_KEEP_DAYS * MS_DAY);
}

const struct ib_err *
export_known(struct db *db, const char *file, bool *known)
{
	int64_t id;

	return db_get_int(db, ST_EXPORT_KNOWN, &id, known, "t", file);
}

const struct ib_err *
export_drop(struct db *db, int64_t install_id)
{
	return db_run(db, ST_EXPORT_DROP, "i", install_id);
}

const struct ib_err *
export_threads(struct db *db, struct arena *a, int64_t install_id, int64_t after, size_t max,
    struct export_thread **out, size_t *n)
{
	const struct ib_err *err;
	struct export_thread *t;
	struct db_stmt *st;
	bool row;

	*n = 0;
	if ((*out = ARENA_ARRAY(a, max, struct export_thread)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "export");
	if ((err = db_query(db, ST_EXPORT_THREADS, &st, "iii", install_id, after, (int64_t)max)) != NULL)
		return err;
	while (*n < max && (err = db_step(st, &row)) == NULL && row) {
		t = &(*out)[(*n)++];
		t->id = db_col_int(st, 0);
		t->last_at = db_col_int(st, 1);
		t->name = db_col_dup(st, 2, a);
		t->psid = db_col_dup(st, 3, a);
		t->page = db_col_dup(st, 4, a);
		t->state = (enum thread_state)db_col_int(st, 5);
		t->until_at = db_col_int(st, 6);
	}
	return db_done(st, a, err);
}
