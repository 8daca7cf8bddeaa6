/* Iterates over the elements of broadcast or permuted operands in the order of the result. */
#include "import/fold.h"

void bs_nd_iterator_broadcast(bs_nd_iterator *w, int k, const bs_shape *source)
{
    int64_t stride = 1;
    int shift = w->shape.rank - source->rank;
    for (int a = 0; a < shift; a++)
        w->stride[k][a] = 0;
    for (int a = source->rank - 1; a >= 0; a--) {
        w->stride[k][a + shift] = source->dim[a] == 1 ? 0 : stride;
        stride *= source->dim[a];
    }
}

void bs_nd_iterator_next(bs_nd_iterator *w)
{
    for (int a = w->shape.rank - 1; a >= 0; a--) {
        for (int k = 0; k < 3; k++)
            w->at[k] += w->stride[k][a];
        if (++w->pos[a] < w->shape.dim[a])
            return;
        for (int k = 0; k < 3; k++)
            w->at[k] -= w->stride[k][a] * w->pos[a];
        w->pos[a] = 0;
    }
}
