/* Where patches pay: by their share of the plane, and by the clock where there is one. */
#include "support/rig.h"

#include "replay/autotune.h"

static bs_graph *convolution(void)
{
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(8, 32, 32));
    g->output = gb_conv(g, g->input, 16, 3, 1, 1, 1, true);
    return g;
}

static const int in_size[] = {27, 27}, out_size[] = {25, 25};

static bool pays(bs_autotune *c, double share)
{
    const bs_autotune_query q = {
        .node = 0, .in_size = in_size, .out_size = out_size, .share = share, .gathered = 1, .widened = 1};
    bool answer = false;
    assert_ok(bs_autotune_patch_pays(c, &q, &answer));
    return answer;
}

static void test_by_share(void **state)
{
    (void)state;
    assert_true(pays(NULL, 0.85));
    assert_false(pays(NULL, 0.86));
    assert_true(bs_autotune_may_pay(0.85));
    assert_false(bs_autotune_may_pay(0.86));
    assert_int_equal(bs_autotune_signature(NULL), 0);
}

/* Outside the zone the clock is not asked; within, the first answer stays. */
static void test_autotuned(void **state)
{
    (void)state;
    bs_graph *g = convolution();
    rig r = rig_open(g);
    bs_autotune *c;
    assert_true(r.b->patch_supported(r.network, 0, in_size, out_size));
    assert_ok(bs_autotune_create(&c, g, r.b, r.network));
    assert_non_null(c);
    assert_true(pays(c, 0.5));
    assert_false(pays(c, 0.86));
    assert_int_equal(bs_autotune_signature(c), 0);
    bool first = pays(c, 0.6);
    uint64_t signature = bs_autotune_signature(c);
    for (int i = 0; i < 20; i++)
        assert_int_equal(pays(c, 0.6), first);
    assert_true(bs_autotune_signature(c) == signature);
    assert_true((signature != 0) == !first); /* the share alone says yes */
    bs_autotune_free(c);
    rig_close(&r);
    gb_free(g);
}

/* The null backend does nothing that takes time. */
static void test_without_autotune(void **state)
{
    (void)state;
    bs_graph *g = convolution();
    bs_device *device;
    bs_network *network;
    bs_autotune *c;
    assert_ok(bs_null_backend.open(&device, 0, NULL));
    assert_ok(bs_null_backend.load(&network, device, g));
    assert_ok(bs_autotune_create(&c, g, &bs_null_backend, network));
    assert_null(c);
    bs_null_backend.unload(network);
    bs_null_backend.close(device);
    gb_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_share), cmocka_unit_test(test_autotuned),
                                       cmocka_unit_test(test_without_autotune)};
    return run_suite(tests, NULL, NULL);
}
