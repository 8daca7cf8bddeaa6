/* The inner loops of products, by instruction set. */
#include "cpu/product.h"

#if defined(__aarch64__)
#include <arm_neon.h>
#elif defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__x86_64__)
#define TILE                  tile_avx512
#define TARGET                __attribute__((target("avx512f")))
#define LANES                 16
#define ROWS                  14
#define MULTIPLY_ADD(a, b, c) _mm512_fmadd_ps(a, b, c)
#include "cpu/product_tile.h"

#define TILE                  tile_avx2
#define TARGET                __attribute__((target("avx2,fma")))
#define LANES                 8
#define ROWS                  6
#define MULTIPLY_ADD(a, b, c) _mm256_fmadd_ps(a, b, c)
#include "cpu/product_tile.h"
#endif

#define TILE tile_plain
#define TARGET
#define LANES 4
#if defined(__aarch64__)
#define SUMS                  "fused"
#define ROWS                  10
#define MULTIPLY_ADD(a, b, c) vfmaq_f32(c, a, b)
#else
#define SUMS                  "rounded twice"
#define ROWS                  6
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#endif
#include "cpu/product_tile.h"

const bs_product_kernel *bs_product_kernel_at(int i)
{
#if defined(__x86_64__)
    static const bs_product_kernel avx512 = {"avx512f", "fused", 14, 32, tile_avx512};
    static const bs_product_kernel avx2 = {"avx2", "fused", 6, 16, tile_avx2};
    if (__builtin_cpu_supports("avx512f") && i-- == 0)
        return &avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && i-- == 0)
        return &avx2;
#endif
    static const bs_product_kernel plain = {"plain", SUMS, 6, 8, tile_plain};
    return i == 0 ? &plain : NULL;
}
