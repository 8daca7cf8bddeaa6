#include "fault/sample.h"

#include <math.h>

/* Solves by bisection: the two-sided tail erfc(t / sqrt 2) falls from 1 to 0, and is below 2^-1074 at t =
 * 40. */
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

/* Returns @limit of formulas.cmake: the upper bound of a share r of n at z, 1 <= r n < n. */
static double limit(double r, double n, double z)
{
    double a = r * n + 1, b = n - r * n;
    double t = (81 * a * b - 9 * n - 8 - 3 * z * sqrt(fmax(0, 9 * a * b * (9 * n + 5 - z * z) + n + 1))) /
               (81 * a * a - 9 * a * (2 + z * z) + 1);
    return 1 / (1 + a / b * (a / b) * pow(fmax(0, t), 3));
}

/* Returns @share_high; between 0 and 1 outcomes the bound is interpolated. */
static double share_high(double r, double n, double z)
{
    double k = r * n;
    if ((1 - r) * n < 0.999999999)
        return 1.0;
    if (k >= 1)
        return fmin(1, limit(r, n, z));
    return (1 - k) * (1 - exp(-pow(8.0 / 9 + z / 3, 3) / n)) + k * (n < 2 ? 1 : fmin(1, limit(1 / n, n, z)));
}

void bs_share_bounds(double *low, double *high, double rate, double n, double confidence)
{
    double z = bs_two_sided_quantile(confidence);
    *low = 1 - share_high(1 - rate, n, z);
    *high = share_high(rate, n, z);
}

double bs_without_replacement(double n, double population)
{
    if (n > population || isinf(population))
        return n;
    return n < population ? -population * log1p(-n / population) : (double)INFINITY;
}

/* Returns the continued fraction of I_x(a, b) for x below the mean (NIST Digital Library of Mathematical
 * Functions, 8.17.22), by Lentz's method: about sqrt(max(a, b)) steps. */
static double beta_fraction(double x, double a, double b)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double f = d;
    for (int m = 1; m < 1000000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)), step = 1;
        for (int k = 0; k < 2; k++) {
            double term = k == 0 ? even : odd;
            d = 1 + term * d;
            c = 1 + term / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = fabs(c) < tiny ? tiny : c;
            step = c * d;
            f *= step;
        }
        if (fabs(step - 1) < 1e-15)
            break;
    }
    return f;
}

double bs_incomplete_beta(double x, double a, double b)
{
    if (!(x > 0))
        return 0.0;
    if (!(x < 1))
        return 1.0;
    if (x > (a + 1) / (a + b + 2))
        return 1 - bs_incomplete_beta(1 - x, b, a);
    double front = a * log(x) + b * log1p(-x) + lgamma(a + b) - lgamma(a) - lgamma(b);
    return fmin(1, exp(front) * beta_fraction(x, a, b) / a);
}

/* Solves by bisection: a hundred halvings are more than a double resolves. */
double bs_beta_quantile(double p, double a, double b)
{
    double low = 0, high = 1;
    for (int i = 0; i < 100 && low < high; i++) {
        double x = 0.5 * (low + high);
        if (bs_incomplete_beta(x, a, b) < p)
            low = x;
        else
            high = x;
    }
    return 0.5 * (low + high);
}

double bs_clopper_pearson_lower(double k, double n, double confidence)
{
    return k > 0 ? bs_beta_quantile(1 - confidence, k, n - k + 1) : 0.0;
}

double bs_clopper_pearson_upper(double k, double n, double confidence)
{
    return k < n ? 1 - bs_beta_quantile(1 - confidence, n - k, k + 1) : 1.0;
}

void bs_clopper_pearson(double *low, double *high, double k, double n, double confidence)
{
    *low = bs_clopper_pearson_lower(k, n, 0.5 + 0.5 * confidence);
    *high = bs_clopper_pearson_upper(k, n, 0.5 + 0.5 * confidence);
}
