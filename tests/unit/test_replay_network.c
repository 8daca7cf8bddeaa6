/* Proves the contract for trials that hit several targets in one inference: on random graphs, with random
 * faults in random sets of activations and parameters, full, suffix and delta replay give the same bits, and
 * those of whole nodes run one after the other.
 *
 *   test_replay_network N    only so many graphs */
#include "support/network_trials.h"

#include "replay/trace.h"

#ifdef BITSINK_SANITIZE
static int n_graphs = 4;
#else
static int n_graphs = 12;
#endif

enum { SETS = 3 };

/* --- Trials --- */

/* Distinct elements, ascending. Many are masked soon, some never. */
static uint32_t draw(bench *b, int64_t elements, bs_site *out)
{
    static const bs_site faults[] = {{0, ~0u, 0x80000000u}, {0, ~0u, 0x40000000u}, {0, ~0u, 0x00400000u},
                                     {0, 0, 0x7fc00000u},   {0, 0, 0xff800000u},   {0, ~0u, 1u},
                                     {0, ~0u, 1u},          {0, ~0u, 0},           {0, 0, 0}};
    uint32_t n = 1 + (uint32_t)roll(&b->d, MOST), made = 0;
    int64_t at = roll(&b->d, (int)elements);
    for (; made < n && at < elements; at += 1 + roll(&b->d, (int)elements), made++) {
        out[made] = faults[roll(&b->d, (int)(sizeof faults / sizeof *faults))];
        out[made].element = (uint32_t)at;
    }
    return made;
}

/* A set of targets, and trials with faults in none, one, some or all of them. */
static void draw_trials(bench *b, trials *t, int set)
{
    uint32_t n = 0, at = 0;
    int odds = 1 + roll(&b->d, 4);
    memset(t, 0, sizeof *t);
    while (t->n_targets == 0)
        for (int k = 0; k < b->g->n_targets && t->n_targets < TARGETS; k++)
            if (set == 0 || roll(&b->d, odds) == 0)
                t->target[t->n_targets++] = k;
    for (int i = 0; i < TRIALS; i++) {
        int kind = roll(&b->d, 6), one = roll(&b->d, t->n_targets);
        t->row[i] = roll(&b->d, IMAGES);
        for (int k = 0; k < t->n_targets; k++) {
            bool hit = kind == 0 ? false : kind <= 2 ? k == one : kind == 3 ? true : roll(&b->d, 4) == 0;
            t->first[at++] = n;
            if (hit)
                n += draw(b, b->g->tensors[b->g->targets[t->target[k]].tensor].elements, t->site + n);
        }
    }
    t->first[at] = n;
}

static void same_trials(const trials *full, const trials *other, const char *how)
{
    int targets = full->n_targets;
    for (int i = 0; i < TRIALS; i++) {
        const bs_result *x = &full->result[i], *y = &other->result[i];
        if (memcmp(full->output + i * CLASSES, other->output + i * CLASSES, CLASSES * sizeof(float)) != 0)
            fail_msg("%s, trial %d: other outputs than in full", how, i);
        if (x->died_at != y->died_at || memcmp(&x->answer, &y->answer, sizeof x->answer) != 0)
            fail_msg("%s, trial %d: died at %d, class %d; in full at %d, class %d", how, i, y->died_at,
                     y->answer.top[0], x->died_at, x->answer.top[0]);
    }
    assert_memory_equal(full->before, other->before, full->first[TRIALS * targets] * sizeof *full->before);
}

/* Runs every trial node by node. Returns how many were masked. */
static int check_nodes(bench *b, bs_golden *const golden[], const trials *t)
{
    int masked = 0;
    for (int i = 0; i < TRIALS; i++) {
        const uint32_t *bound = t->first + i * t->n_targets;
        uint32_t from = bound[0], to = bound[t->n_targets];
        bs_trace trace;
        assert_ok(
            bs_trace_run(&trace, golden[t->row[i]], t->target, t->n_targets, NULL, t->site, bound, NULL));
        assert_memory_equal(&trace.faulty, &t->result[i].answer, sizeof trace.faulty);
        if (to > from)
            assert_memory_equal(trace.before + from, t->before + from, (to - from) * sizeof *t->before);
        bool changed = trace.n_steps > 0 && trace.steps[trace.n_steps - 1].changed > 0;
        assert_int_equal(changed, t->result[i].died_at < 0);
        masked += !changed;
        bs_trace_clear(&trace);
    }
    b->trials += TRIALS;
    return masked;
}

static void make(bench *b, bs_schedules *out, const trials *t, bs_replay_mode mode,
                 const bs_schedule_context *context)
{
    assert_ok(bs_schedules_create_several(out, b->g, b->rig.b, b->rig.network, t->target, t->n_targets, mode,
                                          false, context));
}

static int check_set(bench *b, bs_golden *const golden[], const bs_schedule_context *context, int set)
{
    static trials full, other;
    bs_schedules schedules[BS_REPLAY_MODE_COUNT];
    draw_trials(b, &full, set);
    for (int m = 0; m < BS_REPLAY_MODE_COUNT; m++)
        make(b, &schedules[m], &full, (bs_replay_mode)m, m == BS_REPLAY_DELTA ? context : NULL);
    run(b, &schedules[BS_REPLAY_FULL], &full, true, TRIALS);
    int masked = check_nodes(b, golden, &full);
    for (int m = BS_REPLAY_SUFFIX; m < BS_REPLAY_MODE_COUNT; m++)
        for (int keep = 0; keep < 2; keep++) {
            char how[64];
            snprintf(how, sizeof how, "%s, %s, %d targets", bs_replay_mode_name((bs_replay_mode)m),
                     keep ? "masked ones kept" : "masked ones dropped", full.n_targets);
            other = full;
            run(b, &schedules[m], &other, keep, set == 1 ? 5 : TRIALS);
            same_trials(&full, &other, how);
        }
    for (int m = 0; m < BS_REPLAY_MODE_COUNT; m++)
        bs_schedules_clear(&schedules[m]);
    return masked;
}

/* Returns how many graphs had cut points. */
static int check_graphs(int graphs)
{
    int trials = 0, masked = 0, cut = 0, regions = 0;
    for (int number = 0; number < graphs; number++) {
        field f;
        field_open(&f, number, (size_t)1 << (number % 3 ? 26 : 20)); /* with room for few dense trials, too */
        cut += f.context.segments != NULL;
        regions += f.b.g->n_regions;
        for (int set = 0; set < SETS; set++)
            masked += check_set(&f.b, f.golden, &f.context, set);
        trials += f.b.trials;
        field_close(&f);
    }
    print_message("%d graphs, %d with cut points, %d regions, %d trials, %d masked, all bits equal\n", graphs,
                  cut, regions, trials, masked);
    assert_true(regions > graphs);
    assert_true(masked > trials / 20 && masked < trials);
    return cut;
}

static void test_random_graphs(void **state)
{
    (void)state;
    int cut = check_graphs(n_graphs);
    assert_true(cut > n_graphs / 4 || strcmp(test_device(), "null") == 0);
}

static void test_null_device(void **state)
{
    (void)state;
    char before[64];
    snprintf(before, sizeof before, "%s", test_device());
    setenv("BITSINK_TEST_DEVICE", "null", 1);
    check_graphs(n_graphs / 2);
    setenv("BITSINK_TEST_DEVICE", before, 1);
}

int main(int argc, char **argv)
{
    if (argc == 2)
        n_graphs = atoi(argv[1]);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_graphs),
                                       cmocka_unit_test(test_null_device)};
    return run_suite(tests, NULL, NULL);
}
