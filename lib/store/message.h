/* SPDX-License-Identifier: MIT */
/*
 * message.h - messages, their attachments, and facts about mids.
 *
 * Key: (thread, at, id).  `id` comes from the mid (first bytes of its digest)
 * or is random for our own replies, and never changes: it is the message's
 * address.  `at` changes once, when Meta's clock becomes known.  `mkey` is a
 * digest of Page id and mid, unique: the one guard against repeats.
 *
 * An edit, reaction or unsending may come before its message; it waits in
 * `fact` and is applied when the message comes.  Both orders end in the same
 * rows.
 */
#ifndef IB_MESSAGE_H
#define IB_MESSAGE_H

#include "../api/event.h"
#include "../db/db.h"
#include "thread.h"

enum msg_origin { ORIGIN_CUSTOMER, ORIGIN_OURS, ORIGIN_PAGE, ORIGIN_APP };
/*
 * DISMISSED: a reply that failed and that somebody took off the page; an echo that comes late brings it back.
 * AD: it tells of a click on an ad.
 */
enum msg_flag { MSG_EXACT = 1, MSG_UNSUPPORTED = 2, MSG_DELETED = 4, MSG_DISMISSED = 8, MSG_AD = 16 };
/* Stored: append only. */
enum msg_state { MSG_NONE, MSG_QUEUED, MSG_SENDING, MSG_DEFERRED, MSG_CHECKING, MSG_SENT, MSG_FAILED, MSG_CANCELLED };
enum fact_kind { FACT_EDIT = 1, FACT_REACT_IN, FACT_REACT_OUT, FACT_DELETE };

struct mkey { uint8_t b[16]; };

struct message {
	int64_t		 thread_id, at, id;
	bool		 has_mkey;
	struct mkey	 mkey;
	const char	*mid, *text, *detail, *react_in, *react_out;
	int		 dir, natt;
	enum msg_origin	 origin;
	enum fb_line	 line;
	unsigned	 flags;
	enum msg_state	 state;
	int64_t		 user_id, edits;
	bool		 has_reply;
	struct mkey	 reply_to;
};

struct attachment {
	int64_t		 thread_id, msg_id, n;
	enum fb_att	 type;
	int64_t		 width, height, size, fetch_at, tries;
	const char	*url, *title, *name, *mime, *file;
};

/* Digest of Page id and key (fb_event.key); id from the digest, always positive. */
void mkey_make(const char *page_fb, const char *key, struct mkey *out);
int64_t mkey_id(const struct mkey *k);

/*
 * Up to max messages before (at, id) exclusive, oldest first in *out; at 0 =
 * the newest.  *more: older ones are here.  mid and mkey are not filled: no
 * page shows them.
 */
IB_MUST const struct ib_err *message_page(struct db *db, struct arena *a, int64_t thread_id,
    int64_t before_at, int64_t before_id, int max, struct message **out, size_t *n, bool *more);
/*
 * Where a message of a conversation stands, by the id of its address; *at 0:
 * there is none.  *id is the one it has now: the copy of a reply of ours that
 * came first gave its place to ours.
 */
IB_MUST const struct ib_err *message_place(struct db *db, int64_t thread_id, int64_t *id, int64_t *at);
/* Key of the message so many after another one; *to_at 0: there are fewer. */
IB_MUST const struct ib_err *message_after(struct db *db, int64_t thread_id, int64_t at, int64_t id,
    int n, int64_t *to_at, int64_t *to_id);
/* Bubbles of [from, until) that reached the other side, oldest first, at most max. */
IB_MUST const struct ib_err *message_day(struct db *db, struct arena *a, int64_t thread_id, int64_t from,
    int64_t until, int max, struct message **out, size_t *n);
IB_MUST const struct ib_err *message_get(struct db *db, struct arena *a, int64_t thread_id,
    int64_t at, int64_t id, struct message **out);
IB_MUST const struct ib_err *message_by_mkey(struct db *db, struct arena *a,
    const struct mkey *k, struct message **out);
IB_MUST const struct ib_err *message_attachments(struct db *db, struct arena *a, int64_t thread_id,
    int64_t msg_id, struct attachment **out, size_t *n);

/* In a transaction: *added false when the mkey or the place is taken. */
IB_MUST const struct ib_err *message_add(struct db *db, const struct message *m, bool *added);
/* Move to another time (the key changes, the id stays). */
IB_MUST const struct ib_err *message_move(struct db *db, int64_t thread_id, int64_t at, int64_t id, int64_t to);
/* Facebook's identity and clock become known for one of our own. */
IB_MUST const struct ib_err *message_identify(struct db *db, int64_t thread_id, int64_t at, int64_t id,
    const char *mid, const struct mkey *k, int64_t new_at, bool exact);
IB_MUST const struct ib_err *message_set_state(struct db *db, int64_t thread_id, int64_t at, int64_t id,
    enum msg_state state, const char *why_key);
IB_MUST const struct ib_err *message_delete(struct db *db, int64_t thread_id, int64_t at, int64_t id);
/*
 * The row of the list: message_show writes m into it unless something newer is
 * there; message_lead writes the newest message there is, after times or mids
 * were put right (the row is cleared when there is none); message_relead does
 * that to the row in the table.
 */
IB_MUST const struct ib_err *message_show(struct arena *a, const struct message *m,
    enum fb_att first, struct thread_row *t);
IB_MUST const struct ib_err *message_lead(struct db *db, struct arena *a, struct thread_row *t);
IB_MUST const struct ib_err *message_relead(struct db *db, struct arena *a, int64_t thread_id);
/* Content that facts changed. */
IB_MUST const struct ib_err *message_save_content(struct db *db, const struct message *m);
IB_MUST const struct ib_err *attachment_add(struct db *db, const struct attachment *t);
IB_MUST const struct ib_err *attachment_drop(struct db *db, int64_t thread_id, int64_t msg_id);

/* Facts.  *changed false when an equal or newer one was there. */
IB_MUST const struct ib_err *fact_put(struct db *db, const struct mkey *k, enum fact_kind kind,
    int64_t num, int64_t at, int64_t page_id, const char *value, bool *changed);
/* Of an unsent message no text stays, whichever came first. */
IB_MUST const struct ib_err *facts_forget_edits(struct db *db, const struct mkey *k);
struct fact { enum fact_kind kind; int64_t num, at; const char *value; };
IB_MUST const struct ib_err *facts_of(struct db *db, struct arena *a, const struct mkey *k,
    struct fact **out, size_t *n);

/* Files that are due; access for the media page is checked by install. */
IB_MUST const struct ib_err *attachment_next(struct db *db, struct arena *a, int64_t now,
    struct attachment **out, int64_t *page_id, int64_t *install_id);
IB_MUST const struct ib_err *attachment_get(struct db *db, struct arena *a, int64_t install_id,
    int64_t thread_id, int64_t msg_id, int64_t n, struct attachment **out);
/* One worker takes it; it comes back at `again` if nobody finishes it. */
IB_MUST const struct ib_err *attachment_claim(struct db *db, const struct attachment *t, int64_t again, bool *mine);
/*
 * file NULL: leave, try again at next_at; "": gone; "!": too large to keep; "?":
 * not here, to be had at Facebook.  Width, height and address are those of t.
 */
IB_MUST const struct ib_err *attachment_done(struct db *db, const struct attachment *t,
    const char *file, const char *mime, int64_t size, int64_t next_at);
/* Is there a file of ours under this name? */
bool attachment_here(const struct attachment *t);
/* A reader wants one that is gone or not here: it is due at once.  *wanted false: it is neither. */
IB_MUST const struct ib_err *attachment_want(struct db *db, const struct attachment *t, int64_t now, bool *wanted);
/* Whosever it is, for the engine; *out NULL: nobody's. */
IB_MUST const struct ib_err *attachment_kept(struct db *db, struct arena *a, int64_t thread_id, int64_t msg_id,
    int64_t n, struct attachment **out, int64_t *page_id, int64_t *install_id);

#endif
