/* SPDX-License-Identifier: MIT */
/*
 * pass.c - see pass.h.
 *
 * A pass is a small JSON document, sealed.  One that is over still tells what
 * it was for, so that the page can be had again with a fresh token of
 * Pipedrive's; one that is not ours tells nothing.
 */
#include "pass.h"
#include "auth.h"

#include "../lib/base/clock.h"
#include "../lib/base/json.h"
#include "../lib/base/log.h"
#include "../lib/base/str.h"
#include "../lib/store/install.h"
#include "../lib/store/link.h"

#include <stdio.h>
#include <string.h>

#define PASS_AAD	"pass"
#define PASS_TEXT_MAX	((size_t)1 << 10)
#define SDK_ID_MAX	64
#define PIPEDRIVE_HOSTS	"https://*.pipedrive.com"

static const char *const places[] = { [PASS_PANEL] = "panel", [PASS_SETTINGS] = "settings" };

void
frame_hosts_init(struct app *app)
{
	const char *url = conf_str(app->conf, CONF_PD_OAUTH_URL);
	size_t scheme = str_starts(url, "https://") ? 8 : 7;
	size_t len = scheme + strcspn(url + scheme, "/?#");

	/* The sandbox plays Pipedrive's pages as well; no real set-up has such an address. */
	if (url_is_loopback(url) && len < sizeof(app->frame_hosts) - sizeof(PIPEDRIVE_HOSTS) - 1)
		(void)snprintf(app->frame_hosts, sizeof(app->frame_hosts), PIPEDRIVE_HOSTS " %.*s",
		    (int)len, url);
	else
		(void)snprintf(app->frame_hosts, sizeof(app->frame_hosts), PIPEDRIVE_HOSTS);
}

const char *
pass_sdk_id(const char *s)
{
	if (s == NULL || strlen(s) > SDK_ID_MAX || s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-_.:")] != '\0')
		return "";
	return s;
}

const struct ib_err *
pass_make(struct app *app, struct req *r, const struct pass *p, char **out)
{
	const struct ib_err *err;
	struct json *j = json_new_object();
	struct ib_buf b;

	*out = NULL;
	buf_init(&b, PASS_TEXT_MAX);
	if (!json_set_str(j, "place", places[p->place]) || !json_set_int(j, "install", p->install_id) ||
	    !json_set_int(j, "user", p->user_id) || !json_set_int(j, "company", p->company_id) ||
	    !json_set_int(j, "pd_user", p->pd_user_id) || !json_set_str(j, "kind", p->kind) ||
	    !json_set_int(j, "record", p->record) || !json_set_int(j, "until", p->until) ||
	    !json_set_str(j, "sdk", p->sdk) || !json_set_bool(j, "dark", p->dark))
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "pass");
	else if ((err = json_dump(j, false, &b)) == NULL)
		err = keyring_seal(app->keys, r->a, PASS_AAD, buf_cstr(&b), out);
	json_free(j);
	buf_fini(&b);
	return err;
}

/* The pass of this text; NULL when it is not one of ours. */
static struct pass *
pass_open(struct app *app, struct req *r, const char *text)
{
	struct pass *p = ARENA_NEW(r->a, struct pass);
	struct json *j = NULL;
	char *plain;

	if (p == NULL || strlen(text) > 2 * PASS_TEXT_MAX ||
	    keyring_open(app->keys, r->a, PASS_AAD, text, &plain) != NULL ||
	    json_parse(plain, strlen(plain), JSON_STRICT_, &j) != NULL)
		return NULL;
	p->place = str_eq(json_get_str(j, "place"), places[PASS_SETTINGS]) ? PASS_SETTINGS : PASS_PANEL;
	p->install_id = json_int(json_get(j, "install"), 0);
	p->user_id = json_int(json_get(j, "user"), 0);
	p->company_id = json_int(json_get(j, "company"), 0);
	p->pd_user_id = json_int(json_get(j, "pd_user"), 0);
	p->kind = arena_dup(r->a, json_get_str(j, "kind"));
	p->record = json_int(json_get(j, "record"), 0);
	p->until = json_int(json_get(j, "until"), 0);
	p->sdk = arena_dup(r->a, json_get_str(j, "sdk"));
	p->dark = json_bool(json_get(j, "dark"), false);
	json_free(j);
	return p->kind != NULL && p->sdk != NULL ? p : NULL;
}

/* The conversations linked to the record. */
static const struct ib_err *
read_links(struct app *app, struct req *r, struct pass *p)
{
	enum crm_kind kind;

	/* An organization has a panel, and no conversation belongs to it. */
	if (!crm_kind_parse(p->kind, &kind))
		return NULL;
	return link_threads(app->db, r->a, p->install_id, kind, p->record, PASS_THREADS, &p->threads,
	    &p->n_threads);
}

/* Is what the path asks for within what the pass is for? */
static bool
covers(const struct pass *p, const struct req *r)
{
	int64_t thread;
	size_t i;

	if (p->place == PASS_SETTINGS)
		return str_eq(r->route->pattern, "/pd/{pass}/settings");
	if (str_eq(r->route->pattern, "/pd/{pass}/panel"))
		return true;
	if (!req_id(r, "thread", &thread))
		return false;
	for (i = 0; i < p->n_threads; i++)
		if (p->threads[i] == thread)
			return true;
	return false;
}

const struct ib_err *
pass_find(struct app *app, struct req *r, struct session **out, const char **why)
{
	const char *text = req_segment(r, "pass");
	const struct ib_err *err;
	struct signed_in *who;
	struct session *s;
	struct pass *p;

	*out = NULL;
	*why = "problem.pass";
	if (text == NULL || (p = pass_open(app, r, text)) == NULL) {
		log_event(LOG_WARN_, "pass_refused", "route", r->route->pattern, NULL);
		return NULL;
	}
	r->pass = p;
	if ((err = member_get(app->db, r->a, p->install_id, p->user_id, &who)) != NULL ||
	    (who != NULL && session_wakes(app, r, who) &&
	    (err = member_get(app->db, r->a, p->install_id, p->user_id, &who)) != NULL))
		return err;
	if (who == NULL) {
		*why = "problem.pass_person";
		return NULL;
	}
	r->lang = who->lang;
	/* Signed out for all it knows: by Pipedrive, or when the company left. */
	if (p->until <= r->now || p->until > r->now + PASS_HOURS * MS_HOUR || p->until > who->pass_until) {
		*why = "problem.pass_over";
		return NULL;
	}
	if ((s = ARENA_NEW(r->a, struct session)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "session");
	session_fill(r, s, who);
	if (!s->may_read && p->place == PASS_PANEL) {
		*why = "problem.private";
		return NULL;
	}
	if (p->place == PASS_PANEL && (err = read_links(app, r, p)) != NULL)
		return err;
	if (!covers(p, r)) {
		*why = "problem.pass_unlinked";
		return NULL;
	}
	if ((s->root = arena_printf(r->a, "/pd/%s", text)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "session");
	*why = NULL;
	*out = s;
	return NULL;
}

/* Where the same page is to be had again; a fresh token is all that it lacks. */
static const char *
renew_href(const struct app *app, struct req *r)
{
	const struct pass *p = r->pass;
	const char *base;

	if (p == NULL)
		return str_starts(r->route->pattern, "/pd/{") ? NULL : req_href(app, r, "%s", r->here);
	base = arena_printf(r->a, "/pd/%s?userId=%lld&companyId=%lld&id=%s&theme=%s", places[p->place],
	    (long long)p->pd_user_id, (long long)p->company_id, p->sdk, p->dark ? "dark" : "light");
	if (base != NULL && p->place == PASS_PANEL)
		base = arena_printf(r->a, "%s&view=details&resource=%s&selectedIds=%lld", base, p->kind,
		    (long long)p->record);
	return base != NULL ? req_href(app, r, "%s", base) : NULL;
}

struct view_embed *
pass_embed(const struct app *app, struct req *r)
{
	struct view_embed *v = ARENA_NEW(r->a, struct view_embed);
	const char *theme = req_query(r, "theme"), *sdk;

	if (v == NULL)
		return NULL;
	if (theme == NULL && r->pass != NULL)
		theme = r->pass->dark ? "dark" : "light";
	v->theme = str_eq(theme, "dark") ? "dark" : "light";
	sdk = r->pass != NULL ? r->pass->sdk : pass_sdk_id(req_query(r, "id"));
	v->sdk = *sdk != '\0' ? sdk : NULL;
	v->renew = renew_href(app, r);
	return v;
}
