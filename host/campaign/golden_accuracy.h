/* The accuracy of fault-free runs: how often the best class is the label. A campaign on a network that is
 * rarely right, as with the wrong preprocessing, says little, and nothing else would show it. */
#ifndef BS_CAMPAIGN_GOLDEN_ACCURACY_H
#define BS_CAMPAIGN_GOLDEN_ACCURACY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct bs_golden_accuracy {
    uint64_t labelled; /* images with a label, and a golden run */
    uint64_t correct;  /* those of them whose best class is the label */
} bs_golden_accuracy;

/* Returns true if the accuracy is low for a network of `classes` classes, which is not by chance of the
 * images: with 95 % confidence (Clopper-Pearson, one-sided) it is below (1 + 1/classes) / 2, the middle
 * between guessing and always being right. False without labels. */
bool bs_golden_accuracy_is_low(const bs_golden_accuracy *a, int classes);
/* Prints "golden top-1 against the labels: 93 of 100 images (93.0 %)" and a newline, nothing without labels.
 */
void bs_golden_accuracy_print(FILE *out, const bs_golden_accuracy *a);
/* Warns if the accuracy is low, and says what to look at. Returns true if it did. */
bool bs_golden_accuracy_warn(const bs_golden_accuracy *a, int classes);

#endif
