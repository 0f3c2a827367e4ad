/* SPDX-License-Identifier: MIT */
/*
 * news.h - what has come in since somebody last looked, summed up for a
 * notification: unread conversations in which a customer has written since.
 *
 * When somebody looked is a revision of the company's data: it moves with what
 * is stored, so that messages count that come late, and none counts twice.  How
 * many messages they are is told by Facebook's clock, and only said.  Looked at
 * are the NEWS_LOOK conversations in which something happened last, and at most
 * NEWS_COUNT messages of each; `more` tells when that was not all.
 */
#ifndef IB_NEWS_H
#define IB_NEWS_H

#include "../db/db.h"

#define NEWS_LOOK	200
#define NEWS_COUNT	100

struct news {
	int64_t		 threads, messages;	/* 0: nothing new */
	bool		 more;			/* at least so many */
	int64_t		 rev;			/* of the latest of them */
	/* the latest conversation */
	int64_t		 thread_id;
	const char	*name, *psid;		/* psid where no name is known */
	const char	*snippet;		/* NULL when one of ours wrote last, "" for a file */
};

/*
 * Since revision rev, which was at the time `at`.  `mine`: only conversations
 * in which the person is the last colleague who wrote.
 */
IB_MUST const struct ib_err *news_since(struct db *db, struct arena *a, int64_t install_id, int64_t user_id,
    int64_t rev, int64_t at, bool mine, struct news *out);

#endif
