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
 *   queued          -> cancelled     its writer took it back before its time (hold_until)
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
enum outbox_refusal { OUTBOX_OK, OUTBOX_DUPLICATE, OUTBOX_OUTDATED, OUTBOX_NO_FILE };

#define REPLY_MAX_UNITS	2000	/* UTF-16 units; messenger.md 5.2 leaves the unit open: the strictest reading but bytes */
#define REPLY_PART_UNITS 1990	/* of a text in parts */
#define REPLY_TEXT_UNITS 10000	/* of a text that may go in parts, and of a draft */
#define REPLY_PARTS_MOST 24	/* none is shorter than half but before what cannot be cut */
#define REPLY_HOLD_MS	INT64_C(15000)	/* longest time to take it back (OUT_HELD) */
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
	int64_t		 customer_at, ad_at;	/* of window_state */
	bool		 agent;		/* somebody ticked that he answers personally */
	int		 code, subcode;
};

/* How much its writer had seen of the conversation. */
struct outbox_sight {
	int64_t		 at, id;	/* the newest message that is not of ours, Facebook's clock */
	int64_t		 now;		/* when the page was made, the host's */
};

struct outbox_new {
	int64_t		 install_id, thread_id, user_id;
	const char	*key;		/* random key of the posted form */
	const char	*const *parts;	/* one text, or the parts of one that is too long for a message */
	size_t		 nparts;
	const char	*const *files;	/* keys of uploads (upload.h): each a message behind the texts, in order */
	size_t		 nfiles;
	bool		 agent;		/* somebody ticked that he answers personally */
	int64_t		 replaces;	/* message of a failed reply that this takes the place of; 0 = none */
	int64_t		 hold_ms;	/* it can be taken back for so long; 0 = it goes at once */
	const struct outbox_sight *seen;	/* refuse when somebody wrote after that; NULL: do not ask */
	int64_t		 now;
};
/*
 * Queue a reply, and take its writer's draft away.  The same key for the same
 * thread is a no-op (OUTBOX_DUPLICATE), and so is an outdated one, or one whose
 * files are not all here (OUTBOX_NO_FILE).  Opens its own transaction; on error nothing was written.  *msg_id is the new (or the
 * former) message, of several the last.  One to be replaced that is not failed
 * any more stays.
 */
IB_MUST const struct ib_err *outbox_put(struct db *db, struct arena *a, const struct outbox_new *n,
    int64_t *msg_id, enum outbox_refusal *refusal);
/* Was this form accepted already? */
IB_MUST const struct ib_err *outbox_known(struct db *db, int64_t thread_id, const char *key, bool *known);
/*
 * Its writer takes a reply back, with the other parts of its text that have
 * not been tried: they go off the page and become the draft; files have to be
 * attached again.  Asked a second time (UNDO_AGAIN) nothing changes.
 */
struct outbox_back {
	int64_t		 install_id, thread_id, user_id, msg_id;
	const char	*form;		/* key of the form in whose box the text will be, */
	const char	*more;		/* and what is in it by now: that comes behind; or NULL */
	int64_t		 now;
};
enum outbox_undone { UNDO_DONE, UNDO_AGAIN, UNDO_LATE };
IB_MUST const struct ib_err *outbox_undo(struct db *db, struct arena *a, const struct outbox_back *b,
    enum outbox_undone *fate);
/* A failed reply goes again: same message, same row.  *ok false when it is not in `failed`. */
IB_MUST const struct ib_err *outbox_retry(struct db *db, int64_t install_id, int64_t thread_id,
    int64_t msg_id, int64_t now, bool *ok);
/*
 * A failed reply leaves the page.  Its row stays, so that an echo that comes
 * late still finds it and the same form is no second reply.  *ok as above.
 */
IB_MUST const struct ib_err *outbox_dismiss(struct db *db, struct arena *a, int64_t install_id,
    int64_t thread_id, int64_t msg_id, int64_t now, bool *ok);
/* Did somebody tick that this one is personal? */
IB_MUST const struct ib_err *outbox_agent(struct db *db, int64_t thread_id, int64_t msg_id, bool *agent);
/*
 * Why Facebook would refuse it now: catalogue key, NULL = it would not.  *tag:
 * it goes with the tag of a personal reply, which is used for nothing else.
 */
const char *outbox_barred(const struct outbox *o, int64_t now, bool human_agent, bool *tag);
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
/*
 * What holds up a reply: when it is tried next (0: not known as waiting), and
 * until when it may be taken back (0: it may not).
 */
IB_MUST const struct ib_err *outbox_next(struct db *db, int64_t thread_id, int64_t msg_id, int64_t *at, int64_t *hold);
/* When the next reply can no more be taken back; 0: none can. */
IB_MUST const struct ib_err *outbox_held(struct db *db, int64_t now, int64_t *until);
/*
 * Waiting replies whose reply window has closed meanwhile, whatever holds them
 * up: they fail with the reason.  Opens its own transaction; *n how many.
 */
IB_MUST const struct ib_err *outbox_overdue(struct db *db, struct arena *a, bool human_agent,
    int64_t now, int64_t *n);
IB_MUST const struct ib_err *outbox_moved(struct db *db, int64_t id, int64_t msg_at);

#endif
