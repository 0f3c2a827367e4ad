/* SPDX-License-Identifier: MIT */
/*
 * h_facebook.c - the second half of connecting: Facebook's login, the choice
 * of Pages, the import.  Contract: messenger.md 2, 3.
 *
 * Order at the end: each chosen Page is subscribed first (network), then
 * install, user and Pages are written in one transaction.  A crash between
 * leaves a subscription whose events name a Page we do not know: they are
 * answered and dropped, and connecting again repairs it.
 */
#include "auth.h"
#include "flow.h"
#include "frame.h"
#include "handlers.h"

#include "../lib/base/clock.h"
#include "../lib/base/log.h"
#include "../lib/base/str.h"
#include "../lib/store/leaving.h"
#include "../lib/store/outbox.h"
#include "../lib/store/page.h"
#include "../lib/sync/sync.h"

#include <string.h>

#define SLICES_MAX	20	/* of /me/accounts: 2,000 Pages */
#define HELD_MS		(10 * MS_MINUTE)	/* replies that waited longer go only when somebody says so */

static const struct ib_err *
again(struct app *app, struct req *r, int status, const char *key)
{
	return resp_problem_way(app, r, status, key, req_href(app, r, "/connect"), "way.again");
}

/* Go round to Facebook once more with the same flow. */
static const struct ib_err *
facebook_again(struct app *app, struct req *r, int status, const char *key, struct flow *f)
{
	const struct ib_err *err;

	if ((err = flow_next(app, r, FLOW_FACEBOOK, f)) != NULL)
		return err;
	return resp_problem_way(app, r, status, key, req_href(app, r, "/connect/facebook"), "way.again");
}

static const char *
redirect_uri(struct app *app, struct req *r)
{
	return arena_printf(r->a, "%s/facebook/callback", conf_str(app->conf, CONF_BASE_URL));
}

/* Somebody signed in wants further Pages, or to reconnect: no need for Pipedrive again. */
const struct ib_err *
h_connect_more(struct app *app, struct req *r)
{
	const struct ib_err *err;
	struct install *in;
	struct flow f = { 0 };

	if (!r->session->may_read)
		return resp_problem(app, r, 403, "problem.private");
	if ((err = install_get(app->db, r->a, r->session->install_id, &in)) != NULL)
		return err;
	if (in == NULL)
		return resp_problem(app, r, 404, "problem.not_connected");
	f.install_id = in->id;
	f.user_id = r->session->user_id;
	f.company_id = in->company_id;
	f.company_name = in->company_name;
	f.shared = in->shared;
	if ((err = flow_next(app, r, FLOW_FACEBOOK, &f)) != NULL)
		return err;
	return resp_see_other(app, r, "/connect/facebook");
}

const struct ib_err *
h_connect_facebook(struct app *app, struct req *r)
{
	struct view_facebook v = { 0 };
	const struct ib_err *err;
	struct graph *g;
	struct flow *f;

	if ((err = flow_look(app, r, FLOW_FACEBOOK, &f)) != NULL)
		return err;
	if (f == NULL)
		return again(app, r, 400, "problem.state_expired");
	if ((err = sync_graph(app->sync, &g)) != NULL)
		return err;
	v.frame = view_frame_make(app, r);
	v.redirect_uri = redirect_uri(app, r);
	v.declined = f->declined;
	v.go = graph_dialog_url(g, r->a, v.redirect_uri, f->state,
	    f->declined != NULL || req_query(r, "again") != NULL);
	v.cancel = req_href(app, r, f->install_id != 0 ? "/inbox" : "/?notice=cancelled");
	return resp_page(app, r, 200, TPL_CONNECT_FACEBOOK, &v);
}

/* The way back ------------------------------------------------------------------- */

/* All Pages of the login; the flow keeps their tokens (sealed) until the choice is made. */
static const struct ib_err *
list_pages(struct graph *g, struct req *r, const char *token, struct flow *f, struct graph_res *res)
{
	const struct ib_err *err;
	struct graph_page *p;
	const char *next = NULL;
	size_t i, n, slice;

	f->npages = 0;
	f->pages = ARENA_ARRAY(r->a, SLICES_MAX * 100, struct flow_page);
	if (f->pages == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "pages");
	for (slice = 0; slice < SLICES_MAX; slice++) {
		if ((err = graph_pages(g, r->a, token, next, &p, &n, &next, res)) != NULL || res->refused)
			return err;
		for (i = 0; i < n && f->npages < SLICES_MAX * 100; i++)
			f->pages[f->npages++] = (struct flow_page){ p[i].id, p[i].name,
			    p[i].category, p[i].token, p[i].can_message, p[i].can_manage,
			    p[i].odd_tasks };
		if (next == NULL)
			break;
	}
	return NULL;
}

static const char *
join(struct arena *a, const char *const *words, size_t n)
{
	struct ib_buf b;
	const char *s;
	size_t i;

	if (n == 0)
		return NULL;
	buf_init(&b, 4096);
	for (i = 0; i < n; i++) {
		buf_puts(&b, i > 0 ? ", " : "");
		buf_puts(&b, words[i]);
	}
	s = arena_dup(a, buf_cstr(&b));
	buf_fini(&b);
	return s;
}

/* Code to long-lived token to Pages.  res->refused: Facebook said no. */
static const struct ib_err *
ask_facebook(struct app *app, struct req *r, const char *code, struct flow *f, struct graph_res *res)
{
	const struct ib_err *err;
	struct graph_token tok;
	const char *const *declined;
	struct graph_me me;
	struct graph *g;
	size_t n;

	if ((err = sync_graph(app->sync, &g)) != NULL ||
	    (err = graph_exchange(g, r->a, code, redirect_uri(app, r), &tok, res)) != NULL || res->refused)
		return err;
	/* Page tokens read with a short-lived token die with it (messenger.md 2.5). */
	if ((err = graph_long_lived(g, r->a, tok.token, &tok, res)) != NULL || res->refused ||
	    (err = graph_me(g, r->a, tok.token, &me, res)) != NULL || res->refused)
		return err;
	f->asid = me.id;
	if ((err = graph_declined(g, r->a, tok.token, &declined, &n, res)) != NULL || res->refused)
		return err;
	f->declined = join(r->a, declined, n);
	return list_pages(g, r, tok.token, f, res);
}

const struct ib_err *
h_facebook_callback(struct app *app, struct req *r)
{
	const char *code = req_query(r, "code"), *state = req_query(r, "state");
	const struct ib_err *err;
	struct graph_res res = { 0 };
	struct flow *f, *done;

	if (state == NULL)
		return again(app, r, 400, "problem.state_unknown");
	if ((err = flow_use(app, r, FLOW_FACEBOOK, &f)) != NULL)
		return err;
	if (f == NULL) {
		/* A reload after all went well: show the result (messenger.md 2.4). */
		if ((err = flow_look(app, r, FLOW_PAGES, &done)) != NULL)
			return err;
		if (done != NULL)
			return resp_see_other(app, r, "/connect/pages");
		return again(app, r, 400, "problem.state_expired");
	}
	if (!crypt_equal_str(f->state, state)) {
		flow_end(app, r);
		return again(app, r, 400, "problem.state_unknown");
	}
	if (req_query(r, "error") != NULL)
		return facebook_again(app, r, 200, "problem.fb_denied", f);
	if (code == NULL)
		return facebook_again(app, r, 400, "problem.bad_request", f);
	err = ask_facebook(app, r, code, f, &res);
	if (err != NULL || res.refused) {
		if (err != NULL)
			log_err(err, "facebook_login");
		else
			log_event(LOG_WARN_, "facebook_login", "code", log_i(res.code),
			    "subcode", log_i(res.subcode), "trace", res.trace, NULL);
		f->npages = 0;
		return facebook_again(app, r, 502,
		    code_sentence(res.refused ? res.row : NULL, "problem.fb_failed"), f);
	}
	if ((err = flow_next(app, r, FLOW_PAGES, f)) != NULL)
		return err;
	return resp_see_other(app, r, "/connect/pages");
}

/* The choice --------------------------------------------------------------------- */

static const char *
initial_of(struct arena *a, const char *name)
{
	size_t n = 1;

	if (name == NULL || *name == '\0')
		return "?";
	while ((name[n] & 0xc0) == 0x80)
		n++;
	return arena_dupn(a, name, n);
}

static const struct ib_err *
view_choice(struct app *app, struct req *r, const struct flow *f, const struct flow_page *p,
    struct view_page_choice *v)
{
	const struct ib_err *err;
	struct install *in;
	struct page *held;

	v->id = p->id;
	v->dom_id = arena_printf(r->a, "p-%s", p->id);
	v->name = p->name;
	v->initial = initial_of(r->a, p->name);
	v->category = p->category;
	if ((err = page_by_fb(app->db, r->a, p->id, &held)) != NULL)
		return err;
	if (held != NULL) {
		if ((err = install_get(app->db, r->a, held->install_id, &in)) != NULL || in == NULL)
			return err;
		v->here = in->company_id == f->company_id;
		v->other_company = !v->here;
	}
	v->no_role = p->token == NULL || !(p->odd || (p->can_message && p->can_manage));
	v->no_permission = !v->no_role && f->declined != NULL && strstr(f->declined, "pages_messaging") != NULL;
	v->can = !v->other_company && !v->no_role && !v->no_permission;
	if (v->other_company)
		v->no_role = v->no_permission = false;
	v->ticked = v->can;
	return NULL;
}

static const struct ib_err *
pages_page(struct app *app, struct req *r, const struct flow *f, int status, const char *error)
{
	struct view_pages v = { .frame = view_frame_make(app, r), .error = error };
	const struct ib_err *err;
	size_t i;

	v.action = req_href(app, r, "/connect/pages");
	v.again = req_href(app, r, "/connect/pages?again=1");
	v.cancel = req_href(app, r, f->install_id != 0 ? "/inbox" : "/?notice=cancelled");
	v.empty = f->npages == 0;
	v.none_can = f->npages > 0;
	v.n_pages = f->npages;
	if ((v.pages = ARENA_ARRAY(r->a, f->npages + 1, struct view_page_choice)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "pages");
	for (i = 0; i < f->npages; i++) {
		if ((err = view_choice(app, r, f, &f->pages[i], &v.pages[i])) != NULL)
			return err;
		if (v.pages[i].can)
			v.none_can = false;
	}
	return resp_page(app, r, status, TPL_CONNECT_PAGES, &v);
}

/* Those ticked that may be ticked. */
static const struct ib_err *
chosen_pages(struct app *app, struct req *r, const struct flow *f, struct flow_page ***out, size_t *n)
{
	const struct ib_err *err;
	struct view_page_choice v;
	const char **ids;
	size_t i, k, nids = req_form_all(r, "page", &ids);

	*n = 0;
	if ((*out = ARENA_ARRAY(r->a, f->npages + 1, struct flow_page *)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "pages");
	for (i = 0; i < f->npages; i++) {
		for (k = 0; k < nids && strcmp(ids[k], f->pages[i].id) != 0; k++)
			continue;
		if (k == nids)
			continue;
		memset(&v, 0, sizeof(v));
		if ((err = view_choice(app, r, f, &f->pages[i], &v)) != NULL)
			return err;
		if (v.can)
			(*out)[(*n)++] = &f->pages[i];
	}
	return NULL;
}

/* Subscribe each; those that Facebook refused are dropped from the list. */
static const struct ib_err *
subscribe(struct app *app, struct req *r, struct flow_page **p, size_t *n)
{
	const struct ib_err *err;
	struct graph_res res;
	struct graph *g;
	size_t i, kept = 0;

	if ((err = sync_graph(app->sync, &g)) != NULL)
		return err;
	for (i = 0; i < *n; i++) {
		memset(&res, 0, sizeof(res));
		err = graph_subscribe(g, r->a, p[i]->id, p[i]->token, &res);
		if (err == NULL && !res.refused)
			p[kept++] = p[i];
		else if (err != NULL)
			log_err(err, "subscribe");
		else
			log_event(LOG_WARN_, "subscribe", "page", p[i]->id, "code",
			    log_i(res.code), "subcode", log_i(res.subcode), NULL);
	}
	*n = kept;
	return NULL;
}

/* Who was faster, if somebody was. */
struct faster {
	struct install	*colleague;	/* the company is connected already */
	const char	*page;		/* name of a Page that another company holds */
	bool		 gone;		/* the connection was removed meanwhile */
};

static const struct ib_err *
look_who_was_faster(struct app *app, struct req *r, const struct flow *f, struct flow_page **p,
    size_t n, struct faster *fa)
{
	const struct ib_err *err;
	int64_t own = f->install_id;
	struct install *in;
	struct page *held;
	size_t i;

	if (own == 0) {
		if ((err = install_by_company(app->db, r->a, f->company_id, &in)) != NULL)
			return err;
		if (in != NULL && in->active) {
			fa->colleague = in;
			return NULL;
		}
		if (in != NULL)
			own = in->id;
	}
	for (i = 0; i < n; i++) {
		if ((err = page_by_fb(app->db, r->a, p[i]->id, &held)) != NULL)
			return err;
		if (held != NULL && held->install_id != own)
			fa->page = p[i]->name;
	}
	return NULL;
}

/*
 * Install, user, Pages, session: all or nothing, and nothing when somebody was
 * faster: who uses an inbox is not changed by a race.
 */
static const struct ib_err *
store_connection(struct app *app, struct req *r, const struct flow *f, struct flow_page **p, size_t n,
    struct faster *fa)
{
	const struct ib_err *err = NULL;
	struct user u = { .pd_user_id = f->pd_user, .name = f->name, .email = f->email,
		.timezone = f->timezone, .admin = f->admin };
	int64_t install = f->install_id, user = f->user_id, page, erase_at = 0;
	struct install *in;
	size_t i;

	(void)lang_parse(f->lang, &u.lang);
	if ((err = db_begin(app->db)) != NULL)
		return err;
	if ((err = look_who_was_faster(app, r, f, p, n, fa)) != NULL || fa->colleague != NULL ||
	    fa->page != NULL)
		goto done;
	if (install != 0) {
		/* It may have left since this began. */
		if ((err = install_get(app->db, r->a, install, &in)) != NULL)
			goto done;
		if ((fa->gone = in == NULL || !in->active))
			goto done;
	} else {
		if ((err = install_put(app->db, f->company_id, f->company_name, f->company_domain,
		    f->api_domain, f->shared, r->now, &install)) != NULL)
			goto done;
		u.install_id = install;
		if ((err = user_put(app->db, app->keys, r->a, &u, f->access, f->refresh,
		    f->access_until, r->now, &user)) != NULL ||
		    (err = install_set_owner(app->db, install, user)) != NULL ||
		    (err = leaving_install_back(app->db, install, &erase_at)) != NULL ||
		    (err = leaving_person_back(app->db, r->a, f->company_id, f->pd_user)) != NULL ||
		    (err = auth_sign_in(app, r, user)) != NULL ||
		    (err = audit_put(app->db, install, user, r->now, "connected",
		    f->shared ? "shared" : "private")) != NULL)
			goto done;
	}
	for (i = 0; i < n; i++) {
		if ((err = page_put(app->db, app->keys, r->a, install, p[i]->id, p[i]->name,
		    p[i]->token, f->asid, user, r->now, &page)) != NULL ||
		    (err = leaving_page_back(app->db, install, page, p[i]->id)) != NULL ||
		    (err = outbox_hold(app->db, r->a, page, r->now - HELD_MS, "error.fb.waited", r->now)) != NULL ||
		    (err = outbox_freed(app->db, r->a, page, "error.fb.waited", r->now)) != NULL ||
		    (err = audit_put(app->db, install, user, r->now, "page_connected", p[i]->id)) != NULL)
			goto done;
	}
	if ((erase_at == 0 || (err = leaving_pages_away(app->db, install, erase_at, r->now)) == NULL) &&
	    (err = install_touch(app->db, install)) == NULL)
		err = db_commit(app->db);
done:
	db_rollback(app->db);
	return err;
}

static const struct ib_err *
connected_meanwhile(struct app *app, struct req *r, const struct install *in, const struct flow *f)
{
	const struct ib_err *err;
	int64_t user;
	bool found;

	err = db_get_int(app->db, ST_USER_ID, &user, &found, "ii", in->id, f->pd_user);
	if (err != NULL)
		return err;
	if (!found || user != in->owner_id) {
		if (!found)
			flow_give_back(app, r, f);
		return again(app, r, 409, "problem.connected_meanwhile");
	}
	if ((err = auth_sign_in(app, r, user)) != NULL)
		return err;
	flow_end(app, r);
	return resp_see_other(app, r, "/connect/import");
}

const struct ib_err *
h_connect_pages(struct app *app, struct req *r)
{
	const struct ib_err *err;
	struct flow_page **chosen;
	struct faster fa = { NULL, NULL, false };
	struct install *in;
	struct flow *f;
	size_t n, asked;

	if ((err = flow_look(app, r, FLOW_PAGES, &f)) != NULL)
		return err;
	if (f == NULL)
		return again(app, r, 400, "problem.state_expired");
	if (r->method != M_POST && req_query(r, "again") != NULL) {
		if ((err = flow_next(app, r, FLOW_FACEBOOK, f)) != NULL)
			return err;
		return resp_see_other(app, r, "/connect/facebook?again=1");
	}
	if (r->method != M_POST)
		return pages_page(app, r, f, 200, NULL);
	if ((err = chosen_pages(app, r, f, &chosen, &n)) != NULL)
		return err;
	if (n == 0)
		return pages_page(app, r, f, 422, cat_str(app->cats, r->lang, STR_PROBLEM_NO_PAGES));
	/* Somebody of the company may have been faster; or this is a second click. */
	if (f->install_id == 0) {
		if ((err = install_by_company(app->db, r->a, f->company_id, &in)) != NULL)
			return err;
		if (in != NULL && in->active)
			return connected_meanwhile(app, r, in, f);
	}
	asked = n;
	if ((err = subscribe(app, r, chosen, &n)) != NULL)
		return err;
	if (n == 0)
		return pages_page(app, r, f, 502, cat_str(app->cats, r->lang, STR_PROBLEM_SUBSCRIBE));
	if ((err = store_connection(app, r, f, chosen, n, &fa)) != NULL)
		return err;
	if (fa.gone)
		return again(app, r, 409, "problem.not_connected");
	if (fa.colleague != NULL)
		return connected_meanwhile(app, r, fa.colleague, f);
	if (fa.page != NULL)
		return pages_page(app, r, f, 409, cat_fill(r->a, cat_str(app->cats, r->lang,
		    STR_PROBLEM_PAGE_TAKEN), "name", fa.page, NULL));
	if ((err = flow_use(app, r, FLOW_PAGES, &f)) != NULL)
		log_err(err, "flow");	/* it ends by itself */
	flow_end(app, r);
	resp_then_work(r);
	return resp_see_other(app, r, n < asked ? "/connect/import?notice=some_refused" : "/connect/import");
}

/* Progress ------------------------------------------------------------------------- */

const struct ib_err *
h_connect_import(struct app *app, struct req *r)
{
	struct view_import v = { .frame = view_frame_make(app, r) };
	const struct ib_err *err;
	struct page *p;
	size_t i, n;

	if (!r->session->may_read)
		return resp_problem(app, r, 403, "problem.private");
	if ((err = pages_of(app->db, r->a, r->session->install_id, &p, &n)) != NULL)
		return err;
	if ((v.pages = ARENA_ARRAY(r->a, n + 1, struct view_import_page)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "import");
	v.n_pages = n;
	v.inbox = req_href(app, r, "/inbox?connected=1");
	for (i = 0; i < n; i++) {
		struct view_import_page *q = &v.pages[i];

		q->dom_id = arena_printf(r->a, "i-%lld", (long long)p[i].id);
		q->name = p[i].name;
		q->initial = initial_of(r->a, p[i].name);
		q->threads = p[i].import_done;
		q->total = p[i].import_total;
		q->has_total = p[i].import_total > 0;
		if (p[i].state == PAGE_BROKEN) {
			q->failed = true;
			q->detail = cat_find(app->cats, r->lang, p[i].why);
		} else if (strcmp(p[i].import_state, "done") == 0) {
			q->done = true;
		} else if (p[i].pause_until > r->now) {
			q->paused = true;
			q->detail = cat_find(app->cats, r->lang, "error.fb.limit");
		} else if (strcmp(p[i].import_state, "running") == 0) {
			q->running = true;
		} else {
			q->waiting = true;
		}
		v.running |= q->waiting || q->running || q->paused;
	}
	if (!v.running)
		return resp_see_other(app, r, "/inbox?connected=1");
	resp_then_work(r);
	return resp_page(app, r, 200, TPL_CONNECT_IMPORT, &v);
}
