/* SPDX-License-Identifier: MIT */
/*
 * setup.h - the parts of the set-up in the browser: what is to be copied to the
 * two services, how far things are, and what the services say to the values.
 *
 * h_setup.c answers the requests; setup_steps.c fills the views from the rows,
 * setup_copy.c from tables; setup_try.c is the only part that calls somebody.
 */
#ifndef IB_SETUP_PAGES_H
#define IB_SETUP_PAGES_H

#include "app.h"
#include "views.h"

#include "../lib/store/setup.h"

enum setup_step { SETUP_HOST, SETUP_PIPEDRIVE, SETUP_FACEBOOK, SETUP_CONNECT, SETUP_REVIEW, SETUP_STEPS };

/* Have an app's values been entered? */
bool setup_has_pipedrive(const struct conf *conf);
bool setup_has_facebook(const struct conf *conf);
/* Our own address below base_url, as the services want it: "https://.../hook/facebook". */
const char *setup_url(const struct app *app, struct req *r, const char *path);

/* The steps above every page, and the ticks of the one that is shown. */
IB_MUST const struct ib_err *setup_steps_fill(struct app *app, struct req *r, enum setup_step here, struct view_setup *v);
/* What is to be copied, and what the permissions are for. */
IB_MUST const struct ib_err *setup_copies_fill(struct app *app, struct req *r, enum setup_step here, struct view_setup *v);

/*
 * Ask the service whether these values are right, and keep what it said.  `hook`:
 * let Facebook enter the webhook's address as well.  *said as it was kept.
 */
IB_MUST const struct ib_err *setup_try_pipedrive(struct app *app, struct req *r, const struct conf *conf,
    enum setup_said *said);
IB_MUST const struct ib_err *setup_try_facebook(struct app *app, struct req *r, const struct conf *conf, bool hook,
    enum setup_said *said);

#endif
