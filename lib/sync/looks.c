/* SPDX-License-Identifier: MIT */
/*
 * looks.c - the checks that rows can answer.
 *
 * One table of looks; each adds findings.  A new thing to watch is a row in
 * checks.def and a finding here.  Nothing asks the network: what the engine found
 * is in the rows.
 *
 * Runs, unknown codes, the database and its disk are those of the whole server;
 * Pages, replies and events those of a company.
 */
#include "checks.h"

#include "../api/codes.h"
#include "../base/clock.h"
#include "../base/str.h"
#include "../store/follow.h"
#include "../store/note.h"
#include "../store/page.h"
#include "../store/transcript.h"

#include <string.h>

#define SOON_MS		(14 * MS_DAY)		/* messenger.md 2.6 */
#define WAL_MUCH	((int64_t)64 << 20)
#define WAITING_MS	(10 * MS_MINUTE)
#define CODE_MS		(7 * MS_DAY)		/* an unknown code is news for so long */
#define REASONS		4			/* of failed replies that are named */
#define IDLE_MS		(15 * MS_MINUTE)	/* nothing has run for so long */
#define IN_USE_MS	(7 * MS_DAY)		/* a driver that ran so lately is meant to */
#define DISK_LITTLE	((int64_t)500 * 1000 * 1000)
#define DISK_NONE	((int64_t)50 * 1000 * 1000)

struct looking {
	struct findings	*f;
	struct db	*db;
	struct arena	*a;
	int64_t		 install, now;
	bool		 all;		/* companies: Pages are told by number */
};

#define SAID(l, id, ...)	said_new((l)->a, (id), __VA_ARGS__)

static struct finding *
add(struct looking *l, enum check c, enum verdict v, const struct said *found)
{
	return finding_add(l->f, c, v, found);
}

static struct finding *
plain(struct looking *l, enum check c, enum verdict v, enum str_id found)
{
	return add(l, c, v, SAID(l, found, ""));
}

static enum verdict
unless(bool good, enum verdict otherwise)
{
	return good ? VERDICT_OK : otherwise;
}

/* What keeps the engine running -------------------------------------------------------- */

/* The more reliable first; each is late after its own time. */
enum { DRIVERS = 3 };
static const struct { const char *word; int64_t late_ms; enum str_id in_use, stopped; } drivers[DRIVERS] = {
	{ "cron", 20 * MS_MINUTE, STR_HEALTH_BY_CRON, STR_HEALTH_CRON_STOPPED },
	{ "web", MS_HOUR, STR_HEALTH_BY_WEB, STR_HEALTH_WEB_STOPPED },
	{ "visit", MS_DAY, STR_HEALTH_BY_VISIT, STR_HEALTH_BY_VISIT },
};

static void
look_clock(struct looking *l, int64_t newest)
{
	/* A run in the future: the clock of this machine was ahead, or is behind now. */
	add(l, CHECK_CLOCK, unless(newest <= l->now + MS_MINUTE, VERDICT_ATTENTION),
	    SAID(l, STR_HEALTH_CLOCK_IS, "d", "time", l->now));
}

static const struct ib_err *
look_engine(struct looking *l)
{
	const struct ib_err *err;
	int64_t last[DRIVERS] = { 0 }, newest = 0;
	int i, keeps = DRIVERS, stopped = DRIVERS;
	const struct said *in_use;
	bool found;

	for (i = DRIVERS - 1; i >= 0; i--) {
		if ((err = db_get_int(l->db, ST_RUN_LAST_OF, &last[i], &found, "t", drivers[i].word)) != NULL)
			return err;
		if (last[i] > newest)
			newest = last[i];
		if (last[i] > l->now - drivers[i].late_ms)
			keeps = i;
		else if (last[i] > l->now - IN_USE_MS)
			stopped = i;
	}
	in_use = SAID(l, keeps == DRIVERS ? STR_HEALTH_BY_NOBODY : stopped < keeps ? drivers[stopped].stopped :
	    drivers[keeps].in_use, "");
	add(l, CHECK_DRIVER, keeps == DRIVERS ? VERDICT_BROKEN : unless(stopped > keeps, VERDICT_ATTENTION),
	    SAID(l, STR_HEALTH_DRIVERS, "attt", "in_use", in_use, "cron", last[0], "web", last[1], "visit", last[2]));
	look_clock(l, newest);
	return NULL;
}

/* Pages ------------------------------------------------------------------------------------ */

static void
look_connection(struct looking *l, const struct page *p)
{
	struct finding *f;

	if (p->state != PAGE_ACTIVE) {
		f = add(l, CHECK_CONNECTION, VERDICT_BROKEN, said_key(l->a, p->why, STR_CLOSED_PAGE));
		f->help_key = p->why;
		f->reconnect = true;
		return;
	}
	if (strcmp(p->policy, "block") == 0) {
		f = plain(l, CHECK_CONNECTION, VERDICT_BROKEN, STR_HEALTH_BLOCKED);
		f->fix = SAID(l, STR_HEALTH_SEE_FACEBOOK, "");
	} else if (p->send_after > l->now) {
		f = add(l, CHECK_CONNECTION, VERDICT_ATTENTION, SAID(l, STR_HEALTH_SENDS_PAUSED, "nt", "n", p->refusals,
		    "time", p->send_after));
		f->fix = SAID(l, STR_HEALTH_BY_ITSELF, "");
	} else if (p->pause_until > l->now) {
		f = add(l, CHECK_CONNECTION, VERDICT_ATTENTION, SAID(l, STR_HEALTH_PAUSED, "t", "time", p->pause_until));
		f->fix = SAID(l, STR_HEALTH_BY_ITSELF, "");
	} else if (strcmp(p->policy, "warning") == 0) {
		f = plain(l, CHECK_CONNECTION, VERDICT_ATTENTION, STR_HEALTH_WARNED);
		f->fix = SAID(l, STR_HEALTH_SEE_FACEBOOK, "");
	} else {
		plain(l, CHECK_CONNECTION, VERDICT_OK, STR_HEALTH_WORKS);
	}
}

static void
look_events(struct looking *l, const struct page *p)
{
	if (p->last_event_at > 0)
		add(l, CHECK_EVENTS, VERDICT_OK, SAID(l, STR_HEALTH_LAST_EVENT, "t", "time", p->last_event_at));
	else if (p->state == PAGE_ACTIVE)
		plain(l, CHECK_EVENTS, VERDICT_ATTENTION, STR_HEALTH_NO_EVENT);
}

static const struct ib_err *
idle(struct db *db, int64_t now, bool *yes)
{
	const struct ib_err *err;
	int64_t last = 0;
	bool found;

	if ((err = db_get_int(db, ST_RUN_LAST, &last, &found, "")) == NULL)
		*yes = !found || last < now - IDLE_MS;
	return err;
}

const struct ib_err *
sync_fresh(struct db *db, struct arena *a, const struct page *p, int64_t now, const struct said **why, int64_t *left)
{
	const struct ib_err *err;
	bool working, none, late = true;

	*why = NULL;
	if ((err = page_wanted(db, p->id, left)) != NULL)
		return err;
	if (p->state != PAGE_ACTIVE) {
		*why = said_new(a, STR_SYNC_WHY_PAGE, "s", "page", p->name);
		goto done;
	}
	working = *left > 0 || p->pass_started > 0 || strcmp(p->import_state, "done") != 0;
	late = p->checked_at <= now - FRESH_MS &&
	    (!working || p->read_why[0] != '\0' || p->pause_until > now || p->connected_at <= now - FRESH_MS);
	if (!late)
		return NULL;
	if ((err = idle(db, now, &none)) != NULL)
		return err;
	if (p->pause_until > now)
		*why = said_new(a, STR_SYNC_WHY_PAUSE, "t", "time", p->pause_until);
	else if (none)
		*why = said_new(a, STR_SYNC_WHY_IDLE, "");
	else if (p->read_why[0] != '\0')
		*why = said_key(a, p->read_why, STR_SYNC_WHY_SOON);
	else if (!working)
		*why = said_new(a, STR_SYNC_WHY_SOON, "");
	else
		return NULL;
done:
	return *why == NULL ? ib_fail(IB_ENOMEM, IB_RETRY_LATER, "fresh") : NULL;
}

static const struct ib_err *
look_comparison(struct looking *l, const struct page *p)
{
	const struct ib_err *err;
	int64_t ended = 0, listed = 0, changed = 0, left;
	const struct said *why, *found;
	struct finding *f;
	struct db_stmt *st;
	bool row;

	if ((err = db_query(l->db, ST_COMPARISON_LAST, &st, "i", p->id)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row) {
		ended = db_col_int(st, 1);
		listed = db_col_int(st, 2);
		changed = db_col_int(st, 3);
	}
	db_release(st);
	if (err != NULL || (err = sync_fresh(l->db, l->a, p, l->now, &why, &left)) != NULL)
		return err;
	found = ended == 0 ? SAID(l, STR_HEALTH_NOT_COMPARED, "") :
	    SAID(l, STR_HEALTH_COMPARED, "tnn", "time", ended, "listed", listed, "changed", changed);
	if (left > 0 && found != NULL)
		found = SAID(l, STR_HEALTH_LEFT, "an", "so_far", found, "n", left);
	f = add(l, CHECK_COMPARISON, unless(why == NULL, VERDICT_ATTENTION), found);
	f->fix = why;
	if (why != NULL)
		f->help_key = p->read_why;
	return NULL;
}

static void
look_subscription(struct looking *l, const struct page *p)
{
	static const struct { const char *state; enum str_id found; enum verdict verdict; } states[] = {
		{ "lost", STR_HEALTH_SUB_LOST, VERDICT_BROKEN }, { "restored", STR_HEALTH_SUB_RESTORED, VERDICT_OK },
		{ "ok", STR_HEALTH_SUB_OK, VERDICT_OK },
	};
	size_t i;

	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(p->sub_state, states[i].state) == 0) {
			add(l, CHECK_SUBSCRIPTION, states[i].verdict, SAID(l, states[i].found, "t", "time", p->sub_at))->reconnect =
			    states[i].verdict == VERDICT_BROKEN;
			return;
		}
	if (p->state == PAGE_ACTIVE)
		plain(l, CHECK_SUBSCRIPTION, VERDICT_OK, STR_HEALTH_SUB_NEW);
}

static void
look_token(struct looking *l, const struct page *p)
{
	if (p->state != PAGE_ACTIVE)
		plain(l, CHECK_TOKEN, VERDICT_BROKEN, STR_HEALTH_TOKEN_DEAD);
	else if (p->token_until > 0 && p->token_until <= l->now)
		add(l, CHECK_TOKEN, VERDICT_BROKEN, SAID(l, STR_HEALTH_TOKEN_OVER, "d", "time", p->token_until))->reconnect = true;
	else if (p->token_until > 0 && p->token_until <= l->now + SOON_MS)
		add(l, CHECK_TOKEN, VERDICT_ATTENTION, SAID(l, STR_HEALTH_TOKEN_ENDS, "d", "time", p->token_until))->reconnect = true;
	else if (p->token_at > 0)
		add(l, CHECK_TOKEN, VERDICT_OK, SAID(l, STR_HEALTH_TOKEN_OK, "t", "time", p->token_at));
	else
		plain(l, CHECK_TOKEN, VERDICT_OK, STR_HEALTH_TOKEN_NEW);
}

static const struct ib_err *
look_pages(struct looking *l)
{
	const struct ib_err *err;
	struct page *p;
	size_t i, n;

	if ((err = pages_of(l->db, l->a, l->install, &p, &n)) != NULL)
		return err;
	for (i = 0; i < n; i++) {
		l->f->about = p[i].fb_id;
		l->f->name = l->all ? p[i].fb_id : p[i].name;
		look_connection(l, &p[i]);
		look_events(l, &p[i]);
		if ((err = look_comparison(l, &p[i])) != NULL)
			return err;
		look_subscription(l, &p[i]);
		look_token(l, &p[i]);
	}
	return NULL;
}

/* Messages ------------------------------------------------------------------------------------ */

/*
 * Replies that failed and that nobody has dealt with, by reason, the latest
 * first.  What its writer can settle is no matter for an admin.
 */
static const struct ib_err *
look_failures(struct looking *l)
{
	const struct ib_err *err;
	const struct code_row *row;
	const char *why;
	struct finding *f;
	struct db_stmt *st;
	bool found, ours, any = false;

	if ((err = db_query(l->db, ST_OUTBOX_FAILURES, &st, "ii", l->install, (int64_t)REASONS)) != NULL)
		return err;
	while ((err = db_step(st, &found)) == NULL && found) {
		any = true;
		why = db_col_dup(st, 0, l->a);
		row = code_by_key(why);
		ours = row != NULL && row->who != WHO_AGENT && row->who != WHO_NOBODY && db_col_int(st, 2) > l->now - CODE_MS;
		f = add(l, CHECK_FAILURES, unless(!ours, VERDICT_ATTENTION), SAID(l, STR_HEALTH_FAILED, "ntk", "n",
		    db_col_int(st, 1), "time", db_col_int(st, 2), "sentence", why));
		f->help_key = why;
		f->reconnect = row != NULL && row->help == HELP_RECONNECT;
	}
	db_release(st);
	if (err == NULL && !any)
		plain(l, CHECK_FAILURES, VERDICT_OK, STR_HEALTH_NO_FAILURES);
	return err;
}

/* Something that waits is too old. */
static enum verdict
age_verdict(const struct looking *l, int64_t waiting, int64_t oldest)
{
	return unless(waiting == 0 || oldest >= l->now - WAITING_MS, VERDICT_ATTENTION);
}

/* One row of numbers; `types` "i" when it is about the company. */
static const struct ib_err *
numbers(struct looking *l, enum stmt_id id, const char *types, int64_t *out, int n)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;
	int i;

	memset(out, 0, (size_t)n * sizeof(*out));
	if ((err = db_query(l->db, id, &st, types, l->install)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row)
		for (i = 0; i < n; i++)
			out[i] = db_col_int(st, i);
	db_release(st);
	return err;
}

static const struct ib_err *
look_messages(struct looking *l)
{
	enum { WAITING, CHECKING, OLDEST, N };
	const struct ib_err *err;
	int64_t open[N], shelved;
	bool found;

	if ((err = numbers(l, ST_OUTBOX_OPEN_OF, "i", open, N)) != NULL || (err = db_get_int(l->db, ST_QUARANTINE_OF,
	    &shelved, &found, "i", l->install)) != NULL)
		return err;
	add(l, CHECK_REPLIES, age_verdict(l, open[WAITING], open[OLDEST]), open[WAITING] == 0 ? SAID(l, STR_HEALTH_NONE_WAIT, "") :
	    SAID(l, STR_HEALTH_WAITING, "nnt", "n", open[WAITING] - open[CHECKING], "checking", open[CHECKING], "time",
	    open[OLDEST]));
	if ((err = look_failures(l)) != NULL)
		return err;
	add(l, CHECK_SHELF, unless(shelved == 0, VERDICT_ATTENTION), shelved == 0 ? SAID(l, STR_HEALTH_SHELF_EMPTY, "") :
	    SAID(l, STR_HEALTH_SHELVED, "n", "n", shelved));
	return NULL;
}

/* Pipedrive ----------------------------------------------------------------------------------- */

static const struct ib_err *
look_followed(struct looking *l)
{
	const struct ib_err *err;
	const char *why;
	int64_t told;

	if ((err = pd_hook_state(l->db, l->a, l->install, &why, &told)) != NULL)
		return err;
	if (why == NULL)
		plain(l, CHECK_FOLLOW, VERDICT_OK, STR_HEALTH_FOLLOW_NONE);
	else if (*why != '\0')
		plain(l, CHECK_FOLLOW, VERDICT_ATTENTION, STR_HEALTH_FOLLOW_DAILY);
	else
		add(l, CHECK_FOLLOW, VERDICT_OK, told == 0 ? SAID(l, STR_HEALTH_FOLLOW_NEW, "") :
		    SAID(l, STR_HEALTH_FOLLOW_OK, "t", "time", told));
	return NULL;
}

static const struct ib_err *
look_pipedrive(struct looking *l)
{
	enum { WAITING, OLDEST, N };
	int64_t waiting, refused, writes[N], grant = 0;
	const struct ib_err *err;
	bool found;

	if ((err = db_get_int(l->db, ST_INSTALL_GRANT, &grant, &found, "i", l->install)) != NULL ||
	    (err = numbers(l, ST_WRITES_OPEN_OF, "i", writes, N)) != NULL || (err = transcript_count(l->db, l->install,
	    "error.pd.token", l->now, &waiting, &refused)) != NULL)
		return err;
	plain(l, CHECK_INSTALLER, unless(grant != 0, VERDICT_ATTENTION), grant != 0 ? STR_HEALTH_INSTALLER_OK : STR_HEALTH_INSTALLER_OUT);
	add(l, CHECK_WRITES, age_verdict(l, writes[WAITING], writes[OLDEST]), writes[WAITING] == 0 ? SAID(l, STR_HEALTH_WRITES_NONE, "") :
	    SAID(l, STR_HEALTH_WRITES_WAIT, "nt", "n", writes[WAITING], "time", writes[OLDEST]));
	if (waiting > 0)
		add(l, CHECK_NOTES, VERDICT_ATTENTION, SAID(l, STR_HEALTH_LOG_WAITS, "n", "n", waiting))->fix =
		    SAID(l, STR_HEALTH_LOG_WAITS_TODO, "");
	else if (refused > 0)
		add(l, CHECK_NOTES, VERDICT_ATTENTION, SAID(l, STR_HEALTH_LOG_REFUSED, "n", "n", refused));
	else
		plain(l, CHECK_NOTES, VERDICT_OK, STR_HEALTH_LOG_OK);
	return look_followed(l);
}

/* This server ----------------------------------------------------------------------------------- */

enum verdict
disk_verdict(int64_t free_bytes)
{
	return free_bytes < DISK_NONE ? VERDICT_BROKEN : unless(free_bytes >= DISK_LITTLE, VERDICT_ATTENTION);
}

/* What the daily check found. */
static const struct ib_err *
look_database(struct looking *l)
{
	const struct ib_err *err;
	const char *word;
	int64_t at;
	bool whole;

	if ((err = note_get(l->db, l->a, NOTE_CHECK, &at, &word)) != NULL)
		return err;
	whole = word == NULL || strcmp(word, "ok") == 0;
	add(l, CHECK_DATABASE, unless(whole, VERDICT_BROKEN), word == NULL ? SAID(l, STR_HEALTH_DATABASE_NEW, "") :
	    SAID(l, whole ? STR_HEALTH_DATABASE_OK : STR_HEALTH_DATABASE_BAD, "t", "time", at));
	return NULL;
}

static const struct ib_err *
look_codes(struct looking *l)
{
	enum { KINDS, LATEST, N };
	const struct ib_err *err;
	int64_t odd[N];

	if ((err = numbers(l, ST_ODD_CODE_COUNT, "", odd, N)) != NULL)
		return err;
	if (odd[KINDS] == 0)
		plain(l, CHECK_CODES, VERDICT_OK, STR_HEALTH_CODES_NONE);
	else
		add(l, CHECK_CODES, unless(odd[LATEST] <= l->now - CODE_MS, VERDICT_ATTENTION), SAID(l, STR_HEALTH_CODES_SEEN,
		    "n", "n", odd[KINDS]))->fix = SAID(l, STR_HEALTH_CODES_TODO, "");
	return NULL;
}

static const struct ib_err *
look_server(struct looking *l)
{
	int64_t wal = db_wal_size(l->db), left = db_disk_free(l->db);
	const struct ib_err *err;
	char *mode;

	if ((err = look_database(l)) != NULL || (err = db_journal(l->db, l->a, &mode)) != NULL)
		return err;
	add(l, CHECK_JOURNAL, unless(strcmp(mode, "wal") == 0, VERDICT_BROKEN), SAID(l, STR_HEALTH_JOURNAL_IS, "s", "mode", mode));
	add(l, CHECK_WAL, unless(wal <= WAL_MUCH, VERDICT_ATTENTION), SAID(l, STR_HEALTH_WAL_IS, "z", "size", wal));
	add(l, CHECK_DISK, disk_verdict(left), SAID(l, STR_HEALTH_DISK_IS, "z", "size", left));
	if ((err = look_codes(l)) != NULL)
		return err;
	add(l, CHECK_VERSION, VERDICT_OK, SAID(l, STR_HEALTH_VERSION_IS, "sn", "version", PACKAGE_VERSION, "schema",
	    (int64_t)db_schema_version()));
	return NULL;
}

/* All --------------------------------------------------------------------------------------------- */

static const struct ib_err *
of_company(struct looking *l, int64_t install, const char *company)
{
	const struct ib_err *err;

	l->install = install;
	if ((err = look_pages(l)) != NULL)
		return err;
	l->f->about = l->f->name = company;
	if ((err = look_messages(l)) == NULL)
		err = look_pipedrive(l);
	l->f->about = l->f->name = "";
	return err;
}

static const struct ib_err *
of_companies(struct looking *l)
{
	const struct ib_err *err;
	const char *company;
	struct db_stmt *st;
	bool row;

	if ((err = db_query(l->db, ST_INSTALLS, &st, "")) != NULL)
		return err;
	while ((err = db_step(st, &row)) == NULL && row) {
		if ((company = db_col_dup(st, 1, l->a)) == NULL)
			err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "looks");
		else
			err = of_company(l, db_col_int(st, 0), company);
		if (err != NULL)
			break;
	}
	db_release(st);
	return err;
}

const struct ib_err *
sync_looks(struct findings *f, struct db *db, int64_t install, int64_t now)
{
	struct looking l = { .f = f, .db = db, .a = f->a, .now = now, .all = install == 0 };
	const struct ib_err *err;

	if ((err = look_engine(&l)) != NULL || (err = install == 0 ? of_companies(&l) : of_company(&l, install, "")) != NULL ||
	    (err = look_server(&l)) != NULL)
		return err;
	return f->failed ? ib_fail(IB_ENOMEM, IB_RETRY_LATER, "looks") : NULL;
}
