#include "campaign/packet.h"

#include "base/buf.h"

#include <pthread.h>
#include <stdlib.h>

void bs_packet_free(bs_packet *p)
{
    if (!p)
        return;
    free(p->rows);
    free(p->units);
    free(p->golden);
    free(p->broken);
    free(p->audits);
    free(p);
}

bs_status bs_packet_add_row(bs_packet *p, const bs_row *row)
{
    BS_TRY(bs_grow(&p->rows, &p->cap_rows, p->n_rows + 1, sizeof *p->rows, "trial rows"));
    p->rows[p->n_rows++] = *row;
    return BS_OK;
}

bs_status bs_packet_add_golden(bs_packet *p, const bs_golden_row *row)
{
    BS_TRY(bs_grow(&p->golden, &p->cap_golden, p->n_golden + 1, sizeof *p->golden, "golden rows"));
    p->golden[p->n_golden++] = *row;
    return BS_OK;
}

bs_status bs_packet_add_broken(bs_packet *p, const bs_broken_row *row)
{
    BS_TRY(bs_grow(&p->broken, &p->cap_broken, p->n_broken + 1, sizeof *p->broken, "broken images"));
    p->broken[p->n_broken++] = *row;
    return BS_OK;
}

bs_status bs_packet_add_audit(bs_packet *p, const bs_audit_row *row)
{
    BS_TRY(bs_grow(&p->audits, &p->cap_audits, p->n_audits + 1, sizeof *p->audits, "audits"));
    p->audits[p->n_audits++] = *row;
    return BS_OK;
}

bs_status bs_packet_add_unit(bs_packet *p, const bs_unit *unit)
{
    /* Repetitions of a unit follow closely: parameter faults go around a tile's images, no further. */
    for (size_t back = 1; back <= 32 && back <= p->n_units; back++) {
        bs_unit *u = &p->units[p->n_units - back];
        if (u->entry == unit->entry && u->target == unit->target && u->image == unit->image) {
            u->done = unit->done;
            return BS_OK;
        }
    }
    BS_TRY(bs_grow(&p->units, &p->cap_units, p->n_units + 1, sizeof *p->units, "ledger"));
    p->units[p->n_units++] = *unit;
    return BS_OK;
}

static int by_id(const void *a, const void *b)
{
    uint64_t x = ((const bs_row *)a)->id, y = ((const bs_row *)b)->id;
    return (x > y) - (x < y);
}

void bs_packet_sort(bs_packet *p)
{
    for (size_t i = 1; i < p->n_rows; i++)
        if (p->rows[i].id < p->rows[i - 1].id) {
            qsort(p->rows, p->n_rows, sizeof *p->rows, by_id);
            return;
        }
}

struct bs_queue {
    pthread_mutex_t lock;
    pthread_cond_t not_empty, not_full;
    bs_packet **ring;
    size_t capacity, head, count;
    bool closed;
};

bs_status bs_queue_create(bs_queue **out, size_t capacity)
{
    BS_TRY(bs_calloc(out, 1, sizeof **out, "queue"));
    bs_queue *q = *out;
    bs_status st = bs_calloc(&q->ring, capacity, sizeof *q->ring, "queue");
    if (st != BS_OK) {
        free(q);
        *out = NULL;
        return st;
    }
    q->capacity = capacity;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->not_empty, NULL);
    pthread_cond_init(&q->not_full, NULL);
    return BS_OK;
}

void bs_queue_free(bs_queue *q)
{
    if (!q)
        return;
    for (size_t i = 0; i < q->count; i++)
        bs_packet_free(q->ring[(q->head + i) % q->capacity]);
    pthread_cond_destroy(&q->not_full);
    pthread_cond_destroy(&q->not_empty);
    pthread_mutex_destroy(&q->lock);
    free(q->ring);
    free(q);
}

bs_status bs_queue_push(bs_queue *q, bs_packet *p)
{
    pthread_mutex_lock(&q->lock);
    while (q->count == q->capacity && !q->closed)
        pthread_cond_wait(&q->not_full, &q->lock);
    bool closed = q->closed;
    if (!closed) {
        q->ring[(q->head + q->count++) % q->capacity] = p;
        pthread_cond_signal(&q->not_empty);
    }
    pthread_mutex_unlock(&q->lock);
    if (!closed)
        return BS_OK;
    bs_packet_free(p);
    return bs_fail(BS_STOPPED, "stopped: the writer takes no more rows");
}

bs_packet *bs_queue_pop(bs_queue *q)
{
    pthread_mutex_lock(&q->lock);
    while (q->count == 0 && !q->closed)
        pthread_cond_wait(&q->not_empty, &q->lock);
    bs_packet *p = NULL;
    if (q->count > 0) {
        p = q->ring[q->head];
        q->head = (q->head + 1) % q->capacity;
        q->count--;
        pthread_cond_signal(&q->not_full);
    }
    pthread_mutex_unlock(&q->lock);
    return p;
}

void bs_queue_close(bs_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->not_empty);
    pthread_cond_broadcast(&q->not_full);
    pthread_mutex_unlock(&q->lock);
}
