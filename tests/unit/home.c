/* SPDX-License-Identifier: MIT */
/* Tests of home.h: where things are, as installed and as unpacked from an archive. */
#include "home.h"
#include "tap.h"

#include <stdlib.h>

int
main(void)
{
	/* The environment is read at the first question: this is an unpacked archive. */
	ok(setenv("INBOX_HOME", "/home/u/inbox", 1) == 0 && unsetenv("INBOX_PARTS") == 0 && unsetenv("INBOX_CONF") == 0 &&
	    unsetenv("INBOX_PROGRAM") == 0 && unsetenv("INBOX_ZONES") == 0, "environment");
	is_str(home_prefix(), "/home/u/inbox", "prefix");
	is_str(home_folder("", HOME_PO), "/home/u/inbox/share/messenger-inbox/po", "catalogues");
	is_str(home_folder(NULL, HOME_WEB), "/home/u/inbox/share/messenger-inbox/web", "web");
	is_str(home_folder("/else/where", HOME_PO), "/else/where", "what is set counts");
	is_str(home_conf(), "/home/u/inbox/etc/messenger-inbox/inbox.conf", "configuration");
	is_str(home_etc(), "/home/u/inbox/etc/messenger-inbox", "its folder");
	is_str(home_var(), "/home/u/inbox/var/messenger-inbox", "folder of the database");
	ok(setenv("INBOX_CONF", "/srv/inbox.conf", 1) == 0, "another one");
	is_str(home_conf(), "/srv/inbox.conf", "is taken");
	ok(home_program() == NULL, "no program named");
	ok(setenv("INBOX_PROGRAM", "relative/name", 1) == 0 && home_program() == NULL, "a relative name is none");
	ok(setenv("INBOX_PROGRAM", "/home/u/inbox/lib/messenger-inbox/inbox.fcgi", 1) == 0, "a program");
	is_str(home_program(), "/home/u/inbox/lib/messenger-inbox/inbox.fcgi", "is told");
	is_str(home_parts(), "/home/u/inbox", "its own parts");
	ok(setenv("INBOX_PARTS", "/home/u/inbox/versions/new", 1) == 0, "a later version");
	is_str(home_parts(), "/home/u/inbox/versions/new", "has its own");
	is_str(home_zones(), "/usr/share/zoneinfo/", "zones of the system");
	return done_testing();
}
