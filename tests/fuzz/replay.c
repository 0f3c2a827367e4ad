/* SPDX-License-Identifier: MIT */
/*
 * replay.c - runs a fuzz target over its seeds, without a fuzzer.
 *
 * A fuzz target is a file fuzz_NAME.c with LLVMFuzzerTestOneInput().  With
 * --enable-fuzz it is linked with libFuzzer; otherwise with this main(), and
 * `make check` replays the seeds: each file as it is, cut short at many
 * places, and with bytes changed in a way that is the same in every run.
 * The input is always a fresh allocation of exactly its size, so that the
 * sanitizers and valgrind see a read past its end.
 *
 *   fuzz_NAME [FILE | FOLDER]...	default: $srcdir/tests/fuzz/seeds/NAME
 *
 * Prints TAP: one check per seed.  What is being run is written to a file
 * named by REPLAY_CRASH, when that is set, so that a crash leaves its input.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SEED_MAX	((size_t)4 << 20)
#define CUTS		64
#define CHANGES		256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int count, failed;

static void
run(const uint8_t *data, size_t size)
{
	const char *keep = getenv("REPLAY_CRASH");
	uint8_t *copy = malloc(size > 0 ? size : 1);
	FILE *f;

	if (copy == NULL)
		abort();
	if (size > 0)
		memcpy(copy, data, size);
	if (keep != NULL && (f = fopen(keep, "wb")) != NULL) {
		fwrite(copy, 1, size, f);
		fclose(f);
	}
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

/* A plain generator: the same numbers everywhere, in every run. */
static uint32_t
next(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static void
replay(uint8_t *data, size_t size)
{
	uint32_t state = (uint32_t)size;
	size_t i;

	run(data, size);
	for (i = 0; i < CUTS && i < size; i++)
		run(data, size <= CUTS ? i : size * i / CUTS);
	for (i = 0; i < CHANGES && size > 0; i++) {
		size_t at = next(&state) % size;
		uint8_t was = data[at];

		/* Every second change is a byte that means something to parsers. */
		data[at] = i % 2 != 0 ? (uint8_t)next(&state) :
		    (uint8_t)"\0\"\\%&=<>{}[];:.\n\xff\xc0"[next(&state) % 18];
		run(data, size);
		if (i % 4 != 3)		/* the fourth stays: changes add up */
			data[at] = was;
	}
}

static void
seed(const char *path)
{
	uint8_t *data = NULL;
	size_t n = 0;
	FILE *f = fopen(path, "rb");

	count++;
	if (f != NULL && (data = malloc(SEED_MAX)) != NULL)
		n = fread(data, 1, SEED_MAX, f);
	if (f == NULL || data == NULL || ferror(f)) {
		failed++;
		printf("not ok %d - %s\n#   %s\n", count, path, strerror(errno));
	} else {
		printf("# %s\n", path);
		fflush(stdout);		/* known even when it crashes */
		replay(data, n);
		printf("ok %d - %s\n", count, path);
	}
	fflush(stdout);
	free(data);
	if (f != NULL)
		fclose(f);
}

static int
visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static void
seeds(const char *path)
{
	struct dirent **names = NULL;
	struct stat st;
	int i, n;

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		seed(path);
		return;
	}
	n = scandir(path, &names, visible, alphasort);
	if (n <= 0) {
		count++;
		failed++;
		printf("not ok %d - %s\n#   no seeds there\n", count, path);
	}
	for (i = 0; i < n; i++) {
		char file[PATH_MAX];

		if (snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name) < PATH_MAX)
			seed(file);
		free(names[i]);
	}
	free(names);
}

int
main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		seeds(argv[i]);
	if (argc < 2) {
		const char *src = getenv("srcdir");
		const char *name = strstr(argv[0], "fuzz_");
		const char *later;
		char path[PATH_MAX];

		while (name != NULL && (later = strstr(name + 1, "fuzz_")) != NULL)
			name = later;
		if (snprintf(path, sizeof(path), "%s/tests/fuzz/seeds/%s",
		    src != NULL ? src : ".", name != NULL ? name + 5 : "") >= PATH_MAX)
			return 1;
		seeds(path);
	}
	printf("1..%d\n", count);
	return failed > 0 || count == 0 ? 1 : 0;
}
