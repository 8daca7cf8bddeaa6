/* Convolutions by one selected engine of cuDNN. Batches come in few sizes, padded with rows that are not
 * used, since every size needs a plan. */
#include "cuda/conv.h"
#include "cuda/enqueue.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

/* PIECE: bytes of input or output computed at once. SERVED: an engine may refuse larger batches, which are
 * then halved. PLANS: kept by a stream for one node. */
enum { PIECE = 256 << 20, SERVED = 16, PLANS = 512 };

struct bs_cuda_dnn_plan {
    struct bs_cuda_dnn_plan *next;
    bs_cudnn_shape shape;
    bs_cudnn_config config;
    bs_cudnn_plan *plan;
};

/* Returns the next size that is used: 1, 8, 16, ... 128, 144, ... Beyond 64 at most an eighth is padding. */
static int batch_size(int n)
{
    int step = 8;
    while (16 * step < n)
        step *= 2;
    return n == 1 ? 1 : (n + step - 1) / step * step;
}

int bs_cuda_dnn_most(int64_t in, int64_t out)
{
    int64_t bytes = (in > out ? in : out) * (int64_t)sizeof(float);
    int most = BS_CUDA_DNN_MOST;
    while (most > 1 && most * bytes > PIECE)
        most /= 2;
    return most;
}

bs_cudnn_shape bs_cuda_dnn_shape(const bs_cuda_job *j, int64_t batch, int64_t filters)
{
    const bs_window *w = &j->attr.window;
    const int64_t *in = j->in_shape[0].dim, *out = j->out_shape.dim;
    return (bs_cudnn_shape){.batch = batch,
                            .channels = in[0],
                            .filters = filters,
                            .group = w->group,
                            .in = {in[1], in[2]},
                            .out = {out[1], out[2]},
                            .kernel = {w->kernel[0], w->kernel[1]},
                            .stride = {w->stride[0], w->stride[1]},
                            .dilation = {w->dilation[0], w->dilation[1]},
                            .pad = {w->pad[0], w->pad[1], w->pad[2], w->pad[3]},
                            .tf32 = j->stream->network->device->options.tf32,
                            .type = j->stream->network->plan[j->index].dnn.type};
}

/* Returns true if two shapes of one node are equal: compares what differs between the whole and its
 * patches. */
static bool same_shape(const bs_cudnn_shape *a, const bs_cudnn_shape *b)
{
    bool same = a->batch == b->batch && a->filters == b->filters;
    for (int i = 0; i < 2; i++)
        same &= a->in[i] == b->in[i] && a->out[i] == b->out[i];
    for (int i = 0; i < 4; i++)
        same &= a->pad[i] == b->pad[i];
    return same;
}

static bool same_config(const bs_cudnn_config *a, const bs_cudnn_config *b)
{
    return a->engine == b->engine && a->type == b->type && a->n_knobs == b->n_knobs &&
           !memcmp(a->knob, b->knob, (size_t)a->n_knobs * sizeof a->knob[0]);
}

bs_status bs_cuda_dnn_start(bs_stream *stream)
{
    bs_cudnn *d = NULL;
    if (stream->dnn)
        return BS_OK;
    BS_TRY(bs_cudnn_create(&d, stream->network->device->api, NULL));
    bs_status st = bs_cudnn_set_stream(d, stream->handle);
    /* Do not keep a handle that works on another stream. */
    if (st == BS_OK)
        stream->dnn = d;
    else
        bs_cudnn_free(d);
    return st;
}

/* Removes the plan from the list and returns it, or returns NULL; *n is then the length of the list. */
static bs_cuda_dnn_plan *take_plan(bs_cuda_dnn_plan **at, const bs_cudnn_shape *shape,
                                   const bs_cudnn_config *config, int *n)
{
    for (*n = 0; *at; at = &(*at)->next, (*n)++)
        if (same_shape(&(*at)->shape, shape) && same_config(&(*at)->config, config)) {
            bs_cuda_dnn_plan *p = *at;
            *at = p->next;
            return p;
        }
    return NULL;
}

/* Frees the last plan of the list, once all submitted work has finished. */
static bs_status drop_last(bs_stream *stream, bs_cuda_dnn_plan **at)
{
    BS_TRY(bs_cuda_wait(stream));
    while ((*at)->next)
        at = &(*at)->next;
    bs_cudnn_plan_free((*at)->plan);
    free(*at);
    *at = NULL;
    return BS_OK;
}

static bs_status make_plan(bs_cuda_dnn_plan **out, bs_stream *stream, const bs_cudnn_shape *shape,
                           const bs_cudnn_config *config)
{
    BS_TRY(bs_cuda_dnn_start(stream));
    BS_TRY(bs_calloc(out, 1, sizeof **out, "convolution"));
    (*out)->shape = *shape;
    (*out)->config = *config;
    bs_status st = bs_cudnn_plan_create(&(*out)->plan, stream->dnn, shape, config, BS_CUDA_DNN_WORKSPACE);
    if (st != BS_OK)
        free(*out);
    return st;
}

/* Finds or makes a plan; *out is NULL if the config does not support the shape. The plan used last is the
 * first in its list. */
static bs_status find_plan(const bs_cudnn_plan **out, const bs_cuda_job *j, const bs_cudnn_shape *shape)
{
    bs_stream *stream = j->stream;
    const bs_cudnn_config *config = &stream->network->plan[j->index].dnn;
    bs_cuda_dnn_plan **list = &stream->dnn_plans[j->index];
    int n = 0;
    bs_cuda_dnn_plan *p = take_plan(list, shape, config, &n);
    if (!p) {
        if (n >= PLANS)
            BS_TRY(drop_last(stream, list));
        BS_TRY(make_plan(&p, stream, shape, config));
    }
    p->next = *list;
    *list = p;
    *out = p->plan;
    return BS_OK;
}

/* Runs one batch; cuDNN reads and makes floats, or words of the engine's type, as which `weights` are
 * given. *served: false, without an error, if the engine refuses it but may accept smaller ones. */
static bs_status run_batch(const bs_cuda_job *j, int n, bs_view in, int64_t filters, CUdeviceptr weights,
                           CUdeviceptr bias, bs_out out, bool *served)
{
    bs_stream *stream = j->stream;
    int size = batch_size(n);
    int64_t elements = bs_cuda_elements(&j->in_shape[0]), plane = j->out_shape.dim[1] * j->out_shape.dim[2];
    bs_cudnn_shape shape = bs_cuda_dnn_shape(j, size, filters);
    const bs_dtype type = shape.type, made = bs_is_half(out.format.type) ? out.format.type : BS_DTYPE_FP32;
    const bs_cudnn_plan *plan;
    CUdeviceptr x, y = bs_cuda_address(out.base);
    BS_TRY(find_plan(&plan, j, &shape));
    *served = plan != NULL;
    if (!plan && size > SERVED)
        return BS_OK;
    if (!plan)
        return bs_fail(BS_ERR, "node '%s': cuDNN's engine %lld does not serve %d sample(s) of %lld x %lld",
                       j->node->name, (long long)stream->network->plan[j->index].dnn.engine, size,
                       (long long)shape.in[0], (long long)shape.in[1]);
    BS_TRY(bs_cuda_pack_rows(stream, n, size, in, elements, bs_cuda_input_type(j, 0), type == BS_DTYPE_FP32,
                             &x));
    if (size != n || y % BS_CUDNN_ALIGNMENT || made != type) {
        BS_TRY(bs_cuda_reserve(stream, &stream->products, (size_t)bs_row_size(type, size * filters * plane)));
        y = stream->products.ptr;
    }
    size_t workspace = bs_cudnn_plan_workspace(plan);
    BS_TRY(bs_cuda_reserve(stream, &stream->workspace, workspace ? workspace : 1));
    BS_TRY(bs_cudnn_run(stream->dnn, plan, x, weights, y, stream->workspace.ptr));
    /* Runs without a bias, too: every NaN comes out the same, wherever it was computed. */
    bs_add_bias_args a = {.n = (uint32_t)n,
                          .elements = (uint32_t)(filters * plane),
                          .channels = (uint32_t)filters,
                          .plane = (uint32_t)plane,
                          .in_elements = filters * plane,
                          .in = {bs_cuda_pointer(y), type},
                          .bias = bs_cuda_pointer(bias),
                          .out = out};
    return bs_cuda_launch(stream, BS_KERNEL_add_bias, n, a.elements, &a);
}

bs_status bs_cuda_conv_dnn(const bs_cuda_job *j, int n, bs_view in, int64_t filters, CUdeviceptr weights,
                           CUdeviceptr bias, bs_out out)
{
    int64_t row = bs_cuda_elements(&j->in_shape[0]),
            made = filters * j->out_shape.dim[1] * j->out_shape.dim[2];
    BS_TRY(bs_cuda_words_get(j, filters, &weights));
    for (int at = 0, most = bs_cuda_dnn_most(row, made), here; at < n; at += here) {
        bool served = false;
        here = n - at < most ? n - at : most;
        bs_view from = bs_cuda_view_from(in, at, bs_row_size(bs_cuda_input_type(j, 0), row));
        BS_TRY(run_batch(j, here, from, filters, weights, bias, bs_out_from(out, at * made), &served));
        if (!served) {
            most = batch_size(here) / 2;
            here = 0;
        }
    }
    return BS_OK;
}

void bs_cuda_dnn_close(bs_stream *stream)
{
    for (int i = 0; stream->dnn_plans && i < stream->network->graph->n_nodes; i++)
        while (stream->dnn_plans[i]) {
            bs_cuda_dnn_plan *p = stream->dnn_plans[i];
            stream->dnn_plans[i] = p->next;
            bs_cudnn_plan_free(p->plan);
            free(p);
        }
    free(stream->dnn_plans);
    stream->dnn_plans = NULL;
    bs_cudnn_free(stream->dnn);
    stream->dnn = NULL;
}
