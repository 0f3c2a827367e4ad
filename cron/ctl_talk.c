/* SPDX-License-Identifier: MIT */
/* ctl_talk.c - what people read of inboxctl, and what they type.  See ctl.h. */
#include "ctl.h"

#include "../lib/base/crypt.h"
#include "../lib/base/home.h"
#include "../lib/base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

const struct ib_err *
talk_open(struct talk *t, const struct conf *conf)
{
	memset(t, 0, sizeof(*t));
	arena_init(&t->a, (size_t)16 << 20);
	(void)lang_parse(conf_str(conf, CONF_LANGUAGE), &t->lang);
	return cats_load(home_folder(conf_str(conf, CONF_CATALOGUES), HOME_PO), &t->cats);
}

void
talk_close(struct talk *t)
{
	cats_free(t->cats);
	arena_fini(&t->a);
}

enum lang
talk_terminal_lang(void)
{
	static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
	enum lang lang = LANG_EN;
	const char *v;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((v = getenv(names[i])) != NULL && *v != '\0') {
			(void)lang_parse(v, &lang);
			return lang;
		}
	return lang;
}

void
talk_line(const struct talk *t, enum str_id mark, const char *text)
{
	printf("%s %s\n", cat_str(t->cats, t->lang, mark), text != NULL ? text : "");
	(void)fflush(stdout);
}

const char *
talk_int(struct talk *t, int64_t v)
{
	const char *s = arena_printf(&t->a, "%lld", (long long)v);

	return s != NULL ? s : "";
}

bool
talk_yes(struct talk *t, const char *question)
{
	const char *yes = cat_str(t->cats, t->lang, STR_CTL_YES);
	char text[64];

	if (!isatty(STDIN_FILENO))
		return false;
	printf("\n%s\n> ", question);
	(void)fflush(stdout);
	if (fgets(text, sizeof(text), stdin) == NULL)
		return false;
	text[strcspn(text, "\r\n")] = '\0';
	return strcmp(text, yes) == 0 || strcmp(text, "yes") == 0;
}

/* One line from the terminal, which does not show it.  False: there is no terminal. */
static bool
ask_secret(const char *question, char *out, size_t room)
{
	struct termios was, quiet;
	bool good = false;
	FILE *tty;

	if ((tty = fopen("/dev/tty", "r+e")) == NULL)
		return false;
	setbuf(tty, NULL);		/* what is typed stays in no buffer of ours */
	if (tcgetattr(fileno(tty), &was) == 0) {
		quiet = was;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		fprintf(tty, "%s ", question);
		if (tcsetattr(fileno(tty), TCSAFLUSH, &quiet) == 0) {
			good = fgets(out, (int)room, tty) != NULL;
			(void)tcsetattr(fileno(tty), TCSAFLUSH, &was);
			fputc('\n', tty);
		}
	}
	(void)fclose(tty);
	out[good ? strcspn(out, "\r\n") : 0] = '\0';
	return good;
}

static const struct ib_err *
read_secret(const char *file, char *out, size_t room)
{
	const struct ib_err *err = NULL;
	struct stat sb;
	ssize_t n = 0;
	int fd;

	if ((fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "passphrase file %.150s: %s", file, strerror(errno));
	if (fstat(fd, &sb) != 0 || !S_ISREG(sb.st_mode) || (sb.st_mode & 077) != 0)
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "passphrase file %.150s: it must be a regular file that nobody else may "
		    "read (mode 600)", file);
	else if ((n = read(fd, out, room - 1)) < 0)
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "passphrase file %.150s: %s", file, strerror(errno));
	(void)close(fd);
	out[err == NULL ? n : 0] = '\0';
	out[strcspn(out, "\r\n")] = '\0';
	return err;
}

const struct ib_err *
talk_passphrase(struct talk *t, const char *file, bool fresh, char out[PASSPHRASE_MAX])
{
	const struct ib_err *err = NULL;
	char again[PASSPHRASE_MAX];

	*out = '\0';
	if (file != NULL)
		err = read_secret(file, out, PASSPHRASE_MAX);
	else if (!ask_secret(cat_str(t->cats, t->lang, STR_CTL_PASSPHRASE), out, PASSPHRASE_MAX))
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "it takes a passphrase: name the file that holds it with --passphrase-file");
	else if (fresh && (!ask_secret(cat_str(t->cats, t->lang, STR_CTL_PASSPHRASE_AGAIN), again, sizeof(again)) ||
	    strcmp(out, again) != 0))
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "the two passphrases are not the same");
	if (err == NULL && fresh && strlen(out) < PASSPHRASE_MIN)
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "a passphrase has at least %d bytes", PASSPHRASE_MIN);
	crypt_wipe(again, sizeof(again));
	return err;
}
