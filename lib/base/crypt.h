/* SPDX-License-Identifier: MIT */
/*
 * crypt.h - the only door to OpenSSL.
 *
 * Secrets are compared in constant time and cleansed after use.  Tokens at
 * rest are sealed with AES-256-GCM under a key derived (HKDF-SHA256) from the
 * master key file, one subkey per purpose; the additional data ties a sealed
 * value to its table, column and row, so that it opens nowhere else.
 */
#ifndef IB_CRYPT_H
#define IB_CRYPT_H

#include "arena.h"
#include "buf.h"

/* n random bytes; IB_ESYS when the generator fails. */
IB_MUST const struct ib_err *crypt_random(void *out, size_t n);
/* Random base64url text of n bytes of entropy into the arena. */
IB_MUST const struct ib_err *crypt_token(struct arena *a, size_t n, char **out);

/* Version of OpenSSL, "3.0.17". */
const char *crypt_library(void);

void crypt_sha256(const void *p, size_t n, uint8_t out[32]);
/* HMAC-SHA256.  False only when the library fails. */
bool crypt_hmac(const void *key, size_t keylen, const void *p, size_t n, uint8_t out[32]);
/* HMAC over two pieces, as if concatenated. */
bool crypt_hmac2(const void *key, size_t keylen, const void *p, size_t n,
    const void *q, size_t m, uint8_t out[32]);
/* SHA-256 of what comes in pieces.  crypt_digest_end starts anew.  NULL from _new: no memory. */
struct crypt_digest;
struct crypt_digest *crypt_digest_new(void);
void crypt_digest_add(struct crypt_digest *d, const void *p, size_t n);
void crypt_digest_end(struct crypt_digest *d, uint8_t out[32]);
void crypt_digest_free(struct crypt_digest *d);
bool crypt_equal(const void *a, const void *b, size_t n);	/* constant time */
bool crypt_equal_str(const char *a, const char *b);		/* constant time in the shorter */
void crypt_wipe(void *p, size_t n);

/*
 * X-Hub-Signature-256 (messenger.md 4.2): header is "sha256=" + 64 hex digits.
 * NULL, SHA-1 or malformed headers are false.
 */
bool crypt_hub_ok(const char *secret, const char *header, const void *body, size_t n);
/* appsecret_proof (messenger.md 10.1): 65 bytes with NUL. */
bool crypt_proof(const char *secret, const char *token, char out[65]);

/* Master keys: the first seals, all open. */
struct keyring;
/*
 * Read the key file: one or two lines "<version> <64 hex digits>", newest
 * first.  The file must belong to us and not be readable by group or others.
 */
IB_MUST const struct ib_err *keyring_load(const char *path, struct keyring **out);
void keyring_free(struct keyring *k);
/* Write a fresh key file, mode 0600; refuses to overwrite. */
IB_MUST const struct ib_err *keyring_create(const char *path);

/*
 * Seal text.  Result "v<version>.<base64url nonce+cipher+tag>".
 * `aad` names the place, for example "page.token.17".
 */
IB_MUST const struct ib_err *keyring_seal(const struct keyring *k, struct arena *a,
    const char *aad, const char *plain, char **out);
/* Open; IB_EAUTH when forged, moved to another place, or of an unknown key. */
IB_MUST const struct ib_err *keyring_open(const struct keyring *k, struct arena *a,
    const char *aad, const char *sealed, char **out);
/* A 32-byte subkey for a purpose ("csrf", "state"), the same in every process. */
void keyring_subkey(const struct keyring *k, const char *purpose, uint8_t out[32]);

/*
 * A file sealed with a passphrase: its key is made with scrypt of the passphrase
 * and a salt of the file, its bytes are sealed with AES-256-GCM in pieces of 64
 * KiB.  A piece's nonce is its number and whether it is the last, so that pieces
 * that are changed, swapped, left out or cut off are noticed.
 */
#define SEALED_PIECE	65536
#define PASSPHRASE_MIN	8
struct sealed;
/* Does the file begin as a sealed one?  Its position stays. */
bool sealed_is(int fd);
/* Writes the head.  `fd` stays the caller's. */
IB_MUST const struct ib_err *sealed_create(int fd, const char *passphrase, struct sealed **out);
IB_MUST const struct ib_err *sealed_write(struct sealed *s, const void *p, size_t n);
/* The last piece.  A file without it is torn. */
IB_MUST const struct ib_err *sealed_end(struct sealed *s);
/* IB_EAUTH: another passphrase. */
IB_MUST const struct ib_err *sealed_open(int fd, const char *passphrase, struct sealed **out);
/* The next bytes, good until the next call; *n 0: the end, and all of it was genuine.  IB_EPARSE: changed or torn. */
IB_MUST const struct ib_err *sealed_read(struct sealed *s, const void **p, size_t *n);
void sealed_free(struct sealed *s);

#endif
