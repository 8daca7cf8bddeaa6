/* Nodes with faulty parameters: see backend/faulty_params.h. A group with more than BS_CUDA_MOST_FILTERS
 * different faulty filters is evaluated densely. */
#ifndef BS_CUDA_FAULTY_H
#define BS_CUDA_FAULTY_H

#include "backend/faulty_params.h"
#include "cuda/conv.h"

static inline const bs_cuda_plan *bs_cuda_faulty_plan(const bs_faulty_call *c)
{
    return &c->stream->network->plan[c->node];
}

/* faulty_sites.c. Writes the sites of a sample in an input to `site`, as sites of the prepared parameter.
 * Sites that are drawn ascend; listed ones may hit the same element, where they act one after the other. */
void bs_cuda_prepare_sites(const bs_faulty_call *c, const bs_faulty_input *faulty, int sample, bs_site *site);
/* Writes the values of prepared sites into rows of a buffer: site k into row owner[k]. Sites of one element
 * have the same value, so it does not matter which of them is written last. */
bs_status bs_cuda_write_sites(bs_stream *stream, CUdeviceptr rows, int64_t elements, uint32_t n,
                              const bs_site *site, const int32_t *owner);

/* faulty_channels.c. Evaluates by channels the groups for which that is possible. */
bs_status bs_cuda_run_channels(bs_faulty_call *c);

/* cuda_faulty.c. Implements run_faulty(). */
bs_status bs_cuda_run_faulty(bs_stream *stream, int node, int n_faulty, const bs_faulty_input *faulty, int n,
                             const bs_view *in, bs_view golden_out, bs_faulty_mode mode, void *out);

#endif
