/* SPDX-License-Identifier: MIT */
/*
 * pdcrm.h - Pipedrive's persons, leads, deals, activities and notes: typed
 * requests and answers on pdrive's transport.  No SQL, no HTML.
 * Contract: pipedrive.md 4, 8.  API v2 where it exists; v1 for leads, notes and
 * activity types.  Results as in pdrive.h: an error is no usable answer, a
 * refusal is in res.  Nothing is repeated here.
 */
#ifndef IB_PDCRM_H
#define IB_PDCRM_H

#include "pdrive.h"

enum crm_kind { CRM_PERSON, CRM_LEAD, CRM_DEAL };
#define CRM_CONTACTS	5		/* addresses or numbers kept of one person */
#define CRM_ROWS	50		/* records kept of one list */

/* A record, as far as the panel needs it. Text is one line, NULL when not told. */
struct crm_rec {
	enum crm_kind	 kind;
	const char	*id;		/* decimal; of a lead a UUID */
	const char	*name;		/* name or title; never NULL */
	const char	*emails[CRM_CONTACTS], *phones[CRM_CONTACTS];
	size_t		 n_emails, n_phones;
	const char	*org, *person;	/* names; in search results only */
	const char	*value, *currency;	/* "1200.5", "EUR" */
	const char	*status;	/* of a deal */
	const char	*origin_id;	/* of a lead */
	int64_t		 person_id, owner_id, stage_id, pipeline_id;
	int64_t		 add_time;	/* ms, -1 not told */
	bool		 deleted, archived;
};

struct crm_recs { struct crm_rec *v; size_t n; };

struct crm_activity {
	const char	*id, *subject, *type;
	const char	*due_date, *due_time;	/* "2026-12-01", "09:30:00" or NULL; UTC */
};

/* What a company has set up: pipelines, their stages, kinds of activity. */
struct crm_stage { int64_t id, pipeline_id; const char *name, *pipeline; };
struct crm_type { const char *key, *name; };
struct crm_setup {
	struct crm_stage *stages;	/* by pipeline, in the company's order */
	size_t		 n_stages;
	struct crm_type	*types;
	size_t		 n_types;
};

/* What is to be written. */
enum crm_act { ACT_PERSON, ACT_LEAD, ACT_DEAL, ACT_STAGE, ACT_ACTIVITY, ACT_NOTE };
#define ACT_MAX		6
struct crm_new {
	enum crm_act	 act;
	const char	*name;		/* person's name, title, subject */
	const char	*email, *phone;
	const char	*value, *currency;
	const char	*type, *due_date, *due_time;
	const char	*text;		/* of a note: plain */
	const char	*origin;	/* of a lead: our mark */
	int64_t		 stamp;		/* of a note: its time, ms; by it a lost one is found */
	int64_t		 owner_id;	/* whose token it is: whose the record will be */
	int64_t		 person_id, stage_id, from_stage;
	enum crm_kind	 on;		/* stage, activity, note: what it belongs to, */
	const char	*on_id;		/* and which */
};
/* As text and back, for keeping.  *ok false: not ours. */
IB_MUST const struct ib_err *crm_new_text(struct arena *a, const struct crm_new *n, const char **out);
IB_MUST const struct ib_err *crm_new_parse(struct arena *a, const char *text, struct crm_new *out, bool *ok);

/* One record.  Deleted ones may be told as such or refused with 404. */
IB_MUST const struct ib_err *pdcrm_get(struct pdrive *p, struct arena *a, struct pd_auth *who,
    enum crm_kind kind, const char *id, struct crm_rec *out, struct pd_res *res);
/* Persons or deals by id, 100 at most (ids with commas); who is hidden, archived or no more is not among them. */
#define CRM_BATCH	100
IB_MUST const struct ib_err *pdcrm_by_ids(struct pdrive *p, struct arena *a, struct pd_auth *who,
    enum crm_kind kind, const char *ids, struct crm_recs *out, struct pd_res *res);
/* The deal of that person that was made of the lead; *id NULL when there is none. */
IB_MUST const struct ib_err *pdcrm_deal_of_lead(struct pdrive *p, struct arena *a, struct pd_auth *who,
    int64_t person_id, const char *lead_id, const char **id, struct pd_res *res);
/* Open deals, or leads, of a person; newest first. */
IB_MUST const struct ib_err *pdcrm_of_person(struct pdrive *p, struct arena *a, struct pd_auth *who,
    enum crm_kind kind, int64_t person_id, struct crm_recs *out, struct pd_res *res);
/* Persons, leads and deals by any of their texts.  `term` has two characters or more. */
IB_MUST const struct ib_err *pdcrm_search(struct pdrive *p, struct arena *a, struct pd_auth *who,
    const char *term, struct crm_recs *out, struct pd_res *res);
/* Persons by one field ("name", "email", "phone"). */
IB_MUST const struct ib_err *pdcrm_find(struct pdrive *p, struct arena *a, struct pd_auth *who,
    const char *field, const char *term, bool exact, struct crm_recs *out, struct pd_res *res);
/* The next activity that is not done; *out NULL when there is none. */
IB_MUST const struct ib_err *pdcrm_next_activity(struct pdrive *p, struct arena *a, struct pd_auth *who,
    enum crm_kind kind, const char *id, struct crm_activity **out, struct pd_res *res);

/*
 * Pipelines, stages and types, and the text they are cached as.  Without the
 * permission for activities there are no types, which is no refusal.
 */
IB_MUST const struct ib_err *pdcrm_setup(struct pdrive *p, struct arena *a, struct pd_auth *who,
    struct crm_setup *out, const char **text, struct pd_res *res);
IB_MUST const struct ib_err *crm_setup_parse(struct arena *a, const char *text, struct crm_setup *out);

/* Write once.  *id: of what was made, or of the deal that was changed. */
IB_MUST const struct ib_err *pdcrm_write(struct pdrive *p, struct arena *a, struct pd_auth *who,
    const struct crm_new *n, const char **id, struct pd_res *res);
/*
 * After a lost answer: what is there that may be n, oldest first.  `since`:
 * when the call began, by our clock; nothing a day older counts.  Of a stage:
 * the deal when it is in it; *moved when it is in neither the new nor the old
 * one.
 */
struct crm_ids { const char **v; size_t n; };
IB_MUST const struct ib_err *pdcrm_look(struct pdrive *p, struct arena *a, struct pd_auth *who,
    const struct crm_new *n, int64_t since, struct crm_ids *out, bool *moved, struct pd_res *res);

/*
 * A note of ours on a record: made when note_id is "", as of the time `at`;
 * else written anew.  `html` is escaped.  *id: the note's.
 */
IB_MUST const struct ib_err *pdcrm_note_put(struct pdrive *p, struct arena *a, struct pd_auth *who,
    enum crm_kind on, const char *on_id, const char *note_id, int64_t at, const char *html, const char **id,
    struct pd_res *res);
/* The oldest of the record's newest 500 notes whose first link begins with `marker`; *id NULL when there is none. */
IB_MUST const struct ib_err *pdcrm_note_find(struct pdrive *p, struct arena *a, struct pd_auth *who,
    enum crm_kind on, const char *on_id, const char *marker, const char **id, struct pd_res *res);

/* "https://acme.pipedrive.com/person/51"; NULL when the domain is none. */
const char *pdcrm_url(struct arena *a, const char *company_domain, enum crm_kind kind, const char *id);
/* "person", "lead", "deal"; and back. */
const char *crm_kind_name(enum crm_kind kind);
bool crm_kind_parse(const char *s, enum crm_kind *out);
/* "person", "lead", "deal", "stage", "activity", "note"; and back. */
const char *crm_act_name(enum crm_act act);
bool crm_act_parse(const char *s, enum crm_act *out);
/* An id of that kind as it comes from outside. */
bool crm_id_ok(enum crm_kind kind, const char *id);

#endif
