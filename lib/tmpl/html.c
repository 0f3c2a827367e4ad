/* SPDX-License-Identifier: MIT */
/*
 * html.c - the elements templates may use and the kinds of attributes.
 *
 * Constant tables; nothing here allocates or fails.  They are read only while
 * templates are compiled, so that a walk through them is fast enough.
 */
#include "tmpl_int.h"

#include <assert.h>
#include <string.h>

static const struct {
	const char	*name;
	int		 flags;
} elements[] = {
	/* document */
	{ "html", HTML_BLOCK | HTML_LOOSE },
	{ "head", HTML_BLOCK | HTML_LOOSE },
	{ "title", HTML_BLOCK | HTML_TEXT_ONLY },
	{ "meta", HTML_BLOCK | HTML_VOID },
	{ "link", HTML_BLOCK | HTML_VOID },
	{ "script", HTML_SCRIPT },
	{ "noscript", 0 },
	{ "template", 0 },
	{ "body", HTML_BLOCK },
	/* sections and blocks */
	{ "header", HTML_BLOCK }, { "footer", HTML_BLOCK }, { "main", HTML_BLOCK },
	{ "nav", HTML_BLOCK }, { "section", HTML_BLOCK }, { "article", HTML_BLOCK },
	{ "aside", HTML_BLOCK }, { "search", HTML_BLOCK }, { "address", HTML_BLOCK },
	{ "h1", HTML_BLOCK }, { "h2", HTML_BLOCK }, { "h3", HTML_BLOCK },
	{ "h4", HTML_BLOCK }, { "h5", HTML_BLOCK }, { "h6", HTML_BLOCK },
	{ "hgroup", HTML_BLOCK }, { "div", HTML_BLOCK }, { "p", HTML_BLOCK },
	{ "hr", HTML_BLOCK | HTML_VOID },
	{ "pre", HTML_BLOCK | HTML_PRE },
	{ "blockquote", HTML_BLOCK },
	{ "figure", HTML_BLOCK }, { "figcaption", HTML_BLOCK },
	{ "details", HTML_BLOCK }, { "summary", HTML_BLOCK }, { "dialog", HTML_BLOCK },
	{ "ol", HTML_BLOCK | HTML_LOOSE }, { "ul", HTML_BLOCK | HTML_LOOSE },
	{ "menu", HTML_BLOCK | HTML_LOOSE }, { "li", HTML_BLOCK },
	{ "dl", HTML_BLOCK | HTML_LOOSE }, { "dt", HTML_BLOCK }, { "dd", HTML_BLOCK },
	/* tables */
	{ "table", HTML_BLOCK | HTML_LOOSE }, { "caption", HTML_BLOCK },
	{ "colgroup", HTML_BLOCK | HTML_LOOSE }, { "col", HTML_BLOCK | HTML_VOID },
	{ "thead", HTML_BLOCK | HTML_LOOSE }, { "tbody", HTML_BLOCK | HTML_LOOSE },
	{ "tfoot", HTML_BLOCK | HTML_LOOSE }, { "tr", HTML_BLOCK | HTML_LOOSE },
	{ "td", HTML_BLOCK }, { "th", HTML_BLOCK },
	/* text */
	{ "a", 0 }, { "em", 0 }, { "strong", 0 }, { "small", 0 }, { "s", 0 }, { "cite", 0 },
	{ "q", 0 }, { "dfn", 0 }, { "abbr", 0 }, { "data", 0 }, { "time", 0 }, { "code", 0 },
	{ "var", 0 }, { "samp", 0 }, { "kbd", 0 }, { "sub", 0 }, { "sup", 0 }, { "i", 0 },
	{ "b", 0 }, { "u", 0 }, { "mark", 0 }, { "ruby", 0 }, { "rt", 0 }, { "rp", 0 },
	{ "bdi", 0 }, { "bdo", 0 }, { "span", 0 }, { "ins", 0 }, { "del", 0 },
	{ "br", HTML_VOID }, { "wbr", HTML_VOID },
	/* pictures and sound */
	{ "img", HTML_VOID }, { "picture", HTML_LOOSE }, { "source", HTML_VOID },
	{ "audio", 0 }, { "video", 0 }, { "track", HTML_VOID },
	/* forms */
	{ "form", HTML_BLOCK }, { "fieldset", HTML_BLOCK }, { "legend", HTML_BLOCK },
	{ "label", 0 }, { "input", HTML_VOID }, { "button", 0 },
	{ "select", HTML_LOOSE }, { "datalist", HTML_LOOSE },
	{ "optgroup", HTML_BLOCK | HTML_LOOSE }, { "option", HTML_BLOCK | HTML_TEXT_ONLY },
	{ "textarea", HTML_PRE | HTML_TEXT_ONLY },
	{ "output", 0 }, { "progress", 0 }, { "meter", 0 },
	/* drawings */
	{ "svg", HTML_SVG | HTML_LOOSE }, { "g", HTML_SVG | HTML_BLOCK | HTML_LOOSE },
	{ "defs", HTML_SVG | HTML_BLOCK | HTML_LOOSE },
	{ "symbol", HTML_SVG | HTML_BLOCK | HTML_LOOSE },
	{ "path", HTML_SVG | HTML_BLOCK }, { "circle", HTML_SVG | HTML_BLOCK },
	{ "ellipse", HTML_SVG | HTML_BLOCK }, { "rect", HTML_SVG | HTML_BLOCK },
	{ "line", HTML_SVG | HTML_BLOCK }, { "polyline", HTML_SVG | HTML_BLOCK },
	{ "polygon", HTML_SVG | HTML_BLOCK }, { "use", HTML_SVG | HTML_BLOCK },
};

/* Words between blanks; the leading blank lets a name be found whole. */
static const struct {
	enum html_attr	 kind;
	const char	*names;
} attrs[] = {
	{ HTML_ATTR_URL, " href src action formaction poster data cite " },
	{ HTML_ATTR_BOOL,
	    " allowfullscreen async autofocus autoplay checked controls default defer disabled"
	    " formnovalidate hidden inert ismap loop multiple muted novalidate open playsinline"
	    " readonly required reversed selected " },
	{ HTML_ATTR_EITHER, " download " },
	{ HTML_ATTR_WORD, " contenteditable draggable focusable spellcheck " },
	{ HTML_ATTR_REFUSED,
	    " archive attributionsrc background classid codebase dynsrc http-equiv imagesrcset"
	    " longdesc lowsrc manifest ping profile srcdoc srcset style " },
	{ HTML_ATTR_PLAIN,
	    " abbr accept accept-charset accesskey alt as autocapitalize autocomplete autocorrect"
	    " capture charset class color cols colspan content coords crossorigin datetime decoding"
	    " dir dirname enctype enterkeyhint fetchpriority for form formenctype formmethod"
	    " formtarget headers height high hreflang id inputmode integrity kind label lang list"
	    " loading low max maxlength media method min minlength name optimum pattern placeholder"
	    " popover popovertarget popovertargetaction preload referrerpolicy rel role rows"
	    " rowspan scope shape size sizes span start step tabindex target title translate type"
	    " usemap value width wrap" },
	{ HTML_ATTR_PLAIN,
	    " clip-rule cx cy d fill fill-opacity fill-rule opacity pathLength points"
	    " preserveAspectRatio r rx ry stroke stroke-dasharray stroke-dashoffset stroke-linecap"
	    " stroke-linejoin stroke-opacity stroke-width transform vector-effect viewBox"
	    " x x1 x2 y y1 y2 " },
};

int
html_element(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
		if (elements[i].name[0] == name[0] && strcmp(elements[i].name, name) == 0)
			return elements[i].flags;
	return -1;
}

/* The words of `attrs` by their first letter, made at the first question. */
#define WORDS_MAX	400

static struct word {
	const char	*s;
	size_t		 n;
	enum html_attr	 kind;
	short		 next;		/* of the same letter; -1: none */
} words[WORDS_MAX];
static short first[128];		/* index and 1 */

static void
index_words(void)
{
	size_t i, len, n = 0;
	const char *p;

	/* From the end: the first list that has a word is the one that counts. */
	for (i = sizeof(attrs) / sizeof(attrs[0]); i-- > 0; )
		for (p = attrs[i].names; *(p += strspn(p, " ")) != '\0'; p += len) {
			len = strcspn(p, " ");
			assert(n < WORDS_MAX && (unsigned char)*p < 128);
			words[n] = (struct word){ p, len, attrs[i].kind, (short)(first[(unsigned char)*p] - 1) };
			first[(unsigned char)*p] = (short)++n;
		}
}

enum html_attr
html_attr_kind(const char *name)
{
	size_t n;
	short i;

	if (name[0] == '\0')
		return HTML_ATTR_UNKNOWN;
	if ((name[0] == 'o' || name[0] == 'O') && (name[1] == 'n' || name[1] == 'N'))
		return HTML_ATTR_REFUSED;
	if (strncmp(name, "aria-", 5) == 0 && name[5] != '\0')
		return HTML_ATTR_WORD;
	if (strncmp(name, "data-", 5) == 0 && name[5] != '\0')
		return HTML_ATTR_EITHER;
	if (first['c'] == 0)
		index_words();		/* "class" is one */
	n = strlen(name);
	for (i = (unsigned char)name[0] < 128 ? (short)(first[(unsigned char)name[0]] - 1) : -1; i >= 0; i = words[i].next)
		if (words[i].n == n && memcmp(words[i].s, name, n) == 0)
			return words[i].kind;
	return HTML_ATTR_UNKNOWN;
}
