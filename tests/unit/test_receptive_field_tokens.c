/* Proves the arithmetic of boxes for tokens, on random graphs of the operators that transformers are made of.
 *
 *   test_receptive_field_tokens [GRAPHS] */
#include "support/receptive_field_check.h"

#ifdef BITSINK_SANITIZE
enum { GRAPHS = 30 };
#else
enum { GRAPHS = 200 };
#endif

enum { LAYERS = 7 };

/* The operators are chosen so that values neither die out nor explode. */
static int add_linear(garden *w, int x)
{
    bs_shape out = *shape_of(w, x);
    int64_t depth = out.dim[out.rank - 1], filters = 5 + roll(&w->d, 24);
    out.dim[out.rank - 1] = filters;
    return gb_node(w->g, BS_OP_MATMUL, out, (bs_attr){0}, 2,
                   (int[]){x, gb_random(w->g, GB_SHAPE(depth, filters), 7)});
}

static int add_normal(garden *w, int x)
{
    const bs_shape s = *shape_of(w, x);
    int axis = s.rank - 1, features = (int)s.dim[axis];
    bs_attr a = {.axis = axis, .epsilon = 1e-5f};
    if (roll(&w->d, 2))
        return gb_node(w->g, roll(&w->d, 2) ? BS_OP_SOFTMAX : BS_OP_LOG_SOFTMAX, s, a, 1, &x);
    return gb_node(
        w->g, BS_OP_LAYER_NORM, s, a, 3,
        (int[]){x, gb_random(w->g, GB_SHAPE(features), 8), gb_random(w->g, GB_SHAPE(features), 9)});
}

static int add_unary(garden *w, int x)
{
    static const bs_op ops[] = {BS_OP_RELU, BS_OP_GELU, BS_OP_SIGMOID, BS_OP_IDENTITY, BS_OP_CLIP};
    bs_attr a = {.low = -0.5f, .high = 0.5f};
    return gb_node(w->g, ops[roll(&w->d, 5)], *shape_of(w, x), a, 1, &x);
}

static bool equal_shapes(const bs_shape *a, const bs_shape *b)
{
    return a->rank == b->rank && memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0;
}

/* With another tensor of the same shape, with a parameter by feature or by token, with a sum of each row. */
static int add_binary(garden *w, int x)
{
    static const bs_op ops[] = {BS_OP_ADD, BS_OP_SUB, BS_OP_MUL, BS_OP_MAX};
    bs_shape s = *shape_of(w, x), one = s;
    int y = x, kind = roll(&w->d, 4);
    int64_t features = s.dim[s.rank - 1], tokens = s.dim[s.rank - 2];
    one.dim[s.rank - 1] = 1;
    bs_attr last = {0};
    last.reduce[s.rank - 1] = true;
    if (kind == 0)
        y = gb_random(w->g, GB_SHAPE(features), 10);
    else if (kind == 1)
        y = gb_random(w->g, GB_SHAPE(tokens, features), 11);
    else if (kind == 2)
        y = gb_node(w->g, roll(&w->d, 2) ? BS_OP_REDUCE_MEAN : BS_OP_REDUCE_MAX, one, last, 1, &x);
    for (int i = 0; i < w->n && kind == 3; i++)
        if (equal_shapes(shape_of(w, w->tensor[i]), &s))
            y = w->tensor[i];
    return gb_node(w->g, ops[roll(&w->d, 4)], s, (bs_attr){0}, 2, (int[]){x, y});
}

/* (T, F) to (T, heads, F / heads) to (heads, T, F / heads), and back the same way. */
static int add_heads(garden *w, int x)
{
    bs_shape s = *shape_of(w, x);
    if (s.rank == 2 && s.dim[1] % 2 == 0) {
        int64_t t = s.dim[0], f = s.dim[1] / 2;
        int split = gb_node(w->g, BS_OP_RESHAPE, GB_SHAPE(t, 2, f), (bs_attr){0}, 1, &x);
        return gb_node(w->g, BS_OP_TRANSPOSE, GB_SHAPE(2, t, f), (bs_attr){.perm = {1, 0, 2}}, 1, &split);
    }
    if (s.rank != 3)
        return -1;
    int64_t h = s.dim[0], t = s.dim[1], f = s.dim[2];
    int merged = gb_node(w->g, BS_OP_TRANSPOSE, GB_SHAPE(t, h, f), (bs_attr){.perm = {1, 0, 2}}, 1, &x);
    return gb_node(w->g, BS_OP_RESHAPE, GB_SHAPE(t, h * f), (bs_attr){0}, 1, &merged);
}

/* Each token with each: scores from x and a projection of an earlier tensor, and the mixture. */
static int add_attention(garden *w, int x)
{
    bs_shape s = *shape_of(w, x), turned = s, square = s;
    int last = s.rank - 1, key = x;
    for (int i = 0; i < w->n; i++)
        if (equal_shapes(shape_of(w, w->tensor[i]), &s) && roll(&w->d, 2))
            key = w->tensor[i];
    bs_attr swap = {0};
    for (int a = 0; a < s.rank; a++)
        swap.perm[a] = a;
    swap.perm[last] = last - 1;
    swap.perm[last - 1] = last;
    turned.dim[last] = s.dim[last - 1];
    turned.dim[last - 1] = s.dim[last];
    square.dim[last] = s.dim[last - 1];
    int k = gb_node(w->g, BS_OP_TRANSPOSE, turned, swap, 1, &key);
    int scores = gb_node(w->g, BS_OP_MATMUL, square, (bs_attr){0}, 2, (int[]){x, k});
    int share = gb_node(w->g, BS_OP_SOFTMAX, square, (bs_attr){.axis = last}, 1, &scores);
    return gb_node(w->g, BS_OP_MATMUL, s, (bs_attr){0}, 2, (int[]){share, key});
}

/* Some of the tokens, or of the features. */
static int add_slice(garden *w, int x)
{
    bs_shape s = *shape_of(w, x);
    bs_attr a = {0};
    int axis = s.rank - 1 - roll(&w->d, 2);
    for (int i = 0; i < s.rank; i++)
        a.step[i] = 1;
    a.begin[axis] = roll(&w->d, (int)(s.dim[axis] + 3) / 4);
    a.step[axis] = 1 + roll(&w->d, 4) / 3;
    s.dim[axis] = (s.dim[axis] - a.begin[axis] - roll(&w->d, 2) + a.step[axis] - 1) / a.step[axis];
    return s.dim[axis] < 2 ? -1 : gb_node(w->g, BS_OP_SLICE, s, a, 1, &x);
}

/* Parameters before x and after it, or one of these: tokens or features. */
static int add_parameters(garden *w, int x)
{
    bs_shape s = *shape_of(w, x), before = s, after = s;
    int axis = s.rank - 1 - roll(&w->d, 2), kind = roll(&w->d, 3);
    before.dim[axis] = 1 + roll(&w->d, 2);
    after.dim[axis] = 1 + roll(&w->d, 2);
    s.dim[axis] += (kind < 2 ? before.dim[axis] : 0) + (kind > 0 ? after.dim[axis] : 0);
    const int in[] = {gb_random(w->g, before, 12), x, gb_random(w->g, after, 13)};
    return gb_node(w->g, BS_OP_CONCAT, s, (bs_attr){.axis = axis}, kind == 1 ? 3 : 2, kind < 2 ? in : in + 1);
}

/* One token, or the mean of all, as a list. */
static int squeeze(garden *w, int x)
{
    const bs_shape s = *shape_of(w, x);
    int rows = s.rank - 2, features = (int)(w->g->tensors[x].elements / s.dim[rows]), one;
    bs_shape out = s;
    bs_attr a = {.step = {1, 1, 1}};
    if (roll(&w->d, 2)) {
        out.dim[rows] = 1;
        a.begin[rows] = roll(&w->d, (int)s.dim[rows]);
        one = gb_node(w->g, BS_OP_SLICE, out, a, 1, &x);
    } else {
        out = s.rank == 2 ? GB_SHAPE(s.dim[1]) : GB_SHAPE(s.dim[0], s.dim[2]);
        a.reduce[rows] = true;
        one = gb_node(w->g, BS_OP_REDUCE_MEAN, out, a, 1, &x);
    }
    return gb_node(w->g, BS_OP_RESHAPE, GB_SHAPE(features), (bs_attr){0}, 1, &one);
}

/* The tensors that no node reads are squeezed, joined and summed up to a few scores. */
static void add_head(garden *w)
{
    bs_graph *g = w->g;
    int loose[POOL], n = 0, features = 0, before = g->n_tensors;
    for (int t = 0; t < before; t++)
        if (!is_read(g, t)) {
            loose[n] = squeeze(w, t);
            features += (int)g->tensors[loose[n++]].elements;
        }
    add_scores(g, n, loose, features);
}

/* The input counts as an image, whatever it is: tokens come from its rows of pixels. */
static bs_graph *random_graph(int number)
{
    static const planter kinds[] = {add_linear, add_linear, add_normal,    add_unary,
                                    add_binary, add_heads,  add_heads,     add_attention,
                                    add_binary, add_slice,  add_parameters};
    garden w = {.g = gb_create(), .d = {5000 + (uint64_t)number, 0}};
    int64_t channels = 4 + 2 * roll(&w.d, 6), height = 3 + roll(&w.d, 3), width = 3 + roll(&w.d, 4);
    w.g->input = gb_activation(w.g, GB_SHAPE(channels, height, width));
    int lines = gb_node(w.g, BS_OP_RESHAPE, GB_SHAPE(channels, height * width), (bs_attr){0}, 1, &w.g->input);
    w.tensor[w.n++] = gb_node(w.g, BS_OP_TRANSPOSE, GB_SHAPE(height * width, channels),
                              (bs_attr){.perm = {1, 0}}, 1, &lines);
    grow(&w, LAYERS, 4, kinds, (int)(sizeof kinds / sizeof *kinds));
    add_head(&w);
    add_targets(w.g);
    return w.g;
}

static void test_random_graphs(void **state)
{
    int graphs = *state ? atoi(*state) : GRAPHS;
    static const bs_op local[] = {BS_OP_MATMUL,  BS_OP_LAYER_NORM, BS_OP_SOFTMAX,     BS_OP_LOG_SOFTMAX,
                                  BS_OP_GELU,    BS_OP_ADD,        BS_OP_MUL,         BS_OP_SLICE,
                                  BS_OP_RESHAPE, BS_OP_TRANSPOSE,  BS_OP_REDUCE_MEAN, BS_OP_CONCAT};
    int trials = 0, steps = 0, patched[BS_OP_COUNT] = {0};
    for (int number = 0; number < graphs; number++)
        trials += check_graph(random_graph(number), number, patched);
    for (int op = 0; op < BS_OP_COUNT; op++)
        steps += patched[op];
    print_message("%d graphs, %d trials, %d patched steps, %d of MatMul: nothing outside its box\n", graphs,
                  trials, steps, patched[BS_OP_MATMUL]);
    assert_true(steps > 5 * graphs);
    if (graphs > 100)
        check_coverage(patched, local, sizeof local / sizeof *local);
}

/* Checks the steps from number `first` on to the Add: their patches have so many rows, that of a fault in row
 * y from row before + y * rows on. */
static void check_narrow(bench *b, int tensor, int first, int rows, int before)
{
    bs_schedule *s;
    assert_ok(bs_schedule_create(&s, b->g, b->rig.b, b->rig.network, b->g->tensors[tensor].target,
                                 BS_REPLAY_DELTA));
    for (bool added = false; !added; first++) {
        const bs_buffer *out = &s->buffers[s->steps[first].out];
        assert_true(out->patched);
        assert_int_equal(out->size[0], rows);
        for (int y = 0; y < bs_schedule_places(s, 0); y++)
            assert_int_equal(out->origin[0][y], before + y * rows);
        added = b->g->nodes[s->steps[first].node].op == BS_OP_ADD;
    }
    bs_schedule_free(s);
}

enum { CHANNELS = 6, PIXELS = 6, BEFORE = 2, ROWS = BEFORE + PIXELS + 1 };

/* Class tokens before and after those of pixels, which lie in rows of `width`, and a position embedding. The
 * scores come from the first `needed` tokens. */
static bs_graph *class_token_graph(int width, int needed)
{
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(CHANNELS, PIXELS / width, width));
    int x = gb_node(g, BS_OP_RESHAPE, GB_SHAPE(CHANNELS, PIXELS), (bs_attr){0}, 1, &g->input);
    x = gb_node(g, BS_OP_TRANSPOSE, GB_SHAPE(PIXELS, CHANNELS), (bs_attr){.perm = {1, 0}}, 1, &x);
    const int parts[] = {gb_random(g, GB_SHAPE(BEFORE, CHANNELS), 1), x,
                         gb_random(g, GB_SHAPE(1, CHANNELS), 2)};
    x = gb_node(g, BS_OP_CONCAT, GB_SHAPE(ROWS, CHANNELS), (bs_attr){.axis = 0}, 3, parts);
    const int sum[] = {x, gb_random(g, GB_SHAPE(ROWS, CHANNELS), 3)};
    x = gb_node(g, BS_OP_ADD, GB_SHAPE(ROWS, CHANNELS), (bs_attr){0}, 2, sum);
    x = gb_node(g, BS_OP_SLICE, GB_SHAPE(needed, CHANNELS), (bs_attr){.step = {1, 1}}, 1, &x);
    x = gb_node(g, BS_OP_RESHAPE, GB_SHAPE(needed * CHANNELS), (bs_attr){0}, 1, &x);
    add_scores(g, 1, &x, needed * CHANNELS);
    add_targets(g);
    return g;
}

/* Class tokens and a position embedding make no patch wider than the row of pixels that it comes from. */
static void test_class_token(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, class_token_graph(3, ROWS), 0);
    check_narrow(&b, b.g->input, 2, 3, BEFORE);
    check_narrow(&b, b.g->nodes[2].out, 0, 1, 0); /* that of Concat */
    bench_close(&b);
}

/* The output depends on some of the parameters, or some of the other tokens, too. */
static void test_needed_parameters(void **state)
{
    (void)state;
    int patched[BS_OP_COUNT] = {0};
    for (int width = 1; width <= 3; width += 2)
        for (int needed = 1; needed <= BEFORE + 1; needed += BEFORE)
            check_graph(class_token_graph(width, needed), needed, patched);
    assert_true(patched[BS_OP_CONCAT] > 0 && patched[BS_OP_ADD] > 0);
}

/* A parameter whose rows are those of the tokens in one node, and features in another. */
static void test_shared_parameter(void **state)
{
    (void)state;
    const bs_shape square = GB_SHAPE(CHANNELS, PIXELS);
    int patched[BS_OP_COUNT] = {0};
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(CHANNELS, 2, PIXELS / 2));
    int x = gb_node(g, BS_OP_RESHAPE, square, (bs_attr){0}, 1, &g->input), shared = gb_random(g, square, 1);
    x = gb_node(g, BS_OP_ADD, square, (bs_attr){0}, 2, (int[]){x, shared});
    x = gb_node(g, BS_OP_TRANSPOSE, square, (bs_attr){.perm = {1, 0}}, 1, &x);
    x = gb_node(g, BS_OP_ADD, square, (bs_attr){0}, 2, (int[]){x, shared});
    x = gb_node(g, BS_OP_RESHAPE, GB_SHAPE(CHANNELS * PIXELS), (bs_attr){0}, 1, &x);
    add_scores(g, 1, &x, CHANNELS * PIXELS);
    add_targets(g);
    check_graph(g, 0, patched);
    assert_true(patched[BS_OP_ADD] > 0);
}

/* A graph with tokens (height, width, CHANNELS), each a pixel of its input. */
static bs_graph *plane_graph(int height, int width, int *tokens)
{
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(CHANNELS, height, width));
    *tokens = gb_node(g, BS_OP_TRANSPOSE, GB_SHAPE(height, width, CHANNELS), (bs_attr){.perm = {1, 2, 0}}, 1,
                      &g->input);
    return g;
}

/* Checks faults everywhere before the scores, which come from all of x and y. */
static void check_plane(bs_graph *g, int x, int y)
{
    int patched[BS_OP_COUNT] = {0}, list[] = {x, y}, elements = 0;
    for (int k = 0; k < 2; k++) {
        int n = (int)g->tensors[list[k]].elements;
        list[k] = gb_node(g, BS_OP_RESHAPE, GB_SHAPE(n), (bs_attr){0}, 1, &list[k]);
        elements += n;
    }
    add_scores(g, 2, list, elements);
    add_targets(g);
    check_graph(g, 0, patched);
}

/* The rows of the plane number matrices, of parameters and of activations, and its columns are rows of the
 * product. */
static void test_numbered_matrices(void **state)
{
    (void)state;
    int x, swap[2];
    bs_graph *g = plane_graph(3, 4, &x);
    const int by_weights[] = {x, gb_random(g, GB_SHAPE(3, CHANNELS, CHANNELS), 1)};
    int y = gb_node(g, BS_OP_MATMUL, GB_SHAPE(3, 4, CHANNELS), (bs_attr){0}, 2, by_weights);
    swap[0] = x;
    swap[1] = gb_node(g, BS_OP_TRANSPOSE, GB_SHAPE(3, CHANNELS, 4), (bs_attr){.perm = {0, 2, 1}}, 1, &x);
    check_plane(g, y, gb_node(g, BS_OP_MATMUL, GB_SHAPE(3, 4, 4), (bs_attr){0}, 2, swap));
}

/* No fault reaches the columns that a Slice takes; and they are put behind another. */
static void test_columns_out_of_reach(void **state)
{
    (void)state;
    int x;
    bs_graph *g = plane_graph(2, 3, &x);
    const bs_shape column = GB_SHAPE(2, 1, CHANNELS);
    const int longer[] = {x, gb_random(g, column, 1)};
    int y = gb_node(g, BS_OP_CONCAT, GB_SHAPE(2, 4, CHANNELS), (bs_attr){.axis = 1}, 2, longer);
    y = gb_node(g, BS_OP_SLICE, column, (bs_attr){.begin = {0, 3}, .step = {1, 1, 1}}, 1, &y);
    const int behind[] = {gb_random(g, column, 2), y};
    check_plane(g, x, gb_node(g, BS_OP_CONCAT, GB_SHAPE(2, 2, CHANNELS), (bs_attr){.axis = 1}, 2, behind));
}

/* A parameter beside the columns of windows, whose rows and columns lie along two axes each. */
static void test_longer_windows(void **state)
{
    (void)state;
    int x;
    bs_graph *g = plane_graph(4, 4, &x);
    int y = gb_node(g, BS_OP_RESHAPE, GB_SHAPE(2, 2, 2, 2, CHANNELS), (bs_attr){0}, 1, &x);
    const int longer[] = {gb_random(g, GB_SHAPE(2, 2, 1, 2, CHANNELS), 1), y};
    check_plane(g, x,
                gb_node(g, BS_OP_CONCAT, GB_SHAPE(2, 2, 3, 2, CHANNELS), (bs_attr){.axis = 2}, 2, longer));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_class_token),
        cmocka_unit_test(test_needed_parameters),
        cmocka_unit_test(test_shared_parameter),
        cmocka_unit_test(test_numbered_matrices),
        cmocka_unit_test(test_columns_out_of_reach),
        cmocka_unit_test(test_longer_windows),
        cmocka_unit_test_prestate(test_random_graphs, argc > 1 ? argv[1] : NULL)};
    return run_suite(tests, NULL, NULL);
}
