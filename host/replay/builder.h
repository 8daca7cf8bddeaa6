/* Inside route.c and patch.c: a route under construction. */
#ifndef BS_REPLAY_BUILDER_H
#define BS_REPLAY_BUILDER_H

#include "replay/reach.h"
#include "replay/route.h"

/* What a change of the faulty tensor can reach of another one: by row (column) of the change, a range of rows
 * (columns). NULL where the tensor is not patched. */
typedef struct bs_ranges {
    bs_range *axis[2];
} bs_ranges;

typedef struct bs_route_builder {
    const bs_graph *g;
    const bs_backend *backend;
    bs_network *network;
    const bs_route_wish *wish;
    bs_route *r;
    int *slot_of; /* by tensor: slot, BS_FROM_GOLDEN or BS_FROM_CONSTANT */
    size_t n_sources;
    bs_plane *planes;  /* by tensor; delta routes only, as what follows */
    bs_reach *reach;   /* by node */
    bs_ranges *ranges; /* by tensor */
} bs_route_builder;

/* Adds a slot without making it the tensor's. */
int bs_route_add_slot(bs_route_builder *b, int tensor, size_t row_bytes, int first);

/* patch.c. Starts with a patch of the sites' extent, if the faulty tensor allows; else leaves r->start at -1.
 */
bs_status bs_route_patch_start(bs_route_builder *b, int faulty_tensor);
/* Makes the step a patched one where that is possible and pays; else arranges that its patched inputs become
 * whole. */
bs_status bs_route_patch_step(bs_route_builder *b, bs_step *s);

#endif
