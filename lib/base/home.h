/* SPDX-License-Identifier: MIT */
/*
 * home.h - where the program is installed: its folders, its configuration.
 *
 * From where `make install` put it; or, unpacked from an archive, from where that
 * lies now, which the archive's launcher says (bundle/launch.c).  Answers are
 * static and good for ever.  Later versions lie below that folder (cron/ctl_upgrade.c):
 * they have their own parts, and share its configuration.
 */
#ifndef IB_HOME_H
#define IB_HOME_H

enum home_place { HOME_PO, HOME_TEMPLATES, HOME_STATIC, HOME_WEB, HOME_SERVERS, HOME_PLACES };

/* `set` when it says something, else the installed folder.  Never NULL. */
const char *home_folder(const char *set, enum home_place place);
/* The configuration file when none is named: $INBOX_CONF, or the usual place. */
const char *home_conf(void);
/* Below this everything lies that `make install` or the archive brought. */
const char *home_prefix(void);
/* The folder of this version's own parts; NULL when it was not unpacked from an archive. */
const char *home_parts(void);
/* Folder of the configuration and the keys; folder of the database and the files. */
const char *home_etc(void);
const char *home_var(void);
/* The program file that runs, when the launcher knows better than the kernel; or NULL. */
const char *home_program(void);
/* Folder of the time zones, with a slash at the end. */
const char *home_zones(void);

#endif
