/* Checks of operators that move, repeat or pick elements. */
#include "backend/support_internal.h"

bool bs_support_concat(const bs_support_question *q)
{
    const bs_shape *out = &bs_asked_output(q)->shape;
    int axis = q->n->attr.axis;
    int64_t sum = 0;
    if (q->n->n_in < 1 || axis < 0 || axis >= out->rank)
        return bs_refuse(q, "axis out of range");
    for (int k = 0; k < q->n->n_in; k++) {
        if (!bs_asked_input(q, k) || bs_asked_input(q, k)->shape.rank != out->rank)
            return bs_refuse(q, "input %d has another rank", k);
        for (int a = 0; a < out->rank; a++)
            if (a != axis && bs_asked_input(q, k)->shape.dim[a] != out->dim[a])
                return bs_refuse(q, "input %d does not fit", k);
        sum += bs_asked_input(q, k)->shape.dim[axis];
    }
    return sum == out->dim[axis] || bs_refuse(q, "output shape is not the sum of the inputs");
}

/* Gets the shapes of an operator with one activation and an output of the same rank. */
static bool axis_by_axis(const bs_support_question *q, const bs_shape **in, const bs_shape **out)
{
    if (!bs_support_inputs(q, 0, 0))
        return false;
    *in = &bs_asked_input(q, 0)->shape;
    *out = &bs_asked_output(q)->shape;
    return (*in)->rank == (*out)->rank || bs_refuse(q, "rank changes");
}

bool bs_support_slice(const bs_support_question *q)
{
    const bs_shape *in, *out;
    if (!axis_by_axis(q, &in, &out))
        return false;
    for (int a = 0; a < in->rank; a++) {
        int64_t first = q->n->attr.begin[a], step = q->n->attr.step[a];
        if (step == 0 || step > INT32_MAX || step < -INT32_MAX || first < 0 || first >= in->dim[a])
            return bs_refuse(q, "start or step of axis %d out of range", a);
        int64_t last = first + (out->dim[a] - 1) * step;
        if (last < 0 || last >= in->dim[a])
            return bs_refuse(q, "axis %d reaches beyond the input", a);
    }
    return true;
}

bool bs_support_pad(const bs_support_question *q)
{
    const bs_shape *in, *out;
    if (!axis_by_axis(q, &in, &out))
        return false;
    for (int a = 0; a < in->rank; a++) {
        int64_t before = q->n->attr.begin[a], after = q->n->attr.end[a];
        if (before > INT32_MAX || before < -INT32_MAX || after > INT32_MAX || after < -INT32_MAX ||
            in->dim[a] + before + after != out->dim[a])
            return bs_refuse(q, "output shape does not follow from the padding of axis %d", a);
        if (q->n->attr.pad_mode != BS_PAD_CONSTANT && (before < 0 || after < 0))
            return bs_refuse(q, "it crops axis %d and repeats its input", a);
    }
    return true;
}

bool bs_support_transpose(const bs_support_question *q)
{
    unsigned seen = 0;
    const bs_shape *in, *out;
    if (!axis_by_axis(q, &in, &out))
        return false;
    for (int a = 0; a < in->rank; a++) {
        int from = q->n->attr.perm[a];
        if (from < 0 || from >= in->rank || (seen >> from & 1) || in->dim[from] != out->dim[a])
            return bs_refuse(q, "not a permutation of the axes that gives the output shape");
        seen |= 1u << from;
    }
    return true;
}

bool bs_support_reshape(const bs_support_question *q)
{
    return bs_support_inputs(q, 0, 0) && (bs_asked_input(q, 0)->elements == bs_asked_output(q)->elements ||
                                          bs_refuse(q, "number of elements changes"));
}

bool bs_support_identity(const bs_support_question *q)
{
    return bs_support_reshape(q);
}

/* Returns true if each axis keeps its size or is repeated from 1 (tile: to a multiple). */
static bool check_repeat(const bs_support_question *q, bool tile)
{
    if (!bs_support_inputs(q, 0, 0))
        return false;
    const bs_shape *in = &bs_asked_input(q, 0)->shape, *out = &bs_asked_output(q)->shape;
    bool fits = tile ? in->rank == out->rank : in->rank <= out->rank;
    for (int k = 1; k <= in->rank && fits; k++) {
        int64_t from = in->dim[in->rank - k], to = out->dim[out->rank - k];
        fits = from == to || (tile ? to % from == 0 : from == 1);
    }
    return fits || bs_refuse(q, "output shape does not follow from the input's");
}

bool bs_support_expand(const bs_support_question *q)
{
    return check_repeat(q, false);
}

bool bs_support_tile(const bs_support_question *q)
{
    return check_repeat(q, true);
}

bool bs_support_gather(const bs_support_question *q)
{
    if (!bs_support_inputs(q, 0, 0))
        return false;
    const bs_tensor *in = bs_asked_input(q, 0);
    int axis = q->n->attr.axis;
    if (axis < 0 || axis >= in->shape.rank)
        return bs_refuse(q, "axis out of range");
    int64_t dim = in->shape.dim[axis];
    for (int k = 0; k < q->n->n_index; k++)
        if (q->n->index[k] < 0 || q->n->index[k] >= dim)
            return bs_refuse(q, "index %d is outside 0..%lld", q->n->index[k], (long long)dim - 1);
    return in->elements / dim * q->n->n_index == bs_asked_output(q)->elements ||
           bs_refuse(q, "output shape does not follow from the indices");
}

bool bs_support_resize(const bs_support_question *q)
{
    if (!bs_support_inputs(q, 0, 0))
        return false;
    const bs_shape *in = &bs_asked_input(q, 0)->shape, *out = &bs_asked_output(q)->shape;
    return (in->rank == 3 && out->rank == 3 && in->dim[0] == out->dim[0]) ||
           bs_refuse(q, "only rows and columns of (C, H, W) can be resized");
}
