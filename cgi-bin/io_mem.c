/* SPDX-License-Identifier: MIT */
/*
 * io_mem.c - a transport without a server, for tests.
 *
 * Environment and body are borrowed; `out` holds what was written until
 * io_mem_fini().  `chunk`, `broken` and `gone` play an unpleasant other side.
 */
#include "io.h"

#include <string.h>

#define COLLECT_MAX ((size_t)64 << 20)

static ssize_t
mem_read(struct io *io, void *p, size_t n)
{
	struct io_mem *m = (struct io_mem *)io;
	size_t left = m->body_len - m->body_at;

	if (left == 0)
		return m->broken ? -1 : 0;
	if (n > left)
		n = left;
	if (m->chunk > 0 && n > m->chunk)
		n = m->chunk;
	memcpy(p, m->body + m->body_at, n);
	m->body_at += n;
	return (ssize_t)n;
}

static bool
mem_write(struct io *io, struct iovec *v, int n)
{
	struct io_mem *m = (struct io_mem *)io;
	int i;

	m->writes++;
	if (m->gone)
		return false;
	for (i = 0; i < n; i++)
		buf_append(&m->out, v[i].iov_base, v[i].iov_len);
	return !m->out.failed;
}

static void
mem_finish(struct io *io)
{
	((struct io_mem *)io)->finished = true;
}

void
io_mem_init(struct io_mem *m, char *const *envp, const void *body, size_t n)
{
	memset(m, 0, sizeof(*m));
	m->io.envp = envp;
	m->io.read = mem_read;
	m->io.write = mem_write;
	m->io.finish = mem_finish;
	m->body = body;
	m->body_len = n;
	buf_init(&m->out, COLLECT_MAX);
}

void
io_mem_fini(struct io_mem *m)
{
	buf_fini(&m->out);
}
