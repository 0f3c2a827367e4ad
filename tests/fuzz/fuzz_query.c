/* SPDX-License-Identifier: MIT */
/*
 * fuzz_query.c - REQUEST_URI: path, query and what is made of them, with and
 * without a base path.
 */
#include "../../cgi-bin/form.c"
#include "../../cgi-bin/io.c"
#include "../../cgi-bin/req.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No cookie here, so that nobody asks. */
const struct ib_err *
session_find(struct app *app, struct req *r, struct session **out)
{
	(void)app;
	(void)r;
	*out = NULL;
	return NULL;
}

static void
must(bool kept)
{
	if (!kept)
		abort();
}

static void
check_path(const char *path)
{
	const char *s;

	must(path[0] == '/' && str_utf8_ok(path, strlen(path)));
	must(strstr(path, "//") == NULL && strstr(path, "/./") == NULL &&
	    strstr(path, "/../") == NULL);
	for (s = path; *s != '\0'; s++)
		must(!is_control((unsigned char)*s));
}

static void
read_one(char *line, const char *base)
{
	static char method[] = "REQUEST_METHOD=GET";
	char *envp[3] = { method, line, NULL };
	struct io io = { .envp = envp };
	struct app app = { .base_path = base, .origin = "https://inbox.example" };
	struct req_private pv;
	struct arena a;
	struct req r;
	const char *s;

	memset(&r, 0, sizeof(r));
	memset(&pv, 0, sizeof(pv));
	arena_init(&a, (size_t)4 << 20);
	r.a = &a;
	r.pv = &pv;
	pv.app = &app;
	pv.io = &io;
	if (req_read_head(&r) == 0) {
		check_path(r.path);
		must(r.here[0] == '/');
		for (s = r.here; *s != '\0'; s++)
			must(*s > 0x20 && *s < 0x7f);
		must(pv.query.n <= FORM_FIELDS_MAX);
	}
	arena_fini(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char name[] = "REQUEST_URI=";
	char *line;

	if ((size > 0 && memchr(data, '\0', size) != NULL) ||
	    (line = malloc(sizeof(name) + size)) == NULL)
		return 0;
	memcpy(line, name, sizeof(name) - 1);
	if (size > 0)
		memcpy(line + sizeof(name) - 1, data, size);
	line[sizeof(name) - 1 + size] = '\0';
	read_one(line, "");
	read_one(line, "/sub");
	free(line);
	return 0;
}
