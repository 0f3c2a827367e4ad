/* SPDX-License-Identifier: MIT */
/*
 * views.c - the field tables of views.h and the list of templates.
 *
 * One table per struct, in the order of the header; a field that is not here
 * cannot be used in a template.  Nothing allocates, nothing fails.
 */
#include "views.h"

static const struct tmpl_field view_embed_f[] = {
	F_STR(struct view_embed, theme),
	F_STR(struct view_embed, sdk),
	F_STR(struct view_embed, renew),
	F_END
};
static const struct tmpl_type view_embed_t = { "embed", sizeof(struct view_embed), view_embed_f };

static const struct tmpl_field view_frame_f[] = {
	F_STR(struct view_frame, lang),
	F_STR(struct view_frame, other_lang),
	F_STR(struct view_frame, lang_action),
	F_STR(struct view_frame, here),
	F_STR(struct view_frame, reload),
	F_STR(struct view_frame, csrf),
	F_STR(struct view_frame, app_css),
	F_STR(struct view_frame, app_js),
	F_STR(struct view_frame, compose_js),
	F_STR(struct view_frame, keys_js),
	F_STR(struct view_frame, notify_js),
	F_STR(struct view_frame, conv_js),
	F_STR(struct view_frame, attach_js),
	F_STR(struct view_frame, viewer_js),
	F_STR(struct view_frame, state_js),
	F_STR(struct view_frame, embed_js),
	F_STR(struct view_frame, icon),
	F_STR(struct view_frame, guide_css),
	F_STR(struct view_frame, setup_css),
	F_STR(struct view_frame, setup_js),
	F_STR(struct view_frame, touch_icon),
	F_STR(struct view_frame, manifest),
	F_STR(struct view_frame, theme),
	F_STR(struct view_frame, scheme),
	F_BOOL(struct view_frame, theme_auto),
	F_BOOL(struct view_frame, theme_light),
	F_BOOL(struct view_frame, theme_dark),
	F_STR(struct view_frame, theme_action),
	F_STR(struct view_frame, home),
	F_STR(struct view_frame, user),
	F_STR(struct view_frame, company),
	F_STR(struct view_frame, settings),
	F_STR(struct view_frame, signout_action),
	F_STR(struct view_frame, sandbox),
	F_STR(struct view_frame, prefs),
	F_STR(struct view_frame, notice),
	F_BOOL(struct view_frame, notice_bad),
	F_STR(struct view_frame, away),
	F_SUB(struct view_frame, embed, &view_embed_t),
	F_END
};
static const struct tmpl_type view_frame_t = { "frame", sizeof(struct view_frame), view_frame_f };

static const struct tmpl_field view_start_f[] = {
	F_SUB(struct view_start, frame, &view_frame_t),
	F_STR(struct view_start, connect),
	F_STR(struct view_start, inbox),
	F_END
};
static const struct tmpl_type view_start_t = { "start", sizeof(struct view_start), view_start_f };

static const struct tmpl_field view_problem_f[] = {
	F_SUB(struct view_problem, frame, &view_frame_t),
	F_STR(struct view_problem, text),
	F_STR(struct view_problem, way),
	F_STR(struct view_problem, way_label),
	F_STR(struct view_problem, request_id),
	F_END
};
static const struct tmpl_type view_problem_t = { "problem", sizeof(struct view_problem), view_problem_f };

static const struct tmpl_field view_visibility_f[] = {
	F_SUB(struct view_visibility, frame, &view_frame_t),
	F_STR(struct view_visibility, company),
	F_STR(struct view_visibility, action),
	F_STR(struct view_visibility, cancel),
	F_STR(struct view_visibility, error),
	F_BOOL(struct view_visibility, is_private),
	F_BOOL(struct view_visibility, is_shared),
	F_END
};
static const struct tmpl_type view_visibility_t = { "visibility", sizeof(struct view_visibility), view_visibility_f };

static const struct tmpl_field view_facebook_f[] = {
	F_SUB(struct view_facebook, frame, &view_frame_t),
	F_STR(struct view_facebook, go),
	F_STR(struct view_facebook, cancel),
	F_STR(struct view_facebook, redirect_uri),
	F_STR(struct view_facebook, declined),
	F_END
};
static const struct tmpl_type view_facebook_t = { "facebook", sizeof(struct view_facebook), view_facebook_f };

static const struct tmpl_field view_page_choice_f[] = {
	F_STR(struct view_page_choice, id),
	F_STR(struct view_page_choice, dom_id),
	F_STR(struct view_page_choice, name),
	F_STR(struct view_page_choice, initial),
	F_STR(struct view_page_choice, picture),
	F_STR(struct view_page_choice, category),
	F_BOOL(struct view_page_choice, can),
	F_BOOL(struct view_page_choice, ticked),
	F_BOOL(struct view_page_choice, here),
	F_BOOL(struct view_page_choice, no_role),
	F_BOOL(struct view_page_choice, no_permission),
	F_BOOL(struct view_page_choice, other_company),
	F_STR(struct view_page_choice, taken_by),
	F_END
};
static const struct tmpl_type view_page_choice_t = { "page_choice", sizeof(struct view_page_choice), view_page_choice_f };

static const struct tmpl_field view_pages_f[] = {
	F_SUB(struct view_pages, frame, &view_frame_t),
	F_STR(struct view_pages, action),
	F_STR(struct view_pages, again),
	F_STR(struct view_pages, cancel),
	F_STR(struct view_pages, error),
	F_BOOL(struct view_pages, empty),
	F_BOOL(struct view_pages, none_can),
	F_LIST(struct view_pages, pages, &view_page_choice_t),
	F_END
};
static const struct tmpl_type view_pages_t = { "pages", sizeof(struct view_pages), view_pages_f };

static const struct tmpl_field view_import_page_f[] = {
	F_STR(struct view_import_page, dom_id),
	F_STR(struct view_import_page, name),
	F_STR(struct view_import_page, initial),
	F_STR(struct view_import_page, picture),
	F_BOOL(struct view_import_page, waiting),
	F_BOOL(struct view_import_page, running),
	F_BOOL(struct view_import_page, paused),
	F_BOOL(struct view_import_page, done),
	F_BOOL(struct view_import_page, failed),
	F_STR(struct view_import_page, detail),
	F_BOOL(struct view_import_page, has_total),
	F_INT(struct view_import_page, threads),
	F_INT(struct view_import_page, total),
	F_INT(struct view_import_page, messages),
	F_END
};
static const struct tmpl_type view_import_page_t = { "import_page", sizeof(struct view_import_page), view_import_page_f };

static const struct tmpl_field view_import_f[] = {
	F_SUB(struct view_import, frame, &view_frame_t),
	F_STR(struct view_import, inbox),
	F_BOOL(struct view_import, running),
	F_LIST(struct view_import, pages, &view_import_page_t),
	F_END
};
static const struct tmpl_type view_import_t = { "import", sizeof(struct view_import), view_import_f };

static const struct tmpl_field view_left_f[] = {
	F_STR(struct view_left, text),
	F_STR(struct view_left, iso),
	F_INT(struct view_left, ms),
	F_BOOL(struct view_left, soon),
	F_BOOL(struct view_left, urgent),
	F_END
};
static const struct tmpl_type view_left_t = { "left", sizeof(struct view_left), view_left_f };

static const struct tmpl_field view_row_f[] = {
	F_INT(struct view_row, id),
	F_STR(struct view_row, href),
	F_INT(struct view_row, rev),
	F_STR(struct view_row, current),
	F_STR(struct view_row, name),
	F_STR(struct view_row, initials),
	F_STR(struct view_row, picture),
	F_INT(struct view_row, tint),
	F_STR(struct view_row, who),
	F_STR(struct view_row, snippet),
	F_STR(struct view_row, time),
	F_STR(struct view_row, date),
	F_BOOL(struct view_row, unread),
	F_STR(struct view_row, count),
	F_BOOL(struct view_row, back),
	F_BOOL(struct view_row, failed),
	F_BOOL(struct view_row, draft),
	F_BOOL(struct view_row, linked),
	F_BOOL(struct view_row, marks),
	F_STR(struct view_row, page),
	F_STR(struct view_row, page_mark),
	F_INT(struct view_row, page_tint),
	F_SUB(struct view_row, left, &view_left_t),
	F_BOOL(struct view_row, end),
	F_END
};
static const struct tmpl_type view_row_t = { "row", sizeof(struct view_row), view_row_f };

static const struct tmpl_field view_sync_f[] = {
	F_STR(struct view_sync, text),
	F_BOOL(struct view_sync, stale),
	F_STR(struct view_sync, health),
	F_STR(struct view_sync, action),
	F_STR(struct view_sync, thread),
	F_END
};
static const struct tmpl_type view_sync_t = { "sync", sizeof(struct view_sync), view_sync_f };

static const struct tmpl_field view_saved_f[] = {
	F_STR(struct view_saved, name),
	F_STR(struct view_saved, href),
	F_STR(struct view_saved, current),
	F_END
};
static const struct tmpl_type view_saved_t = { "saved", sizeof(struct view_saved), view_saved_f };

static const struct tmpl_field view_list_f[] = {
	F_LIST(struct view_list, rows, &view_row_t),
	F_BOOL(struct view_list, live),
	F_INT(struct view_list, unread),
	F_STR(struct view_list, on_open),
	F_STR(struct view_list, on_unread),
	F_STR(struct view_list, on_closing),
	F_STR(struct view_list, on_snoozed),
	F_STR(struct view_list, on_done),
	F_LIST(struct view_list, saved, &view_saved_t),
	F_STR(struct view_list, filter),
	F_STR(struct view_list, query),
	F_STR(struct view_list, narrowed),
	F_STR(struct view_list, further),
	F_STR(struct view_list, looked),
	F_STR(struct view_list, older),
	F_STR(struct view_list, newest),
	F_BOOL(struct view_list, end),
	F_BOOL(struct view_list, no_pages),
	F_BOOL(struct view_list, importing),
	F_BOOL(struct view_list, empty),
	F_BOOL(struct view_list, finished),
	F_BOOL(struct view_list, none),
	F_STR(struct view_list, connect),
	F_SUB(struct view_list, sync, &view_sync_t),
	F_END
};
static const struct tmpl_type view_list_t = { "list", sizeof(struct view_list), view_list_f };

static const struct tmpl_field view_span_f[] = {
	F_STR(struct view_span, text),
	F_STR(struct view_span, href),
	F_END
};
static const struct tmpl_type view_span_t = { "span", sizeof(struct view_span), view_span_f };

static const struct tmpl_field view_quote_f[] = {
	F_STR(struct view_quote, who),
	F_STR(struct view_quote, text),
	F_STR(struct view_quote, href),
	F_END
};
static const struct tmpl_type view_quote_t = { "quote", sizeof(struct view_quote), view_quote_f };

static const struct tmpl_field view_came_f[] = {
	F_STR(struct view_came, label),
	F_STR(struct view_came, title),
	F_STR(struct view_came, facts),
	F_END
};
static const struct tmpl_type view_came_t = { "came", sizeof(struct view_came), view_came_f };

static const struct tmpl_field view_former_f[] = {
	F_STR(struct view_former, text),
	F_END
};
static const struct tmpl_type view_former_t = { "former", sizeof(struct view_former), view_former_f };

static const struct tmpl_field view_reaction_f[] = {
	F_STR(struct view_reaction, emoji),
	F_STR(struct view_reaction, who),
	F_END
};
static const struct tmpl_type view_reaction_t = { "reaction", sizeof(struct view_reaction), view_reaction_f };

static const struct tmpl_field view_att_f[] = {
	F_STR(struct view_att, label),
	F_BOOL(struct view_att, pending),
	F_BOOL(struct view_att, gone),
	F_BOOL(struct view_att, too_large),
	F_BOOL(struct view_att, away),
	F_STR(struct view_att, load),
	F_STR(struct view_att, fb),
	F_BOOL(struct view_att, image),
	F_BOOL(struct view_att, video),
	F_BOOL(struct view_att, audio),
	F_BOOL(struct view_att, file),
	F_BOOL(struct view_att, sticker),
	F_BOOL(struct view_att, location),
	F_BOOL(struct view_att, link),
	F_BOOL(struct view_att, card),
	F_BOOL(struct view_att, booking),
	F_BOOL(struct view_att, privacy),
	F_BOOL(struct view_att, other),
	F_STR(struct view_att, src),
	F_STR(struct view_att, href),
	F_STR(struct view_att, emoji),
	F_STR(struct view_att, width),
	F_STR(struct view_att, height),
	F_STR(struct view_att, alt),
	F_STR(struct view_att, name),
	F_STR(struct view_att, size),
	F_STR(struct view_att, title),
	F_STR(struct view_att, text),
	F_STR(struct view_att, host),
	F_END
};
static const struct tmpl_type view_att_t = { "att", sizeof(struct view_att), view_att_f };

static const struct tmpl_field view_msg_f[] = {
	F_INT(struct view_msg, id),
	F_INT(struct view_msg, rev),
	F_STR(struct view_msg, day),
	F_STR(struct view_msg, day_id),
	F_STR(struct view_msg, time),
	F_STR(struct view_msg, datetime),
	F_STR(struct view_msg, line),
	F_BOOL(struct view_msg, line_card),
	F_STR(struct view_msg, line_text),
	F_BOOL(struct view_msg, out),
	F_BOOL(struct view_msg, cont),
	F_STR(struct view_msg, who),
	F_BOOL(struct view_msg, external),
	F_SUB(struct view_msg, quote, &view_quote_t),
	F_BOOL(struct view_msg, has_text),
	F_BOOL(struct view_msg, big),
	F_LIST(struct view_msg, spans, &view_span_t),
	F_LIST(struct view_msg, atts, &view_att_t),
	F_BOOL(struct view_msg, deleted),
	F_BOOL(struct view_msg, edited),
	F_LIST(struct view_msg, former, &view_former_t),
	F_SUB(struct view_msg, came, &view_came_t),
	F_BOOL(struct view_msg, unsupported),
	F_STR(struct view_msg, fb),
	F_BOOL(struct view_msg, has_reactions),
	F_LIST(struct view_msg, reactions, &view_reaction_t),
	F_BOOL(struct view_msg, sending),
	F_BOOL(struct view_msg, sent),
	F_BOOL(struct view_msg, delivered),
	F_BOOL(struct view_msg, read),
	F_BOOL(struct view_msg, checking),
	F_BOOL(struct view_msg, failed),
	F_STR(struct view_msg, wait),
	F_STR(struct view_msg, undo),
	F_INT(struct view_msg, left),
	F_STR(struct view_msg, reason),
	F_STR(struct view_msg, help),
	F_STR(struct view_msg, retry),
	F_STR(struct view_msg, edit),
	F_STR(struct view_msg, dismiss),
	F_STR(struct view_msg, reconnect),
	F_STR(struct view_msg, open_fb),
	F_END
};
static const struct tmpl_type view_msg_t = { "msg", sizeof(struct view_msg), view_msg_f };

static const struct tmpl_field view_part_f[] = {
	F_STR(struct view_part, text),
	F_END
};
static const struct tmpl_type view_part_t = { "part", sizeof(struct view_part), view_part_f };

static const struct tmpl_field view_ask_f[] = {
	F_STR(struct view_ask, text),
	F_LIST(struct view_ask, parts, &view_part_t),
	F_STR(struct view_ask, name),
	F_STR(struct view_ask, value),
	F_STR(struct view_ask, label),
	F_STR(struct view_ask, confirmed),
	F_STR(struct view_ask, anyway),
	F_END
};
static const struct tmpl_type view_ask_t = { "ask", sizeof(struct view_ask), view_ask_f };

static const struct tmpl_field view_kept_file_f[] = {
	F_STR(struct view_kept_file, key),
	F_STR(struct view_kept_file, name),
	F_STR(struct view_kept_file, size),
	F_END
};
static const struct tmpl_type view_kept_file_t = { "kept_file", sizeof(struct view_kept_file), view_kept_file_f };

static const struct tmpl_field view_composer_f[] = {
	F_STR(struct view_composer, action),
	F_STR(struct view_composer, draft),
	F_STR(struct view_composer, seen),
	F_STR(struct view_composer, base),
	F_SUB(struct view_composer, ask, &view_ask_t),
	F_STR(struct view_composer, key),
	F_STR(struct view_composer, text),
	F_STR(struct view_composer, error),
	F_INT(struct view_composer, max),
	F_STR(struct view_composer, replaces),
	F_STR(struct view_composer, until),
	F_SUB(struct view_composer, left, &view_left_t),
	F_STR(struct view_composer, days),
	F_STR(struct view_composer, hours),
	F_STR(struct view_composer, minutes),
	F_BOOL(struct view_composer, plain),
	F_BOOL(struct view_composer, ad),
	F_BOOL(struct view_composer, agent),
	F_BOOL(struct view_composer, ticked),
	F_BOOL(struct view_composer, enter),
	F_LIST(struct view_composer, files, &view_kept_file_t),
	F_END
};
static const struct tmpl_type view_composer_t = { "composer", sizeof(struct view_composer), view_composer_f };

static const struct tmpl_field view_closed_f[] = {
	F_STR(struct view_closed, reason),
	F_STR(struct view_closed, since),
	F_STR(struct view_closed, advice),
	F_STR(struct view_closed, way),
	F_STR(struct view_closed, way_label),
	F_STR(struct view_closed, text),
	F_BOOL(struct view_closed, is_draft),
	F_STR(struct view_closed, error),
	F_END
};
static const struct tmpl_type view_closed_t = { "closed", sizeof(struct view_closed), view_closed_f };

static const struct tmpl_field view_crm_rec_f[] = {
	F_STR(struct view_crm_rec, dom_id),
	F_STR(struct view_crm_rec, label),
	F_STR(struct view_crm_rec, name),
	F_STR(struct view_crm_rec, href),
	F_STR(struct view_crm_rec, email),
	F_STR(struct view_crm_rec, phone),
	F_STR(struct view_crm_rec, facts),
	F_STR(struct view_crm_rec, why),
	F_STR(struct view_crm_rec, state),
	F_STR(struct view_crm_rec, kind),
	F_STR(struct view_crm_rec, id),
	F_STR(struct view_crm_rec, slot),
	F_BOOL(struct view_crm_rec, stages),
	F_END
};
static const struct tmpl_type view_crm_rec_t = { "crm_rec", sizeof(struct view_crm_rec), view_crm_rec_f };

static const struct tmpl_field view_crm_option_f[] = {
	F_STR(struct view_crm_option, value),
	F_STR(struct view_crm_option, label),
	F_BOOL(struct view_crm_option, chosen),
	F_END
};
static const struct tmpl_type view_crm_option_t = { "crm_option", sizeof(struct view_crm_option), view_crm_option_f };

static const struct tmpl_field view_crm_form_f[] = {
	F_STR(struct view_crm_form, what),
	F_STR(struct view_crm_form, key),
	F_STR(struct view_crm_form, dom_id),
	F_STR(struct view_crm_form, heading),
	F_BOOL(struct view_crm_form, open),
	F_BOOL(struct view_crm_form, work),
	F_BOOL(struct view_crm_form, stages),
	F_BOOL(struct view_crm_form, who),
	F_BOOL(struct view_crm_form, with_person),
	F_BOOL(struct view_crm_form, anyway),
	F_STR(struct view_crm_form, name),
	F_STR(struct view_crm_form, email),
	F_STR(struct view_crm_form, phone),
	F_STR(struct view_crm_form, title),
	F_STR(struct view_crm_form, value),
	F_STR(struct view_crm_form, currency),
	F_STR(struct view_crm_form, subject),
	F_STR(struct view_crm_form, date),
	F_STR(struct view_crm_form, time),
	F_STR(struct view_crm_form, text),
	F_END
};
static const struct tmpl_type view_crm_form_t = { "crm_form", sizeof(struct view_crm_form), view_crm_form_f };

static const struct tmpl_field view_crm_write_f[] = {
	F_STR(struct view_crm_write, text),
	F_BOOL(struct view_crm_write, bad),
	F_END
};
static const struct tmpl_type view_crm_write_t = { "crm_write", sizeof(struct view_crm_write), view_crm_write_f };

static const struct tmpl_field view_crm_f[] = {
	F_STR(struct view_crm, href),
	F_STR(struct view_crm, back),
	F_BOOL(struct view_crm, live),
	F_BOOL(struct view_crm, pending),
	F_STR(struct view_crm, said),
	F_STR(struct view_crm, error),
	F_STR(struct view_crm, words),
	F_STR(struct view_crm, away),
	F_STR(struct view_crm, again),
	F_STR(struct view_crm, link_action),
	F_STR(struct view_crm, unlink_action),
	F_STR(struct view_crm, write_action),
	F_LIST(struct view_crm, writes, &view_crm_write_t),
	F_LIST(struct view_crm, links, &view_crm_rec_t),
	F_BOOL(struct view_crm, none),
	F_LIST(struct view_crm, hints, &view_crm_rec_t),
	F_LIST(struct view_crm, doubles, &view_crm_rec_t),
	F_LIST(struct view_crm, open, &view_crm_rec_t),
	F_STR(struct view_crm, next),
	F_STR(struct view_crm, next_due),
	F_BOOL(struct view_crm, next_over),
	F_BOOL(struct view_crm, no_next),
	F_STR(struct view_crm, term),
	F_LIST(struct view_crm, found, &view_crm_rec_t),
	F_BOOL(struct view_crm, nothing),
	F_LIST(struct view_crm, stages, &view_crm_option_t),
	F_STR(struct view_crm, stage_key),
	F_STR(struct view_crm, stage_now),
	F_LIST(struct view_crm, new_stages, &view_crm_option_t),
	F_LIST(struct view_crm, types, &view_crm_option_t),
	F_LIST(struct view_crm, forms, &view_crm_form_t),
	F_SUB(struct view_crm, activity, &view_crm_form_t),
	F_SUB(struct view_crm, note, &view_crm_form_t),
	F_END
};
static const struct tmpl_type view_crm_t = { "crm", sizeof(struct view_crm), view_crm_f };

static const struct tmpl_field view_panel_page_f[] = {
	F_SUB(struct view_panel_page, frame, &view_frame_t),
	F_STR(struct view_panel_page, name),
	F_SUB(struct view_panel_page, crm, &view_crm_t),
	F_END
};
static const struct tmpl_type view_panel_page_t = { "panel_page", sizeof(struct view_panel_page), view_panel_page_f };

static const struct tmpl_field view_panel_f[] = {
	F_STR(struct view_panel, name),
	F_STR(struct view_panel, page),
	F_STR(struct view_panel, first_at),
	F_STR(struct view_panel, last_at),
	F_STR(struct view_panel, first_iso),
	F_STR(struct view_panel, last_iso),
	F_SUB(struct view_panel, came, &view_came_t),
	F_STR(struct view_panel, href),
	F_STR(struct view_panel, link),
	F_END
};
static const struct tmpl_type view_panel_t = { "panel", sizeof(struct view_panel), view_panel_f };

static const struct tmpl_field view_state_f[] = {
	F_STR(struct view_state, action),
	F_BOOL(struct view_state, open),
	F_STR(struct view_state, text),
	F_BOOL(struct view_state, later),
	F_BOOL(struct view_state, monday),
	F_BOOL(struct view_state, unread),
	F_STR(struct view_state, at),
	F_STR(struct view_state, error),
	F_END
};
static const struct tmpl_type view_state_t = { "state", sizeof(struct view_state), view_state_f };

static const struct tmpl_field view_conv_f[] = {
	F_INT(struct view_conv, id),
	F_STR(struct view_conv, back),
	F_STR(struct view_conv, open),
	F_BOOL(struct view_conv, reads_only),
	F_STR(struct view_conv, name),
	F_STR(struct view_conv, initials),
	F_STR(struct view_conv, picture),
	F_INT(struct view_conv, tint),
	F_STR(struct view_conv, page),
	F_STR(struct view_conv, fb),
	F_BOOL(struct view_conv, live),
	F_STR(struct view_conv, pill),
	F_STR(struct view_conv, older),
	F_STR(struct view_conv, newer),
	F_STR(struct view_conv, newest),
	F_BOOL(struct view_conv, end_start),
	F_BOOL(struct view_conv, end_facebook),
	F_BOOL(struct view_conv, end_importing),
	F_LIST(struct view_conv, messages, &view_msg_t),
	F_BOOL(struct view_conv, empty),
	F_SUB(struct view_conv, composer, &view_composer_t),
	F_SUB(struct view_conv, closed, &view_closed_t),
	F_SUB(struct view_conv, panel, &view_panel_t),
	F_SUB(struct view_conv, state, &view_state_t),
	F_END
};
static const struct tmpl_type view_conv_t = { "conv", sizeof(struct view_conv), view_conv_f };

static const struct tmpl_field view_alert_f[] = {
	F_STR(struct view_alert, text),
	F_STR(struct view_alert, who),
	F_STR(struct view_alert, way),
	F_STR(struct view_alert, way_label),
	F_END
};
static const struct tmpl_type view_alert_t = { "alert", sizeof(struct view_alert), view_alert_f };

static const struct tmpl_field view_inbox_f[] = {
	F_SUB(struct view_inbox, frame, &view_frame_t),
	F_STR(struct view_inbox, poll),
	F_STR(struct view_inbox, connected),
	F_STR(struct view_inbox, import),
	F_LIST(struct view_inbox, alerts, &view_alert_t),
	F_SUB(struct view_inbox, list, &view_list_t),
	F_SUB(struct view_inbox, conv, &view_conv_t),
	F_SUB(struct view_inbox, crm, &view_crm_t),
	F_END
};
static const struct tmpl_type view_inbox_t = { "inbox", sizeof(struct view_inbox), view_inbox_f };

static const struct tmpl_field view_check_f[] = {
	F_STR(struct view_check, name),
	F_BOOL(struct view_check, ok),
	F_BOOL(struct view_check, attention),
	F_BOOL(struct view_check, broken),
	F_STR(struct view_check, evidence),
	F_STR(struct view_check, todo),
	F_STR(struct view_check, who),
	F_STR(struct view_check, way),
	F_STR(struct view_check, way_label),
	F_END
};
static const struct tmpl_type view_check_t = { "check", sizeof(struct view_check), view_check_f };

static const struct tmpl_field view_section_f[] = {
	F_STR(struct view_section, title),
	F_LIST(struct view_section, checks, &view_check_t),
	F_END
};
static const struct tmpl_type view_section_t = { "section", sizeof(struct view_section), view_section_f };

static const struct tmpl_field view_run_f[] = {
	F_STR(struct view_run, at),
	F_STR(struct view_run, iso),
	F_STR(struct view_run, driver),
	F_STR(struct view_run, result),
	F_BOOL(struct view_run, bad),
	F_STR(struct view_run, figures),
	F_END
};
static const struct tmpl_type view_run_t = { "run", sizeof(struct view_run), view_run_f };

static const struct tmpl_field view_code_f[] = {
	F_STR(struct view_code, service),
	F_STR(struct view_code, code),
	F_STR(struct view_code, times),
	F_STR(struct view_code, at),
	F_STR(struct view_code, iso),
	F_END
};
static const struct tmpl_type view_code_t = { "code", sizeof(struct view_code), view_code_f };

static const struct tmpl_field view_health_f[] = {
	F_SUB(struct view_health, frame, &view_frame_t),
	F_STR(struct view_health, inbox),
	F_STR(struct view_health, security),
	F_STR(struct view_health, action),
	F_BOOL(struct view_health, ok),
	F_BOOL(struct view_health, attention),
	F_BOOL(struct view_health, broken),
	F_LIST(struct view_health, sections, &view_section_t),
	F_LIST(struct view_health, runs, &view_run_t),
	F_BOOL(struct view_health, some_runs),
	F_LIST(struct view_health, codes, &view_code_t),
	F_BOOL(struct view_health, some_codes),
	F_END
};
static const struct tmpl_type view_health_t = { "health", sizeof(struct view_health), view_health_f };

static const struct tmpl_field view_security_f[] = {
	F_SUB(struct view_security, frame, &view_frame_t),
	F_STR(struct view_security, health),
	F_BOOL(struct view_security, ok),
	F_BOOL(struct view_security, attention),
	F_BOOL(struct view_security, broken),
	F_LIST(struct view_security, sections, &view_section_t),
	F_END
};
static const struct tmpl_type view_security_t = { "security", sizeof(struct view_security), view_security_f };

static const struct tmpl_field view_own_page_f[] = {
	F_STR(struct view_own_page, dom_id),
	F_STR(struct view_own_page, name),
	F_BOOL(struct view_own_page, ok),
	F_STR(struct view_own_page, state),
	F_STR(struct view_own_page, by),
	F_STR(struct view_own_page, last),
	F_STR(struct view_own_page, leave),
	F_END
};
static const struct tmpl_type view_own_page_t = { "own_page", sizeof(struct view_own_page), view_own_page_f };

static const struct tmpl_field view_choice_f[] = {
	F_STR(struct view_choice, value),
	F_STR(struct view_choice, label),
	F_BOOL(struct view_choice, chosen),
	F_END
};
static const struct tmpl_type view_choice_t = { "choice", sizeof(struct view_choice), view_choice_f };

static const struct tmpl_field view_filter_f[] = {
	F_SUB(struct view_filter, frame, &view_frame_t),
	F_STR(struct view_filter, action),
	F_STR(struct view_filter, save),
	F_STR(struct view_filter, drop),
	F_STR(struct view_filter, back),
	F_STR(struct view_filter, query),
	F_LIST(struct view_filter, states, &view_choice_t),
	F_LIST(struct view_filter, pages, &view_choice_t),
	F_BOOL(struct view_filter, some_pages),
	F_LIST(struct view_filter, links, &view_choice_t),
	F_BOOL(struct view_filter, unread),
	F_BOOL(struct view_filter, failed),
	F_STR(struct view_filter, from),
	F_STR(struct view_filter, to),
	F_STR(struct view_filter, words),
	F_STR(struct view_filter, name),
	F_STR(struct view_filter, error),
	F_LIST(struct view_filter, saved, &view_saved_t),
	F_BOOL(struct view_filter, some_saved),
	F_END
};
static const struct tmpl_type view_filter_t = { "filter", sizeof(struct view_filter), view_filter_f };

static const struct tmpl_field view_pref_word_f[] = {
	F_STR(struct view_pref_word, word),
	F_STR(struct view_pref_word, label),
	F_BOOL(struct view_pref_word, chosen),
	F_END
};
static const struct tmpl_type view_pref_word_t = { "pref_word", sizeof(struct view_pref_word), view_pref_word_f };

static const struct tmpl_field view_pref_f[] = {
	F_STR(struct view_pref, name),
	F_STR(struct view_pref, label),
	F_LIST(struct view_pref, words, &view_pref_word_t),
	F_END
};
static const struct tmpl_type view_pref_t = { "pref", sizeof(struct view_pref), view_pref_f };

static const struct tmpl_field view_reader_f[] = {
	F_STR(struct view_reader, dom_id),
	F_STR(struct view_reader, name),
	F_STR(struct view_reader, email),
	F_INT(struct view_reader, id),
	F_BOOL(struct view_reader, reads_only),
	F_END
};
static const struct tmpl_type view_reader_t = { "reader", sizeof(struct view_reader), view_reader_f };

static const struct tmpl_field view_settings_f[] = {
	F_SUB(struct view_settings, frame, &view_frame_t),
	F_STR(struct view_settings, inbox),
	F_STR(struct view_settings, company),
	F_STR(struct view_settings, owner),
	F_BOOL(struct view_settings, shared),
	F_BOOL(struct view_settings, is_private),
	F_BOOL(struct view_settings, reads),
	F_BOOL(struct view_settings, keeper),
	F_STR(struct view_settings, visibility),
	F_LIST(struct view_settings, pages, &view_own_page_t),
	F_BOOL(struct view_settings, no_pages),
	F_STR(struct view_settings, more),
	F_STR(struct view_settings, health),
	F_STR(struct view_settings, retention),
	F_STR(struct view_settings, customers),
	F_STR(struct view_settings, export),
	F_STR(struct view_settings, audit),
	F_STR(struct view_settings, remove),
	F_STR(struct view_settings, retention_is),
	F_STR(struct view_settings, transcripts),
	F_BOOL(struct view_settings, logs),
	F_BOOL(struct view_settings, logs_not),
	F_STR(struct view_settings, settings),
	F_STR(struct view_settings, person),
	F_BOOL(struct view_settings, is_en),
	F_BOOL(struct view_settings, is_ja),
	F_STR(struct view_settings, zone),
	F_STR(struct view_settings, zone_now),
	F_LIST(struct view_settings, prefs, &view_pref_t),
	F_STR(struct view_settings, reader),
	F_LIST(struct view_settings, readers, &view_reader_t),
	F_END
};
static const struct tmpl_type view_settings_t = { "settings", sizeof(struct view_settings), view_settings_f };

static const struct tmpl_field view_line_f[] = {
	F_STR(struct view_line, text),
	F_END
};
static const struct tmpl_type view_line_t = { "line", sizeof(struct view_line), view_line_f };

static const struct tmpl_field view_leave_f[] = {
	F_SUB(struct view_leave, frame, &view_frame_t),
	F_BOOL(struct view_leave, all),
	F_BOOL(struct view_leave, page),
	F_BOOL(struct view_leave, customer),
	F_STR(struct view_leave, name),
	F_LIST(struct view_leave, lines, &view_line_t),
	F_STR(struct view_leave, action),
	F_STR(struct view_leave, cancel),
	F_STR(struct view_leave, export),
	F_BOOL(struct view_leave, choice),
	F_STR(struct view_leave, keep_until),
	F_END
};
static const struct tmpl_type view_leave_t = { "leave", sizeof(struct view_leave), view_leave_f };

static const struct tmpl_field view_setup_step_f[] = {
	F_INT(struct view_setup_step, n),
	F_STR(struct view_setup_step, name),
	F_STR(struct view_setup_step, href),
	F_STR(struct view_setup_step, here),
	F_BOOL(struct view_setup_step, ok),
	F_STR(struct view_setup_step, state),
	F_END
};
static const struct tmpl_type view_setup_step_t = { "setup_step", sizeof(struct view_setup_step), view_setup_step_f };

static const struct tmpl_field view_copy_f[] = {
	F_STR(struct view_copy, label),
	F_STR(struct view_copy, value),
	F_STR(struct view_copy, dom_id),
	F_END
};
static const struct tmpl_type view_copy_t = { "copy", sizeof(struct view_copy), view_copy_f };

static const struct tmpl_field view_copies_f[] = {
	F_STR(struct view_copies, title),
	F_STR(struct view_copies, hint),
	F_LIST(struct view_copies, copies, &view_copy_t),
	F_END
};
static const struct tmpl_type view_copies_t = { "copies", sizeof(struct view_copies), view_copies_f };

static const struct tmpl_field view_permission_f[] = {
	F_STR(struct view_permission, name),
	F_STR(struct view_permission, dom_id),
	F_STR(struct view_permission, screen),
	F_STR(struct view_permission, use),
	F_STR(struct view_permission, shots),
	F_STR(struct view_permission, call),
	F_END
};
static const struct tmpl_type view_permission_t = { "permission", sizeof(struct view_permission), view_permission_f };

static const struct tmpl_field view_setup_f[] = {
	F_SUB(struct view_setup, frame, &view_frame_t),
	F_STR(struct view_setup, until),
	F_LIST(struct view_setup, steps, &view_setup_step_t),
	F_LIST(struct view_setup, checks, &view_check_t),
	F_BOOL(struct view_setup, all_ok),
	F_STR(struct view_setup, next),
	F_STR(struct view_setup, next_name),
	F_LIST(struct view_setup, groups, &view_copies_t),
	F_LIST(struct view_setup, permissions, &view_permission_t),
	F_STR(struct view_setup, action),
	F_STR(struct view_setup, again),
	F_STR(struct view_setup, end),
	F_STR(struct view_setup, error),
	F_BOOL(struct view_setup, has_pipedrive),
	F_BOOL(struct view_setup, has_facebook),
	F_BOOL(struct view_setup, has_jwt),
	F_BOOL(struct view_setup, human_agent),
	F_STR(struct view_setup, client_id),
	F_STR(struct view_setup, app_id),
	F_STR(struct view_setup, config_id),
	F_STR(struct view_setup, file),
	F_STR(struct view_setup, start),
	F_STR(struct view_setup, connect),
	F_STR(struct view_setup, sandbox),
	F_BOOL(struct view_setup, sandbox_on),
	F_BOOL(struct view_setup, sandbox_free),
	F_BOOL(struct view_setup, erasing),
	F_STR(struct view_setup, command),
	F_END
};
static const struct tmpl_type view_setup_t = { "setup", sizeof(struct view_setup), view_setup_f };

static const struct tmpl_field view_receipt_f[] = {
	F_SUB(struct view_receipt, frame, &view_frame_t),
	F_STR(struct view_receipt, code),
	F_BOOL(struct view_receipt, all),
	F_BOOL(struct view_receipt, page),
	F_BOOL(struct view_receipt, customer),
	F_BOOL(struct view_receipt, login),
	F_BOOL(struct view_receipt, keeping),
	F_BOOL(struct view_receipt, erasing),
	F_BOOL(struct view_receipt, waiting),
	F_BOOL(struct view_receipt, done),
	F_BOOL(struct view_receipt, returned),
	F_STR(struct view_receipt, started),
	F_STR(struct view_receipt, started_iso),
	F_STR(struct view_receipt, keep_until),
	F_STR(struct view_receipt, ended),
	F_LIST(struct view_receipt, lines, &view_line_t),
	F_STR(struct view_receipt, start),
	F_END
};
static const struct tmpl_type view_receipt_t = { "receipt", sizeof(struct view_receipt), view_receipt_f };

static const struct tmpl_field view_found_f[] = {
	F_STR(struct view_found, dom_id),
	F_STR(struct view_found, name),
	F_STR(struct view_found, page),
	F_STR(struct view_found, last),
	F_STR(struct view_found, href),
	F_END
};
static const struct tmpl_type view_found_t = { "found", sizeof(struct view_found), view_found_f };

static const struct tmpl_field view_customers_f[] = {
	F_SUB(struct view_customers, frame, &view_frame_t),
	F_STR(struct view_customers, action),
	F_STR(struct view_customers, q),
	F_BOOL(struct view_customers, asked),
	F_BOOL(struct view_customers, none),
	F_BOOL(struct view_customers, more),
	F_LIST(struct view_customers, found, &view_found_t),
	F_STR(struct view_customers, back),
	F_END
};
static const struct tmpl_type view_customers_t = { "customers", sizeof(struct view_customers), view_customers_f };

static const struct tmpl_field view_retention_f[] = {
	F_SUB(struct view_retention, frame, &view_frame_t),
	F_STR(struct view_retention, action),
	F_STR(struct view_retention, days),
	F_STR(struct view_retention, error),
	F_STR(struct view_retention, now),
	F_STR(struct view_retention, preview),
	F_STR(struct view_retention, preview_days),
	F_STR(struct view_retention, back),
	F_END
};
static const struct tmpl_type view_retention_t = { "retention", sizeof(struct view_retention), view_retention_f };

static const struct tmpl_field view_audit_line_f[] = {
	F_STR(struct view_audit_line, at),
	F_STR(struct view_audit_line, iso),
	F_STR(struct view_audit_line, what),
	F_STR(struct view_audit_line, who),
	F_STR(struct view_audit_line, detail),
	F_END
};
static const struct tmpl_type view_audit_line_t = { "audit_line", sizeof(struct view_audit_line), view_audit_line_f };

static const struct tmpl_field view_audit_f[] = {
	F_SUB(struct view_audit, frame, &view_frame_t),
	F_STR(struct view_audit, action),
	F_LIST(struct view_audit, whats, &view_choice_t),
	F_LIST(struct view_audit, people, &view_choice_t),
	F_STR(struct view_audit, from),
	F_STR(struct view_audit, to),
	F_LIST(struct view_audit, lines, &view_audit_line_t),
	F_BOOL(struct view_audit, none),
	F_STR(struct view_audit, older),
	F_STR(struct view_audit, back),
	F_END
};
static const struct tmpl_type view_audit_t = { "audit", sizeof(struct view_audit), view_audit_f };

static const struct tmpl_field view_piece_f[] = {
	F_STR(struct view_piece, text),
	F_BOOL(struct view_piece, hit),
	F_END
};
static const struct tmpl_type view_piece_t = { "piece", sizeof(struct view_piece), view_piece_f };

static const struct tmpl_field view_hit_f[] = {
	F_STR(struct view_hit, href),
	F_STR(struct view_hit, who),
	F_STR(struct view_hit, time),
	F_STR(struct view_hit, date),
	F_LIST(struct view_hit, pieces, &view_piece_t),
	F_END
};
static const struct tmpl_type view_hit_t = { "hit", sizeof(struct view_hit), view_hit_f };

static const struct tmpl_field view_group_f[] = {
	F_SUB(struct view_group, row, &view_row_t),
	F_LIST(struct view_group, hits, &view_hit_t),
	F_END
};
static const struct tmpl_type view_group_t = { "group", sizeof(struct view_group), view_group_f };

static const struct tmpl_field view_search_f[] = {
	F_SUB(struct view_search, frame, &view_frame_t),
	F_STR(struct view_search, action),
	F_STR(struct view_search, back),
	F_STR(struct view_search, q),
	F_STR(struct view_search, from),
	F_STR(struct view_search, to),
	F_LIST(struct view_search, pages, &view_choice_t),
	F_BOOL(struct view_search, filtered),
	F_BOOL(struct view_search, too_long),
	F_BOOL(struct view_search, often),
	F_BOOL(struct view_search, asked),
	F_BOOL(struct view_search, none),
	F_BOOL(struct view_search, building),
	F_BOOL(struct view_search, partial),
	F_LIST(struct view_search, names, &view_row_t),
	F_LIST(struct view_search, groups, &view_group_t),
	F_STR(struct view_search, older),
	F_STR(struct view_search, further),
	F_END
};
static const struct tmpl_type view_search_t = { "search", sizeof(struct view_search), view_search_f };

static const struct tmpl_field view_export_f[] = {
	F_STR(struct view_export, at),
	F_STR(struct view_export, until),
	F_BOOL(struct view_export, ready),
	F_STR(struct view_export, figures),
	F_STR(struct view_export, size),
	F_STR(struct view_export, href),
	F_END
};
static const struct tmpl_type view_export_t = { "export", sizeof(struct view_export), view_export_f };

static const struct tmpl_field view_exports_f[] = {
	F_SUB(struct view_exports, frame, &view_frame_t),
	F_STR(struct view_exports, action),
	F_BOOL(struct view_exports, building),
	F_BOOL(struct view_exports, none),
	F_LIST(struct view_exports, exports, &view_export_t),
	F_STR(struct view_exports, back),
	F_END
};
static const struct tmpl_type view_exports_t = { "exports", sizeof(struct view_exports), view_exports_f };

static const struct tmpl_field view_linked_f[] = {
	F_SUB(struct view_linked, frame, &view_frame_t),
	F_STR(struct view_linked, inbox),
	F_BOOL(struct view_linked, none),
	F_LIST(struct view_linked, rows, &view_row_t),
	F_END
};
static const struct tmpl_type view_linked_t = { "linked", sizeof(struct view_linked), view_linked_f };

static const struct tmpl_field view_guide_state_f[] = {
	F_STR(struct view_guide_state, title),
	F_STR(struct view_guide_state, text),
	F_STR(struct view_guide_state, href),
	F_END
};
static const struct tmpl_type view_guide_state_t = { "guide_state", sizeof(struct view_guide_state), view_guide_state_f };

static const struct tmpl_field view_guide_group_f[] = {
	F_STR(struct view_guide_group, title),
	F_LIST(struct view_guide_group, states, &view_guide_state_t),
	F_END
};
static const struct tmpl_type view_guide_group_t = { "guide_group", sizeof(struct view_guide_group), view_guide_group_f };

static const struct tmpl_field view_guide_f[] = {
	F_SUB(struct view_guide, frame, &view_frame_t),
	F_LIST(struct view_guide, groups, &view_guide_group_t),
	F_END
};
static const struct tmpl_type view_guide_t = { "guide", sizeof(struct view_guide), view_guide_f };

static const struct tmpl_field view_poll_f[] = {
	F_SUB(struct view_poll, frame, &view_frame_t),
	F_SUB(struct view_poll, list, &view_list_t),
	F_SUB(struct view_poll, conv, &view_conv_t),
	F_END
};
static const struct tmpl_type view_poll_t = { "poll", sizeof(struct view_poll), view_poll_f };

static const struct tmpl_field view_shelf_event_f[] = {
	F_STR(struct view_shelf_event, dom_id),
	F_STR(struct view_shelf_event, at),
	F_STR(struct view_shelf_event, iso),
	F_STR(struct view_shelf_event, page),
	F_STR(struct view_shelf_event, why),
	F_STR(struct view_shelf_event, size),
	F_INT(struct view_shelf_event, tries),
	F_BOOL(struct view_shelf_event, tried),
	F_STR(struct view_shelf_event, program),
	F_STR(struct view_shelf_event, download),
	F_END
};
static const struct tmpl_type view_shelf_event_t = { "shelf_event", sizeof(struct view_shelf_event), view_shelf_event_f };

static const struct tmpl_field view_shelf_f[] = {
	F_SUB(struct view_shelf, frame, &view_frame_t),
	F_STR(struct view_shelf, inbox),
	F_BOOL(struct view_shelf, empty),
	F_INT(struct view_shelf, total),
	F_BOOL(struct view_shelf, more),
	F_LIST(struct view_shelf, events, &view_shelf_event_t),
	F_END
};
static const struct tmpl_type view_shelf_t = { "shelf", sizeof(struct view_shelf), view_shelf_f };

static const struct tmpl_field view_keyboard_f[] = {
	F_SUB(struct view_keyboard, frame, &view_frame_t),
	F_STR(struct view_keyboard, inbox),
	F_STR(struct view_keyboard, settings),
	F_END
};
static const struct tmpl_type view_keyboard_t = { "keyboard", sizeof(struct view_keyboard), view_keyboard_f };

static const struct tmpl_field view_news_f[] = {
	F_INT(struct view_news, rev),
	F_STR(struct view_news, title),
	F_STR(struct view_news, text),
	F_STR(struct view_news, href),
	F_END
};
static const struct tmpl_type view_news_t = { "news", sizeof(struct view_news), view_news_f };

const struct tmpl_decl tpl_decls[TPL_MAX] = {
	[TPL_START] =			{ "start.html", &view_start_t, false },
	[TPL_CONNECT_VISIBILITY] =	{ "connect_visibility.html", &view_visibility_t, false },
	[TPL_CONNECT_FACEBOOK] =	{ "connect_facebook.html", &view_facebook_t, false },
	[TPL_CONNECT_PAGES] =		{ "connect_pages.html", &view_pages_t, false },
	[TPL_CONNECT_IMPORT] =		{ "connect_import.html", &view_import_t, false },
	[TPL_INBOX] =			{ "inbox.html", &view_inbox_t, false },
	[TPL_POLL] =			{ "poll.html", &view_poll_t, true },
	[TPL_PROBLEM] =			{ "problem.html", &view_problem_t, false },
	[TPL_SHELF] =			{ "shelf.html", &view_shelf_t, false },
	[TPL_HEALTH] =			{ "health.html", &view_health_t, false },
	[TPL_SECURITY] =		{ "security.html", &view_security_t, false },
	[TPL_SETTINGS] =		{ "settings.html", &view_settings_t, false },
	[TPL_LEAVE] =			{ "leave.html", &view_leave_t, false },
	[TPL_RECEIPT] =			{ "receipt.html", &view_receipt_t, false },
	[TPL_SETUP] =			{ "setup.html", &view_setup_t, false },
	[TPL_SETUP_PIPEDRIVE] =		{ "setup_pipedrive.html", &view_setup_t, false },
	[TPL_SETUP_FACEBOOK] =		{ "setup_facebook.html", &view_setup_t, false },
	[TPL_SETUP_CONNECT] =		{ "setup_connect.html", &view_setup_t, false },
	[TPL_SETUP_REVIEW] =		{ "setup_review.html", &view_setup_t, false },
	[TPL_SETUP_SANDBOX] =		{ "setup_sandbox.html", &view_setup_t, false },
	[TPL_CUSTOMERS] =		{ "customers.html", &view_customers_t, false },
	[TPL_RETENTION] =		{ "retention.html", &view_retention_t, false },
	[TPL_AUDIT] =			{ "audit.html", &view_audit_t, false },
	[TPL_SEARCH] =			{ "search.html", &view_search_t, false },
	[TPL_EXPORT] =			{ "export.html", &view_exports_t, false },
	[TPL_EMBED] =			{ "embed.html", &view_inbox_t, false },
	[TPL_EMBED_CHOICE] =		{ "embed_choice.html", &view_linked_t, false },
	[TPL_EMBED_SETTINGS] =		{ "embed_settings.html", &view_settings_t, false },
	[TPL_EMBED_NOTE] =		{ "embed_note.html", &view_problem_t, false },
	[TPL_PANEL] =			{ "panel.html", &view_panel_page_t, false },
	[TPL_KEYBOARD] =			{ "keyboard.html", &view_keyboard_t, false },
	[TPL_NEWS] =			{ "news.html", &view_news_t, true },
	[TPL_FILTER] =			{ "filter.html", &view_filter_t, false },
	[TPL_STYLEGUIDE] =		{ "styleguide.html", &view_guide_t, false },
};
