/* A graph loaded on a device with one stream, and rows of random inputs. */
#ifndef BS_TESTS_RIG_H
#define BS_TESTS_RIG_H

#include "backend/backend.h"
#include "support/graph_builder.h"
#include "support/testing.h"

typedef struct rig {
    const bs_backend *b;
    const bs_graph *g;
    bs_device *device;
    bs_network *network;
    bs_stream *stream;
} rig;

static inline rig rig_open(const bs_graph *g)
{
    rig r = {.g = g};
    char why[256] = "";
    bs_device_choice found;
    assert_ok(bs_backend_find(&found, test_device()));
    r.b = found.backend;
    for (int i = 0; i < g->n_nodes; i++)
        if (!r.b->supports(g, i, why, sizeof why))
            fail_msg("node %d unsupported: %s", i, why);
    assert_ok(r.b->open(&r.device, found.ordinal[0], found.options));
    assert_ok(r.b->load(&r.network, r.device, g, NULL));
    assert_ok(r.b->stream_open(&r.stream, r.network));
    return r;
}

static inline void rig_close(rig *r)
{
    r->b->stream_close(r->stream);
    r->b->unload(r->network);
    r->b->close(r->device);
}

/* n rows of a tensor; freed with rig_free(). */
static inline void *rig_rows(rig *r, int tensor, int n)
{
    void *p;
    assert_ok(r->b->alloc(r->stream, &p, r->b->row_bytes(r->network, tensor) * (size_t)n));
    return p;
}

static inline void rig_free(rig *r, void *p)
{
    r->b->free(r->stream, p);
}

/* The logical values of n rows, elements floats each; the caller frees. `stream` made them: device memory is
 * read through a stream only. */
static inline float *rig_values(rig *r, bs_stream *stream, int tensor, const void *rows, int n)
{
    int64_t e = r->g->tensors[tensor].elements;
    float *values = gb_grow(NULL, (int)(n * e), sizeof *values);
    for (int i = 0; i < n; i++)
        assert_ok(r->b->download(stream, tensor,
                                 (const char *)rows + (size_t)i * r->b->row_bytes(r->network, tensor),
                                 values + i * e));
    return values;
}

/* n rows of a tensor here and there, made by the rig's stream, have the same bits. */
static inline void rig_assert_same(rig *r, int tensor, const void *a, const void *b, int n)
{
    float *x = rig_values(r, r->stream, tensor, a, n), *y = rig_values(r, r->stream, tensor, b, n);
    assert_memory_equal(x, y, (size_t)(r->g->tensors[tensor].elements * n) * sizeof *x);
    free(x);
    free(y);
}

/* n rows of uniform values, and their logical values in *logical (n * elements floats, caller frees) if
 * asked. */
static inline void *rig_random_rows(rig *r, int tensor, int n, uint64_t seed, float **logical)
{
    char *rows = rig_rows(r, tensor, n);
    int64_t e = r->g->tensors[tensor].elements;
    float *values = gb_grow(NULL, (int)(n * e), sizeof *values);
    for (int64_t i = 0; i < n * e; i++)
        values[i] = gb_uniform(&seed);
    for (int i = 0; i < n; i++)
        assert_ok(r->b->upload(r->stream, tensor, rows + (size_t)i * r->b->row_bytes(r->network, tensor),
                               values + i * e));
    if (logical)
        *logical = values;
    else
        free(values);
    return rows;
}

#endif
