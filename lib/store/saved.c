/* SPDX-License-Identifier: MIT */
/* saved.c - see saved.h. */
#include "saved.h"

#include "../base/buf.h"

#include <string.h>

const struct ib_err *
saved_parse(struct arena *a, const char *text, struct saved **out, size_t *n)
{
	char *p, *tab, *end;

	*n = 0;
	*out = ARENA_ARRAY(a, SAVED_MOST, struct saved);
	if (*out == NULL || (p = arena_dup(a, text != NULL ? text : "")) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "saved");
	for (; *n < SAVED_MOST && (end = strchr(p, '\n')) != NULL; p = end + 1) {
		*end = '\0';
		if ((tab = strchr(p, '\t')) == NULL)
			continue;
		*tab = '\0';
		(*out)[(*n)++] = (struct saved){ p, tab + 1 };
	}
	return NULL;
}

/* All but `name`, then name and query unless query is NULL. */
static const struct ib_err *
rewrite(struct db *db, struct arena *a, int64_t user_id, const char *name, const char *query, bool *full)
{
	const struct ib_err *err;
	struct saved *s = NULL;
	size_t i, n = 0, kept = 0;
	struct ib_buf b;
	struct db_stmt *st;
	bool row;

	*full = false;
	if ((err = db_begin(db)) != NULL)
		return err;
	buf_init(&b, 16384);
	if ((err = db_query(db, ST_USER_SAVED, &st, "i", user_id)) != NULL)
		goto done;
	if ((err = db_step(st, &row)) == NULL && row)
		err = saved_parse(a, db_col_text(st, 0), &s, &n);
	db_release(st);
	if (err != NULL)
		goto done;
	for (i = 0; i < n; i++) {
		if (strcmp(s[i].name, name) == 0)
			continue;
		buf_printf(&b, "%s\t%s\n", s[i].name, s[i].query);
		kept++;
	}
	if (query != NULL && (*full = kept == SAVED_MOST))
		goto done;
	if (query != NULL)
		buf_printf(&b, "%s\t%s\n", name, query);
	if ((err = buf_check(&b)) == NULL &&
	    (err = db_run(db, ST_USER_SAVED_SET, "it", user_id, buf_cstr(&b))) == NULL)
		err = db_commit(db);
done:
	db_rollback(db);
	buf_fini(&b);
	return err;
}

const struct ib_err *
saved_put(struct db *db, struct arena *a, int64_t user_id, const char *name, const char *query, bool *full)
{
	return rewrite(db, a, user_id, name, query, full);
}

const struct ib_err *
saved_drop(struct db *db, struct arena *a, int64_t user_id, const char *name)
{
	bool full;

	return rewrite(db, a, user_id, name, NULL, &full);
}
