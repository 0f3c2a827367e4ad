/* SPDX-License-Identifier: MIT */
/* Tests of crypt.h: vectors of messenger.md and RFCs, sealing, key files. */
#include "crypt.h"
#include "str.h"
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET "3f1c9a7d5be24860a1d2c3b4e5f60718"

static struct arena a;
static char dir[] = "/tmp/ib-crypt-XXXXXX";
static char path[64];

static void
test_digest(void)
{
	static const char long_key[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	uint8_t d[32], e[32];
	char hex[65];
	int i;

	crypt_sha256("abc", 3, d);
	str_hex(hex, d, 32);
	is_str(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "sha256 abc");
	crypt_sha256(NULL, 0, d);
	str_hex(hex, d, 32);
	is_str(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "sha256 of nothing");
	/* RFC 4231, cases 1, 2 and 6: the kept context takes any key after any other. */
	for (i = 0; i < 2; i++) {
		ok(crypt_hmac("\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", 20,
		    "Hi There", 8, d), "hmac");
		str_hex(hex, d, 32);
		is_str(hex, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7", "case 1");
		ok(crypt_hmac2("Jefe", 4, "what do ya want ", 16, "for nothing?", 12, d), "hmac in two pieces");
		str_hex(hex, d, 32);
		is_str(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", "case 2");
	}
	ok(crypt_hmac(long_key, sizeof(long_key) - 1, "x", 1, d) && crypt_hmac2(long_key, sizeof(long_key) - 1,
	    NULL, 0, "x", 1, e) && crypt_equal(d, e, 32), "long key; an empty piece");
	ok(crypt_hmac("k", 1, NULL, 0, d), "nothing to sign");
	ok(!crypt_hmac("", 0, "x", 1, d) && !crypt_hmac(NULL, 0, "x", 1, d), "no key, no signature");

	ok(crypt_equal("ab", "ac", 1) && !crypt_equal("ab", "ac", 2), "equal bytes");
	ok(crypt_equal_str("abc", "abc") && !crypt_equal_str("abc", "abd") && !crypt_equal_str("abc", "ab") &&
	    !crypt_equal_str("", "a") && crypt_equal_str("", "") && !crypt_equal_str(NULL, "") &&
	    !crypt_equal_str("", NULL) && !crypt_equal_str(NULL, NULL), "equal texts");
	memset(d, 7, 32);
	crypt_wipe(d, 32);
	for (i = 0; i < 32 && d[i] == 0; i++)
		;
	is_int(i, 32, "wiped");
	crypt_wipe(NULL, 0);
}

static void
test_meta(void)
{
	static const char body[] = "{\"object\":\"page\",\"entry\":[{\"id\":\"108422330517604\",\"time\":1795341600123,"
	    "\"messaging\":[{\"sender\":{\"id\":\"6804412339871205\"},\"recipient\":{\"id\":\"108422330517604\"},"
	    "\"timestamp\":1795341599870,\"message\":{\"mid\":\"m_TestVector01\",\"text\":\"Caf\\u00e9 \\ud83d\\ude00 "
	    "50\\u0025 a\\/b\"}}]}]}";
	static const char good[] = "sha256=7467ebe54aa03b97b41849938ef4b215c0f3f89cba5f6a5e2bd1bb54ab07bb4e";
	static const char payload[] = "eyJ1c2VyX2lkIjoiMTAyMjk0ODExMjM0NTY3ODkiLCJhbGdvcml0aG0iOiJITUFDLVNIQTI1NiIs"
	    "Imlzc3VlZF9hdCI6MTc5NTM0MTYwMH0";
	const size_t n = sizeof(body) - 1;
	char proof[65], bad[80];
	uint8_t mac[32];
	struct ib_buf b;

	is_int(n, 268, "the vector is whole");
	ok(crypt_hub_ok(SECRET, good, body, n), "webhook signature");
	ok(!crypt_hub_ok(SECRET, good, body, n - 1), "shorter body");
	ok(!crypt_hub_ok("3f1c9a7d5be24860a1d2c3b4e5f60719", good, body, n), "other secret");
	ok(!crypt_hub_ok("", good, body, n) && !crypt_hub_ok(NULL, good, body, n), "no secret");
	ok(!crypt_hub_ok(SECRET, NULL, body, n) && !crypt_hub_ok(SECRET, "", body, n) &&
	    !crypt_hub_ok(SECRET, "sha256=", body, n), "no header");
	ok(!crypt_hub_ok(SECRET, good + 7, body, n), "without its name");
	ok(!crypt_hub_ok(SECRET, "sha1=498c92ee253465e44d654ffba66c08ebddc14636", body, n), "SHA-1");
	snprintf(bad, sizeof(bad), "%s0", good);
	ok(!crypt_hub_ok(SECRET, bad, body, n), "longer");
	snprintf(bad, sizeof(bad), "%.*s", 70, good);
	ok(!crypt_hub_ok(SECRET, bad, body, n), "shorter");
	snprintf(bad, sizeof(bad), "%s", good);
	bad[70] = 'f';
	ok(!crypt_hub_ok(SECRET, bad, body, n), "last digit");

	ok(crypt_proof(SECRET, "EAATESTTOKEN123", proof), "proof");
	is_str(proof, "af52de2ceece180476f29597d5eaa71eaa821e00aac49da4114828a43cdc83f8", "appsecret_proof");
	ok(crypt_proof(SECRET, "EAATESTTOKEN123|1795341600", proof), "proof with time");
	is_str(proof, "08835bb60e77dc776174a743436576f92268a7779fed903167699010ccc57c74", "its value");
	ok(!crypt_proof("", "x", proof) && !crypt_proof(NULL, "x", proof) && !crypt_proof(SECRET, NULL, proof) &&
	    proof[0] == '\0', "no proof");

	buf_init(&b, 1000);
	ok(crypt_hmac(SECRET, strlen(SECRET), payload, strlen(payload), mac), "signed_request");
	str_base64url(&b, mac, 32);
	is_str(buf_cstr(&b), "4lb0fye331zFVpwZtpt0o-1mlgbWqj8BvaXO264UFYs", "its signature");
	buf_clear(&b);
	ok(str_unbase64url(&b, payload, strlen(payload)), "its payload");
	is_str(buf_cstr(&b), "{\"user_id\":\"10229481123456789\",\"algorithm\":\"HMAC-SHA256\",\"issued_at\":1795341600}",
	    "decoded");
	buf_fini(&b);
}

static void
test_random(void)
{
	uint8_t r[2][32] = { { 0 }, { 0 } };
	char *t[2] = { NULL, NULL };

	ok(crypt_random(r[0], 32) == NULL && crypt_random(r[1], 32) == NULL &&
	    memcmp(r[0], r[1], 32) != 0, "random");
	ok(crypt_token(&a, 16, &t[0]) == NULL && crypt_token(&a, 16, &t[1]) == NULL && strlen(t[0]) == 22 &&
	    strcmp(t[0], t[1]) != 0, "tokens");
	ok(crypt_token(&a, 65, &t[0]) != NULL && t[0] == NULL, "absurd token");
	ok(crypt_random(r[0], SIZE_MAX) != NULL, "absurd random");
}

static void
put_file(const char *text, mode_t mode)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fchmod(fd, mode) != 0)
		printf("# cannot write %s\n", path);
	close(fd);
}

static struct keyring *
load(void)
{
	struct keyring *k = (struct keyring *)path;
	const struct ib_err *err = keyring_load(path, &k);

	if (err != NULL && k != NULL)
		ok(false, "NULL on error");
	return err == NULL ? k : NULL;
}

#define K1 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define K2 "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff"

static void
test_keyring(void)
{
	static const char *const bad[] = { "", "\n", K1 "\n", "1\n", "1 \n", "1 " K1 "0\n", "1 00\n", "x " K1 "\n",
	    "0 " K1 "\n", "-1 " K1 "\n", "01 " K1 "\n", "99999999999 " K1 "\n", "1  " K1 "\n", " 1 " K1 "\n",
	    "1 " K1 "\r\n", "1 " K1 "\n2 " K2 "\n", "1 " K1 "\n1 " K2 "\n", "3 " K1 "\n2 " K2 "\n1 " K1 "\n",
	    "2 " K1 "\n\n1 " K2 "\n", "# key\n1 " K1 "\n" };
	const struct ib_err *err;
	struct keyring *k;
	struct stat st;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put_file(bad[i], 0600);
		k = load();
		ok(k == NULL, "bad key file %zu", i);
		keyring_free(k);
	}
	put_file("1 " K1 "\nx", 0600);
	err = keyring_load(path, &k);
	ok(err != NULL && err->code == IB_ECONF && strstr(err->msg, "000102") == NULL, "no key in the message");
	put_file("1 " K1, 0600);
	ok((k = load()) != NULL, "without the last newline");
	keyring_free(k);
	put_file("1 " K1 "\n", 0400);
	ok((k = load()) != NULL, "read-only is fine");
	keyring_free(k);
	put_file("1 " K1 "\n", 0640);
	ok(load() == NULL, "group may read: refused");
	put_file("1 " K1 "\n", 0604);
	ok(load() == NULL, "others may read: refused");
	put_file("1 " K1 "\n", 0600);
	if (geteuid() == 0 && chown(path, 65534, 65534) == 0)
		ok(load() == NULL, "of another user: refused");
	unlink(path);
	ok(load() == NULL, "missing");
	ok(mkfifo(path, 0600) == 0 && load() == NULL, "a pipe: refused, not waited for");
	unlink(path);
	ok(mkdir(path, 0700) == 0 && load() == NULL, "a folder: refused");
	rmdir(path);

	umask(0);
	ok(keyring_create(path) == NULL, "create");
	ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600 && st.st_size == 67, "mode 0600");
	ok((k = load()) != NULL, "and load");
	keyring_free(k);
	ok(keyring_create(path) != NULL && stat(path, &st) == 0 && st.st_size == 67, "never overwritten");
	unlink(path);
	ok(symlink("/nonexistent/x", path) == 0 && keyring_create(path) != NULL, "a link is not followed");
	unlink(path);
	ok(keyring_create("/nonexistent/key") != NULL, "no folder");
	keyring_free(NULL);
}

static bool
opens(const struct keyring *k, const char *aad, const char *sealed, const char *want)
{
	char *plain = path;
	const struct ib_err *err = keyring_open(k, &a, aad, sealed, &plain);

	if (want == NULL)
		return err != NULL && err->code == IB_EAUTH && plain == NULL;
	return err == NULL && plain != NULL && strcmp(plain, want) == 0;
}

static void
test_seal(void)
{
	struct keyring *k1, *k2, *k21;
	char *s = NULL, *t = NULL, *e = NULL, *big, *copy;
	uint8_t x[32], y[32];
	struct arena tiny;
	size_t i, bad = 0;
	char hex[65];

	put_file("1 " K1 "\n", 0600);
	k1 = load();
	put_file("2 " K2 "\n", 0600);
	k2 = load();
	put_file("2 " K2 "\n1 " K1 "\n", 0600);
	k21 = load();
	if (!ok(k1 != NULL && k2 != NULL && k21 != NULL, "keyrings"))
		return;
	ok(keyring_seal(k1, &a, "page.token.17", "EAAB caf\xc3\xa9", &s) == NULL, "seal");
	ok(s != NULL && strncmp(s, "v1.", 3) == 0 && strlen(s) == 3 + (12 + 10 + 16) * 4 / 3 + 1, "its form");
	ok(strstr(s, "EAAB") == NULL, "not in clear");
	ok(opens(k1, "page.token.17", s, "EAAB caf\xc3\xa9"), "open");
	ok(keyring_seal(k1, &a, "page.token.17", "EAAB caf\xc3\xa9", &t) == NULL && strcmp(s, t) != 0,
	    "another nonce each time");
	ok(opens(k1, "page.token.18", s, NULL), "another row");
	ok(opens(k1, "", s, NULL), "no place");
	ok(opens(k2, "page.token.17", s, NULL), "unknown key");
	ok(opens(k21, "page.token.17", s, "EAAB caf\xc3\xa9"), "old key still opens");
	ok(keyring_seal(k21, &a, "x", "y", &t) == NULL && strncmp(t, "v2.", 3) == 0 && opens(k2, "x", t, "y"),
	    "the newest seals");
	ok(opens(k1, "x", t, NULL), "an older keyring does not open it");
	t[1] = '1';
	ok(opens(k21, "x", t, NULL), "another version on it");
	copy = arena_dup(&a, s);
	for (i = 3; copy[i] != '\0'; i++) {
		copy[i] = copy[i] == 'A' ? 'B' : 'A';
		bad += !opens(k1, "page.token.17", copy, NULL);
		copy[i] = s[i];
	}
	is_int(bad, 0, "no digit can be changed");
	for (i = 0; s[i] != '\0'; i++)
		bad += !opens(k1, "page.token.17", arena_dupn(&a, s, i), NULL);
	is_int(bad, 0, "nor can it be cut");
	ok(opens(k1, "x", NULL, NULL) && opens(k1, "x", "plain", NULL) && opens(k1, "x", "v", NULL) &&
	    opens(k1, "x", "v1", NULL) && opens(k1, "x", "v01.AAAA", NULL) &&
	    opens(k1, "x", "v99999999999999999999.AAAA", NULL) && opens(k1, "x", "v1.!!", NULL), "no sealed values");
	ok(keyring_seal(k1, &a, "x", "", &e) == NULL && opens(k1, "x", e, ""), "empty text");
	ok(keyring_seal(k1, &a, "", "y", &e) == NULL && opens(k1, "", e, "y") && opens(k1, "x", e, NULL),
	    "empty place");
	big = arena_alloc(&a, (1 << 20) + 2);
	memset(big, 'z', (1 << 20) + 1);
	big[(1 << 20) + 1] = '\0';
	ok(keyring_seal(k1, &a, "x", big, &e) != NULL && e == NULL, "too long");
	big[1 << 20] = '\0';
	ok(keyring_seal(k1, &a, "x", big, &e) == NULL && opens(k1, "x", e, big), "a mebibyte");
	arena_init(&tiny, 10);
	ok(keyring_seal(k1, &tiny, "x", "secret", &e) != NULL && e == NULL &&
	    keyring_open(k1, &tiny, "page.token.17", s, &e) != NULL && e == NULL, "arena is full");
	arena_fini(&tiny);

	keyring_subkey(k1, "csrf", x);
	keyring_subkey(k1, "csrf", y);
	ok(memcmp(x, y, 32) == 0, "a subkey is the same again");
	str_hex(hex, x, 32);
	is_str(hex, "ce7db958043c45b87ba51449115e06ca7a92d5cad4f74e402de22b2fdd55ffda", "and in every build");
	keyring_subkey(k1, "state", y);
	ok(memcmp(x, y, 32) != 0, "another for each purpose");
	keyring_subkey(k21, "csrf", y);
	ok(memcmp(x, y, 32) != 0, "of the newest key");
	keyring_free(k1);
	keyring_free(k2);
	keyring_free(k21);
	unlink(path);
}

/* What a sealed file gives back for this passphrase; -1: refused, with `code`. */
static ssize_t
unsealed(int fd, const char *passphrase, char *out, enum ib_code *code)
{
	const struct ib_err *err;
	struct sealed *s = NULL;
	const void *p;
	ssize_t len = 0;
	size_t n = 1;

	if (lseek(fd, 0, SEEK_SET) != 0)
		return -2;
	if ((err = sealed_open(fd, passphrase, &s)) == NULL)
		while (n > 0 && (err = sealed_read(s, &p, &n)) == NULL) {
			memcpy(out + len, p, n);
			len += (ssize_t)n;
		}
	sealed_free(s);
	if (err != NULL)
		*code = err->code;
	return err != NULL ? -1 : len;
}

static void
test_sealed_files(void)
{
	static const size_t sizes[] = { 0, 1, SEALED_PIECE - 1, SEALED_PIECE, SEALED_PIECE + 1, 3 * SEALED_PIECE };
	static char text[3 * SEALED_PIECE], back[4 * SEALED_PIECE];
	enum ib_code code = 0;
	struct sealed *s;
	off_t end;
	size_t i, at;
	char c;
	int fd;

	for (i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7 + i / 251);
	snprintf(path, sizeof(path), "%s/sealed", dir);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if ((fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600)) < 0 || sealed_create(fd, "a long passphrase", &s) != NULL)
			break;
		for (at = 0; at < sizes[i]; at += 1000)
			if (sealed_write(s, text + at, sizes[i] - at < 1000 ? sizes[i] - at : 1000) != NULL)
				break;
		ok(sealed_end(s) == NULL, "%zu bytes are sealed", sizes[i]);
		sealed_free(s);
		ok(sealed_is(fd), "and look so");
		ok(unsealed(fd, "a long passphrase", back, &code) == (ssize_t)sizes[i] && memcmp(back, text, sizes[i]) == 0, "and come back");
		ok(unsealed(fd, "another passphrase", back, &code) == -1 && code == IB_EAUTH, "not with another passphrase");
		end = lseek(fd, 0, SEEK_END);
		ok(pread(fd, &c, 1, end - 1) == 1 && (c ^= 1, pwrite(fd, &c, 1, end - 1) == 1) &&
		    unsealed(fd, "a long passphrase", back, &code) == -1 && code == IB_EPARSE, "not when a bit is another");
		/* Whole pieces may be all that is left. */
		ok(ftruncate(fd, sizes[i] > SEALED_PIECE ? 48 + SEALED_PIECE + 16 : end - 1) == 0 &&
		    unsealed(fd, "a long passphrase", back, &code) == -1 && code == IB_EPARSE, "not when its end is missing");
		close(fd);
	}
	if ((fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600)) >= 0) {
		ok(!sealed_is(fd) && unsealed(fd, "x", back, &code) == -1 && code == IB_EPARSE, "an empty file");
		memset(back, 0, 48);
		memcpy(back, "inbox-sealed-1\n\x3f", 16);
		ok(pwrite(fd, back, 48, 0) == 48 && unsealed(fd, "x", back, &code) == -1 && code == IB_EPARSE,
		    "a file that would take all memory");
		close(fd);
	}
	(void)unlink(path);
}

static void
test_digest_in_pieces(void)
{
	struct crypt_digest *d = crypt_digest_new();
	uint8_t one[32], two[32];

	crypt_sha256("abcdef", 6, one);
	crypt_digest_add(d, "abc", 3);
	crypt_digest_add(d, "", 0);
	crypt_digest_add(d, "def", 3);
	crypt_digest_end(d, two);
	ok(memcmp(one, two, 32) == 0, "sha256 in pieces");
	crypt_digest_end(d, two);
	crypt_sha256("", 0, one);
	ok(memcmp(one, two, 32) == 0, "starts anew");
	crypt_digest_free(d);
}

int
main(void)
{
	arena_init(&a, ARENA_REQUEST_MAX);
	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/key", dir);
	test_digest();
	test_meta();
	test_random();
	test_keyring();
	test_seal();
	test_sealed_files();
	test_digest_in_pieces();
	rmdir(dir);
	arena_fini(&a);
	return done_testing();
}
