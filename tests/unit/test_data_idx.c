/* Proves that idx files are read (plain, gzipped, coloured), and each way in which they can lie is
 * noticed. */
#include "support/data_fixture.h"

#include "base/sha256.h"
#include "data/dataset.h"

#include <zlib.h>

#define N 3

struct idx_bytes {
    uint8_t bytes[256];
    size_t len;
};

static struct idx_bytes idx(int type, int rank, const uint32_t *sizes, size_t n)
{
    struct idx_bytes out = {.bytes = {0, 0, (uint8_t)type, (uint8_t)rank}, .len = 4};
    for (int i = 0; i < rank; i++)
        for (int shift = 24; shift >= 0; shift -= 8)
            out.bytes[out.len++] = (uint8_t)(sizes[i] >> shift);
    for (size_t i = 0; i < n; i++)
        out.bytes[out.len++] = (uint8_t)(i * 7 + 1);
    return out;
}

static struct idx_bytes grey_images(void)
{
    return idx(8, 3, (const uint32_t[]){N, 2, 5}, N * 10);
}

static const char *write_idx(void **state, const char *name, struct idx_bytes data)
{
    return fixture_write(state, name, data.bytes, data.len);
}

static const char *write_labels(void **state)
{
    return fixture_write(state, "labels", "\0\0\x08\x01\0\0\0\x03\x05\x00\x09", 11);
}

static const char *write_gz(void **state, const char *name, struct idx_bytes data)
{
    const char *path = fixture_path(state, name);
    gzFile f = gzopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, data.bytes, (unsigned)data.len), data.len);
    assert_int_equal(gzclose(f), Z_OK);
    return path;
}

static void check_grey(const char *images, const char *labels, const char *name)
{
    bs_dataset *d;
    bs_preprocess p;
    bs_preprocess_default(&p);
    p.scale = 1;
    bs_dataset_spec spec = {.idx_images = images, .idx_labels = labels, .first = 1};
    assert_ok(bs_dataset_open(&d, &spec, 10));
    assert_int_equal(bs_dataset_count(d), N - 1);
    assert_string_equal(bs_dataset_image(d, 1)->path, name);
    assert_int_equal(bs_dataset_image(d, 0)->label, 0);
    assert_int_equal(bs_dataset_image(d, 1)->label, 9);
    float chw[10];
    char hash[65], expected_hash[65];
    uint8_t raw[10];
    assert_ok(bs_dataset_load(d, 1, &p, 1, 2, 5, chw, hash));
    for (int i = 0; i < 10; i++) {
        raw[i] = (uint8_t)((20 + i) * 7 + 1);
        assert_true(chw[i] == (float)raw[i]);
    }
    bs_sha256_text(raw, sizeof raw, expected_hash);
    assert_string_equal(hash, expected_hash);
    bs_dataset_close(d);
}

static void test_plain_and_gz(void **state)
{
    const char *labels = write_labels(state);
    check_grey(write_idx(state, "images", grey_images()), labels, "images#2");
    check_grey(write_gz(state, "images.gz", grey_images()), labels, "images.gz#2");
}

static void test_colour(void **state)
{
    bs_dataset *d;
    float chw[6];
    bs_preprocess p;
    bs_preprocess_default(&p);
    p.scale = 1;
    bs_dataset_spec spec = {0};
    spec.idx_images = write_idx(state, "colour", idx(8, 4, (const uint32_t[]){N, 1, 2, 3}, N * 6));
    assert_ok(bs_dataset_open(&d, &spec, 10));
    assert_int_equal(bs_dataset_image(d, 0)->label, -1);
    assert_ok(bs_dataset_load(d, 0, &p, 3, 1, 2, chw, NULL));
    const float expected[6] = {1, 22, 8, 29, 15, 36};
    assert_memory_equal(chw, expected, sizeof expected);
    bs_dataset_close(d);
}

static void refuse(const char *images, const char *labels, int classes, const char *message)
{
    bs_dataset *d;
    bs_dataset_spec spec = {.idx_images = images, .idx_labels = labels};
    assert_error(bs_dataset_open(&d, &spec, classes), message);
    assert_null(d);
}

static void test_headers_that_lie(void **state)
{
    const char *labels = write_labels(state);
    struct idx_bytes bad = grey_images();
    bad.bytes[0] = 'P';
    refuse(write_idx(state, "bad", bad), labels, 10, "is not an idx file: it begins with 50000803");
    bad = grey_images();
    bad.bytes[2] = 0x0D;
    refuse(write_idx(state, "bad", bad), labels, 10, "element type 0x0d");
    bad.bytes[2] = 8;
    bad.bytes[3] = 9;
    refuse(write_idx(state, "bad", bad), labels, 10, "rank 9");
    bad = idx(8, 3, (const uint32_t[]){UINT32_MAX, UINT32_MAX, UINT32_MAX}, 10);
    refuse(write_idx(state, "bad", bad), labels, 10, "claims more than");
    bad = idx(8, 3, (const uint32_t[]){60000, 28, 28}, 10);
    refuse(write_idx(state, "bad", bad), labels, 10, "ends after 10 of 47040000 bytes");
    bad = idx(8, 3, (const uint32_t[]){N, 0, 5}, 0);
    refuse(write_idx(state, "bad", bad), labels, 10, "0 x 5 pixels");
    bad = idx(8, 4, (const uint32_t[]){N, 1, 5, 2}, N * 10);
    refuse(write_idx(state, "bad", bad), labels, 10, "2 channels");
    bad = idx(8, 3, (const uint32_t[]){0, 2, 5}, 0);
    refuse(write_idx(state, "bad", bad), NULL, 10, "no images in");
    bad = grey_images();
    bad.len++;
    refuse(write_idx(state, "bad", bad), labels, 10, "more than the 30 elements");
    refuse(fixture_path(state, "none"), labels, 10, "cannot open");
    refuse(*state, labels, 10, "cannot read");
}

static void test_labels_that_do_not_fit(void **state)
{
    const char *images = write_idx(state, "images", grey_images());
    refuse(images, images, 10, "rank 3, labels have rank 1");
    refuse(write_labels(state), images, 10, "rank 1, images have rank 3");
    refuse(images, write_labels(state), 9, "label 9 of image 2 is outside 0..8");
    refuse(images, fixture_write(state, "two", "\0\0\x08\x01\0\0\0\x02\x05\x00", 10), 10,
           "holds 2 labels for 3 images");
}

static void test_truncated_anywhere(void **state)
{
    struct idx_bytes data = grey_images();
    const char *labels = write_labels(state);
    for (size_t n = 0; n < data.len; n++)
        refuse(fixture_write(state, "cut", data.bytes, n), labels, 10, "is truncated");
    uint8_t packed[512];
    FILE *f = fopen(write_gz(state, "whole.gz", data), "rb");
    assert_non_null(f);
    size_t len = fread(packed, 1, sizeof packed, f);
    fclose(f);
    assert_in_range(len, 20, sizeof packed - 1);
    for (size_t n = 2; n < len; n++)
        refuse(fixture_write(state, "cut.gz", packed, n), labels, 10, "cut.gz'");
    packed[len - 5] ^= 1; /* the checksum */
    refuse(fixture_write(state, "cut.gz", packed, len), labels, 10, "damaged gzip data");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_and_gz),       cmocka_unit_test(test_colour),
        cmocka_unit_test(test_headers_that_lie),   cmocka_unit_test(test_labels_that_do_not_fit),
        cmocka_unit_test(test_truncated_anywhere),
    };
    return run_suite(tests, fixture_open, fixture_close);
}
