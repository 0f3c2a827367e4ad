/* SPDX-License-Identifier: MIT */
/* checks.c - see checks.h. */
#include "checks.h"

#include "../base/clock.h"
#include "../base/str.h"

#include <stdarg.h>
#include <string.h>

static const struct check_row rows[CHECKS] = {
#define C(id, word, group, name, about, fix) [id] = { word, group, name, about, fix },
#include "checks.def"
#undef C
};

const struct check_row *
check_row(enum check c)
{
	return &rows[c];
}

enum str_id
check_group_name(enum check_group g)
{
	static const enum str_id names[GROUPS] = {
		[GROUP_ENGINE] = STR_HEALTH_ENGINE, [GROUP_PAGE] = STR_HEALTH_PAGE,
		[GROUP_MESSAGES] = STR_HEALTH_MESSAGES, [GROUP_PIPEDRIVE] = STR_HEALTH_PIPEDRIVE,
		[GROUP_SERVER] = STR_HEALTH_SERVER, [GROUP_OUTSIDE] = STR_HEALTH_OUTSIDE,
		[GROUP_HERE] = STR_DOCTOR_HERE, [GROUP_SERVICES] = STR_DOCTOR_SERVICES
	};

	return names[g];
}

const char *
verdict_word(enum verdict v)
{
	static const char *const words[] = { [VERDICT_OK] = "ok", [VERDICT_ATTENTION] = "attention", [VERDICT_BROKEN] = "broken" };

	return words[v];
}

/* Sentences with details -------------------------------------------------------------- */

const struct said *
said_new(struct arena *a, enum str_id id, const char *kinds, ...)
{
	struct said *s = ARENA_NEW(a, struct said);
	bool whole = s != NULL;
	struct detail *f;
	va_list ap;

	if (s == NULL)
		return NULL;
	s->id = id;
	va_start(ap, kinds);
	for (f = s->details; *kinds != '\0' && f < s->details + SAID_DETAILS; kinds++, f++) {
		f->name = va_arg(ap, const char *);
		switch (*kinds) {
		case 'n':
		case 't':
		case 'd':
		case 'z':
			f->kind = *kinds == 'n' ? DETAIL_NUMBER : *kinds == 't' ? DETAIL_TIME : *kinds == 'd' ? DETAIL_DAY : DETAIL_SIZE;
			f->n = va_arg(ap, int64_t);
			break;
		case 'a':
			f->kind = DETAIL_SAID;
			whole &= (f->said = va_arg(ap, const struct said *)) != NULL;
			break;
		default:
			f->kind = *kinds == 'k' ? DETAIL_KEY : DETAIL_TEXT;
			f->text = arena_dup(a, va_arg(ap, const char *));
			whole &= f->text != NULL;
			break;
		}
	}
	va_end(ap);
	return whole ? s : NULL;
}

const struct said *
said_key(struct arena *a, const char *key, enum str_id dflt)
{
	struct said *s = ARENA_NEW(a, struct said);

	if (s == NULL || (s->key = arena_dup(a, key)) == NULL)
		return NULL;
	s->id = dflt;
	return s;
}

static const char *
plain_time(const struct speech *sp, int64_t ms)
{
	char iso[25];

	clock_iso(ms, iso);
	return arena_dup(sp->a, iso);
}

static const char *
plain_number(const struct speech *sp, int64_t n)
{
	return arena_printf(sp->a, "%lld", (long long)n);
}

static const char *
plain_size(const struct speech *sp, int64_t bytes)
{
	static const enum str_id units[] = { STR_SIZE_B, STR_SIZE_KB, STR_SIZE_MB, STR_SIZE_GB };
	size_t i;

	for (i = 0; bytes >= 1000 && i + 1 < sizeof(units) / sizeof(units[0]); i++)
		bytes /= 1000;
	return cat_fill(sp->a, cat_str(sp->cats, sp->lang, units[i]), "n", plain_number(sp, bytes), NULL);
}

static const char *
key_text(const struct speech *sp, const char *key, const char *dflt)
{
	const char *s = key != NULL ? cat_find(sp->cats, sp->lang, key) : NULL;

	return s != NULL ? s : dflt;
}

static const char *
detail_text(const struct detail *f, const struct speech *sp)
{
	switch (f->kind) {
	case DETAIL_NUMBER:
		return sp->number != NULL ? sp->number(sp->arg, f->n) : plain_number(sp, f->n);
	case DETAIL_TIME:
	case DETAIL_DAY:
		if (f->n <= 0)
			return cat_str(sp->cats, sp->lang, STR_HEALTH_NEVER);
		if (f->kind == DETAIL_DAY && sp->day != NULL)
			return sp->day(sp->arg, f->n);
		return sp->time != NULL ? sp->time(sp->arg, f->n) : plain_time(sp, f->n);
	case DETAIL_SIZE:
		if (f->n <= 0)
			return cat_str(sp->cats, sp->lang, STR_HEALTH_EMPTY);
		return sp->size != NULL ? sp->size(sp->arg, f->n) : plain_size(sp, f->n);
	case DETAIL_KEY:
		return key_text(sp, f->text, "");
	case DETAIL_SAID:
		return said_text(f->said, sp);
	default:
		return f->text;
	}
}

const char *
said_text(const struct said *said, const struct speech *sp)
{
	const char *v[SAID_DETAILS] = { NULL }, *n[SAID_DETAILS];
	size_t i;

	if (said == NULL)
		return NULL;
	for (i = 0; i < SAID_DETAILS; i++) {
		n[i] = said->details[i].name;
		if (n[i] != NULL && (v[i] = detail_text(&said->details[i], sp)) == NULL)
			return NULL;
	}
	/* The first name that is NULL ends them. */
	return cat_fill(sp->a, key_text(sp, said->key, cat_str(sp->cats, sp->lang, said->id)),
	    n[0], v[0], n[1], v[1], n[2], v[2], n[3], v[3], n[4], v[4], NULL);
}

/* Findings ---------------------------------------------------------------------------- */

void
findings_init(struct findings *f, struct arena *a)
{
	memset(f, 0, sizeof(*f));
	f->a = a;
	f->last = &f->first;
	f->about = f->name = "";
}

struct finding *
finding_add(struct findings *f, enum check c, enum verdict v, const struct said *found)
{
	struct finding *new = found != NULL ? ARENA_NEW(f->a, struct finding) : NULL;

	if (new == NULL) {
		f->failed = true;
		return &f->spare;
	}
	new->check = c;
	new->verdict = v;
	new->about = f->about;
	new->name = f->name;
	new->found = found;
	if (v > f->worst)
		f->worst = v;
	*f->last = new;
	f->last = &new->next;
	return new;
}

const char *
finding_fix(const struct finding *f, const struct speech *sp)
{
	if (f->fix != NULL)
		return said_text(f->fix, sp);
	return f->verdict == VERDICT_OK ? NULL : cat_str(sp->cats, sp->lang, rows[f->check].fix);
}
