/* Some filter groups of a layer as a convolution of their own. */
#include "cpu/filter_groups.h"
#include "rng.h"

#include <stdlib.h>
#include <string.h>

static const bs_cpu_matrix *matrix_of(const bs_stream *stream, int node)
{
    return &stream->network->plan[node].matrix;
}

bs_status bs_cpu_filter_groups_load(bs_stream *stream, int node, const bs_cpu_variant *v,
                                    const int *filter_group, int n)
{
    const bs_cpu_matrix *m = matrix_of(stream, node);
    const bs_graph *graph = stream->network->graph;
    const bs_node *nd = &graph->nodes[node];
    const bs_tensor *b = bs_node_has_input(nd, 2) ? &graph->tensors[nd->in[2]] : NULL;
    int per_group = bs_cpu_group_filters(m);
    size_t bytes = (size_t)(v->filters * m->filter) * sizeof(float);
    BS_TRY(bs_cpu_reserve(&stream->file, bytes));
    BS_TRY(bs_cpu_reserve(&stream->bias, (size_t)v->filters * sizeof(float)));
    float *weights = stream->file.ptr, *bias = stream->bias.ptr;
    memset(weights, 0, bytes);
    memset(bias, 0, (size_t)v->filters * sizeof(float));
    for (int f = 0; f < n * per_group; f++) {
        int filter = filter_group[f / per_group] * per_group + f % per_group;
        const float *from = graph->tensors[nd->in[1]].data + filter * m->stride_m;
        float *to = weights + f * m->filter;
        for (int64_t i = 0; i < m->filter; i++)
            to[i] = from[i * m->stride_i];
        if (b)
            bias[f] = b->data[b->elements == 1 ? 0 : filter];
    }
    return BS_OK;
}

bs_status bs_cpu_filter_groups_pack(bs_stream *stream, int node, const bs_cpu_variant *v)
{
    const bs_cpu_matrix *m = matrix_of(stream, node);
    float *weights = stream->file.ptr, *bias = stream->bias.ptr;
    BS_TRY(bs_cpu_reserve(&stream->packed, bs_cpu_weights_bytes(m, v->impl, v->filters)));
    if (m->weight_scale != 1.0f)
        bs_cpu_scale(weights, weights, v->filters * m->filter, m->weight_scale);
    bs_cpu_scale(bias, bias, v->filters, m->bias_scale);
    return bs_cpu_weights_pack(m, v->impl, v->filters, weights, m->filter, 1, stream->packed.ptr);
}

/* Copies the filter groups' own input channels of n samples to stream->work; channels of absent filter groups
 * are zero. */
static bs_status gather(bs_stream *stream, const bs_cpu_matrix *m, const bs_cpu_variant *v,
                        const int *filter_group, int n_filter_groups, int n, bs_cpu_rows src)
{
    int64_t channels = m->shape.channels, width = channels / m->shape.group, pixels = m->in_row / channels;
    int64_t absent = (v->filter_groups - n_filter_groups) * width;
    BS_TRY(bs_cpu_reserve(&stream->work, (size_t)(n * v->in_row) * sizeof(float)));
    float *to = stream->work.ptr;
    for (int i = 0; i < n; i++) {
        const float *from = src.base + (src.sample ? src.sample[i] : i) * m->in_row;
        for (int64_t p = 0; p < pixels; p++, from += channels) {
            for (int u = 0; u < n_filter_groups; u++)
                for (int64_t c = 0; c < width; c++)
                    *to++ = from[filter_group[u] * width + c];
            for (int64_t c = 0; c < absent; c++)
                *to++ = 0.0f;
        }
    }
    return BS_OK;
}

bs_status bs_cpu_filter_groups_run(bs_stream *stream, int node, bs_cpu_variant *v, const int *filter_group,
                                   int n_filter_groups, int n, bs_cpu_rows src)
{
    const bs_cpu_matrix *m = matrix_of(stream, node);
    const float *bias = m->shape.bias ? stream->bias.ptr : NULL;
    BS_TRY(bs_cpu_reserve(&stream->result, (size_t)(n * v->out_row * m->repeat) * sizeof(float)));
    if (m->kernel)
        return bs_cpu_product_rows(stream, m, v->filters, stream->packed.ptr, bias, n, src,
                                   stream->result.ptr);
    if (m->shape.group > 1) {
        BS_TRY(gather(stream, m, v, filter_group, n_filter_groups, n, src));
        src = (bs_cpu_rows){stream->work.ptr, NULL};
    }
    return bs_cpu_matrix_run(stream, m, v, stream->packed.ptr, bias, n, src, stream->result.ptr);
}

/* Runs the same input through the whole layer and, at every chunk size, through a variant of its first filter
 * groups. `trial` receives the layer's output, and the input after it. */
static bs_status run_both(bs_stream *stream, int node, bs_cpu_variant *v, int n, bs_cpu_buffer *trial)
{
    const bs_cpu_matrix *m = matrix_of(stream, node);
    const bs_cpu_plan *p = &stream->network->plan[node];
    int filter_groups = bs_cpu_filter_groups(m),
        used = v->filter_groups < filter_groups ? v->filter_groups : filter_groups;
    int64_t in = m->in_row * m->repeat, out = m->out_row * m->repeat;
    bs_cpu_buffer same = {0}, first = {0};
    bs_cpu_variant *whole;
    bs_status st;
    BS_TRY_GOTO(bs_cpu_reserve(&same, (size_t)n * sizeof(int32_t)), out);
    BS_TRY_GOTO(bs_cpu_reserve(&first, (size_t)used * sizeof(int)), out);
    BS_TRY_GOTO(bs_cpu_reserve(trial, (size_t)(in + out) * sizeof(float)), out);
    float *full = trial->ptr, *x = full + out;
    memset(same.ptr, 0, (size_t)n * sizeof(int32_t));
    for (int u = 0; u < used; u++)
        ((int *)first.ptr)[u] = u;
    for (int64_t i = 0; i < in; i++)
        x[i] = (float)(int32_t)bs_draw(0, (uint64_t)i, 0, 0) * 0x1p-31f;
    BS_TRY_GOTO(bs_cpu_variant_get(&whole, stream, node, filter_groups), out);
    BS_TRY_GOTO(bs_cpu_matrix_run(stream, m, whole, p->param[1], m->shape.bias ? p->param[2] : NULL, 1,
                                  (bs_cpu_rows){x, NULL}, full),
                out);
    BS_TRY_GOTO(bs_cpu_filter_groups_load(stream, node, v, first.ptr, used), out);
    BS_TRY_GOTO(bs_cpu_filter_groups_pack(stream, node, v), out);
    BS_TRY_GOTO(bs_cpu_filter_groups_run(stream, node, v, first.ptr, used, n, (bs_cpu_rows){x, same.ptr}),
                out);
out:
    free(same.ptr);
    free(first.ptr);
    return st;
}

/* Compares a variant with the whole layer. Where sums are long, the number of terms that an implementation
 * adds at a time may depend on the number of filters, and only the bits tell. */
static bs_status compare(bool *exact, bs_stream *stream, int node, bs_cpu_variant *v)
{
    const bs_cpu_matrix *m = matrix_of(stream, node);
    int filters = v->filters < m->shape.filters ? v->filters : m->shape.filters;
    int n = ((1 << m->chunks) - 2) / m->repeat + 1;
    int64_t pixels = m->out_row * m->repeat / m->shape.filters;
    bs_cpu_buffer trial = {0};
    bs_status st;
    *exact = true;
    BS_TRY_GOTO(run_both(stream, node, v, n, &trial), out);
    for (int64_t k = 0; k < n * pixels && *exact; k++)
        *exact = !memcmp((float *)trial.ptr + k % pixels * m->shape.filters,
                         (float *)stream->result.ptr + k * v->filters, (size_t)filters * sizeof(float));
out:
    free(trial.ptr);
    return st;
}

bs_status bs_cpu_filter_groups_variant(bs_cpu_variant **out, bs_stream *stream, int node, int filter_groups)
{
    BS_TRY(bs_cpu_variant_get(out, stream, node, filter_groups));
    bs_cpu_variant *v = *out;
    bool exact = true;
    if (v->compared)
        return BS_OK;
    if (v->own_impl)
        BS_TRY(compare(&exact, stream, node, v));
    if (!exact)
        v->impl = NULL;
    v->compared = true;
    return BS_OK;
}
