/* Runs regions, each by one kernel, after its product if it has one, and says which tensors are views. */
#include "cuda/cuda_run.h"

#include "cuda/enqueue.h"

/* Fills operand k of a node. pixels: elements of a channel of an image; 1: of tokens. */
static void find_operand(bs_region_operand *o, const bs_stream *stream, const bs_region *r, int node, int k,
                         int64_t pixels)
{
    const bs_graph *g = stream->network->graph;
    int tensor = g->nodes[node].in[k];
    const bs_tensor *t = &g->tensors[tensor];
    *o = (bs_region_operand){.step = -1, .input = -1, .plane = (uint32_t)pixels};
    if (t->constant) {
        o->constant = bs_cuda_pointer(stream->network->plan[node].param[k]);
        o->period = (uint32_t)t->elements;
    } else {
        bs_region_source(g, r, tensor, &o->step, &o->input);
    }
}

/* Lets the kernel's input k be that of the region. What the product made, in place of its input, lies where
 * the output will, if elements of both have one size. */
static bs_status find_input(bs_operand *o, bs_stream *stream, const bs_region *r, int k, int n,
                            const bs_view *in, const int size[2], int64_t elements, void *out)
{
    const bs_network *net = stream->network;
    const bs_node *product = &net->graph->nodes[r->first];
    bs_dtype made = bs_cuda_type(net, product->out), type = bs_cuda_type(net, r->node.out);
    if (k > 0 || !r->product)
        return bs_cuda_operand(stream, o, n, in[k], elements, bs_cuda_type(net, r->node.in[k]));
    if (bs_is_half(made) != bs_is_half(type)) {
        BS_TRY(bs_cuda_reserve(stream, &stream->between, (size_t)bs_row_size(made, n * elements)));
        out = bs_cuda_pointer(stream->between.ptr);
    }
    bs_view given[3] = {in[0]};
    if (size)
        BS_TRY(bs_cuda_run_patch(stream, r->first, n, size, given, size, out));
    else
        BS_TRY(bs_cuda_run(stream, r->first, n, given, out));
    return bs_cuda_operand(stream, o, n, (bs_view){out, NULL}, elements, made);
}

bs_status bs_cuda_run_region(bs_stream *stream, int region, int n, const int size[2], const bs_view *in,
                             void *out)
{
    const bs_network *net = stream->network;
    const bs_region *r = &net->graph->regions[region];
    const bs_plane *plane = &net->planes[r->node.out];
    bs_shape shape = net->graph->tensors[r->node.out].shape;
    bs_region_args a = {.n = (uint32_t)n, .out = bs_cuda_out(net, r->node.out, out)};
    BS_TRY(bs_cuda_enter(net->device));
    if (size)
        shape = bs_plane_patch(plane, &shape, size);
    int64_t elements = bs_cuda_elements(&shape), pixels = plane->image ? shape.dim[1] * shape.dim[2] : 1;
    a.elements = (uint32_t)elements;
    for (int i = bs_region_first_step(r); i <= r->last; i++) {
        const bs_node *node = &net->graph->nodes[i];
        a.step[a.steps].op = node->op;
        a.step[a.steps].operands = node->n_in;
        a.step[a.steps].a = node->attr.alpha;
        a.step[a.steps].b = node->attr.beta;
        if (bs_graph_rounds(net->graph, i))
            *(i < r->last ? &a.step[a.steps].format : &a.out.format) =
                bs_tensor_format(&net->graph->tensors[node->out], 0);
        for (int k = 0; k < node->n_in; k++)
            find_operand(&a.step[a.steps].operand[k], stream, r, i, k, pixels);
        a.steps++;
    }
    for (int k = 0; k < r->node.n_in; k++)
        BS_TRY(find_input(&a.in[k], stream, r, k, n, in, size, elements, out));
    return bs_cuda_launch(stream, BS_KERNEL_region, n, elements, &a);
}

/* Rows are in logical order, so a reshaped tensor is the same in memory, if its elements have one size. */
int bs_cuda_view_of(const bs_network *n, int tensor)
{
    const bs_graph *g = n->graph;
    const bs_node *node = g->tensors[tensor].producer < 0 ? NULL : &g->nodes[g->tensors[tensor].producer];
    bs_op_family family = node ? bs_op_describe(node->op)->family : BS_FAMILY_conv;
    bool view = family == BS_FAMILY_reshape || family == BS_FAMILY_identity;
    bool same = view && !g->tensors[node->in[0]].constant && !bs_graph_rounds(g, g->tensors[tensor].producer);
    same = same && bs_is_half(bs_cuda_type(n, node->in[0])) == bs_is_half(bs_cuda_type(n, tensor));
    return same ? node->in[0] : -1;
}
