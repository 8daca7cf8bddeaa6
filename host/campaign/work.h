/* The work of a campaign, as items that workers take. An item whose worker cannot finish it is given back,
 * and another worker takes it; so workers that find nothing to take wait until nothing can come back. */
#ifndef BS_CAMPAIGN_WORK_H
#define BS_CAMPAIGN_WORK_H

#include "base/error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct bs_work {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint32_t next, n;   /* the items next to n - 1 have never been taken */
    uint32_t *returned; /* items given back: a stack, with room for one of each worker */
    int n_returned, busy;
    bool ended;
} bs_work;

/* n items for so many workers, each of which has at most one at a time. Zero-initialise before; clear with
 * bs_work_clear(), also after an error. */
bs_status bs_work_init(bs_work *w, uint32_t n, int workers);
void bs_work_clear(bs_work *w);
/* Takes an item; false: there is none now. */
bool bs_work_take(bs_work *w, uint32_t *item);
/* Waits until there is an item to take: true; or until there will never be one: false. */
bool bs_work_await(bs_work *w);
/* The item taken is done. */
void bs_work_done(bs_work *w);
/* The item taken is not done, and what was stored of it is known (bs_campaign_done()). */
void bs_work_give_back(bs_work *w, uint32_t item);
/* No item is taken any more: the campaign has failed or been stopped. */
void bs_work_end(bs_work *w);

#endif
