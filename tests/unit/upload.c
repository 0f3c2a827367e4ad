/* SPDX-License-Identifier: MIT */
/* upload.c - files on their way: pieces, whose they are, replies that take them, what may be which. */
#include "../tap.h"

#include "../../lib/base/str.h"
#include "../../lib/store/outbox.h"
#include "../../lib/store/upload.h"
#include "company.h"

static int64_t thread;

static struct upload *
begin(int64_t user, const char *key, int64_t size)
{
	struct upload *u;

	must(upload_begin(db, &a, install, thread, user, key, "offer.pdf", size, NOW, &u));
	return u;
}

static struct upload *
whole(const char *key, enum fb_att type)
{
	struct upload *u = begin(maria, key, 10);

	must(upload_grew(db, u, 10));
	u->type = type;
	u->mime = "application/pdf";
	must(upload_whole(db, u));
	return u;
}

static struct upload *
found(int64_t user, const char *key)
{
	struct upload *u;

	must(upload_find(db, &a, thread, user, key, &u));
	return u;
}

static void
test_pieces(void)
{
	struct upload *u = begin(maria, "key-a", 10), *same;
	const char *file;
	char key[16];
	int64_t id;
	int i;

	ok(u != NULL && u->got == 0 && u->type == 0 && u->size == 10, "begun");
	is_str(u->file, arena_printf(&a, "u%lld-%lld", (long long)thread, (long long)u->id), "its file's name");
	must(upload_grew(db, u, 6));
	same = begin(maria, "key-a", 99);
	ok(same->id == u->id && same->got == 6 && same->size == 10, "the same key again is the same upload");
	must(upload_grew(db, u, 4));
	is_int(found(maria, "key-a")->got, 6, "what is here stays");
	u->type = FB_ATT_FILE;
	u->mime = "application/pdf";
	must(upload_whole(db, u));
	is_int(found(maria, "key-a")->type, 0, "a part of it is no file");
	must(upload_grew(db, u, 10));
	must(upload_whole(db, u));
	is_int(found(maria, "key-a")->type, FB_ATT_FILE, "all of it is");
	ok(found(maria + 1, "key-a") == NULL, "nobody else has it");
	for (i = 1; i < UPLOADS_MAX; i++) {
		snprintf(key, sizeof(key), "more-%d", i);
		(void)begin(maria, key, 1);
	}
	ok(begin(maria, "one-more", 1) == NULL, "too many");
	ok(begin(maria, "more-1", 1) != NULL, "but those that are there go on");
	ok(begin(maria + 1, "one-more", 1) != NULL, "somebody else may begin");
	must(upload_stale(db, &a, NOW, &id, &file));
	ok(file == NULL, "none is stale");
	for (i = 0; i < UPLOADS_MAX + 1; i++) {
		must(upload_stale(db, &a, NOW + 1, &id, &file));
		if (file != NULL)
			must(upload_drop(db, id));
	}
	must(upload_stale(db, &a, NOW + 1, &id, &file));
	ok(file == NULL && found(maria, "key-a") == NULL, "later all are, and go");
}

static enum outbox_refusal
reply(const char *key, const char *text, const char *const *files, size_t n, int64_t *msg)
{
	struct outbox_new new = { .install_id = install, .thread_id = thread, .user_id = maria, .key = key,
	    .parts = &text, .nparts = text != NULL, .files = files, .nfiles = n, .now = NOW };
	enum outbox_refusal ref;

	must(outbox_put(db, &a, &new, msg, &ref));
	return ref;
}

static void
test_replies(void)
{
	const char *one[] = { "file-1" }, *two[] = { "file-1", "file-2" }, *twice[] = { "file-1", "file-1" };
	struct upload *u1 = whole("file-1", FB_ATT_FILE), *u2;
	struct attachment *t;
	struct outbox *o;
	int64_t msg, again;
	size_t n;

	(void)begin(maria, "file-2", 10);
	is_int(reply("reply-key-00000001", "text", two, 2, &msg), OUTBOX_NO_FILE, "one is not whole");
	is_int(reply("reply-key-00000001", "text", twice, 2, &msg), OUTBOX_NO_FILE, "one twice");
	must(upload_drop(db, found(maria, "file-2")->id));
	is_int(reply("reply-key-00000001", "text", two, 2, &msg), OUTBOX_NO_FILE, "one is not there");
	must(outbox_lease(db, &a, NOW + 1, &o));
	ok(o == NULL && found(maria, "file-1") != NULL, "then nothing of it is");
	u2 = whole("file-2", FB_ATT_IMAGE);
	is_int(reply("reply-key-00000001", "text", two, 2, &msg), OUTBOX_OK, "all are there");
	ok(msg == u2->id && found(maria, "file-1") == NULL, "they are messages now");
	is_int(reply("reply-key-00000001", "text", two, 2, &again), OUTBOX_DUPLICATE, "the same form again");
	is_int(reply("reply-key-00000002", NULL, one, 1, &again), OUTBOX_NO_FILE, "another form with a file that was taken");
	must(message_attachments(db, &a, thread, u1->id, &t, &n));
	ok(n == 1 && str_eq(t->file, u1->file) && t->type == FB_ATT_FILE && t->size == 10 && attachment_here(t), "the file keeps its name");

	must(outbox_lease(db, &a, NOW + 1, &o));
	ok(o != NULL && o->file == NULL && str_eq(o->text, "text"), "the text goes first");
	must(db_begin(db));
	must(outbox_settle(db, o, &(struct outbox_end){ .state = OUT_SENT }, NOW));
	must(db_commit(db));
	must(outbox_lease(db, &a, NOW + 1, &o));
	ok(o != NULL && o->msg_id == u1->id && str_eq(o->file, u1->file) && str_eq(o->file_name, "offer.pdf") && o->file_size == 10, "then the files");
	must(outbox_expire(db, NOW + OUTBOX_FILE_MS - 1, &msg));
	is_int(msg, 0, "its lease is that of a file");
	must(outbox_expire(db, NOW + 1 + OUTBOX_FILE_MS, &msg));
	is_int(msg, 1, "and ends");
}

static bool
same(enum fb_att ours, const char *name, enum fb_att theirs, const char *their_name, const char *text, size_t natt)
{
	struct outbox o = { .text = "", .file = "u1-2", .file_type = ours, .file_name = name };
	struct fb_attachment t = { .type = theirs, .name = their_name };
	struct fb_event e = { .text = text, .att = &t, .natt = natt };

	return outbox_same(&a, &o, &e);
}

static void
test_evidence(void)
{
	struct outbox text = { .text = "Yes,  two" };
	struct fb_event e = { .text = "Yes, two\n" }, blank = { .text = "" };

	ok(outbox_same(&a, &text, &e), "the same words");
	text.text = "";
	ok(!outbox_same(&a, &text, &blank), "no words are no evidence");
	ok(same(FB_ATT_IMAGE, "a.png", FB_ATT_IMAGE, "image-1221", NULL, 1), "a picture, under another name");
	ok(!same(FB_ATT_IMAGE, "a.png", FB_ATT_VIDEO, "video-1", NULL, 1), "a video is no picture");
	ok(same(FB_ATT_FILE, "a.mov", FB_ATT_VIDEO, "a.mov", NULL, 1), "unless it has its name");
	ok(same(FB_ATT_FILE, "\xe8\xa6\x8b.pdf", FB_ATT_FILE, "file.pdf", NULL, 1), "a name as it was sent");
	ok(!same(FB_ATT_FILE, "a.pdf", FB_ATT_FILE, "b.pdf", NULL, 1), "another file");
	ok(same(FB_ATT_FILE, "a.pdf", FB_ATT_FILE, NULL, NULL, 1), "a file without a name");
	ok(!same(FB_ATT_IMAGE, "a.png", FB_ATT_IMAGE, NULL, "with text", 1), "a picture with words is not ours");
	ok(!same(FB_ATT_IMAGE, "a.png", FB_ATT_IMAGE, NULL, NULL, 2), "nor two at once");
}

int
main(void)
{
	struct thread_row t;

	company_open();
	must(thread_find(db, &a, install, page, "6804", NOW, &t));
	t.last_at = t.customer_at = NOW;
	must(thread_save(db, &t));
	thread = t.id;
	test_pieces();
	test_replies();
	test_evidence();
	company_close();
	return done_testing();
}
