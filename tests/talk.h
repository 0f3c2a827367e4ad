/* SPDX-License-Identifier: MIT */
/*
 * talk.h - messages as customers and sales people write them, as many as one
 * wants, the same for the same number: half Japanese, half English, about 77
 * bytes, with names, numbers, addresses, links, signs and emoji.  Words come as
 * often as in real text: a few all the time, most of 20,000 hardly ever.
 */
#ifndef IB_TALK_H
#define IB_TALK_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TALK_MOST	512
#define TALK_PIECE	64

__attribute__((format(printf, 2, 3)))
static inline size_t
talk_put(char *out, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(out, TALK_PIECE, fmt, ap);
	va_end(ap);
	return n < 0 ? 0 : n < TALK_PIECE ? (size_t)n : TALK_PIECE - 1;
}

static inline uint64_t
talk_mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static inline unsigned
talk_rnd(uint64_t *s, unsigned n)
{
	*s = talk_mix(*s);
	return (unsigned)((*s >> 11) % n);
}

/* 0 to n - 1, small ones far more often (about 1/k). */
static inline unsigned
talk_rank(uint64_t *s, unsigned n)
{
	unsigned bits = 0, span;

	for (span = n; span > 1; span /= 2)
		bits++;
	span = 1u << talk_rnd(s, bits + 1);
	return (span - 1 + talk_rnd(s, span)) % n;
}

static inline size_t
talk_word(uint64_t *s, char *out)
{
	static const char *const common[] = { "the", "you", "to", "a", "is", "for", "and", "have", "on", "in", "it", "can",
		"of", "we", "my", "I", "with", "please", "this", "that", "are", "be", "order", "bike", "when", "frame", "still",
		"would", "thanks", "size", "Friday", "delivery", "price", "Hello", "could", "come", "shop", "send", "offer",
		"invoice" };
	static const char *const head[] = { "b", "br", "c", "ch", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "l", "m", "n",
		"p", "pl", "r", "s", "sh", "st", "t", "tr", "v", "w", "" };
	static const char *const mid[] = { "a", "e", "i", "o", "u", "ea", "ou", "ai", "oo", "y" };
	static const char *const tail[] = { "", "n", "r", "s", "t", "l", "ck", "nd", "ng", "st", "m", "ve", "ble", "ter", "ment" };
	unsigned r = talk_rank(s, 20000), i, n;
	uint64_t w = talk_mix(r * UINT64_C(977) + 5);
	size_t len = 0;

	if (r < sizeof(common) / sizeof(common[0]))
		return talk_put(out, "%s", common[r]);
	for (i = 0, n = 1 + talk_rnd(&w, 3); i < n; i++)
		len += talk_put(out + len, "%s%s", head[talk_rnd(&w, 27)], mid[talk_rnd(&w, 10)]);
	len += talk_put(out + len, "%s", tail[talk_rnd(&w, 15)]);
	if (talk_rnd(s, 12) == 0)
		out[0] = out[0] >= 'a' ? (char)(out[0] - 32) : out[0];
	return len;
}

static inline size_t
talk_kanji(uint64_t *s, char *out)
{
	unsigned cp = 0x4e00 + (unsigned)(talk_mix(talk_rank(s, 2000) + 99) % 6000);

	out[0] = (char)(0xe0 | cp >> 12);
	out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[2] = (char)(0x80 | (cp & 0x3f));
	return 3;
}

static inline size_t
talk_japanese(uint64_t *s, char *out)
{
	static const char *const glue[] = { "を", "の", "は", "が", "に", "で", "と", "も", "、", "から", "まで", "について", "へ" };
	static const char *const words[] = { "予約", "変更", "自転車", "フレーム", "サイズ", "来週", "金曜日", "配送", "見積もり",
		"請求書", "在庫", "お店", "注文", "商品", "カタログ", "ブレーキ", "タイヤ", "料金", "電話", "住所", "写真", "修理",
		"ﾊﾟﾝｸ", "ﾒｰﾙ", "ＷＥＢ", "キャンセル", "ご連絡", "確認", "明日", "午後" };
	static const char *const ends[] = { "お願いします。", "ですか？", "ありがとうございます。", "でしょうか。", "いただけますか？",
		"と思います", "してください！", "たいです。", "なりますか", "でした。", "😊", "よろしくお願いいたします。" };
	size_t len = 0;
	unsigned i, n = 3 + talk_rnd(s, 2), k;

	for (i = 0; i < n; i++) {
		if (talk_rnd(s, 3) > 0)
			len += talk_put(out + len, "%s", words[talk_rank(s, 30)]);
		else
			for (k = 1 + talk_rnd(s, 3); k > 0; k--)
				len += talk_kanji(s, out + len);
		len += talk_put(out + len, "%s", glue[talk_rank(s, 13)]);
	}
	return len + talk_put(out + len, "%s", ends[talk_rank(s, 12)]);
}

static inline size_t
talk_english(uint64_t *s, char *out)
{
	size_t len = 0;
	unsigned i, n = 9 + talk_rnd(s, 9);

	for (i = 0; i < n; i++) {
		len += talk_word(s, out + len);
		if (i + 1 < n)
			len += talk_put(out + len, "%s", talk_rnd(s, 9) == 0 ? ", " : " ");
	}
	return len + talk_put(out + len, "%s", talk_rnd(s, 3) == 0 ? "?" : talk_rnd(s, 2) == 0 ? "." : "");
}

/* Message number i; its length. */
static inline size_t
talk(uint64_t i, char out[TALK_MOST])
{
	uint64_t s = talk_mix(i * 2 + 1);
	size_t len = (i & 1) != 0 ? talk_japanese(&s, out) : talk_english(&s, out);

	switch (talk_rnd(&s, 40)) {
	case 0: case 1: case 2: case 3:
		len += talk_put(out + len, " %u", talk_rnd(&s, 100000));
		break;
	case 4:
		len += talk_put(out + len, " 090-%04u-%04u", talk_rnd(&s, 10000), talk_rnd(&s, 10000));
		break;
	case 5:
		len += talk_put(out + len, " https://shop.example/item/%u?ref=%llx", talk_rnd(&s, 3000),
		    (unsigned long long)(talk_mix(s) >> 24));
		break;
	case 6:
		len += talk_put(out + len, " %c%u@example.jp", (char)('a' + (char)talk_rnd(&s, 26)), talk_rnd(&s, 1000));
		break;
	default:
		break;
	}
	return len;
}

#endif
