/* Nodes run on patches. A patched node is a copy of the node whose tensors have the rows and columns of the
 * patches and whose padding is removed, so the ordinary runners serve it; a convolution keeps its selected
 * implementation and packed weights. */
#include "cpu/cpu_patch.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

struct bs_cpu_patch {
    struct bs_cpu_patch *next;
    int in_size[2], out_size[2];
    bs_node node;            /* inputs are numbered 0 .. n_in - 1, the output is n_in */
    bs_cpu_layout *layout;   /* by those numbers */
    bs_cpu_plan plan;        /* borrows the implementation and parameters of the whole node's */
    const void **param;      /* those of them that are read whole */
    bs_cpu_variant *variant; /* convolutions only */
    const void *packed;      /* packed weights of a convolution or product */
};

static bool same_size(const int a[2], const int b[2])
{
    return a[0] == b[0] && a[1] == b[1];
}

static void resize_layout(bs_cpu_layout *out, const bs_network *n, int tensor, const int size[2])
{
    const bs_plane *p = &n->planes[tensor];
    bs_shape s = bs_plane_patch(p, &n->graph->tensors[tensor].shape, size);
    bs_cpu_layout_init(out, &s, p->image);
}

/* Removes padding along rows and columns; patches are whole along all other axes. */
static void remove_padding(bs_attr *a, const bs_plane *p)
{
    memset(a->window.pad, 0, sizeof a->window.pad);
    for (int i = p->axis; i < p->end; i++) {
        a->begin[i] = 0;
        a->end[i] = 0;
    }
}

/* Sets what the node reads of input k: all, a patch, or nothing. */
static void fill_input(bs_cpu_patch *p, const bs_network *net, const bs_node *whole, int k)
{
    int t = whole->in[k];
    p->node.in[k] = t < 0 || bs_lies_outside(net->graph, net->planes, whole, k) ? -1 : k;
    if (p->node.in[k] < 0)
        return;
    if (bs_reads_whole(net->graph, net->planes, whole, k)) {
        p->layout[k] = net->layout[t];
        p->param[k] = p->plan.param[k];
    } else {
        resize_layout(&p->layout[k], net, t, p->in_size);
    }
}

static bs_status make_conv(bs_cpu_patch *p, const bs_cpu_geometry *g)
{
    if (!g || !g->impl)
        return bs_fail(BS_ERR, "node '%s' has no convolution for its patches", p->node.name);
    bs_cpu_geometry_resize(&p->plan.matrix, p->in_size, p->out_size);
    p->packed = g->packed;
    BS_TRY(bs_calloc(&p->variant, 1, sizeof *p->variant, "convolution"));
    bs_cpu_variant_size(p->variant, &p->plan.matrix, bs_cpu_filter_groups(&p->plan.matrix));
    p->variant->impl = g->impl;
    return BS_OK;
}

static bs_status fill_patch(bs_cpu_patch *p, const bs_network *net, int node)
{
    const bs_node *whole = &net->graph->nodes[node];
    size_t n_in = (size_t)whole->n_in;
    p->node = *whole;
    p->node.in = NULL;
    BS_TRY(bs_calloc(&p->node.in, n_in, sizeof *p->node.in, "patch"));
    BS_TRY(bs_calloc(&p->layout, n_in + 1, sizeof *p->layout, "patch"));
    BS_TRY(bs_calloc(&p->param, n_in, sizeof *p->param, "patch"));
    p->plan = net->plan[node];
    for (int k = 0; k < whole->n_in; k++)
        fill_input(p, net, whole, k);
    p->node.out = whole->n_in;
    resize_layout(&p->layout[whole->n_in], net, whole->out, p->out_size);
    remove_padding(&p->node.attr, &net->planes[whole->out]);
    if (whole->op == BS_OP_CONV)
        return make_conv(p, bs_cpu_geometry_find(net, node, p->in_size, p->out_size));
    if (p->plan.matrix.impl)
        p->packed = p->plan.param[1];
    return BS_OK;
}

static bs_status patch_get(bs_cpu_patch **out, bs_stream *stream, int node, const int in_size[2],
                           const int out_size[2])
{
    bs_cpu_patch *p = stream->patches[node];
    while (p && !(same_size(p->in_size, in_size) && same_size(p->out_size, out_size)))
        p = p->next;
    *out = p;
    if (p)
        return BS_OK;
    BS_TRY(bs_calloc(&p, 1, sizeof *p, "patch"));
    p->next = stream->patches[node];
    stream->patches[node] = p;
    memcpy(p->in_size, in_size, sizeof p->in_size);
    memcpy(p->out_size, out_size, sizeof p->out_size);
    BS_TRY(fill_patch(p, stream->network, node));
    *out = p;
    return BS_OK;
}

void bs_cpu_patch_free(bs_cpu_patch *p)
{
    while (p) {
        bs_cpu_patch *next = p->next;
        free(p->node.in);
        free(p->layout);
        free(p->param);
        bs_cpu_variant_free(p->variant);
        free(p);
        p = next;
    }
}

static bs_status run_patch(bs_stream *stream, int node, const bs_cpu_patch *p, int n, const bs_view *in,
                           void *out)
{
    if (p->plan.matrix.impl) {
        const float *bias = bs_node_has_input(&p->node, 2) ? p->param[2] : NULL;
        bs_cpu_variant *v = p->variant;
        bs_cpu_rows src = {in[0].base, in[0].rows};
        if (!v) /* a single row by the whole layer's weights */
            BS_TRY(bs_cpu_variant_get(&v, stream, node, bs_cpu_filter_groups(&p->plan.matrix)));
        return bs_cpu_matrix_run(stream, &p->plan.matrix, v, p->packed, bias, n, src, out);
    }
    bs_cpu_job j = {stream, stream->network->graph, &p->node, p->layout, &p->plan, p->param, n, in, out};
    return bs_cpu_runner_of(p->node.op)(&j);
}

bs_status bs_cpu_run_patch(bs_stream *stream, int node, int n, const int in_size[2], const bs_view *in,
                           const int out_size[2], void *out)
{
    bs_cpu_patch *p;
    BS_TRY(patch_get(&p, stream, node, in_size, out_size));
    BS_TRY(run_patch(stream, node, p, n, in, out));
    bs_cpu_finish_node(stream, node, n * p->layout[p->node.out].elements, out);
    return BS_OK;
}
