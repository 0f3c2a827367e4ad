/* SPDX-License-Identifier: MIT */
/*
 * search.c - see search.h.
 *
 * Tokens, as the table's tokenizer "ascii" leaves them (ASCII signs are moved
 * to private characters):
 *
 *   word		a RUN_WORD as it is
 *   0abc		RUN_ODD: what begins at each character, three of them at most
 *   xy			RUN_SIGNS: the same with two; the last stands alone
 *   1abc		of a word: its parts, as those of RUN_ODD
 *   2install		company
 *   3xy			where two runs touch: the last and the first character
 *
 * So that every part of a run begins some token: one character is searched by
 * prefix, two and more by the tokens within them, all of which must be there.
 *
 * A row of the table stands for DOC places of a block: the index is smaller by
 * a fifth, and eight texts are soon compared.
 */
#include "search.h"

#include "../base/buf.h"
#include "../base/clock.h"
#include "../base/fold.h"
#include "../base/str.h"
#include "note.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLICE		512		/* places of one transaction */
#define BLOCK		64		/* places of one block */
#define DOC		8		/* of them, of one row of the full-text table */
#define ROWS		(BLOCK / DOC)	/* of one block (stmts.def knows: >> 3) */
#define WINDOW		4096		/* a block keeps times as multiples of that many ms */
#define NAMES		(INT64_C(1) << 40)	/* rows of the full-text table: names of thread n */
#define WORDS		(INT64_C(1) << 52)	/* and words */
#define LATEST		(NAMES - 1)
#define WALK		32		/* conversations of one step */
#define RENEW_MS	(30 * MS_DAY)
#define PARTS_MOST	1000		/* words that a part may stand in before looking at everything is better */
#define PARTS_SOME	200		/* the same when something else is asked for, too */
#define PROBE		32		/* newest blocks that are looked at before a question with many answers */
#define NAMES_MOST	500		/* candidates */
#define EXPR_MOST	((size_t)256 << 10)
#define TOKENS_MOST	((size_t)8 << 20)

const struct ib_err *
search_touch(struct db *db, int64_t thread_id, int64_t at)
{
	return db_run(db, ST_SEARCH_TOUCH, "ii", thread_id, at);
}

/* Tokens ------------------------------------------------------------------------ */

/* The first `most` characters there are; signs of ASCII as characters that the tokenizer keeps. */
static void
put_gram(struct ib_buf *b, const char *s, size_t n, size_t most, bool signs)
{
	size_t len = fold_chars(s, n, most), i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (signs && c < 0x80) {
			buf_putc(b, (char)0xee);
			buf_putc(b, (char)(0x80 | c >> 6));
			buf_putc(b, (char)(0x80 | (c & 0x3f)));
		} else {
			buf_putc(b, s[i]);
		}
	}
}

/* What begins at each character. */
static void
put_grams(struct ib_buf *b, char space, const char *s, size_t n, size_t most)
{
	size_t at;

	for (at = 0; at < n; at += fold_chars(s + at, n - at, 1)) {
		if (space != '\0')
			buf_putc(b, space);
		put_gram(b, s + at, n - at, most, space == '\0');
		buf_putc(b, ' ');
	}
}

/* Where two runs touch: one character before `at`, and one from there on. */
static void
put_touch(struct ib_buf *b, const char *from, const char *at)
{
	const char *p = at - 1;

	while (p > from && ((unsigned char)*p & 0xc0) == 0x80)
		p--;
	buf_putc(b, '3');
	put_gram(b, p, (size_t)(at - p) + 4, 2, true);
}

/* Words of a slice, each once. */
struct wordlist {
	struct arena	*a;
	struct { const char *s; size_t n; } slot[4096], *list;
	size_t		 n, max;
};

static void
keep_word(struct wordlist *l, const char *s, size_t n)
{
	uint32_t h = 2166136261u;
	size_t i, k;

	for (i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 16777619u;
	k = (h ^ h >> 16) % (sizeof(l->slot) / sizeof(l->slot[0]));
	if (l->slot[k].s != NULL && l->slot[k].n == n && memcmp(l->slot[k].s, s, n) == 0)
		return;
	if (l->n == l->max) {
		void *more = arena_alloc(l->a, (l->max * 2 + 512) * sizeof(*l->list));

		if (more == NULL)
			return;		/* the arena remembers */
		if (l->n > 0)
			memcpy(more, l->list, l->n * sizeof(*l->list));
		l->list = more;
		l->max = l->max * 2 + 512;
	}
	l->slot[k].s = l->list[l->n].s = arena_dupn(l->a, s, n);
	l->slot[k].n = l->list[l->n++].n = n;
}

/* Everything by which this text is found; fold is scratch. */
static void
put_tokens(struct ib_buf *b, struct ib_buf *fold, struct wordlist *words, const char *text)
{
	size_t n = strlen(text);
	const char *p, *end, *last = NULL;
	struct fold_run run;
	char *to;

	buf_clear(fold);
	if ((to = buf_reserve(fold, n + 1)) == NULL) {
		b->failed = true;
		b->nomem |= fold->nomem;
		return;
	}
	p = to;
	end = to + fold_text(to, NULL, text, n);
	for (; fold_next(&p, end, &run); last = p) {
		if (last == run.s) {
			put_touch(b, to, run.s);
			buf_putc(b, ' ');
		}
		switch (run.kind) {
		case RUN_WORD:
			buf_append(b, run.s, run.n);
			buf_putc(b, ' ');
			keep_word(words, run.s, run.n);
			break;
		case RUN_ODD:
			put_grams(b, '0', run.s, run.n, 3);
			break;
		case RUN_SIGNS:
			put_grams(b, '\0', run.s, run.n, 2);
			break;
		}
	}
}

/* Places of a block: differences as numbers of variable length ----------------- */

struct place { int64_t thread, at, install; };

static size_t
put_number(uint8_t *out, int64_t v)
{
	uint64_t u = (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
	size_t n = 0;

	for (; u >= 0x80; u >>= 7)
		out[n++] = (uint8_t)(u | 0x80);
	out[n++] = (uint8_t)u;
	return n;
}

static bool
get_number(const uint8_t **p, const uint8_t *end, int64_t *v)
{
	uint64_t u = 0;
	int shift = 0;

	do {
		if (*p == end || shift > 63)
			return false;
		u |= (uint64_t)(**p & 0x7f) << shift;
		shift += 7;
	} while ((*(*p)++ & 0x80) != 0);
	*v = (int64_t)(u >> 1) ^ -(int64_t)(u & 1);
	return true;
}

static size_t
put_places(uint8_t *out, const struct place *p, size_t n)
{
	int64_t thread = 0, at = 0;
	size_t i, len = 0;

	for (i = 0; i < n; i++) {
		len += put_number(out + len, p[i].thread - thread);
		len += put_number(out + len, p[i].at / WINDOW - at);
		thread = p[i].thread;
		at = p[i].at / WINDOW;
	}
	return len;
}

static size_t
get_places(const uint8_t *p, size_t len, size_t most, struct place *out)
{
	const uint8_t *end = p + len;
	int64_t thread = 0, at = 0, v;
	size_t n = 0;

	while (n < most && get_number(&p, end, &v)) {
		out[n].thread = thread += v;
		if (!get_number(&p, end, &v))
			break;
		out[n++].at = (at += v) * WINDOW;
	}
	return n;
}

/* Indexing ------------------------------------------------------------------------ */

struct slice {
	struct db	*db;
	struct arena	*a;
	struct place	*place;
	size_t		 n;
	struct ib_buf	 tokens, fold;
	struct wordlist	*words;
};

/* A block is of one company; within it, time's order. */
static int
by_company(const void *x, const void *y)
{
	const struct place *p = x, *q = y;

	if (p->install != q->install)
		return p->install < q->install ? -1 : 1;
	return p->at < q->at ? -1 : p->at > q->at;
}

static const struct ib_err *
read_slice(struct slice *s)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	if ((s->place = ARENA_ARRAY(s->a, SLICE, struct place)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "search");
	if ((err = db_query(s->db, ST_SEARCH_FRESH, &st, "i", (int64_t)SLICE)) != NULL)
		return err;
	while (s->n < SLICE && (err = db_step(st, &row)) == NULL && row) {
		struct place *p = &s->place[s->n++];

		p->thread = db_col_int(st, 0);
		p->at = db_col_int(st, 1);
		p->install = db_col_int(st, 2);
	}
	return db_done(st, s->a, err);
}

/* Texts of one place; *any: there is something to find. */
static const struct ib_err *
tokens_at(struct slice *s, const struct place *p, bool *any)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;
	int i;

	*any = false;
	err = p->at != 0 ? db_query(s->db, ST_SEARCH_TEXTS, &st, "iii", p->thread, p->at, p->at) :
	    db_query(s->db, ST_SEARCH_NAMES, &st, "ii", p->thread, p->install);
	if (err != NULL)
		return err;
	while ((err = db_step(st, &row)) == NULL && row) {
		*any = true;
		for (i = 0; i < 3; i++)		/* a message has one column for it, names three */
			if (!db_col_null(st, i))
				put_tokens(&s->tokens, &s->fold, s->words, db_col_text(st, i));
	}
	return db_done(st, s->a, err);
}

static const struct ib_err *
put_row(struct slice *s, int64_t id, int64_t install)
{
	const struct ib_err *err;

	buf_printf(&s->tokens, "2%lld", (long long)install);
	if ((err = buf_check(&s->tokens)) != NULL)
		return err;
	return db_run(s->db, ST_SEARCH_ADD, "it", id, buf_cstr(&s->tokens));
}

/* The places with something to find become a block, each with a row of the full-text table. */
static const struct ib_err *
put_block(struct slice *s, struct place *p, size_t n)
{
	const struct ib_err *err;
	uint8_t refs[BLOCK * 20];
	int64_t id = 0;
	size_t i, k = 0;
	bool any;

	if ((err = db_get_int(s->db, ST_SEARCH_BLOCK_NEXT, &id, &any, "")) != NULL)
		return err;
	buf_clear(&s->tokens);
	for (i = 0; i < n; i++) {
		if ((err = tokens_at(s, &p[i], &any)) != NULL)
			return err;
		if (any)
			p[k++] = p[i];
		if (((any && k % DOC == 0) || (i + 1 == n && k % DOC != 0)) && s->tokens.len > 0) {
			if ((err = put_row(s, id * ROWS + (int64_t)(k - 1) / DOC, p[0].install)) != NULL)
				return err;
			buf_clear(&s->tokens);
		}
	}
	/* In order of time: the last one is the latest. */
	return k == 0 ? NULL : db_run(s->db, ST_SEARCH_BLOCK_ADD, "iib", id, p[k - 1].at, refs, put_places(refs, p, k));
}

static const struct ib_err *
put_blocks(struct slice *s)
{
	const struct ib_err *err;
	size_t i, n;

	for (i = 0; i < s->n; i += n) {
		struct place *p = &s->place[i];

		for (n = 1; p->at != 0 && n < BLOCK && i + n < s->n && p[n].install == p->install; n++)
			continue;
		if (p->at != 0 && p->install != 0 && (err = put_block(s, p, n)) != NULL)
			return err;
	}
	return NULL;
}

/* Rows of names stand behind the blocks: the full-text table wants numbers that go up. */
static const struct ib_err *
put_names(struct slice *s)
{
	const struct ib_err *err;
	size_t i;
	bool any;

	for (i = 0; i < s->n; i++) {
		const struct place *p = &s->place[i];

		if (p->install == 0 || p->at != 0)
			continue;
		buf_clear(&s->tokens);
		if ((err = tokens_at(s, p, &any)) != NULL ||
		    (any && (err = put_row(s, NAMES + p->thread, p->install)) != NULL))
			return err;
	}
	return NULL;
}

static const struct ib_err *
put_words(struct slice *s)
{
	const struct ib_err *err;
	size_t i;
	int64_t id;
	bool new;

	for (i = 0; i < s->words->n; i++) {
		const char *w = s->words->list[i].s;

		if (w == NULL)
			break;		/* the arena remembers */
		if ((err = db_get_int(s->db, ST_SEARCH_WORD_ADD, &id, &new, "t", w)) != NULL)
			return err;
		if (!new)
			continue;
		buf_clear(&s->tokens);
		put_grams(&s->tokens, '1', w, s->words->list[i].n, 3);
		if ((err = buf_check(&s->tokens)) != NULL ||
		    (err = db_run(s->db, ST_SEARCH_ADD, "it", WORDS + id, buf_cstr(&s->tokens))) != NULL)
			return err;
	}
	return NULL;
}

const struct ib_err *
search_index(struct db *db, struct arena *a, int64_t least, bool *did)
{
	struct slice s = { .db = db, .a = a };
	const struct ib_err *err;
	int64_t first;
	size_t i;
	bool found;

	*did = false;
	if ((err = db_get_int(db, ST_SEARCH_READY, &first, &found, "i", least > 0 ? least - 1 : 0)) != NULL || !found)
		return err;
	if ((s.words = ARENA_NEW(a, struct wordlist)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "search");
	s.words->a = a;
	buf_init(&s.tokens, TOKENS_MOST);
	buf_init(&s.fold, TOKENS_MOST);
	if ((err = db_begin(db)) != NULL)
		goto done;
	if ((err = read_slice(&s)) != NULL)
		goto done;
	if (s.n > 0)
		err = db_run(db, ST_SEARCH_TAKEN, "ii", s.place[s.n - 1].at, s.place[s.n - 1].thread);
	for (i = 0; i < s.n && s.place[i].install == s.place[0].install; i++)
		continue;
	if (i < s.n)
		qsort(s.place, s.n, sizeof(*s.place), by_company);
	if (err == NULL && (err = put_blocks(&s)) == NULL && (err = put_names(&s)) == NULL &&
	    (err = put_words(&s)) == NULL)
		err = arena_failed(a) ? ib_fail(IB_ENOMEM, IB_RETRY_LATER, "search") : db_commit(db);
	*did = err == NULL && s.n > 0;
done:
	db_rollback(db);
	buf_fini(&s.tokens);
	buf_fini(&s.fold);
	return err;
}

/* Making it anew --------------------------------------------------------------------- */

/* NOTE_SEARCH: how far the walk over the conversations is, or one of these words; its time is the beginning. */
#define WHOLE	"whole"
#define ERASED	"erased"

const struct ib_err *
search_erased(struct db *db)
{
	return note_put(db, NOTE_SEARCH, 0, ERASED);
}

const struct ib_err *
search_state(struct db *db, struct arena *a, bool *whole)
{
	const struct ib_err *err;
	const char *how;
	int64_t at;

	err = note_get(db, a, NOTE_SEARCH, &at, &how);
	*whole = how == NULL || str_eq(how, WHOLE) || str_eq(how, ERASED);
	return err;
}

static const struct ib_err *
begin_anew(struct db *db, int64_t now)
{
	static const enum stmt_id steps[] = { ST_SEARCH_CLEAR, ST_SEARCH_CLEAR_BLOCKS, ST_SEARCH_CLEAR_WORDS,
		ST_SEARCH_CLEAR_FRESH };
	const struct ib_err *err = NULL;
	size_t i;

	for (i = 0; err == NULL && i < sizeof(steps) / sizeof(steps[0]); i++)
		err = db_run(db, steps[i], "");
	return err != NULL ? err : note_put(db, NOTE_SEARCH, now, "0");
}

/* The places of some more conversations. */
static const struct ib_err *
walk_on(struct db *db, struct arena *a, int64_t from, int64_t began)
{
	const struct ib_err *err;
	const char *how;
	int64_t to;
	bool more;

	if ((err = db_get_int(db, ST_SEARCH_WALK_TO, &to, &more, "ii", from, (int64_t)WALK - 1)) != NULL)
		return err;
	if (!more)
		to = INT64_MAX;
	how = more ? arena_printf(a, "%lld", (long long)to) : WHOLE;
	if ((err = db_run(db, ST_SEARCH_WALK_NAMES, "ii", from, to)) != NULL ||
	    (err = db_run(db, ST_SEARCH_WALK, "ii", from, to)) != NULL)
		return err;
	return how == NULL ? ib_fail(IB_ENOMEM, IB_RETRY_LATER, "search") : note_put(db, NOTE_SEARCH, began, how);
}

const struct ib_err *
search_renew(struct db *db, struct arena *a, int64_t now, bool *did)
{
	const struct ib_err *err;
	const char *how;
	int64_t at, from;
	bool walking;

	*did = false;
	if ((err = note_get(db, a, NOTE_SEARCH, &at, &how)) != NULL)
		return err;
	walking = str_int_in(how, 0, INT64_MAX, &from);
	if (str_eq(how, WHOLE) && at <= now && now - at < RENEW_MS)
		return NULL;
	if ((err = db_begin(db)) != NULL)
		return err;
	/* Of a new database nothing is missing. */
	if (how == NULL)
		err = note_put(db, NOTE_SEARCH, now, WHOLE);
	else
		err = walking ? walk_on(db, a, from, at > 0 ? at : now) : begin_anew(db, now);
	if (err == NULL && (err = db_commit(db)) == NULL)
		*did = true;
	db_rollback(db);
	return err;
}

const struct ib_err *
search_count(struct db *db, int64_t user_id, int64_t now, int64_t most, bool *often)
{
	const struct ib_err *err;
	int64_t n;
	bool found;

	err = db_get_int(db, ST_SEARCH_COUNT, &n, &found, "ii", user_id, now / MS_MINUTE);
	*often = n > most;
	return err;
}

/* The question -------------------------------------------------------------------- */

const struct ib_err *
search_parse(struct arena *a, const char *q, struct search_words *out)
{
	size_t n = strlen(q), len;
	char *s = arena_alloc(a, n + 1), *p, *end, *stop;

	*out = (struct search_words){ 0 };
	if (s == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "search");
	end = s + fold_text(s, NULL, q, n);
	for (p = s; p < end && out->n < SEARCH_WORDS_MOST; p = stop + 1) {
		if (*p == '"' && (stop = strchr(p + 1, '"')) != NULL)
			p++;
		else
			stop = p + strcspn(p, " ");
		/* Blanks within quotes do not count at their ends. */
		for (len = (size_t)(stop - p); len > 0 && p[len - 1] == ' '; len--)
			continue;
		for (; len > 0 && *p == ' '; len--)
			p++;
		if (len > 0)
			out->w[out->n++] = (struct search_word){ p, len };
	}
	return NULL;
}

struct seek {
	struct db	*db;
	struct arena	*a;
	const struct search_words *w;
	const struct search_ask *ask;
	struct ib_buf	 expr, fold, part;
	bool		 some;		/* something is asked for that not everything has */
	bool		 wide;		/* some token is asked for that nearly everything has */
	int64_t		 deadline;
	struct search_found *out;
	struct { int64_t id; bool ours; } seen[64];	/* conversations looked up */
};

static void
also(struct seek *k)
{
	if (k->expr.len > 0)
		buf_puts(&k->expr, " AND ");
}

static void
put_quoted(struct ib_buf *b, char space, const char *s, size_t n, size_t most, bool prefix)
{
	buf_putc(b, '"');
	if (space != '\0')
		buf_putc(b, space);
	put_gram(b, s, n, most, space == '\0');
	buf_puts(b, prefix ? "\" *" : "\"");
}

/* All tokens within s; one shorter than those stands at the beginning of some, or is the end of a run. */
static void
put_parts(struct ib_buf *b, char space, const char *s, size_t n, size_t chars, size_t most, bool ends)
{
	size_t at, i;

	if (chars < most) {
		put_quoted(b, space, s, n, most, ends);
		return;
	}
	buf_putc(b, '(');
	for (at = i = 0; i + most <= chars; i++) {
		if (i > 0)
			buf_puts(b, " AND ");
		put_quoted(b, space, s + at, n - at, most, false);
		at += fold_chars(s + at, n - at, 1);
	}
	buf_putc(b, ')');
}

/* Words that the run stands in, or whose end it is; *many: more than it makes sense to ask for. */
static const struct ib_err *
put_words_with(struct seek *k, const struct fold_run *r, bool ends, bool *many)
{
	const struct ib_err *err;
	struct db_stmt *st;
	const char *word;
	size_t n = 0, len, most = k->some ? PARTS_SOME : PARTS_MOST;
	bool row;

	*many = false;
	buf_clear(&k->part);
	put_parts(&k->part, '1', r->s, r->n, r->chars, 3, true);
	if ((err = buf_check(&k->part)) != NULL ||
	    (err = db_query(k->db, ST_SEARCH_WORDS, &st, "tii", buf_cstr(&k->part), WORDS, INT64_MAX)) != NULL)
		return err;
	while (n <= most && (err = db_step(st, &row)) == NULL && row) {
		word = db_col_text(st, 0);
		len = strlen(word);
		if (len < r->n || (ends ? memmem(word, len, r->s, r->n) == NULL :
		    memcmp(word + len - r->n, r->s, r->n) != 0))
			continue;
		buf_puts(&k->expr, n++ > 0 ? " OR \"" : "(\"");
		buf_append(&k->expr, word, len);
		buf_putc(&k->expr, '"');
	}
	*many = n > most;
	if (n > 0)
		buf_puts(&k->expr, " OR ");
	else
		buf_putc(&k->expr, '(');
	return db_done(st, k->a, err);
}

/*
 * What a run of a wanted word asks of a row; starts, ends: whether it may be
 * part of a longer one there.
 */
static const struct ib_err *
ask_run(struct seek *k, const struct fold_run *r, bool starts, bool ends)
{
	const struct ib_err *err;
	size_t was = k->expr.len;
	bool many = false;

	also(k);
	if (r->kind == RUN_SIGNS) {
		k->wide |= r->chars == 1;
		put_parts(&k->expr, '\0', r->s, r->n, r->chars, 2, ends);
		k->some = true;
		return NULL;
	}
	k->wide |= r->chars < 3;
	if (r->kind == RUN_WORD && starts) {
		if ((err = put_words_with(k, r, ends, &many)) != NULL)
			return err;
		if (many) {		/* looking at everything finds enough of it soon */
			k->expr.len = was;
			k->wide = true;
			return NULL;
		}
	} else if (r->kind == RUN_WORD) {
		buf_puts(&k->expr, "(\"");
		buf_append(&k->expr, r->s, r->n);
		buf_puts(&k->expr, ends ? "\" * OR " : "\" OR ");
	}
	put_parts(&k->expr, '0', r->s, r->n, r->chars, 3, ends);
	if (r->kind == RUN_WORD)
		buf_putc(&k->expr, ')');
	k->some = true;
	return NULL;
}

/* Less than a token, so that it would be asked for by what it begins? */
static bool
is_short(const struct fold_run *r)
{
	return r->chars < (r->kind == RUN_SIGNS ? 2 : 3);
}

/*
 * The whole question as an expression of the full-text table: first what is
 * cheap to ask, then what is short, unless it touches something, which tells
 * enough.
 */
static const struct ib_err *
ask_all(struct seek *k)
{
	const char *p, *s, *end, *last;
	const struct ib_err *err;
	struct fold_run r;
	int round;
	size_t i;
	bool alone;

	for (round = 0; round < 2; round++)
		for (i = 0; i < k->w->n; i++) {
			s = k->w->w[i].s;
			end = s + k->w->w[i].len;
			for (p = s, last = NULL; fold_next(&p, end, &r); last = p) {
				if (round == 0 && last == r.s) {
					also(k);
					buf_putc(&k->expr, '"');
					put_touch(&k->expr, s, r.s);
					buf_putc(&k->expr, '"');
					k->some = true;
				}
				alone = last != r.s && (p == end || *p == ' ');
				/* Two letters at the end of a word: few words end so. */
				alone |= r.kind != RUN_SIGNS && r.chars == 2 && p != end;
				if (round == 0 ? !is_short(&r) : is_short(&r) && alone)
					if ((err = ask_run(k, &r, r.s == s, p == end)) != NULL)
						return err;
			}
		}
	also(k);
	buf_printf(&k->expr, "\"2%lld\"", (long long)k->ask->install_id);
	return buf_check(&k->expr);
}

/* Looking ----------------------------------------------------------------------------- */

/* The text folded, until the next one; NULL: no memory, which k->fold remembers. */
static const char *
folded(struct seek *k, const char *text, size_t *n)
{
	size_t len = strlen(text);
	char *to;

	buf_clear(&k->fold);
	if ((to = buf_reserve(&k->fold, len + 1)) != NULL)
		*n = fold_text(to, NULL, text, len);
	return to;
}

/* Those of the wanted words that the text has are set. */
static void
note_words(struct seek *k, const char *text, bool has[SEARCH_WORDS_MOST])
{
	const char *s;
	size_t n, i;

	if ((s = folded(k, text, &n)) != NULL)
		for (i = 0; i < k->w->n; i++)
			has[i] |= fold_find(s, n, 0, k->w->w[i].s, k->w->w[i].len) < n;
}

static bool
has_words(struct seek *k, const char *text)
{
	const char *s;
	size_t n, i;

	if ((s = folded(k, text, &n)) == NULL)
		return false;
	for (i = 0; i < k->w->n; i++)
		if (fold_find(s, n, 0, k->w->w[i].s, k->w->w[i].len) == n)
			return false;
	return true;
}

/* Is the conversation one of those that are asked about? */
static const struct ib_err *
is_ours(struct seek *k, int64_t thread, bool *ours)
{
	const struct ib_err *err;
	struct db_stmt *st;
	size_t i = (size_t)thread % (sizeof(k->seen) / sizeof(k->seen[0]));
	bool row;

	if (k->seen[i].id == thread) {
		*ours = k->seen[i].ours;
		return NULL;
	}
	if ((err = db_query(k->db, ST_SEARCH_THREAD, &st, "ii", thread, k->ask->install_id)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL)
		*ours = row && (k->ask->page_id == 0 || db_col_int(st, 0) == k->ask->page_id);
	db_release(st);
	k->seen[i].id = thread;
	k->seen[i].ours = *ours;
	return err;
}

/* Keeps the newest max + 1 in order. */
static const struct ib_err *
keep_hit(struct seek *k, const struct search_hit *h)
{
	struct search_found *f = k->out;
	size_t i = f->n;

	while (i > 0 && (f->hit[i - 1].at < h->at || (f->hit[i - 1].at == h->at && f->hit[i - 1].id < h->id)))
		i--;
	/* Two blocks may know one message: it was edited meanwhile. */
	if (i > k->ask->max || (i > 0 && f->hit[i - 1].at == h->at && f->hit[i - 1].id == h->id))
		return NULL;
	if (f->n <= k->ask->max)
		f->n++;
	memmove(&f->hit[i + 1], &f->hit[i], (f->n - i - 1) * sizeof(*h));
	f->hit[i] = *h;
	return (f->hit[i].text = arena_dup(k->a, h->text)) == NULL ? ib_fail(IB_ENOMEM, IB_RETRY_LATER, "hit") : NULL;
}

static bool
full_with(const struct seek *k, int64_t latest)
{
	return k->out->n > k->ask->max && k->out->hit[k->ask->max].at > latest;
}

/* The messages of a conversation from a place's time to `to`. */
static const struct ib_err *
look_at(struct seek *k, const struct place *p, int64_t to)
{
	const struct search_ask *ask = k->ask;
	const struct ib_err *err;
	struct search_hit h;
	struct db_stmt *st;
	bool row, ours;

	if ((ask->from > 0 && to < ask->from) || (ask->until > 0 && p->at >= ask->until) ||
	    (ask->before_at > 0 && p->at > ask->before_at) || full_with(k, to))
		return NULL;
	if ((err = db_query(k->db, ST_SEARCH_TEXTS, &st, "iii", p->thread, p->at, to)) != NULL)
		return err;
	while ((err = db_step(st, &row)) == NULL && row) {
		h = (struct search_hit){ p->thread, db_col_int(st, 6), db_col_int(st, 3), db_col_int(st, 4),
			(int)db_col_int(st, 5), db_col_text(st, 0) };
		if ((ask->from > 0 && h.at < ask->from) || (ask->until > 0 && h.at >= ask->until) ||
		    (ask->before_at > 0 && (h.at > ask->before_at || (h.at == ask->before_at && h.id >= ask->before_id))) ||
		    !has_words(k, h.text))
			continue;
		if ((err = is_ours(k, p->thread, &ours)) != NULL || (ours && (err = keep_hit(k, &h)) != NULL))
			break;
	}
	db_release(st);
	return err;
}

/*
 * Downwards from row *id: rows of the expression, or (NULL) all places, of at
 * most that many blocks; *id: where it goes on, 0 = nowhere.
 */
static const struct ib_err *
look_down(struct seek *k, const char *expr, size_t most, int64_t *id)
{
	const struct ib_err *err;
	struct place p[BLOCK];
	struct db_stmt *st;
	const uint8_t *refs;
	int64_t row_id, latest;
	size_t i, n, len;
	bool row;

	err = expr != NULL ? db_query(k->db, ST_SEARCH_DOWN, &st, "ti", expr, *id) :
	    db_query(k->db, ST_SEARCH_DOWN_ALL, &st, "i", *id);
	if (err != NULL)
		return err;
	for (*id = 0; (err = db_step(st, &row)) == NULL && row; ) {
		row_id = db_col_int(st, 0);
		latest = db_col_int(st, 1);
		if (full_with(k, latest) || latest < k->ask->from)
			break;
		if (expr == NULL && most-- == 0) {
			*id = row_id + ROWS - 1;
			break;
		}
		if (k->deadline > 0 && clock_mono() >= k->deadline) {
			k->out->reached = latest + 1;
			break;
		}
		refs = db_col_blob(st, 2, &len);
		i = expr == NULL ? 0 : (size_t)(row_id % ROWS) * DOC;
		n = get_places(refs, len, expr == NULL ? BLOCK : i + DOC, p);
		for (; err == NULL && i < n; i++)
			err = look_at(k, &p[i], p[i].at + WINDOW - 1);
		if (err != NULL)
			break;
	}
	db_release(st);
	return err;
}

/* Places that the index does not know yet. */
static const struct ib_err *
look_fresh(struct seek *k)
{
	const struct ib_err *err;
	struct place p = { 0 };
	struct db_stmt *st;
	bool row;

	if ((err = db_query(k->db, ST_SEARCH_FRESH_OF, &st, "i", k->ask->install_id)) != NULL)
		return err;
	while ((err = db_step(st, &row)) == NULL && row) {
		p.thread = db_col_int(st, 0);
		p.at = db_col_int(st, 1);
		if (p.at != 0 && (err = look_at(k, &p, p.at)) != NULL)
			break;
		if (k->deadline > 0 && clock_mono() >= k->deadline) {
			k->out->reached = INT64_MAX;
			break;
		}
	}
	db_release(st);
	return err;
}

static void
seek_init(struct seek *k, struct db *db, struct arena *a, const struct search_words *w, const struct search_ask *ask)
{
	*k = (struct seek){ .db = db, .a = a, .w = w, .ask = ask,
		.deadline = ask->budget_ms > 0 ? clock_mono() + ask->budget_ms : 0 };
	buf_init(&k->expr, EXPR_MOST);
	buf_init(&k->part, EXPR_MOST);
	buf_init(&k->fold, TOKENS_MOST);
}

static void
seek_fini(struct seek *k)
{
	buf_fini(&k->expr);
	buf_fini(&k->part);
	buf_fini(&k->fold);
}

const struct ib_err *
search_messages(struct db *db, struct arena *a, const struct search_words *w, const struct search_ask *ask,
    struct search_found *out)
{
	const struct ib_err *err;
	int64_t from = LATEST;
	struct seek k;

	*out = (struct search_found){ .hit = ARENA_ARRAY(a, ask->max + 2, struct search_hit) };
	if (out->hit == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "search");
	if (w->n == 0)
		return NULL;
	seek_init(&k, db, a, w, ask);
	k.out = out;
	if ((err = ask_all(&k)) == NULL && (err = look_fresh(&k)) == NULL && out->reached == 0) {
		/* What nearly everything has is found at once by looking. */
		if (k.wide)
			err = look_down(&k, NULL, PROBE, &from);
		if (err == NULL && from > 0 && out->reached == 0)
			err = look_down(&k, buf_cstr(&k.expr), SIZE_MAX, &from);
	}
	if (err == NULL)
		err = buf_check(&k.fold);
	if ((out->more = out->n > ask->max))
		out->n = ask->max;
	seek_fini(&k);
	return err;
}

/* Names ------------------------------------------------------------------------------- */

static const struct ib_err *
look_at_names(struct seek *k, int64_t thread, struct search_name *out, bool *hit)
{
	bool has[SEARCH_WORDS_MOST] = { false }, row, ours = false;
	const struct ib_err *err;
	const char *text;
	struct db_stmt *st;
	size_t w;
	int i;

	*hit = false;
	if ((err = db_query(k->db, ST_SEARCH_NAMES, &st, "ii", thread, k->ask->install_id)) != NULL)
		return err;
	while ((err = db_step(st, &row)) == NULL && row) {
		*out = (struct search_name){ thread, db_col_int(st, 3) };
		for (i = 0; i < 3; i++)
			if ((text = db_col_text(st, i)) != NULL)
				note_words(k, text, has);
	}
	db_release(st);
	for (w = 0; err == NULL && w < k->w->n && has[w]; w++)
		continue;
	if (err == NULL && w == k->w->n && out->last_at > 0 && (err = is_ours(k, thread, &ours)) == NULL)
		*hit = ours;
	return err;
}

static int
by_last(const void *x, const void *y)
{
	const struct search_name *p = x, *q = y;

	if (p->last_at != q->last_at)
		return p->last_at > q->last_at ? -1 : 1;
	return p->thread_id > q->thread_id ? -1 : p->thread_id < q->thread_id;
}

/* Candidates of one statement; `base` is what their numbers begin with. */
static const struct ib_err *
look_names(struct seek *k, struct db_stmt *st, int64_t base, struct search_name *out, size_t *n)
{
	const struct ib_err *err;
	bool row, hit;
	size_t i;

	while (*n < NAMES_MOST && (err = db_step(st, &row)) == NULL && row) {
		if ((err = look_at_names(k, db_col_int(st, 0) - base, &out[*n], &hit)) != NULL)
			return err;
		for (i = 0; hit && i < *n; i++)
			hit = out[i].thread_id != out[*n].thread_id;
		*n += hit;
		if (k->deadline > 0 && clock_mono() >= k->deadline)
			break;
	}
	return *n < NAMES_MOST ? err : NULL;
}

const struct ib_err *
search_names(struct db *db, struct arena *a, const struct search_words *w, const struct search_ask *ask,
    struct search_name **out, size_t *n)
{
	const struct ib_err *err;
	struct db_stmt *st;
	struct seek k;

	*n = 0;
	if ((*out = ARENA_ARRAY(a, NAMES_MOST + 1, struct search_name)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "search");
	if (w->n == 0)
		return NULL;
	seek_init(&k, db, a, w, ask);
	if ((err = ask_all(&k)) != NULL || (err = db_query(db, ST_SEARCH_NAMES_FRESH, &st, "")) != NULL)
		goto done;
	err = look_names(&k, st, 0, *out, n);
	db_release(st);
	if (err != NULL || (err = db_query(db, ST_SEARCH_UP, &st, "tii", buf_cstr(&k.expr), NAMES, WORDS - 1)) != NULL)
		goto done;
	err = look_names(&k, st, NAMES, *out, n);
	db_release(st);
	qsort(*out, *n, sizeof(**out), by_last);
	if (*n > ask->max)
		*n = ask->max;
done:
	seek_fini(&k);
	return err;
}
