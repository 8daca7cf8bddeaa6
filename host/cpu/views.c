/* Tensors that lie in memory as the input of their node does. */
#include "cpu/cpu_region.h"

/* Returns true if a transposition moves no element: axes of one element aside, those of the output come in
 * memory in the order of the input's. */
static bool moves_nothing(const bs_cpu_layout *in, const bs_cpu_layout *out, const int *perm)
{
    bs_cpu_nd_space n = {0};
    for (int k = 0; k < out->rank; k++) {
        int axis = out->order[k];
        bs_cpu_nd_space_add(&n, out->dim[axis], out->stride[axis], in->stride[perm[axis]], 0);
    }
    bs_cpu_nd_space_finish(&n);
    return n.rank == 1 && n.stride[0][0] == n.stride[1][0];
}

int bs_cpu_view_of(const bs_network *n, int tensor)
{
    const bs_graph *g = n->graph;
    const bs_node *node = g->tensors[tensor].producer < 0 ? NULL : &g->nodes[g->tensors[tensor].producer];
    if (!node || g->tensors[node->in[0]].constant || bs_graph_rounds(g, g->tensors[tensor].producer))
        return -1;
    const bs_cpu_layout *in = &n->layout[node->in[0]], *out = &n->layout[tensor];
    bs_op_family family = bs_op_describe(node->op)->family;
    bool view = family == BS_FAMILY_reshape || family == BS_FAMILY_identity
                    ? bs_cpu_layout_same_order(in, out)
                : family == BS_FAMILY_transpose ? moves_nothing(in, out, node->attr.perm)
                                                : false;
    return view ? node->in[0] : -1;
}
