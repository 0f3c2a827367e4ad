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
	struct rate	*rate;		/* of webhooks; NULL: nothing is limited */
	struct httpc	*http;		/* made at the first call that needs it */
	struct graph	*graph;
	struct pdrive	*pdrive;
	struct arena	 arena;		/* of one piece of work */
	struct cats	*cats;		/* for copies that people read; loaded when first needed */
	struct tmpl_set	*tmpl, *notes;
	struct sync_stats { int64_t sent, settled, fetched, failed, calls, troubles; } stats;
};

IB_MUST const struct ib_err *sync_new(const struct conf *conf, struct db *db,
    const struct keyring *keys, struct sync **out);
void sync_free(struct sync *s);
/* The apps' values of the configuration have changed: the two services are made anew. */
void sync_renew(struct sync *s);
/* The two services; loads the network library when first asked. */
IB_MUST const struct ib_err *sync_graph(struct sync *s, struct graph **out);
IB_MUST const struct ib_err *sync_pdrive(struct sync *s, struct pdrive **out);

/* Incoming ------------------------------------------------------------------ */

/*
 * What inboxctl sends through the public address to see whether webhooks come
 * into its database: {"object":SYNC_PROBE,"nonce":"0123abcd"}.  The nonce is
 * noted, nothing else happens.
 */
#define SYNC_PROBE	"messenger-inbox.probe"
enum hook_fate { HOOK_STORED, HOOK_REPEATED, HOOK_QUARANTINED, HOOK_EMPTY, HOOK_OFTEN };
/*
 * A body whose signature was verified.  Everything in it that is news is on
 * disk when this returns NULL; an error means that nothing was stored and the
 * sender should repeat it (500).  *work tells whether something should be
 * fetched soon (name, file).  HOOK_OFTEN: one of its Pages has had too many in
 * a minute; nothing was stored, it has to come again.
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
/* One Pipedrive token that was not used for days. */
IB_MUST const struct ib_err *sync_token_one(struct sync *s, int64_t now, bool *did);
/*
 * A Pipedrive access token that is good for the next minute, in `a`.  Of any
 * number of processes that ask at once, one refreshes it, the others wait for
 * that.  *access NULL: the person's grant is gone, or was refused for now.
 */
IB_MUST const struct ib_err *sync_access(struct sync *s, struct arena *a, int64_t user, int64_t now,
    const char **access);
/* The same, waiting no longer than that for somebody else's refresh. */
IB_MUST const struct ib_err *sync_access_within(struct sync *s, struct arena *a, int64_t user, int64_t now,
    int64_t wait_ms, const char **access);
/* Pipedrive said that this access token is dead: the next sync_access refreshes it. */
IB_MUST const struct ib_err *sync_access_dead(struct sync *s, struct arena *a, int64_t user, int64_t now,
    const char *dead);
/*
 * Somebody comes back from Pipedrive with a code.  Exchanging it can kill the
 * tokens that we have of that person, before anybody knows who it is: while an
 * exchange is under way, a token that is refused says nothing.  Begin commits
 * that; end, in the transaction that stores what came, takes it back.  An
 * exchange that nobody ends has cost somebody a grant by our own doing.  `id`
 * is the request's.
 */
IB_MUST const struct ib_err *sync_exchange_begin(struct db *db, struct arena *a, const char *id, int64_t now);
IB_MUST const struct ib_err *sync_exchange_end(struct db *db, struct arena *a, const char *id);
/* The grant of somebody who is known already, as Pipedrive gave it just now; in a transaction of its own. */
IB_MUST const struct ib_err *sync_tokens_store(struct sync *s, struct arena *a, int64_t user, const struct pd_tokens *t,
    int64_t now);
/* One write to Pipedrive that has no end yet (crm.h). */
IB_MUST const struct ib_err *sync_crm_one(struct sync *s, int64_t now, bool *did);
/* One change of a linked conversation becomes a day to be logged, or one day a note (store/transcript.h). */
IB_MUST const struct ib_err *sync_log_one(struct sync *s, int64_t now, bool *did);
/* What Pipedrive says of linked records that are due, a hundred at once; or one company's webhooks (store/follow.h). */
IB_MUST const struct ib_err *sync_follow_one(struct sync *s, int64_t now, bool *did);
/*
 * One piece of leaving (store/leaving.h): a service is told, or a slice of what
 * left is erased; or of what the company keeps only for so many days.
 */
IB_MUST const struct ib_err *sync_leave_one(struct sync *s, int64_t now, bool *did);
/* One slice of the index of searching (store/search.h). */
IB_MUST const struct ib_err *sync_search_one(struct sync *s, int64_t now, bool *did);
/* One slice of a copy of everything (store/export.h). */
IB_MUST const struct ib_err *sync_export_one(struct sync *s, int64_t now, bool *did);
/* Folder of those copies, beside the database; made when absent.  NULL: no memory. */
const char *sync_export_dir(const struct sync *s, struct arena *a);
/* Copies whose week is over, and files that no row knows. */
void sync_export_sweep(struct sync *s, int64_t now);
/* What people began to send and did not, after a day. */
void sync_upload_sweep(struct sync *s, int64_t now);
/* Files of the media folder that no row knows any more: once a day, and when something was erased. */
void sync_media_orphans(struct sync *s, int64_t now);
/* Does one person who is signed in still belong to the company, and is still what our row says? */
IB_MUST const struct ib_err *sync_role_one(struct sync *s, int64_t now, bool *did);
/* The daily look at one Page's connection. */
IB_MUST const struct ib_err *sync_health_one(struct sync *s, int64_t now, bool *did);

/* Driving ------------------------------------------------------------------------ */

/* Replies that are due, nothing else. */
void sync_sends(struct sync *s, int64_t budget_ms);
/* What a worker does after an answer: replies first, then names, files, history. */
void sync_after(struct sync *s, int64_t budget_ms);
/*
 * A full run under the lease "engine": everything above within the budget,
 * then sweeping and the checkpoint; recorded in the ledger.  `driver` is
 * "cron", "web" or "visit".  RUN_BUSY: another process has the lease.
 * RUN_SOON: some run began less than gap_ms ago.
 */
enum run_fate { RUN_DONE, RUN_BUSY, RUN_SOON };
IB_MUST const struct ib_err *sync_run_spaced(struct sync *s, const char *driver, int64_t budget_ms,
    int64_t gap_ms, enum run_fate *fate);
/* What sync_run_spaced would find now; RUN_DONE: it would run.  Nobody waits and nothing is taken. */
IB_MUST const struct ib_err *sync_run_look(struct db *db, int64_t now, int64_t gap_ms, enum run_fate *fate);
/* The same without a gap; *ran false when another process has the lease. */
IB_MUST const struct ib_err *sync_run(struct sync *s, const char *driver, int64_t budget_ms, bool *ran);

/* Inside lib/sync: what a refusal of Facebook means for the Page. */
struct page;
IB_MUST const struct ib_err *page_refused(struct sync *s, int64_t page_id, const struct graph_res *res,
    int64_t now);
/* The same of a send: several in a row pause the Page's sends, longer each time. */
IB_MUST const struct ib_err *page_send_refused(struct sync *s, int64_t install_id, int64_t page_id,
    const struct graph_res *res, int64_t now);
/*
 * Where a file is at Facebook now (messenger.md 6.3, 12); *url NULL: it is not
 * there any more.  A read of the Conversations API like any other; *later: not in this half second.
 */
struct attachment;
IB_MUST const struct ib_err *sync_fresh_url(struct sync *s, struct arena *a, const struct attachment *t,
    int64_t page_id, const char **url, bool *later);
/* Room in the media folder (room.c): *full when it is full and nothing may go. */
IB_MUST const struct ib_err *sync_media_room(struct sync *s, struct arena *a, bool *full);
void sync_media_grew(int64_t bytes);
/* Pieces of files that a dead process left in media_dir. */
void sync_media_sweep(struct sync *s);
/*
 * Ask Facebook about the Page's token; dead, the Page is broken.  `suspect`:
 * a token error was the reason, so that a second one counts when the
 * inspection gets no answer either.  *alive: Facebook says it is valid.
 */
IB_MUST const struct ib_err *page_inspect(struct sync *s, const struct page *p, const char *why,
    bool suspect, int64_t now, bool *alive);
IB_MUST const struct ib_err *page_break(struct sync *s, const struct page *p, const char *why, int64_t now);
/* Listeners of the two clients: unknown codes are counted in odd_code. */
void sync_odd_facebook(void *arg, const struct graph_res *res);
void sync_odd_pipedrive(void *arg, const struct pd_res *res);
/* Sleep between two calls that one claim covers. */
void sync_nap(int64_t ms);
/* s->cats is there; and where templates are. */
IB_MUST const struct ib_err *sync_cats(struct sync *s);
const char *sync_templates(const struct sync *s);
/* Is there room for no more of them? */
bool sync_media_full(const struct sync *s, struct arena *a);
/*
 * Is this the name of such a file?  "a5-7-0": attachment 0 of message 7 of thread
 * 5, "u5-7": the file that a reply of ours is or will be, "p5": a picture of its
 * customer.
 */
bool sync_media_name(const char *name, int64_t v[3]);
/* Folder of media files (setting or beside the database); NULL: no memory. */
const char *sync_media_path(const struct conf *conf, struct arena *a);
/* The same, made when absent. */
const char *sync_media_dir(const struct sync *s, struct arena *a);

#endif
