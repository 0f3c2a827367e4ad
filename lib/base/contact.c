/* SPDX-License-Identifier: MIT */
/*
 * contact.c - see contact.h.
 *
 * The text is folded first: one byte per character, ASCII where there is one,
 * OTHER for all else, with the place each came from.  Both searches run over
 * that.  No state; memory comes from the arena, and running out of it means
 * that less is found.
 */
#include "contact.h"

#include "str.h"

#include <string.h>

#define OTHER		'\x01'
#define TEXT_MOST	((size_t)20000)	/* bytes looked at */
#define CORE_LEAST	7
#define WORD_SPAN	((size_t)40)	/* bytes before a number in which its word stands */

struct folded {
	char	*c;		/* NUL at the end */
	size_t	*at;		/* byte of the text it came from; one more than c */
	size_t	 n;
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Next character of valid UTF-8. */
static uint32_t
next(const char **p)
{
	const unsigned char *s = (const unsigned char *)*p;
	uint32_t cp = *s++;
	int more = cp < 0x80 ? 0 : cp < 0xe0 ? 1 : cp < 0xf0 ? 2 : 3;

	if (more > 0)
		cp &= 0x3fu >> more;
	for (; more > 0 && (*s & 0xc0) == 0x80; more--)
		cp = cp << 6 | (*s++ & 0x3fu);
	*p = (const char *)s;
	return cp;
}

static char
fold_one(uint32_t cp, char before)
{
	if (cp < 0x80)
		return cp == '\t' ? ' ' : (char)cp;
	if (cp >= 0xff01 && cp <= 0xff5e)
		return (char)(cp - 0xff01 + '!');
	if (cp == 0x3000 || cp == 0xa0 || (cp >= 0x2000 && cp <= 0x200a) || cp == 0x202f)
		return ' ';
	if ((cp >= 0x2010 && cp <= 0x2015) || cp == 0x2212 || cp == 0xfe63 || cp == 0x2500)
		return '-';
	/* Long vowel signs stand for a hyphen only in a number. */
	if ((cp == 0x30fc || cp == 0xff70) && (is_digit(before) || before == ')'))
		return '-';
	return OTHER;
}

static bool
fold(struct arena *a, const char *text, struct folded *f)
{
	const char *p = text;
	size_t len = strnlen(text, TEXT_MOST);

	f->n = 0;
	f->c = arena_alloc(a, len + 1);
	f->at = ARENA_ARRAY(a, len + 2, size_t);
	if (f->c == NULL || f->at == NULL)
		return false;
	while (*p != '\0' && (size_t)(p - text) < len) {
		f->at[f->n] = (size_t)(p - text);
		f->c[f->n] = fold_one(next(&p), f->n > 0 ? f->c[f->n - 1] : '\0');
		f->n++;
	}
	f->at[f->n] = (size_t)(p - text);
	f->c[f->n] = '\0';
	return true;
}

char *
contact_fold(struct arena *a, const char *s)
{
	struct folded f;
	size_t from = 0, i;

	if (!fold(a, s, &f))
		return NULL;
	/* What has no ASCII stays: this is shown to people again. */
	for (i = 0; i < f.n; i++)
		if (f.c[i] == OTHER)
			return str_line(a, s, strlen(s), TEXT_MOST);
	while (f.n > 0 && f.c[f.n - 1] == ' ')
		f.n--;
	while (from < f.n && f.c[from] == ' ')
		from++;
	return arena_dupn(a, f.c + from, f.n - from);
}

static void
add(struct contact *list, size_t *n, const char *text, const char *norm)
{
	size_t i;

	if (text == NULL || norm == NULL || *n == CONTACT_MAX)
		return;
	for (i = 0; i < *n; i++)
		if (strcmp(list[i].norm, norm) == 0)
			return;
	list[*n].text = text;
	list[(*n)++].norm = norm;
}

/* E-mail ----------------------------------------------------------------------- */

static bool
is_local(char c)
{
	return is_word(c) || (c != '\0' && strchr("._%+-'", c) != NULL);
}

/* Length of the domain at s: labels with dots, the last of letters; 0 when it is none. */
static size_t
domain_len(const char *s)
{
	size_t n = 0, good = 0, label;
	bool letters, dotted = false;

	for (;;) {
		letters = true;
		for (label = 0; is_word(s[n + label]) || s[n + label] == '-'; label++)
			letters = letters && is_word(s[n + label]) && !is_digit(s[n + label]);
		if (label == 0 || label > 63 || s[n] == '-' || s[n + label - 1] == '-')
			return good;
		n += label;
		if (dotted && letters && label >= 2)
			good = n;
		if (s[n] != '.')
			/* Half a label is no domain. */
			return good == n ? good : 0;
		dotted = true;
		n++;
	}
}

/* The address around the @ at i: where it begins and ends; false when there is none. */
static bool
email_at(const char *c, size_t i, size_t *from, size_t *to)
{
	size_t d, k;

	for (*from = i; *from > 0 && is_local(c[*from - 1]); (*from)--)
		;
	while (*from < i && !is_word(c[*from]))
		(*from)++;
	if ((d = domain_len(c + i + 1)) == 0 || *from == i || c[i - 1] == '.')
		return false;
	*to = i + 1 + d;
	for (k = *from; k + 1 < i; k++)
		if (c[k] == '.' && c[k + 1] == '.')
			return false;
	return i - *from <= 64 && *to - *from <= 254;
}

static void
find_emails(struct arena *a, const struct folded *f, struct contacts *io)
{
	size_t i, k, from, to;
	char *text, *norm;

	for (i = 1; i < f->n; i++) {
		if (f->c[i] != '@' || !email_at(f->c, i, &from, &to))
			continue;
		text = arena_dupn(a, f->c + from, to - from);
		norm = arena_dup(a, text);
		for (k = 0; norm != NULL && norm[k] != '\0'; k++)
			if (norm[k] >= 'A' && norm[k] <= 'Z')
				norm[k] = (char)(norm[k] - 'A' + 'a');
		add(io->emails, &io->n_emails, text, norm);
	}
}

bool
contact_is_email(const char *s)
{
	const char *at = strchr(s, '@');
	size_t from, to;

	return at != NULL && email_at(s, (size_t)(at - s), &from, &to) && from == 0 && s[to] == '\0';
}

/* Telephone ---------------------------------------------------------------------- */

static bool
has_word(const char *text, size_t at)
{
	static const char *const words[] = {
		"電話", "携帯", "ケータイ", "でんわ", "連絡先", "☎", "📞", "📱",
		"tel", "phone", "mobile", "cell", "call", "whatsapp", "ＴＥＬ", "Ｔｅｌ", "ｔｅｌ"
	};
	size_t from = at > WORD_SPAN ? at - WORD_SPAN : 0, i;
	char span[WORD_SPAN + 1], *line;

	memcpy(span, text + from, at - from);
	span[at - from] = '\0';
	if ((line = strrchr(span, '\n')) == NULL)
		line = span;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasestr(line, words[i]) != NULL)
			return true;
	return false;
}

/* Groups of digits like 22.11.2026 or 2026-11-22: how many bytes; 0 when it is no date. */
static size_t
date_len(const char *c)
{
	size_t g[3], n = 0, i;

	for (i = 0; i < 3; i++) {
		for (g[i] = 0; is_digit(c[n]); n++)
			g[i]++;
		if (g[i] == 0 || g[i] > 4)
			return 0;
		if (i < 2 && c[n] != '.' && c[n] != '-' && c[n] != '/')
			return 0;
		n += i < 2;
	}
	if (is_digit(c[n]) || c[n] == '-')
		return 0;
	return (g[0] <= 2 && g[1] <= 2 && g[2] == 4) || (g[0] == 4 && g[1] <= 2 && g[2] <= 2) ? n : 0;
}

/*
 * The run at i: digits, with at most two signs between them.  *digits of them;
 * the end is behind the last one.
 */
static size_t
run_end(const char *c, size_t i, size_t *digits)
{
	size_t end = i, gap = 0;

	*digits = 0;
	for (; c[i] != '\0'; i++) {
		if (is_digit(c[i])) {
			(*digits)++;
			gap = 0;
			end = i + 1;
		} else if (c[i] == '+' && *digits == 0) {
			gap = 0;
		} else if (strchr(" -./()", c[i]) == NULL || ++gap > 2 || (c[i] == '.' && !is_digit(c[i + 1]))) {
			break;
		}
	}
	return end;
}

char *
contact_digits(struct arena *a, const char *s)
{
	char *out = arena_alloc(a, strlen(s) + 2), *w = out;
	const char *zero;

	if (out == NULL)
		return NULL;
	while (*s != '\0' && *s != '+' && !is_digit(*s))
		s++;
	if (*s == '+') {
		*w++ = '+';
		s++;
	} else if (s[0] == '0' && s[1] == '0') {
		*w++ = '+';
		s += 2;
	}
	/* +44 (0)20: dialled only inside the country. */
	zero = w > out ? strstr(s, "(0)") : NULL;
	for (; *s != '\0'; s++)
		if (is_digit(*s) && (zero == NULL || s != zero + 1))
			*w++ = *s;
	*w = '\0';
	return out;
}

static bool
all_same(const char *digits)
{
	size_t n = strlen(digits);

	return n > 0 && strspn(digits, (char[]){ digits[n - 1], '+', '\0' }) == n;
}

/* Is the run from..to a telephone number? */
static bool
is_number(const char *text, const struct folded *f, size_t from, const char *norm)
{
	size_t n = strlen(norm);

	if (all_same(norm) || n > 16)
		return false;
	if (*norm == '+')
		return n >= 9 && norm[1] != '0';
	if (*norm == '0' && n >= 9 && n <= 12)
		return true;
	return n >= 7 && n <= 15 && has_word(text, f->at[from]);
}

static void
find_phones(struct arena *a, const char *text, const struct folded *f, struct contacts *io)
{
	size_t i = 0, from, end, digits, date;
	char *norm;

	while (i < f->n) {
		if (!is_digit(f->c[i]) && f->c[i] != '+') {
			i++;
			continue;
		}
		/* Part of a word, an amount, an address in the network: not the start of a number. */
		from = i;
		if (i > 0 && f->c[i] != '+' && (is_word(f->c[i - 1]) || strchr(".,#_@/=-", f->c[i - 1]) != NULL)) {
			while (is_digit(f->c[i]))
				i++;
			continue;
		}
		if ((date = date_len(f->c + i)) > 0) {
			i += date;
			continue;
		}
		end = run_end(f->c, i, &digits);
		i = end > i ? end : i + 1;
		if (digits < CORE_LEAST || (f->c[from] == '0' && f->c[from + 1] == '.') ||
		    is_word(f->c[end]) || f->c[end] == '@' || f->c[end] == ':' || f->c[end] == '_')
			continue;
		if (from > 0 && f->c[from - 1] == '(' && memchr(f->c + from, ')', end - from) != NULL)
			from--;
		if ((norm = contact_digits(a, arena_dupn(a, f->c + from, end - from))) != NULL &&
		    is_number(text, f, from, norm))
			add(io->phones, &io->n_phones, arena_dupn(a, f->c + from, end - from), norm);
	}
}

void
contact_find(struct arena *a, const char *text, struct contacts *io)
{
	struct folded f;

	if (text == NULL || !fold(a, text, &f))
		return;
	find_emails(a, &f, io);
	find_phones(a, text, &f, io);
}

bool
contact_is_phone(const char *s)
{
	size_t digits = 0;

	for (; *s != '\0'; s++) {
		if (is_digit(*s))
			digits++;
		else if (strchr("+-./() ", *s) == NULL)
			return false;
	}
	return digits >= 5 && digits <= 15;
}

const char *
contact_core(struct arena *a, const char *s)
{
	const char *d = contact_digits(a, s);

	if (d == NULL)
		return NULL;
	d += *d == '+';
	d += strspn(d, "0");
	return strlen(d) >= CORE_LEAST ? d : NULL;
}

bool
contact_same_phone(struct arena *a, const char *one, const char *two)
{
	const char *p = contact_core(a, one), *q = contact_core(a, two);
	size_t n, m;

	if (p == NULL || q == NULL)
		return false;
	n = strlen(p);
	m = strlen(q);
	return n < m ? strcmp(q + (m - n), p) == 0 : strcmp(p + (n - m), q) == 0;
}
