/* What load() and the schedules ask about convolutions, each question once for all layers of one shape, and
 * not at all if the cache of facts knows the answer:
 *   - which implementation a layer gets (*selection*);
 *   - which implementation computes patches of one geometry exactly.
 *
 * A library picks implementations and weight layouts by shape, so a small patch may get another one than the
 * whole layer. Only the bits tell whether that is exact, so the answer is found by comparing (patch_test.h),
 * on random data: answers depend on shapes, the library and the CPU, never on a model's weights. */
#ifndef BS_CPU_PATCH_ANSWERS_H
#define BS_CPU_PATCH_ANSWERS_H

#include "cpu/cpu.h"

/* The implementation for patches of a geometry, in the order in which they are tried. */
typedef enum bs_cpu_way {
    BS_CPU_WAY_NONE,
    BS_CPU_WAY_LAYERS,    /* the layer's, with its packed weights */
    BS_CPU_WAY_ALIKE,     /* the layer's, with another layout of the weights */
    BS_CPU_WAY_PREFERRED, /* the one that the library prefers for the patch */
    BS_CPU_WAY_COUNT
} bs_cpu_way;

typedef struct bs_cpu_answers bs_cpu_answers;

/* cache: NULL: none. It must outlive *out. */
bs_status bs_cpu_answers_create(bs_cpu_answers **out, bs_dnn *dnn, const bs_device_info *info,
                                bs_cache *cache);
void bs_cpu_answers_free(bs_cpu_answers *a);

/* Sets *out to the way to run patches of these sizes of the layer m. Compares on as many threads as it may
 * use. Safe to call from several threads for layers of different shapes. Errors: no memory to compare; *out
 * is then BS_CPU_WAY_NONE, and nothing is remembered. */
bs_status bs_cpu_patch_way(bs_cpu_way *out, bs_cpu_answers *a, const bs_cpu_matrix *m, const int in_size[2],
                           const int out_size[2], int threads);
/* Finds the implementation of a way other than the layer's; *out is NULL, without an error, if the library
 * has none. `patch` is the layer with the sizes of the patch. The caller frees *out. */
bs_status bs_cpu_way_impl(bs_conv_impl **out, bs_cpu_way way, bs_dnn *dnn, const bs_cpu_matrix *layer,
                          const bs_cpu_matrix *patch);

/* Chooses an implementation for the layer m, whose shape and chunks are set: sets impl, skip and chunks. */
bs_status bs_cpu_select(bs_cpu_answers *a, bs_cpu_matrix *m, bool convolution);
/* Sets m's implementation to the one after `skip` others; impl is NULL if there is none. */
bs_status bs_cpu_select_at(bs_dnn *dnn, bs_cpu_matrix *m, int skip);

/* Gives back the memory that makes the next comparison quicker. Thread-safe. */
void bs_cpu_answers_give_memory(bs_cpu_answers *a);
/* Returns the number of comparisons made so far. */
int bs_cpu_answers_compared(const bs_cpu_answers *a);

#endif
