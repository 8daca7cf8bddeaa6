/* SHA-256 of Nettle, which uses the CPU's instructions for it, with the digest as text. */
#ifndef BS_BASE_SHA256_H
#define BS_BASE_SHA256_H

#include "base/error.h"

#include <nettle/sha2.h>
#include <stddef.h>

enum { BS_SHA256_TEXT = 65 }; /* bytes of a digest in hexadecimal, with the NUL */

/* Ends the hash and writes its digest in hexadecimal. */
void bs_sha256_end(struct sha256_ctx *hash, char out[BS_SHA256_TEXT]);
/* Writes the digest of a regular file's bytes, read piece by piece. */
bs_status bs_sha256_file(const char *path, char out[BS_SHA256_TEXT]);
/* Writes the digest of n bytes. */
void bs_sha256_text(const void *bytes, size_t n, char out[BS_SHA256_TEXT]);

#endif
