#include "replay/replayer.h"

#include "base/buf.h"

#include <string.h>

/* A batch in progress. */
typedef struct pass {
    bs_replayer *p;
    const bs_schedule *schedule;
    const bs_trial_batch *t;
    bs_segment_batch *segment;
    int stride; /* trials that each buffer has room for: the batch size at the start */
    bool reordered;
} pass;

static char *buffer_rows(const pass *b, int buffer)
{
    return b->p->arena + b->schedule->buffers[buffer].offset * (size_t)b->stride;
}

static bs_view golden_view(const pass *b, int tensor)
{
    return (bs_view){b->p->golden->rows[tensor], b->p->row};
}

/* Sets *out to the faults in the current order of the trials. */
static bs_status current_faults(pass *b, bs_faults *out)
{
    bs_replayer *p = b->p;
    const bs_faults *f = &b->t->faults;
    *out = *f;
    if (!b->reordered)
        return BS_OK;
    size_t n = 0;
    for (int i = 0; i < p->n; i++)
        n += f->first[p->trial[i] + 1] - f->first[p->trial[i]];
    BS_TRY(bs_grow(&p->site, &p->site_cap, n, sizeof *p->site, "fault sites"));
    n = 0;
    for (int i = 0; i < p->n; i++) {
        uint32_t from = f->first[p->trial[i]], count = f->first[p->trial[i] + 1] - from;
        p->first[i] = (uint32_t)n;
        memcpy(p->site + n, f->sites + from, count * sizeof *p->site);
        n += count;
    }
    p->first[p->n] = (uint32_t)n;
    *out = (bs_faults){p->site, p->first, NULL};
    return BS_OK;
}

/* Returns the trials' patches, placed by the tables of a buffer or step (NULL: at the origin). Uses the
 * scratch arrays 2 * which and 2 * which + 1. */
static bs_patches look_up(const pass *b, const int size[2], int32_t *const table[2], int which)
{
    bs_replayer *p = b->p;
    bs_patches patches = {{size[0], size[1]}, {NULL, NULL}};
    for (int a = 0; a < 2; a++) {
        int32_t *origin = p->origin[2 * which + a];
        for (int i = 0; i < p->n; i++)
            origin[i] = table ? table[a][p->at[a][i]] : 0;
        patches.origin[a] = origin;
    }
    return patches;
}

static bs_status compare_buffer(pass *b, int buffer)
{
    bs_replayer *p = b->p;
    const bs_buffer *s = &b->schedule->buffers[buffer];
    int tensor = s->tensor;
    if (s->patched) {
        bs_patches at = look_up(b, s->size, s->origin, 0);
        return p->golden->backend->compare_patch(p->golden->stream, tensor, p->n, &at, buffer_rows(b, buffer),
                                                 golden_view(b, tensor),
                                                 p->equal + (size_t)buffer * (size_t)p->max_batch);
    }
    return p->golden->backend->compare(p->golden->stream, tensor, p->n, buffer_rows(b, buffer),
                                       golden_view(b, tensor),
                                       p->equal + (size_t)buffer * (size_t)p->max_batch);
}

/* Finds the moves of live trials into the positions of masked ones: from the end, so that few move. Sets p->n
 * to the number of live trials. */
static int find_moves(bs_replayer *p, int32_t *to, int32_t *from)
{
    int moves = 0;
    for (int i = 0; i < p->n; i++) {
        if (!p->masked[i])
            continue;
        while (p->n > i + 1 && p->masked[p->n - 1])
            p->n--;
        p->n--;
        if (p->n > i) {
            to[moves] = i;
            from[moves++] = p->n;
        }
    }
    return moves;
}

/* Drops masked trials from every live buffer. */
static bs_status remove_masked(pass *b, const int *live, int n_live)
{
    bs_replayer *p = b->p;
    int32_t *to = p->origin[0], *from = p->origin[1];
    int moves = find_moves(p, to, from);
    if (moves == 0)
        return BS_OK;
    for (int k = 0; k < n_live; k++) {
        BS_TRY(p->golden->backend->move_rows(p->golden->stream, moves, buffer_rows(b, live[k]),
                                             b->schedule->buffers[live[k]].row_bytes, to, from));
        uint8_t *equal = p->equal + (size_t)live[k] * (size_t)p->max_batch;
        for (int m = 0; m < moves; m++)
            equal[to[m]] = equal[from[m]];
    }
    for (int m = 0; m < moves; m++) {
        p->trial[to[m]] = p->trial[from[m]];
        p->row[to[m]] = p->row[from[m]];
        for (int a = 0; a < 2; a++)
            p->at[a][to[m]] = p->at[a][from[m]];
    }
    b->reordered = true;
    return BS_OK;
}

/* Marks trials whose live tensors all equal golden as masked, and drops them unless they are to be kept. */
static bs_status drop_masked(pass *b, const int *live, int n_live, int tensor)
{
    bs_replayer *p = b->p;
    const bs_golden *golden = p->golden;
    size_t classes = (size_t)golden->graph->classes;
    for (int i = 0; i < p->n; i++) {
        p->masked[i] = 1;
        for (int k = 0; k < n_live; k++)
            p->masked[i] &= p->equal[(size_t)live[k] * (size_t)p->max_batch + (size_t)i];
        bs_result *res = &b->t->result[p->trial[i]];
        if (p->masked[i] && res->died_at < 0) {
            res->died_at = golden->graph->tensors[tensor].target;
            res->answer = golden->answer[p->row[i]];
            if (b->t->output)
                memcpy(b->t->output + (size_t)p->trial[i] * classes,
                       golden->output + (size_t)p->row[i] * classes, classes * sizeof *golden->output);
        }
    }
    return b->t->keep_masked ? BS_OK : remove_masked(b, live, n_live);
}

/* Finds the first row and column of each trial's fault. A trial without sites counts as at the origin. */
static bs_status find_faults(const pass *b)
{
    const bs_faults *f = &b->t->faults;
    for (int i = 0; i < b->t->n; i++) {
        int32_t at[2];
        uint32_t n = f->first[i + 1] - f->first[i];
        if (!bs_schedule_serves(b->schedule, f->sites + f->first[i], n, at))
            return bs_fail(BS_ERR, "a delta schedule got a trial whose %u sites lie too far apart", n);
        b->p->at[0][i] = at[0];
        b->p->at[1][i] = at[1];
    }
    return BS_OK;
}

/* Starts at a cut point: copies the first tensor, or the patch of it, from the rows of the segment before.
 * There a trial differs from golden unless it was masked before, and kept. */
static bs_status take_over(pass *b, int buffer)
{
    bs_replayer *p = b->p;
    const bs_backend *be = p->golden->backend;
    const bs_buffer *s = &b->schedule->buffers[buffer];
    bs_view from = b->segment->from;
    uint8_t *equal = p->equal + (size_t)buffer * (size_t)p->max_batch;
    for (int i = 0; i < p->n; i++)
        equal[i] = b->t->result[i].died_at >= 0;
    if (!s->patched)
        return be->copy_rows(p->golden->stream, s->tensor, p->n, from, buffer_rows(b, buffer));
    for (int i = 0; i < p->n; i++)
        for (int a = 0; a < 2; a++)
            p->at[a][i] = b->segment->at[a][i];
    bs_patches at = look_up(b, s->size, s->origin, 0);
    return be->gather(p->golden->stream, s->tensor, p->n, from, NULL, NULL, &at, 0.0f,
                      buffer_rows(b, buffer));
}

static bs_status start_patch(pass *b, int buffer)
{
    bs_replayer *p = b->p;
    const bs_backend *be = p->golden->backend;
    const bs_buffer *s = &b->schedule->buffers[buffer];
    BS_TRY(find_faults(b));
    bs_patches at = look_up(b, s->size, s->origin, 0);
    BS_TRY(be->gather(p->golden->stream, s->tensor, p->n, golden_view(b, s->tensor), NULL, NULL, &at, 0.0f,
                      buffer_rows(b, buffer)));
    BS_TRY(be->inject_patch(p->golden->stream, s->tensor, p->n, &at, buffer_rows(b, buffer), &b->t->faults));
    BS_TRY(compare_buffer(b, buffer));
    return drop_masked(b, &buffer, 1, s->tensor);
}

static bs_status start(pass *b)
{
    bs_replayer *p = b->p;
    const bs_backend *be = p->golden->backend;
    int buffer = b->schedule->start;
    if (buffer < 0)
        return BS_OK;
    if (b->segment->from.base)
        return take_over(b, buffer);
    int tensor = b->schedule->buffers[buffer].tensor;
    if (b->schedule->buffers[buffer].patched)
        return start_patch(b, buffer);
    BS_TRY(be->copy_rows(p->golden->stream, tensor, p->n, golden_view(b, tensor), buffer_rows(b, buffer)));
    if (!b->schedule->start_injects) {
        memset(p->equal + (size_t)buffer * (size_t)p->max_batch, 1, (size_t)p->n);
        return BS_OK;
    }
    BS_TRY(be->inject(p->golden->stream, tensor, p->n, buffer_rows(b, buffer), &b->t->faults));
    BS_TRY(compare_buffer(b, buffer));
    return drop_masked(b, &buffer, 1, tensor);
}

/* Gathers input k of a step: golden data, overlaid with the trial's patch. Dense steps get whole tensors. */
static bs_status gather_input(pass *b, const bs_step *s, int k, int tensor)
{
    bs_replayer *p = b->p;
    const bs_buffer *to = &b->schedule->buffers[s->gathered[k]];
    const bs_buffer *live = s->source[k] >= 0 ? &b->schedule->buffers[s->source[k]] : NULL;
    bs_patches want = look_up(b, to->size, s->patched ? s->in_origin : NULL, 0), at;
    if (live)
        at = look_up(b, live->size, live->origin, 1);
    return p->golden->backend->gather(p->golden->stream, tensor, p->n, golden_view(b, tensor),
                                      live ? buffer_rows(b, s->source[k]) : NULL, live ? &at : NULL, &want,
                                      s->fill, buffer_rows(b, s->gathered[k]));
}

static bs_status find_inputs(pass *b, const bs_step *s, const bs_node *node)
{
    for (int k = 0; k < node->n_in; k++) {
        b->p->in[k] = (bs_view){NULL, NULL};
        if (s->gathered[k] >= 0) {
            BS_TRY(gather_input(b, s, k, node->in[k]));
            b->p->in[k].base = buffer_rows(b, s->gathered[k]);
        } else if (s->source[k] >= 0) {
            b->p->in[k].base = buffer_rows(b, s->source[k]);
        } else if (s->source[k] == BS_FROM_GOLDEN) {
            b->p->in[k] = golden_view(b, node->in[k]);
        }
    }
    return BS_OK;
}

/* Returns the multiply-accumulates of a step that reuses the golden output: each faulty element costs one
 * filter, and at most all. */
static double quick_macs(const pass *b, const bs_step *s, const bs_faults *f)
{
    const bs_graph *g = b->p->golden->graph;
    const bs_shape *out = &g->tensors[g->nodes[s->node].out].shape;
    double filters = out->rank ? (double)out->dim[out->rank == 3 ? 0 : out->rank - 1] : 1.0, macs = 0;
    for (int i = 0; i < b->p->n; i++) {
        double sites = (double)(f->first[i + 1] - f->first[i]);
        macs += (double)s->macs * (sites < filters ? sites : filters) / filters;
    }
    return macs;
}

static bs_status run_faulty_step(pass *b, const bs_step *s, bool first, void *out)
{
    bs_replayer *p = b->p;
    const bs_golden *golden = p->golden;
    bs_faults f;
    BS_TRY(current_faults(b, &f));
    /* The quick way reuses the golden output, so all other inputs must be golden. */
    bool quick = !b->t->dense_parameters && b->schedule->mode != BS_REPLAY_FULL && first;
    p->macs += quick ? quick_macs(b, s, &f) : (double)s->macs * p->n;
    return golden->backend->run_faulty(golden->stream, s->node, s->faulty_input, p->n, p->in,
                                       golden_view(b, golden->graph->nodes[s->node].out), &f,
                                       quick ? BS_FAULTY_CHANNELS : BS_FAULTY_DENSE, out);
}

static bs_status run_step(pass *b, int index)
{
    bs_replayer *p = b->p;
    const bs_golden *golden = p->golden;
    const bs_backend *be = golden->backend;
    const bs_step *s = &b->schedule->steps[index];
    const bs_node *node = &golden->graph->nodes[s->node];
    void *out = buffer_rows(b, s->out);
    BS_TRY(find_inputs(b, s, node));
    if (s->faulty_input < 0)
        p->macs += (double)s->macs * p->n;
    if (s->faulty_input >= 0)
        BS_TRY(run_faulty_step(b, s, index == 0, out));
    else if (s->patched)
        BS_TRY(be->run_patch(golden->stream, s->node, p->n, s->in_size, p->in,
                             b->schedule->buffers[s->out].size, out));
    else
        BS_TRY(be->run(golden->stream, s->node, p->n, p->in, out));
    if (s->injects)
        BS_TRY(be->inject(golden->stream, node->out, p->n, out, &b->t->faults));
    return compare_buffer(b, s->out);
}

/* Returns the buffer of the last tensor. */
static int last_buffer(const pass *b)
{
    return b->segment->steps > 0 ? b->schedule->steps[b->segment->steps - 1].out : b->schedule->result;
}

/* Stores the last tensor as whole rows, for the next segment. */
static bs_status hand_over(pass *b)
{
    bs_replayer *p = b->p;
    const bs_golden *golden = p->golden;
    const bs_buffer *live = &b->schedule->buffers[last_buffer(b)];
    const int64_t *dim = golden->graph->tensors[live->tensor].shape.dim;
    const char *rows = buffer_rows(b, last_buffer(b));
    if (live->patched) {
        const int plane[2] = {(int)dim[1], (int)dim[2]};
        bs_patches want = look_up(b, plane, NULL, 0), at = look_up(b, live->size, live->origin, 1);
        BS_TRY(golden->backend->gather(golden->stream, live->tensor, p->n, golden_view(b, live->tensor), rows,
                                       &at, &want, 0.0f, b->segment->to));
    } else {
        BS_TRY(golden->backend->copy_rows(golden->stream, live->tensor, p->n, (bs_view){rows, NULL},
                                          b->segment->to));
    }
    memcpy(b->segment->survivor, p->trial, (size_t)p->n * sizeof *p->trial);
    b->segment->n_survivors = p->n;
    return BS_OK;
}

static bs_status finish(pass *b)
{
    bs_replayer *p = b->p;
    const bs_golden *golden = p->golden;
    const bs_graph *g = golden->graph;
    const bs_buffer *s = &b->schedule->buffers[b->schedule->result];
    const char *rows = buffer_rows(b, b->schedule->result);
    for (int i = 0; i < p->n; i++)
        p->class_of[i] = golden->answer[p->row[i]].top[0];
    BS_TRY(golden->backend->rank(golden->stream, p->n, rows, p->class_of, p->answer));
    for (int i = 0; i < p->n; i++) {
        if (b->t->result[p->trial[i]].died_at < 0)
            b->t->result[p->trial[i]].answer = p->answer[i];
        if (b->t->output)
            BS_TRY(golden->backend->download(golden->stream, g->output, rows + (size_t)i * s->row_bytes,
                                             b->t->output + (size_t)p->trial[i] * (size_t)g->classes));
    }
    return BS_OK;
}

bs_status bs_replay_segment(bs_replayer *p, bs_segment_batch *segment)
{
    const bs_schedule *schedule = segment->schedule;
    const bs_trial_batch *t = segment->trials;
    pass b = {.p = p, .schedule = schedule, .t = t, .segment = segment, .stride = t->n};
    segment->n_survivors = 0;
    p->n = t->n;
    for (int i = 0; i < t->n; i++) {
        p->trial[i] = i;
        p->row[i] = t->golden_row[i];
        if (!segment->from.base)
            t->result[i].died_at = -1;
    }
    int maskable = bs_schedule_maskable(schedule),
        steps = segment->steps > 0 ? segment->steps : schedule->n_steps;
    BS_TRY(start(&b));
    for (int i = 0; i < steps && p->n > 0; i++) {
        BS_TRY(run_step(&b, i));
        const bs_step *s = &schedule->steps[i];
        if (i >= maskable)
            BS_TRY(drop_masked(&b, s->live, s->n_live, p->golden->graph->nodes[s->node].out));
    }
    if (p->n == 0)
        return BS_OK;
    return segment->to ? hand_over(&b) : finish(&b);
}

bs_status bs_replay(bs_replayer *p, const bs_schedule *schedule, const bs_trial_batch *t)
{
    bs_segment_batch segment = {.schedule = schedule, .trials = t};
    return bs_replay_segment(p, &segment);
}
