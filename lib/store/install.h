/* SPDX-License-Identifier: MIT */
/*
 * install.h - companies, their people, sign-in sessions, connections being made.
 *
 * An install is one Pipedrive company with its connection; it is private (only
 * its owner reads, answers and links) or shared (everyone of the company).
 * A user is one person of that company who signed in with Pipedrive; the
 * person's own grant is kept sealed.  Nothing of a connection is stored before
 * its last step: until then it is one sealed `flow` row that ends by itself.
 */
#ifndef IB_INSTALL_H
#define IB_INSTALL_H

#include "../base/cat.h"
#include "../base/crypt.h"
#include "../base/str.h"
#include "../db/db.h"
#include "pref.h"

struct install {
	int64_t		 id, company_id, owner_id;
	const char	*company_name, *company_domain, *api_domain, *owner_name;
	bool		 shared, active;
	int64_t		 rev;
};
/* *out is NULL when there is none.  Arena memory. */
IB_MUST const struct ib_err *install_by_company(struct db *db, struct arena *a,
    int64_t company_id, struct install **out);
IB_MUST const struct ib_err *install_get(struct db *db, struct arena *a, int64_t id, struct install **out);
/* Insert or bring back (same id).  In a transaction. */
IB_MUST const struct ib_err *install_put(struct db *db, int64_t company_id, const char *name,
    const char *domain, const char *api_domain, bool shared, int64_t now, int64_t *id);
IB_MUST const struct ib_err *install_set_visibility(struct db *db, int64_t id, bool shared);
IB_MUST const struct ib_err *install_set_owner(struct db *db, int64_t id, int64_t user_id);
/* Something people can see has changed: in the transaction that changes it. */
IB_MUST const struct ib_err *install_touch(struct db *db, int64_t id);
IB_MUST const struct ib_err *install_rev(struct db *db, int64_t id, int64_t *rev);

struct user {
	int64_t		 id, install_id, pd_user_id;
	const char	*name, *email, *timezone;
	enum lang	 lang;
	bool		 admin, active;
};
/* Insert or update by (install, pd_user_id), tokens sealed.  `keep_lang`: an existing choice stays.  In a transaction. */
IB_MUST const struct ib_err *user_put(struct db *db, const struct keyring *keys, struct arena *a,
    const struct user *u, const char *access, const char *refresh, int64_t access_until,
    int64_t now, int64_t *id);
IB_MUST const struct ib_err *user_set_lang(struct db *db, int64_t id, enum lang lang);
/* The zone chosen here, "" = the one that Pipedrive tells. */
IB_MUST const struct ib_err *user_set_zone(struct db *db, int64_t id, const char *zone);
IB_MUST const struct ib_err *user_zone(struct db *db, struct arena *a, int64_t id, const char **zone);
/* People of a company by name, at most `max`. */
struct user_brief { int64_t id; const char *name; };
IB_MUST const struct ib_err *users_of(struct db *db, struct arena *a, int64_t install_id, size_t max,
    struct user_brief **out, size_t *n);
/* People who can be held to reading (neither administrator nor installer), by name, at most `max`. */
struct reader { int64_t id; const char *name, *email; bool reads_only; };
IB_MUST const struct ib_err *readers_of(struct db *db, struct arena *a, int64_t install_id, size_t max,
    struct reader **out, size_t *n);
/* *name NULL: nobody of those, or it was so already. */
IB_MUST const struct ib_err *reader_set(struct db *db, struct arena *a, int64_t install_id, int64_t user_id,
    bool reads_only, const char **name);

/* Sessions: the cookie holds 32 random bytes as base64url, the table only their SHA-256. */
struct signed_in {
	int64_t		 user_id, install_id, owner_id, seen_at, rev;
	int64_t		 check_after;	/* the person's rights are looked at anew then */
	int64_t		 pass_until;	/* passes that end later are none */
	int64_t		 unread;	/* open conversations with something this person has not read */
	int64_t		 wake_at;	/* a conversation comes back then: thread_wake; 0 = none */
	const char	*saved;		/* filters: saved.h */
	const char	*name, *timezone, *company_name;
	enum lang	 lang;
	bool		 admin, shared;
	bool		 reader;	/* held to reading, unless admin or owner */
	struct prefs	 prefs;
};
IB_MUST const struct ib_err *session_start(struct db *db, struct arena *a, int64_t user_id,
    int64_t now, int64_t days, char **token);
/* *out NULL: unknown, ended, user inactive or install removed.  `hash` is filled in any case. */
IB_MUST const struct ib_err *session_get(struct db *db, struct arena *a, const char *token,
    int64_t now, uint8_t hash[32], struct signed_in **out);
/* The same of a person without a session, by Pipedrive's ids or by ours; *out NULL: unknown, inactive or removed. */
IB_MUST const struct ib_err *member_find(struct db *db, struct arena *a, int64_t company_id,
    int64_t pd_user_id, struct signed_in **out);
IB_MUST const struct ib_err *member_get(struct db *db, struct arena *a, int64_t install_id,
    int64_t user_id, struct signed_in **out);
/* Somebody is let in without a session, until then: as long, roles are looked at. */
IB_MUST const struct ib_err *member_pass(struct db *db, int64_t user_id, int64_t until);
IB_MUST const struct ib_err *session_seen(struct db *db, const uint8_t hash[32], int64_t now);
IB_MUST const struct ib_err *session_end(struct db *db, const uint8_t hash[32]);

/* A connection being made: the cookie holds the token, the row the sealed JSON. */
enum flow_step { FLOW_PIPEDRIVE, FLOW_VISIBILITY, FLOW_FACEBOOK, FLOW_PAGES };
#define FLOW_MINUTES	30
/* Store under a fresh token. */
IB_MUST const struct ib_err *flow_start(struct db *db, const struct keyring *keys, struct arena *a,
    enum flow_step step, const char *json, int64_t now, char **token);
/* Read without taking; *json NULL when unknown, over, or at another step. */
IB_MUST const struct ib_err *flow_peek(struct db *db, const struct keyring *keys, struct arena *a,
    const char *token, enum flow_step step, int64_t now, char **json);
/* Take: the row is gone afterwards; a second take finds nothing. */
IB_MUST const struct ib_err *flow_take(struct db *db, const struct keyring *keys, struct arena *a,
    const char *token, enum flow_step step, int64_t now, char **json);
/* Ended sessions and flows. */
IB_MUST const struct ib_err *install_sweep(struct db *db, int64_t now);

IB_MUST const struct ib_err *audit_put(struct db *db, int64_t install_id, int64_t user_id,
    int64_t now, const char *what, const char *detail);
struct audit_line {
	int64_t		 id, at;
	const char	*what, *detail;
	const char	*who;		/* NULL: nobody of the company */
};
struct audit_ask { const char *what; int64_t user, before, from, to; };	/* "" and 0: any; before: id */
/* Newest first, at most `max`; *more: older ones are here. */
IB_MUST const struct ib_err *audit_list(struct db *db, struct arena *a, int64_t install_id,
    const struct audit_ask *ask, size_t max, struct audit_line **out, size_t *n, bool *more);

/*
 * Do these keys open what is stored?  One sealed token is tried: of a person,
 * else of a Page.  *any false when there is none.
 */
IB_MUST const struct ib_err *install_probe_tokens(struct db *db, const struct keyring *keys,
    struct arena *a, bool *any, bool *opened);

#endif
