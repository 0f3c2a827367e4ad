/* SPDX-License-Identifier: MIT */
/*
 * err.h - the one error type.  NULL means success everywhere.
 *
 * An error is a value that carries what to do about it (retry now, later,
 * never).  Expected outcomes ("duplicate", "window closed", "not found") are
 * not errors: they come back through an out-parameter.  Errors are logged
 * once, where they stop travelling; people see a sentence, never `msg`.
 */
#ifndef IB_ERR_H
#define IB_ERR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ib_code {
	IB_ESYS = 1,	/* the operating system refused */
	IB_ENOMEM,	/* memory or a cap of ours is exhausted */
	IB_EPARSE,	/* input that is not what it claims to be */
	IB_ENOENT,	/* something that must exist does not */
	IB_EDB,		/* the database: full, I/O, corrupt, misuse */
	IB_EBUSY,	/* the database is locked for too long */
	IB_EAUTH,	/* a credential is wrong, forged or dead */
	IB_EUPSTREAM,	/* the other service answered with an error */
	IB_ETIMEOUT,	/* no answer: the outcome may be unknown */
	IB_ELIMIT,	/* over a limit, ours or theirs */
	IB_ECONF	/* configuration, templates, catalogues */
};

enum ib_retry { IB_RETRY_NOW, IB_RETRY_LATER, IB_RETRY_NEVER };

struct ib_err {
	enum ib_code	 code;
	enum ib_retry	 retry;
	const char	*file;		/* where it was raised */
	int		 line;
	char		 msg[256];	/* for the log: no secrets, no user text */
};

/*
 * Raise an error.  Returns a slot of a small static ring: it never allocates,
 * so it works when memory is gone.  Never free it; log or copy it before 16
 * more errors are raised.
 */
#define ib_fail(code, retry, ...) \
	ib_fail_at(__FILE__, __LINE__, (code), (retry), __VA_ARGS__)
const struct ib_err *ib_fail_at(const char *file, int line, enum ib_code code,
    enum ib_retry retry, const char *fmt, ...)
    __attribute__((format(printf, 5, 6), cold, returns_nonnull));

/* Short name of a code for log lines ("db", "timeout"); never NULL. */
const char *ib_code_name(enum ib_code code);

#define IB_MUST __attribute__((warn_unused_result))

#endif
