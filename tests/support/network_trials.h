/* For test_replay_network.c, test_replay_tokens.c and test_replay_several.c: random graphs all of whose
 * tensors are targets, trials that hit several of them, and the check that all modes of replay agree. */
#ifndef BS_TESTS_NETWORK_TRIALS_H
#define BS_TESTS_NETWORK_TRIALS_H

#include "support/receptive_field_check.h"

#include "replay/schedules.h"
#include "replay/trace.h"

enum { LAYERS = 4, TRIALS = 22, TARGETS = 128, MOST = 3, CLASSES = 10 };

/* --- Graphs --- */

static inline int add_conv(garden *w, int x)
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

static inline int add_pool(garden *w, int x)
{
    const bs_shape *s = shape_of(w, x);
    bs_attr a = {.window = {.kernel = {2, 2}, .stride = {2, 2}, .dilation = {1, 1}, .group = 1}};
    if (s->dim[1] < 4 || s->dim[2] < 4)
        return -1;
    return gb_node(w->g, BS_OP_MAX_POOL, GB_SHAPE(s->dim[0], s->dim[1] / 2, s->dim[2] / 2), a, 1, &x);
}

static inline int add_relu(garden *w, int x)
{
    return gb_node(w->g, BS_OP_RELU, *shape_of(w, x), (bs_attr){0}, 1, &x);
}

static inline int add_norm(garden *w, int x)
{
    int in[5] = {x}, c = (int)shape_of(w, x)->dim[0];
    for (int k = 1; k < 5; k++)
        in[k] = gb_random(w->g, GB_SHAPE(c), 20 + (uint64_t)k);
    for (int k = 0; k < c; k++)
        w->g->tensors[in[4]].data[k] = fabsf(w->g->tensors[in[4]].data[k]) + 0.5f;
    return gb_node(w->g, BS_OP_BATCH_NORM, *shape_of(w, x), (bs_attr){.epsilon = 1e-3f}, 5, in);
}

/* A sum with a tensor alike, or with one number that all such nodes share. */
static inline int add_sum(garden *w, int x)
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

/* A region: the error function of a part, of the sum that may be inside the region, too. */
static inline int add_gelu(garden *w, int x)
{
    int s = roll(&w->d, 2) ? add_sum(w, x) : x,
        part = gb_random(w->g, GB_SHAPE(shape_of(w, x)->dim[0], 1, 1), 9);
    int y = gb_node(w->g, BS_OP_MUL, *shape_of(w, x), (bs_attr){0}, 2, (int[]){s, part});
    y = gb_node(w->g, BS_OP_ERF, *shape_of(w, x), (bs_attr){0}, 1, &y);
    y = add_sum(w, y);
    y = add_relu(w, y);
    return gb_node(w->g, BS_OP_MUL, *shape_of(w, x), (bs_attr){0}, 2, (int[]){roll(&w->d, 2) ? part : y, y});
}

/* Every tensor is a target. */
static inline void add_all_targets(bs_graph *g)
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

/* Adds layers whose work makes the step down in size at their end a cut point, where trials are regrouped. */
static inline void add_block(garden *w, int filters)
{
    int x = gb_conv(w->g, w->tensor[w->n - 1], filters, 3, 1, 1, 1, true), y = x;
    for (int k = 0; k < 2; k++)
        y = gb_conv(w->g, k ? add_gelu(w, y) : add_relu(w, y), filters, 3, 1, 1, 1, roll(&w->d, 2));
    if (roll(&w->d, 2))
        y = gb_node(w->g, BS_OP_ADD, *shape_of(w, y), (bs_attr){0}, 2, (int[]){x, y});
    w->tensor[0] = roll(&w->d, 2) ? add_pool(w, y) : gb_conv(w->g, y, filters, 3, 2, 1, 1, true);
    w->n = 1;
}

static inline void count_macs(bs_graph *g)
{
    for (int i = 0; i < g->n_nodes; i++) {
        const bs_node *node = &g->nodes[i];
        const bs_tensor *out = &g->tensors[node->out];
        if (node->op == BS_OP_CONV)
            g->nodes[i].macs = out->elements * g->tensors[node->in[1]].elements / out->shape.dim[0];
        const bs_shape *left = &g->tensors[node->in[0]].shape;
        if (node->op == BS_OP_MATMUL)
            g->nodes[i].macs = out->elements * left->dim[left->rank - 1];
    }
}

/* Two blocks, then anything, and a head. */
static inline bs_graph *make_graph(int number)
{
    static const planter kinds[] = {add_conv, add_gelu, add_relu, add_norm, add_sum, add_pool};
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

static inline void run(bench *b, const bs_schedules *schedules, trials *t, bool keep, int most)
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

/* The golden run of each image by itself, for traces. */
static inline void trace_goldens(bench *b, bs_golden *golden[IMAGES])
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

/* A graph on the device (taken over), with what delta replay needs. */
typedef struct field {
    bench b;
    bs_golden *golden[IMAGES];
    bs_receptive_fields fields;
    bs_schedule_context context;
} field;

static inline void field_open(field *f, bs_graph *g, int number, size_t arena_bytes)
{
    memset(f, 0, sizeof *f);
    bench *b = &f->b;
    bench_open(b, g, number);
    bs_replayer_free(b->replayer);
    assert_ok(bs_replayer_create(&b->replayer, b->golden, TRIALS, arena_bytes));
    trace_goldens(b, f->golden);
    assert_ok(bs_receptive_fields_create(&f->fields, b->g));
    f->context.fields = &f->fields;
    assert_ok(bs_segments_create(&f->context.segments, b->g, b->rig.b, b->rig.network, &f->context));
}

static inline void field_close(field *f)
{
    bs_segments_free(f->context.segments);
    bs_receptive_fields_clear(&f->fields);
    for (int i = 0; i < IMAGES; i++)
        bs_golden_free(f->golden[i]);
    bench_close(&f->b);
}

/* --- The check --- */

enum { SETS = 3 };

/* Distinct elements, ascending. Many are masked soon, some never. */
static inline uint32_t draw(bench *b, const bs_tensor *t, bs_site *out)
{
    bs_format format = bs_tensor_format(t, 0);
    uint32_t exponent = bs_dtype_field(t->type, BS_BITS_EXPONENT),
             mantissa = bs_dtype_field(t->type, BS_BITS_MANTISSA),
             sign = bs_dtype_field(t->type, BS_BITS_SIGN);
    const bs_site faults[] = {{0, ~0u, sign},
                              {0, ~0u, exponent & ~(exponent >> 1)},
                              {0, ~0u, mantissa & ~(mantissa >> 1)},
                              {0, 0, bs_format_encode(format, NAN)},
                              {0, 0, bs_format_encode(format, -INFINITY)},
                              {0, ~0u, 1u},
                              {0, ~0u, 1u},
                              {0, ~0u, 0},
                              {0, 0, 0}};
    int64_t elements = t->elements;
    uint32_t n = 1 + (uint32_t)roll(&b->d, MOST), made = 0;
    int64_t at = roll(&b->d, (int)elements);
    for (; made < n && at < elements; at += 1 + roll(&b->d, (int)elements), made++) {
        out[made] = faults[roll(&b->d, (int)(sizeof faults / sizeof *faults))];
        out[made].element = (uint32_t)at;
    }
    return made;
}

/* A set of targets, and trials with faults in none, one, some or all of them. */
static inline void draw_trials(bench *b, trials *t, int set)
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
                n += draw(b, &b->g->tensors[b->g->targets[t->target[k]].tensor], t->site + n);
        }
    }
    t->first[at] = n;
}

static inline void same_trials(const trials *full, const trials *other, const char *how)
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
static inline int check_nodes(bench *b, bs_golden *const golden[], const trials *t)
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

static inline void make(bench *b, bs_schedules *out, const trials *t, bs_replay_mode mode,
                        const bs_schedule_context *context)
{
    assert_ok(bs_schedules_create_several(out, b->g, b->rig.b, b->rig.network, t->target, t->n_targets, mode,
                                          false, context));
}

/* Draws trials of one of SETS kinds, and checks that all modes give them the same bits. Returns how many were
 * masked. */
static inline int check_set(bench *b, bs_golden *const golden[], const bs_schedule_context *context, int set)
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

#endif
