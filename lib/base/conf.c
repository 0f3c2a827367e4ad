/* SPDX-License-Identifier: MIT */
/*
 * conf.c - the configuration file, read once at start, and beside it the file of
 * the apps' values, which the program writes itself and reads again when another
 * process has written it.
 *
 * struct conf owns the texts of all values (conf_free wipes them: some are
 * secrets).  Loading can fail for every reason a person can cause; the message
 * then is "file:line: what is wrong", without the value of a secret.  The
 * getters never fail.
 */
#include "arena.h"
#include "buf.h"
#include "conf.h"
#include "crypt.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX_	((size_t)64 << 10)
#define SECRET_MAX	((size_t)4 << 10)
#define INT_MOST	INT64_C(1000000000)
#define APPS_NAME	"apps.conf"

enum kind { URL, PATH, TEXT, SECRET, INT, BOOL, LIST };

static const struct setting {
	const char	*name;
	enum kind	 kind;
	const char	*dflt;		/* NULL: required */
	const char	*doc;
} settings[CONF_MAX] = {
#define S(id, name, kind, dflt, doc) [id] = { name, kind, dflt, doc },
#include "settings.def"
#undef S
};

struct value {
	char	*text;		/* NULL: the default holds */
	int	 line;
};

struct conf {
	struct value	 v[CONF_MAX];
	struct value	 app[CONF_MAX];		/* of the apps' file; they go before the others */
	char		*path;			/* of the configuration */
	bool		 has_secrets;		/* some stand in it */
	char		*apps;			/* path of the apps' file */
	struct stat	 seen;			/* the apps' file as it was read; all zero: none */
};

/* What the apps' file may have: what is pasted, and where a sandbox stands in for the services. */
static const enum conf_key app_keys[] = {
	CONF_FB_APP_ID, CONF_FB_APP_SECRET, CONF_FB_VERIFY_TOKEN, CONF_FB_CONFIG_ID, CONF_FB_GRAPH_URL,
	CONF_FB_DIALOG_URL, CONF_FB_HUMAN_AGENT, CONF_FB_MEDIA_HOSTS, CONF_PD_CLIENT_ID, CONF_PD_CLIENT_SECRET,
	CONF_PD_JWT_SECRET, CONF_PD_OAUTH_URL, CONF_DEMO_URL
};

/* Where in the file we are, for messages. */
struct place {
	const char	*path;
	int		 line;
	bool		 apps;		/* the apps' file: values as they are, no @ */
};

#define bad_line(at, ...) \
	bad_at(__LINE__, (at), __VA_ARGS__)

static const struct ib_err *bad_at(int line, const struct place *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), cold));

static const struct ib_err *
bad_at(int line, const struct place *at, const char *fmt, ...)
{
	struct ib_buf b;
	va_list ap;
	char what[160];
	const struct ib_err *err;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	buf_init(&b, 4096);
	/* The end of a long path says more than its start. */
	if (strlen(at->path) > 80)
		buf_puts(&b, "...");
	buf_puts(&b, strlen(at->path) > 80 ? at->path + strlen(at->path) - 77 : at->path);
	if (at->line > 0)
		buf_printf(&b, ":%d", at->line);
	err = ib_fail_at(__FILE__, line, IB_ECONF, IB_RETRY_NEVER, "%s: %s", buf_cstr(&b), what);
	buf_fini(&b);
	return err;
}

/* Some are secrets: nothing of them stays behind. */
static void
drop_value(struct value *v)
{
	if (v->text != NULL)
		crypt_wipe(v->text, strlen(v->text));
	free(v->text);
	v->text = NULL;
}

/* ---- files ---- */

/* Read at most max bytes; more is an error.  Text only: valid UTF-8, no NUL. */
static const struct ib_err *
read_text(int fd, const struct place *at, const char *name, size_t max, struct ib_buf *b)
{
	ssize_t n;
	char *p;

	do {
		/* One byte of room past the cap shows that there is more. */
		if ((p = buf_reserve(b, max + 1 - b->len)) == NULL)
			return buf_check(b);
		if ((n = read(fd, p, max + 1 - b->len)) < 0)
			return bad_line(at, "%s: %s", name, strerror(errno));
		b->len += (size_t)n;
		if (b->len > max)
			return bad_line(at, "%s: more than %zu bytes", name, max);
	} while (n > 0);
	if (strlen(buf_cstr(b)) != b->len || !str_utf8_ok(buf_cstr(b), b->len))
		return bad_line(at, "%s: not a text file", name);
	return NULL;
}

/* Absolute path of a path in the file: relative ones start at the file's folder. */
static const struct ib_err *
absolute(const struct place *at, const char *value, struct ib_buf *b)
{
	const char *slash = strrchr(at->path, '/');
	char *cwd;

	if (*value != '/') {
		if (*at->path != '/') {
			if ((cwd = getcwd(NULL, 0)) == NULL)
				return bad_line(at, "the current folder: %s", strerror(errno));
			buf_puts(b, cwd);
			buf_putc(b, '/');
			free(cwd);
		}
		if (slash != NULL)
			buf_append(b, at->path, (size_t)(slash + 1 - at->path));
	}
	buf_puts(b, value);
	return buf_check(b);
}

/* The value `@path` of a secret: the text of that file, without line end. */
static const struct ib_err *
read_secret(const struct place *at, const char *name, const char *value, struct ib_buf *out)
{
	const struct ib_err *err;
	struct ib_buf path;
	struct stat st;
	int fd = -1;

	buf_init(&path, 4096);
	if (*value == '\0') {
		err = bad_line(at, "%s: `@` wants the path of a file", name);
		goto done;
	}
	if ((err = absolute(at, value, &path)) != NULL)
		goto done;
	if ((fd = open(buf_cstr(&path), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0) {
		err = bad_line(at, "%s: %.80s: %s", name, value, strerror(errno));
		goto done;
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		err = bad_line(at, "%s: %.80s: not a regular file", name, value);
		goto done;
	}
	if ((st.st_mode & 077) != 0) {
		err = bad_line(at, "%s: %.80s: others have access (mode %03o, should be 600)",
		    name, value, (unsigned)st.st_mode & 0777u);
		goto done;
	}
	if ((err = read_text(fd, at, name, SECRET_MAX, out)) != NULL)
		goto done;
	while (out->len > 0 && (out->p[out->len - 1] == '\n' || out->p[out->len - 1] == '\r'))
		out->p[--out->len] = '\0';
	if (out->len == 0)
		err = bad_line(at, "%s: %.80s: the file is empty", name, value);
done:
	if (fd >= 0)
		(void)close(fd);
	buf_fini(&path);
	return err;
}

/* ---- values ---- */

static bool
one_of(const char *s, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(s, *words) == 0)
			return true;
	return false;
}

/* "v25.0" */
static bool
is_version(const char *s)
{
	size_t n;

	if (*s++ != 'v' || (n = strspn(s, "0123456789")) == 0 || s[n] != '.')
		return false;
	s += n + 1;
	return *s != '\0' && s[strspn(s, "0123456789")] == '\0';
}

/* What single settings want beyond their kind; NULL or what is missing. */
static const char *
wish(enum conf_key key, const char *value)
{
	static const char *const levels[] = { "debug", "info", "warn", "error", NULL };

	switch (key) {
	case CONF_LOG_LEVEL:
		return one_of(value, levels) ? NULL : "debug, info, warn or error";
	case CONF_FB_API_VERSION:
		return is_version(value) ? NULL : "a version like v25.0";
	case CONF_FB_APP_ID:
		return value[strspn(value, "0123456789")] == '\0' ? NULL : "digits only";
	default:
		return NULL;
	}
}

/* Check a value by its kind and put its final form into out. */
static const struct ib_err *
take(enum conf_key key, const struct place *at, const char *value, struct ib_buf *out)
{
	static const char *const yes[] = { "yes", "true", "on", "1", NULL };
	static const char *const no[] = { "no", "false", "off", "0", NULL };
	const struct setting *s = &settings[key];
	const struct ib_err *err;
	const char *want, *p;
	int64_t v;
	size_t n;

	if (*value == '\0' && (s->dflt == NULL || s->kind == INT || s->kind == BOOL))
		return bad_line(at, "%s must not be empty", s->name);
	switch (s->kind) {
	case URL:
		if (*value == '\0')
			break;
		if (!url_is_web(value, false) || strpbrk(value, "?#") != NULL ||
		    !(url_is_web(value, true) || url_is_loopback(value)))
			return bad_line(at, "%s: not an https address (http only for this machine)",
			    s->name);
		for (n = strlen(value); value[n - 1] == '/'; n--)
			;
		buf_append(out, value, n);
		break;
	case PATH:
		if (*value != '\0' && (err = absolute(at, value, out)) != NULL)
			return err;
		break;
	case TEXT:
		buf_puts(out, value);
		break;
	case SECRET:
		if (at->apps || *value != '@')
			buf_puts(out, value);
		else if ((err = read_secret(at, s->name, value + 1, out)) != NULL)
			return err;
		for (p = buf_cstr(out); *p != '\0'; p++)
			if ((unsigned char)*p < ' ' || *p == 0x7f)
				return bad_line(at, "%s: more than one line or control bytes",
				    s->name);
		break;
	case INT:
		if (!str_int_in(value, 0, INT_MOST, &v))
			return bad_line(at, "%s: not a whole number from 0 to %lld", s->name,
			    (long long)INT_MOST);
		buf_put_int(out, v);
		break;
	case BOOL:
		if (!one_of(value, yes) && !one_of(value, no))
			return bad_line(at, "%s: neither yes nor no", s->name);
		buf_puts(out, one_of(value, yes) ? "yes" : "no");
		break;
	case LIST:
		for (p = value; *p != '\0'; p += n) {
			p += strspn(p, " \t");
			n = strcspn(p, " \t");
			if (n > 0 && out->len > 0)
				buf_putc(out, ' ');
			buf_append(out, p, n);
		}
		break;
	}
	if ((err = buf_check(out)) != NULL)
		return err;
	if ((want = wish(key, buf_cstr(out))) != NULL)
		return bad_line(at, "%s: not %s", s->name, want);
	return NULL;
}

/* ---- lines ---- */

static char *
trim(char *s)
{
	size_t n;

	s += strspn(s, " \t\r");
	n = strlen(s);
	while (n > 0 && strchr(" \t\r", s[n - 1]) != NULL)
		n--;
	s[n] = '\0';
	return s;
}

static bool
is_app_key(size_t key)
{
	size_t i;

	for (i = 0; i < sizeof(app_keys) / sizeof(app_keys[0]); i++)
		if (app_keys[i] == key)
			return true;
	return false;
}

/* The value of one setting, checked; what was there goes. */
static const struct ib_err *
put_value(struct value *v, enum conf_key key, const struct place *at, const char *value)
{
	const struct ib_err *err;
	struct ib_buf b;

	buf_init(&b, FILE_MAX_);
	if ((err = take(key, at, value, &b)) == NULL) {
		drop_value(v);
		if ((v->text = strdup(buf_cstr(&b))) == NULL)
			err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "configuration: no memory");
		v->line = at->line;
	}
	crypt_wipe(b.p, b.cap);
	buf_fini(&b);
	return err;
}

static const struct ib_err *
read_line(struct conf *c, const struct place *at, char *line)
{
	struct value *v = at->apps ? c->app : c->v;
	char *eq, *name, *value;
	size_t key, i;

	line = trim(line);
	if (*line == '\0' || *line == '#')
		return NULL;
	if ((eq = strchr(line, '=')) == NULL)
		return bad_line(at, "not `key = value`");
	*eq = '\0';
	name = trim(line);
	value = trim(eq + 1);
	for (key = 0; key < CONF_MAX && strcmp(settings[key].name, name) != 0; key++)
		;
	if (key == CONF_MAX) {
		/* A secret pasted at the wrong place is not repeated. */
		for (i = 0; name[i] != '\0'; i++)
			if (!((name[i] >= 'a' && name[i] <= 'z') || name[i] == '.' ||
			    name[i] == '_'))
				return bad_line(at, "no such setting");
		return bad_line(at, "no such setting: %.60s", name);
	}
	if (at->apps && !is_app_key(key))
		return bad_line(at, "%s has no place in this file", name);
	if (v[key].text != NULL)
		return bad_line(at, "%s is already set in line %d", name, v[key].line);
	for (i = 0; value[i] != '\0'; i++)
		if (((unsigned char)value[i] < ' ' && value[i] != '\t') || value[i] == 0x7f)
			return bad_line(at, "%s: control bytes", name);
	c->has_secrets |= !at->apps && settings[key].kind == SECRET && *value != '\0' && *value != '@';
	return put_value(&v[key], (enum conf_key)key, at, value);
}

/* All lines of an open file. */
static const struct ib_err *
read_lines(struct conf *c, struct place *at, int fd)
{
	const struct ib_err *err;
	char *line, *next;
	struct ib_buf b;

	buf_init(&b, FILE_MAX_ + 1);
	if ((err = read_text(fd, at, "configuration", FILE_MAX_, &b)) == NULL)
		for (line = b.p; err == NULL && *line != '\0'; line = next) {
			at->line++;
			next = line + strcspn(line, "\n");
			if (*next == '\n')
				*next++ = '\0';
			err = read_line(c, at, line);
		}
	at->line = 0;
	crypt_wipe(b.p, b.cap);
	buf_fini(&b);
	return err;
}

/* ---- the apps' file ---- */

/* Where it lies: as the configuration says, or beside it. */
static const struct ib_err *
apps_place(struct conf *c, const struct place *at)
{
	const char *said = c->v[CONF_APPS_FILE].text;
	const struct ib_err *err;
	struct ib_buf b;

	buf_init(&b, 8192);
	if ((err = absolute(at, said != NULL && *said != '\0' ? said : APPS_NAME, &b)) == NULL &&
	    (c->apps = strdup(buf_cstr(&b))) == NULL)
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "configuration: no memory");
	buf_fini(&b);
	return err;
}

/* None is none; one that others can read is refused. */
static const struct ib_err *
apps_read(struct conf *c)
{
	struct place at = { c->apps, 0, true };
	const struct ib_err *err = NULL;
	int fd;

	if ((fd = open(c->apps, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0)
		return errno == ENOENT ? NULL : bad_line(&at, "%s", strerror(errno));
	if (fstat(fd, &c->seen) != 0 || !S_ISREG(c->seen.st_mode))
		err = bad_line(&at, "not a regular file");
	else if ((c->seen.st_mode & 077) != 0)
		err = bad_line(&at, "others have access (mode %03o, should be 600)", (unsigned)c->seen.st_mode & 0777u);
	else
		err = read_lines(c, &at, fd);
	(void)close(fd);
	return err;
}

/* The values of the configuration, and those of the apps' file if `apps`. */
static const struct ib_err *
copy_of(const struct conf *c, bool apps, struct conf **out)
{
	struct conf *to = calloc(1, sizeof(*to));
	bool whole = to != NULL && (to->apps = strdup(c->apps)) != NULL &&
	    (to->path = strdup(c->path)) != NULL;
	size_t key;

	if (whole)
		to->has_secrets = c->has_secrets;
	for (key = 0; whole && key < CONF_MAX; key++) {
		to->v[key].line = c->v[key].line;
		whole = c->v[key].text == NULL || (to->v[key].text = strdup(c->v[key].text)) != NULL;
		if (whole && apps && c->app[key].text != NULL)
			whole = (to->app[key].text = strdup(c->app[key].text)) != NULL;
	}
	if (whole && apps)
		to->seen = c->seen;
	if (!whole) {
		conf_free(to);
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "configuration: no memory");
	}
	*out = to;
	return NULL;
}

const struct ib_err *
conf_with(const struct conf *c, const struct conf_change *changes, size_t n, struct conf **out, enum conf_key *bad)
{
	struct place at = { c->apps, 0, true };
	const struct ib_err *err;
	struct conf *to;
	const char *s;

	*out = NULL;
	if ((err = copy_of(c, true, &to)) != NULL)
		return err;
	for (; err == NULL && n > 0; changes++, n--) {
		*bad = changes->key;
		for (s = changes->value; s != NULL && (unsigned char)*s >= ' ' && *s != 0x7f; s++)
			;
		if (!is_app_key(changes->key) || (s != NULL && *s != '\0'))
			err = bad_line(&at, "%s: control bytes, or no place in this file", settings[changes->key].name);
		else if (changes->value == NULL)
			drop_value(&to->app[changes->key]);
		else
			err = put_value(&to->app[changes->key], changes->key, &at, changes->value);
	}
	if (err != NULL)
		conf_free(to);
	else
		*out = to;
	return err;
}

/* All of it, and on the disk before it has its name. */
static bool
write_whole(int fd, const char *p, size_t n)
{
	ssize_t put;

	for (; n > 0; p += put, n -= (size_t)put)
		if ((put = write(fd, p, n)) < 0) {
			if (errno != EINTR)
				return false;
			put = 0;
		}
	return fsync(fd) == 0;
}

/* The name is on the disk, too, before anybody is told. */
static void
settle_folder(const char *path)
{
	char *folder = strndup(path, (size_t)(strrchr(path, '/') - path));
	int fd = folder != NULL ? open(*folder != '\0' ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		(void)fsync(fd);
		(void)close(fd);
	}
	free(folder);
}

const struct ib_err *
conf_save(const struct conf *c)
{
	const struct ib_err *err;
	struct ib_buf b, name;
	size_t i;
	int fd = -1;

	buf_init(&b, FILE_MAX_);
	buf_init(&name, 8192);
	buf_puts(&name, c->apps);
	buf_puts(&name, ".XXXXXX");
	buf_puts(&b, "# SPDX-License-Identifier: MIT\n# Written by the set-up in the browser; it goes before inbox.conf(5).\n");
	for (i = 0; i < sizeof(app_keys) / sizeof(app_keys[0]); i++)
		if (c->app[app_keys[i]].text != NULL)
			buf_printf(&b, "%s = %s\n", settings[app_keys[i]].name, c->app[app_keys[i]].text);
	if ((err = buf_check(&b)) != NULL || (err = buf_check(&name)) != NULL)
		goto done;
	if ((fd = mkostemp(name.p, O_CLOEXEC)) < 0) {
		err = ib_fail(IB_ESYS, IB_RETRY_NEVER, "%s: %s", c->apps, strerror(errno));
		goto done;
	}
	if (!write_whole(fd, b.p, b.len) || rename(name.p, c->apps) != 0) {
		err = ib_fail(IB_ESYS, IB_RETRY_NEVER, "%s: %s", c->apps, strerror(errno));
		(void)unlink(name.p);
		goto done;
	}
	settle_folder(c->apps);
done:
	if (fd >= 0)
		(void)close(fd);
	crypt_wipe(b.p, b.cap);
	buf_fini(&b);
	buf_fini(&name);
	return err;
}

bool
conf_outdated(const struct conf *c)
{
	struct stat st;

	if (stat(c->apps, &st) != 0)
		return errno == ENOENT && c->seen.st_ino != 0;
	return st.st_ino != c->seen.st_ino || st.st_dev != c->seen.st_dev || st.st_size != c->seen.st_size ||
	    st.st_mtim.tv_sec != c->seen.st_mtim.tv_sec || st.st_mtim.tv_nsec != c->seen.st_mtim.tv_nsec;
}

const struct ib_err *
conf_again(const struct conf *c, struct conf **out)
{
	const struct ib_err *err;

	if ((err = copy_of(c, false, out)) == NULL && (err = apps_read(*out)) != NULL) {
		conf_free(*out);
		*out = NULL;
	}
	return err;
}

const char *
conf_apps_path(const struct conf *c)
{
	return c->apps;
}

/* ---- the whole ---- */

/* Required settings may stand in either file. */
static const struct ib_err *
all_there(const struct conf *c, const struct place *at)
{
	size_t key;

	for (key = 0; key < CONF_MAX; key++)
		if (settings[key].dflt == NULL && c->v[key].text == NULL && c->app[key].text == NULL)
			return bad_line(at, "%s is not set, but required", settings[key].name);
	return NULL;
}

const struct ib_err *
conf_load(const char *path, struct conf **out)
{
	struct place at = { path, 0, false };
	const struct ib_err *err = NULL;
	struct conf *c;
	int fd = -1;

	*out = NULL;
	if ((c = calloc(1, sizeof(*c))) == NULL || (c->path = strdup(path)) == NULL)
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "configuration: no memory");
	else if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0)
		err = bad_line(&at, "%s", strerror(errno));
	else if ((err = read_lines(c, &at, fd)) == NULL && (err = apps_place(c, &at)) == NULL &&
	    (err = apps_read(c)) == NULL)
		err = all_there(c, &at);
	if (fd >= 0)
		(void)close(fd);
	if (err != NULL)
		conf_free(c);
	else
		*out = c;
	return err;
}

void
conf_free(struct conf *c)
{
	size_t key;

	if (c == NULL)
		return;
	for (key = 0; key < CONF_MAX; key++) {
		drop_value(&c->v[key]);
		drop_value(&c->app[key]);
	}
	free(c->apps);
	free(c->path);
	free(c);
}

/* ---- getters ---- */

const char *
conf_str(const struct conf *c, enum conf_key key)
{
	if (c->app[key].text != NULL)
		return c->app[key].text;
	if (c->v[key].text != NULL)
		return c->v[key].text;
	return settings[key].dflt != NULL ? settings[key].dflt : "";
}

int64_t
conf_int(const struct conf *c, enum conf_key key)
{
	int64_t v;

	return str_int(conf_str(c, key), &v) ? v : 0;
}

bool
conf_bool(const struct conf *c, enum conf_key key)
{
	return strcmp(conf_str(c, key), "yes") == 0;
}

const char *
conf_path(const struct conf *c)
{
	return c->path;
}

bool
conf_has_secrets(const struct conf *c)
{
	return c->has_secrets;
}

const char *
conf_name(enum conf_key key)
{
	return settings[key].name;
}

const char *
conf_default(enum conf_key key)
{
	return settings[key].dflt;
}

const char *
conf_doc(enum conf_key key)
{
	return settings[key].doc;
}
