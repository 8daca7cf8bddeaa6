/* How each operator is rewritten so that its input may have one more leading axis. What the rewritten node
 * must compute is still what the test's files say, so a wrong rule shows as a failed test. */
#include "proto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEVER = 1000 }; /* of operator sets */

typedef struct lifting {
    Onnx__ModelProto *m;
    Onnx__NodeProto *node;
    int64_t opset;
    int rank;     /* of the image's input; raised where it is broadcast */
    int out_rank; /* of the expected output */
    int input;    /* input of the node that is the image */
} lifting;

/* Where the integers of an operator are: an input since operator set `since`, an attribute before. */
typedef struct place {
    const char *name;
    size_t input;
    int since;
} place;

static Onnx__TensorProto *stored(const lifting *l, const place *p)
{
    bool given = l->opset >= p->since && p->input < l->node->n_input && *l->node->input[p->input];
    return given ? ct_find_initializer(l->m, l->node->input[p->input]) : NULL;
}

static bool get(const lifting *l, const place *p, ct_ints *out)
{
    const Onnx__TensorProto *t = stored(l, p);
    const Onnx__AttributeProto *a = l->opset < p->since ? ct_find_attribute(l->node, p->name) : NULL;
    out->n = 0;
    if (t)
        return ct_get_ints(t, out);
    if (!a || a->n_ints > sizeof out->v / sizeof *out->v)
        return false;
    out->n = a->n_ints;
    if (a->n_ints)
        memcpy(out->v, a->ints, a->n_ints * sizeof *out->v);
    return true;
}

static void put(lifting *l, const place *p, const ct_ints *ints)
{
    if (l->opset >= p->since) {
        Onnx__TensorProto *t = stored(l, p);
        if (!t) {
            t = ct_new_tensor();
            while (l->node->n_input <= p->input)
                ct_append(&l->node->input, &l->node->n_input, ct_strdup(""));
            ct_rename(&l->node->input[p->input], "lifted");
            ct_add_initializer(l->m, "lifted", t);
        }
        ct_set_ints(t, ints);
        return;
    }
    Onnx__AttributeProto *a =
        ct_need_attribute(l->node, p->name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    free(a->ints);
    a->ints = ct_xalloc(ints->n, sizeof *a->ints);
    memcpy(a->ints, ints->v, ints->n * sizeof *a->ints);
    a->n_ints = ints->n;
}

static void insert(ct_ints *ints, size_t at, int64_t value)
{
    memmove(ints->v + at + 1, ints->v + at, (ints->n - at) * sizeof *ints->v);
    ints->v[at] = value;
    ints->n++;
}

static void shift_axes(ct_ints *axes)
{
    for (size_t k = 0; k < axes->n; k++)
        axes->v[k] += axes->v[k] >= 0;
}

static void all_axes(ct_ints *axes, int n)
{
    for (axes->n = 0; axes->n < (size_t)n; axes->n++)
        axes->v[axes->n] = (int64_t)axes->n + 1;
}

/* Element by element, or with broadcasting: the image gets the rank of the result. */
static bool lift_broadcast(lifting *l)
{
    if (l->out_rank > l->rank)
        l->rank = l->out_rank;
    return true;
}

static bool lift_matmul(lifting *l)
{
    return l->rank >= 2;
}

static bool lift_axis_from(lifting *l, int64_t absent)
{
    const Onnx__AttributeProto *found = ct_find_attribute(l->node, "axis");
    int64_t axis = found ? found->i : absent;
    Onnx__AttributeProto *a = ct_need_attribute(l->node, "axis", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    a->has_i = true;
    a->i = axis + (axis >= 0);
    return l->input == 0;
}

static bool lift_softmax(lifting *l)
{
    return lift_axis_from(l, l->opset >= 13 ? -1 : 1);
}

static bool lift_axis(lifting *l)
{
    return lift_axis_from(l, 0);
}

static bool lift_layer_norm(lifting *l)
{
    return lift_axis_from(l, -1);
}

/* Its constants are joined to the image, so they get the axis, too. */
static bool lift_concat(lifting *l)
{
    for (size_t k = 0; k < l->node->n_input; k++) {
        Onnx__TensorProto *t = ct_find_initializer(l->m, l->node->input[k]);
        if (!t)
            continue;
        int64_t *dims = ct_xalloc(t->n_dims + 1, sizeof *dims);
        dims[0] = 1;
        memcpy(dims + 1, t->dims, t->n_dims * sizeof *dims);
        free(t->dims);
        t->dims = dims;
        t->n_dims++;
    }
    lift_axis_from(l, 0);
    return true;
}

static bool lift_reduce_since(lifting *l, int since)
{
    const place axes = {"axes", 1, since};
    const Onnx__AttributeProto *nothing = ct_find_attribute(l->node, "noop_with_empty_axes");
    ct_ints v;
    if (get(l, &axes, &v) && v.n > 0)
        shift_axes(&v);
    else if (nothing && nothing->i)
        return true;
    else
        all_axes(&v, l->rank);
    put(l, &axes, &v);
    return l->input == 0;
}

static bool lift_reduce(lifting *l)
{
    return lift_reduce_since(l, 18);
}

static bool lift_reduce_sum(lifting *l)
{
    return lift_reduce_since(l, 13);
}

/* Without axes, Squeeze would take the new axis, too. */
static bool lift_squeeze(lifting *l)
{
    const place axes = {"axes", 1, 13};
    ct_ints v;
    if (!get(l, &axes, &v))
        return false;
    shift_axes(&v);
    put(l, &axes, &v);
    return l->input == 0;
}

static bool lift_slice(lifting *l)
{
    const place starts = {"starts", 1, 10}, axes = {"axes", 3, 10};
    ct_ints v, first;
    if (!get(l, &starts, &first))
        return false;
    if (get(l, &axes, &v))
        shift_axes(&v);
    else
        all_axes(&v, (int)first.n);
    put(l, &axes, &v);
    return l->input == 0;
}

static bool lift_pad(lifting *l)
{
    const place pads = {"pads", 1, 11};
    ct_ints v;
    if (!get(l, &pads, &v))
        return false;
    insert(&v, v.n / 2, 0);
    insert(&v, 0, 0);
    put(l, &pads, &v);
    return l->input == 0;
}

static bool lift_transpose(lifting *l)
{
    const place perm = {"perm", 0, NEVER};
    ct_ints v;
    if (get(l, &perm, &v)) {
        shift_axes(&v);
    } else {
        v.n = (size_t)l->rank;
        for (int k = 0; k < l->rank; k++)
            v.v[k] = l->rank - k;
    }
    insert(&v, 0, 0);
    put(l, &perm, &v);
    return true;
}

/* Reshape, Expand, Tile: one number for each axis, 1 for the new one. */
static bool lift_sizes(lifting *l)
{
    const place sizes = {"shape", 1, 5};
    ct_ints v;
    if (!get(l, &sizes, &v))
        return false;
    insert(&v, 0, 1);
    put(l, &sizes, &v);
    return l->input == 0;
}

static bool lift_expand(lifting *l)
{
    const place shape = {"shape", 1, 5};
    ct_ints v;
    if (!get(l, &shape, &v))
        return false;
    while (v.n <= (size_t)l->out_rank)
        insert(&v, 0, 1);
    put(l, &shape, &v);
    return lift_broadcast(l) && l->input == 0;
}

/* X(operator, function) */
#define LIFTS(X)                                                                                             \
    X(Relu, lift_broadcast)                                                                                  \
    X(Clip, lift_broadcast)                                                                                  \
    X(PRelu, lift_broadcast)                                                                                 \
    X(LeakyRelu, lift_broadcast)                                                                             \
    X(Elu, lift_broadcast)                                                                                   \
    X(Selu, lift_broadcast)                                                                                  \
    X(Sigmoid, lift_broadcast)                                                                               \
    X(HardSigmoid, lift_broadcast)                                                                           \
    X(HardSwish, lift_broadcast)                                                                             \
    X(Tanh, lift_broadcast)                                                                                  \
    X(Erf, lift_broadcast)                                                                                   \
    X(Gelu, lift_broadcast)                                                                                  \
    X(Softplus, lift_broadcast)                                                                              \
    X(Mish, lift_broadcast)                                                                                  \
    X(Exp, lift_broadcast)                                                                                   \
    X(Sqrt, lift_broadcast)                                                                                  \
    X(Pow, lift_broadcast)                                                                                   \
    X(Reciprocal, lift_broadcast)                                                                            \
    X(Neg, lift_broadcast)                                                                                   \
    X(Abs, lift_broadcast)                                                                                   \
    X(Min, lift_broadcast)                                                                                   \
    X(Max, lift_broadcast)                                                                                   \
    X(Add, lift_broadcast)                                                                                   \
    X(Sub, lift_broadcast)                                                                                   \
    X(Mul, lift_broadcast)                                                                                   \
    X(Div, lift_broadcast)                                                                                   \
    X(Sum, lift_broadcast)                                                                                   \
    X(Where, lift_broadcast)                                                                                 \
    X(Equal, lift_broadcast)                                                                                 \
    X(Dropout, lift_broadcast)                                                                               \
    X(Identity, lift_broadcast)                                                                              \
    X(Cast, lift_broadcast)                                                                                  \
    X(Celu, lift_broadcast)                                                                                  \
    X(Softsign, lift_broadcast)                                                                              \
    X(Log, lift_broadcast)                                                                                   \
    X(Floor, lift_broadcast)                                                                                 \
    X(Ceil, lift_broadcast)                                                                                  \
    X(Greater, lift_broadcast)                                                                               \
    X(Less, lift_broadcast)                                                                                  \
    X(GreaterOrEqual, lift_broadcast)                                                                        \
    X(LessOrEqual, lift_broadcast)                                                                           \
    X(And, lift_broadcast)                                                                                   \
    X(Or, lift_broadcast)                                                                                    \
    X(Xor, lift_broadcast)                                                                                   \
    X(Not, lift_broadcast)                                                                                   \
    X(Sign, lift_broadcast)                                                                                  \
    X(Round, lift_broadcast)                                                                                 \
    X(IsNaN, lift_broadcast)                                                                                 \
    X(IsInf, lift_broadcast)                                                                                 \
    X(Mod, lift_broadcast)                                                                                   \
    X(Tan, lift_broadcast)                                                                                   \
    X(Asin, lift_broadcast)                                                                                  \
    X(Acos, lift_broadcast)                                                                                  \
    X(Atan, lift_broadcast)                                                                                  \
    X(Sinh, lift_broadcast)                                                                                  \
    X(Cosh, lift_broadcast)                                                                                  \
    X(Asinh, lift_broadcast)                                                                                 \
    X(Acosh, lift_broadcast)                                                                                 \
    X(Atanh, lift_broadcast)                                                                                 \
    X(Swish, lift_broadcast)                                                                                 \
    X(ThresholdedRelu, lift_broadcast)                                                                       \
    X(Shrink, lift_broadcast)                                                                                \
    X(ReduceProd, lift_reduce)                                                                               \
    X(ReduceMin, lift_reduce)                                                                                \
    X(ReduceL1, lift_reduce)                                                                                 \
    X(ReduceSumSquare, lift_reduce)                                                                          \
    X(MatMul, lift_matmul)                                                                                   \
    X(Softmax, lift_softmax)                                                                                 \
    X(LogSoftmax, lift_softmax)                                                                              \
    X(LayerNormalization, lift_layer_norm)                                                                   \
    X(Split, lift_axis)                                                                                      \
    X(Gather, lift_axis)                                                                                     \
    X(Concat, lift_concat)                                                                                   \
    X(ReduceMean, lift_reduce)                                                                               \
    X(ReduceMax, lift_reduce)                                                                                \
    X(ReduceL2, lift_reduce)                                                                                 \
    X(ReduceSum, lift_reduce_sum)                                                                            \
    X(Squeeze, lift_squeeze)                                                                                 \
    X(Unsqueeze, lift_squeeze)                                                                               \
    X(Slice, lift_slice)                                                                                     \
    X(Pad, lift_pad)                                                                                         \
    X(Transpose, lift_transpose)                                                                             \
    X(Reshape, lift_sizes)                                                                                   \
    X(Tile, lift_sizes)                                                                                      \
    X(Expand, lift_expand)

static const struct {
    const char *op;
    bool (*lift)(lifting *l);
} lifts[] = {
#define X(op, fn) {#op, fn},
    LIFTS(X)
#undef X
};

bool ct_lift(Onnx__ModelProto *m, const ct_case *c, const ct_try *t, int *image_rank, char why[CT_REASON])
{
    lifting l = {.m = m, .node = m->graph->node[0], .opset = ct_opset(m), .rank = *image_rank, .input = -1};
    snprintf(why, CT_REASON, "no rule to give it one more axis");
    if (m->graph->n_node != 1)
        return false;
    l.out_rank = c->output[t->output].rank;
    for (int k = (int)l.node->n_input - 1; k >= 0; k--)
        if (strcmp(l.node->input[k], ct_input(m, 0)->name) == 0)
            l.input = k;
    for (size_t k = 0; k < sizeof lifts / sizeof *lifts; k++)
        if (strcmp(lifts[k].op, l.node->op_type) == 0 && l.input >= 0 && lifts[k].lift(&l)) {
            *image_rank = l.rank;
            return true;
        }
    return false;
}
