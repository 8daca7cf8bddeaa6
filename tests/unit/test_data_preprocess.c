/* Proves the geometry and arithmetic between a decoded image and the input tensor. */
#include "support/data_fixture.h"

#include "data/pixels.h"

static bs_pixels pattern(int width, int height, int channels)
{
    bs_pixels px;
    assert_ok(bs_pixels_alloc(&px, width, height, channels));
    fixture_fill(px.data, width, height, channels);
    return px;
}

struct resize_case {
    int w, h, channels, to_w, to_h;
    bs_interpolation how;
    uint8_t expected[72];
};

/* Made with Pillow 11.3: Image.fromarray(a).resize((to_w, to_h), Image.BILINEAR), where
 * a[y, x, c] = (37 x + 59 y + 83 c + 11 x y) % 256. The others likewise, with two calls so
 * that the rows come first in every version. */
static const struct resize_case resize_cases[] = {
    {7, 5, 1, 4, 3, BS_BILINEAR, {47, 112, 167, 149, 146, 155, 127, 134, 176, 135, 126, 122}},
    {7, 5, 1, 9, 8, BS_BILINEAR, {0,   25,  53,  82,  111, 140, 169, 197, 222, 26,  54,  86,  119, 151, 184,
                                  154, 137, 165, 63,  95,  133, 168, 193, 230, 135, 66,  99,  100, 136, 180,
                                  184, 90,  133, 132, 140, 177, 136, 178, 191, 156, 68,  116, 121, 134, 175,
                                  173, 220, 166, 84,  125, 179, 100, 47,  93,  210, 165, 126, 124, 183, 130,
                                  95,  104, 155, 236, 119, 97,  160, 223, 87,  93,  156, 210}},
    {5, 4, 3, 3, 6, BS_BILINEAR, {16,  99,  182, 74,  157, 183, 132, 215, 42,  48,  131, 159, 115, 169,
                                  124, 181, 136, 91,  91,  155, 122, 159, 161, 79,  204, 74,  132, 132,
                                  125, 67,  175, 83,  132, 99,  139, 100, 175, 76,  85,  149, 104, 158,
                                  122, 132, 87,  207, 34,  117, 118, 144, 170, 171, 108, 81}},
    {13, 3, 1, 2, 3, BS_BILINEAR, {99, 112, 143, 129, 134, 138}},
    {9, 40, 1, 4, 2, BS_BILINEAR, {130, 128, 127, 123, 136, 125, 122, 126}},
    {7, 5, 1, 4, 3, BS_BICUBIC, {37, 115, 171, 150, 152, 160, 125, 128, 180, 134, 124, 120}},
    {7, 5, 1, 9, 8, BS_BICUBIC, {0,   17,  48,  76,  104, 132, 172, 211, 233, 20,  45,  78,  113, 156, 194,
                                 154, 132, 166, 61,  92,  133, 170, 199, 251, 131, 45,  94,  97,  132, 199,
                                 208, 80,  122, 133, 149, 190, 133, 186, 213, 165, 49,  105, 121, 143, 188,
                                 170, 239, 172, 62,  125, 202, 96,  26,  90,  219, 165, 112, 116, 191, 132,
                                 83,  99,  158, 249, 102, 73,  173, 230, 66,  78,  171, 223}},
    {5, 4, 3, 3, 6, BS_BICUBIC, {9,   91,  190, 69,  155, 195, 128, 229, 30,  38,  132, 168, 111, 177,
                                 118, 191, 134, 90,  87,  166, 122, 164, 169, 59,  219, 57,  144, 136,
                                 128, 55,  184, 63,  141, 84,  148, 101, 185, 67,  81,  148, 99,  171,
                                 112, 140, 82,  214, 23,  125, 111, 161, 174, 175, 107, 77}},
    {9, 40, 1, 4, 2, BS_BICUBIC, {130, 129, 127, 122, 138, 124, 121, 127}},
    {7, 5, 1, 4, 3, BS_NEAREST, {0, 74, 148, 222, 118, 236, 98, 216, 236, 142, 48, 210}},
    {5, 4, 3, 3, 6, BS_NEAREST, {0,   83,  166, 74,  157, 240, 148, 231, 58,  59,  142, 225, 155, 238,
                                 65,  251, 78,  161, 59,  142, 225, 155, 238, 65,  251, 78,  161, 118,
                                 201, 28,  236, 63,  146, 98,  181, 8,   118, 201, 28,  236, 63,  146,
                                 98,  181, 8,   177, 4,   87,  61,  144, 227, 201, 28,  111}},
};

static void test_resize_matches_pillow(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof resize_cases / sizeof *resize_cases; i++) {
        const struct resize_case *t = &resize_cases[i];
        bs_pixels px = pattern(t->w, t->h, t->channels);
        assert_ok(bs_pixels_resize(&px, t->to_w, t->to_h, t->how));
        assert_int_equal(px.width, t->to_w);
        assert_int_equal(px.height, t->to_h);
        assert_memory_equal(px.data, t->expected, (size_t)(t->to_w * t->to_h * t->channels));
        bs_pixels_clear(&px);
    }
}

static void test_resize_extremes(void **state)
{
    (void)state;
    uint8_t same[7 * 5 * 3];
    bs_pixels px = pattern(7, 5, 3);
    fixture_fill(same, 7, 5, 3);
    assert_ok(bs_pixels_resize(&px, 7, 5, BS_BILINEAR));
    assert_memory_equal(px.data, same, sizeof same);
    assert_error(bs_pixels_resize(&px, 0, 5, BS_BILINEAR), "0 x 5");
    assert_error(bs_pixels_resize(&px, 65500, 65500, BS_BILINEAR), "cannot resize");
    bs_pixels_clear(&px);

    px = pattern(1, 1, 3);
    assert_ok(bs_pixels_resize(&px, 5, 4, BS_BILINEAR));
    for (int i = 0; i < 60; i++)
        assert_int_equal(px.data[i], fixture_pixel(0, 0, i % 3));
    bs_pixels_clear(&px);

    assert_ok(bs_pixels_alloc(&px, 65500, 2, 1));
    memset(px.data, 255, 131000);
    assert_ok(bs_pixels_resize(&px, 1, 65500, BS_BILINEAR));
    for (int i = 0; i < 65500; i++)
        assert_int_equal(px.data[i], 255);
    assert_ok(bs_pixels_resize(&px, 1, 1, BS_BILINEAR));
    assert_int_equal(px.data[0], 255);
    bs_pixels_clear(&px);
}

/* scale 1, so that the tensor shows the pixels themselves */
static bs_preprocess plain(void)
{
    bs_preprocess p;
    bs_preprocess_default(&p);
    p.scale = 1;
    return p;
}

static void test_channel_order_and_arithmetic(void **state)
{
    (void)state;
    float chw[3 * 4 * 6];
    bs_preprocess p = plain();
    p.bgr = true;
    p.scale = 0.5f;
    p.n_mean = p.n_std = 3;
    memcpy(p.mean, (float[4]){104, 117, 123}, sizeof p.mean);
    memcpy(p.std, (float[4]){1, 2, 3}, sizeof p.std);
    bs_pixels px = pattern(6, 4, 3);
    assert_ok(bs_pixels_preprocess(&px, &p, 3, 4, 6, chw));
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < 4; y++)
            for (int x = 0; x < 6; x++) {
                float pixel = fixture_pixel(x, y, 2 - c);
                assert_true(chw[(c * 4 + y) * 6 + x] == (pixel * 0.5f - p.mean[c]) / p.std[c]);
            }
    bs_pixels_clear(&px);
}

static void test_default_is_zero_to_one(void **state)
{
    (void)state;
    float chw[3 * 2];
    bs_preprocess p;
    bs_preprocess_default(&p);
    bs_pixels px = pattern(2, 1, 3);
    memcpy(px.data, (uint8_t[6]){0, 255, 51, 255, 0, 102}, 6);
    assert_ok(bs_pixels_preprocess(&px, &p, 3, 1, 2, chw));
    const float expected[6] = {0, 1, 1, 0, 0.2f, 0.4f};
    for (int i = 0; i < 6; i++)
        assert_float_equal(chw[i], expected[i], 1e-6);
    bs_pixels_clear(&px);
}

/* Expected: Pillow's convert('L') of the pattern. */
static void test_one_and_three_channels(void **state)
{
    (void)state;
    static const float luma[24] = {68,  105, 142, 149, 186, 73,  127, 145, 193, 91,  139, 111,
                                   156, 65,  124, 107, 136, 195, 65,  135, 129, 169, 89,  83};
    float chw[3 * 24];
    bs_preprocess p = plain();
    bs_pixels px = pattern(6, 4, 3);
    assert_ok(bs_pixels_preprocess(&px, &p, 1, 4, 6, chw));
    assert_memory_equal(chw, luma, sizeof luma);
    bs_pixels_clear(&px);

    px = pattern(6, 4, 1);
    assert_ok(bs_pixels_preprocess(&px, &p, 3, 4, 6, chw));
    for (int i = 0; i < 24; i++) {
        assert_true(chw[i] == (float)px.data[i]);
        assert_true(chw[24 + i] == chw[i] && chw[48 + i] == chw[i]);
    }
    bs_pixels_clear(&px);
}

/* First column left after the crop: torchvision's int(round((W - w) / 2)), halves to even. */
static void test_centre_crop_rounds_to_even(void **state)
{
    (void)state;
    const int first[] = {0, 0, 1, 2, 2, 2, 3, 4, 4, 4};
    for (int extra = 0; extra < 10; extra++) {
        float chw[2 * 3];
        bs_preprocess p = plain();
        p.crop_h = 2;
        p.crop_w = 3;
        bs_pixels px = pattern(3 + extra, 2 + extra, 1);
        assert_ok(bs_pixels_preprocess(&px, &p, 1, 2, 3, chw));
        for (int i = 0; i < 6; i++)
            assert_true(chw[i] == (float)fixture_pixel(first[extra] + i % 3, first[extra] + i / 3, 0));
        bs_pixels_clear(&px);
    }
}

static void size_after(bs_preprocess p, int width, int height, int expected_w, int expected_h)
{
    bs_pixels px = pattern(width, height, 3);
    float *chw = malloc(sizeof *chw * 3 * (size_t)(expected_w * expected_h));
    assert_non_null(chw);
    assert_ok(bs_pixels_preprocess(&px, &p, 3, expected_h, expected_w, chw));
    free(chw);
    bs_pixels_clear(&px);
}

static void test_order_and_sizes(void **state)
{
    (void)state;
    bs_preprocess p = plain();
    p.resize_short = 16;
    size_after(p, 50, 33, 24, 16); /* 24.24 */
    size_after(p, 33, 50, 16, 24);
    size_after(p, 16, 16, 16, 16);
    size_after(p, 8, 11, 16, 22);
    p = plain();
    p.crop_fraction = 0.875f;
    size_after(p, 50, 20, 18, 18); /* 17.5 to even */
    size_after(p, 40, 60, 35, 35);
    p.resize_short = 20;
    p.resize_h = 12;
    p.resize_w = 14;
    size_after(p, 50, 30, 14, 12);
    p.crop_h = 5;
    p.crop_w = 13;
    size_after(p, 50, 30, 13, 5);
    p = plain();
    p.crop_fraction = 0.001f;
    size_after(p, 50, 30, 1, 1);
}

static void refuse(bs_preprocess p, int channels, int height, int width, const char *message,
                   const char *hint)
{
    static float chw[3 * 64 * 64];
    bs_pixels px = pattern(40, 30, 3);
    assert_error(bs_pixels_preprocess(&px, &p, channels, height, width, chw), message);
    if (!strstr(bs_error_hint(), hint))
        fail_msg("hint '%s' lacks '%s'", bs_error_hint(), hint);
    bs_pixels_clear(&px);
}

static void test_errors(void **state)
{
    (void)state;
    bs_preprocess p = plain();
    refuse(p, 3, 28, 32, "the image has 30 x 40 pixels (height x width), the network wants 28 x 32",
           "set 'resize: [28, 32]'");
    refuse(p, 4, 30, 40, "4 channels", "N x C x H x W, or N x H x W x C");
    p.resize_short = 15;
    refuse(p, 3, 28, 28, "30 x 40 pixels (height x width) become 15 x 20, the network wants 28 x 28",
           "resize_short");
    p.crop_h = p.crop_w = 16;
    refuse(p, 3, 16, 16, "cannot crop 16 x 16 (height x width) from 15 x 20", "resize_short");
    p.crop_w = 0;
    refuse(p, 3, 16, 16, "both a height and a width", "");
    p = plain();
    p.n_mean = 3;
    refuse(p, 1, 30, 40, "3 mean and 1 std values for a network with 1 channels", "one for each");
    p = plain();
    p.std[0] = 0;
    refuse(p, 3, 30, 40, "std of channel 0", "");
    p = plain();
    p.crop_fraction = 1.5f;
    refuse(p, 3, 30, 40, "crop_fraction 1.5", "");
    p = plain();
    p.resize_short = INT32_MAX;
    refuse(p, 3, 30, 40, "long side", "");
    p = plain();
    p.resize_h = p.resize_w = -1;
    refuse(p, 3, 30, 40, "negative", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resize_matches_pillow),
        cmocka_unit_test(test_resize_extremes),
        cmocka_unit_test(test_channel_order_and_arithmetic),
        cmocka_unit_test(test_default_is_zero_to_one),
        cmocka_unit_test(test_one_and_three_channels),
        cmocka_unit_test(test_centre_crop_rounds_to_even),
        cmocka_unit_test(test_order_and_sizes),
        cmocka_unit_test(test_errors),
    };
    return run_suite(tests, NULL, NULL);
}
