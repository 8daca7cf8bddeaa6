#include "campaign/queue.h"

#include "base/buf.h"

#include <pthread.h>
#include <stdlib.h>

struct bs_queue {
    pthread_mutex_t lock;
    pthread_cond_t not_empty, not_full;
    bs_result_batch **ring;
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
        bs_result_batch_free(q->ring[(q->head + i) % q->capacity]);
    pthread_cond_destroy(&q->not_full);
    pthread_cond_destroy(&q->not_empty);
    pthread_mutex_destroy(&q->lock);
    free(q->ring);
    free(q);
}

bs_status bs_queue_push(bs_queue *q, bs_result_batch *b)
{
    pthread_mutex_lock(&q->lock);
    while (q->count == q->capacity && !q->closed)
        pthread_cond_wait(&q->not_full, &q->lock);
    bool closed = q->closed;
    if (!closed) {
        q->ring[(q->head + q->count++) % q->capacity] = b;
        pthread_cond_signal(&q->not_empty);
    }
    pthread_mutex_unlock(&q->lock);
    if (!closed)
        return BS_OK;
    bs_result_batch_free(b);
    return bs_fail(BS_STOPPED, "stopped: the writer takes no more rows");
}

bs_result_batch *bs_queue_pop(bs_queue *q)
{
    pthread_mutex_lock(&q->lock);
    while (q->count == 0 && !q->closed)
        pthread_cond_wait(&q->not_empty, &q->lock);
    bs_result_batch *b = NULL;
    if (q->count > 0) {
        b = q->ring[q->head];
        q->head = (q->head + 1) % q->capacity;
        q->count--;
        pthread_cond_signal(&q->not_full);
    }
    pthread_mutex_unlock(&q->lock);
    return b;
}

void bs_queue_close(bs_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->not_empty);
    pthread_cond_broadcast(&q->not_full);
    pthread_mutex_unlock(&q->lock);
}
