/* SPDX-License-Identifier: MIT */
/*
 * setup_try.c - are the apps' values right?  The services are asked.
 *
 * Pipedrive knows no call for that: it is asked to refresh a token that never
 * was.  It looks at id and secret first (pipedrive.md 1.5), so that "invalid
 * grant" says that they are right.  Facebook is asked for the app's own
 * subscription, as the app.
 *
 * No transaction is open meanwhile; no answer is an answer of its own, which
 * says nothing of the values.
 */
#include "setup.h"

#include "../lib/base/log.h"
#include "../lib/sync/sync.h"

/* What never was a token of anybody. */
#define NO_TOKEN	"0:0:set-up"

static enum setup_said
pipedrive_said(const struct pd_res *res)
{
	if (!res->refused || res->invalid_grant)
		return SETUP_SAID_YES;
	return res->row->code == PD_CODE_CLIENT ? SETUP_SAID_NO : SETUP_SAID_NO_ANSWER;
}

const struct ib_err *
setup_try_pipedrive(struct app *app, struct req *r, const struct conf *conf, enum setup_said *said)
{
	struct pd_res res = { .refused = false };
	const struct ib_err *err;
	struct pd_tokens none;
	struct sync *s = NULL;
	struct pdrive *p;

	*said = SETUP_SAID_NO_ANSWER;
	if ((err = sync_new(conf, app->db, app->keys, &s)) != NULL || (err = sync_pdrive(s, &p)) != NULL)
		goto done;
	if ((err = pdrive_refresh(p, r->a, NO_TOKEN, &none, &res)) != NULL)
		log_err(err, "setup_pipedrive");
	else
		*said = pipedrive_said(&res);
	err = setup_tried_put(app->db, r->a, SETUP_TRIED_PIPEDRIVE, conf_str(conf, CONF_PD_CLIENT_ID), *said, r->now);
done:
	sync_free(s);
	return err;
}

/* A refusal that will not pass by itself is about id and secret: the call has nothing else in it. */
static enum setup_said
facebook_said(const struct graph_res *res)
{
	if (!res->refused)
		return SETUP_SAID_YES;
	return res->row->class_ == CLASS_RETRY || res->row->class_ == CLASS_THROTTLE ? SETUP_SAID_NO_ANSWER : SETUP_SAID_NO;
}

static const struct ib_err *
try_hook(struct app *app, struct req *r, struct graph *g, const struct conf *conf, bool enter, enum setup_said *said)
{
	const char *url = setup_url(app, r, "/hook/facebook"), *id = conf_str(conf, CONF_FB_APP_ID);
	enum setup_said hook = SETUP_SAID_NO;
	struct graph_res res = { .refused = false };
	const struct ib_err *err;
	enum graph_hook found;

	*said = SETUP_SAID_NO_ANSWER;
	if (url == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "setup");
	/* Facebook calls us before it answers; what comes of that the question after it tells. */
	if (enter && (err = graph_app_hook_put(g, r->a, url, conf_str(conf, CONF_FB_VERIFY_TOKEN), &res)) != NULL)
		log_err(err, "setup_hook");
	if ((err = graph_app_hook(g, r->a, url, &found, &res)) != NULL) {
		log_err(err, "setup_facebook");
		return NULL;
	}
	*said = facebook_said(&res);
	if (*said != SETUP_SAID_YES)
		return NULL;
	hook = found == GRAPH_HOOK_GOOD ? SETUP_SAID_YES : found == GRAPH_HOOK_PARTLY ? SETUP_SAID_PARTLY : SETUP_SAID_NO;
	return setup_tried_put(app->db, r->a, SETUP_TRIED_HOOK, id, hook, r->now);
}

const struct ib_err *
setup_try_facebook(struct app *app, struct req *r, const struct conf *conf, bool hook, enum setup_said *said)
{
	const struct ib_err *err;
	struct sync *s = NULL;
	struct graph *g;

	*said = SETUP_SAID_NO_ANSWER;
	if ((err = sync_new(conf, app->db, app->keys, &s)) == NULL && (err = sync_graph(s, &g)) == NULL &&
	    (err = try_hook(app, r, g, conf, hook, said)) == NULL)
		err = setup_tried_put(app->db, r->a, SETUP_TRIED_FACEBOOK, conf_str(conf, CONF_FB_APP_ID), *said, r->now);
	sync_free(s);
	return err;
}
