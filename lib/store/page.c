/* SPDX-License-Identifier: MIT */
/* page.c - see page.h. */
#include "page.h"

#include "../base/log.h"

#include <string.h>

static const char *
token_aad(struct arena *a, int64_t id)
{
	return arena_printf(a, "page.token.%lld", (long long)id);
}

static void
read_page(struct db_stmt *st, struct arena *a, struct page *p)
{
	const char *state = db_col_text(st, 7);

	p->id = db_col_int(st, 0);
	p->install_id = db_col_int(st, 1);
	p->user_id = db_col_int(st, 2);
	p->fb_id = db_col_dup(st, 3, a);
	p->name = db_col_dup(st, 4, a);
	p->why = db_col_dup(st, 5, a);
	p->policy = db_col_dup(st, 6, a);
	p->state = strcmp(state, "active") == 0 ? PAGE_ACTIVE :
	    strcmp(state, "broken") == 0 ? PAGE_BROKEN : PAGE_REMOVED;
	p->pause_until = db_col_int(st, 8);
	p->read_at = db_col_int(st, 9);
	p->connected_at = db_col_int(st, 10);
	p->synced_until = db_col_int(st, 11);
	p->pass_top = db_col_int(st, 12);
	p->pass_started = db_col_int(st, 13);
	p->checked_at = db_col_int(st, 14);
	p->pass_cursor = db_col_dup(st, 15, a);
	p->import_state = db_col_dup(st, 16, a);
	p->import_done = db_col_int(st, 17);
	p->import_total = db_col_int(st, 18);
	p->send_after = db_col_int(st, 20);
	p->catch_total = db_col_int(st, 21);
	p->ask_at = db_col_int(st, 22);
	p->read_why = db_col_dup(st, 23, a);
	p->last_event_at = db_col_int(st, 24);
	p->token_at = db_col_int(st, 25);
	p->token_until = db_col_int(st, 26);
	p->sub_at = db_col_int(st, 27);
	p->sub_state = db_col_dup(st, 28, a);
	p->refusals = db_col_int(st, 29);
}

static const struct ib_err *
one_page(struct db *db, struct arena *a, struct db_stmt *st, const struct keyring *keys, struct page **out)
{
	const struct ib_err *err;
	struct page *p = NULL;
	char *sealed = NULL, *token;
	bool row;

	(void)db;
	if ((err = db_step(st, &row)) == NULL && row) {
		if ((p = ARENA_NEW(a, struct page)) == NULL) {
			err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "page");
		} else {
			read_page(st, a, p);
			if (keys != NULL)
				sealed = db_col_dup(st, 19, a);
		}
	}
	if ((err = db_done(st, a, err)) == NULL && sealed != NULL) {
		/* A token that no longer opens (another key) is as good as none. */
		const struct ib_err *bad = keyring_open(keys, a, token_aad(a, p->id), sealed, &token);

		if (bad == NULL)
			p->token = token;
		else if (bad->code == IB_ENOMEM)
			return bad;
		else
			log_err(bad, "page_token");
	}
	*out = p;
	return err;
}

const struct ib_err *
page_by_fb(struct db *db, struct arena *a, const char *fb_id, struct page **out)
{
	const struct ib_err *err;
	struct db_stmt *st;

	*out = NULL;
	if ((err = db_query(db, ST_PAGE_BY_FB, &st, "t", fb_id)) != NULL)
		return err;
	return one_page(db, a, st, NULL, out);
}

const struct ib_err *
page_get(struct db *db, struct arena *a, int64_t id, struct page **out)
{
	return page_with_token(db, NULL, a, id, out);
}

const struct ib_err *
page_with_token(struct db *db, const struct keyring *keys, struct arena *a, int64_t id, struct page **out)
{
	const struct ib_err *err;
	struct db_stmt *st;

	*out = NULL;
	if ((err = db_query(db, ST_PAGE_GET, &st, "i", id)) != NULL)
		return err;
	return one_page(db, a, st, keys, out);
}

/* Every row of an open statement. */
static const struct ib_err *
all_pages(struct db_stmt *st, struct arena *a, struct page **out, size_t *n)
{
	const struct ib_err *err;
	size_t cap = 0;
	bool row;

	*out = NULL;
	*n = 0;
	while ((err = db_step(st, &row)) == NULL && row) {
		if (*n == cap) {
			struct page *more = ARENA_ARRAY(a, cap = cap == 0 ? 8 : cap * 2, struct page);

			if (more == NULL) {
				err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "pages");
				break;
			}
			if (*n > 0)
				memcpy(more, *out, *n * sizeof(**out));
			*out = more;
		}
		read_page(st, a, &(*out)[(*n)++]);
	}
	return db_done(st, a, err);
}

const struct ib_err *
pages_of(struct db *db, struct arena *a, int64_t install_id, struct page **out, size_t *n)
{
	const struct ib_err *err;
	struct db_stmt *st;

	if ((err = db_query(db, ST_PAGES_OF, &st, "i", install_id)) != NULL)
		return err;
	return all_pages(st, a, out, n);
}

const struct ib_err *
pages_of_login(struct db *db, struct arena *a, const char *asid, const char *fb_id, struct page **out, size_t *n)
{
	const struct ib_err *err;
	struct db_stmt *st;

	if ((err = db_query(db, ST_PAGES_OF_LOGIN, &st, "tt", strcmp(asid, "0") == 0 ? NULL : asid, fb_id)) != NULL)
		return err;
	return all_pages(st, a, out, n);
}

const struct ib_err *
page_token_end(struct db *db, int64_t id, const char *why_key)
{
	return db_run(db, ST_PAGE_TOKEN_END, "it", id, why_key);
}

const struct ib_err *
page_forget_login(struct db *db, const char *asid)
{
	return db_run(db, ST_PAGE_FORGET_LOGIN, "t", asid);
}

const struct ib_err *
page_put(struct db *db, const struct keyring *keys, struct arena *a, int64_t install_id,
    const char *fb_id, const char *name, const char *token, const char *asid,
    int64_t user_id, int64_t now, int64_t *id)
{
	const struct ib_err *err;
	char *sealed;
	bool found;

	err = db_get_int(db, ST_PAGE_PUT, id, &found, "itttii", install_id, fb_id, name, asid,
	    user_id, now);
	if (err == NULL)
		err = keyring_seal(keys, a, token_aad(a, *id), token, &sealed);
	if (err == NULL)
		err = db_run(db, ST_PAGE_TOKEN, "it", *id, sealed);
	/* Connecting has just seen that all is well: the first inspection has time. */
	if (err == NULL)
		err = db_run(db, ST_PAGE_HEALTH_AT, "ii", *id, now + INT64_C(3600000));
	return err;
}

const struct ib_err *
page_set_broken(struct db *db, int64_t id, const char *why_key)
{
	return db_run(db, ST_PAGE_BROKEN, "it", id, why_key);
}

const struct ib_err *
page_pause(struct db *db, int64_t id, int64_t until)
{
	return db_run(db, ST_PAGE_PAUSE, "ii", id, until);
}

const struct ib_err *
page_wanted(struct db *db, int64_t id, int64_t *n)
{
	bool found;

	return db_get_int(db, ST_WANT_COUNT, n, &found, "i", id);
}

const struct ib_err *
page_claim_read(struct db *db, int64_t id, int64_t now, bool *mine)
{
	const struct ib_err *err;
	int64_t n = 0;

	if ((err = db_begin(db)) != NULL)
		return err;
	if ((err = db_run_n(db, ST_PAGE_CLAIM_READ, &n, "ii", id, now)) == NULL)
		err = db_commit(db);
	else
		db_rollback(db);
	*mine = err == NULL && n > 0;
	return err;
}

const struct ib_err *
page_release_read(struct db *db, int64_t id, int64_t claimed, int64_t now)
{
	return db_run(db, ST_PAGE_RELEASE_READ, "iii", id, claimed, now);
}
