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
	f->brief = NULL;
	(void)clock_civil(r->now, f->zone, &f->today);
}

static char *
two(char *to, int v)
{
	to[0] = (char)('0' + v / 10 % 10);
	to[1] = (char)('0' + v % 10);
	return to + 2;
}

static char *
words(char *to, const char *end, const char *s)
{
	while (*s != '\0' && to < end)
		*to++ = *s++;
	return to;
}

/*
 * A date by the catalogue's format.  cat_fill() would do, but a page has some
 * two hundred dates: the six names are told apart by their first letters.
 */
static const char *
fill(const struct fmt *f, enum str_id id, const struct civil *c)
{
	const char *s = cat_str(f->cats, f->lang, id), *close;
	char out[192], *p = out, *end = out + sizeof(out) - 16;

	for (; *s != '\0' && p < end; s++) {
		if (*s != '{' || (close = strchr(s, '}')) == NULL) {
			*p++ = *s;
			continue;
		}
		switch (s[1]) {
		case 'y':
			p = two(two(p, c->year / 100), c->year);
			break;
		case 'd':
			if (c->day < 10)
				*p++ = (char)('0' + c->day);
			else
				p = two(p, c->day);
			break;
		case 'w':
			p = words(p, end, cat_str(f->cats, f->lang, (enum str_id)(STR_WEEKDAY_0 + c->wday)));
			break;
		case 'h':
			p = two(p, c->hour);
			break;
		case 'm':
			if (s[2] == 'i')
				p = two(p, c->minute);
			else
				p = words(p, end, cat_str(f->cats, f->lang, (enum str_id)(STR_MONTH_1 + c->month - 1)));
			break;
		default:
			break;
		}
		s = close;
	}
	return arena_dupn(f->a, out, (size_t)(p - out));
}

const char *
fmt_clock(const struct fmt *f, const struct civil *c)
{
	return fill(f, STR_DATE_TIME, c);
}

/* "2026-11-21" */
static char *
iso_date(char *to, const struct civil *c)
{
	to = two(two(to, c->year / 100), c->year);
	*to++ = '-';
	to = two(to, c->month);
	*to++ = '-';
	return two(to, c->day);
}

const char *
fmt_brief(struct fmt *f, const struct civil *c, const char **date)
{
	char iso[16];

	*date = NULL;
	if (c->day_number == f->today.day_number)
		return fill(f, STR_DATE_TIME, c);
	if (f->brief == NULL || f->brief_day != c->day_number) {
		f->brief_day = c->day_number;
		f->brief = fill(f, c->year == f->today.year ? STR_DATE_DAY : STR_DATE_DAY_YEAR, c);
		f->date = arena_dupn(f->a, iso, (size_t)(iso_date(iso, c) - iso));
	}
	*date = f->date;
	return f->brief;
}

const char *
fmt_iso(const struct fmt *f, const struct civil *c)
{
	char iso[40], *p = iso_date(iso, c);

	*p++ = 'T';
	p = two(p, c->hour);
	*p++ = ':';
	p = two(p, c->minute);
	*p++ = ':';
	p = two(p, c->second);
	memcpy(p, c->offset, 6);
	return arena_dupn(f->a, iso, (size_t)(p + 6 - iso));
}

static const char *
number(struct arena *a, int v)
{
	return arena_printf(a, "%d", v);
}

const char *
fmt_moment(const struct fmt *f, int64_t ms)
{
	struct civil c;

	(void)clock_civil(ms, f->zone, &c);
	return fill(f, c.year == f->today.year ? STR_DATE_MOMENT : STR_DATE_MOMENT_YEAR, &c);
}

const char *
fmt_since(const struct fmt *f, int64_t ms)
{
	struct civil c;

	(void)clock_civil(ms, f->zone, &c);
	if (c.day_number == f->today.day_number)
		return fill(f, STR_DATE_TIME, &c);
	if (c.day_number == f->today.day_number - 1)
		return fill(f, STR_DATE_SINCE_YESTERDAY, &c);
	return fill(f, c.year == f->today.year ? STR_DATE_MOMENT : STR_DATE_MOMENT_YEAR, &c);
}

const char *
fmt_number(const struct fmt *f, int64_t n)
{
	char out[32], *p = out + sizeof(out);
	uint64_t u = n < 0 ? 0 : (uint64_t)n;
	int digit = 0;

	*--p = '\0';
	do {
		if (digit > 0 && digit % 3 == 0)
			*--p = ',';
		*--p = (char)('0' + u % 10);
		digit++;
	} while ((u /= 10) != 0);
	return arena_dup(f->a, p);
}

const char *
fmt_count(int64_t n)
{
	static char small[100][3];
	char *p;

	if (n < 0 || n > 99)
		return "99+";
	p = small[n];
	if (p[0] == '\0') {
		if (n > 9)
			(void)two(p, (int)n);
		else
			p[0] = (char)('0' + n);
	}
	return p;
}

const char *
fmt_day(const struct fmt *f, const struct civil *c)
{
	return fill(f, c->year == f->today.year ? STR_DATE_DAY : STR_DATE_DAY_YEAR, c);
}

const char *
fmt_money(const struct fmt *f, const char *value, const char *currency)
{
	const char *dot = strchr(value, '.'), *sign = *value == '-' ? "-" : "", *whole;
	int64_t n;

	if (currency == NULL)
		currency = "";
	whole = arena_dupn(f->a, value + strlen(sign), dot != NULL ? (size_t)(dot - value) - strlen(sign) :
	    strlen(value + strlen(sign)));
	if (whole == NULL || !str_int(whole, &n))
		return value;
	/* Half a euro is 0.50. */
	return arena_printf(f->a, "%s%s%s%s %s", sign, fmt_number(f, n), dot != NULL ? dot : "",
	    dot != NULL && dot[1] != '\0' && dot[2] == '\0' ? "0" : "", currency);
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
fmt_left(const struct fmt *f, int64_t ms, bool brief)
{
	int min = ms < MS_MINUTE ? 1 : ms > 30 * MS_DAY ? 30 * 24 * 60 : (int)(ms / MS_MINUTE), hours = min / 60;
	enum str_id id = hours >= 48 ? STR_LEFT_DAYS : hours == 0 ? STR_LEFT_MINUTES :
	    brief ? STR_LEFT_HOURS_BRIEF : STR_LEFT_HOURS;

	return cat_fill(f->a, cat_str(f->cats, f->lang, id), "n",
	    number(f->a, hours >= 48 ? hours / 24 : hours > 0 ? hours : min), "min", number(f->a, min % 60), NULL);
}

const char *
fmt_size(const struct fmt *f, int64_t bytes)
{
	const char *n;
	int64_t unit;

	if (bytes <= 0)
		return NULL;
	if (bytes < 1000)
		return cat_fill(f->a, cat_str(f->cats, f->lang, STR_SIZE_B),
		    "n", number(f->a, (int)bytes), NULL);
	if (bytes < 1000000)
		return cat_fill(f->a, cat_str(f->cats, f->lang, STR_SIZE_KB),
		    "n", number(f->a, (int)((bytes + 500) / 1000)), NULL);
	unit = bytes < 1000000000 ? 1000000 : 1000000000;
	n = arena_printf(f->a, "%lld.%lld", (long long)(bytes / unit), (long long)(bytes / (unit / 10) % 10));
	return cat_fill(f->a, cat_str(f->cats, f->lang, unit == 1000000 ? STR_SIZE_MB : STR_SIZE_GB), "n", n, NULL);
}

static const char *
speak_time(const void *arg, int64_t ms)
{
	return fmt_since(arg, ms);
}

static const char *
speak_day(const void *arg, int64_t ms)
{
	return fmt_moment(arg, ms);
}

static const char *
speak_number(const void *arg, int64_t n)
{
	return fmt_number(arg, n);
}

static const char *
speak_size(const void *arg, int64_t bytes)
{
	return fmt_size(arg, bytes);
}

struct speech
fmt_speech(const struct fmt *f)
{
	return (struct speech){ .a = f->a, .cats = f->cats, .lang = f->lang, .time = speak_time, .day = speak_day,
	    .number = speak_number, .size = speak_size, .arg = f };
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
	char out[16];
	size_t n, m;

	if (str_blank(name))
		return "?";
	n = char_len(name);
	/* Japanese, Chinese and Korean names: the family name's first character says enough. */
	if ((unsigned char)name[0] >= 0xe3)
		return arena_dupn(f->a, name, n);
	space = strrchr(name, ' ');
	m = space == NULL ? 0 : char_len(space + 1);
	if (n + m > sizeof(out))
		return "?";
	memcpy(out, name, n);
	if (m > 0)
		memcpy(out + n, space + 1, m);
	return arena_dupn(f->a, out, n + m);
}

int64_t
fmt_day_start(const struct fmt *f, const char *text, int64_t dflt)
{
	int64_t day = clock_parse_day(text);

	return day < 0 ? dflt : clock_shown(day, f->zone);
}

const char *
fmt_date_of(const struct req *r, const char *name)
{
	const char *s = req_query(r, name);

	return s != NULL && strlen(s) == 10 && s[strspn(s, "0123456789-")] == '\0' ? s : "";
}
