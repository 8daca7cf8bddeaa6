/* Some units (bs_cpu_units()) of a layer as a convolution of their own, on the layer's pinned
 * implementation. A variant has as many places as units; the units that fill the first n are listed in
 * `unit`, the rest are zero. In turn: variant, load, change lane->file and lane->bias, pack, run. */
#ifndef BS_CPU_UNITS_H
#define BS_CPU_UNITS_H

#include "cpu/cpu.h"

/* The variant for so many units, whose bits were compared with the whole layer's on first use; its pin is
 * NULL where it does not exist or differs. Overwrites the lane's buffers. */
bs_status bs_cpu_units_variant(bs_cpu_variant **out, bs_lane *l, int node, int units);
/* Fault-free weights, filter after filter, in lane->file, bias in lane->bias; not scaled. */
bs_status bs_cpu_units_load(bs_lane *l, int node, const bs_cpu_variant *v, const int *unit, int n);
/* Scales and packs what is there. */
bs_status bs_cpu_units_pack(bs_lane *l, int node, const bs_cpu_variant *v);
/* n samples of the whole layer's input; lane->result receives dense samples of v->filters channels. */
bs_status bs_cpu_units_run(bs_lane *l, int node, bs_cpu_variant *v, const int *unit, int n_units, int n,
                           bs_cpu_rows src);

#endif
