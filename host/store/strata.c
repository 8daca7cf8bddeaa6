#include "store/store_internal.h"

int bs_store_stratum(const bs_plan *plan, uint32_t entry, uint32_t target)
{
    int low = 0, high = plan->n_strata;
    uint64_t wanted = (uint64_t)entry << 32 | target;
    while (low < high) {
        int mid = low + (high - low) / 2;
        const bs_stratum *s = &plan->strata[mid];
        uint64_t have = (uint64_t)plan->job->entries[s->entry].id << 32 | (uint32_t)s->target;
        if (have == wanted)
            return mid;
        if (have < wanted)
            low = mid + 1;
        else
            high = mid;
    }
    return -1;
}
