/* Convolutions. The engine of a layer computes it whole, on patches, and with faulty filters. */
#include "cuda/conv.h"

#include "cuda/enqueue.h"

/* Im2col rows are made and used in pieces of at most this size. */
enum { IM2COL_BYTES = 256 << 20 };

static bs_conv_geometry geometry(const bs_cuda_job *j)
{
    const bs_window *w = &j->attr.window;
    const int64_t *in = j->in_shape[0].dim, *out = j->out_shape.dim;
    return (bs_conv_geometry){.in_h = (int32_t)in[1],
                              .in_w = (int32_t)in[2],
                              .out_h = (int32_t)out[1],
                              .out_w = (int32_t)out[2],
                              .kernel = {w->kernel[0], w->kernel[1]},
                              .stride = {w->stride[0], w->stride[1]},
                              .dilation = {w->dilation[0], w->dilation[1]},
                              .pad = {w->pad[0], w->pad[1]},
                              .channels = (int32_t)in[0] / w->group};
}

static bs_status run_direct(const bs_cuda_job *j, int n, bs_operand in, int64_t filters, CUdeviceptr weights,
                            CUdeviceptr bias, CUdeviceptr first, bs_out out)
{
    const bs_cuda_plan *p = &j->stream->network->plan[j->index];
    bs_direct_args a = {.n = (uint32_t)n,
                        .filters = (uint32_t)filters,
                        .per_group = (uint32_t)(p->filters / j->attr.window.group),
                        .g = geometry(j),
                        .in = in,
                        .weights = bs_cuda_pointer(weights),
                        .bias = bs_cuda_pointer(bias),
                        .first = bs_cuda_pointer(first),
                        .out = out};
    return bs_cuda_launch(j->stream, BS_KERNEL_direct, n, filters * a.g.out_h * a.g.out_w, &a);
}

/* Returns the operand from sample `at` on. */
static bs_operand from_sample(bs_operand o, int64_t at)
{
    if (o.rows)
        o.rows += at;
    else
        o.base = (const char *)o.base + bs_row_size(o.type, at * o.elements);
    return o;
}

/* Computes pixels first .. first + pixels - 1 of n samples. */
static bs_status run_piece(const bs_cuda_job *j, int n, bs_operand in, int64_t first, int64_t pixels,
                           int64_t filters, CUdeviceptr weights, CUdeviceptr bias, bs_out out)
{
    bs_stream *stream = j->stream;
    const bs_cuda_plan *p = &stream->network->plan[j->index];
    bs_conv_geometry g = geometry(j);
    int64_t width = bs_cuda_padded(filters);
    const bs_out products = {bs_cuda_pointer(stream->products.ptr), {BS_DTYPE_FP32, 1.0f}};
    const bs_cells columns = {bs_cuda_pointer(stream->columns.ptr), BS_DTYPE_FP32};
    bs_im2col_args u = {.n = (uint32_t)n,
                        .pixels = (uint32_t)pixels,
                        .first_pixel = (int32_t)first,
                        .g = g,
                        .in = in,
                        .out = bs_cuda_pointer(stream->columns.ptr)};
    BS_TRY(bs_cuda_launch(stream, BS_KERNEL_im2col, n, pixels * p->length, &u));
    BS_TRY(p->gemm.selected ? bs_cuda_gemm_run(stream, &p->gemm, n * pixels, filters, stream->columns.ptr,
                                               weights, stream->products.ptr)
                            : bs_cuda_gemm_own(stream, n * pixels, filters, p->length, columns, weights, 0,
                                               products, width));
    bs_col2im_args f = {.n = (uint32_t)n,
                        .filters = (uint32_t)filters,
                        .width = (uint32_t)width,
                        .pixels = (uint32_t)pixels,
                        .plane = (uint32_t)(g.out_h * g.out_w),
                        .first_pixel = (int32_t)first,
                        .products = products.base,
                        .bias = bs_cuda_pointer(bias),
                        .out = out};
    return bs_cuda_launch(stream, BS_KERNEL_col2im, n, (pixels + 7) / 8 * ((filters + 3) / 4) * 32, &f);
}

static bs_status run_products(const bs_cuda_job *j, int n, bs_operand in, int64_t filters,
                              CUdeviceptr weights, CUdeviceptr bias, bs_out out)
{
    bs_stream *stream = j->stream;
    const bs_cuda_plan *p = &stream->network->plan[j->index];
    int64_t plane = j->out_shape.dim[1] * j->out_shape.dim[2], width = bs_cuda_padded(filters);
    int64_t row = (int64_t)sizeof(float) * (p->length > width ? p->length : width);
    int64_t room = IM2COL_BYTES / row > 1 ? IM2COL_BYTES / row : 1; /* in pixels */
    int64_t pixels = plane < room ? plane : room, samples = pixels < plane ? 1 : room / plane;
    samples = samples < n ? samples : n;
    BS_TRY(bs_cuda_reserve(stream, &stream->columns, (size_t)(samples * pixels * p->length) * sizeof(float)));
    BS_TRY(bs_cuda_reserve(stream, &stream->products, (size_t)(samples * pixels * width) * sizeof(float)));
    for (int64_t i = 0; i < n; i += samples)
        for (int64_t first = 0; first < plane; first += pixels)
            BS_TRY(run_piece(j, (int)(n - i < samples ? n - i : samples), from_sample(in, i), first,
                             plane - first < pixels ? plane - first : pixels, filters, weights, bias,
                             bs_out_from(out, i * filters * plane)));
    return BS_OK;
}

bs_status bs_cuda_conv(const bs_cuda_job *j, int n, bs_view in, int64_t filters, CUdeviceptr weights,
                       CUdeviceptr bias, CUdeviceptr first, bs_out out)
{
    bs_operand x;
    bs_cuda_engine engine = j->stream->network->plan[j->index].engine;
    if (engine == BS_CUDA_DNN)
        return bs_cuda_conv_dnn(j, n, in, filters, weights, bias, out);
    BS_TRY(
        bs_cuda_operand(j->stream, &x, n, in, bs_cuda_elements(&j->in_shape[0]), bs_cuda_input_type(j, 0)));
    if (engine == BS_CUDA_DIRECT)
        return run_direct(j, n, x, filters, weights, bias, first, out);
    return run_products(j, n, x, filters, weights, bias, out);
}

bs_status bs_cuda_run_conv(const bs_cuda_job *j)
{
    CUdeviceptr bias = bs_node_has_input(j->node, 2) ? j->param[2] : 0;
    return bs_cuda_conv(j, j->n, j->in[0], j->stream->network->plan[j->index].filters, j->param[1], bias, 0,
                        j->out);
}
