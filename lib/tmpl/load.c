/* SPDX-License-Identifier: MIT */
/*
 * load.c - a template file to a tree; the only file that knows Mini-XML.
 *
 * Two passes.  The first (scan) walks over the source, refuses what is no
 * template, and copies it: without comments and document type, with one kind
 * of line end, with the line number of each start tag as an attribute, inside
 * two elements of our own.  The second gives the copy to Mini-XML and turns
 * its tree at once into ours.
 *
 * The scan is there because Mini-XML accepts too much and says too little: it
 * takes a document that is cut off, ignores text behind the root, stops at a
 * bad byte without a word, lets surrogates through as entities, keeps no line
 * numbers, and its ways out of an error were at times unsafe.  After the scan
 * an error from it is not expected, but still counted and reported.
 *
 * Everything is in the arena of the caller; fails with IB_ECONF, the name of
 * the file and the line.
 */
#include "tmpl_int.h"
#include "../base/str.h"

#include <errno.h>
#include <mxml.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- the two generations of the library: 3.x and 4.x ---- */

static unsigned	xml_errors;
static char	xml_first[120];		/* the first message */

static void
xml_note(const char *msg)
{
	if (xml_errors++ == 0)
		snprintf(xml_first, sizeof(xml_first), "%s", msg);
}

#if MXML_MAJOR_VERSION >= 4
#define XML_IS_ELEMENT(n)	(mxmlGetType(n) == MXML_TYPE_ELEMENT)
#define XML_IS_TEXT(n)		(mxmlGetType(n) == MXML_TYPE_OPAQUE)
typedef size_t xml_index;

static void
xml_on_error(void *arg, const char *msg)
{
	(void)arg;
	xml_note(msg);
}

static mxml_node_t *
xml_load(const char *s)
{
	mxml_options_t *o = mxmlOptionsNew();
	mxml_node_t *top;

	if (o == NULL)
		return NULL;
	mxmlOptionsSetTypeValue(o, MXML_TYPE_OPAQUE);
	mxmlOptionsSetErrorCallback(o, xml_on_error, NULL);
	top = mxmlLoadString(NULL, o, s);
	mxmlOptionsDelete(o);
	return top;
}
#else
#define XML_IS_ELEMENT(n)	(mxmlGetType(n) == MXML_ELEMENT)
#define XML_IS_TEXT(n)		(mxmlGetType(n) == MXML_OPAQUE)
typedef int xml_index;

static mxml_node_t *
xml_load(const char *s)
{
	mxml_node_t *top;

	mxmlSetErrorCallback(xml_note);
	top = mxmlLoadString(NULL, s, MXML_OPAQUE_CALLBACK);
	mxmlSetErrorCallback(NULL);
	return top;
}
#endif

/* ---- the scan ---- */

#define LINE_ATTR	"t:line"

struct name {
	const char	*p;
	size_t		 n;
};

struct scan {
	const char	*shown;
	const char	*p, *end;
	unsigned	 line;
	bool		 root_seen;
	unsigned	 depth;
	struct name	 open[TMPL_DEPTH_MAX];
	struct ib_buf	 out;
};

#define FAIL(s, ...) scan_fail((s), __VA_ARGS__)
static const struct ib_err *scan_fail(const struct scan *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

static const struct ib_err *
scan_fail(const struct scan *s, const char *fmt, ...)
{
	char msg[160];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(msg, sizeof(msg), fmt, ap) < 0)
		msg[0] = '\0';
	va_end(ap);
	return ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s:%u: %s", s->shown, s->line, msg);
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
at(const struct scan *s, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(s->end - s->p) >= n && memcmp(s->p, word, n) == 0;
}

static void
skip_space(struct scan *s)
{
	for (; s->p < s->end && is_space(*s->p); s->p++)
		if (*s->p == '\n')
			s->line++;
}

/* UTF-8 and no control bytes, before anything else looks at the text. */
static const struct ib_err *
check_bytes(struct scan *s)
{
	const char *p = s->p, *eol, *q;

	for (; p < s->end; p = eol + 1, s->line++) {
		if ((eol = memchr(p, '\n', (size_t)(s->end - p))) == NULL)
			eol = s->end;
		if (!str_utf8_ok(p, (size_t)(eol - p)))
			return FAIL(s, "not UTF-8");
		for (q = p; q < eol; q++)
			if (((unsigned char)*q < 0x20 && *q != '\t' && *q != '\r') ||
			    *q == 0x7f)
				return FAIL(s, "a control character");
		if (eol == s->end)
			break;
	}
	s->line = 1;
	return NULL;
}

static const struct ib_err *
take_name(struct scan *s, struct name *out)
{
	const char *from = s->p;

	for (; s->p < s->end; s->p++) {
		char c = *s->p;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
			continue;
		if (s->p > from && ((c >= '0' && c <= '9') || c == '-' || c == '_' ||
		    c == ':' || c == '.'))
			continue;
		break;
	}
	out->p = from;
	out->n = (size_t)(s->p - from);
	if (out->n == 0)
		return FAIL(s, "a name is expected");
	if (out->n > 60)
		return FAIL(s, "a name is too long");
	return NULL;
}

static bool
same_name(const struct name *a, const struct name *b)
{
	return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

/* At '&': copies the entity.  XML knows five names; the rest are numbers. */
static const struct ib_err *
take_entity(struct scan *s)
{
	static const char *const known[] = { "&lt;", "&gt;", "&amp;", "&quot;", "&apos;" };
	const char *p = s->p + 1;
	uint32_t v = 0, base = 10, d;
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (at(s, known[i])) {
			buf_puts(&s->out, known[i]);
			s->p += strlen(known[i]);
			return NULL;
		}
	if (p == s->end || *p != '#')
		return FAIL(s, "only &lt; &gt; &amp; &quot; &apos; and numbers like &#160; are "
		    "known in a template");
	if (++p < s->end && *p == 'x') {
		base = 16;
		p++;
	}
	for (i = 0; p < s->end && i < 7; p++, i++) {
		if (*p >= '0' && *p <= '9')
			d = (uint32_t)(*p - '0');
		else if (base == 16 && *p >= 'a' && *p <= 'f')
			d = (uint32_t)(*p - 'a' + 10);
		else if (base == 16 && *p >= 'A' && *p <= 'F')
			d = (uint32_t)(*p - 'A' + 10);
		else
			break;
		v = v * base + d;
	}
	if (i == 0 || p == s->end || *p != ';' || (v < 0x20 && v != '\t' && v != '\n') ||
	    (v >= 0x7f && v < 0xa0) || (v >= 0xd800 && v < 0xe000) || v > 0x10ffff)
		return FAIL(s, "a bad character number");
	p++;
	buf_append(&s->out, s->p, (size_t)(p - s->p));
	s->p = p;
	return NULL;
}

static const struct ib_err *
take_value(struct scan *s, const struct name *attr)
{
	const struct ib_err *err;
	char quote;

	skip_space(s);
	if (s->p == s->end || *s->p != '=')
		return FAIL(s, "attribute '%.*s' has no value", (int)attr->n, attr->p);
	s->p++;
	skip_space(s);
	if (s->p == s->end || (*s->p != '"' && *s->p != '\''))
		return FAIL(s, "the value of '%.*s' is not quoted", (int)attr->n, attr->p);
	buf_putc(&s->out, '=');
	buf_putc(&s->out, quote = *s->p++);
	while (s->p < s->end && *s->p != quote) {
		if (*s->p == '<')
			return FAIL(s, "'<' in the value of '%.*s' (write &lt;)",
			    (int)attr->n, attr->p);
		if (*s->p == '&') {
			if ((err = take_entity(s)) != NULL)
				return err;
			continue;
		}
		if (*s->p == '\n')
			s->line++;
		if (*s->p != '\r')
			buf_putc(&s->out, is_space(*s->p) ? ' ' : *s->p);
		s->p++;
	}
	if (s->p == s->end)
		return FAIL(s, "the value of '%.*s' does not end", (int)attr->n, attr->p);
	s->p++;
	buf_putc(&s->out, quote);
	return NULL;
}

static const struct ib_err *
take_start_tag(struct scan *s)
{
	struct name el, seen[TMPL_ATTRS_MAX];
	const struct ib_err *err;
	size_t n = 0, i;
	bool spaced;

	if (s->depth == 0 && s->root_seen)
		return FAIL(s, "a second element at the top");
	s->p++;
	if ((err = take_name(s, &el)) != NULL)
		return err;
	buf_putc(&s->out, '<');
	buf_append(&s->out, el.p, el.n);
	buf_printf(&s->out, " " LINE_ATTR "=\"%u\"", s->line);
	seen[n].p = LINE_ATTR;
	seen[n++].n = strlen(LINE_ATTR);
	for (;;) {
		spaced = s->p < s->end && is_space(*s->p);
		skip_space(s);
		if (s->p == s->end)
			return FAIL(s, "the tag <%.*s> does not end", (int)el.n, el.p);
		if (*s->p == '>' || *s->p == '/')
			break;
		if (!spaced)
			return FAIL(s, "a blank is missing in <%.*s>", (int)el.n, el.p);
		if (n == TMPL_ATTRS_MAX)
			return FAIL(s, "<%.*s> has too many attributes", (int)el.n, el.p);
		if ((err = take_name(s, &seen[n])) != NULL)
			return err;
		for (i = 0; i < n; i++)
			if (same_name(&seen[i], &seen[n]))
				return FAIL(s, "attribute '%.*s' twice", (int)seen[n].n, seen[n].p);
		buf_putc(&s->out, ' ');
		buf_append(&s->out, seen[n].p, seen[n].n);
		if ((err = take_value(s, &seen[n])) != NULL)
			return err;
		n++;
	}
	s->root_seen = true;
	if (*s->p == '/') {
		s->p++;
		if (s->p == s->end || *s->p != '>')
			return FAIL(s, "'>' is expected after '/' in <%.*s>", (int)el.n, el.p);
		buf_putc(&s->out, '/');
	} else {
		if (s->depth == TMPL_DEPTH_MAX)
			return FAIL(s, "elements are nested too deeply");
		s->open[s->depth++] = el;
	}
	s->p++;
	buf_putc(&s->out, '>');
	return NULL;
}

static const struct ib_err *
take_end_tag(struct scan *s)
{
	const struct ib_err *err;
	const struct name *top;
	struct name el;

	s->p += 2;
	if ((err = take_name(s, &el)) != NULL)
		return err;
	skip_space(s);
	if (s->p == s->end || *s->p != '>')
		return FAIL(s, "the tag </%.*s> does not end", (int)el.n, el.p);
	s->p++;
	if (s->depth == 0)
		return FAIL(s, "</%.*s> closes nothing", (int)el.n, el.p);
	top = &s->open[s->depth - 1];
	if (!same_name(top, &el))
		return FAIL(s, "</%.*s> where </%.*s> is expected", (int)el.n, el.p,
		    (int)top->n, top->p);
	s->depth--;
	buf_append(&s->out, "</", 2);
	buf_append(&s->out, el.p, el.n);
	buf_putc(&s->out, '>');
	return NULL;
}

static const struct ib_err *
skip_comment(struct scan *s)
{
	for (s->p += 4; s->p < s->end; s->p++) {
		if (at(s, "-->")) {
			s->p += 3;
			return NULL;
		}
		if (*s->p == '\n')
			s->line++;
	}
	return FAIL(s, "a comment does not end");
}

static const struct ib_err *
take_markup(struct scan *s)
{
	if (at(s, "<!--"))
		return skip_comment(s);
	if (at(s, "<![CDATA["))
		return FAIL(s, "CDATA is refused");
	if (at(s, "<!"))
		return FAIL(s, "declarations are refused");
	if (at(s, "<?"))
		return FAIL(s, "processing instructions are refused");
	if (at(s, "</"))
		return take_end_tag(s);
	return take_start_tag(s);
}

/* <!DOCTYPE html> in any case, only before the root. */
static bool
skip_doctype(struct scan *s)
{
	static const char word[] = "<!doctype html>";
	size_t i;

	for (i = 0; word[i] != '\0'; i++) {
		char c = s->p + i < s->end ? s->p[i] : '\0';

		if (c >= 'A' && c <= 'Z')
			c = (char)(c + 32);
		if (c != word[i])
			return false;
	}
	s->p += i;
	return true;
}

static const struct ib_err *
scan(struct scan *s)
{
	const struct ib_err *err;
	bool doctype = false;

	if (at(s, "\xef\xbb\xbf"))
		s->p += 3;
	if ((err = check_bytes(s)) != NULL)
		return err;
	buf_puts(&s->out, "<t><t>");
	while (s->p < s->end) {
		char c = *s->p;

		if (c == '<') {
			if (!s->root_seen && !doctype && skip_doctype(s)) {
				doctype = true;
				continue;
			}
			if ((err = take_markup(s)) != NULL)
				return err;
		} else if (s->depth == 0) {
			if (!is_space(c))
				return FAIL(s, "text outside of the root element");
			skip_space(s);
		} else if (c == '&') {
			if ((err = take_entity(s)) != NULL)
				return err;
		} else if (at(s, "\xef\xbb\xbf")) {
			return FAIL(s, "a byte order mark in the middle");
		} else {
			if (c == '\n')
				s->line++;
			if (c != '\r')
				buf_putc(&s->out, c);
			s->p++;
		}
	}
	if (s->depth > 0)
		return FAIL(s, "<%.*s> is not closed", (int)s->open[s->depth - 1].n,
		    s->open[s->depth - 1].p);
	if (!s->root_seen)
		return FAIL(s, "no element");
	buf_puts(&s->out, "</t></t>");
	return buf_check(&s->out);
}

/* ---- Mini-XML's tree to ours ---- */

static unsigned
line_of(const char *s)
{
	int64_t v;

	return str_int_in(s, 0, 1 << 30, &v) ? (unsigned)v : 0;
}

static bool
convert_attrs(struct arena *a, mxml_node_t *x, struct tmpl_node *n)
{
	xml_index count = mxmlElementGetAttrCount(x), i;

	n->attrs = ARENA_ARRAY(a, (size_t)count, struct tmpl_attr);
	for (i = 0; i < count; i++) {
		const char *name = NULL, *value = mxmlElementGetAttrByIndex(x, i, &name);

		if (n->attrs == NULL || name == NULL || value == NULL)
			return false;
		if (strcmp(name, LINE_ATTR) == 0) {
			n->line = line_of(value);
			continue;
		}
		n->attrs[n->nattrs].name = arena_dup(a, name);
		n->attrs[n->nattrs++].value = arena_dup(a, value);
	}
	return true;
}

/* Recursion is as deep as the scan allows.  NULL: memory, or an unknown kind of node. */
static struct tmpl_node *
convert(struct arena *a, mxml_node_t *x)
{
	struct tmpl_node *n = ARENA_NEW(a, struct tmpl_node), *kid, *last = NULL;

	if (n == NULL)
		return NULL;
	if (XML_IS_TEXT(x)) {
		const char *s = mxmlGetOpaque(x);

		n->text = arena_dup(a, s == NULL ? "" : s);
		return n->text == NULL ? NULL : n;
	}
	if (!XML_IS_ELEMENT(x) || (n->name = arena_dup(a, mxmlGetElement(x))) == NULL ||
	    !convert_attrs(a, x, n))
		return NULL;
	n->html = html_element(n->name);
	for (x = mxmlGetFirstChild(x); x != NULL; x = mxmlGetNextSibling(x)) {
		if ((kid = convert(a, x)) == NULL)
			return NULL;
		kid->parent = n;
		kid->prev = last;
		if (last == NULL)
			n->child = kid;
		else
			last->next = kid;
		last = kid;
	}
	return n;
}

/* The only element inside the inner one of our two wrappers. */
static mxml_node_t *
unwrap(mxml_node_t *top)
{
	mxml_node_t *x = top == NULL ? NULL : mxmlGetFirstChild(top);

	if (x == NULL || mxmlGetNextSibling(x) != NULL)
		return NULL;
	x = mxmlGetFirstChild(x);
	return x == NULL || mxmlGetNextSibling(x) != NULL ? NULL : x;
}

const struct ib_err *
tmpl_parse(struct arena *a, const char *shown, const char *src, size_t n,
    struct tmpl_node **root)
{
	struct scan s = { .shown = shown, .p = src, .end = src + n, .line = 1 };
	const struct ib_err *err;
	mxml_node_t *top = NULL, *x;

	*root = NULL;
	if (n > TMPL_SOURCE_MAX)
		return FAIL(&s, "the file is too big");
	buf_init(&s.out, 16 * TMPL_SOURCE_MAX);
	if ((err = scan(&s)) != NULL)
		goto done;
	xml_errors = 0;
	top = xml_load(buf_cstr(&s.out));
	x = unwrap(top);
	if (xml_errors > 0 || x == NULL) {
		err = FAIL(&s, "XML: %s", xml_errors > 0 ? xml_first : "cannot be read");
		goto done;
	}
	if ((*root = convert(a, x)) == NULL || arena_failed(a)) {
		*root = NULL;
		err = ib_fail(IB_ENOMEM, IB_RETRY_NEVER, "%s: no memory for the tree", shown);
	}
done:
	if (top != NULL)
		mxmlDelete(top);
	buf_fini(&s.out);
	return err;
}

const struct ib_err *
tmpl_read_file(const struct tmpl_source *src, struct arena *a, const char *file,
    const char **text, size_t *n)
{
	const struct ib_err *err = NULL;
	char path[4096], chunk[8192];
	struct ib_buf b;
	size_t got;
	FILE *f;
	int len;

	len = snprintf(path, sizeof(path), "%s/%s", src->dir, file);
	if (len < 0 || (size_t)len >= sizeof(path))
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "templates: the path is too long");
	if ((f = fopen(path, "re")) == NULL)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s: %s", path, strerror(errno));
	buf_init(&b, TMPL_SOURCE_MAX);
	while ((got = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_append(&b, chunk, got);
	if (ferror(f))
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s: cannot be read", path);
	else if (b.failed)
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s: the file is too big", path);
	else if ((*text = arena_dupn(a, buf_cstr(&b), b.len)) == NULL)
		err = ib_fail(IB_ENOMEM, IB_RETRY_NEVER, "%s: no memory", path);
	else
		*n = b.len;
	fclose(f);
	buf_fini(&b);
	return err;
}
