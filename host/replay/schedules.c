#include "replay/schedules.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

/* Rows and columns that the sites of a trial may span. The steps between them are wide because each schedule
 * takes time to make and to test. */
static const int extents[] = {1, 4, 12, 32};

/* A schedule is kept if it saves at least this share of the next wider one's arithmetic. */
static const double saving = 0.1;

static bool worth_it(const bs_schedule *schedule, const bs_schedule *wider)
{
    return schedule->n_patched > 0 && (double)schedule->macs <= (1.0 - saving) * (double)wider->macs;
}

/* Goes from wide to narrow, and drops a schedule that saves too little against the last one kept. The widest
 * is there already. */
bs_status bs_schedules_add(bs_schedules *out, const bs_graph *g, const bs_backend *backend,
                           bs_network *network, bs_schedule_request request, const int *extent, int n)
{
    bs_schedule *found[BS_MAX_SCHEDULES];
    int kept = 1;
    found[0] = out->schedule[0];
    bs_status st = BS_OK;
    request.mode = BS_REPLAY_DELTA;
    for (int i = n - 1; i >= 0 && st == BS_OK && kept < BS_MAX_SCHEDULES; i--) {
        bs_schedule *schedule;
        request.extent = extent[i];
        st = bs_schedule_create_as(&schedule, g, backend, network, &request);
        if (st == BS_OK && worth_it(schedule, found[kept - 1]))
            found[kept++] = schedule;
        else if (st == BS_OK)
            bs_schedule_free(schedule);
    }
    out->n = kept;
    for (int i = 0; i < kept; i++)
        out->schedule[i] = found[kept - 1 - i];
    return st;
}

/* Returns the first segment that starts after a tensor. */
static int next_segment(const bs_segments *segments, const bs_graph *g, int tensor)
{
    int k = 0;
    while (k < segments->n && g->tensors[segments->segment[k].tensor].producer <= g->tensors[tensor].producer)
        k++;
    return k;
}

bs_status bs_schedules_create(bs_schedules *out, const bs_graph *g, const bs_backend *backend,
                              bs_network *network, int target, bs_replay_mode mode, bool single_site,
                              const bs_schedule_context *context)
{
    int tensor = g->targets[target].tensor;
    memset(out, 0, sizeof *out);
    bool delta = mode == BS_REPLAY_DELTA && !g->tensors[tensor].constant;
    const bs_segments *segments = context ? context->segments : NULL;
    bs_schedule_request request = {.target = target,
                                   .mode = mode == BS_REPLAY_FULL ? BS_REPLAY_FULL : BS_REPLAY_SUFFIX,
                                   .until = g->output,
                                   .autotune = context ? context->autotune : NULL,
                                   .fields = context ? context->fields : NULL};
    if (delta && segments) {
        out->segments = segments;
        out->next = next_segment(segments, g, tensor);
        request.until = out->next < segments->n ? segments->segment[out->next].tensor : g->output;
    }
    bs_status st = bs_schedule_create_as(&out->schedule[0], g, backend, network, &request);
    out->n = st == BS_OK;
    if (st == BS_OK && delta)
        st = bs_schedules_add(out, g, backend, network, request, extents,
                              single_site ? 1 : (int)(sizeof extents / sizeof *extents));
    if (st != BS_OK)
        bs_schedules_clear(out);
    return st;
}

/* --- Several targets --- */

static int n_cut_points(const bs_segments *segments)
{
    return segments ? segments->n : 0;
}

/* Returns the piece that a node is in; its output, if that is a cut point, is in the next one. */
static int piece_of_node(const bs_segments *segments, const bs_graph *g, int node)
{
    int k = 0;
    while (k < n_cut_points(segments) && g->tensors[segments->segment[k].tensor].producer < node)
        k++;
    return k;
}

/* Marks the pieces that a target's sites are hit in. */
static void find_hits(const bs_segments *segments, const bs_graph *g, int target, bool *hits)
{
    int tensor = g->targets[target].tensor;
    if (!g->tensors[tensor].constant)
        hits[segments ? next_segment(segments, g, tensor) : 0] = true;
    for (int i = 0; g->tensors[tensor].constant && i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_in; k++)
            if (g->nodes[i].in[k] == tensor)
                hits[piece_of_node(segments, g, i)] = true;
}

/* Makes the dense schedule of a piece for the targets that are hit there. */
static bs_status make_piece(bs_several *s, int index, const bs_graph *g, const bs_backend *backend,
                            bs_network *network, const int *targets, const bs_segments *segments)
{
    bs_piece *piece = &s->piece[index];
    int *here, n = 0, cuts = n_cut_points(segments);
    BS_TRY(bs_calloc(&piece->numbers, (size_t)s->n_targets, sizeof *piece->numbers, "schedules"));
    BS_TRY(bs_calloc(&here, (size_t)s->n_targets, sizeof *here, "schedules"));
    for (int k = 0; k < s->n_targets; k++)
        if (s->hits[k * s->n_pieces + index]) {
            here[n] = targets[k];
            piece->numbers[n++] = k;
        }
    const bs_schedule_request request = {
        .targets = here,
        .n_targets = n,
        .mode = BS_REPLAY_SUFFIX,
        .until = index < cuts ? segments->segment[index].tensor : g->output,
        .from = index > 0 ? &segments->segment[index - 1].tensor : NULL,
    };
    bs_status st = n > 0 ? bs_schedule_create_as(&piece->dense, g, backend, network, &request) : BS_OK;
    free(here);
    return st;
}

static bs_status make_several(bs_several *s, const bs_graph *g, const bs_backend *backend,
                              bs_network *network, const int *targets, int n, bs_replay_mode mode,
                              bool single_site, const bs_schedule_context *context)
{
    const bs_segments *segments = context ? context->segments : NULL;
    s->n_targets = n;
    BS_TRY(bs_calloc(&s->own, (size_t)n, sizeof *s->own, "schedules"));
    for (int k = 0; k < n; k++)
        BS_TRY(bs_schedules_create(&s->own[k], g, backend, network, targets[k], mode, single_site, context));
    if (mode != BS_REPLAY_DELTA)
        return BS_OK;
    s->n_pieces = n_cut_points(segments) + 1;
    BS_TRY(bs_calloc(&s->piece, (size_t)s->n_pieces, sizeof *s->piece, "schedules"));
    BS_TRY(bs_calloc(&s->hits, (size_t)(n * s->n_pieces), sizeof *s->hits, "schedules"));
    for (int k = 0; k < n; k++)
        find_hits(segments, g, targets[k], s->hits + k * s->n_pieces);
    for (int k = 0; k < s->n_pieces; k++)
        BS_TRY(make_piece(s, k, g, backend, network, targets, segments));
    return BS_OK;
}

static void free_several(bs_several *s)
{
    for (int k = 0; s && s->own && k < s->n_targets; k++)
        bs_schedules_clear(&s->own[k]);
    for (int k = 0; s && s->piece && k < s->n_pieces; k++) {
        bs_schedule_free(s->piece[k].dense);
        free(s->piece[k].numbers);
    }
    if (s) {
        free(s->own);
        free(s->piece);
        free(s->hits);
    }
    free(s);
}

bs_status bs_schedules_create_several(bs_schedules *out, const bs_graph *g, const bs_backend *backend,
                                      bs_network *network, const int *targets, int n, bs_replay_mode mode,
                                      bool single_site, const bs_schedule_context *context)
{
    if (n == 1)
        return bs_schedules_create(out, g, backend, network, targets[0], mode, single_site, context);
    memset(out, 0, sizeof *out);
    const bs_schedule_request request = {.targets = targets,
                                         .n_targets = n,
                                         .mode = mode == BS_REPLAY_FULL ? BS_REPLAY_FULL : BS_REPLAY_SUFFIX,
                                         .until = g->output};
    bs_status st = bs_schedule_create_as(&out->schedule[0], g, backend, network, &request);
    out->n = st == BS_OK;
    if (st == BS_OK && mode != BS_REPLAY_FULL) {
        out->segments = mode == BS_REPLAY_DELTA && context ? context->segments : NULL;
        st = bs_calloc(&out->several, 1, sizeof *out->several, "schedules");
        if (st == BS_OK)
            st = make_several(out->several, g, backend, network, targets, n, mode, single_site, context);
    }
    if (st != BS_OK)
        bs_schedules_clear(out);
    return st;
}

size_t bs_segments_trial_bytes(const bs_segments *segments)
{
    if (!segments)
        return 0;
    size_t two = 2 * bs_cut_point_aligned(segments->row_bytes);
    return two > segments->all_bytes ? two : segments->all_bytes;
}

size_t bs_schedules_row_bytes(const bs_schedules *schedules)
{
    size_t bytes = 0;
    for (int i = 0; i < schedules->n; i++)
        bytes = schedules->schedule[i]->row_bytes > bytes ? schedules->schedule[i]->row_bytes : bytes;
    for (int k = 0; schedules->several && k < schedules->several->n_targets; k++) {
        size_t own = bs_schedules_row_bytes(&schedules->several->own[k]);
        bytes = own > bytes ? own : bytes;
    }
    return bytes;
}

int64_t bs_schedules_macs(const bs_schedules *schedules)
{
    int64_t macs = schedules->schedule[0]->macs;
    for (int k = schedules->next; !schedules->several && schedules->segments && k < schedules->segments->n;
         k++) {
        const bs_schedules *next = &schedules->segments->segment[k].schedules;
        macs += next->schedule[next->n - 1]->macs;
    }
    return macs;
}

bs_status bs_schedules_batch(const bs_replayer *p, const bs_schedules *schedules, int *n)
{
    if (!schedules->segments)
        return bs_replayer_batch(p, schedules->schedule[0], n);
    /* A third of the memory is for the rows of trials at cut points. */
    size_t fit = bs_replayer_room(p, n) / 3 / bs_segments_trial_bytes(schedules->segments);
    *n = fit < 1 ? 1 : fit < (size_t)*n ? (int)fit : *n;
    return BS_OK;
}

void bs_schedules_clear(bs_schedules *schedules)
{
    for (int i = 0; i < schedules->n; i++)
        bs_schedule_free(schedules->schedule[i]);
    free_several(schedules->several);
    memset(schedules, 0, sizeof *schedules);
}

bs_status bs_replay_all(bs_replayer *p, const bs_schedule *schedule, const bs_trial_batch *t, int most)
{
    int room = 0;
    BS_TRY(bs_replayer_batch(p, schedule, &room));
    room = room < most ? room : most;
    for (int i = 0; i < t->n; i += room) {
        bs_trial_batch part = bs_trial_batch_part(p, t, i, t->n - i < room ? t->n - i : room);
        BS_TRY(bs_replay(p, schedule, &part));
    }
    return BS_OK;
}
