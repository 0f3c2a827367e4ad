/* SPDX-License-Identifier: MIT */
/* Tests of parts.h: where a long text is cut, and where never. */
#include "parts.h"
#include "str.h"
#include "tap.h"

#include <string.h>

static struct arena a;

/* "one|two": the parts with bars between them. */
static const char *
cut_at(const char *text, size_t units)
{
	const char **parts, *s = "";
	size_t n, i;

	parts = text_parts(&a, text, units, &n);
	for (i = 0; i < n; i++)
		s = arena_printf(&a, "%s%s%s", s, i > 0 ? "|" : "", parts[i]);
	return s;
}

static void
test_places(void)
{
	static const struct { size_t units; const char *text, *want, *why; } rows[] = {
		{ 20, "short", "short", "what fits is one part" },
		{ 20, "", "", "nothing is one part too" },
		{ 20, "12345678901234567890", "12345678901234567890", "exactly the limit" },
		{ 20, "123456789012345678901", "12345678901234567890|1", "one more" },
		{ 20, "First one.\n\nSecond one. T", "First one.|Second one. T", "between paragraphs" },
		{ 20, "First line. x\nSecond one", "First line. x|Second one", "between lines" },
		{ 20, "It is here. Shall I keep it?", "It is here.|Shall I keep it?", "between sentences" },
		{ 20, "He said \"it is.\" Then he went", "He said \"it is.\"|Then he went", "behind closing marks" },
		{ 20, "one two three four five", "one two three four|five", "between words" },
		{ 20, "only 3.500.000 of these there", "only 3.500.000 of|these there", "a point in a number ends no sentence" },
		{ 20, "one two three  \n   four five x", "one two three|four five x", "the blanks around a cut go" },
		{ 20, "Look: https://bramble.example/54", "Look:|https://bramble.exam|ple/54", "a link is cut only when it is too long" },
		{ 20, "See at https://b.ex/54 now", "See at|https://b.ex/54 now", "not when it fits" },
		{ 10, "在庫はございます。明日お届けします。", "在庫はございます。|明日お届けします。", "Japanese sentences" },
		{ 10, "「在庫です。」と言った人です。", "「在庫です。」|と言った人です。", "behind the bracket" },
		{ 10, "東京大阪名古屋福岡札幌仙台", "東京大阪名古屋福岡札|幌仙台", "between ideographs" },
		{ 10, "東京大阪名古屋福岡サッカー", "東京大阪名古屋福岡|サッカー", "no small kana begins a part" },
		{ 10, "東京大阪名古屋福岡。札幌", "東京大阪名古屋福岡。|札幌", "no full stop either" },
		{ 10, "一行目、二つ目、三つ目は", "一行目、二つ目、|三つ目は", "behind a comma" },
		{ 10, "東京大阪名古。\n　福岡です", "東京大阪名古。|　福岡です", "a wide blank begins a paragraph" },
		{ 8, "\U0001F600\U0001F600\U0001F600\U0001F600\U0001F600", "\U0001F600\U0001F600\U0001F600\U0001F600|\U0001F600", "an emoji is two units" },
		{ 9, "\U0001F600\U0001F600\U0001F600\U0001F600\U0001F600", "\U0001F600\U0001F600\U0001F600\U0001F600|\U0001F600", "and not half of one fits" },
		/* family: four people and three joiners, 11 units */
		{ 14, "abcd\U0001F468‍\U0001F469‍\U0001F467‍\U0001F466", "abcd|\U0001F468‍\U0001F469‍\U0001F467‍\U0001F466", "a family stays together" },
		{ 8, "aaaaaa\U0001F44D\U0001F3FD", "aaaaaa|\U0001F44D\U0001F3FD", "a skin tone stays" },
		{ 10, "\U0001F1EF\U0001F1F5\U0001F1EA\U0001F1EA\U0001F1E9\U0001F1EA", "\U0001F1EF\U0001F1F5\U0001F1EA\U0001F1EA|\U0001F1E9\U0001F1EA", "flags are pairs" },
		{ 8, "abcdefge\u0301", "abcdefg|e\u0301", "an accent stays" },
		{ 8, "かきくけこさしか\u3099", "かきくけこさし|か\u3099", "a voicing mark stays" },
		{ 8, "ｶｷｸｹｺｻｼｶﾞ", "ｶｷｸｹｺｻｼ|ｶﾞ", "the narrow one too" },
		{ 8, "1234567❤️", "1234567|❤️", "a variation selector stays" },
		{ 8, "x́́́́́́́́́", "x́́́́́́́|́́", "longer than a part: at a character" },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_str(cut_at(rows[i].text, rows[i].units), rows[i].want, "%s", rows[i].why);
}

/* The text without its blanks. */
static const char *
squeezed(const char *s)
{
	struct ib_buf b;
	const char *out;

	buf_init(&b, 1 << 16);
	for (; *s != '\0'; s++)
		if (strncmp(s, "　", 3) == 0)
			s += 2;
		else if (strchr(" \t\n", *s) == NULL)
			buf_putc(&b, *s);
	out = arena_dup(&a, buf_cstr(&b));
	buf_fini(&b);
	return out;
}

/* Everything but blanks is there, in order; every part fits. */
static bool
whole(const char *text, size_t units)
{
	const char **parts, *joined = "";
	size_t n, i;

	parts = text_parts(&a, text, units, &n);
	for (i = 0; i < n; i++) {
		if (!str_utf8_ok(parts[i], strlen(parts[i])) || str_utf16_units(parts[i]) > units)
			return false;
		joined = arena_printf(&a, "%s%s", joined, parts[i]);
	}
	return strcmp(squeezed(joined), squeezed(text)) == 0;
}

/* Texts of pieces put together by chance, cut at every length. */
static void
test_any(void)
{
	static const char *const pieces[] = { " ", "\n", "\n\n", "　", "word", "文字", "。", "、", "」", "(", "e\u0301",
	    "\U0001F468‍\U0001F469‍\U0001F467", "\U0001F1EF", "\U0001F44D\U0001F3FD", "https://bramble.example/a/b/c", ".", "ﾞ", "a" };
	unsigned rnd = 7;
	int wrong = 0, round, k;

	for (round = 0; round < 3000; round++) {
		const char *s = "";

		arena_reset(&a);
		for (k = 0; k < 3 + round % 40; k++) {
			rnd = rnd * 1103515245u + 12345u;
			s = arena_printf(&a, "%s%s", s, pieces[rnd / 65536 % (sizeof(pieces) / sizeof(pieces[0]))]);
		}
		wrong += !whole(s, 8 + (size_t)round % 50);
	}
	is_int(wrong, 0, "no text is lost and no part too long");
}

int
main(void)
{
	arena_init(&a, (size_t)4 << 20);
	test_places();
	test_any();
	arena_fini(&a);
	return done_testing();
}
