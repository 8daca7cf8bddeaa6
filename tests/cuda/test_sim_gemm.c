/* Proves that the kernels of gemm.cu have the bits of `direct`, which sums one output after the other, for
 * any numbers of rows, filters and weights, by any grid and order of threads. */
#include "sim_calls.h"

#include "support/graph_builder.h"

#include <string.h>

/* Rows of the output have room for PAD more elements, which stay as they are. */
enum { MOST = 200, PAD = 3 };
static const float untouched = 42.0f;

/* Sizes around those of tiles, fours of elements, and pieces of the depth. */
static const struct {
    uint32_t rows, width, depth;
} shapes[] = {{1, 1, 1}, {5, 3, 16}, {33, 31, 30}, {25, 65, 64}, {130, 7, 68}, {129, 66, 81}, {2, 140, 150}};
static const struct {
    const char *order;
    unsigned blocks;
    bool bias;
} runs[] = {{"forward", 1, true}, {"reverse", 3, false}, {"shuffle", 7, true}};
enum { SHAPES = sizeof shapes / sizeof *shapes, RUNS = sizeof runs / sizeof *runs };

/* Values of any size. Every fourth row has NaN, infinities and zeros, another one numbers so small that sums
 * of their products are -0. */
static float *make(uint32_t rows, uint32_t depth, uint64_t seed)
{
    static const float odds[] = {NAN, INFINITY, -INFINITY, -0.0f, 0.0f, 3e38f};
    float *v = malloc(sizeof *v * rows * depth), *out = device(sizeof *v * rows * depth);
    for (uint32_t i = 0; i < rows * depth; i++) {
        uint32_t row = i / depth, kind = row % 4;
        v[i] = ldexpf(gb_uniform(&seed), (int)(i * 7 % 20) - 10);
        if (kind == 1 && i % depth % 11 == row % 11)
            v[i] = odds[i / 3 % 6];
        if (kind == 2)
            v[i] = seed % 2 ? 1e-30f : -1e-30f;
    }
    put(out, v, sizeof *v * rows * depth);
    await();
    free(v);
    return out;
}

/* Runs a kernel that writes rows of `step` elements to a, and returns them. */
static float *products(const char *kernel, unsigned blocks, void *args, float *out, size_t n)
{
    float *got = malloc(n * sizeof *got);
    fill(out, (uint32_t)n, untouched);
    launch(kernel, blocks, BS_BLOCK_SIZE, args);
    get(got, out, n * sizeof *got);
    await();
    return got;
}

static void check(int shape, int run)
{
    uint32_t rows = shapes[shape].rows, width = shapes[shape].width, depth = shapes[shape].depth,
             step = width + PAD;
    float *x = make(rows, depth, 1), *w = make(width, depth, 2), *bias = make(1, width, 3),
          *out = device(sizeof *out * rows * step);
    bs_gemm_args a = {rows, width, depth, step, {.at = x}, w, runs[run].bias ? bias : NULL, {.base = out}};
    bs_direct_args d = {.n = rows,
                        .filters = width,
                        .per_group = width,
                        .g = {.in_h = 1,
                              .in_w = 1,
                              .out_h = 1,
                              .out_w = 1,
                              .kernel = {1, 1},
                              .stride = {1, 1},
                              .dilation = {1, 1},
                              .channels = (int32_t)depth},
                        .in = {.base = x, .elements = depth},
                        .weights = w,
                        .bias = a.bias,
                        .out = {.base = out}};
    float *want = products("bs_kernel_direct", 2, &d, out, (size_t)rows * width);
    static const char *const kernels[] = {"bs_kernel_gemm", "bs_kernel_gemm_small"};
    setenv("BITSINK_SIM_ORDER", runs[run].order, 1);
    for (int k = 0; k < 2; k++) {
        float *got = products(kernels[k], runs[run].blocks, &a, out, (size_t)rows * step);
        for (uint32_t i = 0; i < rows; i++) {
            assert_memory_equal(got + (size_t)i * step, want + (size_t)i * width, width * sizeof *got);
            for (uint32_t f = width; f < step; f++)
                assert_true(got[(size_t)i * step + f] == untouched);
        }
        free(got);
    }
    free(want);
    release(x);
    release(w);
    release(bias);
    release(out);
}

static void test_bits(void **state)
{
    (void)state;
    for (int s = 0; s < SHAPES; s++)
        check(s, s % RUNS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_bits, begin, end)};
    return run_simulated(tests, sizeof tests / sizeof *tests);
}
