/* SPDX-License-Identifier: MIT */
/*
 * cat.c - the catalogues: a small reader of gettext PO files.
 *
 * An entry goes through the states
 *
 *   none -> msgid -> (msgid_plural ->) msgstr / msgstr[0..] -> stored
 *
 * and each string may continue on further lines.  The strings of a language
 * live in the arena of its table until cats_free().  A table goes
 *
 *   unread -> read		with cats_load() and cats_parse() at once,
 *   unread -> read | broken	with cats_open() when its first string is wanted
 *
 * and is not written again: readers of catalogues that were loaded need no
 * lock, those of opened ones are one thread.  Loading fails with a file and a
 * line (or a key).  A broken table has no strings; the reason is logged.
 */
#include "cat.h"
#include "buf.h"
#include "log.h"
#include "str.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMS_MAX	2u			/* of any language */
#define KEY_MAX		100u
#define FILE_SIZE_MAX	((size_t)2 << 20)
#define NAMES_MAX	16u			/* placeholders of one key */

struct entry {
	const char	*key;
	const char	*form[FORMS_MAX];
	bool		 plural;
	unsigned	 line;
};

struct table {
	struct arena	 mem;
	bool		 read;
	struct entry	*v;			/* sorted by key once read */
	size_t		 n, cap;
	const char	*by_id[STR_MAX];	/* a key where there is no string */
};

struct cats {
	char		*dir;			/* of unread tables; NULL: there are none */
	struct table	*tab;			/* LANG_MAX of them, read even where the cats are const */
};

static const struct {
	const char	*code;
	unsigned	 forms;
} langs[LANG_MAX] = {
	[LANG_EN] = { "en", 2 },
	[LANG_JA] = { "ja", 1 },
};

static const char *const str_keys[STR_MAX] = {
#define T(id, key) [id] = key,
#include "strings.def"
#undef T
};

/* ---- reading ---- */

enum where { IN_NONE, IN_ID, IN_PLURAL, IN_STR };

struct po {
	struct table	*t;
	enum lang	 lang;
	const char	*file;			/* for messages */
	unsigned	 line;
	bool		 header;		/* the first entry was seen */
	enum where	 where;			/* what `str` is collecting */
	unsigned	 which;			/* IN_STR: the form */
	struct ib_buf	 str;
	/* the entry at hand */
	bool		 open, indexed;
	unsigned	 at;
	const char	*id, *plural, *form[FORMS_MAX];
	unsigned	 nforms;
};

#define PO_FAIL(po, ...) po_fail((po), (po)->line, __VA_ARGS__)
static const struct ib_err *po_fail(const struct po *, unsigned, const char *, ...)
    __attribute__((format(printf, 3, 4)));

static const struct ib_err *
po_fail(const struct po *po, unsigned line, const char *fmt, ...)
{
	char msg[160];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(msg, sizeof(msg), fmt, ap) < 0)
		msg[0] = '\0';
	va_end(ap);
	return ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s:%u: %s", po->file, line, msg);
}

static const struct ib_err *
no_memory(void)
{
	return ib_fail(IB_ENOMEM, IB_RETRY_NEVER, "no memory for the catalogues");
}

/* Value of a line "Name: value" of the header into out; false when missing. */
static bool
header_value(const char *header, const char *name, char *out, size_t size)
{
	size_t n = strlen(name), len;
	const char *s = header;

	while (strncmp(s, name, n) != 0 || s[n] != ':') {
		if ((s = strchr(s, '\n')) == NULL)
			return false;
		s++;
	}
	s += n + 1;
	s += strspn(s, " ");
	len = strcspn(s, "\n");
	if (len >= size)
		return false;
	memcpy(out, s, len);
	out[len] = '\0';
	return true;
}

static const struct ib_err *
check_header(const struct po *po, const char *text)
{
	char v[120];
	const char *p;

	if (!header_value(text, "Content-Type", v, sizeof(v)) ||
	    (p = strstr(v, "charset=")) == NULL || strcmp(p, "charset=UTF-8") != 0)
		return po_fail(po, po->at, "the header must say charset=UTF-8");
	if (!header_value(text, "Language", v, sizeof(v)) ||
	    strcmp(v, langs[po->lang].code) != 0)
		return po_fail(po, po->at, "the header must say Language: %s",
		    langs[po->lang].code);
	if (header_value(text, "Plural-Forms", v, sizeof(v))) {
		char want[32];

		snprintf(want, sizeof(want), "nplurals=%u;", langs[po->lang].forms);
		if (strncmp(v, want, strlen(want)) != 0)
			return po_fail(po, po->at,
			    "the header must say Plural-Forms: %s ...", want);
	}
	return NULL;
}

static bool
is_key(const char *s)
{
	size_t n = 0;

	while ((s[n] >= 'a' && s[n] <= 'z') || (s[n] >= 'A' && s[n] <= 'Z') || (s[n] >= '0' && s[n] <= '9') ||
	    s[n] == '_' || s[n] == '-' || s[n] == '.')
		n++;
	return n > 0 && n <= KEY_MAX && s[n] == '\0';
}

static const struct ib_err *
check_text(const struct po *po, const char *s)
{
	const char *b, *name;
	size_t n, len;

	for (;;) {
		b = cat_placeholder(s, &name, &len);
		n = strcspn(s, "{}");
		if (s + n != (b == NULL ? s + strlen(s) : b))
			return po_fail(po, po->at, "'%s': a brace without a name", po->id);
		if (b == NULL)
			return NULL;
		s = name + len + 1;
	}
}

static const struct ib_err *
store(struct po *po, const struct entry *e)
{
	struct table *t = po->t;

	if (t->n == t->cap) {
		size_t cap = t->cap == 0 ? 256 : t->cap * 2;
		struct entry *v = realloc(t->v, cap * sizeof(*v));

		if (v == NULL)
			return no_memory();
		t->v = v;
		t->cap = cap;
	}
	t->v[t->n++] = *e;
	return NULL;
}

/* The collected string has ended: it becomes a part of the entry. */
static const struct ib_err *
end_string(struct po *po)
{
	const struct ib_err *err;
	const char *s;

	if (po->where == IN_NONE)
		return NULL;
	if ((err = buf_check(&po->str)) != NULL)
		return err;
	if ((s = arena_dupn(&po->t->mem, buf_cstr(&po->str), po->str.len)) == NULL)
		return no_memory();
	switch (po->where) {
	case IN_ID:
		po->id = s;
		break;
	case IN_PLURAL:
		po->plural = s;
		break;
	default:
		po->form[po->which] = s;
		break;
	}
	po->where = IN_NONE;
	return NULL;
}

static const struct ib_err *
end_entry(struct po *po)
{
	struct entry e = { NULL, { NULL }, false, 0 };
	const struct ib_err *err;
	unsigned i;

	if ((err = end_string(po)) != NULL || !po->open)
		return err;
	po->open = false;
	if (po->nforms == 0)
		return po_fail(po, po->at, "msgid without msgstr");
	if (po->id[0] == '\0') {
		if (po->header)
			return po_fail(po, po->at, "an empty msgid");
		po->header = true;
		if (po->plural != NULL || po->indexed)
			return po_fail(po, po->at, "the header has no plural");
		return check_header(po, po->form[0]);
	}
	if (!po->header)
		return po_fail(po, po->at, "the header entry (msgid \"\") must come first");
	if (!is_key(po->id))
		return po_fail(po, po->at, "'%.60s' is not a key", po->id);
	e.key = po->id;
	e.line = po->at;
	e.plural = po->plural != NULL;
	if (e.plural) {
		size_t n = strlen(po->id);

		if (strncmp(po->plural, po->id, n) != 0 || strcmp(po->plural + n, ".n") != 0)
			return po_fail(po, po->at, "msgid_plural must be '%s.n'", po->id);
		if (!po->indexed || po->nforms != langs[po->lang].forms)
			return po_fail(po, po->at, "'%s': %s has %u plural form%s", po->id,
			    langs[po->lang].code, langs[po->lang].forms,
			    langs[po->lang].forms == 1 ? "" : "s");
	} else if (po->indexed) {
		return po_fail(po, po->at, "'%s': msgstr[] without msgid_plural", po->id);
	}
	for (i = 0; i < po->nforms; i++) {
		if (po->form[i][0] == '\0')
			return po_fail(po, po->at, "'%s' is not translated", po->id);
		if ((err = check_text(po, po->form[i])) != NULL)
			return err;
		e.form[i] = po->form[i];
	}
	return store(po, &e);
}

/* A quoted string that fills the rest of the line. */
static const struct ib_err *
read_quoted(struct po *po, const char *p, const char *end)
{
	const char *from;

	if (p == end || *p != '"')
		return PO_FAIL(po, "a quoted string is expected");
	for (p++; p < end && *p != '"'; p++) {
		for (from = p; p < end && *p != '"' && *p != '\\'; )
			p++;
		buf_append(&po->str, from, (size_t)(p - from));
		if (p == end || *p == '"')
			break;
		if (++p == end)
			break;
		switch (*p) {
		case 'n':
			buf_putc(&po->str, '\n');
			break;
		case 't':
			buf_putc(&po->str, '\t');
			break;
		case '"':
		case '\\':
			buf_putc(&po->str, *p);
			break;
		default:
			return PO_FAIL(po, "unknown escape \\%c", *p);
		}
	}
	if (p >= end)
		return PO_FAIL(po, "a string is not closed");
	if (p + 1 != end)
		return PO_FAIL(po, "something follows the string");
	return NULL;
}

static bool
take_word(const char **p, const char *end, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(end - *p) < n || memcmp(*p, word, n) != 0)
		return false;
	*p += n;
	return true;
}

static const struct ib_err *
begin_string(struct po *po, enum where where, unsigned which)
{
	const struct ib_err *err;

	if ((err = end_string(po)) != NULL)
		return err;
	buf_clear(&po->str);
	po->where = where;
	po->which = which;
	return NULL;
}

/* A line that starts with a keyword. */
static const struct ib_err *
read_keyword(struct po *po, const char *p, const char *end)
{
	const struct ib_err *err;

	if (take_word(&p, end, "msgid_plural")) {
		if (!po->open || po->plural != NULL || po->nforms > 0 ||
		    po->where == IN_PLURAL)
			return PO_FAIL(po, "msgid_plural in the wrong place");
		if ((err = begin_string(po, IN_PLURAL, 0)) != NULL)
			return err;
	} else if (take_word(&p, end, "msgid")) {
		if ((err = end_entry(po)) != NULL ||
		    (err = begin_string(po, IN_ID, 0)) != NULL)
			return err;
		po->open = true;
		po->indexed = false;
		po->at = po->line;
		po->id = po->plural = NULL;
		po->nforms = 0;
	} else if (take_word(&p, end, "msgstr")) {
		bool indexed = p < end && *p == '[';

		if (!po->open || (po->nforms > 0 && !(indexed && po->indexed)))
			return PO_FAIL(po, "msgstr in the wrong place");
		if (indexed) {
			if (end - p < 3 || p[2] != ']' || p[1] < '0' || p[1] > '9' ||
			    (unsigned)(p[1] - '0') != po->nforms)
				return PO_FAIL(po, "msgstr[%u] is expected", po->nforms);
			p += 3;
		}
		if (po->nforms == FORMS_MAX)
			return PO_FAIL(po, "too many plural forms");
		po->indexed = indexed;
		if ((err = begin_string(po, IN_STR, po->nforms++)) != NULL)
			return err;
	} else if (take_word(&p, end, "msgctxt")) {
		return PO_FAIL(po, "msgctxt is not used here");
	} else {
		return PO_FAIL(po, "unknown line");
	}
	if (p == end || (*p != ' ' && *p != '\t' && *p != '"'))
		return PO_FAIL(po, "a quoted string is expected");
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return read_quoted(po, p, end);
}

static bool
is_fuzzy(const char *p, const char *end)
{
	if (end - p < 2 || p[1] != ',')
		return false;
	for (; end - p >= 5; p++)
		if (memcmp(p, "fuzzy", 5) == 0)
			return true;
	return false;
}

static const struct ib_err *
read_line(struct po *po, const char *p, const char *end)
{
	const char *q;

	for (q = p; q < end; q++)
		if (((unsigned char)*q < 0x20 && *q != '\t') || *q == 0x7f)
			return PO_FAIL(po, "a control character");
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (p == end)
		return NULL;
	if (*p == '#')
		return is_fuzzy(p, end) ? PO_FAIL(po, "a fuzzy entry") : NULL;
	if (*p == '"') {
		if (po->where == IN_NONE)
			return PO_FAIL(po, "a string without a keyword");
		return read_quoted(po, p, end);
	}
	return read_keyword(po, p, end);
}

static int
entry_cmp(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int d = strcmp(x->key, y->key);

	return d != 0 ? d : (x->line > y->line) - (x->line < y->line);
}

/* One file into the table of its language. */
static const struct ib_err *
parse(struct table *t, enum lang l, const char *file, const char *text, size_t n)
{
	struct po po = { .t = t, .lang = l, .file = file };
	const char *p = text, *end = text + n, *eol;
	const struct ib_err *err = NULL;
	size_t i;

	buf_init(&po.str, FILE_SIZE_MAX);
	if (n > FILE_SIZE_MAX)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s: too big", file);
	if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		p += 3;
	for (; p < end; p = eol + 1) {
		const char *stop;

		po.line++;
		if ((eol = memchr(p, '\n', (size_t)(end - p))) == NULL)
			eol = end;
		stop = eol > p && eol[-1] == '\r' ? eol - 1 : eol;
		if (!str_utf8_ok(p, (size_t)(stop - p))) {
			err = PO_FAIL(&po, "not UTF-8");
			goto done;
		}
		if ((err = read_line(&po, p, stop)) != NULL)
			goto done;
		if (eol == end)
			break;
	}
	if ((err = end_entry(&po)) != NULL)
		goto done;
	if (!po.header) {
		err = PO_FAIL(&po, "no header entry");
		goto done;
	}
	if (t->n > 0)
		qsort(t->v, t->n, sizeof(t->v[0]), entry_cmp);
	for (i = 1; i < t->n; i++)
		if (strcmp(t->v[i - 1].key, t->v[i].key) == 0) {
			err = po_fail(&po, t->v[i].line, "'%s' again (first on line %u)",
			    t->v[i].key, t->v[i - 1].line);
			goto done;
		}
done:
	buf_fini(&po.str);
	return err;
}

/* ---- checks across the languages ---- */

struct names {
	struct {
		const char	*p;
		size_t		 n;
	} v[NAMES_MAX];
	size_t n;
};

/* The placeholders of all forms of an entry, each once; false: too many. */
static bool
names_of(const struct entry *e, struct names *out)
{
	const char *s, *name;
	size_t len, i;
	unsigned f;

	out->n = 0;
	for (f = 0; f < FORMS_MAX && e->form[f] != NULL; f++)
		for (s = e->form[f]; cat_placeholder(s, &name, &len) != NULL;
		    s = name + len + 1) {
			for (i = 0; i < out->n; i++)
				if (out->v[i].n == len && memcmp(out->v[i].p, name, len) == 0)
					break;
			if (i < out->n)
				continue;
			if (out->n == NAMES_MAX)
				return false;
			out->v[out->n].p = name;
			out->v[out->n++].n = len;
		}
	return true;
}

static bool
names_within(const struct names *a, const struct names *b)
{
	size_t i, j;

	for (i = 0; i < a->n; i++) {
		for (j = 0; j < b->n; j++)
			if (a->v[i].n == b->v[j].n &&
			    memcmp(a->v[i].p, b->v[j].p, a->v[i].n) == 0)
				break;
		if (j == b->n)
			return false;
	}
	return true;
}

static const struct ib_err *
compare(const struct entry *a, const struct entry *b, enum lang l)
{
	struct names x, y;

	if (a->plural != b->plural)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER,
		    "'%s' is a plural entry in %s.po only", a->key,
		    langs[a->plural ? LANG_EN : l].code);
	if (!names_of(a, &x) || !names_of(b, &y))
		return ib_fail(IB_ECONF, IB_RETRY_NEVER,
		    "'%s' has too many placeholders", a->key);
	if (!names_within(&x, &y) || !names_within(&y, &x))
		return ib_fail(IB_ECONF, IB_RETRY_NEVER,
		    "'%s' has other placeholders in %s.po than in %s.po", a->key,
		    langs[l].code, langs[LANG_EN].code);
	return NULL;
}

/* Both tables are sorted: walk them side by side. */
static const struct ib_err *
compare_all(const struct cats *c, enum lang l)
{
	const struct table *a = &c->tab[LANG_EN], *b = &c->tab[l];
	const struct ib_err *err;
	size_t i = 0, j = 0;
	int d;

	while (i < a->n || j < b->n) {
		d = i == a->n ? 1 : j == b->n ? -1 : strcmp(a->v[i].key, b->v[j].key);
		if (d < 0)
			return ib_fail(IB_ECONF, IB_RETRY_NEVER, "'%s' is missing in %s.po",
			    a->v[i].key, langs[l].code);
		if (d > 0)
			return ib_fail(IB_ECONF, IB_RETRY_NEVER, "'%s' is missing in %s.po",
			    b->v[j].key, langs[LANG_EN].code);
		if ((err = compare(&a->v[i++], &b->v[j++], l)) != NULL)
			return err;
	}
	return NULL;
}

static const struct entry *
find_in(const struct table *t, const char *key)
{
	size_t lo = 0, hi = t->n, mid;
	int d;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if ((d = strcmp(key, t->v[mid].key)) == 0)
			return &t->v[mid];
		if (d < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

/* The strings of strings.def. */
static const struct ib_err *
fill(struct table *t, enum lang l)
{
	unsigned i;

	for (i = 0; i < STR_MAX; i++) {
		const struct entry *e = find_in(t, str_keys[i]);

		if (e == NULL)
			return ib_fail(IB_ECONF, IB_RETRY_NEVER,
			    "'%s' is missing in %s.po (the program needs it)",
			    str_keys[i], langs[l].code);
		if (e->plural)
			return ib_fail(IB_ECONF, IB_RETRY_NEVER,
			    "'%s' must not be a plural entry in %s.po",
			    str_keys[i], langs[l].code);
		t->by_id[i] = e->form[0];
	}
	return NULL;
}

/* All files are read: compare them and fill the tables of strings.def. */
static const struct ib_err *
finish(struct cats *c)
{
	const struct ib_err *err = NULL;
	unsigned l;

	for (l = LANG_EN + 1; l < LANG_MAX && err == NULL; l++)
		err = compare_all(c, (enum lang)l);
	for (l = 0; l < LANG_MAX && err == NULL; l++)
		err = fill(&c->tab[l], (enum lang)l);
	return err;
}

static struct cats *
cats_new(const char *dir)
{
	struct cats *c = calloc(1, sizeof(*c));
	unsigned l;

	if (c == NULL)
		return NULL;
	if ((c->tab = calloc(LANG_MAX, sizeof(*c->tab))) == NULL ||
	    (dir != NULL && (c->dir = strdup(dir)) == NULL)) {
		free(c->tab);
		free(c);
		return NULL;
	}
	for (l = 0; l < LANG_MAX; l++)
		arena_init(&c->tab[l].mem, 2 * FILE_SIZE_MAX);
	return c;
}

void
cats_free(struct cats *c)
{
	unsigned l;

	if (c == NULL)
		return;
	for (l = 0; l < LANG_MAX; l++) {
		free(c->tab[l].v);
		arena_fini(&c->tab[l].mem);
	}
	free(c->tab);
	free(c->dir);
	free(c);
}

const struct ib_err *
cats_parse(const char *const text[LANG_MAX], const size_t len[LANG_MAX], struct cats **out)
{
	const struct ib_err *err = NULL;
	struct cats *c;
	char file[16];
	unsigned l;

	*out = NULL;
	if ((c = cats_new(NULL)) == NULL)
		return no_memory();
	for (l = 0; l < LANG_MAX && err == NULL; l++) {
		snprintf(file, sizeof(file), "%s.po", langs[l].code);
		err = parse(&c->tab[l], (enum lang)l, file, text[l], len[l]);
		c->tab[l].read = true;
	}
	if (err == NULL)
		err = finish(c);
	if (err != NULL)
		cats_free(c);
	else
		*out = c;
	return err;
}

static const struct ib_err *
read_file(const char *path, struct ib_buf *out)
{
	const struct ib_err *err = NULL;
	char chunk[8192];
	FILE *f;
	size_t n;

	if ((f = fopen(path, "re")) == NULL)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s: %s", path, strerror(errno));
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_append(out, chunk, n);
	if (ferror(f))
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s: cannot be read", path);
	else if (out->failed)
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s: too big", path);
	fclose(f);
	return err;
}

static const struct ib_err *
read_table(const struct cats *c, enum lang l)
{
	const struct ib_err *err;
	struct ib_buf text;
	char path[4096];
	int n;

	c->tab[l].read = true;
	n = snprintf(path, sizeof(path), "%s/%s.po", c->dir, langs[l].code);
	if (n < 0 || (size_t)n >= sizeof(path))
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "catalogues: the path is too long");
	buf_init(&text, FILE_SIZE_MAX);
	if ((err = read_file(path, &text)) == NULL)
		err = parse(&c->tab[l], l, path, buf_cstr(&text), text.len);
	buf_fini(&text);
	return err;
}

const struct ib_err *
cats_open(const char *dir, struct cats **out)
{
	return (*out = cats_new(dir)) == NULL ? no_memory() : NULL;
}

const struct ib_err *
cats_load(const char *dir, struct cats **out)
{
	const struct ib_err *err;
	struct cats *c;
	unsigned l;

	*out = NULL;
	if ((err = cats_open(dir, &c)) != NULL)
		return err;
	for (l = 0; l < LANG_MAX && err == NULL; l++)
		err = read_table(c, (enum lang)l);
	if (err == NULL && (err = finish(c)) != NULL)
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s: %s", dir, err->msg);
	if (err != NULL)
		cats_free(c);
	else
		*out = c;
	return err;
}

/* The table of a language, read when it was not yet; without strings when it is broken. */
static const struct table *
table_of(const struct cats *c, enum lang l)
{
	struct table *t = &c->tab[l];
	const struct ib_err *err;
	unsigned i;

	if (t->read)
		return t;
	if ((err = read_table(c, l)) != NULL || (err = fill(t, l)) != NULL) {
		log_err(err, "catalogue");
		t->n = 0;
		for (i = 0; i < STR_MAX; i++)
			t->by_id[i] = str_keys[i];
	}
	return t;
}

const struct ib_err *
cats_check(const struct cats *c)
{
	const struct ib_err *err = NULL;
	unsigned l;

	for (l = 0; l < LANG_MAX; l++)
		(void)table_of(c, (enum lang)l);
	for (l = LANG_EN + 1; l < LANG_MAX && err == NULL; l++)
		err = compare_all(c, (enum lang)l);
	return err;
}

/* ---- looking up ---- */

const char *
cat_str(const struct cats *c, enum lang l, enum str_id id)
{
	assert((unsigned)l < LANG_MAX && (unsigned)id < STR_MAX);
	return table_of(c, l)->by_id[id];
}

const char *
cat_find(const struct cats *c, enum lang l, const char *key)
{
	const struct entry *e = find_in(table_of(c, l), key);

	return e == NULL || e->plural ? NULL : e->form[0];
}

unsigned
cat_plurals(enum lang l)
{
	return langs[l].forms;
}

unsigned
cat_plural(enum lang l, int64_t n)
{
	return langs[l].forms == 1 || n == 1 ? 0 : 1;
}

const char *
cat_find_form(const struct cats *c, enum lang l, const char *key, unsigned form)
{
	const struct entry *e = find_in(table_of(c, l), key);

	return e == NULL || !e->plural || form >= langs[l].forms ? NULL : e->form[form];
}

const char *
cat_find_n(const struct cats *c, enum lang l, const char *key, int64_t n)
{
	return cat_find_form(c, l, key, cat_plural(l, n));
}

void
cats_each(const struct cats *c, enum lang l, void (*fn)(const char *key, void *arg), void *arg)
{
	const struct table *t = table_of(c, l);
	size_t i;

	for (i = 0; i < t->n; i++)
		fn(t->v[i].key, arg);
}

/* ---- placeholders ---- */

const char *
cat_placeholder(const char *s, const char **name, size_t *len)
{
	size_t n;

	for (; (s = strchr(s, '{')) != NULL; s++) {
		n = strspn(s + 1, "abcdefghijklmnopqrstuvwxyz"
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");
		if (n > 0 && s[1 + n] == '}') {
			*name = s + 1;
			*len = n;
			return s;
		}
	}
	return NULL;
}

static const char *
value_of(va_list ap, const char *name, size_t len)
{
	const char *k, *v;

	while ((k = va_arg(ap, const char *)) != NULL) {
		v = va_arg(ap, const char *);
		if (strlen(k) == len && memcmp(k, name, len) == 0)
			return v == NULL ? "" : v;
	}
	return NULL;
}

char *
cat_fill(struct arena *a, const char *format, ...)
{
	const char *s, *b, *name, *v;
	char *out = NULL, *p = NULL;
	size_t len, total = 0;
	va_list ap;
	int pass;

	/* First the length, then the text. */
	for (pass = 0; pass < 2; pass++) {
		for (s = format; (b = cat_placeholder(s, &name, &len)) != NULL;
		    s = name + len + 1) {
			size_t before = (size_t)(b - s), n;

			va_start(ap, format);
			v = value_of(ap, name, len);
			va_end(ap);
			if (v == NULL) {		/* stays as it is */
				v = b;
				n = len + 2;
			} else {
				n = strlen(v);
			}
			if (p == NULL) {
				total += before + n;
				continue;
			}
			memcpy(p, s, before);
			memcpy(p + before, v, n);
			p += before + n;
		}
		len = strlen(s);
		if (p == NULL) {
			if ((out = p = arena_alloc(a, total + len + 1)) == NULL)
				return NULL;
		} else {
			memcpy(p, s, len + 1);
		}
	}
	return out;
}

/* ---- languages ---- */

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool
lang_parse(const char *code, enum lang *out)
{
	unsigned l;

	*out = LANG_EN;
	if (code == NULL || code[0] == '\0' || code[1] == '\0' ||
	    (code[2] != '\0' && code[2] != '-' && code[2] != '_'))
		return false;
	for (l = 0; l < LANG_MAX; l++)
		if (lower(code[0]) == langs[l].code[0] && lower(code[1]) == langs[l].code[1]) {
			*out = (enum lang)l;
			return true;
		}
	return false;
}

const char *
lang_code(enum lang l)
{
	assert((unsigned)l < LANG_MAX);
	return langs[l].code;
}

/* "q=0.8" as thousandths: 0..1000, or -1 when it is none. */
static int
quality(const char *p, const char *end)
{
	int q, unit = 100;

	if (end - p < 3 || lower(p[0]) != 'q' || p[1] != '=' || (p[2] != '0' && p[2] != '1'))
		return -1;
	q = (p[2] - '0') * 1000;
	if (p + 3 == end)
		return q;
	if (p[3] != '.' || end - p > 7)
		return -1;
	for (p += 4; p < end; p++, unit /= 10) {
		if (*p < '0' || *p > '9')
			return -1;
		q += (*p - '0') * unit;
	}
	return q <= 1000 ? q : -1;
}

/* Trim blanks at both ends of [*p, *end). */
static void
trim(const char **p, const char **end)
{
	while (*p < *end && (**p == ' ' || **p == '\t'))
		(*p)++;
	while (*end > *p && ((*end)[-1] == ' ' || (*end)[-1] == '\t'))
		(*end)--;
}

/* One range of the header: its code into `code` and its weight, -1 when malformed. */
static int
range(const char *p, const char *end, char *code, size_t size)
{
	const char *semi = memchr(p, ';', (size_t)(end - p)), *q = semi;
	int weight = 1000;

	if (semi != NULL) {
		q = semi + 1;
		trim(&q, &end);
		weight = quality(q, end);
		end = semi;
	}
	trim(&p, &end);
	if (p == end || (size_t)(end - p) >= size)
		return -1;
	memcpy(code, p, (size_t)(end - p));
	code[end - p] = '\0';
	return weight;
}

enum lang
lang_negotiate(const char *accept_language)
{
	int weight[LANG_MAX], star = -1, best = 0, w;
	unsigned order[LANG_MAX] = { 0 }, seen = 0, l;
	const char *p = accept_language, *end, *stop;
	enum lang found = LANG_EN, x;
	char code[24];

	if (p == NULL)
		return LANG_EN;
	for (l = 0; l < LANG_MAX; l++)
		weight[l] = -1;
	stop = p + strnlen(p, 1000);		/* more than that nobody means */
	for (; p < stop; p = end + 1) {
		if ((end = memchr(p, ',', (size_t)(stop - p))) == NULL)
			end = stop;
		seen++;
		if ((w = range(p, end, code, sizeof(code))) < 0)
			continue;
		if (strcmp(code, "*") == 0) {
			star = w;
		} else if (lang_parse(code, &x) && w > weight[x]) {
			weight[x] = w;
			order[x] = seen;
		}
	}
	for (l = 0; l < LANG_MAX; l++) {
		if (weight[l] < 0 && star >= 0) {
			weight[l] = star;
			order[l] = seen + 1 + l;
		}
		if (weight[l] > best || (weight[l] == best && best > 0 &&
		    order[l] < order[found])) {
			best = weight[l];
			found = (enum lang)l;
		}
	}
	return found;
}
