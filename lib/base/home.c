/* SPDX-License-Identifier: MIT */
/*
 * home.c - where the program is installed.
 *
 * The environment is read once.  Visitors cannot set these variables: what a
 * request brings is named HTTP_... there.  Nothing here fails; a path that is
 * too long to be one falls back to the place of `make install`.
 */
#include "home.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef PREFIX
#define PREFIX "/usr/local"
#endif
#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif
#ifndef STATEDIR
#define STATEDIR "/var/lib/messenger-inbox"
#endif
#ifndef PKGDATADIR
#define PKGDATADIR "/usr/share/messenger-inbox"
#endif
#define ZONES	"/usr/share/zoneinfo/"

static char prefix[PATH_MAX], data[PATH_MAX + 32], etc[PATH_MAX + 32], var[PATH_MAX + 32], conf[PATH_MAX + 64];
static char folders[HOME_PLACES][PATH_MAX + 64], zones[PATH_MAX];

static const char *
said(const char *name)
{
	const char *v = getenv(name);

	return v != NULL && *v == '/' && strlen(v) < PATH_MAX - 1 ? v : NULL;
}

static void
find(void)
{
	static const char *const names[HOME_PLACES] = {
		[HOME_PO] = "po", [HOME_TEMPLATES] = "templates", [HOME_STATIC] = "static", [HOME_WEB] = "web",
		[HOME_SERVERS] = "servers"
	};
	const char *home = said("INBOX_HOME"), *parts = home_parts();
	int i;

	if (prefix[0] != '\0')
		return;
	(void)snprintf(prefix, sizeof(prefix), "%s", home != NULL ? home : PREFIX);
	if (home != NULL) {
		(void)snprintf(data, sizeof(data), "%s/share/messenger-inbox", parts);
		(void)snprintf(etc, sizeof(etc), "%s/etc/messenger-inbox", prefix);
		(void)snprintf(var, sizeof(var), "%s/var/messenger-inbox", prefix);
	} else {
		(void)snprintf(data, sizeof(data), PKGDATADIR);
		(void)snprintf(etc, sizeof(etc), SYSCONFDIR);
		(void)snprintf(var, sizeof(var), STATEDIR);
	}
	(void)snprintf(conf, sizeof(conf), "%s/inbox.conf", etc);
	for (i = 0; i < HOME_PLACES; i++)
		(void)snprintf(folders[i], sizeof(folders[i]), "%s/%s", data, names[i]);
}

const char *
home_folder(const char *set, enum home_place place)
{
	if (set != NULL && *set != '\0')
		return set;
	find();
	return folders[place];
}

const char *
home_conf(void)
{
	const char *named = getenv("INBOX_CONF");

	find();
	return named != NULL && *named != '\0' ? named : conf;
}

const char *
home_prefix(void)
{
	find();
	return prefix;
}

const char *
home_parts(void)
{
	const char *parts = said("INBOX_PARTS");

	return parts != NULL ? parts : said("INBOX_HOME");
}

const char *
home_etc(void)
{
	find();
	return etc;
}

const char *
home_var(void)
{
	find();
	return var;
}

const char *
home_program(void)
{
	return said("INBOX_PROGRAM");
}

const char *
home_zones(void)
{
	const char *brought = said("INBOX_ZONES");

	if (zones[0] == '\0')
		(void)snprintf(zones, sizeof(zones), "%s%s", brought != NULL ? brought : ZONES, brought != NULL ? "/" : "");
	return zones;
}
