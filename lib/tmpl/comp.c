/* SPDX-License-Identifier: MIT */
/*
 * comp.c - a tree to a program: names resolved, literals merged and escaped.
 *
 * The compiler walks the tree once and appends ops.  Jumps forward are patched
 * when their target is known; a literal behind a target never joins the one in
 * front of it.  Included parts are walked in the scope where they stand, so
 * that a program holds no calls.
 *
 * Memory trouble and the caps on size are sticky (`failed`) and reported at
 * the end; a mistake in a template stops at once with IB_ECONF, file, line and
 * element path.  The program belongs to the caller; the trees to the forest.
 */
#include "tmpl_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tmpl_tree {
	struct tmpl_tree	*next;
	const char		*file;
	struct tmpl_node	*root;
};

struct frame {
	const char		*item;		/* its name; NULL for the page */
	const struct tmpl_type	*type;
};

/* A field as seen from the place where its name stands. */
struct ref {
	const struct tmpl_field	*field;
	unsigned		 frame, nsteps;
	uint32_t		 steps[TMPL_STEPS_MAX];
};

struct comp {
	struct tmpl_forest	*forest;
	const struct cats	*cats;
	enum lang		 lang;
	bool			(*key)(const char *key, void *arg);
	void			*arg;
	/* the program so far */
	struct tmpl_op		*ops;
	size_t			 nops, cap_ops;
	size_t			 label;		/* a jump leads to this op: do not join */
	uint32_t		*steps;
	size_t			 nsteps, cap_steps;
	struct ib_buf		 lits;
	bool			 failed;
	/* where we are */
	struct frame		 frames[TMPL_FRAMES];
	unsigned		 nframes;
	const char		*files[TMPL_INCLUDES];
	unsigned		 nfiles;
	bool			 pre, text_only;
	struct ib_buf		 tmp;
};

/* The t: attributes of an element that are no attributes of the output. */
struct orders {
	const char	*each, *cond, *include, *text, *tr, *num, *remove;
	bool		 attrs;			/* others are there */
};

#define TRY(e) do { \
	const struct ib_err *try_ = (e); \
	if (try_ != NULL) \
		return try_; \
} while (0)

static const struct ib_err *comp_node(struct comp *, const struct tmpl_node *);
static const struct ib_err *fail(const struct comp *, const struct tmpl_node *,
    const char *, ...) __attribute__((format(printf, 3, 4)));

/* ---- messages ---- */

/* "ul[2]": the number only where the parent has several of that name. */
static void
put_step(struct ib_buf *b, const struct tmpl_node *n)
{
	const struct tmpl_node *s;
	unsigned before = 0, after = 0;

	for (s = n->prev; s != NULL; s = s->prev)
		before += s->name != NULL && strcmp(s->name, n->name) == 0;
	for (s = n->next; s != NULL; s = s->next)
		after += s->name != NULL && strcmp(s->name, n->name) == 0;
	buf_puts(b, n->name);
	if (before + after > 0)
		buf_printf(b, "[%u]", before + 1);
}

/* The last max bytes of s, with dots in front when something was cut. */
static const char *
tail(const char *s, size_t max, const char **dots)
{
	size_t n = strlen(s);

	*dots = n > max ? "..." : "";
	return n > max ? s + n - max : s;
}

static const struct ib_err *
fail(const struct comp *c, const struct tmpl_node *n, const char *fmt, ...)
{
	const struct tmpl_node *chain[TMPL_DEPTH_MAX + 2], *p;
	const char *d1, *d2, *name, *path;
	const struct ib_err *err;
	struct ib_buf b, shown;
	char msg[160];
	size_t k = 0;
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(msg, sizeof(msg), fmt, ap) < 0)
		msg[0] = '\0';
	va_end(ap);
	buf_init(&b, 16384);
	buf_init(&shown, 8192);
	if (n->name == NULL && n->parent != NULL)
		n = n->parent;
	for (p = n; p != NULL && k < sizeof(chain) / sizeof(chain[0]); p = p->parent)
		chain[k++] = p;
	while (k > 0) {
		put_step(&b, chain[--k]);
		if (k > 0)
			buf_putc(&b, '/');
	}
	buf_printf(&shown, "%s/%s", c->forest->src->dir, c->files[c->nfiles - 1]);
	name = tail(buf_cstr(&shown), 60, &d1);
	path = tail(buf_cstr(&b), 90, &d2);
	err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s%s:%u: %s%s: %s", d1, name, n->line,
	    d2, path, msg);
	buf_fini(&b);
	buf_fini(&shown);
	return err;
}

static const char *
kind_name(enum tmpl_kind k)
{
	switch (k) {
	case TMPL_STR:	return "a string";
	case TMPL_INT:	return "a number";
	case TMPL_BOOL:	return "a yes/no";
	case TMPL_LIST:	return "a list";
	case TMPL_SUB:	return "a view of its own";
	}
	return "unknown";
}

/* ---- emitting ---- */

static void
set_ref(struct comp *c, struct tmpl_op *op, const struct ref *r)
{
	op->frame = (uint8_t)r->frame;
	op->nsteps = (uint8_t)r->nsteps;
	op->off = (uint32_t)r->field->off;
	if (r->nsteps == 0)
		return;
	if (c->cap_steps - c->nsteps < TMPL_STEPS_MAX) {
		size_t cap = c->cap_steps * 2 + 4 * TMPL_STEPS_MAX;
		uint32_t *v = realloc(c->steps, cap * sizeof(*v));

		if (v == NULL) {
			c->failed = true;
			return;
		}
		c->steps = v;
		c->cap_steps = cap;
	}
	op->step = (uint32_t)c->nsteps;
	memcpy(c->steps + c->nsteps, r->steps, r->nsteps * sizeof(r->steps[0]));
	c->nsteps += r->nsteps;
}

/* Append an op and return its number; `r` may be NULL.  The first op is always there. */
static size_t
add(struct comp *c, enum tmpl_code code, const struct ref *r)
{
	struct tmpl_op *op;

	if (c->nops == c->cap_ops) {
		size_t cap = c->cap_ops * 2;
		struct tmpl_op *v = NULL;

		if (cap <= TMPL_OPS_MAX * 2)
			v = realloc(c->ops, cap * sizeof(*v));
		if (v == NULL) {
			c->failed = true;
			return 0;
		}
		c->ops = v;
		c->cap_ops = cap;
	}
	op = &c->ops[c->nops];
	memset(op, 0, sizeof(*op));
	op->code = (uint8_t)code;
	if (r != NULL)
		set_ref(c, op, r);
	return c->nops++;
}

/* The jump of that op leads here. */
static void
patch(struct comp *c, size_t op)
{
	c->ops[op].jump = (uint32_t)c->nops;
	c->label = c->nops;
}

/* Is the last op a literal that may grow? */
static struct tmpl_op *
open_lit(struct comp *c)
{
	struct tmpl_op *op = c->nops == 0 ? NULL : &c->ops[c->nops - 1];

	return op == NULL || op->code != TMPL_OP_LIT || c->label == c->nops ? NULL : op;
}

/* What was appended to lits since `from` becomes a literal op. */
static void
commit(struct comp *c, size_t from)
{
	struct tmpl_op *op = open_lit(c);
	size_t n = c->lits.len - from, i;

	if (n == 0 || c->lits.failed)
		return;
	if (op == NULL) {
		i = add(c, TMPL_OP_LIT, NULL);	/* may move the ops */
		op = &c->ops[i];
		op->lit = (uint32_t)from;
		op->len = 0;
	}
	op->len += (uint32_t)n;
}

static void
lit(struct comp *c, const char *s)
{
	size_t from = c->lits.len;

	buf_puts(&c->lits, s);
	commit(c, from);
}

static void
lit_escaped(struct comp *c, const char *s, unsigned where)
{
	size_t from = c->lits.len;

	tmpl_escape(&c->lits, s, where);
	commit(c, from);
}

/* ` name="` as the text of an op that writes an attribute or nothing. */
static void
add_attr(struct comp *c, enum tmpl_code code, const struct ref *r, const char *name)
{
	size_t from = c->lits.len, i;

	buf_putc(&c->lits, ' ');
	buf_puts(&c->lits, name);
	buf_puts(&c->lits, "=\"");
	i = add(c, code, r);
	c->ops[i].lit = (uint32_t)from;
	c->ops[i].len = (uint32_t)(c->lits.len - from);
}

static size_t
add_if(struct comp *c, const struct ref *r, bool neg)
{
	static const enum tmpl_code codes[] = {
		[TMPL_STR] = TMPL_OP_IF_STR,
		[TMPL_INT] = TMPL_OP_IF_INT,
		[TMPL_BOOL] = TMPL_OP_IF_BOOL,
		[TMPL_LIST] = TMPL_OP_IF_LIST,
		[TMPL_SUB] = TMPL_OP_IF_SUB,
	};
	size_t i = add(c, codes[r->field->kind], r);

	c->ops[i].neg = neg;
	if (r->field->kind == TMPL_LIST)
		c->ops[i].off = (uint32_t)r->field->count_off;
	return i;
}

/* ---- names ---- */

static bool
is_name(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		char ch = s[i];

		if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_' ||
		    (i > 0 && ch >= '0' && ch <= '9'))
			continue;
		return false;
	}
	return n > 0;
}

static const struct tmpl_field *
field_of(const struct tmpl_type *t, const char *name, size_t n)
{
	const struct tmpl_field *f;

	for (f = t->fields; f->name != NULL; f++)
		if (strncmp(f->name, name, n) == 0 && f->name[n] == '\0')
			return f;
	return NULL;
}

/*
 * The first name of a path: with more to come it may be an item; else (and
 * otherwise) it is a field of the innermost item that has it, then outwards.
 * Returns the type to go on in, or NULL with *out set to the field.
 */
static const struct tmpl_type *
first_name(const struct comp *c, const char *name, size_t n, bool more, struct ref *out)
{
	unsigned i;

	for (i = c->nframes; more && i-- > 1; )
		if (strncmp(c->frames[i].item, name, n) == 0 && c->frames[i].item[n] == '\0') {
			out->frame = i;
			return c->frames[i].type;
		}
	for (i = c->nframes; i-- > 0; )
		if ((out->field = field_of(c->frames[i].type, name, n)) != NULL) {
			out->frame = i;
			return NULL;
		}
	return NULL;
}

static const struct ib_err *
resolve(const struct comp *c, const struct tmpl_node *n, const char *path, struct ref *out)
{
	const struct tmpl_type *t = c->frames[c->nframes - 1].type;
	const char *p = path, *dot;
	size_t len;

	memset(out, 0, sizeof(*out));
	for (;;) {
		dot = strchr(p, '.');
		len = dot == NULL ? strlen(p) : (size_t)(dot - p);
		if (!is_name(p, len))
			return fail(c, n, "'%s' is not the name of a field", path);
		if (p == path) {
			const struct tmpl_type *item = first_name(c, p, len, dot != NULL, out);

			if (item != NULL) {
				t = item;
				p = dot + 1;
				dot = strchr(p, '.');
				len = dot == NULL ? strlen(p) : (size_t)(dot - p);
				if (!is_name(p, len))
					return fail(c, n, "'%s' is not the name of a field", path);
				out->field = field_of(t, p, len);
			}
		} else {
			out->field = field_of(t, p, len);
		}
		if (out->field == NULL)
			return fail(c, n, "no field '%.*s' in view '%s'", (int)len, p, t->name);
		if (dot == NULL)
			return NULL;
		if (out->field->kind != TMPL_SUB)
			return fail(c, n, "field '%.*s' is %s, not a view of its own",
			    (int)len, p, kind_name(out->field->kind));
		if (out->nsteps == TMPL_STEPS_MAX)
			return fail(c, n, "'%s' goes too deep", path);
		out->steps[out->nsteps++] = (uint32_t)out->field->off;
		t = out->field->type;
		p = dot + 1;
	}
}

/* A condition: a path, perhaps with '!' in front. */
static const struct ib_err *
resolve_cond(const struct comp *c, const struct tmpl_node *n, const char *s, struct ref *r,
    bool *neg)
{
	*neg = s[0] == '!' && s[1] != '\0';
	return resolve(c, n, s + *neg, r);
}

/* ---- text ---- */

/* A field as text, `where` says between what. */
static const struct ib_err *
comp_field(struct comp *c, const struct tmpl_node *n, const char *path, unsigned where)
{
	struct ref r;

	TRY(resolve(c, n, path, &r));
	if (r.field->kind == TMPL_STR)
		add(c, where == TMPL_ESC_TEXT ? TMPL_OP_TEXT : TMPL_OP_VALUE, &r);
	else if (r.field->kind == TMPL_INT)
		add(c, TMPL_OP_INT, &r);
	else
		return fail(c, n, "field '%s' is %s and cannot be text", path,
		    kind_name(r.field->kind));
	return NULL;
}

/* A string of the catalogue: literal, field, literal ... */
static const struct ib_err *
comp_format(struct comp *c, const struct tmpl_node *n, const char *s, const struct ref *num,
    unsigned where)
{
	const char *b, *name;
	char path[100];
	size_t len;

	for (;; s = name + len + 1) {
		b = cat_placeholder(s, &name, &len);
		buf_clear(&c->tmp);
		buf_append(&c->tmp, s, b == NULL ? strlen(s) : (size_t)(b - s));
		lit_escaped(c, buf_cstr(&c->tmp), where);
		if (b == NULL)
			return NULL;
		if (num != NULL && len == 1 && name[0] == 'n') {
			add(c, TMPL_OP_INT, num);
			continue;
		}
		if (len >= sizeof(path))
			return fail(c, n, "a placeholder is too long");
		memcpy(path, name, len);
		path[len] = '\0';
		TRY(comp_field(c, n, path, where));
	}
}

/* A key: its only form, or a branch for each plural form. */
static const struct ib_err *
comp_key(struct comp *c, const struct tmpl_node *n, const char *key, const struct ref *num,
    unsigned where, bool *num_used)
{
	unsigned forms = cat_plurals(c->lang), f;
	const char *s = cat_find(c->cats, c->lang, key);
	size_t jump[8], end[8];

	if (c->key != NULL && !c->key(key, c->arg))
		c->failed = true;
	if (s != NULL)
		return comp_format(c, n, s, NULL, where);
	if (cat_find_form(c->cats, c->lang, key, 0) == NULL)
		return fail(c, n, "no string '%s' in the catalogue", key);
	if (num == NULL)
		return fail(c, n, "string '%s' has plural forms and needs t:n", key);
	*num_used = true;
	if (forms > sizeof(jump) / sizeof(jump[0]))
		return fail(c, n, "too many plural forms");
	if (forms > 1) {
		add(c, TMPL_OP_PLURAL, num);
		for (f = 0; f < forms; f++)
			jump[f] = add(c, TMPL_OP_JUMP, NULL);
	}
	for (f = 0; f < forms; f++) {
		if (forms > 1)
			patch(c, jump[f]);
		s = cat_find_form(c->cats, c->lang, key, f);
		TRY(comp_format(c, n, s == NULL ? "" : s, num, where));
		if (forms > 1)
			end[f] = add(c, TMPL_OP_JUMP, NULL);
	}
	for (f = 0; forms > 1 && f < forms; f++)
		patch(c, end[f]);
	return NULL;
}

static bool
is_blank(const char *s)
{
	return s[strspn(s, " \t\n")] == '\0';
}

/* Does white space mean nothing on that side of a text? */
static bool
beside_block(const struct tmpl_node *n, const struct tmpl_node *sibling)
{
	int flags;

	if (sibling == NULL)
		sibling = n->parent;
	flags = sibling == NULL || sibling->name == NULL ? -1 : html_element(sibling->name);
	return flags >= 0 && (flags & HTML_BLOCK) != 0;
}

/* Does the output end with white space that the next may merge with? */
static bool
after_space(struct comp *c)
{
	const struct tmpl_op *op = open_lit(c);
	char last = op == NULL || op->len == 0 ? '\0' : c->lits.p[c->lits.len - 1];

	return last == ' ' || last == '\n';
}

static void
comp_text(struct comp *c, const struct tmpl_node *n)
{
	bool before = beside_block(n, n->prev), after = beside_block(n, n->next);
	int flags = n->parent == NULL ? -1 : html_element(n->parent->name);
	const char *p = n->text;
	size_t run;
	char space;

	if (c->pre) {
		lit_escaped(c, p, TMPL_ESC_TEXT);
		return;
	}
	if (is_blank(p)) {
		space = strchr(p, '\n') != NULL ? '\n' : ' ';
		if (flags >= 0 && (flags & HTML_LOOSE) != 0)
			before = after = true;
		if (*p == '\0' || after_space(c) || before != after || (before &&
		    (space == ' ' || (flags & HTML_SVG) != 0)))
			return;		/* between two blocks a newline is kept for the eye */
		lit(c, space == '\n' ? "\n" : " ");
		return;
	}
	buf_clear(&c->tmp);
	while (*p != '\0') {
		run = strspn(p, " \t\n");
		if (run > 0) {
			bool first = p == n->text, last = p[run] == '\0';

			space = memchr(p, '\n', run) != NULL ? '\n' : ' ';
			if (!(first && (before || after_space(c))) && !(last && after))
				buf_putc(&c->tmp, space);
			p += run;
		}
		run = strcspn(p, " \t\n");
		buf_append(&c->tmp, p, run);
		p += run;
	}
	lit_escaped(c, buf_cstr(&c->tmp), TMPL_ESC_TEXT);
}

/* ---- attributes ---- */

static const struct tmpl_attr *
find_attr(const struct tmpl_node *n, const char *prefix, const char *name)
{
	size_t len = strlen(prefix), i;

	for (i = 0; i < n->nattrs; i++)
		if (strncmp(n->attrs[i].name, prefix, len) == 0 &&
		    strcmp(n->attrs[i].name + len, name) == 0)
			return &n->attrs[i];
	return NULL;
}

static bool
starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* Names that hold for every attribute that is written, literal or not. */
static const struct ib_err *
check_attr(const struct comp *c, const struct tmpl_node *n, const char *name,
    enum html_attr *kind)
{
	int flags = html_element(n->name);

	*kind = html_attr_kind(name);
	if (*kind == HTML_ATTR_REFUSED)
		return fail(c, n, "attribute '%s' is refused", name);
	if (strpbrk(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL &&
	    (*kind == HTML_ATTR_UNKNOWN || flags < 0 || (flags & HTML_SVG) == 0))
		return fail(c, n, "attribute '%s' must be in lower case", name);
	if (strchr(name, ':') != NULL && strcmp(name, "xml:lang") != 0)
		return fail(c, n, "attribute '%s' is refused", name);
	return NULL;
}

/* A refresh of the page after some seconds is all that http-equiv may be. */
static const struct ib_err *
check_http_equiv(const struct comp *c, const struct tmpl_node *n)
{
	const struct tmpl_attr *equiv = find_attr(n, "", "http-equiv");
	const struct tmpl_attr *content = find_attr(n, "", "content");

	if (equiv == NULL)
		return NULL;
	if (strcmp(n->name, "meta") != 0 || strcmp(equiv->value, "refresh") != 0 ||
	    content == NULL || find_attr(n, "t:", "content") != NULL ||
	    find_attr(n, "t:tr-", "content") != NULL || content->value[0] == '\0' ||
	    content->value[strspn(content->value, "0123456789")] != '\0')
		return fail(c, n, "http-equiv may only be \"refresh\" with a number of seconds");
	return NULL;
}

static const struct ib_err *
comp_attr_literal(struct comp *c, const struct tmpl_node *n, const struct tmpl_attr *a)
{
	const char *v = a->value;
	enum html_attr kind;

	if (strcmp(a->name, "xmlns") == 0 || starts(a->name, "xmlns:"))
		return NULL;
	if (strcmp(a->name, "http-equiv") == 0) {
		lit(c, " http-equiv=\"refresh\"");
		return NULL;
	}
	TRY(check_attr(c, n, a->name, &kind));
	lit(c, " ");
	lit(c, a->name);
	if ((kind == HTML_ATTR_BOOL || kind == HTML_ATTR_EITHER) &&
	    (v[0] == '\0' || strcmp(v, a->name) == 0))
		return NULL;
	lit(c, "=\"");
	if (kind == HTML_ATTR_URL) {
		if (!tmpl_url_ok(v, false))
			return fail(c, n, "literal %s=\"%.60s\" must start with / # ? or https: "
			    "(or have a t:%s)", a->name, v, a->name);
		if (v[0] == '/')
			add(c, TMPL_OP_BASE, NULL);
	}
	lit_escaped(c, v, TMPL_ESC_ATTR);
	lit(c, "\"");
	return NULL;
}

static const struct ib_err *
comp_attr_field(struct comp *c, const struct tmpl_node *n, const char *name, const char *path)
{
	enum html_attr kind;
	struct ref r;
	bool neg;
	size_t i;

	TRY(check_attr(c, n, name, &kind));
	if (kind == HTML_ATTR_UNKNOWN)
		return fail(c, n, "unknown attribute 't:%s'", name);
	TRY(resolve_cond(c, n, path, &r, &neg));
	if (r.field->kind == TMPL_BOOL) {
		if (kind == HTML_ATTR_WORD) {
			lit(c, " ");
			lit(c, name);
			lit(c, "=\"");
			i = add(c, TMPL_OP_WORD, &r);
			c->ops[i].neg = neg;
			lit(c, "\"");
			return NULL;
		}
		if (kind == HTML_ATTR_BOOL || kind == HTML_ATTR_EITHER) {
			i = add_if(c, &r, neg);
			lit(c, " ");
			lit(c, name);
			patch(c, i);
			return NULL;
		}
	}
	if (neg || kind == HTML_ATTR_BOOL || r.field->kind == TMPL_BOOL ||
	    r.field->kind == TMPL_LIST || r.field->kind == TMPL_SUB ||
	    (kind == HTML_ATTR_URL && r.field->kind != TMPL_STR))
		return fail(c, n, "field '%s' is %s and cannot be '%s'", path,
		    kind_name(r.field->kind), name);
	add_attr(c, kind == HTML_ATTR_URL ? TMPL_OP_ATTR_URL :
	    r.field->kind == TMPL_INT ? TMPL_OP_ATTR_INT : TMPL_OP_ATTR, &r, name);
	return NULL;
}

static const struct ib_err *
comp_attr_key(struct comp *c, const struct tmpl_node *n, const char *name, const char *key,
    const struct ref *num, bool *num_used)
{
	enum html_attr kind;

	TRY(check_attr(c, n, name, &kind));
	if (kind == HTML_ATTR_UNKNOWN)
		return fail(c, n, "unknown attribute 't:tr-%s'", name);
	if (kind == HTML_ATTR_URL || kind == HTML_ATTR_BOOL)
		return fail(c, n, "'%s' cannot come from the catalogue", name);
	lit(c, " ");
	lit(c, name);
	lit(c, "=\"");
	TRY(comp_key(c, n, key, num, TMPL_ESC_ATTR, num_used));
	lit(c, "\"");
	return NULL;
}

/* class, t:class and t:class-NAME make one attribute. */
static const struct ib_err *
comp_class(struct comp *c, const struct tmpl_node *n)
{
	const struct tmpl_attr *fixed = find_attr(n, "", "class");
	const struct tmpl_attr *field = find_attr(n, "t:", "class"), *a;
	size_t toggles = 0, i, op;
	struct ref r;
	bool neg;

	for (i = 0; i < n->nattrs; i++)
		toggles += starts(n->attrs[i].name, "t:class-");
	if (toggles == 0)
		return field != NULL ? comp_attr_field(c, n, "class", field->value) :
		    comp_attr_literal(c, n, fixed);
	if (field != NULL || fixed != NULL || toggles > 1) {
		lit(c, " class=\"");
		if (field != NULL)
			TRY(comp_field(c, n, field->value, TMPL_ESC_ATTR));
		else if (fixed != NULL)
			lit_escaped(c, fixed->value, TMPL_ESC_ATTR);
	}
	for (i = 0; i < n->nattrs; i++) {
		a = &n->attrs[i];
		if (!starts(a->name, "t:class-"))
			continue;
		if (a->name[8] == '\0')
			return fail(c, n, "t:class- without a name");
		TRY(resolve_cond(c, n, a->value, &r, &neg));
		op = add_if(c, &r, neg);
		lit(c, field != NULL || fixed != NULL || toggles > 1 ? " " : " class=\"");
		lit(c, a->name + 8);
		if (field == NULL && fixed == NULL && toggles == 1)
			lit(c, "\"");
		patch(c, op);
	}
	if (field != NULL || fixed != NULL || toggles > 1)
		lit(c, "\"");
	return NULL;
}

static bool
is_order(const char *name)
{
	return strcmp(name, "t:each") == 0 || strcmp(name, "t:if") == 0 ||
	    strcmp(name, "t:include") == 0 || strcmp(name, "t:text") == 0 ||
	    strcmp(name, "t:tr") == 0 || strcmp(name, "t:n") == 0 ||
	    strcmp(name, "t:remove") == 0;
}

static const struct ib_err *
comp_attrs(struct comp *c, const struct tmpl_node *n, const struct ref *num, bool *num_used)
{
	bool class_done = false;
	size_t i;

	TRY(check_http_equiv(c, n));
	for (i = 0; i < n->nattrs; i++) {
		const struct tmpl_attr *a = &n->attrs[i];
		const char *name = a->name;

		if (is_order(name))
			continue;
		if (strcmp(name, "class") == 0 || strcmp(name, "t:class") == 0 ||
		    starts(name, "t:class-")) {
			if (find_attr(n, "t:tr-", "class") != NULL)
				return fail(c, n, "'class' cannot come from the catalogue");
			if (!class_done)
				TRY(comp_class(c, n));
			class_done = true;
		} else if (starts(name, "t:tr-")) {
			if (find_attr(n, "t:", name + 5) != NULL)
				return fail(c, n, "both t:%s and t:tr-%s", name + 5, name + 5);
			TRY(comp_attr_key(c, n, name + 5, a->value, num, num_used));
		} else if (starts(name, "t:")) {
			TRY(comp_attr_field(c, n, name + 2, a->value));
		} else if (find_attr(n, "t:", name) == NULL && find_attr(n, "t:tr-", name) == NULL) {
			TRY(comp_attr_literal(c, n, a));
		}
	}
	return NULL;
}

/* ---- parts ---- */

static bool
is_file_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");

	return n > 0 && n <= 100 && s[n] == '\0' && s[0] != '.';
}

void
tmpl_forest_init(struct tmpl_forest *f, const struct tmpl_source *src)
{
	arena_init(&f->mem, (size_t)64 << 20);
	f->first = NULL;
	f->src = src;
}

void
tmpl_forest_fini(struct tmpl_forest *f)
{
	arena_fini(&f->mem);
	f->first = NULL;
}

/* The tree of a file, read once. */
static const struct ib_err *
tree_of(struct tmpl_forest *f, const char *file, struct tmpl_node **root)
{
	const char *text = NULL, *shown, *dots;
	struct tmpl_tree *t;
	size_t n = 0;

	for (t = f->first; t != NULL; t = t->next)
		if (strcmp(t->file, file) == 0) {
			*root = t->root;
			return NULL;
		}
	TRY(f->src->read(f->src, &f->mem, file, &text, &n));
	shown = arena_printf(&f->mem, "%s/%s", f->src->dir, file);
	t = ARENA_NEW(&f->mem, struct tmpl_tree);
	if (shown == NULL || t == NULL || (t->file = arena_dup(&f->mem, file)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_NEVER, "no memory for the templates");
	shown = tail(shown, 60, &dots);
	if (*dots != '\0' && (shown = arena_printf(&f->mem, "%s%s", dots, shown)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_NEVER, "no memory for the templates");
	TRY(tmpl_parse(&f->mem, shown, text, n, &t->root));
	t->next = f->first;
	f->first = t;
	*root = t->root;
	return NULL;
}

/* White space at the ends is left out when `trim`. */
static const struct ib_err *
comp_children(struct comp *c, const struct tmpl_node *n, bool trim)
{
	const struct tmpl_node *k;

	for (k = n->child; k != NULL; k = k->next)
		if (!(trim && k->name == NULL && is_blank(k->text) &&
		    (k->prev == NULL || k->next == NULL)))
			TRY(comp_node(c, k));
	return NULL;
}

/* The children of the body, or of the root when it is no document. */
static const struct ib_err *
comp_part(struct comp *c, const struct tmpl_node *root)
{
	const struct tmpl_node *n = root;
	size_t i;

	if (strcmp(root->name, "html") == 0) {
		for (n = root->child; n != NULL; n = n->next)
			if (n->name != NULL && strcmp(n->name, "body") == 0)
				break;
		if (n == NULL)
			return fail(c, root, "no <body>");
	}
	for (i = 0; i < n->nattrs; i++)
		if (starts(n->attrs[i].name, "t:"))
			return fail(c, n, "'%s' has no effect here: of a part only the content "
			    "of <%s> counts", n->attrs[i].name, n->name);
	return comp_children(c, n, true);
}

static const struct ib_err *
comp_include(struct comp *c, const struct tmpl_node *n, const char *file)
{
	struct tmpl_node *root = NULL;
	unsigned i;

	if (!is_file_name(file))
		return fail(c, n, "'%s' is not the name of a part", file);
	for (i = 0; i < c->nfiles; i++)
		if (strcmp(c->files[i], file) == 0)
			return fail(c, n, "'%s' includes itself", file);
	if (c->nfiles == TMPL_INCLUDES)
		return fail(c, n, "parts within parts go too deep");
	TRY(tree_of(c->forest, file, &root));
	c->files[c->nfiles++] = file;
	TRY(comp_part(c, root));
	c->nfiles--;
	return NULL;
}

/* ---- elements ---- */

static const struct ib_err *
gather(const struct comp *c, const struct tmpl_node *n, struct orders *o)
{
	static const struct {
		const char	*name;
		size_t		 off;
	} slots[] = {
		{ "t:each", offsetof(struct orders, each) },
		{ "t:if", offsetof(struct orders, cond) },
		{ "t:include", offsetof(struct orders, include) },
		{ "t:text", offsetof(struct orders, text) },
		{ "t:tr", offsetof(struct orders, tr) },
		{ "t:n", offsetof(struct orders, num) },
		{ "t:remove", offsetof(struct orders, remove) },
	};
	size_t i, k;

	memset(o, 0, sizeof(*o));
	for (i = 0; i < n->nattrs; i++) {
		const struct tmpl_attr *a = &n->attrs[i];

		if (!starts(a->name, "t:"))
			continue;
		if (a->value[0] == '\0')
			return fail(c, n, "'%s' is empty", a->name);
		for (k = 0; k < sizeof(slots) / sizeof(slots[0]); k++)
			if (strcmp(a->name, slots[k].name) == 0)
				break;
		if (k == sizeof(slots) / sizeof(slots[0]))
			o->attrs = true;
		else
			memcpy((char *)o + slots[k].off, &a->value, sizeof(a->value));
	}
	return NULL;
}

/* Orders that do not go together.  *bare: the element has no tag in the output. */
static const struct ib_err *
check_orders(const struct comp *c, const struct tmpl_node *n, const struct orders *o, bool *bare)
{
	const char *both = NULL;
	bool block = strcmp(n->name, "t:block") == 0;

	if (o->text != NULL && o->tr != NULL)
		both = "t:text and t:tr";
	else if (o->text != NULL && o->include != NULL)
		both = "t:text and t:include";
	else if (o->tr != NULL && o->include != NULL)
		both = "t:tr and t:include";
	if (both != NULL)
		return fail(c, n, "%s contradict each other", both);
	*bare = block;
	if (o->remove != NULL) {
		if (block)
			return fail(c, n, "t:remove on <t:block>");
		if (strcmp(o->remove, "tag") == 0)
			*bare = true;
		else if (strcmp(o->remove, "all") != 0)
			return fail(c, n, "t:remove is \"all\" or \"tag\", not \"%s\"", o->remove);
		else if (o->each != NULL || o->cond != NULL || o->include != NULL ||
		    o->text != NULL || o->tr != NULL || o->num != NULL || o->attrs)
			return fail(c, n, "t:remove=\"all\" with other t: attributes");
	}
	if (*bare && o->attrs)
		return fail(c, n, "attributes on an element without a tag");
	if (block && o->remove == NULL) {
		size_t i;

		for (i = 0; i < n->nattrs; i++)
			if (!is_order(n->attrs[i].name))
				return fail(c, n, "<t:block> has no attribute '%s'",
				    n->attrs[i].name);
	}
	return NULL;
}

/* Flags of an element whose tag is written, with what they forbid. */
static const struct ib_err *
check_element(const struct comp *c, const struct tmpl_node *n, const struct orders *o, int *flags)
{
	const struct tmpl_node *k;
	bool content = o->text != NULL || o->tr != NULL || o->include != NULL;

	if ((*flags = html_element(n->name)) < 0)
		return fail(c, n, "element <%s> is refused", n->name);
	if (c->text_only)
		return fail(c, n, "tags do not work at this place");
	if ((*flags & (HTML_VOID | HTML_SCRIPT)) == 0)
		return NULL;
	for (k = n->child; k != NULL; k = k->next)
		content = content || k->name != NULL || !is_blank(k->text);
	if (content)
		return fail(c, n, (*flags & HTML_VOID) != 0 ? "<%s> has no content" :
		    "inline <%s> is refused", n->name);
	if ((*flags & HTML_SCRIPT) != 0 && find_attr(n, "", "src") == NULL &&
	    find_attr(n, "t:", "src") == NULL)
		return fail(c, n, "<%s> without src", n->name);
	return NULL;
}

static const struct ib_err *
comp_content(struct comp *c, const struct tmpl_node *n, const struct orders *o,
    const struct ref *num, bool *num_used)
{
	if (o->text != NULL) {
		/* A newline at the start would be lost behind these tags: give one away. */
		if (strcmp(n->name, "textarea") == 0 || strcmp(n->name, "pre") == 0)
			lit(c, "\n");
		return comp_field(c, n, o->text, TMPL_ESC_TEXT);
	}
	if (o->tr != NULL)
		return comp_key(c, n, o->tr, num, TMPL_ESC_TEXT, num_used);
	if (o->include != NULL)
		return comp_include(c, n, o->include);
	return comp_children(c, n, false);
}

/* The element itself, inside its t:each and t:if. */
static const struct ib_err *
comp_tag(struct comp *c, const struct tmpl_node *n, const struct orders *o, bool bare)
{
	bool num_used = false, pre = c->pre, text_only = c->text_only;
	struct ref num;
	int flags = 0;

	if (o->num != NULL) {
		TRY(resolve(c, n, o->num, &num));
		if (num.field->kind != TMPL_INT)
			return fail(c, n, "t:n needs a number, field '%s' is %s", o->num,
			    kind_name(num.field->kind));
	}
	if (!bare) {
		TRY(check_element(c, n, o, &flags));
		lit(c, "<");
		lit(c, n->name);
		TRY(comp_attrs(c, n, o->num == NULL ? NULL : &num, &num_used));
		lit(c, ">");
	}
	if ((flags & HTML_VOID) == 0) {
		c->pre = c->pre || (flags & HTML_PRE) != 0;
		c->text_only = c->text_only || (flags & HTML_TEXT_ONLY) != 0;
		if ((flags & HTML_SCRIPT) == 0)
			TRY(comp_content(c, n, o, o->num == NULL ? NULL : &num, &num_used));
		c->pre = pre;
		c->text_only = text_only;
		if (!bare) {
			lit(c, "</");
			lit(c, n->name);
			lit(c, ">");
		}
	}
	if (o->num != NULL && !num_used)
		return fail(c, n, "t:n without a string that has plural forms");
	return NULL;
}

/* "row : threads": opens a frame; *op is the EACH, *body the op behind it. */
static const struct ib_err *
each_begin(struct comp *c, const struct tmpl_node *n, const char *spec, size_t *op)
{
	const char *colon = strchr(spec, ':'), *item = spec, *end = colon, *path;
	const struct tmpl_type *type;
	struct ref r;
	char *name;
	unsigned i;

	if (colon == NULL)
		return fail(c, n, "t:each is \"item : list\", not \"%s\"", spec);
	item += strspn(item, " ");
	while (end > item && end[-1] == ' ')
		end--;
	path = colon + 1;
	path += strspn(path, " ");
	if (!is_name(item, (size_t)(end - item)))
		return fail(c, n, "t:each is \"item : list\", not \"%s\"", spec);
	if ((name = arena_dupn(&c->forest->mem, item, (size_t)(end - item))) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_NEVER, "no memory for the templates");
	TRY(resolve(c, n, path, &r));
	if (r.field->kind != TMPL_LIST)
		return fail(c, n, "field '%s' is %s, not a list", path, kind_name(r.field->kind));
	type = r.field->type;
	if (type == NULL || type->size == 0)
		return fail(c, n, "field '%s': its items have no type", path);
	for (i = 1; i < c->nframes; i++)
		if (strcmp(c->frames[i].item, name) == 0)
			return fail(c, n, "item '%s' is in use outside", name);
	if (c->nframes == TMPL_FRAMES)
		return fail(c, n, "lists within lists go too deep");
	*op = add(c, TMPL_OP_EACH, &r);
	c->ops[*op].len = (uint32_t)r.field->count_off;
	c->ops[*op].lit = (uint32_t)type->size;
	c->ops[*op].inner = c->nframes;
	c->frames[c->nframes].item = name;
	c->frames[c->nframes++].type = type;
	c->label = c->nops;
	return NULL;
}

static void
each_end(struct comp *c, size_t op)
{
	size_t next = add(c, TMPL_OP_NEXT, NULL);

	c->nframes--;
	c->ops[next].frame = (uint8_t)c->nframes;
	c->ops[next].jump = (uint32_t)(op + 1);
	patch(c, op);
}

static const struct ib_err *
comp_element(struct comp *c, const struct tmpl_node *n)
{
	size_t each = 0, cond = 0;
	struct orders o;
	struct ref r;
	bool bare, neg;

	TRY(gather(c, n, &o));
	TRY(check_orders(c, n, &o, &bare));
	if (o.remove != NULL && !bare)
		return NULL;
	if (o.each != NULL)
		TRY(each_begin(c, n, o.each, &each));
	if (o.cond != NULL) {
		TRY(resolve_cond(c, n, o.cond, &r, &neg));
		cond = add_if(c, &r, neg);
	}
	TRY(comp_tag(c, n, &o, bare));
	if (o.cond != NULL)
		patch(c, cond);
	if (o.each != NULL)
		each_end(c, each);
	return NULL;
}

static const struct ib_err *
comp_node(struct comp *c, const struct tmpl_node *n)
{
	if (c->failed || c->lits.failed)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s/%s: too big, or no memory",
		    c->forest->src->dir, c->files[0]);
	if (n->name != NULL)
		return comp_element(c, n);
	comp_text(c, n);
	return NULL;
}

/* ---- a whole program ---- */

static const struct ib_err *
comp_page(struct comp *c, const struct tmpl_decl *decl)
{
	struct tmpl_node *root = NULL;

	if (!is_file_name(decl->file))
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "'%s' is not the name of a template",
		    decl->file);
	TRY(tree_of(c->forest, decl->file, &root));
	c->files[c->nfiles++] = decl->file;
	if (decl->fragment)
		return comp_part(c, root);
	if (strcmp(root->name, "html") != 0)
		return fail(c, root, "the root of a page must be <html>");
	lit(c, "<!DOCTYPE html>\n");
	TRY(comp_element(c, root));
	lit(c, "\n");
	return NULL;
}

void
tmpl_prog_free(struct tmpl_prog *p)
{
	if (p == NULL)
		return;
	free(p->ops);
	free(p->steps);
	free(p->lits);
	free(p);
}

const struct ib_err *
tmpl_compile(struct tmpl_forest *f, const struct cats *cats, enum lang lang,
    const struct tmpl_decl *decl, bool (*key)(const char *key, void *arg), void *arg,
    struct tmpl_prog **out)
{
	static const char pad[TMPL_PAD];
	struct comp c = { .forest = f, .cats = cats, .lang = lang, .key = key, .arg = arg };
	const struct ib_err *err = NULL;
	struct tmpl_prog *p = NULL;

	*out = NULL;
	buf_init(&c.lits, TMPL_LITS_MAX);
	buf_init(&c.tmp, TMPL_SOURCE_MAX);
	c.frames[c.nframes++].type = decl->type;
	c.label = SIZE_MAX;
	c.cap_ops = 64;
	if ((c.ops = calloc(c.cap_ops, sizeof(*c.ops))) == NULL ||
	    (p = calloc(1, sizeof(*p))) == NULL) {
		err = ib_fail(IB_ENOMEM, IB_RETRY_NEVER, "no memory for the templates");
		goto done;
	}
	if ((err = comp_page(&c, decl)) != NULL)
		goto done;
	add(&c, TMPL_OP_END, NULL);
	p->nlits = c.lits.len;
	buf_append(&c.lits, pad, sizeof(pad));
	if (c.failed || c.lits.failed || c.tmp.failed || c.nops > TMPL_OPS_MAX) {
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s/%s: too big, or no memory",
		    f->src->dir, decl->file);
		goto done;
	}
	p->ops = c.ops;
	p->nops = c.nops;
	p->steps = c.steps;
	p->lits = c.lits.p;
	p->lang = lang;
	c.ops = NULL;
	c.steps = NULL;
	buf_init(&c.lits, 0);		/* the bytes belong to the program now */
	*out = p;
	p = NULL;
done:
	tmpl_prog_free(p);
	free(c.ops);
	free(c.steps);
	buf_fini(&c.lits);
	buf_fini(&c.tmp);
	return err;
}
