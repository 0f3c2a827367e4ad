/* SPDX-License-Identifier: MIT */
/* leaving.c - see leaving.h. */
#include "leaving.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/str.h"
#include "export.h"
#include "install.h"
#include "outbox.h"
#include "search.h"

#include <string.h>

#define CODE_BYTES	16
#define SLICE		500		/* rows of one transaction */
#define EVENT_SLICE	2000		/* looked at, not deleted */
#define CANCEL_SLICE	100

static const char *const kinds[] = { "install", "page", "customer", "login" };
static const char *const causes[] = { "here", "pipedrive", "grant", "facebook" };
static const char *const steps[] = { "keeping", "erasing", "waiting", "done", "returned" };

static int
word(const char *const *words, size_t n, const char *w)
{
	size_t i;

	for (i = 0; i + 1 < n && strcmp(words[i], w) != 0; i++)
		continue;
	return (int)i;
}
#define WORD(table, w) word((table), sizeof(table) / sizeof((table)[0]), (w))

static const struct ib_err *
counted(struct db *db, int64_t id, const struct leave_counts *n)
{
	return db_run(db, ST_LEAVING_COUNTED, "iiiiiiiii", id, n->pages, n->people, n->sessions, n->replies,
	    n->threads, n->messages, n->files, n->events);
}

static const struct ib_err *
read_leaving(struct arena *a, struct db_stmt *st, struct leaving **out)
{
	const struct ib_err *err;
	struct leaving *l;
	bool row;

	*out = NULL;
	if ((err = db_step(st, &row)) == NULL && row) {
		if ((l = ARENA_NEW(a, struct leaving)) == NULL) {
			err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "leaving");
			goto done;
		}
		l->id = db_col_int(st, 0);
		l->code = db_col_dup(st, 1, a);
		l->kind = (enum leave_kind)WORD(kinds, db_col_text(st, 2));
		l->cause = (enum leave_cause)WORD(causes, db_col_text(st, 3));
		l->install_id = db_col_int(st, 4);
		l->subject = db_col_int(st, 5);
		l->step = (enum leave_step)WORD(steps, db_col_text(st, 6));
		l->keep_days = db_col_int(st, 7);
		l->started_at = db_col_int(st, 8);
		l->erase_at = db_col_int(st, 9);
		l->ended_at = db_col_int(st, 10);
		l->cursor = db_col_int(st, 11);
		l->n.pages = db_col_int(st, 12);
		l->n.people = db_col_int(st, 13);
		l->n.sessions = db_col_int(st, 14);
		l->n.replies = db_col_int(st, 15);
		l->n.threads = db_col_int(st, 16);
		l->n.messages = db_col_int(st, 17);
		l->n.files = db_col_int(st, 18);
		l->told = db_col_int(st, 19);
		l->untold = db_col_int(st, 20);
		l->gave_up = db_col_int(st, 21);
		*out = l;
	}
done:
	return db_done(st, a, err);
}

const struct ib_err *
leaving_by_code(struct db *db, struct arena *a, const char *code, struct leaving **out)
{
	const struct ib_err *err;
	struct db_stmt *st;

	*out = NULL;
	if ((err = db_query(db, ST_LEAVING_BY_CODE, &st, "t", code)) != NULL)
		return err;
	return read_leaving(a, st, out);
}

/* Beginning ------------------------------------------------------------------- */

static const char *
farewell_aad(struct arena *a, const char *what, int64_t id)
{
	return arena_printf(a, "farewell.%s.%lld", what, (long long)id);
}

/* A sealed value of another row under this row's name; NULL stays NULL, and what no longer opens is lost anyway. */
static const struct ib_err *
move_sealed(const struct keyring *keys, struct arena *a, const char *from, const char *sealed,
    const char *to, char **out)
{
	const struct ib_err *err;
	char *plain;

	*out = NULL;
	if (sealed == NULL)
		return NULL;
	if ((err = keyring_open(keys, a, from, sealed, &plain)) != NULL) {
		if (err->code == IB_ENOMEM)
			return err;
		log_err(err, "farewell_token");
		return NULL;
	}
	return keyring_seal(keys, a, to, plain, out);
}

struct parting { int64_t id, number; char *subject, *token, *access; int64_t until; };

/* Rows of a statement before others are written: a list in the arena. */
static const struct ib_err *
list_partings(struct db *db, struct arena *a, bool grants, const struct leave_order *o,
    struct parting **out, size_t *n)
{
	const struct ib_err *err;
	struct parting *p;
	struct db_stmt *st;
	size_t cap = 0;
	bool row;

	*out = NULL;
	*n = 0;
	err = grants ? db_query(db, ST_LEAVE_USERS, &st, "i", o->install_id) :
	    db_query(db, ST_LEAVE_PAGES, &st, "ii", o->install_id, o->subject);
	if (err != NULL)
		return err;
	while ((err = db_step(st, &row)) == NULL && row) {
		if (*n == cap) {
			if ((p = ARENA_ARRAY(a, cap = cap == 0 ? 16 : cap * 2, struct parting)) == NULL)
				break;
			if (*n > 0)
				memcpy(p, *out, *n * sizeof(*p));
			*out = p;
		}
		p = &(*out)[(*n)++];
		p->id = db_col_int(st, 0);
		if (grants) {
			p->number = db_col_int(st, 1);
			p->access = db_col_dup(st, 2, a);
			p->token = db_col_dup(st, 3, a);
			p->until = db_col_int(st, 4);
		} else {
			p->subject = db_col_dup(st, 1, a);
			p->token = db_col_dup(st, 2, a);
		}
	}
	return db_done(st, a, err);
}

static const struct ib_err *
add_farewell(struct db *db, const struct keyring *keys, struct arena *a, int64_t leaving, bool grant,
    const char *subject, const char *host, const struct parting *p, int64_t now)
{
	const struct ib_err *err;
	const char *from;
	char *token, *access = NULL;
	int64_t id;

	if ((err = db_run(db, ST_FAREWELL_ADD, "itttii", leaving, grant ? "grant" : "page", subject, host,
	    p->until, now)) != NULL)
		return err;
	id = db_last_id(db);
	from = arena_printf(a, grant ? "user.refresh.%lld" : "page.token.%lld", (long long)p->id);
	if ((err = move_sealed(keys, a, from, p->token, farewell_aad(a, "token", id), &token)) != NULL ||
	    (err = move_sealed(keys, a, arena_printf(a, "user.access.%lld", (long long)p->id), p->access,
	    farewell_aad(a, "access", id), &access)) != NULL)
		return err;
	return db_run(db, ST_FAREWELL_TOKENS, "itti", id, token, access, p->until);
}

/* The Pages of the order stop being ours. */
static const struct ib_err *
part_pages(struct db *db, const struct keyring *keys, struct arena *a, const struct leave_order *o,
    int64_t leaving, int64_t now, struct leave_counts *n)
{
	const struct ib_err *err;
	struct parting *p;
	size_t i, k;

	if ((err = list_partings(db, a, false, o, &p, &k)) != NULL)
		return err;
	for (i = 0; i < k; i++) {
		if ((err = add_farewell(db, keys, a, leaving, false, p[i].subject, "", &p[i], now)) != NULL ||
		    (err = db_run(db, ST_LEAVE_PAGE, "i", p[i].id)) != NULL)
			return err;
		n->pages++;
	}
	return NULL;
}

static const char *
person(struct arena *a, int64_t company_id, int64_t pd_user)
{
	return arena_printf(a, "%lld.%lld", (long long)company_id, (long long)pd_user);
}

static const struct ib_err *
part_people(struct db *db, const struct keyring *keys, struct arena *a, const struct leave_order *o,
    int64_t leaving, int64_t now, struct leave_counts *n)
{
	const struct ib_err *err;
	struct install *in;
	struct parting *p;
	size_t i, k;

	if ((err = install_get(db, a, o->install_id, &in)) != NULL || in == NULL ||
	    (err = list_partings(db, a, true, o, &p, &k)) != NULL)
		return err;
	for (i = 0; i < k; i++) {
		n->people++;
		if (p[i].id != o->told_user && (err = add_farewell(db, keys, a, leaving, true,
		    person(a, in->company_id, p[i].number), in->api_domain, &p[i], now)) != NULL)
			return err;
	}
	if ((err = db_run_n(db, ST_LEAVE_SESSIONS, &n->sessions, "i", o->install_id)) != NULL ||
	    (err = db_run(db, ST_LEAVE_USERS_GONE, "i", o->install_id)) != NULL ||
	    (err = db_run(db, ST_LEAVE_WRITES, "iti", o->install_id, "error.left_write", now)) != NULL)
		return err;
	return db_run(db, ST_LEAVE_INSTALL, "i", o->install_id);
}

static const char *
audit_word(enum leave_kind kind)
{
	return kind == LEAVE_INSTALL ? "removed" : kind == LEAVE_PAGE ? "page_removed" :
	    kind == LEAVE_CUSTOMER ? "customer_deleted" : "login_deleted";
}

const struct ib_err *
leaving_begin(struct db *db, const struct keyring *keys, struct arena *a, const struct leave_order *o,
    int64_t now, const char **code)
{
	struct leave_counts n = { 0 };
	const struct ib_err *err;
	struct db_stmt *st;
	int64_t id, found = 0;
	uint8_t rnd[CODE_BYTES];
	char hex[2 * CODE_BYTES + 1];
	bool row;

	*code = NULL;
	if (o->kind != LEAVE_LOGIN) {
		if ((err = db_query(db, ST_LEAVING_OPEN, &st, "ii", o->install_id, o->subject)) != NULL)
			return err;
		if ((err = db_step(st, &row)) == NULL && row)
			*code = db_col_dup(st, 0, a);
		if ((err = db_done(st, a, err)) != NULL || *code != NULL)
			return err;
	}
	if ((err = crypt_random(rnd, sizeof(rnd))) != NULL ||
	    (o->kind != LEAVE_LOGIN && (err = export_drop(db, o->install_id)) != NULL))
		return err;
	str_hex(hex, rnd, sizeof(rnd));
	if ((*code = arena_dup(a, hex)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "leaving");
	if ((err = db_run(db, ST_LEAVING_ADD, "tttiiiii", *code, kinds[o->kind], causes[o->cause], o->install_id,
	    o->subject, o->keep_days, now, now + o->keep_days * MS_DAY)) != NULL)
		return err;
	id = db_last_id(db);
	if (o->kind == LEAVE_INSTALL || o->kind == LEAVE_PAGE)
		err = part_pages(db, keys, a, o, id, now, &n);
	if (err == NULL && o->kind == LEAVE_INSTALL)
		err = part_people(db, keys, a, o, id, now, &n);
	if (err == NULL && (o->kind == LEAVE_INSTALL || o->kind == LEAVE_PAGE))
		err = leaving_cancel_slice(db, a, now, &found);
	n.replies = found;
	if (err == NULL && (err = counted(db, id, &n)) == NULL &&
	    (err = audit_put(db, o->install_id, o->by, now, audit_word(o->kind),
	    arena_printf(a, "%s keep=%lld", causes[o->cause], (long long)o->keep_days))) == NULL)
		err = install_touch(db, o->install_id);
	return err;
}

const struct ib_err *
leaving_person_gone(struct db *db, int64_t install_id, int64_t user_id, enum leave_cause cause, int64_t now)
{
	const struct ib_err *err;

	if ((err = db_run(db, ST_USER_GONE, "i", user_id)) != NULL ||
	    (err = db_run(db, ST_USER_SESSIONS_END, "i", user_id)) != NULL)
		return err;
	return audit_put(db, install_id, user_id, now, "grant_gone", causes[cause]);
}

const struct ib_err *
leaving_grant_ended(struct db *db, const struct keyring *keys, struct arena *a, int64_t install_id,
    int64_t user_id, enum leave_cause cause, int64_t now)
{
	struct leave_order o = { .kind = LEAVE_INSTALL, .cause = cause, .install_id = install_id,
		.keep_days = LEAVE_KEEP_DAYS, .told_user = user_id };
	const struct ib_err *err;
	struct install *in;
	const char *code;

	if ((err = install_get(db, a, install_id, &in)) != NULL || in == NULL)
		return err;
	if (in->active && in->owner_id == user_id)
		return leaving_begin(db, keys, a, &o, now, &code);
	return leaving_person_gone(db, install_id, user_id, cause, now);
}

const struct ib_err *
leaving_login_done(struct db *db, const char *code, int64_t pages, int64_t now)
{
	return db_run(db, ST_LEAVING_LOGIN_DONE, "tii", code, pages, now);
}

/* Coming back ------------------------------------------------------------------ */

const struct ib_err *
leaving_install_back(struct db *db, int64_t install_id, int64_t *erase_at)
{
	bool found;

	*erase_at = 0;
	return db_get_int(db, ST_LEAVING_RETURNED, erase_at, &found, "iii", install_id, (int64_t)0, clock_now());
}

const struct ib_err *
leaving_page_back(struct db *db, int64_t install_id, int64_t page_id, const char *fb_id)
{
	const struct ib_err *err;
	int64_t at;
	bool found;

	/* Told now, Facebook would end the new subscription. */
	if ((err = db_run(db, ST_FAREWELL_RETURNED, "tt", "page", fb_id)) != NULL)
		return err;
	return db_get_int(db, ST_LEAVING_RETURNED, &at, &found, "iii", install_id, page_id, clock_now());
}

const struct ib_err *
leaving_person_back(struct db *db, struct arena *a, int64_t company_id, int64_t pd_user)
{
	return db_run(db, ST_FAREWELL_RETURNED, "tt", "grant", person(a, company_id, pd_user));
}

const struct ib_err *
leaving_pages_away(struct db *db, int64_t install_id, int64_t erase_at, int64_t now)
{
	return db_run(db, ST_LEAVING_STAYED_AWAY, "iii", install_id, now, erase_at);
}

/* Farewells --------------------------------------------------------------------- */

const struct ib_err *
farewell_next(struct db *db, const struct keyring *keys, struct arena *a, int64_t now, struct farewell **out)
{
	const struct ib_err *err;
	char *token = NULL, *access = NULL, *open;
	struct farewell *f = NULL;
	struct db_stmt *st;
	int64_t id = 0, due;
	bool found, row;

	*out = NULL;
	if ((err = db_get_int(db, ST_FAREWELL_DUE, &due, &found, "i", now)) != NULL || due == 0 ||
	    (err = db_begin(db)) != NULL)
		return err;
	if ((err = db_get_int(db, ST_FAREWELL_NEXT, &id, &found, "i", now)) == NULL)
		err = db_commit(db);
	db_rollback(db);
	if (err != NULL || !found || (err = db_query(db, ST_FAREWELL_GET, &st, "i", id)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row && (f = ARENA_NEW(a, struct farewell)) != NULL) {
		f->id = db_col_int(st, 0);
		f->leaving_id = db_col_int(st, 1);
		f->grant = db_col_int(st, 2) != 0;
		f->subject = db_col_dup(st, 3, a);
		f->host = db_col_dup(st, 4, a);
		token = db_col_dup(st, 5, a);
		access = db_col_dup(st, 6, a);
		f->access_until = db_col_int(st, 7);
		f->tries = db_col_int(st, 8);
	}
	if ((err = db_done(st, a, err)) != NULL || f == NULL)
		return err;
	if (token != NULL && keyring_open(keys, a, farewell_aad(a, "token", id), token, &open) == NULL)
		f->token = open;
	if (access != NULL && keyring_open(keys, a, farewell_aad(a, "access", id), access, &open) == NULL)
		f->access = open;
	*out = f;
	return NULL;
}

const struct ib_err *
farewell_tokens(struct db *db, const struct keyring *keys, struct arena *a, const struct farewell *f,
    const char *refresh, const char *access, int64_t until)
{
	const struct ib_err *err;
	char *r, *c;

	if ((err = keyring_seal(keys, a, farewell_aad(a, "token", f->id), refresh, &r)) != NULL ||
	    (err = keyring_seal(keys, a, farewell_aad(a, "access", f->id), access, &c)) != NULL)
		return err;
	return db_run(db, ST_FAREWELL_TOKENS, "itti", f->id, r, c, until);
}

const struct ib_err *
farewell_again(struct db *db, const struct farewell *f, int64_t at)
{
	return db_run(db, ST_FAREWELL_AGAIN, "ii", f->id, at);
}

const struct ib_err *
farewell_end(struct db *db, const struct farewell *f, bool told, int64_t now)
{
	const struct ib_err *err;
	int64_t leaving;
	bool found;

	if ((err = db_begin(db)) != NULL)
		return err;
	if ((err = db_get_int(db, ST_FAREWELL_END, &leaving, &found, "it", f->id, told ? "told" : "gave up")) == NULL &&
	    (err = db_run(db, ST_LEAVING_DONE, "ii", f->leaving_id, now)) == NULL &&
	    /* Connected again while we spoke: what that ended is looked at and mended at once. */
	    (f->grant || (err = db_run(db, ST_PAGE_HEALTH_NOW, "ti", f->subject, now)) == NULL))
		err = db_commit(db);
	db_rollback(db);
	return err;
}

/* All of them ---------------------------------------------------------------------- */

/* The next company that is connected; false: there is none any more. */
static const struct ib_err *
next_install(struct db *db, int64_t *id, bool *found)
{
	return db_get_int(db, ST_INSTALL_ACTIVE, id, found, "");
}

const struct ib_err *
leaving_all(struct db *db, const struct keyring *keys, struct arena *a, int64_t now)
{
	struct leave_order o = { .kind = LEAVE_INSTALL, .cause = LEAVE_HERE };
	const struct ib_err *err;
	const char *code;
	bool found;

	if ((err = db_begin(db)) != NULL)
		return err;
	while ((err = next_install(db, &o.install_id, &found)) == NULL && found)
		if ((err = leaving_begin(db, keys, a, &o, now, &code)) != NULL)
			break;
	if (err == NULL && (err = db_run(db, ST_FAREWELL_UNTOLD, "")) == NULL &&
	    (err = db_run(db, ST_LEAVING_NOW, "i", now)) == NULL &&
	    (err = db_run(db, ST_LEAVING_UNTOLD, "i", now)) == NULL)
		err = db_commit(db);
	db_rollback(db);
	return err;
}

const struct ib_err *
leaving_open(struct db *db, int64_t *n)
{
	bool found;

	return db_get_int(db, ST_LEAVING_LEFT, n, &found, "");
}

/* Erasing ------------------------------------------------------------------------ */

const struct ib_err *
leaving_cancel_slice(struct db *db, struct arena *a, int64_t now, int64_t *n)
{
	struct outbox_end end = { OUT_FAILED, 0, "error.left", 0, 0 };
	const struct ib_err *err = NULL;
	int64_t id;
	bool found;

	for (*n = 0; *n < CANCEL_SLICE; ++*n)
		if ((err = db_get_int(db, ST_LEAVE_REPLY, &id, &found, "")) != NULL || !found ||
		    (err = outbox_end_one(db, a, id, &end, now)) != NULL)
			break;
	return err;
}

static void
drop_picture(const char *picture, struct arena *a, leave_drop *drop, void *arg, struct leave_counts *n)
{
	if (picture == NULL || *picture == '\0')
		return;
	drop(arg, arena_dupn(a, picture, strcspn(picture, " ")));	/* "p12 image/jpeg" */
	n->files++;
}

/* Files of one message; "", "!" and "?" are no files. */
static const struct ib_err *
drop_files(struct db *db, int64_t thread, int64_t msg, leave_drop *drop, void *arg, struct leave_counts *n)
{
	const struct ib_err *err;
	struct db_stmt *st;
	const char *file;
	bool row;

	if ((err = db_query(db, ST_ERASE_FILES, &st, "ii", thread, msg)) != NULL)
		return err;
	while ((err = db_step(st, &row)) == NULL && row) {
		file = db_col_text(st, 0);
		if (*file != '\0' && *file != '!' && *file != '?') {
			drop(arg, file);
			n->files++;
		}
	}
	db_release(st);
	return err;
}

struct doomed { int64_t at, id; uint8_t mkey[16]; bool has_mkey; };

static const struct ib_err *
list_doomed(struct db *db, struct arena *a, int64_t thread, int64_t before, int64_t most,
    struct doomed **out, size_t *n)
{
	const struct ib_err *err;
	struct db_stmt *st;
	const void *blob;
	size_t len;
	bool row;

	*n = 0;
	if ((*out = ARENA_ARRAY(a, (size_t)most + 1, struct doomed)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "leaving");
	if ((err = db_query(db, ST_ERASE_MESSAGES, &st, "iii", thread, before, most)) != NULL)
		return err;
	while (*n < (size_t)most && (err = db_step(st, &row)) == NULL && row) {
		struct doomed *d = &(*out)[(*n)++];

		d->at = db_col_int(st, 0);
		d->id = db_col_int(st, 1);
		blob = db_col_blob(st, 2, &len);
		if ((d->has_mkey = blob != NULL && len == sizeof(d->mkey)))
			memcpy(d->mkey, blob, len);
	}
	db_release(st);
	return err;
}

const struct ib_err *
leaving_erase_messages(struct db *db, struct arena *a, int64_t thread, int64_t before, int64_t most,
    leave_drop *drop, void *arg, struct leave_counts *n)
{
	const struct ib_err *err;
	struct doomed *d;
	size_t i, k;

	if ((err = list_doomed(db, a, thread, before, most, &d, &k)) != NULL ||
	    (err = db_run(db, ST_ERASE_DRAFTS, "ii", thread, before)) != NULL)
		return err;
	for (i = 0; i < k; i++) {
		if ((err = drop_files(db, thread, d[i].id, drop, arg, n)) != NULL ||
		    (err = db_run(db, ST_ATT_DROP, "ii", thread, d[i].id)) != NULL ||
		    (err = db_run(db, ST_ERASE_REPLY, "ii", thread, d[i].id)) != NULL ||
		    (d[i].has_mkey && (err = db_run(db, ST_ERASE_FACTS, "b", d[i].mkey, sizeof(d[i].mkey))) != NULL) ||
		    (err = db_run(db, ST_MESSAGE_DELETE, "iii", thread, d[i].at, d[i].id)) != NULL)
			return err;
	}
	n->messages += (int64_t)k;
	return NULL;
}

/* A slice of one thread; *whole: it is gone (or, with `keep`, empty). */
static const struct ib_err *
erase_thread(struct db *db, struct arena *a, int64_t thread, const char *picture, bool keep, int64_t *budget,
    leave_drop *drop, void *arg, struct leave_counts *n, bool *whole)
{
	const struct ib_err *err;
	int64_t before = n->messages;

	*whole = false;
	if ((err = leaving_erase_messages(db, a, thread, INT64_MAX, *budget, drop, arg, n)) != NULL)
		return err;
	if (n->messages - before == *budget) {
		*budget = 0;
		return NULL;
	}
	*budget -= n->messages - before + 1;
	*whole = true;
	if (keep)
		return NULL;
	drop_picture(picture, a, drop, arg, n);
	n->threads++;
	return db_run(db, ST_ERASE_THREAD, "i", thread);
}

/* Threads of the Pages that leave, until the slice is full; *empty: there are none. */
static const struct ib_err *
erase_threads(struct db *db, struct arena *a, const struct leaving *l, int64_t *budget, leave_drop *drop,
    void *arg, struct leave_counts *n, bool *empty)
{
	const struct ib_err *err;
	struct db_stmt *st;
	char *picture = NULL;
	int64_t thread = 0;
	bool row, whole;

	*empty = false;
	while (*budget > 0) {
		if ((err = db_query(db, ST_ERASE_THREAD_NEXT, &st, "ii", l->install_id, l->subject)) != NULL)
			return err;
		if ((err = db_step(st, &row)) == NULL && row) {
			thread = db_col_int(st, 0);
			picture = db_col_dup(st, 1, a);
		}
		if ((err = db_done(st, a, err)) != NULL)
			return err;
		if (!row) {
			*empty = true;
			return NULL;
		}
		if ((err = erase_thread(db, a, thread, picture, false, budget, drop, arg, n, &whole)) != NULL)
			return err;
	}
	return NULL;
}

/* Facts, shelf and ledger of the Pages. */
static const struct ib_err *
erase_small(struct db *db, const struct leaving *l, int64_t *budget)
{
	static const enum stmt_id which[] = { ST_ERASE_FACTS_OF, ST_ERASE_SHELF_OF, ST_ERASE_COMPARISONS_OF };
	const struct ib_err *err;
	int64_t gone;
	size_t i;

	for (i = 0; i < sizeof(which) / sizeof(which[0]) && *budget > 0; i++) {
		if ((err = db_run_n(db, which[i], &gone, "iii", l->install_id, l->subject, *budget)) != NULL)
			return err;
		*budget -= gone;
	}
	return NULL;
}

/* A stretch of the walk over `event`; *end: it is over.  `psid`: of that customer alone. */
static const struct ib_err *
erase_events(struct db *db, const struct leaving *l, int64_t page, const char *psid, struct leave_counts *n,
    bool *end)
{
	const struct ib_err *err;
	int64_t to = INT64_MAX, gone;
	bool found;

	if ((err = db_get_int(db, ST_ERASE_EVENTS_TO, &to, &found, "ii", l->cursor, (int64_t)EVENT_SLICE)) != NULL)
		return err;
	if (!found)
		to = INT64_MAX - 1;
	*end = !found;
	err = psid != NULL ?
	    db_run_n(db, ST_ERASE_EVENTS_ABOUT, &gone, "iiit", l->cursor, to, page, psid) :
	    db_run_n(db, ST_ERASE_EVENTS, &gone, "iiii", l->cursor, to, l->install_id, l->subject);
	n->events += err == NULL ? gone : 0;
	return err != NULL ? err : db_run(db, ST_LEAVING_CURSOR, "ii", l->id, to + 1);
}

/* One line that stays: what left, and how much. */
static const struct ib_err *
conclude(struct db *db, struct arena *a, const struct leaving *l, const struct leave_counts *more, int64_t now)
{
	const struct ib_err *err;

	if ((err = db_run(db, ST_LEAVING_ERASED, "ii", l->id, now)) != NULL || (err = search_erased(db)) != NULL)
		return err;
	return audit_put(db, l->install_id, 0, now, "erased", arena_printf(a,
	    "%s threads=%lld messages=%lld files=%lld", kinds[l->kind], (long long)(l->n.threads + more->threads),
	    (long long)(l->n.messages + more->messages), (long long)(l->n.files + more->files)));
}

static const struct ib_err *
erase_pages(struct db *db, struct arena *a, const struct leaving *l, int64_t now, leave_drop *drop, void *arg,
    struct leave_counts *n, bool *finished)
{
	int64_t budget = SLICE, gone;
	const struct ib_err *err;
	bool empty, end;

	if ((err = erase_threads(db, a, l, &budget, drop, arg, n, &empty)) != NULL || !empty ||
	    (err = erase_small(db, l, &budget)) != NULL || budget <= 0 ||
	    (err = erase_events(db, l, 0, NULL, n, &end)) != NULL || !end)
		return err;
	if (l->kind == LEAVE_INSTALL) {
		if ((err = db_run_n(db, ST_ERASE_AUDIT, &gone, "ii", l->install_id, (int64_t)SLICE)) != NULL ||
		    gone == SLICE)
			return err;
	}
	if ((err = db_run(db, ST_ERASE_PAGE_ROWS, "ii", l->install_id, l->subject)) != NULL ||
	    (l->kind == LEAVE_INSTALL && ((err = db_run(db, ST_ERASE_USERS, "i", l->install_id)) != NULL ||
	    (err = db_run(db, ST_ERASE_CRM_PAUSE, "i", l->install_id)) != NULL ||
	    (err = db_run(db, ST_ERASE_INSTALL_ROW, "i", l->install_id)) != NULL)))
		return err;
	*finished = true;
	return conclude(db, a, l, n, now);
}

static const struct ib_err *
erase_customer(struct db *db, struct arena *a, const struct leaving *l, int64_t now, leave_drop *drop, void *arg,
    struct leave_counts *n, bool *finished)
{
	int64_t budget = SLICE, page = 0;
	char *psid = NULL, *picture = NULL;
	const struct ib_err *err;
	struct db_stmt *st;
	bool row, whole, end;

	if ((err = db_query(db, ST_ERASE_CUSTOMER_GET, &st, "i", l->subject)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row) {
		psid = db_col_dup(st, 0, a);
		page = db_col_int(st, 1);
		picture = db_col_dup(st, 2, a);
	}
	if ((err = db_done(st, a, err)) != NULL)
		return err;
	if (row) {
		/* The row goes last: it knows whom the events are about. */
		if ((err = erase_thread(db, a, l->subject, picture, true, &budget, drop, arg, n, &whole)) != NULL ||
		    !whole || (err = erase_events(db, l, page, psid, n, &end)) != NULL || !end ||
		    (err = db_run(db, ST_ERASE_SHELF_ABOUT, "it", page, psid)) != NULL)
			return err;
		drop_picture(picture, a, drop, arg, n);
		if ((err = db_run(db, ST_ERASE_THREAD, "i", l->subject)) != NULL)
			return err;
		n->threads++;
	}
	*finished = true;
	return conclude(db, a, l, n, now);
}

/* From here on whoever connects, or writes, again is a stranger to what is being erased. */
static const struct ib_err *
begin_erasing(struct db *db, const struct leaving *l, int64_t now)
{
	const struct ib_err *err;
	struct db_stmt *st;
	int64_t page = 0;
	struct mkey who;
	bool row;

	if (l->kind == LEAVE_CUSTOMER) {
		if ((err = db_query(db, ST_ERASE_WHO, &st, "i", l->subject)) != NULL)
			return err;
		if ((err = db_step(st, &row)) == NULL && row) {
			page = db_col_int(st, 0);
			mkey_make(db_col_text(st, 1), db_col_text(st, 2), &who);
		}
		db_release(st);
		if (err == NULL && row && (err = db_run(db, ST_FORGET_PUT, "ibi", page, who.b, sizeof(who.b), now)) == NULL)
			err = db_run(db, ST_ERASE_CUSTOMER, "i", l->subject);
	} else {
		err = db_run(db, ST_ERASE_PAGES, "ii", l->install_id, l->subject);
		if (err == NULL && l->kind == LEAVE_INSTALL)
			err = db_run(db, ST_ERASE_INSTALL, "i", l->install_id);
	}
	return err != NULL ? err : db_run(db, ST_LEAVING_STEP, "it", l->id, steps[STEP_ERASING]);
}

const struct ib_err *
leaving_erase_slice(struct db *db, struct arena *a, int64_t now, leave_drop *drop, void *arg, bool *did,
    bool *finished)
{
	struct leave_counts n = { 0 };
	const struct ib_err *err;
	struct leaving *l;
	struct db_stmt *st;
	int64_t id;
	bool found;

	*did = *finished = false;
	if ((err = db_get_int(db, ST_LEAVING_NEXT, &id, &found, "i", now)) != NULL || !found)
		return err;
	if ((err = db_begin(db)) != NULL)
		return err;
	/* Once more, now that it is our turn: another process may have finished it. */
	if ((err = db_get_int(db, ST_LEAVING_NEXT, &id, &found, "i", now)) != NULL || !found ||
	    (err = db_query(db, ST_LEAVING_GET, &st, "i", id)) != NULL ||
	    (err = read_leaving(a, st, &l)) != NULL || l == NULL)
		goto done;
	if (l->step == STEP_KEEPING)
		err = begin_erasing(db, l, now);
	else if (l->kind == LEAVE_CUSTOMER)
		err = erase_customer(db, a, l, now, drop, arg, &n, finished);
	else
		err = erase_pages(db, a, l, now, drop, arg, &n, finished);
	if (err == NULL && (err = counted(db, l->id, &n)) == NULL &&
	    (err = install_touch(db, l->install_id)) == NULL && (err = db_commit(db)) == NULL)
		*did = true;
done:
	db_rollback(db);
	return err;
}

const struct ib_err *
leaving_history_floor(struct db *db, int64_t page_id, const char *page_fb, const char *psid, int64_t now,
    int64_t *floor)
{
	struct mkey who;
	bool found;

	*floor = 0;
	mkey_make(page_fb, psid, &who);
	return db_get_int(db, ST_HISTORY_FLOOR, floor, &found, "ibi", page_id, who.b, sizeof(who.b), now);
}

/* Retention ----------------------------------------------------------------------- */

#define THREADS_A_SLICE	200

const struct ib_err *
retention_get(struct db *db, int64_t install_id, int64_t *days)
{
	bool found;

	*days = 0;
	return db_get_int(db, ST_RETENTION_GET, days, &found, "i", install_id);
}

const struct ib_err *
retention_set(struct db *db, int64_t install_id, int64_t days)
{
	return db_run(db, ST_RETENTION_SET, "ii", install_id, days);
}

const struct ib_err *
retention_count(struct db *db, int64_t install_id, int64_t before, int64_t *threads, int64_t *messages)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*threads = *messages = 0;
	if ((err = db_query(db, ST_RETENTION_COUNT, &st, "ii", install_id, before)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row) {
		*threads = db_col_int(st, 0);
		*messages = db_col_int(st, 1);
	}
	db_release(st);
	return err;
}

struct walked { int64_t id, last_at; char *picture; bool old; };

/* The next threads of the walk. */
static const struct ib_err *
walk_on(struct db *db, struct arena *a, int64_t install, int64_t after, int64_t before,
    struct walked w[THREADS_A_SLICE], size_t *n)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*n = 0;
	if ((err = db_query(db, ST_RETENTION_THREADS, &st, "iiii", install, after, before,
	    (int64_t)THREADS_A_SLICE)) != NULL)
		return err;
	while (*n < THREADS_A_SLICE && (err = db_step(st, &row)) == NULL && row) {
		w[*n].id = db_col_int(st, 0);
		w[*n].picture = db_col_dup(st, 1, a);
		w[*n].last_at = db_col_int(st, 2);
		w[(*n)++].old = db_col_int(st, 3) != 0;
	}
	return db_done(st, a, err);
}

/* A thread whose last message is too old goes whole, another loses its beginning. */
static const struct ib_err *
retain(struct db *db, struct arena *a, const struct walked *w, int64_t before, int64_t *budget,
    leave_drop *drop, void *arg, struct leave_counts *n, bool *whole)
{
	const struct ib_err *err;
	int64_t had = n->messages;

	*whole = true;
	if (!w->old && (w->last_at >= before || w->last_at == 0))
		return NULL;
	if (w->last_at > 0 && w->last_at < before)
		return erase_thread(db, a, w->id, w->picture, false, budget, drop, arg, n, whole);
	if ((err = leaving_erase_messages(db, a, w->id, before, *budget, drop, arg, n)) != NULL)
		return err;
	*whole = n->messages - had < *budget;
	*budget -= n->messages - had;
	return db_run(db, ST_RETENTION_CUT, "i", w->id);
}

const struct ib_err *
retention_slice(struct db *db, struct arena *a, int64_t now, leave_drop *drop, void *arg, bool *did)
{
	int64_t install = 0, days = 0, after = 0, before, budget = SLICE;
	struct leave_counts n = { 0 };
	struct walked w[THREADS_A_SLICE];
	const struct ib_err *err;
	struct db_stmt *st;
	bool row, whole = true;
	size_t i = 0, k = 0;

	*did = false;
	if ((err = db_begin(db)) != NULL || (err = db_query(db, ST_RETENTION_DUE, &st, "i", now)) != NULL)
		goto done;
	if ((err = db_step(st, &row)) == NULL && row) {
		install = db_col_int(st, 0);
		days = db_col_int(st, 1);
		after = db_col_int(st, 2);
	}
	db_release(st);
	before = now - days * MS_DAY;
	if (err != NULL || !row || (err = walk_on(db, a, install, after, before, w, &k)) != NULL)
		goto done;
	for (; i < k && budget > 0 && whole; i++) {
		if ((err = retain(db, a, &w[i], before, &budget, drop, arg, &n, &whole)) != NULL)
			goto done;
		if (whole)
			after = w[i].id;
	}
	err = i == k && whole && k < THREADS_A_SLICE ? db_run(db, ST_RETENTION_DONE, "ii", install, now + MS_DAY) :
	    db_run(db, ST_RETENTION_AT, "ii", install, after);
	if (err == NULL && n.messages > 0 && (err = audit_put(db, install, 0, now, "expired",
	    arena_printf(a, "threads=%lld messages=%lld files=%lld", (long long)n.threads, (long long)n.messages,
	    (long long)n.files))) == NULL)
		err = install_touch(db, install);
	if (err == NULL && (err = db_commit(db)) == NULL)
		*did = true;
done:
	db_rollback(db);
	return err;
}
