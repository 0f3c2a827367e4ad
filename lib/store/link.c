/* SPDX-License-Identifier: MIT */
/* link.c - see link.h. */
#include "link.h"

const struct ib_err *
link_threads(struct db *db, struct arena *a, int64_t install_id, const char *kind,
    const char *pd_id, int max, int64_t **out, size_t *n)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*n = 0;
	if ((*out = ARENA_ARRAY(a, (size_t)max, int64_t)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "link_threads");
	if ((err = db_query(db, ST_LINK_THREADS, &st, "itti", install_id, kind, pd_id, (int64_t)max)) != NULL)
		return err;
	while (*n < (size_t)max && (err = db_step(st, &row)) == NULL && row)
		(*out)[(*n)++] = db_col_int(st, 0);
	return db_done(st, a, err);
}
