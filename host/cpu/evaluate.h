/* Runs a graph once, on the CPU. */
#ifndef BS_CPU_EVALUATE_H
#define BS_CPU_EVALUATE_H

#include "model/graph.h"

/* in: n samples of the graph's input; out: receives n of its output; both in logical order. */
bs_status bs_cpu_evaluate(const bs_graph *g, int64_t n, const float *in, float *out);

#endif
