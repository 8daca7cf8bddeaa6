/* Shared by cpu_faulty.c and channels.c: nodes with a faulty parameter, see backend/faulty_params.h. */
#ifndef BS_CPU_FAULTY_H
#define BS_CPU_FAULTY_H

#include "backend/faulty_params.h"
#include "cpu/cpu.h"

/* Applies a site to a value of the faulty parameter. */
static inline void bs_cpu_faulty_apply(const bs_faulty_call *c, float *at, bs_site s)
{
    *at = bs_inject_value(bs_tensor_format(bs_faulty_param(c), s.element), s, *at, NULL);
}

/* channels.c. Evaluates by channels the groups for which that is possible. */
bs_status bs_cpu_faulty_channels(bs_faulty_call *c);

#endif
