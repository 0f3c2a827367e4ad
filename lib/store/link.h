/* SPDX-License-Identifier: MIT */
/*
 * link.h - which record of Pipedrive a conversation belongs to.
 *
 * A conversation has at most one person and at most one lead or deal at a
 * time.  A link keeps what was last seen of its record, so that pages need not
 * wait for Pipedrive.  States: live; archived and gone (what Pipedrive said of
 * the record); ended (unlinked, or another took its place) - such rows stay, for
 * what was logged under them.
 */
#ifndef IB_LINK_H
#define IB_LINK_H

#include "../api/pdcrm.h"
#include "../db/db.h"

enum link_state { LINK_LIVE, LINK_ARCHIVED, LINK_GONE };

struct link {
	int64_t		 id, thread_id, user_id, linked_at, checked_at;
	enum crm_kind	 kind;
	enum link_state	 state;
	const char	*pd_id, *title, *email, *phone, *value, *currency, *stage;
	int64_t		 page_id;	/* link_elsewhere only */
};

/* Rows of an open statement with the columns of links, for lib/store; it is closed. */
IB_MUST const struct ib_err *links_read(struct db_stmt *st, struct arena *a, size_t most, struct link **out, size_t *n);
/* Of a conversation; each NULL when there is none. */
IB_MUST const struct ib_err *link_of(struct db *db, struct arena *a, int64_t thread_id,
    struct link **person, struct link **work);
/*
 * In a transaction: link the record; another of its slot (person, or lead and
 * deal) ends.  The same record again changes nothing.  Writes the audit line.
 * `stage`: its name, or NULL.
 */
IB_MUST const struct ib_err *link_put(struct db *db, struct arena *a, int64_t install_id, int64_t thread_id,
    int64_t user_id, const struct crm_rec *rec, const char *stage, int64_t now);
/* In a transaction: end the link of a slot; *ended false when there was none.  Writes the audit line. */
IB_MUST const struct ib_err *link_end(struct db *db, struct arena *a, int64_t install_id, int64_t thread_id,
    int64_t user_id, bool person, int64_t now, bool *ended);
/* What Pipedrive says of it now; writes only when that is news or the last look is a day old. */
IB_MUST const struct ib_err *link_seen(struct db *db, const struct link *l, const struct crm_rec *rec,
    const char *stage, int64_t now);
/* Pipedrive has it no more. */
IB_MUST const struct ib_err *link_gone(struct db *db, const struct link *l, int64_t now);
/* Persons that other conversations of the same customer (by name) are linked to; each person once. */
IB_MUST const struct ib_err *link_elsewhere(struct db *db, struct arena *a, int64_t install_id,
    int64_t thread_id, const char *name, struct link **out, size_t *n);
/*
 * The other way round: conversations of the install that are linked to a record
 * (a number, so a person or deal) now, the latest message first.
 */
IB_MUST const struct ib_err *link_threads(struct db *db, struct arena *a, int64_t install_id,
    enum crm_kind kind, int64_t record, int max, int64_t **out, size_t *n);

#endif
