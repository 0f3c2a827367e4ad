/* SPDX-License-Identifier: MIT */
/*
 * company.h - a database with one company, Maria of it, and a Page, for the
 * tests of the stores.  company_open() before all, company_close() at the end.
 */
#ifndef IB_TEST_COMPANY_H
#define IB_TEST_COMPANY_H

#include "../../lib/base/log.h"
#include "../../lib/store/install.h"
#include "../../lib/store/page.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NOW	INT64_C(1795341600000)

static char dir[] = "/tmp/inbox-company-XXXXXX";
static struct db *db;
static struct keyring *keys;
static struct arena a;
static int64_t install, maria, page;

#define must(e) do { const struct ib_err *e_ = (e); if (e_ != NULL) { \
	ok(false, "%s", e_->msg); exit(1); } } while (0)

static inline void
company_open(void)
{
	struct user u = { .pd_user_id = 10483244, .name = "Maria", .email = "m@example.org",
		.timezone = "Europe/Tallinn", .lang = LANG_EN, .admin = true };
	char path[256];

	log_init("test", LOG_ERROR_, 2);
	arena_init(&a, (size_t)64 << 20);
	if (mkdtemp(dir) == NULL)
		exit(1);
	snprintf(path, sizeof(path), "%s/keys", dir);
	must(keyring_create(path));
	must(keyring_load(path, &keys));
	snprintf(path, sizeof(path), "%s/s.db", dir);
	must(db_open(path, DB_CREATE | DB_MIGRATE, &db));
	must(db_begin(db));
	must(install_put(db, 9000123, "Acme", "acme", "https://acme.pipedrive.com", true, NOW, &install));
	u.install_id = install;
	must(user_put(db, keys, &a, &u, "access", "refresh", NOW, NOW, &maria));
	must(install_set_owner(db, install, maria));
	must(page_put(db, keys, &a, install, "108422330517604", "Bramble", "EAAMpage", "1022", maria, NOW, &page));
	must(db_commit(db));
}

static inline int
company_drop(const char *path, const struct stat *sb, int kind, struct FTW *at)
{
	(void)sb;
	(void)kind;
	(void)at;
	return remove(path);
}

static inline void
company_close(void)
{
	db_close(db);
	keyring_free(keys);
	arena_fini(&a);
	nftw(dir, company_drop, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
