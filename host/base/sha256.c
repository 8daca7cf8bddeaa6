#include "base/sha256.h"

#include <nettle/base16.h>

void bs_sha256_end(struct sha256_ctx *hash, char out[BS_SHA256_TEXT])
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(hash, sizeof digest, digest);
    base16_encode_update(out, sizeof digest, digest);
    out[BS_SHA256_TEXT - 1] = '\0';
}

void bs_sha256_text(const void *bytes, size_t n, char out[BS_SHA256_TEXT])
{
    struct sha256_ctx hash;
    sha256_init(&hash);
    sha256_update(&hash, n, bytes);
    bs_sha256_end(&hash, out);
}
