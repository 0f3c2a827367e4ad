/* SPDX-License-Identifier: MIT */
/* auth.h - signing in; see auth.c.  session_find() is declared in app.h. */
#ifndef IB_AUTH_H
#define IB_AUTH_H

#include "app.h"

struct signed_in;
struct thread;

/* What a row says of a person; the roles are looked at after the answer when that is due. */
void session_fill(struct req *r, struct session *s, const struct signed_in *who);
/*
 * Conversations of the company that were put off until now come back before
 * anybody reads them.  True: they did, and what was read of the person is old.
 */
bool session_wakes(struct app *app, const struct req *r, const struct signed_in *who);
/* A fresh session and its cookie (never a former one: no fixation).  In a transaction or not. */
IB_MUST const struct ib_err *auth_sign_in(struct app *app, struct req *r, int64_t user_id);
/*
 * The conversation that a path names, when this person may read it.  *t NULL:
 * the refusal was answered, with a way to `back` (way: catalogue key).
 */
IB_MUST const struct ib_err *thread_of_path(struct app *app, struct req *r, const char *back, const char *way,
    struct thread **t);

#endif
