#include "campaign/work.h"

#include "base/buf.h"

#include <stdlib.h>

bs_status bs_work_init(bs_work *w, uint32_t n, int workers)
{
    w->n = n;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    return bs_calloc(&w->returned, (size_t)workers, sizeof *w->returned, "work");
}

void bs_work_clear(bs_work *w)
{
    free(w->returned);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
}

/* The caller holds the lock. */
static bool any(const bs_work *w)
{
    return !w->ended && (w->n_returned > 0 || w->next < w->n);
}

bool bs_work_take(bs_work *w, uint32_t *item)
{
    pthread_mutex_lock(&w->lock);
    bool found = any(w);
    if (found) {
        *item = w->n_returned > 0 ? w->returned[--w->n_returned] : w->next++;
        w->busy++;
    }
    pthread_mutex_unlock(&w->lock);
    return found;
}

bool bs_work_await(bs_work *w)
{
    pthread_mutex_lock(&w->lock);
    while (!any(w) && !w->ended && w->busy > 0)
        pthread_cond_wait(&w->changed, &w->lock);
    bool found = any(w);
    pthread_mutex_unlock(&w->lock);
    return found;
}

void bs_work_done(bs_work *w)
{
    pthread_mutex_lock(&w->lock);
    w->busy--;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

void bs_work_give_back(bs_work *w, uint32_t item)
{
    pthread_mutex_lock(&w->lock);
    w->returned[w->n_returned++] = item;
    w->busy--;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

void bs_work_end(bs_work *w)
{
    pthread_mutex_lock(&w->lock);
    w->ended = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}
