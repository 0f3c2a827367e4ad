/* SPDX-License-Identifier: MIT */
/* Tests of file.h: what appears, what goes, and what stays. */
#include "file.h"
#include "tap.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/inbox-file-XXXXXX";

static const char *
in_dir(const char *name)
{
	static char path[4][128];
	static unsigned next;

	snprintf(path[++next % 4], sizeof(path[0]), "%s/%s", dir, name);
	return path[next % 4];
}

static bool
made(const char *path, const char *text)
{
	const struct ib_err *err = NULL;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd >= 0) {
		err = file_write(fd, text, strlen(text), path);
		close(fd);
	}
	return fd >= 0 && err == NULL;
}

static bool
holds(const char *path, const char *text)
{
	char got[32] = "";
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, got, sizeof(got) - 1);

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text) && memcmp(got, text, strlen(text)) == 0;
}

static void
test_appear(void)
{
	ok(made(in_dir("a"), "one") && made(in_dir("b"), "two"), "two files");
	ok(file_appear(in_dir("a"), in_dir("b")) != NULL && holds(in_dir("a"), "one") && holds(in_dir("b"), "two"),
	    "one that is there is not overwritten");
	ok(file_appear(in_dir("a"), in_dir("c")) == NULL && holds(in_dir("c"), "one") && access(in_dir("a"), F_OK) != 0, "a free name");
	ok(file_replace(in_dir("c"), in_dir("b")) == NULL && holds(in_dir("b"), "one"), "one that is to be replaced");
	ok(file_appear(in_dir("none"), in_dir("d")) != NULL && file_replace(in_dir("none"), in_dir("b")) != NULL &&
	    holds(in_dir("b"), "one"), "nothing appears of nothing");
	ok(file_sync(in_dir("b")) == NULL && file_sync_folder_of(in_dir("b")) == NULL && file_sync(in_dir("none")) != NULL, "on disk");
}

static void
test_folder(void)
{
	struct arena a;

	arena_init(&a, 4096);
	is_str(file_folder(&a, "/a/b/c"), "/a/b", "a folder");
	is_str(file_folder(&a, "/a"), "/", "the root");
	is_str(file_folder(&a, "a"), ".", "this one");
	arena_fini(&a);
}

static void
test_remove(void)
{
	ok(mkdir(in_dir("tree"), 0700) == 0 && mkdir(in_dir("tree/x"), 0700) == 0 && made(in_dir("tree/x/f"), "f") &&
	    mkdir(in_dir("other"), 0700) == 0 && made(in_dir("other/f"), "kept") &&
	    symlink("../other", in_dir("tree/link")) == 0, "a tree with a link out of it");
	ok(file_remove(in_dir("tree")) == NULL && access(in_dir("tree"), F_OK) != 0, "goes");
	ok(holds(in_dir("other/f"), "kept"), "where the link led, all is there");
	ok(file_remove(in_dir("tree")) == NULL, "what is not there is no error");
	ok(symlink("other", in_dir("l")) == 0 && file_remove(in_dir("l")) == NULL && holds(in_dir("other/f"), "kept"), "a link itself");
}

static void
test_sweep(void)
{
	char dead[64], alive[64];
	pid_t pid;

	if ((pid = fork()) == 0)
		_exit(0);
	ok(pid > 0 && waitpid(pid, NULL, 0) == pid, "a process that is no more");
	snprintf(dead, sizeof(dead), "copy-%ld", (long)pid);
	snprintf(alive, sizeof(alive), "copy-%ld", (long)getpid());
	ok(mkdir(in_dir(dead), 0700) == 0 && made(in_dir(alive), "a") && made(in_dir("copy-"), "b") && made(in_dir("copy-x"), "c"),
	    "what it left, and others");
	file_sweep_dead(in_dir("copy-"));
	ok(access(in_dir(dead), F_OK) != 0 && holds(in_dir(alive), "a") && holds(in_dir("copy-"), "b") && holds(in_dir("copy-x"), "c"),
	    "only that goes");
}

int
main(void)
{
	if (mkdtemp(dir) == NULL)
		return 1;
	test_appear();
	test_folder();
	test_remove();
	test_sweep();
	ok(file_remove(dir) == NULL, "tidied up");
	return done_testing();
}
