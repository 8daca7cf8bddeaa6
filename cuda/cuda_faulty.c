/* Nodes with faulty parameters, evaluated densely: the whole node with modified copies of them. */
#include "cuda/cuda_faulty.h"

#include "cuda/network.h"
#include "cuda/cuda_run.h"
#include "cuda/enqueue.h"

#include "base/buf.h"

#include <stdlib.h>

/* Every parameter starts at a multiple of this, as memory of its own would. */
enum { ALIGNMENT = 256 };

/* Returns the elements of an input's parameter as the device has it. */
static int64_t elements_of(const bs_faulty_call *c, int input)
{
    const bs_cuda_plan *p = bs_cuda_faulty_plan(c);
    return p->filters && input == 2 ? p->filters : bs_faulty_tensor(c, input)->elements;
}

static size_t aligned_bytes(const bs_faulty_call *c, int input)
{
    return ((size_t)elements_of(c, input) * sizeof(float) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Builds the faulty parameter of a sample at `to`. */
static bs_status build_parameter(const bs_faulty_call *c, const bs_faulty_input *faulty, int sample,
                                 CUdeviceptr to)
{
    bs_stream *stream = c->stream;
    int64_t given = bs_faulty_tensor(c, faulty->input)->elements, elements = elements_of(c, faulty->input);
    uint32_t sites = faulty->faults.first[sample + 1] - faulty->faults.first[sample];
    uint32_t all = sites * (uint32_t)(elements / given); /* one bias may serve all filters */
    bs_site *site = NULL;
    int32_t *owner = NULL;
    bs_status st;
    BS_TRY_GOTO(bs_calloc(&site, all, sizeof *site, "faults"), out);
    BS_TRY_GOTO(bs_calloc(&owner, all, sizeof *owner, "faults"), out);
    bs_cuda_prepare_sites(c, faulty, sample, site);
    for (uint32_t k = sites; k < all; k++)
        site[k] = (bs_site){site[k - sites].element + 1, site[k - sites].keep, site[k - sites].toggle};
    BS_TRY_GOTO(bs_cuda_copy(stream, bs_cuda_pointer(to),
                             bs_cuda_pointer(bs_cuda_faulty_plan(c)->param[faulty->input]),
                             (size_t)elements * sizeof(float)),
                out);
    st = bs_cuda_write_sites(stream, to, elements, all, site, owner);
out:
    free(owner);
    free(site);
    return st;
}

/* Lists the node's parameters in stream->param: the faulty ones built in stream->filters, where the sample
 * has sites in them. */
static bs_status list_parameters(const bs_faulty_call *c, int sample)
{
    bs_stream *stream = c->stream;
    size_t bytes = 0;
    for (int k = 0; k < c->graph->nodes[c->node].n_in; k++)
        stream->param[k] = bs_cuda_faulty_plan(c)->param[k];
    for (int k = 0; k < c->n_faulty; k++)
        bytes += aligned_bytes(c, c->faulty[k].input);
    BS_TRY(bs_cuda_reserve(stream, &stream->filters, bytes));
    CUdeviceptr at = stream->filters.ptr;
    for (int k = 0; k < c->n_faulty; k++) {
        const bs_faulty_input *faulty = &c->faulty[k];
        if (faulty->faults.first[sample] == faulty->faults.first[sample + 1])
            continue;
        BS_TRY(build_parameter(c, faulty, sample, at));
        stream->param[faulty->input] = at;
        at += aligned_bytes(c, faulty->input);
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
            stream->view[k] = bs_faulty_view(c, k, first, bs_cuda_row_bytes(net, nd->in[k]));
    }
    return bs_cuda_run_with(stream, c->node, stream->param, n, stream->view,
                            bs_cuda_address(c->out) + (size_t)first * bs_cuda_row_bytes(net, nd->out));
}

bs_status bs_cuda_run_faulty(bs_stream *stream, int node, int n_faulty, const bs_faulty_input *faulty, int n,
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
    BS_TRY(bs_cuda_enter(stream->network->device));
    return bs_faulty_run(&c, mode, run_dense, bs_cuda_run_channels);
}
