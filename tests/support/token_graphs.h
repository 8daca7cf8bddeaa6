/* Random transformers, small ones: class tokens before or after the others and a position embedding, or
 * windows of a plane of tokens with and without a cyclic shift and its mask; heads, Softmax, a perceptron
 * with GELU in five nodes; at the end one token or the mean of all. */
#ifndef BS_TESTS_TOKEN_GRAPHS_H
#define BS_TESTS_TOKEN_GRAPHS_H

#include "support/receptive_field_check.h"

enum { HEADS = 2, DEPTH = 3, FEATURES = HEADS * DEPTH };

/* --- Single nodes --- */

static inline int tg_reshape(bs_graph *g, int x, bs_shape to)
{
    return gb_node(g, BS_OP_RESHAPE, to, (bs_attr){0}, 1, &x);
}

static inline int tg_transpose(bs_graph *g, int x, const int *perm)
{
    bs_shape in = g->tensors[x].shape, out = in;
    bs_attr a = {0};
    for (int k = 0; k < in.rank; k++) {
        a.perm[k] = perm[k];
        out.dim[k] = in.dim[perm[k]];
    }
    return gb_node(g, BS_OP_TRANSPOSE, out, a, 1, &x);
}

static inline int tg_binary(bs_graph *g, bs_op op, int x, int y)
{
    return gb_node(g, op, g->tensors[x].shape, (bs_attr){0}, 2, (int[]){x, y});
}

static inline int tg_norm(bs_graph *g, int x)
{
    bs_shape s = g->tensors[x].shape;
    int64_t f = s.dim[s.rank - 1];
    return gb_node(g, BS_OP_LAYER_NORM, s, (bs_attr){.axis = s.rank - 1, .epsilon = 1e-5f}, 3,
                   (int[]){x, gb_random(g, GB_SHAPE(f), 31), gb_random(g, GB_SHAPE(f), 32)});
}

static inline int tg_linear(bs_graph *g, int x, int64_t features, uint64_t seed)
{
    bs_shape s = g->tensors[x].shape;
    int w = gb_random(g, GB_SHAPE(s.dim[s.rank - 1], features), seed);
    s.dim[s.rank - 1] = features;
    int y = gb_node(g, BS_OP_MATMUL, s, (bs_attr){0}, 2, (int[]){x, w});
    return tg_binary(g, BS_OP_ADD, y, gb_random(g, GB_SHAPE(features), seed + 1));
}

/* Elements from .. to - 1 along an axis. */
static inline int tg_slice(bs_graph *g, int x, int axis, int64_t from, int64_t to)
{
    bs_shape s = g->tensors[x].shape;
    bs_attr a = {0};
    for (int k = 0; k < s.rank; k++)
        a.step[k] = 1;
    a.begin[axis] = from;
    s.dim[axis] = to - from;
    return gb_node(g, BS_OP_SLICE, s, a, 1, &x);
}

static inline int tg_concat(bs_graph *g, int axis, int n, const int *in)
{
    bs_shape s = g->tensors[in[0]].shape;
    for (int k = 1; k < n; k++)
        s.dim[axis] += g->tensors[in[k]].shape.dim[axis];
    return gb_node(g, BS_OP_CONCAT, s, (bs_attr){.axis = axis}, n, in);
}

/* One element along an axis, which goes. */
static inline int tg_pick(bs_graph *g, int x, int axis, int index)
{
    bs_shape s = g->tensors[x].shape;
    for (int k = axis; k + 1 < s.rank; k++)
        s.dim[k] = s.dim[k + 1];
    s.rank--;
    int y = gb_node(g, BS_OP_GATHER, s, (bs_attr){.axis = axis}, 1, &x);
    bs_node *n = &g->nodes[g->tensors[y].producer];
    n->n_index = 1;
    n->index = gb_grow(NULL, 1, sizeof *n->index);
    n->index[0] = index;
    return y;
}

/* --- Blocks --- */

/* Of tokens (T, F), or of (windows, T, F) in each window; masked: by a sum that differs from one window to
 * the next. */
static inline int tg_attention(bs_graph *g, int x, bool biased, bool masked)
{
    bs_shape s = g->tensors[x].shape;
    bool windows = s.rank == 3;
    int64_t n = windows ? s.dim[0] : 1, t = s.dim[s.rank - 2];
    int qkv = tg_linear(g, x, 3 * FEATURES, 41), part[3], rank = windows ? 4 : 3;
    qkv = tg_reshape(g, qkv, windows ? GB_SHAPE(n, t, 3, HEADS, DEPTH) : GB_SHAPE(t, 3, HEADS, DEPTH));
    qkv = tg_transpose(g, qkv, windows ? (const int[]){2, 0, 3, 1, 4} : (const int[]){1, 2, 0, 3});
    for (int k = 0; k < 3; k++)
        part[k] = tg_pick(g, qkv, 0, k);
    part[0] = tg_binary(g, BS_OP_MUL, part[0], gb_constant(g, GB_SHAPE(1), (const float[]){0.6f}));
    part[1] = tg_transpose(g, part[1], windows ? (const int[]){0, 1, 3, 2} : (const int[]){0, 2, 1});
    bs_shape square = windows ? GB_SHAPE(n, HEADS, t, t) : GB_SHAPE(HEADS, t, t);
    int scores = gb_node(g, BS_OP_MATMUL, square, (bs_attr){0}, 2, (int[]){part[0], part[1]});
    if (biased)
        scores = tg_binary(g, BS_OP_ADD, scores, gb_random(g, GB_SHAPE(HEADS, t, t), 43));
    if (masked)
        scores = tg_binary(g, BS_OP_ADD, scores, gb_random(g, GB_SHAPE(n, 1, t, t), 44));
    int share = gb_node(g, BS_OP_SOFTMAX, square, (bs_attr){.axis = rank - 1}, 1, &scores);
    int mix = gb_node(g, BS_OP_MATMUL, g->tensors[part[2]].shape, (bs_attr){0}, 2, (int[]){share, part[2]});
    mix = tg_transpose(g, mix, windows ? (const int[]){0, 2, 1, 3} : (const int[]){1, 0, 2});
    return tg_linear(g, tg_reshape(g, mix, s), FEATURES, 45);
}

static inline int tg_perceptron(bs_graph *g, int x)
{
    int h = tg_linear(g, tg_norm(g, x), 2 * FEATURES, 51);
    int e = tg_binary(g, BS_OP_DIV, h, gb_constant(g, GB_SHAPE(1), (const float[]){1.41421356f}));
    e = gb_node(g, BS_OP_ERF, g->tensors[h].shape, (bs_attr){0}, 1, &e);
    e = tg_binary(g, BS_OP_ADD, e, gb_constant(g, GB_SHAPE(1), (const float[]){1.0f}));
    e = tg_binary(g, BS_OP_MUL, h, e);
    e = tg_binary(g, BS_OP_MUL, e, gb_constant(g, GB_SHAPE(1), (const float[]){0.5f}));
    return tg_binary(g, BS_OP_ADD, x, tg_linear(g, e, FEATURES, 53));
}

/* Turns (H, W, F) by `by` rows and columns. */
static inline int tg_shift(bs_graph *g, int x, int64_t by)
{
    for (int axis = 0; axis < 2 && by != 0; axis++) {
        int64_t n = g->tensors[x].shape.dim[axis], from = by > 0 ? by : n + by;
        x = tg_concat(g, axis, 2, (int[]){tg_slice(g, x, axis, from, n), tg_slice(g, x, axis, 0, from)});
    }
    return x;
}

/* Attention in windows of side k of a plane (H, W, F). */
static inline int tg_windows(bs_graph *g, int x, int64_t k, int64_t shift, bool biased)
{
    int64_t h = g->tensors[x].shape.dim[0], w = g->tensors[x].shape.dim[1], f = FEATURES;
    static const int swap[] = {0, 2, 1, 3, 4};
    int y = tg_shift(g, tg_norm(g, x), shift);
    y = tg_transpose(g, tg_reshape(g, y, GB_SHAPE(h / k, k, w / k, k, f)), swap);
    y = tg_attention(g, tg_reshape(g, y, GB_SHAPE(h / k * (w / k), k * k, f)), biased, shift != 0);
    y = tg_transpose(g, tg_reshape(g, y, GB_SHAPE(h / k, w / k, k, k, f)), swap);
    y = tg_shift(g, tg_reshape(g, y, GB_SHAPE(h, w, f)), -shift);
    return tg_perceptron(g, tg_binary(g, BS_OP_ADD, x, y));
}

/* --- Networks --- */

/* Of tokens in a row, perhaps with class tokens. Returns a list of features. */
static inline int tg_in_a_row(bs_graph *g, dice *d, int x)
{
    int64_t n = g->tensors[x].shape.dim[1] * g->tensors[x].shape.dim[2];
    int kind = roll(d, 4), blocks = 1 + roll(d, 2), both = roll(d, 2);
    x = tg_transpose(g, tg_reshape(g, x, GB_SHAPE(FEATURES, n)), (const int[]){1, 0});
    if (kind != 3) {
        bool before = both || kind != 2;
        int in[3] = {before ? gb_random(g, GB_SHAPE(1, FEATURES), 61) : x, x, x}, last = 1 + both;
        if (!before || both)
            in[last] = gb_random(g, GB_SHAPE(1, FEATURES), 63);
        x = tg_concat(g, 0, 1 + last, in);
        n += last;
    }
    x = tg_binary(g, BS_OP_ADD, x, gb_random(g, GB_SHAPE(n, FEATURES), 62));
    for (int k = 0; k < blocks; k++)
        x = tg_perceptron(g, tg_binary(g, BS_OP_ADD, x, tg_attention(g, tg_norm(g, x), roll(d, 2), false)));
    x = tg_norm(g, x);
    if (kind == 0)
        return tg_pick(g, x, 0, 0);
    if (kind < 3)
        return tg_reshape(g, tg_slice(g, x, 0, kind == 2 ? n - 1 : 0, kind == 2 ? n : 1), GB_SHAPE(FEATURES));
    return gb_node(g, BS_OP_REDUCE_MEAN, GB_SHAPE(FEATURES), (bs_attr){.reduce = {true}}, 1, &x);
}

/* Of a plane of tokens, of side 4 or 6, with windows. */
static inline int tg_plane(bs_graph *g, dice *d, int x)
{
    int64_t side = g->tensors[x].shape.dim[1], k = side % 3 ? 2 : 3;
    x = tg_norm(g, tg_transpose(g, x, (const int[]){1, 2, 0}));
    int places = roll(d, 3); /* the position embedding: none, one for each row, or for each token */
    if (places > 0)
        x = tg_binary(g, BS_OP_ADD, x, gb_random(g, GB_SHAPE(side, places == 1 ? 1 : side, FEATURES), 62));
    x = tg_windows(g, x, k, 0, roll(d, 2));
    if (roll(d, 2))
        x = tg_windows(g, x, k, 1, roll(d, 2));
    if (side % 2 == 0 && roll(d, 2)) { /* joins the tokens of squares, as Swin does between its stages */
        side /= 2;
        x = tg_transpose(g, tg_reshape(g, x, GB_SHAPE(side, 2, side, 2, FEATURES)),
                         (const int[]){0, 2, 3, 1, 4});
        x = tg_linear(g, tg_norm(g, tg_reshape(g, x, GB_SHAPE(side, side, 4 * FEATURES))), FEATURES, 71);
        if (side % 2 == 0)
            x = tg_windows(g, x, 2, 0, roll(d, 2));
    }
    x = tg_norm(g, x);
    return gb_node(g, BS_OP_REDUCE_MEAN, GB_SHAPE(FEATURES), (bs_attr){.reduce = {true, true}}, 1, &x);
}

static inline bs_graph *token_graph(int number)
{
    bs_graph *g = gb_create();
    dice d = {9000 + (uint64_t)number, 0};
    int64_t side = number % 2 ? 8 + 4 * roll(&d, 2) : 6 + 2 * roll(&d, 2);
    g->input = gb_activation(g, GB_SHAPE(2, side, side));
    int x = gb_conv(g, g->input, FEATURES, 2, 2, 0, 1, true);
    int last = number % 2 ? tg_plane(g, &d, x) : tg_in_a_row(g, &d, x);
    add_scores(g, 1, &last, FEATURES);
    return g;
}

#endif
