/* SPDX-License-Identifier: MIT */
/* Folding of case, width and kana, where folded text comes from, and runs. */
#include "../tap.h"
#include "../talk.h"

#include "../../lib/base/fold.h"

#include <string.h>

static const char *
folded(const char *s)
{
	static char out[512];

	(void)fold_text(out, NULL, s, strlen(s));
	return out;
}

static const struct { const char *text, *want; } table[] = {
	{ "Hello WORLD", "hello world" },
	{ "  two \t\n\r words　here  ", "two words here" },
	{ "ÄÖÜ Straße ÀÉÎ ŠŽ ŁÓDŹ İstanbul ẞ Ÿ", "äöü straße àéî šž łódź istanbul ß ÿ" },
	{ "ΑΘΉΝΑΣ Οδυσσεύς", "αθήνασ οδυσσεύσ" },
	{ "МОСКВА Ёж ЇЖАК ԱԲԳ", "москва ёж їжак աբգ" },
	{ "ＷＥＢ　１２３　（株）！？", "web 123 (株)!?" },
	{ "カタカナ と ひらがな ヴァヶ", "かたかな と ひらがな ゔぁゖ" },
	{ "ﾊﾟﾝｸ ﾒｰﾙ ｶﾞｷﾞｸﾞ ｳﾞ ﾊﾞﾋﾟ", "ぱんく めーる がぎぐ ゔ ばぴ" },
	{ "が ぱ", "が ぱ" },
	{ "ﾟ ｱﾞ", "゚ あ゙" },
	{ "｢ｱ｣､｡･", "「あ」、。・" },
	{ "“quoted” ‘it’ – — 1–2 〜", "\"quoted\" 'it' - - 1-2 ~" },
	{ "zero\xe2\x80\x8bwidth so\xc2\xad""ft ☎️", "zerowidth soft ☎" },
	{ "bad \xff\xfe byte \xe3\x81", "bad byte" },
	{ "😊🚲", "😊🚲" },
	{ "", "" }
};

static void
test_fold(void)
{
	char again[512];
	size_t i, n;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const char *got = folded(table[i].text);

		ok(strcmp(got, table[i].want) == 0, "\"%s\" folds to \"%s\"", table[i].text, got);
		n = fold_text(again, NULL, got, strlen(got));
		ok(n == strlen(got) && strcmp(again, got) == 0, "and stays so");
		ok(strlen(got) <= strlen(table[i].text), "it is not longer");
	}
}

/* What a hit is in the text it comes from. */
static const char *
source(const char *text, const char *needle)
{
	static char out[512];
	char fold[512];
	uint32_t map[512];
	size_t n = fold_text(fold, map, text, strlen(text)), at = fold_find(fold, n, 0, needle, strlen(needle));

	if (at == n)
		return "-";
	n = map[at + strlen(needle)] - map[at];
	memcpy(out, text + map[at], n);
	out[n] = '\0';
	return out;
}

static void
test_map(void)
{
	ok(strcmp(source("Der FRAME hier", "frame"), "FRAME") == 0, "another case");
	ok(strcmp(source("前輪のﾊﾟﾝｸ修理", "ぱんく"), "ﾊﾟﾝｸ") == 0, "half-width with its marks");
	ok(strcmp(source("前輪のﾊﾟﾝｸ修理", "ぱ"), "ﾊﾟ") == 0, "one of them");
	ok(strcmp(source("ＷＥＢサイト", "eb"), "ＥＢ") == 0, "full width");
	ok(strcmp(source("one \n two", "one two"), "one \n two") == 0, "across blanks");
	ok(strcmp(source("a\xe2\x80\x8b""b", "ab"), "a\xe2\x80\x8b""b") == 0, "with what has no width");
	ok(strcmp(source("frame", "frames"), "-") == 0, "what is not there");
}

static void
runs(const char *text, const char *want)
{
	const char *p, *end, *s = folded(text);
	struct fold_run r;
	char got[512];
	size_t n = 0;

	got[0] = '\0';
	for (p = s, end = s + strlen(s); fold_next(&p, end, &r); )
		n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%c:%.*s:%zu", n > 0 ? " " : "",
		    "wos"[r.kind], (int)r.n, r.s, r.chars);
	ok(strcmp(got, want) == 0, "\"%s\" is %s", text, got);
}

static void
test_runs(void)
{
	runs("Hello, world!", "w:hello:5 s:,:1 w:world:5 s:!:1");
	runs("予約の変更 54 cm", "s:予約の変更:5 o:54:2 w:cm:2");
	runs("54cm", "o:54cm:4");
	runs("abcdefghijklmnopqrst", "w:abcdefghijklmnopqrst:20");
	runs("abcdefghijklmnopqrstu", "o:abcdefghijklmnopqrstu:21");
	runs("iPhoneを", "w:iphone:6 s:を:1");
	runs("Žluťoučký", "w:žluťoučký:9");
	runs("สวัสดี 안녕", "s:สวัสดี:6 s:안녕:2");
	runs("", "");
	ok(fold_chars("予約abc", 9, 3) == 7 && fold_chars("ab", 2, 9) == 2, "bytes of characters");
}

/* Of any text: folding twice is folding once, and the map only goes up. */
static void
test_talk(void)
{
	char text[TALK_MOST], fold[TALK_MOST], again[TALK_MOST];
	uint32_t map[TALK_MOST];
	bool same = true, up = true;
	size_t i, n, len;
	uint64_t k;

	for (k = 0; k < 5000; k++) {
		len = talk(k, text);
		n = fold_text(fold, map, text, len);
		for (i = 0; i < n; i++)
			up &= map[i] <= map[i + 1] && map[i + 1] <= len;
		same &= fold_text(again, NULL, fold, n) == n && memcmp(fold, again, n) == 0;
	}
	ok(same, "5,000 messages fold to what stays as it is");
	ok(up, "and their maps are in order");
}

int
main(void)
{
	test_fold();
	test_map();
	test_runs();
	test_talk();
	return done_testing();
}
