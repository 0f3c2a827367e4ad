/* SPDX-License-Identifier: MIT */
/*
 * fuzz_fcgi.c - bytes of a web server to a worker.  A request that is there has
 * an environment of proper pairs, and its body ends.
 */
#include "../../cgi-bin/fcgi.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool kept)
{
	if (!kept)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fcgi f;
	struct iovec v = { (char[]){ "Status: 204\r\n\r\n" }, 15 };
	char scrap[512];
	int fd[2];
	size_t i;

	if (f.params.max == 0)
		fcgi_init(&f, true);
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	/* What does not fit is cut: that is an input as well. */
	(void)!send(fd[1], data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)shutdown(fd[1], SHUT_WR);
	if (fcgi_open(&f, fd[0]) == NULL) {
		for (i = 0; f.env[i] != NULL; i++)
			must(i < FCGI_ENV_MAX && f.env[i][0] != '\0' && (strchr(f.env[i], '=') != NULL || f.refuse != 0));
		while (fcgi_body(&f, scrap, sizeof(scrap)) > 0)
			;
		must(fcgi_write(&f, &v, 1));
		fcgi_close(&f);
	}
	must(f.fd < 0);
	(void)close(fd[1]);
	return 0;
}
