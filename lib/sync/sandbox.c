/* SPDX-License-Identifier: MIT */
/* sandbox.c - see sandbox.h. */
#include "sandbox.h"

#include "../base/str.h"
#include "../store/leaving.h"
#include "../store/setup.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define HOST	"http://127.0.0.1:"

/* All that the sandbox puts into the apps' file, and takes out again. */
static const enum conf_key keys_[] = {
	CONF_FB_APP_ID, CONF_FB_APP_SECRET, CONF_FB_VERIFY_TOKEN, CONF_FB_CONFIG_ID, CONF_FB_HUMAN_AGENT,
	CONF_FB_GRAPH_URL, CONF_FB_DIALOG_URL, CONF_FB_MEDIA_HOSTS, CONF_PD_CLIENT_ID, CONF_PD_CLIENT_SECRET,
	CONF_PD_JWT_SECRET, CONF_PD_OAUTH_URL, CONF_DEMO_URL
};
#define KEYS	(sizeof(keys_) / sizeof(keys_[0]))

bool
sandbox_is_on(const struct conf *conf)
{
	return conf_pasted(conf, CONF_DEMO_URL) && *conf_str(conf, CONF_DEMO_URL) != '\0';
}

int64_t
sandbox_port(const struct conf *conf)
{
	const char *url = conf_str(conf, CONF_DEMO_URL);
	int64_t port;

	return sandbox_is_on(conf) && str_starts(url, HOST) && str_int_in(url + sizeof(HOST) - 1, 1, 65535, &port) ? port : 0;
}

const char *
sandbox_file(const struct conf *conf, struct arena *a)
{
	const char *db = conf_str(conf, CONF_DATABASE);

	return arena_printf(a, "%.*ssandbox.db", (int)(strrchr(db, '/') + 1 - db), db);
}

/* The sandbox's own file, and what SQLite has beside it. */
static const struct ib_err *
drop_state(const struct conf *conf, struct arena *a)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal" };
	const char *file = sandbox_file(conf, a), *path;
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if ((path = arena_printf(a, "%s%s", file, ends[i])) == NULL)
			return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "sandbox");
		if (unlink(path) != 0 && errno != ENOENT)
			return ib_fail(IB_ESYS, IB_RETRY_LATER, "%s: %s", path, strerror(errno));
	}
	return NULL;
}

/* Nothing real: no values of apps, and nobody connected. */
static const struct ib_err *
is_free(const struct conf *conf, struct db *db, bool *free_)
{
	const struct ib_err *err;
	struct setup_counts n;

	if ((err = setup_counts(db, &n)) == NULL)
		*free_ = n.companies == 0 && *conf_str(conf, CONF_DEMO_URL) == '\0' &&
		    strcmp(conf_str(conf, CONF_PD_CLIENT_ID), SETUP_UNSET) == 0 &&
		    strcmp(conf_str(conf, CONF_FB_APP_ID), SETUP_NO_APP) == 0;
	return err;
}

static const struct ib_err *
fill(struct arena *a, int64_t port, struct conf_change c[KEYS])
{
	const char *url = arena_printf(a, HOST "%lld", (long long)port);
	const struct ib_err *err;
	char *fb, *word, *pd;
	size_t i;

	if ((err = crypt_token(a, 24, &fb)) != NULL || (err = crypt_token(a, 24, &word)) != NULL ||
	    (err = crypt_token(a, 24, &pd)) != NULL)
		return err;
	for (i = 0; i < KEYS; i++)
		c[i] = (struct conf_change){ keys_[i], url };
	c[0].value = "881240037712345";
	c[1].value = fb;
	c[2].value = word;
	c[3].value = "";
	c[4].value = "no";
	c[7].value = "127.0.0.1";
	c[8].value = "5f3c9a1b2c3d4e5f";
	c[9].value = pd;
	c[10].value = "";
	return url != NULL ? NULL : ib_fail(IB_ENOMEM, IB_RETRY_LATER, "sandbox");
}

const struct ib_err *
sandbox_begin(const struct conf *conf, struct db *db, struct arena *a, int64_t port, struct conf **out)
{
	struct conf_change c[KEYS];
	const struct ib_err *err;
	enum conf_key bad;
	bool free_ = false;

	*out = NULL;
	/* One that ran while it was removed may have left something. */
	if ((err = is_free(conf, db, &free_)) != NULL || !free_ || (err = drop_state(conf, a)) != NULL ||
	    (err = fill(a, port, c)) != NULL ||
	    (err = conf_with(conf, c, KEYS, out, &bad)) != NULL)
		return err;
	if ((err = conf_save(*out)) != NULL) {
		conf_free(*out);
		*out = NULL;
	}
	return err;
}

const struct ib_err *
sandbox_end(const struct conf *conf, struct db *db, const struct keyring *keys, struct arena *a, int64_t now)
{
	struct conf_change c[KEYS];
	const struct ib_err *err;
	struct conf *without;
	enum conf_key bad;
	size_t i;

	if (!sandbox_is_on(conf))
		return NULL;
	if ((err = leaving_all(db, keys, a, now)) != NULL)
		return err;
	for (i = 0; i < KEYS; i++)
		c[i] = (struct conf_change){ keys_[i], NULL };
	if ((err = conf_with(conf, c, KEYS, &without, &bad)) != NULL)
		return err;
	err = conf_save(without);
	conf_free(without);
	return err != NULL ? err : drop_state(conf, a);
}
