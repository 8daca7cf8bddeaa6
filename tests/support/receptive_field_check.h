/* For test_receptive_field*.c: graphs that grow at random, and the check of a graph: whatever the faults,
 * nothing changes outside the boxes that a delta schedule expects, and full, suffix and delta replay give the
 * same bits.
 */
#ifndef BS_TESTS_RECEPTIVE_FIELD_CHECK_H
#define BS_TESTS_RECEPTIVE_FIELD_CHECK_H

#include "support/rig.h"

#include "backend/find_regions.h"
#include "bits.h"
#include "replay/replay.h"
#include "rng.h"

enum { IMAGES = 2, BATCH = 16, SITES = 3, POOL = 64 };

/* Random choices, the same in every run. */
typedef struct dice {
    uint64_t key;
    uint32_t drawn;
} dice;

static inline int roll(dice *d, int n)
{
    return (int)(bs_draw(77, d->key, d->drawn++, 0) % (uint64_t)n);
}

/* A graph that grows: any of its tensors of rank 3 may be read again. */
typedef struct garden {
    bs_graph *g;
    dice d;
    int tensor[POOL], n;
} garden;

static inline const bs_shape *shape_of(const garden *w, int t)
{
    return &w->g->tensors[t].shape;
}

/* Adds nodes that read a tensor of the garden; its output, or -1 where that one does not suit. */
typedef int (*planter)(garden *w, int x);

/* Of random kinds: mostly after the last tensor, once in `odds` times anywhere, which makes branches. */
static inline void grow(garden *w, int layers, int odds, const planter *kinds, int n_kinds)
{
    for (int made = 0; made < layers;) {
        int back = roll(&w->d, odds) ? 1 : 1 + roll(&w->d, w->n);
        int y = kinds[roll(&w->d, n_kinds)](w, w->tensor[w->n - back]);
        if (y < 0)
            continue;
        w->tensor[w->n++] = y;
        made++;
    }
}

/* The output: ten scores from n lists of this many elements in all. */
static inline void add_scores(bs_graph *g, int n, const int *lists, int elements)
{
    int all = gb_node(g, BS_OP_CONCAT, GB_SHAPE(elements), (bs_attr){.axis = 0}, n, lists);
    bs_attr a = {.trans_b = true, .alpha = 1.0f, .beta = 1.0f};
    g->output = gb_node(g, BS_OP_GEMM, GB_SHAPE(10), a, 3,
                        (int[]){all, gb_random(g, GB_SHAPE(10, elements), 3), gb_random(g, GB_SHAPE(10), 4)});
    g->classes = 10;
}

/* Returns true if the tensor is a parameter, or a node reads it. */
static inline bool is_read(const bs_graph *g, int tensor)
{
    bool read = g->tensors[tensor].constant;
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_in; k++)
            read |= g->nodes[i].in[k] == tensor;
    return read;
}

/* Every activation becomes a target. */
static inline void add_targets(bs_graph *g)
{
    g->targets = gb_grow(NULL, g->n_tensors, sizeof *g->targets);
    for (int t = 0; t < g->n_tensors; t++) {
        bs_tensor *x = &g->tensors[t];
        if (x->constant)
            continue;
        x->target = g->n_targets;
        g->targets[g->n_targets++] =
            (bs_target){t, x->producer, x->producer < 0 ? BS_TARGET_INPUT : BS_TARGET_ACTIVATION};
    }
}

typedef struct bench {
    rig rig;
    bs_graph *g;
    bs_golden *golden;
    void **faulty; /* by tensor: a row */
    bs_replayer *replayer;
    bs_plane *planes;
    dice d;
    int trials, *patched; /* patched: steps by operator */
} bench;

static inline void bench_open(bench *b, bs_graph *g, int number)
{
    memset(b, 0, sizeof *b);
    b->g = g;
    assert_ok(bs_regions_find(g));
    b->rig = rig_open(b->g);
    assert_ok(bs_planes_choose(&b->planes, b->g));
    b->d.key = 1000 + (uint64_t)number;
    rig *r = &b->rig;
    assert_ok(bs_golden_create(&b->golden, b->g, r->b, r->network, r->stream, IMAGES));
    b->faulty = gb_grow(NULL, b->g->n_tensors, sizeof *b->faulty);
    for (int t = 0; t < b->g->n_tensors; t++)
        b->faulty[t] = b->g->tensors[t].constant ? NULL : rig_rows(r, t, 1);
    assert_ok(bs_replayer_create(&b->replayer, b->golden, BATCH, (size_t)1 << 28));
    int64_t n = b->g->tensors[b->g->input].elements;
    float *image = gb_grow(NULL, (int)n, sizeof *image);
    for (int i = 0; i < IMAGES; i++) {
        uint64_t state = (uint64_t)(number * IMAGES + i);
        for (int64_t k = 0; k < n; k++)
            image[k] = gb_uniform(&state) * 2.0f;
        assert_ok(bs_golden_upload(b->golden, i, image));
    }
    free(image);
    assert_ok(bs_golden_run(b->golden, IMAGES));
}

static inline void bench_close(bench *b)
{
    bs_replayer_free(b->replayer);
    for (int t = 0; t < b->g->n_tensors; t++)
        if (b->faulty[t])
            rig_free(&b->rig, b->faulty[t]);
    free(b->faulty);
    bs_golden_free(b->golden);
    rig_close(&b->rig);
    free(b->planes);
    free(b->g->targets);
    gb_free(b->g);
}

typedef struct batch {
    int32_t row[BATCH];
    bs_site site[SITES * BATCH];
    uint32_t first[BATCH + 1];
    bs_result result[BATCH];
    float output[BATCH * 10];
} batch;

/* Sites of one trial within `extent`; every fourth begins in a corner. */
static inline uint32_t draw_sites(bench *b, const bs_plane *p, int extent, bs_site *out)
{
    static const bs_site faults[] = {{0, ~0u, 0x80000000u},
                                     {0, ~0u, 0x40000000u},
                                     {0, ~0u, 0x00400000u},
                                     {0, 0, 0x7fc00000u},
                                     {0, 0, 0xff800000u},
                                     {0, ~0u, 1u},
                                     {0, 0, 0},
                                     {0, ~0u, 0x20000000u}};
    dice *d = &b->d;
    const int64_t dim[3] = {p->axis < 0 ? p->cell : p->outer, p->height,
                            p->axis < 0 ? 1 : p->width * p->cell};
    int64_t at[3];
    uint32_t n = extent > 1 ? (uint32_t)roll(d, SITES + 1) : 1;
    bool corner = roll(d, 4) == 0;
    for (int a = 1; a < 3; a++)
        at[a] = corner ? roll(d, 2) * (dim[a] - 1) : roll(d, (int)dim[a]);
    for (uint32_t i = 0; i < n; i++) {
        int64_t place[3] = {roll(d, (int)dim[0])};
        for (int a = 1; a < 3; a++) {
            place[a] = at[a] + roll(d, extent);
            place[a] = place[a] < dim[a] ? place[a] : dim[a] - 1;
        }
        out[i] = faults[roll(d, (int)(sizeof faults / sizeof *faults))];
        out[i].element = (uint32_t)((place[0] * dim[1] + place[1]) * dim[2] + place[2]);
    }
    return n;
}

static inline bool inside(const bs_box *b, const bs_plane *p, int64_t e)
{
    int64_t at[3];
    bool in = true;
    bs_plane_place(p, e, at);
    for (int a = 0; a < 3; a++)
        in &= at[a] >= b->begin[a] && at[a] < b->end[a];
    return in;
}

/* Trial i node by node: what changed must lie in the schedule's boxes. */
static inline void check_boxes(bench *b, const bs_schedule *schedule, const batch *t, int i)
{
    const bs_graph *g = b->g;
    const bs_backend *be = b->rig.b;
    bs_stream *stream = b->rig.stream;
    int fault = g->targets[schedule->target].tensor;
    uint32_t first[2] = {0, t->first[i + 1] - t->first[i]};
    bs_faults f = {t->site + t->first[i], first, NULL};
    int32_t at[2];
    assert_true(bs_schedule_serves(schedule, f.sites, first[1], at));
    for (int tensor = 0; tensor < g->n_tensors; tensor++) {
        const bs_tensor *x = &g->tensors[tensor];
        size_t bytes = x->constant ? 0 : be->row_bytes(b->rig.network, tensor);
        if (x->constant)
            continue;
        assert_ok(bs_golden_need(b->golden, tensor, b->golden->n, NULL));
        char *golden = (char *)b->golden->rows[tensor] + (size_t)t->row[i] * bytes;
        bs_view in[POOL];
        if (x->producer < 0)
            assert_ok(be->copy_rows(stream, tensor, 1, (bs_view){golden, NULL}, b->faulty[tensor]));
        else {
            const bs_node *node = &g->nodes[x->producer];
            for (int k = 0; k < node->n_in; k++)
                in[k] = (bs_view){node->in[k] < 0 ? NULL : b->faulty[node->in[k]], NULL};
            assert_ok(be->run(stream, x->producer, 1, in, b->faulty[tensor]));
        }
        if (tensor == fault)
            assert_ok(be->inject(stream, tensor, 1, b->faulty[tensor], &f));
        float *was = gb_grow(NULL, (int)x->elements, sizeof *was),
              *is = gb_grow(NULL, (int)x->elements, sizeof *is);
        assert_ok(be->download(stream, tensor, golden, was));
        assert_ok(be->download(stream, tensor, b->faulty[tensor], is));
        bs_box box = bs_schedule_box(schedule, b->g, b->planes, tensor, at);
        for (int64_t e = 0; e < x->elements; e++)
            if (bs_float_bits(was[e]) != bs_float_bits(is[e]) && bs_plane_is_needed(&b->planes[tensor], e) &&
                !inside(&box, &b->planes[tensor], e))
                fail_msg("a fault in %s changed element %d of %s (%s), outside its box",
                         g->tensors[fault].name, (int)e, x->name, bs_op_name(g->nodes[x->producer].op));
        free(was);
        free(is);
    }
}

static inline void replay(bench *b, const bs_schedule *r, batch *t, bool keep)
{
    bs_trial_batch trials = {.n = BATCH,
                             .golden_row = t->row,
                             .faults = {t->site, t->first, NULL},
                             .keep_masked = keep,
                             .output = keep ? t->output : NULL,
                             .result = t->result};
    assert_ok(bs_replay(b->replayer, r, &trials));
}

static inline void same(const bench *b, const batch *x, const batch *y, bool outputs, int target,
                        const char *mode)
{
    const char *name = b->g->tensors[b->g->targets[target].tensor].name;
    for (int i = 0; i < BATCH; i++) {
        if (outputs && memcmp(x->output + i * 10, y->output + i * 10, 10 * sizeof(float)) != 0)
            fail_msg("%s replay of %s, trial %d: other outputs than in full", mode, name, i);
        if (x->result[i].died_at != y->result[i].died_at ||
            memcmp(&x->result[i].answer, &y->result[i].answer, sizeof(bs_answer)) != 0)
            fail_msg("%s replay of %s, trial %d: died at %d, class %d; in full at %d, class %d", mode, name,
                     i, y->result[i].died_at, y->result[i].answer.top[0], x->result[i].died_at,
                     x->result[i].answer.top[0]);
    }
}

static inline void check_target(bench *b, int target, int extent)
{
    static batch full, other;
    const bs_plane *p = &b->planes[b->g->targets[target].tensor];
    rig *r = &b->rig;
    bs_schedule *schedule[3];
    uint32_t n = 0;
    for (int i = 0; i < BATCH; i++) {
        full.row[i] = roll(&b->d, IMAGES);
        full.first[i] = n;
        n += draw_sites(b, p, extent, full.site + n);
    }
    full.first[BATCH] = n;
    assert_ok(bs_schedule_create(&schedule[0], b->g, r->b, r->network, target, BS_REPLAY_FULL));
    assert_ok(bs_schedule_create(&schedule[1], b->g, r->b, r->network, target, BS_REPLAY_SUFFIX));
    const bs_schedule_request request = {
        .target = target, .mode = BS_REPLAY_DELTA, .extent = extent, .until = b->g->output};
    assert_ok(bs_schedule_create_as(&schedule[2], b->g, r->b, r->network, &request));
    replay(b, schedule[0], &full, true);
    for (int m = 1; m < 3; m++) {
        for (int keep = 1; keep >= 0; keep--) {
            other = full;
            replay(b, schedule[m], &other, keep);
            same(b, &full, &other, keep, target, bs_replay_mode_name(schedule[m]->mode));
        }
    }
    for (int i = 0; i < BATCH; i += 3)
        check_boxes(b, schedule[2], &full, i);
    b->trials += BATCH;
    for (int i = 0; i < schedule[2]->n_steps; i++)
        b->patched[b->g->nodes[schedule[2]->steps[i].node].op] += schedule[2]->steps[i].patched;
    for (int m = 0; m < 3; m++)
        bs_schedule_free(schedule[m]);
}

/* All targets of a graph (freed here), with one site and with several; patched: steps by operator, counted.
 */
static inline int check_graph(bs_graph *g, int number, int *patched)
{
    bench b;
    bench_open(&b, g, number);
    b.patched = patched;
    for (int t = 0; t < b.g->n_targets; t++) {
        check_target(&b, t, 1);
        check_target(&b, t, 2 + roll(&b.d, 3));
    }
    int trials = b.trials;
    bench_close(&b);
    return trials;
}

/* Operators that must have met patches. */
static inline void check_coverage(const int *patched, const bs_op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (patched[ops[i]] == 0)
            fail_msg("no patch went through %s", bs_op_name(ops[i]));
}

#endif
