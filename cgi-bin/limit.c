/* SPDX-License-Identifier: MIT */
/*
 * limit.c - how often one address or one company may do what costs much or
 * could be guessed: settings limit.*, counted by rate.h.
 *
 * The address is what the web server says, REMOTE_ADDR; behind a proxy the
 * server has to be told to put the visitor's there.  Without one nobody is
 * limited by address: all would share one account.
 */
#include "app.h"

#include "../lib/base/rate.h"

#include <stdio.h>

/* What a route may demand, and the settings it means. */
static const struct { unsigned need; enum conf_key address, company; } limits[] = {
	{ LIMIT_SIGN_IN, CONF_LIMIT_SIGN_IN, CONF_MAX },	/* its company is known at the end: h_pipedrive.c */
	{ LIMIT_TICK, CONF_LIMIT_TICK, CONF_MAX },		/* of the whole server */
	{ LIMIT_SEARCH, CONF_LIMIT_SEARCH, CONF_LIMIT_SEARCH_COMPANY }
};

static bool
allowed(struct app *app, struct req *r, enum conf_key limit, const char *who)
{
	char seconds[16];
	int wait;

	if (rate_ok(app->rate, limit, who, r->now, &wait))
		return true;
	(void)snprintf(seconds, sizeof(seconds), "%d", wait);
	resp_header(r, "Retry-After", seconds);
	return false;
}

bool
limit_address(struct app *app, struct req *r, enum conf_key limit)
{
	char who[48];

	return !rate_address(req_header(r, "REMOTE_ADDR"), who) || allowed(app, r, limit, who);
}

bool
limit_company(struct app *app, struct req *r, enum conf_key limit, int64_t company)
{
	char who[32];

	(void)snprintf(who, sizeof(who), "company %lld", (long long)company);
	return allowed(app, r, limit, who);
}

const struct ib_err *
limit_refuse(struct app *app, struct req *r)
{
	return resp_problem(app, r, 429, "problem.often_company");
}

bool
limit_route(struct app *app, struct req *r, bool by_company, const struct ib_err **err)
{
	enum conf_key limit;
	size_t i;

	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if ((r->route->need & limits[i].need) == 0)
			continue;
		limit = by_company ? limits[i].company : limits[i].address;
		if (by_company ? limit == CONF_MAX || r->session == NULL ||
		    limit_company(app, r, limit, r->session->install_id) : limit_address(app, r, limit))
			continue;
		*err = by_company ? limit_refuse(app, r) : resp_problem(app, r, 429, "problem.often");
		return false;
	}
	return true;
}
