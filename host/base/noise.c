#include "base/noise.h"

#include "base/clones.h"

/* A linear congruential generator (Knuth's MMIX constants). Numbers that are SEQUENCES apart follow from each
 * other by one step of the same kind, so that a CPU makes several at a time. */
static const uint64_t factor = 6364136223846793005u, increment = 1442695040888963407u;
enum { SEQUENCES = 8 };

static float value(uint64_t state)
{
    return (float)(int32_t)(state >> 32) * 0x1p-31f;
}

BS_CLONES void bs_noise_fill(float *x, int64_t n)
{
    uint64_t sequence[SEQUENCES], state = 1, leap = 1, leap_increment = 0;
    for (int k = 0; k < SEQUENCES; k++) {
        state = state * factor + increment;
        sequence[k] = state;
        leap *= factor;
        leap_increment = leap_increment * factor + increment;
    }
    int64_t i = 0;
    for (; i + SEQUENCES <= n; i += SEQUENCES)
        for (int k = 0; k < SEQUENCES; k++) {
            x[i + k] = value(sequence[k]);
            sequence[k] = sequence[k] * leap + leap_increment;
        }
    for (int k = 0; i + k < n; k++)
        x[i + k] = value(sequence[k]);
}
