/* Proves the arithmetic of boxes: on random graphs, with random faults, nothing changes outside the boxes
 * that a delta schedule expects, and full, suffix and delta replay give the same bits. */
#include "support/receptive_field_check.h"

#ifdef BITSINK_SANITIZE
enum { GRAPHS = 30 };
#else
enum { GRAPHS = 300 };
#endif

enum { LAYERS = 7 };

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
    if (roll(&w->d, 4) == 0) /* coordinates of the pixels, say */
        in[1] = gb_random(w->g, GB_SHAPE(2, out.dim[1], out.dim[2]), 7);
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

/* The tensors that no node reads are squeezed, joined and summed up to a few scores. */
static void add_head(garden *w)
{
    bs_graph *g = w->g;
    int loose[POOL], n = 0, channels = 0, before = g->n_tensors;
    for (int t = 0; t < before; t++) {
        if (is_read(g, t))
            continue;
        int c = (int)shape_of(w, t)->dim[0];
        loose[n++] =
            gb_node(g, BS_OP_REDUCE_MEAN, GB_SHAPE(c), (bs_attr){.reduce = {false, true, true}}, 1, &t);
        channels += c;
    }
    add_scores(g, n, loose, channels);
}

static bs_graph *random_graph(int number)
{
    static const planter kinds[] = {add_conv,   add_conv,   add_conv,   add_pool,  add_move,    add_unary,
                                    add_binary, add_binary, add_concat, add_unary, add_channels};
    garden w = {.g = gb_create(), .d = {(uint64_t)number, 0}};
    bs_shape in = GB_SHAPE(8, 9 + roll(&w.d, 8), 9 + roll(&w.d, 8));
    w.g->input = w.tensor[w.n++] = gb_activation(w.g, in);
    grow(&w, LAYERS, 3, kinds, (int)(sizeof kinds / sizeof *kinds));
    add_head(&w);
    add_targets(w.g);
    return w.g;
}

/* A sanitizer build sees too few graphs for all of them. */
static void check_local(const int *patched)
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
    if (GRAPHS > 100)
        check_coverage(patched, local, sizeof local / sizeof *local);
}

static void test_random_graphs(void **state)
{
    (void)state;
    int trials = 0, steps = 0, patched[BS_OP_COUNT] = {0};
    for (int number = 0; number < GRAPHS; number++) {
        trials += check_graph(random_graph(number), number, patched);
    }
    for (int op = 0; op < BS_OP_COUNT; op++)
        steps += patched[op];
    print_message("%d graphs, %d trials, %d patched steps, %d of convolutions: nothing outside its box\n",
                  GRAPHS, trials, steps, patched[BS_OP_CONV]);
    assert_true(steps > 10 * GRAPHS);
    check_local(patched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_graphs)};
    return run_suite(tests, NULL, NULL);
}
