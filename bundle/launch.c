/* SPDX-License-Identifier: MIT */
/*
 * launch.c - starts a program of the ready-made archive with the libraries that
 * the archive brought, wherever it was unpacked.
 *
 * Linked statically, so that it runs on any Linux.  It lies at bin/NAME or
 * libexec/messenger-inbox/NAME; the program, its loader and its libraries lie in
 * lib/messenger-inbox/.  Descriptors, arguments and environment stay as they are
 * but for what home.h reads.  No shell, no /proc, nothing written.
 *
 * Configuration and data stay below the folder that was unpacked first, and so do
 * the launchers that servers and crontabs know.  Later versions lie in versions/NAME
 * below it, and the link `current` says which one counts: "." is the first.  That
 * version's own launcher is called, so that all but this hop comes with a version.
 *
 * Exit code 127, with one line on standard error: the archive is not whole.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define ARGS_MAX	256
#define ZONES		"/usr/share/zoneinfo"

static char self[PATH_MAX], home[PATH_MAX], parts[PATH_MAX], current[PATH_MAX + 16], chosen[PATH_MAX], libs[PATH_MAX + 32],
    loader[PATH_MAX + 64], program[PATH_MAX + PATH_MAX], watched[PATH_MAX + PATH_MAX], zones[PATH_MAX + 64];

static int
broken(const char *what)
{
	fprintf(stderr, "%s: %s: unpack the archive again, as a whole\n", self, what);
	return 127;
}

/* Takes the last name off the path; what it was, or NULL. */
static const char *
leave(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash == NULL)
		return NULL;
	*slash = '\0';
	return slash + 1;
}

int
main(int argc, char **argv)
{
	/* The path that was executed: the kernel says it, arguments may say anything. */
	const char *name, *folder, *executed = (const char *)getauxval(AT_EXECFN);
	char *args[ARGS_MAX + 8], *slash;
	int i, n = 0;

	if (executed == NULL || realpath(executed, self) == NULL) {
		fprintf(stderr, "%s: cannot find itself: %s\n", argv[0], strerror(errno));
		return 127;
	}
	(void)snprintf(home, sizeof(home), "%s", self);
	name = leave(home);
	folder = leave(home);
	if (folder != NULL && strcmp(folder, "messenger-inbox") == 0)
		(void)leave(home);
	if (name == NULL || folder == NULL || argc > ARGS_MAX)
		return broken("it lies in no folder of the archive");

	/* home: where everything lies; parts: the version that this launcher belongs to. */
	(void)snprintf(parts, sizeof(parts), "%s", home);
	if ((slash = strrchr(home, '/')) != NULL && slash - home > 9 && strncmp(slash - 9, "/versions", 9) == 0)
		slash[-9] = '\0';
	(void)snprintf(current, sizeof(current), "%s/current", home);
	if (realpath(current, chosen) == NULL)
		(void)snprintf(chosen, sizeof(chosen), "%s", home);
	if (strcmp(parts, home) == 0 && strcmp(chosen, home) != 0) {
		(void)snprintf(program, sizeof(program), "%s%s", current, self + strlen(home));
		(void)execv(program, argv);
		return broken(program);
	}

	(void)snprintf(libs, sizeof(libs), "%s/lib/messenger-inbox", parts);
	(void)snprintf(loader, sizeof(loader), "%s/loader", libs);
	(void)snprintf(program, sizeof(program), "%s/%s", libs, name);
	if (access(program, X_OK) != 0)
		return broken(program);
	/* A worker watches this path: with another version there is another program. */
	(void)snprintf(watched, sizeof(watched), "%s/lib/messenger-inbox/%s", strcmp(parts, chosen) == 0 ? current : parts, name);
	if (access(watched, X_OK) != 0)
		(void)snprintf(watched, sizeof(watched), "%s", program);
	(void)snprintf(zones, sizeof(zones), "%s/share/messenger-inbox/zoneinfo", parts);
	if (setenv("INBOX_HOME", home, 1) != 0 || setenv("INBOX_PARTS", parts, 1) != 0 || setenv("INBOX_PROGRAM", watched, 1) != 0 ||
	    (access(ZONES "/Asia/Tokyo", R_OK) != 0 && setenv("INBOX_ZONES", zones, 1) != 0))
		return broken("no memory");

	args[n++] = loader;
	args[n++] = (char[]){ "--inhibit-cache" };
	args[n++] = (char[]){ "--library-path" };
	args[n++] = libs;
	args[n++] = (char[]){ "--argv0" };
	args[n++] = self;
	args[n++] = program;
	for (i = 1; i < argc; i++)
		args[n++] = argv[i];
	args[n] = NULL;
	(void)execv(loader, args);
	return broken(loader);
}
