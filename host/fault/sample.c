#include "fault/sample.h"

#include <math.h>

/* Bisection: the two-sided tail erfc(t / sqrt 2) falls from 1 to 0, and below 2^-1074 at t = 40. */
double bs_two_sided_quantile(double confidence)
{
    double low = 0.0, high = 40.0;
    for (int i = 0; i < 100; i++) {
        double t = 0.5 * (low + high);
        if (erfc(t * 0.70710678118654752440) > 1.0 - confidence)
            low = t;
        else
            high = t;
    }
    return 0.5 * (low + high);
}

static bs_status check_share(double v, const char *what)
{
    if (v > 0.0 && v < 1.0)
        return BS_OK;
    return bs_fail(BS_USAGE, "%s must be above 0 and below 1, not %g", what, v);
}

static bs_status check(double population, double confidence, double p)
{
    if (!(population >= 1.0) || !(population < 1e19))
        return bs_fail(BS_USAGE, "a population of %g faults cannot be sampled", population);
    BS_TRY(check_share(confidence, "the confidence"));
    return check_share(p, "the expected share");
}

bs_status bs_sample_size(uint64_t *out, double population, double margin, double confidence, double p)
{
    *out = 0;
    BS_TRY(check(population, confidence, p));
    BS_TRY(check_share(margin, "the margin of error"));
    double t = bs_two_sided_quantile(confidence);
    double n = ceil(population / (1.0 + margin * margin * (population - 1.0) / (t * t * p * (1.0 - p))));
    if (!(n < 1e18))
        return bs_fail(BS_USAGE, "a margin of %g needs %g trials", margin, n);
    *out = (uint64_t)n;
    return BS_OK;
}

bs_status bs_sample_margin(double *out, double population, uint64_t n, double confidence, double p)
{
    *out = 0.0;
    BS_TRY(check(population, confidence, p));
    if (n == 0)
        return bs_fail(BS_USAGE, "no trials give no margin of error");
    if ((double)n >= population)
        return BS_OK;
    double t = bs_two_sided_quantile(confidence);
    *out = t * sqrt(p * (1.0 - p) * (population / (double)n - 1.0) / (population - 1.0));
    return BS_OK;
}

void bs_wilson(double *low, double *high, double rate, double n, double confidence)
{
    double z = bs_two_sided_quantile(confidence), zz = z * z;
    double centre = rate + zz / (2 * n), half = z * sqrt(rate * (1 - rate) / n + zz / (4 * n * n));
    *low = rate > 0 ? (centre - half) / (1 + zz / n) : 0.0;
    *high = rate < 1 ? (centre + half) / (1 + zz / n) : 1.0;
}
