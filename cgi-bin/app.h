/* SPDX-License-Identifier: MIT */
/*
 * app.h - what a worker owns from start to exit: configuration, catalogues,
 * templates, database, keys, and the sync engine (which loads the network
 * library when it first needs it).
 */
#ifndef IB_APP_H
#define IB_APP_H

#include "../lib/base/cat.h"
#include "../lib/base/conf.h"
#include "../lib/base/crypt.h"
#include "../lib/store/pref.h"
#include "../lib/tmpl/tmpl.h"
#include "req.h"

struct db;
struct rate;
struct session;
struct sync;
struct view_frame;

/* A run of the engine that an answer wants after it; driver NULL: none. */
struct app_run { const char *driver; int64_t budget_ms, gap_ms; };

struct app {
	struct conf	*conf;
	struct cats	*cats;
	struct tmpl_set	*tmpl;
	struct db	*db;
	struct keyring	*keys;
	struct sync	*sync;
	struct rate	*rate;		/* NULL: nothing is limited */
	const char	*base_path;	/* path part of base_url, "" mostly */
	const char	*origin;	/* scheme and authority of base_url */
	bool		 https;
	bool		 cgi;		/* one request, then exit */
	uint8_t		 csrf_key[32];	/* csrf_init() */
	char		 frame_hosts[128];	/* who may frame the pages of /pd/: frame_hosts_init() */
	struct app_run	 run;		/* app_run_after() */
	int64_t		 work_at;	/* app_work_at(), by the monotonic clock; 0 = not */
};

/* Derive csrf_key from the keyring; once, at start. */
void csrf_init(struct app *app);

/*
 * Written beside the handlers.
 * auth.c: the session of the request's cookie `session` (req_cookie), *out
 * NULL when there is none or it is invalid; in the request's arena.
 */
IB_MUST const struct ib_err *session_find(struct app *app, struct req *r, struct session **out);
/*
 * pass.c: the session of the {pass} in the path.  *out NULL: none; *why is then
 * the key of the sentence.
 */
IB_MUST const struct ib_err *pass_find(struct app *app, struct req *r, struct session **out, const char **why);
/*
 * limit.c: one more of what a setting limit.* counts, by the request's address
 * or by a company.  False: too many; Retry-After is set, limit_refuse() answers.
 */
bool limit_address(struct app *app, struct req *r, enum conf_key limit);
bool limit_company(struct app *app, struct req *r, enum conf_key limit, int64_t company);
IB_MUST const struct ib_err *limit_refuse(struct app *app, struct req *r);
/* What the route's need says of limits.  False: it was answered, *err tells how that went. */
bool limit_route(struct app *app, struct req *r, bool by_company, const struct ib_err **err);
/* From the configuration, at start. */
void frame_hosts_init(struct app *app);
/* The frame around a page, for resp_problem and the handlers; NULL when memory is gone. */
struct view_frame *view_frame_make(struct app *app, struct req *r);
/* work.c: what an answer left to do, within the budget; what keeps the files small, now and then. */
void app_work(struct app *app, int64_t budget_ms);
void app_tidy(struct app *app);
/* Nobody has asked for a while: that, and replies whose worker has ended meanwhile. */
void app_quiet(struct app *app);
/* Something of this answer's work is due in so many ms: app_work() by then, whether somebody asks or not. */
void app_work_at(struct app *app, int64_t ms);
/* After this answer a whole run, unless one is under way or began less than gap_ms ago. */
void app_run_after(struct app *app, struct req *r, const char *driver, int64_t budget_ms, int64_t gap_ms);
/* Somebody has a page of the inbox open: a short run when nothing else drove the engine lately. */
void app_visit(struct app *app, struct req *r);

/* What a route demands before its handler runs. */
enum need {
	NEED_NOTHING = 0,
	NEED_SESSION = 1,	/* somebody is signed in; else 303 to the start page (GET of a
				   page) or 401 */
	NEED_CSRF = 2,		/* POST: token and origin are ours; else 403 */
	NEED_RAW = 4,		/* the body is for the handler alone: no form parsing */
	NEED_ADMIN = 8,		/* a company admin; else 403 with a sentence (has NEED_SESSION in it) */
	NEED_MAYBE = 16,	/* the session if there is one */
	NEED_MOMENT = 32,	/* session and page are read from one moment of the database */
	NEED_KEEPER = 64,	/* the installer or a company admin; else 403 (has NEED_SESSION in it) */
	NEED_FRAME = 128,	/* shown in a frame by Pipedrive: no cookie is read or set */
	NEED_PASS = 256,	/* {pass} of the path stands for the session; else 401 (has NEED_FRAME
				   in it; the pass is the token of its forms) */
	TAKES_FILES = 512,	/* the form may be multipart/form-data and bring files (req_files);
				   body_max is then the cap of its fields */
	LIMIT_SIGN_IN = 1024,	/* not more often than settings limit.* say, by address and by the
				   company of the session; else 429 */
	LIMIT_TICK = 2048,
	LIMIT_SEARCH = 4096,
	WRITES = 8192,		/* not for somebody who is held to reading; else 403 (with NEED_SESSION or
				   NEED_PASS) */
	LIMITED = LIMIT_SIGN_IN | LIMIT_TICK | LIMIT_SEARCH
};

typedef const struct ib_err *handler(struct app *app, struct req *r);

struct route {
	unsigned	 methods;	/* M_GET | ... (HEAD comes with GET) */
	const char	*pattern;	/* "/inbox/{thread}/reply" */
	unsigned	 need;
	size_t		 body_max;
	handler		*fn;
	const char	*repeatable;	/* form name that may come more than once, or NULL */
};

extern const struct route routes[];
extern const size_t nroutes;

/* Signed-in user of a request (store/session.h fills it). */
struct session {
	int64_t		 user_id, install_id;
	const char	*user_name, *timezone, *company_name;
	enum lang	 lang;
	bool		 admin, owner, shared;	/* owner: installed the connection */
	bool		 may_read;		/* shared, or owner of a private one */
	bool		 may_write;		/* and was not held to reading by an admin */
	bool		 keeper;		/* owner or admin: may change and remove the connection */
	int64_t		 unread;		/* open conversations with something this person has not read */
	const char	*saved;			/* this person's filters: saved.h */
	int64_t		 rev;			/* of the company's data: moves with every visible change */
	uint8_t		 hash[32];		/* of the session token: key of the CSRF token */
	struct prefs	 prefs;			/* what this person has chosen */
	const char	*root;			/* before the addresses of conversations: "" or "/pd/PASS" */
};

#endif
