/* Nodes with a faulty parameter, evaluated densely: the whole node with a modified parameter. */
#include "cpu/cpu_faulty.h"

#include <string.h>

static bs_status run_dense(const bs_faulty_call *c, int first, int n)
{
    bs_stream *stream = c->stream;
    const bs_network *net = stream->network;
    const bs_node *nd = &net->graph->nodes[c->node];
    const bs_tensor *t = bs_faulty_param(c);
    BS_TRY(bs_cpu_reserve(&stream->file, (size_t)t->elements * sizeof(float)));
    BS_TRY(bs_cpu_reserve(&stream->packed, bs_cpu_param_bytes(net, c->node, c->input)));
    memcpy(stream->file.ptr, t->data, (size_t)t->elements * sizeof(float));
    for (uint32_t k = c->f->first[first]; k < c->f->first[first + 1]; k++)
        bs_cpu_faulty_apply(c, (float *)stream->file.ptr + c->f->sites[k].element, c->f->sites[k]);
    BS_TRY(
        bs_cpu_param_prepare(net, c->node, c->input, stream->file.ptr, &stream->scaled, stream->packed.ptr));
    for (int k = 0; k < nd->n_in; k++) {
        stream->param[k] = k == c->input ? stream->packed.ptr : net->plan[c->node].param[k];
        stream->view[k] = (bs_view){0};
        if (nd->in[k] >= 0 && !stream->param[k])
            stream->view[k] =
                bs_faulty_view(c, k, first, (size_t)net->layout[nd->in[k]].elements * sizeof(float));
    }
    return bs_cpu_run_node(stream, c->node, stream->param, n, stream->view,
                           (float *)c->out + first * net->layout[nd->out].elements);
}

bs_status bs_cpu_run_faulty(bs_stream *stream, int node, int input, int n, const bs_view *in,
                            bs_view golden_out, const bs_faults *f, bs_faulty_mode mode, void *out)
{
    bs_faulty_call c = {.stream = stream,
                        .graph = stream->network->graph,
                        .node = node,
                        .input = input,
                        .n = n,
                        .in = in,
                        .golden = golden_out,
                        .f = f,
                        .out = out};
    BS_TRY(bs_faulty_run(&c, mode, run_dense, bs_cpu_faulty_channels));
    if (mode == BS_FAULTY_CHANNELS)
        bs_cpu_finish_node(stream, node, n * stream->network->layout[c.graph->nodes[node].out].elements, out);
    return BS_OK;
}
