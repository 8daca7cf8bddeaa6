/* libcublasLt.so of the simulated device: offers several algorithms, one of them exact. See sim.h. */
#include "sim_blas.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* --- algorithms and their settings: data[0] is the algorithm, data[1] the settings, data[2] the type of its
 * operands if it was listed for one --- */

typedef struct settings {
    uint16_t tile, stages;
    uint8_t option, swizzle, split;
} settings;

static const uint32_t tiles[] = {CUBLASLT_MATMUL_TILE_64x64, CUBLASLT_MATMUL_TILE_128x128},
                      stages[] = {CUBLASLT_MATMUL_STAGES_8x3, CUBLASLT_MATMUL_STAGES_8x4};
/* The settings of all algorithms, and the only one of each that they work with; the large tile leaves most of
 * the device idle. */
enum { OPTION = 2, STAGES = CUBLASLT_MATMUL_STAGES_8x3 };

static settings read_settings(const cublasLtMatmulAlgo_t *algo)
{
    settings s;
    memcpy(&s, &algo->data[1], sizeof s);
    return s;
}

static void write_settings(cublasLtMatmulAlgo_t *algo, settings s)
{
    memcpy(&algo->data[1], &s, sizeof s);
}

static bool works(const cublasLtMatmulAlgo_t *algo)
{
    settings s = read_settings(algo);
    return (s.tile == tiles[0] || s.tile == tiles[1]) && s.stages == STAGES && s.option == OPTION &&
           s.swizzle == 1;
}

static float waves(const cublasLtMatmulAlgo_t *algo)
{
    return read_settings(algo).tile == tiles[0] ? 2.0f : 0.25f;
}

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
    cublasStatus_t r = make("cublasLtCreate", h, sizeof(int));
    if (r == CUBLAS_STATUS_SUCCESS)
        memcpy((void *)*h, &(int){bs_sim_device()}, sizeof(int));
    return r;
}

static void check_handle(cublasLtHandle_t h)
{
    int device;
    memcpy(&device, (const void *)h, sizeof device);
    bs_sim_check_owner(device, "a handle of cuBLASLt");
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *d, cublasComputeType_t type,
                                        cudaDataType_t scale)
{
    if (scale != CUDA_R_32F || (type != CUBLAS_COMPUTE_32F && type != CUBLAS_COMPUTE_32F_FAST_TF32))
        return CUBLAS_STATUS_NOT_SUPPORTED;
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
    bs_dtype of = type == CUDA_R_16F ? BS_DTYPE_FP16 : type == CUDA_R_16BF ? BS_DTYPE_BF16 : BS_DTYPE_FP32;
    if (of == BS_DTYPE_FP32 && type != CUDA_R_32F)
        return CUBLAS_STATUS_NOT_SUPPORTED;
    cublasStatus_t r = make("cublasLtMatrixLayoutCreate", out, sizeof(sim_layout));
    if (r == CUBLAS_STATUS_SUCCESS)
        memcpy((void *)*out, &(sim_layout){rows, columns, ld, of}, sizeof(sim_layout));
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

/* The exact one twice, with the large tile first. */
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t h, cublasLtMatmulDesc_t d,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t y,
                                              cublasLtMatmulPreference_t p, int most,
                                              cublasLtMatmulHeuristicResult_t out[], int *n)
{
    (void)h, (void)d, (void)a, (void)b, (void)c, (void)y, (void)p;
    *n = 0;
    if (bs_sim_fails("cublasLtMatmulAlgoGetHeuristic"))
        return CUBLAS_STATUS_EXECUTION_FAILED;
    if (bs_sim_blas_asked("silent"))
        return CUBLAS_STATUS_NOT_SUPPORTED;
    for (int i = 0; i <= ALGORITHMS && *n < most; i++) {
        bool is_exact = i >= EXACT;
        if (i == TENSOR || (is_exact ? bs_sim_blas_asked("inexact") || bs_sim_blas_asked("hidden")
                                     : bs_sim_blas_asked("exact") || bs_sim_blas_asked("many")))
            continue;
        cublasLtMatmulHeuristicResult_t *r = &out[(*n)++];
        memset(r, 0, sizeof *r);
        r->state = CUBLAS_STATUS_SUCCESS;
        r->algo.data[0] = (uint64_t)(is_exact ? EXACT : i);
        write_settings(&r->algo, (settings){.tile = (uint16_t)tiles[i == EXACT],
                                            .stages = STAGES,
                                            .option = OPTION,
                                            .swizzle = 1,
                                            .split = i == SPLITTING ? 2 : 1});
        r->wavesCount = waves(&r->algo);
    }
    return CUBLAS_STATUS_SUCCESS;
}

/* Returns true if the library multiplies such types: both operands of one, sums and results of floats. */
static bool listed(cublasComputeType_t type, cudaDataType_t scale, cudaDataType_t a, cudaDataType_t b,
                   cudaDataType_t c, cudaDataType_t y)
{
    bool known = a == CUDA_R_32F || a == CUDA_R_16F || a == CUDA_R_16BF;
    return known && a == b && c == CUDA_R_32F && y == c && scale == c &&
           (type == CUBLAS_COMPUTE_32F || (type == CUBLAS_COMPUTE_32F_FAST_TF32 && a == CUDA_R_32F));
}

cublasStatus_t cublasLtMatmulAlgoGetIds(cublasLtHandle_t h, cublasComputeType_t type, cudaDataType_t scale,
                                        cudaDataType_t a, cudaDataType_t b, cudaDataType_t c,
                                        cudaDataType_t y, int most, int id[], int *n)
{
    (void)h;
    *n = 0;
    if (most <= 0 || !listed(type, scale, a, b, c, y))
        return CUBLAS_STATUS_INVALID_VALUE;
    for (int i = BY_ROWS; i < ALGORITHMS && *n < most; i++)
        if (i != EXACT || !bs_sim_blas_asked("inexact"))
            id[(*n)++] = i;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoInit(cublasLtHandle_t h, cublasComputeType_t type, cudaDataType_t scale,
                                      cudaDataType_t a, cudaDataType_t b, cudaDataType_t c, cudaDataType_t y,
                                      int id, cublasLtMatmulAlgo_t *algo)
{
    (void)h;
    if (id < 0 || id >= ALGORITHMS || !listed(type, scale, a, b, c, y))
        return CUBLAS_STATUS_INVALID_VALUE;
    memset(algo, 0, sizeof *algo);
    algo->data[0] = (uint64_t)id;
    algo->data[2] = a;
    write_settings(algo, (settings){.split = 1});
    return CUBLAS_STATUS_SUCCESS;
}

/* Writes what is there if there is room for just that, or tells how much it is. */
static cublasStatus_t give(void *to, size_t bytes, size_t *written, const void *from, size_t size)
{
    if ((bytes == 0 && !written) || (bytes > 0 && (!to || bytes != size)))
        return CUBLAS_STATUS_INVALID_VALUE;
    if (bytes > 0)
        memcpy(to, from, size);
    if (written)
        *written = size;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoCapGetAttribute(const cublasLtMatmulAlgo_t *algo,
                                                 cublasLtMatmulAlgoCapAttributes_t which, void *v,
                                                 size_t bytes, size_t *written)
{
    const int32_t option = OPTION + 1;
    const uint32_t swizzle = 1;
    const bool tf32 = algo->data[0] == TENSOR, floats = algo->data[2] == CUDA_R_32F;
    const uint64_t how =
        CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_32F |
        (floats && !tf32 ? CUBLASLT_NUMERICAL_IMPL_FLAGS_FMA : CUBLASLT_NUMERICAL_IMPL_FLAGS_HMMA) |
        (algo->data[2] == CUDA_R_16F    ? CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_16F
         : algo->data[2] == CUDA_R_16BF ? CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_16BF
         : tf32                         ? CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_TF32
                                        : CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_32F);
    switch ((int)which) {
    case CUBLASLT_ALGO_CAP_TILE_IDS:
        return give(v, bytes, written, tiles, sizeof tiles);
    case CUBLASLT_ALGO_CAP_STAGES_IDS:
        return give(v, bytes, written, stages, sizeof stages);
    case CUBLASLT_ALGO_CAP_CUSTOM_OPTION_MAX:
        return give(v, bytes, written, &option, sizeof option);
    case CUBLASLT_ALGO_CAP_CTA_SWIZZLING_SUPPORT:
        return give(v, bytes, written, &swizzle, sizeof swizzle);
    case CUBLASLT_ALGO_CAP_NUMERICAL_IMPL_FLAGS:
        return give(v, bytes, written, &how, sizeof how);
    default:
        return CUBLAS_STATUS_INVALID_VALUE;
    }
}

cublasStatus_t cublasLtMatmulAlgoConfigGetAttribute(const cublasLtMatmulAlgo_t *algo,
                                                    cublasLtMatmulAlgoConfigAttributes_t which, void *v,
                                                    size_t bytes, size_t *written)
{
    const int32_t split = read_settings(algo).split;
    const uint32_t scheme = CUBLASLT_REDUCTION_SCHEME_NONE, tile = read_settings(algo).tile;
    if (which == CUBLASLT_ALGO_CONFIG_TILE_ID)
        return give(v, bytes, written, &tile, sizeof tile);
    if (which == CUBLASLT_ALGO_CONFIG_SPLITK_NUM)
        return give(v, bytes, written, &split, sizeof split);
    if (which == CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME)
        return give(v, bytes, written, &scheme, sizeof scheme);
    return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatmulAlgoConfigSetAttribute(cublasLtMatmulAlgo_t *algo,
                                                    cublasLtMatmulAlgoConfigAttributes_t which, const void *v,
                                                    size_t bytes)
{
    settings s = read_settings(algo);
    uint32_t value;
    if (!v || bytes != sizeof value)
        return CUBLAS_STATUS_INVALID_VALUE;
    memcpy(&value, v, sizeof value);
    switch ((int)which) {
    case CUBLASLT_ALGO_CONFIG_TILE_ID:
        s.tile = (uint16_t)value;
        break;
    case CUBLASLT_ALGO_CONFIG_STAGES_ID:
        s.stages = (uint16_t)value;
        break;
    case CUBLASLT_ALGO_CONFIG_CUSTOM_OPTION:
        s.option = (uint8_t)value;
        break;
    case CUBLASLT_ALGO_CONFIG_CTA_SWIZZLING:
        s.swizzle = (uint8_t)value;
        break;
    default:
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    write_settings(algo, s);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoCheck(cublasLtHandle_t h, cublasLtMatmulDesc_t d, cublasLtMatrixLayout_t a,
                                       cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
                                       cublasLtMatrixLayout_t y, const cublasLtMatmulAlgo_t *algo,
                                       cublasLtMatmulHeuristicResult_t *out)
{
    (void)h, (void)d, (void)a, (void)b, (void)c, (void)y;
    memset(out, 0, sizeof *out);
    out->wavesCount = waves(algo);
    return works(algo) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t h, cublasLtMatmulDesc_t d, const void *alpha, const void *a,
                              cublasLtMatrixLayout_t a_layout, const void *b, cublasLtMatrixLayout_t b_layout,
                              const void *beta, const void *c, cublasLtMatrixLayout_t c_layout, void *y,
                              cublasLtMatrixLayout_t y_layout, const cublasLtMatmulAlgo_t *algo,
                              void *workspace, size_t bytes, cudaStream_t s)
{
    check_handle(h);
    sim_product p = {.a = a,
                     .b = b,
                     .y = y,
                     .algo = (sim_algorithm)algo->data[0],
                     .otherwise = bs_sim_computes_otherwise()};
    (void)d, (void)alpha, (void)beta, (void)c, (void)c_layout, (void)workspace, (void)bytes;
    memcpy(&p.la, (void *)a_layout, sizeof p.la);
    memcpy(&p.lb, (void *)b_layout, sizeof p.lb);
    memcpy(&p.ly, (void *)y_layout, sizeof p.ly);
    if (bs_sim_fails("cublasLtMatmul"))
        return CUBLAS_STATUS_EXECUTION_FAILED;
    bool aligned = ((uintptr_t)a | (uintptr_t)b | (uintptr_t)y) % 256 == 0;
    if (!works(algo))
        return CUBLAS_STATUS_NOT_SUPPORTED;
    if (!aligned || p.la.rows != p.lb.rows || p.la.columns != p.ly.rows || p.lb.columns != p.ly.columns ||
        p.ly.ld < (int64_t)p.ly.rows || p.la.type != p.lb.type || p.ly.type != BS_DTYPE_FP32)
        return CUBLAS_STATUS_INVALID_VALUE;
    double rows = (double)p.ly.columns, width = (double)p.ly.rows, depth = (double)p.la.rows;
    if (bs_sim_counts())
        bs_sim_count_product(s, "cublasLtMatmul", rows, width, depth,
                             4 * rows * width + (double)bs_row_size(p.la.type, 1) * depth * (rows + width));
    else
        bs_sim_enqueue(s, "cublasLtMatmul", bs_sim_multiply, &p, sizeof p);
    return CUBLAS_STATUS_SUCCESS;
}
