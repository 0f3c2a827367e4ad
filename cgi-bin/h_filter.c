/* SPDX-License-Identifier: MIT */
/*
 * h_filter.c - the page where the list is narrowed, and a person's own filters.
 *
 * The form comes back here and leads on to the list: a filter has one address,
 * whoever wrote it.
 */
#include "handlers.h"
#include "inbox.h"

#include "../lib/base/str.h"
#include "../lib/store/saved.h"

#include <string.h>

/* The words of a row of filters.def as choices, by value; 0 is "does not matter", but of the view. */
static const struct ib_err *
word_choices(struct inbox *in, const struct filter *f, enum filter_id id, const enum str_id *labels,
    struct view_choice **out, size_t *n)
{
	struct arena *a = in->r->a;
	char word[16];

	*n = 0;
	if ((*out = ARENA_ARRAY(a, VIEW_MAX + 1, struct view_choice)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "choices");
	for (; *n <= VIEW_MAX; (*n)++) {
		int64_t v = (int64_t)*n;

		if (!filter_word(id, v, word)) {
			if (v != 0)
				break;
			word[0] = '\0';
		}
		(*out)[*n] = (struct view_choice){ arena_dup(a, word), cat_str(in->app->cats, in->r->lang, labels[v]),
			f->v[id] == v };
	}
	return NULL;
}

static const struct ib_err *
page_choices(struct inbox *in, const struct filter *f, struct view_filter *v)
{
	size_t i;

	if ((v->pages = ARENA_ARRAY(in->r->a, in->npages + 1, struct view_choice)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "choices");
	v->pages[v->n_pages++] = (struct view_choice){ "", cat_str(in->app->cats, in->r->lang, STR_FILTER_ANY_PAGE),
		f->v[FILTER_PAGE] == 0 };
	for (i = 0; i < in->npages; i++)
		v->pages[v->n_pages++] = (struct view_choice){ arena_printf(in->r->a, "%lld", (long long)in->pages[i].id),
			in->pages[i].name, f->v[FILTER_PAGE] == in->pages[i].id };
	v->some_pages = in->npages > 1;
	return NULL;
}

static const char *
day_text(struct arena *a, int64_t day)
{
	struct civil c;

	if (day == 0)
		return NULL;
	(void)clock_civil(day, "UTC", &c);
	return arena_printf(a, "%04d-%02d-%02d", c.year, c.month, c.day);
}

static const struct ib_err *
filter_page(struct app *app, struct req *r, const struct filter *f, const char *name, const char *error)
{
	static const enum str_id views[] = { STR_LIST_OPEN, STR_LIST_DONE, STR_LIST_SNOOZED, STR_LIST_ALL, STR_LIST_CLOSING };
	static const enum str_id links[] = { STR_FILTER_ANY_LINK, STR_FILTER_LINKED, STR_FILTER_UNLINKED };
	struct view_filter v = { .frame = view_frame_make(app, r), .name = name, .error = error };
	struct inbox in = { .app = app, .r = r };
	const struct ib_err *err;

	fmt_init(&in.fmt, app, r);
	if ((in.query = filter_query(r->a, f)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "filter");
	if ((err = pages_of(app->db, r->a, r->session->install_id, &in.pages, &in.npages)) != NULL ||
	    (err = word_choices(&in, f, FILTER_VIEW, views, &v.states, &v.n_states)) != NULL ||
	    (err = word_choices(&in, f, FILTER_LINKED, links, &v.links, &v.n_links)) != NULL ||
	    (err = page_choices(&in, f, &v)) != NULL ||
	    (err = saved_load(&in, &v.saved, &v.n_saved)) != NULL)
		return err;
	v.action = req_href(app, r, "/filter");
	v.save = req_href(app, r, "/filter/save");
	v.drop = req_href(app, r, "/filter/drop");
	v.back = inbox_href(&in, "/inbox");
	v.query = in.query;
	v.unread = f->v[FILTER_UNREAD] != 0;
	v.failed = f->v[FILTER_FAILED] != 0;
	v.from = day_text(r->a, f->v[FILTER_FROM]);
	v.to = day_text(r->a, f->v[FILTER_TO]);
	v.words = filter_words(&in, f);
	v.some_saved = v.n_saved > 0;
	return resp_page(app, r, error == NULL ? 200 : 422, TPL_FILTER, &v);
}

const struct ib_err *
h_filter(struct app *app, struct req *r)
{
	struct filter f;

	if (!r->session->may_read)
		return resp_problem(app, r, 403, "problem.private");
	if (!inbox_filter(r, &f))
		return resp_problem(app, r, 400, "problem.bad_request");
	if (req_query(r, "show") != NULL)
		return resp_see_other(app, r, "/inbox%s", filter_suffix(r));
	return filter_page(app, r, &f, NULL, NULL);
}

/* "state=done&page=3" of a hidden field, one pair at a time. */
struct pairs { struct arena *a; const char *text; };

static const char *
get_pair(const void *arg, const char *name)
{
	const struct pairs *q = arg;
	const char *p = q->text;
	size_t n = strlen(name), len;
	char *out;

	for (; *p != '\0'; p += len + (p[len] == '&')) {
		len = strcspn(p, "&");
		if (len > n && strncmp(p, name, n) == 0 && p[n] == '=') {
			if ((out = arena_alloc(q->a, len - n)) == NULL)
				return NULL;
			memcpy(out, p + n + 1, len - n - 1);
			out[len - n - 1] = '\0';
			return out;
		}
	}
	return NULL;
}

const struct ib_err *
h_filter_save(struct app *app, struct req *r)
{
	const char *raw = req_form(r, "name"), *query = req_form(r, "query"), *name, *why = NULL;
	struct pairs pairs = { r->a, query };
	const struct ib_err *err;
	struct filter f;
	bool full = false;

	if (!r->session->may_read)
		return resp_problem(app, r, 403, "problem.private");
	if (raw == NULL || query == NULL || !filter_read(&f, get_pair, &pairs))
		return resp_problem(app, r, 400, "problem.bad_request");
	if ((name = str_line(r->a, raw, strlen(raw), 4 * SAVED_NAME_MAX)) == NULL ||
	    (query = filter_query(r->a, &f)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "filter");
	if (str_blank(name) || str_utf16_units(name) > SAVED_NAME_MAX)
		why = cat_str(app->cats, r->lang, STR_FILTER_NEED_NAME);
	else if (!filter_any(&f))
		why = cat_str(app->cats, r->lang, STR_FILTER_NOTHING);
	else if ((err = saved_put(app->db, r->a, r->session->user_id, name, query, &full)) != NULL)
		return err;
	if (full)
		why = cat_str(app->cats, r->lang, STR_FILTER_FULL);
	return why != NULL ? filter_page(app, r, &f, name, why) : resp_see_other(app, r, "/inbox?%s", query);
}

const struct ib_err *
h_filter_drop(struct app *app, struct req *r)
{
	const char *name = req_form(r, "name");
	const struct ib_err *err;

	if (!r->session->may_read)
		return resp_problem(app, r, 403, "problem.private");
	if (name == NULL)
		return resp_problem(app, r, 400, "problem.bad_request");
	if ((err = saved_drop(app->db, r->a, r->session->user_id, name)) != NULL)
		return err;
	return resp_see_other(app, r, "/filter?notice=saved");
}
