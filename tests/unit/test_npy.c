/* Proves that .npy files are what NumPy's format says, bit by bit. */
#include "support/testing.h"

#include "base/buf.h"
#include "bits.h"
#include "data/npy.h"

#include <errno.h>
#include <math.h>

static char folder[] = "/tmp/bitsink-npy-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/a.npy", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

/* Writes an array, and checks header and values. shape: as in Python. */
static void check(const int64_t *dim, int rank, const float *data, size_t n, const char *shape)
{
    char wanted[256];
    char *text;
    size_t len;
    unlink(path);
    assert_ok(bs_npy_write(path, dim, rank, data));
    assert_ok(bs_read_file(&text, &len, path, 1 << 24));
    assert_true(len > 10);
    assert_memory_equal(text, "\x93NUMPY\x01\x00", 8);
    size_t header = (size_t)(unsigned char)text[8] + 256 * (size_t)(unsigned char)text[9];
    assert_int_equal((10 + header) % 64, 0);
    assert_int_equal(len, 10 + header + 4 * n);
    assert_int_equal(text[10 + header - 1], '\n');
    text[10 + header - 1] = '\0';
    snprintf(wanted, sizeof wanted, "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }", shape);
    assert_int_equal(strncmp(text + 10, wanted, strlen(wanted)), 0);
    assert_int_equal(strspn(text + 10 + strlen(wanted), " "), header - 1 - strlen(wanted));
    for (size_t i = 0; i < n; i++) {
        const unsigned char *at = (const unsigned char *)text + 10 + header + 4 * i;
        uint32_t bits = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        assert_int_equal(bits, bs_float_bits(data[i]));
    }
    free(text);
}

static void test_shapes(void **state)
{
    (void)state;
    static float data[9000];
    for (int i = 0; i < 9000; i++)
        data[i] = (float)i / 7;
    data[3] = bs_bits_float(0xffc12345u);
    data[4] = bs_bits_float(0x7f800001u);
    data[5] = -INFINITY;
    data[6] = -0.0f;
    check(NULL, 0, data, 1, "()");
    check((const int64_t[]){7}, 1, data, 7, "(7,)");
    check((const int64_t[]){2, 3}, 2, data, 6, "(2, 3)");
    check((const int64_t[]){3, 0}, 2, data, 0, "(3, 0)");
    check((const int64_t[]){9, 10, 20, 5}, 4, data, 9000, "(9, 10, 20, 5)");
    int64_t many[8] = {1, 1, 1, 1000, 1, 1, 1, 9};
    check(many, 8, data, 9000, "(1, 1, 1, 1000, 1, 1, 1, 9)");
}

static void test_errors(void **state)
{
    (void)state;
    static float data[70000];
    int64_t n = 70000;
    unlink(path);
    assert_ok(bs_npy_write(path, &n, 1, data));
    assert_error(bs_npy_write(path, &n, 1, data), "cannot write");
    assert_int_equal(errno, EEXIST);
    unlink(path);
    assert_error(bs_npy_write("/nonexistent/a.npy", &n, 1, data), "cannot write '/nonexistent/a.npy'");
    assert_int_equal(errno, ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_errors),
    };
    return run_suite(tests, make_folder, remove_folder);
}
