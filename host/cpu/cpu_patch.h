/* The patch operations of the CPU backend, see backend.h. */
#ifndef BS_CPU_PATCH_H
#define BS_CPU_PATCH_H

#include "cpu/cpu.h"

/* Remembers its answers in the network, so only the thread that owns the network may call it. */
bool bs_cpu_patch_supported(bs_network *n, int node, const int in_size[2], const int out_size[2]);
bs_status bs_cpu_run_patch(bs_stream *stream, int node, int n, const int in_size[2], const bs_view *in,
                           const int out_size[2], void *out);

/* boxes.c */
size_t bs_cpu_patch_bytes(const bs_network *n, int tensor, const int size[2]);
bs_status bs_cpu_gather(bs_stream *stream, int tensor, int n, bs_view golden, const void *live,
                        const bs_patches *live_at, const bs_patches *want, float fill, void *dst);
bs_status bs_cpu_inject_patch(bs_stream *stream, int tensor, int n, const bs_patches *at, void *rows,
                              const bs_faults *f);
bs_status bs_cpu_compare_patch(bs_stream *stream, int tensor, int n, const bs_patches *at, const void *rows,
                               bs_view golden, uint8_t *equal);
bs_status bs_cpu_bounds(bs_stream *stream, int tensor, int n, bs_view rows, bs_view golden,
                        int32_t (*bounds)[4]);

/* patch_answers.c. Sets the sizes of a convolution on patches, without padding. */
void bs_cpu_geometry_resize(bs_cpu_matrix *m, const int in[2], const int out[2]);

/* patch_geometry.c. Returns what bs_cpu_patch_supported() found, NULL if it was never asked. */
const bs_cpu_geometry *bs_cpu_geometry_find(const bs_network *n, int node, const int in_size[2],
                                            const int out_size[2]);
void bs_cpu_geometry_free(bs_cpu_geometry *g); /* the whole list */
void bs_cpu_patch_free(bs_cpu_patch *p);       /* the whole list */

#endif
