/* SPDX-License-Identifier: MIT */
/*
 * ctl_doctor.c - inboxctl doctor: all checks, from outside in.
 *
 * First the public address, then what the two services say, then what the rows
 * say.  Each line has its result, what was found, and what helps.  Nothing secret
 * is in it, and no name: it can be shown to somebody who helps.  Pages and
 * companies are told by their numbers.
 *
 * Exit codes: 0 nothing is broken, 1 something is.
 */
#include "ctl.h"

#include "../lib/base/clock.h"
#include "../lib/base/home.h"
#include "../lib/base/str.h"

#include <stdio.h>
#include <string.h>

static void
print_one(const struct finding *f, const struct speech *sp)
{
	static const enum str_id marks[] = { [VERDICT_OK] = STR_SETUP_MARK_OK, [VERDICT_ATTENTION] = STR_SETUP_MARK_ATTENTION,
	    [VERDICT_BROKEN] = STR_SETUP_MARK_WRONG };
	const char *found = said_text(f->found, sp), *fix = finding_fix(f, sp);

	printf("%s %s\n", cat_str(sp->cats, sp->lang, marks[f->verdict]), cat_str(sp->cats, sp->lang, check_row(f->check)->name));
	printf("       %s\n", cat_fill(sp->a, cat_str(sp->cats, sp->lang, STR_SETUP_EVIDENCE), "found", found != NULL ? found : "",
	    NULL));
	if (fix != NULL)
		printf("       %s\n", cat_fill(sp->a, cat_str(sp->cats, sp->lang, STR_SETUP_FIX), "fix", fix, NULL));
}

/* What was found since; returns the last. */
static const struct finding *
print_from(const struct findings *all, const struct finding *last, const struct speech *sp)
{
	const struct finding *f = last == NULL ? all->first : last->next;

	for (; f != NULL; last = f, f = f->next) {
		enum check_group g = check_row(f->check)->group;

		if (last == NULL || check_row(last->check)->group != g || strcmp(last->about, f->about) != 0)
			printf("\n%s%s%s\n", cat_str(sp->cats, sp->lang, check_group_name(g)), *f->about != '\0' ? " " : "", f->about);
		print_one(f, sp);
	}
	(void)fflush(stdout);
	return last;
}

static void
look(const struct conf *conf, struct findings *f, const struct speech *sp)
{
	const struct finding *last;
	const struct ib_err *err;
	struct db *db = NULL;

	ctl_prove(conf, f);
	last = print_from(f, NULL, sp);
	if ((err = ctl_open_db(conf, 0, &db)) == NULL) {
		ctl_services(conf, db, f);
		last = print_from(f, last, sp);
		if ((err = db_read_begin(db)) == NULL) {
			err = sync_looks(f, db, 0, clock_now());
			db_read_end(db);
		}
	}
	if (err != NULL)
		(void)finding_add(f, CHECK_DATABASE, VERDICT_BROKEN, said_new(f->a, STR_SETUP_FOUND_TEXT, "s", "text", err->msg));
	(void)print_from(f, last, sp);
	db_close(db);
}

int
ctl_doctor(const struct conf *conf, char *const *args)
{
	static const enum str_id ends[] = { [VERDICT_OK] = STR_DOCTOR_END_OK, [VERDICT_ATTENTION] = STR_DOCTOR_END_ATTENTION,
	    [VERDICT_BROKEN] = STR_DOCTOR_END_BROKEN };
	struct speech sp = { .lang = LANG_EN };
	const struct ib_err *err;
	struct cats *cats = NULL;
	struct findings f;
	struct arena a;

	(void)args;
	if (*conf_str(conf, CONF_TEST_CLOCK) != '\0')
		clock_set_offset_file(conf_str(conf, CONF_TEST_CLOCK));
	if ((err = cats_load(home_folder(conf_str(conf, CONF_CATALOGUES), HOME_PO), &cats)) != NULL)
		return ctl_fail(err);
	(void)lang_parse(conf_str(conf, CONF_LANGUAGE), &sp.lang);
	arena_init(&a, (size_t)32 << 20);
	findings_init(&f, &a);
	sp.a = &a;
	sp.cats = cats;
	look(conf, &f, &sp);
	if (f.failed)
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "doctor");
	else
		printf("\n%s\n", cat_str(cats, sp.lang, ends[f.worst]));
	arena_fini(&a);
	cats_free(cats);
	return err != NULL ? ctl_fail(err) : f.worst == VERDICT_BROKEN ? 1 : 0;
}
