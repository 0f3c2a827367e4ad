/* SPDX-License-Identifier: MIT */
/*
 * search.c - searching, measured: MESSAGES short messages, half Japanese,
 * half English (tests/talk.h), stored as ingest stores them, with and without
 * the index, and asked QUERIES questions of 1 to 10 characters.
 *
 *   search FOLDER [MESSAGES [QUERIES [SCANS]]]	default 200,000, 1,000, 40
 *
 * Told: processor time of storing, size of the index against the text, that
 * of the newest 50 hits against a plain scan's (LIKE over the same table, SCANS
 * of the questions), and whether the newest 50 hits of each question are those
 * of a scan through all texts.  Nothing here fails on a figure, but on a hit
 * that is missing or too many.  FOLDER is left with both databases.
 */
#include "../talk.h"

#include "../../lib/base/clock.h"
#include "../../lib/base/fold.h"
#include "../../lib/base/log.h"
#include "../../lib/store/message.h"
#include "../../lib/store/search.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define HITS	50
#define MEASURED	100000
#define NOW	INT64_C(1795341600000)

static long messages = 200000, queries = 1000, scans = 40;
static int64_t bytes;

#define must(e) do { const struct ib_err *e_ = (e); if (e_ != NULL) { \
	fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, e_->msg); exit(1); } } while (0)

/* Processor time: what else happens on the machine disturbs it little. */
static double
cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}


static void
raw(sqlite3 *s, const char *sql)
{
	char *why = NULL;

	if (sqlite3_exec(s, sql, NULL, NULL, &why) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", sql, why);
		exit(1);
	}
}

static sqlite3 *
plain_open(const char *path)
{
	sqlite3 *s;

	if (sqlite3_open(path, &s) != SQLITE_OK)
		exit(1);
	raw(s, "PRAGMA cache_size=-8192");
	return s;
}

/* Message i: its conversation, its time (over three years), its text. */
static int64_t
thread_of(long i)
{
	return 1 + (int64_t)(talk_mix((uint64_t)i / 4 + 77) % (uint64_t)(messages / 30 + 1));
}

static int64_t
at_of(long i)
{
	return NOW - (messages - i) * (INT64_C(94608000000) / messages);
}

static struct db *
make(const char *path)
{
	char sql[512];
	struct db *db;
	sqlite3 *s;

	must(db_open(path, DB_CREATE | DB_MIGRATE, &db));
	s = plain_open(path);
	snprintf(sql, sizeof(sql), "PRAGMA synchronous=OFF; BEGIN;"
	    "INSERT INTO install(id,company_id,company_name,company_domain,api_domain,visibility,state,created_at)"
	    " VALUES(1,1,'Acme','acme','https://acme.pipedrive.com','shared','active',1);"
	    "INSERT INTO page(id,install_id,fb_id,name,user_id,state,connected_at) VALUES(1,1,'1','Bikes',1,'active',1);"
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <= %ld)"
	    " INSERT INTO thread(id,install_id,page_id,psid,last_at,created_at) SELECT i,1,1,i,1,1 FROM n; COMMIT",
	    messages / 30 + 1);
	raw(s, sql);
	sqlite3_close(s);
	return db;
}

/*
 * Everything stored, and of the last MEASURED messages the processor time: they
 * come eight a transaction, as a busy webhook brings them, those before faster.
 */
static double
store(struct db *db, bool indexed)
{
	struct message m = { .dir = 0, .flags = MSG_EXACT, .has_mkey = true };
	char text[TALK_MOST], mid[96];
	struct arena a;
	double t = cpu();
	bool added, did = true, done;
	long i, from = messages > MEASURED ? messages - MEASURED : 0, per = 1024;

	arena_init(&a, (size_t)16 << 20);
	for (i = 0; i < messages; i++) {
		if (i % 1024 == 0 && i >= from - 1024 && per != 8) {
			per = 8;
			from = i;
			t = cpu();
		}
		if (i % per == 0)
			must(db_begin(db));
		bytes += (int64_t)talk((uint64_t)i, text);
		snprintf(mid, sizeof(mid), "m_%012ldAbCdEfGhIjKlMnOpQrStUvWxYz0123456789_-aBcDeFgHiJkLmNoPqRsT", i);
		mkey_make("1", mid, &m.mkey);
		m.thread_id = thread_of(i);
		m.at = at_of(i);
		m.id = mkey_id(&m.mkey);
		m.mid = mid;
		m.text = text;
		must(message_add(db, &m, &added));
		if (!indexed)
			must(db_run(db, ST_SEARCH_TAKEN, "ii", INT64_MAX, INT64_MAX));
		if (i % per == per - 1 || i + 1 == messages)
			must(db_commit(db));
		for (did = indexed && i % per == per - 1 && i % 256 == 255; did; arena_reset(&a))
			must(search_index(db, &a, 256, &did));
		if (i % 20480 == 20479)
			must(db_checkpoint(db, &done));
	}
	for (did = indexed; did; arena_reset(&a))
		must(search_index(db, &a, 1, &did));
	must(db_checkpoint(db, &done));
	arena_fini(&a);
	return (cpu() - t) / (double)(messages - from);
}

static int64_t
size_like(const char *path, const char *name)
{
	char sql[128];
	sqlite3_stmt *st;
	int64_t n = 0;
	sqlite3 *s = plain_open(path);

	snprintf(sql, sizeof(sql), "SELECT sum(pgsize) FROM dbstat WHERE aggregate = true AND name LIKE '%s'", name);
	if (sqlite3_prepare_v2(s, sql, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(s);
	return n;
}

/* Questions ------------------------------------------------------------------- */

struct question {
	char		 text[64];
	struct search_words w;
	size_t		 chars;
	int64_t		 hit[HITS + 1];		/* numbers of messages, newest first */
	size_t		 n;
};

/* A piece of some message, 1 to 10 characters; every tenth may be nowhere. */
static void
think_up(struct question *q, uint64_t *s)
{
	char text[TALK_MOST];
	size_t len = talk(talk_mix(*s) % (uint64_t)messages, text), at, n, k;

	do {
		q->chars = 1 + talk_rnd(s, 10);
		n = fold_chars(text, len, SIZE_MAX) > 0 ? 0 : 0;
		for (at = 0; at < len; at += fold_chars(text + at, len - at, 1))
			n++;
		k = talk_rnd(s, (unsigned)n);
		at = fold_chars(text, len, k);
		n = fold_chars(text + at, len - at, q->chars);
		memcpy(q->text, text + at, n);
		q->text[n] = '\0';
	} while (strspn(q->text, " \"") == n || strchr(q->text, '"') != NULL);
	if (talk_rnd(s, 10) == 0 && n > 1)
		q->text[0] = (char)('a' + (q->text[0] & 15));
	if (((unsigned char)q->text[1] & 0xc0) == 0x80)
		memcpy(q->text, "qqq", 3);
}

/* What a scan through all texts finds. */
static void
truth(struct question *q)
{
	char text[TALK_MOST], fold[TALK_MOST];
	size_t n, w;
	long i, k;

	for (i = messages - 1; i >= 0; i--) {
		n = talk((uint64_t)i, text);
		n = fold_text(fold, NULL, text, n);
		for (k = 0; k < queries; k++) {
			if (q[k].n == HITS)
				continue;
			for (w = 0; w < q[k].w.n; w++)
				if (fold_find(fold, n, 0, q[k].w.w[w].s, q[k].w.w[w].len) == n)
					break;
			if (w == q[k].w.n && w > 0)
				q[k].hit[q[k].n++] = at_of(i);
		}
	}
}

static int
by_size(const void *x, const void *y)
{
	const double *p = x, *q = y;

	return *p < *q ? -1 : *p > *q;
}

static double
at_part(double *v, long n, double part)
{
	return v[(long)((double)(n - 1) * part)];
}

static double
scan(sqlite3 *s, const struct question *q)
{
	static sqlite3_stmt *st;
	double t = cpu();

	if (st == NULL && sqlite3_prepare_v2(s, "SELECT thread_id, at, id FROM message"
	    " WHERE text LIKE '%' || ?1 || '%' ORDER BY at DESC LIMIT 50", -1, &st, NULL) != SQLITE_OK)
		exit(1);
	sqlite3_bind_text(st, 1, q->text, -1, SQLITE_STATIC);
	while (sqlite3_step(st) == SQLITE_ROW)
		continue;
	sqlite3_reset(st);
	return cpu() - t;
}

int
main(int argc, char **argv)
{
	double t[2], *took, *ratio, worst = 1e9, d;
	struct search_ask ask = { .install_id = 1, .max = HITS };
	char path[2][512];
	struct search_found f;
	struct question *q;
	struct db *db[2];
	uint64_t seed = 20261123;
	long i, wrong = 0, k;
	struct arena a, keep;
	sqlite3 *s;
	size_t h;

	if (argc < 2)
		return 2;
	if (argc > 2)
		messages = atol(argv[2]);
	if (argc > 3)
		queries = atol(argv[3]);
	if (argc > 4)
		scans = atol(argv[4]);
	log_init("bench", LOG_ERROR_, 2);
	arena_init(&a, (size_t)64 << 20);
	arena_init(&keep, (size_t)64 << 20);
	for (i = 0; i < 2; i++) {
		snprintf(path[i], sizeof(path[i]), "%s/%s.db", argv[1], i == 0 ? "plain" : "indexed");
		db[i] = make(path[i]);
		bytes = 0;
		t[i] = store(db[i], i == 1);
		printf("store %s: %.1f us of processor time a message\n", i == 0 ? "without" : "with", t[i] * 1e6);
		fflush(stdout);
	}
	printf("ingest: %.2f times\n", t[1] / t[0]);
	printf("text %.1f MiB, message table %.1f MiB\n", (double)bytes / 1048576, (double)size_like(path[1], "message%") / 1048576);
	printf("index %.1f MiB: %.3f of the text (full text %.1f, blocks %.1f, words %.1f)\n",
	    (double)size_like(path[1], "search%") / 1048576, (double)size_like(path[1], "search%") / (double)bytes,
	    (double)size_like(path[1], "search_data") / 1048576, (double)size_like(path[1], "search_block") / 1048576,
	    (double)size_like(path[1], "%search_word%") / 1048576);
	fflush(stdout);
	if ((q = calloc((size_t)queries, sizeof(*q))) == NULL || (took = calloc((size_t)queries, sizeof(*took))) == NULL ||
	    (ratio = calloc((size_t)scans, sizeof(*ratio))) == NULL)
		return 1;
	for (i = 0; i < queries; i++) {
		think_up(&q[i], &seed);
		must(search_parse(&keep, q[i].text, &q[i].w));
	}
	truth(q);
	for (i = 0; i < queries; i++) {
		d = cpu();
		must(search_messages(db[1], &a, &q[i].w, &ask, &f));
		took[i] = cpu() - d;
		for (h = 0; h < f.n && h < q[i].n && f.hit[h].at == q[i].hit[h]; h++)
			continue;
		if (h != f.n || h != q[i].n) {
			printf("WRONG \"%s\": %zu hits, a scan has %zu\n", q[i].text, f.n, q[i].n);
			wrong++;
		}
		if (took[i] > 0.05 && getenv("SLOW") != NULL)
			printf("slow \"%s\": %.1f ms, %zu hits\n", q[i].text, took[i] * 1e3, f.n);
		arena_reset(&a);
	}
	s = plain_open(path[0]);
	for (i = 0; i < scans; i++) {
		k = i * (queries / scans);
		(void)scan(s, &q[k]);
		d = scan(s, &q[k]);
		ratio[i] = d / took[k];
		if (ratio[i] < worst)
			worst = ratio[i];
		if (i == 0)
			printf("a plain scan takes %.1f ms\n", d * 1e3);
	}
	qsort(took, (size_t)queries, sizeof(*took), by_size);
	qsort(ratio, (size_t)scans, sizeof(*ratio), by_size);
	printf("newest %d hits: median %.2f ms, p90 %.2f, p99 %.2f, worst %.1f\n", HITS, at_part(took, queries, .5) * 1e3,
	    at_part(took, queries, .9) * 1e3, at_part(took, queries, .99) * 1e3, took[queries - 1] * 1e3);
	printf("against the scan: median %.0f times as fast, worst %.1f\n", at_part(ratio, scans, .5), ratio[0]);
	printf("%ld of %ld questions answered otherwise than by the scan\n", wrong, queries);
	return wrong > 0;
}
