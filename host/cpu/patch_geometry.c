/* The implementations of a convolution for patches, by geometry. */
#include "cpu/cpu_patch.h"

#include "base/buf.h"
#include "cpu/patch_answers.h"

#include <stdlib.h>
#include <string.h>

const bs_cpu_geometry *bs_cpu_geometry_find(const bs_network *n, int node, const int in_size[2],
                                            const int out_size[2])
{
    const bs_cpu_geometry *g = n->geometry[node];
    while (g &&
           memcmp(g->in_size, in_size, sizeof g->in_size) + memcmp(g->out_size, out_size, sizeof g->out_size))
        g = g->next;
    return g;
}

/* Returns the node's weights as another geometry has packed them; NULL if none has them in this layout. */
static const void *find_packed(const bs_cpu_geometry *list, const bs_conv_impl *impl)
{
    for (; list; list = list->next)
        if (list->own_packed && bs_conv_impl_same_weights(list->own_impl, impl))
            return list->own_packed;
    return NULL;
}

/* Takes an implementation of the geometry's own, and packs the layer's weights for it. */
static bs_status make_own(bs_cpu_geometry *g, const bs_network *n, int node, bs_cpu_way way,
                          const bs_cpu_matrix *patch)
{
    const bs_cpu_matrix *m = &n->plan[node].matrix;
    const bs_tensor *weights = &n->graph->tensors[n->graph->nodes[node].in[1]];
    BS_TRY(bs_cpu_way_impl(&g->own_impl, way, n->device->dnn, m, patch));
    if (!g->own_impl)
        return BS_OK;
    g->packed = find_packed(n->geometry[node], g->own_impl);
    if (!g->packed) {
        BS_TRY(bs_alloc_aligned(&g->own_packed, bs_conv_impl_bytes(g->own_impl), "packed weights"));
        BS_TRY(bs_conv_impl_pack(g->own_impl, weights->data, m->stride_m, m->stride_i, g->own_packed));
        g->packed = g->own_packed;
    }
    g->impl = g->own_impl;
    return BS_OK;
}

/* Without any implementation that is exact, or memory for it, the geometry has none. */
static void make_geometry(bs_cpu_geometry *g, bs_network *n, int node)
{
    const bs_cpu_plan *plan = &n->plan[node];
    bs_cpu_way way;
    if (bs_cpu_patch_way(&way, n->answers, &plan->matrix, g->in_size, g->out_size, n->threads) != BS_OK)
        bs_error_clear();
    bs_cpu_matrix patch = plan->matrix;
    bs_cpu_geometry_resize(&patch, g->in_size, g->out_size);
    if (way == BS_CPU_WAY_LAYERS) {
        g->impl = plan->matrix.impl;
        g->packed = plan->param[1];
    } else if (way != BS_CPU_WAY_NONE) {
        make_own(g, n, node, way, &patch);
    }
}

bool bs_cpu_patch_supported(bs_network *n, int node, const int in_size[2], const int out_size[2])
{
    if (n->graph->nodes[node].op != BS_OP_CONV)
        return true;
    if (bs_conv_impl_is_shape_bound(n->plan[node].matrix.impl))
        return false;
    const bs_cpu_geometry *known = bs_cpu_geometry_find(n, node, in_size, out_size);
    if (known)
        return known->impl != NULL;
    bs_cpu_geometry *g;
    if (bs_calloc(&g, 1, sizeof *g, "patch geometry") != BS_OK)
        return false;
    memcpy(g->in_size, in_size, sizeof g->in_size);
    memcpy(g->out_size, out_size, sizeof g->out_size);
    g->next = n->geometry[node];
    n->geometry[node] = g;
    make_geometry(g, n, node);
    return g->impl != NULL;
}

void bs_cpu_geometry_free(bs_cpu_geometry *g)
{
    while (g) {
        bs_cpu_geometry *next = g->next;
        bs_conv_impl_free(g->own_impl);
        free(g->own_packed);
        free(g);
        g = next;
    }
}
