/* Patches of the CPU backend: see the patch functions of backend.h. */
#ifndef BS_CPU_PATCH_H
#define BS_CPU_PATCH_H

#include "cpu/cpu.h"

/* Remembers its answers in the network: for the thread that owns it. */
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

/* geometry.c. What bs_cpu_patch_supported() found out, NULL if it was never asked. */
const bs_cpu_geometry *bs_cpu_geometry_find(const bs_network *n, int node, const int in_size[2],
                                            const int out_size[2]);
/* The convolution with patches for its planes. */
void bs_cpu_geometry_resize(bs_cpu_matrix *m, const int in[2], const int out[2]);
/* Do patches of a few sizes come out as the whole layer computes them? */
bool bs_cpu_patches_exact(bs_network *n, int node);
void bs_cpu_geometry_free(bs_cpu_geometry *g); /* the whole list */
void bs_cpu_patch_free(bs_cpu_patch *p);       /* the whole list */

#endif
