/* SPDX-License-Identifier: MIT */
/*
 * sample.h - views filled from a JSON document instead of the database: what
 * the style guide shows through the product's own templates.
 *
 * Members have the names of the view's fields (F_STR and so on):
 *
 *   "name": "Liisa"                  a text
 *   "name": { "en": "..", "ja": ".." }   by the reader's language
 *   "reason": { "key": "closed.day" }    that string of the catalogue
 *   "unread": true, "id": 12         BOOL, INT
 *   "rows": [ {..}, {..} ]           LIST
 *   "list": { .. }                   SUB; one that is there already is added to
 *   "@": "name"                      first everything of that member of `parts`,
 *                                    then what stands beside it
 *
 * A member that the view does not have, or of another kind, is IB_ECONF with
 * its name: samples cannot fall behind the views unnoticed.
 */
#ifndef IB_SAMPLE_H
#define IB_SAMPLE_H

#include "../base/json.h"
#include "tmpl.h"

struct samples {
	struct arena		*a;	/* views and texts live here */
	const struct cats	*cats;
	enum lang		 lang;
	const struct json	*parts;	/* what "@" names */
};

/* DIR/samples.json; the caller frees it. */
IB_MUST const struct ib_err *samples_read(const char *dir, struct arena *a, struct json **out);
/* `view` is a zeroed struct of that type, or one that is filled in part. */
IB_MUST const struct ib_err *sample_fill(const struct samples *s, const struct tmpl_type *type, void *view,
    const struct json *from);
/* A text as above; NULL for null, and when it is none. */
const char *sample_text(const struct samples *s, const struct json *j);

#endif
