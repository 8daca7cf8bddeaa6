/* Compares two campaigns: finds the strata whose rates of SDC-1 and DUE changed. */
#ifndef BS_STORE_COMPARE_H
#define BS_STORE_COMPARE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* X(suffix, name). The outcomes compared, which are outcomes of view layer_outcome. */
#define BS_COMPARE_OUTCOMES(X)                                                                               \
    X(SDC1, "sdc1")                                                                                          \
    X(DUE, "due")

/* X(suffix, name). The tests of significance.h. SIGN: for faults of a parameter. */
#define BS_COMPARE_TESTS(X)                                                                                  \
    X(MCNEMAR, "mcnemar")                                                                                    \
    X(SIGN, "sign")                                                                                          \
    X(PROPORTIONS, "proportions")

/* X(suffix, name, text). Reasons why trials of the same id are not compared as the same fault. */
#define BS_UNPAIRED_REASONS(X)                                                                               \
    X(SEED, "seed", "the seeds differ")                                                                      \
    X(IMAGES, "images", "images of the same number differ in path, label or content")                        \
    X(ENTRY, "entry", "fault entries of the same id have other bits, sites or targets")                      \
    X(LAYER, "layer", "layers have another id, name or shape")                                               \
    X(TYPE, "type", "layers are stored in types of other bits")                                              \
    X(TRIALS, "trials", "no trial on an image with a weight is in both files")                               \
    X(FAULTS, "faults",                                                                                      \
      "the faults differ: versions number them otherwise, or a value has another word in another type")      \
    X(MAP, "map", "layers were brought together by --map or --by-position")

/* X(suffix, name, text). Differences that do not prevent pairing. GOLDEN: one model, but different fault-free
 * answers to a common image. TRIED: the images with trials, or their weights. */
#define BS_COMPARE_REMARKS(X)                                                                                \
    X(MODEL, "model", "the models differ; each file is judged by its own golden answers")                    \
    X(STORAGE, "storage",                                                                                    \
      "the values are stored in different types: faults hit the bits of each file's own")                    \
    X(PREPROCESS, "preprocess", "the preprocessing of the images differs")                                   \
    X(GOLDEN, "golden",                                                                                      \
      "the model is the same, but golden answers differ: other arithmetic, preprocessing or image content")  \
    X(TRIED, "tried",                                                                                        \
      "the images with trials, or their weights, differ: what is not paired differs by them, too")

#define X(suffix, ...) BS_COMPARE_##suffix,
typedef enum bs_compare_outcome { BS_COMPARE_OUTCOMES(X) BS_COMPARE_N_OUTCOMES } bs_compare_outcome;
typedef enum bs_compare_test { BS_COMPARE_TESTS(X) BS_COMPARE_N_TESTS } bs_compare_test;
#undef X
#define X(suffix, ...) BS_UNPAIRED_BIT_##suffix,
enum { BS_UNPAIRED_REASONS(X) BS_UNPAIRED_N };
#undef X
#define X(suffix, ...) BS_UNPAIRED_##suffix = 1 << BS_UNPAIRED_BIT_##suffix,
typedef enum bs_unpaired { BS_PAIRED = 0, BS_UNPAIRED_REASONS(X) } bs_unpaired;
#undef X
#define X(suffix, ...) BS_REMARK_BIT_##suffix,
enum { BS_COMPARE_REMARKS(X) BS_REMARKS };
#undef X
#define X(suffix, ...) BS_REMARK_##suffix = 1 << BS_REMARK_BIT_##suffix,
typedef enum bs_compare_remark { BS_COMPARE_REMARKS(X) } bs_compare_remark;
#undef X

extern const char *const bs_compare_outcome_name[],
    *const bs_compare_test_name[], *const bs_unpaired_name[], *const bs_compare_remark_name[];

/* One outcome of one stratum that both files have. */
typedef struct bs_comparison {
    int entry;
    char *name[2]; /* of the layer, in A and in B */
    bs_compare_outcome outcome;
    bs_compare_test test;
    unsigned why; /* reasons against pairing: bits of bs_unpaired; 0: paired */
    /* Rate of the outcome. Paired: among the trials in both files, which count equally whatever their image
     * weighs, without those on an image of weight 0. Else that of layer_outcome, by the weights of images. */
    double rate[2];
    /* Paired: units in both files; else the observations of each (layer_outcome). INFINITY: a census of
     * images that are the same in both files, with the same weights; other censuses count their units. */
    double n[2];
    /* Paired: trials with the outcome in one file only, or faults with more such trials in one. */
    double only[2];
    double p, q; /* two-sided p-value, and the same adjusted for the number of rows (Benjamini-Hochberg) */
    /* Smallest change (share of units, or difference of rates) that would be called a difference with 80 %
     * power at level fdr/rows (significance.h); INFINITY: none would. */
    double detectable;
    bool differs; /* q <= fdr */
} bs_comparison;

typedef struct bs_comparisons {
    bs_comparison *row; /* by entry and layer of A, then by outcome */
    size_t n, cap, n_differ;
    size_t only[2];   /* strata with trials in A (in B) that the other file lacks */
    unsigned remarks; /* bits of bs_compare_remark */
} bs_comparisons;

typedef struct bs_compare_options {
    /* Accepted share of false alarms among the differences reported (Y. Benjamini, Y. Hochberg, JRSS B
     * 1995). */
    double fdr;
    /* "A=B,A=B": layers of the first file and the layers of other names that they correspond to; may be
     * NULL. */
    const char *map;
    bool by_position; /* the k-th stratum of an entry corresponds to the k-th in the other file */
} bs_compare_options;

/* Compares strata of the same entry id and layer name (or as the options say); entries of the same id must
 * have the same fault model; which bits of a word that means may differ with the type. Trials are paired if a
 * trial id is the same fault in both files, whatever the model: if the seed, the images in both files (path,
 * label and content), the entry's definition, the layer's id, name, shape and type, and the faults of the
 * first common trials agree. Else two proportions are compared. The files may be of an earlier version or
 * read-only. Zero-initialise *out; free with bs_comparisons_clear(). */
bs_status bs_store_compare(bs_comparisons *out, const char *a, const char *b,
                           const bs_compare_options *options);
void bs_comparisons_clear(bs_comparisons *c);

#endif
