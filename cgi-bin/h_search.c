/* SPDX-License-Identifier: MIT */
/*
 * h_search.c - searching: conversations by names and linked records, messages
 * by any part of their text, grouped by conversation, newest first.  A hit
 * leads to its message.
 *
 * A question costs at most BUDGET_MS; what was not reached then is said, with
 * a link that goes on.  Nobody asks more than PER_MINUTE times a minute.
 */
#include "handlers.h"
#include "inbox.h"

#include "../lib/base/fold.h"
#include "../lib/base/str.h"
#include "../lib/store/search.h"

#include <string.h>

#define HITS		50
#define NAMES		8
#define BUDGET_MS	1500
#define PER_MINUTE	60
#define AROUND		36		/* characters before the first hit in a text */
#define SHOWN		160		/* characters of a text */

static bool
begins_char(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

/* n characters to the left or right of *p, within the text. */
static const char *
walk(const char *s, const char *p, const char *end, int n)
{
	for (; n < 0 && p > s; n += begins_char(*p))
		p--;
	for (; n > 0 && p < end; n--)
		for (p++; p < end && !begins_char(*p); )
			p++;
	return p;
}

/* Which bytes of the text are hit. */
static const struct ib_err *
mark_hits(struct arena *a, const struct search_words *w, const char *text, size_t n, bool **out)
{
	char *fold = arena_alloc(a, n + 1);
	uint32_t *map = arena_alloc(a, (n + 1) * sizeof(*map));
	size_t i, k, at, end;

	if ((*out = ARENA_ARRAY(a, n + 1, bool)) == NULL || fold == NULL || map == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "search");
	k = fold_text(fold, map, text, n);
	for (i = 0; i < w->n; i++)
		for (at = 0; (at = fold_find(fold, k, at, w->w[i].s, w->w[i].len)) < k; at = end) {
			end = at + w->w[i].len;
			memset(*out + map[at], true, map[end] - map[at]);
		}
	return NULL;
}

/* The text around its first hit, in pieces that are hit and such that are not. */
static const struct ib_err *
cut_pieces(struct arena *a, const struct search_words *w, const char *text, struct view_piece **out, size_t *n)
{
	size_t len = strlen(text), first = 0, max = 2;
	const struct ib_err *err;
	const char *from, *to, *p, *q;
	bool *hit;

	*n = 0;
	if ((err = mark_hits(a, w, text, len, &hit)) != NULL)
		return err;
	while (first < len && !hit[first])
		first++;
	from = walk(text, text + (first < len ? first : 0), text + len, -AROUND);
	to = walk(text, from, text + len, SHOWN);
	for (p = from; p < to; p++)
		max += p == from || hit[p - text] != hit[p - 1 - text];
	if ((*out = ARENA_ARRAY(a, max, struct view_piece)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "search");
	if (from > text)
		(*out)[(*n)++].text = "…";
	for (p = from; p < to; p = q) {
		for (q = p + 1; q < to && hit[q - text] == hit[p - text]; q++)
			continue;
		(*out)[*n].hit = hit[p - text];
		(*out)[(*n)++].text = arena_dupn(a, p, (size_t)(q - p));
	}
	if (to < text + len)
		(*out)[(*n)++].text = "…";
	return arena_failed(a) ? ib_fail(IB_ENOMEM, IB_RETRY_LATER, "search") : NULL;
}

static const struct ib_err *
fill_hit(struct inbox *in, const struct search_words *w, const struct search_hit *h, struct view_hit *v)
{
	const struct ib_err *err;
	struct req *r = in->r;
	struct thread *t;
	struct civil c;

	(void)clock_civil(h->at, in->fmt.zone, &c);
	v->href = req_href(in->app, r, "/inbox/%lld/m/%lld", (long long)h->thread_id, (long long)h->id);
	v->time = fmt_brief(&in->fmt, &c, &v->date);
	if (h->dir != 0 && (err = thread_get(in->app->db, r->a, r->session->install_id, h->thread_id,
	    r->session->user_id, &t)) != NULL)
		return err;
	if ((err = inbox_who(in, h->dir, h->user_id, h->dir != 0 && t != NULL ? inbox_page(in, t->page_id) : NULL,
	    &v->who)) != NULL)
		return err;
	return cut_pieces(r->a, w, h->text, &v->pieces, &v->n_pieces);
}

/* Hits of one conversation stand together, where its newest one is. */
static const struct ib_err *
fill_groups(struct inbox *in, const struct search_words *w, const struct search_found *f, struct view_search *v)
{
	int64_t *ids = ARENA_ARRAY(in->r->a, f->n + 1, int64_t);
	size_t i, k, n = 0, nrows;
	const struct ib_err *err;
	struct view_group *g;
	struct view_row *rows;

	if (ids == NULL || (v->groups = ARENA_ARRAY(in->r->a, f->n + 1, struct view_group)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "search");
	for (i = 0; i < f->n; i++) {
		for (k = 0; k < n && ids[k] != f->hit[i].thread_id; k++)
			continue;
		ids[k] = f->hit[i].thread_id;
		n += k == n;
		v->groups[k].n_hits++;
	}
	if ((err = rows_load(in, ids, n, &rows, &nrows)) != NULL)
		return err;
	for (k = 0; k < n; k++) {
		g = &v->groups[k];
		if ((g->hits = ARENA_ARRAY(in->r->a, g->n_hits, struct view_hit)) == NULL)
			return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "search");
		for (i = 0; i < nrows && rows[i].id != ids[k]; i++)
			continue;
		g->row = i < nrows ? &rows[i] : NULL;
		for (g->n_hits = i = 0; i < f->n; i++)
			if (f->hit[i].thread_id == ids[k] &&
			    (err = fill_hit(in, w, &f->hit[i], &g->hits[g->n_hits++])) != NULL)
				return err;
	}
	v->n_groups = n;
	return NULL;
}

static const struct ib_err *
fill_names(struct inbox *in, const struct search_words *w, const struct search_ask *ask, struct view_search *v)
{
	struct search_ask names = *ask;
	const struct ib_err *err;
	struct search_name *s;
	int64_t ids[NAMES];
	size_t i, n;

	names.max = NAMES;
	if ((err = search_names(in->app->db, in->r->a, w, &names, &s, &n)) != NULL)
		return err;
	for (i = 0; i < n; i++)
		ids[i] = s[i].thread_id;
	return rows_load(in, ids, n, &v->names, &v->n_names);
}

/* The same question about older messages; addresses are built from what has been understood alone. */
static const char *
older_href(struct inbox *in, const struct search_ask *ask, const struct view_search *v, int64_t at, int64_t id)
{
	struct ib_buf q;
	const char *s;

	buf_init(&q, 4096);
	buf_put_url(&q, v->q);
	s = req_href(in->app, in->r, "/search?q=%s&page=%lld&from=%s&to=%s&before=%s", buf_cstr(&q),
	    (long long)ask->page_id, v->from, v->to, key_text(in->r->a, at, id));
	buf_fini(&q);
	return s;
}

static const struct ib_err *
answer(struct inbox *in, const struct search_ask *ask, struct view_search *v)
{
	struct search_found f = { 0 };
	const struct ib_err *err;
	struct search_words w;
	bool whole;

	if ((err = search_parse(in->r->a, v->q, &w)) != NULL)
		return err;
	v->asked = w.n > 0;
	if (!v->asked)
		return NULL;
	if ((err = db_read_begin(in->app->db)) != NULL ||
	    (ask->before_at == 0 && ask->from == 0 && ask->until == 0 && (err = fill_names(in, &w, ask, v)) != NULL) ||
	    (err = search_messages(in->app->db, in->r->a, &w, ask, &f)) != NULL ||
	    (err = fill_groups(in, &w, &f, v)) != NULL ||
	    (err = search_state(in->app->db, in->r->a, &whole)) != NULL)
		return err;
	v->building = !whole;
	if (f.reached != 0) {
		v->partial = true;
		v->further = older_href(in, ask, v, f.reached, 0);
	} else if (f.more) {
		v->older = older_href(in, ask, v, f.hit[f.n - 1].at, f.hit[f.n - 1].id);
	}
	v->none = v->n_names == 0 && f.n == 0 && !v->partial;
	return NULL;
}

static const struct ib_err *
fill_pages(struct inbox *in, struct search_ask *ask, struct view_search *v)
{
	int64_t page = 0;
	size_t i;

	if ((v->pages = ARENA_ARRAY(in->r->a, in->npages + 1, struct view_choice)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "search");
	(void)str_int_in(req_query(in->r, "page"), 1, INT64_MAX, &page);
	for (i = 0; i < in->npages; i++) {
		v->pages[i] = (struct view_choice){ arena_printf(in->r->a, "%lld", (long long)in->pages[i].id),
			in->pages[i].name, in->pages[i].id == page };
		if (in->pages[i].id == page)
			ask->page_id = page;
	}
	v->n_pages = in->npages > 1 ? in->npages : 0;
	return NULL;
}

const struct ib_err *
h_search(struct app *app, struct req *r)
{
	struct search_ask ask = { .install_id = r->session->install_id, .max = HITS, .budget_ms = BUDGET_MS };
	struct view_search v = { .frame = view_frame_make(app, r), .q = req_query(r, "q") };
	const char *before = req_query(r, "before");
	const struct ib_err *err;
	struct inbox in;
	bool often = false;

	if (!r->session->may_read)
		return resp_problem(app, r, 403, "problem.private");
	if (before != NULL && !key_parse(before, &ask.before_at, &ask.before_id))
		return resp_problem(app, r, 400, "problem.bad_request");
	if (v.q == NULL)
		v.q = "";
	if ((err = inbox_begin(app, r, &in)) != NULL || (err = fill_pages(&in, &ask, &v)) != NULL)
		return err;
	v.action = req_href(app, r, "/search");
	v.back = req_href(app, r, "/inbox");
	v.from = fmt_date_of(r, "from");
	v.to = fmt_date_of(r, "to");
	v.filtered = ask.page_id != 0 || *v.from != '\0' || *v.to != '\0';
	ask.from = fmt_day_start(&in.fmt, v.from, 0);
	if ((ask.until = fmt_day_start(&in.fmt, v.to, 0)) != 0)
		ask.until += MS_DAY;
	v.too_long = str_chars(v.q) > SEARCH_CHARS_MOST;
	if (!v.too_long && !str_blank(v.q)) {
		if ((err = search_count(app->db, r->session->user_id, r->now, PER_MINUTE, &often)) != NULL)
			return err;
		if (!often && (err = answer(&in, &ask, &v)) != NULL)
			return err;
	}
	v.often = often;
	return resp_page(app, r, often ? 429 : 200, TPL_SEARCH, &v);
}
