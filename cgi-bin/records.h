/* SPDX-License-Identifier: MIT */
/*
 * records.h - may this be handed to libfcgi?
 *
 * libfcgi believes what the web server says: lengths become memory, questions about the
 * program an answer in 64 bytes, however often they are asked, and an environment that is
 * cut short a request.  The web server is taken to be broken, or somebody else: all that
 * comes over a connection is looked at here first, and goes on only if it is
 *
 *	BEGIN  one request for a responder, of any number but 0
 *	ENV    its environment: records of whole pairs, together at most RECORDS_ENV_MAX
 *	BODY   its body: records of any length, then an empty one
 *	OVER   what comes now nobody reads
 *
 * in this order, all of it for the one request.  The answer to anything else is an end
 * of the connection: no web server speaks so (docs/servers has those that are tested).
 *
 * FastCGI specification 1.0, sections 3 and 5.
 */
#ifndef IB_RECORDS_H
#define IB_RECORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Servers let less through: Apache, as the most generous, 100 fields of 8190 bytes. */
#define RECORDS_ENV_MAX	((size_t)1 << 20)

enum records_phase { RECORDS_BEGIN, RECORDS_ENV, RECORDS_BODY, RECORDS_OVER };

struct records {
	enum records_phase phase;
	const char	*why;		/* what was wrong, for the log; NULL while nothing is */
	bool		 nul;		/* a variable has a NUL in it, and would be understood by half */
	unsigned char	 head[8], role[8];
	unsigned	 nhead, nrole;	/* of these, how many have come */
	unsigned	 id, content, padding;	/* of the record at hand, the last two still to come */
	unsigned	 type;
	size_t		 env;		/* bytes of the environment so far */
	unsigned	 lengths;	/* of the pair at hand known: 0, 1, 2 */
	unsigned	 more;		/* bytes of a length still to come */
	size_t		 length[2];	/* of name and value */
	size_t		 left;		/* of both together */
};

/* For the next connection. */
void records_init(struct records *r);
/* The next n bytes of a connection.  False: they are not to be handed on, nor any after them. */
bool records_take(struct records *r, const void *p, size_t n);

#endif
