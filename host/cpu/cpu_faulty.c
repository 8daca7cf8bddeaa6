/* Nodes with faulty parameters, evaluated densely: the whole node with modified parameters. */
#include "cpu/cpu_faulty.h"

#include <string.h>

/* Every prepared parameter starts at a multiple of this, as memory of its own would. */
enum { ALIGNMENT = 64 };

static size_t prepared_bytes(const bs_network *net, int node, int input)
{
    return (bs_cpu_param_bytes(net, node, input) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Prepares a parameter with a sample's sites into `packed`. */
static bs_status prepare(const bs_faulty_call *c, const bs_faulty_input *faulty, int sample, void *packed)
{
    bs_stream *stream = c->stream;
    const bs_tensor *t = bs_faulty_tensor(c, faulty->input);
    const bs_faults *f = &faulty->faults;
    BS_TRY(bs_cpu_reserve(&stream->file, (size_t)t->elements * sizeof(float)));
    float *file = stream->file.ptr;
    memcpy(file, t->data, (size_t)t->elements * sizeof(float));
    for (uint32_t k = f->first[sample]; k < f->first[sample + 1]; k++) {
        uint32_t element = f->sites[k].element;
        file[element] = bs_inject_value(bs_tensor_format(t, element), f->sites[k], file[element], NULL);
    }
    return bs_cpu_param_prepare(stream->network, c->node, faulty->input, file, &stream->scaled, packed);
}

/* Lists the node's parameters in stream->param: the faulty ones prepared anew, where the sample has sites in
 * them. */
static bs_status list_parameters(const bs_faulty_call *c, int sample)
{
    bs_stream *stream = c->stream;
    const bs_network *net = stream->network;
    size_t bytes = 0;
    for (int k = 0; k < net->graph->nodes[c->node].n_in; k++)
        stream->param[k] = net->plan[c->node].param[k];
    for (int k = 0; k < c->n_faulty; k++)
        bytes += prepared_bytes(net, c->node, c->faulty[k].input);
    BS_TRY(bs_cpu_reserve(&stream->packed, bytes));
    char *packed = stream->packed.ptr;
    for (int k = 0; k < c->n_faulty; k++) {
        const bs_faulty_input *faulty = &c->faulty[k];
        if (faulty->faults.first[sample] == faulty->faults.first[sample + 1])
            continue;
        BS_TRY(prepare(c, faulty, sample, packed));
        stream->param[faulty->input] = packed;
        packed += prepared_bytes(net, c->node, faulty->input);
    }
    return BS_OK;
}

static bs_status run_dense(const bs_faulty_call *c, int first, int n)
{
    bs_stream *stream = c->stream;
    const bs_network *net = stream->network;
    const bs_node *nd = &net->graph->nodes[c->node];
    BS_TRY(list_parameters(c, first));
    for (int k = 0; k < nd->n_in; k++) {
        stream->view[k] = (bs_view){0};
        if (nd->in[k] >= 0 && !stream->param[k])
            stream->view[k] =
                bs_faulty_view(c, k, first, (size_t)net->layout[nd->in[k]].elements * sizeof(float));
    }
    return bs_cpu_run_node(stream, c->node, stream->param, n, stream->view,
                           (float *)c->out + first * net->layout[nd->out].elements);
}

bs_status bs_cpu_run_faulty(bs_stream *stream, int node, int n_faulty, const bs_faulty_input *faulty, int n,
                            const bs_view *in, bs_view golden_out, bs_faulty_mode mode, void *out)
{
    bs_faulty_call c = {.stream = stream,
                        .graph = stream->network->graph,
                        .node = node,
                        .n_faulty = n_faulty,
                        .faulty = faulty,
                        .n = n,
                        .in = in,
                        .golden = golden_out,
                        .out = out};
    BS_TRY(bs_faulty_run(&c, mode, run_dense, bs_cpu_faulty_channels));
    if (mode == BS_FAULTY_CHANNELS)
        bs_cpu_finish_node(stream, node, n * stream->network->layout[c.graph->nodes[node].out].elements, out);
    return BS_OK;
}
