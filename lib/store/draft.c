/* SPDX-License-Identifier: MIT */
/* draft.c - see draft.h. */
#include "draft.h"

#include "../base/str.h"

#include <string.h>

const struct ib_err *
drafts_of(struct db *db, struct arena *a, int64_t user_id, int64_t thread_id, struct draft **out, size_t *n)
{
	const struct ib_err *err;
	size_t cap = 0;
	struct db_stmt *st;
	bool row;

	*out = NULL;
	*n = 0;
	if ((err = db_query(db, ST_DRAFTS_OF, &st, "ii", user_id, thread_id)) != NULL)
		return err;
	while ((err = db_step(st, &row)) == NULL && row) {
		struct draft *more = *out;

		/* Mostly one or none. */
		if (*n == cap) {
			cap = cap == 0 ? 4 : 4 * cap;
			if ((more = arena_alloc(a, cap * sizeof(*more))) == NULL)
				break;
			if (*n > 0)
				memcpy(more, *out, *n * sizeof(*more));
			*out = more;
		}
		more[(*n)++] = (struct draft){ db_col_int(st, 0), db_col_int(st, 1), db_col_int(st, 2),
		    db_col_dup(st, 3, a), db_col_dup(st, 4, a) };
	}
	return db_done(st, a, err);
}

const struct ib_err *
draft_put(struct db *db, int64_t user_id, const struct draft *d)
{
	const struct ib_err *err;
	int64_t n;

	if (str_blank(d->text))
		err = db_run_n(db, ST_DRAFT_DROP, &n, "ii", user_id, d->thread_id);
	else if ((err = db_run_n(db, ST_DRAFT_PUT, &n, "iiitti", user_id, d->thread_id, d->at, d->form, d->text,
	    d->replaces)) == NULL)
		err = db_run(db, ST_DRAFT_OLDEST, "ii", user_id, (int64_t)DRAFTS_MOST);
	/* That person's pages show it; the others' are as they were. */
	if (err == NULL && n > 0)
		err = db_run(db, ST_USER_TOUCH, "i", user_id);
	return err;
}

const struct ib_err *
draft_save(struct db *db, int64_t user_id, const struct draft *d, const char *base, enum draft_fate *fate)
{
	const struct ib_err *err;
	bool sent = false, other = false;
	int64_t id;

	*fate = DRAFT_KEPT;
	if ((err = db_begin(db)) != NULL)
		return err;
	if ((err = db_get_int(db, ST_OUTBOX_KEY, &id, &sent, "it", d->thread_id, d->form)) != NULL ||
	    (err = db_get_int(db, ST_DRAFT_OTHER, &id, &other, "iitt", user_id, d->thread_id, d->form, base)) != NULL)
		goto done;
	if (sent) {
		*fate = DRAFT_SENT;
		goto done;
	}
	if (other && str_blank(d->text))
		goto done;		/* an empty box here says nothing of the text there */
	if (other)
		*fate = DRAFT_REPLACED;
	if ((err = draft_put(db, user_id, d)) == NULL)
		err = db_commit(db);
done:
	db_rollback(db);
	return err;
}
