/* SPDX-License-Identifier: MIT */
/*
 * fuzz_conf.c - a configuration file, written to memory and loaded.  Either an
 * error with a message or values that keep the promises of their kinds.
 */
#include "conf.h"
#include "str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool good)
{
	if (!good)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct ib_err *err;
	struct conf *c;
	char path[32];
	size_t key, len;
	int fd;

	if ((fd = memfd_create("conf", MFD_CLOEXEC)) < 0)
		abort();
	must(n == 0 || write(fd, data, n) == (ssize_t)n);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err = conf_load(path, &c);
	must((err == NULL) == (c != NULL));
	must(err == NULL || (err->code == IB_ECONF && err->msg[0] != '\0'));
	if (c != NULL) {
		for (key = 0; key < CONF_MAX; key++) {
			const char *s = conf_str(c, (enum conf_key)key);

			must(s != NULL && str_utf8_ok(s, strlen(s)));
			must(conf_default((enum conf_key)key) != NULL || *s != '\0');
			must(conf_int(c, (enum conf_key)key) >= 0 || *s == '-');
			(void)conf_bool(c, (enum conf_key)key);
		}
		len = strlen(conf_str(c, CONF_BASE_URL));
		must(url_is_web(conf_str(c, CONF_BASE_URL), false) &&
		    conf_str(c, CONF_BASE_URL)[len - 1] != '/');
		must(conf_str(c, CONF_DATABASE)[0] == '/');
	}
	conf_free(c);
	(void)close(fd);
	return 0;
}
