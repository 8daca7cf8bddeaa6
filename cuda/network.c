#include "cuda/network.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

bool bs_cuda_is_matrix(const bs_graph *g, const bs_node *n)
{
    return n->op == BS_OP_GEMM || bs_matmul_by_weights(g, n);
}

static void plan_matrix(bs_cuda_plan *p, const bs_graph *g, const bs_node *n)
{
    const bs_shape *x = &g->tensors[n->in[0]].shape, *y = &g->tensors[n->out].shape;
    bool gemm = n->op == BS_OP_GEMM, transposed = gemm && n->attr.trans_b;
    p->length = x->dim[x->rank - 1];
    p->filters = y->dim[y->rank - 1];
    p->repeat = g->tensors[n->in[0]].elements / p->length;
    p->stride_m = transposed ? p->length : 1;
    p->stride_k = transposed ? 1 : p->filters;
    p->weight_scale = gemm ? n->attr.alpha : 1.0f;
    p->bias_scale = gemm ? n->attr.beta : 1.0f;
}

static void plan_conv(bs_cuda_plan *p, const bs_graph *g, const bs_node *n)
{
    const bs_tensor *w = &g->tensors[n->in[1]];
    p->filters = w->shape.dim[0];
    p->length = w->elements / p->filters;
    p->repeat = 1;
    p->stride_m = p->length;
    p->stride_k = 1;
    p->weight_scale = p->bias_scale = 1.0f;
}

/* Writes a parameter in the form that the kernels take; t->data is in file order. */
static void prepare(const bs_cuda_plan *p, int input, const bs_tensor *t, float *out)
{
    if (p->filters && input == 1) {
        for (int64_t m = 0; m < p->filters; m++)
            for (int64_t k = 0; k < p->length; k++)
                out[m * p->length + k] = t->data[m * p->stride_m + k * p->stride_k] * p->weight_scale;
    } else if (p->filters && input == 2) {
        for (int64_t m = 0; m < p->filters; m++)
            out[m] = t->data[t->elements == 1 ? 0 : m] * p->bias_scale;
    } else {
        memcpy(out, t->data, (size_t)t->elements * sizeof *out);
    }
}

bs_filters bs_cuda_filters(const bs_cuda_plan *p, int input)
{
    bool bias = input == 2;
    return (bs_filters){bias ? 1 : p->length, bias ? 1 : p->stride_k, (int)p->filters, 1};
}

bs_site bs_cuda_param_site(const bs_network *n, int node, int input, bs_site s)
{
    const bs_cuda_plan *p = &n->plan[node];
    const bs_tensor *t = &n->graph->tensors[n->graph->nodes[node].in[input]];
    float value = bs_inject_value(bs_tensor_format(t, s.element), s, t->data[s.element], NULL);
    uint32_t at = s.element;
    if (p->filters && input == 1) {
        bs_filters filters = bs_cuda_filters(p, input);
        int m;
        int64_t k;
        bs_filters_locate(&filters, at, &m, &k);
        at = (uint32_t)(m * p->length + k);
        /* Without a scale the value stays exact: a product could turn a signalling NaN into a quiet one. */
        if (p->weight_scale != 1.0f)
            value *= p->weight_scale;
    } else if (p->filters && input == 2 && p->bias_scale != 1.0f) {
        value *= p->bias_scale;
    }
    return (bs_site){at, 0, bs_float_bits(value)};
}

static int64_t prepared_elements(const bs_cuda_plan *p, int input, const bs_tensor *t)
{
    return p->filters && input == 2 ? p->filters : t->elements;
}

static bs_status upload_param(bs_network *n, int node, int input)
{
    const bs_cuda_api *api = n->device->api;
    const bs_tensor *t = &n->graph->tensors[n->graph->nodes[node].in[input]];
    bs_cuda_plan *p = &n->plan[node];
    size_t bytes = (size_t)prepared_elements(p, input, t) * sizeof(float);
    float *data;
    BS_TRY(bs_alloc_aligned(&data, bytes ? bytes : sizeof(float), t->name));
    prepare(p, input, t, data);
    bs_status st =
        bs_cuda_check(api, api->cuMemAlloc(&p->param[input], bytes ? bytes : sizeof(float)), "cuMemAlloc");
    /* From pageable memory, the call returns once the data has been read. */
    if (st == BS_OK && bytes)
        st = bs_cuda_check(api, api->cuMemcpyHtoDAsync(p->param[input], data, bytes, 0), "cuMemcpyHtoDAsync");
    if (st == BS_OK)
        st = bs_cuda_check(api, api->cuStreamSynchronize(0), "cuStreamSynchronize");
    free(data);
    return st;
}

/* A bias of one element is repeated for all filters. */
bs_status bs_cuda_plan_node(bs_network *n, int node)
{
    const bs_graph *g = n->graph;
    const bs_node *nd = &g->nodes[node];
    bs_cuda_plan *p = &n->plan[node];
    if (nd->n_in > n->max_inputs)
        n->max_inputs = nd->n_in;
    BS_TRY(bs_calloc(&p->param, (size_t)nd->n_in, sizeof *p->param, "parameters"));
    if (nd->op == BS_OP_CONV)
        plan_conv(p, g, nd);
    else if (bs_cuda_is_matrix(g, nd))
        plan_matrix(p, g, nd);
    for (int k = 0; k < nd->n_in; k++)
        if (nd->in[k] >= 0 && g->tensors[nd->in[k]].constant)
            BS_TRY(upload_param(n, node, k));
    return BS_OK;
}

void bs_cuda_unload(bs_network *n)
{
    if (!n)
        return;
    const bs_cuda_api *api = n->device->api;
    bool alive = bs_cuda_enter(n->device) == BS_OK;
    for (int i = 0; n->plan && i < n->graph->n_nodes; i++) {
        for (int k = 0; n->plan[i].param && k < n->graph->nodes[i].n_in; k++)
            if (alive && n->plan[i].param[k])
                api->cuMemFree(n->plan[i].param[k]);
        if (alive && n->plan[i].words)
            api->cuMemFree(n->plan[i].words);
        free(n->plan[i].param);
    }
    free(n->plan);
    free(n->planes);
    free(n);
}

size_t bs_cuda_row_bytes(const bs_network *n, int tensor)
{
    return (size_t)bs_row_size(bs_cuda_type(n, tensor), n->graph->tensors[tensor].elements);
}
