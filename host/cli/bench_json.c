#include "base/buf.h"
#include "base/text.h"
#include "cli/bench_print.h"

#include <stdio.h>

/* The keys of a target and of the total. */
static void put_cells(bs_str *t, const bs_bench_cell cells[], const bs_engine *e)
{
    const bs_bench_cell *full = &cells[BS_BENCH_FULL], *delta = &cells[BS_BENCH_DELTA];
    double rate = bs_bench_trial_rate(delta, e), macs = bs_bench_trial_macs(delta);
    for (int way = 0; way < BS_BENCH_WAY_COUNT; way++)
        bs_str_printf(t, "\"%s_per_second\": %.6g, ", bs_bench_way_name((bs_bench_way)way),
                      bs_bench_trial_rate(&cells[way], e));
    for (int way = 0; way < BS_BENCH_DELTA; way++)
        bs_str_printf(t, "\"delta_over_%s\": %.6g, ", bs_bench_way_name((bs_bench_way)way),
                      bs_bench_over(rate, bs_bench_trial_rate(&cells[way], e)));
    bs_str_printf(t, "\"counted_mac_ratio\": %.6g, ", bs_bench_over(bs_bench_trial_macs(full), macs));
    for (int way = BS_BENCH_DENSE_SUFFIX; way < BS_BENCH_DELTA; way++)
        bs_str_printf(t, "\"counted_mac_ratio_%s\": %.6g, ", bs_bench_way_name((bs_bench_way)way),
                      bs_bench_over(bs_bench_trial_macs(&cells[way]), macs));
    for (int way = 0; way < BS_BENCH_WAY_COUNT; way++)
        bs_str_printf(t, "\"%s_macs\": %.6g, ", bs_bench_way_name((bs_bench_way)way),
                      bs_bench_trial_macs(&cells[way]));
    bs_str_printf(t, "\"static_mac_ratio\": %.6g, \"masked\": %.6g",
                  bs_bench_over((double)full->static_macs, (double)delta->static_macs),
                  bs_bench_over((double)delta->masked, (double)delta->trials));
}

static void put_target(bs_str *t, const bs_bench *b, const bs_engine *e, int i)
{
    const bs_bench_cell *c = b->cells[i];
    const uint64_t *masked_at = b->masked_at + (size_t)i * (size_t)b->n_ids;
    bool first = true;
    bs_str_puts(t, i ? ", {\"name\": " : "{\"name\": ");
    bs_str_json(t, bs_bench_target(e, b->targets[i]));
    bs_str_printf(t, ", \"type\": \"%s\", ",
                  bs_dtype_name(e->graph->tensors[e->graph->targets[b->targets[i]].tensor].type));
    put_cells(t, c, e);
    bs_str_puts(t, ", \"masked_at\": {");
    for (int id = 0; id < b->n_ids; id++) {
        if (masked_at[id] == 0)
            continue;
        bs_str_puts(t, first ? "" : ", ");
        bs_str_json(t, bs_bench_target(e, id));
        bs_str_printf(t, ": %.6g", (double)masked_at[id] / (double)c[BS_BENCH_DELTA].trials);
        first = false;
    }
    bs_str_puts(t, "}}");
}

static void put_types(bs_str *t, const bs_bench *b, const bs_graph *g)
{
    const char *mark = ", \"masked_by_type\": {";
    for (int type = 0; type < BS_DTYPE_COUNT; type++) {
        double masked = bs_bench_masked(b, g, (bs_dtype)type);
        if (masked < 0)
            continue;
        bs_str_printf(t, "%s\"%s\": %.6g", mark, bs_dtype_name((bs_dtype)type), masked);
        mark = ", ";
    }
    bs_str_puts(t, "}");
}

static void put_rates(bs_str *t, const bs_bench *b, const bs_engine *e)
{
    double golden = bs_bench_golden_rate(b, e), best = bs_bench_best_macs(b);
    for (int i = 0; i < BS_BENCH_LAYER_COUNT; i++)
        bs_str_printf(t, ", \"%s_flops\": %.6g", bs_bench_layer_name((bs_bench_layer)i),
                      b->layer_macs[i] * 2);
    bs_str_printf(t, ", \"copy_bytes_per_second\": %.6g, \"golden_share\": %.4g", b->copy_bytes,
                  bs_bench_over(golden * (double)e->graph->macs, best));
    for (int way = 0; way < BS_BENCH_WAY_COUNT; way++) {
        bs_bench_cell c = bs_bench_sum(b, (bs_bench_way)way);
        bs_str_printf(t, ", \"%s_share\": %.4g", bs_bench_way_name((bs_bench_way)way),
                      bs_bench_over(bs_bench_trial_rate(&c, e) * bs_bench_trial_macs(&c), best));
    }
    bs_str_printf(t, ", \"rows_per_second\": %.6g, \"row_bytes\": %.4g", b->rows, b->row_bytes);
}

static void put_kernels(bs_str *t, const bs_bench *b)
{
    bs_bench_line lines[BS_BENCH_LINES];
    int n = bs_bench_lines(b, lines);
    bs_str_printf(t, ", \"inject_share\": %.4g, \"kernels\": [",
                  bs_bench_operation_share(b, BS_TIMED_INJECT));
    for (int i = 0; i < n; i++)
        bs_str_printf(t,
                      "%s{\"operation\": \"%s\", \"operator\": \"%s\", \"calls\": %llu, \"seconds\": %.6g, "
                      "\"share\": %.4g}",
                      i ? ", " : "", bs_timed_name(lines[i].what),
                      lines[i].op < 0 ? "" : bs_op_name((bs_op)lines[i].op),
                      (unsigned long long)lines[i].cell.calls, lines[i].cell.seconds, lines[i].share);
    bs_str_puts(t, "]");
}

/* What was run, and the memory. */
static void put_amounts(bs_str *t, const bs_bench *b, bool golden)
{
    bs_str_printf(t, ", \"ran\": {\"seconds\": %.6g, \"golden_images\": %llu, \"golden_tile\": %d",
                  b->seconds, (unsigned long long)b->goldens, b->golden_tile);
    if (!golden)
        bs_str_printf(t,
                      ", \"trials\": %d, \"full_trials\": %d, \"timed_targets\": %d, \"all_targets\": %d, "
                      "\"kernel_targets\": %d",
                      b->trials, b->reruns, b->n_targets, b->of_targets, b->kernel_targets);
    bs_str_printf(t,
                  "}, \"memory\": {\"parameters\": %zu, \"golden\": %zu, \"golden_image\": %zu, \"trials\": "
                  "%zu, \"host_peak\": %zu}",
                  b->parameter_bytes, b->golden_bytes, b->golden_image_bytes, b->trial_bytes, b->host_peak);
}

static void put_replay(bs_str *t, const bs_bench *b, const bs_engine *e)
{
    bs_bench_cell total[BS_BENCH_WAY_COUNT];
    for (int way = 0; way < BS_BENCH_WAY_COUNT; way++)
        total[way] = bs_bench_sum(b, (bs_bench_way)way);
    bs_str_puts(t, ", ");
    put_cells(t, total, e);
    bs_str_printf(t, ", \"exact\": %s", b->exact ? "true" : "false");
    put_types(t, b, e->graph);
    put_rates(t, b, e);
    put_kernels(t, b);
    bs_str_puts(t, ", \"targets\": [");
    for (int i = 0; i < b->n_targets; i++)
        put_target(t, b, e, i);
    bs_str_puts(t, "]");
}

void bs_bench_print_json(const bs_bench *b, const bs_engine *e, bool golden)
{
    bs_str t = {0};
    bs_str_printf(&t, "{\"golden_per_second\": %.6g", bs_bench_golden_rate(b, e));
    put_amounts(&t, b, golden);
    if (!golden)
        put_replay(&t, b, e);
    bs_str_puts(&t, "}");
    puts(t.ptr ? t.ptr : "");
    bs_str_clear(&t);
}
