#include "import/import.h"

#include <stdio.h>
#include <string.h>

bool bs_place_is_pure(const bs_import *im, const bs_shape *shape, bs_place p)
{
    return p.axis >= 0 && p.outer == 1 && shape->dim[p.axis] == im->batch;
}

void bs_place_sample(const bs_import *im, const bs_shape *shape, bs_place p, bs_shape *out)
{
    *out = (bs_shape){0};
    bool pure = bs_place_is_pure(im, shape, p);
    for (int k = 0; k < shape->rank; k++)
        if (k != p.axis || !pure)
            out->dim[out->rank++] = k == p.axis ? shape->dim[k] / im->batch : shape->dim[k];
}

void bs_place_begin(bs_raw *r)
{
    r->place = (bs_place){0, 1};
    r->from_last = 0;
    for (int k = 0; k < r->n_in; k++) {
        const bs_value *v = r->in[k];
        if (!v || v->kind != BS_VALUE_ACTIVATION)
            continue;
        r->place = v->place;
        if (bs_place_is_pure(r->im, &v->shape, v->place))
            r->from_last = v->shape.rank - v->place.axis;
        return;
    }
}

bs_status bs_place_axis(bs_raw *r, const bs_value *x, int axis, const char *how, int *out)
{
    bool pure = bs_place_is_pure(r->im, &x->shape, x->place);
    /* In a file for exactly one image, a shared axis may be used in any way. */
    bool alone = r->im->batch_fixed && r->im->batch == 1;
    if (axis == x->place.axis && (pure || !alone)) {
        char text[64];
        snprintf(text, sizeof text, "it %s axis %d", how, axis);
        return bs_raw_mixes(r, text);
    }
    *out = axis - (pure && axis > x->place.axis);
    return BS_OK;
}

bs_status bs_place_first(bs_raw *r, const bs_value *x)
{
    if (x->place.axis == 0 && bs_place_is_pure(r->im, &x->shape, x->place))
        return BS_OK;
    bs_raw_fail(r, "the images of its input do not lie along axis 0");
    return bs_hint("bitsink runs each image alone, and this operator is supported on (N, C, ...) only; "
                   "keep the batch first and apart from other axes");
}

/* Returns true if the image, with `inside` elements of the sample after it, is a digit of this axis' index;
 * *p is that place. */
static bool place_in(const bs_import *im, const bs_shape *s, int axis, int64_t inside, bs_place *p)
{
    int64_t after = 1;
    for (int k = axis + 1; k < s->rank; k++)
        after *= s->dim[k];
    if (inside % after)
        return false;
    int64_t run = inside / after * im->batch;
    if (run > s->dim[axis] || s->dim[axis] % run)
        return false;
    *p = (bs_place){axis, s->dim[axis] / run};
    return true;
}

static bs_status no_place(bs_raw *r, const bs_shape *out)
{
    char text[96], how[160];
    snprintf(how, sizeof how, "in shape %s they would lie across several axes",
             bs_shape_text(out, text, sizeof text));
    return bs_raw_mixes(r, how);
}

/* With one image several shared axes can fit; which one is meant cannot be known, and makes no difference. */
static bs_status share_axis(bs_raw *r, const bs_shape *out, int64_t inside)
{
    int fits = 0;
    bs_place p;
    for (int k = 0; k < out->rank; k++)
        if (place_in(r->im, out, k, inside, &p) && fits++ == 0)
            r->place = p;
    bool alone = r->im->batch_fixed && r->im->batch == 1;
    if (fits == 0 && !alone)
        return no_place(r, out);
    if (fits == 0 || (fits > 1 && r->im->batch == 1))
        r->place = (bs_place){-1, 1};
    return BS_OK;
}

/* Prefers an axis of the images' own, at the same index as before; if they had none, any axis of 1 will
 * do. */
bs_status bs_place_reshape(bs_raw *r, const bs_value *x, const bs_shape *out)
{
    bool lost = x->place.axis < 0;
    int64_t inside = x->elements / x->place.outer / r->im->batch;
    for (int k = 0; k < x->place.axis; k++)
        inside /= x->shape.dim[k];
    for (int k = -1; k < out->rank; k++) {
        bs_place p = {k < 0 ? x->place.axis : k, 1};
        if (p.axis < 0 || p.axis >= out->rank || (!lost && !place_in(r->im, out, p.axis, inside, &p)))
            continue;
        if (bs_place_is_pure(r->im, out, p)) {
            r->place = p;
            return BS_OK;
        }
    }
    r->place = (bs_place){-1, 1};
    return lost ? BS_OK : share_axis(r, out, inside);
}

static bs_status meet_activation(bs_raw *r, const bs_value *v)
{
    bool pure = bs_place_is_pure(r->im, &v->shape, v->place);
    int from_last = pure ? v->shape.rank - v->place.axis : 0;
    bool shared = !pure && v->place.axis >= 0;
    bool fits = from_last == r->from_last;
    if (fits && shared && r->im->batch > 1)
        fits = v->place.outer == r->place.outer;
    return fits ? BS_OK : bs_raw_mixes(r, "its operands keep their images along different axes");
}

/* Returns true if a constant repeats the same block for each image, as it may where the file fixes N > 1. */
static bool repeats(const bs_import *im, const bs_value *v, int axis)
{
    int64_t block = v->elements / v->shape.dim[0];
    if (axis != 0 || v->shape.dim[0] != im->batch)
        return false;
    for (int64_t k = 1; k < im->batch; k++)
        if (memcmp(v->f, v->f + k * block, (size_t)block * sizeof *v->f) != 0)
            return false;
    return true;
}

static bs_status two_uses(bs_raw *r, const bs_value *v)
{
    bs_raw_fail(r, "constant '%.120s' is used both whole and without the axis of the images", v->name);
    return bs_hint("store it twice, under two names");
}

static bs_status drop_axis(bs_raw *r, bs_value *v)
{
    int axis = v->shape.rank - r->from_last;
    if (v->shape.dim[axis] != 1 && !repeats(r->im, v, axis)) {
        char text[96];
        bs_raw_mixes(r, "a constant has a value of its own for each image");
        return bs_hint("constant '%.120s' is %s; axis %d meets the batch and must be 1", v->name,
                       bs_shape_text(&v->shape, text, sizeof text), axis);
    }
    if (v->whole)
        return two_uses(r, v);
    bs_value_adapt(v);
    v->elements /= v->shape.dim[axis];
    v->dropped = r->from_last;
    v->shape.rank--;
    memmove(v->shape.dim + axis, v->shape.dim + axis + 1,
            (size_t)(v->shape.rank - axis) * sizeof v->shape.dim[0]);
    return BS_OK;
}

static bs_status meet_constant(bs_raw *r, bs_value *v)
{
    if (v->dropped)
        return v->dropped == r->from_last ? BS_OK : two_uses(r, v);
    if (r->from_last && v->shape.rank >= r->from_last)
        return drop_axis(r, v);
    v->whole = true;
    return BS_OK;
}

void bs_place_whole(const bs_value *v, bs_shape *out)
{
    *out = v->shape;
    if (!v->dropped)
        return;
    int axis = v->shape.rank + 1 - v->dropped;
    memmove(out->dim + axis + 1, out->dim + axis, (size_t)(v->shape.rank - axis) * sizeof out->dim[0]);
    out->dim[axis] = 1;
    out->rank++;
}

bs_status bs_place_align(bs_raw *r, int input, bs_value **out)
{
    bs_value *v = bs_raw_input(r, input);
    *out = v;
    if (!v)
        return bs_raw_fail(r, "input %d is missing", input);
    if (v->kind == BS_VALUE_ACTIVATION)
        return meet_activation(r, v);
    BS_TRY(bs_raw_constant(r, input, "operand", &v));
    return meet_constant(r, v);
}
