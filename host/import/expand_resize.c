/* Resize of (N, C, W) and (N, H, W), and with a filter against aliasing: a sum of picked elements for each
 * axis. */
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

enum { MOST_TAPS = 64 };

/* An element of the input, and what it counts in one of the output. */
typedef struct tap {
    int64_t at;
    float weight;
} tap;

/* Lists what element o of the output is the sum of. Neighbours outside the input have no weight, or repeat
 * the edge. Returns the number of taps: more than MOST_TAPS if they have no room. */
static int find_taps(const bs_resize *z, int k, int64_t in, int64_t out, int64_t o, tap list[MOST_TAPS])
{
    double scale = (double)z->scale[k], a = (double)z->cubic, narrow = scale < 1.0 ? scale : 1.0,
           support = (z->mode == BS_RESIZE_LINEAR ? 1.0 : 2.0) / narrow, sum = 0.0,
           centre = ((double)o + 0.5) / scale;
    if (z->coordinate == BS_RESIZE_PYTORCH_HALF_PIXEL && out == 1)
        centre = 0.5;
    if (z->coordinate == BS_RESIZE_ALIGN_CORNERS)
        centre = out > 1 ? (double)o * (double)(in - 1) / (double)(out - 1) + 0.5 : 0.5;
    int64_t from = (int64_t)floor(centre - support + 0.5), to = (int64_t)floor(centre + support + 0.5);
    int n = 0;
    if (z->exclude_outside) {
        from = from < 0 ? 0 : from;
        to = to > in ? in : to;
    }
    for (int64_t e = from; e < to; e++)
        sum += filter(z->mode, a, ((double)e - centre + 0.5) * narrow);
    for (int64_t e = from; e < to && sum != 0.0; e++) {
        int64_t at = e < 0 ? 0 : e < in ? e : in - 1;
        float weight = (float)(filter(z->mode, a, ((double)e - centre + 0.5) * narrow) / sum);
        if (n > 0 && list[n - 1].at == at)
            list[n - 1].weight += weight;
        else if (n == MOST_TAPS)
            return n + 1;
        else if (weight != 0.0f)
            list[n++] = (tap){at, weight};
    }
    if (n == 0)
        list[n++] = (tap){0, 0.0f};
    return n;
}

/* Sets element o of each tap's indices and weights. An element of fewer taps reads the last one several
 * times, each for a part of its weight: a weight of 0 would turn infinity into NaN. */
static void set_taps(tap list[MOST_TAPS], int n, int most, int64_t o, bs_value *const *index,
                     bs_value *const *weight)
{
    list[n - 1].weight /= (float)(most - n + 1);
    for (int t = 0; t < most; t++) {
        index[t]->i[o] = list[t < n ? t : n - 1].at;
        weight[t]->f[o] = list[t < n ? t : n - 1].weight;
    }
}

/* Filters rows (k = 0) or columns. A product with a matrix would turn an infinity into NaN in every element,
 * also in those that it is no part of. */
static bs_status over_axis(bs_raw *r, bs_value **y, bs_value *x, const bs_resize *z, int k, int64_t out)
{
    bs_value *index[MOST_TAPS], *weight[MOST_TAPS], *part[MOST_TAPS];
    tap list[MOST_TAPS];
    int64_t in = x->shape.dim[2 + k];
    int most = 0;
    bool same = in == out;
    for (int64_t o = 0; o < out && most <= MOST_TAPS; o++) {
        int n = find_taps(z, k, in, out, o, list);
        same &= n == 1 && list[0].at == o && list[0].weight == 1.0f;
        most = n > most ? n : most;
    }
    if (most > MOST_TAPS) {
        bs_raw_fail(r, "antialias from %lld to %lld %s sums more than %d at once", (long long)in,
                    (long long)out, k ? "columns" : "rows", MOST_TAPS);
        return bs_hint("shrink in two Resize nodes, each by a part of the factor");
    }
    if (same)
        return bs_step_1(r, y, "Identity", x);
    for (int t = 0; t < most; t++) {
        BS_TRY(bs_step_indices(r, &index[t], &(bs_shape){1, {out}}));
        BS_TRY(bs_step_floats(r, &weight[t], &(bs_shape){2 - k, {out, 1}}, 0.0f));
    }
    for (int64_t o = 0; o < out; o++)
        set_taps(list, find_taps(z, k, in, out, o, list), most, o, index, weight);
    for (int t = 0; t < most; t++) {
        bs_value *picked = part[t] = NULL;
        BS_TRY(bs_step_gather(r, &picked, x, index[t], 2 + k));
        BS_TRY(bs_step_2(r, &part[t], "Mul", picked, weight[t]));
    }
    return bs_step(r, y, "Sum", part, most, NULL, 0);
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

/* Sets the factors. One counts even if it is too small to add an element. */
static bs_status read_factors(bs_raw *r, float scale[BS_MAX_RANK])
{
    const bs_shape *in = &r->in[0]->shape;
    bs_shape out;
    BS_TRY(bs_read_resized_shape(r, in, &out, scale));
    for (int k = 0; k < in->rank - 2; k++)
        if (scale[k] != 1.0f)
            return bs_raw_fail(r, "it resizes axis %d; only rows and columns are supported", k);
    return BS_OK;
}

bs_status bs_expand_resize(bs_raw *r, bool *done)
{
    bs_value *x = r->in[0], *columns = NULL;
    bs_shape out;
    bs_resize z = {0};
    float scale[BS_MAX_RANK];
    int64_t antialias;
    *done = x->shape.rank == 3;
    if (x->shape.rank == 3) {
        BS_TRY(read_factors(r, scale));
        return over_plane(r, scale[1] != 1.0f ? 1 : 2);
    }
    if (x->shape.rank != 4)
        return BS_OK;
    BS_TRY(bs_read_resize(r, &x->shape, &z, &out));
    BS_TRY(read_factors(r, scale));
    BS_TRY(bs_attr_int(r, "antialias", 0, &antialias));
    *done = antialias != 0 && z.mode != BS_RESIZE_NEAREST;
    if (!*done)
        return BS_OK;
    if (z.coordinate != BS_RESIZE_HALF_PIXEL && z.coordinate != BS_RESIZE_PYTORCH_HALF_PIXEL &&
        z.coordinate != BS_RESIZE_ALIGN_CORNERS)
        return bs_raw_fail(r, "antialias with these coordinates is not supported");
    BS_TRY(over_axis(r, &columns, x, &z, 1, out.dim[3]));
    return over_axis(r, &r->out[0], columns, &z, 0, out.dim[2]);
}
