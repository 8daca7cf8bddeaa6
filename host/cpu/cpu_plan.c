#include "base/buf.h"
#include "cpu/cpu_patch.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_SKIP = 3 };

static void plan_conv(const bs_graph *g, const bs_node *n, bs_cpu_matrix *m)
{
    const bs_window *w = &n->attr.window;
    const int64_t *in = g->tensors[n->in[0]].shape.dim, *out = g->tensors[n->out].shape.dim;
    m->shape = (bs_conv_shape){
        .batch = 1,
        .group = w->group,
        .channels = (int)in[0],
        .filters = (int)out[0],
        .in_h = (int)in[1],
        .in_w = (int)in[2],
        .out_h = (int)out[1],
        .out_w = (int)out[2],
        .kernel = {w->kernel[0], w->kernel[1]},
        .stride = {w->stride[0], w->stride[1]},
        .dilation = {w->dilation[0], w->dilation[1]},
        .pad = {w->pad[0], w->pad[1], w->pad[2], w->pad[3]},
        .bias = bs_node_has_input(n, 2),
    };
    m->repeat = 1;
    m->in_row = g->tensors[n->in[0]].elements;
    m->out_row = g->tensors[n->out].elements;
    m->filter = in[0] / w->group * w->kernel[0] * w->kernel[1];
    m->stride_m = m->filter;
    m->stride_i = 1;
    m->weight_scale = m->bias_scale = 1.0f;
    m->chunks = bs_cpu_conv_chunks(out[1] * out[2]);
}

static void plan_gemm(const bs_graph *g, const bs_node *n, const bs_cpu_layout *layout, bs_cpu_matrix *m)
{
    const bs_shape *x = &g->tensors[n->in[0]].shape, *y = &g->tensors[n->out].shape;
    int64_t k = x->dim[x->rank - 1], filters = y->dim[y->rank - 1];
    bool gemm = n->op == BS_OP_GEMM, transposed = gemm && n->attr.trans_b;
    m->shape = (bs_conv_shape){
        .batch = 1,
        .group = 1,
        .channels = (int)k,
        .filters = (int)filters,
        .in_h = 1,
        .in_w = 1,
        .out_h = 1,
        .out_w = 1,
        .kernel = {1, 1},
        .stride = {1, 1},
        .dilation = {1, 1},
        .bias = bs_node_has_input(n, 2),
    };
    m->rows_in_width = true;
    m->chunks = BS_CPU_CHUNKS;
    m->repeat = (int)(g->tensors[n->in[0]].elements / k);
    m->scattered = !bs_cpu_layout_is_plain(&layout[n->in[0]]) || !bs_cpu_layout_is_plain(&layout[n->out]);
    m->in_row = m->filter = k;
    m->out_row = filters;
    m->stride_m = transposed ? k : 1;
    m->stride_i = transposed ? 1 : filters;
    m->weight_scale = gemm ? n->attr.alpha : 1.0f;
    m->bias_scale = gemm ? n->attr.beta : 1.0f;
}

static bs_status select_impl(bs_network *n, bs_cpu_matrix *m, int skip)
{
    bs_conv_shape shapes[BS_CPU_CHUNKS];
    for (int i = 0; i < m->chunks; i++)
        shapes[i] = bs_cpu_chunk_shape(m, bs_cpu_filter_groups(m), i);
    BS_TRY(bs_conv_impl_create(&m->impl, n->device->dnn, shapes, m->chunks, skip));
    if (m->impl && bs_conv_impl_is_shape_bound(m->impl))
        m->chunks = 1;
    return BS_OK;
}

bool bs_cpu_is_matrix(const bs_graph *g, const bs_node *n)
{
    return n->op == BS_OP_CONV || n->op == BS_OP_GEMM || bs_matmul_by_weights(g, n);
}

size_t bs_cpu_param_bytes(const bs_network *n, int node, int input)
{
    const bs_node *nd = &n->graph->nodes[node];
    const bs_cpu_matrix *m = &n->plan[node].matrix;
    if (bs_cpu_is_matrix(n->graph, nd) && input == 1)
        return bs_conv_impl_bytes(m->impl);
    if (bs_cpu_is_matrix(n->graph, nd) && input == 2)
        return (size_t)m->shape.filters * sizeof(float);
    return (size_t)n->graph->tensors[nd->in[input]].elements * sizeof(float);
}

void bs_cpu_scale(float *to, const float *from, int64_t n, float factor)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = from[i] * factor;
}

bs_status bs_cpu_param_prepare(const bs_network *n, int node, int input, const float *file,
                               bs_cpu_buffer *tmp, void *out)
{
    const bs_node *nd = &n->graph->nodes[node];
    const bs_cpu_matrix *m = &n->plan[node].matrix;
    int64_t elements = n->graph->tensors[nd->in[input]].elements;
    if (bs_cpu_is_matrix(n->graph, nd) && input == 1) {
        if (m->weight_scale != 1.0f) {
            BS_TRY(bs_cpu_reserve(tmp, (size_t)elements * sizeof(float)));
            bs_cpu_scale(tmp->ptr, file, elements, m->weight_scale);
            file = tmp->ptr;
        }
        return bs_conv_impl_pack(m->impl, file, m->stride_m, m->stride_i, out);
    }
    if (bs_cpu_is_matrix(n->graph, nd) && input == 2) {
        float *bias = out;
        for (int i = 0; i < m->shape.filters; i++)
            bias[i] = file[elements == 1 ? 0 : i] * m->bias_scale;
        return BS_OK;
    }
    if (bs_op_describe_family(nd->op)->parameters == BS_PARAMETERS_NORM) /* read in file order */
        memcpy(out, file, (size_t)elements * sizeof(float));
    else
        bs_cpu_layout_store(&n->layout[nd->in[input]], file, out);
    return BS_OK;
}

void bs_cpu_plan_clear(bs_cpu_plan *p, int n_in)
{
    for (int k = 0; p->param && k < n_in; k++)
        free(p->param[k]);
    free(p->param);
    bs_conv_impl_free(p->matrix.impl);
    memset(p, 0, sizeof *p);
}

/* Makes the plan with the implementation after `skip` others; its impl is NULL if there is none. */
static bs_status make_plan(bs_network *n, int node, int skip, bs_cpu_buffer *tmp)
{
    const bs_node *nd = &n->graph->nodes[node];
    bs_cpu_plan *p = &n->plan[node];
    bs_cpu_geometry_free(n->geometry[node]);
    n->geometry[node] = NULL;
    bs_cpu_plan_clear(p, nd->n_in);
    BS_TRY(bs_calloc(&p->param, (size_t)nd->n_in, sizeof *p->param, "parameters"));
    if (bs_cpu_is_matrix(n->graph, nd)) {
        if (nd->op == BS_OP_CONV)
            plan_conv(n->graph, nd, &p->matrix);
        else
            plan_gemm(n->graph, nd, n->layout, &p->matrix);
        BS_TRY(select_impl(n, &p->matrix, skip));
        if (!p->matrix.impl)
            return BS_OK;
    }
    for (int k = 0; k < nd->n_in; k++) {
        const bs_tensor *t = nd->in[k] >= 0 ? &n->graph->tensors[nd->in[k]] : NULL;
        if (!t || !t->constant)
            continue;
        BS_TRY(bs_alloc_aligned(&p->param[k], bs_cpu_param_bytes(n, node, k), t->name));
        BS_TRY(bs_cpu_param_prepare(n, node, k, t->data, tmp, p->param[k]));
    }
    return BS_OK;
}

/* Returns true if delta replay would have to run this layer whole although another implementation might run
 * its patches. */
static bool needs_another(bs_network *n, int node)
{
    const bs_conv_impl *impl = n->plan[node].matrix.impl;
    return n->graph->nodes[node].op == BS_OP_CONV && impl && !bs_conv_impl_is_shape_bound(impl) &&
           !bs_cpu_patches_exact(n, node);
}

bs_status bs_cpu_plan_create(bs_network *n, int node)
{
    bs_cpu_buffer tmp = {0};
    bs_status st = make_plan(n, node, 0, &tmp);
    /* Where sums are long, the library's first choice may split them by the size of the plane. The next ones
     * are as fast or nearly so; later ones are not worth having. */
    if (st == BS_OK && needs_another(n, node)) {
        int skip = 0;
        while (st == BS_OK && ++skip <= MAX_SKIP && (st = make_plan(n, node, skip, &tmp)) == BS_OK)
            if (!n->plan[node].matrix.impl || !needs_another(n, node))
                break;
        const bs_conv_impl *impl = n->plan[node].matrix.impl;
        if (st == BS_OK && (!impl || skip > MAX_SKIP || bs_conv_impl_is_shape_bound(impl) ||
                            bs_conv_impl_is_reference(impl)))
            st = make_plan(n, node, 0, &tmp);
    }
    free(tmp.ptr);
    return st == BS_OK ? st : bs_context("node '%s'", n->graph->nodes[node].name);
}
