/* SPDX-License-Identifier: MIT */
/*
 * outbox.h - replies on their way to Messenger.
 *
 * A reply is a message row (what people see) plus an outbox row (the work),
 * written in one transaction:
 *
 *   queued -> sending -> sent        an answer came, or an echo did
 *                   \-> deferred     temporary refusal, next_at is set
 *                   \-> checking     no answer: only evidence settles it
 *                   \-> failed       permanent, shown to the agent
 *   any open state  -> failed        the Page or the company left
 *   failed          -> cancelled     somebody deleted it, or wrote it anew
 *
 * A lease that ends in `sending` (a worker died) becomes `checking`: the call
 * may have been made.  Where to look for what came of it is told by Facebook's
 * clock alone (after_at): ours may be wrong.  A row leaves `sending` and `checking` only through
 * outbox_settle().  Within a thread the oldest open row goes first; later
 * ones wait for it.
 */
#ifndef IB_OUTBOX_H
#define IB_OUTBOX_H

#include "message.h"

enum outbox_state { OUT_QUEUED, OUT_SENDING, OUT_DEFERRED, OUT_CHECKING, OUT_SENT, OUT_FAILED, OUT_CANCELLED };
enum outbox_refusal { OUTBOX_OK, OUTBOX_DUPLICATE, OUTBOX_NO_FILE };

#define REPLY_MAX_UNITS	2000	/* UTF-16 units; messenger.md 5.2 leaves the unit open: the strictest reading but bytes */
#define OUTBOX_PREFIX	"pd:out:"
#define OUTBOX_LEASE_MS	INT64_C(30000)
#define OUTBOX_FILE_MS	INT64_C(110000)	/* lease of a reply that is a file; ST_OUTBOX_EXPIRED knows none over 120 s */

struct outbox {
	int64_t		 id, install_id, page_id, thread_id, msg_id, msg_at, user_id;
	int64_t		 attempts, checks, next_at, created_at;
	int64_t		 after_at;	/* what came of it is not older than this, by Facebook's clock */
	enum outbox_state state;
	const char	*token, *text, *psid, *fb_thread, *look;
	const char	*file, *file_name, *file_mime;	/* instead of text: in media_dir; NULL: a text */
	enum fb_att	 file_type;
	int64_t		 file_size;
	int64_t		 customer_at;
	int		 code, subcode;
};

/*
 * Queue a reply.  `client_key` is the random key of the posted form: the same
 * key for the same thread is a no-op (OUTBOX_DUPLICATE).  Opens its own
 * transaction; on error nothing was written.  *msg_id is the new (or the
 * former) message.  `replaces`: the message of a failed reply that this one
 * takes the place of, 0 = none; one that is not failed any more stays.
 *
 * `files`: keys of uploads (upload.h) of this person and conversation, each of
 * which becomes a message of its own behind the text, in order; then the text may
 * be blank.  All of it or nothing: OUTBOX_NO_FILE when one of them is not there.
 */
IB_MUST const struct ib_err *outbox_put(struct db *db, struct arena *a, int64_t install_id,
    int64_t thread_id, int64_t user_id, const char *client_key, const char *text, int64_t replaces,
    const char *const *files, size_t n_files, int64_t now, int64_t *msg_id, enum outbox_refusal *refusal);
/* A failed reply goes again: same message, same row.  *ok false when it is not in `failed`. */
IB_MUST const struct ib_err *outbox_retry(struct db *db, int64_t install_id, int64_t thread_id,
    int64_t msg_id, int64_t now, bool *ok);
/*
 * A failed reply leaves the page.  Its row stays, so that an echo that comes
 * late still finds it and the same form is no second reply.  *ok as above.
 */
IB_MUST const struct ib_err *outbox_dismiss(struct db *db, struct arena *a, int64_t install_id,
    int64_t thread_id, int64_t msg_id, int64_t now, bool *ok);
/* The message of a failed reply; *out NULL when it is none of this install and thread. */
IB_MUST const struct ib_err *outbox_failed(struct db *db, struct arena *a, int64_t install_id,
    int64_t thread_id, int64_t msg_id, struct message **out);
/*
 * Take the next row that may be sent now: due, first of its thread, its Page
 * active.  Marks it `sending` and commits before returning: the call may then
 * be made.  *out NULL when there is nothing.
 */
IB_MUST const struct ib_err *outbox_lease(struct db *db, struct arena *a, int64_t now, struct outbox **out);
/* Rows in `sending` whose lease has ended become `checking`. */
IB_MUST const struct ib_err *outbox_expire(struct db *db, int64_t now, int64_t *n);
/* The next row in `checking` that is due to be looked for; leased for 30 s. */
IB_MUST const struct ib_err *outbox_check_next(struct db *db, struct arena *a, int64_t now, struct outbox **out);
/*
 * A piece of a look found nothing: it goes on from `cursor` at next_at.  With
 * `counts` it went back far enough; the look is over and the next begins anew.
 */
IB_MUST const struct ib_err *outbox_looked(struct db *db, const struct outbox *o, bool counts,
    const char *cursor, int64_t next_at);
/* By our id in an echo's metadata; *out NULL when unknown on that Page. */
IB_MUST const struct ib_err *outbox_by_token(struct db *db, struct arena *a, int64_t page_id,
    const char *token, struct outbox **out);
/*
 * May this message be what came of the reply?  The same words, but for blanks,
 * which Facebook may trim and fold; or one file of its kind or its name.
 */
bool outbox_same(struct arena *a, const struct outbox *o, const struct fb_event *e);
/*
 * A reply under way (sending, checking) in this thread that this message may be, first
 * tried when nothing newer was known: what a copy without our id may be evidence of.  *out NULL: none.
 */
IB_MUST const struct ib_err *outbox_like(struct db *db, struct arena *a, int64_t thread_id,
    const struct fb_event *e, struct outbox **out);

/* What became of it. */
struct outbox_end {
	enum outbox_state state;	/* SENT, DEFERRED, CHECKING, FAILED; CANCELLED inside outbox.c */
	int64_t		 next_at;	/* DEFERRED, CHECKING */
	const char	*why;		/* catalogue key, FAILED and DEFERRED */
	int		 code, subcode;
};
/* In a transaction.  A row already `sent` stays sent. */
IB_MUST const struct ib_err *outbox_settle(struct db *db, const struct outbox *o,
    const struct outbox_end *end, int64_t now);
/* The same by the row's id. */
IB_MUST const struct ib_err *outbox_end_one(struct db *db, struct arena *a, int64_t id,
    const struct outbox_end *end, int64_t now);
/*
 * Replies that nobody may send any more without being asked: those written
 * before `before` and still waiting on this Page end as failed with `why`.
 * In a transaction.
 */
IB_MUST const struct ib_err *outbox_hold(struct db *db, struct arena *a, int64_t page_id,
    int64_t before, const char *why, int64_t now);
/*
 * The Page was connected again: replies that failed because of its connection
 * say `why` instead, so that they can be tried again.  In a transaction.
 */
IB_MUST const struct ib_err *outbox_freed(struct db *db, struct arena *a, int64_t page_id,
    const char *why, int64_t now);
/* What holds up a reply: when it is tried next.  0: not known as waiting. */
IB_MUST const struct ib_err *outbox_next(struct db *db, int64_t thread_id, int64_t msg_id, int64_t *at);
/*
 * Waiting replies whose reply window has closed meanwhile, whatever holds them
 * up: they fail with the reason.  Opens its own transaction; *n how many.
 */
IB_MUST const struct ib_err *outbox_overdue(struct db *db, struct arena *a, bool human_agent,
    int64_t now, int64_t *n);
IB_MUST const struct ib_err *outbox_moved(struct db *db, int64_t id, int64_t msg_at);

#endif
