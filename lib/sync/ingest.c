/* SPDX-License-Identifier: MIT */
/*
 * ingest.c - events to rows.
 *
 * The order in which events arrive must not matter: every fact that may come
 * late or twice is a maximum (watermarks, times), a set (messages by mkey,
 * events by digest), or the latest by Meta's clock (names, reactions, who
 * holds the thread).  Replaying any mixture of repeats ends in the same rows.
 *
 * Each event has a savepoint of its own; one that the database refuses goes
 * to quarantine and its neighbours stay.
 */
#include "sync.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/rate.h"
#include "../base/str.h"
#include "../store/install.h"
#include "../store/leaving.h"
#include "../store/message.h"
#include "../store/note.h"
#include "../store/outbox.h"
#include "../store/page.h"
#include "../store/search.h"
#include "../store/thread.h"

#include <string.h>

#define PROBE_DIGITS		16
#define PROFILE_REFRESH_MS	(7 * MS_DAY)

/* What one event is worked on with. */
struct work {
	struct sync	*s;
	struct db	*db;
	struct arena	*a;
	const struct fb_event *e;
	int64_t		 now;
	struct page	*page;
	struct thread_row thread;
	struct mkey	 mkey;
	bool		 changed;	/* people see something new */
	bool		 fetch;		/* a name or file should be fetched soon */
};

/* Facts that may have come before their message ------------------------------- */

static const struct ib_err *
apply_facts(struct work *w, struct message *m)
{
	const struct ib_err *err;
	struct fact *f;
	const char *original = m->text;
	size_t i, n;
	bool kept;

	if ((err = facts_of(w->db, w->a, &m->mkey, &f, &n)) != NULL)
		return err;
	for (i = 0; i < n; i++) {
		switch (f[i].kind) {
		case FACT_EDIT:
			if (f[i].num > m->edits) {
				m->edits = f[i].num;
				m->text = f[i].value;
			}
			break;
		case FACT_REACT_IN:
			m->react_in = f[i].value;
			break;
		case FACT_REACT_OUT:
			m->react_out = f[i].value;
			break;
		case FACT_DELETE:
			m->flags |= MSG_DELETED;
			break;
		}
	}
	if ((m->flags & MSG_DELETED) != 0) {
		m->text = NULL;
		m->natt = 0;
		m->edits = 0;
		return NULL;
	}
	/* The first text is kept as edit number 0, for the "edited" note. */
	if (m->edits > 0 && (n == 0 || f[0].kind != FACT_EDIT || f[0].num != 0))
		err = fact_put(w->db, &m->mkey, FACT_EDIT, 0, m->at, w->page->id, original, &kept);
	return err;
}

/* The row of the list ------------------------------------------------------------ */

static bool
is_real(const struct message *m)
{
	return m->line == FB_LINE_NONE || m->line == FB_LINE_POSTBACK;
}

static void
max_to(int64_t *v, int64_t with)
{
	if (with > *v)
		*v = with;
}

/*
 * Who holds the thread.  Three maxima, so that the order of arrival does not
 * matter; the conclusion is drawn from them.  The latest word about control
 * counts, unless something came later: to us, then nobody keeps us from
 * writing; to standby, then another app holds it, by name if known.
 */
static void
note_owner(struct work *w)
{
	const struct fb_event *e = w->e;
	struct thread_row *t = &w->thread;
	const char *app = e->owner_app;

	if (e->history || !e->has_at)
		return;
	if (e->kind == FB_CONTROL) {
		if (app != NULL && strcmp(app, conf_str(w->s->conf, CONF_FB_APP_ID)) == 0)
			app = NULL;
		if (e->at > t->control_at || (e->at == t->control_at && app != NULL &&
		    (t->control_app == NULL || strcmp(app, t->control_app) > 0))) {
			t->control_at = e->at;
			t->control_app = app;
		}
	} else {
		max_to(e->standby ? &t->standby_at : &t->direct_at, e->at);
	}
	if (t->direct_at > t->standby_at && t->direct_at > t->control_at)
		t->owner_app = NULL;
	else if (t->standby_at > t->control_at)
		t->owner_app = t->control_app != NULL ? t->control_app : "";
	else
		t->owner_app = t->control_app;
}

/* Messages -------------------------------------------------------------------------- */

static enum msg_origin
origin_of(const struct work *w)
{
	/* Business Suite and the Page Inbox (messenger.md 4.7; documents disagree). */
	static const char *const inbox_apps[] = { "26390203743090", "263902037430900" };
	const struct fb_event *e = w->e;
	size_t i;

	if (!e->out)
		return ORIGIN_CUSTOMER;
	if (e->app_id == NULL)
		return ORIGIN_PAGE;
	if (strcmp(e->app_id, conf_str(w->s->conf, CONF_FB_APP_ID)) == 0)
		return ORIGIN_OURS;
	for (i = 0; i < sizeof(inbox_apps) / sizeof(inbox_apps[0]); i++)
		if (strcmp(e->app_id, inbox_apps[i]) == 0)
			return ORIGIN_PAGE;
	return ORIGIN_APP;
}

static bool
is_media(enum fb_att t)
{
	return t == FB_ATT_IMAGE || t == FB_ATT_VIDEO || t == FB_ATT_AUDIO ||
	    t == FB_ATT_FILE || t == FB_ATT_STICKER;
}

static const struct ib_err *
add_attachments(struct work *w, const struct message *m)
{
	const struct ib_err *err = NULL;
	const struct fb_event *e = w->e;
	struct attachment t;
	size_t i;

	for (i = 0; err == NULL && i < (size_t)m->natt; i++) {
		const struct fb_attachment *f = &e->att[i];

		t = (struct attachment){ .thread_id = m->thread_id, .msg_id = m->id,
			.n = (int64_t)i, .type = f->type, .width = f->width, .height = f->height,
			.size = f->size, .url = f->url, .title = f->title, .name = f->name,
			.mime = f->mime };
		/* Due at once; history waits behind news. */
		if (is_media(f->type) && f->url != NULL) {
			t.fetch_at = e->history ? 2 : 1;
			w->fetch = true;
		}
		err = attachment_add(w->db, &t);
	}
	return err;
}

/*
 * Which reply of ours is this a copy of?  An echo names it by our id.  What
 * the Conversations API tells carries no id: there a reply under way with the
 * same words or file is meant (messenger.md 5.8), unless the message is known.
 */
static const struct ib_err *
reply_of(struct work *w, struct outbox **out)
{
	const struct ib_err *err;
	const struct fb_event *e = w->e;
	struct message *known;

	*out = NULL;
	if (e->metadata != NULL && origin_of(w) == ORIGIN_OURS)
		return outbox_by_token(w->db, w->a, w->page->id, e->metadata, out);
	if (!e->history || !e->out || (str_blank(e->text) && e->natt != 1))
		return NULL;
	if ((err = message_by_mkey(w->db, w->a, &w->mkey, &known)) != NULL || known != NULL)
		return err;
	return outbox_like(w->db, w->a, w->thread.id, e, out);
}

/*
 * A copy of a reply of ours: give the row Facebook's identity and clock.
 * *mine false when it is none.
 */
static const struct ib_err *
match_reply(struct work *w, bool *mine)
{
	struct outbox_end end = { .state = OUT_SENT };
	const struct ib_err *err;
	const struct fb_event *e = w->e;
	struct message *other, *m;
	struct outbox *o;

	*mine = false;
	if ((err = reply_of(w, &o)) != NULL || o == NULL)
		return err;
	*mine = true;
	if ((err = message_by_mkey(w->db, w->a, &w->mkey, &other)) != NULL)
		return err;
	if (other != NULL && other->thread_id == o->thread_id && other->id == o->msg_id) {
		/* The answer was first and told the mid; the clock comes now. */
		if ((other->flags & MSG_EXACT) != 0)
			return outbox_settle(w->db, o, &end, w->now);
	} else if (other != NULL) {
		/* A copy came without our id (from history): ours is the real row. */
		if ((err = message_delete(w->db, other->thread_id, other->at, other->id)) != NULL)
			return err;
	}
	if ((err = message_get(w->db, w->a, o->thread_id, o->msg_at, o->msg_id, &m)) != NULL)
		return err;
	if (m == NULL)
		return ib_fail(IB_EDB, IB_RETRY_NEVER, "outbox row without its message");
	if ((err = message_identify(w->db, o->thread_id, o->msg_at, o->msg_id, e->mid, &w->mkey,
	    e->at, e->exact)) != NULL ||
	    (err = outbox_moved(w->db, o->id, e->at)) != NULL)
		return err;
	o->msg_at = e->at;
	w->changed = true;
	/* By its new time another one may be the newest; a copy may have been. */
	if ((err = message_lead(w->db, w->a, &w->thread)) != NULL)
		return err;
	return outbox_settle(w->db, o, &end, w->now);
}

/* The mid is here already, from another source: keep the more precise of both. */
static const struct ib_err *
merge_message(struct work *w)
{
	const struct ib_err *err;
	const struct fb_event *e = w->e;
	struct message *m;

	if ((err = message_by_mkey(w->db, w->a, &w->mkey, &m)) != NULL || m == NULL)
		return err;
	if (m->thread_id != w->thread.id || !e->exact || (m->flags & MSG_EXACT) != 0)
		return NULL;
	if ((err = message_move(w->db, m->thread_id, m->at, m->id, e->at)) != NULL)
		return err;
	w->changed = true;
	if ((err = thread_count_ad(w->db, &w->thread)) != NULL)
		return err;
	return message_lead(w->db, w->a, &w->thread);
}

static void
fill_message(struct work *w, struct message *m)
{
	const struct fb_event *e = w->e;

	*m = (struct message){ .thread_id = w->thread.id, .at = e->at, .id = mkey_id(&w->mkey),
		.has_mkey = true, .mkey = w->mkey, .mid = e->mid, .text = e->text,
		.detail = e->detail, .dir = e->out, .natt = (int)e->natt,
		.origin = origin_of(w), .line = e->line };
	if (e->natt > FB_ATT_PER_MESSAGE)
		m->natt = FB_ATT_PER_MESSAGE;
	if (e->exact)
		m->flags |= MSG_EXACT;
	if (e->unsupported)
		m->flags |= MSG_UNSUPPORTED;
	if (e->ad)
		m->flags |= MSG_AD;
	if (e->out)
		m->state = MSG_SENT;
	if (e->reply_to != NULL) {
		const char *key = strncmp(e->reply_to, "m_", 2) == 0 ? e->reply_to + 2 : e->reply_to;

		mkey_make(w->page->fb_id, key, &m->reply_to);
		m->has_reply = true;
	}
}

/*
 * A message of the customer's that is new to us.  What was there before the
 * Page was connected is not news to anybody; news not older than what was known
 * when somebody closed the conversation opens it again (both times are Meta's).
 */
static const struct ib_err *
note_customer(struct work *w, const struct message *m)
{
	const struct fb_event *e = w->e;
	struct thread_row *t = &w->thread;
	bool news = !e->history || m->at > w->page->connected_at;
	const struct ib_err *err = NULL;

	if (m->dir != 0 || !is_real(m))
		return NULL;
	max_to(&t->customer_at, m->at);
	if (news) {
		t->in_n++;
		if (t->state != THREAD_OPEN && m->at >= t->last_in_at) {
			err = thread_reopen(w->db, t->id, m->at);
			t->state = THREAD_OPEN;
		}
		max_to(&t->last_in_at, m->at);
	}
	if (!e->history && t->profile_at == 0 && w->now - t->profile_got > PROFILE_REFRESH_MS) {
		t->profile_at = w->now;
		w->fetch = true;
	}
	return err;
}

static const struct ib_err *
store_message(struct work *w)
{
	const struct ib_err *err;
	const struct fb_event *e = w->e;
	struct message m;
	bool mine, added;
	size_t i;

	if ((err = match_reply(w, &mine)) != NULL || mine)
		return err;
	fill_message(w, &m);
	for (i = 0; i < e->nreactions; i++) {
		if (e->reactions[i].by_page)
			m.react_out = e->reactions[i].emoji;
		else
			m.react_in = e->reactions[i].emoji;
	}
	if ((err = apply_facts(w, &m)) != NULL ||
	    (err = message_add(w->db, &m, &added)) != NULL)
		return err;
	if (!added)
		return merge_message(w);
	w->changed = true;
	if ((err = add_attachments(w, &m)) != NULL || (err = note_customer(w, &m)) != NULL)
		return err;
	if (e->ad)
		max_to(&w->thread.ad_click, m.at);
	if (m.dir == 0 && (err = thread_count_ad(w->db, &w->thread)) != NULL)
		return err;
	if (e->referral != NULL &&
	    (err = thread_set_source(w->db, w->thread.id, e->referral, e->at)) != NULL)
		return err;
	if (!is_real(&m))
		return NULL;
	return message_show(w->a, &m, e->natt > 0 ? e->att[0].type : FB_ATT_OTHER, &w->thread);
}

/* Unsent, now or before: its earlier texts go too. */
static const struct ib_err *
forget_if_unsent(struct work *w)
{
	const struct ib_err *err;
	struct fact *f;
	size_t i, n;

	if ((err = facts_of(w->db, w->a, &w->mkey, &f, &n)) != NULL)
		return err;
	for (i = 0; i < n; i++)
		if (f[i].kind == FACT_DELETE)
			return facts_forget_edits(w->db, &w->mkey);
	return NULL;
}

/* Changes to a mid -------------------------------------------------------------------- */

static const struct ib_err *
store_fact(struct work *w)
{
	const struct ib_err *err;
	const struct fb_event *e = w->e;
	struct message *m;
	enum fact_kind kind = e->kind == FB_EDIT ? FACT_EDIT : e->kind == FB_DELETE ? FACT_DELETE :
	    e->out ? FACT_REACT_OUT : FACT_REACT_IN;
	const char *value = e->kind == FB_EDIT ? e->text : e->kind == FB_REACTION ? e->emoji : NULL;
	bool changed, kept;

	if ((err = fact_put(w->db, &w->mkey, kind, e->kind == FB_EDIT ? e->edit_num : 0, e->at,
	    w->page->id, value, &changed)) != NULL || !changed)
		return err;
	if ((kind == FACT_EDIT || kind == FACT_DELETE) && (err = forget_if_unsent(w)) != NULL)
		return err;
	if ((err = message_by_mkey(w->db, w->a, &w->mkey, &m)) != NULL || m == NULL)
		return err;		/* not here yet: the fact waits */
	switch (kind) {
	case FACT_EDIT:
		if (e->edit_num < m->edits || (m->flags & MSG_DELETED) != 0)
			return NULL;
		if (m->edits == 0 && (err = fact_put(w->db, &w->mkey, FACT_EDIT, 0, m->at,
		    w->page->id, m->text, &kept)) != NULL)
			return err;
		m->edits = e->edit_num;
		m->text = e->text;
		break;
	case FACT_REACT_IN:
		m->react_in = value;
		break;
	case FACT_REACT_OUT:
		m->react_out = value;
		break;
	case FACT_DELETE:
		m->flags |= MSG_DELETED;
		m->text = NULL;
		m->natt = 0;
		m->edits = 0;
		if ((err = attachment_drop(w->db, m->thread_id, m->id)) != NULL)
			return err;
		break;
	}
	w->changed = true;
	if ((err = message_save_content(w->db, m)) != NULL ||
	    (kind == FACT_EDIT && (err = search_touch(w->db, m->thread_id, m->at)) != NULL))
		return err;
	if (w->thread.id == m->thread_id && is_real(m) &&
	    w->thread.last_at == m->at && w->thread.last_id == m->id &&
	    kind != FACT_REACT_IN && kind != FACT_REACT_OUT)
		return message_show(w->a, m, w->thread.snippet_kind > 0 ?
		    (enum fb_att)w->thread.snippet_kind : FB_ATT_OTHER, &w->thread);
	return NULL;
}

/* Dispatch ------------------------------------------------------------------------------ */

static bool
needs_thread(enum fb_kind k)
{
	return k == FB_MESSAGE || k == FB_LINE || k == FB_EDIT || k == FB_REACTION ||
	    k == FB_DELETE || k == FB_DELIVERY || k == FB_READ || k == FB_CONTROL;
}

static const struct ib_err *
store_kind(struct work *w)
{
	const struct fb_event *e = w->e;
	struct thread_row *t = &w->thread;

	switch (e->kind) {
	case FB_MESSAGE:
	case FB_LINE:
		return store_message(w);
	case FB_REACTION:
		/* Also a taken-back one is an act of the customer's. */
		if (!e->out)
			max_to(&t->customer_at, e->at);
		return store_fact(w);
	case FB_EDIT:
	case FB_DELETE:
		return store_fact(w);
	case FB_DELIVERY:
		w->changed = e->watermark > t->delivered_at;
		max_to(&t->delivered_at, e->watermark);
		return NULL;
	case FB_READ:
		w->changed = e->watermark > t->seen_at;
		max_to(&t->seen_at, e->watermark);
		max_to(&t->delivered_at, e->watermark);
		return NULL;
	case FB_CONTROL:
		w->changed = true;
		return NULL;		/* note_owner has done it */
	case FB_POLICY:
		w->changed = true;
		return db_run(w->db, ST_PAGE_POLICY, "iti", w->page->id,
		    strcmp(e->policy, "unblock") == 0 ? "" : e->policy, e->at);
	case FB_PAGE_NAME:
		w->changed = true;
		return db_run(w->db, ST_PAGE_NAME, "iti", w->page->id, e->text, e->at);
	default:
		return NULL;
	}
}

static const struct ib_err *
quarantine(struct work *w, const struct ib_buf *raw, const uint8_t digest[16], const char *why)
{
	log_event(LOG_WARN_, "quarantine", "page", w->e->page, "why", why, NULL);
	return db_run(w->db, ST_QUARANTINE_ADD, "biittb", digest, (size_t)16, w->now,
	    w->page != NULL ? w->page->id : INT64_C(0), why, PACKAGE_VERSION,
	    (const void *)raw->p, raw->len);
}

/*
 * The event as it came, once: *fresh false for a repeat.  The digest covers
 * the canonical form, the array it came in and the Page.
 */
static const struct ib_err *
keep_raw(struct work *w, struct ib_buf *raw, uint8_t digest[32], bool *fresh)
{
	const struct ib_err *err;
	const struct fb_event *e = w->e;
	int64_t n = 0;

	buf_clear(raw);
	buf_puts(raw, e->standby ? "standby " : "messaging ");
	buf_puts(raw, e->page != NULL ? e->page : "-");
	buf_putc(raw, ' ');
	if ((err = json_dump(e->raw, true, raw)) != NULL || (err = buf_check(raw)) != NULL)
		return err;
	crypt_sha256(raw->p, raw->len, digest);
	err = db_run_n(w->db, ST_EVENT_ADD, &n, "ibiit", e->at, (const void *)digest, (size_t)16,
	    w->page != NULL ? w->page->id : INT64_C(0), (int64_t)e->kind, buf_cstr(raw));
	*fresh = n > 0;
	return err;
}

/* An edit may come without its sides: the message tells whose it is.  *psid NULL: not here yet. */
static const struct ib_err *
psid_of_message(struct work *w, const char **psid)
{
	const struct ib_err *err;
	struct message *m;
	struct thread *t;

	*psid = NULL;
	if ((err = message_by_mkey(w->db, w->a, &w->mkey, &m)) != NULL || m == NULL ||
	    (err = thread_get(w->db, w->a, w->page->install_id, m->thread_id, 0, &t)) != NULL || t == NULL)
		return err;
	*psid = t->psid;
	return NULL;
}

static const struct ib_err *
ingest(struct work *w)
{
	const struct ib_err *err;
	const struct fb_event *e = w->e;
	const char *psid = e->psid;
	struct thread_row before;
	int64_t floor;

	if (e->key != NULL)
		mkey_make(w->page->fb_id, e->key, &w->mkey);
	if (e->kind == FB_EDIT && psid == NULL && (err = psid_of_message(w, &psid)) != NULL)
		return err;
	if (!needs_thread(e->kind) || psid == NULL) {
		/* Without a customer only facts about a mid make sense. */
		if (needs_thread(e->kind) && e->kind != FB_EDIT && e->kind != FB_DELETE &&
		    e->kind != FB_REACTION)
			return NULL;
		return store_kind(w);
	}
	if (e->history) {
		if ((err = leaving_history_floor(w->db, w->page->id, w->page->fb_id, psid, w->now, &floor)) != NULL ||
		    e->at <= floor)
			return err;
	}
	if ((err = thread_find(w->db, w->a, w->page->install_id, w->page->id, psid, w->now,
	    &w->thread)) != NULL)
		return err;
	if (w->thread.created)
		w->fetch = true;
	before = w->thread;
	if (e->psid != NULL)
		note_owner(w);
	if ((err = store_kind(w)) != NULL)
		return err;
	if (e->customer_name != NULL && !w->thread.has_name &&
	    (err = thread_set_name(w->db, w->thread.id, e->customer_name)) != NULL)
		return err;
	if (memcmp(&before, &w->thread, sizeof(before)) == 0)
		return NULL;
	return thread_save(w->db, &w->thread);
}

const struct ib_err *
ingest_event(struct sync *s, struct arena *a, const struct fb_event *e, int64_t now,
    bool *changed, bool *work)
{
	const struct ib_err *err;
	struct work w = { .s = s, .db = s->db, .a = a, .e = e, .now = now };

	if ((err = page_by_fb(s->db, a, e->page, &w.page)) != NULL || w.page == NULL)
		return err;
	if ((err = ingest(&w)) != NULL)
		return err;
	*changed |= w.changed;
	*work |= w.fetch;
	return NULL;
}

/* One event of a webhook, in a savepoint when it has neighbours. */
static const struct ib_err *
hook_event(struct work *w, struct ib_buf *raw, bool alone, bool *fresh, bool *bad)
{
	const struct ib_err *err, *why;
	uint8_t digest[32];

	*fresh = false;
	if (w->e->page == NULL || w->e->kind == FB_IGNORE || w->e->kind == FB_TEST)
		return NULL;
	if ((err = page_by_fb(w->db, w->a, w->e->page, &w->page)) != NULL)
		return err;
	if (w->page == NULL) {
		log_event(LOG_INFO_, "hook_unknown_page", "page", w->e->page, NULL);
		return NULL;
	}
	if ((err = keep_raw(w, raw, digest, fresh)) != NULL || !*fresh)
		return err;
	if (w->e->kind == FB_UNKNOWN) {
		*bad = true;
		return quarantine(w, raw, digest, "unknown");
	}
	if (!alone && (err = db_save(w->db)) != NULL)
		return err;
	why = ingest(w);
	if (why == NULL)
		return alone ? NULL : db_save_keep(w->db);
	/* Busy, full, broken disk: the whole body shall come again. */
	if (why->retry != IB_RETRY_NEVER || alone)
		return why;
	log_err(why, "ingest");
	db_save_undo(w->db);
	w->changed = false;
	*bad = true;
	return quarantine(w, raw, digest, "refused");
}

/* Once for each company, after its events: thread.in_rev is the revision that they end with. */
static const struct ib_err *
touch_later(struct db *db, int64_t *touched, size_t *n, size_t max, int64_t install_id)
{
	size_t i;

	for (i = 0; i < *n; i++)
		if (touched[i] == install_id)
			return NULL;
	if (*n == max)
		return install_touch(db, install_id);
	touched[(*n)++] = install_id;
	return NULL;
}

static const struct ib_err *
hook_all(struct sync *s, struct arena *a, const struct fb_event *ev, size_t n, int64_t now,
    bool careful, enum hook_fate *fate, bool *work)
{
	const struct ib_err *err;
	int64_t touched[64];
	size_t i, ntouched = 0;
	struct ib_buf raw;
	bool fresh, bad = false, any = false;

	*fate = HOOK_REPEATED;
	buf_init(&raw, 2 << 20);
	if ((err = db_begin(s->db)) != NULL)
		goto done;
	for (i = 0; err == NULL && i < n; i++) {
		struct work w = { .s = s, .db = s->db, .a = a, .e = &ev[i], .now = now };

		err = hook_event(&w, &raw, n == 1 && !careful, &fresh, &bad);
		any |= fresh;
		*work |= w.fetch;
		if (err == NULL && w.changed)
			err = touch_later(s->db, touched, &ntouched, 64, w.page->install_id);
		if (err == NULL && fresh)
			err = db_run(s->db, ST_PAGE_EVENT, "ii", w.page->id, now);
	}
	for (i = 0; err == NULL && i < ntouched; i++)
		err = install_touch(s->db, touched[i]);
	/* A body of repeats wrote nothing: no need to wait for the disk. */
	if (err == NULL && any) {
		err = db_commit(s->db);
		*fate = bad ? HOOK_QUARANTINED : HOOK_STORED;
	}
done:
	db_rollback(s->db);
	buf_fini(&raw);
	return err;
}

/* A signed body that is no JSON at all: kept as it is. */
static const struct ib_err *
keep_unparsed(struct sync *s, const char *body, size_t n, int64_t now)
{
	const struct ib_err *err;
	uint8_t digest[32];

	crypt_sha256(body, n, digest);
	if ((err = db_begin(s->db)) != NULL)
		return err;
	err = db_run(s->db, ST_QUARANTINE_ADD, "biittb", (const void *)digest, (size_t)16, now,
	    INT64_C(0), "not json", PACKAGE_VERSION, (const void *)body, n);
	if (err == NULL)
		err = db_commit(s->db);
	db_rollback(s->db);
	return err;
}

/* Has a Page of these more than limit.hook_company in a minute?  Each counts once. */
static bool
too_often(struct sync *s, const struct fb_event *ev, size_t n, int64_t now)
{
	bool often = false;
	size_t i;
	int wait;

	for (i = 0; i < n; i++)
		if (*ev[i].page != '\0' && (i == 0 || strcmp(ev[i].page, ev[i - 1].page) != 0))
			often |= !rate_ok(s->rate, CONF_LIMIT_HOOK_COMPANY, ev[i].page, now, &wait);
	return often;
}

/* An event of our own: that it arrived is noted. */
static const struct ib_err *
probe(struct sync *s, const struct json *root, int64_t now)
{
	const char *nonce = json_get_str(root, "nonce");
	const struct ib_err *err;

	if (nonce == NULL || strlen(nonce) != PROBE_DIGITS || strspn(nonce, "0123456789abcdef") != PROBE_DIGITS)
		return NULL;
	if ((err = db_begin(s->db)) != NULL)
		return err;
	if ((err = note_put(s->db, NOTE_PROBE, now, nonce)) == NULL)
		err = db_commit(s->db);
	db_rollback(s->db);
	return err;
}

const struct ib_err *
sync_hook(struct sync *s, struct arena *a, const char *body, size_t n, int64_t now,
    enum hook_fate *fate, bool *work)
{
	const struct ib_err *err;
	struct json *root = NULL;
	struct fb_event *ev;
	size_t nev;

	*fate = HOOK_EMPTY;
	*work = false;
	if ((err = json_parse(body, n, JSON_LENIENT_, &root)) != NULL ||
	    (err = fb_events(a, root, now, &ev, &nev)) != NULL) {
		json_free(root);
		if (err->retry != IB_RETRY_NEVER)
			return err;	/* no memory, not a strange body: it shall come again */
		log_err(err, "hook");
		*fate = HOOK_QUARANTINED;
		return keep_unparsed(s, body, n, now);
	}
	if (nev == 0 && str_eq(json_get_str(root, "object"), SYNC_PROBE)) {
		err = probe(s, root, now);
	} else if (too_often(s, ev, nev, now)) {
		*fate = HOOK_OFTEN;
	} else if (nev > 0) {
		err = hook_all(s, a, ev, nev, now, false, fate, work);
		/* A single event that was refused: once more, with a savepoint, into quarantine. */
		if (err != NULL && nev == 1 && err->retry == IB_RETRY_NEVER)
			err = hook_all(s, a, ev, nev, now, true, fate, work);
	}
	json_free(root);
	return err;
}
