/* SPDX-License-Identifier: MIT */
/*
 * codes.h - every known error of both services in one table (codes.def):
 * code and subcode -> class, sentence (a key of the catalogues), who can fix
 * it, and the button that helps.  Unknown codes map to a general sentence per
 * HTTP status, never to nothing.
 */
#ifndef IB_CODES_H
#define IB_CODES_H

#include "../base/err.h"

enum code_service { SVC_FACEBOOK, SVC_PIPEDRIVE };

/* messenger.md 8: what an error asks of us. */
enum code_class {
	CLASS_RETRY,	/* try again with back-off; for a send: outcome unknown */
	CLASS_THROTTLE,	/* pause the Page (or the company's budget) */
	CLASS_TOKEN,	/* the token is dead: confirm, then ask to reconnect */
	CLASS_CONFIG,	/* permission or configuration: tell the administrator */
	CLASS_FINAL	/* permanent for this item */
};
enum code_who { WHO_AGENT, WHO_PAGE_ADMIN, WHO_COMPANY_ADMIN, WHO_HOST, WHO_FACEBOOK, WHO_PIPEDRIVE, WHO_NOBODY };
enum code_help { HELP_NONE, HELP_RETRY, HELP_RECONNECT, HELP_OPEN_FACEBOOK, HELP_EDIT };

struct code_row {
	enum code_service service;
	int		 code, subcode;	/* subcode 0: any other */
	enum code_class	 class_;
	bool		 send_unknown;	/* of a send: it may have gone out (messenger.md 5.8) */
	const char	*key;		/* "error.fb.window" */
	enum code_who	 who;
	enum code_help	 help;
};

/*
 * Codes that no service sends.  General rows have the negative HTTP status as
 * their code (-400, -429, -500) or CODE_NO_ANSWER.  Pipedrive has no numbers:
 * pdrive.c names what it understood from status and text.
 */
enum {
	CODE_NO_ANSWER		= -1000,
	CODE_TRANSIENT		= -1001,	/* is_transient: later, whatever the code */
	CODE_MEDIA_GONE		= -1002,	/* a file's address has expired */
	CODE_WAITED		= -1003,	/* a reply that waited too long for the connection */
	CODE_UNCONFIRMED	= -1004,	/* a reply that was looked for and never found */
	CODE_PERSONAL		= -1005,	/* a reply past 24 h that nobody marked as personal */
	CODE_SUB_HUMAN_AGENT	= -1,		/* code 10 without subcode, sending with the tag */
	CODE_SUB_LESS		= -2,		/* code 1, "reduce the amount of data" */

	PD_CODE_GRANT = 1,	/* authorization code wrong, used or too old */
	PD_CODE_REFRESH,	/* refresh token dead: the installation is gone */
	PD_CODE_CLIENT,		/* client id or secret refused */
	PD_CODE_REDIRECT,	/* callback address differs from the registered one */
	PD_CODE_FORM,		/* token request malformed */
	PD_CODE_UNAVAILABLE,	/* app not installable for that company */
	PD_CODE_EDGE,		/* blocked at the network's edge: HTML with 403 */
	PD_CODE_SCOPE,		/* scope missing, or no such path */
	PD_CODE_PLAN,		/* limit of the company's plan */
	PD_CODE_REQUIRED,	/* the company demands a field that was not sent */
	PD_CODE_FIELDS		/* a value was not accepted */
};

/*
 * Never NULL.  In this order: the exact row; a row of another code with the
 * same subcode of seven digits (Facebook moves subcodes between codes); a row
 * whose code is that subcode; (code, 0); the family of the code (200..299,
 * 80000..80099 of Facebook); the general row of the HTTP status; the general
 * row of its class (-400, -500).  Status 0 is CODE_NO_ANSWER.
 */
const struct code_row *code_find(enum code_service s, int code, int subcode, int http_status);
/* Is this very pair in the table, or a code or subcode that means one thing only? */
bool code_known(enum code_service s, int code, int subcode);
/*
 * What is known of a sentence: who can fix it, what helps.  Rows with the same
 * sentence agree on both.  NULL when no row says `key`, or it is NULL.
 */
const struct code_row *code_by_key(const char *key);
/*
 * The sentence of a refusal for somebody who waits for the answer: the row's own
 * when trying again as it is would not help, else `passing`.
 */
const char *code_sentence(const struct code_row *row, const char *passing);
/* All rows, for pages and tests. */
const struct code_row *code_rows(size_t *n);

#endif
