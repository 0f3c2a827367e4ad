/* SPDX-License-Identifier: MIT */
/* The table of checks, sentences with details, findings, and what rows are found to say. */
#include "../tap.h"
#include "company.h"

#include "../../lib/base/clock.h"
#include "../../lib/sync/checks.h"

#include <string.h>

static struct cats *cats;

static void
test_table(void)
{
	int i, k, same = 0, empty = 0;

	for (i = 0; i < CHECKS; i++) {
		const struct check_row *row = check_row((enum check)i);

		for (k = 0; k < i; k++)
			same += strcmp(row->word, check_row((enum check)k)->word) == 0;
		for (k = 0; k < LANG_MAX; k++)
			empty += *cat_str(cats, (enum lang)k, row->name) == '\0' || *cat_str(cats, (enum lang)k, row->about) == '\0' ||
			    *cat_str(cats, (enum lang)k, row->fix) == '\0';
		ok(row->word[strspn(row->word, "abcdefghijklmnopqrstuvwxyz_")] == '\0', "%s is a word", row->word);
		ok(i == 0 || row->group >= check_row((enum check)(i - 1))->group, "%s stands in its group", row->word);
	}
	ok(same == 0, "no word twice");
	ok(empty == 0, "each has name, meaning and fix in both languages");
}

static const char *
say_time(const void *arg, int64_t ms)
{
	(void)ms;
	return arg;
}

static void
test_sentences(void)
{
	struct speech sp = { .a = &a, .cats = cats, .lang = LANG_EN };
	const struct said *inner = said_new(&a, STR_HEALTH_COMPARED, "tnn", "time", NOW, "listed", INT64_C(1200), "changed", INT64_C(0));
	const struct said *s = said_new(&a, STR_HEALTH_LEFT, "an", "so_far", inner, "n", INT64_C(7));

	ok(str_starts(said_text(inner, &sp), "Last finished: 2026-11-22T10:00:00Z. Conversations looked at: 1200;"), "as machines do: %s",
	    said_text(inner, &sp));
	ok(strstr(said_text(s, &sp), "something new: 0. Still to be read: 7.") != NULL, "a sentence in a sentence: %s", said_text(s, &sp));
	sp.time = say_time;
	sp.arg = "half past";
	ok(strstr(said_text(inner, &sp), "Last finished: half past.") != NULL, "as people do");
	sp.lang = LANG_JA;
	ok(strchr(said_text(s, &sp), '{') == NULL && strstr(said_text(s, &sp), "half past") != NULL, "in the other language");
	sp = (struct speech){ .a = &a, .cats = cats, .lang = LANG_EN };
	s = said_new(&a, STR_HEALTH_LAST_EVENT, "t", "time", INT64_C(0));
	ok(strstr(said_text(s, &sp), "never") != NULL, "no time is never");
	s = said_new(&a, STR_HEALTH_WAL_IS, "z", "size", INT64_C(0));
	ok(strcmp(said_text(s, &sp), cat_str(cats, LANG_EN, STR_HEALTH_EMPTY)) == 0, "no size is empty");
	s = said_new(&a, STR_HEALTH_WAL_IS, "z", "size", INT64_C(64000000));
	ok(strcmp(said_text(s, &sp), "64 MB") == 0, "a size");
	s = said_new(&a, STR_HEALTH_WAL_IS, "z", "size", INT64_C(74683200000));
	ok(strcmp(said_text(s, &sp), "74 GB") == 0, "a large one");
	s = said_new(&a, STR_HEALTH_FAILED, "ntk", "n", INT64_C(2), "time", NOW, "sentence", "error.fb.token");
	ok(strstr(said_text(s, &sp), cat_find(cats, LANG_EN, "error.fb.token")) != NULL, "the sentence of an error");
	ok(strcmp(said_text(said_key(&a, "error.fb.token", STR_CLOSED_PAGE), &sp), cat_find(cats, LANG_EN, "error.fb.token")) == 0 &&
	    strcmp(said_text(said_key(&a, "no.such.key", STR_CLOSED_PAGE), &sp), cat_str(cats, LANG_EN, STR_CLOSED_PAGE)) == 0,
	    "a key, or what stands in for one that is unknown");
	ok(said_new(&a, STR_HEALTH_LEFT, "an", "so_far", NULL, "n", INT64_C(7)) == NULL && said_text(NULL, &sp) == NULL,
	    "what is missing inside is missing outside");
}

static void
test_findings(void)
{
	struct speech sp = { .a = &a, .cats = cats, .lang = LANG_EN };
	struct findings f;
	struct finding *x;

	findings_init(&f, &a);
	ok(f.worst == VERDICT_OK && f.first == NULL, "nothing is in order");
	x = finding_add(&f, CHECK_WAL, VERDICT_OK, said_new(&a, STR_HEALTH_WAL_IS, "z", "size", INT64_C(1)));
	ok(finding_fix(x, &sp) == NULL, "what is in order needs no fix");
	f.about = "7";
	x = finding_add(&f, CHECK_DISK, VERDICT_BROKEN, said_new(&a, STR_HEALTH_DISK_IS, "z", "size", INT64_C(1)));
	ok(strcmp(finding_fix(x, &sp), cat_str(cats, LANG_EN, STR_HEALTH_DISK_TODO)) == 0, "else the table's");
	x->fix = said_new(&a, STR_HEALTH_BY_ITSELF, "");
	ok(strcmp(finding_fix(x, &sp), cat_str(cats, LANG_EN, STR_HEALTH_BY_ITSELF)) == 0, "or its own");
	(void)finding_add(&f, CHECK_CODES, VERDICT_ATTENTION, said_new(&a, STR_HEALTH_CODES_NONE, ""));
	ok(f.worst == VERDICT_BROKEN && !f.failed, "the worst counts");
	ok(f.first->check == CHECK_WAL && *f.first->about == '\0' && strcmp(f.first->next->about, "7") == 0 &&
	    f.first->next->next->next == NULL, "in order, each with what it is about");
	finding_add(&f, CHECK_WAL, VERDICT_BROKEN, NULL)->reconnect = true;
	ok(f.failed && f.first->next->next->next == NULL, "without memory it is missing, and told");
	ok(disk_verdict(INT64_C(1) << 40) == VERDICT_OK && disk_verdict(400000000) == VERDICT_ATTENTION &&
	    disk_verdict(1000000) == VERDICT_BROKEN && disk_verdict(0) == VERDICT_BROKEN, "room on the disk");
}

/* Verdict of the only finding of this check; -1 when it is not there. */
static int
verdict(int64_t of, int64_t now, enum check c)
{
	const struct ib_err *err;
	const struct finding *x;
	struct findings f;

	findings_init(&f, &a);
	if ((err = sync_looks(&f, db, of, now)) != NULL) {
		diag("%s", err->msg);
		return -1;
	}
	for (x = f.first; x != NULL; x = x->next)
		if (x->check == c)
			return (int)x->verdict;
	return -1;
}

static void
test_looks(void)
{
	struct findings f;
	struct arena small;

	ok(verdict(install, NOW, CHECK_DRIVER) == VERDICT_BROKEN, "nothing has ever run");
	must(db_run(db, ST_RUN_START, "ti", "cron", NOW - MS_MINUTE));
	ok(verdict(install, NOW, CHECK_DRIVER) == VERDICT_OK && verdict(0, NOW, CHECK_DRIVER) == VERDICT_OK, "a run");
	ok(verdict(install, NOW - MS_HOUR, CHECK_CLOCK) == VERDICT_ATTENTION, "a run in the future");
	ok(verdict(install, NOW, CHECK_JOURNAL) == VERDICT_OK, "the journal");
	ok(verdict(install, NOW, CHECK_INSTALLER) == VERDICT_OK, "the installer");
	ok(verdict(install, NOW, CHECK_EVENTS) == VERDICT_ATTENTION && verdict(0, NOW, CHECK_EVENTS) == VERDICT_ATTENTION, "no event");
	must(db_run(db, ST_PAGE_EVENT, "ii", page, NOW));
	ok(verdict(0, NOW, CHECK_EVENTS) == VERDICT_OK, "an event");
	must(page_set_broken(db, page, "error.fb.token"));
	ok(verdict(0, NOW, CHECK_CONNECTION) == VERDICT_BROKEN && verdict(install + 1, NOW, CHECK_CONNECTION) == -1,
	    "a broken Page is its company's");
	arena_init(&small, 2048);
	findings_init(&f, &small);
	ok(sync_looks(&f, db, 0, NOW) != NULL, "no memory is an error, not good news");
	arena_fini(&small);
}

int
main(void)
{
	const char *src = getenv("srcdir");
	char path[512];

	company_open();
	snprintf(path, sizeof(path), "%s/po", src != NULL ? src : ".");
	must(cats_load(path, &cats));
	test_table();
	test_sentences();
	test_findings();
	test_looks();
	cats_free(cats);
	company_close();
	return done_testing();
}
