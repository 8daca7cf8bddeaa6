/* The benchmark's trials: draws the faults, and runs those of one target by one way. */
#include "base/buf.h"
#include "campaign/bench_internal.h"
#include "fault.h"
#include "replay/selftest.h"
#include "trial.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    bs_replay_mode mode;
    bool keeps;
} ways[] = {
#define X(suffix, name, mode, keeps) {name, mode, keeps},
    BS_BENCH_WAYS(X)
#undef X
};

const char *bs_bench_way_name(bs_bench_way way)
{
    return ways[way].name;
}

bs_replay_mode bs_bench_mode(int way)
{
    return ways[way].mode;
}

bool bs_bench_keeps(int way)
{
    return ways[way].keeps;
}

bs_status bs_bench_batch_open(bs_bench_batch *b, size_t n)
{
    const char *what = "benchmark";
    memset(b, 0, sizeof *b);
    BS_TRY(bs_calloc(&b->row, n, sizeof *b->row, what));
    BS_TRY(bs_calloc(&b->site, n, sizeof *b->site, what));
    BS_TRY(bs_calloc(&b->first, n + 1, sizeof *b->first, what));
    BS_TRY(bs_calloc(&b->before, n, sizeof *b->before, what));
    for (int way = 0; way < BS_BENCH_WAY_COUNT; way++)
        BS_TRY(bs_calloc(&b->result[way], n, sizeof **b->result, what));
    return BS_OK;
}

void bs_bench_batch_close(bs_bench_batch *b)
{
    free(b->row);
    free(b->site);
    free(b->first);
    free(b->before);
    for (int way = 0; way < BS_BENCH_WAY_COUNT; way++)
        free(b->result[way]);
}

void bs_bench_draw(const bs_bench_share *s, bs_bench_batch *b, int target, int worker)
{
    const bs_graph *g = s->e->graph;
    const bs_tensor *t = &g->tensors[g->targets[target].tensor];
    const bs_fault_model flip = {.kind = BS_FAULT_FLIP,
                                 .type = t->type,
                                 .scales = t->scales,
                                 .bits = bs_dtype_field(t->type, BS_BITS_ANY),
                                 .burst = 1,
                                 .count = 1};
    for (int i = 0; i < s->trials; i++) {
        uint64_t id = bs_trial_id((bs_trial_coords){(uint32_t)worker, (uint32_t)target, 0, (uint32_t)i});
        uint64_t at = bs_fault_attempt((uint64_t)bs_tensor_bits(t), s->seed, id, 0);
        b->row[i] = i % BS_PROBE_IMAGES;
        b->first[i] = (uint32_t)i;
        b->site[i] = bs_fault_site(&flip, at, s->seed, id, 0);
    }
    b->first[s->trials] = (uint32_t)s->trials;
}

int bs_bench_count(const bs_bench_share *s, int way)
{
    return ways[way].keeps ? s->reruns : s->trials;
}

bs_status bs_bench_trials(bs_replayer *p, const bs_bench_share *s, const bs_bench_batch *b, int index,
                          bs_bench_way way)
{
    bs_trial_batch t = {
        .n = bs_bench_count(s, (int)way),
        .golden_row = b->row,
        .faults = {b->site, b->first, b->before},
        .keep_masked = ways[way].keeps,
        .result = b->result[way],
    };
    return bs_replay_trials(p, &s->schedules[index][way], &t, s->trials);
}
