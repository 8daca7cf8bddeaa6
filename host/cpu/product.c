#include "cpu/product.h"

#include <string.h>

/* ROW_BLOCK rows of A by DEPTH_BLOCK terms stay in the second-level cache while all panels of B pass by, and
 * a panel's DEPTH_BLOCK terms stay in the first level while those rows do. */
enum { ROW_BLOCK = 126, DEPTH_BLOCK = 384 };

/* Floats that are copied at a time; all panels are multiples of it. */
enum { RUN = 8 };

/* Packs n columns into a panel. */
static void pack_panel(int64_t depth, int width, int n, const float *b, int64_t step_i, int64_t step_c,
                       float *panel)
{
    for (int64_t i = 0; i < depth; i++, b += step_i, panel += width) {
        int c = 0;
        for (; step_c == 1 && c + RUN <= n; c += RUN)
            memcpy(panel + c, b + c, RUN * sizeof *panel);
        for (; c < n; c++)
            panel[c] = b[c * step_c];
        for (; c < width; c++)
            panel[c] = 0.0f;
    }
}

void bs_product_pack(const bs_product_kernel *k, int64_t depth, int64_t columns, const float *b,
                     int64_t step_i, int64_t step_c, float *packed)
{
    for (int64_t c = 0; c < columns; c += k->columns) {
        int n = columns - c < k->columns ? (int)(columns - c) : k->columns;
        pack_panel(depth, k->columns, n, b + c * step_c, step_i, step_c, packed + c * depth);
    }
}

/* Runs a tile that sticks out of the result: with its last row again, and the columns through a spare tile.
 */
static void run_edge(const bs_product *p, const bs_tile *whole, bool first, int rows, int columns)
{
    const bs_product_kernel *kernel = p->kernel;
    float spare[BS_PRODUCT_MOST_ROWS][BS_PRODUCT_MOST_COLUMNS] = {{0}};
    const float *a[BS_PRODUCT_MOST_ROWS], *start[BS_PRODUCT_MOST_ROWS];
    float *y[BS_PRODUCT_MOST_ROWS];
    bool direct = columns == kernel->columns && p->y_step == 1;
    for (int r = 0; r < kernel->rows; r++) {
        bool inside = r < rows;
        a[r] = whole->a[inside ? r : rows - 1];
        y[r] = direct && inside ? whole->y[r] + whole->y_at : spare[r];
        start[r] = first ? whole->start[r] : y[r];
        for (int c = 0; c < columns && !first && !direct && inside; c++)
            spare[r][c] = whole->y[r][whole->y_at + c * p->y_step];
    }
    bs_tile t = *whole;
    t.a = a;
    t.start = start;
    t.y = y;
    t.start_at = t.y_at = 0;
    kernel->run(&t);
    for (int r = 0; r < rows && !direct; r++)
        for (int c = 0; c < columns; c++)
            whole->y[r][whole->y_at + c * p->y_step] = spare[r][c];
}

/* Adds terms k .. k + depth - 1 to rows first .. last - 1 of the panel of columns that begins with c. */
static void run_panel(const bs_product *p, int64_t first, int64_t last, int64_t c, int64_t k, int64_t depth)
{
    const bs_product_kernel *kernel = p->kernel;
    float bias[BS_PRODUCT_MOST_COLUMNS] = {0};
    const float *start[BS_PRODUCT_MOST_ROWS];
    int columns = p->columns - c < kernel->columns ? (int)(p->columns - c) : kernel->columns;
    if (p->bias)
        memcpy(bias, p->bias + c, (size_t)columns * sizeof *bias);
    for (int r = 0; r < kernel->rows; r++)
        start[r] = bias;
    bs_tile t = {.depth = depth,
                 .a_at = k * p->a_step,
                 .a_step = p->a_step,
                 .start_at = k == 0 ? 0 : c * p->y_step,
                 .y_at = c * p->y_step,
                 .b = p->b + c * p->depth + k * kernel->columns};
    for (int64_t r = first; r < last; r += kernel->rows) {
        int rows = last - r < kernel->rows ? (int)(last - r) : kernel->rows;
        t.a = p->a + r;
        t.y = p->y + r;
        t.start = k == 0 ? start : (const float *const *)t.y;
        if (rows == kernel->rows && columns == kernel->columns && p->y_step == 1)
            kernel->run(&t);
        else
            run_edge(p, &t, k == 0, rows, columns);
    }
}

void bs_product_run(const bs_product *p)
{
    for (int64_t first = 0; first < p->rows; first += ROW_BLOCK) {
        int64_t last = p->rows - first < ROW_BLOCK ? p->rows : first + ROW_BLOCK;
        for (int64_t k = 0; k < p->depth; k += DEPTH_BLOCK) {
            int64_t depth = p->depth - k < DEPTH_BLOCK ? p->depth - k : DEPTH_BLOCK;
            for (int64_t c = 0; c < p->columns; c += p->kernel->columns)
                run_panel(p, first, last, c, k, depth);
        }
    }
}
