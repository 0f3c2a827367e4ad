/* SPDX-License-Identifier: MIT */
/*
 * page.h - connected Facebook Pages.
 *
 *   active   events are stored, replies go out
 *   broken   the token is dead or the permission gone; events that still come
 *            are stored, replies wait; `why` is the catalogue key of the reason
 *   removed  disconnected; the row stays so that connecting again finds its
 *            threads
 *
 * Two brakes: pause_until, asked for by Facebook, stops everything; send_after
 * grows with refusals of sends in a row and stops only sends.
 *
 * A Page is connected to one company at a time (unique index page_once).
 */
#ifndef IB_PAGE_H
#define IB_PAGE_H

#include "../base/crypt.h"
#include "../db/db.h"

enum page_state { PAGE_ACTIVE, PAGE_BROKEN, PAGE_REMOVED };

struct page {
	int64_t		 id, install_id, user_id;
	const char	*fb_id, *name, *why, *policy;
	enum page_state	 state;
	const char	*token;		/* opened; only from page_with_token */
	int64_t		 pause_until, read_at, connected_at;
	int64_t		 synced_until, pass_top, pass_started, checked_at;
	const char	*pass_cursor;
	const char	*import_state;
	int64_t		 import_done, import_total;
	int64_t		 send_after, refusals;	/* refused in a row: no sends before */
	int64_t		 catch_total, ask_at;
	const char	*read_why;	/* catalogue key: why the last read did not work; "" */
	int64_t		 last_event_at, token_at, token_until, sub_at;
	const char	*sub_state;	/* "", ok, restored, lost */
};

/* Who holds this Page id now; *out NULL when nobody.  No token. */
IB_MUST const struct ib_err *page_by_fb(struct db *db, struct arena *a, const char *fb_id, struct page **out);
IB_MUST const struct ib_err *page_get(struct db *db, struct arena *a, int64_t id, struct page **out);
/* As page_get, the token opened; token NULL when there is none or it does not open. */
IB_MUST const struct ib_err *page_with_token(struct db *db, const struct keyring *keys,
    struct arena *a, int64_t id, struct page **out);
/* Pages of an install that are not removed. */
IB_MUST const struct ib_err *pages_of(struct db *db, struct arena *a, int64_t install_id,
    struct page **out, size_t *n);
/* Insert or reconnect (same id, threads kept); token sealed.  In a transaction. */
IB_MUST const struct ib_err *page_put(struct db *db, const struct keyring *keys, struct arena *a,
    int64_t install_id, const char *fb_id, const char *name, const char *token, const char *asid,
    int64_t user_id, int64_t now, int64_t *id);
/* Pages connected with this Facebook login ("0": none), and the one of that id (NULL: none), that have a token. */
IB_MUST const struct ib_err *pages_of_login(struct db *db, struct arena *a, const char *asid,
    const char *fb_id, struct page **out, size_t *n);
/* The token is erased, the Page broken; it is connected again with another. */
IB_MUST const struct ib_err *page_token_end(struct db *db, int64_t id, const char *why_key);
/* No Page remembers who connected it with this login. */
IB_MUST const struct ib_err *page_forget_login(struct db *db, const char *asid);
IB_MUST const struct ib_err *page_set_broken(struct db *db, int64_t id, const char *why_key);
/* At most PAUSE_MOST_MS ahead (PAUSE_OVER in stmts.def). */
#define PAUSE_MOST_MS	INT64_C(14400000)
IB_MUST const struct ib_err *page_pause(struct db *db, int64_t id, int64_t until);
/* Threads that a comparison still has to read. */
IB_MUST const struct ib_err *page_wanted(struct db *db, int64_t id, int64_t *n);
/*
 * The Conversations API allows two calls a second per Page (messenger.md 9).
 * A claim is both the brake and the lease: it is granted to one worker, 520 ms
 * after the former call ended, and ends by itself when that worker dies.
 * Release it when the call is over; `claimed` is the time given to the claim.
 */
#define PAGE_READ_GAP_MS	520
IB_MUST const struct ib_err *page_claim_read(struct db *db, int64_t id, int64_t now, bool *mine);
IB_MUST const struct ib_err *page_release_read(struct db *db, int64_t id, int64_t claimed, int64_t now);

#endif
