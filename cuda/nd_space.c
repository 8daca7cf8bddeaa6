#include "cuda/nd_space.h"

#include <string.h>

void bs_cuda_nd_space_begin(bs_nd_space *n)
{
    memset(n, 0, sizeof *n);
    n->items = 1;
}

/* An axis that continues the one before it in all arrays is merged with it, which saves divisions. */
void bs_cuda_nd_space_add(bs_nd_space *n, int64_t dim, int64_t s0, int64_t s1, int64_t s2, int64_t s3)
{
    const int64_t stride[BS_ND_ARRAYS] = {s0, s1, s2, s3};
    if (dim == 1)
        return;
    n->items *= (uint32_t)dim;
    int last = n->rank - 1;
    bool joined = last >= 0;
    for (int w = 0; w < BS_ND_ARRAYS && joined; w++)
        joined = n->stride[w][last] == dim * stride[w];
    if (!joined)
        last = n->rank++;
    n->dim[last] = bs_divisor_of(joined ? n->dim[last].value * (uint32_t)dim : (uint32_t)dim);
    for (int w = 0; w < BS_ND_ARRAYS; w++)
        n->stride[w][last] = (int32_t)stride[w];
}

int64_t bs_cuda_stride(const bs_shape *s, int axis)
{
    int64_t stride = 1;
    for (int a = axis + 1; a < s->rank; a++)
        stride *= s->dim[a];
    return stride;
}

int64_t bs_cuda_broadcast_stride(const bs_shape *in, const bs_shape *out, int a)
{
    int k = a - (out->rank - in->rank);
    return k < 0 || in->dim[k] == 1 ? 0 : bs_cuda_stride(in, k);
}
