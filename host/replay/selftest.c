#include "replay/selftest.h"

#include "base/buf.h"
#include "replay/schedules.h"
#include "rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

bs_status bs_selftest_probe(bs_golden *golden, uint64_t *fingerprint)
{
    const bs_graph *g = golden->graph;
    int64_t n = g->tensors[g->input].elements;
    /* Real inputs are centred on 0 with unit scale, or raw pixels less a mean: one image of each. */
    static const float amplitude[BS_PROBE_IMAGES] = {2.0f, 128.0f};
    float *data;
    BS_TRY(bs_calloc(&data, (size_t)n, sizeof *data, "self-test"));
    bs_status st = BS_OK;
    for (int i = 0; i < BS_PROBE_IMAGES && st == BS_OK; i++) {
        for (int64_t k = 0; k < n; k++)
            data[k] = (bs_unit_float(bs_draw(0, (uint64_t)k, (uint32_t)i, 0)) * 2.0f - 1.0f) * amplitude[i];
        if (!golden->backend->needs_pixels)
            data[0] = (float)i;
        st = bs_golden_upload(golden, i, data);
    }
    free(data);
    BS_TRY(st);
    BS_TRY(bs_golden_run(golden, BS_PROBE_IMAGES));
    *fingerprint = XXH3_64bits(golden->output_hash, BS_PROBE_IMAGES * sizeof *golden->output_hash);
    return BS_OK;
}

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
    } hit; /* no site; one bit: the sign, the highest or lowest of the exponent; the whole value */
    float value;
} test_faults[] = {
    {0, NONE, 0},   {0, SIGN, 0},    {3, TOP, 0}, /* huge, or infinite or NaN for |x| >= 2 */
    {1, LOWEST, 0}, {2, VALUE, NAN}, {3, VALUE, INFINITY},
};
enum { N_TEST = sizeof test_faults / sizeof *test_faults };

/* Returns the site that puts the fault into an element of the type. */
static bs_site site_of(const struct test_fault *f, bs_dtype type, uint32_t element)
{
    uint32_t exponent = bs_dtype_field(type, BS_BITS_EXPONENT);
    switch (f->hit) {
    case SIGN:
        return (bs_site){element, ~0u, bs_dtype_field(type, BS_BITS_SIGN)};
    case TOP:
        return (bs_site){element, ~0u, exponent & ~(exponent >> 1)};
    case LOWEST:
        return (bs_site){element, ~0u, exponent & ~(exponent << 1)};
    default:
        return (bs_site){element, 0, bs_dtype_encode(type, f->value)};
    }
}

typedef struct test_batch {
    int32_t row[N_TEST];
    bs_site site[2 * N_TEST];
    uint32_t first[N_TEST + 1];
    bs_result result[N_TEST];
} test_batch;

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

/* Fills the batch. `reverse`: the trials in reverse order, so that each has another position in the batch. */
static void fill_batch(test_batch *b, const bs_schedule *schedule, const bs_tensor *faulty, bool reverse)
{
    uint32_t n = 0;
    for (int i = 0; i < N_TEST; i++) {
        int k = reverse ? N_TEST - 1 - i : i;
        const struct test_fault *f = &test_faults[k];
        b->row[i] = k % BS_PROBE_IMAGES;
        b->first[i] = n;
        if (f->hit == NONE)
            continue;
        b->site[n++] = site_of(f, faulty->type, (uint32_t)((faulty->elements - 1) * f->third / 3));
        if (schedule->extent[0] > 1 || schedule->extent[1] > 1) {
            b->site[n] = b->site[n - 1];
            b->site[n].element = opposite(schedule, b->site[n].element);
            n++;
        }
    }
    b->first[N_TEST] = n;
}

/* Runs the batch. most: trials at once. */
static bs_status run_batch(bs_replayer *p, const bs_schedules *schedules, int most, test_batch *b,
                           float *output)
{
    bs_trial_batch t = {
        .n = N_TEST,
        .golden_row = b->row,
        .faults = {b->site, b->first, NULL},
        .keep_masked = true,
        .output = output,
        .result = b->result,
    };
    return bs_replay_trials(p, schedules, &t, most);
}

bs_status bs_selftest_golden(bs_replayer *p, bs_golden *golden, bs_schedule *full)
{
    const bs_schedules whole = {.schedule = {full}, .n = 1};
    size_t classes = (size_t)golden->graph->classes;
    test_batch b;
    float *output;
    BS_TRY(bs_calloc(&output, N_TEST * classes, sizeof *output, "self-test"));
    fill_batch(&b, full, &golden->graph->tensors[golden->graph->input], false);
    memset(b.first, 0, sizeof b.first); /* no sites at all */
    bs_status st = run_batch(p, &whole, N_TEST, &b, output);
    for (int i = 0; i < N_TEST && st == BS_OK; i++)
        if (memcmp(output + (size_t)i * classes, golden->output + (size_t)b.row[i] * classes,
                   classes * sizeof *output) != 0)
            st = bs_fail(BS_SELFTEST,
                         "self-test failed: a fault-free re-run in a batch of %d differs from the golden run",
                         N_TEST);
    if (st == BS_SELFTEST)
        bs_hint("the arithmetic of this device or library depends on the batch; try another --device");
    free(output);
    return st;
}

bs_status bs_selftest_target(bs_replayer *p, bs_golden *golden, const bs_schedules *schedules,
                             bs_schedule *full, bool *exact, char *what, size_t what_len)
{
    const bs_schedules whole = {.schedule = {full}, .n = 1};
    const bs_graph *g = golden->graph;
    const bs_tensor *faulty = &g->tensors[g->targets[full->target].tensor];
    size_t classes = (size_t)g->classes;
    test_batch replayed, reference;
    float *a, *b = NULL;
    bs_status st;
    *exact = true;
    BS_TRY(bs_calloc(&a, N_TEST * classes, sizeof *a, "self-test"));
    BS_TRY_GOTO(bs_calloc(&b, N_TEST * classes, sizeof *b, "self-test"), out);
    fill_batch(&replayed, schedules->schedule[0], faulty, false);
    fill_batch(&reference, schedules->schedule[0], faulty, true);
    BS_TRY_GOTO(run_batch(p, schedules, N_TEST, &replayed, a), out);
    BS_TRY_GOTO(run_batch(p, &whole, 1, &reference, b), out);
    for (int i = 0; i < N_TEST && *exact; i++) {
        int k = N_TEST - 1 - i;
        const float *x = a + (size_t)i * classes, *y = b + (size_t)k * classes;
        size_t differ = 0;
        for (size_t c = 0; c < classes; c++)
            differ += bs_float_bits(x[c]) != bs_float_bits(y[c]);
        if (differ == 0 && replayed.result[i].died_at == reference.result[k].died_at)
            continue;
        *exact = false;
        if (differ)
            snprintf(what, what_len, "test fault %d: %zu of %zu outputs differ", i, differ, classes);
        else
            snprintf(what, what_len, "test fault %d: it is masked at another node", i);
    }
out:
    free(a);
    free(b);
    return st;
}
