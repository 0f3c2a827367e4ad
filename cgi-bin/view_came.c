/* SPDX-License-Identifier: MIT */
/*
 * view_came.c - the ad or link that started a conversation, as a card.
 *
 * Of what Facebook tells (messenger.md 4.5, 4.11) thread.source keeps a few
 * members as JSON; every one may be missing, and sources are an open set.
 */
#include "inbox.h"

#include "../lib/base/json.h"
#include "../lib/base/str.h"

#include <string.h>

static enum str_id
label_of(const struct json *j)
{
	static const struct { const char *source; enum str_id id; } labels[] = {
		{ "ADS", STR_CAME_AD }, { "SHORTLINK", STR_CAME_LINK }, { "MESSENGER_CODE", STR_CAME_CODE },
		{ "CUSTOMER_CHAT_PLUGIN", STR_CAME_PLUGIN }, { "DISCOVER_TAB", STR_CAME_DISCOVER },
	};
	const char *source = json_get_str(j, "source");
	size_t i;

	for (i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		if (str_eq(source, labels[i].source))
			return labels[i].id;
	return source == NULL && json_get_str(j, "product_id") != NULL ? STR_CAME_PRODUCT : STR_LINE_REFERRAL;
}

const struct ib_err *
came_make(struct inbox *in, const char *source, struct view_came **out)
{
	static const struct { const char *member, *hole; enum str_id id; } facts[] = {
		{ "ref", "ref", STR_CAME_REF }, { "ad_id", "id", STR_CAME_AD_ID }, { "product_id", "id", STR_CAME_PRODUCT_ID },
	};
	const struct ib_err *err;
	struct view_came *v;
	struct json *j;
	size_t i;

	*out = NULL;
	if (source == NULL)
		return NULL;
	if ((v = ARENA_NEW(in->r->a, struct view_came)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "came");
	if ((err = json_parse(source, strlen(source), JSON_STRICT_, &j)) != NULL)
		return err;
	v->label = cat_str(in->app->cats, in->r->lang, label_of(j));
	v->title = arena_dup(in->r->a, json_get_str(j, "ad_title"));
	for (i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		const char *s = json_get_str(j, facts[i].member), *said;

		if (str_blank(s))
			continue;
		said = cat_fill(in->r->a, cat_str(in->app->cats, in->r->lang, facts[i].id), facts[i].hole, s, NULL);
		v->facts = v->facts == NULL ? said : arena_printf(in->r->a, "%s \xc2\xb7 %s", v->facts, said);
	}
	json_free(j);
	*out = v;
	return NULL;
}
