/* The inside of a replayer, for replay.c and replayer.c. */
#ifndef BS_REPLAY_REPLAYER_H
#define BS_REPLAY_REPLAYER_H

#include "replay/replay.h"

struct bs_replayer {
    bs_golden *golden;
    int max_batch;
    char *arena; /* device */
    size_t arena_bytes;
    double macs; /* multiply-accumulates computed so far */
    bs_view *in;
    /* The trials still computed have positions 0..n-1 in every live buffer: */
    int n;
    int *trial;         /* position -> index in bs_trial_batch */
    int32_t *row;       /* position -> golden row */
    int32_t *at[2];     /* position -> first row and column of the fault; delta schedules only */
    int32_t *origin[4]; /* scratch: origins of two kinds of patches, or positions */
    uint8_t *equal;     /* [buffer][max_batch]: 1 if this tensor of this trial equals golden */
    uint8_t *masked;
    int32_t *class_of;
    bs_answer *answer;
    /* Sites in the order of the positions, if that has changed: */
    bs_site *site;
    size_t site_cap;
    uint32_t *first;
};

#endif
