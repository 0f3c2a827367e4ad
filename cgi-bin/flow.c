/* SPDX-License-Identifier: MIT */
/* flow.c - see flow.h: the struct to JSON and back, and the cookie. */
#include "flow.h"

#include "../lib/base/json.h"
#include "../lib/base/log.h"
#include "../lib/sync/sync.h"

#include <string.h>

#define COOKIE	"flow"

static const struct { const char *key; size_t off; } texts[] = {
	{ "state", offsetof(struct flow, state) }, { "back", offsetof(struct flow, back) },
	{ "access", offsetof(struct flow, access) }, { "refresh", offsetof(struct flow, refresh) },
	{ "api_domain", offsetof(struct flow, api_domain) }, { "name", offsetof(struct flow, name) },
	{ "email", offsetof(struct flow, email) }, { "lang", offsetof(struct flow, lang) },
	{ "timezone", offsetof(struct flow, timezone) },
	{ "company_name", offsetof(struct flow, company_name) },
	{ "company_domain", offsetof(struct flow, company_domain) },
	{ "asid", offsetof(struct flow, asid) }, { "declined", offsetof(struct flow, declined) },
};
static const struct { const char *key; size_t off; } numbers[] = {
	{ "access_until", offsetof(struct flow, access_until) },
	{ "pd_user", offsetof(struct flow, pd_user) },
	{ "company_id", offsetof(struct flow, company_id) },
	{ "install_id", offsetof(struct flow, install_id) },
	{ "user_id", offsetof(struct flow, user_id) },
};
#define COUNT(x) (sizeof(x) / sizeof((x)[0]))

static struct json *
page_to_json(const struct flow_page *p)
{
	struct json *o = json_new_object();

	json_set_str(o, "id", p->id);
	json_set_str(o, "name", p->name);
	json_set_str(o, "category", p->category);
	json_set_str(o, "token", p->token);
	json_set_bool(o, "message", p->can_message);
	json_set_bool(o, "manage", p->can_manage);
	json_set_bool(o, "odd", p->odd);
	return o;
}

static const struct ib_err *
encode(struct arena *a, const struct flow *f, char **out)
{
	const struct ib_err *err;
	struct json *o = json_new_object(), *pages = json_new_array();
	struct ib_buf b;
	size_t i;

	buf_init(&b, 1 << 20);
	for (i = 0; i < COUNT(texts); i++)
		json_set_str(o, texts[i].key,
		    *(const char *const *)((const char *)f + texts[i].off));
	for (i = 0; i < COUNT(numbers); i++)
		json_set_int(o, numbers[i].key,
		    *(const int64_t *)(const void *)((const char *)f + numbers[i].off));
	json_set_bool(o, "admin", f->admin);
	json_set_bool(o, "shared", f->shared);
	for (i = 0; i < f->npages; i++)
		json_add(pages, page_to_json(&f->pages[i]));
	json_set(o, "pages", pages);
	if ((err = json_dump(o, false, &b)) == NULL && (err = buf_check(&b)) == NULL &&
	    (*out = arena_dup(a, buf_cstr(&b))) == NULL)
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "flow");
	json_free(o);
	buf_fini(&b);
	return err;
}

static const struct ib_err *
decode(struct arena *a, const char *text, struct flow **out)
{
	const struct ib_err *err;
	struct flow *f = ARENA_NEW(a, struct flow);
	struct json *o, *pages, *p;
	size_t i;

	if (f == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "flow");
	if ((err = json_parse(text, strlen(text), JSON_STRICT_, &o)) != NULL)
		return err;
	for (i = 0; i < COUNT(texts); i++)
		*(const char **)(void *)((char *)f + texts[i].off) =
		    arena_dup(a, json_get_str(o, texts[i].key));
	for (i = 0; i < COUNT(numbers); i++)
		*(int64_t *)(void *)((char *)f + numbers[i].off) =
		    json_int(json_get(o, numbers[i].key), 0);
	f->admin = json_bool(json_get(o, "admin"), false);
	f->shared = json_bool(json_get(o, "shared"), false);
	pages = json_get(o, "pages");
	f->npages = json_len(pages);
	if (f->npages > 0 && (f->pages = ARENA_ARRAY(a, f->npages, struct flow_page)) == NULL)
		f->npages = 0;
	for (i = 0; i < f->npages; i++) {
		p = json_at(pages, i);
		f->pages[i].id = arena_dup(a, json_get_str(p, "id"));
		f->pages[i].name = arena_dup(a, json_get_str(p, "name"));
		f->pages[i].category = arena_dup(a, json_get_str(p, "category"));
		f->pages[i].token = arena_dup(a, json_get_str(p, "token"));
		f->pages[i].can_message = json_bool(json_get(p, "message"), false);
		f->pages[i].can_manage = json_bool(json_get(p, "manage"), false);
		f->pages[i].odd = json_bool(json_get(p, "odd"), false);
	}
	json_free(o);
	*out = f;
	return arena_failed(a) ? ib_fail(IB_ENOMEM, IB_RETRY_LATER, "flow") : NULL;
}

const struct ib_err *
flow_next(struct app *app, struct req *r, enum flow_step step, struct flow *f)
{
	const struct ib_err *err;
	char *json, *token, *state;

	if ((err = crypt_token(r->a, 24, &state)) != NULL)
		return err;
	f->state = state;
	if ((err = encode(r->a, f, &json)) != NULL ||
	    (err = db_begin(app->db)) != NULL)
		return err;
	if ((err = flow_start(app->db, app->keys, r->a, step, json, r->now, &token)) == NULL)
		err = db_commit(app->db);
	db_rollback(app->db);
	if (err == NULL)
		resp_cookie(app, r, COOKIE, token, FLOW_MINUTES * 60);
	return err;
}

const struct ib_err *
flow_look(struct app *app, struct req *r, enum flow_step step, struct flow **out)
{
	const struct ib_err *err;
	enum lang lang;
	char *json;

	*out = NULL;
	if ((err = flow_peek(app->db, app->keys, r->a, req_cookie(r, COOKIE), step, r->now, &json)) != NULL ||
	    json == NULL || (err = decode(r->a, json, out)) != NULL)
		return err;
	/* The person's own language, unless one was chosen by hand. */
	if (r->session == NULL && req_cookie(r, "lang") == NULL && lang_parse((*out)->lang, &lang))
		r->lang = lang;
	return NULL;
}

const struct ib_err *
flow_use(struct app *app, struct req *r, enum flow_step step, struct flow **out)
{
	const struct ib_err *err;
	char *json = NULL;

	*out = NULL;
	if ((err = db_begin(app->db)) != NULL)
		return err;
	err = flow_take(app->db, app->keys, r->a, req_cookie(r, COOKIE), step, r->now, &json);
	if (err == NULL && json != NULL)
		err = db_commit(app->db);
	db_rollback(app->db);
	if (err != NULL || json == NULL)
		return err;
	return decode(r->a, json, out);
}

void
flow_give_back(struct app *app, struct req *r, const struct flow *f)
{
	const struct ib_err *err;
	struct pd_res res = { 0 };
	struct pdrive *pd;

	if ((err = sync_pdrive(app->sync, &pd)) != NULL ||
	    (err = pdrive_revoke(pd, r->a, f->refresh, &res)) != NULL)
		log_err(err, "revoke");
}

void
flow_end(struct app *app, struct req *r)
{
	resp_cookie(app, r, COOKIE, "", 0);
}
