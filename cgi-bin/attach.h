/* SPDX-License-Identifier: MIT */
/*
 * attach.h - files that a person attaches to a reply, by script in pieces
 * (h_upload.c) or with the form itself (h_reply.c).  Both ends are an upload
 * (store/upload.h); what Messenger would not take becomes none.
 */
#ifndef IB_ATTACH_H
#define IB_ATTACH_H

#include "app.h"

#include "../lib/base/filetype.h"
#include "../lib/store/upload.h"

#define ATTACH_PIECE	((int64_t)96 << 10)	/* of an upload; hosts with a limit of 128 KiB take it */

/* Why Messenger would not take such a file: the sentence, or NULL. */
const char *attach_why(const struct app *app, const struct req *r, const struct filetype *t, int64_t size);
/* All of it lies at `path`: what it is.  *why: the sentence that refuses it; it is gone then. */
IB_MUST const struct ib_err *attach_whole(struct app *app, struct req *r, struct upload *u,
    const char *path, const char **why);
/* Where an upload's file lies; NULL: no memory. */
const char *attach_path(const struct app *app, struct req *r, const char *file);
/* Away with it, row and file. */
IB_MUST const struct ib_err *attach_drop(struct app *app, struct req *r, const struct upload *u);
/*
 * The files that a reply's form brings become uploads, and their keys further
 * values of its field `upload`, which names those that are here already.  *why:
 * the sentence that refuses one of them; the others are kept.
 */
IB_MUST const struct ib_err *attach_form(struct app *app, struct req *r, int64_t thread, const char **why);

#endif
