/* Proves where patches pay: by their share of the plane alone, and by the times of both ways. The times are
 * those of a made-up backend and a made-up clock, so every answer is known; the last test asks a real device.
 */
#include "support/fake_cache.h"
#include "support/fake_times.h"
#include "support/rig.h"

#include "replay/autotune.h"

static bs_graph *convolution(void)
{
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(8, 32, 32));
    g->output = gb_conv(g, g->input, 16, 3, 1, 1, 1, true);
    return g;
}

static const int in_size[] = {27, 27}, out_size[] = {25, 25}, other_size[] = {24, 24};

static bool pays_for(bs_autotune *c, bs_autotune_query q)
{
    bool answer = false;
    q.in_size = in_size;
    q.out_size = q.out_size ? q.out_size : out_size;
    assert_ok(bs_autotune_patch_pays(c, &q, &answer));
    return answer;
}

static bool pays(bs_autotune *c, double share)
{
    return pays_for(c, (bs_autotune_query){.share = share, .gathered = 1, .widened = 1});
}

static bs_graph *graph;

/* An autotuner of that backend, for which a run of the node takes these times; freed with close_fake(). */
static bs_autotune *open_fake(double whole, double patch)
{
    static int network;
    bs_autotune *c;
    memset(&fake, 0, sizeof fake);
    fake.whole = whole;
    fake.patch = patch;
    clock_is_fake = true;
    graph = convolution();
    assert_ok(bs_autotune_create(&c, graph, &fake_backend, (bs_network *)&network));
    assert_non_null(c);
    return c;
}

static void close_fake(bs_autotune *c)
{
    bs_autotune_free(c);
    gb_free(graph);
    clock_is_fake = false;
}

/* --- tests --- */

static void test_by_share(void **state)
{
    (void)state;
    assert_true(pays(NULL, 0.85));
    assert_false(pays(NULL, 0.86));
    assert_true(bs_autotune_may_pay(0.85));
    assert_false(bs_autotune_may_pay(0.86));
    assert_int_equal(bs_autotune_signature(NULL), 0);
}

/* A patch may take 1.25 times as long as the whole node, and not more. */
static void test_times_decide(void **state)
{
    (void)state;
    static const struct {
        double whole, patch;
        bool pays;
    } cases[] = {{1e-3, 1e-6, true},     {1e-3, 1e-3, true},  {1e-3, 1.24e-3, true},
                 {1e-3, 1.26e-3, false}, {1e-3, 2e-2, false}, {1e-6, 1.26e-6, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bs_autotune *c = open_fake(cases[i].whole, cases[i].patch);
        if (pays(c, 0.6) != cases[i].pays)
            fail_msg("patches of %g s pay against %g s: not %s", cases[i].patch, cases[i].whole,
                     cases[i].pays ? "true" : "false");
        assert_int_equal(pays(c, 0.85), cases[i].pays);
        assert_int_equal(pays(c, 0.51), cases[i].pays);
        assert_int_equal(bs_autotune_signature(c) != 0, !cases[i].pays);
        assert_true(fake.wholes >= 2 && fake.patches >= 2 && fake.samples == 4);
        close_fake(c);
    }
}

/* Where the share says enough no time is taken, whatever it would say. */
static void test_share_decides(void **state)
{
    (void)state;
    bs_autotune *c = open_fake(1e-3, 1.0);
    assert_true(pays(c, 0.5));
    assert_false(pays(c, 0.86));
    close_fake(c);
    c = open_fake(1e-3, 1e-9);
    assert_false(pays(c, 0.86));
    assert_int_equal(fake.wholes + fake.patches, 0);
    assert_int_equal(bs_autotune_signature(c), 0);
    close_fake(c);
}

/* Gathering is part of the way that needs it. */
static void test_gathering_counts(void **state)
{
    (void)state;
    static const struct {
        uint32_t gathered, widened;
        bool pays;
    } cases[] = {{0, 0, true}, {1, 0, false}, {1, 1, true}, {0, 1, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bs_autotune *c = open_fake(1e-3, 0.5e-3);
        fake.gather = 1e-3;
        assert_int_equal(pays_for(c, (bs_autotune_query){.share = 0.6,
                                                         .gathered = cases[i].gathered,
                                                         .widened = cases[i].widened}),
                         cases[i].pays);
        close_fake(c);
    }
    bs_autotune *c = open_fake(1e-3, 0.5e-3); /* and each way of gathering has a time of its own */
    fake.gather = 1e-3;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(pays_for(c, (bs_autotune_query){.share = 0.6,
                                                         .gathered = cases[i].gathered,
                                                         .widened = cases[i].widened}),
                         cases[i].pays);
    close_fake(c);
}

/* The first run makes a library's plans: it does not count, on either side. */
static void test_first_run_is_slow(void **state)
{
    (void)state;
    for (int patch = 0; patch < 2; patch++) { /* the side whose first run is late, and which is quicker */
        bs_autotune *c = open_fake(patch ? 2e-3 : 1e-3, patch ? 1e-3 : 2e-3);
        fake.late = 0.1;
        fake.wholes = patch;
        fake.patches = !patch;
        assert_int_equal(pays(c, 0.6), patch);
        close_fake(c);
    }
}

/* A size is timed once, and the whole node once for all sizes. Answers against the share have a signature. */
static void test_remembers(void **state)
{
    (void)state;
    bs_autotune *c = open_fake(1e-3, 2e-3);
    assert_false(pays(c, 0.6));
    int wholes = fake.wholes, patches = fake.patches;
    uint64_t one = bs_autotune_signature(c);
    fake.patch = 1e-6; /* too late */
    assert_false(pays(c, 0.6));
    assert_int_equal(fake.patches, patches);
    assert_true(bs_autotune_signature(c) == one);
    const bs_autotune_query other = {.out_size = other_size, .share = 0.6, .gathered = 1, .widened = 1};
    assert_true(pays_for(c, other));
    assert_int_equal(fake.wholes, wholes);
    assert_true(fake.patches > patches);
    assert_true(bs_autotune_signature(c) == one);
    close_fake(c);
    c = open_fake(1e-3, 2e-3); /* the other first: the same answers, the same number */
    assert_false(pays_for(c, other));
    uint64_t two = bs_autotune_signature(c);
    assert_true(two != 0 && two != one);
    assert_false(pays(c, 0.6));
    assert_true(bs_autotune_signature(c) == (one ^ two));
    close_fake(c);
}

/* After a second of measuring, or without memory for it, the share decides. */
static void test_budget(void **state)
{
    (void)state;
    const bs_autotune_query other = {.out_size = other_size, .share = 0.6, .gathered = 1, .widened = 1};
    bs_autotune *c = open_fake(0.1, 0.2);
    assert_false(pays(c, 0.6)); /* it takes more than a second, and its answer stays */
    int patches = fake.patches;
    assert_true(pays_for(c, other));
    assert_int_equal(fake.patches, patches);
    assert_false(pays(c, 0.6));
    close_fake(c);
    c = open_fake(1e-3, 2e-3);
    fake.alloc = BS_NO_MEMORY;
    assert_true(pays(c, 0.6));
    fake.alloc = BS_OK;
    assert_true(pays(c, 0.6));
    assert_int_equal(fake.wholes + fake.patches, 0);
    assert_int_equal(bs_autotune_signature(c), 0);
    close_fake(c);
}

/* A second start takes no time, and gives the answers of the first, also where its budget was spent. On
 * another device, nothing is known. */
static void test_cache(void **state)
{
    (void)state;
    static bs_cache cache;
    const bs_autotune_query other = {.out_size = other_size, .share = 0.6, .gathered = 1, .widened = 1};
    bs_device_info info = {.name = "made up", .isa = "none", .library = "fake 1"};
    bs_autotune *c = open_fake(0.1, 0.2);
    bs_autotune_use_cache(c, &cache, &info);
    assert_false(pays(c, 0.6)); /* and the budget is spent */
    assert_true(pays_for(c, other));
    uint64_t signature = bs_autotune_signature(c);
    close_fake(c);
    c = open_fake(0.1, 0.01);
    bs_autotune_use_cache(c, &cache, &info);
    assert_false(pays(c, 0.6));
    assert_true(pays_for(c, other));
    assert_int_equal(fake.wholes + fake.patches, 0);
    assert_true(bs_autotune_signature(c) == signature);
    close_fake(c);
    strcpy(info.library, "fake 2");
    c = open_fake(0.1, 0.01);
    bs_autotune_use_cache(c, &cache, &info);
    assert_true(pays(c, 0.6));
    assert_true(fake.wholes > 0);
    close_fake(c);
    fake_clear(&cache);
}

/* Nodes that compute the same share one measurement. */
static void test_alike_nodes(void **state)
{
    (void)state;
    bs_autotune *c;
    static int network;
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(8, 32, 32));
    int x = gb_conv(g, g->input, 8, 3, 1, 1, 1, true);
    g->output = gb_conv(g, gb_conv(g, x, 8, 3, 1, 1, 1, true), 16, 3, 1, 1, 1, true);
    memset(&fake, 0, sizeof fake);
    fake.whole = fake.patch = 1e-3;
    clock_is_fake = true;
    assert_ok(bs_autotune_create(&c, g, &fake_backend, (bs_network *)&network));
    int runs = 0;
    for (int node = 0; node < 3; node++) {
        assert_true(pays_for(c, (bs_autotune_query){.node = node, .share = 0.6, .gathered = 1}));
        assert_int_equal(fake.wholes > runs, node != 1);
        runs = fake.wholes;
    }
    bs_autotune_free(c);
    gb_free(g);
    clock_is_fake = false;
}

static void test_failure(void **state)
{
    (void)state;
    bs_autotune *c = open_fake(1e-3, 1e-3);
    bool answer;
    fake.run_patch = BS_NO_DEVICE;
    const bs_autotune_query q = {.in_size = in_size, .out_size = out_size, .share = 0.6};
    assert_int_equal(bs_autotune_patch_pays(c, &q, &answer), BS_NO_DEVICE);
    close_fake(c);
}

/* A real device takes the same way: the first answer stays, and the signature agrees with it. */
static void test_on_a_device(void **state)
{
    (void)state;
    bs_graph *g = convolution();
    rig r = rig_open(g);
    bs_autotune *c;
    assert_true(r.b->patch_supported(r.network, 0, in_size, out_size));
    assert_ok(bs_autotune_create(&c, g, r.b, r.network));
    assert_non_null(c);
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
    assert_ok(bs_null_backend.load(&network, device, g, NULL));
    assert_ok(bs_autotune_create(&c, g, &bs_null_backend, network));
    assert_null(c);
    bs_null_backend.unload(network);
    bs_null_backend.close(device);
    gb_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_share),
        cmocka_unit_test(test_times_decide),
        cmocka_unit_test(test_share_decides),
        cmocka_unit_test(test_gathering_counts),
        cmocka_unit_test(test_first_run_is_slow),
        cmocka_unit_test(test_remembers),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_alike_nodes),
        cmocka_unit_test(test_failure),
        cmocka_unit_test(test_on_a_device),
        cmocka_unit_test(test_without_autotune),
    };
    return run_suite(tests, NULL, NULL);
}
