/* SPDX-License-Identifier: MIT */
/*
 * ctl_security.c - inboxctl security: how safe this inbox is, a line each, and
 * once more from outside, through its public address.
 */
#include "ctl.h"

#include "../lib/base/home.h"
#include "../lib/sync/guard.h"

#include <stdio.h>

int
ctl_security(const struct conf *conf, char *const *args)
{
	static const char *const words[] = { [GUARD_OK] = "ok", [GUARD_ATTENTION] = "look", [GUARD_BROKEN] = "FAIL" };
	const struct guard_line *l;
	const struct ib_err *err;
	struct guard g = { .conf = conf };
	struct cats *cats = NULL;
	struct arena a;
	int rc = 0;

	(void)args;
	if ((err = cats_load(home_folder(conf_str(conf, CONF_CATALOGUES), HOME_PO), &cats)) != NULL)
		return ctl_fail(err);
	arena_init(&a, (size_t)8 << 20);
	g.a = &a;
	g.cats = cats;
	(void)lang_parse(conf_str(conf, CONF_LANGUAGE), &g.lang);
	guard_look(&g);
	guard_look_outside(&g);
	for (l = g.line; l < g.line + g.n; l++) {
		printf("%-6s %s: %s\n", words[l->result], l->name, l->found);
		if (l->todo != NULL)
			printf("       %s\n", l->todo);
		if (l->result == GUARD_BROKEN)
			rc = 1;
	}
	arena_fini(&a);
	cats_free(cats);
	return rc;
}
