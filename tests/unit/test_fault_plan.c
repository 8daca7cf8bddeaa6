/* Proves which targets the selectors of an entry mean, and which bits may be hit there. */
#include "support/fault_fixture.h"

static void test_selectors(void **state)
{
    /* An entry's targets, and the targets that it means as a bit set. */
    static const struct {
        const char *targets;
        unsigned hit;
    } cases[] = {
        {"all", 0x7f},
        {"conv1", 1 << CONV_OUT},
        {"conv1_out", 1 << CONV_OUT},
        {"'conv1*'", 1 << CONV_W | 1 << CONV_B | 1 << CONV_OUT},
        {"'logits, all'", 1 << LOGITS},
        {"'*_out'", 1 << CONV_OUT | 1 << RELU_OUT},
        {"{op: Conv}", 1 << CONV_W | 1 << CONV_B | 1 << CONV_OUT},
        {"{op: Conv, kind: activation}", 1 << CONV_OUT},
        {"{kind: weight}", 1 << CONV_W | 1 << FC_W},
        {"{kind: weight, name: fc}", 1 << FC_W},
        {"{kind: input}", 1 << IMAGE},
        {"{id: 5}", 1 << RELU_OUT},
        {"{id: 5, op: Relu}", 1 << RELU_OUT},
        {"[{id: 5}, {kind: bias}, relu1, {op: Gemm, kind: weight}]", 1 << RELU_OUT | 1 << CONV_B | 1 << FC_W},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char entries[256];
        bs_plan *plan;
        bs_job *job;
        unsigned hit = 0;
        snprintf(entries, sizeof entries, "{id: 4, targets: %s, trials: 3}", cases[i].targets);
        assert_ok(fixture_plan(&plan, &job, "1", entries, 5));
        for (int k = 0; k < plan->n_strata; k++) {
            const bs_stratum *s = &plan->strata[k];
            assert_true(k == 0 || s[-1].target < s->target);
            assert_int_equal(s->repetitions, 3);
            assert_int_equal(bs_plan_repetitions(plan, s, 2), 3);
            assert_int_equal(s->is_parameter, s->target >= CONV_W && s->target <= FC_W);
            hit |= 1u << s->target;
        }
        assert_int_equal(hit, cases[i].hit);
        assert_int_equal(plan->trials, plan->n_strata * 3 * 5);
        fixture_free(plan, job);
    }
}

static void test_unmatched_selectors(void **state)
{
    static const struct {
        const char *entry;
        int line;
        const char *message, *hint;
    } cases[] = {
        {"{id: 1,\ntargets: convv1}", 5, "unknown target 'convv1'", "did you mean 'conv1'?"},
        {"{id: 1, targets: [all,\n\n{name: fc.wieght}]}", 6, "unknown target 'fc.wieght'", "'fc.weight'"},
        {"{id: 1, targets: 'zebra*'}", 4, "unknown target 'zebra*'", "patterns"},
        {"{id: 1, targets: {id: 7}}", 4, "no target has id 7", "0 to 6"},
        {"{id: 1, targets: {op: Softmax}}", 4, "the model has no Softmax", "Conv, Gemm, Relu"},
        {"{id: 1, targets: {kind: norm}}", 4, "the model has no target of kind norm",
         "input, weight, bias, activation"},
        {"{id: 1, targets: {op: Relu, kind: weight}}", 4, "no target meets all conditions", "drop one"},
        {"{id: 1, targets: conv1.bias, count: 129}", 4, "'count' exceeds", "128 distinct sites"},
        {"{id: 1, targets: conv1.bias, count: 5, fault: zero}", 4, "'count' exceeds", "4 distinct sites"},
        {"{id: 1, sites: missing.csv}", 0, "cannot open site list", "entry 1 ("},
        {"{id: 1, targets: conv1,\nstorage: convv1}", 5, "unknown target 'convv1'", "did you mean 'conv1'?"},
        {"{id: 1, targets: [conv1, relu1],\nstorage: [conv1, fc]}", 5, "meets no target of its entry",
         "'conv1_out'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char where[160];
        bs_plan *plan;
        bs_job *job;
        snprintf(where, sizeof where, "%s:%d: ", fixture_path("a.yaml"), cases[i].line);
        if (fixture_plan(&plan, &job, "1", cases[i].entry, 5) != BS_USAGE)
            fail_msg("%s: accepted, or another status", cases[i].entry);
        if ((cases[i].line && strncmp(bs_error_message(), where, strlen(where)) != 0) ||
            !strstr(bs_error_message(), cases[i].message) || !strstr(bs_error_hint(), cases[i].hint))
            fail_msg("%s says '%s' (hint: '%s')", cases[i].entry, bs_error_message(), bs_error_hint());
        assert_null(plan);
    }
}

/* Which strata an entry's key `storage` leaves as memory of their own. */
static void test_storage(void **state)
{
    static const struct {
        const char *storage;
        unsigned borrowed;
    } cases[] = {
        {"", 0},
        {", storage: all", 0},
        {", storage: conv1", 1 << RELU_OUT | 1 << LOGITS | 1 << FC_W},
        {", storage: [{op: Conv}, {op: Gemm}]", 1 << RELU_OUT},
        {", storage: [{kind: activation}]", 1 << FC_W},
    };
    bs_plan *plan;
    bs_job *job;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char entries[256];
        unsigned borrowed = 0;
        snprintf(entries, sizeof entries,
                 "{id: 9, targets: all}, {id: 4, targets: [{kind: activation}, {name: fc, kind: weight}]%s}",
                 cases[i].storage);
        assert_ok(fixture_plan(&plan, &job, "1", entries, 5));
        for (int k = 0; k < plan->n_strata; k++) {
            borrowed |= plan->strata[k].borrowed ? 1u << plan->strata[k].target : 0;
            assert_true(plan->strata[k].entry == 1 || !plan->strata[k].borrowed);
        }
        assert_int_equal(borrowed, cases[i].borrowed);
        fixture_free(plan, job);
    }
    fixture_write("s.csv", "target,element,bit\nconv1_out,3,1\nrelu1_out,4,1\n");
    assert_ok(fixture_plan(&plan, &job, "1", "{id: 1, sites: s.csv, storage: conv1}", 5));
    assert_true(!plan->strata[0].borrowed && plan->strata[1].borrowed);
    fixture_free(plan, job);
}

/* relu(conv) lies in conv, unless something else reads conv too; whatever else the graph may hold. */
static void test_works_in_place(void **state)
{
    (void)state;
    static const struct {
        bs_op op;
        int in; /* of 2: the conv, or -1 */
    } cases[] = {{BS_OP_RELU, 2},      {BS_OP_CLIP, 2},      {BS_OP_BATCH_NORM, 2}, {BS_OP_FLATTEN, 2},
                 {BS_OP_TRANSPOSE, 2}, {BS_OP_DROPOUT, 2},   {BS_OP_MUL, 2},        {BS_OP_SOFTMAX, -1},
                 {BS_OP_CONV, -1},     {BS_OP_MAX_POOL, -1}, {BS_OP_LRN, -1},       {BS_OP_REDUCE_MAX, -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int conv_in[] = {0, 1}, next_in[] = {2, 1}, add_in[] = {3, 2};
        bs_tensor tensors[] = {
            {.name = (char *)"x", .elements = 8, .producer = -1, .target = 0},
            {.name = (char *)"w", .elements = 8, .producer = -1, .target = 1, .constant = true},
            {.name = (char *)"conv", .elements = 8, .producer = 0, .target = 2},
            {.name = (char *)"next", .elements = 8, .producer = 1, .target = 3},
            {.name = (char *)"add", .elements = 8, .producer = 2, .target = 4}};
        bs_node nodes[] = {{.op = BS_OP_CONV, .n_in = 2, .in = conv_in, .out = 2},
                           {.op = cases[i].op, .n_in = 2, .in = next_in, .out = 3},
                           {.op = BS_OP_ADD, .n_in = 2, .in = add_in, .out = 4}};
        bs_target targets[] = {{0, -1, BS_TARGET_INPUT},
                               {1, 0, BS_TARGET_WEIGHT},
                               {2, 0, BS_TARGET_ACTIVATION},
                               {3, 1, BS_TARGET_ACTIVATION},
                               {4, 2, BS_TARGET_ACTIVATION}};
        bs_graph g = {.tensors = tensors, .n_tensors = 5, .nodes = nodes, .n_nodes = 2, .targets = targets};
        bs_entry entry = {.id = 1};
        bs_job job = {.entries = &entry, .n_entries = 1};
        bs_stratum strata[] = {{.target = 0}, {.target = 2}, {.target = 3}, {.target = 4}};
        bs_plan plan = {.job = &job, .graph = &g, .strata = strata, .n_strata = 4};
        g.n_targets = 5;
        g.output = 3;
        assert_int_equal(bs_plan_lies_in(&plan, &strata[2]), cases[i].in);
        assert_int_equal(bs_plan_lies_in(&plan, &strata[1]), -1); /* the convolution itself */
        assert_int_equal(bs_plan_lies_in(&plan, &strata[0]), -1); /* the input */
        g.n_nodes = 3, g.output = 4;                              /* a residual path reads conv, too */
        assert_int_equal(bs_plan_lies_in(&plan, &strata[2]), -1);
        assert_int_equal(bs_plan_lies_in(&plan, &strata[3]), -1); /* a sum of two activations */
        g.n_nodes = 2, g.output = 2;                              /* conv is the answer of the network */
        assert_int_equal(bs_plan_lies_in(&plan, &strata[2]), -1);
        g.output = 3;
        tensors[3].elements = 4; /* broadcast or cut */
        assert_int_equal(bs_plan_lies_in(&plan, &strata[2]), -1);
        tensors[3].elements = 8;
        strata[1].target = 1; /* conv is no target of the entry */
        assert_int_equal(bs_plan_lies_in(&plan, &strata[2]), -1);
    }
}

static void test_order_and_lookup(void **state)
{
    bs_plan *plan;
    bs_job *job;
    (void)state;
    assert_ok(fixture_plan(
        &plan, &job, "1", "{id: 9, targets: conv1, trials: 2}, {id: 3, targets: [relu1, image, relu1]}", 10));
    assert_int_equal(plan->n_strata, 3);
    assert_true(plan->strata[0].entry == 1 && plan->strata[0].target == IMAGE);
    assert_true(plan->strata[1].entry == 1 && plan->strata[1].target == RELU_OUT);
    assert_true(plan->strata[2].entry == 0 && plan->strata[2].target == CONV_OUT);
    assert_int_equal(plan->trials, 10 + 10 + 20);
    assert_int_equal(plan->strata[2].population, 256 * 32);
    assert_ptr_equal(bs_plan_stratum(plan, (bs_trial_coords){3, RELU_OUT, 4, 0}), &plan->strata[1]);
    assert_ptr_equal(bs_plan_stratum(plan, (bs_trial_coords){9, CONV_OUT, 0, 1}), &plan->strata[2]);
    assert_null(bs_plan_stratum(plan, (bs_trial_coords){9, RELU_OUT, 0, 0}));
    assert_null(bs_plan_stratum(plan, (bs_trial_coords){4, RELU_OUT, 0, 0}));
    fixture_free(plan, job);
    bs_plan_free(NULL);
    bs_sites_clear(NULL);
    assert_error(fixture_plan(&plan, &job, "1", "{id: 1, targets: all}", (1u << 23) + 1),
                 "images are more than");
    assert_ok(fixture_plan(&plan, &job, "1", "{id: 1, targets: all}", 0));
    assert_int_equal(plan->trials, 0);
    fixture_free(plan, job);
}

/* Bits are resolved by the type of each target: what it has is a mask, what it lacks is refused. */
static void test_bits_of_a_type(void **state)
{
    static const struct {
        const char *bits;
        uint32_t mask;
    } good[] = {
        {"any", 0xffffffff},      {"sign", 0x80000000}, {"exponent", 0x7f800000},
        {"mantissa", 0x007fffff}, {"31", 0x80000000},   {"[sign, 0, 4-7]", 0x800000f1},
        {"0-31", 0xffffffff},     {"[any, 3]", ~0u},
    };
    /* The highest is named, with the line that asks for it. */
    static const struct {
        const char *bits;
        int line;
        const char *why;
    } bad[] = {
        {"32", 4, "fp32 has no bit 32"},
        {"[3, 40]", 4, "fp32 has no bit 40"},
        {"[exponent, 30-63]", 4, "fp32 has no bit 63"},
        {"[3,\n35,\n33]", 5, "fp32 has no bit 35"},
        {"[33,\n3,\n34-36]", 6, "fp32 has no bit 36"},
    };
    char entries[160];
    bs_plan *plan;
    bs_job *job;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(entries, sizeof entries, "{id: 1, targets: [conv1.bias, image], bits: %s}", good[i].bits);
        assert_ok(fixture_plan(&plan, &job, "1", entries, 1));
        assert_int_equal(plan->n_strata, 2);
        for (int k = 0; k < 2; k++) {
            assert_int_equal(plan->strata[k].fault.bits, good[i].mask);
            assert_int_equal(plan->strata[k].fault.type, BS_DTYPE_FP32);
        }
        assert_int_equal(plan->strata[0].population, 64 * bs_popcount(good[i].mask));
        assert_true(bs_plan_population(plan, &plan->strata[1]) == 4.0 * bs_popcount(good[i].mask));
        fixture_free(plan, job);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char message[160];
        snprintf(entries, sizeof entries, "{id: 1, targets: conv1.bias, bits: %s, margin: 0.1}", bad[i].bits);
        assert_int_equal(fixture_plan(&plan, &job, "1", entries, 1), BS_USAGE);
        snprintf(message, sizeof message, "a.yaml:%d: entry 1, target 'conv1.bias': %s", bad[i].line,
                 bad[i].why);
        assert_non_null(strstr(bs_error_message(), message));
        assert_non_null(strstr(bs_error_hint(), "0 (lowest) to 31"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_selectors),        cmocka_unit_test(test_unmatched_selectors),
        cmocka_unit_test(test_storage),          cmocka_unit_test(test_works_in_place),
        cmocka_unit_test(test_order_and_lookup), cmocka_unit_test(test_bits_of_a_type),
    };
    return run_suite(tests, fixture_setup, fixture_teardown);
}
