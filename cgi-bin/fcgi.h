/* SPDX-License-Identifier: MIT */
/*
 * fcgi.h - FastCGI as a worker speaks it: one request over one connection.
 *
 *	fcgi_init                       once for a worker
 *	fcgi_open                       over an accepted connection: the environment is there
 *	fcgi_body ... fcgi_write ...    what comes and what goes
 *	fcgi_close                      the answer is complete, the connection ends
 *
 * The web server is taken to be broken, or somebody else: lengths are caps, not
 * promises, what comes out of order ends the connection, and nobody waits for ever.
 */
#ifndef IB_FCGI_H
#define IB_FCGI_H

#include "../lib/base/buf.h"

#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#define FCGI_ENV_MAX	1000			/* variables of a request */
#define FCGI_PARAMS_MAX	((size_t)256 << 10)	/* bytes of them */
#define FCGI_SMALL	6000			/* an answer that leaves in one piece with its end */
#define FCGI_PIECES_MAX	2			/* of one write */

struct fcgi {
	int		 fd;
	bool		 local;		/* the socket is of this machine, not of a network */
	unsigned	 id;		/* of the request; 0: none yet */
	unsigned	 content, padding;	/* of the record at hand, still to come */
	unsigned	 asides;	/* records so far that brought the request no further */
	time_t		 wait_s, waits_s;	/* longest wait for bytes, as it shall be and as it is set */
	int64_t		 end_ms;	/* when nothing more is waited for; 0: no such time */
	bool		 over, broken;	/* the body: read to its end; broken off */
	bool		 direct;	/* the answer is on its way */
	int		 refuse;	/* the status that the environment earns by itself, or 0 */
	struct ib_buf	 params;	/* as they came, then the environment in place */
	char		*env[FCGI_ENV_MAX + 1];
	size_t		 in_at, in_len, out_len;
	unsigned char	 in[16384];
	unsigned char	 out[8 + FCGI_SMALL];	/* behind room for the record's head */
};

void fcgi_init(struct fcgi *f, bool local);
void fcgi_fini(struct fcgi *f);
/*
 * Reads up to the end of the environment, which is in f->env until fcgi_close.
 * NULL; or why there is no request: then fd, which it owns, is closed.
 */
IB_MUST const char *fcgi_open(struct fcgi *f, int fd);
/* Next bytes of the body: 0 at its end, -1 when the server broke off. */
IB_MUST ssize_t fcgi_body(struct fcgi *f, void *p, size_t n);
/* All of it, in order; v is changed.  False: the server is gone, or takes nothing any more. */
IB_MUST bool fcgi_write(struct fcgi *f, struct iovec *v, size_t n);
void fcgi_close(struct fcgi *f);

#endif
