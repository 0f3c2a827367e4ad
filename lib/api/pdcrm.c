/* SPDX-License-Identifier: MIT */
/*
 * pdcrm.c - see pdcrm.h.
 *
 * No state.  A request is a path and a JSON body; an answer is decoded into the
 * caller's arena and its document freed at once.  Can fail: memory, no answer,
 * an answer without what it must have.
 */
#include "pdcrm.h"

#include "../base/clock.h"
#include "../base/json.h"
#include "../base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_MOST	((size_t)4096)
#define LINE_MOST	((size_t)300)
#define LOOK_ROWS	"500"

static const char *const kind_names[] = { "person", "lead", "deal" };
static const char *const act_names[ACT_MAX] = { "person", "lead", "deal", "stage", "activity", "note" };
/* Members of activities and notes that name what they belong to. */
static const char *const on_members[] = { "person_id", "lead_id", "deal_id" };

const char *
crm_kind_name(enum crm_kind kind)
{
	return kind_names[kind];
}

bool
crm_kind_parse(const char *s, enum crm_kind *out)
{
	int i;

	for (i = CRM_PERSON; i <= CRM_DEAL; i++)
		if (str_eq(s, kind_names[i])) {
			*out = (enum crm_kind)i;
			return true;
		}
	return false;
}

const char *
crm_act_name(enum crm_act act)
{
	return act_names[act];
}

bool
crm_act_parse(const char *s, enum crm_act *out)
{
	int i;

	for (i = 0; i < ACT_MAX; i++)
		if (str_eq(s, act_names[i])) {
			*out = (enum crm_act)i;
			return true;
		}
	return false;
}

bool
crm_id_ok(enum crm_kind kind, const char *id)
{
	int64_t v;
	size_t i;

	if (kind != CRM_LEAD)
		return str_int_in(id, 1, INT64_C(999999999999999), &v) && *id != '0';
	if (id == NULL || strlen(id) != 36)
		return false;
	for (i = 0; i < 36; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? id[i] != '-' :
		    strchr("0123456789abcdef", id[i]) == NULL)
			return false;
	return true;
}

const char *
pdcrm_url(struct arena *a, const char *company_domain, enum crm_kind kind, const char *id)
{
	static const char *const paths[] = { "person", "leads/inbox", "deal" };

	if (str_blank(company_domain) || company_domain[strspn(company_domain,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")] != '\0')
		return NULL;
	return arena_printf(a, "https://%s.pipedrive.com/%s/%s", company_domain, paths[kind], id);
}

/* Reading ------------------------------------------------------------------------ */

static const struct ib_err *
no_memory(void)
{
	return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "pipedrive: no memory");
}

static const char *
line(struct arena *a, const struct json *obj, const char *member)
{
	const char *s = json_get_str(obj, member);

	return str_blank(s) ? NULL : str_line(a, s, strlen(s), LINE_MOST);
}

/* A number as the shortest decimal text. */
static const char *
decimal(struct arena *a, const struct json *j)
{
	char text[64];
	double v = json_num(j, 0);
	size_t n;

	if (json_is_null(j) || !(v > -1e15 && v < 1e15) || (v > -0.0000005 && v < 0.0000005))
		return NULL;
	n = (size_t)snprintf(text, sizeof(text), "%.6f", v);
	while (n > 0 && text[n - 1] == '0')
		text[--n] = '\0';
	if (n > 0 && text[n - 1] == '.')
		text[--n] = '\0';
	return arena_dup(a, text);
}

/* Strings, or objects with a value (search results and records differ); the primary one first. */
static size_t
contacts(struct arena *a, const struct json *list, const char **out)
{
	size_t i, n = 0;
	struct json *e;
	const char *s, *first;

	for (i = 0; i < json_len(list) && n < CRM_CONTACTS; i++) {
		e = json_at(list, i);
		s = json_is_string(e) ? json_str(e) : json_get_str(e, "value");
		if (str_blank(s) || (s = str_line(a, s, strlen(s), LINE_MOST)) == NULL)
			continue;
		out[n++] = s;
		if (json_bool(json_get(e, "primary"), false) && n > 1) {
			first = out[n - 1];
			memmove(out + 1, out, (n - 1) * sizeof(*out));
			out[0] = first;
		}
	}
	return n;
}

static int64_t
time_of(const struct json *d, const char *member)
{
	const char *s = json_get_str(d, member);

	return s != NULL ? clock_parse_iso(s) : -1;
}

/* false: without an id it is no record. */
static bool
decode(struct arena *a, enum crm_kind kind, const struct json *d, struct crm_rec *out)
{
	struct json *value = json_get(d, "value");

	memset(out, 0, sizeof(*out));
	out->kind = kind;
	out->id = json_id(a, json_get(d, "id"));
	if (out->id == NULL || !crm_id_ok(kind, out->id))
		return false;
	if ((out->name = line(a, d, kind == CRM_PERSON ? "name" : "title")) == NULL)
		out->name = arena_printf(a, "#%s", out->id);
	out->n_emails = contacts(a, json_get(d, "emails"), out->emails);
	out->n_phones = contacts(a, json_get(d, "phones"), out->phones);
	out->org = line(a, json_get(d, "organization"), "name");
	out->person = line(a, json_get(d, "person"), "name");
	if (json_is_object(value)) {		/* of a lead */
		out->value = decimal(a, json_get(value, "amount"));
		out->currency = line(a, value, "currency");
	} else {
		out->value = decimal(a, value);
		out->currency = line(a, d, "currency");
	}
	out->status = line(a, d, "status");
	out->origin_id = line(a, d, "origin_id");
	out->person_id = json_int(json_get(d, "person_id"), json_int(json_get(json_get(d, "person"), "id"), 0));
	out->owner_id = json_int(json_get(d, "owner_id"), 0);
	out->stage_id = json_int(json_get(d, "stage_id"), json_int(json_get(json_get(d, "stage"), "id"), 0));
	out->pipeline_id = json_int(json_get(d, "pipeline_id"), 0);
	out->add_time = time_of(d, "add_time");
	out->deleted = json_bool(json_get(d, "is_deleted"), false) || str_eq(out->status, "deleted");
	out->archived = json_bool(json_get(d, "is_archived"), false);
	return true;
}

/* A list of records of one kind; `kind` is -1 when each names its own (search). */
static const struct ib_err *
decode_list(struct arena *a, int kind, const struct json *list, size_t most, struct crm_recs *out)
{
	size_t i, n = json_len(list);
	enum crm_kind k = kind < 0 ? CRM_PERSON : (enum crm_kind)kind;
	struct json *e, *item;

	out->n = 0;
	if (n > most)
		n = most;
	if ((out->v = ARENA_ARRAY(a, n + 1, struct crm_rec)) == NULL)
		return no_memory();
	for (i = 0; i < n; i++) {
		e = json_at(list, i);
		if ((item = json_get(e, "item")) != NULL)
			e = item;
		if (kind < 0 && !crm_kind_parse(json_get_str(e, "type"), &k))
			continue;
		if (decode(a, k, e, &out->v[out->n]) && !out->v[out->n].deleted)
			out->n++;
	}
	return arena_failed(a) ? no_memory() : NULL;
}

static const struct ib_err *
get(struct pdrive *p, struct arena *a, struct pd_auth *who, const char *name, const char *path,
    struct json **root, struct pd_res *res)
{
	if (path == NULL)
		return no_memory();
	return pdrive_api(p, a, who, name, HTTPC_GET, path, NULL, root, res);
}

const struct ib_err *
pdcrm_get(struct pdrive *p, struct arena *a, struct pd_auth *who, enum crm_kind kind,
    const char *id, struct crm_rec *out, struct pd_res *res)
{
	static const char *const paths[] = { "/api/v2/persons", "/api/v1/leads", "/api/v2/deals" };
	const struct ib_err *err;
	struct json *root;

	memset(out, 0, sizeof(*out));
	if (!crm_id_ok(kind, id))
		return ib_fail(IB_EPARSE, IB_RETRY_NEVER, "pipedrive %s: no id", kind_names[kind]);
	if ((err = get(p, a, who, kind_names[kind], arena_printf(a, "%s/%s", paths[kind], id), &root,
	    res)) != NULL || res->refused)
		return err;
	if (!decode(a, kind, json_get(root, "data"), out))
		err = ib_fail(IB_EUPSTREAM, IB_RETRY_LATER, "pipedrive %s: answer without the expected members",
		    kind_names[kind]);
	else if (arena_failed(a))
		err = no_memory();
	json_free(root);
	return err;
}

static const struct ib_err *
list(struct pdrive *p, struct arena *a, struct pd_auth *who, const char *name, int kind,
    const char *path, size_t most, struct crm_recs *out, struct pd_res *res)
{
	const struct ib_err *err;
	struct json *root, *data;

	memset(out, 0, sizeof(*out));
	if ((err = get(p, a, who, name, path, &root, res)) != NULL || res->refused)
		return err;
	data = json_get(root, "data");
	if (json_is_object(data))
		data = json_get(data, "items");
	err = decode_list(a, kind, data, most, out);
	json_free(root);
	return err;
}

const struct ib_err *
pdcrm_of_person(struct pdrive *p, struct arena *a, struct pd_auth *who, enum crm_kind kind,
    int64_t person_id, struct crm_recs *out, struct pd_res *res)
{
	return list(p, a, who, "of person", (int)kind, arena_printf(a, kind == CRM_DEAL ?
	    "/api/v2/deals?person_id=%lld&status=open&sort_by=update_time&sort_direction=desc&limit=50" :
	    "/api/v1/leads?person_id=%lld&limit=50", (long long)person_id), CRM_ROWS, out, res);
}

const struct ib_err *
pdcrm_by_ids(struct pdrive *p, struct arena *a, struct pd_auth *who, enum crm_kind kind, const char *ids,
    struct crm_recs *out, struct pd_res *res)
{
	return list(p, a, who, "by id", (int)kind, arena_printf(a, "/api/v2/%s?ids=%s&limit=%d", kind == CRM_DEAL ? "deals" :
	    "persons", ids, CRM_BATCH), CRM_BATCH, out, res);
}

const struct ib_err *
pdcrm_deal_of_lead(struct pdrive *p, struct arena *a, struct pd_auth *who, int64_t person_id, const char *lead_id,
    const char **id, struct pd_res *res)
{
	const struct ib_err *err;
	struct json *root, *data;
	size_t i;

	*id = NULL;
	if ((err = get(p, a, who, "converted", arena_printf(a, "/api/v2/deals?person_id=%lld&include_fields=source_lead_id"
	    "&sort_by=add_time&sort_direction=desc&limit=" LOOK_ROWS, (long long)person_id), &root, res)) != NULL || res->refused)
		return err;
	data = json_get(root, "data");
	for (i = 0; *id == NULL && i < json_len(data); i++)
		if (str_eq(json_get_str(json_at(data, i), "source_lead_id"), lead_id))
			*id = json_id(a, json_get(json_at(data, i), "id"));
	json_free(root);
	return arena_failed(a) ? no_memory() : NULL;
}

/* Path and one text to be escaped in it. */
static const char *
with_term(struct arena *a, const char *before, const char *term, const char *after)
{
	const char *out = NULL;
	struct ib_buf b;

	buf_init(&b, PATH_MOST);
	buf_puts(&b, before);
	buf_put_url(&b, term);
	buf_puts(&b, after);
	if (!b.failed)
		out = arena_dup(a, buf_cstr(&b));
	buf_fini(&b);
	return out;
}

const struct ib_err *
pdcrm_search(struct pdrive *p, struct arena *a, struct pd_auth *who, const char *term,
    struct crm_recs *out, struct pd_res *res)
{
	return list(p, a, who, "search", -1, with_term(a, "/api/v2/itemSearch?term=", term,
	    "&item_types=person,lead,deal&fields=name,email,phone,title&limit=20"), CRM_ROWS, out, res);
}

const struct ib_err *
pdcrm_find(struct pdrive *p, struct arena *a, struct pd_auth *who, const char *field,
    const char *term, bool exact, struct crm_recs *out, struct pd_res *res)
{
	return list(p, a, who, "find", CRM_PERSON, with_term(a, "/api/v2/persons/search?term=", term,
	    arena_printf(a, "&fields=%s&exact_match=%s&limit=10", field, exact ? "true" : "false")),
	    CRM_ROWS, out, res);
}

const struct ib_err *
pdcrm_next_activity(struct pdrive *p, struct arena *a, struct pd_auth *who, enum crm_kind kind,
    const char *id, struct crm_activity **out, struct pd_res *res)
{
	const struct ib_err *err;
	struct crm_activity *act;
	struct json *root, *d;

	*out = NULL;
	if ((err = get(p, a, who, "activities", arena_printf(a,
	    "/api/v2/activities?%s=%s&done=false&sort_by=due_date&sort_direction=asc&limit=1",
	    on_members[kind], id), &root, res)) != NULL || res->refused)
		return err;
	d = json_at(json_get(root, "data"), 0);
	if (d != NULL && (act = ARENA_NEW(a, struct crm_activity)) != NULL) {
		act->id = json_id(a, json_get(d, "id"));
		act->subject = line(a, d, "subject");
		act->type = line(a, d, "type");
		act->due_date = line(a, d, "due_date");
		act->due_time = line(a, d, "due_time");
		*out = act;
	}
	json_free(root);
	return arena_failed(a) ? no_memory() : NULL;
}

/* What the company has set up ------------------------------------------------------ */

static bool
by_order(struct json *one, struct json *two)
{
	return json_int(json_get(one, "order_nr"), 0) <= json_int(json_get(two, "order_nr"), 0);
}

/* The array's objects in the company's order. */
static size_t
ordered(struct arena *a, const struct json *arr, struct json ***out)
{
	size_t i, k, n = json_len(arr);
	struct json *e;

	if ((*out = ARENA_ARRAY(a, n + 1, struct json *)) == NULL)
		return 0;
	for (i = 0; i < n; i++) {
		e = json_at(arr, i);
		for (k = i; k > 0 && !by_order((*out)[k - 1], e); k--)
			(*out)[k] = (*out)[k - 1];
		(*out)[k] = e;
	}
	return n;
}

/* {"stages":[{id,pipeline_id,name,pipeline}],"types":[{key,name}]} */
static struct json *
setup_json(struct arena *a, const struct json *pipelines, const struct json *stages, const struct json *types)
{
	struct json *doc = json_new_object(), *to = json_new_array(), *kinds = json_new_array(), *e, **ps, **ss;
	size_t i, k, np = ordered(a, pipelines, &ps), ns = ordered(a, stages, &ss);
	bool ok = doc != NULL && ps != NULL && ss != NULL;
	int64_t pid;

	for (i = 0; i < np; i++) {
		pid = json_int(json_get(ps[i], "id"), 0);
		for (k = 0; k < ns; k++) {
			if (json_int(json_get(ss[k], "pipeline_id"), -1) != pid ||
			    json_bool(json_get(ss[k], "is_deleted"), false))
				continue;
			e = json_new_object();
			ok = ok && json_set_int(e, "id", json_int(json_get(ss[k], "id"), 0)) &&
			    json_set_int(e, "pipeline_id", pid) &&
			    json_set_str(e, "name", line(a, ss[k], "name")) &&
			    json_set_str(e, "pipeline", line(a, ps[i], "name"));
			ok = json_add(to, e) && ok;
		}
	}
	for (i = 0; i < json_len(types); i++) {
		e = json_at(types, i);
		if (!json_bool(json_get(e, "active_flag"), true) || json_get_str(e, "key_string") == NULL)
			continue;
		struct json *t = json_new_object();

		ok = ok && json_set_str(t, "key", json_get_str(e, "key_string")) &&
		    json_set_str(t, "name", line(a, e, "name"));
		ok = json_add(kinds, t) && ok;
	}
	ok = json_set(doc, "stages", to) && ok;
	ok = json_set(doc, "types", kinds) && ok;
	if (ok && !arena_failed(a))
		return doc;
	json_free(doc);
	return NULL;
}

static const struct ib_err *
setup_read(struct arena *a, const struct json *doc, struct crm_setup *out)
{
	struct json *stages = json_get(doc, "stages"), *types = json_get(doc, "types"), *e;
	size_t i;

	out->n_stages = json_len(stages);
	out->n_types = json_len(types);
	out->stages = ARENA_ARRAY(a, out->n_stages + 1, struct crm_stage);
	out->types = ARENA_ARRAY(a, out->n_types + 1, struct crm_type);
	for (i = 0; out->stages != NULL && i < out->n_stages; i++) {
		e = json_at(stages, i);
		out->stages[i].id = json_int(json_get(e, "id"), 0);
		out->stages[i].pipeline_id = json_int(json_get(e, "pipeline_id"), 0);
		out->stages[i].name = line(a, e, "name");
		out->stages[i].pipeline = line(a, e, "pipeline");
	}
	for (i = 0; out->types != NULL && i < out->n_types; i++) {
		e = json_at(types, i);
		out->types[i].key = line(a, e, "key");
		out->types[i].name = line(a, e, "name");
	}
	return arena_failed(a) ? no_memory() : NULL;
}

const struct ib_err *
crm_setup_parse(struct arena *a, const char *text, struct crm_setup *out)
{
	const struct ib_err *err;
	struct json *doc;

	memset(out, 0, sizeof(*out));
	if ((err = json_parse(text, strlen(text), JSON_STRICT_, &doc)) != NULL)
		return err;
	err = setup_read(a, doc, out);
	json_free(doc);
	return err;
}

/* A document as text in the arena. */
static const struct ib_err *
dump(struct arena *a, const struct json *doc, const char **out)
{
	const struct ib_err *err;
	struct ib_buf b;

	buf_init(&b, (size_t)512 << 10);
	if (doc == NULL)
		err = no_memory();
	else if ((err = json_dump(doc, false, &b)) == NULL && (err = buf_check(&b)) == NULL &&
	    (*out = arena_dup(a, buf_cstr(&b))) == NULL)
		err = no_memory();
	buf_fini(&b);
	return err;
}

const struct ib_err *
pdcrm_setup(struct pdrive *p, struct arena *a, struct pd_auth *who, struct crm_setup *out,
    const char **text, struct pd_res *res)
{
	struct json *pipelines = NULL, *stages = NULL, *types = NULL, *doc = NULL;
	const struct ib_err *err;
	struct pd_res third = { 0 };

	memset(out, 0, sizeof(*out));
	*text = NULL;
	if ((err = get(p, a, who, "pipelines", "/api/v2/pipelines?limit=500", &pipelines, res)) != NULL ||
	    res->refused ||
	    (err = get(p, a, who, "stages", "/api/v2/stages?limit=500", &stages, res)) != NULL || res->refused ||
	    (err = get(p, a, who, "types", "/api/v1/activityTypes", &types, &third)) != NULL)
		goto done;
	if (third.refused && third.status != 403) {
		*res = third;
		goto done;
	}
	doc = setup_json(a, json_get(pipelines, "data"), json_get(stages, "data"), json_get(types, "data"));
	if ((err = dump(a, doc, text)) == NULL)
		err = setup_read(a, doc, out);
done:
	json_free(pipelines);
	json_free(stages);
	json_free(types);
	json_free(doc);
	return err;
}

/* Keeping what is to be written ------------------------------------------------------ */

const struct ib_err *
crm_new_text(struct arena *a, const struct crm_new *n, const char **out)
{
	struct json *doc = json_new_object();
	const struct ib_err *err;
	bool ok = json_set_str(doc, "act", act_names[n->act]) && json_set_str(doc, "on", kind_names[n->on]);

	ok = ok && json_set_str(doc, "name", n->name) && json_set_str(doc, "email", n->email) &&
	    json_set_str(doc, "phone", n->phone) && json_set_str(doc, "value", n->value) &&
	    json_set_str(doc, "currency", n->currency) && json_set_str(doc, "type", n->type) &&
	    json_set_str(doc, "due_date", n->due_date) && json_set_str(doc, "due_time", n->due_time) &&
	    json_set_str(doc, "text", n->text) && json_set_str(doc, "origin", n->origin) &&
	    json_set_str(doc, "on_id", n->on_id) &&
	    json_set_int(doc, "stamp", n->stamp) && json_set_int(doc, "owner_id", n->owner_id) &&
	    json_set_int(doc, "person_id", n->person_id) && json_set_int(doc, "stage_id", n->stage_id) &&
	    json_set_int(doc, "from_stage", n->from_stage);
	err = ok ? dump(a, doc, out) : no_memory();
	json_free(doc);
	return err;
}

static const char *
kept(struct arena *a, const struct json *doc, const char *member)
{
	return arena_dup(a, json_get_str(doc, member));
}

const struct ib_err *
crm_new_parse(struct arena *a, const char *text, struct crm_new *out, bool *ok)
{
	struct json *doc = NULL;

	memset(out, 0, sizeof(*out));
	*ok = json_parse(text, strlen(text), JSON_STRICT_, &doc) == NULL &&
	    crm_act_parse(json_get_str(doc, "act"), &out->act) &&
	    crm_kind_parse(json_get_str(doc, "on"), &out->on);
	if (*ok) {
		out->name = kept(a, doc, "name");
		out->email = kept(a, doc, "email");
		out->phone = kept(a, doc, "phone");
		out->value = kept(a, doc, "value");
		out->currency = kept(a, doc, "currency");
		out->type = kept(a, doc, "type");
		out->due_date = kept(a, doc, "due_date");
		out->due_time = kept(a, doc, "due_time");
		out->text = kept(a, doc, "text");
		out->origin = kept(a, doc, "origin");
		out->on_id = kept(a, doc, "on_id");
		out->stamp = json_int(json_get(doc, "stamp"), 0);
		out->owner_id = json_int(json_get(doc, "owner_id"), 0);
		out->person_id = json_int(json_get(doc, "person_id"), 0);
		out->stage_id = json_int(json_get(doc, "stage_id"), 0);
		out->from_stage = json_int(json_get(doc, "from_stage"), 0);
	}
	json_free(doc);
	return arena_failed(a) ? no_memory() : NULL;
}

/* Writing ------------------------------------------------------------------------------ */

static bool
set_contact(struct json *body, const char *member, const char *value)
{
	struct json *one, *arr;

	if (str_blank(value))
		return true;
	one = json_new_object();
	arr = json_new_array();
	return json_set_str(one, "value", value) && json_set_bool(one, "primary", true) &&
	    json_set_str(one, "label", "work") && json_add(arr, one) && json_set(body, member, arr);
}

/* What it belongs to, as that call names it. */
static bool
set_on(struct json *body, const char *member, const struct crm_new *n)
{
	int64_t id;

	if (n->on == CRM_LEAD)
		return json_set_str(body, member, n->on_id);
	return str_int(n->on_id, &id) && json_set_int(body, member, id);
}

/* "2026-11-22 09:15:00" of a note, UTC. */
static const char *
stamp_text(struct arena *a, int64_t ms)
{
	char iso[25];

	clock_iso(ms, iso);
	return arena_printf(a, "%.10s %.8s", iso, iso + 11);
}

/* Plain text as the HTML of a note: nothing of it is markup. */
static const char *
note_html(struct arena *a, const char *text)
{
	const char *out = NULL;
	struct ib_buf b;

	buf_init(&b, (size_t)200 << 10);
	for (; *text != '\0'; text++) {
		if (*text == '&')
			buf_puts(&b, "&amp;");
		else if (*text == '<')
			buf_puts(&b, "&lt;");
		else if (*text == '>')
			buf_puts(&b, "&gt;");
		else if (*text == '\n')
			buf_puts(&b, "<br>");
		else
			buf_putc(&b, *text);
	}
	if (!b.failed)
		out = arena_dup(a, buf_cstr(&b));
	buf_fini(&b);
	return out;
}

static bool
fill_person(struct json *body, const struct crm_new *n)
{
	return json_set_str(body, "name", n->name) && set_contact(body, "emails", n->email) &&
	    set_contact(body, "phones", n->phone);
}

static bool
fill_lead(struct json *body, const struct crm_new *n)
{
	struct json *value;

	if (n->value != NULL) {
		value = json_new_object();
		if (!json_set_num(value, "amount", strtod(n->value, NULL)) ||
		    !json_set_str(value, "currency", n->currency) || !json_set(body, "value", value))
			return false;
	}
	return json_set_str(body, "title", n->name) && json_set_int(body, "person_id", n->person_id) &&
	    json_set_bool(body, "was_seen", true) && json_set_str(body, "origin_id", n->origin);
}

static bool
fill_deal(struct json *body, const struct crm_new *n)
{
	return json_set_str(body, "title", n->name) && json_set_int(body, "person_id", n->person_id) &&
	    (n->stage_id == 0 || json_set_int(body, "stage_id", n->stage_id)) &&
	    (n->value == NULL || (json_set_num(body, "value", strtod(n->value, NULL)) &&
	    json_set_str(body, "currency", n->currency)));
}

static bool
fill_activity(struct json *body, const struct crm_new *n)
{
	struct json *who, *arr;

	if (n->person_id > 0) {
		who = json_new_object();
		arr = json_new_array();
		if (!json_set_int(who, "person_id", n->person_id) || !json_set_bool(who, "primary", true) ||
		    !json_add(arr, who) || !json_set(body, "participants", arr))
			return false;
	}
	if (n->on != CRM_PERSON && !set_on(body, on_members[n->on], n))
		return false;
	return json_set_str(body, "subject", n->name) && json_set_str(body, "type", n->type) &&
	    json_set_str(body, "due_date", n->due_date) && json_set_str(body, "due_time", n->due_time);
}

static bool
fill(struct arena *a, struct json *body, const struct crm_new *n)
{
	const char *s;

	switch (n->act) {
	case ACT_PERSON:
		return fill_person(body, n);
	case ACT_LEAD:
		return fill_lead(body, n);
	case ACT_DEAL:
		return fill_deal(body, n);
	case ACT_STAGE:
		return json_set_int(body, "stage_id", n->stage_id);
	case ACT_ACTIVITY:
		return fill_activity(body, n);
	case ACT_NOTE:
		return (s = note_html(a, n->text)) != NULL && json_set_str(body, "content", s) &&
		    (s = stamp_text(a, n->stamp)) != NULL && json_set_str(body, "add_time", s) &&
		    set_on(body, on_members[n->on], n);
	}
	return false;
}

const struct ib_err *
pdcrm_write(struct pdrive *p, struct arena *a, struct pd_auth *who, const struct crm_new *n,
    const char **id, struct pd_res *res)
{
	static const char *const paths[ACT_MAX] = { "/api/v2/persons", "/api/v1/leads", "/api/v2/deals", NULL,
		"/api/v2/activities", "/api/v1/notes" };
	const char *path = n->act == ACT_STAGE ? arena_printf(a, "/api/v2/deals/%s", n->on_id) : paths[n->act];
	struct json *body = json_new_object(), *root = NULL;
	const struct ib_err *err;

	*id = NULL;
	if (body == NULL || path == NULL || !fill(a, body, n))
		err = no_memory();
	else
		err = pdrive_api(p, a, who, act_names[n->act], n->act == ACT_STAGE ? HTTPC_PATCH : HTTPC_POST, path,
		    body, &root, res);
	if (err == NULL && !res->refused && (*id = json_id(a, json_get(json_get(root, "data"), "id"))) == NULL)
		err = ib_fail(IB_EUPSTREAM, IB_RETRY_LATER, "pipedrive %s: answer without an id", act_names[n->act]);
	json_free(body);
	json_free(root);
	return err;
}

/* Looking for what a lost answer may have left --------------------------------------------- */

static bool
same(const char *one, const char *two)
{
	return str_eq(str_blank(one) ? NULL : one, str_blank(two) ? NULL : two);
}

/* Of records: is this what n would have made? */
static bool
is_new_rec(const struct crm_rec *r, const struct crm_new *n, int64_t since)
{
	if (r->add_time >= 0 && r->add_time < since - MS_DAY)
		return false;
	if (n->act == ACT_LEAD)
		return same(r->origin_id, n->origin);
	if (!str_eq(r->name, n->name))
		return false;
	if (n->act == ACT_PERSON)
		return same(r->n_emails > 0 ? r->emails[0] : NULL, n->email) &&
		    same(r->n_phones > 0 ? r->phones[0] : NULL, n->phone);
	return r->person_id == n->person_id;
}

static void
put_id(struct crm_ids *out, const char *id)
{
	/* Newest came first. */
	memmove(out->v + 1, out->v, out->n * sizeof(*out->v));
	out->v[0] = id;
	out->n++;
}

static const struct ib_err *
look_recs(struct pdrive *p, struct arena *a, struct pd_auth *who, const struct crm_new *n,
    int64_t since, struct crm_ids *out, struct pd_res *res)
{
	const struct ib_err *err;
	struct crm_recs recs;
	const char *path;
	size_t i;

	if (n->act == ACT_PERSON)
		path = arena_printf(a, "/api/v2/persons?owner_id=%lld&sort_by=add_time&sort_direction=desc&limit="
		    LOOK_ROWS, (long long)n->owner_id);
	else if (n->act == ACT_LEAD)
		path = arena_printf(a, "/api/v1/leads?person_id=%lld&limit=" LOOK_ROWS, (long long)n->person_id);
	else
		path = arena_printf(a, "/api/v2/deals?person_id=%lld&sort_by=add_time&sort_direction=desc&limit="
		    LOOK_ROWS, (long long)n->person_id);
	if ((err = list(p, a, who, "look", n->act == ACT_PERSON ? CRM_PERSON : n->act == ACT_LEAD ? CRM_LEAD :
	    CRM_DEAL, path, 500, &recs, res)) != NULL || res->refused)
		return err;
	if ((out->v = ARENA_ARRAY(a, recs.n + 1, const char *)) == NULL)
		return no_memory();
	for (i = 0; i < recs.n; i++)
		if (is_new_rec(&recs.v[i], n, since))
			put_id(out, recs.v[i].id);
	return NULL;
}

static bool
is_new_thing(struct arena *a, const struct json *d, const struct crm_new *n, int64_t since)
{
	int64_t at = time_of(d, "add_time");
	const char *stamp;

	if (n->act == ACT_NOTE)
		return (stamp = stamp_text(a, n->stamp)) != NULL && str_eq(json_get_str(d, "add_time"), stamp) &&
		    json_int(json_get(d, "user_id"), 0) == n->owner_id;
	return (at < 0 || at >= since - MS_DAY) && same(line(a, d, "subject"), n->name) &&
	    same(json_get_str(d, "due_date"), n->due_date) &&
	    (n->type == NULL || same(json_get_str(d, "type"), n->type));
}

static const struct ib_err *
look_things(struct pdrive *p, struct arena *a, struct pd_auth *who, const struct crm_new *n,
    int64_t since, struct crm_ids *out, struct pd_res *res)
{
	const struct ib_err *err;
	struct json *root, *data;
	size_t i;

	if ((err = get(p, a, who, "look", n->act == ACT_NOTE ?
	    arena_printf(a, "/api/v1/notes?%s=%s&sort=add_time%%20DESC&limit=" LOOK_ROWS, on_members[n->on], n->on_id) :
	    arena_printf(a, "/api/v2/activities?%s=%s&owner_id=%lld&sort_by=add_time&sort_direction=desc&limit="
	    LOOK_ROWS, on_members[n->on], n->on_id, (long long)n->owner_id), &root, res)) != NULL || res->refused)
		return err;
	data = json_get(root, "data");
	if ((out->v = ARENA_ARRAY(a, json_len(data) + 1, const char *)) == NULL)
		err = no_memory();
	for (i = 0; err == NULL && i < json_len(data); i++)
		if (is_new_thing(a, json_at(data, i), n, since))
			put_id(out, json_id(a, json_get(json_at(data, i), "id")));
	json_free(root);
	return err;
}

const struct ib_err *
pdcrm_look(struct pdrive *p, struct arena *a, struct pd_auth *who, const struct crm_new *n,
    int64_t since, struct crm_ids *out, bool *moved, struct pd_res *res)
{
	const struct ib_err *err;
	struct crm_rec deal;

	memset(out, 0, sizeof(*out));
	*moved = false;
	if (n->act == ACT_NOTE || n->act == ACT_ACTIVITY)
		return look_things(p, a, who, n, since, out, res);
	if (n->act != ACT_STAGE)
		return look_recs(p, a, who, n, since, out, res);
	if ((err = pdcrm_get(p, a, who, CRM_DEAL, n->on_id, &deal, res)) != NULL || res->refused)
		return err;
	*moved = deal.stage_id != n->stage_id && deal.stage_id != n->from_stage;
	if (deal.stage_id == n->stage_id) {
		if ((out->v = ARENA_ARRAY(a, 1, const char *)) == NULL)
			return no_memory();
		put_id(out, n->on_id);
	}
	return NULL;
}

/* Notes of ours ----------------------------------------------------------------------------- */

const struct ib_err *
pdcrm_note_put(struct pdrive *p, struct arena *a, struct pd_auth *who, enum crm_kind on, const char *on_id,
    const char *note_id, int64_t at, const char *html, const char **id, struct pd_res *res)
{
	bool fresh = *note_id == '\0';
	const char *stamp = stamp_text(a, at);
	struct crm_new n = { .on = on, .on_id = on_id };
	struct json *body = json_new_object(), *root = NULL;
	const char *path = fresh ? "/api/v1/notes" : arena_printf(a, "/api/v1/notes/%s", note_id);
	const struct ib_err *err;

	*id = NULL;
	if (path == NULL || stamp == NULL || !json_set_str(body, "content", html) ||
	    (fresh && (!json_set_str(body, "add_time", stamp) || !set_on(body, on_members[on], &n))))
		err = no_memory();
	else
		err = pdrive_api(p, a, who, "note", fresh ? HTTPC_POST : HTTPC_PUT, path, body, &root, res);
	if (err == NULL && !res->refused && (*id = json_id(a, json_get(json_get(root, "data"), "id"))) == NULL)
		err = ib_fail(IB_EUPSTREAM, IB_RETRY_LATER, "pipedrive note: answer without an id");
	json_free(body);
	json_free(root);
	return err;
}

/* Is this the first link of the note?  Words of people cannot be one: they are escaped. */
static bool
has_marker(const char *html, const char *marker)
{
	const char *link = html == NULL ? NULL : strstr(html, "<a "), *href = link == NULL ? NULL : strstr(link, "href=\"");

	return href != NULL && str_starts(href + 6, marker);
}

const struct ib_err *
pdcrm_note_find(struct pdrive *p, struct arena *a, struct pd_auth *who, enum crm_kind on, const char *on_id,
    const char *marker, const char **id, struct pd_res *res)
{
	const struct ib_err *err;
	struct json *root, *data;
	size_t i;

	*id = NULL;
	if ((err = get(p, a, who, "notes", arena_printf(a, "/api/v1/notes?%s=%s&sort=add_time%%20DESC&limit=" LOOK_ROWS,
	    on_members[on], on_id), &root, res)) != NULL || res->refused)
		return err;
	data = json_get(root, "data");
	for (i = json_len(data); i-- > 0 && *id == NULL;)
		if (has_marker(json_get_str(json_at(data, i), "content"), marker))
			*id = json_id(a, json_get(json_at(data, i), "id"));
	json_free(root);
	return arena_failed(a) ? no_memory() : NULL;
}
