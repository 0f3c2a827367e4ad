/* SPDX-License-Identifier: MIT */
/*
 * h_state.c - what becomes of a conversation: done, put off until some time,
 * open again, for everybody of the company; and for oneself unread again.
 *
 * One form, whose buttons say what: `do`, or for putting off `until`.  Times are
 * those of the reader's zone.
 */
#include "auth.h"
#include "handlers.h"
#include "inbox.h"

#include "../lib/base/str.h"

#include <stdio.h>
#include <string.h>

#define LATER_MS	(3 * MS_HOUR)
#define MORNING_MS	(9 * MS_HOUR)
#define SNOOZE_MOST_MS	(366 * MS_DAY)

/* "2026-11-24T09:00", as browsers write it, or with seconds; -1 when it is none. */
static int64_t
own_time(const char *text, const char *zone)
{
	int64_t shown;
	char iso[24], day[11];

	if (text == NULL || strlen(text) < 16 || strlen(text) > 19 || text[10] != 'T')
		return -1;
	(void)snprintf(day, sizeof(day), "%.10s", text);
	(void)snprintf(iso, sizeof(iso), "%.10s %s", text, text + 11);
	if (clock_parse_day(day) < 0 || (shown = clock_parse_iso(iso)) < 0)
		return -1;
	return clock_shown(shown, zone);
}

/* False: a choice that the form does not have.  *until is not in the future when the time is none. */
static bool
read_until(struct req *r, const char *choice, int64_t *until)
{
	const char *zone = r->session->timezone;
	struct civil today;

	(void)clock_civil(r->now, zone, &today);
	if (str_eq(choice, "later"))
		*until = (r->now + LATER_MS) / MS_MINUTE * MS_MINUTE;
	else if (str_eq(choice, "tomorrow"))
		*until = clock_shown((today.day_number + 1) * MS_DAY + MORNING_MS, zone);
	else if (str_eq(choice, "monday"))
		*until = clock_shown((today.day_number + (7 - today.wday) % 7 + 1) * MS_DAY + MORNING_MS, zone);
	else if (str_eq(choice, "at"))
		*until = own_time(req_form(r, "at"), zone);
	else
		return false;
	return true;
}

static const struct ib_err *
refuse_time(struct app *app, struct req *r, int64_t thread)
{
	struct inbox_ask ask = { .thread = thread, .state_at = req_form(r, "at"),
		.state_error = cat_str(app->cats, r->lang, STR_STATE_WHEN) };
	const struct ib_err *err;
	struct inbox in;

	(void)inbox_filter(r, &ask.filter);
	if ((err = inbox_load(app, r, &ask, &in)) != NULL)
		return err;
	if (in.missing)
		return resp_problem(app, r, 404, "problem.not_found");
	return inbox_answer(app, r, 422, &in);
}

const struct ib_err *
h_state(struct app *app, struct req *r)
{
	const char *what = req_form(r, "do"), *choice = req_form(r, "until"), *root = r->session->root;
	const struct session *s = r->session;
	enum thread_state state;
	const struct ib_err *err;
	int64_t until = 0;
	struct thread *t;
	bool changed;

	if ((err = thread_of_path(app, r, "/inbox", "way.inbox", &t)) != NULL || t == NULL)
		return err;
	if (str_eq(what, "unread")) {
		/* Back to the list: who stays here reads it. */
		if ((err = thread_mark_unread(app->db, s->install_id, s->user_id, t->id)) != NULL)
			return err;
		return r->pass != NULL ? resp_see_other(app, r, "%s/panel", root) :
		    resp_see_other(app, r, "/inbox%s", filter_suffix(r));
	}
	if (str_eq(what, "done")) {
		state = THREAD_DONE;
	} else if (str_eq(what, "reopen")) {
		state = THREAD_OPEN;
	} else if (what == NULL && choice != NULL) {
		state = THREAD_SNOOZED;
		if (!read_until(r, choice, &until))
			return resp_problem(app, r, 400, "problem.bad_request");
		if (until <= r->now || until > r->now + SNOOZE_MOST_MS)
			return refuse_time(app, r, t->id);
	} else {
		return resp_problem(app, r, 400, "problem.bad_request");
	}
	if ((err = thread_set_state(app->db, r->a, s->install_id, t->id, s->user_id, state, until, r->now,
	    &changed)) != NULL)
		return err;
	return resp_see_other(app, r, "%s/inbox/%lld%s", root, (long long)t->id, filter_suffix(r));
}
