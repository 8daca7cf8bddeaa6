/* Finds the trials of a batch that equal golden, and drops them. */
#include "replay/replayer.h"

#include <string.h>

bs_patches bs_pass_look_up(const bs_pass *b, const int size[2], int32_t *const table[2])
{
    bs_patches patches = {.size = {size[0], size[1]}};
    for (int a = 0; a < 2 && table; a++) {
        patches.origin[a] = table[a];
        patches.at[a] = b->p->at[a];
        patches.places[a] = bs_schedule_places(b->schedule, a);
    }
    return patches;
}

/* What equals golden wherever the output depends on it becomes golden, as it is in the rows of a trial that
 * leaves and joins again. */
static bs_status make_golden(bs_pass *b, int buffer)
{
    bs_replayer *p = b->p;
    BS_TRY(bs_backend_wait(p->golden->backend, p->golden->stream));
    const bs_buffer *s = &b->schedule->buffers[buffer];
    for (int i = 0; i < p->n; i++)
        if (bs_pass_equal(b, buffer)[i])
            BS_TRY(p->golden->backend->copy_rows(p->golden->stream, s->tensor, 1,
                                                 (bs_view){p->golden->rows[s->tensor], p->row + i},
                                                 bs_pass_rows(b, buffer) + (size_t)i * s->row_bytes));
    return BS_OK;
}

bs_status bs_pass_compare(bs_pass *b, int buffer)
{
    bs_replayer *p = b->p;
    const bs_buffer *s = &b->schedule->buffers[buffer];
    int tensor = s->tensor;
    if (s->patched) {
        bs_patches at = bs_pass_look_up(b, s->size, s->origin);
        return p->golden->backend->compare_patch(p->golden->stream, tensor, p->n, &at,
                                                 bs_pass_rows(b, buffer), bs_pass_golden(b, tensor),
                                                 bs_pass_equal(b, buffer));
    }
    BS_TRY(p->golden->backend->compare(p->golden->stream, tensor, p->n, bs_pass_rows(b, buffer),
                                       bs_pass_golden(b, tensor), bs_pass_equal(b, buffer)));
    return s->partly ? make_golden(b, buffer) : BS_OK;
}

static bool is_inside(const bs_pass *b, int tensor)
{
    return bs_graph_inside(b->p->golden->graph, tensor) >= 0;
}

bool bs_pass_checks(const bs_pass *b, const bs_step *s)
{
    return s->injects >= 0 || s->n_faulty > 0 || !is_inside(b, b->schedule->buffers[s->out].tensor);
}

bs_status bs_pass_compare_step(bs_pass *b, const bs_step *s)
{
    bool inside = is_inside(b, b->schedule->buffers[s->out].tensor);
    if (!bs_pass_checks(b, s)) {
        memset(bs_pass_equal(b, s->out), 0, (size_t)b->p->n);
        return BS_OK;
    }
    for (int k = 0; inside && k < s->n_live; k++)
        if (s->live[k] != s->out && is_inside(b, b->schedule->buffers[s->live[k]].tensor))
            BS_TRY(bs_pass_compare(b, s->live[k]));
    return bs_pass_compare(b, s->out);
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
static bs_status remove_masked(bs_pass *b, const int *live, int n_live)
{
    bs_replayer *p = b->p;
    int32_t *to = p->scratch[0], *from = p->scratch[1];
    for (int i = 0; b->schedule->joins && i < p->n; i++)
        if (p->masked[i])
            p->position[p->trial[i]] = -1;
    int moves = find_moves(p, to, from);
    if (moves == 0)
        return BS_OK;
    for (int k = 0; k < n_live; k++) {
        BS_TRY(p->golden->backend->move_rows(p->golden->stream, moves, bs_pass_rows(b, live[k]),
                                             b->schedule->buffers[live[k]].row_bytes, to, from));
        uint8_t *equal = bs_pass_equal(b, live[k]);
        for (int m = 0; m < moves; m++)
            equal[to[m]] = equal[from[m]];
    }
    for (int m = 0; m < moves; m++) {
        p->trial[to[m]] = p->trial[from[m]];
        p->row[to[m]] = p->row[from[m]];
        for (int a = 0; a < 2; a++)
            p->at[a][to[m]] = p->at[a][from[m]];
        if (b->schedule->joins)
            p->position[p->trial[to[m]]] = to[m];
    }
    b->reordered = true;
    return BS_OK;
}

/* Enters that trial i is masked at `tensor`. */
static void settle(const bs_golden *golden, const bs_trial_batch *t, int i, int tensor)
{
    size_t classes = (size_t)golden->graph->classes, row = (size_t)t->golden_row[i];
    t->result[i].died_at = golden->graph->tensors[tensor].target;
    t->result[i].answer = golden->answer[row];
    if (t->output)
        memcpy(t->output + (size_t)i * classes, golden->output + row * classes,
               classes * sizeof *golden->output);
}

void bs_replay_settle_golden(const bs_golden *golden, const bs_schedule *schedule, const bs_trial_batch *t,
                             int i)
{
    int step = bs_schedule_first_injection(schedule);
    int buffer = step < 0 ? schedule->start : schedule->steps[step].out;
    settle(golden, t, i, schedule->buffers[buffer].tensor);
}

/* Returns whether a trial can be found masked after the step. Without sites it counts as hit where the first
 * fault could be. */
static bool is_checked(const bs_pass *b, int step, int trial)
{
    const bs_schedule *schedule = b->schedule;
    const uint32_t *first = b->t->faults.first + (size_t)trial * (size_t)schedule->n_targets;
    bool any = false;
    if (!schedule->joins || step < 0 || !is_inside(b, schedule->buffers[schedule->steps[step].out].tensor))
        return true;
    for (int k = 0; k < schedule->n_targets; k++)
        if (first[k + 1] > first[k]) {
            if (bs_step_hits(&schedule->steps[step], k))
                return true;
            any = true;
        }
    return !any && step == bs_schedule_first_injection(schedule);
}

/* Marks trials whose live tensors all equal golden after a step (-1: the start) as masked. */
static void mark(bs_pass *b, int step)
{
    bs_replayer *p = b->p;
    const bs_schedule *schedule = b->schedule;
    const bs_step *s = step < 0 ? NULL : &schedule->steps[step];
    const int *live = s ? s->live : &schedule->start;
    int n_live = s ? s->n_live : 1, tensor = schedule->buffers[s ? s->out : schedule->start].tensor;
    for (int i = 0; i < p->n; i++) {
        int trial = p->trial[i];
        bool masked = is_checked(b, step, trial);
        for (int k = 0; k < n_live; k++)
            masked &= bs_pass_equal(b, live[k])[i];
        bool to_come = schedule->joins && step < p->last[trial];
        if (masked && !to_come && b->t->result[trial].died_at < 0)
            settle(p->golden, b->t, trial, tensor);
        p->masked[i] |= masked;
    }
}

bs_status bs_pass_look(bs_pass *b, int first, int step)
{
    bs_replayer *p = b->p;
    const bs_schedule *schedule = b->schedule;
    int maskable = schedule->joins ? 0 : bs_schedule_maskable(schedule);
    BS_TRY(bs_backend_wait(p->golden->backend, p->golden->stream));
    memset(p->masked, 0, (size_t)p->n);
    for (int i = first; i <= step; i++)
        if (i < 0 || (i >= maskable && bs_pass_checks(b, &schedule->steps[i])))
            mark(b, i);
    if (b->t->keep_masked)
        return BS_OK;
    return step < 0 ? remove_masked(b, &schedule->start, 1)
                    : remove_masked(b, schedule->steps[step].live, schedule->steps[step].n_live);
}

/* Each faulty element costs one filter, and at most all. */
double bs_pass_quick_macs(const bs_pass *b, const bs_step *s, int n, const bs_faults *f)
{
    const bs_graph *g = b->p->golden->graph;
    const bs_shape *out = &g->tensors[g->nodes[s->node].out].shape;
    double filters = out->rank ? (double)out->dim[out->rank == 3 ? 0 : out->rank - 1] : 1.0, macs = 0;
    for (int i = 0; i < n; i++) {
        double sites = (double)(f->first[i + 1] - f->first[i]);
        macs += (double)s->macs * (sites < filters ? sites : filters) / filters;
    }
    return macs;
}
