/* Proves the contract for trials that hit several targets in one inference: on random graphs, with random
 * faults in random sets of activations and parameters, full, suffix and delta replay give the same bits, and
 * those of whole nodes run one after the other. */
#include "support/receptive_field_check.h"

#include "replay/schedules.h"
#include "replay/selftest.h"
#include "replay/trace.h"

#ifdef BITSINK_SANITIZE
static int n_graphs = 4;
#else
static int n_graphs = 12;
#endif

enum { LAYERS = 4, SETS = 3, TRIALS = 22, TARGETS = 64, MOST = 3, CLASSES = 10 };

/* --- Graphs --- */

static int add_conv(garden *w, int x)
{
    int64_t channels = shape_of(w, x)->dim[0], rows = shape_of(w, x)->dim[1],
            columns = shape_of(w, x)->dim[2];
    int filters = roll(&w->d, 2) ? (int)channels : 24, weights = -1;
    bs_attr a = {.window = {.kernel = {3, 3}, .stride = {1, 1}, .dilation = {1, 1}, .pad = {1, 1, 1, 1}}};
    a.window.group = roll(&w->d, 4) || filters % channels ? 1 : (int)channels;
    bs_shape s = GB_SHAPE(filters, channels / a.window.group, 3, 3);
    for (int t = 0; t < w->g->n_tensors && roll(&w->d, 2); t++) /* several layers may share their weights */
        if (w->g->tensors[t].constant && memcmp(&w->g->tensors[t].shape, &s, sizeof s) == 0)
            weights = t;
    if (weights < 0)
        weights = gb_random(w->g, s, 5);
    int bias = roll(&w->d, 3) ? gb_random(w->g, GB_SHAPE(filters), 6) : -1;
    return gb_node(w->g, BS_OP_CONV, GB_SHAPE(filters, rows, columns), a, 3, (int[]){x, weights, bias});
}

static int add_pool(garden *w, int x)
{
    const bs_shape *s = shape_of(w, x);
    bs_attr a = {.window = {.kernel = {2, 2}, .stride = {2, 2}, .dilation = {1, 1}, .group = 1}};
    if (s->dim[1] < 4 || s->dim[2] < 4)
        return -1;
    return gb_node(w->g, BS_OP_MAX_POOL, GB_SHAPE(s->dim[0], s->dim[1] / 2, s->dim[2] / 2), a, 1, &x);
}

static int add_relu(garden *w, int x)
{
    return gb_node(w->g, BS_OP_RELU, *shape_of(w, x), (bs_attr){0}, 1, &x);
}

static int add_norm(garden *w, int x)
{
    int in[5] = {x}, c = (int)shape_of(w, x)->dim[0];
    for (int k = 1; k < 5; k++)
        in[k] = gb_random(w->g, GB_SHAPE(c), 20 + (uint64_t)k);
    for (int k = 0; k < c; k++)
        w->g->tensors[in[4]].data[k] = fabsf(w->g->tensors[in[4]].data[k]) + 0.5f;
    return gb_node(w->g, BS_OP_BATCH_NORM, *shape_of(w, x), (bs_attr){.epsilon = 1e-3f}, 5, in);
}

/* A sum with a tensor alike, or with one number that all such nodes share. */
static int add_sum(garden *w, int x)
{
    int in[2] = {x, -1};
    for (int i = roll(&w->d, 2) ? 0 : w->n; i < w->n && in[1] < 0; i++)
        if (memcmp(shape_of(w, w->tensor[i])->dim, shape_of(w, x)->dim, sizeof shape_of(w, x)->dim) == 0)
            in[1] = w->tensor[i];
    for (int t = 0; t < w->g->n_tensors && in[1] < 0; t++)
        if (w->g->tensors[t].constant && w->g->tensors[t].elements == 1)
            in[1] = t;
    if (in[1] < 0)
        in[1] = gb_random(w->g, GB_SHAPE(1), 10);
    return gb_node(w->g, BS_OP_ADD, *shape_of(w, x), (bs_attr){0}, 2, in);
}

/* Every tensor is a target. */
static void add_all_targets(bs_graph *g)
{
    g->targets = gb_grow(NULL, g->n_tensors, sizeof *g->targets);
    for (int t = 0; t < g->n_tensors; t++) {
        bs_tensor *x = &g->tensors[t];
        x->target = g->n_targets;
        g->targets[g->n_targets++] = (bs_target){t, x->producer,
                                                 x->constant       ? BS_TARGET_CONSTANT
                                                 : x->producer < 0 ? BS_TARGET_INPUT
                                                                   : BS_TARGET_ACTIVATION};
    }
}

/* Adds layers whose work makes the pool at their end a cut point, where trials are regrouped. */
static void add_block(garden *w, int filters)
{
    int x = gb_conv(w->g, w->tensor[w->n - 1], filters, 3, 1, 1, 1, true), y = x;
    for (int k = 0; k < 2; k++)
        y = gb_conv(w->g, add_relu(w, y), filters, 3, 1, 1, 1, roll(&w->d, 2));
    if (roll(&w->d, 2))
        y = gb_node(w->g, BS_OP_ADD, *shape_of(w, y), (bs_attr){0}, 2, (int[]){x, y});
    w->tensor[0] = add_pool(w, y);
    w->n = 1;
}

static void count_macs(bs_graph *g)
{
    for (int i = 0; i < g->n_nodes; i++) {
        const bs_node *node = &g->nodes[i];
        const bs_tensor *out = &g->tensors[node->out];
        if (node->op == BS_OP_CONV)
            g->nodes[i].macs = out->elements * g->tensors[node->in[1]].elements / out->shape.dim[0];
    }
}

/* Two blocks, then anything, and a head. */
static bs_graph *make_graph(int number)
{
    static const planter kinds[] = {add_conv, add_relu, add_relu, add_norm, add_sum, add_pool};
    garden w = {.g = gb_create(), .d = {500 + (uint64_t)number, 0}};
    w.g->input = w.tensor[w.n++] = gb_activation(w.g, GB_SHAPE(8, 8 + roll(&w.d, 5), 8 + roll(&w.d, 5)));
    add_block(&w, 24);
    add_block(&w, 24);
    grow(&w, LAYERS, 3, kinds, (int)(sizeof kinds / sizeof *kinds));
    int loose[POOL], n = 0, channels = 0, before = w.g->n_tensors;
    for (int t = 0; t < before; t++) {
        if (is_read(w.g, t))
            continue;
        int c = (int)shape_of(&w, t)->dim[0];
        loose[n++] =
            gb_node(w.g, BS_OP_REDUCE_MEAN, GB_SHAPE(c), (bs_attr){.reduce = {false, true, true}}, 1, &t);
        channels += c;
    }
    add_scores(w.g, n, loose, channels);
    add_all_targets(w.g);
    count_macs(w.g);
    return w.g;
}

/* --- Trials --- */

typedef struct trials {
    int target[TARGETS], n_targets;
    int32_t row[TRIALS];
    bs_site site[TRIALS * TARGETS * MOST];
    uint32_t before[TRIALS * TARGETS * MOST], first[TRIALS * TARGETS + 1];
    bs_result result[TRIALS];
    float output[TRIALS * CLASSES];
} trials;

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

static void run(bench *b, const bs_schedules *schedules, trials *t, bool keep, int most)
{
    bs_trial_batch batch = {.n = TRIALS,
                            .golden_row = t->row,
                            .targets = t->n_targets,
                            .faults = {t->site, t->first, t->before},
                            .keep_masked = keep,
                            .output = t->output,
                            .result = t->result};
    memset(t->before, 0xee, sizeof t->before);
    memset(t->output, 0xee, sizeof t->output);
    assert_ok(bs_replay_trials(b->replayer, schedules, &batch, most));
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

/* The golden run of each image by itself, for traces. */
static void trace_goldens(bench *b, bs_golden *golden[IMAGES])
{
    rig *r = &b->rig;
    int input = b->g->input;
    for (int i = 0; i < IMAGES; i++) {
        assert_ok(bs_golden_create(&golden[i], b->g, r->b, r->network, r->stream, 1));
        bs_view image = {(char *)b->golden->rows[input] + (size_t)i * r->b->row_bytes(r->network, input),
                         NULL};
        assert_ok(r->b->copy_rows(r->stream, input, 1, image, golden[i]->rows[input]));
        assert_ok(bs_golden_run(golden[i], 1));
    }
}

/* A graph on the device, with what delta replay needs. */
typedef struct field {
    bench b;
    bs_golden *golden[IMAGES];
    bs_receptive_fields fields;
    bs_schedule_context context;
} field;

static void field_open(field *f, int number, size_t arena_bytes)
{
    memset(f, 0, sizeof *f);
    bench *b = &f->b;
    bench_open(b, make_graph(number), number);
    bs_replayer_free(b->replayer);
    assert_ok(bs_replayer_create(&b->replayer, b->golden, TRIALS, arena_bytes));
    trace_goldens(b, f->golden);
    assert_ok(bs_receptive_fields_create(&f->fields, b->g));
    f->context.fields = &f->fields;
    assert_ok(bs_segments_create(&f->context.segments, b->g, b->rig.b, b->rig.network, &f->context));
}

static void field_close(field *f)
{
    bs_segments_free(f->context.segments);
    bs_receptive_fields_clear(&f->fields);
    for (int i = 0; i < IMAGES; i++)
        bs_golden_free(f->golden[i]);
    bench_close(&f->b);
}

/* Returns how many graphs had cut points. */
static int check_graphs(int graphs)
{
    int trials = 0, masked = 0, cut = 0;
    for (int number = 0; number < graphs; number++) {
        field f;
        field_open(&f, number, (size_t)1 << (number % 3 ? 26 : 20)); /* with room for few dense trials, too */
        cut += f.context.segments != NULL;
        for (int set = 0; set < SETS; set++)
            masked += check_set(&f.b, f.golden, &f.context, set);
        trials += f.b.trials;
        field_close(&f);
    }
    print_message("%d graphs, %d with cut points, %d trials, %d masked, all bits equal\n", graphs, cut,
                  trials, masked);
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
    field_open(&f, 3, (size_t)1 << 26);
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
    field_open(&f, 2, (size_t)1 << 26);
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

int main(int argc, char **argv)
{
    if (argc == 2)
        n_graphs = atoi(argv[1]);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_graphs),
                                       cmocka_unit_test(test_null_device), cmocka_unit_test(test_cost),
                                       cmocka_unit_test(test_self_test)};
    return run_suite(tests, NULL, NULL);
}
