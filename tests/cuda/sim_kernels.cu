/* See sim_kernels.h. */
#include "sim_kernels.h"
#include "launch.h"

BS_KERNEL(sim_join)
{
    int32_t v = a.in[BS_ITEM];
    uint64_t wide = (uint64_t)(uint32_t)v << 20, *out = a.out + 5 * (uint64_t)BS_ITEM;
    out[0] = (uint64_t)bs_warp_any(v == 7);
    out[1] = (uint32_t)bs_warp_max(v);
    out[2] = bs_warp_max64(wide);
    out[3] = bs_warp_sum64(wide);
    out[4] = (uint64_t)bs_warp_leads();
}

BS_KERNEL(sim_part)
{
    int odd = BS_THREAD == 5, any = 0;
    switch (a.part) {
    case SIM_PART_RETURNS:
        any = odd ? 0 : bs_warp_any(1);
        break;
    case SIM_PART_WAITS:
        any = odd ? bs_warp_max(1) : bs_warp_any(1);
        break;
    case SIM_PART_LATER:
        if (odd)
            any = bs_warp_any(1);
        else
            any = bs_warp_any(0);
        break;
    case SIM_PART_BARRIER:
        if (!odd)
            bs_block_sync();
        break;
    default:
        if (odd)
            bs_block_sync();
        else
            any = bs_warp_any(1);
        break;
    }
    a.out[BS_ITEM] = any;
}

BS_KERNEL(sim_reverse)
{
    BS_SHARED(float, mine, SIM_BLOCK);
    mine[BS_THREAD] = a.in[BS_ITEM];
    bs_block_sync();
    a.out[BS_ITEM] = mine[SIM_BLOCK - 1 - BS_THREAD];
}

BS_KERNEL(sim_log)
{
    for (int t = 0; t < a.turns; t++) {
        if (t > 0)
            bs_warp_any(0);
        a.log[(*a.count)++] = BS_ITEM;
    }
}
