/* Tables for bit error rates; kernels/fault.h says how they are used. */
#ifndef BS_FAULT_BER_H
#define BS_FAULT_BER_H

#include "fault.h"

/* Largest block, which bounds the hits that a single draw can decide about. */
enum { BS_BER_MIN_BLOCK = 32, BS_BER_MAX_BLOCK = 1 << 20 };

/* Fills the table for a probability 0 < ber < 1.
 *
 * Block n: the power of two with 0.5 < n * ber <= 1, clamped to BS_BER_MIN_BLOCK..BS_BER_MAX_BLOCK.
 * Probability of i hits: P(0) = (1 - ber)^n = exp(n log1p(-ber)), P(i + 1) = P(i) (n - i) / (i + 1) ber / (1
 * - ber). threshold[i] = floor(2^64 P(hits <= i)) up to the first i with P(hits > i) < 2^-64; beyond one half
 * it is made from the sum of the upper tail, smallest terms first, so that the small probabilities keep their
 * digits. */
void bs_ber_make(bs_ber *out, double ber);

#endif
