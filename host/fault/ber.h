/* Tables for bit error rates; kernels/fault.h draws sites from them. */
#ifndef BS_FAULT_BER_H
#define BS_FAULT_BER_H

#include "fault.h"

/* Smallest and largest block: they bound the hits that a single draw decides about. */
enum { BS_BER_MIN_BLOCK = 32, BS_BER_MAX_BLOCK = 1 << 20 };

/* Fills the table for a probability 0 < ber < 1.
 *
 * block: the power of two n with 0.5 < n * ber <= 1, clamped to BS_BER_MIN_BLOCK..BS_BER_MAX_BLOCK.
 *
 * Probability of i hits in a block: P(0) = (1 - ber)^n = exp(n log1p(-ber)),
 * P(i + 1) = P(i) (n - i) / (i + 1) ber / (1 - ber).
 *
 * threshold[i] = floor(2^64 P(hits <= i)), up to the first i with P(hits > i) < 2^-64. Above one half it is
 * computed from the sum of the upper tail, smallest terms first, so that small probabilities keep their
 * digits. */
void bs_ber_make(bs_ber *out, double ber);

#endif
