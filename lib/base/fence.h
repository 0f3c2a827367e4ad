/* SPDX-License-Identifier: MIT */
/*
 * fence.h - what a program gives up once it has everything in hand.
 *
 * For inbox.fcgi and inbox-sync, which read what strangers send: no new
 * privileges; no core file, and no look into their memory by other programs of the
 * account; little memory and few files; and, where the kernel has Landlock
 * (Linux 5.13), only these places:
 *
 *   to read and write   the folder of the database, media_dir; for inbox.fcgi that of
 *                       the apps' file too
 *   to read             templates, catalogues, static files, what the system's
 *                       libraries need (/etc, /usr, /lib, time zones, CAs)
 *   nothing else        no other folder of the account; no program is started,
 *                       no port opened for others
 *
 * Nothing here fails: what cannot be had is left out, and said in the log.  The
 * setting `fence = no` leaves all of it out.
 */
#ifndef IB_FENCE_H
#define IB_FENCE_H

#include "conf.h"

struct fence {
	bool		 wanted;	/* the setting */
	int		 landlock;	/* version in force; 0: none */
	const char	*why;		/* then, for the log */
};

/*
 * From here on, for this process and its children.  One thread alone may be
 * running.  web: the set-up in the browser may write the apps' file (conf.h).  cpu_s: seconds of computing after which it is ended, 0 = no limit.
 * quiet: a process that is started anew all the time says only in the debug log
 * what is missing.
 */
void fence_up(const struct conf *conf, bool web, int64_t cpu_s, bool quiet);
/* What fence_up() could do. */
const struct fence *fence_state(void);
/* Version of Landlock that this kernel offers; 0: none, *why says why. */
int fence_kernel(const char **why);

#endif
