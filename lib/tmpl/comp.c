/* SPDX-License-Identifier: MIT */
/*
 * comp.c - a tree to a program: text, parts, elements.
 *
 * The compiler walks the tree once and appends ops.  Jumps forward are patched
 * when their target is known.  Included parts are walked in the scope where
 * they stand, so that a program holds no calls.
 *
 * Fails with IB_ECONF at the first mistake (see comp.h).  The program belongs
 * to the caller, the trees to the forest.
 */
#include "comp.h"
#include "../base/str.h"

#include <stdlib.h>
#include <string.h>

struct tmpl_tree {
	struct tmpl_tree	*next;
	const char		*file;
	struct tmpl_node	*root;
};

/* The t: attributes of an element that are no attributes of the output. */
struct orders {
	const char	*each, *cond, *include, *text, *tr, *num, *remove;
	bool		 attrs;			/* others are there */
};

static const struct ib_err *comp_node(struct comp *, const struct tmpl_node *);

/* ---- text ---- */

/* A field as text, `where` says between what. */
const struct ib_err *
comp_field(struct comp *c, const struct tmpl_node *n, const char *path, unsigned where)
{
	struct ref r;

	TRY(comp_resolve(c, n, path, &r));
	if (r.field->kind == TMPL_STR)
		comp_add(c, where == TMPL_ESC_TEXT ? TMPL_OP_TEXT : TMPL_OP_VALUE, &r);
	else if (r.field->kind == TMPL_INT)
		comp_add(c, TMPL_OP_INT, &r);
	else
		return comp_fail(c, n, "field '%s' is %s and cannot be text", path,
		    comp_kind_name(r.field->kind));
	return NULL;
}

/* A text with placeholders: literal, field, literal ... */
const struct ib_err *
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
		comp_tmp(c, where);
		if (b == NULL)
			return NULL;
		if (num != NULL && len == 1 && name[0] == 'n') {
			comp_add(c, TMPL_OP_INT, num);
			continue;
		}
		if (len >= sizeof(path))
			return comp_fail(c, n, "a placeholder is too long");
		memcpy(path, name, len);
		path[len] = '\0';
		TRY(comp_field(c, n, path, where));
	}
}

/* A key: its only form, or a branch for each plural form. */
const struct ib_err *
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
		return comp_fail(c, n, "no string '%s' in the catalogue", key);
	if (num == NULL)
		return comp_fail(c, n, "string '%s' has plural forms and needs t:n", key);
	*num_used = true;
	if (forms > sizeof(jump) / sizeof(jump[0]))
		return comp_fail(c, n, "too many plural forms");
	if (forms > 1) {
		comp_add(c, TMPL_OP_PLURAL, num);
		for (f = 0; f < forms; f++)
			jump[f] = comp_add(c, TMPL_OP_JUMP, NULL);
	}
	for (f = 0; f < forms; f++) {
		if (forms > 1)
			comp_patch(c, jump[f]);
		s = cat_find_form(c->cats, c->lang, key, f);
		TRY(comp_format(c, n, s == NULL ? "" : s, num, where));
		if (forms > 1)
			end[f] = comp_add(c, TMPL_OP_JUMP, NULL);
	}
	for (f = 0; forms > 1 && f < forms; f++)
		comp_patch(c, end[f]);
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
	flags = sibling == NULL || sibling->name == NULL ? -1 : sibling->html;
	return flags >= 0 && (flags & HTML_BLOCK) != 0;
}

/* Does the output end with white space that the next may merge with? */
static bool
after_space(struct comp *c)
{
	const struct tmpl_op *op = comp_open_lit(c);
	char last = op == NULL || op->len == 0 ? '\0' : c->lits.p[c->lits.len - 1];

	return last == ' ' || last == '\n';
}

static void
comp_text(struct comp *c, const struct tmpl_node *n)
{
	bool before = beside_block(n, n->prev), after = beside_block(n, n->next);
	int flags = n->parent == NULL ? -1 : n->parent->html;
	const char *p = n->text;
	size_t run;
	char space;

	if (c->pre) {
		comp_escaped(c, p, TMPL_ESC_TEXT);
		return;
	}
	if (is_blank(p)) {
		space = strchr(p, '\n') != NULL ? '\n' : ' ';
		if (flags >= 0 && (flags & HTML_LOOSE) != 0)
			before = after = true;
		if (*p == '\0' || after_space(c) || before || after)
			return;
		comp_lit(c, space == '\n' ? "\n" : " ");
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
	comp_tmp(c, TMPL_ESC_TEXT);
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
	shown = comp_tail(shown, 60, &dots);
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
			return comp_fail(c, root, "no <body>");
	}
	for (i = 0; i < n->nattrs; i++)
		if (str_starts(n->attrs[i].name, "t:"))
			return comp_fail(c, n, "'%s' has no effect here: of a part only the "
			    "content of <%s> counts", n->attrs[i].name, n->name);
	return comp_children(c, n, true);
}

static const struct ib_err *
comp_include(struct comp *c, const struct tmpl_node *n, const char *file)
{
	struct tmpl_node *root = NULL;
	unsigned i;

	if (!is_file_name(file))
		return comp_fail(c, n, "'%s' is not the name of a part", file);
	for (i = 0; i < c->nfiles; i++)
		if (strcmp(c->files[i], file) == 0)
			return comp_fail(c, n, "'%s' includes itself", file);
	if (c->nfiles == TMPL_INCLUDES)
		return comp_fail(c, n, "parts within parts go too deep");
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

		if (!str_starts(a->name, "t:"))
			continue;
		if (a->value[0] == '\0')
			return comp_fail(c, n, "'%s' is empty", a->name);
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
		return comp_fail(c, n, "%s contradict each other", both);
	*bare = block;
	if (o->remove != NULL) {
		if (block)
			return comp_fail(c, n, "t:remove on <t:block>");
		if (strcmp(o->remove, "tag") == 0)
			*bare = true;
		else if (strcmp(o->remove, "all") != 0)
			return comp_fail(c, n, "t:remove is \"all\" or \"tag\", not \"%s\"",
			    o->remove);
		else if (o->each != NULL || o->cond != NULL || o->include != NULL ||
		    o->text != NULL || o->tr != NULL || o->num != NULL || o->attrs)
			return comp_fail(c, n, "t:remove=\"all\" with other t: attributes");
	}
	if (*bare && o->attrs)
		return comp_fail(c, n, "attributes on an element without a tag");
	if (block && o->remove == NULL) {
		size_t i;

		for (i = 0; i < n->nattrs; i++)
			if (!comp_is_order(n->attrs[i].name))
				return comp_fail(c, n, "<t:block> has no attribute '%s'",
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

	if ((*flags = n->html) < 0)
		return comp_fail(c, n, "element <%s> is refused", n->name);
	if (c->text_only)
		return comp_fail(c, n, "tags do not work at this place");
	if ((*flags & (HTML_VOID | HTML_SCRIPT)) == 0)
		return NULL;
	for (k = n->child; k != NULL; k = k->next)
		content = content || k->name != NULL || !is_blank(k->text);
	if (content)
		return comp_fail(c, n, (*flags & HTML_VOID) != 0 ? "<%s> has no content" :
		    "inline <%s> is refused", n->name);
	if ((*flags & HTML_SCRIPT) != 0 && node_attr(n, "", "src") == NULL &&
	    node_attr(n, "t:", "src") == NULL)
		return comp_fail(c, n, "<%s> without src", n->name);
	return NULL;
}

static const struct ib_err *
comp_content(struct comp *c, const struct tmpl_node *n, const struct orders *o,
    const struct ref *num, bool *num_used)
{
	if (o->text != NULL) {
		/* A newline at the start would be lost behind these tags: give one away. */
		if (strcmp(n->name, "textarea") == 0 || strcmp(n->name, "pre") == 0)
			comp_lit(c, "\n");
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
		TRY(comp_resolve(c, n, o->num, &num));
		if (num.field->kind != TMPL_INT)
			return comp_fail(c, n, "t:n needs a number, field '%s' is %s", o->num,
			    comp_kind_name(num.field->kind));
	}
	if (!bare) {
		TRY(check_element(c, n, o, &flags));
		comp_lit(c, "<");
		comp_lit(c, n->name);
		TRY(comp_attrs(c, n, o->num == NULL ? NULL : &num, &num_used));
		comp_lit(c, ">");
	}
	if ((flags & HTML_VOID) == 0) {
		c->pre = c->pre || (flags & HTML_PRE) != 0;
		c->text_only = c->text_only || (flags & HTML_TEXT_ONLY) != 0;
		if ((flags & HTML_SCRIPT) == 0)
			TRY(comp_content(c, n, o, o->num == NULL ? NULL : &num, &num_used));
		c->pre = pre;
		c->text_only = text_only;
		if (!bare) {
			comp_lit(c, "</");
			comp_lit(c, n->name);
			comp_lit(c, ">");
		}
	}
	if (o->num != NULL && !num_used)
		return comp_fail(c, n, "t:n without a string that has plural forms");
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
		return comp_fail(c, n, "t:each is \"item : list\", not \"%s\"", spec);
	item += strspn(item, " ");
	while (end > item && end[-1] == ' ')
		end--;
	path = colon + 1;
	path += strspn(path, " ");
	if (!comp_is_name(item, (size_t)(end - item)))
		return comp_fail(c, n, "t:each is \"item : list\", not \"%s\"", spec);
	if ((name = arena_dupn(&c->forest->mem, item, (size_t)(end - item))) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_NEVER, "no memory for the templates");
	TRY(comp_resolve(c, n, path, &r));
	if (r.field->kind != TMPL_LIST)
		return comp_fail(c, n, "field '%s' is %s, not a list", path,
		    comp_kind_name(r.field->kind));
	type = r.field->type;
	if (type == NULL || type->size == 0)
		return comp_fail(c, n, "field '%s': its items have no type", path);
	for (i = 1; i < c->nframes; i++)
		if (strcmp(c->frames[i].item, name) == 0)
			return comp_fail(c, n, "item '%s' is in use outside", name);
	if (c->nframes == TMPL_FRAMES)
		return comp_fail(c, n, "lists within lists go too deep");
	*op = comp_add(c, TMPL_OP_EACH, &r);
	c->ops[*op].len = (uint32_t)r.field->count_off;
	c->ops[*op].lit = (uint32_t)type->size;
	c->ops[*op].inner = c->nframes;
	c->frames[c->nframes].item = name;
	c->frames[c->nframes++].type = type;
	return NULL;
}

static void
each_end(struct comp *c, size_t op)
{
	size_t next = comp_add(c, TMPL_OP_NEXT, NULL);

	c->nframes--;
	c->ops[next].frame = (uint8_t)c->nframes;
	c->ops[next].jump = (uint32_t)(op + 1);
	comp_patch(c, op);
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
		TRY(comp_resolve_cond(c, n, o.cond, &r, &neg));
		cond = comp_add_if(c, &r, neg);
	}
	TRY(comp_tag(c, n, &o, bare));
	if (o.cond != NULL)
		comp_patch(c, cond);
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
		return comp_fail(c, root, "the root of a page must be <html>");
	comp_lit(c, "<!DOCTYPE html>\n");
	TRY(comp_element(c, root));
	comp_lit(c, "\n");
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
	comp_add(&c, TMPL_OP_END, NULL);
	p->nlits = c.lits.len;
	buf_append(&c.lits, pad, sizeof(pad));
	if (c.failed || c.lits.failed || c.nops > TMPL_OPS_MAX) {
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
