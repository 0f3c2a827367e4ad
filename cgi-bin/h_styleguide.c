/* SPDX-License-Identifier: MIT */
/*
 * h_styleguide.c - the style guide: every page and part in every state, with
 * samples (templates/samples.json) in the place of the database.
 *
 * Set-ups with a sandbox only; elsewhere these addresses do not exist.  It
 * reads nothing but that file and needs nobody to be signed in.  ?lang= and
 * ?theme= show a state in another language or theme than the reader's.
 */
#include "frame.h"
#include "handlers.h"

#include "../lib/base/home.h"
#include "../lib/base/str.h"
#include "../lib/tmpl/sample.h"

#include <string.h>


static size_t
template_named(const char *name)
{
	size_t i, n = name == NULL ? 0 : strlen(name);

	for (i = 0; i < TPL_MAX; i++)
		if (n > 0 && strncmp(tpl_decls[i].file, name, n) == 0 && str_eq(tpl_decls[i].file + n, ".html"))
			break;
	return i;
}

/* The index: what there is, in the groups of the document. */
static const struct ib_err *
answer_index(struct app *app, struct req *r, const struct samples *s, const struct json *states)
{
	struct view_guide v = { .frame = view_frame_make(app, r) };
	size_t n = json_len(states), i;
	const char *group, *target, *last = NULL;
	struct view_guide_group *g = NULL;

	if (v.frame == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "style guide");
	if ((v.groups = ARENA_ARRAY(r->a, n + 1, struct view_guide_group)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "style guide");
	for (i = 0; i < n; i++) {
		const struct json *j = json_at(states, i);
		struct view_guide_state *st;

		group = sample_text(s, json_get(j, "group"));
		if (g == NULL || !str_eq(group, last)) {
			g = &v.groups[v.n_groups++];
			g->title = last = group;
			if ((g->states = ARENA_ARRAY(r->a, n - i, struct view_guide_state)) == NULL)
				return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "style guide");
		}
		st = &g->states[g->n_states++];
		st->title = sample_text(s, json_get(j, "title"));
		st->text = sample_text(s, json_get(j, "text"));
		/* What a script would uncover is uncovered by being pointed at. */
		target = json_get_str(j, "target");
		st->href = arena_printf(r->a, "%s/styleguide/%s%s%s", app->base_path, json_get_str(j, "id"),
		    target != NULL ? "#" : "", target != NULL ? target : "");
	}
	return resp_page(app, r, 200, TPL_STYLEGUIDE, &v);
}

static const struct ib_err *
answer_state(struct app *app, struct req *r, const struct samples *s, const struct json *state)
{
	size_t which = template_named(json_get_str(state, "page"));
	struct view_frame *frame = view_frame_make(app, r);
	const struct ib_err *err;
	void *view;

	if (frame != NULL && req_query(r, "theme") != NULL)
		frame_theme(frame, req_query(r, "theme"));
	if (which == TPL_MAX || frame == NULL)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "sample %s has no page", json_get_str(state, "id"));
	if ((view = arena_alloc(r->a, tpl_decls[which].type->size)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "sample");
	memset(view, 0, tpl_decls[which].type->size);
	memcpy(view, &frame, sizeof(frame));		/* the first member of every view */
	if ((err = sample_fill(s, tpl_decls[which].type, view, json_get(state, "view"))) != NULL)
		return err;
	return resp_page(app, r, 200, which, view);
}

const struct ib_err *
h_styleguide(struct app *app, struct req *r)
{
	const char *id = req_segment(r, "state"), *dir = conf_str(app->conf, CONF_TEMPLATES);
	const struct ib_err *err;
	struct json *doc = NULL;
	const struct json *states;
	struct samples s;
	enum lang lang;
	size_t i;

	if (*conf_str(app->conf, CONF_DEMO_URL) == '\0')
		return resp_problem(app, r, 404, "problem.not_found");
	if (lang_parse(req_query(r, "lang"), &lang))
		r->lang = lang;
	if ((err = samples_read(home_folder(dir, HOME_TEMPLATES), r->a, &doc)) != NULL)
		return err;
	s = (struct samples){ r->a, app->cats, r->lang, json_get(doc, "parts") };
	states = json_get(doc, "states");
	if (id == NULL) {
		err = answer_index(app, r, &s, states);
	} else {
		for (i = 0; i < json_len(states) && !str_eq(json_get_str(json_at(states, i), "id"), id); i++)
			;
		err = i < json_len(states) ? answer_state(app, r, &s, json_at(states, i)) :
		    resp_problem(app, r, 404, "problem.not_found");
	}
	json_free(doc);
	return err;
}
