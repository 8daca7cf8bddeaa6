/* Proves that the simulated device finds every mistake that it should, each made in a child process. */
#include "sim_calls.h"

static void part(sim_part which, unsigned threads)
{
    launch("bs_kernel_sim_part", 2, threads, &(bs_sim_part_args){which, device(1024)});
    await();
}

static void one_returns(void)
{
    part(SIM_PART_RETURNS, 64);
}

static void one_joins(void)
{
    part(SIM_PART_WAITS, 64);
}

static void one_elsewhere(void)
{
    part(SIM_PART_LATER, 64);
}

static void first_returns(void)
{
    setenv("BITSINK_SIM_ORDER", "shuffle:11", 1);
    part(SIM_PART_RETURNS, 64);
}

static void barrier_missed(void)
{
    part(SIM_PART_BARRIER, 64);
}

static void barrier_and_vote(void)
{
    part(SIM_PART_MIXED, 64);
}

static void half_a_warp(void)
{
    launch("bs_kernel_sim_join", 1, 48, &(bs_sim_join_args){device(1024), device(8192)});
    await();
}

static void test_divergence(void **state)
{
    (void)state;
    finds(
        one_returns,
        "bs_kernel_sim_part, block (0, 0): warp 0 of 32 threads diverges: threads 0-4 6-31 at bs_warp_any (",
        "); threads 5 at end");
    finds(one_joins, ": threads 0-4 6-31 at bs_warp_any (sim_kernels.cu:",
          "); threads 5 at bs_warp_max (sim_kernels.cu:");
    finds(one_elsewhere, ": threads 0-4 6-31 at bs_warp_any (sim_kernels.cu:",
          "); threads 5 at bs_warp_any (sim_kernels.cu:");
    finds(first_returns, "bs_kernel_sim_part, block (", "warp 0 of 32 threads diverges: ");
    finds(half_a_warp, "block (0, 0): warp 1 of 16 threads diverges: ", "threads 32-47 at bs_warp_any (");
}

static void test_barrier(void **state)
{
    (void)state;
    finds(barrier_missed, "bs_kernel_sim_part, block (0, 0): not all threads reach the barrier: ",
          ": threads 0-4 6-63 at bs_block_sync (sim_kernels.cu:");
    finds(barrier_and_vote, "warp 0 of 32 threads diverges: ", "; threads 5 at bs_block_sync (");
}

static void fill_behind(void)
{
    fill(device(256), 65, 1.0f);
    await();
}

/* Between an allocation and the next multiple of 256 bytes. */
static void fill_slack(void)
{
    fill(device(200), 51, 1.0f);
    await();
}

static void read_behind(void)
{
    char *from = device(512);
    bs_copy_rows_args a = {1, 64, {.base = from + 260, .elements = 64}, {.base = device(256)}};
    launch("bs_kernel_copy_rows", 1, 64, &a);
    await();
}

static void read_nothing(void)
{
    launch("bs_kernel_copy_rows", 1, 64,
           &(bs_copy_rows_args){
               1, 64, {.base = (void *)(uintptr_t)4096, .elements = 64}, {.base = device(256)}});
    await();
}

static void copy_behind(void)
{
    char v[20] = "";
    put(device(16), v, sizeof v);
    await();
}

static void free_twice(void)
{
    void *p = device(16);
    release(p);
    release(p);
}

static void test_addresses(void **state)
{
    (void)state;
    finds(fill_behind, "bs_kernel_fill, block (0, 0), thread 0: touches device memory at ",
          ", 0 bytes after the end of 256\n");
    finds(read_behind, "bs_kernel_copy_rows, block (0, 0), thread 63: touches device memory at ",
          ", 0 bytes after the end of 512\n");
    finds(read_nothing, "bs_kernel_copy_rows, ", "touches device memory at 0x1000, which is nobody's");
    finds(copy_behind, "cuMemcpyHtoDAsync: 20 bytes of device memory from ", ", byte 0 of 16\n");
#ifdef BITSINK_SANITIZE
    finds(fill_slack, "AddressSanitizer: use-after-poison", "bs_kernel_fill");
#else
    (void)fill_slack;
#endif
    finds(free_twice, "the host: cuMemFree(", "): not an allocation, or freed before");
}

static void free_queued(void)
{
    float *p = device(1024), *q = device(1024);
    fill(p, 256, 1.0f);
    launch("bs_kernel_copy_rows", 1, 64,
           &(bs_copy_rows_args){1, 64, {.base = p, .elements = 64}, {.base = q}});
    release(q);
    await();
}

static void free_copied(void)
{
    float *p = device(1024), v[8];
    fill(p, 256, 1.0f);
    release(p);
    get(v, p, sizeof v);
}

static void test_freed(void **state)
{
    (void)state;
    finds(free_queued, "bs_kernel_copy_rows, block (0, 0), thread 0: touches device memory at ",
          ", byte 0 of 1024 that were freed\n");
    finds(free_copied, "bs_kernel_fill, block (0, 0), thread 0: touches device memory at ",
          ", byte 0 of 1024 that were freed\n");
}

static void host_reads(void)
{
    volatile float *p = device(1024);
    fill((float *)p, 256, 1.0f);
    await();
    _exit(p[3] == 1.0f);
}

static void host_writes(void)
{
    volatile float *p = device(1024);
    p[255] = 1.0f;
}

static void host_compares(void)
{
    float *p = device(1024), v[256] = {0};
    put(p, v, sizeof v);
    await();
    _exit(memcmp(p, v, sizeof v) != 0);
}

static void test_host(void **state)
{
    (void)state;
    finds(host_reads, "simulated device: the host: touches device memory at ", ", byte 12 of 1024\n");
    finds(host_writes, "simulated device: the host: touches device memory at ", ", byte 1020 of 1024\n");
    finds(host_compares, "simulated device: the host: touches device memory at ", " of 1024\n");
}

static float *queue_pinned(void)
{
    float *pinned;
    good(api->cuMemAllocHost((void **)&pinned, 1024));
    memset(pinned, 0, 1024);
    put(device(1024), pinned, 1024);
    return pinned;
}

static void reuse_pinned(void)
{
    queue_pinned()[77] = 1.0f;
    await();
}

static void free_pinned(void)
{
    api->cuMemFreeHost(queue_pinned());
    await();
}

static void test_pinned(void **state)
{
    (void)state;
    finds(reuse_pinned, "cuMemcpyHtoDAsync: ", "the pinned memory was written before the copy ran\n");
    finds(free_pinned, "cuMemcpyHtoDAsync: touches pinned memory at ", " of 1024 that were freed\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_divergence, begin, end),
        cmocka_unit_test_setup_teardown(test_barrier, begin, end),
        cmocka_unit_test_setup_teardown(test_addresses, begin, end),
        cmocka_unit_test_setup_teardown(test_freed, begin, end),
        cmocka_unit_test_setup_teardown(test_host, begin, end),
        cmocka_unit_test_setup_teardown(test_pinned, begin, end),
    };
    return run_simulated(tests, sizeof tests / sizeof *tests);
}
