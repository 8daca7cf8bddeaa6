/* The test of an implementation for patches: on random data, patches at the corners and in the middle of the
 * plane must come out as the whole layer computes them, in every batch size. */
#ifndef BS_CPU_PATCH_TEST_H
#define BS_CPU_PATCH_TEST_H

#include "cpu/cpu.h"

#include <pthread.h>

/* A layer's input, weights and output, which all tests of its patches share. */
typedef struct bs_cpu_reference {
    struct bs_cpu_reference *next;
    bs_conv_shape shape;
    int skip;
    int users; /* tests that read it now */
    size_t bytes;
    float *weights, *bias, *image, *expected; /* image and expected channels last */
    void *packed;                             /* the weights for the layer's implementation */
} bs_cpu_reference;

/* Working memory of a thread that tests. */
typedef struct bs_cpu_test_memory {
    struct bs_cpu_test_memory *next;
    bs_cpu_buffer in, out, scratch; /* a chunk of patches, its results, oneDNN's */
} bs_cpu_test_memory;

/* The references made last, up to some size, and working memory that no thread uses now. */
typedef struct bs_cpu_references {
    pthread_mutex_t lock;
    bs_cpu_reference *first; /* the one used last */
    bs_cpu_test_memory *memory;
} bs_cpu_references;

/* Gets the reference of the layer m, made if there is none. Give it back. */
bs_status bs_cpu_reference_get(bs_cpu_reference **out, bs_cpu_references *all, const bs_cpu_matrix *m);
void bs_cpu_reference_give_back(bs_cpu_references *all, bs_cpu_reference *r);
/* Frees those that no test reads, and the working memory. */
void bs_cpu_references_drop(bs_cpu_references *all);

/* Sets *exact to whether `impl` computes the patch exactly. impl may be the layer's. An implementation that
 * fails is not exact; the only error is lack of memory. */
bs_status bs_cpu_patch_test(bool *exact, bs_cpu_references *all, const bs_cpu_reference *r,
                            const bs_cpu_matrix *whole, const bs_cpu_matrix *patch, const bs_conv_impl *impl,
                            int threads);

#endif
