/* Segments of a network: chooses the cut points and makes the schedules between them. */
#include "base/buf.h"
#include "replay/bottlenecks.h"
#include "replay/schedules.h"

#include <stdlib.h>

/* Extents that have a schedule of their own; a change of another size takes the next larger one. */
static const int extents[] = {1, 2, 3, 4, 6, 8, 10, 12};
enum { N_EXTENTS = sizeof extents / sizeof *extents };

/* Whole rows are copied and compared at a cut point. That pays where changes have come to cover much of the
 * plane and enough has been computed since the last cut point: after each step down in size if planes have at
 * most LARGE pixels, and anywhere if they have at most SMALL. */
enum { LARGE = 32 * 32, SMALL = 16 * 16, MACS_PER_BYTE = 400 };

/* Returns the pixels of an image's plane. */
static int64_t plane(const bs_graph *g, int tensor)
{
    const int64_t *dim = g->tensors[tensor].shape.dim;
    return dim[1] * dim[2];
}

/* Returns the multiply-accumulates that must precede a cut point to make it worth its copies. */
static int64_t worth(const bs_backend *backend, const bs_network *network, int tensor)
{
    return (int64_t)backend->row_bytes(network, tensor) * MACS_PER_BYTE;
}

static bool suits(const bs_graph *g, const bs_backend *backend, const bs_network *network, const bool *image,
                  int i)
{
    int tensor = g->nodes[i].out;
    const bs_tensor *t = &g->tensors[tensor];
    return t->target >= 0 && tensor != g->output && image[tensor] && plane(g, tensor) > 1 &&
           plane(g, tensor) <= LARGE && backend->patch_bytes(network, tensor, (const int[]){1, 1}) > 0;
}

/* Adds the inputs of large inner products after the last image: reading the weights takes longest there, so
 * trials of all targets should share it. */
static void add_vectors(bs_segments *segments, const bs_graph *g, const bs_backend *backend,
                        const bs_network *network, const bool *bottleneck)
{
    int from = segments->n > 0 ? g->tensors[segments->segment[segments->n - 1].tensor].producer + 1 : 0;
    int64_t macs = 0;
    for (int i = from; i + 1 < g->n_nodes; i++) {
        int tensor = g->nodes[i].out;
        const bs_tensor *t = &g->tensors[tensor];
        macs += g->nodes[i].macs;
        if (macs == 0 || !bottleneck[tensor] || t->target < 0 || t->shape.rank != 1 ||
            g->nodes[i + 1].macs < worth(backend, network, tensor))
            continue;
        segments->segment[segments->n++].tensor = tensor;
        macs = 0;
    }
}

/* The last bottleneck is a cut point, too, if much work follows it: trials of all schedules share batches
 * before the part that is computed whole. */
static bs_status choose_cut_points(bs_segments *segments, const bs_graph *g, const bs_backend *backend,
                                   const bs_network *network, const bool *image, const bool *bottleneck)
{
    int last = -1;
    int64_t size = INT64_MAX, macs = 0, after = 0;
    BS_TRY(bs_calloc(&segments->segment, (size_t)g->n_nodes + 1, sizeof *segments->segment, "segments"));
    for (int i = 0; i < g->n_nodes; i++) {
        int tensor = g->nodes[i].out;
        macs += g->nodes[i].macs;
        after += g->nodes[i].macs;
        if (!bottleneck[tensor] || !suits(g, backend, network, image, i))
            continue;
        last = tensor;
        after = 0;
        bool read_by_macs = i + 1 < g->n_nodes && g->nodes[i + 1].macs > 0;
        if (macs >= worth(backend, network, tensor) &&
            (plane(g, tensor) < size || (plane(g, tensor) <= SMALL && read_by_macs))) {
            segments->segment[segments->n++].tensor = tensor;
            size = plane(g, tensor);
            macs = 0;
        }
    }
    bool there = segments->n > 0 && segments->segment[segments->n - 1].tensor == last;
    if (last >= 0 && !there && after >= worth(backend, network, last))
        segments->segment[segments->n++].tensor = last;
    add_vectors(segments, g, backend, network, bottleneck);
    for (int k = 0; k < segments->n; k++) {
        size_t bytes = backend->row_bytes(network, segments->segment[k].tensor);
        segments->row_bytes = bytes > segments->row_bytes ? bytes : segments->row_bytes;
        segments->all_bytes += bs_cut_point_aligned(bytes);
    }
    return BS_OK;
}

/* Makes the schedules from cut point k to the next: the dense one, and narrower ones where they save. */
static bs_status make_schedules(bs_segments *segments, const bs_graph *g, const bs_backend *backend,
                                bs_network *network, const bs_schedule_context *context, int k)
{
    bs_schedules *out = &segments->segment[k].schedules;
    out->segments = segments;
    out->next = k + 1;
    bs_schedule_request request = {.target = g->tensors[segments->segment[k].tensor].target,
                                   .mode = BS_REPLAY_SUFFIX,
                                   .until = k + 1 < segments->n ? segments->segment[k + 1].tensor : g->output,
                                   .autotune = context ? context->autotune : NULL,
                                   .fields = context ? context->fields : NULL};
    BS_TRY(bs_schedule_create_as(&out->schedule[0], g, backend, network, &request));
    out->n = 1;
    if (g->tensors[segments->segment[k].tensor].shape.rank == 1)
        return BS_OK;
    return bs_schedules_add(out, g, backend, network, request, extents, N_EXTENTS);
}

bs_status bs_segments_create(bs_segments **out, const bs_graph *g, const bs_backend *backend,
                             bs_network *network, const bs_schedule_context *context)
{
    *out = NULL;
    if (!backend->bounds || !backend->patch_bytes)
        return BS_OK;
    bs_segments *segments = NULL;
    bool *image = NULL, *bottleneck = NULL;
    bs_status st;
    BS_TRY_GOTO(bs_calloc(&image, (size_t)g->n_tensors, sizeof *image, "segments"), out);
    BS_TRY_GOTO(bs_calloc(&segments, 1, sizeof *segments, "segments"), out);
    BS_TRY_GOTO(bs_images_choose(image, g), out);
    BS_TRY_GOTO(bs_bottlenecks_find(&bottleneck, g), out);
    BS_TRY_GOTO(choose_cut_points(segments, g, backend, network, image, bottleneck), out);
    for (int k = 0; k < segments->n; k++)
        BS_TRY_GOTO(make_schedules(segments, g, backend, network, context, k), out);
    if (segments->n > 0) {
        *out = segments;
        segments = NULL;
    }
out:
    bs_segments_free(segments);
    free(image);
    free(bottleneck);
    return st;
}

void bs_segments_free(bs_segments *segments)
{
    if (!segments)
        return;
    for (int k = 0; segments->segment && k < segments->n; k++)
        bs_schedules_clear(&segments->segment[k].schedules);
    free(segments->segment);
    free(segments);
}
