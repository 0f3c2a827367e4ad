/* SPDX-License-Identifier: MIT */
/*
 * thread.h - conversations: one Page, one PSID; and the list people see.
 *
 * The row carries what the list shows, so that fifty rows are one index scan.
 * Order: last real message first, ties by id; pages of the list are cut by
 * that key, never by an offset.
 */
#ifndef IB_THREAD_H
#define IB_THREAD_H

#include "../db/db.h"
#include "filter.h"

/* Stored: append only. */
enum thread_state { THREAD_OPEN, THREAD_DONE, THREAD_SNOOZED };

/*
 * Reply window (messenger.md 5.5), with the reason why it is open: a day since
 * the customer's last action; AD, up to 7 days since the first message after an
 * ad (Facebook's policy says "may": it can refuse, see thread_ad_refused); AGENT,
 * 7 days since the last action, for what somebody answers personally.
 */
enum window { WINDOW_NEVER, WINDOW_OPEN, WINDOW_AD, WINDOW_AGENT, WINDOW_CLOSED };
#define WINDOW_MS	(INT64_C(24) * 3600 * 1000)
#define WINDOW_LONG_MS	(INT64_C(7) * 24 * 3600 * 1000)
#define WINDOW_MARGIN_MS (INT64_C(5) * 60 * 1000)
/*
 * The one place that decides: state at `now` and until when (closed: since
 * when).  AGENT only with human_agent; what comes before it ends 5 minutes
 * early, so that a reply under way does not miss the line.
 */
enum window window_state(int64_t customer_at, int64_t ad_at, int64_t now, bool human_agent, int64_t *until);

struct thread {
	int64_t		 id, install_id, page_id;
	const char	*psid, *name, *snippet, *fb_id, *owner_app, *source, *picture, *link;
	const char	*history, *history_cursor;	/* unknown, more, start, end */
	int64_t		 last_at, last_id, last_in_at, customer_at;
	int64_t		 delivered_at, seen_at, created_at;
	int64_t		 last_user, failed;
	int		 last_dir, snippet_kind;
	int64_t		 upto;		/* how far the asking user has read */
	int64_t		 in_n, unread;	/* incoming messages ever; those the asking user has not read */
	enum thread_state state;
	int64_t		 state_at, state_by;	/* since when, by whom: 0 = a customer's message, or the clock */
	int64_t		 until_at, woke_at;	/* put off until; came back then */
	int64_t		 ad_at;		/* of window_state: 0 = none, or refused */
	int64_t		 source_at;	/* when the ad or link of `source` brought the customer */
	int64_t		 due;		/* VIEW_CLOSING only: the deadline it is listed for */
	bool		 linked;	/* to a record in Pipedrive; in the list only */
};

/* The row, if it belongs to the install; *out NULL else. */
IB_MUST const struct ib_err *thread_get(struct db *db, struct arena *a, int64_t install_id,
    int64_t id, int64_t user_id, struct thread **out);
/*
 * One page of the list, in the order of its view, from behind the key `at`, `id`
 * on (0 = from the start).  Only what the list shows is filled (psid where no
 * name is known).
 */
#define LIST_WALK	2000	/* conversations looked at for one page of a narrowed list */
struct list_ask {
	const struct filter *filter;	/* NULL: open conversations */
	const char	*zone;		/* of the filter's days */
	int64_t		 at, id;
	int		 max;
	int64_t		 now;		/* of VIEW_CLOSING: deadlines within CLOSING_MS from now on, */
	bool		 human_agent;	/* with those of personal replies */
};
#define CLOSING_MS	(INT64_C(12) * 3600 * 1000)	/* until tomorrow morning */
struct list_end {
	bool		 more;		/* there are more behind the last row, */
	bool		 further;	/* or nobody knows: as many were looked at as one request may; */
	int64_t		 at, id;	/* the key to go on from, either way */
};
IB_MUST const struct ib_err *thread_list(struct db *db, struct arena *a, int64_t install_id,
    int64_t user_id, const struct list_ask *ask, struct thread **out, size_t *n, struct list_end *end);
/* Is there any conversation at all, in whatever state? */
IB_MUST const struct ib_err *thread_any(struct db *db, int64_t install_id, bool *any);

/*
 * The state, for everybody of the company; a message that is new to us reopens
 * (ingest.c), and so does the clock: thread_wake.  *changed false: it was so, or
 * is not there.  `until` counts with THREAD_SNOOZED.
 */
IB_MUST const struct ib_err *thread_set_state(struct db *db, struct arena *a, int64_t install_id, int64_t id,
    int64_t user_id, enum thread_state state, int64_t until, int64_t now, bool *changed);
/* In a transaction: a customer wrote. */
IB_MUST const struct ib_err *thread_reopen(struct db *db, int64_t id, int64_t at);
/*
 * What was put off until now comes back.  Whoever reads a company's
 * conversations calls this before, when install.wake_at says so: that is why
 * the state in the row is the whole truth.
 */
IB_MUST const struct ib_err *thread_wake(struct db *db, int64_t install_id, int64_t now);
/* A company for which that is due; 0 = none. */
IB_MUST const struct ib_err *thread_wake_next(struct db *db, int64_t now, int64_t *install_id);

/* Customers whose name has `part` in it, latest first, at most `max`; filled: id, page, psid, name, last_at. */
IB_MUST const struct ib_err *thread_by_name(struct db *db, struct arena *a, int64_t install_id,
    const char *part, size_t max, struct thread **out, size_t *n, bool *more);

/* For ingest, in a transaction. */
struct thread_row {
	int64_t		 id, last_at, last_id, last_in_at, customer_at;
	int64_t		 delivered_at, seen_at, profile_at, profile_got;
	int64_t		 control_at, standby_at, direct_at;
	int64_t		 ad_click, ad_at;	/* kept by thread_count_ad */
	int64_t		 last_user, in_n;
	int		 last_dir, snippet_kind;
	enum thread_state state;	/* not written back: thread_reopen */
	const char	*owner_app, *control_app, *snippet;
	bool		 has_name;
	bool		 created;	/* by this call */
};
IB_MUST const struct ib_err *thread_find(struct db *db, struct arena *a, int64_t install_id,
    int64_t page_id, const char *psid, int64_t now, struct thread_row *out);
/* Write back everything of the row that ingest may move. */
IB_MUST const struct ib_err *thread_save(struct db *db, const struct thread_row *t);
/*
 * The window that an ad opens, anew from the messages there are: after a click,
 * a message of the customer's or a change of their times.  Nothing to do for a
 * thread without clicks.  *t has them then.
 */
IB_MUST const struct ib_err *thread_count_ad(struct db *db, struct thread_row *t);
/* Facebook refused a reply in the window of the ad that counts now: it is none. */
IB_MUST const struct ib_err *thread_ad_refused(struct db *db, int64_t id);
IB_MUST const struct ib_err *thread_set_name(struct db *db, int64_t id, const char *name);	/* only where none is */
IB_MUST const struct ib_err *thread_set_source(struct db *db, int64_t id, const char *json, int64_t at);	/* the earliest counts */
IB_MUST const struct ib_err *thread_set_fb(struct db *db, int64_t id, const char *fb_id, int64_t synced_at);
IB_MUST const struct ib_err *thread_set_history(struct db *db, int64_t id, const char *state, const char *cursor);
/* Read by this person: all `in_n` messages that came in, the last of them at `upto`. */
IB_MUST const struct ib_err *thread_mark_seen(struct db *db, int64_t user_id, int64_t id, int64_t upto, int64_t in_n);
/* As if the last one had not been read. */
IB_MUST const struct ib_err *thread_mark_unread(struct db *db, int64_t install_id, int64_t user_id, int64_t id);
/* Add to the count of failed replies (never below 0). */
IB_MUST const struct ib_err *thread_add_failed(struct db *db, int64_t id, int delta);

/* Profiles that are due: oldest first. */
struct profile_due { int64_t thread_id, page_id, install_id, tries, due; const char *psid; };
IB_MUST const struct ib_err *profile_next(struct db *db, struct arena *a, int64_t now, struct profile_due **out);
/* One worker takes it: *mine false when another was first.  It comes back at `again` if nobody finishes it. */
IB_MUST const struct ib_err *profile_claim(struct db *db, const struct profile_due *d, int64_t again, bool *mine);
/* name or picture NULL: leave; next_at 0: done. */
IB_MUST const struct ib_err *profile_done(struct db *db, int64_t thread_id, const char *name,
    const char *picture, int64_t next_at, int64_t now);

#endif
