/* The trials of the self-test. */
#ifndef BS_REPLAY_SELFTEST_TRIALS_H
#define BS_REPLAY_SELFTEST_TRIALS_H

#include "replay/selftest.h"

/* Trials of a check. */
enum { BS_TEST_TRIALS = 7 };

/* Returns the bytes rounded up so that what follows is aligned: devices trap on unaligned numbers. */
static inline size_t bs_test_aligned(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

typedef struct bs_test_batch {
    int32_t row[BS_TEST_TRIALS]; /* the images in turn */
    bs_site site[2 * BS_TEST_TRIALS];
    uint32_t first[BS_TEST_TRIALS + 1];
    bs_result result[BS_TEST_TRIALS];
} bs_test_batch;

/* Fills n places with trials of the schedule's target, with sites as far apart as the schedule serves: place
 * k gets trial order[k]. Trial 0 has no fault. Of a parameter, two neighbours have the same fault on
 * different images, and one has two sites, as in campaigns. */
void bs_test_batch_fill(bs_test_batch *b, const bs_schedule *schedule, const bs_tensor *faulty,
                        const int order[], int n);
/* Returns the trials at places from .. from + n - 1. */
bs_trial_batch bs_test_batch_part(bs_test_batch *b, int from, int n, bool keep_masked);

/* Returns the site that flips the lowest bit of the exponent: the value is doubled or halved. */
bs_site bs_test_mild_site(const bs_tensor *t, uint32_t element);

#endif
