/* The inner loop of products (product.h), for one instruction set. product_kernels.c includes this once for
 * each, after defining
 *   TILE                    the function's name
 *   TARGET                  its attributes
 *   LANES                   floats in a vector
 *   ROWS                    rows of the tile; it has two vectors of columns
 *   MULTIPLY_ADD(a, b, c)   a * b + c of vectors
 * All sums stay in registers. */
#define VECTOR           TILE_NAME(TILE, _vector)
#define MASK             TILE_NAME(TILE, _mask)
#define TILE_NAME(a, b)  TILE_PASTE(a, b)
#define TILE_PASTE(a, b) a##b
#define ANYWHERE         TILE_NAME(TILE, _anywhere)
#define LOAD(at)         (*(const ANYWHERE *)(at))

typedef float VECTOR __attribute__((vector_size(4 * LANES)));
typedef float ANYWHERE __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t MASK __attribute__((vector_size(4 * LANES)));

TARGET static void TILE(const bs_tile *t)
{
    VECTOR sum[ROWS][2];
    const float *row[ROWS], *b = t->b;
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; r++) {
        row[r] = t->a[r] + t->a_at;
        sum[r][0] = LOAD(t->start[r] + t->start_at);
        sum[r][1] = LOAD(t->start[r] + t->start_at + LANES);
    }
    const int64_t step = t->a_step, end = t->depth * step;
    for (int64_t k = 0; k < end; k += step, b += 2 * LANES) {
        const VECTOR b0 = LOAD(b), b1 = LOAD(b + LANES);
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; r++) {
            const VECTOR a = row[r][k] - (VECTOR){0};
            sum[r][0] = MULTIPLY_ADD(a, b0, sum[r][0]);
            sum[r][1] = MULTIPLY_ADD(a, b1, sum[r][1]);
        }
    }
    const MASK nan = (MASK){0} + 0x7fc00000;
    float *const *y = t->y;
    const int64_t y_at = t->y_at;
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < 2; v++) {
            const VECTOR s = sum[r][v];
            const MASK number = s == s;
            *(ANYWHERE *)(y[r] + y_at + v * LANES) = (VECTOR)(((MASK)s & number) | (nan & ~number));
        }
}

#undef TILE
#undef TARGET
#undef LANES
#undef ROWS
#undef MULTIPLY_ADD
#undef VECTOR
#undef MASK
#undef TILE_NAME
#undef TILE_PASTE
#undef ANYWHERE
#undef LOAD
