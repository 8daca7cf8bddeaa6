/* A CUDA device made of the CPU, for tests on machines without one: libcuda.so.1, libcublasLt.so and
 * libcudnn.so with the functions that bitsink calls. Kernels are the real ones, compiled by the C compiler,
 * run with the grid of the launch, as warps of 32 threads that take turns; what two threads do at the same
 * time to one place is not simulated, but what depends on their order shows in another one. Found by
 * LD_LIBRARY_PATH; nothing else tells it from a driver.
 *
 * Stricter than a device, it ends the process with a message that begins "simulated device:" when
 *   - threads that have to meet (where a warp joins values, at a block's barrier) do not all come
 *   - a kernel, a copy or a library touches what is no live allocation
 *   - the host touches device memory
 *   - pinned memory is written before the copy out of it has run
 *   - memory, a stream, a module or a library's handle of one device is used while the context of another
 *     is current, or none is although there are several; or a kernel touches memory of another device
 * Work runs when the host waits for its stream and not before; memory that is freed or reused too early is
 * found at that time. To host threads device memory is open while the work of others runs, and in long runs
 * at most times: opening and closing take time.
 *
 * Environment:
 *   BITSINK_SIM_DEVICES=N
 *       how many devices there are (default 1, at most 8), each with memory of its own
 *   BITSINK_SIM_NAMES=NAME,NAME...
 *       their names; where none is given: "simulated device"
 *   BITSINK_SIM_OTHER_BITS=D
 *       device D (from 0) sums convolutions and products in another order than the others do, which
 *       is always the same one, too
 *   BITSINK_SIM_MEMORY=BYTES
 *       how much each device has (default 4 GiB)
 *   BITSINK_SIM_DNN=exact|hungry|inexact|rare|sized|words|none|other
 *       what cuDNN offers: its exact engines, an exact one that refuses large batches of large
 *       planes, inexact ones (the order of a sum depends on the batch, the size of the output or
 *       the number of filters), such as are so for few shapes only and an exact one after them,
 *       two exact ones whose order tells for which shape they were asked, one that is inexact for
 *       values of 16 bits only, none (it cannot be used),
 *       or it is of another version; by default some of each kind, the inexact first
 *   BITSINK_SIM_BLAS=exact|inexact|words|hidden|silent|many
 *       the same for the algorithms of cuBLASLt; an exact one is there, but its heuristics do not
 *       name it, or name none at all; one splits sums for more than 1,024 rows; `words`: none is
 *       exact for values of 16 bits
 *   BITSINK_SIM_ORDER=forward|reverse|shuffle|shuffle:SEED
 *       the order in which the blocks of a kernel run, the warps of a block, and the threads of a
 *       warp between any two meetings (default forward)
 *   BITSINK_SIM_QUEUE=late|now
 *       when work runs: when the host waits for it (default), or when it is queued
 *   BITSINK_SIM_FAIL=NAME:K[@D]
 *       call number K (from 1) of function NAME fails: allocations for lack of memory, cudnnCreate
 *       as if cuDNN could not be used, all else as if the device were lost, and so does every
 *       later call. With @D only calls while the context of device D is current are counted, and
 *       only that one is lost; else all are
 *   BITSINK_SIM_COUNT=FILE
 *       nothing is computed and no memory is used but what results need, so that campaigns of large
 *       networks take seconds; at exit, a line "NAME CALLS BYTES MACS ASKED SECONDS" for each
 *       function and kernel called since the first fault was injected: the bytes that it reads and
 *       writes (a copy: that it moves), the multiplications of the libraries' products and
 *       convolutions, those of them that are for rows that were asked for and not for padding, and
 *       roughly the seconds that an H200 needs for them (the model: sim_count.c). Until the first
 *       fault all comparisons find no difference, so that all engines are accepted. From then on
 *       they find one, but for every second value that a ReLU made of the faulty one; what differs
 *       has 4 to 8 rows and columns, at a place drawn from the trial; the top class is 0. Copies
 *       from the host are made if pinned or below 1 MiB, copies to the host always, others never
 *   BITSINK_SIM_CALLS=FILE
 *       at exit, a line "NAME COUNT" for each function called; bs_sim_calls(NAME) is the count; of
 *       several devices, lines "NAME@D COUNT" for each, too */
#ifndef BS_TESTS_SIM_H
#define BS_TESTS_SIM_H

#include <cublasLt.h>
#include <cuda.h>
#include <cudnn.h>

#include <stdbool.h>
#include <stddef.h>

/* Functions that are counted and can fail. */
#define SIM_CALLS(X)                                                                                         \
    X(cuDevicePrimaryCtxRetain)                                                                              \
    X(cuCtxSynchronize)                                                                                      \
    X(cuMemAlloc)                                                                                            \
    X(cuMemFree)                                                                                             \
    X(cuMemAllocHost)                                                                                        \
    X(cuMemcpyHtoDAsync)                                                                                     \
    X(cuMemcpyDtoHAsync)                                                                                     \
    X(cuMemcpyDtoDAsync)                                                                                     \
    X(cuMemsetD8Async)                                                                                       \
    X(cuStreamCreate)                                                                                        \
    X(cuStreamSynchronize)                                                                                   \
    X(cuModuleLoadData)                                                                                      \
    X(cuModuleGetFunction)                                                                                   \
    X(cuLaunchKernel)                                                                                        \
    X(cublasLtCreate)                                                                                        \
    X(cublasLtMatmulDescCreate)                                                                              \
    X(cublasLtMatrixLayoutCreate)                                                                            \
    X(cublasLtMatmulPreferenceCreate)                                                                        \
    X(cublasLtMatmulAlgoGetHeuristic)                                                                        \
    X(cublasLtMatmul)                                                                                        \
    X(cudnnCreate)                                                                                           \
    X(cudnnBackendFinalize)                                                                                  \
    X(cudnnBackendExecute)

/* libcuda.so.1 has these for the other libraries. */
/* The device whose context is current to the calling thread; dies where that is open. */
int bs_sim_device(void);
/* Dies if that is not `owner`, to which what is used belongs. */
void bs_sim_check_owner(int owner, const char *what);
/* true: the device is the one of BITSINK_SIM_OTHER_BITS. */
bool bs_sim_computes_otherwise(void);
/* Counts the call of that device, and returns true if it shall fail. */
bool bs_sim_fails(const char *name);
/* How often a function has been called so far. */
long bs_sim_calls(const char *name);
/* true: nothing is computed, see BITSINK_SIM_COUNT. */
bool bs_sim_counts(void);
/* Counts a product of a stream: so many rows of `depth` numbers by `width` filters, which reads and writes
 * so many bytes. name: of the function. */
void bs_sim_count_product(CUstream s, const char *name, double rows, double width, double depth,
                          double bytes);
/* Queues run(copy of arg), which may touch device memory; name: what messages call it. Without a stream it
 * runs at once. */
void bs_sim_enqueue(CUstream s, const char *name, void (*run)(const void *arg), const void *arg, size_t size);

#endif
