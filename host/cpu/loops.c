#include "cpu/loops.h"
#include "lines.h"

BS_CLONES void bs_loop_clip(int64_t n, float *restrict y, const float *restrict x, float lo, float hi)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = bs_clip(x[i], lo, hi);
}

BS_CLONES void bs_loop_batch_norm(int64_t n, float *restrict y, const float *restrict x,
                                  const float *restrict factor, const float *restrict bias,
                                  const float *restrict mean)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = bs_batch_norm(x[i], factor[i], bias[i], mean[i]);
}

BS_CLONES void bs_loop_batch_norm_plane(int64_t n, float *restrict y, const float *restrict x, float factor,
                                        float bias, float mean)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = bs_batch_norm(x[i], factor, bias, mean);
}

BS_CLONES void bs_loop_max(int64_t n, float *restrict y, const float *restrict x)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = bs_max_nan(y[i], x[i]);
}

BS_CLONES void bs_loop_accumulate(int64_t n, float *restrict y, const float *restrict x)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = bs_add(y[i], x[i]);
}

BS_CLONES void bs_loop_divide(int64_t n, float *restrict y, float divisor)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = bs_div(y[i], divisor);
}

/* With attribute a = 0 apart: Gelu then is the exact one, and need not compute the other. */
#define X(suffix, name, result, ...)                                                                         \
    BS_CLONES static void unary_##suffix(int64_t n, float *restrict to, const float *restrict from, float a, \
                                         float b)                                                            \
    {                                                                                                        \
        (void)a;                                                                                             \
        (void)b;                                                                                             \
        if (a == 0.0f)                                                                                       \
            for (int64_t i = 0; i < n; i++) {                                                                \
                const float a = 0.0f, x = from[i];                                                           \
                (void)a;                                                                                     \
                to[i] = result;                                                                              \
            }                                                                                                \
        else                                                                                                 \
            for (int64_t i = 0; i < n; i++) {                                                                \
                float x = from[i];                                                                           \
                to[i] = result;                                                                              \
            }                                                                                                \
    }
BS_UNARY_OPS(X)
#undef X

bs_loop_unary bs_loop_unary_find(bs_op op)
{
    switch (op) {
#define X(suffix, ...)                                                                                       \
    case BS_OP_##suffix:                                                                                     \
        return unary_##suffix;
        BS_UNARY_OPS(X)
#undef X
    default:
        return NULL;
    }
}

#define EACH(result, element_a, element_b)                                                                   \
    for (int64_t i = 0; i < n; i++) {                                                                        \
        float a = element_a, b = element_b;                                                                  \
        y[i] = result;                                                                                       \
    }

/* Cases that vectorise, and the rest. A scalar is read first, since y may lie over it for all the compiler
 * knows. With b = 2 apart: Pow then is a product, and need not compute more. */
#define X(suffix, name, result)                                                                              \
    BS_CLONES static void binary_##suffix(int64_t n, float *y, const float *pa, int64_t sa, const float *pb, \
                                          int64_t sb)                                                        \
    {                                                                                                        \
        const float one_a = *pa, one_b = *pb;                                                                \
        if (sa == 1 && sb == 1)                                                                              \
            EACH(result, pa[i], pb[i])                                                                       \
        else if (sa == 1 && sb == 0 && one_b == 2.0f)                                                        \
            EACH(result, pa[i], 2.0f)                                                                        \
        else if (sa == 1 && sb == 0)                                                                         \
            EACH(result, pa[i], one_b)                                                                       \
        else if (sa == 0 && sb == 1)                                                                         \
            EACH(result, one_a, pb[i])                                                                       \
        else                                                                                                 \
            EACH(result, pa[i * sa], pb[i * sb])                                                             \
    }
BS_BINARY_OPS(X)
BS_VARIADIC_OPS(X)
#undef X

bs_loop_binary bs_loop_binary_find(bs_op op)
{
    switch (op) {
#define X(suffix, ...)                                                                                       \
    case BS_OP_##suffix:                                                                                     \
        return binary_##suffix;
        BS_BINARY_OPS(X)
        BS_VARIADIC_OPS(X)
#undef X
    default:
        return NULL;
    }
}

/* Adds x[k] to partial sum k, for the first `count` of them. */
#define ADD_PARTIAL(count, add, term)                                                                        \
    for (int64_t k = 0; k < (count); k++) {                                                                  \
        float x = from[k];                                                                                   \
        partial[k] = bs_##add(partial[k], term);                                                             \
    }

#define X(suffix, name, start, add, term, end)                                                               \
    BS_CLONES static void add_##suffix(int64_t count, float *y, int64_t sy, const float *from, int64_t sx)   \
    {                                                                                                        \
        for (int64_t i = 0; i < count; i++) {                                                                \
            float s = y[i * sy], x = from[i * sx];                                                           \
            y[i * sy] = bs_##add(s, term);                                                                   \
        }                                                                                                    \
    }                                                                                                        \
    BS_CLONES static void line_##suffix(int64_t count, float *y, const float *from)                          \
    {                                                                                                        \
        float partial[BS_PARTIAL_SUMS];                                                                      \
        for (int k = 0; k < BS_PARTIAL_SUMS; k++)                                                            \
            partial[k] = start;                                                                              \
        for (; count >= BS_PARTIAL_SUMS; count -= BS_PARTIAL_SUMS, from += BS_PARTIAL_SUMS)                  \
            ADD_PARTIAL(BS_PARTIAL_SUMS, add, term)                                                          \
        ADD_PARTIAL(count, add, term)                                                                        \
        for (int half = BS_PARTIAL_SUMS / 2; half > 0; half /= 2)                                            \
            for (int k = 0; k < half; k++)                                                                   \
                partial[k] = bs_##add(partial[k], partial[k + half]);                                        \
        *y = bs_##add(*y, partial[0]);                                                                       \
    }                                                                                                        \
    static void finish_##suffix(int64_t count, float *y, float n)                                            \
    {                                                                                                        \
        (void)n;                                                                                             \
        for (int64_t i = 0; i < count; i++) {                                                                \
            float s = y[i];                                                                                  \
            y[i] = end;                                                                                      \
        }                                                                                                    \
    }                                                                                                        \
    static const bs_loop_reduce reduce_##suffix = {start, add_##suffix, line_##suffix, finish_##suffix};
BS_REDUCE_OPS(X)
#undef X

const bs_loop_reduce *bs_loop_reduce_find(bs_op op)
{
    switch (op) {
#define X(suffix, ...)                                                                                       \
    case BS_OP_##suffix:                                                                                     \
        return &reduce_##suffix;
        BS_REDUCE_OPS(X)
#undef X
    default:
        return NULL;
    }
}
