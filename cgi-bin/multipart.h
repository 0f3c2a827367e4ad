/* SPDX-License-Identifier: MIT */
/*
 * multipart.h - the parser of multipart/form-data: bytes as they come in, parts
 * as they begin, go on and end.
 *
 * It holds a part's head and nothing else, so that a file of any size passes
 * through in a few KiB.  Browsers write this format in one way; whatever is
 * written otherwise is refused rather than repaired.
 */
#ifndef IB_MULTIPART_H
#define IB_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

#define MULTIPART_HEAD_MAX	2048	/* the head of one part */
#define MULTIPART_NAME_MAX	64	/* the name of a field */

/* Who is told.  Each returns false to end it all. */
struct multipart_calls {
	void	*arg;
	/* A part begins; `filename` NULL: a field.  Both are good until it returns. */
	bool	(*begin)(void *arg, const char *name, const char *filename);
	bool	(*data)(void *arg, const char *p, size_t n);
	bool	(*end)(void *arg);
};

enum multipart_state { MULTIPART_BEFORE, MULTIPART_MARK, MULTIPART_HEAD, MULTIPART_DATA, MULTIPART_OVER };

struct multipart {
	struct multipart_calls	 calls;
	enum multipart_state	 state;
	char			 mark[4 + 70 + 1];	/* "\r\n--" and the boundary */
	size_t			 mark_len, matched;	/* how much of it the last bytes were */
	char			 head[MULTIPART_HEAD_MAX];
	size_t			 head_len;
};

/* Is this a Content-Type of the kind? */
bool multipart_is(const char *content_type);
/* False: no boundary, or one that none may be. */
bool multipart_init(struct multipart *m, const char *content_type, const struct multipart_calls *calls);
/* False: malformed, or a call ended it. */
bool multipart_feed(struct multipart *m, const char *p, size_t n);
/* Was the end of the last part there? */
bool multipart_whole(const struct multipart *m);

#endif
