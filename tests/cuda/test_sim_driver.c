/* Proves the simulated device itself: kernels that meet and share, the order of their threads, work that
 * runs late. */
#include "sim_calls.h"

#include "kernels.h"

#include <dlfcn.h>

static const char *const orders[] = {"forward", "reverse", "shuffle", "shuffle:3"};
enum { ORDERS = sizeof orders / sizeof *orders, THREADS = 2 * SIM_BLOCK };

static void test_join(void **state)
{
    (void)state;
    int32_t v[THREADS];
    uint64_t out[5 * THREADS];
    for (int i = 0; i < THREADS; i++)
        v[i] = i * 37 % 101 - 50;
    for (int o = 0; o < ORDERS; o++) {
        bs_sim_join_args a = {device(sizeof v), device(sizeof out)};
        setenv("BITSINK_SIM_ORDER", orders[o], 1);
        put((void *)(uintptr_t)a.in, v, sizeof v);
        launch("bs_kernel_sim_join", 2, SIM_BLOCK, &a);
        get(out, a.out, sizeof out);
        for (int w = 0; w < THREADS; w += 32) {
            uint64_t any = 0, most64 = 0, sum = 0;
            int32_t most = INT32_MIN;
            for (int i = w; i < w + 32; i++) {
                uint64_t wide = (uint64_t)(uint32_t)v[i] << 20;
                any |= v[i] == 7;
                most = v[i] > most ? v[i] : most;
                most64 = wide > most64 ? wide : most64;
                sum += wide;
            }
            const uint64_t want[] = {any, (uint32_t)most, most64, sum};
            for (int i = w; i < w + 32; i++) {
                assert_memory_equal(out + 5 * i, want, sizeof want);
                assert_int_equal(out[5 * i + 4], i == w);
            }
        }
        release((void *)(uintptr_t)a.in);
        release(a.out);
    }
}

static void test_share(void **state)
{
    (void)state;
    float v[THREADS], out[THREADS];
    for (int i = 0; i < THREADS; i++)
        v[i] = (float)i;
    for (int o = 0; o < ORDERS; o++) {
        bs_sim_reverse_args a = {device(sizeof v), device(sizeof out)};
        setenv("BITSINK_SIM_ORDER", orders[o], 1);
        put((void *)(uintptr_t)a.in, v, sizeof v);
        launch("bs_kernel_sim_reverse", 2, SIM_BLOCK, &a);
        get(out, a.out, sizeof out);
        for (int i = 0; i < THREADS; i++)
            assert_true(out[i] == v[i / SIM_BLOCK * SIM_BLOCK + SIM_BLOCK - 1 - i % SIM_BLOCK]);
        release((void *)(uintptr_t)a.in);
        release(a.out);
    }
}

/* Rows of each type there is: values are rounded as they are written, and read as they are. */
static void test_rows(void **state)
{
    (void)state;
    enum { ROWS = 3, N = 50 };
    float v[ROWS * N], out[ROWS * N];
    for (uint32_t i = 0; i < ROWS * N; i++)
        v[i] = bs_bits_float(i * 0x9e3779b9u); /* some of them NaNs */
    float *from = device(sizeof v), *to = device(sizeof v);
    put(from, v, sizeof v);
    for (int t = 0; t < BS_DTYPE_COUNT; t++) {
        bs_format format = {(bs_dtype)t, 0.75f};
        size_t bytes = (size_t)bs_row_size(format.type, ROWS * N);
        void *rows = device(bytes); /* no byte more may be touched */
        assert_int_equal(bytes, ROWS * N * (bs_dtype_word_of(format.type).bits == 16 ? 2 : 4));
        bs_copy_rows_args write = {ROWS, N, {.base = from, .elements = N}, {rows, format}};
        bs_copy_rows_args read = {ROWS, N, {rows, NULL, N, format.type}, {.base = to}};
        launch("bs_kernel_copy_rows", 2, SIM_BLOCK, &write);
        launch("bs_kernel_copy_rows", 2, SIM_BLOCK, &read);
        get(out, to, sizeof out);
        await();
        for (int i = 0; i < ROWS * N; i++)
            assert_int_equal(bs_float_bits(out[i]), bs_float_bits(bs_format_round(format, v[i])));
        release(rows);
    }
    release(from);
    release(to);
}

static void write_log(uint32_t log[], int turns, const char *order)
{
    bs_sim_log_args a = {turns, device(4), device((size_t)turns * THREADS * 4)};
    setenv("BITSINK_SIM_ORDER", order, 1);
    put(a.count, &(uint32_t){0}, 4);
    launch("bs_kernel_sim_log", 2, SIM_BLOCK, &a);
    get(log, a.log, (size_t)turns * THREADS * 4);
    release(a.count);
    release(a.log);
}

/* Each thread's turns, warp by warp, in the orders that are named; in shuffled ones the warp's second turn is
 * not like its first. */
static void test_orders(void **state)
{
    (void)state;
    enum { TURNS = 2 };
    uint32_t log[TURNS * THREADS];
    for (int turns = 1; turns <= TURNS; turns++) {
        write_log(log, turns, "forward");
        for (uint32_t i = 0; i < (uint32_t)turns * THREADS; i++)
            assert_int_equal(log[i], i / 32 / (uint32_t)turns * 32 + i % 32);
        write_log(log, turns, "reverse");
        for (uint32_t i = 0; i < (uint32_t)turns * THREADS; i++)
            assert_int_equal(log[i], THREADS - 1 - (i / 32 / (uint32_t)turns * 32 + i % 32));
        write_log(log, turns, "shuffle");
        int seen[THREADS] = {0}, ascend = 0;
        for (int i = 0; i < turns * THREADS; i++) {
            seen[log[i]]++;
            ascend += i > 0 && log[i] > log[i - 1];
        }
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(seen[i], turns);
        assert_in_range(ascend, THREADS / 20, turns * THREADS * 19 / 20);
    }
    assert_memory_not_equal(log, log + 32, 32 * sizeof *log);
}

/* Pageable memory is read when a copy is queued and written when the call returns; pinned memory is read and
 * written when somebody waits. */
static void test_late(void **state)
{
    (void)state;
    enum { N = 64 };
    float *p = device(N * sizeof *p), v[N] = {1.0f}, *pinned;
    CUevent event;
    good(api->cuMemAllocHost((void **)&pinned, N * sizeof *pinned));
    put(p, v, sizeof v);
    v[0] = 2.0f;
    get(v, p, sizeof v);
    assert_true(v[0] == 1.0f);
    pinned[0] = pinned[1] = 3.0f;
    put(p, pinned, sizeof v);
    get(pinned, p, sizeof v / 2);
    fill(p, N, 4.0f);
    get(pinned, p, sizeof v / 2);
    good(api->cuEventCreate(&event, CU_EVENT_DEFAULT));
    good(api->cuEventRecord(event, stream));
    fill(p, N, 5.0f);
    get(pinned, p, sizeof v / 2);
    assert_true(pinned[0] == 3.0f);
    good(api->cuEventSynchronize(event));
    assert_true(pinned[0] == 4.0f);
    await();
    assert_true(pinned[0] == 5.0f);
    setenv("BITSINK_SIM_QUEUE", "now", 1);
    fill(p, N, 6.0f);
    get(pinned, p, sizeof v / 2);
    assert_true(pinned[0] == 6.0f);
    good(api->cuEventDestroy(event));
    good(api->cuMemFreeHost(pinned));
    release(p);
}

/* The driver's function, which is not in bitsink's table. */
static void set_bytes(void *to, unsigned char value, size_t bytes)
{
    void *driver = dlopen("libcuda.so.1", RTLD_NOW), *symbol = dlsym(driver, "cuMemsetD8Async");
    __typeof__(&cuMemsetD8Async) function;
    assert_non_null(symbol);
    memcpy(&function, &symbol, sizeof symbol);
    good(function(address(to), value, bytes, stream));
    dlclose(driver);
}

static void set_too_many(void)
{
    set_bytes(device(100), 1, 101);
    await();
}

/* Bytes are set in their turn, and only those asked for. */
static void test_set(void **state)
{
    (void)state;
    uint8_t v[10] = {0};
    void *p = device(sizeof v);
    put(p, v, sizeof v);
    set_bytes((char *)p + 2, 0x81, 7);
    get(v, p, sizeof v);
    assert_memory_equal(v, ((const uint8_t[]){0, 0, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0}), sizeof v);
    release(p);
    finds(set_too_many, "cuMemsetD8Async: 101 bytes of device memory from ", "byte 0 of 100");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_join, begin, end),
        cmocka_unit_test_setup_teardown(test_share, begin, end),
        cmocka_unit_test_setup_teardown(test_rows, begin, end),
        cmocka_unit_test_setup_teardown(test_orders, begin, end),
        cmocka_unit_test_setup_teardown(test_late, begin, end),
        cmocka_unit_test_setup_teardown(test_set, begin, end),
    };
    return run_simulated(tests, sizeof tests / sizeof *tests);
}
