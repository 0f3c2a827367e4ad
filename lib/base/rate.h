/* SPDX-License-Identifier: MIT */
/*
 * rate.h - how often somebody may do something: settings limit.*, per minute.
 *
 * All processes count in one small file beside the database, "<file>-rate", so
 * that plain CGI and several workers know the same.  Nothing in it has to
 * survive: it is never synced, may be deleted, and what cannot be opened, read
 * or locked limits nobody (one line in the log says so).
 *
 * Who has been quiet may use a whole minute's worth at once; after that it
 * comes back evenly.  What was refused does not count, so that whoever goes on
 * trying is let in as soon as anybody would be.
 */
#ifndef IB_RATE_H
#define IB_RATE_H

#include "conf.h"

struct rate;

/* Both are borrowed.  NULL when the file cannot be had: nothing is limited then. */
struct rate *rate_open(const struct conf *conf, const char *database);
/* From here on those settings hold; NULL of `rt` is fine. */
void rate_renew(struct rate *rt, const struct conf *conf);
void rate_close(struct rate *rt);
/*
 * One more of what `limit` (CONF_LIMIT_...) counts, by `who`.  False: too many;
 * then *wait_s is when the next one would be let in.  Refusals are logged, once a
 * minute for each `who`, without telling who.  NULL of either allows all.
 */
bool rate_ok(struct rate *rt, enum conf_key limit, const char *who, int64_t now, int *wait_s);
/*
 * A client's address as it is counted: an IPv6 network of 64 bits is one, since
 * a single customer is given so many.  False for what is no address.
 */
bool rate_address(const char *s, char out[48]);

#endif
