/* SPDX-License-Identifier: MIT */
/*
 * tap.h - a unit test is a program that prints TAP.
 *
 * Checks never stop the program; done_testing() prints the plan and is the
 * value of main(): return done_testing();  The macros return whether the
 * check passed.  A name is a printf format with its arguments.
 */
#ifndef IB_TAP_H
#define IB_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Built with sanitizers. */
#if defined(__SANITIZE_ADDRESS__)
#define IB_WATCHED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IB_WATCHED
#endif
#endif

#define ok(cond, ...) \
	tap_ok((cond) ? true : false, __FILE__, __LINE__, #cond, __VA_ARGS__)
#define is_str(got, want, ...) \
	tap_is_str((got), (want), __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, want, ...) \
	tap_is_int((int64_t)(got), (int64_t)(want), __FILE__, __LINE__, __VA_ARGS__)
#define diag(...) \
	((void)printf("# " __VA_ARGS__), (void)printf("\n"))

static int tap_count, tap_failed;

static inline bool __attribute__((format(printf, 4, 0)))
tap_result(bool pass, const char *file, int line, const char *fmt, va_list ap)
{
	tap_count++;
	printf("%s %d - ", pass ? "ok" : "not ok", tap_count);
	vprintf(fmt, ap);
	putchar('\n');
	if (!pass) {
		tap_failed++;
		printf("#   at %s:%d\n", file, line);
	}
	fflush(stdout);		/* nothing is lost in a crash or doubled by a fork */
	return pass;
}

static inline bool __attribute__((format(printf, 5, 6)))
tap_ok(bool pass, const char *file, int line, const char *expr, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tap_result(pass, file, line, fmt, ap);
	va_end(ap);
	if (!pass)
		printf("#   false: %s\n", expr);
	return pass;
}

static inline bool __attribute__((format(printf, 5, 6)))
tap_is_str(const char *got, const char *want, const char *file, int line, const char *fmt, ...)
{
	bool pass = got == NULL || want == NULL ? got == want : strcmp(got, want) == 0;
	va_list ap;

	va_start(ap, fmt);
	tap_result(pass, file, line, fmt, ap);
	va_end(ap);
	if (!pass) {
		printf("#   got:  %s\n", got == NULL ? "NULL" : got);
		printf("#   want: %s\n", want == NULL ? "NULL" : want);
	}
	return pass;
}

static inline bool __attribute__((format(printf, 5, 6)))
tap_is_int(int64_t got, int64_t want, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tap_result(got == want, file, line, fmt, ap);
	va_end(ap);
	if (got != want)
		printf("#   got:  %" PRId64 "\n#   want: %" PRId64 "\n", got, want);
	return got == want;
}

static inline int
done_testing(void)
{
	printf("1..%d\n", tap_count);
	if (tap_failed > 0)
		printf("# %d of %d failed\n", tap_failed, tap_count);
	return tap_failed > 0 || tap_count == 0 ? 1 : 0;
}

#endif
