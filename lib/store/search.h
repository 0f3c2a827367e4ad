/* SPDX-License-Identifier: MIT */
/*
 * search.h - finding messages by any part of their text, and conversations by
 * names and linked records.
 *
 * A hit is what a plain scan would find: every wanted word stands somewhere in
 * the folded text (fold.h), also as part of a longer word.  The index only
 * tells where to look; each candidate is compared with the text itself, so
 * what was edited, unsent or erased is never found by what it said.
 *
 *   search_fresh	places (thread, time) that changed since they were indexed.
 *			Searching looks at each of them, so nothing is missed
 *			before the index knows it; time 0 stands for the names.
 *   search_block	some places of one company, in the order they were indexed.
 *			`latest` tells a moment that no place of it or of any block
 *			before it is later than: newest first is a walk downwards
 *			that may stop early.
 *   search_word	each word of letters once, so that a part of a word leads
 *			to the words it stands in
 *   search		the full-text table, no text in it: tokens of blocks, of
 *			names (NAMES + thread) and of words (WORDS + word)
 *
 * Ingest adds a place; a run, or a worker after an answer, turns up to 512 of
 * them into blocks.  A place whose message moved or left stays in its block,
 * where it finds nothing.  So that nothing of what is gone stays in the tokens,
 * the index is made anew from what there is: at once when somebody's data was
 * erased, else each month.  Meanwhile searching goes on with what is there, and
 * search_state() says that something may be missing.
 */
#ifndef IB_SEARCH_H
#define IB_SEARCH_H

#include "../db/db.h"

#define SEARCH_WORDS_MOST	8
#define SEARCH_CHARS_MOST	100

/* In a transaction: the message of that time, or with 0 the names of the conversation, changed. */
IB_MUST const struct ib_err *search_touch(struct db *db, int64_t thread_id, int64_t at);
/* Index one slice; *did false when there are fewer than `least` places. */
IB_MUST const struct ib_err *search_index(struct db *db, struct arena *a, int64_t least, bool *did);
/* In a transaction: somebody's data is gone, and shall be gone from the index. */
IB_MUST const struct ib_err *search_erased(struct db *db);
/* One step of making the index anew, when that is due or under way. */
IB_MUST const struct ib_err *search_renew(struct db *db, struct arena *a, int64_t now, bool *did);
/* *whole false: the places of some conversations are still to be noted. */
IB_MUST const struct ib_err *search_state(struct db *db, struct arena *a, bool *whole);

/* Somebody asks: *often when it is more than so many times in this minute. */
IB_MUST const struct ib_err *search_count(struct db *db, int64_t user_id, int64_t now, int64_t most, bool *often);

/* What is looked for: folded words, all of which have to be there. */
struct search_words {
	size_t		 n;
	struct search_word { const char *s; size_t len; } w[SEARCH_WORDS_MOST];
};
/* Blanks separate words; "in quotes" they belong to them.  None: nothing to look for. */
IB_MUST const struct ib_err *search_parse(struct arena *a, const char *q, struct search_words *out);

struct search_ask {
	int64_t		 install_id, page_id;		/* page 0 = all */
	int64_t		 from, until;			/* times, until exclusive; 0 = no bound */
	int64_t		 before_at, before_id;		/* hits before this key; 0 = the newest */
	size_t		 max;
	int64_t		 budget_ms;			/* 0 = no end */
};

struct search_hit { int64_t thread_id, at, id, user_id; int dir; const char *text; };
struct search_found {
	struct search_hit *hit;		/* newest first */
	size_t		 n;
	bool		 more;
	int64_t		 reached;	/* the time was over: nothing older than this was looked at; 0 = all was */
};
IB_MUST const struct ib_err *search_messages(struct db *db, struct arena *a, const struct search_words *w,
    const struct search_ask *ask, struct search_found *out);

/* Conversations whose name or linked record has all words, latest first. */
struct search_name { int64_t thread_id, last_at; };
IB_MUST const struct ib_err *search_names(struct db *db, struct arena *a, const struct search_words *w,
    const struct search_ask *ask, struct search_name **out, size_t *n);

#endif
