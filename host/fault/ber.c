#include "fault/ber.h"

#include <math.h>

/* Returns floor(2^64 * cdf), computed from the smaller of cdf and tail = 1 - cdf. */
static uint64_t threshold_of(long double cdf, long double tail)
{
    if (cdf <= 0.5L)
        return (uint64_t)floorl(ldexpl(cdf, 64));
    return (uint64_t)0 - (uint64_t)ceill(ldexpl(tail, 64));
}

void bs_ber_make(bs_ber *out, double ber)
{
    /* With n * ber <= 1, or n = 32, more than BS_BER_STEPS hits have a probability far below 2^-64. */
    enum { TERMS = 2 * BS_BER_STEPS };
    long double pmf[TERMS + 1], tail[TERMS + 1], p = ber, cdf = 0;
    uint32_t n = BS_BER_MIN_BLOCK;
    while (n < BS_BER_MAX_BLOCK && 2.0 * n * ber <= 1.0)
        n *= 2;
    out->block = n;
    out->steps = 0;
    pmf[0] = expl(n * log1pl(-p));
    for (uint32_t i = 0; i < TERMS; i++)
        pmf[i + 1] = i < n ? pmf[i] * (long double)(n - i) / (i + 1) * (p / (1 - p)) : 0;
    tail[TERMS] = 0;
    for (int i = TERMS - 1; i >= 0; i--)
        tail[i] = tail[i + 1] + pmf[i + 1];
    for (int i = 0; i < BS_BER_STEPS && tail[i] >= ldexpl(1.0L, -64); i++) {
        cdf += pmf[i];
        out->threshold[i] = threshold_of(cdf, tail[i]);
        out->steps++;
    }
}
