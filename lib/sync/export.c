/* SPDX-License-Identifier: MIT */
/*
 * export.c - a copy of everything a company has here: one tar archive with JSON
 * for programs, pages for people, and the files.
 *
 *   index.html, index-2.html ...        contents, a thousand conversations each
 *   c12-1.html, c12-1.json, c12-2...    a conversation, newest part first
 *   files/12-3-0.jpg                    files of its messages
 *   export.json                         what this is, and how many
 *
 * A slice is one part of a conversation, or of the contents: at most 300
 * messages and their files.  Its bytes count when its row is committed
 * (store/export.h, tarball.h).  Texts are in the language and zone of whoever
 * asked for it.
 */
#include "sync.h"

#include "../base/clock.h"
#include "../base/home.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/str.h"
#include "../base/tarball.h"
#include "../store/export.h"
#include "../store/install.h"
#include "../store/message.h"
#include "../tmpl/tmpl.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


#define PART_MESSAGES	300
#define CONTENTS_ROWS	1000
#define PAGE_MAX	((size_t)8 << 20)

/* Views --------------------------------------------------------------------------- */

struct xfile { const char *href, *label; };
struct xmsg {
	const char	*time, *who, *text, *note;
	bool		 out;
	struct xfile	*files;
	size_t		 n_files;
};
struct xpart {
	const char	*lang, *customer, *page, *contents, *older, *newer;
	struct xmsg	*messages;
	size_t		 n_messages;
};
struct xrow { const char *href, *name, *page, *last, *state; };
struct xcontents {
	const char	*lang, *company, *made, *next, *before;
	struct xrow	*rows;
	size_t		 n_rows;
	bool		 empty;
};

static const struct tmpl_field xfile_f[] = { F_STR(struct xfile, href), F_STR(struct xfile, label), F_END };
static const struct tmpl_type xfile_t = { "file", sizeof(struct xfile), xfile_f };
static const struct tmpl_field xmsg_f[] = {
	F_STR(struct xmsg, time), F_STR(struct xmsg, who), F_STR(struct xmsg, text), F_STR(struct xmsg, note),
	F_BOOL(struct xmsg, out), F_LIST(struct xmsg, files, &xfile_t), F_END
};
static const struct tmpl_type xmsg_t = { "message", sizeof(struct xmsg), xmsg_f };
static const struct tmpl_field xpart_f[] = {
	F_STR(struct xpart, lang), F_STR(struct xpart, customer), F_STR(struct xpart, page),
	F_STR(struct xpart, contents), F_STR(struct xpart, older), F_STR(struct xpart, newer),
	F_LIST(struct xpart, messages, &xmsg_t), F_END
};
static const struct tmpl_type xpart_t = { "part", sizeof(struct xpart), xpart_f };
static const struct tmpl_field xrow_f[] = {
	F_STR(struct xrow, href), F_STR(struct xrow, name), F_STR(struct xrow, page), F_STR(struct xrow, last),
	F_STR(struct xrow, state), F_END
};
static const struct tmpl_type xrow_t = { "row", sizeof(struct xrow), xrow_f };
static const struct tmpl_field xcontents_f[] = {
	F_STR(struct xcontents, lang), F_STR(struct xcontents, company), F_STR(struct xcontents, made),
	F_STR(struct xcontents, next), F_STR(struct xcontents, before), F_LIST(struct xcontents, rows, &xrow_t),
	F_BOOL(struct xcontents, empty), F_END
};
static const struct tmpl_type xcontents_t = { "contents", sizeof(struct xcontents), xcontents_f };

enum { XTPL_PART, XTPL_CONTENTS, XTPL_MAX };
static const struct tmpl_decl decls[XTPL_MAX] = {
	[XTPL_PART] = { "export_part.html", &xpart_t, false },
	[XTPL_CONTENTS] = { "export_contents.html", &xcontents_t, false }
};

/* One slice ------------------------------------------------------------------------ */

struct making {
	struct sync	*s;
	struct arena	*a;
	struct export	*x;
	struct tarball	*tar;
	struct install	*in;
	enum lang	 lang;
	const char	*zone;
	int64_t		 now;
};

const char *
sync_export_dir(const struct sync *s, struct arena *a)
{
	const char *db = db_path(s->db), *slash = strrchr(db, '/'), *dir;

	dir = arena_printf(a, "%.*s/exports", slash == NULL ? 1 : (int)(slash - db), slash == NULL ? "." : db);
	if (dir != NULL && mkdir(dir, 0700) != 0 && errno != EEXIST)
		log_event(LOG_ERROR_, "export_dir", "errno", log_i(errno), NULL);
	return dir;
}

const struct ib_err *
sync_cats(struct sync *s)
{
	const char *po = conf_str(s->conf, CONF_CATALOGUES);

	return s->cats != NULL ? NULL : cats_load(home_folder(po, HOME_PO), &s->cats);
}

const char *
sync_templates(const struct sync *s)
{
	const char *pages = conf_str(s->conf, CONF_TEMPLATES);

	return home_folder(pages, HOME_TEMPLATES);
}

static const struct ib_err *
load_words(struct sync *s)
{
	const struct ib_err *err;

	if (s->tmpl != NULL)
		return NULL;
	if ((err = sync_cats(s)) != NULL)
		return err;
	return tmpl_load(sync_templates(s), s->cats, decls, XTPL_MAX, false, true,
	    &s->tmpl);
}

static const char *
moment(const struct making *m, int64_t ms)
{
	struct civil c;

	(void)clock_civil(ms, m->zone, &c);
	return arena_printf(m->a, "%04d-%02d-%02d %02d:%02d", c.year, c.month, c.day, c.hour, c.minute);
}

static const char *
say(const struct making *m, enum str_id id)
{
	return cat_str(m->s->cats, m->lang, id);
}

static const struct ib_err *
add_page(struct making *m, const char *name, size_t which, const void *view)
{
	const struct ib_err *err;
	struct ib_buf b;

	buf_init(&b, PAGE_MAX);
	if ((err = tmpl_render(m->s->tmpl, which, m->lang, view, &b)) == NULL && (err = buf_check(&b)) == NULL)
		err = tarball_add(m->tar, name, m->x->started_at, b.p, b.len);
	buf_fini(&b);
	return err;
}

static const struct ib_err *
add_json(struct making *m, const char *name, struct json *o)
{
	const struct ib_err *err;
	struct ib_buf b;

	buf_init(&b, PAGE_MAX);
	if ((err = json_dump(o, false, &b)) == NULL && (err = buf_check(&b)) == NULL)
		err = tarball_add(m->tar, name, m->x->started_at, b.p, b.len);
	buf_fini(&b);
	return err;
}

/* Files are told by their type: the usual endings, else none. */
static const char *
ending(const char *mime)
{
	static const struct { const char *mime, *end; } known[] = {
		{ "image/jpeg", ".jpg" }, { "image/png", ".png" }, { "image/gif", ".gif" }, { "image/webp", ".webp" },
		{ "video/mp4", ".mp4" }, { "audio/mpeg", ".mp3" }, { "audio/mp4", ".m4a" }, { "audio/wav", ".wav" },
		{ "application/pdf", ".pdf" }, { "text/plain", ".txt" }
	};
	size_t i;

	for (i = 0; mime != NULL && i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].mime, mime) == 0)
			return known[i].end;
	return "";
}

static const struct ib_err *
add_files(struct making *m, const struct message *msg, struct xmsg *v, struct json *list)
{
	const char *dir = sync_media_dir(m->s, m->a), *name;
	const struct ib_err *err;
	struct attachment *t;
	struct json *o;
	size_t i, n;
	bool added;

	if ((err = message_attachments(m->s->db, m->a, msg->thread_id, msg->id, &t, &n)) != NULL)
		return err;
	if ((v->files = ARENA_ARRAY(m->a, n + 1, struct xfile)) == NULL || dir == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "export");
	for (i = 0; i < n; i++) {
		if ((o = json_new_object()) == NULL)
			return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "export");
		json_set_int(o, "type", (int64_t)t[i].type);
		json_set_str(o, "title", t[i].title);
		json_set_str(o, "name", t[i].name);
		json_set_str(o, "mime", t[i].mime);
		name = NULL;
		if (attachment_here(&t[i])) {
			name = arena_printf(m->a, "files/%lld-%lld-%lld%s", (long long)t[i].thread_id,
			    (long long)t[i].msg_id, (long long)t[i].n, ending(t[i].mime));
			if ((err = tarball_add_file(m->tar, name, msg->at, arena_printf(m->a, "%s/%s", dir,
			    t[i].file), &added)) != NULL) {
				json_free(o);
				return err;
			}
			m->x->files += added;
			json_set_str(o, "file", added ? name : NULL);
			name = added ? name : NULL;
		}
		v->files[v->n_files].href = name != NULL ? arena_printf(m->a, "./%s", name) : NULL;
		v->files[v->n_files++].label = t[i].name != NULL ? t[i].name : t[i].title != NULL ? t[i].title :
		    name != NULL ? name : say(m, STR_EXPORT_FILE_GONE);
		json_add(list, o);
	}
	return NULL;
}

static const struct ib_err *
author(struct making *m, const struct message *msg, const struct export_thread *t, const char **who)
{
	const struct ib_err *err;
	struct db_stmt *st;
	bool row;

	*who = msg->dir == 0 ? t->name : t->page;
	if (msg->user_id == 0)
		return NULL;
	if ((err = db_query(m->s->db, ST_USER_NAME, &st, "i", msg->user_id)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row)
		*who = db_col_dup(st, 0, m->a);
	return db_done(st, m->a, err);
}

static const struct ib_err *
add_message(struct making *m, const struct message *msg, const struct export_thread *t, struct xmsg *v,
    struct json *list)
{
	const struct ib_err *err;
	struct json *o, *files;
	char iso[25];

	if ((o = json_new_object()) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "export");
	if ((files = json_new_array()) == NULL || (err = author(m, msg, t, &v->who)) != NULL ||
	    (msg->natt > 0 && (err = add_files(m, msg, v, files)) != NULL)) {
		json_free(files);
		json_free(o);
		return files == NULL ? ib_fail(IB_ENOMEM, IB_RETRY_LATER, "export") : err;
	}
	clock_iso(msg->at, iso);
	v->time = moment(m, msg->at);
	v->out = msg->dir != 0;
	v->text = msg->text;
	if ((msg->flags & MSG_DELETED) != 0)
		v->note = say(m, STR_EXPORT_UNSENT);
	else if (msg->state == MSG_FAILED || msg->state == MSG_CANCELLED)
		v->note = say(m, STR_EXPORT_NOT_SENT);
	else if (msg->line != 0)
		v->note = msg->detail;
	json_set_int(o, "id", msg->id);
	json_set_str(o, "at", iso);
	json_set_str(o, "direction", msg->dir == 0 ? "in" : "out");
	json_set_str(o, "by", v->who);
	json_set_str(o, "text", msg->text);
	json_set_str(o, "detail", msg->detail);
	json_set_bool(o, "sent", msg->dir == 0 || msg->state == MSG_SENT || msg->state == MSG_NONE);
	json_set_bool(o, "unsent", (msg->flags & MSG_DELETED) != 0);
	json_set_int(o, "edits", msg->edits);
	json_set_str(o, "reaction_of_customer", msg->react_in);
	json_set_str(o, "reaction_of_page", msg->react_out);
	json_set(o, "files", files);
	return json_add(list, o) ? NULL : ib_fail(IB_ENOMEM, IB_RETRY_LATER, "export");
}

static const char *
part_name(struct making *m, int64_t thread, int64_t part, const char *end)
{
	return arena_printf(m->a, "c%lld-%lld.%s", (long long)thread, (long long)part, end);
}

/* The next part of a conversation, newest first. */
static const struct ib_err *
add_part(struct making *m, const struct export_thread *t)
{
	static const char *const states[] = { "open", "done", "snoozed" };
	struct export *x = m->x;
	struct xpart v = { .lang = lang_code(m->lang), .customer = t->name, .page = t->page };
	const struct ib_err *err;
	struct message *msg;
	struct json *root, *list;
	char iso[25];
	size_t i, n;
	bool more;

	x->thread = t->id;
	if ((err = message_page(m->s->db, m->a, t->id, x->msg_at, x->msg_id, PART_MESSAGES, &msg, &n, &more)) != NULL)
		return err;
	x->part++;
	v.contents = "./index.html";
	v.older = more ? arena_printf(m->a, "./%s", part_name(m, t->id, x->part + 1, "html")) : NULL;
	v.newer = x->part > 1 ? arena_printf(m->a, "./%s", part_name(m, t->id, x->part - 1, "html")) : NULL;
	v.n_messages = n;
	if ((v.messages = ARENA_ARRAY(m->a, n + 1, struct xmsg)) == NULL || (root = json_new_object()) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "export");
	list = json_new_array();
	for (i = 0; err == NULL && i < n; i++)
		err = add_message(m, &msg[i], t, &v.messages[i], list);
	json_set_int(root, "conversation", t->id);
	json_set_str(root, "customer", t->name);
	json_set_str(root, "customer_id", t->psid);
	json_set_str(root, "page", t->page);
	json_set_str(root, "state", states[t->state]);
	if (t->until_at != 0) {
		clock_iso(t->until_at, iso);
		json_set_str(root, "snoozed_until", iso);
	}
	json_set_int(root, "part", x->part);
	json_set_bool(root, "older_parts_follow", more);
	json_set(root, "messages", list);
	if (err == NULL && (err = add_json(m, part_name(m, t->id, x->part, "json"), root)) == NULL)
		err = add_page(m, part_name(m, t->id, x->part, "html"), XTPL_PART, &v);
	json_free(root);
	if (err != NULL)
		return err;
	x->messages += (int64_t)n;
	if (more) {
		x->msg_at = msg[0].at;
		x->msg_id = msg[0].id;
	} else {
		x->threads++;
		x->after_thread = t->id;
		x->thread = x->msg_at = x->msg_id = x->part = 0;
	}
	return NULL;
}

static const char *
contents_name(struct making *m, int64_t n)
{
	return n == 1 ? "index.html" : arena_printf(m->a, "index-%lld.html", (long long)n);
}

static const struct ib_err *
add_summary(struct making *m)
{
	const struct export *x = m->x;
	const struct ib_err *err;
	struct json *o;
	char iso[25];

	if ((o = json_new_object()) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "export");
	clock_iso(x->started_at, iso);
	json_set_str(o, "company", m->in->company_name);
	json_set_str(o, "made_at", iso);
	json_set_str(o, "program", "messenger-inbox " PACKAGE_VERSION);
	json_set_int(o, "conversations", x->threads);
	json_set_int(o, "messages", x->messages);
	json_set_int(o, "files", x->files);
	err = add_json(m, "export.json", o);
	json_free(o);
	return err;
}

/* The next thousand lines of the contents; after the last, what this is. */
static const struct ib_err *
add_contents(struct making *m)
{
	struct export *x = m->x;
	struct xcontents v = { .lang = lang_code(m->lang), .company = m->in->company_name };
	const struct ib_err *err;
	struct export_thread *t;
	size_t i, n;

	if (x->contents == 0)
		x->after_thread = 0;
	x->contents++;
	if ((err = export_threads(m->s->db, m->a, x->install_id, x->after_thread, CONTENTS_ROWS + 1, &t, &n)) != NULL)
		return err;
	if ((v.rows = ARENA_ARRAY(m->a, n + 1, struct xrow)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "export");
	for (i = 0; i < n && i < CONTENTS_ROWS; i++) {
		v.rows[i].href = arena_printf(m->a, "./%s", part_name(m, t[i].id, 1, "html"));
		v.rows[i].name = t[i].name != NULL ? t[i].name : say(m, STR_EXPORT_NO_NAME);
		v.rows[i].page = t[i].page;
		v.rows[i].last = moment(m, t[i].last_at);
		if (t[i].state != THREAD_OPEN)
			v.rows[i].state = say(m, t[i].state == THREAD_DONE ? STR_LIST_DONE : STR_LIST_SNOOZED);
		x->after_thread = t[i].id;
	}
	v.n_rows = i;
	v.empty = i == 0;
	v.made = moment(m, x->started_at);
	v.next = n > CONTENTS_ROWS ? arena_printf(m->a, "./%s", contents_name(m, x->contents + 1)) : NULL;
	v.before = x->contents > 1 ? arena_printf(m->a, "./%s", contents_name(m, x->contents - 1)) : NULL;
	if ((err = add_page(m, contents_name(m, x->contents), XTPL_CONTENTS, &v)) != NULL || n > CONTENTS_ROWS)
		return err;
	x->ready = true;
	return add_summary(m);
}

static const struct ib_err *
make_slice(struct making *m)
{
	const struct ib_err *err;
	struct export_thread *t;
	struct db_stmt *st;
	bool row;
	size_t n;

	if ((err = install_get(m->s->db, m->a, m->x->install_id, &m->in)) != NULL || m->in == NULL)
		return err;
	m->zone = "UTC";
	if ((err = db_query(m->s->db, ST_USER_SPEAKS, &st, "i", m->x->user_id)) != NULL)
		return err;
	if ((err = db_step(st, &row)) == NULL && row) {
		(void)lang_parse(db_col_text(st, 0), &m->lang);
		m->zone = db_col_dup(st, 1, m->a);
	}
	if ((err = db_done(st, m->a, err)) != NULL)
		return err;
	if (m->x->contents > 0)
		return add_contents(m);
	/* The conversation under way, else the next. */
	if ((err = export_threads(m->s->db, m->a, m->x->install_id, m->x->thread > 0 ? m->x->thread - 1 :
	    m->x->after_thread, 1, &t, &n)) != NULL)
		return err;
	if (n > 0 && m->x->thread > 0 && t[0].id != m->x->thread)
		m->x->msg_at = m->x->msg_id = m->x->part = 0;	/* that one is gone meanwhile */
	return n > 0 ? add_part(m, &t[0]) : add_contents(m);
}

const struct ib_err *
sync_export_one(struct sync *s, int64_t now, bool *did)
{
	struct making m = { .s = s, .a = &s->arena, .now = now };
	const struct ib_err *err, *bad;
	const char *dir;

	*did = false;
	arena_reset(&s->arena);
	if ((err = export_claim(s->db, &s->arena, now, &m.x)) != NULL || m.x == NULL)
		return err;
	*did = true;
	if ((dir = sync_export_dir(s, &s->arena)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "export");
	if ((err = load_words(s)) == NULL && (err = tarball_open(arena_printf(&s->arena, "%s/%s.tar", dir, m.x->file),
	    m.x->size, &m.tar)) == NULL) {
		if ((err = make_slice(&m)) == NULL)
			err = tarball_close(m.tar, &m.x->size);
		else
			tarball_abandon(m.tar);
	}
	if (err == NULL)
		return export_step(s->db, m.x, clock_now());
	if ((bad = export_release(s->db, m.x->id)) != NULL)
		log_err(bad, "export");
	return err;
}

void
sync_export_sweep(struct sync *s, int64_t now)
{
	const char *db = db_path(s->db), *slash = strrchr(db, '/'), *dir;
	const struct ib_err *err;
	struct dirent *e;
	char path[4096], name[64];
	bool known;
	size_t n;
	DIR *d;

	if ((err = export_sweep(s->db, now)) != NULL) {
		log_err(err, "export_sweep");
		return;
	}
	arena_reset(&s->arena);
	dir = arena_printf(&s->arena, "%.*s/exports", slash == NULL ? 1 : (int)(slash - db), slash == NULL ? "." : db);
	if (dir == NULL || (d = opendir(dir)) == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if ((n = strlen(e->d_name)) != 36 || strcmp(e->d_name + 32, ".tar") != 0)
			continue;
		(void)snprintf(name, sizeof(name), "%.32s", e->d_name);
		if ((err = export_known(s->db, name, &known)) != NULL || known)
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) < (int)sizeof(path) && unlink(path) == 0)
			log_event(LOG_INFO_, "export_removed", NULL);
	}
	closedir(d);
}
