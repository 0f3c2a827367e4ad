/* SPDX-License-Identifier: MIT */
/*
 * clock.h - wall and monotonic time, and dates as people read them.
 *
 * Wall time is integer milliseconds since 1970 UTC.  Tests replace it with
 * clock_set(), or from outside through the setting `test.clock_file` (a file
 * with one decimal offset in ms; read at each clock_now() when set).
 */
#ifndef IB_CLOCK_H
#define IB_CLOCK_H

#include "arena.h"

#define MS_SECOND	INT64_C(1000)
#define MS_MINUTE	(60 * MS_SECOND)
#define MS_HOUR		(60 * MS_MINUTE)
#define MS_DAY		(24 * MS_HOUR)

int64_t clock_now(void);		/* ms UTC */
int64_t clock_mono(void);		/* ms, never goes back; for budgets */
int64_t clock_mono_us(void);
void clock_nap(int64_t ms);		/* sleep */
void clock_set(int64_t now);		/* 0 = the real clock again */
void clock_set_offset_file(const char *path);	/* NULL = none; the string is kept by the caller */

/* A civil date in some zone. */
struct civil {
	int	year, month, day;	/* 1..12, 1..31 */
	int	hour, minute, second;
	int	wday;			/* 0 = Sunday */
	int64_t	day_number;		/* days since 1970-01-01 in that zone: compare for day separators */
	char	offset[8];		/* "+09:00" */
};

/*
 * Date of `ms` in the IANA zone `tz` ("Asia/Tokyo").  An unknown or unsafe
 * zone name, or a machine without zone data, is treated as UTC (returns
 * false; *out is still filled).  Only the last zone is cached: cheap when the
 * zone stays, some 20 us when it changes.
 */
bool clock_civil(int64_t ms, const char *tz, struct civil *out);
bool clock_zone_ok(const char *tz);
/*
 * The moment at which the clock in that zone shows what `shown` is in UTC; where
 * clocks skip it, the same time after the skip.
 */
int64_t clock_shown(int64_t shown, const char *tz);

/*
 * "2026-11-22T10:00:11Z" / "+0000" / "+00:00" / fraction of any length, and
 * Pipedrive's "2026-11-22 10:00[:11]" (UTC).  -1 when it is none or before 1970.
 */
int64_t clock_parse_iso(const char *s);
/* "Sun, 22 Nov 2026 10:00:11 GMT", the Date of HTTP; -1 when it is none. */
int64_t clock_parse_http(const char *s);
/* "2026-11-22" as its first millisecond, were its zone UTC; -1 when the calendar has no such day after 1970-01-01. */
int64_t clock_parse_day(const char *s);
/* "2026-11-22T10:00:11Z" into out (>= 25 bytes). */
void clock_iso(int64_t ms, char out[25]);

#endif
