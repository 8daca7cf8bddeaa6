/* Storage: the types in which a campaign stores the values of a network of fp32, to compare formats. */
#ifndef BS_MODEL_STORAGE_H
#define BS_MODEL_STORAGE_H

#include "base/buf.h"
#include "model/graph.h"

enum { BS_STORAGE_IMAGES = 32 }; /* that make the profile, unless the job says otherwise */

typedef struct bs_storage {
    bs_dtype activations; /* the input too */
    bs_dtype weights;     /* of Conv, Gemm and MatMul */
    bs_dtype others;      /* all other parameters */
    int images;           /* at most that many make the profile for the scales of activations */
} bs_storage;

/* Stores activations and weights in a type, and all other parameters in bs_storage_others() of it. */
bs_storage bs_storage_of(bs_dtype type);
/* Returns the type of other parameters beside weights of this type: the same if it has 16 bits or more, else
 * fp32, as deployments keep them. */
bs_dtype bs_storage_others(bs_dtype weights);

/* Appends "activations int8, weights int8, others fp32, scales of 32 images". n_images: all that there are.
 */
void bs_storage_text(bs_str *out, const bs_storage *s, size_t n_images);
/* Returns how many of so many images make the profile. */
size_t bs_storage_images(const bs_storage *s, size_t n_images);

/* Returns true if all is fp32: nothing is to be done. */
bool bs_storage_is_plain(const bs_storage *s);
/* Returns true if activations need scales, and so a profile. */
bool bs_storage_needs_profile(const bs_storage *s);

/* Returns the scale with which the type represents values up to `largest`, finite and not negative: the next
 * number of 8 significant bits from largest / limit on, so that devices whose sums differ in the last bits
 * come to the same; 1 for 0. No word but 0 means a subnormal number, and none an infinity. */
float bs_storage_scale(bs_dtype type, float largest);

/* Stores an imported graph so: sets types and scales, and rounds the parameters. largest: by tensor, the
 * largest finite magnitude among an activation's values; may be NULL if no profile is needed.
 *
 * These stay as they are: what the file stores in another type than fp32, truth values and integers
 * (comparisons, Cast, UINT8 pixels), constants that operators are made with, and, if words of activations
 * have less than 16 bits, the scores: the output, and what it is normalised and moved from.
 *
 * Scales: a weight has one for each output channel; any other tensor has one. Activations that are made of
 * others by moving or choosing values, and what Concat joins, have one scale in common, so that they are
 * rounded once. What only Relu and Clip read is measured behind these, like in quantised networks: what they
 * cut off needs no words, and types with scales saturate.
 *
 * BS_USAGE if no tensor changes its type. */
bs_status bs_graph_store(bs_graph *g, const bs_storage *s, const float *largest);

#endif
