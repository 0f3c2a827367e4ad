/* SPDX-License-Identifier: MIT */
/*
 * h_leave_out.c - taking away, from outside: Pipedrive says that somebody
 * uninstalled the app (pipedrive.md 2.1), Facebook that somebody removed it or
 * wants data deleted (messenger.md 10.3, 10.4).
 *
 * Who says so is verified first, in constant time; nothing is changed before.
 * What is said twice, or about somebody unknown, is answered like the first
 * time.  The work itself is left to the runs.
 */
#include "handlers.h"

#include "../lib/api/signedreq.h"
#include "../lib/base/json.h"
#include "../lib/base/log.h"
#include "../lib/base/str.h"
#include "../lib/store/install.h"
#include "../lib/store/leaving.h"
#include "../lib/store/page.h"

#include <string.h>

/* Pipedrive ------------------------------------------------------------------------ */

/* *company 0: the body is not what it should be; *ours false: it is about another app. */
static const struct ib_err *
read_uninstall(struct app *app, struct req *r, bool *ours, int64_t *company, int64_t *user)
{
	const struct ib_err *err;
	struct json *root;

	*ours = false;
	*company = *user = 0;
	if ((err = json_parse(r->body, r->body_len, JSON_STRICT_, &root)) != NULL)
		return err->code == IB_ENOMEM ? err : NULL;
	*ours = str_eq(json_get_str(root, "client_id"), conf_str(app->conf, CONF_PD_CLIENT_ID));
	*company = json_int(json_get(root, "company_id"), 0);
	*user = json_int(json_get(root, "user_id"), 0);
	json_free(root);
	return NULL;
}

static const struct ib_err *
uninstalled(struct app *app, struct req *r, int64_t company, int64_t pd_user)
{
	const struct ib_err *err;
	struct install *in;
	int64_t user;
	bool found = false;

	if ((err = db_begin(app->db)) != NULL)
		return err;
	if ((err = install_by_company(app->db, r->a, company, &in)) != NULL || in == NULL ||
	    (err = db_get_int(app->db, ST_USER_ID, &user, &found, "ii", in->id, pd_user)) != NULL || !found)
		goto done;
	if ((err = leaving_grant_ended(app->db, app->keys, r->a, in->id, user, LEAVE_PIPEDRIVE, r->now)) == NULL)
		err = db_commit(app->db);
done:
	db_rollback(app->db);
	log_event(LOG_INFO_, "pipedrive_uninstalled", "known", found ? "yes" : "no", NULL);
	if (err == NULL && found)
		resp_then_work(r);
	return err;
}

const struct ib_err *
h_pipedrive_uninstalled(struct app *app, struct req *r)
{
	const struct ib_err *err;
	int64_t company, user;
	bool ours;

	if (!req_basic_ok(r, conf_str(app->conf, CONF_PD_CLIENT_ID), conf_str(app->conf, CONF_PD_CLIENT_SECRET))) {
		log_event(LOG_WARN_, "uninstall_refused", "header", req_header(r, "HTTP_AUTHORIZATION") != NULL ?
		    "wrong" : "missing", NULL);
		resp_header(r, "WWW-Authenticate", "Basic realm=\"pipedrive\"");
		return resp_text(r, 401, "text/plain", "", 0);
	}
	if ((err = read_uninstall(app, r, &ours, &company, &user)) != NULL)
		return err;
	if (!ours)
		return resp_text(r, 401, "text/plain", "", 0);
	if (company <= 0 || user <= 0)
		return resp_text(r, 400, "text/plain", "", 0);
	if ((err = uninstalled(app, r, company, user)) != NULL)
		return err;
	return resp_text(r, 200, "text/plain", "", 0);
}

/* Facebook ------------------------------------------------------------------------- */

/* *out NULL: not signed by Facebook, or too long ago; an answer is due. */
static const struct ib_err *
read_signed(struct app *app, struct req *r, struct signed_request **out)
{
	const char *text = req_form(r, "signed_request"), *old = conf_str(app->conf, CONF_FB_APP_SECRET_OLD);
	const struct ib_err *err;

	*out = NULL;
	if (text == NULL)
		return NULL;
	err = signed_request_read(r->a, conf_str(app->conf, CONF_FB_APP_SECRET), text, r->now, out);
	if (err == NULL && *out == NULL && *old != '\0')
		err = signed_request_read(r->a, old, text, r->now, out);
	return err;
}

static const struct ib_err *
refuse_signed(struct req *r)
{
	log_event(LOG_WARN_, "signed_request_refused", "route", r->route->pattern, NULL);
	return resp_text(r, 403, "text/plain", "", 0);
}

/* The Pages that this login connected, or the one that is named, lose their tokens. */
static const struct ib_err *
end_login(struct app *app, struct req *r, const struct signed_request *s, const char *what, int64_t *n)
{
	const struct ib_err *err;
	struct page *p;
	size_t i, k;

	*n = 0;
	if ((err = pages_of_login(app->db, r->a, s->user_id, s->page_id, &p, &k)) != NULL)
		return err;
	for (i = 0; i < k; i++) {
		if ((err = page_token_end(app->db, p[i].id, "error.fb.token_removed")) != NULL ||
		    (err = audit_put(app->db, p[i].install_id, 0, r->now, what, p[i].fb_id)) != NULL ||
		    (err = install_touch(app->db, p[i].install_id)) != NULL)
			return err;
		++*n;
	}
	return NULL;
}

const struct ib_err *
h_facebook_deauthorize(struct app *app, struct req *r)
{
	const struct ib_err *err;
	struct signed_request *s;
	int64_t n;

	if ((err = read_signed(app, r, &s)) != NULL)
		return err;
	if (s == NULL)
		return refuse_signed(r);
	if ((err = db_begin(app->db)) != NULL)
		return err;
	if ((err = end_login(app, r, s, "deauthorized", &n)) == NULL)
		err = db_commit(app->db);
	db_rollback(app->db);
	if (err != NULL)
		return err;
	log_event(LOG_INFO_, "deauthorized", "pages", log_i(n), NULL);
	return resp_text(r, 200, "text/plain", "", 0);
}

/* What is kept of a login: its id at the Pages it connected, and their tokens.  Both go at once. */
static const struct ib_err *
delete_login(struct app *app, struct req *r, const struct signed_request *s, const char **code)
{
	struct leave_order o = { .kind = LEAVE_LOGIN, .cause = LEAVE_FACEBOOK };
	const struct ib_err *err;
	int64_t n;

	if ((err = db_begin(app->db)) != NULL)
		return err;
	if ((err = end_login(app, r, s, "login_deleted", &n)) == NULL &&
	    (err = page_forget_login(app->db, s->user_id)) == NULL &&
	    (err = leaving_begin(app->db, app->keys, r->a, &o, r->now, code)) == NULL &&
	    (err = leaving_login_done(app->db, *code, n, r->now)) == NULL)
		err = db_commit(app->db);
	db_rollback(app->db);
	return err;
}

const struct ib_err *
h_facebook_deletion(struct app *app, struct req *r)
{
	const struct ib_err *err;
	struct signed_request *s;
	const char *code;
	struct json *o;

	if ((err = read_signed(app, r, &s)) != NULL)
		return err;
	if (s == NULL)
		return refuse_signed(r);
	if ((err = delete_login(app, r, s, &code)) != NULL)
		return err;
	if ((o = json_new_object()) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "deletion");
	json_set_str(o, "url", arena_printf(r->a, "%s/facebook/deletion/%s", conf_str(app->conf, CONF_BASE_URL), code));
	json_set_str(o, "confirmation_code", code);
	err = json_dump(o, false, resp_buf(r));
	json_free(o);
	return err != NULL ? err : resp_text(r, 200, "application/json", NULL, 0);
}
