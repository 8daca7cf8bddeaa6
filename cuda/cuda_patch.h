/* cuda_patch.c. Faults, comparisons with the golden run, and patches: see host/backend/backend.h. */
#ifndef BS_CUDA_CUDA_PATCH_H
#define BS_CUDA_CUDA_PATCH_H

#include "cuda/cuda.h"

size_t bs_cuda_patch_bytes(const bs_network *n, int tensor, const int size[2]);
bool bs_cuda_patch_supported(bs_network *n, int node, const int in_size[2], const int out_size[2]);
bs_status bs_cuda_gather(bs_stream *stream, int tensor, int n, bs_view golden, const void *live,
                         const bs_patches *live_at, const bs_patches *want, float fill, void *dst);
bs_status bs_cuda_inject(bs_stream *stream, int tensor, int n, void *rows, const bs_faults *f);
bs_status bs_cuda_inject_patch(bs_stream *stream, int tensor, int n, const bs_patches *at, void *rows,
                               const bs_faults *f);
bs_status bs_cuda_compare(bs_stream *stream, int tensor, int n, const void *rows, bs_view golden,
                          uint8_t *equal);
bs_status bs_cuda_compare_patch(bs_stream *stream, int tensor, int n, const bs_patches *at, const void *rows,
                                bs_view golden, uint8_t *equal);
bs_status bs_cuda_bounds(bs_stream *stream, int tensor, int n, bs_view rows, bs_view golden,
                         int32_t (*bounds)[4]);
/* Compares n rows of `elements` in `rows` with those in `golden`; equal is there after bs_cuda_collect(). */
bs_status bs_cuda_compare_rows(bs_stream *stream, int n, int64_t elements, bs_operand rows, bs_operand golden,
                               uint8_t *equal);

#endif
