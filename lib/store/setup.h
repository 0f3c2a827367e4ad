/* SPDX-License-Identifier: MIT */
/*
 * setup.h - the one-time link with which a set-up goes on in the browser, the
 * hour that it opens there, and what was found when the apps' values were tried.
 *
 * The database keeps digests of code and session alone.  A code is good for an
 * hour and opens once; the session that it begins is good for an hour, too, in one
 * browser.  A new one takes the place of the last.
 */
#ifndef IB_SETUP_H
#define IB_SETUP_H

#include "../db/db.h"

#define SETUP_CODE_MS	(60 * (int64_t)60 * 1000)
/* What stands in the configuration for what nobody has filled in yet. */
#define SETUP_UNSET	"unset"
#define SETUP_NO_APP	"0"

IB_MUST const struct ib_err *setup_code_new(struct db *db, struct arena *a, int64_t now, char **code);
/*
 * *token: what this browser shows from now on; NULL: the code was not the right
 * one, or its time is over.  It opens nothing any more.
 */
IB_MUST const struct ib_err *setup_code_use(struct db *db, struct arena *a, const char *code, int64_t now, char **token);
/* *until: end of the session that this token names; 0: there is none. */
IB_MUST const struct ib_err *setup_session_get(struct db *db, struct arena *a, const char *token, int64_t now,
    int64_t *until);
IB_MUST const struct ib_err *setup_session_end(struct db *db);

/*
 * What a service said when it was asked whether the values are right.  `about` is
 * the app's id: what was found of another app counts for nothing.
 */
enum setup_said {
	SETUP_SAID_NOTHING,	/* nobody has asked */
	SETUP_SAID_YES, SETUP_SAID_NO,
	SETUP_SAID_PARTLY,	/* of the webhook: it is there, but without some fields */
	SETUP_SAID_NO_ANSWER
};
#define SETUP_TRIED_PIPEDRIVE	"setup_pipedrive"
#define SETUP_TRIED_FACEBOOK	"setup_facebook"
#define SETUP_TRIED_HOOK	"setup_hook"
#define SETUP_VERIFIED		"setup_verified"	/* Facebook has called the address with our word */
IB_MUST const struct ib_err *setup_tried_put(struct db *db, struct arena *a, const char *what, const char *about,
    enum setup_said said, int64_t now);
IB_MUST const struct ib_err *setup_tried(struct db *db, struct arena *a, const char *what, const char *about,
    enum setup_said *said, int64_t *at);

/* How far the first connect is. */
struct setup_counts { int64_t people, companies, pages, last_event, last_run; };
IB_MUST const struct ib_err *setup_counts(struct db *db, struct setup_counts *out);

#endif
