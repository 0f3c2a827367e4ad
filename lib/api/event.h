/* SPDX-License-Identifier: MIT */
/*
 * event.h - what Messenger tells us, in one shape.
 *
 * A webhook body holds entries of several Pages, each with events in
 * messaging[], standby[] and changes[] (messenger.md 4.4).  The Conversations
 * API tells of the same messages in another form (6.2).  Both become struct
 * fb_event: JSON in, plain C out; no SQL, no HTTP.
 *
 * Parsing never fails for an event: what cannot be understood comes out as
 * FB_UNKNOWN (kept, shown to nobody but admins) or, where a customer clearly
 * acted, as a message with a card "unsupported".  Texts are cleaned and capped
 * here (str_clean); urls are only kept when they are absolute http(s).
 */
#ifndef IB_EVENT_H
#define IB_EVENT_H

#include "../base/arena.h"
#include "../base/json.h"

enum fb_kind {
	FB_MESSAGE,	/* a bubble: text and/or attachments, either direction */
	FB_LINE,	/* a line in the thread: postback, referral, order, feedback... */
	FB_EDIT,	/* new text of a mid */
	FB_REACTION,	/* set or cleared on a mid */
	FB_DELETE,	/* mid was unsent */
	FB_DELIVERY,	/* watermark */
	FB_READ,	/* watermark */
	FB_CONTROL,	/* another app took or gave the thread */
	FB_POLICY,	/* Facebook warns, blocks or unblocks the Page */
	FB_PAGE_NAME,	/* the Page was renamed: text */
	FB_HINT,	/* something happened in this thread: look */
	FB_TEST,	/* the dashboard's Test button */
	FB_IGNORE,	/* understood, nothing to keep */
	FB_UNKNOWN,	/* not understood: quarantine */
	FB_KIND_MAX
};

/* FB_LINE: what happened.  The number is stored: append only. */
enum fb_line {
	FB_LINE_NONE, FB_LINE_POSTBACK, FB_LINE_REFERRAL, FB_LINE_ORDER,
	FB_LINE_FEEDBACK, FB_LINE_COUPON, FB_LINE_LEAD, FB_LINE_ADMIN_TEXT,
	FB_LINE_OPTIN,
	FB_LINE_GAP,	/* ours: here Facebook no longer gives what there was */
	FB_LINE_MAX
};

/* Attachment types; the number is stored: append only. */
enum fb_att {
	FB_ATT_IMAGE = 1, FB_ATT_VIDEO, FB_ATT_AUDIO, FB_ATT_FILE, FB_ATT_STICKER,
	FB_ATT_LOCATION,	/* url = map link */
	FB_ATT_LINK,		/* fallback, share, reel, post: title and url, never fetched */
	FB_ATT_TEMPLATE,	/* summary in title */
	FB_ATT_BOOKING,		/* title = status, name = "start/end" in ISO 8601, fb_id = booking */
	FB_ATT_PRIVACY,		/* "media not available" placeholder of Europe/Japan */
	FB_ATT_OTHER,		/* unknown type: title = the type's name */
	FB_ATT_MAX
};

struct fb_attachment {
	enum fb_att	 type;
	const char	*url;		/* absolute http(s) or NULL */
	const char	*title;		/* cleaned text or NULL */
	const char	*name;		/* file name, cleaned, or NULL */
	const char	*mime;		/* as told, or NULL */
	const char	*fb_id;		/* attachment or sticker id, or NULL */
	int64_t		 size;		/* bytes, 0 unknown */
	int32_t		 width, height;	/* 0 unknown */
};
#define FB_ATT_PER_MESSAGE	32	/* more are dropped and counted in natt_dropped */

struct fb_reaction { const char *emoji; bool by_page; };

struct fb_event {
	enum fb_kind	 kind;
	enum fb_line	 line;
	bool		 standby;	/* another app holds the thread */
	bool		 out;		/* sent by the Page (echo); also a reaction or edit of the Page's own */
	bool		 exact;		/* `at` has milliseconds of Meta's clock */
	bool		 has_at;	/* the event itself carried a time */
	bool		 history;	/* from the Conversations API, not news */
	const char	*page;		/* Page id; "" where nothing names one */
	const char	*psid;		/* customer; NULL where the event has none */
	int64_t		 at;		/* ms; entry time when the event has none */

	const char	*mid;		/* as received; NULL for lines without one.  Of an
					   edit, reaction, delete: the message they concern */
	const char	*key;		/* text that identifies the fact, see below */
	const char	*app_id;	/* of an echo, text, or NULL */
	const char	*metadata;	/* of an echo, or NULL */
	const char	*text;		/* cleaned, NULL when none; of a policy event: the reason */
	const char	*reply_to;	/* mid quoted (of feedback: mid rated), or NULL */
	const char	*customer_name;	/* from the Conversations API, or NULL */
	bool		 unsupported;
	struct fb_attachment *att;
	size_t		 natt, natt_dropped;
	struct fb_reaction *reactions;	/* Conversations API only */
	size_t		 nreactions;

	int64_t		 watermark;	/* delivery, read: ms */
	const char	*const *mids;	/* delivery: may be empty */
	size_t		 nmids;
	int64_t		 edit_num;
	const char	*emoji;		/* reaction; NULL = taken back */
	const char	*referral;	/* compact JSON: ref, source, type, ad_id, ad_title,
					   product_id (those there are); or NULL.
					   On FB_LINE_REFERRAL and on first messages after an ad */
	bool		 ad;		/* that tells of a click on an ad which opens the thread */
	const char	*detail;	/* line: title of the button, order summary, ...; message: title of its ad,
					   or where its link came from; cleaned */
	const char	*owner_app;	/* control: new owner's app id, NULL = nobody */
	const char	*fb_thread;	/* hint or API: "t_..." */
	const char	*policy;	/* "warning", "block", "unblock" */
	struct json	*raw;		/* borrowed from the document */
};

/*
 * The key.  Of anything with a mid it is that mid without one leading "m_", so
 * that webhook, Send API and Conversations API agree (messenger.md 6.5).  Of
 * anything else it is "kind:psid:time:payload": the kind's name ("postback",
 * "referral", ...), the PSID or "-", the time told by the event or its entry
 * in milliseconds or 0, never our clock, and what tells two such facts apart
 * (payload of a postback, the referral, the watermark).  A payload over 64
 * bytes or with anything but visible ASCII is "#" and the first 32 hex digits
 * of its SHA-256.  Equal bodies thus give equal keys.
 */

/*
 * Split a verified webhook body.  `root` is its parsed JSON; `now` serves
 * events without any time.  *out is an array in the arena, in order of the
 * body.  Objects other than "page" give zero events.  IB_EPARSE when the
 * envelope is not an object; IB_ELIMIT over 1,000 events.
 */
IB_MUST const struct ib_err *fb_events(struct arena *a, struct json *root,
    int64_t now, struct fb_event **out, size_t *n);

/* The same rule for a mid that came from elsewhere (Send API). */
const char *fb_mid_key(const char *mid);

/* One message object of the Conversations API for the Page; false when it lacks id or time. */
bool fb_event_from_api(struct arena *a, struct json *message, const char *page,
    struct fb_event *out);

/*
 * Attachments as the Conversations API lists them, {"data":[...]} or a bare
 * array, in order.  Returns how many; at most FB_ATT_PER_MESSAGE.
 */
size_t fb_attachments_from_api(struct arena *a, struct json *list,
    struct fb_attachment **out);

#endif
