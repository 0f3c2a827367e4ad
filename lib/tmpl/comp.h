/* SPDX-License-Identifier: MIT */
/*
 * comp.h - between the files of the template compiler.
 *
 *   comp.c   walks the tree: text, parts, elements, whole programs
 *   attr.c   the attributes of an element
 *   emit.c   appends ops, resolves names, words messages
 *
 * One struct comp lives while one program is made; tmpl_compile() owns it.
 * Memory trouble and the caps on size are sticky (`failed`) and reported at
 * the end; a mistake in a template stops at once with IB_ECONF, file, line and
 * element path.
 */
#ifndef IB_TMPL_COMP_H
#define IB_TMPL_COMP_H

#include "tmpl_int.h"

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

#define TRY(e) do { \
	const struct ib_err *try_ = (e); \
	if (try_ != NULL) \
		return try_; \
} while (0)

/* ---- emit.c ---- */

/* The error of a mistake at that node of the file at hand. */
const struct ib_err *comp_fail(const struct comp *c, const struct tmpl_node *n,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* "a string", "a list" ... */
const char *comp_kind_name(enum tmpl_kind k);
/* The last max bytes of s, with dots in front when something was cut. */
const char *comp_tail(const char *s, size_t max, const char **dots);

/* Append an op and return its number; `r` may be NULL.  May move the ops. */
size_t comp_add(struct comp *c, enum tmpl_code code, const struct ref *r);
/* A branch that skips to its patch unless the field (with `neg`: its absence). */
size_t comp_add_if(struct comp *c, const struct ref *r, bool neg);
/* An op that writes the attribute from the field or leaves it out. */
void comp_add_attr(struct comp *c, enum tmpl_code code, const struct ref *r, const char *name);
/* The jump of that op leads here. */
void comp_patch(struct comp *c, size_t op);
/* The last op when it is a literal that may grow, else NULL. */
struct tmpl_op *comp_open_lit(struct comp *c);
/* Literals: as it is; escaped; the buffer tmp, escaped. */
void comp_lit(struct comp *c, const char *s);
void comp_escaped(struct comp *c, const char *s, unsigned where);
void comp_tmp(struct comp *c, unsigned where);

bool comp_is_name(const char *s, size_t n);
/* A path to its field; a condition is a path, perhaps with '!' in front. */
const struct ib_err *comp_resolve(const struct comp *c, const struct tmpl_node *n,
    const char *path, struct ref *out);
const struct ib_err *comp_resolve_cond(const struct comp *c, const struct tmpl_node *n,
    const char *s, struct ref *r, bool *neg);

/* ---- comp.c ---- */

/* A field as text; `where` says between what (TMPL_ESC_...). */
const struct ib_err *comp_field(struct comp *c, const struct tmpl_node *n, const char *path,
    unsigned where);
/* A text with {name} of fields; `num`, which may be NULL, is {n}. */
const struct ib_err *comp_format(struct comp *c, const struct tmpl_node *n, const char *s,
    const struct ref *num, unsigned where);
/* A string of the catalogue; `num` chooses its plural form and may be NULL. */
const struct ib_err *comp_key(struct comp *c, const struct tmpl_node *n, const char *key,
    const struct ref *num, unsigned where, bool *num_used);

/* ---- attr.c ---- */

/* The attribute named prefix + name, or NULL. */
const struct tmpl_attr *node_attr(const struct tmpl_node *n, const char *prefix,
    const char *name);
/* t:each, t:if ...: what is no attribute of the output. */
bool comp_is_order(const char *name);
/* All attributes of a start tag. */
const struct ib_err *comp_attrs(struct comp *c, const struct tmpl_node *n,
    const struct ref *num, bool *num_used);

#endif
