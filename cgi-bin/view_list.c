/* SPDX-License-Identifier: MIT */
/* view_list.c - thread rows to the rows of the list. */
#include "inbox.h"

#include "../lib/base/str.h"
#include "../lib/store/saved.h"

#include <string.h>

int64_t
look_text(int64_t h, const char *s)
{
	size_t n = s == NULL ? 0 : strlen(s), i;
	uint64_t x = (uint64_t)h ^ n, w;

	for (i = 0; i + sizeof(w) <= n; i += sizeof(w)) {
		memcpy(&w, s + i, sizeof(w));
		x = (x ^ w) * UINT64_C(0x9e3779b97f4a7c15);
		x ^= x >> 29;
	}
	for (; i < n; i++)
		x = (x ^ (unsigned char)s[i]) * UINT64_C(1099511628211);
	return (int64_t)((x ^ x >> 32) & INT64_MAX);
}

int64_t
look_int(int64_t h, int64_t v)
{
	uint64_t x = (uint64_t)h;

	return (int64_t)((x ^ (uint64_t)v) * UINT64_C(0x9e3779b97f4a7c15) & INT64_MAX);
}

const char *
key_text(struct arena *a, int64_t at, int64_t id)
{
	return arena_printf(a, "%lld.%lld", (long long)at, (long long)id);
}

bool
key_parse(const char *s, int64_t *at, int64_t *id)
{
	const char *dot = s == NULL ? NULL : strchr(s, '.');
	char head[24];
	size_t n;

	*at = *id = 0;
	if (dot == NULL || (n = (size_t)(dot - s)) >= sizeof(head))
		return false;
	memcpy(head, s, n);
	head[n] = '\0';
	return str_int_in(head, 1, INT64_MAX, at) && str_int_in(dot + 1, 0, INT64_MAX, id);
}

const struct ib_err *
user_name(struct db *db, struct arena *a, int64_t id, const char **out)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*out = NULL;
	if ((err = db_query(db, ST_USER_NAME, &st, "i", id)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row)
		*out = db_col_dup(st, 0, a);
	return db_done(st, a, err);
}

static const char *
kind_label(const struct fmt *f, int kind)
{
	static const enum str_id labels[] = {
		[FB_ATT_IMAGE] = STR_ATT_PHOTO, [FB_ATT_VIDEO] = STR_ATT_VIDEO,
		[FB_ATT_AUDIO] = STR_ATT_AUDIO, [FB_ATT_FILE] = STR_ATT_FILE,
		[FB_ATT_STICKER] = STR_ATT_STICKER, [FB_ATT_LOCATION] = STR_ATT_LOCATION,
		[FB_ATT_LINK] = STR_ATT_LINK, [FB_ATT_TEMPLATE] = STR_ATT_CARD,
		[FB_ATT_BOOKING] = STR_ATT_BOOKING, [FB_ATT_PRIVACY] = STR_ATT_OTHER,
		[FB_ATT_OTHER] = STR_ATT_OTHER
	};

	if (kind < 0)
		return cat_str(f->cats, f->lang, STR_SNIPPET_DELETED);
	if (kind == 0 || kind >= FB_ATT_MAX)
		return cat_str(f->cats, f->lang, STR_SNIPPET_NONE);
	return cat_str(f->cats, f->lang, labels[kind]);
}

const struct ib_err *
inbox_who(struct inbox *in, int dir, int64_t user, const struct page *p, const char **out)
{
	const struct ib_err *err;
	const char *name = NULL;

	*out = NULL;
	if (dir == 0)
		return NULL;
	if (user == in->r->session->user_id) {
		*out = cat_str(in->app->cats, in->r->lang, STR_WHO_YOU);
		return NULL;
	}
	if (user != 0 && (err = user_name(in->app->db, in->r->a, user, &name)) != NULL)
		return err;
	if (name == NULL)
		name = p != NULL ? p->name : "";
	*out = cat_fill(in->r->a, cat_str(in->app->cats, in->r->lang, STR_WHO_NAME), "name", name, NULL);
	return NULL;
}

/* What was written last, or what the reader has begun to write; news come first. */
static const struct ib_err *
fill_snippet(struct inbox *in, const struct thread *t, const struct page *p, struct view_row *v)
{
	const struct draft *d = in->ndrafts > 0 && !v->unread ? inbox_draft(in, t->id) : NULL;

	if (d != NULL) {
		v->draft = true;
		v->who = cat_str(in->app->cats, in->r->lang, STR_WHO_DRAFT);
		v->snippet = str_ellipsis(in->r->a, str_line(in->r->a, d->text, strlen(d->text), 200), 120);
		return NULL;
	}
	v->snippet = str_blank(t->snippet) ? kind_label(&in->fmt, t->snippet_kind) : t->snippet;
	return inbox_who(in, t->last_dir, t->last_user, p, &v->who);
}

/* Somebody waits for an answer, and there is not much time for it. */
static struct view_left *
row_left(struct inbox *in, const struct thread *t)
{
	int64_t until;
	enum window win;

	if (t->last_dir != 0)
		return NULL;
	if (t->due > 0)
		return left_make(in, t->due, true);
	win = window_state(t->customer_at, t->ad_at, in->r->now, in->human_agent, &until);
	if (win == WINDOW_CLOSED || until - in->r->now > LEFT_SOON_MS)
		return NULL;
	return win != WINDOW_NEVER ? left_make(in, until, true) : NULL;
}

/* Rows of one Page share it. */
static const char *
page_mark(struct inbox *in, const struct page *p)
{
	size_t i = (size_t)(p - in->pages);

	if (in->marks == NULL && (in->marks = ARENA_ARRAY(in->r->a, in->npages, const char *)) == NULL)
		return NULL;
	if (in->marks[i] == NULL)
		in->marks[i] = fmt_initials(&in->fmt, p->name);
	return in->marks[i];
}

static const struct ib_err *
fill_row(struct inbox *in, const struct thread *t, int64_t open, struct view_row *v)
{
	const struct ib_err *err;
	const struct page *p = inbox_page(in, t->page_id);
	struct req *r = in->r;
	struct civil c;
	int64_t h;

	*v = (struct view_row){ .id = t->id };
	if (r->pass != NULL)
		v->href = req_href(in->app, r, "%s/inbox/%lld", r->session->root, (long long)t->id);
	else if (in->query[0] != '\0')
		v->href = inbox_href(in, arena_printf(r->a, "/inbox/%lld", (long long)t->id));
	v->current = t->id == open ? "page" : NULL;
	v->name = fmt_customer(&in->fmt, t->name, t->psid);
	v->initials = t->name == NULL ? "" : fmt_initials(&in->fmt, t->name);
	if (!str_blank(t->picture))
		v->picture = req_href(in->app, r, "%s/avatar/%lld", r->session->root, (long long)t->id);
	v->tint = t->id % 8;
	(void)clock_civil(t->last_at, in->fmt.zone, &c);
	v->time = fmt_brief(&in->fmt, &c, &v->date);
	/* The open one is being read: only its newest messages count. */
	v->unread = t->unread > 0 && !(t->id == open && in->reading);
	if (v->unread)
		v->count = fmt_count(t->unread);
	v->back = t->woke_at > t->last_at;
	v->failed = t->failed > 0;
	if ((err = fill_snippet(in, t, p, v)) != NULL)
		return err;
	v->linked = t->linked;
	v->marks = v->linked || v->unread;
	if (in->npages > 1 && p != NULL) {
		v->page = p->name;
		v->page_mark = page_mark(in, p);
		v->page_tint = p->id % 8;
	}
	v->left = row_left(in, t);
	v->end = v->failed || v->back || v->left != NULL;
	h = look_text(look_text(look_text(look_text(7, v->name), v->snippet), v->who), v->time);
	h = look_text(look_text(look_text(h, v->picture), v->page), v->current);
	if (v->left != NULL)
		h = look_text(h, v->left->text);
	v->rev = look_int(h, (v->unread ? t->unread : 0) * 8 + v->back * 4 + v->linked * 2 + v->failed) >> 32;
	return NULL;
}

const struct ib_err *
rows_load(struct inbox *in, const int64_t *ids, size_t n, struct view_row **rows, size_t *nrows)
{
	const struct ib_err *err;
	struct thread *t;
	size_t i;

	*nrows = 0;
	if ((*rows = ARENA_ARRAY(in->r->a, n + 1, struct view_row)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "rows");
	for (i = 0; i < n; i++)
		if ((err = thread_get(in->app->db, in->r->a, in->r->session->install_id, ids[i],
		    in->r->session->user_id, &t)) != NULL ||
		    (t != NULL && (err = fill_row(in, t, 0, &(*rows)[(*nrows)++])) != NULL))
			return err;
	return NULL;
}

/* Narrowed ------------------------------------------------------------------------ */

const char *
inbox_href(const struct inbox *in, const char *path)
{
	if (in->query[0] == '\0' || path == NULL)
		return req_below(in->app, in->r, path);
	return req_href(in->app, in->r, "%s%c%s", path, strchr(path, '?') == NULL ? '?' : '&', in->query);
}

static const char *
get_query(const void *r, const char *name)
{
	return req_query(r, name);
}

bool
inbox_filter(const struct req *r, struct filter *f)
{
	return filter_read(f, get_query, r);
}

const char *
filter_suffix(struct req *r)
{
	const char *query;
	struct filter f;

	if (!inbox_filter(r, &f) || !filter_any(&f) || (query = filter_query(r->a, &f)) == NULL)
		return "";
	query = arena_printf(r->a, "?%s", query);
	return query != NULL ? query : "";
}

static void
add_words(struct inbox *in, struct ib_buf *b, const char *text)
{
	if (b->len > 0)
		buf_puts(b, cat_str(in->app->cats, in->r->lang, STR_NAME_NEXT));
	buf_puts(b, text);
}

const char *
filter_words(struct inbox *in, const struct filter *f)
{
	static const enum str_id views[VIEW_MAX] = {
		STR_LIST_OPEN, STR_LIST_DONE, STR_LIST_SNOOZED, STR_LIST_ALL, STR_LIST_CLOSING
	};
	const struct cats *cats = in->app->cats;
	enum lang lang = in->r->lang;
	const struct page *p;
	const char *out;
	struct ib_buf b;
	struct civil c;

	buf_init(&b, 1024);
	if (f->v[FILTER_VIEW] != 0)
		add_words(in, &b, cat_str(cats, lang, views[f->v[FILTER_VIEW]]));
	if (f->v[FILTER_PAGE] != 0)
		add_words(in, &b, (p = inbox_page(in, f->v[FILTER_PAGE])) != NULL ? p->name :
		    cat_str(cats, lang, STR_FILTER_NO_PAGE));
	if (f->v[FILTER_UNREAD] != 0)
		add_words(in, &b, cat_str(cats, lang, STR_LIST_UNREAD));
	if (f->v[FILTER_LINKED] != 0)
		add_words(in, &b, cat_str(cats, lang, f->v[FILTER_LINKED] == 1 ? STR_FILTER_LINKED : STR_FILTER_UNLINKED));
	if (f->v[FILTER_FAILED] != 0)
		add_words(in, &b, cat_str(cats, lang, STR_FILTER_FAILED));
	if (f->v[FILTER_FROM] != 0) {
		(void)clock_civil(f->v[FILTER_FROM], "UTC", &c);
		add_words(in, &b, cat_fill(in->r->a, cat_str(cats, lang, STR_FILTER_SINCE), "date", fmt_day(&in->fmt, &c), NULL));
	}
	if (f->v[FILTER_TO] != 0) {
		(void)clock_civil(f->v[FILTER_TO], "UTC", &c);
		add_words(in, &b, cat_fill(in->r->a, cat_str(cats, lang, STR_FILTER_UNTIL), "date", fmt_day(&in->fmt, &c), NULL));
	}
	out = b.len > 0 ? arena_dup(in->r->a, buf_cstr(&b)) : NULL;
	buf_fini(&b);
	return out;
}

const struct ib_err *
saved_load(struct inbox *in, struct view_saved **out, size_t *n)
{
	const struct ib_err *err;
	struct saved *s;
	size_t i;

	*n = 0;
	if (str_blank(in->r->session->saved))
		return NULL;
	if ((err = saved_parse(in->r->a, in->r->session->saved, &s, n)) != NULL)
		return err;
	if ((*out = ARENA_ARRAY(in->r->a, *n + 1, struct view_saved)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "saved");
	for (i = 0; i < *n; i++)
		(*out)[i] = (struct view_saved){ s[i].name, req_href(in->app, in->r, "/inbox?%s", s[i].query),
			strcmp(s[i].query, in->query) == 0 ? "page" : NULL };
	return NULL;
}

/* Which of the views above the list it is, and what it is narrowed to. */
static const struct ib_err *
fill_views(struct inbox *in, const struct inbox_ask *ask, struct view_list *v)
{
	const struct ib_err *err;
	size_t i;

	if ((err = saved_load(in, &v->saved, &v->n_saved)) != NULL)
		return err;
	v->filter = inbox_href(in, "/filter");
	if (in->query[0] == '\0') {
		v->on_open = "page";
		return NULL;
	}
	v->query = in->query;
	if (strcmp(in->query, "state=done") == 0)
		v->on_done = "page";
	else if (strcmp(in->query, "state=snoozed") == 0)
		v->on_snoozed = "page";
	else if (strcmp(in->query, "unread=yes") == 0)
		v->on_unread = "page";
	else if (strcmp(in->query, "state=closing") == 0)
		v->on_closing = "page";
	else
		v->narrowed = filter_words(in, &ask->filter);
	for (i = 0; i < v->n_saved; i++)
		if (v->saved[i].current != NULL)
			v->narrowed = NULL;
	return NULL;
}

/* Why the list is empty. */
static const struct ib_err *
fill_void(struct inbox *in, struct view_list *v)
{
	const struct ib_err *err;
	size_t i;
	bool any;

	v->no_pages = in->npages == 0 && v->query == NULL;
	for (i = 0; i < in->npages; i++)
		v->importing |= strcmp(in->pages[i].import_state, "done") != 0;
	if (in->r->session->admin)
		v->connect = req_href(in->app, in->r, "/connect/more");
	if ((err = thread_any(in->app->db, in->r->session->install_id, &any)) != NULL)
		return err;
	if (any || v->query != NULL) {
		v->importing = v->no_pages = false;
		v->finished = v->query == NULL;
		v->none = !v->finished;
	}
	v->empty = !any && !v->no_pages && !v->importing && !v->none;
	return NULL;
}

const struct ib_err *
list_load(struct inbox *in, const struct inbox_ask *ask, struct view_list *v)
{
	struct list_ask la = { &ask->filter, in->fmt.zone, ask->list_at, ask->list_id, INBOX_ROWS, in->r->now,
	    in->human_agent };
	const struct session *s = in->r->session;
	const struct ib_err *err;
	struct req *r = in->r;
	struct list_end end;
	struct thread *t;
	const char *on;
	size_t i, n;

	if ((err = thread_list(in->app->db, r->a, s->install_id, s->user_id, &la, &t, &n, &end)) != NULL)
		return err;
	if ((v->rows = arena_alloc(r->a, (n + 1) * sizeof(*v->rows))) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "rows");
	for (i = 0; i < n; i++)
		if ((err = fill_row(in, &t[i], ask->thread, &v->rows[i])) != NULL)
			return err;
	v->n_rows = n;
	v->live = ask->list_at == 0;
	/* The open one is being read. */
	v->unread = s->unread - (in->thread != NULL && in->reading && in->thread->state == THREAD_OPEN &&
	    in->thread->unread > 0 && s->unread > 0);
	if ((err = fill_views(in, ask, v)) != NULL)
		return err;
	on = end.more || end.further ? inbox_href(in, arena_printf(r->a, "/inbox?before=%s",
	    key_text(r->a, end.at, end.id))) : NULL;
	if (end.more) {
		v->older = on;
	} else if (end.further) {
		v->further = on;
		v->looked = cat_fill(r->a, cat_str(in->app->cats, r->lang, STR_LIST_LOOKED), "n",
		    fmt_number(&in->fmt, LIST_WALK), NULL);
	}
	if (ask->list_at != 0)
		v->newest = inbox_href(in, "/inbox");
	v->end = ask->list_at != 0 && on == NULL;
	return n > 0 || ask->list_at != 0 || v->further != NULL ? NULL : fill_void(in, v);
}
