/* SPDX-License-Identifier: MIT */
/*
 * render.c - a program and a view to bytes; the set of all programs.
 *
 * A render is one walk over the ops.  It allocates nothing but the growth of
 * the output buffer, does not recurse and cannot loop: jumps go forward except
 * at the end of an item.  It fails only when the buffer does (or, in a lazy
 * set, when a template that is compiled on first use has a mistake).
 *
 * The set owns the programs, its copies of the folder and of the keys; views,
 * declarations and catalogues belong to the caller.
 */
#include "tmpl_int.h"

#include "../base/str.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct tmpl_set {
	struct tmpl_source		 src;
	char				*dir;		/* NULL with a source of the caller's */
	const struct cats		*cats;
	const struct tmpl_decl		*decls;
	size_t				 ndecls;
	bool				 allow_http;
	struct tmpl_prog		**progs;	/* [which * LANG_MAX + lang] or NULL */
	char				*base;		/* escaped; never NULL */
	size_t				 base_len;
	char				**keys;
	size_t				 nkeys, cap_keys;
};

/* ---- escaping ---- */

#define T	TMPL_ESC_TEXT
#define A	TMPL_ESC_ATTR
#define B	(TMPL_ESC_TEXT | TMPL_ESC_ATTR)

/* What cannot be copied as it is; the end of the string stops every scan. */
static const uint8_t special[256] = {
	B, B, B, B, B, B, B, B, B, 0, 0, B, B, B, B, B,
	B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,
	['"'] = A, ['&'] = B, ['\''] = A, ['<'] = B, ['>'] = B, [0x7f] = B,
};

#undef T
#undef A
#undef B

static const char *
replacement(char c, size_t *n)
{
	switch (c) {
	case '&':
		*n = 5;
		return "&amp;";
	case '<':
		*n = 4;
		return "&lt;";
	case '>':
		*n = 4;
		return "&gt;";
	case '"':
		*n = 6;
		return "&quot;";
	case '\'':
		*n = 5;
		return "&#39;";
	default:			/* a control character */
		*n = 3;
		return "\xef\xbf\xbd";
	}
}

/* The buffer while it is written: `end` leaves one byte for the NUL. */
struct out {
	struct ib_buf	*b;
	char		*p, *end;
};

static void
out_open(struct out *o, struct ib_buf *b)
{
	o->b = b;
	if (b->p == NULL || b->failed) {
		o->p = o->end = NULL;
		return;
	}
	o->p = b->p + b->len;
	o->end = b->p + b->cap - 1;
}

static void
out_close(struct out *o)
{
	if (o->p == NULL)
		return;
	o->b->len = (size_t)(o->p - o->b->p);
	*o->p = '\0';
}

/* Room for n more bytes; false: the buffer has failed, which is remembered there. */
static bool __attribute__((noinline, cold))
out_grow(struct out *o, size_t n)
{
	struct ib_buf *b = o->b;
	char *p;

	out_close(o);
	p = buf_reserve(b, n);
	out_open(o, b);
	return p != NULL;
}

static inline bool
out_room(struct out *o, size_t n)
{
	return __builtin_expect((size_t)(o->end - o->p) >= n, 1) || out_grow(o, n);
}

static inline void
put(struct out *o, const char *s, size_t n)
{
	if (!out_room(o, n))
		return;
	memcpy(o->p, s, n);
	o->p += n;
}

/*
 * A literal: TMPL_PAD readable bytes follow it in memory, so that short ones
 * are copied in whole words when the output has room as well.
 */
static inline void
put_lit(struct out *o, const char *s, size_t n)
{
	if (__builtin_expect(n <= 2 * TMPL_PAD && (size_t)(o->end - o->p) >= 3 * TMPL_PAD, 1)) {
		memcpy(o->p, s, TMPL_PAD);
		if (n > TMPL_PAD)
			memcpy(o->p + TMPL_PAD, s + TMPL_PAD, TMPL_PAD);
		o->p += n;
		return;
	}
	put(o, s, n);
}

/*
 * Sixteen bytes at once hold nothing that `special` knows: most text is
 * passed over in such steps.  A superset is enough (newlines count as
 * special): whoever fails is looked at byte by byte.
 */
typedef unsigned char bytes16 __attribute__((vector_size(16)));

static inline bool
plain16(const char *s)
{
	bytes16 v, bad;
	uint64_t half[2];

	memcpy(&v, s, sizeof(v));
	bad = (bytes16)(v == '&') | (bytes16)(v == '<') | (bytes16)(v == '>') |
	    (bytes16)(v == '"') | (bytes16)(v == '\'') | (bytes16)(v < 0x20) | (bytes16)(v == 0x7f);
	memcpy(half, &bad, sizeof(half));
	return (half[0] | half[1]) == 0;
}

static void
put_escaped(struct out *o, const char *s, unsigned where)
{
	const char *from, *r, *stop, *end = s + strlen(s);
	size_t n;

	for (;; s++) {
		for (from = s; ; ) {
			if (end - s >= 16 && plain16(s)) {
				s += 16;
				continue;
			}
			stop = end - s < 16 ? end : s + 16;
			while (s < stop && (special[(unsigned char)*s] & where) == 0)
				s++;
			if (s < stop || s == end)
				break;
		}
		if (s != from)
			put(o, from, (size_t)(s - from));
		if (s == end)
			return;
		r = replacement(*s, &n);
		put(o, r, n);
	}
}

static void
put_int(struct out *o, int64_t v)
{
	char d[STR_DIGITS], *end = d + sizeof(d), *from = str_digits(end, v);

	put(o, from, (size_t)(end - from));
}

void
tmpl_escape(struct ib_buf *out, const char *s, unsigned where)
{
	struct out o;

	out_open(&o, out);
	put_escaped(&o, s, where);
	out_close(&o);
}

/*
 * "/path" but not "//host"; browsers take a backslash for a slash and drop
 * tabs and newlines, so that control bytes make the whole address suspect.
 */
bool
tmpl_url_ok(const char *s, bool allow_http)
{
	const char *p;

	for (p = s; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	switch (s[0]) {
	case '/':
		return s[1] != '/' && s[1] != '\\';
	case '?':
	case '#':
		return true;
	case '.':			/* "./x": beside a page that is a file */
		return s[1] == '/';
	case 'h':
		return strncmp(s, "https://", 8) == 0 ||
		    (allow_http && strncmp(s, "http://", 7) == 0);
	default:
		return false;
	}
}

/* ---- fields ---- */

struct run {
	const struct tmpl_prog	*prog;
	const char		*frame[TMPL_FRAMES], *stop[TMPL_FRAMES];
	size_t			 step[TMPL_FRAMES];
};

/* Where the member of the op is; NULL when a SUB on the way is absent. */
static inline const char *
member(const struct run *r, const struct tmpl_op *op)
{
	const char *p = r->frame[op->frame];
	unsigned i;

	for (i = 0; i < op->nsteps; i++) {
		memcpy(&p, p + r->prog->steps[op->step + i], sizeof(p));
		if (p == NULL)
			return NULL;
	}
	return p + op->off;
}

static inline const char *
get_str(const struct run *r, const struct tmpl_op *op)
{
	const char *m = member(r, op), *s;

	if (m == NULL)
		return NULL;
	memcpy(&s, m, sizeof(s));
	return s;
}

static inline int64_t
get_int(const struct run *r, const struct tmpl_op *op, bool *there)
{
	const char *m = member(r, op);
	int64_t v = 0;

	*there = m != NULL;
	if (m != NULL)
		memcpy(&v, m, sizeof(v));
	return v;
}

static inline bool
get_bool(const struct run *r, const struct tmpl_op *op)
{
	const char *m = member(r, op);
	bool v = false;

	if (m != NULL)
		memcpy(&v, m, sizeof(v));
	return v;
}

static inline size_t
get_size(const char *m)
{
	size_t n;

	memcpy(&n, m, sizeof(n));
	return n;
}

static bool
is_true(const struct run *r, const struct tmpl_op *op)
{
	const char *s;
	bool there;

	switch (op->code) {
	case TMPL_OP_IF_STR:
		s = get_str(r, op);
		return s != NULL && s[0] != '\0';
	case TMPL_OP_IF_INT:
		return get_int(r, op, &there) != 0;
	case TMPL_OP_IF_BOOL:
		return get_bool(r, op);
	case TMPL_OP_IF_LIST:
		s = member(r, op);
		return s != NULL && get_size(s) > 0;
	default:			/* IF_SUB */
		return get_str(r, op) != NULL;
	}
}

/* Open the frame of a list; false when it is empty. */
static bool
each(struct run *r, const struct tmpl_op *op)
{
	const char *m = member(r, op), *items;
	size_t n;

	if (m == NULL)
		return false;
	memcpy(&items, m, sizeof(items));
	n = get_size(m - op->off + op->len);
	if (items == NULL || n == 0)
		return false;
	r->frame[op->inner] = items;
	r->step[op->inner] = op->lit;
	r->stop[op->inner] = items + n * op->lit;
	return true;
}

/* ---- the walk ---- */

static void
run(const struct tmpl_set *set, const struct tmpl_prog *prog, const void *view,
    struct ib_buf *buf)
{
	const struct tmpl_op *op = prog->ops;
	struct run r = { .prog = prog };
	struct out o;
	const char *s;
	bool there;
	int64_t v;

	r.frame[0] = view;
	out_open(&o, buf);
	for (;;) {
		switch ((enum tmpl_code)op->code) {
		case TMPL_OP_LIT:
			put_lit(&o, prog->lits + op->lit, op->len);
			break;
		case TMPL_OP_TEXT:
			if ((s = get_str(&r, op)) != NULL)
				put_escaped(&o, s, TMPL_ESC_TEXT);
			break;
		case TMPL_OP_VALUE:
			if ((s = get_str(&r, op)) != NULL)
				put_escaped(&o, s, TMPL_ESC_ATTR);
			break;
		case TMPL_OP_INT:
			v = get_int(&r, op, &there);
			if (there)
				put_int(&o, v);
			break;
		case TMPL_OP_WORD:
			s = get_bool(&r, op) != (op->neg != 0) ? "true" : "false";
			put(&o, s, s[0] == 't' ? 4 : 5);
			break;
		case TMPL_OP_ATTR:
		case TMPL_OP_ATTR_URL:
			if ((s = get_str(&r, op)) == NULL)
				break;
			if (op->code == TMPL_OP_ATTR_URL && !tmpl_url_ok(s, set->allow_http))
				s = "#";
			put_lit(&o, prog->lits + op->lit, op->len);
			put_escaped(&o, s, TMPL_ESC_ATTR);
			put(&o, "\"", 1);
			break;
		case TMPL_OP_ATTR_INT:
			v = get_int(&r, op, &there);
			if (!there)
				break;
			put_lit(&o, prog->lits + op->lit, op->len);
			put_int(&o, v);
			put(&o, "\"", 1);
			break;
		case TMPL_OP_BASE:
			if (set->base_len > 0)
				put(&o, set->base, set->base_len);
			break;
		case TMPL_OP_IF_STR:
		case TMPL_OP_IF_INT:
		case TMPL_OP_IF_BOOL:
		case TMPL_OP_IF_LIST:
		case TMPL_OP_IF_SUB:
			if (is_true(&r, op) == (op->neg != 0)) {
				op = prog->ops + op->jump;
				continue;
			}
			break;
		case TMPL_OP_JUMP:
			op = prog->ops + op->jump;
			continue;
		case TMPL_OP_PLURAL:
			op += cat_plural(prog->lang, get_int(&r, op, &there));
			break;
		case TMPL_OP_EACH:
			if (!each(&r, op)) {
				op = prog->ops + op->jump;
				continue;
			}
			break;
		case TMPL_OP_NEXT:
			if (buf->failed)
				break;		/* no use in going on */
			r.frame[op->frame] += r.step[op->frame];
			if (r.frame[op->frame] < r.stop[op->frame]) {
				op = prog->ops + op->jump;
				continue;
			}
			break;
		case TMPL_OP_END:
			out_close(&o);
			return;
		}
		op++;
	}
}

/* ---- the set ---- */

/* Kept in order: each is looked for many times. */
static bool
note_key(const char *key, void *arg)
{
	struct tmpl_set *set = arg;
	size_t low = 0, high = set->nkeys, at;
	char *copy;
	int d;

	while (low < high) {
		at = low + (high - low) / 2;
		if ((d = strcmp(set->keys[at], key)) == 0)
			return true;
		if (d < 0)
			low = at + 1;
		else
			high = at;
	}
	if (set->nkeys == set->cap_keys) {
		size_t cap = set->cap_keys == 0 ? 64 : set->cap_keys * 2;
		char **v = realloc(set->keys, cap * sizeof(*v));

		if (v == NULL)
			return false;
		set->keys = v;
		set->cap_keys = cap;
	}
	if ((copy = strdup(key)) == NULL)
		return false;
	memmove(set->keys + low + 1, set->keys + low, (set->nkeys - low) * sizeof(*set->keys));
	set->keys[low] = copy;
	set->nkeys++;
	return true;
}

static const struct ib_err *
compile_into(struct tmpl_set *set, struct tmpl_forest *f, size_t which, enum lang lang)
{
	return tmpl_compile(f, set->cats, lang, &set->decls[which], note_key, set,
	    &set->progs[which * LANG_MAX + (size_t)lang]);
}

const struct ib_err *
tmpl_complete(struct tmpl_set *set)
{
	const struct ib_err *err = NULL;
	struct tmpl_forest f;
	size_t i;
	unsigned l;

	tmpl_forest_init(&f, &set->src);
	for (i = 0; i < set->ndecls && err == NULL; i++)
		for (l = 0; l < LANG_MAX && err == NULL; l++)
			if (set->progs[i * LANG_MAX + l] == NULL)
				err = compile_into(set, &f, i, (enum lang)l);
	tmpl_forest_fini(&f);
	return err;
}

void
tmpl_free(struct tmpl_set *set)
{
	size_t i;

	if (set == NULL)
		return;
	for (i = 0; set->progs != NULL && i < set->ndecls * LANG_MAX; i++)
		tmpl_prog_free(set->progs[i]);
	for (i = 0; i < set->nkeys; i++)
		free(set->keys[i]);
	free(set->progs);
	free(set->keys);
	free(set->base);
	free(set->dir);
	free(set);
}

static const struct ib_err *
no_memory(void)
{
	return ib_fail(IB_ENOMEM, IB_RETRY_NEVER, "no memory for the templates");
}

const struct ib_err *
tmpl_load_from(const struct tmpl_source *src, const struct cats *cats,
    const struct tmpl_decl *decls, size_t ndecls, bool allow_http, bool lazy,
    struct tmpl_set **out)
{
	const struct ib_err *err = NULL;
	struct tmpl_set *set;

	*out = NULL;
	if ((set = calloc(1, sizeof(*set))) == NULL)
		return no_memory();
	set->src = *src;
	set->cats = cats;
	set->decls = decls;
	set->ndecls = ndecls;
	set->allow_http = allow_http;
	set->progs = calloc(ndecls * LANG_MAX + 1, sizeof(*set->progs));
	set->base = strdup("");
	if (set->progs == NULL || set->base == NULL)
		err = no_memory();
	else if (!lazy)
		err = tmpl_complete(set);
	if (err != NULL)
		tmpl_free(set);
	else
		*out = set;
	return err;
}

const struct ib_err *
tmpl_load(const char *dir, const struct cats *cats, const struct tmpl_decl *decls,
    size_t ndecls, bool allow_http, bool lazy, struct tmpl_set **out)
{
	struct tmpl_source src = { tmpl_read_file, dir, NULL };
	const struct ib_err *err;
	char *copy;

	*out = NULL;
	if ((copy = strdup(dir)) == NULL)
		return no_memory();
	src.dir = copy;
	if ((err = tmpl_load_from(&src, cats, decls, ndecls, allow_http, lazy, out)) != NULL)
		free(copy);
	else
		(*out)->dir = copy;
	return err;
}

void
tmpl_allow_http(struct tmpl_set *set, bool allow)
{
	set->allow_http = allow;
}

const struct ib_err *
tmpl_set_base(struct tmpl_set *set, const char *prefix)
{
	size_t n = strlen(prefix);
	struct ib_buf b;

	if (n > 0 && (!tmpl_url_ok(prefix, false) || prefix[0] != '/' || prefix[n - 1] == '/' ||
	    strpbrk(prefix, "?#\\") != NULL))
		return ib_fail(IB_ECONF, IB_RETRY_NEVER,
		    "'%s' is no prefix of paths (it starts with / and does not end with it)",
		    prefix);
	buf_init(&b, 6 * n + 1);
	buf_append(&b, "", 1);		/* the copy is never NULL */
	buf_clear(&b);
	tmpl_escape(&b, prefix, TMPL_ESC_ATTR);
	if (b.failed || b.p == NULL) {
		buf_fini(&b);
		return no_memory();
	}
	free(set->base);
	set->base = b.p;
	set->base_len = b.len;
	return NULL;
}

const struct ib_err *
tmpl_render(struct tmpl_set *set, size_t which, enum lang lang, const void *view,
    struct ib_buf *out)
{
	const struct ib_err *err;
	struct tmpl_forest f;

	assert(which < set->ndecls && (unsigned)lang < LANG_MAX);
	if (set->progs[which * LANG_MAX + (size_t)lang] == NULL) {
		tmpl_forest_init(&f, &set->src);
		err = compile_into(set, &f, which, lang);
		tmpl_forest_fini(&f);
		if (err != NULL)
			return err;
	}
	run(set, set->progs[which * LANG_MAX + (size_t)lang], view, out);
	return buf_check(out);
}

void
tmpl_each_key(const struct tmpl_set *set, void (*fn)(const char *key, void *arg), void *arg)
{
	size_t i;

	for (i = 0; i < set->nkeys; i++)
		fn(set->keys[i], arg);
}
