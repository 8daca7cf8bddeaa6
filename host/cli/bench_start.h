/* `bitsink bench --start`: how long a command takes until its first row is stored. */
#ifndef BS_CLI_BENCH_START_H
#define BS_CLI_BENCH_START_H

#include "base/error.h"

#include <stdbool.h>

/* Measures `bitsink run` of a small job for each network (names of generated ones, or ONNX files), in
 * processes of this program: with an empty cache and with that filled. against: another program to run, too;
 * NULL: none. device: as for `run`, NULL: its default. Prints a table, or one JSON object. BS_STOPPED after a
 * signal. */
bs_status bs_bench_start(char *const *network, int n, const char *device, const char *against, bool json);

#endif
