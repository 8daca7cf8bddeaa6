/* Proves what hits whole tensors, or nothing: counts of all elements, a bit error rate of 1, shared bits,
 * faults that happen with a probability. */
#include "support/fault_fixture.h"

#include <math.h>

/* The sites of trial 0 on image 0 of an entry on one target. */
static void sites_of(bs_sites *out, const char *fault, const char *target, uint32_t id)
{
    char entries[200];
    bs_plan *plan;
    bs_job *job;
    snprintf(entries, sizeof entries, "{id: 1, targets: %s, %s}", target, fault);
    assert_ok(fixture_plan(&plan, &job, "1", entries, 1));
    fixture_sites(out, plan, 1, id, 0, 0);
    fixture_free(plan, job);
}

/* Where there is nothing to choose, each element gets the one site that there is. */
static void test_nothing_to_draw(void **state)
{
    static const struct {
        const char *fault;
        uint32_t after_zeros, after_ones;
    } cases[] = {
        {"count: all, bits: 30", 1u << 30, ~(1u << 30)},
        {"count: all, bits: 30, burst: 2", 3u << 30, ~(3u << 30)},
        {"count: all, fault: zero", 0, 0},
        {"count: all, fault: set, value: 1", 0x3f800000, 0x3f800000},
        {"ber: 1", 0xffffffff, 0},
        {"ber: 1, bits: exponent", 0x7f800000, 0x807fffff},
        {"ber: 1, bits: [0, 1], burst: 2", 5, 0xfffffffa}, /* bit 1 is hit twice */
        {"ber: 1, bits: 4-7, fault: stuck-at-0", 0, 0xffffff0f},
        {"ber: 1, fault: set, value: 1", 0x3f800000, 0x3f800000},
    };
    bs_sites s = {0};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sites_of(&s, cases[i].fault, "relu1", RELU_OUT);
        assert_int_equal(s.n, 256);
        for (uint32_t k = 0; k < 256; k++) {
            assert_int_equal(s.site[k].element, k);
            assert_int_equal(bs_site_apply(s.site[k], 0), cases[i].after_zeros);
            assert_int_equal(bs_site_apply(s.site[k], 0xffffffffu), cases[i].after_ones);
        }
    }
    bs_sites_clear(&s);
}

/* Each element has a bit, or a value, of its own. */
static void test_all_elements(void **state)
{
    bs_sites s = {0};
    int bits[8] = {0};
    double chi = 0, sum = 0;
    (void)state;
    sites_of(&s, "count: all, bits: exponent", "fc.weight", FC_W);
    assert_int_equal(s.n, 2560);
    for (uint32_t i = 0; i < s.n; i++) {
        assert_int_equal(s.site[i].element, i);
        assert_int_equal(bs_popcount(s.site[i].toggle), 1);
        bits[__builtin_ctz(s.site[i].toggle) - 23]++;
    }
    for (int b = 0; b < 8; b++)
        chi += (bits[b] - 320) * (bits[b] - 320) / 320.0;
    assert_true(chi < 24.3); /* 7 degrees of freedom, one in a thousand */
    sites_of(&s, "count: all, fault: random, range: [0, 1]", "fc.weight", FC_W);
    assert_int_equal(s.n, 2560);
    for (uint32_t i = 0; i < s.n; i++) {
        assert_true(s.site[i].element == i && s.site[i].keep == 0);
        assert_true(i == 0 || s.site[i].toggle != s.site[i - 1].toggle);
        sum += (double)bs_bits_float(s.site[i].toggle);
    }
    assert_true(fabs(sum - 1280) < 4 * sqrt(2560 / 12.0));
    sites_of(&s, "count: all, shared_bit: true", "fc.weight", FC_W);
    assert_int_equal(s.n, 2560);
    for (uint32_t i = 0; i < s.n; i++)
        assert_true(s.site[i].element == i && s.site[i].toggle == s.site[0].toggle);
    assert_int_equal(bs_popcount(s.site[0].toggle), 1);
    bs_sites_clear(&s);
    sites_of(&s, "fault: none", "relu1", RELU_OUT);
    assert_true(s.n == 0 && s.site);
    bs_sites_clear(&s);
}

/* Counts above a million mark choices instead of listing them: as many as asked for, none twice. */
static void test_millions_of_sites(void **state)
{
    static const struct {
        uint32_t count;
        const char *fault;
    } cases[] = {{1100000, ""}, {1200000, ""}, {2199999, ""}, {2200000, ""}, {1100000, ", fault: zero"}};
    bs_graph graph = *fixture_graph();
    bs_tensor tensors[7];
    bs_sites s = {0};
    (void)state;
    memcpy(tensors, graph.tensors, sizeof tensors);
    graph.tensors = tensors;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char entries[120];
        bs_plan *plan;
        bs_job *job;
        uint64_t bits = 0;
        bool values = *cases[i].fault;
        snprintf(entries, sizeof entries, "{id: 1, targets: image, count: %u%s%s}", cases[i].count,
                 cases[i].fault, values ? "" : ", bits: exponent");
        tensors[0].elements = values ? 1200000 : 275000; /* x 8 bits: 2,200,000 */
        char text[300];
        int n = snprintf(text, sizeof text, "{model: m, images: {folder: x}, faults: [%s]}", entries);
        assert_ok(bs_job_parse(&job, "a.yaml", text, (size_t)n));
        assert_ok(bs_plan_create(&plan, job, &graph, 1));
        fixture_sites(&s, plan, 1, IMAGE, 0, 0);
        for (size_t k = 0; k < s.n; k++) {
            assert_true(k == 0 || s.site[k - 1].element < s.site[k].element);
            bits += values ? 1 : bs_popcount(s.site[k].toggle);
        }
        assert_int_equal(bits, cases[i].count);
        fixture_free(plan, job);
    }
    bs_sites_clear(&s);
}

/* A trial has its fault with the probability of its entry, and then the one that it would have anyway. */
static void test_probability(void **state)
{
    enum { TRIALS = 2000 };
    bs_sites maybe = {0}, always = {0};
    bs_plan *plan, *sure;
    bs_job *job, *sure_job;
    int hits[2] = {0};
    (void)state;
    assert_ok(fixture_plan(&plan, &job, "9",
                           "{id: 1, targets: [relu1, fc.weight], probability: 0.3, trials: 2000}", 2));
    assert_ok(fixture_plan(&sure, &sure_job, "9", "{id: 1, targets: [relu1, fc.weight], trials: 2000}", 2));
    for (uint32_t r = 0; r < TRIALS; r++)
        for (uint32_t k = 0; k < 2; k++) {
            uint32_t target = k ? FC_W : RELU_OUT;
            fixture_sites(&maybe, plan, 1, target, 1, r);
            fixture_sites(&always, sure, 1, target, 1, r);
            hits[k] += (int)maybe.n;
            assert_true(maybe.n == 0 ||
                        (maybe.n == 1 && memcmp(maybe.site, always.site, sizeof *maybe.site) == 0));
            size_t n = maybe.n;
            fixture_sites(&maybe, plan, 1, target, 0, r);
            assert_true(k == 0 || maybe.n == n); /* a faulty weight meets all images */
        }
    for (int k = 0; k < 2; k++)
        assert_true(fabs(hits[k] - TRIALS * 0.3) < 4 * sqrt(TRIALS * 0.21));
    assert_true(bs_plan_population(plan, &plan->strata[0]) == 1e18);
    assert_true(bs_plan_single_site(plan, &plan->strata[0]));
    fixture_free(plan, job);
    fixture_free(sure, sure_job);
    bs_sites_clear(&maybe);
    bs_sites_clear(&always);
}

/* What a trial may hit at most is refused before it fills the memory. */
static void test_too_many_sites(void **state)
{
    static const struct {
        const char *entry;
        int64_t elements;
        const char *message; /* NULL: accepted */
    } cases[] = {
        {"{id: 1, targets: image, count: all}", 100000000, NULL},
        {"{id: 1, targets: image, ber: 1}", (1 << 28) + 1, "more than 2^28 sites a trial"},
        {"{id: 1, targets: image, ber: 0.5}", (1 << 28) + 1, "more than 2^28 sites a trial"},
        {"{id: 1, targets: image, ber: 0.01}", (1 << 28) + 1, NULL}, /* 27.5 % of the elements */
        {"{id: 1, targets: image, count: 1000000000}", (1 << 28) + 1, "more than 2^28 sites a trial"},
        {"{id: 1, scope: inference, targets: all, count: all}", (1 << 28) - 100, "in all targets"},
    };
    bs_graph graph = *fixture_graph();
    bs_tensor tensors[7];
    (void)state;
    memcpy(tensors, graph.tensors, sizeof tensors);
    graph.tensors = tensors;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[300];
        bs_plan *plan;
        bs_job *job;
        int n = snprintf(text, sizeof text, "{model: m, images: {folder: x}, faults: [%s]}", cases[i].entry);
        tensors[0].elements = cases[i].elements;
        assert_ok(bs_job_parse(&job, "a.yaml", text, (size_t)n));
        bs_status st = bs_plan_create(&plan, job, &graph, 1);
        assert_int_equal(st, cases[i].message ? BS_USAGE : BS_OK);
        assert_true(st == BS_OK || strstr(bs_error_message(), cases[i].message));
        fixture_free(plan, job);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_to_draw),   cmocka_unit_test(test_all_elements),
        cmocka_unit_test(test_millions_of_sites), cmocka_unit_test(test_probability),
        cmocka_unit_test(test_too_many_sites),
    };
    return run_suite(tests, fixture_setup, fixture_teardown);
}
