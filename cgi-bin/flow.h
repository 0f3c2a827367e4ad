/* SPDX-License-Identifier: MIT */
/*
 * flow.h - what a connection being made remembers between its steps.
 *
 * Step by step: Pipedrive's consent, visibility, Facebook's login, choice of
 * Pages.  Each step takes the former row (it can be used once) and writes the
 * next, sealed, under a fresh cookie; a step that is left behind ends by
 * itself after 30 minutes.  Install, user and Page rows are written only by
 * the last step, all in one transaction.
 */
#ifndef IB_FLOW_H
#define IB_FLOW_H

#include "app.h"

#include "../lib/store/install.h"

struct flow_page {
	const char	*id, *name, *category, *token;
	bool		 can_message, can_manage, odd;
};

struct flow {
	const char	*state;		/* of the service we are waiting for */
	const char	*back;		/* path below base_url after signing in, or NULL */
	/* from Pipedrive */
	const char	*access, *refresh, *api_domain;
	int64_t		 access_until;
	int64_t		 pd_user, company_id;
	const char	*name, *email, *lang, *timezone, *company_name, *company_domain;
	bool		 admin;
	/* chosen */
	bool		 shared;
	int64_t		 install_id, user_id;	/* adding Pages to an install that is there */
	/* from Facebook */
	const char	*asid, *declined;
	struct flow_page *pages;
	size_t		 npages;
};

/* Write the next step and its cookie; `state` is made anew. */
IB_MUST const struct ib_err *flow_next(struct app *app, struct req *r, enum flow_step step, struct flow *f);
/* Look at / take the step of this browser; *out NULL when there is none. */
IB_MUST const struct ib_err *flow_look(struct app *app, struct req *r, enum flow_step step, struct flow **out);
IB_MUST const struct ib_err *flow_use(struct app *app, struct req *r, enum flow_step step, struct flow **out);
/* The grant leads nowhere: revoke it.  The page that follows matters more than the result. */
void flow_give_back(struct app *app, struct req *r, const struct flow *f);
/* Forget it (cookie and all). */
void flow_end(struct app *app, struct req *r);

#endif
