/* SPDX-License-Identifier: MIT */
/*
 * search.c - the index of searching (store/search.h) follows what came in:
 * after answers and in runs, a slice at a time, so that no writer waits long.
 * Searching does not wait for it.
 */
#include "sync.h"

#include "../store/search.h"

#define LEAST	256		/* places that are worth a slice; fewer are looked at one by one */

const struct ib_err *
sync_search_one(struct sync *s, int64_t now, bool *did)
{
	const struct ib_err *err;

	arena_reset(&s->arena);
	if ((err = search_renew(s->db, &s->arena, now, did)) != NULL || *did)
		return err;
	return search_index(s->db, &s->arena, LEAST, did);
}
