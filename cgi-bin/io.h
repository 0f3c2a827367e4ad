/* SPDX-License-Identifier: MIT */
/*
 * io.h - how a request comes in and its answer goes out.
 *
 * One interface, three transports: FastCGI (io_fcgi.c), plain CGI (io_cgi.c)
 * and memory (io_mem.c, for the tests).  The dispatcher reads the environment
 * and the body, writes the answer and calls finish(); after that nothing of
 * the environment may be used.
 *
 * Writing fails when the client or the server has gone: nobody is left to
 * tell, so that it is no error of ours, only a line in the debug log.
 */
#ifndef IB_IO_H
#define IB_IO_H

#include "../lib/base/buf.h"

#include <sys/types.h>
#include <sys/uio.h>

struct io {
	char *const	*envp;		/* "NAME=value", NULL ends */
	/* Next bytes of the body: 0 at its end, -1 when the other side broke off. */
	ssize_t		(*read)(struct io *io, void *p, size_t n);
	/* All of it, in order.  `v` may be changed. */
	bool		(*write)(struct io *io, struct iovec *v, int n);
	/* The answer is complete: send what is still buffered, let the client go. */
	void		(*finish)(struct io *io);
	int		 refuse;	/* the status that the environment earned on its way here, or 0 */
};

/* Value of one variable, NULL when absent. */
const char *io_env(const struct io *io, const char *name);

/*
 * What the loops below call.  `serve` answers one request through io and
 * tells whether `work` is to be called after the answer has gone out; `idle`
 * is called every idle_ms while no request comes; `due` tells when `work` is to
 * be called all the same, by the monotonic clock (0: no such time; it has to
 * move when `work` was called).  `work`, `idle` and `due` may be NULL.
 */
struct io_calls {
	void	*arg;
	bool	(*serve)(void *arg, struct io *io);
	void	(*work)(void *arg);
	void	(*idle)(void *arg);
	int64_t	(*due)(void *arg);
	int64_t	 idle_ms;
	int64_t	 for_ms;	/* end after this time; 0 = no such limit */
	unsigned max_requests;	/* end after so many; 0 = no such limit */
	bool	 watch_binary;	/* end when another program lies at our path */
};

/* Is there a FastCGI listening socket on descriptor 0? */
bool io_fcgi_here(void);
/*
 * Serve until SIGTERM or SIGUSR1 (the request in hand is finished), or until
 * a limit of io_calls.  Returns the exit code: 0, or 1 when the socket fails.
 */
int io_fcgi_loop(const struct io_calls *calls);

/*
 * Serve the one request of a CGI process.  True when `work` was asked for: it
 * is not called here, because the program must first leave the server
 * (io_cgi_detach).
 */
bool io_cgi_serve(const struct io_calls *calls);
/* The answer was all: ends the output when this process has ended, which it does now. */
void io_cgi_end(void);
/*
 * Let the server go on: the process exits 0 without running exit handlers, and
 * when it is gone descriptors 0, 1 and 2 are closed (to /dev/null) by a child with a
 * session of its own, in which this returns.  Nothing that must not cross a fork (a
 * database connection) may be open.  False when there could be no child: the process
 * then goes on as it is.
 */
bool io_cgi_detach(void);

/* In memory: the request given, the answer collected in `out`. */
struct io_mem {
	struct io	 io;
	const char	*body;
	size_t		 body_len, body_at;
	size_t		 chunk;		/* most bytes of one read; 0 = no limit */
	bool		 broken;	/* reading fails at the end of the body */
	bool		 gone;		/* writing fails */
	bool		 finished;
	unsigned	 writes;
	struct ib_buf	 out;
};

void io_mem_init(struct io_mem *m, char *const *envp, const void *body, size_t n);
void io_mem_fini(struct io_mem *m);

#endif
