/* Products of matrices. Each element of the result is one chain of multiply-adds: it starts with the bias and
 * takes the terms from first to last. So its bits depend on its row of A, its column of B and its bias, and
 * not on the size of the call, its place in it, or where anything lies in memory. Any NaN is 0x7fc00000.
 *
 * Kernels differ in the size of their tiles, and only one that cannot fuse multiply-adds differs in its
 * results. */
#ifndef BS_CPU_PRODUCT_H
#define BS_CPU_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BS_PRODUCT_MOST_ROWS = 14, BS_PRODUCT_MOST_COLUMNS = 32 }; /* of a kernel's tile */

/* The arguments of a kernel: row r of the tile is start[r][start_at ..] plus the product of a[r][a_at +
 * k * a_step] and b[k][..], and goes to y[r][y_at ..]. */
typedef struct bs_tile {
    int64_t depth, a_at, a_step, start_at, y_at;
    const float *const *a;
    const float *b; /* a part of a panel */
    const float *const *start;
    float *const *y;
} bs_tile;

typedef struct bs_product_kernel {
    const char *name;
    const char *sums; /* how it sums: kernels for which this is equal give the same bits */
    int rows, columns;
    void (*run)(const bs_tile *t);
} bs_product_kernel;

/* Returns kernel number i of those that this processor can run, the fastest first; NULL if there are no more.
 * There is one at least. */
const bs_product_kernel *bs_product_kernel_at(int i);

/* B is packed into panels of as many columns as the kernel's tiles have, padded with zeros. */
static inline size_t bs_product_packed_bytes(const bs_product_kernel *k, int64_t depth, int64_t columns)
{
    return (size_t)((columns + k->columns - 1) / k->columns * k->columns * depth) * sizeof(float);
}
/* Packs B; element (i, c) is b[i * step_i + c * step_c]. */
void bs_product_pack(const bs_product_kernel *k, int64_t depth, int64_t columns, const float *b,
                     int64_t step_i, int64_t step_c, float *packed);

typedef struct bs_product {
    const bs_product_kernel *kernel;
    int64_t rows, columns, depth;
    const float *const *a; /* row r, element k: a[r][k * a_step] */
    int64_t a_step;
    const float *b;    /* packed */
    const float *bias; /* by column; NULL: zeros */
    float *const *y;   /* row r, column c: y[r][c * y_step] */
    int64_t y_step;
} bs_product;

void bs_product_run(const bs_product *p);

#endif
