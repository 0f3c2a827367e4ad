/* SPDX-License-Identifier: MIT */
/*
 * io.c - what all transports share: looking into the environment.
 */
#include "io.h"

#include <string.h>

const char *
io_env(const struct io *io, const char *name)
{
	char *const *line;
	size_t len = strlen(name);

	for (line = io->envp; *line != NULL; line++)
		if (strncmp(*line, name, len) == 0 && (*line)[len] == '=')
			return *line + len + 1;
	return NULL;
}
