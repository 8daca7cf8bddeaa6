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
    s->partly = b->joins && bs_plane_is_partly_needed(&b->joins[tensor]);
    return b->schedule->n_buffers++;
}

static size_t aligned(const bs_buffer *s)
{
    return (s->row_bytes + 63) / 64 * 64; /* keeps every buffer aligned, whatever the batch size */
}

/* Places buffers by first fit: two may share memory unless one is written while the other is still read.
 * Buffers are in the order of their first steps, so those read no more are never met again. */
bs_status bs_schedule_place_buffers(bs_schedule *schedule)
{
    const bs_buffer **used;
    int n_used = 0;
    BS_TRY(bs_calloc(&used, (size_t)schedule->n_buffers, sizeof *used, "replay schedule"));
    for (int i = 0; i < schedule->n_buffers; i++) {
        bs_buffer *s = &schedule->buffers[i];
        int kept = 0;
        for (int j = 0; j < n_used; j++)
            if (used[j]->last >= s->first)
                used[kept++] = used[j];
        n_used = kept;
        size_t size = aligned(s), at = 0;
        for (int moved = 1; moved;) {
            moved = 0;
            for (int j = 0; j < n_used; j++)
                if (at < used[j]->offset + aligned(used[j]) && used[j]->offset < at + size) {
                    at = used[j]->offset + aligned(used[j]);
                    moved = 1;
                }
        }
        s->offset = at;
        if (at + size > schedule->row_bytes)
            schedule->row_bytes = at + size;
        used[n_used++] = s;
    }
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
