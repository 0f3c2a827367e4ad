/* SPDX-License-Identifier: MIT */
/*
 * dispatch.h - from a request to the handler and from its error to an answer.
 *
 * struct web is what a worker keeps from one request to the next: the arena
 * and the buffers, emptied after each.  web_serve() never fails: whatever
 * happens becomes an answer, and every request ends with exactly one.  An
 * answer is built completely before its first byte is written (files alone
 * are streamed), so that an error halfway leaves nothing behind.
 */
#ifndef IB_DISPATCH_H
#define IB_DISPATCH_H

#include "app.h"
#include "io.h"

struct web {
	struct app		*app;
	const struct route	*routes;
	size_t			 nroutes;
	struct arena		 arena;
	struct ib_buf		 in, head, out;
	uint64_t		 id_seed, id_count;
};

/*
 * The table is borrowed and checked: patterns well-formed and different, needs
 * that go together, caps within reason.  IB_ECONF names the first bad row.
 */
IB_MUST const struct ib_err *web_init(struct web *w, struct app *app,
    const struct route *table, size_t n);
void web_fini(struct web *w);
/*
 * Take the address apart: app->https, origin (as browsers write it) and
 * base_path.  The strings belong to the app until web_base_free().  IB_ECONF
 * for an address that cannot be one of ours.
 */
IB_MUST const struct ib_err *web_base(struct app *app, const char *base_url);
void web_base_free(struct app *app);
/* Answer one request.  True when the handler wants app_work() after it. */
bool web_serve(struct web *w, struct io *io);

#endif
