#include "campaign/work.h"

#include "base/buf.h"

#include <stdlib.h>

/* Parts that a tile must have left for another worker to help: with one, its own worker is about to take it,
 * and has the golden runs. */
enum { WORTH_HELP = 2 };

bs_status bs_work_init(bs_work *w, uint32_t n_tiles, uint32_t n_parts, int workers)
{
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    w->n_tiles = n_tiles;
    w->n_parts = n_parts;
    BS_TRY(bs_calloc(&w->tile, n_tiles, sizeof *w->tile, "work"));
    BS_TRY(bs_calloc(&w->taken, (size_t)n_tiles * n_parts, sizeof *w->taken, "work"));
    BS_TRY(bs_calloc(&w->worker, (size_t)workers, sizeof *w->worker, "work"));
    for (uint32_t t = 0; t < n_tiles; t++)
        w->tile[t].left = n_parts;
    return BS_OK;
}

void bs_work_clear(bs_work *w)
{
    free(w->tile);
    free(w->taken);
    free(w->worker);
    if (w->n_parts > 0) {
        pthread_cond_destroy(&w->changed);
        pthread_mutex_destroy(&w->lock);
    }
}

/* Finds the tile of which a worker takes a part next. The caller holds the lock. */
static bool find(const bs_work *w, int worker, uint32_t *tile)
{
    const bs_work_place *p = &w->worker[worker];
    uint32_t most = WORTH_HELP - 1;
    bool found = false;
    if (w->ended)
        return false;
    *tile = p->tile;
    if (p->has_tile && w->tile[p->tile].left > 0)
        return true;
    for (uint32_t t = w->first; t < w->n_tiles; t++) {
        uint32_t left = w->tile[t].left;
        bool alone = left > 0 && w->tile[t].workers == 0;
        if (alone || left > most) {
            *tile = t;
            most = left;
            found = true;
        }
        if (alone)
            break;
    }
    return found;
}

static void leave_tile(bs_work *w, bs_work_place *p)
{
    if (p->has_tile)
        w->tile[p->tile].workers--;
    p->has_tile = false;
}

/* Takes the first part that is left. The caller holds the lock. */
static void take(bs_work *w, bs_work_place *p, uint32_t tile)
{
    bool *taken = &w->taken[(size_t)tile * w->n_parts];
    leave_tile(w, p);
    *p = (bs_work_place){.has_tile = true, .busy = true, .tile = tile};
    while (taken[p->part])
        p->part++;
    taken[p->part] = true;
    w->tile[tile].left--;
    w->tile[tile].workers++;
    while (w->first < w->n_tiles && w->tile[w->first].left == 0)
        w->first++;
}

bool bs_work_take(bs_work *w, int worker, uint32_t *tile, uint32_t *part)
{
    pthread_mutex_lock(&w->lock);
    bool found = find(w, worker, tile);
    if (found) {
        take(w, &w->worker[worker], *tile);
        *part = w->worker[worker].part;
    }
    pthread_mutex_unlock(&w->lock);
    return found;
}

bool bs_work_await(bs_work *w, int worker)
{
    uint32_t tile;
    pthread_mutex_lock(&w->lock);
    bool found = find(w, worker, &tile);
    while (!found && !w->ended && w->n_done < w->n_tiles) {
        pthread_cond_wait(&w->changed, &w->lock);
        found = find(w, worker, &tile);
    }
    pthread_mutex_unlock(&w->lock);
    return found;
}

bool bs_work_done(bs_work *w, int worker)
{
    pthread_mutex_lock(&w->lock);
    bs_work_place *p = &w->worker[worker];
    p->busy = false;
    bool all = ++w->tile[p->tile].done == w->n_parts;
    w->n_done += all;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    return all;
}

void bs_work_leave(bs_work *w, int worker)
{
    pthread_mutex_lock(&w->lock);
    bs_work_place *p = &w->worker[worker];
    if (p->busy) {
        w->taken[(size_t)p->tile * w->n_parts + p->part] = false;
        w->tile[p->tile].left++;
        w->first = p->tile < w->first ? p->tile : w->first;
        p->busy = false;
    }
    leave_tile(w, p);
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
