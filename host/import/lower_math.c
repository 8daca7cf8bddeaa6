#include "import/import.h"

#include <math.h>
#include <string.h>

/* One value for each column, or one for all; a column, with a value for each row, would be as long if the
 * output is a square. */
static bs_status check_bias(const bs_raw *r, const bs_value *c, int64_t columns)
{
    bs_shape s;
    char text[96];
    bs_place_whole(c, &s);
    int64_t last = s.rank ? s.dim[s.rank - 1] : 1;
    bool fits = last == 1 || last == columns;
    for (int k = 0; k < s.rank - 1; k++)
        fits &= s.dim[k] == 1;
    return fits ? BS_OK
                : bs_raw_fail(r, "a bias of shape %s for %lld outputs", bs_shape_text(&s, text, sizeof text),
                              (long long)columns);
}

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
    if (x->place.axis == 1)
        return bs_raw_mixes(r, "it sums along axis 1");
    int64_t k = w->shape.dim[trans_b ? 1 : 0], columns = w->shape.dim[trans_b ? 0 : 1];
    if (k != x->shape.dim[1])
        return bs_raw_fail(r, "the weight expects %lld inputs, there are %lld", (long long)k,
                           (long long)x->shape.dim[1]);
    BS_TRY(bs_lower_whole(r, w));
    BS_TRY(bs_lower_inputs(n, 3));
    n->in[0] = bs_value_index(x);
    n->in[1] = bs_value_index(w);
    if (c) {
        BS_TRY(bs_raw_constant(r, 2, "bias", &c));
        BS_TRY(check_bias(r, c, columns));
        if (c->elements == columns && c->shape.rank == 2 && r->from_last)
            BS_TRY(bs_place_align(r, 2, &c));
        else
            BS_TRY(bs_lower_whole(r, c));
        n->in[2] = bs_value_index(c);
    }
    n->attr.trans_b = trans_b != 0;
    n->macs = x->shape.dim[0] / r->im->batch * k * columns;
    *out = (bs_shape){2, {x->shape.dim[0], columns}};
    return BS_OK;
}

/* Images may lie along the rows of x, never along the axis that is summed; leading axes broadcast. */
static bs_status check_matmul(bs_raw *r, const bs_value *x, const bs_shape *a, const bs_value *w,
                              const bs_shape *b)
{
    if (a->rank < 2 || b->rank < 2)
        return bs_raw_fail(r, "operands of %d and %d dimensions, at least 2 are supported", a->rank, b->rank);
    if (a->dim[a->rank - 1] != b->dim[b->rank - 2])
        return bs_raw_fail(r, "the right operand expects %lld inputs, there are %lld",
                           (long long)b->dim[b->rank - 2], (long long)a->dim[a->rank - 1]);
    if (x->kind == BS_VALUE_ACTIVATION && x->place.axis == a->rank - 1)
        return bs_raw_mixes(r, "it sums along the axis of the images");
    bool rows = x->kind == BS_VALUE_ACTIVATION && x->place.axis == a->rank - 2;
    bool plain = w->kind == BS_VALUE_FLOATS && b->rank == 2;
    if (rows && !plain)
        return bs_raw_mixes(r, "the images lie along the rows of its left operand");
    if (w->kind == BS_VALUE_ACTIVATION && w->place.axis >= b->rank - 2)
        return bs_raw_mixes(r, "the images lie along rows or columns of its right operand");
    return BS_OK;
}

bs_status bs_lower_matmul(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x = bs_raw_input(r, 0), *w = bs_raw_input(r, 1);
    if (!x || !w || x->kind == BS_VALUE_INTS || w->kind == BS_VALUE_INTS)
        return bs_raw_fail(r, "its operands are not floating-point tensors");
    if (x->kind == BS_VALUE_FLOATS && w->kind == BS_VALUE_FLOATS)
        return bs_raw_fail(r, "all its inputs are constant, and it cannot be folded");
    bs_shape a, b, elements;
    bs_place_whole(x, &a);
    bs_place_whole(w, &b);
    BS_TRY(check_matmul(r, x, &a, w, &b));
    int rank = a.rank > b.rank ? a.rank : b.rank;
    int64_t rows = a.dim[a.rank - 2], columns = b.dim[b.rank - 1], depth = b.dim[b.rank - 2];
    r->place.axis += r->place.axis < 0 ? 0 : rank - (x->kind == BS_VALUE_ACTIVATION ? a : b).rank;
    /* All axes but the last two broadcast. */
    a.rank -= 2;
    b.rank -= 2;
    BS_TRY(bs_broadcast(r, &a, &b));
    *out = a;
    out->rank = rank;
    out->dim[rank - 2] = rows;
    out->dim[rank - 1] = columns;
    if (w->kind == BS_VALUE_FLOATS && w->shape.rank == 2)
        BS_TRY(bs_lower_whole(r, w));
    else
        BS_TRY(bs_place_align(r, 1, &w));
    BS_TRY(bs_place_align(r, 0, &x));
    BS_TRY(bs_lower_inputs(n, 2));
    n->in[0] = bs_value_index(x);
    n->in[1] = bs_value_index(w);
    bs_place_sample(r->im, out, r->place, &elements);
    if (!bs_shape_count(&elements, &n->macs) || __builtin_mul_overflow(n->macs, depth, &n->macs))
        return bs_raw_fail(r, "its output is too large");
    return BS_OK;
}

bs_status bs_lower_clip(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x, *bound;
    BS_TRY(bs_raw_activation(r, 0, &x));
    BS_TRY(bs_attr_float(r, "min", -INFINITY, &n->attr.low));
    BS_TRY(bs_attr_float(r, "max", INFINITY, &n->attr.high));
    BS_TRY(bs_lower_inputs(n, 3));
    n->in[0] = bs_value_index(x);
    for (int k = 1; k < 3; k++) {
        if (!bs_raw_input(r, k))
            continue;
        BS_TRY(bs_raw_constant(r, k, k == 1 ? "lower bound" : "upper bound", &bound));
        if (bound->elements != 1)
            return bs_raw_fail(r, "a bound of %lld elements, only scalars are supported",
                               (long long)bound->elements);
        n->in[k] = bs_value_index(bound);
    }
    *out = x->shape;
    return BS_OK;
}

static bs_status float_or(const bs_raw *r, const char *name, float absent, float *out)
{
    *out = absent;
    return name ? bs_attr_float(r, name, absent, out) : BS_OK;
}

bs_status bs_unary_attributes(const bs_raw *r, float *a, float *b)
{
    static const char *const modes[] = {"none", "tanh"};
    int64_t negative, positive;
    int mode;
#define X(suffix, name, result, a_name, a_absent, b_name, b_absent)                                          \
    if (strcmp(r->op, name) == 0) {                                                                          \
        BS_TRY(float_or(r, a_name, a_absent, a));                                                            \
        BS_TRY(float_or(r, b_name, b_absent, b));                                                            \
    }
    BS_UNARY_OPS(X)
#undef X
    if (strcmp(r->op, "Gelu") == 0) {
        BS_TRY(bs_raw_choice(r, "approximate", "none", modes, 2, &mode));
        *a = (float)mode;
    }
    if (strcmp(r->op, "IsInf") == 0) {
        BS_TRY(bs_attr_int(r, "detect_negative", 1, &negative));
        BS_TRY(bs_attr_int(r, "detect_positive", 1, &positive));
        *a = negative != 0;
        *b = positive != 0;
    }
    return BS_OK;
}

bs_status bs_lower_unary(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    BS_TRY(bs_unary_attributes(r, &n->attr.alpha, &n->attr.beta));
    BS_TRY(bs_lower_one(r, n, &x));
    *out = x->shape;
    return BS_OK;
}

/* Operators whose operands broadcast. The axes of the images must be aligned. */
bs_status bs_lower_broadcast(bs_raw *r, bs_node *n, bs_shape *out)
{
    const bs_value *first = NULL;
    for (int k = 0; k < r->n_in; k++)
        if (r->in[k] && r->in[k]->kind == BS_VALUE_ACTIVATION) {
            first = first ? first : r->in[k];
            *out = first->shape;
        }
    if (!first)
        return bs_raw_fail(r, "all its inputs are constant, and it cannot be folded");
    for (int k = 0; k < r->n_in; k++) {
        bs_shape whole;
        if (!r->in[k])
            return bs_raw_fail(r, "input %d is missing", k);
        if (r->in[k]->kind == BS_VALUE_ACTIVATION)
            BS_TRY(bs_place_align(r, k, &r->in[k]));
        bs_place_whole(r->in[k], &whole);
        BS_TRY(bs_broadcast(r, out, &whole));
    }
    if (r->place.axis >= 0)
        r->place.axis += out->rank - first->shape.rank;
    BS_TRY(bs_lower_inputs(n, r->n_in));
    for (int k = 0; k < r->n_in; k++) {
        bs_value *v = r->in[k];
        if (v->kind == BS_VALUE_FLOATS && v->elements == 1 && !v->whole) {
            bs_value_adapt(v);
            v->shape.rank = v->dropped = 0; /* fits any shape */
        } else
            BS_TRY(bs_place_align(r, k, &v));
        n->in[k] = bs_value_index(v);
    }
    return BS_OK;
}

/* Inputs: condition, value where it is not 0, value elsewhere. */
bs_status bs_lower_where(bs_raw *r, bs_node *n, bs_shape *out)
{
    return bs_lower_broadcast(r, n, out);
}

bs_status bs_lower_reduce(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    bool mask[BS_MAX_RANK], present, any = false;
    int64_t keep, noop;
    BS_TRY(bs_lower_one(r, n, &x));
    if (n->op == BS_OP_REDUCE_MEAN && x->number == BS_NUMBER_WHOLE) {
        bs_raw_fail(r, "the mean of integers, which loses its fraction, is not supported");
        return bs_hint("cast its input to FLOAT, and the mean back if it must be an integer");
    }
    BS_TRY(bs_read_axes(r, 1, x->shape.rank, mask, &present));
    BS_TRY(bs_attr_int(r, "keepdims", 1, &keep));
    BS_TRY(bs_attr_int(r, "noop_with_empty_axes", 0, &noop));
    for (int k = 0; k < x->shape.rank; k++)
        any |= mask[k];
    if (!any && noop)
        n->op = BS_OP_IDENTITY;
    else if (!any)
        memset(mask, 1, sizeof mask);
    for (int k = 0; k < x->shape.rank; k++) {
        int axis = 0;
        if (mask[k])
            BS_TRY(bs_place_axis(r, x, k, "reduces", &axis));
        if (mask[k])
            n->attr.reduce[axis] = true;
        if (!keep && mask[k] && k < x->place.axis)
            r->place.axis--;
        if (!keep && mask[k] && k == x->place.axis)
            r->place.axis = -1;
        if (!mask[k] || keep)
            out->dim[out->rank++] = mask[k] ? 1 : x->shape.dim[k];
    }
    return BS_OK;
}
