/* Proves that a plan draws its sites as documented. */
#include "support/fault_fixture.h"

static uint32_t bits_of(const bs_sites *s)
{
    uint32_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += bs_popcount(s->site[i].toggle);
    return n;
}

static void assert_sorted(const bs_sites *s, uint32_t elements)
{
    for (size_t i = 0; i < s->n; i++) {
        assert_true(s->site[i].element < elements);
        assert_true(i == 0 || s->site[i - 1].element < s->site[i].element);
    }
}

/* k sites are k different bits, up to every bit that there is, by either way of telling them apart. */
static void test_distinct_sites(void **state)
{
    static const uint32_t counts[] = {1, 2, 48, 49, 100, 127, 128};
    bs_sites s = {0};
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        char entries[128];
        bs_plan *plan;
        bs_job *job;
        snprintf(entries, sizeof entries, "{id: 1, targets: conv1.bias, count: %u, trials: 20}", counts[i]);
        assert_ok(fixture_plan(&plan, &job, "3", entries, 1));
        for (uint32_t r = 0; r < 20; r++) {
            fixture_sites(&s, plan, 1, CONV_B, 0, r);
            assert_sorted(&s, 4);
            assert_int_equal(bits_of(&s), counts[i]);
        }
        fixture_free(plan, job);
    }
    bs_sites_clear(&s);
}

/* The first k sites of a trial do not depend on how many follow. */
static void test_counts_are_nested(void **state)
{
    bs_sites few = {0}, many = {0};
    bs_plan *plan;
    bs_job *job;
    (void)state;
    assert_ok(fixture_plan(&plan, &job, "3", "{id: 1, targets: relu1, count: 40}", 1));
    fixture_sites(&few, plan, 1, RELU_OUT, 0, 0);
    fixture_free(plan, job);
    assert_ok(fixture_plan(&plan, &job, "3", "{id: 1, targets: relu1, count: 60}", 1));
    fixture_sites(&many, plan, 1, RELU_OUT, 0, 0);
    assert_int_equal(bits_of(&many), 60);
    for (size_t i = 0, k = 0; i < few.n; i++) {
        while (k < many.n && many.site[k].element < few.site[i].element)
            k++;
        assert_true(k < many.n && many.site[k].element == few.site[i].element);
        assert_int_equal(few.site[i].toggle & ~many.site[k].toggle, 0);
    }
    fixture_free(plan, job);
    bs_sites_clear(&few);
    bs_sites_clear(&many);
}

static void assert_same_sites(const bs_sites *a, const bs_sites *b)
{
    assert_int_equal(a->n, b->n);
    if (a->n)
        assert_memory_equal(a->site, b->site, a->n * sizeof *a->site);
}

static void test_order_does_not_matter(void **state)
{
    bs_sites forward[30] = {{0}}, s = {0};
    bs_plan *plan;
    bs_job *job;
    (void)state;
    assert_ok(fixture_plan(&plan, &job, "8", "{id: 2, targets: relu1, ber: 1e-3}", 30));
    for (uint32_t i = 0; i < 30; i++)
        fixture_sites(&forward[i], plan, 2, RELU_OUT, i, 0);
    fixture_free(plan, job);
    /* Backwards, among other entries and targets, with more images and repetitions. */
    assert_ok(fixture_plan(&plan, &job, "8",
                           "{id: 7, targets: image}, {id: 2, targets: all, ber: 1e-3, trials: 9}", 99));
    for (uint32_t i = 30; i-- > 0;) {
        fixture_sites(&s, plan, 7, IMAGE, i, 0);
        fixture_sites(&s, plan, 2, RELU_OUT, i, 0);
        assert_same_sites(&s, &forward[i]);
        bs_sites_clear(&forward[i]);
    }
    fixture_free(plan, job);
    bs_sites_clear(&s);
}

/* One faulty weight meets all images; activations, repetitions, entries and seeds draw anew. */
static void test_what_the_draw_depends_on(void **state)
{
    static const char entries[] =
        "{id: 1, targets: all, count: 3, trials: 2}, {id: 2, targets: all, count: 3}";
    bs_sites a = {0}, b = {0};
    bs_plan *plan, *other;
    bs_job *job, *other_job;
    (void)state;
    assert_ok(fixture_plan(&plan, &job, "1", entries, 8));
    assert_ok(fixture_plan(&other, &other_job, "2", entries, 8));
    for (uint32_t target = CONV_W; target <= RELU_OUT; target++) {
        bool parameter = target <= FC_W;
        fixture_sites(&a, plan, 1, target, 0, 0);
        fixture_sites(&b, plan, 1, target, 7, 0);
        assert_int_equal(a.n == b.n && memcmp(a.site, b.site, a.n * sizeof *a.site) == 0, parameter);
        const bs_plan *plans[] = {plan, plan, other};
        for (uint32_t k = 0; k < 3; k++) { /* another repetition, entry, seed */
            fixture_sites(&b, plans[k], k == 1 ? 2 : 1, target, 0, k == 0);
            assert_false(a.n == b.n && memcmp(a.site, b.site, a.n * sizeof *a.site) == 0);
        }
    }
    fixture_free(plan, job);
    fixture_free(other, other_job);
    bs_sites_clear(&a);
    bs_sites_clear(&b);
}

/* All bits of all elements at once: each kind must have merged what it hit in an element. */
static void test_merged_sites(void **state)
{
    static const struct {
        const char *fault;
        uint32_t after_zeros, after_ones;
    } cases[] = {
        {"fault: flip, bits: 4-7, count: 16", 0xf0, 0xffffff0f},
        {"fault: stuck-at-0, bits: 4-7, count: 16", 0, 0xffffff0f},
        {"fault: stuck-at-1, bits: 4-7, count: 16", 0xf0, 0xffffffff},
        {"fault: stuck-at-1, bits: [0, 1], burst: 2, count: 8", 7, 0xffffffff},
        {"fault: flip, bits: [0, 1], burst: 2, count: 8", 5, 0xfffffffa}, /* bit 1 is hit twice */
        {"fault: set, value: 1, count: 4", 0x3f800000, 0x3f800000},
        {"fault: zero, count: 4", 0, 0},
    };
    bs_sites s = {0};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char entries[160];
        bs_plan *plan;
        bs_job *job;
        snprintf(entries, sizeof entries, "{id: 1, targets: conv1.bias, %s}", cases[i].fault);
        assert_ok(fixture_plan(&plan, &job, "1", entries, 1));
        fixture_sites(&s, plan, 1, CONV_B, 0, 0);
        assert_int_equal(s.n, 4);
        for (uint32_t k = 0; k < 4; k++) {
            assert_int_equal(s.site[k].element, k);
            assert_int_equal(bs_site_apply(s.site[k], 0), cases[i].after_zeros);
            assert_int_equal(bs_site_apply(s.site[k], 0xffffffffu), cases[i].after_ones);
        }
        fixture_free(plan, job);
    }
    bs_sites_clear(&s);
}

/* bs_plan_sites() appends: what was there stays, and is not merged with. */
static void test_sites_append(void **state)
{
    bs_plan *plan;
    bs_job *job;
    bs_sites s = {0};
    (void)state;
    assert_ok(fixture_plan(&plan, &job, "1", "{id: 1, targets: conv1.bias, fault: zero, count: 4}", 1));
    for (size_t n = 4; n <= 12; n += 4) {
        assert_ok(bs_plan_sites(plan, &plan->strata[0], (bs_trial_coords){1, CONV_B, 0, 0}, &s));
        assert_int_equal(s.n, n);
        assert_int_equal(s.site[n - 1].element, 3);
    }
    fixture_free(plan, job);
    bs_sites_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distinct_sites),        cmocka_unit_test(test_counts_are_nested),
        cmocka_unit_test(test_order_does_not_matter), cmocka_unit_test(test_what_the_draw_depends_on),
        cmocka_unit_test(test_merged_sites),          cmocka_unit_test(test_sites_append),
    };
    return run_suite(tests, fixture_setup, fixture_teardown);
}
