/* SPDX-License-Identifier: MIT */
/* format.c - see format.h. */
#include "format.h"

#include "../lib/base/str.h"

#include <string.h>

void
fmt_init(struct fmt *f, const struct app *app, const struct req *r)
{
	f->cats = app->cats;
	f->a = r->a;
	f->lang = r->lang;
	f->zone = r->session != NULL ? r->session->timezone : "UTC";
	f->now = r->now;
	(void)clock_civil(r->now, f->zone, &f->today);
}

static const char *
two(struct arena *a, int v)
{
	char s[3] = { (char)('0' + v / 10 % 10), (char)('0' + v % 10), '\0' };

	return arena_dupn(a, s, 2);
}

static const char *
number(struct arena *a, int v)
{
	return arena_printf(a, "%d", v);
}

static const char *
fill(const struct fmt *f, enum str_id id, const struct civil *c)
{
	return cat_fill(f->a, cat_str(f->cats, f->lang, id),
	    "year", number(f->a, c->year),
	    "month", cat_str(f->cats, f->lang, (enum str_id)(STR_MONTH_1 + c->month - 1)),
	    "day", number(f->a, c->day),
	    "weekday", cat_str(f->cats, f->lang, (enum str_id)(STR_WEEKDAY_0 + c->wday)),
	    "hour", two(f->a, c->hour), "minute", two(f->a, c->minute), NULL);
}

const char *
fmt_clock(const struct fmt *f, int64_t ms)
{
	struct civil c;

	(void)clock_civil(ms, f->zone, &c);
	return fill(f, STR_DATE_TIME, &c);
}

const char *
fmt_short(const struct fmt *f, int64_t ms)
{
	struct civil c;

	(void)clock_civil(ms, f->zone, &c);
	return fill(f, c.day_number == f->today.day_number ? STR_DATE_TIME :
	    c.year == f->today.year ? STR_DATE_DAY : STR_DATE_DAY_YEAR, &c);
}

const char *
fmt_moment(const struct fmt *f, int64_t ms)
{
	struct civil c;

	(void)clock_civil(ms, f->zone, &c);
	return fill(f, c.year == f->today.year ? STR_DATE_MOMENT : STR_DATE_MOMENT_YEAR, &c);
}

const char *
fmt_full(const struct fmt *f, int64_t ms)
{
	struct civil c;

	(void)clock_civil(ms, f->zone, &c);
	return fill(f, STR_DATE_FULL, &c);
}

const char *
fmt_iso(const struct fmt *f, int64_t ms)
{
	struct civil c;

	(void)clock_civil(ms, f->zone, &c);
	return arena_printf(f->a, "%04d-%02d-%02dT%02d:%02d:%02d%s", c.year, c.month, c.day,
	    c.hour, c.minute, c.second, c.offset);
}

const char *
fmt_separator(const struct fmt *f, const struct civil *c)
{
	if (c->day_number == f->today.day_number)
		return cat_str(f->cats, f->lang, STR_DATE_TODAY);
	if (c->day_number == f->today.day_number - 1)
		return cat_str(f->cats, f->lang, STR_DATE_YESTERDAY);
	return fill(f, c->year == f->today.year ? STR_DATE_SEPARATOR : STR_DATE_SEPARATOR_YEAR, c);
}

const char *
fmt_until(const struct fmt *f, int64_t ms)
{
	struct civil c;

	(void)clock_civil(ms, f->zone, &c);
	return fill(f, c.day_number == f->today.day_number ? STR_DATE_UNTIL_TODAY :
	    c.day_number == f->today.day_number + 1 ? STR_DATE_UNTIL_TOMORROW : STR_DATE_UNTIL, &c);
}

const char *
fmt_size(const struct fmt *f, int64_t bytes)
{
	const char *n;

	if (bytes <= 0)
		return NULL;
	if (bytes < 1000)
		return cat_fill(f->a, cat_str(f->cats, f->lang, STR_SIZE_B),
		    "n", number(f->a, (int)bytes), NULL);
	if (bytes < 1000000)
		return cat_fill(f->a, cat_str(f->cats, f->lang, STR_SIZE_KB),
		    "n", number(f->a, (int)((bytes + 500) / 1000)), NULL);
	n = arena_printf(f->a, "%lld.%lld", (long long)(bytes / 1000000),
	    (long long)(bytes / 100000 % 10));
	return cat_fill(f->a, cat_str(f->cats, f->lang, STR_SIZE_MB), "n", n, NULL);
}

const char *
fmt_customer(const struct fmt *f, const char *name, const char *psid)
{
	size_t n;

	if (!str_blank(name))
		return name;
	n = psid == NULL ? 0 : strlen(psid);
	return cat_fill(f->a, cat_str(f->cats, f->lang, STR_NAME_UNKNOWN),
	    "digits", n > 4 ? psid + n - 4 : psid, NULL);
}

static size_t
char_len(const char *s)
{
	size_t n = 1;

	if (*s == '\0')
		return 0;
	while ((s[n] & 0xc0) == 0x80)
		n++;
	return n;
}

const char *
fmt_initials(const struct fmt *f, const char *name)
{
	const char *space;
	size_t n, m;

	if (str_blank(name))
		return "?";
	n = char_len(name);
	/* Japanese, Chinese and Korean names: the family name's first character says enough. */
	if ((unsigned char)name[0] >= 0xe3)
		return arena_dupn(f->a, name, n);
	space = strrchr(name, ' ');
	m = space == NULL ? 0 : char_len(space + 1);
	return arena_printf(f->a, "%.*s%.*s", (int)n, name, (int)m, space == NULL ? "" : space + 1);
}
