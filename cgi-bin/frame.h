/* SPDX-License-Identifier: MIT */
/* frame.h - the frame around every page; view_frame_make() is declared in app.h. */
#ifndef IB_FRAME_H
#define IB_FRAME_H

#include "app.h"
#include "views.h"

/* Address of a file of static/ with its digest; NULL for one that is not in the table. */
const char *frame_static(const struct app *app, struct req *r, const char *name);

#endif
