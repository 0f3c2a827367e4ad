/* SPDX-License-Identifier: MIT */
/*
 * Searching: what is found before and after it is indexed, what is no longer
 * found, names and records, companies apart; and of 50,000 messages in two
 * languages exactly what a plain scan finds, for 1,000 questions.
 */
#include "../tap.h"
#include "../talk.h"
#include "company.h"

#include "../../lib/base/clock.h"
#include "../../lib/base/fold.h"
#include "../../lib/store/link.h"
#include "../../lib/store/message.h"
#include "../../lib/store/note.h"
#include "../../lib/store/search.h"

#include <string.h>

/* Where memory is watched everything takes several times as long, and what is looked for shows early. */
#ifdef IB_WATCHED
#define MANY		10000
#define QUESTIONS	400
#else
#define MANY		50000
#define QUESTIONS	1000
#endif
#define FIRST		50

static int64_t other, anna, liisa, stranger, other_page;
static int64_t last_id = 1000;

static int64_t
thread(int64_t of_page, int64_t of_install, const char *psid, const char *name)
{
	int64_t id;

	must(db_begin(db));
	must(db_run(db, ST_THREAD_ADD, "iiti", of_install, of_page, psid, NOW));
	id = db_last_id(db);
	must(db_run(db, ST_THREAD_LEAD, "iiiiiit", id, NOW, INT64_C(1), INT64_C(0), INT64_C(0), INT64_C(0), ""));
	must(thread_set_name(db, id, name));
	must(db_commit(db));
	return id;
}

static struct message
say(int64_t to, int64_t at, const char *text)
{
	struct message m = { .thread_id = to, .at = at, .id = ++last_id, .text = text };
	bool added;

	must(db_begin(db));
	must(message_add(db, &m, &added));
	must(db_commit(db));
	if (!added)
		ok(false, "\"%s\" was added", text);
	return m;
}

static void
index_all(void)
{
	bool did = true;

	while (did)
		must(search_index(db, &a, 1, &did));
}

/* Texts of the hits, newest first, with " | " between them. */
static const char *
hits_with(const char *q, struct search_ask ask)
{
	static char out[2048];
	struct search_words w;
	struct search_found f;
	size_t i, n = 0;

	if (ask.install_id == 0)
		ask.install_id = install;
	if (ask.max == 0)
		ask.max = FIRST;
	must(search_parse(&a, q, &w));
	must(search_messages(db, &a, &w, &ask, &f));
	out[0] = '\0';
	for (i = 0; i < f.n; i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s", i > 0 ? " | " : "", f.hit[i].text);
	if (f.more)
		(void)snprintf(out + n, sizeof(out) - n, " ...");
	return out;
}

static void
finds(const char *q, const char *want)
{
	const char *got = hits_with(q, (struct search_ask){ 0 });

	ok(strcmp(got, want) == 0, "\"%s\" finds \"%s\"", q, want);
	if (strcmp(got, want) != 0)
		diag("it found \"%s\"", got);
}

/* Conversations of those names, latest first. */
static void
names(const char *q, const char *want)
{
	struct search_ask ask = { .install_id = install, .max = 8 };
	struct search_words w;
	struct search_name *s;
	char got[256] = "";
	size_t i, n, k = 0;

	must(search_parse(&a, q, &w));
	must(search_names(db, &a, &w, &ask, &s, &n));
	for (i = 0; i < n; i++)
		k += (size_t)snprintf(got + k, sizeof(got) - k, "%s%s", i > 0 ? " " : "",
		    s[i].thread_id == anna ? "anna" : s[i].thread_id == liisa ? "liisa" : "?");
	ok(strcmp(got, want) == 0, "the name \"%s\" finds \"%s\", not \"%s\"", q, want, got);
}

#define EN	"Do you have the ROAD frame in size 54? Order A-1234x9"
#define JA	"予約の変更をお願いします。ﾊﾟﾝｸ修理"
#define BOTH	"iPhoneを Straße 😊 050-1111-2222"

static void
texts(const char *when)
{
	diag("%s", when);
	finds("frame", EN);
	finds("FRAME", EN);
	finds("ram", EN);
	finds("road frame", EN);
	finds("frame road", EN);
	finds("\"frame road\"", "");
	finds("\"road fr\"", EN);
	finds("ad frame in si", EN);
	finds("size 54", EN);
	finds("54?", EN);
	finds("1234", EN);
	finds("34x", EN);
	finds("a-12", EN);
	finds("z", EN);
	finds("zq", "");
	finds("予約", JA);
	finds("変", JA);
	finds("の変更", JA);
	finds("パンク", JA);
	finds("ぱんく修", JA);
	finds("ﾝ", JA);
	finds("約更", "");
	finds("。", JA);
	finds("iphone", BOTH);
	finds("neを", BOTH);
	finds("ＩＰＨ", BOTH);
	finds("straße", BOTH);
	finds("😊", BOTH);
	finds("0-1111-2", BOTH);
	finds("を", BOTH " | " JA);
	finds("e", BOTH " | " EN);
	finds("", "");
	finds(" \"\" ", "");
	finds("nowhere", "");
}

static void
test_texts(void)
{
	(void)say(anna, NOW - 3000, EN);
	(void)say(anna, NOW - 2000, JA);
	(void)say(liisa, NOW - 1000, BOTH);
	texts("before they are indexed");
	index_all();
	texts("afterwards");
}

static void
test_changes(void)
{
	struct message m = say(liisa, NOW + 1000, "Lavender blue"), n;
	struct mkey key = { { 1 } };

	index_all();
	finds("lavender", "Lavender blue");
	m.text = "Rosemary green";
	must(db_begin(db));
	must(message_save_content(db, &m));
	must(search_touch(db, m.thread_id, m.at));
	must(db_commit(db));
	finds("lavender", "");
	finds("rosemary", "Rosemary green");
	index_all();
	finds("rosemary", "Rosemary green");
	finds("e", "Rosemary green | " BOTH " | " EN);
	must(db_begin(db));
	must(message_move(db, m.thread_id, m.at, m.id, NOW + 5000));
	must(db_commit(db));
	m.at = NOW + 5000;
	finds("rosemary", "Rosemary green");
	index_all();
	finds("rosemary", "Rosemary green");
	must(db_begin(db));
	must(message_identify(db, m.thread_id, m.at, m.id, "m_x", &key, NOW + 6000, true));
	must(db_commit(db));
	m.at = NOW + 6000;
	finds("rosemary", "Rosemary green");
	index_all();
	n = say(liisa, NOW + 6000, "Rosemary at the same moment");
	index_all();
	ok(strstr(hits_with("rosemary", (struct search_ask){ 0 }), "same moment") != NULL &&
	    strstr(hits_with("rosemary", (struct search_ask){ 0 }), "green") != NULL, "two of one millisecond are both found");
	must(db_begin(db));
	must(message_delete(db, n.thread_id, n.at, n.id));
	must(db_commit(db));
	finds("rosemary", "Rosemary green");
	m.flags = MSG_DELETED;
	m.text = NULL;
	must(db_begin(db));
	must(message_save_content(db, &m));
	must(db_commit(db));
	finds("rosemary", "");
	m = say(anna, NOW + 7000, "Thyme that failed");
	index_all();
	must(db_run(db, ST_MESSAGE_DISMISS, "iii", m.thread_id, m.at, m.id));
	finds("thyme", "");
}

static void
test_bounds(void)
{
	struct search_found f;
	struct search_words w;
	struct search_ask ask = { .install_id = install, .max = 2 };

	(void)say(stranger, NOW, EN);
	finds("frame", EN);
	index_all();
	finds("frame", EN);
	ok(strcmp(hits_with("frame", (struct search_ask){ .install_id = other }), EN) == 0, "each company finds its own");
	ok(strcmp(hits_with("e", (struct search_ask){ .page_id = page }), BOTH " | " EN) == 0, "a Page's messages");
	ok(strcmp(hits_with("e", (struct search_ask){ .page_id = other_page }), "") == 0, "another company's Page has none");
	ok(strcmp(hits_with("e", (struct search_ask){ .from = NOW - 1000 }), BOTH) == 0, "from a time on");
	ok(strcmp(hits_with("e", (struct search_ask){ .until = NOW - 1000 }), EN) == 0, "until a time");
	ok(strcmp(hits_with("を", (struct search_ask){ .max = 1 }), BOTH " ...") == 0, "the newest, and more");
	must(search_parse(&a, "を", &w));
	ask.before_at = NOW - 1000;
	ask.before_id = 1;
	must(search_messages(db, &a, &w, &ask, &f));
	ok(f.n == 1 && !f.more && strcmp(f.hit[0].text, JA) == 0, "older ones");
}

static void
test_names(void)
{
	struct crm_rec rec = { .kind = CRM_PERSON, .id = "7", .name = "山本 さくら", .n_emails = 1, .n_phones = 1 };
	struct link *person, *work;
	const struct ib_err *err;
	bool ended;

	rec.emails[0] = "sakura@example.jp";
	rec.phones[0] = "+81 90 1234 5678";
	names("anna", "anna");
	names("le", "anna");
	names("a", "liisa anna");
	index_all();
	names("ANNA lepik", "anna");
	names("le", "anna");
	names("ヴィルタネン", "");
	must(db_begin(db));
	err = link_put(db, &a, install, liisa, maria, &rec, NULL, NOW);
	must(err);
	must(db_commit(db));
	names("やまもと", "");
	names("山本", "liisa");
	names("サクラ", "liisa");
	index_all();
	names("さくら", "liisa");
	names("sakura@ex", "liisa");
	names("1234", "liisa");
	names("liisa sakura", "liisa");
	must(link_of(db, &a, liisa, &person, &work));
	rec.name = "Sakura Yamamoto";
	must(db_begin(db));
	must(link_seen(db, person, &rec, NULL, NOW + 1));
	must(db_commit(db));
	names("さくら", "");
	names("yamamoto", "liisa");
	index_all();
	names("yamamoto", "liisa");
	must(db_begin(db));
	must(link_end(db, &a, install, liisa, maria, true, NOW, &ended));
	must(db_commit(db));
	names("yamamoto", "");
}

/* Tokens in the table, whatever they stand for. */
static int64_t
blocks(void)
{
	int64_t n;
	bool found;

	must(db_get_int(db, ST_SEARCH_BLOCK_NEXT, &n, &found, ""));
	return n - 1;
}

static void
test_renewal(void)
{
	const char *how;
	int64_t at;
	bool did, whole;
	int i;

	must(search_renew(db, &a, NOW, &did));
	must(search_state(db, &a, &whole));
	ok(whole, "of a new database nothing is missing");
	must(search_renew(db, &a, NOW + 29 * MS_DAY, &did));
	ok(!did, "for a month it stays as it is");
	must(db_begin(db));
	must(search_erased(db));
	must(db_commit(db));
	must(search_renew(db, &a, NOW, &did));
	ok(did && blocks() == 0, "after an erasure it is forgotten at once");
	must(search_state(db, &a, &whole));
	ok(!whole, "and says that something is missing");
	for (i = 0, did = true; did && i < 50; i++)
		must(search_renew(db, &a, NOW, &did));
	must(search_state(db, &a, &whole));
	ok(whole, "until all conversations have been walked through");
	texts("before it is made anew");
	index_all();
	texts("afterwards");
	names("anna", "anna");
	must(search_renew(db, &a, NOW + 31 * MS_DAY, &did));
	ok(did && blocks() == 0, "and each month");
	for (i = 0; did && i < 50; i++)
		must(search_renew(db, &a, NOW + 31 * MS_DAY, &did));
	index_all();
	finds("frame", EN);
	must(note_get(db, &a, NOTE_SEARCH, &at, &how));
	ok(at == NOW + 31 * MS_DAY, "its time is when it was begun");
}

static void
test_often(void)
{
	bool often = false;
	int i;

	for (i = 0; i < 5; i++) {
		must(search_count(db, maria, NOW, 5, &often));
		if (often)
			break;
	}
	ok(i == 5, "five are allowed");
	must(search_count(db, maria, NOW, 5, &often));
	ok(often, "the sixth is too many");
	must(search_count(db, maria, NOW + MS_MINUTE, 5, &often));
	ok(!often, "but not in the next minute");
}

/* Against a plain scan ---------------------------------------------------------- */

static char (*folds)[TALK_MOST];

static size_t
scan(const struct search_words *w, int64_t *at, size_t most)
{
	size_t n = 0, i, len;
	long k;

	for (k = MANY - 1; k >= 0 && n < most; k--) {
		len = strlen(folds[k]);
		for (i = 0; i < w->n && fold_find(folds[k], len, 0, w->w[i].s, w->w[i].len) < len; i++)
			continue;
		if (i == w->n)
			at[n++] = NOW + MS_DAY + k * 1000;
	}
	return n;
}

/* One to ten characters of some message, and now and then something that is nowhere. */
static void
piece(uint64_t *s, char out[64])
{
	char text[TALK_MOST];
	size_t len, at, n, chars = 1 + talk_rnd(s, 10);

	do {
		len = talk(talk_rnd(s, MANY), text);
		for (at = talk_rnd(s, (unsigned)len); at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80; at--)
			continue;
		n = fold_chars(text + at, len - at, chars);
		memcpy(out, text + at, n);
		out[n] = '\0';
	} while (strchr(out, '"') != NULL || strspn(out, " ") == n);
	if (talk_rnd(s, 20) == 0 && n > 2 && (unsigned char)out[0] < 0x80)
		out[0] = 'q';
}

static void
test_recall(void)
{
	struct search_ask ask = { .install_id = install, .max = 400 };
	int64_t *want = calloc(401, sizeof(*want));
	char q[64], text[TALK_MOST];
	uint64_t seed = 5;
	struct search_found f;
	struct search_words w;
	size_t n, i;
	long k, wrong = 0, none = 0, many = 0;
	bool added, did;

	folds = calloc(MANY, sizeof(*folds));
	if (folds == NULL || want == NULL)
		exit(1);
	must(db_begin(db));
	for (k = 0; k < MANY; k++) {
		struct message m = { .thread_id = k % 7 < 3 ? anna : liisa, .at = NOW + MS_DAY + k * 1000, .id = 10000 + k,
			.text = text };

		(void)fold_text(folds[k], NULL, text, talk((uint64_t)k, text));
		must(message_add(db, &m, &added));
	}
	must(db_commit(db));
	/* The last ones stay fresh. */
	for (did = true; did; arena_reset(&a))
		must(search_index(db, &a, 256, &did));
	ask.from = NOW + MS_DAY;
	for (k = 0; k < QUESTIONS; k++) {
		piece(&seed, q);
		must(search_parse(&a, q, &w));
		must(search_messages(db, &a, &w, &ask, &f));
		n = scan(&w, want, ask.max + 1);
		for (i = 0; i < f.n && i < n && f.hit[i].at == want[i]; i++)
			continue;
		if (f.n != (n > ask.max ? ask.max : n) || f.more != (n > ask.max) || i < f.n) {
			diag("\"%s\": %zu hits, %zu in a scan", q, f.n, n);
			wrong++;
		}
		none += n == 0;
		many += f.more;
		arena_reset(&a);
	}
	ok(wrong == 0, "%d questions to %d messages find what a plain scan finds", QUESTIONS, MANY);
	ok(none > 5 && many > 50 && none + many < QUESTIONS / 2 + many, "some found nothing (%ld), some much (%ld)", none, many);
	free(folds);
	free(want);
}

int
main(void)
{
	company_open();
	must(db_begin(db));
	must(install_put(db, 9000999, "Other", "other", "https://other.pipedrive.com", true, NOW, &other));
	must(page_put(db, keys, &a, other, "208422330517604", "Theirs", "EAAMother", "1023", maria, NOW, &other_page));
	must(db_commit(db));
	anna = thread(page, install, "1001", "Anna Lepik");
	liisa = thread(page, install, "1002", "Liisa Virtanen");
	stranger = thread(other_page, other, "2001", "Anna of elsewhere");
	test_texts();
	test_bounds();
	test_changes();
	test_names();
	test_renewal();
	test_often();
	test_recall();
	company_close();
	return done_testing();
}
