/* SPDX-License-Identifier: MIT */
/*
 * floor.c - the least a program can do: bare FastCGI, the same two queries
 * (the product's own text), as many bytes printed by hand, no sessions, no
 * rights, no CSRF, no templates.  It bounds the product from below; it is not
 * a model of it.
 *
 *   /hello    20 KB, fixed; /hello/N: N bytes
 *   /inbox/N  list of 50 rows and the last 30 messages of thread N
 *   /hook     verify the signature, insert one message, update its thread,
 *             commit with synchronous=FULL (its own lean schema)
 *
 * usage: FLOOR_DB=inbox.db FLOOR_HOOK_DB=lean.db floor.fcgi
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE		/* F_OFD_SETLKW */
#endif
#include <fcgiapp.h>
#include <openssl/evp.h>
#include <sqlite3.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <fcntl.h>
#include <unistd.h>

static char out[256 << 10];
static size_t len;

static void
put(const char *s)
{
	size_t n = strlen(s);

	if (len + n < sizeof(out)) {
		memcpy(out + len, s, n);
		len += n;
	}
}

static void
put_escaped(const char *s)
{
	for (; s != NULL && *s != '\0' && len + 8 < sizeof(out); s++) {
		switch (*s) {
		case '&': put("&amp;"); break;
		case '<': put("&lt;"); break;
		case '>': put("&gt;"); break;
		case '"': put("&quot;"); break;
		default: out[len++] = *s;
		}
	}
}

static void
put_int(long long v)
{
	char n[24], *p = n + sizeof(n);
	unsigned long long u = v < 0 ? 0 - (unsigned long long)v : (unsigned long long)v;

	*--p = '\0';
	do
		*--p = (char)('0' + u % 10);
	while ((u /= 10) != 0);
	if (v < 0)
		*--p = '-';
	put(p);
}

#define S(id, text) static const char id[] __attribute__((unused)) = text;
#include "../../lib/db/stmts.def"
#undef S

static sqlite3 *db, *hook_db;
static sqlite3_stmt *list, *msgs, *put_msg, *put_thread, *begin, *commit;
static int lock_fd = -1;

static sqlite3_stmt *
prepare(sqlite3 *d, const char *sql)
{
	sqlite3_stmt *st;

	if (sqlite3_prepare_v3(d, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL) != SQLITE_OK) {
		fprintf(stderr, "floor: %s\n", sqlite3_errmsg(d));
		exit(1);
	}
	return st;
}

static void
open_all(void)
{
	const char *path = getenv("FLOOR_DB"), *hook = getenv("FLOOR_HOOK_DB");
	char lock[4096];

	if (path == NULL || sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		exit(1);
	sqlite3_exec(db, "PRAGMA mmap_size=0; PRAGMA cache_size=-8192; PRAGMA wal_autocheckpoint=0", NULL, NULL, NULL);
	list = prepare(db, ST_THREAD_LIST);
	sqlite3_bind_int(list, 1, 1);
	sqlite3_bind_int(list, 2, 1);
	sqlite3_bind_int(list, 3, 51);
	msgs = prepare(db, ST_MESSAGE_NEWEST);
	sqlite3_bind_int(msgs, 2, 31);
	if (hook == NULL)
		return;
	snprintf(lock, sizeof(lock), "%s-lock", hook);
	lock_fd = open(lock, O_RDWR | O_CREAT, 0600);
	if (sqlite3_open_v2(hook, &hook_db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		exit(1);
	sqlite3_busy_timeout(hook_db, 5000);
	sqlite3_exec(hook_db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA mmap_size=0;"
	    "PRAGMA cache_size=-8192; PRAGMA wal_autocheckpoint=0", NULL, NULL, NULL);
	begin = prepare(hook_db, "BEGIN IMMEDIATE");
	commit = prepare(hook_db, "COMMIT");
	put_msg = prepare(hook_db, "INSERT INTO message(thread_id, at, mid, dir, text) VALUES(?1, ?2, ?3, 0, ?4)"
	    " ON CONFLICT DO NOTHING");
	put_thread = prepare(hook_db, "UPDATE thread SET last_at = max(last_at, ?2), snippet = ?3 WHERE id = ?1");
}

static void
head(FCGX_Request *r)
{
	FCGX_FPrintF(r->out, "Status: 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n", (int)len);
	FCGX_PutStr(out, (int)len, r->out);
}

static void
hello(FCGX_Request *r, long n)
{
	len = n > 0 && (size_t)n < sizeof(out) ? (size_t)n : 20480;
	memset(out, 'x', len);
	head(r);
}

/*
 * The product's page is captured once by the runner and cut into its constant
 * parts here by size: what is around the rows is printed as one block.
 */
static char *frame_top, *frame_end;
static size_t row_fill, msg_fill;
static char fill[8192];

static void
load_frame(void)
{
	const char *top = getenv("FLOOR_FRAME"), *rows = getenv("FLOOR_ROW"), *m = getenv("FLOOR_MSG");
	size_t n = top == NULL ? 2048 : (size_t)strtoul(top, NULL, 10);

	frame_top = malloc(n + 1);
	memset(frame_top, 'f', n);
	frame_top[n] = '\0';
	frame_end = frame_top + n;
	row_fill = rows == NULL ? 300 : (size_t)strtoul(rows, NULL, 10);
	msg_fill = m == NULL ? 300 : (size_t)strtoul(m, NULL, 10);
	memset(fill, '-', sizeof(fill) - 1);
}

static void
put_fill(size_t n)
{
	if (n > sizeof(fill) - 1)
		n = sizeof(fill) - 1;
	if (len + n < sizeof(out)) {
		memcpy(out + len, fill, n);
		len += n;
	}
}

static void
inbox(FCGX_Request *r, long long thread)
{
	int n;

	len = 0;
	put(frame_top);
	for (n = 0; sqlite3_step(list) == SQLITE_ROW && n < 50; n++) {
		put_fill(row_fill);
		put("<li id=\"t-");
		put_int(sqlite3_column_int64(list, 0));
		put(sqlite3_column_int64(list, 7) > sqlite3_column_int64(list, 12) ? "\" class=\"unread\"><b>" : "\"><b>");
		put_escaped((const char *)sqlite3_column_text(list, 3));
		put("</b><span>");
		put_escaped((const char *)sqlite3_column_text(list, 4));
		put("</span><time>");
		put_int(sqlite3_column_int64(list, 6));
		put("</time></li>");
	}
	sqlite3_reset(list);
	sqlite3_bind_int64(msgs, 1, thread);
	for (n = 0; sqlite3_step(msgs) == SQLITE_ROW && n < 30; n++) {
		put_fill(msg_fill);
		put("<li id=\"m-");
		put_int(sqlite3_column_int64(msgs, 1));
		put(sqlite3_column_int64(msgs, 6) ? "\" class=\"out\"><p>" : "\"><p>");
		put_escaped((const char *)sqlite3_column_text(msgs, 2));
		put("</p><time>");
		put_int(sqlite3_column_int64(msgs, 0));
		put("</time></li>");
	}
	sqlite3_reset(msgs);
	head(r);
}

/* The one value after "key": as a string, without its quotes. */
static bool
find(const char *body, const char *key, char *to, size_t n)
{
	const char *p = strstr(body, key);
	size_t k = 0;

	if (p == NULL)
		return false;
	p += strlen(key);
	while (*p != '\0' && *p != '"' && *p != ',' && *p != '}' && k + 1 < n)
		to[k++] = *p++;
	to[k] = '\0';
	return true;
}

static void
hook(FCGX_Request *r)
{
	static const char secret[] = "3f1c9a7d5be24860a1d2c3b4e5f60718";
	char body[65536], mid[256], text[4096], psid[64], ts[32], hex[65];
	const char *sig = FCGX_GetParam("HTTP_X_HUB_SIGNATURE_256", r->envp);
	unsigned char mac[32];
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	size_t n = 0, i;
	int k;

	len = 0;
	while (n < sizeof(body) - 1 && (k = FCGX_GetStr(body + n, (int)(sizeof(body) - 1 - n), r->in)) > 0)
		n += (size_t)k;
	body[n] = '\0';
	EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, secret, sizeof(secret) - 1, (unsigned char *)body, n, mac, sizeof(mac), NULL);
	for (i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", mac[i]);
	if (sig == NULL || strcmp(sig + 7, hex) != 0 || !find(body, "\"mid\":\"", mid, sizeof(mid)) ||
	    !find(body, "\"text\":\"", text, sizeof(text)) || !find(body, "\"sender\":{\"id\":\"", psid, sizeof(psid)) ||
	    !find(body, "\"timestamp\":", ts, sizeof(ts))) {
		FCGX_FPrintF(r->out, "Status: 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
		return;
	}
	fcntl(lock_fd, F_OFD_SETLKW, &fl);
	sqlite3_step(begin);
	sqlite3_reset(begin);
	/* PSIDs of the data set are the thread's number behind a prefix. */
	sqlite3_bind_int64(put_msg, 1, strtoll(psid + 4, NULL, 10));
	sqlite3_bind_int64(put_msg, 2, strtoll(ts, NULL, 10));
	sqlite3_bind_text(put_msg, 3, mid, -1, SQLITE_STATIC);
	sqlite3_bind_text(put_msg, 4, text, -1, SQLITE_STATIC);
	sqlite3_step(put_msg);
	sqlite3_reset(put_msg);
	sqlite3_bind_int64(put_thread, 1, strtoll(psid + 4, NULL, 10));
	sqlite3_bind_int64(put_thread, 2, strtoll(ts, NULL, 10));
	sqlite3_bind_text(put_thread, 3, text, -1, SQLITE_STATIC);
	sqlite3_step(put_thread);
	sqlite3_reset(put_thread);
	k = sqlite3_step(commit);
	sqlite3_reset(commit);
	fl.l_type = F_UNLCK;
	fcntl(lock_fd, F_OFD_SETLK, &fl);
	FCGX_FPrintF(r->out, "Status: %s\r\nContent-Length: 0\r\n\r\n", k == SQLITE_DONE ? "200 OK" : "503 Busy");
}

int
main(void)
{
	FCGX_Request r;

	open_all();
	load_frame();
	FCGX_Init();
	FCGX_InitRequest(&r, 0, 0);
	while (FCGX_Accept_r(&r) == 0) {
		const char *uri = FCGX_GetParam("REQUEST_URI", r.envp), *t;

		if (uri != NULL && (t = strstr(uri, "/inbox/")) != NULL)
			inbox(&r, strtoll(t + 7, NULL, 10));
		else if (uri != NULL && strstr(uri, "/hook") != NULL)
			hook(&r);
		else
			hello(&r, uri != NULL && (t = strstr(uri, "/hello/")) != NULL ? strtol(t + 7, NULL, 10) : 0);
		FCGX_Finish_r(&r);
	}
	return frame_end == NULL;
}
