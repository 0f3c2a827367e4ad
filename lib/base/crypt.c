/* SPDX-License-Identifier: MIT */
/*
 * crypt.c - the only door to OpenSSL (3.0, EVP only).
 *
 * Algorithms are fetched once and the contexts for digest, HMAC and cipher are
 * kept: fetching costs more than hashing a webhook.  They belong to the
 * process and are never freed.  One thread, so no locks.  A missing SHA-256 is
 * a broken installation: crypt_sha256() and the key derivation abort then,
 * because going on with a wrong digest would be worse.
 */
#include "crypt.h"
#include "file.h"
#include "str.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_LEN		32
#define NONCE_LEN	12
#define TAG_LEN		16
#define PLAIN_MAX	((size_t)1 << 20)
#define KEYS_MAX	2

/* OSSL_PARAM takes text without const and only reads it. */
static char sha256_name[] = "SHA256";

static EVP_MD_CTX	*md_ctx;
static EVP_MD		*md_sha256;
static EVP_MAC_CTX	*mac_ctx;
static EVP_CIPHER	*gcm;
static EVP_CIPHER_CTX	*gcm_ctx;

void
crypt_wipe(void *p, size_t n)
{
	if (p != NULL)
		OPENSSL_cleanse(p, n);
}

/* ---- random ---- */

const char *
crypt_library(void)
{
	return OpenSSL_version(OPENSSL_VERSION_STRING);
}

const struct ib_err *
crypt_random(void *out, size_t n)
{
	uint8_t *p = out;
	ssize_t got;

	/* From the kernel: OpenSSL's generator is only seeded there, and making it takes a start 1 ms. */
	for (; n > 0; p += got, n -= (size_t)got)
		if (n > INT_MAX || (got = getrandom(p, n < 256 ? n : 256, 0)) <= 0)
			return ib_fail(IB_ESYS, IB_RETRY_LATER, "crypt: no random bytes");
	return NULL;
}

const struct ib_err *
crypt_token(struct arena *a, size_t n, char **out)
{
	const struct ib_err *err;
	uint8_t raw[64];
	struct ib_buf b;

	*out = NULL;
	if (n > sizeof(raw))
		return ib_fail(IB_ELIMIT, IB_RETRY_NEVER, "crypt: token of %zu bytes", n);
	buf_init(&b, 2 * sizeof(raw));
	if ((err = crypt_random(raw, n)) != NULL)
		goto done;
	str_base64url(&b, raw, n);
	if ((err = buf_check(&b)) != NULL)
		goto done;
	if ((*out = arena_dup(a, buf_cstr(&b))) == NULL)
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "crypt: no memory for a token");
done:
	crypt_wipe(raw, sizeof(raw));
	crypt_wipe(b.p, b.len);
	buf_fini(&b);
	return err;
}

/* ---- digests ---- */

void
crypt_sha256(const void *p, size_t n, uint8_t out[32])
{
	unsigned len = 0;

	if (md_ctx == NULL) {
		md_sha256 = EVP_MD_fetch(NULL, sha256_name, NULL);
		md_ctx = EVP_MD_CTX_new();
		if (md_sha256 == NULL || md_ctx == NULL ||
		    EVP_DigestInit_ex2(md_ctx, md_sha256, NULL) != 1)
			abort();
	}
	/* Without a type the context keeps the one it has and starts anew. */
	if (EVP_DigestInit_ex2(md_ctx, NULL, NULL) != 1 ||
	    EVP_DigestUpdate(md_ctx, n == 0 ? "" : p, n) != 1 ||
	    EVP_DigestFinal_ex(md_ctx, out, &len) != 1 || len != 32)
		abort();
}

struct crypt_digest *
crypt_digest_new(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t none[32];

	crypt_sha256("", 0, none);		/* it has the algorithm fetched */
	if (ctx != NULL && EVP_DigestInit_ex2(ctx, md_sha256, NULL) != 1)
		abort();
	return (struct crypt_digest *)ctx;
}

void
crypt_digest_add(struct crypt_digest *d, const void *p, size_t n)
{
	if (n > 0 && EVP_DigestUpdate((EVP_MD_CTX *)d, p, n) != 1)
		abort();
}

void
crypt_digest_end(struct crypt_digest *d, uint8_t out[32])
{
	unsigned len = 0;

	if (EVP_DigestFinal_ex((EVP_MD_CTX *)d, out, &len) != 1 || len != 32 ||
	    EVP_DigestInit_ex2((EVP_MD_CTX *)d, NULL, NULL) != 1)
		abort();
}

void
crypt_digest_free(struct crypt_digest *d)
{
	EVP_MD_CTX_free((EVP_MD_CTX *)d);
}

static bool
mac_ready(void)
{
	OSSL_PARAM params[2];
	EVP_MAC *mac;

	if (mac_ctx != NULL)
		return true;
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256_name, 0);
	params[1] = OSSL_PARAM_construct_end();
	if ((mac = EVP_MAC_fetch(NULL, "HMAC", NULL)) == NULL)
		return false;
	mac_ctx = EVP_MAC_CTX_new(mac);
	EVP_MAC_free(mac);		/* the context holds it */
	if (mac_ctx != NULL && EVP_MAC_CTX_set_params(mac_ctx, params) != 1) {
		EVP_MAC_CTX_free(mac_ctx);
		mac_ctx = NULL;
	}
	return mac_ctx != NULL;
}

bool
crypt_hmac2(const void *key, size_t keylen, const void *p, size_t n,
    const void *q, size_t m, uint8_t out[32])
{
	size_t len = 0;

	/* An empty key is a missing secret: everybody could sign with it. */
	if (key == NULL || keylen == 0 || !mac_ready())
		return false;
	return EVP_MAC_init(mac_ctx, key, keylen, NULL) == 1 &&
	    (n == 0 || EVP_MAC_update(mac_ctx, p, n) == 1) &&
	    (m == 0 || EVP_MAC_update(mac_ctx, q, m) == 1) &&
	    EVP_MAC_final(mac_ctx, out, &len, 32) == 1 && len == 32;
}

bool
crypt_hmac(const void *key, size_t keylen, const void *p, size_t n, uint8_t out[32])
{
	return crypt_hmac2(key, keylen, p, n, NULL, 0, out);
}

bool
crypt_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

bool
crypt_equal_str(const char *a, const char *b)
{
	size_t n, m;
	bool same;

	if (a == NULL || b == NULL)
		return false;
	n = strlen(a);
	m = strlen(b);
	same = CRYPTO_memcmp(a, b, n < m ? n : m) == 0;
	return same && n == m;
}

bool
crypt_hub_ok(const char *secret, const char *header, const void *body, size_t n)
{
	uint8_t got[32], want[32];
	bool good;

	if (secret == NULL || header == NULL || !str_starts(header, "sha256=") ||
	    !str_unhex(want, sizeof(want), header + 7))
		return false;
	good = crypt_hmac(secret, strlen(secret), body, n, got) &&
	    crypt_equal(got, want, sizeof(got));
	crypt_wipe(got, sizeof(got));
	return good;
}

bool
crypt_proof(const char *secret, const char *token, char out[65])
{
	uint8_t mac[32];

	out[0] = '\0';
	if (secret == NULL || token == NULL ||
	    !crypt_hmac(secret, strlen(secret), token, strlen(token), mac))
		return false;
	str_hex(out, mac, sizeof(mac));
	crypt_wipe(mac, sizeof(mac));
	return true;
}

/* ---- keyring ---- */

struct master {
	int64_t	version;
	uint8_t	key[KEY_LEN];
	uint8_t	seal[KEY_LEN];		/* subkey "seal", derived once */
};

struct keyring {
	size_t		n;
	struct master	key[KEYS_MAX];	/* newest first */
};

static void
derive(const uint8_t key[KEY_LEN], const char *purpose, uint8_t out[KEY_LEN])
{
	static char prefix[] = "messenger-inbox ";
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
	OSSL_PARAM params[5];

	/* Several "info" parameters are joined by OpenSSL only since 3.1. */
	char info[128];
	int n = snprintf(info, sizeof(info), "%s%s", prefix, purpose);

	if (ctx == NULL || n < 0 || (size_t)n >= sizeof(info))
		abort();
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, sha256_name, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
	    (void *)(uintptr_t)key, KEY_LEN);
	params[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, (size_t)n);
	params[3] = OSSL_PARAM_construct_end();
	if (EVP_KDF_derive(ctx, out, KEY_LEN, params) != 1)
		abort();
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

/* One line "<version> <64 hex digits>", NUL-terminated. */
static bool
parse_key(char *line, struct master *m)
{
	char *hex = strchr(line, ' ');

	if (hex == NULL)
		return false;
	*hex++ = '\0';
	return *line >= '1' && *line <= '9' && str_int_in(line, 1, INT32_MAX, &m->version) &&
	    str_unhex(m->key, KEY_LEN, hex);
}

const struct ib_err *
keyring_load(const char *path, struct keyring **out)
{
	const struct ib_err *err = NULL;
	struct keyring *k = NULL;
	char text[512], *line, *next;
	struct stat st;
	size_t len = 0, i;
	ssize_t n;
	int fd;

	*out = NULL;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0)
		return ib_fail(IB_ECONF, IB_RETRY_NEVER, "key file %.150s: %s", path,
		    strerror(errno));
	/* What was opened is what is checked. */
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "key file %.150s: not a regular file",
		    path);
		goto done;
	}
	if (st.st_uid != geteuid()) {
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER,
		    "key file %.150s: belongs to another user", path);
		goto done;
	}
	if ((st.st_mode & 077) != 0) {
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER,
		    "key file %.150s: others have access (mode %03o, should be 600)", path,
		    (unsigned)st.st_mode & 0777u);
		goto done;
	}
	while (len < sizeof(text) - 1 &&
	    (n = read(fd, text + len, sizeof(text) - 1 - len)) != 0) {
		if (n < 0) {
			err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "key file %.150s: %s", path,
			    strerror(errno));
			goto done;
		}
		len += (size_t)n;
	}
	text[len] = '\0';
	if ((k = calloc(1, sizeof(*k))) == NULL) {
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "keyring: no memory");
		goto done;
	}
	if (strlen(text) != len)
		goto bad;
	for (line = text; *line != '\0'; line = next) {
		next = line + strcspn(line, "\n");
		if (*next == '\n')
			*next++ = '\0';
		if (k->n == KEYS_MAX || !parse_key(line, &k->key[k->n]) ||
		    (k->n > 0 && k->key[k->n].version >= k->key[k->n - 1].version))
			goto bad;
		k->n++;
	}
	if (k->n == 0)
		goto bad;
	for (i = 0; i < k->n; i++)
		derive(k->key[i].key, "seal", k->key[i].seal);
	*out = k;
	k = NULL;
	goto done;
bad:
	err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "key file %.100s: wants one or two lines "
	    "`<version> <64 hex digits>`, newest first", path);
done:
	crypt_wipe(text, sizeof(text));
	(void)close(fd);
	keyring_free(k);
	return err;
}

void
keyring_free(struct keyring *k)
{
	if (k == NULL)
		return;
	crypt_wipe(k, sizeof(*k));
	free(k);
}

const struct ib_err *
keyring_create(const char *path)
{
	const struct ib_err *err;
	uint8_t raw[KEY_LEN];
	char text[2 * KEY_LEN + 4] = "1 ";
	bool good;
	int fd;

	if ((err = crypt_random(raw, sizeof(raw))) != NULL)
		return err;
	str_hex(text + 2, raw, sizeof(raw));
	text[2 + 2 * KEY_LEN] = '\n';
	/* O_EXCL: an existing key is never overwritten, a link never followed. */
	if ((fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0) {
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "key file %.150s: %s", path,
		    strerror(errno));
		goto done;
	}
	good = fchmod(fd, 0600) == 0 &&
	    write(fd, text, 3 + 2 * KEY_LEN) == 3 + 2 * KEY_LEN && fsync(fd) == 0;
	if (close(fd) != 0 || !good || file_sync_folder_of(path) != NULL) {
		err = ib_fail(IB_ESYS, IB_RETRY_NEVER, "key file %.150s: %s", path,
		    strerror(errno));
		(void)unlink(path);
	}
done:
	crypt_wipe(raw, sizeof(raw));
	crypt_wipe(text, sizeof(text));
	return err;
}

void
keyring_subkey(const struct keyring *k, const char *purpose, uint8_t out[32])
{
	derive(k->key[0].key, purpose, out);
}

/* ---- sealing ---- */

static bool
gcm_ready(void)
{
	if (gcm == NULL)
		gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	if (gcm_ctx == NULL)
		gcm_ctx = EVP_CIPHER_CTX_new();
	return gcm != NULL && gcm_ctx != NULL;
}

/* The additional data: the version as written, a dot, and the place. */
static bool
gcm_start(int64_t version, const uint8_t *key, const uint8_t *nonce, const char *aad, bool seal)
{
	char head[24];
	int n = snprintf(head, sizeof(head), "v%lld.", (long long)version), len;

	if (!gcm_ready() || strlen(aad) > INT_MAX ||
	    EVP_CipherInit_ex2(gcm_ctx, gcm, key, nonce, seal ? 1 : 0, NULL) != 1)
		return false;
	if (EVP_CipherUpdate(gcm_ctx, NULL, &len, (const unsigned char *)head, n) != 1)
		return false;
	/* Length 0 would be read as "nothing more to come". */
	return *aad == '\0' || EVP_CipherUpdate(gcm_ctx, NULL, &len,
	    (const unsigned char *)aad, (int)strlen(aad)) == 1;
}

const struct ib_err *
keyring_seal(const struct keyring *k, struct arena *a, const char *aad, const char *plain,
    char **out)
{
	const struct ib_err *err = NULL;
	const struct master *m = &k->key[0];
	size_t n = plain != NULL ? strlen(plain) : 0, total = NONCE_LEN + n + TAG_LEN;
	uint8_t *raw = NULL;
	struct ib_buf b;
	int len = 0, last = 0;

	*out = NULL;
	/* What the caller could not make for want of memory. */
	if (plain == NULL || aad == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "seal: no memory");
	if (n > PLAIN_MAX)
		return ib_fail(IB_ELIMIT, IB_RETRY_NEVER, "seal: %zu bytes", n);
	buf_init(&b, 2 * PLAIN_MAX);
	if ((raw = malloc(total)) == NULL) {
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "seal: no memory");
		goto done;
	}
	if ((err = crypt_random(raw, NONCE_LEN)) != NULL)
		goto done;
	if (!gcm_start(m->version, m->seal, raw, aad, true) ||
	    (n > 0 && EVP_CipherUpdate(gcm_ctx, raw + NONCE_LEN, &len,
	    (const unsigned char *)plain, (int)n) != 1) || (size_t)len != n ||
	    EVP_CipherFinal_ex(gcm_ctx, raw + NONCE_LEN + n, &last) != 1 || last != 0 ||
	    EVP_CIPHER_CTX_ctrl(gcm_ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN,
	    raw + NONCE_LEN + n) != 1) {
		err = ib_fail(IB_ESYS, IB_RETRY_LATER, "seal: the library failed");
		goto done;
	}
	buf_printf(&b, "v%lld.", (long long)m->version);
	str_base64url(&b, raw, total);
	if ((err = buf_check(&b)) == NULL && (*out = arena_dup(a, buf_cstr(&b))) == NULL)
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "seal: no memory");
done:
	/* The context forgets the key; the memory held only ciphertext. */
	if (gcm_ctx != NULL)
		(void)EVP_CIPHER_CTX_reset(gcm_ctx);
	free(raw);
	buf_fini(&b);
	return err;
}

/* The key that "v<version>." at s names; *body is what follows.  NULL if none. */
static const struct master *
key_of(const struct keyring *k, const char *s, const char **body)
{
	int64_t version = 0;
	size_t i;

	if (*s++ != 'v' || *s < '1' || *s > '9')
		return NULL;
	for (; *s >= '0' && *s <= '9'; s++)
		if ((version = version * 10 + (*s - '0')) > INT32_MAX)
			return NULL;
	if (*s != '.')
		return NULL;
	*body = s + 1;
	for (i = 0; i < k->n; i++)
		if (k->key[i].version == version)
			return &k->key[i];
	return NULL;
}

const struct ib_err *
keyring_open(const struct keyring *k, struct arena *a, const char *aad, const char *sealed,
    char **out)
{
	const struct ib_err *err = NULL;
	const struct master *m;
	const char *body = NULL;
	const uint8_t *raw;
	struct ib_buf b;
	size_t n = 0;
	char *plain = NULL;
	uint8_t tag[TAG_LEN];
	int len = 0, last = 0;

	*out = NULL;
	buf_init(&b, 2 * PLAIN_MAX);
	/* Want of memory must not look like a forged value: those end connections. */
	if (aad == NULL || !gcm_ready()) {
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "open: no memory");
		goto done;
	}
	if (sealed == NULL || (m = key_of(k, sealed, &body)) == NULL) {
		err = ib_fail(IB_EAUTH, IB_RETRY_NEVER, "open: no sealed value of a known key");
		goto done;
	}
	if (!str_unbase64url(&b, body, strlen(body)) || b.len < NONCE_LEN + TAG_LEN) {
		if (!b.nomem)
			goto forged;
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "open: no memory");
		goto done;
	}
	raw = (const uint8_t *)b.p;
	n = b.len - NONCE_LEN - TAG_LEN;
	if ((plain = arena_alloc(a, n + 1)) == NULL) {
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "open: no memory");
		goto done;
	}
	memcpy(tag, raw + NONCE_LEN + n, TAG_LEN);
	if (!gcm_start(m->version, m->seal, raw, aad, false) ||
	    (n > 0 && EVP_CipherUpdate(gcm_ctx, (unsigned char *)plain, &len,
	    raw + NONCE_LEN, (int)n) != 1) || (size_t)len != n ||
	    EVP_CIPHER_CTX_ctrl(gcm_ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) != 1 ||
	    EVP_CipherFinal_ex(gcm_ctx, (unsigned char *)plain + n, &last) != 1)
		goto forged;
	plain[n] = '\0';
	*out = plain;
	goto done;
forged:
	/* Bytes that were not authenticated are seen by nobody. */
	crypt_wipe(plain, n);
	err = ib_fail(IB_EAUTH, IB_RETRY_NEVER, "open: forged, damaged or from another place");
done:
	if (gcm_ctx != NULL)
		(void)EVP_CIPHER_CTX_reset(gcm_ctx);
	buf_fini(&b);
	return err;
}

/* ---- sealed files ---- */

/*
 *   head    "inbox-sealed-1\n", the binary logarithm of scrypt's cost, a salt of 16
 *           bytes, 16 bytes that show whether the passphrase fits
 *   pieces  up to SEALED_PIECE bytes and a tag of 16
 */
#define SEAL_MAGIC	"inbox-sealed-1\n"
#define MAGIC_LEN	15
#define SALT_LEN	16
#define FITS_LEN	16
#define HEAD_LEN	(MAGIC_LEN + 1 + SALT_LEN + FITS_LEN)
#define COST_LOG	15		/* 32 MiB and a tenth of a second */
#define COST_LOG_MOST	18		/* a file must not make us take all memory */
#define STORED_LEN	((size_t)SEALED_PIECE + TAG_LEN)

struct sealed {
	EVP_CIPHER_CTX	*ctx;
	int		 fd;
	bool		 seals, ended;
	uint64_t	 pieces;
	uint8_t		 key[KEY_LEN];
	size_t		 len;			/* in `plain` when sealing; in `stored` when opening */
	uint8_t		 plain[SEALED_PIECE];
	uint8_t		 stored[STORED_LEN + 1];	/* one more byte tells that a piece is not the last */
};

static bool
scrypt(const char *passphrase, const uint8_t *salt, unsigned cost_log, uint8_t out[2 * KEY_LEN])
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
	EVP_KDF_CTX *ctx = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
	uint64_t n = UINT64_C(1) << cost_log, most = UINT64_C(512) << 20;
	uint32_t r = 8, p = 1;
	OSSL_PARAM params[7];
	bool good;

	params[0] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, (void *)(uintptr_t)passphrase, strlen(passphrase));
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt, SALT_LEN);
	params[2] = OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n);
	params[3] = OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r);
	params[4] = OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p);
	params[5] = OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &most);
	params[6] = OSSL_PARAM_construct_end();
	good = ctx != NULL && EVP_KDF_derive(ctx, out, 2 * KEY_LEN, params) == 1;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return good;
}

/* The key, and in `fits` what shows that it is the right one: it tells nothing about the key. */
static const struct ib_err *
unlock_head(struct sealed *s, const char *passphrase, const uint8_t *head, uint8_t fits[32])
{
	const struct ib_err *err = NULL;
	uint8_t both[2 * KEY_LEN];

	if (!scrypt(passphrase, head + MAGIC_LEN + 1, head[MAGIC_LEN], both) ||
	    !crypt_hmac(both + KEY_LEN, KEY_LEN, head, HEAD_LEN - FITS_LEN, fits))
		err = ib_fail(IB_ENOMEM, IB_RETRY_LATER, "sealed file: no memory for the key");
	memcpy(s->key, both, KEY_LEN);
	crypt_wipe(both, sizeof(both));
	return err;
}

static const struct ib_err *
sealed_new(int fd, bool seals, struct sealed **out)
{
	if (!gcm_ready() || (*out = calloc(1, sizeof(**out))) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "sealed file: no memory");
	(*out)->fd = fd;
	(*out)->seals = seals;
	if (((*out)->ctx = EVP_CIPHER_CTX_new()) == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "sealed file: no memory");
	return NULL;
}

/* A key serves one file, and each piece has a number: no nonce comes twice. */
static bool
piece_start(struct sealed *s, bool last)
{
	uint8_t nonce[NONCE_LEN] = { 0 };
	int i;

	nonce[0] = last ? 1 : 0;
	for (i = 0; i < 8; i++)
		nonce[NONCE_LEN - 1 - i] = (uint8_t)(s->pieces >> (8 * i));
	s->pieces++;
	return EVP_CipherInit_ex2(s->ctx, gcm, s->key, nonce, s->seals ? 1 : 0, NULL) == 1;
}

/* Up to n bytes; fewer only at the end of the file. */
static const struct ib_err *
fill(int fd, uint8_t *p, size_t n, size_t *got)
{
	ssize_t k;

	for (*got = 0; *got < n; *got += (size_t)k)
		if ((k = read(fd, p + *got, n - *got)) == 0)
			break;
		else if (k < 0) {
			if (errno != EINTR)
				return ib_fail(IB_ESYS, IB_RETRY_LATER, "sealed file: %s", strerror(errno));
			k = 0;
		}
	return NULL;
}

bool
sealed_is(int fd)
{
	char head[MAGIC_LEN];

	return pread(fd, head, sizeof(head), 0) == MAGIC_LEN && memcmp(head, SEAL_MAGIC, MAGIC_LEN) == 0;
}

const struct ib_err *
sealed_create(int fd, const char *passphrase, struct sealed **out)
{
	const struct ib_err *err;
	uint8_t head[HEAD_LEN] = SEAL_MAGIC, fits[32];

	*out = NULL;
	head[MAGIC_LEN] = COST_LOG;
	if ((err = crypt_random(head + MAGIC_LEN + 1, SALT_LEN)) == NULL && (err = sealed_new(fd, true, out)) == NULL &&
	    (err = unlock_head(*out, passphrase, head, fits)) == NULL) {
		memcpy(head + HEAD_LEN - FITS_LEN, fits, FITS_LEN);
		err = file_write(fd, head, HEAD_LEN, "sealed file");
	}
	if (err != NULL) {
		sealed_free(*out);
		*out = NULL;
	}
	return err;
}

static const struct ib_err *
put_piece(struct sealed *s, bool last)
{
	int len = 0, end = 0;

	if (!piece_start(s, last) ||
	    (s->len > 0 && EVP_CipherUpdate(s->ctx, s->stored, &len, s->plain, (int)s->len) != 1) ||
	    EVP_CipherFinal_ex(s->ctx, s->stored + len, &end) != 1 ||
	    EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, s->stored + s->len) != 1)
		return ib_fail(IB_ESYS, IB_RETRY_LATER, "sealed file: the library failed");
	len = (int)s->len + TAG_LEN;
	s->len = 0;
	return file_write(s->fd, s->stored, (size_t)len, "sealed file");
}

const struct ib_err *
sealed_write(struct sealed *s, const void *p, size_t n)
{
	const struct ib_err *err = NULL;
	const uint8_t *from = p;
	size_t k;

	for (; err == NULL && n > 0; from += k, n -= k) {
		if (s->len == SEALED_PIECE && (err = put_piece(s, false)) != NULL)
			break;
		k = SEALED_PIECE - s->len < n ? SEALED_PIECE - s->len : n;
		memcpy(s->plain + s->len, from, k);
		s->len += k;
	}
	return err;
}

const struct ib_err *
sealed_end(struct sealed *s)
{
	return put_piece(s, true);
}

const struct ib_err *
sealed_open(int fd, const char *passphrase, struct sealed **out)
{
	const struct ib_err *err;
	uint8_t head[HEAD_LEN], fits[32];
	size_t n;

	*out = NULL;
	if ((err = fill(fd, head, HEAD_LEN, &n)) != NULL)
		return err;
	if (n < HEAD_LEN || memcmp(head, SEAL_MAGIC, MAGIC_LEN) != 0 || head[MAGIC_LEN] < 10 || head[MAGIC_LEN] > COST_LOG_MOST)
		return ib_fail(IB_EPARSE, IB_RETRY_NEVER, "sealed file: torn, or not one of this program");
	if ((err = sealed_new(fd, false, out)) == NULL && (err = unlock_head(*out, passphrase, head, fits)) == NULL &&
	    !crypt_equal(fits, head + HEAD_LEN - FITS_LEN, FITS_LEN))
		err = ib_fail(IB_EAUTH, IB_RETRY_NEVER, "the passphrase does not open it");
	if (err != NULL) {
		sealed_free(*out);
		*out = NULL;
	}
	return err;
}

const struct ib_err *
sealed_read(struct sealed *s, const void **p, size_t *n)
{
	const struct ib_err *err;
	int len = 0, end = 0;
	size_t got, size;
	bool last;

	*p = s->plain;
	*n = 0;
	if (s->ended)
		return NULL;
	if ((err = fill(s->fd, s->stored + s->len, sizeof(s->stored) - s->len, &got)) != NULL)
		return err;
	s->len += got;
	last = s->len <= STORED_LEN;
	size = last ? s->len : STORED_LEN;
	if (size < TAG_LEN || !piece_start(s, last) ||
	    (size > TAG_LEN && EVP_CipherUpdate(s->ctx, s->plain, &len, s->stored, (int)(size - TAG_LEN)) != 1) ||
	    EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, s->stored + size - TAG_LEN) != 1 ||
	    EVP_CipherFinal_ex(s->ctx, s->plain + len, &end) != 1)
		return ib_fail(IB_EPARSE, IB_RETRY_NEVER, "sealed file: torn or changed, at piece %llu",
		    (unsigned long long)s->pieces);
	if (!last)
		s->stored[0] = s->stored[STORED_LEN];
	s->len = last ? 0 : 1;
	s->ended = last;
	*n = size - TAG_LEN;
	return NULL;
}

void
sealed_free(struct sealed *s)
{
	if (s == NULL)
		return;
	EVP_CIPHER_CTX_free(s->ctx);
	crypt_wipe(s, sizeof(*s));
	free(s);
}
