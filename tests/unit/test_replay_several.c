/* Trials with sites in several targets: what they cost, and whether the self-test finds devices that compute
 * them wrongly. */
#include "support/network_trials.h"

#include "replay/selftest.h"

/* --- What it costs --- */

/* Returns the multiply-accumulates of trials with one site each, in target k. */
static double cost(field *f, const bs_schedules *schedules, int targets, int k)
{
    static trials t;
    bench *b = &f->b;
    int64_t elements = b->g->tensors[b->g->targets[k].tensor].elements;
    memset(&t, 0, sizeof t);
    for (int i = 0; i < TRIALS; i++) {
        t.row[i] = i % IMAGES;
        t.site[i] = (bs_site){(uint32_t)(elements * i / TRIALS), ~0u, 0x00800000u};
        for (int j = 0; j < targets; j++)
            t.first[i * targets + j] = (uint32_t)(targets > 1 && j > k ? i + 1 : i);
    }
    t.first[TRIALS * targets] = TRIALS;
    t.n_targets = targets;
    double before = bs_replayer_macs(b->replayer);
    run(b, schedules, &t, false, TRIALS);
    return bs_replayer_macs(b->replayer) - before;
}

/* A trial with sites in one target costs no more than one of that target's own stratum: the delta is used,
 * and nothing is computed before it. */
static void test_cost(void **state)
{
    (void)state;
    field f;
    field_open(&f, make_graph(3), 3, (size_t)1 << 26);
    bench *b = &f.b;
    int targets[TARGETS], n = b->g->n_targets, late = 0;
    bs_schedules all;
    assert_true(n <= TARGETS && f.context.segments != NULL);
    for (int k = 0; k < n; k++)
        targets[k] = k;
    assert_ok(bs_schedules_create_several(&all, b->g, b->rig.b, b->rig.network, targets, n, BS_REPLAY_DELTA,
                                          false, &f.context));
    for (int k = 0; k < n; k++) {
        bs_schedules own;
        assert_ok(
            bs_schedules_create(&own, b->g, b->rig.b, b->rig.network, k, BS_REPLAY_DELTA, false, &f.context));
        double alone = cost(&f, &own, 1, k), together = cost(&f, &all, n, k);
        if (b->g->tensors[b->g->targets[k].tensor].constant)
            assert_true(together <= alone);
        else
            assert_true(together == alone);
        late += alone < (double)TRIALS * (double)all.schedule[0]->macs / 10;
        bs_schedules_clear(&own);
    }
    assert_true(late > n / 4);
    bs_schedules_clear(&all);
    field_close(&f);
}

/* --- The self-test --- */

/* X(name): devices that are wrong in one way. */
#define WRONG(X) X(nothing) X(two_parameters) X(move) X(inject_last) X(join)
enum {
#define X(name) WRONG_##name,
    WRONG(X)
#undef X
        WRONG_COUNT
};
static int wrong;
static const bs_backend *right;
static int input;

static void spoil(void *row)
{
    ((uint32_t *)row)[0] ^= 0x00400000u;
}

static bs_status wrong_run_faulty(bs_stream *s, int node, int n_faulty, const bs_faulty_input *faulty, int n,
                                  const bs_view *in, bs_view golden, bs_faulty_mode mode, void *out)
{
    BS_TRY(right->run_faulty(s, node, n_faulty, faulty, n, in, golden, mode, out));
    if (wrong == WRONG_two_parameters && n_faulty > 1 && n > 1)
        spoil(out);
    return BS_OK;
}

static bs_status wrong_move(bs_stream *s, int n, void *rows, size_t row_bytes, const int32_t *to,
                            const int32_t *from)
{
    return wrong == WRONG_move ? BS_OK : right->move_rows(s, n, rows, row_bytes, to, from);
}

static bs_status wrong_inject(bs_stream *s, int tensor, int n, void *rows, const bs_faults *f)
{
    return right->inject(s, tensor, wrong == WRONG_inject_last && n > 1 ? n - 1 : n, rows, f);
}

/* A trial that joins alone gets a wrong row. */
static bs_status wrong_copy(bs_stream *s, int tensor, int n, bs_view from, void *to)
{
    BS_TRY(right->copy_rows(s, tensor, n, from, to));
    if (wrong == WRONG_join && tensor != input && n == 1)
        spoil(to);
    return BS_OK;
}

static void test_self_test(void **state)
{
    (void)state;
    static const char *const names[] = {
#define X(name) #name,
        WRONG(X)
#undef X
    };
    field f;
    if (strcmp(test_device(), "cpu") != 0)
        return; /* the lies are told in the host's memory */
    /* A graph in which trials are masked while others are not, so that rows move. */
    field_open(&f, make_graph(7), 7, (size_t)1 << 26);
    bench *b = &f.b;
    int targets[TARGETS], n = b->g->n_targets;
    bs_backend lying = *b->rig.b;
    right = b->rig.b;
    input = b->g->input;
    lying.run_faulty = wrong_run_faulty;
    lying.move_rows = wrong_move;
    lying.inject = wrong_inject;
    lying.copy_rows = wrong_copy;
    b->golden->backend = &lying;
    for (int k = 0; k < n; k++)
        targets[k] = k;
    for (int mode = BS_REPLAY_SUFFIX; mode < BS_REPLAY_MODE_COUNT; mode++) {
        bs_schedules all;
        assert_ok(bs_schedules_create_several(&all, b->g, b->rig.b, b->rig.network, targets, n,
                                              (bs_replay_mode)mode, false, &f.context));
        for (wrong = 0; wrong < WRONG_COUNT; wrong++) {
            const bs_selftest t = {.replayer = b->replayer, .network = b->rig.network};
            bs_selftest_result r;
            assert_ok(bs_selftest_several(&t, &all, &r));
            if (r.exact != (wrong == WRONG_nothing))
                fail_msg("%s replay, wrong: %s: %s", bs_replay_mode_name((bs_replay_mode)mode), names[wrong],
                         r.exact ? "nothing found" : r.what);
        }
        bs_schedules_clear(&all);
    }
    b->golden->backend = right;
    field_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cost), cmocka_unit_test(test_self_test)};
    return run_suite(tests, NULL, NULL);
}
