/* SPDX-License-Identifier: MIT */
/*
 * panel.h - from links and Pipedrive's answers to what the panel shows.
 *
 * The conversation's page shows what is stored; panel_load() asks Pipedrive,
 * within seconds, for the panel's own address, which the page loads into
 * itself.
 */
#ifndef IB_PANEL_H
#define IB_PANEL_H

#include "format.h"
#include "views.h"

#include "../lib/store/thread.h"
#include "../lib/sync/crm.h"

struct panel_ask {
	const struct thread *t;
	const char	*page;		/* Page's name */
	const char	*term;		/* search, or NULL */
	bool		 again;		/* ask although Pipedrive was away a moment ago */
	const char	*said, *error, *words;	/* sentences, or NULL */
	const struct view_crm_form *form;	/* that was refused, with what was entered; or NULL */
	struct crm_recs	 doubles;	/* persons like the one to be made */
};

/* From the database alone; inside its read transaction. */
IB_MUST const struct ib_err *panel_stored(struct app *app, struct req *r, const struct fmt *f,
    const struct thread *t, struct view_crm **out);
/* With what Pipedrive tells now.  No transaction may be open. */
IB_MUST const struct ib_err *panel_load(struct app *app, struct req *r, const struct fmt *f,
    const struct panel_ask *ask, struct view_crm **out);

#endif
