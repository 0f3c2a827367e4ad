/* SPDX-License-Identifier: MIT */
/*
 * crmwrite.h - what is to be made or changed in Pipedrive, and what is
 * remembered of its answers.
 *
 * A write is a row before its call and has an end after it:
 *
 *   going     to be called, or being called (under a lease)
 *   unknown   a call went out and its answer is missing: looked for before
 *             it is called again
 *   done      pd_id names the record; what was linked by it is linked
 *   refused   why says so
 *
 * The key is the form's: the same form twice is one write.
 */
#ifndef IB_CRMWRITE_H
#define IB_CRMWRITE_H

#include "link.h"

enum write_state { WRITE_GOING, WRITE_UNKNOWN, WRITE_DONE, WRITE_REFUSED };

struct crm_write {
	int64_t		 id, install_id, thread_id, user_id, after_id;
	int64_t		 attempts, looks, tried_at, created_at, next_at;
	enum crm_act	 act;
	enum write_state state;
	const char	*body, *pd_id, *why, *words;
};

/* In a transaction: *id of the row with that key; *fresh false when it was there. */
IB_MUST const struct ib_err *write_put(struct db *db, int64_t install_id, int64_t thread_id, int64_t user_id,
    const char *key, enum crm_act act, const char *body, int64_t after_id, int64_t now, int64_t *id, bool *fresh);
IB_MUST const struct ib_err *write_get(struct db *db, struct arena *a, int64_t id, struct crm_write **out);
/* The write of that form, if it is that person's in that conversation; *out NULL else. */
IB_MUST const struct ib_err *write_by_key(struct db *db, struct arena *a, int64_t thread_id, int64_t user_id,
    const char *key, struct crm_write **out);
/* One worker takes it for a while; *mine false when another has it or it is settled. */
IB_MUST const struct ib_err *write_lease(struct db *db, int64_t id, int64_t now, bool *mine);
/* One that is due; *id 0 when there is none. */
IB_MUST const struct ib_err *write_next(struct db *db, int64_t now, int64_t *id);
/* A call begins: with this body.  Committed before it goes out. */
IB_MUST const struct ib_err *write_calling(struct db *db, int64_t id, const char *body, int64_t now);
/* Not yet: again at next_at.  `looked`: a search found nothing. */
IB_MUST const struct ib_err *write_later(struct db *db, int64_t id, enum write_state state, int64_t next_at, bool looked);
/*
 * In a transaction: the end.  *won false when somebody else settled it before.
 */
IB_MUST const struct ib_err *write_settle(struct db *db, int64_t id, enum write_state state, const char *pd_id,
    const char *why, const char *words, int64_t now, bool *won);
/* Is this record what another write became? */
IB_MUST const struct ib_err *write_claimed(struct db *db, int64_t install_id, enum crm_act act, const char *pd_id,
    int64_t except, bool *claimed);
/* What a reader of the conversation should know: all under way, and this person's refusals not read yet. */
IB_MUST const struct ib_err *writes_of(struct db *db, struct arena *a, int64_t thread_id, int64_t user_id,
    int64_t now, struct crm_write **out, size_t *n);
IB_MUST const struct ib_err *writes_shown(struct db *db, int64_t thread_id, int64_t user_id);

/* Answers worth keeping; *value NULL when there is none younger than max_age. */
IB_MUST const struct ib_err *crm_cache_get(struct db *db, struct arena *a, int64_t user_id, const char *key,
    int64_t now, int64_t max_age, const char **value);
IB_MUST const struct ib_err *crm_cache_put(struct db *db, int64_t user_id, const char *key, int64_t now, const char *value);
/* Who a customer may be is asked anew ("hints." keys). */
IB_MUST const struct ib_err *crm_hints_drop(struct db *db, int64_t user_id);
/* Nothing is asked of Pipedrive before that; *why NULL when nothing is in the way. */
IB_MUST const struct ib_err *crm_pause_get(struct db *db, struct arena *a, int64_t install_id, int64_t now, const char **why);
IB_MUST const struct ib_err *crm_pause_put(struct db *db, int64_t install_id, int64_t until, const char *why);
IB_MUST const struct ib_err *crm_pause_drop(struct db *db, int64_t install_id);
/* In a transaction: what nobody asks for any more. */
IB_MUST const struct ib_err *crm_sweep(struct db *db, int64_t now);

#endif
