/* Products of rows with filters as the simulated cuBLASLt computes them: from first to last, or in halves. */
#include "sim_blas.h"

#include <stdlib.h>
#include <string.h>

enum { FEW_ROWS = 64, FEW_FILTERS = 8, TILE = 16, MANY_ROWS = 1024 };

bool bs_sim_blas_asked(const char *what)
{
    const char *asked = getenv("BITSINK_SIM_BLAS");
    return asked && !strcmp(asked, what);
}

static bool splits(sim_algorithm a, uint64_t width, uint64_t rows, uint64_t row)
{
    return a == SPLITTING || ((a == BY_ROWS || a == TENSOR) && rows < FEW_ROWS) ||
           (a == BY_WIDTH && width < FEW_FILTERS) || (a == BY_POSITION && row >= rows / TILE * TILE) ||
           (a == EXACT && rows > MANY_ROWS && bs_sim_blas_asked("many"));
}

/* Adds up elements from .. to - 1 of the products of `width` filters, at most eight, with a row. */
static void add_up(bs_cells filters, uint64_t ld, bs_cells row, uint64_t from, uint64_t to, uint64_t width,
                   float sum[8])
{
    for (uint64_t k = from; k < to; k++)
        for (uint64_t i = 0; i < width; i++)
            sum[i] += bs_cell_value(filters, (int64_t)(i * ld + k)) * bs_cell_value(row, (int64_t)k);
}

/* y (m, n) = a^T (m, k) b (k, n), columns first; eight sums side by side, each from first to last, or in two
 * halves. */
void bs_sim_multiply(const void *arg)
{
    const sim_product *p = arg;
    const uint64_t lda = (uint64_t)p->la.ld, depth = p->la.rows;
    bool otherwise = p->otherwise ||
                     (p->ly.columns < FEW_ROWS && p->la.type != BS_DTYPE_FP32 && bs_sim_blas_asked("words"));
    for (uint64_t n = 0; n < p->ly.columns; n++)
        for (uint64_t m = 0; m < p->ly.rows; m += 8) {
            float sum[8] = {0};
            uint64_t width = p->ly.rows - m < 8 ? p->ly.rows - m : 8;
            bool split = otherwise || splits(p->algo, p->ly.rows, p->ly.columns, n);
            bs_cells filters = bs_cells_from((bs_cells){p->a, p->la.type}, (int64_t)(m * lda));
            bs_cells row = bs_cells_from((bs_cells){p->b, p->lb.type}, (int64_t)n * p->lb.ld);
            float other[8] = {0};
            uint64_t middle = split ? depth / 2 : depth;
            add_up(filters, lda, row, 0, middle, width, sum);
            add_up(filters, lda, row, middle, depth, width, other);
            for (uint64_t i = 0; split && i < width; i++)
                sum[i] += other[i];
            memcpy(p->y + n * (uint64_t)p->ly.ld + m, sum, width * sizeof *sum);
        }
}
