/* Enqueues work on a stream. All requests to the device go through here. */
#ifndef BS_CUDA_ENQUEUE_H
#define BS_CUDA_ENQUEUE_H

#include "cuda/cuda.h"

/* enqueue.c. Opens the CUDA stream and the staging memory of a stream whose network is set; to be closed even
 * if it fails. */
bs_status bs_cuda_staging_open(bs_stream *stream);
void bs_cuda_staging_close(bs_stream *stream);
/* Makes room for `bytes` bytes; the previous contents are lost. */
bs_status bs_cuda_reserve(bs_stream *stream, bs_cuda_buffer *b, size_t bytes);
/* Frees n blocks of device memory (0: none) once all submitted work has finished, since the driver need not
 * wait for kernels that still read them. */
void bs_cuda_release(bs_stream *stream, const CUdeviceptr *all, size_t n);
/* Copies a host array to the device, unless it is there. The address is valid for the kernel that is launched
 * next, and until an array is staged after it. */
bs_status bs_cuda_stage(bs_stream *stream, CUdeviceptr *out, const void *data, size_t bytes);
/* The same for an array that the caller still writes, to *host. */
bs_status bs_cuda_stage_room(bs_stream *stream, void **host, CUdeviceptr *out, size_t bytes);
/* answers.c. Makes room for a result of `bytes` bytes that the kernel launched next writes, each 1 at first.
 * It is copied to `to` by the next bs_cuda_collect(). */
bs_status bs_cuda_answer(bs_stream *stream, CUdeviceptr *out, void *to, size_t bytes);
/* Waits for all work, and copies the results of which this is true to where they go. */
bs_status bs_cuda_collect(bs_stream *stream);
/* Forgets results that nobody waits for any more. */
static inline void bs_cuda_forget(bs_stream *stream)
{
    bs_cuda_answers *a = &stream->answers;
    a->stale = a->used > a->stale ? a->used : a->stale;
    a->used = a->n = 0;
}

/* The same as bs_cuda_collect(), from any thread. */
bs_status bs_cuda_wait(bs_stream *stream);
/* Copies device memory to the host, and waits for it as bs_cuda_collect() does. */
bs_status bs_cuda_fetch(bs_stream *stream, void *to, CUdeviceptr from, size_t bytes);
bs_status bs_cuda_answers_open(bs_stream *stream);
void bs_cuda_answers_close(bs_stream *stream);
/* Sets n bytes of device memory. */
bs_status bs_cuda_set(bs_stream *stream, CUdeviceptr to, unsigned char value, size_t n);
/* Launches a kernel on `samples` x `items`; args: its argument structure. */
bs_status bs_cuda_launch(bs_stream *stream, bs_kernel_id kernel, int64_t samples, int64_t items,
                         const void *args);
/* Makes the operand of n samples of `elements` each; their row numbers are staged. */
bs_status bs_cuda_operand(bs_stream *stream, bs_operand *out, int n, bs_view v, int64_t elements,
                          bs_dtype type);
/* Returns the view from sample `at` on, of rows of `bytes`. */
static inline bs_view bs_cuda_view_from(bs_view v, int at, int64_t bytes)
{
    return v.rows ? (bs_view){v.base, v.rows + at} : (bs_view){(const char *)v.base + at * bytes, NULL};
}

/* Copies within device memory. */
bs_status bs_cuda_copy(bs_stream *stream, void *dst, const void *src, size_t bytes);

/* copies.c */
bs_status bs_cuda_copy_rows(bs_stream *stream, int tensor, int n, bs_view src, void *dst);
/* Puts n rows of `elements` of a type side by side, at an address that is a multiple of 256 bytes from which
 * `room` of them may be read, as floats if `floats`. Rows that are not there already are copied to
 * stream->rows. */
bs_status bs_cuda_pack_rows(bs_stream *stream, int n, int room, bs_view in, int64_t elements, bs_dtype type,
                            bool floats, CUdeviceptr *out);
/* Copies row from[f] (staged) of a parameter to row f of `to`; rows have `length` elements of a type. */
bs_status bs_cuda_copy_filters(bs_stream *stream, int filters, CUdeviceptr from, CUdeviceptr param,
                               int64_t length, bs_dtype type, bs_cuda_buffer *to);

#endif
