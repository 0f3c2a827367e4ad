/* SPDX-License-Identifier: MIT */
/* ctl.h - shared by the parts of inboxctl. */
#ifndef IB_CTL_H
#define IB_CTL_H

#include "../lib/base/cat.h"
#include "../lib/base/conf.h"
#include "../lib/db/db.h"
#include "../lib/sync/checks.h"

#include <limits.h>

/* Says what is wrong; the exit code. */
int ctl_fail(const struct ib_err *err);
/* The database of the configuration. */
IB_MUST const struct ib_err *ctl_open_db(const struct conf *conf, unsigned flags, struct db **db);

/* Verbs of their own, each in its file.  `args` ends with NULL. */
/* Makes a configuration rather than reading one: ctl_setup.c. */
int ctl_setup(const char *conf_path, char *const *args);
int ctl_shelf(const struct conf *conf, char *const *args);
int ctl_security(const struct conf *conf, char *const *args);
/* Runs the sandbox, or removes it: ctl_sandbox.c. */
int ctl_sandbox(const struct conf *conf, char *const *args);
int ctl_backup(const struct conf *conf, char *const *args);
int ctl_restore(const struct conf *conf, char *const *args);
int ctl_upgrade(const struct conf *conf, char *const *args);
int ctl_rollback(const struct conf *conf, char *const *args);
int ctl_remove(const struct conf *conf, char *const *args);
/*
 * Whoever has the database open is made to end, and nobody gets in until *gate, unless it
 * is -1, is closed.  ctl_upgrade.c.
 */
struct talk;
IB_MUST const struct ib_err *ctl_clear(struct talk *t, const struct conf *conf, int *gate);
/*
 * A name of this process beside the media folder: one disk, so that it can be renamed.  What dead ones
 * left of its kind goes.  NULL: no memory.  ctl_backup.c.
 */
const char *ctl_stage(struct talk *t, const char *media, const char *what);
/* Where the configuration was read from. */
const char *ctl_conf_path(void);

/* ctl_talk.c: what a person reads and types, in the language of the configuration ------- */

struct talk {
	struct arena	 a;
	struct cats	*cats;
	enum lang	 lang;
};

IB_MUST const struct ib_err *talk_open(struct talk *t, const struct conf *conf);
void talk_close(struct talk *t);
/* The language of the terminal: before there is a configuration. */
enum lang talk_terminal_lang(void);

/* A sentence; `...` are name and value of its placeholders, NULL ends. */
#define TALK_SAY(t, id, ...)	cat_fill(&(t)->a, cat_str((t)->cats, (t)->lang, id), __VA_ARGS__)
/* One line: a mark (STR_SETUP_MARK_...) and a sentence. */
void talk_line(const struct talk *t, enum str_id mark, const char *text);
#define TALK(t, mark, id, ...)	talk_line(t, mark, TALK_SAY(t, id, __VA_ARGS__))
/* A number as text, in the arena. */
const char *talk_int(struct talk *t, int64_t v);

/* A question that only a terminal can answer; without one the answer is no. */
bool talk_yes(struct talk *t, const char *question);
#define PASSPHRASE_MAX	1024
/*
 * The first line of `file`, which nobody else may read; without a file it is asked for on the
 * terminal, twice when it is a new one.
 */
IB_MUST const struct ib_err *talk_passphrase(struct talk *t, const char *file, bool fresh, char out[PASSPHRASE_MAX]);
int ctl_doctor(const struct conf *conf, char *const *args);

/* ctl_prove.c: calls the public address.  The caller's database is closed. */
void ctl_prove(const struct conf *conf, struct findings *f);
/* ctl_services.c: the keys, and both services. */
void ctl_services(const struct conf *conf, struct db *db, struct findings *f);

/* ctl_child.c: programs of ours that are called, and a version that is tried -------------- */

#define CHILD_LONG_S	1800	/* a large database */
/* Where the search path has a program. */
bool child_find(const char *name, char path[PATH_MAX]);
/* Runs it to its end; an error says the last line that it said. */
IB_MUST const struct ib_err *child_run(struct arena *a, const char *const *argv, int seconds);
/* Does the version below `parts` answer, with this configuration? */
IB_MUST const struct ib_err *child_serves(struct arena *a, const char *parts, const struct conf *conf, const char *conf_path);
/* The same with a copy of the database, which it has to bring up to date first. */
IB_MUST const struct ib_err *child_trial(struct arena *a, const char *parts, const struct conf *conf, const char *conf_path,
    struct db *db);

#endif
