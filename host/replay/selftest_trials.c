#include "replay/selftest_trials.h"

#include <math.h>

/* The faults of the test, one for each trial. third: the element, in thirds of the tensor, 0 first .. 3
 * last. */
static const struct test_fault {
    int third;
    enum {
        NONE,
        SIGN,
        TOP,
        LOWEST,
        VALUE
    } hit; /* no site; one bit: the sign, the highest or lowest of the exponent (of an integer: of the
              number); the whole value */
    float value;
} test_faults[] = {
    {0, NONE, 0},   {0, SIGN, 0},    {3, TOP, 0}, /* huge, or infinite or NaN for |x| >= 2 */
    {1, LOWEST, 0}, {2, VALUE, NAN}, {3, VALUE, INFINITY}, {1, VALUE, 8.0f}, /* passes a ReLU */
};
_Static_assert(sizeof test_faults / sizeof *test_faults == BS_TEST_TRIALS, "one fault for each trial");

/* Trials that are others for parameters. */
enum { TWO_SITES = 3, LIKE_LAST = 1 };

/* Returns the site that puts the fault into an element of the tensor. */
static bs_site site_of(const struct test_fault *f, const bs_tensor *t, uint32_t element)
{
    uint32_t exponent = bs_dtype_field(t->type, BS_BITS_EXPONENT);
    if (!exponent)
        exponent = bs_dtype_field(t->type, BS_BITS_MANTISSA);
    switch (f->hit) {
    case SIGN:
        return (bs_site){element, ~0u, bs_dtype_field(t->type, BS_BITS_SIGN)};
    case TOP:
        return (bs_site){element, ~0u, exponent & ~(exponent >> 1)};
    case LOWEST:
        return (bs_site){element, ~0u, exponent & ~(exponent << 1)};
    default:
        return (bs_site){element, 0, bs_format_encode(bs_tensor_format(t, element), f->value)};
    }
}

bs_site bs_test_mild_site(const bs_tensor *t, uint32_t element)
{
    return site_of(&(struct test_fault){.hit = LOWEST}, t, element);
}

/* Returns the farthest element of the same channel (place in the row of a token) that the schedule still
 * serves together with this one. */
static uint32_t opposite(const bs_schedule *schedule, uint32_t element)
{
    uint32_t width = (uint32_t)schedule->plane[1], plane = width * (uint32_t)schedule->plane[0];
    uint32_t cell = (uint32_t)schedule->cell, at = element / cell;
    uint32_t place[2] = {at % plane / width, at % width};
    for (int a = 0; a < 2; a++) {
        uint32_t step = (uint32_t)schedule->extent[a] - 1, last = (uint32_t)schedule->plane[a] - 1;
        place[a] = place[a] + step <= last ? place[a] + step : place[a] >= step ? place[a] - step : last;
    }
    return (at - at % plane + place[0] * width + place[1]) * cell + element % cell;
}

void bs_test_batch_fill(bs_test_batch *b, const bs_schedule *schedule, const bs_tensor *faulty,
                        const int order[], int n)
{
    uint32_t sites = 0;
    for (int k = 0; k < n; k++) {
        int trial = order[k], fault = faulty->constant && trial == LIKE_LAST ? BS_TEST_TRIALS - 1 : trial;
        const struct test_fault *f = &test_faults[fault];
        b->row[k] = trial % BS_PROBE_IMAGES;
        b->first[k] = sites;
        if (f->hit == NONE)
            continue;
        b->site[sites++] = site_of(f, faulty, (uint32_t)((faulty->elements - 1) * f->third / 3));
        bool spread = schedule->extent[0] > 1 || schedule->extent[1] > 1;
        if (!spread && !(faulty->constant && trial == TWO_SITES && faulty->elements > 1))
            continue;
        b->site[sites] = b->site[sites - 1];
        b->site[sites].element =
            spread ? opposite(schedule, b->site[sites].element) : (uint32_t)(faulty->elements - 1);
        sites++;
    }
    b->first[n] = sites;
}

bs_trial_batch bs_test_batch_part(bs_test_batch *b, int from, int n, bool keep_masked)
{
    return (bs_trial_batch){
        .n = n,
        .golden_row = b->row + from,
        .faults = {b->site, b->first + from, NULL},
        .keep_masked = keep_masked,
        .result = b->result + from,
    };
}
