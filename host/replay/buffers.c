/* Buffers of a schedule: their lifetimes, and where each lies in a trial's share of the arena. */
#include "base/buf.h"
#include "replay/schedule_builder.h"

#include <stdlib.h>

int bs_schedule_add_buffer(bs_schedule_builder *b, int tensor, size_t row_bytes, int first)
{
    bs_buffer *s = &b->schedule->buffers[b->schedule->n_buffers];
    s->tensor = tensor;
    s->row_bytes = row_bytes;
    s->first = first;
    s->last = first;
    s->same = -1;
    s->partly = b->joins && bs_plane_is_partly_needed(&b->joins[tensor]);
    return b->schedule->n_buffers++;
}

static size_t aligned(const bs_buffer *s)
{
    return (s->row_bytes + 255) / 256 * 256; /* keeps every buffer aligned, as libraries of devices want it */
}

/* Returns true if the output of a step is input 0 with other axes: nothing needs to be copied. Where trials
 * join, they come to each tensor apart. */
static bool is_view(const bs_schedule_builder *b, const bs_step *s)
{
    const bs_node *n = &b->g->nodes[s->node];
    const bs_schedule *schedule = b->schedule;
    if (schedule->joins || s->region >= 0 || s->n_faulty > 0 || b->hit[n->out] >= 0 || s->source[0] < 0 ||
        s->gathered[0] >= 0 || b->backend->view_of(b->network, n->out) != n->in[0])
        return false;
    if (!s->patched)
        return !schedule->buffers[s->source[0]].patched;
    const bs_plane *in = &b->fields->planes[n->in[0]], *out = &b->fields->planes[n->out];
    return !in->image && !out->image && in->outer == out->outer && in->height == out->height &&
           in->width == out->width && in->cell == out->cell;
}

/* Has views share the buffer of what they show. */
static void share_buffers(bs_schedule_builder *b)
{
    for (int i = 0; i < b->schedule->n_steps; i++) {
        const bs_step *s = &b->schedule->steps[i];
        if (is_view(b, s))
            b->schedule->buffers[s->out].same = s->source[0];
    }
}

/* Sets until[i] to the last step that reads the memory of buffer i: the buffer, or one that shares it. */
static void find_ends(const bs_schedule *schedule, int *until)
{
    for (int i = 0; i < schedule->n_buffers; i++)
        until[i] = schedule->buffers[i].last;
    for (int i = schedule->n_buffers - 1; i >= 0; i--) {
        int same = schedule->buffers[i].same;
        if (same >= 0 && until[i] > until[same])
            until[same] = until[i];
    }
}

/* Returns the first place for a buffer beside the n that are used. */
static size_t find_room(const bs_schedule *schedule, const bs_buffer *s, const int *used, int n)
{
    size_t size = aligned(s), at = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int j = 0; j < n; j++) {
            const bs_buffer *u = &schedule->buffers[used[j]];
            if (at < u->offset + aligned(u) && u->offset < at + size) {
                at = u->offset + aligned(u);
                moved = true;
            }
        }
    }
    return at;
}

/* Places buffers by first fit: two may share memory unless one is written while the other is still read.
 * Buffers are in the order of their first steps, so those read no more are never met again. */
static void place_all(bs_schedule *schedule, int *used, const int *until)
{
    int n_used = 0;
    for (int i = 0; i < schedule->n_buffers; i++) {
        bs_buffer *s = &schedule->buffers[i];
        if (s->same >= 0) {
            s->offset = schedule->buffers[s->same].offset;
            continue;
        }
        int kept = 0;
        for (int j = 0; j < n_used; j++)
            if (until[used[j]] >= s->first)
                used[kept++] = used[j];
        n_used = kept;
        s->offset = find_room(schedule, s, used, n_used);
        if (s->offset + aligned(s) > schedule->row_bytes)
            schedule->row_bytes = s->offset + aligned(s);
        used[n_used++] = i;
    }
}

bs_status bs_schedule_place_buffers(bs_schedule_builder *b)
{
    bs_schedule *schedule = b->schedule;
    size_t n = (size_t)schedule->n_buffers;
    int *used;
    BS_TRY(bs_calloc(&used, 2 * n, sizeof *used, "replay schedule"));
    share_buffers(b);
    find_ends(schedule, used + n);
    place_all(schedule, used, used + n);
    free(used);
    return BS_OK;
}

/* A buffer is live after a step if a later one reads it. */
bs_status bs_schedule_find_live_sets(bs_schedule *schedule)
{
    size_t total = 0;
    for (int j = 0; j < schedule->n_buffers; j++) {
        const bs_buffer *b = &schedule->buffers[j];
        for (int i = b->first < 0 ? 0 : b->first; i < b->last && i < schedule->n_steps; i++, total++)
            schedule->steps[i].n_live++;
    }
    BS_TRY(bs_calloc(&schedule->live_sets, total, sizeof(int), "replay schedule"));
    int *next = schedule->live_sets;
    for (int i = 0; i < schedule->n_steps; i++) {
        schedule->steps[i].live = next;
        next += schedule->steps[i].n_live;
        schedule->steps[i].n_live = 0;
    }
    for (int j = 0; j < schedule->n_buffers; j++) {
        const bs_buffer *b = &schedule->buffers[j];
        for (int i = b->first < 0 ? 0 : b->first; i < b->last && i < schedule->n_steps; i++)
            schedule->steps[i].live[schedule->steps[i].n_live++] = j;
    }
    return BS_OK;
}
