/* SPDX-License-Identifier: MIT */
/*
 * follow.c - linked records as Pipedrive has them now (store/follow.h).
 *
 * Our webhooks at each company with links are looked at daily and made again
 * when missing; after a gap all its links are due.  Links that are due are
 * asked about a hundred at a time with the installer's authorisation, what is
 * not among the answers singly with that of whoever linked: archived, gone, or
 * a lead that became a deal.  A merged record was re-pointed when its event
 * came, for only that names the other one.
 *
 * Can fail: memory and database.  Without an answer links stay due.
 */
#include "crm.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/str.h"
#include "../store/follow.h"
#include "../store/install.h"

#include <string.h>

#define CALL_MS		(20 * MS_SECOND)
#define EVERY_MS	MS_DAY
#define GONE_EVERY_MS	(7 * MS_DAY)
#define AGAIN_MS	(10 * MS_MINUTE)
#define TOKEN_MS	MS_HOUR
#define SINGLY_MOST	5		/* in one piece of work; the rest stays due */
#define WHY_TOKEN	"error.pd.token"

static int64_t
wait_for(const struct crm *c)
{
	return clock_now() + (str_eq(c->why, WHY_TOKEN) ? TOKEN_MS : AGAIN_MS);
}

/* Our webhooks at one company. */
static const struct ib_err *
keep_hooks(struct sync *s, const struct pd_hook *h)
{
	const char *url = arena_printf(&s->arena, "%s/hook/pipedrive/%s", conf_str(s->conf, CONF_BASE_URL), h->key);
	const struct ib_err *err;
	struct pd_res res = { 0 };
	struct crm c;
	size_t made;

	if (url == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "webhooks");
	if ((err = crm_open(s, &s->arena, h->install_id, h->owner_id, CALL_MS, false, &c)) != NULL)
		return err;
	if (c.stop)
		return pd_hook_checked(s->db, h->install_id, wait_for(&c), c.why, false);
	err = pdrive_hooks_keep(c.pd, c.a, &c.who, url, h->password, &made, &res);
	if (err != NULL && (err->code == IB_ENOMEM || err->code == IB_EDB))
		return err;
	log_event(LOG_INFO_, "pipedrive_webhooks", "made", log_i((int64_t)made), NULL);
	if (err != NULL || res.refused)
		return pd_hook_checked(s->db, h->install_id, res.refused && res.row->class_ != CLASS_RETRY &&
		    res.row->class_ != CLASS_THROTTLE ? clock_now() + EVERY_MS : clock_now() + AGAIN_MS,
		    res.refused ? res.row->key : "crm.away", made > 0);
	return pd_hook_checked(s->db, h->install_id, clock_now() + EVERY_MS, NULL, made > 0);
}

/* What Pipedrive said of a link's record; people with an open page see it when it is news. */
static const struct ib_err *
seen(struct crm *c, const struct link *l, const struct crm_rec *r, const struct crm_setup *setup)
{
	const struct crm_stage *st = r->stage_id > 0 ? crm_stage_of(setup, r->stage_id) : NULL;
	bool gone = r->deleted, news = l->state != (gone ? LINK_GONE : r->archived ? LINK_ARCHIVED : LINK_LIVE) ||
	    (!gone && !str_eq(l->title, r->name));
	int64_t now = clock_now();
	const struct ib_err *err;
	bool still;

	if ((err = db_begin(c->s->db)) != NULL)
		return err;
	/* An event may have re-pointed it while Pipedrive was asked. */
	if ((err = link_still(c->s->db, l, &still)) != NULL || !still)
		goto done;
	if ((err = gone ? link_gone(c->s->db, l, now) : link_seen(c->s->db, l, r, st != NULL ? st->name : NULL, now)) == NULL &&
	    (err = link_checked(c->s->db, l->id, now + (gone ? GONE_EVERY_MS : EVERY_MS), r->person_id)) == NULL &&
	    (!news || (err = install_touch(c->s->db, c->install_id)) == NULL))
		err = db_commit(c->s->db);
done:
	db_rollback(c->s->db);
	return err;
}

/* A lead that is no more: a deal was made of it, or it is gone. */
static const struct ib_err *
converted(struct crm *c, const struct link *l, const char **deal)
{
	const struct ib_err *err;
	struct pd_res res = { 0 };
	int64_t person;

	*deal = NULL;
	if ((err = link_person(c->s->db, l->id, &person)) != NULL || person == 0)
		return err;
	if ((err = pdcrm_deal_of_lead(c->pd, c->a, &c->who, person, l->pd_id, deal, &res)) != NULL)
		return err;
	return res.refused ? ib_fail(IB_EUPSTREAM, IB_RETRY_LATER, "converted lead: status %d", res.status) : NULL;
}

static const struct ib_err *
move_link(struct crm *c, const struct link *l, const char *deal)
{
	const struct ib_err *err;
	bool still;

	if ((err = db_begin(c->s->db)) != NULL)
		return err;
	if ((err = link_still(c->s->db, l, &still)) == NULL && still && (err = link_follow(c->s->db, c->a, c->install_id, l, CRM_DEAL, deal, clock_now())) == NULL)
		err = db_commit(c->s->db);
	db_rollback(c->s->db);
	return err;
}

/* One record by itself, as whoever linked it sees it. */
static const struct ib_err *
look_singly(struct sync *s, int64_t install, int64_t owner, const struct link *l)
{
	struct crm_rec rec, none = { .kind = l->kind, .id = l->pd_id, .name = l->title, .deleted = true };
	struct crm_setup setup = { 0 };
	const struct ib_err *err;
	struct pd_res res = { 0 };
	const char *deal = NULL;
	struct crm c;

	if ((err = crm_open(s, &s->arena, install, l->user_id, CALL_MS, false, &c)) == NULL && c.stop &&
	    str_eq(c.why, WHY_TOKEN))
		err = crm_open(s, &s->arena, install, owner, CALL_MS, false, &c);
	if (err != NULL)
		return err;
	if (c.stop)
		return link_checked(s->db, l->id, wait_for(&c), 0);
	if (l->kind == CRM_DEAL && (err = crm_setup_get(&c, clock_now(), &setup)) != NULL)
		return err;
	err = c.stop ? NULL : pdcrm_get(c.pd, c.a, &c.who, l->kind, l->pd_id, &rec, &res);
	if (err != NULL && (err->code == IB_ENOMEM || err->code == IB_EDB))
		return err;
	if (err != NULL || c.stop || (res.refused && res.status != 404))
		return link_checked(s->db, l->id, clock_now() + AGAIN_MS, 0);
	if (!res.refused && !rec.deleted)
		return seen(&c, l, &rec, &setup);
	if (l->kind == CRM_LEAD) {
		if ((err = converted(&c, l, &deal)) != NULL)
			return err->code == IB_ENOMEM || err->code == IB_EDB ? err :
			    link_checked(s->db, l->id, clock_now() + AGAIN_MS, 0);
		if (deal != NULL)
			return move_link(&c, l, deal);
	}
	return seen(&c, l, &none, &setup);
}

static const char *
ids_of(struct arena *a, const struct link *l, size_t n)
{
	const char *out = NULL;
	struct ib_buf b;
	size_t i;

	buf_init(&b, (size_t)4 << 10);
	for (i = 0; i < n; i++) {
		if (i > 0)
			buf_putc(&b, ',');
		buf_puts(&b, l[i].pd_id);
	}
	if (!b.failed)
		out = arena_dup(a, buf_cstr(&b));
	buf_fini(&b);
	return out;
}

/* Persons or deals of one company at once.  *asked false: not now. */
static const struct ib_err *
look_together(struct sync *s, int64_t install, int64_t owner, const struct link *l, size_t n, struct crm_recs *recs,
    struct crm_setup *setup, struct crm *c, bool *asked)
{
	const char *ids = ids_of(&s->arena, l, n);
	const struct ib_err *err;
	struct pd_res res = { 0 };

	*asked = false;
	memset(recs, 0, sizeof(*recs));
	if (ids == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "ids");
	if ((err = crm_open(s, &s->arena, install, owner, CALL_MS, false, c)) != NULL)
		return err;
	/* The installer's grant is gone: each by whoever linked it. */
	if (c->stop) {
		*asked = str_eq(c->why, WHY_TOKEN);
		return NULL;
	}
	if (l->kind == CRM_DEAL && (err = crm_setup_get(c, clock_now(), setup)) != NULL)
		return err;
	if (c->stop)
		return NULL;
	err = pdcrm_by_ids(c->pd, c->a, &c->who, l->kind, ids, recs, &res);
	if (err != NULL)
		return err->code == IB_ENOMEM || err->code == IB_EDB ? err : NULL;
	*asked = !res.refused || res.status == 403;
	return NULL;
}

static const struct ib_err *
look_at(struct sync *s, int64_t install, int64_t owner, const struct link *l, size_t n)
{
	struct crm_setup setup = { 0 };
	struct crm_recs recs = { 0 };
	const struct ib_err *err = NULL;
	size_t i, k, singly = 0;
	struct crm c;
	bool asked = true;

	if (l->kind != CRM_LEAD && (err = look_together(s, install, owner, l, n, &recs, &setup, &c, &asked)) != NULL)
		return err;
	for (i = 0; err == NULL && i < n; i++) {
		for (k = 0; k < recs.n && !str_eq(recs.v[k].id, l[i].pd_id); k++)
			;
		if (!asked)
			err = link_checked(s->db, l[i].id, clock_now() + AGAIN_MS, 0);
		else if (k < recs.n)
			err = seen(&c, &l[i], &recs.v[k], &setup);
		else if (singly++ < SINGLY_MOST)
			err = look_singly(s, install, owner, &l[i]);
	}
	return err;
}

const struct ib_err *
sync_follow_one(struct sync *s, int64_t now, bool *did)
{
	const struct ib_err *err;
	int64_t install, owner;
	struct pd_hook *h;
	struct link *l;
	size_t n;

	*did = false;
	arena_reset(&s->arena);
	if ((err = links_due(s->db, &s->arena, now, CRM_BATCH, &install, &owner, &l, &n)) != NULL)
		return err;
	if ((*did = n > 0))
		return look_at(s, install, owner, l, n);
	if ((err = pd_hook_due(s->db, s->keys, &s->arena, now, &h)) != NULL || h == NULL)
		return err;
	*did = true;
	return keep_hooks(s, h);
}
