/* Prints the measurements of `bitsink bench`. */
#ifndef BS_CLI_BENCH_PRINT_H
#define BS_CLI_BENCH_PRINT_H

#include "campaign/bench.h"

/* A line of the times of operations, in the order of their time. */
typedef struct bs_bench_line {
    bs_timed_operation what;
    int op; /* bs_op, -1: it belongs to no operator */
    bs_timed_cell cell;
    double share; /* of bs_bench.kernel_seconds */
} bs_bench_line;

enum { BS_BENCH_LINES = BS_TIMED_COUNT * BS_OP_COUNT };

/* All operations that were called; returns their number. */
int bs_bench_lines(const bs_bench *b, bs_bench_line out[BS_BENCH_LINES]);
/* Share of an operation over all operators. */
double bs_bench_operation_share(const bs_bench *b, bs_timed_operation what);

/* a / b, 0 where b is not positive. */
double bs_bench_over(double a, double b);
/* Of all workers, by the engine's number of them. */
double bs_bench_trial_rate(const bs_bench_cell *c, const bs_engine *e);
double bs_bench_golden_rate(const bs_bench *b, const bs_engine *e);
/* Multiply-accumulates of a trial as they were computed. */
double bs_bench_trial_macs(const bs_bench_cell *c);
const char *bs_bench_target(const bs_engine *e, int id);
/* Returns the share of the trials by delta that were masked, of the targets of a type; -1: there are none. */
double bs_bench_masked(const bs_bench *b, const bs_graph *g, bs_dtype type);

void bs_bench_print_table(const bs_bench *b, const bs_engine *e);
void bs_bench_print_golden(const bs_bench *b, const bs_engine *e);
/* golden: only that was measured. */
void bs_bench_print_json(const bs_bench *b, const bs_engine *e, bool golden);

#endif
