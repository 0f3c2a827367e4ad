/* SPDX-License-Identifier: MIT */
/*
 * log.h - one line per event: UTC time, level, event name, key=value pairs.
 *
 * Values are cleaned (control bytes escaped, quoted when they hold blanks).
 * The values of sensitive keys (token, code, secret, cookie, text, ...) and
 * anything in a value that looks like `access_token=...` are replaced by "-"
 * (a `code` of at most five digits is the number of an error and stays).
 * Tokens and message text are not passed here in the first place; the
 * redaction is the second fence.  Lines go to stderr (the server's error log)
 * and are written with one write(2).  A value is cut after 512 bytes, a line
 * after 4,095.
 */
#ifndef IB_LOG_H
#define IB_LOG_H

#include "err.h"

enum log_level { LOG_DEBUG_, LOG_INFO_, LOG_WARN_, LOG_ERROR_ };

void log_init(const char *program, enum log_level least, int fd);
/*
 * Pair in all later lines until changed: "ab12" prints req=ab12, "sync=17"
 * prints itself; NULL ends it.  The text is copied.
 */
void log_context(const char *req_id);

/*
 * log_event(LOG_WARN_, "hook_refused", "reason", "signature", "bytes", log_i(n), NULL):
 * pairs of strings, NULL ends.  A NULL value prints "-".
 */
void log_event(enum log_level level, const char *event, ...)
    __attribute__((sentinel));
/* Text of a number for log_event; a ring of 16, copy nothing. */
const char *log_i(int64_t v);
/* Log an error where it stops travelling. NULL does nothing. */
void log_err(const struct ib_err *err, const char *event);

#endif
