/* Some units of a layer as a convolution of their own. */
#include "cpu/units.h"
#include "rng.h"

#include <stdlib.h>
#include <string.h>

static const bs_cpu_matrix *matrix_of(const bs_lane *l, int node)
{
    return &l->network->plan[node].matrix;
}

bs_status bs_cpu_units_load(bs_lane *l, int node, const bs_cpu_variant *v, const int *unit, int n)
{
    const bs_cpu_matrix *m = matrix_of(l, node);
    const bs_graph *graph = l->network->graph;
    const bs_node *nd = &graph->nodes[node];
    const bs_tensor *b = bs_node_has_input(nd, 2) ? &graph->tensors[nd->in[2]] : NULL;
    int per_unit = bs_cpu_unit_filters(m);
    size_t bytes = (size_t)(v->filters * m->filter) * sizeof(float);
    BS_TRY(bs_cpu_reserve(&l->file, bytes));
    BS_TRY(bs_cpu_reserve(&l->bias, (size_t)v->filters * sizeof(float)));
    float *weights = l->file.ptr, *bias = l->bias.ptr;
    memset(weights, 0, bytes);
    memset(bias, 0, (size_t)v->filters * sizeof(float));
    for (int f = 0; f < n * per_unit; f++) {
        int filter = unit[f / per_unit] * per_unit + f % per_unit;
        const float *from = graph->tensors[nd->in[1]].data + filter * m->stride_m;
        float *to = weights + f * m->filter;
        for (int64_t i = 0; i < m->filter; i++)
            to[i] = from[i * m->stride_i];
        if (b)
            bias[f] = b->data[b->elements == 1 ? 0 : filter];
    }
    return BS_OK;
}

bs_status bs_cpu_units_pack(bs_lane *l, int node, const bs_cpu_variant *v)
{
    const bs_cpu_matrix *m = matrix_of(l, node);
    float *weights = l->file.ptr, *bias = l->bias.ptr;
    BS_TRY(bs_cpu_reserve(&l->packed, bs_conv_pin_bytes(v->pin)));
    if (m->weight_scale != 1.0f)
        bs_cpu_scale(weights, weights, v->filters * m->filter, m->weight_scale);
    bs_cpu_scale(bias, bias, v->filters, m->bias_scale);
    return bs_conv_pin_pack(v->pin, weights, m->filter, 1, l->packed.ptr);
}

/* The units' own input channels of n samples, in l->work; channels of absent units are zero. */
static bs_status gather(bs_lane *l, const bs_cpu_matrix *m, const bs_cpu_variant *v, const int *unit,
                        int n_units, int n, bs_cpu_rows src)
{
    int64_t channels = m->shape.channels, width = channels / m->shape.group, pixels = m->in_row / channels;
    int64_t absent = (v->units - n_units) * width;
    BS_TRY(bs_cpu_reserve(&l->work, (size_t)(n * v->in_row) * sizeof(float)));
    float *to = l->work.ptr;
    for (int i = 0; i < n; i++) {
        const float *from = src.base + (src.sample ? src.sample[i] : i) * m->in_row;
        for (int64_t p = 0; p < pixels; p++, from += channels) {
            for (int u = 0; u < n_units; u++)
                for (int64_t c = 0; c < width; c++)
                    *to++ = from[unit[u] * width + c];
            for (int64_t c = 0; c < absent; c++)
                *to++ = 0.0f;
        }
    }
    return BS_OK;
}

bs_status bs_cpu_units_run(bs_lane *l, int node, bs_cpu_variant *v, const int *unit, int n_units, int n,
                           bs_cpu_rows src)
{
    const bs_cpu_matrix *m = matrix_of(l, node);
    const float *bias = m->shape.bias ? l->bias.ptr : NULL;
    BS_TRY(bs_cpu_reserve(&l->result, (size_t)(n * v->out_row * m->repeat) * sizeof(float)));
    if (m->shape.group > 1) {
        BS_TRY(gather(l, m, v, unit, n_units, n, src));
        src = (bs_cpu_rows){l->work.ptr, NULL};
    }
    return bs_cpu_matrix_run(l, m, v, l->packed.ptr, bias, n, src, l->result.ptr);
}

/* Runs the same input through the whole layer and, at every chunk size, through a variant of its first
 * units. *full: where the layer's output begins; the input lies behind it. */
static bs_status run_both(bs_lane *l, int node, bs_cpu_variant *v, int n, bs_cpu_buffer *trial)
{
    const bs_cpu_matrix *m = matrix_of(l, node);
    const bs_cpu_plan *p = &l->network->plan[node];
    int units = bs_cpu_units(m), used = v->units < units ? v->units : units;
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
    BS_TRY_GOTO(bs_cpu_variant_get(&whole, l, node, units), out);
    BS_TRY_GOTO(bs_cpu_matrix_run(l, m, whole, p->param[1], m->shape.bias ? p->param[2] : NULL, 1,
                                  (bs_cpu_rows){x, NULL}, full),
                out);
    BS_TRY_GOTO(bs_cpu_units_load(l, node, v, first.ptr, used), out);
    BS_TRY_GOTO(bs_cpu_units_pack(l, node, v), out);
    BS_TRY_GOTO(bs_cpu_units_run(l, node, v, first.ptr, used, n, (bs_cpu_rows){x, same.ptr}), out);
out:
    free(same.ptr);
    free(first.ptr);
    return st;
}

/* How many terms an implementation adds up at a time may depend on the number of filters, where sums are
 * long. Nothing says so but the bits. */
static bs_status compare(bool *exact, bs_lane *l, int node, bs_cpu_variant *v)
{
    const bs_cpu_matrix *m = matrix_of(l, node);
    int filters = v->filters < m->shape.filters ? v->filters : m->shape.filters;
    int n = ((1 << m->chunks) - 2) / m->repeat + 1;
    int64_t pixels = m->out_row * m->repeat / m->shape.filters;
    bs_cpu_buffer trial = {0};
    bs_status st;
    *exact = true;
    BS_TRY_GOTO(run_both(l, node, v, n, &trial), out);
    for (int64_t k = 0; k < n * pixels && *exact; k++)
        *exact = !memcmp((float *)trial.ptr + k % pixels * m->shape.filters,
                         (float *)l->result.ptr + k * v->filters, (size_t)filters * sizeof(float));
out:
    free(trial.ptr);
    return st;
}

bs_status bs_cpu_units_variant(bs_cpu_variant **out, bs_lane *l, int node, int units)
{
    BS_TRY(bs_cpu_variant_get(out, l, node, units));
    bs_cpu_variant *v = *out;
    bool exact = true;
    if (v->compared)
        return BS_OK;
    if (v->own_pin)
        BS_TRY(compare(&exact, l, node, v));
    if (!exact)
        v->pin = NULL;
    v->compared = true;
    return BS_OK;
}
