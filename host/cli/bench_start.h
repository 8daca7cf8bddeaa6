/* `bitsink bench --start`: how long a command takes until its first row is stored. */
#ifndef BS_CLI_BENCH_START_H
#define BS_CLI_BENCH_START_H

#include "import/onnx_file.h"
#include "model/graph.h"

#include <stdbool.h>

/* Measures `bitsink run` of a small job for each network (names of generated ones, or ONNX files), in
 * processes of this program: with an empty cache and with that filled. against: another program to run, too;
 * NULL: none. import: as for bs_graph_import(), of each. device: as for `run`, NULL: its default. Prints a
 * table, or one JSON object. BS_STOPPED after a signal. */
bs_status bs_bench_start(char *const *network, int n, const bs_import_options *import, const char *device,
                         const char *against, bool json);

#endif
