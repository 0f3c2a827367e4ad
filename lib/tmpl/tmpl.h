/* SPDX-License-Identifier: MIT */
/*
 * tmpl.h - page templates: well-formed HTML files compiled once to flat ops.
 *
 * A template is a valid HTML document with sample data that opens in a
 * browser; attributes `t:...` say what replaces the samples:
 *
 *   t:text="row.name"        content becomes that field, escaped
 *   t:tr="inbox.title"       content becomes that string of the catalogue
 *   t:n="count"              (with t:tr, t:tr-...) the number that chooses the
 *                            plural; {n} in the string is that number
 *   t:href="row.href"        attribute from a field (any attribute name that
 *                            HTML knows, data-... and aria-...); a NULL string
 *                            leaves it out; a BOOL field ("field", "!field")
 *                            makes a boolean attribute appear or vanish and
 *                            is written true/false in aria-...
 *   t:id="t-{row.id}"        attribute from a text with fields in it; an address
 *                            ("/inbox/{row.id}") takes numbers only
 *   t:tr-title="key"         attribute from the catalogue (title, alt,
 *                            placeholder, aria-label, content, ...), not URLs
 *   t:class-NAME="field"     adds class NAME when the field ("!field") is true
 *   t:if="a.b" / "!a.b"      the element appears or not (strings: not NULL and
 *                            not ""; numbers: not 0; lists: not empty; SUBs:
 *                            not NULL)
 *   t:each="row : threads"   repeats the element; `row` names the item inside;
 *                            a t:if beside it is asked for each item
 *   t:include="part_x.html"  content becomes the children of <body> (or of the
 *                            root) of that file, compiled in this scope
 *   t:remove="all|tag"       sample only: drops the element, or just its tag
 *   <t:block>                an element without a tag of its own
 *
 * A literal href, src, action ... that is written must start with "/", "#",
 * "?" or "https://"; one that a t: attribute replaces may be anything, so
 * that the file finds its style sheet when it is opened in a browser.  In
 * front of literal "/paths" (and "/paths/{with.numbers}") stands the prefix of
 * tmpl_set_base(); fields are written as they are.
 *
 * Paths are names of fields: `name` of the innermost item that has it, then
 * outwards to the page; `row.name` of the named item.  Placeholders {name}
 * inside strings of the catalogue are resolved the same way.  All names and
 * kinds are checked at compile time against the view's field table; an
 * unknown one stops the start with file and element path.  Strings of the
 * catalogue are resolved at compile time as well, once per language.
 *
 * Escaping is by position: text; attribute; URL attributes (href, src,
 * action, formaction, poster, data, cite) pass only "/path" (not "//host"),
 * "./path", "?...", "#...", "https://..." and, on loopback set-ups, "http://..." (else,
 * and with control characters, "#").  Control characters become U+FFFD.  There
 * is no raw output.  Refused at compile time: on* attributes, style, srcdoc,
 * srcset, http-equiv (but a refresh), inline <script> or <style>, CDATA,
 * processing instructions, unknown elements.
 *
 * The files are XML: every element is closed, every attribute has a quoted
 * value, and of the named entities there are only the five of XML.  Output is
 * HTML: void elements without end tag, the others with one, comments dropped.
 * White space is squeezed and left out beside block elements, except in pre
 * and textarea.
 */
#ifndef IB_TMPL_H
#define IB_TMPL_H

#include "../base/arena.h"
#include "../base/buf.h"
#include "../base/cat.h"

enum tmpl_kind { TMPL_STR, TMPL_INT, TMPL_BOOL, TMPL_LIST, TMPL_SUB };

struct tmpl_field {
	const char		*name;
	enum tmpl_kind		 kind;
	size_t			 off;		/* of the member */
	size_t			 count_off;	/* LIST: of its size_t count */
	const struct tmpl_type	*type;		/* LIST: of an element; SUB: of the struct */
};

struct tmpl_type {
	const char		*name;		/* for messages */
	size_t			 size;
	const struct tmpl_field	*fields;	/* ends with name == NULL */
};

/*
 * Views are plain structs: const char * (STR), int64_t (INT), bool (BOOL),
 * `T *items; size_t n_items;` (LIST), `T *sub` (SUB: a pointer, NULL = absent,
 * usable in t:if; its fields are then empty).
 */
#define F_STR(T, m)	{ #m, TMPL_STR, F_OFF_(T, m, const char *: 1, char *), 0, NULL }
#define F_INT(T, m)	{ #m, TMPL_INT, F_OFF_(T, m, int64_t), 0, NULL }
#define F_BOOL(T, m)	{ #m, TMPL_BOOL, F_OFF_(T, m, bool), 0, NULL }
#define F_LIST(T, m, t)	{ #m, TMPL_LIST, offsetof(T, m), F_OFF_(T, n_##m, size_t), (t) }
#define F_SUB(T, m, t)	{ #m, TMPL_SUB, offsetof(T, m), 0, (t) }
#define F_END		{ NULL, TMPL_STR, 0, 0, NULL }
/* offsetof that does not compile when the member has another type. */
#define F_OFF_(T, m, ...) \
	(offsetof(T, m) + 0 * sizeof(char[_Generic(((T *)0)->m, __VA_ARGS__: 1)]))

struct tmpl_decl {			/* one page or fragment */
	const char		*file;
	const struct tmpl_type	*type;
	bool			 fragment;	/* children of <body> only, no doctype */
};

struct tmpl_set;
/* From now on http:// links pass, or do not: a sandbox stands in for the services. */
void tmpl_allow_http(struct tmpl_set *set, bool allow);

/*
 * Declare the templates of the program.  With `lazy` each is compiled when it
 * is first rendered, or with all that are left by tmpl_complete(); otherwise all are compiled now and any
 * mistake is IB_ECONF with file and element path.  `decls` and `cats` must
 * outlive the set.  `allow_http` lets http:// links pass (loopback set-ups).
 */
IB_MUST const struct ib_err *tmpl_load(const char *dir, const struct cats *cats,
    const struct tmpl_decl *decls, size_t ndecls, bool allow_http, bool lazy,
    struct tmpl_set **out);
IB_MUST const struct ib_err *tmpl_complete(struct tmpl_set *set);
void tmpl_free(struct tmpl_set *set);

/*
 * The prefix of literal paths, when the product does not live at the root of
 * its site: "" (as after loading) or like "/inbox".  IB_ECONF when it is no path.
 */
IB_MUST const struct ib_err *tmpl_set_base(struct tmpl_set *set, const char *prefix);

/*
 * Render template number `which` for the language and view; appends to out.
 * Fails only when out does or when a lazy template has a mistake.
 */
IB_MUST const struct ib_err *tmpl_render(struct tmpl_set *set, size_t which,
    enum lang lang, const void *view, struct ib_buf *out);

/*
 * For the guards: call fn for every catalogue key that the loaded templates
 * use (all must be compiled).
 */
void tmpl_each_key(const struct tmpl_set *set, void (*fn)(const char *key, void *arg), void *arg);

#endif
