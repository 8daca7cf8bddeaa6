/* Launches operators that compute. */
#include "cuda/operators.h"

#include "cuda/conv.h"
#include "cuda/nd_space.h"
#include "cuda/network.h"
#include "cuda/enqueue.h"
#include "launch.h"

static const float *parameter(const bs_cuda_job *j, int k)
{
    return bs_node_has_input(j->node, k) ? bs_cuda_pointer(j->param[k]) : NULL;
}

bs_status bs_cuda_run_unary(const bs_cuda_job *j)
{
    uint32_t elements = (uint32_t)bs_cuda_elements(&j->out_shape);
    bs_unary_args a = {.n = (uint32_t)j->n,
                       .elements = elements,
                       .op = j->node->op,
                       .a = j->attr.alpha,
                       .b = j->attr.beta,
                       .out = j->out};
    BS_TRY(bs_cuda_input(j, 0, &a.in));
    return bs_cuda_launch(j->stream, BS_KERNEL_unary, j->n, elements, &a);
}

bs_status bs_cuda_run_clip(const bs_cuda_job *j)
{
    uint32_t elements = (uint32_t)bs_cuda_elements(&j->out_shape);
    bs_clip_args a = {.n = (uint32_t)j->n,
                      .elements = elements,
                      .low = parameter(j, 1),
                      .high = parameter(j, 2),
                      .low_value = j->attr.low,
                      .high_value = j->attr.high,
                      .out = j->out};
    BS_TRY(bs_cuda_input(j, 0, &a.in));
    return bs_cuda_launch(j->stream, BS_KERNEL_clip, j->n, elements, &a);
}

/* Gets input 0, or what has been combined so far, in floats. */
static bs_status left_operand(const bs_cuda_job *j, int k, bs_out so_far, bs_operand *out)
{
    if (k == 0)
        return bs_cuda_input(j, 0, out);
    *out = (bs_operand){so_far.base, NULL, bs_cuda_elements(&j->out_shape), BS_DTYPE_FP32};
    return BS_OK;
}

/* Gets where several inputs are combined: in the output, or in floats of their own where it has words. */
static bs_status combine_at(const bs_cuda_job *j, bs_out *out)
{
    *out = (bs_out){j->out.base, {BS_DTYPE_FP32, 1.0f}};
    if (!bs_is_half(j->out.format.type) || j->node->n_in == 2)
        return BS_OK;
    size_t bytes = (size_t)(j->n * bs_cuda_elements(&j->out_shape)) * sizeof(float);
    BS_TRY(bs_cuda_reserve(j->stream, &j->stream->between, bytes));
    out->base = bs_cuda_pointer(j->stream->between.ptr);
    return BS_OK;
}

/* Launches a kernel whose warps work a line each. */
static bs_status launch_lines(const bs_cuda_job *j, bs_kernel_id kernel, int64_t lines, const void *args)
{
    return bs_cuda_launch(j->stream, kernel, j->n, lines * BS_WARP_SIZE, args);
}

/* Combines the inputs from left to right: ((a + b) + c) + d, and rounds the last result only. */
bs_status bs_cuda_run_broadcast(const bs_cuda_job *j)
{
    const bs_shape *out = &j->out_shape;
    bs_out so_far;
    if (j->node->n_in == 1)
        return bs_cuda_run_expand(j);
    BS_TRY(combine_at(j, &so_far));
    for (int k = 1; k < j->node->n_in; k++) {
        const bs_shape *left = k == 1 ? &j->in_shape[0] : out;
        bs_binary_args a = {.n = (uint32_t)j->n,
                            .op = j->node->op,
                            .out = k == j->node->n_in - 1 ? j->out : so_far,
                            .out_elements = bs_cuda_elements(out)};
        BS_TRY(left_operand(j, k - 1, so_far, &a.a_in));
        BS_TRY(bs_cuda_input(j, k, &a.b_in));
        bs_cuda_nd_space_begin(&a.space);
        for (int axis = 0; axis < out->rank; axis++)
            bs_cuda_nd_space_add(&a.space, out->dim[axis], bs_cuda_stride(out, axis),
                                 bs_cuda_broadcast_stride(left, out, axis),
                                 bs_cuda_broadcast_stride(&j->in_shape[k], out, axis), 0);
        BS_TRY(bs_cuda_launch(j->stream, BS_KERNEL_binary, j->n, a.space.items, &a));
    }
    return BS_OK;
}

bs_status bs_cuda_run_where(const bs_cuda_job *j)
{
    const bs_shape *out = &j->out_shape, *in = j->in_shape;
    bs_where_args a = {.n = (uint32_t)j->n, .out = j->out, .out_elements = bs_cuda_elements(out)};
    BS_TRY(bs_cuda_input(j, 0, &a.condition));
    BS_TRY(bs_cuda_input(j, 1, &a.yes));
    BS_TRY(bs_cuda_input(j, 2, &a.no));
    bs_cuda_nd_space_begin(&a.space);
    for (int axis = 0; axis < out->rank; axis++)
        bs_cuda_nd_space_add(
            &a.space, out->dim[axis], bs_cuda_stride(out, axis), bs_cuda_broadcast_stride(&in[0], out, axis),
            bs_cuda_broadcast_stride(&in[1], out, axis), bs_cuda_broadcast_stride(&in[2], out, axis));
    return bs_cuda_launch(j->stream, BS_KERNEL_where, j->n, a.space.items, &a);
}

bs_status bs_cuda_run_batch_norm(const bs_cuda_job *j)
{
    const bs_shape *s = &j->out_shape;
    uint32_t elements = (uint32_t)bs_cuda_elements(s);
    bs_batch_norm_args a = {.n = (uint32_t)j->n,
                            .elements = elements,
                            .channels = (uint32_t)s->dim[j->attr.axis],
                            .plane = (uint32_t)bs_cuda_stride(s, j->attr.axis),
                            .scale = parameter(j, 1),
                            .bias = parameter(j, 2),
                            .mean = parameter(j, 3),
                            .var = parameter(j, 4),
                            .epsilon = j->attr.epsilon,
                            .out = j->out};
    BS_TRY(bs_cuda_input(j, 0, &a.in));
    return bs_cuda_launch(j->stream, BS_KERNEL_batch_norm, j->n, elements, &a);
}

bs_status bs_cuda_run_layer_norm(const bs_cuda_job *j)
{
    const bs_shape *s = &j->out_shape;
    int64_t length = 1, elements = bs_cuda_elements(s);
    for (int axis = j->attr.axis; axis < s->rank; axis++)
        length *= s->dim[axis];
    bs_layer_norm_args a = {.n = (uint32_t)j->n,
                            .lines = (uint32_t)(elements / length),
                            .length = (uint32_t)length,
                            .scale = parameter(j, 1),
                            .bias = parameter(j, 2),
                            .epsilon = j->attr.epsilon,
                            .out = j->out};
    BS_TRY(bs_cuda_input(j, 0, &a.in));
    return launch_lines(j, BS_KERNEL_layer_norm, a.lines, &a);
}

bs_status bs_cuda_run_instance_norm(const bs_cuda_job *j)
{
    const bs_shape *s = &j->out_shape;
    bs_instance_norm_args a = {.n = (uint32_t)j->n,
                               .channels = (uint32_t)s->dim[0],
                               .plane = (uint32_t)bs_cuda_stride(s, 0),
                               .scale = parameter(j, 1),
                               .bias = parameter(j, 2),
                               .epsilon = j->attr.epsilon,
                               .out = j->out};
    BS_TRY(bs_cuda_input(j, 0, &a.in));
    return launch_lines(j, BS_KERNEL_instance_norm, a.channels, &a);
}

bs_status bs_cuda_run_softmax(const bs_cuda_job *j)
{
    const bs_shape *s = &j->out_shape;
    int64_t length = s->dim[j->attr.axis];
    bs_softmax_args a = {.n = (uint32_t)j->n,
                         .lines = (uint32_t)(bs_cuda_elements(s) / length),
                         .length = (uint32_t)length,
                         .inner = (uint32_t)bs_cuda_stride(s, j->attr.axis),
                         .logarithm = j->node->op == BS_OP_LOG_SOFTMAX,
                         .out = j->out};
    BS_TRY(bs_cuda_input(j, 0, &a.in));
    return launch_lines(j, BS_KERNEL_softmax, a.lines, &a);
}

bs_status bs_cuda_run_lrn(const bs_cuda_job *j)
{
    const bs_shape *s = &j->out_shape;
    bs_lrn_args a = {.n = (uint32_t)j->n,
                     .channels = (uint32_t)s->dim[0],
                     .plane = (uint32_t)bs_cuda_stride(s, 0),
                     .size = j->attr.size,
                     .epsilon = j->attr.epsilon,
                     .alpha = j->attr.alpha,
                     .beta = j->attr.beta,
                     .out = j->out};
    BS_TRY(bs_cuda_input(j, 0, &a.in));
    return bs_cuda_launch(j->stream, BS_KERNEL_lrn, j->n, (int64_t)a.channels * a.plane, &a);
}

bs_status bs_cuda_run_pool(const bs_cuda_job *j)
{
    const int64_t *in = j->in_shape[0].dim, *out = j->out_shape.dim;
    bs_pool_args a = {.n = (uint32_t)j->n,
                      .channels = (uint32_t)out[0],
                      .average = j->node->op == BS_OP_AVERAGE_POOL,
                      .in_h = (int32_t)in[1],
                      .in_w = (int32_t)in[2],
                      .out_h = (int32_t)out[1],
                      .out_w = (int32_t)out[2],
                      .window = j->attr.window,
                      .out = j->out};
    BS_TRY(bs_cuda_input(j, 0, &a.in));
    return bs_cuda_launch(j->stream, BS_KERNEL_pool, j->n, bs_cuda_elements(&j->out_shape), &a);
}

bs_status bs_cuda_run_reduce(const bs_cuda_job *j)
{
    const bs_shape *in = &j->in_shape[0];
    bs_reduce_args a = {.n = (uint32_t)j->n, .op = j->node->op, .out = j->out};
    BS_TRY(bs_cuda_input(j, 0, &a.in));
    bs_cuda_nd_space_begin(&a.at);
    bs_cuda_nd_space_begin(&a.over);
    for (int axis = 0; axis < in->rank; axis++) {
        bool reduced = j->node->op == BS_OP_GLOBAL_AVERAGE_POOL ? axis > 0 : j->attr.reduce[axis];
        bs_cuda_nd_space_add(reduced ? &a.over : &a.at, in->dim[axis], bs_cuda_stride(in, axis), 0, 0, 0);
    }
    return launch_lines(j, BS_KERNEL_reduce, a.at.items, &a);
}

/* Multiplies two activations; by weights: bs_cuda_run_gemm(). */
bs_status bs_cuda_run_matmul(const bs_cuda_job *j)
{
    const bs_shape *x = &j->in_shape[0], *y = &j->in_shape[1], *out = &j->out_shape;
    if (bs_cuda_is_matrix(j->stream->network->graph, j->node))
        return bs_cuda_run_gemm(j);
    bs_matmul_args a = {.n = (uint32_t)j->n,
                        .rows = (uint32_t)x->dim[x->rank - 2],
                        .columns = (uint32_t)y->dim[y->rank - 1],
                        .depth = (uint32_t)x->dim[x->rank - 1],
                        .out = j->out,
                        .out_elements = bs_cuda_elements(out)};
    BS_TRY(bs_cuda_input(j, 0, &a.a_in));
    BS_TRY(bs_cuda_input(j, 1, &a.b_in));
    bs_cuda_nd_space_begin(&a.batch);
    for (int axis = 0; axis < out->rank - 2; axis++)
        bs_cuda_nd_space_add(&a.batch, out->dim[axis], bs_cuda_stride(out, axis),
                             bs_cuda_broadcast_stride(x, out, axis), bs_cuda_broadcast_stride(y, out, axis),
                             0);
    return bs_cuda_launch(j->stream, BS_KERNEL_matmul, j->n, (int64_t)a.batch.items * a.rows * a.columns, &a);
}
