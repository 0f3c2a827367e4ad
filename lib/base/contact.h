/* SPDX-License-Identifier: MIT */
/*
 * contact.h - telephone numbers and e-mail addresses in what people write.
 *
 * Full-width forms count as their ASCII (０９０－１２３４, ＠), the Japanese long
 * vowel sign between digits as a hyphen.  Nothing is guessed: a number counts
 * when it begins with + or 0, or when a word for telephone stands before it;
 * dates, prices and order numbers are left alone.
 */
#ifndef IB_CONTACT_H
#define IB_CONTACT_H

#include "arena.h"

#define CONTACT_MAX	4

struct contact {
	const char	*text;		/* as it was written, in ASCII: "090-1234-5678" */
	const char	*norm;		/* "09012345678", "+3725550101"; an address in lower case */
};

struct contacts {
	struct contact	 emails[CONTACT_MAX], phones[CONTACT_MAX];
	size_t		 n_emails, n_phones;
};

/*
 * Add what the text has and io has not yet, up to CONTACT_MAX of a kind.
 * Without memory less is found.
 */
void contact_find(struct arena *a, const char *text, struct contacts *io);

/* One line of a form: full-width forms as ASCII, blanks at the ends gone. NULL when memory is. */
char *contact_fold(struct arena *a, const char *s);
/* An address as a whole, nothing else. */
bool contact_is_email(const char *s);
/* Something that can be dialled: 5 to 15 digits and what stands between them. */
bool contact_is_phone(const char *s);
/* Digits only, + in front when it is international; NULL when memory is gone. */
char *contact_digits(struct arena *a, const char *s);
/*
 * The part of a number that is the same with and without the country's code:
 * "9012345678" of "090-1234-5678".  NULL when it is shorter than 7 digits.
 */
const char *contact_core(struct arena *a, const char *s);
/* The same number, with or without the country's code. */
bool contact_same_phone(struct arena *a, const char *one, const char *two);

#endif
