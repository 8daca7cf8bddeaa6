/* Nodes with a faulty parameter. Dense (faulty.c): the whole node with a copy of the parameter in which the
 * sites are changed, once for each group of samples with the same sites. By channels (faulty_channels.c): the
 * faulty filters of many groups become one convolution over the inputs that their samples read; all else
 * comes from the golden output. A group with more than BS_CUDA_MOST_FILTERS different faulty filters is
 * evaluated densely, too. */
#ifndef BS_CUDA_FAULTY_H
#define BS_CUDA_FAULTY_H

#include "backend/groups.h"
#include "cuda/conv.h"

/* One call of run_faulty(). */
typedef struct bs_cuda_query {
    bs_lane *lane;
    int node, slot, n;
    const bs_view *in;
    bs_view golden;
    const bs_faults *f;
    CUdeviceptr out;
    bs_groups groups;
    bool *whole; /* by group: it has more faulty filters than engines are tried with; NULL: none has */
} bs_cuda_query;

static inline const bs_cuda_plan *bs_cuda_query_plan(const bs_cuda_query *q)
{
    return &q->lane->network->plan[q->node];
}

/* The sites of a sample, as prepared ones, into `site`. Those that are drawn ascend; listed ones may meet in
 * an element, where they act one after the other. */
bs_status bs_cuda_prepare_sites(const bs_cuda_query *q, int sample, bs_site *site);
/* Writes the prepared values of sites into rows of a buffer: site k into row owner[k]. Those of one element
 * have one value, so it does not matter which of them is written last. */
bs_status bs_cuda_poke(bs_lane *l, CUdeviceptr rows, int64_t elements, uint32_t n, const bs_site *site,
                       const int32_t *owner);
/* Leaves the golden output in the samples of groups that are to be evaluated as a `whole`. */
bs_status bs_cuda_run_channels(const bs_cuda_query *q);

bs_status bs_cuda_run_faulty(bs_lane *l, int node, int slot, int n, const bs_view *in, bs_view golden_out,
                             const bs_faults *f, bs_faulty_mode mode, void *out);

#endif
