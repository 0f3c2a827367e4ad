/* SPDX-License-Identifier: MIT */
/* Tests of conf.h: lines, kinds, secrets in files, paths, messages. */
#include "conf.h"
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/ib-conf-XXXXXX";
static char path[64];
static const struct ib_err *err;

#define REQUIRED \
	"base_url = https://inbox.example.net/\n" \
	"database = data/inbox.db\n" \
	"key_file = /etc/inbox/key\n" \
	"facebook.app_id = 881240037712345\n" \
	"facebook.app_secret = s3cr3t\n" \
	"facebook.verify_token = word\n" \
	"pipedrive.client_id = abc\n" \
	"pipedrive.client_secret = def\n"

static void
put_file(const char *name, const void *text, size_t n, mode_t mode)
{
	char full[128];
	int fd;

	snprintf(full, sizeof(full), "%s/%s", dir, name);
	unlink(full);
	fd = open(full, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || write(fd, text, n) != (ssize_t)n || fchmod(fd, mode) != 0)
		printf("# cannot write %s\n", full);
	close(fd);
}

static struct conf *
load(const char *text)
{
	struct conf *c = (struct conf *)path;

	put_file("inbox.conf", text, strlen(text), 0644);
	err = conf_load(path, &c);
	if ((err == NULL) != (c != NULL))
		ok(false, "error or configuration, not both");
	return c;
}

/* The required lines and one more. */
static struct conf *
with(const char *more)
{
	char text[8192];

	snprintf(text, sizeof(text), REQUIRED "%s\n", more);
	return load(text);
}

static void
refuses(const char *line, const char *why)
{
	struct conf *c = with(line);
	char place[80];

	snprintf(place, sizeof(place), "%s:9: ", path);
	ok(c == NULL && err != NULL && err->code == IB_ECONF && strstr(err->msg, why) != NULL &&
	    strstr(err->msg, place) != NULL, "refused: %.60s", line);
	if (err != NULL)
		printf("# %s\n", err->msg);
	conf_free(c);
}

static void
accepts(const char *line, enum conf_key key, const char *want)
{
	struct conf *c = with(line);

	ok(c != NULL, "accepted: %s", line);
	if (c != NULL)
		is_str(conf_str(c, key), want, "its value");
	else if (err != NULL)
		printf("# %s\n", err->msg);
	conf_free(c);
}

static void
test_table(void)
{
	struct conf *c = load(REQUIRED);
	size_t i, k, twice = 0;

	if (!ok(c != NULL, "required settings are enough"))
		return;
	is_str(conf_str(c, CONF_BASE_URL), "https://inbox.example.net", "no slash at the end");
	is_str(conf_str(c, CONF_FB_APP_SECRET), "s3cr3t", "secret");
	is_str(conf_str(c, CONF_KEY_FILE), "/etc/inbox/key", "absolute path");
	is_str(conf_str(c, CONF_FB_API_VERSION), "v25.0", "default text");
	is_int(conf_int(c, CONF_SESSION_DAYS), 14, "default number");
	ok(!conf_bool(c, CONF_FB_HUMAN_AGENT), "default flag");
	is_str(conf_str(c, CONF_TEMPLATES), "", "empty default");
	is_str(conf_name(CONF_FB_APP_ID), "facebook.app_id", "name");
	is_str(conf_default(CONF_BASE_URL), NULL, "required has no default");
	for (i = 0; i < CONF_MAX; i++) {
		ok(conf_name((enum conf_key)i)[0] != '\0' && strlen(conf_doc((enum conf_key)i)) > 10,
		    "setting %zu is explained", i);
		for (k = 0; k < i; k++)
			twice += strcmp(conf_name((enum conf_key)i), conf_name((enum conf_key)k)) == 0;
	}
	is_int(twice, 0, "no name twice");
	conf_free(c);
	/* Every default is a value that the file could give. */
	for (i = 0; i < CONF_MAX; i++) {
		char line[256];
		const char *d = conf_default((enum conf_key)i);

		if (d == NULL)
			continue;
		snprintf(line, sizeof(line), "%s = %s", conf_name((enum conf_key)i), d);
		accepts(line, (enum conf_key)i, d);
	}
}

static void
test_lines(void)
{
	struct conf *c;
	char text[2048], want[128];

	c = load("# comment\n\n   \n\t# indented\r\n" REQUIRED "  log_level\t=  debug \t\r\n");
	ok(c != NULL, "comments, blanks, CRLF");
	if (c != NULL)
		is_str(conf_str(c, CONF_LOG_LEVEL), "debug", "trimmed");
	conf_free(c);
	accepts("facebook.config_id = a = b # c", CONF_FB_CONFIG_ID, "a = b # c");
	snprintf(want, sizeof(want), "%s/data/inbox.db", dir);
	accepts("", CONF_DATABASE, want);
	snprintf(text, sizeof(text), "%.*s", (int)strlen(REQUIRED) - 1, REQUIRED);
	c = load(text);
	ok(c != NULL, "no newline at the end");
	conf_free(c);

	refuses("nonsense", "not `key = value`");
	refuses("colour = blue", "no such setting: colour");
	refuses("EAABtoken123 = x", "no such setting");
	ok(strstr(err->msg, "EAAB") == NULL, "what may be a secret is not repeated");
	refuses("database = other.db", "already set in line 2");
	refuses("= x", "no such setting");
	refuses("log_level = de\x01" "bug", "control bytes");

	c = load("base_url = https://x.example\n");
	ok(c == NULL && err != NULL && strstr(err->msg, "database is not set") != NULL, "a required one is missing");
	c = load("");
	ok(c == NULL && err != NULL, "empty file");
	c = load("base_url =\n");
	ok(c == NULL && err != NULL && strstr(err->msg, "must not be empty") != NULL, "a required one is empty");
	put_file("inbox.conf", REQUIRED "\0x", sizeof(REQUIRED) + 1, 0644);
	err = conf_load(path, &c);
	ok(err != NULL && strstr(err->msg, "not a text") != NULL, "NUL in the file");
	c = load(REQUIRED "facebook.config_id = \xff\n");
	ok(c == NULL && err != NULL, "bad UTF-8");
	unlink(path);
	err = conf_load(path, &c);
	ok(err != NULL && c == NULL && err->code == IB_ECONF && strstr(err->msg, path) != NULL, "missing file");
	err = conf_load(dir, &c);
	ok(err != NULL && c == NULL, "a folder");
	conf_free(NULL);
}

static void
test_big(void)
{
	static char big[70000];
	const struct ib_err *e;
	struct conf *c = NULL;

	memset(big, '#', sizeof(big));
	memcpy(big, REQUIRED, strlen(REQUIRED));
	put_file("inbox.conf", big, 65536, 0644);
	e = conf_load(path, &c);
	ok(e == NULL && c != NULL, "64 KiB");
	conf_free(c);
	put_file("inbox.conf", big, 65537, 0644);
	e = conf_load(path, &c);
	ok(e != NULL && c == NULL && e->code == IB_ECONF, "more");
}

static void
test_kinds(void)
{
	struct conf *c;

	accepts("facebook.graph_url = http://127.0.0.1:8081/", CONF_FB_GRAPH_URL, "http://127.0.0.1:8081");
	accepts("facebook.graph_url = http://localhost/x//", CONF_FB_GRAPH_URL, "http://localhost/x");
	accepts("facebook.graph_url = https://x.example/sub", CONF_FB_GRAPH_URL, "https://x.example/sub");
	accepts("demo.sandbox_url =", CONF_DEMO_URL, "");
	refuses("facebook.graph_url = http://x.example", "facebook.graph_url");
	refuses("facebook.graph_url = http://127.0.0.1.x.example", "https");
	refuses("facebook.graph_url = ftp://x.example", "https");
	refuses("facebook.graph_url = https://x.example/?a", "https");
	refuses("facebook.graph_url = https://x.example/#a", "https");
	refuses("facebook.graph_url = x.example", "https");

	accepts("session_days = 0", CONF_SESSION_DAYS, "0");
	accepts("session_days = 007", CONF_SESSION_DAYS, "7");
	accepts("session_days = 1000000000", CONF_SESSION_DAYS, "1000000000");
	refuses("session_days = 1000000001", "session_days");
	refuses("session_days = -1", "whole number");
	refuses("session_days = 1.5", "whole number");
	refuses("session_days = 14 days", "whole number");
	refuses("session_days =", "empty");

	accepts("facebook.human_agent = true", CONF_FB_HUMAN_AGENT, "yes");
	accepts("facebook.human_agent = on", CONF_FB_HUMAN_AGENT, "yes");
	accepts("facebook.human_agent = 0", CONF_FB_HUMAN_AGENT, "no");
	refuses("facebook.human_agent = maybe", "yes nor no");
	refuses("facebook.human_agent =", "empty");
	c = with("facebook.human_agent = yes");
	ok(c != NULL && conf_bool(c, CONF_FB_HUMAN_AGENT), "flag");
	conf_free(c);

	accepts("facebook.media_hosts =   a.net \t b.net ", CONF_FB_MEDIA_HOSTS, "a.net b.net");
	accepts("facebook.media_hosts =", CONF_FB_MEDIA_HOSTS, "");
	accepts("templates =", CONF_TEMPLATES, "");

	accepts("log_level = error", CONF_LOG_LEVEL, "error");
	refuses("log_level = loud", "debug, info, warn or error");
	accepts("facebook.api_version = v26.1", CONF_FB_API_VERSION, "v26.1");
	refuses("facebook.api_version = 26", "v25.0");
	refuses("facebook.api_version = v26.", "v25.0");
	refuses("facebook.api_version = v26.0/x", "v25.0");
	c = load("facebook.app_id = 12a\n");
	ok(c == NULL && err != NULL && strstr(err->msg, "digits") != NULL, "app id wants digits");
}

static void
test_secrets(void)
{
	static char big[5000];
	char line[128], want[128];

	put_file("old", "from file\n", 10, 0600);
	accepts("facebook.app_secret_old = @old", CONF_FB_APP_SECRET_OLD, "from file");
	snprintf(line, sizeof(line), "facebook.app_secret_old = @%s/old", dir);
	accepts(line, CONF_FB_APP_SECRET_OLD, "from file");
	put_file("old", "x\r\n\n", 4, 0400);
	accepts("facebook.app_secret_old = @old", CONF_FB_APP_SECRET_OLD, "x");
	put_file("old", "plain", 5, 0600);
	accepts("facebook.app_secret_old = @old", CONF_FB_APP_SECRET_OLD, "plain");
	/* Only secrets come from files. */
	accepts("facebook.config_id = @old", CONF_FB_CONFIG_ID, "@old");
	put_file("old", "x\n", 2, 0640);
	refuses("facebook.app_secret_old = @old", "mode 640");
	put_file("old", "x\n", 2, 0604);
	refuses("facebook.app_secret_old = @old", "mode 604");
	put_file("old", "", 0, 0600);
	refuses("facebook.app_secret_old = @old", "empty");
	put_file("old", "\n", 1, 0600);
	refuses("facebook.app_secret_old = @old", "empty");
	put_file("old", "SECRET1\nSECRET2\n", 16, 0600);
	refuses("facebook.app_secret_old = @old", "more than one line");
	ok(strstr(err->msg, "SECRET1") == NULL, "a secret is not in the message");
	put_file("old", "SEC\0RET", 7, 0600);
	refuses("facebook.app_secret_old = @old", "facebook.app_secret_old: not a text");
	memset(big, 'x', sizeof(big));
	put_file("old", big, 4096, 0600);
	big[4096] = '\0';
	accepts("facebook.app_secret_old = @old", CONF_FB_APP_SECRET_OLD, big);
	big[4096] = 'x';
	put_file("old", big, 4097, 0600);
	refuses("facebook.app_secret_old = @old", "more than 4096");
	snprintf(want, sizeof(want), "%s/old", dir);
	unlink(want);
	refuses("facebook.app_secret_old = @old", "No such file");
	ok(mkfifo(want, 0600) == 0, "a pipe");
	refuses("facebook.app_secret_old = @old", "not a regular file");
	unlink(want);
	refuses("facebook.app_secret_old = @.", "not a regular file");
	refuses("facebook.app_secret_old = @", "path of a file");
	accepts("facebook.app_secret_old =", CONF_FB_APP_SECRET_OLD, "");
}

static void
test_relative(void)
{
	struct conf *c = NULL;
	char *cwd = getcwd(NULL, 0), want[128];

	put_file("inbox.conf", REQUIRED, strlen(REQUIRED), 0644);
	snprintf(want, sizeof(want), "%s/data/inbox.db", dir);
	ok(cwd != NULL && chdir(dir) == 0 && conf_load("inbox.conf", &c) == NULL, "path without a folder");
	if (c != NULL)
		is_str(conf_str(c, CONF_DATABASE), want, "absolute all the same");
	conf_free(c);
	c = NULL;
	ok(chdir("/tmp") == 0 && conf_load(path + 5, &c) == NULL, "relative path");
	if (c != NULL)
		is_str(conf_str(c, CONF_DATABASE), want, "absolute all the same");
	conf_free(c);
	if (cwd == NULL || chdir(cwd) != 0)
		printf("# cannot go back\n");
	free(cwd);
}

/* ---- the apps' file ---- */

static void
refuses_apps(const char *text, mode_t mode, const char *why)
{
	struct conf *c;

	put_file("apps.conf", text, strlen(text), mode);
	c = with("");
	ok(c == NULL && err != NULL && strstr(err->msg, "apps.conf") != NULL && strstr(err->msg, why) != NULL,
	    "refused: %s", why);
	conf_free(c);
}

static void
test_apps_read(void)
{
	static const char some[] = "pipedrive.client_id = pasted\nfacebook.app_secret = @/etc/passwd\nfacebook.config_id =\n";
	struct conf *c, *none;
	char want[64];

	put_file("apps.conf", some, sizeof(some) - 1, 0600);
	c = with("facebook.config_id = 5");
	ok(c != NULL, "both files are read");
	is_str(conf_str(c, CONF_PD_CLIENT_ID), "pasted", "the apps' file goes before the other");
	is_str(conf_str(c, CONF_FB_CONFIG_ID), "", "with an empty value, too");
	is_str(conf_str(c, CONF_FB_APP_SECRET), "@/etc/passwd", "what is pasted names no file");
	is_str(conf_str(c, CONF_PD_CLIENT_SECRET), "def", "what is not there is said by the other");
	snprintf(want, sizeof(want), "%s/apps.conf", dir);
	is_str(conf_apps_path(c), want, "it lies beside the configuration");
	ok(!conf_outdated(c), "nobody has written since");
	put_file("apps.conf", some, sizeof(some) - 2, 0600);
	ok(conf_outdated(c), "somebody has");
	put_file("apps.conf", some, sizeof(some) - 1, 0640);
	ok(conf_again(c, &none) != NULL && none == NULL, "what others can read is not read again");
	conf_free(c);
	refuses_apps(some, 0640, "others have access (mode 640");
	refuses_apps("base_url = https://evil.example\n", 0600, ":1: base_url has no place");
	refuses_apps("facebook.app_id = 1\nfacebook.app_id = 2\n", 0600, ":2: facebook.app_id is already set");
	refuses_apps("facebook.app_id = x\n", 0600, "not digits only");
	unlink(want);
	c = with("apps_file = elsewhere/mine");
	snprintf(want, sizeof(want), "%s/elsewhere/mine", dir);
	is_str(conf_apps_path(c), want, "or where it says");
	ok(!conf_outdated(c), "none is none");
	conf_free(c);
}

static void
test_apps_written(void)
{
	struct conf_change pasted[] = { { CONF_PD_CLIENT_ID, "abc" }, { CONF_PD_CLIENT_SECRET, "=#@ odd" },
	    { CONF_FB_HUMAN_AGENT, "yes" } }, out = { CONF_PD_CLIENT_ID, NULL };
	static const struct conf_change bad[] = { { CONF_BASE_URL, "https://evil.example" }, { CONF_FB_APP_ID, "12a" },
	    { CONF_PD_CLIENT_ID, "two\nbase_url = x" }, { CONF_PD_CLIENT_SECRET, "" }, { CONF_FB_APP_SECRET, "\x7f" } };
	struct conf *c = with(""), *to = NULL, *again = NULL;
	struct stat st;
	enum conf_key key = CONF_MAX;
	char file[64];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok((err = conf_with(c, &bad[i], 1, &to, &key)) != NULL && err->code == IB_ECONF && to == NULL && key == bad[i].key,
		    "no place, or no value: %s", conf_name(bad[i].key));
	ok(conf_with(c, pasted, 3, &to, &key) == NULL, "a copy with changes");
	is_str(conf_str(c, CONF_PD_CLIENT_SECRET), "def", "it is a copy");
	ok(conf_save(to) == NULL, "written");
	snprintf(file, sizeof(file), "%s/apps.conf", dir);
	ok(stat(file, &st) == 0 && (st.st_mode & 0777) == 0600, "for us alone");
	ok(conf_outdated(c) && conf_again(c, &again) == NULL, "read again");
	is_str(conf_str(again, CONF_PD_CLIENT_SECRET), "=#@ odd", "as it was pasted");
	ok(conf_bool(again, CONF_FB_HUMAN_AGENT) && !conf_outdated(again), "all of it");
	is_str(conf_str(again, CONF_DATABASE), conf_str(c, CONF_DATABASE), "the rest is as it was");
	conf_free(to);
	ok(conf_with(again, &out, 1, &to, &key) == NULL && conf_save(to) == NULL, "one is taken out");
	is_str(conf_str(to, CONF_PD_CLIENT_SECRET), "=#@ odd", "the others stay");
	conf_free(c);
	c = with("");
	is_str(conf_str(c, CONF_PD_CLIENT_SECRET), "=#@ odd", "on the disk as well");
	conf_free(to);
	conf_free(again);
	conf_free(c);
	unlink(file);
	c = with("apps_file = nowhere/apps.conf");
	ok(conf_with(c, pasted, 3, &to, &key) == NULL && (err = conf_save(to)) != NULL && err->code == IB_ESYS &&
	    strstr(err->msg, "odd") == NULL, "a folder that is not there: said, without the value");
	conf_free(to);
	conf_free(c);
}

int
main(void)
{
	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/inbox.conf", dir);
	test_table();
	test_lines();
	test_big();
	test_kinds();
	test_secrets();
	test_relative();
	test_apps_read();
	test_apps_written();
	unlink(path);
	rmdir(dir);
	return done_testing();
}
