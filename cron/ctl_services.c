/* SPDX-License-Identifier: MIT */
/*
 * ctl_services.c - inboxctl doctor: the keys at hand, and what Facebook and
 * Pipedrive say when they are asked now.
 *
 * Tokens of Pipedrive are refreshed when they are due, as any run does; nothing
 * else is changed, neither here nor there.
 */
#include "ctl.h"

#include "../lib/base/clock.h"
#include "../lib/base/httpc.h"
#include "../lib/base/str.h"
#include "../lib/store/install.h"
#include "../lib/store/page.h"
#include "../lib/sync/sync.h"

#include <string.h>

#define REACH_MS	5000
#define SKEW_MS		MS_MINUTE	/* the others' clocks are off by no more */
#define SKEW_MUCH_MS	(5 * MS_MINUTE)	/* past this signatures are refused */

struct asking {
	const struct conf *conf;
	struct db	*db;
	struct keyring	*keys;
	struct sync	*sync;
	struct findings	*f;
	struct arena	*a;
	int64_t		 now;
};

static struct finding *
add(struct asking *q, enum check c, enum verdict v, enum str_id found)
{
	return finding_add(q->f, c, v, said_new(q->a, found, ""));
}

static struct finding *
text(struct asking *q, enum check c, enum verdict v, const char *what)
{
	return finding_add(q->f, c, v, said_new(q->a, STR_SETUP_FOUND_TEXT, "s", "text", what));
}

/* The service said no: its sentence, and who can help. */
static void
refused(struct asking *q, enum check c, const struct code_row *row)
{
	finding_add(q->f, c, VERDICT_BROKEN, said_key(q->a, row->key, STR_SYNC_WHY_SOON))->help_key = row->key;
}

/* The key file -------------------------------------------------------------------------- */

static bool
keys(struct asking *q)
{
	const struct ib_err *err;
	bool any = false, opened = false;

	if ((err = keyring_load(conf_str(q->conf, CONF_KEY_FILE), &q->keys)) == NULL)
		err = install_probe_tokens(q->db, q->keys, q->a, &any, &opened);
	if (err != NULL)
		(void)text(q, CHECK_KEYS, VERDICT_BROKEN, err->msg);
	else if (any && !opened)
		(void)add(q, CHECK_KEYS, VERDICT_BROKEN, STR_DOCTOR_KEYS_OTHER);
	else
		(void)add(q, CHECK_KEYS, VERDICT_OK, any ? STR_DOCTOR_KEYS_OK : STR_DOCTOR_KEYS_NONE);
	return err == NULL;
}

/* Reaching them, and what time they have --------------------------------------------------- */

/* Any answer will do.  *skew: our clock is so far ahead of theirs; only when they tell. */
static bool
reach(struct asking *q, enum check c, enum conf_key address, int64_t *skew)
{
	struct httpc_req req = { .method = HTTPC_GET, .url = conf_str(q->conf, address), .timeout_ms = REACH_MS };
	const struct ib_err *err;
	struct httpc_resp resp;
	struct httpc *h = NULL;
	int64_t theirs = -1;

	if ((err = httpc_new("messenger-inbox inboxctl", url_is_loopback(req.url), &h)) == NULL)
		err = httpc_do(h, q->a, &req, &resp);
	(void)text(q, c, err == NULL ? VERDICT_OK : VERDICT_BROKEN, err == NULL ? req.url : err->msg);
	if (err == NULL && (theirs = clock_parse_http(resp.date)) > 0)
		*skew = clock_now() - theirs;
	httpc_free(h);
	return theirs > 0;
}

static void
services(struct asking *q)
{
	int64_t skew = 0, off;
	bool told;

	told = reach(q, CHECK_FACEBOOK, CONF_FB_GRAPH_URL, &skew);
	told |= reach(q, CHECK_PIPEDRIVE, CONF_PD_OAUTH_URL, &skew);
	off = skew < 0 ? -skew : skew;
	if (!told)
		(void)add(q, CHECK_TIME, VERDICT_ATTENTION, STR_DOCTOR_TIME_UNKNOWN);
	else
		(void)finding_add(q->f, CHECK_TIME, off <= SKEW_MS ? VERDICT_OK : off <= SKEW_MUCH_MS ? VERDICT_ATTENTION :
		    VERDICT_BROKEN, said_new(q->a, STR_DOCTOR_TIME_IS, "n", "n", off / MS_SECOND));
}

/* Pages ------------------------------------------------------------------------------------------ */

static const struct ib_err *
rights(struct asking *q, struct graph *g, const struct page *p, bool *alive)
{
	const struct ib_err *err;
	struct graph_res res = { 0 };
	struct graph_debug d;
	const char *lacks;

	*alive = false;
	if ((err = graph_debug_token(g, q->a, p->token, &d, &res)) != NULL)
		return err;
	if (res.refused)
		refused(q, CHECK_RIGHTS, res.row);
	else if (!d.valid)
		refused(q, CHECK_RIGHTS, code_find(SVC_FACEBOOK, d.code != 0 ? d.code : 190, d.subcode, 400));
	else if (!str_eq(d.type, "PAGE"))
		(void)finding_add(q->f, CHECK_RIGHTS, VERDICT_BROKEN, said_new(q->a, STR_DOCTOR_RIGHTS_KIND, "s", "kind",
		    d.type != NULL ? d.type : "-"));
	else if ((lacks = graph_lacks(q->a, &d)) != NULL && *lacks != '\0')
		(void)finding_add(q->f, CHECK_RIGHTS, VERDICT_BROKEN, said_new(q->a, STR_DOCTOR_RIGHTS_LACK, "s", "names", lacks));
	else
		(void)add(q, CHECK_RIGHTS, VERDICT_OK, STR_DOCTOR_RIGHTS_OK);
	*alive = !res.refused && d.valid;
	return NULL;
}

static const struct ib_err *
fields(struct asking *q, struct graph *g, const struct page *p)
{
	const struct ib_err *err;
	struct graph_res res = { 0 };
	bool subscribed, complete;

	if ((err = graph_subscription(g, q->a, p->fb_id, p->token, &subscribed, &complete, &res)) != NULL)
		return err;
	if (res.refused)
		refused(q, CHECK_FIELDS, res.row);
	else
		(void)add(q, CHECK_FIELDS, subscribed && complete ? VERDICT_OK : VERDICT_BROKEN, !subscribed ?
		    STR_DOCTOR_FIELDS_NONE : complete ? STR_DOCTOR_FIELDS_OK : STR_DOCTOR_FIELDS_PART);
	return NULL;
}

static void
one_page(struct asking *q, const struct page *p)
{
	const struct ib_err *err;
	struct page *open;
	struct graph *g;
	bool alive;

	q->f->about = q->f->name = p->fb_id;
	if ((err = page_with_token(q->db, q->keys, q->a, p->id, &open)) == NULL && open != NULL && open->token == NULL) {
		(void)add(q, CHECK_RIGHTS, VERDICT_BROKEN, STR_HEALTH_TOKEN_DEAD);
		return;
	}
	if (err == NULL && open != NULL && (err = sync_graph(q->sync, &g)) == NULL &&
	    (err = rights(q, g, open, &alive)) == NULL && alive)
		err = fields(q, g, open);
	if (err != NULL)
		(void)text(q, CHECK_RIGHTS, VERDICT_ATTENTION, err->msg);
}

/* The installer ------------------------------------------------------------------------------------ */

static const struct ib_err *
grant(struct asking *q, const struct install *in)
{
	const struct ib_err *err;
	struct pd_res res = { 0 };
	const char *access;
	struct pdrive *p;
	struct pd_user me;

	if ((err = sync_access(q->sync, q->a, in->owner_id, q->now, &access)) != NULL)
		return err;
	if (access == NULL) {
		(void)add(q, CHECK_GRANT, VERDICT_BROKEN, STR_DOCTOR_GRANT_OUT);
		return NULL;
	}
	if ((err = sync_pdrive(q->sync, &p)) != NULL || (err = pdrive_me(p, q->a, in->api_domain, access, &me, &res)) != NULL)
		return err;
	if (res.refused)
		refused(q, CHECK_GRANT, res.row);
	else
		(void)add(q, CHECK_GRANT, me.admin ? VERDICT_OK : VERDICT_ATTENTION, me.admin ? STR_DOCTOR_GRANT_ADMIN :
		    STR_DOCTOR_GRANT_USER);
	return NULL;
}

static const struct ib_err *
one_company(struct asking *q, int64_t id)
{
	const struct ib_err *err;
	struct install *in;
	struct page *p;
	size_t i, n;

	if ((err = install_get(q->db, q->a, id, &in)) != NULL || in == NULL ||
	    (err = pages_of(q->db, q->a, id, &p, &n)) != NULL)
		return err;
	for (i = 0; i < n; i++)
		one_page(q, &p[i]);
	q->f->about = q->f->name = arena_printf(q->a, "%lld", (long long)in->company_id);
	if (q->f->about == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "doctor");
	if ((err = grant(q, in)) != NULL)
		(void)text(q, CHECK_GRANT, VERDICT_ATTENTION, err->msg);
	return NULL;
}

/* Their numbers first: no statement stays open during a call. */
static const struct ib_err *
companies(struct asking *q, int64_t **out, size_t *n)
{
	const struct ib_err *err;
	struct db_stmt *st;
	struct ib_buf b;
	int64_t id;
	bool row;

	buf_init(&b, (size_t)1 << 20);
	if ((err = db_query(q->db, ST_INSTALLS, &st, "")) != NULL)
		return err;
	while ((err = db_step(st, &row)) == NULL && row) {
		id = db_col_int(st, 0);
		buf_append(&b, &id, sizeof(id));
	}
	db_release(st);
	*n = b.len / sizeof(id);
	if (err == NULL && (err = buf_check(&b)) == NULL &&
	    (*out = (int64_t *)(void *)arena_dupn(q->a, buf_cstr(&b), b.len)) == NULL)
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "doctor");
	buf_fini(&b);
	return err;
}

void
ctl_services(const struct conf *conf, struct db *db, struct findings *f)
{
	struct asking q = { .conf = conf, .db = db, .f = f, .a = f->a, .now = clock_now() };
	const struct ib_err *err = NULL;
	int64_t *ids;
	size_t i, n;
	bool opened = keys(&q);

	services(&q);
	if (opened && (err = sync_new(conf, db, q.keys, &q.sync)) == NULL && (err = companies(&q, &ids, &n)) == NULL)
		for (i = 0; err == NULL && i < n; i++)
			err = one_company(&q, ids[i]);
	f->about = f->name = "";
	if (err != NULL)
		(void)text(&q, CHECK_DATABASE, VERDICT_BROKEN, err->msg);
	sync_free(q.sync);
	keyring_free(q.keys);
}
