/* SPDX-License-Identifier: MIT */
/*
 * h_security.c - how safe this inbox is, for admins of the company: what
 * lib/sync/guard.h finds, and what the web server says with this request.  The
 * look from outside is inboxctl's, since a page cannot call itself.
 */
#include "handlers.h"
#include "frame.h"

#include "../lib/sync/guard.h"

static const struct ib_err *
show(const struct guard *g, struct view_security *v)
{
	static const enum str_id titles[GUARD_GROUPS] = { STR_GUARD_FILES, STR_GUARD_WEB, STR_GUARD_PROGRAMS };
	const struct guard_line *l;
	struct view_section *s;
	struct view_check *c;

	if ((v->sections = ARENA_ARRAY(g->a, GUARD_GROUPS, struct view_section)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "security");
	v->n_sections = GUARD_GROUPS;
	for (s = v->sections; s < v->sections + GUARD_GROUPS; s++) {
		s->title = cat_str(g->cats, g->lang, titles[s - v->sections]);
		if ((s->checks = ARENA_ARRAY(g->a, GUARD_LINES, struct view_check)) == NULL)
			return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "security");
	}
	for (l = g->line; l < g->line + g->n; l++) {
		s = &v->sections[l->group];
		c = &s->checks[s->n_checks++];
		c->name = l->name;
		c->evidence = l->found;
		c->todo = l->todo;
		c->ok = l->result == GUARD_OK;
		c->attention = l->result == GUARD_ATTENTION;
		c->broken = l->result == GUARD_BROKEN;
		v->attention |= c->attention;
		v->broken |= c->broken;
	}
	v->attention &= !v->broken;
	v->ok = !v->attention && !v->broken;
	return NULL;
}

const struct ib_err *
h_security(struct app *app, struct req *r)
{
	struct view_security v = { .frame = view_frame_make(app, r), .health = req_href(app, r, "/health") };
	struct guard g = { .a = r->a, .conf = app->conf, .cats = app->cats, .lang = r->lang, .request = true,
		.document_root = req_header(r, "DOCUMENT_ROOT"), .server = req_header(r, "SERVER_SOFTWARE"),
		.address = req_header(r, "REMOTE_ADDR"), .forwarded = req_header(r, "HTTP_X_FORWARDED_FOR") };
	const struct ib_err *err;

	if (!r->session->may_read)
		return resp_problem(app, r, 403, "problem.private");
	guard_look(&g);
	if ((err = show(&g, &v)) != NULL)
		return err;
	return resp_page(app, r, 200, TPL_SECURITY, &v);
}
