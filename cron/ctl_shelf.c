/* SPDX-License-Identifier: MIT */
/*
 * ctl_shelf.c - inboxctl shelf: events that could not be processed.
 *
 *   list       one line each, newest first
 *   show ID    the event with its texts blanked, as JSON
 *   retry      try all of them again now
 */
#include "ctl.h"

#include "../lib/base/clock.h"
#include "../lib/base/str.h"
#include "../lib/store/shelf.h"
#include "../lib/sync/sync.h"

#include <stdio.h>
#include <string.h>

#define LISTED	1000

static const struct ib_err *
list(struct db *db, struct arena *a)
{
	const struct ib_err *err;
	struct shelf_row *rows;
	char iso[25];
	size_t i, n;

	if ((err = shelf_list(db, a, 0, LISTED, &rows, &n)) != NULL)
		return err;
	for (i = 0; i < n; i++) {
		clock_iso(rows[i].received_at, iso);
		printf("%-6lld %s  %-8s  %7lld bytes  version %s, %lld times again  %s\n",
		    (long long)rows[i].id, iso, rows[i].why, (long long)rows[i].size, rows[i].program,
		    (long long)rows[i].tries, rows[i].page != NULL ? rows[i].page : "-");
	}
	if (n == 0)
		puts("nothing is on the shelf");
	return NULL;
}

static const struct ib_err *
show(struct db *db, struct arena *a, int64_t id)
{
	const struct ib_err *err;
	struct shelf_row *row;
	struct ib_buf out;
	char iso[25];

	if ((err = shelf_get(db, a, 0, id, &row)) != NULL)
		return err;
	if (row == NULL)
		return ib_fail(IB_ENOENT, IB_RETRY_NEVER, "no event %lld on the shelf", (long long)id);
	clock_iso(row->received_at, iso);
	buf_init(&out, (size_t)8 << 20);
	if ((err = shelf_export(a, row, iso, &out)) == NULL)
		puts(buf_cstr(&out));
	buf_fini(&out);
	return err;
}

static const struct ib_err *
retry(const struct conf *conf, struct db *db)
{
	const struct ib_err *err;
	int64_t tried = 0, helped = 0;
	struct keyring *keys = NULL;
	struct sync *s = NULL;

	if ((err = keyring_load(conf_str(conf, CONF_KEY_FILE), &keys)) == NULL &&
	    (err = sync_new(conf, db, keys, &s)) == NULL)
		err = sync_shelf(s, clock_now(), true, SIZE_MAX, &tried, &helped);
	if (err == NULL)
		printf("%lld of %lld events were processed and have left the shelf\n",
		    (long long)helped, (long long)tried);
	sync_free(s);
	keyring_free(keys);
	return err;
}

int
ctl_shelf(const struct conf *conf, char *const *args)
{
	const char *what = args[0] != NULL ? args[0] : "list";
	bool shows = strcmp(what, "show") == 0;
	const struct ib_err *err;
	struct db *db = NULL;
	struct arena a;
	int64_t id = 0;

	if ((!shows && strcmp(what, "list") != 0 && strcmp(what, "retry") != 0) ||
	    (shows && (args[1] == NULL || !str_int_in(args[1], 1, INT64_MAX, &id))) ||
	    (!shows && args[0] != NULL && args[1] != NULL)) {
		fputs("inboxctl: shelf takes list, show ID or retry\n", stderr);
		return 2;
	}
	if ((err = ctl_open_db(conf, 0, &db)) != NULL)
		return ctl_fail(err);
	arena_init(&a, (size_t)32 << 20);
	err = shows ? show(db, &a, id) : strcmp(what, "retry") == 0 ? retry(conf, db) : list(db, &a);
	arena_fini(&a);
	db_close(db);
	return err == NULL ? 0 : ctl_fail(err);
}
