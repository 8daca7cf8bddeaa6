/* Resize of one axis, and with a filter against aliasing: a matrix for each axis. */
#include "import/steps.h"

#include <math.h>
#include <string.h>

/* The filters of Pillow, which PyTorch and the standard share. x: distance in elements of the output. */
static double filter(int mode, double a, double x)
{
    x = fabs(x);
    if (mode == BS_RESIZE_LINEAR)
        return x < 1.0 ? 1.0 - x : 0.0;
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    return x < 2.0 ? ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a : 0.0;
}

/* Sets w, `in` weights, to the row for an element of the output. Neighbours outside the input have no weight,
 * or repeat the edge. */
static void fill_row(float *w, int64_t in, double centre, double scale, const bs_resize *z)
{
    double narrow = scale < 1.0 ? scale : 1.0, a = (double)z->cubic,
           support = (z->mode == BS_RESIZE_LINEAR ? 1.0 : 2.0) / narrow, sum = 0.0;
    int64_t from = (int64_t)floor(centre - support + 0.5), to = (int64_t)floor(centre + support + 0.5);
    if (z->exclude_outside) {
        from = from < 0 ? 0 : from;
        to = to > in ? in : to;
    }
    for (int64_t k = from; k < to; k++)
        sum += filter(z->mode, a, ((double)k - centre + 0.5) * narrow);
    for (int64_t k = from; k < to && sum != 0.0; k++) {
        int64_t at = k < 0 ? 0 : k < in ? k : in - 1;
        w[at] += (float)(filter(z->mode, a, ((double)k - centre + 0.5) * narrow) / sum);
    }
}

/* Makes the matrix (out, in) of one axis. */
static bs_status make_matrix(bs_raw *r, bs_value **y, int64_t in, int64_t out, const bs_resize *z, int axis)
{
    double scale = (double)z->scale[axis];
    BS_TRY(bs_step_floats(r, y, &(bs_shape){2, {out, in}}, 0.0f));
    for (int64_t k = 0; k < out; k++) {
        double centre = ((double)k + 0.5) / scale;
        if (z->coordinate == BS_RESIZE_ALIGN_CORNERS)
            centre = out > 1 ? (double)k * (double)(in - 1) / (double)(out - 1) + 0.5 : 0.5;
        fill_row((*y)->f + k * in, in, centre, scale, z);
    }
    return BS_OK;
}

/* Lists the resized axes as they are counted once there is a new one at `at`. */
static bs_status shift_axes(const bs_raw *r, int at, int64_t axes[BS_MAX_RANK], int *n)
{
    const int64_t *given;
    size_t count;
    bool present;
    int rank = r->in[0]->shape.rank;
    BS_TRY(bs_attr_ints(r, "axes", &given, &count, &present));
    *n = present ? (int)count : rank;
    for (int k = 0; k < *n; k++) {
        int axis = 0;
        BS_TRY(bs_normal_axis(r, present ? given[k] : k, rank, &axis));
        axes[k] = axis + (axis >= at);
    }
    return BS_OK;
}

/* Resizes (N, C, W) as (N, C, 1, W), or all of (N, H, W) as (N, 1, H, W). */
static bs_status over_plane(bs_raw *r, int at)
{
    static const char *const left_out[] = {"axes", "coordinate_transformation_mode", "nearest_mode"};
    bs_step_attr attr[BS_STEP_MOST];
    bs_value *axis, *wide = NULL, *y = NULL, *factors = bs_raw_input(r, r->opset < 11 ? 1 : 2);
    int64_t axes[BS_MAX_RANK];
    int n_axes, n = bs_step_own_attributes(r, left_out, r->opset < 11 ? 3 : 1, attr);
    BS_TRY(shift_axes(r, at, axes, &n_axes));
    if (n > BS_STEP_MOST - 3)
        return bs_raw_fail(r, "it has %d attributes", n);
    attr[n++] = bs_attr_of_ints("axes", axes, n_axes);
    if (r->opset < 11) { /* what it meant then has a name now */
        attr[n++] = bs_attr_of_string("coordinate_transformation_mode", "asymmetric");
        attr[n++] = bs_attr_of_string("nearest_mode", "floor");
    }
    BS_TRY(bs_step_ints(r, &axis, (int64_t[]){at}, 1));
    BS_TRY(bs_step_2(r, &wide, "Unsqueeze", r->in[0], axis));
    BS_TRY(bs_step(r, &y, "Resize", (bs_value *[]){wide, NULL, factors, bs_raw_input(r, 3)}, 4, attr, n));
    return bs_step_2(r, &r->out[0], "Squeeze", y, axis);
}

bs_status bs_expand_resize(bs_raw *r, bool *done)
{
    bs_value *x = r->in[0], *matrix[2] = {NULL, NULL}, *columns = NULL, *across = NULL;
    bs_shape out;
    bs_resize z = {0};
    int64_t antialias;
    if (x->shape.rank == 3 || x->shape.rank == 4) {
        float scale[BS_MAX_RANK];
        BS_TRY(bs_read_resized_shape(r, &x->shape, &out, scale));
        /* A factor counts even if it is too small to add an element. */
        for (int k = 0; k < x->shape.rank - 2; k++)
            if (scale[k] != 1.0f)
                return bs_raw_fail(r, "it resizes axis %d; only rows and columns are supported", k);
        if (x->shape.rank == 3)
            return over_plane(r, scale[1] != 1.0f ? 1 : 2);
    }
    BS_TRY(bs_attr_int(r, "antialias", 0, &antialias));
    *done = antialias != 0 && x->shape.rank == 4;
    if (!*done)
        return BS_OK;
    BS_TRY(bs_read_resize(r, &x->shape, &z, &out));
    *done = z.mode != BS_RESIZE_NEAREST;
    if (!*done)
        return BS_OK;
    if (z.coordinate != BS_RESIZE_HALF_PIXEL && z.coordinate != BS_RESIZE_PYTORCH_HALF_PIXEL &&
        z.coordinate != BS_RESIZE_ALIGN_CORNERS)
        return bs_raw_fail(r, "antialias with these coordinates is not supported");
    for (int k = 0; k < 2; k++)
        BS_TRY(make_matrix(r, &matrix[k], x->shape.dim[2 + k], out.dim[2 + k], &z, k));
    BS_TRY(bs_step_swap_last(r, &across, matrix[1]));
    BS_TRY(bs_step_2(r, &columns, "MatMul", x, across));
    return bs_step_2(r, &r->out[0], "MatMul", matrix[0], columns);
}
