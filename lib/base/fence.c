/* SPDX-License-Identifier: MIT */
/*
 * fence.c - see fence.h.  The *door* to Landlock: three system calls without a
 * function in the C library, and the numbers that go with them, so that it is
 * built the same with old headers and works with any kernel (landlock(7)).
 *
 * Folders are allowed, not files, where somebody may replace a file by renaming
 * (resolv.conf, certificates): a rule holds for what it was made for alone.
 * What is not there is left out; it cannot be reached later either.
 */
#include "fence.h"

#include "home.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MEMORY_MOST	((rlim_t)512 << 20)	/* arenas and buffers have their caps far below */
#define FILES_MOST	((rlim_t)256)

/* The same numbers on every architecture. */
#define NR_CREATE_RULESET	444
#define NR_ADD_RULE		445
#define NR_RESTRICT_SELF	446
#define VERSION_FLAG		1u
#define RULE_PATH_BENEATH	1

#define FS_EXECUTE	(UINT64_C(1) << 0)
#define FS_WRITE_FILE	(UINT64_C(1) << 1)
#define FS_READ_FILE	(UINT64_C(1) << 2)
#define FS_READ_DIR	(UINT64_C(1) << 3)
#define FS_REMOVE_FILE	(UINT64_C(1) << 5)
#define FS_MAKE_DIR	(UINT64_C(1) << 7)
#define FS_MAKE_REG	(UINT64_C(1) << 8)
#define FS_V1		((UINT64_C(1) << 13) - 1)
#define FS_REFER	(UINT64_C(1) << 13)	/* since version 2 */
#define FS_TRUNCATE	(UINT64_C(1) << 14)	/* 3 */
#define NET_BIND_TCP	(UINT64_C(1) << 0)	/* 4 */
#define SCOPE_ABSTRACT	(UINT64_C(1) << 0)	/* 6: sockets without a file */
#define SCOPE_SIGNAL	(UINT64_C(1) << 1)

#define READ	(FS_READ_FILE | FS_READ_DIR)
#define WRITE	(READ | FS_WRITE_FILE | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_TRUNCATE)
#define OF_FILES	(FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE)

struct ruleset_attr { uint64_t fs, net, scoped; };
struct path_attr { uint64_t allowed; int32_t fd; } __attribute__((packed));

struct rules {
	int		 fd;
	uint64_t	 handled;
	bool		 apps;			/* the apps' file is written, too */
	bool		 failed;
};

static struct fence state;

/* What libraries read while they work: names of hosts, certificates, themselves. */
static const struct { const char *path; uint64_t rights; } of_the_system[] = {
	{ "/etc", READ }, { "/usr", READ }, { "/lib", READ }, { "/lib64", READ }, { "/lib32", READ },
	{ "/nix/store", READ }, { "/gnu/store", READ },
	{ "/run/systemd/resolve", READ }, { "/run/NetworkManager", READ }, { "/run/resolvconf", READ },
	{ "/run/connman", READ }, { "/run/nscd", READ }, { "/var/cache/nscd", READ },
	{ "/var/lib/ca-certificates", READ }, { "/proc/sys", READ }, { "/sys/devices/system/cpu", READ },
	{ "/dev/null", READ | FS_WRITE_FILE }, { "/dev/urandom", READ }, { "/dev/random", READ }
};
static const char *const of_the_environment[] = {
	"LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"
};

/* Limits ----------------------------------------------------------------------- */

#ifdef __GLIBC__
typedef __rlimit_resource_t resource;
#else
typedef int resource;
#endif

/* Lower, never higher. */
static void
limit(resource what, rlim_t most)
{
	struct rlimit r;

	if (getrlimit(what, &r) != 0)
		return;
	if (r.rlim_max == RLIM_INFINITY || r.rlim_max > most)
		r.rlim_max = most;
	if (r.rlim_cur == RLIM_INFINITY || r.rlim_cur > most)
		r.rlim_cur = most;
	(void)setrlimit(what, &r);
}

/* Landlock ----------------------------------------------------------------------- */

static void
allow(struct rules *rs, const char *path, uint64_t rights)
{
	struct path_attr p;
	struct stat st;

	if (*path == '\0' || (p.fd = open(path, O_PATH | O_CLOEXEC)) < 0)
		return;
	p.allowed = rights & rs->handled;
	if (fstat(p.fd, &st) == 0 && !S_ISDIR(st.st_mode))
		p.allowed &= OF_FILES;
	if (syscall(NR_ADD_RULE, rs->fd, RULE_PATH_BENEATH, &p, 0) != 0)
		rs->failed = true;
	(void)close(p.fd);
}

/* The folder of a file that need not be there; of what a link points at as well. */
static void
allow_folder_of(struct rules *rs, const char *file, uint64_t rights)
{
	char path[PATH_MAX], real[PATH_MAX];
	char *slash;

	(void)snprintf(path, sizeof(path), "%s", file);
	if ((slash = strrchr(path, '/')) != NULL) {
		slash[slash == path] = '\0';
		allow(rs, path, rights);
	}
	if (realpath(file, real) != NULL && (slash = strrchr(real, '/')) != NULL) {
		slash[slash == real] = '\0';
		if (strcmp(real, path) != 0)
			allow(rs, real, rights);
	}
}

/* Paths with colons between them. */
static void
allow_each(struct rules *rs, const char *paths)
{
	char path[PATH_MAX];
	size_t n;

	for (; paths != NULL && *paths != '\0'; paths += n + (paths[n] == ':')) {
		n = strcspn(paths, ":");
		if (n < sizeof(path)) {
			(void)snprintf(path, sizeof(path), "%.*s", (int)n, paths);
			allow(rs, path, READ);
		}
	}
}

static void
allow_ours(struct rules *rs, const struct conf *conf)
{
	const char *media = conf_str(conf, CONF_MEDIA_DIR);
	char lib[PATH_MAX];

	allow_folder_of(rs, conf_str(conf, CONF_DATABASE), WRITE);
	/* It is made when first needed, which would be too late. */
	if (*media != '\0')
		(void)mkdir(media, 0700);
	allow(rs, media, WRITE);
	/* The set-up in the browser writes it, under another name first; everybody looks whether it is another one. */
	allow_folder_of(rs, conf_apps_path(conf), rs->apps ? WRITE : READ);
	allow(rs, home_folder(conf_str(conf, CONF_TEMPLATES), HOME_TEMPLATES), READ);
	allow(rs, home_folder(conf_str(conf, CONF_CATALOGUES), HOME_PO), READ);
	allow(rs, home_folder(conf_str(conf, CONF_STATIC_DIR), HOME_STATIC), READ);
	allow(rs, conf_str(conf, CONF_TEST_CLOCK), READ);
	allow(rs, home_zones(), READ);
	(void)snprintf(lib, sizeof(lib), "%s/lib", home_parts() != NULL ? home_parts() : home_prefix());
	allow(rs, lib, READ);
}

static void
allow_systems(struct rules *rs)
{
	size_t i;

	for (i = 0; i < sizeof(of_the_system) / sizeof(of_the_system[0]); i++)
		allow(rs, of_the_system[i].path, of_the_system[i].rights);
	for (i = 0; i < sizeof(of_the_environment) / sizeof(of_the_environment[0]); i++)
		allow_each(rs, getenv(of_the_environment[i]));
	allow_folder_of(rs, "/etc/resolv.conf", READ);
#ifdef IB_INSTRUMENTED
	allow(rs, "/", READ | FS_EXECUTE);	/* reports look at the program and its maps */
#endif
#ifdef IB_FAULT_INJECTION
	{
		const char *said = getenv("INBOX_FAULT");

		if (said != NULL && strncmp(said, "count=", 6) == 0)
			allow_folder_of(rs, said + 6, WRITE);
	}
#endif
}

int
fence_kernel(const char **why)
{
	long v = syscall(NR_CREATE_RULESET, NULL, 0, VERSION_FLAG);

	*why = v > 0 ? NULL : errno == ENOSYS ? "not in this kernel" : errno == EOPNOTSUPP ? "switched off in this kernel" :
	    "not allowed here";
	return v > 0 ? (int)v : 0;
}

static const char *
landlock(const struct conf *conf, bool apps, int *version)
{
	struct ruleset_attr attr = { .fs = FS_V1 };
	struct rules rs = { .fd = -1, .apps = apps };
	size_t size = sizeof(attr.fs);
	const char *why = NULL;
	int v;

	if ((v = fence_kernel(&why)) == 0)
		return why;
	if (v >= 2)
		attr.fs |= FS_REFER;
	if (v >= 3)
		attr.fs |= FS_TRUNCATE;
	if (v >= 4) {
		attr.net = NET_BIND_TCP;
		size = offsetof(struct ruleset_attr, scoped);
	}
	if (v >= 6) {
		attr.scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL;
		size = sizeof(attr);
	}
	rs.handled = attr.fs;
	if ((rs.fd = (int)syscall(NR_CREATE_RULESET, &attr, size, 0)) < 0)
		return "refused";
	allow_ours(&rs, conf);
	allow_systems(&rs);
	if (rs.failed)
		why = "a rule was refused";
	else if (syscall(NR_RESTRICT_SELF, rs.fd, 0) != 0)
		why = "refused";
	else
		*version = v;
	(void)close(rs.fd);
	return why;
}

/* ------------------------------------------------------------------------------- */

void
fence_up(const struct conf *conf, bool web, int64_t cpu_s, bool quiet)
{
	state.wanted = conf_bool(conf, CONF_FENCE);
	if (!state.wanted)
		return;
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, FILES_MOST);
	if (cpu_s > 0)
		limit(RLIMIT_CPU, (rlim_t)cpu_s);
#ifndef IB_INSTRUMENTED			/* sanitizers map without end, and look into the process */
	limit(RLIMIT_DATA, MEMORY_MOST);
	(void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
#endif
	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0)
		state.why = "no_new_privs was refused";
	else
		state.why = landlock(conf, web, &state.landlock);
	if (state.landlock > 0)
		log_event(quiet ? LOG_DEBUG_ : LOG_INFO_, "fence", "landlock", log_i(state.landlock), NULL);
	else
		log_event(quiet ? LOG_DEBUG_ : LOG_WARN_, "fence", "landlock", "none", "why", state.why, NULL);
}

const struct fence *
fence_state(void)
{
	return &state;
}
