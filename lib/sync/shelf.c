/* SPDX-License-Identifier: MIT */
/*
 * shelf.c - the poison shelf once more, after an upgrade or by hand.
 *
 * Each event in a transaction of its own: what works becomes rows and leaves
 * the shelf in the same commit; what does not stays, with the version that
 * tried, so that it is not tried again by the same one.  A full disk or busy
 * database ends the attempt and counts as none.
 */
#include "sync.h"

#include "../base/log.h"
#include "../store/install.h"
#include "../store/page.h"
#include "../store/shelf.h"

#include <string.h>

/* The webhook body that had this event alone in it; NULL when it cannot be read. */
static struct json *
body_of(const struct shelf_row *row, const char *array, const char *page, const char *text)
{
	struct json *root = json_new_object(), *entries = json_new_array(), *entry = json_new_object();
	struct json *list = json_new_array(), *event = NULL;
	const struct ib_err *err;
	bool good;

	if ((err = json_parse(text, strlen(text), JSON_LENIENT_, &event)) != NULL)
		log_err(err, "shelf");
	good = json_add(list, event);
	good &= json_set_str(entry, "id", page) && json_set_int(entry, "time", row->received_at);
	good &= json_set(entry, array, list);
	good &= json_add(entries, entry);
	good &= json_set_str(root, "object", "page");
	good &= json_set(root, "entry", entries);
	if (good)
		return root;
	json_free(root);
	return NULL;
}

/* The rows of one event, in the open transaction.  *why: it cannot be processed. */
static const struct ib_err *
try_event(struct sync *s, struct arena *a, struct json *body, int64_t now, const char **why)
{
	const struct ib_err *err;
	bool changed = false, fetch = false;
	struct fb_event *ev;
	struct page *p;
	size_t n;

	*why = "unknown";
	if ((err = fb_events(a, body, now, &ev, &n)) != NULL)
		return err;
	if (n != 1 || ev[0].kind == FB_UNKNOWN || ev[0].page == NULL)
		return NULL;
	if ((err = page_by_fb(s->db, a, ev[0].page, &p)) != NULL || p == NULL)
		return err;
	if ((err = ingest_event(s, a, &ev[0], now, &changed, &fetch)) == NULL && changed)
		err = install_touch(s->db, p->install_id);
	*why = NULL;
	return err;
}

/* A whole body that could not even be read: now as any webhook. */
static const struct ib_err *
try_body(struct sync *s, struct arena *a, const struct shelf_row *row, int64_t now, const char **why)
{
	const struct ib_err *err;
	struct json *root = NULL;
	struct fb_event *ev;
	enum hook_fate fate;
	bool fetch;
	size_t n;

	*why = "not json";
	err = json_parse(row->raw, row->raw_len, JSON_LENIENT_, &root);
	if (err == NULL)
		err = fb_events(a, root, now, &ev, &n);
	json_free(root);
	if (err != NULL)
		return err->retry == IB_RETRY_NEVER ? NULL : err;
	*why = NULL;
	return sync_hook(s, a, row->raw, row->raw_len, now, &fate, &fetch);
}

static const struct ib_err *
stay(struct sync *s, const struct shelf_row *row, const char *why)
{
	const struct ib_err *err;

	if ((err = db_begin(s->db)) != NULL)
		return err;
	if ((err = shelf_stay(s->db, row->id, why, PACKAGE_VERSION)) == NULL)
		err = db_commit(s->db);
	db_rollback(s->db);
	return err;
}

static const struct ib_err *
retry(struct sync *s, struct arena *a, const struct shelf_row *row, int64_t now, bool *helped)
{
	const struct ib_err *err;
	const char *array, *page, *text, *why = "unknown";
	struct json *body = NULL;

	*helped = false;
	if (!shelf_parts(a, row, &array, &page, &text)) {
		/* It has transactions of its own; a repeat does no harm. */
		if ((err = try_body(s, a, row, now, &why)) != NULL)
			return err;
		if (why != NULL)
			return stay(s, row, why);
		if ((err = db_begin(s->db)) != NULL)
			return err;
	} else {
		if ((body = body_of(row, array, page, text)) == NULL)
			return stay(s, row, why);
		if ((err = db_begin(s->db)) == NULL)
			err = try_event(s, a, body, now, &why);
		if (err != NULL && err->retry == IB_RETRY_NEVER) {
			log_err(err, "shelf");
			err = NULL;
			why = "refused";
		}
		if (err != NULL || why != NULL) {
			db_rollback(s->db);
			json_free(body);
			return err != NULL ? err : stay(s, row, why);
		}
	}
	if ((err = shelf_leave(s->db, row->id)) == NULL)
		err = db_commit(s->db);
	db_rollback(s->db);
	json_free(body);
	*helped = err == NULL;
	return err;
}

const struct ib_err *
sync_shelf(struct sync *s, int64_t now, bool all, size_t most, int64_t *tried, int64_t *helped)
{
	const struct ib_err *err;
	struct shelf_row *row;
	int64_t after = 0;
	bool good;

	*tried = *helped = 0;
	while ((size_t)*tried < most) {
		arena_reset(&s->arena);
		if ((err = shelf_next(s->db, &s->arena, all ? "" : PACKAGE_VERSION, after, &row)) != NULL)
			return err;
		if (row == NULL)
			break;
		after = row->id;
		if ((err = retry(s, &s->arena, row, now, &good)) != NULL)
			return err;
		++*tried;
		*helped += good;
	}
	if (*tried > 0)
		log_event(LOG_INFO_, "shelf", "tried", log_i(*tried), "helped", log_i(*helped), NULL);
	return NULL;
}
