/* Proves the order in which kernels add the elements of a line up, the one of lines.h, by sums that are
 * written out here; that the loops of the CPU give the same bits; and how items of a space are divided. */
#include "sim_calls.h"

#include "cpu/loops.h"
#include "cuda/nd_space.h"
#include "kernels.h"
#include "lines.h"
#include "support/graph_builder.h"

enum { SAMPLES = 3, MOST = 1000, LINES = 3 };

static const uint32_t lengths[] = {1, 31, 32, 33, 49, 197, 1000};
/* Values: of one size; with NaN and infinities; with large ones that cancel, so that the order shows. */
typedef enum values { PLAIN, ODD, WIDE } values;
static const struct {
    const char *order;
    unsigned blocks, threads;
    values values;
} runs[] = {{"forward", 2, 64, PLAIN}, {"reverse", 1, 32, ODD}, {"shuffle", 3, 96, WIDE}};
enum { LENGTHS = sizeof lengths / sizeof *lengths, RUNS = sizeof runs / sizeof *runs };

/* The rows of `in` are read in this order. */
static const int32_t rows[SAMPLES] = {2, 0, 1};

static void make_values(float *v, size_t n, uint64_t seed, values kind)
{
    static const float odds[] = {NAN, INFINITY, -INFINITY, -0.0f, 0.0f, 1e30f};
    for (size_t i = 0; i < n; i++) {
        v[i] = 3.0f * gb_uniform(&seed);
        if (kind == ODD && i % 61 == 17)
            v[i] = odds[i / 61 % 6];
        if (kind == WIDE && i % 3 == 1)
            v[i] = i % 2 ? 0x1p53f : -0x1p53f;
    }
}

static void *upload(const void *v, size_t bytes)
{
    void *p = device(bytes);
    put(p, v, bytes);
    return p;
}

/* Runs a kernel on `in` and compares n values of each sample with `want`. */
static void check(const char *kernel, int run, const float *in, uint32_t row, bs_operand *operand,
                  bs_out *out, const float *want, uint32_t n, void *args)
{
    float *got = malloc(SAMPLES * n * sizeof *got);
    setenv("BITSINK_SIM_ORDER", runs[run].order, 1);
    *operand = (bs_operand){
        .base = upload(in, SAMPLES * row * sizeof *in), .rows = upload(rows, sizeof rows), .elements = row};
    out->base = device(SAMPLES * n * sizeof *got);
    launch(kernel, runs[run].blocks, runs[run].threads, args);
    get(got, out->base, SAMPLES * n * sizeof *got);
    await();
    for (uint32_t k = 0; k < SAMPLES * n; k++)
        assert_int_equal(bs_float_bits(got[k]), bs_float_bits(want[k]));
    release((void *)(uintptr_t)operand->base);
    release((void *)(uintptr_t)operand->rows);
    release(out->base);
    free(got);
}

/* The CPU's loops and the device give the same. */
static void check_cpu(float cpu, float want)
{
    assert_int_equal(bs_float_bits(bs_quiet(cpu)), bs_float_bits(bs_quiet(want)));
}

static double sum_of(const double *v, uint32_t n)
{
    double s[32] = {0};
    for (uint32_t i = 0; i < n; i++)
        s[i % 32] += v[i];
    for (int half = 16; half; half /= 2)
        for (int k = 0; k < half; k++)
            s[k] = s[k] + s[k + half];
    return s[0];
}

/* Normalises a line; scale and bias (NULL: none) are those of its elements, or (each == 0) of the whole line.
 */
static void normalise(float *y, const float *x, uint32_t n, const float *scale, const float *bias,
                      uint32_t each)
{
    float cpu_mean, cpu_factor;
    double v[MOST] = {0}, mean;
    for (uint32_t i = 0; i < n; i++)
        v[i] = (double)x[i];
    mean = sum_of(v, n) / n;
    for (uint32_t i = 0; i < n; i++)
        v[i] = ((double)x[i] - mean) * ((double)x[i] - mean);
    float factor = (float)(1.0 / sqrt(sum_of(v, n) / n + (double)1e-5f));
    bs_loop_moments(n, x, 1e-5f, &cpu_mean, &cpu_factor);
    check_cpu(cpu_mean, (float)mean);
    check_cpu(cpu_factor, factor);
    for (uint32_t i = 0; i < n; i++)
        y[i] = bs_normalize(x[i], (float)mean, factor, scale[i * each], bias ? bias[i * each] : 0.0f);
}

static void test_norms(void **state)
{
    (void)state;
    static float x[SAMPLES * LINES * MOST], want[SAMPLES * LINES * MOST], scale[MOST], bias[MOST];
    make_values(scale, MOST, 1, PLAIN);
    make_values(bias, MOST, 2, PLAIN);
    float *d_scale = upload(scale, sizeof scale), *d_bias = upload(bias, sizeof bias);
    for (int k = 0; k < LENGTHS * RUNS; k++) {
        uint32_t n = lengths[k % LENGTHS], row = LINES * n;
        int run = k / LENGTHS;
        make_values(x, SAMPLES * row, 3, runs[run].values);
        bool bare = runs[run].values == WIDE; /* a bias would hide what is left of such values */
        for (uint32_t l = 0; l < SAMPLES * LINES; l++)
            normalise(want + l * n, x + (uint32_t)rows[l / LINES] * row + l % LINES * n, n, scale,
                      bare ? NULL : bias, 1);
        bs_layer_norm_args a = {SAMPLES, LINES, n, {0}, d_scale, bare ? NULL : d_bias, 1e-5f, {0}};
        check("bs_kernel_layer_norm", run, x, row, &a.in, &a.out, want, row, &a);
        for (uint32_t l = 0; l < SAMPLES * LINES; l++)
            normalise(want + l * n, x + (uint32_t)rows[l / LINES] * row + l % LINES * n, n, scale + l % LINES,
                      bias + l % LINES, 0);
        bs_instance_norm_args b = {SAMPLES, LINES, n, {0}, d_scale, d_bias, 1e-5f, {0}};
        check("bs_kernel_instance_norm", run, x, row, &b.in, &b.out, want, row, &b);
    }
    release(d_scale);
    release(d_bias);
}

static void softmax(float *y, const float *x, uint32_t n, uint32_t step, bool logarithm)
{
    static float cpu[LINES * MOST];
    float max = -INFINITY;
    double v[MOST] = {0};
    for (uint32_t i = 0; i < n; i++)
        max = bs_max_nan(max, x[i * step]);
    for (uint32_t i = 0; i < n; i++)
        v[i] = (double)bs_expf(x[i * step] - max);
    float sum = (float)sum_of(v, n);
    bs_loop_softmax_beside(n, 1, cpu, x, step, logarithm);
    if (step == 1)
        bs_loop_softmax(n, cpu, x, logarithm);
    for (uint32_t i = 0; i < n; i++) {
        float down = x[i * step] - max;
        y[i * step] = bs_quiet(logarithm ? bs_quiet(down) - bs_logf(sum) : bs_expf(down) / sum);
        check_cpu(cpu[i * step], y[i * step]);
    }
}

static void test_softmax(void **state)
{
    (void)state;
    static float x[SAMPLES * 2 * LINES * MOST], want[SAMPLES * 2 * LINES * MOST];
    for (int k = 0; k < 4 * LENGTHS * RUNS; k++) {
        uint32_t n = lengths[k / 4 % LENGTHS], inner = k % 2 ? LINES : 1, lines = 2 * inner, row = lines * n;
        int run = k / 4 / LENGTHS;
        make_values(x, SAMPLES * row, 4, runs[run].values);
        for (uint32_t l = 0; l < SAMPLES * lines; l++) {
            uint32_t at = l % lines / inner * n * inner + l % inner, sample = l / lines;
            softmax(want + sample * row + at, x + (uint32_t)rows[sample] * row + at, n, inner, k & 2);
        }
        bs_softmax_args a = {SAMPLES, lines, n, inner, (k & 2) != 0, {0}, {0}};
        check("bs_kernel_softmax", run, x, row, &a.in, &a.out, want, row, &a);
    }
}

static float combine(bs_op op, float s, float t)
{
    switch (op) {
    case BS_OP_REDUCE_MAX:
        return bs_max_nan(s, t);
    case BS_OP_REDUCE_MIN:
        return bs_min_nan(s, t);
    case BS_OP_REDUCE_PROD:
        return bs_quiet(s * t);
    default:
        return bs_quiet(s + t);
    }
}

static float reduce(bs_op op, const float *x, uint32_t n)
{
    float s[32];
    for (int k = 0; k < 32; k++)
        s[k] = op == BS_OP_REDUCE_MAX    ? -INFINITY
               : op == BS_OP_REDUCE_MIN  ? INFINITY
               : op == BS_OP_REDUCE_PROD ? 1.0f
                                         : 0.0f;
    for (uint32_t i = 0; i < n; i++) {
        bool squares = op == BS_OP_REDUCE_L2 || op == BS_OP_REDUCE_SUM_SQUARE;
        s[i % 32] = combine(op, s[i % 32],
                            squares                 ? bs_quiet(x[i] * x[i])
                            : op == BS_OP_REDUCE_L1 ? fabsf(x[i])
                                                    : x[i]);
    }
    for (int half = 16; half; half /= 2)
        for (int k = 0; k < half; k++)
            s[k] = combine(op, s[k], s[k + half]);
    bool mean = op == BS_OP_REDUCE_MEAN || op == BS_OP_GLOBAL_AVERAGE_POOL;
    float want = op == BS_OP_REDUCE_L2 ? bs_quiet(sqrtf(s[0])) : mean ? bs_quiet(s[0] / (float)n) : s[0];
    const bs_loop_reduce *loop = bs_loop_reduce_find(op);
    float cpu = loop->start;
    loop->line(n, &cpu, x);
    loop->finish(1, &cpu, (float)n);
    check_cpu(cpu, want);
    return want;
}

/* Shape (2, n, LINES), reduced along axis 1, 2, or 0 and 2. */
static void check_reduce(bs_op op, int run, uint32_t n, int kind, const float *x)
{
    const uint32_t dim[] = {2, n, LINES}, step[] = {n * LINES, LINES, 1};
    const bool over[3][3] = {{false, true, false}, {false, false, true}, {true, false, true}};
    uint32_t row = 2 * n * LINES, items = 0;
    static float line[2 * LINES * MOST], want[SAMPLES * 2 * LINES * MOST];
    bs_reduce_args a = {.n = SAMPLES, .op = op};
    bs_cuda_nd_space_begin(&a.at);
    bs_cuda_nd_space_begin(&a.over);
    for (int axis = 0; axis < 3; axis++)
        bs_cuda_nd_space_add(over[kind][axis] ? &a.over : &a.at, dim[axis], step[axis], 0, 0, 0);
    for (int sample = 0; sample < SAMPLES; sample++)
        for (uint32_t o = 0; o < a.at.items; o++) {
            uint32_t length = 0;
            for (uint32_t e = 0; e < row; e++) {
                uint32_t i = e / step[0], m = e / LINES % n, c = e % LINES;
                uint32_t to = kind == 0 ? i * LINES + c : kind == 1 ? i * n + m : m;
                if (to == o)
                    line[length++] = x[(uint32_t)rows[sample] * row + e];
            }
            want[items++] = reduce(op, line, length);
        }
    check("bs_kernel_reduce", run, x, row, &a.in, &a.out, want, a.at.items, &a);
}

static void test_reductions(void **state)
{
    (void)state;
    static const bs_op ops[] = {
#define X(suffix, ...) BS_OP_##suffix,
        BS_REDUCE_OPS(X)
#undef X
    };
    static float x[SAMPLES * 2 * LINES * MOST];
    for (int o = 0; o < (int)(sizeof ops / sizeof *ops); o++)
        for (int k = 0; k < LENGTHS + 2 * RUNS; k++) {
            int run = (o + k) % RUNS, kind = k < LENGTHS ? 0 : 1 + k % 2;
            uint32_t n = kind ? 11 : lengths[k];
            make_values(x, SAMPLES * 2 * LINES * n, 5, runs[run].values);
            check_reduce(ops[o], run, n, kind, x);
        }
}

static void test_divide(void **state)
{
    (void)state;
    static const uint32_t by[] = {1,   2,   3,    5,     7,     49,         192,
                                  197, 256, 1000, 12544, 65537, 0x7fffffff, 0x80000000};
    uint64_t seed = 6;
    for (size_t b = 0; b < sizeof by / sizeof *by; b++) {
        bs_divisor d = bs_divisor_of(by[b]);
        for (int i = 0; i < 2000; i++) {
            uint32_t k = (uint32_t)((1.0 + (double)gb_uniform(&seed)) * 0x3fffffff),
                     multiple = k / by[b] * by[b];
            uint32_t numbers[] = {k, multiple, multiple ? multiple - 1 : 0, (uint32_t)i,
                                  0x7fffffffu - (uint32_t)i};
            for (int m = 0; m < 5; m++)
                assert_int_equal(bs_divide(&d, numbers[m]), numbers[m] / by[b]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_norms, begin, end),
        cmocka_unit_test_setup_teardown(test_softmax, begin, end),
        cmocka_unit_test_setup_teardown(test_reductions, begin, end),
        cmocka_unit_test(test_divide),
    };
    return run_simulated(tests, sizeof tests / sizeof *tests);
}
