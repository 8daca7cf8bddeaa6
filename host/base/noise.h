/* Random numbers for trying out what a library computes. */
#ifndef BS_BASE_NOISE_H
#define BS_BASE_NOISE_H

#include <stdint.h>

/* n numbers on [-1, 1), the same in every run. */
void bs_noise_fill(float *x, int64_t n);

#endif
