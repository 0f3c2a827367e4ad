/* SPDX-License-Identifier: MIT */
/*
 * graph.c - requests and answers of Facebook, against canned answers on
 * loopback.  What was asked is looked at byte by byte, above all where a
 * token may be and where not.
 */
#include "../tap.h"

#include "../../lib/api/graph.h"
#include "../../lib/base/crypt.h"
#include "canned.h"
#include "written.h"

#include <fcntl.h>
#include <sys/stat.h>

#define SECRET	"3f1c9a7d5be24860a1d2c3b4e5f60718"
#define APP	"881240037712345"
#define PAGE	"108422330517604"
#define CUST	"6804412339871205"
#define TOKEN	"EAATESTTOKEN123"
#define PROOF	"appsecret_proof=af52de2ceece180476f29597d5eaa71eaa821e00aac49da4114828a43cdc83f8"
#define BEARER	"uthorization: Bearer " TOKEN "\r\n"

static struct arena A;
static struct conf *conf;
static struct httpc *http;
static struct graph *g;
static char dir[] = "/tmp/inbox-graph-XXXXXX";
static struct graph_res res;

/* A configuration with these further lines. */
static struct conf *
make_conf(const char *graph_url, const char *more)
{
	char lines[1024];

	snprintf(lines, sizeof(lines), "%s%s%s%s", graph_url != NULL ? "facebook.graph_url = " : "",
	    graph_url != NULL ? graph_url : "", graph_url != NULL ? "\n" : "", more);
	return written_conf(dir, APP, SECRET, lines);
}

/* The token is in the header and nowhere else; the proof is in the address. */
static void
proper(int i, const char *what)
{
	ok(canned_asked(i, BEARER) && !canned_line(i, TOKEN) && canned_line(i, PROOF),
	    "%s: token in the header, proof in the address", what);
}

static void
dialog(void)
{
	const char *url = graph_dialog_url(g, &A, "https://inbox.example.net/facebook/callback", "a b", false);
	struct conf *c2;
	struct graph *g2 = NULL;

	is_str(url, "https://www.facebook.com/v25.0/dialog/oauth?client_id=" APP
	    "&redirect_uri=https%3A%2F%2Finbox.example.net%2Ffacebook%2Fcallback&state=a%20b&response_type=code"
	    "&scope=pages_show_list%2Cpages_messaging%2Cpages_manage_metadata%2Cpages_read_engagement%2Cbusiness_management",
	    "dialog with a scope");
	url = graph_dialog_url(g, &A, "https://x.net/", "s", true);
	ok(url != NULL && strstr(url, "&auth_type=rerequest") != NULL, "asking again");
	ok(strstr(url, SECRET) == NULL, "no secret in it");
	c2 = make_conf(NULL, "facebook.config_id = 777\n");
	if (c2 != NULL && graph_new(c2, http, &g2) == NULL) {
		url = graph_dialog_url(g2, &A, "https://x.net/", "s", false);
		ok(strstr(url, "&config_id=777") != NULL && strstr(url, "scope=") == NULL &&
		    strstr(url, "override_default_response_type=true") != NULL, "dialog with a configuration");
	} else
		ok(false, "second configuration");
	graph_free(g2);
	conf_free(c2);
}

static void
login(void)
{
	struct graph_token t;
	struct graph_debug d;
	struct graph_me me;
	const char *const *list;
	const struct ib_err *err;
	size_t n;

	canned_json(200, "{\"access_token\":\"EAAMshort\",\"token_type\":\"bearer\",\"expires_in\":5183944}");
	err = graph_exchange(g, &A, "AQBx#/", "https://inbox.example.net/facebook/callback", &t, &res);
	ok(err == NULL && !res.refused && res.row == NULL, "exchange");
	is_str(t.token, "EAAMshort", "token");
	is_int(t.expires_in, 5183944, "lifetime");
	ok(canned_line(0, "POST /v25.0/oauth/access_token HTTP"), "nothing in the address");
	ok(canned_asked(0, "&code=AQBx%23%2F&") && canned_asked(0, "&client_secret=" SECRET) &&
	    canned_asked(0, "client_id=" APP) &&
	    canned_asked(0, "redirect_uri=https%3A%2F%2Finbox.example.net%2Ffacebook%2Fcallback"), "form");
	ok(canned_asked(0, "application/x-www-form-urlencoded") && !canned_asked(0, "uthorization:"), "no token yet");

	canned_json(400, "{\"error\":{\"message\":\"This authorization code has been used.\",\"type\":\"OAuthException\","
	    "\"code\":100,\"error_subcode\":36009,\"fbtrace_id\":\"AbCdEf12345\"}}");
	err = graph_exchange(g, &A, "c", "r", &t, &res);
	ok(err == NULL && res.refused && res.status == 400, "a used code is refused");
	is_str(res.row->key, "error.fb.login_again", "its sentence");
	is_str(res.trace, "AbCdEf12345", "trace");
	is_int(canned->given, 1, "never repeated");
	ok(t.token == NULL, "no token");
	canned_json(400, "{\"error\":{\"message\":\"Error validating client secret.\",\"type\":\"OAuthException\",\"code\":1}}");
	err = graph_exchange(g, &A, "c", "r", &t, &res);
	ok(err == NULL && res.refused, "a wrong secret is refused");
	is_str(res.row->key, "error.fb.app_secret", "as a matter of configuration");
	canned_json(200, "{\"token_type\":\"bearer\"}");
	err = graph_exchange(g, &A, "c", "r", &t, &res);
	ok(err != NULL && err->code == IB_EUPSTREAM, "an answer without token");
	canned_json(200, "{\"access_token\":\"EAAMlong\"}");
	err = graph_long_lived(g, &A, "EAAMshort", &t, &res);
	ok(err == NULL && t.token != NULL && strcmp(t.token, "EAAMlong") == 0 && t.expires_in == 0, "long-lived");
	ok(canned_line(0, "POST /v25.0/oauth/access_token HTTP") && canned_asked(0, "grant_type=fb_exchange_token") &&
	    canned_asked(0, "fb_exchange_token=EAAMshort"), "in a form");

	canned_json(200, "{\"data\":{\"app_id\":\"" APP "\",\"type\":\"PAGE\",\"data_access_expires_at\":1803117600,"
	    "\"expires_at\":0,\"is_valid\":true,\"profile_id\":" PAGE ",\"user_id\":\"10229481123456789\","
	    "\"scopes\":[\"pages_show_list\",\"pages_messaging\"]}}");
	err = graph_debug_token(g, &A, TOKEN, &d, &res);
	ok(err == NULL && d.valid && d.nscopes == 2, "debug_token");
	is_str(d.profile_id, PAGE, "profile id from a number");
	is_int(d.data_access_expires_at, 1803117600, "data access");
	ok(canned_asked(0, "uthorization: Bearer " APP "|" SECRET "\r\n") && !canned_line(0, "appsecret_proof"),
	    "app token, without proof");
	canned_json(200, "{\"data\":{\"error\":{\"code\":190,\"message\":\"x\",\"subcode\":460},\"is_valid\":false,\"scopes\":[]}}");
	err = graph_debug_token(g, &A, TOKEN, &d, &res);
	ok(err == NULL && !res.refused && !d.valid && d.code == 190 && d.subcode == 460, "a dead token");
	canned_json(200, "{}");
	err = graph_debug_token(g, &A, TOKEN, &d, &res);
	ok(err != NULL && !d.valid, "no data is no verdict");

	canned_json(200, "{\"id\":10229481123456789,\"name\":\"Maria Tamm\"}");
	err = graph_me(g, &A, TOKEN, &me, &res);
	ok(err == NULL, "me");
	is_str(me.id, "10229481123456789", "id beyond 2^53");
	is_str(me.name, "Maria Tamm", "name");
	proper(0, "me");
	canned_json(200, "{\"data\":[{\"permission\":\"pages_messaging\",\"status\":\"granted\"},"
	    "{\"permission\":\"business_management\",\"status\":\"declined\"},{\"permission\":\"email\",\"status\":\"declined\"},"
	    "{\"permission\":\"pages_show_list\",\"status\":\"expired\"}]}");
	err = graph_declined(g, &A, TOKEN, &list, &n, &res);
	ok(err == NULL && n == 2, "declined and expired, of ours only");
	ok(n == 2 && strcmp(list[0], "pages_show_list") == 0 && strcmp(list[1], "business_management") == 0, "their names");
}

static void
pages(void)
{
	struct graph_page *p;
	const char *next;
	const struct ib_err *err;
	bool sub, full;
	size_t n;

	canned_json(200, "{\"data\":["
	    "{\"id\":\"" PAGE "\",\"name\":\"Bramble Bikes\",\"access_token\":\"EAAMpageA\",\"category\":\"Bicycle Shop\","
	    "\"tasks\":[\"ADVERTISE\",\"ANALYZE\",\"CREATE_CONTENT\",\"MESSAGING\",\"MODERATE\",\"MANAGE\"],"
	    "\"picture\":{\"data\":{\"url\":\"https://scontent.example-cdn.net/1.jpg?oe=69AA0000\"}}},"
	    "{\"id\":110935571284066,\"name\":\"Bramble Repairs\",\"tasks\":[\"ANALYZE\"]},"
	    "{\"id\":\"3\",\"access_token\":\"t\",\"tasks\":[\"PROFILE_PLUS_MESSAGING\",\"PROFILE_PLUS_FULL_CONTROL\"]},"
	    "{\"id\":\"4\",\"access_token\":\"t\",\"tasks\":[\"BRAND_NEW\"]},{\"id\":\"5\",\"access_token\":\"t\"},{\"name\":\"no id\"},"
	    "{\"id\":\"6\",\"tasks\":[]}],"
	    "\"paging\":{\"cursors\":{\"before\":\"a\",\"after\":\"QVFIUmE\"},\"next\":\"https://graph.facebook.com/?access_token=EAAM\"}}");
	err = graph_pages(g, &A, TOKEN, NULL, &p, &n, &next, &res);
	ok(err == NULL && n == 6, "Pages");
	if (n == 6) {
		ok(p[0].can_message && p[0].can_manage && !p[0].odd_tasks, "all tasks");
		is_str(p[0].token, "EAAMpageA", "Page token");
		is_str(p[0].picture, "https://scontent.example-cdn.net/1.jpg?oe=69AA0000", "picture");
		is_str(p[0].category, "Bicycle Shop", "category");
		ok(p[1].token == NULL && !p[1].can_message && !p[1].can_manage && !p[1].odd_tasks, "not enough");
		is_str(p[1].id, "110935571284066", "numeric id");
		ok(p[2].can_message && p[2].can_manage, "New Pages Experience");
		ok(p[3].odd_tasks && !p[3].can_message, "unknown tasks");
		ok(p[4].odd_tasks, "no tasks told");
		ok(!p[5].odd_tasks, "no tasks at all");
	}
	is_str(next, "QVFIUmE", "cursor");
	proper(0, "accounts");
	ok(canned_line(0, "GET /v25.0/me/accounts?fields=id%2Cname%2Caccess_token%2Ctasks%2Ccategory%2Cpicture%7Burl%7D&limit=100&appsecret_proof="), "request");
	canned_json(200, "{\"data\":[],\"paging\":{\"cursors\":{\"before\":\"a\",\"after\":\"Z\"}}}");
	err = graph_pages(g, &A, TOKEN, "QVFIUmE", &p, &n, &next, &res);
	ok(err == NULL && n == 0 && next == NULL, "cursors without next are the end");
	ok(canned_line(0, "&after=QVFIUmE&"), "the cursor was used");
	canned_json(200, "{\"data\":[],\"paging\":{\"cursors\":{\"after\":\"X\"},\"next\":\"https://x\"}}");
	err = graph_pages(g, &A, TOKEN, "X", &p, &n, &next, &res);
	ok(err == NULL && next == NULL, "a cursor that does not move is the end");

	canned_json(200, "{\"success\":true}");
	err = graph_subscribe(g, &A, PAGE, TOKEN, &res);
	ok(err == NULL && !res.refused, "subscribe");
	proper(0, "subscribe");
	ok(canned_line(0, "POST /v25.0/" PAGE "/subscribed_apps?appsecret_proof=") && canned_asked(0, "\r\n\r\nsubscribed_fields="
	    "messages%2Cmessage_echoes%2Cmessage_deliveries%2Cmessage_reads%2Cmessage_reactions%2Cmessage_edits%2C"
	    "messaging_postbacks%2Cmessaging_referrals%2Cmessaging_handovers%2Cstandby%2Cmessaging_policy_enforcement"), "fields");
	canned_json(200, "{\"success\":\"true\"}");
	ok(graph_subscribe(g, &A, PAGE, TOKEN, &res) == NULL && !res.refused, "success as a string");
	canned_json(200, "{\"success\":false}");
	ok(graph_subscribe(g, &A, PAGE, TOKEN, &res) == NULL && res.refused && res.row != NULL, "success false is a refusal");
	canned_json(403, "{\"error\":{\"message\":\"(#200) x\",\"code\":200}}");
	ok(graph_subscribe(g, &A, PAGE, TOKEN, &res) == NULL && res.refused && res.row->class_ == CLASS_CONFIG, "no permission");
	canned_json(200, "{\"success\":true}");
	ok(graph_unsubscribe(g, &A, PAGE, TOKEN, &res) == NULL && !res.refused, "unsubscribe");
	ok(canned_line(0, "DELETE /v25.0/" PAGE "/subscribed_apps?"), "DELETE");
	proper(0, "unsubscribe");

	canned_json(200, "{\"data\":[{\"id\":\"1\",\"subscribed_fields\":[\"messages\"]},{\"id\":" APP ",\"subscribed_fields\":[\"messages\",\"message_echoes\"]}]}");
	err = graph_subscription(g, &A, PAGE, TOKEN, &sub, &full, &res);
	ok(err == NULL && sub && !full, "subscribed, but not to all");
	canned_json(200, "{\"data\":[{\"id\":\"" APP "\",\"subscribed_fields\":[\"messages\",\"message_echoes\",\"message_deliveries\","
	    "\"message_reads\",\"message_reactions\",\"message_edits\",\"messaging_postbacks\",\"messaging_referrals\","
	    "\"messaging_handovers\",{\"name\":\"standby\"},\"messaging_policy_enforcement\",\"name\"]}]}");
	err = graph_subscription(g, &A, PAGE, TOKEN, &sub, &full, &res);
	ok(err == NULL && sub && full, "subscribed to all");
	canned_json(200, "{\"data\":[{\"id\":\"442200119988776\",\"subscribed_fields\":[]}]}");
	err = graph_subscription(g, &A, PAGE, TOKEN, &sub, &full, &res);
	ok(err == NULL && !sub && !full, "only another app");
	canned_json(200, "{}");
	err = graph_subscription(g, &A, PAGE, TOKEN, &sub, &full, &res);
	ok(err != NULL, "no data is no verdict");
}

static void
history(void)
{
	struct graph_thread *t;
	struct fb_event *ev;
	struct fb_attachment *at;
	struct graph_profile pr;
	const char *next;
	const struct ib_err *err;
	size_t n;

	canned_json(200, "{\"data\":[{\"id\":\"t_10162039412345678\",\"updated_time\":\"2026-11-22T09:12:44+0000\",\"message_count\":41,"
	    "\"can_reply\":false,\"link\":\"/Bramble/inbox/1/?section=messages\",\"participants\":{\"data\":["
	    "{\"name\":\"Bramble Bikes\",\"id\":\"" PAGE "\"},{\"name\":\"Liisa Virtanen\",\"id\":\"" CUST "\"}]}},"
	    "{\"id\":\"t_2\",\"participants\":{\"data\":[]},\"senders\":{\"data\":[{\"id\":5}]}},{\"updated_time\":\"x\"}],"
	    "\"paging\":{\"cursors\":{\"after\":\"C2\"},\"next\":\"https://x\"}}");
	err = graph_threads(g, &A, PAGE, TOKEN, NULL, NULL, 25, &t, &n, &next, &res);
	ok(err == NULL && n == 2, "conversations");
	if (n == 2) {
		is_str(t[0].psid, CUST, "the person is who is not the Page");
		is_str(t[0].name, "Liisa Virtanen", "name");
		is_int(t[0].updated_at, INT64_C(1795338764000), "time");
		ok(t[0].message_count == 41 && !t[0].can_reply, "count, can_reply");
		is_str(t[0].link, "https://www.facebook.com/Bramble/inbox/1/?section=messages", "link made absolute");
		is_str(t[1].psid, "5", "person from the senders");
		ok(t[1].updated_at == 0 && t[1].message_count == -1 && t[1].can_reply && t[1].link == NULL, "members not told");
	}
	is_str(next, "C2", "cursor");
	proper(0, "conversations");
	ok(canned_line(0, "GET /v25.0/" PAGE "/conversations?platform=messenger&fields=id%2Cupdated_time%2Cmessage_count%2Ccan_reply%2Clink%2Cparticipants&limit=25&appsecret_proof="), "request");
	canned_json(200, "{\"data\":[]}");
	err = graph_threads(g, &A, PAGE, TOKEN, CUST, "C2", 1, &t, &n, &next, &res);
	ok(err == NULL && n == 0 && next == NULL, "nobody's conversation");
	ok(canned_line(0, "&limit=1&user_id=" CUST "&after=C2&"), "asked for one person");

	/* generic_template is asked for until it is refused, then never again. */
	canned_json(400, "{\"error\":{\"message\":\"(#100) Tried accessing nonexisting field\",\"code\":100}}");
	canned_add(200, JSON_TYPE, "{\"data\":[{\"id\":\"m_B1\",\"created_time\":\"2026-11-22T10:00:11+0000\",\"from\":{\"id\":\"" PAGE "\"},"
	    "\"to\":{\"data\":[{\"name\":\"Liisa\",\"id\":\"" CUST "\"}]},\"message\":\"Yes\"},{\"id\":\"m_bad\"},"
	    "{\"id\":\"m_A1\",\"created_time\":\"2026-11-22T10:00:10+0000\",\"from\":{\"id\":\"" CUST "\"},\"message\":\"Hm\"}]}");
	err = graph_messages(g, &A, PAGE, TOKEN, "t_1", NULL, 30, false, &ev, &n, &next, &res);
	ok(err == NULL && !res.refused && n == 2 && canned->given == 2, "messages, after asking for less");
	ok(canned_line(0, "generic_template") && !canned_line(1, "generic_template"), "the doubtful field is left out");
	ok(canned_line(1, "GET /v25.0/t_1/messages?fields=id%2Ccreated_time%2Cfrom%2Cto%2Cmessage%2Csticker%2Cattachments%7Bid%2Cmime_type%2C"
	    "name%2Csize%2Cimage_data%2Cvideo_data%2Cfile_url%7D%2Cshares%7Bid%2Cname%2Cdescription%2Clink%2Ctemplate%7D%2C"
	    "reactions%2Creply_to%2Cis_unsupported&limit=30&"), "fields");
	proper(1, "messages");
	if (n == 2) {
		ok(ev[0].out && ev[0].history && ev[0].raw == NULL && ev[1].kind == FB_MESSAGE, "events");
		is_str(ev[0].fb_thread, "t_1", "of the thread");
		is_str(ev[1].psid, CUST, "customer");
	}
	canned_json(200, "{\"data\":[]}");
	err = graph_messages(g, &A, PAGE, TOKEN, "t_1", "C", 30, false, &ev, &n, &next, &res);
	ok(err == NULL && canned->given == 1 && !canned_line(0, "generic_template"), "asked for less at once");
	canned_json(200, "{\"data\":[]}");
	err = graph_messages(g, &A, PAGE, TOKEN, "t_1", NULL, 10, true, &ev, &n, &next, &res);
	ok(err == NULL && canned_line(0, "?fields=id%2Ccreated_time%2Cfrom%2Cmessage&limit=10&"), "lean");
	canned_json(400, "{\"error\":{\"code\":100,\"message\":\"x\"}}");
	err = graph_messages(g, &A, PAGE, TOKEN, "t_1", NULL, 10, true, &ev, &n, &next, &res);
	ok(err == NULL && res.refused && canned->given == 1, "lean is asked once");
	canned_json(500, "{\"error\":{\"message\":\"Please reduce the amount of data you're asking for, then retry your request\","
	    "\"type\":\"OAuthException\",\"code\":1}}");
	err = graph_messages(g, &A, PAGE, TOKEN, "t_1", NULL, 50, false, &ev, &n, &next, &res);
	ok(err == NULL && res.refused && res.less_data && res.row->class_ == CLASS_RETRY, "less data, please");

	canned_json(200, "{\"data\":[{\"id\":\"122\",\"mime_type\":\"image/jpeg\",\"name\":\"image-122\",\"image_data\":{\"url\":\"https://scontent.example-cdn.net/a.jpg\"}}]}");
	err = graph_attachments(g, &A, TOKEN, "mid.$c:1/", &at, &n, &res);
	ok(err == NULL && n == 1 && at[0].type == FB_ATT_IMAGE, "attachments");
	ok(canned_line(0, "GET /v25.0/mid.%24c%3A1%2F/attachments?fields=id%2Cmime_type"), "mid is encoded");
	canned_json(400, "{\"error\":{\"code\":100,\"error_subcode\":33,\"message\":\"x\"}}");
	err = graph_attachments(g, &A, TOKEN, "m_1", &at, &n, &res);
	ok(err == NULL && res.refused && n == 0 && strcmp(res.row->key, "error.fb.gone") == 0, "a message that is gone");

	canned_json(200, "{\"id\":\"" CUST "\",\"first_name\":\"Liisa\",\"last_name\":\"Virtanen\",\"profile_pic\":\"https://platform-lookaside.example-cdn.net/p?ext=1\"}");
	err = graph_profile(g, &A, TOKEN, CUST, &pr, &res);
	ok(err == NULL && !res.refused, "profile");
	is_str(pr.name, "Liisa Virtanen", "name put together");
	is_str(pr.picture, "https://platform-lookaside.example-cdn.net/p?ext=1", "picture");
	proper(0, "profile");
	canned_json(200, "{\"id\":\"" CUST "\"}");
	err = graph_profile(g, &A, TOKEN, CUST, &pr, &res);
	ok(err == NULL && !res.refused && pr.name == NULL && pr.picture == NULL, "nothing told");
	canned_json(400, "{\"error\":{\"code\":230,\"message\":\"x\"}}");
	canned_add(200, JSON_TYPE, "{\"id\":\"" CUST "\",\"name\":\"Liisa\"}");
	err = graph_profile(g, &A, TOKEN, CUST, &pr, &res);
	ok(err == NULL && !res.refused && pr.name != NULL && canned->given == 2, "asked again for less");
	ok(canned_line(1, "?fields=id%2Cname&"), "for the name");
	canned_json(400, "{\"error\":{\"code\":100,\"error_subcode\":2018247,\"message\":\"x\"}}");
	canned_add(400, JSON_TYPE, "{\"error\":{\"code\":100,\"error_subcode\":2018247,\"message\":\"x\"}}");
	err = graph_profile(g, &A, TOKEN, CUST, &pr, &res);
	ok(err == NULL && res.refused && canned->given == 2 && res.subcode == 2018247, "refused twice");
	canned_json(400, "{\"error\":{\"code\":100,\"error_subcode\":2018218,\"message\":\"x\"}}");
	err = graph_profile(g, &A, TOKEN, CUST, &pr, &res);
	ok(err == NULL && res.refused && canned->given == 1, "no profile exists: not asked again");
	canned_json(400, "{\"error\":{\"code\":190,\"message\":\"x\"}}");
	err = graph_profile(g, &A, TOKEN, CUST, &pr, &res);
	ok(err == NULL && res.refused && canned->given == 1 && res.row->class_ == CLASS_TOKEN, "a dead token: not asked again");
}

static void
sending(void)
{
	struct graph_send s = { PAGE, TOKEN, CUST, "Yes,\ntwo \"left\" \xf0\x9f\x98\x80", NULL, "pd:out:1", false, NULL }, bad;
	const struct ib_err *err;
	const char *mid;
	struct json *j = NULL;
	const char *body;
	size_t i;

	canned_json(200, "{\"recipient_id\":\"" CUST "\",\"message_id\":\"m_B1\"}");
	err = graph_send(g, &A, &s, &mid, &res);
	ok(err == NULL && !res.refused && res.fate == HTTPC_ANSWERED, "send");
	is_str(mid, "m_B1", "mid");
	proper(0, "send");
	ok(canned_line(0, "POST /v25.0/" PAGE "/messages?appsecret_proof=") && canned_asked(0, "application/json"), "request");
	body = strstr(canned->asked[0], "\r\n\r\n");
	ok(body != NULL && json_parse(body + 4, strlen(body + 4), JSON_STRICT_, &j) == NULL, "body is JSON");
	is_str(json_get_str(json_get(j, "recipient"), "id"), CUST, "recipient");
	is_str(json_get_str(j, "messaging_type"), "RESPONSE", "type inside the window");
	ok(json_get(j, "tag") == NULL && json_get(j, "reply_to") == NULL, "no tag, no quote");
	is_str(json_get_str(json_get(j, "message"), "text"), s.text, "text");
	is_str(json_get_str(json_get(j, "message"), "metadata"), "pd:out:1", "metadata");
	json_free(j);
	j = NULL;

	s.human_agent = true;
	s.reply_to = "m_A1";
	s.metadata = NULL;
	canned_json(403, "{\"error\":{\"message\":\"(#10) To use 'Human Agent', your use of this endpoint must be reviewed\",\"type\":\"OAuthException\",\"code\":10}}");
	err = graph_send(g, &A, &s, &mid, &res);
	ok(err == NULL && res.refused && mid == NULL, "not approved");
	is_str(res.row->key, "error.fb.human_agent", "its sentence");
	body = strstr(canned->asked[0], "\r\n\r\n");
	ok(body != NULL && json_parse(body + 4, strlen(body + 4), JSON_STRICT_, &j) == NULL, "body is JSON");
	is_str(json_get_str(j, "messaging_type"), "MESSAGE_TAG", "type past the window");
	is_str(json_get_str(j, "tag"), "HUMAN_AGENT", "tag");
	is_str(json_get_str(json_get(j, "reply_to"), "mid"), "m_A1", "quote beside the message");
	ok(json_get(json_get(j, "message"), "metadata") == NULL, "no metadata");
	json_free(j);
	s.human_agent = false;
	canned_json(403, "{\"error\":{\"message\":\"(#10) x\",\"code\":10}}");
	err = graph_send(g, &A, &s, &mid, &res);
	ok(err == NULL && res.refused, "code 10 without the tag");
	is_str(res.row->key, "error.fb.permission", "is a permission");

	canned_json(400, "{\"error\":{\"message\":\"(#10) This message is sent outside of allowed window.\",\"type\":\"OAuthException\","
	    "\"code\":10,\"error_subcode\":2018278,\"fbtrace_id\":\"BLBz_WZt8dN\",\"error_user_msg\":\"Too\\nlate\"}}");
	err = graph_send(g, &A, &s, &mid, &res);
	ok(err == NULL && res.refused && res.code == 10 && res.subcode == 2018278, "outside the window");
	is_str(res.row->key, "error.fb.window", "its sentence");
	is_str(res.user_msg, "Too late", "words for people");
	ok(!res.row->send_unknown && res.row->class_ == CLASS_FINAL, "final");
	canned_json(500, "{\"error\":{\"message\":\"unexpected\",\"code\":-1}}");
	err = graph_send(g, &A, &s, &mid, &res);
	ok(err == NULL && res.refused && res.row->send_unknown, "code -1: outcome unknown");
	canned_json(400, "{\"error\":{\"message\":\"x\",\"code\":100,\"is_transient\":\"true\"}}");
	err = graph_send(g, &A, &s, &mid, &res);
	ok(err == NULL && res.refused && res.transient && res.row->class_ == CLASS_RETRY && !res.row->send_unknown, "transient: later");
	canned_json(400, "{\"error\":{\"message\":\"x\",\"code\":613,\"is_transient\":true}}");
	err = graph_send(g, &A, &s, &mid, &res);
	ok(err == NULL && res.row->class_ == CLASS_THROTTLE, "a transient throttle stays one");
	canned_json(400, "{\"error\":{\"message\":\"Invalid appsecret_proof provided in the API argument\",\"type\":\"GraphMethodException\",\"code\":100}}");
	err = graph_send(g, &A, &s, &mid, &res);
	ok(err == NULL && res.row->class_ == CLASS_CONFIG && strcmp(res.row->key, "error.fb.app_secret") == 0, "bad proof");
	{
		static const struct { int status; const char *type, *body; bool unknown; const char *key; } bare[] = {
			{ 502, "Content-Type: text/html\r\n", "<html>Bad gateway</html>", true, "error.fb.trouble" },
			{ 500, "", "", true, "error.fb.trouble" },
			{ 400, "Content-Type: text/html\r\n", "<html>Bad request</html>", true, "error.fb.trouble" },
			{ 403, "", "[]", true, "error.fb.trouble" },
			{ 302, "Location: http://127.0.0.1/\r\n", "", true, "error.fb.trouble" },
			{ 429, "", "slow down", false, "error.fb.limit" },
			{ 404, JSON_TYPE, "{\"error\":\"text\"}", true, "error.fb.trouble" },
			{ 400, JSON_TYPE, "{\"error\":{}}", false, "error.fb.request" }
		};

		for (i = 0; i < sizeof(bare) / sizeof(bare[0]); i++) {
			canned_reset();
			canned_add(bare[i].status, bare[i].type, bare[i].body);
			err = graph_send(g, &A, &s, &mid, &res);
			ok(err == NULL && res.refused && res.row != NULL && res.row->send_unknown == bare[i].unknown &&
			    strcmp(res.row->key, bare[i].key) == 0 && res.status == bare[i].status, "answer %zu without an envelope", i);
		}
	}
	canned_json(200, "{\"recipient_id\":\"1\"}");
	err = graph_send(g, &A, &s, &mid, &res);
	ok(err == NULL && !res.refused && mid == NULL, "200 without message_id is unknown");
	canned_json(200, "<html>");
	err = graph_send(g, &A, &s, &mid, &res);
	ok(err == NULL && !res.refused && mid == NULL, "200 that is no JSON is unknown");
	canned_json(200, "{\"error\":{\"code\":2,\"message\":\"x\"}}");
	err = graph_send(g, &A, &s, &mid, &res);
	ok(err == NULL && res.refused && res.row->send_unknown, "an error with 200");
	canned_reset();
	canned_add(0, NULL, NULL);
	err = graph_send(g, &A, &s, &mid, &res);
	ok(err != NULL && res.fate == HTTPC_UNKNOWN && !res.refused && mid == NULL, "no answer: unknown");
	ok(err != NULL && strstr(err->msg, TOKEN) == NULL && strstr(err->msg, "proof") == NULL, "no secret in the error");
	ok(res.row != NULL && strcmp(res.row->key, "error.fb.away") == 0, "there is a sentence for it");
	is_int(canned->given, 1, "never repeated");

	for (i = 0; i < 4; i++) {
		bad = s;
		*(i == 0 ? &bad.page : i == 1 ? &bad.token : i == 2 ? &bad.psid : &bad.text) = NULL;
		canned_reset();
		err = graph_send(g, &A, &bad, &mid, &res);
		ok(err != NULL && res.fate == HTTPC_NOT_SENT && canned->given == 0, "argument %zu missing", i);
	}

	canned_json(200, "{\"recipient_id\":\"1\"}");
	graph_mark_seen(g, &A, PAGE, TOKEN, CUST);
	ok(canned_asked(0, "{\"recipient\":{\"id\":\"" CUST "\"},\"sender_action\":\"mark_seen\"}"), "mark_seen");
	proper(0, "mark_seen");
	canned_reset();
	canned_add(0, NULL, NULL);
	graph_mark_seen(g, &A, PAGE, TOKEN, CUST);
	ok(true, "its failure matters to nobody");
}

static void
usage(void)
{
	struct graph_me me;
	const struct ib_err *err;

	canned_reset();
	canned_add(200, JSON_TYPE "X-Business-Use-Case-Usage: {\"" PAGE "\":[{\"type\":\"messenger\",\"call_count\":28,\"total_cputime\":25,"
	    "\"total_time\":96,\"estimated_time_to_regain_access\":0},{\"type\":\"pages\",\"call_count\":3,\"estimated_time_to_regain_access\":12}]}\r\n",
	    "{\"id\":\"1\"}");
	err = graph_me(g, &A, TOKEN, &me, &res);
	ok(err == NULL && res.usage_pct == 96 && res.regain_min == 12, "business use case usage: highest of all");
	canned_reset();
	canned_add(400, JSON_TYPE "X-App-Usage: {\"call_count\":12,\"total_time\":3,\"total_cputime\":2}\r\n",
	    "{\"error\":{\"code\":4,\"message\":\"x\"}}");
	err = graph_me(g, &A, TOKEN, &me, &res);
	ok(err == NULL && res.usage_pct == 12 && res.regain_min == 0 && res.row->class_ == CLASS_THROTTLE, "app usage, with an error");
	canned_reset();
	canned_add(200, JSON_TYPE "X-App-Usage: rubbish\r\n", "{\"id\":\"1\"}");
	err = graph_me(g, &A, TOKEN, &me, &res);
	ok(err == NULL && res.usage_pct == -1, "rubbish");
	canned_json(200, "{\"id\":\"1\"}");
	err = graph_me(g, &A, TOKEN, &me, &res);
	ok(err == NULL && res.usage_pct == -1, "no header");
	canned_json(200, "not JSON");
	err = graph_me(g, &A, TOKEN, &me, &res);
	ok(err != NULL && err->code == IB_EUPSTREAM && res.fate == HTTPC_ANSWERED, "an answer that is no JSON");
}

static void
media(int port)
{
	static const struct { const char *url; bool allowed; } urls[] = {
		{ "https://scontent.xx.fbcdn.net/v/t1.jpg?oe=1", true },
		{ "https://FBCDN.net/x", true },
		{ "https://lookaside.fbsbx.com/x", true },
		{ "http://scontent.xx.fbcdn.net/v/t1.jpg", false },
		{ "https://evilfbcdn.net/x", false },
		{ "https://fbcdn.net.evil.example/x", false },
		{ "https://fbcdn.net@evil.example/x", false },
		{ "https://x@fbcdn.net/x", false },
		{ "https://10.0.0.5/x", false },
		{ "https://172.16.3.4/x", false },
		{ "https://192.168.1.1/x", false },
		{ "https://169.254.169.254/latest/", false },
		{ "https://8.8.8.8/x", true },
		{ "https://9.9.9.9/x", false },
		{ "https://[fd00::1]/x", false },
		{ "https://[::ffff:10.0.0.1]/x", false },
		{ "http://127.0.0.1:81/x", false },
		{ "ftp://fbcdn.net/x", false },
		{ "/relative", false },
		{ "", false }
	};
	const char *hosts = "facebook.media_hosts = fbcdn.net fbsbx.com 127.0.0.1 10.0.0.5 172.16.3.4 192.168.1.1 169.254.169.254 "
	    "8.8.8.8 [fd00::1] fd00::1 [::ffff:10.0.0.1] ::ffff:10.0.0.1\n";
	struct conf *c1 = make_conf(NULL, hosts), *c2;
	struct graph *remote = NULL, *local = NULL;
	const struct ib_err *err;
	char url[128], path[256], at[64], header[256], data[16];
	const char *mime;
	int64_t size;
	size_t i;
	int fd;

	if (c1 == NULL || graph_new(c1, http, &remote) != NULL) {
		ok(false, "configuration for media");
		return;
	}
	for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		ok(graph_media_allowed(remote, &A, urls[i].url) == urls[i].allowed, "%s %s",
		    urls[i].url, urls[i].allowed ? "may be fetched" : "is refused");
	ok(!graph_media_allowed(remote, &A, NULL), "nothing is refused");
	snprintf(at, sizeof(at), "http://127.0.0.1:%d", port);
	c2 = make_conf(at, hosts);
	if (c2 == NULL || graph_new(c2, http, &local) != NULL) {
		ok(false, "configuration for media on loopback");
		return;
	}
	snprintf(url, sizeof(url), "%s/media/a.jpg?oe=1", at);
	ok(graph_media_allowed(local, &A, url), "listed loopback, when the configuration is there");
	ok(!graph_media_allowed(g, &A, url), "not when it is not listed");
	ok(!graph_media_allowed(local, &A, "http://10.0.0.5/x"), "other private networks never");

	snprintf(path, sizeof(path), "%s/file", dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	canned_reset();
	canned_add(200, "Content-Type: Image/JPEG; charset=x\r\n", "0123456789");
	err = graph_media(local, &A, url, fd, 1000, &mime, &size, &res);
	ok(err == NULL && !res.refused && size == 10, "a file");
	is_str(mime, "image/jpeg", "its type");
	ok(pread(fd, data, sizeof(data), 0) == 10 && memcmp(data, "0123456789", 10) == 0, "its bytes");
	ok(canned_line(0, "GET /media/a.jpg?oe=1 HTTP") && !canned_asked(0, "uthorization"), "address untouched, no token");

	canned_reset();
	canned_add(403, "Content-Type: text/html\r\n", "URL signature expired");
	err = graph_media(local, &A, url, fd, 1000, &mime, &size, &res);
	ok(err == NULL && res.refused && res.status == 403 && strcmp(res.row->key, "error.fb.media_gone") == 0, "expired");
	canned_reset();
	canned_add(503, "", "");
	err = graph_media(local, &A, url, fd, 1000, &mime, &size, &res);
	ok(err == NULL && res.refused && res.row->class_ == CLASS_RETRY, "trouble, later");

	if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0)
		diag("file: cannot rewind");
	canned_reset();
	snprintf(header, sizeof(header), "Location: %s/media/b.jpg\r\n", at);
	canned_add(302, header, "moved");
	canned_add(302, "Location: /media/c.jpg\r\n", "moved");
	canned_add(200, "", "abc");
	err = graph_media(local, &A, url, fd, 1000, &mime, &size, &res);
	ok(err == NULL && !res.refused && size == 3 && mime == NULL, "two redirects");
	ok(canned_line(1, "GET /media/b.jpg HTTP") && canned_line(2, "GET /media/c.jpg HTTP"), "absolute and relative");
	ok(pread(fd, data, sizeof(data), 0) == 3, "only the last body is kept");
	canned_reset();
	for (i = 0; i < 4; i++)
		canned_add(302, "Location: /x\r\n", "");
	err = graph_media(local, &A, url, fd, 1000, &mime, &size, &res);
	ok(err != NULL && err->code == IB_EUPSTREAM && canned->given == 3, "not three");
	canned_reset();
	canned_add(302, "Location: http://10.0.0.5/x\r\n", "");
	err = graph_media(local, &A, url, fd, 1000, &mime, &size, &res);
	ok(err != NULL && err->code == IB_EAUTH && canned->given == 1, "a redirect is under the same rule");
	canned_reset();
	canned_add(302, "", "");
	err = graph_media(local, &A, url, fd, 1000, &mime, &size, &res);
	ok(err != NULL && err->code == IB_EUPSTREAM, "a redirect to nowhere");
	canned_reset();
	canned_add(200, "", "0123456789");
	err = graph_media(local, &A, url, fd, 5, &mime, &size, &res);
	ok(err != NULL && err->code == IB_ELIMIT, "too large");
	canned_reset();
	err = graph_media(local, &A, "https://evil.example/x", fd, 5, &mime, &size, &res);
	ok(err != NULL && err->code == IB_EAUTH && strstr(err->msg, "evil") == NULL, "another host is not asked");
	close(fd);
	unlink(path);
	graph_free(remote);
	graph_free(local);
	conf_free(c1);
	conf_free(c2);
}

int
main(void)
{
	char url[64];
	int port;

	if (mkdtemp(dir) == NULL || (port = canned_start()) == 0) {
		ok(false, "set-up");
		return done_testing();
	}
	arena_init(&A, (size_t)64 << 20);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", port);
	conf = make_conf(url, "");
	if (conf == NULL || httpc_new("test", true, &http) != NULL || graph_new(conf, http, &g) != NULL) {
		ok(false, "set-up");
		canned_stop();
		return done_testing();
	}
	dialog();
	login();
	pages();
	history();
	sending();
	usage();
	media(port);
	graph_free(g);
	graph_free(NULL);
	httpc_free(http);
	conf_free(conf);
	arena_fini(&A);
	canned_stop();
	rmdir(dir);
	return done_testing();
}
