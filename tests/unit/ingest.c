/* SPDX-License-Identifier: MIT */
/*
 * Events to rows: whatever the order and however often, the same rows.  Small
 * sets in all orders here; a thousand events over real HTTP in tests/http.
 */
#include "../tap.h"

#include "../../lib/base/log.h"
#include "../../lib/store/install.h"
#include "../../lib/store/outbox.h"
#include "../../lib/store/page.h"
#include "../../lib/store/thread.h"
#include "../../lib/sync/sync.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NOW	INT64_C(1795341600000)
#define PAGE	"108422330517604"
#define PSID	"6804412339871205"

static char dir[] = "/tmp/inbox-ingest-XXXXXX";
static struct keyring *keys;
static struct conf *conf;
static int file_no;

#define must(e) do { const struct ib_err *e_ = (e); if (e_ != NULL) { \
	ok(false, "%s", e_->msg); exit(1); } } while (0)

static const char *
in_dir(const char *name)
{
	static char path[4][256];
	static int i;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof(path[i]), "%s/%s", dir, name);
	return path[i];
}

static void
write_conf(void)
{
	FILE *f = fopen(in_dir("inbox.conf"), "w");

	fprintf(f, "base_url = http://127.0.0.1:1\ndatabase = x.db\nkey_file = keys\n"
	    "facebook.app_id = 881240037712345\nfacebook.app_secret = s\nfacebook.verify_token = v\n"
	    "pipedrive.client_id = c\npipedrive.client_secret = s\n");
	fclose(f);
	(void)chmod(in_dir("inbox.conf"), 0600);
	must(keyring_create(in_dir("keys")));
	must(keyring_load(in_dir("keys"), &keys));
	must(conf_load(in_dir("inbox.conf"), &conf));
}

/* A fresh database with one connected Page. */
struct place { struct db *db; struct sync *s; struct arena a; int64_t install, page, user; };

static void
place_make(struct place *p)
{
	struct user u = { .pd_user_id = 1, .name = "Maria", .email = "", .timezone = "UTC" };
	char name[32];

	snprintf(name, sizeof(name), "%d.db", file_no++);
	arena_init(&p->a, (size_t)64 << 20);
	must(db_open(in_dir(name), DB_CREATE | DB_MIGRATE, &p->db));
	must(sync_new(conf, p->db, keys, &p->s));
	must(db_begin(p->db));
	must(install_put(p->db, 9000123, "Acme", "acme", "https://acme.pipedrive.com", true, NOW, &p->install));
	u.install_id = p->install;
	must(user_put(p->db, keys, &p->a, &u, "a", "r", NOW, NOW, &p->user));
	must(page_put(p->db, keys, &p->a, p->install, PAGE, "Bramble", "EAAM", "1022", p->user, NOW - 86400000, &p->page));
	must(db_commit(p->db));
}

/* The same, quickly: a copy of one that was made once. */
static void
place_open(struct place *p)
{
	static struct place first;
	char name[32];

	if (first.db == NULL)
		place_make(&first);
	*p = first;
	snprintf(name, sizeof(name), "%d.db", file_no++);
	arena_init(&p->a, (size_t)64 << 20);
	must(db_backup(first.db, in_dir(name)));
	must(db_open(in_dir(name), 0, &p->db));
	must(sync_new(conf, p->db, keys, &p->s));
}

static void
place_close(struct place *p)
{
	sync_free(p->s);
	db_close(p->db);
	arena_fini(&p->a);
}

/* One event in a body of its own. */
static enum hook_fate
feed(struct place *p, const char *event)
{
	enum hook_fate fate;
	char body[4096];
	bool work;
	int n;

	n = snprintf(body, sizeof(body), "{\"object\":\"page\",\"entry\":[{\"id\":\"" PAGE "\",\"time\":%lld,"
	    "\"messaging\":[%s]}]}", (long long)NOW, event);
	must(sync_hook(p->s, &p->a, body, (size_t)n, NOW, &fate, &work));
	return fate;
}

/* Everything that means something, as text. */
static const char *
dump(struct place *p)
{
	struct ib_buf b;
	struct message *m;
	struct thread *t;
	const char *s;
	struct list_ask ask = { .zone = "UTC", .max = 10 };
	size_t i, n, nm, k;
	struct list_end end;
	bool more;

	buf_init(&b, 1 << 20);
	must(thread_list(p->db, &p->a, p->install, p->user, &ask, &t, &n, &end));
	for (k = 0; k < n; k++) {
		struct thread *full;

		must(thread_get(p->db, &p->a, p->install, t[k].id, p->user, &full));
		buf_printf(&b, "thread %s last %lld in %lld x %lld cust %lld dir %d snip %s/%d deliv %lld seen %lld owner %s ad %lld\n",
		    full->psid, (long long)full->last_at, (long long)full->last_in_at, (long long)full->in_n,
		    (long long)full->customer_at,
		    full->last_dir, full->snippet, full->snippet_kind, (long long)full->delivered_at,
		    (long long)full->seen_at, full->owner_app != NULL ? full->owner_app : "-", (long long)full->ad_at);
		must(message_page(p->db, &p->a, full->id, 0, 0, 100, &m, &nm, &more));
		for (i = 0; i < nm; i++)
			buf_printf(&b, "  %lld %lld dir %d line %d flags %u edits %lld '%s' '%s' in %s out %s att %d\n",
			    (long long)m[i].at, (long long)m[i].id, m[i].dir, (int)m[i].line, m[i].flags,
			    (long long)m[i].edits, m[i].text != NULL ? m[i].text : "-",
			    m[i].detail != NULL ? m[i].detail : "-", m[i].react_in != NULL ? m[i].react_in : "-",
			    m[i].react_out != NULL ? m[i].react_out : "-", m[i].natt);
	}
	s = arena_dup(&p->a, buf_cstr(&b));
	buf_fini(&b);
	return s;
}

#define SENDER	"\"sender\":{\"id\":\"" PSID "\"},\"recipient\":{\"id\":\"" PAGE "\"}"
#define ECHO	"\"sender\":{\"id\":\"" PAGE "\"},\"recipient\":{\"id\":\"" PSID "\"}"

static const char *const tale[] = {
	"{" SENDER ",\"timestamp\":1795341000000,\"message\":{\"mid\":\"m_A1\",\"text\":\"Size 54?\"}}",
	"{" SENDER ",\"timestamp\":1795341001000,\"message_edit\":{\"mid\":\"m_A1\",\"text\":\"Size 56?\",\"num_edit\":1}}",
	"{" SENDER ",\"timestamp\":1795341002000,\"message_edit\":{\"mid\":\"m_A1\",\"text\":\"Size 58?\",\"num_edit\":2}}",
	"{" ECHO ",\"timestamp\":1795341003000,\"message\":{\"mid\":\"m_B1\",\"is_echo\":true,\"text\":\"Two left.\"}}",
	"{" SENDER ",\"timestamp\":1795341004000,\"reaction\":{\"reaction\":\"love\",\"emoji\":\"\\u2764\",\"action\":\"react\",\"mid\":\"m_B1\"}}",
	"{" SENDER ",\"timestamp\":1795341005000,\"reaction\":{\"action\":\"unreact\",\"mid\":\"m_B1\"}}",
	"{" SENDER ",\"timestamp\":1795341006000,\"read\":{\"watermark\":1795341005500}}",
};
static const char *const other_tale[] = {
	"{" SENDER ",\"timestamp\":1795341000000,\"message\":{\"mid\":\"m_C1\",\"attachments\":[{\"type\":\"image\",\"payload\":{\"url\":\"https://scontent.fbcdn.net/a.jpg\"}}]}}",
	"{" SENDER ",\"timestamp\":1795341000000,\"message\":{\"mid\":\"m_C2\",\"text\":\"same moment\"}}",
	"{" SENDER ",\"timestamp\":1795341007000,\"message\":{\"mid\":\"m_C1\",\"is_deleted\":true}}",
	"{" SENDER ",\"timestamp\":1795341008000,\"postback\":{\"mid\":\"m_P1\",\"title\":\"Get started\",\"payload\":\"GO\"}}",
	"{" SENDER ",\"timestamp\":1795341009000,\"delivery\":{\"watermark\":1795341008500}}",
};

#define AD	"\"referral\":{\"source\":\"ADS\",\"type\":\"OPEN_THREAD\",\"ad_id\":\"6045246247433\"}"
/* Clicked, written twice, clicked again and not written since. */
static const char *const ad_tale[] = {
	"{" SENDER ",\"timestamp\":1795341000," AD "}",
	"{" SENDER ",\"timestamp\":1795341001000,\"message\":{\"mid\":\"m_D1\",\"text\":\"about the ad\"}}",
	"{" SENDER ",\"timestamp\":1795341002000,\"message\":{\"mid\":\"m_D2\",\"text\":\"are you there?\"}}",
	"{" ECHO ",\"timestamp\":1795341002500,\"message\":{\"mid\":\"m_D3\",\"is_echo\":true,\"text\":\"Yes.\"}}",
	"{" SENDER ",\"timestamp\":1795341003," AD "}",
	"{" SENDER ",\"timestamp\":1795340999000,\"message\":{\"mid\":\"m_D0\",\"text\":\"before it\"}}",
};

static void
permute(const char *const *events, size_t n, const char *name)
{
	size_t order[8], c[8] = { 0 }, i = 0, k, tmp;
	const char *want;
	struct place first, p;
	int tried = 0, bad = 0;

	place_open(&first);
	for (k = 0; k < n; k++) {
		order[k] = k;
		(void)feed(&first, events[k]);
	}
	want = dump(&first);
	/* Heap's algorithm; every 7th order only, each event twice. */
	while (i < n) {
		if (c[i] >= i) {
			c[i++] = 0;
			continue;
		}
		k = i % 2 == 0 ? 0 : c[i];
		tmp = order[k];
		order[k] = order[i];
		order[i] = tmp;
		c[i]++;
		i = 0;
		if (tried++ % 7 != 0)
			continue;
		place_open(&p);
		for (k = 0; k < n; k++) {
			(void)feed(&p, events[order[k]]);
			(void)feed(&p, events[order[k / 2]]);
		}
		if (strcmp(dump(&p), want) != 0 && bad++ == 0)
			diag("in order:\n%s\notherwise:\n%s", want, dump(&p));
		place_close(&p);
	}
	ok(bad == 0, "%s: %d orders, repeats in each, %d differ", name, tried / 7, bad);
	place_close(&first);
}

static void
test_repeats(void)
{
	struct place p;

	place_open(&p);
	is_int(feed(&p, tale[0]), HOOK_STORED, "news is stored");
	is_int(feed(&p, tale[0]), HOOK_REPEATED, "a repeat is not");
	is_int(feed(&p, "{\"sender\":{\"id\":\"1\"},\"recipient\":{\"id\":\"2\"},\"timestamp\":5,\"message\":{\"mid\":\"x\"}}"),
	    HOOK_QUARANTINED, "what does not fit the Page is kept aside");
	place_close(&p);
}

static void
test_strange(void)
{
	static const char body[] = "{\"object\":\"page\",\"entry\":[{\"id\":\"" PAGE "\",\"time\":1,\"messaging\":["
	    "{\"what\":{\"is\":\"this\"}},"
	    "{" SENDER ",\"timestamp\":1795341000000,\"message\":{\"mid\":\"m_G1\",\"text\":\"good\"}},"
	    "{" SENDER ",\"timestamp\":1795341000001,\"message\":{\"mid\":\"m_G2\",\"attachments\":[{\"type\":\"hologram\"}]}}]},"
	    "{\"id\":\"999\",\"messaging\":[{\"sender\":{\"id\":\"1\"},\"recipient\":{\"id\":\"999\"},\"message\":{\"mid\":\"m_Z\"}}]}]}";
	enum hook_fate fate;
	struct place p;
	int64_t n;
	bool work, found;

	place_open(&p);
	must(sync_hook(p.s, &p.a, body, sizeof(body) - 1, NOW, &fate, &work));
	must(db_get_int(p.db, ST_QUARANTINE_COUNT, &n, &found, ""));
	is_int(n, 1, "one strange event is kept aside");
	ok(strstr(dump(&p), "'good'") != NULL, "its neighbours are stored");
	ok(strstr(dump(&p), "att 1") != NULL, "an unknown attachment does not lose the message");
	must(sync_hook(p.s, &p.a, "garbage", 7, NOW, &fate, &work));
	is_int(fate, HOOK_QUARANTINED, "a signed body that is no JSON is kept");
	place_close(&p);
}

/* The echo of a reply of ours, before and after the answer, gives one bubble. */
static void
test_echo(bool echo_first)
{
	struct outbox_end end = { .state = OUT_CHECKING, .next_at = NOW + 60000 };
	enum outbox_refusal ref;
	struct message *m;
	struct outbox *o;
	struct place p;
	char echo[512];
	int64_t t, msg;
	size_t n;
	bool more, found;

	place_open(&p);
	(void)feed(&p, tale[0]);
	must(db_get_int(p.db, ST_THREAD_FIND, &t, &found, "it", p.page, PSID));
	must(outbox_put(p.db, &p.a, &(struct outbox_new){ .install_id = p.install, .thread_id = t, .user_id = p.user,
	    .key = "key-0123456789abcdef", .parts = (const char *[]){ "Yes" }, .nparts = 1, .now = NOW }, &msg, &ref));
	must(outbox_lease(p.db, &p.a, NOW, &o));
	snprintf(echo, sizeof(echo), "{" ECHO ",\"timestamp\":1795341600500,\"message\":{\"mid\":\"m_E1\",\"is_echo\":true,"
	    "\"app_id\":881240037712345,\"metadata\":\"%s\",\"text\":\"Yes\"}}", o->token);
	if (!echo_first) {
		must(db_begin(p.db));
		must(outbox_settle(p.db, o, &end, NOW));
		must(db_commit(p.db));
	}
	is_int(feed(&p, echo), HOOK_STORED, "the echo is news");
	must(message_page(p.db, &p.a, t, 0, 0, 30, &m, &n, &more));
	ok(n == 2 && m[1].id == msg && m[1].state == MSG_SENT && m[1].at == INT64_C(1795341600500),
	    "one bubble, sent, at Facebook's time (%s)", echo_first ? "echo while sending" : "echo while checking");
	is_int(feed(&p, echo), HOOK_REPEATED, "the echo again changes nothing");
	must(outbox_lease(p.db, &p.a, NOW + 3600000, &o));
	ok(o == NULL, "and nothing is sent again");
	place_close(&p);
}

/* One message of the customer's; history: as the Conversations API tells it. */
static void
incoming(struct place *p, const char *mid, int64_t at, bool history)
{
	const struct fb_event e = { .kind = FB_MESSAGE, .page = PAGE, .psid = PSID, .mid = mid, .key = mid + 2, .text = mid,
		.at = at, .has_at = true, .history = history };
	char event[256];
	bool changed = false, work = false;

	if (history) {
		must(db_begin(p->db));
		must(ingest_event(p->s, &p->a, &e, NOW, &changed, &work));
		must(db_commit(p->db));
		return;
	}
	snprintf(event, sizeof(event), "{" SENDER ",\"timestamp\":%lld,\"message\":{\"mid\":\"%s\",\"text\":\"x\"}}",
	    (long long)at, mid);
	(void)feed(p, event);
}

/* State and number of messages that were news. */
static void
expect(struct place *p, int64_t id, enum thread_state state, int64_t in_n, const char *what)
{
	struct thread *t;

	must(thread_get(p->db, &p->a, p->install, id, p->user, &t));
	is_int(t->state, state, "%s: %s", what, state == THREAD_OPEN ? "open" : "stays as it was");
	is_int(t->in_n, in_n, "%s: news counted", what);
}

static void
test_reopening(void)
{
	static const enum thread_state closed[] = { THREAD_DONE, THREAD_SNOOZED };
	const int64_t at = NOW - 600000;
	struct thread *t;
	struct place p;
	int64_t id;
	bool found, changed;
	size_t i;

	for (i = 0; i < 2; i++) {
		place_open(&p);
		incoming(&p, "m_1", at, false);
		must(db_get_int(p.db, ST_THREAD_FIND, &id, &found, "it", p.page, PSID));
		must(thread_set_state(p.db, &p.a, p.install, id, p.user, closed[i], NOW + 86400000, NOW, &changed));
		ok(changed, "closed");
		incoming(&p, "m_1", at, false);
		expect(&p, id, closed[i], 1, "the same again");
		incoming(&p, "m_1", at, true);
		expect(&p, id, closed[i], 1, "the same by the comparison");
		incoming(&p, "m_0", at - 5000, false);
		expect(&p, id, closed[i], 2, "an older one that comes late");
		incoming(&p, "m_old", NOW - 2 * 86400000, true);
		expect(&p, id, closed[i], 2, "one of before the connection");
		incoming(&p, "m_gap", at - 2000, true);
		expect(&p, id, closed[i], 3, "an older one of a gap");
		(void)feed(&p, "{" ECHO ",\"timestamp\":1795341500000,\"message\":{\"mid\":\"m_E\",\"is_echo\":true,\"text\":\"ours\"}}");
		expect(&p, id, closed[i], 3, "an answer from elsewhere");
		(void)feed(&p, "{" SENDER ",\"timestamp\":1795341500001,\"reaction\":{\"mid\":\"m_E\",\"action\":\"react\",\"emoji\":\"x\"}}");
		expect(&p, id, closed[i], 3, "a reaction");
		/* The customer wrote before our answer, and nobody had seen it. */
		incoming(&p, "m_2", at + 1, i == 1);
		expect(&p, id, THREAD_OPEN, 4, "news");
		must(thread_get(p.db, &p.a, p.install, id, p.user, &t));
		ok(t->state_by == 0 && t->state_at == at + 1 && t->until_at == 0, "by the customer, at that time");
		place_close(&p);
	}
}

/* Which message opens the window of an ad. */
static void
test_ad(void)
{
	static const char *const own = "{" SENDER ",\"timestamp\":1795341009000,\"message\":{\"mid\":\"m_D9\",\"text\":\"new ad\"," AD "}}";
	const struct { const char *event, *ad, *what; } rows[] = {
		{ ad_tale[5], "ad 0\n", "no ad, no window of one" }, { ad_tale[0], "ad 0\n", "a click is no message" },
		{ ad_tale[2], "ad 1795341002000\n", "the message after it" },
		{ ad_tale[1], "ad 1795341001000\n", "an earlier one that came late" },
		{ ad_tale[4], "ad 1795341001000\n", "the next click leaves it as long as nobody writes" },
		{ own, "ad 1795341009000\n", "an ad that the message names itself" },
	};
	struct place p;
	size_t i;

	place_open(&p);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)feed(&p, rows[i].event);
		ok(strstr(dump(&p), rows[i].ad) != NULL, "%s", rows[i].what);
	}
	place_close(&p);
	place_open(&p);
	(void)feed(&p, "{" SENDER ",\"timestamp\":1795341000,\"referral\":{\"source\":\"SHORTLINK\",\"type\":\"OPEN_THREAD\"}}");
	(void)feed(&p, ad_tale[1]);
	ok(strstr(dump(&p), "ad 0\n") != NULL, "a link is no ad");
	place_close(&p);
}

static int
drop(const char *path, const struct stat *sb, int kind, struct FTW *at)
{
	(void)sb;
	(void)kind;
	(void)at;
	return remove(path);
}

int
main(void)
{
	int fd = open("/dev/null", O_WRONLY);

	log_init("test", LOG_ERROR_, fd);
	if (mkdtemp(dir) == NULL)
		return 1;
	write_conf();
	test_repeats();
	test_strange();
	test_echo(true);
	test_echo(false);
	test_reopening();
	permute(other_tale, sizeof(other_tale) / sizeof(other_tale[0]), "card, unsending, postback");
	test_ad();
	permute(ad_tale, 6, "clicks on ads");
	permute(tale, 6, "edits and reactions");
	conf_free(conf);
	keyring_free(keys);
	nftw(dir, drop, 8, FTW_DEPTH | FTW_PHYS);
	return done_testing();
}
