/* Between faulty.c and channels.c: nodes with a faulty parameter, see backend/faulty_params.h. */
#ifndef BS_CPU_FAULTY_H
#define BS_CPU_FAULTY_H

#include "backend/faulty_params.h"
#include "cpu/cpu.h"

/* Changes a weight as a site says. */
static inline void bs_cpu_faulty_apply(float *at, bs_site s)
{
    *at = bs_bits_float(bs_site_apply(s, bs_float_bits(*at)));
}

/* channels.c: evaluates the groups it suits by channels. */
bs_status bs_cpu_faulty_channels(bs_faulty_call *c);

#endif
