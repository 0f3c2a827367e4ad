/* SPDX-License-Identifier: MIT */
/*
 * event.c - every payload of messenger.md 4 and 6.2 comes out as it should.
 * One arena for the whole program; documents are kept until the end, because
 * events borrow from them.
 */
#include "../tap.h"

#include "../../lib/api/event.h"
#include "../../lib/base/clock.h"
#include "../../lib/base/crypt.h"

#include <stdlib.h>
#include <unistd.h>

#define PAGE	"108422330517604"
#define CUST	"6804412339871205"
#define NOW	INT64_C(1795349999000)

#define IN	"\"sender\":{\"id\":\"" CUST "\"},\"recipient\":{\"id\":\"" PAGE "\"},\"timestamp\":1795341599870"
#define ECHO_	"\"sender\":{\"id\":\"" PAGE "\"},\"recipient\":{\"id\":\"" CUST "\"},\"timestamp\":1795341611222"

static struct arena A;
static struct json *docs[4096];
static size_t ndocs;

static struct json *
doc(const char *text)
{
	struct json *j = NULL;
	const struct ib_err *err = json_parse(text, strlen(text), JSON_LENIENT_, &j);

	if (err != NULL) {
		diag("test document: %s: %.200s", err->msg, text);
		return NULL;
	}
	if (ndocs < sizeof(docs) / sizeof(docs[0]))
		docs[ndocs++] = j;
	return j;
}

static const struct ib_err *
body(const char *text, struct fb_event **ev, size_t *n)
{
	return fb_events(&A, doc(text), NOW, ev, n);
}

/* The only event of a body; FB_KIND_MAX when there is not exactly one. */
static struct fb_event
only(const char *text)
{
	static const struct fb_event none = { .kind = FB_KIND_MAX };
	struct fb_event *ev = NULL;
	size_t n = 0;

	if (body(text, &ev, &n) != NULL || n != 1)
		return none;
	return ev[0];
}

static struct fb_event __attribute__((format(printf, 1, 2)))
msging(const char *fmt, ...)
{
	char text[16384], inner[15000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(inner, sizeof(inner), fmt, ap);
	va_end(ap);
	snprintf(text, sizeof(text), "{\"object\":\"page\",\"entry\":[{\"id\":\"" PAGE
	    "\",\"time\":1795341600123,\"messaging\":[{%s}]}]}", inner);
	return only(text);
}

static struct fb_event
att(const char *attachment)
{
	return msging(IN ",\"message\":{\"mid\":\"m_A1\",\"attachments\":[%s]}", attachment);
}

static struct fb_event
change(const char *text)
{
	char b[4096];

	snprintf(b, sizeof(b), "{\"object\":\"page\",\"entry\":[{\"id\":\"" PAGE
	    "\",\"time\":1795341600,\"changes\":[%s]}]}", text);
	return only(b);
}

static void
texts(void)
{
	struct fb_event e = only("{\"object\":\"page\",\"entry\":[{\"id\":\"108422330517604\",\"time\":1795341600123,"
	    "\"messaging\":[{\"sender\":{\"id\":\"6804412339871205\"},\"recipient\":{\"id\":\"108422330517604\"},"
	    "\"timestamp\":1795341599870,\"message\":{\"mid\":\"m_TestVector01\",\"text\":"
	    "\"Caf\\u00e9 \\ud83d\\ude00 50\\u0025 a\\/b\"}}]}]}");

	ok(e.kind == FB_MESSAGE, "a text is a message");
	is_str(e.page, PAGE, "its Page");
	is_str(e.psid, CUST, "its customer");
	is_str(e.mid, "m_TestVector01", "mid as received");
	is_str(e.key, "TestVector01", "key without m_");
	is_str(e.text, "Caf\xc3\xa9 \xf0\x9f\x98\x80 50% a/b", "text is decoded");
	is_int(e.at, INT64_C(1795341599870), "time in milliseconds");
	ok(e.exact && e.has_at, "exact time of its own");
	ok(!e.out && !e.standby && !e.history && !e.unsupported, "incoming, news");
	is_int(e.natt, 0, "no attachments");
	ok(e.raw != NULL, "raw is there");

	e = msging(IN ",\"message\":{\"mid\":\"m_m_A1\",\"text\":\"a\\r\\nb\\u0007c\","
	    "\"quick_reply\":{\"payload\":\"S\"},\"reply_to\":{\"mid\":\"m_A0\",\"is_self_reply\":false},"
	    "\"commands\":[{\"name\":\"catalog\"}],\"nlp\":{\"entities\":{}},\"seq\":12}");
	is_str(e.key, "m_A1", "only one m_ is removed");
	is_str(e.text, "a\nbc", "text is cleaned");
	is_str(e.reply_to, "m_A0", "quoted mid");
	e = msging(IN ",\"message\":{\"mid\":\"mid.1457764197618:41d102a3e1ae206a38\",\"text\":\"x\"}");
	is_str(e.key, "mid.1457764197618:41d102a3e1ae206a38", "old mids stay whole");

	e = msging("\"sender\":{\"id\":6804412339871205123},\"recipient\":{\"id\":108422330517604},"
	    "\"timestamp\":\"1795341599\",\"message\":{\"mid\":\"m_N\",\"text\":\"n\"}");
	ok(e.kind == FB_MESSAGE, "ids as numbers");
	is_str(e.psid, "6804412339871205123", "a number beyond 2^53 is exact");
	is_int(e.at, INT64_C(1795341599000), "string seconds become milliseconds");
	ok(!e.exact && e.has_at, "seconds are not exact");

	e = only("{\"object\":\"page\",\"entry\":[{\"id\":108422330517604,\"time\":1795341600,"
	    "\"messaging\":[{\"sender\":{\"id\":\"" CUST "\"},\"recipient\":{\"id\":\"" PAGE "\"},"
	    "\"message\":{\"mid\":\"m_T\",\"text\":\"t\"}}]}]}");
	ok(e.kind == FB_MESSAGE && !e.has_at && !e.exact, "no timestamp; numeric entry id");
	is_int(e.at, INT64_C(1795341600000), "entry time in seconds serves");
	e = only("{\"object\":\"page\",\"entry\":[{\"messaging\":[{\"sender\":{\"id\":\"" CUST "\"},"
	    "\"recipient\":{\"id\":\"" PAGE "\"},\"timestamp\":-5,\"message\":{\"mid\":\"m_T\",\"text\":\"t\"}}]}]}");
	is_str(e.page, PAGE, "without entry id the recipient is the Page");
	is_int(e.at, NOW, "without any time: now");
	e = only("{\"object\":\"page\",\"entry\":[{\"messaging\":[{" ECHO_ ","
	    "\"message\":{\"mid\":\"m_T\",\"is_echo\":true,\"text\":\"t\"}}]}]}");
	is_str(e.page, PAGE, "without entry id the sender of an echo is the Page");
	is_str(e.psid, CUST, "and the recipient the customer");

	e = msging(IN ",\"message\":{\"mid\":\"m_E\",\"text\":\"\"}");
	ok(e.kind == FB_MESSAGE && e.unsupported && e.text == NULL, "an empty message is a card");
	e = msging(IN ",\"message\":{\"mid\":\"m_E\",\"attachments\":\"odd\"}");
	ok(e.kind == FB_MESSAGE && e.unsupported, "so is one with odd attachments");
	e = msging(IN ",\"message\":{\"mid\":\"m_E\",\"is_unsupported\":true}");
	ok(e.kind == FB_MESSAGE && e.unsupported, "is_unsupported");
	e = msging(IN ",\"message\":{\"mid\":\"m_A1\",\"is_deleted\":true}");
	ok(e.kind == FB_DELETE, "is_deleted");
	is_str(e.mid, "m_A1", "names the message");
	e = msging(IN ",\"message\":{\"mid\":\"m_A1\",\"is_deleted\":\"true\",\"text\":\"x\"}");
	ok(e.kind == FB_DELETE && e.text == NULL, "is_deleted as a string");
	e = msging(IN ",\"message\":{\"mid\":\"m_A1\",\"is_deleted\":false,\"text\":\"x\"}");
	ok(e.kind == FB_MESSAGE, "is_deleted false");
	e = msging(IN ",\"message\":{\"is_deleted\":true}");
	ok(e.kind == FB_UNKNOWN, "is_deleted of nothing");

	e = msging(IN ",\"message\":{\"text\":\"no mid\"}");
	ok(e.kind == FB_MESSAGE && e.mid == NULL, "a message without mid is kept");
	is_str(e.key, "message:" CUST ":1795341599870:#7f8d0d90afa3a05d7eb9283b5ecff996",
	    "and has a key of its own");
	e = msging(IN ",\"message\":{\"mid\":\"m_\",\"text\":\"x\"}");
	is_str(e.key, "m_", "a bare m_ stays");
	e = msging(IN ",\"message\":{\"mid\":\"a\\u0001b\",\"text\":\"x\"}");
	ok(e.mid == NULL, "control bytes are no id");
	is_str(fb_mid_key("m_m_x"), "m_x", "fb_mid_key");
	ok(fb_mid_key(NULL) == NULL, "fb_mid_key of nothing");
}

static void
referrals(void)
{
	struct fb_event e = msging(IN ",\"message\":{\"mid\":\"m_R\",\"text\":\"hi\",\"referral\":{\"ref\":\"spring-sale\","
	    "\"source\":\"ADS\",\"type\":\"OPEN_THREAD\",\"ad_id\":6045246247433,"
	    "\"ads_context_data\":{\"ad_title\":\"Tune-up 29 EUR\",\"photo_url\":\"https://x\",\"flow_id\":\"55\"}}}");

	ok(e.kind == FB_MESSAGE, "first message after an ad");
	is_str(e.referral, "{\"ref\":\"spring-sale\",\"source\":\"ADS\",\"type\":\"OPEN_THREAD\","
	    "\"ad_id\":\"6045246247433\",\"ad_title\":\"Tune-up 29 EUR\"}", "its referral");
	e = msging(IN ",\"message\":{\"mid\":\"m_R\",\"text\":\"hi\",\"referral\":{\"product\":{\"id\":\"3344556677\"}}}");
	is_str(e.referral, "{\"product_id\":\"3344556677\"}", "product page");
	e = msging(IN ",\"message\":{\"mid\":\"m_R\",\"text\":\"hi\",\"referral\":{}}");
	ok(e.referral == NULL, "an empty referral is none");
	e = msging(IN ",\"message\":{\"mid\":\"m_R\",\"text\":\"hi\",\"referral\":\"x\"}");
	ok(e.kind == FB_MESSAGE && e.referral == NULL, "an odd referral is none");

	e = msging("\"sender\":{\"id\":\"" CUST "\"},\"recipient\":{\"id\":\"" PAGE "\"},\"timestamp\":1795341400,"
	    "\"referral\":{\"ref\":\"qr-shop\",\"source\":\"ADS\",\"type\":\"OPEN_THREAD\",\"ad_id\":\"6045246247433\","
	    "\"referer_uri\":\"https://x\"}");
	ok(e.kind == FB_LINE && e.line == FB_LINE_REFERRAL, "a referral is a line");
	is_int(e.at, INT64_C(1795341400000), "its seconds are converted");
	ok(!e.exact && e.mid == NULL, "not exact, no mid");
	is_str(e.detail, "qr-shop", "detail is the ref");
	ok(strncmp(e.key, "referral:" CUST ":1795341400000:#", 41) == 0, "key: %s", e.key);

	e = msging("\"sender\":{\"id\":\"" CUST "\"},\"recipient\":{\"id\":\"" PAGE "\"},\"timestamp\":1795341450,"
	    "\"referral\":{\"source\":\"ADS\",\"type\":\"LEAD_COMPLETE\",\"ad_id\":\"6045246247433\"},"
	    "\"lead\":{\"data\":[{\"question\":\"Your e-mail?\",\"answer\":\"liisa@example.net\"},"
	    "{\"question\":\"Size?\",\"answer\":54}]}");
	ok(e.kind == FB_LINE && e.line == FB_LINE_LEAD, "a lead is a line");
	is_str(e.detail, "Your e-mail? liisa@example.net\nSize? 54", "with its answers");
	ok(e.referral != NULL && strstr(e.referral, "LEAD_COMPLETE") != NULL, "and its referral");
	e = msging(IN ",\"referral\":{\"source\":\"ADS\",\"type\":\"LEAD_INCOMPLETE\"}");
	ok(e.kind == FB_LINE && e.line == FB_LINE_LEAD && e.detail == NULL, "an incomplete lead");

	e = msging(IN ",\"message\":{\"mid\":\"m_L\",\"text\":\"Lead summary:\\nE-mail: x\"},"
	    "\"hop_context\":{\"app_id\":498721317747541,\"metadata\":\"messenger_lead_gen_complete\"}");
	ok(e.kind == FB_LINE && e.line == FB_LINE_LEAD, "the phantom message of a lead is a line");
	is_str(e.key, "L", "with its mid");
	is_str(e.detail, "Lead summary:\nE-mail: x", "and its text");
	e = msging(IN ",\"message\":{\"mid\":\"m_L\",\"text\":\"Lead summary: x\"},"
	    "\"hop_context\":[{\"app_id\":1,\"metadata\":\"z\"},{\"metadata\":\"messenger_lead_gen_complete\"}]");
	ok(e.line == FB_LINE_LEAD, "hop_context as an array");
	e = msging(IN ",\"message\":{\"mid\":\"m_L\",\"text\":\"Lead summary: x\"},\"hop_context\":[{\"app_id\":1}]");
	ok(e.kind == FB_MESSAGE, "other hops are ordinary messages");
	e = msging(IN ",\"message\":{\"mid\":\"m_L\",\"text\":\"Hello\"},"
	    "\"hop_context\":{\"metadata\":\"messenger_lead_gen_complete\"}");
	ok(e.kind == FB_MESSAGE, "so are words of the customer afterwards");
	e = msging(IN ",\"message\":{\"mid\":\"m_L\",\"text\":\"Hello\"},\"prior_message\":"
	    "{\"source\":\"checkbox_plugin\",\"identifier\":\"R\"}");
	ok(e.kind == FB_MESSAGE, "prior_message is a sibling only");
}

static void
attachments(void)
{
	struct fb_event e = att("{\"type\":\"image\",\"payload\":{\"url\":\"https://scontent.example-cdn.net/v/t1.jpg?oh=00_Af&oe=69B1C2D3\"}},"
	    "{\"type\":\"image\",\"payload\":{\"url\":\"https://scontent.example-cdn.net/v/t1.jpg?oh=00_Af&oe=69B1C2D3\"}},"
	    "{\"type\":\"video\",\"payload\":{\"url\":\"https://video.example-cdn.net/v/t42.mp4?oe=69B1C2D3\"}},"
	    "{\"type\":\"audio\",\"payload\":{\"url\":\"https://cdn.example-cdn.net/v/audioclip-1795.mp4?dl=1\"}},"
	    "{\"type\":\"file\",\"payload\":{\"url\":\"https://cdn.example-cdn.net/v/quote%2012.pdf/quote-12.pdf?oe=69B1\"}}");
	struct fb_attachment *t = e.att;
	char many[4096];
	size_t i;

	ok(e.kind == FB_MESSAGE && e.natt == 5, "an album and files");
	if (e.natt == 5) {
		ok(t[0].type == FB_ATT_IMAGE && t[1].type == FB_ATT_IMAGE, "equal pictures stay two");
		is_str(t[0].url, "https://scontent.example-cdn.net/v/t1.jpg?oh=00_Af&oe=69B1C2D3", "address untouched");
		is_str(t[0].name, "t1.jpg", "name from the path");
		ok(t[2].type == FB_ATT_VIDEO && t[3].type == FB_ATT_AUDIO && t[4].type == FB_ATT_FILE, "types");
		is_str(t[4].name, "quote-12.pdf", "last segment of the path");
	}
	e = att("{\"type\":\"file\",\"payload\":{\"url\":\"https://c.net/a/..%2f%2e%2e%2fpass%00wd%E2%80%AEfdp%20%7C.exe#x\"}}");
	is_str(e.att[0].name, "_.._passwdfdp _.exe", "file names are decoded and sanitised");
	e = att("{\"type\":\"file\",\"payload\":{\"url\":\"https://c.net/%E6%A3%AE%E9%B4%8E.pdf\"}}");
	is_str(e.att[0].name, "\xe6\xa3\xae\xe9\xb4\x8e.pdf", "UTF-8 names survive");
	e = att("{\"type\":\"file\",\"payload\":{\"url\":\"https://c.net/%FF%zz%4\"}}");
	is_str(e.att[0].name, "\xef\xbf\xbd%zz%4", "broken escapes do no harm");
	e = att("{\"type\":\"file\",\"payload\":{\"url\":\"https://c.net/\"}}");
	ok(e.att[0].name == NULL, "no name in the path");
	e = att("{\"type\":\"file\",\"payload\":{\"url\":\"https://c.net\"}}");
	ok(e.att[0].name == NULL, "no path");
	e = att("{\"type\":\"file\",\"payload\":{\"url\":\"https://c.net/x\",\"name\":\"../b/c.pdf\"}}");
	is_str(e.att[0].name, "_b_c.pdf", "a told name is better, and sanitised too");
	memset(many, 'x', 300);
	snprintf(many + 300, sizeof(many) - 300, ".tar.gz");
	{
		char one[5000];

		snprintf(one, sizeof(one), "{\"type\":\"file\",\"payload\":{\"url\":\"https://c.net/%s\"}}", many);
		e = att(one);
		ok(e.att[0].name != NULL && strlen(e.att[0].name) == 120 &&
		    strcmp(e.att[0].name + 117, ".gz") == 0, "long names keep their extension");
	}

	e = att("{\"type\":\"sticker\",\"payload\":{\"url\":\"https://s.net/s.png\",\"sticker_id\":369239263222}}");
	ok(e.natt == 1 && e.att[0].type == FB_ATT_STICKER && e.text == NULL, "sticker");
	is_str(e.att[0].fb_id, "369239263222", "sticker id from a number");
	e = att("{\"type\":\"sticker\",\"payload\":{\"url\":\"https://s.net/s.png\",\"sticker_id\":\"5\"}},"
	    "{\"type\":\"image\",\"payload\":{\"url\":\"https://s.net/s.png\"}}");
	ok(e.natt == 1 && e.att[0].type == FB_ATT_STICKER, "sticker and image with one address are one");
	e = att("{\"type\":\"image\",\"payload\":{\"url\":\"https://s.net/s.png\"}},"
	    "{\"type\":\"sticker\",\"payload\":{\"url\":\"https://s.net/s.png\",\"sticker_id\":\"5\"}},"
	    "{\"type\":\"image\",\"payload\":{\"url\":\"https://s.net/t.png\"}}");
	ok(e.natt == 2 && e.att[0].type == FB_ATT_STICKER && e.att[1].type == FB_ATT_IMAGE, "in either order");
	e = att("{\"type\":\"image\",\"payload\":{\"url\":\"https://s.net/s.png\",\"sticker_id\":7}}");
	ok(e.att[0].type == FB_ATT_STICKER, "an image with a sticker id is a sticker");
	{
		static const char *const ids[] = { "369239263222822", "369239343222814", "369239383222810" };

		for (i = 0; i < 3; i++) {
			snprintf(many, sizeof(many), "{\"type\":\"sticker\",\"payload\":{\"url\":\"https://s.net/t.png\","
			    "\"sticker_id\":%s}},{\"type\":\"image\",\"payload\":{\"url\":\"https://s.net/t.png\"}}", ids[i]);
			e = att(many);
			ok(e.natt == 0 && !e.unsupported, "thumbs-up %zu is no picture", i);
			is_str(e.text, "\xf0\x9f\x91\x8d", "it is a word");
		}
	}
	e = msging(IN ",\"message\":{\"mid\":\"m_S\",\"sticker_id\":369239263222822}");
	is_str(e.text, "\xf0\x9f\x91\x8d", "thumbs-up of old samples");

	e = att("{\"type\":\"location\",\"title\":\"Pinned Location\",\"url\":\"https://www.facebook.com/l.php?u=1\","
	    "\"payload\":{\"coordinates\":{\"lat\":60.1699,\"long\":24.9384}}}");
	ok(e.natt == 1 && e.att[0].type == FB_ATT_LOCATION, "location");
	is_str(e.att[0].url, "https://www.openstreetmap.org/?mlat=60.169900&mlon=24.938400#map=16/60.169900/24.938400", "map link");
	is_str(e.att[0].title, "Pinned Location", "location title");
	e = att("{\"type\":\"location\",\"url\":\"https://www.facebook.com/l.php?u=1\",\"payload\":{\"coordinates\":{\"lat\":99,\"long\":1}}}");
	is_str(e.att[0].url, "https://www.facebook.com/l.php?u=1", "impossible coordinates: the link told");

	e = att("{\"type\":\"fallback\",\"payload\":{\"url\":\"https://bramble.example/p/54\",\"title\":\"Road frame 54\"}},"
	    "{\"type\":\"fallback\",\"title\":\"Road frame 55\",\"url\":\"https://bramble.example/p/55\",\"payload\":null},"
	    "{\"type\":\"fallback\",\"title\":\"x\",\"payload\":{\"url\":\"/relative\"}},"
	    "{\"type\":\"fallback\",\"payload\":{\"url\":\"javascript:alert(1)\"}},"
	    "{\"type\":\"fallback\"}");
	ok(e.natt == 5 && e.att[0].type == FB_ATT_LINK, "fallbacks");
	is_str(e.att[0].url, "https://bramble.example/p/54", "address in the payload");
	is_str(e.att[0].title, "Road frame 54", "title in the payload");
	is_str(e.att[1].url, "https://bramble.example/p/55", "address beside it");
	is_str(e.att[1].title, "Road frame 55", "title beside it");
	ok(e.att[2].url == NULL && e.att[3].url == NULL && e.att[4].url == NULL, "only absolute http(s)");

	e = att("{\"type\":\"reel\",\"payload\":{\"url\":\"https://www.facebook.com/reel/1234567\",\"title\":\"Wheel truing\",\"reel_video_id\":\"1\"}},"
	    "{\"type\":\"ig_reel\",\"payload\":{\"url\":\"/reel/1234567/\",\"title\":\"Wheel truing\",\"reel_video_id\":1234567}},"
	    "{\"type\":\"reel\",\"payload\":{\"url\":\"/reel/1\"}},"
	    "{\"type\":\"post\",\"payload\":{\"url\":\"https://www.facebook.com/x/posts/99\",\"title\":\"New stock\",\"id\":\"99\"}},"
	    "{\"type\":\"ig_post\",\"payload\":{\"url\":\"https://www.instagram.com/p/1\"}},"
	    "{\"type\":\"share\",\"payload\":{\"url\":\"//evil.example/x\"}}");
	ok(e.natt == 6, "pages of the network");
	for (i = 0; i < e.natt; i++)
		ok(e.att[i].type == FB_ATT_LINK, "%zu is a link, never a file", i);
	is_str(e.att[1].url, "https://www.instagram.com/reel/1234567/", "relative, Instagram");
	is_str(e.att[2].url, "https://www.facebook.com/reel/1", "relative, Facebook");
	ok(e.att[5].url == NULL, "an address without scheme is none");
	ok(e.att[0].name == NULL, "a link has no file name");

	e = att("{\"type\":\"template\",\"payload\":{\"product\":{\"elements\":[{\"id\":\"3344556677\",\"retailer_id\":\"SKU-54\","
	    "\"image_url\":\"https://x\",\"title\":\"Road frame 54\",\"subtitle\":\"\\u20ac749\"}]}}}");
	ok(e.att[0].type == FB_ATT_TEMPLATE, "product template");
	is_str(e.att[0].title, "Road frame 54 \xe2\x80\x94 \xe2\x82\xac""749", "its summary");
	e = att("{\"type\":\"template\",\"title\":\"Road frame\",\"url\":null,\"payload\":{\"template_type\":\"generic\",\"sharable\":false,"
	    "\"elements\":[{\"title\":\"Road frame 54\",\"subtitle\":\"EUR 749\",\"buttons\":[{\"type\":\"web_url\",\"title\":\"View\","
	    "\"url\":\"https://shop.example/54\"}]},{\"title\":\"Two\"}]}}");
	is_str(e.att[0].title, "Road frame 54 \xe2\x80\x94 EUR 749 [View]\nTwo", "generic template");
	is_str(e.att[0].url, "https://shop.example/54", "address of its button");
	e = att("{\"type\":\"template\",\"payload\":{\"template_type\":\"button\",\"text\":\"Choose\",\"buttons\":[{\"type\":\"postback\","
	    "\"title\":\"Size\",\"payload\":\"SIZE\"},{\"title\":\"Colour\"}]}}");
	is_str(e.att[0].title, "Choose [Size] [Colour]", "button template");
	e = att("{\"type\":\"template\",\"title\":\"Road frame\",\"payload\":null}");
	is_str(e.att[0].title, "Road frame", "a bare template");

	e = att("{\"type\":\"appointment_booking\",\"payload\":{\"booking_id\":\"771\",\"status\":\"requested\",\"start_time\":1795600800,"
	    "\"end_time\":1795604400,\"timezone\":\"Europe/Helsinki\"}}");
	ok(e.att[0].type == FB_ATT_BOOKING, "booking");
	is_str(e.att[0].title, "requested", "its status");
	is_str(e.att[0].name, "2026-11-25T10:00:00Z/2026-11-25T11:00:00Z", "its time");
	is_str(e.att[0].fb_id, "771", "its id");

	e = att("{\"type\":\"hologram\",\"payload\":{\"url\":\"https://x.net/h\"}},{\"payload\":\"https://x.net/p\"},7,null,"
	    "{\"type\":\"image\",\"payload\":null},{\"type\":\"image\",\"payload\":\"https://x.net/i.png\"},"
	    "{\"type\":\"story_mention\",\"payload\":{\"url\":\"https://x.net/s\"}}");
	ok(e.kind == FB_MESSAGE && e.natt == 7, "odd attachments are kept");
	ok(e.att[0].type == FB_ATT_OTHER, "unknown type");
	is_str(e.att[0].title, "hologram", "is named");
	is_str(e.att[0].url, "https://x.net/h", "and linked");
	ok(e.att[1].type == FB_ATT_OTHER && e.att[1].title == NULL, "no type");
	ok(e.att[4].type == FB_ATT_IMAGE && e.att[4].url == NULL, "payload null");
	is_str(e.att[5].url, "https://x.net/i.png", "payload a string");
	is_str(e.att[6].title, "story_mention", "other network's types");

	many[0] = '\0';
	for (i = 0; i < 40; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many),
		    "%s{\"type\":\"image\",\"payload\":{\"url\":\"https://x.net/%zu\"}}", i == 0 ? "" : ",", i);
	e = att(many);
	ok(e.natt == FB_ATT_PER_MESSAGE && e.natt_dropped == 8, "more than enough is counted");
	e = msging(IN ",\"message\":{\"mid\":\"m_B\",\"text\":\"look\",\"attachments\":[{\"type\":\"fallback\",\"title\":\"T\",\"url\":\"https://x.net/\"}]}");
	ok(e.natt == 1 && e.text != NULL, "text and a link together");
}

static void
echoes(void)
{
	struct fb_event e = msging(ECHO_ ",\"message\":{\"mid\":\"m_B1\",\"is_echo\":true,\"app_id\":881240037712345,"
	    "\"metadata\":\"pd:out:01JD3X8Q7V\",\"text\":\"Yes, two left.\"}");

	ok(e.kind == FB_MESSAGE && e.out, "an echo goes out");
	is_str(e.psid, CUST, "its customer is the recipient");
	is_str(e.app_id, "881240037712345", "app id from a number");
	is_str(e.metadata, "pd:out:01JD3X8Q7V", "metadata");
	e = msging(ECHO_ ",\"message\":{\"mid\":\"m_B1\",\"is_echo\":true,\"app_id\":\"26390203743090\",\"text\":\"x\"}");
	is_str(e.app_id, "26390203743090", "app id from a string");
	ok(e.metadata == NULL, "no metadata");
	e = msging(ECHO_ ",\"message\":{\"mid\":\"m_B1\",\"is_echo\":true,\"text\":\"x\"}");
	ok(e.out && e.app_id == NULL, "no app id");
	e = msging(IN ",\"message\":{\"mid\":\"m_B1\",\"app_id\":1,\"metadata\":\"pd:out:x\",\"text\":\"x\"}");
	ok(!e.out && e.app_id == NULL && e.metadata == NULL, "only echoes have app id and metadata");

	e = msging(ECHO_ ",\"message\":{\"mid\":\"m_B1\",\"text\":\"x\"}");
	ok(e.kind == FB_UNKNOWN && e.psid == NULL && e.text == NULL, "the Page as sender without is_echo");
	e = msging(IN ",\"message\":{\"mid\":\"m_B1\",\"is_echo\":true,\"text\":\"x\"}");
	ok(e.kind == FB_UNKNOWN && !e.out, "an echo of a customer");
	e = msging("\"sender\":{\"id\":\"1\"},\"recipient\":{\"id\":\"2\"},\"timestamp\":1795341599870,"
	    "\"message\":{\"mid\":\"m_B1\",\"text\":\"x\"}");
	ok(e.kind == FB_UNKNOWN, "somebody else's Page");
	is_str(e.page, PAGE, "the entry still names the Page");
	e = msging("\"sender\":{\"id\":\"" PAGE "\"},\"recipient\":{\"id\":\"" PAGE "\"},\"message\":{\"mid\":\"m\",\"text\":\"x\"}");
	ok(e.kind == FB_UNKNOWN, "the Page to itself");
	e = msging("\"sender\":{\"user_ref\":\"R\"},\"recipient\":{\"id\":\"" PAGE "\"},\"message\":{\"mid\":\"m\",\"text\":\"x\"}");
	ok(e.kind == FB_UNKNOWN && e.psid == NULL, "a message of a user_ref");

	e = only("{\"object\":\"page\",\"entry\":[{\"id\":\"" PAGE "\",\"time\":1795341800000,\"standby\":[{" IN ","
	    "\"message\":{\"mid\":\"m_S1\",\"text\":\"Still there?\"}}]}]}");
	ok(e.kind == FB_MESSAGE && e.standby, "standby message");
	e = only("{\"object\":\"page\",\"entry\":[{\"id\":\"" PAGE "\",\"time\":1795341800000,\"standby\":[{" ECHO_ ","
	    "\"message\":{\"mid\":\"m_S2\",\"is_echo\":true,\"text\":\"x\"}}]}]}");
	ok(e.kind == FB_MESSAGE && e.standby && e.out, "standby echo");
	e = only("{\"object\":\"page\",\"entry\":[{\"id\":\"" PAGE "\",\"time\":1795341800000,\"standby\":[{" IN ","
	    "\"postback\":{\"title\":\"Size\"}}]}]}");
	ok(e.kind == FB_LINE && e.standby, "standby postback");
	is_str(e.key, "postback:" CUST ":1795341599870:Size", "is told apart by its title");
}

static void
receipts(void)
{
	struct fb_event e = msging("\"sender\":{\"id\":\"" CUST "\"},\"recipient\":{\"id\":\"" PAGE "\"},"
	    "\"delivery\":{\"mids\":[\"m_B1\",\"\",\"m_B2\"],\"watermark\":1795341612000,\"seq\":3}");

	ok(e.kind == FB_DELIVERY, "delivery");
	is_int(e.watermark, INT64_C(1795341612000), "watermark");
	ok(e.nmids == 2 && strcmp(e.mids[1], "m_B2") == 0, "mids");
	ok(!e.has_at && e.at == INT64_C(1795341600123), "time of the entry");
	is_str(e.key, "delivery:" CUST ":1795341600123:1795341612000", "key");
	e = msging(IN ",\"delivery\":{\"watermark\":\"1795341612\"}");
	ok(e.kind == FB_DELIVERY && e.nmids == 0, "delivery without mids");
	is_int(e.watermark, INT64_C(1795341612000), "a watermark in seconds");
	e = msging(IN ",\"delivery\":{\"mids\":[\"m_B1\"]}");
	ok(e.kind == FB_DELIVERY && e.watermark == 0 && e.nmids == 1, "delivery without watermark");
	e = msging(IN ",\"delivery\":{}");
	ok(e.kind == FB_UNKNOWN, "an empty delivery");
	e = msging(IN ",\"read\":{\"watermark\":1795341699000}");
	ok(e.kind == FB_READ && e.watermark == INT64_C(1795341699000), "read");
	e = msging(ECHO_ ",\"read\":{\"watermark\":1795341699000}");
	ok(e.kind == FB_UNKNOWN, "a read by the Page");
	e = msging("\"sender\":{\"user_ref\":\"R\"},\"recipient\":{\"id\":\"" PAGE "\"},\"delivery\":{\"watermark\":1795341612000}");
	ok(e.kind == FB_IGNORE, "delivery to a user_ref");
}

static void
reactions_edits(void)
{
	struct fb_event e = msging(IN ",\"reaction\":{\"reaction\":\"love\",\"emoji\":\"\\u2764\\uFE0F\",\"action\":\"react\",\"mid\":\"m_B1\"}");

	ok(e.kind == FB_REACTION && !e.out, "reaction");
	is_str(e.emoji, "\xe2\x9d\xa4\xef\xb8\x8f", "emoji");
	is_str(e.mid, "m_B1", "on a message");
	e = msging(IN ",\"reaction\":{\"action\":\"unreact\",\"mid\":\"m_B1\"}");
	ok(e.kind == FB_REACTION && e.emoji == NULL, "taken back");
	e = msging(IN ",\"reaction\":{\"reaction\":\"wow\",\"action\":\"react\",\"mid\":\"m_B1\"}");
	is_str(e.emoji, "\xf0\x9f\x98\xae", "a name becomes an emoji");
	e = msging(IN ",\"reaction\":{\"reaction\":\"other\",\"action\":\"react\",\"mid\":\"m_B1\"}");
	is_str(e.emoji, "\xe2\x9d\x94", "an unknown one a question mark");
	e = msging(IN ",\"reaction\":{\"action\":\"react\",\"mid\":\"m_B1\"}");
	is_str(e.emoji, "\xe2\x9d\x94", "never nothing");
	e = msging(ECHO_ ",\"reaction\":{\"emoji\":\"\\u2764\",\"action\":\"react\",\"mid\":\"m_A1\"}");
	ok(e.kind == FB_REACTION && e.out && strcmp(e.psid, CUST) == 0, "the Page's own reaction");
	e = msging(IN ",\"reaction\":{\"emoji\":\"\\u2764\",\"action\":\"react\"}");
	ok(e.kind == FB_UNKNOWN, "a reaction on nothing");

	e = msging(IN ",\"message_edit\":{\"mid\":\"m_A1\",\"text\":\"Do you have size 56?\",\"num_edit\":2}");
	ok(e.kind == FB_EDIT && e.edit_num == 2, "edit");
	is_str(e.text, "Do you have size 56?", "new text");
	is_str(e.key, "A1", "of a message");
	e = msging("\"timestamp\":1795341733000,\"message_edit\":{\"mid\":\"m_A1\",\"text\":\"x\",\"num_edit\":\"3\"}");
	ok(e.kind == FB_EDIT && e.edit_num == 3 && e.psid == NULL, "edit without sender, number as string");
	e = msging(IN ",\"message_edit\":{\"mid\":\"m_A1\",\"text\":\"\"}");
	ok(e.kind == FB_EDIT && e.edit_num == 1, "edit without a number");
	is_str(e.text, "", "edited to nothing");
	e = msging(IN ",\"message_edit\":{\"mid\":\"m_A1\"}");
	ok(e.kind == FB_UNKNOWN, "edit without text");
	e = msging(ECHO_ ",\"message_edit\":{\"mid\":\"m_B1\",\"text\":\"x\",\"num_edit\":1}");
	ok(e.kind == FB_EDIT && e.out, "the Page's own edit");
}

static void
lines(void)
{
	struct fb_event e = msging(IN ",\"postback\":{\"mid\":\"m_P1\",\"title\":\"Get started\",\"payload\":\"GET_STARTED\","
	    "\"referral\":{\"ref\":\"qr-shop\",\"source\":\"SHORTLINK\",\"type\":\"OPEN_THREAD\"}}");

	ok(e.kind == FB_LINE && e.line == FB_LINE_POSTBACK, "postback");
	is_str(e.key, "P1", "with mid");
	is_str(e.detail, "Get started", "title");
	is_str(e.referral, "{\"ref\":\"qr-shop\",\"source\":\"SHORTLINK\",\"type\":\"OPEN_THREAD\"}", "referral");
	e = msging(IN ",\"postback\":{\"title\":\"Get started\",\"payload\":\"GET_STARTED\"}");
	is_str(e.key, "postback:" CUST ":1795341599870:GET_STARTED", "without mid");
	ok(e.mid == NULL, "no mid");
	e = msging(IN ",\"postback\":{\"payload\":\"with blank\"}");
	ok(strstr(e.key, ":#") != NULL && strlen(strchr(e.key, '#')) == 33 && e.detail == NULL, "payload digest: %s", e.key);
	e = only("{\"object\":\"page\",\"entry\":[{\"id\":\"" PAGE "\",\"messaging\":[{\"sender\":{\"id\":\"" CUST "\"},"
	    "\"recipient\":{\"id\":\"" PAGE "\"},\"postback\":{\"payload\":\"X\"}}]}]}");
	is_str(e.key, "postback:" CUST ":0:X", "our clock is in no key");

	e = msging(IN ",\"optin\":{\"type\":\"notification_messages\",\"payload\":\"OFFER\",\"notification_messages_token\":\"8866\"}");
	ok(e.kind == FB_LINE && e.line == FB_LINE_OPTIN, "opt-in");
	is_str(e.detail, "OFFER", "its payload");
	e = msging("\"recipient\":{\"id\":\"" PAGE "\"},\"timestamp\":1795341455000,\"optin\":{\"ref\":\"cart-9\",\"user_ref\":\"REF-1234\"}");
	ok(e.kind == FB_IGNORE && e.psid == NULL, "checkbox opt-in");

	e = msging(IN ",\"account_linking\":{\"status\":\"linked\",\"authorization_code\":\"abc\"}");
	ok(e.kind == FB_IGNORE, "account linking");
	e = msging("\"recipient\":{\"id\":\"" PAGE "\"},\"timestamp\":1795341455000,\"policy_enforcement\":{\"action\":\"block\",\"reason\":\"Because\"}");
	ok(e.kind == FB_POLICY, "policy");
	is_str(e.policy, "block", "action");
	is_str(e.text, "Because", "reason");
	e = msging("\"recipient\":{\"id\":\"" PAGE "\"},\"policy_enforcement\":{\"action\":\"dance\"}");
	ok(e.kind == FB_UNKNOWN && e.policy == NULL, "unknown action");
	e = msging("\"recipient\":{\"id\":\"1\"},\"policy_enforcement\":{\"action\":\"block\"}");
	ok(e.kind == FB_UNKNOWN, "policy of another Page");

	e = msging(IN ",\"response_feedback\":{\"feedback\":\"Good response\",\"mid\":\"m_B1\"}");
	ok(e.kind == FB_LINE && e.line == FB_LINE_FEEDBACK && e.mid == NULL, "feedback is not the message it rates");
	is_str(e.reply_to, "m_B1", "but names it");
	is_str(e.key, "feedback:" CUST ":1795341599870:m_B1", "key");
	e = msging(IN ",\"messaging_feedback\":{\"feedback_screens\":[{\"screen_id\":0,\"questions\":{\"q1\":{\"type\":\"csat\",\"payload\":\"4\","
	    "\"follow_up\":{\"type\":\"free_form\",\"payload\":\"Fast answer\"}}}}]}");
	ok(e.line == FB_LINE_FEEDBACK, "survey");
	is_str(e.detail, "4 \xc2\xb7 Fast answer", "its answers");
	e = msging(IN ",\"order\":{\"products\":[{\"id\":\"33\",\"retailer_id\":\"SKU-54\",\"name\":\"Road frame\",\"unit_price\":749.0,"
	    "\"currency\":\"EUR\",\"quantity\":1},{\"id\":34,\"quantity\":2}],\"note\":\"red\"}");
	ok(e.line == FB_LINE_ORDER, "order");
	is_str(e.detail, "1 \xc3\x97 Road frame (749 EUR)\n2 \xc3\x97 34\nred", "its summary");
	e = msging(IN ",\"template\":{\"type\":\"coupon\",\"payload\":\"CP1\",\"coupon_code\":\"SPRING\"}");
	ok(e.line == FB_LINE_COUPON, "coupon");
	is_str(e.detail, "SPRING", "its code");
	e = msging(IN ",\"template\":{\"type\":\"other\"}");
	ok(e.kind == FB_UNKNOWN, "other templates");
	e = msging(IN ",\"message\":{\"admin_text\":\"handed the chat back\"}");
	ok(e.kind == FB_LINE && e.line == FB_LINE_ADMIN_TEXT && e.mid == NULL, "admin text");
	is_str(e.detail, "handed the chat back", "its text");
	ok(strncmp(e.key, "admin_text:" CUST ":1795341599870:#", 43) == 0, "its key");
	e = msging(IN ",\"message_context\":{\"x\":1}");
	ok(e.kind == FB_IGNORE, "message_context");
	e = msging(IN ",\"brand_new\":{\"x\":1}");
	ok(e.kind == FB_UNKNOWN && e.key != NULL, "an unknown event is kept");
	{
		struct fb_event f = msging(IN ",\"brand_new\":{\"x\":1}"), g = msging(IN ",\"brand_new\":{\"x\":2}");

		ok(strcmp(e.key, f.key) == 0 && strcmp(e.key, g.key) != 0, "with a key of its content");
	}
	e = msging(IN ",\"message\":\"odd\"");
	ok(e.kind == FB_UNKNOWN, "an odd message");
	e = msging(IN ",\"message\":null,\"read\":{\"watermark\":1795341699000}");
	ok(e.kind == FB_READ, "a null member does not count");

	e = msging(IN ",\"pass_thread_control\":{\"previous_owner_app_id\":null,\"new_owner_app_id\":881240037712345,\"metadata\":\"x\"}");
	ok(e.kind == FB_CONTROL, "pass");
	is_str(e.owner_app, "881240037712345", "to an app");
	e = msging(IN ",\"take_thread_control\":{\"previous_owner_app_id\":\"881240037712345\",\"new_owner_app_id\":\"26390203743090\",\"metadata\":\"\"}");
	ok(e.kind == FB_CONTROL, "take");
	is_str(e.owner_app, "26390203743090", "by an app");
	e = msging(IN ",\"take_thread_control\":{\"new_owner_app_id\":null}");
	ok(e.kind == FB_CONTROL && e.owner_app == NULL, "nobody");
	e = msging(IN ",\"take_thread_control\":{\"previous_owner_app_id\":\"8\"}");
	ok(e.kind == FB_UNKNOWN, "by an app that is not told");
	e = msging(IN ",\"release_thread_control\":{\"metadata\":\"x\"}");
	ok(e.kind == FB_CONTROL && e.owner_app == NULL, "release");
	e = msging(IN ",\"request_thread_control\":{\"requested_owner_app_id\":\"4\"}");
	ok(e.kind == FB_IGNORE, "request");
	e = msging("\"recipient\":{\"id\":\"" PAGE "\"},\"timestamp\":1,\"app_roles\":{\"8\":[\"primary_receiver\"]}");
	ok(e.kind == FB_IGNORE, "roles");
}

static void
changes(void)
{
	struct fb_event e = change("{\"field\":\"name\",\"value\":\"Bramble Bikes Oy\"}");

	ok(e.kind == FB_PAGE_NAME, "renamed");
	is_str(e.text, "Bramble Bikes Oy", "new name");
	is_int(e.at, INT64_C(1795341600000), "seconds of the entry");
	e = change("{\"field\":\"name\",\"value\":{}}");
	ok(e.kind == FB_UNKNOWN, "an odd name");
	e = change("{\"field\":\"conversations\",\"value\":{\"page_id\":108422330517604,\"thread_id\":\"t_10162039412345678\",\"scoped_thread_key\":\"t_1\"}}");
	ok(e.kind == FB_HINT, "hint");
	is_str(e.fb_thread, "t_10162039412345678", "its thread");
	e = change("{\"field\":\"conversations\",\"value\":{\"page_id\":1,\"thread_id\":\"t_1\"}}");
	ok(e.kind == FB_UNKNOWN, "hint of another Page");
	e = change("{\"field\":\"inbox_labels\",\"value\":{\"user\":{\"id\":\"1\"},\"action\":\"add\",\"label\":{\"id\":\"77\"}}}");
	ok(e.kind == FB_IGNORE, "label");
	e = change("{\"field\":\"messages\",\"value\":{\"sender\":{\"id\":\"12334\"},\"recipient\":{\"id\":\"23245\"},\"timestamp\":\"1527459824\","
	    "\"message\":{\"mid\":\"test_message_id\",\"text\":\"test_message\",\"commands\":[{\"name\":\"command123\"}]}}}");
	ok(e.kind == FB_TEST && e.psid == NULL && e.mid == NULL, "the Test button makes no customer");
	is_int(e.at, INT64_C(1527459824000), "its string seconds");
	e = change("{\"field\":\"message_reads\",\"value\":{\"read\":{\"watermark\":1}}}");
	ok(e.kind == FB_TEST, "Test of another field");
	e = change("{\"field\":\"feed\",\"value\":{\"item\":\"like\"}}");
	ok(e.kind == FB_UNKNOWN, "a field never asked for");
	e = change("{\"value\":1}");
	ok(e.kind == FB_UNKNOWN, "no field");
}

static void
envelopes(void)
{
	struct fb_event *ev;
	const struct ib_err *err;
	size_t n, i;

	err = body("[1]", &ev, &n);
	ok(err != NULL && err->code == IB_EPARSE && n == 0, "not an object");
	err = fb_events(&A, NULL, NOW, &ev, &n);
	ok(err != NULL, "nothing");
	ok(body("{\"object\":\"instagram\",\"entry\":[{\"messaging\":[{}]}]}", &ev, &n) == NULL && n == 0, "another object");
	ok(body("{\"object\":\"page\"}", &ev, &n) == NULL && n == 0, "no entries");
	ok(body("{\"object\":\"page\",\"entry\":[]}", &ev, &n) == NULL && n == 0, "no entry");
	ok(body("{\"object\":\"page\",\"entry\":[{},null,3,{\"messaging\":null},{\"messaging\":[]}]}", &ev, &n) == NULL && n == 0, "entries without events");
	ok(body("{\"object\":\"page\",\"entry\":[{\"id\":\"1\",\"messaging\":[{\"sender\":{\"id\":\"5\"},\"recipient\":{\"id\":\"1\"},"
	    "\"message\":{\"mid\":\"a\",\"text\":\"1\"}},null,{\"sender\":{\"id\":\"6\"},\"recipient\":{\"id\":\"1\"},\"message\":{\"mid\":\"b\",\"text\":\"2\"}}],"
	    "\"standby\":[{\"sender\":{\"id\":\"5\"},\"recipient\":{\"id\":\"1\"},\"message\":{\"mid\":\"c\",\"text\":\"3\"}}],"
	    "\"changes\":[{\"field\":\"name\",\"value\":\"n\"}]},"
	    "{\"id\":\"2\",\"messaging\":[{\"sender\":{\"id\":\"5\"},\"recipient\":{\"id\":\"2\"},\"message\":{\"mid\":\"d\",\"text\":\"4\"}}]}]}",
	    &ev, &n) == NULL, "a batch of two Pages");
	is_int(n, 6, "all of it");
	if (n == 6) {
		ok(ev[1].kind == FB_UNKNOWN, "the bad one alone is unknown");
		is_str(ev[2].text, "2", "the next one is fine");
		ok(ev[3].standby && ev[4].kind == FB_PAGE_NAME, "order of the lists");
		is_str(ev[5].page, "2", "second Page");
	}

	for (i = 0; i < 2; i++) {
		size_t k, count = i == 0 ? 1000 : 1001;
		struct ib_buf b;

		buf_init(&b, 1 << 20);
		buf_puts(&b, "{\"object\":\"page\",\"entry\":[{\"messaging\":[");
		for (k = 0; k < count; k++)
			buf_puts(&b, k == 0 ? "{}" : ",{}");
		buf_puts(&b, "]}]}");
		err = body(buf_cstr(&b), &ev, &n);
		if (i == 0)
			ok(err == NULL && n == 1000, "1,000 events");
		else
			ok(err != NULL && err->code == IB_ELIMIT && n == 0, "1,001 events");
		buf_fini(&b);
	}
	{
		struct arena tiny;
		static const char text[] = "{\"object\":\"page\",\"entry\":[{\"id\":\"" PAGE "\",\"messaging\":[{" IN ",\"message\":{\"mid\":\"m_A\",\"text\":\"x\"}}]}]}";
		size_t max;
		bool done = false;

		for (max = 16; max < 20000 && !done; max += 16) {
			arena_init(&tiny, max);
			err = fb_events(&tiny, doc(text), NOW, &ev, &n);
			done = err == NULL;
			if (err != NULL && (err->code != IB_ENOMEM || n != 0))
				break;
			arena_fini(&tiny);
		}
		ok(done, "out of memory is an error at every point");
		if (!done)
			arena_fini(&tiny);
	}
}

static struct fb_event
api(const char *text, bool *valid)
{
	struct fb_event e;
	bool v = fb_event_from_api(&A, doc(text), PAGE, &e);

	if (valid != NULL)
		*valid = v;
	return e;
}

#define FROM_C	"\"from\":{\"name\":\"Liisa Virtanen\",\"email\":\"x@facebook.com\",\"id\":\"" CUST "\"}," \
		"\"to\":{\"data\":[{\"name\":\"Bramble Bikes\",\"id\":\"" PAGE "\"}]}"
#define API(rest)	"{\"id\":\"m_A2\",\"created_time\":\"2026-11-22T09:59:59+0000\"," FROM_C "," rest "}"

static void
history(void)
{
	bool v;
	struct fb_event e = api("{\"id\":\"m_B1\",\"created_time\":\"2026-11-22T10:00:11+0000\","
	    "\"from\":{\"name\":\"Bramble Bikes\",\"id\":\"" PAGE "\"},"
	    "\"to\":{\"data\":[{\"name\":\"Liisa Virtanen\",\"email\":\"" CUST "@facebook.com\",\"id\":\"" CUST "\"}]},"
	    "\"message\":\"Yes, two left.\",\"tags\":{\"data\":[{\"name\":\"inbox\"},{\"name\":\"source:chat\"}]}}", &v);

	ok(v && e.kind == FB_MESSAGE && e.out && e.history && !e.exact && e.has_at, "outgoing history");
	is_int(e.at, INT64_C(1795341611000), "created_time with +0000");
	is_str(e.psid, CUST, "its customer");
	is_str(e.customer_name, "Liisa Virtanen", "the customer's name");
	is_str(e.key, "B1", "key");
	is_str(e.page, PAGE, "Page");

	e = api(API("\"message\":\"\",\"attachments\":{\"data\":["
	    "{\"id\":\"122100011122233\",\"mime_type\":\"image/jpeg\",\"name\":\"image-122100011122233\",\"size\":0,"
	    "\"image_data\":{\"width\":1080,\"height\":1440,\"max_width\":1080,\"image_type\":1,\"url\":\"https://scontent.example-cdn.net/a.jpg?oe=69B1C2D3\","
	    "\"preview_url\":\"https://scontent.example-cdn.net/a_p.jpg\",\"render_as_sticker\":false}},"
	    "{\"id\":\"122100011122234\",\"mime_type\":\"video/mp4\",\"name\":\"video-1795.mp4\",\"size\":1017695,"
	    "\"video_data\":{\"width\":720,\"height\":1280,\"length\":5,\"url\":\"https://video.example-cdn.net/v.mp4\",\"preview_url\":\"https://x.net/v.jpg\"}},"
	    "{\"id\":122100011122235,\"mime_type\":\"Application/PDF; x=1\",\"name\":\"quote-12.pdf\",\"size\":46814,\"file_url\":\"https://cdn.example-cdn.net/quote-12.pdf\"},"
	    "{\"id\":\"4\",\"mime_type\":\"audio/mpeg\",\"name\":\"audioclip.mp4\",\"size\":null,\"file_url\":\"https://cdn.example-cdn.net/audioclip.mp4\"},"
	    "{\"id\":\"5\",\"mime_type\":\"video/mp4\",\"name\":\"audioclip-9.mp4\",\"file_url\":\"https://cdn.example-cdn.net/audioclip-9.mp4\"},"
	    "{\"id\":\"6\",\"name\":\"Media not available due to new privacy rules in Europe. Learn more\"},"
	    "{\"id\":\"7\",\"generic_template\":{\"title\":\"Road frame\",\"subtitle\":\"EUR 749\",\"media_url\":\"https://x.net/m\",\"cta\":{\"title\":\"View\",\"type\":\"OPEN_URL\",\"url\":\"https://shop.example/\"}}},"
	    "{\"id\":\"8\",\"image_data\":{\"url\":\"https://x.net/st.png\",\"render_as_sticker\":true}},"
	    "{\"id\":\"9\"}]},"
	    "\"reactions\":{\"data\":[{\"reaction\":\"\\u2764\",\"users\":[{\"name\":\"Bramble Bikes\",\"id\":\"" PAGE "\"},{\"id\":\"" CUST "\"}]}]},"
	    "\"reply_to\":{\"id\":\"m_A0\"}"), &v);
	ok(v && !e.out && e.text == NULL && !e.unsupported, "incoming history without text");
	is_str(e.customer_name, "Liisa Virtanen", "name of the sender");
	is_int(e.natt, 9, "its attachments");
	if (e.natt == 9) {
		ok(e.att[0].type == FB_ATT_IMAGE && e.att[0].width == 1080 && e.att[0].height == 1440, "picture");
		is_str(e.att[0].url, "https://scontent.example-cdn.net/a.jpg?oe=69B1C2D3", "its address");
		is_str(e.att[0].name, "image-122100011122233.jpg", "its name gets an extension");
		is_str(e.att[0].mime, "image/jpeg", "its type");
		is_str(e.att[0].fb_id, "122100011122233", "its id");
		ok(e.att[1].type == FB_ATT_VIDEO && e.att[1].size == 1017695, "video");
		ok(e.att[2].type == FB_ATT_FILE, "file");
		is_str(e.att[2].mime, "application/pdf", "type without parameters");
		is_str(e.att[2].name, "quote-12.pdf", "file name");
		is_str(e.att[2].fb_id, "122100011122235", "numeric id");
		ok(e.att[3].type == FB_ATT_AUDIO && e.att[3].size == 0, "voice");
		ok(e.att[4].type == FB_ATT_AUDIO, "voice that calls itself a video");
		ok(e.att[5].type == FB_ATT_PRIVACY && e.att[5].url == NULL && e.att[5].name == NULL, "privacy placeholder");
		ok(e.att[6].type == FB_ATT_TEMPLATE, "template");
		is_str(e.att[6].title, "Road frame \xe2\x80\x94 EUR 749 [View]", "its summary");
		is_str(e.att[6].url, "https://shop.example/", "its address");
		ok(e.att[7].type == FB_ATT_STICKER, "sticker picture");
		ok(e.att[8].type == FB_ATT_OTHER, "nothing known");
	}
	ok(e.nreactions == 2 && e.reactions[0].by_page && !e.reactions[1].by_page, "reactions of both");
	is_str(e.nreactions == 2 ? e.reactions[0].emoji : NULL, "\xe2\x9d\xa4", "emoji");
	is_str(e.reply_to, "m_A0", "reply_to {id}");

	e = api(API("\"message\":\"x\",\"reply_to\":{\"mid\":\"m_A9\"},\"reactions\":[{\"emoji\":\"\\u2764\",\"from\":{\"id\":\"" PAGE "\"}},{\"reaction\":\"like\"}]"), NULL);
	is_str(e.reply_to, "m_A9", "reply_to {mid}");
	ok(e.nreactions == 2 && e.reactions[0].by_page && !e.reactions[1].by_page, "other forms of reactions");
	is_str(e.nreactions == 2 ? e.reactions[1].emoji : NULL, "\xf0\x9f\x91\x8d", "a reaction's name");
	e = api(API("\"message\":\"x\",\"reactions\":{\"data\":[{\"reaction\":\"\\u2764\",\"users\":{\"data\":[{\"id\":\"" PAGE "\"}]}}]},\"reply_to\":null"), NULL);
	ok(e.nreactions == 1 && e.reactions[0].by_page && e.reply_to == NULL, "users in data");

	e = api(API("\"message\":\"\",\"sticker\":\"https://x.net/st.png\",\"attachments\":{\"data\":[{\"id\":\"8\",\"image_data\":{\"url\":\"https://x.net/st.png\"}}]}"), NULL);
	ok(e.natt == 1 && e.att[0].type == FB_ATT_STICKER, "sticker address; its picture is the same");
	e = api(API("\"message\":\"\",\"shares\":{\"data\":[{\"id\":\"1\",\"name\":\"Frame\",\"link\":\"https://bramble.example/p/54\"},"
	    "{\"name\":null,\"description\":\"D\",\"link\":\"/reel/1\",\"template\":null},{\"id\":null},"
	    "{\"template\":{\"payload\":{\"elements\":[{\"title\":\"T\"}]}}}]}"), NULL);
	is_int(e.natt, 3, "shares");
	if (e.natt == 3) {
		ok(e.att[0].type == FB_ATT_LINK && strcmp(e.att[0].title, "Frame") == 0, "with a name");
		is_str(e.att[1].url, "https://www.facebook.com/reel/1", "relative link");
		is_str(e.att[1].title, "D", "description serves as title");
		ok(e.att[2].type == FB_ATT_TEMPLATE && strcmp(e.att[2].title, "T") == 0, "template");
	}
	is_int(e.natt_dropped, 0, "an empty share is not counted");

	e = api(API("\"message\":\"\",\"is_unsupported\":true"), NULL);
	ok(e.unsupported, "is_unsupported");
	e = api(API("\"message\":\"\""), NULL);
	ok(e.unsupported, "nothing at all");
	e = api(API("\"message\":\"x\""), NULL);
	ok(!e.unsupported && e.natt == 0, "plain text");

	e = api("{\"id\":\"m_1\",\"created_time\":\"2026-11-22T09:59:59+0000\",\"from\":{\"id\":\"" PAGE "\"},\"message\":\"x\"}", &v);
	ok(v && e.out && e.psid == NULL && e.kind == FB_MESSAGE, "lean answer: outgoing, receiver unknown");
	e = api("{\"id\":\"m_1\",\"created_time\":\"2026-11-22T09:59:59+0000\",\"to\":{\"data\":[{\"id\":\"" PAGE "\"}]},\"message\":\"x\"}", &v);
	ok(v && !e.out && e.psid == NULL && e.kind == FB_MESSAGE, "without from: it came in");
	e = api("{\"id\":\"m_1\",\"created_time\":\"2026-11-22T09:59:59+0000\",\"to\":{\"data\":[{\"id\":\"5\"}]},\"message\":\"x\"}", &v);
	ok(v && e.out, "without from: it went out");
	e = api("{\"id\":\"m_1\",\"created_time\":\"2026-11-22T09:59:59+0000\",\"message\":\"x\"}", &v);
	ok(v && e.kind == FB_UNKNOWN, "without both sides: unknown");
	e = api("{\"id\":\"m_1\",\"created_time\":1795341611,\"from\":{\"id\":5},\"message\":\"x\"}", &v);
	ok(v && e.at == INT64_C(1795341611000), "time as a number");
	api("{\"id\":\"m_1\",\"message\":\"x\"}", &v);
	ok(!v, "no time");
	api("{\"id\":\"m_1\",\"created_time\":\"yester-day\",\"message\":\"x\"}", &v);
	ok(!v, "no valid time");
	api("{\"created_time\":\"2026-11-22T09:59:59+0000\",\"message\":\"x\"}", &v);
	ok(!v, "no id");
	{
		struct fb_attachment *t;
		struct fb_event f;

		ok(!fb_event_from_api(&A, NULL, PAGE, &f), "no message");
		is_int(fb_attachments_from_api(&A, doc("[{\"id\":\"1\",\"file_url\":\"https://x.net/a.bin\"}]"), &t), 1, "a bare list");
		is_int(fb_attachments_from_api(&A, NULL, &t), 0, "no list");
	}
}

/* A plain message has to be cheap: parsed and understood within 10 us (with room for slow machines). */
static void
speed(void)
{
	static const char text[] = "{\"object\":\"page\",\"entry\":[{\"id\":\"108422330517604\",\"time\":1795341600123,"
	    "\"messaging\":[{\"sender\":{\"id\":\"6804412339871205\"},\"recipient\":{\"id\":\"108422330517604\"},"
	    "\"timestamp\":1795341599870,\"message\":{\"mid\":\"m_TestVector01\",\"text\":"
	    "\"Caf\\u00e9 \\ud83d\\ude00 50\\u0025 a\\/b\"}}]}]}";
	struct arena a;
	struct fb_event *ev;
	struct json *j;
	size_t n, i;
	int64_t start;
	double us;

	arena_init(&a, ARENA_REQUEST_MAX);
	start = clock_mono_us();
	for (i = 0; i < 20000; i++) {
		if (json_parse(text, sizeof(text) - 1, JSON_LENIENT_, &j) != NULL ||
		    fb_events(&a, j, NOW, &ev, &n) != NULL)
			break;
		json_free(j);
		arena_reset(&a);
	}
	us = (double)(clock_mono_us() - start) / 20000;
	diag("one webhook: %.2f us", us);
	ok(i == 20000, "20,000 plain webhooks are read");
	arena_fini(&a);
}

int
main(void)
{
	size_t i;

	arena_init(&A, (size_t)256 << 20);
	texts();
	referrals();
	attachments();
	echoes();
	receipts();
	reactions_edits();
	lines();
	changes();
	envelopes();
	history();
	speed();
	for (i = 0; i < ndocs; i++)
		json_free(docs[i]);
	arena_fini(&A);
	return done_testing();
}
