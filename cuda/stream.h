/* A lane's stream: everything that is asked of the device goes through it. */
#ifndef BS_CUDA_STREAM_H
#define BS_CUDA_STREAM_H

#include "cuda/cuda.h"

/* stream.c. Opens the stream of a lane whose network is known; also where that fails, it is to be closed. */
bs_status bs_cuda_stream_open(bs_lane *l);
void bs_cuda_stream_close(bs_lane *l);
/* Waits until all is done that the stream has been asked for. */
bs_status bs_cuda_wait(bs_lane *l);
/* Room for so many bytes; what was there is lost. */
bs_status bs_cuda_reserve(bs_lane *l, bs_cuda_buffer *b, size_t bytes);
/* Frees blocks of device memory (0: none), when all that the lane has asked for is done: the driver need not
 * wait for kernels that still read them. */
void bs_cuda_release(bs_lane *l, const CUdeviceptr *all, size_t n);
/* Copies a host array to the device; the address is good for the kernel that is launched next. */
bs_status bs_cuda_stage(bs_lane *l, CUdeviceptr *out, const void *data, size_t bytes);
/* The same with the array still to be written, to *host. */
bs_status bs_cuda_stage_room(bs_lane *l, void **host, CUdeviceptr *out, size_t bytes);
/* Copies device memory to the host and waits for it. */
bs_status bs_cuda_fetch(bs_lane *l, void *to, CUdeviceptr from, size_t bytes);
/* Runs a kernel on `samples` x `items`; args: its argument structure. */
bs_status bs_cuda_launch(bs_lane *l, bs_kernel_id kernel, int64_t samples, int64_t items, const void *args);
/* The operand of n samples of `elements` each; rows are staged. */
bs_status bs_cuda_operand(bs_lane *l, bs_operand *out, int n, bs_view v, int64_t elements);
/* Copies between places on the device. */
bs_status bs_cuda_copy(bs_lane *l, void *dst, const void *src, size_t bytes);

/* copies.c */
bs_status bs_cuda_copy_rows(bs_lane *l, int tensor, int n, bs_view src, void *dst);
/* Puts n rows of `elements` side by side at an address that is a multiple of 256 bytes: copied to
 * lane->rows, which gets room for `room` of them, where they are not. */
bs_status bs_cuda_line_up(bs_lane *l, int n, int room, bs_view in, int64_t elements, CUdeviceptr *out);
/* Row f of `to` becomes row from[f] (staged) of a parameter, of `length` floats each. */
bs_status bs_cuda_copy_filters(bs_lane *l, int filters, CUdeviceptr from, CUdeviceptr param, int64_t length,
                               bs_cuda_buffer *to);

#endif
