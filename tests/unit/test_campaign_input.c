/* Proves that an image fills the network's input as documented: the same network with channels first and
 * last. */
#include "support/data_fixture.h"
#include "support/model_build.h"

#include "campaign/input.h"

enum { WIDTH = 4, HEIGHT = 2, ELEMENTS = 3 * WIDTH * HEIGHT };

/* The network's output for the image. */
static void classify(const char *model, const bs_dataset *images, float *out)
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
    assert_ok(bs_worker_open(&w, e));
    bs_preprocess_default(&p);
    p.n_mean = 3;
    p.mean[1] = 0.25f;
    p.mean[2] = 0.5f;
    assert_ok(bs_input_open(&in, g, images, &p));
    assert_ok(bs_input_check(&in));
    assert_ok(bs_input_load(&w, 0, &in, 0, NULL, &broken));
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
    float first[ELEMENTS], last[ELEMENTS];
    bs_dataset *images;
    fixture_fill(px, WIDTH, HEIGHT, 3);
    struct fixture_bytes file =
        fixture_png(px, 3 * WIDTH, WIDTH, HEIGHT, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE);
    const char *path = fixture_write(state, "a.png", file.ptr, file.len);
    assert_ok(bs_dataset_open(&images, &(bs_dataset_spec){.files = &path, .n_files = 1}, 0));
    classify("in x N 3 2 4; out y; Flatten x -> y", images, first);
    classify("in x N 2 4 3; out y; Transpose x -> a perm=[0,3,1,2]; Flatten a -> y", images, last);
    for (int c = 0; c < 3; c++)
        for (int k = 0; k < WIDTH * HEIGHT; k++)
            assert_float_equal(first[c * WIDTH * HEIGHT + k], px[3 * k + c] / 255.0f - 0.25f * (float)c,
                               1e-6f);
    assert_memory_equal(first, last, sizeof first);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_orders),
        cmocka_unit_test(test_formats),
    };
    return run_suite(tests, fixture_open, fixture_close);
}
