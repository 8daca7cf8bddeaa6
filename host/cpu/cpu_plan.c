#include "base/buf.h"
#include "base/team.h"
#include "cpu/cpu_patch.h"
#include "cpu/patch_answers.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

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

static void plan_gemm(const bs_graph *g, const bs_node *n, const bs_product_kernel *kernel, bs_cpu_matrix *m)
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
    m->kernel = m->repeat > 1 ? kernel : NULL;
    m->in_row = m->filter = k;
    m->out_row = filters;
    m->stride_m = transposed ? k : 1;
    m->stride_i = transposed ? 1 : filters;
    m->weight_scale = gemm ? n->attr.alpha : 1.0f;
    m->bias_scale = gemm ? n->attr.beta : 1.0f;
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
        return bs_cpu_weights_bytes(m, m->impl, m->shape.filters);
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
        return bs_cpu_weights_pack(m, m->impl, m->shape.filters, file, m->stride_m, m->stride_i, out);
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

/* Packs the node's parameters for its implementation. */
static bs_status prepare_node(bs_network *n, int node)
{
    const bs_node *nd = &n->graph->nodes[node];
    bs_cpu_plan *p = &n->plan[node];
    bs_cpu_buffer tmp = {0};
    bs_status st = BS_OK;
    for (int k = 0; k < nd->n_in && st == BS_OK; k++) {
        const bs_tensor *t = nd->in[k] >= 0 ? &n->graph->tensors[nd->in[k]] : NULL;
        if (!t || !t->constant)
            continue;
        st = bs_alloc_aligned(&p->param[k], bs_cpu_param_bytes(n, node, k), t->name);
        if (st == BS_OK)
            st = bs_cpu_param_prepare(n, node, k, t->data, &tmp, p->param[k]);
    }
    free(tmp.ptr);
    return st;
}

/* The nodes that are convolutions, those of equal shape one after the other. */
typedef struct loading {
    bs_network *network;
    int *matrix, n_matrices;
    atomic_int next;
} loading;

static int by_shape(const void *a, const void *b, void *plans)
{
    const bs_cpu_plan *plan = plans;
    int i = *(const int *)a, k = *(const int *)b;
    int order = memcmp(&plan[i].matrix.shape, &plan[k].matrix.shape, sizeof plan[i].matrix.shape);
    return order ? order : i - k;
}

/* Returns true if the same implementation suits both nodes. */
static bool alike(const bs_network *n, int a, int b)
{
    const bs_cpu_matrix *x = &n->plan[a].matrix, *y = &n->plan[b].matrix;
    return x->chunks == y->chunks && x->rows_in_width == y->rows_in_width &&
           memcmp(&x->shape, &y->shape, sizeof x->shape) == 0;
}

/* Sets the sizes of all convolutions and products by weights, and lists the former. */
static bs_status plan_sizes(loading *l)
{
    bs_network *n = l->network;
    const bs_graph *g = n->graph;
    BS_TRY(bs_calloc(&l->matrix, (size_t)g->n_nodes, sizeof *l->matrix, "plans"));
    for (int i = 0; i < g->n_nodes; i++) {
        const bs_node *nd = &g->nodes[i];
        BS_TRY(bs_calloc(&n->plan[i].param, (size_t)nd->n_in, sizeof *n->plan[i].param, "parameters"));
        if (!bs_cpu_is_matrix(g, nd))
            continue;
        if (nd->op == BS_OP_CONV)
            plan_conv(g, nd, &n->plan[i].matrix);
        else
            plan_gemm(g, nd, n->device->kernel, &n->plan[i].matrix);
        if (!n->plan[i].matrix.kernel)
            l->matrix[l->n_matrices++] = i;
    }
    qsort_r(l->matrix, (size_t)l->n_matrices, sizeof *l->matrix, by_shape, n->plan);
    return BS_OK;
}

static bs_status select_impl(bs_network *n, int node)
{
    bs_cpu_matrix *m = &n->plan[node].matrix;
    return bs_cpu_select(n->answers, m, n->graph->nodes[node].op == BS_OP_CONV);
}

/* Selects implementations: the first node of each shape here, the others by its answer. */
static bs_status select_all(void *shared, int worker)
{
    loading *l = shared;
    bs_network *n = l->network;
    (void)worker;
    bs_dnn_single_thread();
    for (int k; (k = atomic_fetch_add(&l->next, 1)) < l->n_matrices;) {
        int node = l->matrix[k];
        if ((k == 0 || !alike(n, l->matrix[k - 1], node)) && select_impl(n, node) != BS_OK)
            return bs_context("node '%s'", n->graph->nodes[node].name);
    }
    return BS_OK;
}

static bs_status select_alike(const loading *l)
{
    const bs_network *n = l->network;
    for (int k = 1; k < l->n_matrices; k++) {
        const bs_cpu_matrix *first = &n->plan[l->matrix[k - 1]].matrix;
        if (alike(n, l->matrix[k - 1], l->matrix[k]))
            BS_TRY(bs_cpu_select_at(n->device->dnn, &n->plan[l->matrix[k]].matrix, first->skip));
    }
    for (int k = 0; k < l->n_matrices; k++) {
        bs_cpu_matrix *m = &n->plan[l->matrix[k]].matrix;
        if (bs_conv_impl_is_shape_bound(m->impl))
            m->chunks = 1;
    }
    return BS_OK;
}

static bs_status prepare_all(void *shared, int worker)
{
    loading *l = shared;
    const bs_graph *g = l->network->graph;
    (void)worker;
    bs_dnn_single_thread();
    for (int i; (i = atomic_fetch_add(&l->next, 1)) < g->n_nodes;)
        if (prepare_node(l->network, i) != BS_OK)
            return bs_context("node '%s'", g->nodes[i].name);
    return BS_OK;
}

static int at_most(int threads, int pieces)
{
    return threads < pieces ? threads : pieces;
}

bs_status bs_cpu_plans_create(bs_network *n)
{
    loading l = {.network = n};
    bs_status st;
    BS_TRY_GOTO(plan_sizes(&l), out);
    BS_TRY_GOTO(bs_team_run(at_most(n->threads, l.n_matrices), select_all, &l), out);
    BS_TRY_GOTO(select_alike(&l), out);
    atomic_store(&l.next, 0);
    st = bs_team_run(at_most(n->threads, n->graph->n_nodes), prepare_all, &l);
out:
    free(l.matrix);
    return st;
}
