/* SPDX-License-Identifier: MIT */
/*
 * sync.h - the engine between Messenger and the database, shared by the web
 * program and the cron program.
 *
 * Incoming: a verified body becomes events, events become rows, in one
 * transaction (ingest).  Outgoing: rows become Send API calls; the intention
 * is committed before the call, the result after it; an unknown result is a
 * state.  Everything else (names, files, history, tokens) is fetched in the
 * background in short, bounded pieces.
 *
 * Nothing here holds state of its own between calls besides open handles: a
 * process may die at any point and another goes on.
 */
#ifndef IB_SYNC_H
#define IB_SYNC_H

#include "../api/graph.h"
#include "../api/pdrive.h"
#include "../base/conf.h"
#include "../base/crypt.h"
#include "../db/db.h"

struct sync {
	const struct conf *conf;
	struct db	*db;
	const struct keyring *keys;
	struct httpc	*http;		/* made at the first call that needs it */
	struct graph	*graph;
	struct pdrive	*pdrive;
	struct arena	 arena;		/* of one piece of work */
	struct sync_stats { int64_t sent, settled, fetched, failed, calls; } stats;
};

IB_MUST const struct ib_err *sync_new(const struct conf *conf, struct db *db,
    const struct keyring *keys, struct sync **out);
void sync_free(struct sync *s);
/* The two services; loads the network library when first asked. */
IB_MUST const struct ib_err *sync_graph(struct sync *s, struct graph **out);
IB_MUST const struct ib_err *sync_pdrive(struct sync *s, struct pdrive **out);

/* Incoming ------------------------------------------------------------------ */

enum hook_fate { HOOK_STORED, HOOK_REPEATED, HOOK_QUARANTINED, HOOK_EMPTY };
/*
 * A body whose signature was verified.  Everything in it that is news is on
 * disk when this returns NULL; an error means that nothing was stored and the
 * sender should repeat it (500).  *work tells whether something should be
 * fetched soon (name, file).
 */
IB_MUST const struct ib_err *sync_hook(struct sync *s, struct arena *a, const char *body,
    size_t n, int64_t now, enum hook_fate *fate, bool *work);
/* Store one event inside an open transaction (also used by import). *changed: people see something new. */
struct fb_event;
IB_MUST const struct ib_err *ingest_event(struct sync *s, struct arena *a, const struct fb_event *e,
    int64_t now, bool *changed, bool *work);

/*
 * The poison shelf (store/shelf.h) once more: rows this version of the program
 * has not tried, or `all`; at most `most`.  What works leaves the shelf.
 */
IB_MUST const struct ib_err *sync_shelf(struct sync *s, int64_t now, bool all, size_t most,
    int64_t *tried, int64_t *helped);

/* Outgoing ------------------------------------------------------------------ */

/* Send one due reply; *did false when there was none. */
IB_MUST const struct ib_err *sync_send_one(struct sync *s, int64_t now, bool *did);
/* Look for one reply whose outcome is unknown. */
IB_MUST const struct ib_err *sync_check_one(struct sync *s, int64_t now, bool *did);

/* Fetching -------------------------------------------------------------------- */

IB_MUST const struct ib_err *sync_profile_one(struct sync *s, int64_t now, bool *did);
IB_MUST const struct ib_err *sync_media_one(struct sync *s, int64_t now, bool *did);
/*
 * One read of the Conversations API: a thread somebody waits for, else a slice
 * of a Page's listing (first import, or comparison when the last finished one
 * is `every` ms old).  At most two a second per Page over all processes.
 * *did false with *wait_ms > 0: there is work, but not before that time.
 */
IB_MUST const struct ib_err *sync_read_step(struct sync *s, int64_t now, int64_t every, bool *did, int64_t *wait_ms);
/* A reader wants older messages than we have: the next read step fetches them. */
IB_MUST const struct ib_err *sync_want_older(struct db *db, int64_t page_id, int64_t thread_id, int64_t now);
/* One Pipedrive token that ends soon. */
IB_MUST const struct ib_err *sync_token_one(struct sync *s, int64_t now, bool *did);

/* Driving ------------------------------------------------------------------------ */

/* What a worker does after an answer: replies first, then names, files, history. */
void sync_after(struct sync *s, int64_t budget_ms);
/*
 * A full run under the lease "engine": everything above within the budget,
 * then sweeping and the checkpoint.  *ran false when another process has the
 * lease.  `driver` is "cron", "web" or "visit".
 */
IB_MUST const struct ib_err *sync_run(struct sync *s, const char *driver, int64_t budget_ms, bool *ran);

/* Inside lib/sync: what a refusal or silence of Facebook means for the Page. */
IB_MUST const struct ib_err *page_refused(struct sync *s, int64_t install_id, int64_t page_id,
    const struct graph_res *res, int64_t now);
/* Pieces of files that a dead process left in media_dir. */
void sync_media_sweep(struct sync *s);
/* Sleep between two calls that one claim covers. */
void sync_nap(int64_t ms);
/* Folder of media files (setting or beside the database), made when absent. */
const char *sync_media_dir(const struct sync *s, struct arena *a);

#endif
