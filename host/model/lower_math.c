#include "model/import.h"

#include <math.h>
#include <string.h>

bs_status bs_lower_gemm(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x, *w, *c = bs_raw_input(r, 2);
    int64_t trans_a, trans_b;
    BS_TRY(bs_raw_activation(r, 0, &x));
    BS_TRY(bs_raw_constant(r, 1, "weight", &w));
    BS_TRY(bs_attr_int(r, "transA", 0, &trans_a));
    BS_TRY(bs_attr_int(r, "transB", 0, &trans_b));
    BS_TRY(bs_attr_float(r, "alpha", 1, &n->attr.alpha));
    BS_TRY(bs_attr_float(r, "beta", 1, &n->attr.beta));
    if (trans_a)
        return bs_raw_mixes(r, "it transposes its first operand (transA)");
    if (x->shape.rank != 2 || w->shape.rank != 2)
        return bs_raw_fail(r, "its operands must have 2 dimensions");
    int64_t k = w->shape.dim[trans_b ? 1 : 0], columns = w->shape.dim[trans_b ? 0 : 1];
    if (k != x->shape.dim[1])
        return bs_raw_fail(r, "the weight expects %lld inputs, there are %lld", (long long)k,
                           (long long)x->shape.dim[1]);
    BS_TRY(bs_lower_whole(r, w));
    BS_TRY(bs_lower_inputs(n, 3));
    n->in[0] = bs_value_index(r, x);
    n->in[1] = bs_value_index(r, w);
    if (c) {
        BS_TRY(bs_raw_constant(r, 2, "bias", &c));
        BS_TRY(bs_lower_drop_batch(r, c, 2));
        if (c->elements != 1 && c->elements != columns)
            return bs_raw_fail(r, "a bias of %lld elements for %lld outputs", (long long)c->elements,
                               (long long)columns);
        n->in[2] = bs_value_index(r, c);
    }
    n->attr.trans_b = trans_b != 0;
    n->macs = k * columns;
    *out = (bs_shape){2, {x->shape.dim[0], columns}};
    return BS_OK;
}

bs_status bs_lower_matmul(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x, *w;
    BS_TRY(bs_raw_activation(r, 0, &x));
    BS_TRY(bs_raw_constant(r, 1, "right operand", &w));
    if (x->shape.rank < 2 || w->shape.rank != 2)
        return bs_raw_fail(r, "a right operand of %d dimensions, only 2 are supported", w->shape.rank);
    int last = x->shape.rank - 1;
    if (w->shape.dim[0] != x->shape.dim[last])
        return bs_raw_fail(r, "the weight expects %lld inputs, there are %lld", (long long)w->shape.dim[0],
                           (long long)x->shape.dim[last]);
    BS_TRY(bs_lower_whole(r, w));
    BS_TRY(bs_lower_inputs(n, 2));
    n->in[0] = bs_value_index(r, x);
    n->in[1] = bs_value_index(r, w);
    *out = x->shape;
    out->dim[last] = w->shape.dim[1];
    n->macs = x->elements / x->shape.dim[0] * w->shape.dim[1]; /* rows * K * N */
    return BS_OK;
}

bs_status bs_lower_batch_norm(bs_raw *r, bs_node *n, bs_shape *out)
{
    static const char *const what[] = {"", "scale", "bias", "mean", "variance"};
    bs_value *x, *p;
    int64_t training, spatial;
    BS_TRY(bs_raw_activation(r, 0, &x));
    BS_TRY(bs_attr_int(r, "training_mode", 0, &training));
    BS_TRY(bs_attr_int(r, "spatial", 1, &spatial));
    BS_TRY(bs_attr_float(r, "epsilon", 1e-5f, &n->attr.epsilon));
    if (training) {
        bs_raw_fail(r, "it is in training mode");
        return bs_hint("export the model for inference: model.eval() before torch.onnx.export()");
    }
    if (spatial != 1 || x->shape.rank < 2)
        return bs_raw_fail(r, "only normalisation by channel is supported");
    BS_TRY(bs_lower_inputs(n, 5));
    n->in[0] = bs_value_index(r, x);
    for (int k = 1; k < 5; k++) {
        BS_TRY(bs_raw_constant(r, k, what[k], &p));
        if (p->shape.rank != 1 || p->elements != x->shape.dim[1])
            return bs_raw_fail(r, "its %s has %lld elements for %lld channels", what[k],
                               (long long)p->elements, (long long)x->shape.dim[1]);
        BS_TRY(bs_lower_whole(r, p));
        n->in[k] = bs_value_index(r, p);
    }
    *out = x->shape;
    return BS_OK;
}

bs_status bs_lower_clip(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x, *bound;
    BS_TRY(bs_raw_activation(r, 0, &x));
    BS_TRY(bs_attr_float(r, "min", -INFINITY, &n->attr.low));
    BS_TRY(bs_attr_float(r, "max", INFINITY, &n->attr.high));
    BS_TRY(bs_lower_inputs(n, 3));
    n->in[0] = bs_value_index(r, x);
    for (int k = 1; k < 3; k++) {
        if (!bs_raw_input(r, k))
            continue;
        BS_TRY(bs_raw_constant(r, k, k == 1 ? "lower bound" : "upper bound", &bound));
        if (bound->elements != 1)
            return bs_raw_fail(r, "a bound of %lld elements, only scalars are supported",
                               (long long)bound->elements);
        n->in[k] = bs_value_index(r, bound);
    }
    *out = x->shape;
    return BS_OK;
}

/* Add, Sub, Mul, Div, Sum. Activations must have equal rank, so that their batch axes meet. */
bs_status bs_lower_variadic(bs_raw *r, bs_node *n, bs_shape *out)
{
    int rank = 0;
    for (int k = 0; k < r->n_in; k++) {
        bs_value *v = bs_raw_input(r, k);
        if (!v)
            return bs_raw_fail(r, "input %d is missing", k);
        if (v->kind != BS_VALUE_ACTIVATION)
            continue;
        if (rank && v->shape.rank != rank)
            return bs_raw_mixes(r, "its operands have different numbers of dimensions");
        *out = v->shape;
        rank = v->shape.rank;
    }
    if (!rank)
        return bs_raw_fail(r, "all its inputs are constant, and it cannot be folded");
    BS_TRY(bs_lower_inputs(n, r->n_in));
    for (int k = 0; k < r->n_in; k++) {
        bs_value *v = r->in[k];
        if (v->kind != BS_VALUE_ACTIVATION) {
            BS_TRY(bs_raw_constant(r, k, "operand", &v));
            BS_TRY(bs_lower_drop_batch(r, v, rank));
        }
        BS_TRY(bs_broadcast(r, out, &v->shape));
        n->in[k] = bs_value_index(r, v);
    }
    return BS_OK;
}

bs_status bs_lower_reduce_mean(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    bool mask[BS_MAX_RANK], present;
    int64_t keep, noop;
    BS_TRY(bs_raw_activation(r, 0, &x));
    BS_TRY(bs_read_axes(r, 1, x->shape.rank, mask, &present));
    BS_TRY(bs_attr_int(r, "keepdims", 1, &keep));
    BS_TRY(bs_attr_int(r, "noop_with_empty_axes", 0, &noop));
    bool any = false;
    for (int k = 0; k < x->shape.rank; k++)
        any |= mask[k];
    if (!any && noop)
        n->op = BS_OP_IDENTITY;
    if (mask[0] || (!any && !noop))
        return bs_raw_mixes(r, "it averages over axis 0");
    BS_TRY(bs_lower_inputs(n, 1));
    n->in[0] = bs_value_index(r, x);
    for (int k = 0; k < x->shape.rank; k++) {
        if (mask[k])
            n->attr.reduce[k - 1] = true;
        if (!mask[k] || keep)
            out->dim[out->rank++] = mask[k] ? 1 : x->shape.dim[k];
    }
    return BS_OK;
}

bs_status bs_lower_softmax(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    int64_t given;
    int axis;
    BS_TRY(bs_raw_activation(r, 0, &x));
    BS_TRY(bs_attr_int(r, "axis", r->im->opset < 13 ? 1 : -1, &given));
    BS_TRY(bs_normal_axis(r, given, x->shape.rank, &axis));
    if (axis == 0)
        return bs_raw_mixes(r, "it normalises along axis 0");
    if (r->im->opset < 13) {
        /* It spans all axes from `axis` on; that is one axis where only one of them has a length. */
        int long_axis = axis, n_long = 0;
        for (int k = axis; k < x->shape.rank; k++)
            if (x->shape.dim[k] > 1) {
                long_axis = k;
                n_long++;
            }
        if (n_long > 1) {
            bs_raw_fail(r, "a Softmax over several axes at once is not supported");
            return bs_hint("flatten its input to (N, classes), or export with opset 13");
        }
        axis = long_axis;
    }
    BS_TRY(bs_lower_inputs(n, 1));
    n->in[0] = bs_value_index(r, x);
    n->attr.axis = axis - 1;
    *out = x->shape;
    return BS_OK;
}

bs_status bs_lower_lrn(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    int64_t size;
    BS_TRY(bs_raw_activation(r, 0, &x));
    BS_TRY(bs_attr_float(r, "alpha", 1e-4f, &n->attr.alpha));
    BS_TRY(bs_attr_float(r, "beta", 0.75f, &n->attr.beta));
    BS_TRY(bs_attr_float(r, "bias", 1, &n->attr.epsilon));
    BS_TRY(bs_attr_int(r, "size", 0, &size));
    if (size < 1 || size > BS_MAX_GEOMETRY || x->shape.rank != 4)
        return bs_raw_fail(r, "only (N, C, H, W) data and a positive size are supported");
    BS_TRY(bs_lower_inputs(n, 1));
    n->in[0] = bs_value_index(r, x);
    n->attr.size = (int)size;
    *out = x->shape;
    return BS_OK;
}
