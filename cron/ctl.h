/* SPDX-License-Identifier: MIT */
/* ctl.h - shared by the parts of inboxctl. */
#ifndef IB_CTL_H
#define IB_CTL_H

#include "../lib/base/conf.h"
#include "../lib/db/db.h"

/* Says what is wrong; the exit code. */
int ctl_fail(const struct ib_err *err);
/* The database of the configuration. */
IB_MUST const struct ib_err *ctl_open_db(const struct conf *conf, unsigned flags, struct db **db);

/* A verb of its own: ctl_shelf.c.  `args` ends with NULL. */
/* Makes a configuration rather than reading one: ctl_setup.c. */
int ctl_setup(const char *conf_path, char *const *args);
int ctl_shelf(const struct conf *conf, char *const *args);
/* Runs the sandbox, or removes it: ctl_sandbox.c. */
int ctl_sandbox(const struct conf *conf, char *const *args);

#endif
