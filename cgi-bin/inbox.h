/* SPDX-License-Identifier: MIT */
/*
 * inbox.h - from rows to what the inbox shows.
 *
 * inbox_load() reads everything of one page in one read transaction (which
 * lasts until something writes or the answer leaves) and fills the views;
 * h_inbox.c and h_reply.c only choose what to show.
 */
#ifndef IB_INBOX_H
#define IB_INBOX_H

#include "format.h"
#include "frame.h"

#include "../lib/store/draft.h"
#include "../lib/store/outbox.h"
#include "../lib/store/page.h"
#include "../lib/store/thread.h"

#define INBOX_ROWS	50
#define INBOX_MESSAGES	30
#define INBOX_AFTER	10	/* of them after the one that an address names */

/* What is asked for. */
struct inbox_ask {
	struct filter	 filter;	/* of the list */
	int64_t		 thread;	/* 0 = none */
	int64_t		 list_at, list_id;	/* rows before this key; 0 = the newest */
	int64_t		 msg_at, msg_id;	/* messages before this key; 0 = the newest */
	const char	*text, *error;	/* what the reply box shall hold and say */
	bool		 edit;		/* text is that of `replaces`, to be written anew */
	bool		 ticked;	/* and whether it was marked as personal */
	int64_t		 replaces;	/* the failed reply that it writes anew; 0 = none */
	/* Asked before this text goes: */
	enum inbox_why { ASK_NOTHING, ASK_PARTS, ASK_OUTDATED } why;
	const char	*const *parts;	/* PARTS: these messages */
	size_t		 nparts;
	const struct outbox_sight *since;	/* OUTDATED: what came after that is marked */
	int64_t		 confirmed;	/* it was said already that it goes as so many, */
	bool		 anyway;	/* or whatever others have written */
	bool		 connected;	/* show the confirmation */
	bool		 away;		/* a poll while nobody looks: nothing counts as read */
	const char	*state_at, *state_error;	/* until when it shall be put off, and why it is not; or NULL */
};

struct inbox {
	struct app	*app;
	struct req	*r;
	struct fmt	 fmt;
	struct page	*pages;
	size_t		 npages;
	const char	**marks;	/* their initials, as they were asked for */
	struct thread	*thread;	/* the open one, NULL = none */
	bool		 human_agent;	/* facebook.human_agent */
	enum window	 window;	/* of the open one, until when */
	int64_t		 until;
	bool		 writable;	/* a reply to it could go out */
	bool		 held;		/* an open reply is among the messages filled so far */
	bool		 due;		/* one could be taken back until now, and has not gone yet */
	struct outbox_sight seen;	/* what the page shows */
	struct draft	*drafts;	/* of the reader */
	size_t		 ndrafts;
	bool		 reading;	/* its newest messages are shown: it counts as read */
	const char	*query;		/* of the filter, "" = none */
	bool		 missing;	/* a thread was asked for that is not there for this person */
	int64_t		 colleague_id;	/* last one looked up, */
	const char	*colleague;	/* and the name */
	int64_t		 oldest_at;	/* of the messages shown */
	struct view_came *came;		/* what started the open one, until it is shown; or NULL */
	bool		 want_older;	/* the reader has come to the end of our copy */
	struct view_inbox view;
};

/* `in` is filled; everything is in the request's arena. */
IB_MUST const struct ib_err *inbox_load(struct app *app, struct req *r, const struct inbox_ask *ask,
    struct inbox *in);

/* The page: the whole inbox, or inside Pipedrive the conversation alone. */
IB_MUST const struct ib_err *inbox_answer(struct app *app, struct req *r, int status, const struct inbox *in);

/* Inside: the parts. */
/* What they need: formats and Pages. */
IB_MUST const struct ib_err *inbox_begin(struct app *app, struct req *r, struct inbox *in);
/* Who wrote it, as it stands before the words: "You:", "Anna:", the Page; NULL for the customer. */
IB_MUST const struct ib_err *inbox_who(struct inbox *in, int dir, int64_t user, const struct page *p, const char **out);
const struct page *inbox_page(const struct inbox *in, int64_t id);	/* NULL when removed */
IB_MUST const struct ib_err *list_load(struct inbox *in, const struct inbox_ask *ask, struct view_list *v);
/* thread.source for people; *out NULL when there is none. */
IB_MUST const struct ib_err *came_make(struct inbox *in, const char *source, struct view_came **out);
/* What is left until then; NULL without memory. */
#define LEFT_SOON_MS	(4 * MS_HOUR)
struct view_left *left_make(const struct inbox *in, int64_t until, bool brief);
/* Rows of these conversations alone, in their order; in a read transaction. */
IB_MUST const struct ib_err *rows_load(struct inbox *in, const int64_t *ids, size_t n,
    struct view_row **rows, size_t *nrows);
IB_MUST const struct ib_err *messages_load(struct inbox *in, const struct inbox_ask *ask, struct view_conv *v);
/* How fresh all this is, and the button that asks for a comparison. */
IB_MUST const struct ib_err *fresh_load(struct inbox *in, int64_t thread, struct view_sync **out);
/* The filter that the query names; false: it is none of ours. */
bool inbox_filter(const struct req *r, struct filter *f);
/* The same as it stands behind an address, "?state=done"; "" = none. */
const char *filter_suffix(struct req *r);
/* In words, "Done, Bramble Bikes"; NULL when nothing is narrowed. */
const char *filter_words(struct inbox *in, const struct filter *f);
/* The person's own ones. */
IB_MUST const struct ib_err *saved_load(struct inbox *in, struct view_saved **out, size_t *n);
/* An address of ours with the list's filter behind it. */
const char *inbox_href(const struct inbox *in, const char *path);
/* Key of a place in a list or conversation as it stands in addresses: "at.id". */
const char *key_text(struct arena *a, int64_t at, int64_t id);
/* What the reader has begun to write there; NULL when nothing. */
const struct draft *inbox_draft(const struct inbox *in, int64_t thread);
bool key_parse(const char *s, int64_t *at, int64_t *id);
/* "Who can help: ..." of an error; NULL when nobody has to, or it is not known. */
const char *help_who(const struct app *app, enum lang lang, const char *key);
/* A random key of a form, as it comes back. */
bool key_ok(const char *s);
/* Colleague's name; NULL when unknown. */
IB_MUST const struct ib_err *user_name(struct db *db, struct arena *a, int64_t id, const char **out);
/* A number that changes with any of the texts and numbers fed in. */
int64_t look_text(int64_t h, const char *s);
int64_t look_int(int64_t h, int64_t v);

#endif
