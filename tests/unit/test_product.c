/* Proves that each element of a product is one chain of multiply-adds, whatever the size of the call and
 * wherever rows and columns lie in it and in memory, for every kernel that this processor can run. */
#include "support/testing.h"

#include "base/noise.h"
#include "cpu/product.h"
#include "dtype.h"
#include "ops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct example {
    int64_t rows, columns, depth;
    int64_t a_step, y_step; /* between elements of a row; rows are interleaved where they are not 1 */
    bool transposed, bias;  /* transposed: B is stored by columns */
} example;

static float *numbers(int64_t n)
{
    float *x = malloc((size_t)n * sizeof *x);
    assert_non_null(x);
    bs_noise_fill(x, n);
    return x;
}

/* Some rows of A have values that overflow, that are no numbers, or that must stay denormal. */
static void make_strange(const example *e, float *a)
{
    const float strange[] = {3e38f, bs_bits_float(0xffc01234u), INFINITY, -3e38f, 1e-44f, -0.0f};
    for (int64_t i = 0; i < e->rows; i += 3)
        a[i * e->depth + i * 7 % e->depth] = strange[i / 3 % 6];
}

static uint32_t expected(const example *e, bool fused, const float *a, const float *b, const float *bias,
                         int64_t r, int64_t c)
{
    float sum = bias ? bias[c] : 0.0f;
    for (int64_t k = 0; k < e->depth; k++) {
        float x = a[r * e->depth + k], w = b[k * e->columns + c];
        sum = fused ? fmaf(x, w, sum) : x * w + sum;
    }
    return bs_float_bits(bs_quiet(sum));
}

/* Copies the matrix `from` so that row r, element k is to[r][k * step]; the rows are in reverse order. */
static float *spread(int64_t rows, int64_t width, int64_t step, const float *from, float **to)
{
    float *memory = malloc((size_t)(rows * width * step + 1) * sizeof *memory);
    assert_non_null(memory);
    for (int64_t r = 0; r < rows; r++) {
        int64_t at = rows - 1 - r;
        to[r] = memory + 1 + (step == 1 ? at * width : at / step * width * step + at % step);
        for (int64_t k = 0; k < width; k++)
            to[r][k * step] = from ? from[r * width + k] : 0.0f;
    }
    return memory;
}

static void run(const bs_product_kernel *kernel, const example *e, const float *a, const float *b,
                const float *bias, float **y)
{
    float **rows = calloc((size_t)e->rows, sizeof *rows);
    float *packed = aligned_alloc(64, (bs_product_packed_bytes(kernel, e->depth, e->columns) + 63) / 64 * 64);
    float *turned = malloc((size_t)(e->depth * e->columns) * sizeof *turned);
    assert_true(rows && packed && turned);
    float *memory = spread(e->rows, e->depth, e->a_step, a, rows);
    for (int64_t i = 0; i < e->depth * e->columns; i++)
        turned[i % e->columns * e->depth + i / e->columns] = b[i];
    bs_product_pack(kernel, e->depth, e->columns, e->transposed ? turned : b, e->transposed ? 1 : e->columns,
                    e->transposed ? e->depth : 1, packed);
    bs_product p = {.kernel = kernel,
                    .rows = e->rows,
                    .columns = e->columns,
                    .depth = e->depth,
                    .a = (const float *const *)rows,
                    .a_step = e->a_step,
                    .b = packed,
                    .bias = bias,
                    .y = y,
                    .y_step = e->y_step};
    bs_product_run(&p);
    free(memory);
    free(turned);
    free(packed);
    free(rows);
}

static void check_kernel(const bs_product_kernel *kernel, const example *e)
{
    float *a = numbers(e->rows * e->depth), *b = numbers(e->depth * e->columns);
    float *bias = e->bias ? numbers(e->columns) : NULL, **y = calloc((size_t)e->rows, sizeof *y);
    assert_non_null(y);
    float *memory = spread(e->rows, e->columns, e->y_step, NULL, y);
    bool fused = strcmp(kernel->sums, "fused") == 0;
    make_strange(e, a);
    run(kernel, e, a, b, bias, y);
    for (int64_t r = 0; r < e->rows; r++)
        for (int64_t c = 0; c < e->columns; c++)
            if (bs_float_bits(y[r][c * e->y_step]) != expected(e, fused, a, b, bias, r, c))
                fail_msg("%s: row %d, column %d of %dx%dx%d", kernel->name, (int)r, (int)c, (int)e->rows,
                         (int)e->depth, (int)e->columns);
    free(memory);
    free(y);
    free(bias);
    free(b);
    free(a);
}

static void check(example e)
{
    const bs_product_kernel *kernel;
    for (int i = 0; (kernel = bs_product_kernel_at(i)) != NULL; i++)
        check_kernel(kernel, &e);
}

static void test_rows(void **state)
{
    (void)state;
    for (int rows = 1; rows <= 40; rows++)
        check((example){rows, 35, 9, 1, 1, false, rows % 2 == 0});
}

static void test_columns(void **state)
{
    (void)state;
    for (int columns = 1; columns <= 40; columns++)
        check((example){7, columns, 5, 1, 1, columns % 2 == 0, columns % 3 == 0});
    check((example){1, 1, 1, 1, 1, false, true});
}

/* More than a block of terms, of rows, and of both. */
static void test_blocks(void **state)
{
    (void)state;
    check((example){8, 33, 384, 1, 1, false, true});
    check((example){8, 33, 385, 1, 1, false, true});
    check((example){3, 17, 1000, 1, 1, true, true});
    check((example){141, 20, 3, 1, 1, false, false});
    check((example){133, 18, 400, 1, 1, false, true});
}

static void test_steps(void **state)
{
    (void)state;
    check((example){12, 33, 40, 4, 1, false, true});
    check((example){12, 33, 40, 1, 3, true, true});
    check((example){15, 32, 400, 5, 5, false, true});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_steps),
    };
    return run_suite(tests, NULL, NULL);
}
