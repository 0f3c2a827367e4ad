/* SPDX-License-Identifier: MIT */
/*
 * transcript.h - conversations as notes in Pipedrive: which days are to be
 * written, and what became of it.
 *
 * Whatever changes messages of a linked conversation leaves a touch (thread
 * and quarter of an hour).  A run turns touches into days of the installer's
 * zone: one row for a day and the record it is logged on, which is the deal or
 * lead when one is linked, else the person.  States:
 *
 *   going     the note is to be written, or written anew
 *   unknown   a call that makes the note went out and its answer is missing:
 *             looked for before it is called again
 *   done      the note says what the conversation says
 *   refused   why says so; that day is left alone
 *
 * A row belongs to messages from from_at to until_at: another record that is
 * linked is logged on from then on, and what was logged before stays.  Of a
 * private connection nothing is logged: notes are read by the whole company.
 */
#ifndef IB_TRANSCRIPT_H
#define IB_TRANSCRIPT_H

#include "../api/pdcrm.h"
#include "../db/db.h"

IB_MUST const struct ib_err *transcripts_get(struct db *db, int64_t install_id, bool *on);
IB_MUST const struct ib_err *transcripts_set(struct db *db, int64_t install_id, bool on);

/* In a transaction: something of the conversation changed at that time (of the message). */
IB_MUST const struct ib_err *transcript_touch(struct db *db, int64_t thread_id, int64_t at);
/* In a transaction: what the conversation is linked to has changed. */
IB_MUST const struct ib_err *transcript_turn(struct db *db, int64_t thread_id, int64_t now);
/* In a transaction: a record became another one, and its notes went with it. */
IB_MUST const struct ib_err *transcript_moved(struct db *db, int64_t install_id, enum crm_kind kind, const char *pd_id,
    enum crm_kind to_kind, const char *to_id);

struct touch { int64_t thread_id, at, install_id, owner_id; bool on; };	/* at: a moment of the day; on: is it logged? */
/* One that no run has seen; *out NULL when there is none. */
IB_MUST const struct ib_err *touch_next(struct db *db, struct arena *a, struct touch **out);
/* In a transaction: the day, from its first millisecond to the next day's, is to be written; its touches go. */
IB_MUST const struct ib_err *touch_take(struct db *db, struct arena *a, const struct touch *t, int64_t day,
    int64_t from, int64_t until, int64_t now);

struct transcript {
	int64_t		 id, install_id, thread_id, day, user_id, owner_id;
	int64_t		 from_at, until_at, rev, tries, looks;
	enum crm_kind	 kind;
	const char	*pd_id, *note_id, *digest, *customer, *page;
};
/* One that is due, under a lease of ours; *out NULL when there is none. */
IB_MUST const struct ib_err *transcript_next(struct db *db, struct arena *a, int64_t now, struct transcript **out);
/* A call that makes the note begins.  Committed before it goes out. */
IB_MUST const struct ib_err *transcript_calling(struct db *db, int64_t id);
/* The note that a lost answer left. */
IB_MUST const struct ib_err *transcript_found(struct db *db, int64_t id, const char *note_id);
/* Not yet.  `looked`: a search found nothing.  why: catalogue key, or NULL. */
IB_MUST const struct ib_err *transcript_later(struct db *db, int64_t id, int64_t next_at, bool looked, const char *why);
/* The note says what it should; with `why` it was refused. */
IB_MUST const struct ib_err *transcript_settle(struct db *db, const struct transcript *t, const char *note_id,
    const char *digest, const char *why, int64_t now);
/* There is nothing to be logged of that day. */
IB_MUST const struct ib_err *transcript_drop(struct db *db, const struct transcript *t);
/* For people: how many wait for that reason; how many were refused in the last week. */
IB_MUST const struct ib_err *transcript_count(struct db *db, int64_t install_id, const char *why, int64_t now,
    int64_t *waiting, int64_t *refused);

#endif
