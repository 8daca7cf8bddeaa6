/* Nodes with a faulty parameter, evaluated densely: the whole node with a modified copy of the parameter. */
#include "cuda/cuda_faulty.h"

#include "cuda/network.h"
#include "cuda/cuda_run.h"
#include "cuda/enqueue.h"

#include "base/buf.h"

#include <stdlib.h>

/* Builds the faulty parameter of a sample in stream->filters. */
static bs_status build_parameter(const bs_faulty_call *c, int sample)
{
    bs_stream *stream = c->stream;
    const bs_cuda_plan *p = bs_cuda_faulty_plan(c);
    bool biases = p->filters && c->input == 2;
    int64_t given = bs_faulty_param(c)->elements, elements = biases ? p->filters : given;
    size_t bytes = (size_t)elements * sizeof(float);
    uint32_t sites = c->f->first[sample + 1] - c->f->first[sample];
    uint32_t all = biases ? sites * (uint32_t)(elements / given) : sites; /* one bias may serve all filters */
    bs_site *site = NULL;
    int32_t *owner = NULL;
    bs_status st;
    BS_TRY_GOTO(bs_calloc(&site, all, sizeof *site, "faults"), out);
    BS_TRY_GOTO(bs_calloc(&owner, all, sizeof *owner, "faults"), out);
    bs_cuda_prepare_sites(c, sample, site);
    for (uint32_t k = sites; k < all; k++)
        site[k] = (bs_site){site[k - sites].element + 1, site[k - sites].keep, site[k - sites].toggle};
    BS_TRY_GOTO(bs_cuda_reserve(stream, &stream->filters, bytes), out);
    BS_TRY_GOTO(bs_cuda_copy(stream, bs_cuda_pointer(stream->filters.ptr),
                             bs_cuda_pointer(p->param[c->input]), bytes),
                out);
    st = bs_cuda_write_sites(stream, stream->filters.ptr, elements, all, site, owner);
out:
    free(owner);
    free(site);
    return st;
}

static bs_status run_dense(const bs_faulty_call *c, int first, int n)
{
    bs_stream *stream = c->stream;
    const bs_network *net = stream->network;
    const bs_node *nd = &net->graph->nodes[c->node];
    const bs_cuda_plan *p = bs_cuda_faulty_plan(c);
    BS_TRY(build_parameter(c, first));
    for (int k = 0; k < nd->n_in; k++) {
        stream->param[k] = k == c->input ? stream->filters.ptr : p->param[k];
        stream->view[k] = (bs_view){0};
        if (nd->in[k] >= 0 && !stream->param[k])
            stream->view[k] = bs_faulty_view(c, k, first, bs_cuda_row_bytes(net, nd->in[k]));
    }
    return bs_cuda_run_with(stream, c->node, stream->param, n, stream->view,
                            bs_cuda_address(c->out) + (size_t)first * bs_cuda_row_bytes(net, nd->out));
}

bs_status bs_cuda_run_faulty(bs_stream *stream, int node, int input, int n, const bs_view *in,
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
    BS_TRY(bs_cuda_enter(stream->network->device));
    BS_TRY(bs_faulty_run(&c, mode, run_dense, bs_cuda_run_channels));
    const bs_tensor *y = &c.graph->tensors[c.graph->nodes[node].out];
    return mode == BS_FAULTY_CHANNELS
               ? bs_cuda_finish_node(stream, node, n, y->elements, bs_cuda_address(out))
               : BS_OK;
}
