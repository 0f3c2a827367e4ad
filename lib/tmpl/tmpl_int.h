/* SPDX-License-Identifier: MIT */
/*
 * tmpl_int.h - between the files of the template engine.
 *
 *   load.c    source text -> tree of nodes       (the only user of Mini-XML)
 *   html.c    the names of HTML and what they allow
 *   comp.c    tree -> program, a flat array of ops for one language
 *             (with attr.c and emit.c, see comp.h)
 *   render.c  program and view -> bytes; the set of all programs
 *
 * Trees live in an arena until compiling is over; programs own their memory
 * and live as long as the set.
 */
#ifndef IB_TMPL_INT_H
#define IB_TMPL_INT_H

#include "tmpl.h"

/* ---- trees (load.c) ---- */

#define TMPL_SOURCE_MAX	((size_t)1 << 20)	/* bytes of one file */
#define TMPL_DEPTH_MAX	64u			/* of elements in one file */
#define TMPL_ATTRS_MAX	48u			/* of one element */

struct tmpl_attr {
	const char	*name, *value;
};

struct tmpl_node {
	const char		*name;		/* of the element; NULL: text */
	const char		*text;		/* entities resolved */
	struct tmpl_attr	*attrs;
	size_t			 nattrs;
	int			 html;		/* of an element: its flags, -1 when it may not be used */
	unsigned		 line;
	struct tmpl_node	*parent, *prev, *next, *child;
};

/* `shown` is the name for messages.  The result lives in the arena. */
IB_MUST const struct ib_err *tmpl_parse(struct arena *a, const char *shown,
    const char *src, size_t n, struct tmpl_node **root);

/* Where the text of a file comes from: a folder, or memory in tests. */
struct tmpl_source {
	const struct ib_err	*(*read)(const struct tmpl_source *src, struct arena *a,
				    const char *file, const char **text, size_t *n);
	const char		*dir;		/* also in front of names in messages */
	const void		*arg;
};

const struct ib_err *tmpl_read_file(const struct tmpl_source *src, struct arena *a,
    const char *file, const char **text, size_t *n);

/* ---- programs (comp.c) ---- */

#define TMPL_FRAMES	9u			/* the page and items within items */
#define TMPL_STEPS_MAX	4u			/* SUBs on the way to a field */
#define TMPL_INCLUDES	8u			/* parts within parts */
#define TMPL_OPS_MAX	100000u
#define TMPL_LITS_MAX	((size_t)4 << 20)

/*
 * One op.  A field is (frame, steps, off): start at the item of the frame,
 * follow `nsteps` pointers of SUBs found at the offsets prog->steps[step..],
 * then the member is at `off`.  Texts are (lit, len) in prog->lits.
 */
enum tmpl_code {
	TMPL_OP_LIT,		/* the text */
	TMPL_OP_TEXT,		/* STR between tags */
	TMPL_OP_VALUE,		/* STR inside an attribute value */
	TMPL_OP_INT,		/* INT anywhere */
	TMPL_OP_WORD,		/* BOOL as true/false */
	TMPL_OP_ATTR,		/* the text (` name="`), STR, quote; nothing when NULL */
	TMPL_OP_ATTR_URL,	/* the same with the rules for URLs */
	TMPL_OP_ATTR_INT,	/* the same; nothing when a SUB on the way is NULL */
	TMPL_OP_BASE,		/* the prefix of literal paths */
	TMPL_OP_IF_STR,		/* go to `jump` unless the field (or, with `neg`, its absence) */
	TMPL_OP_IF_INT,
	TMPL_OP_IF_BOOL,
	TMPL_OP_IF_LIST,	/* size_t at off */
	TMPL_OP_IF_SUB,		/* pointer at off */
	TMPL_OP_JUMP,
	TMPL_OP_PLURAL,		/* skip as many ops as the number of the form: a table of JUMPs */
	TMPL_OP_EACH,		/* items at off, count at len, size at lit; frame + 1 is opened */
	TMPL_OP_NEXT,		/* next item of the frame: go to `jump` */
	TMPL_OP_END
};

struct tmpl_op {
	uint8_t		code, frame, nsteps, neg;
	uint32_t	step, off;
	uint32_t	lit, len;
	uint32_t	jump;
	uint32_t	inner;		/* EACH: the frame that is opened */
};

struct tmpl_prog {
	struct tmpl_op	*ops;
	uint32_t	*steps;
	char		*lits;		/* followed by TMPL_PAD readable bytes */
	size_t		 nops, nlits;
	enum lang	 lang;
};

#define TMPL_PAD 16u

/* Trees of files already read while a set is compiled. */
struct tmpl_forest {
	struct arena		 mem;
	struct tmpl_tree	*first;
	const struct tmpl_source *src;
};

void tmpl_forest_init(struct tmpl_forest *f, const struct tmpl_source *src);
void tmpl_forest_fini(struct tmpl_forest *f);

/* `key` is told every key of the catalogue that is used; it may be called twice for one. */
IB_MUST const struct ib_err *tmpl_compile(struct tmpl_forest *f, const struct cats *cats,
    enum lang lang, const struct tmpl_decl *decl,
    bool (*key)(const char *key, void *arg), void *arg, struct tmpl_prog **out);
void tmpl_prog_free(struct tmpl_prog *p);

/* ---- names of HTML (html.c) ---- */

enum html_flags {
	HTML_VOID	= 1,	/* no content, no end tag */
	HTML_BLOCK	= 2,	/* white space beside its tags means nothing */
	HTML_LOOSE	= 4,	/* nor does white space between its children */
	HTML_SVG	= 8,	/* attributes keep their case */
	HTML_TEXT_ONLY	= 16,	/* tags inside would be shown as text */
	HTML_PRE	= 32,	/* white space is kept */
	HTML_SCRIPT	= 64	/* only with src and without content */
};

/* Flags of an element that templates may use; -1 when it is none of them. */
int html_element(const char *name);

enum html_attr {
	HTML_ATTR_UNKNOWN,
	HTML_ATTR_REFUSED,	/* in no template: handlers, styles, other ways to load things */
	HTML_ATTR_PLAIN,
	HTML_ATTR_URL,
	HTML_ATTR_BOOL,		/* there or not */
	HTML_ATTR_EITHER,	/* there or not, or with a value */
	HTML_ATTR_WORD		/* a yes/no field is written true/false */
};

enum html_attr html_attr_kind(const char *name);

/* ---- escaping (render.c) ---- */

#define TMPL_ESC_TEXT	1u
#define TMPL_ESC_ATTR	2u
void tmpl_escape(struct ib_buf *out, const char *s, unsigned where);
/* What a URL attribute may hold: see tmpl.h. */
bool tmpl_url_ok(const char *s, bool allow_http);

/* tmpl_load() with another source; `src` must outlive the set. */
IB_MUST const struct ib_err *tmpl_load_from(const struct tmpl_source *src,
    const struct cats *cats, const struct tmpl_decl *decls, size_t ndecls,
    bool allow_http, bool lazy, struct tmpl_set **out);

#endif
