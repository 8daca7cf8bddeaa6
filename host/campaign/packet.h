/* Packets carry finished work from the workers to the writer: rows of whole repetitions with the ledger
 * entries that vouch for them, so that a packet stored is a packet complete. The queue is bounded; pushing
 * waits when the writer is behind. */
#ifndef BS_CAMPAIGN_PACKET_H
#define BS_CAMPAIGN_PACKET_H

#include "store/store.h"

typedef struct bs_packet {
    bs_row *rows;
    size_t n_rows, cap_rows;
    bs_unit *units;
    size_t n_units, cap_units;
    bs_golden_row *golden;
    size_t n_golden, cap_golden;
    bs_broken_row *broken;
    size_t n_broken, cap_broken;
    bs_audit_row *audits;
    size_t n_audits, cap_audits;
} bs_packet;

void bs_packet_free(bs_packet *p); /* and the packet itself */
bs_status bs_packet_add_row(bs_packet *p, const bs_row *row);
bs_status bs_packet_add_golden(bs_packet *p, const bs_golden_row *row);
bs_status bs_packet_add_broken(bs_packet *p, const bs_broken_row *row);
bs_status bs_packet_add_audit(bs_packet *p, const bs_audit_row *row);
/* Records that the unit now has `done` repetitions; a unit mentioned before moves on. */
bs_status bs_packet_add_unit(bs_packet *p, const bs_unit *unit);
/* Sorts rows by id, as the store wants them. */
void bs_packet_sort(bs_packet *p);

typedef struct bs_queue bs_queue;

bs_status bs_queue_create(bs_queue **out, size_t capacity);
void bs_queue_free(bs_queue *q); /* frees packets still inside */
/* Takes ownership of the packet in any case. BS_STOPPED once the queue is closed. */
bs_status bs_queue_push(bs_queue *q, bs_packet *p);
/* NULL when the queue is closed and empty. */
bs_packet *bs_queue_pop(bs_queue *q);
void bs_queue_close(bs_queue *q);

#endif
