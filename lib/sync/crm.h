/* SPDX-License-Identifier: MIT */
/*
 * crm.h - the panel's dealings with Pipedrive: what it shows of a
 * conversation's records, and writes that happen once.
 *
 * Everything is asked and written with one person's own authorisation.  A
 * panel is read within a time; what Pipedrive does not tell in it is missing,
 * and a sentence says so.
 */
#ifndef IB_SYNC_CRM_H
#define IB_SYNC_CRM_H

#include "../base/contact.h"
#include "../store/crmwrite.h"
#include "../store/thread.h"
#include "sync.h"

/* One person's connection for a while. */
struct crm {
	struct sync	*s;
	struct arena	*a;
	struct pdrive	*pd;		/* NULL: nothing can be asked, why says it */
	struct pd_auth	 who;
	int64_t		 install_id, user_id, pd_user;
	const char	*domain;	/* company_domain */
	const char	*why, *words;	/* key of what is in the way, NULL = nothing; Pipedrive's words for it */
	bool		 stop;		/* ... of all further calls too */
	bool		 doubted;	/* asked in spite of a pause: an answer ends that */
};
/* `again`: ask even if Pipedrive was away a moment ago. */
IB_MUST const struct ib_err *crm_open(struct sync *s, struct arena *a, int64_t install_id, int64_t user_id,
    int64_t budget_ms, bool again, struct crm *out);

/* Who the customer may be, and why. */
enum hint_why { HINT_LINKED = 1, HINT_EMAIL = 2, HINT_PHONE = 4, HINT_NAME = 8, HINT_WORK = 16 };
#define CRM_HINTS	3
struct crm_hint {
	const char	*id, *name, *email, *phone;
	unsigned	 why;		/* enum hint_why */
	int64_t		 page_id;	/* of the other conversation (HINT_LINKED) */
};

struct crm_view {
	struct link	*person, *work;		/* as stored: always there */
	struct crm_rec	*person_now, *work_now;	/* as Pipedrive has them; NULL not told */
	bool		 person_gone, work_gone;
	struct crm_recs	 deals, leads;		/* of the person, open */
	struct crm_activity *next;
	bool		 activities;		/* they could be asked for */
	struct crm_setup setup;
	struct contacts	 contacts;		/* found in the customer's messages */
	struct crm_hint	 hints[CRM_HINTS];
	size_t		 n_hints;
	struct crm_recs	 found;			/* of the search */
};
/* What the database knows: no call. */
IB_MUST const struct ib_err *crm_stored(struct db *db, struct arena *a, const struct thread *t, struct crm_view *out);
/* And what Pipedrive tells.  `term` NULL: no search.  Nothing is open in the database meanwhile. */
IB_MUST const struct ib_err *crm_live(struct crm *c, const struct thread *t, const char *term, int64_t now,
    struct crm_view *io);
/* Persons with this address or number; at most one list, duplicates left out. */
IB_MUST const struct ib_err *crm_doubles(struct crm *c, const char *email, const char *phone, struct crm_recs *out);
/* A record by id, to be linked; *out NULL with c->why when it is not there or not told. */
IB_MUST const struct ib_err *crm_fetch(struct crm *c, enum crm_kind kind, const char *id, struct crm_rec **out);
/* Pipelines, stages and types, from the cache or asked for. */
IB_MUST const struct ib_err *crm_setup_get(struct crm *c, int64_t now, struct crm_setup *out);
const struct crm_stage *crm_stage_of(const struct crm_setup *s, int64_t stage_id);

/*
 * A write of n by that person: its row is committed, then it is tried once.
 * With `person`, that one is written before it and it is for that one.
 * *out is the row as it is then: done, refused, or unknown.
 */
IB_MUST const struct ib_err *crm_do(struct crm *c, int64_t thread_id, const char *key, const struct crm_new *person,
    const struct crm_new *n, int64_t now, struct crm_write **out);

#endif
