/* Lists the algorithms of cuBLASLt that may be tried for products of rows with filters, in the order in which
 * they are tried.
 *
 * Left out are those that split sums, use tensor cores unless asked to, or refuse one of a few numbers of
 * rows and of filters. Of the others, the heuristics of cuBLASLt name few, and not the best: for 256 rows on
 * an H200 three for each of five inner products, while the fastest of its whole list does 1.3 to 1.8 times as
 * much as the best of those (tests/gpu/h200-products.md). With sums that may not be split, large tiles are
 * few and leave a card idle, and small tiles load each operand often. So the tile decides, see
 * expected_rate(). If no tile is known, the heuristics' proposals are used, first those that keep (nearly) as
 * much of the card busy as any of them, by the library's count of waves; at last everything else. At most
 * MOST are collected.
 *
 * All of that depends on sizes, card and library alone. Measured times are not used: they could select
 * another algorithm in the next run, or on the next card, and so change the bits of golden runs, on which a
 * campaign and all its shards must agree. */
#include "cuda/gemm.h"
#include "cuda/selection.h"

#include <string.h>

enum { PROPOSALS = 32, MOST = 256 };

typedef struct candidate {
    cublasLtMatmulAlgo_t algo;
    float busy;  /* share of the card, at most 1 */
    double rate; /* see expected_rate() */
} candidate;

typedef struct search {
    const bs_device *d;
    bs_dtype type;
    int64_t rows, width, depth;
    candidate found[MOST];
    int n;
} search;

/* --- what is admitted --- */

/* Returns how sums may be computed. */
static uint64_t admitted(bs_dtype type)
{
    const uint64_t sums = CUBLASLT_NUMERICAL_IMPL_FLAGS_FMA | CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_32F;
    if (type == BS_DTYPE_FP32)
        return sums | CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_32F;
    return sums | CUBLASLT_NUMERICAL_IMPL_FLAGS_HMMA |
           (type == BS_DTYPE_FP16 ? CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_16F
                                  : CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_16BF);
}

/* Returns true if the algorithm supports these sizes. *waves: how often it then fills the card. */
static bool serves(const search *s, const cublasLtMatmulAlgo_t *algo, int64_t rows, int64_t width,
                   float *waves)
{
    const bs_device *d = s->d;
    bs_gemm_call c;
    cublasLtMatmulHeuristicResult_t result;
    bool good = bs_gemm_call_begin(&c, d, s->type, rows, width, s->depth) == BS_OK &&
                d->api->cublasLtMatmulAlgoCheck(d->card->blas, c.desc, c.filters, c.rows, c.products,
                                                c.products, algo, &result) == CUBLAS_STATUS_SUCCESS &&
                result.workspaceSize <= BS_GEMM_WORKSPACE;
    bs_gemm_call_end(&c);
    if (good && waves)
        *waves = result.wavesCount;
    return good;
}

/* Returns a number of an algorithm's configuration, 0 if it has none. */
static uint32_t setting(const bs_device *d, const cublasLtMatmulAlgo_t *algo,
                        cublasLtMatmulAlgoConfigAttributes_t which)
{
    uint32_t v = 0;
    size_t written;
    return d->api->cublasLtMatmulAlgoConfigGetAttribute(algo, which, &v, sizeof v, &written) ==
                   CUBLAS_STATUS_SUCCESS
               ? v
               : 0;
}

/* Returns true if the algorithm splits the sum, which would make it depend on how much else there is to
 * do. */
static bool splits(const bs_device *d, const cublasLtMatmulAlgo_t *algo)
{
    return setting(d, algo, CUBLASLT_ALGO_CONFIG_SPLITK_NUM) > 1 ||
           setting(d, algo, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME) != CUBLASLT_REDUCTION_SCHEME_NONE;
}

/* Returns the share of the card's arithmetic that the algorithm should reach, to compare algorithms by; 0:
 * not known. A multiprocessor computes one tile after the other, so one factor is the share of the places in
 * all rounds of tiles that hold products asked for. The other: of the time for a tile of m x n sums, h / (h +
 * 20) is arithmetic, h = 2 m n / (m + n), the rest the loading of m + n numbers for every m * n products. 20
 * fits what an H200 does with tiles of 32 x 64 to 128 x 256. */
static double expected_rate(const search *s, const cublasLtMatmulAlgo_t *algo)
{
    /* The tiles that cublasLt.h names and that hold at least as much as 16 x 16. */
#define TILE(filters, rows)                                                                                  \
    {                                                                                                        \
        CUBLASLT_MATMUL_TILE_##filters##x##rows, filters, rows                                               \
    }
    static const struct {
        uint32_t id;
        int64_t filters, rows;
    } tiles[] = {
        TILE(16, 16),   TILE(16, 32),   TILE(32, 16),  TILE(32, 32),   TILE(32, 64),   TILE(64, 32),
        TILE(32, 128),  TILE(64, 64),   TILE(128, 32), TILE(64, 128),  TILE(128, 64),  TILE(64, 256),
        TILE(128, 128), TILE(256, 64),  TILE(64, 512), TILE(128, 256), TILE(256, 128), TILE(512, 64),
        TILE(64, 96),   TILE(96, 64),   TILE(96, 128), TILE(128, 96),  TILE(128, 160), TILE(160, 128),
        TILE(192, 128), TILE(128, 192), TILE(32, 256), TILE(256, 32),
    };
#undef TILE
    const double loading = 20;
    int64_t places = s->d->card->multiprocessors;
    uint32_t id = setting(s->d, algo, CUBLASLT_ALGO_CONFIG_TILE_ID);
    for (size_t k = 0; k < sizeof tiles / sizeof *tiles && places > 0; k++) {
        if (tiles[k].id != id)
            continue;
        int64_t m = tiles[k].filters, n = tiles[k].rows;
        int64_t count = (s->width + m - 1) / m * ((s->rows + n - 1) / n);
        double made = (double)((count + places - 1) / places * places * m * n);
        double h = 2.0 * (double)(m * n) / (double)(m + n);
        return (double)(s->width * s->rows) / made * h / (h + loading);
    }
    return 0;
}

/* Returns true if the algorithm supports a few numbers of rows and of filters, which stand for all. 4 *
 * s->rows is more than is computed at once (see bs_cuda_gemm.rows), but asking for less could admit others,
 * and so change the bits of golden runs. */
static bool serves_all(const search *s, const cublasLtMatmulAlgo_t *algo, float *waves)
{
    return !splits(s->d, algo) && serves(s, algo, s->rows, s->width, waves) &&
           serves(s, algo, 1, s->width, NULL) && serves(s, algo, 9, s->width, NULL) &&
           serves(s, algo, 4 * s->rows, s->width, NULL) && serves(s, algo, s->rows, 1, NULL) &&
           serves(s, algo, s->rows, 32, NULL);
}

bool bs_cuda_gemm_serves(const bs_device *d, const bs_cuda_gemm *g)
{
    const search s = {.d = d, .type = g->type, .rows = g->rows, .width = g->width, .depth = g->depth};
    return g->rows > 0 && serves_all(&s, &g->algo, NULL);
}

static void consider(search *s, const cublasLtMatmulAlgo_t *algo)
{
    float waves = 0;
    if (!serves_all(s, algo, &waves))
        return;
    s->found[s->n++] = (candidate){*algo, waves < 1 ? waves : 1, expected_rate(s, algo)};
}

/* Takes those that keep nearly as much of the card busy as the best does, then the others. */
static int take(const search *s, cublasLtMatmulAlgo_t *out, int most)
{
    float best = 0;
    int n = 0;
    for (int i = 0; i < s->n; i++)
        best = s->found[i].busy > best ? s->found[i].busy : best;
    for (int late = 0; late < 2; late++)
        for (int i = 0; i < s->n && n < most; i++)
            if ((s->found[i].busy < 0.9f * best) == late)
                out[n++] = s->found[i].algo;
    return n;
}

/* Returns true if a is to be tried before b. The library numbers algorithms in the order in which they were
 * added; the later of two with the same tile does up to 1.7 times as much on an H200. Then tiles that are
 * wide in rows come first. */
static bool comes_first(const search *s, const candidate *a, const candidate *b)
{
    const cublasLtMatmulAlgoConfigAttributes_t order[] = {CUBLASLT_ALGO_CONFIG_ID,
                                                          CUBLASLT_ALGO_CONFIG_TILE_ID};
    if (a->rate != b->rate)
        return a->rate > b->rate;
    uint32_t ia = setting(s->d, &a->algo, order[0]), ib = setting(s->d, &b->algo, order[0]);
    if (ia != ib)
        return ia > ib;
    return setting(s->d, &a->algo, order[1]) < setting(s->d, &b->algo, order[1]);
}

/* Takes those with a known tile, the fastest first. */
static int take_fastest(search *s, cublasLtMatmulAlgo_t *out, int most)
{
    int n = 0;
    for (int i = 1; i < s->n; i++) { /* equals keep the library's order */
        candidate c = s->found[i];
        int at = i;
        for (; at > 0 && comes_first(s, &c, &s->found[at - 1]); at--)
            s->found[at] = s->found[at - 1];
        s->found[at] = c;
    }
    for (; n < s->n && n < most && s->found[n].rate > 0; n++)
        out[n] = s->found[n].algo;
    return n;
}

/* --- proposals of the heuristics --- */

static bs_status prefer(const bs_device *d, bs_dtype type, cublasLtMatmulPreference_t p)
{
    const uint64_t how = admitted(type);
    const bs_cuda_api *api = d->api;
    const char *what = "cublasLtMatmulPreferenceSetAttribute";
    size_t workspace = BS_GEMM_WORKSPACE;
    uint32_t schemes = CUBLASLT_REDUCTION_SCHEME_NONE;
    BS_TRY(bs_cuda_check_blas(api,
                              api->cublasLtMatmulPreferenceSetAttribute(
                                  p, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace),
                              what));
    BS_TRY(bs_cuda_check_blas(api,
                              api->cublasLtMatmulPreferenceSetAttribute(
                                  p, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &schemes, sizeof schemes),
                              what));
    if (d->options.tf32)
        return BS_OK;
    return bs_cuda_check_blas(
        api, api->cublasLtMatmulPreferenceSetAttribute(p, CUBLASLT_MATMUL_PREF_IMPL_MASK, &how, sizeof how),
        what);
}

static bs_status propose(search *s, int *proposed)
{
    const bs_cuda_api *api = s->d->api;
    cublasLtMatmulHeuristicResult_t result[PROPOSALS];
    cublasLtMatmulPreference_t preference = NULL;
    bs_gemm_call c;
    bs_status st;
    BS_TRY_GOTO(bs_gemm_call_begin(&c, s->d, s->type, s->rows, s->width, s->depth), out);
    BS_TRY_GOTO(bs_cuda_check_blas(api, api->cublasLtMatmulPreferenceCreate(&preference),
                                   "cublasLtMatmulPreferenceCreate"),
                out);
    BS_TRY_GOTO(prefer(s->d, s->type, preference), out);
    cublasStatus_t r =
        api->cublasLtMatmulAlgoGetHeuristic(s->d->card->blas, c.desc, c.filters, c.rows, c.products,
                                            c.products, preference, PROPOSALS, result, proposed);
    if (r != CUBLAS_STATUS_NOT_SUPPORTED)
        BS_TRY_GOTO(bs_cuda_check_blas(api, r, "cublasLtMatmulAlgoGetHeuristic"), out);
    for (int i = 0; i < *proposed && s->n < MOST; i++)
        if (result[i].state == CUBLAS_STATUS_SUCCESS)
            consider(s, &result[i].algo);
out:
    if (preference)
        api->cublasLtMatmulPreferenceDestroy(preference);
    bs_gemm_call_end(&c);
    return st;
}

/* --- all other algorithms --- */

static uint64_t capability(const bs_cuda_api *api, const cublasLtMatmulAlgo_t *algo,
                           cublasLtMatmulAlgoCapAttributes_t which, size_t bytes)
{
    uint64_t v = 0;
    size_t written;
    if (api->cublasLtMatmulAlgoCapGetAttribute(algo, which, &v, bytes, &written) != CUBLAS_STATUS_SUCCESS)
        v = 0;
    return v;
}

/* Lists the values of a setting; there is always one, with 0 for none. */
static int list(const bs_cuda_api *api, const cublasLtMatmulAlgo_t *algo,
                cublasLtMatmulAlgoCapAttributes_t which, uint32_t *out, size_t most)
{
    size_t bytes = 0;
    out[0] = 0;
    if (api->cublasLtMatmulAlgoCapGetAttribute(algo, which, NULL, 0, &bytes) != CUBLAS_STATUS_SUCCESS ||
        bytes == 0 || bytes > most * sizeof *out ||
        api->cublasLtMatmulAlgoCapGetAttribute(algo, which, out, bytes, &bytes) != CUBLAS_STATUS_SUCCESS)
        return 1;
    return (int)(bytes / sizeof *out);
}

static bool set(const bs_cuda_api *api, cublasLtMatmulAlgo_t *algo,
                cublasLtMatmulAlgoConfigAttributes_t which, uint32_t v)
{
    return api->cublasLtMatmulAlgoConfigSetAttribute(algo, which, &v, sizeof v) == CUBLAS_STATUS_SUCCESS;
}

/* Considers the settings of an algorithm while there is room, large tiles first: these mostly come last in
 * its list. */
static void consider_settings(search *s, cublasLtMatmulAlgo_t *algo)
{
    enum { ROOM = 1024, OPTIONS = 32 };
    const bs_cuda_api *api = s->d->api;
    uint32_t tile[ROOM], stages[ROOM];
    int tiles = list(api, algo, CUBLASLT_ALGO_CAP_TILE_IDS, tile, ROOM),
        n_stages = list(api, algo, CUBLASLT_ALGO_CAP_STAGES_IDS, stages, ROOM);
    uint32_t options = (uint32_t)capability(api, algo, CUBLASLT_ALGO_CAP_CUSTOM_OPTION_MAX, sizeof(int32_t)),
             swizzles =
                 (uint32_t)capability(api, algo, CUBLASLT_ALGO_CAP_CTA_SWIZZLING_SUPPORT, sizeof(uint32_t));
    for (int t = tiles - 1; t >= 0 && s->n < MOST; t--)
        for (int g = n_stages - 1; g >= 0 && s->n < MOST; g--)
            for (uint32_t option = 0; option <= options && option < OPTIONS && s->n < MOST; option++)
                for (uint32_t swizzle = 0; swizzle <= (swizzles > 0) && s->n < MOST; swizzle++)
                    if (set(api, algo, CUBLASLT_ALGO_CONFIG_TILE_ID, tile[t]) &&
                        set(api, algo, CUBLASLT_ALGO_CONFIG_STAGES_ID, stages[g]) &&
                        set(api, algo, CUBLASLT_ALGO_CONFIG_CUSTOM_OPTION, option) &&
                        set(api, algo, CUBLASLT_ALGO_CONFIG_CTA_SWIZZLING, swizzle))
                        consider(s, algo);
}

static bs_status consider_all(search *s)
{
    enum { IDS = 256 };
    const bs_cuda_api *api = s->d->api;
    const cublasComputeType_t type = bs_gemm_type(s->d);
    const cudaDataType_t f = CUDA_R_32F, in = bs_gemm_data(s->type);
    cublasLtHandle_t blas = s->d->card->blas;
    int id[IDS], n = 0;
    cublasStatus_t r = api->cublasLtMatmulAlgoGetIds(blas, type, f, in, in, f, f, IDS, id, &n);
    if (r == CUBLAS_STATUS_NOT_SUPPORTED)
        return BS_OK;
    BS_TRY(bs_cuda_check_blas(api, r, "cublasLtMatmulAlgoGetIds"));
    for (int i = 0; i < n && s->n < MOST; i++) {
        cublasLtMatmulAlgo_t algo;
        if (api->cublasLtMatmulAlgoInit(blas, type, f, in, in, f, f, id[i], &algo) != CUBLAS_STATUS_SUCCESS)
            continue;
        uint64_t how = capability(api, &algo, CUBLASLT_ALGO_CAP_NUMERICAL_IMPL_FLAGS, sizeof(uint64_t));
        if (s->d->options.tf32 || (how && !(how & ~admitted(s->type))))
            consider_settings(s, &algo);
    }
    return BS_OK;
}

bs_status bs_cuda_gemm_fastest(cublasLtMatmulAlgo_t *out, int most, int *n, const bs_device *d, bs_dtype type,
                               int64_t rows, int64_t width, int64_t depth)
{
    search s = {.d = d, .type = type, .rows = rows, .width = width, .depth = depth};
    *n = 0;
    if (d->options.tf32 ||
        type != BS_DTYPE_FP32) /* tensor cores load more than they compute, so another rule holds */
        return BS_OK;
    bs_status st = consider_all(&s);
    if (st == BS_ERR) { /* the library does not list its algorithms: use its proposals */
        bs_error_clear();
        return BS_OK;
    }
    BS_TRY(st);
    *n = take_fastest(&s, out, most);
    return BS_OK;
}

bs_status bs_cuda_gemm_enumerate(cublasLtMatmulAlgo_t *out, int most, int *n, const bs_device *d,
                                 bs_dtype type, int64_t rows, int64_t width, int64_t depth)
{
    search s = {.d = d, .type = type, .rows = rows, .width = width, .depth = depth};
    BS_TRY(consider_all(&s));
    *n = take(&s, out, most);
    return BS_OK;
}

bs_status bs_cuda_gemm_algorithms(cublasLtMatmulAlgo_t *out, int most, int *n, int *proposed,
                                  const bs_device *d, bs_dtype type, int64_t rows, int64_t width,
                                  int64_t depth)
{
    search s = {.d = d, .type = type, .rows = rows, .width = width, .depth = depth};
    *n = *proposed = 0;
    BS_TRY(propose(&s, proposed));
    *n = take(&s, out, most);
    return BS_OK;
}
