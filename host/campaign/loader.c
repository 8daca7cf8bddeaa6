#include "campaign/loader.h"

#include "base/buf.h"
#include "base/resources.h"

#include <pthread.h>
#include <stdlib.h>

/* Tiles of each worker that may be in memory: one that it computes on, and two ahead. And the share of the
 * free memory that they may take. */
enum { TILES_OF_WORKER = 3, SHARE_OF_MEMORY = 8 };

struct bs_loader {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const bs_input *input;
    bool decodes; /* the backend wants pixels */
    const uint32_t *image;
    uint32_t n, tile;
    uint32_t next;      /* the first that no thread has begun */
    uint32_t wanted;    /* those before this are loaded whatever memory there is */
    bs_loaded **loaded; /* by number in the list; NULL: not loaded, or released */
    size_t bytes;       /* of a loaded image */
    size_t held, most;  /* bytes of all; threads go on while they stay below */
    uint64_t decoded;
    bool closed;
    bs_error error; /* the first; nothing is begun after it */
    pthread_t *thread;
    int n_threads;
};

static bs_status load(const bs_loader *l, size_t i, bs_loaded **out)
{
    BS_TRY(bs_calloc(out, 1, l->bytes, "images"));
    bs_loaded *x = *out;
    x->bytes = l->bytes - sizeof *x;
    if (!l->decodes) {
        x->values[0] = (float)i;
        return BS_OK;
    }
    bs_status st = bs_input_decode(l->input, i, x->values, x->sha256, &x->broken);
    if (x->broken) {
        bs_error_save(&x->error);
        return BS_OK;
    }
    if (st != BS_OK)
        free(x);
    return st;
}

/* The caller of this and the next function holds the lock. */
static bool may_begin(const bs_loader *l)
{
    return !l->closed && l->error.status == BS_OK && l->next < l->n &&
           (l->next < l->wanted || l->held + l->bytes <= l->most);
}

static void load_next(bs_loader *l)
{
    bs_loaded *x = NULL;
    uint32_t k = l->next++;
    l->held += l->bytes;
    pthread_mutex_unlock(&l->lock);
    bs_status st = load(l, l->image[k], &x);
    pthread_mutex_lock(&l->lock);
    l->decoded += l->decodes && st == BS_OK;
    if (st == BS_OK) {
        l->loaded[k] = x;
    } else {
        l->held -= l->bytes;
        if (l->error.status == BS_OK)
            bs_error_save(&l->error);
    }
    pthread_cond_broadcast(&l->changed);
}

static void *load_ahead(void *arg)
{
    bs_loader *l = arg;
    pthread_mutex_lock(&l->lock);
    while (!l->closed && l->error.status == BS_OK && l->next < l->n)
        if (may_begin(l))
            load_next(l);
        else
            pthread_cond_wait(&l->changed, &l->lock);
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* Returns how many threads suit the engine and the number of images. */
static int suitable_threads(const bs_loader *l, const bs_engine *e)
{
    int n = e->info.memory ? bs_resources_cores() - e->threads : 1;
    if (!l->decodes)
        return 0;
    n = n > 1 ? n : 1;
    return (uint32_t)n < l->n ? n : (int)l->n;
}

static bs_status start(bs_loader *l, int threads)
{
    BS_TRY(bs_calloc(&l->thread, (size_t)threads, sizeof *l->thread, "threads"));
    while (l->n_threads < threads && pthread_create(&l->thread[l->n_threads], NULL, load_ahead, l) == 0)
        l->n_threads++;
    return BS_OK;
}

bs_status bs_loader_open(bs_loader **out, const bs_input *input, const bs_engine *engine,
                         const uint32_t *image, uint32_t n, uint32_t tile)
{
    BS_TRY(bs_calloc(out, 1, sizeof **out, "images"));
    bs_loader *l = *out;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, NULL);
    l->input = input;
    l->decodes = engine->backend->needs_pixels;
    l->image = image;
    l->n = n;
    l->tile = tile;
    l->bytes = sizeof(bs_loaded) +
               sizeof(float) * (l->decodes ? (size_t)input->graph->tensors[input->graph->input].elements : 1);
    size_t room = bs_resources_memory() / SHARE_OF_MEMORY;
    l->most = l->bytes * tile * (size_t)engine->threads * TILES_OF_WORKER;
    l->most = l->most < room ? l->most : room;
    BS_TRY(bs_calloc(&l->loaded, n, sizeof(bs_loaded *), "images"));
    return start(l, suitable_threads(l, engine));
}

void bs_loader_close(bs_loader *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->closed = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    for (int i = 0; i < l->n_threads; i++)
        pthread_join(l->thread[i], NULL);
    for (uint32_t k = 0; l->loaded && k < l->n; k++)
        free(l->loaded[k]);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l->thread);
    free(l->loaded);
    free(l);
}

bs_status bs_loader_get(bs_loader *l, uint32_t k, const bs_loaded **out)
{
    uint32_t end = k - k % l->tile + l->tile;
    pthread_mutex_lock(&l->lock);
    if (end > l->wanted) {
        l->wanted = end;
        pthread_cond_broadcast(&l->changed);
    }
    while (!l->loaded[k] && l->error.status == BS_OK)
        if (may_begin(l))
            load_next(l);
        else
            pthread_cond_wait(&l->changed, &l->lock);
    *out = l->loaded[k];
    pthread_mutex_unlock(&l->lock);
    return *out ? BS_OK : bs_error_restore(&l->error);
}

void bs_loader_release(bs_loader *l, uint32_t tile)
{
    pthread_mutex_lock(&l->lock);
    for (uint32_t k = tile * l->tile; k < l->n && k / l->tile == tile; k++) {
        l->held -= l->loaded[k] ? l->bytes : 0;
        free(l->loaded[k]);
        l->loaded[k] = NULL;
    }
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

uint64_t bs_loader_decoded(bs_loader *l)
{
    pthread_mutex_lock(&l->lock);
    uint64_t n = l->decoded;
    pthread_mutex_unlock(&l->lock);
    return n;
}
