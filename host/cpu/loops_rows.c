#include "cpu/loops.h"
#include "ops.h"

enum { TILE_M = 4, TILE_N = 64 };

/* Keeps its sums in `sum` over the whole depth. Which elements share a tile does not change any of them. */
static inline void tile(int64_t m, int64_t n, int64_t depth, const float *restrict a, const float *restrict b,
                        int64_t columns, float *restrict y)
{
    float sum[TILE_M][TILE_N] = {{0}};
    for (int64_t k = 0; k < depth; k++)
        for (int64_t r = 0; r < m; r++)
            for (int64_t c = 0; c < n; c++)
                sum[r][c] += a[r * depth + k] * b[k * columns + c];
    for (int64_t r = 0; r < m; r++)
        for (int64_t c = 0; c < n; c++)
            y[r * columns + c] = bs_quiet(sum[r][c]);
}

BS_CLONES void bs_loop_matmul(int64_t m, int64_t n, int64_t depth, const float *a, const float *b, float *y)
{
    for (int64_t c = 0; c < n; c += TILE_N)
        for (int64_t r = 0; r < m; r += TILE_M) {
            int64_t rows = m - r < TILE_M ? m - r : TILE_M, columns = n - c < TILE_N ? n - c : TILE_N;
            if (rows == TILE_M && columns == TILE_N)
                tile(TILE_M, TILE_N, depth, a + r * depth, b + c, n, y + r * n + c);
            else
                tile(rows, columns, depth, a + r * depth, b + c, n, y + r * n + c);
        }
}
