/* SPDX-License-Identifier: MIT */
/*
 * send.c - the outbox to the Send API, and the search for replies whose
 * outcome is unknown.
 *
 * The lease is committed before the call.  What the answer means:
 *   200 with a message id           sent
 *   a refusal that is surely one    deferred (throttle, token, temporary) or failed
 *   the request never left          deferred
 *   anything else                   checking (messenger.md 5.8)
 *
 * A reply in `checking` is looked for in the conversation, twice, a minute
 * apart.  Found: it takes the mid found.  Absent in both looks, each of which
 * was finished and reached back beyond the call: only then it goes again.  A
 * look is done in pieces of one read, and whoever comes next goes on with it.
 */
#include "sync.h"

#include "../base/clock.h"
#include "../base/filetype.h"
#include "../base/log.h"
#include "../base/str.h"
#include "../store/install.h"
#include "../store/outbox.h"
#include "../store/page.h"
#include "../store/thread.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CHECK_WAIT_MS	(60 * MS_SECOND)
#define LOOKS		2
#define TRIES		6

/* messenger.md 8, class R; with up to a quarter of jitter. */
static int64_t
backoff(int64_t attempts)
{
	static const int64_t steps[] = { 2, 10, 60, 300, 1800 };
	size_t i = attempts < 1 ? 0 : (size_t)attempts - 1;
	uint8_t r = 0;

	if (i >= sizeof(steps) / sizeof(steps[0]))
		i = sizeof(steps) / sizeof(steps[0]) - 1;
	if (crypt_random(&r, 1) != NULL)
		r = 0;
	return steps[i] * MS_SECOND + steps[i] * MS_SECOND * r / 1024;
}

static const struct ib_err *
settle(struct sync *s, const struct outbox *o, const struct outbox_end *end, int64_t now)
{
	const struct ib_err *err;

	if ((err = db_begin(s->db)) != NULL)
		return err;
	/* By policy the window after an ad "may" be longer than a day: here it is not. */
	if (o->ad_at > 0 && now >= o->customer_at + WINDOW_MS && end->state == OUT_FAILED && end->code != 0 && strcmp(end->why, "error.fb.window") == 0 &&
	    (err = thread_ad_refused(s->db, o->thread_id)) != NULL)
		goto done;
	if ((err = outbox_settle(s->db, o, end, now)) == NULL)
		err = db_commit(s->db);
done:
	db_rollback(s->db);
	if (end->state == OUT_FAILED)
		s->stats.failed++;
	log_event(end->state == OUT_SENT ? LOG_INFO_ : LOG_WARN_, "reply", "outbox", log_i(o->id),
	    "state", end->state == OUT_SENT ? "sent" : end->state == OUT_FAILED ? "failed" :
	    end->state == OUT_CHECKING ? "checking" : end->state == OUT_QUEUED ? "queued" : "deferred",
	    "code", log_i(end->code), "subcode", log_i(end->subcode), NULL);
	return err;
}

/*
 * It was sent and Facebook calls it `mid`.  An echo may have been first; then
 * the row has the mid already, or a copy of the message stands alone because
 * the echo came without our id: ours takes its place and time.
 */
static const struct ib_err *
settle_sent(struct sync *s, struct arena *a, struct outbox *o, const char *page_fb,
    const char *mid, int64_t at, bool exact, int64_t now)
{
	struct outbox_end end = { .state = OUT_SENT };
	const struct ib_err *err;
	struct message *other;
	struct mkey k;
	bool ours;

	mkey_make(page_fb, strncmp(mid, "m_", 2) == 0 ? mid + 2 : mid, &k);
	if ((err = db_begin(s->db)) != NULL)
		return err;
	if ((err = message_by_mkey(s->db, a, &k, &other)) != NULL)
		goto done;
	ours = other != NULL && other->thread_id == o->thread_id && other->id == o->msg_id;
	if (!ours) {
		struct outbox *fresh;

		/* The echo may have moved our row meanwhile. */
		if ((err = outbox_by_token(s->db, a, o->page_id, o->token, &fresh)) != NULL)
			goto done;
		if (fresh != NULL)
			o->msg_at = fresh->msg_at;
		if (other != NULL) {
			at = other->at;
			exact = (other->flags & MSG_EXACT) != 0;
			if ((err = message_delete(s->db, other->thread_id, other->at, other->id)) != NULL)
				goto done;
		}
		if (at == 0)
			at = o->msg_at;
		if ((err = message_identify(s->db, o->thread_id, o->msg_at, o->msg_id, mid, &k,
		    at, exact)) != NULL || (err = outbox_moved(s->db, o->id, at)) != NULL ||
		    (err = message_relead(s->db, a, o->thread_id)) != NULL)
			goto done;
		o->msg_at = at;
	} else {
		o->msg_at = other->at;
	}
	if ((err = outbox_settle(s->db, o, &end, now)) == NULL &&
	    (err = db_run(s->db, ST_PAGE_SENT, "i", o->page_id)) == NULL)
		err = db_commit(s->db);
done:
	db_rollback(s->db);
	if (err == NULL)
		s->stats.sent++;
	return err;
}

/* What a refusal means for this reply. */
static void
read_refusal(const struct graph_res *res, const struct outbox *o, int64_t now, struct outbox_end *end)
{
	const struct code_row *row = res->row;

	end->code = res->code;
	end->subcode = res->subcode;
	end->why = row->key;
	if (row->send_unknown || res->status >= 500) {
		end->state = OUT_CHECKING;
		end->next_at = now + CHECK_WAIT_MS;
		end->why = "";
		return;
	}
	switch (row->class_) {
	case CLASS_THROTTLE:
		end->state = OUT_DEFERRED;
		end->next_at = now + (res->regain_min > 0 ? res->regain_min : 1) * MS_MINUTE;
		return;
	case CLASS_TOKEN:
		/* The Page is confirmed broken or not; either way the reply waits for it. */
		end->state = OUT_DEFERRED;
		end->next_at = now + MS_MINUTE;
		return;
	case CLASS_RETRY:
		if (o->attempts < TRIES) {
			end->state = OUT_DEFERRED;
			end->next_at = now + backoff(o->attempts);
			return;
		}
		break;
	case CLASS_CONFIG:
	case CLASS_FINAL:
		if (res->transient && o->attempts < TRIES) {
			end->state = OUT_DEFERRED;
			end->next_at = now + backoff(o->attempts);
			return;
		}
		break;
	}
	end->state = OUT_FAILED;
}

/* The file of a reply.  False: it is not there any more, as it was. */
static bool
file_of(struct sync *s, struct arena *a, const struct outbox *o, struct graph_file *f)
{
	static const char *const kinds[FB_ATT_MAX] = {
		[FB_ATT_IMAGE] = "image", [FB_ATT_VIDEO] = "video", [FB_ATT_AUDIO] = "audio", [FB_ATT_FILE] = "file"
	};
	const char *dir = sync_media_dir(s, a);
	struct stat sb;

	*f = (struct graph_file){ .path = arena_printf(a, "%s/%s", dir != NULL ? dir : "", o->file),
		.kind = o->file_type < FB_ATT_MAX ? kinds[o->file_type] : NULL, .name = file_name_ascii(a, o->file_name != NULL ? o->file_name : "file"),
		.mime = o->file_mime, .size = o->file_size };
	return f->path != NULL && f->name != NULL && f->kind != NULL && stat(f->path, &sb) == 0 && sb.st_size == o->file_size;
}

static const struct ib_err *
send_leased(struct sync *s, struct arena *a, struct outbox *o, int64_t now)
{
	struct outbox_end end = { .state = OUT_FAILED };
	const struct ib_err *err, *bad;
	struct graph_res res = { 0 };
	struct graph_send msg = { 0 };
	struct graph_file file;
	struct graph *g;
	struct page *page;
	const char *mid = NULL;

	if ((err = page_with_token(s->db, s->keys, a, o->page_id, &page)) != NULL)
		return err;
	if (page == NULL || page->token == NULL) {
		end = (struct outbox_end){ OUT_DEFERRED, now + MS_MINUTE, "error.fb.token", 0, 0 };
		if (page != NULL && (err = page_set_broken(s->db, page->id, "error.fb.token")) != NULL)
			return err;
		return settle(s, o, &end, now);
	}
	end.why = outbox_barred(o, now, conf_bool(s->conf, CONF_FB_HUMAN_AGENT), &msg.human_agent);
	if (end.why != NULL)
		return settle(s, o, &end, now);
	if (o->file != NULL && !file_of(s, a, o, &file)) {
		end.why = "error.file_lost";
		return settle(s, o, &end, now);
	}
	if ((err = sync_graph(s, &g)) != NULL)
		goto not_sent;
	msg.page = page->fb_id;
	msg.token = page->token;
	msg.psid = o->psid;
	msg.text = o->text;
	msg.file = o->file != NULL ? &file : NULL;
	msg.metadata = o->token;
	s->stats.calls++;
	if ((bad = graph_send(g, a, &msg, &mid, &res)) != NULL) {
		log_err(bad, "send");
		if (res.fate == HTTPC_NOT_SENT)
			goto not_sent;
		end = (struct outbox_end){ OUT_CHECKING, now + CHECK_WAIT_MS, "", 0, 0 };
		return settle(s, o, &end, clock_now());
	}
	if (!res.refused && mid != NULL)
		return settle_sent(s, a, o, page->fb_id, mid, 0, false, clock_now());
	if (!res.refused) {
		end = (struct outbox_end){ OUT_CHECKING, now + CHECK_WAIT_MS, "", 0, 0 };
		return settle(s, o, &end, clock_now());
	}
	read_refusal(&res, o, now, &end);
	if ((err = settle(s, o, &end, clock_now())) != NULL)
		return err;
	return page_send_refused(s, o->install_id, o->page_id, &res, now);
not_sent:
	end = (struct outbox_end){ OUT_DEFERRED, now + backoff(o->attempts), "error.fb.away", 0, 0 };
	return settle(s, o, &end, clock_now());
}

const struct ib_err *
sync_send_one(struct sync *s, int64_t now, bool *did)
{
	const struct ib_err *err;
	struct outbox *o;
	int64_t expired;

	*did = false;
	arena_reset(&s->arena);
	if ((err = outbox_expire(s->db, now, &expired)) != NULL ||
	    (err = outbox_lease(s->db, &s->arena, now, &o)) != NULL || o == NULL)
		return err;
	*did = true;
	return send_leased(s, &s->arena, o, now);
}

/* Looking for a reply ------------------------------------------------------------- */

/*
 * May this message of the conversation be the reply we look for?  Not when it
 * is a reply of ours already, nor when its echo said that another app sent it.
 * A copy that came by the Conversations API or without our id may be it.
 */
static const struct ib_err *
may_be_ours(struct sync *s, struct arena *a, const char *page_fb, const struct fb_event *e, bool *may)
{
	const struct ib_err *err;
	struct message *m;
	struct mkey k;

	mkey_make(page_fb, e->key, &k);
	if ((err = message_by_mkey(s->db, a, &k, &m)) != NULL)
		return err;
	*may = m == NULL || (m->user_id == 0 &&
	    ((m->flags & MSG_EXACT) == 0 || m->origin == ORIGIN_OURS));
	return NULL;
}

/*
 * One read of a look: which conversation it is, or a page of its messages.
 * *hit: the message found; *reached: the look went back beyond the call; else
 * it goes on from *next.
 */
static const struct ib_err *
look(struct sync *s, struct arena *a, const struct outbox *o, const struct page *page,
    struct graph_res *res, struct fb_event **hit, bool *reached, const char **next)
{
	const struct ib_err *err;
	struct graph_thread *threads;
	struct fb_event *ev;
	struct graph *g;
	size_t i, n;
	bool may;

	*hit = NULL;
	*next = NULL;
	*reached = false;
	if ((err = sync_graph(s, &g)) != NULL)
		return err;
	s->stats.calls++;
	if (o->fb_thread == NULL) {
		if ((err = graph_threads(g, a, page->fb_id, page->token, o->psid, NULL, 1,
		    &threads, &n, next, res)) != NULL || res->refused)
			return err;
		*next = NULL;
		*reached = n == 0;	/* no such conversation: nothing arrived */
		return n == 0 ? NULL : thread_set_fb(s->db, o->thread_id, threads[0].id, 0);
	}
	if ((err = graph_messages(g, a, page->fb_id, page->token, o->fb_thread, o->look, 30, false,
	    &ev, &n, next, res)) != NULL || res->refused)
		return err;
	*reached = *next == NULL;
	for (i = 0; i < n; i++) {
		/* The Conversations API tells whole seconds. */
		if (ev[i].at + 999 < o->after_at) {
			*reached = true;
			break;
		}
		if (!ev[i].out || !outbox_same(a, o, &ev[i]))
			continue;
		if ((err = may_be_ours(s, a, page->fb_id, &ev[i], &may)) != NULL)
			return err;
		if (may)
			*hit = &ev[i];		/* the oldest that fits */
	}
	return NULL;
}

const struct ib_err *
sync_check_one(struct sync *s, int64_t now, bool *did)
{
	struct outbox_end end;
	const struct ib_err *err, *free_err;
	struct graph_res res = { 0 };
	struct arena *a = &s->arena;
	struct fb_event *hit;
	struct outbox *o;
	struct page *page;
	const char *next;
	bool reached, mine, tag;

	*did = false;
	arena_reset(a);
	if ((err = outbox_check_next(s->db, a, now, &o)) != NULL || o == NULL)
		return err;
	*did = true;
	if ((err = page_with_token(s->db, s->keys, a, o->page_id, &page)) != NULL ||
	    page == NULL || page->token == NULL)
		return err;
	if ((err = page_claim_read(s->db, page->id, now, &mine)) != NULL)
		return err;
	if (!mine) {
		/* Mostly the look before this one has it: a run shall get through all. */
		sync_nap(PAGE_READ_GAP_MS);
		now = clock_now();
		if ((err = page_claim_read(s->db, page->id, now, &mine)) != NULL)
			return err;
	}
	if (!mine) {
		/* The Page's two reads of this second are used: this was no look. */
		return outbox_looked(s->db, o, false, o->look, now + MS_SECOND);
	}
	err = look(s, a, o, page, &res, &hit, &reached, &next);
	free_err = page_release_read(s->db, page->id, now, clock_now());
	if (err != NULL || (err = free_err) != NULL) {
		log_err(err, "check");
		return outbox_looked(s->db, o, false, o->look, now + CHECK_WAIT_MS);
	}
	if (res.refused) {
		if ((err = outbox_looked(s->db, o, false, NULL, now + CHECK_WAIT_MS)) != NULL)
			return err;
		return page_refused(s, o->page_id, &res, now);
	}
	if (hit == NULL && !reached)
		return outbox_looked(s->db, o, false, next, now);
	s->stats.settled++;
	if (hit != NULL)
		return settle_sent(s, a, o, page->fb_id, hit->mid, hit->at, false, now);
	if (o->checks + 1 < LOOKS)
		return outbox_looked(s->db, o, true, NULL, now + CHECK_WAIT_MS);
	end = (struct outbox_end){ OUT_FAILED, 0,
	    outbox_barred(o, now, conf_bool(s->conf, CONF_FB_HUMAN_AGENT), &tag), 0, 0 };
	if (end.why != NULL)
		return settle(s, o, &end, now);
	if (o->attempts >= TRIES)
		end = (struct outbox_end){ OUT_FAILED, 0, "error.fb.unconfirmed", 0, 0 };
	else
		end = (struct outbox_end){ OUT_QUEUED, now, "", 0, 0 };
	return settle(s, o, &end, now);
}
