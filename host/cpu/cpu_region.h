/* Regions and views of the CPU backend. */
#ifndef BS_CPU_REGION_H
#define BS_CPU_REGION_H

#include "cpu/cpu.h"

/* Prepares the regions of a network. Free with bs_cpu_regions_free(). */
bs_status bs_cpu_regions_create(bs_network *n);
void bs_cpu_regions_free(bs_network *n);
/* Implements run_region(). */
bs_status bs_cpu_run_region(bs_stream *stream, int region, int n, const int size[2], const bs_view *in,
                            void *out);
/* Implements view_of(). */
int bs_cpu_view_of(const bs_network *n, int tensor);

#endif
