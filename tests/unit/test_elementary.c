/* Proves that elementary functions are as exact as elementary.h says, that the loops over element functions
 * give every element, tail and stride the bits of the scalar function, and that lines are summed in the order
 * of lines.h. */
#include "cpu/loops.h"
#include "element.h"
#include "lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

enum { MOST = 100 };

static float special(int k)
{
    static const uint32_t bits[] = {0x7f800001u, 0xffc12345u, 0x7f800000u, 0xff800000u,
                                    0x00000000u, 0x80000000u, 0x00000001u, 0x807fffffu,
                                    0x42b17218u, 0x42b17217u, 0xc2cff1b5u, 0x7f7fffffu};
    return bs_bits_float(bits[k % (int)(sizeof bits / sizeof bits[0])]);
}

/* Fills x with ordinary values and some special ones. */
static void fill(float *x, int n, uint32_t seed)
{
    for (int i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = i % 7 == 3 ? special(i / 7) : ((float)(seed >> 8) / 16777216.0f - 0.5f) * 12.0f;
    }
}

static void same(float a, float b)
{
    assert_int_equal(bs_float_bits(a), bs_float_bits(b));
}

/* Returns the error of y in units in the last place of the exact value. */
static double error(float y, double exact)
{
    int exponent;
    if (exact != exact || isinf((float)exact) || exact == 0.0)
        return (exact != exact && y != y) || y == (float)exact ? 0.0 : INFINITY;
    frexp(exact, &exponent);
    return fabs((double)y - exact) / ldexp(1.0, (exponent < -125 ? -125 : exponent) - 24);
}

static void check_error(float (*f)(float), double (*exact)(double), uint32_t end, double limit)
{
    for (uint64_t bits = 0; bits <= end; bits += 40009) {
        float x = bs_bits_float((uint32_t)bits);
        assert_true(error(f(x), exact((double)x)) <= limit);
    }
    for (int k = 0; k < 12 && end == UINT32_MAX; k++)
        assert_true(error(f(special(k)), exact((double)special(k))) <= limit);
}

static void test_errors(void **state)
{
    (void)state;
    check_error(bs_expf, exp, UINT32_MAX, 1.0);
    check_error(bs_expm1f, expm1, UINT32_MAX, 1.8);
    check_error(bs_tanhf, tanh, UINT32_MAX, 2.7);
    check_error(bs_logf, log, UINT32_MAX, 0.9);
    check_error(bs_log1pf, log1p, 0x4e800000u, 1.3);
    check_error(bs_erff, erf, UINT32_MAX, 2.2);
    same(bs_erff(-INFINITY), -1.0f);
    same(bs_tanhf(INFINITY), 1.0f);
}

static void check_power(float a, float b)
{
    double exact = pow((double)a, (double)b);
    float y = bs_powf(a, b);
    assert_true(error(y, exact) <= 0.54);
    assert_true(exact != exact || !signbit(y) == !signbit(exact));
}

/* The exponents of a base give results of every size. */
static void test_power(void **state)
{
    (void)state;
    static const float odd[] = {0.0f,    1.0f,     2.0f,       0.5f,       3.0f,
                                2.5f,    0.1f,     8388607.5f, 8388609.0f, 16777215.0f,
                                0x1p24f, 0x1p105f, 0x1p-149f,  INFINITY,   NAN};
    const uint32_t n = sizeof odd / sizeof odd[0];
    for (uint32_t k = 0; k < 4 * n * n; k++)
        check_power(odd[k / 4 % n] * (k & 1 ? -1.0f : 1.0f), odd[k / 4 / n] * (k & 2 ? -1.0f : 1.0f));
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 40009) {
        float a = bs_bits_float((uint32_t)bits), near = 1.0f + (float)(bits % 65536) * 0x1p-24f;
        double size = (double)(bits % 281) - 151.0;
        check_power(fabsf(a), (float)(size / log2(fabs((double)a))));
        check_power(near, (float)(size / log2((double)near)));
        check_power(a, (float)(int)(size / 8.0));
        check_power(a, odd[bits % n]);
    }
}

static void test_unary(void **state)
{
    (void)state;
    float x[MOST], y[MOST];
    fill(x, MOST, 1);
    for (int op = 0; op < BS_OP_COUNT; op++)
        for (int a = 0; a < 2 && bs_loop_unary_find((bs_op)op); a++)
            for (int n = MOST; n > 0; n = n > 40 ? 40 : n - 1) {
                bs_loop_unary_find((bs_op)op)(n, y, x, (float)a, 0.5f);
                for (int i = 0; i < n; i++)
                    same(y[i], bs_unary_element(op, x[i], (float)a, 0.5f));
            }
}

static void test_nan(void **state)
{
    (void)state;
    static const bs_op made[] = {BS_OP_SIGMOID,  BS_OP_TANH, BS_OP_ERF, BS_OP_GELU,
                                 BS_OP_SOFTPLUS, BS_OP_MISH, BS_OP_EXP, BS_OP_LOG,
                                 BS_OP_SWISH,    BS_OP_SQRT, BS_OP_SIN, BS_OP_SIGN};
    for (size_t k = 0; k < sizeof made / sizeof made[0]; k++)
        for (int nan = 0; nan < 2; nan++)
            same(bs_unary_element(made[k], special(nan), 1.0f, 1.0f), bs_bits_float(0x7fc00000u));
    same(bs_log(-1.0f), bs_bits_float(0x7fc00000u));
}

static void test_binary(void **state)
{
    (void)state;
    static const int strides[][2] = {{1, 1}, {1, 0}, {0, 1}, {2, 3}, {0, 0}};
    float a[MOST], b[MOST], y[MOST];
    fill(a, MOST, 2);
    fill(b, MOST, 3);
    for (int op = 0; op < BS_OP_COUNT; op++)
        for (int s = 0; s < 5 && bs_loop_binary_find((bs_op)op); s++)
            for (int n = 33; n > 0; n--) {
                const int *step = strides[s];
                const float *from = b + (step[1] == 0 ? n % 5 : 0); /* special scalars, too */
                bs_loop_binary_find((bs_op)op)(n, y, a, step[0], from, step[1]);
                for (int i = 0; i < n; i++)
                    same(y[i], bs_binary_element(op, a[i * step[0]], from[i * step[1]]));
            }
}

/* Exponents that all elements share, of which 2 has a loop of its own. */
static void test_shared_powers(void **state)
{
    (void)state;
    static const float powers[] = {2.0f, 3.0f, 0.5f, -0.5f, 0.7f, 0.0f, -INFINITY, NAN};
    float a[MOST], y[MOST];
    fill(a, MOST, 5);
    for (size_t k = 0; k < sizeof powers / sizeof powers[0]; k++)
        for (int n = MOST; n > 0; n = n > 40 ? 40 : n - 1) {
            bs_loop_binary_find(BS_OP_POW)(n, y, a, 1, &powers[k], 0);
            for (int i = 0; i < n; i++)
                same(y[i], bs_pow(a[i], powers[k]));
        }
    same(bs_pow(1.1f, 2.0f), 1.1f * 1.1f);
}

/* The order of lines.h in other words: partial sum k holds the elements k, k + 32, ...; both halves are
 * added. */
static float ordered_total(bs_op op, int n, const float *x, int first, int apart)
{
    if (apart <= BS_PARTIAL_SUMS / 2)
        return bs_binary_element(op, ordered_total(op, n, x, first, 2 * apart),
                                 ordered_total(op, n, x, first + apart, 2 * apart));
    float s = 0.0f;
    for (int i = first; i < n; i += BS_PARTIAL_SUMS)
        s = bs_binary_element(op, s, x[i]);
    return s;
}

static void test_reduced_lines(void **state)
{
    (void)state;
    float x[MOST];
    fill(x, MOST, 4);
    for (int n = 0; n <= MOST; n++) {
        float y = 0.0f;
        bs_loop_reduce_find(BS_OP_REDUCE_SUM)->line(n, &y, x + MOST - n);
        same(y, bs_add(0.0f, ordered_total(BS_OP_ADD, n, x + MOST - n, 0, 1)));
        fill(x, MOST, (uint32_t)n);
        for (int i = 3; i < MOST && n % 2; i += 7) /* and without special values */
            x[i] = 0.1f;
    }
}

/* Lines of n elements, `lines` of them side by side. */
static void check_lines(int n, int lines)
{
    static float x[MOST * MOST], y[MOST * MOST], line[MOST], one[MOST];
    float mean[MOST], factor[MOST], m, f;
    fill(x, n * lines, (uint32_t)(n * lines));
    for (int i = 3; i < n * lines && n % 2; i += 7)
        x[i] = 0.1f;
    bs_loop_moments_beside(n, lines, x, lines, 1e-5f, mean, factor);
    for (int l = 0; l < lines; l++) {
        for (int i = 0; i < n; i++)
            line[i] = x[i * lines + l];
        bs_loop_moments(n, line, 1e-5f, &m, &f);
        same(bs_quiet(mean[l]), bs_quiet(m));
        same(bs_quiet(factor[l]), bs_quiet(f));
    }
    for (int logarithm = 0; logarithm < 2; logarithm++) {
        bs_loop_softmax_beside(n, lines, y, x, lines, logarithm);
        for (int l = 0; l < lines; l++) {
            for (int i = 0; i < n; i++)
                line[i] = x[i * lines + l];
            bs_loop_softmax(n, one, line, logarithm);
            for (int i = 0; i < n; i++)
                same(one[i], y[i * lines + l]);
        }
    }
}

static void test_lines(void **state)
{
    (void)state;
    static const int lengths[] = {1, 2, 7, 31, 32, 33, 64, 77, 100}, lines[] = {1, 15, 16, 17, 40};
    for (size_t n = 0; n < sizeof lengths / sizeof lengths[0]; n++)
        for (size_t l = 0; l < sizeof lines / sizeof lines[0]; l++)
            check_lines(lengths[n], lines[l]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_errors),        cmocka_unit_test(test_power),
                                       cmocka_unit_test(test_shared_powers), cmocka_unit_test(test_unary),
                                       cmocka_unit_test(test_nan),           cmocka_unit_test(test_binary),
                                       cmocka_unit_test(test_reduced_lines), cmocka_unit_test(test_lines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
