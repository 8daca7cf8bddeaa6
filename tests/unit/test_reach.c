/* Box arithmetic: on random graphs, with random faults, nothing changes outside the boxes that a delta route
 * expects, and full, suffix and delta replay give the same bits. */
#include "rig.h"

#include "bits.h"
#include "replay/replay.h"
#include "rng.h"

#ifdef BITSINK_SANITIZE
enum { GRAPHS = 30 };
#else
enum { GRAPHS = 300 };
#endif

enum { IMAGES = 2, BATCH = 16, SITES = 3, POOL = 32, LAYERS = 7 };

/* Random choices, the same in every run. */
typedef struct dice {
    uint64_t key;
    uint32_t drawn;
} dice;

static int roll(dice *d, int n)
{
    return (int)(bs_draw(77, d->key, d->drawn++, 0) % (uint64_t)n);
}

/* A graph that grows: any of its tensors of rank 3 may be read again. */
typedef struct garden {
    bs_graph *g;
    dice d;
    int tensor[POOL], n;
} garden;

static const bs_shape *shape_of(const garden *w, int t)
{
    return &w->g->tensors[t].shape;
}

/* Conv, pools: random window over x; false where the output would be empty. */
static bool random_window(garden *w, int x, bs_attr *a, int64_t out[2], bool pool, bool dilate)
{
    bs_window *v = &a->window;
    v->group = 1;
    v->ceil_mode = pool && roll(&w->d, 3) == 0;
    v->count_include_pad = pool && roll(&w->d, 2) == 0;
    for (int i = 0; i < 2; i++) {
        int64_t in = shape_of(w, x)->dim[1 + i];
        v->kernel[i] = 1 + roll(&w->d, 4);
        v->stride[i] = 1 + roll(&w->d, 3) % 2 + (roll(&w->d, 6) == 0);
        v->dilation[i] = 1 + (dilate && roll(&w->d, 4) == 0);
        v->pad[i] = roll(&w->d, v->kernel[i]);
        v->pad[2 + i] = roll(&w->d, v->kernel[i]);
        int64_t span = (v->kernel[i] - 1) * v->dilation[i] + 1, room = in + v->pad[i] + v->pad[2 + i] - span;
        if (room < 0)
            return false;
        out[i] = (room + (v->ceil_mode ? v->stride[i] - 1 : 0)) / v->stride[i] + 1;
        if (v->ceil_mode && (out[i] - 1) * v->stride[i] >= in + v->pad[i])
            out[i]--; /* a window must begin inside, as frameworks have it */
    }
    return true;
}

static int add_conv(garden *w, int x)
{
    bs_attr a = {0};
    int64_t out[2], channels = shape_of(w, x)->dim[0];
    if (!random_window(w, x, &a, out, false, true))
        return -1;
    int filters = 8 << roll(&w->d, 2), kind = roll(&w->d, 3);
    a.window.group = kind == 0 ? (int)channels : kind == 1 && channels % 2 == 0 ? 2 : 1;
    if (filters % a.window.group)
        filters = (int)channels;
    int weights = gb_random(
        w->g, GB_SHAPE(filters, channels / a.window.group, a.window.kernel[0], a.window.kernel[1]), 5);
    int bias = roll(&w->d, 2) ? gb_random(w->g, GB_SHAPE(filters), 6) : -1;
    return gb_node(w->g, BS_OP_CONV, GB_SHAPE(filters, out[0], out[1]), a, 3, (int[]){x, weights, bias});
}

static int add_pool(garden *w, int x)
{
    bs_attr a = {0};
    int64_t out[2];
    bs_op op = roll(&w->d, 2) ? BS_OP_MAX_POOL : BS_OP_AVERAGE_POOL;
    if (!random_window(w, x, &a, out, true, op == BS_OP_MAX_POOL))
        return -1;
    return gb_node(w->g, op, GB_SHAPE(shape_of(w, x)->dim[0], out[0], out[1]), a, 1, &x);
}

static int add_move(garden *w, int x)
{
    bs_shape s = *shape_of(w, x), out = s;
    bs_attr a = {0};
    bool slice = roll(&w->d, 2);
    for (int i = 0; i < 3; i++) {
        a.step[i] = 1;
        if (slice) {
            a.step[i] = 1 + (i > 0 && roll(&w->d, 3) == 0);
            a.begin[i] = roll(&w->d, (int)(s.dim[i] + 3) / 4);
            out.dim[i] = (s.dim[i] - a.begin[i] - roll(&w->d, 2) + a.step[i] - 1) / a.step[i];
        } else {
            a.begin[i] = roll(&w->d, 4) - (i > 0);
            a.end[i] = roll(&w->d, 3) - (i > 0);
            out.dim[i] += a.begin[i] + a.end[i];
        }
        if (out.dim[i] < 1)
            return -1;
    }
    a.value = roll(&w->d, 2) ? 0.5f : 0.0f;
    return gb_node(w->g, slice ? BS_OP_SLICE : BS_OP_PAD, out, a, 1, &x);
}

static int add_concat(garden *w, int x)
{
    bs_shape out = *shape_of(w, x);
    int in[2] = {x, -1};
    for (int i = 0; i < w->n && in[1] < 0; i++) {
        const bs_shape *s = shape_of(w, w->tensor[i]);
        if (s->dim[1] == out.dim[1] && s->dim[2] == out.dim[2] && s->dim[0] + out.dim[0] < 64)
            in[1] = w->tensor[i];
    }
    if (in[1] < 0)
        return -1;
    out.dim[0] += shape_of(w, in[1])->dim[0];
    return gb_node(w->g, BS_OP_CONCAT, out, (bs_attr){.axis = 0}, 2, in);
}

static int add_unary(garden *w, int x)
{
    static const bs_op ops[] = {
#define X(suffix, ...) BS_OP_##suffix,
        BS_UNARY_OPS(X)
#undef X
            BS_OP_CLIP,
        BS_OP_DROPOUT, BS_OP_IDENTITY};
    bs_attr a = {.alpha = 0.3f, .beta = 0.5f, .low = -0.5f, .high = 0.5f};
    return gb_node(w->g, ops[roll(&w->d, (int)(sizeof ops / sizeof *ops))], *shape_of(w, x), a, 1, &x);
}

/* The other operand: a tensor alike, a parameter for each channel, a single value, or one value a channel
 * that depends on the image. */
static int partner(garden *w, int x)
{
    bs_shape s = *shape_of(w, x);
    int kind = roll(&w->d, 5);
    if (kind == 0)
        return gb_random(w->g, GB_SHAPE(s.dim[0], 1, 1), 9);
    if (kind == 1)
        return gb_random(w->g, GB_SHAPE(1), 10);
    if (kind == 2)
        return gb_node(w->g, BS_OP_GLOBAL_AVERAGE_POOL, GB_SHAPE(s.dim[0], 1, 1), (bs_attr){0}, 1,
                       &w->tensor[0]); /* of the input, see add_binary() */
    for (int i = 0; i < w->n; i++) {
        int t = w->tensor[(i + kind) % w->n];
        if (memcmp(shape_of(w, t)->dim, s.dim, 3 * sizeof *s.dim) == 0)
            return t;
    }
    return x;
}

static int add_binary(garden *w, int x)
{
    static const bs_op ops[] = {
#define X(suffix, ...) BS_OP_##suffix,
        BS_BINARY_OPS(X) BS_VARIADIC_OPS(X)
#undef X
    };
    bs_op op = ops[roll(&w->d, (int)(sizeof ops / sizeof *ops))];
    /* The squeezed input fits tensors with as many channels. */
    bool squeeze = shape_of(w, x)->dim[0] == shape_of(w, w->tensor[0])->dim[0];
    int y = squeeze ? partner(w, x) : gb_random(w->g, GB_SHAPE(shape_of(w, x)->dim[0], 1, 1), 9);
    int in[3] = {x, y, x};
    if (roll(&w->d, 6) == 0)
        return gb_node(w->g, BS_OP_WHERE, *shape_of(w, x), (bs_attr){0}, 3, in);
    return gb_node(w->g, op, *shape_of(w, x), (bs_attr){0}, 2, in);
}

static int add_channels(garden *w, int x)
{
    static const bs_op reduce[] = {
#define X(suffix, ...) BS_OP_##suffix,
        BS_REDUCE_OPS(X)
#undef X
    };
    bs_shape s = *shape_of(w, x), one = s;
    int c = (int)s.dim[0], in[5] = {x};
    one.dim[0] = 1;
    bs_op op = reduce[roll(&w->d, (int)(sizeof reduce / sizeof *reduce) - 1)];
    switch (roll(&w->d, 4)) {
    case 0:
        for (int k = 1; k < 5; k++)
            in[k] = gb_random(w->g, GB_SHAPE(c), 20 + (uint64_t)k);
        for (int k = 0; k < c; k++) {
            float *variance = &w->g->tensors[in[4]].data[k];
            *variance = fabsf(*variance) + 0.5f;
        }
        return gb_node(w->g, BS_OP_BATCH_NORM, s, (bs_attr){.epsilon = 1e-3f}, 5, in);
    case 1:
        return gb_node(w->g, BS_OP_LRN, s,
                       (bs_attr){.size = 5, .alpha = 0.1f, .beta = 0.75f, .epsilon = 1.0f}, 1, in);
    case 2:
        return gb_node(w->g, roll(&w->d, 2) ? BS_OP_SOFTMAX : BS_OP_LOG_SOFTMAX, s, (bs_attr){.axis = 0}, 1,
                       in);
    default:
        return gb_node(w->g, op, one, (bs_attr){.reduce = {true, false, false}}, 1, in);
    }
}

/* Every activation becomes a target. */
static void add_targets(bs_graph *g)
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

/* The tensors nobody reads are squeezed, joined and summed up to a few scores. */
static void add_head(garden *w)
{
    bs_graph *g = w->g;
    int loose[POOL], n = 0, channels = 0, before = g->n_tensors;
    for (int t = 0; t < before; t++) {
        bool read = g->tensors[t].constant;
        for (int i = 0; i < g->n_nodes; i++)
            for (int k = 0; k < g->nodes[i].n_in; k++)
                read |= g->nodes[i].in[k] == t;
        if (read)
            continue;
        int c = (int)shape_of(w, t)->dim[0];
        loose[n++] =
            gb_node(g, BS_OP_REDUCE_MEAN, GB_SHAPE(c), (bs_attr){.reduce = {false, true, true}}, 1, &t);
        channels += c;
    }
    int all = gb_node(g, BS_OP_CONCAT, GB_SHAPE(channels), (bs_attr){.axis = 0}, n, loose);
    bs_attr a = {.trans_b = true, .alpha = 1.0f, .beta = 1.0f};
    g->output = gb_node(g, BS_OP_GEMM, GB_SHAPE(10), a, 3,
                        (int[]){all, gb_random(g, GB_SHAPE(10, channels), 3), gb_random(g, GB_SHAPE(10), 4)});
    g->classes = 10;
}

static bs_graph *random_graph(int number)
{
    static int (*const kinds[])(garden *, int) = {add_conv,   add_conv,  add_conv,    add_pool,
                                                  add_move,   add_unary, add_binary,  add_binary,
                                                  add_concat, add_unary, add_channels};
    garden w = {.g = gb_create(), .d = {(uint64_t)number, 0}};
    bs_shape in = GB_SHAPE(8, 9 + roll(&w.d, 8), 9 + roll(&w.d, 8));
    w.g->input = w.tensor[w.n++] = gb_activation(w.g, in);
    for (int layers = 0; layers < LAYERS;) {
        int back = roll(&w.d, 3) ? 1 : 1 + roll(&w.d, w.n); /* mostly the last one, now and then a branch */
        int y = kinds[roll(&w.d, (int)(sizeof kinds / sizeof *kinds))](&w, w.tensor[w.n - back]);
        if (y < 0)
            continue;
        w.tensor[w.n++] = y;
        layers++;
    }
    add_head(&w);
    add_targets(w.g);
    return w.g;
}

typedef struct bench {
    rig rig;
    bs_graph *g;
    bs_golden *golden, *faulty;
    bs_replayer *replayer;
    bs_plane *planes;
    dice d;
    int trials, *patched; /* patched: steps by operator */
} bench;

static void bench_open(bench *b, int number)
{
    memset(b, 0, sizeof *b);
    b->g = random_graph(number);
    b->rig = rig_open(b->g);
    assert_ok(bs_planes_choose(&b->planes, b->g));
    b->d.key = 1000 + (uint64_t)number;
    rig *r = &b->rig;
    assert_ok(bs_golden_create(&b->golden, b->g, r->b, r->network, r->lane, IMAGES));
    assert_ok(bs_golden_create(&b->faulty, b->g, r->b, r->network, r->lane, 1));
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

static void bench_close(bench *b)
{
    bs_replayer_free(b->replayer);
    bs_golden_free(b->faulty);
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
static uint32_t draw_sites(bench *b, const bs_plane *p, int extent, bs_site *out)
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

static bool inside(const bs_box *b, const bs_plane *p, int64_t e)
{
    int64_t at[3];
    bool in = true;
    bs_plane_place(p, e, at);
    for (int a = 0; a < 3; a++)
        in &= at[a] >= b->begin[a] && at[a] < b->end[a];
    return in;
}

/* Trial i node by node: what changed must lie in the route's boxes. */
static void check_boxes(bench *b, const bs_route *route, const batch *t, int i)
{
    const bs_graph *g = b->g;
    const bs_backend *be = b->rig.b;
    bs_lane *l = b->rig.lane;
    int fault = g->targets[route->target].tensor;
    uint32_t first[2] = {0, t->first[i + 1] - t->first[i]};
    bs_faults f = {t->site + t->first[i], first, NULL};
    int32_t at[2];
    assert_true(bs_route_serves(route, f.sites, first[1], at));
    for (int tensor = 0; tensor < g->n_tensors; tensor++) {
        const bs_tensor *x = &g->tensors[tensor];
        size_t bytes = x->constant ? 0 : be->row_bytes(b->rig.network, tensor);
        if (x->constant)
            continue;
        char *golden = (char *)b->golden->rows[tensor] + (size_t)t->row[i] * bytes;
        bs_view in[POOL];
        if (x->producer < 0)
            assert_ok(be->copy_rows(l, tensor, 1, (bs_view){golden, NULL}, b->faulty->rows[tensor]));
        else {
            const bs_node *node = &g->nodes[x->producer];
            for (int k = 0; k < node->n_in; k++)
                in[k] = (bs_view){node->in[k] < 0 ? NULL : b->faulty->rows[node->in[k]], NULL};
            assert_ok(be->run(l, x->producer, 1, in, b->faulty->rows[tensor]));
        }
        if (tensor == fault)
            assert_ok(be->inject(l, tensor, 1, b->faulty->rows[tensor], &f));
        float *was = gb_grow(NULL, (int)x->elements, sizeof *was),
              *is = gb_grow(NULL, (int)x->elements, sizeof *is);
        assert_ok(be->download(l, tensor, golden, was));
        assert_ok(be->download(l, tensor, b->faulty->rows[tensor], is));
        bs_box box = bs_route_box(route, b->planes, tensor, at);
        for (int64_t e = 0; e < x->elements; e++)
            if (bs_float_bits(was[e]) != bs_float_bits(is[e]) && !inside(&box, &b->planes[tensor], e))
                fail_msg("a fault in %s changed element %d of %s (%s), outside its box",
                         g->tensors[fault].name, (int)e, x->name, bs_op_name(g->nodes[x->producer].op));
        free(was);
        free(is);
    }
}

static void replay(bench *b, const bs_route *r, batch *t, bool keep)
{
    bs_trials trials = {.n = BATCH,
                        .golden_row = t->row,
                        .faults = {t->site, t->first, NULL},
                        .keep_masked = keep,
                        .output = keep ? t->output : NULL,
                        .result = t->result};
    assert_ok(bs_replay(b->replayer, r, &trials));
}

static void same(const bench *b, const batch *x, const batch *y, bool outputs, int target, const char *mode)
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

static void check_target(bench *b, int target, int extent)
{
    static batch full, other;
    const bs_plane *p = &b->planes[b->g->targets[target].tensor];
    rig *r = &b->rig;
    bs_route *route[3];
    uint32_t n = 0;
    for (int i = 0; i < BATCH; i++) {
        full.row[i] = roll(&b->d, IMAGES);
        full.first[i] = n;
        n += draw_sites(b, p, extent, full.site + n);
    }
    full.first[BATCH] = n;
    assert_ok(bs_route_create(&route[0], b->g, r->b, r->network, target, BS_REPLAY_FULL));
    assert_ok(bs_route_create(&route[1], b->g, r->b, r->network, target, BS_REPLAY_SUFFIX));
    const bs_route_wish wish = {
        .target = target, .mode = BS_REPLAY_DELTA, .extent = extent, .until = b->g->output};
    assert_ok(bs_route_create_as(&route[2], b->g, r->b, r->network, &wish));
    replay(b, route[0], &full, true);
    for (int m = 1; m < 3; m++) {
        for (int keep = 1; keep >= 0; keep--) {
            other = full;
            replay(b, route[m], &other, keep);
            same(b, &full, &other, keep, target, bs_replay_mode_name(route[m]->mode));
        }
    }
    for (int i = 0; i < BATCH; i += 3)
        check_boxes(b, route[2], &full, i);
    b->trials += BATCH;
    for (int i = 0; i < route[2]->n_steps; i++)
        b->patched[b->g->nodes[route[2]->steps[i].node].op] += route[2]->steps[i].patched;
    for (int m = 0; m < 3; m++)
        bs_route_free(route[m]);
}

/* Operators that must have met patches; a sanitizer build sees too few graphs for all of them. */
static void check_coverage(const int *patched)
{
    static const bs_op local[] = {
#define X(suffix, ...) BS_OP_##suffix,
        BS_UNARY_OPS(X) BS_BINARY_OPS(X) BS_VARIADIC_OPS(X)
#undef X
            BS_OP_CONV,
        BS_OP_MAX_POOL,
        BS_OP_AVERAGE_POOL,
        BS_OP_SLICE,
        BS_OP_PAD,
        BS_OP_CONCAT,
        BS_OP_BATCH_NORM,
        BS_OP_LRN,
        BS_OP_SOFTMAX,
        BS_OP_CLIP,
        BS_OP_LOG_SOFTMAX,
        BS_OP_REDUCE_MAX,
        BS_OP_WHERE,
        BS_OP_DROPOUT,
        BS_OP_IDENTITY};
    for (size_t i = 0; i < sizeof local / sizeof *local && GRAPHS > 100; i++)
        if (patched[local[i]] == 0)
            fail_msg("no patch went through %s", bs_op_name(local[i]));
}

static void test_random_graphs(void **state)
{
    (void)state;
    int trials = 0, steps = 0, patched[BS_OP_COUNT] = {0};
    for (int number = 0; number < GRAPHS; number++) {
        bench b;
        bench_open(&b, number);
        b.patched = patched;
        for (int t = 0; t < b.g->n_targets; t++) {
            check_target(&b, t, 1);
            check_target(&b, t, 2 + roll(&b.d, 3));
        }
        trials += b.trials;
        bench_close(&b);
    }
    for (int op = 0; op < BS_OP_COUNT; op++)
        steps += patched[op];
    print_message("%d graphs, %d trials, %d patched steps, %d of convolutions: nothing outside its box\n",
                  GRAPHS, trials, steps, patched[BS_OP_CONV]);
    assert_true(steps > 10 * GRAPHS);
    check_coverage(patched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_graphs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
