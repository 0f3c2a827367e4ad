/* SPDX-License-Identifier: MIT */
/* shelf.c - see shelf.h. */
#include "shelf.h"

#include "../base/json.h"
#include "../base/str.h"

#include <string.h>

const struct ib_err *
shelf_count(struct db *db, int64_t install_id, int64_t *n)
{
	bool found;

	if (install_id == 0)
		return db_get_int(db, ST_QUARANTINE_COUNT, n, &found, "");
	return db_get_int(db, ST_SHELF_COUNT_OF, n, &found, "i", install_id);
}

static void
read_row(struct db_stmt *st, struct arena *a, struct shelf_row *w)
{
	w->id = db_col_int(st, 0);
	w->received_at = db_col_int(st, 1);
	w->page_id = db_col_int(st, 2);
	w->tries = db_col_int(st, 3);
	w->size = db_col_int(st, 4);
	w->page = db_col_dup(st, 5, a);
	w->why = db_col_dup(st, 6, a);
	w->program = db_col_dup(st, 7, a);
}

const struct ib_err *
shelf_list(struct db *db, struct arena *a, int64_t install_id, size_t max,
    struct shelf_row **out, size_t *n)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*n = 0;
	if ((*out = ARENA_ARRAY(a, max, struct shelf_row)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "shelf");
	err = install_id == 0 ? db_query(db, ST_SHELF_LIST, &st, "i", (int64_t)max) :
	    db_query(db, ST_SHELF_LIST_OF, &st, "ii", install_id, (int64_t)max);
	if (err != NULL)
		return err;
	while (*n < max && (err = db_step(st, &row)) == NULL && row)
		read_row(st, a, &(*out)[(*n)++]);
	db_release(st);
	return err;
}

/* One row with its content; releases the statement. */
static const struct ib_err *
one_row(struct arena *a, struct db_stmt *st, struct shelf_row **out)
{
	const struct ib_err *err;
	struct shelf_row *w;
	const void *raw;
	bool row;

	if ((err = db_step(st, &row)) == NULL && row) {
		if ((w = ARENA_NEW(a, struct shelf_row)) != NULL) {
			read_row(st, a, w);
			raw = db_col_blob(st, 8, &w->raw_len);
			w->raw = arena_dupn(a, raw != NULL ? raw : "", w->raw_len);
		}
		if (w == NULL || w->raw == NULL)
			err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "shelf");
		else
			*out = w;
	}
	db_release(st);
	return err;
}

const struct ib_err *
shelf_get(struct db *db, struct arena *a, int64_t install_id, int64_t id, struct shelf_row **out)
{
	const struct ib_err *err;
	struct db_stmt *st;

	*out = NULL;
	err = install_id == 0 ? db_query(db, ST_SHELF_GET, &st, "i", id) :
	    db_query(db, ST_SHELF_GET_OF, &st, "ii", id, install_id);
	return err != NULL ? err : one_row(a, st, out);
}

const struct ib_err *
shelf_next(struct db *db, struct arena *a, const char *program, int64_t after, struct shelf_row **out)
{
	const struct ib_err *err;
	struct db_stmt *st;

	*out = NULL;
	if ((err = db_query(db, ST_SHELF_NEXT, &st, "it", after, program)) != NULL)
		return err;
	return one_row(a, st, out);
}

const struct ib_err *
shelf_leave(struct db *db, int64_t id)
{
	return db_run(db, ST_SHELF_LEAVE, "i", id);
}

const struct ib_err *
shelf_stay(struct db *db, int64_t id, const char *why, const char *program)
{
	return db_run(db, ST_SHELF_STAY, "itt", id, why, program);
}

bool
shelf_parts(struct arena *a, const struct shelf_row *row, const char **array, const char **page,
    const char **json)
{
	const char *one, *two;

	if (!str_starts(row->raw, "messaging ") && !str_starts(row->raw, "standby "))
		return false;
	one = strchr(row->raw, ' ');
	if ((two = strchr(one + 1, ' ')) == NULL)
		return false;
	*array = arena_dupn(a, row->raw, (size_t)(one - row->raw));
	*page = arena_dupn(a, one + 1, (size_t)(two - one - 1));
	*json = two + 1;
	/* Changes came in an array of their own. */
	if (*array != NULL && str_starts(*json, "{\"field\":"))
		*array = "changes";
	return *array != NULL && *page != NULL;
}

/* Blanking ------------------------------------------------------------------------- */

#define WORD_MOST	120
#define KEY_MOST	40

/* Members whose values are no text of anybody. */
static const char *const plain[] = {
	"app_id", "attachment_id", "created_time", "field", "id", "item", "mid", "new_owner_app_id", "object",
	"page_id", "previous_owner_app_id", "recipient_id", "sender_id", "seq", "source", "status",
	"sticker_id", "template_type", "time", "timestamp", "type", "user_id", "verb", "watermark",
};

static bool
is_plain(const char *key, size_t n)
{
	size_t i;

	for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (strlen(plain[i]) == n && memcmp(plain[i], key, n) == 0)
			return true;
	return false;
}

static bool
made_of(const char *p, size_t n, const char *more, size_t most)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z') ||
		    (p[i] >= '0' && p[i] <= '9') || (p[i] != '\0' && strchr(more, p[i]) != NULL)))
			return false;
	return n > 0 && n <= most;
}

static void
put_class(const char *p, size_t n, struct ib_buf *out)
{
	size_t chars = 0, size = 1, i;

	/* A character is one byte that continues none, an escape one sign. */
	for (i = 0; i < n; i++) {
		if (((unsigned char)p[i] & 0xc0) == 0x80)
			continue;
		chars++;
		if (p[i] == '\\')
			i += i + 1 < n && p[i + 1] == 'u' ? 5 : 1;
	}
	while (size < chars)
		size *= 2;
	if (chars > 0)
		buf_printf(out, "…(%zu)", size);
}

/* The end of the string that begins behind p; n when it has none. */
static size_t
string_end(const char *p, size_t n, size_t i)
{
	while (i < n && p[i] != '"')
		i += p[i] == '\\' ? 2 : 1;
	return i < n ? i : n;
}

void
shelf_blank(const char *p, size_t n, struct ib_buf *out)
{
	static const char *const words[] = { "true", "false", "null" };
	const char *key = NULL;
	size_t i = 0, end, key_len = 0, k, len;
	bool keep;

	while (i < n) {
		keep = key != NULL && is_plain(key, key_len);
		if (p[i] == '"') {
			end = string_end(p, n, ++i);
			len = end - i;
			for (k = end + 1; k < n && strchr(" \t\r\n", p[k]) != NULL && p[k] != '\0'; k++)
				;
			buf_putc(out, '"');
			if (k < n && end < n && p[k] == ':') {
				key = p + i;
				key_len = len;
				if (made_of(key, key_len, "_", KEY_MOST))
					buf_append(out, key, key_len);
				else
					put_class(key, key_len, out);
			} else if (keep && made_of(p + i, len, "_.:-=$", WORD_MOST)) {
				buf_append(out, p + i, len);
			} else {
				put_class(p + i, len, out);
			}
			buf_putc(out, '"');
			i = end + 1;
			continue;
		}
		if ((p[i] >= '0' && p[i] <= '9') || p[i] == '-') {
			for (len = 1; i + len < n && made_of(p + i + len, 1, "+-.", 1); len++)
				;
			if (keep && strspn(p + i, "0123456789") >= len)
				buf_append(out, p + i, len);
			else
				buf_putc(out, '0');
			i += len;
			continue;
		}
		for (k = 0; k < 3; k++)
			if ((len = strlen(words[k])) <= n - i && memcmp(p + i, words[k], len) == 0)
				break;
		if (k < 3) {
			buf_puts(out, words[k]);
			i += len;
			continue;
		}
		/* What belongs to JSON stays; of anything else only that it is there. */
		if (p[i] == '}')
			key = NULL;
		if (p[i] != '\0' && strchr("{}[]:, \t\r\n", p[i]) != NULL)
			buf_putc(out, p[i]);
		else if (((unsigned char)p[i] & 0xc0) != 0x80)
			buf_putc(out, 'x');
		i++;
	}
}

const struct ib_err *
shelf_export(struct arena *a, const struct shelf_row *row, const char *at, struct ib_buf *out)
{
	const char *array, *page, *json = row->raw;
	const struct ib_err *err, *bad;
	struct json *doc = json_new_object(), *event = NULL;
	struct ib_buf blank;
	bool good;

	buf_init(&blank, (size_t)4 << 20);
	good = doc != NULL && json_set_int(doc, "id", row->id) && json_set_str(doc, "received_at", at) &&
	    json_set_str(doc, "why", row->why) && json_set_str(doc, "program", row->program) &&
	    json_set_int(doc, "tries", row->tries) && json_set_int(doc, "bytes", row->size);
	if (shelf_parts(a, row, &array, &page, &json))
		good = good && json_set_str(doc, "array", array) && json_set_str(doc, "page", page);
	shelf_blank(json, row->raw_len - (size_t)(json - row->raw), &blank);
	if ((err = buf_check(&blank)) != NULL)
		goto done;
	if ((bad = json_parse(blank.p != NULL ? blank.p : "", blank.len, JSON_LENIENT_, &event)) == NULL) {
		good = good && json_set(doc, "event", event);
	} else {
		/* No JSON before, none now: its shape. */
		good = good && json_set_str(doc, "shape", buf_cstr(&blank));
	}
	err = good ? json_dump(doc, false, out) : ib_fail(IB_ENOMEM, IB_RETRY_LATER, "shelf_export");
done:
	json_free(doc);
	buf_fini(&blank);
	return err;
}
