/* SPDX-License-Identifier: MIT */
/*
 * records.c - may this be handed to libfcgi?  records.h is the contract.
 *
 * A record is a head of eight bytes, content, padding.  A pair is the lengths of name
 * and value, of one byte or four, then both; it may lie across records.
 */
#include "records.h"

#include <string.h>

enum { PROTOCOL = 1, RESPONDER = 1 };
enum { BEGIN = 1, ABORT, END, PARAMS, STDIN };

void
records_init(struct records *r)
{
	memset(r, 0, sizeof(*r));
}

static bool
refuse(struct records *r, const char *why)
{
	r->why = why;
	return false;
}

/* The environment's pairs -------------------------------------------------------- */

/* One byte of a length; complete or not. */
static void
take_length(struct records *r, unsigned char c)
{
	size_t *at = &r->length[r->lengths];

	if (r->more > 0) {
		*at = *at << 8 | c;
		r->more--;
	} else if (c < 0x80) {
		*at = c;
	} else {
		*at = c & 0x7f;
		r->more = 3;
	}
	if (r->more == 0)
		r->lengths++;
}

static bool
take_pairs(struct records *r, const unsigned char *p, size_t n)
{
	size_t take;

	r->env += n;
	if (r->env > RECORDS_ENV_MAX)
		return refuse(r, "environment_too_large");
	while (n > 0) {
		if (r->lengths < 2) {
			take_length(r, *p);
			p++;
			n--;
			if (r->lengths < 2)
				continue;
			/* Each below 2^31: the sum is one. */
			r->left = r->length[0] + r->length[1];
			if (r->length[0] == 0 || r->left > RECORDS_ENV_MAX)
				return refuse(r, "environment_lengths");
		}
		take = r->left < n ? r->left : n;
		r->nul = r->nul || memchr(p, '\0', take) != NULL;
		p += take;
		n -= take;
		if ((r->left -= take) == 0)
			r->lengths = 0;
	}
	return true;
}

/* Records ------------------------------------------------------------------------ */

/* The head is complete: may such a record come now? */
static bool
take_head(struct records *r)
{
	const unsigned char *h = r->head;
	unsigned id = (unsigned)h[2] << 8 | h[3];

	r->nhead = 0;
	r->type = h[1];
	r->content = (unsigned)h[4] << 8 | h[5];
	r->padding = h[6];
	if (h[0] != PROTOCOL)
		return refuse(r, "another_protocol");
	switch (r->phase) {
	case RECORDS_BEGIN:
		if (r->type != BEGIN || id == 0 || r->content != sizeof(r->role))
			return refuse(r, "no_beginning");
		r->id = id;
		return true;
	case RECORDS_ENV:
		if (r->type != PARAMS || id != r->id)
			return refuse(r, "out_of_order");
		if (r->content > 0)
			return true;
		if (r->lengths > 0 || r->more > 0)
			return refuse(r, "environment_lengths");
		r->phase = RECORDS_BODY;
		return true;
	case RECORDS_BODY:
		if (r->type != STDIN || id != r->id)
			return refuse(r, r->type == ABORT ? "taken_back" : "out_of_order");
		if (r->content == 0)
			r->phase = RECORDS_OVER;
		return true;
	case RECORDS_OVER:
		break;
	}
	return true;
}

/* Of the first record: which part of a conversation we are to play. */
static bool
take_role(struct records *r, const unsigned char *p, size_t n)
{
	memcpy(r->role + r->nrole, p, n);	/* its content is as long as that */
	if ((r->nrole += (unsigned)n) < sizeof(r->role))
		return true;
	if ((r->role[0] << 8 | r->role[1]) != RESPONDER)
		return refuse(r, "another_role");
	r->phase = RECORDS_ENV;
	return true;
}

static bool
take_content(struct records *r, const unsigned char *p, size_t n)
{
	switch (r->phase) {
	case RECORDS_BEGIN:	return take_role(r, p, n);
	case RECORDS_ENV:	return take_pairs(r, p, n);
	case RECORDS_BODY:
	case RECORDS_OVER:	break;
	}
	return true;
}

bool
records_take(struct records *r, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	size_t take;

	if (r->why != NULL)
		return false;
	while (n > 0 && r->phase != RECORDS_OVER) {
		if (r->content > 0) {
			take = r->content < n ? r->content : n;
			if (!take_content(r, p, take))
				return false;
			r->content -= (unsigned)take;
		} else if (r->padding > 0) {
			take = r->padding < n ? r->padding : n;
			r->padding -= (unsigned)take;
		} else {
			take = sizeof(r->head) - r->nhead < n ? sizeof(r->head) - r->nhead : n;
			memcpy(r->head + r->nhead, p, take);
			if ((r->nhead += (unsigned)take) == sizeof(r->head) && !take_head(r))
				return false;
		}
		p += take;
		n -= take;
	}
	return true;
}
