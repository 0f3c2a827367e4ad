/* SPDX-License-Identifier: MIT */
/*
 * transcript.c - conversations of linked people as notes in Pipedrive, one for
 * a day (store/transcript.h).
 *
 * The day is that of the installer's zone, the words are in the installer's
 * language; the note is written with the authorisation of whoever linked, else
 * with the installer's.  It is built anew from the rows each time and written
 * only when that differs from what was written.  A call that makes a note is
 * counted in the database before it goes out; without an answer the record's
 * notes are searched for the link back, which names conversation and day,
 * twice and a minute apart, before another call is made.  Writing a note anew
 * may be repeated as it is.
 *
 * Can fail: memory and database.  That Pipedrive says no, or nothing, is a
 * state of the row.
 */
#include "crm.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/str.h"
#include "../store/message.h"
#include "../store/transcript.h"
#include "../tmpl/tmpl.h"

#include <stdio.h>
#include <string.h>

#define CALL_MS		(20 * MS_SECOND)
#define LOOK_FIRST_MS	(10 * MS_SECOND)
#define LOOK_AGAIN_MS	MS_MINUTE
#define LOOKS		2
#define AGAIN_MS	(10 * MS_MINUTE)	/* Pipedrive is away or throttles */
#define TOKEN_MS	MS_HOUR			/* nobody's authorisation is there */
#define MESSAGES_MOST	2000
#define NOTE_BYTES	((size_t)90000)		/* Pipedrive takes 100,000 characters (pipedrive.md 4.10) */
#define FRAME_BYTES	((size_t)700)		/* of a message beside its words, of the heading and of the last line */
#define WHY_DELETED	"crm.note_deleted"
#define WHY_TOKEN	"error.pd.token"

/* The view -------------------------------------------------------------------------- */

struct tline { const char *text; };
struct tfile { const char *href, *label; };
struct tmsg {
	const char	*who, *time, *mark;	/* mark: unsent, edited */
	struct tline	*lines;
	size_t		 n_lines;
	struct tfile	*files;
	size_t		 n_files;
};
struct tnote {
	const char	*page, *back, *title, *rest;
	struct tmsg	*messages;
	size_t		 n_messages;
};

static const struct tmpl_field tline_f[] = { F_STR(struct tline, text), F_END };
static const struct tmpl_type tline_t = { "line", sizeof(struct tline), tline_f };
static const struct tmpl_field tfile_f[] = { F_STR(struct tfile, href), F_STR(struct tfile, label), F_END };
static const struct tmpl_type tfile_t = { "file", sizeof(struct tfile), tfile_f };
static const struct tmpl_field tmsg_f[] = {
	F_STR(struct tmsg, who), F_STR(struct tmsg, time), F_STR(struct tmsg, mark), F_LIST(struct tmsg, lines, &tline_t),
	F_LIST(struct tmsg, files, &tfile_t), F_END
};
static const struct tmpl_type tmsg_t = { "message", sizeof(struct tmsg), tmsg_f };
static const struct tmpl_field tnote_f[] = {
	F_STR(struct tnote, page), F_STR(struct tnote, back), F_STR(struct tnote, title), F_STR(struct tnote, rest),
	F_LIST(struct tnote, messages, &tmsg_t), F_END
};
static const struct tmpl_type tnote_t = { "note", sizeof(struct tnote), tnote_f };
static const struct tmpl_decl decls[] = { { "note.html", &tnote_t, true } };

struct writing {
	struct sync	*s;
	struct arena	*a;
	struct transcript *t;
	enum lang	 lang;
	const char	*zone, *base;
	int64_t		 first_at;	/* of the messages */
	size_t		 bytes;		/* of the note so far, at most */
};

static const char *
say(const struct writing *w, enum str_id id)
{
	return cat_str(w->s->cats, w->lang, id);
}

/* How long it is as HTML, at most. */
static size_t
html_bytes(const char *text)
{
	size_t n = 0;

	for (; text != NULL && *text != '\0'; text++)
		n += strchr("&<>\"'", *text) != NULL ? 6 : *text == '\n' ? 5 : 1;
	return n;
}

/* First millisecond of a day in a zone. */
static int64_t
day_begin(int64_t day, const char *zone)
{
	int64_t lo = day * MS_DAY - 30 * MS_HOUR, hi = day * MS_DAY + 30 * MS_HOUR, mid;
	struct civil c;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		(void)clock_civil(mid, zone, &c);
		if (c.day_number < day)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static const struct ib_err *
load_speech(struct sync *s, struct arena *a, int64_t user, enum lang *lang, const char **zone)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*lang = LANG_EN;
	*zone = "UTC";
	if ((err = db_query(s->db, ST_USER_SPEAKS, &st, "i", user)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row) {
		(void)lang_parse(db_col_text(st, 0), lang);
		*zone = db_col_dup(st, 1, a);
	}
	return db_done(st, a, err);
}

/* The lines of a text. */
static const struct ib_err *
fill_lines(struct writing *w, const char *text, struct tmsg *v)
{
	const char *end;
	size_t n = 1;

	for (end = text; *end != '\0'; end++)
		n += *end == '\n';
	if ((v->lines = ARENA_ARRAY(w->a, n, struct tline)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "note");
	for (;; text = end + 1) {
		if ((end = strchr(text, '\n')) == NULL)
			end = text + strlen(text);
		v->lines[v->n_lines++].text = arena_printf(w->a, "%.*s", (int)(end - text), text);
		if (*end == '\0')
			return NULL;
	}
}

/* Files by our own address, which asks who looks; never Facebook's, which end. */
static const struct ib_err *
fill_files(struct writing *w, const struct message *m, struct tmsg *v)
{
	static const enum str_id labels[FB_ATT_MAX] = {
		[FB_ATT_IMAGE] = STR_ATT_PHOTO, [FB_ATT_VIDEO] = STR_ATT_VIDEO, [FB_ATT_AUDIO] = STR_ATT_AUDIO,
		[FB_ATT_FILE] = STR_ATT_FILE, [FB_ATT_STICKER] = STR_ATT_STICKER, [FB_ATT_LOCATION] = STR_ATT_LOCATION,
		[FB_ATT_LINK] = STR_ATT_LINK, [FB_ATT_TEMPLATE] = STR_ATT_CARD, [FB_ATT_BOOKING] = STR_ATT_BOOKING,
		[FB_ATT_PRIVACY] = STR_ATT_OTHER, [FB_ATT_OTHER] = STR_ATT_OTHER
	};
	const struct ib_err *err;
	struct attachment *t;
	const char *name;
	size_t i, n;
	bool file;

	if ((err = message_attachments(w->s->db, w->a, m->thread_id, m->id, &t, &n)) != NULL)
		return err;
	if ((v->files = ARENA_ARRAY(w->a, n + 1, struct tfile)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "note");
	for (i = 0; i < n; i++) {
		file = t[i].type <= FB_ATT_STICKER;
		name = file && !str_blank(t[i].name) ? t[i].name : !file && !str_blank(t[i].title) &&
		    t[i].type != FB_ATT_OTHER ? t[i].title : NULL;
		v->files[i].label = say(w, labels[t[i].type > 0 && t[i].type < FB_ATT_MAX ? t[i].type : FB_ATT_OTHER]);
		if (name != NULL)
			v->files[i].label = arena_printf(w->a, "%s: %s", v->files[i].label, str_ellipsis(w->a, name, 200));
		if (file)
			v->files[i].href = arena_printf(w->a, "%s/media/%lld/%lld/%lld", w->base, (long long)m->thread_id,
			    (long long)m->id, (long long)t[i].n);
		w->bytes += html_bytes(v->files[i].label) + FRAME_BYTES / 2;
		v->n_files++;
	}
	return NULL;
}

static const struct ib_err *
fill_message(struct writing *w, const struct message *m, struct tmsg *v)
{
	const struct ib_err *err = NULL;
	struct db_stmt *st;
	struct civil c;
	bool row;

	v->who = m->dir == 0 ? w->t->customer : w->t->page;
	if (m->user_id != 0) {
		if ((err = db_query(w->s->db, ST_USER_NAME, &st, "i", m->user_id)) != NULL)
			return err;
		if ((err = db_step(st, &row)) == NULL && row)
			v->who = db_col_dup(st, 0, w->a);
		if ((err = db_done(st, w->a, err)) != NULL)
			return err;
	}
	(void)clock_civil(m->at, w->zone, &c);
	v->time = arena_printf(w->a, "%02d:%02d", c.hour, c.minute);
	w->bytes += FRAME_BYTES + html_bytes(v->who);
	if ((m->flags & MSG_DELETED) != 0) {
		v->mark = say(w, STR_NOTE_UNSENT);
		return NULL;
	}
	if (m->edits > 0)
		v->mark = say(w, STR_NOTE_EDITED);
	if ((m->flags & MSG_UNSUPPORTED) != 0 && str_blank(m->text) && m->natt == 0)
		v->mark = say(w, STR_SNIPPET_UNSUPPORTED);
	w->bytes += html_bytes(m->text);
	if (!str_blank(m->text) && (err = fill_lines(w, m->text, v)) != NULL)
		return err;
	return m->natt > 0 ? fill_files(w, m, v) : NULL;
}

/* The link back: it names conversation and day, and by it a note is known as ours. */
static const char *
link_back(const struct writing *w, const struct civil *day)
{
	return arena_printf(w->a, "%s/inbox/%lld?day=%04d-%02d-%02d", w->base, (long long)w->t->thread_id,
	    day->year, day->month, day->day);
}

static const struct ib_err *
fill_note(struct writing *w, const struct message *m, size_t n, const struct civil *day, struct tnote *v)
{
	const struct ib_err *err;
	size_t i;

	v->page = w->t->page;
	v->back = link_back(w, day);
	v->title = cat_fill(w->a, say(w, STR_NOTE_TITLE), "name", w->t->customer, "date", arena_printf(w->a,
	    "%04d-%02d-%02d", day->year, day->month, day->day), "zone", w->zone, NULL);
	if ((v->messages = ARENA_ARRAY(w->a, n + 1, struct tmsg)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "note");
	w->bytes = 2 * FRAME_BYTES + html_bytes(v->page) + html_bytes(v->title);
	for (i = 0; i < n; i++) {
		if ((err = fill_message(w, &m[i], &v->messages[i])) != NULL)
			return err;
		if (w->bytes > NOTE_BYTES)
			break;
		v->n_messages++;
	}
	if (i < n || n == MESSAGES_MOST)
		v->rest = say(w, STR_NOTE_REST);
	return NULL;
}

/* *html NULL: there is nothing to be logged. */
static const struct ib_err *
build(struct writing *w, const char **html, const char **marker)
{
	int64_t from = day_begin(w->t->day, w->zone), until = day_begin(w->t->day + 1, w->zone);
	struct tnote v = { 0 };
	const struct ib_err *err;
	struct message *m;
	struct civil day;
	struct ib_buf b;
	size_t n;

	*html = NULL;
	(void)clock_civil(from, w->zone, &day);
	*marker = link_back(w, &day);
	if (w->t->from_at > from)
		from = w->t->from_at;
	if (w->t->until_at > 0 && w->t->until_at < until)
		until = w->t->until_at;
	if ((err = message_day(w->s->db, w->a, w->t->thread_id, from, until, MESSAGES_MOST, &m, &n)) != NULL ||
	    (n == 0 && *w->t->note_id == '\0' && w->t->tries == 0))
		return err;
	w->first_at = n > 0 ? m[0].at : from;
	if ((err = fill_note(w, m, n, &day, &v)) != NULL)
		return err;
	buf_init(&b, NOTE_BYTES + 2 * FRAME_BYTES);
	if ((err = tmpl_render(w->s->notes, 0, w->lang, &v, &b)) == NULL && (err = buf_check(&b)) == NULL &&
	    (*html = arena_dup(w->a, buf_cstr(&b))) == NULL)
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "note");
	buf_fini(&b);
	return err;
}

static const struct ib_err *
load_notes(struct sync *s)
{
	const struct ib_err *err;

	if (s->notes != NULL)
		return NULL;
	if ((err = sync_cats(s)) != NULL)
		return err;
	return tmpl_load(sync_templates(s), s->cats, decls, 1, url_is_loopback(conf_str(s->conf, CONF_BASE_URL)), true,
	    &s->notes);
}

/* Calling --------------------------------------------------------------------------- */

/* With the authorisation of who linked, else of the installer.  *out->stop: with nobody's now. */
static const struct ib_err *
open_as(struct writing *w, struct crm *c)
{
	const struct transcript *t = w->t;
	const struct ib_err *err = crm_open(w->s, w->a, t->install_id, t->user_id, CALL_MS, false, c);

	if ((err == NULL && !(c->stop && str_eq(c->why, WHY_TOKEN))) || (err != NULL && err->code != IB_ENOENT))
		return err;
	return crm_open(w->s, w->a, t->install_id, t->owner_id, CALL_MS, false, c);
}

/* What a refusal means: not now, or never. */
static const struct ib_err *
refused(struct writing *w, const struct pd_res *res)
{
	struct sync *s = w->s;
	int64_t now = clock_now();

	if (res->row->class_ == CLASS_THROTTLE || res->row->class_ == CLASS_RETRY)
		return transcript_later(s->db, w->t->id, now + AGAIN_MS, false, res->row->key);
	if (res->status == 401 || res->status == 402)
		return transcript_later(s->db, w->t->id, now + TOKEN_MS, false, WHY_TOKEN);
	return transcript_settle(s->db, w->t, w->t->note_id, w->t->digest, res->status == 404 && *w->t->note_id != '\0' ?
	    WHY_DELETED : res->row->key, now);
}

/* Is the note of a lost answer there?  *call: no, and it may be made again. */
static const struct ib_err *
look(struct writing *w, struct crm *c, const char *marker, bool *call)
{
	struct transcript *t = w->t;
	const struct ib_err *err;
	struct pd_res res = { 0 };
	const char *id;

	*call = false;
	err = pdcrm_note_find(c->pd, w->a, &c->who, t->kind, t->pd_id, marker, &id, &res);
	if (err != NULL)
		return err->code == IB_ENOMEM ? err : transcript_later(w->s->db, t->id, clock_now() + LOOK_AGAIN_MS, false, NULL);
	if (res.refused)
		return refused(w, &res);
	log_event(LOG_INFO_, "note_looked", "transcript", log_i(t->id), "found", id != NULL ? "yes" : "no", NULL);
	if (id == NULL) {
		*call = t->looks + 1 >= LOOKS;
		return *call ? NULL : transcript_later(w->s->db, t->id, clock_now() + LOOK_AGAIN_MS, true, NULL);
	}
	t->note_id = id;
	*call = true;
	return transcript_found(w->s->db, t->id, id);
}

static const struct ib_err *
write_note(struct writing *w, struct crm *c, const char *html, const char *digest)
{
	struct transcript *t = w->t;
	bool fresh = *t->note_id == '\0';
	const struct ib_err *err;
	struct pd_res res = { 0 };
	const char *id;

	if (fresh && (err = transcript_calling(w->s->db, t->id)) != NULL)
		return err;
	err = pdcrm_note_put(c->pd, w->a, &c->who, t->kind, t->pd_id, t->note_id, w->first_at, html, &id,
	    &res);
	if (err != NULL && (err->code == IB_ENOMEM || err->code == IB_EDB))
		return err;
	if (err != NULL || (res.refused && res.row->send_unknown))
		return transcript_later(w->s->db, t->id, clock_now() + (fresh ? LOOK_FIRST_MS : LOOK_AGAIN_MS), false, NULL);
	if (res.refused)
		return refused(w, &res);
	return transcript_settle(w->s->db, t, id, digest, NULL, clock_now());
}

static const struct ib_err *
log_day(struct sync *s, struct transcript *t)
{
	struct writing w = { .s = s, .a = &s->arena, .t = t, .base = conf_str(s->conf, CONF_BASE_URL) };
	const char *html, *marker;
	const struct ib_err *err;
	char digest[65];
	uint8_t sum[32];
	struct crm c;
	bool go = true;

	if ((err = load_notes(s)) != NULL || (err = load_speech(s, w.a, t->owner_id, &w.lang, &w.zone)) != NULL)
		return err;
	if (*t->customer == '\0')
		t->customer = say(&w, STR_EXPORT_NO_NAME);
	if ((err = build(&w, &html, &marker)) != NULL)
		return err;
	if (html == NULL)
		return transcript_drop(s->db, t);
	crypt_sha256(html, strlen(html), sum);
	str_hex(digest, sum, sizeof(sum));
	if (*t->note_id != '\0' && str_eq(digest, t->digest))
		return transcript_settle(s->db, t, t->note_id, digest, NULL, clock_now());
	if ((err = open_as(&w, &c)) != NULL)
		return err;
	if (c.stop)
		return transcript_later(s->db, t->id, clock_now() + (str_eq(c.why, WHY_TOKEN) ? TOKEN_MS : AGAIN_MS), false,
		    c.why);
	if (*t->note_id == '\0' && t->tries > 0 && ((err = look(&w, &c, marker, &go)) != NULL || !go))
		return err;
	return write_note(&w, &c, html, digest);
}

/* A touch becomes a day. */
static const struct ib_err *
take(struct sync *s, const struct touch *t, int64_t now)
{
	const struct ib_err *err;
	const char *zone;
	enum lang lang;
	struct civil c;

	if ((err = load_speech(s, &s->arena, t->owner_id, &lang, &zone)) != NULL)
		return err;
	(void)clock_civil(t->at, zone, &c);
	if ((err = db_begin(s->db)) != NULL)
		return err;
	if ((err = touch_take(s->db, &s->arena, t, c.day_number, day_begin(c.day_number, zone),
	    day_begin(c.day_number + 1, zone), now)) == NULL)
		err = db_commit(s->db);
	db_rollback(s->db);
	return err;
}

const struct ib_err *
sync_log_one(struct sync *s, int64_t now, bool *did)
{
	const struct ib_err *err;
	struct transcript *t;
	struct touch *touch;

	*did = false;
	arena_reset(&s->arena);
	if ((err = touch_next(s->db, &s->arena, &touch)) != NULL)
		return err;
	if ((*did = touch != NULL))
		return take(s, touch, now);
	if ((err = transcript_next(s->db, &s->arena, now, &t)) != NULL || t == NULL)
		return err;
	*did = true;
	return log_day(s, t);
}
