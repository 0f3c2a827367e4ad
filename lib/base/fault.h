/* SPDX-License-Identifier: MIT */
/*
 * fault.h - named places where a test may break the program on purpose.
 *
 * Compiled in by configure --enable-fault-injection only; in any other build
 * fault() is a constant and nothing of this is in the programs.  A test says
 * what shall happen in the environment:
 *
 *   INBOX_FAULT=commit:3=kill          before the third COMMIT: SIGKILL
 *   INBOX_FAULT=db-step:7+=full        the seventh step and all later ones: disk full
 *   INBOX_FAULT=call-after:1=kill,...  several, separated by commas
 *   INBOX_FAULT=count                  nothing; at exit one line on standard error
 *                                      tells how often each point was passed
 *   INBOX_FAULT=count=FILE             the same, appended to FILE
 *
 * Hits are counted from fault_arm() on, which a program calls when it is
 * ready: what fails before is a start that failed.  A child goes on counting
 * where its parent was.  A text that cannot be read ends the program (2).
 */
#ifndef IB_FAULT_H
#define IB_FAULT_H

enum fault_point {
	FAULT_COMMIT,		/* "commit": before a transaction (or a single writing statement) ends */
	FAULT_COMMITTED,	/* "committed": after it */
	FAULT_CALL_BEFORE,	/* "call-before": before a request leaves */
	FAULT_CALL_AFTER,	/* "call-after": its answer is here, nobody has seen it */
	FAULT_DB_BEGIN,		/* "db-begin": full, ioerr, busy */
	FAULT_DB_STEP,		/* "db-step": full, ioerr (the transaction is gone), busy */
	FAULT_ALLOC,		/* "alloc": fail; arenas and growing buffers */
	FAULT_WORK,		/* "work": fail; a CGI process leaves what follows its answer to others */
	FAULT_STEP,		/* "step": before each step of an upgrade, a rollback or a removal */
	FAULT_POINTS
};
enum fault_act { FAULT_NONE, FAULT_FAIL, FAULT_FULL, FAULT_IOERR, FAULT_BUSY };

#ifdef IB_FAULT_INJECTION
void fault_arm(void);
/* Passing this point: what shall fail here.  Does not return when it is `kill`. */
enum fault_act fault(enum fault_point p);
#else
#define fault_arm()	((void)0)
#define fault(p)	((void)(p), FAULT_NONE)
#endif

#endif
