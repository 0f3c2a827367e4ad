/* SPDX-License-Identifier: MIT */
/*
 * emit.c - the tools of the compiler: ops and literals, names, messages.
 *
 * Adjacent literals become one op, unless a jump leads between them.  When the
 * memory or a cap is exhausted, adding turns into writing over the first op
 * and `failed` is set; only comp_resolve() and comp_resolve_cond() return
 * errors.  The arrays belong to the struct comp.
 */
#include "comp.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
const char *
comp_tail(const char *s, size_t max, const char **dots)
{
	size_t n = strlen(s);

	*dots = n > max ? "..." : "";
	return n > max ? s + n - max : s;
}

const struct ib_err *
comp_fail(const struct comp *c, const struct tmpl_node *n, const char *fmt, ...)
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
	name = comp_tail(buf_cstr(&shown), 60, &d1);
	path = comp_tail(buf_cstr(&b), 90, &d2);
	err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s%s:%u: %s%s: %s", d1, name, n->line,
	    d2, path, msg);
	buf_fini(&b);
	buf_fini(&shown);
	return err;
}

const char *
comp_kind_name(enum tmpl_kind k)
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
size_t
comp_add(struct comp *c, enum tmpl_code code, const struct ref *r)
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
void
comp_patch(struct comp *c, size_t op)
{
	c->ops[op].jump = (uint32_t)c->nops;
	c->label = c->nops;
}

/* Is the last op a literal that may grow? */
struct tmpl_op *
comp_open_lit(struct comp *c)
{
	struct tmpl_op *op = c->nops == 0 ? NULL : &c->ops[c->nops - 1];

	return op == NULL || op->code != TMPL_OP_LIT || c->label == c->nops ? NULL : op;
}

/* What was appended to lits since `from` becomes a literal op. */
static void
commit(struct comp *c, size_t from)
{
	struct tmpl_op *op = comp_open_lit(c);
	size_t n = c->lits.len - from, i;

	if (n == 0 || c->lits.failed)
		return;
	if (op == NULL) {
		i = comp_add(c, TMPL_OP_LIT, NULL);	/* may move the ops */
		op = &c->ops[i];
		op->lit = (uint32_t)from;
		op->len = 0;
	}
	op->len += (uint32_t)n;
}

void
comp_lit(struct comp *c, const char *s)
{
	size_t from = c->lits.len;

	buf_puts(&c->lits, s);
	commit(c, from);
}

void
comp_escaped(struct comp *c, const char *s, unsigned where)
{
	size_t from = c->lits.len;

	tmpl_escape(&c->lits, s, where);
	commit(c, from);
}

/* The text in tmp, which forgets a failure when it is cleared. */
void
comp_tmp(struct comp *c, unsigned where)
{
	c->failed = c->failed || c->tmp.failed;
	comp_escaped(c, buf_cstr(&c->tmp), where);
}

/* ` name="` as the text of an op that writes an attribute or nothing. */
void
comp_add_attr(struct comp *c, enum tmpl_code code, const struct ref *r, const char *name)
{
	size_t from = c->lits.len, i;

	buf_putc(&c->lits, ' ');
	buf_puts(&c->lits, name);
	buf_puts(&c->lits, "=\"");
	i = comp_add(c, code, r);
	c->ops[i].lit = (uint32_t)from;
	c->ops[i].len = (uint32_t)(c->lits.len - from);
}

size_t
comp_add_if(struct comp *c, const struct ref *r, bool neg)
{
	static const enum tmpl_code codes[] = {
		[TMPL_STR] = TMPL_OP_IF_STR,
		[TMPL_INT] = TMPL_OP_IF_INT,
		[TMPL_BOOL] = TMPL_OP_IF_BOOL,
		[TMPL_LIST] = TMPL_OP_IF_LIST,
		[TMPL_SUB] = TMPL_OP_IF_SUB,
	};
	size_t i = comp_add(c, codes[r->field->kind], r);

	c->ops[i].neg = neg;
	if (r->field->kind == TMPL_LIST)
		c->ops[i].off = (uint32_t)r->field->count_off;
	return i;
}

/* ---- names ---- */

bool
comp_is_name(const char *s, size_t n)
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

const struct ib_err *
comp_resolve(const struct comp *c, const struct tmpl_node *n, const char *path, struct ref *out)
{
	const struct tmpl_type *t = c->frames[c->nframes - 1].type;
	const char *p = path, *dot;
	size_t len;

	memset(out, 0, sizeof(*out));
	for (;;) {
		dot = strchr(p, '.');
		len = dot == NULL ? strlen(p) : (size_t)(dot - p);
		if (!comp_is_name(p, len))
			return comp_fail(c, n, "'%s' is not the name of a field", path);
		if (p == path) {
			const struct tmpl_type *item = first_name(c, p, len, dot != NULL, out);

			if (item != NULL) {
				t = item;
				p = dot + 1;
				dot = strchr(p, '.');
				len = dot == NULL ? strlen(p) : (size_t)(dot - p);
				if (!comp_is_name(p, len))
					return comp_fail(c, n, "'%s' is not the name of a field",
					    path);
				out->field = field_of(t, p, len);
			}
		} else {
			out->field = field_of(t, p, len);
		}
		if (out->field == NULL)
			return comp_fail(c, n, "no field '%.*s' in view '%s'", (int)len, p,
			    t->name);
		if (dot == NULL)
			return NULL;
		if (out->field->kind != TMPL_SUB)
			return comp_fail(c, n, "field '%.*s' is %s, not a view of its own",
			    (int)len, p, comp_kind_name(out->field->kind));
		if (out->nsteps == TMPL_STEPS_MAX)
			return comp_fail(c, n, "'%s' goes too deep", path);
		out->steps[out->nsteps++] = (uint32_t)out->field->off;
		t = out->field->type;
		p = dot + 1;
	}
}

/* A condition: a path, perhaps with '!' in front. */
const struct ib_err *
comp_resolve_cond(const struct comp *c, const struct tmpl_node *n, const char *s, struct ref *r,
    bool *neg)
{
	*neg = s[0] == '!' && s[1] != '\0';
	return comp_resolve(c, n, s + *neg, r);
}
