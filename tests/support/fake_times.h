/* A backend that does nothing, and a clock that says how long it took, for programs linked with --wrap for
 * bs_resources_clock(). */
#ifndef BS_TESTS_FAKE_TIMES_H
#define BS_TESTS_FAKE_TIMES_H

#include "backend/backend.h"
#include "support/testing.h"

/* Seconds that a call for one sample takes; `late` more for the first call of either way. */
static struct {
    double whole, patch, gather, late;
    double now;
    int wholes, patches, samples; /* calls, samples of the last */
    bs_status run_patch, alloc;   /* the status of these calls */
} fake;

double __wrap_bs_resources_clock(void);
double __real_bs_resources_clock(void);
static bool clock_is_fake;

double __wrap_bs_resources_clock(void)
{
    return clock_is_fake ? fake.now : __real_bs_resources_clock();
}

static size_t fake_row_bytes(const bs_network *n, int tensor)
{
    (void)n, (void)tensor;
    return 64;
}

static size_t fake_patch_bytes(const bs_network *n, int tensor, const int size[2])
{
    (void)n, (void)tensor, (void)size;
    return 32;
}

static bs_status fake_stream_open(bs_stream **out, bs_network *n)
{
    *out = (bs_stream *)n;
    return BS_OK;
}

static void fake_stream_close(bs_stream *stream)
{
    (void)stream;
}

static bs_status fake_alloc(bs_stream *stream, void **out, size_t bytes)
{
    (void)stream;
    *out = fake.alloc == BS_OK ? malloc(bytes) : NULL;
    return fake.alloc == BS_OK ? BS_OK : bs_fail(fake.alloc, "no memory is made up here");
}

static void fake_free(bs_stream *stream, void *p)
{
    (void)stream;
    free(p);
}

static bs_status fake_upload(bs_stream *stream, int tensor, void *row, const float *data)
{
    (void)stream, (void)tensor, (void)row, (void)data;
    return BS_OK;
}

static bs_status fake_copy_rows(bs_stream *stream, int tensor, int n, bs_view src, void *dst)
{
    (void)stream, (void)tensor, (void)n, (void)src, (void)dst;
    return BS_OK;
}

static bs_status fake_gather(bs_stream *stream, int tensor, int n, bs_view golden, const void *live,
                             const bs_patches *live_at, const bs_patches *want, float fill, void *dst)
{
    (void)stream, (void)tensor, (void)golden, (void)live, (void)live_at, (void)want, (void)fill, (void)dst;
    fake.now += fake.gather * n;
    return BS_OK;
}

static bs_status fake_run(bs_stream *stream, int node, int n, const bs_view *in, void *out)
{
    (void)stream, (void)node, (void)in, (void)out;
    fake.now += fake.whole * n + (fake.wholes == 0 ? fake.late : 0);
    fake.wholes++;
    fake.samples = n;
    return BS_OK;
}

static bs_status fake_run_patch(bs_stream *stream, int node, int n, const int from[2], const bs_view *in,
                                const int to[2], void *out)
{
    (void)stream, (void)node, (void)from, (void)in, (void)to, (void)out;
    fake.now += fake.patch * n + (fake.patches == 0 ? fake.late : 0);
    fake.patches++;
    return fake.run_patch == BS_OK ? BS_OK : bs_fail(fake.run_patch, "a device that fails");
}

static bs_status fake_compare(bs_stream *stream, int tensor, int n, const void *rows, bs_view golden,
                              uint8_t *equal)
{
    (void)stream, (void)tensor, (void)n, (void)rows, (void)golden, (void)equal;
    return BS_OK;
}

static bs_status fake_compare_patch(bs_stream *stream, int tensor, int n, const bs_patches *at,
                                    const void *rows, bs_view golden, uint8_t *equal)
{
    (void)stream, (void)tensor, (void)n, (void)at, (void)rows, (void)golden, (void)equal;
    return BS_OK;
}

static const bs_backend fake_backend = {
    .name = "fake",
    .autotune = {.samples = 4, .macs = 1e12, .bytes = 1e12},
    .row_bytes = fake_row_bytes,
    .stream_open = fake_stream_open,
    .stream_close = fake_stream_close,
    .alloc = fake_alloc,
    .free = fake_free,
    .upload = fake_upload,
    .copy_rows = fake_copy_rows,
    .run = fake_run,
    .compare = fake_compare,
    .patch_bytes = fake_patch_bytes,
    .gather = fake_gather,
    .run_patch = fake_run_patch,
    .compare_patch = fake_compare_patch,
};

#endif
