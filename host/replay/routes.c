#include "replay/routes.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

/* Rows and columns that the sites of a trial may span. Each step is a wide one: a plan's patches take time to
 * choose and to prove. */
static const int extents[] = {1, 4, 12, 32};

/* A route must save at least this share of the arithmetic of the next wider one to be kept. */
static const double saving = 0.1;

static bool worth_it(const bs_route *r, const bs_route *wider)
{
    return r->n_patched > 0 && (double)r->macs <= (1.0 - saving) * (double)wider->macs;
}

/* From wide to narrow: what does not save against the last one kept is dropped. The widest is there already.
 */
bs_status bs_routes_add(bs_routes *out, const bs_graph *g, const bs_backend *backend, bs_network *network,
                        bs_route_wish wish, const int *extent, int n)
{
    bs_route *found[BS_MAX_ROUTES];
    int kept = 1;
    found[0] = out->route[0];
    bs_status st = BS_OK;
    wish.mode = BS_REPLAY_DELTA;
    for (int i = n - 1; i >= 0 && st == BS_OK && kept < BS_MAX_ROUTES; i--) {
        bs_route *r;
        wish.extent = extent[i];
        st = bs_route_create_as(&r, g, backend, network, &wish);
        if (st == BS_OK && worth_it(r, found[kept - 1]))
            found[kept++] = r;
        else if (st == BS_OK)
            bs_route_free(r);
    }
    out->n = kept;
    for (int i = 0; i < kept; i++)
        out->route[i] = found[kept - 1 - i];
    return st;
}

/* The first stage behind a tensor. */
static int next_stage(const bs_relay *relay, const bs_graph *g, int tensor)
{
    int k = 0;
    while (k < relay->n && g->tensors[relay->stages[k].tensor].producer <= g->tensors[tensor].producer)
        k++;
    return k;
}

bs_status bs_routes_create(bs_routes *out, const bs_graph *g, const bs_backend *backend, bs_network *network,
                           int target, bs_replay_mode mode, bool single_site, const bs_guide *guide)
{
    int tensor = g->targets[target].tensor;
    memset(out, 0, sizeof *out);
    bool delta = mode == BS_REPLAY_DELTA && !g->tensors[tensor].constant, several = delta && !single_site;
    const bs_relay *relay = guide ? guide->relay : NULL;
    bs_route_wish wish = {.target = target,
                          .mode = several ? BS_REPLAY_SUFFIX : mode,
                          .extent = 1,
                          .until = g->output,
                          .cost = guide ? guide->cost : NULL,
                          .fields = guide ? guide->fields : NULL};
    if (delta && relay) {
        out->relay = relay;
        out->next = next_stage(relay, g, tensor);
        wish.until = out->next < relay->n ? relay->stages[out->next].tensor : g->output;
    }
    bs_status st = bs_route_create_as(&out->route[0], g, backend, network, &wish);
    out->n = st == BS_OK;
    if (st == BS_OK && several)
        st = bs_routes_add(out, g, backend, network, wish, extents, (int)(sizeof extents / sizeof *extents));
    if (st != BS_OK)
        bs_routes_clear(out);
    return st;
}

size_t bs_relay_trial_bytes(const bs_relay *r)
{
    return r ? 2 * ((r->row_bytes + 63) / 64 * 64) : 0;
}

size_t bs_routes_row_bytes(const bs_routes *r)
{
    size_t bytes = 0;
    for (int i = 0; i < r->n; i++)
        bytes = r->route[i]->row_bytes > bytes ? r->route[i]->row_bytes : bytes;
    return bytes;
}

int64_t bs_routes_macs(const bs_routes *r)
{
    int64_t macs = r->route[r->n - 1]->macs;
    for (int k = r->next; r->relay && k < r->relay->n; k++)
        macs += r->relay->stages[k].routes.route[r->relay->stages[k].routes.n - 1]->macs;
    return macs;
}

bs_status bs_routes_batch(const bs_replayer *p, const bs_routes *r, int *n)
{
    if (!r->relay)
        return bs_replayer_batch(p, r->route[0], n);
    /* A third of the memory holds trials on their way from stage to stage. */
    size_t fit = bs_replayer_room(p, n) / 3 / bs_relay_trial_bytes(r->relay);
    *n = fit < 1 ? 1 : fit < (size_t)*n ? (int)fit : *n;
    return BS_OK;
}

void bs_routes_clear(bs_routes *r)
{
    for (int i = 0; i < r->n; i++)
        bs_route_free(r->route[i]);
    memset(r, 0, sizeof *r);
}

bs_status bs_replay_all(bs_replayer *p, const bs_route *r, const bs_trials *t, int most)
{
    int room = 0;
    BS_TRY(bs_replayer_batch(p, r, &room));
    room = room < most ? room : most;
    for (int i = 0; i < t->n; i += room) {
        bs_trials part = bs_trials_part(p, t, i, t->n - i < room ? t->n - i : room);
        BS_TRY(bs_replay(p, r, &part));
    }
    return BS_OK;
}
