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

/* The bounds that the views have for a share `rate` of `n` > 0 observations, n not always whole: @share_low
 * and @share_high of schema/formulas.cmake, which are those of Clopper and Pearson in closed form (C. R.
 * Blyth, Journal of the American Statistical Association 81, 1986). 0 where less than one observation had the
 * outcome, 1 where less than one had not. */
void bs_share_bounds(double *low, double *high, double rate, double n, double confidence);

/* `n` of `population` N faults, drawn without replacement, as a number of independent ones:
 * @without_replacement of schema/formulas.cmake, -N ln(1 - n/N). It is the n' at which (1 - p)^n' = (1 -
 * n/N)^(N p): of N p harmful faults none was drawn. (n (N-1)/(N-n), which fits the variance, is more, and
 * bounds at it cover 75 to 88 % where few of the faults do harm.) INFINITY at n = N, a census; n itself
 * above, as a second round gains nothing, and where N is INFINITY. */
double bs_without_replacement(double n, double population);

/* The exact interval of k outcomes in n > 0 trials (C. J. Clopper, E. S. Pearson, Biometrika 26, 1934),
 * through quantiles of the beta distribution, so that k and n need not be whole: never covers less than
 * `confidence`. */
void bs_clopper_pearson(double *low, double *high, double k, double n, double confidence);
/* Its one-sided bounds: the share is above the lower one (below the upper one) with that confidence. */
double bs_clopper_pearson_lower(double k, double n, double confidence);
double bs_clopper_pearson_upper(double k, double n, double confidence);

/* I_x(a, b), a and b > 0: P(X >= a) of a binomial X of a + b - 1 trials at share x, where a and b are whole.
 */
double bs_incomplete_beta(double x, double a, double b);
/* x with I_x(a, b) = p. */
double bs_beta_quantile(double p, double a, double b);

/* t with P(-t < Z < t) = confidence for a standard normal Z. */
double bs_two_sided_quantile(double confidence);

#endif
