/* SPDX-License-Identifier: MIT */
/*
 * rate.c - how often somebody may do something.
 *
 * The file is a table of SETS sets with WAYS slots each; a digest of limit and
 * who leads to a set.  A slot holds the moment at which its owner's account
 * will be empty (the "generic cell rate algorithm"): each request moves it on
 * by a minute divided by the limit, and it may lie a minute ahead at most.  A new
 * owner takes the slot whose moment is earliest, that is the one that matters least.
 *
 * A set is read, changed and written under a lock of its own, by plain calls: a
 * mapping would kill the process when the disk is full.  Whoever does not get
 * the lock soon goes on without it; the worst is a request that is not counted.
 *
 * A moment more than two minutes ahead was written under another clock, and is
 * none; requests that overtake each other and small steps of the clock stay below.
 */
#include "rate.h"

#include "clock.h"
#include "crypt.h"
#include "log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETS		1024
#define WAYS		8
#define TRIES		200		/* for a lock that is held for microseconds */
#define WINDOW_US	INT64_C(60000000)

struct slot {
	uint64_t who;			/* 0: free */
	int64_t	 until_us;
	int64_t	 told_us;		/* when refusals were last logged */
	int64_t	 refused;		/* since then */
};

struct rate {
	const struct conf *conf;
	int	 fd;
};

struct rate *
rate_open(const struct conf *conf, const char *database)
{
	struct rate *rt = malloc(sizeof(*rt));
	size_t n = strlen(database) + sizeof("-rate");
	char *path = malloc(n);

	if (rt == NULL || path == NULL)
		goto failed;
	(void)snprintf(path, n, "%s-rate", database);
	rt->conf = conf;
	if ((rt->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0) {
		log_event(LOG_WARN_, "limits_off", "why", strerror(errno), NULL);
		goto failed;
	}
	free(path);
	return rt;
failed:
	free(path);
	free(rt);
	return NULL;
}

void
rate_renew(struct rate *rt, const struct conf *conf)
{
	if (rt != NULL)
		rt->conf = conf;
}

void
rate_close(struct rate *rt)
{
	if (rt == NULL)
		return;
	(void)close(rt->fd);
	free(rt);
}

static bool
lock(int fd, short type, off_t at, off_t len)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = len };
	int i;

	for (i = 0; i < TRIES; i++) {
		if (fcntl(fd, F_OFD_SETLK, &fl) == 0)
			return true;
		(void)sched_yield();
	}
	return false;
}

static uint64_t
digest(const char *limit, const char *who)
{
	char text[256];
	uint8_t d[32];
	uint64_t id;
	int n;

	n = snprintf(text, sizeof(text), "%s %s", limit, who);
	crypt_sha256(text, n > 0 && (size_t)n < sizeof(text) ? (size_t)n : strlen(text), d);
	memcpy(&id, d, sizeof(id));
	return id != 0 ? id : 1;
}

/* The slot of this owner, or the one to take. */
static struct slot *
slot_of(struct slot *set, uint64_t who)
{
	struct slot *s, *least = set;

	for (s = set; s < set + WAYS; s++) {
		if (s->who == who)
			return s;
		if (s->until_us < least->until_us)
			least = s;
	}
	*least = (struct slot){ .who = who };
	return least;
}

/* True: one more is in its account.  *say: how many refusals the log has not heard of, 0 = nothing to say. */
static bool
count(struct slot *s, int64_t per_us, int64_t now_us, int64_t *wait_us, int64_t *say)
{
	int64_t next;

	*say = 0;
	if (s->until_us < now_us || s->until_us > now_us + 2 * WINDOW_US)
		s->until_us = now_us;
	next = s->until_us + per_us;
	if (next <= now_us + WINDOW_US) {
		s->until_us = next;
		return true;
	}
	*wait_us = next - now_us - WINDOW_US;
	s->refused++;
	if (s->told_us == 0 || s->told_us > now_us || s->told_us + WINDOW_US <= now_us) {
		*say = s->refused;
		s->refused = 0;
		s->told_us = now_us;
	}
	return false;
}

bool
rate_ok(struct rate *rt, enum conf_key limit, const char *who, int64_t now, int *wait_s)
{
	int64_t most, wait_us = 0, say = 0;
	struct slot set[WAYS];
	bool locked, allowed;
	ssize_t got;
	off_t at;
	uint64_t id;

	*wait_s = 0;
	if (rt == NULL || who == NULL || (most = conf_int(rt->conf, limit)) <= 0)
		return true;
	id = digest(conf_name(limit), who);
	at = (off_t)(id % SETS * sizeof(set));
	locked = lock(rt->fd, F_WRLCK, at, sizeof(set));
	if ((got = pread(rt->fd, set, sizeof(set), at)) < 0)
		got = 0;
	memset((char *)set + got, 0, sizeof(set) - (size_t)got);
	/* A limit of more than one in a microsecond is none. */
	allowed = count(slot_of(set, id), WINDOW_US / most, now * 1000, &wait_us, &say);
	if (pwrite(rt->fd, set, sizeof(set), at) != (ssize_t)sizeof(set))
		allowed = true;		/* a full disk: nobody would ever get out again */
	if (locked)
		(void)lock(rt->fd, F_UNLCK, at, sizeof(set));
	if (allowed)
		return true;
	*wait_s = (int)(wait_us / 1000000) + 1;
	if (say > 0)
		log_event(LOG_WARN_, "too_often", "limit", conf_name(limit), "refused", log_i(say), NULL);
	return false;
}

bool
rate_address(const char *s, char out[48])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct in6_addr v6;
	struct in_addr v4;

	if (s == NULL)
		return false;
	if (inet_pton(AF_INET, s, &v4) == 1)
		return inet_ntop(AF_INET, &v4, out, 48) != NULL;
	if (inet_pton(AF_INET6, s, &v6) != 1)
		return false;
	if (memcmp(&v6, mapped, sizeof(mapped)) == 0)
		return inet_ntop(AF_INET, (const uint8_t *)&v6 + 12, out, 48) != NULL;
	memset((uint8_t *)&v6 + 8, 0, 8);
	return inet_ntop(AF_INET6, &v6, out, 48) != NULL;
}
