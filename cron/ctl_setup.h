/* SPDX-License-Identifier: MIT */
/* ctl_setup.h - shared by the parts of inboxctl setup. */
#ifndef IB_CTL_SETUP_H
#define IB_CTL_SETUP_H

#include "../lib/base/arena.h"
#include "../lib/base/cat.h"
#include "../lib/base/conf.h"

/* What a set-up asks, by its name in a file of answers. */
enum answer { A_ADDRESS, A_LANGUAGE, A_MAIL, A_WEB, A_CRON, ANSWERS };

/* Settings that a file of answers may bring, for the configuration that is made. */
#define EXTRAS_MAX	16

struct setup {
	struct arena	*a;
	struct cats	*cats;
	enum lang	 lang;
	bool		 check;			/* change nothing */
	bool		 only_web;		/* nothing but the web folder */
	unsigned	 made, open, wrong;	/* what was changed, would be, is not as it should be */
	const char	*conf_path;
	const char	*prefix, *etc, *var, *program, *sync;	/* home.h */
	const char	*answers[ANSWERS];	/* NULL until known */
	struct { const char *name, *value; } extra[EXTRAS_MAX];
	size_t		 nextra;
	struct conf	*conf;			/* NULL until there is one */
};

/* What the web server starts the inbox by, copies of web/entry in the web folder; NULL ends. */
extern const char *const setup_entries[];

/* A sentence; `...` are name and value of its placeholders, NULL ends. */
#define SETUP_SAY(s, id, ...)	cat_fill((s)->a, cat_str((s)->cats, (s)->lang, id), __VA_ARGS__)

/* One line each: as it should be; worth knowing; not as it should be, with what was found and what helps. */
void setup_fine(struct setup *s, const char *what);
void setup_note(const struct setup *s, const char *what);
void setup_wrong(struct setup *s, const char *what, const char *found, const char *fix);

/* ctl_found.c: what kind of place this is.  Asks nothing, changes nothing. */
void setup_look(struct setup *s);
/* ctl_cron.c: is there a crontab command; is the line in this user's; it is put there.  False: errno may say why. */
bool setup_cron_here(void);
bool setup_cron_has(const char *line);
IB_MUST bool setup_cron_add(const char *line);
/* It is taken out again; all other lines stay. */
IB_MUST bool setup_cron_drop(const char *line);
/* Did set-up make what is in this folder? */
bool setup_web_is_ours(const char *web);

#endif
