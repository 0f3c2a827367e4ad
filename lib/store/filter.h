/* SPDX-License-Identifier: MIT */
/*
 * filter.h - what a list of conversations is narrowed to.
 *
 * A filter has an address ("state=done&page=3"), in one spelling only: what a
 * form or a person wrote is read, checked and written anew.  filters.def is the
 * table; stmts.def has the other half.  Nothing fails but for memory.
 */
#ifndef IB_FILTER_H
#define IB_FILTER_H

#include "../base/arena.h"

enum filter_id {
#define F(id, name, kind, words) id,
#include "filters.def"
#undef F
	FILTER_MAX
};
enum filter_kind { FILTER_WORD, FILTER_ID, FILTER_DAY };
/* Values of FILTER_VIEW. */
enum list_view { VIEW_OPEN, VIEW_DONE, VIEW_SNOOZED, VIEW_ALL, VIEW_CLOSING, VIEW_MAX };

/* 0 = does not matter; of the view 0 = open; of a day its first millisecond, were its zone UTC. */
struct filter { int64_t v[FILTER_MAX]; };

const char *filter_name(enum filter_id id);
enum filter_kind filter_kind(enum filter_id id);
/* The n-th word of a row (of the view from 0, else from 1), into out; false when there are not so many. */
bool filter_word(enum filter_id id, int64_t n, char out[16]);
/* get(arg, name) is the value or NULL.  False: one of them is not in the table; *f is then empty. */
bool filter_read(struct filter *f, const char *(*get)(const void *arg, const char *name), const void *arg);
/* "state=done&page=3"; "" when nothing is narrowed; NULL without memory. */
const char *filter_query(struct arena *a, const struct filter *f);
bool filter_any(const struct filter *f);

#endif
