#include "cuda/cuda_patch.h"
#include "cuda/invariance.h"
#include "cuda/enqueue.h"

#include "base/buf.h"

#include <stdlib.h>

enum { MOST_BYTES = 64 << 20, FEW_ROWS = 64 };

static const int64_t row_counts[] = {1, 2, 3, 5, 6, 16, 17, 64, 100}; /* and half of all, all but one, all */
static const int64_t widths[] = {1, 2, 4, 5, 8, 16, 32, 64, BS_CUDA_MOST_FILTERS};

void bs_gemm_invariance_end(bs_gemm_invariance *r)
{
    const CUdeviceptr all[] = {r->x, r->y, r->made, r->filters};
    bs_cuda_release(r->stream, all, sizeof all / sizeof *all);
    free(r->place);
    free(r->equal);
}

bs_status bs_gemm_invariance_begin(bs_gemm_invariance *r, bs_stream *stream, bs_dtype type, int64_t rows,
                                   int64_t width, int64_t depth, CUdeviceptr w)
{
    int64_t padded = bs_cuda_padded(width), longest = depth > padded ? depth : padded;
    int64_t fit = MOST_BYTES / (longest * (int64_t)sizeof(float)), here = rows < fit ? rows : fit;
    *r = (bs_gemm_invariance){.stream = stream, .type = type, .width = width, .depth = depth, .w = w};
    int64_t least = bs_is_half(type) ? 2 * FEW_ROWS : FEW_ROWS;
    r->rows = here < least ? least : here / least * least;
    BS_TRY(bs_invariance_alloc(stream, &r->x, r->rows * depth));
    BS_TRY(bs_invariance_alloc(stream, &r->y, r->rows * padded));
    int64_t most = r->rows * padded, wide = FEW_ROWS * (int64_t)BS_CUDA_MOST_FILTERS;
    BS_TRY(bs_invariance_alloc(stream, &r->made, most > wide ? most : wide));
    BS_TRY(bs_calloc(&r->place, (size_t)r->rows, sizeof *r->place, "rows"));
    BS_TRY(bs_calloc(&r->equal, (size_t)r->rows, sizeof *r->equal, "rows"));
    BS_TRY(bs_invariance_fill(stream, r->x, r->rows * depth, type));
    if (!bs_is_half(type))
        return BS_OK;
    BS_TRY(bs_invariance_alloc(stream, &r->filters, width * depth));
    r->w = r->filters;
    return bs_invariance_spread(stream, r->filters, width * depth, type);
}

bs_status bs_invariance_products(const bs_gemm_invariance *r, const bs_cuda_gemm *g)
{
    return bs_cuda_gemm_run(r->stream, g, r->rows, r->width, r->x, r->w, r->y);
}

/* Gets `width` filters: the first ones, from the start again if there are too few. */
static bs_status take_filters(const bs_gemm_invariance *r, int64_t width, CUdeviceptr *w)
{
    int32_t from[BS_CUDA_MOST_FILTERS];
    CUdeviceptr staged;
    *w = r->w;
    if (width <= r->width)
        return BS_OK;
    for (int f = 0; f < width; f++)
        from[f] = (int32_t)(f % r->width);
    BS_TRY(bs_cuda_stage(r->stream, &staged, from, (size_t)width * sizeof *from));
    BS_TRY(bs_cuda_copy_filters(r->stream, (int)width, staged, r->w, r->depth, r->type, &r->stream->filters));
    *w = r->stream->filters.ptr;
    return BS_OK;
}

bs_status bs_invariance_part(const bs_gemm_invariance *r, const bs_cuda_gemm *g, int64_t rows, int64_t width,
                             bool *exact)
{
    CUdeviceptr x, w;
    int n = (int)(rows < r->rows ? rows : r->rows);
    for (int i = 0; i < n; i++)
        r->place[i] = (int32_t)((7 * (int64_t)i + 13 * rows) % r->rows);
    BS_TRY(bs_cuda_pack_rows(r->stream, n, n, (bs_view){bs_cuda_pointer(r->x), r->place}, r->depth, r->type,
                             false, &x));
    BS_TRY(take_filters(r, width, &w));
    BS_TRY(bs_cuda_gemm_run(r->stream, g, n, width, x, w, r->made));
    for (int64_t first = 0; first < width; first += r->width) {
        bs_operand whole,
            part = {(float *)bs_cuda_pointer(r->made) + first, NULL, bs_cuda_padded(width), BS_DTYPE_FP32};
        int64_t here = width - first < r->width ? width - first : r->width;
        BS_TRY(bs_cuda_operand(r->stream, &whole, n, (bs_view){bs_cuda_pointer(r->y), r->place},
                               bs_cuda_padded(r->width), BS_DTYPE_FP32));
        BS_TRY(bs_cuda_compare_rows(r->stream, n, here, part, whole, r->equal));
        BS_TRY(bs_cuda_collect(r->stream));
        for (int i = 0; i < n; i++)
            *exact &= r->equal[i];
    }
    return BS_OK;
}

static bs_status test(const bs_gemm_invariance *r, const bs_cuda_gemm *g, bool *exact)
{
    const int64_t most[] = {r->rows / 2 + 1, r->rows - 1, r->rows};
    BS_TRY(bs_invariance_products(r, g));
    for (size_t i = 0; i < sizeof row_counts / sizeof *row_counts && *exact; i++)
        BS_TRY(bs_invariance_part(r, g, row_counts[i], r->width, exact));
    for (size_t i = 0; i < sizeof widths / sizeof *widths && *exact; i++)
        BS_TRY(bs_invariance_part(r, g, FEW_ROWS, widths[i], exact));
    for (size_t i = 0; i < sizeof widths / sizeof *widths && *exact; i++)
        if (widths[i] < r->width)
            BS_TRY(bs_invariance_part(r, g, r->rows, widths[i], exact));
    for (size_t i = 0; i < sizeof most / sizeof *most && *exact; i++)
        if (most[i] > 0)
            BS_TRY(bs_invariance_part(r, g, most[i], r->width, exact));
    return BS_OK;
}

bs_status bs_gemm_invariance_test(const bs_gemm_invariance *r, const bs_cuda_gemm *g, bool *exact)
{
    *exact = true;
    return bs_invariance_judge(r->stream, test(r, g, exact), exact);
}
