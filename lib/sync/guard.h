/* SPDX-License-Identifier: MIT */
/*
 * guard.h - is this inbox as safe as it could be?  What an admin can see to:
 * who may read its files, what a web server could hand out, what is switched
 * off, how old the programs around it are.
 *
 * One table of looks for the page /health/security and for `inboxctl security`;
 * each adds lines of what was looked at, what was found, what to do, in the
 * reader's language.  Files are named by their settings, never by their paths, and
 * nothing secret is in a line.  Nothing is changed.
 */
#ifndef IB_GUARD_H
#define IB_GUARD_H

#include "../base/cat.h"
#include "../base/conf.h"

enum guard_group { GUARD_FILES, GUARD_WEB, GUARD_PROGRAMS, GUARD_GROUPS };
enum guard_result { GUARD_OK, GUARD_ATTENTION, GUARD_BROKEN };

struct guard_line {
	enum guard_group group;
	enum guard_result result;
	const char	*name, *found;
	const char	*todo;		/* NULL: nothing */
};

#define GUARD_LINES	32

struct guard {
	/* From the caller: */
	struct arena	*a;
	const struct conf *conf;
	const struct cats *cats;
	enum lang	 lang;
	bool		 request;	/* a web server asks: what it says is in the next four */
	const char	*document_root, *server, *address, *forwarded;	/* NULL: it does not say */
	/* Found: */
	struct guard_line line[GUARD_LINES];
	size_t		 n;
};

/* What can be seen from here.  Never fails: what cannot be looked at is a line that says so. */
void guard_look(struct guard *g);
/* Besides, the public address as a browser sees it: makes one call. */
void guard_look_outside(struct guard *g);

#endif
