/* The simulated device by short calls, for tests of itself. */
#ifndef BS_TESTS_SIM_CALLS_H
#define BS_TESTS_SIM_CALLS_H

#include "support/testing.h"

#include "cuda/api.h"
#include "kernels.h"
#include "sim_kernels.h"

#include <sys/wait.h>
#include <unistd.h>

static const bs_cuda_api *api;
static CUstream stream;

static inline void good(CUresult r)
{
    assert_int_equal(r, CUDA_SUCCESS);
}

static inline void *device(size_t bytes)
{
    CUdeviceptr p;
    good(api->cuMemAlloc(&p, bytes));
    return (void *)(uintptr_t)p;
}

static inline CUdeviceptr address(const void *p)
{
    return (CUdeviceptr)(uintptr_t)p;
}

static inline void release(void *p)
{
    good(api->cuMemFree(address(p)));
}

static inline void await(void)
{
    good(api->cuStreamSynchronize(stream));
}

static inline void put(void *to, const void *from, size_t bytes)
{
    good(api->cuMemcpyHtoDAsync(address(to), from, bytes, stream));
}

static inline void get(void *to, const void *from, size_t bytes)
{
    good(api->cuMemcpyDtoHAsync(to, address(from), bytes, stream));
}

static inline void launch(const char *kernel, unsigned blocks, unsigned threads, void *args)
{
    CUmodule m;
    CUfunction f;
    good(api->cuModuleLoadData(&m, ""));
    good(api->cuModuleGetFunction(&f, m, kernel));
    good(api->cuLaunchKernel(f, blocks, 1, 1, threads, 1, 1, 0, stream, &args, NULL));
}

static inline void fill(float *to, uint32_t n, float value)
{
    launch("bs_kernel_fill", 1, 64, &(bs_fill_args){1, n, value, {.base = to}});
}

/* A child process does it, which must end with a message that contains both texts. */
static inline void finds(void (*mistake)(void), const char *first, const char *second)
{
    char text[4000];
    size_t n = 0;
    ssize_t more;
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        mistake();
        _exit(0);
    }
    close(ends[1]);
    while ((more = read(ends[0], text + n, sizeof text - 1 - n)) > 0)
        n += (size_t)more;
    text[n] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!strstr(text, first) || !strstr(text, second))
        fail_msg("not '%s' and '%s', but '%s'", first, second, text);
    assert_int_not_equal(status, 0);
}

static inline int begin(void **state)
{
    (void)state;
    unsetenv("BITSINK_SIM_ORDER");
    unsetenv("BITSINK_SIM_QUEUE");
    return api->cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING);
}

static inline int end(void **state)
{
    (void)state;
    return api->cuStreamDestroy(stream);
}

static inline int run_simulated(const struct CMUnitTest *tests, size_t n)
{
    char why[160];
    if (!bs_cuda_api_load(&api, why, sizeof why))
        return skip_all("no simulated device in LD_LIBRARY_PATH");
    return run_suite_of(tests, n, NULL, NULL);
}

#endif
