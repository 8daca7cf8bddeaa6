/* Proves the table of types, and that faults do to values of each type what they should. */
#include "support/testing.h"

#include "dtype.h"

#include <math.h>
#include <string.h>

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
            float value = bs_dtype_decode(type, word);
            if (bs_dtype_word_of(type).exact || !bs_is_nan(value))
                assert_int_equal(bs_dtype_encode(type, value), word);
            else
                assert_true(bs_is_nan(bs_dtype_decode(type, bs_dtype_encode(type, value))));
        }
}

/* Rounding again changes nothing, and nothing at all where every float is a value of the type. */
static void rounded_values_stay(void **state)
{
    (void)state;
    for (int t = 0; t < BS_DTYPE_COUNT; t++)
        for (uint64_t i = 0; i < 4 << 16; i++) {
            float x = bs_bits_float(word_number(BS_DTYPE_FP32, i)), once = bs_dtype_round((bs_dtype)t, x);
            assert_int_equal(bs_float_bits(bs_dtype_round((bs_dtype)t, once)), bs_float_bits(once));
            if (bs_dtype_word_of((bs_dtype)t).exact)
                assert_int_equal(bs_float_bits(once), bs_float_bits(x));
            assert_int_equal(bs_is_nan(once), bs_is_nan(x));
        }
}

static void a_fault_hits_the_word(void **state)
{
    (void)state;
    for (int t = 0; t < BS_DTYPE_COUNT; t++)
        for (uint32_t bit = 0; bit < bs_dtype_word_of((bs_dtype)t).bits; bit++) {
            bs_dtype type = (bs_dtype)t;
            uint32_t word = bs_dtype_encode(type, 1.5f), before = 0;
            bs_site flip = {3, 0xffffffffu, 1u << bit};
            float value = bs_inject_value(type, flip, 1.5f, &before);
            assert_int_equal(before, word);
            assert_int_equal(bs_float_bits(value), bs_float_bits(bs_dtype_decode(type, word ^ 1u << bit)));
            assert_int_equal(bs_float_bits(bs_inject_value(type, flip, 1.5f, NULL)), bs_float_bits(value));
        }
    assert_true(bs_inject_value(BS_DTYPE_FP32, (bs_site){0, 0xffffffffu, 0x80000000u}, 2.0f, NULL) == -2.0f);
    assert_true(bs_inject_value(BS_DTYPE_FP32, (bs_site){0, 0, 0x3f800000u}, 2.0f, NULL) == 1.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_partition_the_word),
        cmocka_unit_test(words_come_back),
        cmocka_unit_test(rounded_values_stay),
        cmocka_unit_test(a_fault_hits_the_word),
    };
    return run_suite(tests, NULL, NULL);
}
