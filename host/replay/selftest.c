#include "replay/selftest.h"

#include "base/buf.h"
#include "replay/selftest_trials.h"
#include "rng.h"

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

size_t bs_selftest_bytes(const bs_graph *g, const bs_backend *backend, const bs_network *network,
                         int max_batch)
{
    size_t largest = 0, n = (size_t)(max_batch < BS_TEST_TRIALS ? max_batch : BS_TEST_TRIALS);
    for (int t = 0; t < g->n_tensors; t++)
        if (!g->tensors[t].constant && backend->row_bytes(network, t) > largest)
            largest = backend->row_bytes(network, t);
    return (2 * n + 1) * bs_test_aligned(largest);
}

int bs_selftest_group(const bs_schedule *schedule, int max_batch, size_t arena_bytes)
{
    size_t room = arena_bytes / schedule->row_bytes, most = (size_t)max_batch;
    most = most < BS_TEST_TRIALS ? most : BS_TEST_TRIALS;
    return room < 1 ? 1 : (int)(room < most ? room : most);
}

/* Runs a trial of the batch alone, from the input to the output. */
static bs_status run_in_full(const bs_selftest *t, const bs_schedule *full, bs_test_batch *b, int i,
                             float *output)
{
    bs_trial_batch one = bs_test_batch_part(b, i, 1, true);
    one.output = output;
    return bs_replay(t->replayer, full, &one);
}

/* Compares trial i with its full re-run. */
static void compare_whole(int i, const bs_result *a, const float *x, const bs_result *b, const float *y,
                          size_t classes, bs_selftest_result *out)
{
    size_t differ = 0;
    for (size_t c = 0; c < classes; c++)
        differ += bs_float_bits(x[c]) != bs_float_bits(y[c]);
    if (differ == 0 && a->died_at == b->died_at && memcmp(&a->answer, &b->answer, sizeof a->answer) == 0)
        return;
    out->exact = false;
    if (differ)
        snprintf(out->what, sizeof out->what, "test fault %d, to the end: %zu of %zu outputs differ", i,
                 differ, classes);
    else
        snprintf(out->what, sizeof out->what, "test fault %d, to the end: %s", i,
                 a->died_at != b->died_at ? "it is masked at another node" : "the answer differs");
}

bs_status bs_selftest_whole(const bs_selftest *t, const bs_schedules *schedules, int which,
                            bs_selftest_result *out)
{
    /* Trials whose rows neither NaN nor infinity fills, so that a single wrong value shows. The one without a
     * fault is dropped at once, so that the others move. */
    static const int chosen[2][3] = {{0, 1, 6}, {0, 2, 6}};
    enum { TRIALS = 3 };
    bs_golden *golden = bs_replayer_golden(t->replayer);
    const bs_graph *g = golden->graph;
    size_t classes = (size_t)g->classes;
    const bs_schedule *first = schedules->schedule[0];
    bs_test_batch replayed, reference;
    float *a = NULL, *b = NULL;
    bs_schedule *full = NULL;
    bs_status st;
    *out = (bs_selftest_result){.exact = true, .reproducible = true};
    bs_test_batch_fill(&replayed, first, &g->tensors[g->targets[first->target].tensor], chosen[which & 1],
                       TRIALS);
    reference = replayed;
    BS_TRY_GOTO(bs_calloc(&a, TRIALS * classes, sizeof *a, "self-test"), out);
    BS_TRY_GOTO(bs_calloc(&b, classes, sizeof *b, "self-test"), out);
    BS_TRY_GOTO(bs_schedule_create(&full, g, golden->backend, t->network, first->target, BS_REPLAY_FULL),
                out);
    bs_trial_batch all = bs_test_batch_part(&replayed, 0, TRIALS, false);
    all.output = a;
    BS_TRY_GOTO(bs_replay_trials(t->replayer, schedules, &all, TRIALS), out);
    for (int i = 1; i < TRIALS && out->exact; i++) {
        BS_TRY_GOTO(run_in_full(t, full, &reference, i, b), out);
        compare_whole(chosen[which & 1][i], &replayed.result[i], a + (size_t)i * classes,
                      &reference.result[i], b, classes, out);
    }
out:
    free(a);
    free(b);
    bs_schedule_free(full);
    return st;
}

/* --- Several targets --- */

/* The trials: which targets are hit, by the number of the target. */
enum { HIT_NONE, HIT_NO_CHANGE, HIT_ALL, HIT_EVEN, HIT_ENDS, SEVERAL_TRIALS };

/* The trials, and each alone in full. Arrays of one block each. */
typedef struct several_test {
    int n_targets;
    int32_t row[SEVERAL_TRIALS];
    bs_site *site;
    uint32_t *first;
    bs_result replayed[SEVERAL_TRIALS], alone;
    float *output, *output_alone;
} several_test;

static bool is_hit(int trial, int k, int n)
{
    return trial == HIT_EVEN ? k % 2 == 0 : trial == HIT_ENDS ? k == 0 || k == n - 1 : trial != HIT_NONE;
}

/* Elements in thirds of the tensor, as above. All sites of HIT_NO_CHANGE but the last change nothing, so that
 * it leaves and joins again, and others move into its place. */
static void fill_several(several_test *s, const bs_graph *g, const bs_schedule *schedule)
{
    uint32_t sites = 0, at = 0;
    for (int i = 0; i < SEVERAL_TRIALS; i++) {
        s->row[i] = i % BS_PROBE_IMAGES;
        for (int k = 0; k < s->n_targets; k++) {
            const bs_tensor *t = &g->tensors[g->targets[schedule->targets[k]].tensor];
            s->first[at++] = sites;
            if (!is_hit(i, k, s->n_targets))
                continue;
            bs_site *site = &s->site[sites++];
            *site = bs_test_mild_site(t, (uint32_t)((t->elements - 1) * ((i + k) % 4) / 3));
            if (i == HIT_NO_CHANGE && k + 1 < s->n_targets)
                *site = (bs_site){site->element, ~0u, 0};
        }
    }
    s->first[at] = sites;
}

static bs_status open_several(several_test *s, const bs_graph *g, const bs_schedule *schedule)
{
    size_t places = SEVERAL_TRIALS * (size_t)schedule->n_targets, classes = (size_t)g->classes;
    *s = (several_test){.n_targets = schedule->n_targets};
    BS_TRY(bs_calloc(&s->site, places, sizeof *s->site, "self-test"));
    BS_TRY(bs_calloc(&s->first, places + 1, sizeof *s->first, "self-test"));
    BS_TRY(bs_calloc(&s->output, SEVERAL_TRIALS * classes, sizeof *s->output, "self-test"));
    BS_TRY(bs_calloc(&s->output_alone, classes, sizeof *s->output_alone, "self-test"));
    fill_several(s, g, schedule);
    return BS_OK;
}

static void close_several(several_test *s)
{
    free(s->site);
    free(s->first);
    free(s->output);
    free(s->output_alone);
}

bs_status bs_selftest_several(const bs_selftest *t, const bs_schedules *schedules, bs_selftest_result *out)
{
    bs_golden *golden = bs_replayer_golden(t->replayer);
    const bs_graph *g = golden->graph;
    size_t classes = (size_t)g->classes;
    const bs_schedule *all = schedules->schedule[0];
    bs_schedules full = {.n = 0};
    several_test s;
    bs_status st;
    *out = (bs_selftest_result){.exact = true, .reproducible = true};
    BS_TRY_GOTO(open_several(&s, g, all), out);
    BS_TRY_GOTO(bs_schedules_create_several(&full, g, golden->backend, t->network, all->targets,
                                            all->n_targets, BS_REPLAY_FULL, false, NULL),
                out);
    bs_trial_batch batch = {.n = SEVERAL_TRIALS,
                            .golden_row = s.row,
                            .targets = s.n_targets,
                            .faults = {s.site, s.first, NULL},
                            .keep_masked = all->mode == BS_REPLAY_FULL,
                            .output = s.output,
                            .result = s.replayed};
    BS_TRY_GOTO(bs_replay_trials(t->replayer, schedules, &batch, SEVERAL_TRIALS), out);
    for (int i = 0; i < SEVERAL_TRIALS && out->exact; i++) {
        bs_trial_batch one = bs_trial_batch_part(t->replayer, &batch, i, 1);
        one.keep_masked = true;
        one.output = s.output_alone;
        one.result = &s.alone;
        BS_TRY_GOTO(bs_replay(t->replayer, full.schedule[0], &one), out);
        compare_whole(i, &s.replayed[i], s.output + (size_t)i * classes, &s.alone, s.output_alone, classes,
                      out);
    }
out:
    close_several(&s);
    bs_schedules_clear(&full);
    return st;
}
