#include "base/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/base16.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

bs_status bs_sha256_file(const char *path, char out[BS_SHA256_TEXT])
{
    struct sha256_ctx hash;
    struct stat s;
    uint8_t piece[1 << 16];
    ssize_t n = -1;
    /* Does not wait for whoever may write into a pipe of that name. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return bs_fail(BS_ERR, "cannot open '%s': %s", path, strerror(errno));
    sha256_init(&hash);
    if (fstat(fd, &s) == 0 && S_ISREG(s.st_mode))
        while ((n = read(fd, piece, sizeof piece)) > 0)
            sha256_update(&hash, (size_t)n, piece);
    int why = n < 0 && !S_ISREG(s.st_mode) ? EINVAL : errno;
    close(fd);
    if (n < 0)
        return bs_fail(BS_ERR, "cannot read '%s': %s", path, strerror(why));
    bs_sha256_end(&hash, out);
    return BS_OK;
}
