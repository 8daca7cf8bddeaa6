/* Proves that PNG and JPEG of every kind that data sets hold are decoded, and that damaged and lying files
 * are refused. */
#include "support/data_fixture.h"

#include "data/pixels.h"

#include <zlib.h>

static void assert_decodes(struct fixture_bytes file, const uint8_t *expected, int width, int height,
                           int channels)
{
    bs_pixels px;
    assert_ok(bs_pixels_decode(&px, file.ptr, file.len));
    free(file.ptr);
    assert_int_equal(px.width, width);
    assert_int_equal(px.height, height);
    assert_int_equal(px.channels, channels);
    assert_memory_equal(px.data, expected, (size_t)(width * height * channels));
    bs_pixels_clear(&px);
}

static void test_png_rgb_and_grey(void **state)
{
    (void)state;
    uint8_t px[19 * 11 * 3];
    fixture_fill(px, 19, 11, 3);
    assert_decodes(fixture_png(px, 57, 19, 11, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE), px, 19, 11, 3);
    assert_decodes(fixture_png(px, 57, 19, 11, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_ADAM7), px, 19, 11, 3);
    fixture_fill(px, 19, 11, 1);
    assert_decodes(fixture_png(px, 19, 19, 11, 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE), px, 19, 11, 1);
}

static void test_png_drops_alpha(void **state)
{
    (void)state;
    uint8_t rgba[5 * 4 * 4], rgb[5 * 4 * 3], ga[5 * 4 * 2], grey[5 * 4];
    fixture_fill(rgba, 5, 4, 4);
    fixture_fill(rgb, 5, 4, 3);
    fixture_fill(ga, 5, 4, 2);
    fixture_fill(grey, 5, 4, 1);
    assert_decodes(fixture_png(rgba, 20, 5, 4, 8, PNG_COLOR_TYPE_RGB_ALPHA, PNG_INTERLACE_NONE), rgb, 5, 4,
                   3);
    assert_decodes(fixture_png(ga, 10, 5, 4, 8, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_INTERLACE_NONE), grey, 5, 4,
                   1);
}

static void test_png_16_bits_keeps_the_upper_byte(void **state)
{
    (void)state;
    uint8_t wide[6 * 3 * 3 * 2], upper[6 * 3 * 3];
    fixture_fill(wide, 6, 3, 6);
    for (size_t i = 0; i < sizeof upper; i++)
        upper[i] = wide[2 * i];
    assert_decodes(fixture_png(wide, 36, 6, 3, 16, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE), upper, 6, 3, 3);
    assert_decodes(fixture_png(wide, 12, 6, 9, 16, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE), upper, 6, 9, 1);
}

static void test_png_packed(void **state)
{
    (void)state;
    const uint8_t bits[2] = {0xA0, 0x40}; /* 101, 010 */
    const uint8_t grey[6] = {255, 0, 255, 0, 255, 0};
    assert_decodes(fixture_png(bits, 1, 3, 2, 1, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE), grey, 3, 2, 1);
    const uint8_t nibbles[2] = {0x3F, 0x70};
    const uint8_t colours[9] = {48, 252, 9, 240, 240, 225, 112, 248, 49};
    assert_decodes(fixture_png(nibbles, 2, 3, 1, 4, PNG_COLOR_TYPE_PALETTE, PNG_INTERLACE_NONE), colours, 3,
                   1, 3);
}

static void assert_near(struct fixture_bytes file, const uint8_t *expected, int width, int height,
                        int channels)
{
    bs_pixels px;
    assert_ok(bs_pixels_decode(&px, file.ptr, file.len));
    free(file.ptr);
    assert_int_equal(px.width, width);
    assert_int_equal(px.height, height);
    assert_int_equal(px.channels, channels);
    for (int i = 0; i < width * height * channels; i++)
        if (abs(px.data[i] - expected[i]) > 4)
            fail_msg("value %d: %d, expected about %d", i, px.data[i], expected[i]);
    bs_pixels_clear(&px);
}

static void test_jpeg_rgb_and_grey(void **state)
{
    (void)state;
    uint8_t px[33 * 21 * 3];
    for (int i = 0; i < 33 * 21; i++) {
        px[3 * i] = (uint8_t)(i % 33 * 7);
        px[3 * i + 1] = (uint8_t)(i / 33 * 12);
        px[3 * i + 2] = 200;
    }
    assert_near(fixture_jpeg(px, 33, 21, 3, JCS_RGB, 0), px, 33, 21, 3);
    assert_near(fixture_jpeg(px, 33, 21, 3, JCS_RGB, 1), px, 33, 21, 3);
    for (int i = 0; i < 33 * 21; i++)
        px[i] = (uint8_t)(i % 33 * 7);
    assert_near(fixture_jpeg(px, 33, 21, 1, JCS_GRAYSCALE, 0), px, 33, 21, 1);
}

/* Expected: Image.open(file).convert('RGB') of Pillow 11.3 for the same samples. */
static void test_jpeg_cmyk_is_inverted(void **state)
{
    (void)state;
    uint8_t cmyk[8 * 8 * 4], rgb[8 * 8 * 3];
    for (int i = 0; i < 64; i++) {
        memcpy(cmyk + 4 * i, (const uint8_t[]){200, 100, 50, 128}, 4);
        memcpy(rgb + 3 * i, (const uint8_t[]){100, 50, 25}, 3);
    }
    assert_decodes(fixture_jpeg(cmyk, 8, 8, 4, JCS_CMYK, 0), rgb, 8, 8, 3);
}

static void assert_no_prefix_decodes(struct fixture_bytes file)
{
    bs_pixels px;
    assert_ok(bs_pixels_decode(&px, file.ptr, file.len));
    bs_pixels_clear(&px);
    for (size_t n = 0; n < file.len; n++) {
        uint8_t *exact = malloc(n + 1); /* of the prefix's size, for the address sanitizer */
        assert_non_null(exact);
        memcpy(exact, file.ptr, n);
        if (bs_pixels_decode(&px, exact, n) == BS_OK)
            fail_msg("the first %zu of %zu bytes decode", n, file.len);
        assert_true(*bs_error_hint());
        assert_null(px.data);
        free(exact);
    }
    free(file.ptr);
}

static size_t find_scan(struct fixture_bytes file, size_t from)
{
    const uint8_t *at = memmem(file.ptr + from, file.len - from, "\xff\xda", 2);
    return at ? (size_t)(at - file.ptr) : 0;
}

/* What libjpeg makes of a file without its later scans depends on its version: smooth blocks. */
static void test_jpeg_lacks_scans(void **state)
{
    (void)state;
    uint8_t px[24 * 16 * 3];
    bs_pixels out;
    int scans = 0;
    fixture_fill(px, 24, 16, 3);
    struct fixture_bytes file = fixture_jpeg(px, 24, 16, 3, JCS_RGB, 1);
    size_t at = find_scan(file, 0);
    for (size_t next; (next = find_scan(file, at + 2)) > 0; at = next, scans++) {
        uint8_t kept[2] = {file.ptr[next], file.ptr[next + 1]};
        memcpy(file.ptr + next, "\xff\xd9", 2); /* the end of the image */
        assert_error(bs_pixels_decode(&out, file.ptr, next + 2),
                     "scans of its progressive coding are missing");
        assert_non_null(strstr(bs_error_hint(), "jpegtran"));
        memcpy(file.ptr + next, kept, 2);
    }
    assert_int_equal(scans, 9);
    assert_ok(bs_pixels_decode(&out, file.ptr, file.len));
    bs_pixels_clear(&out);
    free(file.ptr);
}

/* Repeats the last scan of a grey image, as a file made to take long does. */
static void test_jpeg_scans_are_limited(void **state)
{
    (void)state;
    uint8_t px[8 * 8];
    bs_pixels out;
    fixture_fill(px, 8, 8, 1);
    struct fixture_bytes file = fixture_jpeg(px, 8, 8, 1, JCS_GRAYSCALE, 1);
    size_t last = 0;
    for (size_t next; (next = find_scan(file, last + 2)) > 0;)
        last = next;
    size_t scan = file.len - 2 - last; /* without the end of the image */
    for (int scans = 400; scans <= 600; scans += 200) {
        size_t len = last + scan * (size_t)scans;
        uint8_t *many = malloc(len + 2);
        assert_non_null(many);
        memcpy(many, file.ptr, last);
        for (int i = 0; i < scans; i++)
            memcpy(many + last + scan * (size_t)i, file.ptr + last, scan);
        memcpy(many + len, "\xff\xd9", 2);
        if (scans < 500)
            assert_ok(bs_pixels_decode(&out, many, len + 2));
        else
            assert_error(bs_pixels_decode(&out, many, len + 2), "more than 500 scans");
        bs_pixels_clear(&out);
        free(many);
    }
    assert_non_null(strstr(bs_error_hint(), "jpegtran"));
    free(file.ptr);
}

static void test_truncated(void **state)
{
    (void)state;
    uint8_t px[24 * 16 * 3];
    fixture_fill(px, 24, 16, 3);
    assert_no_prefix_decodes(fixture_png(px, 72, 24, 16, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE));
    assert_no_prefix_decodes(fixture_png(px, 72, 24, 16, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_ADAM7));
    assert_no_prefix_decodes(fixture_jpeg(px, 24, 16, 3, JCS_RGB, 0));
    assert_no_prefix_decodes(fixture_jpeg(px, 24, 16, 3, JCS_RGB, 1));
}

/* Damage must end in pixels or in a message, never in a crash; the checksums of PNG catch all of it. */
static void test_damaged(void **state)
{
    (void)state;
    uint8_t px[24 * 16 * 3];
    fixture_fill(px, 24, 16, 3);
    struct fixture_bytes files[2] = {fixture_png(px, 72, 24, 16, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE),
                                     fixture_jpeg(px, 24, 16, 3, JCS_RGB, 1)};
    unsigned refused[2] = {0};
    for (int f = 0; f < 2; f++) {
        for (size_t i = 0; i < files[f].len; i++) {
            bs_pixels out;
            uint8_t mask = (uint8_t)(1u << i % 8);
            files[f].ptr[i] ^= mask;
            if (bs_pixels_decode(&out, files[f].ptr, files[f].len) != BS_OK)
                refused[f]++;
            bs_pixels_clear(&out);
            files[f].ptr[i] ^= mask;
        }
    }
    assert_int_equal(refused[0], files[0].len);
    assert_true(refused[1] > 0);
    free(files[0].ptr);
    free(files[1].ptr);
}

static void test_wrong_magic(void **state)
{
    (void)state;
    bs_pixels px;
    assert_error(bs_pixels_decode(&px, (const uint8_t *)"GIF89a..........", 16), "it is a GIF image");
    assert_non_null(strstr(bs_error_hint(), "convert"));
    assert_error(bs_pixels_decode(&px, (const uint8_t *)"\1\2\3", 3), "neither PNG nor JPEG");
    assert_true(*bs_error_hint());
    assert_error(bs_pixels_decode(&px, (const uint8_t *)"", 0), "empty");
    assert_true(*bs_error_hint());
}

static void test_png_header_that_lies(void **state)
{
    (void)state;
    uint8_t px[4] = {1, 2, 3, 4};
    struct fixture_bytes file = fixture_png(px, 2, 2, 2, 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE);
    bs_pixels out;
    /* width and height of IHDR are bytes 16..23, its checksum covers 12..28 */
    memcpy(file.ptr + 16, (const uint8_t[]){0, 0, 0x80, 0, 0, 0, 0x20, 0}, 8);
    uint32_t crc = (uint32_t)crc32(0, file.ptr + 12, 17);
    for (int i = 0; i < 4; i++)
        file.ptr[29 + i] = (uint8_t)(crc >> (24 - 8 * i));
    assert_error(bs_pixels_decode(&out, file.ptr, file.len), "cannot be in a file of");
    file.ptr[16] = 0x7F;
    crc = (uint32_t)crc32(0, file.ptr + 12, 17);
    for (int i = 0; i < 4; i++)
        file.ptr[29 + i] = (uint8_t)(crc >> (24 - 8 * i));
    assert_error(bs_pixels_decode(&out, file.ptr, file.len), "PNG: ");
    free(file.ptr);
}

static void test_limits(void **state)
{
    (void)state;
    bs_pixels px;
    assert_error(bs_pixels_alloc(&px, 65501, 1, 1), "too many");
    assert_error(bs_pixels_alloc(&px, 65500, 65500, 3), "too many");
    assert_error(bs_pixels_alloc(&px, 0, 5, 1), "0 x 5");
    bs_pixels_clear(&px);
    bs_pixels_clear(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png_rgb_and_grey),
        cmocka_unit_test(test_png_drops_alpha),
        cmocka_unit_test(test_png_16_bits_keeps_the_upper_byte),
        cmocka_unit_test(test_png_packed),
        cmocka_unit_test(test_jpeg_rgb_and_grey),
        cmocka_unit_test(test_jpeg_cmyk_is_inverted),
        cmocka_unit_test(test_jpeg_lacks_scans),
        cmocka_unit_test(test_jpeg_scans_are_limited),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_wrong_magic),
        cmocka_unit_test(test_png_header_that_lies),
        cmocka_unit_test(test_limits),
    };
    return run_suite(tests, NULL, NULL);
}
