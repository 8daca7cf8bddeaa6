/* The only interface to oneDNN: convolutions with a selected implementation. Files outside onednn* include no
 * dnnl header.
 *
 *   bs_dnn        engine                                                      shared by threads
 *   bs_conv_impl  implementation and weight layout, selected once for a layer shared by threads
 *   bs_conv       that implementation compiled for one shape                  one thread at a time
 *
 * Data is dense and channels last: (batch, rows, columns, channels); weights are (M, C/group, kH, kW). All
 * work is done on the calling thread, provided it has called bs_dnn_single_thread() and oneDNN is built for
 * OpenMP or without threads. */
#ifndef BS_CPU_ONEDNN_H
#define BS_CPU_ONEDNN_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bs_dnn bs_dnn;
typedef struct bs_conv_impl bs_conv_impl;
typedef struct bs_conv bs_conv;

enum { BS_CONV_IMPL_NAME = 64 }; /* bytes of an implementation's name */

/* Only ints, so that equal shapes are equal bytes. */
typedef struct bs_conv_shape {
    int batch, group, channels, filters;
    int in_h, in_w, out_h, out_w;
    int kernel[2], stride[2], dilation[2];
    int pad[4]; /* top, left, bottom, right; bottom and right may be negative: rows that are never read */
    int bias;   /* 0 or 1 */
} bs_conv_shape;

/* Limits oneDNN to the calling thread in all its later calls from this thread. */
void bs_dnn_single_thread(void);

bs_status bs_dnn_create(bs_dnn **out);
void bs_dnn_free(bs_dnn *d);
/* Returns a hash of what tells builds of one version apart: the commit, and what runs its threads. */
uint64_t bs_dnn_build(void);
/* Writes instruction set and version: "avx512_core", "oneDNN 2.6.3". */
void bs_dnn_describe(char *isa, size_t isa_len, char *library, size_t library_len);

/* Selects, after `skip` others, the first implementation that supports all n shapes (alike but for batch or
 * width) with one layout of the weights, the one that it prefers for shapes[0]. `d` must outlive *out. *out
 * is NULL, without an error, if skip > 0 and there is no other. */
bs_status bs_conv_impl_create(bs_conv_impl **out, bs_dnn *d, const bs_conv_shape *shapes, int n, int skip);
/* Selects the same implementation for another number of filters. *out is NULL, without an error, if there is
 * none. */
bs_status bs_conv_impl_like(bs_conv_impl **out, const bs_conv_impl *impl, const bs_conv_shape *shapes, int n);
void bs_conv_impl_free(bs_conv_impl *p);
/* Returns true for the library's plain loops, which are correct and slow. */
bool bs_conv_impl_is_reference(const bs_conv_impl *p);
const char *bs_conv_impl_name(const bs_conv_impl *p);
/* Returns true if the implementation is built on a general matrix product, whose order of summation depends
 * on the whole shape. Such a layer is exact only while its shape, filters included, stays the same. */
bool bs_conv_impl_is_shape_bound(const bs_conv_impl *p);
/* Returns true if weights that were packed for one serve the other. */
bool bs_conv_impl_same_weights(const bs_conv_impl *a, const bs_conv_impl *b);
/* Returns the bytes of packed weights. */
size_t bs_conv_impl_bytes(const bs_conv_impl *p);
/* Packs weights; element (m, i) of filter m, i in 0..C/g*kH*kW-1, is weights[m * stride_m + i * stride_i].
 * stride_i must be 1 unless the kernel is 1x1. */
bs_status bs_conv_impl_pack(const bs_conv_impl *p, const float *weights, int64_t stride_m, int64_t stride_i,
                            void *packed);

/* Compiles for `shape`, which may differ from the impl's in all but channels, filters, group, kernel and
 * bias. */
bs_status bs_conv_create(bs_conv **out, const bs_conv_impl *impl, const bs_conv_shape *shape);
void bs_conv_free(bs_conv *c);
/* Returns the bytes of scratch memory (64-byte aligned) that a run needs. */
size_t bs_conv_scratch_bytes(const bs_conv *c);
/* Runs the convolution. bias: `filters` floats, NULL if the shape has none. */
bs_status bs_conv_run(bs_conv *c, const float *src, const void *packed, const float *bias, float *dst,
                      void *scratch);

#endif
