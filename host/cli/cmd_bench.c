#include "base/buf.h"
#include "campaign/bench.h"
#include "cli/cli.h"
#include "model/synth.h"

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
        total.static_macs += c->static_macs;
    }
    return total;
}

static double over(double a, double b)
{
    return b > 0 ? a / b : 0.0;
}

/* Multiply-accumulates of a trial. */
static double macs(const bs_bench_cell *c)
{
    return over(c->macs, (double)c->trials);
}

static const char *target_name(const bs_engine *e, int id)
{
    return e->graph->tensors[e->graph->targets[id].tensor].name;
}

static void print_row(const char *name, const bs_bench_cell *full, const bs_bench_cell *suffix,
                      const bs_bench_cell *delta, int n, int threads)
{
    printf("%-28.28s %9.1f %9.1f %9.1f %9.1f %11.1f %11.1f %11.1f %7.1f %7.1f %7.1f %7.1f %8.1f\n", name,
           macs(full) * 1e-6, macs(suffix) * 1e-6, macs(delta) * 1e-6, (double)delta->static_macs * 1e-6 / n,
           rate(full, threads), rate(suffix, threads), rate(delta, threads),
           over(rate(delta, 1), rate(full, 1)), over(rate(delta, 1), rate(suffix, 1)),
           over(macs(full), macs(delta)), over(macs(suffix), macs(delta)),
           100.0 * (double)delta->masked / (double)delta->trials);
}

/* The nodes at which most changes died, in the order of the graph. */
static void print_deaths(const bs_bench *b, const bs_engine *e)
{
    printf("\nshare of the trials masked at a node (1 %% or more)\n");
    for (int i = 0; i < b->n_targets; i++) {
        double trials = (double)b->cells[i * BS_REPLAY_MODE_COUNT + BS_REPLAY_DELTA].trials;
        const uint64_t *died = b->died + (size_t)i * (size_t)b->n_ids;
        printf("%-28.28s", target_name(e, b->targets[i]));
        for (int id = 0; id < b->n_ids; id++)
            if ((double)died[id] >= 0.01 * trials)
                printf(" %s %.0f %%", target_name(e, id), 100.0 * (double)died[id] / trials);
        puts("");
    }
}

static void print_table(const bs_bench *b, const bs_engine *e)
{
    printf("%-28s %39s %35s %15s %15s %8s\n", "", "MMAC a trial", "trials/s", "delta over", "MACs over", "");
    printf("%-28s %9s %9s %9s %9s %11s %11s %11s %7s %7s %7s %7s %8s\n", "target", "full", "suffix", "delta",
           "undying", "full", "suffix", "delta", "full", "suffix", "full", "suffix", "masked %");
    for (int i = 0; i < b->n_targets; i++) {
        const bs_bench_cell *c = &b->cells[i * BS_REPLAY_MODE_COUNT];
        print_row(target_name(e, b->targets[i]), &c[BS_REPLAY_FULL], &c[BS_REPLAY_SUFFIX],
                  &c[BS_REPLAY_DELTA], 1, e->threads);
    }
    bs_bench_cell full = sum(b, BS_REPLAY_FULL), suffix = sum(b, BS_REPLAY_SUFFIX),
                  delta = sum(b, BS_REPLAY_DELTA);
    print_row("all targets, equally likely", &full, &suffix, &delta, b->n_targets, e->threads);
    print_deaths(b, e);
    double golden = (double)b->goldens / b->golden_seconds * e->threads;
    printf("\ngolden runs: %.2f images/s, %.1f GMAC/s; %d worker(s) on %s (%s, %s)\n%s\n", golden,
           golden * (double)e->graph->macs * 1e-9, e->threads, e->info.name, e->info.isa, e->info.library,
           b->exact ? "all modes gave the same answers, bit for bit" : "THE MODES DISAGREE");
}

/* The keys of a target and of the total. */
static void json_cells(bs_str *t, const bs_bench_cell *full, const bs_bench_cell *suffix,
                       const bs_bench_cell *delta, int threads)
{
    bs_str_printf(t,
                  "\"full_per_second\": %.6g, \"suffix_per_second\": %.6g, \"delta_per_second\": %.6g, "
                  "\"delta_over_full\": %.6g, \"delta_over_suffix\": %.6g, ",
                  rate(full, threads), rate(suffix, threads), rate(delta, threads),
                  over(rate(delta, 1), rate(full, 1)), over(rate(delta, 1), rate(suffix, 1)));
    bs_str_printf(
        t,
        "\"counted_mac_ratio\": %.6g, \"counted_mac_ratio_suffix\": %.6g, \"static_mac_ratio\": %.6g, "
        "\"macs\": %.6g, \"masked\": %.6g",
        over(macs(full), macs(delta)), over(macs(suffix), macs(delta)),
        over((double)full->static_macs, (double)delta->static_macs), macs(delta),
        over((double)delta->masked, (double)delta->trials));
}

static void json_target(bs_str *t, const bs_bench *b, const bs_engine *e, int i)
{
    const bs_bench_cell *c = &b->cells[i * BS_REPLAY_MODE_COUNT];
    const uint64_t *died = b->died + (size_t)i * (size_t)b->n_ids;
    bool first = true;
    bs_str_puts(t, i ? ", {\"name\": " : "{\"name\": ");
    bs_str_json(t, target_name(e, b->targets[i]));
    bs_str_puts(t, ", ");
    json_cells(t, &c[BS_REPLAY_FULL], &c[BS_REPLAY_SUFFIX], &c[BS_REPLAY_DELTA], e->threads);
    bs_str_puts(t, ", \"masked_at\": {");
    for (int id = 0; id < b->n_ids; id++) {
        if (died[id] == 0)
            continue;
        bs_str_puts(t, first ? "" : ", ");
        bs_str_json(t, target_name(e, id));
        bs_str_printf(t, ": %.6g", (double)died[id] / (double)c[BS_REPLAY_DELTA].trials);
        first = false;
    }
    bs_str_puts(t, "}}");
}

static void print_json(const bs_bench *b, const bs_engine *e)
{
    bs_str t = {0};
    bs_bench_cell full = sum(b, BS_REPLAY_FULL), suffix = sum(b, BS_REPLAY_SUFFIX),
                  delta = sum(b, BS_REPLAY_DELTA);
    bs_str_printf(&t, "{\"golden_per_second\": %.6g, ", (double)b->goldens / b->golden_seconds * e->threads);
    json_cells(&t, &full, &suffix, &delta, e->threads);
    bs_str_printf(&t, ", \"exact\": %s, \"targets\": [", b->exact ? "true" : "false");
    for (int i = 0; i < b->n_targets; i++)
        json_target(&t, b, e, i);
    bs_str_puts(&t, "]}");
    puts(t.ptr ? t.ptr : "");
    bs_str_clear(&t);
}

static bs_status run(const bs_args *args)
{
    bs_graph *g;
    bs_engine *e = NULL;
    bs_bench bench = {0};
    bs_engine_options o = {.device = bs_option_value(args, "device"), .mode = BS_REPLAY_DELTA, .bench = true};
    int trials = 64;
    BS_TRY(bs_option_int(args, "threads", 1, 1024, &o.threads));
    BS_TRY(bs_option_int(args, "batch", 1, 4096, &o.max_batch));
    BS_TRY(bs_option_int(args, "trials", 1, 1 << 20, &trials));
    BS_TRY(bs_synth_or_import(&g, args->operand[0]));
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
    {"device", "NAME", "auto, cpu, cuda, cuda:1, null; see devices (default auto)"},
    {"threads", "N", "workers (default: the cores this process may use)"},
    {"batch", "N", "trials computed side by side (default: what fits into the memory of 32 full re-runs)"},
    {"json", NULL, "totals and targets as one JSON object"},
    {NULL, NULL, NULL},
};

const bs_command bs_cmd_bench = {
    .name = "bench",
    .usage = "MODEL",
    .summary = "compare the replay modes: the same faults by full, suffix, delta",
    .details =
        "For the output of each Conv, Gemm and MatMul node: single random bit flips on two synthetic images, "
        "by delta and suffix, the first 32 of them in full. Prints multiply-accumulates a trial as they were "
        "computed (masked "
        "trials "
        "stop early; `undying`: of a trial that does not), trials/s, the ratios of both, how many trials "
        "were "
        "masked and where; all answers are compared.",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .run = run,
};
