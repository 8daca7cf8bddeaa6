/* Launches operators that move elements. */
#include "cuda/nd_space.h"
#include "cuda/operators.h"
#include "cuda/enqueue.h"

/* Moves the elements of `box`, from `from` in the input to `to` in the output, by the strides of both arrays
 * along its axes. */
static bs_status move(const bs_cuda_job *j, int input, const bs_shape *box, const int64_t *out_stride,
                      const int64_t *in_stride, int64_t to, int64_t from)
{
    bs_move_args a = {.n = (uint32_t)j->n,
                      .out = j->out,
                      .out_elements = bs_cuda_elements(&j->out_shape),
                      .to = to,
                      .from = from};
    BS_TRY(bs_cuda_input(j, input, &a.in));
    bs_cuda_nd_space_begin(&a.space);
    for (int axis = 0; axis < box->rank; axis++)
        bs_cuda_nd_space_add(&a.space, box->dim[axis], out_stride[axis], in_stride[axis], 0, 0);
    return bs_cuda_launch(j->stream, BS_KERNEL_move, j->n, a.space.items, &a);
}

static void strides(const bs_shape *s, int64_t *out)
{
    for (int axis = 0; axis < s->rank; axis++)
        out[axis] = bs_cuda_stride(s, axis);
}

bs_status bs_cuda_run_reshape(const bs_cuda_job *j)
{
    bs_copy_rows_args a = {
        .n = (uint32_t)j->n, .elements = (uint32_t)bs_cuda_elements(&j->out_shape), .out = j->out};
    BS_TRY(bs_cuda_input(j, 0, &a.in));
    return bs_cuda_launch(j->stream, BS_KERNEL_copy_rows, j->n, a.elements, &a);
}

bs_status bs_cuda_run_identity(const bs_cuda_job *j)
{
    return bs_cuda_run_reshape(j);
}

bs_status bs_cuda_run_transpose(const bs_cuda_job *j)
{
    int64_t out[BS_MAX_RANK], in[BS_MAX_RANK];
    strides(&j->out_shape, out);
    for (int axis = 0; axis < j->out_shape.rank; axis++)
        in[axis] = bs_cuda_stride(&j->in_shape[0], j->attr.perm[axis]);
    return move(j, 0, &j->out_shape, out, in, 0, 0);
}

/* An input of length 0 has no part in a patch. */
bs_status bs_cuda_run_concat(const bs_cuda_job *j)
{
    int64_t out[BS_MAX_RANK], in[BS_MAX_RANK], at = 0;
    strides(&j->out_shape, out);
    for (int k = 0; k < j->node->n_in; k++) {
        if (j->in_shape[k].dim[j->attr.axis] == 0)
            continue;
        strides(&j->in_shape[k], in);
        BS_TRY(move(j, k, &j->in_shape[k], out, in, at, 0));
        at += j->in_shape[k].dim[j->attr.axis] * out[j->attr.axis];
    }
    return BS_OK;
}

bs_status bs_cuda_run_slice(const bs_cuda_job *j)
{
    int64_t out[BS_MAX_RANK], in[BS_MAX_RANK], from = 0;
    strides(&j->out_shape, out);
    strides(&j->in_shape[0], in);
    for (int axis = 0; axis < j->out_shape.rank; axis++) {
        from += j->attr.begin[axis] * in[axis];
        in[axis] *= j->attr.step[axis];
    }
    return move(j, 0, &j->out_shape, out, in, 0, from);
}

static bs_status pad_from_input(const bs_cuda_job *j)
{
    const bs_shape *in = &j->in_shape[0], *out = &j->out_shape;
    bs_pad_args a = {.n = (uint32_t)j->n,
                     .elements = (uint32_t)bs_cuda_elements(out),
                     .mode = j->attr.pad_mode,
                     .rank = out->rank,
                     .out = j->out};
    for (int axis = 0; axis < out->rank; axis++) {
        a.out_dim[axis] = out->dim[axis];
        a.in_dim[axis] = in->dim[axis];
        a.begin[axis] = j->attr.begin[axis];
    }
    BS_TRY(bs_cuda_input(j, 0, &a.in));
    return bs_cuda_launch(j->stream, BS_KERNEL_pad, j->n, a.elements, &a);
}

bs_status bs_cuda_run_pad(const bs_cuda_job *j)
{
    if (j->attr.pad_mode != BS_PAD_CONSTANT)
        return pad_from_input(j);
    const bs_shape *in_shape = &j->in_shape[0], *out_shape = &j->out_shape;
    int64_t out[BS_MAX_RANK], in[BS_MAX_RANK], to = 0, from = 0;
    bs_shape box = *out_shape;
    bool empty = false;
    strides(out_shape, out);
    strides(in_shape, in);
    for (int axis = 0; axis < box.rank; axis++) {
        int64_t before = j->attr.begin[axis];
        int64_t skip = before < 0 ? -before : 0, put = before > 0 ? before : 0;
        int64_t left = in_shape->dim[axis] - skip, room = out_shape->dim[axis] - put;
        box.dim[axis] = left < room ? left : room;
        empty |= box.dim[axis] <= 0;
        from += skip * in[axis];
        to += put * out[axis];
    }
    bs_fill_args a = {.n = (uint32_t)j->n,
                      .elements = (uint32_t)bs_cuda_elements(out_shape),
                      .value = j->attr.value,
                      .out = j->out};
    BS_TRY(bs_cuda_launch(j->stream, BS_KERNEL_fill, j->n, a.elements, &a));
    return empty ? BS_OK : move(j, 0, &box, out, in, to, from);
}

bs_status bs_cuda_run_expand(const bs_cuda_job *j)
{
    int64_t out[BS_MAX_RANK], in[BS_MAX_RANK];
    strides(&j->out_shape, out);
    for (int axis = 0; axis < j->out_shape.rank; axis++)
        in[axis] = bs_cuda_broadcast_stride(&j->in_shape[0], &j->out_shape, axis);
    return move(j, 0, &j->out_shape, out, in, 0, 0);
}

/* Each axis becomes two: the repetitions, and the input's own. */
bs_status bs_cuda_run_tile(const bs_cuda_job *j)
{
    const bs_shape *in = &j->in_shape[0], *out = &j->out_shape;
    bs_move_args a = {.n = (uint32_t)j->n, .out = j->out, .out_elements = bs_cuda_elements(out)};
    BS_TRY(bs_cuda_input(j, 0, &a.in));
    bs_cuda_nd_space_begin(&a.space);
    for (int axis = 0; axis < out->rank; axis++) {
        int64_t stride = bs_cuda_stride(out, axis), dim = in->dim[axis];
        bs_cuda_nd_space_add(&a.space, out->dim[axis] / dim, dim * stride, 0, 0, 0);
        bs_cuda_nd_space_add(&a.space, dim, stride, bs_cuda_stride(in, axis), 0, 0);
    }
    return bs_cuda_launch(j->stream, BS_KERNEL_move, j->n, a.space.items, &a);
}

bs_status bs_cuda_run_gather(const bs_cuda_job *j)
{
    const bs_shape *in = &j->in_shape[0];
    CUdeviceptr index;
    bs_pick_args a = {.n = (uint32_t)j->n,
                      .elements = (uint32_t)bs_cuda_elements(&j->out_shape),
                      .dim = (uint32_t)in->dim[j->attr.axis],
                      .inner = (uint32_t)bs_cuda_stride(in, j->attr.axis),
                      .n_index = (uint32_t)j->node->n_index,
                      .out = j->out};
    BS_TRY(
        bs_cuda_stage(j->stream, &index, j->node->index, (size_t)j->node->n_index * sizeof *j->node->index));
    a.index = bs_cuda_pointer(index);
    BS_TRY(bs_cuda_input(j, 0, &a.in));
    return bs_cuda_launch(j->stream, BS_KERNEL_pick, j->n, a.elements, &a);
}

bs_status bs_cuda_run_resize(const bs_cuda_job *j)
{
    const int64_t *in = j->in_shape[0].dim, *out = j->out_shape.dim;
    bs_resize_args a = {.n = (uint32_t)j->n,
                        .channels = (uint32_t)in[0],
                        .in_h = (int32_t)in[1],
                        .in_w = (int32_t)in[2],
                        .out_h = (int32_t)out[1],
                        .out_w = (int32_t)out[2],
                        .resize = j->attr.resize,
                        .out = j->out};
    BS_TRY(bs_cuda_input(j, 0, &a.in));
    return bs_cuda_launch(j->stream, BS_KERNEL_resize, j->n, bs_cuda_elements(&j->out_shape), &a);
}
