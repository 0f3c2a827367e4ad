/* SPDX-License-Identifier: MIT */
/*
 * Tests of the template engine: what is written for a view, what is refused
 * and with which words.  Templates come from memory; one test reads files.
 */
#include "../fixtures/cat/po.h"
#include "../tap.h"

#include "../../lib/tmpl/tmpl_int.h"

#include <unistd.h>

/* ---- views ---- */

struct tag {
	const char	*name;
};

struct who {
	const char	*name;
	const char	*href;
	int64_t		 age;
	bool		 admin;
	struct who	*boss;
	struct tag	*tags;
	size_t		 n_tags;
};

struct row {
	const char	*name, *href;
	int64_t		 id;
	bool		 unread;
	struct who	*owner;
	struct tag	*tags;
	size_t		 n_tags;
};

struct page {
	const char	*title, *text, *url, *none, *empty;
	int64_t		 count, zero;
	bool		 yes, no;
	struct row	*rows;
	size_t		 n_rows;
	struct row	*nothing;
	size_t		 n_nothing;
	struct who	*who, *nobody;
};

static const struct tmpl_field tag_fields[] = { F_STR(struct tag, name), F_END };
static const struct tmpl_type tag_type = { "tag", sizeof(struct tag), tag_fields };

static const struct tmpl_type who_type;
static const struct tmpl_field who_fields[] = {
	F_STR(struct who, name), F_STR(struct who, href), F_INT(struct who, age),
	F_BOOL(struct who, admin), F_SUB(struct who, boss, &who_type),
	F_LIST(struct who, tags, &tag_type), F_END
};
static const struct tmpl_type who_type = { "who", sizeof(struct who), who_fields };

static const struct tmpl_field row_fields[] = {
	F_STR(struct row, name), F_STR(struct row, href), F_INT(struct row, id),
	F_BOOL(struct row, unread), F_SUB(struct row, owner, &who_type),
	F_LIST(struct row, tags, &tag_type), F_END
};
static const struct tmpl_type row_type = { "row", sizeof(struct row), row_fields };

static const struct tmpl_field page_fields[] = {
	F_STR(struct page, title), F_STR(struct page, text), F_STR(struct page, url),
	F_STR(struct page, none), F_STR(struct page, empty), F_INT(struct page, count),
	F_INT(struct page, zero), F_BOOL(struct page, yes), F_BOOL(struct page, no),
	F_LIST(struct page, rows, &row_type), F_LIST(struct page, nothing, &row_type),
	F_SUB(struct page, who, &who_type), F_SUB(struct page, nobody, &who_type), F_END
};
static const struct tmpl_type page_type = { "page", sizeof(struct page), page_fields };

static struct tag	tags[] = { { "red" }, { "blue" } };
static struct who	boss = { "Big & Boss", "/boss", 60, true, NULL, NULL, 0 };
static struct who	ann = { "Ann", "/ann", 30, false, &boss, tags, 2 };
static struct row	rows[] = {
	{ "Jane <Doe>", "/thread/1", 1, true, &ann, tags, 2 },
	{ NULL, "javascript:alert(1)", -2, false, NULL, NULL, 0 },
};
static struct page	view = {
	.title = "Inbox", .text = "a < b & \"c\" > 'd'", .url = "/a?b=1&c=\"2\"", .empty = "",
	.count = 3, .yes = true, .rows = rows, .n_rows = 2, .who = &ann,
};

static const struct cats *cats;

/* ---- templates in memory ---- */

struct file {
	const char	*name, *text;
	size_t		 n;		/* 0: up to the NUL */
};

static const struct ib_err *
read_memory(const struct tmpl_source *src, struct arena *a, const char *name,
    const char **text, size_t *n)
{
	const struct file *f;

	(void)a;
	for (f = src->arg; f->name != NULL; f++)
		if (strcmp(f->name, name) == 0) {
			*text = f->text;
			*n = f->n > 0 ? f->n : strlen(f->text);
			return NULL;
		}
	return ib_fail(IB_ECONF, IB_RETRY_NEVER, "%s/%s: No such file", src->dir, name);
}

struct job {
	const struct file	*files;		/* the first is rendered */
	enum lang		 lang;
	bool			 page, allow_http;
	const char		*base;
};

/* The output, or the message of the error in brackets. */
static const char *
render(const struct job *job)
{
	static char result[20000];
	const struct tmpl_source src = { read_memory, "t", job->files };
	const struct tmpl_decl decl = { job->files[0].name, &page_type, !job->page };
	const struct ib_err *err;
	struct tmpl_set *set = NULL;
	struct ib_buf out;

	buf_init(&out, sizeof(result) - 1);
	if ((err = tmpl_load_from(&src, cats, &decl, 1, job->allow_http, false, &set)) == NULL &&
	    (job->base == NULL || (err = tmpl_set_base(set, job->base)) == NULL))
		err = tmpl_render(set, 0, job->lang, &view, &out);
	if (err != NULL)
		snprintf(result, sizeof(result), "[%s]", err->msg);
	else
		snprintf(result, sizeof(result), "%s", buf_cstr(&out));
	if (err != NULL && (err->code != IB_ECONF || (set != NULL && job->base == NULL)))
		snprintf(result, sizeof(result), "wrong kind of error");
	tmpl_free(set);
	buf_fini(&out);
	return result;
}

/* A fragment with this content. */
static const char *
html_in(enum lang lang, const char *content)
{
	static char text[8000];
	const struct file files[] = { { "x.html", text, 0 }, { NULL, NULL, 0 } };
	const struct job job = { .files = files, .lang = lang };

	snprintf(text, sizeof(text), "<div>%s</div>", content);
	return render(&job);
}

static const char *
html(const char *content)
{
	return html_in(LANG_EN, content);
}

struct pair {
	const char	*in, *want;
};

/* The text as the name of a test, on one line. */
static const char *
flat(const char *s)
{
	static char line[300];
	char *p;

	snprintf(line, sizeof(line), "%s", s);
	for (p = line; *p != '\0'; p++)
		if (*p == '\n' || *p == '\r' || *p == '\t' || *p == '#')
			*p = '_';
	return line;
}

static void
all(const struct pair *t, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		is_str(html(t[i].in), t[i].want, "%s", flat(t[i].in));
}

#define ALL(t) all((t), sizeof(t) / sizeof((t)[0]))

/* ---- output ---- */

static void
test_fields(void)
{
	static const struct pair t[] = {
		{ "<b t:text=\"title\">x</b>", "<b>Inbox</b>" },
		{ "<b t:text=\"title\">x<i>y</i> <br/></b>", "<b>Inbox</b>" },
		{ "<b t:text=\"count\">x</b>", "<b>3</b>" },
		{ "<b t:text=\"none\">x</b>", "<b></b>" },
		{ "<b t:text=\"empty\">x</b>", "<b></b>" },
		{ "<t:block t:text=\"title\">x</t:block>", "Inbox" },
		{ "<b t:text=\"who.name\">x</b>", "<b>Ann</b>" },
		{ "<b t:text=\"who.boss.name\">x</b>", "<b>Big &amp; Boss</b>" },
		{ "<b t:text=\"who.boss.boss.name\">x</b>", "<b></b>" },
		{ "<b t:text=\"who.boss.boss.age\">x</b>", "<b></b>" },
		{ "<b t:text=\"nobody.name\">x</b>", "<b></b>" },
		{ "<b t:title=\"title\">x</b>", "<b title=\"Inbox\">x</b>" },
		{ "<b title=\"sample\" t:title=\"title\">x</b>", "<b title=\"Inbox\">x</b>" },
		{ "<b t:title=\"none\" title=\"sample\">x</b>", "<b>x</b>" },
		{ "<b t:title=\"empty\">x</b>", "<b title=\"\">x</b>" },
		{ "<b t:title=\"nobody.name\">x</b>", "<b>x</b>" },
		{ "<td t:colspan=\"count\">x</td>", "<td colspan=\"3\">x</td>" },
		{ "<td t:colspan=\"nobody.age\">x</td>", "<td>x</td>" },
		{ "<b t:data-id=\"count\" t:aria-label=\"title\">x</b>",
		    "<b data-id=\"3\" aria-label=\"Inbox\">x</b>" },
		{ "<b id=\"a\" t:title=\"title\" lang=\"en\">x</b>",
		    "<b id=\"a\" title=\"Inbox\" lang=\"en\">x</b>" },
	};

	ALL(t);
}

static void
test_patterns(void)
{
	static const struct pair t[] = {
		{ "<b id=\"x\" t:id=\"r-{count}\">x</b>", "<b id=\"r-3\">x</b>" },
		{ "<b t:title=\"{title}: {text}!\">x</b>",
		    "<b title=\"Inbox: a &lt; b &amp; &quot;c&quot; &gt; &#39;d&#39;!\">x</b>" },
		{ "<b t:title=\"a &amp; {none}{empty}{nobody.name}\">x</b>", "<b title=\"a &amp; \">x</b>" },
		{ "<a t:href=\"/t/{count}\">x</a>", "<a href=\"/t/3\">x</a>" },
		{ "<a t:href=\"#m-{count}\">x</a>", "<a href=\"#m-3\">x</a>" },
		{ "<a t:href=\"?a={count}&amp;b={zero}\">x</a>", "<a href=\"?a=3&amp;b=0\">x</a>" },
		{ "<i t:each=\"row : rows\" t:id=\"t-{row.id}\">x</i>",
		    "<i id=\"t-1\">x</i><i id=\"t--2\">x</i>" },
		{ "<input t:checked=\"{count}\"/>",
		    "[t/x.html:1: div/input: 'checked' is there or not, and has no text]" },
		{ "<a t:href=\"/{title}\">x</a>",
		    "[t/x.html:1: div/a: field 'title' is a string: an address takes numbers only]" },
		{ "<a t:href=\"{count}\">x</a>",
		    "[t/x.html:1: div/a: '{count}' must start with / # ? or https:]" },
		{ "<a t:href=\"//{count}\">x</a>",
		    "[t/x.html:1: div/a: '//{count}' must start with / # ? or https:]" },
		{ "<b t:id=\"{what}\">x</b>", "[t/x.html:1: div/b: no field 'what' in view 'page']" },
	};
	static const struct file files[] = { { "x.html", "<p><a t:href=\"/t/{count}\">x</a></p>", 0 }, { NULL, NULL, 0 } };
	const struct job job = { .files = files, .base = "/in" };

	ALL(t);
	is_str(render(&job), "<a href=\"/in/t/3\">x</a>", "a pattern that is a path stands below the prefix");
}

static void
test_booleans(void)
{
	static const struct pair t[] = {
		{ "<input t:checked=\"yes\"/>", "<input checked>" },
		{ "<input t:checked=\"no\"/>", "<input>" },
		{ "<input checked=\"checked\" t:checked=\"no\"/>", "<input>" },
		{ "<input t:disabled=\"!yes\" t:required=\"!no\"/>", "<input required>" },
		{ "<input t:checked=\"nobody.admin\"/>", "<input>" },
		{ "<input checked=\"checked\" disabled=\"\"/>", "<input checked disabled>" },
		{ "<b t:hidden=\"yes\">x</b>", "<b hidden>x</b>" },
		{ "<b t:aria-expanded=\"yes\">x</b>", "<b aria-expanded=\"true\">x</b>" },
		{ "<b t:aria-expanded=\"!yes\">x</b>", "<b aria-expanded=\"false\">x</b>" },
		{ "<b t:data-on=\"yes\" t:data-off=\"no\">x</b>", "<b data-on>x</b>" },
		{ "<a t:download=\"title\">x</a><a t:download=\"yes\">y</a>",
		    "<a download=\"Inbox\">x</a><a download>y</a>" },
		{ "<b class=\"a\" t:class-on=\"yes\" t:class-off=\"no\">x</b>",
		    "<b class=\"a on\">x</b>" },
		{ "<b t:class-on=\"yes\">x</b>", "<b class=\"on\">x</b>" },
		{ "<b t:class-on=\"no\">x</b>", "<b>x</b>" },
		{ "<b t:class-on=\"!no\">x</b>", "<b class=\"on\">x</b>" },
		{ "<b t:class-a=\"yes\" t:class-b=\"count\" t:class-c=\"zero\">x</b>",
		    "<b class=\" a b\">x</b>" },
		{ "<b t:class=\"title\">x</b>", "<b class=\"Inbox\">x</b>" },
		{ "<b class=\"s\" t:class=\"text\" t:class-on=\"yes\">x</b>",
		    "<b class=\"a &lt; b &amp; &quot;c&quot; &gt; &#39;d&#39; on\">x</b>" },
		{ "<b t:class-on=\"yes\" id=\"i\" class=\"a\">x</b>",
		    "<b class=\"a on\" id=\"i\">x</b>" },
	};

	ALL(t);
}

static void
test_conditions(void)
{
	static const struct pair t[] = {
		{ "<b t:if=\"yes\">x</b>", "<b>x</b>" },
		{ "<b t:if=\"no\">x</b>", "" },
		{ "<b t:if=\"!no\">x</b>", "<b>x</b>" },
		{ "<b t:if=\"title\">x</b>", "<b>x</b>" },
		{ "<b t:if=\"empty\">x</b><b t:if=\"none\">y</b><b t:if=\"!none\">z</b>", "<b>z</b>" },
		{ "<b t:if=\"count\">x</b><b t:if=\"zero\">y</b>", "<b>x</b>" },
		{ "<b t:if=\"rows\">x</b><b t:if=\"!nothing\">y</b><b t:if=\"nothing\">z</b>",
		    "<b>x</b><b>y</b>" },
		{ "<b t:if=\"who\">x</b><b t:if=\"nobody\">y</b><b t:if=\"!nobody\">z</b>",
		    "<b>x</b><b>z</b>" },
		{ "<b t:if=\"who.boss\">x</b><b t:if=\"who.boss.boss\">y</b>", "<b>x</b>" },
		{ "<b t:if=\"nobody.boss\">x</b><b t:if=\"!nobody.name\">y</b>"
		    "<b t:if=\"nobody.age\">y</b><b t:if=\"nobody.admin\">y</b>"
		    "<b t:if=\"nobody.tags\">y</b>", "<b>y</b>" },
		{ "<b t:if=\"yes\"><i t:if=\"no\">x</i>y</b>z", "<b>y</b>z" },
		{ "a<t:block t:if=\"no\">b</t:block>c", "ac" },
		{ "<b t:if=\"yes\" t:text=\"title\">x</b>", "<b>Inbox</b>" },
	};

	ALL(t);
}

static void
test_lists(void)
{
	static const struct pair t[] = {
		{ "<i t:each=\"row : rows\" t:text=\"row.name\">x</i>",
		    "<i>Jane &lt;Doe&gt;</i><i></i>" },
		{ "<i t:each=\"row:rows\" t:text=\"name\">x</i>", "<i>Jane &lt;Doe&gt;</i><i></i>" },
		{ "<i t:each=\"row : rows\"><b t:text=\"title\"/><u t:text=\"row.id\"/></i>",
		    "<i><b>Inbox</b><u>1</u></i><i><b>Inbox</b><u>-2</u></i>" },
		{ "<i t:each=\"row : nothing\">x</i>y", "y" },
		{ "<i t:each=\"t : nobody.tags\">x</i>y", "y" },
		{ "<i t:each=\"t : who.tags\" t:text=\"t.name\">x</i>", "<i>red</i><i>blue</i>" },
		/* each is outside, if is asked for each item */
		{ "<i t:if=\"row.unread\" t:each=\"row : rows\" t:text=\"row.id\">x</i>", "<i>1</i>" },
		{ "<i t:each=\"row : rows\" t:class-new=\"row.unread\" t:title=\"row.name\">x</i>",
		    "<i class=\"new\" title=\"Jane &lt;Doe&gt;\">x</i><i>x</i>" },
		/* names: the innermost item first, then outwards */
		{ "<t:block t:each=\"row : rows\"><i t:each=\"tag : row.tags\">"
		    "<b t:text=\"name\"/><b t:text=\"row.name\"/><b t:text=\"id\"/>"
		    "<b t:text=\"title\"/></i></t:block>",
		    "<i><b>red</b><b>Jane &lt;Doe&gt;</b><b>1</b><b>Inbox</b></i>"
		    "<i><b>blue</b><b>Jane &lt;Doe&gt;</b><b>1</b><b>Inbox</b></i>" },
		{ "<t:block t:each=\"row : rows\"><i t:each=\"tag : tags\" t:text=\"row.owner.boss.name\"/>"
		    "</t:block>", "<i>Big &amp; Boss</i><i>Big &amp; Boss</i>" },
		/* the item goes before a field of the same name */
		{ "<i t:each=\"who : rows\" t:text=\"who.id\">x</i>", "<i>1</i><i>-2</i>" },
		/* two lists, one after the other, use the same frame */
		{ "<i t:each=\"a : rows\" t:text=\"a.id\"/><i t:each=\"b : who.tags\" t:text=\"b.name\"/>",
		    "<i>1</i><i>-2</i><i>red</i><i>blue</i>" },
	};

	ALL(t);
}

static void
test_escaping(void)
{
	static const struct pair t[] = {
		{ "<b t:text=\"text\">x</b>", "<b>a &lt; b &amp; \"c\" &gt; 'd'</b>" },
		{ "<b t:title=\"text\">x</b>",
		    "<b title=\"a &lt; b &amp; &quot;c&quot; &gt; &#39;d&#39;\">x</b>" },
		{ "<b t:data-x=\"text\">x</b>",
		    "<b data-x=\"a &lt; b &amp; &quot;c&quot; &gt; &#39;d&#39;\">x</b>" },
		{ "<a t:href=\"url\">x</a>", "<a href=\"/a?b=1&amp;c=&quot;2&quot;\">x</a>" },
		/* literals are escaped as well */
		{ "<b title='\"&lt;&#39;'>&lt;i&gt; &amp;amp; \" '</b>",
		    "<b title=\"&quot;&lt;&#39;\">&lt;i&gt; &amp;amp; \" '</b>" },
		{ "<b>&#xe9;&#x9;&#65;&lt;&gt;&amp;&quot;&apos;</b>", "<b>\xc3\xa9 A&lt;&gt;&amp;\"'</b>" },
		{ "<b>&#160;&#x1F600;\xc3\xa9</b>", "<b>\xc2\xa0\xf0\x9f\x98\x80\xc3\xa9</b>" },
		{ "<textarea t:text=\"text\">x</textarea>",
		    "<textarea>\na &lt; b &amp; \"c\" &gt; 'd'</textarea>" },
	};
	const char *keep = view.text;

	ALL(t);
	view.text = "\"><script>alert(1)</script>";
	is_str(html("<b t:title=\"text\" t:text=\"text\">x</b>"),
	    "<b title=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\">"
	    "\"&gt;&lt;script&gt;alert(1)&lt;/script&gt;</b>", "no way out of text or attribute");
	view.text = "a\x01" "b\x1f\x7f\t\n\x0b";
	is_str(html("<b t:title=\"text\" t:text=\"text\">x</b>"),
	    "<b title=\"a\xef\xbf\xbd" "b\xef\xbf\xbd\xef\xbf\xbd\t\n\xef\xbf\xbd\">"
	    "a\xef\xbf\xbd" "b\xef\xbf\xbd\xef\xbf\xbd\t\n\xef\xbf\xbd</b>",
	    "control characters are replaced");
	view.text = "\xe6\x97\xa5\xe6\x9c\xac";
	is_str(html("<b t:text=\"text\">x</b>"), "<b>\xe6\x97\xa5\xe6\x9c\xac</b>", "Japanese");
	view.text = "\nfirst line empty";
	is_str(html("<textarea t:text=\"text\"/><pre t:text=\"text\"/>"),
	    "<textarea>\n\nfirst line empty</textarea><pre>\n\nfirst line empty</pre>",
	    "a newline at the start survives");
	view.text = keep;
	view.zero = INT64_MIN;
	is_str(html("<b t:text=\"zero\">x</b>"), "<b>-9223372036854775808</b>", "the least number");
	view.zero = INT64_MAX;
	is_str(html("<b t:text=\"zero\">x</b>"), "<b>9223372036854775807</b>", "the greatest number");
	view.zero = 0;
	is_str(html("<b t:text=\"zero\">x</b>"), "<b>0</b>", "zero");
}

static void
test_urls(void)
{
	static const struct {
		const char	*url;
		bool		 passes;
	} t[] = {
		{ "/", true }, { "/thread/1", true }, { "?x=1", true }, { "#top", true },
		{ "https://example.com/", true },
		{ "http://example.com/", false }, { "", false }, { "thread/1", false },
		{ "//evil.example/", false }, { "/\\evil.example/", false },
		{ "\\\\evil.example/", false }, { "https:evil", false },
		{ "javascript:alert(1)", false }, { "JaVaScRiPt:alert(1)", false },
		{ " javascript:alert(1)", false }, { "java\nscript:alert(1)", false },
		{ "data:text/html,x", false }, { "vbscript:x", false }, { "mailto:a@b.c", false },
		{ "/\t/evil.example/", false }, { "/a\nb", false }, { "\x01/a", false },
		{ "/a\x7f", false }, { "HTTPS://example.com", false },
	};
	static const char *const names[] = { "href", "src", "action", "formaction", "poster",
	    "data", "cite" };
	static const struct file files[] = {
		{ "x.html", "<p><a t:href=\"url\">x</a></p>", 0 }, { NULL, NULL, 0 }
	};
	struct job job = { .files = files, .allow_http = true };
	const char *keep = view.url;
	char in[100], want[200];
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		view.url = t[i].url;
		snprintf(want, sizeof(want), "<a href=\"%s\">x</a>", t[i].passes ? t[i].url : "#");
		is_str(html("<a t:href=\"url\">x</a>"), want, "URL %zu %s", i,
		    t[i].passes ? "passes" : "is replaced");
	}
	view.url = "javascript:1";
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(in, sizeof(in), "<b t:%s=\"url\">x</b>", names[i]);
		snprintf(want, sizeof(want), "<b %s=\"#\">x</b>", names[i]);
		is_str(html(in), want, "%s holds a URL", names[i]);
	}
	view.url = NULL;
	is_str(html("<a t:href=\"url\">x</a>"), "<a>x</a>", "a NULL URL is left out");
	view.url = "http://127.0.0.1/";
	is_str(render(&job), "<a href=\"http://127.0.0.1/\">x</a>", "http where it is allowed");
	view.url = "httpx://127.0.0.1/";
	is_str(render(&job), "<a href=\"#\">x</a>", "and nothing else");
	view.url = keep;
}

static void
test_literal_urls(void)
{
	static const struct file files[] = {
		{ "x.html", "<p><a href=\"/a?b&amp;c\">x</a><img src=\"/i\" alt=\"/no\"/>"
		    "<form action=\"/f\"></form><a href=\"#a\"/><a href=\"?b\"/>"
		    "<a href=\"https://x.example/\"/><a t:href=\"url\"/>"
		    "<svg><use href=\"/s.svg#i\"/></svg></p>", 0 },
		{ NULL, NULL, 0 }
	};
	struct job job = { .files = files };

	is_str(render(&job), "<a href=\"/a?b&amp;c\">x</a><img src=\"/i\" alt=\"/no\">"
	    "<form action=\"/f\"></form><a href=\"#a\"></a><a href=\"?b\"></a>"
	    "<a href=\"https://x.example/\"></a><a href=\"/a?b=1&amp;c=&quot;2&quot;\"></a>"
	    "<svg><use href=\"/s.svg#i\"></use></svg>", "without a prefix");
	job.base = "/in&box";
	is_str(render(&job), "<a href=\"/in&amp;box/a?b&amp;c\">x</a><img src=\"/in&amp;box/i\" alt=\"/no\">"
	    "<form action=\"/in&amp;box/f\"></form><a href=\"#a\"></a><a href=\"?b\"></a>"
	    "<a href=\"https://x.example/\"></a><a href=\"/a?b=1&amp;c=&quot;2&quot;\"></a>"
	    "<svg><use href=\"/in&amp;box/s.svg#i\"></use></svg>",
	    "the prefix stands before literal paths only");
	job.base = "";
	ok(strncmp(render(&job), "<a href=\"/a?b", 13) == 0, "an empty prefix");
	job.base = "/inbox/";
	ok(strstr(render(&job), "is no prefix") != NULL, "refused: a slash at its end");
	job.base = "//x";
	ok(strstr(render(&job), "is no prefix") != NULL, "refused: a host");
	job.base = "inbox";
	ok(strstr(render(&job), "is no prefix") != NULL, "refused: no slash");
	job.base = "https://x.example";
	ok(strstr(render(&job), "is no prefix") != NULL, "refused: another site");
	job.base = "/a?b";
	ok(strstr(render(&job), "is no prefix") != NULL, "refused: a query");
	is_str(html("<link href=\"../static/app.css\" t:href=\"url\"/>"),
	    "<link href=\"/a?b=1&amp;c=&quot;2&quot;\">", "a replaced literal may be relative");
}

static void
test_catalogue(void)
{
	static const struct pair en[] = {
		{ "<b t:tr=\"x.empty\">x</b>", "<b>No messages &amp; no \"news\"</b>" },
		{ "<b t:tr-title=\"x.empty\">x</b>",
		    "<b title=\"No messages &amp; no &quot;news&quot;\">x</b>" },
		{ "<b title=\"sample\" t:tr-title=\"x.empty\">x</b>",
		    "<b title=\"No messages &amp; no &quot;news&quot;\">x</b>" },
		{ "<p t:each=\"row : rows\" t:tr=\"x.hello\">x</p>",
		    "<p>Hello, Jane &lt;Doe&gt;!</p><p>Hello, !</p>" },
		{ "<p t:each=\"row : rows\" t:tr-aria-label=\"x.hello\">x</p>",
		    "<p aria-label=\"Hello, Jane &lt;Doe&gt;!\">x</p><p aria-label=\"Hello, !\">x</p>" },
		{ "<b t:tr=\"x.count\" t:n=\"count\">x</b>", "<b>3 messages</b>" },
		{ "<b t:tr=\"x.count\" t:n=\"zero\">x</b>", "<b>0 messages</b>" },
		{ "<b t:tr-title=\"x.count\" t:n=\"count\">x</b>", "<b title=\"3 messages\">x</b>" },
		{ "<b t:tr-title=\"x.count\" t:n=\"count\" t:tr=\"x.empty\">x</b>",
		    "<b title=\"3 messages\">No messages &amp; no \"news\"</b>" },
		{ "<i t:each=\"row : rows\" t:tr=\"x.count\" t:n=\"row.id\">x</i>",
		    "<i>one message</i><i>-2 messages</i>" },
		{ "<i t:each=\"row : rows\" t:tr=\"x.from\" t:n=\"id\">x</i>z",
		    "<i>1 message from Jane &lt;Doe&gt;</i><i>-2 messages from </i>z" },
	};
	static const struct pair ja[] = {
		{ "<b t:tr=\"x.empty\">x</b>", "<b>メッセージはありません</b>" },
		{ "<i t:each=\"row : rows\" t:tr=\"x.count\" t:n=\"id\">x</i>",
		    "<i>メッセージ1件</i><i>メッセージ-2件</i>" },
		{ "<i t:each=\"row : rows\" t:tr-title=\"x.from\" t:n=\"id\">x</i>",
		    "<i title=\"Jane &lt;Doe&gt;さんから1件\">x</i><i title=\"さんから-2件\">x</i>" },
	};
	size_t i;

	ALL(en);
	for (i = 0; i < sizeof(ja) / sizeof(ja[0]); i++)
		is_str(html_in(LANG_JA, ja[i].in), ja[i].want, "Japanese: %s", flat(ja[i].in));
}

static void
test_layout(void)
{
	static const struct pair t[] = {
		{ "<br/><hr/><img src=\"/a\" alt=\"\"/><input/><wbr/>",
		    "<br><hr><img src=\"/a\" alt=\"\"><input><wbr>" },
		{ "<br></br>", "<br>" },
		{ "<p/><a/>", "<p></p><a></a>" },
		{ "<script src=\"/a.js\"/>", "<script src=\"/a.js\"></script>" },
		{ "<script src=\"/a.js\" defer=\"defer\">\n</script>",
		    "<script src=\"/a.js\" defer></script>" },
		{ "a<!-- no - -- more -->b", "ab" },
		{ "<b>a  b\t\tc \n d</b>", "<b>a b c\nd</b>" },
		{ "a <b>b</b> <i>c</i>\n<u>d</u>", "a <b>b</b> <i>c</i>\n<u>d</u>" },
		{ "<p>\n  a <b>b</b>\n</p>\n\n  <p>  c  </p>   <p>d</p>",
		    "<p>a <b>b</b></p><p>c</p><p>d</p>" },
		{ "<ul> <li>a</li>\n\n <li>b</li> </ul>", "<ul><li>a</li><li>b</li></ul>" },
		{ "<ul>\n<li t:remove=\"all\">a</li>\n<li>b</li>\n<!-- x -->\n</ul>",
		    "<ul><li>b</li></ul>" },
		{ "<select> <option>a</option> </select>", "<select><option>a</option></select>" },
		{ "<pre> a\n\n  b </pre>", "<pre> a\n\n  b </pre>" },
		{ "<pre>\r\n a\r\n</pre>", "<pre>\n a\n</pre>" },
		{ "<textarea> a\n\n  b </textarea>", "<textarea> a\n\n  b </textarea>" },
		{ "<pre> <b> x </b> </pre> y ", "<pre> <b> x </b> </pre>y" },
		{ "x <t:block> y </t:block> z", "x y z" },
		{ "<span t:each=\"row : rows\"> <i t:text=\"id\"/> </span>",
		    "<span> <i>1</i> </span><span> <i>-2</i> </span>" },
		{ "<svg viewBox=\"0 0 1 1\" xmlns=\"http://www.w3.org/2000/svg\">\n <path d=\"M0 0\"/>\n"
		    "<g> <title>a b</title> </g></svg>",
		    "<svg viewBox=\"0 0 1 1\"><path d=\"M0 0\"></path><g><title>a b</title></g></svg>" },
		{ "<b class='a\n\tb'>x</b>", "<b class=\"a  b\">x</b>" },
		{ "<b title=\"a\r\nb\">\r\nc\r\nd</b>", "<b title=\"a b\">\nc\nd</b>" },
		{ "a > b ]]> c", "a &gt; b ]]&gt; c" },
		{ "<meta http-equiv=\"refresh\" content=\"60\"/>",
		    "<meta http-equiv=\"refresh\" content=\"60\">" },
		{ "<b xml:lang=\"en\">x</b>", "<b xml:lang=\"en\">x</b>" },
		{ "<b t:remove=\"tag\" class=\"sample\">x <i t:text=\"title\"/></b>", "x <i>Inbox</i>" },
		{ "<b t:remove=\"tag\" t:each=\"r : rows\" t:text=\"id\">x</b>", "1-2" },
		{ "<b t:remove=\"all\"><blink onclick=\"x\" style=\"y\">z</blink></b>", "" },
		{ "<b t:text=\"title\"><blink/></b>", "<b>Inbox</b>" },
	};

	ALL(t);
}

static void
test_pages(void)
{
	static const struct file page[] = {
		{ "p.html", "\xef\xbb\xbf <!-- x --><!doctype HTML>\n<html lang=\"en\" xmlns:t=\"urn:t\">\n<head>\n"
		    "<meta charset=\"utf-8\"/> <title t:text=\"title\">x</title>\n</head>\n"
		    "<body>\n <p>x</p>\n</body>\n</html>\n<!-- end -->\n", 0 },
		{ NULL, NULL, 0 }
	};
	struct job job = { .files = page, .page = true };

	is_str(render(&job), "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	    "<title>Inbox</title></head><body><p>x</p></body></html>\n", "a whole page");
	job.page = false;
	is_str(render(&job), "<p>x</p>", "the same as a fragment");
}

static void
test_includes(void)
{
	static const struct file files[] = {
		{ "x.html", "<div><ul t:include=\"list.html\"><li>sample</li></ul>"
		    "<p t:if=\"no\" t:include=\"list.html\"/><t:block t:each=\"row : rows\" "
		    "t:include=\"part_row.html\"/></div>", 0 },
		{ "list.html", "<!DOCTYPE html><html><head><title>not here</title></head><body>\n"
		    "<li t:text=\"title\">x</li>\n</body></html>", 0 },
		{ "part_row.html", "<ul>\n<li t:text=\"row.id\"/><t:block t:include=\"deep.html\"/></ul>", 0 },
		{ "deep.html", "<p><i t:text=\"row.id\"/><u t:text=\"title\"/></p>", 0 },
		{ NULL, NULL, 0 }
	};
	static const struct file self[] = {
		{ "x.html", "<div><p t:include=\"y.html\"/></div>", 0 },
		{ "y.html", "<div>\n\n<p t:include=\"x.html\"/></div>", 0 },
		{ NULL, NULL, 0 }
	};
	static const struct file wrong[] = {
		{ "x.html", "<div><p t:each=\"row : rows\" t:include=\"y.html\"/></div>", 0 },
		{ "y.html", "<div><b>x</b>\n<b t:text=\"foo\"/></div>", 0 },
		{ NULL, NULL, 0 }
	};
	static const struct file nobody[] = {
		{ "x.html", "<div><p t:include=\"y.html\"/></div>", 0 },
		{ "y.html", "<html><head/></html>", 0 },
		{ NULL, NULL, 0 }
	};
	static const struct file orders[] = {
		{ "x.html", "<div><p t:include=\"y.html\"/></div>", 0 },
		{ "y.html", "<html><body t:if=\"yes\">x</body></html>", 0 },
		{ NULL, NULL, 0 }
	};
	struct file chain[12] = { { NULL, NULL, 0 } };
	char names[12][16], texts[12][80];
	struct job job = { .files = files };
	size_t i;

	is_str(render(&job), "<ul><li>Inbox</li></ul><li>1</li><i>1</i><u>Inbox</u>"
	    "<li>-2</li><i>-2</i><u>Inbox</u>", "parts, in the scope where they stand");
	job.files = self;
	is_str(render(&job), "[t/y.html:3: div/p: 'x.html' includes itself]", "a circle");
	job.files = wrong;
	is_str(render(&job), "[t/y.html:2: div/b[2]: no field 'foo' in view 'row']",
	    "a mistake in a part names the part");
	job.files = nobody;
	is_str(render(&job), "[t/y.html:1: html: no <body>]", "a document without body");
	job.files = orders;
	is_str(render(&job), "[t/y.html:1: html/body: 't:if' has no effect here: of a part only "
	    "the content of <body> counts]", "t: attributes that would be lost");
	is_str(html("<b t:include=\"none.html\"/>"), "[t/none.html: No such file]", "a missing part");
	for (i = 0; i < 10; i++) {
		snprintf(names[i], sizeof(names[i]), "p%zu.html", i);
		snprintf(texts[i], sizeof(texts[i]), "<p><b t:include=\"p%zu.html\"/></p>", i + 1);
		chain[i].name = names[i];
		chain[i].text = texts[i];
	}
	job.files = chain;
	is_str(render(&job), "[t/p7.html:1: p/b: parts within parts go too deep]", "a long chain");
}

/* ---- refusals ---- */

static void
test_refused(void)
{
	static const struct pair t[] = {
		/* names and kinds */
		{ "<ul><li t:text=\"foo\"/></ul><ul/>",
		    "[t/x.html:1: div/ul[1]/li: no field 'foo' in view 'page']" },
		{ "<ul/><ul><li t:text=\"foo\"/></ul>",
		    "[t/x.html:1: div/ul[2]/li: no field 'foo' in view 'page']" },
		{ "\n\n<b\n t:text=\"foo\"/>", "[t/x.html:3: div/b: no field 'foo' in view 'page']" },
		{ "<b t:each=\"row : rows\"><i t:text=\"row.foo\"/></b>",
		    "[t/x.html:1: div/b/i: no field 'foo' in view 'row']" },
		{ "<b t:each=\"row : rows\"><i t:text=\"foo\"/></b>",
		    "[t/x.html:1: div/b/i: no field 'foo' in view 'row']" },
		{ "<b t:each=\"row : rows\"/><i t:text=\"row.id\"/>",
		    "[t/x.html:1: div/i: no field 'row' in view 'page']" },
		{ "<b t:text=\"who.foo\"/>", "[t/x.html:1: div/b: no field 'foo' in view 'who']" },
		{ "<b t:text=\"title.x\"/>",
		    "[t/x.html:1: div/b: field 'title' is a string, not a view of its own]" },
		{ "<b t:text=\"rows\"/>",
		    "[t/x.html:1: div/b: field 'rows' is a list and cannot be text]" },
		{ "<b t:text=\"who\"/>",
		    "[t/x.html:1: div/b: field 'who' is a view of its own and cannot be text]" },
		{ "<b t:text=\"yes\"/>",
		    "[t/x.html:1: div/b: field 'yes' is a yes/no and cannot be text]" },
		{ "<b t:text=\"!title\"/>", "[t/x.html:1: div/b: '!title' is not the name of a field]" },
		{ "<b t:text=\"a b\"/>", "[t/x.html:1: div/b: 'a b' is not the name of a field]" },
		{ "<b t:text=\"who.\"/>", "[t/x.html:1: div/b: 'who.' is not the name of a field]" },
		{ "<b t:text=\".who\"/>", "[t/x.html:1: div/b: '.who' is not the name of a field]" },
		{ "<b t:text=\"\"/>", "[t/x.html:1: div/b: 't:text' is empty]" },
		{ "<b t:if=\"!\"/>", "[t/x.html:1: div/b: '!' is not the name of a field]" },
		{ "<b t:each=\"row : rows\"><i t:text=\"row.\"/></b>",
		    "[t/x.html:1: div/b/i: 'row.' is not the name of a field]" },
		{ "<b t:text=\"who.boss.boss.boss.boss.boss.name\"/>",
		    "[t/x.html:1: div/b: 'who.boss.boss.boss.boss.boss.name' goes too deep]" },
		{ "<a t:href=\"count\"/>",
		    "[t/x.html:1: div/a: field 'count' is a number and cannot be 'href']" },
		{ "<a t:href=\"yes\"/>",
		    "[t/x.html:1: div/a: field 'yes' is a yes/no and cannot be 'href']" },
		{ "<a t:title=\"rows\"/>",
		    "[t/x.html:1: div/a: field 'rows' is a list and cannot be 'title']" },
		{ "<a t:title=\"yes\"/>",
		    "[t/x.html:1: div/a: field 'yes' is a yes/no and cannot be 'title']" },
		{ "<a t:title=\"!title\"/>",
		    "[t/x.html:1: div/a: field '!title' is a string and cannot be 'title']" },
		{ "<input t:checked=\"title\"/>",
		    "[t/x.html:1: div/input: field 'title' is a string and cannot be 'checked']" },
		/* t:each */
		{ "<b t:each=\"rows\"/>",
		    "[t/x.html:1: div/b: t:each is \"item : list\", not \"rows\"]" },
		{ "<b t:each=\" : rows\"/>",
		    "[t/x.html:1: div/b: t:each is \"item : list\", not \" : rows\"]" },
		{ "<b t:each=\"r : title\"/>",
		    "[t/x.html:1: div/b: field 'title' is a string, not a list]" },
		{ "<b t:each=\"r : rows\"><i t:each=\"r : tags\"/></b>",
		    "[t/x.html:1: div/b/i: item 'r' is in use outside]" },
		/* t: attributes */
		{ "<b t:txt=\"title\"/>", "[t/x.html:1: div/b: unknown attribute 't:txt']" },
		{ "<b t:=\"title\"/>", "[t/x.html:1: div/b: unknown attribute 't:']" },
		{ "<b t:tr-=\"x.empty\"/>", "[t/x.html:1: div/b: unknown attribute 't:tr-']" },
		{ "<b t:data-=\"title\"/>", "[t/x.html:1: div/b: unknown attribute 't:data-']" },
		{ "<b t:tr-txt=\"x.empty\"/>", "[t/x.html:1: div/b: unknown attribute 't:tr-txt']" },
		{ "<b t:text=\"title\" t:tr=\"x.empty\"/>",
		    "[t/x.html:1: div/b: t:text and t:tr contradict each other]" },
		{ "<b t:text=\"title\" t:include=\"y.html\"/>",
		    "[t/x.html:1: div/b: t:text and t:include contradict each other]" },
		{ "<b t:tr=\"x.empty\" t:include=\"y.html\"/>",
		    "[t/x.html:1: div/b: t:tr and t:include contradict each other]" },
		{ "<b t:title=\"title\" t:tr-title=\"x.empty\"/>",
		    "[t/x.html:1: div/b: both t:title and t:tr-title]" },
		{ "<b t:tr-title=\"x.empty\" t:title=\"title\"/>",
		    "[t/x.html:1: div/b: both t:title and t:tr-title]" },
		{ "<b t:remove=\"body\"/>",
		    "[t/x.html:1: div/b: t:remove is \"all\" or \"tag\", not \"body\"]" },
		{ "<b t:remove=\"all\" t:if=\"yes\"/>",
		    "[t/x.html:1: div/b: t:remove=\"all\" with other t: attributes]" },
		{ "<b t:remove=\"tag\" t:title=\"title\"/>",
		    "[t/x.html:1: div/b: attributes on an element without a tag]" },
		{ "<t:block t:title=\"title\"/>",
		    "[t/x.html:1: div/t:block: attributes on an element without a tag]" },
		{ "<t:block class=\"x\"/>", "[t/x.html:1: div/t:block: <t:block> has no attribute 'class']" },
		{ "<t:block t:remove=\"tag\"/>", "[t/x.html:1: div/t:block: t:remove on <t:block>]" },
		{ "<t:blok/>", "[t/x.html:1: div/t:blok: element <t:blok> is refused]" },
		{ "<b t:class-=\"yes\"/>", "[t/x.html:1: div/b: t:class- without a name]" },
		{ "<b t:tr-class=\"x.empty\" class=\"x\"/>",
		    "[t/x.html:1: div/b: 'class' cannot come from the catalogue]" },
		{ "<b t:include=\"../y.html\"/>",
		    "[t/x.html:1: div/b: '../y.html' is not the name of a part]" },
		{ "<b t:include=\".y\"/>", "[t/x.html:1: div/b: '.y' is not the name of a part]" },
		/* strings */
		{ "<b t:tr=\"x.none\"/>", "[t/x.html:1: div/b: no string 'x.none' in the catalogue]" },
		{ "<b t:tr-title=\"x.none\"/>",
		    "[t/x.html:1: div/b: no string 'x.none' in the catalogue]" },
		{ "<b t:tr=\"x.count\"/>",
		    "[t/x.html:1: div/b: string 'x.count' has plural forms and needs t:n]" },
		{ "<b t:tr=\"x.empty\" t:n=\"count\"/>",
		    "[t/x.html:1: div/b: t:n without a string that has plural forms]" },
		{ "<b t:n=\"count\"/>",
		    "[t/x.html:1: div/b: t:n without a string that has plural forms]" },
		{ "<b t:tr=\"x.count\" t:n=\"title\"/>",
		    "[t/x.html:1: div/b: t:n needs a number, field 'title' is a string]" },
		{ "<b t:tr=\"x.hello\"/>", "[t/x.html:1: div/b: no field 'name' in view 'page']" },
		{ "<a t:tr-href=\"x.empty\"/>",
		    "[t/x.html:1: div/a: 'href' cannot come from the catalogue]" },
		{ "<a t:tr-hidden=\"x.empty\"/>",
		    "[t/x.html:1: div/a: 'hidden' cannot come from the catalogue]" },
		/* dangerous attributes, literal and from fields */
		{ "<b onclick=\"x\"/>", "[t/x.html:1: div/b: attribute 'onclick' is refused]" },
		{ "<b OnClick=\"x\"/>", "[t/x.html:1: div/b: attribute 'OnClick' is refused]" },
		{ "<b t:onclick=\"title\"/>", "[t/x.html:1: div/b: attribute 'onclick' is refused]" },
		{ "<b t:tr-onclick=\"x.empty\"/>", "[t/x.html:1: div/b: attribute 'onclick' is refused]" },
		{ "<b style=\"x\"/>", "[t/x.html:1: div/b: attribute 'style' is refused]" },
		{ "<b t:style=\"title\"/>", "[t/x.html:1: div/b: attribute 'style' is refused]" },
		{ "<b srcdoc=\"x\"/>", "[t/x.html:1: div/b: attribute 'srcdoc' is refused]" },
		{ "<img srcset=\"x\"/>", "[t/x.html:1: div/img: attribute 'srcset' is refused]" },
		{ "<b STYLE=\"x\"/>", "[t/x.html:1: div/b: attribute 'STYLE' must be in lower case]" },
		{ "<svg STYLE=\"x\"/>", "[t/x.html:1: div/svg: attribute 'STYLE' must be in lower case]" },
		{ "<svg HREF=\"x\"/>", "[t/x.html:1: div/svg: attribute 'HREF' must be in lower case]" },
		{ "<b viewBox=\"x\"/>", "[t/x.html:1: div/b: attribute 'viewBox' must be in lower case]" },
		{ "<svg><use xlink:href=\"#a\"/></svg>",
		    "[t/x.html:1: div/svg/use: attribute 'xlink:href' is refused]" },
		{ "<meta http-equiv=\"refresh\" content=\"0;url=//evil.example\"/>",
		    "[t/x.html:1: div/meta: http-equiv may only be \"refresh\" with a number of seconds]" },
		{ "<meta http-equiv=\"set-cookie\" content=\"1\"/>",
		    "[t/x.html:1: div/meta: http-equiv may only be \"refresh\" with a number of seconds]" },
		{ "<meta http-equiv=\"refresh\" t:content=\"title\"/>",
		    "[t/x.html:1: div/meta: http-equiv may only be \"refresh\" with a number of seconds]" },
		{ "<meta t:http-equiv=\"title\"/>",
		    "[t/x.html:1: div/meta: attribute 'http-equiv' is refused]" },
		/* literal URLs */
		{ "<a href=\"x\"/>", "[t/x.html:1: div/a: literal href=\"x\" must start with / # ? or "
		    "https: (or have a t:href)]" },
		{ "<a href=\"//x\"/>", "[t/x.html:1: div/a: literal href=\"//x\" must start with / # ? or "
		    "https: (or have a t:href)]" },
		{ "<img src=\"http://x\"/>", "[t/x.html:1: div/img: literal src=\"http://x\" must start "
		    "with / # ? or https: (or have a t:src)]" },
		{ "<form action=\"javascript:x\"/>", "[t/x.html:1: div/form: literal action=\"javascript:x\" "
		    "must start with / # ? or https: (or have a t:action)]" },
		/* elements */
		{ "<blink/>", "[t/x.html:1: div/blink: element <blink> is refused]" },
		{ "<B/>", "[t/x.html:1: div/B: element <B> is refused]" },
		{ "<style>x</style>", "[t/x.html:1: div/style: element <style> is refused]" },
		{ "<iframe src=\"/x\"/>", "[t/x.html:1: div/iframe: element <iframe> is refused]" },
		{ "<base href=\"/x\"/>", "[t/x.html:1: div/base: element <base> is refused]" },
		{ "<svg><animate/></svg>", "[t/x.html:1: div/svg/animate: element <animate> is refused]" },
		{ "<script>x</script>", "[t/x.html:1: div/script: inline <script> is refused]" },
		{ "<script src=\"/a\">x</script>", "[t/x.html:1: div/script: inline <script> is refused]" },
		{ "<script src=\"/a\" t:text=\"title\"/>",
		    "[t/x.html:1: div/script: inline <script> is refused]" },
		{ "<script/>", "[t/x.html:1: div/script: <script> without src]" },
		{ "<br>x</br>", "[t/x.html:1: div/br: <br> has no content]" },
		{ "<input t:text=\"title\"/>", "[t/x.html:1: div/input: <input> has no content]" },
		{ "<textarea><b>x</b></textarea>",
		    "[t/x.html:1: div/textarea/b: tags do not work at this place]" },
		{ "<title><t:block><b>x</b></t:block></title>",
		    "[t/x.html:1: div/title/t:block/b: tags do not work at this place]" },
	};

	ALL(t);
}

/* What the first pass over the source refuses. */
static void
test_malformed(void)
{
	static const struct pair t[] = {
		{ "", "[t/x.html:1: no element]" },
		{ "  \n <!-- x --> ", "[t/x.html:2: no element]" },
		{ "x", "[t/x.html:1: text outside of the root element]" },
		{ "<p/>x", "[t/x.html:1: text outside of the root element]" },
		{ "<p/>&amp;", "[t/x.html:1: text outside of the root element]" },
		{ "<p/>\n<p/>", "[t/x.html:2: a second element at the top]" },
		{ "<p></p><!DOCTYPE html>", "[t/x.html:1: declarations are refused]" },
		{ "<!DOCTYPE html SYSTEM \"x\"><p/>", "[t/x.html:1: declarations are refused]" },
		{ "<!DOCTYPE html><!DOCTYPE html><p/>", "[t/x.html:1: declarations are refused]" },
		{ "<?xml version=\"1.0\"?><p/>", "[t/x.html:1: processing instructions are refused]" },
		{ "<p>\n<?php x ?></p>", "[t/x.html:2: processing instructions are refused]" },
		{ "<p><![CDATA[x]]></p>", "[t/x.html:1: CDATA is refused]" },
		{ "<p><!ENTITY x \"y\"></p>", "[t/x.html:1: declarations are refused]" },
		{ "<p>", "[t/x.html:1: <p> is not closed]" },
		{ "<p><b>\n</p>", "[t/x.html:2: </p> where </b> is expected]" },
		{ "<p>a<br>b</p>", "[t/x.html:1: </p> where </br> is expected]" },
		{ "</p>", "[t/x.html:1: </p> closes nothing]" },
		{ "<p></p></p>", "[t/x.html:1: </p> closes nothing]" },
		{ "<p></p", "[t/x.html:1: the tag </p> does not end]" },
		{ "<p></p x>", "[t/x.html:1: the tag </p> does not end]" },
		{ "<p", "[t/x.html:1: the tag <p> does not end]" },
		{ "<p a=\"b\"", "[t/x.html:1: the tag <p> does not end]" },
		{ "<p a=\"b", "[t/x.html:1: the value of 'a' does not end]" },
		{ "<p a=b/>", "[t/x.html:1: the value of 'a' is not quoted]" },
		{ "<p a/>", "[t/x.html:1: attribute 'a' has no value]" },
		{ "<p a=\"1\"b=\"2\"/>", "[t/x.html:1: a blank is missing in <p>]" },
		{ "<p\"/>", "[t/x.html:1: a blank is missing in <p>]" },
		{ "<p a=\"1\" a=\"2\"/>", "[t/x.html:1: attribute 'a' twice]" },
		{ "<p t:line=\"7\"/>", "[t/x.html:1: attribute 't:line' twice]" },
		{ "<p a=\"<\"/>", "[t/x.html:1: '<' in the value of 'a' (write &lt;)]" },
		{ "<p / >", "[t/x.html:1: '>' is expected after '/' in <p>]" },
		{ "<p =\"x\"/>", "[t/x.html:1: a name is expected]" },
		{ "< p/>", "[t/x.html:1: a name is expected]" },
		{ "<>", "[t/x.html:1: a name is expected]" },
		{ "<aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/>",
		    "[t/x.html:1: a name is too long]" },
		{ "<&lt;p/>", "[t/x.html:1: a name is expected]" },
		{ "<p><!-- x ->\n</p>", "[t/x.html:2: a comment does not end]" },
		{ "<p>&nbsp;</p>", "[t/x.html:1: only &lt; &gt; &amp; &quot; &apos; and numbers like "
		    "&#160; are known in a template]" },
		{ "<p>a & b</p>", "[t/x.html:1: only &lt; &gt; &amp; &quot; &apos; and numbers like "
		    "&#160; are known in a template]" },
		{ "<p a=\"&copy;\"/>", "[t/x.html:1: only &lt; &gt; &amp; &quot; &apos; and numbers like "
		    "&#160; are known in a template]" },
		{ "<p>&#xD800;</p>", "[t/x.html:1: a bad character number]" },
		{ "<p>&#0;</p>", "[t/x.html:1: a bad character number]" },
		{ "<p>&#x110000;</p>", "[t/x.html:1: a bad character number]" },
		{ "<p>&#99999999999;</p>", "[t/x.html:1: a bad character number]" },
		{ "<p>&#;</p>", "[t/x.html:1: a bad character number]" },
		{ "<p>&#x;</p>", "[t/x.html:1: a bad character number]" },
		{ "<p>&#65</p>", "[t/x.html:1: a bad character number]" },
		{ "<p>&#127;</p>", "[t/x.html:1: a bad character number]" },
		{ "<p>\n\x01</p>", "[t/x.html:2: a control character]" },
		{ "<p>\x7f</p>", "[t/x.html:1: a control character]" },
		{ "<p>\n\n\xc0\x80</p>", "[t/x.html:3: not UTF-8]" },
		{ "<p>\xff</p>", "[t/x.html:1: not UTF-8]" },
		{ "<p>\xef\xbb\xbf</p>", "[t/x.html:1: a byte order mark in the middle]" },
	};
	struct file files[] = { { "x.html", NULL, 0 }, { NULL, NULL, 0 } };
	const struct job job = { .files = files };
	struct ib_buf b;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		files[0].text = t[i].in;
		is_str(render(&job), t[i].want, "malformed: %s", flat(t[i].want));
	}
	buf_init(&b, 3 * TMPL_SOURCE_MAX);
	for (i = 0; i <= TMPL_DEPTH_MAX; i++)
		buf_puts(&b, "<p>");
	files[0].text = buf_cstr(&b);
	is_str(render(&job), "[t/x.html:1: elements are nested too deeply]", "deep nesting");
	buf_clear(&b);
	buf_puts(&b, "<p");
	for (i = 0; i <= TMPL_ATTRS_MAX; i++)
		buf_printf(&b, " a%zu=\"\"", i);
	buf_puts(&b, "/>");
	files[0].text = buf_cstr(&b);
	is_str(render(&job), "[t/x.html:1: <p> has too many attributes]", "many attributes");
	buf_clear(&b);
	buf_puts(&b, "<p>");
	while (b.len <= TMPL_SOURCE_MAX)
		buf_puts(&b, "0123456789");
	files[0].text = buf_cstr(&b);
	is_str(render(&job), "[t/x.html:1: the file is too big]", "a big file");
	files[0].text = "<p>a\0b</p>";
	files[0].n = 10;
	is_str(render(&job), "[t/x.html:1: a control character]", "a NUL inside");
	buf_fini(&b);
}

/* A program of many ops, and one that is too long. */
static void
test_size(void)
{
	static const char field[] = "<b t:text=\"who.boss.age\"/>";
	struct file files[] = { { "x.html", NULL, 0 }, { NULL, NULL, 0 } };
	const struct tmpl_source src = { read_memory, "t", files };
	static const struct tmpl_decl decl = { "x.html", &page_type, true };
	const struct ib_err *err;
	struct tmpl_set *set = NULL;
	struct ib_buf b, out;
	unsigned i;

	buf_init(&b, TMPL_SOURCE_MAX);
	buf_init(&out, TMPL_SOURCE_MAX);
	buf_puts(&b, "<p>");
	for (i = 0; i < 1000; i++)
		buf_puts(&b, field);
	buf_puts(&b, "</p>");
	files[0].text = buf_cstr(&b);
	err = tmpl_load_from(&src, cats, &decl, 1, false, false, &set);
	if (ok(err == NULL, "a thousand fields") &&
	    ok(tmpl_render(set, 0, LANG_EN, &view, &out) == NULL, "are rendered")) {
		is_int(out.len, 9000, "all of them");
		is_str(buf_cstr(&out) + 8991, "<b>60</b>", "up to the last");
	}
	tmpl_free(set);
	buf_clear(&b);
	buf_puts(&b, "<p>");
	while (b.len < TMPL_SOURCE_MAX - 100)
		buf_puts(&b, "<b t:each=\"r : rows\"><i t:if=\"id\" t:text=\"id\"/></b>");
	buf_puts(&b, "</p>");
	files[0].text = buf_cstr(&b);
	err = tmpl_load_from(&src, cats, &decl, 1, false, false, &set);
	is_str(err == NULL ? "" : err->msg, "t/x.html: too big, or no memory", "too many ops");
	tmpl_free(set);
	buf_fini(&b);
	buf_fini(&out);
}

static void
test_limits(void)
{
	struct ib_buf b;
	unsigned i;

	buf_init(&b, 7000);
	buf_puts(&b, "<b t:each=\"r0 : rows\">");
	for (i = 1; i < 9; i++)
		buf_printf(&b, "<b t:each=\"r%u : rows\">", i);
	for (i = 0; i < 9; i++)
		buf_puts(&b, "</b>");
	is_str(html(buf_cstr(&b)), "[t/x.html:1: div/b/b/b/b/b/b/b/b/b: lists within lists go too deep]",
	    "nine lists within each other");
	buf_fini(&b);
	test_size();
	is_str(html("<b t:include=\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"/>") + 1,
	    "t/x.html:1: div/b: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' is not the name of a part]",
	    "a very long name");
}

/* Cut at every byte: an error each time, because the root is not closed. */
static void
test_truncated(void)
{
	static const char doc[] =
	    "<!DOCTYPE html>\n<html lang=\"en\"><head><title t:text=\"title\">x</title></head>"
	    "<body class='a'><!-- c --><ul><li t:each=\"row : rows\" t:class-x=\"row.unread\">"
	    "<a href=\"x\" t:href=\"row.href\" t:tr=\"x.count\" t:n=\"row.id\">&amp;&#160;&#x41;</a>"
	    "\xe6\x97\xa5<br/></li></ul></body></html>";
	struct file files[] = { { "x.html", NULL, 0 }, { NULL, NULL, 0 } };
	const struct job job = { .files = files, .page = true };
	unsigned errors = 0, good = 0;
	size_t n;

	for (n = 1; n < sizeof(doc); n++) {
		char *part = malloc(n);

		memcpy(part, doc, n);
		files[0].text = part;
		files[0].n = n;
		if (strncmp(render(&job), "[t/x.html:", 10) == 0)
			errors++;
		else
			good++;
		free(part);
	}
	is_int(good, 1, "only the whole document renders");
	is_int(errors, sizeof(doc) - 2, "every cut is an error");
}

/* ---- the set ---- */

struct seen {
	unsigned	n, count, empty;
};

static void
see(const char *key, void *arg)
{
	struct seen *s = arg;

	s->n++;
	s->count += strcmp(key, "x.count") == 0;
	s->empty += strcmp(key, "x.empty") == 0;
}

static void
test_set(void)
{
	static const struct file files[] = {
		{ "a.html", "<p><b t:tr=\"x.empty\"/><b t:tr-title=\"x.empty\"/></p>", 0 },
		{ "b.html", "<p><b t:tr=\"x.count\" t:n=\"count\"/></p>", 0 },
		{ "bad.html", "<p><b t:text=\"foo\"/></p>", 0 },
		{ NULL, NULL, 0 }
	};
	static const struct tmpl_decl decls[] = {
		{ "a.html", &page_type, true }, { "b.html", &page_type, true },
		{ "bad.html", &page_type, true }, { "../a.html", &page_type, true },
		{ "a.html", &page_type, false },
	};
	const struct tmpl_source src = { read_memory, "t", files };
	const struct ib_err *err;
	struct tmpl_set *set = NULL;
	struct seen seen = { 0, 0, 0 };
	struct ib_buf out;

	buf_init(&out, 10000);
	err = tmpl_load_from(&src, cats, decls, 2, false, false, &set);
	if (!ok(err == NULL, "two templates"))
		return;
	ok(tmpl_render(set, 1, LANG_JA, &view, &out) == NULL, "the second, in Japanese");
	ok(tmpl_render(set, 0, LANG_EN, &view, &out) == NULL, "the first, in English");
	is_int(out.p[out.len], '\0', "the text ends with a NUL");
	is_str(buf_cstr(&out), "<b>メッセージ3件</b><b>No messages &amp; no \"news\"</b>"
	    "<b title=\"No messages &amp; no &quot;news&quot;\"></b>", "output is appended");
	tmpl_each_key(set, see, &seen);
	ok(seen.n == 2 && seen.count == 1 && seen.empty == 1, "each key is told once");
	tmpl_free(set);
	buf_clear(&out);

	err = tmpl_load_from(&src, cats, decls, 3, false, false, &set);
	is_str(err == NULL ? "" : err->msg, "t/bad.html:1: p/b: no field 'foo' in view 'page'",
	    "a mistake stops the loading");
	ok(set == NULL && err != NULL && err->code == IB_ECONF, "with IB_ECONF");

	err = tmpl_load_from(&src, cats, decls, 5, false, true, &set);
	if (!ok(err == NULL, "a lazy set loads with a mistake inside"))
		return;
	ok(tmpl_render(set, 0, LANG_JA, &view, &out) == NULL, "what is good in it renders");
	ok(tmpl_render(set, 0, LANG_JA, &view, &out) == NULL, "and again");
	is_str(buf_cstr(&out), "<b>メッセージはありません</b><b title=\"メッセージはありません\"></b>"
	    "<b>メッセージはありません</b><b title=\"メッセージはありません\"></b>", "in Japanese");
	err = tmpl_render(set, 2, LANG_EN, &view, &out);
	is_str(err == NULL ? "" : err->msg, "t/bad.html:1: p/b: no field 'foo' in view 'page'",
	    "the mistake shows when it is rendered");
	err = tmpl_render(set, 3, LANG_EN, &view, &out);
	is_str(err == NULL ? "" : err->msg, "'../a.html' is not the name of a template",
	    "a name with a path");
	err = tmpl_render(set, 4, LANG_EN, &view, &out);
	is_str(err == NULL ? "" : err->msg, "t/a.html:1: p: the root of a page must be <html>",
	    "a page has the root <html>");
	tmpl_free(set);
	tmpl_free(NULL);
	buf_fini(&out);
}

/* The buffer may end anywhere: an error, nothing written past its cap. */
static void
test_small_buffers(void)
{
	static const struct file files[] = {
		{ "a.html", "<div><ul class=\"list\"><li t:each=\"row : rows\" t:class-x=\"row.unread\">"
		    "<a t:href=\"row.href\" t:text=\"row.name\" t:data-id=\"row.id\">x</a>"
		    "<b t:tr-title=\"x.hello\" t:tr=\"x.count\" t:n=\"id\" t:aria-busy=\"yes\"/></li></ul>"
		    "<a href=\"/x\">y</a></div>", 0 },
		{ NULL, NULL, 0 }
	};
	static const struct tmpl_decl decl = { "a.html", &page_type, true };
	const struct tmpl_source src = { read_memory, "t", files };
	struct tmpl_set *set = NULL;
	struct ib_buf whole, part;
	unsigned wrong = 0;
	size_t n;

	buf_init(&whole, 10000);
	if (!ok(tmpl_load_from(&src, cats, &decl, 1, false, false, &set) == NULL &&
	    tmpl_set_base(set, "/in") == NULL &&
	    tmpl_render(set, 0, LANG_EN, &view, &whole) == NULL, "a page with all kinds of ops"))
		return;
	is_str(buf_cstr(&whole), "<ul class=\"list\"><li class=\"x\"><a href=\"/thread/1\" data-id=\"1\">"
	    "Jane &lt;Doe&gt;</a><b title=\"Hello, Jane &lt;Doe&gt;!\" aria-busy=\"true\">one message</b>"
	    "</li><li><a href=\"#\" data-id=\"-2\"></a><b title=\"Hello, !\" aria-busy=\"true\">"
	    "-2 messages</b></li></ul><a href=\"/in/x\">y</a>", "is written");
	for (n = 0; n <= whole.len; n++) {
		const struct ib_err *err;

		buf_init(&part, n);
		err = tmpl_render(set, 0, LANG_EN, &view, &part);
		if ((err == NULL) != (n == whole.len) || part.len > n ||
		    strncmp(buf_cstr(&part), buf_cstr(&whole), part.len) != 0)
			wrong++;
		buf_fini(&part);
	}
	is_int(wrong, 0, "every smaller buffer is an error");
	tmpl_free(set);
	buf_fini(&whole);
}

static void
test_files(void)
{
	static const struct tmpl_decl decl = { "a.html", &page_type, true };
	char dir[] = "/tmp/ib-tmpl-XXXXXX", path[200], want[200];
	const struct ib_err *err;
	struct tmpl_set *set = NULL;
	struct ib_buf out;
	FILE *f;

	if (!ok(mkdtemp(dir) != NULL, "a folder"))
		return;
	buf_init(&out, 1000);
	err = tmpl_load(dir, cats, &decl, 1, false, false, &set);
	snprintf(want, sizeof(want), "%s/a.html: No such file or directory", dir);
	is_str(err == NULL ? "" : err->msg, want, "a missing file");
	snprintf(path, sizeof(path), "%s/a.html", dir);
	if ((f = fopen(path, "w")) != NULL) {
		fputs("<p><b t:text=\"title\">x</b></p>", f);
		fclose(f);
	}
	err = tmpl_load(dir, cats, &decl, 1, false, true, &set);
	unlink(path);
	ok(err == NULL && tmpl_render(set, 0, LANG_EN, &view, &out) != NULL,
	    "a lazy set reads the file when it is asked for");
	tmpl_free(set);
	if ((f = fopen(path, "w")) != NULL) {
		fputs("<p><b t:text=\"title\">x</b></p>", f);
		fclose(f);
	}
	err = tmpl_load(dir, cats, &decl, 1, false, false, &set);
	unlink(path);
	ok(err == NULL && tmpl_render(set, 0, LANG_EN, &view, &out) == NULL,
	    "the others read it at once");
	is_str(buf_cstr(&out), "<b>Inbox</b>", "and render it");
	tmpl_free(set);
	buf_fini(&out);
	rmdir(dir);
}

int
main(void)
{
	struct cats *c = po_fixture();

	if (!ok(c != NULL, "catalogues"))
		return done_testing();
	cats = c;
	test_fields();
	test_patterns();
	test_booleans();
	test_conditions();
	test_lists();
	test_escaping();
	test_urls();
	test_literal_urls();
	test_catalogue();
	test_layout();
	test_pages();
	test_includes();
	test_refused();
	test_malformed();
	test_limits();
	test_truncated();
	test_set();
	test_small_buffers();
	test_files();
	cats_free(c);
	return done_testing();
}
