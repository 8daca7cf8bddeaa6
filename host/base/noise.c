#include "base/noise.h"

/* A linear congruential generator (Knuth's MMIX constants). */
void bs_noise_fill(float *x, int64_t n)
{
    uint64_t state = 1;
    for (int64_t i = 0; i < n; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        x[i] = (float)(int32_t)(state >> 32) * 0x1p-31f;
    }
}
