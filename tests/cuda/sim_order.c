/* The order of blocks, warps and threads: see sim.h. */
#include "sim_inside.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

bool bs_sim_read_order(sim_order *o)
{
    const char *wanted = getenv("BITSINK_SIM_ORDER");
    *o = (sim_order){SIM_FORWARD, 0, 0};
    if (!wanted || !strcmp(wanted, "forward"))
        return true;
    o->kind = strcmp(wanted, "reverse") ? SIM_SHUFFLE : SIM_REVERSE;
    o->seed = !strncmp(wanted, "shuffle:", 8) ? strtoull(wanted + 8, NULL, 10) : 0;
    return o->kind == SIM_REVERSE || !strncmp(wanted, "shuffle", 7);
}

static uint64_t common_factor(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

sim_sequence bs_sim_sequence(sim_order *o, uint64_t n)
{
    if (o->kind == SIM_FORWARD || n < 2)
        return (sim_sequence){n, n, 0, 1};
    if (o->kind == SIM_REVERSE)
        return (sim_sequence){n, n, n - 1, n - 1};
    uint64_t seed = (o->seed + 1 + (o->drawn++ << 32)) * 6364136223846793005u;
    seed ^= seed >> 33;
    sim_sequence s = {n, n, (seed >> 32) % n, 1 + seed % ((1 << 18) - 1)};
    while (common_factor(s.step, n) != 1)
        s.step++;
    s.step %= n;
    return s;
}
