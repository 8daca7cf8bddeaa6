/* MatMul whose right operand is not a weight matrix. */
#include "cpu/cpu.h"
#include "cpu/loops.h"

/* Returns the offset in an operand for matrix number `batch` of the output. */
static int64_t matrix_offset(const bs_cpu_layout *in, const bs_cpu_layout *out, int64_t batch)
{
    int64_t stride = in->rank < 2 ? in->elements : in->dim[in->rank - 2] * in->dim[in->rank - 1], at = 0;
    for (int k = 3; k <= in->rank; k++) {
        int64_t o = batch % out->dim[out->rank - k];
        batch /= out->dim[out->rank - k];
        at += in->dim[in->rank - k] == 1 ? 0 : o * stride;
        stride *= in->dim[in->rank - k];
    }
    return at;
}

bs_status bs_cpu_run_matmul(const bs_cpu_job *j)
{
    const bs_cpu_layout *la = bs_cpu_layout_in(j, 0), *lb = bs_cpu_layout_in(j, 1);
    const bs_cpu_layout *out = bs_cpu_layout_out(j);
    if (j->plan->matrix.impl)
        return bs_cpu_run_gemm(j);
    int64_t rows = la->dim[la->rank - 2], depth = la->dim[la->rank - 1], columns = lb->dim[lb->rank - 1];
    for (int i = 0; i < j->n; i++) {
        const float *a, *b;
        float *y;
        BS_TRY(bs_cpu_plain_input(j, 0, i, &a));
        BS_TRY(bs_cpu_plain_input(j, 1, i, &b));
        BS_TRY(bs_cpu_plain_output(j, i, &y));
        for (int64_t m = 0; m < out->elements / (rows * columns); m++)
            bs_loop_matmul(rows, columns, depth, a + matrix_offset(la, out, m), b + matrix_offset(lb, out, m),
                           y + m * rows * columns);
        bs_cpu_plain_done(j, i, y);
    }
    return BS_OK;
}
