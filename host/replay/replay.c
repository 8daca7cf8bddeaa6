#include "replay/joins.h"

#include "base/buf.h"

#include <string.h>

/* Sets *out to the faults in the current order of the trials. */
static bs_status current_faults(bs_pass *b, bs_faults *out)
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

/* Finds the first row and column of each trial's fault. A trial without sites counts as at the origin. */
static bs_status find_faults(const bs_pass *b)
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
static bs_status take_over(bs_pass *b, int buffer)
{
    bs_replayer *p = b->p;
    const bs_backend *be = p->golden->backend;
    const bs_buffer *s = &b->schedule->buffers[buffer];
    bs_view from = b->segment->from;
    uint8_t *equal = bs_pass_equal(b, buffer);
    for (int i = 0; i < p->n; i++)
        equal[i] = b->t->result[i].died_at >= 0;
    if (!s->patched)
        return be->copy_rows(p->golden->stream, s->tensor, p->n, from, bs_pass_rows(b, buffer));
    for (int i = 0; i < p->n; i++)
        for (int a = 0; a < 2; a++)
            p->at[a][i] = b->segment->at[a][i];
    bs_patches at = bs_pass_look_up(b, s->size, s->origin);
    return be->gather(p->golden->stream, s->tensor, p->n, from, NULL, NULL, &at, 0.0f,
                      bs_pass_rows(b, buffer));
}

static bs_status start_patch(bs_pass *b, int buffer)
{
    bs_replayer *p = b->p;
    const bs_backend *be = p->golden->backend;
    const bs_buffer *s = &b->schedule->buffers[buffer];
    BS_TRY(find_faults(b));
    bs_patches at = bs_pass_look_up(b, s->size, s->origin);
    BS_TRY(be->gather(p->golden->stream, s->tensor, p->n, bs_pass_golden(b, s->tensor), NULL, NULL, &at, 0.0f,
                      bs_pass_rows(b, buffer)));
    BS_TRY(be->inject_patch(p->golden->stream, s->tensor, p->n, &at, bs_pass_rows(b, buffer), &b->t->faults));
    return bs_pass_compare(b, buffer);
}

static bs_status start(bs_pass *b)
{
    bs_replayer *p = b->p;
    const bs_backend *be = p->golden->backend;
    int buffer = b->schedule->start;
    if (buffer < 0)
        return BS_OK;
    if (b->segment->from.base)
        return take_over(b, buffer);
    int tensor = b->schedule->buffers[buffer].tensor;
    BS_TRY(bs_golden_need(p->golden, tensor, p->n, p->row));
    if (b->schedule->buffers[buffer].patched)
        return start_patch(b, buffer);
    BS_TRY(
        be->copy_rows(p->golden->stream, tensor, p->n, bs_pass_golden(b, tensor), bs_pass_rows(b, buffer)));
    if (b->schedule->start_injects < 0) {
        memset(bs_pass_equal(b, buffer), 1, (size_t)p->n);
        return BS_OK;
    }
    BS_TRY(be->inject(p->golden->stream, tensor, p->n, bs_pass_rows(b, buffer), &b->t->faults));
    return bs_pass_compare(b, buffer);
}

/* Gathers input k of a step: golden data overlaid with the trial's patch, a part of its whole row, or of a
 * parameter. */
static bs_status gather_input(bs_pass *b, const bs_step *s, int k, int tensor)
{
    bs_replayer *p = b->p;
    const bs_buffer *to = &b->schedule->buffers[s->gathered[k]];
    const bs_buffer *live = s->source[k] >= 0 ? &b->schedule->buffers[s->source[k]] : NULL;
    bool overlaid = live && live->patched;
    bs_view below =
        live && !overlaid ? (bs_view){bs_pass_rows(b, s->source[k]), NULL} : bs_pass_golden(b, tensor);
    bs_patches want = bs_pass_look_up(b, to->size, to->fixed ? NULL : s->in_origin), at;
    if (overlaid)
        at = bs_pass_look_up(b, live->size, live->origin);
    return p->golden->backend->gather(p->golden->stream, tensor, p->n, below,
                                      overlaid ? bs_pass_rows(b, s->source[k]) : NULL, overlaid ? &at : NULL,
                                      &want, s->fill, bs_pass_rows(b, s->gathered[k]));
}

static bs_status find_inputs(bs_pass *b, const bs_step *s, const bs_node *node)
{
    for (int k = 0; k < node->n_in; k++) {
        b->p->in[k] = (bs_view){NULL, NULL};
        if (s->gathered[k] >= 0) {
            BS_TRY(gather_input(b, s, k, node->in[k]));
            b->p->in[k].base = bs_pass_rows(b, s->gathered[k]);
        } else if (s->source[k] >= 0) {
            b->p->in[k].base = bs_pass_rows(b, s->source[k]);
        } else if (s->source[k] == BS_FROM_GOLDEN) {
            b->p->in[k] = bs_pass_golden(b, node->in[k]);
        }
    }
    return BS_OK;
}

static bs_status run_faulty_step(bs_pass *b, const bs_step *s, bool first, void *out)
{
    bs_replayer *p = b->p;
    const bs_golden *golden = p->golden;
    bs_faults f;
    BS_TRY(current_faults(b, &f));
    /* The quick way reuses the golden output, so all other inputs must be golden. */
    bool quick = !b->t->dense_parameters && b->schedule->mode != BS_REPLAY_FULL && first;
    p->macs += quick ? bs_pass_quick_macs(b, s, p->n, &f) : (double)s->macs * p->n;
    for (int k = 0; k < s->n_faulty; k++)
        p->faulty[k] = (bs_faulty_input){s->faulty[k].input, f};
    return golden->backend->run_faulty(golden->stream, s->node, s->n_faulty, p->faulty, p->n, p->in,
                                       bs_pass_golden(b, golden->graph->nodes[s->node].out),
                                       quick ? BS_FAULTY_CHANNELS : BS_FAULTY_DENSE, out);
}

static bs_status run_step(bs_pass *b, int index)
{
    bs_replayer *p = b->p;
    const bs_golden *golden = p->golden;
    const bs_backend *be = golden->backend;
    const bs_step *s = &b->schedule->steps[index];
    const bs_node *node = bs_step_node(golden->graph, s);
    void *out = bs_pass_rows(b, s->out);
    BS_TRY(bs_pass_expand(b, s));
    BS_TRY(find_inputs(b, s, node));
    if (s->n_faulty == 0)
        p->macs += (double)s->macs * p->n;
    if (s->n_faulty > 0)
        BS_TRY(run_faulty_step(b, s, index == 0, out));
    else if (b->schedule->buffers[s->out].same >= 0)
        ; /* it is there */
    else if (s->region >= 0)
        BS_TRY(be->run_region(golden->stream, s->region, p->n,
                              s->patched ? b->schedule->buffers[s->out].size : NULL, p->in, out));
    else if (s->patched)
        BS_TRY(be->run_patch(golden->stream, s->node, p->n, s->in_size, p->in,
                             b->schedule->buffers[s->out].size, out));
    else
        BS_TRY(be->run(golden->stream, s->node, p->n, p->in, out));
    if (s->injects >= 0)
        BS_TRY(be->inject(golden->stream, node->out, p->n, out, &b->t->faults));
    return bs_pass_compare_step(b, s);
}

/* Returns the buffer of the last tensor. */
static int last_buffer(const bs_pass *b)
{
    return b->segment->steps > 0 ? b->schedule->steps[b->segment->steps - 1].out : b->schedule->result;
}

/* Stores the last tensor as whole rows, for the next segment. */
static bs_status hand_over(bs_pass *b)
{
    bs_replayer *p = b->p;
    const bs_golden *golden = p->golden;
    const bs_buffer *live = &b->schedule->buffers[last_buffer(b)];
    const char *rows = bs_pass_rows(b, last_buffer(b));
    if (live->patched) {
        bs_patches want = bs_pass_look_up(b, live->plane, NULL),
                   at = bs_pass_look_up(b, live->size, live->origin);
        BS_TRY(golden->backend->gather(golden->stream, live->tensor, p->n, bs_pass_golden(b, live->tensor),
                                       rows, &at, &want, 0.0f, b->segment->to));
    } else {
        BS_TRY(golden->backend->copy_rows(golden->stream, live->tensor, p->n, (bs_view){rows, NULL},
                                          b->segment->to));
    }
    memcpy(b->segment->survivor, p->trial, (size_t)p->n * sizeof *p->trial);
    b->segment->n_survivors = p->n;
    return BS_OK;
}

static bs_status finish(bs_pass *b)
{
    bs_replayer *p = b->p;
    const bs_golden *golden = p->golden;
    const bs_graph *g = golden->graph;
    const bs_buffer *s = &b->schedule->buffers[b->schedule->result];
    const char *rows = bs_pass_rows(b, b->schedule->result);
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

/* Returns true if many trials may be found masked after the step: after the first function of the fault that
 * maps many values to one, and wherever the maximum of several is taken. */
static bool masks_many(const bs_pass *b, const bs_step *s, bool first)
{
    const bs_node *node = &b->p->golden->graph->nodes[s->node];
    bs_op_family family = bs_op_describe(node->op)->family;
    return node->op == BS_OP_MAX_POOL ||
           (first && !b->segment->from.base &&
            (s->region >= 0 || family == BS_FAMILY_unary || family == BS_FAMILY_clip));
}

/* Returns true if the host should look now for masked trials among those of steps first .. index. Waiting for
 * a device costs more than computing a few of them in vain. */
static bool should_look(const bs_pass *b, int first, int index, int steps)
{
    enum { MOST_STEPS = 16 };
    if (index + 1 == steps || !b->p->golden->backend->wait)
        return true;
    return !b->t->keep_masked &&
           (index - first >= MOST_STEPS || masks_many(b, &b->schedule->steps[index], first <= 0));
}

/* Runs the steps of a schedule whose trials are in the batch from the start. */
static bs_status run_steps(bs_pass *b, int steps)
{
    bs_replayer *p = b->p;
    bool injected = b->schedule->start_injects >= 0 && !b->segment->from.base;
    p->n = b->t->n;
    for (int i = 0; i < p->n; i++) {
        p->trial[i] = i;
        p->row[i] = b->t->golden_row[i];
        p->at[0][i] = p->at[1][i] = 0;
    }
    BS_TRY(start(b));
    int first = injected ? -1 : 0;
    if (injected && (steps == 0 || !p->golden->backend->wait)) {
        BS_TRY(bs_pass_look(b, -1, -1));
        first = 0;
    }
    for (int i = 0; i < steps && p->n > 0; i++) {
        BS_TRY(run_step(b, i));
        if (!should_look(b, first, i, steps))
            continue;
        BS_TRY(bs_pass_look(b, first, i));
        first = i + 1;
    }
    return BS_OK;
}

static bs_status run_joins(bs_pass *b, int steps)
{
    BS_TRY(bs_joins_start(b));
    for (int i = 0; i < steps; i++)
        BS_TRY(bs_joins_step(b, i));
    return BS_OK;
}

/* After an error: results on their way to the host must not come when their arrays are gone. */
static bs_status settle_device(bs_replayer *p)
{
    bs_error error;
    bs_error_save(&error);
    bs_backend_wait(p->golden->backend, p->golden->stream);
    return bs_error_restore(&error);
}

bs_status bs_replay_segment(bs_replayer *p, bs_segment_batch *segment)
{
    const bs_schedule *schedule = segment->schedule;
    const bs_trial_batch *t = segment->trials;
    bs_pass b = {.p = p, .schedule = schedule, .t = t, .segment = segment, .stride = t->n};
    int steps = segment->steps > 0 ? segment->steps : schedule->n_steps;
    if (bs_trial_batch_targets(t) != schedule->n_targets)
        return bs_fail(BS_ERR, "a schedule of %d target(s) got trials of %d", schedule->n_targets,
                       t->targets);
    segment->n_survivors = 0;
    for (int i = 0; i < t->n && !segment->from.base; i++)
        t->result[i].died_at = -1;
    bs_status st = schedule->joins ? run_joins(&b, steps) : run_steps(&b, steps);
    if (st == BS_OK && p->n > 0)
        st = segment->to ? hand_over(&b) : finish(&b);
    return st == BS_OK ? st : settle_device(p);
}

bs_status bs_replay(bs_replayer *p, const bs_schedule *schedule, const bs_trial_batch *t)
{
    bs_segment_batch segment = {.schedule = schedule, .trials = t};
    return bs_replay_segment(p, &segment);
}
