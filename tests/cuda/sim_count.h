/* Inside of the device that counts: its table (sim_count.c), and what it knows of kernels
 * (sim_count_kernels.c). */
#ifndef BS_TESTS_SIM_COUNT_H
#define BS_TESTS_SIM_COUNT_H

#include "sim_inside.h"

/* --- sim_count.c --- */

/* false: no fault was injected yet. */
bool bs_sim_count_begun(void);
/* The first time: forgets all counts. */
void bs_sim_count_begin(void);

/* --- sim_count_kernels.c: kernels by the names of kernels/kernels.h --- */

/* Bytes that it reads and writes, without parameters and lists; 0: it is none of bitsink's. A comparison
 * counts as if it read all. */
double bs_sim_kernel_bytes(const char *kernel, const void *args);
/* How many outputs of the products before it a kernel takes; 0: it takes none. */
double bs_sim_products_taken(const char *kernel, const void *args);
bool bs_sim_ends_in_relu(const char *kernel, const void *args);
/* Queues the answer of a kernel whose results the host reads. relu: its rows come from a ReLU. */
void bs_sim_answer(CUstream s, const char *kernel, const void *args, bool relu);

#endif
