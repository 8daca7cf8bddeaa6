/* Gemm and MatMul. A single row a sample by a weight matrix is a convolution (cpu_matrix.c); rows of tokens
 * by weights, and activations by activations, are products (product.h). */
#include "cpu/cpu.h"

/* Makes room for a product's lists of rows. */
static bs_status reserve_lists(bs_stream *stream, int64_t rows, const float ***a, float ***y)
{
    BS_TRY(bs_cpu_reserve(&stream->row_list, (size_t)rows * (sizeof **a + sizeof **y)));
    *a = stream->row_list.ptr;
    *y = (float **)(*a + rows);
    return BS_OK;
}

/* Returns the number of rows of a matrix, the last two axes of a tensor. */
static int64_t matrix_rows(const bs_cpu_layout *l)
{
    return l->rank < 2 ? 1 : l->dim[l->rank - 2];
}

static int64_t row_step(const bs_cpu_layout *l)
{
    return l->rank < 2 ? 0 : l->stride[l->rank - 2];
}

/* Returns the offset in an operand for matrix number `batch` of the output. */
static int64_t matrix_offset(const bs_cpu_layout *in, const bs_cpu_layout *out, int64_t batch)
{
    int64_t at = 0;
    for (int k = 3; k <= out->rank; k++) {
        int64_t o = batch % out->dim[out->rank - k];
        batch /= out->dim[out->rank - k];
        if (k <= in->rank && in->dim[in->rank - k] > 1)
            at += o * in->stride[in->rank - k];
    }
    return at;
}

/* Sets up a product of plain rows by the first `columns` columns of a weight matrix. */
static bs_product product_by_weights(const bs_cpu_matrix *m, int columns, const void *packed,
                                     const float *bias)
{
    return (bs_product){.kernel = m->kernel,
                        .columns = columns,
                        .depth = m->filter,
                        .a_step = 1,
                        .b = packed,
                        .bias = bias,
                        .y_step = 1};
}

static bs_status by_weights(const bs_cpu_job *j)
{
    const bs_cpu_matrix *m = &j->plan->matrix;
    const bs_cpu_layout *in = bs_cpu_layout_in(j, 0), *out = bs_cpu_layout_out(j);
    int64_t rows = matrix_rows(in), matrices = in->elements / (rows * m->filter);
    const float **a;
    float **y;
    bs_product p = product_by_weights(m, m->shape.filters, j->param[1],
                                      bs_node_has_input(j->node, 2) ? j->param[2] : NULL);
    BS_TRY(reserve_lists(j->stream, j->n * matrices * rows, &a, &y));
    for (int i = 0; i < j->n; i++)
        for (int64_t k = 0; k < matrices; k++) {
            const float *from = bs_cpu_input(j, 0, i) + matrix_offset(in, in, k);
            float *to = bs_cpu_output(j, i) + matrix_offset(out, out, k);
            for (int64_t r = 0; r < rows; r++, p.rows++) {
                a[p.rows] = from + r * row_step(in);
                y[p.rows] = to + r * row_step(out);
            }
        }
    p.a = a;
    p.y = y;
    p.a_step = in->stride[in->rank - 1];
    p.y_step = out->stride[out->rank - 1];
    bs_product_run(&p);
    return BS_OK;
}

bs_status bs_cpu_product_rows(bs_stream *stream, const bs_cpu_matrix *m, int columns, const void *packed,
                              const float *bias, int n, bs_cpu_rows src, float *dst)
{
    const float **a;
    float **y;
    bs_product p = product_by_weights(m, columns, packed, bias);
    p.rows = (int64_t)n * m->repeat;
    BS_TRY(reserve_lists(stream, p.rows, &a, &y));
    for (int64_t r = 0; r < p.rows; r++) {
        int64_t sample = src.sample ? src.sample[r / m->repeat] : r / m->repeat;
        a[r] = src.base + (sample * m->repeat + r % m->repeat) * m->filter;
        y[r] = dst + r * columns;
    }
    p.a = a;
    p.y = y;
    bs_product_run(&p);
    return BS_OK;
}

/* Runs all matrices of a sample; p has what they share. */
static void run_matrices(const bs_cpu_job *j, int sample, bs_product *p, const float **rows_a, float **rows_y)
{
    const bs_cpu_layout *la = bs_cpu_layout_in(j, 0), *lb = bs_cpu_layout_in(j, 1);
    const bs_cpu_layout *out = bs_cpu_layout_out(j);
    const float *packed = NULL;
    for (int64_t k = 0; k < out->elements / (p->rows * p->columns); k++) {
        const float *a = bs_cpu_input(j, 0, sample) + matrix_offset(la, out, k);
        const float *b = bs_cpu_input(j, 1, sample) + matrix_offset(lb, out, k);
        float *y = bs_cpu_output(j, sample) + matrix_offset(out, out, k);
        for (int64_t r = 0; r < p->rows; r++) {
            rows_a[r] = a + r * row_step(la);
            rows_y[r] = y + r * row_step(out);
        }
        if (b != packed)
            bs_product_pack(p->kernel, p->depth, p->columns, b, row_step(lb), lb->stride[lb->rank - 1],
                            j->stream->work.ptr);
        packed = b;
        bs_product_run(p);
    }
}

static bs_status by_activations(const bs_cpu_job *j)
{
    const bs_cpu_layout *la = bs_cpu_layout_in(j, 0), *lb = bs_cpu_layout_in(j, 1);
    const bs_cpu_layout *out = bs_cpu_layout_out(j);
    const float **a;
    float **y;
    bs_product p = {.kernel = j->stream->network->device->kernel,
                    .rows = matrix_rows(la),
                    .columns = lb->dim[lb->rank - 1],
                    .depth = matrix_rows(lb),
                    .a_step = la->stride[la->rank - 1],
                    .y_step = out->stride[out->rank - 1]};
    BS_TRY(bs_cpu_reserve(&j->stream->work, bs_product_packed_bytes(p.kernel, p.depth, p.columns)));
    BS_TRY(reserve_lists(j->stream, p.rows, &a, &y));
    p.a = a;
    p.y = y;
    p.b = j->stream->work.ptr;
    for (int i = 0; i < j->n; i++)
        run_matrices(j, i, &p, a, y);
    return BS_OK;
}

bs_status bs_cpu_run_gemm(const bs_cpu_job *j)
{
    return j->plan->matrix.kernel ? by_weights(j) : bs_cpu_run_conv(j);
}

bs_status bs_cpu_run_matmul(const bs_cpu_job *j)
{
    const bs_cpu_matrix *m = &j->plan->matrix;
    return m->kernel || m->impl ? bs_cpu_run_gemm(j) : by_activations(j);
}
