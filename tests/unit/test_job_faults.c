/* Proves that the keys of a fault entry that decide how much a trial hits are read, or refused with words
 * that help. */
#include "support/testing.h"

#include "job/job.h"

#define HEAD "{model: m, images: {folder: x}, faults: [\n"

static bs_status parse(bs_job **job, const char *entries)
{
    char text[1024];
    int n = snprintf(text, sizeof text, HEAD "%s\n]}\n", entries);
    assert_true(n > 0 && (size_t)n < sizeof text);
    return bs_job_parse(job, "a.yaml", text, (size_t)n);
}

static void test_values(void **state)
{
    bs_job *job;
    (void)state;
    assert_ok(parse(&job, "{id: 1, scope: inference, targets: [{op: Add, probability: 0.5}, {op: Relu}], "
                          "store_sites: 1000},"
                          "{id: 2, targets: all, count: all, shared_bit: true, probability: 1/4},"
                          "{id: 3, scope: target, targets: {op: Add, probability: 1}, fault: none},"
                          "{id: 4, scope: inference, targets: all, store_sites: all, shared_bit: true},"
                          "{id: 5, sites: s.csv, store_sites: 0},"
                          "{id: 6, targets: all, count: 1073741824}, {id: 7, targets: all, ber: 1}"));
    const bs_entry *e = job->entries;
    assert_true(e[0].scope == BS_SCOPE_INFERENCE && e[0].probability == 1 && e[0].store_sites == 1000);
    assert_true(e[0].targets[0].probability == 0.5 && e[0].targets[1].probability == 1);
    assert_true(e[1].scope == BS_SCOPE_TARGET && e[1].probability == 0.25 && e[1].fault.shared_bit == 1);
    assert_true(e[1].fault.count == BS_COUNT_ALL && e[1].store_sites == BS_STORED_SITES);
    assert_true(e[2].fault.kind == BS_FAULT_NONE && e[2].fault.shared_bit == 0 && e[2].n_rates == 0);
    assert_true(e[3].store_sites == UINT32_MAX && e[3].fault.shared_bit == 1 && e[4].store_sites == 0);
    assert_true(e[5].fault.count == 1u << 30 && e[6].fault.ber == 1);
    bs_job_free(job);
}

/* A list of error rates is an entry of each, with ids from the first on. */
static void test_lists_of_rates(void **state)
{
    static const struct {
        int id;
        const char *name;
        double ber;
    } expected[] = {{4, "weights 1e-07", 1e-7}, {5, "weights 0.001", 1e-3}, {6, "weights 1", 1},
                    {2, "entry-2", 0},          {9, "entry-9 0.5", 0.5},    {3, "entry-3", 0.5}};
    bs_job *job;
    (void)state;
    assert_ok(parse(&job,
                    "{id: 4, name: weights, targets: [{op: Conv}, fc], ber: [1e-7, 1e-3, 1], trials: 8},"
                    "{id: 2, targets: x}, {id: 9, targets: x, ber: [0.5]}, {id: 3, targets: x, ber: 0.5}"));
    assert_int_equal(job->n_entries, sizeof expected / sizeof *expected);
    for (int i = 0; i < job->n_entries; i++) {
        const bs_entry *e = &job->entries[i];
        assert_int_equal(e->id, expected[i].id);
        assert_string_equal(e->name, expected[i].name);
        assert_true(e->fault.ber == expected[i].ber);
        assert_true(i > 2 || (e->trials == 8 && e->n_targets == 2 && e->line == 2));
        assert_true(i > 2 || strcmp(e->targets[0].op, "Conv") == 0);
    }
    bs_job_free(job);
}

static void test_refused(void **state)
{
    static const struct {
        const char *entries;
        int line;
        const char *message, *hint;
    } cases[] = {
        {"{id: 1, targets: x, scope: network}", 2, "unknown scope 'network'",
         "known scopes: target, inference"},
        {"{id: 1, targets: x, scope: inferenc}", 2, "unknown scope 'inferenc'", "did you mean 'inference'?"},
        {"{id: 1, targets: x, count: 0}", 2, "'count' is out of range: 0", "1 to 1073741824"},
        {"{id: 1, targets: x, count: al}", 2, "'count' must be a whole number, not 'al'", ""},
        {"{id: 1, targets: x, probability: 0}", 2, "'probability' must be above 0 and at most 1, not 0",
         "one of ten"},
        {"{id: 1, targets: x, probability: 1.01}", 2, "'probability' must be above 0 and at most 1", ""},
        {"{id: 1, targets: [x,\n{op: Add, probability: 0.5}]}", 3,
         "'probability' of a selector without 'scope: inference'", "add 'scope: inference'"},
        {"{id: 1, targets: x,\nstorage: {op: Add, probability: 0.5}}", 3,
         "'probability' of a selector without 'scope: inference'", "remove it here"},
        {"{id: 1, scope: inference, targets: {probability: 0.5}}", 2, "a selector without conditions",
         "name: '*'"},
        {"{id: 1, scope: inference, targets: {op: Add, probability: 2}}", 2, "'probability' must be above 0",
         ""},
        {"{id: 1, scope: inference, targets: x,\nstorage: x}", 3, "'storage' with 'scope: inference'",
         "remove it"},
        {"{id: 1, targets: x,\nstore_sites: 3}", 3, "'store_sites' without 'scope: inference'", "remove it"},
        {"{id: 1, targets: x,\nshared_bit: true}", 3, "'shared_bit' where a trial has one site",
         "count: all"},
        {"{id: 1, targets: x, shared_bit: true,\nber: 0.1}", 3, "'shared_bit' and 'ber' exclude each other",
         "count: all"},
        {"{id: 1, targets: x, shared_bit: yes, count: 2}", 2, "'shared_bit' must be true or false", ""},
        {"{id: 1, targets: x, fault: zero,\nshared_bit: true, count: 2}", 3, "'shared_bit' has no meaning",
         "flip, stuck-at-0 and stuck-at-1"},
        {"{id: 1, targets: x, count: all, ber: 0.1}", 2, "'count' and 'ber' exclude each other", ""},
        {"{id: 1, targets: x, fault: none,\ncount: 2}", 3, "'count' has no meaning for this fault",
         "remove it"},
        {"{id: 1, targets: x, fault: none,\nber: 0.5}", 3, "'ber' has no meaning for this fault",
         "remove it"},
        {"{id: 1, targets: x, fault: none,\nprobability: 0.5}", 3, "'probability' has no meaning",
         "remove it"},
        {"{id: 1, targets: x, fault: none,\nbits: 3}", 3, "'bits' has no meaning for this fault", "flip"},
        {"{id: 1, sites: s.csv,\nscope: inference}", 3, "'scope' and 'sites' exclude each other", ""},
        {"{id: 1, sites: s.csv,\nprobability: 0.5}", 3, "'probability' and 'sites' exclude each other", ""},
        {"{id: 1, targets: x, ber: []}", 2, "'ber' is an empty list", "[1e-6, 1e-5]"},
        {"{id: 1, targets: x, ber: [0.1,\n1.5]}", 3, "'ber' is not a bit error rate: 1.5", "at most 1"},
        {"{id: 1, targets: x, ber: 1.0000001}", 2, "'ber' is not a bit error rate: 1.0000001", "at most 1"},
        {"{id: 1, targets: x, ber: [[0.1]]}", 2, "'ber' must be a number, not a list", ""},
        {"{id: 254, targets: x, ber: [0.1, 0.2, 0.3]}", 2, "3 error rates from id 254 on",
         "begin with is 253"},
        {"{id: 1, targets: x, ber: [0.1, 0.2, 0.3]},\n{id: 0, targets: x},\n{id: 3, targets: x}", 4,
         "entry id 3 is used twice", "line 2 take the ids 1 to 3: id 4 is free for line 4"},
        {"{id: 4, targets: x}, {id: 0, targets: x},\n{id: 3, targets: x, ber: [0.1, 0.2, 0.3]}", 3,
         "entry id 4 is used twice", "line 3 take the ids 3 to 5: id 6 is free for line 3"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char where[32];
        bs_job *job;
        snprintf(where, sizeof where, "a.yaml:%d: ", cases[i].line);
        if (parse(&job, cases[i].entries) != BS_USAGE)
            fail_msg("%s: accepted, or another status", cases[i].entries);
        if (strncmp(bs_error_message(), where, strlen(where)) != 0 ||
            !strstr(bs_error_message(), cases[i].message) || !strstr(bs_error_hint(), cases[i].hint))
            fail_msg("%s says '%s' (hint: '%s')", cases[i].entries, bs_error_message(), bs_error_hint());
        assert_null(job);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_lists_of_rates),
        cmocka_unit_test(test_refused),
    };
    return run_suite(tests, NULL, NULL);
}
