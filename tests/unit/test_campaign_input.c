/* Proves that an image fills the network's input as documented: the same network with channels first and
 * last. */
#include "support/data_fixture.h"
#include "support/model_build.h"

#include "campaign/input.h"

enum { WIDTH = 4, HEIGHT = 2, ELEMENTS = 3 * WIDTH * HEIGHT };

static void prepare(bs_preprocess *p)
{
    bs_preprocess_default(p);
    p->n_mean = 3;
    p->mean[1] = 0.25f;
    p->mean[2] = 0.5f;
}

/* The network's output for the image. */
static void classify(const char *model, const bs_dataset *images, bs_flatten flatten, float *out)
{
    bs_graph *g = NULL;
    bs_engine *e;
    bs_worker w;
    bs_preprocess p;
    bs_input in;
    bool broken;
    const bs_engine_options o = {.device = "cpu", .threads = 1};
    assert_ok(import_text(&g, model));
    assert_ok(bs_engine_open(&e, g, NULL, &o));
    assert_ok(bs_worker_open(&w, e, 0));
    prepare(&p);
    p.flatten = flatten;
    assert_ok(bs_input_open(&in, g, images, &p));
    assert_ok(bs_input_check(&in));
    assert_ok(bs_input_load(&w, 0, &in, 0, &broken));
    assert_false(broken);
    assert_ok(bs_golden_run(w.golden, 1));
    memcpy(out, w.golden->output, ELEMENTS * sizeof *out);
    bs_worker_close(&w);
    bs_engine_close(e);
    bs_graph_free(g);
}

static void test_both_orders(void **state)
{
    uint8_t px[ELEMENTS];
    float first[ELEMENTS], last[ELEMENTS], flat[ELEMENTS];
    bs_dataset *images;
    fixture_fill(px, WIDTH, HEIGHT, 3);
    struct fixture_bytes file =
        fixture_png(px, 3 * WIDTH, WIDTH, HEIGHT, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE);
    const char *path = fixture_write(state, "a.png", file.ptr, file.len);
    assert_ok(bs_dataset_open(&images, &(bs_dataset_spec){.files = &path, .n_files = 1}, 0));
    classify("in x N 3 2 4; out y; Flatten x -> y", images, BS_FLATTEN_NONE, first);
    classify("in x N 2 4 3; out y; Transpose x -> a perm=[0,3,1,2]; Flatten a -> y", images, BS_FLATTEN_NONE,
             last);
    for (int c = 0; c < 3; c++)
        for (int k = 0; k < WIDTH * HEIGHT; k++)
            assert_float_equal(first[c * WIDTH * HEIGHT + k], px[3 * k + c] / 255.0f - 0.25f * (float)c,
                               1e-6f);
    assert_memory_equal(first, last, sizeof first);
    /* Lists of values in either order. */
    classify("in x N 24; out y; Identity x -> y", images, BS_FLATTEN_CHW, flat);
    assert_memory_equal(first, flat, sizeof first);
    classify("in x N 24; out y; Identity x -> y", images, BS_FLATTEN_HWC, flat);
    for (int k = 0; k < ELEMENTS; k++)
        assert_true(flat[k] == first[k % 3 * WIDTH * HEIGHT + k / 3]);
    bs_dataset_close(images);
    free(file.ptr);
}

static void test_formats(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        bs_input_format want;
    } cases[] = {
        {"in x N 3 2 4; out y; Flatten x -> y", {3, 2, 4, false}},
        {"in x N 2 4 1; out y; Flatten x -> y", {1, 2, 4, true}},
        {"in x N 1 4 3; out y; Flatten x -> y", {1, 4, 3, false}}, /* either is possible: as PyTorch */
        {"in x N 4 5 6; out y; Flatten x -> y", {4, 5, 6, false}},
        {"in x N 5 6; out y; Flatten x -> y", {1, 5, 6, false}},
        {"in x N 30; out y; Relu x -> y", {0, 0, 0, false}},
        {"in x N 3 2 5 6; out y; Flatten x -> y", {0, 0, 0, false}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        bs_graph *g = NULL;
        assert_ok(import_text(&g, cases[k].model));
        bs_input_format f = bs_input_format_of(g), want = cases[k].want;
        assert_int_equal(f.channels, want.channels);
        assert_int_equal(f.height, want.height);
        assert_int_equal(f.width, want.width);
        assert_int_equal(f.channels_last, want.channels_last);
        bs_graph_free(g);
    }
}

/* What cannot become the input. All in one: an image of 4 x 2 pixels in colour. */
static const struct {
    const char *model;
    int resize; /* to a square; 0: none */
    bs_flatten flatten;
    float scale;
    bool bytes;
    const char *message, *hint; /* NULL: fine */
} checks[] = {
    {"in x N 3 2 4; out y; Flatten x -> y", 0, 0, 1, false, NULL, NULL},
    {"in x N 3 4 4; out y; Flatten x -> y", 0, 0, 1, false, "the network wants 4 x 4", "'resize: [4, 4]'"},
    {"in x N 3 4 4; out y; Flatten x -> y", 4, 0, 1, false, NULL, NULL},
    {"in x N 4 2 4; out y; Flatten x -> y", 0, 0, 1, false, "has 4 channels, images have 1 or 3", "N x C"},
    {"in x N 2 4; out y; Flatten x -> y", 0, 0, 1, false, NULL, NULL},
    {"in x N 3 2 2 4; out y; Flatten x -> y", 0, 0, 1, false, "input 3x2x2x4 is no image", "(N, H, W)"},
    {"in x N 3 2 4; out y; Flatten x -> y", 0, BS_FLATTEN_CHW, 1, false, "'flatten' is for a network", "out"},
    {"in x N 8; out y; Relu x -> y", 0, 0, 1, false, NULL, NULL}, /* grey needs no order */
    {"in x N 24; out y; Relu x -> y", 0, 0, 1, false, "24 values, whose order is not known",
     "'flatten: chw'"},
    {"in x N 24; out y; Relu x -> y", 0, BS_FLATTEN_HWC, 1, false, NULL, NULL},
    {"in x N 75; out y; Relu x -> y", 0, BS_FLATTEN_HWC, 1, false,
     "has 75 values, but images of 2 x 4 pixels have 8 (grey) or 24", "such as 'resize: 5'"},
    {"in x N 75; out y; Relu x -> y", 5, BS_FLATTEN_HWC, 1, false, NULL, NULL},
    {"in x N 25; out y; Relu x -> y", 0, 0, 1, false, "has 25 values", "such as 'resize: 5'"},
    {"in x N 26; out y; Relu x -> y", 0, 0, 1, false, "has 26 values", "'resize: [HEIGHT, WIDTH]'"},
    {"in x N 3 2 4; out y; Flatten x -> y", 0, 0, 1, true, NULL, NULL},
    {"in x N 3 2 4; out y; Flatten x -> y", 0, 0, 0.5f, true, "whole numbers from 0 to 255", "'scale: 1'"},
};

static void test_checks(void **state)
{
    uint8_t px[ELEMENTS];
    bs_dataset *images;
    fixture_fill(px, WIDTH, HEIGHT, 3);
    struct fixture_bytes file =
        fixture_png(px, 3 * WIDTH, WIDTH, HEIGHT, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE);
    const char *paths[] = {strdup(fixture_write(state, "broken.png", file.ptr, 8)),
                           fixture_write(state, "a.png", file.ptr, file.len)};
    assert_ok(bs_dataset_open(&images, &(bs_dataset_spec){.files = paths, .n_files = 2}, 0));
    for (size_t k = 0; k < sizeof checks / sizeof *checks; k++) {
        bs_graph *g = NULL;
        bs_preprocess p;
        bs_input in;
        bs_preprocess_default(&p);
        p.scale = checks[k].scale;
        p.resize_h = p.resize_w = checks[k].resize;
        p.flatten = checks[k].flatten;
        assert_ok(import_text(&g, checks[k].model));
        g->bytes = checks[k].bytes;
        bs_status st = bs_input_open(&in, g, images, &p);
        if (st == BS_OK)
            st = bs_input_check(&in);
        bool good = checks[k].message ? st != BS_OK && strstr(bs_error_message(), checks[k].message) &&
                                            strstr(bs_error_hint(), checks[k].hint)
                                      : st == BS_OK;
        if (!good)
            fail_msg("%s: status %d, '%s', hint '%s'", checks[k].model, st, bs_error_message(),
                     bs_error_hint());
        bs_graph_free(g);
    }
    bs_dataset_close(images);
    free((char *)paths[0]);
    free(file.ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_orders),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_checks),
    };
    return run_suite(tests, fixture_open, fixture_close);
}
