/* SPDX-License-Identifier: MIT */
/*
 * ctl_setup.c - inboxctl setup: from an unpacked archive or `make install` to an
 * inbox that answers.
 *
 *   setup [--check] [--answers FILE]
 *   setup --link
 *   setup --web             only what lies in the web folder: after an upgrade
 *
 * Says what kind of place this is, asks four things, makes what is missing and
 * proves by calls to the public address that it works.  It writes into the two
 * folders of the installation (home.h) and into one web folder; it overwrites there only what it wrote itself,
 * refuses a folder that holds something else, and deletes nothing.  Run again, it
 * repairs, or says that there is nothing to change.  With --check it changes
 * nothing and asks nothing; with --link it does nothing but print another one-time
 * link to the set-up in the browser.
 *
 * Exit codes: 0 all is well, 1 something is not (or would be changed), 2 usage.
 */
#include "ctl.h"
#include "ctl_setup.h"

#include "../lib/base/clock.h"
#include "../lib/base/crypt.h"
#include "../lib/base/home.h"
#include "../lib/base/str.h"
#include "../lib/store/setup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX	((size_t)4 << 20)
#define LINE_MAX_	1024
#define NO_FOLDER	"-"
#define TIMER		"messenger-inbox-sync.timer"
#define MARK		"inboxctl setup"	/* stands in every file that we put into a web folder */

/* What people see ------------------------------------------------------------------ */

static void
line(const struct setup *s, enum str_id mark, const char *text)
{
	printf("%s %s\n", cat_str(s->cats, s->lang, mark), text != NULL ? text : "");
}

void
setup_fine(struct setup *s, const char *what)
{
	line(s, STR_SETUP_MARK_OK, what);
}

void
setup_note(const struct setup *s, const char *what)
{
	line(s, STR_SETUP_MARK_NOTE, what);
}

void
setup_wrong(struct setup *s, const char *what, const char *found, const char *fix)
{
	s->wrong++;
	line(s, STR_SETUP_MARK_WRONG, what);
	printf("       %s\n", SETUP_SAY(s, STR_SETUP_EVIDENCE, "found", found, NULL));
	printf("       %s\n", SETUP_SAY(s, STR_SETUP_FIX, "fix", fix, NULL));
}

/* `path` was made or changed, or would be. */
static void
changed(struct setup *s, enum str_id id, const char *path)
{
	if (s->check)
		s->open++;
	else
		s->made++;
	line(s, s->check ? STR_SETUP_MARK_OPEN : STR_SETUP_MARK_MADE, SETUP_SAY(s, id, "path", path, NULL));
}

static void
failed(struct setup *s, const char *path)
{
	setup_wrong(s, SETUP_SAY(s, STR_SETUP_WRITE, "path", path, NULL), strerror(errno), SETUP_SAY(s, STR_SETUP_WRITE_FIX, NULL));
}

static const char *
below(const struct setup *s, const char *folder, const char *name)
{
	char *p = cat_fill(s->a, "{folder}/{name}", "folder", folder, "name", name, NULL);

	return p != NULL ? p : "";
}

/* Files ---------------------------------------------------------------------------- */

/* The content of a file of at most FILE_MAX bytes; false: errno says why. */
static bool
read_file(const char *path, struct ib_buf *out)
{
	ssize_t n = 0;
	char *p;
	int fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return false;
	while ((p = buf_reserve(out, 65536)) != NULL && (n = read(fd, p, 65536)) > 0)
		out->len += (size_t)n;
	(void)close(fd);
	return n == 0 && buf_check(out) == NULL;
}

static bool
write_file(const char *path, const char *temp, mode_t mode, const char *p, size_t n)
{
	ssize_t put = 0;
	int fd, why;

	if ((fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)) < 0)
		return false;
	/* A disk that is nearly full takes a part; only the next write says why. */
	for (; n > 0 && (put = write(fd, p, n)) >= 0; n -= (size_t)put)
		p += put;
	if (put >= 0 && fchmod(fd, mode) == 0 && fsync(fd) == 0 && rename(temp, path) == 0)
		return close(fd) == 0;
	why = errno;
	(void)close(fd);
	(void)unlink(temp);
	errno = why;
	return false;
}

/* A file with this content and mode. */
static bool
put_file(struct setup *s, const char *path, mode_t mode, const char *p, size_t n)
{
	struct ib_buf now;
	struct stat st;
	bool same, good = true;
	char *temp;

	buf_init(&now, FILE_MAX);
	same = read_file(path, &now) && now.len == n && memcmp(buf_cstr(&now), p, n) == 0 &&
	    stat(path, &st) == 0 && (st.st_mode & 07777) == mode;
	buf_fini(&now);
	if (same)
		return true;
	if (!s->check) {
		temp = cat_fill(s->a, "{path}.new", "path", path, NULL);
		good = temp != NULL && write_file(path, temp, mode, p, n);
	}
	if (good)
		changed(s, STR_SETUP_FILE, path);
	else
		failed(s, path);
	return good;
}

/* A folder with this mode.  MODE_ANY: one that is there may have any, and may be shared with others. */
#define MODE_ANY	((mode_t)0)

static bool
put_folder(struct setup *s, const char *path, mode_t mode)
{
	struct stat st;

	if (stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode) && (mode == MODE_ANY || (st.st_mode & 0777) == mode))
			return true;
		if (!S_ISDIR(st.st_mode)) {
			errno = ENOTDIR;
			failed(s, path);
			return false;
		}
	}
	/* chmod(2) besides: the umask is for secrets, and a web server is somebody else. */
	if (!s->check && ((mkdir(path, 0700) != 0 && errno != EEXIST) || chmod(path, mode == MODE_ANY ? 0755 : mode) != 0)) {
		failed(s, path);
		return false;
	}
	changed(s, STR_SETUP_FOLDER, path);
	return true;
}

/* A secret file that others may read, or write, gets its mode back. */
static void
close_file(struct setup *s, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0 || (st.st_mode & 077) == 0)
		return;
	if (!s->check && chmod(path, 0600) != 0)
		failed(s, path);
	else
		changed(s, STR_SETUP_CLOSED, path);
}

/* Answers -------------------------------------------------------------------------- */

static const struct { const char *name; enum str_id ask, bad; } asked[ANSWERS] = {
	[A_ADDRESS] = { "address", STR_SETUP_ASK_ADDRESS, STR_SETUP_BAD_ADDRESS },
	[A_LANGUAGE] = { "language", STR_SETUP_ASK_LANGUAGE, STR_SETUP_BAD_LANGUAGE },
	[A_MAIL] = { "mail", STR_SETUP_ASK_MAIL, STR_SETUP_BAD_MAIL },
	[A_WEB] = { "web_folder", STR_SETUP_ASK_WEB, STR_SETUP_BAD_WEB },
	[A_CRON] = { "cron", STR_SETUP_ASK_CRON, STR_SETUP_BAD_CRON },
};

static bool
plain_path(const char *v)
{
	return *v == '/' && strlen(v) < PATH_MAX - 64 && strpbrk(v, "'\"\\\n") == NULL && strstr(v, "/../") == NULL;
}

static bool
answer_ok(enum answer which, const char *v)
{
	enum lang lang;
	const char *at;

	switch (which) {
	case A_ADDRESS:
		return url_is_web(v, false) && (url_is_web(v, true) || url_is_loopback(v)) && strpbrk(v, "?# '\"") == NULL;
	case A_LANGUAGE:
		return lang_parse(v, &lang);
	case A_MAIL:
		return (at = strchr(v, '@')) != NULL && at != v && strchr(at + 1, '.') != NULL && strpbrk(v, " <>\"") == NULL;
	case A_WEB:
		return strcmp(v, NO_FOLDER) == 0 || plain_path(v);
	default:
		return strcmp(v, "yes") == 0 || strcmp(v, "no") == 0;
	}
}

static void
take_answer(struct setup *s, enum answer which, const char *v)
{
	char *kept = arena_dup(s->a, v);
	size_t n;

	for (n = kept != NULL ? strlen(kept) : 0; n > 1 && kept[n - 1] == '/'; n--)
		kept[n - 1] = '\0';
	s->answers[which] = kept;
	if (which == A_LANGUAGE)
		(void)lang_parse(kept, &s->lang);
}

/* The value of `name = value`, or NULL; the line is cut into pieces. */
static char *
value_of(char *text)
{
	char *eq = strchr(text, '='), *end;

	if (*text == '#' || eq == NULL)
		return NULL;
	for (end = eq; end > text && (end[-1] == ' ' || end[-1] == '\t'); end--)
		;
	*end = '\0';
	for (eq++; *eq == ' ' || *eq == '\t'; eq++)
		;
	return eq;
}

static bool
take_line(struct setup *s, const char *name, const char *value)
{
	int i;

	for (i = 0; i < ANSWERS; i++)
		if (strcmp(name, asked[i].name) == 0) {
			if (!answer_ok((enum answer)i, value)) {
				setup_wrong(s, SETUP_SAY(s, STR_SETUP_ANSWER, "name", name, NULL), value,
				    SETUP_SAY(s, asked[i].bad, NULL));
				return false;
			}
			take_answer(s, (enum answer)i, value);
			return true;
		}
	for (i = 0; i < CONF_MAX; i++)
		if (strcmp(name, conf_name((enum conf_key)i)) == 0 && s->nextra < EXTRAS_MAX) {
			s->extra[s->nextra].name = conf_name((enum conf_key)i);
			s->extra[s->nextra++].value = arena_dup(s->a, value);
			return true;
		}
	setup_wrong(s, SETUP_SAY(s, STR_SETUP_ANSWER, "name", name, NULL), SETUP_SAY(s, STR_SETUP_ANSWER_UNKNOWN, NULL),
	    SETUP_SAY(s, STR_SETUP_ANSWER_FIX, NULL));
	return false;
}

static bool
read_answers(struct setup *s, const char *path)
{
	char text[LINE_MAX_], *value;
	bool good = true;
	FILE *f;

	if ((f = fopen(path, "re")) == NULL) {
		setup_wrong(s, SETUP_SAY(s, STR_SETUP_ANSWERS, "path", path, NULL), strerror(errno),
		    SETUP_SAY(s, STR_SETUP_ANSWERS_FIX, NULL));
		return false;
	}
	while (good && fgets(text, sizeof(text), f) != NULL) {
		text[strcspn(text, "\r\n")] = '\0';
		if ((value = value_of(text)) != NULL)
			good = take_line(s, text, value);
	}
	(void)fclose(f);
	return good;
}

/* What an earlier run was told. */
static void
remember(struct setup *s)
{
	static const enum conf_key from[] = { [A_ADDRESS] = CONF_BASE_URL, [A_LANGUAGE] = CONF_LANGUAGE,
	    [A_MAIL] = CONF_ADMIN_MAIL, [A_WEB] = CONF_WEB_FOLDER };
	const char *kept;
	size_t i;

	for (i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
		kept = conf_str(s->conf, from[i]);
		if (*kept == '\0' && i == A_WEB)
			kept = NO_FOLDER;
		if (*kept == '\0')
			continue;
		if (s->answers[i] != NULL && strcmp(s->answers[i], kept) != 0)
			setup_note(s, SETUP_SAY(s, STR_SETUP_KEPT, "name", conf_name(from[i]), NULL));
		take_answer(s, (enum answer)i, kept);
	}
}

/* False: nobody is there to answer. */
static bool
ask(struct setup *s, enum answer which)
{
	char text[LINE_MAX_];

	while (s->answers[which] == NULL) {
		printf("\n%s\n> ", SETUP_SAY(s, asked[which].ask, NULL));
		(void)fflush(stdout);
		if (fgets(text, sizeof(text), stdin) == NULL) {
			putchar('\n');
			if (which == A_CRON)
				return false;		/* the line was shown: that will do */
			setup_wrong(s, SETUP_SAY(s, STR_SETUP_ANSWER, "name", asked[which].name, NULL),
			    SETUP_SAY(s, STR_SETUP_ANSWER_NONE, NULL), SETUP_SAY(s, STR_SETUP_ANSWERS_FIX, NULL));
			return false;
		}
		text[strcspn(text, "\r\n")] = '\0';
		if (answer_ok(which, text))
			take_answer(s, which, text);
		else
			puts(SETUP_SAY(s, asked[which].bad, NULL));
	}
	return true;
}

static bool
all_answers(struct setup *s)
{
	int i;

	for (i = 0; i < A_CRON; i++) {
		if (s->check && s->answers[i] == NULL) {
			setup_wrong(s, SETUP_SAY(s, STR_SETUP_ANSWER, "name", asked[i].name, NULL),
			    SETUP_SAY(s, STR_SETUP_ANSWER_NONE, NULL), SETUP_SAY(s, STR_SETUP_CHECK_FIX, NULL));
			return false;
		}
		if (!s->check && !ask(s, (enum answer)i))
			return false;
	}
	return true;
}

/* The web folder -------------------------------------------------------------------- */

static bool
has_folder(const struct setup *s)
{
	return strcmp(s->answers[A_WEB], NO_FOLDER) != 0;
}

static bool
inside(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

bool
setup_web_is_ours(const char *web)
{
	char path[PATH_MAX];
	struct ib_buf b;
	bool ours;

	buf_init(&b, FILE_MAX);
	ours = snprintf(path, sizeof(path), "%s/.htaccess", web) < (int)sizeof(path) && read_file(path, &b) &&
	    strstr(buf_cstr(&b), MARK) != NULL;
	buf_fini(&b);
	return ours;
}

/* Ours, or nobody's: what stands in a folder of somebody else's is left alone. */
static bool
folder_is_free(struct setup *s)
{
	const char *web = s->answers[A_WEB], *other = NULL;
	struct dirent *e;
	const char *const private[] = { s->prefix, s->etc, s->var };
	size_t i;
	DIR *d;

	for (i = 0; i < sizeof(private) / sizeof(private[0]); i++)
		if (inside(private[i], web) || inside(web, private[i])) {
			setup_wrong(s, SETUP_SAY(s, STR_SETUP_WEB, "path", web, NULL),
			    SETUP_SAY(s, STR_SETUP_WEB_INSIDE, "path", private[i], NULL), SETUP_SAY(s, STR_SETUP_WEB_INSIDE_FIX, NULL));
			return false;
		}
	if (setup_web_is_ours(web) || (d = opendir(web)) == NULL)
		return true;
	while (other == NULL && (e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			other = arena_dup(s->a, e->d_name);
	(void)closedir(d);
	if (other == NULL)
		return true;
	setup_wrong(s, SETUP_SAY(s, STR_SETUP_WEB, "path", web, NULL), SETUP_SAY(s, STR_SETUP_WEB_FOREIGN, "name", other, NULL),
	    SETUP_SAY(s, STR_SETUP_WEB_FOREIGN_FIX, NULL));
	return false;
}

/* A file of the installed folder web/, its marks filled in. */
static bool
put_filled(struct setup *s, const char *source, const char *name, mode_t mode, const char *const *fill)
{
	const char *path = below(s, home_folder(NULL, HOME_WEB), source), *p, *mark;
	struct ib_buf from, to;
	size_t i, n;
	bool good;

	buf_init(&from, FILE_MAX);
	buf_init(&to, FILE_MAX);
	if (!(good = read_file(path, &from)))
		failed(s, path);
	for (p = buf_cstr(&from); good && *p != '\0'; p += n) {
		mark = strchr(p, '@');
		for (i = 0; mark == p && fill[i] != NULL; i += 2)
			if (str_starts(p, fill[i]))
				break;
		if (mark == p && fill[i] != NULL) {
			buf_puts(&to, fill[i + 1]);
			n = strlen(fill[i]);
		} else {
			n = mark == p ? 1 : mark != NULL ? (size_t)(mark - p) : strlen(p);
			buf_append(&to, p, n);
		}
	}
	good = good && put_file(s, below(s, s->answers[A_WEB], name), mode, buf_cstr(&to), to.len);
	buf_fini(&to);
	buf_fini(&from);
	return good;
}

static bool
put_static(struct setup *s)
{
	const char *from = home_folder(NULL, HOME_STATIC), *to = below(s, s->answers[A_WEB], "static");
	struct dirent *e;
	struct ib_buf b;
	bool good = true;
	DIR *d;

	if (!put_folder(s, to, 0755))
		return false;
	if ((d = opendir(from)) == NULL) {
		failed(s, from);
		return false;
	}
	buf_init(&b, FILE_MAX);
	while (good && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		buf_clear(&b);
		if (!(good = read_file(below(s, from, e->d_name), &b)))
			failed(s, below(s, from, e->d_name));
		else
			good = put_file(s, below(s, to, e->d_name), 0644, buf_cstr(&b), b.len);
	}
	buf_fini(&b);
	(void)closedir(d);
	return good;
}

/* web/htaccess says why there are several. */
const char *const setup_entries[] = { "messenger-inbox.cgi", "messenger-inbox-1.fcgi", "messenger-inbox-2.fcgi",
	"messenger-inbox-3.fcgi", "messenger-inbox-4.fcgi", "messenger-inbox-5.fcgi", NULL };

static bool
put_entries(struct setup *s, const char *const *fill)
{
	const char *const *e;

	for (e = setup_entries; *e != NULL; e++)
		if (!put_filled(s, "entry", *e, 0755, fill))
			return false;
	return true;
}

static bool
put_web(struct setup *s)
{
	const char *path = strchr(strstr(s->answers[A_ADDRESS], "://") + 3, '/');
	const char *fill[] = { "@BASE@", cat_fill(s->a, "{path}/", "path", path != NULL ? path : "", NULL),
	    "@CONF@", s->conf_path, "@PROGRAM@", s->program, NULL };

	return put_folder(s, s->answers[A_WEB], 0755) && put_static(s) &&
	    put_entries(s, fill) && put_filled(s, "htaccess", ".htaccess", 0644, fill);
}

/* Configuration, keys, database ------------------------------------------------------- */

static bool
random_text(struct setup *s, const char **out)
{
	const struct ib_err *err;
	char *text;

	if ((err = crypt_token(s->a, 24, &text)) != NULL) {
		setup_wrong(s, SETUP_SAY(s, STR_SETUP_CONF, NULL), err->msg, SETUP_SAY(s, STR_SETUP_WRITE_FIX, NULL));
		return false;
	}
	*out = text;
	return true;
}

/* Secrets of apps that nobody has named yet are random: what is not known cannot be forged. */
static bool
put_conf(struct setup *s)
{
	const char *values[CONF_MAX] = { NULL };
	static const enum conf_key secret[] = { CONF_FB_APP_SECRET, CONF_FB_VERIFY_TOKEN, CONF_PD_CLIENT_SECRET };
	struct ib_buf b;
	bool good;
	size_t i, k;

	if (s->conf != NULL)
		return true;
	values[CONF_BASE_URL] = s->answers[A_ADDRESS];
	values[CONF_DATABASE] = below(s, s->var, "inbox.db");
	values[CONF_KEY_FILE] = below(s, s->etc, "keys");
	values[CONF_LANGUAGE] = s->answers[A_LANGUAGE];
	values[CONF_ADMIN_MAIL] = s->answers[A_MAIL];
	values[CONF_WEB_FOLDER] = has_folder(s) ? s->answers[A_WEB] : NULL;
	values[CONF_FB_APP_ID] = SETUP_NO_APP;
	values[CONF_PD_CLIENT_ID] = SETUP_UNSET;
	for (i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
		if (!random_text(s, &values[secret[i]]))
			return false;
	for (i = 0; i < s->nextra; i++)
		for (k = 0; k < CONF_MAX; k++)
			if (strcmp(conf_name((enum conf_key)k), s->extra[i].name) == 0)
				values[k] = s->extra[i].value;
	buf_init(&b, FILE_MAX);
	buf_printf(&b, "# SPDX-License-Identifier: MIT\n# %s\n", SETUP_SAY(s, STR_SETUP_CONF_HEAD, NULL));
	for (i = 0; i < CONF_MAX; i++)
		if (values[i] != NULL)
			buf_printf(&b, "\n# %s\n%s = %s\n", conf_doc((enum conf_key)i), conf_name((enum conf_key)i), values[i]);
	good = buf_check(&b) == NULL && put_file(s, s->conf_path, 0600, buf_cstr(&b), b.len);
	buf_fini(&b);
	return good;
}

static bool
said(struct setup *s, enum str_id what, const struct ib_err *err)
{
	enum str_id fix = what == STR_SETUP_KEYS ? STR_SETUP_KEYS_FIX : STR_SETUP_DATABASE_FIX;

	if (err != NULL)
		setup_wrong(s, SETUP_SAY(s, what, NULL), err->msg, SETUP_SAY(s, fix, NULL));
	return err == NULL;
}

static bool
put_data(struct setup *s)
{
	const char *keys = conf_str(s->conf, CONF_KEY_FILE), *path = conf_str(s->conf, CONF_DATABASE);
	bool there = access(path, F_OK) == 0;
	const struct ib_err *err;
	struct keyring *ring;
	struct db *db;

	if (access(keys, F_OK) != 0) {
		if (there) {
			/* New keys would open nothing of what is sealed there. */
			setup_wrong(s, SETUP_SAY(s, STR_SETUP_KEYS, NULL), SETUP_SAY(s, STR_SETUP_KEYS_GONE, "path", keys, NULL),
			    SETUP_SAY(s, STR_SETUP_KEYS_FIX, NULL));
			return false;
		}
		if (!s->check && !said(s, STR_SETUP_KEYS, keyring_create(keys)))
			return false;
		changed(s, STR_SETUP_FILE, keys);
	}
	close_file(s, keys);
	close_file(s, path);
	if (s->check && !there) {
		changed(s, STR_SETUP_FILE, path);
		return true;
	}
	if (s->check && s->open > 0)
		return true;
	if (!said(s, STR_SETUP_KEYS, keyring_load(keys, &ring)))
		return false;
	keyring_free(ring);
	if ((err = ctl_open_db(s->conf, s->check ? DB_READONLY : DB_CREATE | DB_MIGRATE, &db)) != NULL)
		return said(s, STR_SETUP_DATABASE, err);
	db_close(db);
	if (!there)
		changed(s, STR_SETUP_FILE, path);
	return true;
}

/* A folder of our own; the one it lies in may be anybody's. */
static bool
put_own_folder(struct setup *s, const char *path)
{
	char *parent = arena_dup(s->a, path), *slash = parent != NULL ? strrchr(parent, '/') : NULL;

	if (slash != NULL)
		*slash = '\0';
	return slash != NULL && put_folder(s, parent, MODE_ANY) && put_folder(s, path, 0700);
}

static bool
put_home(struct setup *s)
{
	const struct ib_err *err;

	if (!put_own_folder(s, s->etc) || !put_own_folder(s, s->var) || !put_conf(s))
		return false;
	close_file(s, s->conf_path);
	if (s->conf == NULL && s->check)
		return true;
	if (s->conf == NULL && (err = conf_load(s->conf_path, &s->conf)) != NULL) {
		setup_wrong(s, SETUP_SAY(s, STR_SETUP_CONF, NULL), err->msg, SETUP_SAY(s, STR_SETUP_CONF_FIX, NULL));
		return false;
	}
	return put_data(s);
}

/* The run of every minute ------------------------------------------------------------- */

static void
tell_cron(struct setup *s)
{
	const char *text = cat_fill(s->a, "* * * * * {sync} -c {conf} --budget 50", "sync", s->sync, "conf", s->conf_path, NULL);

	/* A package brings its own clockwork. */
	if (access(below(s, s->prefix, "lib/systemd/system/" TIMER), F_OK) == 0) {
		setup_note(s, SETUP_SAY(s, STR_SETUP_TIMER, "name", TIMER, NULL));
		return;
	}
	if (text == NULL || setup_cron_has(text))
		return;
	printf("\n%s\n\n    %s\n\n", SETUP_SAY(s, STR_SETUP_CRON, NULL), text);
	if (!setup_cron_here())
		puts(SETUP_SAY(s, STR_SETUP_CRON_NONE, NULL));
	else if (ask(s, A_CRON) && strcmp(s->answers[A_CRON], "yes") == 0) {
		if (setup_cron_add(text))
			changed(s, STR_SETUP_CRON_ADDED, text);
		else
			setup_wrong(s, SETUP_SAY(s, STR_SETUP_CRONTAB, NULL), SETUP_SAY(s, STR_SETUP_CRON_REFUSED, NULL),
			    SETUP_SAY(s, STR_SETUP_CRON_NONE, NULL));
	}
}

/* The way on -------------------------------------------------------------------------- */

static void
tell_link(struct setup *s)
{
	const struct ib_err *err;
	struct db *db = NULL;
	char *code = NULL;

	if ((err = ctl_open_db(s->conf, 0, &db)) == NULL)
		err = setup_code_new(db, s->a, clock_now(), &code);
	db_close(db);
	if (!said(s, STR_SETUP_DATABASE, err))
		return;
	printf("\n%s\n\n    %s/setup/%s\n\n", SETUP_SAY(s, STR_SETUP_LINK, NULL), conf_str(s->conf, CONF_BASE_URL), code);
}

static int
only_link(struct setup *s)
{
	(void)lang_parse(conf_str(s->conf, CONF_LANGUAGE), &s->lang);
	tell_link(s);
	return s->wrong > 0 ? 1 : 0;
}

static int
conclude(struct setup *s, bool whole)
{
	enum str_id id = s->wrong > 0 || !whole ? STR_SETUP_END_WRONG : s->open > 0 ? STR_SETUP_END_OPEN :
	    s->made > 0 ? STR_SETUP_END_MADE : STR_SETUP_END_SAME;

	puts(SETUP_SAY(s, id, NULL));
	return s->wrong > 0 || !whole || s->open > 0 ? 1 : 0;
}

/* What root or somebody else made, the user whom the web server runs could not use. */
static bool
user_fits(struct setup *s)
{
	const struct passwd *owner;
	struct stat st;

	if (stat(s->etc, &st) != 0 || st.st_uid == geteuid())
		return true;
	owner = getpwuid(st.st_uid);
	setup_wrong(s, SETUP_SAY(s, STR_SETUP_USER, NULL),
	    SETUP_SAY(s, STR_SETUP_USER_FOUND, "path", s->etc, "user", owner != NULL ? owner->pw_name : "?", NULL),
	    SETUP_SAY(s, STR_SETUP_USER_FIX, "user", owner != NULL ? owner->pw_name : "?", NULL));
	return false;
}

/* What of the public address works. */
static void
prove(struct setup *s)
{
	const struct speech sp = { .a = s->a, .cats = s->cats, .lang = s->lang };
	const struct finding *f;
	struct findings all;

	findings_init(&all, s->a);
	ctl_prove(s->conf, &all);
	for (f = all.first; f != NULL; f = f->next)
		if (f->verdict == VERDICT_OK)
			setup_fine(s, cat_str(s->cats, s->lang, check_row(f->check)->name));
		else if (f->verdict == VERDICT_ATTENTION)
			setup_note(s, said_text(f->found, &sp));
		else
			setup_wrong(s, cat_str(s->cats, s->lang, check_row(f->check)->name), said_text(f->found, &sp),
			    finding_fix(f, &sp));
}

static bool
run(struct setup *s, const char *answers)
{
	const struct ib_err *err;

	if (!user_fits(s))
		return false;
	if (access(s->conf_path, F_OK) == 0) {
		if ((err = conf_load(s->conf_path, &s->conf)) != NULL) {
			setup_wrong(s, SETUP_SAY(s, STR_SETUP_CONF, NULL), err->msg, SETUP_SAY(s, STR_SETUP_CONF_FIX, NULL));
			return false;
		}
	}
	if (answers != NULL && !read_answers(s, answers))
		return false;
	if (s->conf != NULL) {
		remember(s);
		if (*conf_str(s->conf, CONF_TEST_CLOCK) != '\0')
			clock_set_offset_file(conf_str(s->conf, CONF_TEST_CLOCK));
	}
	if (s->only_web)
		return s->conf != NULL && (!has_folder(s) || (folder_is_free(s) && put_web(s)));
	puts(SETUP_SAY(s, STR_SETUP_LOOKING, NULL));
	setup_look(s);
	if (!all_answers(s))
		return false;
	puts(SETUP_SAY(s, s->check ? STR_SETUP_CHECKING : STR_SETUP_MAKING, NULL));
	if ((has_folder(s) && !folder_is_free(s)) || !put_home(s) || (has_folder(s) && !put_web(s)))
		return false;
	if (s->conf == NULL || s->open > 0)
		return true;		/* nothing is there that could be called */
	if (!has_folder(s))
		puts(SETUP_SAY(s, STR_SETUP_SERVER, "path", home_folder(NULL, HOME_SERVERS), NULL));
	puts(SETUP_SAY(s, STR_SETUP_PROVING, NULL));
	prove(s);
	return true;
}

static int
usage(void)
{
	fputs("usage: inboxctl [-c FILE] setup [--check] [--answers FILE]\n"
	    "       inboxctl [-c FILE] setup --link | --web\n", stderr);
	return 2;
}

int
ctl_setup(const char *conf_path, char *const *args)
{
	struct setup s = { .lang = talk_terminal_lang(), .conf_path = conf_path, .prefix = home_prefix() };
	const char *answers = NULL, *texts = NULL;
	const struct ib_err *err;
	struct arena a;
	bool whole, link = false;
	int rc;

	for (; *args != NULL; args++)
		if (strcmp(*args, "--check") == 0)
			s.check = true;
		else if (strcmp(*args, "--link") == 0)
			link = true;
		else if (strcmp(*args, "--web") == 0)
			s.only_web = true;
		else if (strcmp(*args, "--answers") == 0 && args[1] != NULL)
			answers = *++args;
		else
			return usage();
	(void)umask(077);
	(void)signal(SIGXFSZ, SIG_IGN);		/* no room is an error like any other */
	if (link) {
		if ((err = conf_load(conf_path, &s.conf)) != NULL)
			return ctl_fail(err);
		texts = conf_str(s.conf, CONF_CATALOGUES);
	}
	arena_init(&a, (size_t)16 << 20);
	s.a = &a;
	if ((err = cats_load(home_folder(texts, HOME_PO), &s.cats)) != NULL) {
		conf_free(s.conf);
		arena_fini(&a);
		return ctl_fail(err);
	}
	s.etc = home_etc();
	s.var = home_var();
	s.program = cat_fill(&a, "{p}/libexec/messenger-inbox/inbox.fcgi", "p", s.prefix, NULL);
	s.sync = cat_fill(&a, "{p}/bin/inbox-sync", "p", s.prefix, NULL);
	if (link) {
		rc = only_link(&s);
	} else {
		if ((whole = run(&s, answers)) && s.conf != NULL && !s.check && !s.only_web) {
			tell_cron(&s);
			tell_link(&s);
		}
		rc = conclude(&s, whole);
	}
	clock_set_offset_file(NULL);
	conf_free(s.conf);
	cats_free(s.cats);
	arena_fini(&a);
	return rc;
}
