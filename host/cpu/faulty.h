/* Between faulty.c and channels.c: one call of run_faulty(), its samples grouped by their sites. */
#ifndef BS_CPU_FAULTY_H
#define BS_CPU_FAULTY_H

#include "backend/groups.h"
#include "cpu/cpu.h"

/* What a group of samples with the same sites needs. */
typedef struct bs_cpu_group {
    int head;   /* first sample */
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
    bs_groups samples;
    bs_cpu_group *groups; /* by group of samples */
} bs_cpu_faulty;

/* Applies a site to a value of the faulty parameter. */
void bs_cpu_faulty_apply(const bs_cpu_faulty *q, float *at, bs_site s);
/* Evaluates the groups it suits and clears their `dense`. */
bs_status bs_cpu_faulty_channels(bs_cpu_faulty *q);

#endif
