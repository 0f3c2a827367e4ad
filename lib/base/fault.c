/* SPDX-License-Identifier: MIT */
/*
 * fault.c - see fault.h.  State of the process: the orders of INBOX_FAULT and
 * the counters.  Allocates nothing, so that it can break allocation.
 */
#include "fault.h"

#ifdef IB_FAULT_INJECTION

#include "str.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ORDERS_MAX	8

enum { KILL = -1 };

static const char *const point_names[FAULT_POINTS] = {
	[FAULT_COMMIT] = "commit", [FAULT_COMMITTED] = "committed",
	[FAULT_CALL_BEFORE] = "call-before", [FAULT_CALL_AFTER] = "call-after",
	[FAULT_DB_BEGIN] = "db-begin", [FAULT_DB_STEP] = "db-step", [FAULT_ALLOC] = "alloc",
	[FAULT_WORK] = "work", [FAULT_STEP] = "step"
};

static const struct { const char *name; int act; } acts[] = {
	{ "kill", KILL }, { "fail", FAULT_FAIL }, { "full", FAULT_FULL },
	{ "ioerr", FAULT_IOERR }, { "busy", FAULT_BUSY }
};

static struct order {
	enum fault_point point;
	int64_t		 nth;
	bool		 on;		/* and every later one */
	int		 act;
} orders[ORDERS_MAX];
static size_t norders;
static int64_t hits[FAULT_POINTS];
static bool armed, counting;
static char count_file[256];

static void __attribute__((noreturn))
bad(const char *text)
{
	(void)fprintf(stderr, "INBOX_FAULT: cannot read \"%s\"\n", text);
	_exit(2);
}

/* "point:n=act" or "point:n+=act"; p is ours to cut up. */
static void
read_order(char *p, const char *all)
{
	struct order *o = &orders[norders];
	char *n = strchr(p, ':'), *act = n != NULL ? strchr(n, '=') : NULL;
	size_t i;

	if (act == NULL || norders == ORDERS_MAX)
		bad(all);
	*n++ = '\0';
	*act++ = '\0';
	if ((o->on = act - n > 1 && act[-2] == '+'))
		act[-2] = '\0';
	for (i = 0; i < FAULT_POINTS && strcmp(point_names[i], p) != 0; i++)
		;
	if (i == FAULT_POINTS || !str_int_in(n, 1, INT64_MAX, &o->nth))
		bad(all);
	o->point = (enum fault_point)i;
	for (i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (strcmp(acts[i].name, act) == 0) {
			o->act = acts[i].act;
			norders++;
			return;
		}
	bad(all);
}

static void
tell(void)
{
	int fd = STDERR_FILENO, n = 0, i;
	char line[512];

	if (*count_file != '\0' &&
	    (fd = open(count_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) < 0)
		return;
	n = snprintf(line, sizeof(line), "fault-points");
	for (i = 0; i < FAULT_POINTS; i++)
		n += snprintf(line + n, sizeof(line) - (size_t)n, " %s=%lld", point_names[i],
		    (long long)hits[i]);
	line[n++] = '\n';
	(void)!write(fd, line, (size_t)n);
	if (fd != STDERR_FILENO)
		(void)close(fd);
}

static void
count(const char *file)
{
	(void)snprintf(count_file, sizeof(count_file), "%s", file);
	if (!counting)
		(void)atexit(tell);
	counting = true;
}

void
fault_arm(void)
{
	const char *text = getenv("INBOX_FAULT");
	char copy[512], *p, *next;
	size_t n;

	memset(hits, 0, sizeof(hits));
	norders = 0;
	armed = text != NULL && *text != '\0';
	if (!armed)
		return;
	if ((n = strlen(text)) >= sizeof(copy))
		bad(text);
	memcpy(copy, text, n + 1);
	for (p = copy; p != NULL; p = next) {
		if ((next = strchr(p, ',')) != NULL)
			*next++ = '\0';
		if (strcmp(p, "count") == 0)
			count("");
		else if (strncmp(p, "count=", 6) == 0)
			count(p + 6);
		else
			read_order(p, text);
	}
}

enum fault_act
fault(enum fault_point point)
{
	const struct order *o;

	if (!armed)
		return FAULT_NONE;
	hits[point]++;
	for (o = orders; o < orders + norders; o++) {
		if (o->point != point || (hits[point] != o->nth && (!o->on || hits[point] < o->nth)))
			continue;
		if (o->act != KILL)
			return (enum fault_act)o->act;
		(void)raise(SIGKILL);
	}
	return FAULT_NONE;
}

#else

/* A file must declare something. */
extern const int fault_injection_is_off;
const int fault_injection_is_off = 1;

#endif
