/* Kernels that the simulated device is tested with. */
#ifndef BS_TESTS_SIM_KERNELS_H
#define BS_TESTS_SIM_KERNELS_H

#include "hd.h"

#define SIM_KERNELS(X)                                                                                       \
    X(sim_join)                                                                                              \
    X(sim_part)                                                                                              \
    X(sim_reverse)                                                                                           \
    X(sim_log)

/* The values that the threads of each warp find together: out[5 * item] onwards, of values in[item]. */
typedef struct bs_sim_join_args {
    const int32_t *in;
    uint64_t *out;
} bs_sim_join_args;

typedef enum sim_part {
    SIM_PART_RETURNS, /* thread 5 does not come to the vote */
    SIM_PART_WAITS,   /* it comes to a maximum */
    SIM_PART_LATER,   /* all come, but it to another vote */
    SIM_PART_BARRIER, /* it does not come to the barrier */
    SIM_PART_MIXED,   /* it comes to the barrier, the others to a vote */
} sim_part;

typedef struct bs_sim_part_args {
    int32_t part; /* sim_part */
    int32_t *out;
} bs_sim_part_args;

/* Each block turns its part of `in` round, by way of shared memory. */
enum { SIM_BLOCK = 96 };
typedef struct bs_sim_reverse_args {
    const float *in;
    float *out;
} bs_sim_reverse_args;

/* Writes down in what order threads run, `turns` times, between which they vote. */
typedef struct bs_sim_log_args {
    int32_t turns;
    uint32_t *count, *log;
} bs_sim_log_args;

#endif
