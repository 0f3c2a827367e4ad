/* SPDX-License-Identifier: MIT */
/*
 * written.h - a configuration for the tests of API clients: what must be there,
 * and further lines.  NULL, with a comment, when it is refused.
 */
#ifndef IB_TEST_WRITTEN_H
#define IB_TEST_WRITTEN_H

#include "../../lib/base/conf.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PD_ID		"5f3c9a1b2c3d4e5f"
#define PD_SECRET	"sandbox-pipedrive-secret"

static inline struct conf *
written_conf(const char *dir, const char *fb_app, const char *fb_secret, const char *more)
{
	const struct ib_err *err;
	struct conf *c = NULL;
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/conf", dir);
	if ((f = fopen(path, "w")) == NULL)
		return NULL;
	fchmod(fileno(f), 0600);
	fprintf(f, "base_url = https://inbox.example.net\ndatabase = %s/db\nkey_file = %s/key\n"
	    "facebook.app_id = %s\nfacebook.app_secret = %s\nfacebook.verify_token = v\n"
	    "pipedrive.client_id = " PD_ID "\npipedrive.client_secret = " PD_SECRET "\n%s",
	    dir, dir, fb_app, fb_secret, more);
	fclose(f);
	if ((err = conf_load(path, &c)) != NULL)
		diag("configuration: %s", err->msg);
	unlink(path);
	return c;
}

#endif
