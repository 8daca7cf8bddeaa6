#include "store/significance.h"

#include "fault/sample.h"

#include <math.h>

static const double power = 0.8;

double bs_mcnemar(double b, double c)
{
    double most = fmax(b, c), least = fmin(b, c);
    return most > least ? fmin(1, 2 * bs_incomplete_beta(0.5, most, least + 1)) : 1.0;
}

/* Returns the logarithm of the binomial coefficient n over k. */
static double log_choose(double n, double k)
{
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

/* Returns P(X >= k1) of a hypergeometric X: the outcomes among the first n1 of n1 + n2 observations with k1 +
 * k2 outcomes. */
static double hypergeometric_tail(double k1, double n1, double k2, double n2)
{
    double total = k1 + k2, term = 1, sum = 1;
    double first = log_choose(n1, k1) + log_choose(n2, k2) - log_choose(n1 + n2, total);
    for (double x = k1; x < n1 && x < total && term > 1e-18 * sum; x++) {
        term *= (n1 - x) * (total - x) / ((x + 1) * (n2 - total + x + 1));
        sum += term;
    }
    return fmin(1, exp(first) * sum);
}

/* Returns P(X >= k) of a binomial X of n trials at share p. */
static double binomial_tail(double k, double n, double p)
{
    return k > 0 ? bs_incomplete_beta(p, k, n - k + 1) : 1.0;
}

/* Returns the exact one-sided p-value for r1 > r2. Observations are rounded to whole numbers. */
static double exact_tail(double r1, double n1, double r2, double n2)
{
    double m1 = fmax(1, round(n1)), m2 = fmax(1, round(n2)), k1 = round(r1 * m1), k2 = round(r2 * m2);
    if (isinf(n1))
        return binomial_tail(m2 - k2, m2, 1 - r1);
    return isinf(n2) ? binomial_tail(k1, m1, r2) : hypergeometric_tail(k1, m1, k2, m2);
}

static double pooled(double r1, double n1, double r2, double n2)
{
    return isinf(n1) ? r1 : isinf(n2) ? r2 : (r1 * n1 + r2 * n2) / (n1 + n2);
}

double bs_two_proportions(double r1, double n1, double r2, double n2)
{
    double p = pooled(r1, n1, r2, n2), w = 1 / n1 + 1 / n2;
    double distance = fabs(r1 - r2) - 0.5 * w, variance = p * (1 - p) * w;
    if (r1 == r2 || distance <= 0)
        return 1.0;
    double exact = r1 > r2 ? exact_tail(r1, n1, r2, n2) : exact_tail(r2, n2, r1, n1);
    double approximate = variance > 0 ? erfc(distance / sqrt(2 * variance)) : 0.0;
    return isinf(n1) && isinf(n2) ? 0.0 : fmin(1, fmax(approximate, 2 * exact));
}

double bs_detectable_pairs(double b, double c, double n, double alpha)
{
    double background = fmin(b, c), turned = 1, low = 0, high = 1;
    double za = bs_two_sided_quantile(1 - alpha), zb = bs_two_sided_quantile(2 * power - 1);
    while (turned <= n && bs_mcnemar(background + turned, background) > alpha)
        turned++;
    if (turned > n)
        return INFINITY;
    for (int i = 0; i < 60; i++) {
        double delta = 0.5 * (low + high), psi = 2 * background / n + delta;
        if (delta * sqrt(n) < za * sqrt(psi) + zb * sqrt(fmax(0, psi - delta * delta)))
            low = delta;
        else
            high = delta;
    }
    return fmax(high, bs_beta_quantile(power, turned, n - turned + 1));
}

double bs_detectable_proportions(double r1, double n1, double r2, double n2, double alpha)
{
    double p = pooled(r1, n1, r2, n2), w = 1 / n1 + 1 / n2;
    double za = bs_two_sided_quantile(1 - alpha), zb = bs_two_sided_quantile(2 * power - 1);
    p = fmin(p, 1 - p);
    double low = 0, high = 1 - p;
    for (int i = 0; i < 60; i++) {
        double delta = 0.5 * (low + high), changed = p + delta, m = pooled(p, n1, changed, n2);
        double deviation = sqrt(p * (1 - p) / n1 + changed * (1 - changed) / n2);
        if (delta - 0.5 * w < za * sqrt(m * (1 - m) * w) + zb * deviation)
            low = delta;
        else
            high = delta;
    }
    return w == 0 ? 0.0 : high < 1 - p ? high : INFINITY;
}
