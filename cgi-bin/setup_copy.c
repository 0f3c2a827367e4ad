/* SPDX-License-Identifier: MIT */
/*
 * setup_copy.c - what somebody copies from here into the forms of Pipedrive and
 * Facebook, in the order of those forms; and what each scope and permission is
 * for, by the screen that uses it.  Contracts: pipedrive.md 1 to 4, messenger.md 2.
 */
#include "setup.h"

#include "../lib/api/graph.h"
#include "../lib/base/str.h"

#include <string.h>

/* `value` is said as it is; one that begins with a slash stands behind base_url. */
struct copy { const char *group, *label, *value; };

#define VERIFY	"*verify"	/* the word of the configuration */
#define FIELDS	"*fields"	/* of the subscription */
#define HOST	"*host"		/* of base_url */
#define SAID	"*said"		/* a text of the label's own: "setup.value." */

static const struct copy pipedrive[] = {
	{ "setup.pd_basic", "setup.pd_name", "Messenger Inbox" },
	{ "setup.pd_basic", "setup.pd_callback", "/pipedrive/callback" },
	{ "setup.pd_oauth", "setup.pd_install", "/connect" },
	{ "setup.pd_panels", "setup.pd_panel_name", "Messenger" },
	{ "setup.pd_panels", "setup.pd_panel_about", SAID },
	{ "setup.pd_panels", "setup.pd_panel_url", "/pd/panel" },
	{ "setup.pd_settings", "setup.pd_settings_url", "/pd/settings" }
};

static const struct copy facebook[] = {
	{ "setup.fb_basic", "setup.fb_domain", HOST },
	{ "setup.fb_basic", "setup.fb_site", "/" },
	{ "setup.fb_basic", "setup.fb_deletion", "/facebook/deletion" },
	{ "setup.fb_login", "setup.fb_redirect", "/facebook/callback" },
	{ "setup.fb_login", "setup.fb_deauthorize", "/facebook/deauthorize" },
	{ "setup.fb_webhooks", "setup.fb_callback", "/hook/facebook" },
	{ "setup.fb_webhooks", "setup.fb_verify", VERIFY },
	{ "setup.fb_webhooks", "setup.fb_fields", FIELDS }
};

static const char *const scopes[] = {
	"base", "contacts:full", "deals:full", "leads:full", "search:read", "activities:full", "webhooks:full"
};

static const char *const permissions[] = {
	"pages_show_list", "business_management", "pages_manage_metadata", "pages_messaging", "pages_read_engagement",
	"business_asset_user_profile_access", "human_agent"
};

static const char *
say(struct app *app, struct req *r, const char *key)
{
	const char *s = key != NULL ? cat_find(app->cats, r->lang, key) : NULL;

	return s != NULL ? s : key;
}

/* A text that is found by a name: "setup.screen." and the permission; NULL: there is none. */
static const char *
about(struct app *app, struct req *r, const char *what, const char *name)
{
	char *key = arena_printf(r->a, "%s%s", what, name), *p;

	for (p = key; p != NULL && *p != '\0'; p++)
		if (*p == ':')
			*p = '_';
	return key != NULL ? cat_find(app->cats, r->lang, key) : NULL;
}

/* "https://host.example/sub" is copied as "host.example": Facebook wants no more. */
static const char *
host_of(struct app *app, struct req *r)
{
	const char *host = url_host(r->a, conf_str(app->conf, CONF_BASE_URL));

	return host != NULL ? host : conf_str(app->conf, CONF_BASE_URL);
}

static const char *
value_of(struct app *app, struct req *r, const struct copy *c)
{
	if (strcmp(c->value, VERIFY) == 0)
		return conf_str(app->conf, CONF_FB_VERIFY_TOKEN);
	if (strcmp(c->value, FIELDS) == 0)
		return graph_hook_fields(r->a);
	if (strcmp(c->value, HOST) == 0)
		return host_of(app, r);
	if (strcmp(c->value, SAID) == 0)
		return about(app, r, "setup.value.", c->label + sizeof("setup.") - 1);
	return *c->value == '/' ? setup_url(app, r, c->value) : c->value;
}

static const struct ib_err *
fill_copies(struct app *app, struct req *r, const struct copy *c, size_t n, struct view_setup *v)
{
	struct view_copies *g = NULL;
	struct view_copy *one;
	const char *group = "";
	size_t i;

	v->groups = ARENA_ARRAY(r->a, n, struct view_copies);
	if (v->groups == NULL || (one = ARENA_ARRAY(r->a, n, struct view_copy)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "setup");
	for (i = 0; i < n; i++, c++, one++) {
		if (strcmp(group, c->group) != 0) {
			group = c->group;
			g = &v->groups[v->n_groups++];
			g->title = say(app, r, group);
			g->hint = about(app, r, "setup.hint.", group + sizeof("setup.") - 1);
			g->copies = one;
		}
		g->n_copies++;
		one->dom_id = arena_printf(r->a, "copy-%zu", i + 1);
		one->label = say(app, r, c->label);
		one->value = value_of(app, r, c);
	}
	return NULL;
}

static const struct ib_err *
fill_names(struct app *app, struct req *r, const char *const *names, size_t n, struct view_setup *v)
{
	struct view_permission *p = ARENA_ARRAY(r->a, n, struct view_permission);
	size_t i;

	if (p == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "setup");
	v->permissions = p;
	v->n_permissions = n;
	for (i = 0; i < n; i++, p++) {
		p->name = names[i];
		p->dom_id = arena_printf(r->a, "use-%zu", i + 1);
		p->screen = about(app, r, "setup.screen.", names[i]);
		p->use = about(app, r, "setup.use.", names[i]);
		p->shots = about(app, r, "setup.shots.", names[i]);
		p->call = about(app, r, "setup.call.", names[i]);
	}
	return NULL;
}

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

const struct ib_err *
setup_copies_fill(struct app *app, struct req *r, enum setup_step here, struct view_setup *v)
{
	const struct ib_err *err;

	if (here == SETUP_PIPEDRIVE) {
		err = fill_copies(app, r, pipedrive, COUNT(pipedrive), v);
		return err != NULL ? err : fill_names(app, r, scopes, COUNT(scopes), v);
	}
	if (here == SETUP_FACEBOOK && (err = fill_copies(app, r, facebook, COUNT(facebook), v)) != NULL)
		return err;
	return fill_names(app, r, permissions, COUNT(permissions), v);
}
