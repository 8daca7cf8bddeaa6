/* Copies of loop spaces: contiguous runs as they are, transpositions by blocks. */
#include "cpu/layout.h"

#include <string.h>

/* BLOCK: of the lines that a block of a transposition takes in either array, the cache holds all, however far
 * apart they are. */
enum { BLOCK = 16, QUAD = 4 };

typedef float quad __attribute__((vector_size(QUAD * sizeof(float)), aligned(4), may_alias));

/* Element (r, c) of a plane goes from from[r * from_row + c * from_step] to to[r * to_row + c * to_step]. */
typedef struct plane {
    int64_t rows, columns, to_row, to_step, from_row, from_step;
} plane;

/* Transposes 4x4 elements: to[r * to_row + c] = from[c * from_step + r]. */
static void transpose_quads(float *to, int64_t to_row, const float *from, int64_t from_step)
{
    const quad a = *(const quad *)from, b = *(const quad *)(from + from_step);
    const quad c = *(const quad *)(from + 2 * from_step), d = *(const quad *)(from + 3 * from_step);
    const quad ab0 = __builtin_shufflevector(a, b, 0, 4, 1, 5),
               ab2 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const quad cd0 = __builtin_shufflevector(c, d, 0, 4, 1, 5),
               cd2 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(quad *)to = __builtin_shufflevector(ab0, cd0, 0, 1, 4, 5);
    *(quad *)(to + to_row) = __builtin_shufflevector(ab0, cd0, 2, 3, 6, 7);
    *(quad *)(to + 2 * to_row) = __builtin_shufflevector(ab2, cd2, 0, 1, 4, 5);
    *(quad *)(to + 3 * to_row) = __builtin_shufflevector(ab2, cd2, 2, 3, 6, 7);
}

static void copy_elements(const plane *p, int64_t rows, int64_t columns, float *to, const float *from)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++)
            to[r * p->to_row + c * p->to_step] = from[r * p->from_row + c * p->from_step];
}

/* Transposes: columns lie side by side in `to`, rows in `from`. */
static void transpose(const plane *p, float *to, const float *from)
{
    for (int64_t r = 0; r < p->rows; r += BLOCK)
        for (int64_t c = 0; c < p->columns; c += BLOCK) {
            int64_t rows = p->rows - r < BLOCK ? p->rows - r : BLOCK;
            int64_t columns = p->columns - c < BLOCK ? p->columns - c : BLOCK;
            float *t = to + r * p->to_row + c;
            const float *f = from + r + c * p->from_step;
            if (rows < BLOCK || columns < BLOCK)
                copy_elements(p, rows, columns, t, f);
            else
                for (int i = 0; i < BLOCK; i += QUAD)
                    for (int k = 0; k < BLOCK; k += QUAD)
                        transpose_quads(t + i * p->to_row + k, p->to_row, f + i + k * p->from_step,
                                        p->from_step);
        }
}

static void copy_plane(const plane *p, float *to, const float *from)
{
    if (p->to_step == 1 && p->from_row == 1 && p->from_step != 1)
        transpose(p, to, from);
    else if (p->to_step == 1 && p->from_step == 1)
        for (int64_t r = 0; r < p->rows; r++)
            memcpy(to + r * p->to_row, from + r * p->from_row, (size_t)p->columns * sizeof *to);
    else
        copy_elements(p, p->rows, p->columns, to, from);
}

/* Returns a dimension along which an array is contiguous, -1 if there is none. */
static int contiguous(const bs_cpu_nd_space *n, int array)
{
    int d = n->rank - 1;
    while (d >= 0 && n->stride[array][d] != 1)
        d--;
    return d;
}

/* Chooses the two dimensions to copy at a time: those along which the arrays are contiguous, else the last
 * two; *rows is -1 if there is but one. */
static void choose_plane(const bs_cpu_nd_space *n, int *rows, int *columns)
{
    *columns = contiguous(n, 0);
    *rows = contiguous(n, 1);
    if (*columns >= 0 && *rows >= 0 && *columns != *rows)
        return;
    *columns = n->rank - 1;
    *rows = n->rank - 2;
}

void bs_cpu_nd_space_copy(const bs_cpu_nd_space *n, float *to, const float *from)
{
    bs_cpu_nd_iterator w = {0};
    bs_cpu_nd_space outer = {0};
    int r, c;
    choose_plane(n, &r, &c);
    plane p = {.rows = 1, .columns = n->dim[c], .to_step = n->stride[0][c], .from_step = n->stride[1][c]};
    if (r >= 0) {
        p.rows = n->dim[r];
        p.to_row = n->stride[0][r];
        p.from_row = n->stride[1][r];
    }
    for (int d = 0; d < n->rank; d++)
        if (d != r && d != c)
            bs_cpu_nd_space_add(&outer, n->dim[d], n->stride[0][d], n->stride[1][d], 0);
    bs_cpu_nd_space_finish(&outer);
    int last = outer.rank - 1;
    do
        for (int64_t i = 0; i < outer.dim[last]; i++)
            copy_plane(&p, to + w.at[0] + i * outer.stride[0][last],
                       from + w.at[1] + i * outer.stride[1][last]);
    while (bs_cpu_nd_iterator_next(&w, &outer));
}
