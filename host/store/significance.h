/* Significance: the tests of `bitsink compare`, and the smallest change that they could have detected. */
#ifndef BS_STORE_SIGNIFICANCE_H
#define BS_STORE_SIGNIFICANCE_H

/* Returns the exact two-sided p-value of McNemar's test (Q. McNemar, Psychometrika 12, 1947), which is the
 * sign test: min(1, 2 P(Bin(b + c, 1/2) >= max(b, c))). Pairs: the same units in both campaigns, b of them
 * bad in A only, c in B only. */
double bs_mcnemar(double b, double c);

/* Returns the two-sided p-value of shares r1 of n1 and r2 of n2 independent observations (INFINITY: a census,
 * whose rate is known). It is the larger one of the chi-square test with continuity correction (J. L. Fleiss,
 * Statistical Methods for Rates and Proportions) and of Fisher's exact test (twice the tail; that of a
 * binomial if one is a census): the first is far too small if one file has few observations and the other
 * many. Two censuses that differ give 0. */
double bs_two_proportions(double r1, double n1, double r2, double n2);

/* Returns the smallest change that such a comparison calls a difference at level `alpha` with 80 % power;
 * INFINITY: none.
 *
 * For n pairs, the change is the share delta that turns one way, on top of a background of 2 min(b, c)
 * discordant pairs, psi = 2 min(b, c)/n + delta: n = (z_a sqrt(psi) + z_b sqrt(psi - delta^2))^2 / delta^2
 * (R. J. Connor, Biometrics 43, 1987). It is never below what the exact test needs: with d the smallest
 * number of pairs turned one way that bs_mcnemar() calls a difference on that background, P(Bin(n, delta) >=
 * d) = 0.8. */
double bs_detectable_pairs(double b, double c, double n, double alpha);

/* For proportions, the change is the difference delta from the pooled rate p, upwards if p <= 1/2, with
 * delta - w/2 = z_a sqrt(m (1-m) w) + z_b sqrt(p (1-p)/n1 + (p+delta) (1-p-delta)/n2),
 * w = 1/n1 + 1/n2 and m the pooled rate after it (J. L. Fleiss, A. Tytun, H. K. Ury, Biometrics 36, 1980). 0
 * between two censuses. */
double bs_detectable_proportions(double r1, double n1, double r2, double n2, double alpha);

#endif
