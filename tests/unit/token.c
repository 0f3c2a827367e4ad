/* SPDX-License-Identifier: MIT */
/*
 * One refresh of a Pipedrive token, however many processes want it at the same
 * moment: they race for it, one asks the service, all get what it brought.
 */
#include "../tap.h"
#include "canned.h"

#include "../../lib/base/clock.h"
#include "../../lib/base/log.h"
#include "../../lib/store/install.h"
#include "../../lib/sync/sync.h"

#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/stat.h>

#define RACERS	4
#define ROUNDS	8
#define ANSWER	"{\"access_token\":\"access-%d\",\"refresh_token\":\"refresh-%d\",\"expires_in\":3599," \
	"\"token_type\":\"Bearer\",\"scope\":\"base\",\"api_domain\":\"http://127.0.0.1:%d\"}"

static char dir[] = "/tmp/inbox-token-XXXXXX";
static char db_file[256], key_file[256], conf_file[256];
static struct keyring *keys;
static struct conf *conf;
static int64_t user;
/* Shared by the racers. */
static struct gate { atomic_int ready, go; } *gate;

#define must(e) do { const struct ib_err *e_ = (e); if (e_ != NULL) { \
	ok(false, "%s", e_->msg); exit(1); } } while (0)

static void
write_conf(int port)
{
	FILE *f;

	snprintf(db_file, sizeof(db_file), "%s/inbox.db", dir);
	snprintf(key_file, sizeof(key_file), "%s/keys", dir);
	snprintf(conf_file, sizeof(conf_file), "%s/inbox.conf", dir);
	f = fopen(conf_file, "w");
	fprintf(f, "base_url = http://127.0.0.1:1\ndatabase = inbox.db\nkey_file = keys\n"
	    "facebook.app_id = 1\nfacebook.app_secret = s\nfacebook.verify_token = v\n"
	    "pipedrive.client_id = c\npipedrive.client_secret = s\n"
	    "pipedrive.oauth_url = http://127.0.0.1:%d\n", port);
	fclose(f);
	(void)chmod(conf_file, 0600);
	must(keyring_create(key_file));
	must(keyring_load(key_file, &keys));
	must(conf_load(conf_file, &conf));
}

/* A person whose access token has ended. */
static void
write_user(int64_t now)
{
	struct user u = { .pd_user_id = 1, .name = "Maria", .email = "", .timezone = "UTC" };
	struct arena a;
	struct db *db;

	arena_init(&a, 1 << 20);
	must(db_open(db_file, DB_CREATE | DB_MIGRATE, &db));
	must(db_begin(db));
	must(install_put(db, 1, "Acme", "acme", "https://x", true, now, &u.install_id));
	must(user_put(db, keys, &a, &u, "access-old", "refresh-old", now - 1000, now, &user));
	must(db_commit(db));
	db_close(db);
	arena_fini(&a);
}

/* In a process of its own: exit 0 when the token is the one this round brought. */
static void
race(int round)
{
	const char *access = NULL;
	struct sync *s = NULL;
	struct db *db = NULL;
	struct arena a;
	char want[32];
	int rc = 1;

	snprintf(want, sizeof(want), "access-%d", round);
	arena_init(&a, 1 << 20);
	if (db_open(db_file, 0, &db) == NULL && sync_new(conf, db, keys, &s) == NULL) {
		atomic_fetch_add(&gate->ready, 1);
		while (atomic_load(&gate->go) <= round)
			sched_yield();
		if (sync_access(s, &a, user, clock_now(), &access) != NULL)
			rc = 2;
		else if (access != NULL && strcmp(access, want) == 0)
			rc = 0;
	}
	sync_free(s);
	db_close(db);
	arena_fini(&a);
	_exit(rc);
}

static void
expire(void)
{
	struct db *db;
	char *access = NULL, *refresh = NULL;
	struct arena a;

	/* The tokens stay, their time is over. */
	arena_init(&a, 1 << 20);
	must(db_open(db_file, 0, &db));
	must(keyring_seal(keys, &a, arena_printf(&a, "user.access.%lld", (long long)user), "access-old", &access));
	must(keyring_seal(keys, &a, arena_printf(&a, "user.refresh.%lld", (long long)user), "refresh-old", &refresh));
	must(db_run(db, ST_USER_TOKENS, "itti", user, access, refresh, clock_now() - 1000));
	db_close(db);
	arena_fini(&a);
}

static void
test_race(int round, int port)
{
	char body[512];
	pid_t pid[RACERS];
	int i, status, fine = 0;

	snprintf(body, sizeof(body), ANSWER, round, round, port);
	canned_reset();
	for (i = 0; i < RACERS; i++)		/* a second request would get an answer too */
		canned_add(200, JSON_TYPE, body);
	expire();
	atomic_store(&gate->ready, 0);
	for (i = 0; i < RACERS; i++)
		if ((pid[i] = fork()) == 0)
			race(round);
	while (atomic_load(&gate->ready) < RACERS)
		sched_yield();
	atomic_store(&gate->go, round + 1);
	for (i = 0; i < RACERS; i++) {
		(void)waitpid(pid[i], &status, 0);
		fine += WIFEXITED(status) && WEXITSTATUS(status) == 0;
	}
	is_int(canned->given, 1, "round %d: one request", round);
	is_int(fine, RACERS, "round %d: everybody has the new token", round);
}

static void
test_alone(void)
{
	const char *access;
	struct sync *s;
	struct arena a;
	struct db *db;

	arena_init(&a, 1 << 20);
	must(db_open(db_file, 0, &db));
	must(sync_new(conf, db, keys, &s));
	canned_reset();
	must(sync_access(s, &a, user, clock_now(), &access));
	ok(access != NULL && canned->given == 0, "a token that lasts is not refreshed");
	expire();
	canned_json(400, "{\"error\":\"invalid_grant\",\"message\":\"invalid refresh token\"}");
	must(sync_access(s, &a, user, clock_now(), &access));
	ok(access == NULL && canned->given == 1, "a grant that is gone");
	must(sync_access(s, &a, user, clock_now(), &access));
	ok(access == NULL && canned->given == 1, "and nobody asks again");
	sync_free(s);
	db_close(db);
	arena_fini(&a);
}

static int
drop(const char *path, const struct stat *sb, int kind, struct FTW *at)
{
	(void)sb;
	(void)kind;
	(void)at;
	return remove(path);
}

int
main(void)
{
	int fd = open("/dev/null", O_WRONLY), port, i;

	log_init("test", LOG_ERROR_, fd);
	if (mkdtemp(dir) == NULL || (port = canned_start()) == 0)
		return 1;
	gate = mmap(NULL, sizeof(*gate), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	write_conf(port);
	write_user(clock_now());
	for (i = 0; i < ROUNDS; i++)
		test_race(i, port);
	test_alone();
	canned_stop();
	conf_free(conf);
	keyring_free(keys);
	nftw(dir, drop, 8, FTW_DEPTH | FTW_PHYS);
	close(fd);
	return done_testing();
}
