/* A route under construction: slots.c, patch.c above it, route.c on top. */
#ifndef BS_REPLAY_BUILDER_H
#define BS_REPLAY_BUILDER_H

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
    const bs_fields *fields; /* delta routes only, as what follows */
    bs_ranges *ranges;       /* by tensor */
} bs_route_builder;

/* slots.c. Adds a slot without making it the tensor's. */
int bs_route_add_slot(bs_route_builder *b, int tensor, size_t row_bytes, int first);
/* Gives every slot its place, and the route its row_bytes, when all steps are there. */
void bs_route_place_slots(bs_route *r);
/* Fills the frontiers of the steps. */
bs_status bs_route_find_frontiers(bs_route *r);

/* patch.c. Starts with a patch of the sites' extent, if the faulty tensor allows; else leaves r->start at -1.
 */
bs_status bs_route_patch_start(bs_route_builder *b, int faulty_tensor);
/* Makes the step a patched one where that is possible and pays; else arranges that its patched inputs become
 * whole. */
bs_status bs_route_patch_step(bs_route_builder *b, bs_step *s);

#endif
