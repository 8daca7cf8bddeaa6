/* The `bits` key of a fault entry. Internal to host/job. */
#ifndef BS_JOB_BITSET_H
#define BS_JOB_BITSET_H

#include "job/form.h"

/* X(name in job files, mask). */
#define BS_BIT_SETS(X)                                                                                       \
    X("any", 0xffffffffu)                                                                                    \
    X("sign", BS_SIGN_MASK)                                                                                  \
    X("exponent", BS_EXPONENT_MASK)                                                                          \
    X("mantissa", BS_MANTISSA_MASK)

/* A name of BS_BIT_SETS, a bit 0..31, a range "23-30", or a list of these, as a mask in a uint32_t. */
bs_field_reader bs_bitset_read;

#endif
