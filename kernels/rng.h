/* Counter-based random numbers: Philox4x32-10 of Random123 (Salmon et al., SC'11), key = campaign seed,
 * counter = (trial id low, trial id high, draw, purpose). Any draw of any trial can be computed alone. */
#ifndef BS_KERNELS_RNG_H
#define BS_KERNELS_RNG_H

#include "hd.h"

#include <Random123/philox.h>

/* The purpose of a draw; part of the counter, so draws for different purposes never overlap. Never renumber:
 * results depend on it. */
enum bs_draw_purpose {
    BS_PURPOSE_SITE = 0,
    BS_PURPOSE_VALUE = 1,
    BS_PURPOSE_BER = 2,
    BS_PURPOSE_ORDER = 3,
    BS_PURPOSE_AUDIT = 4,
    BS_PURPOSE_WEIGHTS = 5, /* of generated networks: counter = (element, twice the parameter or one more) */
    BS_PURPOSE_HAPPENS = 6, /* whether a trial has its fault, or a target of the network is hit */
    BS_PURPOSE_BIT = 7      /* the bit that all sites of a trial share */
};

/* Returns 64 random bits. */
BS_HD uint64_t bs_draw(uint64_t seed, uint64_t trial, uint32_t draw, uint32_t purpose)
{
    philox4x32_ctr_t c = {{(uint32_t)trial, (uint32_t)(trial >> 32), draw, purpose}};
    philox4x32_key_t k = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t r = philox4x32_R(10, c, k);
    return (uint64_t)r.v[1] << 32 | r.v[0];
}

/* Returns floor(r * n / 2^64): uniform on 0..n-1 with a bias below n / 2^64. */
BS_HD uint64_t bs_scale(uint64_t r, uint64_t n)
{
#ifdef __CUDA_ARCH__
    return __umul64hi(r, n);
#else
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)((wide)r * n >> 64);
#endif
}

/* Returns a uniform number in [0, 1): the top 24 bits of r, exact in a float. */
BS_HD float bs_unit_float(uint64_t r)
{
    return (float)(uint32_t)(r >> 40) * (1.0f / 16777216.0f);
}

#endif
