#include "data/idx.h"

#include "base/buf.h"
#include "base/file_kind.h"
#include "data/pixels.h"
#include "trial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define MAX_RANK      4
#define MAX_IDX_BYTES ((size_t)1 << 32)
#define CHUNK         ((size_t)1 << 20)
#define MAX_IMAGES    ((size_t)1 << BS_IMAGE_BITS) /* trial ids cannot tell more apart */

struct idx_array {
    int rank;
    size_t size[MAX_RANK];
    uint8_t *data; /* owned */
};

/* Reports why a read came up short: damaged compression has a message, a truncated file has none. */
static bs_status short_read(gzFile f, const char *path, size_t got, size_t want)
{
    int code;
    const char *message = gzerror(f, &code);
    if (code == Z_ERRNO)
        return bs_fail(BS_ERR, "cannot read '%s': %s", path, strerror(errno));
    if (code != Z_OK && code != Z_BUF_ERROR)
        return bs_fail(BS_ERR, "'%s': damaged gzip data: %s", path, message);
    bs_fail(BS_ERR, "'%s' is truncated: it ends after %zu of %zu bytes", path, got, want);
    return bs_hint("fetch the file again");
}

/* Says what the file is instead, as far as its first bytes tell; 4 of them were read. */
static bs_status not_idx(gzFile f, const uint8_t start[4], const char *path)
{
    uint8_t head[512];
    memcpy(head, start, 4);
    int more = gzread(f, head + 4, sizeof head - 4);
    if (bs_file_kind_check(head, 4 + (more > 0 ? (size_t)more : 0), BS_FILE_IDX, path) != BS_OK)
        return bs_context("cannot read '%s'", path);
    bs_fail(BS_ERR, "'%s' is not an idx file: it begins with %02x%02x%02x%02x", path, start[0], start[1],
            start[2], start[3]);
    return bs_hint("idx files hold raw arrays, as MNIST's train-images-idx3-ubyte; .gz is read as it is");
}

static bs_status read_header(struct idx_array *a, gzFile f, const char *path)
{
    uint8_t head[4], size[4 * MAX_RANK];
    int got = gzread(f, head, 4);
    if (got != 4)
        return short_read(f, path, got > 0 ? (size_t)got : 0, 4);
    if (head[0] != 0 || head[1] != 0)
        return not_idx(f, head, path);
    if (head[2] != 0x08)
        return bs_fail(BS_ERR, "'%s': element type 0x%02x, only unsigned bytes (0x08) are read", path,
                       head[2]);
    if (head[3] < 1 || head[3] > MAX_RANK)
        return bs_fail(BS_ERR, "'%s': rank %d, expected 1 to %d", path, head[3], MAX_RANK);
    a->rank = head[3];
    unsigned bytes = 4 * (unsigned)a->rank;
    got = gzread(f, size, bytes);
    if (got != (int)bytes)
        return short_read(f, path, 4 + (got > 0 ? (size_t)got : 0), 4 + bytes);
    for (int i = 0; i < a->rank; i++)
        a->size[i] = (size_t)size[4 * i] << 24 | (size_t)size[4 * i + 1] << 16 |
                     (size_t)size[4 * i + 2] << 8 | size[4 * i + 3];
    return BS_OK;
}

/* Grows the array with the bytes actually read, so that a false header cannot claim memory. */
static bs_status read_elements(struct idx_array *a, gzFile f, const char *path)
{
    size_t total = 1, got = 0, cap = 0;
    for (int i = 0; i < a->rank; i++) {
        if (a->size[i] != 0 && total > MAX_IDX_BYTES / a->size[i])
            return bs_fail(BS_ERR, "'%s': the header claims more than %zu bytes", path, MAX_IDX_BYTES);
        total *= a->size[i];
    }
    while (got < total) {
        size_t step = total - got < CHUNK ? total - got : CHUNK;
        BS_TRY(bs_grow(&a->data, &cap, got + step, 1, path));
        int n = gzread(f, a->data + got, (unsigned)step);
        if (n > 0)
            got += (size_t)n;
        if (n != (int)step)
            return short_read(f, path, got, total);
    }
    /* Reading past the last element makes zlib check the checksum, too. */
    uint8_t extra;
    int n = gzread(f, &extra, 1);
    if (n > 0)
        return bs_fail(BS_ERR, "'%s' holds more than the %zu elements its header claims", path, total);
    return n < 0 ? short_read(f, path, got, total) : BS_OK;
}

static bs_status read_array(struct idx_array *a, const char *path)
{
    errno = 0;
    gzFile f = gzopen(path, "rb");
    if (!f)
        return bs_fail(BS_ERR, "cannot open '%s': %s", path, errno ? strerror(errno) : "out of memory");
    bs_status st = read_header(a, f, path);
    if (st == BS_OK)
        st = read_elements(a, f, path);
    if (gzclose(f) == Z_BUF_ERROR && st == BS_OK)
        st = bs_fail(BS_ERR, "'%s' is truncated: the gzip checksum is missing", path);
    return st;
}

static bs_status check_images(bs_idx *out, const struct idx_array *a, const char *path)
{
    if (a->rank < 3)
        return bs_fail(BS_ERR, "'%s': rank %d, images have rank 3 (or 4, channels last)", path, a->rank);
    size_t channels = a->rank == 4 ? a->size[3] : 1;
    if (channels != 1 && channels != 3)
        return bs_fail(BS_ERR, "'%s': %zu channels (the last size), expected 1 or 3", path, channels);
    if (a->size[1] < 1 || a->size[1] > BS_MAX_SIDE || a->size[2] < 1 || a->size[2] > BS_MAX_SIDE)
        return bs_fail(BS_ERR, "'%s': images of %zu x %zu pixels, sides must be 1 to %d", path, a->size[1],
                       a->size[2], BS_MAX_SIDE);
    if (a->size[0] > MAX_IMAGES) {
        bs_fail(BS_ERR, "'%s' holds %zu images, at most %zu can be used", path, a->size[0], MAX_IMAGES);
        return bs_hint("split the file");
    }
    out->count = a->size[0];
    out->height = (int)a->size[1];
    out->width = (int)a->size[2];
    out->channels = (int)channels;
    return BS_OK;
}

static bs_status check_labels(const struct idx_array *a, size_t count, const char *path, int classes)
{
    if (a->rank != 1) {
        bs_fail(BS_ERR, "'%s': rank %d, labels have rank 1", path, a->rank);
        return bs_hint("are the images and the labels swapped?");
    }
    if (a->size[0] != count)
        return bs_fail(BS_ERR, "'%s' holds %zu labels for %zu images", path, a->size[0], count);
    for (size_t i = 0; classes > 0 && i < count; i++)
        if (a->data[i] >= classes) {
            bs_fail(BS_ERR, "'%s': label %d of image %zu is outside 0..%d", path, a->data[i], i, classes - 1);
            return bs_hint("the labels belong to another network, or the images to another data set");
        }
    return BS_OK;
}

bs_status bs_idx_read(bs_idx *out, const char *images, const char *labels, int classes)
{
    struct idx_array image_array = {0}, label_array = {0};
    bs_status st;
    memset(out, 0, sizeof *out);
    BS_TRY_GOTO(read_array(&image_array, images), out);
    BS_TRY_GOTO(check_images(out, &image_array, images), out);
    if (labels) {
        BS_TRY_GOTO(read_array(&label_array, labels), out);
        BS_TRY_GOTO(check_labels(&label_array, out->count, labels, classes), out);
    }
    out->pixels = image_array.data;
    out->labels = label_array.data;
    return BS_OK;
out:
    free(image_array.data);
    free(label_array.data);
    memset(out, 0, sizeof *out);
    return st;
}

void bs_idx_clear(bs_idx *idx)
{
    if (!idx)
        return;
    free(idx->pixels);
    free(idx->labels);
    memset(idx, 0, sizeof *idx);
}
