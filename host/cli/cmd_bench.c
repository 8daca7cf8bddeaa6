#include "campaign/bench.h"
#include "cli/cli.h"

#include <stdio.h>

static double rate(const bs_bench_cell *c, int threads)
{
    return c->seconds > 0 ? (double)c->trials / c->seconds * threads : 0.0;
}

/* All targets together, each with as many trials. */
static bs_bench_cell sum(const bs_bench *b, int mode)
{
    bs_bench_cell total = {0};
    for (int i = 0; i < b->n_targets; i++) {
        const bs_bench_cell *c = &b->cells[i * BS_REPLAY_MODE_COUNT + mode];
        total.seconds += c->seconds;
        total.trials += c->trials;
        total.masked += c->masked;
        total.macs += c->macs;
    }
    return total;
}

static void print_row(const char *name, const bs_bench_cell *full, const bs_bench_cell *suffix,
                      const bs_bench_cell *delta, int n, int threads)
{
    printf("%-28.28s %9.1f %9.1f %9.1f %11.1f %11.1f %11.1f %7.1f %7.1f %7.1f %8.1f\n", name,
           (double)full->macs * 1e-6 / n, (double)suffix->macs * 1e-6 / n, (double)delta->macs * 1e-6 / n,
           rate(full, threads), rate(suffix, threads), rate(delta, threads), full->seconds / delta->seconds,
           suffix->seconds / delta->seconds, (double)full->macs / (double)(delta->macs ? delta->macs : 1),
           100.0 * (double)delta->masked / (double)delta->trials);
}

static void print_table(const bs_bench *b, const bs_engine *e)
{
    printf("%-28s %29s %35s %15s %7s %8s\n", "", "MMAC a trial", "trials/s", "delta over", "MACs", "");
    printf("%-28s %9s %9s %9s %11s %11s %11s %7s %7s %7s %8s\n", "target", "full", "suffix", "delta", "full",
           "suffix", "delta", "full", "suffix", "full", "masked %");
    for (int i = 0; i < b->n_targets; i++) {
        const bs_bench_cell *c = &b->cells[i * BS_REPLAY_MODE_COUNT];
        print_row(e->graph->tensors[e->graph->targets[b->targets[i]].tensor].name, &c[BS_REPLAY_FULL],
                  &c[BS_REPLAY_SUFFIX], &c[BS_REPLAY_DELTA], 1, e->threads);
    }
    bs_bench_cell full = sum(b, BS_REPLAY_FULL), suffix = sum(b, BS_REPLAY_SUFFIX),
                  delta = sum(b, BS_REPLAY_DELTA);
    print_row("all targets, equally likely", &full, &suffix, &delta, b->n_targets, e->threads);
    double golden = (double)b->goldens / b->golden_seconds * e->threads;
    printf("\ngolden runs: %.2f images/s, %.1f GMAC/s; %d worker(s) on %s (%s, %s)\n%s\n", golden,
           golden * (double)e->graph->macs * 1e-9, e->threads, e->info.name, e->info.isa, e->info.library,
           b->exact ? "all modes gave the same answers, bit for bit" : "THE MODES DISAGREE");
}

static void print_json(const bs_bench *b, const bs_engine *e)
{
    bs_bench_cell full = sum(b, BS_REPLAY_FULL), suffix = sum(b, BS_REPLAY_SUFFIX),
                  delta = sum(b, BS_REPLAY_DELTA);
    printf("{\"golden_per_second\": %.6g, \"full_per_second\": %.6g, \"suffix_per_second\": %.6g, "
           "\"delta_per_second\": %.6g, \"delta_over_full\": %.6g, \"delta_over_suffix\": %.6g, "
           "\"counted_mac_ratio\": %.6g, \"masked\": %.6g, \"exact\": %s}\n",
           (double)b->goldens / b->golden_seconds * e->threads, rate(&full, e->threads),
           rate(&suffix, e->threads), rate(&delta, e->threads), full.seconds / delta.seconds,
           suffix.seconds / delta.seconds, (double)full.macs / (double)(delta.macs ? delta.macs : 1),
           (double)delta.masked / (double)delta.trials, b->exact ? "true" : "false");
}

static bs_status run(const bs_args *args)
{
    bs_graph *g;
    bs_engine *e = NULL;
    bs_bench bench = {0};
    bs_engine_options o = {.device = bs_option_value(args, "device"), .bench = true};
    int trials = 64;
    BS_TRY(bs_option_int(args, "threads", 1, 1024, &o.threads));
    BS_TRY(bs_option_int(args, "batch", 1, 4096, &o.max_batch));
    BS_TRY(bs_option_int(args, "trials", 1, 1 << 20, &trials));
    BS_TRY(bs_graph_import(&g, args->operand[0]));
    bs_status st;
    BS_TRY_GOTO(bs_engine_open(&e, g, NULL, &o), out);
    BS_TRY_GOTO(bs_bench_run(&bench, e, trials, 1), out);
    if (bs_option_value(args, "json"))
        print_json(&bench, e);
    else
        print_table(&bench, e);
    if (!bench.exact)
        st = bs_fail(BS_SELFTEST, "the replay modes gave different answers for the same faults");
out:
    bs_bench_clear(&bench);
    bs_engine_close(e);
    bs_graph_free(g);
    return st;
}

static const bs_option options[] = {
    {"trials", "N", "trials for each target, mode and worker (default 64)"},
    {"device", "NAME", "auto, cpu, null (default auto)"},
    {"threads", "N", "workers (default: the cores this process may use)"},
    {"batch", "N", "trials computed side by side (default: what fits into the memory of 32 full re-runs)"},
    {"json", NULL, "the totals as one JSON object"},
    {NULL, NULL, NULL},
};

const bs_command bs_cmd_bench = {
    .name = "bench",
    .usage = "MODEL",
    .summary = "compare the replay modes: the same faults by full, suffix, delta",
    .details =
        "For the output of each Conv, Gemm and MatMul node: single random bit flips on two synthetic images, "
        "by every replay mode in turn. Prints multiply-accumulates a trial (counted before early out), "
        "trials/s, their ratios, and how many trials were masked; all answers are compared.",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .run = run,
};
