/* SPDX-License-Identifier: MIT */
/* note.c - see note.h. */
#include "note.h"

const struct ib_err *
note_get(struct db *db, struct arena *a, const char *key, int64_t *at, const char **value)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*at = 0;
	*value = NULL;
	if ((err = db_query(db, ST_NOTE_GET, &st, "t", key)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row) {
		*at = db_col_int(st, 0);
		if ((*value = db_col_dup(st, 1, a)) == NULL)
			err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "note");
	}
	db_release(st);
	return err;
}

const struct ib_err *
note_put(struct db *db, const char *key, int64_t at, const char *value)
{
	return db_run(db, ST_NOTE_PUT, "tit", key, at, value);
}
