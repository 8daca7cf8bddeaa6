/* Slots of a route: live tensors, their lifetimes, and where each lies in a trial's share of the arena. */
#include "base/buf.h"
#include "replay/builder.h"

int bs_route_add_slot(bs_route_builder *b, int tensor, size_t row_bytes, int first)
{
    bs_slot *s = &b->r->slots[b->r->n_slots];
    s->tensor = tensor;
    s->row_bytes = row_bytes;
    s->first = first;
    s->last = first;
    return b->r->n_slots++;
}

/* First fit by lifetime: two slots may share memory unless one is written while the other is still read. */
void bs_route_place_slots(bs_route *r)
{
    for (int i = 0; i < r->n_slots; i++) {
        bs_slot *s = &r->slots[i];
        /* Multiples of 64 bytes keep every region aligned, whatever the batch size. */
        size_t size = (s->row_bytes + 63) / 64 * 64;
        size_t at = 0;
        for (int moved = 1; moved;) {
            moved = 0;
            for (int j = 0; j < i; j++) {
                const bs_slot *o = &r->slots[j];
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

/* Slots that are still read after each step. */
bs_status bs_route_find_frontiers(bs_route *r)
{
    size_t total = 0;
    for (int i = 0; i < r->n_slots; i++)
        total += (size_t)(r->slots[i].last - (r->slots[i].first < 0 ? 0 : r->slots[i].first));
    BS_TRY(bs_calloc(&r->frontiers, total, sizeof(int), "replay route"));
    int *next = r->frontiers;
    for (int i = 0; i < r->n_steps; i++) {
        bs_step *s = &r->steps[i];
        s->frontier = next;
        for (int j = 0; j < r->n_slots; j++)
            if (r->slots[j].first <= i && r->slots[j].last > i)
                s->frontier[s->n_frontier++] = j;
        next += s->n_frontier;
    }
    return BS_OK;
}
