#include "cuda/rehearsal.h"

#include "base/buf.h"

#include <stdlib.h>

enum { MOST_BYTES = 64 << 20, FEW_ROWS = 64 };

static const int64_t row_counts[] = {1, 2, 3, 5, 17, 64, 100}; /* and half of them, all but one, all */
static const int64_t widths[] = {1, 4, 5, 32, 128};

static bs_status alloc(bs_lane *l, CUdeviceptr *out, int64_t elements)
{
    const bs_cuda_api *api = l->network->device->api;
    return bs_cuda_check(api, api->cuMemAlloc(out, (size_t)elements * sizeof(float)), "cuMemAlloc");
}

void bs_gemm_rehearsal_end(bs_gemm_rehearsal *r)
{
    const bs_cuda_api *api = r->l->network->device->api;
    const CUdeviceptr all[] = {r->x, r->y, r->made};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i])
            api->cuMemFree(all[i]);
    free(r->place);
    free(r->equal);
}

bs_status bs_gemm_rehearsal_begin(bs_gemm_rehearsal *r, bs_lane *l, int64_t rows, int64_t width,
                                  int64_t depth, CUdeviceptr w)
{
    int64_t padded = bs_cuda_padded(width), longest = depth > padded ? depth : padded;
    int64_t fit = MOST_BYTES / (longest * (int64_t)sizeof(float));
    *r = (bs_gemm_rehearsal){.l = l, .rows = rows, .width = width, .depth = depth, .w = w};
    if (rows > fit)
        r->rows = fit > FEW_ROWS ? fit : FEW_ROWS;
    BS_TRY(alloc(l, &r->x, r->rows * depth));
    BS_TRY(alloc(l, &r->y, r->rows * padded));
    BS_TRY(alloc(l, &r->made, r->rows * padded));
    BS_TRY(bs_calloc(&r->place, (size_t)r->rows, sizeof *r->place, "rows"));
    BS_TRY(bs_calloc(&r->equal, (size_t)r->rows, sizeof *r->equal, "rows"));
    return bs_rehearsal_fill(l, r->x, r->rows * depth);
}

bs_status bs_rehearse_products(const bs_gemm_rehearsal *r, const bs_cuda_gemm *g)
{
    return bs_cuda_gemm_run(r->l, g, r->rows, r->width, r->x, r->w, r->y);
}

bs_status bs_rehearse_part(const bs_gemm_rehearsal *r, const bs_cuda_gemm *g, int64_t rows, int64_t width,
                           bool *exact)
{
    CUdeviceptr x;
    bs_operand whole;
    int n = (int)(rows < r->rows ? rows : r->rows);
    width = width < r->width ? width : r->width;
    for (int i = 0; i < n; i++)
        r->place[i] = (int32_t)((7 * (int64_t)i + 13 * rows) % r->rows);
    BS_TRY(bs_cuda_line_up(r->l, n, n, (bs_view){bs_cuda_pointer(r->x), r->place}, r->depth, &x));
    BS_TRY(bs_cuda_gemm_run(r->l, g, n, width, x, r->w, r->made));
    BS_TRY(bs_cuda_operand(r->l, &whole, n, (bs_view){bs_cuda_pointer(r->y), r->place},
                           bs_cuda_padded(r->width)));
    bs_operand part = {bs_cuda_pointer(r->made), NULL, bs_cuda_padded(width)};
    BS_TRY(bs_cuda_compare_rows(r->l, n, width, part, whole, r->equal));
    for (int i = 0; i < n; i++)
        *exact &= r->equal[i];
    return BS_OK;
}

static bs_status rehearse(const bs_gemm_rehearsal *r, const bs_cuda_gemm *g, bool *exact)
{
    const int64_t most[] = {r->rows / 2 + 1, r->rows - 1, r->rows};
    BS_TRY(bs_rehearse_products(r, g));
    for (size_t i = 0; i < sizeof row_counts / sizeof *row_counts && *exact; i++)
        BS_TRY(bs_rehearse_part(r, g, row_counts[i], r->width, exact));
    for (size_t i = 0; i < sizeof widths / sizeof *widths && *exact; i++)
        BS_TRY(bs_rehearse_part(r, g, FEW_ROWS, widths[i], exact));
    for (size_t i = 0; i < sizeof most / sizeof *most && *exact; i++)
        if (most[i] > 0)
            BS_TRY(bs_rehearse_part(r, g, most[i], r->width, exact));
    return BS_OK;
}

bs_status bs_rehearse_gemm(const bs_gemm_rehearsal *r, const bs_cuda_gemm *g, bool *exact)
{
    *exact = true;
    return bs_rehearsal_judge(r->l, rehearse(r, g, exact), exact);
}
