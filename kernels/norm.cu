/* Normalisations that sum nothing, or a few neighbours. */
#include "kernels.h"
#include "launch.h"
#include "lines.h"

BS_KERNEL(batch_norm)
{
    BS_EACH(i, k, a.n, a.elements)
    {
        uint32_t c = k / a.plane % a.channels;
        float factor = bs_batch_norm_factor(a.scale[c], a.var[c], a.epsilon);
        bs_put(&a.out, (int64_t)i * a.elements + k,
               bs_batch_norm(bs_cell_value(bs_operand_row(&a.in, i), k), factor, a.bias[c], a.mean[c]));
    }
}

BS_KERNEL(lrn)
{
    BS_EACH(i, k, a.n, a.channels * a.plane)
    {
        bs_cells x = bs_cells_from(bs_operand_row(&a.in, i), k % a.plane);
        bs_put(&a.out, (int64_t)i * a.channels * a.plane + k,
               bs_lrn_element(x, a.plane, a.channels, k / a.plane, a.size, a.epsilon, a.alpha, a.beta));
    }
}
