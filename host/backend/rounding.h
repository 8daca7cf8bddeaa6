/* Values of the types in which tensors are stored. */
#ifndef BS_BACKEND_ROUNDING_H
#define BS_BACKEND_ROUNDING_H

#include "dtype.h"

/* Rounds n values in place. */
void bs_round_values(bs_format format, int64_t n, float *x);

#endif
