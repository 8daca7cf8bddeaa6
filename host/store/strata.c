/* The strata of a plan: which one a trial belongs to, and what tells all of them from another plan's. */
#include "store/identity.h"
#include "store/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>

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

bs_status bs_identity_strata(const bs_plan *plan, char out[17])
{
    bs_str text = {0};
    bs_status st = BS_OK;
    for (int e = 0; e < plan->job->n_entries; e++) {
        bs_str_printf(&text, "%d ", plan->job->entries[e].id);
        BS_TRY_GOTO(bs_identity_entry(&text, plan, e), out);
        bs_str_puts(&text, "\n");
    }
    BS_TRY_GOTO(bs_str_status(&text), out);
    snprintf(out, 17, "%016" PRIx64, (uint64_t)XXH3_64bits(text.ptr, text.len));
out:
    bs_str_clear(&text);
    return st;
}
