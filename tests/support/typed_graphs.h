/* Gives the tensors of a graph of floats types of fewer bits. */
#ifndef BS_TESTS_TYPED_GRAPHS_H
#define BS_TESTS_TYPED_GRAPHS_H

#include "backend/rounding.h"
#include "support/receptive_field_check.h"

/* Scales for n channels of `run` elements each, so that values to about 4 are in reach. */
static inline void typed_scale(bs_tensor *t, dice *d, int64_t n, int64_t run)
{
    float limit = bs_dtype_word_of(t->type).limit, *scale;
    if (!(limit > 0))
        return;
    scale = gb_grow(NULL, (int)n, sizeof *scale);
    for (int64_t k = 0; k < n; k++)
        scale[k] = (2.0f + (float)roll(d, 64) / 16) / limit;
    t->scales = (bs_scales){scale, (uint32_t)run, (uint32_t)n};
}

/* A parameter: of one scale, or of one for each place along its first axis. */
static inline void typed_parameter(bs_tensor *t, dice *d)
{
    bool channels = t->shape.rank > 0 && t->shape.dim[0] > 0 && roll(d, 2);
    int64_t n = channels ? t->shape.dim[0] : 1;
    typed_scale(t, d, n, t->elements / n);
    for (int64_t e = 0; e < t->elements; e++)
        t->data[e] = bs_format_round(bs_tensor_format(t, (uint32_t)e), t->data[e]);
}

/* An activation: what is only moved may be stored as before, which needs no rounding. */
static inline void typed_activation(bs_graph *g, int tensor, dice *d)
{
    bs_tensor *t = &g->tensors[tensor];
    const bs_node *n = t->producer < 0 ? NULL : &g->nodes[t->producer];
    const bs_tensor *in = n ? &g->tensors[n->in[n->n_in - 1]] : NULL;
    if (n && roll(d, 4) && (n->op == BS_OP_RELU || bs_op_describe(n->op)->type == BS_TYPE_RULE_SAME)) {
        t->type = in->type;
        if (in->scales.n == 1) {
            float *scale = gb_grow(NULL, 1, sizeof *scale);
            *scale = in->scales.scale[0];
            t->scales = (bs_scales){scale, 1, 1};
        }
        return;
    }
    typed_scale(t, d, 1, 1);
}

/* Stores all tensors in `type`, or if `mixed` a few of them in others. Truth values stay as they are. */
static inline void typed_graph(bs_graph *g, bs_dtype type, bool mixed, dice *d)
{
    for (int k = 0; k < g->n_tensors; k++) {
        bs_tensor *t = &g->tensors[k];
        t->type = mixed && roll(d, 4) == 0 ? (bs_dtype)roll(d, BS_DTYPE_COUNT) : type;
        if (t->producer >= 0 && bs_op_describe(g->nodes[t->producer].op)->type == BS_TYPE_RULE_BOOL)
            t->type = BS_DTYPE_FP32;
        else if (t->constant)
            typed_parameter(t, d);
        else
            typed_activation(g, k, d);
    }
}

/* Stores all tensors of a network without truth values in a type that has no scales. */
static inline void typed_everywhere(bs_graph *g, bs_dtype type)
{
    for (int k = 0; k < g->n_tensors; k++) {
        bs_tensor *t = &g->tensors[k];
        t->type = type;
        for (int64_t e = 0; e < t->elements && t->constant; e++)
            t->data[e] = bs_format_round(bs_tensor_format(t, (uint32_t)e), t->data[e]);
    }
}

#endif
