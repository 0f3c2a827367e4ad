/* SPDX-License-Identifier: MIT */
/* Tests of log.h: form of the line, cleaning, redaction, one write. */
#include "clock.h"
#include "log.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* A datagram-like pipe (O_DIRECT): one read gives one write. */
static int pipe_fd[2];
static char line[8192];

static const char *
last(void)
{
	ssize_t n = read(pipe_fd[0], line, sizeof(line) - 1);

	line[n > 0 ? n : 0] = '\0';
	return line;
}

/* What follows the time. */
static const char *
tail(void)
{
	const char *s = last();

	return strlen(s) > 25 ? s + 25 : s;
}

#define HEAD "2026-11-22T10:00:11.042Z "
#define TOKEN "EAAGm0PX4ZCpsBAKZCZBqHxYz0123456789abcdef"

static void
is_value(const char *value, const char *want)
{
	char full[2048];

	log_event(LOG_INFO_, "e", "v", value, NULL);
	snprintf(full, sizeof(full), "info e v=%s\n", want);
	is_str(tail(), full, "value %s", want);
}

static void
test_form(void)
{
	log_event(LOG_WARN_, "hook_refused", "reason", "signature", "bytes", log_i(-12), NULL);
	is_str(last(), HEAD "warn hook_refused reason=signature bytes=-12\n", "a line");
	log_event(LOG_ERROR_, "e", NULL);
	is_str(tail(), "error e\n", "no pairs");
	log_event(LOG_DEBUG_, "e", NULL);
	ok(last()[0] == '\0' && errno == EAGAIN, "below the level: nothing");
	log_context("ab12");
	log_event(LOG_INFO_, "e", "a", "b", NULL);
	is_str(tail(), "info e req=ab12 a=b\n", "context");
	log_context("sync=17");
	log_event(LOG_INFO_, "e", NULL);
	is_str(tail(), "info e sync=17\n", "context of another name");
	log_context("a b\nc");
	log_event(LOG_INFO_, "e", NULL);
	is_str(tail(), "info e req=\"a b\\nc\"\n", "context is cleaned");
	log_context(NULL);
	log_event(LOG_INFO_, "e", NULL);
	is_str(tail(), "info e\n", "context ends");
	is_str(log_i(INT64_MIN), "-9223372036854775808", "number");
	ok(log_i(1) != log_i(2), "two numbers at once");
}

static void
test_clean(void)
{
	char big[9000], *out;
	size_t i;

	is_value(NULL, "-");
	is_value("", "\"\"");
	is_value("plain", "plain");
	is_value("two words", "\"two words\"");
	is_value("a=b", "\"a=b\"");
	is_value("say \"x\" \\", "\"say \\\"x\\\" \\\\\"");
	is_value("a\nb\r\x01\x1b[31m\x7f", "\"a\\nb\\x0d\\x01\\x1b[31m\\x7f\"");
	is_value("\xe4\xba\x88\xe7\xb4\x84", "\xe4\xba\x88\xe7\xb4\x84");
	is_value("\xff\xe4\xba", "\\xff\\xe4\\xba");
	is_value("\xc2\x85\xe2\x80\xa8", "\\xc2\\x85\\xe2\\x80\\xa8");
	log_event(LOG_INFO_, "bad event\nx", "bad key\n", "v", NULL);
	is_str(tail(), "info bad bad=-\n", "names are cut at the first byte that is none");
	log_event(LOG_INFO_, "", "", "v", NULL);
	is_str(tail(), "info - -=v\n", "empty names");

	memset(big, 'x', sizeof(big));
	big[600] = '\0';
	log_event(LOG_INFO_, "e", "v", big, "w", "1", NULL);
	last();
	ok(strlen(line) > 500 && strlen(line) < 570 && strstr(line, "x... w=1\n") != NULL,
	    "a long value is cut, the next is there");
	memset(big, '.', 600);
	log_event(LOG_INFO_, "e", "v", big, NULL);
	ok(strlen(last()) < 570, "long without words, too");
	log_event(LOG_INFO_, "e", "1", big, "2", big, "3", big, "4", big, "5", big, "6", big,
	    "7", big, "8", big, "9", big, "10", big, NULL);
	out = line;
	last();
	is_int(strlen(out), 4096, "a long line is cut");
	ok(out[4095] == '\n' && strchr(out, '\n') == out + 4095, "and ends as one");
	for (i = 0; i < sizeof(big) - 1; i++)
		big[i] = '\x01';
	big[sizeof(big) - 1] = '\0';
	log_event(LOG_INFO_, "e", "v", big, "w", big, "x", big, NULL);
	ok(strlen(last()) == 4096 && out[4095] == '\n', "also with escapes");
}

static void
test_redaction(void)
{
	static const char *const key[] = { "token", "access_token", "ACCESS_TOKEN", "refresh-token",
	    "code", "client_secret", "secret", "cookie", "Set-Cookie", "text", "message.text",
	    "password", "Authorization", "appsecret_proof", "signed_request", "csrf", "body",
	    "client_key", "session", "facebook.app_secret", "snippet" };
	static const char *const value[] = {
		"access_token=SECRETVALUE", "GET /x?a=b&access_token=SECRETVALUE&c=d",
		"https://x/?code=SECRETVALUE", "{\"access_token\":\"SECRETVALUE\",\"x\":1}",
		"{\\\"access_token\\\": \\\"SECRETVALUE\\\"}", "Authorization: Bearer SECRETVALUE",
		"authorization: Basic SECRETVALUE", "Bearer SECRETVALUE", "bearer SECRETVALUE",
		"Basic SECRETVALUE", "access_token%3DSECRETVALUE", "client_secret : 'SECRETVALUE'",
		"input_token=SECRETVALUE", "fb_exchange_token=SECRETVALUE", "Cookie: sid=SECRETVALUE",
		"text=SECRETVALUE", "text: hello SECRETVALUE", "{\"text\":\"one two SECRETVALUE\"}",
		"appsecret_proof=SECRETVALUE", "X-Token=SECRETVALUE", "refresh_token=SECRETVALUE",
		"code=12345-SECRETVALUE", "code=123456SECRETVALUE", "ACCESS_TOKEN=SECRETVALUE",
		"signed_request=sig.SECRETVALUE", "a\naccess_token=SECRETVALUE",
	};
	size_t i;

	for (i = 0; i < sizeof(key) / sizeof(key[0]); i++) {
		log_event(LOG_INFO_, "e", key[i], "SECRETVALUE", "after", "x", NULL);
		ok(strstr(last(), "SECRETVALUE") == NULL && strstr(line, "=- after=x\n") != NULL,
		    "key %s", key[i]);
	}
	for (i = 0; i < sizeof(value) / sizeof(value[0]); i++) {
		log_event(LOG_INFO_, "e", "v", value[i], NULL);
		ok(strstr(last(), "SECRETVALUE") == NULL && strchr(line, '\n') != NULL, "value %s: %s",
		    value[i], line);
	}
	is_value("x?access_token=abc&limit=5", "\"x?access_token=-&limit=5\"");
	is_value("use " TOKEN " now", "\"use - now\"");
	is_value(TOKEN, "-");
	is_value("x/" TOKEN "?y", "x/-?y");
	is_value("EAAshort", "EAAshort");
	is_value("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0", "-.-");
	is_value("the token is dead", "\"the token is dead\"");
	is_value("Authorization: Bearer", "\"Authorization: -\"");
	is_value("Bearer ", "\"Bearer -\"");
	is_value("token=", "\"token=-\"");
	is_value("code: 190", "\"code: 190\"");
	is_value("error code=10 sub=460", "\"error code=10 sub=460\"");
	is_value("code=654321", "\"code=-\"");
	log_event(LOG_INFO_, "e", "code", "190", NULL);
	is_str(tail(), "info e code=190\n", "number of an error as code");

	log_event(LOG_INFO_, "e", "access_token=" TOKEN, "v", NULL);
	is_str(tail(), "info e access_token=-\n", "token in a key");
	log_event(LOG_INFO_, "e", TOKEN, "v", NULL);
	is_str(tail(), "info e -=v\n", "token as a key");
	log_event(LOG_INFO_, TOKEN, NULL);
	is_str(tail(), "info -\n", "token as an event");
	log_context("token=SECRETVALUE");
	log_event(LOG_INFO_, "e", NULL);
	is_str(tail(), "info e token=-\n", "token in the context");
	log_context(NULL);
}

static void
test_err(void)
{
	log_err(NULL, "x");
	ok(last()[0] == '\0', "no error, no line");
	log_err(ib_fail_at("lib/db/db.c", 12, IB_EDB, IB_RETRY_LATER, "disk is full"), "ingest");
	is_str(tail(), "error ingest err=db retry=later at=db.c:12 msg=\"disk is full\"\n", "an error");
	log_err(ib_fail_at("x.c", 1, IB_ETIMEOUT, IB_RETRY_NOW, "slow"), "send");
	is_str(tail(), "warn send err=timeout retry=now at=x.c:1 msg=slow\n", "the others' fault is a warning");
}

int
main(void)
{
	char want[64];

	if (pipe2(pipe_fd, O_DIRECT | O_NONBLOCK) != 0)
		return 1;
	clock_set(INT64_C(1795341611042));
	log_init(NULL, LOG_INFO_, pipe_fd[1]);
	test_form();
	test_clean();
	test_redaction();
	test_err();
	log_init("inbox.fcgi", LOG_DEBUG_, pipe_fd[1]);
	log_event(LOG_DEBUG_, "start", "a", "b", NULL);
	snprintf(want, sizeof(want), "debug start prog=inbox.fcgi pid=%ld a=b\n", (long)getpid());
	is_str(tail(), want, "program and process");
	return done_testing();
}
