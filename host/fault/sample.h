/* How many faults to inject for a wanted margin of error.
 * R. Leveugle, A. Calvez, P. Maistri, P. Vanhauwaert: Statistical fault injection: quantified error and
 * confidence, DATE 2009. */
#ifndef BS_FAULT_SAMPLE_H
#define BS_FAULT_SAMPLE_H

#include "base/error.h"

#include <stdint.h>

/* Sample size n = N / (1 + e^2 (N - 1) / (t^2 p (1 - p))), rounded up: drawn from `population` N possible
 * faults
 * (>= 1), the share of faults with some outcome is within +- margin e (0..1, exclusive) of the true one with
 * probability `confidence` (0..1, exclusive; t is its two-sided normal quantile). `p` is the share that is
 * expected; 0.5 is the safe choice where nothing is known. */
bs_status bs_sample_size(uint64_t *out, double population, double margin, double confidence, double p);
/* The inverse of the above: the margin that n trials reach. n >= population gives 0. */
bs_status bs_sample_margin(double *out, double population, uint64_t n, double confidence, double p);

/* E. B. Wilson's interval (JASA 1927) of a share `rate` seen in `n` > 0 independent trials; n need not be
 * whole. */
void bs_wilson(double *low, double *high, double rate, double n, double confidence);

/* t with P(-t < Z < t) = confidence for a standard normal Z. */
double bs_two_sided_quantile(double confidence);

#endif
