/* SPDX-License-Identifier: MIT */
/*
 * fresh.c - how fresh the inbox is: when each Page was last compared with
 * Facebook, what is still being fetched, and what is in the way.
 *
 * The least fresh Page speaks for all: nobody shall believe that everything is
 * here while one Page is silent.
 */
#include "inbox.h"

#include <string.h>

static const char *
say(const struct fmt *f, enum str_id id)
{
	return cat_str(f->cats, f->lang, id);
}

/* *why: the reason why a Page has not been compared for long, NULL when it has; *left threads are still to be read. */
static const struct ib_err *
fresh_page(struct app *app, const struct fmt *f, const struct page *p, const char **why, int64_t *left)
{
	const struct speech sp = fmt_speech(f);
	const struct ib_err *err;
	const struct said *said;

	*why = NULL;
	if ((err = sync_fresh(app->db, f->a, p, f->now, &said, left)) == NULL)
		*why = said_text(said, &sp);
	return err;
}

static const char *
progress(const struct fmt *f, int64_t done, int64_t total)
{
	if (total <= 0)
		return say(f, STR_SYNC_BEGINNING);
	return cat_fill(f->a, say(f, STR_SYNC_CATCHING), "done", fmt_number(f, done), "total",
	    fmt_number(f, total), NULL);
}

const struct ib_err *
fresh_load(struct inbox *in, int64_t thread, struct view_sync **out)
{
	const struct fmt *f = &in->fmt;
	int64_t left, done = 0, total = 0, checked = INT64_MAX, since = INT64_MAX;
	const char *why, *worst = NULL;
	const struct ib_err *err;
	bool working = false;
	struct view_sync *v;
	size_t i;

	*out = NULL;
	if (in->npages == 0)
		return NULL;
	if ((v = ARENA_NEW(in->r->a, struct view_sync)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "sync");
	for (i = 0; i < in->npages; i++) {
		const struct page *p = &in->pages[i];

		if ((err = fresh_page(in->app, f, p, &why, &left)) != NULL)
			return err;
		if (why != NULL && (worst == NULL || p->checked_at < since)) {
			worst = why;
			since = p->checked_at;
		}
		if (p->state != PAGE_ACTIVE)
			continue;
		if (p->checked_at < checked)
			checked = p->checked_at;
		if (strcmp(p->import_state, "done") != 0) {
			working = true;
			done += p->import_done;
			total += p->import_total;
		} else if (left > 0 || p->pass_started > 0) {
			working = true;
			done += p->catch_total > left ? p->catch_total - left : 0;
			total += p->catch_total > left ? p->catch_total : left;
		}
	}
	if (worst != NULL && since > 0)
		v->text = cat_fill(in->r->a, say(f, STR_SYNC_STALE), "time", fmt_since(f, since),
		    "reason", worst, NULL);
	else if (worst != NULL)
		v->text = cat_fill(in->r->a, say(f, STR_SYNC_NEVER), "reason", worst, NULL);
	else if (working || checked == 0 || checked == INT64_MAX)
		v->text = progress(f, done, total);
	else
		v->text = cat_fill(in->r->a, say(f, STR_SYNC_FRESH), "time", fmt_since(f, checked), NULL);
	v->stale = worst != NULL;
	v->action = req_below(in->app, in->r, "/sync");
	if (thread != 0)
		v->thread = arena_printf(in->r->a, "%lld", (long long)thread);
	if (in->r->session->admin)
		v->health = req_below(in->app, in->r, "/health");
	*out = v;
	return NULL;
}
