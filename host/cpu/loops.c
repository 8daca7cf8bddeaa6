#include "cpu/loops.h"
#include "ops.h"

/* Clones are resolved by the dynamic linker before sanitizers are up, hence not with them. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__gnu_linux__) &&             \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define CLONES
#endif

CLONES void bs_loop_relu(int64_t n, float *restrict y, const float *restrict x)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = bs_relu(x[i]);
}

CLONES void bs_loop_leaky_relu(int64_t n, float *restrict y, const float *restrict x, float slope)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = bs_leaky_relu(x[i], slope);
}

CLONES void bs_loop_clip(int64_t n, float *restrict y, const float *restrict x, float lo, float hi)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = bs_clip(x[i], lo, hi);
}

void bs_loop_sigmoid(int64_t n, float *restrict y, const float *restrict x)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = bs_sigmoid(x[i]);
}

void bs_loop_tanh(int64_t n, float *restrict y, const float *restrict x)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = bs_tanh(x[i]);
}

CLONES void bs_loop_batch_norm(int64_t n, float *restrict y, const float *restrict x,
                               const float *restrict factor, const float *restrict bias,
                               const float *restrict mean)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = bs_batch_norm(x[i], factor[i], bias[i], mean[i]);
}

CLONES void bs_loop_batch_norm_plane(int64_t n, float *restrict y, const float *restrict x, float factor,
                                     float bias, float mean)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = bs_batch_norm(x[i], factor, bias, mean);
}

CLONES void bs_loop_max(int64_t n, float *restrict y, const float *restrict x)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = bs_max_nan(y[i], x[i]);
}

CLONES void bs_loop_accumulate(int64_t n, float *restrict y, const float *restrict x)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = bs_add(y[i], x[i]);
}

CLONES void bs_loop_divide(int64_t n, float *restrict y, float divisor)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = bs_div(y[i], divisor);
}

/* The three cases that vectorise, and the rest. */
#define BINARY(name)                                                                                         \
    CLONES void bs_loop_##name(int64_t n, float *restrict y, const float *a, int64_t sa, const float *b,     \
                               int64_t sb)                                                                   \
    {                                                                                                        \
        if (sa == 1 && sb == 1)                                                                              \
            for (int64_t i = 0; i < n; i++)                                                                  \
                y[i] = bs_##name(a[i], b[i]);                                                                \
        else if (sa == 1 && sb == 0)                                                                         \
            for (int64_t i = 0; i < n; i++)                                                                  \
                y[i] = bs_##name(a[i], b[0]);                                                                \
        else if (sa == 0 && sb == 1)                                                                         \
            for (int64_t i = 0; i < n; i++)                                                                  \
                y[i] = bs_##name(a[0], b[i]);                                                                \
        else                                                                                                 \
            for (int64_t i = 0; i < n; i++)                                                                  \
                y[i] = bs_##name(a[i * sa], b[i * sb]);                                                      \
    }

BINARY(add)
BINARY(sub)
BINARY(mul)
BINARY(div)
