/* Statistics of fault injection: sample sizes, margins of error, and confidence intervals.
 *
 * Sample sizes follow R. Leveugle, A. Calvez, P. Maistri, P. Vanhauwaert: Statistical fault injection:
 * quantified error and confidence, DATE 2009. */
#ifndef BS_FAULT_SAMPLE_H
#define BS_FAULT_SAMPLE_H

#include "base/error.h"

#include <stdint.h>

/* Sets *out to the sample size n = N / (1 + e^2 (N - 1) / (t^2 p (1 - p))), rounded up. If n faults are drawn
 * from `population` N >= 1 possible ones, the share of faults with some outcome is within +- margin e (0..1,
 * exclusive) of the true one with probability `confidence` (0..1, exclusive; t is its two-sided normal
 * quantile). `p` is the expected share; 0.5 is the safe choice if nothing is known. */
bs_status bs_sample_size(uint64_t *out, double population, double margin, double confidence, double p);
/* The inverse: sets *out to the margin that n trials reach. n >= population gives 0. */
bs_status bs_sample_margin(double *out, double population, uint64_t n, double confidence, double p);

/* Sets the bounds that the views give for a share `rate` of `n` > 0 observations, where n need not be whole:
 * @share_low and @share_high of schema/formulas.cmake, which are those of Clopper and Pearson in closed form
 * (C. R. Blyth, Journal of the American Statistical Association 81, 1986). *low is 0 if less than one
 * observation had the outcome, *high is 1 if less than one had not. */
void bs_share_bounds(double *low, double *high, double rate, double n, double confidence);

/* Returns the number of independent draws that is equivalent to `n` of `population` N faults drawn without
 * replacement: @without_replacement of schema/formulas.cmake, -N ln(1 - n/N). It is the n' at which (1 -
 * p)^n' = (1 - n/N)^(N p), the probability that none of N p harmful faults was drawn. (n (N-1)/(N-n), which
 * fits the variance, is larger, and bounds based on it cover only 75 to 88 % if few of the faults do harm.)
 * INFINITY at n = N, a census; n itself above N, where a second round adds nothing, and for an infinite N. */
double bs_without_replacement(double n, double population);

/* Sets the exact interval of k outcomes in n > 0 trials (C. J. Clopper, E. S. Pearson, Biometrika 26, 1934),
 * by quantiles of the beta distribution, so that k and n need not be whole. It never covers less than
 * `confidence`. */
void bs_clopper_pearson(double *low, double *high, double k, double n, double confidence);
/* Its one-sided bounds: the share is above the lower one (below the upper one) with that confidence. */
double bs_clopper_pearson_lower(double k, double n, double confidence);
double bs_clopper_pearson_upper(double k, double n, double confidence);

/* Returns I_x(a, b), a and b > 0. For whole a and b it is P(X >= a) of a binomial X of a + b - 1 trials at
 * share x. */
double bs_incomplete_beta(double x, double a, double b);
/* Returns the x with I_x(a, b) = p. */
double bs_beta_quantile(double p, double a, double b);

/* Returns the t with P(-t < Z < t) = confidence for a standard normal Z. */
double bs_two_sided_quantile(double confidence);

#endif
