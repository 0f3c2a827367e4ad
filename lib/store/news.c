/* SPDX-License-Identifier: MIT */
/* news.c - see news.h. */
#include "news.h"

const struct ib_err *
news_since(struct db *db, struct arena *a, int64_t install_id, int64_t user_id, int64_t rev, int64_t at, bool mine,
    struct news *out)
{
	const struct ib_err *err;
	struct db_stmt *st;
	int64_t n, last;
	bool row;

	*out = (struct news){ 0 };
	if ((err = db_query(db, ST_NEWS, &st, "iiiiiii", install_id, user_id, rev, at, (int64_t)mine,
	    (int64_t)NEWS_LOOK, (int64_t)NEWS_COUNT)) != NULL)
		return err;
	while ((err = db_step(st, &row)) == NULL && row) {
		if ((last = db_col_int(st, 1)) > out->rev) {
			out->rev = last;
			out->thread_id = db_col_int(st, 0);
			out->name = db_col_dup(st, 2, a);
			out->psid = db_col_dup(st, 3, a);
			out->snippet = db_col_dup(st, 4, a);
		}
		/* Something came, though it may be older, or a line like "Came from an ad". */
		n = db_col_int(st, 5);
		out->messages += n > 0 ? n : 1;
		out->threads++;
		out->more |= n == NEWS_COUNT || out->threads == NEWS_LOOK;
	}
	return db_done(st, a, err);
}
