/* SPDX-License-Identifier: MIT */
/* view_msg.c - message rows to the bubbles and lines of a conversation. */
#include "inbox.h"

#include "../lib/api/codes.h"
#include "../lib/base/filetype.h"
#include "../lib/base/json.h"
#include "../lib/base/str.h"
#include "../lib/store/outbox.h"

#include <ctype.h>
#include <string.h>

#define GROUP_MS	(5 * MS_MINUTE)

/* Text with its links -------------------------------------------------------------- */

static size_t
link_length(const char *s)
{
	size_t n = 0, round = 0;

	if (strncmp(s, "https://", 8) != 0 && strncmp(s, "http://", 7) != 0)
		return 0;
	/* Up to a blank, a quote, an angle bracket or the first non-ASCII byte. */
	while ((unsigned char)s[n] > ' ' && (unsigned char)s[n] < 0x7f && strchr("\"<>\\^`{|}", s[n]) == NULL) {
		round += s[n] == '(';
		n++;
	}
	/* Punctuation that belongs to the sentence, not to the address. */
	while (n > 0 && (strchr(".,;:!?'*_~", s[n - 1]) != NULL || (s[n - 1] == ')' && round == 0)))
		n--;
	return n > 8 ? n : 0;
}

static const struct ib_err *
split_links(struct arena *a, const char *text, struct view_span **out, size_t *count)
{
	const char *p, *from = text;
	size_t n, cap = 1;

	for (p = text; (p = strstr(p, "http")) != NULL; p += 4)
		cap += 2;
	*count = 0;
	if ((*out = ARENA_ARRAY(a, cap, struct view_span)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "spans");
	for (p = cap > 1 ? text : ""; (p = strstr(p, "http")) != NULL; ) {
		char *url;

		if ((n = link_length(p)) == 0 || (url = arena_dupn(a, p, n)) == NULL ||
		    !url_is_web(url, false)) {
			p += 4;
			continue;
		}
		if (p > from)
			(*out)[(*count)++].text = arena_dupn(a, from, (size_t)(p - from));
		(*out)[*count].text = url;
		(*out)[(*count)++].href = url;
		from = p += n;
	}
	if (*from != '\0')
		(*out)[(*count)++].text = from;
	return NULL;
}

/* One to three emoji and nothing else: shown large. */
static bool
only_emoji(const char *s)
{
	size_t shown = 0;

	while (*s != '\0') {
		unsigned char c = (unsigned char)*s;

		if (c == 0xf0 && (unsigned char)s[1] == 0x9f) {		/* U+1F000..U+1FFFF */
			/* skin tones join the emoji before them */
			if (!((unsigned char)s[2] == 0x8f && (unsigned char)s[3] >= 0xbb))
				shown++;
			s += 4;
		} else if (c == 0xe2 && ((unsigned char)s[1] >= 0x98 && (unsigned char)s[1] <= 0x9e)) {
			shown++;					/* U+2600..U+27BF */
			s += 3;
		} else if (strncmp(s, "\xef\xb8\x8f", 3) == 0) {	/* variation selector */
			s += 3;
		} else if (strncmp(s, "\xe2\x80\x8d", 3) == 0) {	/* joiner: one picture of two */
			shown -= shown > 0;
			s += 3;
		} else {
			return false;
		}
	}
	return shown >= 1 && shown <= 3;
}

/* Where what is missing here can be seen; NULL: nowhere. */
static const char *
at_facebook(const struct inbox *in, const struct page *p)
{
	return in->thread->link != NULL || p == NULL ? in->thread->link :
	    arena_printf(in->r->a, "https://www.facebook.com/%s/inbox/", p->fb_id);
}

/* Attachments ----------------------------------------------------------------------- */

static const char *
thumbs_up(const struct attachment *t)
{
	return t->title != NULL && strcmp(t->title, "\xf0\x9f\x91\x8d") == 0 ? t->title : NULL;
}

static bool
is_mime(const struct attachment *t, const char *prefix)
{
	return t->mime != NULL && str_starts(t->mime, prefix);
}

static void
fill_file(struct inbox *in, const struct message *m, const struct attachment *t, const char *src, struct view_att *v)
{
	const struct fmt *f = &in->fmt;
	bool vast = t->width > 0 && t->height > PICTURE_MAX_PX / t->width;

	v->name = t->name != NULL ? t->name : v->label;
	v->size = fmt_size(f, t->size);
	/* What it is decides how it is shown, not what it was called. */
	if (t->type == FB_ATT_STICKER && is_mime(t, "image/")) {
		v->sticker = true;
		v->src = src;
		v->alt = cat_str(f->cats, f->lang, STR_ATT_ALT_STICKER);
	} else if (is_mime(t, "image/") && !vast) {
		v->image = true;
		v->src = v->href = src;
		v->alt = m->dir != 0 ? cat_str(f->cats, f->lang, STR_ATT_ALT_SENT) :
		    cat_fill(f->a, cat_str(f->cats, f->lang, STR_ATT_ALT_PHOTO), "name",
		    fmt_customer(f, in->thread->name, in->thread->psid), NULL);
	} else if (is_mime(t, "audio/") || (t->type == FB_ATT_AUDIO && is_mime(t, "video/"))) {
		v->audio = true;
		v->src = src;
	} else if (is_mime(t, "video/")) {
		v->video = true;
		v->src = src;
	} else {
		v->file = true;
		v->href = src;
	}
	if (t->width > 0 && t->height > 0 && !vast) {
		v->width = arena_printf(f->a, "%lld", (long long)t->width);
		v->height = arena_printf(f->a, "%lld", (long long)t->height);
	}
}

static void
fill_media(struct inbox *in, const struct message *m, const struct attachment *t, struct view_att *v)
{
	const char *src = req_href(in->app, in->r, "%s/media/%lld/%lld/%lld", in->r->session->root,
	    (long long)t->thread_id, (long long)t->msg_id, (long long)t->n);

	if (thumbs_up(t) != NULL) {
		v->sticker = true;
		v->emoji = thumbs_up(t);
	} else if (t->file == NULL) {
		v->pending = t->fetch_at > 0;
		v->gone = !v->pending;
	} else if (*t->file == '!') {
		v->too_large = true;
	} else if (attachment_here(t)) {
		fill_file(in, m, t, src, v);
	} else {
		v->gone = *t->file == '\0';
		v->away = !v->gone;
		v->fb = at_facebook(in, inbox_page(in, in->thread->page_id));
		/* What was not to be had once may be now. */
		if (t->url != NULL && conf_bool(in->app->conf, CONF_MEDIA_KEEP))
			v->load = arena_printf(in->r->a, "%s/load", src);
	}
}

static void
fill_attachment(struct inbox *in, const struct message *m, const struct attachment *t, struct view_att *v)
{
	static const enum str_id labels[FB_ATT_MAX] = {
		[FB_ATT_IMAGE] = STR_ATT_PHOTO, [FB_ATT_VIDEO] = STR_ATT_VIDEO,
		[FB_ATT_AUDIO] = STR_ATT_AUDIO, [FB_ATT_FILE] = STR_ATT_FILE,
		[FB_ATT_STICKER] = STR_ATT_STICKER, [FB_ATT_LOCATION] = STR_ATT_LOCATION,
		[FB_ATT_LINK] = STR_ATT_LINK, [FB_ATT_TEMPLATE] = STR_ATT_CARD,
		[FB_ATT_BOOKING] = STR_ATT_BOOKING, [FB_ATT_PRIVACY] = STR_ATT_OTHER,
		[FB_ATT_OTHER] = STR_ATT_OTHER
	};
	static const struct { const char *word; enum str_id id; } bookings[] = {
		{ "requested", STR_BOOKING_REQUESTED }, { "confirmed", STR_BOOKING_CONFIRMED },
		{ "declined", STR_BOOKING_DECLINED }, { "cancelled", STR_BOOKING_CANCELLED }
	};
	const struct fmt *f = &in->fmt;
	enum fb_att type = t->type > 0 && t->type < FB_ATT_MAX ? t->type : FB_ATT_OTHER;
	size_t i;

	v->label = cat_str(f->cats, f->lang, labels[type]);
	v->title = t->title;
	switch (type) {
	case FB_ATT_IMAGE: case FB_ATT_VIDEO: case FB_ATT_AUDIO: case FB_ATT_FILE: case FB_ATT_STICKER:
		fill_media(in, m, t, v);
		break;
	case FB_ATT_LOCATION:
		v->location = true;
		v->href = t->url;
		if (str_blank(v->title))
			v->title = cat_str(f->cats, f->lang, STR_ATT_PLACE);
		break;
	case FB_ATT_LINK:
		v->link = true;
		v->href = t->url;
		v->host = t->url != NULL ? url_host(f->a, t->url) : NULL;
		if (str_blank(v->title))
			v->title = cat_str(f->cats, f->lang, STR_ATT_NO_TITLE);
		break;
	case FB_ATT_TEMPLATE:
		v->card = true;
		v->text = t->name;
		if (str_blank(v->title) && str_blank(v->text))
			v->title = v->label;
		break;
	case FB_ATT_BOOKING:
		v->booking = true;
		for (i = 0; i < sizeof(bookings) / sizeof(bookings[0]); i++)
			if (str_eq(t->title, bookings[i].word))
				v->title = cat_str(f->cats, f->lang, bookings[i].id);
		v->text = t->name;
		break;
	case FB_ATT_PRIVACY:
		v->privacy = true;
		break;
	default:
		v->other = true;
		v->text = t->title;
	}
}

static const struct ib_err *
fill_attachments(struct inbox *in, const struct message *m, struct view_msg *v)
{
	const struct ib_err *err;
	struct attachment *t;
	size_t i, n;

	if (m->natt == 0)
		return NULL;
	if ((err = message_attachments(in->app->db, in->r->a, m->thread_id, m->id, &t, &n)) != NULL)
		return err;
	if ((v->atts = ARENA_ARRAY(in->r->a, n + 1, struct view_att)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "attachments");
	for (i = 0; i < n; i++) {
		fill_attachment(in, m, &t[i], &v->atts[i]);
		v->rev = look_int(v->rev, v->atts[i].away * 8 + v->atts[i].pending * 4 + v->atts[i].gone * 2 + 1);
	}
	v->n_atts = n;
	return NULL;
}

/* Who, when, in which state ------------------------------------------------------------ */

static const struct ib_err *
author(struct inbox *in, const struct message *m, const struct page *p, const char **out)
{
	const struct ib_err *err;
	const struct fmt *f = &in->fmt;

	*out = p != NULL ? p->name : "";
	if (m->dir == 0) {
		*out = fmt_customer(f, in->thread->name, in->thread->psid);
	} else if (m->user_id == in->r->session->user_id) {
		*out = cat_str(f->cats, f->lang, STR_NAME_YOU);
	} else if (m->user_id != 0) {
		/* Mostly the same colleague as before. */
		if (in->colleague_id != m->user_id) {
			if ((err = user_name(in->app->db, in->r->a, m->user_id, &in->colleague)) != NULL)
				return err;
			in->colleague_id = m->user_id;
		}
		if (in->colleague != NULL)
			*out = in->colleague;
	}
	return NULL;
}

static const char *
say(const struct inbox *in, enum str_id id)
{
	return cat_str(in->app->cats, in->r->lang, id);
}

static const char *
sentence(const struct inbox *in, const char *key)
{
	return key != NULL ? cat_find(in->app->cats, in->r->lang, key) : NULL;
}

/* Could the same words, sent again now, end differently? */
static bool
again_helps(const struct inbox *in, const struct message *m, const struct code_row *row)
{
	if (!in->writable)
		return false;
	if (row == NULL || row->help == HELP_RETRY)
		return true;
	/* The customer has written since: no reply has to be personal. */
	if (str_eq(row->key, "error.fb.personal"))
		return in->window != WINDOW_AGENT;
	/*
	 * What somebody settles on Facebook we do not hear of; where nobody can,
	 * only the customer's next word changes anything.
	 */
	return row->help == HELP_OPEN_FACEBOOK &&
	    (row->who == WHO_PAGE_ADMIN || in->thread->customer_at > m->at);
}

static const struct ib_err *
fill_failure(struct inbox *in, const struct message *m, struct view_msg *v)
{
	const struct code_row *row = code_by_key(m->detail);
	long long thread = (long long)m->thread_id, id = (long long)m->id;
	const struct ib_err *err;
	bool again = again_helps(in, m, row);

	/* Past 24 hours only what somebody marked as personal; the rest is edited, where the box to tick is. */
	if (again && in->window == WINDOW_AGENT &&
	    (err = outbox_agent(in->app->db, m->thread_id, m->id, &again)) != NULL)
		return err;
	v->failed = true;
	v->reason = sentence(in, m->detail);
	v->help = help_who(in->app, in->r->lang, m->detail);
	/* The table of codes knows what helps. */
	if (again)
		v->retry = inbox_href(in, arena_printf(in->r->a, "%s/inbox/%lld/retry/%lld", in->r->session->root, thread, id));
	if (row != NULL && row->help == HELP_RECONNECT && in->r->session->admin)
		v->reconnect = req_href(in->app, in->r, "/connect/more");
	if (row != NULL && row->help == HELP_OPEN_FACEBOOK)
		v->open_fb = in->thread->link;
	if (in->writable && m->natt == 0)
		v->edit = arena_printf(in->r->a, "%s#reply", inbox_href(in, arena_printf(in->r->a, "%s/inbox/%lld?edit=%lld",
		    in->r->session->root, thread, id)));
	if (m->state == MSG_FAILED && in->r->session->may_write)
		v->dismiss = inbox_href(in, arena_printf(in->r->a, "%s/inbox/%lld/dismiss/%lld", in->r->session->root, thread, id));
	return NULL;
}

/* Its writer may still take it back, where the form is that the button belongs to. */
static void
fill_undo(struct inbox *in, const struct message *m, int64_t left, struct view_msg *v)
{
	v->wait = say(in, STR_WAIT_HELD);
	v->left = left;
	if (in->writable && m->user_id == in->r->session->user_id)
		v->undo = inbox_href(in, arena_printf(in->r->a, "%s/inbox/%lld/undo/%lld", in->r->session->root,
		    (long long)m->thread_id, (long long)m->id));
}

/*
 * An open reply: on its way, or waiting for something, and then for what and
 * until when.
 */
static const struct ib_err *
fill_open(struct inbox *in, const struct message *m, const struct page *p, struct view_msg *v)
{
	const struct ib_err *err;
	const char *why, *until;
	int64_t next, hold, now = in->r->now;

	v->sending = true;
	if (m->state == MSG_SENDING)
		return NULL;
	if ((err = outbox_next(in->app->db, m->thread_id, m->id, &next, &hold)) != NULL)
		return err;
	if (hold > now && hold <= now + REPLY_HOLD_MS) {
		fill_undo(in, m, hold - now, v);
		return NULL;
	}
	in->due |= hold > 0;
	if (in->held) {
		v->wait = say(in, STR_WAIT_TURN);
		return NULL;
	}
	until = in->until > 0 ? fmt_until(&in->fmt, in->until) : "";
	if (p == NULL || p->state != PAGE_ACTIVE) {
		v->wait = cat_fill(in->r->a, say(in, STR_WAIT_PAGE), "until", until, NULL);
		return NULL;
	}
	if (p->pause_until > next)
		next = p->pause_until;
	if (p->send_after > next)
		next = p->send_after;
	if (m->state == MSG_QUEUED && next <= now)
		return NULL;
	why = sentence(in, m->detail);
	v->wait = cat_fill(in->r->a, say(in, next > now + MS_MINUTE ? STR_WAIT_LATER : STR_WAIT_SOON),
	    "sentence", why != NULL ? why : say(in, STR_WAIT_REFUSED), "time", fmt_since(&in->fmt, next),
	    "until", until, NULL);
	return NULL;
}

static const struct ib_err *
fill_state(struct inbox *in, const struct message *m, const struct page *p, struct view_msg *v)
{
	const struct ib_err *err = NULL;

	switch (m->state) {
	case MSG_QUEUED:
	case MSG_SENDING:
	case MSG_DEFERRED:
		err = fill_open(in, m, p, v);
		in->held = true;
		break;
	case MSG_CHECKING:
		v->checking = true;
		in->held = true;
		break;
	case MSG_FAILED:
	case MSG_CANCELLED:
		err = fill_failure(in, m, v);
		break;
	case MSG_SENT:
	case MSG_NONE:
		v->read = m->at <= in->thread->seen_at;
		v->delivered = !v->read && m->at <= in->thread->delivered_at;
		v->sent = !v->read && !v->delivered && m->origin == ORIGIN_OURS;
		break;
	}
	return err;
}

static void
fill_line(struct inbox *in, const struct message *m, const struct page *p, struct view_msg *v)
{
	static const enum str_id names[FB_LINE_MAX] = {
		[FB_LINE_POSTBACK] = STR_LINE_POSTBACK, [FB_LINE_REFERRAL] = STR_LINE_REFERRAL,
		[FB_LINE_ORDER] = STR_LINE_ORDER, [FB_LINE_FEEDBACK] = STR_LINE_FEEDBACK,
		[FB_LINE_COUPON] = STR_LINE_COUPON, [FB_LINE_LEAD] = STR_LINE_LEAD,
		[FB_LINE_ADMIN_TEXT] = STR_LINE_ADMIN, [FB_LINE_OPTIN] = STR_LINE_OPTIN,
		[FB_LINE_GAP] = STR_LINE_GAP
	};
	enum str_id id = m->line > 0 && m->line < FB_LINE_MAX ? names[m->line] : STR_LINE_OTHER;

	v->line = cat_str(in->app->cats, in->r->lang, id);
	v->line_text = !str_blank(m->detail) ? m->detail : m->text;
	v->line_card = v->came != NULL && m->line == FB_LINE_REFERRAL;
	/* What is missing here can be seen there. */
	if (m->line == FB_LINE_GAP)
		v->fb = at_facebook(in, p);
}

static const struct ib_err *
fill_quote(struct inbox *in, const struct message *m, const struct page *p, struct view_msg *v)
{
	const struct ib_err *err;
	struct view_quote *q;
	struct message *quoted;

	if (!m->has_reply)
		return NULL;
	if ((err = message_by_mkey(in->app->db, in->r->a, &m->reply_to, &quoted)) != NULL ||
	    quoted == NULL || quoted->thread_id != m->thread_id)
		return err;
	if ((q = ARENA_NEW(in->r->a, struct view_quote)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "quote");
	if ((err = author(in, quoted, p, &q->who)) != NULL)
		return err;
	q->text = str_blank(quoted->text) ? cat_str(in->app->cats, in->r->lang, STR_SNIPPET_NONE) :
	    str_ellipsis(in->r->a, str_line(in->r->a, quoted->text, strlen(quoted->text), 200), 100);
	q->href = quoted->at >= in->oldest_at ? arena_printf(in->r->a, "#m-%lld", (long long)quoted->id) :
	    req_href(in->app, in->r, "%s/inbox/%lld/m/%lld", in->r->session->root,
	    (long long)quoted->thread_id, (long long)quoted->id);
	v->quote = q;
	return NULL;
}

static const struct ib_err *
fill_reactions(struct inbox *in, const struct message *m, const struct page *p, struct view_msg *v)
{
	if (m->react_in == NULL && m->react_out == NULL)
		return NULL;
	if ((v->reactions = ARENA_ARRAY(in->r->a, 2, struct view_reaction)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "reactions");
	if (m->react_in != NULL)
		v->reactions[v->n_reactions++] = (struct view_reaction){ m->react_in,
		    fmt_customer(&in->fmt, in->thread->name, in->thread->psid) };
	if (m->react_out != NULL)
		v->reactions[v->n_reactions++] = (struct view_reaction){ m->react_out,
		    p != NULL ? p->name : "" };
	v->has_reactions = true;
	return NULL;
}

/* What an edited message said before. */
static const struct ib_err *
fill_former(struct inbox *in, const struct message *m, struct view_msg *v)
{
	const struct ib_err *err;
	struct message *full;
	struct fact *f;
	size_t i, n;

	if ((err = message_get(in->app->db, in->r->a, m->thread_id, m->at, m->id, &full)) != NULL ||
	    full == NULL || !full->has_mkey || (err = facts_of(in->app->db, in->r->a, &full->mkey, &f, &n)) != NULL)
		return err;
	if ((v->former = ARENA_ARRAY(in->r->a, n + 1, struct view_former)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "former texts");
	for (i = 0; i < n; i++)
		if (f[i].kind == FACT_EDIT && f[i].num < m->edits && !str_blank(f[i].value))
			v->former[v->n_former++].text = f[i].value;
	return NULL;
}

static const struct ib_err *
fill_message(struct inbox *in, const struct message *m, const struct page *p, struct civil *c,
    struct view_msg *v)
{
	const struct ib_err *err;
	struct arena *a = in->r->a;
	int64_t h;

	*v = (struct view_msg){ .id = m->id };
	(void)clock_civil(m->at, in->fmt.zone, c);
	v->time = fmt_clock(&in->fmt, c);
	v->datetime = fmt_iso(&in->fmt, c);
	if (in->came != NULL && m->at == in->thread->source_at && m->dir == 0 && m->line != FB_LINE_LEAD) {
		v->came = in->came;
		in->came = NULL;	/* once */
	}
	if (m->line != FB_LINE_NONE) {
		fill_line(in, m, p, v);
		v->rev = look_text(look_text(3, v->line), v->line_text);
		return NULL;
	}
	v->out = m->dir != 0;
	if ((err = author(in, m, p, &v->who)) != NULL)
		return err;
	v->external = v->out && m->origin != ORIGIN_OURS;
	v->deleted = (m->flags & MSG_DELETED) != 0;
	v->unsupported = (m->flags & MSG_UNSUPPORTED) != 0;
	v->edited = m->edits > 0;
	if (v->edited && (err = fill_former(in, m, v)) != NULL)
		return err;
	if (!str_blank(m->text)) {
		v->has_text = true;
		v->big = only_emoji(m->text);
		if ((err = split_links(a, m->text, &v->spans, &v->n_spans)) != NULL)
			return err;
	}
	if (v->out && (err = fill_state(in, m, p, v)) != NULL)
		return err;
	h = look_text(look_text(look_text(look_text(5, m->text), m->react_in), m->react_out), v->reason);
	h = look_int(look_text(h, v->wait), v->sending + v->sent * 2 + v->delivered * 4 + v->read * 8 +
	    v->checking * 16 + v->failed * 32 + v->deleted * 64 + (v->retry != NULL) * 128 +
	    (v->edit != NULL) * 256 + m->edits * 512);
	v->rev = look_int(h, m->at);
	if ((err = fill_quote(in, m, p, v)) != NULL || (err = fill_reactions(in, m, p, v)) != NULL)
		return err;
	return fill_attachments(in, m, v);
}

/* Same person, soon after: one group. */
static bool
continues(const struct message *m, const struct message *before)
{
	return before != NULL && before->line == FB_LINE_NONE && m->line == FB_LINE_NONE &&
	    before->dir == m->dir && before->user_id == m->user_id && before->origin == m->origin &&
	    m->at - before->at < GROUP_MS;
}

static const char *
older_href(const struct inbox *in, int64_t at, int64_t id)
{
	return inbox_href(in, arena_printf(in->r->a, "%s/inbox/%lld?before=%s", in->r->session->root,
	    (long long)in->thread->id, key_text(in->r->a, at, id)));
}

/* From older pages on: the last message shown is the first to be read there. */
static const struct ib_err *
fill_newer(struct inbox *in, const struct inbox_ask *ask, const struct message *m, size_t n, struct view_conv *v)
{
	const struct ib_err *err;
	const char *root = in->r->session->root;
	long long thread = (long long)in->thread->id;
	int64_t at, id;

	if (ask->msg_at == 0)
		return NULL;
	v->newest = inbox_href(in, arena_printf(in->r->a, "%s/inbox/%lld", root, thread));
	if (n == 0 || (err = message_after(in->app->db, in->thread->id, m[n - 1].at, m[n - 1].id,
	    INBOX_MESSAGES, &at, &id)) != NULL || at == 0)
		return n == 0 ? NULL : err;
	v->newer = arena_printf(in->r->a, "%s#m-%lld", older_href(in, at, id), (long long)m[n - 1].id);
	return NULL;
}

static void
fill_ends(struct inbox *in, const struct inbox_ask *ask, const struct message *m, size_t n,
    bool more, struct view_conv *v)
{
	const struct thread *t = in->thread;
	bool fetchable = strcmp(t->history, "more") == 0;

	v->live = ask->msg_at == 0;
	v->empty = n == 0 && v->live;
	if (more || (fetchable && n > 0))
		v->older = older_href(in, m[0].at, m[0].id);
	else if (fetchable)
		v->older = older_href(in, ask->msg_at, ask->msg_id);
	else if (strcmp(t->history, "start") == 0)
		v->end_start = true;
	else if (strcmp(t->history, "end") == 0)
		v->end_facebook = true;
	else
		v->end_importing = true;
	/* Our copy ends here but Facebook has more: fetch it while the reader reads. */
	in->want_older = !more && fetchable && ask->msg_at != 0;
}

/* How far a page shows the conversation: a reply from it is judged by that. */
static void
fill_sight(struct inbox *in, const struct message *m, size_t n)
{
	in->seen = (struct outbox_sight){ .now = in->r->now };
	if (n > 0)
		in->seen.at = m[0].at;
	while (n-- > 0)
		if (m[n].user_id == 0) {
			in->seen.at = m[n].at;
			in->seen.id = m[n].id;
			return;
		}
}

/* Written by others after that? */
static bool
is_news(const struct inbox *in, const struct outbox_sight *since, const struct message *m)
{
	if (m->user_id != 0)
		return m->user_id != in->r->session->user_id && m->at > since->now;
	return m->id != since->id && (m->at > since->at || (m->at == since->at && m->id > since->id));
}

/* From here on it was written while somebody was writing. */
static void
mark_news(struct inbox *in, struct view_msg *q)
{
	const char *text = say(in, STR_LINE_NEWS);

	q->day = q->day == NULL ? text : arena_printf(in->r->a, "%s · %s", q->day, text);
	q->day_id = "news";
}

const struct ib_err *
messages_load(struct inbox *in, const struct inbox_ask *ask, struct view_conv *v)
{
	const struct ib_err *err;
	const struct page *p = inbox_page(in, in->thread->page_id);
	const struct outbox_sight *since = ask->since;
	struct message *m;
	struct civil c;
	int64_t day = INT64_MIN;
	size_t i, n;
	bool more;

	if ((err = message_page(in->app->db, in->r->a, in->thread->id, ask->msg_at, ask->msg_id,
	    INBOX_MESSAGES, &m, &n, &more)) != NULL)
		return err;
	if ((v->messages = arena_alloc(in->r->a, (n + 1) * sizeof(*v->messages))) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "messages");
	fill_sight(in, m, n);
	in->oldest_at = n > 0 ? m[0].at : 0;
	for (i = 0; i < n; i++) {
		struct view_msg *q = &v->messages[i];

		if ((err = fill_message(in, &m[i], p, &c, q)) != NULL)
			return err;
		if (c.day_number != day) {
			day = c.day_number;
			q->day = fmt_separator(&in->fmt, &c);
			q->day_id = arena_printf(in->r->a, "d-%04d%02d%02d", c.year,
			    c.month, c.day);
		} else {
			q->cont = continues(&m[i], i > 0 ? &m[i - 1] : NULL);
		}
		q->rev = look_int(q->rev, q->cont) >> 32;	/* short enough for every row */
		if (since != NULL && is_news(in, since, &m[i])) {
			mark_news(in, q);
			since = NULL;
		}
	}
	v->n_messages = n;
	fill_ends(in, ask, m, n, more, v);
	return fill_newer(in, ask, m, n, v);
}
