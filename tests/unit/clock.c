/* SPDX-License-Identifier: MIT */
/* Tests of clock.h: replaced time, zones, summer time, ISO dates. */
#include "clock.h"
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static void
test_now(void)
{
	char path[] = "/tmp/ib-clock-XXXXXX";
	int64_t real = clock_now(), mono, us;
	int fd;

	ok(real > INT64_C(1700000000000), "milliseconds since 1970");
	clock_set(INT64_C(1795341600123));
	is_int(clock_now(), INT64_C(1795341600123), "replaced");
	clock_set(0);
	ok(clock_now() >= real && clock_now() < real + MS_MINUTE, "the real one again");
	mono = clock_mono();
	us = clock_mono_us();
	ok(clock_mono() >= mono && us >= mono * 1000 && us < mono * 1000 + 60000000, "monotonic, two units");

	fd = mkstemp(path);
	ok(fd >= 0, "a file");
	clock_set_offset_file(path);
	ok(clock_now() < real + MS_MINUTE, "an empty file moves nothing");
	ok(pwrite(fd, "86400000\n", 9, 0) == 9, "write a day");
	ok(clock_now() >= real + MS_DAY && clock_now() < real + MS_DAY + MS_MINUTE, "moved by it");
	ok(ftruncate(fd, 0) == 0 && clock_now() >= real + MS_DAY, "the last number holds in a rewrite");
	ok(pwrite(fd, "-3600000", 8, 0) == 8, "write an hour back");
	ok(clock_now() < real && clock_now() >= real - MS_HOUR, "read at each call");
	ok(ftruncate(fd, 0) == 0 && pwrite(fd, "12x", 3, 0) == 3 && clock_now() < real, "no number: ignored");
	clock_set(5);
	is_int(clock_now(), 5, "clock_set is stronger");
	clock_set(0);
	clock_set_offset_file(NULL);
	ok(clock_now() >= real && clock_now() < real + MS_MINUTE, "no file, no offset");
	close(fd);
	unlink(path);
	clock_set_offset_file(path);
	ok(clock_now() >= real, "a missing file moves nothing");
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	ok(fd >= 0 && write(fd, "86400000", 8) == 8 && clock_now() >= real + MS_DAY, "until it is there");
	clock_set_offset_file("");
	close(fd);
	unlink(path);
}

static void
is_civil(const char *iso, const char *tz, const char *want)
{
	static const char *const day[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	struct civil c;
	char got[80];
	bool known = clock_civil(clock_parse_iso(iso), tz, &c);

	snprintf(got, sizeof(got), "%04d-%02d-%02d %02d:%02d:%02d %s %s%s", c.year, c.month, c.day,
	    c.hour, c.minute, c.second, day[c.wday], c.offset, known ? "" : " ?");
	is_str(got, want, "%s in %s", iso, tz == NULL ? "NULL" : tz);
}

static void
test_zones(void)
{
	static const char *const bad[] = { "", "/etc/passwd", "../../etc/passwd", "Europe/../../etc/passwd",
	    "Europe", "Nowhere/City", "Asia/Tokyo ", ":Asia/Tokyo", "EST5EDT,M3.2.0", "leapseconds",
	    "tzdata.zi", "right/Europe/Helsinki", "Asia/Tokyo\n",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	struct civil c, d;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!clock_zone_ok(bad[i]), "no zone: '%s'", bad[i]);
	ok(!clock_zone_ok(NULL), "no zone: NULL");
	ok(clock_zone_ok("UTC") && clock_zone_ok("Asia/Tokyo") && clock_zone_ok("Etc/GMT+5") &&
	    clock_zone_ok("America/Argentina/Buenos_Aires"), "zones");

	is_civil("2026-11-22T10:00:11Z", "UTC", "2026-11-22 10:00:11 Sun +00:00");
	is_civil("2026-11-22T10:00:11Z", "Asia/Tokyo", "2026-11-22 19:00:11 Sun +09:00");
	is_civil("2026-11-22T15:00:00Z", "Asia/Tokyo", "2026-11-23 00:00:00 Mon +09:00");
	/* Helsinki: the clock goes on at 01:00 UTC in March and back in October. */
	is_civil("2026-03-29T00:59:59Z", "Europe/Helsinki", "2026-03-29 02:59:59 Sun +02:00");
	is_civil("2026-03-29T01:00:00Z", "Europe/Helsinki", "2026-03-29 04:00:00 Sun +03:00");
	is_civil("2026-10-25T00:59:59Z", "Europe/Helsinki", "2026-10-25 03:59:59 Sun +03:00");
	is_civil("2026-10-25T01:00:00Z", "Europe/Helsinki", "2026-10-25 03:00:00 Sun +02:00");
	is_civil("2026-11-22T10:00:00Z", "Pacific/Kiritimati", "2026-11-23 00:00:00 Mon +14:00");
	is_civil("2026-11-22T10:59:59Z", "Pacific/Niue", "2026-11-21 23:59:59 Sat -11:00");
	is_civil("2028-02-28T23:00:00Z", "Europe/Helsinki", "2028-02-29 01:00:00 Tue +02:00");
	is_civil("2100-02-28T23:00:00Z", "Asia/Tokyo", "2100-03-01 08:00:00 Mon +09:00");
	is_civil("2026-11-22T10:00:00Z", "Asia/Kathmandu", "2026-11-22 15:45:00 Sun +05:45");
	is_civil("2026-11-22T10:00:00Z", "America/St_Johns", "2026-11-22 06:30:00 Sun -03:30");
	is_civil("2026-11-22T10:00:11Z", "Nowhere/City", "2026-11-22 10:00:11 Sun +00:00 ?");
	is_civil("2026-11-22T10:00:11Z", "../x", "2026-11-22 10:00:11 Sun +00:00 ?");
	is_civil("2026-11-22T10:00:11Z", NULL, "2026-11-22 10:00:11 Sun +00:00 ?");
	/* The zone before a bad one is not what remains. */
	is_civil("2026-11-22T10:00:11Z", "Asia/Tokyo", "2026-11-22 19:00:11 Sun +09:00");
	is_civil("2026-11-22T10:00:11Z", "UTC", "2026-11-22 10:00:11 Sun +00:00");
	is_civil("2026-11-22T10:00:11Z", "Asia/Tokyo", "2026-11-22 19:00:11 Sun +09:00");

	is_int(clock_parse_http("Sun, 22 Nov 2026 10:00:11 GMT"), clock_parse_iso("2026-11-22T10:00:11Z"), "the date of HTTP");
	ok(clock_parse_http("Sun, 22 Nov 2026 10:00:11") == -1 && clock_parse_http("Sun, 22 Nov 2026 10:00:11 GMT+1") == -1 &&
	    clock_parse_http("yesterday") == -1 && clock_parse_http("") == -1 && clock_parse_http(NULL) == -1, "and none");

	clock_civil(0, "UTC", &c);
	is_int(c.day_number, 0, "day 0");
	clock_civil(-1, "UTC", &c);
	ok(c.day_number == -1 && c.year == 1969 && c.second == 59, "the ms before");
	clock_civil(clock_parse_iso("2026-11-22T14:59:59.999Z"), "Asia/Tokyo", &c);
	clock_civil(clock_parse_iso("2026-11-22T15:00:00Z"), "Asia/Tokyo", &d);
	is_int(d.day_number - c.day_number, 1, "days change at midnight of the zone");
	clock_civil(INT64_MAX, "Asia/Tokyo", &c);
	clock_civil(INT64_MIN, "Pacific/Niue", &d);
	ok(c.year == 9999 && d.year == 1, "absurd times stay in four digits of year");
}

static void
test_iso(void)
{
	static const struct { const char *s; int64_t want; } t[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2026-11-22T10:00:11Z", INT64_C(1795341611000) },
		{ "2026-11-22T10:00:11+0000", INT64_C(1795341611000) },
		{ "2026-11-22T10:00:11+00:00", INT64_C(1795341611000) },
		{ "2026-11-22T12:00:11+02:00", INT64_C(1795341611000) },
		{ "2026-11-22T06:30:11-0330", INT64_C(1795341611000) },
		{ "2026-11-22T10:00:11.5Z", INT64_C(1795341611500) },
		{ "2026-11-22T10:00:11.042Z", INT64_C(1795341611042) },
		{ "2026-11-22T10:00:11.123456789Z", INT64_C(1795341611123) },
		{ "2026-11-22 10:00:11", INT64_C(1795341611000) },
		{ "2026-11-22 10:00", INT64_C(1795341600000) },
		{ "2024-02-29T00:00:00Z", INT64_C(1709164800000) },
		{ "2000-02-29T00:00:00Z", INT64_C(951782400000) },
		{ "2000-03-01T00:00:00Z", INT64_C(951868800000) },
		{ "2016-12-31T23:59:60Z", INT64_C(1483228800000) },
		{ "9999-12-31T23:59:59Z", INT64_C(253402300799000) },
		{ "2023-02-29T00:00:00Z", -1 }, { "2100-02-29T00:00:00Z", -1 },
		{ "2026-13-01T00:00:00Z", -1 }, { "2026-00-01T00:00:00Z", -1 },
		{ "2026-04-31T00:00:00Z", -1 }, { "2026-01-00T00:00:00Z", -1 },
		{ "2026-11-22T24:00:00Z", -1 }, { "2026-11-22T10:60:00Z", -1 },
		{ "2026-11-22T10:00:61Z", -1 }, { "2026-11-22T10:00:11", -1 },
		{ "2026-11-22T10:00Z", -1 }, { "2026-11-22T10:00:11.Z", -1 },
		{ "2026-11-22T10:00:11ZZ", -1 }, { "2026-11-22T10:00:11+2", -1 },
		{ "2026-11-22T10:00:11+24:00", -1 }, { "2026-11-22T10:00:11+0260", -1 },
		{ "2026-11-22", -1 }, { "26-11-22T10:00:11Z", -1 }, { " 2026-11-22T10:00:11Z", -1 },
		{ "1969-12-31T23:59:59Z", -1 }, { "", -1 }, { NULL, -1 }, { "2026-11-22t10:00:11Z", -1 },
	};
	char out[25];
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		is_int(clock_parse_iso(t[i].s), t[i].want, "iso '%s'", t[i].s == NULL ? "NULL" : t[i].s);
	clock_iso(INT64_C(1795341611999), out);
	is_str(out, "2026-11-22T10:00:11Z", "written");
	clock_iso(0, out);
	is_str(out, "1970-01-01T00:00:00Z", "epoch");
	clock_iso(INT64_MAX, out);
	is_int(strlen(out), 20, "absurd time");
}

int
main(void)
{
	test_now();
	test_zones();
	test_iso();
	return done_testing();
}
