/* Two campaigns side by side: where did the SDC-1 rate change? */
#ifndef BS_STORE_CONTRAST_H
#define BS_STORE_CONTRAST_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* One stratum that both files have: the same entry id, a layer of the same name. */
typedef struct bs_contrast {
    int entry;
    char *name;           /* of the layer */
    double rate[2], n[2]; /* SDC-1 rate; independent trials it is worth (layer_accuracy.effective_trials) */
    double p, q;          /* two-sided p-value, and adjusted for the number of strata (Benjamini-Hochberg) */
    bool differs;         /* q <= fdr */
} bs_contrast;

typedef struct bs_contrasts {
    bs_contrast *row;
    size_t n, cap, n_differ;
    size_t only[2]; /* strata with trials that the other file lacks */
} bs_contrasts;

/* Compares strata by their entry ids and layer names; an entry of the same id must have the same fault model.
 * The test is the chi-square of two proportions with continuity correction (J. L. Fleiss, Statistical Methods
 * for Rates and Proportions); faults of parameters count as layer_accuracy counts them. `fdr`: share of false
 * alarms among the differences reported (Y. Benjamini, Y. Hochberg, JRSS B 1995). Zero-initialise *out;
 * bs_contrasts_clear() frees. */
bs_status bs_store_contrast(bs_contrasts *out, const char *a, const char *b, double fdr);
void bs_contrasts_clear(bs_contrasts *c);

/* p-value of the test: shares r1 of n1 and r2 of n2. */
double bs_two_proportions(double r1, double n1, double r2, double n2);

#endif
