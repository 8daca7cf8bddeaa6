/* The queue of result batches from the workers to the writer. It is bounded: pushing waits while it is
 * full. */
#ifndef BS_CAMPAIGN_QUEUE_H
#define BS_CAMPAIGN_QUEUE_H

#include "store/result_batch.h"

typedef struct bs_queue bs_queue;

bs_status bs_queue_create(bs_queue **out, size_t capacity);
void bs_queue_free(bs_queue *q); /* also frees the batches still inside */
/* Appends a batch, and takes ownership of it (allocated by itself) in any case. Returns BS_STOPPED if the
 * queue is closed. */
bs_status bs_queue_push(bs_queue *q, bs_result_batch *b);
/* Removes the first batch; waits for one if necessary. Returns NULL if the queue is closed and empty. The
 * caller frees the batch. */
bs_result_batch *bs_queue_pop(bs_queue *q);
/* Ends all waiting; what is inside can still be popped. */
void bs_queue_close(bs_queue *q);

#endif
