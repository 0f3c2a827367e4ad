/* SPDX-License-Identifier: MIT */
/* follow.c - see follow.h. */
#include "follow.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/str.h"
#include "install.h"
#include "transcript.h"

#define MERGES_MOST	10		/* one into the next */
#define MERGE_KEEP_MS	(30 * MS_DAY)
#define LINKS_MOST	200		/* conversations of one record that move at once; the rest with the daily look */
#define SECRET_BYTES	24

static const char *
password_aad(struct arena *a, int64_t install_id)
{
	return arena_printf(a, "pd_hook.password.%lld", (long long)install_id);
}

/* A row of install, company, owner, key, sealed password; *out NULL when the password no longer opens. */
static const struct ib_err *
read_hook(struct db_stmt *st, const struct keyring *keys, struct arena *a, struct pd_hook **out)
{
	struct pd_hook *h = ARENA_NEW(a, struct pd_hook);
	const struct ib_err *err;
	char *password = NULL;
	bool row;

	if (h == NULL) {
		db_release(st);
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "pd_hook");
	}
	if ((err = db_step(st, &row)) != NULL || !row)
		return db_done(st, a, err);
	h->install_id = db_col_int(st, 0);
	h->company_id = db_col_int(st, 1);
	h->owner_id = db_col_int(st, 2);
	h->key = db_col_dup(st, 3, a);
	err = db_col_null(st, 4) ? NULL : keyring_open(keys, a, password_aad(a, h->install_id), db_col_text(st, 4), &password);
	h->password = password;
	if (err != NULL && err->code != IB_ENOMEM) {
		log_err(err, "pd_hook");
		err = NULL;
	}
	*out = h;
	return db_done(st, a, err);
}

const struct ib_err *
pd_hook_by_key(struct db *db, const struct keyring *keys, struct arena *a, const char *key, struct pd_hook **out)
{
	const struct ib_err *err;
	struct db_stmt *st;

	*out = NULL;
	if ((err = db_query(db, ST_PD_HOOK_BY_KEY, &st, "t", key)) != NULL ||
	    (err = read_hook(st, keys, a, out)) != NULL)
		return err;
	if (*out != NULL && (*out)->password == NULL)
		*out = NULL;
	return NULL;
}

static const struct ib_err *
secret(struct arena *a, const char **out)
{
	char hex[2 * SECRET_BYTES + 1];
	uint8_t rnd[SECRET_BYTES];
	const struct ib_err *err;

	if ((err = crypt_random(rnd, sizeof(rnd))) != NULL)
		return err;
	str_hex(hex, rnd, sizeof(rnd));
	*out = arena_dup(a, hex);
	crypt_wipe(rnd, sizeof(rnd));
	return *out == NULL ? ib_fail(IB_ENOMEM, IB_RETRY_LATER, "pd_hook") : NULL;
}

const struct ib_err *
pd_hook_due(struct db *db, const struct keyring *keys, struct arena *a, int64_t now, struct pd_hook **out)
{
	const struct ib_err *err;
	struct db_stmt *st;
	char *sealed;

	*out = NULL;
	if ((err = db_query(db, ST_PD_HOOK_DUE, &st, "i", now)) != NULL ||
	    (err = read_hook(st, keys, a, out)) != NULL || *out == NULL || (*out)->password != NULL)
		return err;
	/* None yet, or sealed with a key that is gone. */
	if ((err = secret(a, &(*out)->key)) != NULL || (err = secret(a, &(*out)->password)) != NULL ||
	    (err = keyring_seal(keys, a, password_aad(a, (*out)->install_id), (*out)->password, &sealed)) != NULL)
		return err;
	return db_run(db, ST_PD_HOOK_PUT, "itti", (*out)->install_id, (*out)->key, sealed, now);
}

const struct ib_err *
pd_hook_checked(struct db *db, int64_t install_id, int64_t next_at, const char *why, bool gap)
{
	const struct ib_err *err;

	if ((err = db_begin(db)) != NULL)
		return err;
	if ((err = db_run(db, ST_PD_HOOK_CHECKED, "iit", install_id, next_at, why != NULL ? why : "")) == NULL &&
	    (!gap || (err = db_run(db, ST_LINKS_ALL_DUE, "i", install_id)) == NULL))
		err = db_commit(db);
	db_rollback(db);
	return err;
}

const struct ib_err *
pd_hook_state(struct db *db, struct arena *a, int64_t install_id, const char **why, int64_t *told_at)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*why = NULL;
	*told_at = 0;
	if ((err = db_query(db, ST_PD_HOOK_STATE, &st, "i", install_id)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row) {
		*why = db_col_dup(st, 0, a);
		*told_at = db_col_int(st, 1);
	}
	return db_done(st, a, err);
}

/* Events ----------------------------------------------------------------------------- */

static const struct ib_err *
one_text(struct db *db, struct arena *a, int64_t install_id, const char *kind, const char *id, const char **out)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*out = NULL;
	if ((err = db_query(db, ST_PD_MERGE_GET, &st, "itt", install_id, kind, id)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row)
		*out = db_col_dup(st, 0, a);
	return db_done(st, a, err);
}

/* Where a record ended, by all merges that are known. */
static const struct ib_err *
last_of(struct db *db, struct arena *a, int64_t install_id, const char *kind, const char **id)
{
	const struct ib_err *err;
	const char *next;
	int i;

	for (i = 0; i < MERGES_MOST; i++) {
		if ((err = one_text(db, a, install_id, kind, *id, &next)) != NULL || next == NULL)
			return err;
		*id = next;
	}
	return NULL;
}

static const struct ib_err *
links_to(struct db *db, struct arena *a, int64_t install_id, enum crm_kind kind, const char *id, struct link **out,
    size_t *n)
{
	const struct ib_err *err;
	struct db_stmt *st;

	*n = 0;
	if ((err = db_query(db, ST_LINKS_TO, &st, "itti", install_id, crm_kind_name(kind), id, (int64_t)LINKS_MOST)) != NULL)
		return err;
	return links_read(st, a, LINKS_MOST, out, n);
}

const struct ib_err *
pd_event_put(struct db *db, struct arena *a, int64_t install_id, const struct pd_event *e, int64_t now, bool *known)
{
	const char *kind = crm_kind_name(e->kind), *to = e->id;
	const struct ib_err *err;
	struct link *l;
	size_t i, n;
	int64_t due;

	*known = false;
	if ((err = db_run(db, ST_PD_HOOK_TOLD, "ii", install_id, now)) != NULL)
		return err;
	if (e->merged_to != NULL && !str_eq(e->merged_to, e->id) &&
	    (err = db_run(db, ST_PD_MERGE_PUT, "ittti", install_id, kind, e->id, e->merged_to, e->at)) != NULL)
		return err;
	if ((err = last_of(db, a, install_id, kind, &to)) != NULL)
		return err;
	if (!str_eq(to, e->id)) {
		if ((err = links_to(db, a, install_id, e->kind, e->id, &l, &n)) != NULL)
			return err;
		for (i = 0; i < n; i++)
			if ((err = link_follow(db, a, install_id, &l[i], e->kind, to, now)) != NULL)
				return err;
		*known = n > 0;
		return NULL;
	}
	err = db_run_n(db, ST_LINKS_NOW_DUE, &due, "itt", install_id, kind, e->id);
	*known = err == NULL && due > 0;
	return err;
}

/* Links ------------------------------------------------------------------------------- */

const struct ib_err *
links_due(struct db *db, struct arena *a, int64_t now, size_t most, int64_t *install_id, int64_t *owner_id,
    struct link **out, size_t *n)
{
	const struct ib_err *err;
	const char *kind = NULL;
	struct db_stmt *st;
	bool row;

	*n = 0;
	*install_id = *owner_id = 0;
	if ((err = db_query(db, ST_LINK_DUE_FIRST, &st, "i", now)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row) {
		*install_id = db_col_int(st, 0);
		*owner_id = db_col_int(st, 1);
		kind = db_col_dup(st, 2, a);
	}
	if ((err = db_done(st, a, err)) != NULL || kind == NULL)
		return err;
	if ((err = db_query(db, ST_LINKS_DUE, &st, "itii", *install_id, kind, now, (int64_t)most)) != NULL)
		return err;
	return links_read(st, a, most, out, n);
}

const struct ib_err *
link_still(struct db *db, const struct link *l, bool *still)
{
	int64_t one;

	return db_get_int(db, ST_LINK_STILL, &one, still, "itt", l->id, crm_kind_name(l->kind), l->pd_id);
}

const struct ib_err *
link_checked(struct db *db, int64_t link_id, int64_t next_at, int64_t of_person)
{
	return db_run(db, ST_LINK_CHECKED, "iii", link_id, next_at, of_person);
}

const struct ib_err *
link_person(struct db *db, int64_t link_id, int64_t *person_id)
{
	bool found;

	*person_id = 0;
	return db_get_int(db, ST_LINK_PERSON, person_id, &found, "i", link_id);
}

const struct ib_err *
link_follow(struct db *db, struct arena *a, int64_t install_id, const struct link *l, enum crm_kind kind,
    const char *pd_id, int64_t now)
{
	const struct ib_err *err;

	if ((err = db_run(db, ST_LINK_FOLLOW, "itt", l->id, crm_kind_name(kind), pd_id)) != NULL ||
	    (err = transcript_moved(db, install_id, l->kind, l->pd_id, kind, pd_id)) != NULL ||
	    (err = audit_put(db, install_id, 0, now, "link_followed", arena_printf(a, "%s %s, %s %s thread %lld",
	    crm_kind_name(l->kind), l->pd_id, crm_kind_name(kind), pd_id, (long long)l->thread_id))) != NULL)
		return err;
	return install_touch(db, install_id);
}

const struct ib_err *
follow_sweep(struct db *db, int64_t now)
{
	return db_run(db, ST_PD_MERGE_SWEEP, "i", now - MERGE_KEEP_MS);
}
