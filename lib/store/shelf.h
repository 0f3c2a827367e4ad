/* SPDX-License-Identifier: MIT */
/*
 * shelf.h - the poison shelf: events that could not be processed.
 *
 * Signed by Facebook, but not understood (`unknown`), refused by the database
 * (`refused`), or no JSON at all (`not json`).  They are kept as they came and
 * tried again by each new version of the program; what works then leaves the
 * shelf.  Rows of a Page are the business of its company; rows without one
 * (page_id 0) only of the host.
 *
 * Nobody is shown their texts: shelf_blank() leaves the structure.
 */
#ifndef IB_SHELF_H
#define IB_SHELF_H

#include "../base/buf.h"
#include "../db/db.h"

struct shelf_row {
	int64_t		 id, received_at, page_id, tries, size;
	const char	*page;		/* the Page's name, NULL without one */
	const char	*why;		/* "unknown", "refused", "not json" */
	const char	*program;	/* version that tried last */
	const char	*raw;		/* as kept; only from shelf_get and shelf_next */
	size_t		 raw_len;
};

/* install_id 0: the whole shelf. */
IB_MUST const struct ib_err *shelf_count(struct db *db, int64_t install_id, int64_t *n);
/* Newest first, at most `max`. */
IB_MUST const struct ib_err *shelf_list(struct db *db, struct arena *a, int64_t install_id,
    size_t max, struct shelf_row **out, size_t *n);
/* *out NULL when there is none (for this company). */
IB_MUST const struct ib_err *shelf_get(struct db *db, struct arena *a, int64_t install_id,
    int64_t id, struct shelf_row **out);
/* The next one behind `after` that this version has not tried; `program` "" = whoever tried. */
IB_MUST const struct ib_err *shelf_next(struct db *db, struct arena *a, const char *program,
    int64_t after, struct shelf_row **out);
IB_MUST const struct ib_err *shelf_leave(struct db *db, int64_t id);
IB_MUST const struct ib_err *shelf_stay(struct db *db, int64_t id, const char *why, const char *program);

/*
 * What an event is kept as: "<array> <Page id> <JSON>" (ingest.c), or a whole
 * body.  False for the latter; else the parts, in the arena.
 */
bool shelf_parts(struct arena *a, const struct shelf_row *row, const char **array,
    const char **page, const char **json);
/*
 * JSON without what people wrote: every string becomes "…(n)", n being the
 * next power of two of its length, but for ids, times and names of kinds;
 * numbers outside of those become 0.  Bytes that are no JSON come out as
 * letters x and digits 9.  Nothing of a text survives, whatever the input.
 */
void shelf_blank(const char *p, size_t n, struct ib_buf *out);
/* The blanked row as a JSON document for downloads; `at` is received_at as text. */
IB_MUST const struct ib_err *shelf_export(struct arena *a, const struct shelf_row *row, const char *at,
    struct ib_buf *out);

#endif
