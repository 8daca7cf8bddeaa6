/* Trial ids: packed coordinates, invertible, never renumbered when a campaign grows. From the high bits down:
 * 0 (1 bit, so that SQLite's signed integers stay positive), entry, target, image, repetition. */
#ifndef BS_KERNELS_TRIAL_H
#define BS_KERNELS_TRIAL_H

#include "hd.h"

enum {
    BS_ENTRY_BITS = 8,
    BS_TARGET_BITS = 12,
    BS_IMAGE_BITS = 23,
    BS_REPETITION_BITS = 20,
};

/* The target in the ids of trials that hit several targets in one inference: the whole network. */
enum { BS_NETWORK_TARGET = (1 << BS_TARGET_BITS) - 1 };

typedef struct bs_trial_coords {
    uint32_t entry;      /* the fault entry's id in the job, 0..255 */
    uint32_t target;     /* 0..4095 */
    uint32_t image;      /* index in the data set, below 2^23 */
    uint32_t repetition; /* below 2^20 */
} bs_trial_coords;

BS_HD uint64_t bs_trial_id(bs_trial_coords t)
{
    uint64_t id = t.entry;
    id = id << BS_TARGET_BITS | t.target;
    id = id << BS_IMAGE_BITS | t.image;
    return id << BS_REPETITION_BITS | t.repetition;
}

BS_HD bs_trial_coords bs_trial_coords_from_id(uint64_t id)
{
    bs_trial_coords t;
    t.repetition = (uint32_t)(id & ((1u << BS_REPETITION_BITS) - 1));
    id >>= BS_REPETITION_BITS;
    t.image = (uint32_t)(id & ((1u << BS_IMAGE_BITS) - 1));
    id >>= BS_IMAGE_BITS;
    t.target = (uint32_t)(id & ((1u << BS_TARGET_BITS) - 1));
    t.entry = (uint32_t)(id >> BS_TARGET_BITS);
    return t;
}

/* Returns the id that goes into the random counter. A parameter fault is the same for every image, so that
 * one faulty weight is tried on all of them: its image is left out. */
BS_HD uint64_t bs_trial_counter(bs_trial_coords t, int is_parameter)
{
    if (is_parameter)
        t.image = 0;
    return bs_trial_id(t);
}

#endif
