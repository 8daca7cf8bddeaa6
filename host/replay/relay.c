/* Which tensors become stages, and the routes between them. */
#include "base/buf.h"
#include "replay/routes.h"

#include <stdlib.h>

/* Sizes of changes for which there are routes. Between them, small boxes are computed as the next larger
 * ones. */
static const int extents[] = {1, 2, 3, 4, 6, 8, 10, 12};
enum { N_EXTENTS = sizeof extents / sizeof *extents };

/* Rows of a stage are copied and compared as a whole. That pays where changes have come to cover much of the
 * plane, and the arithmetic since the stage before is worth it: on planes of at most LARGE pixels after each
 * step down in size, on those of at most SMALL pixels anywhere. */
enum { LARGE = 32 * 32, SMALL = 16 * 16, MACS_PER_BYTE = 400 };

/* Is every other tensor that is computed up to node i of no use behind it? */
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

/* The last bottleneck of all is one where much comes behind it: there batches meet before what is computed
 * whole. */
static bs_status choose_stages(bs_relay *r, const bs_graph *g, const bs_backend *backend,
                               const bs_network *network, const bool *image)
{
    int last = -1;
    int64_t size = INT64_MAX, macs = 0, behind = 0;
    BS_TRY(bs_calloc(&r->stages, (size_t)g->n_nodes + 1, sizeof *r->stages, "stages"));
    for (int i = 0; i < g->n_nodes; i++) {
        int tensor = g->nodes[i].out;
        macs += g->nodes[i].macs;
        behind += g->nodes[i].macs;
        if (!suits(g, backend, network, image, i))
            continue;
        last = tensor;
        behind = 0;
        bool read_by_macs = i + 1 < g->n_nodes && g->nodes[i + 1].macs > 0;
        if (macs >= worth(backend, network, tensor) &&
            (plane(g, tensor) < size || (plane(g, tensor) <= SMALL && read_by_macs))) {
            r->stages[r->n++].tensor = tensor;
            size = plane(g, tensor);
            macs = 0;
        }
    }
    bool there = r->n > 0 && r->stages[r->n - 1].tensor == last;
    if (last >= 0 && !there && behind >= worth(backend, network, last))
        r->stages[r->n++].tensor = last;
    for (int k = 0; k < r->n; k++) {
        size_t bytes = backend->row_bytes(network, r->stages[k].tensor);
        r->row_bytes = bytes > r->row_bytes ? bytes : r->row_bytes;
    }
    return BS_OK;
}

/* From stage k to the next: densely, and narrower where that saves. */
static bs_status make_routes(bs_relay *r, const bs_graph *g, const bs_backend *backend, bs_network *network,
                             const bs_guide *guide, int k)
{
    bs_routes *out = &r->stages[k].routes;
    out->relay = r;
    out->next = k + 1;
    bs_route_wish wish = {.target = g->tensors[r->stages[k].tensor].target,
                          .mode = BS_REPLAY_SUFFIX,
                          .until = k + 1 < r->n ? r->stages[k + 1].tensor : g->output,
                          .cost = guide ? guide->cost : NULL,
                          .fields = guide ? guide->fields : NULL};
    BS_TRY(bs_route_create_as(&out->route[0], g, backend, network, &wish));
    out->n = 1;
    return bs_routes_add(out, g, backend, network, wish, extents, N_EXTENTS);
}

bs_status bs_relay_create(bs_relay **out, const bs_graph *g, const bs_backend *backend, bs_network *network,
                          const bs_guide *guide)
{
    *out = NULL;
    if (!backend->bounds || !backend->patch_bytes)
        return BS_OK;
    bs_relay *r = NULL;
    bool *image;
    bs_status st;
    BS_TRY(bs_calloc(&image, (size_t)g->n_tensors, sizeof *image, "stages"));
    BS_TRY_GOTO(bs_calloc(&r, 1, sizeof *r, "stages"), out);
    BS_TRY_GOTO(bs_images_choose(image, g), out);
    BS_TRY_GOTO(choose_stages(r, g, backend, network, image), out);
    for (int k = 0; k < r->n; k++)
        BS_TRY_GOTO(make_routes(r, g, backend, network, guide, k), out);
    if (r->n > 0) {
        *out = r;
        r = NULL;
    }
out:
    bs_relay_free(r);
    free(image);
    return st;
}

void bs_relay_free(bs_relay *r)
{
    if (!r)
        return;
    for (int k = 0; r->stages && k < r->n; k++)
        bs_routes_clear(&r->stages[k].routes);
    free(r->stages);
    free(r);
}
