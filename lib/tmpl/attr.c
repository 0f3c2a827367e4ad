/* SPDX-License-Identifier: MIT */
/*
 * attr.c - the attributes of an element: literal, from fields, from the
 * catalogue, and the class that is made of several.
 *
 * They are written in the order of the source; a literal one that a t:
 * attribute replaces is not written and not checked.  Fails with IB_ECONF for
 * what tmpl.h says is refused; owns nothing.
 */
#include "comp.h"
#include "../base/str.h"

#include <string.h>

const struct tmpl_attr *
node_attr(const struct tmpl_node *n, const char *prefix, const char *name)
{
	size_t len = strlen(prefix), i;

	for (i = 0; i < n->nattrs; i++)
		if (strncmp(n->attrs[i].name, prefix, len) == 0 &&
		    strcmp(n->attrs[i].name + len, name) == 0)
			return &n->attrs[i];
	return NULL;
}

/* Names that hold for every attribute that is written, literal or not. */
static const struct ib_err *
check_attr(const struct comp *c, const struct tmpl_node *n, const char *name,
    enum html_attr *kind)
{

	*kind = html_attr_kind(name);
	if (*kind == HTML_ATTR_REFUSED)
		return comp_fail(c, n, "attribute '%s' is refused", name);
	if (strpbrk(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL &&
	    (*kind == HTML_ATTR_UNKNOWN || n->html < 0 || (n->html & HTML_SVG) == 0))
		return comp_fail(c, n, "attribute '%s' must be in lower case", name);
	if (strchr(name, ':') != NULL && strcmp(name, "xml:lang") != 0)
		return comp_fail(c, n, "attribute '%s' is refused", name);
	return NULL;
}

/* A refresh of the page after some seconds is all that http-equiv may be. */
static const struct ib_err *
check_http_equiv(const struct comp *c, const struct tmpl_node *n)
{
	const struct tmpl_attr *equiv = node_attr(n, "", "http-equiv");
	const struct tmpl_attr *content = node_attr(n, "", "content");

	if (equiv == NULL)
		return NULL;
	if (strcmp(n->name, "meta") != 0 || strcmp(equiv->value, "refresh") != 0 ||
	    content == NULL || node_attr(n, "t:", "content") != NULL ||
	    node_attr(n, "t:tr-", "content") != NULL || content->value[0] == '\0' ||
	    content->value[strspn(content->value, "0123456789")] != '\0')
		return comp_fail(c, n,
		    "http-equiv may only be \"refresh\" with a number of seconds");
	return NULL;
}

static const struct ib_err *
comp_attr_literal(struct comp *c, const struct tmpl_node *n, const struct tmpl_attr *a)
{
	const char *v = a->value;
	enum html_attr kind;

	if (strcmp(a->name, "xmlns") == 0 || str_starts(a->name, "xmlns:"))
		return NULL;
	if (strcmp(a->name, "http-equiv") == 0) {
		comp_lit(c, " http-equiv=\"refresh\"");
		return NULL;
	}
	TRY(check_attr(c, n, a->name, &kind));
	comp_lit(c, " ");
	comp_lit(c, a->name);
	if ((kind == HTML_ATTR_BOOL || kind == HTML_ATTR_EITHER) &&
	    (v[0] == '\0' || strcmp(v, a->name) == 0))
		return NULL;
	comp_lit(c, "=\"");
	if (kind == HTML_ATTR_URL) {
		if (!tmpl_url_ok(v, false))
			return comp_fail(c, n, "literal %s=\"%.60s\" must start with "
			    "/ # ? or https: (or have a t:%s)", a->name, v, a->name);
		if (v[0] == '/')
			comp_add(c, TMPL_OP_BASE, NULL);
	}
	comp_escaped(c, v, TMPL_ESC_ATTR);
	comp_lit(c, "\"");
	return NULL;
}

/* The literal start decides where an address leads: behind it only numbers follow. */
static const struct ib_err *
check_url_pattern(const struct comp *c, const struct tmpl_node *n, const char *pattern)
{
	const char *s, *name;
	struct ref r;
	char path[100];
	size_t len;

	if (!tmpl_url_ok(pattern, false))
		return comp_fail(c, n, "'%s' must start with / # ? or https:", pattern);
	for (s = pattern; cat_placeholder(s, &name, &len) != NULL; s = name + len + 1) {
		if (len >= sizeof(path))
			return comp_fail(c, n, "a placeholder is too long");
		memcpy(path, name, len);
		path[len] = '\0';
		TRY(comp_resolve(c, n, path, &r));
		if (r.field->kind != TMPL_INT)
			return comp_fail(c, n, "field '%s' is %s: an address takes numbers only",
			    path, comp_kind_name(r.field->kind));
	}
	return NULL;
}

/* "t-{row.id}": always written, whatever the fields hold. */
static const struct ib_err *
comp_attr_pattern(struct comp *c, const struct tmpl_node *n, const char *name, const char *pattern,
    enum html_attr kind)
{
	if (kind == HTML_ATTR_BOOL)
		return comp_fail(c, n, "'%s' is there or not, and has no text", name);
	if (kind == HTML_ATTR_URL)
		TRY(check_url_pattern(c, n, pattern));
	comp_lit(c, " ");
	comp_lit(c, name);
	comp_lit(c, "=\"");
	if (kind == HTML_ATTR_URL && pattern[0] == '/')
		comp_add(c, TMPL_OP_BASE, NULL);
	TRY(comp_format(c, n, pattern, NULL, TMPL_ESC_ATTR));
	comp_lit(c, "\"");
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
		return comp_fail(c, n, "unknown attribute 't:%s'", name);
	if (strchr(path, '{') != NULL)
		return comp_attr_pattern(c, n, name, path, kind);
	TRY(comp_resolve_cond(c, n, path, &r, &neg));
	if (r.field->kind == TMPL_BOOL) {
		if (kind == HTML_ATTR_WORD) {
			comp_lit(c, " ");
			comp_lit(c, name);
			comp_lit(c, "=\"");
			i = comp_add(c, TMPL_OP_WORD, &r);
			c->ops[i].neg = neg;
			comp_lit(c, "\"");
			return NULL;
		}
		if (kind == HTML_ATTR_BOOL || kind == HTML_ATTR_EITHER) {
			i = comp_add_if(c, &r, neg);
			comp_lit(c, " ");
			comp_lit(c, name);
			comp_patch(c, i);
			return NULL;
		}
	}
	if (neg || kind == HTML_ATTR_BOOL || r.field->kind == TMPL_BOOL ||
	    r.field->kind == TMPL_LIST || r.field->kind == TMPL_SUB ||
	    (kind == HTML_ATTR_URL && r.field->kind != TMPL_STR))
		return comp_fail(c, n, "field '%s' is %s and cannot be '%s'", path,
		    comp_kind_name(r.field->kind), name);
	comp_add_attr(c, kind == HTML_ATTR_URL ? TMPL_OP_ATTR_URL :
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
		return comp_fail(c, n, "unknown attribute 't:tr-%s'", name);
	if (kind == HTML_ATTR_URL || kind == HTML_ATTR_BOOL)
		return comp_fail(c, n, "'%s' cannot come from the catalogue", name);
	comp_lit(c, " ");
	comp_lit(c, name);
	comp_lit(c, "=\"");
	TRY(comp_key(c, n, key, num, TMPL_ESC_ATTR, num_used));
	comp_lit(c, "\"");
	return NULL;
}

/* class, t:class and t:class-NAME make one attribute. */
static const struct ib_err *
comp_class(struct comp *c, const struct tmpl_node *n)
{
	const struct tmpl_attr *fixed = node_attr(n, "", "class");
	const struct tmpl_attr *field = node_attr(n, "t:", "class"), *a;
	size_t toggles = 0, i, op;
	struct ref r;
	bool neg;

	for (i = 0; i < n->nattrs; i++)
		toggles += str_starts(n->attrs[i].name, "t:class-");
	if (toggles == 0)
		return field != NULL ? comp_attr_field(c, n, "class", field->value) :
		    comp_attr_literal(c, n, fixed);
	if (field != NULL || fixed != NULL || toggles > 1) {
		comp_lit(c, " class=\"");
		if (field != NULL)
			TRY(comp_field(c, n, field->value, TMPL_ESC_ATTR));
		else if (fixed != NULL)
			comp_escaped(c, fixed->value, TMPL_ESC_ATTR);
	}
	for (i = 0; i < n->nattrs; i++) {
		a = &n->attrs[i];
		if (!str_starts(a->name, "t:class-"))
			continue;
		if (a->name[8] == '\0')
			return comp_fail(c, n, "t:class- without a name");
		TRY(comp_resolve_cond(c, n, a->value, &r, &neg));
		op = comp_add_if(c, &r, neg);
		comp_lit(c, field != NULL || fixed != NULL || toggles > 1 ? " " : " class=\"");
		comp_lit(c, a->name + 8);
		if (field == NULL && fixed == NULL && toggles == 1)
			comp_lit(c, "\"");
		comp_patch(c, op);
	}
	if (field != NULL || fixed != NULL || toggles > 1)
		comp_lit(c, "\"");
	return NULL;
}

bool
comp_is_order(const char *name)
{
	return strcmp(name, "t:each") == 0 || strcmp(name, "t:if") == 0 ||
	    strcmp(name, "t:include") == 0 || strcmp(name, "t:text") == 0 ||
	    strcmp(name, "t:tr") == 0 || strcmp(name, "t:n") == 0 ||
	    strcmp(name, "t:remove") == 0;
}

const struct ib_err *
comp_attrs(struct comp *c, const struct tmpl_node *n, const struct ref *num, bool *num_used)
{
	bool class_done = false;
	size_t i;

	TRY(check_http_equiv(c, n));
	for (i = 0; i < n->nattrs; i++) {
		const struct tmpl_attr *a = &n->attrs[i];
		const char *name = a->name;

		if (comp_is_order(name))
			continue;
		if (strcmp(name, "class") == 0 || strcmp(name, "t:class") == 0 ||
		    str_starts(name, "t:class-")) {
			if (node_attr(n, "t:tr-", "class") != NULL)
				return comp_fail(c, n, "'class' cannot come from the catalogue");
			if (!class_done)
				TRY(comp_class(c, n));
			class_done = true;
		} else if (str_starts(name, "t:tr-")) {
			if (node_attr(n, "t:", name + 5) != NULL)
				return comp_fail(c, n, "both t:%s and t:tr-%s", name + 5, name + 5);
			TRY(comp_attr_key(c, n, name + 5, a->value, num, num_used));
		} else if (str_starts(name, "t:")) {
			TRY(comp_attr_field(c, n, name + 2, a->value));
		} else if (node_attr(n, "t:", name) == NULL &&
		    node_attr(n, "t:tr-", name) == NULL) {
			TRY(comp_attr_literal(c, n, a));
		}
	}
	return NULL;
}
