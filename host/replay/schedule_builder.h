/* A schedule under construction: buffers.c, patch.c above it, schedule.c on top. */
#ifndef BS_REPLAY_BUILDER_H
#define BS_REPLAY_BUILDER_H

#include "replay/schedule.h"

/* What a change of the faulty tensor can reach of another one: by row (column) of the change, a range of rows
 * (columns). NULL where the tensor is not patched. */
typedef struct bs_ranges {
    bs_range *axis[2];
} bs_ranges;

typedef struct bs_schedule_builder {
    const bs_graph *g;
    const bs_backend *backend;
    bs_network *network;
    const bs_schedule_request *request;
    bs_schedule *r;
    int *buffer_of; /* by tensor: buffer, BS_FROM_GOLDEN or BS_FROM_CONSTANT */
    size_t n_sources;
    const bs_receptive_fields *fields; /* delta schedules only, as what follows */
    bs_ranges *ranges;                 /* by tensor */
} bs_schedule_builder;

/* buffers.c. Adds a buffer without making it the tensor's. */
int bs_schedule_add_buffer(bs_schedule_builder *b, int tensor, size_t row_bytes, int first);
/* Gives every buffer its place, and the schedule its row_bytes, when all steps are there. */
void bs_schedule_place_buffers(bs_schedule *r);
/* Fills the live sets of the steps. */
bs_status bs_schedule_find_live_sets(bs_schedule *r);

/* patch.c. Starts with a patch of the sites' extent, if the faulty tensor allows; else leaves r->start at -1.
 */
bs_status bs_schedule_patch_start(bs_schedule_builder *b, int faulty_tensor);
/* Makes the step a patched one where that is possible and pays; else arranges that its patched inputs become
 * whole. */
bs_status bs_schedule_patch_step(bs_schedule_builder *b, bs_step *s);

#endif
