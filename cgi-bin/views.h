/* SPDX-License-Identifier: MIT */
/*
 * views.h - what the pages show: plain structs that handlers fill.
 *
 * Everything is ready to show: texts in the reader's language, times formatted
 * through the catalogues' formats (strings.def), hrefs and form actions
 * complete (req_href).  No field carries a key.  Strings are borrowed from the
 * request's arena; NULL means "not there" and the template leaves the element
 * or the attribute out.  Zeroed structs are valid: fill what you have.
 *
 * A field's name here is its name in the templates (views.c holds the tables).
 * Where several bools exclude each other, the comment says "one of".
 */
#ifndef IB_VIEWS_H
#define IB_VIEWS_H

#include "../lib/tmpl/tmpl.h"

enum tpl {
	TPL_START,
	TPL_CONNECT_VISIBILITY,
	TPL_CONNECT_FACEBOOK,
	TPL_CONNECT_PAGES,
	TPL_CONNECT_IMPORT,
	TPL_INBOX,
	TPL_POLL,		/* fragment */
	TPL_PROBLEM,
	TPL_SHELF,
	TPL_HEALTH,
	TPL_SECURITY,
	TPL_SETTINGS,
	TPL_LEAVE,
	TPL_RECEIPT,
	TPL_SETUP,
	TPL_SETUP_PIPEDRIVE,	/* these have one view */
	TPL_SETUP_FACEBOOK,
	TPL_SETUP_CONNECT,
	TPL_SETUP_REVIEW,
	TPL_SETUP_SANDBOX,
	TPL_CUSTOMERS,
	TPL_RETENTION,
	TPL_AUDIT,
	TPL_SEARCH,
	TPL_EXPORT,
	TPL_EMBED,		/* inside Pipedrive: these four */
	TPL_EMBED_CHOICE,
	TPL_EMBED_SETTINGS,
	TPL_EMBED_NOTE,		/* view_problem */
	TPL_PANEL,
	TPL_KEYBOARD,
	TPL_NEWS,		/* fragment */
	TPL_FILTER,
	TPL_STYLEGUIDE,
	TPL_MAX
};

extern const struct tmpl_decl tpl_decls[TPL_MAX];

/* Around every page ---------------------------------------------------------- */

/* First member of every view.  Titles of pages are in the templates. */
struct view_frame {
	const char	*lang;		/* "en", "ja" */
	const char	*other_lang;	/* the other one */
	const char	*lang_action;	/* POST csrf, lang, back */
	const char	*here;		/* path (below base_url) and query of this page, value of `back` */
	const char	*reload;	/* href of this page */
	const char	*csrf;
	const char	*app_css, *app_js, *compose_js, *conv_js, *attach_js, *viewer_js, *embed_js, *keys_js, *notify_js,
			*state_js, *icon;	/* hrefs */
	const char	*guide_css;	/* of the style guide */
	const char	*setup_css, *setup_js;	/* of the set-up */
	const char	*touch_icon, *manifest, *manifest_en, *manifest_ja;	/* installed on a telephone */
	const char	*theme, *scheme; /* chosen: "dark", or NULL; as color-scheme: "light dark" */
	bool		 theme_auto, theme_light, theme_dark; /* one of */
	const char	*theme_action;	/* POST csrf, theme, back */
	const char	*prefs;		/* what this person has chosen, for scripts: "send=enter"; NULL: nothing */
	const char	*home;		/* href of the product name: inbox or start page */
	const char	*user;		/* signed-in person's name, NULL = signed out */
	const char	*company;
	const char	*settings;	/* href, when somebody is signed in */
	const char	*signout_action; /* POST csrf */
	const char	*sandbox;	/* demo only: href of the sandbox, else NULL */
	const char	*notice;	/* a sentence once, after a redirect, or NULL */
	bool		 notice_bad;	/* it tells of something that did not work */
	/* inside Pipedrive only; then csrf, here and what is in the bar are not there: */
	const char	*away;		/* "_blank": other pages of ours are no pages for the frame */
	struct view_embed *embed;
};

/* A page in a frame of Pipedrive's. */
struct view_embed {
	const char	*theme;		/* "light", "dark" */
	const char	*sdk;		/* the frame's id for embed.js, or NULL */
	const char	*renew;		/* href: the same again, once a fresh token is added; or NULL */
};

struct view_start {
	struct view_frame *frame;
	const char	*connect;	/* "/connect" */
	const char	*inbox;		/* when somebody is signed in, else NULL */
};

struct view_problem {
	struct view_frame *frame;
	const char	*text;		/* the sentence */
	const char	*way, *way_label; /* button, or both NULL */
	const char	*request_id;
};

/* Connecting ------------------------------------------------------------------- */

/* POST csrf, visibility=private|shared */
struct view_visibility {
	struct view_frame *frame;
	const char	*company;
	const char	*action;
	const char	*cancel;	/* href */
	const char	*error;		/* nothing was chosen, ...; or NULL */
	bool		 is_private, is_shared;	/* ticked at first; both false = none */
};

struct view_facebook {
	struct view_frame *frame;
	const char	*go;		/* href that leads on to Facebook's dialog */
	const char	*cancel;
	const char	*redirect_uri;	/* shown for "URL blocked" */
	const char	*declined;	/* names of permissions declined last time, or NULL */
};

/* POST csrf, page=ID (repeated) */
struct view_page_choice {
	const char	*id;		/* Page id: the value */
	const char	*dom_id;	/* "p-108422330517604" */
	const char	*name;
	const char	*initial;	/* first letter or character, for want of a picture */
	const char	*picture;	/* href or NULL */
	const char	*category;	/* or NULL */
	bool		 can;		/* may be ticked */
	bool		 ticked;
	bool		 here;		/* connected here already (can and ticked) */
	/* when !can, one of: */
	bool		 no_role;	/* the person may not manage it or answer for it */
	bool		 no_permission;	/* permission unticked in Facebook's dialog */
	bool		 other_company;	/* connected to another company */
	const char	*taken_by;	/* colleague who connected it */
};

struct view_pages {
	struct view_frame *frame;
	const char	*action;
	const char	*again;		/* href: ask Facebook again */
	const char	*cancel;
	const char	*error;		/* "Choose at least one Page", or NULL */
	bool		 empty;		/* no Page at all */
	bool		 none_can;	/* Pages, but none can be ticked */
	struct view_page_choice *pages;
	size_t		 n_pages;
};

struct view_import_page {
	const char	*dom_id;	/* "i-1" */
	const char	*name, *initial, *picture;
	/* one of: */
	bool		 waiting, running, paused, done, failed;
	const char	*detail;	/* paused, failed: the sentence, or NULL */
	bool		 has_total;	/* total is known: progress has a length */
	int64_t		 threads;	/* conversations so far */
	int64_t		 total;		/* of so many */
	int64_t		 messages;	/* so far */
};

struct view_import {
	struct view_frame *frame;
	const char	*inbox;
	bool		 running;	/* something waits, runs or pauses: the page renews itself */
	struct view_import_page *pages;
	size_t		 n_pages;
};

/* The inbox -------------------------------------------------------------------- */

struct view_left {			/* how long replies still pass */
	const char	*text;		/* "3 h left" */
	const char	*iso;		/* until when, for <time> */
	int64_t		 ms;		/* the same from now on */
	bool		 soon, urgent;	/* one of: within four hours, within the hour */
};

struct view_row {			/* a conversation in the list */
	int64_t		 id;
	const char	*href;		/* inside Pipedrive and in a narrowed list; else the template's */
	int64_t		 rev;		/* changes whenever the row looks different */
	const char	*current;	/* "page" for the open one, else NULL */
	const char	*name;
	const char	*initials;	/* "LV", "高"; "" for an unknown name: a silhouette */
	const char	*picture;	/* href or NULL */
	int64_t		 tint;		/* 0..7, from the id: colour of the initials */
	const char	*who;		/* "You:", "Anna:", or NULL for the customer */
	const char	*snippet;
	const char	*time;		/* "14:05", "Nov 21" */
	const char	*date;		/* "2026-11-21", for <time>; NULL today: the text says it */
	bool		 unread;
	const char	*count;		/* of unread messages: "3", "99+"; with unread */
	bool		 back;		/* was put off, and nothing has happened since it came back */
	bool		 failed;	/* a reply of ours failed */
	bool		 draft;		/* snippet is what the reader has begun to write */
	bool		 linked;	/* to a person, lead or deal */
	bool		 marks;		/* linked or unread: something stands beside the snippet */
	const char	*page;		/* Page's name; NULL when there is only one Page */
	const char	*page_mark;	/* its initials, on the picture */
	int64_t		 page_tint;	/* 0..7 */
	struct view_left *left;		/* unanswered, and replies pass for some hours only; else NULL */
	bool		 end;		/* failed or left: there is a third line */
};

struct view_sync {			/* how fresh the list is */
	const char	*text;		/* "Up to date, checked 03:10" */
	bool		 stale;		/* it is not, and somebody may have to act */
	const char	*health;	/* href of the health page, admins only */
	const char	*action;	/* POST csrf, thread */
	const char	*thread;	/* id of the open conversation, or NULL */
};

struct view_saved {			/* a filter of one's own */
	const char	*name, *href;
	const char	*current;	/* "page" for the one in use, else NULL */
};

struct view_list {
	struct view_row	*rows;
	size_t		 n_rows;
	bool		 live;		/* the newest rows: polls may merge into it */
	int64_t		 unread;	/* open conversations, all of them */
	/* "page" for the view that is shown, else NULL */
	const char	*on_open, *on_unread, *on_closing, *on_snoozed, *on_done;
	struct view_saved *saved;
	size_t		 n_saved;
	const char	*filter;	/* href of the page where the list is narrowed */
	const char	*query;		/* what it is narrowed to, NULL = open conversations */
	const char	*narrowed;	/* the same in words, where no view says it; or NULL */
	const char	*older;		/* "/inbox?before=KEY", or NULL */
	const char	*further;	/* the same, when so many were looked at that it is asked first, */
	const char	*looked;	/* and the sentence that says so */
	const char	*newest;	/* on older pages: back to the newest, else NULL */
	bool		 end;		/* on older pages: there are none after these */
	/* when there are no rows, one of: */
	bool		 no_pages;	/* nothing is connected */
	bool		 importing;	/* the import has not brought any yet */
	bool		 empty;		/* connected, but nobody has written */
	bool		 finished;	/* none is open */
	bool		 none;		/* of this kind */
	const char	*connect;	/* no_pages: href, NULL when this person may not */
	struct view_sync *sync;		/* NULL: no Page is connected */
};

struct view_span {			/* message text is a run of these */
	const char	*text;
	const char	*href;		/* a link when not NULL */
};

struct view_quote {			/* the message that was answered */
	const char	*who;		/* customer, colleague, "You" */
	const char	*text;		/* snippet */
	const char	*href;		/* "#m-..." when it is on this page, else its own address */
};

struct view_came {			/* the ad or link that started the chat */
	const char	*label;		/* "Came from an ad" */
	const char	*title;		/* of the ad, or NULL */
	const char	*facts;		/* "Reference spring-sale · Ad 6045", or NULL */
};

struct view_former {			/* an earlier text of an edited message */
	const char	*text;
};

struct view_reaction {
	const char	*emoji;
	const char	*who;		/* name, for the tooltip */
};

struct view_att {
	const char	*label;		/* "Photo", "Video", ... (STR_ATT_*) */
	/* one of these for media that cannot be shown: */
	bool		 pending;	/* not fetched yet */
	bool		 gone;		/* no longer available on Facebook */
	bool		 too_large;	/* not kept: too large */
	bool		 away;		/* not here, still on Facebook */
	const char	*load;		/* gone, away: POST csrf fetches it; or NULL */
	const char	*fb;		/* away: the conversation at Facebook, or NULL */
	/* else one of: */
	bool		 image, video, audio, file, sticker, location, link, card, booking, privacy, other;

	const char	*src;		/* image, sticker, video, audio: own address */
	const char	*href;		/* image: full size; file: download; location, link: foreign */
	const char	*emoji;		/* sticker that is an emoji (thumbs up): instead of src */
	const char	*width, *height; /* "640", as told: the page fits it; both or NULL */
	const char	*alt;		/* image, sticker */
	const char	*name;		/* file */
	const char	*size;		/* "1.2 MB" */
	const char	*title;		/* location, link, card, booking */
	const char	*text;		/* card: summary; booking: from, until; other: type's name */
	const char	*host;		/* link: "bramble.example" */
};

struct view_msg {
	int64_t		 id;
	int64_t		 rev;		/* changes whenever the message looks different */
	const char	*day;		/* separator above it: first message of a day, else NULL */
	const char	*day_id;	/* "d-20261122" */
	const char	*time;		/* "14:05" */
	const char	*datetime;

	const char	*line;		/* not a bubble: a small centred line with this text */
	bool		 line_card;	/* the card of `came` says all of it */
	const char	*line_text;	/* what was pressed, title of the ad, ...; or NULL */

	bool		 out;		/* from the Page */
	bool		 cont;		/* same sender within 5 min: no name above */
	const char	*who;		/* colleague's name or "You" (out), customer's name (in) */
	bool		 external;	/* written elsewhere at Facebook */
	struct view_quote *quote;
	bool		 has_text;
	bool		 big;		/* one to three emoji and nothing else */
	struct view_span *spans;
	size_t		 n_spans;
	struct view_att	*atts;
	size_t		 n_atts;
	bool		 deleted;	/* unsent: text and files are hidden */
	bool		 edited;
	struct view_former *former; /* edited: what it said before, oldest first */
	size_t		 n_former;
	struct view_came *came;	/* it started the chat from an ad or link, else NULL */
	bool		 unsupported;	/* something only Facebook can show */
	const char	*fb;		/* unsupported, or a line about a gap: link to Facebook or NULL */
	bool		 has_reactions;
	struct view_reaction *reactions;
	size_t		 n_reactions;

	/* out, one of (all false: nothing is said): */
	bool		 sending, sent, delivered, read, checking, failed;
	const char	*wait;		/* sending: what it waits for, until when; or NULL */
	const char	*undo;		/* POST by the composer's form: it can still be taken back, or NULL; */
	int64_t		 left;		/* for so many ms */
	const char	*reason;	/* failed: the sentence */
	const char	*help;		/* failed: "Who can help: ...", or NULL */
	/* failed: what helps, each may be NULL */
	const char	*retry;		/* POST csrf */
	const char	*edit;		/* href: text goes back into the box */
	const char	*dismiss;	/* POST csrf */
	const char	*reconnect;	/* href */
	const char	*open_fb;	/* href */
};

struct view_part {			/* one message of a long text */
	const char	*text;
};

/* Before a text goes. */
struct view_ask {
	const char	*text;		/* what is to be decided */
	struct view_part *parts;	/* the messages it would be */
	size_t		 n_parts;
	const char	*name, *value, *label;	/* the button that says yes */
	const char	*confirmed, *anyway;	/* what was said before: values of `parts`, `anyway`, or NULL */
};

struct view_kept_file {
	const char	*key;		/* of the upload */
	const char	*name, *size;
};

/* POST csrf, key, text, seen, base, replaces, upload (keys), files */
struct view_composer {
	const char	*action;	/* "/inbox/12/reply" */
	const char	*draft;		/* the same form to here: keep it */
	const char	*seen;		/* what this page shows of the conversation */
	const char	*base;		/* form that saved the text as a draft, or NULL */
	struct view_ask	*ask;		/* or NULL */
	const char	*key;		/* fresh random key */
	const char	*text;		/* kept text, or NULL */
	const char	*error;		/* sentence, or NULL */
	int64_t		 max;		/* 2000 UTF-16 units */
	const char	*replaces;	/* id of the failed reply that it writes anew, or NULL */
	const char	*until;		/* "tomorrow's" or today's time until which replies pass */
	struct view_left *left;		/* the same as time that is left, */
	const char	*days, *hours, *minutes; /* and how it is said, with {n} and {min} */
	/* one of: */
	bool		 plain;		/* within 24 h */
	bool		 ad;		/* past 24 h, after an ad: up to 7 days, Facebook may refuse */
	bool		 agent;		/* past 24 h: what somebody ticks as personal, 7 days */
	bool		 ticked;	/* agent: that was ticked in the form that was refused */
	bool		 enter;		/* Enter alone sends */
	struct view_kept_file *files;	/* of the form that was refused: here already */
	size_t		 n_files;
};

struct view_closed {			/* instead of the box */
	const char	*reason;	/* why (STR_CLOSED_*, codes.def) */
	const char	*since;		/* since when, or NULL */
	const char	*advice;	/* what can be done, or NULL */
	const char	*way, *way_label; /* button, or both NULL */
	const char	*text;		/* text that could not be sent or the draft, to copy; or NULL */
	bool		 is_draft;
	const char	*error;		/* sentence about that text, or NULL */
};

/* Pipedrive, beside a conversation ----------------------------------------------- */

struct view_crm_rec {			/* a person, lead or deal */
	const char	*dom_id;
	const char	*label;		/* "Person", "Lead", "Deal" */
	const char	*name;
	const char	*href;		/* in Pipedrive, or NULL */
	const char	*email, *phone;	/* all of them, joined; or NULL */
	const char	*facts;		/* value, stage, person, organization, joined; or NULL */
	const char	*why;		/* why it is suggested, or NULL */
	const char	*state;		/* linked: archived or gone, a sentence; or NULL */
	const char	*kind, *id;	/* "person", "51": values of the forms */
	const char	*slot;		/* linked: value of unlink ("person", "work") */
	bool		 stages;	/* linked deal: its stage can be changed (crm.stages) */
};

struct view_crm_option {
	const char	*value, *label;
	bool		 chosen;
};

/* POST csrf, key, what and the fields shown */
struct view_crm_form {
	const char	*what;		/* "person", "lead", ... */
	const char	*key;
	const char	*dom_id, *heading;	/* "crm-person", "New person" */
	bool		 open;		/* it was refused: shown at once */
	bool		 work;		/* lead, deal: it has title and value, */
	bool		 stages;	/* deal: and a stage (crm.new_stages) */
	bool		 who;		/* it has a person's name and addresses, */
	bool		 with_person;	/* lead, deal: of one that is made as well */
	bool		 anyway;	/* there are persons like this: a box to tick */
	const char	*name, *email, *phone, *title, *value, *currency;
	const char	*subject, *date, *time, *text;
};

struct view_crm_write {			/* under way, or refused */
	const char	*text;
	bool		 bad;
};

struct view_crm {
	const char	*href;		/* this panel as a page of its own */
	const char	*back;		/* the conversation */
	bool		 live;		/* Pipedrive was asked; else load it from href */
	bool		 pending;	/* something is under way: look again soon */
	const char	*said;		/* what was just done, or NULL */
	const char	*error, *words;	/* what was refused; Pipedrive's own words or NULL */
	const char	*away;		/* why not everything is here, or NULL */
	const char	*again;		/* href: ask all the same */
	const char	*link_action, *unlink_action, *write_action;	/* POST */
	struct view_crm_write *writes;
	size_t		 n_writes;
	struct view_crm_rec *links;	/* the person, the lead or deal */
	size_t		 n_links;
	bool		 none;		/* nothing is linked */
	struct view_crm_rec *hints;	/* who it may be */
	size_t		 n_hints;
	struct view_crm_rec *doubles;	/* persons like the one to be made */
	size_t		 n_doubles;
	struct view_crm_rec *open;	/* the person's other open deals and leads */
	size_t		 n_open;
	const char	*next, *next_due; /* next activity */
	bool		 next_over;	/* it is overdue */
	bool		 no_next;	/* there is none */
	const char	*term;		/* of the search, or NULL */
	struct view_crm_rec *found;
	size_t		 n_found;
	bool		 nothing;	/* the search found nothing */
	struct view_crm_option *stages;	/* of the linked deal */
	size_t		 n_stages;
	const char	*stage_key;	/* fresh random key */
	const char	*stage_now;	/* id of its stage */
	struct view_crm_option *new_stages, *types;
	size_t		 n_new_stages, n_types;
	struct view_crm_form *forms;	/* new person, lead, deal */
	size_t		 n_forms;
	struct view_crm_form *activity, *note;	/* NULL: nothing is linked that could have one */
};

/* The panel as a page of its own. */
struct view_panel_page {
	struct view_frame *frame;
	const char	*name;		/* customer */
	struct view_crm	*crm;
};

struct view_panel {			/* right-hand pane */
	const char	*name, *page;
	const char	*first_at, *last_at;	/* "Nov 3, 2026 14:05" */
	const char	*first_iso, *last_iso;
	struct view_came *came;		/* what started the chat, or NULL */
	const char	*href;		/* the panel as a page of its own */
	const char	*link;		/* title of the linked lead or deal, name of the person; or NULL */
};

/* POST csrf, do=done|reopen|unread|snooze, with the last one until=later|tomorrow|monday|at, at=2026-11-24T09:00 */
struct view_state {
	const char	*action;
	bool		 open;		/* else done or put off: */
	const char	*text;		/* "Done: Maria Tamm, Nov 22"; open: that it came back, or NULL */
	bool		 later;		/* today is long enough for "later today" */
	bool		 monday;	/* next Monday is not tomorrow */
	bool		 unread;	/* may be marked unread: not inside Pipedrive, where it is always open */
	const char	*at;		/* what was asked for and is refused, */
	const char	*error;		/* with the sentence; or NULL */
};

struct view_conv {			/* the open conversation */
	int64_t		 id;
	const char	*back;		/* the list; NULL: there is none to go back to */
	const char	*open;		/* inside Pipedrive: the same in the whole inbox, else NULL */
	const char	*name, *initials, *picture;
	int64_t		 tint;
	const char	*page;		/* Page's name */
	const char	*fb;		/* conversation at Facebook, or NULL */
	bool		 reads_only;	/* this person is held to reading */
	bool		 live;		/* shows the newest messages: polls may merge into it */
	const char	*pill;		/* in samples only: what a script would write */
	const char	*older;		/* "/inbox/12?before=KEY", or NULL at the end: */
	const char	*newer, *newest; /* on older pages: the next page, and back to the newest; else NULL */
	/* at the end, one of: */
	bool		 end_start;	/* the conversation begins here */
	bool		 end_facebook;	/* Facebook gives no more */
	bool		 end_importing;	/* older ones are still on their way */
	struct view_msg	*messages;
	size_t		 n_messages;
	bool		 empty;		/* no messages (yet) */
	struct view_composer *composer;	/* NULL: closed says why */
	struct view_closed *closed;
	struct view_panel *panel;
	struct view_state *state;
};

struct view_alert {			/* band above the panes: a Page needs attention */
	const char	*text;
	const char	*who;		/* "Who can help: ...", or NULL */
	const char	*way, *way_label;
};

struct view_inbox {
	struct view_frame *frame;
	const char	*poll;		/* "/poll?thread=12" */
	const char	*connected;	/* just connected: names of the Pages, joined; or NULL */
	const char	*import;	/* import runs: href of its page, else NULL */
	struct view_alert *alerts;
	size_t		 n_alerts;
	struct view_list *list;		/* never NULL */
	struct view_conv *conv;		/* NULL: none chosen */
	struct view_crm	*crm;		/* of the open conversation */
};

/* Events that could not be processed, for admins. */
struct view_shelf_event {
	const char	*dom_id;	/* "e-12" */
	const char	*at, *iso;	/* when it came */
	const char	*page;		/* Page's name */
	const char	*why;		/* sentence */
	const char	*size;		/* "2 KB", NULL when empty */
	int64_t		 tries;		/* how often it was tried again */
	bool		 tried;
	const char	*program;	/* version that tried last */
	const char	*download;	/* href: the event with its texts blanked */
};

struct view_shelf {
	struct view_frame *frame;
	const char	*inbox;		/* href */
	bool		 empty;
	int64_t		 total;
	bool		 more;		/* only the newest are listed */
	struct view_shelf_event *events;
	size_t		 n_events;
};

/* Health ----------------------------------------------------------------------- */

struct view_check {			/* one thing that was looked at */
	const char	*name;
	bool		 ok, attention, broken;	/* one of */
	const char	*evidence;	/* what was found */
	const char	*todo;		/* what to do, or NULL */
	const char	*who;		/* "Who can help: ...", or NULL */
	const char	*way, *way_label; /* button, or both NULL */
};

struct view_section {
	const char	*title;
	struct view_check *checks;
	size_t		 n_checks;
};

struct view_run {			/* a run of the engine */
	const char	*at, *iso;
	const char	*driver;	/* who drove it */
	const char	*result;
	bool		 bad;		/* it did not come to its end */
	const char	*figures;	/* what it did, or NULL */
};

struct view_code {			/* an error code nobody knows */
	const char	*service, *code;
	const char	*times, *at, *iso;
};

struct view_health {
	struct view_frame *frame;
	const char	*inbox, *security; /* hrefs */
	const char	*action;	/* POST csrf, health: compare now */
	bool		 ok, attention, broken;	/* one of: the worst of all checks */
	struct view_section *sections;
	size_t		 n_sections;
	struct view_run	*runs;
	size_t		 n_runs;
	bool		 some_runs;
	struct view_code *codes;
	size_t		 n_codes;
	bool		 some_codes;
};

struct view_security {
	struct view_frame *frame;
	const char	*health;	/* href */
	bool		 ok, attention, broken;	/* one of: the worst of all checks */
	struct view_section *sections;
	size_t		 n_sections;
};

/* Settings --------------------------------------------------------------------- */

struct view_own_page {			/* a connected Page */
	const char	*dom_id;	/* "page-3" */
	const char	*name;
	bool		 ok;		/* else `state` says what is wrong */
	const char	*state;
	const char	*by;		/* "Connected by Maria Tamm, Nov 3" */
	const char	*last;		/* "Last message 14:05", or that there was none */
	const char	*leave;		/* href: disconnect */
};

struct view_choice {			/* an <option> */
	const char	*value, *label;
	bool		 chosen;
};

/* Narrowing the list --------------------------------------------------------------- */

/* GET with the names of filters.def and show=yes; POST save: csrf, name, query; POST drop: csrf, name */
struct view_filter {
	struct view_frame *frame;
	const char	*action, *save, *drop;
	const char	*back;		/* the list as it was */
	const char	*query;		/* what was chosen */
	struct view_choice *states;
	size_t		 n_states;
	struct view_choice *pages;
	size_t		 n_pages;
	bool		 some_pages;	/* more than one */
	struct view_choice *links;
	size_t		 n_links;
	bool		 unread, failed;
	const char	*from, *to;	/* "2026-11-22" */
	const char	*words;		/* what is being narrowed to, in words; NULL = nothing */
	const char	*name;		/* as it was given, */
	const char	*error;		/* and why it is refused; or NULL */
	struct view_saved *saved;
	size_t		 n_saved;
	bool		 some_saved;
};

/* One of the person's own choices; the form's field `name`. */
struct view_pref_word { const char *word, *label; bool chosen; };
struct view_pref {
	const char	*name, *label;
	struct view_pref_word *words;
	size_t		 n_words;
};

/* Somebody who is neither administrator nor installer. */
struct view_reader {
	const char	*dom_id, *name, *email;	/* email NULL: not known */
	int64_t		 id;
	bool		 reads_only;
};

struct view_settings {
	struct view_frame *frame;
	const char	*inbox;		/* href, NULL: this person may not read */
	const char	*company, *owner;
	bool		 shared, is_private;	/* one of */
	bool		 reads;		/* this person may read */
	bool		 keeper;	/* may change and remove it */
	const char	*visibility;	/* POST csrf, visibility; owner only, else NULL */
	struct view_own_page *pages;
	size_t		 n_pages;
	bool		 no_pages;
	const char	*more;		/* href: connect further Pages, or NULL */
	const char	*health, *retention, *customers, *export, *audit, *remove; /* hrefs or NULL */
	const char	*retention_is;	/* "Messages are kept for 90 days." */
	const char	*transcripts;	/* POST csrf, transcripts on or off; NULL: nothing is logged of a private one */
	bool		 logs, logs_not;	/* one of */
	const char	*settings;	/* href of the page itself */
	const char	*person;	/* POST csrf, lang, zone */
	bool		 is_en, is_ja;
	const char	*zone;		/* chosen here, "" = Pipedrive's */
	const char	*zone_now;	/* in use: "Europe/Tallinn, now 14:05" */
	struct view_pref *prefs;
	size_t		 n_prefs;
	const char	*reader;	/* POST csrf, user, reads only or writes; NULL: not for this person to say */
	struct view_reader *readers;
	size_t		 n_readers;
};

struct view_line { const char *text; };

/* Before something is taken away: what will happen.  POST csrf, keep=0|30 */
struct view_leave {
	struct view_frame *frame;
	bool		 all, page, customer;	/* one of */
	const char	*name;		/* of company, Page, customer */
	struct view_line *lines;	/* what will happen, in order */
	size_t		 n_lines;
	const char	*action, *cancel;
	const char	*export;	/* href: take a copy first, or NULL */
	bool		 choice;	/* erase now or keep for a while */
	const char	*keep_until;	/* date */
};

/* The set-up in the browser ----------------------------------------------------- */

struct view_setup_step {
	int64_t		 n;
	const char	*name, *href;
	const char	*here;		/* "step": this one is shown; or NULL */
	bool		 ok;
	const char	*state;		/* "done", "open"; NULL: there is nothing to tick */
};

struct view_copy {			/* a value to be copied into a service's form */
	const char	*label, *value;
	const char	*dom_id;
};

struct view_copies {			/* those of one page of that form */
	const char	*title;
	const char	*hint;		/* or NULL */
	struct view_copy *copies;
	size_t		 n_copies;
};

struct view_permission {		/* a permission or scope, */
	const char	*name;
	const char	*dom_id;
	const char	*screen;	/* the screen that uses it, */
	const char	*use, *shots, *call; /* and for Facebook's review: text, shots, test call */
};

/*
 * POST pipedrive: csrf, client_id, client_secret, jwt_secret, no_jwt; facebook: csrf,
 * app_id, app_secret, config_id, human_agent; again: csrf, hook; end: csrf
 */
struct view_setup {
	struct view_frame *frame;
	int64_t		 until_ms;	/* end of the session; */
	const char	*until;		/* as people read it */
	struct view_setup_step *steps;
	size_t		 n_steps;
	struct view_check *checks;	/* of the step shown */
	size_t		 n_checks;
	bool		 all_ok;	/* each of them is */
	const char	*next, *next_name; /* the next open step, or NULL */
	struct view_copies *groups;
	size_t		 n_groups;
	struct view_permission *permissions;
	size_t		 n_permissions;
	const char	*action, *again, *end;
	const char	*error;		/* about what was pasted, or NULL */
	bool		 has_pipedrive, has_facebook, has_jwt, human_agent;
	const char	*client_id, *app_id, *config_id; /* as they are, or were pasted */
	const char	*file;		/* in which all that is kept */
	const char	*start, *connect; /* hrefs */
	const char	*sandbox;	/* href of the page about it, as long as there is use for it */
	bool		 sandbox_on, sandbox_free; /* it is on; nothing real is in its way */
	bool		 erasing;	/* what it left is not erased yet */
	const char	*command;	/* that starts it */
};

struct view_receipt {
	struct view_frame *frame;
	const char	*code;
	bool		 all, page, customer, login;	/* one of */
	bool		 keeping, erasing, waiting, done, returned; /* one of */
	const char	*started, *started_iso;
	const char	*keep_until;	/* keeping */
	const char	*ended;		/* done, returned */
	struct view_line *lines;	/* what and how many */
	size_t		 n_lines;
	const char	*start;		/* href: start page */
};

struct view_found {			/* a customer */
	const char	*dom_id;
	const char	*name, *page, *last;
	const char	*href;		/* to the page before deleting */
};

struct view_customers {
	struct view_frame *frame;
	const char	*action;	/* GET q */
	const char	*q;
	bool		 asked, none, more;
	struct view_found *found;
	size_t		 n_found;
	const char	*back;
};

struct view_retention {
	struct view_frame *frame;
	const char	*action;	/* GET days: preview; POST csrf, days */
	const char	*days;		/* in the box */
	const char	*error;
	const char	*now;		/* what holds today */
	const char	*preview;	/* what would go, or NULL */
	const char	*preview_days;	/* value that would be set */
	const char	*back;
};

struct view_audit_line {
	const char	*at, *iso;
	const char	*what, *who, *detail;	/* who, detail: or NULL */
};

struct view_audit {
	struct view_frame *frame;
	const char	*action;	/* GET what, who, from, to */
	struct view_choice *whats;
	size_t		 n_whats;
	struct view_choice *people;
	size_t		 n_people;
	const char	*from, *to;
	struct view_audit_line *lines;
	size_t		 n_lines;
	bool		 none;
	const char	*older;		/* href or NULL */
	const char	*back;
};

struct view_piece {			/* of a text: what was looked for, or what stands around it */
	const char	*text;
	bool		 hit;
};

struct view_hit {			/* a message */
	const char	*href;
	const char	*who;		/* "You:", or NULL for the customer */
	const char	*time, *date;	/* as in view_row */
	struct view_piece *pieces;
	size_t		 n_pieces;
};

struct view_group {			/* hits of a conversation, newest first */
	struct view_row	*row;
	struct view_hit	*hits;
	size_t		 n_hits;
};

struct view_search {			/* GET q, page, from, to */
	struct view_frame *frame;
	const char	*action, *back;
	const char	*q, *from, *to;
	struct view_choice *pages;	/* empty with one Page */
	size_t		 n_pages;
	bool		 filtered;	/* not all messages were asked for */
	bool		 too_long, often;	/* why nothing was looked for */
	bool		 asked, none;
	bool		 building;	/* the index is being made anew */
	bool		 partial;	/* the time was over */
	struct view_row	*names;		/* conversations that are called so, or linked to what is */
	size_t		 n_names;
	struct view_group *groups;
	size_t		 n_groups;
	const char	*older, *further;	/* hrefs or NULL */
};

struct view_export {			/* a copy of everything */
	const char	*at, *until;
	bool		 ready;		/* else it is being built */
	const char	*figures, *size;
	const char	*href;		/* ready */
};

struct view_exports {			/* POST csrf: build another */
	struct view_frame *frame;
	const char	*action;
	bool		 building;	/* the page renews itself */
	bool		 none;
	struct view_export *exports;
	size_t		 n_exports;
	const char	*back;
};

/* Inside Pipedrive ------------------------------------------------------------- */

struct view_linked {			/* which of the conversations linked to a record */
	struct view_frame *frame;
	const char	*inbox;		/* href */
	bool		 none;		/* nothing is linked */
	struct view_row	*rows;
	size_t		 n_rows;
};

/* The style guide: what there is, and where it is shown. */
struct view_guide_state { const char *title, *text, *href; };

struct view_guide_group {
	const char	*title;
	struct view_guide_state *states;
	size_t		 n_states;
};

struct view_guide {
	struct view_frame *frame;
	struct view_guide_group *groups;
	size_t		 n_groups;
};

struct view_poll {			/* the same list and conversation, newest part */
	struct view_frame *frame;	/* csrf, lang */
	struct view_list *list;
	struct view_conv *conv;
};

struct view_keyboard {			/* what the keys of the inbox do */
	struct view_frame *frame;
	const char	*inbox, *settings;	/* href */
};

struct view_news {			/* what is new since somebody last looked */
	int64_t		 rev;		/* of the latest; 0: nothing new, and the rest NULL */
	const char	*title;		/* customer; NULL when it is about several */
	const char	*text;
	const char	*href;
};

#endif
