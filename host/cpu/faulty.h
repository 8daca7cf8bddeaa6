/* Between faulty.c and channels.c: one call of run_faulty(), its samples grouped by their sites. */
#ifndef BS_CPU_FAULTY_H
#define BS_CPU_FAULTY_H

#include "cpu/cpu.h"

/* Samples with the same sites: head, next[head], ... tail. */
typedef struct bs_cpu_group {
    int head, tail;
    bool dense; /* still to be evaluated densely */
    int *unit;  /* units the fault can change, ascending; owned */
    int units;
} bs_cpu_group;

typedef struct bs_cpu_faulty {
    bs_lane *lane;
    int node, slot, n;
    const bs_view *in;
    bs_view golden;
    const bs_faults *f;
    float *out;
    int *group_of, *next; /* by sample; next: -1 ends the list */
    bs_cpu_group *groups;
    int n_groups;
} bs_cpu_faulty;

void bs_cpu_faulty_apply(float *at, bs_site s);
/* Evaluates the groups it suits and clears their `dense`. */
bs_status bs_cpu_faulty_channels(bs_cpu_faulty *q);

#endif
