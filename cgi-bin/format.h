/* SPDX-License-Identifier: MIT */
/*
 * format.h - times, sizes and names as people read them, in the language and
 * zone of the reader.  All results are in the request's arena; none is NULL
 * unless memory is gone.
 */
#ifndef IB_FORMAT_H
#define IB_FORMAT_H

#include "app.h"

#include "../lib/base/clock.h"
#include "../lib/sync/checks.h"

struct fmt {
	const struct cats *cats;
	struct arena	*a;
	enum lang	 lang;
	const char	*zone;
	int64_t		 now;
	struct civil	 today;
	int64_t		 brief_day;	/* of the last brief date, */
	const char	*brief, *date;	/* which a list repeats */
};

void fmt_init(struct fmt *f, const struct app *app, const struct req *r);

/* Of a date in the reader's zone, clock_civil(ms, f->zone, &c). */
const char *fmt_clock(const struct fmt *f, const struct civil *c);	/* "14:05" */
/* "14:05", "Nov 21", "Nov 21, 2025"; *date is "2025-11-21", NULL for a time of today. */
const char *fmt_brief(struct fmt *f, const struct civil *c, const char **date);
const char *fmt_iso(const struct fmt *f, const struct civil *c);	/* with the zone's offset */
const char *fmt_moment(const struct fmt *f, int64_t ms);	/* day and time */
const char *fmt_since(const struct fmt *f, int64_t ms);		/* "03:10", "yesterday 14:00", day and time */
const char *fmt_number(const struct fmt *f, int64_t n);		/* "1,200" */
const char *fmt_count(int64_t n);				/* "3", "99+"; not in the arena */
const char *fmt_day(const struct fmt *f, const struct civil *c);	/* "Nov 21", "Nov 21, 2025" */
const char *fmt_money(const struct fmt *f, const char *value, const char *currency);	/* "1,200.50 EUR" */
const char *fmt_separator(const struct fmt *f, const struct civil *c);
const char *fmt_until(const struct fmt *f, int64_t ms);
/* "5 days left", "3 h 20 min left", "20 min left"; brief: "3 h left". */
const char *fmt_left(const struct fmt *f, int64_t ms, bool brief);
const char *fmt_size(const struct fmt *f, int64_t bytes);	/* NULL when 0 */
/* "2026-11-22" as its first moment in the reader's zone; `dflt` when it is none. */
int64_t fmt_day_start(const struct fmt *f, const char *text, int64_t dflt);
/* A date of the query, only with what a date may have: it goes into addresses; else "". */
const char *fmt_date_of(const struct req *r, const char *name);
/* Findings (lib/sync/checks.h) in the reader's language, with times as people read them. */
struct speech fmt_speech(const struct fmt *f);
/* A customer's name, or the neutral label (messenger.md 7). */
const char *fmt_customer(const struct fmt *f, const char *name, const char *psid);
/* One or two letters for the round picture: first of each of the first two words, one for Japanese. */
const char *fmt_initials(const struct fmt *f, const char *name);

#endif
