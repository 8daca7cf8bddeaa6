/* libcublasLt.so of the simulated device: products by several algorithms, one of which is exact. See sim.h.
 */
#include "sim.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

bool bs_sim_fails(const char *name);

/* In the order in which they are offered. */
typedef enum algorithm {
    SPLITTING,   /* says of itself that it splits the sum */
    BY_ROWS,     /* says nothing, but splits it for few rows */
    BY_WIDTH,    /* the same for few filters */
    BY_POSITION, /* the same for the rows of an incomplete tile */
    EXACT,       /* from first to last, always */
    ALGORITHMS
} algorithm;

enum { FEW_ROWS = 64, FEW_FILTERS = 8, TILE = 16 };

static bool offered(algorithm a)
{
    const char *what = getenv("BITSINK_SIM_BLAS");
    return !what || (a == EXACT) == !strcmp(what, "exact");
}

static bool splits(algorithm a, uint64_t width, uint64_t rows, uint64_t row)
{
    return a == SPLITTING || (a == BY_ROWS && rows < FEW_ROWS) || (a == BY_WIDTH && width < FEW_FILTERS) ||
           (a == BY_POSITION && row >= rows / TILE * TILE);
}

typedef struct layout {
    uint64_t rows, columns;
    int64_t ld;
} layout;

size_t cublasLtGetVersion(void)
{
    return CUBLAS_VERSION;
}

const char *cublasLtGetStatusName(cublasStatus_t r)
{
    return r == CUBLAS_STATUS_EXECUTION_FAILED ? "CUBLAS_STATUS_EXECUTION_FAILED" : "CUBLAS_STATUS_SIMULATED";
}

static cublasStatus_t make(const char *name, void *out, size_t bytes)
{
    void *p = bs_sim_fails(name) ? NULL : calloc(1, bytes);
    memcpy(out, &p, sizeof p);
    return p ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t *h)
{
    return make("cublasLtCreate", h, 1);
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *d, cublasComputeType_t type,
                                        cudaDataType_t scale)
{
    (void)type;
    (void)scale;
    return make("cublasLtMatmulDescCreate", d, sizeof(cublasOperation_t));
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t d)
{
    free((void *)d);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t d, cublasLtMatmulDescAttributes_t which,
                                              const void *v, size_t bytes)
{
    if (which != CUBLASLT_MATMUL_DESC_TRANSA || bytes != sizeof(cublasOperation_t))
        return CUBLAS_STATUS_INVALID_VALUE;
    memcpy((void *)d, v, bytes);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *out, cudaDataType type, uint64_t rows,
                                          uint64_t columns, int64_t ld)
{
    (void)type;
    cublasStatus_t r = make("cublasLtMatrixLayoutCreate", out, sizeof(layout));
    if (r == CUBLAS_STATUS_SUCCESS)
        memcpy((void *)*out, &(layout){rows, columns, ld}, sizeof(layout));
    return r;
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t l)
{
    free((void *)l);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *p)
{
    return make("cublasLtMatmulPreferenceCreate", p, 1);
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t p)
{
    free((void *)p);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t p,
                                                    cublasLtMatmulPreferenceAttributes_t which, const void *v,
                                                    size_t bytes)
{
    (void)p;
    (void)which;
    (void)v;
    (void)bytes;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t h, cublasLtMatmulDesc_t d,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t y,
                                              cublasLtMatmulPreference_t p, int most,
                                              cublasLtMatmulHeuristicResult_t out[], int *n)
{
    (void)h;
    (void)d;
    (void)a;
    (void)b;
    (void)c;
    (void)y;
    (void)p;
    *n = 0;
    for (int i = 0; i < ALGORITHMS && *n < most; i++) {
        if (!offered(i))
            continue;
        memset(&out[*n], 0, sizeof *out);
        out[*n].state = CUBLAS_STATUS_SUCCESS;
        out[(*n)++].algo.data[0] = (uint64_t)i;
    }
    return bs_sim_fails("cublasLtMatmulAlgoGetHeuristic") ? CUBLAS_STATUS_EXECUTION_FAILED
                                                          : CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoConfigGetAttribute(const cublasLtMatmulAlgo_t *algo,
                                                    cublasLtMatmulAlgoConfigAttributes_t which, void *v,
                                                    size_t bytes, size_t *written)
{
    memset(v, 0, bytes);
    if (which == CUBLASLT_ALGO_CONFIG_SPLITK_NUM)
        memcpy(v, &(int32_t){algo->data[0] == SPLITTING ? 2 : 1}, sizeof(int32_t));
    *written = bytes;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoCheck(cublasLtHandle_t h, cublasLtMatmulDesc_t d, cublasLtMatrixLayout_t a,
                                       cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
                                       cublasLtMatrixLayout_t y, const cublasLtMatmulAlgo_t *algo,
                                       cublasLtMatmulHeuristicResult_t *out)
{
    (void)h;
    (void)d;
    (void)a;
    (void)b;
    (void)c;
    (void)y;
    (void)algo;
    memset(out, 0, sizeof *out);
    return CUBLAS_STATUS_SUCCESS;
}

/* Adds up elements from .. to - 1 of the products of `width` filters, at most eight, with a row. */
static void add_up(const float *filters, uint64_t ld, const float *row, uint64_t from, uint64_t to,
                   uint64_t width, float sum[8])
{
    for (uint64_t k = from; k < to; k++)
        for (uint64_t i = 0; i < width; i++)
            sum[i] += filters[i * ld + k] * row[k];
}

/* y (m, n) = a^T (m, k) b (k, n), columns first; eight sums side by side, each from first to last, or in two
 * halves. */
cublasStatus_t cublasLtMatmul(cublasLtHandle_t h, cublasLtMatmulDesc_t d, const void *alpha, const void *a_,
                              cublasLtMatrixLayout_t a_layout, const void *b_,
                              cublasLtMatrixLayout_t b_layout, const void *beta, const void *c,
                              cublasLtMatrixLayout_t c_layout, void *y_, cublasLtMatrixLayout_t y_layout,
                              const cublasLtMatmulAlgo_t *algo, void *workspace, size_t bytes, cudaStream_t s)
{
    layout la, lb, ly;
    const float *a = a_, *b = b_;
    float *y = y_;
    (void)h, (void)d, (void)alpha, (void)beta, (void)c, (void)c_layout, (void)workspace, (void)bytes, (void)s;
    memcpy(&la, (void *)a_layout, sizeof la);
    memcpy(&lb, (void *)b_layout, sizeof lb);
    memcpy(&ly, (void *)y_layout, sizeof ly);
    if (bs_sim_fails("cublasLtMatmul"))
        return CUBLAS_STATUS_EXECUTION_FAILED;
    bool aligned = ((uintptr_t)a | (uintptr_t)b | (uintptr_t)y) % 16 == 0;
    if (!aligned || la.rows != lb.rows || la.columns != ly.rows || lb.columns != ly.columns ||
        ly.ld < (int64_t)ly.rows)
        return CUBLAS_STATUS_INVALID_VALUE;
    for (uint64_t n = 0; n < ly.columns; n++)
        for (uint64_t m = 0; m < ly.rows; m += 8) {
            float sum[8] = {0};
            uint64_t width = ly.rows - m < 8 ? ly.rows - m : 8;
            bool split = splits((algorithm)algo->data[0], ly.rows, ly.columns, n);
            const float *filters = a + m * (uint64_t)la.ld, *row = b + n * (uint64_t)lb.ld;
            float other[8] = {0};
            uint64_t middle = split ? la.rows / 2 : la.rows;
            add_up(filters, (uint64_t)la.ld, row, 0, middle, width, sum);
            add_up(filters, (uint64_t)la.ld, row, middle, la.rows, width, other);
            for (uint64_t i = 0; split && i < width; i++)
                sum[i] += other[i];
            memcpy(y + n * (uint64_t)ly.ld + m, sum, width * sizeof *sum);
        }
    return CUBLAS_STATUS_SUCCESS;
}
