/* SPDX-License-Identifier: MIT */
/*
 * h_monitor.c - for programs that watch: what the health page says as JSON, and
 * figures in the text format of Prometheus.
 *
 * Who has the token of the settings (monitor_token; as a Bearer, or as the
 * password of "monitor") sees the whole server, Pages and companies by their
 * numbers.  An admin who is signed in sees his company's findings.  Anything
 * broken answers 503, so that a monitor need not read.
 *
 * No name of a customer, no text and no secret is in either.
 */
#include "handlers.h"
#include "inbox.h"

#include "../lib/base/json.h"
#include "../lib/base/str.h"
#include "../lib/sync/checks.h"

#include <string.h>

#define MONITOR_USER	"monitor"
#define METRICS_TYPE	"text/plain; version=0.0.4; charset=utf-8"

static bool
is_monitor(const struct app *app, const struct req *r)
{
	const char *token = conf_str(app->conf, CONF_MONITOR_TOKEN);

	return *token != '\0' && (req_bearer_ok(r, token) || req_basic_ok(r, MONITOR_USER, token));
}

static const struct ib_err *
refuse(struct app *app, struct req *r, int status, const char *key)
{
	const char *text = cat_find(app->cats, r->lang, key);
	struct ib_buf *b = resp_buf(r);

	if (status == 401)
		resp_header(r, "WWW-Authenticate", "Bearer realm=\"messenger-inbox\"");
	buf_printf(b, "%s\n", text != NULL ? text : "");
	return resp_text(r, status, "text/plain; charset=utf-8", NULL, 0);
}

/* Findings as JSON ----------------------------------------------------------------------- */

static bool
put_finding(struct app *app, struct json *list, const struct finding *f, const struct speech *sp)
{
	const struct check_row *row = check_row(f->check);
	struct json *o = json_new_object();
	bool good;

	good = json_set_str(o, "check", row->word) && json_set_str(o, "result", verdict_word(f->verdict)) &&
	    json_set_str(o, "about", *f->about != '\0' ? f->about : NULL) &&
	    json_set_str(o, "name", cat_str(sp->cats, sp->lang, row->name)) &&
	    json_set_str(o, "found", said_text(f->found, sp)) && json_set_str(o, "fix", finding_fix(f, sp)) &&
	    json_set_str(o, "who", help_who(app, sp->lang, f->help_key)) &&
	    (f->verdict == VERDICT_OK || json_set_str(o, "means", cat_str(sp->cats, sp->lang, row->about)));
	return json_add(list, o) && good;
}

static const struct ib_err *
put_findings(struct app *app, struct req *r, const struct findings *all, struct ib_buf *out)
{
	const struct speech sp = { .a = r->a, .cats = app->cats, .lang = r->lang };
	struct json *root = json_new_object(), *list = json_new_array();
	const struct ib_err *err = NULL;
	const struct finding *f;
	bool good = list != NULL;
	char iso[25];

	clock_iso(r->now, iso);
	for (f = all->first; good && f != NULL; f = f->next)
		good = put_finding(app, list, f, &sp);
	good &= json_set(root, "checks", list);
	if (!good || !json_set_str(root, "status", verdict_word(all->worst)) || !json_set_str(root, "at", iso) ||
	    !json_set_str(root, "version", PACKAGE_VERSION))
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "health.json");
	else
		err = json_dump(root, false, out);
	json_free(root);
	return err;
}

static const struct ib_err *
look(struct app *app, struct req *r, int64_t install, struct findings *f)
{
	const struct ib_err *err;

	findings_init(f, r->a);
	if ((err = db_read_begin(app->db)) != NULL)
		return err;
	err = sync_looks(f, app->db, install, r->now);
	db_read_end(app->db);
	return err;
}

const struct ib_err *
h_health_json(struct app *app, struct req *r)
{
	const struct session *s = r->session;
	const struct ib_err *err;
	bool monitor = is_monitor(app, r);
	struct findings f;

	if (!monitor && s == NULL)
		return refuse(app, r, 401, "problem.monitor");
	if (!monitor && (!s->admin || !s->may_read))
		return refuse(app, r, 403, s->admin ? "problem.private" : "problem.not_admin");
	if ((err = look(app, r, monitor ? 0 : s->install_id, &f)) != NULL ||
	    (err = put_findings(app, r, &f, resp_buf(r))) != NULL)
		return err;
	return resp_text(r, f.worst == VERDICT_BROKEN ? 503 : 200, "application/json", NULL, 0);
}

/* Figures -------------------------------------------------------------------------------------- */

enum figure { FIG_NUMBER, FIG_TIME };

/* The columns of ST_METRICS, in order. */
static const struct { const char *name, *help; enum figure kind; } columns[] = {
	{ "companies", "Connected Pipedrive companies.", FIG_NUMBER },
	{ "pages", "Connected Facebook Pages in order.", FIG_NUMBER },
	{ "pages_broken", "Facebook Pages that have to be connected again.", FIG_NUMBER },
	{ "event_last_timestamp_seconds", "When the newest webhook event came; 0 = never.", FIG_TIME },
	{ "replies_waiting", "Replies that are not settled.", FIG_NUMBER },
	{ "replies_oldest_timestamp_seconds", "When the oldest of them was written; 0 = none waits.", FIG_TIME },
	{ "writes_waiting", "Writes to Pipedrive that are not settled.", FIG_NUMBER },
	{ "writes_oldest_timestamp_seconds", "When the oldest of them was asked for; 0 = none waits.", FIG_TIME },
	{ "events_shelved", "Events kept because they were not understood.", FIG_NUMBER },
	{ "codes_unknown", "Kinds of errors that this version does not know.", FIG_NUMBER },
};

#define PREFIX_	"messenger_inbox_"

static void
figure(struct ib_buf *b, const char *name, const char *help)
{
	buf_printf(b, "# HELP " PREFIX_ "%s %s\n# TYPE " PREFIX_ "%s gauge\n", name, help, name);
}

static void
seconds(struct ib_buf *b, int64_t ms)
{
	buf_printf(b, " %lld.%03d\n", (long long)(ms / 1000), (int)(ms % 1000));
}

static void
bytes(struct ib_buf *b, const char *name, const char *help, int64_t n)
{
	figure(b, name, help);
	buf_printf(b, PREFIX_ "%s %lld\n", name, (long long)n);
}

static const struct ib_err *
put_columns(struct db *db, struct ib_buf *b)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;
	int i;

	if ((err = db_query(db, ST_METRICS, &st, "")) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row)
		for (i = 0; i < (int)(sizeof(columns) / sizeof(columns[0])); i++) {
			figure(b, columns[i].name, columns[i].help);
			buf_printf(b, PREFIX_ "%s", columns[i].name);
			if (columns[i].kind == FIG_TIME)
				seconds(b, db_col_int(st, i));
			else
				buf_printf(b, " %lld\n", (long long)db_col_int(st, i));
		}
	db_release(st);
	return err;
}

static const struct ib_err *
put_runs(struct db *db, struct ib_buf *b)
{
	static const char *const drivers[] = { "cron", "web", "visit" };
	const struct ib_err *err;
	int64_t last;
	bool found;
	size_t i;

	figure(b, "run_last_timestamp_seconds", "When the last run of this driver began; 0 = never.");
	for (i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		last = 0;
		if ((err = db_get_int(db, ST_RUN_LAST_OF, &last, &found, "t", drivers[i])) != NULL)
			return err;
		buf_printf(b, PREFIX_ "run_last_timestamp_seconds{driver=\"%s\"}", drivers[i]);
		seconds(b, last);
	}
	return NULL;
}

/* The worst of each check. */
static void
put_checks(const struct findings *all, struct ib_buf *b)
{
	enum verdict worst[CHECKS] = { VERDICT_OK };
	bool made[CHECKS] = { false };
	const struct finding *f;
	int i;

	for (f = all->first; f != NULL; f = f->next) {
		made[f->check] = true;
		if (f->verdict > worst[f->check])
			worst[f->check] = f->verdict;
	}
	figure(b, "check", "Result of a check: 0 in order, 1 needs attention, 2 broken.");
	for (i = 0; i < CHECKS; i++)
		if (made[i])
			buf_printf(b, PREFIX_ "check{check=\"%s\"} %d\n", check_row((enum check)i)->word, (int)worst[i]);
}

const struct ib_err *
h_metrics(struct app *app, struct req *r)
{
	struct ib_buf *b = resp_buf(r);
	const struct ib_err *err;
	struct findings f;

	if (!is_monitor(app, r))
		return refuse(app, r, 401, "problem.monitor");
	if ((err = look(app, r, 0, &f)) != NULL)
		return err;
	figure(b, "build_info", "Version of the program and of its database layout.");
	buf_printf(b, PREFIX_ "build_info{version=\"%s\",schema=\"%d\"} 1\n", PACKAGE_VERSION, db_schema_version());
	put_checks(&f, b);
	if ((err = put_runs(app->db, b)) != NULL || (err = put_columns(app->db, b)) != NULL)
		return err;
	bytes(b, "database_bytes", "Size of the database file.", db_size(app->db));
	bytes(b, "wal_bytes", "Size of its write-ahead log.", db_wal_size(app->db));
	bytes(b, "disk_free_bytes", "Room that is left on its disk.", db_disk_free(app->db));
	return resp_text(r, 200, METRICS_TYPE, NULL, 0);
}
