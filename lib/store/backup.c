/* SPDX-License-Identifier: MIT */
/* backup.c - see backup.h. */
#include "backup.h"

#include "../base/clock.h"
#include "../base/crypt.h"
#include "../base/fault.h"
#include "../base/file.h"
#include "../base/str.h"
#include "../base/tarball.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT		"messenger-inbox backup 1"
#define SUMS_MAX	((size_t)256 << 20)
#define PIECE		((size_t)128 << 10)
#define ARENA_MAX	((size_t)1 << 20)
#define MB		(INT64_C(1) << 20)
#define ENTRY_HEAD	1024	/* of a file in an archive: its header, and what fills its last block */

/* An archive on its way into a file or out of one. */
struct pack {
	int		 fd;
	struct sealed	*seal;		/* NULL: as it is */
	struct tarball	*tar;
	struct crypt_digest *sum;
	struct ib_buf	 sums;		/* of the entries so far */
	struct arena	 a;		/* paths of one entry */
	char		*piece;
};

static const struct ib_err *
pack_init(struct pack *p)
{
	memset(p, 0, sizeof(*p));
	p->fd = -1;
	arena_init(&p->a, ARENA_MAX);
	buf_init(&p->sums, SUMS_MAX);
	if ((p->sum = crypt_digest_new()) == NULL || (p->piece = malloc(PIECE)) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "backup");
	return NULL;
}

static void
pack_fini(struct pack *p)
{
	tarball_abandon(p->tar);
	sealed_free(p->seal);
	crypt_digest_free(p->sum);
	buf_fini(&p->sums);
	arena_fini(&p->a);
	free(p->piece);
	if (p->fd >= 0)
		(void)close(p->fd);
}

/* The entry that just ended. */
static void
note_sum(struct pack *p, const char *name)
{
	uint8_t sum[32];
	char hex[65];

	crypt_digest_end(p->sum, sum);
	str_hex(hex, sum, sizeof(sum));
	buf_printf(&p->sums, "%s  %s\n", hex, name);
}

static const struct ib_err *
bad(const char *path, const char *why)
{
	return ib_fail(IB_EPARSE, IB_RETRY_NEVER, "%.150s: %s", path, why);
}

const struct ib_err *
backup_look(const char *path, enum backup_kind *kind)
{
	char head[16 + 1] = "";
	ssize_t n;
	int fd;

	*kind = BACKUP_NONE;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "%.150s: %s", path, strerror(errno));
	n = pread(fd, head, sizeof(head) - 1, 0);
	if (sealed_is(fd))
		*kind = BACKUP_SEALED;
	else if (n >= 15 && memcmp(head, "SQLite format 3", 15) == 0)
		*kind = BACKUP_DATABASE;
	else if (n >= 6 && memcmp(head, "about", 6) == 0)
		*kind = BACKUP_PLAIN;
	(void)close(fd);
	return NULL;
}

/* Counting ------------------------------------------------------------------------- */

const struct ib_err *
backup_rows(struct db *db, char rows[BACKUP_ABOUT_MAX])
{
	const struct ib_err *err;
	struct db_stmt *st;
	size_t n = 0;
	bool row;

	*rows = '\0';
	if ((err = db_query(db, ST_BACKUP_ROWS, &st, "")) != NULL)
		return err;
	while ((err = db_step(st, &row)) == NULL && row && n < BACKUP_ABOUT_MAX)
		n += (size_t)snprintf(rows + n, BACKUP_ABOUT_MAX - n, "%s %lld\n", db_col_text(st, 0), (long long)db_col_int(st, 1));
	db_release(st);
	return err;
}

const struct ib_err *
backup_files(struct db *db, const char *media, int64_t *named, int64_t *there)
{
	const struct ib_err *err;
	struct db_stmt *st;
	struct stat sb;
	bool row;
	int fd = open(media, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*named = *there = 0;
	if ((err = db_query(db, ST_BACKUP_FILES, &st, "")) == NULL) {
		while ((err = db_step(st, &row)) == NULL && row) {
			++*named;
			if (fd >= 0 && fstatat(fd, db_col_text(st, 0), &sb, AT_SYMLINK_NOFOLLOW) == 0)
				++*there;
		}
		db_release(st);
	}
	if (fd >= 0)
		(void)close(fd);
	return err;
}

/* Writing -------------------------------------------------------------------------- */

static const struct ib_err *
take_bytes(void *arg, const void *p, size_t n)
{
	struct pack *k = arg;

	return k->seal != NULL ? sealed_write(k->seal, p, n) : file_write(k->fd, p, n, "backup");
}

static const struct ib_err *
add_file(struct pack *p, const char *name, const char *path, int64_t now, bool *added)
{
	const struct ib_err *err = tarball_add_file(p->tar, name, now, path, added);

	if (err == NULL && *added)
		note_sum(p, name);
	return err;
}

static const struct ib_err *
add_text(struct pack *p, const char *name, const char *text, size_t n, int64_t now)
{
	const struct ib_err *err = tarball_add(p->tar, name, now, text, n);

	if (err == NULL)
		note_sum(p, name);
	return err;
}

/* Names of ours have no dot in front; what has one is still being written. */
static bool
name_ok(const char *name)
{
	return *name != '.' && *name != '\0' && strlen(name) < 128 &&
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] == '\0';
}

int64_t
backup_room(struct db *db, const char *media)
{
	int64_t n = 2 * db_size(db);
	struct dirent *e;
	struct stat sb;
	DIR *d;

	if ((d = opendir(media)) == NULL)
		return n;
	while ((e = readdir(d)) != NULL)
		if (name_ok(e->d_name) && fstatat(dirfd(d), e->d_name, &sb, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(sb.st_mode))
			n += sb.st_size + ENTRY_HEAD;
	(void)closedir(d);
	return n;
}

static const struct ib_err *
add_media(struct pack *p, const char *media, int64_t now, struct backup *b)
{
	const struct ib_err *err = NULL;
	struct dirent *e;
	struct stat sb;
	bool added;
	DIR *d;

	if ((d = opendir(media)) == NULL)
		return errno == ENOENT ? NULL : ib_fail(IB_ESYS, IB_RETRY_LATER, "%.150s: %s", media, strerror(errno));
	while (err == NULL && (e = readdir(d)) != NULL) {
		if (!name_ok(e->d_name) || fstatat(dirfd(d), e->d_name, &sb, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(sb.st_mode))
			continue;
		arena_reset(&p->a);
		err = add_file(p, arena_printf(&p->a, "media/%s", e->d_name), arena_printf(&p->a, "%s/%s", media, e->d_name),
		    now, &added);
		if (err == NULL && added) {
			b->files++;
			b->bytes += sb.st_size;
		}
	}
	(void)closedir(d);
	return err;
}

static const struct ib_err *
pack_all(struct pack *p, const char *copy, const char *media, int64_t now, struct backup *b)
{
	const struct ib_err *err;
	struct ib_buf about;
	struct db *db = NULL;
	bool added;

	if ((err = db_open(copy, DB_READONLY | DB_ANY_DISK, &db)) == NULL)
		err = backup_rows(db, b->rows);
	db_close(db);
	if (err != NULL)
		return err;
	buf_init(&about, 2 * (size_t)BACKUP_ABOUT_MAX);
	buf_printf(&about, FORMAT "\nprogram %s\nschema %d\nmade %s\n%s", b->program, b->schema, b->made, b->rows);
	tarball_sum(p->tar, p->sum);
	if ((err = buf_check(&about)) == NULL &&
	    (err = add_text(p, "about", buf_cstr(&about), about.len, now)) == NULL &&
	    (err = add_file(p, "inbox.db", copy, now, &added)) == NULL && (err = add_media(p, media, now, b)) == NULL &&
	    (err = buf_check(&p->sums)) == NULL)
		err = tarball_add(p->tar, "SHA256SUMS", now, buf_cstr(&p->sums), p->sums.len);
	buf_fini(&about);
	return err;
}

const struct ib_err *
backup_write(struct db *db, const char *media, const char *to, const char *passphrase, int64_t now, struct backup *b)
{
	const struct ib_err *err;
	char *copy = NULL, *part = NULL;
	int64_t size, need, left = 0;
	const char *folder;
	struct arena a;
	struct pack p;

	memset(b, 0, sizeof(*b));
	clock_iso(now, b->made);
	(void)snprintf(b->program, sizeof(b->program), "%s", PACKAGE_VERSION);
	b->schema = db_schema_version();
	arena_init(&a, ARENA_MAX);
	if ((err = pack_init(&p)) != NULL)
		goto done;
	if (access(to, F_OK) == 0) {
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "%.150s exists; it is not overwritten", to);
		goto done;
	}
	copy = arena_printf(&a, "%s.copy-", db_path(db));
	if (copy != NULL) {
		file_sweep_dead(copy);
		copy = arena_printf(&a, "%s%ld", copy, (long)getpid());
	}
	part = arena_printf(&a, "%s.part-", to);
	if (part != NULL) {
		file_sweep_dead(part);
		part = arena_printf(&a, "%s%ld", part, (long)getpid());
	}
	if (copy == NULL || part == NULL) {
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "backup");
		goto done;
	}
	(void)unlink(part);
	need = backup_room(db, media);
	if ((folder = file_folder(&a, to)) == NULL || (left = file_disk_free(folder)) <= need) {
		err = folder == NULL ? ib_fail(IB_ENOMEM, IB_RETRY_LATER, "backup") :
		    ib_fail(IB_ELIMIT, IB_RETRY_LATER, "%.150s: a backup needs %lld MB of disk, %lld MB are free", to,
		    (long long)(need / MB + 1), (long long)(left / MB));
		goto done;
	}
	if ((p.fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0) {
		err = ib_fail(IB_ESYS, IB_RETRY_LATER, "%.150s: %s", to, strerror(errno));
		goto done;
	}
	err = db_backup(db, copy);
	(void)fault(FAULT_STEP);
	if (err == NULL && (passphrase == NULL || (err = sealed_create(p.fd, passphrase, &p.seal)) == NULL) &&
	    (err = tarball_write(take_bytes, &p, &p.tar)) == NULL && (err = pack_all(&p, copy, media, now, b)) == NULL) {
		err = tarball_close(p.tar, &size);
		p.tar = NULL;
	}
	if (err == NULL && p.seal != NULL)
		err = sealed_end(p.seal);
	(void)fault(FAULT_STEP);
	if (err == NULL)
		err = file_appear(part, to);
done:
	if (part != NULL)
		(void)unlink(part);
	if (copy != NULL)
		(void)unlink(copy);
	pack_fini(&p);
	arena_fini(&a);
	return err;
}

/* Reading -------------------------------------------------------------------------- */

static const struct ib_err *
give_bytes(void *arg, const void **out, size_t *n)
{
	struct pack *p = arg;
	ssize_t got;

	if (p->seal != NULL)
		return sealed_read(p->seal, out, n);
	*out = p->piece;
	*n = 0;
	if ((got = read(p->fd, p->piece, PIECE)) < 0)
		return ib_fail(IB_ESYS, IB_RETRY_LATER, "backup: %s", strerror(errno));
	*n = (size_t)got;
	return NULL;
}

static const struct ib_err *
to_file(struct pack *p, const char *path)
{
	const struct ib_err *err = NULL;
	char bytes[32768];
	size_t n = 0;
	int fd;

	if ((fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)) < 0)
		return ib_fail(IB_ESYS, IB_RETRY_LATER, "%.150s: %s", path, strerror(errno));
	while ((err = tarball_bytes(p->tar, bytes, sizeof(bytes), &n)) == NULL && n > 0 &&
	    (err = file_write(fd, bytes, n, path)) == NULL)
		;
	if (err == NULL && fsync(fd) != 0)
		err = ib_fail(IB_ESYS, IB_RETRY_LATER, "%.150s: %s", path, strerror(errno));
	(void)close(fd);
	return err;
}

/* Only its sum is wanted. */
static const struct ib_err *
to_nothing(struct pack *p)
{
	const struct ib_err *err;
	char bytes[32768];
	size_t n = 0;

	while ((err = tarball_bytes(p->tar, bytes, sizeof(bytes), &n)) == NULL && n > 0)
		;
	return err;
}

static const struct ib_err *
to_text(struct pack *p, struct ib_buf *out)
{
	const struct ib_err *err;
	size_t n;
	char *at;

	do
		if ((at = buf_reserve(out, 32768)) == NULL)
			return buf_check(out);
		else if ((err = tarball_bytes(p->tar, at, 32768, &n)) != NULL)
			return err;
		else
			out->len += n;
	while (n > 0);
	return NULL;
}

/* "<word> <value>" of a line, into out when it fits. */
static void
word(const char *line, const char *name, char *out, size_t room)
{
	size_t n = strlen(name), len = strcspn(line, "\n");

	if (len > n && strncmp(line, name, n) == 0 && len - n < room) {
		memcpy(out, line + n, len - n);
		out[len - n] = '\0';
	}
}

static const struct ib_err *
read_about(const char *from, const char *text, struct backup *b)
{
	char schema[16] = "";
	const char *line;
	int64_t v = 0;
	int n = 0;

	if (!str_starts(text, FORMAT "\n"))
		return bad(from, "made by a newer program; use that one");
	for (line = text; n < 4 && *line != '\0'; n++) {
		word(line, "program ", b->program, sizeof(b->program));
		word(line, "schema ", schema, sizeof(schema));
		word(line, "made ", b->made, sizeof(b->made));
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	if (!str_int_in(schema, 1, INT32_MAX, &v) || strlen(line) >= sizeof(b->rows))
		return bad(from, "what it says of itself cannot be read");
	b->schema = (int)v;
	(void)snprintf(b->rows, sizeof(b->rows), "%s", line);
	return NULL;
}

/* From where, whereto, and what of it was there. */
struct unpack {
	const char	*from, *folder, *have;
	bool		 about, database, sums;
};

static const struct ib_err *
read_media(struct pack *p, const struct tarball_entry *e, const struct unpack *u)
{
	const char *path;

	if (u->have != NULL) {
		if ((path = arena_printf(&p->a, "%s/%s", u->have, e->name + 6)) == NULL)
			return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "backup");
		if (access(path, F_OK) == 0)
			return to_nothing(p);
	}
	return to_file(p, arena_printf(&p->a, "%s/%s", u->folder, e->name));
}

static const struct ib_err *
read_entry(struct pack *p, const struct tarball_entry *e, struct unpack *u, struct backup *b)
{
	const char *from = u->from;
	const struct ib_err *err;
	struct ib_buf text;

	buf_init(&text, SUMS_MAX);
	if (e->kind != TARBALL_FILE || u->sums) {
		err = bad(from, "something is in it that no backup has");
	} else if (strcmp(e->name, "SHA256SUMS") == 0) {
		if ((err = to_text(p, &text)) == NULL && (err = buf_check(&p->sums)) == NULL &&
		    (text.len != p->sums.len || memcmp(buf_cstr(&text), buf_cstr(&p->sums), text.len) != 0))
			err = bad(from, "it is damaged: what is in it is not what was written");
		u->sums = true;
	} else if (!u->about && strcmp(e->name, "about") == 0) {
		if ((err = to_text(p, &text)) == NULL)
			err = read_about(from, buf_cstr(&text), b);
		u->about = true;
	} else if (!u->database && strcmp(e->name, "inbox.db") == 0) {
		err = to_file(p, arena_printf(&p->a, "%s/inbox.db", u->folder));
		u->database = true;
	} else if (str_starts(e->name, "media/") && name_ok(e->name + 6)) {
		err = read_media(p, e, u);
		b->files++;
		b->bytes += e->size;
	} else {
		err = bad(from, "something is in it that no backup has");
	}
	buf_fini(&text);
	return err;
}

/* The end of the archive may not be the end of what was sealed. */
static const struct ib_err *
read_rest(struct pack *p)
{
	const struct ib_err *err;
	const void *rest;
	size_t n = 0;

	if (p->seal == NULL)
		return NULL;
	do
		err = sealed_read(p->seal, &rest, &n);
	while (err == NULL && n > 0);
	return err;
}

const struct ib_err *
backup_about(const char *from, struct backup *b)
{
	const struct ib_err *err;
	struct tarball_entry e;
	struct ib_buf text;
	struct pack p;
	bool more = true;

	memset(b, 0, sizeof(*b));
	buf_init(&text, SUMS_MAX);
	if ((err = pack_init(&p)) != NULL)
		goto done;
	if ((p.fd = open(from, O_RDONLY | O_CLOEXEC)) < 0)
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "%.150s: %s", from, strerror(errno));
	else if ((err = tarball_read(give_bytes, &p, &p.tar)) == NULL && (err = tarball_next(p.tar, &e, &more)) == NULL) {
		if (!more || e.kind != TARBALL_FILE || strcmp(e.name, "about") != 0)
			err = bad(from, "something is in it that no backup has");
		else if ((err = to_text(&p, &text)) == NULL)
			err = read_about(from, buf_cstr(&text), b);
	}
done:
	buf_fini(&text);
	pack_fini(&p);
	return err;
}

const struct ib_err *
backup_read(const char *from, const char *passphrase, const char *folder, const char *have, struct backup *b)
{
	struct unpack u = { .from = from, .folder = folder, .have = have };
	struct tarball_entry e;
	const struct ib_err *err;
	struct pack p;
	char *name;
	bool more = true;

	memset(b, 0, sizeof(*b));
	if ((err = pack_init(&p)) != NULL)
		goto done;
	name = arena_printf(&p.a, "%s/media", folder);
	if (name == NULL || mkdir(folder, 0700) != 0 || mkdir(name, 0700) != 0) {
		err = ib_fail(IB_ESYS, IB_RETRY_LATER, "%.150s: %s", folder, strerror(errno));
		goto done;
	}
	if ((p.fd = open(from, O_RDONLY | O_CLOEXEC)) < 0) {
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "%.150s: %s", from, strerror(errno));
		goto done;
	}
	if ((passphrase != NULL && (err = sealed_open(p.fd, passphrase, &p.seal)) != NULL) ||
	    (err = tarball_read(give_bytes, &p, &p.tar)) != NULL)
		goto done;
	while ((err = tarball_next(p.tar, &e, &more)) == NULL && more) {
		arena_reset(&p.a);
		name = arena_dup(&p.a, e.name);
		tarball_sum(p.tar, strcmp(e.name, "SHA256SUMS") != 0 ? p.sum : NULL);
		if (name == NULL)
			err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "backup");
		else if ((err = read_entry(&p, &e, &u, b)) == NULL && !u.sums)
			note_sum(&p, name);
		if (err != NULL)
			goto done;
	}
	if (err == NULL && (err = read_rest(&p)) == NULL && !(u.about && u.database && u.sums))
		err = bad(from, "it is torn: its end is missing");
done:
	pack_fini(&p);
	return err;
}
