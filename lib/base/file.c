/* SPDX-License-Identifier: MIT */
/* file.c - see file.h. */
#include "file.h"
#include "str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DEEPEST	64

static const struct ib_err *
failed(const char *path)
{
	return ib_fail(IB_ESYS, IB_RETRY_LATER, "%.150s: %s", path, strerror(errno));
}

const struct ib_err *
file_write(int fd, const void *p, size_t n, const char *what)
{
	const char *at = p;
	ssize_t put;

	for (; n > 0; at += put, n -= (size_t)put)
		if ((put = write(fd, at, n)) < 0) {
			if (errno != EINTR)
				return failed(what);
			put = 0;
		}
	return NULL;
}

const struct ib_err *
file_sync(const char *path)
{
	const struct ib_err *err = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	/* EINVAL: a file system that cannot do it for folders. */
	if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
		err = failed(path);
	if (fd >= 0)
		(void)close(fd);
	return err;
}

const struct ib_err *
file_sync_folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
	const struct ib_err *err;

	if (dir == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "no memory for a path");
	err = file_sync(dir);
	free(dir);
	return err;
}

const struct ib_err *
file_appear(const char *tmp, const char *to)
{
	const struct ib_err *err;
	int rc;

	if ((err = file_sync(tmp)) != NULL)
		return err;
	rc = renameat2(AT_FDCWD, tmp, AT_FDCWD, to, RENAME_NOREPLACE);
	if (rc != 0 && (errno == EINVAL || errno == ENOSYS))	/* a file system without it */
		rc = access(to, F_OK) == 0 ? (errno = EEXIST, -1) : rename(tmp, to);
	return rc != 0 ? failed(to) : file_sync_folder_of(to);
}

const struct ib_err *
file_replace(const char *tmp, const char *to)
{
	const struct ib_err *err;

	if ((err = file_sync(tmp)) != NULL)
		return err;
	return rename(tmp, to) != 0 ? failed(to) : file_sync_folder_of(to);
}

char *
file_folder(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? arena_dup(a, ".") : arena_dupn(a, path, slash == path ? 1 : (size_t)(slash - path));
}

static bool
remove_at(int at, const char *name, int depth)
{
	struct dirent *e;
	struct stat sb;
	bool good = true;
	DIR *d;
	int fd;

	if (fstatat(at, name, &sb, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT;
	if (!S_ISDIR(sb.st_mode))
		return unlinkat(at, name, 0) == 0;
	if (depth > DEEPEST || (fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		return false;
	if ((d = fdopendir(fd)) == NULL) {
		(void)close(fd);
		return false;
	}
	while (good && (e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			good = remove_at(fd, e->d_name, depth + 1);
	(void)closedir(d);
	return good && unlinkat(at, name, AT_REMOVEDIR) == 0;
}

const struct ib_err *
file_remove(const char *path)
{
	return remove_at(AT_FDCWD, path, 0) ? NULL : failed(path);
}

int64_t
file_disk_free(const char *path)
{
	struct statvfs fs;

	return statvfs(path, &fs) == 0 ? (int64_t)fs.f_bavail * (int64_t)fs.f_frsize : 0;
}

void
file_sweep_dead(const char *prefix)
{
	const char *slash = strrchr(prefix, '/'), *name = slash != NULL ? slash + 1 : prefix;
	size_t n = strlen(name);
	struct dirent *e;
	struct arena a;
	int64_t pid;
	char *dir;
	DIR *d;

	arena_init(&a, 1 << 16);
	if ((dir = file_folder(&a, prefix)) != NULL && (d = opendir(dir)) != NULL) {
		while ((e = readdir(d)) != NULL)
			if (strncmp(e->d_name, name, n) == 0 && str_int_in(e->d_name + n, 1, INT32_MAX, &pid) &&
			    kill((pid_t)pid, 0) != 0 && errno == ESRCH)
				(void)remove_at(dirfd(d), e->d_name, 0);
		(void)closedir(d);
	}
	arena_fini(&a);
}
