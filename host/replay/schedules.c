#include "replay/schedules.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

/* Rows and columns that the sites of a trial may span. Each step is a wide one: a plan's patches take time to
 * choose and to prove. */
static const int extents[] = {1, 4, 12, 32};

/* A schedule must save at least this share of the arithmetic of the next wider one to be kept. */
static const double saving = 0.1;

static bool worth_it(const bs_schedule *r, const bs_schedule *wider)
{
    return r->n_patched > 0 && (double)r->macs <= (1.0 - saving) * (double)wider->macs;
}

/* From wide to narrow: what does not save against the last one kept is dropped. The widest is there already.
 */
bs_status bs_schedules_add(bs_schedules *out, const bs_graph *g, const bs_backend *backend,
                           bs_network *network, bs_schedule_request request, const int *extent, int n)
{
    bs_schedule *found[BS_MAX_SCHEDULES];
    int kept = 1;
    found[0] = out->schedule[0];
    bs_status st = BS_OK;
    request.mode = BS_REPLAY_DELTA;
    for (int i = n - 1; i >= 0 && st == BS_OK && kept < BS_MAX_SCHEDULES; i--) {
        bs_schedule *r;
        request.extent = extent[i];
        st = bs_schedule_create_as(&r, g, backend, network, &request);
        if (st == BS_OK && worth_it(r, found[kept - 1]))
            found[kept++] = r;
        else if (st == BS_OK)
            bs_schedule_free(r);
    }
    out->n = kept;
    for (int i = 0; i < kept; i++)
        out->schedule[i] = found[kept - 1 - i];
    return st;
}

/* The first segment that starts after a tensor. */
static int next_segment(const bs_segments *segments, const bs_graph *g, int tensor)
{
    int k = 0;
    while (k < segments->n && g->tensors[segments->segment[k].tensor].producer <= g->tensors[tensor].producer)
        k++;
    return k;
}

bs_status bs_schedules_create(bs_schedules *out, const bs_graph *g, const bs_backend *backend,
                              bs_network *network, int target, bs_replay_mode mode, bool single_site,
                              const bs_guide *guide)
{
    int tensor = g->targets[target].tensor;
    memset(out, 0, sizeof *out);
    bool delta = mode == BS_REPLAY_DELTA && !g->tensors[tensor].constant, several = delta && !single_site;
    const bs_segments *segments = guide ? guide->segments : NULL;
    bs_schedule_request request = {.target = target,
                                   .mode = several ? BS_REPLAY_SUFFIX : mode,
                                   .extent = 1,
                                   .until = g->output,
                                   .autotune = guide ? guide->autotune : NULL,
                                   .fields = guide ? guide->fields : NULL};
    if (delta && segments) {
        out->segments = segments;
        out->next = next_segment(segments, g, tensor);
        request.until = out->next < segments->n ? segments->segment[out->next].tensor : g->output;
    }
    bs_status st = bs_schedule_create_as(&out->schedule[0], g, backend, network, &request);
    out->n = st == BS_OK;
    if (st == BS_OK && several)
        st = bs_schedules_add(out, g, backend, network, request, extents,
                              (int)(sizeof extents / sizeof *extents));
    if (st != BS_OK)
        bs_schedules_clear(out);
    return st;
}

size_t bs_segments_trial_bytes(const bs_segments *r)
{
    return r ? 2 * ((r->row_bytes + 63) / 64 * 64) : 0;
}

size_t bs_schedules_row_bytes(const bs_schedules *r)
{
    size_t bytes = 0;
    for (int i = 0; i < r->n; i++)
        bytes = r->schedule[i]->row_bytes > bytes ? r->schedule[i]->row_bytes : bytes;
    return bytes;
}

int64_t bs_schedules_macs(const bs_schedules *r)
{
    int64_t macs = r->schedule[r->n - 1]->macs;
    for (int k = r->next; r->segments && k < r->segments->n; k++)
        macs += r->segments->segment[k].schedules.schedule[r->segments->segment[k].schedules.n - 1]->macs;
    return macs;
}

bs_status bs_schedules_batch(const bs_replayer *p, const bs_schedules *r, int *n)
{
    if (!r->segments)
        return bs_replayer_batch(p, r->schedule[0], n);
    /* A third of the memory holds the rows of trials at cut points. */
    size_t fit = bs_replayer_room(p, n) / 3 / bs_segments_trial_bytes(r->segments);
    *n = fit < 1 ? 1 : fit < (size_t)*n ? (int)fit : *n;
    return BS_OK;
}

void bs_schedules_clear(bs_schedules *r)
{
    for (int i = 0; i < r->n; i++)
        bs_schedule_free(r->schedule[i]);
    memset(r, 0, sizeof *r);
}

bs_status bs_replay_all(bs_replayer *p, const bs_schedule *r, const bs_trial_batch *t, int most)
{
    int room = 0;
    BS_TRY(bs_replayer_batch(p, r, &room));
    room = room < most ? room : most;
    for (int i = 0; i < t->n; i += room) {
        bs_trial_batch part = bs_trial_batch_part(p, t, i, t->n - i < room ? t->n - i : room);
        BS_TRY(bs_replay(p, r, &part));
    }
    return BS_OK;
}
