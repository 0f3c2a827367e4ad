/* SPDX-License-Identifier: MIT */
/* handlers.h - every handler of routes.c, by file. */
#ifndef IB_HANDLERS_H
#define IB_HANDLERS_H

#include "app.h"

/* h_start.c */
IB_MUST const struct ib_err *h_start(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_language(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_theme(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_signout(struct app *app, struct req *r);
/* h_styleguide.c */
IB_MUST const struct ib_err *h_styleguide(struct app *app, struct req *r);
/* h_pipedrive.c */
IB_MUST const struct ib_err *h_connect(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_pipedrive_callback(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_visibility(struct app *app, struct req *r);
/* h_facebook.c */
IB_MUST const struct ib_err *h_connect_more(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_connect_facebook(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_facebook_callback(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_connect_pages(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_connect_import(struct app *app, struct req *r);
/* h_hook.c */
IB_MUST const struct ib_err *h_hook(struct app *app, struct req *r);
/* h_inbox.c */
IB_MUST const struct ib_err *h_inbox(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_thread(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_message(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_poll(struct app *app, struct req *r);
/* h_live.c */
IB_MUST const struct ib_err *h_news(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_keyboard(struct app *app, struct req *r);
/* h_reply.c */
IB_MUST const struct ib_err *h_reply(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_draft(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_undo(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_retry(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_dismiss(struct app *app, struct req *r);
/* h_state.c */
IB_MUST const struct ib_err *h_state(struct app *app, struct req *r);
/* h_filter.c */
IB_MUST const struct ib_err *h_filter(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_filter_save(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_filter_drop(struct app *app, struct req *r);
/* h_panel.c */
IB_MUST const struct ib_err *h_panel(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_link(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_unlink(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_write(struct app *app, struct req *r);
/* h_engine.c */
IB_MUST const struct ib_err *h_tick(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_sync(struct app *app, struct req *r);
/* h_setup.c */
IB_MUST const struct ib_err *h_setup(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_setup_pipedrive(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_setup_pipedrive_try(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_setup_facebook(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_setup_facebook_try(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_setup_sandbox(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_setup_connect(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_setup_review(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_setup_open(struct app *app, struct req *r);
/* h_health.c */
IB_MUST const struct ib_err *h_health(struct app *app, struct req *r);
/* h_security.c */
IB_MUST const struct ib_err *h_security(struct app *app, struct req *r);
/* h_monitor.c */
IB_MUST const struct ib_err *h_health_json(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_metrics(struct app *app, struct req *r);
/* h_upload.c */
IB_MUST const struct ib_err *h_upload(struct app *app, struct req *r);
/* h_media.c */
IB_MUST const struct ib_err *h_media(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_media_want(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_avatar(struct app *app, struct req *r);
/* h_follow.c */
IB_MUST const struct ib_err *h_pipedrive_hook(struct app *app, struct req *r);
/* h_settings.c */
IB_MUST const struct ib_err *h_settings(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_person(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_reader(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_transcripts(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_settings_visibility(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_retention(struct app *app, struct req *r);
/* h_export.c */
IB_MUST const struct ib_err *h_export(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_export_file(struct app *app, struct req *r);
/* h_search.c */
IB_MUST const struct ib_err *h_search(struct app *app, struct req *r);
/* h_audit.c */
IB_MUST const struct ib_err *h_audit(struct app *app, struct req *r);
/* h_leave.c */
IB_MUST const struct ib_err *h_customers(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_customer(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_leave_page(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_leave(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_receipt(struct app *app, struct req *r);
/* h_leave_out.c */
IB_MUST const struct ib_err *h_pipedrive_uninstalled(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_facebook_deauthorize(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_facebook_deletion(struct app *app, struct req *r);
/* h_shelf.c */
IB_MUST const struct ib_err *h_shelf(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_shelf_event(struct app *app, struct req *r);

/* h_embed.c */
IB_MUST const struct ib_err *h_pd_panel(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_pd_settings(struct app *app, struct req *r);
IB_MUST const struct ib_err *h_embed_panel(struct app *app, struct req *r);

#endif
