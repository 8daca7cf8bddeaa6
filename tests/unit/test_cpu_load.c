/* Proves that a network is the same however it was loaded: by one thread or several, by comparing or from the
 * cache of facts; that equal layers are compared once, and that a wrong fact does no harm. */
#include "support/fake_cache.h"
#include "support/graph_builder.h"

#include "cpu/patch_answers.h"

/* Convolutions in a row; layers 1 and 2 have one shape. */
static bs_graph *network(int layers)
{
    bs_graph *g = gb_create();
    int x = g->input = gb_activation(g, GB_SHAPE(4, 20, 20));
    x = gb_conv(g, x, 32, 3, 1, 1, 1, true);
    for (int i = 1; i < layers; i++)
        x = gb_conv(g, x, 32, 3, 1, 1, 1, true);
    g->output = gb_conv(g, x, 8, 1, 1, 0, 1, false);
    return g;
}

typedef struct loaded {
    const bs_graph *g;
    bs_device *device;
    bs_network *network;
} loaded;

static loaded load(const bs_graph *g, bs_cache *cache, int threads)
{
    loaded l = {.g = g};
    const bs_load_options options = {.cache = cache, .threads = threads};
    assert_ok(bs_cpu_backend.open(&l.device, 0, NULL));
    assert_ok(bs_cpu_backend.load(&l.network, l.device, g, &options));
    return l;
}

static void unload(loaded *l)
{
    bs_cpu_backend.unload(l->network);
    bs_cpu_backend.close(l->device);
}

/* Asks for patches of several sizes; returns the answers as bits. */
static uint64_t ask_patches(const loaded *l)
{
    uint64_t answers = 0;
    for (int node = 0; node < l->g->n_nodes; node++)
        for (int size = 1; size <= 12; size += 3) {
            int kernel = l->g->nodes[node].attr.window.kernel[0];
            const int in[] = {size + kernel - 1, size + kernel - 1}, out[] = {size, size};
            answers = answers << 1 | bs_cpu_backend.patch_supported(l->network, node, in, out);
        }
    return answers;
}

static int compared(const loaded *l)
{
    return bs_cpu_answers_compared(l->network->answers);
}

/* The packed weights of each layer. */
static void assert_same_weights(const loaded *a, const loaded *b)
{
    for (int i = 0; i < a->g->n_nodes; i++) {
        const bs_cpu_plan *x = &a->network->plan[i], *y = &b->network->plan[i];
        assert_string_equal(bs_conv_impl_name(x->matrix.impl), bs_conv_impl_name(y->matrix.impl));
        assert_memory_equal(x->param[1], y->param[1], bs_conv_impl_bytes(x->matrix.impl));
    }
    assert_true(bs_cpu_backend.selection(a->network) == bs_cpu_backend.selection(b->network));
}

static void test_threads(void **state)
{
    (void)state;
    bs_graph *g = network(3);
    loaded one = load(g, NULL, 1), many = load(g, NULL, 3);
    assert_same_weights(&one, &many);
    assert_true(ask_patches(&one) == ask_patches(&many));
    unload(&one);
    unload(&many);
    gb_free(g);
}

static void test_alike_once(void **state)
{
    (void)state;
    bs_graph *g = network(2), *deep = network(5);
    loaded a = load(g, NULL, 2), b = load(deep, NULL, 2);
    assert_true(compared(&a) > 0);
    assert_int_equal(compared(&a), compared(&b));
    ask_patches(&a);
    ask_patches(&b);
    assert_int_equal(compared(&a), compared(&b));
    unload(&a);
    unload(&b);
    gb_free(g);
    gb_free(deep);
}

static void test_warm(void **state)
{
    (void)state;
    static bs_cache cache;
    bs_graph *g = network(3);
    loaded cold = load(g, &cache, 2);
    uint64_t answers = ask_patches(&cold);
    assert_true(compared(&cold) > 0 && cache.puts > compared(&cold));
    int facts = cache.n, puts = cache.puts;
    loaded warm = load(g, &cache, 2);
    assert_true(ask_patches(&warm) == answers);
    assert_int_equal(compared(&warm), 0);
    assert_true(cache.n == facts && cache.puts == puts && cache.hits > 0);
    assert_same_weights(&cold, &warm);
    unload(&warm);
    unload(&cold);
    fake_clear(&cache);
    gb_free(g);
}

/* A name that the library does not offer, or no choice at all: as if nothing were stored. */
static void test_wrong_facts(void **state)
{
    (void)state;
    static bs_cache cache;
    bs_graph *g = network(2);
    loaded cold = load(g, &cache, 2);
    uint64_t answers = ask_patches(&cold);
    for (int wrong = 0; wrong < 3; wrong++) {
        for (int i = 0; i < cache.n; i++) {
            int choice[] = {1, 77, -1};
            if (wrong > 0 || strcmp(cache.fact[i].kind, "selection") == 0)
                memcpy(cache.fact[i].value, &choice[wrong], sizeof choice[wrong]);
            if (wrong == 0) /* the name after the choice */
                memcpy(cache.fact[i].value + sizeof choice[0], "nonsense", sizeof "nonsense");
        }
        loaded warm = load(g, &cache, 2);
        assert_true(ask_patches(&warm) == answers);
        assert_same_weights(&cold, &warm);
        if (wrong > 0)
            assert_int_equal(compared(&warm), compared(&cold));
        unload(&warm);
    }
    unload(&cold);
    fake_clear(&cache);
    gb_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_alike_once),
        cmocka_unit_test(test_warm),
        cmocka_unit_test(test_wrong_facts),
    };
    return run_suite(tests, NULL, NULL);
}
