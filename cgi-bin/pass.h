/* SPDX-License-Identifier: MIT */
/*
 * pass.h - who asks, inside Pipedrive.
 *
 * Cookies of a frame are a third party's, and browsers block those.  So the
 * pages that Pipedrive shows carry a pass of ours in their addresses: sealed
 * under the master key, good for one place, one person and, at a record of
 * Pipedrive, for the conversations linked to that record.  It is no session:
 * no address outside /pd/ knows it, and what the person may see is asked of
 * the database at each request.
 */
#ifndef IB_PASS_H
#define IB_PASS_H

#include "app.h"
#include "views.h"

#define PASS_HOURS	12

enum pass_place { PASS_PANEL, PASS_SETTINGS };

struct pass {
	enum pass_place	 place;
	int64_t		 install_id, user_id;		/* ours */
	int64_t		 company_id, pd_user_id;	/* Pipedrive's */
	const char	*kind;		/* of the record: "person", "deal", "organization"; "" in settings */
	int64_t		 record;	/* its id at Pipedrive */
	int64_t		 until;		/* ms */
	const char	*sdk;		/* the frame's id, "" = none */
	bool		 dark;
	/* not sealed, read anew each time: */
	int64_t		*threads;	/* linked to the record, the latest message first */
	size_t		 n_threads;
};

/* Most conversations shown at one record. */
#define PASS_THREADS	50

IB_MUST const struct ib_err *pass_make(struct app *app, struct req *r, const struct pass *p, char **out);
/* What the frame's script needs; for view_frame_make(). */
struct view_embed *pass_embed(const struct app *app, struct req *r);
/* The frame's id when it is one that we can give back, else "". */
const char *pass_sdk_id(const char *s);

#endif
