/* SPDX-License-Identifier: MIT */
/*
 * draft.h - what somebody has begun to write to a customer.
 *
 * One row per person and conversation, nobody else's business: it is in no
 * copy and no list but that person's.  It is there from the first pause in
 * typing until the reply is accepted, whose transaction takes it away.
 *
 * Several windows may write at once.  The last one that saves is kept; a
 * window that thereby replaced what another had saved is told (DRAFT_REPLACED).
 * A window is known by the key of its form.
 */
#ifndef IB_DRAFT_H
#define IB_DRAFT_H

#include "../db/db.h"

#define DRAFTS_MOST	500	/* of one person; then the oldest goes */

struct draft {
	int64_t		 thread_id, at;
	int64_t		 replaces;	/* message of the failed reply it writes anew; 0 = none */
	const char	*form;		/* key of the form that saved it, "" = none */
	const char	*text;
};

/* All of one person; the text of `thread` whole, of the others the beginning. */
IB_MUST const struct ib_err *drafts_of(struct db *db, struct arena *a, int64_t user_id, int64_t thread_id,
    struct draft **out, size_t *n);

enum draft_fate { DRAFT_KEPT, DRAFT_REPLACED, DRAFT_SENT };
/*
 * Keep d; blank text takes away what this window had saved.  `base`: the form
 * whose draft the window began with, "" = none.  DRAFT_SENT: the form was
 * accepted as a reply meanwhile, nothing is kept.  Opens its own transaction.
 */
IB_MUST const struct ib_err *draft_save(struct db *db, int64_t user_id, const struct draft *d, const char *base,
    enum draft_fate *fate);
/* In a transaction: whatever window it is from; text NULL or blank: there is none any more. */
IB_MUST const struct ib_err *draft_put(struct db *db, int64_t user_id, const struct draft *d);

#endif
