#include "import/import.h"

#include <stdlib.h>
#include <string.h>

bs_status bs_normal_axis(const bs_raw *r, int64_t axis, int rank, int *out)
{
    if (axis < -rank || axis >= rank)
        return bs_raw_fail(r, "axis %lld does not exist in a tensor of %d dimensions", (long long)axis, rank);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return BS_OK;
}

bs_status bs_normal_index(const bs_raw *r, int64_t i, int64_t dim, int64_t *out)
{
    *out = i < 0 ? i + dim : i;
    if (*out < 0 || *out >= dim)
        return bs_raw_fail(r, "index %lld is outside 0..%lld", (long long)i, (long long)dim - 1);
    return BS_OK;
}

bs_status bs_read_axes(const bs_raw *r, int input, int rank, bool mask[BS_MAX_RANK], bool *present)
{
    const int64_t *axes;
    size_t n;
    memset(mask, 0, BS_MAX_RANK * sizeof *mask);
    BS_TRY(bs_raw_ints(r, input, "axes", &axes, &n, present));
    for (size_t k = 0; k < n; k++) {
        int axis = 0;
        BS_TRY(bs_normal_axis(r, axes[k], rank, &axis));
        if (mask[axis])
            return bs_raw_fail(r, "axis %d is listed twice", axis);
        mask[axis] = true;
    }
    return BS_OK;
}

static int64_t clamp(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

static bs_status slice_axis(const bs_raw *r, int64_t dim, int64_t start, int64_t end, int64_t step,
                            int64_t *begin, int64_t *count)
{
    if (step == 0)
        return bs_raw_fail(r, "a step of 0");
    step = clamp(step, -BS_DIM_LIMIT, BS_DIM_LIMIT);
    start = start < 0 ? start + dim : start;
    end = end < 0 ? end + dim : end;
    if (step > 0) {
        start = clamp(start, 0, dim);
        end = clamp(end, 0, dim);
        *count = end > start ? (end - start - 1) / step + 1 : 0;
    } else {
        start = clamp(start, 0, dim - 1);
        end = clamp(end, -1, dim - 1);
        *count = start > end ? (start - end - 1) / -step + 1 : 0;
    }
    *begin = start;
    return BS_OK;
}

bs_status bs_read_slice(const bs_raw *r, const bs_shape *in, bs_shape *out, int64_t begin[BS_MAX_RANK],
                        int64_t step[BS_MAX_RANK], bool whole[BS_MAX_RANK])
{
    const int64_t *starts, *ends, *axes, *steps;
    size_t n, n_ends, n_axes, n_steps;
    bool given, has_axes, has_steps, seen[BS_MAX_RANK] = {false};
    BS_TRY(bs_raw_ints(r, 1, "starts", &starts, &n, &given));
    BS_TRY(bs_raw_ints(r, 2, "ends", &ends, &n_ends, &given));
    BS_TRY(bs_raw_ints(r, 3, "axes", &axes, &n_axes, &has_axes));
    BS_TRY(bs_raw_ints(r, 4, "steps", &steps, &n_steps, &has_steps));
    if (n > (size_t)in->rank || n_ends != n || (has_axes && n_axes != n) || (has_steps && n_steps != n))
        return bs_raw_fail(r, "starts, ends, axes and steps differ in length");
    *out = *in;
    for (int k = 0; k < BS_MAX_RANK; k++) {
        begin[k] = 0;
        step[k] = 1;
        whole[k] = true;
    }
    for (size_t k = 0; k < n; k++) {
        int axis = 0;
        BS_TRY(bs_normal_axis(r, has_axes ? axes[k] : (int64_t)k, in->rank, &axis));
        if (seen[axis])
            return bs_raw_fail(r, "axis %d is listed twice", axis);
        seen[axis] = true;
        step[axis] = has_steps ? steps[k] : 1;
        /* An open end: the slice keeps the axis, whatever its size. */
        whole[axis] = starts[k] == 0 && step[axis] == 1 && ends[k] >= INT32_MAX;
        BS_TRY(slice_axis(r, in->dim[axis], starts[k], ends[k], step[axis], &begin[axis], &out->dim[axis]));
        step[axis] = clamp(step[axis], -BS_DIM_LIMIT, BS_DIM_LIMIT);
    }
    return BS_OK;
}

static bs_status pad_axis(const bs_raw *r, int axis, int mode, int64_t before, int64_t after, int64_t *dim)
{
    /* This limit also keeps negative pads from overflowing. */
    if (llabs(before + 1) > BS_MAX_GEOMETRY || llabs(after + 1) > BS_MAX_GEOMETRY)
        return bs_raw_fail(r, "a padding of %lld, %lld is not supported", (long long)before,
                           (long long)after);
    if (mode != BS_PAD_CONSTANT && (before < 0 || after < 0)) {
        bs_raw_fail(r, "it crops axis %d, and pads by repeating its input", axis);
        return bs_hint("crop with Slice, or pad with constants");
    }
    if (mode != BS_PAD_CONSTANT && *dim < 1)
        return bs_raw_fail(r, "axis %d is empty, there is nothing to repeat", axis);
    /* Cropping on one side must not extend into the padding of the other side. */
    if (before + *dim < 0 || after + *dim < 0)
        return bs_raw_fail(r, "it crops more than there is");
    *dim += before + after;
    return BS_OK;
}

bs_status bs_read_pad(const bs_raw *r, const bs_shape *in, bs_shape *out, int64_t before[BS_MAX_RANK],
                      int64_t after[BS_MAX_RANK], int *mode)
{
    static const char *const modes[] = {
#define X(suffix, name) name,
        BS_PAD_MODES(X)
#undef X
    };
    const int64_t *pads, *axes;
    size_t n, n_axes;
    bool present, has_axes, seen[BS_MAX_RANK] = {false};
    BS_TRY(bs_raw_choice(r, "mode", "constant", modes, BS_PAD_MODE_COUNT, mode));
    BS_TRY(bs_raw_ints(r, 1, "pads", &pads, &n, &present));
    BS_TRY(bs_raw_ints(r, 3, "axes", &axes, &n_axes, &has_axes));
    size_t count = has_axes ? n_axes : (size_t)in->rank;
    if (!present || n != 2 * count)
        return bs_raw_fail(r, "%zu pads for %zu axes", n, count);
    memset(before, 0, BS_MAX_RANK * sizeof *before);
    memset(after, 0, BS_MAX_RANK * sizeof *after);
    *out = *in;
    for (size_t k = 0; k < count; k++) {
        int axis = 0;
        BS_TRY(bs_normal_axis(r, has_axes ? axes[k] : (int64_t)k, in->rank, &axis));
        if (seen[axis])
            return bs_raw_fail(r, "axis %d is listed twice", axis);
        seen[axis] = true;
        before[axis] = pads[k];
        after[axis] = pads[count + k];
        if (before[axis] || after[axis])
            BS_TRY(pad_axis(r, axis, *mode, before[axis], after[axis], &out->dim[axis]));
    }
    return BS_OK;
}

bs_status bs_read_perm(const bs_raw *r, const bs_shape *in, bs_shape *out, int perm[BS_MAX_RANK])
{
    const int64_t *given;
    size_t n;
    bool present, seen[BS_MAX_RANK] = {false};
    BS_TRY(bs_attr_ints(r, "perm", &given, &n, &present));
    if (present && n != (size_t)in->rank)
        return bs_raw_fail(r, "perm has %zu entries for %d dimensions", n, in->rank);
    out->rank = in->rank;
    for (int k = 0; k < in->rank; k++) {
        int64_t from = present ? given[k] : in->rank - 1 - k;
        if (from < 0 || from >= in->rank || seen[from])
            return bs_raw_fail(r, "perm is not a permutation");
        seen[from] = true;
        perm[k] = (int)from;
        out->dim[k] = in->dim[from];
    }
    return BS_OK;
}

bs_status bs_read_reshape(const bs_raw *r, const bs_value *in, bs_shape *out)
{
    const int64_t *want;
    size_t n;
    bool present;
    int64_t allow_zero, rest = 1, total;
    int open = -1;
    BS_TRY(bs_raw_ints(r, 1, "shape", &want, &n, &present));
    BS_TRY(bs_attr_int(r, "allowzero", 0, &allow_zero));
    if (n > BS_MAX_RANK)
        return bs_raw_fail(r, "a result of %zu dimensions, at most %d are supported", n, BS_MAX_RANK);
    out->rank = (int)n;
    for (int k = 0; k < out->rank; k++) {
        out->dim[k] = want[k];
        if (want[k] == 0 && !allow_zero) {
            if (k >= in->shape.rank)
                return bs_raw_fail(r, "dimension %d is to be copied, but the input has none there", k);
            out->dim[k] = in->shape.dim[k];
        }
        if (want[k] == -1) {
            if (open >= 0)
                return bs_raw_fail(r, "two dimensions of -1");
            open = k;
        } else if (out->dim[k] < 0 || __builtin_mul_overflow(rest, out->dim[k], &rest)) {
            return bs_raw_fail(r, "dimension %lld", (long long)out->dim[k]);
        }
    }
    if (open >= 0) {
        if (rest == 0 || in->elements % rest)
            return bs_raw_fail(r, "%lld elements cannot be divided by %lld", (long long)in->elements,
                               (long long)rest);
        out->dim[open] = in->elements / rest;
    }
    if (!bs_shape_count(out, &total) || total != in->elements)
        return bs_raw_fail(r, "the new shape does not hold the input's %lld elements",
                           (long long)in->elements);
    return BS_OK;
}

bs_status bs_read_unsqueeze(const bs_raw *r, const bs_shape *in, bs_shape *out, bool mask[BS_MAX_RANK])
{
    const int64_t *axes;
    size_t n;
    bool present;
    BS_TRY(bs_raw_ints(r, 1, "axes", &axes, &n, &present));
    if (n > (size_t)(BS_MAX_RANK - in->rank))
        return bs_raw_fail(r, "a result of more than %d dimensions", BS_MAX_RANK);
    out->rank = in->rank + (int)n;
    BS_TRY(bs_read_axes(r, 1, out->rank, mask, &present));
    for (int k = 0, from = 0; k < out->rank; k++)
        out->dim[k] = mask[k] ? 1 : in->dim[from++];
    return BS_OK;
}

bs_status bs_broadcast(const bs_raw *r, bs_shape *into, const bs_shape *other)
{
    bs_shape s = {.rank = into->rank > other->rank ? into->rank : other->rank};
    for (int k = 1; k <= s.rank; k++) {
        int64_t a = k <= into->rank ? into->dim[into->rank - k] : 1;
        int64_t b = k <= other->rank ? other->dim[other->rank - k] : 1;
        if (a != b && a != 1 && b != 1) {
            char ta[96], tb[96];
            return bs_raw_fail(r, "shapes %s and %s do not fit together", bs_shape_text(into, ta, sizeof ta),
                               bs_shape_text(other, tb, sizeof tb));
        }
        s.dim[s.rank - k] = a == 1 ? b : a;
    }
    *into = s;
    return BS_OK;
}

bs_status bs_read_split(const bs_raw *r, int64_t dim, int part, int64_t *size)
{
    const int64_t *sizes;
    size_t n;
    bool present;
    BS_TRY(bs_raw_ints(r, 1, "split", &sizes, &n, &present));
    if (present && n != (size_t)r->n_out)
        return bs_raw_fail(r, "%zu sizes for %d outputs", n, r->n_out);
    int64_t even = (dim + r->n_out - 1) / r->n_out;
    *size = present ? sizes[part] : dim - part * even < even ? dim - part * even : even;
    return *size < 0 || *size > dim ? bs_raw_fail(r, "a part of %lld elements", (long long)*size) : BS_OK;
}
