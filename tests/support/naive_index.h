/* Elements of tensors in logical order, for the naive operators. */
#ifndef BS_TESTS_NAIVE_INDEX_H
#define BS_TESTS_NAIVE_INDEX_H

#include "model/graph.h"

static inline void naive_index(const bs_shape *s, int64_t element, int64_t *index)
{
    for (int a = s->rank - 1; a >= 0; a--) {
        index[a] = element % s->dim[a];
        element /= s->dim[a];
    }
}

static inline int64_t naive_at(const bs_shape *s, const int64_t *index)
{
    int64_t e = 0;
    for (int a = 0; a < s->rank; a++)
        e = e * s->dim[a] + index[a];
    return e;
}

/* Value of input k where it is broadcast to the output's index. */
static inline double naive_broadcast(const bs_shape *in, const bs_shape *out, const float *x,
                                     const int64_t *index)
{
    int64_t at[BS_MAX_RANK];
    for (int a = 0; a < in->rank; a++)
        at[a] = in->dim[a] == 1 ? 0 : index[a + out->rank - in->rank];
    return (double)x[naive_at(in, at)];
}

#endif
