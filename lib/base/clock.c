/* SPDX-License-Identifier: MIT */
/*
 * clock.c - wall and monotonic time, and dates as people read them.
 *
 * Process-wide state, for programs of one thread: the replaced time, the file
 * with the offset, and the zone that was loaded last (the C library holds one
 * zone at a time, by TZ).  Nothing here fails: the worst case is UTC.
 */
#include "clock.h"
#include "home.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ZONE_MAX	64

/* What four digits of year can say: 0001-01-01 to 9999-12-31. */
#define SEC_MIN		INT64_C(-62135596800)
#define SEC_MAX		INT64_C(253402300799)

static int64_t		 fixed_now;
static const char	*offset_path;
static int		 offset_fd = -1;
static int64_t		 offset_ms;

/* ---- now ---- */

static int64_t
read_us(clockid_t id)
{
	struct timespec ts = { 0, 0 };

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/*
 * The file may be missing at first, and empty for the moment of a rewrite:
 * the last good number stays in force.
 */
static int64_t
read_offset(void)
{
	char text[32], *end;
	ssize_t n;
	long long v;

	if (offset_fd < 0)
		offset_fd = open(offset_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (offset_fd < 0)
		return offset_ms;
	if ((n = pread(offset_fd, text, sizeof(text) - 1, 0)) <= 0)
		return offset_ms;
	text[n] = '\0';
	v = strtoll(text, &end, 10);
	if (end != text && (*end == '\0' || *end == '\n'))
		offset_ms = v;
	return offset_ms;
}

int64_t
clock_now(void)
{
	int64_t now;

	if (fixed_now != 0)
		return fixed_now;
	now = read_us(CLOCK_REALTIME) / 1000;
	if (offset_path != NULL)
		now += read_offset();
	return now;
}

int64_t
clock_mono(void)
{
	return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t
clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

void
clock_nap(int64_t ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&ts, NULL);
}

void
clock_set(int64_t now)
{
	fixed_now = now;
}

void
clock_set_offset_file(const char *path)
{
	if (offset_fd >= 0)
		(void)close(offset_fd);
	offset_fd = -1;
	offset_ms = 0;
	offset_path = path != NULL && *path != '\0' ? path : NULL;
}

/* ---- zones ---- */

/* Only names that cannot leave the folder; ":" and "," would be TZ rules. */
static bool
name_ok(const char *tz)
{
	size_t i;

	if (tz == NULL || *tz == '\0' || *tz == '/')
		return false;
	for (i = 0; tz[i] != '\0'; i++) {
		char c = tz[i];

		if (i >= ZONE_MAX || !((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		    (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-' || c == '/'))
			return false;
	}
	/* Zones that count leap seconds are 27 s off everybody else's clock. */
	return strncmp(tz, "right/", 6) != 0;
}

bool
clock_zone_ok(const char *tz)
{
	char path[PATH_MAX + ZONE_MAX], magic[4];
	bool good;
	int fd;

	if (!name_ok(tz))
		return false;
	if (strcmp(tz, "UTC") == 0)
		return true;
	(void)snprintf(path, sizeof(path), "%s%s", home_zones(), tz);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0)
		return false;
	good = read(fd, magic, sizeof(magic)) == (ssize_t)sizeof(magic) &&
	    memcmp(magic, "TZif", 4) == 0;
	(void)close(fd);
	return good;
}

static unsigned zone_generation;	/* moves when another zone is loaded */

/* Load the zone unless it is the one that is loaded.  False: use UTC. */
static bool
zone_load(const char *tz)
{
	static char last[ZONE_MAX + 1];
	static bool last_good;
	char value[PATH_MAX + ZONE_MAX + 1];

	if (tz != NULL && last[0] != '\0' && strcmp(tz, last) == 0)
		return last_good;
	if (!name_ok(tz))
		return false;
	zone_generation++;
	last_good = clock_zone_ok(tz);
	(void)snprintf(last, sizeof(last), "%s", tz);
	if (!last_good || strcmp(tz, "UTC") == 0)
		return last_good;
	/* ":" and a full path: this file and nothing else, whatever TZDIR says. */
	(void)snprintf(value, sizeof(value), ":%s%s", home_zones(), tz);
	if (setenv("TZ", value, 1) != 0) {
		last[0] = '\0';
		return false;
	}
	tzset();
	return true;
}

/* Offset of the loaded zone at `sec`, by the C library. */
static long
offset_by_libc(int64_t sec)
{
	time_t t = (time_t)sec;
	struct tm tm;

	memset(&tm, 0, sizeof(tm));
	if (localtime_r(&t, &tm) == NULL || tm.tm_gmtoff < -86400 || tm.tm_gmtoff > 86400)
		return 0;
	return tm.tm_gmtoff;
}

/*
 * The same, remembered per UTC day: a page shows a hundred times, mostly of
 * the same days.  A day whose ends differ has a change of the clocks in it and
 * is asked for each time; no zone changes its clocks to and fro in one day.
 */
static long
zone_offset(int64_t sec)
{
	enum { SLOTS = 512, VARIES = 1000000, EMPTY = 1000001 };
	static struct { int64_t day; int32_t off; } slot[SLOTS];
	static unsigned known_generation;
	int64_t day = sec / 86400 - (sec % 86400 < 0 ? 1 : 0);
	size_t i = (size_t)(day & (SLOTS - 1)), k;
	long a, b;

	if (known_generation != zone_generation) {
		for (k = 0; k < SLOTS; k++)
			slot[k].off = EMPTY;
		known_generation = zone_generation;
	}
	if (slot[i].off == EMPTY || slot[i].day != day) {
		a = offset_by_libc(day * 86400);
		b = offset_by_libc(day * 86400 + 86399);
		slot[i].day = day;
		slot[i].off = a == b ? (int32_t)a : VARIES;
	}
	return slot[i].off == VARIES ? offset_by_libc(sec) : slot[i].off;
}

/* Year, month and day of a day number (proleptic Gregorian; years begin in March inside). */
static void
civil_of(int64_t days, struct civil *out)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

	out->day = (int)(doy - (153 * mp + 2) / 5 + 1);
	out->month = (int)(mp < 10 ? mp + 3 : mp - 9);
	out->year = (int)(yoe + era * 400 + (out->month <= 2));
	out->day_number = days;
	out->wday = (int)(((days + 4) % 7 + 7) % 7);	/* 1970-01-01 was a Thursday */
}

/* "+02:00" */
static void
put_offset(long off, char out[7])
{
	out[0] = off < 0 ? '-' : '+';
	off = (off < 0 ? -off : off) / 60;
	out[1] = (char)('0' + off / 600);
	out[2] = (char)('0' + off / 60 % 10);
	out[3] = ':';
	out[4] = (char)('0' + off % 60 / 10);
	out[5] = (char)('0' + off % 60 % 10);
	out[6] = '\0';
}

bool
clock_civil(int64_t ms, const char *tz, struct civil *out)
{
	/* Times of a page share their days and the zone's offset. */
	static struct civil last;
	static long last_off;
	int64_t sec = ms / 1000 - (ms % 1000 < 0 ? 1 : 0), local, day;
	bool known;
	long off;
	int rest;

	if (sec < SEC_MIN + 86400)
		sec = SEC_MIN + 86400;		/* a day for the zone's offset */
	if (sec > SEC_MAX - 86400)
		sec = SEC_MAX - 86400;
	known = zone_load(tz);
	off = !known || strcmp(tz, "UTC") == 0 ? 0 : zone_offset(sec);
	local = sec + off;
	day = local / 86400 - (local % 86400 < 0 ? 1 : 0);
	if (day != last.day_number || last.day == 0)
		civil_of(day, &last);
	if (off != last_off || last.offset[0] == '\0')
		put_offset(last_off = off, last.offset);
	*out = last;
	rest = (int)(local - day * 86400);
	out->hour = rest / 3600;
	out->minute = rest / 60 % 60;
	out->second = rest % 60;
	return known;
}

int64_t
clock_shown(int64_t shown, const char *tz)
{
	int64_t at = shown;
	struct civil c;
	int i;

	for (i = 0; i < 2; i++) {
		(void)clock_civil(at, tz, &c);
		at += shown - (c.day_number * MS_DAY + c.hour * MS_HOUR + c.minute * MS_MINUTE + c.second * MS_SECOND +
		    shown % MS_SECOND);
	}
	return at;
}

/* ---- ISO 8601 ---- */

/* Days since 1970-01-01 of a civil date, without the C library's zones. */
static int64_t
days_of(int64_t y, int64_t m, int64_t d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;				/* years begin in March */
	era = y / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

/* Exactly n digits at *s within [lo, hi]; moves *s on. */
static bool
number(const char **s, int n, int lo, int hi, int *out)
{
	int v = 0;

	for (; n > 0; n--, (*s)++) {
		if (**s < '0' || **s > '9')
			return false;
		v = v * 10 + (**s - '0');
	}
	*out = v;
	return v >= lo && v <= hi;
}

static bool
skip(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

int64_t
clock_parse_http(const char *s)
{
	struct tm tm = { 0 };
	const char *end = s != NULL ? strptime(s, "%a, %d %b %Y %H:%M:%S GMT", &tm) : NULL;
	time_t at = end != NULL && *end == '\0' ? timegm(&tm) : -1;

	return at < 0 ? -1 : (int64_t)at * MS_SECOND;
}

int64_t
clock_parse_iso(const char *s)
{
	static const int length[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int y, mo, d, h, mi, sec = 0, ms = 0, digits = 0, zh = 0, zm = 0;
	bool blank, west = false;
	int64_t t;

	if (s == NULL || !number(&s, 4, 1, 9999, &y) || !skip(&s, '-') ||
	    !number(&s, 2, 1, 12, &mo) || !skip(&s, '-') ||
	    !number(&s, 2, 1, length[mo - 1], &d))
		return -1;
	if (mo == 2 && d == 29 && (y % 4 != 0 || (y % 100 == 0 && y % 400 != 0)))
		return -1;
	blank = *s == ' ';
	if (!skip(&s, blank ? ' ' : 'T') || !number(&s, 2, 0, 23, &h) || !skip(&s, ':') ||
	    !number(&s, 2, 0, 59, &mi))
		return -1;
	if (skip(&s, ':')) {
		if (!number(&s, 2, 0, 60, &sec))
			return -1;
		if (skip(&s, '.')) {
			for (; *s >= '0' && *s <= '9'; s++, digits++)
				if (digits < 3)
					ms = ms * 10 + (*s - '0');
			if (digits == 0)
				return -1;
			for (; digits < 3; digits++)
				ms *= 10;
		}
	} else if (!blank)
		return -1;
	if (skip(&s, 'Z')) {
		/* UTC */
	} else if (*s == '+' || *s == '-') {
		west = *s++ == '-';
		if (!number(&s, 2, 0, 23, &zh))
			return -1;
		(void)skip(&s, ':');
		if (!number(&s, 2, 0, 59, &zm))
			return -1;
	} else if (!blank)
		return -1;
	if (*s != '\0')
		return -1;
	t = (days_of(y, mo, d) * 24 + h) * 3600 + (int64_t)mi * 60 + sec;
	t += (int64_t)(west ? 1 : -1) * (zh * 3600 + zm * 60);
	return t < 0 ? -1 : t * 1000 + ms;
}

int64_t
clock_parse_day(const char *s)
{
	char iso[32], back[40];
	struct civil c;
	int64_t at;

	if (s == NULL || strlen(s) != 10)
		return -1;
	(void)snprintf(iso, sizeof(iso), "%s 00:00", s);
	if ((at = clock_parse_iso(iso)) <= 0)
		return -1;
	/* Not the 31st of February. */
	(void)clock_civil(at, "UTC", &c);
	(void)snprintf(back, sizeof(back), "%04d-%02d-%02d", c.year, c.month, c.day);
	return strcmp(back, s) == 0 ? at : -1;
}

void
clock_iso(int64_t ms, char out[25])
{
	struct civil c;

	(void)clock_civil(ms, "UTC", &c);
	(void)snprintf(out, 25, "%04u-%02u-%02uT%02u:%02u:%02uZ",
	    (unsigned)c.year % 10000u, (unsigned)c.month % 100u, (unsigned)c.day % 100u,
	    (unsigned)c.hour % 100u, (unsigned)c.minute % 100u, (unsigned)c.second % 100u);
}
