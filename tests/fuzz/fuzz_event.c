/* SPDX-License-Identifier: MIT */
/*
 * fuzz_event.c - any bytes as a webhook body and as a message of the
 * Conversations API.  Besides not crashing, what comes out must keep the
 * promises of event.h: a kind, a key, valid text, only web addresses.
 */
#include "../../lib/api/event.h"
#include "../../lib/base/str.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool held)
{
	if (!held)
		abort();
}

static void
check_text(const char *s)
{
	must(s == NULL || str_utf8_ok(s, strlen(s)));
}

static void
check(const struct fb_event *e)
{
	size_t i;

	must(e->kind < FB_KIND_MAX && e->line < FB_LINE_MAX);
	must((e->kind == FB_LINE) == (e->line != FB_LINE_NONE));
	must(e->key != NULL && e->page != NULL && e->at > 0);
	must(e->history || e->psid == NULL || strcmp(e->psid, e->page) != 0);
	must(e->natt <= FB_ATT_PER_MESSAGE);
	check_text(e->key);
	check_text(e->text);
	check_text(e->detail);
	check_text(e->referral);
	check_text(e->emoji);
	check_text(e->customer_name);
	for (i = 0; i < e->natt; i++) {
		must(e->att[i].type > 0 && e->att[i].type < FB_ATT_MAX);
		must(e->att[i].url == NULL || url_is_web(e->att[i].url, false));
		must(e->att[i].name == NULL || e->att[i].type == FB_ATT_BOOKING ||
		    strpbrk(e->att[i].name, "/\\\"\n") == NULL);
		check_text(e->att[i].title);
		check_text(e->att[i].name);
	}
	for (i = 0; i < e->nmids; i++)
		must(e->mids[i] != NULL);
	for (i = 0; i < e->nreactions; i++)
		must(e->reactions[i].emoji != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct json *root;
	struct fb_event *ev, one;
	size_t i, n;

	if (json_parse((const char *)data, size, JSON_LENIENT_, &root) != NULL)
		return 0;
	arena_init(&a, (size_t)64 << 20);
	if (fb_events(&a, root, INT64_C(1795349999000), &ev, &n) == NULL) {
		for (i = 0; i < n; i++)
			check(&ev[i]);
	}
	if (fb_event_from_api(&a, root, "108422330517604", &one))
		check(&one);
	arena_fini(&a);
	json_free(root);
	return 0;
}
