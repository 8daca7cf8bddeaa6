/* Windows over anything but (N, C, H, W): one axis of the plane, and images that are cut into windows
 * beforehand. */
#include "import/steps.h"

#include <string.h>

/* Attributes with an entry for each axis of the plane, and what a plane of one row has there. */
static const struct {
    const char *name;
    int64_t row;
} lists[] = {{"kernel_shape", 1}, {"strides", 1}, {"dilations", 1}, {"pads", 0}};

/* Copies the node's attributes for a plane with one row more. room: for the longest list. */
static int widen(const bs_raw *r, bs_step_attr *attr, int64_t room[][4])
{
    int n = bs_step_own_attributes(r, NULL, 0, attr);
    for (int k = 0; k < n; k++)
        for (size_t l = 0; l < sizeof lists / sizeof *lists; l++) {
            if (!bs_attr_is(&attr[k], lists[l].name) || attr[k].n_ints < 1 || attr[k].n_ints > 2)
                continue;
            /* "pads" has the beginnings of all axes, then the ends. */
            for (size_t i = 0; i < attr[k].n_ints; i++) {
                room[l][2 * i] = lists[l].row;
                room[l][2 * i + 1] = attr[k].ints[i];
            }
            attr[k].n_ints *= 2;
            attr[k].ints = room[l];
        }
    return n;
}

/* (N, C, W) as (N, C, 1, W), and back. */
static bs_status over_one_row(bs_raw *r)
{
    bs_step_attr attr[BS_STEP_MOST];
    int64_t room[sizeof lists / sizeof *lists][4];
    bs_value *x = r->in[0], *in[3], *y = NULL, *wide = NULL, *axis;
    int n = widen(r, attr, room), n_in = r->n_in < 3 ? r->n_in : 3;
    memcpy(in, r->in, (size_t)n_in * sizeof *in);
    if (n_in > 1 && in[1] && strcmp(r->op, "Conv") == 0) {
        const bs_value *w = in[1];
        if (w->kind != BS_VALUE_FLOATS)
            return bs_raw_fail(r, "its weight is no constant");
        if (w->shape.rank != 3 && w->shape.rank != 4)
            return bs_raw_fail(r, "its weight has %d dimensions instead of 3", w->shape.rank);
        bs_shape plane = {4, {w->shape.dim[0], w->shape.dim[1], 1, w->shape.dim[w->shape.rank - 1]}};
        bs_value *as_plane = NULL;
        if (w->shape.rank == 3)
            BS_TRY(bs_step_view(r, &as_plane, in[1], &plane));
        in[1] = as_plane ? as_plane : in[1];
    }
    BS_TRY(bs_step_ints(r, &axis, (int64_t[]){2}, 1));
    BS_TRY(bs_step_2(r, &wide, "Unsqueeze", x, axis));
    in[0] = wide;
    BS_TRY(bs_step(r, &y, r->op, in, n_in, attr, n));
    return bs_step_2(r, &r->out[0], "Squeeze", y, axis);
}

/* Runs each of the windows that share axis 0 with the images as a node of its own. */
static bs_status over_each_window(bs_raw *r, int64_t windows)
{
    bs_step_attr attr[BS_STEP_MOST], axis = bs_attr_of_int("axis", 1);
    bs_value *apart = NULL, *one, *in[BS_STEP_MOST], *parts[BS_STEP_MOST], *joined = NULL;
    bs_shape shape = r->in[0]->shape;
    memmove(shape.dim + 2, shape.dim + 1, (size_t)(shape.rank - 1) * sizeof shape.dim[0]);
    shape.rank++;
    shape.dim[0] /= windows;
    shape.dim[1] = windows;
    BS_TRY(bs_step_reshape(r, &apart, r->in[0], &shape));
    BS_TRY(bs_step_ints(r, &one, (int64_t[]){1}, 1));
    int n = bs_step_own_attributes(r, NULL, 0, attr);
    memcpy(in, r->in, (size_t)r->n_in * sizeof *in);
    for (int64_t k = 0; k < windows; k++) {
        bs_value *at, *y = NULL;
        in[0] = NULL;
        parts[k] = NULL;
        BS_TRY(bs_step_index(r, &at, k));
        BS_TRY(bs_step_gather(r, &in[0], apart, at, 1));
        BS_TRY(bs_step(r, &y, r->op, in, r->n_in, attr, n));
        BS_TRY(bs_step_2(r, &parts[k], "Unsqueeze", y, one));
    }
    BS_TRY(bs_step(r, &joined, "Concat", parts, (int)windows, &axis, 1));
    shape = joined->shape;
    memmove(shape.dim + 1, shape.dim + 2, (size_t)(shape.rank - 2) * sizeof shape.dim[0]);
    shape.rank--;
    shape.dim[0] = joined->shape.dim[0] * windows;
    return bs_step_reshape(r, &r->out[0], joined, &shape);
}

/* Returns how many windows of each image lie along axis 0, 1: that axis is the images' own, or is shared in
 * another way, which the lowering refuses. */
static int64_t windows_of(const bs_raw *r)
{
    const bs_value *x = r->in[0];
    if (x->kind != BS_VALUE_ACTIVATION || x->shape.rank < 3 || x->shape.rank == BS_MAX_RANK ||
        x->place.axis != 0 || x->place.outer != 1)
        return 1;
    int64_t windows = x->shape.dim[0] / r->im->batch;
    return windows <= BS_STEP_MOST && r->n_in <= BS_STEP_MOST ? windows : 1;
}

bs_status bs_expand_window(bs_raw *r, bool *done)
{
    int64_t windows = windows_of(r);
    if (windows > 1)
        return over_each_window(r, windows);
    *done = r->in[0]->shape.rank == 3;
    return *done ? over_one_row(r) : BS_OK;
}

bs_status bs_expand_normal_window(bs_raw *r, bool *done)
{
    int64_t windows = windows_of(r);
    *done = windows > 1 && r->in[0]->shape.rank > 2;
    return *done ? over_each_window(r, windows) : BS_OK;
}

/* The mean or maximum of everything but the channels of (N, C, W), or of images cut into windows. */
bs_status bs_expand_global_pool(bs_raw *r, bool *done)
{
    int64_t axes[BS_MAX_RANK];
    int rank = r->in[0]->shape.rank, n = 0;
    *done = rank == 3 || rank > 4 || (rank == 4 && windows_of(r) > 1);
    for (int k = 2; k < rank; k++)
        axes[n++] = k;
    if (!*done)
        return BS_OK;
    bool most = strcmp(r->op, "GlobalMaxPool") == 0;
    return bs_step_reduce(r, &r->out[0], most ? "ReduceMax" : "ReduceMean", r->in[0], axes, n);
}
