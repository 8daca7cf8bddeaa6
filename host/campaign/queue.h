/* The way of result batches from the workers to the writer. Bounded: pushing waits when the writer is behind.
 */
#ifndef BS_CAMPAIGN_QUEUE_H
#define BS_CAMPAIGN_QUEUE_H

#include "store/result_batch.h"

typedef struct bs_queue bs_queue;

bs_status bs_queue_create(bs_queue **out, size_t capacity);
void bs_queue_free(bs_queue *q); /* frees batches still inside */
/* Takes ownership of the batch (allocated by itself) in any case. BS_STOPPED once the queue is closed. */
bs_status bs_queue_push(bs_queue *q, bs_result_batch *b);
/* NULL when the queue is closed and empty. The caller frees the batch. */
bs_result_batch *bs_queue_pop(bs_queue *q);
void bs_queue_close(bs_queue *q);

#endif
