/* Proves that explicit site lists are read or refused as documented, and that a plan's sites survive
 * export and import. */
#include "support/fault_fixture.h"

#include <math.h>

#define LIST "{id: 1, sites: s.csv}"

static void test_forms_of_rows(void **state)
{
    static const char csv[] = "\xef\xbb\xbfnote,element, target ,operation,bit,mask,value\r\n"
                              "x,7,conv1,,31,,\r\n"                     /* node name: its output */
                              "\"a,\n\"\"b\",8,4,flip,,0x00000003,\r\n" /* target id */
                              "\n"
                              "x,3,conv1.weight,stuck-at-0,,0xF,\n"
                              "x,3,conv1.weight,stuck-at-1,0,,\n"
                              "x,9,\"logits, all\",set,,,-1.5\n"
                              "x,9,6,set,,,0x7fc00001\n"
                              "x,9,6,zero,,,\n"
                              "x,,6,none,,,"; /* no newline at the end */
    static const struct {
        uint32_t target, repetition;
        bs_site site;
    } expected[] = {
        {CONV_OUT, 0, {7, ~0u, 1u << 31}},
        {CONV_OUT, 1, {8, ~0u, 3}},
        {CONV_W, 0, {3, ~0xfu, 0}},
        {CONV_W, 1, {3, ~1u, 1}},
        {LOGITS, 0, {9, 0, 0xbfc00000}},
        {LOGITS, 1, {9, 0, 0x7fc00001}},
        {LOGITS, 2, {9, 0, 0}},
    };
    bs_sites s = {0};
    bs_plan *plan;
    bs_job *job;
    (void)state;
    fixture_write("s.csv", csv);
    assert_ok(fixture_plan(&plan, &job, "1", LIST, 6));
    assert_int_equal(plan->n_strata, 3);
    assert_int_equal(plan->trials, (2 + 2 + 4) * 6);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        fixture_sites(&s, plan, 1, expected[i].target, (uint32_t)i % 6, expected[i].repetition);
        assert_int_equal(s.n, 1);
        assert_memory_equal(s.site, &expected[i].site, sizeof *s.site);
    }
    fixture_sites(&s, plan, 1, LOGITS, 0, 3);
    assert_int_equal(s.n, 0);
    const bs_stratum *logits = bs_plan_stratum(plan, (bs_trial_coords){1, LOGITS, 0, 0});
    assert_int_equal(logits->repetitions, 4);
    assert_int_equal(logits->population, 320);
    assert_error(bs_plan_sites(plan, logits, (bs_trial_coords){1, LOGITS, 0, 4}, &s), "no trial 4");
    fixture_free(plan, job);
    bs_sites_clear(&s);
}

static void test_trials_and_images(void **state)
{
    static const char csv[] = "target,element,bit,image,trial\n"
                              "relu1,5,0,2,70\n" /* image 2, first trial: two elements, rows apart */
                              "relu1,6,0,2,4\n"
                              "relu1,4,0,2,70\n"
                              "relu1,5,3,2,70\n" /* the same element again */
                              "relu1,9,0,0,70\n" /* the same number at another image is another trial */
                              "relu1,8,1,2,\n"
                              "relu1,8,2,2,\n"
                              "conv1.bias,1,1,,70\n"
                              "conv1.bias,2,1,,70\n";
    bs_sites s = {0};
    bs_plan *plan;
    bs_job *job;
    (void)state;
    fixture_write("s.csv", csv);
    assert_ok(fixture_plan(&plan, &job, "1", LIST, 4));
    assert_int_equal(plan->n_strata, 2);
    const bs_stratum *bias = &plan->strata[0], *relu = &plan->strata[1];
    assert_true(bias->target == CONV_B && bias->repetitions == 1 && relu->repetitions == 4);
    assert_int_equal(bs_plan_repetitions(plan, relu, 0), 1);
    assert_int_equal(bs_plan_repetitions(plan, relu, 1), 0);
    assert_int_equal(bs_plan_repetitions(plan, relu, 2), 4);
    assert_int_equal(bs_plan_repetitions(plan, bias, 3), 1);
    assert_int_equal(plan->trials, 4 + 1 + 4);

    fixture_sites(&s, plan, 1, RELU_OUT, 2, 0);
    assert_int_equal(s.n, 2);
    assert_true(s.site[0].element == 4 && s.site[0].toggle == 1);
    assert_true(s.site[1].element == 5 && s.site[1].toggle == 9);
    fixture_sites(&s, plan, 1, RELU_OUT, 2, 1);
    assert_true(s.n == 1 && s.site[0].element == 6);
    fixture_sites(&s, plan, 1, RELU_OUT, 2, 3);
    assert_true(s.n == 1 && s.site[0].toggle == 4);
    fixture_sites(&s, plan, 1, RELU_OUT, 0, 0);
    assert_true(s.n == 1 && s.site[0].element == 9);
    fixture_sites(&s, plan, 1, CONV_B, 3, 0);
    assert_true(s.n == 2);
    fixture_free(plan, job);
    bs_sites_clear(&s);
}

static void test_refused_lists(void **state)
{
#define H "target,element,operation,bit,mask,value,image,trial\n"
    static const struct {
        const char *csv;
        int line;
        const char *message, *hint;
    } cases[] = {
        {"", 1, "the site list is empty", ""},
        {"target,bit\nrelu1,3\n", 1, "the header has no column 'element'", "target,element,bit"},
        {"target,element,bit,bit\n", 1, "column 'bit' is named twice", ""},
        {H, 0, "has no rows for entry 1", ""},
        {"entry,target,element,bit\n2,relu1,0,0\n", 0, "has no rows for entry 1", "entry"},
        {"entry,target,element,bit\n,relu1,0,0\n", 2, "entry '' is not the id", ""},
        {H "relu1,1,flip,1,,,\n", 2, "7 fields where the header has 8", ""},
        {H "relu1,1,flip,1,,,,\n\nrelu2,1,flip,1,,,,\n", 4, "'relu2'", "did you mean 'relu1'?"},
        {H ",1,flip,1,,,,\n", 2, "the column 'target' is empty", ""},
        {H "7,1,flip,1,,,,\n", 2, "no target '7'", ""},
        {H "relu1,256,flip,1,,,,\n", 2, "element '256' is not in target 'relu1_out'", "0 to 255"},
        {H "relu1,-1,flip,1,,,,\n", 2, "element '-1' is not in target", ""},
        {H "relu1,,flip,1,,,,\n", 2, "element '' is not in target", ""},
        {H "relu1,1,flip,,,,,\n", 2, "neither 'bit' nor 'mask'", "0x40000000"},
        {H "relu1,1,flip,1,0x2,,,\n", 2, "both 'bit' and 'mask'", ""},
        {H "relu1,1,flip,32,,,,\n", 2, "bit '32' is not", ""},
        {H "relu1,1,flip,,12,,,\n", 2, "mask '12' is not a 32-bit hexadecimal", "0x"},
        {H "relu1,1,flip,,0x100000000,,,\n", 2, "mask '0x100000000' is not", ""},
        {H "relu1,1,random,,,,,\n", 2, "unknown operation 'random'", "flip, stuck-at-0"},
        {H "relu1,1,set,,,,,\n", 2, "value '' is not a number", "0x7fc00000"},
        {H "relu1,1,set,,,1.5x,,\n", 2, "value '1.5x' is not a number", ""},
        {H "relu1,1,flip,1,,,4,\n", 2, "image '4' is not an index", "4 images"},
        {H "conv1.bias,1,flip,1,,,0,\n", 2, "cannot be tied to image '0'", "leave the column"},
        {H "relu1,1,flip,1,,,,x\n", 2, "trial 'x' is not a whole number", ""},
        {H "relu1,1,flip,1,,,,1\nconv1,1,flip,1,,,,1\nrelu1,2,flip,1,,,0,1\nconv1,2,flip,1,,,0,1\n", 2,
         "a trial without an image", "in none of them"},
        {H "#4095,1,flip,1,,,,1\n", 2, "'#4095' is the whole network", "'none'"},
        {H "#4095,,none,,,,,1\n#4095,,none,,,,,2\n", 3, "no trial of the whole network names a target",
         "'none'"},
        {H "relu1,1,flip,1,,,,1\nrelu1,1,flip,1,,,0,2\n", 2, "a trial without an image", "in none of them"},
        {H "relu1,1,fl\"ip,1,,,,1\n", 2, "not valid CSV", "inside twice"},
        {H "relu1,1,\"flip,1,,,,1\n", 3, "a quote is not closed", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char where[160];
        bs_plan *plan;
        bs_job *job;
        fixture_write("s.csv", cases[i].csv);
        snprintf(where, sizeof where, "%s:%d: ", fixture_path("s.csv"), cases[i].line);
        if (fixture_plan(&plan, &job, "1", LIST, 4) != BS_USAGE)
            fail_msg("%s: accepted, or another status", cases[i].csv);
        if ((cases[i].line && strncmp(bs_error_message(), where, strlen(where)) != 0) ||
            !strstr(bs_error_message(), cases[i].message) || !strstr(bs_error_hint(), cases[i].hint))
            fail_msg("%s says '%s' (hint: '%s')", cases[i].csv, bs_error_message(), bs_error_hint());
    }
}

/* Trials in several targets are the network's, and numbered by themselves. */
static void test_network_trials(void **state)
{
    static const char csv[] = "target,element,operation,bit,image,trial\n"
                              "relu1,7,,3,2,5\n"
                              "conv1.bias,1,,1,2,6\n" /* the second trial of image 2 */
                              "fc,0,,0,2,6\n"
                              "conv1,9,,4,2,5\n"
                              "relu1,7,stuck-at-1,2,2,5\n"
                              "relu1,1,,1,2,8\n"   /* a trial in one target */
                              "relu1,2,,1,0,6\n"   /* the same number at another image, but in one target */
                              "#4095,,none,,0,6\n" /* that says it is the network's */
                              "image,,none,,0,7\n"
                              "relu1,,none,,0,7\n";
    bs_sites s = {0};
    bs_plan *plan;
    bs_job *job;
    (void)state;
    fixture_write("s.csv", csv);
    assert_ok(fixture_plan(&plan, &job, "1", "{id: 1, sites: s.csv, store_sites: 3, storage: conv1}", 4));
    assert_int_equal(plan->n_strata, 2);
    assert_int_equal(plan->trials, 5);
    assert_int_equal(job->entries[0].store_sites, 3);
    const bs_stratum *relu = &plan->strata[0], *network = &plan->strata[1];
    assert_true(relu->target == RELU_OUT && relu->n_parts == 0 && relu->borrowed);
    assert_true(network->target == BS_NETWORK_TARGET && network->is_parameter && network->n_parts == 5);
    assert_int_equal(bs_plan_repetitions(plan, network, 0), 2);
    assert_int_equal(bs_plan_repetitions(plan, network, 1), 0);
    assert_int_equal(bs_plan_repetitions(plan, network, 2), 2);
    /* Parts: image, conv1.bias, conv1, relu1, fc. */
    static const struct {
        uint32_t image, repetition, bounds[6];
    } trials[] = {{2, 0, {0, 0, 0, 1, 2, 2}},
                  {2, 1, {0, 0, 1, 1, 1, 2}},
                  {0, 0, {0, 0, 0, 0, 1, 1}},
                  {0, 1, {0, 0, 0, 0, 0, 0}}};
    for (size_t i = 0; i < 4; i++) {
        fixture_sites(&s, plan, 1, BS_NETWORK_TARGET, trials[i].image, trials[i].repetition);
        assert_int_equal(s.n_bounds, 6);
        assert_memory_equal(s.bound, trials[i].bounds, sizeof trials[i].bounds);
    }
    fixture_sites(&s, plan, 1, BS_NETWORK_TARGET, 2, 0);
    assert_true(s.site[0].element == 9 && s.site[1].element == 7 && s.site[1].toggle == (1u << 3 | 1u << 2));
    fixture_free(plan, job);
    bs_sites_clear(&s);
}

/* Every trial of `a`, and no other, is in `b` with the same sites. */
static void assert_same_plan(const bs_plan *a, const bs_plan *b)
{
    bs_sites x = {0}, y = {0};
    size_t sites = 0;
    assert_int_equal(a->trials, b->trials);
    assert_int_equal(a->n_strata, b->n_strata);
    for (int i = 0; i < a->n_strata; i++) {
        const bs_stratum *s = &a->strata[i], *t = &b->strata[i];
        assert_true(s->target == t->target && s->is_parameter == t->is_parameter &&
                    s->repetitions == t->repetitions && s->n_parts == t->n_parts);
        for (int k = 0; k < s->n_parts; k++)
            assert_int_equal(s->part[k].target, t->part[k].target);
        for (uint32_t image = 0; image < a->n_images; image++) {
            assert_int_equal(bs_plan_repetitions(a, s, image), bs_plan_repetitions(b, t, image));
            for (uint32_t r = 0; r < bs_plan_repetitions(a, s, image); r++) {
                uint32_t entry = (uint32_t)a->job->entries[s->entry].id;
                fixture_sites(&x, a, entry, (uint32_t)s->target, image, r);
                fixture_sites(&y, b, entry, (uint32_t)s->target, image, r);
                assert_int_equal(x.n, y.n);
                if (x.n)
                    assert_memory_equal(x.site, y.site, x.n * sizeof *x.site);
                assert_int_equal(x.n_bounds, y.n_bounds);
                assert_memory_equal(x.bound, y.bound, x.n_bounds * sizeof *x.bound);
                sites += x.n;
            }
        }
    }
    assert_int_equal(sites > 0, a->job->entries[0].fault.kind != BS_FAULT_NONE);
    bs_sites_clear(&x);
    bs_sites_clear(&y);
}

/* Exports the plan of `entries` and reads it back with `lists` for entries. */
static void check_round_trip(const char *entries, const char *lists)
{
    bs_plan *plan, *again;
    bs_job *job, *again_job;
    assert_ok(fixture_plan(&plan, &job, "77", entries, 3));
    assert_ok(bs_plan_write_sites(plan, fixture_path("t.csv")));
    assert_ok(fixture_plan(&again, &again_job, "0", lists, 3));
    assert_same_plan(plan, again);
    fixture_free(plan, job);
    fixture_free(again, again_job);
}

static void test_round_trip(void **state)
{
    static const char list[] = "{id: 1, sites: t.csv}";
    static const char *const faults[] = {"fault: flip, count: 3",
                                         "fault: flip, ber: 1e-3",
                                         "fault: stuck-at-0, bits: exponent, burst: 3",
                                         "fault: stuck-at-1, count: 2",
                                         "fault: stuck-at-1, ber: 0.9",
                                         "fault: set, value: 0.1, count: 4",
                                         "fault: set, value: .nan",
                                         "fault: set, value: -.inf",
                                         "fault: zero, count: 2",
                                         "fault: random, range: [-1e-30, 1e-20], count: 3",
                                         "fault: flip, probability: 0.4",
                                         "fault: stuck-at-1, count: all",
                                         "fault: none"};
    static const char *const targets[] = {
        "all",
        "[{kind: activation, probability: 0.2}, {kind: weight, probability: 0.3}]", /* many trials hit none */
        "[{kind: weight, probability: 0.3}, conv1.bias]", "{name: relu1, probability: 0.5}",
        "[{id: 0}, {name: fc.weight, probability: 0.01}]"};
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        char entries[240];
        snprintf(entries, sizeof entries, "{id: 1, targets: all, trials: 4, %s}", faults[i]);
        check_round_trip(entries, list);
        snprintf(entries, sizeof entries, "{id: 1, scope: inference, targets: %s, trials: 4, %s}",
                 targets[i % (sizeof targets / sizeof *targets)], faults[i]);
        check_round_trip(entries, list);
    }
    check_round_trip("{id: 1, targets: all}, {id: 200, targets: {kind: weight}, ber: 1e-4, trials: 3}",
                     "{id: 1, sites: t.csv}, {id: 200, sites: t.csv}");
    /* Imported lists export again, with images, trials of several rows, and mixed operations at one element.
     */
    fixture_write(
        "s.csv",
        "target,element,operation,bit,value,image,trial\n"
        "relu1,5,stuck-at-0,3,,2,1\nrelu1,5,flip,4,,2,1\nrelu1,5,stuck-at-1,9,,2,1\n"
        "relu1,6,set,,3.4028235e38,2,2\nrelu1,6,flip,0,,2,2\nrelu1,1,flip,0,,1,9\nfc.weight,9,zero,,,,\n"
        "relu1,1,flip,0,,1,8\nconv1,1,flip,0,,1,8\nconv1,2,flip,0,,0,4\nimage,2,flip,0,,0,4\n#4095,,none,,,1,"
        "3\n");
    check_round_trip(LIST, list);
}

static void test_export_text(void **state)
{
    char text[512];
    bs_plan *plan;
    bs_job *job;
    (void)state;
    assert_ok(fixture_plan(&plan, &job, "1", "{id: 0, targets: logits*, bits: sign}", 1));
    assert_ok(bs_plan_write_sites(plan, fixture_path("t.csv")));
    FILE *f = fopen(fixture_path("t.csv"), "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    char head[256];
    snprintf(head, sizeof head,
             "trial,entry,target,image,repetition,element,operation,mask,value\n%llu,0,\"logits, all\",0,0,",
             (unsigned long long)bs_trial_id((bs_trial_coords){0, LOGITS, 0, 0}));
    assert_int_equal(strncmp(text, head, strlen(head)), 0);
    assert_non_null(strstr(text, ",flip,0x80000000,\n"));
    assert_error(bs_plan_write_sites(plan, "/nonexistent/x.csv"), "cannot write '/nonexistent/x.csv'");
    if (access("/dev/full", W_OK) == 0)
        assert_error(bs_plan_write_sites(plan, "/dev/full"), "cannot write '/dev/full': No space");
    fixture_free(plan, job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms_of_rows),  cmocka_unit_test(test_trials_and_images),
        cmocka_unit_test(test_refused_lists),  cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_network_trials), cmocka_unit_test(test_export_text),
    };
    return run_suite(tests, fixture_setup, fixture_teardown);
}
