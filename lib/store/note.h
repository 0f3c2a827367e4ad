/* SPDX-License-Identifier: MIT */
/*
 * note.h - what the engine remembers about itself: one row per key, with its
 * time.  The health page reads them.
 *
 *   check   result of the last quick_check: "ok", or the first finding
 *   setup   digest of the link of a set-up, with the end of its time; "used"
 *   probe   what the last event of our own said (inboxctl doctor)
 *   setup_session, setup_pipedrive, setup_facebook, setup_hook, setup_verified
 *           the set-up in the browser (setup.c)
 *   orphans when the media folder was last searched for files without a row
 *   search  when the index of searching was begun, and how far it is (search.c)
 */
#ifndef IB_NOTE_H
#define IB_NOTE_H

#include "../db/db.h"

#define NOTE_CHECK	"check"
#define NOTE_SETUP	"setup"
#define NOTE_PROBE	"probe"
#define NOTE_SETUP_SESSION	"setup_session"
#define NOTE_ORPHANS	"orphans"
#define NOTE_SEARCH	"search"

/* *at 0 and *value NULL when there is none. */
IB_MUST const struct ib_err *note_get(struct db *db, struct arena *a, const char *key, int64_t *at,
    const char **value);
IB_MUST const struct ib_err *note_put(struct db *db, const char *key, int64_t at, const char *value);

#endif
