/* SPDX-License-Identifier: MIT */
/*
 * event.c - from Facebook's JSON to struct fb_event.
 *
 * No state.  Everything that is kept is copied into the caller's arena, except
 * `raw`, which stays in the document.  What can fail: memory, an envelope that
 * is not an object, and too many events.  A single event never fails: at worst
 * it is FB_UNKNOWN.
 *
 * Layout: small helpers, attachments of webhooks, attachments of the
 * Conversations API, one parser per kind of event, the envelope.
 */
#include "event.h"

#include "../base/clock.h"
#include "../base/crypt.h"
#include "../base/filetype.h"
#include "../base/str.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define EVENTS_MAX	1000
#define ID_BYTES	512	/* ids are opaque; mids of 200 characters were seen */
#define TEXT_MAX	20000	/* code points of a message */
#define DETAIL_MAX	4000	/* of a line in the thread */
#define TITLE_MAX	1000	/* of a card */
#define WORD_MAX	300	/* of one-line values */
#define MIDS_MAX	1000
#define REACTIONS_MAX	64
#define SUMMARY_BYTES	((size_t)64 << 10)
#define KEY_PLAIN	64

/* Values below are seconds, above milliseconds (messenger.md 4.4). */
#define SECONDS_BELOW	INT64_C(100000000000)
#define TIME_MAX	INT64_C(253402300799999)

#define FB_WEB		"https://www.facebook.com"
#define IG_WEB		"https://www.instagram.com"
#define THUMBS_UP	"\xf0\x9f\x91\x8d"

struct ctx {
	struct arena	*a;
	int64_t		 entry_at;	/* ms, or 0 */
};

/* Helpers ------------------------------------------------------------------ */

/* An id as text in the arena; NULL when it is none. */
static const char *
opaque(struct arena *a, struct json *j)
{
	const char *s = json_str(j);
	size_t n;

	if (s == NULL && (s = json_id(a, j)) == NULL)
		return NULL;
	for (n = 0; s[n] != '\0'; n++) {
		if ((unsigned char)s[n] < 0x20 || s[n] == 0x7f || n >= ID_BYTES)
			return NULL;
	}
	return n == 0 ? NULL : arena_dupn(a, s, n);
}

static const char *
opaque_of(struct arena *a, struct json *obj, const char *member)
{
	struct json *j = json_get(obj, member);

	return j == NULL ? NULL : opaque(a, j);
}

/* Text on several lines; NULL when nothing is left of it. */
static const char *
text_of(struct arena *a, const char *s, size_t max)
{
	char *t;

	if (s == NULL || *s == '\0')
		return NULL;
	t = str_clean(a, s, strlen(s), max, NULL);
	return t == NULL || *t == '\0' ? NULL : t;
}

/* Text on one line; NULL when blank. */
static const char *
line_of(struct arena *a, const char *s, size_t max)
{
	char *t;

	if (str_blank(s))
		return NULL;
	t = str_line(a, s, strlen(s), max);
	return t == NULL || *t == '\0' ? NULL : t;
}

static const char *
web_url(struct arena *a, const char *s)
{
	return s != NULL && url_is_web(s, false) ? arena_dup(a, s) : NULL;
}

/* As web_url, with "/path" put under `base`. */
static const char *
web_url_under(struct arena *a, const char *s, const char *base)
{
	if (s != NULL && s[0] == '/' && s[1] != '/' && s[1] != '\\')
		s = arena_printf(a, "%s%s", base, s);
	return web_url(a, s);
}

/* Lists are arrays; a lone object counts as a list of one. */
static size_t
list_len(struct json *j)
{
	if (json_is_array(j))
		return json_len(j);
	return json_is_object(j) ? 1 : 0;
}

static struct json *
list_at(struct json *j, size_t i)
{
	return json_is_array(j) ? json_at(j, i) : i == 0 ? j : NULL;
}

/* Graph wraps lists in {"data":[...]}; bare arrays are taken too. */
static struct json *
data_of(struct json *j)
{
	struct json *d = json_get(j, "data");

	return d != NULL ? d : j;
}

/* Seconds or milliseconds to milliseconds; 0 when it is no time. */
static int64_t
time_ms(struct json *j, bool *exact)
{
	int64_t t;

	*exact = false;
	if (j == NULL)
		return 0;
	t = json_int(j, 0);
	if (t <= 0 || t > TIME_MAX)
		return 0;
	if (t < SECONDS_BELOW)
		return t * 1000;
	*exact = true;
	return t;
}

static void
hash_hex(const void *p, size_t n, char out[33])
{
	uint8_t md[32];

	crypt_sha256(p, n, md);
	str_hex(out, md, 16);
}

const char *
fb_mid_key(const char *mid)
{
	return mid != NULL && strncmp(mid, "m_", 2) == 0 && mid[2] != '\0' ? mid + 2 : mid;
}

/* See event.h, "The key". */
static const char *
line_key(struct arena *a, const struct fb_event *ev, const char *kind, int64_t at,
    const char *payload)
{
	char hex[33];
	size_t n = 0;

	if (payload == NULL)
		payload = "";
	while (payload[n] > 0x20 && payload[n] < 0x7f && n < KEY_PLAIN)
		n++;
	hex[0] = '\0';
	if (payload[n] != '\0') {
		hash_hex(payload, strlen(payload), hex);
		payload = hex;
	}
	return arena_printf(a, "%s:%s:%" PRId64 ":%s%s", kind, ev->psid != NULL ? ev->psid : "-",
	    at, hex[0] != '\0' ? "#" : "", payload);
}

/* Append s to a summary, with a separator between pieces. */
static void
sum_put(struct ib_buf *b, const char *sep, const char *s)
{
	if (str_blank(s))
		return;
	if (b->len > 0)
		buf_puts(b, sep);
	buf_puts(b, s);
}

static const char *
sum_take(struct arena *a, struct ib_buf *b, size_t max)
{
	const char *s = text_of(a, buf_cstr(b), max);

	buf_fini(b);
	return s;
}

/* Files -------------------------------------------------------------------- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The last segment of a URL's path, percent-decoded. */
static const char *
url_file_name(struct arena *a, const char *url)
{
	const char *p, *end, *seg;
	char *t;
	size_t o = 0;
	int hi, lo;

	if (url == NULL || (p = strstr(url, "://")) == NULL)
		return NULL;
	p += 3;
	end = p + strcspn(p, "?#");
	p += strcspn(p, "/?#");
	for (seg = p; p < end; p++) {
		if (*p == '/')
			seg = p + 1;
	}
	if (seg >= end || (t = arena_dupn(a, seg, (size_t)(end - seg))) == NULL)
		return NULL;
	for (p = seg; p < end; p++) {
		if (*p == '%' && end - p > 2 && (hi = hex_digit(p[1])) >= 0 &&
		    (lo = hex_digit(p[2])) >= 0) {
			t[o++] = (char)(hi << 4 | lo);
			p += 2;
		} else
			t[o++] = *p;
	}
	return file_name_clean(a, t, o);
}

/* "type/subtype" in lower case without parameters; NULL when it is not that. */
static const char *
mime_of(struct arena *a, const char *s)
{
	char *t;
	size_t i, slash = 0;

	if (s == NULL)
		return NULL;
	for (i = 0; s[i] != '\0' && s[i] != ';' && s[i] != ' '; i++) {
		if (s[i] == '/' && slash == 0 && i > 0)
			slash = i;
		else if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
		    (s[i] >= '0' && s[i] <= '9') || strchr("+-._", s[i]) != NULL) || i > 100)
			return NULL;
	}
	if (slash == 0 || slash + 1 == i || (t = arena_dupn(a, s, i)) == NULL)
		return NULL;
	for (i = 0; t[i] != '\0'; i++) {
		if (t[i] >= 'A' && t[i] <= 'Z')
			t[i] = (char)(t[i] - 'A' + 'a');
	}
	return t;
}

static const char *
mime_extension(const char *mime)
{
	static const struct { const char *mime, *ext; } table[] = {
		{ "image/jpeg", ".jpg" }, { "image/png", ".png" }, { "image/gif", ".gif" },
		{ "image/webp", ".webp" }, { "video/mp4", ".mp4" }, { "audio/mpeg", ".mp3" },
		{ "audio/mp4", ".m4a" }, { "application/pdf", ".pdf" }, { "text/plain", ".txt" }
	};
	size_t i;

	for (i = 0; mime != NULL && i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(mime, table[i].mime) == 0)
			return table[i].ext;
	}
	return NULL;
}

/* Templates ---------------------------------------------------------------- */

static void
sum_buttons(struct ib_buf *b, struct json *buttons, const char **url)
{
	size_t i, n = list_len(buttons);
	struct json *bt;
	const char *title;

	for (i = 0; i < n && i < 10; i++) {
		bt = list_at(buttons, i);
		title = json_get_str(bt, "title");
		if (*url == NULL)
			*url = json_get_str(bt, "url");
		if (str_blank(title))
			continue;
		if (b->len > 0)
			buf_putc(b, ' ');
		buf_printf(b, "[%s]", title);
	}
}

static void
sum_elements(struct ib_buf *b, struct json *elements, const char **url)
{
	size_t i, n = list_len(elements), before;
	struct json *el;
	const char *title, *sub;

	for (i = 0; i < n && i < 20; i++) {
		el = list_at(elements, i);
		title = json_get_str(el, "title");
		sub = json_get_str(el, "subtitle");
		before = b->len;
		sum_put(b, "\n", title);
		sum_put(b, b->len > before ? " \xe2\x80\x94 " : "\n", sub);
		sum_buttons(b, json_get(el, "buttons"), url);
		if (*url == NULL)
			*url = json_get_str(json_get(el, "default_action"), "url");
	}
}

/* Summary and, where there is one, the first address of a template. */
static void
template_fill(struct arena *a, struct fb_attachment *out, struct json *payload,
    const char *title, const char *url)
{
	struct ib_buf b;

	buf_init(&b, SUMMARY_BYTES);
	sum_put(&b, "\n", json_get_str(payload, "text"));
	sum_put(&b, "\n", json_get_str(payload, "title"));
	sum_put(&b, " \xe2\x80\x94 ", json_get_str(payload, "subtitle"));
	sum_elements(&b, json_get(payload, "elements"), &url);
	sum_elements(&b, json_get(json_get(payload, "product"), "elements"), &url);
	sum_buttons(&b, json_get(payload, "buttons"), &url);
	sum_buttons(&b, json_get(payload, "cta"), &url);
	if (b.len == 0)
		sum_put(&b, "\n", title);
	out->type = FB_ATT_TEMPLATE;
	out->title = sum_take(a, &b, TITLE_MAX);
	out->url = web_url(a, url);
}

/* Attachments of webhooks -------------------------------------------------- */

static void
location_fill(struct arena *a, struct fb_attachment *out, struct json *payload, const char *url)
{
	struct json *c = json_get(payload, "coordinates");
	double lat = json_num(json_get(c, "lat"), NAN);
	double lon = json_num(json_get(c, "long"), NAN);

	if (isnan(lon))
		lon = json_num(json_get(c, "lng"), NAN);
	out->type = FB_ATT_LOCATION;
	if (lat >= -90 && lat <= 90 && lon >= -180 && lon <= 180)
		out->url = arena_printf(a,
		    "https://www.openstreetmap.org/?mlat=%.6f&mlon=%.6f#map=16/%.6f/%.6f",
		    lat, lon, lat, lon);
	else
		out->url = web_url(a, url);
}

static void
booking_fill(struct arena *a, struct fb_attachment *out, struct json *payload)
{
	char from[25] = "", to[25] = "";
	bool exact;
	int64_t t;

	out->type = FB_ATT_BOOKING;
	out->title = line_of(a, json_get_str(payload, "status"), WORD_MAX);
	out->fb_id = opaque_of(a, payload, "booking_id");
	if ((t = time_ms(json_get(payload, "start_time"), &exact)) > 0)
		clock_iso(t, from);
	if ((t = time_ms(json_get(payload, "end_time"), &exact)) > 0)
		clock_iso(t, to);
	if (from[0] != '\0' || to[0] != '\0')
		out->name = arena_printf(a, "%s/%s", from, to);
}

enum shape { SHAPE_MEDIA, SHAPE_STICKER, SHAPE_PLACE, SHAPE_LINK, SHAPE_TEMPLATE, SHAPE_BOOKING };

static const struct att_type {
	const char	*name;
	enum shape	 shape;
	enum fb_att	 type;
	const char	*base;		/* of relative addresses */
} att_types[] = {
	{ "image", SHAPE_MEDIA, FB_ATT_IMAGE, NULL },
	{ "video", SHAPE_MEDIA, FB_ATT_VIDEO, NULL },
	{ "audio", SHAPE_MEDIA, FB_ATT_AUDIO, NULL },
	{ "file", SHAPE_MEDIA, FB_ATT_FILE, NULL },
	{ "sticker", SHAPE_STICKER, FB_ATT_STICKER, NULL },
	{ "fallback", SHAPE_LINK, FB_ATT_LINK, NULL },
	{ "location", SHAPE_PLACE, FB_ATT_LOCATION, NULL },
	{ "template", SHAPE_TEMPLATE, FB_ATT_TEMPLATE, NULL },
	{ "share", SHAPE_LINK, FB_ATT_LINK, FB_WEB },
	{ "reel", SHAPE_LINK, FB_ATT_LINK, FB_WEB },
	{ "post", SHAPE_LINK, FB_ATT_LINK, FB_WEB },
	{ "ig_reel", SHAPE_LINK, FB_ATT_LINK, IG_WEB },
	{ "ig_post", SHAPE_LINK, FB_ATT_LINK, IG_WEB },
	{ "appointment_booking", SHAPE_BOOKING, FB_ATT_BOOKING, NULL }
};

static void
att_parse(struct arena *a, struct json *j, struct fb_attachment *out)
{
	struct json *payload = json_get(j, "payload");
	const char *type = json_get_str(j, "type"), *url, *title, *name;
	const struct att_type *t = NULL;
	size_t i;

	memset(out, 0, sizeof(*out));
	if (json_is_string(payload))
		url = json_str(payload);
	else
		url = json_get_str(payload, "url");
	if (str_blank(url))
		url = json_get_str(j, "url");
	if (str_blank(title = json_get_str(payload, "title")))
		title = json_get_str(j, "title");

	for (i = 0; type != NULL && i < sizeof(att_types) / sizeof(att_types[0]); i++) {
		if (strcmp(type, att_types[i].name) == 0) {
			t = &att_types[i];
			break;
		}
	}
	if (t == NULL) {
		out->type = FB_ATT_OTHER;
		out->title = line_of(a, type, 60);
		out->url = web_url(a, url);
		return;
	}
	switch (t->shape) {
	case SHAPE_TEMPLATE:
		template_fill(a, out, payload, title, url);
		return;
	case SHAPE_PLACE:
		location_fill(a, out, payload, url);
		out->title = line_of(a, title, WORD_MAX);
		return;
	case SHAPE_BOOKING:
		booking_fill(a, out, payload);
		return;
	case SHAPE_LINK:
		out->type = t->type;
		out->title = text_of(a, title, TITLE_MAX);
		out->url = t->base != NULL ? web_url_under(a, url, t->base) : web_url(a, url);
		return;
	case SHAPE_MEDIA:
	case SHAPE_STICKER:
		out->type = t->type;
		out->url = web_url(a, url);
		out->fb_id = opaque_of(a, payload, "sticker_id");
		if (out->type == FB_ATT_IMAGE && out->fb_id != NULL)
			out->type = FB_ATT_STICKER;
		if (out->type == FB_ATT_STICKER)
			return;
		if (out->fb_id == NULL)
			out->fb_id = opaque_of(a, payload, "attachment_id");
		if (str_blank(name = json_get_str(payload, "name")))
			name = title;
		if (!str_blank(name))
			out->name = file_name_clean(a, name, strlen(name));
		if (out->name == NULL)
			out->name = url_file_name(a, out->url);
		return;
	}
}

static bool
is_thumbs_up(const char *id)
{
	return str_eq(id, "369239263222822") || str_eq(id, "369239343222814") ||
	    str_eq(id, "369239383222810");
}

/*
 * Stickers came once as a sticker and an image with one address, and are one
 * thing: the sticker.  Two equal pictures of an album stay two.
 */
static size_t
att_dedupe(struct fb_attachment *att, size_t n)
{
	size_t i, k, o = 0;
	bool twin;

	for (i = 0; i < n; i++) {
		twin = false;
		for (k = 0; k < n && !twin && att[i].url != NULL; k++) {
			if (k == i || att[k].type != FB_ATT_STICKER ||
			    !str_eq(att[k].url, att[i].url))
				continue;
			twin = att[i].type == FB_ATT_IMAGE ||
			    (att[i].type == FB_ATT_STICKER && k < i);
		}
		if (!twin) {
			if (o != i)
				att[o] = att[i];
			o++;
		}
	}
	return o;
}

static void
atts_parse(struct arena *a, struct json *list, struct fb_event *ev)
{
	size_t i, o, n = list_len(list);

	if (n > FB_ATT_PER_MESSAGE) {
		ev->natt_dropped = n - FB_ATT_PER_MESSAGE;
		n = FB_ATT_PER_MESSAGE;
	}
	if (n == 0 || (ev->att = ARENA_ARRAY(a, n, struct fb_attachment)) == NULL)
		return;
	for (i = 0; i < n; i++)
		att_parse(a, list_at(list, i), &ev->att[i]);
	n = att_dedupe(ev->att, n);
	/* The thumb is a word, not a picture. */
	if (ev->text == NULL) {
		for (i = 0, o = 0; i < n; i++) {
			if (ev->att[i].type == FB_ATT_STICKER && is_thumbs_up(ev->att[i].fb_id))
				ev->text = THUMBS_UP;
			else
				ev->att[o++] = ev->att[i];
		}
		n = o;
	}
	ev->natt = n;
}

/* Events of webhooks ------------------------------------------------------- */

/*
 * Who speaks: fills page (when the entry had none), out, psid.  `either` allows
 * the Page as sender without is_echo.  False when the two sides do not fit the
 * Page of the entry; psid may stay NULL (user_ref).
 */
static bool
parties(struct ctx *c, struct json *j, struct fb_event *ev, bool echo, bool either)
{
	const char *from = opaque_of(c->a, json_get(j, "sender"), "id");
	const char *to = opaque_of(c->a, json_get(j, "recipient"), "id");
	const char *page_side;

	if (ev->page == NULL)
		ev->page = echo ? from : to;
	if (either && from != NULL && str_eq(from, ev->page))
		echo = true;
	page_side = echo ? from : to;
	ev->out = echo;
	ev->psid = echo ? to : from;
	if (ev->page == NULL || (page_side != NULL && !str_eq(page_side, ev->page)) ||
	    (ev->psid != NULL && str_eq(ev->psid, ev->page))) {
		ev->psid = NULL;
		ev->out = false;
		return false;
	}
	return true;
}

static int64_t
key_time(const struct ctx *c, const struct fb_event *ev)
{
	return ev->has_at ? ev->at : c->entry_at;
}

static void
set_key(struct ctx *c, struct fb_event *ev, const char *kind, const char *payload)
{
	if (ev->mid != NULL)
		ev->key = fb_mid_key(ev->mid);
	else
		ev->key = line_key(c->a, ev, kind, key_time(c, ev), payload);
}

static bool
set_member(struct arena *a, struct json *obj, const char *as, struct json *value)
{
	const char *s = json_str(value);

	if (s == NULL)
		s = opaque(a, value);
	s = line_of(a, s, WORD_MAX);
	return s != NULL && json_set_str(obj, as, s);
}

static const char *
referral_json(struct arena *a, struct json *r)
{
	struct json *obj, *ads;
	struct ib_buf b;
	const char *out = NULL;
	bool any = false;

	if (!json_is_object(r) || (obj = json_new_object()) == NULL)
		return NULL;
	ads = json_get(r, "ads_context_data");
	any |= set_member(a, obj, "ref", json_get(r, "ref"));
	any |= set_member(a, obj, "source", json_get(r, "source"));
	any |= set_member(a, obj, "type", json_get(r, "type"));
	any |= set_member(a, obj, "ad_id", json_get(r, "ad_id"));
	any |= set_member(a, obj, "ad_title", json_get(ads, "ad_title"));
	any |= set_member(a, obj, "product_id", json_get(json_get(r, "product"), "id")) ||
	    set_member(a, obj, "product_id", json_get(ads, "product_id"));
	buf_init(&b, SUMMARY_BYTES);
	if (any && json_dump(obj, false, &b) == NULL)
		out = arena_dup(a, buf_cstr(&b));
	buf_fini(&b);
	json_free(obj);
	return out;
}

/* Lead forms come from ads as well, but nobody has clicked to write. */
static bool
referral_is_ad(struct json *r)
{
	const char *type = json_get_str(r, "type");

	return str_eq(json_get_str(r, "source"), "ADS") && (type == NULL || str_eq(type, "OPEN_THREAD"));
}

static const char *
referral_detail(struct arena *a, struct json *r)
{
	const char *s = json_get_str(json_get(r, "ads_context_data"), "ad_title");

	return line_of(a, str_blank(s) ? json_get_str(r, "ref") : s, WORD_MAX);
}

/* The summary that a finished lead form leaves behind; not in the visible thread. */
static bool
is_lead_phantom(struct json *event, const char *text)
{
	struct json *hop = json_get(event, "hop_context");
	size_t i, n;

	if (text == NULL || hop == NULL || !str_starts(text, "Lead summary:"))
		return false;
	n = list_len(hop);
	for (i = 0; i < n; i++) {
		if (str_eq(json_get_str(list_at(hop, i), "metadata"),
		    "messenger_lead_gen_complete"))
			return true;
	}
	return false;
}

static void
on_message(struct ctx *c, struct json *j, struct json *m, struct fb_event *ev)
{
	struct json *v;
	const char *s, *sticker;

	if (!json_is_object(m) ||
	    !parties(c, j, ev, json_bool(json_get(m, "is_echo"), false), false) ||
	    ev->psid == NULL)
		return;
	ev->mid = opaque_of(c->a, m, "mid");
	if (json_bool(json_get(m, "is_deleted"), false)) {
		if (ev->mid != NULL)
			ev->kind = FB_DELETE;
		return;
	}
	if (ev->out) {
		ev->app_id = opaque_of(c->a, m, "app_id");
		ev->metadata = line_of(c->a, json_get_str(m, "metadata"), 1000);
	}
	s = json_get_str(m, "text");
	if (str_blank(s) && !str_blank(json_get_str(m, "admin_text"))) {
		ev->kind = FB_LINE;
		ev->line = FB_LINE_ADMIN_TEXT;
		ev->detail = text_of(c->a, json_get_str(m, "admin_text"), DETAIL_MAX);
		set_key(c, ev, "admin_text", ev->detail);
		return;
	}
	if (is_lead_phantom(j, s)) {
		ev->kind = FB_LINE;
		ev->line = FB_LINE_LEAD;
		ev->detail = text_of(c->a, s, DETAIL_MAX);
		set_key(c, ev, "lead", ev->detail);
		return;
	}
	ev->kind = FB_MESSAGE;
	ev->text = text_of(c->a, s, TEXT_MAX);
	if ((v = json_get(m, "reply_to")) != NULL)
		ev->reply_to = opaque_of(c->a, v, "mid");
	if ((v = json_get(m, "referral")) != NULL && (ev->referral = referral_json(c->a, v)) != NULL) {
		ev->detail = referral_detail(c->a, v);
		ev->ad = !ev->out && referral_is_ad(v);
	}
	if ((v = json_get(m, "attachments")) != NULL)
		atts_parse(c->a, v, ev);
	/* Before stickers had a type of their own. */
	if (ev->text == NULL && ev->natt == 0 &&
	    (sticker = opaque_of(c->a, m, "sticker_id")) != NULL && is_thumbs_up(sticker))
		ev->text = THUMBS_UP;
	/* An empty message is something this channel cannot show. */
	ev->unsupported = json_bool(json_get(m, "is_unsupported"), false) ||
	    (str_blank(ev->text) && ev->natt == 0);
	set_key(c, ev, "message", ev->text);
}

static const char *const reaction_names[][2] = {
	{ "love", "\xe2\x9d\xa4" }, { "like", THUMBS_UP }, { "dislike", "\xf0\x9f\x91\x8e" },
	{ "smile", "\xf0\x9f\x98\x86" }, { "wow", "\xf0\x9f\x98\xae" },
	{ "sad", "\xf0\x9f\x98\xa2" }, { "angry", "\xf0\x9f\x98\xa0" }
};

/* The emoji of a reaction; a name is translated, an unknown name is a question mark. */
static const char *
reaction_emoji(struct arena *a, const char *emoji, const char *name)
{
	const char *s = line_of(a, emoji, 16);
	size_t i;

	if (s == NULL)
		s = line_of(a, name, 16);
	if (s == NULL || ((unsigned char)s[0] & 0x80) != 0)
		return s;
	for (i = 0; i < sizeof(reaction_names) / sizeof(reaction_names[0]); i++) {
		if (strcmp(s, reaction_names[i][0]) == 0)
			return reaction_names[i][1];
	}
	return "\xe2\x9d\x94";
}

static void
on_reaction(struct ctx *c, struct json *j, struct json *r, struct fb_event *ev)
{
	const char *action = json_get_str(r, "action"), *emoji;

	if (!parties(c, j, ev, false, true) || ev->psid == NULL ||
	    (ev->mid = opaque_of(c->a, r, "mid")) == NULL)
		return;
	ev->kind = FB_REACTION;
	if (str_eq(action, "unreact"))
		return;
	emoji = reaction_emoji(c->a, json_get_str(r, "emoji"), json_get_str(r, "reaction"));
	if (emoji == NULL && str_eq(action, "react"))
		emoji = reaction_emoji(c->a, "?", NULL);
	ev->emoji = emoji;
}

static void
on_edit(struct ctx *c, struct json *j, struct json *e, struct fb_event *ev)
{
	const char *text = json_get_str(e, "text");
	int64_t num = json_int(json_get(e, "num_edit"), 1);

	/* The two sides may be missing: the mid is enough. */
	if (!parties(c, j, ev, false, true) || text == NULL ||
	    (ev->mid = opaque_of(c->a, e, "mid")) == NULL)
		return;
	ev->kind = FB_EDIT;
	ev->edit_num = num < 1 ? 1 : num;
	if ((ev->text = text_of(c->a, text, TEXT_MAX)) == NULL)
		ev->text = "";
}

static void
on_receipt(struct ctx *c, struct json *j, struct json *r, struct fb_event *ev, enum fb_kind kind)
{
	struct json *mids = json_get(r, "mids");
	const char **list, *one;
	char buf[24];
	bool exact;
	size_t i, n;

	if (!parties(c, j, ev, false, false))
		return;
	if (ev->psid == NULL) {
		ev->kind = FB_IGNORE;		/* user_ref: no conversation */
		return;
	}
	n = json_is_array(mids) ? json_len(mids) : 0;
	if (n > MIDS_MAX)
		n = MIDS_MAX;
	if ((list = ARENA_ARRAY(c->a, n + 1, const char *)) == NULL)
		return;
	for (i = 0; i < n; i++) {
		if ((one = opaque(c->a, json_at(mids, i))) != NULL)
			list[ev->nmids++] = one;
	}
	if ((one = opaque_of(c->a, r, "mid")) != NULL)
		list[ev->nmids++] = one;
	ev->mids = list;
	ev->watermark = time_ms(json_get(r, "watermark"), &exact);
	if (ev->watermark == 0 && ev->nmids == 0)
		return;
	ev->kind = kind;
	snprintf(buf, sizeof(buf), "%" PRId64, ev->watermark);
	set_key(c, ev, kind == FB_READ ? "read" : "delivery",
	    ev->watermark == 0 ? ev->mids[0] : buf);
}

static void
on_delivery(struct ctx *c, struct json *j, struct json *r, struct fb_event *ev)
{
	on_receipt(c, j, r, ev, FB_DELIVERY);
}

static void
on_read(struct ctx *c, struct json *j, struct json *r, struct fb_event *ev)
{
	on_receipt(c, j, r, ev, FB_READ);
}

/* What all lines share; false when the event has no person. */
static bool
line_begin(struct ctx *c, struct json *j, struct fb_event *ev, enum fb_line line)
{
	if (!parties(c, j, ev, false, false))
		return false;
	if (ev->psid == NULL) {
		ev->kind = FB_IGNORE;
		return false;
	}
	ev->kind = FB_LINE;
	ev->line = line;
	return true;
}

static void
on_postback(struct ctx *c, struct json *j, struct json *p, struct fb_event *ev)
{
	const char *payload;

	if (!line_begin(c, j, ev, FB_LINE_POSTBACK))
		return;
	ev->mid = opaque_of(c->a, p, "mid");
	ev->detail = line_of(c->a, json_get_str(p, "title"), WORD_MAX);
	ev->referral = referral_json(c->a, json_get(p, "referral"));
	ev->ad = referral_is_ad(json_get(p, "referral"));
	payload = json_get_str(p, "payload");
	set_key(c, ev, "postback", str_blank(payload) ? ev->detail : payload);
}

static void
on_lead(struct ctx *c, struct json *j, struct json *lead, struct fb_event *ev)
{
	struct json *data = data_of(lead), *row, *answer;
	struct ib_buf b;
	size_t i, k, n, before;

	if (!line_begin(c, j, ev, FB_LINE_LEAD))
		return;
	ev->referral = referral_json(c->a, json_get(j, "referral"));
	buf_init(&b, SUMMARY_BYTES);
	n = json_is_array(data) ? json_len(data) : 0;
	for (i = 0; i < n && i < 100; i++) {
		row = json_at(data, i);
		before = b.len;
		sum_put(&b, "\n", json_get_str(row, "question"));
		answer = json_get(row, "answer");
		if (json_is_array(answer)) {
			for (k = 0; k < json_len(answer) && k < 20; k++)
				sum_put(&b, b.len > before ? " " : "\n",
				    json_str(json_at(answer, k)));
		} else
			sum_put(&b, b.len > before ? " " : "\n", json_id(c->a, answer));
	}
	ev->detail = sum_take(c->a, &b, DETAIL_MAX);
	set_key(c, ev, "lead", ev->detail != NULL ? ev->detail : ev->referral);
}

static void
on_referral(struct ctx *c, struct json *j, struct json *r, struct fb_event *ev)
{
	const char *type = json_get_str(r, "type");

	if (type != NULL && strncmp(type, "LEAD_", 5) == 0) {
		on_lead(c, j, NULL, ev);
		return;
	}
	if (!line_begin(c, j, ev, FB_LINE_REFERRAL))
		return;
	ev->referral = referral_json(c->a, r);
	ev->detail = referral_detail(c->a, r);
	ev->ad = referral_is_ad(r);
	set_key(c, ev, "referral", ev->referral);
}

static void
on_optin(struct ctx *c, struct json *j, struct json *o, struct fb_event *ev)
{
	const char *s;

	if (!line_begin(c, j, ev, FB_LINE_OPTIN))
		return;
	if (str_blank(s = json_get_str(o, "title")) && str_blank(s = json_get_str(o, "payload")))
		s = json_get_str(o, "ref");
	ev->detail = line_of(c->a, s, WORD_MAX);
	set_key(c, ev, "optin", ev->detail);
}

static void
on_order(struct ctx *c, struct json *j, struct json *o, struct fb_event *ev)
{
	struct json *products = json_get(o, "products"), *p;
	struct ib_buf b;
	const char *name;
	double price;
	size_t i, n = list_len(products);

	if (!line_begin(c, j, ev, FB_LINE_ORDER))
		return;
	buf_init(&b, SUMMARY_BYTES);
	for (i = 0; i < n && i < 100; i++) {
		p = list_at(products, i);
		if (str_blank(name = json_get_str(p, "name")) &&
		    str_blank(name = json_get_str(p, "retailer_id")) &&
		    (name = json_id(c->a, json_get(p, "id"))) == NULL)
			continue;
		if (b.len > 0)
			buf_putc(&b, '\n');
		buf_printf(&b, "%" PRId64 " \xc3\x97 %s",
		    json_int(json_get(p, "quantity"), 1), name);
		price = json_num(json_get(p, "unit_price"), NAN);
		if (!isnan(price)) {
			name = json_get_str(p, "currency");
			buf_printf(&b, " (%.12g%s%s)", price, name != NULL ? " " : "",
			    name != NULL ? name : "");
		}
	}
	sum_put(&b, "\n", json_get_str(o, "note"));
	ev->detail = sum_take(c->a, &b, DETAIL_MAX);
	set_key(c, ev, "order", ev->detail);
}

static void
on_template(struct ctx *c, struct json *j, struct json *t, struct fb_event *ev)
{
	if (!str_eq(json_get_str(t, "type"), "coupon") || !line_begin(c, j, ev, FB_LINE_COUPON))
		return;
	ev->detail = line_of(c->a, json_get_str(t, "coupon_code"), WORD_MAX);
	set_key(c, ev, "coupon", ev->detail != NULL ? ev->detail : json_get_str(t, "payload"));
}

static void
on_response_feedback(struct ctx *c, struct json *j, struct json *f, struct fb_event *ev)
{
	if (!line_begin(c, j, ev, FB_LINE_FEEDBACK))
		return;
	/* The mid is that of the rated message, not of this line. */
	ev->reply_to = opaque_of(c->a, f, "mid");
	ev->detail = line_of(c->a, json_get_str(f, "feedback"), WORD_MAX);
	set_key(c, ev, "feedback", ev->reply_to != NULL ? ev->reply_to : ev->detail);
}

static void
sum_question(struct arena *a, struct ib_buf *b, struct json *q)
{
	sum_put(b, " \xc2\xb7 ", json_id(a, json_get(q, "payload")));
	sum_put(b, " \xc2\xb7 ", json_id(a, json_get(json_get(q, "follow_up"), "payload")));
}

static void
on_feedback(struct ctx *c, struct json *j, struct json *f, struct fb_event *ev)
{
	struct json *screens = json_get(f, "feedback_screens"), *q;
	struct ib_buf b;
	size_t i, k, n = list_len(screens);
	void *it;

	if (!line_begin(c, j, ev, FB_LINE_FEEDBACK))
		return;
	buf_init(&b, SUMMARY_BYTES);
	for (i = 0; i < n && i < 20; i++) {
		q = json_get(list_at(screens, i), "questions");
		for (k = 0; json_is_array(q) && k < json_len(q) && k < 20; k++)
			sum_question(c->a, &b, json_at(q, k));
		it = json_is_object(q) ? json_iter(q) : NULL;
		for (; it != NULL; it = json_next(q, it))
			sum_question(c->a, &b, json_iter_value(it));
	}
	ev->detail = sum_take(c->a, &b, DETAIL_MAX);
	set_key(c, ev, "feedback", ev->detail);
}

static void
on_control(struct ctx *c, struct json *j, struct json *t, struct fb_event *ev)
{
	struct json *owner = json_get(t, "new_owner_app_id");

	if (!parties(c, j, ev, false, false) || ev->psid == NULL)
		return;
	/* Told as null: nobody.  Not told at all: we do not know. */
	if (owner == NULL)
		return;
	ev->owner_app = opaque(c->a, owner);
	ev->kind = FB_CONTROL;
	set_key(c, ev, "control", ev->owner_app);
}

static void
on_release(struct ctx *c, struct json *j, struct json *t, struct fb_event *ev)
{
	(void)t;
	if (!parties(c, j, ev, false, false) || ev->psid == NULL)
		return;
	ev->kind = FB_CONTROL;
	set_key(c, ev, "control", NULL);
}

static void
on_policy(struct ctx *c, struct json *j, struct json *p, struct fb_event *ev)
{
	static const char *const actions[] = { "warning", "block", "unblock" };
	const char *action = json_get_str(p, "action");
	size_t i;

	if (!parties(c, j, ev, false, false))
		return;
	for (i = 0; i < 3; i++) {
		if (str_eq(action, actions[i])) {
			ev->kind = FB_POLICY;
			ev->policy = actions[i];
			ev->text = text_of(c->a, json_get_str(p, "reason"), DETAIL_MAX);
			set_key(c, ev, "policy", action);
		}
	}
}

static void
on_nothing(struct ctx *c, struct json *j, struct json *v, struct fb_event *ev)
{
	(void)v;
	if (ev->page == NULL)
		ev->page = opaque_of(c->a, json_get(j, "recipient"), "id");
	ev->kind = FB_IGNORE;
}

/* The payload member decides; the first one present wins. */
static const struct {
	const char	*member;
	void		(*fn)(struct ctx *, struct json *, struct json *, struct fb_event *);
} handlers[] = {
	{ "message", on_message },
	{ "delivery", on_delivery },
	{ "read", on_read },
	{ "postback", on_postback },
	{ "reaction", on_reaction },
	{ "message_edit", on_edit },
	{ "lead", on_lead },
	{ "referral", on_referral },
	{ "optin", on_optin },
	{ "order", on_order },
	{ "template", on_template },
	{ "response_feedback", on_response_feedback },
	{ "messaging_feedback", on_feedback },
	{ "pass_thread_control", on_control },
	{ "take_thread_control", on_control },
	{ "release_thread_control", on_release },
	{ "policy_enforcement", on_policy },
	{ "request_thread_control", on_nothing },
	{ "app_roles", on_nothing },
	{ "account_linking", on_nothing },
	{ "message_context", on_nothing }
};

/* Keys of what is kept for nobody: the digest tells two of them apart. */
static void
unknown_key(struct ctx *c, struct fb_event *ev)
{
	struct ib_buf b;
	char hex[33] = "";

	buf_init(&b, (size_t)1 << 20);
	if (ev->raw != NULL && json_dump(ev->raw, true, &b) == NULL)
		hash_hex(buf_cstr(&b), b.len, hex);
	buf_fini(&b);
	ev->mid = NULL;
	set_key(c, ev, ev->kind == FB_IGNORE ? "ignore" : "unknown", hex);
}

static void
event_finish(struct ctx *c, struct fb_event *ev)
{
	if (ev->page == NULL)
		ev->page = "";
	if (ev->kind == FB_UNKNOWN) {
		/* No half-understood members. */
		ev->line = FB_LINE_NONE;
		ev->text = ev->detail = ev->emoji = NULL;
		ev->natt = ev->nmids = 0;
		unknown_key(c, ev);
	} else if (ev->key == NULL) {
		if (ev->mid != NULL)
			ev->key = fb_mid_key(ev->mid);
		else
			unknown_key(c, ev);
	}
	/* Only when memory ran out: fb_events() then fails as a whole. */
	if (ev->key == NULL)
		ev->key = "";
}

static void
event_time(struct ctx *c, struct json *j, int64_t now, struct fb_event *ev)
{
	ev->at = time_ms(json_get(j, "timestamp"), &ev->exact);
	ev->has_at = ev->at > 0;
	if (!ev->has_at)
		ev->at = c->entry_at > 0 ? c->entry_at : now;
}

static void
messaging_parse(struct ctx *c, struct json *j, const char *page, int64_t now, bool standby,
    struct fb_event *ev)
{
	struct json *v;
	size_t i;

	ev->kind = FB_UNKNOWN;
	ev->standby = standby;
	ev->page = page;
	ev->raw = j;
	event_time(c, j, now, ev);
	for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		if ((v = json_get(j, handlers[i].member)) != NULL && !json_is_null(v)) {
			handlers[i].fn(c, j, v, ev);
			break;
		}
	}
	event_finish(c, ev);
}

static bool
is_messaging_field(const char *f)
{
	return str_starts(f, "messages") || str_starts(f, "message_") ||
	    str_starts(f, "messaging_") || str_eq(f, "standby") ||
	    str_eq(f, "response_feedback") || str_eq(f, "send_cart");
}

static void
change_parse(struct ctx *c, struct json *j, const char *page, int64_t now, struct fb_event *ev)
{
	struct json *v = json_get(j, "value");
	const char *field = json_get_str(j, "field"), *id;

	ev->kind = FB_UNKNOWN;
	ev->page = page;
	ev->raw = j;
	event_time(c, v, now, ev);
	if (field == NULL)
		;
	else if (strcmp(field, "name") == 0) {
		if ((ev->text = line_of(c->a, json_str(v), WORD_MAX)) != NULL) {
			ev->kind = FB_PAGE_NAME;
			set_key(c, ev, "name", ev->text);
		}
	} else if (strcmp(field, "conversations") == 0) {
		id = opaque_of(c->a, v, "page_id");
		if (ev->page == NULL)
			ev->page = id;
		if ((ev->fb_thread = opaque_of(c->a, v, "thread_id")) == NULL)
			ev->fb_thread = opaque_of(c->a, v, "scoped_thread_key");
		if (ev->fb_thread != NULL && (id == NULL || str_eq(id, ev->page))) {
			ev->kind = FB_HINT;
			set_key(c, ev, "hint", ev->fb_thread);
		}
	} else if (strcmp(field, "inbox_labels") == 0 || strcmp(field, "picture") == 0)
		ev->kind = FB_IGNORE;
	else if (is_messaging_field(field)) {
		ev->kind = FB_TEST;
		set_key(c, ev, "test", field);
	}
	event_finish(c, ev);
}

static const char *const entry_lists[] = { "messaging", "standby", "changes" };

const struct ib_err *
fb_events(struct arena *a, struct json *root, int64_t now, struct fb_event **out, size_t *n)
{
	struct ctx c = { a, 0 };
	struct json *entries, *entry, *list;
	struct fb_event *ev;
	const char *page;
	size_t i, k, l, total = 0, len, ne;
	bool exact;

	*out = NULL;
	*n = 0;
	if (!json_is_object(root))
		return ib_fail(IB_EPARSE, IB_RETRY_NEVER, "webhook body is not an object");
	if (!str_eq(json_get_str(root, "object"), "page"))
		return NULL;
	entries = json_get(root, "entry");
	ne = list_len(entries);
	for (i = 0; i < ne; i++) {
		entry = list_at(entries, i);
		for (l = 0; l < 3; l++)
			total += list_len(json_get(entry, entry_lists[l]));
		if (total > EVENTS_MAX)
			return ib_fail(IB_ELIMIT, IB_RETRY_NEVER,
			    "webhook body with more than %d events", EVENTS_MAX);
	}
	if (total == 0)
		return NULL;
	if ((ev = ARENA_ARRAY(a, total, struct fb_event)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "no memory for %zu events", total);
	*out = ev;
	for (i = 0; i < ne; i++) {
		entry = list_at(entries, i);
		page = opaque_of(a, entry, "id");
		c.entry_at = time_ms(json_get(entry, "time"), &exact);
		for (l = 0; l < 3; l++) {
			list = json_get(entry, entry_lists[l]);
			len = list_len(list);
			for (k = 0; k < len; k++, ev++) {
				if (l == 2)
					change_parse(&c, list_at(list, k), page, now, ev);
				else
					messaging_parse(&c, list_at(list, k), page, now,
					    l == 1, ev);
			}
		}
	}
	if (arena_failed(a)) {
		*out = NULL;
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER,
		    "no memory for the text of %zu events", total);
	}
	*n = total;
	return NULL;
}

/* Conversations API -------------------------------------------------------- */

static int32_t
pixels(struct json *j)
{
	int64_t v = json_int(j, 0);

	return v > 0 && v <= 100000 ? (int32_t)v : 0;
}

static const char *
first_url(struct arena *a, struct json *obj, const char *one, const char *two, const char *three)
{
	const char *u;

	if ((u = web_url(a, json_get_str(obj, one))) == NULL &&
	    (u = web_url(a, json_get_str(obj, two))) == NULL)
		u = web_url(a, json_get_str(obj, three));
	return u;
}

static void
api_att_parse(struct arena *a, struct json *j, struct fb_attachment *out)
{
	struct json *image = json_get(j, "image_data"), *video = json_get(j, "video_data");
	struct json *tmpl = json_get(j, "generic_template"), *dims = NULL;
	const char *name = json_get_str(j, "name"), *ext;

	memset(out, 0, sizeof(*out));
	out->fb_id = opaque_of(a, j, "id");
	if (json_is_object(tmpl)) {
		template_fill(a, out, tmpl, name, json_get_str(tmpl, "url"));
		return;
	}
	out->mime = mime_of(a, json_get_str(j, "mime_type"));
	if ((out->size = json_int(json_get(j, "size"), 0)) < 0)
		out->size = 0;
	if (json_is_object(image)) {
		out->type = json_bool(json_get(image, "render_as_sticker"), false) ?
		    FB_ATT_STICKER : FB_ATT_IMAGE;
		out->url = first_url(a, image, "animated_gif_url", "url", "preview_url");
		dims = image;
	} else if (json_is_object(video)) {
		out->type = FB_ATT_VIDEO;
		out->url = first_url(a, video, "url", "url", "preview_url");
		dims = video;
	} else {
		out->url = first_url(a, j, "file_url", "url", "url");
		if (str_starts(name != NULL ? name : "", "audioclip") ||
		    str_starts(out->mime != NULL ? out->mime : "", "audio/"))
			out->type = FB_ATT_AUDIO;
		else if (str_starts(out->mime != NULL ? out->mime : "", "image/"))
			out->type = FB_ATT_IMAGE;
		else if (str_starts(out->mime != NULL ? out->mime : "", "video/"))
			out->type = FB_ATT_VIDEO;
		else if (out->url != NULL || out->mime != NULL)
			out->type = FB_ATT_FILE;
		else
			out->type = FB_ATT_OTHER;
	}
	if (dims != NULL) {
		out->width = pixels(json_get(dims, "width"));
		out->height = pixels(json_get(dims, "height"));
	}
	if (out->url == NULL && name != NULL && str_starts(name, "Media not available")) {
		out->type = FB_ATT_PRIVACY;
		return;
	}
	if (!str_blank(name))
		out->name = file_name_clean(a, name, strlen(name));
	if (out->name == NULL)
		out->name = url_file_name(a, out->url);
	else if (strchr(out->name, '.') == NULL && (ext = mime_extension(out->mime)) != NULL)
		out->name = arena_printf(a, "%s%s", out->name, ext);
}

size_t
fb_attachments_from_api(struct arena *a, struct json *list, struct fb_attachment **out)
{
	size_t i, n;

	*out = NULL;
	list = data_of(list);
	n = json_is_array(list) ? json_len(list) : 0;
	if (n > FB_ATT_PER_MESSAGE)
		n = FB_ATT_PER_MESSAGE;
	if (n == 0 || (*out = ARENA_ARRAY(a, n, struct fb_attachment)) == NULL)
		return 0;
	for (i = 0; i < n; i++)
		api_att_parse(a, json_at(list, i), &(*out)[i]);
	return n;
}

/* A share is a link; without an address and words it may still hold a template. */
static bool
share_parse(struct arena *a, struct json *j, struct fb_attachment *out)
{
	struct json *t = json_get(j, "template"), *p;
	const char *s;

	memset(out, 0, sizeof(*out));
	out->fb_id = opaque_of(a, j, "id");
	if (str_blank(s = json_get_str(j, "name")))
		s = json_get_str(j, "description");
	if (json_is_object(t) && str_blank(s) && str_blank(json_get_str(j, "link"))) {
		p = json_get(t, "payload");
		template_fill(a, out, json_is_object(p) ? p : t, NULL, NULL);
		return true;
	}
	out->type = FB_ATT_LINK;
	out->title = text_of(a, s, TITLE_MAX);
	out->url = web_url_under(a, json_get_str(j, "link"), FB_WEB);
	return out->title != NULL || out->url != NULL;
}

static void
api_atts(struct arena *a, struct json *m, struct fb_event *ev)
{
	struct json *list = data_of(json_get(m, "attachments"));
	struct json *shares = data_of(json_get(m, "shares"));
	struct fb_attachment *first, *all;
	const char *sticker = web_url(a, json_get_str(m, "sticker"));
	size_t i, n, nshares = json_is_array(shares) ? json_len(shares) : 0, total;

	total = json_is_array(list) ? json_len(list) : 0;
	n = fb_attachments_from_api(a, list, &first);
	total += nshares + (sticker != NULL ? 1 : 0);
	if (total == 0 || (all = ARENA_ARRAY(a, FB_ATT_PER_MESSAGE, struct fb_attachment)) == NULL)
		return;
	if (n > 0)
		memcpy(all, first, n * sizeof(*all));
	if (sticker != NULL && n < FB_ATT_PER_MESSAGE) {
		all[n].type = FB_ATT_STICKER;
		all[n++].url = sticker;
	}
	for (i = 0; i < nshares && n < FB_ATT_PER_MESSAGE; i++) {
		if (share_parse(a, json_at(shares, i), &all[n]))
			n++;
		else
			total--;
	}
	ev->natt_dropped = total > n ? total - n : 0;
	ev->att = all;
	ev->natt = att_dedupe(all, n);
}

static void
api_reactions(struct arena *a, struct json *list, struct fb_event *ev)
{
	struct json *r, *users, *from;
	const char *emoji;
	size_t i, k, n, nu;

	list = data_of(list);
	n = json_is_array(list) ? json_len(list) : 0;
	if (n == 0 || (ev->reactions = ARENA_ARRAY(a, REACTIONS_MAX, struct fb_reaction)) == NULL)
		return;
	for (i = 0; i < n; i++) {
		r = json_at(list, i);
		emoji = reaction_emoji(a,
		    json_is_string(r) ? json_str(r) : json_get_str(r, "emoji"),
		    json_get_str(r, "reaction"));
		if (emoji == NULL)
			continue;
		users = data_of(json_get(r, "users"));
		from = json_get(r, "from");
		nu = list_len(users);
		for (k = 0; k < (nu > 0 ? nu : 1) && ev->nreactions < REACTIONS_MAX; k++) {
			ev->reactions[ev->nreactions].emoji = emoji;
			ev->reactions[ev->nreactions++].by_page = str_eq(ev->page,
			    opaque_of(a, nu > 0 ? list_at(users, k) : from, "id"));
		}
	}
}

/* Who wrote to whom.  Without `from` the receiver tells; without both nothing does. */
static bool
api_parties(struct arena *a, struct json *m, struct fb_event *ev)
{
	struct json *from = json_get(m, "from"), *to = data_of(json_get(m, "to")), *one;
	const char *from_id = opaque_of(a, from, "id"), *id;
	bool page_receives = false;
	size_t i, n = list_len(to);

	ev->out = from_id != NULL && str_eq(from_id, ev->page);
	if (from_id != NULL && !ev->out) {
		ev->psid = from_id;
		ev->customer_name = line_of(a, json_get_str(from, "name"), WORD_MAX);
	}
	for (i = 0; i < n && i < 20; i++) {
		one = list_at(to, i);
		if ((id = opaque_of(a, one, "id")) == NULL)
			continue;
		if (str_eq(id, ev->page))
			page_receives = true;
		else if (ev->psid == NULL) {
			ev->psid = id;
			ev->customer_name = line_of(a, json_get_str(one, "name"), WORD_MAX);
		}
	}
	if (from_id != NULL)
		return true;
	if (!page_receives)
		ev->out = ev->psid != NULL;
	else
		ev->psid = NULL;	/* it came in, from somebody not named */
	return page_receives || ev->psid != NULL;
}

bool
fb_event_from_api(struct arena *a, struct json *m, const char *page, struct fb_event *out)
{
	struct ctx c = { a, 0 };
	struct json *j;
	const char *created;
	bool exact;

	memset(out, 0, sizeof(*out));
	out->kind = FB_UNKNOWN;
	out->history = true;
	out->page = arena_dup(a, page != NULL ? page : "");
	out->raw = m;
	out->mid = opaque_of(a, m, "id");
	created = json_get_str(m, "created_time");
	if (created != NULL && strchr(created, '-') != NULL) {
		out->at = clock_parse_iso(created);
		if (out->at > TIME_MAX)
			out->at = 0;
	} else
		out->at = time_ms(json_get(m, "created_time"), &exact);
	if (out->mid == NULL || out->at <= 0)
		return false;
	out->has_at = true;
	out->key = fb_mid_key(out->mid);
	if (!api_parties(a, m, out)) {
		unknown_key(&c, out);
		return !arena_failed(a);
	}
	out->kind = FB_MESSAGE;
	out->text = text_of(a, json_get_str(m, "message"), TEXT_MAX);
	api_atts(a, m, out);
	api_reactions(a, json_get(m, "reactions"), out);
	if ((j = json_get(m, "reply_to")) != NULL) {
		if ((out->reply_to = opaque_of(a, j, "mid")) == NULL &&
		    (out->reply_to = opaque_of(a, j, "id")) == NULL)
			out->reply_to = opaque(a, j);
	}
	out->unsupported = json_bool(json_get(m, "is_unsupported"), false) ||
	    (str_blank(out->text) && out->natt == 0);
	return !arena_failed(a);
}
