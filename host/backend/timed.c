#include "backend/timed.h"

#include "base/buf.h"
#include "base/resources.h"

#include <stdlib.h>
#include <string.h>

/* The inner backend's network and stream have the same types; only the inner backend looks into them. */
struct bs_network {
    bs_timed *timed;
    const bs_backend *backend;
    bs_network *inner;
    const bs_graph *graph;
};

struct bs_stream {
    const bs_network *network;
    const bs_backend *backend;
    bs_stream *inner;
    double since;
    bs_timed_cell cell[BS_TIMED_COUNT][BS_OP_COUNT];
};

const char *bs_timed_name(bs_timed_operation what)
{
    static const char *const names[] = {
#define X(suffix, name) name,
        BS_TIMED_OPERATIONS(X)
#undef X
    };
    return names[what];
}

static bs_status device_wait(const bs_stream *stream)
{
    return stream->backend->wait ? stream->backend->wait(stream->inner) : BS_OK;
}

static bs_status begin(bs_stream *stream)
{
    BS_TRY(device_wait(stream));
    stream->since = bs_resources_clock();
    return BS_OK;
}

/* Ends the measurement that begin() started; `st` is the status of the operation. */
static bs_status end_op(bs_stream *stream, bs_timed_operation what, bs_op op, bs_status st)
{
    if (st == BS_OK)
        st = device_wait(stream);
    stream->cell[what][op].seconds += bs_resources_clock() - stream->since;
    stream->cell[what][op].calls++;
    return st;
}

static bs_status end(bs_stream *stream, bs_timed_operation what, bs_status st)
{
    return end_op(stream, what, 0, st);
}

static bs_op op_of(const bs_stream *stream, int node)
{
    return stream->network->graph->nodes[node].op;
}

static size_t timed_row_bytes(const bs_network *n, int tensor)
{
    return n->backend->row_bytes(n->inner, tensor);
}

static int timed_view_of(const bs_network *n, int tensor)
{
    return n->backend->view_of(n->inner, tensor);
}

static bs_status timed_stream_open(bs_stream **out, bs_network *n)
{
    BS_TRY(bs_calloc(out, 1, sizeof **out, "stream"));
    bs_stream *stream = *out;
    stream->network = n;
    stream->backend = n->backend;
    bs_status st = stream->backend->stream_open(&stream->inner, n->inner);
    if (st != BS_OK) {
        free(stream);
        *out = NULL;
    }
    return st;
}

static void timed_stream_close(bs_stream *stream)
{
    if (!stream)
        return;
    bs_timed *t = stream->network->timed;
    stream->backend->stream_close(stream->inner);
    pthread_mutex_lock(&t->lock);
    for (int what = 0; what < BS_TIMED_COUNT; what++)
        for (int op = 0; op < BS_OP_COUNT; op++) {
            t->cell[what][op].calls += stream->cell[what][op].calls;
            t->cell[what][op].seconds += stream->cell[what][op].seconds;
        }
    pthread_mutex_unlock(&t->lock);
    free(stream);
}

void bs_timed_restart(bs_stream *stream)
{
    memset(stream->cell, 0, sizeof stream->cell);
}

static bs_status timed_alloc(bs_stream *stream, void **out, size_t bytes)
{
    return stream->backend->alloc(stream->inner, out, bytes);
}

static void timed_free(bs_stream *stream, void *p)
{
    stream->backend->free(stream->inner, p);
}

static bs_status timed_upload(bs_stream *stream, int tensor, void *row, const float *data)
{
    BS_TRY(begin(stream));
    return end(stream, BS_TIMED_UPLOAD, stream->backend->upload(stream->inner, tensor, row, data));
}

static bs_status timed_download(bs_stream *stream, int tensor, const void *row, float *data)
{
    BS_TRY(begin(stream));
    return end(stream, BS_TIMED_DOWNLOAD, stream->backend->download(stream->inner, tensor, row, data));
}

static bs_status timed_run(bs_stream *stream, int node, int n, const bs_view *in, void *out)
{
    BS_TRY(begin(stream));
    return end_op(stream, BS_TIMED_RUN, op_of(stream, node),
                  stream->backend->run(stream->inner, node, n, in, out));
}

static bs_status timed_run_region(bs_stream *stream, int region, int n, const int size[2], const bs_view *in,
                                  void *out)
{
    const bs_region *r = &stream->network->graph->regions[region];
    BS_TRY(begin(stream));
    return end_op(stream, size ? BS_TIMED_RUN_PATCH : BS_TIMED_RUN,
                  r->product ? op_of(stream, r->first) : r->node.op,
                  stream->backend->run_region(stream->inner, region, n, size, in, out));
}

static bs_status timed_run_faulty(bs_stream *stream, int node, int n_faulty, const bs_faulty_input *faulty,
                                  int n, const bs_view *in, bs_view golden_out, bs_faulty_mode mode,
                                  void *out)
{
    BS_TRY(begin(stream));
    return end_op(
        stream, BS_TIMED_RUN_FAULTY, op_of(stream, node),
        stream->backend->run_faulty(stream->inner, node, n_faulty, faulty, n, in, golden_out, mode, out));
}

static bs_status timed_copy_rows(bs_stream *stream, int tensor, int n, bs_view src, void *dst)
{
    BS_TRY(begin(stream));
    return end(stream, BS_TIMED_COPY_ROWS, stream->backend->copy_rows(stream->inner, tensor, n, src, dst));
}

static bs_status timed_move_rows(bs_stream *stream, int n, void *rows, size_t row_bytes, const int32_t *to,
                                 const int32_t *from)
{
    BS_TRY(begin(stream));
    return end(stream, BS_TIMED_MOVE_ROWS,
               stream->backend->move_rows(stream->inner, n, rows, row_bytes, to, from));
}

static bs_status timed_inject(bs_stream *stream, int tensor, int n, void *rows, const bs_faults *f)
{
    BS_TRY(begin(stream));
    return end(stream, BS_TIMED_INJECT, stream->backend->inject(stream->inner, tensor, n, rows, f));
}

static bs_status timed_compare(bs_stream *stream, int tensor, int n, const void *rows, bs_view golden,
                               uint8_t *equal)
{
    BS_TRY(begin(stream));
    return end(stream, BS_TIMED_COMPARE,
               stream->backend->compare(stream->inner, tensor, n, rows, golden, equal));
}

static size_t timed_patch_bytes(const bs_network *n, int tensor, const int size[2])
{
    return n->backend->patch_bytes(n->inner, tensor, size);
}

static bool timed_patch_supported(bs_network *n, int node, const int in_size[2], const int out_size[2])
{
    return n->backend->patch_supported(n->inner, node, in_size, out_size);
}

static bs_status timed_gather(bs_stream *stream, int tensor, int n, bs_view golden, const void *live,
                              const bs_patches *live_at, const bs_patches *want, float fill, void *dst)
{
    BS_TRY(begin(stream));
    return end(stream, BS_TIMED_GATHER,
               stream->backend->gather(stream->inner, tensor, n, golden, live, live_at, want, fill, dst));
}

static bs_status timed_run_patch(bs_stream *stream, int node, int n, const int in_size[2], const bs_view *in,
                                 const int out_size[2], void *out)
{
    BS_TRY(begin(stream));
    return end_op(stream, BS_TIMED_RUN_PATCH, op_of(stream, node),
                  stream->backend->run_patch(stream->inner, node, n, in_size, in, out_size, out));
}

static bs_status timed_inject_patch(bs_stream *stream, int tensor, int n, const bs_patches *at, void *rows,
                                    const bs_faults *f)
{
    BS_TRY(begin(stream));
    return end(stream, BS_TIMED_INJECT, stream->backend->inject_patch(stream->inner, tensor, n, at, rows, f));
}

static bs_status timed_compare_patch(bs_stream *stream, int tensor, int n, const bs_patches *at,
                                     const void *rows, bs_view golden, uint8_t *equal)
{
    BS_TRY(begin(stream));
    return end(stream, BS_TIMED_COMPARE,
               stream->backend->compare_patch(stream->inner, tensor, n, at, rows, golden, equal));
}

static bs_status timed_bounds(bs_stream *stream, int tensor, int n, bs_view rows, bs_view golden,
                              int32_t (*bounds)[4])
{
    BS_TRY(begin(stream));
    return end(stream, BS_TIMED_BOUNDS,
               stream->backend->bounds(stream->inner, tensor, n, rows, golden, bounds));
}

static bs_status timed_rank(bs_stream *stream, int n, const void *rows, const int32_t *golden_class,
                            bs_answer *out)
{
    BS_TRY(begin(stream));
    return end(stream, BS_TIMED_RANK, stream->backend->rank(stream->inner, n, rows, golden_class, out));
}

static uint64_t timed_selection(const bs_network *n)
{
    return n->backend->selection(n->inner);
}

static bs_backend table_of(const bs_backend *inner)
{
    bs_backend b = {
        .name = inner->name,
        .needs_pixels = inner->needs_pixels,
        .cache_bytes = inner->cache_bytes,
        .autotune = inner->autotune,
        .device_count = inner->device_count,
        .describe = inner->describe,
        .supports = inner->supports,
        .row_bytes = timed_row_bytes,
        .view_of = timed_view_of,
        .stream_open = timed_stream_open,
        .stream_close = timed_stream_close,
        .alloc = timed_alloc,
        .free = timed_free,
        .upload = timed_upload,
        .download = timed_download,
        .run = timed_run,
        .run_region = timed_run_region,
        .run_faulty = timed_run_faulty,
        .copy_rows = timed_copy_rows,
        .move_rows = timed_move_rows,
        .inject = timed_inject,
        .compare = timed_compare,
        .rank = timed_rank,
    };
    if (inner->patch_bytes) {
        b.patch_bytes = timed_patch_bytes;
        b.patch_supported = timed_patch_supported;
        b.gather = timed_gather;
        b.run_patch = timed_run_patch;
        b.inject_patch = timed_inject_patch;
        b.compare_patch = timed_compare_patch;
    }
    if (inner->bounds)
        b.bounds = timed_bounds;
    if (inner->selection)
        b.selection = timed_selection;
    return b;
}

bs_status bs_timed_create(bs_timed **out, const bs_backend *inner, bs_network *network, const bs_graph *g)
{
    BS_TRY(bs_calloc(out, 1, sizeof **out, "timing"));
    bs_timed *t = *out;
    bs_status st = bs_calloc(&t->network, 1, sizeof *t->network, "timing");
    if (st != BS_OK) {
        free(t);
        *out = NULL;
        return st;
    }
    t->backend = table_of(inner);
    *t->network = (bs_network){t, inner, network, g};
    pthread_mutex_init(&t->lock, NULL);
    return BS_OK;
}

void bs_timed_free(bs_timed *t)
{
    if (!t)
        return;
    pthread_mutex_destroy(&t->lock);
    free(t->network);
    free(t);
}
