/* SPDX-License-Identifier: MIT */
/* install.c - see install.h. */
#include "install.h"

#include <string.h>

#define SESSION_BYTES	32

static const struct ib_err *
read_install(struct db_stmt *st, struct arena *a, struct install **out)
{
	const struct ib_err *err;
	struct install *i;
	bool row;

	*out = NULL;
	if ((err = db_step(st, &row)) != NULL || !row)
		return err;
	if ((i = ARENA_NEW(a, struct install)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "install");
	i->id = db_col_int(st, 0);
	i->company_id = db_col_int(st, 1);
	i->owner_id = db_col_int(st, 2);
	i->company_name = db_col_dup(st, 3, a);
	i->company_domain = db_col_dup(st, 4, a);
	i->api_domain = db_col_dup(st, 5, a);
	i->owner_name = db_col_dup(st, 6, a);
	i->shared = db_col_int(st, 7) != 0;
	i->active = db_col_int(st, 8) != 0;
	i->rev = db_col_int(st, 9);
	*out = i;
	return NULL;
}

static const struct ib_err *
one_install(struct db *db, struct arena *a, enum stmt_id which, int64_t key, struct install **out)
{
	const struct ib_err *err;
	struct db_stmt *st;

	*out = NULL;
	if ((err = db_query(db, which, &st, "i", key)) != NULL)
		return err;
	err = read_install(st, a, out);
	return db_done(st, a, err);
}

const struct ib_err *
install_by_company(struct db *db, struct arena *a, int64_t company_id, struct install **out)
{
	return one_install(db, a, ST_INSTALL_BY_COMPANY, company_id, out);
}

const struct ib_err *
install_get(struct db *db, struct arena *a, int64_t id, struct install **out)
{
	return one_install(db, a, ST_INSTALL_GET, id, out);
}

const struct ib_err *
install_put(struct db *db, int64_t company_id, const char *name, const char *domain,
    const char *api_domain, bool shared, int64_t now, int64_t *id)
{
	bool found;

	return db_get_int(db, ST_INSTALL_PUT, id, &found, "itttti", company_id, name, domain,
	    api_domain, shared ? "shared" : "private", now);
}

const struct ib_err *
install_set_visibility(struct db *db, int64_t id, bool shared)
{
	return db_run(db, ST_INSTALL_VISIBILITY, "it", id, shared ? "shared" : "private");
}

const struct ib_err *
install_set_owner(struct db *db, int64_t id, int64_t user_id)
{
	return db_run(db, ST_INSTALL_OWNER, "ii", id, user_id);
}

const struct ib_err *
install_touch(struct db *db, int64_t id)
{
	return db_run(db, ST_INSTALL_TOUCH, "i", id);
}

const struct ib_err *
install_rev(struct db *db, int64_t id, int64_t *rev)
{
	bool found;

	return db_get_int(db, ST_INSTALL_REV, rev, &found, "i", id);
}

/* Users --------------------------------------------------------------------- */

const struct ib_err *
user_put(struct db *db, const struct keyring *keys, struct arena *a, const struct user *u,
    const char *access, const char *refresh, int64_t access_until, int64_t now, int64_t *id)
{
	const struct ib_err *err;
	char *sealed_access, *sealed_refresh;
	bool found;

	err = db_get_int(db, ST_USER_ID, id, &found, "ii", u->install_id, u->pd_user_id);
	if (err == NULL && !found)
		err = db_get_int(db, ST_USER_ADD, id, &found, "iittttii", u->install_id,
		    u->pd_user_id, u->name, u->email, lang_code(u->lang), u->timezone,
		    (int64_t)u->admin, now);
	if (err != NULL)
		return err;
	err = keyring_seal(keys, a, arena_printf(a, "user.access.%lld", (long long)*id),
	    access, &sealed_access);
	if (err == NULL)
		err = keyring_seal(keys, a, arena_printf(a, "user.refresh.%lld", (long long)*id),
		    refresh, &sealed_refresh);
	if (err != NULL)
		return err;
	return db_run(db, ST_USER_UPDATE, "itttittii", *id, u->name, u->email, u->timezone,
	    (int64_t)u->admin, sealed_access, sealed_refresh, access_until, now);
}

const struct ib_err *
user_set_lang(struct db *db, int64_t id, enum lang lang)
{
	return db_run(db, ST_USER_LANG, "it", id, lang_code(lang));
}

const struct ib_err *
user_set_zone(struct db *db, int64_t id, const char *zone)
{
	return db_run(db, ST_USER_ZONE, "it", id, zone);
}

const struct ib_err *
user_zone(struct db *db, struct arena *a, int64_t id, const char **zone)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*zone = "";
	if ((err = db_query(db, ST_USER_ZONE_GET, &st, "i", id)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row)
		*zone = db_col_dup(st, 0, a);
	return db_done(st, a, err);
}

const struct ib_err *
users_of(struct db *db, struct arena *a, int64_t install_id, size_t max, struct user_brief **out, size_t *n)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*n = 0;
	if ((*out = ARENA_ARRAY(a, max, struct user_brief)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "users");
	if ((err = db_query(db, ST_USERS_OF, &st, "ii", install_id, (int64_t)max)) != NULL)
		return err;
	while (*n < max && (err = db_step(st, &row)) == NULL && row) {
		(*out)[*n].id = db_col_int(st, 0);
		(*out)[(*n)++].name = db_col_dup(st, 1, a);
	}
	return db_done(st, a, err);
}

const struct ib_err *
readers_of(struct db *db, struct arena *a, int64_t install_id, size_t max, struct reader **out, size_t *n)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*n = 0;
	if ((*out = ARENA_ARRAY(a, max, struct reader)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "readers");
	if ((err = db_query(db, ST_READERS_OF, &st, "ii", install_id, (int64_t)max)) != NULL)
		return err;
	while (*n < max && (err = db_step(st, &row)) == NULL && row) {
		struct reader *v = &(*out)[(*n)++];

		v->id = db_col_int(st, 0);
		v->name = db_col_dup(st, 1, a);
		v->email = db_col_dup(st, 2, a);
		v->reads_only = db_col_int(st, 3) != 0;
	}
	return db_done(st, a, err);
}

const struct ib_err *
reader_set(struct db *db, struct arena *a, int64_t install_id, int64_t user_id, bool reads_only, const char **name)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*name = NULL;
	if ((err = db_query(db, ST_USER_READER, &st, "iii", install_id, user_id, (int64_t)reads_only)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row)
		*name = db_col_dup(st, 0, a);
	return db_done(st, a, err);
}

/* Sessions ------------------------------------------------------------------ */

/* Only a token of the right form is hashed: anything else cannot be in the table. */
static bool
token_hash(const char *token, uint8_t hash[32])
{
	size_t n = token == NULL ? 0 : strlen(token);

	memset(hash, 0, 32);
	if (n != 43)			/* base64url of 32 bytes */
		return false;
	crypt_sha256(token, n, hash);
	return true;
}

const struct ib_err *
session_start(struct db *db, struct arena *a, int64_t user_id, int64_t now, int64_t days, char **token)
{
	const struct ib_err *err;
	uint8_t hash[32];

	if ((err = crypt_token(a, SESSION_BYTES, token)) != NULL)
		return err;
	(void)token_hash(*token, hash);
	return db_run(db, ST_SESSION_ADD, "biii", hash, sizeof(hash), user_id, now,
	    now + days * 86400000);
}

/* The one row of a query for a person with the company; ends the query. */
static const struct ib_err *
read_signed_in(struct db_stmt *st, struct arena *a, struct signed_in **out)
{
	const struct ib_err *err;
	struct signed_in *s;
	bool row;

	if ((err = db_step(st, &row)) == NULL && row) {
		if ((s = ARENA_NEW(a, struct signed_in)) == NULL) {
			err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "session");
		} else {
			s->user_id = db_col_int(st, 0);
			s->install_id = db_col_int(st, 1);
			s->owner_id = db_col_int(st, 2);
			s->seen_at = db_col_int(st, 3);
			s->name = db_col_dup(st, 4, a);
			s->timezone = db_col_dup(st, 5, a);
			s->company_name = db_col_dup(st, 6, a);
			(void)lang_parse(db_col_text(st, 7), &s->lang);
			s->admin = db_col_int(st, 8) != 0;
			s->shared = db_col_int(st, 9) != 0;
			s->rev = db_col_int(st, 10);
			s->check_after = db_col_int(st, 11);
			s->pass_until = db_col_int(st, 12);
			prefs_read(db_col_text(st, 13), &s->prefs);
			s->unread = db_col_int(st, 14);
			s->wake_at = db_col_int(st, 15);
			s->saved = db_col_dup(st, 16, a);
			s->reader = db_col_int(st, 17) != 0;
			*out = s;
		}
	}
	return db_done(st, a, err);
}

const struct ib_err *
session_get(struct db *db, struct arena *a, const char *token, int64_t now,
    uint8_t hash[32], struct signed_in **out)
{
	const struct ib_err *err;
	struct db_stmt *st;

	*out = NULL;
	if (!token_hash(token, hash))
		return NULL;
	if ((err = db_query(db, ST_SESSION_GET, &st, "bi", hash, (size_t)32, now)) != NULL)
		return err;
	return read_signed_in(st, a, out);
}

const struct ib_err *
member_find(struct db *db, struct arena *a, int64_t company_id, int64_t pd_user_id,
    struct signed_in **out)
{
	const struct ib_err *err;
	struct db_stmt *st;

	*out = NULL;
	if ((err = db_query(db, ST_MEMBER_FIND, &st, "ii", company_id, pd_user_id)) != NULL)
		return err;
	return read_signed_in(st, a, out);
}

const struct ib_err *
member_get(struct db *db, struct arena *a, int64_t install_id, int64_t user_id, struct signed_in **out)
{
	const struct ib_err *err;
	struct db_stmt *st;

	*out = NULL;
	if ((err = db_query(db, ST_MEMBER_GET, &st, "ii", install_id, user_id)) != NULL)
		return err;
	return read_signed_in(st, a, out);
}

const struct ib_err *
member_pass(struct db *db, int64_t user_id, int64_t until)
{
	return db_run(db, ST_MEMBER_PASS, "ii", user_id, until + 3600000);
}

const struct ib_err *
session_seen(struct db *db, const uint8_t hash[32], int64_t now)
{
	return db_run(db, ST_SESSION_SEEN, "bi", hash, (size_t)32, now);
}

const struct ib_err *
session_end(struct db *db, const uint8_t hash[32])
{
	return db_run(db, ST_SESSION_END, "b", hash, (size_t)32);
}

/* Flows ---------------------------------------------------------------------- */

static const char *const flow_names[] = { "pipedrive", "visibility", "facebook", "pages" };

static const char *
flow_aad(struct arena *a, const uint8_t hash[32])
{
	char hex[65];

	str_hex(hex, hash, 32);
	return arena_printf(a, "flow.data.%s", hex);
}

const struct ib_err *
flow_start(struct db *db, const struct keyring *keys, struct arena *a, enum flow_step step,
    const char *json, int64_t now, char **token)
{
	const struct ib_err *err;
	uint8_t hash[32];
	char *sealed;

	if ((err = crypt_token(a, SESSION_BYTES, token)) != NULL)
		return err;
	(void)token_hash(*token, hash);
	if ((err = keyring_seal(keys, a, flow_aad(a, hash), json, &sealed)) != NULL)
		return err;
	return db_run(db, ST_FLOW_ADD, "btti", hash, sizeof(hash), flow_names[step], sealed,
	    now + FLOW_MINUTES * INT64_C(60000));
}

static const struct ib_err *
flow_read(struct db *db, const struct keyring *keys, struct arena *a, enum stmt_id how,
    const char *token, enum flow_step step, int64_t now, char **json)
{
	const struct ib_err *err;
	struct db_stmt *st;
	uint8_t hash[32];
	char *sealed = NULL;
	bool row;

	*json = NULL;
	if (!token_hash(token, hash))
		return NULL;
	if ((err = db_query(db, how, &st, "bti", hash, sizeof(hash), flow_names[step], now)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row)
		sealed = db_col_dup(st, 0, a);
	db_release(st);
	if (err != NULL || sealed == NULL)
		return err;
	return keyring_open(keys, a, flow_aad(a, hash), sealed, json);
}

const struct ib_err *
flow_peek(struct db *db, const struct keyring *keys, struct arena *a, const char *token,
    enum flow_step step, int64_t now, char **json)
{
	return flow_read(db, keys, a, ST_FLOW_GET, token, step, now, json);
}

const struct ib_err *
flow_take(struct db *db, const struct keyring *keys, struct arena *a, const char *token,
    enum flow_step step, int64_t now, char **json)
{
	return flow_read(db, keys, a, ST_FLOW_TAKE, token, step, now, json);
}

const struct ib_err *
install_sweep(struct db *db, int64_t now)
{
	const struct ib_err *err;

	if ((err = db_run(db, ST_SESSION_SWEEP, "i", now)) != NULL)
		return err;
	return db_run(db, ST_FLOW_SWEEP, "i", now);
}

const struct ib_err *
audit_put(struct db *db, int64_t install_id, int64_t user_id, int64_t now,
    const char *what, const char *detail)
{
	return db_run(db, ST_AUDIT_ADD, "iiitt", install_id, user_id, now, what, detail);
}

const struct ib_err *
audit_list(struct db *db, struct arena *a, int64_t install_id, const struct audit_ask *ask, size_t max,
    struct audit_line **out, size_t *n, bool *more)
{
	const struct ib_err *err;
	struct audit_line *l;
	struct db_stmt *st;
	bool row;

	*n = 0;
	*more = false;
	if ((*out = ARENA_ARRAY(a, max + 1, struct audit_line)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "audit");
	if ((err = db_query(db, ST_AUDIT_LIST, &st, "iitiiii", install_id, ask->before, ask->what, ask->user,
	    ask->from, ask->to, (int64_t)max + 1)) != NULL)
		return err;
	while ((err = db_step(st, &row)) == NULL && row) {
		if ((*more = *n == max))
			break;
		l = &(*out)[(*n)++];
		l->id = db_col_int(st, 0);
		l->at = db_col_int(st, 1);
		l->what = db_col_dup(st, 2, a);
		l->detail = db_col_dup(st, 3, a);
		l->who = db_col_dup(st, 4, a);
	}
	return db_done(st, a, err);
}

const struct ib_err *
install_probe_tokens(struct db *db, const struct keyring *keys, struct arena *a, bool *any, bool *opened)
{
	static const enum stmt_id where[] = { ST_SEALED_USER, ST_SEALED_PAGE };
	const struct ib_err *err = NULL;
	struct db_stmt *st;
	char *sealed, *plain;
	int64_t id = 0;
	size_t i;
	bool row;

	*any = *opened = false;
	for (i = 0; err == NULL && !*any && i < 2; i++) {
		if ((err = db_query(db, where[i], &st, "")) != NULL)
			return err;
		sealed = NULL;
		if ((err = db_step(st, &row)) == NULL && row) {
			id = db_col_int(st, 0);
			if ((sealed = db_col_dup(st, 1, a)) == NULL)
				err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "token");
		}
		db_release(st);
		if (sealed == NULL)
			continue;
		*any = true;
		*opened = keyring_open(keys, a, i == 0 ? arena_printf(a, "user.refresh.%lld", (long long)id) :
		    arena_printf(a, "page.token.%lld", (long long)id), sealed, &plain) == NULL;
	}
	return err;
}
