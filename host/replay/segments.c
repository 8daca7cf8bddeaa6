/* Chooses cut points, and makes the schedules between them. */
#include "base/buf.h"
#include "replay/schedules.h"

#include <stdlib.h>

/* Sizes of changes for which there are schedules. Between them, small boxes are computed as the next larger
 * ones. */
static const int extents[] = {1, 2, 3, 4, 6, 8, 10, 12};
enum { N_EXTENTS = sizeof extents / sizeof *extents };

/* Rows at a cut point are copied and compared as a whole. That pays where changes have come to cover much of
 * the plane, and the arithmetic since the cut point before is worth it: on planes of at most LARGE pixels
 * after each step down in size, on those of at most SMALL pixels anywhere. */
enum { LARGE = 32 * 32, SMALL = 16 * 16, MACS_PER_BYTE = 400 };

/* Returns true if no other tensor that is computed up to node i is read after it. */
static bool is_bottleneck(const bs_graph *g, int i)
{
    for (int k = i + 1; k < g->n_nodes; k++)
        for (int in = 0; in < g->nodes[k].n_in; in++) {
            int t = g->nodes[k].in[in];
            if (t >= 0 && !g->tensors[t].constant && t != g->nodes[i].out && g->tensors[t].producer <= i)
                return false;
        }
    return true;
}

/* Of an image. */
static int64_t plane(const bs_graph *g, int tensor)
{
    const int64_t *dim = g->tensors[tensor].shape.dim;
    return dim[1] * dim[2];
}

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
           plane(g, tensor) <= LARGE && backend->patch_bytes(network, tensor, (const int[]){1, 1}) > 0 &&
           is_bottleneck(g, i);
}

/* The last bottleneck is a cut point where much work follows it: there batches meet before what is computed
 * whole. */
static bs_status choose_cut_points(bs_segments *r, const bs_graph *g, const bs_backend *backend,
                                   const bs_network *network, const bool *image)
{
    int last = -1;
    int64_t size = INT64_MAX, macs = 0, after = 0;
    BS_TRY(bs_calloc(&r->segment, (size_t)g->n_nodes + 1, sizeof *r->segment, "segments"));
    for (int i = 0; i < g->n_nodes; i++) {
        int tensor = g->nodes[i].out;
        macs += g->nodes[i].macs;
        after += g->nodes[i].macs;
        if (!suits(g, backend, network, image, i))
            continue;
        last = tensor;
        after = 0;
        bool read_by_macs = i + 1 < g->n_nodes && g->nodes[i + 1].macs > 0;
        if (macs >= worth(backend, network, tensor) &&
            (plane(g, tensor) < size || (plane(g, tensor) <= SMALL && read_by_macs))) {
            r->segment[r->n++].tensor = tensor;
            size = plane(g, tensor);
            macs = 0;
        }
    }
    bool there = r->n > 0 && r->segment[r->n - 1].tensor == last;
    if (last >= 0 && !there && after >= worth(backend, network, last))
        r->segment[r->n++].tensor = last;
    for (int k = 0; k < r->n; k++) {
        size_t bytes = backend->row_bytes(network, r->segment[k].tensor);
        r->row_bytes = bytes > r->row_bytes ? bytes : r->row_bytes;
    }
    return BS_OK;
}

/* From cut point k to the next: densely, and narrower where that saves. */
static bs_status make_schedules(bs_segments *r, const bs_graph *g, const bs_backend *backend,
                                bs_network *network, const bs_guide *guide, int k)
{
    bs_schedules *out = &r->segment[k].schedules;
    out->segments = r;
    out->next = k + 1;
    bs_schedule_request request = {.target = g->tensors[r->segment[k].tensor].target,
                                   .mode = BS_REPLAY_SUFFIX,
                                   .until = k + 1 < r->n ? r->segment[k + 1].tensor : g->output,
                                   .autotune = guide ? guide->autotune : NULL,
                                   .fields = guide ? guide->fields : NULL};
    BS_TRY(bs_schedule_create_as(&out->schedule[0], g, backend, network, &request));
    out->n = 1;
    return bs_schedules_add(out, g, backend, network, request, extents, N_EXTENTS);
}

bs_status bs_segments_create(bs_segments **out, const bs_graph *g, const bs_backend *backend,
                             bs_network *network, const bs_guide *guide)
{
    *out = NULL;
    if (!backend->bounds || !backend->patch_bytes)
        return BS_OK;
    bs_segments *r = NULL;
    bool *image;
    bs_status st;
    BS_TRY(bs_calloc(&image, (size_t)g->n_tensors, sizeof *image, "segments"));
    BS_TRY_GOTO(bs_calloc(&r, 1, sizeof *r, "segments"), out);
    BS_TRY_GOTO(bs_images_choose(image, g), out);
    BS_TRY_GOTO(choose_cut_points(r, g, backend, network, image), out);
    for (int k = 0; k < r->n; k++)
        BS_TRY_GOTO(make_schedules(r, g, backend, network, guide, k), out);
    if (r->n > 0) {
        *out = r;
        r = NULL;
    }
out:
    bs_segments_free(r);
    free(image);
    return st;
}

void bs_segments_free(bs_segments *r)
{
    if (!r)
        return;
    for (int k = 0; r->segment && k < r->n; k++)
        bs_schedules_clear(&r->segment[k].schedules);
    free(r->segment);
    free(r);
}
