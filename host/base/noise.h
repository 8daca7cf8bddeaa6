/* Pseudorandom numbers to test a library's results with. */
#ifndef BS_BASE_NOISE_H
#define BS_BASE_NOISE_H

#include <stdint.h>

/* Fills x with n numbers in [-1, 1), the same in every run. */
void bs_noise_fill(float *x, int64_t n);

#endif
