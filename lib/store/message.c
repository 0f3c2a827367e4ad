/* SPDX-License-Identifier: MIT */
/* message.c - see message.h. */
#include "message.h"
#include "search.h"
#include "transcript.h"

#include "../base/crypt.h"
#include "../base/str.h"

#include <string.h>

void
mkey_make(const char *page_fb, const char *key, struct mkey *out)
{
	uint8_t digest[32];
	char buf[512];
	size_t n = strlen(page_fb), m = strlen(key);

	/* Ids are short; a longer key is digested by itself first. */
	if (n + 1 + m > sizeof(buf)) {
		uint8_t inner[32];

		crypt_sha256(key, m, inner);
		memcpy(buf, page_fb, n = n < 256 ? n : 256);
		buf[n] = '\n';
		memcpy(buf + n + 1, inner, m = sizeof(inner));
	} else {
		memcpy(buf, page_fb, n);
		buf[n] = '\n';
		memcpy(buf + n + 1, key, m);
	}
	crypt_sha256(buf, n + 1 + m, digest);
	memcpy(out->b, digest, sizeof(out->b));
}

int64_t
mkey_id(const struct mkey *k)
{
	uint64_t v = 0;
	size_t i;

	/* 53 bits: exact also where a browser reads it as a number. */
	for (i = 0; i < 8; i++)
		v = v << 8 | k->b[i];
	v >>= 11;
	return v == 0 ? 1 : (int64_t)v;
}

static void
read_message(struct db_stmt *st, struct arena *a, struct message *m)
{
	const void *blob;
	size_t n;

	m->thread_id = db_col_int(st, 0);
	m->at = db_col_int(st, 1);
	m->id = db_col_int(st, 2);
	blob = db_col_blob(st, 3, &n);
	if ((m->has_mkey = n == sizeof(m->mkey.b)))
		memcpy(m->mkey.b, blob, n);
	m->mid = db_col_dup(st, 4, a);
	m->text = db_col_dup(st, 5, a);
	m->detail = db_col_dup(st, 6, a);
	m->react_in = db_col_dup(st, 7, a);
	m->react_out = db_col_dup(st, 8, a);
	m->dir = (int)db_col_int(st, 9);
	m->natt = (int)db_col_int(st, 10);
	m->origin = (enum msg_origin)db_col_int(st, 11);
	m->line = (enum fb_line)db_col_int(st, 12);
	m->flags = (unsigned)db_col_int(st, 13);
	m->state = (enum msg_state)db_col_int(st, 14);
	m->user_id = db_col_int(st, 15);
	m->edits = db_col_int(st, 16);
	blob = db_col_blob(st, 17, &n);
	if ((m->has_reply = n == sizeof(m->reply_to.b)))
		memcpy(m->reply_to.b, blob, n);
}

/* A row of MSG_SHOWN: what a page shows. */
static void
read_shown(struct db_stmt *st, struct arena *a, int64_t thread_id, struct message *m)
{
	const void *blob;
	size_t n;

	*m = (struct message){ .thread_id = thread_id };
	m->at = db_col_int(st, 0);
	m->id = db_col_int(st, 1);
	m->text = db_col_dup(st, 2, a);
	m->detail = db_col_dup(st, 3, a);
	m->react_in = db_col_dup(st, 4, a);
	m->react_out = db_col_dup(st, 5, a);
	m->dir = (int)db_col_int(st, 6);
	m->natt = (int)db_col_int(st, 7);
	m->origin = (enum msg_origin)db_col_int(st, 8);
	m->line = (enum fb_line)db_col_int(st, 9);
	m->flags = (unsigned)db_col_int(st, 10);
	m->state = (enum msg_state)db_col_int(st, 11);
	m->user_id = db_col_int(st, 12);
	m->edits = db_col_int(st, 13);
	blob = db_col_blob(st, 14, &n);
	if ((m->has_reply = n == sizeof(m->reply_to.b)))
		memcpy(m->reply_to.b, blob, n);
}

const struct ib_err *
message_page(struct db *db, struct arena *a, int64_t thread_id, int64_t before_at,
    int64_t before_id, int max, struct message **out, size_t *n, bool *more)
{
	const struct ib_err *err;
	struct db_stmt *st;
	size_t i, left = (size_t)max;
	bool row;

	*n = 0;
	*more = false;
	if ((*out = arena_alloc(a, (size_t)max * sizeof(**out))) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "message_page");
	if (before_at > 0)
		err = db_query(db, ST_MESSAGE_BEFORE, &st, "iiii", thread_id, (int64_t)max + 1,
		    before_at, before_id);
	else
		err = db_query(db, ST_MESSAGE_NEWEST, &st, "ii", thread_id, (int64_t)max + 1);
	if (err != NULL)
		return err;
	/* The newest come first: fill from the end. */
	while ((err = db_step(st, &row)) == NULL && row) {
		if (left == 0) {
			*more = true;
			break;
		}
		read_shown(st, a, thread_id, &(*out)[--left]);
	}
	db_release(st);
	*n = (size_t)max - left;
	for (i = 0; left > 0 && i < *n; i++)
		(*out)[i] = (*out)[i + left];
	return err;
}

/* One row of two numbers; *at 0 when there is none. */
static const struct ib_err *
one_key(struct db_stmt *st, int64_t *at, int64_t *id)
{
	const struct ib_err *err;
	bool row;

	*at = 0;
	if ((err = db_step(st, &row)) == NULL && row) {
		*at = db_col_int(st, 0);
		*id = db_col_int(st, 1);
	}
	db_release(st);
	return err;
}

const struct ib_err *
message_place(struct db *db, int64_t thread_id, int64_t *id, int64_t *at)
{
	const struct ib_err *err;
	struct mkey from = { { 0 } }, to;
	uint64_t head = (uint64_t)*id << 11;
	struct db_stmt *st;
	size_t i;

	*at = 0;
	if (*id <= 0 || *id >= INT64_C(1) << 53)
		return NULL;
	memset(&to, 0xff, sizeof(to));
	for (i = 0; i < 8; i++) {
		from.b[i] = (uint8_t)(head >> (56 - 8 * i));
		to.b[i] = (uint8_t)((head | 0x7ff) >> (56 - 8 * i));
	}
	if ((err = db_query(db, ST_MESSAGE_PLACE, &st, "ibb", thread_id, from.b, sizeof(from.b),
	    to.b, sizeof(to.b))) != NULL || (err = one_key(st, at, id)) != NULL || *at != 0)
		return err;
	if ((err = db_query(db, ST_MESSAGE_PLACE_OURS, &st, "ii", thread_id, *id)) != NULL)
		return err;
	return one_key(st, at, id);
}

const struct ib_err *
message_after(struct db *db, int64_t thread_id, int64_t at, int64_t id, int n, int64_t *to_at, int64_t *to_id)
{
	const struct ib_err *err;
	struct db_stmt *st;

	*to_at = *to_id = 0;
	if ((err = db_query(db, ST_MESSAGE_AFTER, &st, "iiii", thread_id, at, id, (int64_t)(n - 1))) != NULL)
		return err;
	return one_key(st, to_at, to_id);
}

const struct ib_err *
message_day(struct db *db, struct arena *a, int64_t thread_id, int64_t from, int64_t until, int max,
    struct message **out, size_t *n)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*n = 0;
	if ((*out = arena_alloc(a, (size_t)max * sizeof(**out))) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "message_day");
	if ((err = db_query(db, ST_MESSAGE_DAY, &st, "iiii", thread_id, from, until, (int64_t)max)) != NULL)
		return err;
	while ((err = db_step(st, &row)) == NULL && row)
		read_shown(st, a, thread_id, &(*out)[(*n)++]);
	return db_done(st, a, err);
}

static const struct ib_err *
one_message(struct db_stmt *st, struct arena *a, struct message **out)
{
	const struct ib_err *err;
	struct message *m;
	bool row;

	if ((err = db_step(st, &row)) == NULL && row) {
		if ((m = ARENA_NEW(a, struct message)) == NULL)
			err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "message");
		else
			read_message(st, a, *out = m);
	}
	return db_done(st, a, err);
}

const struct ib_err *
message_get(struct db *db, struct arena *a, int64_t thread_id, int64_t at, int64_t id,
    struct message **out)
{
	const struct ib_err *err;
	struct db_stmt *st;

	*out = NULL;
	if ((err = db_query(db, ST_MESSAGE_GET, &st, "iii", thread_id, at, id)) != NULL)
		return err;
	return one_message(st, a, out);
}

const struct ib_err *
message_by_mkey(struct db *db, struct arena *a, const struct mkey *k, struct message **out)
{
	const struct ib_err *err;
	struct db_stmt *st;

	*out = NULL;
	if ((err = db_query(db, ST_MESSAGE_BY_MKEY, &st, "b", k->b, sizeof(k->b))) != NULL)
		return err;
	return one_message(st, a, out);
}

const struct ib_err *
message_add(struct db *db, const struct message *m, bool *added)
{
	const struct ib_err *err;
	int64_t n = 0;

	err = db_run_n(db, ST_MESSAGE_ADD, &n, "iiibtiiiiiiiittttb", m->thread_id, m->at, m->id,
	    m->has_mkey ? (const void *)m->mkey.b : NULL, sizeof(m->mkey.b), m->mid,
	    (int64_t)m->dir, (int64_t)m->origin, (int64_t)m->line, (int64_t)m->flags,
	    (int64_t)m->state, m->user_id, (int64_t)m->natt, m->edits, m->text, m->detail,
	    m->react_in, m->react_out,
	    m->has_reply ? (const void *)m->reply_to.b : NULL, sizeof(m->reply_to.b));
	*added = n > 0;
	if (err == NULL && *added && m->line == 0 && (err = transcript_touch(db, m->thread_id, m->at)) == NULL &&
	    m->text != NULL)
		err = search_touch(db, m->thread_id, m->at);
	return err;
}

/* It left one time and came to another. */
static const struct ib_err *
touch_both(struct db *db, int64_t thread_id, int64_t at, int64_t to)
{
	const struct ib_err *err = transcript_touch(db, thread_id, at);

	if (err != NULL || (err = search_touch(db, thread_id, to)) != NULL || to == at)
		return err;
	return transcript_touch(db, thread_id, to);
}

const struct ib_err *
message_move(struct db *db, int64_t thread_id, int64_t at, int64_t id, int64_t to)
{
	const struct ib_err *err = db_run(db, ST_MESSAGE_EXACT, "iiii", thread_id, at, id, to);

	return err != NULL ? err : touch_both(db, thread_id, at, to);
}

const struct ib_err *
message_identify(struct db *db, int64_t thread_id, int64_t at, int64_t id, const char *mid,
    const struct mkey *k, int64_t new_at, bool exact)
{
	const struct ib_err *err = db_run(db, ST_MESSAGE_IDENTIFY, "iiitbii", thread_id, at, id, mid, k->b,
	    sizeof(k->b), new_at, (int64_t)(exact ? MSG_EXACT : 0));

	return err != NULL ? err : touch_both(db, thread_id, at, new_at);
}

const struct ib_err *
message_set_state(struct db *db, int64_t thread_id, int64_t at, int64_t id,
    enum msg_state state, const char *why_key)
{
	const struct ib_err *err = db_run(db, ST_MESSAGE_STATE, "iiiit", thread_id, at, id, (int64_t)state, why_key);

	return err != NULL ? err : transcript_touch(db, thread_id, at);
}

const struct ib_err *
message_delete(struct db *db, int64_t thread_id, int64_t at, int64_t id)
{
	const struct ib_err *err;

	if ((err = attachment_drop(db, thread_id, id)) != NULL ||
	    (err = db_run(db, ST_MESSAGE_DELETE, "iii", thread_id, at, id)) != NULL)
		return err;
	return transcript_touch(db, thread_id, at);
}

const struct ib_err *
message_save_content(struct db *db, const struct message *m)
{
	const struct ib_err *err = db_run(db, ST_MESSAGE_CONTENT, "iiitiiitt", m->thread_id, m->at, m->id, m->text,
	    m->edits, (int64_t)m->flags, (int64_t)m->natt, m->react_in, m->react_out);

	return err != NULL ? err : transcript_touch(db, m->thread_id, m->at);
}

/* The row of the list ---------------------------------------------------------- */

const struct ib_err *
message_show(struct arena *a, const struct message *m, enum fb_att first, struct thread_row *t)
{
	const char *text = m->line == FB_LINE_POSTBACK ? m->detail : m->text;

	if (m->at < t->last_at || (m->at == t->last_at && m->id < t->last_id))
		return NULL;
	t->last_at = m->at;
	t->last_id = m->id;
	t->last_dir = m->dir;
	t->last_user = m->user_id;
	t->snippet_kind = 0;
	if ((m->flags & MSG_DELETED) != 0) {
		t->snippet_kind = -1;
		text = "";
	} else if (str_blank(text)) {
		t->snippet_kind = (m->flags & MSG_UNSUPPORTED) != 0 ? FB_ATT_OTHER : (int)first;
		text = "";
	}
	t->snippet = str_ellipsis(a, str_line(a, text, strlen(text), 200), 120);
	return t->snippet == NULL ? ib_fail(IB_ENOMEM, IB_RETRY_LATER, "snippet") : NULL;
}

const struct ib_err *
message_lead(struct db *db, struct arena *a, struct thread_row *t)
{
	const struct ib_err *err;
	struct message m = { 0 };
	enum fb_att first = FB_ATT_OTHER;
	struct db_stmt *st;
	bool row;

	if ((err = db_query(db, ST_MESSAGE_LEAD, &st, "i", t->id)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row) {
		m.at = db_col_int(st, 0);
		m.id = db_col_int(st, 1);
		m.dir = (int)db_col_int(st, 2);
		m.user_id = db_col_int(st, 3);
		m.line = (enum fb_line)db_col_int(st, 4);
		m.flags = (unsigned)db_col_int(st, 5);
		m.text = db_col_dup(st, 6, a);
		m.detail = db_col_dup(st, 7, a);
		first = (enum fb_att)db_col_int(st, 8);
	}
	db_release(st);
	if (err != NULL)
		return err;
	t->last_at = t->last_id = t->last_user = 0;
	t->last_dir = t->snippet_kind = 0;
	t->snippet = "";
	return m.id != 0 ? message_show(a, &m, first, t) : NULL;
}

const struct ib_err *
message_relead(struct db *db, struct arena *a, int64_t thread_id)
{
	struct thread_row t = { .id = thread_id };
	const struct ib_err *err;

	if ((err = message_lead(db, a, &t)) != NULL)
		return err;
	return db_run(db, ST_THREAD_LEAD, "iiiiiit", thread_id, t.last_at, t.last_id,
	    (int64_t)t.last_dir, t.last_user, (int64_t)t.snippet_kind, t.snippet);
}

/* Attachments ----------------------------------------------------------------- */

static void
read_attachment(struct db_stmt *st, struct arena *a, struct attachment *t)
{
	t->thread_id = db_col_int(st, 0);
	t->msg_id = db_col_int(st, 1);
	t->n = db_col_int(st, 2);
	t->type = (enum fb_att)db_col_int(st, 3);
	t->width = db_col_int(st, 4);
	t->height = db_col_int(st, 5);
	t->size = db_col_int(st, 6);
	t->fetch_at = db_col_int(st, 7);
	t->tries = db_col_int(st, 8);
	t->url = db_col_dup(st, 9, a);
	t->title = db_col_dup(st, 10, a);
	t->name = db_col_dup(st, 11, a);
	t->mime = db_col_dup(st, 12, a);
	t->file = db_col_dup(st, 13, a);
}

const struct ib_err *
message_attachments(struct db *db, struct arena *a, int64_t thread_id, int64_t msg_id,
    struct attachment **out, size_t *n)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*n = 0;
	if ((*out = ARENA_ARRAY(a, FB_ATT_PER_MESSAGE, struct attachment)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "attachments");
	if ((err = db_query(db, ST_ATT_OF, &st, "ii", thread_id, msg_id)) != NULL)
		return err;
	while (*n < FB_ATT_PER_MESSAGE && (err = db_step(st, &row)) == NULL && row)
		read_attachment(st, a, &(*out)[(*n)++]);
	return db_done(st, a, err);
}

const struct ib_err *
attachment_add(struct db *db, const struct attachment *t)
{
	return db_run(db, ST_ATT_ADD, "iiiiiiiitttt", t->thread_id, t->msg_id, t->n,
	    (int64_t)t->type, t->width, t->height, t->size, t->fetch_at, t->url, t->title,
	    t->name, t->mime);
}

const struct ib_err *
attachment_drop(struct db *db, int64_t thread_id, int64_t msg_id)
{
	return db_run(db, ST_ATT_DROP, "ii", thread_id, msg_id);
}

/* A row with its Page and company; the statement is closed. */
static const struct ib_err *
read_owned(struct db_stmt *st, struct arena *a, struct attachment **out, int64_t *page_id, int64_t *install_id)
{
	const struct ib_err *err;
	struct attachment *t;
	bool row;

	*out = NULL;
	if ((err = db_step(st, &row)) == NULL && row &&
	    (t = ARENA_NEW(a, struct attachment)) != NULL) {
		read_attachment(st, a, t);
		*page_id = db_col_int(st, 14);
		*install_id = db_col_int(st, 15);
		*out = t;
	}
	return db_done(st, a, err);
}

const struct ib_err *
attachment_next(struct db *db, struct arena *a, int64_t now, struct attachment **out,
    int64_t *page_id, int64_t *install_id)
{
	const struct ib_err *err;
	struct db_stmt *st;

	*out = NULL;
	if ((err = db_query(db, ST_ATT_NEXT, &st, "i", now)) != NULL)
		return err;
	return read_owned(st, a, out, page_id, install_id);
}

const struct ib_err *
attachment_kept(struct db *db, struct arena *a, int64_t thread_id, int64_t msg_id, int64_t n,
    struct attachment **out, int64_t *page_id, int64_t *install_id)
{
	const struct ib_err *err;
	struct db_stmt *st;

	*out = NULL;
	if ((err = db_query(db, ST_ATT_KEPT, &st, "iii", thread_id, msg_id, n)) != NULL)
		return err;
	return read_owned(st, a, out, page_id, install_id);
}

const struct ib_err *
attachment_get(struct db *db, struct arena *a, int64_t install_id, int64_t thread_id,
    int64_t msg_id, int64_t n, struct attachment **out)
{
	const struct ib_err *err;
	struct attachment *t;
	struct db_stmt *st;
	bool row;

	*out = NULL;
	err = db_query(db, ST_ATT_GET, &st, "iiii", install_id, thread_id, msg_id, n);
	if (err != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row &&
	    (t = ARENA_NEW(a, struct attachment)) != NULL)
		read_attachment(st, a, *out = t);
	return db_done(st, a, err);
}

const struct ib_err *
attachment_claim(struct db *db, const struct attachment *t, int64_t again, bool *mine)
{
	const struct ib_err *err;
	int64_t n = 0;

	*mine = false;
	if ((err = db_begin(db)) != NULL)
		return err;
	err = db_run_n(db, ST_ATT_CLAIM, &n, "iiiii", t->thread_id, t->msg_id, t->n, again,
	    t->fetch_at);
	if (err == NULL && n > 0)
		err = db_commit(db);
	db_rollback(db);
	*mine = err == NULL && n > 0;
	return err;
}

const struct ib_err *
attachment_done(struct db *db, const struct attachment *t, const char *file,
    const char *mime, int64_t size, int64_t next_at)
{
	return db_run(db, ST_ATT_DONE, "iiittiiiit", t->thread_id, t->msg_id, t->n, file, mime,
	    size, next_at, t->width, t->height, t->url);
}

bool
attachment_here(const struct attachment *t)
{
	return t->file != NULL && *t->file != '\0' && *t->file != '!' && *t->file != '?';
}

const struct ib_err *
attachment_want(struct db *db, const struct attachment *t, int64_t now, bool *wanted)
{
	const struct ib_err *err;
	int64_t n = 0;

	err = db_run_n(db, ST_ATT_WANT, &n, "iiii", t->thread_id, t->msg_id, t->n, now);
	*wanted = n > 0;
	return err;
}

/* Facts ------------------------------------------------------------------------ */

const struct ib_err *
fact_put(struct db *db, const struct mkey *k, enum fact_kind kind, int64_t num, int64_t at,
    int64_t page_id, const char *value, bool *changed)
{
	const struct ib_err *err;
	int64_t n = 0;

	err = db_run_n(db, ST_FACT_PUT, &n, "biiiit", k->b, sizeof(k->b), (int64_t)kind, num,
	    at, page_id, value);
	*changed = n > 0;
	return err;
}

const struct ib_err *
facts_forget_edits(struct db *db, const struct mkey *k)
{
	return db_run(db, ST_FACT_FORGET_EDITS, "b", k->b, sizeof(k->b));
}

const struct ib_err *
facts_of(struct db *db, struct arena *a, const struct mkey *k, struct fact **out, size_t *n)
{
	enum { MOST = 16 };		/* five edits, two reactions, one unsending */
	const struct ib_err *err;
	struct db_stmt *st;
	struct fact *f;
	bool row;

	*out = NULL;
	*n = 0;
	if ((err = db_query(db, ST_FACTS_OF, &st, "b", k->b, sizeof(k->b))) != NULL)
		return err;
	while (*n < MOST && (err = db_step(st, &row)) == NULL && row) {
		if (*out == NULL && (*out = ARENA_ARRAY(a, MOST, struct fact)) == NULL) {
			err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "facts");
			break;
		}
		f = &(*out)[(*n)++];
		f->kind = (enum fact_kind)db_col_int(st, 0);
		f->num = db_col_int(st, 1);
		f->at = db_col_int(st, 2);
		f->value = db_col_dup(st, 3, a);
	}
	return db_done(st, a, err);
}
