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
setup_code_use(struct db *db, struct arena *a, const char *code, int64_t now, bool *good)
{
	const struct ib_err *err;

	/* Looked at first without holding anybody up: strangers may guess. */
	if ((err = fits(db, a, code, now, good)) != NULL || !*good || (err = db_begin(db)) != NULL)
		return err;
	if ((err = fits(db, a, code, now, good)) == NULL && *good &&
	    (err = note_put(db, NOTE_SETUP, now, USED)) == NULL)
		err = db_commit(db);
	db_rollback(db);
	return err;
}
