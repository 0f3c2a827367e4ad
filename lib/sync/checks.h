/* SPDX-License-Identifier: MIT */
/*
 * checks.h - is everything as it should be?  One table of what is looked at
 * (checks.def), and what was found, in a form that belongs to no page: sentences
 * of the catalogues with their details.  The health page says them with times as
 * people read them, machines and terminals with times as machines do.
 *
 * Findings are in an arena and are listed in the order in which they were made.
 * None of them holds a secret or a word of a message.
 */
#ifndef IB_CHECKS_H
#define IB_CHECKS_H

#include "../base/cat.h"
#include "../base/conf.h"
#include "../db/db.h"

enum check {
#define C(id, word, group, name, about, fix) id,
#include "checks.def"
#undef C
	CHECKS
};

enum check_group { GROUP_ENGINE, GROUP_PAGE, GROUP_MESSAGES, GROUP_PIPEDRIVE, GROUP_SERVER, GROUP_OUTSIDE, GROUP_HERE, GROUP_SERVICES,
    GROUPS };

struct check_row {
	const char	*word;			/* for machines */
	enum check_group group;
	enum str_id	 name, about, fix;	/* its name, what it is good for, what helps */
};
const struct check_row *check_row(enum check c);
/* Heading of a group; of GROUP_PAGE, which has a Page's name, a general one. */
enum str_id check_group_name(enum check_group g);

/* Sentences with details -------------------------------------------------------------- */

enum detail_kind { DETAIL_NONE, DETAIL_NUMBER, DETAIL_TIME, DETAIL_DAY, DETAIL_SIZE, DETAIL_TEXT, DETAIL_KEY, DETAIL_SAID };

#define SAID_DETAILS	5

struct said {
	enum str_id	 id;
	const char	*key;			/* of the catalogues, instead of id; or NULL */
	struct detail {
		const char	*name;		/* of the placeholder */
		enum detail_kind	 kind;
		int64_t		 n;
		const char	*text;
		const struct said *said;
	} details[SAID_DETAILS];
};

/*
 * `kinds` has a letter for each placeholder, which are then named in pairs with
 * what goes in: n number, t time, d day and time (both int64_t; 0 = never), z size
 * (int64_t), s text, k key of the catalogues (const char *), a another sentence
 * (const struct said *).  NULL: no memory.
 */
const struct said *said_new(struct arena *a, enum str_id id, const char *kinds, ...);
/* The sentence of a key; `dflt` when the catalogues have none. */
const struct said *said_key(struct arena *a, const char *key, enum str_id dflt);

/* How numbers and times are said. */
struct speech {
	struct arena	*a;
	const struct cats *cats;
	enum lang	 lang;
	/* NULL: as machines do. */
	const char	*(*time)(const void *arg, int64_t ms), *(*day)(const void *arg, int64_t ms);
	const char	*(*number)(const void *arg, int64_t n), *(*size)(const void *arg, int64_t bytes);
	const void	*arg;
};
/* NULL without memory, or of NULL. */
const char *said_text(const struct said *said, const struct speech *sp);

/* Findings ---------------------------------------------------------------------------- */

enum verdict { VERDICT_OK, VERDICT_ATTENTION, VERDICT_BROKEN };

struct finding {
	enum check	 check;
	enum verdict	 verdict;
	const char	*about, *name;		/* Page or company it is about, by number and by name; "" = the server */
	const struct said *found;		/* evidence */
	const struct said *fix;			/* what helps just here; NULL: what the table says, if anything */
	const char	*help_key;		/* sentence of an error whose row says who can help, or NULL */
	bool		 reconnect;		/* connecting Facebook again helps */
	struct finding	*next;
};

struct findings {
	struct arena	*a;
	struct finding	*first, **last;
	enum verdict	 worst;
	const char	*about, *name;		/* of those that are added next */
	bool		 failed;		/* no memory: findings are missing */
	struct finding	 spare;
};

void findings_init(struct findings *f, struct arena *a);
/* Never NULL; `found` NULL counts as no memory. */
struct finding *finding_add(struct findings *f, enum check c, enum verdict v, const struct said *found);
/* What helps; NULL when it is in order and nothing was said. */
const char *finding_fix(const struct finding *f, const struct speech *sp);
/* "ok", "attention", "broken" */
const char *verdict_word(enum verdict v);

/*
 * looks.c: what the rows say, of one company (install), or with 0 of the whole
 * server.  Asks no network and changes nothing; best in a read transaction.
 */
IB_MUST const struct ib_err *sync_looks(struct findings *f, struct db *db, int64_t install, int64_t now);

/* Is there a reason why a Page has not been compared for long?  *why NULL: no; *left threads are still to be read. */
#define FRESH_MS	(30 * MS_MINUTE)
struct page;
IB_MUST const struct ib_err *sync_fresh(struct db *db, struct arena *a, const struct page *p, int64_t now,
    const struct said **why, int64_t *left);

/* Too little room for the database is broken, little needs attention. */
enum verdict disk_verdict(int64_t free_bytes);

#endif
