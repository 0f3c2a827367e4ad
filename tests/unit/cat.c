/* SPDX-License-Identifier: MIT */
/* Tests of cat.h: PO syntax, checks across languages, plurals, negotiation. */
#include "../fixtures/cat/po.h"
#include "../../lib/base/log.h"
#include "../tap.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* ---- loading ---- */

static void
test_fixture(void)
{
	struct cats *c = po_fixture();

	if (!ok(c != NULL, "the catalogues of the fixture load"))
		return;
	is_str(cat_find(c, LANG_EN, "x.empty"), "No messages & no \"news\"", "escaped quotes");
	is_str(cat_find(c, LANG_JA, "x.empty"), "メッセージはありません", "Japanese");
	is_str(cat_find(c, LANG_EN, "x.long"), "One line\nand\ta tab, and a back\\slash",
	    "continued lines and escapes");
	ok(cat_find(c, LANG_EN, "x.none") == NULL, "an unknown key");
	ok(cat_find(c, LANG_EN, "") == NULL, "the header is no entry");
	ok(cat_find(c, LANG_EN, "x.old") == NULL, "an obsolete entry is a comment");
	ok(cat_find(c, LANG_EN, "x.count") == NULL, "a plural entry has no plain string");
	is_str(cat_find_n(c, LANG_EN, "x.count", 1), "one message", "English, 1");
	is_str(cat_find_n(c, LANG_EN, "x.count", 0), "{n} messages", "English, 0");
	is_str(cat_find_n(c, LANG_EN, "x.count", 2), "{n} messages", "English, 2");
	is_str(cat_find_n(c, LANG_EN, "x.count", -1), "{n} messages", "English, -1");
	is_str(cat_find_n(c, LANG_JA, "x.count", 1), "メッセージ{n}件", "Japanese, 1");
	is_str(cat_find_n(c, LANG_JA, "x.count", 5), "メッセージ{n}件", "Japanese, 5");
	ok(cat_find_n(c, LANG_EN, "x.empty", 1) == NULL, "no plural of a plain entry");
	is_str(cat_find_form(c, LANG_EN, "x.count", 0), "one message", "form 0");
	is_str(cat_find_form(c, LANG_EN, "x.count", 1), "{n} messages", "form 1");
	ok(cat_find_form(c, LANG_EN, "x.count", 2) == NULL, "no form 2 in English");
	ok(cat_find_form(c, LANG_JA, "x.count", 1) == NULL, "no form 1 in Japanese");
	is_int(cat_plurals(LANG_EN), 2, "English has two forms");
	is_int(cat_plurals(LANG_JA), 1, "Japanese has one");
	is_int(cat_plural(LANG_EN, 1), 0, "form of 1 in English");
	is_int(cat_plural(LANG_EN, 11), 1, "form of 11 in English");
	is_int(cat_plural(LANG_JA, 11), 0, "form of 11 in Japanese");
#define T(id, key) is_str(cat_str(c, LANG_JA, id), key, "by id: " #id);
#include "../../lib/base/strings.def"
#undef T
	cats_free(c);
	cats_free(NULL);
}

struct walk {
	unsigned	n, disorder;
	char		last[64];
};

static void
see(const char *key, void *arg)
{
	struct walk *w = arg;

	w->n++;
	if (strcmp(key, w->last) <= 0)
		w->disorder++;
	snprintf(w->last, sizeof(w->last), "%s", key);
}

static void
test_each(void)
{
	struct cats *c = po_fixture();
	struct walk w = { 0, 0, "" };

	if (c == NULL)
		return;
	cats_each(c, LANG_JA, see, &w);
	is_int(w.n, 6 + STR_MAX, "all keys are seen");
	is_int(w.disorder, 0, "each once, in order");
	cats_free(c);
}

static bool
write_file(const char *dir, const char *file, const char *text)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	if ((f = fopen(path, "w")) == NULL)
		return false;
	fputs(text, f);
	return fclose(f) == 0;
}

/* In the folder ja.po is broken, en.po is not. */
static void
test_opened(const char *dir)
{
	static const char first[] =
#define T(id, key) key "\n"
#include "../../lib/base/strings.def"
#undef T
	    ;
	char path[200], log[400] = "";
	const struct ib_err *err;
	struct cats *c = NULL;
	const char *key;
	int fds[2];

	if (!ok(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0, "a pipe for the log"))
		return;
	log_init("cat", LOG_INFO_, fds[1]);
	if (ok(cats_open(dir, &c) == NULL, "opened without a look")) {
		is_str(cat_find(c, LANG_EN, "a.b"), "c", "one language is read");
		ok(read(fds[0], log, sizeof(log) - 1) < 0, "without the broken one");
		key = cat_str(c, LANG_JA, (enum str_id)0);
		ok(strncmp(first, key, strlen(key)) == 0 && first[strlen(key)] == '\n', "that one answers with keys");
		ok(read(fds[0], log, sizeof(log) - 1) > 0 && strstr(log, "a control character") != NULL &&
		    strstr(log, "ja.po") != NULL, "and the log says why");
		ok(cat_find(c, LANG_JA, "a.b") == NULL && cat_find_n(c, LANG_JA, "a.b", 1) == NULL, "it has nothing else");
		ok(read(fds[0], log, sizeof(log) - 1) < 0, "the log says so once");
		err = cats_check(c);
		ok(err != NULL && strstr(err->msg, "is missing in ja.po") != NULL, "the languages do not match");
	}
	cats_free(c);
	snprintf(path, sizeof(path), "%s/ja.po", dir);
	unlink(path);
	if (ok(cats_open(dir, &c) == NULL, "a folder with one of them")) {
		is_str(cat_find(c, LANG_EN, "a.b"), "c", "which is read");
		ok(cats_check(c) != NULL, "and found to be alone");
	}
	cats_free(c);
	log_init("cat", LOG_INFO_, STDERR_FILENO);
	close(fds[0]);
	close(fds[1]);
}

static void
test_files(void)
{
	char dir[] = "/tmp/ib-cat-XXXXXX", path[200], want[200];
	const struct ib_err *err;
	struct cats *c = NULL;
	struct ib_buf b;
	unsigned l;

	if (!ok(mkdtemp(dir) != NULL, "a folder"))
		return;
	err = cats_load(dir, &c);
	snprintf(want, sizeof(want), "%s/en.po: No such file or directory", dir);
	is_str(err == NULL ? "" : err->msg, want, "a missing file");
	ok(c == NULL && err != NULL && err->code == IB_ECONF, "is an error of the configuration");
	buf_init(&b, PO_TEXT_MAX);
	for (l = 0; l < LANG_MAX; l++) {
		buf_clear(&b);
		po_header(&b, (enum lang)l);
		po_needed(&b);
		buf_puts(&b, l == LANG_EN ? "\nmsgid \"a.b\"\nmsgstr \"c\"" : "");
		write_file(dir, l == LANG_EN ? "en.po" : "ja.po", buf_cstr(&b));
	}
	err = cats_load(dir, &c);
	snprintf(want, sizeof(want), "%s: 'a.b' is missing in ja.po", dir);
	is_str(err == NULL ? "" : err->msg, want, "a key of one language only");
	buf_puts(&b, "\nmsgid \"a.b\"\nmsgstr \"d\"");	/* without a newline at the end */
	write_file(dir, "ja.po", buf_cstr(&b));
	err = cats_load(dir, &c);
	if (ok(err == NULL && c != NULL, "both files"))
		is_str(cat_find(c, LANG_JA, "a.b"), "d", "read from the folder");
	cats_free(c);
	buf_puts(&b, "\"\x01\"\n");
	write_file(dir, "ja.po", buf_cstr(&b));
	err = cats_load(dir, &c);
	ok(err != NULL && strstr(err->msg, "ja.po:") != NULL &&
	    strstr(err->msg, ": a control character") != NULL, "a mistake names file and line");
	test_opened(dir);
	buf_fini(&b);
	for (l = 0; l < LANG_MAX; l++) {
		snprintf(path, sizeof(path), "%s/%s.po", dir, lang_code((enum lang)l));
		unlink(path);
	}
	rmdir(dir);
}

/* ---- refusals ---- */

/* Parse with these entries after the headers; the message, or "" when it loads. */
static const char *
message(const char *en, const char *ja, bool header)
{
	static char msg[300];
	const char *text[LANG_MAX], *add[LANG_MAX] = { en, ja };
	size_t len[LANG_MAX];
	struct ib_buf b[LANG_MAX];
	const struct ib_err *err;
	struct cats *c = NULL;
	unsigned l;

	for (l = 0; l < LANG_MAX; l++) {
		buf_init(&b[l], PO_TEXT_MAX);
		if (header || l != LANG_EN)
			po_header(&b[l], (enum lang)l);
		buf_puts(&b[l], add[l]);
		po_needed(&b[l]);
		text[l] = buf_cstr(&b[l]);
		len[l] = b[l].len;
	}
	err = cats_parse(text, len, &c);
	snprintf(msg, sizeof(msg), "%s", err == NULL ? "" : err->msg);
	if (err != NULL && (c != NULL || err->code != IB_ECONF))
		snprintf(msg, sizeof(msg), "wrong kind of error");
	cats_free(c);
	for (l = 0; l < LANG_MAX; l++)
		buf_fini(&b[l]);
	return msg;
}

static void
test_refusals(void)
{
	static const struct {
		const char	*en, *want;		/* the entry starts on line 6 */
	} t[] = {
		{ "#, fuzzy\nmsgid \"a\"\nmsgstr \"b\"\n", "en.po:6: a fuzzy entry" },
		{ "#, c-format, fuzzy\nmsgid \"a\"\nmsgstr \"b\"\n", "en.po:6: a fuzzy entry" },
		{ "msgctxt \"m\"\nmsgid \"a\"\nmsgstr \"b\"\n", "en.po:6: msgctxt is not used here" },
		{ "msgid \"a\"\nmsgstr \"\"\n", "en.po:6: 'a' is not translated" },
		{ "msgid \"a\"\nmsgstr \"x\"\nmsgid \"a\"\nmsgstr \"y\"\n",
		    "en.po:8: 'a' again (first on line 6)" },
		{ "msgid \"a\"\n", "en.po:6: msgid without msgstr" },
		{ "msgid \"a b\"\nmsgstr \"x\"\n", "en.po:6: 'a b' is not a key" },
		{ "msgid \"\"\nmsgstr \"x\"\n", "en.po:6: an empty msgid" },
		{ "msgid \"a\"\nmsgstr \"x\ny\"\n", "en.po:7: a string is not closed" },
		{ "msgid \"a\"\nmsgstr \"x\\", "en.po:7: a string is not closed" },
		{ "msgid \"a\"\nmsgstr \"x\" y\n", "en.po:7: something follows the string" },
		{ "msgid \"a\"\nmsgstr x\n", "en.po:7: a quoted string is expected" },
		{ "msgid \"a\"\nmsgstr\n", "en.po:7: a quoted string is expected" },
		{ "msgid \"a\"\nmsgstring \"x\"\n", "en.po:7: a quoted string is expected" },
		{ "msgid \"a\"\nmsgstr \"\\x41\"\n", "en.po:7: unknown escape \\x" },
		{ "msgid \"a\"\nmsgstr[0] \"x\"\nmsgid \"b\"\n\"", "en.po:6: 'a': msgstr[] without msgid_plural" },
		{ "hello\n", "en.po:6: unknown line" },
		{ "msgstr \"x\"\nmsgid \"a\"\n", "en.po:6: msgstr in the wrong place" },
		{ "msgid \"a\"\nmsgstr \"x\"\nmsgstr \"y\"\n", "en.po:8: msgstr in the wrong place" },
		{ "msgid \"a\"\nmsgstr \"x\"\nmsgid_plural \"a.n\"\n",
		    "en.po:8: msgid_plural in the wrong place" },
		{ "msgid \"a\"\nmsgid_plural \"b\"\nmsgstr[0] \"x\"\nmsgstr[1] \"y\"\n",
		    "en.po:6: msgid_plural must be 'a.n'" },
		{ "msgid \"a\"\nmsgid_plural \"a.n\"\nmsgstr[0] \"x\"\n",
		    "en.po:6: 'a': en has 2 plural forms" },
		{ "msgid \"a\"\nmsgid_plural \"a.n\"\nmsgstr \"x\"\n",
		    "en.po:6: 'a': en has 2 plural forms" },
		{ "msgid \"a\"\nmsgid_plural \"a.n\"\nmsgstr[1] \"x\"\n",
		    "en.po:8: msgstr[0] is expected" },
		{ "msgid \"a\"\nmsgid_plural \"a.n\"\nmsgstr[0] \"x\"\nmsgstr[1] \"\"\n",
		    "en.po:6: 'a' is not translated" },
		{ "msgid \"a\"\nmsgid_plural \"a.n\"\nmsgstr[0] \"x\"\nmsgstr[1] \"y\"\n"
		    "msgstr[2] \"z\"\n", "en.po:10: too many plural forms" },
		{ "msgid \"a\"\nmsgstr[0] \"x\"\n", "en.po:6: 'a': msgstr[] without msgid_plural" },
		{ "msgid \"a\"\nmsgstr \"x\x02\"\n", "en.po:7: a control character" },
		{ "msgid \"a\"\nmsgstr \"\xff\"\n", "en.po:7: not UTF-8" },
		{ "msgid \"a\"\nmsgstr \"{x\"\n", "en.po:6: 'a': a brace without a name" },
		{ "msgid \"a\"\nmsgstr \"{x} }\"\n", "en.po:6: 'a': a brace without a name" },
		{ "msgid \"a\"\nmsgstr \"{}\"\n", "en.po:6: 'a': a brace without a name" },
		{ "msgid \"a\"\nmsgid_plural \"a.n\"\nmsgid_plural \"a.n\"\n",
		    "en.po:8: msgid_plural in the wrong place" },
		{ "msgstr[0] \"x\"\n", "en.po:6: msgstr in the wrong place" },
		{ "msgid \"a\"\nmsgstr \"x\"\n", "'a' is missing in ja.po" },
	};
	size_t i;

	is_str(message("", "", true), "", "a catalogue without mistakes");
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		is_str(message(t[i].en, "", true), t[i].want, "refused: %s", t[i].want);
	is_str(message("", "msgid \"a\"\nmsgstr \"x\"\n", true), "'a' is missing in en.po",
	    "a key of the other language only");
	is_str(message("msgid \"a\"\nmsgstr \"{x}\"\n", "msgid \"a\"\nmsgstr \"{y}\"\n", true),
	    "'a' has other placeholders in ja.po than in en.po", "other placeholders");
	is_str(message("msgid \"a\"\nmsgstr \"{x} {y}\"\n", "msgid \"a\"\nmsgstr \"{x}\"\n", true),
	    "'a' has other placeholders in ja.po than in en.po", "fewer placeholders");
	is_str(message("msgid \"a\"\nmsgstr \"{x}\"\n", "msgid \"a\"\nmsgstr \"{x} {y}\"\n", true),
	    "'a' has other placeholders in ja.po than in en.po", "more placeholders");
	is_str(message("msgid \"a\"\nmsgstr \"{x} {y}\"\n", "msgid \"a\"\nmsgstr \"{y}{x}\"\n", true),
	    "", "another order is fine");
	is_str(message("msgid \"a\"\nmsgstr \"{a}{b}{c}{d}{e}{f}{g}{h}{i}{j}{k}{l}{m}{n}{o}{p}{q}\"\n",
	    "msgid \"a\"\nmsgstr \"{a}\"\n", true), "'a' has too many placeholders",
	    "too many placeholders");
	is_str(message("msgid \"a\"\nmsgid_plural \"a.n\"\nmsgstr[0] \"one\"\nmsgstr[1] \"{n}\"\n",
	    "msgid \"a\"\nmsgid_plural \"a.n\"\nmsgstr[0] \"{n}\"\n", true), "",
	    "one form may leave a placeholder out");
	is_str(message("msgid \"a\"\nmsgid_plural \"a.n\"\nmsgstr[0] \"x\"\nmsgstr[1] \"y\"\n",
	    "msgid \"a\"\nmsgstr \"x\"\n", true), "'a' is a plural entry in en.po only",
	    "plural in one language");
	is_str(message("msgid \"a\"\nmsgstr \"x\"\n",
	    "msgid \"a\"\nmsgid_plural \"a.n\"\nmsgstr[0] \"x\"\n", true),
	    "'a' is a plural entry in ja.po only", "plural in the other");
}

static void
test_header(void)
{
	static const char *const charset = "the header must say charset=UTF-8";
	const char *m;

	m = message("msgid \"a\"\nmsgstr \"x\"\n", "", false);
	is_str(m, "en.po:1: the header entry (msgid \"\") must come first", "no header");
	m = message(" \"x\"\n", "", false);
	is_str(m, "en.po:1: a string without a keyword", "a string alone");
	m = message("msgid \"\"\nmsgid_plural \"n\"\nmsgstr[0] \"x\"\n", "", false);
	is_str(m, "en.po:1: the header has no plural", "a plural header");
	m = message("msgid \"\"\nmsgstr \"Language: en\\n\"\n", "", false);
	ok(strstr(m, charset) != NULL, "no charset");
	m = message("msgid \"\"\nmsgstr \"Content-Type: text/plain; charset=EUC-JP\\n"
	    "Language: en\\n\"\n", "", false);
	ok(strstr(m, charset) != NULL, "another charset");
	m = message("msgid \"\"\nmsgstr \"Content-Type: text/plain; charset=UTF-8\\n\"\n", "", false);
	is_str(m, "en.po:1: the header must say Language: en", "no language");
	m = message("msgid \"\"\nmsgstr \"Content-Type: text/plain; charset=UTF-8\\n"
	    "Language: de\\n\"\n", "", false);
	is_str(m, "en.po:1: the header must say Language: en", "another language");
	m = message("msgid \"\"\nmsgstr \"Content-Type: text/plain; charset=UTF-8\\n"
	    "Language: en\\nPlural-Forms: nplurals=3; plural=0;\\n\"\n", "", false);
	is_str(m, "en.po:1: the header must say Plural-Forms: nplurals=2; ...", "other plurals");
	m = message("\xef\xbb\xbfmsgid \"\"\r\nmsgstr \"Content-Type: text/plain; charset=UTF-8\\n"
	    "Language: en\\n\"\r\n", "", false);
	is_str(m, "", "a byte order mark and CRLF are fine");
}

/* Without the keys of strings.def nothing loads. */
static void
test_needed(void)
{
	static const char *const needed[] = {
#define T(id, key) key,
#include "../../lib/base/strings.def"
#undef T
	};
	const char *text[LANG_MAX];
	size_t len[LANG_MAX], skip, i;
	struct ib_buf b[LANG_MAX];
	const struct ib_err *err;
	struct cats *c = NULL;
	unsigned l;

	for (skip = 0; skip < 2; skip++) {
		for (l = 0; l < LANG_MAX; l++) {
			buf_init(&b[l], PO_TEXT_MAX);
			po_header(&b[l], (enum lang)l);
			for (i = 0; skip == 1 && i < STR_MAX; i++)
				buf_printf(&b[l], "msgid \"%s\"\nmsgid_plural \"%s.n\"\n"
				    "msgstr[0] \"x\"\n%s\n", needed[i], needed[i],
				    l == LANG_EN ? "msgstr[1] \"y\"\n" : "");
			text[l] = buf_cstr(&b[l]);
			len[l] = b[l].len;
		}
		err = cats_parse(text, len, &c);
		ok(err != NULL && c == NULL && err->code == IB_ECONF &&
		    strstr(err->msg, skip == 0 ? " is missing in en.po (the program needs it)" :
		    "must not be a plural entry in en.po") != NULL,
		    skip == 0 ? "a key of strings.def is missing" : "a key of strings.def is plural");
		for (l = 0; l < LANG_MAX; l++)
			buf_fini(&b[l]);
	}
}

/* A file that is cut anywhere is an error or loads; it never crashes. */
static void
test_cut(void)
{
	const char *text[LANG_MAX];
	size_t len[LANG_MAX], n, own = 0;
	struct ib_buf b[LANG_MAX];
	struct cats *c;
	unsigned l, loaded = 0;
	char path[4096];

	for (l = 0; l < LANG_MAX; l++) {
		buf_init(&b[l], PO_TEXT_MAX);
		po_path(path, sizeof(path), l == LANG_EN ? "tests/fixtures/cat/en.po" :
		    "tests/fixtures/cat/ja.po");
		po_append_file(&b[l], path);
		if (l == LANG_EN)
			own = b[l].len;
		po_needed(&b[l]);
		text[l] = buf_cstr(&b[l]);
		len[l] = b[l].len;
	}
	for (n = 0; n < b[LANG_EN].len; n++) {
		/* What is filled up are entries of one kind. */
		if (n == own + 1000)
			n = b[LANG_EN].len - 1000;
		char *part = malloc(n + 1);

		memcpy(part, text[LANG_EN], n);
		text[LANG_EN] = part;
		len[LANG_EN] = n;
		if (cats_parse(text, len, &c) == NULL)
			loaded++;
		cats_free(c);
		free(part);
		text[LANG_EN] = buf_cstr(&b[LANG_EN]);
	}
	is_int(loaded, 1, "cut at each byte: only the missing last newline is no mistake");
	for (l = 0; l < LANG_MAX; l++)
		buf_fini(&b[l]);
}

/* ---- placeholders ---- */

static void
test_fill(void)
{
	const char *name;
	struct arena a;
	size_t len;

	arena_init(&a, 10000);
	is_str(cat_fill(&a, "Hello, {name}!", "name", "Jane", NULL), "Hello, Jane!", "one");
	is_str(cat_fill(&a, "{a}{b}{a}", "b", "2", "a", "<1>", NULL), "<1>2<1>",
	    "several, not escaped");
	is_str(cat_fill(&a, "{x} {y}", "y", "1", NULL), "{x} 1", "an unknown one stays");
	is_str(cat_fill(&a, "{x}", "x", (const char *)NULL, NULL), "", "a NULL value is empty");
	is_str(cat_fill(&a, "{x}", "x", "{y}", "y", "no", NULL), "{y}", "values are not filled again");
	is_str(cat_fill(&a, "{ x} {} { a", "x", "1", NULL), "{ x} {} { a", "stray braces stay");
	is_str(cat_fill(&a, "", NULL), "", "the empty string");
	ok(cat_placeholder("a {b.c} d", &name, &len) != NULL && len == 3 &&
	    memcmp(name, "b.c", 3) == 0, "a placeholder is found");
	ok(cat_placeholder("a {b c} {", &name, &len) == NULL, "and nothing else is");
	arena_fini(&a);
	arena_init(&a, 16);
	ok(cat_fill(&a, "{x}", "x", "a value that is too long for the arena", NULL) == NULL,
	    "NULL when the arena is full");
	arena_fini(&a);
}

/* ---- languages ---- */

static void
test_codes(void)
{
	enum lang l;

	ok(lang_parse("en", &l) && l == LANG_EN, "en");
	ok(lang_parse("ja", &l) && l == LANG_JA, "ja");
	ok(lang_parse("ja-JP", &l) && l == LANG_JA, "ja-JP");
	ok(lang_parse("JA_jp", &l) && l == LANG_JA, "JA_jp");
	ok(lang_parse("en_US", &l) && l == LANG_EN, "en_US");
	l = LANG_JA;
	ok(!lang_parse("de", &l) && l == LANG_EN, "de is another");
	ok(!lang_parse("jap", &l), "jap is none");
	ok(!lang_parse("", &l) && !lang_parse("j", &l) && !lang_parse(NULL, &l), "nothing is none");
	is_str(lang_code(LANG_JA), "ja", "code");
	is_str(lang_code(LANG_EN), "en", "code");
}

static void
test_negotiate(void)
{
	static const struct {
		const char	*header;
		enum lang	 want;
	} t[] = {
		{ "ja", LANG_JA }, { "en", LANG_EN }, { "ja-JP,en;q=0.8", LANG_JA },
		{ "en-GB,ja;q=0.9", LANG_EN }, { "ja;q=0.8,en;q=0.9", LANG_EN },
		{ "de,ja;q=0.5,en;q=0.4", LANG_JA }, { "de,fr", LANG_EN },
		{ "ja,en", LANG_JA }, { "en,ja", LANG_EN },
		{ " ja ; q=0.7 , en ;q=0.3", LANG_JA }, { "en;q=0.1,ja;q=0.123", LANG_JA },
		{ "en;q=0,ja;q=0.001", LANG_JA }, { "en;q=0,*;q=0.5", LANG_JA },
		{ "ja;q=0,*", LANG_EN }, { "*", LANG_EN }, { "ja;q=0", LANG_EN },
		{ "*;q=0.9,ja;q=0.1", LANG_EN }, { "de,*;q=0.1", LANG_EN },
		{ "en;q=0.5,ja-JP;q=0.4,ja;q=0.6", LANG_JA },
		{ "", LANG_EN }, { ",,,", LANG_EN }, { ",,ja,", LANG_JA }, { ";q=1", LANG_EN },
		{ "ja;q=2", LANG_EN }, { "ja;q=1.1", LANG_EN }, { "ja;q=0.1234", LANG_EN },
		{ "ja;q=", LANG_EN }, { "ja;q", LANG_EN }, { "ja;level=1", LANG_EN },
		{ "ja;q=0.x", LANG_EN }, { "ja;q=-1", LANG_EN }, { "ja;q=1.000", LANG_JA },
		{ "ja;q=1.", LANG_JA }, { "JA", LANG_JA }, { "japanese", LANG_EN },
		{ "ja-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", LANG_EN },
		{ "\xff\xfe\x01", LANG_EN },
	};
	char *many;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		is_int(lang_negotiate(t[i].header), t[i].want, "Accept-Language: %s",
		    i + 1 < sizeof(t) / sizeof(t[0]) ? t[i].header : "(bytes)");
	is_int(lang_negotiate(NULL), LANG_EN, "no header");
	many = malloc(100001);
	for (i = 0; i < 100000; i += 4)
		memcpy(many + i, "de, ", 4);
	memcpy(many + 99996, ",ja", 4);
	is_int(lang_negotiate(many), LANG_EN, "the end of a very long header is not read");
	memcpy(many, "ja, ", 4);
	is_int(lang_negotiate(many), LANG_JA, "its beginning is");
	free(many);
}

int
main(void)
{
	test_fixture();
	test_each();
	test_files();
	test_refusals();
	test_header();
	test_needed();
	test_cut();
	test_fill();
	test_codes();
	test_negotiate();
	return done_testing();
}
