/* The job of `bitsink bench --start`. */
#ifndef BS_CLI_BENCH_JOB_H
#define BS_CLI_BENCH_JOB_H

#include "model/graph.h"

/* Writes job.yaml, with one trial of three faults in each layer of the model on two images, and these into
 * the folder. import: NULL: none. */
bs_status bs_bench_write_job(const char *folder, const char *model, const bs_import_options *import);
/* Fails with the reason in errno. */
bs_status bs_bench_no_room(const char *path);

#endif
