/* SPDX-License-Identifier: MIT */
/* routes.c - the whole attack surface, on one screen. */
#include "handlers.h"

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)
#define REPLY_BODY (96 * KIB)	/* REPLY_TEXT_UNITS of nine bytes each, as forms write Japanese */

const struct route routes[] = {
	{ M_GET,	  "/",				NEED_MAYBE,		 0,	   h_start, NULL },
	{ M_POST,	  "/language",			NEED_MAYBE | NEED_CSRF,	 4 * KIB,  h_language, NULL },
	{ M_POST,	  "/theme",			NEED_MAYBE | NEED_CSRF,	 4 * KIB,  h_theme, NULL },
	{ M_POST,	  "/signout",			NEED_MAYBE | NEED_CSRF,	 4 * KIB,  h_signout, NULL },

	{ M_GET,	  "/connect",			NEED_MAYBE | LIMIT_SIGN_IN, 0,	   h_connect, NULL },
	{ M_GET,	  "/pipedrive/callback",	LIMIT_SIGN_IN,		 0,	   h_pipedrive_callback, NULL },
	{ M_DELETE,	  "/pipedrive/callback",	NEED_RAW,		 4 * KIB,  h_pipedrive_uninstalled, NULL },
	{ M_GET | M_POST, "/connect/visibility",	NEED_CSRF,		 4 * KIB,  h_visibility, NULL },
	{ M_GET,	  "/connect/more",		NEED_ADMIN,		 0,	   h_connect_more, NULL },
	{ M_GET,	  "/connect/facebook",		NEED_NOTHING,		 0,	   h_connect_facebook, NULL },
	{ M_GET,	  "/facebook/callback",		LIMIT_SIGN_IN,		 0,	   h_facebook_callback, NULL },
	{ M_GET | M_POST, "/connect/pages",		NEED_CSRF,		 16 * KIB, h_connect_pages, "page" },
	{ M_GET,	  "/connect/import",		NEED_SESSION,		 0,	   h_connect_import, NULL },

	{ M_GET | M_POST, "/hook/facebook",		NEED_RAW,		 1 * MIB,  h_hook, NULL },

	{ M_POST,	  "/hook/pipedrive/{key}",	NEED_RAW,		 1 * MIB,  h_pipedrive_hook, NULL },

	{ M_POST,	  "/facebook/deauthorize",	NEED_NOTHING,		 8 * KIB,  h_facebook_deauthorize, NULL },
	{ M_POST,	  "/facebook/deletion",		NEED_NOTHING,		 8 * KIB,  h_facebook_deletion, NULL },
	{ M_GET,	  "/facebook/deletion/{code}",	NEED_MAYBE,		 0,	   h_receipt, NULL },

	{ M_GET | M_POST, "/tick/{secret}",		NEED_RAW | LIMIT_TICK,	 4 * KIB,  h_tick, NULL },
	{ M_POST,	  "/sync",			NEED_SESSION | NEED_CSRF, 4 * KIB, h_sync, NULL },
	{ M_GET,	  "/health",			NEED_ADMIN,		 0,	   h_health, NULL },
	{ M_GET,	  "/health/security",		NEED_ADMIN,		 0,	   h_security, NULL },
	{ M_GET,	  "/health.json",		NEED_MAYBE,		 0,	   h_health_json, NULL },
	{ M_GET,	  "/metrics",			NEED_NOTHING,		 0,	   h_metrics, NULL },

	{ M_GET,	  "/inbox",			NEED_SESSION | NEED_MOMENT, 0,	   h_inbox, NULL },
	{ M_GET,	  "/inbox/{thread}",		NEED_SESSION | NEED_MOMENT, 0,	   h_thread, NULL },
	{ M_GET,	  "/inbox/{thread}/m/{message}", NEED_SESSION,		 0,	   h_message, NULL },
	{ M_POST,	  "/inbox/{thread}/reply",	NEED_SESSION | NEED_CSRF | WRITES | TAKES_FILES, REPLY_BODY, h_reply, "upload" },
	{ M_POST,	  "/inbox/{thread}/draft",	NEED_SESSION | NEED_CSRF | WRITES | TAKES_FILES, REPLY_BODY, h_draft, "upload" },
	{ M_POST,	  "/inbox/{thread}/undo/{message}", NEED_SESSION | NEED_CSRF | WRITES | TAKES_FILES, REPLY_BODY, h_undo, "upload" },
	{ M_POST,	  "/inbox/{thread}/upload",	NEED_SESSION | NEED_CSRF | WRITES | TAKES_FILES, 4 * KIB, h_upload, NULL },
	{ M_POST,	  "/inbox/{thread}/retry/{message}", NEED_SESSION | NEED_CSRF | WRITES, 4 * KIB, h_retry, NULL },
	{ M_POST,	  "/inbox/{thread}/dismiss/{message}", NEED_SESSION | NEED_CSRF | WRITES, 4 * KIB, h_dismiss, NULL },
	{ M_GET,	  "/search",			NEED_SESSION | LIMIT_SEARCH, 0,	   h_search, NULL },
	{ M_POST,	  "/inbox/{thread}/state",	NEED_SESSION | NEED_CSRF | WRITES, 4 * KIB, h_state, NULL },
	{ M_GET,	  "/filter",			NEED_SESSION,		 0,	   h_filter, NULL },
	{ M_POST,	  "/filter/save",		NEED_SESSION | NEED_CSRF, 4 * KIB, h_filter_save, NULL },
	{ M_POST,	  "/filter/drop",		NEED_SESSION | NEED_CSRF, 4 * KIB, h_filter_drop, NULL },
	{ M_GET,	  "/poll",			NEED_SESSION | NEED_MOMENT, 0,	   h_poll, NULL },
	{ M_GET,	  "/news",			NEED_SESSION | NEED_MOMENT, 0,	   h_news, NULL },
	{ M_GET,	  "/keyboard",			NEED_SESSION,		 0,	   h_keyboard, NULL },
	{ M_GET,	  "/inbox/{thread}/panel",	NEED_SESSION,		 0,	   h_panel, NULL },
	{ M_POST,	  "/inbox/{thread}/link",	NEED_SESSION | NEED_CSRF | WRITES, 4 * KIB, h_link, NULL },
	{ M_POST,	  "/inbox/{thread}/unlink",	NEED_SESSION | NEED_CSRF | WRITES, 4 * KIB, h_unlink, NULL },
	{ M_POST,	  "/inbox/{thread}/write",	NEED_SESSION | NEED_CSRF | WRITES, 64 * KIB, h_write, NULL },
	{ M_GET,	  "/media/{thread}/{message}/{n}", NEED_SESSION,	 0,	   h_media, NULL },
	{ M_POST,	  "/media/{thread}/{message}/{n}/load", NEED_SESSION | NEED_CSRF, 4 * KIB, h_media_want, NULL },
	{ M_GET,	  "/avatar/{thread}",		NEED_SESSION,		 0,	   h_avatar, NULL },

	/* In a frame of Pipedrive's, which opens the first two with its token. */
	{ M_GET,	  "/pd/panel",			NEED_FRAME,		 0,	   h_pd_panel, NULL },
	{ M_GET,	  "/pd/settings",		NEED_FRAME,		 0,	   h_pd_settings, NULL },
	{ M_GET,	  "/pd/{pass}/settings",	NEED_PASS,		 0,	   h_settings, NULL },
	{ M_GET,	  "/pd/{pass}/panel",		NEED_PASS | NEED_MOMENT, 0,	   h_embed_panel, NULL },
	{ M_GET,	  "/pd/{pass}/inbox/{thread}",	NEED_PASS | NEED_MOMENT, 0,	   h_thread, NULL },
	{ M_GET,	  "/pd/{pass}/inbox/{thread}/m/{message}", NEED_PASS,	 0,	   h_message, NULL },
	{ M_POST,	  "/pd/{pass}/inbox/{thread}/reply", NEED_PASS | WRITES | TAKES_FILES, REPLY_BODY, h_reply, "upload" },
	{ M_POST,	  "/pd/{pass}/inbox/{thread}/draft", NEED_PASS | WRITES | TAKES_FILES, REPLY_BODY, h_draft, "upload" },
	{ M_POST,	  "/pd/{pass}/inbox/{thread}/undo/{message}", NEED_PASS | WRITES | TAKES_FILES, REPLY_BODY, h_undo, "upload" },
	{ M_POST,	  "/pd/{pass}/inbox/{thread}/upload", NEED_PASS | WRITES | TAKES_FILES, 4 * KIB, h_upload, NULL },
	{ M_POST,	  "/pd/{pass}/inbox/{thread}/retry/{message}", NEED_PASS | WRITES, 4 * KIB, h_retry, NULL },
	{ M_POST,	  "/pd/{pass}/inbox/{thread}/dismiss/{message}", NEED_PASS | WRITES, 4 * KIB, h_dismiss, NULL },
	{ M_POST,	  "/pd/{pass}/inbox/{thread}/state", NEED_PASS | WRITES,		 4 * KIB,  h_state, NULL },
	{ M_GET,	  "/pd/{pass}/poll/{thread}",	NEED_PASS | NEED_MOMENT, 0,	   h_poll, NULL },
	{ M_GET,	  "/pd/{pass}/media/{thread}/{message}/{n}", NEED_PASS,	 0,	   h_media, NULL },
	{ M_POST,	  "/pd/{pass}/media/{thread}/{message}/{n}/load", NEED_PASS, 4 * KIB,  h_media_want, NULL },
	{ M_GET,	  "/pd/{pass}/avatar/{thread}",	NEED_PASS,		 0,	   h_avatar, NULL },

	{ M_GET,	  "/shelf",			NEED_ADMIN,		 0,	   h_shelf, NULL },
	{ M_GET,	  "/shelf/{event}",		NEED_ADMIN,		 0,	   h_shelf_event, NULL },

	{ M_GET,	  "/settings",			NEED_SESSION,		 0,	   h_settings, NULL },
	{ M_POST,	  "/settings/person",		NEED_SESSION | NEED_CSRF, 4 * KIB, h_person, NULL },
	{ M_POST,	  "/settings/visibility",	NEED_SESSION | NEED_CSRF, 4 * KIB, h_settings_visibility, NULL },
	{ M_POST,	  "/settings/reader",		NEED_KEEPER | NEED_CSRF, 4 * KIB,  h_reader, NULL },
	{ M_POST,	  "/settings/transcripts",	NEED_KEEPER | NEED_CSRF, 4 * KIB,  h_transcripts, NULL },
	{ M_GET | M_POST, "/settings/retention",	NEED_KEEPER | NEED_CSRF, 4 * KIB,  h_retention, NULL },
	{ M_GET | M_POST, "/settings/export",		NEED_KEEPER | NEED_CSRF, 4 * KIB,  h_export, NULL },
	{ M_GET,	  "/settings/export/{export}",	NEED_KEEPER,		 0,	   h_export_file, NULL },
	{ M_GET,	  "/settings/audit",		NEED_KEEPER,		 0,	   h_audit, NULL },
	{ M_GET,	  "/settings/customers",	NEED_KEEPER,		 0,	   h_customers, NULL },
	{ M_GET | M_POST, "/settings/customers/{thread}", NEED_KEEPER | NEED_CSRF, 4 * KIB, h_customer, NULL },
	{ M_GET | M_POST, "/settings/page/{page}",	NEED_KEEPER | NEED_CSRF, 4 * KIB,  h_leave_page, NULL },
	{ M_GET | M_POST, "/settings/remove",		NEED_KEEPER | NEED_CSRF, 4 * KIB,  h_leave, NULL },
	{ M_GET | M_POST, "/setup",			NEED_CSRF,		 4 * KIB,  h_setup, NULL },
	{ M_GET | M_POST, "/setup/pipedrive",		NEED_CSRF,		 4 * KIB,  h_setup_pipedrive, NULL },
	{ M_POST,	  "/setup/pipedrive/try",	NEED_CSRF,		 4 * KIB,  h_setup_pipedrive_try, NULL },
	{ M_GET | M_POST, "/setup/facebook",		NEED_CSRF,		 4 * KIB,  h_setup_facebook, NULL },
	{ M_POST,	  "/setup/facebook/try",	NEED_CSRF,		 4 * KIB,  h_setup_facebook_try, NULL },
	{ M_GET | M_POST, "/setup/sandbox",		NEED_CSRF,		 4 * KIB,  h_setup_sandbox, NULL },
	{ M_GET,	  "/setup/connect",		NEED_MAYBE,		 0,	   h_setup_connect, NULL },
	{ M_GET,	  "/setup/review",		NEED_MAYBE,		 0,	   h_setup_review, NULL },
	{ M_GET,	  "/setup/{code}",		NEED_MAYBE | LIMIT_SIGN_IN, 0,	   h_setup_open, NULL },
	{ M_GET,	  "/receipt/{code}",		NEED_MAYBE,		 0,	   h_receipt, NULL },

	/* Set-ups with a sandbox only. */
	{ M_GET,	  "/styleguide",		NEED_MAYBE,		 0,	   h_styleguide, NULL },
	{ M_GET,	  "/styleguide/{state}",	NEED_MAYBE,		 0,	   h_styleguide, NULL },
};
const size_t nroutes = sizeof(routes) / sizeof(routes[0]);
