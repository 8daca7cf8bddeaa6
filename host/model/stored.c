/* Which values are stored alike, and which nodes make values that must be rounded. */
#include "model/graph.h"

bool bs_tensors_alike(const bs_tensor *a, const bs_tensor *b)
{
    if (a->type != b->type || a->scales.n != b->scales.n || a->scales.n > 1)
        return false;
    return a->scales.n == 0 || bs_float_bits(a->scales.scale[0]) == bs_float_bits(b->scales.scale[0]);
}

/* Returns true if what the node makes are values of its inputs, or 0. */
static bool chooses(const bs_node *n, bs_format format)
{
    if (n->op == BS_OP_PAD && n->attr.pad_mode == BS_PAD_CONSTANT)
        return bs_float_bits(bs_format_round(format, n->attr.value)) == bs_float_bits(n->attr.value);
    if (n->op == BS_OP_MAX_POOL) /* the maximum of a window outside is -infinity */
        return !(bs_dtype_word_of(format.type).limit > 0);
    return n->op == BS_OP_RELU || bs_op_describe(n->op)->type == BS_TYPE_RULE_SAME;
}

bool bs_graph_rounds(const bs_graph *g, int node)
{
    const bs_node *n = &g->nodes[node];
    const bs_tensor *out = &g->tensors[n->out];
    bool alike = true;
    if (bs_dtype_word_of(out->type).exact)
        return false;
    for (int k = n->op == BS_OP_WHERE; k < n->n_in && alike; k++)
        alike = n->in[k] < 0 || bs_tensors_alike(&g->tensors[n->in[k]], out);
    return !alike || !chooses(n, bs_tensor_format(out, 0));
}

bool bs_graph_has_types(const bs_graph *g)
{
    for (int t = 0; t < g->n_tensors; t++)
        if (g->tensors[t].type != BS_DTYPE_FP32)
            return true;
    return false;
}
