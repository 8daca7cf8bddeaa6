#include "base/text.h"
#include "cli/bench_print.h"
#include "model/label.h"

#include <stdio.h>
#include <stdlib.h>

double bs_bench_over(double a, double b)
{
    return b > 0 ? a / b : 0.0;
}

double bs_bench_trial_rate(const bs_bench_cell *c, const bs_engine *e)
{
    return bs_bench_over((double)c->trials, c->seconds) * e->threads;
}

double bs_bench_golden_rate(const bs_bench *b, const bs_engine *e)
{
    return bs_bench_over((double)b->goldens, b->golden_seconds) * e->threads;
}

double bs_bench_trial_macs(const bs_bench_cell *c)
{
    return bs_bench_over(c->macs, (double)c->trials);
}

const char *bs_bench_target(const bs_engine *e, int id)
{
    return bs_graph_label(e->graph, id);
}

static int by_time(const void *a, const void *b)
{
    double x = ((const bs_bench_line *)a)->cell.seconds, y = ((const bs_bench_line *)b)->cell.seconds;
    return (x < y) - (x > y);
}

int bs_bench_lines(const bs_bench *b, bs_bench_line out[BS_BENCH_LINES])
{
    int n = 0;
    for (int what = 0; what < BS_TIMED_COUNT; what++)
        for (int op = 0; op < BS_OP_COUNT; op++) {
            const bs_timed_cell *c = &b->kernels[what][op];
            if (c->calls > 0)
                out[n++] = (bs_bench_line){(bs_timed_operation)what, what <= BS_TIMED_RUN_FAULTY ? op : -1,
                                           *c, bs_bench_over(c->seconds, b->kernel_seconds)};
        }
    qsort(out, (size_t)n, sizeof *out, by_time);
    return n;
}

double bs_bench_operation_share(const bs_bench *b, bs_timed_operation what)
{
    double seconds = 0;
    for (int op = 0; op < BS_OP_COUNT; op++)
        seconds += b->kernels[what][op].seconds;
    return bs_bench_over(seconds, b->kernel_seconds);
}

/* cells: of one target or of n together. */
static void print_row(const char *name, const bs_bench_cell cells[], int n, const bs_engine *e)
{
    const bs_bench_cell *delta = &cells[BS_BENCH_DELTA];
    printf("%-28s", bs_visible_cut(name, 28));
    for (int way = 0; way < BS_BENCH_WAY_COUNT; way++)
        printf(" %9.1f", bs_bench_trial_macs(&cells[way]) * 1e-6);
    printf(" %9.1f ", bs_bench_over((double)delta->static_macs * 1e-6, n));
    for (int way = 0; way < BS_BENCH_WAY_COUNT; way++)
        printf(" %9.1f", bs_bench_trial_rate(&cells[way], e));
    printf(" ");
    for (int way = 0; way < BS_BENCH_DELTA; way++)
        printf(" %7.1f", bs_bench_over(bs_bench_trial_rate(delta, e), bs_bench_trial_rate(&cells[way], e)));
    printf("  %8.1f\n", 100.0 * bs_bench_over((double)delta->masked, (double)delta->trials));
}

double bs_bench_masked(const bs_bench *b, const bs_graph *g, bs_dtype type)
{
    double masked = 0, trials = 0;
    for (int i = 0; i < b->n_targets; i++) {
        const bs_bench_cell *delta = &b->cells[i][BS_BENCH_DELTA];
        if (g->tensors[g->targets[b->targets[i]].tensor].type != type)
            continue;
        masked += (double)delta->masked;
        trials += (double)delta->trials;
    }
    return trials > 0 ? masked / trials : -1;
}

/* Coarse types mask more. */
static void print_types(const bs_bench *b, const bs_graph *g)
{
    const char *comma = "masked, by the type of the target's values:";
    for (int type = 0; type < BS_DTYPE_COUNT; type++) {
        double masked = bs_bench_masked(b, g, (bs_dtype)type);
        if (masked < 0)
            continue;
        printf("%s %s %.1f %%", comma, bs_dtype_name((bs_dtype)type), 100.0 * masked);
        comma = ",";
    }
    puts("");
}

static void print_replay(const bs_bench *b, const bs_engine *e, const bs_common_path *path)
{
    bs_bench_cell total[BS_BENCH_WAY_COUNT];
    printf("%-28s %49s  %39s  %23s\n", "", "MMAC per trial", "trials/s", "delta over");
    printf("%-28s %9s %9s %9s %9s %9s  %9s %9s %9s %9s  %7s %7s %7s  %8s\n", "target", "full", "dense",
           "suffix", "delta", "unmasked", "full", "dense", "suffix", "delta", "full", "dense", "suffix",
           "masked %");
    for (int i = 0; i < b->n_targets; i++)
        print_row(bs_common_path_cut(path, bs_bench_target(e, b->targets[i])), b->cells[i], 1, e);
    for (int way = 0; way < BS_BENCH_WAY_COUNT; way++)
        total[way] = bs_bench_sum(b, (bs_bench_way)way);
    bool all = b->n_targets == b->of_targets;
    print_row(all ? "all targets, equally likely" : "these, equally likely", total, b->n_targets, e);
    printf("%d trials of a target and worker by suffix and delta, the first %d of them by full and dense; ",
           b->trials, b->reruns);
    if (all)
        printf("all targets\n");
    else
        printf("%d of %d targets, evenly chosen\n", b->n_targets, b->of_targets);
    puts(b->exact ? "all ways gave the same answers, bit for bit" : "THE WAYS DISAGREE");
    print_types(b, e->graph);
}

/* Prints the nodes at which most trials were masked, in the order of the graph. */
static void print_masked(const bs_bench *b, const bs_engine *e, const bs_common_path *path)
{
    printf("\nshare of the trials masked at a node (1 %% or more)\n");
    for (int i = 0; i < b->n_targets; i++) {
        double trials = (double)b->cells[i][BS_BENCH_DELTA].trials;
        const uint64_t *masked_at = b->masked_at + (size_t)i * (size_t)b->n_ids;
        printf("%-28s", bs_visible_cut(bs_common_path_cut(path, bs_bench_target(e, b->targets[i])), 28));
        for (int id = 0; id < b->n_ids; id++)
            if ((double)masked_at[id] >= 0.01 * trials)
                printf(" %s %.0f %%", bs_visible(bs_common_path_cut(path, bs_bench_target(e, id))),
                       100.0 * (double)masked_at[id] / trials);
        puts("");
    }
}

/* Those of 1 % and more, and injection in any case. */
static void print_kernels(const bs_bench *b)
{
    bs_bench_line lines[BS_BENCH_LINES];
    double between = b->kernel_seconds, others = 0;
    int n = bs_bench_lines(b, lines);
    printf("\ndelta replay, each operation by itself     calls us per call  share %%\n");
    if (b->kernel_targets < b->n_targets)
        printf("(%d of these targets)\n", b->kernel_targets);
    for (int i = 0; i < n; i++) {
        const bs_bench_line *x = &lines[i];
        between -= x->cell.seconds;
        if (x->share < 0.01 && x->what != BS_TIMED_INJECT)
            others += x->share;
        else
            printf("%-14s %-22s %10llu  %10.1f  %7.2f\n", bs_timed_name(x->what),
                   x->op < 0 ? "" : bs_op_name((bs_op)x->op), (unsigned long long)x->cell.calls,
                   1e6 * x->cell.seconds / (double)x->cell.calls, 100.0 * x->share);
    }
    printf("%-60s  %7.2f\n%-60s  %7.2f\n", "others", 100.0 * others, "between the operations",
           100.0 * bs_bench_over(between, b->kernel_seconds));
}

static void print_rate(const char *name, const char *unit, double rate, double macs, double best)
{
    printf("%-13s %10.1f %-8s %10.1f GMAC/s %7.1f %%\n", name, rate, unit, rate * macs * 1e-9,
           100.0 * bs_bench_over(rate * macs, best));
}

static void print_rates(const bs_bench *b, const bs_engine *e)
{
    double best = bs_bench_best_macs(b);
    printf("\nfp32 rates, and shares of the best of these layers\n");
    for (int i = 0; i < BS_BENCH_LAYER_COUNT; i++)
        printf("%-13s %10.1f %-8s %10.1f GMAC/s %7.1f %%\n", bs_bench_layer_name((bs_bench_layer)i),
               b->layer_macs[i] * 2e-9, "GFLOP/s", b->layer_macs[i] * 1e-9,
               100.0 * bs_bench_over(b->layer_macs[i], best));
    print_rate("golden", "images/s", bs_bench_golden_rate(b, e), (double)e->graph->macs, best);
    for (int way = 0; way < BS_BENCH_WAY_COUNT; way++) {
        bs_bench_cell c = bs_bench_sum(b, (bs_bench_way)way);
        print_rate(bs_bench_way_name((bs_bench_way)way), "trials/s", bs_bench_trial_rate(&c, e),
                   bs_bench_trial_macs(&c), best);
    }
    printf("copies        %10.1f GB/s read and written in device memory\n", b->copy_bytes * 1e-9);
    printf("result file   %10.1f rows/s, %.0f bytes per row\n", b->rows, b->row_bytes);
}

static double mib(size_t bytes)
{
    return (double)bytes / (1 << 20);
}

static void print_workers(const bs_engine *e)
{
    printf("%d worker(s) on %s (%s, %s)\n", e->threads, e->info.name, e->info.isa, e->info.library);
}

void bs_bench_print_golden(const bs_bench *b, const bs_engine *e)
{
    printf("golden %10.1f images/s (%llu images, %d at a time per worker), %.1f MiB of activations each\n",
           bs_bench_golden_rate(b, e), (unsigned long long)b->goldens, b->golden_tile,
           mib(b->golden_image_bytes));
    print_workers(e);
}

void bs_bench_print_table(const bs_bench *b, const bs_engine *e)
{
    bs_common_path path = {0};
    char note[256];
    if (bs_graph_common_path(&path, e->graph) != BS_OK)
        bs_error_clear(); /* whole names do, too */
    print_replay(b, e, &path);
    print_masked(b, e, &path);
    if (*bs_common_path_note(&path, note, sizeof note))
        puts(note);
    bs_common_path_clear(&path);
    print_kernels(b);
    print_rates(b, e);
    printf(
        "memory: parameters %.1f MiB, golden activations %.1f MiB (%d image(s) per worker), trials %.1f MiB; "
        "the process had %.1f MiB at most\n",
        mib(b->parameter_bytes), mib(b->golden_bytes), e->tile, mib(b->trial_bytes), mib(b->host_peak));
    print_workers(e);
}
