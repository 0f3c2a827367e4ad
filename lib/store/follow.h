/* SPDX-License-Identifier: MIT */
/*
 * follow.h - what happens to linked records in Pipedrive: our webhooks there,
 * what they told, and which links are to be asked about.
 *
 * A company with links has one address for its webhooks: a random key and a
 * sealed password, which are rows before Pipedrive learns of them.  An event is
 * not believed in what it says of a record: it makes its links due, and a run
 * asks Pipedrive (so events may come in any order, twice or never; links are
 * due once a day in any case).  Only what cannot be asked for later is kept:
 * which record a merged one became.
 */
#ifndef IB_FOLLOW_H
#define IB_FOLLOW_H

#include "../base/crypt.h"
#include "link.h"

struct pd_hook {
	int64_t		 install_id, company_id, owner_id;
	const char	*key, *password;
};
/* The company with that address; *out NULL when there is none, or it left. */
IB_MUST const struct ib_err *pd_hook_by_key(struct db *db, const struct keyring *keys, struct arena *a, const char *key,
    struct pd_hook **out);
/* A company whose webhooks are to be looked at; its row is made when it has none.  *out NULL: none is due. */
IB_MUST const struct ib_err *pd_hook_due(struct db *db, const struct keyring *keys, struct arena *a, int64_t now,
    struct pd_hook **out);
/*
 * They were looked at; `why`: catalogue key of what was in the way, or NULL.
 * With `gap` events may be missing: all links of the company are due.
 */
IB_MUST const struct ib_err *pd_hook_checked(struct db *db, int64_t install_id, int64_t next_at, const char *why, bool gap);

/* For people: *why "" when they are there, NULL when none is needed yet; *told_at 0 = no event yet. */
IB_MUST const struct ib_err *pd_hook_state(struct db *db, struct arena *a, int64_t install_id, const char **why,
    int64_t *told_at);

struct pd_event {
	enum crm_kind	 kind;
	const char	*id, *merged_to;	/* merged_to: NULL when it was not merged */
	int64_t		 at;			/* meta.timestamp, ms */
};
/* In a transaction: *known false when nobody is linked to that record. */
IB_MUST const struct ib_err *pd_event_put(struct db *db, struct arena *a, int64_t install_id, const struct pd_event *e,
    int64_t now, bool *known);

/* Links of one company and kind that are due, at most `most`; *n 0 when none is. */
IB_MUST const struct ib_err *links_due(struct db *db, struct arena *a, int64_t now, size_t most, int64_t *install_id,
    int64_t *owner_id, struct link **out, size_t *n);
/* In a transaction, before an answer is applied: is it still to that record? */
IB_MUST const struct ib_err *link_still(struct db *db, const struct link *l, bool *still);
/* The link was asked about; of_person: of a lead, 0 not told. */
IB_MUST const struct ib_err *link_checked(struct db *db, int64_t link_id, int64_t next_at, int64_t of_person);
/* Of a lead: the person it was of, 0 not known. */
IB_MUST const struct ib_err *link_person(struct db *db, int64_t link_id, int64_t *person_id);
/* In a transaction: the record became that one.  Writes the audit line. */
IB_MUST const struct ib_err *link_follow(struct db *db, struct arena *a, int64_t install_id, const struct link *l,
    enum crm_kind kind, const char *pd_id, int64_t now);
/* In a transaction: merges of a month ago. */
IB_MUST const struct ib_err *follow_sweep(struct db *db, int64_t now);

#endif
