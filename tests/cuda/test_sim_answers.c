/* Proves that after an error the results of earlier kernels neither reach the host nor change later ones, and
 * that any number of results comes. */
#include "support/rig.h"

#include "cuda/enqueue.h"

/* A kernel could not be launched, and another stood before it: its 0 must not be taken for an answer of the
 * next one, which leaves what it has at 1. */
static void test_after_an_error(void **state)
{
    (void)state;
    bs_graph *g = gb_conv_graph(1, 2, 2, 2, 1, 1, 0, 1, false);
    rig r = rig_open(g);
    const bs_fill_args args = {.n = 1};
    uint8_t lost = 7, next = 7;
    CUdeviceptr at;
    assert_ok(bs_cuda_enter(r.stream->network->device));
    assert_ok(bs_cuda_answer(r.stream, &at, &lost, 1));
    assert_ok(bs_cuda_set(r.stream, at, 0, 1));
    assert_error(bs_cuda_launch(r.stream, BS_KERNEL_fill, 1, UINT32_MAX, &args), "too large");
    assert_ok(bs_cuda_answer(r.stream, &at, &next, 1));
    assert_ok(bs_cuda_collect(r.stream));
    assert_int_equal(lost, 7);
    assert_int_equal(next, 1);
    rig_close(&r);
    gb_free(g);
}

/* More bounds than one transfer brings: of all samples but the last, nothing differs. */
static void test_many_bounds(void **state)
{
    (void)state;
    enum { MANY = (1 << 16) + 1 };
    static int32_t of[MANY], from[MANY], got[MANY][4];
    bs_graph *g = gb_conv_graph(1, 1, 2, 2, 1, 1, 0, 1, false);
    rig r = rig_open(g);
    char *golden = rig_rows(&r, g->input, 1), *rows = rig_rows(&r, g->input, 2);
    assert_ok(r.b->upload(r.stream, g->input, golden, (const float[]){1, 2}));
    assert_ok(r.b->upload(r.stream, g->input, rows, (const float[]){1, 2}));
    assert_ok(
        r.b->upload(r.stream, g->input, rows + r.b->row_bytes(r.network, g->input), (const float[]){1, 3}));
    from[MANY - 1] = 1;
    assert_ok(r.b->bounds(r.stream, g->input, MANY, (bs_view){rows, from}, (bs_view){golden, of}, got));
    for (int i = 0; i < MANY; i++) {
        const int32_t changed[] = {0, 1, 1, 1}, none[4] = {0};
        assert_memory_equal(got[i], i + 1 == MANY ? changed : none, sizeof none);
    }
    rig_free(&r, golden);
    rig_free(&r, rows);
    rig_close(&r);
    gb_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_after_an_error),
                                       cmocka_unit_test(test_many_bounds)};
    return run_suite(tests, NULL, NULL);
}
