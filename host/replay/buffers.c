/* Buffers of a schedule: their lifetimes, and where each lies in a trial's share of the arena. */
#include "base/buf.h"
#include "replay/schedule_builder.h"

int bs_schedule_add_buffer(bs_schedule_builder *b, int tensor, size_t row_bytes, int first)
{
    bs_buffer *s = &b->schedule->buffers[b->schedule->n_buffers];
    s->tensor = tensor;
    s->row_bytes = row_bytes;
    s->first = first;
    s->last = first;
    return b->schedule->n_buffers++;
}

/* Places buffers by first fit: two may share memory unless one is written while the other is still read. */
void bs_schedule_place_buffers(bs_schedule *schedule)
{
    for (int i = 0; i < schedule->n_buffers; i++) {
        bs_buffer *s = &schedule->buffers[i];
        /* Multiples of 64 bytes keep every buffer aligned, whatever the batch size. */
        size_t size = (s->row_bytes + 63) / 64 * 64;
        size_t at = 0;
        for (int moved = 1; moved;) {
            moved = 0;
            for (int j = 0; j < i; j++) {
                const bs_buffer *o = &schedule->buffers[j];
                size_t o_size = (o->row_bytes + 63) / 64 * 64;
                bool together = o->last >= s->first && s->last >= o->first;
                if (together && at < o->offset + o_size && o->offset < at + size) {
                    at = o->offset + o_size;
                    moved = 1;
                }
            }
        }
        s->offset = at;
        if (at + size > schedule->row_bytes)
            schedule->row_bytes = at + size;
    }
}

/* A buffer is live after a step if a later one reads it. */
bs_status bs_schedule_find_live_sets(bs_schedule *schedule)
{
    size_t total = 0;
    for (int i = 0; i < schedule->n_buffers; i++)
        total += (size_t)(schedule->buffers[i].last -
                          (schedule->buffers[i].first < 0 ? 0 : schedule->buffers[i].first));
    BS_TRY(bs_calloc(&schedule->live_sets, total, sizeof(int), "replay schedule"));
    int *next = schedule->live_sets;
    for (int i = 0; i < schedule->n_steps; i++) {
        bs_step *s = &schedule->steps[i];
        s->live = next;
        for (int j = 0; j < schedule->n_buffers; j++)
            if (schedule->buffers[j].first <= i && schedule->buffers[j].last > i)
                s->live[s->n_live++] = j;
        next += s->n_live;
    }
    return BS_OK;
}
