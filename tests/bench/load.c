/* SPDX-License-Identifier: MIT */
/*
 * load.c - a load on a loopback server: C connections kept alive, N requests
 * in all, one figure line of JSON on stdout: rate, p50, p99, worst, statuses.
 *
 *   load PORT CONNECTIONS REQUESTS get PATH [COOKIE [IF-NONE-MATCH]]
 *   load PORT CONNECTIONS REQUESTS hook PATH SECRET PAGE THREADS SEED
 *
 * Bounded in count; talks to 127.0.0.1 only.  hook: each request is a signed
 * webhook of its own with one message for a random conversation; PSIDs are
 * "9000" and the conversation's number, as data.py makes them.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int port, conns;
static long total, threads_n;
static const char *kind, *path, *cookie, *etag, *secret, *page;
static uint64_t seed;
static int64_t began_ms;
static atomic_long next_no, bytes, bad;
static atomic_long statuses[6];
static double *lat;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t
mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static int
build(char *out, size_t n, long no)
{
	unsigned char mac[32];
	char body[2048], hex[65];
	uint64_t r = mix(seed + (uint64_t)no);
	int len, i;

	if (strcmp(kind, "get") == 0)
		return snprintf(out, n, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept-Language: en\r\n%s%s%s%s%s%s\r\n", path, port,
		    cookie != NULL ? "Cookie: " : "", cookie != NULL ? cookie : "", cookie != NULL ? "\r\n" : "",
		    etag != NULL ? "If-None-Match: " : "", etag != NULL ? etag : "", etag != NULL ? "\r\n" : "");
	len = snprintf(body, sizeof(body), "{\"object\":\"page\",\"entry\":[{\"id\":\"%s\",\"time\":%lld,\"messaging\":[{\"sender\":{\"id\":\"9000%ld\"},"
	    "\"recipient\":{\"id\":\"%s\"},\"timestamp\":%lld,\"message\":{\"mid\":\"m_%016llx%016llxAbCdEfGhIjKlMnOpQrStUvWxYz0123456789\","
	    "\"text\":\"\\u304a\\u5c4b\\u3067\\u4e88\\u7d04 table for four at seven please %ld\"}}]}]}",
	    page, (long long)(began_ms + no), (long)(r % (uint64_t)threads_n) + 1, page, (long long)(began_ms + no),
	    (unsigned long long)r, (unsigned long long)mix(r), no);
	EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, secret, strlen(secret), (unsigned char *)body, (size_t)len, mac, sizeof(mac), NULL);
	for (i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", mac[i]);
	return snprintf(out, n, "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\nX-Hub-Signature-256: sha256=%s\r\n"
	    "Content-Length: %d\r\n\r\n%s", path, port, hex, len, body);
}

static int
dial(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0) {
		perror("connect");
		exit(1);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

/* Read one answer; its status, 0 when the connection ended. *end: the server closes it. */
static int
answer(int fd, bool *end)
{
	static _Thread_local char buf[1 << 20];
	size_t n = 0, head = 0, want = 0;
	bool chunked = false;
	int status = 0;
	ssize_t k;
	char *p;

	*end = false;
	while (head == 0 || n < head + want || (chunked && (n < head + 5 || strcmp(buf + n - 5, "0\r\n\r\n") != 0))) {
		if (n >= sizeof(buf) - 1 || (k = read(fd, buf + n, sizeof(buf) - 1 - n)) <= 0)
			return 0;
		n += (size_t)k;
		buf[n] = '\0';
		if (head == 0 && (p = strstr(buf, "\r\n\r\n")) != NULL) {
			head = (size_t)(p - buf) + 4;
			status = (int)strtol(buf + 9, NULL, 10);
			*p = '\0';
			if ((p = strcasestr(buf, "\r\nContent-Length:")) != NULL)
				want = (size_t)strtol(p + 17, NULL, 10);
			chunked = strcasestr(buf, "\r\nTransfer-Encoding: chunked") != NULL;
			*end = strcasestr(buf, "\r\nConnection: close") != NULL;
		}
	}
	atomic_fetch_add(&bytes, (long)n);
	return status;
}

static void *
worker(void *arg)
{
	char req[8192];
	int fd = dial(), n, status;
	bool end;
	long no;

	(void)arg;
	while ((no = atomic_fetch_add(&next_no, 1)) < total) {
		double t;

		n = build(req, sizeof(req), no);
		t = now();
		if (write(fd, req, (size_t)n) != n || (status = answer(fd, &end)) == 0) {
			atomic_fetch_add(&bad, 1);
			close(fd);
			fd = dial();
			continue;
		}
		lat[no] = now() - t;
		atomic_fetch_add(&statuses[status / 100 < 6 ? status / 100 : 0], 1);
		if (end) {
			close(fd);
			fd = dial();
		}
	}
	close(fd);
	return NULL;
}

static int
cmp(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int
main(int argc, char **argv)
{
	pthread_t t[64];
	double start, took;
	int i;

	if (argc < 6)
		return 2;
	port = (int)strtol(argv[1], NULL, 10);
	conns = (int)strtol(argv[2], NULL, 10);
	total = strtol(argv[3], NULL, 10);
	kind = argv[4];
	path = argv[5];
	if (conns < 1 || conns > 64 || total < 1)
		return 2;
	if (strcmp(kind, "get") == 0) {
		cookie = argc > 6 && *argv[6] != '\0' ? argv[6] : NULL;
		etag = argc > 7 ? argv[7] : NULL;
	} else {
		if (argc < 10)
			return 2;
		secret = argv[6];
		page = argv[7];
		threads_n = strtol(argv[8], NULL, 10);
		seed = (uint64_t)strtol(argv[9], NULL, 10);
	}
	began_ms = (int64_t)time(NULL) * 1000;
	lat = calloc((size_t)total, sizeof(*lat));
	start = now();
	for (i = 0; i < conns; i++)
		pthread_create(&t[i], NULL, worker, NULL);
	for (i = 0; i < conns; i++)
		pthread_join(t[i], NULL);
	took = now() - start;
	qsort(lat, (size_t)total, sizeof(*lat), cmp);
	printf("{\"rate\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"worst_ms\":%.3f,\"bytes\":%ld,\"2xx\":%ld,\"3xx\":%ld,\"4xx\":%ld,\"5xx\":%ld,\"broken\":%ld}\n",
	    (double)total / took, lat[total / 2] * 1e3, lat[total * 99 / 100] * 1e3, lat[total - 1] * 1e3,
	    bytes / total, statuses[2], statuses[3], statuses[4], statuses[5], bad);
	return 0;
}
