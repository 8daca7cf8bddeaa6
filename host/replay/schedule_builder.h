/* A schedule under construction, shared by the files that make it: schedule.c calls schedule_patch.c, and
 * both call buffers.c. */
#ifndef BS_REPLAY_SCHEDULE_BUILDER_H
#define BS_REPLAY_SCHEDULE_BUILDER_H

#include "replay/schedule.h"

/* The rows (columns) of a tensor that a change of the faulty tensor can reach: a range for each row (column)
 * of the change. NULL if the tensor is not patched. */
typedef struct bs_ranges {
    bs_range *axis[2];
} bs_ranges;

typedef struct bs_schedule_builder {
    const bs_graph *g;
    const bs_backend *backend;
    bs_network *network;
    const bs_schedule_request *request;
    bs_schedule *schedule;
    int *buffer_of; /* by tensor: its buffer, BS_FROM_GOLDEN or BS_FROM_CONSTANT */
    int *hit;       /* by tensor: its number among the targets, -1: it is none of them */
    size_t n_sources, n_faults;
    bs_plane *joins;                   /* by tensor; NULL unless trials join */
    const bs_receptive_fields *fields; /* NULL: all steps compute whole tensors */
    bs_ranges *ranges;                 /* by tensor */
} bs_schedule_builder;

/* Functions of buffers.c.
 *
 * Adds a buffer for a tensor, but does not enter it in buffer_of. Returns its index. */
int bs_schedule_add_buffer(bs_schedule_builder *b, int tensor, size_t row_bytes, int first);
/* Gives every buffer its offset, and the schedule its row_bytes. Call when all steps are there. */
bs_status bs_schedule_place_buffers(bs_schedule_builder *b);
/* Fills the live sets of the steps. */
bs_status bs_schedule_find_live_sets(bs_schedule *schedule);

/* Functions of schedule_patch.c.
 *
 * Starts the schedule with a patch of the sites' extent if the faulty tensor allows it; else leaves `start`
 * at -1. */
bs_status bs_schedule_patch_start(bs_schedule_builder *b, int faulty_tensor);
/* Makes the step a patched one if that is possible and pays; else arranges that its patched inputs are
 * gathered into whole tensors. */
bs_status bs_schedule_patch_step(bs_schedule_builder *b, bs_step *s);

#endif
