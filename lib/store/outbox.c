/* SPDX-License-Identifier: MIT */
/* outbox.c - see outbox.h. */
#include "outbox.h"

#include "draft.h"
#include "install.h"
#include "thread.h"
#include "upload.h"

#include "../api/codes.h"
#include "../base/crypt.h"
#include "../base/filetype.h"
#include "../base/str.h"

#include <string.h>

#define CHECK_LEASE_MS	INT64_C(30000)

static const char *const state_names[] = {
	[OUT_QUEUED] = "queued", [OUT_SENDING] = "sending", [OUT_DEFERRED] = "deferred",
	[OUT_CHECKING] = "checking", [OUT_SENT] = "sent", [OUT_FAILED] = "failed",
	[OUT_CANCELLED] = "cancelled"
};
static const enum msg_state shown_as[] = {
	[OUT_QUEUED] = MSG_QUEUED, [OUT_SENDING] = MSG_SENDING, [OUT_DEFERRED] = MSG_DEFERRED,
	[OUT_CHECKING] = MSG_CHECKING, [OUT_SENT] = MSG_SENT, [OUT_FAILED] = MSG_FAILED,
	[OUT_CANCELLED] = MSG_CANCELLED
};

static enum outbox_state
state_parse(const char *s)
{
	size_t i;

	for (i = 0; i < sizeof(state_names) / sizeof(state_names[0]); i++)
		if (strcmp(s, state_names[i]) == 0)
			return (enum outbox_state)i;
	return OUT_CANCELLED;		/* the CHECK of the table allows no other */
}

/* No form can have such a key. */
static const char *
part_key(struct arena *a, const char *key, size_t part)
{
	return part == 0 ? key : arena_printf(a, "%s.%zu", key, part + 1);
}

/* Write message, outbox row and list row of one part, a text or a file; inside the caller's transaction. */
static const struct ib_err *
put_rows(struct db *db, struct arena *a, const struct outbox_new *n, const struct thread *t, size_t part,
    const struct upload *file, int64_t *msg_id)
{
	const char *text = file != NULL ? "" : n->parts[part];
	const struct ib_err *err;
	struct thread_row row;
	struct message m = { 0 };
	uint64_t rnd;
	char *token;
	bool added;

	if ((err = thread_find(db, a, n->install_id, t->page_id, t->psid, n->now, &row)) != NULL ||
	    (err = crypt_random(&rnd, sizeof(rnd))) != NULL ||
	    (err = crypt_token(a, 18, &token)) != NULL)
		return err;
	m.thread_id = t->id;
	/* Below everything that is there, also when Facebook's clock is ahead of ours. */
	m.at = n->now > row.last_at ? n->now : row.last_at + 1;
	m.id = file != NULL ? file->id : (int64_t)(rnd >> 11) | 1;
	m.dir = 1;
	m.origin = ORIGIN_OURS;
	m.state = MSG_QUEUED;
	m.user_id = n->user_id;
	m.text = text;
	m.natt = file != NULL;
	if ((err = message_add(db, &m, &added)) != NULL)
		return err;
	if (!added)
		return ib_fail(IB_EDB, IB_RETRY_NOW, "message id collision");
	row.last_at = m.at;
	row.last_id = m.id;
	row.last_dir = 1;
	row.last_user = n->user_id;
	row.snippet_kind = file != NULL ? (int)file->type : 0;
	if ((row.snippet = str_ellipsis(a, str_line(a, text, strlen(text), 200), 120)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "snippet");
	token = arena_printf(a, OUTBOX_PREFIX "%s", token);
	if ((file != NULL && (err = upload_take(db, file)) != NULL) ||
	    (err = db_run(db, ST_OUTBOX_ADD, "iiiiiittiii", n->install_id, t->page_id, t->id, m.id,
	    m.at, n->user_id, part_key(a, n->key, part), token, n->now, (int64_t)n->agent,
	    n->hold_ms > 0 ? n->now + n->hold_ms : 0)) != NULL ||
	    (err = thread_save(db, &row)) != NULL ||
	    (err = thread_mark_seen(db, n->user_id, t->id, row.last_in_at,
	    row.in_n)) != NULL ||
	    (err = audit_put(db, n->install_id, n->user_id, n->now, "replied",
	    arena_printf(a, "%lld", (long long)t->id))) != NULL ||
	    (err = install_touch(db, n->install_id)) != NULL)
		return err;
	*msg_id = m.id;
	return NULL;
}

/* Row and place of a failed reply; *id 0 when it is none. */
static const struct ib_err *
find_failed(struct db *db, int64_t install_id, int64_t thread_id, int64_t msg_id,
    int64_t *id, int64_t *at)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*id = *at = 0;
	if ((err = db_query(db, ST_OUTBOX_FAILED, &st, "iii", thread_id, msg_id, install_id)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row) {
		*id = db_col_int(st, 0);
		*at = db_col_int(st, 1);
	}
	db_release(st);
	return err;
}

static const struct ib_err *
outbox_get(struct db *db, struct arena *a, int64_t id, struct outbox **out)
{
	const struct ib_err *err;
	struct db_stmt *st;
	struct outbox *o;
	bool row;

	*out = NULL;
	if ((err = db_query(db, ST_OUTBOX_GET, &st, "i", id)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row) {
		if ((o = ARENA_NEW(a, struct outbox)) == NULL) {
			err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "outbox");
			goto done;
		}
		o->id = db_col_int(st, 0);
		o->install_id = db_col_int(st, 1);
		o->page_id = db_col_int(st, 2);
		o->thread_id = db_col_int(st, 3);
		o->msg_id = db_col_int(st, 4);
		o->msg_at = db_col_int(st, 5);
		o->user_id = db_col_int(st, 6);
		o->attempts = db_col_int(st, 7);
		o->checks = db_col_int(st, 8);
		o->next_at = db_col_int(st, 9);
		o->created_at = db_col_int(st, 10);
		o->after_at = db_col_int(st, 11);
		o->state = state_parse(db_col_text(st, 12));
		o->token = db_col_dup(st, 13, a);
		o->code = (int)db_col_int(st, 14);
		o->subcode = (int)db_col_int(st, 15);
		o->look = db_col_dup(st, 16, a);
		o->text = db_col_dup(st, 17, a);
		o->psid = db_col_dup(st, 18, a);
		o->fb_thread = db_col_dup(st, 19, a);
		o->customer_at = db_col_int(st, 20);
		o->ad_at = db_col_int(st, 21);
		o->agent = db_col_int(st, 22) != 0;
		o->file = db_col_dup(st, 23, a);
		o->file_name = db_col_dup(st, 24, a);
		o->file_mime = db_col_dup(st, 25, a);
		o->file_type = (enum fb_att)db_col_int(st, 26);
		o->file_size = db_col_int(st, 27);
		*out = o;
	}
done:
	return db_done(st, a, err);
}

/* Inside the caller's transaction. */
static const struct ib_err *
dismiss(struct db *db, struct arena *a, int64_t install_id, int64_t thread_id, int64_t msg_id,
    int64_t now, bool *ok)
{
	struct outbox_end end = { .state = OUT_CANCELLED };
	const struct ib_err *err;
	struct outbox *o = NULL;
	int64_t id, at;

	*ok = false;
	if ((err = find_failed(db, install_id, thread_id, msg_id, &id, &at)) != NULL || id == 0 ||
	    (err = outbox_get(db, a, id, &o)) != NULL || o == NULL)
		return err;
	*ok = true;
	if ((err = outbox_settle(db, o, &end, now)) != NULL ||
	    (err = db_run(db, ST_MESSAGE_DISMISS, "iii", thread_id, at, msg_id)) != NULL)
		return err;
	return message_relead(db, a, thread_id);
}

const struct ib_err *
outbox_dismiss(struct db *db, struct arena *a, int64_t install_id, int64_t thread_id,
    int64_t msg_id, int64_t now, bool *ok)
{
	const struct ib_err *err;

	if ((err = db_begin(db)) != NULL)
		return err;
	if ((err = dismiss(db, a, install_id, thread_id, msg_id, now, ok)) == NULL)
		err = db_commit(db);
	db_rollback(db);
	return err;
}

/* Has somebody written what the writer of n had not seen? */
static const struct ib_err *
is_outdated(struct db *db, const struct outbox_new *n, bool *outdated)
{
	const struct outbox_sight *seen = n->seen;
	const struct ib_err *err;
	int64_t one;

	*outdated = false;
	if (seen == NULL)
		return NULL;
	err = db_get_int(db, ST_OUTBOX_NEWS_IN, &one, outdated, "iiii", n->thread_id, seen->at, seen->id,
	    (int64_t)FB_LINE_POSTBACK);
	if (err == NULL && !*outdated)
		err = db_get_int(db, ST_OUTBOX_NEWS_OURS, &one, outdated, "iii", n->thread_id, seen->now, n->user_id);
	return err;
}

/* The uploads of n; *all false when one of them is not here, whole and once. */
static const struct ib_err *
find_files(struct db *db, struct arena *a, const struct outbox_new *n, struct upload *u[REPLY_FILES_MAX], bool *all)
{
	const struct ib_err *err;
	size_t i, j;

	*all = true;
	if (n->nfiles > REPLY_FILES_MAX)
		return ib_fail(IB_ELIMIT, IB_RETRY_NEVER, "%zu files", n->nfiles);
	for (i = 0; i < n->nfiles && *all; i++) {
		if ((err = upload_find(db, a, n->thread_id, n->user_id, n->files[i], &u[i])) != NULL)
			return err;
		*all = u[i] != NULL && u[i]->type != 0;
		for (j = 0; j < i && *all; j++)
			*all = u[j]->id != u[i]->id;
	}
	return NULL;
}

/*
 * The rows of n, a message for each part: Messenger takes no two in one
 * (messenger.md 5.3).  What they take the place of goes.
 */
static const struct ib_err *
put_all(struct db *db, struct arena *a, const struct outbox_new *n, const struct thread *t, int64_t *msg_id,
    enum outbox_refusal *refusal)
{
	struct upload *u[REPLY_FILES_MAX];
	struct draft none = { .thread_id = n->thread_id, .at = n->now, .form = "" };
	const struct ib_err *err;
	size_t i;
	bool gone, all;

	if ((err = find_files(db, a, n, u, &all)) != NULL)
		return err;
	if (!all) {
		*refusal = OUTBOX_NO_FILE;
		return NULL;
	}
	for (i = 0; i < n->nparts + n->nfiles; i++)
		if ((err = put_rows(db, a, n, t, i, i < n->nparts ? NULL : u[i - n->nparts], msg_id)) != NULL)
			return err;
	if ((err = draft_put(db, n->user_id, &none)) != NULL)
		return err;
	return n->replaces == 0 ? NULL :
	    dismiss(db, a, n->install_id, n->thread_id, n->replaces, n->now, &gone);
}

const struct ib_err *
outbox_put(struct db *db, struct arena *a, const struct outbox_new *n, int64_t *msg_id, enum outbox_refusal *refusal)
{
	const struct ib_err *err;
	struct thread *t;
	bool found, outdated;

	*refusal = OUTBOX_OK;
	if ((err = db_begin(db)) != NULL)
		return err;
	if ((err = thread_get(db, a, n->install_id, n->thread_id, n->user_id, &t)) != NULL)
		goto done;
	if (t == NULL) {
		err = ib_fail(IB_ENOENT, IB_RETRY_NEVER, "no such thread");
		goto done;
	}
	if ((err = db_get_int(db, ST_OUTBOX_KEY, msg_id, &found, "it", n->thread_id, n->key)) != NULL ||
	    (err = is_outdated(db, n, &outdated)) != NULL)
		goto done;
	if (found)
		*refusal = OUTBOX_DUPLICATE;
	else if (outdated)
		*refusal = OUTBOX_OUTDATED;
	else if ((err = put_all(db, a, n, t, msg_id, refusal)) == NULL)
		err = db_commit(db);
done:
	db_rollback(db);
	return err;
}

const struct ib_err *
outbox_known(struct db *db, int64_t thread_id, const char *key, bool *known)
{
	int64_t id;

	return db_get_int(db, ST_OUTBOX_KEY, &id, known, "it", thread_id, key);
}

/* One part goes off the page; its text is added to *text. */
static const struct ib_err *
undo_part(struct db *db, struct arena *a, int64_t id, int64_t now, const char **text)
{
	struct outbox_end end = { .state = OUT_CANCELLED };
	const struct ib_err *err;
	struct outbox *o;

	if ((err = outbox_get(db, a, id, &o)) != NULL || o == NULL)
		return err;
	if (o->file != NULL && (err = attachment_drop(db, o->thread_id, o->msg_id)) != NULL)
		return err;
	if (*text == NULL || o->file != NULL)
		*text = *text == NULL ? o->text : *text;
	else if ((*text = arena_printf(a, "%s\n%s", *text, o->text)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "undo");
	if ((err = outbox_settle(db, o, &end, now)) != NULL)
		return err;
	return db_run(db, ST_MESSAGE_UNDO, "iii", o->thread_id, o->msg_at, o->msg_id);
}

/* The key of the form that this reply came with, *done: it is back already; *key NULL: it cannot be taken back. */
static const struct ib_err *
undo_find(struct db *db, struct arena *a, const struct outbox_back *b, char **key, bool *done)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*key = NULL;
	*done = false;
	if ((err = db_query(db, ST_OUTBOX_UNDO_FIND, &st, "iiii", b->thread_id, b->msg_id, b->install_id, b->user_id)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row && (*key = db_col_dup(st, 0, a)) != NULL) {
		(*key)[strcspn(*key, ".")] = '\0';
		*done = db_col_int(st, 1) != 0;
	}
	return db_done(st, a, err);
}

/* Inside the caller's transaction. */
static const struct ib_err *
undo(struct db *db, struct arena *a, const struct outbox_back *b, const char *key)
{
	struct draft d = { .thread_id = b->thread_id, .at = b->now, .form = b->form };
	const struct ib_err *err;
	int64_t id;
	size_t i;
	bool found;

	for (i = 0; i < REPLY_PARTS_MOST + REPLY_FILES_MAX; i++)
		if ((err = db_get_int(db, ST_OUTBOX_UNDO_PART, &id, &found, "it", b->thread_id, part_key(a, key, i))) != NULL ||
		    (found && (err = undo_part(db, a, id, b->now, &d.text)) != NULL))
			return err;
	if (str_blank(d.text))
		d.text = b->more;
	else if (!str_blank(b->more) && (d.text = arena_printf(a, "%s\n%s", d.text, b->more)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "undo");
	if ((err = draft_put(db, b->user_id, &d)) != NULL ||
	    (err = audit_put(db, b->install_id, b->user_id, b->now, "reply_undone",
	    arena_printf(a, "%lld", (long long)b->thread_id))) != NULL)
		return err;
	return message_relead(db, a, b->thread_id);
}

const struct ib_err *
outbox_undo(struct db *db, struct arena *a, const struct outbox_back *b, enum outbox_undone *fate)
{
	const struct ib_err *err;
	char *key;
	bool done;

	*fate = UNDO_LATE;
	if ((err = db_begin(db)) != NULL)
		return err;
	if ((err = undo_find(db, a, b, &key, &done)) == NULL && key != NULL) {
		*fate = done ? UNDO_AGAIN : UNDO_DONE;
		if (!done && (err = undo(db, a, b, key)) == NULL)
			err = db_commit(db);
	}
	db_rollback(db);
	return err;
}

const struct ib_err *
outbox_agent(struct db *db, int64_t thread_id, int64_t msg_id, bool *agent)
{
	const struct ib_err *err;
	int64_t v = 0;
	bool found;

	err = db_get_int(db, ST_OUTBOX_AGENT, &v, &found, "ii", thread_id, msg_id);
	*agent = err == NULL && found && v != 0;
	return err;
}

const char *
outbox_barred(const struct outbox *o, int64_t now, bool human_agent, bool *tag)
{
	int64_t until;
	enum window win = window_state(o->customer_at, o->ad_at, now, human_agent, &until);

	*tag = win == WINDOW_AGENT && o->agent;
	if (win == WINDOW_AGENT && !o->agent)
		return "error.fb.personal";
	return win == WINDOW_CLOSED ? "error.fb.window" : NULL;
}

const struct ib_err *
outbox_failed(struct db *db, struct arena *a, int64_t install_id, int64_t thread_id,
    int64_t msg_id, struct message **out)
{
	const struct ib_err *err;
	int64_t id, at;

	*out = NULL;
	if ((err = find_failed(db, install_id, thread_id, msg_id, &id, &at)) != NULL || id == 0)
		return err;
	return message_get(db, a, thread_id, at, msg_id, out);
}

const struct ib_err *
outbox_retry(struct db *db, int64_t install_id, int64_t thread_id, int64_t msg_id,
    int64_t now, bool *ok)
{
	const struct ib_err *err;
	int64_t id, at;

	*ok = false;
	if ((err = db_begin(db)) != NULL)
		return err;
	if ((err = find_failed(db, install_id, thread_id, msg_id, &id, &at)) != NULL)
		goto done;
	*ok = id != 0;
	if (*ok && (err = db_run(db, ST_OUTBOX_REQUEUE, "ii", id, now)) == NULL &&
	    (err = message_set_state(db, thread_id, at, msg_id, MSG_QUEUED, NULL)) == NULL &&
	    (err = thread_add_failed(db, thread_id, -1)) == NULL)
		err = install_touch(db, install_id);
done:
	if (err == NULL)
		err = db_commit(db);
	db_rollback(db);
	return err;
}

/* One UPDATE ... RETURNING id in a transaction of its own, then the row. */
static const struct ib_err *
claim(struct db *db, struct arena *a, enum stmt_id how, int64_t now, int64_t until,
    struct outbox **out)
{
	const struct ib_err *err;
	int64_t id;
	bool found = false;

	*out = NULL;
	if ((err = db_begin(db)) != NULL)
		return err;
	if (how == ST_OUTBOX_LEASE)
		err = db_get_int(db, how, &id, &found, "iii", now, until, until - OUTBOX_LEASE_MS + OUTBOX_FILE_MS);
	else
		err = db_get_int(db, how, &id, &found, "i", now);
	if (err == NULL && found)
		err = outbox_get(db, a, id, out);
	if (err == NULL && *out != NULL && how == ST_OUTBOX_LEASE) {
		err = message_set_state(db, (*out)->thread_id, (*out)->msg_at, (*out)->msg_id,
		    MSG_SENDING, NULL);
		if (err == NULL)
			err = install_touch(db, (*out)->install_id);
	}
	if (err == NULL && *out != NULL)
		err = db_commit(db);
	db_rollback(db);
	if (err != NULL)
		*out = NULL;
	return err;
}

const struct ib_err *
outbox_lease(struct db *db, struct arena *a, int64_t now, struct outbox **out)
{
	const struct ib_err *err;
	int64_t due;
	bool found;

	/* Most calls find nothing: ask without the writers' lock first. */
	*out = NULL;
	if ((err = db_get_int(db, ST_OUTBOX_PENDING, &due, &found, "i", now)) != NULL || due == 0)
		return err;
	return claim(db, a, ST_OUTBOX_LEASE, now, now + OUTBOX_LEASE_MS, out);
}

const struct ib_err *
outbox_check_next(struct db *db, struct arena *a, int64_t now, struct outbox **out)
{
	const struct ib_err *err;
	int64_t due;
	bool found;

	*out = NULL;
	if ((err = db_get_int(db, ST_OUTBOX_PENDING, &due, &found, "i", now)) != NULL || due == 0)
		return err;
	return claim(db, a, ST_OUTBOX_CHECK_NEXT, now, 0, out);
}

const struct ib_err *
outbox_looked(struct db *db, const struct outbox *o, bool counts, const char *cursor, int64_t next_at)
{
	return db_run(db, ST_OUTBOX_LOOKED, "iiit", o->id, next_at, (int64_t)counts, cursor);
}

const struct ib_err *
outbox_expire(struct db *db, int64_t now, int64_t *n)
{
	struct outbox_end end = { OUT_CHECKING, now + 60000, "", 0, 0 };
	const struct ib_err *err;
	struct arena a;
	struct outbox *o;
	int64_t id;
	bool found;

	*n = 0;
	if ((err = db_get_int(db, ST_OUTBOX_EXPIRED, &id, &found, "i", now)) != NULL || !found)
		return err;
	arena_init(&a, 1 << 20);
	if ((err = db_begin(db)) != NULL)
		goto done;
	while ((err = db_get_int(db, ST_OUTBOX_EXPIRED, &id, &found, "i", now)) == NULL && found) {
		if ((err = outbox_get(db, &a, id, &o)) != NULL || o == NULL ||
		    (err = outbox_settle(db, o, &end, now)) != NULL)
			break;
		++*n;
		arena_reset(&a);
	}
	if (err == NULL)
		err = db_commit(db);
	db_rollback(db);
done:
	arena_fini(&a);
	return err;
}

const struct ib_err *
outbox_by_token(struct db *db, struct arena *a, int64_t page_id, const char *token, struct outbox **out)
{
	const struct ib_err *err;
	int64_t id;
	bool found;

	*out = NULL;
	if (token == NULL || strncmp(token, OUTBOX_PREFIX, strlen(OUTBOX_PREFIX)) != 0)
		return NULL;
	err = db_get_int(db, ST_OUTBOX_BY_TOKEN, &id, &found, "ti", token, page_id);
	if (err != NULL || !found)
		return err;
	return outbox_get(db, a, id, out);
}

static bool
same_text(struct arena *a, const char *x, const char *y)
{
	const char *p = x == NULL ? "" : str_line(a, x, strlen(x), 4000);
	const char *q = y == NULL ? "" : str_line(a, y, strlen(y), 4000);

	return p != NULL && q != NULL && strcmp(p, q) == 0;
}

bool
outbox_same(struct arena *a, const struct outbox *o, const struct fb_event *e)
{
	const struct fb_attachment *t = e->att;
	bool named;

	if (o->file == NULL)
		return !str_blank(e->text) && same_text(a, o->text, e->text);
	if (!str_blank(e->text) || e->natt != 1)
		return false;
	/* Pictures get other names there; what we call a file may be called a video. */
	named = o->file_name != NULL && t->name != NULL && str_eq(file_name_ascii(a, o->file_name), t->name);
	return named || (o->file_type == t->type && (t->type != FB_ATT_FILE || t->name == NULL));
}

const struct ib_err *
outbox_like(struct db *db, struct arena *a, int64_t thread_id, const struct fb_event *e, struct outbox **out)
{
	enum { MOST = 8 };
	const struct ib_err *err;
	struct db_stmt *st;
	int64_t ids[MOST];
	size_t n = 0, i;
	bool row;

	/* The Conversations API tells whole seconds. */
	*out = NULL;
	if ((err = db_query(db, ST_OUTBOX_UNDER_WAY, &st, "ii", thread_id, e->at + 999)) != NULL)
		return err;
	while (n < MOST && (err = db_step(st, &row)) == NULL && row)
		ids[n++] = db_col_int(st, 0);
	db_release(st);
	for (i = 0; err == NULL && i < n; i++) {
		if ((err = outbox_get(db, a, ids[i], out)) != NULL ||
		    (*out != NULL && outbox_same(a, *out, e)))
			return err;
		*out = NULL;
	}
	return err;
}

const struct ib_err *
outbox_settle(struct db *db, const struct outbox *o, const struct outbox_end *end, int64_t now)
{
	const struct ib_err *err;
	int64_t n;

	err = db_run_n(db, ST_OUTBOX_SETTLE, &n, "ititiii", o->id, state_names[end->state],
	    end->next_at, end->why != NULL ? end->why : "", (int64_t)end->code,
	    (int64_t)end->subcode, now);
	if (err != NULL || n == 0)
		return err;		/* an echo was first: it stays sent */
	err = message_set_state(db, o->thread_id, o->msg_at, o->msg_id, shown_as[end->state],
	    end->why != NULL && *end->why != '\0' ? end->why : NULL);
	/* A settled failure marks the row of the list; a late echo takes the mark away. */
	if (err == NULL && end->state == OUT_FAILED && o->state != OUT_FAILED)
		err = thread_add_failed(db, o->thread_id, 1);
	else if (err == NULL && end->state != OUT_FAILED && o->state == OUT_FAILED)
		err = thread_add_failed(db, o->thread_id, -1);
	if (err == NULL)
		err = install_touch(db, o->install_id);
	return err;
}

const struct ib_err *
outbox_end_one(struct db *db, struct arena *a, int64_t id, const struct outbox_end *end, int64_t now)
{
	const struct ib_err *err;
	struct outbox *o;

	if ((err = outbox_get(db, a, id, &o)) != NULL)
		return err;
	return o == NULL ? ib_fail(IB_EDB, IB_RETRY_NEVER, "reply %lld has no message", (long long)id) :
	    outbox_settle(db, o, end, now);
}

const struct ib_err *
outbox_hold(struct db *db, struct arena *a, int64_t page_id, int64_t before, const char *why, int64_t now)
{
	struct outbox_end end = { OUT_FAILED, 0, why, 0, 0 };
	const struct ib_err *err;
	struct outbox *o;
	int64_t id;
	bool found;

	while ((err = db_get_int(db, ST_OUTBOX_WAITED, &id, &found, "ii", page_id, before)) == NULL && found)
		if ((err = outbox_get(db, a, id, &o)) != NULL || o == NULL ||
		    (err = outbox_settle(db, o, &end, now)) != NULL)
			break;
	return err;
}

const struct ib_err *
outbox_freed(struct db *db, struct arena *a, int64_t page_id, const char *why, int64_t now)
{
	struct outbox_end end = { OUT_FAILED, 0, why, 0, 0 };
	const struct ib_err *err = NULL;
	const struct code_row *row;
	struct outbox *o;
	size_t i, n;
	int64_t id;
	bool found;

	row = code_rows(&n);
	for (i = 0; err == NULL && i < n; i++) {
		if (row[i].help != HELP_RECONNECT || code_by_key(row[i].key) != &row[i])
			continue;	/* a sentence once */
		while ((err = db_get_int(db, ST_OUTBOX_FAILED_OF, &id, &found, "it", page_id,
		    row[i].key)) == NULL && found)
			if ((err = outbox_get(db, a, id, &o)) != NULL || o == NULL ||
			    (err = outbox_settle(db, o, &end, now)) != NULL)
				break;
	}
	return err;
}

const struct ib_err *
outbox_next(struct db *db, int64_t thread_id, int64_t msg_id, int64_t *at, int64_t *hold)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*at = *hold = 0;
	if ((err = db_query(db, ST_OUTBOX_NEXT, &st, "ii", thread_id, msg_id)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row) {
		*at = db_col_int(st, 0);
		*hold = db_col_int(st, 1);
	}
	db_release(st);
	return err;
}

const struct ib_err *
outbox_held(struct db *db, int64_t now, int64_t *until)
{
	bool found;

	*until = 0;
	return db_get_int(db, ST_OUTBOX_HELD, until, &found, "i", now);
}

const struct ib_err *
outbox_overdue(struct db *db, struct arena *a, bool human_agent, int64_t now, int64_t *n)
{
	struct outbox_end end = { OUT_FAILED, 0, NULL, 0, 0 };
	int64_t day = now - WINDOW_MS, week = now - WINDOW_LONG_MS, id;
	const struct ib_err *err;
	struct outbox *o;
	bool found, tag;

	*n = 0;
	if ((err = db_get_int(db, ST_OUTBOX_OVERDUE, &id, &found, "iii", day, week, (int64_t)human_agent)) != NULL ||
	    !found || (err = db_begin(db)) != NULL)
		return err;
	while ((err = db_get_int(db, ST_OUTBOX_OVERDUE, &id, &found, "iii", day, week,
	    (int64_t)human_agent)) == NULL && found) {
		if ((err = outbox_get(db, a, id, &o)) != NULL || o == NULL ||
		    (end.why = outbox_barred(o, now, human_agent, &tag)) == NULL ||
		    (err = outbox_settle(db, o, &end, now)) != NULL)
			break;
		++*n;
	}
	if (err == NULL)
		err = db_commit(db);
	db_rollback(db);
	return err;
}

const struct ib_err *
outbox_moved(struct db *db, int64_t id, int64_t msg_at)
{
	return db_run(db, ST_OUTBOX_MOVED, "ii", id, msg_at);
}
