/* SPDX-License-Identifier: MIT */
/*
 * leaving.h - taking a connection, a Page or one customer's data away, and the
 * receipt of it.
 *
 *   keeping   disconnected; nothing is erased before erase_at (may be at once)
 *   erasing   rows and files go, slice by slice; who connects again meanwhile
 *             begins anew: company and Page have given up their ids
 *   waiting   all of ours is erased; a service could not be told yet
 *   done      over; the row stays as a receipt for a year
 *   returned  connected again in time: nothing was erased
 *
 * leaving_begin() is the intention: committed together with the end of
 * sessions, tokens and Pages, so that from this moment nothing is done for
 * whoever left.  What the services have to be told is one `farewell` each, with
 * the token moved into it; it is told, or erased untold after some days, and
 * never holds up the erasing.  Everything else is slices of bounded size, each
 * a transaction: any process may die between two and another goes on.
 *
 * Receipts have no names: a code, times, and how many.
 */
#ifndef IB_LEAVING_H
#define IB_LEAVING_H

#include "../base/crypt.h"
#include "../db/db.h"

#define LEAVE_KEEP_DAYS	30

enum leave_kind { LEAVE_INSTALL, LEAVE_PAGE, LEAVE_CUSTOMER, LEAVE_LOGIN };
enum leave_cause { LEAVE_HERE, LEAVE_PIPEDRIVE, LEAVE_GRANT, LEAVE_FACEBOOK };
enum leave_step { STEP_KEEPING, STEP_ERASING, STEP_WAITING, STEP_DONE, STEP_RETURNED };

struct leave_counts { int64_t pages, people, sessions, replies, threads, messages, files, events; };

struct leaving {
	int64_t		 id, install_id, subject;
	const char	*code;
	enum leave_kind	 kind;
	enum leave_cause cause;
	enum leave_step	 step;
	int64_t		 keep_days, started_at, erase_at, ended_at;
	int64_t		 cursor;
	struct leave_counts n;
	int64_t		 told, untold, gave_up;	/* farewells */
};

struct leave_order {
	enum leave_kind	 kind;
	enum leave_cause cause;
	int64_t		 install_id, subject;	/* Page or thread; 0 for the install */
	int64_t		 by;		/* user.id, 0 a service */
	int64_t		 keep_days;	/* 0: erase now */
	int64_t		 told_user;	/* user.id whose grant Pipedrive has ended itself, or 0 */
};
/*
 * Begin.  In a transaction.  `code` is the receipt's; one that is under way
 * already keeps its code and its date.
 */
IB_MUST const struct ib_err *leaving_begin(struct db *db, const struct keyring *keys, struct arena *a,
    const struct leave_order *o, int64_t now, const char **code);
/*
 * Every company leaves at once, those who left before with it, and no service is
 * told: what was connected was a sandbox.
 */
IB_MUST const struct ib_err *leaving_all(struct db *db, const struct keyring *keys, struct arena *a, int64_t now);
/* How many of all that leave are not erased yet. */
IB_MUST const struct ib_err *leaving_open(struct db *db, int64_t *n);
/*
 * The installer uninstalled the app in Pipedrive, or lost the grant for good:
 * everything leaves.  Anybody else: that person's tokens and sessions end.  In
 * a transaction.
 */
IB_MUST const struct ib_err *leaving_grant_ended(struct db *db, const struct keyring *keys, struct arena *a,
    int64_t install_id, int64_t user_id, enum leave_cause cause, int64_t now);
/* One person's tokens and sessions, whoever it is. */
IB_MUST const struct ib_err *leaving_person_gone(struct db *db, int64_t install_id, int64_t user_id,
    enum leave_cause cause, int64_t now);
/* A login's data is deleted at once; `pages` were connected with it. */
IB_MUST const struct ib_err *leaving_login_done(struct db *db, const char *code, int64_t pages, int64_t now);
/* *out NULL: no such receipt. */
IB_MUST const struct ib_err *leaving_by_code(struct db *db, struct arena *a, const char *code, struct leaving **out);

/* Connected again, in the transaction that connects: nothing more is erased or told. */
IB_MUST const struct ib_err *leaving_install_back(struct db *db, int64_t install_id, int64_t *erase_at);
IB_MUST const struct ib_err *leaving_page_back(struct db *db, int64_t install_id, int64_t page_id, const char *fb_id);
IB_MUST const struct ib_err *leaving_person_back(struct db *db, struct arena *a, int64_t company_id, int64_t pd_user);
/* The Pages that did not come back with the install go when all would have gone. */
IB_MUST const struct ib_err *leaving_pages_away(struct db *db, int64_t install_id, int64_t erase_at, int64_t now);

/* What a service has to be told. */
struct farewell {
	int64_t		 id, leaving_id, tries;
	bool		 grant;		/* Pipedrive; else a Page at Facebook */
	const char	*subject, *host;
	const char	*token, *access;	/* opened; NULL when there is none */
	int64_t		 access_until;
};
/* The next one that is due, claimed for a minute; *out NULL: none. */
IB_MUST const struct ib_err *farewell_next(struct db *db, const struct keyring *keys, struct arena *a,
    int64_t now, struct farewell **out);
/* The grant was refreshed on the way. */
IB_MUST const struct ib_err *farewell_tokens(struct db *db, const struct keyring *keys, struct arena *a,
    const struct farewell *f, const char *refresh, const char *access, int64_t until);
IB_MUST const struct ib_err *farewell_again(struct db *db, const struct farewell *f, int64_t at);
IB_MUST const struct ib_err *farewell_end(struct db *db, const struct farewell *f, bool told, int64_t now);

/* Removes a file of the media folder by its name. */
typedef void leave_drop(void *arg, const char *file);
/* Open replies of Pages that are gone end as failed, for people to see why; *n how many. */
IB_MUST const struct ib_err *leaving_cancel_slice(struct db *db, struct arena *a, int64_t now, int64_t *n);
/* One slice of what is due.  *did false: nothing is; *finished: this one is erased now. */
IB_MUST const struct ib_err *leaving_erase_slice(struct db *db, struct arena *a, int64_t now,
    leave_drop *drop, void *arg, bool *did, bool *finished);
/* Messages of a thread older than `before`, at most `most`, with all that hangs on them.  In a transaction. */
IB_MUST const struct ib_err *leaving_erase_messages(struct db *db, struct arena *a, int64_t thread_id,
    int64_t before, int64_t most, leave_drop *drop, void *arg, struct leave_counts *n);

/* Retention: how many days an install keeps, 0 without end; what would go, or goes. */
#define RETENTION_LEAST	30		/* raw events are kept as long */
#define RETENTION_MOST	3650
IB_MUST const struct ib_err *retention_get(struct db *db, int64_t install_id, int64_t *days);
IB_MUST const struct ib_err *retention_set(struct db *db, int64_t install_id, int64_t days);
IB_MUST const struct ib_err *retention_count(struct db *db, int64_t install_id, int64_t before,
    int64_t *threads, int64_t *messages);
/* One slice of the daily walk over an install's threads; *did false: nothing is due. */
IB_MUST const struct ib_err *retention_slice(struct db *db, struct arena *a, int64_t now, leave_drop *drop,
    void *arg, bool *did);
/*
 * What is not newer than this does not come back from Facebook's history: the
 * customer's data was deleted then, or the company keeps nothing older.
 */
IB_MUST const struct ib_err *leaving_history_floor(struct db *db, int64_t page_id, const char *page_fb,
    const char *psid, int64_t now, int64_t *floor);

#endif
