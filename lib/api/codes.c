/* SPDX-License-Identifier: MIT */
/*
 * codes.c - the table of known errors and the search in it.
 * No state, no memory; never fails.
 */
#include "codes.h"

#include <string.h>

static const struct code_row rows[] = {
#define X(service, code, subcode, class_, unknown, key, who, help) \
	{ service, code, subcode, class_, unknown, key, who, help },
#include "codes.def"
#undef X
};

#define NROWS		(sizeof(rows) / sizeof(rows[0]))
#define UNIQUE_FROM	1000000		/* subcodes from here mean one thing only */

static const struct code_row *
exact(enum code_service s, int code, int subcode)
{
	size_t i;

	for (i = 0; i < NROWS; i++) {
		if (rows[i].service == s && rows[i].code == code && rows[i].subcode == subcode)
			return &rows[i];
	}
	return NULL;
}

static const struct code_row *
by_subcode(enum code_service s, int subcode)
{
	size_t i;

	for (i = 0; i < NROWS; i++) {
		if (rows[i].service == s && rows[i].subcode == subcode)
			return &rows[i];
	}
	return exact(s, subcode, 0);
}

static const struct code_row *
by_status(enum code_service s, int status)
{
	const struct code_row *r;

	if (status == 0)
		return exact(s, CODE_NO_ANSWER, 0);
	if ((r = exact(s, -status, 0)) != NULL)
		return r;
	return exact(s, status >= 500 ? -500 : -400, 0);
}

const struct code_row *
code_find(enum code_service s, int code, int subcode, int http_status)
{
	const struct code_row *r;

	if (code != 0) {
		if ((r = exact(s, code, subcode)) != NULL)
			return r;
		if (subcode >= UNIQUE_FROM && (r = by_subcode(s, subcode)) != NULL)
			return r;
		if ((r = exact(s, code, 0)) != NULL)
			return r;
		if (s == SVC_FACEBOOK && code >= 200 && code <= 299)
			return exact(s, 200, 0);
		if (s == SVC_FACEBOOK && code >= 80000 && code <= 80099)
			return exact(s, 80000, 0);
	}
	return by_status(s, http_status);
}

bool
code_known(enum code_service s, int code, int subcode)
{
	return exact(s, code, subcode) != NULL ||
	    (subcode >= UNIQUE_FROM && by_subcode(s, subcode) != NULL);
}

const struct code_row *
code_by_key(const char *key)
{
	size_t i;

	for (i = 0; key != NULL && i < NROWS; i++)
		if (strcmp(rows[i].key, key) == 0)
			return &rows[i];
	return NULL;
}

const char *
code_sentence(const struct code_row *row, const char *passing)
{
	return row != NULL && (row->class_ == CLASS_CONFIG || row->class_ == CLASS_FINAL) ? row->key : passing;
}

const struct code_row *
code_rows(size_t *n)
{
	*n = NROWS;
	return rows;
}
