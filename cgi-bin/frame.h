/* SPDX-License-Identifier: MIT */
/* frame.h - the frame around every page; view_frame_make() is declared in app.h. */
#ifndef IB_FRAME_H
#define IB_FRAME_H

#include "app.h"
#include "views.h"

#endif
