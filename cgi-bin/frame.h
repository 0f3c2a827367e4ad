/* SPDX-License-Identifier: MIT */
/* frame.h - the frame around every page; view_frame_make() is declared in app.h. */
#ifndef IB_FRAME_H
#define IB_FRAME_H

#include "app.h"
#include "views.h"

/* "light" or "dark"; anything else, or NULL: as the system has it. */
void frame_theme(struct view_frame *f, const char *word);

#endif
