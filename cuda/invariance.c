#include "cuda/invariance.h"

#include "cuda/cuda_patch.h"
#include "cuda/cuda_run.h"
#include "cuda/enqueue.h"

#include "base/buf.h"

#include <stdlib.h>

/* The shapes that an engine computes in a campaign. Batches are padded to few sizes (see conv_dnn.c): 6
 * trials are a self-test's, 13 are padded to the 16 of a golden run. ALONE: samples that faulty filters are
 * computed on at once; TYPICAL: rows and columns of a patch. */
enum { SPOTS = 5, ALONE = 16, TYPICAL = 6 };

static const int batches[] = {1, 6, 13}; /* run as 1, 8, 16; and the largest */
static const int patch_sizes[][2] = {
    {1, 1}, {3, 3}, {2, 9}, {TYPICAL, TYPICAL}, {BS_INVARIANCE_SIZE, BS_INVARIANCE_SIZE}};
static const int filter_counts[] = {1, 5, 8,
                                    BS_CUDA_MOST_FILTERS}; /* also odd: some engines need multiples */
enum {
    BATCHES = sizeof batches / sizeof *batches,
    SIZES = sizeof patch_sizes / sizeof *patch_sizes,
    COUNTS = sizeof filter_counts / sizeof *filter_counts,
};

static const bs_node *node_of(const bs_invariance *r)
{
    return &r->stream->network->graph->nodes[r->node];
}

static const bs_tensor *tensor(const bs_invariance *r, int id)
{
    return &r->stream->network->graph->tensors[id];
}

static bs_dtype type_of(const bs_invariance *r, int id)
{
    return bs_cuda_type(r->stream->network, id);
}

/* --- the layer, and parts of it --- */

static bs_status run(const bs_invariance *r, int batch, const int32_t *rows, CUdeviceptr to)
{
    bs_view *in;
    BS_TRY(bs_calloc(&in, (size_t)node_of(r)->n_in, sizeof *in, "inputs"));
    in[0] = (bs_view){bs_cuda_pointer(r->x), rows};
    bs_status st = bs_cuda_run(r->stream, r->node, batch, in, bs_cuda_pointer(to));
    free(in);
    return st;
}

bs_status bs_invariance_whole(const bs_invariance *r)
{
    return run(r, r->samples, NULL, r->y);
}

bs_status bs_invariance_samples(const bs_invariance *r, int batch, bool *exact)
{
    int32_t row[BS_INVARIANCE_MOST];
    uint8_t equal[BS_INVARIANCE_MOST];
    int first = batch == 1 ? 0 : r->samples - 1; /* of 16-bit values, sample 0 tells orders apart */
    for (int i = 0; i < batch; i++)
        row[i] = (first + i) % r->samples;
    BS_TRY(run(r, batch, row, r->made));
    BS_TRY(bs_cuda_compare(r->stream, node_of(r)->out, batch, bs_cuda_pointer(r->made),
                           (bs_view){bs_cuda_pointer(r->y), row}, equal));
    BS_TRY(bs_cuda_collect(r->stream));
    for (int i = 0; i < batch; i++)
        *exact &= equal[i];
    return BS_OK;
}

bs_status bs_invariance_gather(const bs_invariance *r, const int size[2], int batch, int from, int in_size[2],
                               int32_t *origin[2], int32_t *row)
{
    const bs_node *nd = node_of(r);
    const bs_window *w = &nd->attr.window;
    const int64_t *out = tensor(r, nd->out)->shape.dim;
    int32_t in_origin[2][BS_INVARIANCE_MOST];
    for (int a = 0; a < 2; a++)
        in_size[a] = (size[a] - 1) * w->stride[a] + (w->kernel[a] - 1) * w->dilation[a] + 1;
    for (int i = 0; i < batch; i++) {
        int spot = (from + i) % SPOTS;
        row[i] = i % r->samples;
        for (int a = 0; a < 2; a++) {
            int last = (int)out[1 + a] - size[a];
            origin[a][i] = spot == SPOTS - 1 ? last / 2 : (a ? spot & 1 : spot >> 1) ? last : 0;
            in_origin[a][i] = origin[a][i] * w->stride[a] - w->pad[a];
        }
    }
    bs_patches want = {.size = {in_size[0], in_size[1]}, .origin = {in_origin[0], in_origin[1]}};
    return bs_cuda_gather(r->stream, nd->in[0], batch, (bs_view){bs_cuda_pointer(r->x), row}, NULL, NULL,
                          &want, 0.0f, bs_cuda_pointer(r->in_patches));
}

/* Tests patches of one size, beginning with spot `from`. */
static bs_status try_patches(const bs_invariance *r, const int size[2], int batch, int from, bool *exact)
{
    const bs_node *nd = node_of(r);
    int in_size[2];
    int32_t origin[2][BS_INVARIANCE_MOST], row[BS_INVARIANCE_MOST];
    uint8_t equal[BS_INVARIANCE_MOST];
    bs_view in[8] = {{bs_cuda_pointer(r->in_patches), NULL}};
    BS_TRY(bs_invariance_gather(r, size, batch, from, in_size, (int32_t *[]){origin[0], origin[1]}, row));
    BS_TRY(bs_cuda_run_patch(r->stream, r->node, batch, in_size, in, size, bs_cuda_pointer(r->made)));
    bs_patches at = {.size = {size[0], size[1]}, .origin = {origin[0], origin[1]}};
    BS_TRY(bs_cuda_compare_patch(r->stream, nd->out, batch, &at, bs_cuda_pointer(r->made),
                                 (bs_view){bs_cuda_pointer(r->y), row}, equal));
    BS_TRY(bs_cuda_collect(r->stream));
    for (int i = 0; i < batch; i++)
        *exact &= equal[i];
    return BS_OK;
}

bs_status bs_invariance_patches(const bs_invariance *r, int batch, bool *exact)
{
    const int64_t *out = tensor(r, node_of(r)->out)->shape.dim;
    for (int i = 0; i < SIZES && *exact; i++) {
        int size[2];
        for (int a = 0; a < 2; a++)
            size[a] = patch_sizes[i][a] < out[1 + a] ? patch_sizes[i][a] : (int)out[1 + a];
        BS_TRY(try_patches(r, size, batch, i + batch, exact));
    }
    return BS_OK;
}

/* Computes the outputs of filters on samples into r->made: the first filters, from the start again if there
 * are too few, as faults may need more than the layer has. */
static bs_status run_filters(const bs_invariance *r, int64_t filters, int samples, const int32_t *row)
{
    bs_stream *stream = r->stream;
    const bs_cuda_plan *p = &stream->network->plan[r->node];
    bool biased = bs_node_has_input(node_of(r), 2) && p->param[2];
    bs_cuda_job j = bs_cuda_make_job(stream, r->node, p->param, samples, NULL, r->made);
    int32_t from[BS_CUDA_MOST_FILTERS], first[BS_CUDA_MOST_FILTERS] = {0}; /* there is one group */
    CUdeviceptr staged, channels;
    for (int f = 0; f < filters; f++)
        from[f] = (int32_t)(f % p->filters);
    BS_TRY(bs_cuda_stage(stream, &staged, from, (size_t)filters * sizeof *from));
    BS_TRY(bs_cuda_copy_filters(stream, (int)filters, staged, p->param[1], p->length, BS_DTYPE_FP32,
                                &stream->filters));
    if (biased)
        BS_TRY(
            bs_cuda_copy_filters(stream, (int)filters, staged, p->param[2], 1, BS_DTYPE_FP32, &stream->bias));
    BS_TRY(bs_cuda_stage(stream, &channels, first, (size_t)filters * sizeof *first));
    return bs_cuda_conv(&j, samples, (bs_view){bs_cuda_pointer(r->x), row}, filters, stream->filters.ptr,
                        biased ? stream->bias.ptr : 0, channels, j.out);
}

/* Tests filters on this many samples. */
static bs_status try_filters(const bs_invariance *r, int64_t filters, int samples, bool *exact)
{
    const bs_node *nd = node_of(r);
    int64_t elements = tensor(r, nd->out)->elements, all = r->stream->network->plan[r->node].filters,
            plane = elements / all;
    bs_dtype type = type_of(r, nd->out);
    uint8_t equal[ALONE];
    int32_t row[ALONE];
    for (int i = 0; i < samples; i++)
        row[i] = i % r->samples;
    BS_TRY(run_filters(r, filters, samples, row));
    for (int64_t first = 0; first < filters; first += all) {
        int64_t here = filters - first < all ? filters - first : all;
        bs_cells made = bs_cells_from((bs_cells){bs_cuda_pointer(r->made), type}, first * plane);
        bs_operand part = {made.at, NULL, filters * plane, type}, whole;
        BS_TRY(bs_cuda_operand(r->stream, &whole, samples, (bs_view){bs_cuda_pointer(r->y), row}, elements,
                               type));
        BS_TRY(bs_cuda_compare_rows(r->stream, samples, here * plane, part, whole, equal));
        BS_TRY(bs_cuda_collect(r->stream));
        for (int i = 0; i < samples; i++)
            *exact &= equal[i];
    }
    return BS_OK;
}

bs_status bs_invariance_filters(const bs_invariance *r, int64_t filters, bool *exact)
{
    if (node_of(r)->attr.window.group > 1)
        return BS_OK;
    BS_TRY(try_filters(r, filters, 1, exact));
    return *exact ? try_filters(r, filters, r->alone, exact) : BS_OK;
}

static bs_status test(const bs_invariance *r, bool *exact)
{
    BS_TRY(bs_invariance_whole(r));
    for (int i = 0; i < BATCHES && *exact; i++)
        BS_TRY(bs_invariance_patches(r, batches[i], exact));
    for (int i = 0; i < BATCHES && *exact; i++)
        if (batches[i] <= r->most)
            BS_TRY(bs_invariance_samples(r, batches[i], exact));
    for (int i = 0; i < COUNTS && *exact; i++)
        BS_TRY(bs_invariance_filters(r, filter_counts[i], exact));
    if (*exact)
        BS_TRY(bs_invariance_patches(r, BS_INVARIANCE_MOST, exact));
    if (*exact)
        BS_TRY(bs_invariance_samples(r, r->most, exact));
    return BS_OK;
}

bs_status bs_invariance_judge(bs_stream *stream, bs_status st, bool *exact)
{
    if (st == BS_OK)
        return BS_OK;
    const bs_cuda_api *api = stream->network->device->api;
    CUresult alive = api->cuStreamSynchronize(stream->handle);
    if (alive != CUDA_SUCCESS)
        return bs_cuda_check(api, alive, "cuStreamSynchronize");
    if (st == BS_NO_MEMORY || st == BS_NO_DEVICE)
        return st;
    *exact = false;
    bs_error_clear();
    return BS_OK;
}

bs_status bs_invariance_test(const bs_invariance *r, bool *exact)
{
    *exact = true;
    return bs_invariance_judge(r->stream, test(r, exact), exact);
}

/* --- buffers --- */

void bs_invariance_end(bs_invariance *r)
{
    const CUdeviceptr all[] = {r->x, r->y, r->in_patches, r->made};
    bs_invariance_restore(r);
    bs_cuda_release(r->stream, all, sizeof all / sizeof *all);
}

/* Raises *in and *out to the elements of the layer's input and output for n patches of size `most`, as far as
 * the plane goes. */
static void count_patches(const bs_invariance *r, int n, int64_t most, int64_t *in, int64_t *out)
{
    const bs_node *nd = node_of(r);
    const bs_window *w = &nd->attr.window;
    const bs_tensor *x = tensor(r, nd->in[0]), *y = tensor(r, nd->out);
    int64_t patch = n * x->shape.dim[0], made = n * y->shape.dim[0];
    for (int a = 0; a < 2; a++) {
        int64_t size = most < y->shape.dim[1 + a] ? most : y->shape.dim[1 + a];
        patch *= (size - 1) * w->stride[a] + (int64_t)(w->kernel[a] - 1) * w->dilation[a] + 1;
        made *= size;
    }
    *in = patch > *in ? patch : *in;
    *out = made > *out ? made : *out;
}

bs_status bs_invariance_begin(bs_invariance *r, bs_stream *stream, int node, int patches, int samples)
{
    *r = (bs_invariance){.stream = stream, .node = node, .patches = patches, .samples = samples};
    const bs_tensor *x = tensor(r, node_of(r)->in[0]), *y = tensor(r, node_of(r)->out);
    int64_t few = BS_CUDA_MOST_FILTERS * (y->elements / y->shape.dim[0]), patch = 0;
    r->most = bs_cuda_dnn_most(x->elements, y->elements);
    r->most = r->most < samples ? samples : r->most;
    r->alone = bs_cuda_dnn_most(x->elements, few);
    r->alone = r->alone < ALONE ? r->alone : ALONE;
    int64_t made = r->most * y->elements > r->alone * few ? r->most * y->elements : r->alone * few;
    count_patches(r, BS_INVARIANCE_MOST, BS_INVARIANCE_SIZE, &patch, &made);
    BS_TRY(bs_invariance_alloc(stream, &r->x, samples * x->elements));
    BS_TRY(bs_invariance_alloc(stream, &r->y, samples * y->elements));
    BS_TRY(bs_invariance_alloc(stream, &r->in_patches, patch));
    BS_TRY(bs_invariance_alloc(stream, &r->made, made));
    bs_dtype type = type_of(r, node_of(r)->in[0]);
    BS_TRY(bs_invariance_fill(stream, r->x, samples * x->elements, type));
    return type == BS_DTYPE_FP32 ? BS_OK : bs_invariance_cancel(r, type);
}

/* Returns the shape of a batch of patches of output size `most`. */
static bs_cudnn_shape patches_shape(bs_stream *stream, int node, int64_t most)
{
    const bs_network *net = stream->network;
    bs_cuda_job j = bs_cuda_make_job(stream, node, net->plan[node].param, 1, NULL, 0);
    bs_cudnn_shape s = bs_cuda_dnn_shape(&j, BS_INVARIANCE_MOST, net->plan[node].filters);
    for (int a = 0; a < 2; a++) {
        s.out[a] = s.out[a] < most ? s.out[a] : most;
        s.in[a] = (s.out[a] - 1) * s.stride[a] + (s.kernel[a] - 1) * s.dilation[a] + 1;
    }
    for (int i = 0; i < 4; i++)
        s.pad[i] = 0;
    s.batch = bs_cuda_dnn_most(s.channels * s.in[0] * s.in[1], s.filters * s.out[0] * s.out[1]);
    return s;
}

bs_status bs_invariance_configs(bs_stream *stream, int node, bs_cudnn_config configs[BS_INVARIANCE_CONFIGS],
                                int *n)
{
    bs_cudnn_shape shape = patches_shape(stream, node, TYPICAL);
    BS_TRY(bs_cuda_dnn_start(stream));
    return bs_cudnn_configs(stream->dnn, &shape, BS_CUDA_DNN_WORKSPACE, configs, BS_INVARIANCE_CONFIGS, n);
}

bs_status bs_invariance_serves(bs_stream *stream, int node, const bs_cudnn_config *config, bool *served)
{
    bs_cudnn_shape shape = patches_shape(stream, node, TYPICAL);
    bs_cudnn_plan *plan = NULL;
    shape.type = config->type;
    BS_TRY(bs_cuda_dnn_start(stream));
    bs_status st = bs_cudnn_plan_create(&plan, stream->dnn, &shape, config, BS_CUDA_DNN_WORKSPACE);
    *served = plan != NULL;
    bs_cudnn_plan_free(plan);
    return st;
}
