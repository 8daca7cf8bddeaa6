/* Buffers of a schedule: live tensors, their lifetimes, and where each lies in a trial's share of the arena.
 */
#include "base/buf.h"
#include "replay/schedule_builder.h"

int bs_schedule_add_buffer(bs_schedule_builder *b, int tensor, size_t row_bytes, int first)
{
    bs_buffer *s = &b->r->buffers[b->r->n_buffers];
    s->tensor = tensor;
    s->row_bytes = row_bytes;
    s->first = first;
    s->last = first;
    return b->r->n_buffers++;
}

/* First fit by lifetime: two buffers may share memory unless one is written while the other is still read. */
void bs_schedule_place_buffers(bs_schedule *r)
{
    for (int i = 0; i < r->n_buffers; i++) {
        bs_buffer *s = &r->buffers[i];
        /* Multiples of 64 bytes keep every region aligned, whatever the batch size. */
        size_t size = (s->row_bytes + 63) / 64 * 64;
        size_t at = 0;
        for (int moved = 1; moved;) {
            moved = 0;
            for (int j = 0; j < i; j++) {
                const bs_buffer *o = &r->buffers[j];
                size_t o_size = (o->row_bytes + 63) / 64 * 64;
                bool together = o->last >= s->first && s->last >= o->first;
                if (together && at < o->offset + o_size && o->offset < at + size) {
                    at = o->offset + o_size;
                    moved = 1;
                }
            }
        }
        s->offset = at;
        if (at + size > r->row_bytes)
            r->row_bytes = at + size;
    }
}

/* Buffers that are still read after each step. */
bs_status bs_schedule_find_live_sets(bs_schedule *r)
{
    size_t total = 0;
    for (int i = 0; i < r->n_buffers; i++)
        total += (size_t)(r->buffers[i].last - (r->buffers[i].first < 0 ? 0 : r->buffers[i].first));
    BS_TRY(bs_calloc(&r->live_sets, total, sizeof(int), "replay schedule"));
    int *next = r->live_sets;
    for (int i = 0; i < r->n_steps; i++) {
        bs_step *s = &r->steps[i];
        s->live = next;
        for (int j = 0; j < r->n_buffers; j++)
            if (r->buffers[j].first <= i && r->buffers[j].last > i)
                s->live[s->n_live++] = j;
        next += s->n_live;
    }
    return BS_OK;
}
