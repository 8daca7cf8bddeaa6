/* Proves the table of types, and that faults do to values of each type what they should. */
#include "support/testing.h"

#include "backend/rounding.h"
#include "dtype.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Scales are no powers of two, so that products with them are rounded. */
static bs_format of(bs_dtype type)
{
    return (bs_format){type, bs_dtype_word_of(type).limit > 0 ? 0.37f : 1};
}

/* Words of a type: all of a short one, of a long one those whose upper half is any and whose lower half is
 * from a few. */
static uint32_t word_number(bs_dtype type, uint64_t i)
{
    static const uint32_t low[] = {0, 1, 0x8000, 0xffff};
    return bs_dtype_word_of(type).bits <= 16 ? (uint32_t)i : (uint32_t)(i / 4) << 16 | low[i % 4];
}

static uint64_t count_words(bs_dtype type)
{
    uint32_t bits = bs_dtype_word_of(type).bits;
    return bits <= 16 ? (uint64_t)1 << bits : 4 << 16;
}

static void fields_partition_the_word(void **state)
{
    (void)state;
    for (int t = 0; t < BS_DTYPE_COUNT; t++) {
        bs_dtype type = (bs_dtype)t;
        uint32_t any = bs_dtype_field(type, BS_BITS_ANY), sign = bs_dtype_field(type, BS_BITS_SIGN),
                 exponent = bs_dtype_field(type, BS_BITS_EXPONENT),
                 mantissa = bs_dtype_field(type, BS_BITS_MANTISSA);
        uint32_t bits = bs_dtype_word_of(type).bits;
        assert_true(bits > 0 && bits <= BS_WORD_BITS);
        assert_true(any == (uint32_t)(((uint64_t)1 << bits) - 1));
        assert_int_equal(sign | exponent | mantissa, any);
        assert_int_equal((sign & exponent) | (sign & mantissa) | (exponent & mantissa), 0);
        for (int u = 0; u < t; u++)
            assert_string_not_equal(bs_dtype_name(type), bs_dtype_name((bs_dtype)u));
    }
    assert_string_equal(bs_dtype_name(BS_DTYPE_FP32), "fp32");
    assert_int_equal(bs_dtype_field(BS_DTYPE_FP32, BS_BITS_SIGN), 0x80000000u);
    assert_int_equal(bs_dtype_field(BS_DTYPE_FP32, BS_BITS_EXPONENT), 0x7f800000u);
    assert_int_equal(bs_dtype_field(BS_DTYPE_FP32, BS_BITS_MANTISSA), 0x007fffffu);
}

/* Decoding is exact: a word, unless it is a NaN of a type that tells few of them apart, comes back. */
static void words_come_back(void **state)
{
    (void)state;
    for (int t = 0; t < BS_DTYPE_COUNT; t++)
        for (uint64_t i = 0; i < count_words((bs_dtype)t); i++) {
            bs_dtype type = (bs_dtype)t;
            uint32_t word = word_number(type, i);
            float value = bs_format_decode(of(type), word);
            if (bs_dtype_word_of(type).exact || !bs_is_nan(value))
                assert_int_equal(bs_format_encode(of(type), value), word);
            else
                assert_true(bs_is_nan(bs_format_decode(of(type), bs_format_encode(of(type), value))));
        }
}

static bool type_has_nan(bs_dtype type)
{
    return bs_is_nan(bs_format_round(of(type), NAN));
}

/* Rounding again changes nothing, and nothing at all where every float is a value of the type. */
static void rounded_values_stay(void **state)
{
    (void)state;
    for (int t = 0; t < BS_DTYPE_COUNT; t++)
        for (uint64_t i = 0; i < 4 << 16; i++) {
            float x = bs_bits_float(word_number(BS_DTYPE_FP32, i)),
                  once = bs_format_round(of((bs_dtype)t), x);
            assert_int_equal(bs_float_bits(bs_format_round(of((bs_dtype)t), once)), bs_float_bits(once));
            if (bs_dtype_word_of((bs_dtype)t).exact)
                assert_int_equal(bs_float_bits(once), bs_float_bits(x));
            assert_int_equal(bs_is_nan(once), bs_is_nan(x) && type_has_nan((bs_dtype)t));
            assert_int_equal(
                bs_float_bits(once),
                bs_float_bits(bs_format_decode(of((bs_dtype)t), bs_format_encode(of((bs_dtype)t), x))));
        }
}

/* Values of short types from 0 up, with their words. */
typedef struct value {
    float x;
    uint32_t word;
} value;

static int by_value(const void *a, const void *b)
{
    float x = ((const value *)a)->x, y = ((const value *)b)->x;
    return (x > y) - (x < y);
}

static size_t list_values(value *v, bs_dtype type)
{
    size_t n = 0;
    for (uint32_t word = 0; word < count_words(type); word++) {
        float x = bs_format_decode((bs_format){type, 1}, word);
        if (isfinite(x) && !signbit(x))
            v[n++] = (value){x, word};
    }
    qsort(v, n, sizeof *v, by_value);
    return n;
}

/* Of all values the nearest is taken, and of two the one whose word is even; beyond the largest there is
 * infinity, half a step on, or nothing. Compared with a search. */
static void the_nearest_value_is_taken(void **state)
{
    (void)state;
    static value v[1 << 16];
    for (int t = 0; t < BS_DTYPE_COUNT; t++) {
        bs_format format = {(bs_dtype)t, 1};
        if (bs_dtype_word_of(format.type).bits > 16)
            continue;
        size_t n = list_values(v, format.type);
        double last = (double)v[n - 1].x - (double)v[n - 2].x;
        for (size_t k = 0; k < n; k++) {
            double next = k + 1 < n ? (double)v[k + 1].x : (double)v[k].x + last,
                   half = ((double)v[k].x + next) / 2;
            float at = (float)half, over = k + 1 < n ? v[k + 1].x : bs_format_round(format, FLT_MAX);
            bool even = !(v[k].word & 1);
            if (isinf(over) || k + 1 < n) { /* else all beyond the largest is the largest */
                assert_true(bs_format_round(format, at) == (even ? v[k].x : over));
                assert_true(bs_format_round(format, nextafterf(at, INFINITY)) == over);
            }
            assert_true(bs_format_round(format, nextafterf(at, 0)) == v[k].x);
            assert_true(bs_format_round(format, v[k].x) == v[k].x);
        }
    }
    assert_true(isinf(bs_format_round((bs_format){BS_DTYPE_FP16, 1}, 65520.0f)));
    assert_true(bs_format_round((bs_format){BS_DTYPE_FP16, 1}, 65519.0f) == 65504.0f);
    assert_true(bs_format_round((bs_format){BS_DTYPE_FP8_E4M3, 1}, 1e30f) == 448.0f);
    assert_true(bs_format_round((bs_format){BS_DTYPE_FP8_E4M3, 1}, -INFINITY) == -448.0f);
    assert_true(bs_format_round((bs_format){BS_DTYPE_INT8, 0.5f}, 1e30f) == 63.5f);
    assert_true(bs_format_round((bs_format){BS_DTYPE_INT8, 0.5f}, -INFINITY) == -64.0f);
}

/* Loops over many values do what one does. */
static void many_are_rounded_alike(void **state)
{
    (void)state;
    enum { N = 4099 };
    static float x[N];
    for (int t = 0; t < BS_DTYPE_COUNT; t++) {
        for (uint32_t i = 0; i < N; i++)
            x[i] = bs_bits_float(i * 0x9e3779b9u);
        bs_round_values(of((bs_dtype)t), N, x);
        for (uint32_t i = 0; i < N; i++)
            assert_int_equal(bs_float_bits(x[i]),
                             bs_float_bits(bs_format_round(of((bs_dtype)t), bs_bits_float(i * 0x9e3779b9u))));
    }
}

static void a_fault_hits_the_word(void **state)
{
    (void)state;
    for (int t = 0; t < BS_DTYPE_COUNT; t++)
        for (uint32_t bit = 0; bit < bs_dtype_word_of((bs_dtype)t).bits; bit++) {
            bs_dtype type = (bs_dtype)t;
            uint32_t word = bs_format_encode(of(type), 1.5f), before = 0;
            bs_site flip = {3, 0xffffffffu, 1u << bit};
            float value = bs_inject_value(of(type), flip, 1.5f, &before);
            assert_int_equal(before, word);
            assert_int_equal(bs_float_bits(value),
                             bs_float_bits(bs_format_decode(of(type), word ^ 1u << bit)));
            assert_int_equal(bs_float_bits(bs_inject_value(of(type), flip, 1.5f, NULL)),
                             bs_float_bits(value));
        }
    assert_true(bs_inject_value(of(BS_DTYPE_FP32), (bs_site){0, 0xffffffffu, 0x80000000u}, 2.0f, NULL) ==
                -2.0f);
    assert_true(bs_inject_value(of(BS_DTYPE_FP32), (bs_site){0, 0, 0x3f800000u}, 2.0f, NULL) == 1.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_partition_the_word), cmocka_unit_test(words_come_back),
        cmocka_unit_test(rounded_values_stay),       cmocka_unit_test(the_nearest_value_is_taken),
        cmocka_unit_test(many_are_rounded_alike),    cmocka_unit_test(a_fault_hits_the_word),
    };
    return run_suite(tests, NULL, NULL);
}
