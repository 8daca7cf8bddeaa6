#include "backend/timed.h"

#include "base/buf.h"
#include "base/resources.h"

#include <stdlib.h>
#include <string.h>

/* The inner backend's own are behind pointers of the same type, which only it follows. */
struct bs_network {
    bs_timed *timed;
    const bs_backend *backend;
    bs_network *inner;
    const bs_graph *graph;
};

struct bs_lane {
    const bs_network *network;
    const bs_backend *backend;
    bs_lane *inner;
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

static bs_status device_wait(const bs_lane *l)
{
    return l->backend->wait ? l->backend->wait(l->inner) : BS_OK;
}

static bs_status begin(bs_lane *l)
{
    BS_TRY(device_wait(l));
    l->since = bs_resources_clock();
    return BS_OK;
}

/* Ends what begin() began; `st` is what came of it. */
static bs_status end_op(bs_lane *l, bs_timed_operation what, bs_op op, bs_status st)
{
    if (st == BS_OK)
        st = device_wait(l);
    l->cell[what][op].seconds += bs_resources_clock() - l->since;
    l->cell[what][op].calls++;
    return st;
}

static bs_status end(bs_lane *l, bs_timed_operation what, bs_status st)
{
    return end_op(l, what, 0, st);
}

static bs_op op_of(const bs_lane *l, int node)
{
    return l->network->graph->nodes[node].op;
}

static size_t timed_row_bytes(const bs_network *n, int tensor)
{
    return n->backend->row_bytes(n->inner, tensor);
}

static bs_status timed_lane_open(bs_lane **out, bs_network *n)
{
    BS_TRY(bs_calloc(out, 1, sizeof **out, "lane"));
    bs_lane *l = *out;
    l->network = n;
    l->backend = n->backend;
    bs_status st = l->backend->lane_open(&l->inner, n->inner);
    if (st != BS_OK) {
        free(l);
        *out = NULL;
    }
    return st;
}

static void timed_lane_close(bs_lane *l)
{
    if (!l)
        return;
    bs_timed *t = l->network->timed;
    l->backend->lane_close(l->inner);
    pthread_mutex_lock(&t->lock);
    for (int what = 0; what < BS_TIMED_COUNT; what++)
        for (int op = 0; op < BS_OP_COUNT; op++) {
            t->cell[what][op].calls += l->cell[what][op].calls;
            t->cell[what][op].seconds += l->cell[what][op].seconds;
        }
    pthread_mutex_unlock(&t->lock);
    free(l);
}

void bs_timed_restart(bs_lane *l)
{
    memset(l->cell, 0, sizeof l->cell);
}

static bs_status timed_alloc(bs_lane *l, void **out, size_t bytes)
{
    return l->backend->alloc(l->inner, out, bytes);
}

static void timed_free(bs_lane *l, void *p)
{
    l->backend->free(l->inner, p);
}

static bs_status timed_upload(bs_lane *l, int tensor, void *row, const float *data)
{
    BS_TRY(begin(l));
    return end(l, BS_TIMED_UPLOAD, l->backend->upload(l->inner, tensor, row, data));
}

static bs_status timed_download(bs_lane *l, int tensor, const void *row, float *data)
{
    BS_TRY(begin(l));
    return end(l, BS_TIMED_DOWNLOAD, l->backend->download(l->inner, tensor, row, data));
}

static bs_status timed_run(bs_lane *l, int node, int n, const bs_view *in, void *out)
{
    BS_TRY(begin(l));
    return end_op(l, BS_TIMED_RUN, op_of(l, node), l->backend->run(l->inner, node, n, in, out));
}

static bs_status timed_run_faulty(bs_lane *l, int node, int slot, int n, const bs_view *in,
                                  bs_view golden_out, const bs_faults *f, bs_faulty_mode mode, void *out)
{
    BS_TRY(begin(l));
    return end_op(l, BS_TIMED_RUN_FAULTY, op_of(l, node),
                  l->backend->run_faulty(l->inner, node, slot, n, in, golden_out, f, mode, out));
}

static bs_status timed_copy_rows(bs_lane *l, int tensor, int n, bs_view src, void *dst)
{
    BS_TRY(begin(l));
    return end(l, BS_TIMED_COPY_ROWS, l->backend->copy_rows(l->inner, tensor, n, src, dst));
}

static bs_status timed_move_rows(bs_lane *l, int n, void *rows, size_t row_bytes, const int32_t *to,
                                 const int32_t *from)
{
    BS_TRY(begin(l));
    return end(l, BS_TIMED_MOVE_ROWS, l->backend->move_rows(l->inner, n, rows, row_bytes, to, from));
}

static bs_status timed_inject(bs_lane *l, int tensor, int n, void *rows, const bs_faults *f)
{
    BS_TRY(begin(l));
    return end(l, BS_TIMED_INJECT, l->backend->inject(l->inner, tensor, n, rows, f));
}

static bs_status timed_compare(bs_lane *l, int tensor, int n, const void *rows, bs_view golden,
                               uint8_t *equal)
{
    BS_TRY(begin(l));
    return end(l, BS_TIMED_COMPARE, l->backend->compare(l->inner, tensor, n, rows, golden, equal));
}

static size_t timed_patch_bytes(const bs_network *n, int tensor, const int size[2])
{
    return n->backend->patch_bytes(n->inner, tensor, size);
}

static bool timed_patch_supported(bs_network *n, int node, const int in_size[2], const int out_size[2])
{
    return n->backend->patch_supported(n->inner, node, in_size, out_size);
}

static bs_status timed_gather(bs_lane *l, int tensor, int n, bs_view golden, const void *live,
                              const bs_patches *live_at, const bs_patches *want, float fill, void *dst)
{
    BS_TRY(begin(l));
    return end(l, BS_TIMED_GATHER,
               l->backend->gather(l->inner, tensor, n, golden, live, live_at, want, fill, dst));
}

static bs_status timed_run_patch(bs_lane *l, int node, int n, const int in_size[2], const bs_view *in,
                                 const int out_size[2], void *out)
{
    BS_TRY(begin(l));
    return end_op(l, BS_TIMED_RUN_PATCH, op_of(l, node),
                  l->backend->run_patch(l->inner, node, n, in_size, in, out_size, out));
}

static bs_status timed_inject_patch(bs_lane *l, int tensor, int n, const bs_patches *at, void *rows,
                                    const bs_faults *f)
{
    BS_TRY(begin(l));
    return end(l, BS_TIMED_INJECT, l->backend->inject_patch(l->inner, tensor, n, at, rows, f));
}

static bs_status timed_compare_patch(bs_lane *l, int tensor, int n, const bs_patches *at, const void *rows,
                                     bs_view golden, uint8_t *equal)
{
    BS_TRY(begin(l));
    return end(l, BS_TIMED_COMPARE, l->backend->compare_patch(l->inner, tensor, n, at, rows, golden, equal));
}

static bs_status timed_bounds(bs_lane *l, int tensor, int n, bs_view rows, bs_view golden,
                              int32_t (*bounds)[4])
{
    BS_TRY(begin(l));
    return end(l, BS_TIMED_BOUNDS, l->backend->bounds(l->inner, tensor, n, rows, golden, bounds));
}

static bs_status timed_rank(bs_lane *l, int n, const void *rows, const int32_t *golden_class, bs_answer *out)
{
    BS_TRY(begin(l));
    return end(l, BS_TIMED_RANK, l->backend->rank(l->inner, n, rows, golden_class, out));
}

static bs_backend table_of(const bs_backend *inner)
{
    bs_backend b = {
        .name = inner->name,
        .needs_pixels = inner->needs_pixels,
        .clock = inner->clock,
        .device_count = inner->device_count,
        .describe = inner->describe,
        .supports = inner->supports,
        .row_bytes = timed_row_bytes,
        .lane_open = timed_lane_open,
        .lane_close = timed_lane_close,
        .alloc = timed_alloc,
        .free = timed_free,
        .upload = timed_upload,
        .download = timed_download,
        .run = timed_run,
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
