/* Some filter groups (bs_cpu_filter_groups()) of a layer as a convolution of their own, on the layer's
 * selected implementation. A variant has places for a number of filter groups: the first n hold those listed
 * in `filter_group`, the rest are zero. Order of calls: variant, load, change stream->file and stream->bias,
 * pack, run. */
#ifndef BS_CPU_FILTER_GROUPS_H
#define BS_CPU_FILTER_GROUPS_H

#include "cpu/cpu.h"

/* Gets the variant for `filter_groups` filter groups. On first use its bits are compared with the whole
 * layer's; its impl is NULL if it does not exist or differs. Overwrites the stream's buffers. */
bs_status bs_cpu_filter_groups_variant(bs_cpu_variant **out, bs_stream *stream, int node, int filter_groups);
/* Loads fault-free weights, filter after filter, into stream->file and the bias into stream->bias, not
 * scaled. */
bs_status bs_cpu_filter_groups_load(bs_stream *stream, int node, const bs_cpu_variant *v,
                                    const int *filter_group, int n);
/* Scales and packs what was loaded. */
bs_status bs_cpu_filter_groups_pack(bs_stream *stream, int node, const bs_cpu_variant *v);
/* Runs n samples of the whole layer's input; stream->result receives dense samples of v->filters channels. */
bs_status bs_cpu_filter_groups_run(bs_stream *stream, int node, bs_cpu_variant *v, const int *filter_group,
                                   int n_filter_groups, int n, bs_cpu_rows src);

#endif
