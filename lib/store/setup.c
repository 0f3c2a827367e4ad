/* SPDX-License-Identifier: MIT */
/* setup.c - see setup.h. */
#include "setup.h"
#include "note.h"

#include "../base/crypt.h"
#include "../base/str.h"

#include <string.h>

#define USED	"used"

static void
digest(const char *code, char out[65])
{
	uint8_t sum[32];

	crypt_sha256(code, strlen(code), sum);
	str_hex(out, sum, sizeof(sum));
}

const struct ib_err *
setup_code_new(struct db *db, struct arena *a, int64_t now, char **code)
{
	const struct ib_err *err;
	char sum[65];

	if ((err = crypt_token(a, 24, code)) != NULL)
		return err;
	digest(*code, sum);
	if ((err = db_begin(db)) == NULL && (err = note_put(db, NOTE_SETUP, now + SETUP_CODE_MS, sum)) == NULL)
		err = db_commit(db);
	db_rollback(db);
	return err;
}

static const struct ib_err *
fits(struct db *db, struct arena *a, const char *code, int64_t now, bool *good)
{
	const struct ib_err *err;
	const char *kept;
	int64_t until;
	char sum[65];

	digest(code, sum);
	err = note_get(db, a, NOTE_SETUP, &until, &kept);
	*good = err == NULL && kept != NULL && now < until && crypt_equal_str(kept, sum);
	return err;
}

const struct ib_err *
setup_code_use(struct db *db, struct arena *a, const char *code, int64_t now, char **token)
{
	const struct ib_err *err;
	char sum[65], *fresh;
	bool good;

	*token = NULL;
	/* Looked at first without holding anybody up: strangers may guess. */
	if ((err = fits(db, a, code, now, &good)) != NULL || !good || (err = crypt_token(a, 32, &fresh)) != NULL ||
	    (err = db_begin(db)) != NULL)
		return err;
	digest(fresh, sum);
	if ((err = fits(db, a, code, now, &good)) == NULL && good &&
	    (err = note_put(db, NOTE_SETUP, now, USED)) == NULL &&
	    (err = note_put(db, NOTE_SETUP_SESSION, now + SETUP_CODE_MS, sum)) == NULL &&
	    (err = db_commit(db)) == NULL)
		*token = fresh;
	db_rollback(db);
	return err;
}

const struct ib_err *
setup_session_get(struct db *db, struct arena *a, const char *token, int64_t now, int64_t *until)
{
	const struct ib_err *err;
	const char *kept;
	char sum[65];

	*until = 0;
	if (token == NULL)
		return NULL;
	digest(token, sum);
	if ((err = note_get(db, a, NOTE_SETUP_SESSION, until, &kept)) == NULL &&
	    (kept == NULL || now >= *until || !crypt_equal_str(kept, sum)))
		*until = 0;
	return err;
}

static const struct ib_err *
put(struct db *db, const char *key, int64_t at, const char *value)
{
	const struct ib_err *err;

	if ((err = db_begin(db)) == NULL && (err = note_put(db, key, at, value)) == NULL)
		err = db_commit(db);
	db_rollback(db);
	return err;
}

const struct ib_err *
setup_session_end(struct db *db)
{
	return put(db, NOTE_SETUP_SESSION, 0, USED);
}

/* What was found, by its word in the note. */
static const char *const words[] = {
	[SETUP_SAID_NOTHING] = "nothing ", [SETUP_SAID_YES] = "yes ", [SETUP_SAID_NO] = "no ",
	[SETUP_SAID_PARTLY] = "partly ", [SETUP_SAID_NO_ANSWER] = "no_answer "
};

const struct ib_err *
setup_tried_put(struct db *db, struct arena *a, const char *what, const char *about, enum setup_said said, int64_t now)
{
	const char *value = arena_printf(a, "%s%s", words[said], about);

	if (value == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "setup");
	return put(db, what, now, value);
}

const struct ib_err *
setup_tried(struct db *db, struct arena *a, const char *what, const char *about, enum setup_said *said, int64_t *at)
{
	const struct ib_err *err;
	const char *kept;
	size_t i;

	*said = SETUP_SAID_NOTHING;
	if ((err = note_get(db, a, what, at, &kept)) != NULL || kept == NULL)
		return err;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_starts(kept, words[i]) && strcmp(kept + strlen(words[i]), about) == 0)
			*said = (enum setup_said)i;
	return NULL;
}

const struct ib_err *
setup_counts(struct db *db, struct setup_counts *out)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	memset(out, 0, sizeof(*out));
	if ((err = db_query(db, ST_SETUP_COUNTS, &st, "")) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row)
		*out = (struct setup_counts){ db_col_int(st, 0), db_col_int(st, 1), db_col_int(st, 2),
		    db_col_int(st, 3), db_col_int(st, 4) };
	db_release(st);
	return err;
}
