/* SPDX-License-Identifier: MIT */
/*
 * frame.c - the frame around every page: language switch, signed-in person,
 * addresses of style sheet and script with a digest of their content, so that
 * they may be cached for a year and still change with the next release.
 */
#include "frame.h"
#include "pass.h"

#include "../lib/base/crypt.h"
#include "../lib/base/home.h"
#include "../lib/base/str.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The files are read once per process; a worker ends when the program is replaced. */
struct static_file {
	const char	*name;
	size_t		 field;		/* where its address stands in struct view_frame */
	char		 path[40];	/* "/static/app.css?v=..." */
};
#define FILE(name, f) { name, offsetof(struct view_frame, f), "" }
static struct static_file files[] = {
	FILE("app.css", app_css), FILE("app.js", app_js), FILE("icon.svg", icon),
	FILE("embed.js", embed_js), FILE("compose.js", compose_js), FILE("conv.js", conv_js),
	FILE("attach.js", attach_js), FILE("viewer.js", viewer_js),
	FILE("keys.js", keys_js), FILE("notify.js", notify_js),
	FILE("state.js", state_js),
	FILE("styleguide.css", guide_css), FILE("setup.css", setup_css), FILE("setup.js", setup_js),
	FILE("icon-180.png", touch_icon), FILE("inbox.en.webmanifest", manifest_en),
	FILE("inbox.ja.webmanifest", manifest_ja),
};
#undef FILE

static void
digest_file(const struct app *app, struct static_file *f)
{
	const char *dir = conf_str(app->conf, CONF_STATIC_DIR);
	uint8_t sum[32];
	char path[4096], version[9];
	struct ib_buf b;
	ssize_t n;
	char *p;
	int fd;

	snprintf(f->path, sizeof(f->path), "/static/%s", f->name);
	snprintf(path, sizeof(path), "%s/%s", home_folder(dir, HOME_STATIC), f->name);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return;
	buf_init(&b, 4 << 20);
	while ((p = buf_reserve(&b, 65536)) != NULL && (n = read(fd, p, 65536)) > 0)
		b.len += (size_t)n;
	close(fd);
	crypt_sha256(b.len > 0 ? b.p : "", b.len, sum);
	str_hex(version, sum, 4);
	snprintf(f->path, sizeof(f->path), "/static/%s?v=%s", f->name, version);
	buf_fini(&b);
}

static void
static_hrefs(const struct app *app, struct req *r, struct view_frame *v)
{
	const char *href;
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (files[i].path[0] == '\0')
			digest_file(app, &files[i]);
		href = req_below(app, r, files[i].path);
		memcpy((char *)v + files[i].field, &href, sizeof(href));
	}
}

/* Sentences after a redirect: ?notice=word. */
static const struct { const char *word; enum str_id id; bool bad; } notices[] = {
	{ "signed_out", STR_NOTICE_SIGNED_OUT, false },
	{ "cancelled", STR_NOTICE_CANCELLED, false },
	{ "retried", STR_NOTICE_RETRIED, false },
	{ "some_refused", STR_NOTICE_SOME_REFUSED, true },
	{ "saved", STR_NOTICE_SAVED, false },
	{ "draft", STR_NOTICE_DRAFT, false },
	{ "no_zone", STR_NOTICE_NO_ZONE, true },
	{ "erasing", STR_NOTICE_ERASING, false },
	{ "page_left", STR_NOTICE_PAGE_LEFT, false },
	{ "setup_kept", STR_NOTICE_SETUP_KEPT, false },
	{ "setup_kept_untried", STR_NOTICE_SETUP_KEPT_UNTRIED, true },
	{ "sync", STR_NOTICE_SYNC, false },
	{ "sync_busy", STR_NOTICE_SYNC_BUSY, false },
	{ "sync_fresh", STR_NOTICE_SYNC_FRESH, false },
	{ "sync_pause", STR_NOTICE_SYNC_PAUSE, true },
	{ "sync_page", STR_NOTICE_SYNC_PAGE, true },
};

void
frame_theme(struct view_frame *f, const char *word)
{
	f->theme_dark = str_eq(word, "dark");
	f->theme_light = str_eq(word, "light");
	f->theme_auto = !f->theme_dark && !f->theme_light;
	f->theme = f->theme_auto ? NULL : word;
	f->scheme = f->theme_auto ? "light dark" : word;
}

struct view_frame *
view_frame_make(struct app *app, struct req *r)
{
	struct view_frame *f = ARENA_NEW(r->a, struct view_frame);
	const char *word = req_query(r, "notice"), *sandbox = conf_str(app->conf, CONF_DEMO_URL), *chosen;
	size_t i;

	if (f == NULL)
		return NULL;
	f->lang = lang_code(r->lang);
	static_hrefs(app, r, f);
	if (r->session != NULL && (chosen = prefs_text(r->a, &r->session->prefs)) != NULL && *chosen != '\0')
		f->prefs = chosen;
	if (req_framed(r)) {
		f->away = "_blank";
		f->embed = pass_embed(app, r);
		return f;
	}
	frame_theme(f, r->session != NULL ? pref_word(&r->session->prefs, PREF_THEME) : req_cookie(r, "theme"));
	f->theme_action = req_below(app, r, "/theme");
	f->manifest = r->lang == LANG_JA ? f->manifest_ja : f->manifest_en;
	f->other_lang = lang_code(r->lang == LANG_EN ? LANG_JA : LANG_EN);
	f->lang_action = req_below(app, r, "/language");
	f->here = r->here;
	f->reload = req_below(app, r, r->here);
	f->csrf = req_csrf(app, r);
	f->home = req_below(app, r, r->session == NULL ? "/" : r->session->may_read ? "/inbox" : "/settings");
	f->signout_action = req_below(app, r, "/signout");
	if (r->session != NULL) {
		f->user = r->session->user_name;
		f->company = r->session->company_name;
		f->settings = req_below(app, r, "/settings");
	}
	f->sandbox = *sandbox != '\0' ? sandbox : NULL;
	for (i = 0; word != NULL && i < sizeof(notices) / sizeof(notices[0]); i++) {
		if (strcmp(word, notices[i].word) == 0) {
			f->notice = cat_str(app->cats, r->lang, notices[i].id);
			f->notice_bad = notices[i].bad;
		}
	}
	return f;
}
